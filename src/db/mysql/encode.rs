//! From the bytes of the binary protocol to JSON and to keys.
//!
//! Two things decide: how the result's column definition lays a cell out
//! ([`Wire`]) and what the catalog says that the column means
//! ([`ColumnType`]). They are independent, because an expression over a column
//! may arrive in another layout than the column itself. Nothing here allocates
//! except to say what is wrong, and to own a key.

use std::str;

use serde::de::IgnoredAny;
use sqlx::{Type, TypeInfo as _, mysql::MySqlTypeInfo};

use super::super::{CellError, Form};
use crate::{
    catalog::ColumnType,
    value::{
        Key, json,
        time::{self, DAY_US},
    },
};

/// How the cells of a column are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Int8,
    Uint8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Float,
    Double,
    /// A decimal in ASCII.
    Decimal,
    /// A date, with or without a time of day.
    Moment,
    /// A signed span of time.
    Span,
    /// Bits, the highest byte first.
    Bits,
    /// JSON that the server itself has made, so it is well-formed.
    Json,
    /// Text or binary data.
    Bytes,
}

impl Wire {
    pub(super) fn of(info: &MySqlTypeInfo) -> Self {
        match info.name() {
            // The name for every TINYINT(1), which may well be unsigned.
            "BOOLEAN" if *info == <u8 as Type<sqlx::MySql>>::type_info() => Self::Uint8,
            "BOOLEAN" | "TINYINT" => Self::Int8,
            "TINYINT UNSIGNED" => Self::Uint8,
            "SMALLINT" => Self::Int16,
            "SMALLINT UNSIGNED" | "YEAR" => Self::Uint16,
            "INT" | "MEDIUMINT" => Self::Int32,
            "INT UNSIGNED" | "MEDIUMINT UNSIGNED" => Self::Uint32,
            "BIGINT" => Self::Int64,
            "BIGINT UNSIGNED" => Self::Uint64,
            "FLOAT" => Self::Float,
            "DOUBLE" => Self::Double,
            "DECIMAL" => Self::Decimal,
            "DATE" | "DATETIME" | "TIMESTAMP" => Self::Moment,
            "TIME" => Self::Span,
            "BIT" => Self::Bits,
            "JSON" => Self::Json,
            _ => Self::Bytes,
        }
    }
}

/// Appends a cell as JSON; on an error nothing was appended.
pub(super) fn write_json(
    wire: Wire,
    bytes: &[u8],
    column_type: &ColumnType,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    let from = out.len();
    let written = Cell::read(wire, bytes).and_then(|cell| write_cell(cell, column_type, form, out));
    if written.is_err() {
        out.truncate(from);
    }
    written
}

/// A cell as part of a key.
pub(super) fn key(wire: Wire, bytes: &[u8], column_type: &ColumnType) -> Key {
    let Ok(cell) = Cell::read(wire, bytes) else { return Key::Bytes(bytes.into()) };
    match (column_type, cell) {
        (ColumnType::Binary, Cell::Bytes(bytes)) => Key::Bytes(bytes.into()),
        (ColumnType::Text | ColumnType::Other, Cell::Bytes(bytes)) => match str::from_utf8(bytes) {
            Ok(text) => Key::Text(text.into()),
            Err(_) => Key::Bytes(bytes.into()),
        },
        (ColumnType::Integer | ColumnType::BigInteger | ColumnType::Boolean, cell) => match whole(cell) {
            Ok(Cell::Int(number)) => Key::Int(number),
            _ => text_key(cell, column_type),
        },
        (_, cell) => text_key(cell, column_type),
    }
}

fn text_key(cell: Cell<'_>, column_type: &ColumnType) -> Key {
    let mut text = Vec::new();
    push_text(cell, column_type, &mut text);
    if *column_type == ColumnType::Uuid {
        text.make_ascii_lowercase();
    }
    match String::from_utf8(text) {
        Ok(text) => Key::Text(text.into()),
        Err(error) => Key::Bytes(error.into_bytes().into()),
    }
}

