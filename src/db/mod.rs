//! The database itself: connections, introspection, transactions, rows and how
//! their cells are written as JSON, errors classified where they enter.
//!
//! One folder per driver, chosen once in [`Database::connect`]. Nobody above
//! names a driver; nobody here knows plans, permissions or GraphQL.

mod mysql;
mod postgres;
mod sqlite;
mod transaction;
mod violation;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value as Json};

use self::transaction::InnerTransaction;
pub use self::{
    transaction::Transaction,
    violation::{Violation, ViolationKind},
};
use crate::{
    catalog::{ColumnType, Dialect, facts::Facts},
    value::{Key, Value},
};

/// How a database is reached and what one connection or statement may cost.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgres://…`, `mysql://…` (also `mariadb://`), `sqlite:path` or `sqlite://path`.
    pub url: String,
    /// Most connections at a time (SQLite: reader threads, at most the cores). At least 1.
    pub max_connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest time to establish one connection.
    pub connect_timeout: Duration,
    /// Longest run of one statement; zero means no limit.
    pub statement_timeout: Duration,
    /// PostgreSQL schemas to introspect, the first being the default one.
    pub schemas: Vec<String>,
}

/// What went wrong, as far as a caller must tell cases apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL does not say how to reach a database.
    #[error("{0}")]
    Url(String),
    /// Not reachable, or the connection broke.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// Reached, but it refuses these credentials, this database name, or to write.
    #[error("the database refuses the connection: {0}")]
    Refused(String),
    /// No connection became free in time.
    #[error("no database connection became free within {0:?}")]
    PoolTimeout(Duration),
    /// The statement ran longer than its limit.
    #[error("the statement took longer than {0:?}")]
    StatementTimeout(Duration),
    /// A value in the statement's parameters or in the rows it met cannot be
    /// computed with: out of range, division by zero, malformed input.
    #[error("the database cannot compute with a value: {0}")]
    Value(String),
    /// A write would have broken a rule of its table.
    #[error("the database refuses a write: {0}")]
    Constraint(Violation),
    /// Transactions got in each other's way, and this one had to give in;
    /// another run of the whole may well succeed.
    #[error("the transaction was in the way of another: {0}")]
    Conflict(String),
    /// Anything else the database says; ours to look into.
    #[error("the database reports: {0}")]
    Database(String),
}

/// A cell that has no representation in its JSON form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CellError(pub String);

/// Which spelling a cell gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As the contract spells the column's type (`graphql.md` 3.6): 64-bit
    /// integers as a string (but `0` as the number 0), decimals as a number.
    Field,
    /// As a GraphQL `ID`: always a JSON string.
    Id,
    /// Numbers as JSON numbers whatever their size; otherwise as `Field`.
    Raw,
}

/// A column of rows whose statement nobody here has planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawColumn {
    /// Its name in the statement's result.
    pub name: String,
    /// What fits best what came over the wire; on SQLite, where columns have no
    /// types, what is stored in the first row that holds something.
    pub column_type: ColumnType,
}

/// Rows of one statement, complete and in memory, cells by position.
///
/// Shared between requests, so it is never changed once it exists.
#[derive(Debug)]
pub struct Rows(Inner);

