//! Filters run within the open transaction: what they write and what they see
//! is part of what is written.

use super::*;

/// Notes in the database what is about to happen.
async fn audited(payload: Payload, meta: Meta, context: Context) -> Result<Payload, Error> {
    let note = format!("{} {}", meta.event(), meta.collection());
    context.items_with_full_rights("audit").without_events().create_one(json!({ "note": note })).await?;
    Ok(payload)
}

#[tokio::test]
async fn what_filters_write_goes_with_what_they_filter() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("items.create", audited).filter("items.update", audited).filter("items.delete", audited)
        })
        .await;
        for (field, code) in [
            (r#"create_article_item(data: { title: "t", slug: "s1" }) { id }"#, "RECORD_NOT_UNIQUE"),
            (r#"update_article_item(id: 1, data: { slug: "s2" }) { id }"#, "RECORD_NOT_UNIQUE"),
            ("delete_author_item(id: 1) { id }", "INVALID_FOREIGN_KEY"),
            (r#"update_article_item(id: 99, data: { title: "t" }) { id }"#, "FORBIDDEN"),
        ] {
            let error = gateway.error(&format!("mutation {{ {field} }}")).await;
            assert_eq!(error["extensions"]["code"], code, "{kind:?}: {field}");
            assert_eq!(gateway.audit().await, "", "{kind:?}: {field}");
        }
        gateway
            .app
            .data(
                r#"mutation {
                    create_article_item(data: { title: "t", slug: "s4" }) { id }
                    update_article_item(id: 1, data: { slug: "s5" }) { id }
                    delete_remark_item(id: 1) { id }
                }"#,
            )
            .await;
        let expected = "items.create article, items.update article, items.delete remark";
        assert_eq!(gateway.audit().await, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_filter_sees_the_siblings_before_its_own() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("article.items.create", async |mut payload: Payload, _: Meta, context: Context| {
                let title = payload.get_str("title").unwrap_or_default().to_owned();
                let alike = json!({ "filter": { "slug": { "_starts_with": title } }, "fields": ["slug"], "limit": -1 });
                let taken = context.items("article").read_by_query(alike).await?.len();
                payload.set("slug", if taken == 0 { title } else { format!("{title}-{}", taken + 1) });
                Ok(payload)
            })
        })
        .await;
        let data = gateway
            .app
            .data(
                r#"mutation {
                    create_article_items(data: [{ title: "x" }, { title: "x" }, { title: "y" }, { title: "x" }]) { slug }
                }"#,
            )
            .await;
        let expected = json!([{ "slug": "x" }, { "slug": "x-2" }, { "slug": "y" }, { "slug": "x-3" }]);
        assert_eq!(data["create_article_items"], expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_filter_of_an_update_sees_what_was_and_is_alone_with_it() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("article.items.update", move |mut payload: Payload, meta: Meta, context: Context| {
                let noted = noted.clone();
                async move {
                    let before = context.items("article").read_one(meta.keys()[0].clone()).await?;
                    noted.note(before["words"].clone());
                    payload.set("words", before["words"].as_i64().unwrap_or_default() + 1);
                    Ok(payload)
                }
            })
        })
        .await;
        // Twice in one transaction: the second sees what the first has done.
        gateway
            .app
            .data(
                r#"mutation @transaction {
                    a: update_article_item(id: 1, data: { title: "x" }) { id }
                    b: update_article_item(id: 1, data: { title: "y" }) { id }
                }"#,
            )
            .await;
        assert_eq!(record.all(), [json!(10), json!(11)], "{kind:?}");
        assert_eq!(gateway.rows("SELECT title, words FROM article WHERE id = 1").await, "y 12", "{kind:?}");
    }
}

#[tokio::test]
async fn a_write_of_a_hook_that_fails_half_way_undoes_everything_whatever_the_hook_makes_of_it() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("author.items.create", async |payload: Payload, _: Meta, context: Context| {
                // The first of the two could be written.
                let twice =
                    vec![json!({ "title": "t", "slug": "new" }), json!({ "title": "t", "slug": "s1", "words": 1 })];
                let failed = context.items("article").create_many(twice).await;
                assert_eq!(failed.expect_err("the slug is taken").code, "RECORD_NOT_UNIQUE");
                Ok(payload)
            })
        })
        .await;
        let reply = gateway.app.graphql(r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#).await;
        assert_eq!(reply.codes(), ["INTERNAL_SERVER_ERROR"], "{kind:?}: {:#}", reply.body);
        let counts = "SELECT (SELECT COUNT(*) FROM author), (SELECT COUNT(*) FROM article)";
        assert_eq!(gateway.rows(counts).await, "2 3", "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_hook_may_not_do_it_can_do_without() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            let grants = Grants { create: grant(&[]), read: grant(&[]), ..Grants::default() };
            builder.policy(public([("author", grants)])).filter(
                "author.items.create",
                async |mut payload: Payload, _: Meta, context: Context| {
                    if let Err(error) = context.items("audit").create_one(json!({ "note": "seen" })).await {
                        payload.set("mail", error.code);
                    }
                    Ok(payload)
                },
            )
        })
        .await;
        let create = r#"mutation { create_author_item(data: { name: "Cid" }) { mail } }"#;
        let reply = gateway.app.public_graphql(create).await;
        assert_eq!(reply.body["data"]["create_author_item"]["mail"], "FORBIDDEN", "{kind:?}: {:#}", reply.body);
        assert_eq!(gateway.app.data(create).await["create_author_item"]["mail"], Json::Null, "{kind:?}");
        assert_eq!(gateway.audit().await, "seen", "{kind:?}");
    }
}
