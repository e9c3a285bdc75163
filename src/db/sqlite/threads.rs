//! The reader threads: each owns a connection and takes jobs from one queue.
//!
//! SQLite is a library that computes on the thread that calls it, so the
//! number of threads, not of connections, is what bounds the work. A job whose
//! caller has gone is skipped, or interrupted when it already runs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::{
    super::Error,
    error, introspect,
    location::Location,
    open,
    queue::{Answer, Fetch, Job, Queue, Step, Ticket, Work},
    statement,
};
use crate::{clock::Stopwatch, tasks};

/// How often a running statement is asked whether it should go on, in
/// instructions of SQLite's virtual machine: some tens of microseconds.
const INSTRUCTIONS_PER_CHECK: i32 = 2_000;
/// Longest wait for a lock that a writer holds on the file.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The readers' end of the driver. Dropping it lets them finish and end.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Arc<Queue>,
    /// Each reader holds a receiver for as long as it lives.
    alive: watch::Sender<()>,
}

impl Readers {
    /// Starts `count` readers and waits until each has its connection.
    pub(super) async fn start(location: &Location, count: usize, statement_limit: Duration) -> Result<Self, Error> {
        let (alive, _) = watch::channel(());
        let readers = Self { queue: Arc::default(), alive };
        let mut opened = Vec::with_capacity(count);
        for number in 0..count {
            opened.push(readers.start_one(number, location.clone(), statement_limit)?);
        }
        for outcome in opened {
            outcome.await.unwrap_or_else(|_| Err(ended()))?;
        }
        Ok(readers)
    }

    fn start_one(
        &self,
        number: usize,
        location: Location,
        statement_limit: Duration,
    ) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        let (sender, receiver) = oneshot::channel();
        let queue = self.queue.clone();
        let alive = self.alive.subscribe();
        let run = move || {
            match Reader::open(&location, queue, statement_limit) {
                Ok(reader) => {
                    // If nobody listens, the queue is closed, and `run` returns.
                    let _ = sender.send(Ok(()));
                    reader.run();
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            }
            drop(alive);
        };
        tasks::thread(&format!("sqlite-{number}"), run)
            .map_err(|error| Error::Unavailable(format!("no thread for SQLite: {error}")))?;
        Ok(receiver)
    }

    /// Puts a job at the end of the queue.
    pub(super) fn push(&self, ticket: Arc<Ticket>, work: Work) -> Result<(), Error> {
        self.queue.push(Job { ticket, work })
    }

    /// Refuses further jobs, lets the readers do what is queued, and waits
    /// until the last of them has ended.
    pub(super) async fn close(&self) {
        self.queue.close();
        self.alive.closed().await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The answer when a reader is gone.
pub(super) fn ended() -> Error {
    Error::Unavailable("its reader thread has ended".to_owned())
}

/// When the statement that a reader runs must stop; SQLite asks for it.
#[derive(Default)]
struct Limits {
    ticket: Option<Arc<Ticket>>,
    time: Option<(Stopwatch, Duration)>,
}

type SharedLimits = Arc<Mutex<Limits>>;

fn lock(limits: &SharedLimits) -> MutexGuard<'_, Limits> {
    limits.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
    fn must_stop(&self) -> bool {
        self.is_over_time() || self.ticket.as_ref().is_some_and(|ticket| ticket.is_abandoned())
    }

    fn is_over_time(&self) -> bool {
        self.time.is_some_and(|(watch, limit)| watch.elapsed() >= limit)
    }
}

struct Reader {
    connection: Connection,
    queue: Arc<Queue>,
    limits: SharedLimits,
    statement_limit: Duration,
}

impl Reader {
    fn open(location: &Location, queue: Arc<Queue>, statement_limit: Duration) -> Result<Self, Error> {
        let limits = SharedLimits::default();
        let connection = open::open(location, |connection| install(connection, &limits))?;
        Ok(Self { connection, queue, limits, statement_limit })
    }

    fn run(&self) {
        while let Some(Job { ticket, work }) = self.queue.next() {
            if ticket.begin() {
                self.serve(ticket, work);
            }
        }
    }

    // Throughout, an answer that cannot be sent has no caller any more.
    fn serve(&self, ticket: Arc<Ticket>, work: Work) {
        match work {
            Work::Fetch(fetch) => self.fetch(ticket, fetch),
            Work::Introspect(answer) => {
                let facts = self.limited(ticket, Duration::ZERO, || introspect::introspect(&self.connection));
                let _ = answer.send(facts);
            }
            Work::Snapshot(answer) => self.snapshot(answer),
        }
    }

