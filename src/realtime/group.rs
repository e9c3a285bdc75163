//! Subscriptions of one predicate: it is asked once, however many they are.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
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
    engine::{ChangesRoot, Engine, Error, Judge, Told, Transition, Watch},
    error_code::ErrorCode,
    events::{Action, Change, ChangeEvent, Position, RowImage},
    plan::write::RowKey,
    predicate::Condition,
    tasks,
    value::Key,
};

/// Changes that may wait for statements. More of them are not kept: the
/// subscriptions end, and whoever follows resumes from the log.
pub(super) const MAX_PENDING: usize = 1 << 18;

/// Changes that are told together.
pub(super) const BURST: usize = 256;

/// Subscriptions of one predicate over one table.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) table: TableId,
    /// What two subscriptions share only if their predicates are the same.
    pub(super) name: String,
    /// What must hold of its rows; `None` where a statement tells.
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
    /// The last change of other rows that the condition is about.
    stale: Option<Arc<ChangeEvent>>,
    /// The rows of the set, where they are kept; none before they have been read.
    members: Option<HashSet<RowKey>>,
    /// Behind which changes are not in `members` yet.
    judged: Option<Position>,
    classes: Vec<Arc<Class>>,
    /// How many are about to join it.
    joining: usize,
    /// How often everybody had to go.
    ended: u64,
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
        let (condition, name) = match &changes.judge {
            Judge::Memory => {
                let condition = changes.predicate.condition(table, &bindings).map_err(Error::Invalid)?;
                let name = format!("{}:{condition:?}", table.id.0);
                (Some(condition), name)
            }
            // A statement tells, which is the plan's own.
            judge => (None, format!("{}:{}", table.id.0, judge.fixed(&topic.variables)?)),
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

    /// How its rows are kept in mind, if they are.
    pub(super) fn watch(&self) -> Option<&Watch> {
        match &self.changes().ok()?.judge {
            Judge::Members(watch) => Some(watch),
            Judge::Memory | Judge::Values(_) => None,
        }
    }

    /// Whether a change may have a say in which rows belong to the set.
    pub(super) fn is_about(&self, event: &ChangeEvent) -> bool {
        let related = self.watch().and_then(|watch| watch.related.get(&event.table));
        event.table == self.table || related.is_some_and(|columns| concerns(columns, event))
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

    /// Takes a subscription in; `false` if the rows of the set, which must be
    /// known, are not any more.
    #[must_use]
    pub(super) fn add(&self, name: &str, topic: &Topic, subscriber: Subscriber) -> bool {
        self.admit(&mut self.state(), name, topic, subscriber)
    }

    /// The same, with what is told next: the rows of the set, and from where on
    /// changes come.
    pub(super) fn add_with_members(
        &self,
        name: &str,
        topic: &Topic,
        subscriber: Subscriber,
    ) -> Option<(Vec<RowKey>, Position)> {
        let mut state = self.state();
        let (members, from) = (state.members.as_ref()?.iter().cloned().collect(), state.judged?);
        self.admit(&mut state, name, topic, subscriber).then_some((members, from))
    }

    fn admit(&self, state: &mut State, name: &str, topic: &Topic, subscriber: Subscriber) -> bool {
        if self.watch().is_some() && state.members.is_none() {
            return false;
        }
        match state.classes.iter().find(|known| known.name == name) {
            Some(known) => known.add(subscriber),
            None => {
                let class = Class::new(&self.engine, name.to_owned(), topic.clone());
                class.add(subscriber);
                state.classes.push(class);
            }
        }
        true
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
            state.stale = None;
            state.ended += 1;
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

    /// Takes on a change of other rows that its condition is about.
    pub(super) fn push_related(&self, event: &Arc<ChangeEvent>) {
        self.state().stale = Some(event.clone());
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
            let (events, stale, is_stale) = {
                let mut state = self.state();
                // While the set is being read, what comes has to wait for it.
                let is_ready = state.members.is_some() || self.watch().is_none();
                if !is_ready && state.is_empty() {
                    state.pending.clear();
                    state.stale = None;
                }
                if !is_ready || (state.pending.is_empty() && state.stale.is_none()) {
                    state.busy = false;
                    return;
                }
                let count = state.pending.len().min(BURST);
                let events: Vec<_> = state.pending.drain(..count).collect();
                // What changes of other rows did is told behind these.
                let (is_last, is_stale) = (state.pending.is_empty(), state.stale.is_some());
                (events, state.stale.take_if(|_| is_last), is_stale)
            };
            if let Err(error) = self.judge(events, stale, is_stale).await {
                self.fail(&error);
            }
        }
    }

    /// Hands on what changes did to the set.
    async fn judge(
        &self,
        events: Vec<Arc<ChangeEvent>>,
        stale: Option<Arc<ChangeEvent>>,
        is_stale: bool,
    ) -> Result<(), Error> {
        let Some(watch) = self.watch() else {
            let told = self.outcomes(events).await?;
            let state = self.state();
            hand_on(state, &told);
            return Ok(());
        };
        if !events.is_empty() {
            self.judge_by_key(watch, events, is_stale).await?;
        }
        match stale {
            Some(event) => self.read_anew(watch, &event).await,
            None => Ok(()),
        }
    }

    /// What changes did to a set that is kept, as far as the rows are concerned
    /// that have changed.
    ///
    /// The database tells of now, and so what is told is a row as it is now: what
    /// it was before it changed again may not have belonged to the set.
    async fn judge_by_key(&self, watch: &Watch, events: Vec<Arc<ChangeEvent>>, is_stale: bool) -> Result<(), Error> {
        let table = self.engine.catalog().table(self.table);
        let there: BTreeSet<RowKey> =
            events.iter().filter(|event| event.after.is_some()).map(|event| event.key.clone()).collect();
        let now = match there.is_empty() {
            true => Vec::new(),
            false => self.engine.images(watch, &self.topic.variables, there.into_iter().collect()).await?,
        };
        let now: HashMap<RowKey, RowImage> = now.into_iter().map(|row| (row.row_key(table), row)).collect();
        let gone: HashMap<RowKey, usize> = events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.after.is_none())
            .map(|(at, event)| (event.key.clone(), at))
            .collect();
        let mut state = self.state();
        // Everybody has gone meanwhile.
        let Some(members) = &mut state.members else { return Ok(()) };
        let mut told = Vec::with_capacity(events.len());
        let judged = events.last().map(|event| event.position);
        for (at, event) in events.into_iter().enumerate() {
            // Of one that is about to go, it is told that it went.
            if gone.get(&event.key).is_some_and(|gone| *gone > at) {
                continue;
            }
            let old_key = event.before.as_ref().map(|before| before.row_key(table));
            let before = old_key.as_ref().is_some_and(|key| members.remove(key));
            let image = now.get(&event.key).filter(|_| event.after.is_some());
            // A new row that was there when the set was read has been told.
            let is_known = image.is_some() && !members.insert(event.key.clone()) && event.action == Action::Create;
            if !is_known {
                let event = match image {
                    Some(image) => shown_as(&event, image),
                    None => event,
                };
                let outcomes = outcomes(event, old_key, before, image.is_some());
                told.extend(outcomes.into_iter().map(|told| Told { is_resumable: !is_stale, ..told }));
            }
        }
        if members.len() > watch.most as usize {
            return Err(watch.too_many());
        }
        state.judged = judged.max(state.judged);
        hand_on(state, &told);
        Ok(())
    }

    /// What a change of other rows did to a set that is kept.
    async fn read_anew(&self, watch: &Watch, event: &ChangeEvent) -> Result<(), Error> {
        let variables = &self.topic.variables;
        let now = self.engine.members(self.table, watch, variables).await?;
        let entered: Vec<RowKey> = {
            let state = self.state();
            let Some(members) = &state.members else { return Ok(()) };
            // New rows' own changes tell of them.
            let is_new =
                |key: &&RowKey| state.pending.iter().any(|event| event.action == Action::Create && event.key == **key);
            now.difference(members).filter(|key| !is_new(key)).cloned().collect()
        };
        let images = self.engine.images(watch, variables, entered).await?;
        let mut state = self.state();
        let position = Some(event.position).max(state.judged).unwrap_or(event.position);
        let Some(members) = &mut state.members else { return Ok(()) };
        let event = ChangeEvent { position, ..event.clone() };
        let mut told: Vec<Told> =
            members.difference(&now).map(|key| self.moved(&event, key.clone(), None, Transition::Leave)).collect();
        let table = self.engine.catalog().table(self.table);
        // One that went while it was read, its own change tells of.
        let came: Vec<(RowKey, RowImage)> = images.into_iter().map(|row| (row.row_key(table), row)).collect();
        members.retain(|key| now.contains(key));
        members.extend(came.iter().map(|(key, _)| key.clone()));
        told.extend(came.into_iter().map(|(key, row)| self.moved(&event, key, Some(row), Transition::Enter)));
        state.judged = Some(position);
        if let Some(last) = told.last_mut() {
            last.is_resumable = true;
        }
        hand_on(state, &told);
        Ok(())
    }

    /// A row that a change of another one moved.
    fn moved(&self, event: &ChangeEvent, key: RowKey, after: Option<RowImage>, transition: Transition) -> Told {
        let mut moved = event.clone();
        let collection = self.engine.catalog().table(self.table).collection.as_str().into();
        let (table, changed) = (self.table, Arc::default());
        moved.change = Change { collection, table, action: Action::Update, key, before: None, after, changed };
        Told { event: Arc::new(moved), transition: Some(transition), snapshot: false, is_resumable: false }
    }

    /// What changes did to a set whose changes can be judged at any time.
    pub(super) async fn outcomes(&self, events: Vec<Arc<ChangeEvent>>) -> Result<Vec<Told>, Error> {
        let verdicts = self.verdicts(&events).await?;
        let table = self.engine.catalog().table(self.table);
        let of_one = |(event, (before, after)): (Arc<ChangeEvent>, _)| {
            let old_key = event.before.as_ref().filter(|_| before).map(|before| before.row_key(table));
            outcomes(event, old_key, before, after)
        };
        Ok(events.into_iter().zip(verdicts).flat_map(of_one).collect())
    }

    /// Whether rows belonged to the set before changes, and do so after.
    pub(super) async fn verdicts(&self, events: &[Arc<ChangeEvent>]) -> Result<Vec<(bool, bool)>, Error> {
        let table = self.engine.catalog().table(self.table);
        if let Some(condition) = &self.condition {
            let holds = |image: &Option<_>| image.as_ref().is_some_and(|row| condition.holds(table, row));
            return Ok(events.iter().map(|event| (holds(&event.before), holds(&event.after))).collect());
        }
        let Judge::Values(judge) = &self.changes()?.judge else { return Err(Error::Internal) };
        let images: Vec<&RowImage> = events.iter().flat_map(|event| [&event.before, &event.after]).flatten().collect();
        if images.is_empty() {
            return Ok(vec![(false, false); events.len()]);
        }
        let holds = self.engine.judge(table.id, judge, &self.topic.variables, &images).await?;
        let mut holds = holds.into_iter();
        let mut next = |image: &Option<_>| image.is_some() && holds.next().unwrap_or_default();
        Ok(events.iter().map(|event| (next(&event.before), next(&event.after))).collect())
    }

    /// Reads the set, where it is kept, before the first change is told.
    pub(super) async fn prepare(self: &Arc<Self>) -> Result<(), Error> {
        let Some(watch) = self.watch() else { return Ok(()) };
        loop {
            let ended = {
                let state = self.state();
                if state.members.is_some() {
                    break;
                }
                state.ended
            };
            let judged = self.engine.events().log().head();
            let members = self.engine.members(self.table, watch, &self.topic.variables).await?;
            let mut state = self.state();
            // What was cleared away meanwhile would be missing in it.
            if state.ended == ended && state.members.is_none() {
                state.members = Some(members);
                state.judged = Some(judged);
                break;
            }
        }
        self.tell();
        Ok(())
    }
}

