//! Cells in PostgreSQL's binary form, written as JSON without a value between.
//!
//! What a cell *is* comes from the type that the server sent, what it is
//! *meant to be* from the column. Everything the SQL above cannot rely on here
//! is selected as text.

use std::str::from_utf8;

use super::{
    super::{CellError, Form},
    numeric::Numeric,
    temporal::Moment,
};
use crate::{
    catalog::ColumnType,
    value::{json, time},
};

/// How the cells of one result column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    /// `char(n)`: text whose trailing blanks do not count.
    Padded,
    /// `"char"`: one byte.
    Char,
    Uuid,
    Timestamptz,
    Timestamp,
    Date,
    Time,
    Json,
    Jsonb,
    Bytea,
    Array,
    /// A type of this id, which should have been selected as text.
    Unknown(u32),
}

impl Decoder {
    /// By the type's id in `pg_type`; built-in types never change theirs.
    pub(super) fn of(oid: u32) -> Self {
        match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            18 => Self::Char,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            // text, varchar, name, unknown
            25 | 1043 | 19 | 705 => Self::Text,
            1042 => Self::Padded,
            114 => Self::Json,
            700 => Self::Float4,
            701 => Self::Float8,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            1700 => Self::Numeric,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            other if element(other).is_some() => Self::Array,
            other => Self::Unknown(other),
        }
    }
}

/// What an array of a type that can be read is made of.
fn element(array: u32) -> Option<u32> {
    Some(match array {
        1000 => 16,
        1001 => 17,
        1002 => 18,
        1003 => 19,
        1016 => 20,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1028 => 26,
        199 => 114,
        1021 => 700,
        1022 => 701,
        1014 => 1042,
        1015 => 1043,
        1182 => 1082,
        1183 => 1083,
        1115 => 1114,
        1185 => 1184,
        1231 => 1700,
        2951 => 2950,
        3807 => 3802,
        _ => return None,
    })
}

/// The type that fits a wire type best, by its id in `pg_type`.
pub(super) fn column_type(oid: u32) -> ColumnType {
    match Decoder::of(oid) {
        Decoder::Bool => ColumnType::Boolean,
        Decoder::Int2 | Decoder::Int4 => ColumnType::Integer,
        Decoder::Int8 | Decoder::Oid => ColumnType::BigInteger,
        Decoder::Float4 => ColumnType::Float,
        Decoder::Float8 => ColumnType::Double,
        Decoder::Numeric => ColumnType::Decimal,
        Decoder::Text | Decoder::Padded | Decoder::Char => ColumnType::Text,
        Decoder::Uuid => ColumnType::Uuid,
        Decoder::Timestamptz => ColumnType::Timestamp,
        Decoder::Timestamp => ColumnType::DateTime,
        Decoder::Date => ColumnType::Date,
        Decoder::Time => ColumnType::Time,
        Decoder::Json | Decoder::Jsonb => ColumnType::Json,
        Decoder::Bytea => ColumnType::Binary,
        Decoder::Array => ColumnType::Array(Box::new(element(oid).map_or(ColumnType::Other, column_type))),
        Decoder::Unknown(_) => ColumnType::Other,
    }
}

/// Appends a cell. After an error the end of `out` is undefined.
pub(super) fn write(
    decoder: Decoder,
    bytes: &[u8],
    column_type: &ColumnType,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    match decoder {
        Decoder::Int2 => integer(i64::from(i16::from_be_bytes(fixed(bytes)?)), column_type, form, out),
        Decoder::Int4 => integer(i64::from(i32::from_be_bytes(fixed(bytes)?)), column_type, form, out),
        Decoder::Int8 => integer(i64::from_be_bytes(fixed(bytes)?), column_type, form, out),
        Decoder::Oid => integer(i64::from(u32::from_be_bytes(fixed(bytes)?)), column_type, form, out),
        Decoder::Float4 => float(f32::from_be_bytes(fixed(bytes)?), column_type, form, out),
        Decoder::Float8 => double(f64::from_be_bytes(fixed(bytes)?), column_type, form, out),
        Decoder::Numeric => numeric(bytes, column_type, form, out),
        Decoder::Bool => {
            let truth: &[u8] = if fixed::<1>(bytes)? == [0] { b"false" } else { b"true" };
            plain(form, out, |out| out.extend_from_slice(truth));
            Ok(())
        }
        Decoder::Text | Decoder::Padded | Decoder::Char => text(utf8(single(decoder, bytes))?, column_type, form, out),
        Decoder::Uuid => {
            out.push(b'"');
            write_uuid(fixed(bytes)?, out);
            out.push(b'"');
            Ok(())
        }
        Decoder::Timestamptz | Decoder::Timestamp | Decoder::Date | Decoder::Time => temporal(decoder, bytes, out),
        Decoder::Json => document(utf8(bytes)?, form, out),
        Decoder::Jsonb => document(utf8(jsonb(bytes)?)?, form, out),
        Decoder::Bytea => {
            json::write_base64(out, bytes);
            Ok(())
        }
        Decoder::Array => array(bytes, column_type, form, out),
        Decoder::Unknown(oid) => {
            Err(CellError(format!("the database sent a value of a type that cannot be read (type id {oid})")))
        }
    }
}

