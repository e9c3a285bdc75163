//! What can be said of a row: one boolean language for filters, permission
//! rules and subscriptions (contract `graphql.md` section 5).
//!
//! Pure, and ignorant of SQL: a predicate names columns and relationships of a
//! catalog, and terms that are bound to values when a statement runs.

mod describe;
mod holds;
mod input;
mod json_path;
mod now;
mod operator;
mod parse;
mod term;

pub(crate) use self::parse::function_operand;
pub use self::{
    describe::describe,
    holds::{Check, Condition, Row},
    input::{Input, Presence, VariableId},
    json_path::{JsonPath, Segment},
    parse::{Context, parse, parse_function},
    term::{Bindings, ListTerm, Rounding, Target, Term},
};

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Cardinality, Catalog, ColumnId, RelationshipId, TableId};

/// A condition on a row of one table.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// All hold; none means true.
    All(Vec<Predicate>),
    /// At least one holds; none means false.
    Any(Vec<Predicate>),
    /// A test of one operand.
    Compare(Operand, Test),
    /// A condition on related rows.
    Related(Related),
}

/// A condition on related rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// The way to them.
    pub relationship: RelationshipId,
    /// How many of them it is about.
    pub quantifier: Quantifier,
    /// What must hold of them.
    pub predicate: Box<Predicate>,
    /// Which of them are there at all for the caller.
    pub visible: Box<Predicate>,
    /// Whether a row of nulls will do where there is none, whatever the caller may
    /// see of others.
    pub nulls_will_do: bool,
}

/// How many related rows a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// The related row, or one of them; where there is none, a row of nulls
    /// stands in for it, as in a left join.
    Joined,
    /// At least one that the caller may read.
    Some,
    /// Not a single one that the caller may read.
    None,
}

/// What a test looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A column's value.
    Column(ColumnId),
    /// A part of a date or time.
    Part(DatePart, ColumnId),
    /// The length of a JSON array; 0 for any other document.
    JsonLength(ColumnId),
    /// What lies under a path in a JSON document.
    JsonPath(ColumnId, JsonPath),
    /// The number of related rows that are there for the caller, by the
    /// predicate that tells which.
    Count(RelationshipId, Box<Predicate>),
    /// A column that is shown to nobody: whether it has a value, and no more.
    Concealed(ColumnId),
    /// A column's value as what leads to related rows, which may be a field of
    /// other rights than the column.
    Way(RelationshipId, ColumnId),
    /// Something that is there for the caller in some rows only: null in the others.
    Masked(Box<Operand>, Box<Predicate>),
}

impl Operand {
    /// The same in whatever row.
    pub fn unmasked(&self) -> &Self {
        match self {
            Self::Masked(operand, _) => operand.unmasked(),
            operand => operand,
        }
    }

    /// The columns of its own table that it looks at, those that lead to related
    /// rows included.
    pub fn own_columns(&self, catalog: &Catalog) -> BTreeSet<ColumnId> {
        match self {
            Self::Column(column)
            | Self::Part(_, column)
            | Self::JsonLength(column)
            | Self::JsonPath(column, _)
            | Self::Concealed(column)
            | Self::Way(_, column) => BTreeSet::from([*column]),
            Self::Count(relationship, _) => way(catalog, *relationship),
            Self::Masked(operand, rows) => {
                operand.own_columns(catalog).into_iter().chain(rows.own_columns(catalog)).collect()
            }
        }
    }

    /// Adds the columns of other tables that it looks at.
    pub fn add_related_columns(&self, catalog: &Catalog, columns: &mut BTreeMap<TableId, BTreeSet<ColumnId>>) {
        match self {
            Self::Count(relationship, visible) => add_way(catalog, *relationship, &[visible], columns),
            Self::Masked(operand, rows) => {
                operand.add_related_columns(catalog, columns);
                rows.add_related_columns(catalog, columns);
            }
            Self::Column(_)
            | Self::Part(..)
            | Self::JsonLength(_)
            | Self::JsonPath(..)
            | Self::Concealed(_)
            | Self::Way(..) => {}
        }
    }
}

/// A part of a date or time. Weeks are ISO weeks; weekday 0 is Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The ISO week, 1 to 53.
    Week,
    /// The day of the month.
    Day,
    /// The day of the week, 0 being Sunday.
    Weekday,
    /// The hour, 0 to 23.
    Hour,
    /// The minute.
    Minute,
    /// The second, without its fraction.
    Second,
}

impl DatePart {
    /// All parts, in the contract's order.
    pub const ALL: [Self; 8] =
        [Self::Year, Self::Month, Self::Week, Self::Day, Self::Weekday, Self::Hour, Self::Minute, Self::Second];

    /// The name that clients use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    /// The part of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// Whether it is a part of a date, not of a time of day.
    pub fn is_of_date(self) -> bool {
        matches!(self, Self::Year | Self::Month | Self::Week | Self::Day | Self::Weekday)
    }
}

/// A test of one operand. Nulls pass only `Null(true)` and `Empty(true)`.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Is null, or is not.
    Null(bool),
    /// Is null or an empty text, or is neither.
    Empty(bool),
    /// A comparison with one value.
    Order(Ordering, Term),
    /// Between two values, both included, or outside of them.
    Between {
        /// Outside instead of between.
        negated: bool,
        /// The lower end.
        low: Term,
        /// The upper end.
        high: Term,
    },
    /// One of several values, or none of them.
    In {
        /// None of them.
        negated: bool,
        /// The values.
        terms: ListTerm,
    },
    /// A text pattern in which `%` and `_` are wildcards.
    Pattern {
        /// Where the term must be found.
        place: Place,
        /// Whether case is ignored.
        insensitive: bool,
        /// Whether the pattern must not be found.
        negated: bool,
        /// The term.
        term: Term,
    },
    /// A geometry that meets another one, given as GeoJSON.
    Intersects {
        /// Whether bounding boxes are compared.
        bounds: bool,
        /// Whether they must not meet.
        negated: bool,
        /// The other geometry.
        term: Term,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Where a pattern must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Anywhere.
    Inside,
    /// At the start.
    Start,
    /// At the end.
    End,
}

