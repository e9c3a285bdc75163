//! What the database does by itself to rows that point to deleted ones: they go
//! with them, or lose what they point to. It does not say so; they are looked
//! at before and after, so that whoever follows is told of them too.

use std::collections::{BTreeMap, HashSet};

use super::{group::values, work::Session};
use crate::{
    catalog::{Table, TableId},
    engine::Error,
    events::{Change, RowImage},
    plan::write::RowKey,
    predicate::Predicate,
};

/// Rows of one deletion that are looked at. Beyond it nobody is told what has
/// become of them, but everybody that something has.
const MAX_REACHED: usize = 10_000;

/// Rows that a deletion reaches beyond those it is about.
#[derive(Debug, Default)]
pub(super) struct Reached {
    gone: Vec<(TableId, RowImage)>,
    /// As they were.
    changed: Vec<(TableId, RowImage)>,
    /// Whether there are too many to be looked at.
    overflows: bool,
}

impl Session {
    /// Whether deleting a table's rows has consequences that would be told.
    pub(super) fn reaches_on(&self, table: &Table) -> bool {
        self.options.emit_events && self.catalog().cascades.iter().any(|cascade| cascade.to == table.id)
    }

    /// What deleting rows will reach; these are held, as those must be.
    pub(super) async fn reached(&self, table: &Table, rows: Vec<RowImage>) -> Result<Reached, Error> {
        let mut reached = Reached::default();
        let mut gone: HashSet<(TableId, RowKey)> = rows.iter().map(|row| (table.id, row.row_key(table))).collect();
        let mut next = vec![(table.id, rows)];
        while let Some((to, rows)) = next.pop() {
            for cascade in self.catalog().cascades.iter().filter(|cascade| cascade.to == to) {
                let (to, table) = (self.catalog().table(to), self.catalog().table(cascade.table));
                let keys = rows.iter().filter_map(|row| values(to, &cascade.to_columns, row));
                let keys: Vec<RowKey> = keys.collect::<HashSet<_>>().into_iter().collect();
                if keys.is_empty() {
                    continue;
                }
                let found = self.locate(table, &cascade.columns, &keys, &Predicate::always(), true).await?;
                let found = found.rows().filter(|row| !row.row_key(table).is_empty()).cloned();
                if !cascade.deletes {
                    reached.changed.extend(found.map(|row| (table.id, row)));
                } else {
                    let new: Vec<_> = found.filter(|row| gone.insert((table.id, row.row_key(table)))).collect();
                    reached.gone.extend(new.iter().map(|row| (table.id, row.clone())));
                    next.push((table.id, new));
                }
                if reached.gone.len() + reached.changed.len() > MAX_REACHED {
                    return Ok(Reached { overflows: true, ..Reached::default() });
                }
            }
        }
        let stays = |(id, row): &(TableId, RowImage)| !gone.contains(&(*id, row.row_key(self.catalog().table(*id))));
        reached.changed.retain(stays);
        Ok(reached)
    }

    /// Notes what a deletion has reached, for the log.
    pub(super) async fn has_reached(&self, reached: Reached) -> Result<(), Error> {
        if reached.overflows {
            self.lose_track();
        }
        for (id, row) in reached.gone {
            let table = self.catalog().table(id);
            self.changed(table, [Change::deleted(table, row)]);
        }
        let mut changed: BTreeMap<TableId, Vec<RowImage>> = BTreeMap::new();
        for (id, row) in reached.changed {
            changed.entry(id).or_default().push(row);
        }
        for (id, before) in changed {
            let table = self.catalog().table(id);
            let keys: HashSet<RowKey> = before.iter().map(|row| row.row_key(table)).collect();
            let keys: Vec<RowKey> = keys.into_iter().collect();
            let after = self.locate(table, &table.key, &keys, &Predicate::always(), false).await?;
            let mut seen = HashSet::new();
            let once = before.into_iter().filter(|row| seen.insert(row.row_key(table)));
            let updated = once.filter_map(|before| {
                let after = after.get(&before.row_key(table))?.clone();
                Change::updated(table, before, after)
            });
            self.changed(table, updated.collect::<Vec<_>>());
        }
        Ok(())
    }
}
