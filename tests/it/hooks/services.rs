//! Items for hooks and for who embeds the gateway.

use super::*;

#[tokio::test]
async fn items_can_be_read_in_every_way() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| builder).await;
        let articles = gateway.app.items("article");
        let whole = json!({ "id": 1, "title": "a1", "slug": "s1", "words": 10, "author": 1 });
        assert_eq!(articles.read_one(1).await, Ok(whole.clone()), "{kind:?}");
        assert_eq!(articles.read_one("1").await, Ok(whole), "{kind:?}");
        let some = articles
            .read_many(vec![json!(3), json!(1)], json!({ "sort": "-id", "fields": ["id", "author.name"] }))
            .await;
        let expected = json!([{ "id": 3, "author": { "name": "Bob" } }, { "id": 1, "author": { "name": "Ann" } }]);
        assert_eq!(some.map(Json::from), Ok(expected), "{kind:?}");
        let query = json!({
            "filter": { "words": { "_gt": 5 } }, "search": "a", "sort": ["-words"], "limit": 1, "page": 2, "fields": "title,remark.body",
        });
        let page = articles.read_by_query(query).await;
        assert_eq!(
            page.map(Json::from),
            Ok(json!([{ "title": "a1", "remark": [{ "body": "r1" }, { "body": "r2" }] }])),
            "{kind:?}"
        );
        for (wrong, code) in [
            (json!({ "filter": { "nonsense": { "_eq": 1 } } }), "INVALID_QUERY"),
            (json!({ "sort": ["nonsense"] }), "INVALID_QUERY"),
            (json!({ "fields": ["nonsense"] }), "FORBIDDEN"),
            (json!({ "nonsense": 1 }), "INVALID_QUERY"),
            (json!({ "limit": "many" }), "INVALID_QUERY"),
            (json!([1]), "INVALID_QUERY"),
        ] {
            let error = articles.read_by_query(wrong.clone()).await.expect_err("it is wrong");
            assert!(error.code == code || error.code == "FORBIDDEN", "{kind:?}: {wrong}: {error:?}");
        }
        for missing in [json!(99), json!("x"), json!(null)] {
            let error = articles.read_one(missing.clone()).await.expect_err("there is none");
            assert!(["FORBIDDEN", "INVALID_PAYLOAD"].contains(&&*error.code), "{kind:?}: {missing}: {error:?}");
        }
        assert_eq!(
            gateway.app.items("nonsense").read_one(1).await.map_err(|error| error.code),
            Err("FORBIDDEN".to_owned())
        );
    }
}

#[tokio::test]
async fn items_can_be_written_in_every_way() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| builder).await;
        let (authors, counters) = (gateway.app.items("author"), gateway.app.items("counter"));
        let names = async || gateway.rows("SELECT id, name, mail FROM author ORDER BY id").await;
        assert_eq!(authors.create_one(json!({ "name": "C" })).await, Ok(json!(3)), "{kind:?}");
        let whole = json!({ "id": 4, "name": "D", "mail": null });
        assert_eq!(authors.create_one_returning(json!({ "name": "D" })).await, Ok(whole), "{kind:?}");
        let made = authors.create_many(vec![json!({ "name": "E" }), json!({ "name": "F" })]).await;
        assert_eq!(made, Ok(vec![json!(5), json!(6)]), "{kind:?}");
        assert_eq!(authors.create_many(vec![json!({ "name": "G" })]).await, Ok(vec![json!(7)]), "{kind:?}");
        assert_eq!(authors.create_many(Vec::new()).await, Ok(Vec::new()), "{kind:?}");
        assert_eq!(authors.update_one(3, json!({ "mail": "c@x" })).await, Ok(json!(3)), "{kind:?}");
        let changed = authors.update_many(vec![json!(4), json!(5)], json!({ "mail": "de@x" })).await;
        assert_eq!(changed, Ok(vec![json!(4), json!(5)]), "{kind:?}");
        let batch = vec![json!({ "id": 6, "mail": "f@x" }), json!({ "id": 7, "name": "g" })];
        assert_eq!(authors.update_batch(batch).await, Ok(vec![json!(6), json!(7)]), "{kind:?}");
        let by_query =
            authors.update_by_query(json!({ "filter": { "mail": { "_eq": "de@x" } } }), json!({ "mail": null })).await;
        assert_eq!(by_query, Ok(vec![json!(4), json!(5)]), "{kind:?}");
        assert_eq!(authors.delete_one(7).await, Ok(json!(7)), "{kind:?}");
        assert_eq!(authors.delete_many(vec![json!(5), json!(6)]).await, Ok(vec![json!(5), json!(6)]), "{kind:?}");
        assert_eq!(
            authors.delete_by_query(json!({ "filter": { "id": { "_eq": 4 } } })).await,
            Ok(vec![json!(4)]),
            "{kind:?}"
        );
        assert_eq!(
            authors.delete_by_query(json!({ "filter": { "id": { "_eq": 4 } } })).await,
            Ok(Vec::new()),
            "{kind:?}"
        );
        assert_eq!(names().await, "1 Ann ann@x, 2 Bob bob@x, 3 C c@x", "{kind:?}");
        // By its key, and by another unique one.
        let hits = |hits: i64| json!({ "name": "home", "hits": hits });
        assert_eq!(counters.upsert_one(hits(1), &[]).await, Ok(json!("home")), "{kind:?}");
        assert_eq!(counters.upsert_one(hits(2), &["name"]).await, Ok(json!("home")), "{kind:?}");
        let both = counters.upsert_many(vec![hits(3), json!({ "name": "about", "hits": 1 })], &[]).await;
        assert_eq!(both, Ok(vec![json!("home"), json!("about")]), "{kind:?}");
        assert_eq!(gateway.rows("SELECT name, hits FROM counter ORDER BY name").await, "about 1, home 3", "{kind:?}");
        let articles = gateway.app.items("article");
        assert_eq!(
            articles.upsert_one(json!({ "slug": "s1", "title": "A1" }), &["slug"]).await,
            Ok(json!(1)),
            "{kind:?}"
        );
        let error = articles.upsert_one(json!({ "title": "A1" }), &["title"]).await.expect_err("it is not unique");
        assert_eq!((&*error.code, error.status), ("INVALID_PAYLOAD", 400), "{kind:?}");
    }
}

