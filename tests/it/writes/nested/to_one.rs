//! Rows that are pointed to: unlinked, linked, updated or created.

use serde_json::json;

use crate::writes::presses;

const AUTHORS: &str = "SELECT id, name, mail, boss FROM author ORDER BY id";

#[tokio::test]
async fn null_unlinks() {
    let apps = presses().await;
    apps.gives(
        "mutation { update_article_item(id: 1, data: { author: null }) { author { id } } }",
        json!({ "update_article_item": { "author": null } }),
    )
    .await;
    apps.gives(
        r#"mutation { create_article_item(data: { title: "x", author: null }) { author { id } } }"#,
        json!({ "create_article_item": { "author": null } }),
    )
    .await;
    apps.holds("SELECT id, author FROM article ORDER BY id", "1 -, 2 1, 3 2, 4 -").await;
    apps.holds(AUTHORS, "1 Ann ann@x -, 2 Bob bob@x 1, 3 Cid - 1").await;
}

#[tokio::test]
async fn a_bare_key_links_and_changes_nothing_else() {
    let apps = presses().await;
    apps.gives(
        r#"mutation M($data: create_article_input! = { title: "y", author: { id: "3" } }) {
            update: update_article_item(id: 1, data: { author: { id: 2 } }) { author { id name } }
            create: create_article_item(data: { title: "x", author: { id: 1 } }) { author { id name } }
            variable: create_article_item(data: $data) { author { id name } }
        }"#,
        json!({
            "update": { "author": { "id": "2", "name": "Bob" } },
            "create": { "author": { "id": "1", "name": "Ann" } },
            "variable": { "author": { "id": "3", "name": "Cid" } },
        }),
    )
    .await;
    apps.holds(AUTHORS, "1 Ann ann@x -, 2 Bob bob@x 1, 3 Cid - 1").await;
}

#[tokio::test]
async fn a_key_with_more_updates_the_row_and_links_it() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update: update_article_item(id: 1, data: { author: { id: 2, name: "Bert" } }) { author { id name mail } }
            create: create_article_item(data: { title: "x", author: { id: 3, mail: "cid@x" } }) { author { id name mail } }
        }"#,
        json!({
            "update": { "author": { "id": "2", "name": "Bert", "mail": "bob@x" } },
            "create": { "author": { "id": "3", "name": "Cid", "mail": "cid@x" } },
        }),
    )
    .await;
    apps.holds(AUTHORS, "1 Ann ann@x -, 2 Bert bob@x 1, 3 Cid cid@x 1").await;
}

#[tokio::test]
async fn an_unknown_key_is_the_key_of_a_new_row() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update: update_article_item(id: 1, data: { author: { id: 40, name: "Dan" } }) { author { id name } }
            create: create_article_item(data: { title: "x", author: { id: 50, name: "Eve" } }) { author { id name } }
        }"#,
        json!({
            "update": { "author": { "id": "40", "name": "Dan" } },
            "create": { "author": { "id": "50", "name": "Eve" } },
        }),
    )
    .await;
    apps.holds(AUTHORS, "1 Ann ann@x -, 2 Bob bob@x 1, 3 Cid - 1, 40 Dan - -, 50 Eve - -").await;
    apps.holds("SELECT author FROM article WHERE id IN (1, 4) ORDER BY id", "40, 50").await;
}

#[tokio::test]
async fn no_key_makes_a_new_row() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update: update_article_item(id: 1, data: { author: { name: "Dan" } }) { author { id name } }
            create: create_article_item(data: { title: "x", author: { name: "Eve", boss: { id: 1 } } }) {
                author { id name boss { name } }
            }
        }"#,
        json!({
            "update": { "author": { "id": "4", "name": "Dan" } },
            "create": { "author": { "id": "5", "name": "Eve", "boss": { "name": "Ann" } } },
        }),
    )
    .await;
}

