//! Writes of one row that come at the same time share transactions; nobody must
//! be able to tell by anything but the time.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tidegate::{
    engine,
    events::{Action, ChangeEvent},
    graphql::{Allowed, Request},
    principal::Principal,
};

use super::{press, presses};
use crate::support::{Everywhere, Kind, Lock, Settings, TestApp, TestDatabase};

/// Who sends the request of a number.
fn sender(number: u8) -> Principal {
    Principal { ip: Some(IpAddr::from([10, 0, 0, number])), ..Principal::admin() }
}

/// All of them at once: the first is under way when the others arrive.
async fn at_once(app: &TestApp, documents: impl IntoIterator<Item = String>) -> Vec<Json> {
    let answers = documents.into_iter().zip(0..).map(async |(document, number)| {
        let request = Request { query: document.into(), variables: serde_json::Map::new(), operation_name: None };
        let response = app.service.execute(&sender(number), request, Allowed::All).await;
        serde_json::from_slice(&response.body).expect("the answer is JSON")
    });
    join_all(answers).await
}

fn created(number: usize, name: &str) -> String {
    format!("mutation {{ create_tag_item(data: {{ name: \"{name}{number}\" }}) {{ id name }} }}")
}

fn events_of(app: &TestApp, collection: &str) -> Vec<Arc<ChangeEvent>> {
    let start = tidegate::events::Position { offset: 0, ..app.events.log().head() };
    let mut events = app.events.log().read_after(start, usize::MAX).expect("the log keeps everything");
    events.retain(|event| &*event.collection == collection);
    events
}

#[tokio::test]
async fn rows_made_at_the_same_time_cost_as_little_as_a_few() {
    // However slow the machine is.
    let patient = || engine::Options { patience: Duration::from_secs(60), ..engine::Options::default() };
    let apps = Everywhere::own_with(press, || Settings { engine: patient(), ..Settings::default() }).await;
    for (kind, app) in apps.each() {
        let mut costs = Vec::new();
        for (count, name) in [(1, "a"), (3, "b"), (60, "c")] {
            let documents = (0..count).map(|number| created(number, name));
            let (statements, answers) = app.statements_of(at_once(app, documents)).await;
            let mut ids = BTreeSet::new();
            for (number, answer) in answers.iter().enumerate() {
                let item = &answer["data"]["create_tag_item"];
                assert_eq!(item["name"], format!("{name}{number}"), "{kind:?}: {answer}");
                ids.insert(item["id"].as_str().expect("a key").to_owned());
            }
            assert_eq!(ids.len(), count, "{kind:?}");
            costs.push(statements);
        }
        // The first goes at once, the others together; SQLite runs some rows at a time.
        assert!(costs[1] <= 2 * costs[0] && costs[2] < 12, "{kind:?}: {costs:?}");

        // Each is a commit of its own, of whoever made it.
        let events = events_of(app, "tag");
        let transactions: BTreeSet<_> = events.iter().map(|event| event.transaction).collect();
        assert_eq!((events.len(), transactions.len()), (64, 64), "{kind:?}");
        let mut senders: Vec<_> = events[4..].iter().map(|event| (*event.by).clone()).collect();
        senders.sort_by_key(|sender| sender.ip);
        assert_eq!(senders, (0..60).map(sender).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[tokio::test]
async fn one_that_is_refused_does_not_take_the_others_along() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let mut documents: Vec<_> = (0..20).map(|number| created(number, "x")).collect();
        documents[7] = created(19, "x");
        documents[9] = "mutation { create_tag_item(data: { name: \"red\" }) { id } }".to_owned();
        documents[11] =
            "mutation { create_tag_item(data: { name: \"far too long for this column\" }) { id } }".to_owned();
        let answers = at_once(app, documents).await;
        let codes: Vec<_> =
            answers.iter().filter_map(|answer| answer["errors"][0]["extensions"]["code"].as_str()).collect();
        let mut expected = vec!["RECORD_NOT_UNIQUE", "RECORD_NOT_UNIQUE"];
        // SQLite minds no length.
        expected.push("VALUE_TOO_LONG");
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{kind:?}: {answers:?}");
        assert_eq!(app.data.rows("SELECT count(*) FROM tag").await[0][0].as_deref(), Some("19"), "{kind:?}");
        assert_eq!(events_of(app, "tag").len(), 17, "{kind:?}");
    }
}

#[tokio::test]
async fn updates_of_the_same_row_come_one_after_another() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let documents = (0..40).map(|number| {
            let id = 1 + number % 3;
            format!("mutation {{ update_article_item(id: {id}, data: {{ words: {} }}) {{ id words }} }}", 100 + number)
        });
        let answers = at_once(app, documents).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer["data"]["update_article_item"]["words"], 100 + number, "{kind:?}: {answer}");
        }
        let words = |image: &Option<tidegate::events::RowImage>| {
            let table = app.catalog.collection("article").expect("a collection");
            image.as_ref().map(|image| image.to_json(table)["words"].clone())
        };
        let events = events_of(app, "article");
        assert_eq!(events.len(), 40, "{kind:?}");
        for id in 1..=3 {
            let of_row: Vec<_> = events.iter().filter(|event| event.key == [tidegate::value::Key::Int(id)]).collect();
            assert!(of_row.iter().all(|event| event.action == Action::Update), "{kind:?}");
            for pair in of_row.windows(2) {
                assert_eq!(words(&pair[0].after), words(&pair[1].before), "{kind:?}");
            }
            let stored = app.data.rows(&format!("SELECT words FROM article WHERE id = {id}")).await;
            let last = words(&of_row.last().expect("there are some").after).expect("an update has an after");
            assert_eq!(stored[0][0], Some(last.to_string()), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_finds_nothing_is_told_to_who_gave_it() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let document =
            |id| format!("mutation {{ update_author_item(id: {id}, data: {{ mail: \"m{id}\" }}) {{ mail }} }}");
        let answers = at_once(app, [1, 2, 77, 3].map(document)).await;
        let mails: Vec<_> = answers.iter().map(|answer| &answer["data"]["update_author_item"]["mail"]).collect();
        assert_eq!(mails, [&json!("m1"), &json!("m2"), &Json::Null, &json!("m3")], "{kind:?}: {answers:?}");
        assert_eq!(answers[2]["errors"][0]["extensions"]["code"], "FORBIDDEN", "{kind:?}");
    }
}

