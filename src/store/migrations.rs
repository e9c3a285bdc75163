//! Making the system tables: in one transaction where the database can, and one
//! gateway at a time.

use std::sync::Arc;

use super::{Error, Store};
use crate::{
    catalog::Dialect,
    db::{self, Transaction},
    value::Value,
};

/// The newest version of the tables that is known, by Directus's count.
pub(super) const NEWEST: &str = "20260909A";

/// What several gateways that start at once agree on.
const LOCK: i64 = 0x7469_6465;

const POSTGRES: &str = include_str!("../../schema/migrations/postgres/0001_system_tables.sql");
const MYSQL: &str = include_str!("../../schema/migrations/mysql/0001_system_tables.sql");
const SQLITE: &str = include_str!("../../schema/migrations/sqlite/0001_system_tables.sql");

/// Makes whatever is missing.
pub(super) async fn run(store: &Store) -> Result<(), Error> {
    let mut transaction = locked(store).await?;
    match make(store, &mut transaction).await {
        Ok(()) => Ok(finish(store, transaction).await?),
        Err(error) => {
            give_up(store, transaction).await;
            Err(error.into())
        }
    }
}

async fn make(store: &Store, transaction: &mut Transaction) -> Result<(), db::Error> {
    let script = match store.database.dialect() {
        Dialect::Postgres => POSTGRES,
        Dialect::MySql => MYSQL,
        Dialect::Sqlite => SQLITE,
    };
    if let Some(schema) = &store.schema {
        let path = format!("SET LOCAL search_path TO \"{}\"", schema.replace('"', "\"\""));
        transaction.execute(&Arc::from(path), &[]).await?;
    }
    for statement in statements(script) {
        transaction.execute(&Arc::from(statement), &[]).await?;
    }
    let known = store.rows_within(transaction, "SELECT [version] FROM [directus_migrations] LIMIT 1", &[]).await?;
    if known.is_empty() {
        let row = "INSERT INTO [directus_migrations] ([version], [name]) VALUES ($1, 'Made by Tidegate')";
        store.execute_within(transaction, row, &[Value::Text(NEWEST.into())]).await?;
        let project = "UPDATE [directus_settings] SET [project_id] = #1 WHERE [project_id] IS NULL";
        let id = Value::Text(uuid::Uuid::new_v4().to_string().into());
        store.execute_within(transaction, project, &[id]).await?;
    }
    Ok(())
}

/// A transaction that no other gateway is in. SQLite has one writer anyway.
pub(super) async fn locked(store: &Store) -> Result<Transaction, db::Error> {
    let mut transaction = store.database.begin().await?;
    let lock = match store.database.dialect() {
        Dialect::Postgres => format!("SELECT pg_advisory_xact_lock({LOCK})::text"),
        Dialect::MySql => format!("SELECT GET_LOCK('tidegate-{LOCK}', 60)"),
        Dialect::Sqlite => return Ok(transaction),
    };
    let held = transaction.fetch(&Arc::from(lock), &[]).await?.objects();
    let is_held = store.database.dialect() != Dialect::MySql
        || held.first().and_then(|row| row.values().next()).and_then(serde_json::Value::as_i64) == Some(1);
    match is_held {
        true => Ok(transaction),
        false => {
            Err(db::Error::Unavailable("another gateway is making the system tables, and does not end".to_owned()))
        }
    }
}

/// Commits, and then lets the others go on, who see what was done.
pub(super) async fn finish(store: &Store, mut transaction: Transaction) -> Result<(), db::Error> {
    if store.database.dialect() == Dialect::MySql {
        transaction.execute(&Arc::from("COMMIT"), &[]).await?;
        unlock(store, &mut transaction).await?;
    }
    transaction.commit().await
}

/// Lets the others go on: on MySQL a lock outlives its transaction.
async fn unlock(store: &Store, transaction: &mut Transaction) -> Result<(), db::Error> {
    if store.database.dialect() == Dialect::MySql {
        transaction.fetch(&Arc::from(format!("SELECT RELEASE_LOCK('tidegate-{LOCK}')")), &[]).await?;
    }
    Ok(())
}

/// Undoes what can be undone, and lets the others go on.
pub(super) async fn give_up(store: &Store, mut transaction: Transaction) {
    if let Err(error) = unlock(store, &mut transaction).await {
        tracing::warn!(%error, "the lock of the system tables goes with its connection");
    }
    transaction.rollback().await;
}

/// The statements of a script, without its comments.
fn statements(script: &str) -> impl Iterator<Item = String> + '_ {
    let of_lines = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    };
    script.split(";\n").map(of_lines).filter(|statement| !statement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_list_of_statements() {
        let script = "-- One.\nCREATE TABLE a (x text DEFAULT ';');\n\n-- Two.\nINSERT INTO a VALUES (1);\n";
        let found: Vec<String> = statements(script).collect();
        assert_eq!(found, ["CREATE TABLE a (x text DEFAULT ';')", "INSERT INTO a VALUES (1)"]);
        for script in [POSTGRES, MYSQL, SQLITE] {
            let count = statements(script).filter(|statement| statement.contains("CREATE TABLE")).count();
            assert!(count >= 25, "{count}");
        }
    }
}
