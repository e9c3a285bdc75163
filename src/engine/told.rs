//! Reads that hooks have a say in: the query before, the records after. Where
//! nobody listens, none of this is done.

use serde_json::{Map, Value as Json, json};

use super::{
    Asked, Caller, Engine, Error, Root, RootKind, Variables, WriteAnswer, encode,
    heard::{DATABASE_ERROR, Heard, Verb},
    levels::{self, Filled, Source},
};
use crate::{
    catalog::{Dialect, Table},
    hooks::{self, Context, Meta},
};

impl Engine {
    /// Whether filters have a say in what one of some root fields asks.
    pub fn filters_queries(&self, roots: &[Root]) -> bool {
        let is_filtered = |asked: &Asked| self.listeners.filtered(asked.table, Verb::Query).is_some();
        roots.iter().any(|root| root.asked.as_deref().is_some_and(is_filtered))
    }

    /// Lets filters change what is asked of a collection; `None` if it stays.
    ///
    /// # Errors
    /// When a filter refuses or is broken.
    pub async fn filter_query(
        &self,
        caller: &Caller,
        asked: &Asked,
        variables: &Variables,
    ) -> Result<Option<Json>, Error> {
        let Some(heard) = self.listeners.filtered(asked.table, Verb::Query) else { return Ok(None) };
        let query = asked.query(&variables.values);
        let table = self.catalog.table(asked.table);
        let filtered = self.filtered_query(heard, table, query.clone(), &self.context(caller)).await?;
        Ok((filtered != query).then_some(filtered))
    }

    pub(super) async fn filtered_query(
        &self,
        heard: &Heard,
        table: &Table,
        query: Json,
        context: &Context,
    ) -> Result<Json, Error> {
        let meta = Meta::new().with("collection", table.collection.as_str());
        Ok(self.hooks.filter(&heard.names(), query, meta, context).await?)
    }

    /// Lets filters change a list of records, then tells of it.
    pub(super) async fn filtered_records(
        &self,
        heard: &Heard,
        table: &Table,
        query: Json,
        records: Json,
        context: Context,
    ) -> Result<Vec<Json>, Error> {
        let meta = Meta::new().with("collection", table.collection.as_str()).with("query", query);
        let records = match heard.filtered {
            true => self.hooks.filter(&heard.names(), records, meta.clone(), &context).await?,
            false => records,
        };
        let Json::Array(records) = records else {
            tracing::error!(
                event = heard.names().last().copied(),
                "a hook made of the records that were read what is no list"
            );
            return Err(Error::Internal);
        };
        if heard.told {
            let meta = meta.with("payload", records.clone());
            self.hooks.act(heard.owned_names(), meta, context).await;
        }
        Ok(records)
    }

    /// Lets filters word anew what the database reported.
    pub(super) async fn reworded(&self, caller: &Caller, error: Error) -> Error {
        if !self.listeners.database_errors || !error.is_the_databases() {
            return error;
        }
        let client = match self.catalog.dialect {
            Dialect::Postgres => "postgres",
            Dialect::MySql => "mysql",
            Dialect::Sqlite => "sqlite",
        };
        let mut extensions = error.details();
        extensions.insert("code".to_owned(), error.code().as_str().into());
        let payload = json!({ "message": error.to_string(), "extensions": extensions });
        let meta = Meta::new().with("client", client);
        match self.hooks.filter(&[DATABASE_ERROR], payload, meta, &self.context(caller)).await {
            Ok(told) => spoken(told, error.status()).map_or(error, Error::from),
            Err(failure) => failure.into(),
        }
    }

    /// Whether hooks have a say in what one of some root fields reads.
    pub(super) fn are_told(&self, roots: &[Root]) -> bool {
        let is_told = |asked: &Asked| self.listeners.heard(asked.table, Verb::Read).is_some();
        self.listeners.database_errors || roots.iter().any(|root| root.asked.as_deref().is_some_and(is_told))
    }

    /// Runs a root field and lets hooks have their say.
    pub(super) async fn read_told(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        root: &Root,
        variables: &Variables,
    ) -> Result<Filled, Error> {
        match levels::run_root(source, root, variables).await {
            Ok(filled) => self.told(caller, root, filled, variables).await,
            Err(error) => Err(self.reworded(caller, error).await),
        }
    }

    /// Lets hooks have their say in what a root field shows.
    pub(super) async fn told(
        &self,
        caller: &Caller,
        root: &Root,
        filled: Filled,
        variables: &Variables,
    ) -> Result<Filled, Error> {
        let Some(asked) = &root.asked else { return Ok(filled) };
        let Some(heard) = self.listeners.heard(asked.table, Verb::Read) else { return Ok(filled) };
        let written = encode::alone(root, filled, self.options.max_answer);
        let Some(text) = written.text() else { return Ok(Filled::Written(written)) };
        let json: Json = serde_json::from_slice(text).map_err(|error| {
            tracing::error!(%error, "records that were read are no JSON");
            Error::Internal
        })?;
        let is_single = match &root.kind {
            RootKind::Key(_) | RootKind::Single(_) => true,
            RootKind::Write(write) => matches!(write.answer, WriteAnswer::Row(_)),
            _ => false,
        };
        let records = if is_single { Json::Array(vec![json]) } else { json };
        let (table, query) = (self.catalog.table(asked.table), asked.query(&variables.values));
        let records = self.filtered_records(heard, table, query, records, self.context(caller)).await?;
        let shown = match is_single {
            true => records.into_iter().next().unwrap_or_default(),
            false => Json::Array(records),
        };
        Ok(Filled::Written(written.with_text(shown.to_string().into_bytes())))
    }
}

/// An error as a filter has worded it, if it is one.
fn spoken(told: Json, status: u16) -> Option<hooks::Error> {
    let Json::Object(mut told) = told else { return None };
    let mut extensions = match told.remove("extensions") {
        Some(Json::Object(extensions)) => extensions,
        _ => Map::new(),
    };
    let code = extensions.remove("code")?;
    let mut error = hooks::Error::new(code.as_str()?, status, told.get("message")?.as_str()?);
    *error.extensions = extensions;
    Some(error)
}
