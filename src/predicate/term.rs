//! Values in a condition, and how they become parameters: bound when a
//! statement runs, checked against the type they are compared with.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value as Json;

use super::{VariableId, now};
use crate::{
    catalog::{Column, ColumnType},
    principal::Principal,
    value::{Key, Value, time},
};

/// One value in a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// Written in the condition.
    Constant(Json),
    /// Given with the operation.
    Variable(VariableId),
}

/// Several values in a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum ListTerm {
    /// Written one by one.
    Terms(Vec<Term>),
    /// One variable that is a list.
    Variable(VariableId),
}

/// What terms are resolved with.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// The operation's variables, by [`VariableId`].
    pub variables: &'a [Option<Json>],
    /// What `$NOW` is, in microseconds since the epoch.
    pub now_micros: i64,
    /// Who `$CURRENT_USER` and the like are.
    pub caller: &'a Principal,
}

impl Bindings<'_> {
    /// Without variables, on nobody's behalf.
    pub fn at(now_micros: i64) -> Self {
        Self { variables: &[], now_micros, caller: Principal::nobody() }
    }

    /// A value of a rule, its texts that stand for the caller or the time in place:
    /// `$CURRENT_USER`, `$NOW(+1 day)`.
    pub fn filled_in(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => match (self.caller.value(text), now::resolve(text, self.now_micros)) {
                (Some(value), _) => value.clone(),
                (None, Some(micros)) => instant_text(micros).into(),
                (None, None) => json.clone(),
            },
            Json::Array(items) => items.iter().map(|item| self.filled_in(item)).collect(),
            Json::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.filled_in(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// A text that stands for something of the caller, as that.
    fn resolved<'a>(&'a self, json: &'a Json) -> &'a Json {
        json.as_str().and_then(|text| self.caller.value(text)).unwrap_or(json)
    }
}

/// What a fraction becomes when it is compared with an integer, so that the
/// comparison's outcome stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down: for `>` and `<=`.
    Down,
    /// Up: for `<` and `>=`.
    Up,
    /// The fraction is refused.
    Refuse,
}

/// The type that a term is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An integer up to 64 bits.
    Integer(Rounding),
    /// An integer that may exceed 64 signed bits, as text.
    Unsigned,
    /// An exact number, as text.
    Decimal,
    /// A single-precision number.
    Float,
    /// A double.
    Double,
    /// A truth value.
    Boolean,
    /// Text.
    Text,
    /// One of a type's values.
    Enumerated(Arc<[String]>),
    /// A UUID.
    Uuid,
    /// An instant, written in UTC.
    Timestamp,
    /// A date and time on a wall clock.
    DateTime,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// Binary data, written as base64.
    Binary,
    /// GeoJSON text.
    GeoJson,
}

impl Target {
    /// What a column's values are compared with.
    pub fn of(column: &Column, rounding: Rounding) -> Self {
        match &column.column_type {
            ColumnType::BigInteger if column.declared.contains("unsigned") => Self::Unsigned,
            ColumnType::Integer | ColumnType::BigInteger => Self::Integer(rounding),
            ColumnType::Float => Self::Float,
            ColumnType::Double => Self::Double,
            ColumnType::Decimal => Self::Decimal,
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::DateTime => Self::DateTime,
            ColumnType::Date => Self::Date,
            ColumnType::Time => Self::Time,
            ColumnType::Binary => Self::Binary,
            ColumnType::Geometry => Self::GeoJson,
            ColumnType::Other if !column.allowed.is_empty() && !column.declared.starts_with("set(") => {
                Self::Enumerated(column.allowed.clone().into())
            }
            ColumnType::Text | ColumnType::Json | ColumnType::Csv | ColumnType::Array(_) | ColumnType::Other => {
                Self::Text
            }
        }
    }

