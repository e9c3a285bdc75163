//! `update_x_item`, `update_x_items` and `update_x_batch`.

use serde_json::json;

use super::presses;

#[tokio::test]
async fn an_item_is_shown_as_it_is_then() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { title: "A1", words: null }) { id title slug status words author { name } }
        }"#,
        json!({ "update_article_item":
            { "id": "1", "title": "A1", "slug": "s1", "status": "draft", "words": null, "author": { "name": "Ann" } } }),
    )
    .await;
    apps.holds("SELECT id, title, words FROM article ORDER BY id", "1 A1 -, 2 a2 20, 3 b1 -").await;
}

#[tokio::test]
async fn a_variable_that_is_not_given_erases_nothing() {
    let apps = presses().await;
    let item = "mutation M($title: String, $words: Int) {
        update_article_item(id: 1, data: { title: $title, words: $words }) { title words }
    }";
    apps.gives_with(item, json!({}), json!({ "update_article_item": { "title": "a1", "words": 10 } })).await;
    apps.gives_with(item, json!({ "title": "A" }), json!({ "update_article_item": { "title": "A", "words": 10 } }))
        .await;
    apps.gives_with(item, json!({ "words": null }), json!({ "update_article_item": { "title": "A", "words": null } }))
        .await;
    let batch = "mutation M($words: Int) {
        update_article_batch(data: [{ id: 2, words: $words }, { id: 3, title: \"B\", words: $words }]) { title words }
    }";
    let expected = json!({ "update_article_batch": [{ "title": "a2", "words": 20 }, { "title": "B", "words": null }] });
    apps.gives_with(batch, json!({}), expected).await;
    // Nor does one within a nested payload.
    let nested = "mutation M($name: String, $boss: update_author_input, $tags: [update_tag_input]) {
        update_article_item(id: 2, data: { author: { id: 2, name: $name, boss: $boss }, tag: $tags }) {
            author { name boss { name } } tag { name }
        }
    }";
    let expected = json!({ "update_article_item":
        { "author": { "name": "Bob", "boss": { "name": "Ann" } }, "tag": [{ "name": "red" }] } });
    apps.gives_with(nested, json!({}), expected).await;
}

#[tokio::test]
async fn a_key_in_the_payload_says_nothing() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_tag_item(id: 1, data: { id: 9, name: "RED" }) { id name }
            update_tag_items(ids: [2], data: { id: 1, name: "BLUE" }) { id name }
        }"#,
        json!({ "update_tag_item": { "id": "1", "name": "RED" }, "update_tag_items": [{ "id": "2", "name": "BLUE" }] }),
    )
    .await;
}

#[tokio::test]
async fn an_update_of_nothing_shows_the_item() {
    let apps = presses().await;
    let before = apps.contents().await;
    apps.gives(
        "mutation {
            item: update_tag_item(id: 1, data: {}) { id name }
            key: update_tag_item(id: 2, data: { id: 2 }) { id name }
            items: update_tag_items(ids: [2, 1], data: {}) { id }
            batch: update_tag_batch(data: [{ id: 2 }]) { id name }
        }",
        json!({
            "item": { "id": "1", "name": "red" },
            "key": { "id": "2", "name": "blue" },
            "items": [{ "id": "1" }, { "id": "2" }],
            "batch": [{ "id": "2", "name": "blue" }],
        }),
    )
    .await;
    assert_eq!(apps.contents().await, before);
}

#[tokio::test]
async fn a_missing_item_is_forbidden() {
    let apps = presses().await;
    for id in ["9", "\"\"", "0", "\"x\"", "\"1.5\"", "\"99999999999999999999\"", "-1"] {
        let document = format!("mutation {{ update_tag_item(id: {id}, data: {{ name: \"x\" }}) {{ id }} }}");
        apps.refuses(&document, json!({ "code": "FORBIDDEN" })).await;
        let document = format!("mutation {{ update_tag_item(id: {id}, data: {{}}) {{ id }} }}");
        apps.refuses(&document, json!({ "code": "FORBIDDEN" })).await;
    }
    apps.gives_in_part(
        r#"mutation {
            before: update_tag_item(id: 1, data: { name: "RED" }) { name }
            missing: update_tag_item(id: 9, data: { name: "x" }) { name }
            after: update_tag_item(id: 2, data: { name: "BLUE" }) { name }
        }"#,
        json!({ "before": { "name": "RED" }, "missing": null, "after": { "name": "BLUE" } }),
        &[("FORBIDDEN", "missing")],
    )
    .await;
}

