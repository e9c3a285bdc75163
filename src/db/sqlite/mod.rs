//! SQLite: a library call, made on a few threads of its own.
//!
//! `threads` owns the connections and takes jobs from `queue`; `statement` runs
//! a statement on one, `introspect` reads what is there, `rows` and `cell` turn
//! what is stored into JSON, and every statement may use the `functions`.

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

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

pub(super) use self::rows::Rows;
use self::{
    location::Location,
    queue::{Answer, Fetch, Step, Ticket, Work},
    threads::{Readers, ended},
};
use super::{Error, Options};
use crate::{catalog::facts::Facts, value::Value};

/// A SQLite file, open.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: Arc<Readers>,
    acquire_timeout: Duration,
}

impl Sqlite {
    /// Opens the file with as many readers as there are cores, at most
    /// `max_connections`.
    pub(super) async fn connect(options: Options) -> Result<Self, Error> {
        let location = Location::parse(&options.url)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = cores.min(options.max_connections as usize).max(1);
        let start = Readers::start(&location, count, options.statement_timeout);
        let readers = timeout(options.connect_timeout, start).await.map_err(|_| {
            Error::Unavailable(format!("`{}` did not open within {:?}", location.path, options.connect_timeout))
        })??;
        Ok(Self { readers: Arc::new(readers), acquire_timeout: options.acquire_timeout })
    }

    pub(super) async fn introspect(&self) -> Result<Facts, Error> {
        self.ask(Work::Introspect).await
    }

    pub(super) async fn fetch(&self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let (text, parameters) = (text.clone(), parameters.to_vec());
        self.ask(|answer| Work::Fetch(Fetch { text, parameters, answer })).await
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { steps: self.ask(Work::Snapshot).await? })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
    }

    /// Queues a job and waits for its outcome. Only the wait for a reader is
    /// limited here; the reader limits the run.
    async fn ask<T>(&self, work: impl FnOnce(Answer<T>) -> Work) -> Result<T, Error> {
        let (sender, mut receiver) = oneshot::channel();
        let wanted = Wanted::new();
        self.readers.push(wanted.0.clone(), work(sender))?;
        let outcome = match timeout(self.acquire_timeout, &mut receiver).await {
            Ok(outcome) => outcome,
            Err(_) if wanted.0.abandon_if_waiting() => return Err(Error::PoolTimeout(self.acquire_timeout)),
            Err(_) => receiver.await,
        };
        outcome.unwrap_or_else(|_| Err(ended()))
    }
}

/// A read transaction on a reader of its own. Dropping it rolls back.
#[derive(Debug)]
pub(super) struct Snapshot {
    steps: mpsc::Sender<Step>,
}

impl Snapshot {
    pub(super) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let (answer, receiver) = oneshot::channel();
        let wanted = Wanted::new();
        let fetch = Fetch { text: text.clone(), parameters: parameters.to_vec(), answer };
        self.steps.send(Step::Fetch(wanted.0.clone(), fetch)).map_err(|_| ended())?;
        receiver.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Commits, and waits until the reader is free again.
    pub(super) async fn finish(self) {
        let (finished, receiver) = oneshot::channel();
        if self.steps.send(Step::Finish(finished)).is_ok() {
            // The reader answers, or is gone; either way the transaction is over.
            let _ = receiver.await;
        }
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
