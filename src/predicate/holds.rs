//! Whether a condition holds of a row in memory, for what a row alone can tell
//! exactly as the databases would: relations, dates, fractions, patterns that
//! ignore case and the like are theirs to answer.

use std::collections::BTreeSet;

use super::{Bindings, ListTerm, Operand, Ordering, Place, Predicate, Rounding, Target, Term, Test};
use crate::{
    catalog::{Column, ColumnId, ColumnType, Dialect, Table},
    value::Key,
};

/// A row that can be looked at.
pub trait Row {
    /// A column's value as part of a key; `None` for null.
    fn value(&self, column: &Column) -> Option<Key>;
}

/// Values under which a condition is found at most.
const MAX_VALUES: usize = 64;

/// Longest pattern with wildcards, in bytes: it is held against many rows.
const MAX_PATTERN: usize = 256;

/// A condition whose values are known, to be asked of many rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All hold.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// A test of a column.
    Column(ColumnId, Check),
}

/// A test with its values.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Is null, or is not.
    Null(bool),
    /// Is null or an empty text, or is neither.
    Empty(bool),
    /// A comparison.
    Order(Ordering, Key),
    /// Between two values, or outside of them.
    Between(bool, Key, Key),
    /// One of some values, or none of them.
    In(bool, BTreeSet<Key>),
    /// A pattern, to be found or not.
    Pattern(bool, Place, String),
}

impl Predicate {
    /// Whether [`Predicate::condition`] can say of any row of a table what the
    /// database would.
    pub fn is_decidable(&self, dialect: Dialect, table: &Table) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.is_decidable(dialect, table)),
            Self::Compare(Operand::Column(column), test) => {
                let comparable = comparable(dialect, table.column(*column));
                match test {
                    Test::Null(_) => true,
                    Test::Empty(_) => comparable != Comparable::No,
                    Test::Order(Ordering::Equal | Ordering::NotEqual, _) | Test::In { .. } => {
                        comparable != Comparable::No
                    }
                    Test::Order(..) | Test::Between { .. } => comparable == Comparable::Ordered,
                    Test::Pattern { insensitive, .. } => !insensitive && comparable == Comparable::Text,
                    Test::Intersects { .. } => false,
                }
            }
            Self::Compare(..) | Self::Related(_) => false,
        }
    }

    /// The same with its values filled in; only where it is decidable.
    ///
    /// # Errors
    /// Why a value cannot be used, for the client.
    pub fn condition(&self, table: &Table, bindings: &Bindings<'_>) -> Result<Condition, String> {
        let all = |parts: &[Self]| -> Result<Vec<Condition>, String> {
            parts.iter().map(|part| part.condition(table, bindings)).collect()
        };
        Ok(match self {
            Self::All(parts) => Condition::All(all(parts)?),
            Self::Any(parts) => Condition::Any(all(parts)?),
            Self::Compare(Operand::Column(column), test) => {
                Condition::Column(*column, check(table.column(*column), test, bindings)?)
            }
            Self::Compare(..) | Self::Related(_) => return Err("a row alone cannot tell".to_owned()),
        })
    }
}

impl Condition {
    /// Whether it holds of a row.
    pub fn holds(&self, table: &Table, row: &impl Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(table, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(table, row)),
            Self::Column(column, check) => {
                let column = table.column(*column);
                passes(column, row.value(column).as_ref(), check)
            }
        }
    }

    /// A column and the values of which it must have one for this to hold, each
    /// once, where there is such a column: what to look conditions up by.
    pub fn required_values(&self) -> Option<(ColumnId, Vec<Key>)> {
        match self {
            Self::All(parts) => parts.iter().filter_map(Self::required_values).min_by_key(|(_, values)| values.len()),
            Self::Any(parts) => match &parts[..] {
                [part] => part.required_values(),
                _ => None,
            },
            Self::Column(column, Check::Order(Ordering::Equal, key)) => Some((*column, vec![key.clone()])),
            Self::Column(column, Check::In(false, keys)) if keys.len() <= MAX_VALUES => {
                Some((*column, keys.iter().cloned().collect()))
            }
            Self::Column(..) => None,
        }
    }
}

