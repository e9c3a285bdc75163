//! What one transaction covers, and what happens when transactions meet.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tidegate::engine;

use super::{press, presses};
use crate::support::{Everywhere, Kind, Lock, Settings, TestApp, TestDatabase};

#[tokio::test]
async fn each_root_field_is_a_transaction_of_its_own() {
    let apps = presses().await;
    apps.gives_in_part(
        r#"mutation {
            first: create_tag_item(data: { name: "a" }) { name }
            second: create_tag_item(data: { name: "red" }) { name }
            third: update_tag_item(id: 9, data: { name: "x" }) { name }
            fourth: delete_article_item(id: 1) { id }
            fifth: create_tag_item(data: { name: "b" }) { name }
        }"#,
        json!({ "first": { "name": "a" }, "second": null, "third": null, "fourth": null, "fifth": { "name": "b" } }),
        &[("RECORD_NOT_UNIQUE", "second"), ("FORBIDDEN", "third"), ("INVALID_FOREIGN_KEY", "fourth")],
    )
    .await;
    apps.holds("SELECT name FROM tag ORDER BY name", "a, b, blue, red").await;
}

#[tokio::test]
async fn a_root_field_that_is_never_null_ends_the_operation() {
    for list in [
        r#"create_tag_items(data: [{ name: "x" }, { name: "red" }]) { name }"#,
        r#"update_tag_items(ids: [1, 2], data: { name: "y" }) { name }"#,
        r#"update_tag_batch(data: [{ id: 1, name: "blue" }]) { name }"#,
        r#"upsert_tag_items(data: [{ id: 1, name: "blue" }]) { name }"#,
        r#"update_tag_where(filter: {}, limit: 1, data: { name: "y" }) { name }"#,
    ] {
        let apps = presses().await;
        let document = format!(
            "mutation {{ a: create_tag_item(data: {{ name: \"a\" }}) {{ name }} list: {list} b: create_tag_item(data: {{ name: \"b\" }}) {{ name }} }}"
        );
        for (kind, app) in apps.each() {
            let reply = app.graphql(&document).await;
            assert_eq!(reply.status, 200, "{kind:?}");
            assert!(reply.body.get("data").is_none_or(Json::is_null), "{kind:?}: {:#}", reply.body);
            assert_eq!(reply.codes().len(), 1, "{kind:?}: {:#}", reply.body);
            assert_eq!(reply.body["errors"][0]["path"], json!(["list"]), "{kind:?}");
        }
        // What came before stays, what would have come after does not happen.
        apps.holds("SELECT name FROM tag ORDER BY name", "a, blue, red").await;
    }
}

