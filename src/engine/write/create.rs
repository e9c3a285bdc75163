//! New rows, level by level: what they point to first, then the rows
//! themselves in one statement for all that are given the same columns, then
//! what points to them.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value as Json;

use super::{super::heard::Verb, group::by_columns, work::Session};
use crate::{
    catalog::{ColumnId, Table, Tracking},
    engine::Error,
    events::RowImage,
    hooks::Meta,
    plan::write::{Draft, Fault, Given, Payload, RowKey, WriteAction, forbidden, key_json},
    predicate::Predicate,
    sql::{self, Bound},
    value::{Key, Value},
};

impl Session {
    /// Creates rows; their images in the order of `payloads`.
    ///
    /// Where filters listen, rows are made one after another, so that a filter
    /// sees those before it (contract `extensions.md` 10).
    pub(super) fn create<'a>(
        &'a self,
        table: &'a Table,
        payloads: Vec<Given<'a>>,
    ) -> BoxFuture<'a, Result<Vec<RowImage>, Error>> {
        async move {
            self.caller.access.create(table.id).ok_or_else(|| forbidden(table))?;
            self.count(payloads.len())?;
            if payloads.is_empty() {
                return Ok(Vec::new());
            }
            let Some(heard) = self.filtered(table, Verb::Create) else {
                return self.create_level(table, payloads).await;
            };
            let mut images = Vec::with_capacity(payloads.len());
            for payload in payloads {
                let filtered = self.filter(heard, table, Json::Object(payload.into_owned()), None).await?;
                images.extend(self.create_level(table, vec![Given::Owned(object(filtered)?)]).await?);
            }
            Ok(images)
        }
        .boxed()
    }

    async fn create_level(&self, table: &Table, payloads: Vec<Given<'_>>) -> Result<Vec<RowImage>, Error> {
        let heard = self.told(table, Verb::Create);
        let told = payloads.iter().filter_map(|payload| Some((heard?, self.slot(), Payload::clone(payload))));
        let told: Vec<_> = told.collect();
        let catalog = self.catalog();
        let (access, bindings) = (&self.caller.access, self.bindings());
        let draft = |payload| Draft::new(catalog, access, table, WriteAction::Create, payload, &bindings);
        let mut drafts = payloads.into_iter().map(draft).collect::<Result<Vec<_>, _>>()?;
        let given = given(table, &drafts);
        let linked = self.link(table, &mut drafts).await?;
        self.guard(table, WriteAction::Create, &mut drafts, &[]).await?;
        self.complete(table, WriteAction::Create, &mut drafts).await?;
        drafts.iter().try_for_each(|draft| draft.check_complete(table))?;
        let images = self.insert(table, &drafts).await?;
        self.created(table, &images, given);
        self.note_linked(linked, |at| images.get(at));
        let parents = images.iter().cloned().zip(drafts.iter_mut().map(|draft| std::mem::take(&mut draft.to_many)));
        self.save_related(table, parents.collect(), true).await?;
        for ((heard, slot, payload), image) in told.into_iter().zip(&images) {
            let meta = Meta::new().with("payload", Json::Object(payload)).with("key", key_json(&image.row_key(table)));
            self.tell(slot, heard, table, meta);
        }
        Ok(images)
    }

    /// One statement for all rows that are given the same columns.
    async fn insert(&self, table: &Table, drafts: &[Draft]) -> Result<Vec<RowImage>, Error> {
        let mut images: Vec<Option<RowImage>> = vec![None; drafts.len()];
        for (columns, members) in by_columns(drafts) {
            let rows = members.iter().map(|at| values(&drafts[*at], &columns)).collect();
            let found = self.insert_rows(table, &columns, rows).await?;
            for (image, at) in found.into_iter().zip(members) {
                images[at] = Some(image);
            }
        }
        Ok(images.into_iter().map(|image| image.expect("every draft is in one group")).collect())
    }

    /// Rows with values for `columns`; their images in the order of `rows`.
    pub(super) async fn insert_rows(
        &self,
        table: &Table,
        columns: &[ColumnId],
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<RowImage>, Error> {
        let mut images = Vec::with_capacity(rows.len());
        let mut left = &rows[..];
        for command in sql::write::insert(self.catalog(), table.id, columns, &rows)? {
            let given;
            (given, left) = left.split_at(command.rows);
            let found = self.run_insert(table, &command, columns, given).await?;
            if found.len() != command.rows {
                tracing::error!(table = table.name, "rows that were inserted did not come back");
                return Err(Error::Internal);
            }
            images.extend(found);
        }
        self.raise_sequence(table, columns, &rows).await?;
        Ok(images)
    }

    /// A key that was given instead of drawn from its sequence must not be
    /// drawn later.
    async fn raise_sequence(&self, table: &Table, columns: &[ColumnId], rows: &[Vec<Value>]) -> Result<(), Error> {
        let Some(at) = columns.iter().position(|column| table.column(*column).auto_increment) else { return Ok(()) };
        let given = rows.iter().filter_map(|row| match row[at] {
            Value::Int(number) => Some(number),
            _ => None,
        });
        let Some(highest) = given.max() else { return Ok(()) };
        match sql::write::raise_sequence(self.catalog(), table.id, columns[at], highest) {
            Some(bound) => self.read(&bound).await.map(drop),
            None => Ok(()),
        }
    }

    async fn run_insert(
        &self,
        table: &Table,
        command: &sql::write::Command,
        columns: &[ColumnId],
        rows: &[Vec<Value>],
    ) -> Result<Vec<RowImage>, Error> {
        let returned = self.run(table, command).await.map_err(|error| with_value(error, table, columns, rows))?;
        if !self.catalog().inserts_return {
            let keys = self.inserted_keys(table, command, columns, rows).await?;
            return self.images_of(table, &keys).await;
        }
        let rows = Arc::new(returned);
        let images: Vec<RowImage> = (0..rows.len()).map(|row| RowImage::new(rows.clone(), row, 0)).collect();
        if table.triggers {
            // What a trigger did after the row was written is not given back.
            let keys: Vec<RowKey> = images.iter().map(|image| image.row_key(table)).collect();
            return self.images_of(table, &keys).await;
        }
        Ok(images)
    }

    /// The keys of rows that did not come back (MySQL): as they were given, or
    /// counted up from the first of the statement.
    async fn inserted_keys(
        &self,
        table: &Table,
        command: &sql::write::Command,
        columns: &[ColumnId],
        rows: &[Vec<Value>],
    ) -> Result<Vec<RowKey>, Error> {
        let places: Option<Vec<usize>> =
            table.key.iter().map(|key| columns.iter().position(|column| column == key)).collect();
        if let Some(places) = places {
            let part = |value: &Value| match value {
                Value::Int(number) => Key::Int(*number),
                Value::Bool(truth) => Key::Int(i64::from(*truth)),
                Value::Bytes(bytes) => Key::Bytes(bytes.clone()),
                Value::Text(text) => Key::Text(text.clone()),
                other => Key::Text(format!("{other:?}").into()),
            };
            return Ok(rows.iter().map(|row| places.iter().map(|at| part(&row[*at])).collect()).collect());
        }
        let [key] = table.key[..] else { return Err(unknown_key(table)) };
        if !table.column(key).auto_increment {
            return Err(unknown_key(table));
        }
        let bound = Bound { text: sql::write::LAST_INSERT_ID.into(), values: Vec::new() };
        let ids = self.read(&bound).await?;
        let number = |column| match ids.key(0, column, &crate::catalog::ColumnType::BigInteger) {
            Some(Key::Int(number)) => Ok(number),
            _ => Err(Error::Internal),
        };
        let (first, step) = (number(0)?, number(1)?);
        Ok((0..command.rows as i64).map(|at| vec![Key::Int(first + at * step)]).collect())
    }

    /// The images of rows that are known to be there, in the order of `keys`.
    pub(super) async fn images_of(&self, table: &Table, keys: &[RowKey]) -> Result<Vec<RowImage>, Error> {
        let found = self.locate(table, &table.key, keys, &Predicate::always(), false).await?;
        let mut images = Vec::with_capacity(keys.len());
        for key in keys {
            let image = found.get(key);
            images.push(image.cloned().ok_or_else(|| {
                tracing::error!(table = table.name, "a row that was just written cannot be found again");
                Error::Internal
            })?);
        }
        Ok(images)
    }
}

