//! What one operation may cost, each limit refused with its own message and code.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tidegate::{engine, graphql::Limits, plan};

use crate::support::{Kind, Lock, Settings, TestApp, TestDatabase, slow_view};

async fn limited(limits: Limits) -> TestApp {
    let settings = Settings { limits, ..Settings::default() };
    TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, settings).await
}

fn lists(lists: plan::Limits) -> Limits {
    Limits { lists, ..Limits::default() }
}

/// A query is refused with a code, a category if any, and a message that holds a text; nothing is sent.
async fn check_refused(app: &TestApp, query: &str, code: &str, category: Option<&str>, message: &str) {
    let (statements, reply) = app.statements_of(app.graphql(query)).await;
    assert_eq!(statements, 0, "{query}");
    assert_eq!(reply.codes(), [code], "{query}: {}", reply.body);
    let error = &reply.body["errors"][0];
    assert_eq!(error["extensions"]["category"].as_str(), category, "{}", reply.body);
    assert!(error["message"].as_str().unwrap_or_default().contains(message), "{}", reply.body);
}

async fn check_served(app: &TestApp, query: &str) {
    let reply = app.graphql(query).await;
    assert!(reply.body.get("errors").is_none(), "{query}: {}", reply.body);
}

#[tokio::test]
async fn paths_are_as_deep_as_the_limit_in_selections_filters_and_sorts() {
    let app = limited(lists(plan::Limits { max_depth: 3, ..plan::Limits::default() })).await;
    for served in [
        "{ track(limit: 1) { album_id { artist_id { name } } } }",
        r#"{ track(limit: 1, filter: { album_id: { artist_id: { name: { _eq: "x" } } } }) { id } }"#,
        r#"{ track(limit: 1, sort: ["album_id.artist_id.name"]) { id } }"#,
    ] {
        check_served(&app, served).await;
    }
    for refused in [
        "{ artist(limit: 1) { album { track { album_id { title } } } } }",
        r#"{ artist(limit: 1, filter: { album: { track: { album_id: { title: { _eq: "x" } } } } }) { id } }"#,
        r#"{ artist(limit: 1, sort: ["album.track.album_id.title"]) { id } }"#,
        r#"{ artist(limit: 1) { album(filter: { track: { album_id: { artist_id: { id: { _eq: 1 } } } } }) { id } } }"#,
    ] {
        check_refused(&app, refused, "INVALID_QUERY", None, "3").await;
    }
}

#[tokio::test]
async fn a_document_has_a_limited_number_of_tokens() {
    let app = limited(Limits { tokens: 20, ..Limits::default() }).await;
    check_served(&app, "{ artist(limit: 1) { id name } }").await;
    let refused = "{ artist(limit: 1) { id name } album(limit: 1) { id title } }";
    check_refused(&app, refused, "GRAPHQL_VALIDATION", Some("tokens"), "more than 20 tokens").await;
}

#[tokio::test]
async fn a_document_has_a_limited_number_of_aliases_wherever_they_stand() {
    let app = limited(Limits { aliases: 2, ..Limits::default() }).await;
    check_served(&app, "{ a: artist(limit: 1) { b: id id } }").await;
    let refused = "{ a: artist(limit: 1) { ...F ... on artist { c: id } } } fragment F on artist { b: id }";
    check_refused(&app, refused, "LIMIT_EXCEEDED", Some("aliases"), "aliases: the limit is 2").await;
}

#[tokio::test]
async fn an_operation_has_a_limited_number_of_root_fields() {
    let app = limited(Limits { root_fields: 2, ..Limits::default() }).await;
    check_served(&app, "{ artist(limit: 1) { id } album(limit: 1) { id } }").await;
    let refused =
        "{ artist(limit: 1) { id } ...F } fragment F on Query { album(limit: 1) { id } track(limit: 1) { id } }";
    check_refused(&app, refused, "LIMIT_EXCEEDED", Some("root_fields"), "root fields: the limit is 2").await;
}

#[tokio::test]
async fn an_operation_has_a_limited_cost() {
    let app = limited(Limits { cost: 2_000, ..Limits::default() }).await;
    check_served(&app, "{ artist(limit: 100) { id name } }").await;
    check_served(&app, "{ artist(limit: 10) { id album(limit: 10) { id } } }").await;
    let deep = "{ artist(limit: 100) { id album(limit: 100) { id title } } }";
    check_refused(&app, deep, "LIMIT_EXCEEDED", Some("cost"), "the limit of 2000").await;
}

