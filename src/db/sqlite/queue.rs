//! The queue that threads take their jobs from, and what a job is.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
        mpsc,
    },
};

use tokio::sync::oneshot;

use super::{super::Error, rows::Rows};
use crate::{catalog::facts::Facts, value::Value};

/// Where a caller hears the outcome.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// What a thread is asked to do.
pub(super) enum Work {
    /// Run one statement.
    Run(Run),
    /// Say what is there.
    Introspect(Answer<Facts>),
    /// Begin a transaction and serve only its owner until it ends.
    Begin(Answer<mpsc::Sender<Step>>),
}

/// One statement.
pub(super) enum Run {
    /// Once for each set of parameters, for all rows.
    Fetch(Arc<str>, Vec<Vec<Value>>, Answer<Rows>),
    /// Once, for the number of rows that it affects.
    Execute(Arc<str>, Vec<Value>, Answer<u64>),
}

/// What the owner of a transaction asks for; hanging up rolls back.
pub(super) enum Step {
    /// Run one statement within it.
    Run(Arc<Ticket>, Run),
    /// End it for good.
    Commit(Arc<Ticket>, Answer<()>),
    /// Undo it.
    RollBack(Answer<()>),
}

/// Whether a job waits, runs, or is no longer wanted.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicU8);

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const ABANDONED: u8 = 2;

impl Ticket {
    /// Nobody waits for the outcome any more.
    pub(super) fn abandon(&self) {
        self.0.store(ABANDONED, Ordering::Release);
    }

    /// As [`Ticket::abandon`], but only if nobody has begun.
    pub(super) fn abandon_if_waiting(&self) -> bool {
        self.0.compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// A thread takes it, unless it has been abandoned.
    pub(super) fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether to stop.
    pub(super) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == ABANDONED
    }
}

/// What to do, as long as somebody wants it.
pub(super) struct Job {
    pub(super) ticket: Arc<Ticket>,
    pub(super) work: Work,
}

/// First come, first served.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        formatter.debug_struct("Queue").field("jobs", &state.jobs.len()).field("closed", &state.closed).finish()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job at the end and wakes a thread.
    pub(super) fn push(&self, job: Job) -> Result<(), Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Unavailable("it has been closed".to_owned()));
        }
        state.jobs.push_back(job);
        let sleeps = state.idle > 0;
        drop(state);
        if sleeps {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// The next job, when there is one; `None` when there will be none.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Takes no further jobs; what is queued is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}
