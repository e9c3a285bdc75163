//! Whether somebody may do something with a row, asked beforehand.

use serde_json::Value as Json;

use super::{Caller, Engine, Error};
use crate::{
    catalog::Table,
    permissions::Right,
    plan::write::row_key,
    predicate::{Bindings, Predicate},
    sql,
};

impl Engine {
    /// Whether a right is about the row of a key. Without a rule there is nothing
    /// that the row must be.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn may(&self, caller: &Caller, table: &Table, right: Right<'_>, key: &Json) -> Result<bool, Error> {
        let rows: Predicate = right.rows();
        if rows.is_always() {
            return Ok(true);
        }
        // A malformed key is no row's.
        let Ok(key) = row_key(table, key) else { return Ok(false) };
        let bindings = Bindings { caller: &caller.principal, ..Bindings::at(self.clock.now_micros()) };
        let bound = sql::write::locate(&self.catalog, table.id, &table.key, &[key], &rows, &bindings, false)?;
        let found = self.database.fetch(&bound.text, &bound.values).await;
        Ok(!found.map_err(|error| Error::from_database(error, &bound.text))?.is_empty())
    }
}
