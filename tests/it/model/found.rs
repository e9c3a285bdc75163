//! What the model has found, each with the least that shows it.

use serde_json::json;

use super::tables;
use crate::support::Everywhere;

#[tokio::test]
async fn a_row_that_its_own_write_lets_go_of_is_shown_as_it_is_then() {
    let all = Everywhere::own(tables::script).await;
    all.gives(
        r#"mutation { create_categories_item(data: {id: -1, name: "a", categories: [{id: -2, name: "b"}]}) { id } }"#,
        json!({ "create_categories_item": { "id": "-1" } }),
    )
    .await;
    all.gives(
        "mutation { update_categories_items(ids: [-1, -2], data: {categories: []}) { id parent { id } } }",
        json!({ "update_categories_items": [{ "id": "-2", "parent": null }, { "id": "-1", "parent": null }] }),
    )
    .await;
}

#[tokio::test]
async fn a_row_in_several_sets_ends_up_in_the_last_of_them() {
    let all = Everywhere::own(tables::script).await;
    all.gives(
        r#"mutation {
            create_authors_items(data: [{id: -1, name: "a"}, {id: -2, name: "b", articles: [{id: -3, title: "t"}]}]) { id }
        }"#,
        json!({ "create_authors_items": [{ "id": "-2" }, { "id": "-1" }] }),
    )
    .await;
    // It is there already, and the first of the sets takes it away.
    all.gives(
        "mutation { update_authors_items(ids: [-1, -2], data: {articles: [{id: -3}]}) { articles { id } } }",
        json!({ "update_authors_items": [{ "articles": [{ "id": "-3" }] }, { "articles": [] }] }),
    )
    .await;
    // New parents, with and without a key of their own, in the order of the document.
    all.gives(
        r#"mutation {
            create_categories_item(data: {id: -7, name: "child"}) { id }
            top: create_categories_item(data: {name: "top", categories: [
                {id: -5, name: "first", categories: [{id: -7}]}, {name: "last", categories: [{id: -7}]}
            ]}) { categories { name categories { id } } }
        }"#,
        json!({
            "create_categories_item": { "id": "-7" },
            "top": { "categories": [
                { "name": "first", "categories": [] }, { "name": "last", "categories": [{ "id": "-7" }] }
            ] },
        }),
    )
    .await;
}

#[tokio::test]
async fn an_upsert_whose_nested_rows_made_its_row_is_refused_as_a_duplicate() {
    let all = Everywhere::own(tables::script).await;
    for (_, app) in all.each() {
        let document = r#"mutation {
            upsert_categories_items(data: [{id: -1, name: "a", parent: {id: -2, name: "b"}}, {id: -2, name: "c"}]) { id }
        }"#;
        let reply = app.graphql(document).await;
        assert_eq!(reply.codes(), ["RECORD_NOT_UNIQUE"], "{:#}", reply.body);
    }
}
