//! The rows of one statement, cells by position, as they came over the wire.

use sqlx::{Column as _, Decode, Row as _, mysql::MySqlRow};

use super::{
    super::{CellError, Form, RawColumn},
    encode::{self, Wire},
    types,
};
use crate::{catalog::ColumnType, value::Key};

/// What the driver keeps for a cell besides its bytes: where they are.
const CELL: usize = 24;

/// Complete rows.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<MySqlRow>,
    /// How each column is laid out; empty without a row.
    wires: Box<[Wire]>,
}

impl Rows {
    pub(super) fn new(rows: Vec<MySqlRow>) -> Self {
        let columns = rows.first().map(MySqlRow::columns).unwrap_or_default();
        let wires = columns.iter().map(|column| Wire::of(column.type_info())).collect();
        Self { rows, wires }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a cell is `NULL`.
    pub(crate) fn is_null(&self, row: usize, column: usize) -> bool {
        self.cell(row, column).is_none()
    }

    /// Appends a cell as JSON; on an error nothing was appended.
    pub(crate) fn write_json(
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
        encode::write_json(self.wires[column], bytes, column_type, form, out)
    }

    /// A cell as part of a key; `None` for `NULL`.
    pub(crate) fn key(&self, row: usize, column: usize, column_type: &ColumnType) -> Option<Key> {
        let bytes = self.cell(row, column)?;
        Some(encode::key(self.wires[column], bytes, column_type))
    }

    /// The columns, from the types that the server sent.
    pub(crate) fn columns(&self) -> Vec<RawColumn> {
        let columns = self.rows.first().map(MySqlRow::columns).unwrap_or_default();
        let named = columns.iter().map(|column| RawColumn {
            name: column.name().to_owned(),
            column_type: types::of_result(column.type_info()),
        });
        named.collect()
    }

    /// Whether two cells came over the wire alike.
    pub(crate) fn same_cell(
        &self,
        row: usize,
        column: usize,
        other: &Self,
        other_row: usize,
        other_column: usize,
    ) -> bool {
        match (self.cell(row, column), other.cell(other_row, other_column)) {
            (Some(one), Some(another)) => self.wires[column] == other.wires[other_column] && one == another,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// About how much memory a row takes.
    pub(crate) fn bytes(&self, row: usize) -> usize {
        let cells = (0..self.wires.len()).map(|column| self.cell(row, column).map_or(0, <[u8]>::len) + CELL);
        size_of::<MySqlRow>() + cells.sum::<usize>()
    }

    /// The bytes of a cell as they came. The driver's own `is_null` is not
    /// asked, because it takes `0000-00-00` for `NULL`.
    fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        let value = self.rows[row].try_get_raw(column).expect("cells are asked for as the statement selects them");
        // `NULL` is the only error that there is.
        <&[u8] as Decode<'_, sqlx::MySql>>::decode(value).ok()
    }
}
