//! The narrow waist: every reading protocol brings an operation and gets
//! JSON bytes.
//!
//! An operation is executed level by level: one statement per relation and
//! level, sent when the level's keys are complete, with no timer. Rows become
//! JSON straight from the driver's bytes.

mod batch;
mod levels;
mod loader;
mod shape;
mod write;

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

pub use self::{
    batch::Batch,
    loader::Loader,
    shape::{AggregateRoot, Child, KeyRoot, Member, Node, Output, Position, Root, RootKind, Shape},
    write::{FieldError, PathSegment},
};
use crate::{
    db::{self, Database},
    error_code::ErrorCode,
    predicate::Bindings,
};

/// Which state of the data the statements of one operation see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Each statement what is committed when it runs.
    #[default]
    Statement,
    /// All statements of an operation the same state, in one read-only
    /// transaction, one after the other.
    Operation,
}

/// How operations are executed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Which state of the data is seen.
    pub consistency: Consistency,
}

/// Executes operations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    database: Database,
    loader: Loader,
    options: Options,
}

/// What an operation runs with: its variables and the time.
#[derive(Clone, Debug)]
pub struct Variables {
    /// Values by position; `None` for those not given.
    pub values: Arc<[Option<Json>]>,
    /// What `$NOW` is, in microseconds since the epoch.
    pub now_micros: i64,
}

impl Variables {
    /// As terms are resolved with.
    pub fn bindings(&self) -> Bindings<'_> {
        Bindings { variables: &self.values, now_micros: self.now_micros }
    }
}

/// Why a field has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value that the client gave cannot be used.
    #[error("Invalid query. {0}.")]
    Invalid(String),
    /// There is no such thing, or no right to it: not told apart. With a reason
    /// where that gives nothing away.
    #[error("You don't have permission to access this.{}", .0.as_ref().map(|reason| format!(" {reason}.")).unwrap_or_default())]
    Forbidden(Option<String>),
    /// Not in time.
    #[error("A statement took longer than {0:?}.")]
    Timeout(Duration),
    /// The database cannot be reached.
    #[error("The database cannot be reached at the moment.")]
    Unavailable,
    /// The database cannot compute with a value that it met.
    #[error("The database cannot compute with a value: one of those given or stored is out of range or malformed.")]
    Value,
    /// Ours to look into; the cause is in the log.
    #[error("An unexpected error occurred.")]
    Internal,
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::Value => ErrorCode::InvalidQuery,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::Timeout(_) => ErrorCode::OutOfTime,
            Self::Unavailable => ErrorCode::ServiceUnavailable,
            Self::Internal => ErrorCode::InternalServerError,
        }
    }

    /// Why, for `extensions.reason`.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Invalid(reason) => Some(reason),
            Self::Forbidden(reason) => reason.as_deref(),
            Self::Timeout(_) | Self::Unavailable | Self::Value | Self::Internal => None,
        }
    }

    /// From the database's error, which is logged here, once, with its cause.
    fn from_database(error: db::Error, statement: &str) -> Self {
        match error {
            db::Error::StatementTimeout(limit) => Self::Timeout(limit),
            db::Error::Value(reason) => {
                // The database's words may hold names and stored values.
                tracing::info!(reason, statement, "the database cannot compute with a value");
                Self::Value
            }
            db::Error::Unavailable(_) | db::Error::PoolTimeout(_) | db::Error::Refused(_) | db::Error::Conflict(_) => {
                tracing::warn!(%error, "a statement found no database");
                Self::Unavailable
            }
            db::Error::Url(_) | db::Error::Database(_) | db::Error::Constraint(_) => {
                tracing::error!(%error, statement, "the database refused a statement");
                Self::Internal
            }
        }
    }
}

/// What an operation gave.
#[derive(Debug, Default)]
pub struct Answer {
    /// `{"data":` and the JSON text of `data`; the object is left open for more.
    pub body: Vec<u8>,
    /// What went wrong, in the order of the document.
    pub errors: Vec<FieldError>,
}

impl Engine {
    /// An engine over a database.
    pub fn new(database: Database, options: Options) -> Self {
        Self { loader: Loader::new(database.clone()), database, options }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs an operation: its roots concurrently, then writes the answer in the
    /// order of the document. Dropping the future cancels its statements.
    pub async fn read(&self, roots: &[Root], variables: &Variables) -> Answer {
        let source = levels::Source::new(self, self.options.consistency);
        let filled = levels::run(&source, roots, variables).await;
        source.finish().await;
        write::answer(roots, filled)
    }
}
