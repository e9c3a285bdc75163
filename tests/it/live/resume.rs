//! Coming back to where one stopped, and being told where that cannot be.

use serde_json::{Value as Json, json};

use super::{desk, desks, titled};
use crate::support::{Kind, Socket, TestApp, TestDatabase, followed};

const FOLLOW: &str =
    "subscription ($after: String) { article_mutated(after: $after, filter: { status: { _eq: \"draft\" } }) {
        key event transition position data { title } } }";

#[tokio::test]
async fn whoever_comes_back_is_told_all_that_came_meanwhile() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        socket.subscribe("1", FOLLOW).await;
        followed(app, 1).await;
        titled(app, "a").await;
        let last = socket.change("1").await["position"].take();
        drop(socket);
        followed(app, 0).await;

        titled(app, "b").await;
        app.data("mutation { update_article_item(id: 1, data: { status: \"done\" }) { id } }").await;
        app.data("mutation { delete_article_item(id: 3) { id } }").await;
        app.data("mutation { delete_article_item(id: 2) { id } }").await;
        let mut socket = Socket::connect(app).await;
        socket.subscribe_with("1", FOLLOW, json!({ "after": last })).await;
        titled(app, "c").await;
        let mut told = Vec::new();
        for _ in 0..4 {
            let change = socket.change("1").await;
            told.push((change["key"].clone(), change["event"].clone(), change["transition"].clone()));
        }
        let expected = [
            ("4", "create", Json::Null),
            ("1", "update", json!("leave")),
            ("3", "delete", Json::Null),
            ("5", "create", Json::Null),
        ];
        let expected = expected.map(|(key, event, transition)| (json!(key), json!(event), transition));
        assert_eq!(told, expected, "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_long_way_back_is_told_in_order_while_more_comes() {
    let data = std::sync::Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await);
    let app = TestApp::start(data).await;
    let start = app.events.log().head();
    let many = |from: usize| {
        let rows: Vec<Json> = (from..from + 500).map(|at| json!({ "title": format!("t{at}") })).collect();
        json!({ "rows": rows })
    };
    let create = "mutation ($rows: [create_article_input!]) { create_article_items(data: $rows) { id } }";
    for from in [0, 500, 1_000] {
        app.data_with(create, many(from)).await;
    }
    let mut socket = Socket::connect(&app).await;
    socket.subscribe_with("1", FOLLOW, json!({ "after": start.to_string() })).await;
    for from in [1_500, 2_000] {
        app.data_with(create, many(from)).await;
    }
    for at in 0..2_500 {
        assert_eq!(socket.change("1").await["data"]["title"], format!("t{at}"));
    }
    assert!(socket.is_quiet().await);
}

#[tokio::test]
async fn a_position_of_no_use_is_an_explicit_reset() {
    let data = std::sync::Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await);
    let app = TestApp::start(data).await;
    titled(&app, "a").await;
    let head = app.events.log().head();
    let other = tidegate::events::Position { epoch: head.epoch - 1, ..head };
    let future = tidegate::events::Position { offset: head.offset + 5, ..head };
    let mut socket = Socket::connect(&app).await;
    for (after, reason) in
        [(other.to_string(), "other_epoch"), (future.to_string(), "future"), ("x".to_owned(), "not_a_position")]
    {
        socket.subscribe_with("1", FOLLOW, json!({ "after": after })).await;
        let ended = socket.next().await;
        assert_eq!((&ended["id"], &ended["type"]), (&json!("1"), &json!("error")), "{ended}");
        let extensions = &ended["payload"][0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["reason"]), (&json!("RESET"), &json!(reason)), "{ended}");
        assert!(extensions["position"].is_string(), "{ended}");
    }
    // A filter that looks beyond the row says nothing of rows as they were.
    let related = "subscription ($after: String) {
        article_mutated(after: $after, filter: { author: { name: { _eq: \"Ann\" } } }) { key } }";
    let start = tidegate::events::Position { offset: 0, ..head };
    socket.subscribe_with("1", related, json!({ "after": start.to_string() })).await;
    assert_eq!(socket.next().await["payload"][0]["extensions"]["reason"], "not_replayable");
    socket.subscribe_with("1", related, json!({ "after": head.to_string() })).await;
    followed(&app, 1).await;
}

#[tokio::test]
async fn a_log_that_breaks_off_resets_whoever_follows() {
    let data = std::sync::Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await);
    let app = TestApp::start(data).await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", FOLLOW).await;
    followed(&app, 1).await;
    app.events.log().break_off();
    let ended = socket.next().await;
    assert_eq!(ended["payload"][0]["extensions"]["reason"], "broken_off", "{ended}");
    followed(&app, 0).await;
    // It begins anew.
    socket.subscribe("1", FOLLOW).await;
    followed(&app, 1).await;
    titled(&app, "a").await;
    assert_eq!(socket.change("1").await["data"], json!({ "title": "a" }));
}

#[tokio::test]
async fn nothing_is_lost_between_the_head_and_now() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        for round in 0..30 {
            let head = app.events.log().head();
            let id = round.to_string();
            // At the same time: the change may come before the subscription does, or behind it.
            let title = format!("t{round}");
            let follow = socket.subscribe_with(&id, FOLLOW, json!({ "after": head.to_string() }));
            tokio::join!(follow, titled(app, &title));
            assert_eq!(socket.change(&id).await["data"], json!({ "title": title }), "{kind:?}");
            socket.send(&json!({ "id": id, "type": "complete" })).await;
        }
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}
