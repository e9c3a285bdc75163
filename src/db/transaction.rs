//! Transactions that may write, whatever the driver.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{Error, Inner, Rows, mysql, postgres, sqlite};
use crate::value::Value;

/// A transaction that may write, see [`Database::begin`](super::Database::begin).
/// Dropping it rolls back, and cancels what still runs in it.
///
/// After a failed statement PostgreSQL takes nothing but a rollback (or one to
/// a savepoint). After [`Error::Conflict`], [`Error::Unavailable`] or a future
/// that was dropped midway nobody takes anything: what was done is undone, or
/// will be.
#[derive(Debug)]
pub struct Transaction {
    inner: InnerTransaction,
    state: State,
    sent: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(super) enum InnerTransaction {
    Postgres(postgres::Transaction),
    MySql(mysql::Transaction),
    Sqlite(sqlite::Transaction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Takes statements.
    Open,
    /// A statement runs, or nobody heard how it ended.
    Running,
    /// An error has ended it.
    Failed,
}

impl Transaction {
    pub(super) fn new(inner: InnerTransaction, sent: Arc<AtomicU64>) -> Self {
        Self { inner, state: State::Open, sent }
    }

    /// Runs one statement; its rows, none if it returns none.
    ///
    /// # Errors
    /// Classified; see [`Error`].
    pub async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.enter()?;
        let rows = match &mut self.inner {
            InnerTransaction::Postgres(inner) => inner.fetch(text, parameters).await.map(Inner::Postgres),
            InnerTransaction::MySql(inner) => inner.fetch(text, parameters).await.map(Inner::MySql),
            InnerTransaction::Sqlite(inner) => inner.fetch(text, parameters).await.map(Inner::Sqlite),
        };
        self.leave(rows).map(Rows)
    }

    /// Runs one statement once for each set of parameters, in order; all rows.
    /// Their columns must have the same types every time. On SQLite the time
    /// limit is for all runs together.
    ///
    /// # Errors
    /// That of the first run that fails; what the others did stays done.
    pub async fn fetch_each(&mut self, text: &Arc<str>, runs: &[Vec<Value>]) -> Result<Rows, Error> {
        self.enter()?;
        let rows = match &mut self.inner {
            InnerTransaction::Postgres(inner) => inner.fetch_each(text, runs).await.map(Inner::Postgres),
            InnerTransaction::MySql(inner) => inner.fetch_each(text, runs).await.map(Inner::MySql),
            InnerTransaction::Sqlite(inner) => inner.fetch_each(text, runs).await.map(Inner::Sqlite),
        };
        self.leave(rows).map(Rows)
    }

    /// Runs one statement; how many rows it affected. On MySQL these are the
    /// rows that an `UPDATE` found, changed or not, as everywhere else.
    ///
    /// # Errors
    /// As [`Transaction::fetch`].
    pub async fn execute(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        self.enter()?;
        let affected = match &mut self.inner {
            InnerTransaction::Postgres(inner) => inner.execute(text, parameters).await,
            InnerTransaction::MySql(inner) => inner.execute(text, parameters).await,
            InnerTransaction::Sqlite(inner) => inner.execute(text, parameters).await,
        };
        self.leave(affected)
    }

    /// Makes everything last.
    ///
    /// # Errors
    /// Then nothing lasts, except after [`Error::Unavailable`]: when the
    /// connection is lost on the way, nobody knows.
    pub async fn commit(self) -> Result<(), Error> {
        if self.state != State::Open {
            self.rollback().await;
            return Err(ended());
        }
        let outcome = match self.inner {
            InnerTransaction::Postgres(inner) => inner.commit().await,
            InnerTransaction::MySql(inner) => inner.commit().await,
            InnerTransaction::Sqlite(inner) => inner.commit().await,
        };
        outcome.map_err(|error| match error {
            Error::Unavailable(reason) => {
                Error::Unavailable(format!("{reason}; whether the transaction was committed is not known"))
            }
            other => other,
        })
    }

    /// Undoes everything, in good order, so that the connection can be used
    /// again. If that fails the connection is closed, which undoes it, too.
    pub async fn rollback(self) {
        if self.state == State::Running {
            // Being dropped cancels what runs.
            return;
        }
        match self.inner {
            InnerTransaction::Postgres(inner) => inner.rollback().await,
            InnerTransaction::MySql(inner) => inner.rollback().await,
            InnerTransaction::Sqlite(inner) => inner.rollback().await,
        }
    }

    /// From here to [`Self::leave`], a dropped future leaves it in the middle
    /// of a statement.
    fn enter(&mut self) -> Result<(), Error> {
        if self.state != State::Open {
            return Err(ended());
        }
        self.state = State::Running;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A conflict may have undone everything on the server, where the next
    /// statement would then be on its own.
    fn leave<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        self.state = match &outcome {
            Err(Error::Unavailable(_) | Error::Conflict(_)) => State::Failed,
            _ => State::Open,
        };
        outcome
    }
}

/// The answer to whoever goes on with a transaction that is over.
pub(super) fn ended() -> Error {
    Error::Database("the transaction was ended by an error before".to_owned())
}
