//! Changes as they are told: whether they are about rows that somebody follows,
//! and their texts. A burst of them is read together.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::join_all;

use super::{
    Answer, Caller, ChangeMember, ChangeValue, ChangesRoot, Engine, Error, Node, Root, Variables, Watch,
    batch::{Batch, KeySet},
    encode::{self, RowAt},
    heard::Verb,
    levels::{self, Level, Source, Span},
    write::key_text,
};
use crate::{
    catalog::{Catalog, Column, ColumnId, ColumnType, TableId},
    engine::Consistency,
    events::{ChangeEvent, RowImage},
    plan::write::RowKey,
    predicate::Row,
    sql::{Arguments, JudgeStatement, ReadStatement},
    value::{Key, Value, json, time},
};

/// Values that are given to one statement at most: MySQL counts them with 16
/// bits, and fills a list up to the next power of two.
const MAX_VALUES: usize = 32_768;

/// Keys that are looked up at a time.
const MAX_KEYS: usize = 1_000;

/// What a change did to the set of rows that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The row came into it.
    Enter,
    /// The row left it.
    Leave,
}

/// A change that is to be told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The change.
    pub event: Arc<ChangeEvent>,
    /// Whether an update moved the row into the set or out of it.
    pub transition: Option<Transition>,
    /// Whether it is no change, but a row that was there.
    pub snapshot: bool,
    /// Whether everything before it has been told, so that one can resume from it.
    pub is_resumable: bool,
}

impl Told {
    /// The row to be shown: none of those that are gone.
    fn shown(&self) -> Option<&RowImage> {
        self.event.after.as_ref().filter(|_| self.transition != Some(Transition::Leave))
    }
}

impl Row for RowImage {
    fn value(&self, column: &Column) -> Option<Key> {
        let value = self.key(column.id, &column.column_type)?;
        Some(match (&column.column_type, &value) {
            (ColumnType::Boolean, Key::Text(text)) => Key::Int(i64::from(&**text == "true")),
            _ => value,
        })
    }
}

/// What is shown of a row.
enum Shown {
    /// It is gone.
    Null,
    /// It cannot be seen any more: nothing is told.
    Nothing,
    Text(Vec<u8>, Vec<encode::FieldError>),
    Failed(Error),
}

impl Engine {
    /// The catalog.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The variables of an operation that goes on, at the present.
    fn at_present(&self, variables: &Variables) -> Variables {
        Variables { now_micros: self.clock.now_micros(), ..variables.clone() }
    }

    /// Of which rows a condition holds, by their values, with other rows as they
    /// are now.
    ///
    /// # Errors
    /// When the database does not say.
    pub async fn judge(
        &self,
        table: TableId,
        judge: &JudgeStatement,
        variables: &Variables,
        images: &[&RowImage],
    ) -> Result<Vec<bool>, Error> {
        let table = self.catalog.table(table);
        let source = Source::new(self, Consistency::Statement);
        let variables = self.at_present(variables);
        let _turn = self.watching.acquire().await;
        let mut holds = vec![false; images.len()];
        let most = (MAX_VALUES / judge.columns.len().max(1)).max(1);
        for (images, holds) in images.chunks(most).zip(holds.chunks_mut(most)) {
            let value =
                |image: &RowImage, column: &ColumnId| image.to_value(*column, &table.column(*column).column_type);
            let row = |image: &&RowImage| judge.columns.iter().map(|column| value(image, column)).collect();
            let rows: Vec<Vec<Value>> = images.iter().map(row).collect();
            let arguments = Arguments { rows: &rows, ..Arguments::new(variables.bindings()) };
            let found = source.fetch(&judge.statement, &arguments).await?;
            for at in 0..found.len() {
                let Some(Key::Int(number)) = found.key(at, 0, &ColumnType::BigInteger) else {
                    return Err(Error::Internal);
                };
                // MySQL's list is filled up with rows of nulls.
                if let Some(holds) = usize::try_from(number).ok().and_then(|number| holds.get_mut(number)) {
                    *holds = true;
                }
            }
        }
        Ok(holds)
    }

