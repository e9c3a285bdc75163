//! Look-ups of concurrent requests share statements, but nothing else.

use std::{
    collections::HashMap,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use serde_json::{Map, Value as Json, json};
use tidegate::{
    engine::{self, Consistency},
    graphql::{Allowed, Request},
    permissions::{Fields, Grant, Policy, PublicAccess},
    predicate::{self, Input},
    principal::Principal,
};
use tokio::sync::Notify;

use crate::support::{Kind, Settings, TestApp, TestDatabase, slow_view};

const BY_ID: &str = "query Q($id: ID!) { artist_by_id(id: $id) { id name } }";

/// Runs a query in this process. A future that is polled once has sent its
/// statement, or waits for another's: on the single thread of a test nothing
/// happens in between.
async fn run(app: &TestApp, principal: &Principal, query: &str, variables: Json) -> Json {
    let variables: Map<String, Json> = serde_json::from_value(variables).expect("variables are an object");
    let request = Request { query: query.into(), variables, operation_name: None };
    let response = app.service.execute(principal, request, Allowed::Queries).await;
    serde_json::from_slice(&response.body).expect("the answer is JSON")
}

async fn artist(app: &TestApp, id: usize) -> Json {
    run(app, &Principal::admin(), BY_ID, json!({ "id": id })).await
}

/// Forty artists, and a view that takes a minute.
fn artists(kind: Kind) -> String {
    let rows: Vec<String> = (1..=40).map(|id| format!("({id}, 'artist {id}')")).collect();
    let rows = rows.join(", ");
    let table = "CREATE TABLE artist (id INT PRIMARY KEY NOT NULL, name VARCHAR(20))";
    format!("{table}; INSERT INTO artist VALUES {rows}; {}", slow_view(kind))
}

/// A gateway with one connection, whose plan for [`BY_ID`] is made.
async fn with_one_connection(kind: Kind) -> (Arc<TestDatabase>, TestApp) {
    let data = Arc::new(TestDatabase::create(kind, &artists(kind)).await);
    let app = TestApp::start_with(data.clone(), Settings { max_connections: Some(1), ..Settings::default() }).await;
    artist(&app, 1).await;
    (data, app)
}

/// Something that has the only connection until it is dropped.
fn occupy(app: &TestApp) -> Pin<Box<impl Future<Output = Json>>> {
    let mut slow = Box::pin(async { run(app, &Principal::admin(), "{ slow { n } }", json!({})).await });
    assert!((&mut slow).now_or_never().is_none());
    slow
}

/// Starts all of them while the only connection is taken, then gives it back.
async fn together(app: &TestApp, look_ups: Vec<impl Future<Output = Json>>) -> (u64, Vec<Json>) {
    let taken = occupy(app);
    let before = app.database.statements_sent();
    let mut all = pin!(join_all(look_ups));
    assert!((&mut all).now_or_never().is_none());
    drop(taken);
    let replies = soon(all).await;
    (app.database.statements_sent() - before, replies)
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("nobody is forgotten")
}

#[tokio::test]
async fn sixty_four_look_ups_cost_two_statements() {
    for kind in Kind::ALL {
        let (_, app) = with_one_connection(kind).await;
        let (statements, replies) = together(&app, (1..=64).map(|id| artist(&app, id)).collect()).await;
        assert_eq!(statements, 2, "{kind:?}: the first goes at once, the others together");
        for (number, reply) in replies.iter().enumerate() {
            let id = (number + 1).to_string();
            match number < 40 {
                true => assert_eq!(reply["data"]["artist_by_id"]["id"], id, "{kind:?}"),
                // There are forty artists.
                false => assert_eq!(reply["errors"][0]["extensions"]["code"], "FORBIDDEN", "{kind:?}: {reply}"),
            }
        }
        app.end().await;
    }
}

#[tokio::test]
async fn who_leaves_holds_up_nobody() {
    for kind in Kind::ALL {
        let (_, app) = with_one_connection(kind).await;
        let taken = occupy(&app);
        // The one whose statement is under way goes, and one of those who wait for it.
        let mut first = Box::pin(artist(&app, 1));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(artist(&app, 2));
        assert!((&mut second).now_or_never().is_none());
        let mut third = Box::pin(artist(&app, 3));
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        drop(second);
        drop(taken);
        assert_eq!(soon(third).await["data"]["artist_by_id"]["id"], "3", "{kind:?}");
        // All go: the next one begins anew.
        let taken = occupy(&app);
        let mut alone = Box::pin(artist(&app, 4));
        assert!((&mut alone).now_or_never().is_none());
        let mut behind = Box::pin(artist(&app, 5));
        assert!((&mut behind).now_or_never().is_none());
        drop(behind);
        drop(alone);
        drop(taken);
        assert_eq!(soon(artist(&app, 6)).await["data"]["artist_by_id"]["id"], "6", "{kind:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn an_error_reaches_everyone_who_shares_its_statement() {
    for kind in Kind::ALL {
        let (data, app) = with_one_connection(kind).await;
        data.execute("DROP TABLE artist").await;
        let (statements, replies) = together(&app, (1..4).map(|id| artist(&app, id)).collect()).await;
        assert_eq!(statements, 2, "{kind:?}");
        for reply in replies {
            assert_eq!(reply["data"], json!({ "artist_by_id": null }), "{kind:?}");
            assert_eq!(reply["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR", "{kind:?}: {reply}");
        }
        data.execute("CREATE TABLE artist (id INT PRIMARY KEY NOT NULL, name VARCHAR(20))").await;
        let again = soon(artist(&app, 3)).await;
        assert_eq!(again["errors"][0]["extensions"]["code"], "FORBIDDEN", "{kind:?}: {again}");
        app.end().await;
    }
}

#[tokio::test]
async fn callers_with_other_rights_never_share() {
    let (data, plain) = with_one_connection(Kind::Sqlite).await;
    let table = plain.catalog.collection("artist").expect("there are artists");
    let context = predicate::Context { catalog: &plain.catalog, max_depth: 10 };
    let rows =
        predicate::parse(context, table, &Input::from(json!({ "id": { "_lte": 2 } }))).expect("the rule is sound");
    let grants = HashMap::from([("artist".to_owned(), Grant { fields: Fields::All, rows }.into())]);
    let policy = Policy { public: PublicAccess::Grants(grants), ..Policy::default() };
    let app = TestApp::start_with(data, Settings { policy, max_connections: Some(1), ..Settings::default() }).await;
    let public = Principal::public();
    let as_public = |id: usize| run(&app, &public, BY_ID, json!({ "id": id })).boxed_local();
    let as_admin = |id: usize| artist(&app, id).boxed_local();
    as_public(1).await;
    as_admin(1).await;

    let all = vec![as_admin(1), as_public(1), as_admin(3), as_public(3), as_admin(2), as_public(2)];
    let (statements, replies) = together(&app, all).await;
    assert_eq!(statements, 4, "two for each kind of caller");
    let ids: Vec<&Json> = replies.iter().map(|reply| &reply["data"]["artist_by_id"]["id"]).collect();
    assert_eq!(ids, [&json!("1"), &json!("1"), &json!("3"), &Json::Null, &json!("2"), &json!("2")]);
}

/// Two tables whose rows are always changed together.
fn versions(kind: Kind) -> String {
    let journal = if kind == Kind::Sqlite { "PRAGMA journal_mode = WAL;" } else { "" };
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500) SELECT x, 0";
    format!(
        "{journal} CREATE TABLE parent (id INT PRIMARY KEY NOT NULL, version INT NOT NULL);
         CREATE TABLE child (id INT PRIMARY KEY NOT NULL, version INT NOT NULL, parent INT NOT NULL,
             FOREIGN KEY (parent) REFERENCES parent (id));
         INSERT INTO parent {numbers} FROM n; INSERT INTO child {numbers}, x FROM n;"
    )
}

struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Runs `work`, and `between` each time that `work` could go on but has not yet:
/// what a statement brought is there, the next statement is not sent.
async fn interleaved<T>(work: impl Future<Output = T>, between: impl AsyncFn()) -> T {
    let mut work = pin!(work);
    let woken = Arc::new(Woken(Notify::new()));
    let waker = woken.clone().into();
    loop {
        if let Poll::Ready(done) = Pin::as_mut(&mut work).poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        woken.0.notified().await;
        between().await;
    }
}

/// Two levels and a second root.
const VERSIONS: &str = "{ parent(limit: -1) { version child { version } } child(limit: 1) { version } }";

/// A gateway whose plan is made and whose connections are open: a writer that
/// holds up each step of opening one would only make it time out.
async fn warm(data: &Arc<TestDatabase>, consistency: Consistency) -> TestApp {
    let engine = engine::Options { consistency, ..engine::Options::default() };
    let app = TestApp::start_with(data.clone(), Settings { engine, ..Settings::default() }).await;
    let admin = Principal::admin();
    let replies = join_all((0..4).map(|_| run(&app, &admin, VERSIONS, json!({})))).await;
    assert!(replies.iter().all(|reply| reply.get("errors").is_none()), "{replies:?}");
    app
}

/// Reads what [`VERSIONS`] says while a writer changes all rows again and
/// again; tells whether all that was read is of one state.
async fn is_of_one_state(app: &TestApp, data: &TestDatabase) -> bool {
    let write = async || {
        let both = "BEGIN; UPDATE parent SET version = version + 1; UPDATE child SET version = version + 1; COMMIT;";
        data.execute(both).await;
    };
    let admin = Principal::admin();
    let mut reply = soon(interleaved(run(app, &admin, VERSIONS, json!({})), write)).await;
    // On a busy machine a connection may have been closed for its age, and opening one is held up as said above.
    if reply["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE" {
        join_all((0..4).map(|_| run(app, &admin, VERSIONS, json!({})))).await;
        reply = soon(interleaved(run(app, &admin, VERSIONS, json!({})), write)).await;
    }
    assert!(reply.get("errors").is_none(), "{reply}");
    let parents = reply["data"]["parent"].as_array().expect("there are parents");
    assert_eq!(parents.len(), 500);
    let second = &reply["data"]["child"][0]["version"];
    parents.iter().all(|parent| parent["version"] == *second && parent["child"][0]["version"] == *second)
}

#[tokio::test]
async fn a_consistent_operation_sees_one_state_of_the_data_at_all_levels() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, &versions(kind)).await);
        let app = warm(&data, Consistency::Operation).await;
        for _ in 0..10 {
            assert!(is_of_one_state(&app, &data).await, "{kind:?}");
        }
        app.end().await;

        // Without it, states do mix: the test above could fail.
        let app = warm(&data, Consistency::Statement).await;
        let mut mixed = false;
        for _ in 0..5_000 {
            mixed = !is_of_one_state(&app, &data).await;
            if mixed {
                break;
            }
        }
        assert!(mixed, "{kind:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn lists_side_by_side_are_not_taken_for_one_another() {
    for kind in Kind::ALL {
        let tables = "CREATE TABLE person (id INT PRIMARY KEY NOT NULL);
            CREATE TABLE letter (id INT PRIMARY KEY NOT NULL, author INT NOT NULL, a INT NOT NULL, b INT NOT NULL,
                FOREIGN KEY (author) REFERENCES person (id));
            INSERT INTO person VALUES (1);
            INSERT INTO letter VALUES (1, 1, 1, 2), (2, 1, 1, 3), (3, 1, 2, 3);";
        let script = format!("{tables} {}", slow_view(kind));
        let data = Arc::new(TestDatabase::create(kind, &script).await);
        let app = TestApp::start_with(data, Settings { max_connections: Some(1), ..Settings::default() }).await;
        let query = "query Q($a: [GraphQLStringOrFloat], $b: [GraphQLStringOrFloat]) {
            person_by_id(id: 1) { letter(filter: { a: { _in: $a }, b: { _in: $b } }) { id } } }";
        let ask = |a: Json, b: Json| {
            let app = &app;
            async move { run(app, &Principal::admin(), query, json!({ "a": a, "b": b })).await }
        };
        let replies = {
            // One and the same plan, and the same values one after the other.
            ask(json!([1]), json!([2, 3])).await;
            let (_, replies) = together(
                &app,
                vec![ask(json!([1]), json!([2, 3])).boxed_local(), ask(json!([1, 2]), json!([3])).boxed_local()],
            )
            .await;
            replies
        };
        let ids = |reply: &Json| reply["data"]["person_by_id"]["letter"].to_string();
        assert_eq!(ids(&replies[0]), r#"[{"id":"1"},{"id":"2"}]"#, "{kind:?}");
        assert_eq!(ids(&replies[1]), r#"[{"id":"2"},{"id":"3"}]"#, "{kind:?}");
        app.end().await;
    }
}