/// How exactly a column's values can be compared here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparable {
    /// Not at all.
    No,
    /// Whether they are equal.
    Equal,
    /// Whether they are equal, or hold a text.
    Text,
    /// Which comes first, too.
    Ordered,
}

fn comparable(dialect: Dialect, column: &Column) -> Comparable {
    match &column.column_type {
        ColumnType::Integer | ColumnType::BigInteger if column.declared.contains("unsigned") => Comparable::No,
        ColumnType::Integer | ColumnType::BigInteger => Comparable::Ordered,
        // Elsewhere any number may stand in such a column, and more spellings.
        ColumnType::Boolean | ColumnType::Uuid if dialect == Dialect::Postgres => Comparable::Equal,
        ColumnType::Text if !is_padded(&column.declared) => Comparable::Text,
        _ => Comparable::No,
    }
}

/// Whether blanks at the end do not count, as for `char(n)`.
fn is_padded(declared: &str) -> bool {
    let declared = declared.to_lowercase();
    (declared.starts_with("char") && !declared.contains("varying")) || declared.starts_with("bpchar")
}

fn check(column: &Column, test: &Test, bindings: &Bindings<'_>) -> Result<Check, String> {
    let key = |term: &Term, rounding| {
        let json = term.resolve(bindings).ok_or("a value is not given")?;
        Target::of(column, rounding).key(json, bindings.now_micros)
    };
    Ok(match test {
        Test::Null(wanted) => Check::Null(*wanted),
        Test::Empty(wanted) => Check::Empty(*wanted),
        Test::Order(ordering, term) => Check::Order(*ordering, key(term, rounding(*ordering))?),
        Test::Between { negated, low, high } => {
            let (low, high) = (key(low, Rounding::Up)?, key(high, Rounding::Down)?);
            Check::Between(*negated, low, high)
        }
        Test::In { negated, terms } => Check::In(*negated, keys(column, terms, bindings)?),
        Test::Pattern { place, insensitive: _, negated, term } => {
            let pattern = super::term::text(term.resolve(bindings).ok_or("a value is not given")?)?;
            if has_wildcards(&pattern) && pattern.len() > MAX_PATTERN {
                return Err(format!("a pattern that is followed has at most {MAX_PATTERN} bytes"));
            }
            Check::Pattern(*negated, *place, pattern)
        }
        Test::Intersects { .. } => return Err("a row alone cannot tell".to_owned()),
    })
}

/// As the statements round: so that the outcome for integers stays the same.
fn rounding(ordering: Ordering) -> Rounding {
    match ordering {
        Ordering::Equal | Ordering::NotEqual => Rounding::Refuse,
        Ordering::Greater | Ordering::LessOrEqual => Rounding::Down,
        Ordering::Less | Ordering::GreaterOrEqual => Rounding::Up,
    }
}

fn keys(column: &Column, terms: &ListTerm, bindings: &Bindings<'_>) -> Result<BTreeSet<Key>, String> {
    let target = Target::of(column, Rounding::Refuse);
    terms.resolve(bindings).iter().map(|json| target.key(json, bindings.now_micros)).collect()
}