    /// A single value as a parameter; always of the same kind for one target.
    ///
    /// # Errors
    /// The reason, for the client.
    pub fn bind(&self, json: &Json, now_micros: i64) -> Result<Value, String> {
        let instant = json.as_str().and_then(|text| now::resolve(text, now_micros));
        match self {
            Self::Integer(rounding) => integer(json, *rounding),
            Self::Unsigned => decimal(json).map(Value::Text),
            Self::Decimal => decimal(json).map(Value::Text),
            Self::Float => double(json).map(|number| Value::Float(f64::from(number as f32))),
            Self::Double => double(json).map(Value::Float),
            Self::Boolean => boolean(json),
            Self::Text => Ok(Value::Text(text(json)?.into())),
            Self::Enumerated(allowed) => enumerated(json, allowed),
            Self::Uuid => uuid(json),
            Self::Timestamp => moment(json, instant, |moment| moment.epoch_micros()).map(datetime_text),
            Self::DateTime => moment(json, instant, |moment| moment.local_micros()).map(datetime_text),
            Self::Date => moment(json, instant, |moment| moment.days.map(|days| days * time::DAY_US)).map(|micros| {
                let mut out = Vec::with_capacity(10);
                if !time::write_date(&mut out, micros.div_euclid(time::DAY_US)) {
                    // Only an adjusted `$NOW` can leave the four-digit years.
                    out.extend_from_slice(if micros < 0 { b"0001-01-01" } else { b"9999-12-31" });
                }
                utf8(out)
            }),
            Self::Time => moment(json, instant, |moment| moment.micros).map(|micros| {
                let mut out = Vec::with_capacity(15);
                write_precise_time(&mut out, micros.rem_euclid(time::DAY_US));
                utf8(out)
            }),
            Self::Binary => binary(json),
            Self::GeoJson => geo_json(json),
        }
    }

    /// A single value as part of a key, spelled as a row's own key is.
    ///
    /// # Errors
    /// The reason, for the client.
    pub fn key(&self, json: &Json, now_micros: i64) -> Result<Key, String> {
        Ok(match (self, self.bind(json, now_micros)?) {
            (Self::Unsigned, Value::Text(digits)) => digits.parse().map_or(Key::Text(digits), Key::Int),
            (Self::Timestamp | Self::DateTime | Self::Time, Value::Text(text)) => {
                Key::Text(text.strip_suffix(".000000").unwrap_or(&text).replace('T', " ").into())
            }
            (_, Value::Int(number)) => Key::Int(number),
            (_, Value::Bool(truth)) => Key::Int(truth.into()),
            (_, Value::Text(text)) => Key::Text(text),
            (_, Value::Bytes(bytes)) => Key::Bytes(bytes),
            (_, Value::Float(number)) => {
                let mut out = Vec::new();
                if !crate::value::json::write_double(&mut out, number) {
                    return Err(format!("{} is not a finite number", shown(json)));
                }
                Key::Text(String::from_utf8(out).expect("digits are ASCII").into())
            }
            (_, Value::Null | Value::Ints(_) | Value::Texts(_) | Value::Column(_)) => {
                return Err(format!("{} is not a single value", shown(json)));
            }
        })
    }
}

impl Term {
    /// Its value; `None` for a variable that was not given. A text that names
    /// something of the caller stands for that.
    pub fn resolve<'a>(&'a self, bindings: &'a Bindings<'a>) -> Option<&'a Json> {
        let json = match self {
            Self::Constant(json) => json,
            Self::Variable(id) => bindings.variables.get(usize::from(id.0))?.as_ref()?,
        };
        Some(bindings.resolved(json))
    }

    /// Whether it has the same value at every run.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Constant(Json::String(text)) => !text.starts_with('$'),
            Self::Constant(_) => true,
            Self::Variable(_) => false,
        }
    }
}

impl ListTerm {
    /// Its values, nulls left out; a single value counts as a list of one, and
    /// a text in the place of a list is split at its commas (contract 5.2). What
    /// is a list itself, such as `$CURRENT_ROLES`, becomes part of it.
    pub fn resolve<'a>(&'a self, bindings: &'a Bindings<'a>) -> Vec<Cow<'a, Json>> {
        let listed: Vec<Cow<'a, Json>> = match self {
            Self::Terms(terms) => terms.iter().filter_map(|term| term.resolve(bindings)).map(Cow::Borrowed).collect(),
            Self::Variable(id) => match bindings.variables.get(usize::from(id.0)).and_then(Option::as_ref) {
                None => Vec::new(),
                Some(Json::Array(items)) => items.iter().map(|json| Cow::Borrowed(bindings.resolved(json))).collect(),
                Some(Json::String(text)) if bindings.caller.value(text).is_none() => {
                    text.split(',').map(|part| Cow::Owned(Json::String(part.to_owned()))).collect()
                }
                Some(single) => vec![Cow::Borrowed(bindings.resolved(single))],
            },
        };
        let mut values = Vec::with_capacity(listed.len());
        for json in listed {
            match json {
                Cow::Borrowed(Json::Array(items)) => values.extend(items.iter().map(Cow::Borrowed)),
                single => values.push(single),
            }
        }
        values.retain(|json| !json.is_null());
        values
    }

    /// Whether it has the same values at every run.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Terms(terms) => terms.iter().all(Term::is_constant),
            Self::Variable(_) => false,
        }
    }
}