/// The columns that values were given for, where that is kept of a table.
fn given(table: &Table, drafts: &[Draft]) -> Option<Vec<Arc<[ColumnId]>>> {
    (table.tracking == Tracking::All).then_some(())?;
    let mut last: Arc<[ColumnId]> = Arc::default();
    let of = |draft: &Draft| {
        let columns = || draft.columns.iter().map(|(column, _)| *column);
        // Mostly they are the same for all.
        if !columns().eq(last.iter().copied()) {
            last = columns().collect();
        }
        last.clone()
    };
    Some(drafts.iter().map(of).collect())
}

fn unknown_key(table: &Table) -> Error {
    let keys: Vec<&str> = table.key.iter().map(|column| table.column_field(*column)).collect();
    let (keys, collection) = (keys.join("`, `"), &table.collection);
    Fault::Payload(format!("`{keys}` of `{collection}` must be given: this database does not tell what it made up"))
        .into()
}

fn values(draft: &Draft, columns: &[ColumnId]) -> Vec<Value> {
    let value = |column: &ColumnId| draft.columns.iter().find(|(known, _)| known == column);
    columns.iter().map(|column| value(column).map_or(Value::Null, |(_, value)| value.clone())).collect()
}

/// A payload must still be an object when the filters are through with it.
pub(in crate::engine) fn object(json: Json) -> Result<Payload, Error> {
    match json {
        Json::Object(payload) => Ok(payload),
        other => {
            let kind = match other {
                Json::Array(_) => "a list",
                Json::Null => "null",
                _ => "a scalar",
            };
            Err(Fault::Payload(format!("an item is an object, not {kind}")).into())
        }
    }
}

/// Adds the value that broke a constraint where only one can have.
pub(super) fn with_value(error: Error, table: &Table, columns: &[ColumnId], rows: &[Vec<Value>]) -> Error {
    let Error::Broken(mut broken) = error else { return error };
    let is_own = broken.collection.as_ref() == Some(&table.collection);
    if broken.kind == crate::db::ViolationKind::ForeignKey && is_own && broken.field.is_none() {
        // SQLite does not say which; where only one is given, it is that one.
        let mut keys = columns.iter().filter(|column| {
            table.fields.iter().any(
                |field| matches!(field.kind, crate::catalog::FieldKind::ToOne(_, Some(known)) if known == **column),
            )
        });
        if let (Some(column), None) = (keys.next(), keys.next()) {
            broken.field = Some(table.column_field(*column).to_owned());
        }
    }
    let at = columns.iter().position(|column| is_own && broken.field.as_deref() == Some(table.column_field(*column)));
    if let (Some(at), [row]) = (at, rows) {
        broken.value = match &row[at] {
            Value::Text(text) => Some(Json::from(&**text)),
            Value::Int(number) => Some(Json::from(*number)),
            Value::Float(number) => Some(Json::from(*number)),
            Value::Bool(truth) => Some(Json::from(*truth)),
            _ => None,
        };
    }
    Error::Broken(broken)
}
