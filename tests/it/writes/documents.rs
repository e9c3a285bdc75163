//! Mutations as documents: fields and fragments, what of them is run, how their
//! inputs are checked, and over which methods they come.

use reqwest::Method;
use serde_json::json;

use super::presses;
use crate::support::{Reply, TOKEN, TestApp};

#[tokio::test]
async fn fields_of_a_mutation_run_in_their_order_whatever_they_are_called() {
    let apps = presses().await;
    apps.gives(
        r#"mutation M {
            z: update_article_item(id: 1, data: { words: 1 }) { words }
            ...First
            __typename
            ... on Mutation { a: update_article_item(id: 1, data: { words: 3 }) { words } }
            last: update_article_items(ids: [1], data: { title: "last" }) { title words }
        }
        fragment First on Mutation { m: update_article_item(id: 1, data: { words: 2 }) { words ...More } }
        fragment More on article { before: words author { ... on author { name } } }"#,
        json!({
            "z": { "words": 1 },
            "m": { "words": 2, "before": 2, "author": { "name": "Ann" } },
            "__typename": "Mutation",
            "a": { "words": 3 },
            "last": [{ "title": "last", "words": 3 }],
        }),
    )
    .await;
    // Members come in the document's order too.
    for (kind, app) in apps.each() {
        let request = app.request(Method::POST, "/graphql").bearer_auth(TOKEN).json(&json!({ "query":
            "mutation { z: update_tag_item(id: 1, data: {}) { name id } a: delete_picture_item(id: 9) { __typename id } }" }));
        let text = request.send().await.expect("an answer").text().await.expect("a text");
        let expected = r#"{"data":{"z":{"name":"red","id":"1"},"a":{"__typename":"delete_one","id":"9"}}}"#;
        assert_eq!(text, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn the_same_field_twice_is_run_once() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            create_tag_item(data: { name: "once" }) { id }
            create_tag_item(data: { name: "once" }) { name }
            ...F
        }
        fragment F on Mutation { create_tag_item(data: { name: "once" }) { again: name } }"#,
        json!({ "create_tag_item": { "id": "3", "name": "once", "again": "once" } }),
    )
    .await;
    apps.holds("SELECT count(*) FROM tag", "3").await;
    apps.refuses(
        r#"mutation { create_tag_item(data: { name: "a" }) { id } create_tag_item(data: { name: "b" }) { id } }"#,
        json!({ "code": "GRAPHQL_VALIDATION" }),
    )
    .await;
}

#[tokio::test]
async fn a_field_that_is_skipped_is_not_run() {
    let apps = presses().await;
    let document = r#"mutation M($yes: Boolean!, $no: Boolean!) {
        a: create_tag_item(data: { name: "a" }) @skip(if: $yes) { name }
        b: create_tag_item(data: { name: "b" }) @include(if: $no) { name }
        c: create_tag_item(data: { name: "c" }) @include(if: $yes) { name id @skip(if: $yes) }
        ... on Mutation @skip(if: $yes) { d: delete_picture_item(id: 1) { id } }
    }"#;
    apps.gives_with(document, json!({ "yes": true, "no": false }), json!({ "c": { "name": "c" } })).await;
    apps.holds("SELECT name FROM tag ORDER BY name", "blue, c, red").await;
    apps.holds("SELECT count(*) FROM picture", "3").await;
    apps.gives_with(
        document.replace("\"c\"", "\"d\"").as_str(),
        json!({ "yes": false, "no": false }),
        json!({ "a": { "name": "a" }, "d": { "id": "1" } }),
    )
    .await;
}

#[tokio::test]
async fn one_of_several_operations_is_run() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        let query = r#"query Read { tag { name } }
            mutation Write { create_tag_item(data: { name: "w" }) { name } }
            mutation Other { delete_picture_items(ids: [1, 2, 3]) { ids } }"#;
        let body = json!({ "query": query, "operationName": "Write" });
        let reply = app.post(&body, Some(TOKEN)).await;
        assert_eq!(reply.body, json!({ "data": { "create_tag_item": { "name": "w" } } }), "{kind:?}");
        let reply = app.post(&json!({ "query": query, "operationName": "Read" }), Some(TOKEN)).await;
        assert_eq!(reply.body["data"]["tag"].as_array().map(Vec::len), Some(3), "{kind:?}");
        let reply = app.post(&json!({ "query": query }), Some(TOKEN)).await;
        assert!(!reply.codes().is_empty(), "{kind:?}: {:#}", reply.body);
    }
    apps.holds("SELECT count(*) FROM picture", "3").await;
}

