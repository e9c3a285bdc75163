//! Mutations that nobody thought of, over what is there and what is not; a
//! good part of them wrong.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::{
    document::{Document, Field, Filter, Operation, Payload, to_many},
    state::{Cell, State, json as json_of},
    tables::{Column, Holds, Relation, STATUSES, TABLES, Table, table as table_named},
};
use crate::fuzz::Dice;

/// How deep payloads are nested.
const DEPTH: usize = 3;

/// Marks, the same in no two payloads.
pub struct Marks(i64);

impl Marks {
    pub fn new() -> Self {
        Self(0)
    }

    fn next(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

pub struct Generator<'a> {
    pub dice: &'a mut Dice,
    pub marks: &'a mut Marks,
    pub state: &'a State,
    /// The numbers of keys that the database made up.
    pub made: &'a HashMap<(&'static str, i64), i64>,
    /// Whether anything may be wrong on purpose.
    faulty: bool,
}

/// Whether a payload is for a new row or for one that is there.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Create,
    Update,
}

impl<'a> Generator<'a> {
    pub fn new(
        dice: &'a mut Dice,
        marks: &'a mut Marks,
        state: &'a State,
        made: &'a HashMap<(&'static str, i64), i64>,
    ) -> Self {
        let faulty = dice.once_in(2);
        Self { dice, marks, state, made, faulty }
    }

    pub fn document(&mut self) -> Document {
        let one_transaction = self.dice.once_in(3);
        let most = if one_transaction { 3 } else { 2 };
        let fields = (0..=self.dice.roll(most)).map(|_| self.field()).collect();
        Document { one_transaction, fields }
    }

    /// True now and then, if anything may be wrong.
    fn fault(&mut self, once_in: usize) -> bool {
        self.faulty && self.dice.once_in(once_in)
    }

    fn field(&mut self) -> Field {
        let table = self.dice.pick(TABLES);
        let operation = match self.dice.roll(20) {
            0..=2 => Operation::CreateItem(self.new_row(table, DEPTH)),
            3..=5 => Operation::CreateItems(self.several(|it| it.new_row(table, DEPTH))),
            6..=9 => {
                let key = self.key(table);
                Operation::UpdateItem(key.clone(), self.change(table, Some(&key)))
            }
            10..=11 => Operation::UpdateItems(self.several(|it| it.key(table)), self.change(table, None)),
            12..=13 => Operation::UpdateBatch(self.several(|it| {
                let mut key = it.key(table);
                key.extend(it.change(table, Some(&key.clone())));
                it.with_related_keys(table, key)
            })),
            14 => {
                let (filter, limit) = self.filter(table);
                Operation::UpdateWhere(filter, limit, self.change(table, None))
            }
            15 => {
                let (payload, on) = (self.upserted(table), self.on(table));
                Operation::UpsertItem(payload, on)
            }
            16 => {
                let (payloads, on) = (self.several(|it| it.upserted(table)), self.on(table));
                Operation::UpsertItems(payloads, on)
            }
            17 => Operation::DeleteItem(self.key(table)),
            18 => Operation::DeleteItems(self.several(|it| it.key(table))),
            _ => {
                let (filter, limit) = self.filter(table);
                Operation::DeleteWhere(filter, limit)
            }
        };
        Field { table, operation }
    }

    fn several<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.dice.roll(5)).map(|_| one(self)).collect()
    }

    /// Keys of a batch that are rows elsewhere, as objects.
    fn with_related_keys(&mut self, table: &Table, mut payload: Payload) -> Payload {
        for column in table.key.iter().filter(|column| table.target(column).is_some()) {
            if let Some(json) = payload.get_mut(*column).filter(|json| !json.is_object()) {
                *json = json!({ "id": json.take() });
            }
        }
        payload
    }

    /// A key's part as a document names it.
    fn name(&self, table: &Table, cell: &Cell) -> Json {
        let made = |number: &i64| self.made.get(&(table.name, *number));
        match cell {
            Cell::Number(number) => made(number).map_or(json!(number), |mark| json!(format!("@{mark}"))),
            other => json_of(other),
        }
    }

    /// The key of a row that is there, mostly.
    fn key(&mut self, table: &'static Table) -> Payload {
        let row = self.pick_row(table);
        let mut key = Payload::new();
        for column in table.key {
            let target = table.target(column).unwrap_or(table);
            let json = match &row {
                Some(row) => self.name(target, &row[column]),
                None => self.absent(table.column(column).expect("it is there")),
            };
            key.insert((*column).to_owned(), json);
        }
        if self.fault(12) {
            let column = *self.dice.pick(table.key);
            let column = table.column(column).expect("it is there");
            // Plain numbers must be some, keys need not.
            let is_id = table.auto || table.target(column.name).is_some();
            let json = if is_id && self.dice.once_in(2) { json!("x1") } else { self.absent(column) };
            key.insert(column.name.to_owned(), json);
        }
        key
    }

    fn pick_row(&mut self, table: &Table) -> Option<&'a super::state::Row> {
        let state: &'a State = self.state;
        let count = state.rows(table).count();
        if count == 0 {
            return None;
        }
        let at = self.dice.roll(count);
        state.rows(table).nth(at)
    }

    /// A key that no row has.
    fn absent(&mut self, column: &Column) -> Json {
        match column.holds {
            Holds::Number => json!(-self.marks.next()),
            Holds::Text => json!("nowhere"),
        }
    }

    /// A new row, its key its own or the database's.
    fn new_row(&mut self, table: &'static Table, depth: usize) -> Payload {
        let mut payload = Payload::new();
        for column in table.key.iter().filter(|column| table.target(column).is_none()) {
            let json = match table.auto {
                true if self.fault(15) => self.key(table)[*column].clone(),
                true if self.dice.once_in(4) => self.absent(table.column(column).expect("it is there")),
                true => continue,
                false => self.place(column),
            };
            payload.insert((*column).to_owned(), json);
        }
        self.fill(table, &mut payload, Use::Create, depth);
        payload
    }

    fn place(&mut self, column: &str) -> Json {
        match column {
            "place" => json!(*self.dice.pick(&["a", "b", "c"])),
            _ => json!(self.dice.roll(if self.faulty { 4 } else { 60 })),
        }
    }

    /// The columns of a new row and what is around it.
    fn fill(&mut self, table: &'static Table, payload: &mut Payload, of: Use, depth: usize) {
        for column in table.columns.iter().filter(|column| !table.is_key(column.name)) {
            if table.target(column.name).is_some() {
                continue;
            }
            // What a new row must have can be missing only if a key is given.
            let has_key = table.key.iter().all(|key| payload.contains_key(*key));
            let is_left_out = match of {
                Use::Create if column.nullable => column.name != "mark" && self.dice.once_in(2),
                Use::Create => has_key && table.auto && self.fault(6),
                Use::Update => column.name == "mark" || self.dice.once_in(2),
            };
            if !is_left_out {
                let json = self.value(table, column, of);
                payload.insert(column.name.to_owned(), json);
            }
        }
        self.relate(table, payload, of, depth);
    }

    fn value(&mut self, table: &'static Table, column: &Column, of: Use) -> Json {
        if column.name == "mark" {
            return json!(self.marks.next());
        }
        if column.nullable && self.dice.once_in(5) || of == Use::Update && self.fault(10) {
            return Json::Null;
        }
        // The same again changes nothing, or breaks a unique key.
        let is_unique = table.unique.contains(&column.name);
        let again = if is_unique { self.fault(5) } else { self.dice.once_in(4) };
        if let Some(row) = again.then(|| self.pick_row(table)).flatten() {
            return json_of(&row[column.name]);
        }
        match column.holds {
            Holds::Number if self.fault(6) => json!(-1),
            Holds::Number => json!(self.dice.roll(5)),
            Holds::Text if !column.allowed.is_empty() => match self.fault(8) {
                true => json!("lost"),
                false => json!(*self.dice.pick(STATUSES)),
            },
            Holds::Text if self.fault(15) => json!("ü".repeat(column.length + 1)),
            Holds::Text => json!(format!("{}{}", &column.name[..1], self.marks.next())),
        }
    }

    /// What a row points to and what points to it.
    fn relate(&mut self, table: &'static Table, payload: &mut Payload, of: Use, depth: usize) {
        for relation in table.relations {
            let Relation::ToOne { column, to, .. } = *relation else { continue };
            let must = of == Use::Create && !table.column(column).is_some_and(|column| column.nullable);
            let must = must && !self.fault(8);
            if payload.contains_key(column) || !(must || depth > 0 && self.dice.once_in(3)) {
                continue;
            }
            let json = match self.dice.roll(8) {
                0 if !must => Json::Null,
                _ => Json::Object(self.related(table_named(to), depth)),
            };
            payload.insert(column.to_owned(), json);
        }
        if depth == 0 || !self.dice.once_in(2) {
            return;
        }
        // Two fields over the same rows would contradict each other.
        let ways: Vec<Relation> = to_many(table).collect();
        if ways.is_empty() {
            return;
        }
        let way = *self.dice.pick(&ways);
        let json = match self.dice.roll(8) {
            0 => Json::Null,
            _ => self.set(table, payload, way, depth - 1),
        };
        payload.insert(way.field().to_owned(), json);
    }

    /// A row that is there, with or without changes, or a new one.
    fn related(&mut self, target: &'static Table, depth: usize) -> Payload {
        let depth = depth.saturating_sub(1);
        if self.dice.once_in(3) {
            return self.new_row(target, depth);
        }
        let mut payload = self.key(target);
        if self.fault(8) {
            // A new row with nothing but its key.
            payload = target
                .key
                .iter()
                .map(|column| ((*column).to_owned(), self.absent(target.column(column).expect("it is there"))))
                .collect();
        }
        let is_known = self.pick_row(target).is_some();
        if !is_known || self.dice.once_in(3) {
            // It may turn out to be a new row, so it has all that one needs.
            self.fill(target, &mut payload, Use::Create, depth);
        }
        payload
    }

    /// The rows that shall point to a row.
    fn set(&mut self, table: &'static Table, payload: &Payload, way: Relation, depth: usize) -> Json {
        let mut items = Vec::new();
        match way {
            Relation::ToOne { .. } => {}
            Relation::Pairs { to, .. } => {
                items.extend(self.several(|it| Json::Object(it.related(table_named(to), depth))));
            }
            Relation::ToMany { child, column, .. } => {
                let child = table_named(child);
                // Those that are there now, so that not all sets let go of some.
                if self.dice.roll(4) > 0 {
                    items.extend(self.current(table, payload, child, column));
                }
                items.extend(self.several(|it| Json::Object(it.child(child, column, depth))));
            }
        }
        Json::Array(items)
    }

    fn current(&mut self, table: &'static Table, parent: &Payload, child: &'static Table, column: &str) -> Vec<Json> {
        let Some(parent) = parent.get(table.key[0]) else { return Vec::new() };
        let rows: Vec<_> = self.state.rows(child).filter(|row| self.name(table, &row[column]) == *parent).collect();
        let key = |row: &super::state::Row| {
            let parts = child.key.iter().filter(|part| **part != column).map(|part| {
                let json = self.name(child.target(part).unwrap_or(child), &row[part]);
                let json = if child.target(part).is_some() { json!({ "id": json }) } else { json };
                ((*part).to_owned(), json)
            });
            Json::Object(parts.collect())
        };
        rows.into_iter().map(key).collect()
    }

    /// A row that shall point to its parent by a column, which it does not give.
    fn child(&mut self, child: &'static Table, column: &str, depth: usize) -> Payload {
        let mut payload = match self.dice.once_in(2) {
            true => self.new_row(child, depth),
            false => {
                let mut payload = self.key(child);
                if self.pick_row(child).is_none() || self.dice.once_in(2) {
                    self.fill(child, &mut payload, Use::Create, depth);
                }
                self.with_related_keys(child, payload)
            }
        };
        payload.remove(column);
        payload
    }

    /// What is to be changed of a row.
    fn change(&mut self, table: &'static Table, key: Option<&Payload>) -> Payload {
        let mut payload = key.cloned().unwrap_or_default();
        self.fill(table, &mut payload, Use::Update, DEPTH);
        if !self.dice.once_in(6) {
            payload.retain(|name, json| !table.is_key(name) || json.is_object());
        } else {
            payload = self.with_related_keys(table, payload);
        }
        payload
    }

    fn upserted(&mut self, table: &'static Table) -> Payload {
        let mut payload = match self.dice.once_in(2) {
            true => self.new_row(table, DEPTH),
            false => {
                let key = self.key(table);
                let mut payload = self.with_related_keys(table, key);
                self.fill(table, &mut payload, Use::Create, DEPTH);
                payload
            }
        };
        if let (Some(column), true) = (table.unique.first(), self.dice.once_in(3))
            && let Some(row) = self.pick_row(table)
        {
            payload.insert((*column).to_owned(), json_of(&row[column]));
        }
        payload
    }

    fn on(&mut self, table: &'static Table) -> Option<Vec<&'static str>> {
        match self.dice.roll(3) {
            0 => None,
            1 => Some(table.key.to_vec()),
            _ => Some(table.unique.first().map_or(table.key.to_vec(), |column| vec![*column])),
        }
    }

    fn filter(&mut self, table: &'static Table) -> (Filter, usize) {
        let limit = if self.dice.once_in(2) { 100 } else { self.dice.roll(4) };
        let pointing: Vec<Relation> =
            table.relations.iter().copied().filter(|relation| matches!(relation, Relation::ToOne { .. })).collect();
        if (!table.has_mark() || self.dice.once_in(3)) && !pointing.is_empty() {
            let Relation::ToOne { column, to, .. } = *self.dice.pick(&pointing) else { unreachable!("it is to one") };
            let key = self.key_of_any(table_named(to));
            return (Filter::PointsTo(column, key), limit);
        }
        if table.column("status").is_some() && self.dice.once_in(2) {
            return (Filter::Is("status", json!(*self.dice.pick(STATUSES))), limit);
        }
        let low = self.dice.roll(self.marks.0 as usize + 1) as i64;
        (Filter::Marks(low, low + self.dice.roll(60) as i64), limit)
    }

    /// A well-formed key.
    fn key_of_any(&mut self, table: &'static Table) -> Json {
        match self.pick_row(table) {
            Some(row) => self.name(table, &row["id"]),
            None => self.absent(table.column("id").expect("it is there")),
        }
    }
}
