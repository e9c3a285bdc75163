//! `delete_x_item` and `delete_x_items`.

use serde_json::json;

use super::presses;
use crate::support::Everywhere;

#[tokio::test]
async fn deletions_answer_with_the_keys_that_were_given_as_texts() {
    let apps = presses().await;
    apps.gives(
        r#"mutation M($id: ID! = 2) {
            delete_picture_item(id: 1) { id }
            variable: delete_picture_item(id: $id) { key: id again: id __typename }
            delete_remark_items(ids: [3, "1"]) { ids }
            members: delete_remark_items(ids: [2]) { __typename keys: ids ...F }
        }
        fragment F on delete_many { ids }"#,
        json!({
            "delete_picture_item": { "id": "1" },
            "variable": { "key": "2", "again": "2", "__typename": "delete_one" },
            "delete_remark_items": { "ids": ["3", "1"] },
            "members": { "__typename": "delete_many", "keys": ["2"], "ids": ["2"] },
        }),
    )
    .await;
    apps.holds("SELECT id FROM picture", "3").await;
    apps.holds("SELECT count(*) FROM remark", "0").await;
}

#[tokio::test]
async fn the_administrator_deletes_what_is_not_there_as_well() {
    let apps = presses().await;
    apps.gives(
        "mutation {
            none: delete_picture_items(ids: []) { ids }
            some: delete_picture_items(ids: [2, 998]) { ids }
            twice: delete_picture_items(ids: [1, 1]) { ids }
            absent: delete_picture_item(id: 999) { id }
        }",
        json!({
            "none": { "ids": [] },
            "some": { "ids": ["2", "998"] },
            "twice": { "ids": ["1", "1"] },
            "absent": { "id": "999" },
        }),
    )
    .await;
    apps.holds("SELECT id FROM picture", "3").await;
}

#[tokio::test]
async fn a_key_that_is_none_is_forbidden() {
    let apps = presses().await;
    for id in ["\"x\"", "\"\"", "\"99999999999999999999\""] {
        let document = format!("mutation {{ delete_picture_item(id: {id}) {{ id }} }}");
        apps.refuses(&document, json!({ "code": "FORBIDDEN" })).await;
        let document = format!("mutation {{ delete_picture_items(ids: [1, {id}]) {{ ids }} }}");
        apps.refuses(&document, json!({ "code": "FORBIDDEN" })).await;
    }
    apps.refuses("mutation { delete_picture_items(ids: [1, null]) { ids } }", json!({ "code": "FORBIDDEN" })).await;
}

#[tokio::test]
async fn a_deletion_that_fails_leaves_the_others_alone() {
    let apps = presses().await;
    apps.gives_in_part(
        "mutation {
            a: delete_picture_item(id: 1) { id }
            b: delete_article_items(ids: [3, 1]) { ids }
            c: delete_picture_items(ids: [2]) { ids }
        }",
        json!({ "a": { "id": "1" }, "b": null, "c": { "ids": ["2"] } }),
        &[("INVALID_FOREIGN_KEY", "b")],
    )
    .await;
    apps.holds("SELECT id FROM article ORDER BY id", "1, 2, 3").await;
    apps.holds("SELECT id FROM picture", "3").await;
}

#[tokio::test]
async fn rows_that_the_database_takes_along_go() {
    let apps = Everywhere::own(|_| {
        "CREATE TABLE parent (id integer PRIMARY KEY NOT NULL);
         CREATE TABLE child (id integer PRIMARY KEY NOT NULL, parent integer,
             FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE);
         CREATE TABLE fan (id integer PRIMARY KEY NOT NULL, parent integer,
             FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE SET NULL);
         INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1), (2, 2), (3, 1); INSERT INTO fan VALUES (1, 1);"
            .to_owned()
    })
    .await;
    apps.gives("mutation { delete_parent_item(id: 1) { id } }", json!({ "delete_parent_item": { "id": "1" } })).await;
    apps.holds("SELECT id, parent FROM child", "2 2").await;
    apps.holds("SELECT id, parent FROM fan", "1 -").await;
}

#[tokio::test]
async fn many_rows_go_at_once() {
    let apps = presses().await;
    let data: Vec<_> = (0..300).map(|at| json!({ "id": 100 + at, "name": format!("p{}", 100 + at) })).collect();
    let create = "mutation M($data: [create_picture_input!]) { create_picture_items(data: $data, limit: 0) { id } }";
    apps.gives_with(create, json!({ "data": data }), json!({ "create_picture_items": [] })).await;
    let ids: Vec<_> = (0..299).map(|at| (100 + at).to_string()).collect();
    let delete = "mutation M($ids: [ID]!) { delete_picture_items(ids: $ids) { ids } }";
    apps.gives_with(delete, json!({ "ids": ids }), json!({ "delete_picture_items": { "ids": ids } })).await;
    apps.holds("SELECT id FROM picture ORDER BY id", "1, 2, 3, 399").await;
}
