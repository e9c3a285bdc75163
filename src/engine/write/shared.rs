//! Group commit: a write of one row that arrives while others like it are under
//! way shares the next transaction with all that wait. An idle gateway adds no
//! delay; a busy one sends fewer, larger statements and commits less often.
//!
//! Nobody notices. Each write is a commit of its own in the log. Whatever is in
//! the way of a shared transaction, it is undone and each of its writes is done
//! in a transaction of its own. And nobody waits long for what others wait for.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use super::{
    Write, specials,
    work::{Session, Work},
};
use crate::{
    catalog::{ColumnId, ColumnType, Exposure, Table, TableId, Tracking},
    engine::{Caller, Engine, Error, heard::Verb},
    events::{Change, Commit, RowImage},
    hooks::{Context, MutationOptions},
    permissions::Access,
    plan::write::{Draft, Given, RowKey, WriteAction},
    predicate::Bindings,
    principal::Principal,
    sql, tasks,
    value::{Key, Value},
};

/// Most rows of a shared transaction.
const MAX_SHARED: usize = 256;

/// Most bytes of values in it, unless one row alone has more.
const MAX_BYTES: usize = 1 << 20;

/// The writes that wait for those under way.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sharing {
    /// Where something is under way, with those who wait.
    lanes: Mutex<HashMap<LaneKey, VecDeque<Waiting>>>,
    /// Those who have waited so far.
    count: AtomicU64,
}

/// What writes must have in common to share a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LaneKey {
    table: TableId,
    action: WriteAction,
    columns: Vec<ColumnId>,
    /// Those of a new row that the caller gave, where that is kept.
    given: Option<Arc<[ColumnId]>>,
    /// The fields that the caller gave, where that matters.
    fields: Vec<String>,
    access: String,
}

/// A row to be written.
#[derive(Debug)]
struct Row {
    /// Empty for a row to be made.
    key: RowKey,
    values: Vec<Value>,
    by: Arc<Principal>,
}

#[derive(Debug)]
struct Waiting {
    /// By which it is found again; no two have the same.
    number: u64,
    row: Row,
    answer: oneshot::Sender<Shared>,
}

/// What became of a write that others may share.
#[derive(Debug)]
pub(super) enum Shared {
    /// It is done: the row, and whether nothing was written after it.
    Written(RowImage, bool),
    /// It failed.
    Failed(Error),
    /// It needs a transaction of its own.
    Alone,
}

impl Sharing {
    fn lanes(&self) -> MutexGuard<'_, HashMap<LaneKey, VecDeque<Waiting>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn, or waits for one that others take.
    fn join(&self, key: &LaneKey, row: Row) -> Joined {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(key) else {
            lanes.insert(key.clone(), VecDeque::new());
            return Joined::First(row);
        };
        let (answer, receiver) = oneshot::channel();
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        lane.push_back(Waiting { number, row, answer });
        Joined::Waiting(number, receiver)
    }

    /// Gives up waiting; not where it is already being written.
    fn leave(&self, key: &LaneKey, number: u64) -> bool {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(key) else { return false };
        let before = lane.len();
        lane.retain(|waiting| waiting.number != number);
        lane.len() < before
    }

    /// Those who write next, none of them the same row as another; `None` and
    /// the lane is gone.
    fn next(&self, key: &LaneKey) -> Option<Vec<Waiting>> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(key)?;
        lane.retain(|waiting| !waiting.answer.is_closed());
        let mut seen = HashSet::new();
        let mut total = 0;
        let fits = |waiting: &&Waiting| {
            let is_first = total == 0;
            total += 1 + waiting.row.values.iter().map(bytes).sum::<usize>();
            let is_other = waiting.row.key.is_empty() || seen.insert(waiting.row.key.clone());
            is_other && (is_first || total <= MAX_BYTES)
        };
        let count = lane.iter().take(MAX_SHARED).take_while(fits).count();
        let taken: Vec<Waiting> = lane.drain(..count).collect();
        if taken.is_empty() {
            lanes.remove(key);
            return None;
        }
        Some(taken)
    }
}

enum Joined {
    /// None like it is under way: go at once.
    First(Row),
    /// It is written with others.
    Waiting(u64, oneshot::Receiver<Shared>),
}

