//! GraphQL over Server-Sent Events in its single connection mode.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value as Json, json};

use tokio::time::timeout;

use super::{desk, desks, titled};
use crate::support::{Kind, Settings, Stream, TOKEN, TestApp, TestDatabase, followed, server_options};

const FOLLOW: &str = "subscription { article_mutated { key event position data { title } } }";
const TOKEN_OF_STREAM: &str = "x-graphql-event-stream-token";

async fn sqlite(settings: Settings) -> TestApp {
    TestApp::start_with(Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await), settings).await
}

async fn sent(request: RequestBuilder) -> (u16, String) {
    let response = request.bearer_auth(TOKEN).send().await.expect("the gateway answers");
    (response.status().as_u16(), response.text().await.expect("the answer is whole"))
}

async fn reserve(app: &TestApp) -> String {
    let (status, token) = sent(app.request(Method::PUT, "/graphql")).await;
    assert_eq!(status, 201, "{token}");
    token
}

/// Asks until the answer has a status.
async fn answers(status: u16, request: impl Fn() -> RequestBuilder) {
    let asking = async { while sent(request()).await.0 != status {} };
    timeout(Duration::from_secs(20), asking).await.expect("it is answered so in time");
}

fn operation(app: &TestApp, token: &str, id: &str, query: &str) -> RequestBuilder {
    let body = json!({ "query": query, "extensions": { "operationId": id } });
    app.request(Method::POST, "/graphql").header(TOKEN_OF_STREAM, token).json(&body)
}

async fn accepted(request: RequestBuilder) {
    assert_eq!(sent(request).await, (202, String::new()));
}

fn stopped(app: &TestApp, token: &str, id: &str) -> RequestBuilder {
    app.request(Method::DELETE, &format!("/graphql?operationId={id}&token={token}"))
}

fn opening(app: &TestApp, token: &str) -> RequestBuilder {
    app.request(Method::GET, &format!("/graphql?token={token}")).header("accept", "text/event-stream")
}

async fn refused(request: RequestBuilder) -> (u16, Json) {
    let (status, text) = sent(request).await;
    let answer: Json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text:?} is JSON"));
    (status, answer["errors"][0]["extensions"]["code"].clone())
}

#[tokio::test]
async fn operations_share_one_stream() {
    for (kind, app) in desks().await.each() {
        let token = reserve(app).await;
        // The stream needs not be there for an operation to begin.
        accepted(operation(app, &token, "first", FOLLOW)).await;
        titled(app, "before").await;
        let mut stream = Stream::open(opening(app, &token)).await;
        let (id, told) = stream.json("next").await;
        assert_eq!(
            (&told["id"], &told["payload"]["data"]["article_mutated"]["position"]),
            (&json!("first"), &json!(id))
        );

        accepted(operation(app, &token, "ask", "{ article(limit: 1) { title } }")).await;
        let answer = json!({ "id": "ask", "payload": { "data": { "article": [{ "title": "one" }] } } });
        assert_eq!(stream.json("next").await.1, answer, "{kind:?}");
        assert_eq!(stream.json("complete").await.1, json!({ "id": "ask" }));

        accepted(operation(app, &token, "second", FOLLOW)).await;
        titled(app, "both").await;
        let mut ids = Vec::new();
        for _ in 0..2 {
            let told = stream.json("next").await.1;
            assert_eq!(told["payload"]["data"]["article_mutated"]["data"]["title"], "both");
            ids.push(told["id"].as_str().expect("it says which").to_owned());
        }
        ids.sort();
        assert_eq!(ids, ["first", "second"]);

        assert_eq!(sent(stopped(app, &token, "first")).await, (200, String::new()));
        titled(app, "one").await;
        assert_eq!(stream.json("next").await.1["id"], "second");
        drop(stream);
        followed(app, 0).await;
    }
}

