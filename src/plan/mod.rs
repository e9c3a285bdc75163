//! What is to be done: selections that a protocol asked for, and plans, which
//! are selections that a caller's access has passed.
//!
//! Pure: no database, no clock. Nothing may change a plan afterwards.

mod aggregate;
mod allow;
mod arguments;
mod order;
pub mod write;

pub use self::{
    aggregate::{Aggregate, AggregateFunction, AggregateOrder, Measure, MeasureOperand, SortKey},
    allow::{AggregatePlan, ReadPlan, allow_predicate, leads, way, way_targets},
    arguments::{Arguments, Limits, Offset, Page},
    order::{Order, Step},
};

use crate::{
    catalog::{ColumnId, RelationshipId, TableId},
    predicate::{self, Operand, Predicate, Term},
};

/// Rows to read, before anyone has said that they may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Whose rows.
    pub table: TableId,
    /// Which of them are candidates.
    pub source: Source,
    /// What of each row.
    pub select: Vec<Operand>,
    /// Which of the candidates.
    pub predicate: Predicate,
    /// A text that they must contain; absent means any.
    pub search: Option<Search>,
    /// In which order.
    pub order: Vec<Order>,
    /// How many, and from where; of each parent's rows where there are parents.
    pub page: Page,
}

/// A text to look for in all columns that can be searched and may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The text.
    pub term: Term,
    /// Where to look, and in which rows; filled in when the selection is allowed.
    pub columns: Vec<(ColumnId, Predicate)>,
}

/// Which rows a selection starts from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// All rows of the table.
    Table,
    /// The rows with given values in these columns, looked up in batches.
    Keys(Vec<ColumnId>),
    /// The rows related to given parents, looked up in batches.
    Relationship(RelationshipId),
    /// One list of the rows with given values in these columns.
    Among(Vec<ColumnId>),
}

/// Why something cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing, or no right to it: not told apart.
    #[error("{0}")]
    Forbidden(String),
}

impl From<predicate::Error> for Error {
    fn from(error: predicate::Error) -> Self {
        match error {
            predicate::Error::Invalid(reason) => Self::Invalid(reason),
            unknown @ predicate::Error::UnknownField { .. } => Self::Forbidden(unknown.to_string()),
        }
    }
}
