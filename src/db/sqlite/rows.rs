//! The rows of one statement in one arena: a cell is a number or a range of
//! one buffer that holds all texts and blobs.

use std::sync::Arc;

use rusqlite::{Statement, types::ValueRef};

use super::{
    super::{CellError, Form, RawColumn},
    cell, error, number,
};
use crate::{
    catalog::ColumnType,
    value::{Key, Value},
};

/// Rows, complete; see the head of this file.
#[derive(Debug)]
pub(in super::super) struct Rows {
    columns: usize,
    /// The columns' names, each closed by a NUL, once there is a row.
    names: String,
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Range),
    Blob(Range),
}

/// Where in the buffer; 32 bits keep a cell at sixteen bytes.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u32,
    length: u32,
}

impl Rows {
    /// No rows of a statement with so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, names: String::new(), cells: Vec::new(), bytes: Vec::new() }
    }

    /// Copies all rows out of a running statement.
    pub(super) fn append(&mut self, rows: &mut rusqlite::Rows<'_>) -> Result<(), rusqlite::Error> {
        while let Some(row) = rows.next()? {
            if self.cells.is_empty() {
                self.name_columns(row.as_ref());
            }
            for column in 0..self.columns {
                let cell = self.keep(row.get_ref(column)?)?;
                self.cells.push(cell);
            }
        }
        Ok(())
    }

    fn name_columns(&mut self, statement: &Statement<'_>) {
        for name in statement.column_names() {
            self.names.push_str(name);
            self.names.push('\0');
        }
    }

    fn keep(&mut self, value: ValueRef<'_>) -> Result<Cell, rusqlite::Error> {
        Ok(match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(self.keep_bytes(text)?),
            ValueRef::Blob(blob) => Cell::Blob(self.keep_bytes(blob)?),
        })
    }

    fn keep_bytes(&mut self, bytes: &[u8]) -> Result<Range, rusqlite::Error> {
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(bytes.len())) else {
            return Err(error::too_large());
        };
        self.bytes.extend_from_slice(bytes);
        Ok(Range { start, length })
    }

    fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        match self.cells[row * self.columns + column] {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(number),
            Cell::Real(number) => ValueRef::Real(number),
            Cell::Text(range) => ValueRef::Text(self.bytes_of(range)),
            Cell::Blob(range) => ValueRef::Blob(self.bytes_of(range)),
        }
    }

    fn bytes_of(&self, range: Range) -> &[u8] {
        let start = range.start as usize;
        &self.bytes[start..start + range.length as usize]
    }

    pub(in super::super) fn len(&self) -> usize {
        // A statement without columns has no rows either.
        self.cells.len() / self.columns.max(1)
    }

    pub(in super::super) fn is_null(&self, row: usize, column: usize) -> bool {
        matches!(self.cells[row * self.columns + column], Cell::Null)
    }

    pub(in super::super) fn write_json(
        &self,
        row: usize,
        column: usize,
        column_type: &ColumnType,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Result<(), CellError> {
        cell::write_json(self.value(row, column), column_type, form, out)
    }

    pub(in super::super) fn key(&self, row: usize, column: usize, column_type: &ColumnType) -> Option<Key> {
        let value = self.value(row, column);
        Some(match value {
            ValueRef::Null => return None,
            ValueRef::Integer(number) => Key::Int(number),
            ValueRef::Real(real) => real_key(real, column_type),
            ValueRef::Text(text) => match number::integer(value).filter(|_| column_type.is_integer()) {
                Some(number) => Key::Int(number),
                // Text that is not UTF-8 equals no text that a client can send.
                None => {
                    std::str::from_utf8(text).map_or_else(|_| Key::Bytes(text.into()), |text| Key::Text(text.into()))
                }
            },
            ValueRef::Blob(blob) => Key::Bytes(blob.into()),
        })
    }

    /// A cell as it is stored. Text that is not UTF-8 equals no text that a
    /// client can send, and counts as binary.
    pub(in super::super) fn stored(&self, row: usize, column: usize) -> Value {
        match self.value(row, column) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Real(real) => Value::Float(real),
            ValueRef::Text(text) => {
                std::str::from_utf8(text).map_or_else(|_| Value::Bytes(text.into()), |text| Value::Text(text.into()))
            }
            ValueRef::Blob(blob) => Value::Bytes(blob.into()),
        }
    }

    /// The columns, by what is stored in the first row that holds something.
    pub(in super::super) fn columns(&self) -> Vec<RawColumn> {
        let named = self.names.split_terminator('\0').enumerate();
        named.map(|(at, name)| RawColumn { name: name.to_owned(), column_type: self.stored_type(at) }).collect()
    }

    fn stored_type(&self, column: usize) -> ColumnType {
        let stored = self.cells.iter().skip(column).step_by(self.columns);
        match stored.copied().find(|cell| !matches!(cell, Cell::Null)) {
            Some(Cell::Integer(_)) => ColumnType::BigInteger,
            Some(Cell::Real(_)) => ColumnType::Double,
            Some(Cell::Text(_)) => ColumnType::Text,
            Some(Cell::Blob(_)) => ColumnType::Binary,
            Some(Cell::Null) | None => ColumnType::Other,
        }
    }

    /// Whether two cells are stored alike.
    pub(in super::super) fn same_cell(
        &self,
        row: usize,
        column: usize,
        other: &Self,
        other_row: usize,
        other_column: usize,
    ) -> bool {
        self.value(row, column) == other.value(other_row, other_column)
    }

    /// About how much memory a row takes.
    pub(in super::super) fn bytes(&self, row: usize) -> usize {
        let cells = self.cells[row * self.columns..].iter().take(self.columns);
        let cells = cells.map(|cell| match cell {
            Cell::Text(range) | Cell::Blob(range) => range.length as usize + size_of::<Cell>(),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) => size_of::<Cell>(),
        });
        cells.sum()
    }
}

/// SQLite finds 5.0 equal to 5, so a foreign key may join the two.
fn real_key(real: f64, column_type: &ColumnType) -> Key {
    if let Some(number) = number::integral(real).filter(|_| column_type.is_numeric()) {
        return Key::Int(number);
    }
    let mut text = Vec::with_capacity(24);
    if !number::write_real(&mut text, real) {
        text.extend_from_slice(if real < 0.0 { b"-Inf" } else { b"Inf" });
    }
    Key::Text(Arc::from(String::from_utf8_lossy(&text)))
}
