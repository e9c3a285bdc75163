//! Random nested mutations, held against a model of the contract's rules: the
//! same rows, the same answers and errors, the same events, on every database.
//!
//! `TEST_SEED` sets the first seed; `TEST_SEQUENCES` how many follow it.

mod concurrent;
mod document;
mod found;
mod generate;
mod state;
mod tables;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value as Json;
use tidegate::events::{self, Position, RowImage};

use self::{
    document::Document,
    generate::{Generator, Marks},
    state::{Action, Cell, Event, Expected, Outcome, State, key_text},
    tables::{EMPTY, TABLES, Table},
};
use crate::{
    fuzz::Dice,
    support::{Kind, Reply, Settings, TestApp, TestDatabase},
};

const SEQUENCES: u64 = 50;
const DOCUMENTS: usize = 12;
/// How often a failing sequence is run again to make it smaller.
const ATTEMPTS: usize = 400;

#[tokio::test]
async fn mutations_do_what_the_model_does_on_sqlite() {
    check(Kind::Sqlite, None).await;
}

#[tokio::test]
async fn mutations_do_what_the_model_does_on_postgres() {
    check(Kind::Postgres, None).await;
}

#[tokio::test]
async fn mutations_do_what_the_model_does_on_mysql() {
    check(Kind::MySql, None).await;
}

/// MariaDB as if it were MySQL, which gives no rows back from statements that write.
#[tokio::test]
async fn mutations_do_what_the_model_does_without_returning() {
    check(Kind::MySql, Some(false)).await;
}

/// How documents ended.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    failed: usize,
    undone: usize,
    skipped: usize,
    events: usize,
}

async fn check(kind: Kind, inserts_return: Option<bool>) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("TEST_SEED").unwrap_or(1);
    let sequences = number("TEST_SEQUENCES").unwrap_or(SEQUENCES);
    let data = Arc::new(TestDatabase::create(kind, &tables::script(kind)).await);
    let app = TestApp::start_with(data.clone(), Settings { inserts_return, ..Settings::default() }).await;
    let mut tally = Tally::default();
    for seed in first..first + sequences {
        let mut documents = Vec::new();
        if let Err(failure) = generate_and_run(&app, &data, seed, &mut documents, &mut tally).await {
            let failure = shrink(&app, &data, documents, failure).await;
            panic!("{kind:?}, TEST_SEED={seed} TEST_SEQUENCES=1\n{failure}");
        }
    }
    // A model that expects nothing is always right.
    let documents = sequences as usize * DOCUMENTS;
    assert!(tally.done * 3 > documents && tally.failed * 8 > documents && tally.events > documents, "{tally:?}");
    assert!(tally.skipped * 4 < documents, "{tally:?}");
}

async fn generate_and_run(
    app: &TestApp,
    data: &TestDatabase,
    seed: u64,
    documents: &mut Vec<Document>,
    tally: &mut Tally,
) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let mut marks = Marks::new();
    let mut world = World::new(app, data).await;
    for _ in 0..DOCUMENTS {
        let made = world.made.iter().map(|(number, (table, key))| ((*table, *key), *number)).collect();
        let document = Generator::new(&mut dice, &mut marks, &world.state, &made).document();
        documents.push(document);
        world.run_told(&documents[documents.len() - 1], tally).await?;
    }
    Ok(())
}

/// Leaves out whatever can be left out of a failing sequence.
async fn shrink(app: &TestApp, data: &TestDatabase, mut documents: Vec<Document>, mut failure: String) -> String {
    let mut attempts = 0;
    'again: loop {
        let mut smaller = Vec::new();
        for at in 0..documents.len() {
            let mut others = documents.clone();
            others.remove(at);
            smaller.push(others);
        }
        for (at, document) in documents.iter().enumerate() {
            for other in document.smaller() {
                let mut others = documents.clone();
                others[at] = other;
                smaller.push(others);
            }
        }
        for documents_ in smaller {
            attempts += 1;
            if attempts > ATTEMPTS {
                return failure;
            }
            let mut world = World::new(app, data).await;
            for document in &documents_ {
                if let Err(other) = world.run_told(document, &mut Tally::default()).await {
                    (documents, failure) = (documents_, other);
                    continue 'again;
                }
            }
        }
        return failure;
    }
}

/// A database and what it should hold.
struct World<'a> {
    app: &'a TestApp,
    state: State,
    /// The keys that the database made up, by their numbers.
    made: HashMap<i64, (&'static str, i64)>,
    position: Position,
    /// What was sent so far.
    sent: Vec<String>,
}

