//! Ways to make a statement wait for as long as a test wants.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection};

use super::{Kind, TestDatabase};

/// A view `slow` that takes a minute, and a table `quick` with one row.
pub fn slow_view(kind: Kind) -> String {
    let slow = match kind {
        Kind::Sqlite => {
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 10000000000) SELECT count(*) AS n FROM c"
        }
        Kind::Postgres => "SELECT 1 AS n FROM pg_sleep(60)",
        Kind::MySql => "SELECT SLEEP(60) AS n",
    };
    format!(
        "CREATE TABLE quick (id INT PRIMARY KEY NOT NULL); INSERT INTO quick VALUES (1); CREATE VIEW slow AS {slow};"
    )
}

/// A table that nobody else can read, on a server.
pub struct Lock {
    connection: Connection,
    data: Arc<TestDatabase>,
}

enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Lock {
    /// Locks a table.
    pub async fn hold(data: &Arc<TestDatabase>, table: &str) -> Self {
        let connection = match data.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&data.url).await.expect("PostgreSQL answers");
                let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
                connection.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await.expect("the table can be locked");
                Connection::Postgres(connection)
            }
            Kind::MySql => {
                let mut connection = MySqlConnection::connect(&data.url).await.expect("MySQL answers");
                let lock = format!("LOCK TABLES {table} WRITE");
                connection.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await.expect("the table can be locked");
                Connection::MySql(connection)
            }
            Kind::Sqlite => panic!("SQLite's readers cannot be made to wait like this"),
        };
        Self { connection, data: data.clone() }
    }

    /// Resolves when a statement waits for the lock.
    pub async fn until_someone_waits(&self) {
        let waiting = match self.data.kind {
            Kind::Postgres => {
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE NOT granted AND datname = current_database()"
            }
            _ => {
                "SELECT count(*) FROM information_schema.processlist \
                 WHERE db = DATABASE() AND state LIKE 'Waiting for table%'"
            }
        };
        let watching = async {
            while self.data.rows(waiting).await[0][0].as_deref() == Some("0") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), watching).await.expect("a statement waits for the lock");
    }

    /// Gives the table back.
    pub async fn release(self) {
        match self.connection {
            Connection::Postgres(connection) => connection.close().await.expect("it ends in good order"),
            Connection::MySql(connection) => connection.close().await.expect("it ends in good order"),
        }
    }
}
