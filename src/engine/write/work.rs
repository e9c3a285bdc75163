//! A transaction in progress and what it has done so far; and a session, which
//! is somebody's view of it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::FutureExt as _;
use serde_json::Value as Json;
use tokio::{sync::Mutex as AsyncMutex, time::timeout};

use super::{
    super::{
        Caller,
        heard::{Heard, Verb},
        trace::{Running, Trace},
    },
    group::values,
    violation,
};
use crate::{
    catalog::{Cardinality, Catalog, ColumnId, Exposure, Table, TableId, Tracking},
    db::{Rows, Transaction},
    engine::{Engine, Error},
    events::{Change, Commit, RowImage},
    hooks::{Context, Meta, MutationOptions},
    plan::write::{Fault, RowKey},
    predicate::Bindings,
    sql::{Bound, write::Command},
    store, tasks,
    value::Value,
};

/// One transaction, shared by all that is written in it: nested rows, and what
/// hooks do on their part.
#[derive(Debug)]
pub(in crate::engine) struct Work {
    engine: Engine,
    /// `None` once it has ended.
    transaction: AsyncMutex<Option<Transaction>>,
    done: Mutex<Done>,
    trace: Option<Arc<Trace>>,
    /// Rows, counted against the limit.
    written: AtomicUsize,
    /// Statements that wrote.
    commands: AtomicUsize,
    /// Whether a write broke off in the middle, so that nothing must last.
    is_torn: AtomicBool,
}

/// What a transaction has done.
#[derive(Debug, Default)]
struct Done {
    changes: Vec<Change>,
    /// What has to be kept account of, and is not yet.
    accounted: Vec<Accounted>,
    /// Rows that were written as a part of others, each with that one, as they were
    /// written.
    parents: Vec<(RowImage, RowImage)>,
    /// Tables of which more may have changed.
    touched: HashSet<TableId>,
    /// Whether more has changed than can be told.
    is_untold: bool,
    /// In the order in which they are told; `None` where one is being made.
    actions: Vec<Option<Told>>,
}

/// Whether revisions of a table's rows point to those of another one's: both have some.
pub(super) fn keeps_parents(child: &Table, parent: &Table) -> bool {
    child.tracking == Tracking::All && parent.tracking == Tracking::All
}

/// A change that has to be kept account of.
#[derive(Debug)]
pub(super) struct Accounted {
    pub(super) change: Change,
    /// How many relations deep it was written.
    pub(super) depth: usize,
    /// Of a new row the columns that values were given for.
    pub(super) given: Arc<[ColumnId]>,
}

/// Longest wait for the database's answer to a commit.
const COMMITTING: Duration = Duration::from_secs(60);

/// An action event that waits for the commit.
#[derive(Debug)]
struct Told {
    names: Vec<String>,
    meta: Meta,
    context: Context,
}

/// The place of an action among those of its transaction: a parent's stands
/// before those of what is nested in it.
pub(super) struct Slot(usize);

