//! What the public may write when it is granted that: fields, rows, and what it
//! is told of what it wrote.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use tidegate::{
    catalog::Catalog,
    permissions::{Fields, Grant, Grants, Policy, PublicAccess},
    predicate::{self, Input},
};

use super::{press, presses};
use crate::support::Everywhere;

/// Fields (`*` for all) and rows of a right.
type Right = (&'static str, Json);

/// What may be done with one collection.
#[derive(Default)]
struct Rule {
    read: Option<Right>,
    create: Option<Right>,
    update: Option<Right>,
    delete: Option<Right>,
}

fn all() -> Option<Right> {
    Some(("*", json!({})))
}

fn grant(catalog: &Catalog, collection: &str, right: Option<Right>) -> Option<Grant> {
    let (names, rows) = right?;
    let table = catalog.collection(collection).expect("there is such a collection");
    let context = predicate::Context { catalog, max_depth: 10 };
    let rows = predicate::parse(context, table, &Input::from(rows)).expect("the rule is sound");
    let fields = match names {
        "*" => Fields::All,
        names => Fields::Only(names.split(' ').map(str::to_owned).collect()),
    };
    Some(Grant { fields, rows })
}

/// The press as the public sees it.
async fn granted(rules: impl Fn() -> Vec<(&'static str, Rule)>) -> Everywhere {
    Everywhere::own_public(press, |catalog| {
        let grants = rules().into_iter().map(|(collection, rule)| {
            let of = |right| grant(catalog, collection, right);
            let Rule { read, create, update, delete } = rule;
            let grants = Grants { read: of(read), create: of(create), update: of(update), delete: of(delete) };
            (collection.to_owned(), grants)
        });
        Policy { public: PublicAccess::Grants(grants.collect::<HashMap<_, _>>()), ..Policy::default() }
    })
    .await
}

/// The names in a list of a type's fields or an input's members.
async fn names(apps: &Everywhere, of: &str) -> Json {
    let query = format!(r#"{{ __type(name: "{of}") {{ fields {{ name }} inputFields {{ name }} }} }}"#);
    let mut first = None;
    for (kind, app) in apps.each() {
        let reply = app.public_graphql(&query).await;
        let of = &reply.body["data"]["__type"];
        let list = if of["fields"].is_array() { &of["fields"] } else { &of["inputFields"] };
        let found: Json = list.as_array().map_or(Json::Null, |list| list.iter().map(|it| it["name"].clone()).collect());
        assert_eq!(&found, first.get_or_insert_with(|| found.clone()), "{kind:?}");
    }
    first.expect("there are databases")
}

#[tokio::test]
async fn without_rights_there_are_no_mutations() {
    let apps = presses().await;
    let before = apps.contents().await;
    for (kind, app) in apps.each() {
        // The public may do nothing.
        let reply = app.public_graphql("mutation { delete_picture_item(id: 1) { id } }").await;
        assert!(
            !reply.codes().is_empty() && reply.body.get("data").is_none_or(Json::is_null),
            "{kind:?}: {:#}",
            reply.body
        );
    }
    assert_eq!(apps.contents().await, before);
    let apps = granted(|| vec![("tag", Rule { read: all(), ..Rule::default() })]).await;
    assert_eq!(names(&apps, "Mutation").await, json!(null));
    for document in [
        r#"mutation { create_tag_item(data: { name: "x" }) { id } }"#,
        "mutation { delete_tag_item(id: 1) { id } }",
        "mutation { __typename }",
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
}

#[tokio::test]
async fn there_are_the_mutations_that_there_are_rights_for() {
    let apps = granted(|| {
        vec![
            ("tag", Rule { read: all(), create: all(), ..Rule::default() }),
            ("picture", Rule { read: all(), update: Some(("name", json!({}))), ..Rule::default() }),
            ("remark", Rule { delete: all(), ..Rule::default() }),
            (
                "credit",
                Rule { create: Some(("part", json!({}))), update: Some(("part", json!({}))), ..Rule::default() },
            ),
        ]
    })
    .await;
    let expected = json!([
        "create_credit_items",
        "create_credit_item",
        "create_tag_items",
        "create_tag_item",
        "upsert_credit_items",
        "upsert_credit_item",
        "update_credit_items",
        "update_credit_batch",
        "update_credit_item",
        "update_picture_items",
        "update_picture_batch",
        "update_picture_item",
        "update_picture_where",
        "delete_remark_items",
        "delete_remark_item",
    ]);
    assert_eq!(names(&apps, "Mutation").await, expected);
    assert_eq!(names(&apps, "update_picture_input").await, json!(["name"]));
    assert_eq!(names(&apps, "create_credit_input").await, json!(["part"]));
    for document in [
        r#"mutation { update_picture_item(id: 1, data: { slug: "x" }) { id } }"#,
        r#"mutation { create_credit_item(data: { part: "x", id: 9 }) }"#,
        r#"mutation { update_tag_item(id: 1, data: { name: "x" }) { id } }"#,
        r#"mutation { upsert_tag_item(data: { name: "x" }) { id } }"#,
        "mutation { delete_tag_item(id: 1) { id } }",
        "mutation { delete_remark_where(filter: {}, limit: 9) { ids } }",
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    apps.gives(
        r#"mutation { update_picture_item(id: 1, data: { name: "P" }) { id name slug } }"#,
        json!({ "update_picture_item": { "id": "1", "name": "P", "slug": "p1" } }),
    )
    .await;
}

#[tokio::test]
async fn who_reads_nothing_is_told_that_it_was_done() {
    let rule = || Rule { create: all(), update: all(), delete: all(), ..Rule::default() };
    let apps = granted(|| vec![("tag", rule())]).await;
    apps.gives(
        r#"mutation {
            create_tag_item(data: { name: "a" })
            create_tag_items(data: [{ name: "b" }, { name: "c" }])
            none: create_tag_items(data: [])
            update_tag_item(id: 1, data: { name: "RED" })
            update_tag_items(ids: [1, 2], data: {})
            update_tag_batch(data: [{ id: 2, name: "BLUE" }])
            upsert_tag_item(data: { name: "a" }, on: ["name"])
            upsert_tag_items(data: [{ name: "d" }])
            delete_tag_items(ids: [3]) { ids }
        }"#,
        json!({
            "create_tag_item": true, "create_tag_items": true, "none": true, "update_tag_item": true, "update_tag_items": true,
            "update_tag_batch": true, "upsert_tag_item": true, "upsert_tag_items": true, "delete_tag_items": { "ids": ["3"] },
        }),
    )
    .await;
    apps.holds("SELECT name FROM tag ORDER BY lower(name)", "b, BLUE, c, d, RED").await;
    for document in [
        r#"mutation { create_tag_item(data: { name: "x" }) { __typename } }"#,
        r#"mutation { create_tag_items(data: [{ name: "x" }], limit: 1) }"#,
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    // A list that fails is null and the others are done: it is no list here.
    apps.gives_in_part(
        r#"mutation {
            a: create_tag_items(data: [{ name: "RED" }])
            b: update_tag_item(id: 99, data: { name: "x" })
            c: create_tag_item(data: { name: "z" })
        }"#,
        json!({ "a": null, "b": null, "c": true }),
        &[("RECORD_NOT_UNIQUE", "a"), ("FORBIDDEN", "b")],
    )
    .await;
}

#[tokio::test]
async fn rows_that_are_not_the_callers_are_as_if_they_were_not_there() {
    let own = || Some(("*", json!({ "author": { "id": { "_eq": 1 } } })));
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), update: own(), delete: own(), ..Rule::default() }),
            ("author", Rule { read: all(), ..Rule::default() }),
        ]
    })
    .await;
    let forbidden = json!({ "code": "FORBIDDEN" });
    // One that is another's, one that does not exist: alike, and one refuses all.
    for key in [3, 99] {
        for document in [
            format!(r#"mutation {{ update_article_item(id: {key}, data: {{ title: "x" }}) {{ id }} }}"#),
            format!("mutation {{ update_article_item(id: {key}, data: {{}}) {{ id }} }}"),
            format!(r#"mutation {{ update_article_items(ids: [1, {key}], data: {{ title: "x" }}) {{ id }} }}"#),
            format!(
                r#"mutation {{ update_article_batch(data: [{{ id: 1, title: "x" }}, {{ id: {key}, title: "y" }}]) {{ id }} }}"#
            ),
            format!("mutation {{ delete_article_item(id: {key}) {{ id }} }}"),
            format!("mutation {{ delete_article_items(ids: [2, {key}]) {{ ids }} }}"),
        ] {
            apps.refuses(&document, forbidden.clone()).await;
        }
    }
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { title: "A1" }) { title }
            update_article_items(ids: [1, 2], data: { words: 3 }) { id words }
            update_article_batch(data: [{ id: 2, title: "A2" }]) { title }
            none: update_article_items(ids: [], data: { words: 0 }) { id }
            update_article_where(filter: {}, limit: 2, data: { status: "all" }) { id status }
        }"#,
        json!({
            "update_article_item": { "title": "A1" },
            "update_article_items": [{ "id": "1", "words": 3 }, { "id": "2", "words": 3 }],
            "update_article_batch": [{ "title": "A2" }],
            "none": [],
            "update_article_where": [{ "id": "1", "status": "all" }, { "id": "2", "status": "all" }],
        }),
    )
    .await;
    apps.holds("SELECT title, status FROM article WHERE id = 3", "b1 draft").await;
}

