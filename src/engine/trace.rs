//! What an operation asks the database, kept for somebody who wants to know.
//! Where nobody does, nothing is kept.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Stopwatch, db::Rows, value::Value};

/// Statements of one operation, in the order in which they were answered.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<Ran>>);

/// A statement that was run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its text as it was sent.
    pub text: Arc<str>,
    /// The values of its parameters; of one that was run for each of several rows,
    /// those of the first.
    pub values: Vec<Value>,
    /// How many rows it gave; none where it failed.
    pub rows: Option<usize>,
    /// From when it was sent until its last row was there, waiting for a connection
    /// included.
    pub took: Duration,
}

impl Trace {
    /// What was run so far.
    pub fn ran(&self) -> Vec<Ran> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs a statement and keeps what became of it, if somebody wants to know.
pub(super) async fn traced<E>(
    trace: Option<&Trace>,
    text: &Arc<str>,
    values: &[Value],
    work: impl Future<Output = Result<Rows, E>>,
) -> Result<Rows, E> {
    let Some(trace) = trace else { return work.await };
    let watch = Stopwatch::start();
    let outcome = work.await;
    let rows = outcome.as_ref().ok().map(Rows::len);
    let ran = Ran { text: text.clone(), values: values.to_vec(), rows, took: watch.elapsed() };
    trace.0.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
    outcome
}