#[derive(Debug)]
enum Inner {
    Postgres(postgres::Rows),
    MySql(mysql::Rows),
    Sqlite(sqlite::Rows),
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.0 {
            Inner::Postgres(rows) => rows.len(),
            Inner::MySql(rows) => rows.len(),
            Inner::Sqlite(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a cell is `NULL`.
    pub fn is_null(&self, row: usize, column: usize) -> bool {
        match &self.0 {
            Inner::Postgres(rows) => rows.is_null(row, column),
            Inner::MySql(rows) => rows.is_null(row, column),
            Inner::Sqlite(rows) => rows.is_null(row, column),
        }
    }

    /// Appends a cell as JSON (`null` for `NULL`).
    ///
    /// # Errors
    /// When the value has no representation (`NaN`, infinity, an integer beyond
    /// the type's range, malformed JSON or dates); then nothing was appended.
    #[inline]
    pub fn write_json(
        &self,
        row: usize,
        column: usize,
        column_type: &ColumnType,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Result<(), CellError> {
        match &self.0 {
            Inner::Postgres(rows) => rows.write_json(row, column, column_type, form, out),
            Inner::MySql(rows) => rows.write_json(row, column, column_type, form, out),
            Inner::Sqlite(rows) => rows.write_json(row, column, column_type, form, out),
        }
    }

    /// A cell as part of a key; `None` for `NULL`.
    pub fn key(&self, row: usize, column: usize, column_type: &ColumnType) -> Option<Key> {
        match &self.0 {
            Inner::Postgres(rows) => rows.key(row, column, column_type),
            Inner::MySql(rows) => rows.key(row, column, column_type),
            Inner::Sqlite(rows) => rows.key(row, column, column_type),
        }
    }

    /// A cell as a parameter that stands for exactly what it holds, in statements
    /// that cast texts to the column's type.
    pub fn value(&self, row: usize, column: usize, column_type: &ColumnType) -> Value {
        match &self.0 {
            Inner::Sqlite(rows) => rows.stored(row, column),
            Inner::Postgres(_) | Inner::MySql(_) => {
                self.key(row, column, column_type).map_or(Value::Null, |key| key.to_value())
            }
        }
    }

    /// The columns, as far as the rows tell; none when there is no row.
    pub fn columns(&self) -> Vec<RawColumn> {
        match &self.0 {
            Inner::Postgres(rows) => rows.columns(),
            Inner::MySql(rows) => rows.columns(),
            Inner::Sqlite(rows) => rows.columns(),
        }
    }

    /// The rows as objects of their columns. What has no form of its own is null.
    pub fn objects(&self) -> Vec<Map<String, Json>> {
        let columns = self.columns();
        let object = |row| {
            let member = |(at, column): (usize, &RawColumn)| {
                let mut text = Vec::new();
                let written = self.write_json(row, at, &column.column_type, Form::Raw, &mut text);
                let json = written.ok().and_then(|()| serde_json::from_slice(&text).ok()).unwrap_or_default();
                (column.name.clone(), json)
            };
            columns.iter().enumerate().map(member).collect()
        };
        (0..self.len()).map(object).collect()
    }

    /// Whether two cells, of the same driver, came over the wire alike; two
    /// `NULL`s are. Cells of different types are not, whatever they hold.
    pub fn same_cell(&self, row: usize, column: usize, other: &Self, other_row: usize, other_column: usize) -> bool {
        match (&self.0, &other.0) {
            (Inner::Postgres(one), Inner::Postgres(other)) => {
                one.same_cell(row, column, other, other_row, other_column)
            }
            (Inner::MySql(one), Inner::MySql(other)) => one.same_cell(row, column, other, other_row, other_column),
            (Inner::Sqlite(one), Inner::Sqlite(other)) => one.same_cell(row, column, other, other_row, other_column),
            (Inner::Postgres(_) | Inner::MySql(_) | Inner::Sqlite(_), _) => false,
        }
    }

    /// About how much memory a row takes.
    pub fn bytes(&self, row: usize) -> usize {
        match &self.0 {
            Inner::Postgres(rows) => rows.bytes(row),
            Inner::MySql(rows) => rows.bytes(row),
            Inner::Sqlite(rows) => rows.bytes(row),
        }
    }
}

/// A database, connected. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    driver: Driver,
    /// Statements sent so far.
    sent: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Driver {
    Postgres(postgres::Postgres),
    MySql(mysql::MySql),
    Sqlite(sqlite::Sqlite),
}

impl Database {
    /// Connects by the URL's scheme and makes sure that the database answers.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Unavailable`] or [`Error::Refused`], each one
    /// clear sentence without the password.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let scheme = options.url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let driver = match scheme.as_str() {
            "postgres" | "postgresql" => Driver::Postgres(postgres::Postgres::connect(options).await?),
            "mysql" | "mariadb" => Driver::MySql(mysql::MySql::connect(options).await?),
            "sqlite" => Driver::Sqlite(sqlite::Sqlite::connect(options).await?),
            _ => {
                return Err(Error::Url(format!(
                    "`{scheme}:` is no database URL; expected postgres://…, mysql://… or sqlite:path"
                )));
            }
        };
        Ok(Self { driver, sent: Arc::default() })
    }

    /// How many statements were sent since it was connected. Beginning and
    /// ending transactions is not counted, nor is introspection; all runs of
    /// [`Transaction::fetch_each`] count as one.
    pub fn statements_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The SQL it speaks.
    pub fn dialect(&self) -> Dialect {
        match &self.driver {
            Driver::Postgres(_) => Dialect::Postgres,
            Driver::MySql(_) => Dialect::MySql,
            Driver::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub async fn introspect(&self) -> Result<Facts, Error> {
        match &self.driver {
            Driver::Postgres(database) => database.introspect().await,
            Driver::MySql(database) => database.introspect().await,
            Driver::Sqlite(database) => database.introspect().await,
        }
    }

    /// Runs one reading statement on a connection of its own choosing.
    /// Dropping the future cancels the statement.
    ///
    /// # Errors
    /// Classified; see [`Error`].
    pub async fn fetch(&self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(Rows(match &self.driver {
            Driver::Postgres(database) => Inner::Postgres(database.fetch(text, parameters).await?),
            Driver::MySql(database) => Inner::MySql(database.fetch(text, parameters).await?),
            Driver::Sqlite(database) => Inner::Sqlite(database.fetch(text, parameters).await?),
        }))
    }

    /// As [`Database::fetch`], with the rows in blocks, each handed over while
    /// the next is on its way where the driver can. After an error the blocks
    /// so far are worth nothing.
    ///
    /// # Errors
    /// As [`Database::fetch`].
    pub async fn fetch_blocks(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Error> {
        match &self.driver {
            Driver::Postgres(database) => {
                self.sent.fetch_add(1, Ordering::Relaxed);
                database.fetch_blocks(text, parameters, &mut |rows| sink(Rows(Inner::Postgres(rows)))).await
            }
            Driver::MySql(_) | Driver::Sqlite(_) => self.fetch(text, parameters).await.map(sink),
        }
    }

    /// Begins a read-only transaction in which every statement sees the same
    /// state of the data. Dropping it ends it.
    ///
    /// # Errors
    /// As [`Database::fetch`].
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let inner = match &self.driver {
            Driver::Postgres(database) => InnerSnapshot::Postgres(database.snapshot().await?),
            Driver::MySql(database) => InnerSnapshot::MySql(database.snapshot().await?),
            Driver::Sqlite(database) => InnerSnapshot::Sqlite(database.snapshot().await?),
        };
        Ok(Snapshot { inner, sent: self.sent.clone() })
    }

    /// Begins a transaction that may write, at the database's own isolation
    /// (read committed on MySQL). SQLite runs one at a time, the others wait.
    ///
    /// # Errors
    /// As [`Database::fetch`]; [`Error::PoolTimeout`] when no connection, or
    /// SQLite's only writer, became free in time; [`Error::Refused`] for a
    /// SQLite file that was opened to be read.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let inner = match &self.driver {
            Driver::Postgres(database) => InnerTransaction::Postgres(database.begin().await?),
            Driver::MySql(database) => InnerTransaction::MySql(database.begin().await?),
            Driver::Sqlite(database) => InnerTransaction::Sqlite(database.begin().await?),
        };
        Ok(Transaction::new(inner, self.sent.clone()))
    }

    /// Runs one statement that may write, by itself; how many rows it
    /// affected. It must not begin a transaction.
    ///
    /// # Errors
    /// As [`Database::begin`] and [`Transaction::execute`]; after
    /// [`Error::Unavailable`] nobody knows whether it was carried out.
    pub async fn execute(&self, text: &Arc<str>, parameters: &[Value]) -> Result<u64, Error> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        match &self.driver {
            Driver::Postgres(database) => database.execute(text, parameters).await,
            Driver::MySql(database) => database.execute(text, parameters).await,
            Driver::Sqlite(database) => database.execute(text, parameters).await,
        }
    }

