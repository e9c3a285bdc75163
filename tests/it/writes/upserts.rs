//! `upsert_x_item` and `upsert_x_items`: created, or updated where there is one.

use serde_json::json;

use super::presses;
use crate::support::{Everywhere, Kind};

#[tokio::test]
async fn an_item_is_created_where_there_is_none_and_updated_where_there_is_one() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            none: upsert_article_item(data: { title: "new" }) { id title status }
            unknown: upsert_article_item(data: { id: 50, title: "fifty", words: 5 }) { id title status words }
            known: upsert_article_item(data: { id: 1, title: "A1" }) { id title slug status words author { name } }
            again: upsert_article_item(data: { id: 50, title: "FIFTY" }) { id title words }
        }"#,
        json!({
            "none": { "id": "4", "title": "new", "status": "draft" },
            "unknown": { "id": "50", "title": "fifty", "status": "draft", "words": 5 },
            // What is not given stays.
            "known": { "id": "1", "title": "A1", "slug": "s1", "status": "draft", "words": 10, "author": { "name": "Ann" } },
            "again": { "id": "50", "title": "FIFTY", "words": 5 },
        }),
    )
    .await;
    apps.holds("SELECT id, title FROM article ORDER BY id", "1 A1, 2 a2, 3 b1, 4 new, 50 FIFTY").await;
}

#[tokio::test]
async fn another_unique_key_may_tell_which_item_it_is() {
    let apps = presses().await;
    apps.gives(
        r#"mutation M($on: [String!] = ["name"]) {
            known: upsert_article_item(data: { slug: "s2", title: "A2" }, on: ["slug"]) { id title slug }
            unknown: upsert_article_item(data: { slug: "s9", title: "nine" }, on: ["slug"]) { title slug status }
            one: upsert_tag_item(data: { name: "red" }, on: "name") { id name }
            variable: upsert_tag_item(data: { name: "blue" }, on: $on) { id name }
            key: upsert_tag_item(data: { id: 1, name: "RED" }, on: ["id"]) { id name }
        }"#,
        json!({
            "known": { "id": "2", "title": "A2", "slug": "s2" },
            "unknown": { "title": "nine", "slug": "s9", "status": "draft" },
            "one": { "id": "1", "name": "red" },
            "variable": { "id": "2", "name": "blue" },
            "key": { "id": "1", "name": "RED" },
        }),
    )
    .await;
    // What is null or absent is like nothing else.
    apps.gives(
        r#"mutation {
            null: upsert_article_item(data: { slug: null, title: "x" }, on: ["slug"]) { title slug }
            absent: upsert_article_item(data: { title: "y" }, on: ["slug"]) { title slug }
        }"#,
        json!({ "null": { "title": "x", "slug": null }, "absent": { "title": "y", "slug": null } }),
    )
    .await;
    apps.holds("SELECT slug, title FROM article WHERE id < 4 ORDER BY id", "s1 a1, s2 A2, s3 b1").await;
    apps.holds("SELECT count(*) FROM article", "6").await;
}

#[tokio::test]
async fn a_list_may_hold_old_and_new_ones() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            upsert_article_items(on: ["slug"], data: [
                { slug: "n1", title: "new" }, { slug: "s1", title: "A1" }, { title: "none" }, { slug: "s3", title: "B1", words: 3 }
            ], sort: ["title"]) { title slug words status }
            one: upsert_tag_items(data: { id: 2, name: "BLUE" }) { id name }
            empty: upsert_tag_items(data: []) { id }
            limited: upsert_tag_items(data: [{ id: 1, name: "a" }, { id: 2, name: "b" }], limit: 1, sort: ["-id"]) { name }
        }"#,
        json!({
            "upsert_article_items": [
                { "title": "A1", "slug": "s1", "words": 10, "status": "draft" },
                { "title": "B1", "slug": "s3", "words": 3, "status": "draft" },
                { "title": "new", "slug": "n1", "words": null, "status": "draft" },
                { "title": "none", "slug": null, "words": null, "status": "draft" },
            ],
            "one": [{ "id": "2", "name": "BLUE" }],
            "empty": [],
            "limited": [{ "name": "b" }],
        }),
    )
    .await;
}

#[tokio::test]
async fn what_comes_twice_in_a_list_is_created_and_then_updated() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            upsert_article_items(on: ["slug"], data: [
                { slug: "n", title: "first", words: 1 }, { slug: "s1", title: "A" }, { slug: "n", title: "second" },
                { slug: "s1", words: 2, title: "B" }, { slug: "n", title: "third", status: "done" }
            ], sort: ["title"]) { title slug words status }
        }"#,
        json!({ "upsert_article_items": [
            { "title": "B", "slug": "s1", "words": 2, "status": "draft" },
            { "title": "third", "slug": "n", "words": 1, "status": "done" },
        ] }),
    )
    .await;
}