/// Writes under way. When they end, in whatever way, panics included, a task
/// takes over for those that arrived meanwhile.
struct Turn {
    engine: Engine,
    key: LaneKey,
    access: Access,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(next) = self.engine.sharing.next(&self.key) else { return };
        // Without a runtime nobody is left to be answered.
        if Handle::try_current().is_err() {
            drop(self.engine.sharing.lanes().remove(&self.key));
            return;
        }
        let turn = Self { engine: self.engine.clone(), key: self.key.clone(), access: self.access.clone() };
        tasks::spawn("shared writes", turn.serve(next));
    }
}

impl Turn {
    /// Writes rows for those who wait, and tells them.
    async fn serve(self, waiting: Vec<Waiting>) {
        let (rows, answers): (Vec<Row>, Vec<_>) = waiting.into_iter().map(|it| (it.row, it.answer)).unzip();
        let outcomes = self.engine.write_together(&self.key, &self.access, rows).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who is gone needs no answer.
            let _ = answer.send(outcome);
        }
    }
}

/// Why rows were not written together.
enum Failure {
    /// Before the commit: nothing has happened.
    Undone(Error),
    /// By the commit.
    AtTheEnd(Error),
}

impl Engine {
    /// Writes a row along with others, if it can be: one row, nothing around it,
    /// and no hook that has a say.
    pub(super) async fn write_shared(&self, caller: &Caller, table: &Table, write: &Write<'_>) -> Shared {
        // Of a shared statement nobody could say whose it is.
        let wanted = caller.trace.is_none().then(|| self.shareable(caller, table, write));
        let Some((key, row)) = wanted.flatten() else { return Shared::Alone };
        match self.sharing.join(&key, row) {
            Joined::First(row) => {
                let turn = Turn { engine: self.clone(), key, access: caller.access.clone() };
                self.write_together(&turn.key, &turn.access, vec![row]).await.pop().unwrap_or(Shared::Alone)
            }
            Joined::Waiting(number, mut answer) => {
                let answered = match timeout(self.options.patience, &mut answer).await {
                    Ok(answered) => answered,
                    Err(_) if self.sharing.leave(&key, number) => return Shared::Alone,
                    Err(_) => answer.await,
                };
                // Only a panic drops it, and what had been done by then nobody knows.
                answered.unwrap_or(Shared::Failed(Error::Internal))
            }
        }
    }

    fn shareable(&self, caller: &Caller, table: &Table, write: &Write<'_>) -> Option<(LaneKey, Row)> {
        let (action, verb, key, payload) = match write {
            Write::Create(payloads) => match &payloads[..] {
                [payload] => (WriteAction::Create, Verb::Create, RowKey::new(), payload.as_ref()),
                _ => return None,
            },
            Write::Update(keys, payload, _) => match &keys[..] {
                [key] if is_plain(table, key) => (WriteAction::Update, Verb::Update, key.clone(), payload),
                _ => return None,
            },
            _ => return None,
        };
        let is_heard =
            self.listeners.filtered(table.id, verb).is_some() || self.listeners.told(table.id, verb).is_some();
        if table.exposure != Exposure::Items {
            return None;
        }
        if is_heard || table.triggers || !specials::are_cheap(table) || self.options.max_batch == Some(0) {
            return None;
        }
        let bindings = Bindings { caller: &caller.principal, ..Bindings::at(self.clock.now_micros()) };
        let draft = Draft::new(&self.catalog, &caller.access, table, action, Given::Borrowed(payload), &bindings);
        let mut draft = draft.ok()?;
        if action == WriteAction::Update {
            // A rule may be about the caller, and those who share are several.
            let right = caller.access.update(table.id)?;
            if !right.rows_with_all(draft.fields.iter().map(String::as_str)).is_always() {
                return None;
            }
        }
        let is_kept = action == WriteAction::Create && table.tracking == Tracking::All;
        let given = is_kept.then(|| draft.columns.iter().map(|(column, _)| *column).collect());
        specials::fill(table, action, &mut draft, &caller.principal, bindings.now_micros);
        let is_row = draft.to_one.is_empty() && draft.to_many.is_empty();
        let is_complete = match action {
            WriteAction::Create => draft.check_complete(table).is_ok(),
            WriteAction::Update => !draft.columns.is_empty(),
        };
        if !is_row || !is_complete {
            return None;
        }
        draft.columns.sort_unstable_by_key(|(column, _)| *column);
        let Draft { columns, fields, .. } = draft;
        let (columns, values) = columns.into_iter().unzip();
        let access = caller.access.fingerprint().to_owned();
        let lane = LaneKey { table: table.id, action, columns, given, fields, access };
        Some((lane, Row { key, values, by: caller.principal.clone() }))
    }

