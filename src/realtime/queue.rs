//! What waits to be sent to one connection. Bounded, so that a client that does
//! not read costs memory once and never anybody's time.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{CloseReason, Ended};
use crate::{
    engine::Overflow,
    events::{Action, Position},
    plan::write::RowKey,
    value::json,
};

/// A subscription, by a number that its connection gave it.
pub type Tag = u32;

/// How much may wait for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most changes.
    pub items: usize,
    /// Most bytes.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { items: 1_024, bytes: 1 << 20 }
    }
}

/// A change that waits to be sent.
#[derive(Clone, Debug)]
pub struct Next {
    /// A GraphQL answer, its last brace left out; shared by all who get it.
    pub text: Arc<[u8]>,
    /// Its place in the log, if one can resume from it.
    pub position: Option<Position>,
    /// What happened; `None` for a row that was there.
    pub action: Option<Action>,
    /// Which row it is about.
    pub(super) row: Arc<RowKey>,
}

impl Next {
    /// Appends it as a whole answer, with how many changes were dropped before it.
    pub fn write_answer(&self, missed: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
        if missed > 0 {
            out.extend_from_slice(b",\"extensions\":{\"missed\":");
            json::write_uint(out, missed);
            out.push(b'}');
        }
        out.push(b'}');
    }
}

/// Something for one subscription.
#[derive(Clone, Debug)]
pub enum Item {
    /// A change, and how many were dropped before it.
    Next(Next, u64),
    /// There will be no more.
    Ended(Ended),
}

/// What a connection takes from its queue.
#[derive(Clone, Debug)]
pub enum Taken {
    /// In their order.
    Items(Vec<(Tag, Item)>),
    /// The connection is to be closed.
    Close(CloseReason),
}

/// The queue of one connection.
#[derive(Debug)]
pub struct Queue {
    limits: QueueLimits,
    state: Mutex<State>,
    filled: Notify,
    /// Whoever catches up waits for room here.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<(Tag, Item)>,
    bytes: usize,
    /// Changes dropped of each subscription and not told yet.
    missed: HashMap<Tag, u64>,
    /// Changes of subscriptions that have something else to tell before.
    held: Vec<Held>,
    closed: Option<CloseReason>,
}

/// Changes of one subscription that has something else to tell before.
#[derive(Debug)]
struct Held {
    tag: Tag,
    items: VecDeque<(Next, Overflow)>,
    bytes: usize,
    missed: u64,
}

impl Held {
    /// Adds a change; `false` if there is no room for it.
    fn push(&mut self, limits: QueueLimits, next: Next, overflow: Overflow) -> bool {
        if overflow == Overflow::Latest
            && let Some(at) = self.items.iter().position(|(older, _)| older.row == next.row)
        {
            self.drop_at(at);
        }
        let is_full = |held: &Self| {
            !held.items.is_empty() && (held.items.len() >= limits.items || held.bytes + next.text.len() > limits.bytes)
        };
        while is_full(self) {
            if overflow == Overflow::Close {
                return false;
            }
            self.drop_at(0);
            self.missed += 1;
        }
        self.bytes += next.text.len();
        self.items.push_back((next, overflow));
        true
    }

    fn drop_at(&mut self, at: usize) {
        if let Some((next, _)) = self.items.remove(at) {
            self.bytes -= next.text.len();
        }
    }
}

impl State {
    fn weight(item: &Item) -> usize {
        match item {
            Item::Next(next, _) => next.text.len(),
            Item::Ended(_) => 0,
        }
    }

    fn is_full(&self, limits: QueueLimits, more: usize) -> bool {
        // One change may be larger than all that may wait.
        !self.items.is_empty() && (self.items.len() >= limits.items || self.bytes + more > limits.bytes)
    }

