//! How one placeholder gets its value.

use std::sync::Arc;

use super::{keys, statement::Arguments};
use serde_json::Value as Json;

use crate::{
    catalog::Dialect,
    plan::Offset,
    predicate::{ListTerm, Place, Target, Term},
    value::Value,
};

/// Most values of a list in a condition.
const MAX_LIST: usize = 10_000;

/// How one placeholder gets its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parameter {
    /// It has one already.
    Ready(Value),
    /// A term, checked against what it is compared with.
    Term(Term, Target),
    /// Several terms, as a list.
    List(ListTerm, Target),
    /// A text as a pattern.
    Pattern(Term, Pattern),
    /// A text that is looked for as a number or UUID; null when it is none.
    Searched(Term, Target),
    /// Rows to leave out.
    Offset(Offset),
    /// Rows to leave out, and the rows to keep after them.
    OffsetPlus(Offset, u32),
    /// One part of each key of a batch, or all parts.
    Keys(KeyPart),
    /// Rows that are given by their values.
    Values(ValuesPart),
}

/// Which part of rows that are given by their values a placeholder takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ValuesPart {
    /// One column, as a list of texts.
    Column(usize),
    /// All, as JSON.
    Json,
    /// All, each row a `SELECT` of its number and its values, with what stands
    /// around each of them (MySQL).
    Selects(Vec<(&'static str, &'static str)>),
}

/// Which part of a batch's keys a placeholder takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum KeyPart {
    /// One part, as a list.
    Part(usize, Target),
    /// All parts, as JSON.
    Json,
    /// All parts, row by row (MySQL).
    Rows,
    /// The same, each row a `SELECT` of its position and its parts.
    Selects,
}

/// How a text becomes a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) place: Place,
    pub(super) style: PatternStyle,
    /// Whether blanks around it do not count, as in a search.
    pub(super) trim: bool,
}

/// The pattern language of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternStyle {
    /// `LIKE` with a backslash as its escape character.
    LikeEscaped,
    /// `LIKE` without an escape character.
    Like,
    /// SQLite's case-sensitive `GLOB`.
    Glob,
}

impl Parameter {
    /// A term whose value never changes is checked once and for all.
    ///
    /// # Errors
    /// Why the value cannot be used.
    pub(super) fn prepared(self, dialect: Dialect) -> Result<Self, String> {
        use crate::predicate::Bindings;
        let constant = match &self {
            Self::Term(term, _) | Self::Pattern(term, _) | Self::Searched(term, _) => term.is_constant(),
            Self::List(terms, _) => terms.is_constant() && dialect != Dialect::MySql,
            Self::Ready(_) | Self::Offset(_) | Self::OffsetPlus(..) | Self::Keys(_) | Self::Values(_) => false,
        };
        if !constant {
            return Ok(self);
        }
        let bindings = Bindings::at(0);

        self.bind(dialect, &Arguments::new(bindings)).map(Self::Ready)
    }

    /// The value of one that has it already.
    pub(super) fn into_ready(self) -> Option<Value> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Its value.
    pub(super) fn bind(&self, dialect: Dialect, arguments: &Arguments<'_>) -> Result<Value, String> {
        let bindings = &arguments.bindings;
        let resolve = |term: &Term| term.resolve(bindings).cloned().ok_or_else(|| "a variable has no value".to_owned());
        match self {
            Self::Ready(value) => Ok(value.clone()),
            Self::Term(term, target) => match resolve(term)? {
                Json::Null => Err("nobody is named by what stands for the caller".to_owned()),
                json => Ok(for_dialect(dialect, target.bind(&json, bindings.now_micros)?, target)),
            },
            Self::List(terms, target) => {
                let values = list_values(terms, target, arguments)?;
                Ok(keys::list(dialect, values, target))
            }
            Self::Pattern(term, pattern) => {
                let Value::Text(text) = Target::Text.bind(&resolve(term)?, bindings.now_micros)? else {
                    return Err("a pattern must be a text".to_owned());
                };
                Ok(Value::Text(pattern.of(&text)))
            }
            Self::Searched(term, target) => searched(&resolve(term)?, target),
            Self::Offset(offset) => offset.resolve(bindings).map(Value::Int),
            Self::OffsetPlus(offset, limit) => {
                offset.resolve(bindings).map(|offset| Value::Int(offset.saturating_add(i64::from(*limit))))
            }
            Self::Keys(KeyPart::Part(part, target)) => {
                let values = arguments.keys.iter().map(|key| key[*part].to_value()).collect();
                Ok(keys::list(dialect, values, target))
            }
            Self::Keys(KeyPart::Json) => Ok(keys::json(arguments.keys)),
            Self::Values(ValuesPart::Column(at)) => {
                let texts = arguments.rows.iter().map(|row| keys::cell_text(&row[*at]));
                Ok(Value::Column(texts.collect()))
            }
            Self::Values(ValuesPart::Json) => Ok(keys::rows_json(arguments.rows)),
            Self::Keys(KeyPart::Rows | KeyPart::Selects) | Self::Values(ValuesPart::Selects(_)) => {
                Err("rows have no single value".to_owned())
            }
        }
    }

