//! Hooks that say no, that break, and that take too long.

use tidegate::hooks::Options;

use super::*;

#[tokio::test]
async fn a_refusal_reaches_the_client_in_its_own_words_and_nothing_is_written() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            let refuse = |event: &'static str| {
                move |_: Payload, _: Meta, _: Context| {
                    let refusal = Error::new("closed_today", 423, "Come back tomorrow.");
                    std::future::ready(Err(refusal.with("event", event).with("hours", json!([9, 17]))))
                }
            };
            builder
                .filter("items.create", refuse("create"))
                .filter("items.update", refuse("update"))
                .filter("items.delete", refuse("delete"))
        })
        .await;
        let all = async || {
            let articles = gateway.rows("SELECT title, slug, words, author FROM article ORDER BY id").await;
            articles + &gateway.rows("SELECT body, article FROM remark ORDER BY id").await
        };
        let before = all().await;
        for (event, field) in [
            ("create", r#"create_article_item(data: { title: "t" }) { id }"#),
            ("create", r#"create_article_items(data: [{ title: "t" }, { title: "u" }]) { id }"#),
            ("create", r#"upsert_article_item(data: { id: 9, title: "t" }) { id }"#),
            ("update", r#"upsert_article_item(data: { id: 1, title: "t" }) { id }"#),
            ("update", r#"update_article_item(id: 1, data: { title: "t" }) { id }"#),
            ("update", r#"update_article_where(filter: {}, limit: 9, data: { title: "t" }) { id }"#),
            ("delete", "delete_remark_items(ids: [1, 2]) { ids }"),
            ("delete", "delete_remark_where(filter: {}, limit: 9) { ids }"),
        ] {
            let mut error = gateway.error(&format!("mutation {{ it: {field} }}")).await;
            error.as_object_mut().expect("it is an object").remove("locations");
            let expected = json!({
                "message": "Come back tomorrow.",
                "path": ["it"],
                "extensions": { "code": "CLOSED_TODAY", "event": event, "hours": [9, 17] },
            });
            assert_eq!(error, expected, "{kind:?}: {field}");
        }
        assert_eq!(all().await, before, "{kind:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_what_is_nested_undoes_what_it_is_nested_in() {
    for kind in Kind::ALL {
        let told = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("remark.items.create", async |payload: Payload, _: Meta, _: Context| {
                    match payload["body"] == "rude" {
                        true => Err(Error::invalid_payload("be kind")),
                        false => Ok(payload),
                    }
                })
                .action("items.*", told.action())
        })
        .await;
        let document = |body| {
            format!(
                "mutation {{ create_article_item(data: {{ title: \"t\", author: {{ name: \"Cid\" }},
                     remark: [{{ body: \"kind\" }}, {{ body: \"{body}\" }}] }}) {{ id }} }}"
            )
        };
        let error = gateway.error(&document("rude")).await;
        assert_eq!(error["message"], "Invalid payload. be kind.", "{kind:?}");
        assert_eq!(error["extensions"], json!({ "code": "INVALID_PAYLOAD", "reason": "be kind" }), "{kind:?}");
        let counts =
            "SELECT (SELECT COUNT(*) FROM article), (SELECT COUNT(*) FROM author), (SELECT COUNT(*) FROM remark)";
        assert_eq!(gateway.rows(counts).await, "3 2 3", "{kind:?}");
        // What was undone is told to nobody: the first that is heard of is the next.
        gateway.app.data(&document("nice")).await;
        assert_eq!(gateway.rows(counts).await, "4 3 5", "{kind:?}");
        let events = told.at_least(5).await;
        let first: Vec<&str> = events.iter().filter_map(|event| event["collection"].as_str()).collect();
        assert_eq!(first[..4], ["article", "author", "remark", "remark"], "{kind:?}: {events:?}");
    }
}

#[tokio::test]
async fn a_refusal_within_one_transaction_for_all_undoes_all() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("remark.items.delete", async |_: Payload, _: Meta, _: Context| Err(Error::forbidden()))
        })
        .await;
        let fields = r#"made: create_author_item(data: { name: "Cid" }) { id } gone: delete_remark_item(id: 1) { id }"#;
        let reply = gateway.app.graphql(&format!("mutation @transaction {{ {fields} }}")).await;
        assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}");
        assert_eq!(gateway.rows("SELECT COUNT(*) FROM author").await, "2", "{kind:?}");
        let reply = gateway.app.graphql(&format!("mutation {{ {fields} }}")).await;
        assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}");
        assert!(reply.body["data"]["made"]["id"].is_string(), "{kind:?}: {:#}", reply.body);
        assert_eq!(gateway.rows("SELECT COUNT(*) FROM author").await, "3", "{kind:?}");
    }
}

#[tokio::test]
async fn a_hook_that_breaks_is_an_error_of_ours_and_the_gateway_goes_on() {
    for kind in Kind::ALL {
        let limits = Options { time_limit: Duration::from_millis(100), ..Options::default() };
        let gateway = Embedded::start(kind, |builder| {
            builder.hook_options(limits).filter(
                "author.items.create",
                async |payload: Payload, _: Meta, context: Context| {
                    // So that there is something to be undone, and something under way.
                    context.items("audit").create_one(json!({ "note": "tried" })).await?;
                    match payload.get_str("name") {
                        Some("panic") => panic!("a slip of the hook"),
                        Some("late") => std::future::pending().await,
                        _ => Ok(payload),
                    }
                },
            )
        })
        .await;
        let create = |name| format!("mutation {{ create_author_item(data: {{ name: \"{name}\" }}) {{ name }} }}");
        for name in ["panic", "late"] {
            let error = gateway.error(&create(name)).await;
            assert_eq!(error["message"], "An unexpected error occurred.", "{kind:?}");
            assert_eq!(error["extensions"], json!({ "code": "INTERNAL_SERVER_ERROR" }), "{kind:?}");
            assert_eq!(gateway.audit().await, "", "{kind:?}");
        }
        let data = gateway.app.data(&create("Cid")).await;
        assert_eq!(data["create_author_item"]["name"], "Cid", "{kind:?}");
        assert_eq!(gateway.audit().await, "tried", "{kind:?}");
        assert_eq!(gateway.rows("SELECT name FROM author ORDER BY id").await, "Ann, Bob, Cid", "{kind:?}");
    }
}

#[tokio::test]
async fn what_nobody_foresaw_is_shown_to_administrators_alone() {
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.policy(public([("author", everything())])).filter(
            "author.items.create",
            async |payload: Payload, _: Meta, _: Context| {
                let _port: u16 = "seventy".parse()?;
                Ok(payload)
            },
        )
    })
    .await;
    let create = r#"mutation { create_author_item(data: { name: "x" }) { id } }"#;
    let error = gateway.error(create).await;
    assert_eq!(error["message"], "invalid digit found in string");
    assert_eq!(error["extensions"]["code"], "INTERNAL_SERVER_ERROR");
    let reply = gateway.app.public_graphql(create).await;
    assert_eq!(reply.body["errors"][0]["message"], "An unexpected error occurred.");
    assert_eq!(reply.codes(), ["INTERNAL_SERVER_ERROR"]);
}
