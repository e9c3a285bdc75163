//! `create_x_item` and `create_x_items`.

use serde_json::{Value as Json, json};

use super::presses;
use crate::support::{Everywhere, Kind};

#[tokio::test]
async fn a_new_item_is_shown_as_it_was_stored() {
    let apps = presses().await;
    apps.gives(
        r#"mutation { create_article_item(data: { title: "new", words: 3 }) { id title slug status words author { id } } }"#,
        json!({ "create_article_item":
            { "id": "4", "title": "new", "slug": null, "status": "draft", "words": 3, "author": null } }),
    )
    .await;
    apps.holds("SELECT * FROM article WHERE id > 3", "4 new - draft 3 -").await;
    // Related rows are read as in any query.
    apps.gives(
        r#"mutation {
            create_article_item(data: { title: "more", author: { id: 2 } }) {
                title author { name article(sort: ["-id"]) { id title } boss { name } } tag { id } remark_func { count }
            }
        }"#,
        json!({ "create_article_item": {
            "title": "more",
            "author": {
                "name": "Bob",
                "article": [{ "id": "5", "title": "more" }, { "id": "3", "title": "b1" }],
                "boss": { "name": "Ann" },
            },
            "tag": [],
            "remark_func": { "count": 0 },
        } }),
    )
    .await;
}

#[tokio::test]
async fn new_items_come_in_the_order_of_their_keys_whatever_they_are_given() {
    let apps = presses().await;
    // Rows of the same members make one statement, so these are not stored in their order.
    apps.gives(
        r#"mutation {
            create_article_items(data: [
                { title: "one", slug: "x" }, { title: "two" }, { title: "three", slug: "y" }, { slug: "z", title: "four" }
            ]) { title slug status }
        }"#,
        json!({ "create_article_items": [
            { "title": "one", "slug": "x", "status": "draft" },
            { "title": "three", "slug": "y", "status": "draft" },
            { "title": "four", "slug": "z", "status": "draft" },
            { "title": "two", "slug": null, "status": "draft" },
        ] }),
    )
    .await;
    apps.holds("SELECT id, title, slug FROM article WHERE id > 3 ORDER BY id", "4 one x, 5 three y, 6 four z, 7 two -")
        .await;
}

#[tokio::test]
async fn arguments_of_a_list_choose_among_what_was_written() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            one: create_tag_items(data: [{ name: "a" }, { name: "b" }, { name: "c" }], limit: 1) { name }
            filtered: create_tag_items(data: [{ name: "d" }, { name: "e" }], filter: { name: { _neq: "d" } }) { name }
            sorted: create_tag_items(data: [{ name: "f" }, { name: "g" }, { name: "h" }], sort: ["-name"]) { name }
            paged: create_tag_items(data: [{ name: "i" }, { name: "j" }, { name: "k" }], limit: 2, page: 2) { name }
            offset: create_tag_items(data: [{ name: "l" }, { name: "m" }], offset: 1) { name }
            found: create_tag_items(data: [{ name: "needle" }, { name: "n" }], search: "need") { name }
            none: create_tag_items(data: [{ name: "o" }], limit: 0) { name }
        }"#,
        json!({
            "one": [{ "name": "a" }],
            "filtered": [{ "name": "e" }],
            "sorted": [{ "name": "h" }, { "name": "g" }, { "name": "f" }],
            "paged": [{ "name": "k" }],
            "offset": [{ "name": "m" }],
            "found": [{ "name": "needle" }],
            "none": [],
        }),
    )
    .await;
    apps.holds("SELECT count(*) FROM tag", "18").await;
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused_before_anything_is_written() {
    let apps = presses().await;
    for argument in [
        "sort: [\"nonsense\"]",
        "limit: -2",
        "offset: -1",
        "filter: { id: { _eq: \"x\" } }",
        "filter: { name: { _in: [] } }",
    ] {
        for field in [
            format!("create_tag_items(data: [{{ name: \"x\" }}], {argument}) {{ id }}"),
            format!("update_tag_items(ids: [1], data: {{ name: \"x\" }}, {argument}) {{ id }}"),
            format!("update_tag_batch(data: [{{ id: 1, name: \"x\" }}], {argument}) {{ id }}"),
            format!("upsert_tag_items(data: [{{ id: 1, name: \"x\" }}], {argument}) {{ id }}"),
        ] {
            let before = apps.contents().await;
            for (kind, app) in apps.each() {
                let reply = app.graphql(&format!("mutation {{ {field} }}")).await;
                let codes = reply.codes();
                assert!(codes == ["INVALID_QUERY"] || codes == ["FORBIDDEN"], "{kind:?}: {field}\n{:#}", reply.body);
            }
            assert_eq!(apps.contents().await, before, "{field}");
        }
    }
}

