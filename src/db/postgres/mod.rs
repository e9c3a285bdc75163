//! PostgreSQL: connections held in a pool of our own, statements prepared once
//! per connection, rows kept as the server sent them (binary) and written as
//! JSON straight from there.

mod arguments;
mod deparse;
mod encode;
mod error;
mod introspect;
mod key;
mod numeric;
mod pool;
mod rows;
mod temporal;
mod transaction;
mod violation;

#[cfg(test)]
mod introspect_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod write_tests;

use std::sync::Arc;

use self::{
    arguments::Statement,
    pool::{Begin, Lease, Pool},
};
pub(in crate::db) use self::{rows::Rows, transaction::Transaction};
use super::{Error, Options};
use crate::{catalog::facts::Facts, value::Value};

/// A PostgreSQL database.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects once, so that a wrong address or password shows now.
    pub(super) async fn connect(options: Options) -> Result<Self, Error> {
        let pool = Pool::new(options)?;
        pool.acquire().await?;
        Ok(Self { pool })
    }

    /// Reads the system catalogs.
    pub(super) async fn introspect(&self) -> Result<Facts, Error> {
        let mut snapshot = self.snapshot().await?;
        let facts = introspect::facts(&mut snapshot, self.pool.schemas()).await?;
        snapshot.finish().await;
        Ok(facts)
    }

    /// Runs a reading statement. A connection that died while it was idle (the
    /// server restarted) costs one more try, not an error.
    pub(super) async fn fetch(&self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let mut lease = self.pool.acquire().await?;
        loop {
            match lease.fetch(Statement::new(text, parameters)?).await {
                Ok(rows) => return Ok(Rows::new(rows)),
                Err(failure) if lease.may_retry(&failure) => lease = self.pool.replace(lease).await?,
                Err(failure) => return Err(error::statement(&failure, self.pool.statement_timeout())),
            }
        }
    }

    /// As [`Self::fetch`], with the rows in blocks as they arrive. Once there
    /// was one, a dead connection is an error: it must not be sent twice.
    pub(super) async fn fetch_blocks(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Error> {
        let mut lease = self.pool.acquire().await?;
        let mut begun = false;
        loop {
            let mut blocks = |rows| {
                begun = true;
                sink(Rows::new(rows));
            };
            match lease.stream(Statement::new(text, parameters)?, &mut blocks).await {
                Ok(()) => return Ok(()),
                Err(failure) if !begun && lease.may_retry(&failure) => lease = self.pool.replace(lease).await?,
                Err(failure) => return Err(error::statement(&failure, self.pool.statement_timeout())),
            }
        }
    }

    /// Begins a read-only transaction.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { lease: self.open(Begin::Snapshot).await?, pool: self.pool.clone() })
    }

    /// Begins a transaction that may write.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction::new(self.open(Begin::Write).await?, self.pool.clone()))
    }

    /// A connection in a transaction. To begin one changes nothing, so a dead
    /// connection costs one more try here, too.
    async fn open(&self, begin: Begin) -> Result<Lease, Error> {
        let mut lease = self.pool.acquire().await?;
        loop {
            match lease.begin(begin).await {
                Ok(()) => return Ok(lease),
                Err(failure) if lease.may_retry(&failure) => lease = self.pool.replace(lease).await?,
                Err(failure) => return Err(error::statement(&failure, self.pool.statement_timeout())),
            }
        }
    }

    /// Runs one statement that may write, by itself. It must not be sent twice,
    /// so the connection is asked for a sign of life before.
    pub(super) async fn execute(&self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        let statement = Statement::new(text, parameters)?;
        let mut lease = self.pool.acquire_alive().await?;
        let outcome = lease.execute(statement).await;
        outcome.map_err(|failure| self.pool.refusal(&failure))
    }

    /// Waits for busy connections and closes all.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A read-only transaction. Dropping it closes its connection, and with it
/// whatever runs there.
#[derive(Debug)]
pub(super) struct Snapshot {
    lease: Lease,
    pool: Pool,
}

impl Snapshot {
    /// Runs a reading statement within it.
    pub(super) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let statement = Statement::new(text, parameters)?;
        match self.lease.fetch(statement).await {
            Ok(rows) => Ok(Rows::new(rows)),
            Err(failure) => Err(error::statement(&failure, self.pool.statement_timeout())),
        }
    }

    /// Ends it; the connection can be used again.
    pub(super) async fn finish(mut self) {
        if let Err(error) = self.lease.commit().await {
            // Nothing was written, so nothing is lost; the lease closes what broke.
            tracing::debug!(%error, "a snapshot could not be ended in good order");
        }
    }
}
