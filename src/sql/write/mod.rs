//! Writes as SQL: one statement for all rows of a level that are written
//! alike, each giving back the rows as they then are, where the database can.
//!
//! What is given back is a row's *image*: all columns of the table in their
//! order, each as it is selected.

mod delete;
mod insert;
mod locate;
mod update;
mod value;

pub use self::{
    delete::delete,
    insert::{insert, raise_sequence},
    locate::{indistinct, locate, matching, numbered},
    update::{Change, assign, update},
};

use std::sync::Arc;

use super::{
    expression::selected,
    writer::{Alias, Writer},
};
use crate::{plan::Error, predicate::Operand, value::Value};

/// A statement that writes, with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The text.
    pub text: Arc<str>,
    /// The values of each run. SQLite runs one prepared statement once for each
    /// row; elsewhere there is one run for all rows.
    pub runs: Vec<Vec<Value>>,
    /// How many rows it writes.
    pub rows: usize,
}

impl Command {
    fn once(text: impl Into<Arc<str>>, values: Vec<Value>, rows: usize) -> Self {
        Self { text: text.into(), runs: vec![values], rows }
    }
}

/// MySQL: the first key that the last `INSERT` made up, and the step to the next.
pub const LAST_INSERT_ID: &str = "SELECT LAST_INSERT_ID(), @@auto_increment_increment";

/// All columns of a table, as they are selected.
fn image(w: &mut Writer<'_>, alias: Alias) -> Result<(), Error> {
    for (at, column) in w.catalog.table(alias.table).columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        selected(w, alias, &Operand::Column(column.id))?;
    }
    Ok(())
}

/// The same, named `c0`, `c1` and so on.
fn named_image(w: &mut Writer<'_>, alias: Alias) -> Result<(), Error> {
    for (at, column) in w.catalog.table(alias.table).columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        selected(w, alias, &Operand::Column(column.id))?;
        w.push(" AS c");
        w.number(at as i64);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