#[tokio::test]
async fn all_new_items_are_shown_however_many() {
    let apps = presses().await;
    // More than a list gives unless it is asked for more.
    let data: Vec<Json> = (0..250).map(|at| json!({ "name": format!("tag {at}") })).collect();
    let expected: Vec<Json> =
        (0..250).map(|at| json!({ "id": (at + 3).to_string(), "name": format!("tag {at}") })).collect();
    apps.gives_with(
        "mutation M($data: [create_tag_input!]) { create_tag_items(data: $data) { id name } }",
        json!({ "data": data }),
        json!({ "create_tag_items": expected }),
    )
    .await;
}

#[tokio::test]
async fn a_list_of_nothing_creates_nothing() {
    let apps = presses().await;
    let before = apps.contents().await;
    apps.gives(
        "mutation M($left: [create_tag_input!]) {
            empty: create_tag_items(data: []) { id }
            absent: create_tag_items { id }
            null: create_tag_items(data: null) { id }
            variable: create_tag_items(data: $left) { id }
        }",
        json!({ "empty": [], "absent": [], "null": [], "variable": [] }),
    )
    .await;
    assert_eq!(apps.contents().await, before);
}

#[tokio::test]
async fn a_single_object_is_a_list_of_one() {
    let apps = presses().await;
    apps.gives(
        r#"mutation { create_tag_items(data: { name: "green" }) { id name } }"#,
        json!({ "create_tag_items": [{ "id": "3", "name": "green" }] }),
    )
    .await;
    apps.gives_with(
        "mutation M($data: [create_tag_input!]) { create_tag_items(data: $data) { id name } }",
        json!({ "data": { "name": "grey" } }),
        json!({ "create_tag_items": [{ "id": "4", "name": "grey" }] }),
    )
    .await;
}

#[tokio::test]
async fn a_key_may_be_given() {
    let apps = presses().await;
    apps.gives(
        r#"mutation M($id: ID = 72) {
            text: create_tag_item(data: { id: "70", name: "a" }) { id name }
            number: create_tag_item(data: { id: 71, name: "b" }) { id name }
            variable: create_tag_item(data: { id: $id, name: "c" }) { id name }
            some: create_tag_items(data: [{ id: 82, name: "d" }, { id: 81, name: "e" }]) { id name }
        }"#,
        json!({
            "text": { "id": "70", "name": "a" },
            "number": { "id": "71", "name": "b" },
            "variable": { "id": "72", "name": "c" },
            "some": [{ "id": "81", "name": "e" }, { "id": "82", "name": "d" }],
        }),
    )
    .await;
    apps.refuses(
        r#"mutation { create_credit_item(data: { id: null, part: "maps" }) { id part } }"#,
        json!({ "code": "FAILED_VALIDATION", "field": "id", "path": [], "type": "nnull" }),
    )
    .await;
}

#[tokio::test]
async fn what_is_not_given_has_its_default_and_what_is_null_has_none() {
    let apps = presses().await;
    apps.gives(
        r#"mutation { create_article_items(data: [{ title: "x" }, { title: "y", status: null }], sort: ["title"]) { title status } }"#,
        json!({ "create_article_items": [{ "title": "x", "status": "draft" }, { "title": "y", "status": null }] }),
    )
    .await;
}

