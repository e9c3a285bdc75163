//! How many statements a write costs: a few per level and kind, however many
//! rows. Beginning and ending a transaction is not counted.

use serde_json::{Value as Json, json};

use super::presses;
use crate::support::TestApp;

/// The statements of a document that must succeed.
async fn cost(app: &TestApp, document: &str, variables: Json) -> u64 {
    let (statements, reply) = app.statements_of(app.graphql_with(document, variables)).await;
    assert!(reply.body.get("errors").is_none(), "{document}\n{:#}", reply.body);
    statements
}

#[tokio::test]
async fn one_item_costs_one_statement_where_the_database_shows_what_it_wrote() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let name = app.catalog.dialect.label();
        let returns = app.catalog.inserts_return;
        let updates_return = name == "PostgreSQL";
        let create = cost(app, r#"mutation { create_tag_item(data: { name: "a" }) { id name } }"#, json!({})).await;
        // Otherwise: the row, its key, the row as it is.
        assert!(create <= if returns { 1 } else { 3 }, "{name}: {create}");
        let update =
            cost(app, r#"mutation { update_tag_item(id: 1, data: { name: "b" }) { id name } }"#, json!({})).await;
        // Otherwise: the row as it was, its change, the row as it is.
        assert!(update <= if updates_return { 1 } else { 3 }, "{name}: {update}");
        let delete = cost(app, "mutation { delete_picture_item(id: 1) { id } }", json!({})).await;
        assert!(delete <= if returns { 1 } else { 2 }, "{kind:?}: {delete}");
    }
}

#[tokio::test]
async fn a_thousand_rows_cost_three_statements_at_most() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let rows: Vec<Json> =
            (0..1_000).map(|at| json!({ "id": 1_000 + at, "title": format!("t{at}"), "words": at })).collect();
        let create =
            "mutation M($data: [create_article_input!]) { create_article_items(data: $data) { id title words } }";
        assert!(cost(app, create, json!({ "data": rows })).await <= 3, "{kind:?}");
        let rows: Vec<Json> = (0..1_000).map(|at| json!({ "title": format!("n{at}") })).collect();
        assert!(cost(app, create, json!({ "data": rows })).await <= 3, "{kind:?}");
        let rows: Vec<Json> = (0..1_000).map(|at| json!({ "id": 1_000 + at, "words": at + 1 })).collect();
        let update = "mutation M($data: [update_article_input!]) { update_article_batch(data: $data) { id words } }";
        assert!(cost(app, update, json!({ "data": rows })).await <= 3, "{kind:?}");
        let ids: Vec<Json> = (0..1_000).map(|at| json!(1_000 + at)).collect();
        let update = "mutation M($ids: [ID]!) { update_article_items(ids: $ids, data: { words: 1 }) { id words } }";
        assert!(cost(app, update, json!({ "ids": ids })).await <= 3, "{kind:?}");
        let delete = "mutation M($ids: [ID]!) { delete_article_items(ids: $ids) { ids } }";
        assert!(cost(app, delete, json!({ "ids": ids })).await <= 2, "{kind:?}");
        let delete =
            "mutation { delete_article_where(filter: { title: { _starts_with: \"n\" } }, limit: 1000) { ids } }";
        assert!(cost(app, delete, json!({})).await <= 3, "{kind:?}");
    }
    apps.holds("SELECT count(*) FROM article", "3").await;
}

/// More than a statement of MySQL has places for.
#[tokio::test]
async fn lists_may_be_longer_than_a_statement() {
    let apps = presses().await;
    let count = 33_000;
    let document =
        "mutation M($data: [create_tag_input!]) { create_tag_items(data: $data, limit: 1, sort: [\"-id\"]) { name } }";
    let data: Vec<Json> = (0..count).map(|at| json!({ "id": 10 + at, "name": at.to_string() })).collect();
    let last = json!([{ "name": (count - 1).to_string() }]);
    apps.gives_with(document, json!({ "data": data }), json!({ "create_tag_items": last })).await;
    let ids: Vec<Json> = (0..count).map(|at| json!(10 + at)).collect();
    let document = "mutation M($ids: [ID]!) {
        update_tag_items(ids: $ids, data: {}, limit: 1) { id }
        delete_tag_items(ids: $ids) { __typename }
    }";
    let expected = json!({ "update_tag_items": [{ "id": "10" }], "delete_tag_items": { "__typename": "delete_many" } });
    apps.gives_with(document, json!({ "ids": ids }), expected).await;
    apps.holds("SELECT count(*) FROM tag", "2").await;
}

