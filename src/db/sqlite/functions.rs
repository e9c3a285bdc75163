//! SQL functions that every connection has and statements may use:
//!
//! * `tidegate_lower(x)`: lower case by Unicode, letter by letter, so that a
//!   part of a text stays a part of it; numbers by their text.
//! * `tidegate_instant(x)`: any stored date and time as
//!   `YYYY-MM-DDTHH:MM:SS.ffffff` in UTC; text without a zone is taken as it is.
//! * `tidegate_wall(x)`: the same, as a text shows it, whatever its zone.
//! * `tidegate_date(x)`: `YYYY-MM-DD` and `tidegate_time(x)`:
//!   `HH:MM:SS.ffffff`, both as a text shows them, whatever its zone.
//!
//! `NULL`, and what cannot be read, is `NULL`.

use rusqlite::{
    Connection, Result,
    functions::{Context, FunctionFlags},
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{number, temporal};
use crate::value::{json, time};

/// Makes the functions known to a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    // Innocuous: a view of the database may use them, too.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"tidegate_lower", 1, flags, lower)?;
    connection.create_scalar_function(c"tidegate_instant", 1, flags, |context| Ok(instant(context.get_raw(0))))?;
    connection.create_scalar_function(c"tidegate_wall", 1, flags, |context| Ok(wall(context.get_raw(0))))?;
    connection.create_scalar_function(c"tidegate_date", 1, flags, |context| Ok(date(context.get_raw(0))))?;
    connection.create_scalar_function(c"tidegate_time", 1, flags, |context| Ok(time_of_day(context.get_raw(0))))
}

fn lower(context: &Context<'_>) -> Result<ToSqlOutput<'static>> {
    let mut text = Vec::new();
    match context.get_raw(0) {
        ValueRef::Null => return Ok(ToSqlOutput::Owned(Value::Null)),
        ValueRef::Integer(_) => return Ok(ToSqlOutput::Arg(0)),
        ValueRef::Real(real) => {
            if !number::write_real(&mut text, real) {
                text.extend_from_slice(if real < 0.0 { b"-inf" } else { b"inf" });
            }
        }
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => lower_into(&mut text, bytes),
    }
    // Only whole characters were written.
    Ok(ToSqlOutput::Owned(Value::Text(String::from_utf8_lossy(&text).into_owned())))
}

fn lower_into(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_ascii() {
        out.extend(bytes.iter().map(u8::to_ascii_lowercase));
        return;
    }
    // Not `str::to_lowercase`, which writes a sigma by its neighbours.
    let lowered = String::from_utf8_lossy(bytes).chars().flat_map(char::to_lowercase).collect::<String>();
    out.extend_from_slice(lowered.as_bytes());
}

fn instant(value: ValueRef<'_>) -> Option<String> {
    datetime(temporal::read(value)?.epoch_micros()?)
}

fn wall(value: ValueRef<'_>) -> Option<String> {
    datetime(temporal::read(value)?.local_micros()?)
}

fn datetime(micros: i64) -> Option<String> {
    let mut out = Vec::with_capacity(26);
    time::write_datetime(&mut out, micros).then_some(())?;
    write_fraction(&mut out, micros);
    String::from_utf8(out).ok()
}

fn date(value: ValueRef<'_>) -> Option<String> {
    let mut out = Vec::with_capacity(10);
    time::write_date(&mut out, temporal::read(value)?.days?).then_some(())?;
    String::from_utf8(out).ok()
}

fn time_of_day(value: ValueRef<'_>) -> Option<String> {
    let micros = temporal::read(value)?.micros?;
    let mut out = Vec::with_capacity(15);
    time::write_time(&mut out, micros);
    write_fraction(&mut out, micros);
    String::from_utf8(out).ok()
}

/// Appends `.ffffff`.
fn write_fraction(out: &mut Vec<u8>, micros: i64) {
    out.push(b'.');
    let from = out.len();
    json::write_int(out, 1_000_000 + micros.rem_euclid(1_000_000));
    out.remove(from);
}