/// The bytes of a fixed-width type.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CellError> {
    bytes.try_into().map_err(|_| malformed())
}

/// The document of a `jsonb`, behind its version.
pub(super) fn jsonb(bytes: &[u8]) -> Result<&[u8], CellError> {
    match bytes {
        [1, document @ ..] => Ok(document),
        _ => Err(malformed()),
    }
}

/// A `"char"` of zero is the empty string; other texts are as they are.
pub(super) fn single(decoder: Decoder, bytes: &[u8]) -> &[u8] {
    if decoder == Decoder::Char && bytes == [0] { &[] } else { bytes }
}

/// Text of a database whose encoding is `SQL_ASCII` may be anything.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, CellError> {
    from_utf8(bytes).map_err(|_| CellError("the text is not valid UTF-8".to_owned()))
}

/// Appends the 36 characters of a UUID.
pub(super) fn write_uuid(bytes: [u8; 16], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

fn malformed() -> CellError {
    CellError("the database sent a malformed value".to_owned())
}

/// Writes what is no string in JSON, in quotes where an `ID` is wanted.
fn plain(form: Form, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if form == Form::Id {
        out.push(b'"');
        write(out);
        out.push(b'"');
    } else {
        write(out);
    }
}

fn integer(number: i64, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    match (form, column_type) {
        (Form::Field, ColumnType::Integer) if i32::try_from(number).is_err() => {
            Err(CellError(format!("{number} does not fit a 32-bit Int")))
        }
        // The contract's quirk: zero passes as a number.
        (Form::Field, ColumnType::BigInteger) if number != 0 => {
            plain(Form::Id, out, |out| json::write_int(out, number));
            Ok(())
        }
        _ => {
            plain(form, out, |out| json::write_int(out, number));
            Ok(())
        }
    }
}

fn numeric(bytes: &[u8], column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    let number = Numeric::read(bytes).map_err(|reason| CellError(reason.to_string()))?;
    if form == Form::Field && column_type.is_integer() {
        let whole = number.to_i64().ok_or_else(no_integer)?;
        return integer(whole, column_type, form, out);
    }
    plain(form, out, |out| number.write(out));
    Ok(())
}

fn float(number: f32, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if form == Form::Field && column_type.is_integer() || !number.is_finite() {
        return double(f64::from(number), column_type, form, out);
    }
    plain(form, out, |out| {
        let _finite = json::write_float(out, number);
    });
    Ok(())
}

fn double(number: f64, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if !number.is_finite() {
        let name = if number.is_nan() { "NaN" } else { "infinity" };
        return Err(CellError(format!("{name} cannot be represented as a number")));
    }
    if form == Form::Field && column_type.is_integer() {
        // Doubles hold integers exactly up to 2^53; beyond, the value was inexact before.
        let whole = (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64);
        return integer(whole.ok_or_else(no_integer)?, column_type, form, out);
    }
    plain(form, out, |out| {
        let _finite = json::write_double(out, number);
    });
    Ok(())
}

fn no_integer() -> CellError {
    CellError("the number is not an integer of 64 bits".to_owned())
}

fn text(text: &str, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    match column_type {
        ColumnType::Json | ColumnType::Geometry => {
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|_| CellError("the text is not valid JSON".to_owned()))?;
            document(text, form, out)
        }
        ColumnType::Csv if form != Form::Id => {
            json::write_csv(out, text);
            Ok(())
        }
        ColumnType::Array(_) => Err(CellError("the database sent a text where a list was expected".to_owned())),
        _ => {
            json::write_string(out, text);
            Ok(())
        }
    }
}

fn document(document: &str, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    match form {
        Form::Id => json::write_string(out, document),
        Form::Field | Form::Raw => out.extend_from_slice(document.as_bytes()),
    }
    Ok(())
}

