//! The log: events in order, for readers who come back to a place of theirs
//! and for those who listen.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::broadcast;

use super::{ChangeEvent, Commit, Position, TransactionId};
use crate::clock::Clock;

/// Commits that a listener may be behind before it is told that it lags.
const LIVE_COMMITS: usize = 1_024;

/// Keeps events in order.
///
/// Implementations append a commit whole: no reader sees a part of it, or a
/// later event without the earlier ones.
pub trait EventLog: fmt::Debug + Send + Sync {
    /// Adds the changes of a commit; the position of the last event there is.
    fn append(&self, commit: Commit) -> Position;

    /// The position of the last event.
    fn head(&self) -> Position;

    /// The events behind a position, at most `max` of them, oldest first.
    ///
    /// # Errors
    /// When it cannot be said what came behind it.
    fn read_after(&self, after: Position, max: usize) -> Result<Vec<Arc<ChangeEvent>>, Gone>;

    /// Listens to events from now on.
    fn subscribe(&self) -> Subscriber;

    /// Begins a new epoch: something may have happened that is not here. Who
    /// listens is told.
    fn break_off(&self);
}

/// What came behind a position is not known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not go back to that position")]
pub struct Gone {
    /// The earliest position from which everything is known.
    pub oldest: Position,
    /// Why.
    pub reason: GoneReason,
}

/// Why a position is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// The events behind it had to make room.
    Evicted,
    /// It is of another epoch.
    OtherEpoch,
    /// It has not been reached yet.
    Future,
}

/// A listener missed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the listener missed commits")]
pub struct Lagged {
    /// How many commits; 0 when nobody can know, for the log was broken off.
    pub missed: u64,
    /// Behind which event it missed them.
    pub after: Position,
}

/// Hears of commits as they are appended.
#[derive(Debug)]
pub struct Subscriber {
    receiver: broadcast::Receiver<Heard>,
    last: Position,
}

/// A commit as listeners get it, or that the log was broken off.
#[derive(Clone, Debug)]
struct Heard {
    /// None if it was broken off.
    events: Option<Arc<[Arc<ChangeEvent>]>>,
    head: Position,
}

impl Subscriber {
    /// The events of the next commit; `None` when the log is gone. After
    /// [`Lagged`] what was missed can be read from the log, or the log says that
    /// it cannot; what is read there may be heard once more.
    ///
    /// # Errors
    /// [`Lagged`] when commits came faster than they were taken, and when the log
    /// was broken off.
    pub async fn next(&mut self) -> Result<Option<Arc<[Arc<ChangeEvent>]>>, Lagged> {
        match self.receiver.recv().await {
            Ok(Heard { events, head }) => {
                let after = std::mem::replace(&mut self.last, head);
                events.map(Some).ok_or(Lagged { missed: 0, after })
            }
            Err(broadcast::error::RecvError::Closed) => Ok(None),
            Err(broadcast::error::RecvError::Lagged(missed)) => Err(Lagged { missed, after: self.last }),
        }
    }

    /// Behind the last event that was heard of.
    pub fn position(&self) -> Position {
        self.last
    }
}

/// How much is kept; whichever limit is reached first counts, but the newest
/// commit is kept whatever its size, until it is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most events; 0 means none are kept.
    pub max_events: usize,
    /// Most memory in bytes, roughly; 0 means none are kept.
    pub max_bytes: usize,
    /// How long events are kept; zero means no limit.
    pub max_age: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_events: 100_000, max_bytes: 64 << 20, max_age: Duration::from_secs(3_600) }
    }
}

/// A log in memory: a ring of the newest events.
#[derive(Debug)]
pub struct MemoryLog {
    options: Options,
    clock: Clock,
    ring: Mutex<Ring>,
    live: broadcast::Sender<Heard>,
}

