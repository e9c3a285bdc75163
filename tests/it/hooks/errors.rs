//! What the database reports, worded anew.

use super::*;

#[tokio::test]
async fn what_the_database_reports_can_be_worded_anew() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("database.error", move |mut error: Payload, meta: Meta, _: Context| {
                noted.note(json!({ "error": error.data(), "meta": meta.facts() }));
                if error.get_str("extensions.code") == Some("RECORD_NOT_UNIQUE") {
                    error.set("message", "There is one already.");
                    error.set("extensions.code", "taken");
                    error.set("extensions.hint", "Choose another.");
                }
                std::future::ready(Ok(error))
            })
        })
        .await;
        let error = gateway.error(r#"mutation { create_article_item(data: { title: "t", slug: "s1" }) { id } }"#).await;
        assert_eq!(error["message"], "There is one already.", "{kind:?}");
        let expected = json!({
            "code": "TAKEN", "collection": "article", "field": "slug", "value": "s1", "hint": "Choose another.",
        });
        assert_eq!(error["extensions"], expected, "{kind:?}");
        let told = record.all().remove(0);
        assert_eq!(told["error"]["extensions"]["code"], "RECORD_NOT_UNIQUE", "{kind:?}");
        let client = match kind {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
            Kind::MySql => "mysql",
        };
        assert_eq!(told["meta"], json!({ "client": client, "event": "database.error" }), "{kind:?}");
        // Others pass as they are.
        let error = gateway.error("mutation { delete_author_item(id: 1) { id } }").await;
        assert_eq!(error["extensions"]["code"], "INVALID_FOREIGN_KEY", "{kind:?}");
        assert_eq!(record.all().len(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn only_what_the_database_reports_is_its_error() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("database.error", record.filter()).filter(
                "author.items.create",
                async |payload: Payload, _: Meta, _: Context| match payload.get_str("name") {
                    Some("panic") => panic!("a slip"),
                    _ => Err(Error::forbidden()),
                },
            )
        })
        .await;
        for document in [
            r#"mutation { create_author_item(data: { name: "panic" }) { id } }"#,
            r#"mutation { create_author_item(data: { name: "no" }) { id } }"#,
            r#"mutation { update_author_item(id: 99, data: { name: "no" }) { id } }"#,
            r#"{ author_by_id(id: 99) { id } }"#,
            r#"{ author(sort: ["nonsense"]) { id } }"#,
        ] {
            gateway.error(document).await;
        }
        assert_eq!(record.all(), Vec::<Json>::new(), "{kind:?}");
    }
}

#[tokio::test]
async fn an_error_that_is_none_any_more_stays_and_a_refusal_takes_its_place() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("database.error", async |error: Payload, _: Meta, _: Context| {
                match error["extensions"]["value"].as_str() {
                    Some("s1") => Ok(json!("nonsense").into()),
                    Some("s2") => Ok(json!({ "message": "without a code" }).into()),
                    _ => Err(Error::unprocessable("try tomorrow")),
                }
            })
        })
        .await;
        for (slug, code) in [("s1", "RECORD_NOT_UNIQUE"), ("s2", "RECORD_NOT_UNIQUE"), ("s3", "UNPROCESSABLE_CONTENT")]
        {
            let document =
                format!("mutation {{ create_article_item(data: {{ title: \"t\", slug: \"{slug}\" }}) {{ id }} }}");
            assert_eq!(gateway.error(&document).await["extensions"]["code"], code, "{kind:?}: {slug}");
        }
    }
}

#[tokio::test]
async fn errors_of_reads_are_worded_anew_too() {
    let gateway = Embedded::start(Kind::Postgres, |builder| {
        builder.filter("database.error", async |mut error: Payload, _: Meta, _: Context| {
            error.set("message", "Something is wrong with the tables.");
            Ok(error)
        })
    })
    .await;
    gateway.data.execute("ALTER TABLE author RENAME TO writer").await;
    let reply = gateway.app.graphql("{ author { id } }").await;
    assert_eq!(reply.body["errors"][0]["message"], "Something is wrong with the tables.", "{:#}", reply.body);
    assert_eq!(reply.codes(), ["INTERNAL_SERVER_ERROR"]);
}
