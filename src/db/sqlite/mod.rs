//! SQLite: a library call, made on a few threads of its own.
//!
//! `threads` owns the connections, some to read and one to write, and takes
//! jobs from `queue`; `statement` runs a statement on one, `introspect` reads
//! what is there, `rows` and `cell` turn what is stored into JSON, and every
//! statement may use the `functions`.

mod cell;
mod ddl;
mod declared;
mod error;
mod functions;
mod introspect;
mod location;
mod number;
mod open;
mod queue;
mod rows;
mod statement;
mod temporal;
#[cfg(test)]
mod tests;
mod threads;
mod violation;
#[cfg(test)]
mod write_tests;

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

pub(super) use self::rows::Rows;
use self::{
    location::{Location, Mode},
    open::Access,
    queue::{Answer, Run, Step, Ticket, Work},
    threads::{Threads, ended},
};
use super::{Error, Options};
use crate::{catalog::facts::Facts, value::Value};

/// A SQLite file, open.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: Arc<Threads>,
    /// One, as SQLite itself lets one write at a time; none with `mode=ro`.
    writer: Option<Arc<Threads>>,
    acquire_timeout: Duration,
}

impl Sqlite {
    /// Opens the file with as many readers as there are cores, at most
    /// `max_connections`, and a writer besides.
    pub(super) async fn connect(options: Options) -> Result<Self, Error> {
        let location = Location::parse(&options.url)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = cores.min(options.max_connections as usize).max(1);
        let start = start(&location, count, options.statement_timeout);
        let (readers, writer) = timeout(options.connect_timeout, start).await.map_err(|_| {
            Error::Unavailable(format!("`{}` did not open within {:?}", location.path, options.connect_timeout))
        })??;
        Ok(Self { readers: Arc::new(readers), writer: writer.map(Arc::new), acquire_timeout: options.acquire_timeout })
    }

    pub(super) async fn introspect(&self) -> Result<Facts, Error> {
        self.ask(&self.readers, Work::Introspect).await
    }

    pub(super) async fn fetch(&self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let (text, runs) = (text.clone(), vec![parameters.to_vec()]);
        self.ask(&self.readers, |answer| Work::Run(Run::Fetch(text, runs, answer))).await
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot(Steps(self.ask(&self.readers, Work::Begin).await?)))
    }

    /// Begins a transaction that may write, once those before have ended.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction(Steps(self.ask(self.writer()?, Work::Begin).await?)))
    }

    /// Runs one statement that may write, by itself.
    pub(super) async fn execute(&self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        let (text, parameters) = (text.clone(), parameters.to_vec());
        self.ask(self.writer()?, |answer| Work::Run(Run::Execute(text, parameters, answer))).await
    }

    pub(super) async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.readers.close().await;
    }

    fn writer(&self) -> Result<&Threads, Error> {
        let refusal = || Error::Refused("it cannot write, because the file was opened with `mode=ro`".to_owned());
        self.writer.as_deref().ok_or_else(refusal)
    }

    /// Queues a job and waits for its outcome. Only the wait for a thread is
    /// limited here; the thread limits the run.
    async fn ask<T>(&self, threads: &Threads, work: impl FnOnce(Answer<T>) -> Work) -> Result<T, Error> {
        let (sender, mut receiver) = oneshot::channel();
        let wanted = Wanted::new();
        threads.push(wanted.0.clone(), work(sender))?;
        let outcome = match timeout(self.acquire_timeout, &mut receiver).await {
            Ok(outcome) => outcome,
            Err(_) if wanted.0.abandon_if_waiting() => return Err(Error::PoolTimeout(self.acquire_timeout)),
            Err(_) => receiver.await,
        };
        outcome.unwrap_or_else(|_| Err(ended()))
    }
}

/// The readers, and the writer if there is to be one. A file that the process
/// may not write opens all the same, and refuses when it comes to that.
async fn start(location: &Location, readers: usize, limit: Duration) -> Result<(Threads, Option<Threads>), Error> {
    let threads = Threads::start(location, Access::Read, readers, limit).await?;
    let writer = match location.mode {
        Mode::ReadOnly => None,
        Mode::ReadWrite | Mode::Create => Some(Threads::start(location, Access::Write, 1, limit).await?),
    };
    Ok((threads, writer))
}

/// A read transaction on a reader of its own. Dropping it rolls back.
#[derive(Debug)]
pub(super) struct Snapshot(Steps);

impl Snapshot {
    pub(super) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.0.fetch(text, vec![parameters.to_vec()]).await
    }

    /// Commits, and waits until the reader is free again.
    pub(super) async fn finish(self) {
        if let Err(error) = self.0.commit().await {
            // Nothing was written, so nothing is lost.
            tracing::debug!(%error, "a snapshot did not end in good order");
        }
    }
}

/// The writer, for the time of a transaction. Dropping it rolls back.
#[derive(Debug)]
pub(super) struct Transaction(Steps);

impl Transaction {
    pub(super) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.0.fetch(text, vec![parameters.to_vec()]).await
    }

    /// One way to the thread and back, and one prepared statement.
    pub(super) async fn fetch_each(&mut self, text: &Arc<str>, runs: &[Vec<Value>]) -> Result<Rows, Error> {
        self.0.fetch(text, runs.to_vec()).await
    }

    pub(super) async fn execute(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        let (text, parameters) = (text.clone(), parameters.to_vec());
        self.0.ask(|ticket, answer| Step::Run(ticket, Run::Execute(text, parameters, answer))).await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }

    /// Rolls back, and waits until the writer is free again.
    pub(super) async fn rollback(self) {
        // The thread does not refuse; and if it is gone, so is the transaction.
        let _ = self.0.ask(|_, answer| Step::RollBack(answer)).await;
    }
}

/// Where the thread hears what to do within a transaction.
#[derive(Debug)]
struct Steps(mpsc::Sender<Step>);

impl Steps {
    async fn fetch(&self, text: &Arc<str>, runs: Vec<Vec<Value>>) -> Result<Rows, Error> {
        let text = text.clone();
        self.ask(|ticket, answer| Step::Run(ticket, Run::Fetch(text, runs, answer))).await
    }

    async fn commit(&self) -> Result<(), Error> {
        let (answer, receiver) = oneshot::channel();
        let wanted = Wanted::new();
        self.0.send(Step::Commit(wanted.0.clone(), answer)).map_err(|_| ended())?;
        // If the thread is gone now, it may have committed.
        receiver.await.unwrap_or_else(|_| Err(Error::Unavailable("the writer ended during COMMIT".to_owned())))
    }

    async fn ask<T>(&self, step: impl FnOnce(Arc<Ticket>, Answer<T>) -> Step) -> Result<T, Error> {
        let (answer, receiver) = oneshot::channel();
        let wanted = Wanted::new();
        self.0.send(step(wanted.0.clone(), answer)).map_err(|_| ended())?;
        receiver.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Held by whoever waits for an outcome; when it is dropped, the job is off.
struct Wanted(Arc<Ticket>);

impl Wanted {
    fn new() -> Self {
        Self(Arc::default())
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
