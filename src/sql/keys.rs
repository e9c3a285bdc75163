//! Lists as each database takes them: arrays, or JSON for SQLite.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    catalog::Dialect,
    predicate::Target,
    value::{Key, Value, json as text},
};

/// A list of values as one parameter; not for MySQL, which has none.
pub(super) fn list(dialect: Dialect, values: Vec<Value>, target: &Target) -> Value {
    if dialect == Dialect::Sqlite {
        return json_list(&values);
    }
    if matches!(target, Target::Integer(_)) {
        let integers = values.iter().map(|value| match value {
            Value::Int(number) => Some(*number),
            _ => None,
        });
        if let Some(integers) = integers.collect::<Option<Vec<i64>>>() {
            return Value::Ints(integers.into());
        }
    }
    let text = |value: &Value| match value {
        Value::Bytes(bytes) => format!("\\x{}", hexadecimal(bytes)).into(),
        other => as_text(other),
    };
    Value::Texts(values.iter().map(text).collect())
}

/// Keys as a JSON list of their values, or of lists of their parts.
pub(super) fn json(keys: &[Vec<Key>]) -> Value {
    let mut out = vec![b'['];
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match key.as_slice() {
            [single] => write_json(&mut out, &single.to_value()),
            parts => {
                out.push(b'[');
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_json(&mut out, &part.to_value());
                }
                out.push(b']');
            }
        }
    }
    out.push(b']');
    json_text(out)
}

/// Rows as a JSON list of lists of their values; blobs as `{"x": digits}`, since
/// JSON has none.
pub(super) fn rows_json(rows: &[Vec<Value>]) -> Value {
    let mut out = vec![b'['];
    for (at, row) in rows.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match value {
                Value::Null => out.extend_from_slice(b"null"),
                // Beyond all doubles there is infinity.
                Value::Float(number) if number.is_infinite() => {
                    out.extend_from_slice(if *number < 0.0 { b"-9e999" } else { b"9e999" });
                }
                Value::Float(number) => out.extend_from_slice(format!("{number:e}").as_bytes()),
                Value::Bytes(_) => {
                    out.extend_from_slice(b"{\"x\":");
                    write_json(&mut out, value);
                    out.push(b'}');
                }
                other => write_json(&mut out, other),
            }
        }
        out.push(b']');
    }
    out.push(b']');
    json_text(out)
}

/// A cell as PostgreSQL's casts read it.
pub(super) fn cell_text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) => Some(format!("\\x{}", hexadecimal(bytes)).into()),
        other => Some(as_text(other)),
    }
}

fn json_list(values: &[Value]) -> Value {
    let mut out = vec![b'['];
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json(&mut out, value);
    }
    out.push(b']');
    json_text(out)
}

fn json_text(out: Vec<u8>) -> Value {
    Value::Text(String::from_utf8(out).expect("JSON is written from texts and digits").into())
}

fn write_json(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Int(number) => text::write_int(out, *number),
        other => text::write_string(out, &as_text(other)),
    }
}

/// A value as text, as the database's own casts read it; binary as hexadecimal.
fn as_text(value: &Value) -> Arc<str> {
    match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => number.to_string().into(),
        Value::Bool(truth) => if *truth { "true" } else { "false" }.into(),
        Value::Bytes(bytes) => hexadecimal(bytes).into(),
        Value::Null | Value::Ints(_) | Value::Texts(_) | Value::Column(_) => "".into(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}

/// An element of a SQLite list as it is compared.
pub(super) fn sqlite_element(target: &Target) -> &'static str {
    match target {
        Target::Float | Target::Double | Target::Decimal | Target::Unsigned => "CAST(value AS NUMERIC)",
        Target::Binary => "unhex(value)",
        _ => "value",
    }
}