    fn oldest_of(&self, tag: Tag) -> Option<usize> {
        self.items.iter().position(|(of, item)| *of == tag && matches!(item, Item::Next(..)))
    }
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: QueueLimits) -> Self {
        Self { limits, state: Mutex::default(), filled: Notify::new(), emptied: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that could leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a subscription's changes back until [`Queue::release`].
    pub(super) fn hold(&self, tag: Tag) {
        self.state().held.push(Held { tag, items: VecDeque::new(), bytes: 0, missed: 0 });
    }

    /// Adds the changes that were kept back.
    pub(super) fn release(&self, tag: Tag) {
        let mut state = self.state();
        let Some(at) = state.held.iter().position(|held| held.tag == tag) else { return };
        let held = state.held.swap_remove(at);
        if held.missed > 0 {
            *state.missed.entry(tag).or_default() += held.missed;
        }
        for (next, overflow) in held.items {
            state.push(self.limits, tag, next, overflow);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Adds a change; never waits. Where there is no room, `overflow` says what
    /// becomes of it.
    pub(super) fn push(&self, tag: Tag, next: Next, overflow: Overflow) {
        let mut state = self.state();
        match state.held.iter_mut().find(|held| held.tag == tag) {
            Some(held) => {
                if !held.push(self.limits, next, overflow) {
                    state.close(CloseReason::TooSlow);
                }
            }
            None => state.push(self.limits, tag, next, overflow),
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The same for what comes before all that is kept back.
    pub(super) fn push_ahead(&self, tag: Tag, next: Next, overflow: Overflow) {
        self.state().push(self.limits, tag, next, overflow);
        self.filled.notify_one();
    }

    /// Says that a subscription has ended.
    pub(super) fn end(&self, tag: Tag, ended: Ended) {
        self.state().items.push_back((tag, Item::Ended(ended)));
        self.filled.notify_one();
    }

    /// Says that the connection is to be closed; what waits is not sent any more.
    pub fn close(&self, reason: CloseReason) {
        self.state().close(reason);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    /// Forgets what waits for a subscription.
    pub(super) fn forget(&self, tag: Tag) {
        let mut state = self.state();
        while let Some(at) = state.items.iter().position(|(of, _)| *of == tag) {
            if let Some((_, item)) = state.items.remove(at) {
                state.bytes -= State::weight(&item);
            }
        }
        state.missed.remove(&tag);
        state.held.retain(|held| held.tag != tag);
    }

    /// What waits, at most `most` of it; waits for the first.
    pub async fn take(&self, most: usize) -> Taken {
        loop {
            {
                let mut state = self.state();
                if let Some(reason) = state.closed {
                    return Taken::Close(reason);
                }
                if !state.items.is_empty() {
                    let count = state.items.len().min(most);
                    let items: Vec<_> = state.items.drain(..count).collect();
                    state.bytes -= items.iter().map(|(_, item)| State::weight(item)).sum::<usize>();
                    drop(state);
                    self.emptied.notify_waiters();
                    return Taken::Items(items);
                }
            }
            self.filled.notified().await;
        }
    }

    /// What waits, without waiting for any.
    pub fn take_rest(&self) -> Vec<(Tag, Item)> {
        let mut state = self.state();
        state.bytes = 0;
        state.items.drain(..).collect()
    }

    /// Waits until there is ample room for so many bytes, for those who can;
    /// `false` if the connection is to be closed.
    pub(super) async fn room(&self, bytes: usize) -> bool {
        loop {
            let emptied = self.emptied.notified();
            let mut emptied = std::pin::pin!(emptied);
            emptied.as_mut().enable();
            {
                let state = self.state();
                if state.closed.is_some() {
                    return false;
                }
                let is_ample = state.items.len() <= self.limits.items / 2
                    && (state.bytes + bytes <= self.limits.bytes / 2 || state.items.is_empty());
                if is_ample {
                    return true;
                }
            }
            emptied.await;
        }
    }

    /// Changes and bytes that wait.
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.items.len(), state.bytes)
    }
}

impl State {
    fn push(&mut self, limits: QueueLimits, tag: Tag, next: Next, overflow: Overflow) {
        if self.closed.is_some() {
            return;
        }
        if overflow == Overflow::Latest {
            let is_older =
                |(of, item): &(Tag, Item)| *of == tag && matches!(item, Item::Next(older, _) if older.row == next.row);
            if let Some(at) = self.items.iter().position(is_older) {
                // The newer one says all that it did.
                self.drop_of(tag, at, 0);
            }
        }
        while self.is_full(limits, next.text.len()) {
            match self.oldest_of(tag).filter(|_| overflow != Overflow::Close) {
                Some(at) => self.drop_of(tag, at, 1),
                None if overflow == Overflow::Close => return self.close(CloseReason::TooSlow),
                // All that waits is others'. One of each subscription may, so that none is
                // left with what is not true any more, but not of any size.
                None if self.bytes + next.text.len() > 2 * limits.bytes => return self.close(CloseReason::TooSlow),
                None => break,
            }
        }
        let missed = self.missed.remove(&tag).unwrap_or_default();
        self.bytes += next.text.len();
        self.items.push_back((tag, Item::Next(next, missed)));
    }

    /// Drops a change of a subscription; with its next one is told how many were
    /// `missed`.
    fn drop_of(&mut self, tag: Tag, at: usize, missed: u64) {
        if let Some((_, item)) = self.items.remove(at) {
            self.bytes -= Self::weight(&item);
            if let Item::Next(_, before) = item {
                *self.missed.entry(tag).or_default() += before + missed;
            }
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.closed.get_or_insert(reason);
        self.items.clear();
        self.held.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Key;

    fn queue(items: usize, bytes: usize) -> Queue {
        Queue::new(QueueLimits { items, bytes })
    }

    fn next(row: i64, offset: u64) -> Next {
        let position = Some(Position { epoch: 1, offset });
        Next { text: Arc::from(&b"0123456789"[..]), position, action: None, row: Arc::new(vec![Key::Int(row)]) }
    }

    /// Offsets and how many were missed before each.
    fn waiting(queue: &Queue) -> Vec<(Tag, u64, u64)> {
        let told = queue.take_rest().into_iter().filter_map(|(tag, item)| match item {
            Item::Next(next, missed) => Some((tag, next.position?.offset, missed)),
            Item::Ended(_) => None,
        });
        told.collect()
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let queue = queue(3, 1_000);
        (1..=3).for_each(|at| queue.push(1, next(at, at as u64), Overflow::Close));
        assert_eq!(queue.waiting(), (3, 30));
        queue.push(1, next(4, 4), Overflow::Close);
        assert!(matches!(queue.take(10).await, Taken::Close(CloseReason::TooSlow)));
        assert_eq!(queue.waiting(), (0, 0));
        assert!(!queue.room(1).await);
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let queue = queue(3, 1_000);
        (1..=5).for_each(|at| queue.push(1, next(at, at as u64), Overflow::DropOldest));
        assert_eq!(waiting(&queue), [(1, 3, 0), (1, 4, 1), (1, 5, 1)]);
        (1..=5).for_each(|at| queue.push(1, next(at, at as u64), Overflow::DropOldest));
        queue.push(2, next(1, 9), Overflow::DropOldest);
        // One of another is never in the way: its newest always waits.
        assert_eq!(waiting(&queue).last(), Some(&(2, 9, 0)));
    }

    #[test]
    fn of_each_row_only_the_latest_waits() {
        let queue = queue(3, 1_000);
        for (row, offset) in [(1, 1), (2, 2), (1, 3), (1, 4)] {
            queue.push(1, next(row, offset), Overflow::Latest);
        }
        assert_eq!(waiting(&queue), [(1, 2, 0), (1, 4, 0)]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let queue = queue(100, 25);
        (1..=5).for_each(|at| queue.push(1, next(at, at as u64), Overflow::DropOldest));
        assert_eq!(queue.waiting(), (2, 20));
        queue.forget(1);
        assert_eq!(queue.waiting(), (0, 0));
    }
}