/// Why a condition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It names something that does not exist, or that the caller may not know of.
    #[error("no field `{field}` in `{collection}`, or no permission to use it")]
    UnknownField {
        /// The collection that was looked at.
        collection: String,
        /// The name that was not found.
        field: String,
    },
}

impl Related {
    /// A condition on nothing but the columns that a foreign key points to, as one
    /// on the key itself: `author: {id: {_eq: 1}}` needs no look at authors. The
    /// same only where foreign keys are enforced.
    pub fn on_own_columns(&self, catalog: &Catalog) -> Option<Predicate> {
        let relationship = catalog.relationship(self.relationship);
        let applies = relationship.cardinality == Cardinality::ManyToOne
            && relationship.when.is_none()
            && self.quantifier == Quantifier::Joined
            && self.visible.is_always();
        let ([own], [target], true) = (&relationship.from_columns[..], &relationship.to_columns[..], applies) else {
            return None;
        };
        match &*self.predicate {
            Predicate::Compare(Operand::Column(column), test) if column == target => {
                let own_type = &catalog.table(relationship.from).column(*own).column_type;
                let same = *own_type == catalog.table(relationship.to).column(*target).column_type;
                same.then(|| Predicate::Compare(Operand::Column(*own), test.clone()))
            }
            _ => None,
        }
    }
}

impl Predicate {
    /// The same without a look at related rows where a row's own foreign key tells
    /// as much; see [`Related::on_own_columns`].
    #[must_use]
    pub fn on_own_columns(self, catalog: &Catalog) -> Self {
        let all = |parts: Vec<Self>| parts.into_iter().map(|part| part.on_own_columns(catalog)).collect();
        match self {
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
            Self::Compare(..) => self,
            Self::Related(related) => related.on_own_columns(catalog).unwrap_or(Self::Related(related)),
        }
    }

    /// Holds for every row.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Whether it holds for every row whatever is in it.
    pub fn is_always(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_always),
            Self::Any(parts) => parts.iter().any(Self::is_always),
            Self::Compare(..) | Self::Related(_) => false,
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one.is_always() => other,
            (one, other) if other.is_always() => one,
            (Self::All(mut parts), other) => {
                parts.push(other);
                Self::All(parts)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }

    /// The columns of its own table that it looks at, those that lead to related
    /// rows included.
    pub fn own_columns(&self, catalog: &Catalog) -> BTreeSet<ColumnId> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(|part| part.own_columns(catalog)).collect(),
            Self::Compare(operand, _) => operand.own_columns(catalog),
            Self::Related(related) => way(catalog, related.relationship),
        }
    }

    /// The columns of other tables that it looks at, by table.
    pub fn related_columns(&self, catalog: &Catalog) -> BTreeMap<TableId, BTreeSet<ColumnId>> {
        let mut columns = BTreeMap::new();
        self.add_related_columns(catalog, &mut columns);
        columns
    }

    fn add_related_columns(&self, catalog: &Catalog, columns: &mut BTreeMap<TableId, BTreeSet<ColumnId>>) {
        let (relationship, predicates) = match self {
            Self::All(parts) | Self::Any(parts) => {
                return parts.iter().for_each(|part| part.add_related_columns(catalog, columns));
            }
            Self::Compare(operand, _) => return operand.add_related_columns(catalog, columns),
            Self::Related(related) => (related.relationship, [&related.predicate, &related.visible]),
        };
        add_way(catalog, relationship, &predicates.map(|predicate| &**predicate), columns);
    }

    /// Whether it holds for the row of nulls that a left join puts in the
    /// place of a missing one.
    pub fn holds_for_missing_row(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::holds_for_missing_row),
            Self::Any(parts) => parts.iter().any(Self::holds_for_missing_row),
            Self::Compare(Operand::Count(..), _) => false,
            Self::Compare(_, test) => matches!(test, Test::Null(true) | Test::Empty(true)),
            Self::Related(related) => match related.quantifier {
                Quantifier::Joined => related.nulls_will_do,
                Quantifier::Some => false,
                Quantifier::None => true,
            },
        }
    }
}

/// The columns that lead to related rows.
fn way(catalog: &Catalog, relationship: RelationshipId) -> BTreeSet<ColumnId> {
    catalog.relationship(relationship).leading_columns().collect()
}

/// Adds what a condition looks at behind a relationship: the columns that are the
/// way, and those of what must hold there.
fn add_way(
    catalog: &Catalog,
    relationship: RelationshipId,
    predicates: &[&Predicate],
    columns: &mut BTreeMap<TableId, BTreeSet<ColumnId>>,
) {
    let relationship = catalog.relationship(relationship);
    match &relationship.cardinality {
        Cardinality::ManyToOne | Cardinality::OneToMany => {
            columns.entry(relationship.to).or_default().extend(&relationship.to_columns);
        }
        Cardinality::ManyToMany { junction, junction_columns, target_columns } => {
            let between = columns.entry(*junction).or_default();
            between.extend(relationship.to_columns.iter().chain(junction_columns));
            columns.entry(relationship.to).or_default().extend(target_columns);
        }
    }
    for predicate in predicates {
        columns.entry(relationship.to).or_default().extend(predicate.own_columns(catalog));
        predicate.add_related_columns(catalog, columns);
    }
}