    fn fetch(&self, ticket: Arc<Ticket>, fetch: Fetch) {
        let Fetch { text, parameters, answer } = fetch;
        let rows = self.limited(ticket, self.statement_limit, || statement::run(&self.connection, &text, &parameters));
        let _ = answer.send(rows);
    }

    /// Runs under a time limit (zero: none) and until the ticket is abandoned.
    ///
    /// A panic must not cost the thread. Its statement is reset on the way, so
    /// that the connection stays good; the hook has logged why.
    fn limited<T>(
        &self,
        ticket: Arc<Ticket>,
        limit: Duration,
        run: impl FnOnce() -> Result<T, rusqlite::Error>,
    ) -> Result<T, Error> {
        let time = (!limit.is_zero()).then(|| (Stopwatch::start(), limit));
        *lock(&self.limits) = Limits { ticket: Some(ticket), time };
        let outcome = catch_unwind(AssertUnwindSafe(run));
        let limits = std::mem::take(&mut *lock(&self.limits));
        let Ok(outcome) = outcome else {
            return Err(Error::Database("its reader met an unexpected error, which the log has".to_owned()));
        };
        outcome.map_err(|error| match error::is_stopped(&error) && limits.is_over_time() {
            true => Error::StatementTimeout(limit),
            false => error::classify(error),
        })
    }

    fn snapshot(&self, answer: Answer<mpsc::Sender<Step>>) {
        if let Err(error) = self.connection.execute_batch("BEGIN DEFERRED") {
            let _ = answer.send(Err(error::classify(error)));
            return;
        }
        let (sender, steps) = mpsc::channel();
        let _ = answer.send(Ok(sender));
        let finished = self.follow(&steps);
        self.end_transaction(if finished.is_some() { "COMMIT" } else { "ROLLBACK" });
        if let Some(finished) = finished {
            let _ = finished.send(());
        }
    }

    /// Serves a snapshot's owner; `None` when it hung up.
    fn follow(&self, steps: &mpsc::Receiver<Step>) -> Option<oneshot::Sender<()>> {
        loop {
            match steps.recv().ok()? {
                Step::Fetch(ticket, fetch) => {
                    if ticket.begin() {
                        self.fetch(ticket, fetch);
                    }
                }
                Step::Finish(finished) => return Some(finished),
            }
        }
    }

    fn end_transaction(&self, statement: &str) {
        if self.connection.is_autocommit() {
            // A failed statement has ended it already.
            return;
        }
        if let Err(error) = self.connection.execute_batch(statement) {
            tracing::warn!(%error, statement, "could not end a read transaction of SQLite");
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::warn!(%error, "could not roll back a read transaction of SQLite");
            }
        }
    }
}

/// Lets the connection ask `limits` while it computes and while it waits.
fn install(connection: &mut Connection, limits: &SharedLimits) -> Result<(), rusqlite::Error> {
    let running = limits.clone();
    connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(move || lock(&running).must_stop()))?;
    let waiting = limits.clone();
    let mut since = Stopwatch::start();
    connection.busy_handler(Some(move |attempt| {
        if attempt == 0 {
            since = Stopwatch::start();
        }
        if since.elapsed() >= LOCK_WAIT || lock(&waiting).must_stop() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(if attempt < 10 { 1 } else { 10 }));
        true
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_answered_and_the_reader_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("a.db").display());
        let location = Location::parse(&url).unwrap();
        let reader = Reader::open(&location, Arc::default(), Duration::ZERO).unwrap();
        let panicked: Result<(), _> = reader.limited(Arc::default(), Duration::ZERO, || {
            let mut statement = reader.connection.prepare("SELECT 1 UNION ALL SELECT 2")?;
            let _row = statement.query([])?.next()?;
            panic!("a slip");
        });
        assert!(matches!(panicked, Err(Error::Database(_))), "{panicked:?}");
        assert!(lock(&reader.limits).ticket.is_none());
        let query = || reader.connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0));
        assert_eq!(reader.limited(Arc::default(), Duration::ZERO, query).unwrap(), 1);
        assert!(reader.connection.is_autocommit());
    }
}