/// A cell, read as its layout says.
#[derive(Clone, Copy, Debug)]
enum Cell<'r> {
    Int(i64),
    /// Only what is beyond [`Cell::Int`].
    Big(u64),
    Float(f32),
    Double(f64),
    Decimal(&'r str),
    Moment(Moment),
    Span(Span),
    Json(&'r [u8]),
    Bytes(&'r [u8]),
}

impl<'r> Cell<'r> {
    fn read(wire: Wire, bytes: &'r [u8]) -> Result<Self, CellError> {
        Ok(match wire {
            Wire::Int8 => Self::Int(i8::from_le_bytes(fixed(bytes)?).into()),
            Wire::Uint8 => Self::Int(u8::from_le_bytes(fixed(bytes)?).into()),
            Wire::Int16 => Self::Int(i16::from_le_bytes(fixed(bytes)?).into()),
            Wire::Uint16 => Self::Int(u16::from_le_bytes(fixed(bytes)?).into()),
            Wire::Int32 => Self::Int(i32::from_le_bytes(fixed(bytes)?).into()),
            Wire::Uint32 => Self::Int(u32::from_le_bytes(fixed(bytes)?).into()),
            Wire::Int64 => Self::Int(i64::from_le_bytes(fixed(bytes)?)),
            Wire::Uint64 => Self::unsigned(u64::from_le_bytes(fixed(bytes)?)),
            Wire::Float => Self::Float(f32::from_le_bytes(fixed(bytes)?)),
            Wire::Double => Self::Double(f64::from_le_bytes(fixed(bytes)?)),
            Wire::Decimal => Self::Decimal(utf8(bytes)?),
            Wire::Moment => Self::Moment(Moment::read(bytes)?),
            Wire::Span => Self::Span(Span::read(bytes)?),
            Wire::Bits if bytes.len() > 8 => return Err(malformed()),
            Wire::Bits => Self::unsigned(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))),
            Wire::Json => Self::Json(bytes),
            Wire::Bytes => Self::Bytes(bytes),
        })
    }

    fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Big(number), Self::Int)
    }
}

/// A date and a time of day, unchecked: `0000-00-00` is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    year: u16,
    month: u8,
    day: u8,
    /// Microseconds since midnight.
    micros: i64,
}

impl Moment {
    /// Packed: a length, then as much of it as is not zero.
    fn read(bytes: &[u8]) -> Result<Self, CellError> {
        let (year, month, day, time) = match bytes {
            [0] => (0, 0, 0, &[][..]),
            [4 | 7 | 11, low, high, month, day, time @ ..] => (u16::from_le_bytes([*low, *high]), *month, *day, time),
            _ => return Err(malformed()),
        };
        Ok(Self { year, month, day, micros: time_of_day(time)? })
    }

    /// Days since 1970-01-01, if there is such a day.
    fn days(self) -> Result<i64, CellError> {
        let year = i64::from(self.year);
        let last = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            _ => 0,
        };
        if !(1..=last).contains(&self.day) {
            return Err(CellError(format!("{:04}-{:02}-{:02} is no date", self.year, self.month, self.day)));
        }
        Ok(time::days_from_civil(year, self.month.into(), self.day.into()))
    }
}

/// A span of time, which may be negative or longer than a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    negative: bool,
    micros: i64,
}

impl Span {
    /// Packed as [`Moment`] is: sign, days, time of day.
    fn read(bytes: &[u8]) -> Result<Self, CellError> {
        match bytes {
            [0] => Ok(Self { negative: false, micros: 0 }),
            [8 | 12, sign, a, b, c, d, time @ ..] => {
                let days = i64::from(u32::from_le_bytes([*a, *b, *c, *d]));
                Ok(Self { negative: *sign != 0, micros: days * DAY_US + time_of_day(time)? })
            }
            _ => Err(malformed()),
        }
    }

    fn time_of_day(self) -> Result<i64, CellError> {
        if self.negative || self.micros >= DAY_US {
            let mut text = Vec::new();
            push_span(self, &mut text);
            return Err(CellError(format!("{} is no time of day", String::from_utf8_lossy(&text))));
        }
        Ok(self.micros)
    }
}