#[tokio::test]
async fn a_new_row_must_have_what_it_must_have() {
    let apps = presses().await;
    let required =
        |path: &[&str]| json!({ "code": "FAILED_VALIDATION", "field": "name", "path": path, "type": "required" });
    for (document, path) in [
        // An unknown key without the rest, in a literal that the schema lets through for its key.
        (r#"mutation { create_article_item(data: { title: "x", author: { id: 77 } }) { id } }"#, &["author"][..]),
        ("mutation { update_article_item(id: 1, data: { author: { id: 77 } }) { id } }", &["author"]),
        // In updates nothing is required by the schema.
        (r#"mutation { update_article_item(id: 1, data: { author: { mail: "x" } }) { id } }"#, &["author"]),
        ("mutation { update_article_item(id: 1, data: { author: {} }) { id } }", &["author"]),
        (
            r#"mutation { update_article_item(id: 1, data: { author: { name: "x", boss: { mail: "y" } } }) { id } }"#,
            &["author", "boss"],
        ),
        (
            r#"mutation { update_remark_item(id: 1, data: { article: { id: 2, author: { id: 3, boss: {} } } }) { id } }"#,
            &["article", "author", "boss"],
        ),
    ] {
        apps.refuses(document, required(path)).await;
    }
}

#[tokio::test]
async fn a_required_link_can_neither_be_left_out_nor_be_null() {
    let apps = presses().await;
    let broken = |rule: &str| json!({ "code": "FAILED_VALIDATION", "field": "article", "path": [], "type": rule });
    apps.refuses(r#"mutation { create_remark_item(data: { body: "x" }) { id } }"#, broken("required")).await;
    apps.refuses(r#"mutation { create_remark_item(data: { body: "x", article: null }) { id } }"#, broken("nnull"))
        .await;
    apps.refuses("mutation { update_remark_item(id: 1, data: { article: null }) { id } }", broken("nnull")).await;
}

#[tokio::test]
async fn rows_may_point_to_their_own_kind() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            create_author_item(data: { name: "Dan", boss: { name: "Eve", boss: { id: 2, name: "Bert", boss: { name: "Fay" } } } }) {
                name boss { name boss { id name boss { name boss { name } } } }
            }
        }"#,
        json!({ "create_author_item": { "name": "Dan", "boss": { "name": "Eve", "boss":
            { "id": "2", "name": "Bert", "boss": { "name": "Fay", "boss": null } } } } }),
    )
    .await;
    // To themselves as well.
    apps.gives(
        r#"mutation { update_author_item(id: 1, data: { name: "Anna", boss: { id: 1 } }) { name boss { id name } } }"#,
        json!({ "update_author_item": { "name": "Anna", "boss": { "id": "1", "name": "Anna" } } }),
    )
    .await;
}

#[tokio::test]
async fn several_items_link_each_their_own_row() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            create_article_items(data: [
                { title: "n", author: null }, { title: "l", author: { id: 1 } }, { title: "u", author: { id: 2, name: "Bert" } },
                { title: "c", author: { name: "Dan" } }, { title: "k", author: { id: 60, name: "Eve" } }, { title: "o" },
                { title: "d", author: { name: "Dan" } }
            ], sort: ["title"]) { title author { name } }
        }"#,
        json!({ "create_article_items": [
            { "title": "c", "author": { "name": "Dan" } },
            { "title": "d", "author": { "name": "Dan" } },
            { "title": "k", "author": { "name": "Eve" } },
            { "title": "l", "author": { "name": "Ann" } },
            { "title": "n", "author": null },
            { "title": "o", "author": null },
            { "title": "u", "author": { "name": "Bert" } },
        ] }),
    )
    .await;
    // Two of one name are two.
    apps.holds("SELECT count(*) FROM author WHERE name = 'Dan'", "2").await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 1, author: { id: 3 } }, { id: 2, author: null }, { id: 3, author: { name: "Fay" } }
            ]) { id author { name } }
        }"#,
        json!({ "update_article_batch": [
            { "id": "1", "author": { "name": "Cid" } },
            { "id": "2", "author": null },
            { "id": "3", "author": { "name": "Fay" } },
        ] }),
    )
    .await;
}

#[tokio::test]
async fn several_items_may_speak_of_the_same_row() {
    let apps = presses().await;
    // What is said later counts.
    apps.gives(
        r#"mutation {
            old: create_article_items(data: [
                { title: "a", author: { id: 2, name: "Bert" } }, { title: "b", author: { id: 2 } },
                { title: "c", author: { id: 2, mail: "b@x", name: "Ben" } }
            ]) { author { id name mail } }
            new: create_article_items(data: [
                { title: "d", author: { id: 70, name: "Dan" } }, { title: "e", author: { id: 70 } },
                { title: "f", author: { id: 70, mail: "d@x" } }
            ]) { author { id name mail } }
        }"#,
        json!({
            "old": vec![json!({ "author": { "id": "2", "name": "Ben", "mail": "b@x" } }); 3],
            "new": vec![json!({ "author": { "id": "70", "name": "Dan", "mail": "d@x" } }); 3],
        }),
    )
    .await;
}

#[tokio::test]
async fn many_items_with_one_payload_link_one_row() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_items(ids: [1, 2, 3], data: { author: { name: "Dan" } }) { author { id name } }
        }"#,
        json!({ "update_article_items": vec![json!({ "author": { "id": "4", "name": "Dan" } }); 3] }),
    )
    .await;
    apps.holds("SELECT count(*) FROM author", "4").await;
}
