//! The scalar that every layer speaks: what travels to a database as a
//! parameter, and how finished JSON text is written.
//!
//! It knows nothing of tables, dialects or GraphQL.

pub mod json;
pub mod time;

use std::sync::Arc;

/// A value bound to a placeholder of a statement.
///
/// What has no variant of its own (decimals, dates, uuids, JSON …) travels as
/// [`Value::Text`] and is cast by the statement, so one encoder serves all types.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// Any integer type up to 64 bits.
    Int(i64),
    /// A double.
    Float(f64),
    /// Text, and every type that is written as text and cast by the statement.
    Text(Arc<str>),
    /// Binary data.
    Bytes(Arc<[u8]>),
    /// A list of integers, for `= ANY($1)`; never contains `NULL`.
    Ints(Arc<[i64]>),
    /// A list of texts, for `= ANY($1)`; never contains `NULL`.
    Texts(Arc<[Arc<str>]>),
    /// One column of a batch of rows, for `unnest($1)`; `None` is `NULL`.
    Column(Arc<[Option<Arc<str>>]>),
}

/// One part of a row's key, comparable and hashable whatever the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// An integer key.
    Int(i64),
    /// Every other key, by its canonical text (the text a cast to text gives).
    Text(Arc<str>),
    /// A binary key.
    Bytes(Arc<[u8]>),
}

impl Key {
    /// The key as a parameter.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Int(number) => Value::Int(*number),
            Self::Text(text) => Value::Text(text.clone()),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
        }
    }
}
