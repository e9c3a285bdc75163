//! Whether somebody may do something with a row, asked beforehand.

use serde_json::Value as Json;

use super::{Caller, Engine, Error};
use crate::{catalog::Table, permissions::Right, plan::write::row_key, predicate::Bindings, sql};

impl Engine {
    /// Whether a right is about the row of a key; about one that is not there it never
    /// is.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn allows_row(
        &self,
        caller: &Caller,
        table: &Table,
        right: Right<'_>,
        key: &Json,
    ) -> Result<bool, Error> {
        // A malformed key is no row's.
        let Ok(key) = row_key(table, key) else { return Ok(false) };
        let bindings = Bindings { caller: &caller.principal, ..Bindings::at(self.clock.now_micros()) };
        let rows = right.rows();
        let bound = sql::write::locate(&self.catalog, table.id, &table.key, &[key], &rows, &bindings, false)?;
        let found = self.database.fetch(&bound.text, &bound.values).await;
        Ok(!found.map_err(|error| Error::from_database(error, &bound.text))?.is_empty())
    }
}
