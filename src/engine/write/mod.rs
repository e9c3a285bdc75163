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

mod accountability;
mod answer;
mod cascade;
mod create;
mod delete;
mod group;
mod guard;
mod related;
mod revert;
mod shared;
mod sorting;
mod specials;
mod update;
mod upsert;
mod violation;
mod work;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

pub(super) use self::{
    create::object,
    shared::Sharing,
    work::{Session, Work},
};
use self::{
    shared::Shared,
    update::{Alteration, Missing},
};
use super::{
    Answer, Caller, Consistency, Engine, Error, Root, RootKind, TransactionScope, Variables, WriteOperation, WriteRoot,
    encode,
    levels::{self, Filled, Source},
};
use crate::{
    catalog::{ColumnId, Table},
    events::RowImage,
    hooks::{Context, MutationOptions},
    plan::write::{Fault, Given, Payload, RowKey, forbidden, key_json, payload_key, row_key},
    predicate::{Input, Predicate},
    sql,
};

/// How long a transaction waits before it is tried again (contract
/// `extensions.md` 3.5).
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// What is to be written, keys and payloads resolved.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write<'v> {
    Create(Vec<Given<'v>>),
    /// One payload for all rows of some keys; whether a missing one is refused
    /// whoever asks.
    Update(Vec<RowKey>, Payload, bool),
    /// A payload with its key for each row.
    UpdateBatch(Vec<Payload>),
    UpdateSingleton(Payload),
    UpdateWhere {
        predicate: Predicate,
        limit: u32,
        payload: Payload,
    },
    Upsert(Vec<Payload>, Vec<ColumnId>),
    Delete(Vec<RowKey>),
    DeleteWhere {
        predicate: Predicate,
        limit: u32,
    },
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
        write: Write<'_>,
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
            Write::UpdateSingleton(payload) => {
                let all = Predicate::always();
                let bound = sql::write::matching(self.catalog(), table.id, &all, 1, &self.bindings())?;
                let rows = std::sync::Arc::new(self.read(&bound).await?);
                match rows.len() {
                    0 => self.create(table, vec![Given::Owned(payload)]).await?,
                    _ => {
                        let keys = vec![RowImage::new(rows, 0, 0).row_key(table)];
                        let alterations = vec![Alteration { keys, payload }];
                        self.update(table, alterations, Missing::Refuse).await?.into_iter().flatten().collect()
                    }
                }
            }
            Write::UpdateWhere { predicate, limit, payload } => {
                let right = self.caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
                let rows = right.rows_with_all(payload.keys().map(String::as_str));
                let keys = self.matching(table, predicate.and(rows), limit, variables).await?;
                self.update(table, vec![Alteration { keys, payload }], Missing::Skip)
                    .await?
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Write::Upsert(payloads, on) => self.upsert(table, payloads, &on).await?,
            Write::Delete(keys) => {
                self.delete(table, keys.clone(), lenient).await?;
                return Ok(Wrote::Gone(keys));
            }
            Write::DeleteWhere { predicate, limit } => {
                let right = self.caller.access.delete(table.id).ok_or_else(|| forbidden(table))?;
                let keys = self.matching(table, predicate.and(right.rows()), limit, variables).await?;
                self.delete(table, keys.clone(), Missing::Skip).await?;
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
    pub(super) async fn in_transaction<'w, T>(
        &self,
        caller: &Caller,
        options: &MutationOptions,
        context: &Context,
        work: impl Fn(Session) -> BoxFuture<'w, Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut pauses = PAUSES.iter();
        loop {
            let transaction = Work::begin(self, caller.trace.clone()).await?;
            let session = Session::new(transaction.clone(), caller.clone(), options.clone(), context.clone());
            let outcome = match finish(work(session.clone()).await, &session).await {
                Ok(value) => transaction.commit(caller).await.map(|()| value),
                Err(error) => {
                    transaction.roll_back().await;
                    Err(error)
                }
            };
            let is_transient = outcome.as_ref().is_err_and(Error::is_transient);
            match pauses.next().filter(|_| is_transient) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return outcome,
            }
        }
    }
}

