//! Filters of writes: what they get, in which order, and what becomes of what
//! they return.

use super::*;

#[tokio::test]
async fn filters_get_the_payload_and_what_it_is_about() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("items.create", record.filter())
                .filter("items.update", record.filter())
                .filter("items.delete", record.filter())
        })
        .await;
        gateway
            .app
            .data(
                r#"mutation {
                    create_author_item(data: { name: "Cid" }) { id }
                    update_author_items(ids: [1, 2], data: { mail: null }) { id }
                    update_author_batch(data: [{ id: 1, mail: "a" }, { id: 2, name: "B" }]) { id }
                    delete_remark_items(ids: [2, 3]) { ids }
                }"#,
            )
            .await;
        let expected = json!([
            { "payload": { "name": "Cid" }, "meta": { "collection": "author", "event": "items.create" } },
            { "payload": { "mail": null }, "meta": { "collection": "author", "keys": [1, 2], "event": "items.update" } },
            { "payload": { "id": "1", "mail": "a" }, "meta": { "collection": "author", "keys": [1], "event": "items.update" } },
            { "payload": { "id": "2", "name": "B" }, "meta": { "collection": "author", "keys": [2], "event": "items.update" } },
            { "payload": [2, 3], "meta": { "collection": "remark", "event": "items.delete" } },
        ]);
        assert_eq!(Json::from(record.all()), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn handlers_get_who_asks_what_there_is_and_the_transaction() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .environment([("SHOP".to_owned(), "Press".to_owned()), ("OPEN".to_owned(), "true".to_owned())])
                .policy(public([("author", everything())]))
                .filter("items.*", move |payload: Payload, _: Meta, context: Context| {
                    let principal = context.principal().expect("somebody asks");
                    noted.note(json!({
                        "admin": principal.admin,
                        "ip": principal.ip,
                        "tables": context.catalog().map(|catalog| catalog.tables.len()),
                        "transaction": context.in_transaction(),
                        "shop": context.env().get("SHOP"),
                        "open": context.env().is_true("OPEN"),
                    }));
                    std::future::ready(Ok(payload))
                })
        })
        .await;
        let create = r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#;
        gateway.app.data(create).await;
        assert!(gateway.app.public_graphql(create).await.body.get("errors").is_none());
        gateway.app.data(r#"mutation { update_author_item(id: 1, data: { name: "A" }) { id } }"#).await;
        gateway.app.data("mutation { delete_remark_item(id: 1) { id } }").await;
        gateway.app.data("{ author { id } }").await;
        let facts = |admin: bool, transaction: bool| json!({ "admin": admin, "ip": "127.0.0.1", "tables": 5, "transaction": transaction, "shop": "Press", "open": true });
        let write = [facts(true, true), facts(true, false)];
        let public_write = [facts(false, true), facts(false, false)];
        // Each write, then what is shown of it; a deletion shows nothing.
        let expected: Vec<Json> =
            [&write[..], &public_write, &write, &write[..1], &[facts(true, false), facts(true, false)]].concat();
        assert_eq!(record.all(), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn generic_handlers_come_before_those_of_a_collection_and_each_gets_what_was_made() {
    for kind in Kind::ALL {
        let append = |letter: &'static str| {
            async move |mut payload: Payload, meta: Meta, _: Context| {
                if meta.event().ends_with("create") {
                    let title = payload.get_str("title").unwrap_or_default().to_owned() + letter;
                    payload.set("title", title);
                }
                Ok(payload)
            }
        };
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("article.items.create", append("d"))
                .filter("article.**", append("e"))
                .filter("**", append("c"))
                .filter("items.create", append("a"))
                .filter("items.*", append("b"))
                .filter("author.items.create", append("x"))
                .filter("table.insert:before", append("A"))
        })
        .await;
        let data = gateway.app.data(r#"mutation { create_article_item(data: { title: "-" }) { id } }"#).await;
        assert_eq!(data["create_article_item"]["id"], "4", "{kind:?}");
        // `**` hears both names.
        assert_eq!(gateway.rows("SELECT title FROM article WHERE id = 4").await, "-aAbcdec", "{kind:?}");
    }
}

