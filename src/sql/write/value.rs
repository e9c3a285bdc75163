//! Values on their way into a column: their spelling, and the casts without
//! which a database would take a text for something else.

use std::sync::Arc;

use super::super::{
    parameter::Parameter,
    writer::{Writer, is_padded},
};
use crate::{
    catalog::{Column, ColumnType, Dialect},
    plan::Error,
    value::{Key, Value},
};

/// A placeholder for a value of a column.
pub(super) fn placeholder(w: &mut Writer<'_>, column: &Column, value: Value) -> Result<(), Error> {
    let (before, after) = around(w.dialect(), column);
    w.push(before);
    w.placeholder(Parameter::Ready(spelled(w.dialect(), column, value)))?;
    // Numbers too: a null travels as text.
    if w.dialect() == Dialect::Postgres
        && let Some(cast) = postgres_cast(column).or_else(|| plain_cast(column))
    {
        w.push("::");
        w.push(&cast);
    }
    w.push(after);
    Ok(())
}

/// What stands around a value whatever it comes from.
fn around(dialect: Dialect, column: &Column) -> (&'static str, &'static str) {
    match (dialect, &column.column_type) {
        (Dialect::Postgres | Dialect::MySql, ColumnType::Geometry) => ("ST_GeomFromGeoJSON(", ")"),
        _ => ("", ""),
    }
}

/// One of the columns of `unnest`, all texts, as a value of a column.
pub(super) fn unnested(w: &mut Writer<'_>, column: &Column, prefix: &str, at: usize) {
    let (before, after) = around(Dialect::Postgres, column);
    w.push(before);
    w.push(prefix);
    w.number(at as i64);
    if let Some(cast) = postgres_cast(column).or_else(|| plain_cast(column)) {
        w.push("::");
        w.push(&cast);
    }
    w.push(after);
}

/// `unnest($1::text[], $2::text[]) AS n(k0, v0)`: arrays, each with the letter
/// that its name begins with; those of one letter are numbered.
pub(super) fn unnest<'n>(
    w: &mut Writer<'_>,
    name: &str,
    arrays: impl Iterator<Item = (&'n str, Value)>,
) -> Result<(), Error> {
    w.push("unnest(");
    let mut names: Vec<(&str, i64)> = Vec::new();
    for (prefix, array) in arrays {
        w.push(if names.is_empty() { "" } else { ", " });
        w.placeholder(Parameter::Ready(array))?;
        w.push("::text[]");
        names.push((prefix, names.iter().filter(|(known, _)| *known == prefix).count() as i64));
    }
    w.push(") AS ");
    w.push(name);
    for (at, (prefix, number)) in names.into_iter().enumerate() {
        w.push(if at > 0 { ", " } else { "(" });
        w.push(prefix);
        w.number(number);
    }
    w.push(")");
    Ok(())
}

/// The values of one column of a batch, as texts for `unnest`.
pub(super) fn column_of(column: &Column, values: impl Iterator<Item = Value>) -> Value {
    let texts = values.map(|value| text_of(&spelled(Dialect::Postgres, column, value)));
    Value::Column(texts.collect())
}

fn text_of(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) => {
            let mut text = String::with_capacity(2 + 2 * bytes.len());
            text.push_str("\\x");
            for byte in bytes.iter() {
                text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits are one digit"));
                text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits are one digit"));
            }
            Some(text.into())
        }
        Value::Text(text) => Some(text.clone()),
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Int(number) => Some(itoa::Buffer::new().format(*number).into()),
        Value::Float(number) => Some(number.to_string().into()),
        // Lists are no values of a single cell.
        Value::Ints(_) | Value::Texts(_) | Value::Column(_) => None,
    }
}

/// The cast of a value that travels as text. Never with a length: an explicit
/// cast to `varchar(3)` cuts a text where the column itself would refuse it.
fn postgres_cast(column: &Column) -> Option<String> {
    Some(match column.column_type {
        ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Boolean
        | ColumnType::Binary
        | ColumnType::Text
        | ColumnType::Csv
        | ColumnType::Geometry => return None,
        ColumnType::Decimal => "numeric".to_owned(),
        ColumnType::Uuid => "uuid".to_owned(),
        ColumnType::Timestamp => "timestamptz".to_owned(),
        ColumnType::DateTime => "timestamp".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Time => "time".to_owned(),
        ColumnType::Json | ColumnType::Array(_) | ColumnType::Other => without_length(&column.declared),
    })
}

