//! A transaction that may write, on a connection of its own.

use std::sync::Arc;

use super::{
    arguments::Statement,
    pool::{Lease, Pool},
    rows::Rows,
};
use crate::{db::Error, value::Value};

/// A transaction. Dropping it rolls back; what runs in it is cancelled.
#[derive(Debug)]
pub(in crate::db) struct Transaction {
    lease: Lease,
    pool: Pool,
    /// Whether a statement has failed, so that the server may have given up
    /// on the transaction.
    stumbled: bool,
}

impl Transaction {
    pub(super) fn new(lease: Lease, pool: Pool) -> Self {
        Self { lease, pool, stumbled: false }
    }

    /// Runs one statement; its rows.
    pub(in crate::db) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let outcome = self.lease.fetch(Statement::new(text, parameters)?).await;
        self.heard(outcome).map(Rows::new)
    }

    /// Runs one statement for each set of parameters; all rows.
    pub(in crate::db) async fn fetch_each(&mut self, text: &Arc<str>, runs: &[Vec<Value>]) -> Result<Rows, Error> {
        let mut all = Vec::with_capacity(runs.len());
        for parameters in runs {
            let outcome = self.lease.fetch(Statement::new(text, parameters)?).await;
            all.append(&mut self.heard(outcome)?);
        }
        Ok(Rows::new(all))
    }

    /// Runs one statement; how many rows it affected.
    pub(in crate::db) async fn execute(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        let outcome = self.lease.execute(Statement::new(text, parameters)?).await;
        self.heard(outcome)
    }

    /// Commits. To a transaction that has failed the server would answer with
    /// a rollback, and call that a success; so it is asked before.
    pub(in crate::db) async fn commit(mut self) -> Result<(), Error> {
        if self.stumbled {
            let probe = self.fetch(&Arc::from("SELECT 1"), &[]).await;
            if let Err(error) = probe {
                self.rollback().await;
                return Err(error);
            }
        }
        match self.lease.commit().await {
            Ok(()) => Ok(()),
            // Whatever the server said last, it may have committed before.
            Err(failure) => Err(match self.pool.refusal(&failure) {
                error @ Error::Unavailable(_) => error,
                error if self.lease.is_broken() => Error::Unavailable(error.to_string()),
                error => error,
            }),
        }
    }

    /// Rolls back; the connection can be used again.
    pub(in crate::db) async fn rollback(mut self) {
        if let Err(error) = self.lease.roll_back().await {
            tracing::debug!(%error, "a transaction could not be rolled back in good order");
        }
    }

    fn heard<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Error> {
        outcome.map_err(|failure| {
            self.stumbled = true;
            self.pool.refusal(&failure)
        })
    }
}
