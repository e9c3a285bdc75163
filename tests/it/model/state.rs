//! The rules of writing (contract `graphql.md` 7), as simple as they can be
//! said: maps of rows, one row after another.
//!
//! A faulty document is carried on with, to learn of everything that is wrong
//! with it: which of several faults is told is not the model's business.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value as Json;

use super::{
    document::{Document, Field, Filter, Operation, Payload},
    tables::{Column, Holds, OnDelete, Relation, TABLES, Table, table as table_named},
};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Number(i64),
    Text(String),
    /// A key that the database makes up, see [`made_number`].
    Made(i64),
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", json(self))
    }
}

/// Most rows that one payload makes.
const COPIES: i64 = 1_000;

/// Names a key that the database makes up: by the mark of the payload, and how
/// many rows the same payload has made before.
pub fn made_number(mark: i64, copy: i64) -> i64 {
    assert!(copy < COPIES, "a payload makes few rows");
    mark * COPIES + copy
}

pub type Key = Vec<Cell>;
pub type Row = BTreeMap<&'static str, Cell>;
pub type Code = &'static str;

const FORBIDDEN: Code = "FORBIDDEN";
const INVALID_QUERY: Code = "INVALID_QUERY";
const INVALID_PAYLOAD: Code = "INVALID_PAYLOAD";
const FAILED_VALIDATION: Code = "FAILED_VALIDATION";
const TOO_LONG: Code = "VALUE_TOO_LONG";
const NOT_UNIQUE: Code = "RECORD_NOT_UNIQUE";
const NOT_NULL: Code = "NOT_NULL_VIOLATION";
const FOREIGN_KEY: Code = "INVALID_FOREIGN_KEY";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Create,
    Update,
    Delete,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub table: &'static str,
    pub action: Action,
    pub key: Key,
    pub before: Option<Row>,
    pub after: Option<Row>,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?} from {:?} to {:?}", self.action, self.table, self.key, self.before, self.after)
    }
}

/// What a root field is expected to answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// One row.
    Item(Row),
    /// Rows, in any order.
    Rows(Vec<Row>),
    /// Keys.
    Gone(Vec<Key>),
    /// One of these.
    Failed(BTreeSet<Code>),
}

/// What a document is expected to do.
#[derive(Debug, Default)]
pub struct Expected {
    /// What its root fields answer, as far as they are run.
    pub outcomes: Vec<Outcome>,
    /// Everything was undone, for one of these reasons and fields.
    pub undone: Option<BTreeSet<(usize, Code)>>,
    /// The events of each transaction that changed something.
    pub transactions: Vec<Vec<Event>>,
    /// What happens depends on the order in which the database looks at rows.
    pub is_ambiguous: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    rows: BTreeMap<&'static str, BTreeMap<Key, Row>>,
}

impl State {
    pub fn rows(&self, table: &Table) -> impl Iterator<Item = &Row> {
        self.rows.get(table.name).into_iter().flat_map(BTreeMap::values)
    }

    pub fn row(&self, table: &Table, key: &Key) -> Option<&Row> {
        self.rows.get(table.name)?.get(key)
    }

    fn all(&mut self, table: &Table) -> &mut BTreeMap<Key, Row> {
        self.rows.entry(table.name).or_default()
    }

    /// Puts in the keys that the database has made up.
    pub fn settle(&mut self, made: &impl Fn(i64) -> Option<i64>) {
        for table in TABLES {
            let rows = std::mem::take(self.all(table));
            for (_, mut row) in rows {
                settle(&mut row, made);
                self.all(table).insert(key_of(table, &row), row);
            }
        }
    }

    /// Runs a document.
    pub fn run(&mut self, document: &Document) -> Expected {
        if document.one_transaction { self.run_at_once(document) } else { self.run_each(document) }
    }

    fn run_each(&mut self, document: &Document) -> Expected {
        let mut expected = Expected::default();
        for field in &document.fields {
            let mut run = Run { state: self.clone(), ..Run::default() };
            let wrote = run.field(field);
            expected.is_ambiguous |= run.is_ambiguous();
            if !run.faults.is_empty() {
                expected.outcomes.push(Outcome::Failed(run.faults));
                if field.operation.is_non_null() {
                    break;
                }
                continue;
            }
            *self = run.state;
            expected.outcomes.push(self.answer(field, wrote));
            expected.transactions.extend(told(run.events));
        }
        expected
    }

