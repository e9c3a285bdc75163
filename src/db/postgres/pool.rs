//! Our own pool over the driver's connections: a stack of idle ones and a
//! semaphore. The driver's pool asks for a sign of life on every acquire and
//! release, which costs as much as a small query; this one trusts a connection
//! that was used lately, and lets a read that met a dead one try again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Row as _,
    postgres::{PgArguments, PgConnectOptions, PgRow},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    super::{Error, Options},
    arguments::Statement,
    error,
};
use crate::{clock::Stopwatch, tasks};

/// An idle connection older than this is asked for a sign of life before use.
const TRUSTED: Duration = Duration::from_secs(30);
/// No connection is used again when it is older than this.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Prepared statements that one connection remembers.
const STATEMENTS: usize = 512;

/// Everything a session needs, in the round trip that also asks for its
/// process. `plan_cache_mode` stays `auto`: the SQL above writes small limits
/// literally, so generic plans estimate well, and the server goes back to
/// planning anew by itself where they do not; planning every time costs more
/// than a look-up by key.
const SET_UP: &str = "SELECT pg_backend_pid(), \
     set_config('TimeZone', 'UTC', false), \
     set_config('DateStyle', 'ISO, MDY', false), \
     set_config('IntervalStyle', 'postgres', false), \
     set_config('bytea_output', 'hex', false), \
     set_config('extra_float_digits', '1', false), \
     set_config('statement_timeout', $1, false), \
     set_config('search_path', $2, false)";

/// Rows of a block: few enough to be still in the processor's cache when they
/// are written.
const BLOCK: usize = 32;

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    /// Least recently used first; taken from the end.
    idle: Mutex<Vec<Idle>>,
    room: Arc<Semaphore>,
    connect: PgConnectOptions,
    address: String,
    search_path: String,
    options: Options,
}

struct Idle {
    connection: Connection,
    since: Stopwatch,
}