impl Work {
    pub(super) async fn begin(engine: &Engine, trace: Option<Arc<Trace>>) -> Result<Arc<Self>, Error> {
        let transaction = engine.database().begin().await.map_err(|error| Error::from_database(error, "BEGIN"))?;
        Ok(Arc::new(Self {
            engine: engine.clone(),
            trace,
            transaction: AsyncMutex::new(Some(transaction)),
            done: Mutex::default(),
            written: AtomicUsize::new(0),
            commands: AtomicUsize::new(0),
            is_torn: AtomicBool::new(false),
        }))
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        // Nothing is done under the lock that could leave it half done.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits, publishes what has changed and hands the actions over. From the
    /// moment when the commit is sent this is finished whoever still waits: what
    /// is committed must be told.
    pub(super) async fn commit(self: Arc<Self>, caller: &Caller) -> Result<(), Error> {
        let (by, catalog) = (caller.principal.clone(), self.engine.catalog.clone());
        self.commit_as(move |changes, touched, at_micros| {
            let changes = Change::net(&catalog, changes);
            vec![Commit { changes, touched, by, at_micros }]
        })
        .await
    }

    /// The same, where what has changed is told as `tell` says.
    pub(super) async fn commit_as<F>(self: Arc<Self>, tell: F) -> Result<(), Error>
    where
        F: FnOnce(Vec<Change>, Vec<TableId>, i64) -> Vec<Commit> + Send + 'static,
    {
        if self.is_torn.load(Ordering::Relaxed) {
            tracing::error!("a hook went on after a write of its own had failed; everything is undone");
            self.roll_back().await;
            return Err(Error::Internal);
        }
        let finish = async move {
            let Some(transaction) = self.transaction.lock().await.take() else { return Err(Error::Internal) };
            let Done { changes, touched, is_untold, actions, .. } = std::mem::take(&mut *self.done());
            let touched = touched.into_iter().collect();
            // Now that all its locks are held, whoever must come after it has
            // no ticket yet.
            let ticket = self.engine.events.ticket();
            // Later commits are told after this one, and must not wait for ever.
            let committed = match timeout(COMMITTING, transaction.commit()).await {
                Ok(outcome) => outcome.map_err(|error| violation::at_the_end(&self.engine.catalog, error)),
                Err(_) => {
                    tracing::error!("a COMMIT was not answered within {COMMITTING:?}");
                    Err(Error::Unavailable)
                }
            };
            if let Err(error) = committed {
                // A conflict is told in good order: nothing was committed.
                return Err(match error {
                    Error::Unavailable => {
                        ticket.unknown();
                        Error::Unknown
                    }
                    other => other,
                });
            }
            let at_micros = self.engine.clock.now_micros();
            ticket.publish_all(tell(changes, touched, at_micros)).await;
            if is_untold {
                self.engine.events.log().break_off();
            }
            for Told { names, meta, context } in actions.into_iter().flatten() {
                self.engine.hooks.act(names, meta, context).await;
            }
            Ok(())
        };
        // Boxed, so that the task around it is small; a panic there has been logged.
        tasks::spawn("commit", finish.boxed()).await.unwrap_or(Err(Error::Internal))
    }

    pub(super) async fn roll_back(&self) {
        if let Some(transaction) = self.transaction.lock().await.take() {
            transaction.rollback().await;
        }
    }

    /// Does a write of a hook's own: all of it, or the whole transaction is worth
    /// nothing any more, whatever the hook makes of the error.
    pub(in crate::engine) async fn whole<T>(&self, write: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let before = self.commands.load(Ordering::Relaxed);
        let outcome = write.await;
        if outcome.is_err() && self.commands.load(Ordering::Relaxed) != before {
            self.is_torn.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn may_write_anywhere(&self) {
        self.commands.fetch_add(1, Ordering::Relaxed);
        self.done().touched.extend(self.engine.catalog.tables.iter().map(|table| table.id));
    }

    /// Raw SQL of a hook that may write and gives rows back.
    pub(in crate::engine) async fn query(&self, bound: &Bound) -> Result<Rows, crate::db::Error> {
        self.may_write_anywhere();
        self.fetch(bound).await
    }

    /// Runs a reading statement.
    pub(in crate::engine) async fn fetch(&self, bound: &Bound) -> Result<Rows, crate::db::Error> {
        let mut transaction = self.transaction.lock().await;
        match transaction.as_mut() {
            Some(transaction) => {
                let running = Running::begin(self.trace.as_deref());
                let rows = transaction.fetch(&bound.text, &bound.values).await;
                running.end(&bound.text, &bound.values, &rows);
                rows
            }
            None => Err(ended()),
        }
    }

    /// Raw SQL of a hook; the number of rows that it changed.
    pub(in crate::engine) async fn execute(&self, bound: &Bound) -> Result<u64, crate::db::Error> {
        self.may_write_anywhere();
        let mut transaction = self.transaction.lock().await;
        match transaction.as_mut() {
            Some(transaction) => transaction.execute(&bound.text, &bound.values).await,
            None => Err(ended()),
        }
    }
}

fn ended() -> crate::db::Error {
    crate::db::Error::Unavailable("the transaction has ended".to_owned())
}

/// Somebody's view of a transaction: whose rights count, what hooks are told.
#[derive(Clone)]
pub(in crate::engine) struct Session {
    pub(super) work: Arc<Work>,
    pub(super) caller: Caller,
    pub(super) options: MutationOptions,
    /// What hooks get; knows the transaction.
    context: Context,
    /// How many relations deep the payload is that is being written.
    depth: usize,
}

impl Session {
    pub(in crate::engine) fn new(work: Arc<Work>, caller: Caller, options: MutationOptions, context: Context) -> Self {
        let context = context.with_scope(work.clone());
        Self { work, caller, options, context, depth: 0 }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.work.engine
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.work.engine.catalog
    }

    /// What conditions are bound with that hold no variables.
    pub(super) fn bindings(&self) -> Bindings<'_> {
        Bindings { caller: &self.caller.principal, ..Bindings::at(self.work.engine.clock.now_micros()) }
    }

    /// Counts rows against the limit of one mutation, nested ones included.
    pub(super) fn count(&self, rows: usize) -> Result<(), Error> {
        let written = self.work.written.fetch_add(rows, Ordering::Relaxed) + rows;
        match self.engine().options.max_batch {
            Some(limit) if written > limit && !self.options.bypass_limits => {
                Err(Fault::Payload(format!("a mutation writes at most {limit} items, nested ones included")).into())
            }
            _ => Ok(()),
        }
    }

    /// The same session one relation deeper: what is nested is written by
    /// recursion, and its depth is the client's to choose. No option of a hook
    /// goes beyond the limit, for the stack does not either.
    pub(super) fn deeper(&self) -> Result<Self, Error> {
        let limit = self.engine().options.max_depth;
        match self.depth < limit {
            true => Ok(Self { depth: self.depth + 1, ..self.clone() }),
            false => Err(Fault::Payload(format!("payloads are nested at most {limit} relations deep")).into()),
        }
    }

    /// Runs a writing statement once for each of its runs; all rows that came back.
    pub(super) async fn run(&self, table: &Table, command: &Command) -> Result<Rows, Error> {
        let mut transaction = self.work.transaction.lock().await;
        let transaction = transaction.as_mut().ok_or(Error::Internal)?;
        self.work.commands.fetch_add(1, Ordering::Relaxed);
        let first = command.runs.first().map(Vec::as_slice).unwrap_or_default();
        let running = Running::begin(self.work.trace.as_deref());
        let sent = match &command.runs[..] {
            [values] => transaction.fetch(&command.text, values).await,
            runs => transaction.fetch_each(&command.text, runs).await,
        };
        running.end(&command.text, first, &sent);
        sent.map_err(|error| violation::explain(self.catalog(), table, error, &command.text))
    }

    /// Counts a statement that gave rows back as one that writes would have, so
    /// that whatever is written after it is noticed.
    pub(super) fn gave_back(&self) {
        self.work.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether all that was written was written by one statement, so that
    /// nothing can have changed the rows that it gave back.
    pub(super) fn wrote_once(&self) -> bool {
        self.work.commands.load(Ordering::Relaxed) == 1
    }

    /// Runs a reading statement.
    pub(super) async fn read(&self, bound: &Bound) -> Result<Rows, Error> {
        self.work.fetch(bound).await.map_err(|error| Error::from_database(error, &bound.text))
    }

    /// Notes what has changed, for the log.
    pub(super) fn changed(&self, table: &Table, changes: impl IntoIterator<Item = Change>) {
        self.note(table, changes.into_iter().map(|change| (change, Arc::default())));
    }

    /// The same of new rows, with the columns that were given for each, where that is
    /// kept.
    pub(super) fn created(&self, table: &Table, images: &[RowImage], given: Option<Vec<Arc<[ColumnId]>>>) {
        let changes = Change::created(table, images);
        match given {
            Some(given) => {
                debug_assert_eq!(images.len(), given.len(), "something was given for each");
                self.note(table, changes.zip(given));
            }
            None => self.note(table, changes.map(|change| (change, Arc::default()))),
        }
    }

    fn note(&self, table: &Table, changes: impl Iterator<Item = (Change, Arc<[ColumnId]>)>) {
        let mut done = self.work.done();
        let done = &mut *done;
        let is_accounted = table.tracking != Tracking::Nothing;
        if !self.options.emit_events {
            done.touched.insert(table.id);
        }
        for (change, given) in changes {
            if is_accounted {
                done.accounted.push(Accounted { change: change.clone(), depth: self.depth, given });
            }
            if self.options.emit_events {
                done.changes.push(change);
            }
        }
    }

    /// Notes of rows what they were written as a part of, each as it was written. What
    /// stays as it is has no revision, and is nobody's.
    pub(super) fn note_parents(&self, pairs: impl IntoIterator<Item = (RowImage, RowImage)>) {
        self.work.done().parents.extend(pairs);
    }

    /// What has to be kept account of, from here on somebody else's to do, and the rows
    /// that were written as a part of others, in the order in which they were noted.
    pub(super) fn take_accounted(&self) -> (Vec<Accounted>, Vec<(RowImage, RowImage)>) {
        let mut done = self.work.done();
        (std::mem::take(&mut done.accounted), std::mem::take(&mut done.parents))
    }

    /// The rows of a statement about the system tables, as the transaction sees them.
    pub(super) async fn system_rows(&self, template: &str, values: &[Value]) -> Result<Vec<store::Row>, Error> {
        let Some(bound) = self.engine().store().map(|store| store.bound(template, values)) else {
            return Ok(Vec::new());
        };
        Ok(self.read(&bound).await?.objects())
    }

    /// The same as others still see them.
    pub(super) async fn system_rows_outside(&self, template: &str, values: &[Value]) -> Result<Vec<store::Row>, Error> {
        let Some(store) = self.engine().store() else { return Ok(Vec::new()) };
        store.rows(template, values).await.map_err(|error| Error::from_database(error, template))
    }

    /// Writes to the system tables on the side, which is told to nobody.
    pub(super) async fn system_execute(&self, template: &str, values: &[Value]) -> Result<(), Error> {
        let Some(bound) = self.engine().store().map(|store| store.bound(template, values)) else { return Ok(()) };
        let mut transaction = self.work.transaction.lock().await;
        let transaction = transaction.as_mut().ok_or(Error::Internal)?;
        self.work.commands.fetch_add(1, Ordering::Relaxed);
        let done = transaction.execute(&bound.text, &bound.values).await;
        done.map(drop).map_err(|error| Error::from_database(error, &bound.text))
    }

    /// What was changed in the system tables so far.
    pub(super) fn system_changes(&self) -> Vec<Change> {
        let done = self.work.done();
        let is_systems = |change: &&Change| self.catalog().table(change.table).exposure == Exposure::System;
        // What is told and what is kept account of may be the same.
        let kept = done.accounted.iter().map(|accounted| &accounted.change);
        done.changes.iter().chain(kept).filter(is_systems).cloned().collect()
    }

    /// Notes that more has changed than will be told: whoever follows the log must
    /// begin anew.
    pub(super) fn lose_track(&self) {
        self.work.done().is_untold = true;
    }

    /// Notes that rows of a table are gone, and with them perhaps what pointed
    /// to them.
    pub(super) fn cascades(&self, table: &Table) {
        let mut reached = vec![table.id];
        let mut next = 0;
        while let Some(from) = reached.get(next).copied() {
            next += 1;
            for relationship in
                self.catalog().relationships.iter().filter(|relationship| {
                    relationship.from == from && relationship.cardinality == Cardinality::OneToMany
                })
            {
                if !reached.contains(&relationship.to) {
                    reached.push(relationship.to);
                }
            }
        }
        self.work.done().touched.extend(reached);
    }

    /// Whether the transaction itself has written a row with one of these values
    /// in some columns.
    pub(super) fn has_written(&self, table: &Table, columns: &[ColumnId], keys: &[RowKey]) -> bool {
        let done = self.work.done();
        let images =
            done.changes.iter().filter(|change| change.table == table.id).filter_map(|change| change.after.as_ref());
        images.filter_map(|image| values(table, columns, image)).any(|values| keys.contains(&values))
    }

    /// What is said of this before it happens, if anybody filters it.
    pub(super) fn filtered(&self, table: &Table, verb: Verb) -> Option<&Heard> {
        self.work.engine.listeners.filtered(table.id, verb).filter(|_| self.options.emit_events)
    }

    /// Lets the filters have their way with a payload.
    pub(super) async fn filter(
        &self,
        heard: &Heard,
        table: &Table,
        payload: Json,
        keys: Option<Json>,
    ) -> Result<Json, Error> {
        let mut meta = Meta::new().with("collection", table.collection.clone());
        if let Some(keys) = keys {
            meta = meta.with("keys", keys);
        }
        Ok(self.engine().hooks.filter(&heard.names(), payload, meta, &self.context).await?)
    }

    /// What is said of this after the commit, if anybody wants to be told.
    pub(super) fn told(&self, table: &Table, verb: Verb) -> Option<&Heard> {
        self.work.engine.listeners.told(table.id, verb).filter(|_| self.options.emit_events)
    }

    /// Keeps a place for an action whose facts come later.
    pub(super) fn slot(&self) -> Slot {
        let mut done = self.work.done();
        done.actions.push(None);
        Slot(done.actions.len() - 1)
    }

    /// Fills the place of an action.
    pub(super) fn tell(&self, slot: Slot, heard: &Heard, table: &Table, meta: Meta) {
        let meta = meta.with("collection", table.collection.clone());
        let names = heard.owned_names();
        self.work.done().actions[slot.0] = Some(Told { names, meta, context: self.context.root() });
    }
}
