//! Clients that do not read, or give no sign of life.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::desk;
use crate::support::{Kind, Settings, Socket, Stream, TestApp, TestDatabase, followed, server_options};

const PATIENCE: Duration = Duration::from_secs(60);

async fn limited(change: impl FnOnce(&mut tidegate::server::SocketOptions)) -> TestApp {
    let mut server = server_options();
    change(&mut server.sockets);
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await);
    let app = TestApp::start_with(data, Settings { server: Some(server), ..Settings::default() }).await;
    let article = format!("{{ title: \"{}\" }}", "x".repeat(40));
    let articles = vec![article; 100].join(", ");
    app.data(&format!("mutation {{ create_article_items(data: [{articles}]) {{ id }} }}")).await;
    app
}

/// A subscription whose changes are of 10 KB each.
pub(super) fn large(arguments: &str, more: &str) -> String {
    let fields: Vec<String> = (0..190).map(|at| format!("pad{at}: title")).collect();
    format!("subscription {{ article_mutated{arguments} {{ {more} data {{ id {} }} }} }}", fields.join(" "))
}

/// Makes changes until nobody is left to follow them: they fill whatever room the
/// system has for a connection, and the queue behind it.
async fn flood(app: &TestApp) {
    let ids: Vec<String> = (1..=100).map(|id| id.to_string()).collect();
    let ids = ids.join(", ");
    let flooding = async {
        for words in 0.. {
            if app.service.hub().following() == 0 {
                return;
            }
            let update = format!("update_article_items(ids: [{ids}], data: {{ words: {words} }}) {{ id }}");
            app.data(&format!("mutation {{ {update} }}")).await;
        }
    };
    timeout(PATIENCE, flooding).await.expect("who does not read is given up");
}

#[tokio::test]
async fn a_socket_that_is_not_read_is_closed_and_told_so() {
    let app = limited(|sockets| sockets.write = Duration::from_secs(2)).await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", &large("", "position")).await;
    followed(&app, 1).await;
    flood(&app).await;
    let mut last = Json::Null;
    let code = loop {
        match socket.next_or_closed().await {
            Ok(mut message) => last = message["payload"]["data"]["article_mutated"]["position"].take(),
            Err(closed) => break closed,
        }
    };
    assert_eq!(code, (4410, "Too slow; resume from your last position".to_owned()));
    // Which it can.
    let mut again = Socket::connect(&app).await;
    again.subscribe("1", &large(&format!("(after: {last})"), "position")).await;
    let next = again.change("1").await;
    let offset = |position: &Json| {
        let (_, offset) = position.as_str().expect("a position").rsplit_once('-').expect("it has two parts");
        u64::from_str_radix(offset, 16).expect("it is a number")
    };
    assert!(offset(&next["position"]) > offset(&last), "{last} {}", next["position"]);
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_given_up() {
    let app = limited(|sockets| sockets.write = Duration::from_millis(100)).await;
    let query = json!({ "query": large("", "key") });
    let request = app.request(reqwest::Method::POST, "/graphql").header("accept", "text/event-stream").json(&query);
    let stream = Stream::open(request).await;
    followed(&app, 1).await;
    flood(&app).await;
    drop(stream);
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_closed() {
    let app = limited(|sockets| sockets.ping = Duration::from_millis(100)).await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", "subscription { article_mutated { key } }").await;
    followed(&app, 1).await;
    // It answers pings only while it is read.
    followed(&app, 0).await;
    assert_eq!(socket.closed().await, (4411, "Idle".to_owned()));
}

#[tokio::test]
async fn what_is_given_up_while_it_catches_up_leaves_nothing_behind() {
    let app = limited(|_| {}).await;
    let mut socket = Socket::connect(&app).await;
    let snapshot = large("(snapshot: true)", "snapshot");
    for at in 0..40 {
        let id = at.to_string();
        socket.subscribe(&id, &snapshot).await;
        // Sometimes before it has begun, sometimes in the midst of it.
        for _ in 0..at {
            socket.change(&id).await;
        }
        socket.send(&json!({ "type": "complete", "id": id })).await;
        socket.send(&json!({ "type": "ping", "payload": { "round": at } })).await;
        while socket.next().await["type"] != "pong" {}
        followed(&app, 0).await;
    }
    app.data("mutation { update_article_item(id: 1, data: { words: 1 }) { id } }").await;
    assert!(socket.is_quiet().await);
}
