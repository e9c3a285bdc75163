//! Reads that hooks have a say in: the query before, the records after. Where
//! nobody listens, none of this is done.

use serde_json::Value as Json;

use super::{
    Asked, Caller, Engine, Error, Root, RootKind, Variables, encode,
    levels::{self, Filled, Source},
};
use crate::{catalog::TableId, hooks::Meta};

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

    /// Runs a root field and lets filters change its records.
    pub(super) async fn read_told(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        root: &Root,
        variables: &Variables,
    ) -> Result<Filled, Error> {
        let filled = levels::run_root(source, root, variables).await?;
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