    /// Writes rows in one transaction; what became of each.
    async fn write_together(&self, key: &LaneKey, access: &Access, rows: Vec<Row>) -> Vec<Shared> {
        let failure = match self.try_together(key, access, &rows).await {
            Ok(written) => return written,
            Err(failure) => failure,
        };
        let (error, is_undone) = match failure {
            Failure::Undone(error) => (error, true),
            // Told in good order; after anything else it may have been committed.
            Failure::AtTheEnd(error @ (Error::Broken(_) | Error::Conflict)) => (error, true),
            Failure::AtTheEnd(error) => (error, false),
        };
        match is_undone && (rows.len() > 1 || error.is_transient()) {
            true => rows.iter().map(|_| Shared::Alone).collect(),
            false => rows.iter().map(|_| Shared::Failed(error.clone())).collect(),
        }
    }

    async fn try_together(&self, key: &LaneKey, access: &Access, rows: &[Row]) -> Result<Vec<Shared>, Failure> {
        let table = self.catalog.table(key.table);
        let work = Work::begin(self, None).await.map_err(Failure::Undone)?;
        let caller = Caller::new(rows[0].by.clone(), access.clone());
        let session = Session::new(work.clone(), caller, MutationOptions::default(), Context::default());
        let writing = session.write_rows(table, key, rows);
        let written = match rows {
            [_] => writing.await,
            // One of them may wait for a lock; it must do so alone.
            _ => timeout(self.options.patience, writing).await.unwrap_or(Err(Error::Conflict)),
        };
        let images = match written {
            Ok(images) => images,
            Err(error) => {
                work.roll_back().await;
                return Err(Failure::Undone(error));
            }
        };
        let keys: Vec<_> = images.iter().map(|image| image.as_ref().map(|image| image.row_key(table))).collect();
        let by = |change: &Change| {
            let at = keys.iter().position(|key| key.as_ref() == Some(&change.key));
            at.map_or_else(Arc::default, |at| rows[at].by.clone())
        };
        let once = session.wrote_once();
        if let Err(error) = session.keep_account(by).await {
            work.roll_back().await;
            return Err(Failure::Undone(error));
        }
        let owners: Vec<_> = rows.iter().map(|row| row.by.clone()).collect();
        work.commit_as(move |changes, touched, at_micros| {
            let mut changes: HashMap<Vec<Key>, Change> =
                changes.into_iter().map(|change| (change.key.clone(), change)).collect();
            let of = |(by, key): (Arc<Principal>, Option<RowKey>)| Commit {
                changes: key.and_then(|key| changes.remove(&key)).into_iter().collect(),
                touched: touched.clone(),
                by,
                at_micros,
            };
            owners.into_iter().zip(keys).map(of).collect()
        })
        .await
        .map_err(Failure::AtTheEnd)?;
        let outcome = |image: Option<RowImage>| image.map_or(Shared::Alone, |image| Shared::Written(image, once));
        Ok(images.into_iter().map(outcome).collect())
    }
}

impl Session {
    /// Rows of which no two are the same; `None` for one that is not there.
    async fn write_rows(&self, table: &Table, key: &LaneKey, rows: &[Row]) -> Result<Vec<Option<RowImage>>, Error> {
        match key.action {
            WriteAction::Create => {
                let values = rows.iter().map(|row| row.values.clone()).collect();
                let images = self.insert_rows(table, &key.columns, values).await?;
                let given = key.given.as_ref().map(|given| vec![given.clone(); images.len()]);
                self.created(table, &images, given);
                Ok(images.into_iter().map(Some).collect())
            }
            WriteAction::Update => {
                let change = |row: &Row| sql::write::Change { key: row.key.clone(), values: row.values.clone() };
                // The rows of a right that several share are all.
                let found = self.set(table, &key.columns, rows.iter().map(change).collect(), &key.fields).await?;
                Ok(rows.iter().map(|row| found.get(&row.key).cloned()).collect())
            }
        }
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => size_of::<Value>(),
    }
}

/// Whether a key is one row's in only one spelling, so that it can be told from
/// others without asking the database.
fn is_plain(table: &Table, key: &RowKey) -> bool {
    let is_plain = |(column, part): (&ColumnId, &Key)| {
        matches!(part, Key::Int(_)) || table.column(*column).column_type == ColumnType::Uuid
    };
    table.key.iter().zip(key).all(is_plain)
}
