//! The rows of one statement, cells by position, as they came over the wire.

use sqlx::{Column as _, Decode, Row as _, mysql::MySqlRow};

use super::{
    super::{CellError, Form},
    encode::{self, Wire},
};
use crate::{catalog::ColumnType, value::Key};

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
        self.bytes(row, column).is_none()
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
        let Some(bytes) = self.bytes(row, column) else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        encode::write_json(self.wires[column], bytes, column_type, form, out)
    }

    /// A cell as part of a key; `None` for `NULL`.
    pub(crate) fn key(&self, row: usize, column: usize, column_type: &ColumnType) -> Option<Key> {
        let bytes = self.bytes(row, column)?;
        Some(encode::key(self.wires[column], bytes, column_type))
    }

    /// The bytes of a cell as they came. The driver's own `is_null` is not
    /// asked, because it takes `0000-00-00` for `NULL`.
    fn bytes(&self, row: usize, column: usize) -> Option<&[u8]> {
        let value = self.rows[row].try_get_raw(column).expect("cells are asked for as the statement selects them");
        // `NULL` is the only error that there is.
        <&[u8] as Decode<'_, sqlx::MySql>>::decode(value).ok()
    }
}
