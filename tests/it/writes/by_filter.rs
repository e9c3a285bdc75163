//! `update_x_where` and `delete_x_where`: what a filter finds, but never more
//! than the limit.

use serde_json::json;

use super::presses;

#[tokio::test]
async fn what_a_filter_finds_is_updated() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_article_where(filter: { status: { _eq: "draft" } }, limit: 2, data: { words: 7, status: "done" }) {
                id title status words
            }
        }"#,
        json!({ "update_article_where": [
            { "id": "1", "title": "a1", "status": "done", "words": 7 },
            { "id": "3", "title": "b1", "status": "done", "words": 7 },
        ] }),
    )
    .await;
    apps.gives(
        r#"mutation {
            related: update_article_where(filter: { author: { name: { _eq: "Ann" } } }, limit: 10, data: { words: 8 }) { id }
            quantified: update_article_where(filter: { remark: { _none: { id: { _nnull: true } } } }, limit: 10, data: { words: 9 }) { id words }
            all: update_tag_where(filter: {}, limit: 2, data: {}) { id name }
            none: update_article_where(filter: { id: { _gt: 99 } }, limit: 5, data: { words: 0 }) { id }
            nested: update_article_where(filter: { id: { _eq: 2 } }, limit: 1, data: { author: { name: "Dan" }, tag: [] }) {
                author { name } tag { id }
            }
        }"#,
        json!({
            "related": [{ "id": "1" }, { "id": "2" }],
            "quantified": [{ "id": "3", "words": 9 }],
            "all": [{ "id": "1", "name": "red" }, { "id": "2", "name": "blue" }],
            "none": [],
            "nested": [{ "author": { "name": "Dan" }, "tag": [] }],
        }),
    )
    .await;
    apps.holds("SELECT words FROM article ORDER BY id", "8, 8, 9").await;
}

#[tokio::test]
async fn what_a_filter_finds_is_deleted() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            some: delete_picture_where(filter: { article: { id: { _eq: 1 } } }, limit: 2) { ids }
            none: delete_picture_where(filter: { id: { _eq: 99 } }, limit: 5) { ids }
            rest: delete_picture_where(filter: {}, limit: 5) { __typename ids }
            again: delete_picture_where(filter: {}, limit: 0) { ids }
        }"#,
        json!({
            "some": { "ids": ["1", "2"] },
            "none": { "ids": [] },
            "rest": { "__typename": "delete_many", "ids": ["3"] },
            "again": { "ids": [] },
        }),
    )
    .await;
    apps.holds("SELECT count(*) FROM picture", "0").await;
}

#[tokio::test]
async fn filters_and_limits_may_be_variables() {
    let apps = presses().await;
    let document = "mutation M($filter: picture_filter!, $limit: Int!, $name: String) {
        update_picture_where(filter: $filter, limit: $limit, data: { name: $name }) { id name }
    }";
    let variables = json!({ "filter": { "name": { "_in": ["p1", "p3"] } }, "limit": 2, "name": "x" });
    apps.gives_with(
        document,
        variables,
        json!({ "update_picture_where": [{ "id": "1", "name": "x" }, { "id": "3", "name": "x" }] }),
    )
    .await;
    apps.refuses_with(
        document,
        json!({ "filter": { "name": { "_eq": "x" } }, "limit": 1, "name": "y" }),
        json!({ "code": "INVALID_QUERY", "reason": "…" }),
    )
    .await;
    let document = "mutation M($name: String!, $now: Int!) {
        delete_picture_where(filter: { name: { _eq: $name } }, limit: $now) { ids }
    }";
    apps.gives_with(
        document,
        json!({ "name": "x", "now": 5 }),
        json!({ "delete_picture_where": { "ids": ["1", "3"] } }),
    )
    .await;
}

#[tokio::test]
async fn more_than_the_limit_is_refused_and_nothing_is_changed() {
    let apps = presses().await;
    let invalid = json!({ "code": "INVALID_QUERY", "reason": "…" });
    for document in [
        "mutation { update_article_where(filter: {}, limit: 2, data: { words: 0 }) { id } }",
        "mutation { update_article_where(filter: {}, limit: 0, data: { words: 0 }) { id } }",
        "mutation { delete_picture_where(filter: {}, limit: 2) { ids } }",
        "mutation { delete_picture_where(filter: { id: { _in: [1, 2] } }, limit: 1) { ids } }",
        // A limit is one.
        "mutation { update_article_where(filter: {}, limit: -1, data: { words: 0 }) { id } }",
        "mutation { delete_picture_where(filter: {}, limit: -1) { ids } }",
    ] {
        apps.refuses(document, invalid.clone()).await;
    }
}

#[tokio::test]
async fn a_filter_and_a_limit_must_be_there() {
    let apps = presses().await;
    let validation = json!({ "code": "GRAPHQL_VALIDATION" });
    for document in [
        "mutation { update_article_where(limit: 2, data: { words: 0 }) { id } }",
        "mutation { update_article_where(filter: {}, data: { words: 0 }) { id } }",
        "mutation { update_article_where(filter: null, limit: 2, data: { words: 0 }) { id } }",
        "mutation { delete_picture_where(filter: {}) { ids } }",
        "mutation { delete_picture_where(limit: 2) { ids } }",
        "mutation { delete_picture_where(filter: {}, limit: null) { ids } }",
    ] {
        apps.refuses(document, validation.clone()).await;
    }
}

#[tokio::test]
async fn a_variable_that_is_not_given_does_not_widen_a_filter() {
    let apps = presses().await;
    for document in [
        "mutation M($name: String) { delete_picture_where(filter: { name: { _eq: $name } }, limit: 9) { ids } }",
        "mutation M($name: String) { update_picture_where(filter: { name: { _eq: $name } }, limit: 9, data: { name: \"x\" }) { id } }",
        "mutation M($of: string_filter_operators) { delete_picture_where(filter: { name: $of }, limit: 9) { ids } }",
        "mutation M($all: [picture_filter]) { delete_picture_where(filter: { _and: $all }, limit: 9) { ids } }",
        "mutation M($one: picture_filter) { delete_picture_where(filter: { _or: [{ id: { _eq: 1 } }, $one] }, limit: 9) { ids } }",
    ] {
        apps.refuses(document, json!({ "code": "INVALID_QUERY", "reason": "…" })).await;
    }
    apps.gives_with(
        "mutation M($name: String = \"p1\", $new: String) {
            update_picture_where(filter: { name: { _eq: $name } }, limit: 9, data: { slug: $new }) { id slug }
        }",
        json!({}),
        json!({ "update_picture_where": [{ "id": "1", "slug": "p1" }] }),
    )
    .await;
}

#[tokio::test]
async fn a_row_that_is_still_pointed_to_keeps_all_of_them() {
    let apps = presses().await;
    apps.gives_in_part(
        "mutation { delete_article_where(filter: {}, limit: 9) { ids } }",
        json!({ "delete_article_where": null }),
        &[("INVALID_FOREIGN_KEY", "delete_article_where")],
    )
    .await;
    apps.holds("SELECT count(*) FROM article", "3").await;
}
