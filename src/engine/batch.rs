//! The rows of one statement, and which of them belong to which key.

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::{
    db::Rows,
    sql::{KeyMode, Lookup},
    value::Key,
};

/// The distinct keys of a batch, in the order in which they are sent.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    positions: HashMap<Vec<Key>, u32>,
    pub(super) keys: Vec<Vec<Key>>,
}

impl KeySet {
    /// The position of a key, which is added if it is new.
    pub(super) fn add(&mut self, key: Vec<Key>) -> u32 {
        let next = self.keys.len() as u32;
        *self.positions.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            next
        })
    }

    pub(super) fn position(&self, key: &[Key]) -> Option<u32> {
        self.positions.get(key).copied()
    }
}

/// Rows with the keys that asked for them. Shared between requests, so never
/// changed once it exists.
#[derive(Debug)]
pub struct Batch {
    /// The rows.
    pub rows: Arc<Rows>,
    /// Which of `order` belong to each key, by the key's position.
    ranges: Vec<Range<u32>>,
    /// Rows grouped by key, where the database did not send them so.
    order: Option<Vec<u32>>,
    keys: KeySet,
}

impl Batch {
    /// Rows that nobody looked up: all belong together.
    pub(super) fn whole(rows: Rows) -> Self {
        let range = 0..rows.len() as u32;
        Self { rows: Arc::new(rows), ranges: vec![range], order: None, keys: KeySet::default() }
    }

    /// Some of the rows of a statement that wrote them, in an order of its own.
    pub(super) fn picked(rows: Arc<Rows>, order: Vec<u32>) -> Self {
        let range = 0..order.len() as u32;
        Self { rows, ranges: vec![range], order: Some(order), keys: KeySet::default() }
    }

    /// Rows of a look-up.
    pub(super) fn grouped(rows: Rows, lookup: &Lookup, keys: KeySet) -> Self {
        let positions = positions(&rows, lookup, &keys);
        let mut ranges = vec![0..0; keys.keys.len()];
        let contiguous = fill_ranges(&mut ranges, positions.iter().copied());
        if contiguous && !positions.contains(&u32::MAX) {
            return Self { rows: Arc::new(rows), ranges, order: None, keys };
        }
        // Rows that no key explains are left out; the rest is grouped here.
        let mut order: Vec<u32> =
            (0..positions.len() as u32).filter(|row| positions[*row as usize] != u32::MAX).collect();
        order.sort_by_key(|row| positions[*row as usize]);
        ranges.fill(0..0);
        fill_ranges(&mut ranges, order.iter().map(|row| positions[*row as usize]));
        Self { rows: Arc::new(rows), ranges, order: Some(order), keys }
    }

    /// The rows of a key, as a range of [`Batch::row`].
    pub(super) fn range(&self, key: &[Key]) -> Range<u32> {
        self.keys.position(key).map_or(0..0, |position| self.ranges[position as usize].clone())
    }

    /// All rows of a batch without keys.
    pub(super) fn all(&self) -> Range<u32> {
        self.ranges.first().cloned().unwrap_or(0..0)
    }

    /// The row at a place of a range.
    pub(super) fn row(&self, at: u32) -> usize {
        self.order.as_ref().map_or(at, |order| order[at as usize]) as usize
    }
}

/// Whether rows of one key always followed each other.
fn fill_ranges(ranges: &mut [Range<u32>], positions: impl Iterator<Item = u32>) -> bool {
    let mut contiguous = true;
    let mut previous = u32::MAX;
    for (row, position) in positions.enumerate() {
        let row = row as u32;
        if let Some(range) = ranges.get_mut(position as usize) {
            if position == previous {
                range.end = row + 1;
            } else {
                contiguous &= range.start == range.end;
                *range = row..row + 1;
            }
        }
        previous = position;
    }
    contiguous
}

/// For each row the position of the key that it belongs to.
fn positions(rows: &Rows, lookup: &Lookup, keys: &KeySet) -> Vec<u32> {
    let count = keys.keys.len();
    match lookup.mode {
        KeyMode::Ordinal(first) => (0..rows.len())
            .map(|row| match rows.key(row, 0, &crate::catalog::ColumnType::BigInteger) {
                Some(Key::Int(ordinal)) => u32::try_from(ordinal - first).unwrap_or(u32::MAX),
                _ => u32::MAX,
            })
            .map(|position| if (position as usize) < count { position } else { u32::MAX })
            .collect(),
        KeyMode::Value => (0..rows.len())
            .map(|row| key_of(rows, row, lookup).and_then(|key| keys.position(&key)).unwrap_or(u32::MAX))
            .collect(),
    }
}

fn key_of(rows: &Rows, row: usize, lookup: &Lookup) -> Option<Vec<Key>> {
    lookup.key_types.iter().enumerate().map(|(column, column_type)| rows.key(row, column, column_type)).collect()
}
