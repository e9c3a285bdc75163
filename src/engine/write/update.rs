//! Changed rows: what they point to first, then the rows themselves in one
//! statement for all that are given the same columns, then what points to them.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

use super::{
    super::heard::Verb,
    create::{object, with_value},
    group::{self, Found, by_columns},
    work::Session,
};
use crate::{
    catalog::{ColumnId, Dialect, Table},
    engine::Error,
    events::{Change, RowImage},
    hooks::Meta,
    plan::write::{Draft, Given, Payload, RowKey, WriteAction, forbidden, key_json},
    predicate::Predicate,
    sql,
    value::{Key, Value},
};

/// MySQL's protocol counts placeholders with 16 bits, and lists of keys are
/// padded to the next power of two.
const MAX_PLACEHOLDERS: usize = 32_768;

/// One payload for some rows.
#[derive(Debug)]
pub(super) struct Alteration {
    pub(super) keys: Vec<RowKey>,
    pub(super) payload: Payload,
}

/// What becomes of keys that find no row, or none that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// They are left out.
    Skip,
    /// They are refused, and with them everything.
    Refuse,
}

impl Session {
    /// Changes rows; for each alteration the rows that it found, as they are then.
    pub(super) fn update<'a>(
        &'a self,
        table: &'a Table,
        alterations: Vec<Alteration>,
        missing: Missing,
    ) -> BoxFuture<'a, Result<Vec<Vec<RowImage>>, Error>> {
        async move {
            self.caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
            self.count(alterations.iter().map(|alteration| alteration.keys.len()).sum())?;
            if alterations.iter().all(|alteration| alteration.keys.is_empty()) {
                return Ok(alterations.iter().map(|_| Vec::new()).collect());
            }
            let Some(heard) = self.filtered(table, Verb::Update) else {
                return self.alter(table, alterations, missing).await;
            };
            let mut images = Vec::with_capacity(alterations.len());
            for Alteration { keys, payload } in alterations {
                let told = keys.iter().map(|key| key_json(key)).collect();
                let filtered = self.filter(heard, table, Json::Object(payload), Some(told)).await?;
                let alteration = Alteration { keys, payload: object(filtered)? };
                images.extend(self.alter(table, vec![alteration], missing).await?);
            }
            Ok(images)
        }
        .boxed()
    }

    async fn alter(
        &self,
        table: &Table,
        alterations: Vec<Alteration>,
        missing: Missing,
    ) -> Result<Vec<Vec<RowImage>>, Error> {
        let heard = self.told(table, Verb::Update);
        let mut told = Vec::new();
        let mut keys = Vec::with_capacity(alterations.len());
        let mut drafts = Vec::with_capacity(alterations.len());
        for alteration in alterations {
            if let Some(heard) = heard {
                told.push((heard, self.slot(), alteration.payload.clone()));
            }
            drafts.push(Draft::new(
                self.catalog(),
                &self.caller.access,
                table,
                WriteAction::Update,
                Given::Owned(alteration.payload),
                &self.bindings(),
            )?);
            keys.push(distinct(alteration.keys));
        }
        let linked = self.link(table, &mut drafts).await?;
        self.guard(table, WriteAction::Update, &mut drafts, &keys).await?;
        self.complete(table, WriteAction::Update, &mut drafts).await?;
        for (draft, keys) in drafts.iter_mut().zip(&keys) {
            draft.keep_key(table, keys)?;
        }
        let mut images: Vec<Vec<RowImage>> = keys.iter().map(|_| Vec::new()).collect();
        for round in rounds(&keys) {
            self.alter_round(table, &drafts, &keys, &round, missing, &mut images).await?;
        }
        self.note_linked(linked, |at| images[at].first());
        let mut parents = Vec::new();
        for (draft, images) in drafts.into_iter().zip(&images).filter(|(draft, _)| !draft.to_many.is_empty()) {
            parents.extend(images.iter().map(|image| (image.clone(), draft.to_many.clone())));
        }
        self.save_related(table, parents, false).await?;
        for ((heard, slot, payload), keys) in told.into_iter().zip(&keys) {
            let keys: Json = keys.iter().map(|key| key_json(key)).collect();
            let meta = Meta::new().with("payload", Json::Object(payload)).with("keys", keys);
            self.tell(slot, heard, table, meta);
        }
        Ok(images)
    }

    /// Alterations of which no two are about the same row.
    async fn alter_round(
        &self,
        table: &Table,
        drafts: &[Draft],
        keys: &[Vec<RowKey>],
        round: &[usize],
        missing: Missing,
        images: &mut [Vec<RowImage>],
    ) -> Result<(), Error> {
        let members: Vec<Draft> = round.iter().map(|at| columns_only(&drafts[*at])).collect();
        let mut groups: Vec<(Vec<ColumnId>, &[String], Vec<usize>)> = Vec::new();
        for (columns, group) in by_columns(&members) {
            // Which rows may be changed depends on the fields that are given.
            for at in group.into_iter().map(|member| round[member]) {
                let fields = &drafts[at].fields[..];
                match groups.iter_mut().find(|(known, of, _)| *known == columns && *of == fields) {
                    Some((.., group)) => group.push(at),
                    None => groups.push((columns.clone(), fields, vec![at])),
                }
            }
        }
        for (columns, fields, group) in groups {
            let changes: Vec<sql::write::Change> = group
                .iter()
                .flat_map(|at| {
                    let values = values(&drafts[*at], &columns);
                    keys[*at].iter().map(move |key| sql::write::Change { key: key.clone(), values: values.clone() })
                })
                .collect();
            let found = self.set(table, &columns, changes, fields).await?;
            for at in group {
                for key in &keys[at] {
                    match found.get(key) {
                        Some(image) => images[at].push(image.clone()),
                        None if missing == Missing::Refuse => return Err(Error::Forbidden(None)),
                        None => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Sets columns of rows of which the caller may change some fields; those that
    /// there are, as they are then.
    pub(super) async fn set(
        &self,
        table: &Table,
        columns: &[ColumnId],
        changes: Vec<sql::write::Change>,
        fields: &[String],
    ) -> Result<Found, Error> {
        let right = self.caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
        let rows = right.rows_with_all(fields.iter().map(String::as_str));
        if changes.is_empty() {
            return Ok(Found::default());
        }
        if columns.is_empty() {
            let keys: Vec<RowKey> = changes.into_iter().map(|change| change.key).collect();
            let found = self.locate(table, &table.key, &keys, &rows, true).await?;
            self.gave_back();
            return Ok(found);
        }
        match self.catalog().dialect {
            Dialect::Postgres => self.set_and_show(table, columns, &changes, &rows).await,
            Dialect::MySql | Dialect::Sqlite => self.locate_and_set(table, columns, changes, &rows).await,
        }
    }

    /// PostgreSQL: rows come back as they were and as they are.
    async fn set_and_show(
        &self,
        table: &Table,
        columns: &[ColumnId],
        changes: &[sql::write::Change],
        rows: &Predicate,
    ) -> Result<Found, Error> {
        let command = sql::write::update(self.catalog(), table.id, columns, changes, rows, &self.bindings())?;
        let rows = self.run_update(table, columns, changes, &command).await?;
        let rows = Arc::new(rows);
        let mut before = Vec::with_capacity(rows.len());
        let mut found = Found::default();
        for row in 0..rows.len() {
            before.push(RowImage::new(rows.clone(), row, table.columns.len()));
            found.push(table, &table.key, RowImage::new(rows.clone(), row, 0));
        }
        let asked: Vec<RowKey> = changes.iter().map(|change| change.key.clone()).collect();
        if table.triggers {
            let keys: Vec<RowKey> = before.iter().map(|image| image.row_key(table)).collect();
            found = self.locate(table, &table.key, &keys, &Predicate::always(), false).await?;
        }
        self.respell(table, &table.key, &asked, &mut found).await?;
        self.note_updates(table, &before, &found);
        Ok(found)
    }

    /// Elsewhere rows are held and looked at first, and again where the
    /// database does not show what became of them.
    async fn locate_and_set(
        &self,
        table: &Table,
        columns: &[ColumnId],
        changes: Vec<sql::write::Change>,
        rows: &Predicate,
    ) -> Result<Found, Error> {
        let keys: Vec<RowKey> = changes.iter().map(|change| change.key.clone()).collect();
        let before = self.locate(table, &table.key, &keys, rows, true).await?;
        let asked = keys;
        let there = |mut change: sql::write::Change| {
            change.key = before.get(&change.key)?.row_key(table);
            Some(change)
        };
        let changes: Vec<_> = changes.into_iter().filter_map(there).collect();
        if changes.is_empty() {
            return Ok(Found::default());
        }
        let keys: Vec<RowKey> = changes.iter().map(|change| change.key.clone()).collect();
        let shows = self.catalog().dialect == Dialect::Sqlite && !table.triggers;
        let mut after = Found::default();
        let chunk = match self.catalog().dialect {
            Dialect::MySql => (MAX_PLACEHOLDERS / (columns.len() + table.key.len())).max(1),
            _ => changes.len(),
        };
        for changes in changes.chunks(chunk) {
            let all = Predicate::always();
            let command = sql::write::update(self.catalog(), table.id, columns, changes, &all, &self.bindings())?;
            let rows = self.run_update(table, columns, changes, &command).await?;
            if shows {
                after.add(table, &table.key, rows);
            }
        }
        if !shows {
            after = self.locate(table, &table.key, &keys, &Predicate::always(), false).await?;
        }
        for key in &asked {
            if let Some(image) = before.get(key) {
                after.respell(key.clone(), image.row_key(table));
            }
        }
        let before: Vec<RowImage> = keys.iter().filter_map(|key| before.get(key).cloned()).collect();
        self.note_updates(table, &before, &after);
        Ok(after)
    }

    async fn run_update(
        &self,
        table: &Table,
        columns: &[ColumnId],
        changes: &[sql::write::Change],
        command: &sql::write::Command,
    ) -> Result<crate::db::Rows, Error> {
        self.run(table, command).await.map_err(|error| {
            let alike = changes.iter().all(|change| change.values == changes[0].values);
            let rows: Vec<Vec<Value>> =
                changes.iter().take(if alike { 1 } else { 2 }).map(|it| it.values.clone()).collect();
            with_value(error, table, columns, &rows)
        })
    }

    fn note_updates(&self, table: &Table, before: &[RowImage], after: &Found) {
        let changes = before.iter().filter_map(|before| {
            let after = after.get(&before.row_key(table))?;
            Change::updated(table, before.clone(), after.clone())
        });
        self.changed(table, changes.collect::<Vec<_>>());
    }

    /// The rows with given values in `columns`, where `rows` holds.
    pub(super) async fn locate(
        &self,
        table: &Table,
        columns: &[ColumnId],
        keys: &[RowKey],
        rows: &Predicate,
        hold: bool,
    ) -> Result<Found, Error> {
        let mut found = Found::default();
        for keys in self.chunks_by(columns.len(), keys) {
            let bound = sql::write::locate(self.catalog(), table.id, columns, keys, rows, &self.bindings(), hold)?;
            found.add(table, columns, self.read(&bound).await?);
        }
        self.respell(table, columns, keys, &mut found).await?;
        Ok(found)
    }

    /// Keys, as many at a time as a statement takes.
    pub(super) fn chunks<'k>(&self, table: &Table, keys: &'k [RowKey]) -> std::slice::Chunks<'k, RowKey> {
        self.chunks_by(table.key.len(), keys)
    }

    fn chunks_by<'k>(&self, parts: usize, keys: &'k [RowKey]) -> std::slice::Chunks<'k, RowKey> {
        let size = match self.catalog().dialect {
            Dialect::MySql => MAX_PLACEHOLDERS / parts.next_power_of_two(),
            _ => keys.len(),
        };
        keys.chunks(size.max(1))
    }

    /// Tells which of the rows that were found are those of keys in another
    /// spelling, such as another case: only the database knows what is the same.
    async fn respell(
        &self,
        table: &Table,
        columns: &[ColumnId],
        keys: &[RowKey],
        found: &mut Found,
    ) -> Result<(), Error> {
        let asked: HashSet<&RowKey> = keys.iter().collect();
        let missing: Vec<&RowKey> = asked.iter().filter(|key| found.get(key).is_none()).copied().collect();
        // Rows that nobody asked for in their own spelling, or keys that look like one that was found.
        let are_strays = found.distinct() + missing.len() > asked.len();
        let alike: HashSet<RowKey> = match missing.is_empty() || are_strays {
            true => HashSet::new(),
            false => found.keys().map(|key| folded(key)).collect(),
        };
        for key in missing.into_iter().filter(|key| are_strays || alike.contains(&folded(key))) {
            let stored = match found.only_key().filter(|_| asked.len() == 1) {
                Some(stored) => Some(stored.clone()),
                None => {
                    let key = std::slice::from_ref(key);
                    let all = Predicate::always();
                    let bound =
                        sql::write::locate(self.catalog(), table.id, columns, key, &all, &self.bindings(), false)?;
                    let rows = Arc::new(self.read(&bound).await?);
                    let image = (!rows.is_empty()).then(|| RowImage::new(rows, 0, 0));
                    image.and_then(|image| group::values(table, columns, &image))
                }
            };
            if let Some(stored) = stored {
                found.respell(key.clone(), stored);
            }
        }
        Ok(())
    }
}

