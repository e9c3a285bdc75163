//! The narrow waist: every reading protocol brings an operation and gets
//! JSON bytes.
//!
//! An operation is executed level by level: one statement per relation and
//! level, sent when the level's keys are complete, with no timer. Rows become
//! JSON straight from the driver's bytes.

mod batch;
mod encode;
mod error;
mod levels;
mod loader;
mod shape;

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

pub use self::{
    batch::Batch,
    encode::{FieldError, PathSegment},
    error::{Broken, Code, Error},
    loader::Loader,
    shape::{AggregateRoot, Child, KeyRoot, Member, Node, Output, Position, Root, RootKind, Shape},
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
        encode::answer(roots, filled)
    }
}
