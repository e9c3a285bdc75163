//! What can be written by one statement, and rows by their keys.

use std::{collections::HashMap, sync::Arc};

use crate::{
    catalog::{ColumnId, Table},
    db::Rows,
    events::RowImage,
    plan::write::{Draft, RowKey},
};

/// Drafts by the columns that they give, each group with the places of its
/// members; groups in the order of their first members.
pub(super) fn by_columns(drafts: &[Draft]) -> Vec<(Vec<ColumnId>, Vec<usize>)> {
    let mut groups: Vec<(Vec<ColumnId>, Vec<usize>)> = Vec::new();
    let mut known: HashMap<Vec<ColumnId>, usize> = HashMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        let mut columns: Vec<ColumnId> = draft.columns.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        let group = *known.entry(columns).or_insert_with_key(|columns| {
            groups.push((columns.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(at);
    }
    groups
}

/// Rows that were found, by the values of some of their columns.
#[derive(Debug, Default)]
pub(super) struct Found {
    by_key: HashMap<RowKey, Vec<RowImage>>,
    /// Keys as they were asked for, and as they are stored: a text may be stored
    /// in another spelling that the database takes for the same.
    respelled: HashMap<RowKey, RowKey>,
    count: usize,
}

impl Found {
    pub(super) fn add(&mut self, table: &Table, columns: &[ColumnId], rows: Rows) {
        let rows = Arc::new(rows);
        for row in 0..rows.len() {
            let image = RowImage::new(rows.clone(), row, 0);
            self.push(table, columns, image);
        }
    }

    pub(super) fn push(&mut self, table: &Table, columns: &[ColumnId], image: RowImage) {
        // Rows with nulls in these columns were not asked for.
        if let Some(key) = values(table, columns, &image) {
            self.count += 1;
            self.by_key.entry(key).or_default().push(image);
        }
    }

    /// Takes a key for another one.
    pub(super) fn respell(&mut self, asked: RowKey, stored: RowKey) {
        if asked != stored {
            self.respelled.insert(asked, stored);
        }
    }

    /// The keys that were found.
    pub(super) fn keys(&self) -> impl Iterator<Item = &RowKey> {
        self.by_key.keys()
    }

    /// The only key that was found.
    pub(super) fn only_key(&self) -> Option<&RowKey> {
        if self.by_key.len() == 1 { self.by_key.keys().next() } else { None }
    }

    /// How many keys.
    pub(super) fn distinct(&self) -> usize {
        self.by_key.len()
    }

    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// All rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &RowImage> {
        self.by_key.values().flatten()
    }

    /// The row of a key, or the first of them.
    pub(super) fn get(&self, key: &RowKey) -> Option<&RowImage> {
        self.all(key).first()
    }

    /// All rows of a key.
    pub(super) fn all(&self, key: &RowKey) -> &[RowImage] {
        let stored = self.respelled.get(key).unwrap_or(key);
        self.by_key.get(stored).map_or(&[], Vec::as_slice)
    }
}

/// The values of some columns of a row; `None` if one of them is null.
pub(super) fn values(table: &Table, columns: &[ColumnId], image: &RowImage) -> Option<RowKey> {
    columns.iter().map(|column| image.key(*column, &table.column(*column).column_type)).collect()
}