/// Whether a change of a row is one of what a condition looks at there.
pub(super) fn concerns(columns: &BTreeSet<ColumnId>, event: &ChangeEvent) -> bool {
    event.action != Action::Update || event.changed.iter().any(|column| columns.contains(column))
}

/// Hands on what there is to tell, to those who are there now.
fn hand_on(state: MutexGuard<'_, State>, told: &[Told]) {
    if told.is_empty() {
        return;
    }
    let classes = state.classes.clone();
    classes.iter().for_each(|class| class.push(told));
    drop(state);
    classes.iter().for_each(Class::tell);
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

/// A change of a row that is shown as it is now.
fn shown_as(event: &ChangeEvent, now: &RowImage) -> Arc<ChangeEvent> {
    let mut event = event.clone();
    event.change.after = Some(now.clone());
    Arc::new(event)
}

/// What there is to tell of a change: of a row that has another key than before,
/// that the old one is gone as well.
fn outcomes(event: Arc<ChangeEvent>, old_key: Option<RowKey>, before: bool, after: bool) -> Vec<Told> {
    let told = |event, transition| Told { event, transition, snapshot: false, is_resumable: true };
    let moved = old_key.filter(|key| before && event.action == Action::Update && *key != event.key);
    let left = moved.map(|key| {
        let mut left = (*event).clone();
        left.change.key = key;
        // The new key may come behind it, at the same place.
        Told { is_resumable: !after, ..told(Arc::new(left), Some(Transition::Leave)) }
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
