//! What subscriptions tell of changes.

use serde_json::{Value as Json, json};

use super::desks;
use crate::support::{Kind, Socket, TestApp, followed};

async fn write(app: &TestApp, mutation: &str) -> Json {
    app.data(&format!("mutation {{ {mutation} }}")).await
}

#[tokio::test]
async fn every_change_of_a_row_is_told() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        let fields = "key event position at data { id title author { name } } __typename";
        socket.subscribe("1", &format!("subscription {{ article_mutated {{ {fields} }} }}")).await;
        followed(app, 1).await;
        write(app, "create_article_item(data: { title: \"new\", author: { id: 2 } }) { id }").await;
        let created = socket.change("1").await;
        assert_eq!((&created["key"], &created["event"]), (&json!("3"), &json!("create")), "{kind:?}");
        assert_eq!(created["data"], json!({ "id": "3", "title": "new", "author": { "name": "Bob" } }), "{kind:?}");
        assert_eq!(created["__typename"], "article_mutated");
        assert!(created["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{created}");

        write(app, "update_article_items(ids: [1, 2], data: { words: 5 }) { id }").await;
        let updated = [socket.change("1").await, socket.change("1").await];
        assert_eq!(updated.each_ref().map(|change| change["key"].as_str().unwrap()), ["1", "2"], "{kind:?}");
        assert!(updated.iter().all(|change| change["event"] == "update"), "{kind:?}: {updated:?}");
        let positions = [&created, &updated[0], &updated[1]].map(|change| change["position"].as_str().unwrap());
        assert!(positions.is_sorted(), "{kind:?}: {positions:?}");

        write(app, "delete_article_item(id: 3) { id }").await;
        let deleted = socket.change("1").await;
        assert_eq!(
            (&deleted["key"], &deleted["event"], &deleted["data"]),
            (&json!("3"), &json!("delete"), &Json::Null)
        );
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

#[tokio::test]
async fn the_event_is_chosen_by_a_literal_or_a_variable() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        socket.subscribe("1", "subscription { article_mutated(event: delete) { key event } }").await;
        let by_variable = "subscription ($event: EventEnum) { article_mutated(event: $event) { key event } }";
        socket.subscribe_with("2", by_variable, json!({ "event": "create" })).await;
        followed(app, 2).await;
        write(app, "create_article_item(data: { title: \"new\" }) { id }").await;
        assert_eq!(socket.change("2").await, json!({ "key": "3", "event": "create" }), "{kind:?}");
        write(app, "update_article_item(id: 3, data: { words: 1 }) { id }").await;
        write(app, "delete_article_item(id: 3) { id }").await;
        assert_eq!(socket.change("1").await, json!({ "key": "3", "event": "delete" }), "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

/// What happens to rows of a set: those that come in, stay, leave and go.
async fn keeps_a_set_true(app: &TestApp, filter: &str) {
    let mut socket = Socket::connect(app).await;
    let document =
        format!("subscription {{ article_mutated(filter: {filter}) {{ key event transition data {{ title }} }} }}");
    socket.subscribe("1", &document).await;
    followed(app, 1).await;
    let told = |key: &str, event: &str, transition: Json, title: Option<&str>| {
        let data = title.map(|title| json!({ "title": title }));
        json!({ "key": key, "event": event, "transition": transition, "data": data })
    };
    // Neither in the set before nor after.
    write(app, "update_article_item(id: 1, data: { title: \"uno\" }) { id }").await;
    write(app, "update_article_item(id: 1, data: { status: \"done\", words: 20, author: { id: 2 } }) { id }").await;
    assert_eq!(socket.change("1").await, told("1", "update", json!("enter"), Some("uno")));
    write(app, "update_article_item(id: 1, data: { title: \"eins\" }) { id }").await;
    assert_eq!(socket.change("1").await, told("1", "update", Json::Null, Some("eins")));
    write(app, "update_article_item(id: 1, data: { status: \"draft\", words: 10, author: { id: 1 } }) { id }").await;
    assert_eq!(socket.change("1").await, told("1", "update", json!("leave"), None));
    // Of a row that they could not see they hear nothing, not even that it goes.
    write(app, "delete_article_item(id: 1) { id }").await;
    write(app, "delete_article_item(id: 2) { id }").await;
    assert_eq!(socket.change("1").await, told("2", "delete", Json::Null, None));
    write(app, "create_article_item(data: { title: \"x\", status: \"draft\", words: 1, author: { id: 1 } }) { id }")
        .await;
    write(app, "create_article_item(data: { title: \"y\", status: \"done\", words: 20, author: { id: 2 } }) { id }")
        .await;
    assert_eq!(socket.change("1").await, told("4", "create", Json::Null, Some("y")));
    assert!(socket.is_quiet().await);
}

#[tokio::test]
async fn rows_enter_and_leave_a_set_that_a_row_alone_tells() {
    for (kind, app) in desks().await.each() {
        let (before, ()) = app.statements_of(async {}).await;
        assert_eq!(before, 0, "{kind:?}");
        keeps_a_set_true(app, "{ status: { _eq: \"done\" } }").await;
    }
    for (_, app) in desks().await.each() {
        keeps_a_set_true(app, "{ _or: [{ words: { _gt: 15.5 } }, { title: { _contains: \"none\" } }] }").await;
    }
}

#[tokio::test]
async fn rows_enter_and_leave_a_set_that_only_the_database_tells() {
    for (_, app) in desks().await.each() {
        keeps_a_set_true(app, "{ author: { name: { _eq: \"Bob\" } } }").await;
    }
    for (_, app) in desks().await.each() {
        keeps_a_set_true(app, "{ status: { _icontains: \"DON\" } }").await;
    }
}

#[tokio::test]
async fn subscribers_of_one_kind_cost_as_many_statements_as_one() {
    for (kind, app) in desks().await.each() {
        let mut sockets = Vec::new();
        for at in 0..20 {
            let mut socket = Socket::connect(app).await;
            // The same but for what the variables are.
            let document = "subscription ($of: GraphQLStringOrFloat) {
                article_mutated(filter: { author: { id: { _eq: $of } } }) { key data { title author { name } } } }";
            socket.subscribe_with("a", document, json!({ "of": if at % 2 == 0 { 1 } else { 2 } })).await;
            socket.subscribe("b", "subscription { article_mutated { key data { title words } } }").await;
            sockets.push(socket);
        }
        followed(app, 40).await;
        let cost_of_writing =
            app.statements_of(write(app, "update_author_item(id: 2, data: { name: \"Rob\" }) { id }")).await.0;
        let told = async {
            write(app, "update_article_item(id: 1, data: { words: 77 }) { id }").await;
            for (at, socket) in sockets.iter_mut().enumerate() {
                let mut expected = vec![json!({ "key": "1", "data": { "title": "one", "words": 77 } })];
                if at % 2 == 0 {
                    expected.insert(0, json!({ "key": "1", "data": { "title": "one", "author": { "name": "Ann" } } }));
                }
                for _ in 0..expected.len() {
                    let mut message = socket.next().await;
                    let change = message["payload"]["data"]["article_mutated"].take();
                    assert!(expected.contains(&change), "{kind:?}: {change}");
                    expected.retain(|known| *known != change);
                }
            }
        };
        let (statements, ()) = app.statements_of(told).await;
        // One asks who belongs to an author, for each of the two; one reads the other's row.
        assert!(statements <= cost_of_writing + 5, "{kind:?}: {statements} of {cost_of_writing}");
    }
}

#[tokio::test]
async fn nested_rows_are_told_of_by_themselves() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        socket.subscribe("1", "subscription { author_mutated { key event data { name } } }").await;
        followed(app, 1).await;
        write(app, "create_article_item(data: { title: \"new\", author: { name: \"Cid\" } }) { id }").await;
        let expected = json!({ "key": "3", "event": "create", "data": { "name": "Cid" } });
        assert_eq!(socket.change("1").await, expected, "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused_with_an_error() {
    let apps = desks().await;
    let (kind, app) = apps.each().next().unwrap();
    assert_eq!(kind, Kind::Sqlite);
    let mut socket = Socket::connect(app).await;
    for (document, code) in [
        ("subscription { article_mutated { key nothing } }", "GRAPHQL_VALIDATION"),
        ("subscription { article_mutated(event: \"create\") { key } }", "GRAPHQL_VALIDATION"),
        ("subscription { article_mutated(event: born) { key } }", "GRAPHQL_VALIDATION"),
        ("subscription { article_mutated { key } author_mutated { key } }", "GRAPHQL_VALIDATION"),
        ("subscription { __typename }", "GRAPHQL_VALIDATION"),
        ("subscription { article_mutated { key }", "GRAPHQL_VALIDATION"),
        ("subscription { article_mutated(filter: { words: { _eq: \"x\" } }) { key } }", "INVALID_QUERY"),
    ] {
        socket.subscribe("1", document).await;
        let refused = socket.next().await;
        assert_eq!((&refused["id"], &refused["type"]), (&json!("1"), &json!("error")), "{document}: {refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], code, "{document}: {refused}");
        assert!(refused["payload"][0]["message"].is_string(), "{document}: {refused}");
    }
    // Its id is free again.
    socket.subscribe("1", "{ article { id } }").await;
    assert_eq!(socket.data("1").await["article"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn queries_and_mutations_work_as_well() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        socket.subscribe("q", "{ article_by_id(id: 2) { title } }").await;
        assert_eq!(socket.data("q").await, json!({ "article_by_id": { "title": "two" } }), "{kind:?}");
        assert_eq!(socket.next().await, json!({ "id": "q", "type": "complete" }), "{kind:?}");
        socket.subscribe("m", "mutation { create_author_item(data: { name: \"Dan\" }) { id name } }").await;
        let created = json!({ "create_author_item": { "id": "3", "name": "Dan" } });
        assert_eq!(socket.data("m").await, created, "{kind:?}");
        assert_eq!(socket.next().await, json!({ "id": "m", "type": "complete" }), "{kind:?}");
    }
}