fn named(id: usize, name: &str) -> String {
    format!("mutation {{ update_picture_item(id: {id}, data: {{ name: \"{name}\" }}) {{ name }} }}")
}

async fn until_named(data: &TestDatabase, id: usize, name: &str) {
    let named = async {
        let rows = format!("SELECT name FROM picture WHERE id = {id}");
        let mut reader = data.reader().await;
        while reader.rows(&rows).await[0][0].as_deref() != Some(name) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), named).await.expect("what nobody holds is written");
}

/// A row that somebody holds is waited for by who wants it, not by others:
/// neither those in the same transaction nor those that wait for their turn.
#[tokio::test]
async fn a_row_that_is_held_holds_up_nobody_else() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let data = Arc::new(TestDatabase::create(kind, &press(kind)).await);
        let app = TestApp::start_with(data.clone(), Settings::default()).await;

        let gate = Lock::hold_rows(&data, "picture", "id = 2").await;
        let together = at_once(&app, [1, 2, 3].map(|id| named(id, "together")));
        let meanwhile = async {
            until_named(&data, 3, "together").await;
            gate.release().await;
        };
        let (together, ()) = tokio::join!(together, meanwhile);

        let gate = Lock::hold_rows(&data, "picture", "id = 2").await;
        let held = at_once(&app, [named(2, "held")]);
        let meanwhile = async {
            let behind = at_once(&app, [1, 3].map(|id| named(id, "behind"))).await;
            gate.release().await;
            behind
        };
        let (held, behind) = tokio::join!(held, meanwhile);
        for answer in together.iter().chain(&held).chain(&behind) {
            assert!(answer.get("errors").is_none(), "{kind:?}: {answer}");
        }
        let names = data.rows("SELECT name FROM picture ORDER BY id").await.concat();
        assert_eq!(names, ["behind", "held", "behind"].map(|name| Some(name.to_owned())), "{kind:?}");
        app.end().await;
    }
}
