//! Rows that point here: a list is the complete new set.

use serde_json::json;

use crate::writes::presses;

const PICTURES: &str = "SELECT id, name, article FROM picture ORDER BY id";

#[tokio::test]
async fn what_is_not_mentioned_stays() {
    let apps = presses().await;
    apps.gives(
        r#"mutation { update_article_item(id: 1, data: { title: "A" }) { picture { name } remark { body } } }"#,
        json!({ "update_article_item":
            { "picture": [{ "name": "p1" }, { "name": "p2" }], "remark": [{ "body": "r1" }, { "body": "r2" }] } }),
    )
    .await;
}

#[tokio::test]
async fn null_and_an_empty_list_let_all_go() {
    for nothing in ["null", "[]"] {
        let apps = presses().await;
        let document =
            format!("mutation {{ update_article_item(id: 1, data: {{ picture: {nothing} }}) {{ picture {{ id }} }} }}");
        apps.gives(&document, json!({ "update_article_item": { "picture": [] } })).await;
        apps.holds(PICTURES, "1 p1 -, 2 p2 -, 3 p3 -").await;
    }
    let apps = presses().await;
    apps.gives(
        r#"mutation { create_article_items(data: [{ title: "x", picture: null }, { title: "y", picture: [] }]) { picture { id } } }"#,
        json!({ "create_article_items": [{ "picture": [] }, { "picture": [] }] }),
    )
    .await;
    apps.holds(PICTURES, "1 p1 1, 2 p2 1, 3 p3 -").await;
}

#[tokio::test]
async fn a_list_is_the_complete_new_set() {
    let apps = presses().await;
    // Kept, taken in and changed, made with a key, made without; 2 is let go.
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: {
                picture: [{ id: 1 }, { id: 3, name: "three" }, { id: 90, name: "ninety" }, { name: "new" }]
            }) { picture(sort: ["name"]) { name } }
        }"#,
        json!({ "update_article_item":
            { "picture": [{ "name": "new" }, { "name": "ninety" }, { "name": "p1" }, { "name": "three" }] } }),
    )
    .await;
    apps.holds(
        "SELECT id, name, slug, article FROM picture WHERE name <> 'new' ORDER BY id",
        "1 p1 p1 1, 2 p2 p2 -, 3 three p3 1, 90 ninety - 1",
    )
    .await;
    apps.holds("SELECT article FROM picture WHERE name = 'new'", "1").await;
}

#[tokio::test]
async fn a_new_item_takes_rows_from_others() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            create_article_item(data: { title: "x", picture: [{ id: 2 }, { id: 3, slug: "P" }, { name: "new" }] }) {
                id picture(sort: ["name"]) { name slug }
            }
        }"#,
        json!({ "create_article_item": { "id": "4", "picture": [
            { "name": "new", "slug": null }, { "name": "p2", "slug": "p2" }, { "name": "p3", "slug": "P" },
        ] } }),
    )
    .await;
    // A row that must have a parent may change it.
    apps.gives(
        r#"mutation {
            create_article_item(data: { title: "y", remark: [{ id: 1 }, { id: 3, body: "three" }] }) { remark { id body } }
            update_article_item(id: 2, data: { remark: [{ id: 2 }] }) { remark { id body } }
        }"#,
        json!({
            "create_article_item": { "remark": [{ "id": "1", "body": "r1" }, { "id": "3", "body": "three" }] },
            "update_article_item": { "remark": [{ "id": "2", "body": "r2" }] },
        }),
    )
    .await;
}

#[tokio::test]
async fn a_row_that_must_have_a_parent_cannot_be_let_go() {
    let apps = presses().await;
    let violation = json!({ "code": "NOT_NULL_VIOLATION", "collection": "remark", "field": "article" });
    for remarks in ["null", "[]", "[{ id: 1 }]", r#"[{ id: 1 }, { body: "new" }]"#] {
        let document =
            format!("mutation {{ update_article_item(id: 1, data: {{ title: \"x\", remark: {remarks} }}) {{ id }} }}");
        apps.refuses(&document, violation.clone()).await;
    }
    // Where there is none to let go there is no harm.
    apps.gives(
        r#"mutation {
            none: update_article_item(id: 3, data: { remark: [] }) { remark { id } }
            kept: update_article_item(id: 1, data: { remark: [{ id: 2 }, { id: 1 }, { body: "r4" }] }) { remark { body } }
        }"#,
        json!({ "none": { "remark": [] }, "kept": { "remark": [{ "body": "r1" }, { "body": "r2" }, { "body": "r4" }] } }),
    )
    .await;
}

#[tokio::test]
async fn the_parent_is_the_one_that_lists_a_row_whatever_the_row_says() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_item(id: 2, data: {
                picture: [{ id: 1, article: { id: 3 } }, { name: "new", article: null }]
            }) { picture(sort: ["name"]) { name } }
        }"#,
        json!({ "update_article_item": { "picture": [{ "name": "new" }, { "name": "p1" }] } }),
    )
    .await;
    apps.holds("SELECT count(*) FROM picture WHERE article = 3", "0").await;
}