#[tokio::test]
async fn one_transaction_for_all_keeps_all_or_nothing() {
    let apps = presses().await;
    apps.gives(
        r#"mutation @transaction {
            __typename
            first: create_tag_item(data: { name: "a" }) { name }
            list: update_tag_items(ids: [1], data: { name: "RED" }) { name }
            again: update_tag_item(id: 1, data: { name: "scarlet" }) { name }
            gone: delete_picture_item(id: 3) { id }
        }"#,
        // Read back once all is done: what stands then.
        json!({
            "__typename": "Mutation", "first": { "name": "a" }, "list": [{ "name": "scarlet" }], "again": { "name": "scarlet" }, "gone": { "id": "3" },
        }),
    )
    .await;
    let before = apps.contents().await;
    for failing in [
        r#"failing: create_tag_item(data: { name: "blue" }) { name }"#,
        r#"failing: update_tag_item(id: 99, data: { name: "x" }) { name }"#,
        r#"failing: update_tag_item(id: "x", data: { name: "x" }) { name }"#,
        r#"failing: create_tag_items(data: [{ name: "x" }, { name: "x" }]) { name }"#,
        "failing: delete_article_item(id: 1) { id }",
        "failing: delete_article_where(filter: {}, limit: 0) { ids }",
        r#"failing: upsert_tag_item(data: { name: "x" }, on: ["nonsense"]) { id }"#,
    ] {
        for directive in ["@transaction", "@transaction(scope: OPERATION)"] {
            let document = format!(
                "mutation {directive} {{
                    first: create_tag_item(data: {{ name: \"b\" }}) {{ name }}
                    second: delete_picture_items(ids: [1, 2]) {{ ids }}
                    {failing}
                    last: create_tag_item(data: {{ name: \"c\" }}) {{ name }}
                }}"
            );
            for (kind, app) in apps.each() {
                let reply = app.graphql(&document).await;
                assert_eq!(reply.status, 200, "{kind:?}");
                assert_eq!(reply.body["data"], Json::Null, "{kind:?}: {document}\n{:#}", reply.body);
                assert_eq!(reply.codes().len(), 1, "{kind:?}: {:#}", reply.body);
                assert_eq!(reply.body["errors"][0]["path"], json!(["failing"]), "{kind:?}: {:#}", reply.body);
            }
            assert_eq!(apps.contents().await, before, "{document}");
        }
    }
}

#[tokio::test]
async fn the_default_can_be_said() {
    let apps = presses().await;
    apps.gives_in_part(
        r#"mutation @transaction(scope: FIELD) {
            first: create_tag_item(data: { name: "a" }) { name }
            second: create_tag_item(data: { name: "red" }) { name }
        }"#,
        json!({ "first": { "name": "a" }, "second": null }),
        &[("RECORD_NOT_UNIQUE", "second")],
    )
    .await;
    for misuse in [
        "mutation @transaction(scope: NONSENSE) { delete_picture_item(id: 1) { id } }",
        "mutation @transaction(scope: \"FIELD\") { delete_picture_item(id: 1) { id } }",
        "mutation @transaction(scope: null) { delete_picture_item(id: 1) { id } }",
        "mutation @transaction(nonsense: FIELD) { delete_picture_item(id: 1) { id } }",
        "mutation @transaction @transaction { delete_picture_item(id: 1) { id } }",
        "mutation { delete_picture_item(id: 1) @transaction { id } }",
        "query @transaction { picture { id } }",
    ] {
        apps.refuses(misuse, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
}

#[tokio::test]
async fn what_one_field_writes_the_next_one_finds() {
    for directive in ["", "@transaction"] {
        let apps = presses().await;
        let document = format!(
            r#"mutation {directive} {{
                a: create_author_item(data: {{ id: 80, name: "Dan" }}) {{ id }}
                b: create_article_item(data: {{ id: 80, title: "x", author: {{ id: 80 }} }}) {{ author {{ id }} }}
                c: update_author_where(filter: {{ article: {{ title: {{ _eq: "x" }} }} }}, limit: 1, data: {{ name: "Eve" }}) {{ name }}
                d: update_article_where(filter: {{ author: {{ name: {{ _eq: "Eve" }} }} }}, limit: 1, data: {{ words: 5 }}) {{ id }}
                e: delete_picture_where(filter: {{ article: {{ id: {{ _eq: 1 }} }} }}, limit: 2) {{ ids }}
                f: delete_picture_where(filter: {{}}, limit: 1) {{ ids }}
            }}"#
        );
        let expected = json!({
            "a": { "id": "80" }, "b": { "author": { "id": "80" } }, "c": [{ "name": "Eve" }], "d": [{ "id": "80" }],
            "e": { "ids": ["1", "2"] }, "f": { "ids": ["3"] },
        });
        apps.gives(&document, expected).await;
    }
}

#[tokio::test]
async fn what_one_transaction_deletes_again_cannot_be_shown() {
    let apps = presses().await;
    apps.gives_in_part(
        r#"mutation @transaction {
            made: create_tag_item(data: { id: 80, name: "a" }) { name }
            list: create_tag_items(data: [{ id: 81, name: "b" }, { id: 82, name: "c" }]) { name }
            gone: delete_tag_items(ids: [80, 81]) { ids }
        }"#,
        json!({ "made": null, "list": [{ "name": "c" }], "gone": { "ids": ["80", "81"] } }),
        &[("FORBIDDEN", "made")],
    )
    .await;
    apps.holds("SELECT name FROM tag ORDER BY name", "blue, c, red").await;
}

fn at_most(max_batch: usize) -> Settings {
    let engine = engine::Options { max_batch: Some(max_batch), ..engine::Options::default() };
    Settings { engine, ..Settings::default() }
}

#[tokio::test]
async fn a_mutation_writes_a_limited_number_of_items_nested_ones_included() {
    let apps = Everywhere::own_with(press, || at_most(3)).await;
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    for refused in [
        r#"mutation { create_tag_items(data: [{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }]) { id } }"#,
        "mutation { delete_picture_items(ids: [1, 2, 3, 4]) { ids } }",
        "mutation { update_picture_items(ids: [1, 2, 3, 4], data: { slug: null }) { id } }",
        r#"mutation { update_tag_batch(data: [{ id: 1, name: "a" }, { id: 1, name: "b" }, { id: 1, name: "c" }, { id: 1, name: "d" }]) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", picture: [{ name: "a" }, { name: "b" }, { name: "c" }] }) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", author: { name: "a", boss: { name: "b", boss: { name: "c" } } } }) { id } }"#,
        // The pairs of a junction are items as well.
        r#"mutation { create_article_item(data: { title: "x", tag: [{ name: "a" }, { name: "b" }] }) { id } }"#,
        r#"mutation { upsert_tag_items(data: [{ name: "a" }, { name: "b" }, { name: "c" }, { id: 1, name: "d" }]) { id } }"#,
    ] {
        apps.refuses(refused, payload.clone()).await;
    }
    apps.gives(
        r#"mutation {
            a: create_tag_items(data: [{ name: "a" }, { name: "b" }, { name: "c" }]) { name }
            b: create_article_item(data: { title: "x", picture: [{ name: "a" }, { name: "b" }] }) { title }
            c: create_article_item(data: { title: "x", author: { id: 1 }, tag: [{ id: 1 }, { id: 2 }] }) { tag { name } }
            d: delete_picture_items(ids: [1, 2, 3]) { ids }
        }"#,
        json!({
            "a": [{ "name": "a" }, { "name": "b" }, { "name": "c" }],
            "b": { "title": "x" },
            "c": { "tag": [{ "name": "red" }, { "name": "blue" }] },
            "d": { "ids": ["1", "2", "3"] },
        }),
    )
    .await;
}