#[tokio::test]
async fn deletions_find_only_the_callers_rows() {
    let own = || Some(("*", json!({ "name": { "_in": ["p1", "p2"] } })));
    let apps = granted(|| vec![("picture", Rule { read: all(), delete: own(), ..Rule::default() })]).await;
    apps.refuses("mutation { delete_picture_items(ids: [1, 3]) { ids } }", json!({ "code": "FORBIDDEN" })).await;
    apps.gives(
        "mutation {
            delete_picture_where(filter: { id: { _gt: 1 } }, limit: 1) { ids }
            delete_picture_item(id: 1) { id }
            none: delete_picture_items(ids: []) { ids }
        }",
        json!({ "delete_picture_where": { "ids": ["2"] }, "delete_picture_item": { "id": "1" }, "none": { "ids": [] } }),
    )
    .await;
    apps.holds("SELECT name FROM picture", "p3").await;
}

#[tokio::test]
async fn what_was_written_but_may_not_be_read_stays_written() {
    let apps = granted(|| {
        vec![(
            "tag",
            Rule {
                read: Some(("*", json!({ "name": { "_neq": "hidden" } }))),
                create: all(),
                update: all(),
                ..Rule::default()
            },
        )]
    })
    .await;
    apps.gives_in_part(
        r#"mutation {
            create_tag_item(data: { name: "hidden" }) { id }
            shown: create_tag_items(data: [{ name: "a" }, { name: "b" }]) { name }
            update_tag_item(id: 1, data: { name: "hidden too" }) { name }
        }"#,
        json!({ "create_tag_item": null, "shown": [{ "name": "a" }, { "name": "b" }], "update_tag_item": { "name": "hidden too" } }),
        &[("FORBIDDEN", "create_tag_item")],
    )
    .await;
    apps.holds("SELECT count(*) FROM tag WHERE name = 'hidden'", "1").await;
    // Lists leave it out.
    let apps = granted(|| {
        vec![(
            "picture",
            Rule {
                read: Some(("*", json!({ "name": { "_neq": "hidden" } }))),
                create: all(),
                update: all(),
                ..Rule::default()
            },
        )]
    })
    .await;
    apps.gives(
        r#"mutation {
            create_picture_items(data: [{ name: "a" }, { name: "hidden" }, { name: "c" }]) { name }
            update_picture_batch(data: [{ id: 1, name: "hidden" }, { id: 2, name: "P2" }]) { name }
            update_picture_items(ids: [3], data: { name: "hidden" }) { name }
        }"#,
        json!({
            "create_picture_items": [{ "name": "a" }, { "name": "c" }],
            "update_picture_batch": [{ "name": "P2" }],
            "update_picture_items": [],
        }),
    )
    .await;
    apps.holds("SELECT count(*) FROM picture WHERE name = 'hidden'", "3").await;
}

