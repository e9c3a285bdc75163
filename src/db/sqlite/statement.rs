//! Runs one statement on a connection: prepared once, bound, stepped to its end.

use rusqlite::{
    Connection, Statement,
    types::{ToSqlOutput, ValueRef},
};

use super::rows::Rows;
use crate::value::{Value, json};

/// Runs a statement once for each set of parameters; all rows.
pub(super) fn fetch(connection: &Connection, text: &str, runs: &[Vec<Value>]) -> Result<Rows, rusqlite::Error> {
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = Rows::new(statement.column_count());
    for parameters in runs {
        bind_all(&mut statement, parameters)?;
        rows.append(&mut statement.raw_query())?;
    }
    Ok(rows)
}

/// Runs a statement, whatever it returns; how many rows it affected.
pub(super) fn execute(connection: &Connection, text: &str, parameters: &[Value]) -> Result<u64, rusqlite::Error> {
    let mut statement = connection.prepare_cached(text)?;
    bind_all(&mut statement, parameters)?;
    let before = connection.total_changes();
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    // What changes no row leaves the count of the statement before.
    Ok(if connection.total_changes() == before { 0 } else { connection.changes() })
}

fn bind_all(statement: &mut Statement<'_>, parameters: &[Value]) -> Result<(), rusqlite::Error> {
    let expected = statement.parameter_count();
    if expected != parameters.len() {
        return Err(rusqlite::Error::InvalidParameterCount(parameters.len(), expected));
    }
    for (at, parameter) in parameters.iter().enumerate() {
        bind(statement, at + 1, parameter)?;
    }
    Ok(())
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
        Value::Column(cells) => {
            list = array(cells, |out, cell| match cell {
                Some(text) => json::write_string(out, text),
                None => out.extend_from_slice(b"null"),
            });
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
