//! Payloads of several levels, every kind of relation within another.

use serde_json::{Value as Json, json};

use crate::writes::presses;

#[tokio::test]
async fn one_payload_makes_a_whole_tree() {
    let apps = presses().await;
    apps.gives(
        r##"mutation {
            create_author_item(data: {
                name: "Dan", boss: { name: "Eve", boss: { id: 1 }, article: [{ title: "e1", tag: [{ id: 1 }, { name: "e" }] }] },
                article: [
                    {
                        title: "d1",
                        remark: [{ body: "r" }, { body: "s" }],
                        picture: [{ name: "p" }, { id: 3 }],
                        tag: [{ id: 2 }, { name: "d", article: [{ title: "far" }] }],
                        credit: [{ part: "text", author: { name: "Fay", boss: { id: 2 } } }, { part: "maps", author: { id: 3 } }]
                    },
                    { title: "d2", author: { id: 3 }, remark: [{ body: "t", article: null }] }
                ]
            }) {
                name
                boss { name boss { name } article { title tag(sort: ["name"]) { name } } }
                article(sort: ["title"]) {
                    title
                    remark { body }
                    picture(sort: ["name"]) { name }
                    tag(sort: ["name"]) { name article(sort: ["title"]) { title } }
                    credit(sort: ["part"]) { part author { name boss { name } } }
                }
            }
        }"##,
        json!({ "create_author_item": {
            "name": "Dan",
            "boss": { "name": "Eve", "boss": { "name": "Ann" },
                "article": [{ "title": "e1", "tag": [{ "name": "e" }, { "name": "red" }] }] },
            "article": [
                {
                    "title": "d1",
                    "remark": [{ "body": "r" }, { "body": "s" }],
                    "picture": [{ "name": "p" }, { "name": "p3" }],
                    "tag": [
                        { "name": "blue", "article": [{ "title": "a1" }, { "title": "d1" }] },
                        { "name": "d", "article": [{ "title": "d1" }, { "title": "far" }] },
                    ],
                    "credit": [
                        { "part": "maps", "author": { "name": "Cid", "boss": { "name": "Ann" } } },
                        { "part": "text", "author": { "name": "Fay", "boss": { "name": "Bob" } } },
                    ],
                },
                { "title": "d2", "remark": [{ "body": "t" }], "picture": [], "tag": [], "credit": [] },
            ],
        } }),
    )
    .await;
}

#[tokio::test]
async fn one_payload_changes_a_whole_tree() {
    let apps = presses().await;
    apps.gives(
        r#"mutation {
            update_author_item(id: 1, data: {
                name: "Anna",
                boss: { id: 3, mail: "cid@x", boss: null },
                article: [
                    {
                        id: 1, title: "A1",
                        remark: [{ id: 2, body: "R2" }, { id: 1 }, { body: "R4" }],
                        picture: [{ id: 3, name: "P3" }],
                        tag: [{ id: 1, name: "RED" }],
                        credit: [{ id: 2, author: { id: 2, name: "Bert", boss: { id: 3, name: "Cindy" } } }]
                    },
                    { title: "A3", picture: [{ id: 1 }] },
                    { id: 3, remark: [{ id: 3 }] }
                ]
            }) {
                name boss { name mail boss { id } }
                article(sort: ["title"]) {
                    title remark { id body } picture { id name } tag { name } credit { part author { name boss { name } } }
                }
            }
        }"#,
        json!({ "update_author_item": {
            "name": "Anna",
            "boss": { "name": "Cindy", "mail": "cid@x", "boss": null },
            "article": [
                {
                    "title": "A1",
                    "remark": [{ "id": "1", "body": "r1" }, { "id": "2", "body": "R2" }, { "id": "4", "body": "R4" }],
                    "picture": [{ "id": "3", "name": "P3" }],
                    "tag": [{ "name": "RED" }],
                    "credit": [{ "part": "photos", "author": { "name": "Bert", "boss": { "name": "Cindy" } } }],
                },
                { "title": "A3", "remark": [], "picture": [{ "id": "1", "name": "p1" }], "tag": [], "credit": [] },
                { "title": "b1", "remark": [{ "id": "3", "body": "r3" }], "picture": [], "tag": [], "credit": [] },
            ],
        } }),
    )
    .await;
    // Ann's second article has no author any more, her first lost a picture, a pair and a credit.
    apps.holds("SELECT id, author FROM article WHERE id <= 3 ORDER BY id", "1 1, 2 -, 3 1").await;
    apps.holds("SELECT id, article FROM picture ORDER BY id", "1 4, 2 -, 3 1").await;
    apps.holds("SELECT article_id, tag_id FROM article_tag ORDER BY article_id", "1 1, 2 1").await;
    apps.holds("SELECT id, article FROM credit ORDER BY id", "1 -, 2 1").await;
}