    fn run_at_once(&mut self, document: &Document) -> Expected {
        let mut expected = Expected::default();
        let mut faults = BTreeSet::new();
        let mut wrote = Vec::new();
        let mut run = Run { state: self.clone(), ..Run::default() };
        for (at, field) in document.fields.iter().enumerate() {
            run.freed.clear();
            run.claimed.clear();
            wrote.push(run.field(field));
            expected.is_ambiguous |= run.is_ambiguous();
            faults.extend(std::mem::take(&mut run.faults).into_iter().map(|code| (at, code)));
        }
        if !faults.is_empty() {
            expected.undone = Some(faults);
            return expected;
        }
        *self = run.state;
        // Read back when all is done.
        expected.outcomes = document.fields.iter().zip(wrote).map(|(field, wrote)| self.answer(field, wrote)).collect();
        expected.transactions.extend(told(run.events));
        expected
    }

    fn answer(&self, field: &Field, wrote: Wrote) -> Outcome {
        let keys = match wrote {
            Wrote::Gone(keys) => return Outcome::Gone(keys),
            Wrote::Rows(keys) => keys,
        };
        let keys: BTreeSet<Key> = keys.into_iter().collect();
        let mut rows: Vec<Row> = keys.iter().filter_map(|key| self.row(field.table, key)).cloned().collect();
        match field.operation.is_item() {
            false => Outcome::Rows(rows),
            // Gone again within the transaction.
            true => rows.pop().map_or(Outcome::Failed([FORBIDDEN].into()), Outcome::Item),
        }
    }
}

/// What is told of a transaction, if anything: of each row from what it was before
/// to what it is after.
fn told(events: Vec<Event>) -> Option<Vec<Event>> {
    let mut told: Vec<Event> = Vec::new();
    for event in events {
        let is_known = |known: &Event| known.table == event.table && known.key == event.key && known.after.is_some();
        let Some(at) = told.iter().position(is_known).filter(|_| event.before.is_some()) else {
            told.push(event);
            continue;
        };
        let before = told.remove(at).before;
        let action = match (&before, &event.after) {
            (None, None) => continue,
            (None, Some(_)) => Action::Create,
            (Some(_), None) => Action::Delete,
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => Action::Update,
        };
        told.push(Event { action, before, ..event });
    }
    (!told.is_empty()).then_some(told)
}

pub fn settle(row: &mut Row, made: &impl Fn(i64) -> Option<i64>) {
    row.values_mut().for_each(|cell| settle_cell(cell, made));
}

fn settle_cell(cell: &mut Cell, made: &impl Fn(i64) -> Option<i64>) {
    if let Cell::Made(number) = cell {
        *cell = made(*number).map_or(cell.clone(), Cell::Number);
    }
}

impl Event {
    pub fn settle(&mut self, made: &impl Fn(i64) -> Option<i64>) {
        self.key.iter_mut().for_each(|cell| settle_cell(cell, made));
        self.before.iter_mut().chain(&mut self.after).for_each(|row| settle(row, made));
    }
}

impl Outcome {
    pub fn settle(&mut self, made: &impl Fn(i64) -> Option<i64>) {
        match self {
            Self::Item(row) => settle(row, made),
            Self::Rows(rows) => {
                rows.iter_mut().for_each(|row| settle(row, made));
                rows.sort();
            }
            Self::Gone(keys) => keys.iter_mut().flatten().for_each(|cell| settle_cell(cell, made)),
            Self::Failed(_) => {}
        }
    }
}

pub fn key_of(table: &Table, row: &Row) -> Key {
    table.key.iter().map(|column| row[column].clone()).collect()
}

/// A key as a client reads it.
pub fn key_text(key: &Key) -> String {
    let json = |cell: &Cell| match cell {
        Cell::Number(number) => Json::from(*number),
        Cell::Text(text) => Json::from(&**text),
        Cell::Null => Json::Null,
        Cell::Made(number) => Json::from(format!("@{number}")),
    };
    match &key[..] {
        [Cell::Text(text)] => text.clone(),
        [single] => json(single).to_string(),
        parts => parts.iter().map(json).collect::<Json>().to_string(),
    }
}

enum Wrote {
    Rows(Vec<Key>),
    Gone(Vec<Key>),
}

/// What becomes of keys that find no row.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Skip,
    Refuse,
}

