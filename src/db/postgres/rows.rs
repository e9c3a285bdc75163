//! Rows as the server sent them, with one decoder per column.

use std::fmt;

use sqlx::{Column as _, Row as _, ValueRef as _, postgres::PgRow};

use super::{
    super::{CellError, Form, RawColumn},
    encode::{self, Decoder},
    key,
};
use crate::{catalog::ColumnType, value::Key};

/// What the driver keeps for a cell besides its bytes: their length as it
/// came, and where they are.
const CELL: usize = 16;

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

    /// The columns, from the types that the server sent.
    pub(in crate::db) fn columns(&self) -> Vec<RawColumn> {
        let columns = self.rows.first().map(|row| row.columns()).unwrap_or_default();
        let named = columns.iter().map(|column| RawColumn {
            name: column.name().to_owned(),
            column_type: encode::column_type(column.type_info().oid().map_or(0, |oid| oid.0)),
        });
        named.collect()
    }

    /// Whether two cells came over the wire alike.
    pub(in crate::db) fn same_cell(
        &self,
        row: usize,
        column: usize,
        other: &Self,
        other_row: usize,
        other_column: usize,
    ) -> bool {
        match (self.cell(row, column), other.cell(other_row, other_column)) {
            (Some(one), Some(another)) => self.decoders[column] == other.decoders[other_column] && one == another,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// About how much memory a row takes.
    pub(in crate::db) fn bytes(&self, row: usize) -> usize {
        let cells = (0..self.decoders.len()).map(|column| self.cell(row, column).map_or(0, <[u8]>::len) + CELL);
        size_of::<PgRow>() + cells.sum::<usize>()
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