#[tokio::test]
async fn an_item_with_ten_children_costs_four_statements_at_most() {
    let apps = presses().await;
    for (kind, app) in apps.each().filter(|(_, app)| app.catalog.inserts_return) {
        let children: Vec<Json> = (0..10).map(|at| json!({ "name": format!("p{at}") })).collect();
        let document = "mutation M($children: [create_picture_input]) {
            create_article_item(data: { title: \"x\", picture: $children }) { id picture { id name } }
        }";
        let statements = cost(app, document, json!({ "children": children })).await;
        assert!(statements <= 4, "{kind:?}: {statements}");
    }
}

/// A tree with as many rows at each place, as the words of a document.
fn tree(width: usize, tag: &str, with_keys: bool) -> Json {
    let many = |name: &str, more: &dyn Fn(usize) -> Json| -> Json {
        let item = |at: usize| {
            let mut item = more(at);
            item[name] = json!(format!("{tag}{at}"));
            item
        };
        (0..width).map(item).collect()
    };
    let old = if with_keys { json!([{ "id": 1 }, { "id": 2, "name": format!("old {tag}") }]) } else { json!([]) };
    let mut pictures = many("name", &|_| json!({}));
    pictures.as_array_mut().expect("a list").extend(old.as_array().expect("a list").iter().cloned());
    json!({
        "title": "x",
        "author": { "name": tag, "boss": { "name": "boss" } },
        "remark": many("body", &|_| json!({})),
        "picture": pictures,
        "tag": many("name", &|_| json!({})),
        "credit": many("part", &|_| json!({ "author": { "name": "credited", "boss": { "id": 1 } } })),
    })
}

#[tokio::test]
async fn levels_cost_the_same_however_many_rows_they_have() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let read = "{ id author { name boss { name } } remark { body } picture { name } tag { name } credit { author { name boss { name } } } }";
        let create =
            format!("mutation M($data: [create_article_input!]) {{ create_article_items(data: $data) {read} }}");
        let mut costs = Vec::new();
        for (items, width, tag) in [(1, 2, "a"), (1, 20, "b")] {
            let data: Vec<Json> = (0..items).map(|_| tree(width, tag, true)).collect();
            costs.push(cost(app, &create, json!({ "data": data })).await);
        }
        for (items, width, tag) in [(5, 2, "c"), (10, 4, "d")] {
            let data: Vec<Json> = (0..items).map(|at| tree(width, &format!("{tag}{at}."), false)).collect();
            costs.push(cost(app, &create, json!({ "data": data })).await);
        }
        assert_eq!(costs[0], costs[1], "{kind:?}: {costs:?}");
        assert_eq!(costs[2], costs[3], "{kind:?}: {costs:?}");
        assert!(costs[3] <= costs[0] && costs[0] < 60, "{kind:?}: {costs:?}");
        // Each of these lets go what it was created with.
        let ids = app.data("{ article(filter: { title: { _eq: \"x\" } }, sort: [\"id\"]) { id } }").await;
        let ids: Vec<Json> = ids["article"].as_array().expect("a list").iter().map(|row| row["id"].clone()).collect();
        let update =
            format!("mutation M($data: [update_article_input!]) {{ update_article_batch(data: $data) {read} }}");
        let mut costs = Vec::new();
        for (ids, width, tag) in [(&ids[2..4], 2, "e"), (&ids[4..14], 4, "f")] {
            let item = |(at, id): (usize, &Json)| {
                let mut item = tree(width, &format!("{tag}{at}."), false);
                // Remarks cannot be let go.
                item.as_object_mut().expect("an object").remove("remark");
                item["id"] = id.clone();
                item
            };
            let data: Vec<Json> = ids.iter().enumerate().map(item).collect();
            costs.push(cost(app, &update, json!({ "data": data })).await);
        }
        assert_eq!(costs[0], costs[1], "{kind:?}: {costs:?}");
    }
}

#[tokio::test]
async fn what_is_refused_by_the_payload_alone_costs_no_writing() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        for document in [
            r#"mutation { create_article_items(data: [{ title: "x" }, { title: "far too long for this column" }]) { id } }"#,
            r#"mutation { update_tag_item(id: "x", data: { name: "y" }) { id } }"#,
            "mutation { update_article_item(id: 1, data: { title: null }) { id } }",
        ] {
            let (statements, reply) = app.statements_of(app.graphql(document)).await;
            assert_eq!((statements, reply.codes().len()), (0, 1), "{kind:?}: {document}\n{:#}", reply.body);
        }
    }
}