impl<'a> World<'a> {
    async fn new(app: &'a TestApp, data: &TestDatabase) -> Self {
        data.execute(EMPTY).await;
        let position = app.events.log().head();
        Self { app, state: State::default(), made: HashMap::new(), position, sent: Vec::new() }
    }

    /// Runs a document; a failure with all that led to it.
    async fn run_told(&mut self, document: &Document, tally: &mut Tally) -> Result<(), String> {
        let outcome = self.run(document, tally).await;
        outcome.map_err(|failure| format!("{}\n{failure}", self.sent.join("\n")))
    }

    async fn run(&mut self, document: &Document, tally: &mut Tally) -> Result<(), String> {
        if document.fields.is_empty() {
            return Ok(());
        }
        let keys = self.made.iter().map(|(number, (_, key))| (*number, *key)).collect();
        let document = document.resolved(&keys);
        let mut after = self.state.clone();
        let mut expected = after.run(&document);
        if expected.is_ambiguous {
            tally.skipped += 1;
            return Ok(());
        }
        self.state = after;
        let text = document.to_graphql();
        let reply = self.app.graphql(&text).await;
        self.sent.push(text);
        let transactions = self.new_events()?;
        let keys: HashMap<i64, i64> = self.made.iter().map(|(number, (_, key))| (*number, *key)).collect();
        let made = |number| keys.get(&number).copied();
        self.state.settle(&made);
        expected.outcomes.iter_mut().for_each(|outcome| outcome.settle(&made));
        let told = |problem: String| Err(format!("{problem}\nanswer {}", reply.body));
        if let Err(problem) = answered(&document, &expected, &reply) {
            return told(problem);
        }
        for events in &mut expected.transactions {
            events.iter_mut().for_each(|event| event.settle(&made));
            events.sort();
        }
        if transactions != expected.transactions {
            let differing = differences(transactions.iter().flatten(), expected.transactions.iter().flatten());
            let (found, expected) = (transactions.len(), expected.transactions.len());
            return told(format!("events in {found} transactions, expected in {expected}\n{differing}"));
        }
        if let Err(problem) = self.compare_rows().await {
            return told(problem);
        }
        tally.events += transactions.iter().map(Vec::len).sum::<usize>();
        tally.undone += usize::from(expected.undone.is_some());
        let is_failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
        match expected.undone.is_some() || expected.outcomes.iter().any(is_failed) {
            true => tally.failed += 1,
            false => tally.done += 1,
        }
        Ok(())
    }

    /// What the log has got since, by transaction.
    fn new_events(&mut self) -> Result<Vec<Vec<Event>>, String> {
        let mut transactions: Vec<(events::TransactionId, Vec<Event>)> = Vec::new();
        let mut copies: HashMap<i64, i64> = HashMap::new();
        for (transaction, ours) in events_after(self.app, &mut self.position) {
            if let (Action::Create, Some(Cell::Number(mark)), [Cell::Number(key)]) =
                (ours.action, ours.after.as_ref().and_then(|row| row.get("mark")), &ours.key[..])
            {
                let copy = copies.entry(*mark).or_default();
                self.made.insert(state::made_number(*mark, *copy), (ours.table, *key));
                *copy += 1;
            }
            match transactions.last_mut().filter(|(id, _)| *id == transaction) {
                Some((_, events)) => events.push(ours),
                None => transactions.push((transaction, vec![ours])),
            }
        }
        let distinct: BTreeSet<_> = transactions.iter().map(|(id, _)| *id).collect();
        if distinct.len() != transactions.len() {
            return Err("the events of a transaction do not stand together".to_owned());
        }
        let sorted = |(_, mut events): (_, Vec<Event>)| {
            events.sort();
            events
        };
        Ok(transactions.into_iter().map(sorted).collect())
    }

    async fn compare_rows(&self) -> Result<(), String> {
        let lists: Vec<String> =
            TABLES.iter().map(|table| format!("{}(limit: -1) {}", table.name, document::columns(table))).collect();
        let data = self.app.data(&format!("{{ {} }}", lists.join(" "))).await;
        for table in TABLES {
            let stored = rows(table, &data[table.name]);
            let mut expected: Vec<_> = self.state.rows(table).cloned().collect();
            expected.sort();
            if stored != expected {
                return Err(format!("{}\n{}", table.name, differences(&stored, &expected)));
            }
        }
        Ok(())
    }
}