#[derive(Debug)]
struct Ring {
    epoch: u64,
    /// Number of events so far, which is the offset of the last.
    count: u64,
    transactions: u64,
    /// The newest events, and what each weighs; their offsets are dense.
    events: VecDeque<(Arc<ChangeEvent>, usize)>,
    bytes: usize,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(options: Options, clock: Clock) -> Self {
        let epoch = clock.now_micros().max(0) as u64;
        let ring = Ring { epoch, count: 0, transactions: 0, events: VecDeque::new(), bytes: 0 };
        let (live, _) = broadcast::channel(LIVE_COMMITS);
        Self { options, clock, ring: Mutex::new(ring), live }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing is done under the lock that could leave it half done.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room, but keeps the newest events, so many of them.
    fn evict_excess(&self, ring: &mut Ring, keep: usize) {
        while ring.events.len() > keep
            && (ring.events.len() > self.options.max_events || ring.bytes > self.options.max_bytes)
        {
            ring.evict_oldest();
        }
    }

    fn evict_old(&self, ring: &mut Ring) {
        if self.options.max_age.is_zero() {
            return;
        }
        let max_age = i64::try_from(self.options.max_age.as_micros()).unwrap_or(i64::MAX);
        let oldest = self.clock.now_micros().saturating_sub(max_age);
        while ring.events.front().is_some_and(|(event, _)| event.at_micros < oldest) {
            ring.evict_oldest();
        }
    }
}

impl Ring {
    fn head(&self) -> Position {
        Position { epoch: self.epoch, offset: self.count }
    }

    fn oldest(&self) -> Position {
        Position { epoch: self.epoch, offset: self.count - self.events.len() as u64 }
    }

    fn evict_oldest(&mut self) {
        if let Some((_, bytes)) = self.events.pop_front() {
            self.bytes -= bytes;
        }
    }
}

impl EventLog for MemoryLog {
    fn append(&self, commit: Commit) -> Position {
        let mut ring = self.ring();
        if commit.changes.is_empty() {
            return ring.head();
        }
        ring.transactions += 1;
        let transaction = TransactionId(ring.transactions);
        let Commit { changes, touched: _, by, at_micros } = commit;
        let mut events = Vec::with_capacity(changes.len());
        for change in changes {
            ring.count += 1;
            let bytes = change.bytes();
            let event = Arc::new(ChangeEvent { position: ring.head(), change, by: by.clone(), at_micros, transaction });
            ring.bytes += bytes;
            ring.events.push_back((event.clone(), bytes));
            events.push(event);
        }
        let keep = if self.options.max_events == 0 || self.options.max_bytes == 0 { 0 } else { events.len() };
        self.evict_excess(&mut ring, keep);
        self.evict_old(&mut ring);
        // Under the lock, so that listeners hear in the order of the log; there
        // may be none.
        let _ = self.live.send(Heard { events: Some(events.into()), head: ring.head() });
        ring.head()
    }

    fn head(&self) -> Position {
        self.ring().head()
    }

    fn read_after(&self, after: Position, max: usize) -> Result<Vec<Arc<ChangeEvent>>, Gone> {
        let mut ring = self.ring();
        self.evict_old(&mut ring);
        let oldest = ring.oldest();
        let gone = |reason| Err(Gone { oldest, reason });
        if after.epoch != ring.epoch {
            return gone(GoneReason::OtherEpoch);
        }
        if after.offset > ring.count {
            return gone(GoneReason::Future);
        }
        if after.offset < oldest.offset {
            return gone(GoneReason::Evicted);
        }
        let from = (after.offset - oldest.offset) as usize;
        Ok(ring.events.range(from..).take(max).map(|(event, _)| event.clone()).collect())
    }

    fn subscribe(&self) -> Subscriber {
        let ring = self.ring();
        Subscriber { receiver: self.live.subscribe(), last: ring.head() }
    }

    fn break_off(&self) {
        let mut ring = self.ring();
        let now = self.clock.now_micros().max(0) as u64;
        ring.epoch = now.max(ring.epoch + 1);
        ring.count = 0;
        ring.events.clear();
        ring.bytes = 0;
        let _ = self.live.send(Heard { events: None, head: ring.head() });
    }
}