#[tokio::test]
async fn variables_cannot_slip_past_the_cost_of_a_cached_plan() {
    let app = limited(Limits { cost: 2_000, ..Limits::default() }).await;
    let query = "query Q($n: Int) { artist(limit: $n) { id album(limit: $n) { id title } } }";
    assert!(app.graphql_with(query, json!({ "n": 3 })).await.body.get("errors").is_none());
    assert_eq!(app.graphql_with(query, json!({ "n": 1000 })).await.codes(), ["LIMIT_EXCEEDED"]);
    assert!(app.graphql_with(query, json!({ "n": 4 })).await.body.get("errors").is_none());
}

#[tokio::test]
async fn lists_have_a_default_and_a_highest_limit() {
    let lists = plan::Limits { default_limit: 3, max_limit: Some(5), ..plan::Limits::default() };
    let app = limited(Limits { lists, ..Limits::default() }).await;
    let data = app.data("{ artist { id } five: artist(limit: 5) { id } }").await;
    assert_eq!(data["artist"].as_array().map(Vec::len), Some(3));
    assert_eq!(data["five"].as_array().map(Vec::len), Some(5));
    for query in ["{ artist(limit: 6) { id } }"] {
        let reply = app.graphql(query).await;
        assert_eq!(reply.codes(), ["INVALID_QUERY"], "{query}: {}", reply.body);
    }
}

#[tokio::test]
async fn without_introspection_there_is_no_schema_but_typenames() {
    let app = limited(Limits { introspection: false, ..Limits::default() }).await;
    for query in ["{ __schema { types { name } } }", r#"{ __type(name: "artist") { name } }"#] {
        let (statements, reply) = app.statements_of(app.graphql(query)).await;
        assert_eq!(statements, 0);
        assert!(!reply.codes().is_empty(), "{}", reply.body);
        assert!(reply.codes().iter().all(|code| *code == "GRAPHQL_VALIDATION"), "{}", reply.body);
        assert!(reply.body.get("data").is_none(), "{}", reply.body);
    }
    let data = app.data("{ __typename artist(limit: 1) { __typename } }").await;
    assert_eq!(data, json!({ "__typename": "Query", "artist": [{ "__typename": "artist" }] }));
    // Nor is it told piece by piece.
    let reply = app.graphql("{ artist { nam } }").await;
    assert!(!reply.body.to_string().contains("Did you mean"), "{}", reply.body);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_fails_its_field_alone() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, &slow_view(kind)).await);
        let statement_timeout = Some(Duration::from_millis(300));
        let app = TestApp::start_with(data, Settings { statement_timeout, ..Settings::default() }).await;
        let reply = app.graphql("{ slow { n } }").await;
        assert_eq!((reply.status, reply.codes()), (200, vec!["OUT_OF_TIME"]), "{kind:?}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["path"], json!(["slow"]));
        let by_id = app.graphql("{ quick_by_id(id: 1) { id } }").await;
        assert_eq!(by_id.body, json!({ "data": { "quick_by_id": { "id": "1" } } }), "{kind:?}");
    }
}

#[tokio::test]
async fn who_finds_no_free_connection_in_time_is_told_so() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, &slow_view(kind)).await);
        let acquire_timeout = Some(Duration::from_millis(200));
        let settings = Settings { acquire_timeout, max_connections: Some(1), ..Settings::default() };
        let app = TestApp::start_with(data, settings).await;
        let slow = app.graphql("{ slow { n } }");
        let quick = async {
            // The slow one has been sent when it has been counted.
            while app.database.statements_sent() == 0 {
                tokio::task::yield_now().await;
            }
            app.graphql("{ quick { id } }").await
        };
        let reply = tokio::select! {
            reply = slow => panic!("the slow one is not done: {}", reply.body),
            reply = quick => reply,
        };
        assert_eq!(reply.codes(), ["SERVICE_UNAVAILABLE"], "{kind:?}: {}", reply.body);
        app.end().await;
    }
}