/// How a value is shown in a message: short, whatever the client sent.
fn shown(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The digits of a number, also of one written as a text.
fn number_text(json: &Json) -> Result<String, String> {
    let text = match json {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        _ => String::new(),
    };
    let is_number = !text.is_empty()
        && text.parse::<f64>().is_ok_and(f64::is_finite)
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    is_number.then_some(text).ok_or_else(|| format!("{} is not a number", shown(json)))
}

fn integer(json: &Json, rounding: Rounding) -> Result<Value, String> {
    let text = number_text(json)?;
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Value::Int(number));
    }
    let number: f64 = text.parse().map_err(|_| format!("{} is not a number", shown(json)))?;
    let limit = i64::MAX as f64;
    if number.fract() == 0.0 && number.abs() < limit {
        return Ok(Value::Int(number as i64));
    }
    match rounding {
        // `as` saturates, which is right for comparisons beyond 64 bits.
        Rounding::Down => Ok(Value::Int(number.floor() as i64)),
        Rounding::Up => Ok(Value::Int(number.ceil() as i64)),
        Rounding::Refuse => Err(format!("{} is not an integer", shown(json))),
    }
}

/// Plain digits without padding where the number is written so, so that equal
/// decimals are equal texts.
fn decimal(json: &Json) -> Result<Arc<str>, String> {
    let text = number_text(json)?;
    let mut out = Vec::with_capacity(text.len());
    if crate::value::json::write_decimal(&mut out, &text) {
        return Ok(String::from_utf8(out).expect("digits are ASCII").into());
    }
    Ok(text.into())
}

fn double(json: &Json) -> Result<f64, String> {
    number_text(json)?.parse().map_err(|_| format!("{} is not a number", shown(json)))
}

fn boolean(json: &Json) -> Result<Value, String> {
    match json {
        Json::Bool(truth) => Ok(Value::Bool(*truth)),
        Json::String(text) if text == "true" || text == "1" => Ok(Value::Bool(true)),
        Json::String(text) if text == "false" || text == "0" => Ok(Value::Bool(false)),
        Json::Number(number) if matches!(number.as_i64(), Some(0 | 1)) => Ok(Value::Bool(number.as_i64() == Some(1))),
        _ => Err(format!("{} is neither true nor false", shown(json))),
    }
}

/// Text of any scalar.
pub(super) fn text(json: &Json) -> Result<String, String> {
    match json {
        Json::String(text) if text.contains('\0') => Err("a text cannot contain the character U+0000".to_owned()),
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!("{} is not a text", shown(json))),
    }
}

fn enumerated(json: &Json, allowed: &[String]) -> Result<Value, String> {
    let text = text(json)?;
    if allowed.contains(&text) {
        return Ok(Value::Text(text.into()));
    }
    Err(format!("{} is not one of {}", shown(json), allowed.join(", ")))
}

fn uuid(json: &Json) -> Result<Value, String> {
    let parsed = json.as_str().and_then(|text| uuid::Uuid::try_parse(text.trim()).ok());
    let uuid = parsed.ok_or_else(|| format!("{} is not a UUID", shown(json)))?;
    Ok(Value::Text(uuid.hyphenated().to_string().into()))
}

fn moment(json: &Json, instant: Option<i64>, part: impl Fn(&time::Moment) -> Option<i64>) -> Result<i64, String> {
    if let Some(micros) = instant {
        let now = time::Moment {
            days: Some(micros.div_euclid(time::DAY_US)),
            micros: Some(micros.rem_euclid(time::DAY_US)),
            offset: None,
        };
        return part(&now).ok_or_else(|| "the present has no such part".to_owned());
    }
    let parsed = json.as_str().and_then(time::parse);
    parsed.as_ref().and_then(part).ok_or_else(|| format!("{} is not an ISO 8601 date or time", shown(json)))
}