#[tokio::test]
async fn an_operation_goes_on_where_it_stopped() {
    let app = sqlite(Settings::default()).await;
    let token = reserve(&app).await;
    accepted(operation(&app, &token, "1", FOLLOW)).await;
    let mut stream = Stream::open(opening(&app, &token)).await;
    titled(&app, "seen").await;
    let (id, _) = stream.json("next").await;
    drop(stream);
    followed(&app, 0).await;
    titled(&app, "missed").await;
    let token = reserve(&app).await;
    let mut stream = Stream::open(opening(&app, &token)).await;
    accepted(operation(&app, &token, "1", FOLLOW).header("last-event-id", &id)).await;
    let told = stream.json("next").await.1;
    assert_eq!(told["payload"]["data"]["article_mutated"]["data"]["title"], "missed");
    // What cannot go on is told in the stream, and over.
    accepted(operation(&app, &token, "2", FOLLOW).header("last-event-id", "0-0")).await;
    let told = stream.json("next").await.1;
    assert_eq!((&told["id"], &told["payload"]["errors"][0]["extensions"]["code"]), (&json!("2"), &json!("RESET")));
    assert_eq!(stream.json("complete").await.1, json!({ "id": "2" }));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let settings = Settings { server: Some(server_options()), ..Settings::default() };
    let app = sqlite(settings).await;
    let token = reserve(&app).await;
    for (request, expected) in [
        (opening(&app, "unknown"), (404, "ROUTE_NOT_FOUND")),
        (operation(&app, "unknown", "1", FOLLOW), (404, "ROUTE_NOT_FOUND")),
        (stopped(&app, "unknown", "1"), (404, "ROUTE_NOT_FOUND")),
        (app.request(Method::DELETE, &format!("/graphql?token={token}")), (400, "INVALID_QUERY")),
        (app.request(Method::DELETE, "/graphql"), (405, "METHOD_NOT_ALLOWED")),
        (operation(&app, &token, "", FOLLOW), (400, "INVALID_PAYLOAD")),
        (operation(&app, &token, "1", "subscription { nothing }"), (200, "GRAPHQL_VALIDATION")),
        (app.request(Method::GET, &format!("/graphql?token={token}&query=%7B")), (400, "INVALID_PAYLOAD")),
    ] {
        assert_eq!(refused(request).await, (expected.0, json!(expected.1)));
    }
    // Nothing is left of what was refused.
    accepted(operation(&app, &token, "1", FOLLOW)).await;
    assert_eq!(refused(operation(&app, &token, "1", FOLLOW)).await, (409, json!("CONFLICT")));
    let stream = Stream::open(opening(&app, &token)).await;
    assert_eq!(refused(opening(&app, &token)).await, (409, json!("CONFLICT")));
    drop(stream);
    followed(&app, 0).await;
    assert_eq!(refused(operation(&app, &token, "1", FOLLOW)).await, (404, json!("ROUTE_NOT_FOUND")));

    let reserved = |token: Option<&str>| {
        let request = app.request(Method::PUT, "/graphql");
        token.map_or_else(|| app.request(Method::PUT, "/graphql"), |token| request.bearer_auth(token)).send()
    };
    let status = |response: reqwest::Result<Response>| response.expect("the gateway answers").status().as_u16();
    assert_eq!(status(reserved(Some("wrong")).await), 401);
    assert_eq!(status(reserved(None).await), 403);
}

#[tokio::test]
async fn reservations_are_limited_and_expire() {
    let mut server = server_options();
    server.sockets.connections = 2;
    server.sockets.operations = 1;
    server.sockets.reservation = Duration::from_millis(1);
    let app = sqlite(Settings { server: Some(server), ..Settings::default() }).await;
    let token = reserve(&app).await;
    answers(404, || operation(&app, &token, "1", FOLLOW)).await;
    followed(&app, 0).await;

    let mut server = server_options();
    server.sockets.connections = 2;
    server.sockets.operations = 1;
    let app = sqlite(Settings { server: Some(server), ..Settings::default() }).await;
    let token = reserve(&app).await;
    accepted(operation(&app, &token, "1", FOLLOW)).await;
    assert_eq!(refused(operation(&app, &token, "2", FOLLOW)).await, (403, json!("LIMIT_EXCEEDED")));
    let stream = Stream::open(opening(&app, &token)).await;
    reserve(&app).await;
    for request in [app.request(Method::PUT, "/graphql"), app.request(Method::GET, "/stream?collections=article")] {
        assert_eq!(refused(request).await, (403, json!("FORBIDDEN")));
    }
    drop(stream);
    answers(201, || app.request(Method::PUT, "/graphql")).await;
    // Streams that nobody opened do not keep a gateway that stops.
    app.stop().await;
}