/// Hour, minute and second, then microseconds if there are any.
fn time_of_day(bytes: &[u8]) -> Result<i64, CellError> {
    let (hms, micros) = match bytes {
        [] => return Ok(0),
        [hour, minute, second] => ([hour, minute, second], 0),
        [hour, minute, second, a, b, c, d] => ([hour, minute, second], u32::from_le_bytes([*a, *b, *c, *d])),
        _ => return Err(malformed()),
    };
    let [hour, minute, second] = hms.map(|part| i64::from(*part));
    Ok(((hour * 60 + minute) * 60 + second) * 1_000_000 + i64::from(micros))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CellError> {
    bytes.try_into().map_err(|_| malformed())
}

fn utf8(bytes: &[u8]) -> Result<&str, CellError> {
    str::from_utf8(bytes).map_err(|_| CellError("the text is not valid UTF-8".to_owned()))
}

fn malformed() -> CellError {
    CellError("the database sent a value in a form that is not understood".to_owned())
}

fn write_cell(cell: Cell<'_>, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    match column_type {
        ColumnType::Integer => write_integer(cell, form, out),
        ColumnType::BigInteger => write_big_integer(cell, form, out),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => write_number(cell, column_type, form, out),
        // As an identifier a truth value is the number that it is stored as.
        ColumnType::Boolean if form == Form::Id => write_number(cell, column_type, form, out),
        ColumnType::Boolean => {
            out.extend_from_slice(if truth(cell)? { b"true" } else { b"false" });
            Ok(())
        }
        ColumnType::Text | ColumnType::Uuid | ColumnType::Other => write_text(cell, column_type, out),
        ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Date | ColumnType::Time => {
            out.push(b'"');
            write_temporal(cell, column_type, out)?;
            out.push(b'"');
            Ok(())
        }
        ColumnType::Json | ColumnType::Geometry => write_document(cell, column_type, form, out),
        ColumnType::Binary => match cell {
            Cell::Bytes(bytes) => {
                json::write_base64(out, bytes);
                Ok(())
            }
            _ => Err(CellError("the value is not binary data".to_owned())),
        },
        ColumnType::Csv => match cell {
            Cell::Bytes(bytes) => {
                json::write_csv(out, utf8(bytes)?);
                Ok(())
            }
            _ => Err(CellError("the value is no text".to_owned())),
        },
        ColumnType::Array(_) => Err(CellError("MySQL has no arrays".to_owned())),
    }
}

fn write_integer(cell: Cell<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if form != Form::Field {
        return write_number(cell, &ColumnType::Integer, form, out);
    }
    match whole(cell)? {
        Cell::Int(number) if i32::try_from(number).is_ok() => {
            json::write_int(out, number);
            Ok(())
        }
        cell => Err(CellError(format!("{} does not fit 32 bits", shown(cell)))),
    }
}

fn write_big_integer(cell: Cell<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if form != Form::Field {
        return write_number(cell, &ColumnType::BigInteger, form, out);
    }
    match whole(cell)? {
        Cell::Int(0) => out.push(b'0'),
        cell => {
            out.push(b'"');
            push_text(cell, &ColumnType::BigInteger, out);
            out.push(b'"');
        }
    }
    Ok(())
}

/// A number as it is, in quotes when it identifies something.
fn write_number(cell: Cell<'_>, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if form == Form::Id {
        out.push(b'"');
    }
    let written = match cell {
        Cell::Int(number) => {
            json::write_int(out, number);
            true
        }
        Cell::Big(number) => {
            json::write_uint(out, number);
            true
        }
        Cell::Float(number) => json::write_float(out, number),
        // Functions over single-precision columns may answer in double.
        Cell::Double(number) if *column_type == ColumnType::Float => json::write_float(out, number as f32),
        Cell::Double(number) => json::write_double(out, number),
        Cell::Decimal(text) => json::write_decimal(out, text),
        Cell::Bytes(bytes) | Cell::Json(bytes) => write_number_text(utf8(bytes)?, out),
        Cell::Moment(_) | Cell::Span(_) => false,
    };
    if !written {
        return Err(CellError(format!("{} is no number that JSON can carry", shown(cell))));
    }
    if form == Form::Id {
        out.push(b'"');
    }
    Ok(())
}

fn write_number_text(text: &str, out: &mut Vec<u8>) -> bool {
    json::write_decimal(out, text) || text.parse().is_ok_and(|number| json::write_double(out, number))
}

