//! Subscriptions of one predicate: it is asked once, however many they are.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{
    Ended, Topic,
    queue::{Next, Queue, Tag},
};
use crate::{
    catalog::{ColumnId, TableId},
    engine::{ChangesRoot, Engine, Error, Overflow, Told, Transition},
    error_code::ErrorCode,
    events::{Action, ChangeEvent, Position},
    plan::write::RowKey,
    tasks,
    value::Key,
};

/// Changes that may wait for a group's statements. More of them are not kept:
/// its subscriptions end, and whoever follows resumes from the log.
const MAX_PENDING: usize = 16_384;

/// Changes that are told together.
const BURST: usize = 256;

/// Subscriptions of one predicate over one table.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) table: TableId,
    /// What two subscriptions share only if their predicates are the same.
    pub(super) name: String,
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
    /// Whether somebody is telling what was pending before.
    busy: bool,
    /// The rows of the set, where a row alone cannot tell whether it is one.
    members: Option<HashSet<RowKey>>,
    classes: Vec<Class>,
    /// How many are about to join it.
    joining: usize,
}

/// Subscriptions that are told the same.
#[derive(Clone, Debug)]
struct Class {
    /// What two subscriptions of a group share only if they are told the same.
    name: Arc<str>,
    topic: Topic,
    subscribers: Vec<Subscriber>,
}

/// One subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    /// Unique within the hub.
    pub(super) id: u64,
    /// It is told what comes behind this.
    pub(super) from: Position,
    pub(super) queue: Arc<Queue>,
    pub(super) tag: Tag,
    pub(super) overflow: Overflow,
}

impl State {
    fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.joining == 0
    }
}

