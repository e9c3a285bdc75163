//! Many clients over the same few rows: whatever the order in which the
//! database lets them, the log tells it. Each event of a row begins where the
//! one before it ended.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    events_after, rows,
    state::{Action, Key, Row},
    tables::{self, table},
};
use crate::{
    fuzz::Dice,
    support::{Kind, TestApp, TestDatabase},
};

const CLIENTS: u64 = 8;
const DOCUMENTS: usize = 40;
/// Few enough to meet, with keys of -1 and below.
const ROWS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_the_order_of_the_database_on_sqlite() {
    check(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_the_order_of_the_database_on_postgres() {
    check(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_the_order_of_the_database_on_mysql() {
    check(Kind::MySql).await;
}

fn document(dice: &mut Dice, mark: &str) -> String {
    let mut key = || format!("-{}", 1 + dice.roll(ROWS));
    let (one, other, number) = (key(), key(), dice.roll(8));
    match number {
        0..=2 => {
            format!(
                "mutation {{ upsert_authors_item(data: {{id: {one}, name: \"{mark}\", bio: \"{mark}\"}}) {{ id }} }}"
            )
        }
        3 | 4 => {
            format!("mutation {{ update_authors_items(ids: [{one}, {other}], data: {{bio: \"{mark}\"}}) {{ id }} }}")
        }
        5 => format!(
            "mutation @transaction {{
               a: update_authors_item(id: {one}, data: {{name: \"{mark}\"}}) {{ id }}
               b: update_authors_items(ids: [{other}], data: {{bio: \"{mark}\"}}) {{ id }}
             }}"
        ),
        6 => format!(
            "mutation {{ update_authors_where(filter: {{}}, limit: {ROWS}, data: {{bio: \"{mark}\"}}) {{ id }} }}"
        ),
        _ => format!("mutation {{ delete_authors_items(ids: [{one}]) {{ ids }} }}"),
    }
}

async fn write(app: Arc<TestApp>, client: u64) -> usize {
    let mut dice = Dice::new(client);
    let mut done = 0;
    for number in 0..DOCUMENTS {
        let document = document(&mut dice, &format!("{client}-{number}"));
        let reply = app.graphql(&document).await;
        for code in reply.codes() {
            // The row is gone or there already, or others were in the way too often.
            let is_known = matches!(code, "FORBIDDEN" | "RECORD_NOT_UNIQUE" | "SERVICE_UNAVAILABLE");
            assert!(is_known, "{document}\n{:#}", reply.body);
        }
        done += usize::from(reply.codes().is_empty());
    }
    done
}

async fn check(kind: Kind) {
    let data = Arc::new(TestDatabase::create(kind, &tables::script(kind)).await);
    let app = Arc::new(TestApp::start(data).await);
    let mut position = app.events.log().head();
    let clients: Vec<_> = (0..CLIENTS).map(|client| tokio::spawn(write(app.clone(), client))).collect();
    let mut done = 0;
    for client in clients {
        done += client.await.expect("clients do not panic");
    }
    assert!(done * 2 > CLIENTS as usize * DOCUMENTS, "only {done} documents were carried out");
    let mut now: BTreeMap<Key, Row> = BTreeMap::new();
    let events = events_after(&app, &mut position);
    assert!(events.len() > DOCUMENTS, "there was nothing to order");
    for (_, event) in events {
        let before = match &event.after {
            Some(row) => now.insert(event.key.clone(), row.clone()),
            None => now.remove(&event.key),
        };
        assert_eq!(before, event.before, "{event:?}");
        assert_eq!(before.is_none(), event.action == Action::Create, "{event:?}");
    }
    let authors = table("authors");
    let stored = app.data(&format!("{{ authors(limit: -1) {} }}", super::document::columns(authors))).await;
    let mut expected: Vec<Row> = now.into_values().collect();
    expected.sort();
    assert_eq!(rows(authors, &stored["authors"]), expected);
}