impl Engine {
    /// Runs a mutation: its root fields one after another, each in a
    /// transaction of its own or all in one, then reads back what was written.
    ///
    /// A root field that fails leaves nothing behind. What comes after it is
    /// done all the same if the field may be null (contract `graphql.md` 7.1);
    /// in one transaction for all, nothing is done.
    pub async fn write(
        &self,
        caller: &Caller,
        roots: &[Root],
        scope: TransactionScope,
        variables: &Variables,
    ) -> Answer {
        let source = Source::new(self, Consistency::Statement).traced(caller);
        let outcomes = match scope {
            TransactionScope::Field => self.write_each(caller, &source, roots, variables).await,
            TransactionScope::Operation => match self.write_all(caller, &source, roots, variables).await {
                Ok(outcomes) => outcomes,
                Err((at, error)) => return encode::undone(&roots[at], &error),
            },
        };
        encode::answer(&roots[..outcomes.len()], outcomes, self.options.max_answer)
    }

    async fn write_each(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        roots: &[Root],
        variables: &Variables,
    ) -> Vec<Result<Filled, Error>> {
        let mut outcomes = Vec::with_capacity(roots.len());
        for root in roots {
            let outcome = match &root.kind {
                RootKind::Write(write) => self.write_root(caller, source, root, write, variables).await,
                _ => levels::run_root(source, root, variables).await,
            };
            let stops = outcome.is_err() && root.non_null;
            outcomes.push(outcome);
            if stops {
                break;
            }
        }
        outcomes
    }

    async fn write_root(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        root: &Root,
        target: &WriteRoot,
        variables: &Variables,
    ) -> Result<Filled, Error> {
        let table = self.catalog.table(target.table);
        let write = resolve(table, &target.operation, variables)?;
        answer::check(&target.answer, variables)?;
        match self.write_shared(caller, table, &write).await {
            Shared::Written(image, alone) => {
                let wrote = Wrote::Rows(vec![image]);
                let filled = answer::fill(source, &self.catalog, target, &wrote, alone, variables).await?;
                return self.told(caller, root, filled, variables).await;
            }
            Shared::Failed(error) => return Err(self.reworded(caller, error).await),
            Shared::Alone => {}
        }
        let write = Mutex::new(Some(write));
        let context = self.context(caller);
        let done = self
            .in_transaction(caller, &MutationOptions::default(), &context, |session| {
                // Resolved again should it be tried again: payloads are large.
                let first = write.lock().unwrap_or_else(PoisonError::into_inner).take();
                async move {
                    let write = first.map_or_else(|| resolve(table, &target.operation, variables), Ok)?;
                    let wrote = session.carry_out(table, write, variables).await?;
                    Ok((wrote, session.wrote_once()))
                }
                .boxed()
            })
            .await;
        let (wrote, alone) = match done {
            Ok(done) => done,
            Err(error) => return Err(self.reworded(caller, error).await),
        };
        let filled = answer::fill(source, &self.catalog, target, &wrote, alone, variables).await?;
        self.told(caller, root, filled, variables).await
    }

    /// All or nothing; the error comes with the place of its root field.
    async fn write_all(
        &self,
        caller: &Caller,
        source: &Source<'_>,
        roots: &[Root],
        variables: &Variables,
    ) -> Result<Vec<Result<Filled, Error>>, (usize, Error)> {
        let mut writes = Vec::with_capacity(roots.len());
        for (at, root) in roots.iter().enumerate() {
            writes.push(match &root.kind {
                RootKind::Write(root) => {
                    let table = self.catalog.table(root.table);
                    let write = resolve(table, &root.operation, variables).map_err(|error| (at, error))?;
                    answer::check(&root.answer, variables).map_err(|error| (at, error))?;
                    Some((table, write))
                }
                RootKind::Failed(error) => return Err((at, error.clone())),
                _ => None,
            });
        }
        let failed_at = AtomicUsize::new(0);
        let context = self.context(caller);
        let options = MutationOptions::default();
        let done = self.in_transaction(caller, &options, &context, |session| {
            let (writes, failed_at) = (&writes, &failed_at);
            async move {
                let mut done = Vec::with_capacity(writes.len());
                for (at, write) in writes.iter().enumerate() {
                    failed_at.store(at, Ordering::Relaxed);
                    done.push(match write {
                        Some((table, write)) => Some(session.carry_out(table, write.clone(), variables).await?),
                        None => None,
                    });
                }
                Ok(done)
            }
            .boxed()
        });
        let done = match done.await {
            Ok(done) => done,
            Err(error) => return Err((failed_at.load(Ordering::Relaxed), self.reworded(caller, error).await)),
        };
        let mut outcomes = Vec::with_capacity(roots.len());
        for (root, wrote) in roots.iter().zip(done) {
            outcomes.push(match (&root.kind, wrote) {
                (RootKind::Write(write), Some(wrote)) => {
                    match answer::fill(source, &self.catalog, write, &wrote, false, variables).await {
                        Ok(filled) => self.told(caller, root, filled, variables).await,
                        Err(error) => Err(error),
                    }
                }
                _ => levels::run_root(source, root, variables).await,
            });
        }
        Ok(outcomes)
    }
}

