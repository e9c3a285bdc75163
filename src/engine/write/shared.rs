//! Group commit: a write of one row that arrives while others like it are under
//! way shares the next transaction with all that wait. An idle gateway adds no
//! delay; a busy one sends fewer, larger statements and commits less often.
//!
//! Nobody notices. Each write is a commit of its own in the log. Whatever is in
//! the way of a shared transaction, it is undone and each of its writes is done
//! in a transaction of its own. And nobody waits long for what others wait for.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::oneshot, time::timeout};

use super::{
    Write,
    work::{Session, Work},
};
use crate::{
    catalog::{ColumnId, ColumnType, Table, TableId},
    engine::{Caller, Engine, Error, heard::Verb},
    events::{Change, Commit, RowImage},
    hooks::{Context, MutationOptions},
    permissions::Access,
    plan::write::{Draft, RowKey, WriteAction},
    principal::Principal,
    sql, tasks,
    value::{Key, Value},
};

/// Most rows of a shared transaction.
const MAX_SHARED: usize = 256;

/// The writes that wait for those under way.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sharing(Mutex<HashMap<LaneKey, Lane>>);

/// What writes must have in common to share a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LaneKey {
    table: TableId,
    action: WriteAction,
    columns: Vec<ColumnId>,
    access: String,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    last: u64,
}

/// A row to be written.
#[derive(Debug)]
struct Row {
    /// Of one that there is; it is written by this key.
    key: RowKey,
    values: Vec<Value>,
    by: Arc<Principal>,
}

#[derive(Debug)]
struct Waiting {
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
    fn lanes(&self) -> MutexGuard<'_, HashMap<LaneKey, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn, or waits for one that others take.
    fn join(&self, key: &LaneKey, row: Row) -> Joined {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(key) else {
            lanes.insert(key.clone(), Lane::default());
            return Joined::First(row);
        };
        let (answer, receiver) = oneshot::channel();
        lane.last += 1;
        lane.waiting.push_back(Waiting { number: lane.last, row, answer });
        Joined::Waiting(lane.last, receiver)
    }

    /// Gives up waiting; not where it is already being written.
    fn leave(&self, key: &LaneKey, number: u64) -> bool {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(key) else { return false };
        let before = lane.waiting.len();
        lane.waiting.retain(|waiting| waiting.number != number);
        lane.waiting.len() < before
    }

    /// Those who write next, none of them the same row as another; `None` and
    /// the lane is gone.
    fn next(&self, key: &LaneKey) -> Option<Vec<Waiting>> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(key)?;
        lane.waiting.retain(|waiting| !waiting.answer.is_closed());
        let mut seen = HashSet::new();
        let is_other = |waiting: &&Waiting| waiting.row.key.is_empty() || seen.insert(waiting.row.key.clone());
        let count = lane.waiting.iter().take(MAX_SHARED).take_while(is_other).count();
        let taken: Vec<Waiting> = lane.waiting.drain(..count).collect();
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
struct Turn<'a> {
    engine: &'a Engine,
    key: &'a LaneKey,
    access: &'a Access,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(next) = self.engine.sharing.next(self.key) {
            let serving = serve(self.engine.clone(), self.key.clone(), self.access.clone(), next);
            tasks::spawn("shared writes", serving);
        }
    }
}

/// Writes rows for those who wait, and tells them.
async fn serve(engine: Engine, key: LaneKey, access: Access, waiting: Vec<Waiting>) {
    let _turn = Turn { engine: &engine, key: &key, access: &access };
    let (rows, answers): (Vec<Row>, Vec<_>) = waiting.into_iter().map(|it| (it.row, it.answer)).unzip();
    let outcomes = engine.write_together(&key, &access, rows).await;
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // Who is gone needs no answer.
        let _ = answer.send(outcome);
    }
}

impl Engine {
    /// Writes a row along with others, if it can be: one row, nothing around it,
    /// and no hook that has a say.
    pub(super) async fn write_shared(&self, caller: &Caller, table: &Table, write: &Write) -> Shared {
        let Some((key, row)) = self.shareable(caller, table, write) else { return Shared::Alone };
        match self.sharing.join(&key, row) {
            Joined::First(row) => {
                let _turn = Turn { engine: self, key: &key, access: &caller.access };
                self.write_together(&key, &caller.access, vec![row]).await.pop().unwrap_or(Shared::Alone)
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

    fn shareable(&self, caller: &Caller, table: &Table, write: &Write) -> Option<(LaneKey, Row)> {
        let (action, verb, key, payload) = match write {
            Write::Create(payloads) => match &payloads[..] {
                [payload] => (WriteAction::Create, Verb::Create, RowKey::new(), payload),
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
        if is_heard || table.triggers || self.options.max_batch == Some(0) {
            return None;
        }
        let mut draft = Draft::new(&self.catalog, &caller.access, table, action, payload.clone()).ok()?;
        let is_row = draft.to_one.is_empty() && draft.to_many.is_empty();
        let is_complete = match action {
            WriteAction::Create => draft.check_complete(table).is_ok(),
            WriteAction::Update => !draft.columns.is_empty(),
        };
        if !is_row || !is_complete {
            return None;
        }
        draft.columns.sort_unstable_by_key(|(column, _)| *column);
        let (columns, values) = draft.columns.into_iter().unzip();
        let lane = LaneKey { table: table.id, action, columns, access: caller.access.fingerprint().to_owned() };
        Some((lane, Row { key, values, by: caller.principal.clone() }))
    }

    /// Writes rows in one transaction; what became of each.
    async fn write_together(&self, key: &LaneKey, access: &Access, rows: Vec<Row>) -> Vec<Shared> {
        match self.try_together(key, access, &rows).await {
            Ok(written) => written,
            Err(error) if may_be_tried_again(&error, rows.len()) => rows.iter().map(|_| Shared::Alone).collect(),
            Err(error) => rows.iter().map(|_| Shared::Failed(error.clone())).collect(),
        }
    }

    async fn try_together(&self, key: &LaneKey, access: &Access, rows: &[Row]) -> Result<Vec<Shared>, Error> {
        let table = self.catalog.table(key.table);
        let work = Work::begin(self).await?;
        let caller = Caller { principal: rows[0].by.clone(), access: access.clone() };
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
                return Err(error);
            }
        };
        let once = session.wrote_once();
        let owners: Vec<_> = rows.iter().map(|row| row.by.clone()).collect();
        let keys: Vec<_> = images.iter().map(|image| image.as_ref().map(|image| image.row_key(table))).collect();
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
        .await?;
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
                self.changed(table, images.iter().map(|image| Change::created(table, image.clone())));
                Ok(images.into_iter().map(Some).collect())
            }
            WriteAction::Update => {
                let change = |row: &Row| sql::write::Change { key: row.key.clone(), values: row.values.clone() };
                let found = self.set(table, &key.columns, rows.iter().map(change).collect()).await?;
                Ok(rows.iter().map(|row| found.get(&row.key).cloned()).collect())
            }
        }
    }
}

/// Whether rows that failed together were certainly not written, and may go well
/// one by one. An error of ours may have come after the commit.
fn may_be_tried_again(error: &Error, rows: usize) -> bool {
    match error {
        Error::Unknown | Error::Internal | Error::Unavailable => false,
        error => rows > 1 || error.is_transient(),
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
