//! A pool of connections: the most recently used one first, trusted without a
//! ping as long as it did not idle, and never one that stopped in the middle
//! of a statement.
//!
//! It knows nothing of what statements are for. Whoever uses a [`Lease`] says
//! when a statement starts and how it ended.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, MySqlConnection, Row as _, mysql::MySqlConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{super::Error, error, fetch_text_on};
use crate::{clock::Stopwatch, tasks};

/// A connection that idled longer is asked for a sign of life before its use.
const TRUSTED_IDLE: Duration = Duration::from_secs(30);
/// A connection older than this is replaced.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// Longest wait for a courtesy: an answer to a ping, saying goodbye.
const COURTESY: Duration = Duration::from_secs(2);

/// How many connections there may be, and how long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most connections at a time.
    pub(super) connections: u32,
    /// Longest wait for a free one.
    pub(super) acquire: Duration,
    /// Longest time to establish one.
    pub(super) connect: Duration,
    /// Longest run of a statement; zero means no limit.
    pub(super) statement: Duration,
}

/// Which server answered; they differ in how limits and catalogs are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    MySql,
    MariaDb,
}

impl Flavour {
    /// Sets the time limit of a session's statements.
    pub(super) fn limit_statement(self, limit: Duration) -> String {
        match self {
            Self::MySql if limit.is_zero() => "SET SESSION max_execution_time = 0".to_owned(),
            Self::MySql => format!("SET SESSION max_execution_time = {}", limit.as_millis().max(1)),
            Self::MariaDb => format!("SET SESSION max_statement_time = {:.6}", limit.as_secs_f64()),
        }
    }
}

/// What every session is like: a value that does not fit is an error, not cut
/// to size; a key of zero is one; errors are worded so that their constraints can be found.
const SET_UP: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO'), lc_messages = 'en_US'";

/// The pool. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    options: MySqlConnectOptions,
    limits: Limits,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    closed: AtomicBool,
}

struct Idle {
    connection: Connection,
    since: Stopwatch,
}

struct Connection {
    stream: MySqlConnection,
    /// What the server calls it; the handle to stop a statement.
    id: u64,
    flavour: Flavour,
    age: Stopwatch,
}

// The options hold the password, so nothing of them is shown.
impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool without any connection yet.
    pub(super) fn new(options: MySqlConnectOptions, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            options,
            limits,
            room: Arc::new(Semaphore::new(limits.connections as usize)),
            idle: Mutex::default(),
            closed: AtomicBool::new(false),
        }))
    }

    /// A connection, as soon as there is room for one.
    pub(super) async fn get(&self) -> Result<Lease, Error> {
        let permit = self.0.permit().await?;
        while let Some(idle) = self.0.pop() {
            if let Some(connection) = idle.checked().await {
                return Ok(Lease::new(self.0.clone(), permit, connection, true));
            }
        }
        let connection = self.0.connect().await?;
        Ok(Lease::new(self.0.clone(), permit, connection, false))
    }

    /// As [`Pool::get`], and the connection has just answered.
    pub(super) async fn get_alive(&self) -> Result<Lease, Error> {
        let mut lease = self.get().await?;
        let outcome = lease.start()?.ping().await;
        if lease.end(outcome).is_err() {
            lease.renew().await?;
        }
        Ok(lease)
    }

    /// Closes idle connections and waits for busy ones; from now on nobody
    /// gets one.
    pub(super) async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        let everything = self.0.room.acquire_many(self.0.limits.connections).await;
        while let Some(idle) = self.0.pop() {
            idle.connection.say_goodbye().await;
        }
        // An error means that another call has been here before.
        drop(everything);
        self.0.room.close();
    }
}

