//! A transaction that may write, on a connection of its own.

use std::{future::Future, sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, MySql, mysql::MySqlArguments, query::Query};
use tokio::time::timeout;

use super::{
    super::{Error, transaction::ended},
    arguments,
    pool::Lease,
    rows::Rows,
    run,
};
use crate::value::Value;

/// A transaction. Dropping it rolls back; what runs in it is stopped.
#[derive(Debug)]
pub(in crate::db) struct Transaction {
    lease: Lease,
}

impl Transaction {
    /// From a connection on which [`begin`] has succeeded.
    pub(super) fn new(lease: Lease) -> Self {
        Self { lease }
    }

    /// Runs one statement; its rows.
    pub(in crate::db) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.fetch_each(text, std::slice::from_ref(&parameters)).await
    }

    /// Runs one statement for each set of parameters; all rows.
    pub(in crate::db) async fn fetch_each<P: AsRef<[Value]>>(
        &mut self,
        text: &Arc<str>,
        runs: &[P],
    ) -> Result<Rows, Error> {
        let limit = self.lease.write_limit();
        let mut all = Vec::with_capacity(runs.len());
        for parameters in runs {
            let query = query(text, parameters.as_ref())?;
            let outcome = within(limit, query.fetch_all(self.lease.start()?)).await;
            all.append(&mut self.lease.end_write(outcome)?);
        }
        Ok(Rows::new(all))
    }

    /// Runs one statement; how many rows it affected.
    pub(in crate::db) async fn execute(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        execute(&mut self.lease, text, parameters).await
    }

    /// Commits.
    pub(in crate::db) async fn commit(mut self) -> Result<(), Error> {
        // Whatever goes wrong here leaves a session that nobody should get.
        self.lease.close_on_drop();
        // Without a connection nothing can have been committed.
        let connection = self.lease.start().map_err(|_| ended())?;
        let outcome = super::fetch_text_on(connection, "COMMIT").await;
        self.lease.end_write(Some(outcome))?;
        self.lease.release_on_drop();
        Ok(())
    }

    /// Rolls back; the connection can be used again.
    pub(in crate::db) async fn rollback(mut self) {
        self.lease.close_on_drop();
        match run(&mut self.lease, "ROLLBACK").await {
            Ok(()) => self.lease.release_on_drop(),
            Err(error) => tracing::debug!(%error, "a transaction could not be rolled back in good order"),
        }
    }
}

/// Opens a transaction on the session's own level of isolation.
pub(super) async fn begin(lease: &mut Lease) -> Result<(), Error> {
    lease.close_on_drop();
    run(lease, "START TRANSACTION").await?;
    lease.roll_back_on_drop();
    Ok(())
}

/// Runs one statement; how many rows it affected.
pub(super) async fn execute(lease: &mut Lease, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
    let query = query(text, parameters)?;
    let outcome = within(lease.write_limit(), query.execute(lease.start()?)).await;
    lease.end_write(outcome).map(|done| done.rows_affected())
}

fn query(text: &Arc<str>, parameters: &[Value]) -> Result<Query<'static, MySql, MySqlArguments>, Error> {
    Ok(sqlx::query_with(AssertSqlSafe(text.clone()), arguments(parameters)?))
}

/// What came out within the limit (zero: none).
async fn within<T>(limit: Duration, running: impl Future<Output = T>) -> Option<T> {
    if limit.is_zero() { Some(running.await) } else { timeout(limit, running).await.ok() }
}