/// Whatever a row has without anybody giving it.
fn defaults(kind: Kind) -> String {
    let key = kind.made_up_key();
    let (doubled, stamp) = match kind {
        Kind::Sqlite => ("integer GENERATED ALWAYS AS (n * 2) STORED", "datetime"),
        Kind::Postgres => ("integer GENERATED ALWAYS AS (n * 2) STORED", "timestamp"),
        Kind::MySql => ("integer GENERATED ALWAYS AS (n * 2) STORED", "datetime"),
    };
    format!(
        "CREATE TABLE plain (id {key}, n integer DEFAULT 21, doubled {doubled},
             made {stamp} NOT NULL DEFAULT CURRENT_TIMESTAMP, word varchar(9) NOT NULL DEFAULT 'it''s');"
    )
}

#[tokio::test]
async fn a_row_may_be_all_defaults() {
    let apps = Everywhere::own(defaults).await;
    apps.gives(
        "mutation {
            create_plain_item(data: {}) { id n doubled word }
            create_plain_items(data: [{}, { n: 4 }, {}]) { n doubled word }
        }",
        json!({
            "create_plain_item": { "id": "1", "n": 21, "doubled": 42, "word": "it's" },
            "create_plain_items": [
                { "n": 21, "doubled": 42, "word": "it's" },
                { "n": 21, "doubled": 42, "word": "it's" },
                { "n": 4, "doubled": 8, "word": "it's" },
            ],
        }),
    )
    .await;
    // When it was made is told by the database.
    for (kind, app) in apps.each() {
        let made = app.data("mutation { create_plain_item(data: {}) { made } }").await;
        let made = made["create_plain_item"]["made"].as_str().expect("a moment").to_owned();
        assert!(made.len() >= "2024-02-03T04:05:06".len() && made.starts_with("20"), "{kind:?}: {made}");
    }
}

#[tokio::test]
async fn a_computed_member_cannot_be_given() {
    let apps = Everywhere::own(defaults).await;
    for (kind, app) in apps.each() {
        for document in [
            "mutation { create_plain_item(data: { doubled: 3 }) { id } }",
            "mutation { update_plain_item(id: 1, data: { doubled: 3 }) { id } }",
        ] {
            let reply = app.graphql(document).await;
            assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}: {:#}", reply.body);
        }
    }
    apps.holds("SELECT count(*) FROM plain", "0").await;
}

#[tokio::test]
async fn nothing_but_typename_may_be_asked_for() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            __typename
            create_tag_item(data: { name: "a" }) { __typename }
            create_tag_items(data: [{ name: "b" }, { name: "c" }]) { __typename }
        }"#,
        json!({
            "__typename": "Mutation",
            "create_tag_item": { "__typename": "tag" },
            "create_tag_items": [{ "__typename": "tag" }, { "__typename": "tag" }],
        }),
    )
    .await;
    apps.holds("SELECT name FROM tag ORDER BY name", "a, b, blue, c, red").await;
}

/// A key that the database insists on making up (PostgreSQL), or an ordinary one.
#[tokio::test]
async fn a_key_is_taken_even_by_an_identity_that_is_always_generated() {
    let apps = Everywhere::own(|kind| {
        let key = match kind {
            Kind::Postgres => "integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            other => other.made_up_key(),
        };
        format!("CREATE TABLE item (id {key}, name varchar(9))")
    })
    .await;
    apps.gives(
        r#"mutation {
            a: create_item_item(data: { name: "a" }) { id }
            b: create_item_item(data: { id: 7, name: "b" }) { id }
            c: create_item_items(data: [{ id: 9, name: "c" }, { id: 8, name: "d" }]) { id }
        }"#,
        json!({ "a": { "id": "1" }, "b": { "id": "7" }, "c": [{ "id": "8" }, { "id": "9" }] }),
    )
    .await;
}