/// An integer out of whatever it arrives as: sums of integers arrive as
/// decimals, and so do the integers of `DECIMAL(9, 0)`. A decimal that comes
/// back is an integer beyond 64 bits, without point or padding.
fn whole(cell: Cell<'_>) -> Result<Cell<'_>, CellError> {
    let text = match cell {
        Cell::Int(_) | Cell::Big(_) => return Ok(cell),
        // Below 2^53 every integer is exact.
        Cell::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => return Ok(Cell::Int(number as i64)),
        Cell::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => return Ok(Cell::Int(number as i64)),
        Cell::Decimal(text) => text,
        Cell::Bytes(bytes) | Cell::Json(bytes) => utf8(bytes)?,
        Cell::Double(_) | Cell::Float(_) | Cell::Moment(_) | Cell::Span(_) => "",
    };
    if let Ok(number) = text.parse() {
        return Ok(Cell::Int(number));
    }
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    let is_integer = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte == b'0');
    match integer.parse() {
        _ if !is_integer => Err(CellError(format!("{} is no integer", shown(cell)))),
        Ok(number) => Ok(Cell::Int(number)),
        Err(_) => Ok(Cell::Decimal(integer)),
    }
}

fn truth(cell: Cell<'_>) -> Result<bool, CellError> {
    let text = match cell {
        Cell::Int(number) => return Ok(number != 0),
        Cell::Big(_) => return Ok(true),
        Cell::Float(number) => return Ok(number != 0.0),
        Cell::Double(number) => return Ok(number != 0.0),
        Cell::Decimal(text) => text,
        Cell::Json(bytes) | Cell::Bytes(bytes) => utf8(bytes)?,
        Cell::Moment(_) | Cell::Span(_) => "",
    };
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => match text.parse::<f64>() {
            Ok(number) => Ok(number != 0.0),
            Err(_) => Err(CellError(format!("{} is neither true nor false", shown(cell)))),
        },
    }
}

fn write_text(cell: Cell<'_>, column_type: &ColumnType, out: &mut Vec<u8>) -> Result<(), CellError> {
    match cell {
        Cell::Bytes(bytes) | Cell::Json(bytes) => json::write_string(out, utf8(bytes)?),
        cell => {
            out.push(b'"');
            push_text(cell, column_type, out);
            out.push(b'"');
        }
    }
    Ok(())
}

/// A JSON document as it is. `MariaDB` stores them as text, so anything may be
/// in there that a constraint did not keep out.
fn write_document(cell: Cell<'_>, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    match cell {
        Cell::Bytes(_) | Cell::Json(_) if form == Form::Id => write_text(cell, column_type, out),
        Cell::Json(bytes) => {
            out.extend_from_slice(bytes);
            Ok(())
        }
        Cell::Bytes(bytes) => {
            let text = utf8(bytes)?;
            serde_json::from_str::<IgnoredAny>(text)
                .map_err(|error| CellError(format!("the text is not valid JSON: {error}")))?;
            out.extend_from_slice(bytes);
            Ok(())
        }
        cell => write_number(cell, column_type, form, out),
    }
}

fn write_temporal(cell: Cell<'_>, column_type: &ColumnType, out: &mut Vec<u8>) -> Result<(), CellError> {
    let micros = match (cell, column_type) {
        (Cell::Span(span), ColumnType::Time) => span.time_of_day()?,
        (Cell::Moment(moment), ColumnType::Time) => moment.micros,
        (Cell::Moment(moment), _) => moment.days()? * DAY_US + moment.micros,
        (Cell::Bytes(bytes) | Cell::Json(bytes), _) => parse_temporal(utf8(bytes)?, column_type)?,
        (cell, _) => return Err(CellError(format!("{} is no date or time", shown(cell)))),
    };
    let written = match column_type {
        ColumnType::Time => {
            time::write_time(out, micros);
            true
        }
        ColumnType::Date => time::write_date(out, micros.div_euclid(DAY_US)),
        ColumnType::Timestamp => time::write_timestamp(out, micros),
        _ => time::write_datetime(out, micros),
    };
    if written { Ok(()) } else { Err(CellError("the year is beyond 9999".to_owned())) }
}