/// `bit(4)` as `varbit`, `character varying(5)[]` without its length, and so on.
fn without_length(declared: &str) -> String {
    let mut name = String::with_capacity(declared.len());
    let (mut quoted, mut within) = (false, false);
    for letter in declared.chars() {
        match letter {
            '"' if !within => quoted = !quoted,
            '(' if !quoted => within = true,
            _ => {}
        }
        if !within {
            name.push(letter);
        }
        within &= letter != ')';
    }
    let dimensions = name.find("[]").unwrap_or(name.len());
    // Without a length these two are one bit, one character.
    match &name[..dimensions] {
        "bit" => format!("varbit{}", &name[dimensions..]),
        "character" => format!("bpchar{}", &name[dimensions..]),
        _ => name,
    }
}

/// The cast of what travels as text only in an array, or as null.
fn plain_cast(column: &Column) -> Option<String> {
    Some(
        match column.column_type {
            // `numeric(10)` counts as an integer, and may be wider than one.
            ColumnType::Integer | ColumnType::BigInteger if column.declared.starts_with("numeric") => "numeric",
            ColumnType::Integer | ColumnType::BigInteger => "int8",
            ColumnType::Float | ColumnType::Double => "float8",
            ColumnType::Boolean => "bool",
            ColumnType::Binary => "bytea",
            _ => return None,
        }
        .to_owned(),
    )
}

/// The type of a key's part in a comparison with an array (PostgreSQL).
pub(super) fn key_cast(column: &Column) -> String {
    let text = || if is_padded(&column.declared) { "bpchar" } else { "text" }.to_owned();
    postgres_cast(column).or_else(|| plain_cast(column)).unwrap_or_else(text)
}

/// One part of each key, as texts for `unnest` or `ANY`.
pub(super) fn key_column(keys: &[Vec<Key>], part: usize) -> Value {
    Value::Column(keys.iter().map(|key| text_of(&key[part].to_value())).collect())
}

/// SQLite keeps dates as they are written, so they are written as they are
/// shown; elsewhere the database reads them.
pub(super) fn spelled(dialect: Dialect, column: &Column, value: Value) -> Value {
    match (dialect, &column.column_type, value) {
        (Dialect::Sqlite, ColumnType::Boolean, Value::Bool(truth)) => Value::Int(i64::from(truth)),
        (Dialect::Sqlite, ColumnType::Timestamp, Value::Text(text)) => {
            Value::Text(format!("{}Z", fraction_of(&text, 3)).into())
        }
        (Dialect::Sqlite, ColumnType::DateTime | ColumnType::Time, Value::Text(text)) => {
            Value::Text(fraction_of(&text, 0).into())
        }
        (_, _, value) => value,
    }
}

/// `…:06.500000` without the zeros at its end, but for `least` digits.
fn fraction_of(text: &str, least: usize) -> &str {
    let Some((whole, digits)) = text.split_once('.') else { return text };
    let kept = digits.trim_end_matches('0').len().max(least).min(digits.len());
    match kept {
        0 => whole,
        kept => &text[..whole.len() + 1 + kept],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_their_lengths() {
        for (declared, expected) in [
            ("bit(4)", "varbit"),
            ("bit varying(4)", "bit varying"),
            ("character(5)[]", "bpchar[]"),
            ("character varying(5)[]", "character varying[]"),
            ("numeric(6,2)[]", "numeric[]"),
            ("timestamp(3) with time zone[]", "timestamp with time zone[]"),
            ("\"a (type)\"", "\"a (type)\""),
            ("jsonb", "jsonb"),
        ] {
            assert_eq!(without_length(declared), expected);
        }
    }

    #[test]
    fn fractions_lose_their_padding() {
        assert_eq!(fraction_of("2024-02-03T04:05:06.500000", 0), "2024-02-03T04:05:06.5");
        assert_eq!(fraction_of("2024-02-03T04:05:06.500000", 3), "2024-02-03T04:05:06.500");
        assert_eq!(fraction_of("04:05:06.000000", 0), "04:05:06");
        assert_eq!(fraction_of("2024-02-03T04:05:06", 3), "2024-02-03T04:05:06");
    }
}