    /// Whether it is written as a list of placeholders in MySQL.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(..) | Self::Keys(_) | Self::Values(_))
    }

    /// What stands around the values of rows that are written as `SELECT`s
    /// (MySQL), if it is such a list; nothing where it is empty.
    pub(super) fn selects(&self) -> Option<&[(&'static str, &'static str)]> {
        match self {
            Self::Keys(KeyPart::Selects) => Some(&[]),
            Self::Values(ValuesPart::Selects(around)) => Some(around),
            _ => None,
        }
    }

    /// Its values row by row, for a list in MySQL; `None` if it is no list.
    pub(super) fn rows(&self, arguments: &Arguments<'_>) -> Result<Option<Vec<Vec<Value>>>, String> {
        Ok(match self {
            Self::List(terms, target) => {
                let values = list_values(terms, target, arguments)?;
                Some(values.into_iter().map(|value| vec![value]).collect())
            }
            Self::Keys(KeyPart::Part(part, _)) => {
                Some(arguments.keys.iter().map(|key| vec![key[*part].to_value()]).collect())
            }
            Self::Keys(KeyPart::Rows | KeyPart::Selects) => {
                Some(arguments.keys.iter().map(|key| key.iter().map(crate::value::Key::to_value).collect()).collect())
            }
            Self::Values(ValuesPart::Selects(_)) => Some(arguments.rows.to_vec()),
            _ => None,
        })
    }
}

fn list_values(terms: &ListTerm, target: &Target, arguments: &Arguments<'_>) -> Result<Vec<Value>, String> {
    let values = terms.resolve(&arguments.bindings);
    let values: Result<Vec<Value>, String> =
        values.iter().map(|json| target.bind(json, arguments.bindings.now_micros)).collect();
    let values = values?;
    if values.len() > MAX_LIST {
        return Err(format!("a list has at most {MAX_LIST} values, not {}", values.len()));
    }
    if values.is_empty() { Err("a list needs at least one value that is not null".to_owned()) } else { Ok(values) }
}

/// SQLite keeps UUIDs as the text that was stored; numbers as numbers.
fn for_dialect(dialect: Dialect, value: Value, target: &Target) -> Value {
    match (dialect, target, value) {
        (Dialect::Sqlite, Target::Boolean, Value::Bool(truth)) => Value::Int(i64::from(truth)),
        (_, _, value) => value,
    }
}

/// Numbers are looked for only in their canonical form (contract 4.4). Always
/// a text, so that one statement serves all terms.
fn searched(json: &serde_json::Value, target: &Target) -> Result<Value, String> {
    let Value::Text(text) = Target::Text.bind(json, 0)? else { return Ok(Value::Null) };
    let text = trimmed(&text);
    let is_canonical = match target {
        Target::Uuid => uuid::Uuid::try_parse(text).is_ok(),
        Target::Integer(_) | Target::Unsigned => text.parse::<i64>().is_ok_and(|number| number.to_string() == text),
        _ => {
            let mut out = Vec::new();
            crate::value::json::write_decimal(&mut out, text) && out == text.as_bytes()
        }
    };
    Ok(if is_canonical { Value::Text(text.into()) } else { Value::Null })
}

/// Without the blanks around it, unless it is nothing but blanks.
fn trimmed(text: &str) -> &str {
    match text.trim() {
        "" => text,
        trimmed => trimmed,
    }
}

impl Pattern {
    fn of(self, text: &str) -> Arc<str> {
        let text = if self.trim { trimmed(text) } else { text };
        let any = if self.style == PatternStyle::Glob { '*' } else { '%' };
        let mut pattern = String::with_capacity(text.len() + 2);
        if self.place != Place::Start {
            pattern.push(any);
        }
        for character in text.chars() {
            match (self.style, character) {
                (PatternStyle::LikeEscaped, '\\') => pattern.push_str("\\\\"),
                (PatternStyle::Glob, '%') => pattern.push('*'),
                (PatternStyle::Glob, '_') => pattern.push('?'),
                (PatternStyle::Glob, '*' | '?' | '[') => pattern.extend(['[', character, ']']),
                _ => pattern.push(character),
            }
        }
        if self.place != Place::End {
            pattern.push(any);
        }
        pattern.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_underscore_are_wildcards_and_nothing_else_is() {
        let pattern = |place, style, text| Pattern { place, style, trim: false }.of(text).to_string();
        assert_eq!(pattern(Place::Inside, PatternStyle::LikeEscaped, r"5%\x"), r"%5%\\x%");
        assert_eq!(pattern(Place::Start, PatternStyle::Like, r"a\b"), r"a\b%");
        assert_eq!(pattern(Place::End, PatternStyle::Glob, "a_b*[%"), "*a?b[*][[]*");
    }
}
