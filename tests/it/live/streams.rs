//! Changes over HTTP: GraphQL over Server-Sent Events, multipart subscriptions,
//! and the plain feed.

use std::sync::Arc;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::{desk, desks, titled};
use crate::support::{Kind, Stream, TOKEN, TestApp, TestDatabase, followed};

const FOLLOW: &str = "subscription { article_mutated { key event data { title } } }";

fn sse(app: &TestApp, query: &str) -> RequestBuilder {
    app.request(Method::POST, "/graphql").header("accept", "text/event-stream").json(&json!({ "query": query }))
}

/// A path with a query string.
fn encoded(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{path}?{query}")
}

async fn sqlite() -> TestApp {
    TestApp::start(Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await)).await
}

#[tokio::test]
async fn a_subscription_is_a_stream_of_events_that_goes_on_where_it_stopped() {
    for (kind, app) in desks().await.each() {
        let mut stream = Stream::open(sse(app, FOLLOW)).await;
        assert_eq!(stream.content_type(), "text/event-stream; charset=utf-8");
        assert_eq!(stream.response.headers()["cache-control"], "no-cache");
        followed(app, 1).await;
        titled(app, "a").await;
        let told = |key: &str, title: &str| {
            let change = json!({ "key": key, "event": "create", "data": { "title": title } });
            json!({ "data": { "article_mutated": change } })
        };
        let (id, data) = stream.json("next").await;
        assert_eq!(data, told("3", "a"), "{kind:?}");
        drop(stream);
        followed(app, 0).await;
        titled(app, "b").await;
        let mut stream = Stream::open(sse(app, FOLLOW).header("last-event-id", &id)).await;
        followed(app, 1).await;
        titled(app, "c").await;
        assert_eq!(stream.json("next").await.1, told("4", "b"), "{kind:?}");
        assert_eq!(stream.json("next").await.1, told("5", "c"), "{kind:?}");
    }
}