/// What must be done and must hold at the end of a transaction.
async fn finish<T>(outcome: Result<T, Error>, session: &Session) -> Result<T, Error> {
    let value = outcome?;
    session.settle().await?;
    let by = session.caller.principal.clone();
    session.keep_account(|_| by.clone()).await?;
    Ok(value)
}

/// Fills the templates of a write with the variables' values.
fn resolve<'v>(table: &Table, operation: &WriteOperation, variables: &'v Variables) -> Result<Write<'v>, Error> {
    let json = |input: &Input| input.resolve(&variables.values).unwrap_or(Json::Null);
    let payload = |input: &Input| match json(input) {
        Json::Object(payload) => Ok(payload),
        _ => Err(Error::from(Fault::Payload("`data` is an object".to_owned()))),
    };
    let payloads = |input: &Input| match json(input) {
        // Left out, the list is empty (contract `graphql.md` 3.3).
        Json::Null => Ok(Vec::new()),
        single @ Json::Object(_) => Ok(vec![create::object(single)?]),
        Json::Array(items) => items.into_iter().map(create::object).collect(),
        _ => Err(Fault::Payload("`data` is a list of objects".to_owned()).into()),
    };
    // New rows come by the thousand: those of a variable stay where they are.
    let given = |input: &Input| -> Result<Vec<Given<'v>>, Error> {
        let variable = match input {
            Input::Variable(id, _) => variables.values.get(usize::from(id.0)).and_then(Option::as_ref),
            _ => None,
        };
        match variable {
            Some(Json::Array(items)) if items.iter().all(Json::is_object) => {
                Ok(items.iter().filter_map(Json::as_object).map(Given::Borrowed).collect())
            }
            _ => Ok(payloads(input)?.into_iter().map(Given::Owned).collect()),
        }
    };
    let row_key = |table: &Table, key: &Json| {
        row_key(table, key.as_str().and_then(|text| variables.caller.value(text)).unwrap_or(key))
    };
    let keys = |input: &Input| match json(input) {
        Json::Array(keys) => keys.iter().map(|key| Ok(row_key(table, key)?)).collect::<Result<Vec<_>, Error>>(),
        single => Ok(vec![row_key(table, &single)?]),
    };
    Ok(match operation {
        WriteOperation::Create(data) => Write::Create(given(data)?),
        WriteOperation::Update { keys: of, data, strict } => Write::Update(keys(of)?, payload(data)?, *strict),
        WriteOperation::UpdateBatch(data) => Write::UpdateBatch(payloads(data)?),
        WriteOperation::UpdateSingleton(data) => Write::UpdateSingleton(payload(data)?),
        WriteOperation::UpdateWhere { predicate, limit, data } => {
            Write::UpdateWhere { predicate: predicate.clone(), limit: *limit, payload: payload(data)? }
        }
        WriteOperation::Upsert { data, on } => Write::Upsert(payloads(data)?, on.clone()),
        WriteOperation::Delete(of) => Write::Delete(keys(of)?),
        WriteOperation::DeleteWhere { predicate, limit } => {
            Write::DeleteWhere { predicate: predicate.clone(), limit: *limit }
        }
    })
}

/// The fields that are a row's key.
pub(super) fn key_fields(table: &Table) -> Vec<String> {
    table.key.iter().map(|column| table.column_field(*column).to_owned()).collect()
}

/// A key as one text, as it is shown where an `ID` stands for it; nothing where no
/// row is meant.
pub(in crate::engine) fn key_text(key: &RowKey) -> String {
    match key_json(key) {
        _ if key.is_empty() => String::new(),
        Json::String(text) => text,
        other => other.to_string(),
    }
}