/// A root field under way.
#[derive(Default)]
struct Run {
    state: State,
    faults: BTreeSet<Code>,
    events: Vec<Event>,
    /// Unique values that rows have given up, and those that rows wanted.
    freed: BTreeSet<(&'static str, Vec<&'static str>, Key)>,
    claimed: BTreeSet<(&'static str, Vec<&'static str>, Key)>,
    depends_on_order: bool,
    /// How many rows each payload has made, by its mark.
    copies: BTreeMap<i64, i64>,
}

/// A payload taken apart.
struct Draft {
    row: Row,
    to_one: Vec<(&'static str, &'static Table, Payload)>,
    to_many: ToMany,
}

type Alteration = (Vec<Key>, Payload);

type ToMany = Vec<(Relation, Vec<Payload>)>;

impl Run {
    fn fault(&mut self, code: Code) {
        self.faults.insert(code);
    }

    fn is_ambiguous(&self) -> bool {
        self.depends_on_order || self.freed.intersection(&self.claimed).next().is_some()
    }

    fn field(&mut self, field: &Field) -> Wrote {
        let table = field.table;
        Wrote::Rows(match &field.operation {
            Operation::CreateItem(payload) => self.create(table, vec![payload.clone()]),
            Operation::CreateItems(payloads) => self.create(table, payloads.clone()),
            Operation::UpsertItem(payload, on) => self.upsert(table, std::slice::from_ref(payload), on.as_deref()),
            Operation::UpsertItems(payloads, on) => self.upsert(table, payloads, on.as_deref()),
            Operation::UpdateItem(key, payload) => {
                let keys = self.keys(table, std::slice::from_ref(key));
                self.update(table, vec![(keys, payload.clone())], Missing::Refuse)
            }
            Operation::UpdateItems(keys, _) if keys.is_empty() => Vec::new(),
            Operation::UpdateItems(keys, payload) => {
                let keys = self.keys(table, keys);
                self.update(table, vec![(keys, payload.clone())], Missing::Skip)
            }
            Operation::UpdateBatch(payloads) => {
                let mut alterations = Vec::new();
                for payload in payloads {
                    match self.key(table, payload) {
                        Some(key) => alterations.push((vec![key], payload.clone())),
                        None => self.fault(INVALID_PAYLOAD),
                    }
                }
                self.update(table, alterations, Missing::Skip)
            }
            Operation::UpdateWhere(filter, limit, payload) => match self.matching(table, filter, *limit) {
                keys if keys.is_empty() => Vec::new(),
                keys => self.update(table, vec![(keys, payload.clone())], Missing::Refuse),
            },
            Operation::DeleteItem(key) => {
                let keys = self.keys(table, std::slice::from_ref(key));
                self.delete(table, &keys);
                return Wrote::Gone(keys);
            }
            Operation::DeleteItems(keys) => {
                let keys = self.keys(table, keys);
                self.delete(table, &keys);
                return Wrote::Gone(keys);
            }
            Operation::DeleteWhere(filter, limit) => {
                let keys = self.matching(table, filter, *limit);
                self.delete(table, &keys);
                return Wrote::Gone(keys);
            }
        })
    }

    fn keys(&mut self, table: &'static Table, keys: &[Payload]) -> Vec<Key> {
        keys.iter().filter_map(|key| self.key(table, key)).collect()
    }

    fn matching(&mut self, table: &'static Table, filter: &Filter, limit: usize) -> Vec<Key> {
        let holds = |row: &Row| match filter {
            Filter::Marks(low, high) => matches!(row["mark"], Cell::Number(mark) if (*low..=*high).contains(&mark)),
            Filter::Is(column, json) | Filter::PointsTo(column, json) => {
                Some(&row[column]) == cell(table.column(column).expect("it is there"), json).as_ref()
            }
        };
        let keys: Vec<Key> = self.state.rows(table).filter(|row| holds(row)).map(|row| key_of(table, row)).collect();
        if keys.len() > limit {
            self.fault(INVALID_QUERY);
        }
        keys
    }

    /// The key in a payload, if all of it is there.
    fn key(&mut self, table: &'static Table, payload: &Payload) -> Option<Key> {
        self.values(table, table.key, payload)
    }