/// Nulls pass only `Null(true)` and `Empty(true)`.
fn passes(column: &Column, value: Option<&Key>, check: &Check) -> bool {
    let Some(value) = value else { return matches!(check, Check::Null(true) | Check::Empty(true)) };
    match check {
        Check::Null(wanted) => !wanted,
        Check::Empty(wanted) => matches!(value, Key::Text(text) if text.is_empty()) == *wanted,
        Check::Order(ordering, other) => {
            let found = compare(column, value, other);
            match ordering {
                Ordering::Equal => found.is_eq(),
                Ordering::NotEqual => found.is_ne(),
                Ordering::Less => found.is_lt(),
                Ordering::LessOrEqual => found.is_le(),
                Ordering::Greater => found.is_gt(),
                Ordering::GreaterOrEqual => found.is_ge(),
            }
        }
        Check::Between(negated, low, high) => {
            let is_between = compare(column, value, low).is_ge() && compare(column, value, high).is_le();
            is_between != *negated
        }
        Check::In(negated, keys) => keys.contains(value) != *negated,
        Check::Pattern(negated, place, pattern) => match value {
            Key::Text(text) => matches(text, pattern, *place) != *negated,
            Key::Int(_) | Key::Bytes(_) => false,
        },
    }
}

/// An integer column of SQLite may hold a fraction, or a text, which comes
/// behind all numbers.
fn compare(column: &Column, value: &Key, other: &Key) -> std::cmp::Ordering {
    match (&column.column_type, value, other) {
        (ColumnType::Integer | ColumnType::BigInteger, Key::Text(text), Key::Int(other)) => {
            let number = text.parse::<f64>().ok();
            let found = number.and_then(|number| number.partial_cmp(&(*other as f64)));
            found.unwrap_or(std::cmp::Ordering::Greater)
        }
        _ => value.cmp(other),
    }
}

/// `%` stands for any text in a pattern, `_` for any character.
fn has_wildcards(pattern: &str) -> bool {
    pattern.contains(['%', '_'])
}

fn matches(text: &str, pattern: &str, place: Place) -> bool {
    if !has_wildcards(pattern) {
        return match place {
            Place::Inside => text.contains(pattern),
            Place::Start => text.starts_with(pattern),
            Place::End => text.ends_with(pattern),
        };
    }
    let pattern: Vec<char> = match place {
        Place::Inside => format!("%{pattern}%"),
        Place::Start => format!("{pattern}%"),
        Place::End => format!("%{pattern}"),
    }
    .chars()
    .collect();
    is_like(&text.chars().collect::<Vec<_>>(), &pattern)
}

/// The greedy way: only the last `%` ever has to take more.
fn is_like(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut of, mut retry) = (0, 0, None);
    while at < text.len() {
        match pattern.get(of) {
            Some('%') => {
                retry = Some((at, of));
                of += 1;
            }
            Some(wanted) if *wanted == '_' || *wanted == text[at] => {
                at += 1;
                of += 1;
            }
            _ => match retry {
                Some((from, percent)) => {
                    retry = Some((from + 1, percent));
                    (at, of) = (from + 1, percent + 1);
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|rest| *rest == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_two_wildcards() {
        for (text, pattern, place) in [
            ("tidegate", "deg", Place::Inside),
            ("tidegate", "tide", Place::Start),
            ("tidegate", "gate", Place::End),
            ("tidegate", "t%g_te", Place::Start),
            ("aaab", "a%ab", Place::End),
            ("", "", Place::Inside),
            ("größe", "r_ß", Place::Inside),
        ] {
            assert!(matches(text, pattern, place), "{text} {pattern}");
        }
        for (text, pattern, place) in [
            ("tidegate", "Deg", Place::Inside),
            ("tidegate", "ide", Place::Start),
            ("tidegate", "t_g", Place::Inside),
            ("aaab", "a_b_", Place::End),
            ("", "_", Place::Inside),
        ] {
            assert!(!matches(text, pattern, place), "{text} {pattern}");
        }
    }

    #[test]
    fn only_texts_that_end_as_they_were_written_are_compared() {
        for declared in ["text", "character varying(10)", "varchar(10)", "CHARACTER VARYING", "longtext"] {
            assert!(!is_padded(declared), "{declared}");
        }
        for declared in ["character(10)", "char(3)", "CHAR", "bpchar"] {
            assert!(is_padded(declared), "{declared}");
        }
    }
}
