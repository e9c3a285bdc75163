//! Pairs: a junction written as rows that point here, or passed through.

use serde_json::json;

use crate::writes::presses;

const PAIRS: &str = "SELECT article_id, tag_id FROM article_tag ORDER BY article_id, tag_id";

#[tokio::test]
async fn a_junction_with_a_key_is_written_as_rows_of_its_own() {
    let apps = presses().await;
    // Kept, made with an old author, made with a new one; the second is let go.
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { credit: [
                { id: 1 }, { part: "ideas", author: { id: 3 } }, { part: "maps", author: { name: "Dan" } }
            ] }) { credit(sort: ["part"]) { part author { name } } }
        }"#,
        json!({ "update_article_item": { "credit": [
            { "part": "ideas", "author": { "name": "Cid" } },
            { "part": "maps", "author": { "name": "Dan" } },
            { "part": "text", "author": { "name": "Ann" } },
        ] } }),
    )
    .await;
    apps.holds("SELECT part, article, author FROM credit WHERE id = 2", "photos - 2").await;
    apps.gives(
        r#"mutation {
            create_article_item(data: { title: "x", credit: [{ author: { id: 1 } }, { id: 2, part: "PHOTOS" }] }) {
                credit(sort: ["author.name"]) { part author { name } }
            }
        }"#,
        json!({ "create_article_item":
            { "credit": [{ "part": null, "author": { "name": "Ann" } }, { "part": "PHOTOS", "author": { "name": "Bob" } }] } }),
    )
    .await;
}

#[tokio::test]
async fn a_pure_junction_may_be_written_as_rows_too() {
    let apps = presses().await;
    // A row of it has no meaning without its ends, so it goes.
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { article_tag: [{ tag_id: { id: 2 } }, { tag_id: { name: "green" } }] }) {
                article_tag { tag_id { name } } tag { name }
            }
        }"#,
        json!({ "update_article_item": {
            "article_tag": [{ "tag_id": { "name": "blue" } }, { "tag_id": { "name": "green" } }],
            "tag": [{ "name": "blue" }, { "name": "green" }],
        } }),
    )
    .await;
    apps.holds(PAIRS, "1 2, 1 3, 2 1").await;
    apps.gives(
        r#"mutation {
            create: create_article_item(data: { title: "x", article_tag: [{ tag_id: { id: 1, name: "RED" } }] }) { tag { name } }
            empty: update_article_item(id: 1, data: { article_tag: [] }) { tag { name } }
            null: update_article_item(id: 2, data: { article_tag: null }) { tag { name } }
            other: update_tag_item(id: 2, data: { article_tag: [{ article_id: { id: 3 } }] }) { article { title } }
        }"#,
        json!({
            "create": { "tag": [{ "name": "RED" }] },
            "empty": { "tag": [] },
            "null": { "tag": [] },
            "other": { "article": [{ "title": "b1" }] },
        }),
    )
    .await;
    apps.holds(PAIRS, "3 2, 4 1").await;
}

#[tokio::test]
async fn the_junction_may_be_passed_through() {
    let apps = presses().await;
    // Kept and changed, made with a key, made without; the pair with 1 goes, its tag does not.
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { tag: [{ id: 2, name: "BLUE" }, { id: 60, name: "sixty" }, { name: "new" }] }) {
                tag(sort: ["name"]) { name }
            }
        }"#,
        json!({ "update_article_item": { "tag": [{ "name": "BLUE" }, { "name": "new" }, { "name": "sixty" }] } }),
    )
    .await;
    apps.holds("SELECT id, name FROM tag WHERE name <> 'new' ORDER BY id", "1 red, 2 BLUE, 60 sixty").await;
    apps.gives(
        r#"mutation {
            linked: update_article_item(id: 3, data: { tag: [{ id: 1 }, { id: 2 }, { id: 1 }] }) { tag { name } }
            stays: update_article_item(id: 3, data: { title: "b" }) { tag { name } }
            empty: update_article_item(id: 1, data: { tag: [] }) { tag { name } }
            null: update_article_item(id: 2, data: { tag: null }) { tag { name } }
            created: create_article_item(data: { title: "x", tag: [{ id: 2 }, { name: "green" }] }) { tag(sort: ["name"]) { name } }
        }"#,
        json!({
            "linked": { "tag": [{ "name": "red" }, { "name": "BLUE" }] },
            "stays": { "tag": [{ "name": "red" }, { "name": "BLUE" }] },
            "empty": { "tag": [] },
            "null": { "tag": [] },
            "created": { "tag": [{ "name": "BLUE" }, { "name": "green" }] },
        }),
    )
    .await;
    apps.holds("SELECT count(*) FROM article_tag", "4").await;
}

#[tokio::test]
async fn both_ends_lead_through_the_junction() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_tag_item(id: 2, data: { article: [{ id: 3, title: "B" }, { title: "new", author: { name: "Dan" } }] }) {
                name article(sort: ["title"]) { title author { name } tag { name } }
            }
        }"#,
        json!({ "update_tag_item": { "name": "blue", "article": [
            { "title": "B", "author": { "name": "Bob" }, "tag": [{ "name": "blue" }] },
            { "title": "new", "author": { "name": "Dan" }, "tag": [{ "name": "blue" }] },
        ] } }),
    )
    .await;
    apps.holds(PAIRS, "1 1, 2 1, 3 2, 4 2").await;
}

#[tokio::test]
async fn several_items_have_each_their_own_pairs() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 1, tag: [{ id: 1 }] }, { id: 2, tag: [{ id: 1 }, { id: 2 }] }, { id: 3, tag: [{ name: "new" }] }
            ]) { tag { name } }
            create_article_items(data: [
                { title: "x", tag: [{ id: 2 }, { name: "x" }] }, { title: "y" }, { title: "z", tag: [{ id: 2 }, { name: "z" }] }
            ], sort: ["title"]) { tag(sort: ["name"]) { name } }
        }"#,
        json!({
            "update_article_batch":
                [{ "tag": [{ "name": "red" }] }, { "tag": [{ "name": "red" }, { "name": "blue" }] }, { "tag": [{ "name": "new" }] }],
            "create_article_items":
                [{ "tag": [{ "name": "blue" }, { "name": "x" }] }, { "tag": [] }, { "tag": [{ "name": "blue" }, { "name": "z" }] }],
        }),
    )
    .await;
    // One payload for many items makes its new rows for each of them.
    apps.gives(
        r#"mutation {
            update_tag_items(ids: [1, 2], data: { article: [{ title: "new" }, { id: 3 }] }) { article(sort: ["title"]) { title } }
        }"#,
        json!({ "update_tag_items": vec![json!({ "article": [{ "title": "b1" }, { "title": "new" }] }); 2] }),
    )
    .await;
    apps.holds("SELECT count(*) FROM article WHERE title = 'new'", "2").await;
}

#[tokio::test]
async fn a_new_row_behind_a_junction_must_have_what_it_must_have() {
    let apps = presses().await;
    let required =
        |path: &[&str]| json!({ "code": "FAILED_VALIDATION", "field": "name", "path": path, "type": "required" });
    apps.refuses("mutation { update_article_item(id: 1, data: { tag: [{}] }) { id } }", required(&["tag"])).await;
    apps.refuses("mutation { update_article_item(id: 1, data: { tag: [{ id: 77 }] }) { id } }", required(&["tag"]))
        .await;
    apps.refuses(
        "mutation { update_article_item(id: 1, data: { article_tag: [{ tag_id: {} }] }) { id } }",
        required(&["article_tag", "tag_id"]),
    )
    .await;
}
