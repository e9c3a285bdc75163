//! The hub: one task that hears of commits, in their order, and hands them to
//! the groups that they concern.

mod follower;

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::FutureExt as _;

use serde_json::Value as Json;
use tokio::{sync::watch, task::JoinHandle};

use self::follower::Follower;
use super::{
    Ended, Reset, Topic,
    class::Subscriber,
    gauge::Gauge,
    group::Group,
    index::Index,
    queue::{Queue, Tag},
};
use crate::{
    catalog::TableId,
    engine::{Engine, Error, LiveAggregateRoot, Overflow},
    error_code::ErrorCode,
    events::{self, ChangeEvent, Position},
    tasks,
};

/// Filters at a time that ask the database for every change, and keep keys.
const MAX_WATCHED: usize = 256;

/// Different aggregates at a time.
const MAX_GAUGES: usize = 1_024;

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
    gauges: HashMap<String, Arc<Gauge>>,
    subscriptions: usize,
    next_id: u64,
    /// How often the rules of who may see what have changed.
    rules: u64,
}

/// Something that is followed. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    id: u64,
    place: Place,
    queue: Arc<Queue>,
    tag: Tag,
    /// Set under the hub's lock.
    gone: Arc<AtomicBool>,
    from: Option<Position>,
    catching_up: Option<JoinHandle<()>>,
}

/// What a subscription is part of.
#[derive(Clone, Debug)]
enum Place {
    Group(Arc<Group>),
    Gauge(Arc<Gauge>),
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

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Where the log is.
    pub fn head(&self) -> Position {
        self.0.engine.events().log().head()
    }

    /// Number of subscriptions that are told what comes from now on: neither about
    /// to begin nor catching up.
    pub fn following(&self) -> usize {
        let state = self.state();
        let in_groups: usize = state.groups.values().map(|group| group.following()).sum();
        in_groups + state.gauges.values().map(|gauge| gauge.following()).sum::<usize>()
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
        let table = topic.aggregates().map(|root| root.table).or(topic.root().map(|(_, changes)| changes.table));
        if let Some(table) = table.filter(|table| self.0.engine.filters_reads(*table)) {
            let collection = &self.0.engine.catalog().table(table).collection;
            let message = format!("Hooks have a say in what is read of `{collection}`: it cannot be followed.");
            return Err(Ended::Failed { code: ErrorCode::Forbidden, message });
        }
        if let Some(root) = topic.aggregates() {
            return self.keep_up(&topic, root, queue, tag);
        }
        let Some((_, changes)) = topic.root() else {
            return Err(failed(&Error::Internal));
        };
        let after = topic.behind().map(|after| self.resumed(&after)).transpose()?;
        let class = changes.fixed(&topic.variables).map_err(|error| failed(&error))?;
        let class = format!("{:p}:{class}", Arc::as_ptr(&topic.roots).cast::<()>());
        let snapshot = changes.snapshot.is_some() && after.is_none();
        let is_replayable = changes.judge.is_replayable();
        let (mut joined, hold) = self.join(&topic, queue, tag)?;
        hold.group.prepare().await.map_err(|error| failed(&error))?;
        let (queue, gone) = (queue.clone(), joined.gone.clone());
        let follower = Follower { topic, class, id: joined.id, queue: queue.clone(), tag, gone, hold };
        let given_up = move || {
            let message = "An unexpected error occurred.".to_owned();
            queue.end(tag, Ended::Failed { code: ErrorCode::InternalServerError, message });
        };
        let catching_up = match after {
            None if snapshot && is_replayable => follower.begin_with_snapshot().boxed(),
            None if snapshot => follower.begin_with_members().boxed(),
            None => {
                // What was committed when the set was read is not told.
                let from = self.0.engine.events().settled().await;
                joined.from = Some(from);
                if follower.follow_from(from) {
                    return Ok(joined);
                }
                // The hub has handed on more meanwhile.
                follower.resume(from, is_replayable)
            }
            Some(after) => {
                joined.from = Some(after);
                follower.resume(after, is_replayable)
            }
        };
        let catching_up = AssertUnwindSafe(catching_up).catch_unwind().map(move |outcome| {
            if outcome.is_err() {
                given_up();
            }
        });
        joined.catching_up = Some(tasks::spawn("catching up", catching_up));
        Ok(joined)
    }