    fn values(&mut self, table: &'static Table, columns: &[&str], payload: &Payload) -> Option<Key> {
        let mut key = Vec::new();
        for name in columns {
            let json = match payload.get(*name) {
                Some(Json::Object(related)) => related.get("id"),
                json => json,
            };
            let json = json.filter(|json| !json.is_null())?;
            match cell(table.column(name).expect("it is there"), json) {
                Some(cell) => key.push(cell),
                None => self.fault(FORBIDDEN),
            }
        }
        (key.len() == columns.len()).then_some(key)
    }

    fn draft(&mut self, table: &'static Table, payload: Payload, updates: bool) -> Draft {
        let mut draft = Draft { row: Row::new(), to_one: Vec::new(), to_many: Vec::new() };
        for (name, json) in payload {
            match (table.relation(&name), json) {
                (Some(Relation::ToOne { column, to, .. }), Json::Object(payload)) => {
                    draft.to_one.push((column, table_named(to), payload));
                }
                (Some(relation @ (Relation::ToMany { .. } | Relation::Pairs { .. })), json) => {
                    let items = match json {
                        Json::Array(items) => items,
                        _ => Vec::new(),
                    };
                    let payload = |json| match json {
                        Json::Object(payload) => payload,
                        other => panic!("no item: {other}"),
                    };
                    draft.to_many.push((relation, items.into_iter().map(payload).collect()));
                }
                (_, json) => {
                    let column = table.column(&name).expect("it is there");
                    // A key never changes.
                    if updates && table.is_key(column.name) {
                        continue;
                    }
                    let cell = self.value(column, &json, table.is_key(column.name));
                    draft.row.insert(column.name, cell);
                }
            }
        }
        draft
    }

    fn value(&mut self, column: &Column, json: &Json, is_key: bool) -> Cell {
        let Some(cell) = cell(column, json) else {
            assert!(is_key, "only keys are malformed");
            self.fault(FORBIDDEN);
            return Cell::Null;
        };
        match &cell {
            Cell::Null if !column.nullable => self.fault(FAILED_VALIDATION),
            Cell::Text(text) if text.chars().count() > column.length => self.fault(TOO_LONG),
            Cell::Text(text) if !column.allowed.is_empty() && !column.allowed.contains(&&**text) => {
                self.fault(FAILED_VALIDATION);
            }
            _ => {}
        }
        cell
    }

    /// New rows: what they point to, they themselves, what points to them.
    fn create(&mut self, table: &'static Table, payloads: Vec<Payload>) -> Vec<Key> {
        let mut drafts: Vec<Draft> = payloads.into_iter().map(|payload| self.draft(table, payload, false)).collect();
        self.link(table, &mut drafts, false);
        let keys: Vec<Key> =
            drafts.iter_mut().map(|draft| self.insert(table, std::mem::take(&mut draft.row))).collect();
        self.save_related(table, keys.iter().cloned().zip(drafts.into_iter().map(|draft| draft.to_many)).collect());
        keys
    }

    fn insert(&mut self, table: &'static Table, given: Row) -> Key {
        let mut row = Row::new();
        for column in table.columns {
            let cell = match (given.get(column.name), column.default) {
                (Some(cell), _) => cell.clone(),
                (None, Some(default)) => Cell::Text(default.to_owned()),
                (None, None) if column.nullable => Cell::Null,
                (None, None) if table.auto && table.is_key(column.name) => match given["mark"] {
                    Cell::Number(mark) => Cell::Made(made_number(mark, self.copy(mark))),
                    ref other => panic!("a row without a mark: {other:?}"),
                },
                (None, None) => {
                    self.fault(FAILED_VALIDATION);
                    Cell::Null
                }
            };
            row.insert(column.name, cell);
        }
        self.check_stored(table, &row);
        let key = key_of(table, &row);
        self.claim(table, &row, None);
        if self.state.row(table, &key).is_none() {
            self.state.all(table).insert(key.clone(), row.clone());
            let event =
                Event { table: table.name, action: Action::Create, key: key.clone(), before: None, after: Some(row) };
            self.events.push(event);
        }
        key
    }

    fn copy(&mut self, mark: i64) -> i64 {
        let copies = self.copies.entry(mark).or_default();
        *copies += 1;
        *copies - 1
    }

    /// What only the database refuses.
    fn check_stored(&mut self, table: &Table, row: &Row) {
        let is_broken =
            |column: &&Column| column.checked && matches!(row[column.name], Cell::Number(number) if number < 0);
        if table.columns.iter().any(|column| is_broken(&column)) {
            self.fault(FAILED_VALIDATION);
        }
    }

