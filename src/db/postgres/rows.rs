//! Rows as the server sent them, with one decoder per column.

use std::fmt;

use sqlx::{Column as _, Row as _, ValueRef as _, postgres::PgRow};

use super::{
    super::{CellError, Form},
    encode::{self, Decoder},
    key,
};
use crate::{catalog::ColumnType, value::Key};

/// Rows of one statement.
pub(in crate::db) struct Rows {
    rows: Vec<PgRow>,
    decoders: Box<[Decoder]>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Cells are somebody's data.
        f.debug_struct("Rows").field("len", &self.rows.len()).field("decoders", &self.decoders).finish()
    }
}

impl Rows {
    /// Looks up the columns' decoders, once.
    pub(super) fn new(rows: Vec<PgRow>) -> Self {
        let columns = rows.first().map(|row| row.columns()).unwrap_or_default();
        let decoders = columns.iter().map(|column| Decoder::of(column.type_info().oid().map_or(0, |oid| oid.0)));
        Self { decoders: decoders.collect(), rows }
    }

    /// Number of rows.
    pub(in crate::db) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a cell is `NULL`.
    pub(in crate::db) fn is_null(&self, row: usize, column: usize) -> bool {
        self.cell(row, column).is_none()
    }

    /// Appends a cell as JSON; after an error `out` is as it was.
    #[inline]
    pub(in crate::db) fn write_json(
        &self,
        row: usize,
        column: usize,
        column_type: &ColumnType,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Result<(), CellError> {
        let Some(bytes) = self.cell(row, column) else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        let from = out.len();
        encode::write(self.decoders[column], bytes, column_type, form, out).inspect_err(|_| out.truncate(from))
    }

    /// A cell as part of a key.
    pub(in crate::db) fn key(&self, row: usize, column: usize, column_type: &ColumnType) -> Option<Key> {
        let bytes = self.cell(row, column)?;
        Some(key::of(self.decoders[column], bytes, column_type))
    }

    /// The rows themselves, for the driver's own statements.
    pub(super) fn into_inner(self) -> Vec<PgRow> {
        self.rows
    }

    #[inline]
    fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        let value = self.rows[row].try_get_raw(column).expect("a column's position is that in the statement");
        if value.is_null() {
            return None;
        }
        Some(value.as_bytes().expect("it is not NULL"))
    }
}
