//! A statement: its text and how its parameters are computed when it runs.

use std::{borrow::Cow, sync::Arc};

use super::parameter::Parameter;
use crate::{
    catalog::Dialect,
    predicate::Bindings,
    value::{Key, Value},
};

/// Stands in a MySQL text where a list of placeholders goes, as many as the
/// list has values.
pub(super) const LIST_MARK: char = '\u{1}';

/// MySQL's protocol counts placeholders with 16 bits; a list takes half of them
/// at most.
const MAX_PLACEHOLDERS: usize = 32_768;

/// SQL text with parameters that are computed when it runs.
#[derive(Debug)]
pub struct Statement {
    pub(super) dialect: Dialect,
    pub(super) text: Arc<str>,
    pub(super) parameters: Vec<Parameter>,
    /// What each row holds, by position; leading look-up columns included.
    pub(super) width: usize,
}

/// What a statement's parameters are computed from.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    /// Variables and the time.
    pub bindings: Bindings<'a>,
    /// The keys of a batch, each as many parts as the look-up has columns.
    pub keys: &'a [Vec<Key>],
    /// Rows that are given by their values, see [`super::JudgeStatement`].
    pub rows: &'a [Vec<Value>],
}

impl<'a> Arguments<'a> {
    /// Of a statement that looks nothing up.
    pub fn new(bindings: Bindings<'a>) -> Self {
        Self { bindings, keys: &[], rows: &[] }
    }

    /// Of a look-up.
    pub fn of_keys(bindings: Bindings<'a>, keys: &'a [Vec<Key>]) -> Self {
        Self { keys, ..Self::new(bindings) }
    }
}

/// A statement ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The text.
    pub text: Arc<str>,
    /// The values for its placeholders.
    pub values: Vec<Value>,
}

impl Statement {
    /// The text, for people: of a list of placeholders the first is shown.
    pub fn text(&self) -> Cow<'_, str> {
        let mut pieces = self.text.split(LIST_MARK);
        let mut text = Cow::Borrowed(pieces.next().unwrap_or_default());
        let mut lists = self.parameters.iter().filter(|parameter| parameter.is_list());
        for piece in pieces {
            let by_selects = lists.next().is_some_and(|list| list.selects().is_some());
            text.to_mut().push_str(if by_selects { " UNION ALL SELECT 0, ?, …" } else { "(?, …)" });
            text.to_mut().push_str(piece);
        }
        text
    }

    /// Memory that it takes, in bytes, roughly: here, and once more where a
    /// driver keeps it prepared.
    pub fn weight(&self) -> usize {
        2 * self.text.len() + 128 * self.parameters.len()
    }

    /// Number of columns of its rows.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The values of all parameters but a batch's keys: what look-ups must have
    /// in common, beside the text, to share a batch.
    ///
    /// # Errors
    /// Why a client's value cannot be used.
    pub fn fixed(&self, bindings: &Bindings<'_>) -> Result<Vec<Value>, String> {
        let arguments = Arguments::new(*bindings);
        let mut values = Vec::new();
        for parameter in &self.parameters {
            match parameter {
                Parameter::Keys(_) | Parameter::Values(_) | Parameter::Ready(_) => {}
                other => match other.rows(&arguments)? {
                    Some(rows) => {
                        // Lists side by side must not be taken for one another.
                        values.push(Value::Int(rows.len() as i64));
                        values.extend(rows.into_iter().flatten());
                    }
                    None => values.push(other.bind(self.dialect, &arguments)?),
                },
            }
        }
        Ok(values)
    }

    /// Computes the parameters.
    ///
    /// # Errors
    /// Why a client's value cannot be used.
    pub fn bind(&self, arguments: &Arguments<'_>) -> Result<Bound, String> {
        let mut values = Vec::with_capacity(self.parameters.len());
        if self.dialect != Dialect::MySql || !self.text.contains(LIST_MARK) {
            for parameter in &self.parameters {
                values.push(parameter.bind(self.dialect, arguments)?);
            }
            return Ok(Bound { text: self.text.clone(), values });
        }
        self.bind_expanded(arguments)
    }

    /// MySQL has no arrays: lists become as many placeholders as the next power
    /// of two, the last value repeated, so that few different texts arise.
    fn bind_expanded(&self, arguments: &Arguments<'_>) -> Result<Bound, String> {
        let mut text = String::with_capacity(self.text.len() + 64);
        let mut values = Vec::new();
        let mut pieces = self.text.split(LIST_MARK);
        text.push_str(pieces.next().unwrap_or_default());
        for parameter in &self.parameters {
            let Some(rows) = parameter.rows(arguments)? else {
                values.push(parameter.bind(self.dialect, arguments)?);
                continue;
            };
            let padded = rows.len().next_power_of_two();
            let Some(last) = rows.last() else { return Err("a list needs at least one value".to_owned()) };
            if let Some(around) = parameter.selects() {
                write_selects(&mut text, &mut values, &rows, padded, around);
                text.push_str(pieces.next().unwrap_or_default());
                continue;
            }
            if padded * last.len() > MAX_PLACEHOLDERS {
                write_literals(&mut text, &mut values, &rows);
                text.push_str(pieces.next().unwrap_or_default());
                continue;
            }
            text.push('(');
            for (at, row) in rows.iter().chain(std::iter::repeat_n(last, padded - rows.len())).enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write_row(&mut text, row.len());
                values.extend(row.iter().cloned());
            }
            text.push(')');
            text.push_str(pieces.next().unwrap_or_default());
        }
        Ok(Bound { text: text.into(), values })
    }
}

/// A list that is longer than there are placeholders: integers stand in the text.
fn write_literals(text: &mut String, values: &mut Vec<Value>, rows: &[Vec<Value>]) {
    for (at, row) in rows.iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "(" });
        text.push_str(if row.len() > 1 { "(" } else { "" });
        for (part, value) in row.iter().enumerate() {
            text.push_str(if part > 0 { ", " } else { "" });
            match value {
                Value::Int(number) => text.push_str(&number.to_string()),
                other => {
                    text.push('?');
                    values.push(other.clone());
                }
            }
        }
        text.push_str(if row.len() > 1 { ")" } else { "" });
    }
    text.push(')');
}

/// ` UNION ALL SELECT 0, ? UNION ALL SELECT 1, ?`; what is added is null, which
/// nothing equals.
fn write_selects(
    text: &mut String,
    values: &mut Vec<Value>,
    rows: &[Vec<Value>],
    padded: usize,
    around: &[(&str, &str)],
) {
    let width = rows.first().map_or(0, Vec::len);
    for at in 0..padded {
        text.push_str(" UNION ALL SELECT ");
        text.push_str(&at.to_string());
        for part in 0..width {
            let (before, after) = around.get(part).copied().unwrap_or_default();
            text.extend([", ", before, "?", after]);
        }
        match rows.get(at) {
            Some(row) => values.extend(row.iter().cloned()),
            None => values.extend(std::iter::repeat_n(Value::Null, width)),
        }
    }
}

fn write_row(text: &mut String, width: usize) {
    if width == 1 {
        text.push('?');
        return;
    }
    text.push('(');
    for part in 0..width {
        text.push_str(if part > 0 { ", ?" } else { "?" });
    }
    text.push(')');
}