#[tokio::test]
async fn who_waits_for_a_connection_gets_it_when_it_is_free() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let data = Arc::new(TestDatabase::create(kind, &slow_view(kind)).await);
        let settings = Settings { max_connections: Some(1), ..Settings::default() };
        let app = TestApp::start_with(data.clone(), settings).await;
        let lock = Lock::hold(&data, "quick").await;
        let queries = futures_util::future::join_all((0..8).map(|_| app.graphql("{ quick { id } }")));
        let release = async {
            lock.until_someone_waits().await;
            lock.release().await;
        };
        let (replies, ()) = futures_util::future::join(queries, release).await;
        for reply in replies {
            assert_eq!(reply.body, json!({ "data": { "quick": [{ "id": "1" }] } }), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_cache_too_small_for_any_plan_changes_no_answer() {
    let app = limited(Limits { plan_cache_bytes: 1, ..Limits::default() }).await;
    for limit in 1..20 {
        let query = format!("query Q($id: ID!) {{ artist(limit: {limit}) {{ id }} artist_by_id(id: $id) {{ id }} }}");
        let reply = app.graphql_with(&query, json!({ "id": limit })).await;
        assert_eq!(reply.body["data"]["artist"].as_array().map(Vec::len), Some(limit), "{}", reply.body);
        assert_eq!(reply.body["data"]["artist_by_id"]["id"], limit.to_string());
    }
}

#[tokio::test]
async fn fragments_cannot_stand_for_more_fields_than_a_document_may_have() {
    let app = limited(Limits::default()).await;
    let doubling: String =
        (0..60).map(|at| format!("fragment F{at} on artist {{ id ...F{0} ...F{0} }} ", at + 1)).collect();
    let bomb = format!("{{ artist {{ ...F0 }} }} {doubling} fragment F60 on artist {{ name }}");
    check_refused(&app, &bomb, "LIMIT_EXCEEDED", Some("fields"), "20000").await;
    let circle = "{ artist { ...A } } fragment A on artist { ...B } fragment B on artist { ...A }";
    check_refused(&app, circle, "GRAPHQL_VALIDATION", Some("fragments"), "within itself").await;
}

#[tokio::test]
async fn an_operation_has_a_limited_number_of_statements() {
    let app = limited(Limits { statements: 3, ..Limits::default() }).await;
    check_served(&app, "{ artist { album { track { id } } } }").await;
    let four = "{ artist { album { track { genre_id { name } } } } }";
    check_refused(&app, four, "LIMIT_EXCEEDED", Some("statements"), "3").await;
}

#[tokio::test]
async fn the_schema_cannot_be_asked_for_lists_within_lists_without_end() {
    let app = limited(Limits::default()).await;
    check_served(&app, r#"{ __type(name: "artist") { fields { type { fields { type { fields { name } } } } } } }"#)
        .await;
    let four = r#"{ __type(name: "artist") { fields { type { ...F } } } }
        fragment F on __Type { fields { type { fields { type { inputFields { name } fields { name } } } } } }"#;
    check_refused(&app, four, "LIMIT_EXCEEDED", Some("introspection"), "3").await;
}

#[tokio::test]
async fn filters_sorts_and_lists_have_a_limited_size() {
    let app = limited(Limits::default()).await;
    let many = |count: usize| {
        let condition = r#"{ "name": { "_eq": "x" } }"#;
        format!(r#"{{ "_or": [{}] }}"#, vec![condition; count].join(","))
    };
    let query = "query Q($filter: artist_filter) { artist(filter: $filter) { id } }";
    for (count, refused) in [(200, false), (251, true)] {
        let filter: serde_json::Value = serde_json::from_str(&many(count)).expect("the filter is JSON");
        let reply = app.graphql_with(query, serde_json::json!({ "filter": filter })).await;
        assert_eq!(reply.codes() == ["INVALID_QUERY"], refused, "{count}: {}", reply.body);
    }
    let sort = vec![r#""album.title""#; 21].join(",");
    let reply = app.graphql(&format!("{{ artist(sort: [{sort}]) {{ id }} }}")).await;
    assert_eq!(reply.codes(), ["INVALID_QUERY"]);
    let ids: Vec<u32> = (0..10_001).collect();
    let query = "query Q($ids: [GraphQLStringOrFloat]) { artist(filter: { id: { _in: $ids } }) { id } }";
    let reply = app.graphql_with(query, serde_json::json!({ "ids": ids })).await;
    assert_eq!(reply.codes(), ["INVALID_QUERY"]);
}

/// Rows that many lead to are read once, but written out for each of them.
#[tokio::test]
async fn an_answer_has_a_limited_number_of_bytes() {
    let engine = engine::Options { max_answer: 20_000, ..engine::Options::default() };
    let app =
        TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, Settings { engine, ..Settings::default() }).await;
    check_served(&app, "{ artist(limit: 100) { id name } }").await;
    let around = "album { artist_id { album { artist_id { album { title } } } } }";
    for (query, path) in [
        (format!("{{ artist(limit: -1) {{ {around} }} }}"), "artist"),
        (format!("{{ small: artist(limit: 1) {{ id }} many: artist(limit: -1) {{ {around} }} }}"), "many"),
        ("{ some: track(limit: 5000) { name composer } }".to_owned(), "some"),
    ] {
        let reply = app.graphql(&query).await;
        assert_eq!(reply.codes(), ["LIMIT_EXCEEDED"], "{query}: {}", reply.body);
        let error = &reply.body["errors"][0];
        assert_eq!(error["path"], json!([path]), "{}", reply.body);
        assert_eq!(error["extensions"]["category"], "answer", "{}", reply.body);
        assert!(error["message"].as_str().unwrap_or_default().contains("20000 bytes"), "{}", reply.body);
        assert!(reply.body["data"].get(path).is_none_or(serde_json::Value::is_null), "{}", reply.body);
    }
}