#[tokio::test]
async fn errors_keep_their_code_status_and_details() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("audit.items.create", async |_: Payload, _: Meta, _: Context| {
                Err(Error::new("closed", 423, "It is closed.").with("until", "nine"))
            })
        })
        .await;
        let error = gateway
            .app
            .items("article")
            .create_one(json!({ "title": "t", "slug": "s1" }))
            .await
            .expect_err("it is taken");
        assert_eq!((&*error.code, error.status), ("RECORD_NOT_UNIQUE", 400), "{kind:?}");
        assert_eq!(error.extensions["field"], "slug", "{kind:?}");
        let error = gateway.app.items("audit").create_one(json!({ "note": "n" })).await.expect_err("it is refused");
        assert_eq!(error, Error::new("closed", 423, "It is closed.").with("until", "nine"), "{kind:?}");
        let error =
            gateway.app.items("author").update_one(99, json!({ "name": "x" })).await.expect_err("there is none");
        assert_eq!((&*error.code, error.status), ("FORBIDDEN", 403), "{kind:?}");
        let error = gateway.app.items("author").create_one(json!([])).await.expect_err("it is no item");
        assert_eq!((&*error.code, error.status), ("INVALID_PAYLOAD", 400), "{kind:?}");
    }
}

#[tokio::test]
async fn a_hook_has_the_rights_of_who_asks_or_all_of_them() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            let grants = [
                ("author", everything()),
                ("article", Grants { read: grant(&["id", "title"]), update: grant(&["title"]), ..Grants::default() }),
            ];
            builder.policy(public(grants)).filter(
                "author.items.create",
                move |payload: Payload, _: Meta, context: Context| {
                    let noted = noted.clone();
                    async move {
                        let told = |outcome: Result<Json, Error>| outcome.unwrap_or_else(|error| error.code.into());
                        let (own, full) = (context.items("article"), context.items_with_full_rights("article"));
                        noted.note(json!([
                            told(own.read_one(1).await),
                            told(
                                own.read_by_query(json!({ "filter": { "words": { "_gt": 1 } } })).await.map(Json::from)
                            ),
                            told(own.update_one(1, json!({ "title": "own" })).await),
                            told(own.update_one(1, json!({ "words": 1 })).await),
                            told(own.create_one(json!({ "title": "x" })).await),
                            told(own.delete_one(1).await),
                            told(context.items("audit").create_one(json!({ "note": "own" })).await),
                            told(full.read_one(1).await.map(|article| article["words"].clone())),
                            told(full.update_one(1, json!({ "words": 11 })).await),
                            told(context.items_with_full_rights("audit").create_one(json!({ "note": "full" })).await),
                        ]));
                        Ok(payload)
                    }
                },
            )
        })
        .await;
        let create = r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#;
        let reply = gateway.app.public_graphql(create).await;
        assert!(reply.body.get("errors").is_none(), "{kind:?}: {:#}", reply.body);
        let expected = json!([
            { "id": 1, "title": "a1" }, "FORBIDDEN", 1, "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", 10, 1, 1,
        ]);
        assert_eq!(record.all(), [expected], "{kind:?}");
        assert_eq!(gateway.rows("SELECT title, words FROM article WHERE id = 1").await, "own 11", "{kind:?}");
        assert_eq!(gateway.audit().await, "full", "{kind:?}");
    }
}

#[tokio::test]
async fn nobody_has_no_rights() {
    let record = Record::default();
    let noted = record.clone();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.init("app.after", move |_: Meta, context: Context| {
            let noted = noted.clone();
            async move {
                let own = context.items("author").read_one(1).await.map_err(|error| error.code);
                let full = context.items_with_full_rights("author").read_one(1).await?;
                noted.note(json!([context.principal().is_some(), own.is_err(), full["name"]]));
                Ok(())
            }
        })
    })
    .await;
    assert_eq!(record.at_least(1).await, [json!([false, true, "Ann"])]);
    drop(gateway);
}

#[tokio::test]
async fn what_is_written_in_bulk_may_pass_the_limit_of_one_mutation() {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &script(Kind::Sqlite)).await);
    let builder = Gateway::builder().configure(|serve| serve.gateway.limits.batch = Some(2));
    let app = TestApp::embedded(data.clone(), builder).await;
    let three = || (0..3).map(|number| json!({ "note": format!("n{number}") })).collect::<Vec<_>>();
    let audit = app.items("audit");
    let error = audit.create_many(three()).await.expect_err("these are too many");
    assert_eq!(error.code, "INVALID_PAYLOAD");
    let options = tidegate::hooks::MutationOptions { bypass_limits: true, ..Default::default() };
    assert_eq!(audit.with_options(options).create_many(three()).await.map(|keys| keys.len()), Ok(3));
}
