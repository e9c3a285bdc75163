//! Values as parameters of a statement.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr, postgres::PgArguments};

use super::super::Error;
use crate::value::Value;

/// A statement's text and its parameters, ready for the driver.
pub(super) struct Statement {
    pub(super) text: SqlStr,
    pub(super) arguments: PgArguments,
}

impl Statement {
    /// Encodes the parameters.
    ///
    /// # Errors
    /// [`Error::Value`] for what PostgreSQL cannot hold.
    pub(super) fn new(text: &Arc<str>, parameters: &[Value]) -> Result<Self, Error> {
        let mut arguments = PgArguments::default();
        for parameter in parameters {
            add(&mut arguments, parameter)?;
        }
        Ok(Self { text: signed(text, parameters), arguments })
    }
}

fn add(arguments: &mut PgArguments, parameter: &Value) -> Result<(), Error> {
    use sqlx::Arguments as _;
    match parameter {
        Value::Null => arguments.add(None::<&str>),
        Value::Bool(truth) => arguments.add(truth),
        Value::Int(number) => arguments.add(number),
        Value::Float(number) => arguments.add(number),
        Value::Text(text) => arguments.add(checked(text)?),
        Value::Bytes(bytes) => arguments.add(&**bytes),
        Value::Ints(numbers) => arguments.add(&**numbers),
        Value::Texts(texts) => {
            let texts = texts.iter().map(|text| checked(text)).collect::<Result<Vec<&str>, Error>>()?;
            arguments.add(texts)
        }
        Value::Column(cells) => {
            let cells = cells.iter().map(|cell| cell.as_deref().map(checked).transpose());
            arguments.add(cells.collect::<Result<Vec<Option<&str>>, Error>>()?)
        }
    }
    .map_err(|error| Error::Value(error.to_string()))
}

fn checked(text: &str) -> Result<&str, Error> {
    if text.contains('\0') {
        return Err(Error::Value("text cannot contain the character NUL".to_owned()));
    }
    Ok(text)
}

/// The text, made distinct by its parameters' types.
///
/// The driver finds a prepared statement by its text alone and would send a
/// number to a parameter that was prepared as text (because the first time it
/// was `NULL`), or a double to one prepared as an integer: a wrong value, not
/// an error. So every other set of types is another text. All text needs no
/// mark; `NULL` travels as text.
fn signed(text: &Arc<str>, parameters: &[Value]) -> SqlStr {
    if parameters.iter().all(|parameter| letter(parameter) == 't') {
        return AssertSqlSafe(text.clone()).into_sql_str();
    }
    let mut marked = String::with_capacity(text.len() + parameters.len() + 5);
    marked.push_str(text);
    marked.push_str("\n/*");
    marked.extend(parameters.iter().map(letter));
    marked.push_str("*/");
    AssertSqlSafe(marked).into_sql_str()
}

fn letter(parameter: &Value) -> char {
    match parameter {
        Value::Null | Value::Text(_) => 't',
        Value::Bool(_) => 'b',
        Value::Int(_) => 'i',
        Value::Float(_) => 'f',
        Value::Bytes(_) => 'y',
        Value::Ints(_) => 'I',
        Value::Texts(_) | Value::Column(_) => 'T',
    }
}
