//! Cells as keys: what PostgreSQL holds equal must become the same key, and
//! its text must be what a cast in a statement reads back.

use std::sync::Arc;

use super::{
    super::CellError,
    encode::{self, Decoder, fixed},
    numeric::{NotANumber, Numeric},
    temporal::{self, Moment},
};
use crate::{catalog::ColumnType, value::Key};

/// The key of a cell. What has no text form here (arrays, unknown types,
/// malformed bytes) is compared by its bytes.
pub(super) fn of(decoder: Decoder, bytes: &[u8], column_type: &ColumnType) -> Key {
    read(decoder, bytes, column_type).unwrap_or_else(|_| Key::Bytes(bytes.into()))
}

fn read(decoder: Decoder, bytes: &[u8], column_type: &ColumnType) -> Result<Key, CellError> {
    let micros = || fixed(bytes).map(i64::from_be_bytes);
    Ok(match decoder {
        Decoder::Int2 => Key::Int(i64::from(i16::from_be_bytes(fixed(bytes)?))),
        Decoder::Int4 => Key::Int(i64::from(i32::from_be_bytes(fixed(bytes)?))),
        Decoder::Int8 => Key::Int(i64::from_be_bytes(fixed(bytes)?)),
        Decoder::Oid => Key::Int(i64::from(u32::from_be_bytes(fixed(bytes)?))),
        Decoder::Numeric => numeric(bytes, column_type)?,
        Decoder::Float4 => float(f32::from_be_bytes(fixed(bytes)?)),
        Decoder::Float8 => double(f64::from_be_bytes(fixed(bytes)?)),
        Decoder::Bool => text(if fixed::<1>(bytes)? == [0] { "false" } else { "true" }),
        Decoder::Text | Decoder::Char => text(encode::utf8(encode::single(decoder, bytes))?),
        Decoder::Padded => text(encode::utf8(bytes)?.trim_end_matches(' ')),
        Decoder::Json => text(encode::utf8(bytes)?),
        Decoder::Jsonb => text(encode::utf8(encode::jsonb(bytes)?)?),
        Decoder::Uuid => {
            let mut out = Vec::with_capacity(36);
            encode::write_uuid(fixed(bytes)?, &mut out);
            text(encode::utf8(&out)?)
        }
        Decoder::Timestamptz => text(&Moment::of_micros(micros()?).text(true, "+00")),
        Decoder::Timestamp => text(&Moment::of_micros(micros()?).text(true, "")),
        Decoder::Date => text(&Moment::of_days(i32::from_be_bytes(fixed(bytes)?)).text(false, "")),
        Decoder::Time => text(&temporal::clock_text(micros()?)),
        Decoder::Bytea | Decoder::Array | Decoder::Unknown(_) => Key::Bytes(bytes.into()),
    })
}

fn text(text: &str) -> Key {
    Key::Text(Arc::from(text))
}

fn numeric(bytes: &[u8], column_type: &ColumnType) -> Result<Key, CellError> {
    let number = match Numeric::read(bytes) {
        Ok(number) => number,
        Err(NotANumber::Nan) => return Ok(text("NaN")),
        Err(NotANumber::Infinity) => {
            let negative = bytes.get(4) == Some(&0xF0);
            return Ok(text(if negative { "-Infinity" } else { "Infinity" }));
        }
        Err(reason @ NotANumber::Malformed) => return Err(CellError(reason.to_string())),
    };
    if let Some(whole) = number.to_i64().filter(|_| column_type.is_integer()) {
        return Ok(Key::Int(whole));
    }
    let mut out = Vec::new();
    number.write(&mut out);
    Ok(text(encode::utf8(&out)?))
}

/// A number of half the width; the bounds are those of the server's output.
fn float(number: f32) -> Key {
    text(&match special(f64::from(number)) {
        Some(word) => word.to_owned(),
        None => shortest(zmij::Buffer::new().format_finite(number), 6),
    })
}

fn double(number: f64) -> Key {
    text(&match special(number) {
        Some(word) => word.to_owned(),
        None => shortest(zmij::Buffer::new().format_finite(number), 15),
    })
}

/// Values that have names. Both zeros are one: they are equal in SQL.
fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number == f64::INFINITY {
        Some("Infinity")
    } else if number == f64::NEG_INFINITY {
        Some("-Infinity")
    } else if number == 0.0 {
        Some("0")
    } else {
        None
    }
}

/// The shortest digits of a number in the server's layout: plain from `1e-04`
/// up to ten to the power of `limit`, otherwise `1.5e+20`.
fn shortest(number: &str, limit: i32) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, power) = number.split_once('e').unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    // The power of ten that the first digit stands for.
    let power = power.parse().unwrap_or(0) + whole.len() as i32 - 1 - leading as i32;
    if !(-4..limit).contains(&power) {
        let point = if digits.len() > 1 { "." } else { "" };
        let mark = if power < 0 { '-' } else { '+' };
        return format!("{sign}{}{point}{}e{mark}{:02}", &digits[..1], &digits[1..], power.abs());
    }
    if power < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-power - 1) as usize));
    }
    let whole = power as usize + 1;
    match digits.get(whole..) {
        Some(fraction) if !fraction.is_empty() => format!("{sign}{}.{fraction}", &digits[..whole]),
        _ => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_read_as_the_server_writes_them() {
        for (number, expected) in [
            (1.0, "1"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (-1234.25, "-1234.25"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.25e300, "1.25e+300"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(double(number), text(expected));
        }
        assert_eq!(float(1e6), text("1e+06"));
        assert_eq!(float(123_456.0), text("123456"));
        assert_eq!(float(0.1), text("0.1"));
    }
}
