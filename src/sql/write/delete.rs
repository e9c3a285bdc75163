//! Rows that go.

use super::{Command, image, locate};
use crate::{
    catalog::{Catalog, TableId},
    plan::Error,
    sql::writer::Writer,
    value::Key,
};

/// Deletes rows by their keys; their images come back in any order, unless
/// [`Catalog::inserts_return`] says that nothing does.
///
/// # Errors
/// When a key cannot be used.
pub fn delete(catalog: &Catalog, table: TableId, keys: &[Vec<Key>]) -> Result<Command, Error> {
    let mut w = Writer::new(catalog);
    w.push("DELETE FROM ");
    w.table_name(table);
    w.push(" WHERE ");
    w.bare();
    let alias = w.alias(table);
    locate::keyed(&mut w, alias, &catalog.table(table).key, keys)?;
    if catalog.inserts_return {
        w.push(" RETURNING ");
        image(&mut w, alias)?;
    }
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, keys.len()))
}
