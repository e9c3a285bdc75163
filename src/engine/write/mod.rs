//! Writing: what a client or a hook wants changed, in one transaction, with
//! filters before, events after, and one statement per level and kind.
//!
//! ```text
//! access        may the caller do this here at all?
//! filters       may change the payload or refuse; one after another
//! plan::write   fields, values, what must be given
//! statements    what rows point to, the rows, what points to them
//! commit        then the event log, then the actions
//! ```

mod answer;
mod create;
mod delete;
mod group;
mod related;
mod update;
mod upsert;
mod violation;
mod work;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

pub(super) use self::work::{Session, Work};
use self::update::{Alteration, Missing};
use super::{Caller, Engine, Error, Variables};
use crate::{
    catalog::{ColumnId, Table},
    events::RowImage,
    hooks::{Context, MutationOptions},
    plan::write::{Fault, Payload, RowKey, forbidden, key_json, payload_key},
    predicate::Predicate,
    sql,
};

/// How long a transaction waits before it is tried again (contract
/// `extensions.md` 3.5).
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// What is done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    /// As in the names of events.
    fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What is to be written, keys and payloads resolved.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    Create(Vec<Payload>),
    /// One payload for all rows of some keys; whether a missing one is refused
    /// whoever asks.
    Update(Vec<RowKey>, Payload, bool),
    /// A payload with its key for each row.
    UpdateBatch(Vec<Payload>),
    UpdateWhere { predicate: Predicate, limit: u32, payload: Payload },
    Upsert(Vec<Payload>, Vec<ColumnId>),
    Delete(Vec<RowKey>),
    DeleteWhere { predicate: Predicate, limit: u32 },
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum Wrote {
    /// Rows, as they were when they were written.
    Rows(Vec<RowImage>),
    /// Rows that are gone, by their keys.
    Gone(Vec<RowKey>),
}

impl Session {
    /// Carries a write out within the session's transaction.
    pub(super) async fn carry_out(
        &self,
        table: &Table,
        write: Write,
        variables: &Variables,
    ) -> Result<Wrote, Error> {
        // Whoever may write everything skips what is not there; anybody else
        // must not learn what is (contract `graphql.md` 7.2).
        let lenient = if self.caller.access.is_full() { Missing::Skip } else { Missing::Refuse };
        let rows = match write {
            Write::Create(payloads) => self.create(table, payloads).await?,
            Write::Update(keys, payload, strict) => {
                let missing = if strict { Missing::Refuse } else { lenient };
                self.update(table, vec![Alteration { keys, payload }], missing).await?.into_iter().flatten().collect()
            }
            Write::UpdateBatch(payloads) => {
                let mut alterations = Vec::with_capacity(payloads.len());
                for payload in payloads {
                    let key = payload_key(self.catalog(), table, &payload)?;
                    let key = key.ok_or_else(|| Fault::Payload("each item of a batch holds its key".to_owned()))?;
                    alterations.push(Alteration { keys: vec![key], payload });
                }
                self.update(table, alterations, lenient).await?.into_iter().flatten().collect()
            }
            Write::UpdateWhere { predicate, limit, payload } => {
                let right = self.caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
                let keys = self.matching(table, predicate.and(right.rows()), limit, variables).await?;
                if keys.is_empty() {
                    return Ok(Wrote::Rows(Vec::new()));
                }
                self.update(table, vec![Alteration { keys, payload }], Missing::Skip).await?.into_iter().flatten().collect()
            }
            Write::Upsert(payloads, on) => self.upsert(table, payloads, &on).await?,
            Write::Delete(keys) => {
                self.delete(table, keys.clone(), lenient).await?;
                return Ok(Wrote::Gone(keys));
            }
            Write::DeleteWhere { predicate, limit } => {
                let right = self.caller.access.delete(table.id).ok_or_else(|| forbidden(table))?;
                let keys = self.matching(table, predicate.and(right.rows()), limit, variables).await?;
                if !keys.is_empty() {
                    self.delete(table, keys.clone(), Missing::Skip).await?;
                }
                return Ok(Wrote::Gone(keys));
            }
        };
        Ok(Wrote::Rows(rows))
    }

    /// The keys of the rows for which a condition holds. More than the limit
    /// are refused, not cut off: a guard that lets some through guards nothing.
    async fn matching(
        &self,
        table: &Table,
        predicate: Predicate,
        limit: u32,
        variables: &Variables,
    ) -> Result<Vec<RowKey>, Error> {
        let most = limit.saturating_add(1);
        let bound = sql::write::matching(self.catalog(), table.id, &predicate, most, &variables.bindings())?;
        let rows = std::sync::Arc::new(self.read(&bound).await?);
        if rows.len() > limit as usize {
            return Err(Error::Invalid(format!("more than {limit} items match; nothing was changed")));
        }
        Ok((0..rows.len()).map(|row| RowImage::new(rows.clone(), row, 0).row_key(table)).collect())
    }
}

impl Engine {
    /// Does something in a transaction of its own: commits what went well, and
    /// tries again, a few times, what met other transactions.
    pub(super) async fn in_transaction<T>(
        &self,
        caller: &Caller,
        options: &MutationOptions,
        context: &Context,
        work: impl for<'a> Fn(&'a Session) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut pauses = PAUSES.iter();
        loop {
            let transaction = Work::begin(self).await?;
            let session = Session::new(transaction.clone(), caller.clone(), options.clone(), context.clone());
            let outcome = match work(&session).await {
                Ok(value) => transaction.commit(caller).await.map(|()| value),
                Err(error) => {
                    transaction.roll_back().await;
                    Err(error)
                }
            };
            match (outcome, pauses.next()) {
                (Err(Error::Conflict), Some(pause)) => tokio::time::sleep(*pause).await,
                (outcome, _) => return outcome,
            }
        }
    }
}

/// A key as one text, as it is shown where an `ID` stands for it.
pub(super) fn key_text(key: &RowKey) -> String {
    match key_json(key) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