#[tokio::test]
async fn a_plan_serves_other_values() {
    let apps = presses().await;
    let document = "mutation M($name: String!, $boss: create_author_input, $ids: [ID]!) {
        create_author_item(data: { name: $name, boss: $boss }) { name boss { name } }
        update_picture_items(ids: $ids, data: { name: $name }) { id name }
    }";
    for (variables, boss, pictures) in [
        (json!({ "name": "a", "ids": [1] }), json!(null), json!([{ "id": "1", "name": "a" }])),
        (
            json!({ "name": "b", "ids": [2, 3], "boss": { "id": 1 } }),
            json!({ "name": "Ann" }),
            json!([{ "id": "2", "name": "b" }, { "id": "3", "name": "b" }]),
        ),
        (json!({ "name": "c", "ids": [], "boss": null }), json!(null), json!([])),
        (
            json!({ "name": "d", "ids": "1", "boss": { "name": "new" } }),
            json!({ "name": "new" }),
            json!([{ "id": "1", "name": "d" }]),
        ),
    ] {
        let expected = json!({
            "create_author_item": { "name": variables["name"], "boss": boss }, "update_picture_items": pictures,
        });
        apps.gives_with(document, variables, expected).await;
    }
}

#[tokio::test]
async fn inputs_are_checked_in_literals_and_in_variables_alike() {
    let apps = presses().await;
    let validation = json!({ "code": "GRAPHQL_VALIDATION" });
    // The member of an item's payload, and the same as JSON.
    for (literal, given) in [
        // Unknown, at any level.
        (r#"title: "x", nonsense: 1"#, json!({ "title": "x", "nonsense": 1 })),
        (
            r#"title: "x", author: { name: "x", nonsense: 1 }"#,
            json!({ "title": "x", "author": { "name": "x", "nonsense": 1 } }),
        ),
        (
            r#"title: "x", tag: [{ name: "x", article: [{ title: "y", id: 1, tags: [] }] }]"#,
            json!({ "title": "x", "tag": [{ "name": "x", "article": [{ "title": "y", "id": 1, "tags": [] }] }] }),
        ),
        // A function of a field is no member.
        (r#"title: "x", remark_func: { count: 1 }"#, json!({ "title": "x", "remark_func": { "count": 1 } })),
        // Missing.
        ("words: 1", json!({ "words": 1 })),
        (r#"title: "x", tag: [{ name: "y" }, {}]"#, json!({ "title": "x", "tag": [{ "name": "y" }, {}] })),
        (r#"title: "x", author: { mail: "y" }"#, json!({ "title": "x", "author": { "mail": "y" } })),
        (r#"title: "x", author: { id: 1, boss: {} }"#, json!({ "title": "x", "author": { "id": 1, "boss": {} } })),
        // Null where none may be.
        ("title: null", json!({ "title": null })),
        (r#"title: "x", author: { id: 1, name: null }"#, json!({ "title": "x", "author": { "id": 1, "name": null } })),
        // Of another kind.
        (r#"title: ["x"]"#, json!({ "title": ["x"] })),
        (r#"title: "x", author: 1"#, json!({ "title": "x", "author": 1 })),
        (r#"title: "x", author: [{ id: 1 }]"#, json!({ "title": "x", "author": [{ "id": 1 }] })),
        (r#"title: "x", tag: [1]"#, json!({ "title": "x", "tag": [1] })),
        (r#"title: "x", tag: [[{ id: 1 }]]"#, json!({ "title": "x", "tag": [[{ "id": 1 }]] })),
        (r#"title: "x", words: "1""#, json!({ "title": "x", "words": "1" })),
    ] {
        let document = format!("mutation {{ create_article_item(data: {{ {literal} }}) {{ id }} }}");
        apps.refuses(&document, validation.clone()).await;
        let document = "mutation M($data: create_article_input!) { create_article_item(data: $data) { id } }";
        apps.refuses_with(document, json!({ "data": given }), validation.clone()).await;
        let document = "mutation M($data: [create_article_input!]) { create_article_items(data: $data) { id } }";
        apps.refuses_with(document, json!({ "data": [{ "title": "good" }, given] }), validation.clone()).await;
        let document = format!("mutation {{ upsert_article_items(data: [{{ {literal} }}]) {{ id }} }}");
        if literal != "words: 1" {
            apps.refuses(&document, validation.clone()).await;
        }
    }
}

#[tokio::test]
async fn arguments_are_checked() {
    let apps = presses().await;
    let validation = json!({ "code": "GRAPHQL_VALIDATION" });
    for document in [
        "mutation { create_tag_item { id } }",
        "mutation { create_tag_item(data: null) { id } }",
        r#"mutation { create_tag_item(data: [{ name: "x" }]) { id } }"#,
        "mutation { create_tag_items(data: [null]) { id } }",
        r#"mutation { update_tag_item(data: { name: "x" }) { id } }"#,
        r#"mutation { update_tag_item(id: null, data: { name: "x" }) { id } }"#,
        r#"mutation { update_tag_item(id: [1], data: { name: "x" }) { id } }"#,
        r#"mutation { update_tag_item(id: 1.5, data: { name: "x" }) { id } }"#,
        "mutation { update_tag_item(id: 1) { id } }",
        r#"mutation { update_tag_items(data: { name: "x" }) { id } }"#,
        r#"mutation { update_tag_items(ids: null, data: { name: "x" }) { id } }"#,
        "mutation { delete_tag_items { ids } }",
        "mutation { delete_tag_item(id: 1) }",
        "mutation { delete_tag_item(id: 1) { ids } }",
        "mutation { delete_tag_items(ids: [1]) { id } }",
        "mutation { delete_tag_items(ids: [1], limit: 1) { ids } }",
        r#"mutation { create_tag_item(data: { name: "x" }, limit: 1) { id } }"#,
        r#"mutation { create_tag_item(data: { name: "x" }) }"#,
        "mutation { nonsense { id } }",
        "mutation { tag { id } }",
        "query { delete_tag_item(id: 1) { id } }",
        r#"mutation { create_tag_item(data: { name: "x" }) { nonsense } }"#,
        "subscription { delete_tag_item(id: 1) { id } }",
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql(document).await;
            let codes = reply.codes();
            assert!(
                !codes.is_empty() && codes.iter().all(|code| *code == "GRAPHQL_VALIDATION"),
                "{kind:?}: {document}\n{:#}",
                reply.body
            );
            assert!(reply.body.get("data").is_none(), "{kind:?}: {document}\n{:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
    // Variables where they do not belong, or without a value.
    for (document, variables) in [
        ("mutation M($name: String) { create_tag_item(data: { name: $name }) { id } }", json!({ "name": "x" })),
        ("mutation M($name: String!) { create_tag_item(data: { name: $name }) { id } }", json!({})),
        ("mutation M($name: String!) { create_tag_item(data: { name: $name }) { id } }", json!({ "name": null })),
        ("mutation M($name: Int!) { create_tag_item(data: { name: $name }) { id } }", json!({ "name": 1 })),
        (
            "mutation M($data: update_tag_input!) { create_tag_item(data: $data) { id } }",
            json!({ "data": { "name": "x" } }),
        ),
        ("mutation M($id: ID) { delete_tag_item(id: $id) { id } }", json!({ "id": 1 })),
    ] {
        apps.refuses_with(document, variables, validation.clone()).await;
    }
}

async fn get(app: &TestApp, parameters: &[(&str, &str)]) -> Reply {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    Reply::of(app.request(Method::GET, &format!("/graphql?{query}")).bearer_auth(TOKEN)).await
}

#[tokio::test]
async fn mutations_come_by_post_alone() {
    let apps = presses().await;
    for (kind, app) in apps.each() {
        for query in [
            "mutation { delete_picture_item(id: 1) { id } }",
            "mutation @transaction { delete_picture_item(id: 1) { id } }",
            "mutation { __typename }",
        ] {
            let reply = get(app, &[("query", query)]).await;
            assert_eq!((reply.status, reply.codes()), (405, vec!["METHOD_NOT_ALLOWED"]), "{kind:?}: {:#}", reply.body);
            assert_eq!(reply.header("allow"), "POST", "{kind:?}");
        }
        // Also where POST has made its plan before.
        let query = "mutation { delete_picture_item(id: 99) { id } }";
        app.data(query).await;
        assert_eq!(get(app, &[("query", query)]).await.status, 405, "{kind:?}");
        // The query beside it may be run.
        let query = "query Q { tag { name } } mutation M { delete_picture_item(id: 1) { id } }";
        for (name, status) in [("Q", 200), ("M", 405)] {
            assert_eq!(get(app, &[("query", query), ("operationName", name)]).await.status, status, "{kind:?}");
        }
    }
    apps.holds("SELECT count(*) FROM picture", "3").await;
}