#[tokio::test]
async fn a_link_to_what_may_not_be_written_is_its_column() {
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            ("author", Rule { read: all(), ..Rule::default() }),
        ]
    })
    .await;
    assert_eq!(
        names(&apps, "create_article_input").await,
        json!(["id", "title", "slug", "status", "words", "author"]),
        "no lists of what may not be written"
    );
    apps.gives(
        r#"mutation M($author: Int = 3) {
            create_article_item(data: { title: "x", author: 2 }) { author { name } }
            update_article_item(id: 1, data: { author: $author }) { author { name } }
            none: update_article_item(id: 2, data: { author: null }) { author { name } }
        }"#,
        json!({
            "create_article_item": { "author": { "name": "Bob" } },
            "update_article_item": { "author": { "name": "Cid" } },
            "none": { "author": null },
        }),
    )
    .await;
    for document in [
        r#"mutation { create_article_item(data: { title: "x", author: { id: 2 } }) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", picture: [] }) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", tag: [] }) { id } }"#,
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    for document in [
        r#"mutation { create_article_item(data: { title: "x", author: 99 }) { id } }"#,
        "mutation { update_article_item(id: 1, data: { author: 99 }) { id } }",
    ] {
        let broken = json!({ "code": "INVALID_FOREIGN_KEY", "collection": "article", "field": "author", "value": 99 });
        apps.refuses(document, broken).await;
    }
}

