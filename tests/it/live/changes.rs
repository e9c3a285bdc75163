//! What subscriptions tell of changes.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::timeout;

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
        let update = |words: u32| format!("update_article_item(id: 1, data: {{ words: {words} }}) {{ id }}");
        let cost_of_writing = app.statements_of(write(app, &update(11))).await.0;
        let mut socket = Socket::connect(app).await;
        let filter = "{ status: { _eq: \"draft\" }, words: { _gt: 5 } }";
        socket
            .subscribe("1", &format!("subscription {{ article_mutated(filter: {filter}) {{ data {{ words }} }} }}"))
            .await;
        followed(app, 1).await;
        let told = async {
            write(app, &update(10)).await;
            assert_eq!(socket.change("1").await, json!({ "data": { "words": 10 } }));
        };
        assert_eq!(app.statements_of(told).await.0, cost_of_writing, "{kind:?}");
        drop(socket);
        followed(app, 0).await;
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
async fn a_related_row_moves_others_in_and_out() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        let document =
            "subscription { article_mutated(snapshot: true, filter: { author: { name: { _eq: \"Bob\" } } }) {
            snapshot key event transition data { title } } }";
        socket.subscribe("1", document).await;
        let told = |snapshot: bool, event: Json, transition: Json, key: &str, title: Option<&str>| {
            let data = title.map(|title| json!({ "title": title }));
            json!({ "snapshot": snapshot, "key": key, "event": event, "transition": transition, "data": data })
        };
        let was_there = told(true, Json::Null, Json::Null, "2", Some("two"));
        assert_eq!(socket.change("1").await, was_there, "{kind:?}");
        assert_eq!(socket.change("1").await, told(true, Json::Null, Json::Null, "", None), "{kind:?}");
        followed(app, 1).await;
        write(app, "update_author_item(id: 1, data: { name: \"Bob\" }) { id }").await;
        let entered = told(false, json!("update"), json!("enter"), "1", Some("one"));
        assert_eq!(socket.change("1").await, entered, "{kind:?}");
        write(app, "update_author_item(id: 2, data: { name: \"Rob\" }) { id }").await;
        let left = told(false, json!("update"), json!("leave"), "2", None);
        assert_eq!(socket.change("1").await, left, "{kind:?}");
        // What it does not look at is no reason to ask the database.
        write(app, "create_article_item(data: { title: \"new\", author: { id: 1 } }) { id }").await;
        assert_eq!(socket.change("1").await["event"], "create", "{kind:?}");
        write(app, "delete_article_item(id: 1) { id }").await;
        assert_eq!(socket.change("1").await["event"], "delete", "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_set_that_is_kept_never_shows_what_a_row_was_outside_of_it() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        let filter = "{ author: { name: { _eq: \"Ann\" } } }";
        socket
            .subscribe("1", &format!("subscription {{ article_mutated(filter: {filter}) {{ key data {{ title }} }} }}"))
            .await;
        followed(app, 1).await;
        let change = |at: &str, title: &str, author: u8| {
            format!(
                "{at}: update_article_item(id: 1, data: {{ title: \"{title}\", author: {{ id: {author} }} }}) {{ id }}"
            )
        };
        let both = format!("mutation @transaction {{ {} {} }}", change("a", "secret", 2), change("b", "public", 1));
        app.data(&both).await;
        // One that is made outside of the set and moved into it.
        let made = "create_article_item(data: { title: \"hidden\", author: { id: 2 } }) { id }";
        app.data(&format!("mutation @transaction {{ {made} b: update_article_item(id: 3, data: {{ title: \"shown\", author: {{ id: 1 }} }}) {{ id }} }}")).await;
        let mut titles = Vec::new();
        while titles.last().is_none_or(|title| *title != json!("shown")) {
            titles.push(socket.change("1").await["data"]["title"].take());
        }
        assert!(titles.iter().all(|title| [json!("public"), json!("shown")].contains(title)), "{kind:?}: {titles:?}");
    }
}

#[tokio::test]
async fn a_large_commit_closes_nobody_who_reads() {
    const ROWS: usize = 3_000;
    let apps = desks().await;
    let (_, app) = apps.each().next().unwrap();
    let mut socket = Socket::connect(app).await;
    socket.subscribe("1", "subscription { article_mutated { key } }").await;
    followed(app, 1).await;
    let create = "mutation ($articles: [create_article_input!]) { create_article_items(data: $articles) { id } }";
    app.data_with(create, json!({ "articles": vec![json!({ "title": "x" }); ROWS] })).await;
    for key in 3..3 + ROWS {
        assert_eq!(socket.change("1").await["key"], key.to_string());
    }
}

#[tokio::test]
async fn each_of_two_quick_changes_is_judged_by_itself() {
    for (kind, app) in desks().await.each() {
        let mut socket = Socket::connect(app).await;
        let filter = "{ due_func: { year: { _eq: 2024 } }, title: { _icontains: \"O\" } }";
        let fields = "key event transition";
        let document = format!("subscription {{ article_mutated(filter: {filter}) {{ {fields} }} }}");
        socket.subscribe("1", &document).await;
        followed(app, 1).await;
        let change =
            |name: &str, due: &str| format!("{name}: update_article_item(id: 1, data: {{ due: {due} }}) {{ id }}");
        let changes = [("a", "\"2024-02-29\""), ("b", "\"2025-01-01\""), ("c", "\"2024-12-31\""), ("d", "null")];
        let changes: Vec<String> = changes.iter().map(|(name, due)| change(name, due)).collect();
        app.data(&format!("mutation {{ {} }}", changes.join(" "))).await;
        for transition in ["enter", "leave", "enter", "leave"] {
            let expected = json!({ "key": "1", "event": "update", "transition": transition });
            assert_eq!(socket.change("1").await, expected, "{kind:?}");
        }
        // Of one transaction nobody is told what was between.
        app.data(&format!("mutation @transaction {{ {} }}", changes.join(" "))).await;
        app.data(&format!("mutation @transaction {{ {} }}", changes[..3].join(" "))).await;
        let expected = json!({ "key": "1", "event": "update", "transition": "enter" });
        assert_eq!(socket.change("1").await, expected, "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
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
async fn a_change_costs_a_statement_for_each_class_at_most() {
    const CLASSES: usize = 64;
    for (kind, app) in desks().await.each() {
        let update = |words: usize| format!("update_article_item(id: 1, data: {{ words: {words} }}) {{ id }}");
        let cost_of_writing = app.statements_of(write(app, &update(99))).await.0;
        let mut socket = Socket::connect(app).await;
        for at in 0..4 * CLASSES {
            let class = at % CLASSES;
            let (words, shown) = (class / 2, ["title author { name }", "words author { id name }"][class % 2]);
            let document = format!(
                "subscription {{ article_mutated(filter: {{ words: {{ _gt: {words} }} }}) {{ key data {{ {shown} }} }} }}"
            );
            socket.subscribe(&at.to_string(), &document).await;
        }
        followed(app, 4 * CLASSES).await;
        let told = async {
            write(app, &update(100)).await;
            for _ in 0..4 * CLASSES {
                let message = socket.next().await;
                assert_eq!(message["payload"]["data"]["article_mutated"]["data"]["author"]["name"], "Ann");
            }
        };
        let (statements, ()) = app.statements_of(told).await;
        assert!(statements <= cost_of_writing + CLASSES as u64 + 1, "{kind:?}: {statements} of {cost_of_writing}");
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

#[tokio::test]
async fn conditions_hold_in_memory_of_what_they_hold_in_the_database() {
    let script = |kind: Kind| {
        let truth = if kind == Kind::MySql { "TINYINT(1)" } else { "BOOLEAN" };
        let (json, blob) = match kind {
            Kind::Postgres => ("JSONB", "BYTEA"),
            Kind::MySql => ("JSON", "VARBINARY(9)"),
            Kind::Sqlite => ("JSON", "BLOB"),
        };
        let bytes = if kind == Kind::Postgres { "'\\x00ff'" } else { "x'00ff'" };
        let [yes, no] = if kind == Kind::Postgres { ["true", "false"] } else { ["1", "0"] };
        format!(
            "CREATE TABLE thing (id INT PRIMARY KEY, flag {truth}, size BIGINT, price DECIMAL(10, 2), ratio DOUBLE PRECISION,
                 name VARCHAR(20), code CHAR(4), made DATE, seen TIMESTAMP NULL, meta {json}, small REAL, raw {blob});
             INSERT INTO thing (id, flag, size, price, ratio, name, code, made, seen) VALUES
                 (1, {yes}, 5, 1.50, 0.5, 'Ann', 'ab', '2024-02-29', '2024-02-29 10:00:00'),
                 (2, {no}, -7, 12.00, 2.25, 'ann', 'AB', '2023-12-31', '2023-12-31 23:59:59'),
                 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
                 (4, {yes}, 9007199254740993, 0.00, -1.0, '', '', '1999-01-01', '1999-01-01 00:00:00'),
                 (5, {no}, 0, 99.99, 100.0, 'a%b_c', 'a_', '2024-03-01', '2024-03-01 12:30:00');
             UPDATE thing SET meta = '{{\"color\": \"red\", \"size\": 3.5}}', small = 0.1, raw = {bytes} WHERE id = 1;
             UPDATE thing SET meta = '{{\"color\": \"blue\", \"size\": 2}}', small = 0.25, raw = '' WHERE id = 2;"
        )
    };
    let filters = [
        "flag: { _eq: true }",
        "flag: { _neq: true }",
        "flag: { _null: true }",
        "size: { _gt: 0 }",
        "size: { _lt: 6 }",
        "size: { _gte: -7 }",
        "size: { _in: [5, 0, 5] }",
        "size: { _nin: [5] }",
        "size: { _between: [-10, 5] }",
        "size: { _nbetween: [-10, 5] }",
        "size: { _neq: 5 }",
        "price: { _gt: 1.5 }",
        "ratio: { _lte: 0.5 }",
        "name: { _eq: \"Ann\" }",
        "name: { _neq: \"Ann\" }",
        "name: { _contains: \"nn\" }",
        "name: { _icontains: \"AN\" }",
        "name: { _ncontains: \"nn\" }",
        "name: { _starts_with: \"a%\" }",
        "name: { _ends_with: \"_c\" }",
        "name: { _empty: true }",
        "name: { _nempty: true }",
        "code: { _eq: \"ab\" }",
        "made: { _gt: \"2023-12-31\" }",
        "seen: { _lte: \"2024-02-29T10:00:00Z\" }",
        "seen: { _between: [\"2023-12-31T23:59:59Z\", \"2024-03-01T00:00:00Z\"] }",
        "made: { _in: [\"1999-01-01\", \"2024-02-29\"] }",
        "made: { _null: true }",
        "made_func: { year: { _eq: 2024 } }",
        "seen_func: { hour: { _lt: 12 } }",
        "made_func: { weekday: { _eq: 0 } }",
        "price: { _eq: 12 }",
        "price: { _in: [\"0.00\", 99.99] }",
        "price: { _null: true }",
        "ratio: { _eq: 2.25 }",
        "ratio: { _between: [-2, 2.25] }",
        "name: { _istarts_with: \"AN\" }",
        "name: { _iends_with: \"_C\" }",
        "name: { _in: [\"ann\", \"\"] }",
        "code: { _contains: \"b\" }",
        "code: { _ends_with: \"b\" }",
        "code: { _null: false }",
        "meta: { _json: { color: { _eq: \"red\" } } }",
        "meta: { _json: { size: { _gt: 3 } } }",
        "meta: { _null: true }",
        "small: { _eq: 0.1 }",
        "small: { _gt: 0.1 }",
        "raw: { _null: true }",
        "raw: { _empty: true }",
        "_and: [{ price: { _gte: 1.5 } }, { size: { _lt: 6 } }, { name: { _icontains: \"n\" } }]",
        "_or: [{ flag: { _eq: true } }, { size: { _eq: -7 } }]",
        "_and: [{ flag: { _eq: true } }, { name: { _nnull: true } }]",
    ];
    for (kind, app) in crate::support::Everywhere::own(script).await.each() {
        let mut socket = Socket::connect(app).await;
        let mut expected: Vec<(String, String)> = Vec::new();
        for (at, filter) in filters.iter().enumerate() {
            let found = app.data(&format!("{{ thing(filter: {{ {filter} }}) {{ id }} }}")).await;
            let keys = found["thing"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
            expected.extend(keys.map(|key| (at.to_string(), key)));
            let document =
                format!("subscription {{ thing_mutated(filter: {{ {filter} }}) {{ key event transition }} }}");
            socket.subscribe(&at.to_string(), &document).await;
        }
        followed(app, filters.len()).await;
        // Each row goes; whoever had it in its set is told, once, and nobody else.
        for id in 1..=5 {
            write(app, &format!("delete_thing_item(id: {id}) {{ id }}")).await;
        }
        let mut told = Vec::new();
        for _ in 0..expected.len() {
            // What is missing is named below.
            let Ok(message) = timeout(Duration::from_secs(10), socket.next()).await else { break };
            let change = &message["payload"]["data"]["thing_mutated"];
            assert_eq!(
                (&change["event"], &change["transition"]),
                (&json!("delete"), &Json::Null),
                "{kind:?}: {message}"
            );
            told.push((message["id"].as_str().unwrap().to_owned(), change["key"].as_str().unwrap().to_owned()));
        }
        told.sort();
        expected.sort();
        let named = |(at, key): &(String, String)| format!("{key}: {}", filters[at.parse::<usize>().unwrap()]);
        let [told, expected] = [told, expected].map(|list| list.iter().map(named).collect::<Vec<_>>());
        assert_eq!(told, expected, "{kind:?}");
        assert!(socket.is_quiet().await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_snapshot_of_nothing_says_so() {
    for (kind, app) in desks().await.each() {
        for filter in
            ["{ words: { _gt: 99 } }", "{ due: { _gt: \"2024-01-01\" } }", "{ author: { name: { _eq: \"x\" } } }"]
        {
            let mut socket = Socket::connect(app).await;
            let document =
                format!("subscription {{ article_mutated(snapshot: true, filter: {filter}) {{ key position }} }}");
            socket.subscribe("1", &document).await;
            let end = socket.change("1").await;
            assert_eq!(end["key"], "", "{kind:?} {filter}");
            assert_ne!(end["position"], "", "{kind:?} {filter}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_told_before_any_change() {
    for (kind, app) in desks().await.each() {
        for filter in ["{ words: { _gt: 0 } }", "{ status: { _in: [\"draft\", \"done\"] } }"] {
            let mut socket = Socket::connect(app).await;
            let fields = "snapshot key event position data { title }";
            let document =
                format!("subscription {{ article_mutated(snapshot: true, filter: {filter}) {{ {fields} }} }}");
            socket.subscribe("1", &document).await;
            for (key, title) in [("1", Some("one")), ("2", Some("two")), ("", None)] {
                let row = socket.change("1").await;
                let expected = json!(title.map(|title| json!({ "title": title })));
                assert_eq!((&row["key"], &row["data"]), (&json!(key), &expected), "{kind:?} {filter}");
                assert_eq!((&row["snapshot"], &row["event"]), (&json!(true), &Json::Null), "{kind:?} {filter}");
                // Whoever stops in the middle begins anew.
                assert_eq!(row["position"] != "", key.is_empty(), "{kind:?} {filter}: {row}");
            }
            followed(app, 1).await;
            write(app, "update_article_item(id: 2, data: { words: 21 }) { id }").await;
            let change = socket.change("1").await;
            assert_eq!((&change["snapshot"], &change["event"]), (&json!(false), &json!("update")), "{kind:?} {filter}");
            write(app, "update_article_item(id: 2, data: { words: 20 }) { id }").await;
            assert_eq!(socket.change("1").await["key"], "2");
            drop(socket);
            followed(app, 0).await;
        }
    }
}