#[tokio::test]
async fn what_is_nested_is_made_before_its_parent_is_shown() {
    let apps = presses().await;
    // A payload may lead back to the row that it belongs to.
    apps.gives(
        r#"mutation {
            update_article_item(id: 1, data: { words: 11, author: { id: 1, article: [{ id: 1, title: "inner" }, { title: "new" }] } }) {
                title words author { article(sort: ["title"]) { title words } }
            }
        }"#,
        json!({ "update_article_item": { "title": "inner", "words": 11, "author":
            { "article": [{ "title": "inner", "words": 11 }, { "title": "new", "words": null }] } } }),
    )
    .await;
    apps.holds("SELECT id, author FROM article WHERE id < 3 ORDER BY id", "1 1, 2 -").await;
}

#[tokio::test]
async fn variables_may_stand_at_any_level() {
    let apps = presses().await;
    apps.gives_with(
        r#"mutation M($name: String!, $tags: [create_tag_input], $tag: create_tag_input, $body: String!, $boss: ID) {
            create_article_item(data: {
                title: "x", author: { name: $name, boss: { id: $boss } }, tag: [$tag, { name: "third" }],
                remark: [{ body: $body }], credit: [{ author: { name: $body, boss: null } }]
            }) { author { name boss { name } } tag(sort: ["name"]) { name } remark { body } credit { author { name } } }
            update_article_item(id: 3, data: { author: { id: $boss } }) { author { name } }
            list: create_article_item(data: { title: "y", tag: $tags }) { tag { name } }
        }"#,
        json!({ "name": "Dan", "tags": [{ "id": 2 }], "tag": { "name": "second" }, "body": "words", "boss": "1" }),
        json!({
            "create_article_item": {
                "author": { "name": "Dan", "boss": { "name": "Ann" } },
                "tag": [{ "name": "second" }, { "name": "third" }],
                "remark": [{ "body": "words" }],
                "credit": [{ "author": { "name": "words" } }],
            },
            "update_article_item": { "author": { "name": "Ann" } },
            "list": { "tag": [{ "name": "blue" }] },
        }),
    )
    .await;
}

/// Links to a boss of a boss and so on, and lists below lists.
fn chains(depth: usize) -> [(&'static str, Json); 2] {
    let up = (0..depth).fold(json!({ "name": "n" }), |boss, _| json!({ "name": "n", "boss": boss }));
    let down = (0..depth).fold(json!({ "name": "n" }), |below, _| json!({ "name": "n", "author": [below] }));
    [
        ("mutation M($data: create_author_input!) { create_author_item(data: $data) { name } }", up),
        ("mutation M($data: create_author_input!) { create_author_item(data: $data) { name } }", down),
    ]
}

#[tokio::test]
async fn payloads_are_nested_a_limited_number_of_relations_deep() {
    let apps = presses().await;
    for (document, data) in chains(10) {
        let created = json!({ "create_author_item": { "name": "n" } });
        apps.gives_with(document, json!({ "data": data }), created).await;
    }
    apps.holds("SELECT count(*) FROM author", "25").await;
    // The last are the deepest that can be read at all.
    for depth in [11, 60, 100] {
        for (document, data) in chains(depth) {
            for (kind, app) in apps.each() {
                let reply = app.graphql_with(document, json!({ "data": data })).await;
                assert_eq!(reply.codes(), ["INVALID_PAYLOAD"], "{kind:?} {depth}: {:#}", reply.body);
            }
        }
    }
    apps.holds("SELECT count(*) FROM author", "25").await;
}
