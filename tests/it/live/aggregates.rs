//! Aggregates that are followed: told at first, and when they have changed.

use serde_json::{Value as Json, json};

use super::{desks, titled};
use crate::support::{Socket, followed};

const BY_STATUS: &str = "subscription ($of: String) { article_aggregated(
    groupBy: [\"status\"], sort: [\"status\"], filter: { title: { _neq: $of } }, perSecond: 20) { group countAll sum { words } } }";

/// Of each status how many, and how many words they have if any is known.
fn figures(rows: &[(&str, u64, Option<u64>)]) -> Json {
    let row = |(status, count, words): &(&str, u64, Option<u64>)| json!({ "group": { "status": status }, "countAll": count, "sum": { "words": words } });
    json!({ "article_aggregated": rows.iter().map(row).collect::<Vec<_>>() })
}

async fn all_told(socket: &mut Socket, last: &Json) {
    // What lies between may have been computed or not.
    while socket.data("1").await != *last {}
}

#[tokio::test]
async fn figures_are_told_at_first_and_when_they_change() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        socket.subscribe_with("1", BY_STATUS, json!({ "of": "x" })).await;
        assert_eq!(socket.data("1").await, figures(&[("done", 1, Some(20)), ("draft", 1, Some(10))]), "{kind:?}");
        app.data("mutation { update_article_item(id: 1, data: { words: 15 }) { id } }").await;
        assert_eq!(socket.data("1").await, figures(&[("done", 1, Some(20)), ("draft", 1, Some(15))]), "{kind:?}");
        for _ in 0..20 {
            titled(app, "new").await;
        }
        all_told(&mut socket, &figures(&[("done", 1, Some(20)), ("draft", 21, Some(15))])).await;
        // What it does not look at does not concern it; nor does what it leaves out.
        app.data("mutation { update_article_item(id: 1, data: { due: \"2024-01-01\" }) { id } }").await;
        titled(app, "x").await;
        assert!(socket.is_quiet().await, "{kind:?}");
        app.data("mutation { delete_article_item(id: 1) { id } }").await;
        all_told(&mut socket, &figures(&[("done", 1, Some(20)), ("draft", 20, None)])).await;
        drop(socket);
        followed(app, 0).await;
    }
}

#[tokio::test]
async fn related_rows_count_as_well() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        let document =
            "subscription { article_aggregated(filter: { author: { name: { _eq: \"Ann\" } } }) { countAll } }";
        socket.subscribe("1", document).await;
        let count = |count: u32| json!({ "article_aggregated": [{ "countAll": count }] });
        assert_eq!(socket.data("1").await, count(1), "{kind:?}");
        app.data("mutation { update_author_item(id: 2, data: { name: \"Ann\" }) { id } }").await;
        assert_eq!(socket.data("1").await, count(2), "{kind:?}");
    }
}

#[tokio::test]
async fn one_is_computed_for_all_who_follow_it() {
    for (kind, app) in desks().await.each() {
        let writing = app.statements_of(titled(app, "one more")).await.0;
        let mut sockets = Vec::new();
        for _ in 0..20 {
            let mut socket = Socket::connect(app).await;
            socket.subscribe_with("1", BY_STATUS, json!({ "of": "x" })).await;
            socket.data("1").await;
            sockets.push(socket);
        }
        let told = async {
            titled(app, "new").await;
            for socket in &mut sockets {
                all_told(socket, &figures(&[("done", 1, Some(20)), ("draft", 3, Some(10))])).await;
            }
        };
        let computing = app.statements_of(told).await.0 - writing;
        assert_eq!(computing, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_rate_that_is_none_is_refused() {
    let apps = desks().await;
    let (_, app) = apps.each().next().unwrap();
    let mut socket = Socket::connect(app).await;
    for rate in ["0", "-1", "21", "1e300"] {
        let document = format!("subscription {{ article_aggregated(perSecond: {rate}) {{ countAll }} }}");
        socket.subscribe("1", &document).await;
        let refused = socket.next().await;
        assert_eq!(refused["payload"][0]["extensions"]["code"], "INVALID_QUERY", "{rate}: {refused}");
    }
    socket.subscribe("1", "subscription { article_aggregated(perSecond: null) { countAll } }").await;
    assert_eq!(socket.data("1").await, json!({ "article_aggregated": [{ "countAll": 2 }] }));
}
