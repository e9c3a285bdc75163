//! How following begins: with the rows there are, with what came behind a
//! position, or with nothing; in the follower's own time, until it has caught up.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{Hold, PAGE, State, failed, interrupted, outruled};
use crate::{
    engine::{Error, Overflow, Told},
    events::{Change, ChangeEvent, Position, RowImage, TransactionId},
    plan::write::RowKey,
    principal::Principal,
    realtime::{
        Ended, Reset, Topic,
        class::{self, Subscriber},
        queue::{Queue, Tag},
    },
};

/// One who is about to follow.
pub(super) struct Follower {
    pub(super) topic: Topic,
    pub(super) class: String,
    pub(super) id: u64,
    pub(super) queue: Arc<Queue>,
    pub(super) tag: Tag,
    pub(super) gone: Arc<AtomicBool>,
    pub(super) hold: Hold,
}

impl Follower {
    fn overflow(&self) -> Overflow {
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
    pub(super) fn resume(self, after: Position, is_replayable: bool) -> BoxFuture<'static, ()> {
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
    pub(super) async fn begin_with_members(self) {
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
    pub(super) fn follow_from(&self, position: Position) -> bool {
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
    pub(super) async fn begin_with_snapshot(self) {
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