#[tokio::test]
async fn nested_rows_need_their_own_rights() {
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            // May be made, and changed where they are the caller's.
            (
                "author",
                Rule {
                    read: all(),
                    create: all(),
                    update: Some(("*", json!({ "id": { "_eq": 2 } }))),
                    ..Rule::default()
                },
            ),
            // May be changed but not made.
            ("picture", Rule { read: all(), update: all(), ..Rule::default() }),
            // May be made but not changed.
            ("remark", Rule { read: all(), create: all(), ..Rule::default() }),
        ]
    })
    .await;
    apps.gives(
        r#"mutation {
            linked: create_article_item(data: { title: "a", author: { id: 1 } }) { author { name } }
            own: update_article_item(id: 1, data: { author: { id: 2, name: "Bert" } }) { author { name } }
            new: update_article_item(id: 2, data: { author: { name: "Dan" } }) { author { name } }
            moved: update_article_item(id: 3, data: { picture: [{ id: 1, name: "P1" }] }) { picture { name } }
            remarks: create_article_item(data: { title: "b", remark: [{ body: "r" }] }) { remark { body } }
        }"#,
        json!({
            "linked": { "author": { "name": "Ann" } },
            "own": { "author": { "name": "Bert" } },
            "new": { "author": { "name": "Dan" } },
            "moved": { "picture": [{ "name": "P1" }] },
            "remarks": { "remark": [{ "body": "r" }] },
        }),
    )
    .await;
    for document in [
        // Another's row below one's own, at the first level and at the second.
        r#"mutation { create_article_item(data: { title: "x", author: { id: 1, name: "mine" } }) { id } }"#,
        r#"mutation { update_article_item(id: 1, data: { title: "x", author: { id: 2, name: "y", boss: { id: 3, name: "z" } } }) { id } }"#,
    ] {
        apps.refuses(document, json!({ "code": "FORBIDDEN" })).await;
    }
    // Not the right kind of right: the schema offers no such member, or it is refused.
    for document in [
        r#"mutation { create_article_item(data: { title: "x", picture: [{ name: "new" }] }) { id } }"#,
        r#"mutation { update_article_item(id: 1, data: { picture: [{ id: 2 }, { name: "new" }] }) { id } }"#,
        r#"mutation { update_article_item(id: 1, data: { remark: [{ id: 1 }, { id: 2, body: "x" }] }) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", remark: [{ id: 1, body: "x" }] }) { id } }"#,
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(document).await;
            let codes = reply.codes();
            assert!(
                codes == ["FORBIDDEN"] || codes == ["GRAPHQL_VALIDATION"],
                "{kind:?}: {document}\n{:#}",
                reply.body
            );
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
}

