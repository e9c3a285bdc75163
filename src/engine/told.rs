//! Reads that hooks have a say in: the query before, the records after. Where
//! nobody listens, none of this is done.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{
    Asked, Caller, Engine, Error, Root, RootKind, Variables, encode,
    levels::{self, Filled, Source},
};
use crate::{
    catalog::{Dialect, TableId},
    hooks::Meta,
};

impl Engine {
    fn read_names(&self, table: TableId, verb: &str) -> [String; 2] {
        let collection = &self.catalog.table(table).collection;
        [format!("items.{verb}"), format!("{collection}.items.{verb}")]
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
        let names = self.read_names(asked.table, "query");
        if !self.hooks.has_filter(&[&names[0], &names[1]]) {
            return Ok(None);
        }
        let query = asked.query(&variables.values);
        let meta = Meta::new().with("collection", self.catalog.table(asked.table).collection.as_str());
        let context = self.context(caller);
        let filtered = self.hooks.filter(&[&names[0], &names[1]], query.clone(), meta, &context).await?;
        Ok((filtered != query).then_some(filtered))
    }

    /// Lets filters word anew what the database reported.
    pub(super) async fn reworded(&self, caller: &Caller, error: Error) -> Error {
        const EVENT: &str = "database.error";
        if !error.is_the_databases() || !self.hooks.has_filter(&[EVENT]) {
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
        match self.hooks.filter(&[EVENT], payload, meta, &self.context(caller)).await {
            Ok(Json::Object(mut told)) => {
                let mut extensions = match told.remove("extensions") {
                    Some(Json::Object(extensions)) => extensions,
                    _ => Map::new(),
                };
                let code = extensions.remove("code").and_then(|code| Some(code.as_str()?.into()));
                let message = told.get("message").and_then(Json::as_str);
                match (code, message) {
                    (Some(code), Some(message)) => {
                        Error::Refused { code, message: message.to_owned(), extensions: Arc::new(extensions) }
                    }
                    _ => error,
                }
            }
            Ok(_) => error,
            Err(failure) => failure.into(),
        }
    }

    /// Runs a root field and lets filters change its records.
    pub(super) async fn read_told(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        root: &Root,
        variables: &Variables,
    ) -> Result<Filled, Error> {
        let filled = match levels::run_root(source, root, variables).await {
            Ok(filled) => filled,
            Err(error) => return Err(self.reworded(caller, error).await),
        };
        let Some(asked) = &root.asked else { return Ok(filled) };
        let names = self.read_names(asked.table, "read");
        let names = [names[0].as_str(), names[1].as_str()];
        let (filtered, told) = (self.hooks.has_filter(&names), self.hooks.has_action(&names));
        if !filtered && !told {
            return Ok(filled);
        }
        let written = encode::alone(root, filled);
        let Some(text) = written.text() else { return Ok(Filled::Written(written)) };
        let json: Json = serde_json::from_slice(text).map_err(|error| {
            tracing::error!(%error, "records that were read are no JSON");
            Error::Internal
        })?;
        let single = matches!(root.kind, RootKind::Key(_));
        let records = if single { Json::Array(vec![json]) } else { json };
        let collection = self.catalog.table(asked.table).collection.as_str();
        let meta = Meta::new().with("collection", collection).with("query", asked.query(&variables.values));
        let context = self.context(caller);
        let records = match filtered {
            true => self.hooks.filter(&names, records, meta.clone(), &context).await?,
            false => records,
        };
        if told {
            let meta = meta.with("payload", records.clone());
            self.hooks.act(names.map(str::to_owned).to_vec(), meta, context).await;
        }
        let shown = match (single, records) {
            (true, Json::Array(mut records)) if !records.is_empty() => records.swap_remove(0),
            (true, _) => Json::Null,
            (false, records) => records,
        };
        Ok(Filled::Written(written.with_text(shown.to_string().into_bytes())))
    }
}
