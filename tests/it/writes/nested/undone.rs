//! A nested write that fails at any of its steps leaves nothing behind.

use serde_json::{Value as Json, json};

use crate::{support::Everywhere, writes::presses};

/// A payload that writes at every level, each with a value that must be unique,
/// and the places of those values: where, in which collection and field.
fn tree() -> (Json, &'static [(&'static str, &'static str, &'static str, &'static str)]) {
    let payload = json!({
        "title": "new", "slug": "n1",
        "author": {
            "name": "Dan", "mail": "dan@x",
            "boss": { "name": "Eve", "mail": "eve@x" },
            "article": [{ "title": "inner", "slug": "n2", "picture": [{ "name": "inner", "slug": "n3" }] }],
        },
        "remark": [{ "body": "one", "slug": "n4" }, { "body": "two", "slug": "n5" }],
        "picture": [{ "name": "first", "slug": "n6" }, { "id": 3, "slug": "n7" }],
        "tag": [{ "id": 1, "name": "scarlet" }, { "name": "green" }],
        "article_tag": [{ "tag_id": { "name": "grey" } }],
        "credit": [{ "part": "maps", "author": { "name": "Fay", "mail": "fay@x", "boss": { "id": 3, "mail": "cid@x" } } }],
    });
    let places: &[_] = &[
        ("/author/boss/mail", "ann@x", "author", "mail"),
        ("/author/mail", "ann@x", "author", "mail"),
        ("/author/article/0/slug", "s1", "article", "slug"),
        ("/author/article/0/picture/0/slug", "p1", "picture", "slug"),
        ("/slug", "s1", "article", "slug"),
        ("/remark/0/slug", "r1", "remark", "slug"),
        ("/remark/1/slug", "r1", "remark", "slug"),
        ("/picture/0/slug", "p1", "picture", "slug"),
        ("/picture/1/slug", "p1", "picture", "slug"),
        ("/tag/0/name", "blue", "tag", "name"),
        ("/tag/1/name", "blue", "tag", "name"),
        ("/article_tag/0/tag_id/name", "blue", "tag", "name"),
        ("/credit/0/author/mail", "ann@x", "author", "mail"),
        ("/credit/0/author/boss/mail", "ann@x", "author", "mail"),
    ];
    (payload, places)
}

/// Breaks a write at every place in turn, then does it unbroken.
async fn check(apps: &Everywhere, document: &str, given: impl Fn(Json) -> Json) {
    let (payload, places) = tree();
    for (place, value, collection, field) in places {
        let mut broken = payload.clone();
        *broken.pointer_mut(place).expect("there is such a place") = json!(value);
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.graphql_with(document, given(broken.clone())).await;
            let told = format!("{kind:?} {place}\n{:#}", reply.body);
            assert_eq!(reply.codes(), ["RECORD_NOT_UNIQUE"], "{told}");
            let extensions = &reply.body["errors"][0]["extensions"];
            assert_eq!(
                (&extensions["collection"], &extensions["field"]),
                (&json!(collection), &json!(field)),
                "{told}"
            );
            assert!(extensions["value"] == json!(value) || extensions["value"].is_null(), "{told}");
        }
        assert_eq!(apps.contents().await, before, "{place}");
    }
    let before = apps.contents().await;
    for (kind, app) in apps.each() {
        let reply = app.graphql_with(document, given(payload.clone())).await;
        assert!(reply.body.get("errors").is_none(), "{kind:?}\n{:#}", reply.body);
    }
    for (before, after) in before.iter().zip(apps.contents().await) {
        for ((table, before), (_, after)) in before.iter().zip(after) {
            assert_ne!(before, &after, "{table} is as it was");
        }
    }
}

#[tokio::test]
async fn a_creation_that_fails_anywhere_leaves_nothing_behind() {
    let apps = presses().await;
    let document = "mutation M($data: create_article_input!) { create_article_item(data: $data) { id } }";
    check(&apps, document, |data| json!({ "data": data })).await;
}

#[tokio::test]
async fn an_update_that_fails_anywhere_leaves_nothing_behind() {
    let apps = presses().await;
    let document = "mutation M($data: update_article_input!) { update_article_item(id: 3, data: $data) { id } }";
    check(&apps, document, |data| json!({ "data": data })).await;
}

#[tokio::test]
async fn one_item_that_fails_undoes_all_of_its_list() {
    let apps = presses().await;
    let document = "mutation M($data: create_article_input!, $more: create_article_input!) {
        create_article_items(data: [$more, $data, { title: \"last\", tag: [{ name: \"last\" }] }]) { id }
    }";
    let more =
        json!({ "title": "more", "author": { "name": "Gus" }, "picture": [{ "name": "m" }, { "id": 1, "name": "M" }] });
    check(&apps, document, |data| json!({ "data": data, "more": more })).await;
}

#[tokio::test]
async fn a_root_field_that_fails_undoes_those_before_it_in_one_transaction() {
    let apps = presses().await;
    let document = "mutation M($data: create_article_input!) @transaction {
        delete_credit_items(ids: [1, 2]) { ids }
        update_article_item(id: 2, data: { title: \"A2\", author: { name: \"Gus\" } }) { id }
        create_article_item(data: $data) { id }
    }";
    check(&apps, document, |data| json!({ "data": data })).await;
}
