//! Which rule of a table a write would have broken, as far as the database
//! says. Never holds a value of the data.

use std::fmt;

/// A rule that a write would have broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What the rule demands.
    pub kind: ViolationKind,
    /// The schema of its table, where there is one and the database tells it.
    pub schema: Option<String>,
    /// Its table: for foreign keys the one that points. Of a partitioned table
    /// on PostgreSQL it is the partition.
    pub table: Option<String>,
    /// Its columns, in order, if the database names them; those of a foreign
    /// key that something else still points through are not named on PostgreSQL.
    pub columns: Vec<String>,
    /// Its name, `PRIMARY` for every primary key of MySQL; for an unnamed check
    /// of SQLite its expression.
    pub constraint: Option<String>,
}

/// What a rule demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// No two rows alike (primary keys and exclusions included).
    Unique,
    /// A value.
    NotNull,
    /// A row elsewhere, or none elsewhere that still points here.
    ForeignKey,
    /// An expression that is not false.
    Check,
    /// No longer a value than the column holds.
    TooLong,
    /// A number that the column's type holds.
    OutOfRange,
}

impl Violation {
    /// One of which nothing but its kind is known.
    pub(super) fn of(kind: ViolationKind) -> Self {
        Self { kind, schema: None, table: None, columns: Vec::new(), constraint: None }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            ViolationKind::Unique => "a row with the same unique values exists",
            ViolationKind::NotNull => "a value is missing",
            ViolationKind::ForeignKey => "a foreign key would point nowhere",
            ViolationKind::Check => "a check failed",
            ViolationKind::TooLong => "a value is too long",
            ViolationKind::OutOfRange => "a number is out of range",
        })?;
        if let Some(table) = &self.table {
            write!(formatter, " in `{table}`")?;
        }
        if !self.columns.is_empty() {
            write!(formatter, " ({})", self.columns.join(", "))?;
        }
        match &self.constraint {
            Some(constraint) => write!(formatter, " by `{constraint}`"),
            None => Ok(()),
        }
    }
}