    /// From where a subscription goes on.
    fn resumed(&self, after: &Json) -> Result<Position, Ended> {
        let position = after.as_str().and_then(|text| text.parse().ok());
        let head = self.0.engine.events().log().head();
        position.ok_or(Ended::Reset { reason: Reset::NotAPosition, head })
    }

    /// A place in the group that a topic belongs to, which is held until it is taken.
    fn join(&self, topic: &Topic, queue: &Arc<Queue>, tag: Tag) -> Result<(Subscription, Hold), Ended> {
        let group = Arc::new(Group::new(&self.0.engine, topic).map_err(|error| failed(&error))?);
        let mut state = self.state();
        self.admit(&mut state)?;
        let group = match state.groups.get(&group.name) {
            Some(known) => known.clone(),
            None => {
                let is_watched = |group: &Arc<Group>| group.watch().is_some();
                if is_watched(&group) && state.groups.values().filter(|group| is_watched(group)).count() >= MAX_WATCHED
                {
                    let message = "There are as many filters about related items as can be followed.".to_owned();
                    return Err(Ended::Failed { code: ErrorCode::LimitExceeded, message });
                }
                state.insert(&group);
                group
            }
        };
        group.hold();
        let id = state.count_in();
        drop(state);
        let hold = Hold { hub: self.clone(), group: group.clone() };
        Ok((self.subscription(id, Place::Group(group), queue, tag), hold))
    }

    /// Whether there is room for one more subscription, for which the hub listens.
    fn admit(&self, state: &mut State) -> Result<(), Ended> {
        if state.subscriptions >= self.0.options.subscriptions {
            let message = "There are as many subscriptions as the gateway allows.".to_owned();
            return Err(Ended::Failed { code: ErrorCode::LimitExceeded, message });
        }
        if state.position.is_none() {
            let listener = self.0.engine.events().log().subscribe();
            state.position = Some(listener.position());
            tasks::spawn("hub", listen(Arc::downgrade(&self.0), listener));
        }
        Ok(())
    }

    fn subscription(&self, id: u64, place: Place, queue: &Arc<Queue>, tag: Tag) -> Subscription {
        let (hub, queue, gone) = (self.clone(), queue.clone(), Arc::default());
        Subscription { hub, id, place, queue, tag, gone, from: None, catching_up: None }
    }

    /// Keeps up with aggregates.
    fn keep_up(
        &self,
        topic: &Topic,
        root: &LiveAggregateRoot,
        queue: &Arc<Queue>,
        tag: Tag,
    ) -> Result<Subscription, Ended> {
        let gauge = Gauge::new(&self.0.engine, topic, root).map_err(|error| failed(&error))?;
        let mut state = self.state();
        if state.rules != topic.rules {
            return Err(outruled(&state));
        }
        self.admit(&mut state)?;
        let gauge = match state.gauges.get(&gauge.name) {
            Some(known) => known.clone(),
            None if state.gauges.len() >= MAX_GAUGES => {
                let message = "There are as many different aggregates as can be followed.".to_owned();
                return Err(Ended::Failed { code: ErrorCode::LimitExceeded, message });
            }
            None => {
                let gauge = Arc::new(gauge);
                state.insert_gauge(&gauge);
                gauge
            }
        };
        let id = state.count_in();
        // Under the lock, so that it does not go meanwhile with the last who leaves.
        let overflow = Overflow::Latest;
        gauge.add(Subscriber { id, from: None, queue: queue.clone(), tag, overflow });
        drop(state);
        Ok(self.subscription(id, Place::Gauge(gauge), queue, tag))
    }