#[tokio::test]
async fn whatever_is_no_subscription_is_answered_and_complete() {
    let app = sqlite().await;
    for (query, expected) in [
        ("{ article_by_id(id: 1) { title } }", json!({ "article_by_id": { "title": "one" } })),
        ("mutation { delete_article_item(id: 2) { id } }", json!({ "delete_article_item": { "id": "2" } })),
    ] {
        let mut stream = Stream::open(sse(&app, query)).await;
        assert_eq!(stream.json("next").await.1, json!({ "data": expected }));
        assert_eq!(stream.event().await, Some((None, "complete".to_owned(), String::new())));
        assert_eq!(stream.event().await, None);
    }
    let mut stream = Stream::open(sse(&app, "subscription { nothing }")).await;
    assert_eq!(stream.json("next").await.1["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION");
    assert_eq!(stream.event().await.unwrap().1, "complete");
    let mut stream = Stream::open(sse(&app, FOLLOW).header("last-event-id", "x")).await;
    assert_eq!(stream.json("next").await.1["errors"][0]["extensions"]["reason"], "not_a_position");
    assert_eq!(stream.event().await.unwrap().1, "complete");
}

#[tokio::test]
async fn a_stream_by_get_reads_and_follows_but_writes_nothing() {
    let app = sqlite().await;
    let get = |query: &str| {
        let path = encoded("/graphql", &[("query", query)]);
        app.request(Method::GET, &path).header("accept", "text/event-stream")
    };
    let mut stream = Stream::open(get(FOLLOW)).await;
    followed(&app, 1).await;
    titled(&app, "a").await;
    assert_eq!(stream.json("next").await.1["data"]["article_mutated"]["key"], "3");
    let mut stream = Stream::open(get("mutation { delete_article_item(id: 1) { id } }")).await;
    assert_eq!(stream.json("next").await.1["errors"][0]["extensions"]["code"], "METHOD_NOT_ALLOWED");
    assert_eq!(app.data("{ article_by_id(id: 1) { id } }").await["article_by_id"]["id"], "1");
}

#[tokio::test]
async fn without_a_stream_a_subscription_is_refused() {
    let app = sqlite().await;
    let refused = app.graphql(FOLLOW).await;
    assert_eq!(refused.codes(), ["INVALID_QUERY"]);
}

#[tokio::test]
async fn apollos_clients_get_parts() {
    let app = sqlite().await;
    let accept = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json";
    let request = app.request(Method::POST, "/graphql").header("accept", accept).json(&json!({ "query": FOLLOW }));
    let mut stream = Stream::open(request).await;
    assert_eq!(stream.content_type(), "multipart/mixed; boundary=graphql; subscriptionSpec=1.0");
    assert_eq!(stream.until("\r\n--graphql").await.as_deref(), Some(""));
    followed(&app, 1).await;
    titled(&app, "a").await;
    let part = stream.until("\r\n--graphql").await.unwrap();
    let body = part.strip_prefix("\r\nContent-Type: application/json\r\n\r\n").expect("a part has a head");
    let payload: Json = serde_json::from_str(body).unwrap();
    assert_eq!(payload["payload"]["data"]["article_mutated"]["data"]["title"], "a");
}

#[tokio::test]
async fn a_feed_needs_no_graphql() {
    for (kind, app) in desks().await.each() {
        let feed = |id: Option<&str>| {
            let path = "/stream?collections=article,author&events=create,delete&fields=*,author.name";
            let request = app.request(Method::GET, path);
            match id {
                Some(id) => request.header("last-event-id", id),
                None => request,
            }
        };
        let mut stream = Stream::open(feed(None)).await;
        assert_eq!(stream.content_type(), "text/event-stream; charset=utf-8");
        followed(app, 2).await;
        app.data("mutation { create_author_item(data: { name: \"Cid\" }) { id } }").await;
        let (_, created) = stream.json("create").await;
        assert_eq!((&created["collection"], &created["key"]), (&json!("author"), &json!("3")), "{kind:?}");
        assert_eq!(created["data"]["name"], "Cid", "{kind:?}: {created}");
        app.data("mutation { update_author_item(id: 3, data: { name: \"Sid\" }) { id } }").await;
        titled(app, "a").await;
        let (id, created) = stream.json("create").await;
        let expected =
            json!({ "id": "3", "title": "a", "status": "draft", "words": null, "due": null, "author": null });
        assert_eq!((&created["collection"], &created["data"]), (&json!("article"), &expected), "{kind:?}");
        drop(stream);
        followed(app, 0).await;

        app.data("mutation { delete_author_item(id: 3) { id } }").await;
        app.data("mutation { delete_article_item(id: 3) { id } }").await;
        let mut stream = Stream::open(feed(Some(&id))).await;
        let mut gone = Vec::new();
        for _ in 0..2 {
            let (_, deleted) = stream.json("delete").await;
            assert_eq!(deleted["data"], Json::Null, "{kind:?}");
            gone.push(format!("{} {}", deleted["collection"], deleted["key"]));
        }
        gone.sort();
        assert_eq!(gone, ["\"article\" \"3\"", "\"author\" \"3\""], "{kind:?}");
    }
}

#[tokio::test]
async fn a_feed_takes_a_filter_and_paths_of_fields() {
    let app = sqlite().await;
    let parameters =
        [("collections", "article"), ("fields", "title,author.name,author.id"), ("filter", r#"{"words":{"_gte":50}}"#)];
    let mut stream = Stream::open(app.request(Method::GET, &encoded("/stream", &parameters))).await;
    followed(&app, 1).await;
    app.data("mutation { update_article_item(id: 1, data: { words: 49 }) { id } }").await;
    app.data("mutation { update_article_item(id: 1, data: { words: 50 }) { id } }").await;
    let (id, update) = stream.json("update").await;
    assert_eq!(update["transition"], "enter");
    assert_eq!(update["data"], json!({ "title": "one", "author": { "name": "Ann", "id": "1" } }));
    assert_eq!(update["position"], id.as_str());
}

#[tokio::test]
async fn a_feed_that_cannot_go_on_says_so() {
    let app = sqlite().await;
    let head = app.events.log().head();
    let other = tidegate::events::Position { epoch: head.epoch - 1, ..head };
    let mut stream =
        Stream::open(app.request(Method::GET, &format!("/stream?collections=article&after={other}"))).await;
    let (_, reset) = stream.json("reset").await;
    assert_eq!((&reset["reason"], &reset["collection"]), (&json!("other_epoch"), &json!("article")));
    assert_eq!(stream.event().await, None);

    // Whoever comes back goes on with the other collection where it was.
    let after = format!("article:{other}%20author:{head}");
    let both = format!("/stream?collections=article,author&after={after}");
    let mut stream = Stream::open(app.request(Method::GET, &both)).await;
    let (id, reset) = stream.json("reset").await;
    assert_eq!(reset["collection"], "article");
    assert_eq!(id, format!("article:{head} author:{head}"));

    let mut stream = Stream::open(app.request(Method::GET, "/stream?collections=article")).await;
    followed(&app, 1).await;
    app.events.log().break_off();
    assert_eq!(stream.json("reset").await.1["reason"], "broken_off");
    assert_eq!(stream.event().await, None);

    for (query, status) in [
        ("", 400),
        ("?collections=", 400),
        ("?collections=nothing", 403),
        ("?collections=article&events=born", 400),
        ("?collections=article&fields=a%20b", 400),
        ("?collections=article&fields=nothing", 400),
        ("?collections=article,author&fields=title", 400),
        ("?collections=article&filter=x", 400),
        ("?collections=article&filter=%7B%22words%22:%7B%22_eq%22:%22x%22%7D%7D", 400),
        ("?collections=article&overflow=never", 400),
        ("?collections=article&events=create,delete&overflow=latest", 400),
    ] {
        let response = app.request(Method::GET, &format!("/stream{query}")).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(response.status(), status, "{query}");
    }
    let public = app.request(Method::GET, "/stream?collections=article").send().await.unwrap();
    assert_eq!(public.status(), 403);
}

#[tokio::test]
async fn a_gateway_that_stops_ends_its_streams() {
    let app = sqlite().await;
    let mut stream = Stream::open(app.request(Method::GET, "/stream?collections=article")).await;
    followed(&app, 1).await;
    let stopping = tokio::spawn(app.stop());
    assert_eq!(stream.event().await, None);
    stopping.await.expect("it stops");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_first_change_loses_none() {
    let app = sqlite().await;
    let graphql = || sse(&app, FOLLOW);
    let feed = || app.request(Method::GET, "/stream?collections=article&events=create");
    for open in [&graphql as &dyn Fn() -> RequestBuilder, &feed] {
        let mut stream = Stream::open(open()).await;
        let opening = stream.until("\n\n").await.expect("it begins");
        let id = opening.lines().find_map(|line| line.strip_prefix("id: ")).expect("it says where").to_owned();
        drop(stream);
        followed(&app, 0).await;
        titled(&app, "meanwhile").await;
        let mut stream = Stream::open(open().header("last-event-id", &id)).await;
        let (_, _, data) = stream.event().await.expect("the stream goes on");
        assert!(data.contains("meanwhile"), "{data}");
        drop(stream);
        followed(&app, 0).await;
    }
}

#[tokio::test]
async fn after_a_reset_a_feed_goes_on_without_another_gap() {
    let app = sqlite().await;
    let path = "/stream?collections=article,author";
    let mut stream = Stream::open(app.request(Method::GET, path).header("last-event-id", "0-0")).await;
    let (_, article) = stream.json("reset").await;
    let (id, author) = stream.json("reset").await;
    assert_eq!((&article["collection"], &author["collection"]), (&json!("article"), &json!("author")));
    assert!(id.contains(author["position"].as_str().expect("where the log is")), "{id} {author}");
    assert_eq!(stream.event().await, None);
    titled(&app, "meanwhile").await;
    let mut stream = Stream::open(app.request(Method::GET, path).header("last-event-id", &id)).await;
    assert_eq!(stream.json("create").await.1["data"]["title"], "meanwhile");
}
