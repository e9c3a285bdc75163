//! Deleted rows.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::{
    super::heard::Verb,
    cascade::Reached,
    group::Found,
    update::{Missing, distinct},
    work::Session,
};
use crate::{
    catalog::Table,
    engine::Error,
    events::{Change, RowImage},
    hooks::Meta,
    plan::write::{Fault, RowKey, forbidden, key_json, row_key},
    predicate::Predicate,
    sql,
};

impl Session {
    /// Deletes rows by their keys.
    pub(super) async fn delete(&self, table: &Table, keys: Vec<RowKey>, missing: Missing) -> Result<(), Error> {
        let rows = self.caller.access.delete(table.id).ok_or_else(|| forbidden(table))?.rows();
        self.count(keys.len())?;
        if keys.is_empty() {
            return Ok(());
        }
        let keys = distinct(keys);
        let keys = match self.filtered(table, Verb::Delete) {
            None => keys,
            Some(heard) => {
                let payload = keys.iter().map(|key| key_json(key)).collect();
                let filtered = distinct(filtered_keys(table, self.filter(heard, table, payload, None).await?)?);
                self.count(filtered.len().saturating_sub(keys.len()))?;
                filtered
            }
        };
        let told = self.told(table, Verb::Delete).map(|heard| (heard, self.slot()));
        self.release(table, &keys).await?;
        let (images, reached) = self.remove(table, &keys, &rows, missing).await?;
        if missing == Missing::Refuse && images.len() < keys.len() {
            return Err(Error::Forbidden(None));
        }
        // Those asked for, in that order, then those that are spelled otherwise
        // but the same for the database.
        let mut seen = HashSet::new();
        let asked = keys.iter().filter_map(|key| images.get(key));
        let deleted = asked.chain(images.rows()).filter(|image| seen.insert(image.row_key(table)));
        let deleted: Vec<RowImage> = deleted.cloned().collect();
        self.changed(table, deleted.into_iter().map(|image| Change::deleted(table, image)));
        self.has_reached(reached).await?;
        self.cascades(table);
        if let Some((heard, slot)) = told {
            let keys: Json = keys.iter().map(|key| key_json(key)).collect();
            self.tell(slot, heard, table, Meta::new().with("payload", keys.clone()).with("keys", keys));
        }
        Ok(())
    }

    /// The rows that were there and are gone, and what that has reached.
    async fn remove(
        &self,
        table: &Table,
        keys: &[RowKey],
        rows: &Predicate,
        missing: Missing,
    ) -> Result<(Found, Reached), Error> {
        if keys.is_empty() {
            return Ok(Default::default());
        }
        let returns = self.catalog().inserts_return;
        let reaches_on = self.reaches_on(table);
        if returns && rows.is_always() && !reaches_on {
            let mut found = Found::default();
            for keys in self.chunks(table, keys) {
                let command = sql::write::delete(self.catalog(), table.id, keys)?;
                found.add(table, &table.key, self.run(table, &command).await?);
            }
            return Ok((found, Reached::default()));
        }
        let found = self.locate(table, &table.key, keys, rows, true).await?;
        let there: Vec<RowKey> = found.rows().map(|image| image.row_key(table)).collect();
        if missing == Missing::Refuse && there.len() < keys.len() {
            // Before the database says what else is in the way.
            return Err(Error::Forbidden(None));
        }
        let reached = match reaches_on {
            true => self.reached(table, found.rows().cloned().collect()).await?,
            false => Reached::default(),
        };
        for there in self.chunks(table, &there) {
            let command = sql::write::delete(self.catalog(), table.id, there)?;
            // Fewer come back than were found where one goes with another.
            self.run(table, &command).await?;
        }
        Ok((found, reached))
    }
}

/// The keys that filters left.
fn filtered_keys(table: &Table, json: Json) -> Result<Vec<RowKey>, Error> {
    let Json::Array(keys) = json else {
        return Err(Fault::Payload("the keys of items to delete are a list".to_owned()).into());
    };
    Ok(keys.iter().map(|key| row_key(table, key)).collect::<Result<_, _>>()?)
}
