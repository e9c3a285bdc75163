//! MySQL 8 and `MariaDB` 10.6 or newer, behind the seam of [`super`].
//!
//! Statements are prepared and rows arrive in the binary protocol, kept as the
//! bytes that came over the wire. The module knows nothing of plans or of what
//! a statement is for; what columns mean is told by the caller for each cell.

mod encode;
mod error;
mod introspect;
#[cfg(test)]
mod introspect_tests;
mod literal;
mod pool;
mod rows;
#[cfg(test)]
mod tests;
mod transaction;
mod types;
mod violation;
#[cfg(test)]
mod write_tests;

pub(super) use rows::Rows;
pub(super) use transaction::Transaction;

use std::{str::FromStr as _, sync::Arc};

use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, MySqlConnection,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow},
};
use url::{Host, Url};

use super::{Error, Options};
use crate::{catalog::facts::Facts, value::Value};
use pool::{Flavour, Lease, Limits, Pool};

/// Statements that one connection keeps prepared.
const STATEMENT_CACHE: usize = 512;

/// A connected database. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct MySql {
    pool: Pool,
    flavour: Flavour,
}

impl MySql {
    /// Makes one connection, to be sure that the server answers.
    pub(super) async fn connect(options: Options) -> Result<Self, Error> {
        let limits = Limits {
            connections: options.max_connections.max(1),
            acquire: options.acquire_timeout,
            connect: options.connect_timeout,
            statement: options.statement_timeout,
        };
        let pool = Pool::new(connect_options(&options.url)?, limits);
        let flavour = pool.get().await?.flavour();
        Ok(Self { pool, flavour })
    }

    /// Whether it has `INSERT … RETURNING`.
    pub(super) fn inserts_return(&self) -> bool {
        match self.flavour {
            Flavour::MySql => false,
            // Since 10.5, which is older than what is supported.
            Flavour::MariaDb => true,
        }
    }

    /// What the connected database holds.
    pub(super) async fn introspect(&self) -> Result<Facts, Error> {
        let mut lease = self.pool.get_alive().await?;
        introspect::introspect(&mut lease).await
    }

    /// Runs one reading statement. A pooled connection that turns out to be
    /// dead is replaced, once.
    pub(super) async fn fetch(&self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        let mut lease = self.pool.get().await?;
        let first = fetch(&mut lease, text, parameters).await;
        if first.is_ok() || !lease.died_in_the_pool() {
            return first;
        }
        lease.renew().await?;
        fetch(&mut lease, text, parameters).await
    }

    /// Begins a read-only transaction over one state of the data.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let mut lease = self.pool.get().await?;
        if let Err(error) = begin(&mut lease).await {
            if !lease.died_in_the_pool() {
                return Err(error);
            }
            lease.renew().await?;
            begin(&mut lease).await?;
        }
        Ok(Snapshot { lease })
    }

    /// Begins a transaction that may write. To begin one changes nothing, so a
    /// pooled connection that turns out to be dead is replaced here, too.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        let mut lease = self.pool.get().await?;
        if let Err(error) = transaction::begin(&mut lease).await {
            if !lease.died_in_the_pool() {
                return Err(error);
            }
            lease.renew().await?;
            transaction::begin(&mut lease).await?;
        }
        Ok(Transaction::new(lease))
    }

    /// Runs one statement that may write, by itself. It must not be sent twice,
    /// so the connection is asked for a sign of life before.
    pub(super) async fn execute(&self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        let mut lease = self.pool.get_alive().await?;
        transaction::execute(&mut lease, text, parameters).await
    }

    /// Closes idle connections and waits for busy ones.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A read-only transaction; dropping it closes its connection.
#[derive(Debug)]
pub(super) struct Snapshot {
    lease: Lease,
}

impl Snapshot {
    /// Runs one reading statement within it.
    pub(super) async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        fetch(&mut self.lease, text, parameters).await
    }

    /// Ends the transaction and gives its connection back.
    pub(super) async fn finish(mut self) {
        match run(&mut self.lease, "COMMIT").await {
            Ok(()) => self.lease.release_on_drop(),
            // Nothing was written, so nothing is lost: the connection is closed.
            Err(error) => tracing::debug!(%error, "a snapshot did not end in good order"),
        }
    }
}

/// Read-committed reads see a new state with each statement, so the level is
/// raised for this one transaction.
async fn begin(lease: &mut Lease) -> Result<(), Error> {
    lease.close_on_drop();
    run(lease, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        .await
}

async fn fetch(lease: &mut Lease, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
    let arguments = arguments(parameters)?;
    let query = sqlx::query_with(AssertSqlSafe(text.clone()), arguments);
    let outcome = query.fetch_all(lease.start()?).await;
    lease.end(outcome).map(Rows::new)
}

/// Runs statements of our own in the text protocol, for what they do.
async fn run(lease: &mut Lease, text: &str) -> Result<(), Error> {
    fetch_text(lease, text).await.map(drop)
}

/// Runs statements of our own in the text protocol, in which every cell is text.
async fn fetch_text(lease: &mut Lease, text: &str) -> Result<Vec<MySqlRow>, Error> {
    let outcome = fetch_text_on(lease.start()?, text).await;
    lease.end(outcome)
}

async fn fetch_text_on(connection: &mut MySqlConnection, text: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(connection).await
}

fn arguments(parameters: &[Value]) -> Result<MySqlArguments, Error> {
    let mut arguments = MySqlArguments::default();
    for parameter in parameters {
        match parameter {
            Value::Null => arguments.add(None::<&str>),
            Value::Bool(truth) => arguments.add(*truth),
            Value::Int(number) => arguments.add(*number),
            Value::Float(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(&**text),
            Value::Bytes(bytes) => arguments.add(&**bytes),
            Value::Ints(_) | Value::Texts(_) | Value::Column(_) => {
                Err("MySQL takes no lists; a statement spells them out".into())
            }
        }
        .map_err(|error| Error::Database(format!("a parameter cannot be sent: {error}")))?;
    }
    Ok(arguments)
}

/// What the URL says, save for what the driver relies upon.
fn connect_options(url: &str) -> Result<MySqlConnectOptions, Error> {
    // The parser's messages do not quote the URL, so no password gets out.
    let parsed = Url::parse(url).map_err(|error| Error::Url(format!("the database URL is malformed: {error}")))?;
    let mut options = MySqlConnectOptions::from_str(parsed.as_str())
        .map_err(|error| Error::Url(format!("the database URL is malformed: {error}")))?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(Error::Url("the URL names no database; expected mysql://user:password@host:3306/database".into()));
    }
    match parsed.host() {
        // The resolver does not take the brackets that URLs put around these.
        Some(Host::Ipv6(address)) => options = options.host(&address.to_string()),
        None | Some(Host::Domain("")) => options = options.host("localhost"),
        Some(_) => {}
    }
    Ok(options
        .charset("utf8mb4")
        .timezone(Some("+00:00".to_owned()))
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging())
}
