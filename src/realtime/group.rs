//! Subscriptions of one predicate: it is asked once, however many they are.

use std::{
    collections::{HashMap, HashSet},
    mem,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{
    Ended, Topic,
    class::{Class, Subscriber},
};
use crate::{
    catalog::{ColumnId, TableId},
    engine::{ChangesRoot, Engine, Error, Told, Transition},
    error_code::ErrorCode,
    events::{Action, ChangeEvent},
    plan::write::RowKey,
    predicate::Condition,
    tasks,
    value::Key,
};

/// Changes that may wait for statements. More of them are not kept: the
/// subscriptions end, and whoever follows resumes from the log.
pub(super) const MAX_PENDING: usize = 4_096;

/// Changes that are told together.
pub(super) const BURST: usize = 256;

/// Subscriptions of one predicate over one table.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) table: TableId,
    /// What two subscriptions share only if their predicates are the same.
    pub(super) name: String,
    /// What must hold of its rows; `None` where a row alone cannot tell.
    condition: Option<Condition>,
    /// A column, and values of which all its rows have one.
    pub(super) required: Option<(ColumnId, Vec<Key>)>,
    /// One of its subscriptions, for the predicate.
    topic: Topic,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<Arc<ChangeEvent>>,
    /// Whether somebody is judging what was pending before.
    busy: bool,
    /// The rows of the set, where a row alone cannot tell whether it is one.
    members: Option<HashSet<RowKey>>,
    classes: Vec<Arc<Class>>,
    /// How many are about to join it.
    joining: usize,
}

impl State {
    fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.joining == 0
    }
}