/// An instant as clients write it.
fn instant_text(micros: i64) -> String {
    match datetime_text(micros) {
        Value::Text(text) => format!("{text}Z"),
        _ => String::new(),
    }
}

fn datetime_text(micros: i64) -> Value {
    let mut out = Vec::with_capacity(26);
    if !time::write_date(&mut out, micros.div_euclid(time::DAY_US)) {
        // Only an adjusted `$NOW` can leave the four-digit years.
        out.extend_from_slice(if micros < 0 { b"0001-01-01" } else { b"9999-12-31" });
    }
    out.push(b'T');
    write_precise_time(&mut out, micros.rem_euclid(time::DAY_US));
    utf8(out)
}

fn write_precise_time(out: &mut Vec<u8>, micros: i64) {
    time::write_time(out, micros);
    out.extend_from_slice(format!(".{:06}", micros % 1_000_000).as_bytes());
}

fn utf8(out: Vec<u8>) -> Value {
    Value::Text(String::from_utf8(out).expect("digits are ASCII").into())
}

fn binary(json: &Json) -> Result<Value, String> {
    use base64::Engine as _;
    let bytes = json.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    bytes.map(|bytes| Value::Bytes(bytes.into())).ok_or_else(|| format!("{} is not base64", shown(json)))
}

fn geo_json(json: &Json) -> Result<Value, String> {
    let is_geometry = json.get("type").is_some_and(Json::is_string)
        && (json.get("coordinates").is_some_and(Json::is_array) || json.get("geometries").is_some_and(Json::is_array));
    is_geometry.then(|| Value::Text(json.to_string().into())).ok_or_else(|| format!("{} is not GeoJSON", shown(json)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fractions_keep_the_outcome_of_integer_comparisons() {
        let bind = |rounding, json| Target::Integer(rounding).bind(&json, 0);
        assert_eq!(bind(Rounding::Down, json!(1.5)), Ok(Value::Int(1)));
        assert_eq!(bind(Rounding::Up, json!(1.5)), Ok(Value::Int(2)));
        assert!(bind(Rounding::Refuse, json!("1.5")).is_err());
        assert_eq!(bind(Rounding::Refuse, json!(2.0)), Ok(Value::Int(2)));
        assert_eq!(bind(Rounding::Up, json!(1e30)), Ok(Value::Int(i64::MAX)));
        assert!(bind(Rounding::Refuse, json!("x")).is_err());
        assert!(bind(Rounding::Refuse, json!(true)).is_err());
    }

    #[test]
    fn instants_are_bound_in_utc() {
        let bound = Target::Timestamp.bind(&json!("2024-02-03T04:05:06.5+02:00"), 0);
        assert_eq!(bound, Ok(Value::Text("2024-02-03T02:05:06.500000".into())));
        assert_eq!(
            Target::DateTime.bind(&json!("2024-02-03"), 0),
            Ok(Value::Text("2024-02-03T00:00:00.000000".into()))
        );
        assert_eq!(Target::Date.bind(&json!("$NOW"), 0), Ok(Value::Text("1970-01-01".into())));
        assert!(Target::Date.bind(&json!("yesterday"), 0).is_err());
    }

    #[test]
    fn a_value_that_an_enumeration_lacks_is_named() {
        let target = Target::Enumerated(vec!["a".to_owned(), "b".to_owned()].into());
        assert_eq!(target.bind(&json!("c"), 0), Err("\"c\" is not one of a, b".to_owned()));
    }

    #[test]
    fn an_adjusted_present_stays_within_the_years_that_can_be_written() {
        let bind = |target: Target, text: &str| target.bind(&json!(text), 0);
        assert_eq!(bind(Target::Date, "$NOW(+4000000 days)"), Ok(Value::Text("9999-12-31".into())));
        assert_eq!(bind(Target::Date, "$NOW(-4000000 days)"), Ok(Value::Text("0001-01-01".into())));
        let Ok(Value::Text(instant)) = bind(Target::Timestamp, "$NOW(+4000000 days)") else { panic!("not a text") };
        assert!(instant.starts_with("9999-12-31T"), "{instant}");
    }
}
