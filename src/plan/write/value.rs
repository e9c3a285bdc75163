//! Values for columns: what a client or hook wrote, checked against the
//! column's type and limits before any database sees it, so that all databases
//! refuse the same things with the same words (contract `graphql.md` 3.6, 7.3).

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{Fault, Rule};
use crate::{
    catalog::{Column, ColumnType, Table},
    predicate::{Rounding, Target},
    value::Value,
};

/// Longest text that is repeated in an error.
const SHOWN: usize = 100;

/// A value for a column.
pub(super) fn of(table: &Table, column: &Column, json: &Json) -> Result<Value, Fault> {
    if json.is_null() {
        return if column.nullable { Ok(Value::Null) } else { Err(Fault::broken(table, column, Rule::NotNull)) };
    }
    let value = match &column.column_type {
        ColumnType::Json => Value::Text(json.to_string().into()),
        ColumnType::Array(element) => Value::Text(array(table, column, element, json)?.into()),
        ColumnType::Csv => Value::Text(joined(table, column, json)?.into()),
        ColumnType::Decimal => decimal(table, column, json)?,
        other => {
            if other.is_temporal() && json.as_str().is_some_and(|text| text.starts_with('$')) {
                return Err(unusable(table, column, format!("{json} is not an ISO 8601 date or time")));
            }
            plain(table, column, json)?
        }
    };
    check_length(table, column, json, &value)?;
    check_range(table, column, json, &value)?;
    check_allowed(table, column, &value)?;
    Ok(value)
}

fn plain(table: &Table, column: &Column, json: &Json) -> Result<Value, Fault> {
    match Target::of(column, Rounding::Refuse) {
        // Which of its values are allowed is told in another way below.
        Target::Enumerated(_) => Target::Text.bind(json, 0),
        target => target.bind(json, 0),
    }
    .map_err(|reason| match column.column_type.is_integer() && is_whole(json) {
        true => out_of_range(table, column, json),
        false => unusable(table, column, reason),
    })
}