    /// A row wants its unique values; those that it had are free.
    fn claim(&mut self, table: &'static Table, row: &Row, before: Option<&Row>) {
        let uniques = table.unique.iter().map(|column| vec![*column]).chain([table.key.to_vec()]);
        for columns in uniques {
            let of = |row: &Row| -> Key { columns.iter().map(|column| row[column].clone()).collect() };
            let (wanted, had) = (of(row), before.map(of));
            if had.as_ref() == Some(&wanted) {
                continue;
            }
            let is_taken = self.state.rows(table).any(|other| of(other) == wanted);
            if is_taken {
                self.fault(NOT_UNIQUE);
            }
            self.freed.extend(had.map(|had| (table.name, columns.clone(), had)));
            self.claimed.insert((table.name, columns, wanted));
        }
    }

    /// Writes what drafts point to, and points them to it.
    fn link(&mut self, table: &'static Table, drafts: &mut [Draft], updates: bool) {
        for relation in table.relations {
            let Relation::ToOne { column, .. } = *relation else { continue };
            let mut links = Vec::new();
            for (at, draft) in drafts.iter_mut().enumerate() {
                for (_, target, payload) in draft.to_one.extract_if(.., |(name, ..)| *name == column) {
                    links.push((at, target, payload));
                }
            }
            let Some((_, target, _)) = links.first() else { continue };
            let target = *target;
            let places: Vec<usize> = links.iter().map(|(at, ..)| *at).collect();
            let keys = self.relate(target, links.into_iter().map(|(.., payload)| payload).collect());
            for (at, key) in places.into_iter().zip(keys) {
                if !(updates && table.is_key(column)) {
                    drafts[at].row.insert(column, key[0].clone());
                }
            }
        }
    }