/// Two transactions that certainly lock each other out: each has its first row
/// and waits at a gate, a row of its own that somebody else holds.
#[tokio::test]
async fn transactions_that_lock_each_other_out_are_tried_again() {
    for (kind, inserts_return) in [(Kind::Postgres, None), (Kind::MySql, None), (Kind::MySql, Some(false))] {
        let data = Arc::new(TestDatabase::create(kind, &press(kind)).await);
        let app = TestApp::start_with(data.clone(), Settings { inserts_return, ..Settings::default() }).await;
        let field = |collection: &str, id: u32, member: &str, word: &str| {
            let name = format!("{collection}{id}");
            format!("{name}: update_{collection}_item(id: {id}, data: {{ {member}: \"{word}\" }}) {{ id }}")
        };
        let forth = [
            field("author", 1, "name", "forth"),
            field("picture", 1, "name", "forth"),
            field("article", 1, "title", "forth"),
        ];
        let back = [
            field("article", 1, "title", "back"),
            field("picture", 2, "name", "back"),
            field("author", 1, "name", "back"),
        ];
        let documents = [forth, back].map(|fields| format!("mutation @transaction {{ {} }}", fields.join(" ")));
        let gates = Lock::hold_rows(&data, "picture", "id IN (1, 2)").await;
        let calls = join_all(documents.iter().map(|document| app.graphql(document)));
        let meeting = async {
            gates.until_transactions_wait(2).await;
            gates.release().await;
        };
        let (replies, ()) = tokio::join!(calls, meeting);
        for reply in replies {
            assert!(reply.body.get("errors").is_none(), "{kind:?}: {:#}", reply.body);
        }
        // Whoever came last, both rows are of one transaction.
        let rows = data.rows("SELECT name, title FROM author, article WHERE author.id = 1 AND article.id = 1").await;
        assert_eq!(rows[0][0], rows[0][1], "{kind:?}: {rows:?}");
        app.end().await;
    }
}

#[tokio::test]
async fn transactions_in_opposite_order_all_succeed() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let fields = [
            "a: update_author_item(id: 1, data: { name: $word }) { id }",
            "b: update_article_item(id: 1, data: { title: $word }) { id }",
        ];
        let forth = format!("mutation M($word: String!) @transaction {{ {} {} }}", fields[0], fields[1]);
        let back = format!("mutation M($word: String!) @transaction {{ {} {} }}", fields[1], fields[0]);
        for round in 0..10 {
            let calls =
                [&forth, &back].map(|document| app.graphql_with(document, json!({ "word": format!("{round}") })));
            for reply in join_all(calls).await {
                assert!(reply.body.get("errors").is_none(), "{kind:?} {round}: {:#}", reply.body);
            }
        }
    }
    apps.holds("SELECT name FROM author WHERE id = 1", "9").await;
}

#[tokio::test]
async fn changes_at_the_same_time_do_not_get_lost() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let create =
            "mutation M($name: String!) { create_picture_item(data: { name: $name, article: { id: 3 } }) { id } }";
        let calls = (0..20).map(|at| app.data_with(create, json!({ "name": format!("n{at}") })));
        let mut ids: Vec<String> =
            join_all(calls).await.iter().map(|data| data["create_picture_item"]["id"].to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20, "{kind:?}");
    }
    apps.holds("SELECT count(*), min(article), max(article) FROM picture WHERE name LIKE 'n%'", "20 3 3").await;
}

#[tokio::test]
async fn a_transaction_that_waits_too_long_is_undone() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let data = Arc::new(TestDatabase::create(kind, &press(kind)).await);
        let settings = Settings { statement_timeout: Some(Duration::from_millis(700)), ..Settings::default() };
        let app = TestApp::start_with(data.clone(), settings).await;
        let document = r#"mutation {
            create_article_item(data: { title: "x", author: { id: 2, name: "Bert" }, picture: [{ id: 1, name: "P1" }] }) { id }
        }"#;
        let gate = Lock::hold_rows(&data, "picture", "id = 1").await;
        let reply = app.graphql(document).await;
        assert_eq!(reply.codes(), ["OUT_OF_TIME"], "{kind:?}: {:#}", reply.body);
        // What it had done before it waited is undone, and holds up nobody.
        let author = app.data(r#"mutation { update_author_item(id: 2, data: { mail: "b@x" }) { name mail } }"#).await;
        assert_eq!(author["update_author_item"], json!({ "name": "Bob", "mail": "b@x" }), "{kind:?}");
        assert_eq!(data.rows("SELECT count(*) FROM article").await[0][0].as_deref(), Some("3"), "{kind:?}");
        gate.release().await;
        assert!(app.graphql(document).await.body.get("errors").is_none(), "{kind:?}");
    }
}
