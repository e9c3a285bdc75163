//! What is kept of writes: who did what, and what it changed, in the transaction
//! that does it (contract `system-tables.md` 9).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value as Json};

use super::work::{Accounted, Session};
use crate::{
    catalog::{ColumnId, Field, FieldKind, Table, TableId, Tracking},
    engine::Error,
    events::{Action, Change, RowImage},
    plan::write::key_json,
    predicate::{Rounding, Target},
    principal::Principal,
    sql,
    value::{Key, Value},
};

/// Longest text of a key that is kept: what is as long may have been longer.
pub(super) const LONGEST_KEY: usize = 255;

/// How many revisions are pointed to others by one statement.
const MOST_AT_ONCE: usize = 10_000;

/// The columns of a row in `directus_activity`, and in `directus_revisions`.
const ACTIVITY: [&str; 8] = ["action", "user", "timestamp", "ip", "user_agent", "origin", "collection", "item"];
const REVISION: [&str; 5] = ["activity", "collection", "item", "data", "delta"];

impl Session {
    /// Keeps what was written so far; those who wrote are told apart by `by`.
    /// What nobody in particular wrote, such as a job, is not kept.
    pub(super) async fn keep_account(&self, by: impl Fn(&Change) -> Arc<Principal>) -> Result<(), Error> {
        let (mut accounted, parents) = self.take_accounted();
        let Some(activity) = self.catalog().collection("directus_activity").filter(|_| !accounted.is_empty()) else {
            return Ok(());
        };
        // What is nested comes before what it is nested in.
        accounted.sort_by_key(|accounted| std::cmp::Reverse(accounted.depth));
        let by = |accounted: &Accounted| by(&accounted.change);
        accounted.retain(|accounted| is_somebody(&by(accounted)));
        if accounted.is_empty() {
            return Ok(());
        }
        let (columns, fields) = columns(activity, &ACTIVITY);
        let rows = accounted.iter().map(|accounted| {
            let told = self.activity(accounted, &by(accounted));
            fields.iter().zip(&columns).map(|(field, column)| self.value_of(activity, *column, &told[*field])).collect()
        });
        let kept = self.insert_rows(activity, &columns, rows.collect()).await?;
        self.keep_revisions(&accounted, &parents, &kept, activity).await
    }

    fn activity(&self, accounted: &Accounted, by: &Principal) -> Json {
        let change = &accounted.change;
        let agent = by.agent.as_deref();
        serde_json::json!({
            "action": change.action.as_str(),
            "user": by.user.as_deref(),
            "timestamp": "$NOW",
            "ip": by.ip.map(|ip| ip.to_string()),
            "user_agent": agent.and_then(|agent| agent.user_agent.as_deref()),
            "origin": agent.and_then(|agent| agent.origin.as_deref()),
            "collection": &*change.collection,
            "item": item(change),
        })
    }