/// Whether it is an integer, of whatever size.
fn is_whole(json: &Json) -> bool {
    let digits = json.as_str().map_or_else(|| json.to_string(), |text| text.trim().to_owned());
    let digits = digits.strip_prefix('-').unwrap_or(&digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn unusable(table: &Table, column: &Column, reason: String) -> Fault {
    let field = table.column_field(column.id);
    Fault::Payload(format!("`{field}` of `{}` cannot be written: {reason}", table.collection))
}

fn shown(json: &Json) -> Json {
    match json {
        Json::String(text) => match text.char_indices().nth(SHOWN) {
            Some((end, _)) => Json::String(format!("{}…", &text[..end])),
            None => json.clone(),
        },
        other => other.clone(),
    }
}

fn out_of_range(table: &Table, column: &Column, json: &Json) -> Fault {
    Fault::OutOfRange {
        collection: table.collection.clone(),
        field: table.column_field(column.id).to_owned(),
        value: Box::new(shown(json)),
    }
}

fn check_length(table: &Table, column: &Column, json: &Json, value: &Value) -> Result<(), Fault> {
    // The length of MySQL's `text` is one in bytes.
    let limit = column.length.filter(|_| column.declared.to_ascii_lowercase().contains("char"));
    match (value, limit) {
        (Value::Text(text), Some(limit)) if text.chars().count() > limit as usize => Err(Fault::TooLong {
            collection: table.collection.clone(),
            field: table.column_field(column.id).to_owned(),
            value: Box::new(shown(json)),
        }),
        _ => Ok(()),
    }
}

fn check_range(table: &Table, column: &Column, json: &Json, value: &Value) -> Result<(), Fault> {
    let fits = match value {
        Value::Int(number) => integer_bounds(&column.declared).is_none_or(|(low, high)| (low..=high).contains(number)),
        // Unsigned integers travel as their digits.
        Value::Text(digits) if column.column_type.is_integer() => digits.parse::<u64>().is_ok(),
        Value::Float(number) if column.column_type == ColumnType::Float => (*number as f32).is_finite(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(out_of_range(table, column, json)) }
}

/// The smallest and largest value of an integer type.
fn integer_bounds(declared: &str) -> Option<(i64, i64)> {
    let declared = declared.to_ascii_lowercase();
    let word = declared.split(|character: char| !character.is_ascii_alphanumeric()).next()?;
    let bits = match word {
        "tinyint" | "int1" => 8,
        "smallint" | "smallserial" | "int2" => 16,
        "mediumint" | "int3" => 24,
        "int" | "serial" | "int4" => 32,
        _ => return None,
    };
    Some(match declared.contains("unsigned") {
        true => (0, (1 << bits) - 1),
        false => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
    })
}

fn check_allowed(table: &Table, column: &Column, value: &Value) -> Result<(), Fault> {
    // A set holds any number of its values.
    if column.allowed.is_empty() || column.declared.starts_with("set(") {
        return Ok(());
    }
    match value {
        Value::Text(text)
            if column.column_type.is_textual() && !column.allowed.iter().any(|known| **known == **text) =>
        {
            Err(Fault::broken(table, column, Rule::OneOf(column.allowed.clone())))
        }
        _ => Ok(()),
    }
}

/// A decimal, rounded to its column's scale as PostgreSQL and MySQL do it, so
/// that SQLite, which does not, stores the same.
fn decimal(table: &Table, column: &Column, json: &Json) -> Result<Value, Fault> {
    let Value::Text(digits) = plain(table, column, json)? else { return Err(out_of_range(table, column, json)) };
    let Some(scale) = column.scale else { return Ok(Value::Text(digits)) };
    let rounded = without_exponent(&digits).and_then(|digits| rounded(&digits, scale as usize));
    let Some(rounded) = rounded else { return Err(out_of_range(table, column, json)) };
    let whole = rounded.trim_start_matches('-').split('.').next().unwrap_or_default().trim_start_matches('0').len();
    if column.precision.is_some_and(|precision| whole > (precision.saturating_sub(scale)) as usize) {
        return Err(out_of_range(table, column, json));
    }
    Ok(Value::Text(rounded.into()))
}

/// `1.5e3` as `1500`; `None` where that would be a very long text.
fn without_exponent(digits: &str) -> Option<String> {
    let Some((number, exponent)) = digits.split_once(['e', 'E']) else { return Some(digits.to_owned()) };
    let exponent: i32 = exponent.parse().ok().filter(|exponent| (-400..=400).contains(exponent))?;
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut all = format!("{whole}{fraction}");
    let mut point = whole.len() as i32 + exponent;
    if point <= 0 {
        all.insert_str(0, &"0".repeat(1 + point.unsigned_abs() as usize));
        point = 1;
    }
    if point as usize > all.len() {
        all.push_str(&"0".repeat(point as usize - all.len()));
    }
    let (whole, fraction) = all.split_at(point as usize);
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Half away from zero; `None` for what is not written in plain digits.
fn rounded(digits: &str, scale: usize) -> Option<String> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if fraction.len() <= scale {
        return Some(format!("{sign}{digits}"));
    }
    let up = fraction.as_bytes()[scale] >= b'5';
    let mut kept: Vec<u8> = whole.bytes().chain(fraction.bytes().take(scale)).collect();
    if up {
        let mut at = kept.len();
        loop {
            if at == 0 {
                kept.insert(0, b'1');
                break;
            }
            at -= 1;
            if kept[at] < b'9' {
                kept[at] += 1;
                break;
            }
            kept[at] = b'0';
        }
    }
    let point = kept.len() - scale;
    let text = String::from_utf8(kept).expect("digits are ASCII");
    let (whole, fraction) = text.split_at(point);
    let is_zero = text.bytes().all(|byte| byte == b'0');
    let sign = if is_zero { "" } else { sign };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Texts joined with commas; a single one is a list of one.
fn joined(table: &Table, column: &Column, json: &Json) -> Result<String, Fault> {
    let text = |item: &Json| match item {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(truth) => Ok(truth.to_string()),
        other => Err(unusable(table, column, format!("{other} is no text"))),
    };
    match json {
        Json::Array(items) => Ok(items.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(",")),
        single => text(single),
    }
}

/// `{"a",NULL,{"b"}}`, as PostgreSQL reads arrays; a single value is a list of one.
fn array(table: &Table, column: &Column, element: &ColumnType, json: &Json) -> Result<String, Fault> {
    let single;
    let items = match json {
        Json::Array(items) => items,
        other => {
            single = [other.clone()];
            &single[..]
        }
    };
    let mut out = String::from("{");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match item {
            Json::Null => out.push_str("NULL"),
            Json::Array(_) if *element != ColumnType::Json => out.push_str(&array(table, column, element, item)?),
            item => quoted(&mut out, &element_text(table, column, element, item)?),
        }
    }
    out.push('}');
    Ok(out)
}

fn element_text(table: &Table, column: &Column, element: &ColumnType, json: &Json) -> Result<String, Fault> {
    let target = match element {
        ColumnType::Json => return Ok(json.to_string()),
        ColumnType::Integer | ColumnType::BigInteger => Target::Integer(Rounding::Refuse),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => Target::Decimal,
        ColumnType::Boolean => Target::Boolean,
        ColumnType::Uuid => Target::Uuid,
        ColumnType::Timestamp => Target::Timestamp,
        ColumnType::DateTime => Target::DateTime,
        ColumnType::Date => Target::Date,
        ColumnType::Time => Target::Time,
        ColumnType::Binary => Target::Binary,
        ColumnType::Text | ColumnType::Csv | ColumnType::Geometry | ColumnType::Array(_) | ColumnType::Other => {
            Target::Text
        }
    };
    let value = target.bind(json, 0).map_err(|reason| unusable(table, column, reason))?;
    Ok(match value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Bytes(bytes) => bytes.iter().fold(String::from("\\x"), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to memory does not fail");
            text
        }),
        other => return Err(unusable(table, column, format!("{other:?} is no element of a list"))),
    })
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rounded_half_away_from_zero() {
        for (digits, scale, expected) in [
            ("4.255", 2, "4.26"),
            ("4.254", 2, "4.25"),
            ("-4.255", 2, "-4.26"),
            ("99.995", 2, "100.00"),
            ("0.5", 0, "1"),
            ("-0.004", 2, "0.00"),
            ("7", 2, "7"),
            ("7.1", 2, "7.1"),
        ] {
            assert_eq!(rounded(digits, scale).as_deref(), Some(expected), "{digits} to {scale}");
        }
        assert_eq!(rounded("1e5", 2), None);
    }

    #[test]
    fn exponents_become_zeros() {
        for (digits, expected) in [
            ("1e2", "100"),
            ("1.5e+3", "1500"),
            ("-1.25E1", "-12.5"),
            ("125e-2", "1.25"),
            ("5e-3", "0.005"),
            ("-12.5e-2", "-0.125"),
            ("7", "7"),
        ] {
            assert_eq!(without_exponent(digits).as_deref(), Some(expected), "{digits}");
        }
        assert_eq!(without_exponent("1e999999999"), None);
    }

    #[test]
    fn integer_types_have_their_bounds() {
        assert_eq!(integer_bounds("smallint"), Some((-32_768, 32_767)));
        assert_eq!(integer_bounds("int(10) unsigned"), Some((0, 4_294_967_295)));
        assert_eq!(integer_bounds("tinyint(4)"), Some((-128, 127)));
        assert_eq!(integer_bounds("INTEGER"), None);
        assert_eq!(integer_bounds("bigint"), None);
    }
}
