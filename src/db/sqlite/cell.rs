//! One cell as JSON: what is really stored, read as the declared type means it.
//!
//! SQLite stores any kind of value in any column, so each type says here which
//! kinds it can read; everything else is an error, never a guess.

use std::str;

use rusqlite::types::ValueRef;
use serde::de::IgnoredAny;

use super::{
    super::{CellError, Form},
    number, temporal,
};
use crate::{
    catalog::ColumnType,
    value::{json, time},
};

type Written = Result<(), CellError>;

/// Appends a cell; after an error `out` is as it was.
pub(super) fn write_json(value: ValueRef<'_>, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Written {
    let start = out.len();
    let written = match (value, form) {
        (ValueRef::Null, _) => {
            out.extend_from_slice(b"null");
            Ok(())
        }
        (_, Form::Id) => write_id(value, column_type, out),
        (_, Form::Field | Form::Raw) => write_field(value, column_type, form, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write_field(value: ValueRef<'_>, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Written {
    match column_type {
        ColumnType::Integer => write_integer(value, form, out),
        ColumnType::BigInteger => write_big_integer(value, form, out),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => write_number(value, out),
        ColumnType::Boolean => write_boolean(value, out),
        ColumnType::Text | ColumnType::Other => write_text(value, out),
        ColumnType::Uuid => write_uuid(value, out),
        ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Date | ColumnType::Time => {
            write_temporal(value, column_type, out)
        }
        ColumnType::Json | ColumnType::Geometry | ColumnType::Array(_) => write_document(value, out),
        ColumnType::Csv => match value {
            ValueRef::Text(text) => {
                json::write_csv(out, str::from_utf8(text).map_err(|_| not_utf8())?);
                Ok(())
            }
            other => write_text(other, out),
        },
        ColumnType::Binary => write_binary(value, out),
    }
}

/// An `ID` is a string whatever the column holds, and every text is one.
fn write_id(value: ValueRef<'_>, column_type: &ColumnType, out: &mut Vec<u8>) -> Written {
    match column_type {
        ColumnType::Integer | ColumnType::BigInteger => match number::integer(value) {
            Some(number) => {
                quoted(out, |out| json::write_int(out, number));
                Ok(())
            }
            None => write_text(value, out),
        },
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => {
            out.push(b'"');
            write_number(value, out)?;
            out.push(b'"');
            Ok(())
        }
        ColumnType::Boolean => {
            out.push(b'"');
            write_boolean(value, out)?;
            out.push(b'"');
            Ok(())
        }
        ColumnType::Json | ColumnType::Csv | ColumnType::Geometry | ColumnType::Array(_) => write_text(value, out),
        ColumnType::Text
        | ColumnType::Other
        | ColumnType::Uuid
        | ColumnType::Timestamp
        | ColumnType::DateTime
        | ColumnType::Date
        | ColumnType::Time
        | ColumnType::Binary => write_field(value, column_type, Form::Field, out),
    }
}

fn write_integer(value: ValueRef<'_>, form: Form, out: &mut Vec<u8>) -> Written {
    let number = number::integer(value).ok_or_else(|| unreadable(value, "Int"))?;
    if form == Form::Field && i32::try_from(number).is_err() {
        return Err(CellError(format!("{number} is beyond the 32 bits of Int")));
    }
    json::write_int(out, number);
    Ok(())
}

fn write_big_integer(value: ValueRef<'_>, form: Form, out: &mut Vec<u8>) -> Written {
    let number = number::integer(value).ok_or_else(|| unreadable(value, "a 64-bit integer"))?;
    if number == 0 || form == Form::Raw {
        json::write_int(out, number);
    } else {
        quoted(out, |out| json::write_int(out, number));
    }
    Ok(())
}

fn write_number(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    let written = match value {
        ValueRef::Integer(number) => {
            json::write_int(out, number);
            true
        }
        ValueRef::Real(number) => json::write_double(out, number),
        ValueRef::Text(text) => str::from_utf8(text).is_ok_and(|text| write_number_text(text, out)),
        ValueRef::Null | ValueRef::Blob(_) => false,
    };
    written.then_some(()).ok_or_else(|| unreadable(value, "Float"))
}

/// A decimal, also with an exponent, digit by digit.
fn write_number_text(text: &str, out: &mut Vec<u8>) -> bool {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return json::write_decimal(out, text);
    };
    let Ok(exponent) = exponent.parse::<i32>() else {
        return false;
    };
    if !json::write_decimal(out, digits) {
        return false;
    }
    out.push(b'e');
    json::write_int(out, exponent.into());
    true
}

fn write_boolean(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    let truth = match value {
        ValueRef::Integer(number) => number != 0,
        ValueRef::Real(number) => number != 0.0,
        ValueRef::Text(text) if is_one_of(text, [b"true", b"t", b"1"]) => true,
        ValueRef::Text(text) if is_one_of(text, [b"false", b"f", b"0"]) => false,
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => return Err(unreadable(value, "Boolean")),
    };
    out.extend_from_slice(if truth { b"true" } else { b"false" });
    Ok(())
}

fn is_one_of(text: &[u8], words: [&[u8]; 3]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn write_text(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    match value {
        ValueRef::Text(text) => {
            let text = str::from_utf8(text).map_err(|_| not_utf8())?;
            json::write_string(out, text);
        }
        ValueRef::Integer(number) => quoted(out, |out| json::write_int(out, number)),
        ValueRef::Real(real) => {
            out.push(b'"');
            if !number::write_real(out, real) {
                return Err(unreadable(value, "String"));
            }
            out.push(b'"');
        }
        ValueRef::Null | ValueRef::Blob(_) => return Err(unreadable(value, "String")),
    }
    Ok(())
}

fn write_uuid(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    let ValueRef::Blob(blob) = value else {
        return write_text(value, out);
    };
    let bytes = <[u8; 16]>::try_from(blob).map_err(|_| unreadable(value, "a UUID"))?;
    let mut room = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = uuid::Uuid::from_bytes(bytes).as_hyphenated().encode_lower(&mut room);
    json::write_string(out, text);
    Ok(())
}

fn write_temporal(value: ValueRef<'_>, column_type: &ColumnType, out: &mut Vec<u8>) -> Written {
    out.push(b'"');
    let written = temporal::read(value).and_then(|moment| match column_type {
        ColumnType::Timestamp => moment.epoch_micros().map(|micros| time::write_timestamp(out, micros)),
        ColumnType::Date => moment.days.map(|days| time::write_date(out, days)),
        ColumnType::Time => moment.micros.map(|micros| {
            time::write_time(out, micros);
            true
        }),
        _ => moment.local_micros().map(|micros| time::write_datetime(out, micros)),
    });
    if written != Some(true) {
        return Err(unreadable(value, temporal_label(column_type)));
    }
    out.push(b'"');
    Ok(())
}

fn temporal_label(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Date => "a date",
        ColumnType::Time => "a time of day",
        _ => "a date and time",
    }
}

fn write_document(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    match value {
        ValueRef::Text(text) => {
            let text = str::from_utf8(text).map_err(|_| not_utf8())?;
            serde_json::from_str::<IgnoredAny>(text)
                .map_err(|error| CellError(format!("the text stored here is not valid JSON: {error}")))?;
            out.extend_from_slice(text.trim_ascii().as_bytes());
            Ok(())
        }
        ValueRef::Integer(number) => {
            json::write_int(out, number);
            Ok(())
        }
        ValueRef::Real(number) if json::write_double(out, number) => Ok(()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Err(unreadable(value, "JSON")),
    }
}

fn write_binary(value: ValueRef<'_>, out: &mut Vec<u8>) -> Written {
    let (ValueRef::Blob(bytes) | ValueRef::Text(bytes)) = value else {
        return Err(unreadable(value, "binary data"));
    };
    json::write_base64(out, bytes);
    Ok(())
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

#[cold]
fn not_utf8() -> CellError {
    CellError("the text stored here is not valid UTF-8".to_owned())
}

/// Names the value, so that whoever reads the message finds the row.
#[cold]
fn unreadable(value: ValueRef<'_>, target: &str) -> CellError {
    const SHOWN: usize = 40;
    CellError(match value {
        ValueRef::Null => format!("NULL cannot be read as {target}"),
        ValueRef::Integer(number) => format!("{number} is stored as an integer and cannot be read as {target}"),
        ValueRef::Real(number) => format!("{number} is stored as a real number and cannot be read as {target}"),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let shown = text.chars().take(SHOWN).collect::<String>();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("`{shown}{more}` is stored as text and cannot be read as {target}")
        }
        ValueRef::Blob(blob) => format!("{} bytes are stored as a blob and cannot be read as {target}", blob.len()),
    })
}
