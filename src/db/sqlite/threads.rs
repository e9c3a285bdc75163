//! The threads: each owns a connection and takes jobs from a queue. There are
//! some that read, with a queue in common, and one that writes, with its own.
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
    super::{Error, transaction},
    error, introspect,
    location::Location,
    open::{self, Access},
    queue::{Answer, Job, Queue, Run, Step, Ticket, Work},
    statement,
};
use crate::{clock::Stopwatch, tasks};

/// How often a running statement is asked whether it should go on, in
/// instructions of SQLite's virtual machine: some tens of microseconds.
const INSTRUCTIONS_PER_CHECK: i32 = 2_000;
/// Longest wait for a lock that someone else holds on the file.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The callers' end of some threads with one queue. Dropping it lets them
/// finish and end.
#[derive(Debug)]
pub(super) struct Threads {
    queue: Arc<Queue>,
    /// Each thread holds a receiver for as long as it lives.
    alive: watch::Sender<()>,
}

impl Threads {
    /// Starts `count` threads and waits until each has its connection.
    pub(super) async fn start(
        location: &Location,
        access: Access,
        count: usize,
        statement_limit: Duration,
    ) -> Result<Self, Error> {
        let (alive, _) = watch::channel(());
        let threads = Self { queue: Arc::default(), alive };
        let mut opened = Vec::with_capacity(count);
        for number in 0..count {
            let name = match access {
                Access::Read => format!("sqlite-{number}"),
                Access::Write => "sqlite-writer".to_owned(),
            };
            opened.push(threads.start_one(&name, location.clone(), access, statement_limit)?);
        }
        for outcome in opened {
            outcome.await.unwrap_or_else(|_| Err(ended()))?;
        }
        Ok(threads)
    }

    fn start_one(
        &self,
        name: &str,
        location: Location,
        access: Access,
        statement_limit: Duration,
    ) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        let (sender, receiver) = oneshot::channel();
        let queue = self.queue.clone();
        let alive = self.alive.subscribe();
        let run = move || {
            match Worker::open(&location, access, queue, statement_limit) {
                Ok(worker) => {
                    // If nobody listens, the queue is closed, and `run` returns.
                    let _ = sender.send(Ok(()));
                    worker.run();
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            }
            drop(alive);
        };
        tasks::thread(name, run).map_err(|error| Error::Unavailable(format!("no thread for SQLite: {error}")))?;
        Ok(receiver)
    }

    /// Puts a job at the end of the queue.
    pub(super) fn push(&self, ticket: Arc<Ticket>, work: Work) -> Result<(), Error> {
        self.queue.push(Job { ticket, work })
    }

    /// Refuses further jobs, lets the threads do what is queued, and waits
    /// until the last of them has ended.
    pub(super) async fn close(&self) {
        self.queue.close();
        self.alive.closed().await;
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The answer when a thread is gone.
pub(super) fn ended() -> Error {
    Error::Unavailable("its thread has ended".to_owned())
}

/// When the statement that a thread runs must stop; SQLite asks for it.
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

struct Worker {
    connection: Connection,
    access: Access,
    queue: Arc<Queue>,
    limits: SharedLimits,
    statement_limit: Duration,
}

impl Worker {
    fn open(location: &Location, access: Access, queue: Arc<Queue>, statement_limit: Duration) -> Result<Self, Error> {
        let limits = SharedLimits::default();
        let connection = open::open(location, access, |connection| install(connection, &limits))?;
        Ok(Self { connection, access, queue, limits, statement_limit })
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
            Work::Run(run) => {
                self.carry_out(ticket, run);
                // Nobody could end a transaction that a statement has begun.
                self.roll_back();
            }
            Work::Introspect(answer) => {
                let facts = self.limited(ticket, Duration::ZERO, || introspect::introspect(&self.connection));
                let _ = answer.send(facts);
            }
            Work::Begin(answer) => self.begin(ticket, answer),
        }
    }

    fn carry_out(&self, ticket: Arc<Ticket>, run: Run) {
        let (connection, limit) = (&self.connection, self.statement_limit);
        match run {
            Run::Fetch(text, runs, answer) => {
                let _ = answer.send(self.limited(ticket, limit, || statement::fetch(connection, &text, &runs)));
            }
            Run::Execute(text, parameters, answer) => {
                let _ = answer.send(self.limited(ticket, limit, || statement::execute(connection, &text, &parameters)));
            }
        }
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
            return Err(Error::Database("its thread met an unexpected error, which the log has".to_owned()));
        };
        outcome.map_err(|error| match self.access {
            _ if error::is_stopped(&error) && limits.is_over_time() => Error::StatementTimeout(limit),
            Access::Read => error::classify(error),
            Access::Write => error::of_write(error),
        })
    }

    fn begin(&self, ticket: Arc<Ticket>, answer: Answer<mpsc::Sender<Step>>) {
        // A writer takes the lock now: one that has read before might have to
        // give up when it comes to write.
        let statement = match self.access {
            Access::Read => "BEGIN DEFERRED",
            Access::Write => "BEGIN IMMEDIATE",
        };
        let begun = self.limited(ticket, self.statement_limit, || self.connection.execute_batch(statement));
        if let Err(error) = begun {
            let _ = answer.send(Err(error));
            return;
        }
        let (sender, steps) = mpsc::channel();
        let _ = answer.send(Ok(sender));
        self.follow(&steps);
        self.roll_back();
    }

    /// Serves a transaction's owner to its end, or until they hang up.
    fn follow(&self, steps: &mpsc::Receiver<Step>) {
        while let Ok(step) = steps.recv() {
            match step {
                Step::Run(ticket, run) => self.step(ticket, run),
                Step::Commit(ticket, answer) => {
                    if ticket.begin() {
                        let _ = answer.send(self.commit(ticket));
                    }
                    return;
                }
                Step::RollBack(answer) => {
                    self.roll_back();
                    let _ = answer.send(Ok(()));
                    return;
                }
            }
        }
    }

    /// Runs a statement within the transaction, unless a failed one has ended
    /// that: this one would be on its own.
    fn step(&self, ticket: Arc<Ticket>, run: Run) {
        if !ticket.begin() {
            return;
        }
        if !self.connection.is_autocommit() {
            return self.carry_out(ticket, run);
        }
        match run {
            Run::Fetch(_, _, answer) => drop(answer.send(Err(transaction::ended()))),
            Run::Execute(_, _, answer) => drop(answer.send(Err(transaction::ended()))),
        }
    }

    fn commit(&self, ticket: Arc<Ticket>) -> Result<(), Error> {
        if self.connection.is_autocommit() {
            return Err(transaction::ended());
        }
        let outcome = self.limited(ticket, self.statement_limit, || self.connection.execute_batch("COMMIT"));
        // Before the caller hears of it, and tries again.
        self.roll_back();
        outcome
    }

    /// Undoes the transaction that is open, if one is.
    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            tracing::warn!(%error, "could not roll back a transaction of SQLite");
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
        let reader = Worker::open(&location, Access::Read, Arc::default(), Duration::ZERO).unwrap();
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