#[tokio::test]
async fn one_payload_serves_many_items() {
    let apps = presses().await;
    apps.gives(
        r#"mutation { update_article_items(ids: [3, "1"], data: { status: "done", words: 7 }) { id title status words } }"#,
        json!({ "update_article_items": [
            { "id": "1", "title": "a1", "status": "done", "words": 7 },
            { "id": "3", "title": "b1", "status": "done", "words": 7 },
        ] }),
    )
    .await;
    apps.gives(
        r#"mutation {
            sorted: update_article_items(ids: [1, 2, 3], data: { words: 8 }, sort: ["-id"], limit: 2) { id words }
            filtered: update_article_items(ids: [1, 2], data: { words: 9 }, filter: { words: { _neq: 9 } }) { id }
            twice: update_article_items(ids: [1, 1, "1"], data: { words: 10 }) { id words }
            single: update_article_items(ids: 2, data: { words: 11 }) { id words }
            none: update_article_items(ids: [], data: { words: 0 }) { id }
        }"#,
        json!({
            "sorted": [{ "id": "3", "words": 8 }, { "id": "2", "words": 8 }],
            "filtered": [],
            "twice": [{ "id": "1", "words": 10 }],
            "single": [{ "id": "2", "words": 11 }],
            "none": [],
        }),
    )
    .await;
    apps.holds("SELECT words FROM article ORDER BY id", "10, 11, 8").await;
}

#[tokio::test]
async fn the_administrator_skips_keys_that_find_nothing() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            items: update_tag_items(ids: [9, 2, 8], data: { name: "BLUE" }) { id name }
            batch: update_tag_batch(data: [{ id: 9, name: "x" }, { id: 1, name: "RED" }]) { id name }
        }"#,
        json!({ "items": [{ "id": "2", "name": "BLUE" }], "batch": [{ "id": "1", "name": "RED" }] }),
    )
    .await;
    // A key that is none is refused all the same, a null is none.
    for ids in ["[1, \"x\"]", "[1, null]"] {
        let document = format!("mutation {{ update_tag_items(ids: {ids}, data: {{ name: \"x\" }}) {{ id }} }}");
        apps.refuses(&document, json!({ "code": "FORBIDDEN" })).await;
    }
}

#[tokio::test]
async fn a_batch_has_a_payload_for_each_item() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 3, title: "three", words: 3 }, { id: 1, words: 1, title: "one" }, { id: "2", status: null }
            ]) { id title status words }
        }"#,
        json!({ "update_article_batch": [
            { "id": "1", "title": "one", "status": "draft", "words": 1 },
            { "id": "2", "title": "a2", "status": null, "words": 20 },
            { "id": "3", "title": "three", "status": "draft", "words": 3 },
        ] }),
    )
    .await;
    apps.gives(
        "mutation M($left: [update_article_input!]) {
            empty: update_article_batch(data: []) { id }
            absent: update_article_batch { id }
            variable: update_article_batch(data: $left) { id }
            limited: update_article_batch(data: [{ id: 1, words: 5 }, { id: 2, words: 6 }], limit: 1, sort: [\"-id\"]) { id words }
        }",
        json!({ "empty": [], "absent": [], "variable": [], "limited": [{ "id": "2", "words": 6 }] }),
    )
    .await;
}

#[tokio::test]
async fn items_of_a_batch_about_the_same_row_come_one_after_another() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_batch(data: [
                { id: 1, title: "first", words: 1 }, { id: 2, words: 2 }, { id: 1, title: "second" }, { id: 1, words: 3 }
            ]) { id title words }
        }"#,
        json!({ "update_article_batch":
            [{ "id": "1", "title": "second", "words": 3 }, { "id": "2", "title": "a2", "words": 2 }] }),
    )
    .await;
}

#[tokio::test]
async fn an_item_of_a_batch_without_its_key_undoes_all_of_it() {
    let apps = presses().await;
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    for second in ["{ name: \"x\" }", "{ id: null, name: \"x\" }", "{}"] {
        let document =
            format!("mutation {{ update_tag_batch(data: [{{ id: 1, name: \"RED\" }}, {second}]) {{ id }} }}");
        apps.refuses(&document, payload.clone()).await;
    }
    apps.refuses(
        r#"mutation { update_tag_batch(data: [{ id: 1, name: "RED" }, { id: "x", name: "y" }]) { id } }"#,
        json!({ "code": "FORBIDDEN" }),
    )
    .await;
}

#[tokio::test]
async fn a_batch_of_many_rows_gives_each_its_own_values() {
    let apps = presses().await;
    let data: Vec<_> = (0..200).map(|at| json!({ "id": 100 + at, "title": format!("t{at}"), "words": at })).collect();
    let created = "mutation M($data: [create_article_input!]) { create_article_items(data: $data, limit: 1) { id } }";
    apps.gives_with(created, json!({ "data": data }), json!({ "create_article_items": [{ "id": "100" }] })).await;
    let data: Vec<_> = (0..200)
        .map(|at| match at % 3 {
            0 => json!({ "id": 100 + at, "words": null }),
            1 => json!({ "id": 100 + at, "words": at * 2 }),
            _ => json!({ "id": 100 + at, "words": 1, "title": format!("T{at}") }),
        })
        .collect();
    let expected: Vec<_> = (0..200)
        .map(|at| match at % 3 {
            0 => json!({ "title": format!("t{at}"), "words": null }),
            1 => json!({ "title": format!("t{at}"), "words": at * 2 }),
            _ => json!({ "title": format!("T{at}"), "words": 1 }),
        })
        .collect();
    let updated = "mutation M($data: [update_article_input!]) { update_article_batch(data: $data) { title words } }";
    apps.gives_with(updated, json!({ "data": data }), json!({ "update_article_batch": expected })).await;
}