fn temporal(decoder: Decoder, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CellError> {
    out.push(b'"');
    if decoder == Decoder::Time {
        time::write_time(out, i64::from_be_bytes(fixed(bytes)?));
    } else {
        let moment = match decoder {
            Decoder::Date => Moment::of_days(i32::from_be_bytes(fixed(bytes)?)),
            _ => Moment::of_micros(i64::from_be_bytes(fixed(bytes)?)),
        };
        let (days, micros) = moment.spellable().map_err(|reason| CellError(reason.to_owned()))?;
        let spelt = match decoder {
            Decoder::Date => time::write_date(out, days),
            Decoder::Timestamptz => time::write_timestamp(out, micros),
            _ => time::write_datetime(out, micros),
        };
        debug_assert!(spelt, "what is spellable was spelt");
    }
    out.push(b'"');
    Ok(())
}

fn array(bytes: &[u8], column_type: &ColumnType, form: Form, out: &mut Vec<u8>) -> Result<(), CellError> {
    if form == Form::Id {
        let from = out.len();
        array(bytes, column_type, Form::Raw, out)?;
        let list = out.split_off(from);
        json::write_string(out, utf8(&list)?);
        return Ok(());
    }
    let element_type = match column_type {
        ColumnType::Array(element) => element,
        _ => column_type,
    };
    let array = Array::read(bytes)?;
    out.push(b'[');
    for (at, element) in array.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match element? {
            (_, None) => out.extend_from_slice(b"null"),
            (decoder, Some(element)) => write(decoder, element, element_type, form, out)?,
        }
    }
    out.push(b']');
    Ok(())
}

/// The elements of an array of at most one dimension.
struct Array<'a> {
    decoder: Decoder,
    left: usize,
    rest: &'a [u8],
}

impl<'a> Array<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, CellError> {
        let dimensions = take_i32(&mut bytes)?;
        let _has_nulls = take_i32(&mut bytes)?;
        let decoder = Decoder::of(take_i32(&mut bytes)? as u32);
        let left = match dimensions {
            0 => 0,
            1 => {
                let length = take_i32(&mut bytes)?;
                let _lower_bound = take_i32(&mut bytes)?;
                usize::try_from(length).map_err(|_| malformed())?
            }
            _ => {
                return Err(CellError(format!("an array of {dimensions} dimensions cannot be represented as a list")));
            }
        };
        Ok(Self { decoder, left, rest: bytes })
    }

    fn element(&mut self) -> Result<Option<&'a [u8]>, CellError> {
        match take_i32(&mut self.rest)? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| malformed())?;
                let (element, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
                self.rest = rest;
                Ok(Some(element))
            }
        }
    }
}

impl<'a> Iterator for Array<'a> {
    type Item = Result<(Decoder, Option<&'a [u8]>), CellError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let element = self.element();
        if element.is_err() {
            self.left = 0;
        }
        Some(element.map(|element| (self.decoder, element)))
    }
}

fn take_i32(bytes: &mut &[u8]) -> Result<i32, CellError> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(oid: u32, bytes: &[u8], column_type: &ColumnType, form: Form) -> Result<String, String> {
        let mut out = Vec::new();
        write(Decoder::of(oid), bytes, column_type, form, &mut out).map_err(|error| error.0)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn integers_take_the_form_that_is_asked_for() {
        let int8 = |number: i64, column_type, form| cell(20, &number.to_be_bytes(), &column_type, form);
        assert_eq!(int8(7, ColumnType::BigInteger, Form::Field).unwrap(), "\"7\"");
        assert_eq!(int8(0, ColumnType::BigInteger, Form::Field).unwrap(), "0");
        assert_eq!(int8(0, ColumnType::BigInteger, Form::Id).unwrap(), "\"0\"");
        assert_eq!(int8(7, ColumnType::BigInteger, Form::Raw).unwrap(), "7");
        assert_eq!(int8(7, ColumnType::Integer, Form::Field).unwrap(), "7");
        assert_eq!(int8(1 << 31, ColumnType::Integer, Form::Raw).unwrap(), "2147483648");
        assert!(int8(1 << 31, ColumnType::Integer, Form::Field).unwrap_err().contains("32-bit"));
        assert_eq!(cell(16, &[1], &ColumnType::Boolean, Form::Id).unwrap(), "\"true\"");
    }

    #[test]
    fn text_is_checked_where_it_stands_for_json() {
        assert_eq!(cell(25, b"{\"a\":1}", &ColumnType::Geometry, Form::Field).unwrap(), "{\"a\":1}");
        assert!(cell(25, b"{\"a\":1", &ColumnType::Json, Form::Field).is_err());
        assert_eq!(cell(25, b"a\"b", &ColumnType::Text, Form::Field).unwrap(), "\"a\\\"b\"");
        assert!(cell(25, &[0xff], &ColumnType::Text, Form::Field).is_err());
    }

    #[test]
    fn malformed_cells_are_errors() {
        for oid in [16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 3802, 1007, 869] {
            assert!(cell(oid, &[9, 9, 9], &ColumnType::Other, Form::Field).is_err(), "{oid}");
        }
        let cut: Vec<u8> = [1_i32, 0, 23, 2, 1, 4, 5].iter().flat_map(|word| word.to_be_bytes()).collect();
        assert!(cell(1007, &cut, &ColumnType::Other, Form::Field).is_err());
    }
}
