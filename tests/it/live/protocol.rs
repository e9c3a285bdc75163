//! The protocol `graphql-transport-ws` and the contract's close codes.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio_tungstenite::tungstenite::{self, Message};

use super::desk;
use crate::support::{Kind, Settings, Socket, TOKEN, TestApp, TestDatabase, followed, server_options};

const FOLLOW: &str = "subscription { article_mutated { key } }";

async fn app_with(settings: Settings) -> TestApp {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await);
    TestApp::start_with(data, settings).await
}

async fn app() -> TestApp {
    app_with(Settings::default()).await
}

/// With other limits of sockets.
async fn limited(change: impl FnOnce(&mut tidegate::server::SocketOptions)) -> TestApp {
    let mut server = server_options();
    change(&mut server.sockets);
    app_with(Settings { server: Some(server), ..Settings::default() }).await
}

#[tokio::test]
async fn the_connection_is_acknowledged_once() {
    let app = app().await;
    let mut socket = Socket::connect(&app).await;
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await.0, 4429);
}

#[tokio::test]
async fn credentials_decide_who_is_acknowledged() {
    let app = app().await;
    let accepted = [
        json!({ "access_token": TOKEN }),
        json!({ "Authorization": format!("Bearer {TOKEN}") }),
        json!({ "headers": { "authorization": format!("Bearer {TOKEN}") } }),
    ];
    for payload in accepted {
        let mut socket = Socket::silent(&app).await;
        socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }), "{payload}");
    }
    for message in [
        json!({ "type": "connection_init", "payload": { "access_token": "wrong" } }),
        json!({ "type": "connection_init", "payload": {} }),
        json!({ "type": "connection_init" }),
    ] {
        let mut socket = Socket::silent(&app).await;
        socket.send(&message).await;
        assert_eq!(socket.closed().await.0, 4403, "{message}");
    }
}