    /// Whole rows as they are now, of those keys that belong to the set.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn images(
        &self,
        watch: &Watch,
        variables: &Variables,
        keys: Vec<RowKey>,
    ) -> Result<Vec<RowImage>, Error> {
        let source = Source::new(self, Consistency::Statement);
        let variables = self.at_present(variables);
        let mut images = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let _turn = self.watching.acquire().await;
            let arguments = Arguments::of_keys(variables.bindings(), keys);
            let rows = Arc::new(source.fetch(&watch.rows.statement, &arguments).await?);
            images.extend((0..rows.len()).map(|row| RowImage::new(rows.clone(), row, 0)));
        }
        Ok(images)
    }

    /// The rows there are now, in the order of their keys.
    ///
    /// # Errors
    /// When they cannot be read, or are too many to be told at once.
    pub async fn snapshot(
        &self,
        changes: &ChangesRoot,
        statement: &ReadStatement,
        variables: &Variables,
    ) -> Result<Vec<RowImage>, Error> {
        let source = Source::new(self, Consistency::Statement);
        let _turn = self.watching.acquire().await;
        let variables = self.at_present(variables);
        let arguments = Arguments::new(variables.bindings());
        let rows = Arc::new(source.fetch(&statement.statement, &arguments).await?);
        if rows.len() > changes.most_rows as usize {
            let most = changes.most_rows;
            return Err(Error::Invalid(format!("more than {most} items match: too many for a snapshot")));
        }
        Ok((0..rows.len()).map(|row| RowImage::new(rows.clone(), row, 0)).collect())
    }

    /// All rows that a condition holds for now.
    ///
    /// # Errors
    /// When they cannot be read, or are too many to be kept.
    pub async fn members(
        &self,
        table: TableId,
        watch: &Watch,
        variables: &Variables,
    ) -> Result<HashSet<RowKey>, Error> {
        let source = Source::new(self, Consistency::Statement);
        let _turn = self.watching.acquire().await;
        let variables = self.at_present(variables);
        let arguments = Arguments::new(variables.bindings());
        let rows = Arc::new(source.fetch(&watch.all.statement, &arguments).await?);
        if rows.len() > watch.most as usize {
            return Err(watch.too_many());
        }
        let types = self.catalog.table(table);
        let key = |row| {
            let part = |(cell, column): (usize, _)| rows.key(row, cell, &types.column(column).column_type);
            types.key.iter().copied().enumerate().map(part).collect::<Option<RowKey>>()
        };
        Ok((0..rows.len()).filter_map(key).collect())
    }

    /// Aggregates that are followed, as they are now.
    pub async fn live_aggregate(&self, caller: &Caller, roots: &[Root], variables: &Variables) -> Answer {
        let _turn = self.watching.acquire().await;
        self.read(caller, roots, &self.at_present(variables)).await
    }

    /// Whether hooks have a say in what some root fields read, so that it may be
    /// another for each caller.
    pub fn has_listeners(&self, roots: &[Root]) -> bool {
        self.are_told(roots) || self.filters_queries(roots)
    }

    /// Whether hooks narrow or change what is read of a table. Nobody can say what
    /// they would make of a single change.
    pub fn filters_reads(&self, table: TableId) -> bool {
        [Verb::Query, Verb::Read].into_iter().any(|verb| self.listeners.filtered(table, verb).is_some())
    }

    /// The texts of changes, each an answer of its own; `None` for a row that
    /// cannot be seen any more. A later change tells what has become of it.
    pub async fn tell(
        &self,
        root: &Root,
        changes: &ChangesRoot,
        variables: &Variables,
        told: &[Told],
    ) -> Vec<Option<Answer>> {
        let source = Source::new(self, Consistency::Statement);
        let variables = &self.at_present(variables);
        let nodes = changes.members.iter().map(|member| async {
            match &member.value {
                ChangeValue::Data(node) => self.shown(&source, root, member, changes, node, variables, told).await,
                _ => Vec::new(),
            }
        });
        let mut shown = join_all(nodes).await;
        let answer = |at: usize| {
            let mut rows: Vec<Option<Shown>> = shown
                .iter_mut()
                .map(|column| column.get_mut(at).map(|shown| std::mem::replace(shown, Shown::Null)))
                .collect();
            let mut read = rows.iter().flatten().peekable();
            if read.peek().is_some() && read.all(|row| matches!(row, Shown::Nothing)) {
                return None;
            }
            Some(self.write_change(root, changes, &told[at], &mut rows))
        };
        (0..told.len()).map(answer).collect()
    }

    fn write_change(&self, root: &Root, changes: &ChangesRoot, told: &Told, rows: &mut [Option<Shown>]) -> Answer {
        let event = &told.event;
        let mut answer = Answer { body: Vec::with_capacity(256), errors: Vec::new() };
        let out = &mut answer.body;
        out.extend_from_slice(encode::DATA);
        out.push(b'{');
        json::write_string(out, &root.key);
        out.extend_from_slice(b":{");
        for (at, member) in changes.members.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&member.prefix);
            match &member.value {
                ChangeValue::Key => json::write_string(out, &key_text(&event.key)),
                ChangeValue::Event if told.snapshot => out.extend_from_slice(b"null"),
                ChangeValue::Event => json::write_string(out, event.action.as_str()),
                ChangeValue::Snapshot => out.extend_from_slice(if told.snapshot { b"true" } else { b"false" }),
                ChangeValue::Transition => match told.transition {
                    Some(Transition::Enter) => out.extend_from_slice(b"\"enter\""),
                    Some(Transition::Leave) => out.extend_from_slice(b"\"leave\""),
                    None => out.extend_from_slice(b"null"),
                },
                ChangeValue::Position if !told.is_resumable => out.extend_from_slice(b"\"\""),
                ChangeValue::Position => json::write_string(out, &event.position.to_string()),
                ChangeValue::Time if told.snapshot => out.extend_from_slice(b"null"),
                ChangeValue::Time => write_instant(out, event.at_micros),
                ChangeValue::Constant(text) => out.extend_from_slice(text),
                ChangeValue::Data(_) => match rows[at].take() {
                    Some(Shown::Text(text, errors)) => {
                        out.extend_from_slice(&text);
                        answer.errors.extend(errors);
                    }
                    Some(Shown::Failed(error)) => {
                        out.extend_from_slice(b"null");
                        answer.errors.push(encode::failure(&error, root, member));
                    }
                    Some(Shown::Null | Shown::Nothing) | None => out.extend_from_slice(b"null"),
                },
            }
        }
        out.extend_from_slice(b"}}");
        answer
    }

    #[expect(clippy::too_many_arguments, reason = "one call, of what `tell` has at hand")]
    async fn shown(
        &self,
        source: &Source<'_>,
        root: &Root,
        member: &ChangeMember,
        changes: &ChangesRoot,
        node: &Node,
        variables: &Variables,
        told: &[Told],
    ) -> Vec<Shown> {
        let limit = self.options.max_answer;
        let mut shown: Vec<Shown> = told.iter().map(|_| Shown::Null).collect();
        let images: Vec<(usize, &RowImage)> =
            told.iter().enumerate().filter_map(|(at, told)| Some((at, told.shown()?))).collect();
        if images.is_empty() {
            return shown;
        }
        if node.from_image && images.iter().all(|(_, image)| image.first() == 0) {
            for (at, image) in images {
                let batch = Batch::picked(image.rows().clone(), vec![image.row() as u32]);
                let level = levels::from_batch(source, node, batch, variables).await;
                let (text, errors) =
                    encode::row(node, &level, RowAt { batch: 0, row: 0, number: 0 }, root, member, limit);
                shown[at] = Shown::Text(text, errors);
            }
            return shown;
        }
        let table = self.catalog.table(changes.table);
        let Some(statement) = &node.statement else { return shown };
        let keys: Vec<RowKey> = images.iter().map(|(_, image)| image.row_key(table)).collect();
        let mut distinct = KeySet::default();
        let places: Vec<u32> = keys.into_iter().map(|key| distinct.add(key)).collect();
        let mut level = Level::default();
        match source.look_up(statement, variables, distinct.keys.clone()).await {
            Ok(batch) => levels::add_spans(&mut level, batch, &distinct.keys),
            Err(error) => {
                images.iter().for_each(|(at, _)| shown[*at] = Shown::Failed(error.clone()));
                return shown;
            }
        }
        levels::descend(source, node, &mut level, variables).await;
        for ((at, _), place) in images.iter().zip(places) {
            shown[*at] = match &level.spans[place as usize] {
                Span { batch, start, length: 1.., base } => {
                    let at = RowAt { batch: *batch, row: *start, number: *base as usize };
                    let (text, errors) = encode::row(node, &level, at, root, member, limit);
                    Shown::Text(text, errors)
                }
                _ => Shown::Nothing,
            };
        }
        shown
    }
}

fn write_instant(out: &mut Vec<u8>, micros: i64) {
    let mut text = Vec::with_capacity(24);
    match time::write_timestamp(&mut text, micros) {
        true => json::write_string(out, &String::from_utf8_lossy(&text)),
        false => out.extend_from_slice(b"null"),
    }
}