    /// Rows that are pointed to: those that are there are changed, the others
    /// made; of several new ones with one key the later change the first.
    fn relate(&mut self, target: &'static Table, payloads: Vec<Payload>) -> Vec<Key> {
        let mut keys: Vec<Option<Key>> = payloads.iter().map(|payload| self.key(target, payload)).collect();
        let mut fresh = BTreeSet::new();
        let (mut alterations, mut creations, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        for (at, payload) in payloads.into_iter().enumerate() {
            match &keys[at] {
                Some(key) if self.state.row(target, key).is_some() => alterations.push((vec![key.clone()], payload)),
                Some(key) if !fresh.insert(key.clone()) => repeated.push((vec![key.clone()], payload)),
                _ => creations.push((at, payload)),
            }
        }
        self.update(target, alterations, Missing::Refuse);
        let (places, creations): (Vec<usize>, Vec<Payload>) = creations.into_iter().unzip();
        for (at, key) in places.into_iter().zip(self.create(target, creations)) {
            keys[at] = Some(key);
        }
        for alteration in repeated {
            self.update(target, vec![alteration], Missing::Refuse);
        }
        keys.into_iter().map(|key| key.expect("every row was found or made")).collect()
    }

    /// Changed rows: what they point to, they themselves, what points to them.
    fn update(&mut self, table: &'static Table, alterations: Vec<Alteration>, missing: Missing) -> Vec<Key> {
        let (keys, payloads): (Vec<Vec<Key>>, Vec<Payload>) = alterations.into_iter().unzip();
        let mut drafts: Vec<Draft> = payloads.into_iter().map(|payload| self.draft(table, payload, true)).collect();
        self.link(table, &mut drafts, true);
        let mut parents = Vec::new();
        let mut updated = Vec::new();
        for (keys, draft) in keys.into_iter().zip(drafts) {
            let mut seen = BTreeSet::new();
            for key in keys.into_iter().filter(|key| seen.insert(key.clone())) {
                if self.state.row(table, &key).is_none() {
                    if missing == Missing::Refuse {
                        self.fault(FORBIDDEN);
                    }
                    continue;
                }
                self.set(table, &key, &draft.row);
                parents.push((key.clone(), draft.to_many.clone()));
                updated.push(key);
            }
        }
        self.save_related(table, parents);
        updated
    }

    fn set(&mut self, table: &'static Table, key: &Key, values: &Row) {
        let before = self.state.row(table, key).expect("it is there").clone();
        let mut after = before.clone();
        after.extend(values.clone());
        if after == before {
            return;
        }
        self.check_stored(table, &after);
        self.claim(table, &after, Some(&before));
        self.state.all(table).insert(key.clone(), after.clone());
        let event = Event {
            table: table.name,
            action: Action::Update,
            key: key.clone(),
            before: Some(before),
            after: Some(after),
        };
        self.events.push(event);
    }

    fn save_related(&mut self, table: &'static Table, parents: Vec<(Key, ToMany)>) {
        for relation in table.relations {
            let mut sets = Vec::new();
            for (key, to_many) in &parents {
                let of = to_many.iter().filter(|(known, _)| known.field() == relation.field());
                sets.extend(of.map(|(_, payloads)| (key[0].clone(), payloads.clone())));
            }
            if sets.is_empty() {
                continue;
            }
            match *relation {
                Relation::ToOne { .. } => {}
                Relation::ToMany { child, column, .. } => self.save_children(table_named(child), column, sets),
                Relation::Pairs { junction, near, far, to, .. } => {
                    self.save_pairs(table_named(junction), near, far, table_named(to), sets);
                }
            }
        }
    }

    /// The complete new set of rows that point to each parent: those that are
    /// in no set are let go, those that are there are changed, others are made.
    fn save_children(&mut self, child: &'static Table, column: &'static str, sets: Vec<(Cell, Vec<Payload>)>) {
        let mut listed = BTreeSet::new();
        let mut fresh = BTreeSet::new();
        let (mut alterations, mut creations) = (Vec::new(), Vec::new());
        for (parent, payloads) in &sets {
            for payload in payloads {
                let mut payload = payload.clone();
                payload.insert(column.to_owned(), json(parent));
                match self.key(child, &payload) {
                    Some(key) => {
                        if self.state.row(child, &key).is_some() {
                            alterations.push((vec![key.clone()], payload));
                        } else if fresh.insert(key.clone()) {
                            creations.push(payload);
                        } else {
                            self.fault(NOT_UNIQUE);
                        }
                        listed.insert(key);
                    }
                    None => creations.push(payload),
                }
            }
        }
        let parents: BTreeSet<&Cell> = sets.iter().map(|(parent, _)| parent).collect();
        let children = self.state.rows(child).filter(|row| parents.contains(&row[column]));
        let gone: Vec<Key> = children.map(|row| key_of(child, row)).filter(|key| !listed.contains(key)).collect();
        for key in gone {
            if child.is_key(column) {
                self.delete(child, &[key]);
            } else if child.column(column).is_some_and(|column| column.nullable) {
                self.set(child, &key, &Row::from([(column, Cell::Null)]));
            } else {
                self.fault(NOT_NULL);
            }
        }
        self.update(child, alterations, Missing::Refuse);
        self.create(child, creations);
    }

    /// The complete new set of pairs of each parent.
    fn save_pairs(
        &mut self,
        junction: &'static Table,
        near: &'static str,
        far: &'static str,
        target: &'static Table,
        sets: Vec<(Cell, Vec<Payload>)>,
    ) {
        let owners: Vec<Cell> =
            sets.iter().flat_map(|(parent, payloads)| std::iter::repeat_n(parent.clone(), payloads.len())).collect();
        let parents: Vec<Cell> = sets.iter().map(|(parent, _)| parent.clone()).collect();
        let keys = self.relate(target, sets.into_iter().flat_map(|(_, payloads)| payloads).collect());
        let wanted: BTreeSet<(Cell, Cell)> =
            owners.into_iter().zip(keys).map(|(owner, key)| (owner, key[0].clone())).collect();
        let pair = |row: &Row| (row[near].clone(), row[far].clone());
        let there: Vec<Row> = self.state.rows(junction).filter(|row| parents.contains(&row[near])).cloned().collect();
        for row in there.iter().filter(|row| !wanted.contains(&pair(row))) {
            self.delete(junction, &[key_of(junction, row)]);
        }
        for (owner, other) in wanted {
            if !there.iter().any(|row| pair(row) == (owner.clone(), other.clone())) {
                self.insert(junction, Row::from([(near, owner), (far, other)]));
            }
        }
    }

    /// In rounds, of which none has the same values twice.
    fn upsert(&mut self, table: &'static Table, payloads: &[Payload], on: Option<&[&'static str]>) -> Vec<Key> {
        let on = on.unwrap_or(table.key);
        let mut left: Vec<(Option<Key>, Payload)> =
            payloads.iter().map(|payload| (self.values(table, on, payload), payload.clone())).collect();
        let mut keys = Vec::new();
        while !left.is_empty() {
            let (mut alterations, mut creations) = (Vec::new(), Vec::new());
            let (mut met, mut later) = (BTreeSet::new(), Vec::new());
            for (values, payload) in left {
                if values.as_ref().is_some_and(|values| !met.insert(values.clone())) {
                    later.push((values, payload));
                    continue;
                }
                let is_it = |row: &&Row| values.iter().any(|values| on.iter().map(|column| &row[column]).eq(values));
                match self.state.rows(table).find(is_it) {
                    Some(row) => alterations.push((vec![key_of(table, row)], payload)),
                    None => creations.push(payload),
                }
            }
            keys.extend(self.update(table, alterations, Missing::Refuse));
            keys.extend(self.create(table, creations));
            left = later;
        }
        keys
    }

