//! Whether a condition holds of a row in memory, for what a row alone can tell
//! exactly as the databases would: relations, dates with fractions, patterns
//! that ignore case and the like are theirs to answer.

use super::{Bindings, ListTerm, Operand, Ordering, Place, Predicate, Rounding, Target, Term, Test};
use crate::{
    catalog::{Column, ColumnId, ColumnType, Table},
    value::Key,
};

/// A row that can be looked at.
pub trait Row {
    /// A column's value as part of a key; `None` for null.
    fn value(&self, column: &Column) -> Option<Key>;
}

/// Values under which subscriptions of one predicate are found at most.
const MAX_VALUES: usize = 64;

impl Predicate {
    /// Whether [`Predicate::holds`] can say of any row of a table what the
    /// database would.
    pub fn is_decidable(&self, table: &Table) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.is_decidable(table)),
            Self::Compare(Operand::Column(column), test) => is_decidable(table.column(*column), test),
            Self::Compare(..) | Self::Related(_) => false,
        }
    }

    /// Whether it holds of a row; only to be asked where it is decidable. A term
    /// that cannot be used holds of nothing, as no statement could be run with it.
    pub fn holds(&self, table: &Table, row: &impl Row, bindings: &Bindings<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(table, row, bindings)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(table, row, bindings)),
            Self::Compare(Operand::Column(column), test) => {
                let column = table.column(*column);
                passes(column, row.value(column).as_ref(), test, bindings)
            }
            Self::Compare(..) | Self::Related(_) => false,
        }
    }

    /// A column and the values of which it must have one for this to hold, where
    /// there is such a column: what to look a row's predicates up by.
    pub fn required_values(&self, table: &Table, bindings: &Bindings<'_>) -> Option<(ColumnId, Vec<Key>)> {
        match self {
            Self::All(parts) => {
                let found = parts.iter().filter_map(|part| part.required_values(table, bindings));
                found.min_by_key(|(_, values)| values.len())
            }
            Self::Any(parts) => match &parts[..] {
                [part] => part.required_values(table, bindings),
                _ => None,
            },
            Self::Compare(Operand::Column(id), test) => {
                let column = table.column(*id);
                if !is_decidable(column, test) {
                    return None;
                }
                let values = match test {
                    Test::Order(Ordering::Equal, term) => vec![key(column, term, bindings)?],
                    Test::In { negated: false, terms } => keys(column, terms, bindings)?,
                    _ => return None,
                };
                (values.len() <= MAX_VALUES).then_some((*id, values))
            }
            Self::Compare(..) | Self::Related(_) => None,
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

fn comparable(column: &Column) -> Comparable {
    match &column.column_type {
        ColumnType::Integer | ColumnType::BigInteger if column.declared.contains("unsigned") => Comparable::Equal,
        ColumnType::Integer | ColumnType::BigInteger | ColumnType::Boolean => Comparable::Ordered,
        ColumnType::Uuid => Comparable::Equal,
        ColumnType::Text if !is_padded(&column.declared) => Comparable::Text,
        _ => Comparable::No,
    }
}

/// Whether blanks at the end do not count, as for `char(n)`.
fn is_padded(declared: &str) -> bool {
    let declared = declared.to_lowercase();
    (declared.starts_with("char") && !declared.contains("varying")) || declared.starts_with("bpchar")
}

fn is_decidable(column: &Column, test: &Test) -> bool {
    let comparable = comparable(column);
    match test {
        Test::Null(_) => true,
        Test::Empty(_) => comparable != Comparable::No,
        Test::Order(Ordering::Equal | Ordering::NotEqual, _) | Test::In { .. } => comparable != Comparable::No,
        Test::Order(..) | Test::Between { .. } => comparable == Comparable::Ordered,
        Test::Pattern { insensitive, .. } => !insensitive && comparable == Comparable::Text,
        Test::Intersects { .. } => false,
    }
}

fn key(column: &Column, term: &Term, bindings: &Bindings<'_>) -> Option<Key> {
    rounded(column, term, Rounding::Refuse, bindings)
}

fn rounded(column: &Column, term: &Term, rounding: Rounding, bindings: &Bindings<'_>) -> Option<Key> {
    Target::of(column, rounding).key(term.resolve(bindings)?, bindings.now_micros).ok()
}

fn keys(column: &Column, terms: &ListTerm, bindings: &Bindings<'_>) -> Option<Vec<Key>> {
    let target = Target::of(column, Rounding::Refuse);
    terms.resolve(bindings).iter().map(|json| target.key(json, bindings.now_micros).ok()).collect()
}

/// Nulls pass only `Null(true)` and `Empty(true)`.
fn passes(column: &Column, value: Option<&Key>, test: &Test, bindings: &Bindings<'_>) -> bool {
    let Some(value) = value else { return matches!(test, Test::Null(true) | Test::Empty(true)) };
    match test {
        Test::Null(wanted) => !wanted,
        Test::Empty(wanted) => matches!(value, Key::Text(text) if text.is_empty()) == *wanted,
        Test::Order(ordering, term) => in_order(column, value, *ordering, term, bindings),
        Test::Between { negated, low, high } => {
            let above = in_order(column, value, Ordering::GreaterOrEqual, low, bindings);
            let below = in_order(column, value, Ordering::LessOrEqual, high, bindings);
            (above && below) != *negated
        }
        Test::In { negated, terms } => {
            keys(column, terms, bindings).is_some_and(|keys| keys.contains(value) != *negated)
        }
        Test::Pattern { place, insensitive: _, negated, term } => {
            let Key::Text(text) = value else { return false };
            let pattern = term.resolve(bindings).and_then(|json| super::term::text(json).ok());
            pattern.is_some_and(|pattern| matches(text, &pattern, *place) != *negated)
        }
        Test::Intersects { .. } => false,
    }
}

fn in_order(column: &Column, value: &Key, ordering: Ordering, term: &Term, bindings: &Bindings<'_>) -> bool {
    // As the statements round: so that the outcome for integers stays the same.
    let rounding = match ordering {
        Ordering::Equal | Ordering::NotEqual => Rounding::Refuse,
        Ordering::Greater | Ordering::LessOrEqual => Rounding::Down,
        Ordering::Less | Ordering::GreaterOrEqual => Rounding::Up,
    };
    let Some(other) = rounded(column, term, rounding, bindings) else { return false };
    match ordering {
        Ordering::Equal => *value == other,
        Ordering::NotEqual => *value != other,
        Ordering::Less => *value < other,
        Ordering::LessOrEqual => *value <= other,
        Ordering::Greater => *value > other,
        Ordering::GreaterOrEqual => *value >= other,
    }
}

/// `%` stands for any text in a pattern, `_` for any character.
fn matches(text: &str, pattern: &str, place: Place) -> bool {
    if !pattern.contains(['%', '_']) {
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
