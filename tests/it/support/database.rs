//! Throw-away databases: created from a script, gone when the last user is.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Once, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection, Row as _};
use tempfile::TempDir;

/// Several times what all tests together take.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Sqlite,
    Postgres,
    MySql,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    fn folder_name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// The URL of the test server, which may do everything.
    fn server(self) -> String {
        let (name, variable) = match self {
            Self::Postgres => ("PostgreSQL", "TEST_POSTGRES_URL"),
            Self::MySql => ("MySQL", "TEST_MYSQL_URL"),
            Self::Sqlite => panic!("SQLite has no server"),
        };
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} must name a {name} server: run scripts/test"))
    }
}

/// A database of a test's own, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    pub kind: Kind,
    pub url: String,
    name: String,
    folder: Option<TempDir>,
}

/// Rows of cells, each as the database's own text.
pub type Rows = Vec<Vec<Option<String>>>;

type Shared = Mutex<HashMap<(Kind, &'static str), Weak<TestDatabase>>>;

impl TestDatabase {
    /// The music shop of tests/data/music, shared by all tests that read it.
    pub async fn music(kind: Kind) -> Arc<Self> {
        Self::shared(kind, "music").await
    }

    /// The unknown database of tests/data/awkward.
    pub async fn awkward(kind: Kind) -> Arc<Self> {
        Self::shared(kind, "awkward").await
    }

    async fn shared(kind: Kind, data: &'static str) -> Arc<Self> {
        static SHARED: std::sync::OnceLock<Shared> = std::sync::OnceLock::new();
        // Made on a thread of its own: who waits for the lock must not hold up a runtime.
        let made = std::thread::spawn(move || {
            let mut shared = SHARED.get_or_init(Shared::default).lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = shared.get(&(kind, data)).and_then(Weak::upgrade) {
                return database;
            }
            let path = format!("{}/tests/data/{data}/{}.sql", env!("CARGO_MANIFEST_DIR"), kind.folder_name());
            let script = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let database = Arc::new(block_on(Self::create(kind, &script)));
            shared.insert((kind, data), Arc::downgrade(&database));
            database
        });
        tokio::task::spawn_blocking(|| made.join().expect("the shared database can be made"))
            .await
            .expect("waiting for a thread does not fail")
    }

    /// A new database made by a script of many statements.
    pub async fn create(kind: Kind, script: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static WATCH: Once = Once::new();
        WATCH.call_once(|| drop(std::thread::spawn(give_up_in_the_end)));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidegate_test_{}_{number}", std::process::id());
        let database = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder can be made");
                let path = folder.path().join("test.db");
                let url = format!("sqlite:{}", path.display());
                Self { kind, url, name: path.display().to_string(), folder: Some(folder) }
            }
            Kind::Postgres | Kind::MySql => {
                let create = match kind {
                    Kind::MySql => format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
                    _ => format!("CREATE DATABASE {name}"),
                };
                run(kind, &kind.server(), &create).await;
                let mut url = url::Url::parse(&kind.server()).expect("the test server's URL is one");
                url.set_path(&name);
                Self { kind, url: url.to_string(), name, folder: None }
            }
        };
        database.execute(script).await;
        database
    }

    /// Runs statements.
    pub async fn execute(&self, script: &str) {
        match self.kind {
            Kind::Sqlite => {
                let connection = rusqlite::Connection::open(&self.name).expect("the file can be opened");
                connection.execute_batch(script).expect("the script runs");
            }
            Kind::Postgres | Kind::MySql => run(self.kind, &self.url, script).await,
        }
    }

    /// The rows of a hand-written query, each cell as the database's own text.
    pub async fn rows(&self, sql: &str) -> Rows {
        self.reader().await.rows(sql).await
    }

    /// A connection for hand-written queries.
    pub async fn reader(&self) -> Reader {
        match self.kind {
            Kind::Sqlite => {
                Reader::Sqlite(Mutex::new(rusqlite::Connection::open(&self.name).expect("the file can be opened")))
            }
            Kind::Postgres => {
                Reader::Postgres(PgConnection::connect(&self.url).await.expect("PostgreSQL answers").into())
            }
            Kind::MySql => Reader::MySql(MySqlConnection::connect(&self.url).await.expect("MySQL answers").into()),
        }
    }
}

/// A test that hangs must fail like any other, and be named: libtest has said by
/// then which ones run for long.
fn give_up_in_the_end() {
    std::thread::sleep(LONGEST);
    eprintln!("the tests have not ended within {LONGEST:?}: one of them hangs");
    std::process::exit(1);
}

/// A connection that runs hand-written queries.
pub enum Reader {
    Sqlite(Mutex<rusqlite::Connection>),
    Postgres(Box<PgConnection>),
    MySql(Box<MySqlConnection>),
}

impl Reader {
    pub async fn rows(&mut self, sql: &str) -> Rows {
        match self {
            Self::Sqlite(connection) => sqlite_rows(connection.get_mut().unwrap_or_else(PoisonError::into_inner), sql),
            Self::Postgres(connection) => {
                let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
                let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
                let cell = |row: &sqlx::postgres::PgRow, at| {
                    let value = row.try_get_raw(at).expect("the column is there");
                    value.as_str().ok().map(str::to_owned)
                };
                rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
            }
            Self::MySql(connection) => {
                let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
                let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
                let cell = |row: &sqlx::mysql::MySqlRow, at: usize| {
                    let bytes: Option<Vec<u8>> = row.try_get_unchecked(at).expect("the column is there");
                    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                };
                rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
            }
        }
    }
}

fn sqlite_rows(connection: &rusqlite::Connection, sql: &str) -> Rows {
    use rusqlite::types::ValueRef;
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
    };
    let rows = statement
        .query_map([], |row| Ok((0..width).map(|at| text(row.get_ref(at).expect("the column is there"))).collect()));
    rows.expect("the query runs").collect::<Result<_, _>>().expect("all rows can be read")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.folder.is_some() {
            return;
        }
        let (kind, name) = (self.kind, self.name.clone());
        let dropping = std::thread::spawn(move || {
            let drop = match kind {
                // A test that failed may have left a transaction: it is not worth waiting for.
                Kind::MySql => format!("SET lock_wait_timeout = 5; DROP DATABASE IF EXISTS {name}"),
                _ => format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            };
            block_on(run(kind, &kind.server(), &drop));
        });
        if dropping.join().is_err() {
            eprintln!("the database {} could not be dropped", self.name);
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(work)
}

async fn run(kind: Kind, url: &str, script: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(script.to_owned()));
    let result = match kind {
        Kind::Postgres => {
            let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
            connection.execute(sql).await.map(drop)
        }
        Kind::MySql => {
            let mut connection = MySqlConnection::connect(url).await.expect("MySQL answers");
            connection.execute(sql).await.map(drop)
        }
        Kind::Sqlite => panic!("SQLite is not reached by a URL here"),
    };
    if let Err(error) = result {
        panic!("{}…: {error}", script.chars().take(200).collect::<String>());
    }
}
