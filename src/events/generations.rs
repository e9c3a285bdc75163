//! How often each table has changed: what caches compare.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::catalog::TableId;

/// A counter for each table, advanced before the answer to the change leaves.
#[derive(Debug)]
pub struct Generations(Box<[AtomicU64]>);

impl Generations {
    pub(super) fn new(tables: usize) -> Self {
        Self((0..tables).map(|_| AtomicU64::new(0)).collect())
    }

    /// The number of commits so far that touched a table.
    pub fn of(&self, table: TableId) -> u64 {
        self.0.get(table.0 as usize).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// Moves on, once for each table however often it is named.
    pub(super) fn advance(&self, tables: impl Iterator<Item = TableId>) {
        let mut tables: Vec<TableId> = tables.collect();
        tables.sort_unstable();
        tables.dedup();
        for counter in tables.iter().filter_map(|table| self.0.get(table.0 as usize)) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Moves all of them on: whatever may have changed has.
    pub fn advance_all(&self) {
        for counter in &self.0 {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }
}