impl Group {
    /// A group for a topic, named after what must hold of its rows.
    ///
    /// # Errors
    /// Why a client's value cannot be used.
    pub(super) fn new(engine: &Engine, topic: &Topic) -> Result<Self, Error> {
        let (_, changes) = topic.root().ok_or(Error::Internal)?;
        let table = engine.catalog().table(changes.table);
        let bindings = topic.variables.bindings();
        let (condition, name) = match changes.is_decidable {
            true => {
                let condition = changes.predicate.condition(table, &bindings).map_err(Error::Invalid)?;
                let name = format!("{}:{condition:?}", table.id.0);
                (Some(condition), name)
            }
            // A statement tells, which is the plan's own.
            false => {
                let fixed = changes.watch.fixed(&topic.variables)?;
                (None, format!("{}:{:p}:{fixed}", table.id.0, Arc::as_ptr(&changes.watch.probe)))
            }
        };
        let required = condition.as_ref().and_then(Condition::required_values);
        let (engine, topic, table) = (engine.clone(), topic.clone(), table.id);
        Ok(Self { table, name, condition, required, topic, engine, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accepts(&self, value: &Key) -> bool {
        self.required.as_ref().is_some_and(|(_, values)| values.contains(value))
    }

    /// Whether a row alone tells if it belongs to the set.
    pub(super) fn is_decidable(&self) -> bool {
        self.condition.is_some()
    }

    fn changes(&self) -> Result<&ChangesRoot, Error> {
        self.topic.root().map(|(_, changes)| changes).ok_or(Error::Internal)
    }

    /// Number of its subscriptions.
    pub(super) fn following(&self) -> usize {
        self.state().classes.iter().map(|class| class.following()).sum()
    }

    /// Keeps it where it is until somebody has joined.
    pub(super) fn hold(&self) {
        self.state().joining += 1;
    }

    /// Somebody has joined or given up; whether it is empty.
    pub(super) fn let_go(&self) -> bool {
        let mut state = self.state();
        state.joining -= 1;
        state.is_empty()
    }

    pub(super) fn add(&self, name: &str, topic: &Topic, subscriber: Subscriber) {
        let mut state = self.state();
        match state.classes.iter().find(|known| known.name == name) {
            Some(known) => known.add(subscriber),
            None => {
                let class = Class::new(&self.engine, name.to_owned(), topic.clone());
                class.add(subscriber);
                state.classes.push(class);
            }
        }
    }

    /// Takes a subscription out; whether none is left.
    pub(super) fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        state.classes.retain(|class| !class.remove(id));
        state.is_empty()
    }

    /// Ends all subscriptions.
    pub(super) fn end(&self, ended: &Ended) {
        let classes = {
            let mut state = self.state();
            // Who comes later must not be told by what may be wrong.
            state.members = None;
            state.pending.clear();
            mem::take(&mut state.classes)
        };
        for class in classes {
            class.end(ended);
        }
    }

    fn fail(&self, error: &Error) {
        let (code, message) = (ErrorCode::ServiceUnavailable, error.to_string());
        self.end(&Ended::Failed { code, message });
    }

    /// Takes on a change that may concern it.
    pub(super) fn push(&self, event: &Arc<ChangeEvent>) {
        let is_full = {
            let mut state = self.state();
            state.pending.push(event.clone());
            state.pending.len() > MAX_PENDING
        };
        if is_full {
            self.end(&overrun());
        }
    }

    /// Judges what is pending and hands it on: at once where no statement is
    /// needed, otherwise beside the caller.
    pub(super) fn tell(self: &Arc<Self>) {
        if mem::replace(&mut self.state().busy, true) {
            return;
        }
        let group = self.clone();
        run(self.clone().judge_all(), move || {
            group.state().busy = false;
            group.fail(&Error::Internal);
        });
    }

    async fn judge_all(self: Arc<Self>) {
        loop {
            let events: Vec<_> = {
                let mut state = self.state();
                if state.pending.is_empty() {
                    state.busy = false;
                    return;
                }
                let count = state.pending.len().min(BURST);
                state.pending.drain(..count).collect()
            };
            match self.judge(events).await {
                Ok(told) if told.is_empty() => {}
                Ok(told) => {
                    let classes = self.state().classes.clone();
                    for class in classes {
                        class.push(&told);
                    }
                }
                Err(error) => self.fail(&error),
            }
        }
    }

    /// What changes did to the set.
    async fn judge(&self, events: Vec<Arc<ChangeEvent>>) -> Result<Vec<Told>, Error> {
        if self.is_decidable() {
            return Ok(events.into_iter().flat_map(|event| self.outcomes(event)).collect());
        }
        let changes = self.changes()?;
        let there: Vec<RowKey> =
            events.iter().filter(|event| event.after.is_some()).map(|event| event.key.clone()).collect();
        let holds = match there.is_empty() {
            true => HashSet::new(),
            false => self.engine.probe(&changes.watch, &self.topic.variables, there).await?,
        };
        let mut latest = HashMap::new();
        for (at, event) in events.iter().enumerate() {
            latest.insert(event.key.clone(), at);
        }
        let table = self.engine.catalog().table(self.table);
        let mut state = self.state();
        // Everybody has gone meanwhile.
        let Some(members) = &mut state.members else { return Ok(Vec::new()) };
        let mut told = Vec::with_capacity(events.len());
        for (at, event) in events.into_iter().enumerate() {
            let old_key = event.before.as_ref().map(|before| before.row_key(table));
            let before = old_key.as_ref().is_some_and(|key| members.remove(key));
            // The database tells of now: what a row was before it changed again,
            // nobody can say, and its next change says what has become of it.
            let after = match latest.get(&event.key) {
                Some(last) if *last > at && event.action == Action::Update => before,
                _ => event.after.is_some() && holds.contains(&event.key),
            };
            if after {
                members.insert(event.key.clone());
            }
            told.extend(outcomes(event, old_key, before, after));
        }
        if members.len() > changes.watch.most as usize {
            return Err(changes.watch.too_many());
        }
        Ok(told)
    }

    /// What a change did to a set of which a row alone tells; nothing elsewhere.
    pub(super) fn outcomes(&self, event: Arc<ChangeEvent>) -> Vec<Told> {
        let Some(condition) = &self.condition else { return Vec::new() };
        let table = self.engine.catalog().table(self.table);
        let holds = |image: &Option<_>| image.as_ref().is_some_and(|row| condition.holds(table, row));
        let (before, after) = (holds(&event.before), holds(&event.after));
        let old_key = event.before.as_ref().filter(|_| before).map(|before| before.row_key(table));
        outcomes(event, old_key, before, after)
    }

    /// The condition, where a row alone tells.
    pub(super) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// Reads the set where it must be known before the first change is told.
    pub(super) async fn prepare(&self) -> Result<(), Error> {
        if self.is_decidable() || self.state().members.is_some() {
            return Ok(());
        }
        let members = self.engine.members(self.changes()?, &self.topic.variables).await?;
        self.state().members.get_or_insert(members);
        Ok(())
    }
}

/// Runs something at once as far as it comes without waiting, and the rest
/// beside the caller. A panic is answered with `failed`, not passed on.
pub(super) fn run(work: impl Future<Output = ()> + Send + 'static, failed: impl FnOnce() + Send + 'static) {
    let mut running: BoxFuture<'static, ()> = AssertUnwindSafe(work)
        .catch_unwind()
        .map(|outcome| {
            if outcome.is_err() {
                failed();
            }
        })
        .boxed();
    if (&mut running).now_or_never().is_none() {
        tasks::spawn("subscriptions", running);
    }
}

/// Why those end for whom statements take too long.
pub(super) fn overrun() -> Ended {
    tracing::warn!("statements of subscriptions take longer than changes come");
    let message = "The database answers more slowly than rows change. Resume from the last position.";
    Ended::Failed { code: ErrorCode::ServiceUnavailable, message: message.to_owned() }
}

/// What there is to tell of a change: of a row that has another key than before,
/// that the old one is gone as well.
fn outcomes(event: Arc<ChangeEvent>, old_key: Option<RowKey>, before: bool, after: bool) -> Vec<Told> {
    let told = |event, transition| Told { event, transition, snapshot: false, is_resumable: true };
    let moved = old_key.filter(|key| before && event.action == Action::Update && *key != event.key);
    let left = moved.map(|key| {
        let mut left = (*event).clone();
        left.change.key = key;
        told(Arc::new(left), Some(Transition::Leave))
    });
    let before = before && left.is_none();
    let transition = match (event.action, before, after) {
        (Action::Update, false, true) => Some(Transition::Enter),
        (Action::Update, true, false) => Some(Transition::Leave),
        _ => None,
    };
    let own = (before || after).then(|| told(event, transition));
    // A row whose key has a null in it can be named by nobody.
    left.into_iter().chain(own).filter(|told| !told.event.key.is_empty()).collect()
}
