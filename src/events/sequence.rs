//! Commits in their order. Writers take numbers before they commit and say
//! afterwards what became of it, in whatever order the answers arrive; what is
//! known is handed on in the order of the numbers, never past a gap.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The order itself: numbers given out, outcomes that wait for those before.
#[derive(Debug)]
pub(super) struct Order<T> {
    next: u64,
    /// The lowest number without an outcome.
    open: u64,
    waiting: BTreeMap<u64, Option<T>>,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { next: 0, open: 0, waiting: BTreeMap::new() }
    }
}

impl<T> Order<T> {
    /// The next number.
    pub(super) fn take(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// What became of a number: something, or nothing. Returns what has become
    /// ready by that, in order.
    pub(super) fn resolve(&mut self, number: u64, outcome: Option<T>) -> Vec<T> {
        self.waiting.insert(number, outcome);
        let mut ready = Vec::new();
        while let Some(outcome) = self.waiting.remove(&self.open) {
            ready.extend(outcome);
            self.open += 1;
        }
        ready
    }
}

/// The order, shared by all writers.
#[derive(Debug)]
pub(super) struct Sequencer<T> {
    order: Mutex<Order<T>>,
}

impl<T> Default for Sequencer<T> {
    fn default() -> Self {
        Self { order: Mutex::default() }
    }
}

impl<T> Sequencer<T> {
    fn order(&self) -> MutexGuard<'_, Order<T>> {
        // A number that a panic left unresolved would hold up everyone; the
        // state itself is whole at any time.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> u64 {
        self.order().take()
    }

    /// Hands on what is ready while the lock is held: between two commits that
    /// become ready at two places, the order is decided by nothing else.
    pub(super) fn resolve(&self, number: u64, outcome: Option<T>, hand_on: impl FnMut(T)) {
        let mut order = self.order();
        order.resolve(number, outcome).into_iter().for_each(hand_on);
    }
}