    /// Whether `INSERT … RETURNING` and `DELETE … RETURNING` exist: everywhere
    /// but on MySQL. (`UPDATE … RETURNING` is missing on MariaDB, too.)
    pub fn inserts_return(&self) -> bool {
        match &self.driver {
            Driver::Postgres(_) | Driver::Sqlite(_) => true,
            Driver::MySql(database) => database.inserts_return(),
        }
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// As [`Database::fetch`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.fetch(&Arc::from("SELECT 1"), &[]).await.map(drop)
    }

    /// Closes all idle connections, waits for busy ones; later calls fail.
    pub async fn close(&self) {
        match &self.driver {
            Driver::Postgres(database) => database.close().await,
            Driver::MySql(database) => database.close().await,
            Driver::Sqlite(database) => database.close().await,
        }
    }
}

/// A read-only transaction, see [`Database::snapshot`].
#[derive(Debug)]
pub struct Snapshot {
    inner: InnerSnapshot,
    sent: Arc<AtomicU64>,
}

#[derive(Debug)]
enum InnerSnapshot {
    Postgres(postgres::Snapshot),
    MySql(mysql::Snapshot),
    Sqlite(sqlite::Snapshot),
}

impl Snapshot {
    /// Runs one reading statement within it.
    ///
    /// # Errors
    /// As [`Database::fetch`].
    pub async fn fetch(&mut self, text: &Arc<str>, parameters: &[Value]) -> Result<Rows, Error> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(Rows(match &mut self.inner {
            InnerSnapshot::Postgres(snapshot) => Inner::Postgres(snapshot.fetch(text, parameters).await?),
            InnerSnapshot::MySql(snapshot) => Inner::MySql(snapshot.fetch(text, parameters).await?),
            InnerSnapshot::Sqlite(snapshot) => Inner::Sqlite(snapshot.fetch(text, parameters).await?),
        }))
    }

    /// Ends it in good order, so that its connection can be used again.
    pub async fn finish(self) {
        match self.inner {
            InnerSnapshot::Postgres(snapshot) => snapshot.finish().await,
            InnerSnapshot::MySql(snapshot) => snapshot.finish().await,
            InnerSnapshot::Sqlite(snapshot) => snapshot.finish().await,
        }
    }
}
