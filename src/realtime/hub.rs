//! The hub: one task that hears of commits, in their order, and hands them to
//! the groups that they concern.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value as Json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Ended, Reset, Topic,
    group::{self, Group},
    index::Index,
    queue::{Queue, Tag},
};
use crate::{
    catalog::TableId,
    engine::{ChangesRoot, Engine, Error},
    error_code::ErrorCode,
    events::{self, ChangeEvent, Position},
    tasks,
};

/// Events of the log that are read at a time.
const PAGE: usize = 256;

/// What following may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most subscriptions at a time.
    pub subscriptions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { subscriptions: 100_000 }
    }
}

/// Tells changes to those who follow them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    options: Options,
    state: Mutex<State>,
    stopping: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// Behind the last event that was handed on; none before somebody listens.
    position: Option<Position>,
    indexes: HashMap<TableId, Index>,
    groups: HashMap<String, Arc<Group>>,
    subscriptions: usize,
    next_id: u64,
}

/// Something that is followed. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    id: u64,
    group: Arc<Group>,
    queue: Arc<Queue>,
    tag: Tag,
    catching_up: Option<JoinHandle<()>>,
}

impl Hub {
    /// A hub over an engine's events. It listens once somebody follows.
    pub fn new(engine: Engine, options: Options) -> Self {
        let (stopping, _) = watch::channel(false);
        Self(Arc::new(Inner { engine, options, state: Mutex::default(), stopping }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Behind the last event that those who follow have been told, or are about
    /// to be.
    pub fn position(&self) -> Position {
        self.state().position.unwrap_or_else(|| self.0.engine.events().log().head())
    }

    /// Number of subscriptions that are told what comes from now on: neither about
    /// to begin nor catching up.
    pub fn following(&self) -> usize {
        self.state().groups.values().map(|group| group.following()).sum()
    }

    /// Number of distinct predicates that are followed.
    pub fn predicates(&self) -> usize {
        self.state().groups.len()
    }

    /// Tells everybody that the gateway stops.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Resolves when the gateway stops.
    pub fn stopping(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.0.stopping.subscribe();
        async move {
            // The sender lives as long as the hub.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Follows a topic: its changes come into `queue` under `tag`.
    ///
    /// # Errors
    /// When it cannot be followed.
    pub async fn subscribe(&self, topic: Topic, queue: &Arc<Queue>, tag: Tag) -> Result<Subscription, Ended> {
        let Some((_, changes)) = topic.root() else {
            return Err(failed(&Error::Internal));
        };
        self.0.engine.check_changes(changes, &topic.variables).map_err(|error| failed(&error))?;
        let own = || changes.after.as_ref().and_then(|after| after.resolve(&topic.variables.values));
        let after = topic.after.clone().or_else(own);
        let after = after.filter(|after| !after.is_null()).map(|after| self.resumed(changes, &after)).transpose()?;
        let (mut joined, hold) = self.join(&topic, queue, tag)?;
        joined.group.prepare().await.map_err(|error| failed(&error))?;
        let follower = Follower { topic, id: joined.id, queue: queue.clone(), tag, hold };
        match after.flatten() {
            None => {
                let state = self.state();
                let from = state.position.unwrap_or_else(|| self.0.engine.events().log().head());
                follower.follow(from);
                drop(state);
            }
            Some(after) => joined.catching_up = Some(tasks::spawn("catching up", follower.catch_up(after))),
        }
        Ok(joined)
    }

    /// From where a subscription goes on; `None` if nothing has come since.
    fn resumed(&self, changes: &ChangesRoot, after: &Json) -> Result<Option<Position>, Ended> {
        let log = self.0.engine.events().log();
        let oldest = log.head();
        let Some(position) = after.as_str().and_then(|text| text.parse::<Position>().ok()) else {
            return Err(Ended::Reset { reason: Reset::NotAPosition, oldest });
        };
        if position == oldest {
            return Ok(None);
        }
        if !changes.is_decidable {
            return Err(Ended::Reset { reason: Reset::NotReplayable, oldest });
        }
        Ok(Some(position))
    }

    /// A place in the group that a topic belongs to, which is held until it is taken.
    fn join(&self, topic: &Topic, queue: &Arc<Queue>, tag: Tag) -> Result<(Subscription, Hold), Ended> {
        let Some((_, changes)) = topic.root() else { return Err(failed(&Error::Internal)) };
        let mut state = self.state();
        if state.subscriptions >= self.0.options.subscriptions {
            let message = "There are as many subscriptions as the gateway allows.".to_owned();
            return Err(Ended::Failed { code: ErrorCode::LimitExceeded, message });
        }
        if state.position.is_none() {
            let listener = self.0.engine.events().log().subscribe();
            state.position = Some(listener.position());
            tasks::spawn("hub", listen(Arc::downgrade(&self.0), listener));
        }
        let name = group_name(changes, topic);
        let group = match state.groups.get(&name) {
            Some(group) => group.clone(),
            None => {
                let group = Group::new(&self.0.engine, topic, name.clone()).map(Arc::new);
                let group = group.ok_or_else(|| failed(&Error::Internal))?;
                state.indexes.entry(group.table).or_default().insert(&group);
                state.groups.insert(name, group.clone());
                group
            }
        };
        group.hold();
        state.subscriptions += 1;
        state.next_id += 1;
        let id = state.next_id;
        drop(state);
        let (hub, queue) = (self.clone(), queue.clone());
        let hold = Hold { hub: hub.clone(), group: group.clone() };
        Ok((Subscription { hub, id, group, queue, tag, catching_up: None }, hold))
    }

    fn dispatch(&self, events: &[Arc<ChangeEvent>]) {
        let catalog = self.0.engine.catalog();
        let mut concerned: Vec<Arc<Group>> = Vec::new();
        {
            let mut state = self.state();
            for event in events {
                if state.position.is_some_and(|position| event.position <= position) {
                    continue;
                }
                state.position = Some(event.position);
                let Some(index) = state.indexes.get(&event.table) else { continue };
                index.concerned(catalog.table(event.table), event, |group| {
                    group.push(event);
                    concerned.push(group.clone());
                });
            }
        }
        // A group that is being told for already has nothing pending, or somebody at it.
        concerned.iter().for_each(|group| group.tell());
    }

    fn reset_all(&self, reason: Reset, position: Position) {
        let groups: Vec<Arc<Group>> = {
            let mut state = self.state();
            state.position = Some(position);
            state.groups.values().cloned().collect()
        };
        for group in groups {
            group.end(&Ended::Reset { reason, oldest: position });
        }
    }
}

impl State {
    fn remove(&mut self, group: &Arc<Group>) {
        let is_known = self.groups.get(&group.name).is_some_and(|known| Arc::ptr_eq(known, group));
        if !is_known {
            return;
        }
        self.groups.remove(&group.name);
        if let Some(index) = self.indexes.get_mut(&group.table) {
            index.remove(group);
            if index.is_empty() {
                self.indexes.remove(&group.table);
            }
        }
    }
}

/// Keeps a group listening until somebody has joined it.
#[derive(Debug)]
struct Hold {
    hub: Hub,
    group: Arc<Group>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        if self.group.let_go() {
            state.remove(&self.group);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(catching_up) = &self.catching_up {
            catching_up.abort();
        }
        {
            let mut state = self.hub.state();
            state.subscriptions -= 1;
            if self.group.remove(self.id) {
                state.remove(&self.group);
            }
        }
        self.queue.forget(self.tag);
    }
}

/// One who is about to follow.
struct Follower {
    topic: Topic,
    id: u64,
    queue: Arc<Queue>,
    tag: Tag,
    hold: Hold,
}

impl Follower {
    fn overflow(&self) -> crate::engine::Overflow {
        self.topic.root().map_or_else(Default::default, |(_, changes)| changes.overflow)
    }

    /// Follows from a position that the hub has reached, or is about to.
    fn follow(&self, from: Position) {
        let (id, queue, tag, overflow) = (self.id, self.queue.clone(), self.tag, self.overflow());
        let subscriber = group::Subscriber { id, from, queue, tag, overflow };
        self.hold.group.add(&class_name(&self.topic), &self.topic, subscriber);
    }

    /// Tells what came behind a position, in the follower's own time, then follows.
    async fn catch_up(self, mut position: Position) {
        let hub = self.hold.hub.clone();
        let engine = &hub.0.engine;
        let log = engine.events().log();
        loop {
            if !self.queue.room().await {
                return;
            }
            let events = match log.read_after(position, PAGE) {
                Ok(events) => events,
                Err(events::Gone { oldest, reason }) => {
                    return self.queue.end(self.tag, Ended::Reset { reason: Reset::Log(reason), oldest });
                }
            };
            let Some(last) = events.last() else {
                let state = hub.state();
                // The hub may be behind the log; what it has yet to hand on was told here.
                let has_reached =
                    state.position.is_none_or(|reached| position.epoch == reached.epoch && position >= reached);
                if has_reached {
                    return self.follow(position);
                }
                drop(state);
                continue;
            };
            position = last.position;
            let is_meant = |event: &Arc<ChangeEvent>| event.table == self.hold.group.table;
            let told = events.into_iter().filter(is_meant).filter_map(|event| group::judge(engine, &self.topic, event));
            for next in group::texts(engine, &self.topic, &told.collect::<Vec<_>>()).await {
                if !self.queue.room().await {
                    return;
                }
                self.queue.push(self.tag, next, self.overflow());
            }
        }
    }
}

/// Hears of commits until the hub is gone.
async fn listen(hub: std::sync::Weak<Inner>, mut listener: events::Subscriber) {
    loop {
        let heard = listener.next().await;
        let Some(hub) = hub.upgrade().map(Hub) else { return };
        match heard {
            Ok(Some(events)) => hub.dispatch(&events),
            Ok(None) => return,
            Err(events::Lagged { missed: 0, .. }) => hub.reset_all(Reset::BrokenOff, listener.position()),
            Err(events::Lagged { after, .. }) => hub.read_on(after).await,
        }
    }
}

impl Hub {
    /// Reads what was missed while others wrote faster than it was heard.
    async fn read_on(&self, mut after: Position) {
        loop {
            match self.0.engine.events().log().read_after(after, PAGE) {
                Ok(events) => {
                    let Some(last) = events.last() else { return };
                    after = last.position;
                    self.dispatch(&events);
                }
                Err(events::Gone { oldest, reason }) => {
                    return self.reset_all(Reset::Log(reason), oldest);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

fn failed(error: &Error) -> Ended {
    let code = match error {
        Error::Invalid(_) => ErrorCode::InvalidQuery,
        Error::Forbidden(_) => ErrorCode::Forbidden,
        _ => ErrorCode::ServiceUnavailable,
    };
    Ended::Failed { code, message: error.to_string() }
}

/// What two topics share only if they are about the same rows.
fn group_name(changes: &ChangesRoot, topic: &Topic) -> String {
    // Where a row alone cannot tell, a statement does, and that is the plan's own.
    let plan = (!changes.is_decidable).then_some(Arc::as_ptr(&changes.watch.probe));
    format!("{}:{plan:?}:{:?}:{}", changes.table.0, changes.predicate, values(topic))
}

/// What two topics of a group share only if they are told the same.
fn class_name(topic: &Topic) -> String {
    format!("{:p}:{}", Arc::as_ptr(&topic.roots).cast::<()>(), values(topic))
}

fn values(topic: &Topic) -> String {
    let values = topic.variables.values.iter();
    let texts = values.map(|value| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string));
    texts.collect::<Vec<_>>().join(",")
}