#[tokio::test]
async fn credentials_of_the_upgrade_count_too() {
    let app = app().await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let bearer = format!("Bearer {TOKEN}");
    let with_header = Socket::open(&app, "/graphql", &[protocol, ("authorization", &bearer)]).await;
    let with_query = Socket::open(&app, &format!("/graphql?access_token={TOKEN}"), &[protocol]).await;
    for socket in [with_header, with_query] {
        let mut socket = socket.expect("it opens");
        socket.send(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
    }
    let refused = Socket::open(&app, "/graphql?access_token=wrong", &[protocol]).await;
    let Err(tungstenite::Error::Http(response)) = refused else { panic!("a wrong token opens no socket") };
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn other_origins_open_no_socket() {
    let app = app().await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let own = format!("http://{}", app.address);
    assert!(Socket::open(&app, "/graphql", &[protocol, ("origin", &own)]).await.is_ok());
    let refused = Socket::open(&app, "/graphql", &[protocol, ("origin", "https://evil.example")]).await;
    let Err(tungstenite::Error::Http(response)) = refused else { panic!("another origin opens no socket") };
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn only_the_one_subprotocol_is_spoken() {
    let app = app().await;
    let mut socket = Socket::open(&app, "/graphql", &[]).await.expect("it opens");
    assert_eq!(socket.closed().await.0, 4406);
    let refused = Socket::open(&app, "/graphql", &[("sec-websocket-protocol", "graphql-ws")]).await;
    // The client's library refuses an answer without its subprotocol.
    assert!(refused.is_err());
}

#[tokio::test]
async fn what_comes_before_the_acknowledgement_is_refused() {
    let app = app().await;
    let mut socket = Socket::silent(&app).await;
    socket.subscribe("1", FOLLOW).await;
    assert_eq!(socket.closed().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    let app = limited(|sockets| sockets.init = Duration::from_millis(50)).await;
    let mut socket = Socket::silent(&app).await;
    assert_eq!(socket.closed().await.0, 4408);
    // One that was acknowledged has time.
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", FOLLOW).await;
    followed(&app, 1).await;
    app.data("mutation { delete_article_item(id: 1) { id } }").await;
    assert_eq!(socket.change("1").await, json!({ "key": "1" }));
}

#[tokio::test]
async fn an_id_is_used_once_at_a_time() {
    let app = app().await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("same", FOLLOW).await;
    followed(&app, 1).await;
    socket.send(&json!({ "id": "same", "type": "complete" })).await;
    followed(&app, 0).await;
    socket.subscribe("same", FOLLOW).await;
    followed(&app, 1).await;
    socket.subscribe("same", FOLLOW).await;
    assert_eq!(socket.closed().await, (4409, "Subscriber for same already exists".to_owned()));
    followed(&app, 0).await;
}

#[tokio::test]
async fn messages_that_the_protocol_does_not_know_close_the_connection() {
    let app = app().await;
    for message in [
        json!({ "type": "start", "id": "1" }),
        json!({ "type": "subscribe", "payload": { "query": FOLLOW } }),
        json!({ "type": "subscribe", "id": "1" }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": 1 } }),
        json!({ "type": "subscribe", "id": 1, "payload": { "query": FOLLOW } }),
        json!({ "type": "complete" }),
        json!({ "type": "connection_init", "payload": [] }),
    ] {
        let mut socket = Socket::connect(&app).await;
        socket.send(&message).await;
        assert_eq!(socket.closed().await.0, 4400, "{message}");
    }
    let mut socket = Socket::connect(&app).await;
    socket.send_message(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.closed().await.0, 4400);
}

#[tokio::test]
async fn what_is_no_message_is_told_and_nothing_else() {
    let app = app().await;
    let mut socket = Socket::connect(&app).await;
    for text in ["hello", "[]", "{}", "{\"type\":1}"] {
        socket.send_message(Message::text(text)).await;
        let notice = socket.next().await;
        assert_eq!((&notice["type"], &notice["status"]), (&json!("server"), &json!("error")), "{text}: {notice}");
        assert_eq!(notice["error"]["code"], "INVALID_PAYLOAD", "{text}");
    }
    assert!(socket.is_quiet().await);
}

#[tokio::test]
async fn pings_are_answered_on_both_levels() {
    let app = app().await;
    let mut socket = Socket::silent(&app).await;
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong" }));
    socket.send(&json!({ "type": "ping", "payload": { "a": [1] } })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong", "payload": { "a": [1] } }));
    socket.send(&json!({ "type": "pong" })).await;
    socket.send_message(Message::Ping(b"x".to_vec().into())).await;
    assert_eq!(socket.frame().await, Message::Pong(b"x".to_vec().into()));
}

#[tokio::test]
async fn credentials_can_be_renewed_while_it_runs() {
    let app = app().await;
    let mut socket = Socket::connect(&app).await;
    socket.send(&json!({ "type": "auth", "access_token": TOKEN, "uid": 7 })).await;
    assert_eq!(socket.next().await, json!({ "type": "auth", "status": "ok", "uid": 7 }));
    socket.send(&json!({ "type": "auth", "access_token": "wrong" })).await;
    let refused = socket.next().await;
    assert_eq!((&refused["status"], &refused["error"]["code"]), (&json!("error"), &json!("AUTH_FAILED")));
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn limits_are_told() {
    let app = limited(|sockets| {
        sockets.operations = 2;
        sockets.per_address = 2;
        sockets.message = 2_000;
    })
    .await;
    let mut socket = Socket::connect(&app).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, FOLLOW).await;
    }
    let refused = socket.next().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("3"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");

    let second = Socket::connect(&app).await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let third = Socket::open(&app, "/graphql", &[protocol]).await;
    let Err(tungstenite::Error::Http(response)) = third else { panic!("two sockets are all") };
    assert_eq!(response.status(), 403);
    drop(second);

    socket.send_message(Message::text(" ".repeat(2_001))).await;
    assert_eq!(socket.closed().await.0, 1009);
}

#[tokio::test]
async fn whoever_asks_for_it_knows_where_it_stands_before_anything_is_told() {
    let app = app().await;
    let mut socket = Socket::silent(&app).await;
    let payload = json!({ "access_token": TOKEN, "position": true });
    socket.send(&json!({ "type": "connection_init", "payload": payload })).await;
    let position = socket.next().await["payload"]["position"].take();
    assert_eq!(position, app.events.log().head().to_string());
    drop(socket);
    app.data("mutation { delete_article_item(id: 1) { id } }").await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", &format!("subscription {{ article_mutated(after: {position}) {{ key event }} }}")).await;
    assert_eq!(socket.change("1").await, json!({ "key": "1", "event": "delete" }));
}

#[tokio::test]
async fn a_gateway_that_stops_says_where_to_go_on() {
    let app = app().await;
    let mut socket = Socket::connect(&app).await;
    socket.subscribe("1", FOLLOW).await;
    followed(&app, 1).await;
    app.data("mutation { delete_article_item(id: 1) { id } }").await;
    assert_eq!(socket.change("1").await, json!({ "key": "1" }));
    let stopping = tokio::spawn(app.stop());
    assert_eq!(socket.closed().await, (1001, "Going away; resume from your last position".to_owned()));
    drop(socket);
    stopping.await.expect("it stops");
}