impl Shared {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = match self.room.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            // The timer is only worth setting when there is something to wait for.
            Err(_) => timeout(self.limits.acquire, self.room.clone().acquire_owned())
                .await
                .map_err(|_| Error::PoolTimeout(self.limits.acquire))?,
        };
        match permit {
            Ok(permit) if !self.closed.load(Ordering::Acquire) => Ok(permit),
            _ => Err(Error::Unavailable("the connections have been closed".to_owned())),
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn push(&self, connection: Connection) {
        let idle = Idle { connection, since: Stopwatch::start() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }

    /// Opens a connection and sets its session up.
    async fn connect(&self) -> Result<Connection, Error> {
        let connecting = async {
            let mut stream = self.options.connect().await?;
            let rows = fetch_text_on(&mut stream, "SELECT CONNECTION_ID(), VERSION()").await?;
            let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
            let id = row.try_get_unchecked::<u64, _>(0)?;
            let version: &str = row.try_get_unchecked(1)?;
            let flavour =
                if version.to_ascii_lowercase().contains("mariadb") { Flavour::MariaDb } else { Flavour::MySql };
            let limit = flavour.limit_statement(self.limits.statement);
            fetch_text_on(&mut stream, &format!("{SET_UP}; {limit}")).await?;
            Ok(Connection { stream, id, flavour, age: Stopwatch::start() })
        };
        match timeout(self.limits.connect, connecting).await {
            Ok(connected) => connected.map_err(|error: sqlx::Error| error::of_connecting(&error, &self.options)),
            Err(_) => Err(Error::Unavailable(format!(
                "{} did not answer within {:?}",
                error::address(&self.options),
                self.limits.connect
            ))),
        }
    }

    /// Stops what runs on a connection that nobody listens to any more.
    async fn kill(&self, id: u64) {
        let killing = async {
            let mut stream = self.options.connect().await?;
            let outcome = fetch_text_on(&mut stream, &format!("KILL {id}")).await;
            stream.close().await?;
            outcome.map(drop)
        };
        match timeout(self.limits.connect, killing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error::is_gone_already(&error) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a cancelled statement could not be stopped"),
            Err(_) => tracing::warn!("a cancelled statement could not be stopped in time"),
        }
    }
}

impl Idle {
    /// The connection, if it is still good.
    async fn checked(self) -> Option<Connection> {
        let mut connection = self.connection;
        if connection.age.elapsed() > MAX_AGE {
            connection.say_goodbye().await;
            return None;
        }
        if self.since.elapsed() <= TRUSTED_IDLE {
            return Some(connection);
        }
        matches!(timeout(COURTESY, connection.stream.ping()).await, Ok(Ok(()))).then_some(connection)
    }
}

impl Connection {
    /// Closes it so that the server does not log it as aborted. If that fails
    /// it is closed all the same.
    async fn say_goodbye(self) {
        if !matches!(timeout(COURTESY, self.stream.close()).await, Ok(Ok(()))) {
            tracing::debug!("a connection was closed without a goodbye");
        }
    }
}

/// A connection in use. Dropping it gives the connection back, unless it broke
/// or is in the middle of something.
pub(super) struct Lease {
    shared: Arc<Shared>,
    /// `None` only after it went along with a kill.
    permit: Option<OwnedSemaphorePermit>,
    /// `None` once it broke.
    connection: Option<Connection>,
    from_pool: bool,
    running: bool,
    at_drop: AtDrop,
}

/// What becomes of a connection on which nothing runs.
#[derive(Clone, Copy)]
enum AtDrop {
    /// Back to the pool.
    GiveBack,
    /// Back to the pool, once its transaction is rolled back.
    RollBack,
    /// Closed: nobody else may get its session.
    Close,
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("id", &self.connection.as_ref().map(|connection| connection.id))
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Lease {
    fn new(shared: Arc<Shared>, permit: OwnedSemaphorePermit, connection: Connection, from_pool: bool) -> Self {
        Self {
            shared,
            permit: Some(permit),
            connection: Some(connection),
            from_pool,
            running: false,
            at_drop: AtDrop::GiveBack,
        }
    }

    /// The connection, to run one statement on. If the lease is dropped before
    /// [`Lease::end`], the statement is stopped.
    pub(super) fn start(&mut self) -> Result<&mut MySqlConnection, Error> {
        let Some(connection) = &mut self.connection else {
            return Err(Error::Unavailable("the connection broke".to_owned()));
        };
        self.running = true;
        Ok(&mut connection.stream)
    }

    /// Says how the statement ended, and hears what that means.
    pub(super) fn end<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Error> {
        self.running = false;
        outcome.map_err(|error| {
            if error::breaks_connection(&error) {
                self.connection = None;
            }
            error::of_statement(&error, self.shared.limits.statement)
        })
    }

    /// As [`Lease::end`] for a statement that may write; `None` if it ran out
    /// of time, and is to be stopped.
    pub(super) fn end_write<T>(&mut self, outcome: Option<Result<T, sqlx::Error>>) -> Result<T, Error> {
        let limit = self.shared.limits.statement;
        let Some(outcome) = outcome else {
            if let Some(connection) = self.connection.take() {
                abandon(self.shared.clone(), connection, self.permit.take());
            }
            return Err(Error::StatementTimeout(limit));
        };
        self.running = false;
        let flavour = self.flavour();
        outcome.map_err(|error| {
            if error::breaks_connection(&error) {
                self.connection = None;
            }
            error::of_write(&error, flavour, limit)
        })
    }

    /// How long to wait for a statement that may write; zero means no limit
    /// but the server's own. MySQL's is for `SELECT` alone.
    pub(super) fn write_limit(&self) -> Duration {
        match self.flavour() {
            Flavour::MySql => self.shared.limits.statement,
            Flavour::MariaDb => Duration::ZERO,
        }
    }

    /// Whether the connection was pooled and is broken now: most likely it has
    /// been dead for a while, and a new one may do better.
    pub(super) fn died_in_the_pool(&self) -> bool {
        self.from_pool && self.connection.is_none()
    }

    /// Replaces the connection by a new one.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        self.connection = None;
        self.from_pool = false;
        self.connection = Some(self.shared.connect().await?);
        Ok(())
    }

    /// Which server is at the other end; MySQL when there is none any more.
    pub(super) fn flavour(&self) -> Flavour {
        self.connection.as_ref().map_or(Flavour::MySql, |connection| connection.flavour)
    }

    /// Longest run of a statement; zero means no limit.
    pub(super) fn statement_limit(&self) -> Duration {
        self.shared.limits.statement
    }

    /// From now on the session is in a state in which nobody else may get it.
    pub(super) fn close_on_drop(&mut self) {
        self.at_drop = AtDrop::Close;
    }

    /// From now on the session is in a transaction, and in nothing else.
    pub(super) fn roll_back_on_drop(&mut self) {
        self.at_drop = AtDrop::RollBack;
    }

    /// The session is as it was in the beginning.
    pub(super) fn release_on_drop(&mut self) {
        self.at_drop = AtDrop::GiveBack;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.running {
            abandon(self.shared.clone(), connection, self.permit.take());
            return;
        }
        match self.at_drop {
            AtDrop::GiveBack if !self.shared.closed.load(Ordering::Acquire) => self.shared.push(connection),
            AtDrop::RollBack => roll_back(self.shared.clone(), connection, self.permit.take()),
            AtDrop::GiveBack | AtDrop::Close => {}
        }
    }
}

/// Ends a transaction that nobody goes on with. Where that fails the connection
/// is closed, and the server ends it.
fn roll_back(shared: Arc<Shared>, mut connection: Connection, permit: Option<OwnedSemaphorePermit>) {
    if tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    tasks::spawn("roll-back", async move {
        let ended = timeout(COURTESY, fetch_text_on(&mut connection.stream, "ROLLBACK")).await;
        if matches!(ended, Ok(Ok(_))) && !shared.closed.load(Ordering::Acquire) {
            shared.push(connection);
        }
        drop(permit);
    });
}

/// Closes a connection in the middle of a statement and stops the statement.
///
/// The server notices a closed socket only when it writes, so it is told. The
/// whole connection is killed and not just its query: the query may not have
/// reached the server yet, and would start after the kill. Until then the room
/// stays taken, because the server is still busy with it.
fn abandon(shared: Arc<Shared>, connection: Connection, permit: Option<OwnedSemaphorePermit>) {
    let id = connection.id;
    drop(connection);
    if tokio::runtime::Handle::try_current().is_err() {
        // The runtime is gone, the process ends: nobody is left to tell.
        return;
    }
    tasks::spawn("kill", async move {
        shared.kill(id).await;
        drop(permit);
    });
}