#[tokio::test]
async fn a_legacy_handler_reads_and_writes_its_payload() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("table.insert.article:before", async |mut payload: Payload, _: Meta, _: Context| {
                    assert_eq!(payload.attribute("tableName"), Some(&json!("article")));
                    payload.set("words", 7);
                    payload.remove("slug");
                    Ok(payload)
                })
                .filter("table.insert.remark:before", async |mut payload: Payload, _: Meta, _: Context| {
                    payload.replace(json!({ "body": "replaced" }));
                    Ok(payload)
                })
                .action("table.update.article:before", async |meta: Meta, _: Context| match meta.payload() {
                    Some(payload) if payload["title"] == "bad" => Err(Error::forbidden()),
                    _ => Ok(()),
                })
        })
        .await;
        let document = r#"mutation {
            create_article_item(data: { title: "t", slug: "s" }) { words slug }
            create_remark_item(data: { body: "b", article: { id: 1 } }) { body article { id } }
            update_article_item(id: 1, data: { title: "good" }) { title }
        }"#;
        let expected = json!({
            "create_article_item": { "words": 7, "slug": null },
            "create_remark_item": { "body": "replaced", "article": null },
            "update_article_item": { "title": "good" },
        });
        assert_eq!(gateway.app.data(document).await, expected, "{kind:?}");
        let error = gateway.error(r#"mutation { update_article_item(id: 1, data: { title: "bad" }) { id } }"#).await;
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_nested_has_events_of_its_own_the_parents_first() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("items.*", move |mut payload: Payload, meta: Meta, _: Context| {
                if meta.event() == "items.read" || meta.event() == "items.query" {
                    return std::future::ready(Ok(payload));
                }
                noted.note(format!("{} {}", meta.collection(), payload.data()));
                if meta.collection() == "author" {
                    payload.set("mail", "by@hook");
                }
                std::future::ready(Ok(payload))
            })
        })
        .await;
        let data = gateway
            .app
            .data(
                r#"mutation {
                    create_article_item(data: { title: "t", author: { name: "Cid" }, remark: [{ body: "n" }, { id: 3 }] }) {
                        author { name mail } remark(sort: ["id"]) { body }
                    }
                }"#,
            )
            .await;
        let expected =
            json!({ "author": { "name": "Cid", "mail": "by@hook" }, "remark": [{ "body": "r3" }, { "body": "n" }] });
        assert_eq!(data["create_article_item"], expected, "{kind:?}");
        let met = record.all();
        let first = r#"article {"title":"t","author":{"name":"Cid"},"remark":[{"body":"n"},{"id":"3"}]}"#;
        assert_eq!(met[0], first, "{kind:?}");
        assert_eq!(met[1], r#"author {"name":"Cid"}"#, "{kind:?}");
        let mut rest: Vec<&str> = met[2..].iter().filter_map(Json::as_str).collect();
        rest.sort_unstable();
        // A row that is moved is updated, one that is new is created.
        assert_eq!(rest, [r#"remark {"body":"n","article":4}"#, r#"remark {"id":"3","article":4}"#], "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_filter_adds_is_held_against_the_callers_rights() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            let grants = Grants { create: grant(&["title"]), read: grant(&[]), ..Grants::default() };
            builder.policy(public([("article", grants)])).filter(
                "article.items.create",
                async |mut payload: Payload, _: Meta, _: Context| {
                    if payload["title"] == "more" {
                        payload.set("words", 1);
                    }
                    Ok(payload)
                },
            )
        })
        .await;
        let create = |title| format!("mutation {{ create_article_item(data: {{ title: \"{title}\" }}) {{ title }} }}");
        let reply = gateway.app.public_graphql(&create("less")).await;
        assert_eq!(reply.body["data"]["create_article_item"]["title"], "less", "{kind:?}: {:#}", reply.body);
        let reply = gateway.app.public_graphql(&create("more")).await;
        assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}: {:#}", reply.body);
        gateway.app.data(&create("more")).await;
        let titles = gateway.rows("SELECT title, words FROM article WHERE id > 3 ORDER BY id").await;
        assert_eq!(titles, "less -, more 1", "{kind:?}");
    }
}

#[tokio::test]
async fn the_keys_that_filters_leave_are_deleted() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("remark.items.delete", async |mut payload: Payload, _: Meta, _: Context| {
                match payload.data().as_array().map(Vec::len) {
                    Some(3) => payload.replace(json!([2])),
                    Some(2) => payload.clear(),
                    _ => payload.replace(json!({ "all": true })),
                }
                Ok(payload)
            })
        })
        .await;
        let left = async || gateway.rows("SELECT id FROM remark ORDER BY id").await;
        gateway.app.data("mutation { delete_remark_items(ids: [1, 2, 3]) { ids } }").await;
        assert_eq!(left().await, "1, 3", "{kind:?}");
        gateway.app.data("mutation { delete_remark_items(ids: [1, 3]) { ids } }").await;
        assert_eq!(left().await, "1, 3", "{kind:?}");
        let error = gateway.error("mutation { delete_remark_item(id: 1) { id } }").await;
        assert_eq!(error["extensions"]["code"], "INVALID_PAYLOAD", "{kind:?}");
        assert_eq!(left().await, "1, 3", "{kind:?}");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_item_any_more_is_refused() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("items.**", async |_: Payload, meta: Meta, _: Context| {
                Ok(Payload::from(json!([meta.collection()])))
            })
        })
        .await;
        for document in [
            r#"mutation { create_author_item(data: { name: "x" }) { id } }"#,
            r#"mutation { update_author_item(id: 1, data: { name: "x" }) { id } }"#,
        ] {
            let error = gateway.error(document).await;
            assert_eq!(error["extensions"]["code"], "INVALID_PAYLOAD", "{kind:?}: {document}");
        }
        assert_eq!(gateway.rows("SELECT name FROM author ORDER BY id").await, "Ann, Bob", "{kind:?}");
    }
}
