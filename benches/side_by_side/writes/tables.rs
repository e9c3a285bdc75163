//! The tables that are written to: made anew for each run, and made the same
//! again before each round.

use anyhow::{Context, Result, ensure};
use sqlx::{PgConnection, Row};

use super::Write;
use crate::setup::{Database, connect};

const TABLES: &str = include_str!("tables.sql");

/// A connection to the tables.
pub(super) struct Tables {
    connection: PgConnection,
    /// Whether the cluster is ours, so that it may be told to write its log away.
    is_ours: bool,
}

impl Tables {
    /// Makes the tables; never in the place of tables of somebody else's.
    pub(super) async fn make(database: &Database) -> Result<Tables> {
        let mut connection = connect(&database.url).await?;
        let foreign = "SELECT count(*) FROM unnest(ARRAY['write_items', 'write_orders', 'write_lines']) AS name \
            WHERE obj_description(to_regclass(name), 'pg_class') IS DISTINCT FROM 'Made by side_by_side' \
            AND to_regclass(name) IS NOT NULL";
        let foreign: i64 = sqlx::query(foreign).fetch_one(&mut connection).await?.try_get(0)?;
        ensure!(foreign == 0, "the database has tables `write_…` of its own; name an empty database");
        sqlx::raw_sql(TABLES).execute(&mut connection).await.context("cannot make the tables to write to")?;
        Ok(Tables { connection, is_ours: database.postmaster.is_some() })
    }

    /// Makes them what they are before a round. What the round before has left
    /// to do is done here, and not on the account of the next.
    pub(super) async fn reset(&mut self, write: &Write) -> Result<()> {
        let settle = if self.is_ours { &["CHECKPOINT"][..] } else { &[] };
        for statement in write.reset.iter().chain(settle) {
            sqlx::raw_sql(*statement).execute(&mut self.connection).await.context("cannot reset the tables")?;
        }
        Ok(())
    }

    /// What a write has left behind.
    pub(super) async fn trace(&mut self, write: &Write) -> Result<Option<String>> {
        let row = sqlx::query(write.trace).fetch_one(&mut self.connection).await?;
        Ok(row.try_get(0)?)
    }
}