struct Connection {
    driver: PgConnection,
    opened: Stopwatch,
    /// The process that serves it, for cancelling.
    process: i32,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold the password.
        f.debug_struct("Pool").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl Pool {
    /// An empty pool; nothing is connected yet.
    pub(super) fn new(options: Options) -> Result<Self, Error> {
        let connect: PgConnectOptions =
            options.url.parse().map_err(|error| Error::Url(format!("the PostgreSQL URL cannot be read: {error}")))?;
        let connect =
            connect.statement_cache_capacity(STATEMENTS).application_name("tidegate").disable_statement_logging();
        Ok(Self(Arc::new(Shared {
            idle: Mutex::default(),
            room: Arc::new(Semaphore::new(options.max_connections.max(1) as usize)),
            address: address(&connect),
            search_path: search_path(&options.schemas),
            connect,
            options,
        })))
    }

    /// The limit that statements run under.
    pub(super) fn statement_timeout(&self) -> Duration {
        self.0.options.statement_timeout
    }

    /// The schemas to introspect.
    pub(super) fn schemas(&self) -> &[String] {
        &self.0.options.schemas
    }

    /// Waits for a connection: the one used last, or a new one.
    pub(super) async fn acquire(&self) -> Result<Lease, Error> {
        let room = self.0.room.clone();
        let limit = self.0.options.acquire_timeout;
        let permit = timeout(limit, room.acquire_owned())
            .await
            .map_err(|_| Error::PoolTimeout(limit))?
            .map_err(|_| Error::Unavailable("the connections were closed".to_owned()))?;
        if let Some(connection) = self.0.take().await {
            return Ok(Lease::new(self, connection, permit, true));
        }
        let connection = self.0.open().await?;
        Ok(Lease::new(self, connection, permit, false))
    }

    /// As [`Self::acquire`], and the connection has just answered.
    pub(super) async fn acquire_alive(&self) -> Result<Lease, Error> {
        let mut lease = self.acquire().await?;
        match lease.ping().await {
            Ok(()) => Ok(lease),
            Err(failure) if lease.may_retry(&failure) => self.replace(lease).await,
            Err(failure) => Err(error::statement(&failure, self.statement_timeout())),
        }
    }

    /// Sorts what a write failed with. Where the tables have changed under
    /// prepared statements, connections that lie idle have got the same ones.
    pub(super) fn refusal(&self, failure: &sqlx::Error) -> Error {
        if error::is_outdated(failure) {
            self.0.forget_idle();
        }
        error::writing(failure, self.statement_timeout())
    }

    /// A new connection in the place of a dead one. Whatever lies idle has
    /// probably died with it.
    pub(super) async fn replace(&self, mut dead: Lease) -> Result<Lease, Error> {
        drop(dead.connection.take());
        self.0.forget_idle();
        let connection = self.0.open().await?;
        let permit = dead.permit.take().expect("a lease holds its permit until it is dropped");
        Ok(Lease::new(self, connection, permit, false))
    }

    /// Waits until every connection is back, and closes them.
    pub(super) async fn close(&self) {
        let all = self.0.options.max_connections.max(1);
        let everyone = self.0.room.acquire_many(all).await;
        self.0.room.close();
        drop(everyone);
        let idle = std::mem::take(&mut *self.0.lock());
        for Idle { connection, .. } in idle {
            if let Err(error) = connection.driver.close().await {
                tracing::debug!(%error, "a connection was gone before it was closed");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // Nothing is done under the lock that could leave the list half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection that is known to answer.
    async fn take(&self) -> Option<Connection> {
        loop {
            let Idle { mut connection, since } = self.lock().pop()?;
            if connection.opened.elapsed() >= LIFETIME {
                continue;
            }
            if since.elapsed() < TRUSTED {
                return Some(connection);
            }
            match timeout(self.options.connect_timeout, connection.driver.ping()).await {
                Ok(Ok(())) => return Some(connection),
                Ok(Err(_)) | Err(_) => self.forget_idle(),
            }
        }
    }

    fn give_back(&self, connection: Connection) {
        let idle = Idle { connection, since: Stopwatch::start() };
        let mut list = self.lock();
        list.push(idle);
        // The end of the stack does all the work; what has grown old at its
        // bottom would otherwise stay for ever.
        let old = (list[0].connection.opened.elapsed() >= LIFETIME).then(|| list.remove(0));
        drop(list);
        drop(old);
    }

    fn forget_idle(&self) {
        drop(std::mem::take(&mut *self.lock()));
    }

    async fn open(&self) -> Result<Connection, Error> {
        let limit = self.options.connect_timeout;
        match timeout(limit, self.establish()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(failure)) => Err(error::connecting(&failure, &self.address, self.options.statement_timeout)),
            Err(_) => Err(Error::Unavailable(format!("{}: no answer within {limit:?}", self.address))),
        }
    }

    async fn establish(&self) -> Result<Connection, sqlx::Error> {
        let mut driver = PgConnection::connect_with(&self.connect).await?;
        let row = sqlx::query(SET_UP)
            .bind(milliseconds(self.options.statement_timeout))
            .bind(&self.search_path)
            .persistent(false)
            .fetch_one(&mut driver)
            .await?;
        Ok(Connection { driver, process: row.try_get(0)?, opened: Stopwatch::start() })
    }

    /// Ends a transaction that nobody goes on with. Where that fails the
    /// connection is closed, and the server ends it.
    async fn roll_back(self: Arc<Self>, mut connection: Connection, permit: OwnedSemaphorePermit) {
        let ended = sqlx::raw_sql("ROLLBACK").execute(&mut connection.driver);
        if let Ok(Ok(_)) = timeout(self.options.connect_timeout, ended).await {
            self.give_back(connection);
        }
        drop(permit);
    }

    /// Ends a statement that nobody waits for any more. Its connection is kept
    /// open meanwhile, so that its process cannot become somebody else's, and
    /// its permit, so that cancelled work counts against the limit.
    async fn cancel(self: Arc<Self>, abandoned: Connection, permit: OwnedSemaphorePermit) {
        let process = abandoned.process;
        let outcome = match self.open().await {
            Ok(mut other) => {
                let sent = sqlx::query("SELECT pg_cancel_backend($1)")
                    .bind(process)
                    .persistent(false)
                    .execute(&mut other.driver);
                match timeout(self.options.connect_timeout, sent).await {
                    Ok(sent) => sent.map(drop).map_err(|failure| failure.to_string()),
                    Err(_) => Err("no answer".to_owned()),
                }
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            tracing::warn!(process, error, "an abandoned statement could not be cancelled");
        }
        drop(abandoned);
        drop(permit);
    }
}

/// A connection for the time of its use. Dropping it gives it back, unless it
/// is broken or in the middle of something.
pub(super) struct Lease {
    pool: Pool,
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    state: State,
    /// Whether it has served before, so that it may have died since.
    used: bool,
}

/// What a transaction is for.
#[derive(Clone, Copy)]
pub(super) enum Begin {
    /// To read one view of the data.
    Snapshot,
    /// To write, if this is what the server does by default.
    Write,
}

impl Begin {
    fn statement(self) -> &'static str {
        match self {
            Self::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write => "BEGIN",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As new.
    Ready,
    /// A statement runs.
    Busy,
    /// A transaction is open.
    Open,
    /// Not to be used again.
    Broken,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Lease {
    fn new(pool: &Pool, connection: Connection, permit: OwnedSemaphorePermit, used: bool) -> Self {
        Self { pool: pool.clone(), connection: Some(connection), permit: Some(permit), state: State::Ready, used }
    }

    /// Runs a statement; all its rows.
    pub(super) async fn fetch(&mut self, statement: Statement) -> Result<Vec<PgRow>, sqlx::Error> {
        let before = self.state;
        let Statement { text, arguments } = statement;
        let rows = sqlx::query_with::<_, PgArguments>(text, arguments).fetch_all(self.start()).await;
        self.end(before, rows)
    }

    /// Runs a statement; its rows in blocks, each while the next is on its way.
    pub(super) async fn stream(
        &mut self,
        statement: Statement,
        sink: &mut (dyn FnMut(Vec<PgRow>) + Send),
    ) -> Result<(), sqlx::Error> {
        let before = self.state;
        let Statement { text, arguments } = statement;
        let mut rows = sqlx::query_with::<_, PgArguments>(text, arguments).fetch(self.start());
        let mut block = Vec::with_capacity(BLOCK);
        let outcome = loop {
            match rows.try_next().await {
                Ok(Some(row)) => block.push(row),
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            }
            if block.len() == BLOCK {
                sink(std::mem::replace(&mut block, Vec::with_capacity(BLOCK)));
            }
        };
        drop(rows);
        if !block.is_empty() {
            sink(block);
        }
        self.end(before, outcome)
    }

    /// Runs a statement; how many rows it affected.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        let before = self.state;
        let Statement { text, arguments } = statement;
        let outcome = sqlx::query_with::<_, PgArguments>(text, arguments).execute(self.start()).await;
        self.end(before, outcome).map(|done| done.rows_affected())
    }

    /// Asks for a sign of life.
    async fn ping(&mut self) -> Result<(), sqlx::Error> {
        let before = self.state;
        let outcome = self.start().ping().await;
        self.end(before, outcome)
    }

    /// Opens a transaction.
    pub(super) async fn begin(&mut self, begin: Begin) -> Result<(), sqlx::Error> {
        let outcome = sqlx::raw_sql(begin.statement()).execute(self.start()).await;
        self.end(State::Open, outcome).map(drop)
    }

    /// Ends the transaction. When the server refuses, it has rolled back.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        let outcome = sqlx::raw_sql("COMMIT").execute(self.start()).await;
        self.end(State::Ready, outcome).map(drop)
    }

    /// Undoes the transaction.
    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        if self.state == State::Broken {
            // The server does so by itself.
            return Ok(());
        }
        let outcome = sqlx::raw_sql("ROLLBACK").execute(self.start()).await;
        let after = if outcome.is_ok() { State::Ready } else { State::Broken };
        self.end(after, outcome).map(drop)
    }

    /// Whether the connection cannot be used again.
    pub(super) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Whether a read that failed so is worth another try on a new connection.
    pub(super) fn may_retry(&self, failure: &sqlx::Error) -> bool {
        self.used && error::passes(failure)
    }

    /// From here to [`Self::end`], being dropped means being cancelled.
    fn start(&mut self) -> &mut PgConnection {
        self.state = State::Busy;
        &mut self.connection.as_mut().expect("a lease holds its connection until it is dropped").driver
    }

    fn end<T>(&mut self, after: State, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let broken = outcome.as_ref().is_err_and(error::breaks);
        self.state = if broken { State::Broken } else { after };
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(connection), Some(permit)) = (self.connection.take(), self.permit.take()) else {
            return;
        };
        match self.state {
            State::Ready => self.pool.0.give_back(connection),
            State::Broken => {}
            // Without a runtime the process is about to end, and the server
            // notices by itself.
            State::Open | State::Busy if tokio::runtime::Handle::try_current().is_err() => {}
            State::Open => {
                tasks::spawn("roll-back", self.pool.0.clone().roll_back(connection, permit));
            }
            State::Busy => {
                tasks::spawn("cancel-statement", self.pool.0.clone().cancel(connection, permit));
            }
        }
    }
}

fn address(connect: &PgConnectOptions) -> String {
    match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    }
}

fn search_path(schemas: &[String]) -> String {
    let quoted: Vec<String> = schemas.iter().map(|schema| format!("\"{}\"", schema.replace('"', "\"\""))).collect();
    quoted.join(", ")
}

/// A limit as the server reads it. Zero is none; a fraction of a millisecond
/// must not become none.
fn milliseconds(limit: Duration) -> String {
    let rounded = limit.as_millis().clamp(u128::from(!limit.is_zero()), i32::MAX as u128);
    rounded.to_string()
}
