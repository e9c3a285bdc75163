//! Runs one statement on a connection: prepared once, bound, read to its end.

use rusqlite::{
    Connection, Statement,
    types::{ToSqlOutput, ValueRef},
};

use super::rows::Rows;
use crate::value::{Value, json};

/// Runs a reading statement.
pub(super) fn run(connection: &Connection, text: &str, parameters: &[Value]) -> Result<Rows, rusqlite::Error> {
    let mut statement = connection.prepare_cached(text)?;
    let expected = statement.parameter_count();
    if expected != parameters.len() {
        return Err(rusqlite::Error::InvalidParameterCount(parameters.len(), expected));
    }
    for (at, parameter) in parameters.iter().enumerate() {
        bind(&mut statement, at + 1, parameter)?;
    }
    let columns = statement.column_count();
    Rows::read(columns, &mut statement.raw_query())
}

fn bind(statement: &mut Statement<'_>, position: usize, value: &Value) -> Result<(), rusqlite::Error> {
    let list;
    let value = match value {
        Value::Null => ValueRef::Null,
        Value::Bool(truth) => ValueRef::Integer((*truth).into()),
        Value::Int(number) => ValueRef::Integer(*number),
        Value::Float(number) => ValueRef::Real(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
        Value::Ints(numbers) => {
            list = array(numbers, |out, number| json::write_int(out, *number));
            ValueRef::Text(&list)
        }
        Value::Texts(texts) => {
            list = array(texts, |out, text| json::write_string(out, text));
            ValueRef::Text(&list)
        }
    };
    statement.raw_bind_parameter(position, ToSqlOutput::Borrowed(value))
}

/// SQLite has no arrays: a list travels as JSON, for `json_each`.
fn array<T>(items: &[T], write: impl Fn(&mut Vec<u8>, &T)) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + items.len() * 12);
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(&mut out, item);
    }
    out.push(b']');
    out
}