    async fn keep_revisions(
        &self,
        accounted: &[Accounted],
        parents: &[(RowImage, RowImage)],
        kept: &[RowImage],
        activity: &Table,
    ) -> Result<(), Error> {
        let Some(revisions) = self.catalog().collection("directus_revisions") else { return Ok(()) };
        let (columns, fields) = columns(revisions, &REVISION);
        let (mut rows, mut of) = (Vec::new(), Vec::new());
        let mut relational: HashMap<TableId, Vec<ColumnId>> = HashMap::new();
        for (accounted, kept) in accounted.iter().zip(kept) {
            let change = &accounted.change;
            let table = self.catalog().table(change.table);
            let relational = relational.entry(table.id).or_insert_with(|| relational_columns(table));
            let Some((data, delta)) = revision(table, accounted, relational) else { continue };
            let told = serde_json::json!({
                "activity": key_json(&kept.row_key(activity)),
                "collection": &*change.collection,
                "item": item(change),
                "data": data,
                "delta": delta,
            });
            let values =
                fields.iter().zip(&columns).map(|(field, column)| self.value_of(revisions, *column, &told[*field]));
            rows.push(values.collect());
            of.push(change);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let kept = self.insert_rows(revisions, &columns, rows).await?;
        self.keep_parents(revisions, &of, parents, &kept).await
    }

    /// Points the revisions of what was nested to those of what it was nested in, which
    /// come after them.
    async fn keep_parents(
        &self,
        revisions: &Table,
        of: &[&Change],
        parents: &[(RowImage, RowImage)],
        kept: &[RowImage],
    ) -> Result<(), Error> {
        let parent = revisions.field("parent").and_then(|field| revisions.field_column(field));
        let Some(parent) = parent.filter(|_| !parents.is_empty()) else { return Ok(()) };
        // A row may be written several times, and each time as a part of another one.
        let image = |(at, change): (usize, &&Change)| Some((change.after.as_ref()?.identity(), at));
        let places: HashMap<_, usize> = of.iter().enumerate().filter_map(image).collect();
        let place = |image: &RowImage| places.get(&image.identity()).copied();
        let pair = |(child, parent): &(RowImage, RowImage)| Some((place(child)?, place(parent)?));
        // What was noted of one last is nearest to it.
        let within: BTreeMap<usize, usize> = parents.iter().filter_map(pair).filter(|(one, of)| one != of).collect();
        let change = |(child, parent): (usize, usize)| sql::write::Change {
            key: kept[child].row_key(revisions),
            values: kept[parent].row_key(revisions).into_iter().map(key_value).collect(),
        };
        let changes: Vec<_> = within.into_iter().map(change).collect();
        for changes in changes.chunks(MOST_AT_ONCE) {
            let command = sql::write::assign(self.catalog(), revisions.id, &[parent], changes)?;
            self.run(revisions, &command).await?;
        }
        Ok(())
    }

    fn value_of(&self, table: &Table, column: ColumnId, json: &Json) -> Value {
        let column = table.column(column);
        match json {
            Json::Null => Value::Null,
            Json::Object(_) | Json::Array(_) => Value::Text(json.to_string().into()),
            // Whose id is none for this column did it as nobody.
            json => Target::of(column, Rounding::Refuse).bind(json, self.bindings().now_micros).unwrap_or(Value::Null),
        }
    }
}

fn key_value(key: Key) -> Value {
    match key {
        Key::Int(number) => Value::Int(number),
        Key::Text(text) => Value::Text(text),
        Key::Bytes(bytes) => Value::Bytes(bytes),
    }
}

fn is_somebody(principal: &Principal) -> bool {
    principal.user.is_some() || principal.ip.is_some()
}

/// Those of some columns that a table has.
fn columns(table: &Table, names: &[&'static str]) -> (Vec<ColumnId>, Vec<&'static str>) {
    let column = |name: &&'static str| Some((table.field_column(table.field(name)?)?, *name));
    names.iter().filter_map(column).unzip()
}

fn item(change: &Change) -> String {
    let text = match key_json(&change.key) {
        Json::String(text) => text,
        other => other.to_string(),
    };
    text.chars().take(LONGEST_KEY).collect()
}

/// The columns that say which other rows are meant.
fn relational_columns(table: &Table) -> Vec<ColumnId> {
    let column = |field: &Field| match field.kind {
        FieldKind::ToOne(_, column) => column,
        FieldKind::ToAny(_, column) => Some(column),
        FieldKind::Column(_) | FieldKind::ToMany(_) => None,
    };
    table.fields.iter().filter_map(column).collect()
}

/// What a revision holds of a change: of a new item what was given, of a changed one
/// the item as it is then, and what was changed; none of what is gone, and of collections that want none.
fn revision(table: &Table, accounted: &Accounted, relational: &[ColumnId]) -> Option<(Json, Json)> {
    let Accounted { change, given, .. } = accounted;
    let after = change.after.as_ref().filter(|_| table.tracking == Tracking::All)?;
    let shown = after.to_json(table);
    let of = |wanted: &dyn Fn(ColumnId) -> bool| {
        let member = |column: &crate::catalog::Column| {
            let field = table.column_field(column.id);
            wanted(column.id).then(|| Some((field.to_owned(), shown.get(field)?.clone()))).flatten()
        };
        let members: Map<String, Json> = table.columns.iter().filter_map(member).collect();
        if members.is_empty() { Json::Null } else { Json::Object(members) }
    };
    match change.action {
        Action::Create => {
            let data = of(&|column| given.contains(&column) && !relational.contains(&column));
            Some((data.clone(), data))
        }
        Action::Update => {
            let delta = of(&|column| change.changed.contains(&column));
            (!delta.is_null()).then(|| (of(&|column| !relational.contains(&column)), delta))
        }
        Action::Delete => None,
    }
}