    fn dispatch(&self, events: &[Arc<ChangeEvent>]) {
        let catalog = self.0.engine.catalog();
        let mut concerned: Vec<Arc<Group>> = Vec::new();
        let mut shown: HashMap<String, Arc<Gauge>> = HashMap::new();
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
                index.turned(event, |group| {
                    group.push_related(event);
                    concerned.push(group.clone());
                });
                index.shown(event, |gauge| drop(shown.insert(gauge.name.clone(), gauge.clone())));
            }
        }
        // A group that is being told for already has nothing pending, or somebody at it.
        concerned.iter().for_each(|group| group.tell());
        shown.values().for_each(Gauge::compute);
    }

    /// How often the rules have changed: what was planned before they did is not
    /// followed any more.
    pub fn rules(&self) -> u64 {
        self.state().rules
    }

    /// Ends all subscriptions, because others may see now what they could not
    /// before, and the other way round.
    pub fn rules_changed(&self) {
        let (position, gauges) = {
            let mut state = self.state();
            state.rules += 1;
            (state.position, state.gauges.values().cloned().collect::<Vec<_>>())
        };
        let Some(head) = position else { return };
        self.reset_all(Reset::RulesChanged, head);
        for gauge in gauges {
            gauge.end(&Ended::Reset { reason: Reset::RulesChanged, head });
        }
    }

    fn reset_all(&self, reason: Reset, position: Position) {
        let groups: Vec<Arc<Group>> = {
            let mut state = self.state();
            state.position = Some(position);
            // What they show is told anew.
            state.gauges.values().for_each(Gauge::compute);
            state.groups.values().cloned().collect()
        };
        for group in groups {
            group.end(&Ended::Reset { reason, head: position });
        }
    }
}

impl State {
    /// Counts a subscription; its number.
    fn count_in(&mut self) -> u64 {
        self.subscriptions += 1;
        self.next_id += 1;
        self.next_id
    }

    fn insert_gauge(&mut self, gauge: &Arc<Gauge>) {
        for (table, columns) in &gauge.looks_at {
            self.indexes.entry(*table).or_default().insert_gauge(columns.clone(), gauge);
        }
        self.gauges.insert(gauge.name.clone(), gauge.clone());
    }

    fn remove_gauge(&mut self, gauge: &Arc<Gauge>) {
        if !self.gauges.get(&gauge.name).is_some_and(|known| Arc::ptr_eq(known, gauge)) {
            return;
        }
        self.gauges.remove(&gauge.name);
        self.indexes.values_mut().for_each(|index| index.remove_gauge(gauge));
        self.indexes.retain(|_, index| !index.is_empty());
    }

    fn insert(&mut self, group: &Arc<Group>) {
        self.indexes.entry(group.table).or_default().insert(group);
        for (table, columns) in group.watch().iter().flat_map(|watch| &watch.related) {
            self.indexes.entry(*table).or_default().insert_related(columns.clone(), group);
        }
        self.groups.insert(group.name.clone(), group.clone());
    }

    fn remove(&mut self, group: &Arc<Group>) {
        let is_known = self.groups.get(&group.name).is_some_and(|known| Arc::ptr_eq(known, group));
        if !is_known {
            return;
        }
        self.groups.remove(&group.name);
        if let Some(index) = self.indexes.get_mut(&group.table) {
            index.remove(group);
        }
        for table in group.watch().iter().flat_map(|watch| watch.related.keys()) {
            if let Some(index) = self.indexes.get_mut(table) {
                index.remove_related(group);
            }
        }
        self.indexes.retain(|_, index| !index.is_empty());
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

impl Subscription {
    /// Behind which position it tells everything; none where it begins with what
    /// there is.
    pub fn from(&self) -> Option<Position> {
        self.from
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
            self.gone.store(true, Ordering::Relaxed);
            match &self.place {
                Place::Group(group) if group.remove(self.id) => state.remove(group),
                Place::Gauge(gauge) if gauge.remove(self.id) => state.remove_gauge(gauge),
                Place::Group(_) | Place::Gauge(_) => {}
            }
        }
        self.queue.forget(self.tag);
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
                    // What is kept is told to whoever comes from now on.
                    return self.reset_all(Reset::Log(reason), oldest);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Why those end who were allowed by rules that others have taken the place of.
fn outruled(state: &State) -> Ended {
    let head = state.position.unwrap_or(Position { epoch: 0, offset: 0 });
    Ended::Reset { reason: Reset::RulesChanged, head }
}

/// Why those end who came when others had to.
fn interrupted() -> Ended {
    let message = "The set of items was given up while you joined. Try again.".to_owned();
    Ended::Failed { code: ErrorCode::ServiceUnavailable, message }
}

fn failed(error: &Error) -> Ended {
    let code = match error {
        Error::Invalid(_) => ErrorCode::InvalidQuery,
        Error::Forbidden(_) => ErrorCode::Forbidden,
        _ => ErrorCode::ServiceUnavailable,
    };
    Ended::Failed { code, message: error.to_string() }
}