#[tokio::test]
async fn rows_that_may_not_be_seen_are_neither_linked_nor_let_go() {
    let seen = || Some(("*", json!({ "id": { "_neq": 2 } })));
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            ("picture", Rule { read: seen(), create: all(), update: seen(), ..Rule::default() }),
        ]
    })
    .await;
    // The set is complete as far as the caller can see.
    apps.gives(
        "mutation { update_article_item(id: 1, data: { picture: [{ id: 3 }] }) { picture { id } } }",
        json!({ "update_article_item": { "picture": [{ "id": "3" }] } }),
    )
    .await;
    apps.holds("SELECT id, article FROM picture ORDER BY id", "1 -, 2 1, 3 1").await;
    for document in [
        "mutation { update_article_item(id: 3, data: { picture: [{ id: 2 }] }) { id } }",
        r#"mutation { update_article_item(id: 3, data: { picture: [{ id: 2, name: "x" }] }) { id } }"#,
        r#"mutation { create_article_item(data: { title: "x", picture: [{ id: 2, name: "x" }] }) { id } }"#,
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(document).await;
            assert_eq!(reply.codes().len(), 1, "{kind:?}: {document}\n{:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
}

#[tokio::test]
async fn pairs_need_the_rights_of_their_junction() {
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            ("tag", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            ("article_tag", Rule { read: all(), create: all(), ..Rule::default() }),
        ]
    })
    .await;
    apps.gives(
        r#"mutation {
            create_article_item(data: { title: "x", tag: [{ id: 1 }, { name: "new" }] }) { tag { name } }
            update_article_item(id: 2, data: { tag: [{ id: 1 }, { id: 2 }] }) { tag { name } }
        }"#,
        json!({
            "create_article_item": { "tag": [{ "name": "red" }, { "name": "new" }] },
            "update_article_item": { "tag": [{ "name": "red" }, { "name": "blue" }] },
        }),
    )
    .await;
    // A pair that goes is one deleted.
    for tags in ["[]", "[{ id: 2 }]"] {
        let document =
            format!("mutation {{ update_article_item(id: 1, data: {{ title: \"y\", tag: {tags} }}) {{ id }} }}");
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(&document).await;
            assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}: {:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before);
    }
    // Without any right to it there is no way through it.
    let apps = granted(|| {
        vec![
            ("article", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
            ("tag", Rule { read: all(), create: all(), update: all(), ..Rule::default() }),
        ]
    })
    .await;
    let document = r#"mutation { create_article_item(data: { title: "x", tag: [{ id: 1 }] }) { id } }"#;
    let before = apps.contents().await;
    for (kind, app) in apps.each() {
        let reply = app.public_graphql(document).await;
        let codes = reply.codes();
        assert!(codes == ["FORBIDDEN"] || codes == ["GRAPHQL_VALIDATION"], "{kind:?}: {:#}", reply.body);
    }
    assert_eq!(apps.contents().await, before);
}

#[tokio::test]
async fn an_upsert_of_a_row_that_is_not_the_callers_is_refused() {
    let own = || Some(("*", json!({ "author": { "_eq": 1 } })));
    let apps =
        granted(|| vec![("article", Rule { read: all(), create: all(), update: own(), ..Rule::default() })]).await;
    apps.gives(
        r#"mutation {
            old: upsert_article_item(data: { slug: "s1", title: "A" }, on: ["slug"]) { id title }
            new: upsert_article_item(data: { slug: "n", title: "N" }, on: ["slug"]) { title }
        }"#,
        json!({ "old": { "id": "1", "title": "A" }, "new": { "title": "N" } }),
    )
    .await;
    for document in [
        r#"mutation { upsert_article_item(data: { slug: "s3", title: "x" }, on: ["slug"]) { id } }"#,
        r#"mutation { upsert_article_item(data: { id: 3, title: "x" }) { id } }"#,
        r#"mutation { upsert_article_items(data: [{ id: 1, title: "x" }, { id: 3, title: "y" }]) { id } }"#,
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(document).await;
            let codes = reply.codes();
            assert!(codes == ["FORBIDDEN"] || codes == ["RECORD_NOT_UNIQUE"], "{kind:?}: {document}\n{:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_may_not_be_used_to_choose_what_is_written() {
    let apps = granted(|| {
        vec![
            ("article", Rule { read: Some(("id title", json!({}))), update: all(), delete: all(), ..Rule::default() }),
            ("author", Rule { update: all(), ..Rule::default() }),
        ]
    })
    .await;
    for document in [
        "mutation { update_article_where(filter: { words: { _gt: 1 } }, limit: 9, data: { title: \"x\" }) { id } }",
        "mutation { delete_article_where(filter: { slug: { _eq: \"s1\" } }, limit: 9) { ids } }",
        "mutation { update_article_where(filter: { author: { name: { _eq: \"Ann\" } } }, limit: 9, data: { title: \"x\" }) { id } }",
        "mutation { update_article_item(id: 1, data: { title: \"x\" }) { words } }",
        "mutation { update_author_where(filter: {}, limit: 9, data: { name: \"x\" }) }",
    ] {
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(document).await;
            assert!(!reply.codes().is_empty(), "{kind:?}: {document}\n{:#}", reply.body);
            assert!(reply.body.get("data").is_none_or(Json::is_null), "{kind:?}: {document}\n{:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
    // Nor to sort or filter what is shown of it.
    for argument in ["sort: [\"words\"]", "filter: { words: { _gt: 1 } }"] {
        let document =
            format!("mutation {{ update_article_items(ids: [1, 2], data: {{ title: \"x\" }}, {argument}) {{ id }} }}");
        let before = apps.contents().await;
        for (kind, app) in apps.each() {
            let reply = app.public_graphql(&document).await;
            assert!(!reply.codes().is_empty(), "{kind:?}: {:#}", reply.body);
        }
        assert_eq!(apps.contents().await, before, "{document}");
    }
}
