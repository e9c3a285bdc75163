//! What a client wrote as a filter, whatever protocol brought it.

use indexmap::IndexMap;
use serde_json::Value as Json;

/// Position of a variable in its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariableId(pub u16);

/// What is known of a variable's value while planning: as much as the SQL
/// depends on, so that one plan serves all values that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Not given, and without a default.
    Absent,
    /// Null.
    Null,
    /// The text `null`, which stands for null in all but text columns.
    NullText,
    /// The empty text.
    EmptyText,
    /// An empty list.
    EmptyList,
    /// A list with a null in it.
    ListWithNull,
    /// Any other value.
    Present,
}

impl Presence {
    /// What a value looks like.
    pub fn of(value: Option<&Json>) -> Self {
        match value {
            None => Self::Absent,
            Some(Json::Null) => Self::Null,
            Some(Json::String(text)) if text.is_empty() => Self::EmptyText,
            Some(Json::String(text)) if matches!(text.as_str(), "null" | "NULL") => Self::NullText,
            Some(Json::Array(items)) if items.is_empty() => Self::EmptyList,
            Some(Json::Array(items)) if items.iter().any(Json::is_null) => Self::ListWithNull,
            Some(_) => Self::Present,
        }
    }
}

/// A filter as a tree. Numbers keep every digit.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A null, boolean, number or text.
    Scalar(Json),
    /// A list.
    List(Vec<Input>),
    /// An object, members in order.
    Object(IndexMap<String, Input>),
    /// A variable in the place of a value.
    Variable(VariableId, Presence),
}

impl From<Json> for Input {
    fn from(json: Json) -> Self {
        match json {
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

impl Input {
    /// Whether it is null: written so, or a variable that is.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Json::Null) | Self::Variable(_, Presence::Null))
    }

    /// Its value; `None` for a variable that was not given. Members whose
    /// variable was not given count as not written, such elements as null.
    pub fn resolve(&self, variables: &[Option<Json>]) -> Option<Json> {
        Some(match self {
            Self::Scalar(json) => json.clone(),
            Self::List(items) => items.iter().map(|item| item.resolve(variables).unwrap_or(Json::Null)).collect(),
            Self::Object(members) => Json::Object(
                members.iter().filter_map(|(name, item)| Some((name.clone(), item.resolve(variables)?))).collect(),
            ),
            Self::Variable(id, _) => variables.get(usize::from(id.0))?.clone()?,
        })
    }

    /// Number of members of all objects in it.
    pub fn size(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::Variable(..) => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Object(members) => members.values().map(|value| 1 + value.size()).sum(),
        }
    }

    /// What is known of it.
    pub fn presence(&self) -> Presence {
        match self {
            Self::Scalar(json) => Presence::of(Some(json)),
            Self::List(items) if items.is_empty() => Presence::EmptyList,
            Self::List(items) if items.iter().any(Self::is_null) => Presence::ListWithNull,
            Self::List(_) | Self::Object(_) => Presence::Present,
            Self::Variable(_, presence) => *presence,
        }
    }
}
