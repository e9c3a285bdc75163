//! What an operation asks the database, kept for somebody who wants to know.
//! Where nobody does, nothing is kept.

use std::{
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

/// A statement that is being run. No future of its own: those of writes are nested as
/// deep as their payloads, on one stack.
pub(super) struct Running<'t>(Option<(&'t Trace, Stopwatch)>);

impl<'t> Running<'t> {
    /// One that is sent now; it is kept if there is a trace.
    pub(super) fn begin(trace: Option<&'t Trace>) -> Self {
        Self(trace.map(|trace| (trace, Stopwatch::start())))
    }

    /// Keeps what became of it.
    pub(super) fn end<E>(self, text: &Arc<str>, values: &[Value], outcome: &Result<Rows, E>) {
        let Some((trace, watch)) = self.0 else { return };
        let rows = outcome.as_ref().ok().map(Rows::len);
        let ran = Ran { text: text.clone(), values: values.to_vec(), rows, took: watch.elapsed() };
        trace.0.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
    }
}