impl Group {
    pub(super) fn new(engine: &Engine, topic: &Topic, name: String) -> Option<Self> {
        let (_, changes) = topic.root()?;
        let table = engine.catalog().table(changes.table);
        let required = match changes.is_decidable {
            true => changes.predicate.required_values(table, &topic.variables.bindings()),
            false => None,
        };
        let (engine, topic) = (engine.clone(), topic.clone());
        Some(Self { table: table.id, name, required, topic, engine, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accepts(&self, value: &Key) -> bool {
        self.required.as_ref().is_some_and(|(_, values)| values.contains(value))
    }

    fn changes(&self) -> &ChangesRoot {
        self.topic.root().expect("a group is made of one that can be followed").1
    }

    /// Number of its subscriptions.
    pub(super) fn following(&self) -> usize {
        self.state().classes.iter().map(|class| class.subscribers.len()).sum()
    }

    /// Keeps it where it is until somebody has joined.
    pub(super) fn hold(&self) {
        self.state().joining += 1;
    }

    /// Nobody joins any more; whether it is empty.
    pub(super) fn let_go(&self) -> bool {
        let mut state = self.state();
        state.joining -= 1;
        state.is_empty()
    }

    pub(super) fn add(&self, class: &str, topic: &Topic, subscriber: Subscriber) {
        let mut state = self.state();
        match state.classes.iter_mut().find(|known| &*known.name == class) {
            Some(known) => known.subscribers.push(subscriber),
            None => {
                let subscribers = vec![subscriber];
                state.classes.push(Class { name: class.into(), topic: topic.clone(), subscribers });
            }
        }
    }

    /// Takes a subscription out; whether none is left.
    pub(super) fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        for class in &mut state.classes {
            class.subscribers.retain(|subscriber| subscriber.id != id);
        }
        state.classes.retain(|class| !class.subscribers.is_empty());
        state.is_empty()
    }

    /// Ends all subscriptions.
    pub(super) fn end(&self, ended: &Ended) {
        let classes = {
            let mut state = self.state();
            // Who comes later must not be told by what may be wrong.
            state.members = None;
            mem::take(&mut state.classes)
        };
        for subscriber in classes.iter().flat_map(|class| &class.subscribers) {
            subscriber.queue.end(subscriber.tag, ended.clone());
        }
    }

    /// Takes on a change that may concern it.
    pub(super) fn push(self: &Arc<Self>, event: &Arc<ChangeEvent>) {
        let mut state = self.state();
        state.pending.push(event.clone());
        if state.pending.len() > MAX_PENDING {
            state.pending.clear();
            drop(state);
            tracing::warn!(table = self.table.0, "statements of subscriptions take longer than changes come");
            let message = "The database answers more slowly than rows change. Resume from the last position.";
            self.end(&Ended::Failed { code: ErrorCode::ServiceUnavailable, message: message.to_owned() });
        }
    }

    /// Tells what is pending: at once where no statement is needed, otherwise
    /// beside the caller.
    pub(super) fn tell(self: &Arc<Self>) {
        if mem::replace(&mut self.state().busy, true) {
            return;
        }
        let mut telling: BoxFuture<'static, ()> = self.clone().tell_all().boxed();
        if (&mut telling).now_or_never().is_none() {
            tasks::spawn("subscriptions", telling);
        }
    }

    async fn tell_all(self: Arc<Self>) {
        loop {
            let (events, classes) = {
                let mut state = self.state();
                if state.pending.is_empty() {
                    state.busy = false;
                    return;
                }
                let count = state.pending.len().min(BURST);
                (state.pending.drain(..count).collect::<Vec<_>>(), state.classes.clone())
            };
            match self.judge(events).await {
                Ok(told) => self.tell_classes(&classes, &told).await,
                Err(error) => {
                    let (code, message) = (ErrorCode::ServiceUnavailable, error.to_string());
                    self.end(&Ended::Failed { code, message });
                }
            }
        }
    }

    async fn tell_classes(&self, classes: &[Class], told: &[Told]) {
        for class in classes {
            let subscribers = class.subscribers.iter();
            let Some(first) = subscribers.clone().map(|subscriber| subscriber.from).min() else { continue };
            let concerned: Vec<Told> = told.iter().filter(|told| told.event.position > first).cloned().collect();
            for next in texts(&self.engine, &class.topic, &concerned).await {
                for subscriber in subscribers.clone().filter(|subscriber| next.position > subscriber.from) {
                    subscriber.queue.push(subscriber.tag, next.clone(), subscriber.overflow);
                }
            }
        }
    }

    /// What changes did to the set.
    async fn judge(&self, events: Vec<Arc<ChangeEvent>>) -> Result<Vec<Told>, Error> {
        let changes = self.changes();
        let watch = &changes.watch;
        if changes.is_decidable {
            return Ok(events.into_iter().filter_map(|event| judge(&self.engine, &self.topic, event)).collect());
        }
        if self.state().members.is_none() {
            let members = self.engine.members(changes, &self.topic.variables).await?;
            self.state().members = Some(members);
        }
        let there: Vec<RowKey> =
            events.iter().filter(|event| event.after.is_some()).map(|event| event.key.clone()).collect();
        let holds = match there.is_empty() {
            true => HashSet::new(),
            false => self.engine.probe(watch, &self.topic.variables, there).await?,
        };
        let table = self.engine.catalog().table(self.table);
        let mut state = self.state();
        let members = state.members.get_or_insert_default();
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            let old_key = event.before.as_ref().map(|before| before.row_key(table));
            let before = old_key.is_some_and(|key| members.remove(&key));
            let after = event.after.is_some() && holds.contains(&event.key);
            if after {
                members.insert(event.key.clone());
            }
            told.extend(outcome(event, before, after));
        }
        if members.len() > watch.most as usize {
            let reason =
                format!("the filter holds for more than {} rows, and cannot be told from a row alone", watch.most);
            return Err(Error::Invalid(reason));
        }
        Ok(told)
    }

    /// Reads the set where it must be known before the first change is told.
    pub(super) async fn prepare(&self) -> Result<(), Error> {
        let changes = self.changes();
        if !changes.is_decidable && self.state().members.is_none() {
            let members = self.engine.members(changes, &self.topic.variables).await?;
            self.state().members.get_or_insert(members);
        }
        Ok(())
    }
}

/// What a change did to the set of a predicate that a row alone tells.
pub(super) fn judge(engine: &Engine, topic: &Topic, event: Arc<ChangeEvent>) -> Option<Told> {
    let (_, changes) = topic.root()?;
    let table = engine.catalog().table(changes.table);
    let bindings = topic.variables.bindings();
    let holds = |image: &Option<_>| image.as_ref().is_some_and(|row| changes.predicate.holds(table, row, &bindings));
    let (before, after) = (holds(&event.before), holds(&event.after));
    outcome(event, before, after)
}

fn outcome(event: Arc<ChangeEvent>, before: bool, after: bool) -> Option<Told> {
    let transition = match (event.action, before, after) {
        (_, false, false) => return None,
        (Action::Update, false, true) => Some(Transition::Enter),
        (Action::Update, true, false) => Some(Transition::Leave),
        _ => None,
    };
    // A row whose key has a null in it can be named by nobody.
    (!event.key.is_empty()).then_some(Told { event, transition })
}

/// The texts of changes, for those who follow a topic.
pub(super) async fn texts(engine: &Engine, topic: &Topic, told: &[Told]) -> Vec<Next> {
    let Some((root, changes)) = topic.root() else { return Vec::new() };
    let is_meant = |told: &&Told| changes.action.is_none_or(|action| action == told.event.action);
    let told: Vec<Told> = told.iter().filter(is_meant).cloned().collect();
    if told.is_empty() {
        return Vec::new();
    }
    let answers = engine.tell(root, changes, &topic.variables, &told).await;
    let next = |(told, answer): (&Told, Option<_>)| {
        let text: Arc<[u8]> = (topic.write)(answer?).into();
        let (position, action) = (told.event.position, told.event.action);
        Some(Next { text, position, action, row: Arc::new(told.event.key.clone()) })
    };
    told.iter().zip(answers).filter_map(next).collect()
}
