//! Which groups of subscriptions a row can concern.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    gauge::Gauge,
    group::{Group, concerns},
};
use crate::{
    catalog::{ColumnId, Table},
    events::{ChangeEvent, RowImage},
    predicate::Row as _,
    value::Key,
};

/// The groups of one table.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those whose rows all have one of some values in a column.
    by_value: HashMap<ColumnId, HashMap<Key, Vec<Arc<Group>>>>,
    /// All others.
    others: Vec<Arc<Group>>,
    /// Those of other tables whose conditions are about this one's rows as well,
    /// and about which columns.
    related: Vec<(BTreeSet<ColumnId>, Arc<Group>)>,
    /// Aggregates that look at this table, and at which columns.
    gauges: Vec<(BTreeSet<ColumnId>, Arc<Gauge>)>,
}

impl Index {
    pub(super) fn insert(&mut self, group: &Arc<Group>) {
        match &group.required {
            Some((column, values)) => {
                let by_value = self.by_value.entry(*column).or_default();
                for value in values {
                    by_value.entry(value.clone()).or_default().push(group.clone());
                }
            }
            None => self.others.push(group.clone()),
        }
    }

    /// Takes in a group whose condition is about these columns as well.
    pub(super) fn insert_related(&mut self, columns: BTreeSet<ColumnId>, group: &Arc<Group>) {
        self.related.push((columns, group.clone()));
    }

    pub(super) fn remove_related(&mut self, group: &Arc<Group>) {
        self.related.retain(|(_, known)| !Arc::ptr_eq(known, group));
    }

    /// Takes in an aggregate that looks at these columns.
    pub(super) fn insert_gauge(&mut self, columns: BTreeSet<ColumnId>, gauge: &Arc<Gauge>) {
        self.gauges.push((columns, gauge.clone()));
    }

    pub(super) fn remove_gauge(&mut self, gauge: &Arc<Gauge>) {
        self.gauges.retain(|(_, known)| !Arc::ptr_eq(known, gauge));
    }

    /// The aggregates that a change of this table's rows may show in.
    pub(super) fn shown(&self, event: &ChangeEvent, tell: impl FnMut(&Arc<Gauge>)) {
        let shown = self.gauges.iter().filter(|(columns, _)| concerns(columns, event));
        shown.map(|(_, gauge)| gauge).for_each(tell);
    }

    /// The groups whose conditions a change of this table's rows may turn.
    pub(super) fn turned(&self, event: &ChangeEvent, tell: impl FnMut(&Arc<Group>)) {
        let turned = self.related.iter().filter(|(columns, _)| concerns(columns, event));
        turned.map(|(_, group)| group).for_each(tell);
    }

    pub(super) fn remove(&mut self, group: &Arc<Group>) {
        let is_other = |known: &Arc<Group>| !Arc::ptr_eq(known, group);
        let Some((column, values)) = &group.required else { return self.others.retain(is_other) };
        let Some(by_value) = self.by_value.get_mut(column) else { return };
        for value in values {
            if let Some(groups) = by_value.get_mut(value) {
                groups.retain(is_other);
                if groups.is_empty() {
                    by_value.remove(value);
                }
            }
        }
        if by_value.is_empty() {
            self.by_value.remove(column);
        }
    }

    /// The groups that a change can concern, each once.
    pub(super) fn concerned(&self, table: &Table, event: &ChangeEvent, mut tell: impl FnMut(&Arc<Group>)) {
        self.others.iter().for_each(&mut tell);
        for (column, by_value) in &self.by_value {
            let column = table.column(*column);
            let value = |image: &Option<RowImage>| image.as_ref()?.value(column);
            let (before, after) = (value(&event.before), value(&event.after));
            let found =
                |value: &Option<Key>| value.as_ref().and_then(|value| by_value.get(value)).into_iter().flatten();
            found(&before).for_each(&mut tell);
            if before != after {
                // One that accepts both values has been told already.
                let is_new = |group: &&Arc<Group>| !before.as_ref().is_some_and(|value| group.accepts(value));
                found(&after).filter(is_new).for_each(&mut tell);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_value.is_empty() && self.others.is_empty() && self.related.is_empty() && self.gauges.is_empty()
    }
}