    /// Deletes rows; what the database does to others is told as well, as one
    /// change of each.
    fn delete(&mut self, table: &'static Table, keys: &[Key]) {
        // Whether a row still points to another one when it goes depends on
        // which of them goes first.
        self.depends_on_order |= table.relations.iter().any(|relation| match *relation {
            Relation::ToOne { column, to, .. } if to == table.name => {
                let rows = keys.iter().filter_map(|key| self.state.row(table, key));
                rows.into_iter().any(|row| keys.iter().any(|key| key[0] == row[column]))
            }
            _ => false,
        });
        let before = self.state.clone();
        for key in keys {
            self.remove(table, key);
        }
        for table in TABLES {
            for was in before.rows(table) {
                let key = key_of(table, was);
                let after = self.state.row(table, &key).cloned();
                let action = match &after {
                    None => Action::Delete,
                    Some(is) if is != was => Action::Update,
                    Some(_) => continue,
                };
                self.events.push(Event { table: table.name, action, key, before: Some(was.clone()), after });
            }
        }
    }

    fn remove(&mut self, table: &'static Table, key: &Key) {
        let Some(row) = self.state.all(table).remove(key) else { return };
        self.freed.extend(table.unique.iter().map(|column| (table.name, vec![*column], vec![row[column].clone()])));
        self.freed.insert((table.name, table.key.to_vec(), key.clone()));
        for other in TABLES {
            for relation in other.relations {
                let Relation::ToOne { column, to, on_delete } = *relation else { continue };
                if to != table.name {
                    continue;
                }
                let pointing: Vec<Key> =
                    self.state.rows(other).filter(|row| row[column] == key[0]).map(|row| key_of(other, row)).collect();
                for pointing in pointing {
                    match on_delete {
                        OnDelete::Refuse => self.fault(FOREIGN_KEY),
                        OnDelete::Cascade => self.remove(other, &pointing),
                        OnDelete::SetNull => {
                            let row = self.state.all(other).get_mut(&pointing).expect("it points");
                            row.insert(column, Cell::Null);
                        }
                    }
                }
            }
        }
    }
}

/// What a column holds when a client gives it this; none for a number that is
/// none.
pub fn cell(column: &Column, json: &Json) -> Option<Cell> {
    Some(match (json, column.holds) {
        (Json::Null, _) => Cell::Null,
        (Json::Number(number), Holds::Number) => Cell::Number(number.as_i64()?),
        // A key that is still to be made, handed down to children.
        (Json::String(text), Holds::Number) => match text.strip_prefix('@') {
            Some(number) => Cell::Made(number.parse().ok()?),
            None => Cell::Number(text.parse().ok()?),
        },
        (Json::String(text), Holds::Text) => Cell::Text(text.clone()),
        (other, _) => panic!("no cell: {other}"),
    })
}

/// A cell as a client gives it.
pub fn json(cell: &Cell) -> Json {
    match cell {
        Cell::Null => Json::Null,
        Cell::Number(number) => Json::from(*number),
        Cell::Text(text) => Json::from(&**text),
        Cell::Made(number) => Json::from(format!("@{number}")),
    }
}

/// A row as it comes: related rows as objects with their keys, or their keys.
pub fn row(table: &'static Table, json: &Json) -> Row {
    let read = |column: &Column| match &json[column.name] {
        Json::Object(related) => cell(column, &related["id"]),
        json => cell(column, json),
    };
    table.columns.iter().map(|column| (column.name, read(column).expect("a stored value"))).collect()
}