/// What the log has got behind a position, which moves on.
fn events_after(app: &TestApp, position: &mut Position) -> Vec<(events::TransactionId, Event)> {
    let read = app.events.log().read_after(*position, usize::MAX).expect("the log keeps everything");
    let mut found = Vec::with_capacity(read.len());
    for event in read {
        let next = Position { offset: position.offset + 1, ..*position };
        assert_eq!(event.position, next, "the log has gaps");
        *position = next;
        let known = app.catalog.collection(&event.collection).expect("the collection is there");
        let table = tables::table(&event.collection);
        let row = |image: &RowImage| state::row(table, &Json::Object(image.to_json(known)));
        let ours = Event {
            table: table.name,
            action: match event.action {
                events::Action::Create => Action::Create,
                events::Action::Update => Action::Update,
                events::Action::Delete => Action::Delete,
            },
            key: event.key.iter().map(key_cell).collect(),
            before: event.before.as_ref().map(row),
            after: event.after.as_ref().map(row),
        };
        found.push((event.transaction, ours));
    }
    found
}

/// What is only here, and what is only expected.
fn differences<'r, T: std::fmt::Debug + PartialEq + 'r>(
    found: impl IntoIterator<Item = &'r T>,
    expected: impl IntoIterator<Item = &'r T>,
) -> String {
    let (mut missing, mut more): (Vec<&T>, Vec<&T>) = (expected.into_iter().collect(), Vec::new());
    for one in found {
        match missing.iter().position(|other| *other == one) {
            Some(at) => drop(missing.remove(at)),
            None => more.push(one),
        }
    }
    let lines = more.iter().map(|one| format!("unexpected {one:?}\n"));
    lines.chain(missing.iter().map(|one| format!("missing {one:?}\n"))).collect()
}

fn rows(table: &'static Table, list: &Json) -> Vec<state::Row> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut rows: Vec<_> = items.iter().map(|json| state::row(table, json)).collect();
    rows.sort();
    rows
}

fn key_cell(key: &tidegate::value::Key) -> Cell {
    match key {
        tidegate::value::Key::Int(number) => Cell::Number(*number),
        tidegate::value::Key::Text(text) => Cell::Text(text.to_string()),
        tidegate::value::Key::Bytes(_) => panic!("no key here is binary"),
    }
}

/// Whether an answer says what is expected.
fn answered(document: &Document, expected: &Expected, reply: &Reply) -> Result<(), String> {
    if reply.status != 200 {
        return Err(format!("status {}", reply.status));
    }
    let errors = reply.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut failed: HashMap<&str, &str> = HashMap::new();
    for error in errors {
        let alias = error["path"][0].as_str().ok_or("an error without a path")?;
        failed.insert(alias, error["extensions"]["code"].as_str().ok_or("an error without a code")?);
    }
    if failed.len() != errors.len() {
        return Err("several errors of one field".to_owned());
    }
    let data = &reply.body["data"];
    if let Some(reasons) = &expected.undone {
        let is_it = |(at, code): &(usize, &str)| failed.get(format!("f{at}").as_str()) == Some(code);
        let is_right = failed.len() == 1 && data.is_null() && reasons.iter().any(is_it);
        return if is_right { Ok(()) } else { Err(format!("expected to be undone by one of {reasons:?}")) };
    }
    let mut count = 0;
    for (at, (outcome, field)) in expected.outcomes.iter().zip(&document.fields).enumerate() {
        let alias = format!("f{at}");
        let value = &data[&alias];
        let is_right = match outcome {
            Outcome::Failed(codes) => {
                count += 1;
                value.is_null() && failed.get(alias.as_str()).is_some_and(|code| codes.contains(code))
            }
            Outcome::Item(row) => data.is_null() || value.is_object() && state::row(field.table, value) == *row,
            Outcome::Rows(expected) => data.is_null() || value.is_array() && rows(field.table, value) == *expected,
            Outcome::Gone(keys) => {
                let texts: Vec<String> = keys.iter().map(key_text).collect();
                // Of a row that came and went in one transaction nobody is told the key.
                let is_key = |(found, text): (&Json, &String)| found == text || text.contains("\"@");
                let of = |found: &[Json]| found.len() == texts.len() && found.iter().zip(&texts).all(is_key);
                data.is_null()
                    || value.get("ids").and_then(Json::as_array).is_some_and(|ids| of(ids))
                    || value.get("id").is_some_and(|id| of(std::slice::from_ref(id)))
            }
        };
        if !is_right {
            return Err(format!("{alias} is expected to be {outcome:?}"));
        }
    }
    // A failure of a field that is never null takes all data with it.
    let failed_whole = expected
        .outcomes
        .iter()
        .zip(&document.fields)
        .any(|(outcome, field)| matches!(outcome, Outcome::Failed(_)) && field.operation.is_non_null());
    match failed.len() == count && data.is_null() == failed_whole {
        true => Ok(()),
        false => {
            Err(format!("expected {count} errors, and data to be {}", if failed_whole { "absent" } else { "there" }))
        }
    }
}