/// Some functions over dates answer in text.
fn parse_temporal(text: &str, column_type: &ColumnType) -> Result<i64, CellError> {
    let micros = time::parse(text).and_then(|moment| match column_type {
        ColumnType::Time => moment.micros,
        ColumnType::Timestamp => moment.epoch_micros(),
        _ => moment.local_micros(),
    });
    micros.ok_or_else(|| CellError(format!("`{text}` is no date or time")))
}

fn shown(cell: Cell<'_>) -> String {
    let mut text = Vec::new();
    push_text(cell, &ColumnType::Other, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The text that a cast would give, save that what is equal has one text:
/// decimals without padding, fractions of a second only where there are any.
fn push_text(cell: Cell<'_>, column_type: &ColumnType, out: &mut Vec<u8>) {
    match cell {
        Cell::Int(number) => json::write_int(out, number),
        Cell::Big(number) => json::write_uint(out, number),
        Cell::Float(number) => {
            if !json::write_float(out, number) {
                out.extend_from_slice(number.to_string().as_bytes());
            }
        }
        Cell::Double(number) => {
            if !json::write_double(out, number) {
                out.extend_from_slice(number.to_string().as_bytes());
            }
        }
        Cell::Decimal(text) => {
            if !json::write_decimal(out, text) {
                out.extend_from_slice(text.as_bytes());
            }
        }
        Cell::Moment(moment) => push_moment(moment, column_type, out),
        Cell::Span(span) => push_span(span, out),
        Cell::Json(bytes) | Cell::Bytes(bytes) => out.extend_from_slice(bytes),
    }
}

fn push_moment(moment: Moment, column_type: &ColumnType, out: &mut Vec<u8>) {
    push_padded(out, moment.year.into(), 4);
    out.push(b'-');
    push_padded(out, moment.month.into(), 2);
    out.push(b'-');
    push_padded(out, moment.day.into(), 2);
    if *column_type != ColumnType::Date {
        out.push(b' ');
        push_time(moment.micros, out);
    }
}

fn push_span(span: Span, out: &mut Vec<u8>) {
    if span.negative {
        out.push(b'-');
    }
    push_time(span.micros, out);
}

fn push_time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    push_padded(out, seconds / 3600, 2);
    out.push(b':');
    push_padded(out, seconds / 60 % 60, 2);
    out.push(b':');
    push_padded(out, seconds % 60, 2);
    if micros % 1_000_000 != 0 {
        out.push(b'.');
        push_padded(out, micros % 1_000_000, 6);
    }
}

fn push_padded(out: &mut Vec<u8>, number: i64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number);
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits.len())));
    out.extend_from_slice(digits.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON of a cell, or what is wrong with it; whatever was there before
    /// must still be there.
    fn field(wire: Wire, bytes: &[u8], column_type: ColumnType, form: Form) -> String {
        let mut out = b"[".to_vec();
        match write_json(wire, bytes, &column_type, form, &mut out) {
            Ok(()) => String::from_utf8(out.split_off(1)).unwrap(),
            Err(error) => {
                assert_eq!(out, b"[");
                format!("! {error}")
            }
        }
    }

    #[test]
    fn integers_have_a_spelling_for_each_form() {
        use ColumnType::{BigInteger, Integer};
        let int =
            |number: i64, column_type: ColumnType, form| field(Wire::Int64, &number.to_le_bytes(), column_type, form);
        assert_eq!(int(-7, Integer, Form::Field), "-7");
        assert_eq!(int(-7, Integer, Form::Id), "\"-7\"");
        assert_eq!(int(1 << 31, Integer, Form::Field), "! 2147483648 does not fit 32 bits");
        assert_eq!(int(1 << 31, Integer, Form::Raw), "2147483648");
        assert_eq!(int(0, BigInteger, Form::Field), "0");
        assert_eq!(int(0, BigInteger, Form::Id), "\"0\"");
        assert_eq!(int(i64::MIN, BigInteger, Form::Field), "\"-9223372036854775808\"");
        assert_eq!(int(i64::MIN, BigInteger, Form::Raw), "-9223372036854775808");
        let most = u64::MAX.to_le_bytes();
        assert_eq!(field(Wire::Uint64, &most, BigInteger, Form::Field), "\"18446744073709551615\"");
        assert_eq!(field(Wire::Int8, &[0xff], Integer, Form::Field), "-1");
        assert_eq!(field(Wire::Uint8, &[0xff], Integer, Form::Field), "255");
    }

    #[test]
    fn integers_may_arrive_as_decimals() {
        use ColumnType::{BigInteger, Integer};
        assert_eq!(field(Wire::Decimal, b"123", Integer, Form::Field), "123");
        assert_eq!(field(Wire::Decimal, b"123.00", BigInteger, Form::Field), "\"123\"");
        assert_eq!(field(Wire::Decimal, b"0", BigInteger, Form::Field), "0");
        assert_eq!(field(Wire::Decimal, b"123.5", Integer, Form::Field), "! 123.5 is no integer");
        assert_eq!(field(Wire::Decimal, b"99999999999999999999", BigInteger, Form::Field), "\"99999999999999999999\"");
        assert_eq!(field(Wire::Decimal, b"99999999999999999999", Integer, Form::Raw), "99999999999999999999");
        assert_eq!(field(Wire::Bytes, b"12", Integer, Form::Field), "12");
        assert_eq!(field(Wire::Bytes, b"", Integer, Form::Field), "!  is no integer");
    }

    #[test]
    fn numbers_keep_their_precision() {
        use ColumnType::{Decimal, Double, Float};
        assert_eq!(field(Wire::Float, &1.1_f32.to_le_bytes(), Float, Form::Field), "1.1");
        assert_eq!(field(Wire::Double, &f64::from(1.1_f32).to_le_bytes(), Float, Form::Field), "1.1");
        assert_eq!(field(Wire::Double, &0.1_f64.to_le_bytes(), Double, Form::Field), "0.1");
        assert_eq!(field(Wire::Decimal, b"4.50", Decimal, Form::Field), "4.5");
        assert_eq!(field(Wire::Decimal, b"4.50", Decimal, Form::Id), "\"4.5\"");
        assert_eq!(field(Wire::Bytes, b"1e3", Double, Form::Field), "1000");
        assert_eq!(field(Wire::Bytes, b"x", Double, Form::Id), "! x is no number that JSON can carry");
    }

    #[test]
    fn any_bit_is_true() {
        use ColumnType::Boolean;
        assert_eq!(field(Wire::Int8, &[2], Boolean, Form::Field), "true");
        assert_eq!(field(Wire::Int8, &[0], Boolean, Form::Field), "false");
        assert_eq!(field(Wire::Bits, &[1], Boolean, Form::Field), "true");
        assert_eq!(field(Wire::Decimal, b"0.0", Boolean, Form::Field), "false");
        assert_eq!(field(Wire::Int8, &[1], Boolean, Form::Id), "\"1\"");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        use ColumnType::{Date, DateTime, Time, Timestamp};
        let moment = [11, 0xe8, 0x07, 2, 3, 4, 5, 6, 0x40, 0xe2, 1, 0];
        assert_eq!(field(Wire::Moment, &moment, Timestamp, Form::Field), "\"2024-02-03T04:05:06.123Z\"");
        assert_eq!(field(Wire::Moment, &moment, DateTime, Form::Field), "\"2024-02-03T04:05:06\"");
        assert_eq!(field(Wire::Moment, &moment, Date, Form::Field), "\"2024-02-03\"");
        assert_eq!(field(Wire::Moment, &moment, Time, Form::Field), "\"04:05:06\"");
        assert_eq!(field(Wire::Moment, &[4, 0xe8, 0x07, 2, 29], DateTime, Form::Field), "\"2024-02-29T00:00:00\"");
        assert_eq!(field(Wire::Moment, &[4, 0xe7, 0x07, 2, 29], Date, Form::Field), "! 2023-02-29 is no date");
        assert_eq!(field(Wire::Moment, &[4, 0xe8, 0x07, 0, 0], Date, Form::Field), "! 2024-00-00 is no date");
        assert_eq!(field(Wire::Moment, &[0], Timestamp, Form::Field), "! 0000-00-00 is no date");
        assert_eq!(field(Wire::Bytes, b"2024-02-03 04:05:06.5", DateTime, Form::Field), "\"2024-02-03T04:05:06\"");
    }

    #[test]
    fn times_are_times_of_day() {
        use ColumnType::Time;
        assert_eq!(field(Wire::Span, &[0], Time, Form::Field), "\"00:00:00\"");
        assert_eq!(field(Wire::Span, &[8, 0, 0, 0, 0, 0, 23, 59, 58], Time, Form::Field), "\"23:59:58\"");
        assert_eq!(field(Wire::Span, &[8, 0, 1, 0, 0, 0, 0, 0, 0], Time, Form::Field), "! 24:00:00 is no time of day");
        assert_eq!(
            field(Wire::Span, &[12, 1, 0, 0, 0, 0, 12, 30, 0, 0x20, 0xa1, 7, 0], Time, Form::Field),
            "! -12:30:00.500000 is no time of day"
        );
    }

    #[test]
    fn documents_are_checked_unless_the_server_made_them() {
        use ColumnType::Json;
        assert_eq!(field(Wire::Bytes, b"{\"a\": [1]}", Json, Form::Field), "{\"a\": [1]}");
        assert!(field(Wire::Bytes, b"{\"a\": ", Json, Form::Field).starts_with("! the text is not valid JSON"));
        assert!(field(Wire::Bytes, b"", Json, Form::Field).starts_with("! "));
        assert!(field(Wire::Bytes, b"\"\xff\"", Json, Form::Field).starts_with("! the text is not valid UTF-8"));
        assert_eq!(field(Wire::Json, b"null", Json, Form::Field), "null");
        assert_eq!(field(Wire::Bytes, b"{}", Json, Form::Id), "\"{}\"");
    }

    #[test]
    fn text_is_escaped_and_bytes_are_base64() {
        assert_eq!(field(Wire::Bytes, "a\"é".as_bytes(), ColumnType::Text, Form::Field), "\"a\\\"é\"");
        assert!(field(Wire::Bytes, b"\xff", ColumnType::Text, Form::Field).starts_with('!'));
        assert_eq!(field(Wire::Bytes, b"\xff\x00", ColumnType::Binary, Form::Field), "\"/wA=\"");
    }

    #[test]
    fn what_is_too_short_is_refused() {
        for wire in [Wire::Int32, Wire::Double, Wire::Moment, Wire::Span] {
            assert!(field(wire, &[1], ColumnType::Integer, Form::Raw).starts_with('!'), "{wire:?}");
        }
    }

    #[test]
    fn equal_values_have_equal_keys() {
        let text = |text: &str| Key::Text(text.into());
        assert_eq!(key(Wire::Int8, &[3], &ColumnType::Integer), Key::Int(3));
        assert_eq!(key(Wire::Decimal, b"3.0", &ColumnType::BigInteger), Key::Int(3));
        assert_eq!(key(Wire::Uint64, &u64::MAX.to_le_bytes(), &ColumnType::BigInteger), text("18446744073709551615"));
        assert_eq!(key(Wire::Decimal, b"3.50", &ColumnType::Decimal), text("3.5"));
        assert_eq!(key(Wire::Bytes, b"ABCD-ef", &ColumnType::Uuid), text("abcd-ef"));
        assert_eq!(key(Wire::Bytes, b"ABC", &ColumnType::Text), text("ABC"));
        assert_eq!(key(Wire::Bytes, b"\xff", &ColumnType::Text), Key::Bytes([0xff].into()));
        assert_eq!(key(Wire::Bytes, b"ab", &ColumnType::Binary), Key::Bytes((*b"ab").into()));
        let moment = [11, 0xe8, 0x07, 2, 3, 4, 5, 6, 0x20, 0xa1, 7, 0];
        assert_eq!(key(Wire::Moment, &moment, &ColumnType::DateTime), text("2024-02-03 04:05:06.500000"));
        assert_eq!(key(Wire::Moment, &[4, 0xe8, 0x07, 2, 3], &ColumnType::DateTime), text("2024-02-03 00:00:00"));
        assert_eq!(key(Wire::Moment, &[4, 0xe8, 0x07, 2, 3], &ColumnType::Date), text("2024-02-03"));
        assert_eq!(key(Wire::Span, &[8, 1, 1, 0, 0, 0, 1, 0, 0], &ColumnType::Time), text("-25:00:00"));
    }
}