#[tokio::test]
async fn nested_payloads_are_written_in_both_cases() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            upsert_article_items(on: ["slug"], data: [
                { slug: "s1", title: "old", tag: [{ id: 2 }], author: { id: 3 }, picture: [{ id: 3 }, { name: "p" }] },
                { slug: "n1", title: "new", tag: [{ name: "green" }], author: { name: "Dan" }, picture: [{ id: 1 }] }
            ], sort: ["-title"]) { title author { name } tag { name } picture(sort: ["name"]) { name } }
        }"#,
        json!({ "upsert_article_items": [
            { "title": "old", "author": { "name": "Cid" }, "tag": [{ "name": "blue" }], "picture": [{ "name": "p" }, { "name": "p3" }] },
            { "title": "new", "author": { "name": "Dan" }, "tag": [{ "name": "green" }], "picture": [{ "name": "p1" }] },
        ] }),
    )
    .await;
}

#[tokio::test]
async fn another_unique_key_can_still_be_broken() {
    let apps = presses().await;
    apps.refuses(
        r#"mutation { upsert_article_item(data: { slug: "s1", title: "x", id: 2 }) { id } }"#,
        json!({ "code": "RECORD_NOT_UNIQUE", "collection": "article", "field": "slug", "value": "s1" }),
    )
    .await;
    apps.refuses(
        r#"mutation { upsert_article_items(data: [{ title: "new" }, { id: 70, slug: "s1", title: "x" }]) { id } }"#,
        json!({ "code": "RECORD_NOT_UNIQUE", "collection": "article", "field": "slug", "value": "s1" }),
    )
    .await;
}

#[tokio::test]
async fn on_names_the_fields_of_a_unique_key() {
    let apps = presses().await;
    let invalid = json!({ "code": "INVALID_QUERY", "reason": "…" });
    for on in [r#"["title"]"#, r#"["id", "slug"]"#, "[]"] {
        let document = format!(r#"mutation {{ upsert_article_item(data: {{ title: "x" }}, on: {on}) {{ id }} }}"#);
        apps.refuses(&document, invalid.clone()).await;
    }
    apps.refuses(
        r#"mutation { upsert_article_item(data: { title: "x" }, on: ["nonsense"]) { id } }"#,
        json!({ "code": "FORBIDDEN", "reason": "…" }),
    )
    .await;
}

/// Keys of several parts, and one that points elsewhere.
fn stock(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE shop (id {key}, name varchar(9) NOT NULL);
         CREATE TABLE stock (shop integer NOT NULL, article varchar(9) NOT NULL, amount integer NOT NULL, place varchar(9),
             PRIMARY KEY (shop, article), UNIQUE (shop, place), FOREIGN KEY (shop) REFERENCES shop (id));
         CREATE TABLE till (id {key}, shop integer UNIQUE, coins integer, FOREIGN KEY (shop) REFERENCES shop (id));
         INSERT INTO shop (name) VALUES ('one'), ('two');
         INSERT INTO stock VALUES (1, 'nut', 5, 'a'), (1, 'bolt', 6, 'b'), (2, 'nut', 7, 'a');
         INSERT INTO till (shop, coins) VALUES (1, 10);"
    )
}

#[tokio::test]
async fn keys_of_several_parts_and_links_tell_which_item_it_is() {
    let apps = Everywhere::own(stock).await;
    apps.gives(
        r#"mutation {
            upsert_stock_items(data: [
                { shop: { id: 1 }, article: "nut", amount: 50 }, { shop: { id: 2 }, article: "bolt", amount: 8 }
            ]) { shop { name } article amount place }
            by_place: upsert_stock_item(data: { shop: { id: 1 }, place: "b", article: "x", amount: 60 }, on: ["place", "shop"]) {
                article amount place
            }
            link: upsert_till_item(data: { shop: { id: 1 }, coins: 11 }, on: ["shop"]) { id coins shop { name } }
            new: upsert_till_item(data: { shop: { id: 2 }, coins: 1 }, on: ["shop"]) { id coins shop { name } }
            both: upsert_till_item(data: { shop: { name: "three" }, coins: 2 }, on: ["shop"]) { id coins shop { name } }
        }"#,
        json!({
            "upsert_stock_items": [
                { "shop": { "name": "one" }, "article": "nut", "amount": 50, "place": "a" },
                { "shop": { "name": "two" }, "article": "bolt", "amount": 8, "place": null },
            ],
            // Its own key stays.
            "by_place": { "article": "bolt", "amount": 60, "place": "b" },
            "link": { "id": "1", "coins": 11, "shop": { "name": "one" } },
            "new": { "id": "2", "coins": 1, "shop": { "name": "two" } },
            "both": { "id": "3", "coins": 2, "shop": { "name": "three" } },
        }),
    )
    .await;
    apps.holds(
        "SELECT shop, article, amount FROM stock ORDER BY shop, article",
        "1 bolt 60, 1 nut 50, 2 bolt 8, 2 nut 7",
    )
    .await;
}

#[tokio::test]
async fn many_at_once_meet_on_one_row() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let document = "mutation M($title: String!) {
            upsert_article_item(data: { slug: \"meet\", title: $title }, on: [\"slug\"]) { id slug }
        }";
        let calls = (0..12).map(|at| app.data_with(document, json!({ "title": format!("t{at}") })));
        let mut ids: Vec<_> = futures_util::future::join_all(calls).await;
        ids.dedup();
        assert_eq!(ids.len(), 1, "{kind:?}: {ids:?}");
    }
    apps.holds("SELECT count(*) FROM article WHERE slug = 'meet'", "1").await;
}