/// A key as those are the same that databases take for the same most often.
fn folded(key: &[Key]) -> RowKey {
    let part = |part: &Key| match part {
        Key::Text(text) => Key::Text(text.trim_end().to_lowercase().into()),
        other => other.clone(),
    };
    key.iter().map(part).collect()
}

/// A draft as far as its own row is concerned.
fn columns_only(draft: &Draft) -> Draft {
    Draft { columns: draft.columns.clone(), ..Draft::default() }
}

fn values(draft: &Draft, columns: &[ColumnId]) -> Vec<Value> {
    let value = |column: &ColumnId| draft.columns.iter().find(|(known, _)| known == column);
    columns.iter().map(|column| value(column).map_or(Value::Null, |(_, value)| value.clone())).collect()
}

pub(super) fn distinct(keys: Vec<RowKey>) -> Vec<RowKey> {
    let mut seen = HashSet::new();
    keys.into_iter().filter(|key| seen.insert(key.clone())).collect()
}

/// Alterations by number, so that no round has two of one row, and those of
/// one row come in their order.
fn rounds(keys: &[Vec<RowKey>]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<(Vec<usize>, HashSet<&[Key]>)> = Vec::new();
    for (at, keys) in keys.iter().enumerate() {
        let last_met = rounds.iter().rposition(|(_, known)| keys.iter().any(|key| known.contains(key.as_slice())));
        let round = last_met.map_or(0, |last| last + 1);
        if round == rounds.len() {
            rounds.push((Vec::new(), HashSet::new()));
        }
        rounds[round].0.push(at);
        rounds[round].1.extend(keys.iter().map(Vec::as_slice));
    }
    rounds.into_iter().map(|(members, _)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_same_row_comes_in_turn() {
        let key = |number| vec![Key::Int(number)];
        let keys = [vec![key(1)], vec![key(2)], vec![key(1), key(3)], vec![key(3)], vec![key(4)]];
        assert_eq!(rounds(&keys), [vec![0, 1, 4], vec![2], vec![3]]);
        assert_eq!(rounds(&[]), Vec::<Vec<usize>>::new());
    }
}
