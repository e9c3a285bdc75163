//! GraphQL: the schema of a snapshot as a caller may see it, operations
//! compiled into plans, answers written as bytes.
//!
//! It knows nothing of HTTP; `server` brings requests and takes responses.
//! async-graphql says what the schema is and whether a document fits it; the
//! gateway answers it.

mod answer;
mod compile;
mod document;
mod explain;
mod introspection;
mod lexical;
mod limits;
mod mutations;
mod overlap;
mod part;
mod planner;
mod plans;
mod rules;
mod schema;
mod service;
mod system;
mod types;
mod variables;
mod views;

use std::{borrow::Cow, time::Duration};

use serde_json::{Map, Value as Json};

pub use self::{
    explain::Explain,
    limits::Limits,
    planner::Planner,
    service::{Opened, Service},
    system::{Endpoint, Offers, Operations, PATHS, Path, PathMethod, SystemOptions, openapi},
    views::SchemaError,
};
use crate::error_code::ErrorCode;

/// One GraphQL request, whatever brought it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The document's text.
    pub query: Cow<'a, str>,
    /// Values for its variables.
    pub variables: Map<String, Json>,
    /// Which of its operations to run; not needed when there is only one.
    pub operation_name: Option<Cow<'a, str>>,
}

impl Request<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> Request<'static> {
        let Self { query, variables, operation_name } = self;
        let operation_name = operation_name.map(|name| Cow::Owned(name.into_owned()));
        Request { query: Cow::Owned(query.into_owned()), variables, operation_name }
    }
}

/// Which collections have root fields (contract `graphql.md` 1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of the database's own, at `/graphql`.
    #[default]
    Items,
    /// Those of the system, at `/graphql/system`.
    System,
}

/// What may be run.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Queries alone, as for `GET`.
    Queries,
    /// Queries and mutations.
    All,
    /// Subscriptions too: the answer need not be one.
    Live,
    /// Queries and subscriptions, as for `GET`.
    LiveQueries,
}

/// The answer.
#[derive(Debug)]
pub struct Response {
    /// The complete JSON text, `{"data":…}`, `{"errors":[…]}` or both.
    pub body: Vec<u8>,
    /// `Some` when the request was refused before execution began, so that
    /// there is no `data`: the code of the first error.
    pub refused: Option<ErrorCode>,
    /// Whether there are errors in it.
    pub has_errors: bool,
    /// Where the time went.
    pub timings: Timings,
}

/// Where the time of one operation went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Parsing and validating the document; next to nothing when it was cached.
    pub parse: Duration,
    /// Planning; next to nothing when the plan was cached.
    pub plan: Duration,
    /// Executing: waiting for statements and writing the answer.
    pub sql: Duration,
}
