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
        let lock = match data.kind {
            Kind::Postgres => format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
            _ => format!("LOCK TABLES {table} WRITE"),
        };
        Self::with(data, lock).await
    }

    /// Locks the rows of a table for which a condition holds.
    pub async fn hold_rows(data: &Arc<TestDatabase>, table: &str, condition: &str) -> Self {
        Self::with(data, format!("BEGIN; UPDATE {table} SET id = id WHERE {condition}")).await
    }

    async fn with(data: &Arc<TestDatabase>, lock: String) -> Self {
        let lock = sqlx::raw_sql(AssertSqlSafe(lock));
        let connection = match data.kind {
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&data.url).await.expect("PostgreSQL answers");
                connection.execute(lock).await.expect("it can be locked");
                Connection::Postgres(connection)
            }
            Kind::MySql => {
                let mut connection = MySqlConnection::connect(&data.url).await.expect("MySQL answers");
                connection.execute(lock).await.expect("it can be locked");
                Connection::MySql(connection)
            }
            Kind::Sqlite => panic!("SQLite's readers cannot be made to wait like this"),
        };
        Self { connection, data: data.clone() }
    }

    /// Resolves when as many transactions wait for rows.
    pub async fn until_transactions_wait(&self, count: usize) {
        let waiting = match self.data.kind {
            Kind::Postgres => {
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            }
            _ => {
                "SELECT count(*) FROM information_schema.innodb_trx t \
                 JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                 WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'"
            }
        };
        let mut reader = self.data.reader().await;
        let watching = async {
            while reader.rows(waiting).await[0][0] != Some(count.to_string()) {
                // InnoDB tells nothing new to who asks more often than every tenth of a second.
                tokio::time::sleep(Duration::from_millis(110)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), watching).await.expect("transactions wait for rows");
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