#[tokio::test]
async fn several_parents_have_each_their_own_set() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 1, picture: [{ id: 3 }, { name: "one" }] }, { id: 2, picture: [{ id: 1, name: "P1" }] }, { id: 3 }
            ]) { id picture(sort: ["name"]) { name } }
            create_article_items(data: [
                { title: "x", picture: [{ name: "x1" }, { name: "x2" }] }, { title: "y" }, { title: "z", picture: [{ name: "z1" }] }
            ], sort: ["title"]) { title picture(sort: ["name"]) { name } }
        }"#,
        json!({
            "update_article_batch": [
                { "id": "1", "picture": [{ "name": "one" }, { "name": "p3" }] },
                { "id": "2", "picture": [{ "name": "P1" }] },
                { "id": "3", "picture": [] },
            ],
            "create_article_items": [
                { "title": "x", "picture": [{ "name": "x1" }, { "name": "x2" }] },
                { "title": "y", "picture": [] },
                { "title": "z", "picture": [{ "name": "z1" }] },
            ],
        }),
    )
    .await;
    apps.holds("SELECT id, name, article FROM picture WHERE id <= 3 ORDER BY id", "1 P1 2, 2 p2 -, 3 p3 1").await;
}

#[tokio::test]
async fn a_row_that_two_parents_list_goes_to_the_last() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 2, picture: [{ id: 1, name: "first" }] }, { id: 3, picture: [{ id: 1, name: "second" }] }
            ]) { id picture { name } }
        }"#,
        json!({ "update_article_batch": [{ "id": "2", "picture": [] }, { "id": "3", "picture": [{ "name": "second" }] }] }),
    )
    .await;
}

#[tokio::test]
async fn many_items_with_one_payload_share_what_can_be_shared() {
    let apps = presses().await;
    // New rows for each; a row that is there can have but one parent.
    apps.gives(
        r#"mutation {
            update_article_items(ids: [2, 3], data: { picture: [{ name: "new" }, { id: 1 }] }) {
                id picture(sort: ["name"]) { name }
            }
        }"#,
        json!({ "update_article_items": [
            { "id": "2", "picture": [{ "name": "new" }] },
            { "id": "3", "picture": [{ "name": "new" }, { "name": "p1" }] },
        ] }),
    )
    .await;
    apps.holds("SELECT count(*) FROM picture WHERE name = 'new'", "2").await;
}

#[tokio::test]
async fn a_row_may_be_listed_twice_but_not_made_twice() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_item(id: 2, data: { picture: [{ id: 1, name: "a" }, { id: 1, slug: "b" }] }) { picture { id name slug } }
        }"#,
        json!({ "update_article_item": { "picture": [{ "id": "1", "name": "a", "slug": "b" }] } }),
    )
    .await;
    apps.refuses(
        r#"mutation {
            update_article_item(id: 2, data: { picture: [{ id: 80, name: "a" }, { id: 80, name: "b" }] }) { id }
        }"#,
        json!({ "code": "RECORD_NOT_UNIQUE", "collection": "picture", "field": "id", "value": 80 }),
    )
    .await;
}

#[tokio::test]
async fn a_list_holds_objects() {
    let apps = presses().await;
    apps.refuses(
        "mutation { update_article_item(id: 2, data: { picture: [{ id: 1 }, null] }) { id } }",
        json!({ "code": "INVALID_PAYLOAD", "reason": "…" }),
    )
    .await;
    apps.refuses(
        r#"mutation { update_article_item(id: 2, data: { picture: [{ id: "x" }] }) { id } }"#,
        json!({ "code": "FORBIDDEN" }),
    )
    .await;
    // A single one is a list of one.
    apps.gives(
        "mutation { update_article_item(id: 2, data: { picture: { id: 1 } }) { picture { id } } }",
        json!({ "update_article_item": { "picture": [{ "id": "1" }] } }),
    )
    .await;
    apps.gives_with(
        "mutation M($pictures: [update_picture_input]) {
            update_article_item(id: 3, data: { picture: $pictures }) { picture { id } }
        }",
        json!({ "pictures": { "id": 1 } }),
        json!({ "update_article_item": { "picture": [{ "id": "1" }] } }),
    )
    .await;
}

#[tokio::test]
async fn a_new_row_of_a_list_must_have_what_it_must_have() {
    let apps = presses().await;
    let required = |path: &[&str], field: &str| json!({ "code": "FAILED_VALIDATION", "field": field, "path": path, "type": "required" });
    apps.refuses(
        "mutation { update_article_item(id: 2, data: { picture: [{ id: 1 }, { id: 80 }] }) { id } }",
        required(&["picture"], "name"),
    )
    .await;
    apps.refuses(
        r#"mutation { update_author_item(id: 1, data: { article: [{ id: 1, picture: [{ slug: "x" }] }] }) { id } }"#,
        required(&["article", "picture"], "name"),
    )
    .await;
    // Their parent is given by their place.
    apps.gives(
        r#"mutation { create_article_item(data: { title: "x", remark: [{ body: "b" }] }) { remark { body article { title } } } }"#,
        json!({ "create_article_item": { "remark": [{ "body": "b", "article": { "title": "x" } }] } }),
    )
    .await;
}

#[tokio::test]
async fn rows_may_be_pointed_to_by_their_own_kind() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_author_item(id: 2, data: { author: [{ id: 3 }, { name: "Dan", author: [{ name: "Eve" }] }] }) {
                author(sort: ["name"]) { name author { name } }
            }
        }"#,
        json!({ "update_author_item":
            { "author": [{ "name": "Cid", "author": [] }, { "name": "Dan", "author": [{ "name": "Eve" }] }] } }),
    )
    .await;
    // Cid leaves Bob; Bob stays with Ann, who lists him.
    apps.gives(
        "mutation { update_author_item(id: 1, data: { author: [{ id: 2, author: [] }] }) { author { name author { id } } } }",
        json!({ "update_author_item": { "author": [{ "name": "Bob", "author": [] }] } }),
    )
    .await;
    apps.holds("SELECT name, boss FROM author ORDER BY name", "Ann -, Bob 1, Cid -, Dan -, Eve 4").await;
}
