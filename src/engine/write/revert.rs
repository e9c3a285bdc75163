//! Putting back what a revision has kept of an item, as an update like any other
//! (contract `system-tables.md` 9).

use futures_util::future::FutureExt as _;
use serde_json::{Map, Value as Json};

use super::{
    accountability::LONGEST_KEY,
    update::{Alteration, Missing},
};
use crate::{
    catalog::Table,
    engine::{Caller, Engine, Error},
    hooks::MutationOptions,
    plan::write::{Fault, Payload, row_key},
};

impl Engine {
    /// Puts a revision back.
    ///
    /// # Errors
    /// `FORBIDDEN` for a revision that the caller may not read and an item that they
    /// may not change so, `INVALID_PAYLOAD` for one that has kept nothing, or not all of
    /// the item's key.
    pub async fn revert(&self, caller: &Caller, revision: &Json) -> Result<(), Error> {
        let revisions = self.context_of(caller).items("directus_revisions");
        let kept = revisions.read_one(revision.clone()).await?;
        let text = |name: &str| kept.get(name).and_then(Json::as_str).ok_or(Error::Forbidden(None));
        let catalog = self.catalog.clone();
        let table = catalog.table(self.written(caller, text("collection")?)?);
        let item = text("item")?;
        if item.chars().count() >= LONGEST_KEY {
            return Err(Fault::Payload("the revision has not kept the item's whole key".to_owned()).into());
        }
        let key = row_key(table, &Json::from(item))?;
        let payload = match kept.get("data") {
            Some(Json::Object(data)) => restorable(table, data),
            Some(_) => return Err(Fault::Payload("the revision has kept no values".to_owned()).into()),
            None => return Err(Error::Forbidden(None)),
        };
        let (context, options) = (self.context(caller), MutationOptions::default());
        let done = self.in_transaction(caller, &options, &context, |session| {
            let alteration = Alteration { keys: vec![key.clone()], payload: payload.clone() };
            async move { session.update(table, vec![alteration], Missing::Refuse).await.map(drop) }.boxed()
        });
        match done.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reworded(caller, error).await),
        }
    }
}

/// The values that can be put back: of fields that are still there, without what
/// the database and the gateway write themselves and what was not kept.
fn restorable(table: &Table, data: &Map<String, Json>) -> Payload {
    let is_restorable = |name: &str| {
        let column = table.field(name).and_then(|field| table.field_column(field)).map(|id| table.column(id));
        column.is_some_and(|column| {
            let is_own = column.generated || column.auto_increment || column.specials.stamps();
            !is_own && !column.is_concealed() && !table.key.contains(&column.id)
        })
    };
    data.iter().filter(|(name, _)| is_restorable(name)).map(|(name, json)| (name.clone(), json.clone())).collect()
}
