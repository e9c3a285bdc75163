//! The hub: one task that hears of commits, in their order, and hands them to
//! the groups that they concern.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{FutureExt as _, future::BoxFuture};

use serde_json::Value as Json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Ended, Reset, Topic,
    class::{self, Subscriber},
    gauge::Gauge,
    group::Group,
    index::Index,
    queue::{Queue, Tag},
};
use crate::{
    catalog::TableId,
    engine::{Engine, Error, LiveAggregateRoot, Overflow, Told},
    error_code::ErrorCode,
    events::{self, Change, ChangeEvent, Position, RowImage, TransactionId},
    plan::write::RowKey,
    principal::Principal,
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

/// One who is about to follow.
struct Follower {
    topic: Topic,
    class: String,
    id: u64,
    queue: Arc<Queue>,
    tag: Tag,
    gone: Arc<AtomicBool>,
    hold: Hold,
}

impl Follower {
    fn overflow(&self) -> crate::engine::Overflow {
        self.topic.root().map_or_else(Default::default, |(_, changes)| changes.overflow)
    }

    /// Follows from a position that the hub has reached, or is about to. The state
    /// is locked: nothing is handed on meanwhile.
    fn follow(&self, state: &State, from: Position) {
        // A task that was given up may still come here.
        if self.gone.load(Ordering::Relaxed) {
            return;
        }
        if state.rules != self.topic.rules {
            return self.queue.end(self.tag, outruled(state));
        }
        if !self.hold.group.add(&self.class, &self.topic, self.subscriber(Some(from))) {
            self.queue.end(self.tag, interrupted());
        }
    }

    /// Goes on behind a position.
    fn resume(self, after: Position, is_replayable: bool) -> BoxFuture<'static, ()> {
        match is_replayable {
            true => self.catch_up(after).boxed(),
            false => self.go_on(after).boxed(),
        }
    }

    fn subscriber(&self, from: Option<Position>) -> Subscriber {
        let (id, queue, tag, overflow) = (self.id, self.queue.clone(), self.tag, self.overflow());
        Subscriber { id, from, queue, tag, overflow }
    }

    /// Follows a set whose rows are kept: they are told first.
    async fn begin_with_members(self) {
        let group = self.hold.group.clone();
        self.queue.hold(self.tag);
        let joined = {
            let state = self.hold.hub.state();
            match self.gone.load(Ordering::Relaxed) || state.rules != self.topic.rules {
                true => None,
                false => group.add_with_members(&self.class, &self.topic, self.subscriber(None)),
            }
        };
        let Some((keys, from)) = joined else { return self.queue.end(self.tag, interrupted()) };
        match self.tell_members(keys, from).await {
            Ok(true) => self.queue.release(self.tag),
            Ok(false) => {}
            Err(ended) => self.queue.end(self.tag, ended),
        }
    }

    async fn tell_members(&self, mut keys: Vec<RowKey>, from: Position) -> Result<bool, Ended> {
        let Some(watch) = self.hold.group.watch() else { return Err(failed(&Error::Internal)) };
        let most = self.topic.root().map_or(0, |(_, changes)| changes.most_rows as usize);
        if keys.len() > most {
            let message = format!("more than {most} items match: too many for a snapshot");
            return Err(failed(&Error::Invalid(message)));
        }
        keys.sort_unstable();
        let rows = self.hold.hub.0.engine.images(watch, &self.topic.variables, keys).await;
        self.tell_rows(rows.map_err(|error| failed(&error))?, Vec::new(), from).await
    }

    /// Goes on behind a position, if nothing has happened since that a set whose
    /// rows are kept is about.
    async fn go_on(self, mut after: Position) {
        let hub = self.hold.hub.clone();
        let log = hub.0.engine.events().log();
        loop {
            let events = match log.read_after(after, PAGE) {
                Ok(events) => events,
                Err(gone) => {
                    let (reason, head) = (Reset::Log(gone.reason), log.head());
                    return self.queue.end(self.tag, Ended::Reset { reason, head });
                }
            };
            if events.iter().any(|event| self.hold.group.is_about(event)) {
                let (reason, head) = (Reset::NotReplayable, log.head());
                return self.queue.end(self.tag, Ended::Reset { reason, head });
            }
            match events.last() {
                Some(last) => after = last.position,
                None if self.follow_from(after) => return,
                None => {}
            }
            tokio::task::yield_now().await;
        }
    }

    /// Follows from a position, if the hub has not handed on more than that. It
    /// may be behind: what it has yet to hand on was told already.
    fn follow_from(&self, position: Position) -> bool {
        let state = self.hold.hub.state();
        let is_there = |reached: Position| position.epoch == reached.epoch && position >= reached;
        let has_reached = state.position.is_none_or(is_there);
        if has_reached {
            self.follow(&state, position);
        }
        has_reached
    }

    /// Tells something, in the follower's own time; `false` if nobody waits.
    async fn tell(&self, told: &[Told]) -> bool {
        for next in class::texts(&self.hold.hub.0.engine, &self.topic, told).await.into_iter().flatten() {
            let outruled = {
                let state = self.hold.hub.state();
                (state.rules != self.topic.rules).then(|| outruled(&state))
            };
            if let Some(ended) = outruled {
                self.queue.end(self.tag, ended);
                return false;
            }
            if !self.queue.room(next.text.len()).await {
                return false;
            }
            self.queue.push_ahead(self.tag, next, self.overflow());
        }
        true
    }

    /// Tells the rows there are, then what came since they were read.
    async fn begin_with_snapshot(self) {
        match self.snapshot().await {
            Ok(Some(position)) => self.catch_up(position).await,
            Ok(None) => {}
            Err(ended) => self.queue.end(self.tag, ended),
        }
    }

    /// Tells the rows there are; behind which position to go on, if anybody waits.
    async fn snapshot(&self) -> Result<Option<Position>, Ended> {
        let engine = &self.hold.hub.0.engine;
        let Some((changes, statement)) = self.topic.root().and_then(|(_, root)| Some((root, root.snapshot.as_ref()?)))
        else {
            return Err(failed(&Error::Internal));
        };
        let before = engine.events().log().head();
        let rows = engine.snapshot(changes, statement, &self.topic.variables).await;
        let rows = rows.map_err(|error| failed(&error))?;
        // What was committed when the rows were read is in the log by then.
        let position = engine.events().settled().await;
        let meanwhile = self.between(before, position)?;
        let since = since_rows(&self.hold, &rows, meanwhile).await.map_err(|error| failed(&error))?;
        Ok(self.tell_rows(rows, since, position).await?.then_some(position))
    }

    /// The changes of the table between two positions.
    fn between(&self, after: Position, until: Position) -> Result<Vec<Arc<ChangeEvent>>, Ended> {
        let log = self.hold.hub.0.engine.events().log();
        let events = log.read_after(after, usize::MAX);
        let events = events.map_err(|gone| Ended::Reset { reason: Reset::Log(gone.reason), head: log.head() })?;
        let is_meant = |event: &Arc<ChangeEvent>| event.position <= until && event.table == self.hold.group.table;
        Ok(events.into_iter().filter(is_meant).collect())
    }

    /// Tells rows and the changes since, then that these were all; `false` if nobody
    /// waits for them.
    async fn tell_rows(&self, rows: Vec<RowImage>, since: Vec<Told>, position: Position) -> Result<bool, Ended> {
        let engine = &self.hold.hub.0.engine;
        let table = engine.catalog().table(self.hold.group.table);
        let by = Arc::new(Principal::public());
        let told_of = |change, is_resumable| {
            let (by, transaction) = (by.clone(), TransactionId(0));
            let event = Arc::new(ChangeEvent { position, change, by, at_micros: 0, transaction });
            Told { event, transition: None, snapshot: true, is_resumable }
        };
        // Whoever stops in the middle begins anew.
        let row = |row| Change::created(table, std::slice::from_ref(row)).next().map(|change| told_of(change, false));
        let mut told: Vec<Told> = rows.iter().filter_map(row).collect();
        told.extend(since.into_iter().map(|told| Told { is_resumable: false, ..told }));
        told.push(told_of(Change::none(table), true));
        for burst in told.chunks(PAGE) {
            if !self.tell(burst).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells what came behind a position, in the follower's own time, then follows.
    async fn catch_up(self, mut position: Position) {
        let hub = self.hold.hub.clone();
        let engine = &hub.0.engine;
        let log = engine.events().log();
        loop {
            let events = match log.read_after(position, PAGE) {
                Ok(events) => events,
                Err(gone) => {
                    let (reason, head) = (Reset::Log(gone.reason), log.head());
                    return self.queue.end(self.tag, Ended::Reset { reason, head });
                }
            };
            let Some(last) = events.last() else {
                if self.follow_from(position) {
                    return;
                }
                tokio::task::yield_now().await;
                continue;
            };
            position = last.position;
            let is_meant = |event: &Arc<ChangeEvent>| event.table == self.hold.group.table;
            let told = match self.hold.group.outcomes(events.into_iter().filter(is_meant).collect()).await {
                Ok(told) => told,
                Err(error) => return self.queue.end(self.tag, failed(&error)),
            };
            if !self.tell(&told).await {
                return;
            }
            // The log may be long, and of no interest.
            tokio::task::yield_now().await;
        }
    }
}

/// The changes that rows do not show yet, of those that came about when they
/// were read.
///
/// A row shows one of the states that it went through; what comes behind the
/// last that is the same as what was read has yet to be told.
async fn since_rows(hold: &Hold, rows: &[RowImage], events: Vec<Arc<ChangeEvent>>) -> Result<Vec<Told>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let verdicts = hold.group.verdicts(&events).await?;
    let table = hold.hub.0.engine.catalog().table(hold.group.table);
    let read: HashMap<_, _> = rows.iter().map(|row| (row.row_key(table), row)).collect();
    let is_shown = |key: &RowKey, state: Option<&RowImage>| match (read.get(key), state) {
        (None, None) => true,
        (Some(row), Some(state)) => table.columns.iter().all(|column| row.same_cell(state, column.id)),
        _ => false,
    };
    let mut told: HashMap<RowKey, usize> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        let old_key = event.before.as_ref().map(|before| before.row_key(table));
        for key in old_key.iter().chain([&event.key]) {
            let state = event.after.as_ref().filter(|_| *key == event.key && verdicts[at].1);
            if is_shown(key, state) {
                told.insert(key.clone(), at);
            }
        }
    }
    let is_new = |(at, event): &(usize, Arc<ChangeEvent>)| told.get(&event.key).is_none_or(|shown| at > shown);
    let new = events.into_iter().enumerate().filter(is_new).map(|(_, event)| event);
    hold.group.outcomes(new.collect()).await
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
