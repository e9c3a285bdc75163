//! Hooks of reads: the query before, the records after.

use super::*;
use crate::support::Socket;

#[tokio::test]
async fn a_query_is_told_as_it_was_asked() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| builder.filter("items.query", record.filter())).await;
        let query = r#"query($words: GraphQLStringOrFloat) {
            list: article(filter: { words: { _gt: $words } }, sort: ["-id"], limit: 2, page: 1, search: "a") { key: id title author { name } }
            article_by_id(id: 2) { title __typename }
            article_aggregated(groupBy: ["author"], filter: { words: { _gt: 5 } }) { group count { id } }
            plain: author { name }
        }"#;
        gateway.app.data_with(query, json!({ "words": 5 })).await;
        let article = json!({ "collection": "article", "event": "items.query" });
        let expected = json!([
            {
                "payload": {
                    "filter": { "words": { "_gt": 5 } }, "sort": ["-id"], "limit": 2, "page": 1, "search": "a",
                    "fields": ["id", "title", "author"],
                },
                "meta": article,
            },
            { "payload": { "id": "2", "fields": ["title"] }, "meta": article },
            {
                "payload": { "groupBy": ["author"], "filter": { "words": { "_gt": 5 } }, "fields": ["group", "count"] },
                "meta": article,
            },
            { "payload": { "fields": ["name"] }, "meta": { "collection": "author", "event": "items.query" } },
        ]);
        assert_eq!(Json::from(record.all()), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_filter_of_the_query_narrows_lists_items_and_aggregates() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("article.items.query", async |mut query: Payload, _: Meta, _: Context| {
                let own = json!({ "author": { "name": { "_eq": "Ann" } } });
                let asked = query.get("filter").cloned().unwrap_or_else(|| json!({}));
                query.set("filter", json!({ "_and": [asked, own] }));
                Ok(query)
            })
        })
        .await;
        let query = r#"query($words: GraphQLStringOrFloat) {
            article(filter: { words: { _gt: $words } }, sort: ["-id"]) { title }
            all: article(sort: ["id"]) { title }
            own: article_by_id(id: 1) { title }
            article_aggregated { count { id } }
            author(sort: ["-id"]) { name article { title } }
        }"#;
        for words in [15, 5] {
            let data = gateway.app.data_with(query, json!({ "words": words })).await;
            let expected = json!({
                "article": if words == 15 { json!([{ "title": "a2" }]) } else { json!([{ "title": "a2" }, { "title": "a1" }]) },
                "all": [{ "title": "a1" }, { "title": "a2" }],
                "own": { "title": "a1" },
                "article_aggregated": [{ "count": { "id": 2 } }],
                // What hangs on other items is part of those.
                "author": [{ "name": "Bob", "article": [{ "title": "b1" }] },
                    { "name": "Ann", "article": [{ "title": "a1" }, { "title": "a2" }] }],
            });
            assert_eq!(data, expected, "{kind:?}");
        }
        let error = gateway.error("{ article_by_id(id: 3) { title } }").await;
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{kind:?}");
    }
}

#[tokio::test]
async fn a_filter_of_the_query_sorts_and_limits() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("article.items.query", async |mut query: Payload, _: Meta, _: Context| {
                query.set("sort", json!(["-words"]));
                query.set("limit", 2);
                Ok(query)
            })
        })
        .await;
        let data = gateway.app.data(r#"{ article(sort: ["words"], limit: 9) { words } }"#).await;
        assert_eq!(data, json!({ "article": [{ "words": 30 }, { "words": 20 }] }), "{kind:?}");
    }
}

#[tokio::test]
async fn a_refused_query_leaves_the_rest_of_the_answer() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("author.items.query", async |_: Payload, _: Meta, _: Context| {
                    Err(Error::new("paywall", 402, "Subscribe first.").with("price", 3))
                })
                .filter("remark.items.query", async |_: Payload, _: Meta, _: Context| Ok(json!("nonsense").into()))
        })
        .await;
        let reply = gateway.app.graphql("{ article_by_id(id: 1) { title } author_by_id(id: 1) { name } }").await;
        assert_eq!(reply.status, 200, "{kind:?}");
        assert_eq!(reply.body["data"], json!({ "article_by_id": { "title": "a1" }, "author_by_id": null }), "{kind:?}");
        let error = &reply.body["errors"][0];
        assert_eq!(error["message"], "Subscribe first.", "{kind:?}");
        assert_eq!(error["extensions"], json!({ "code": "PAYWALL", "price": 3 }), "{kind:?}");
        assert_eq!(error["path"], json!(["author_by_id"]), "{kind:?}");
        let error = gateway.error("{ remark { id } }").await;
        assert_eq!(error["extensions"]["code"], "INVALID_QUERY", "{kind:?}");
    }
}

#[tokio::test]
async fn a_changed_query_is_still_held_against_the_callers_rights() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            let grants = Grants { read: grant(&["id", "title"]), ..Grants::default() };
            builder.policy(public([("article", grants)])).filter(
                "article.items.query",
                async |mut query: Payload, _: Meta, _: Context| {
                    query.set("filter", json!({ "words": { "_gt": 15 } }));
                    Ok(query)
                },
            )
        })
        .await;
        let reply = gateway.app.public_graphql("{ article { title } }").await;
        assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}: {:#}", reply.body);
        assert_eq!(
            gateway.app.data("{ article(sort: [\"id\"]) { title } }").await["article"],
            json!([{ "title": "a2" }, { "title": "b1" }]),
            "{kind:?}"
        );
    }
}

/// Hides addresses, and what has no name left.
async fn masked(mut records: Payload, _: Meta, _: Context) -> Result<Payload, Error> {
    for record in records.data_mut().as_array_mut().into_iter().flatten() {
        for name in ["mail", "address"] {
            if let Some(mail) = record.get_mut(name) {
                *mail = json!("***");
            }
        }
    }
    Ok(records)
}

#[tokio::test]
async fn records_are_what_filters_make_of_them_and_actions_are_told_so() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("author.items.read", masked).action("items.read", record.action())
        })
        .await;
        let data = gateway
            .app
            .data(
                r#"{
                    author(sort: ["id"], limit: 1) { name address: mail article(sort: ["id"]) { title } }
                    author_by_id(id: 2) { mail }
                    counter { name }
                    author_aggregated { countAll }
                }"#,
            )
            .await;
        let author = json!({ "name": "Ann", "address": "***", "article": [{ "title": "a1" }, { "title": "a2" }] });
        let expected = json!({
            "author": [author], "author_by_id": { "mail": "***" }, "counter": [], "author_aggregated": [{ "countAll": 2 }],
        });
        assert_eq!(data, expected, "{kind:?}");
        // Each root by itself, in whatever order; nothing of what hangs on them.
        let mut told = record.at_least(4).await;
        told.sort_by_key(|event| event["query"].to_string());
        let event = |collection: &str, query: Json, payload: Json| json!({ "collection": collection, "query": query, "payload": payload, "event": "items.read" });
        let expected = [
            event("author", json!({ "fields": ["countAll"] }), json!([{ "countAll": 2 }])),
            event("counter", json!({ "fields": ["name"] }), json!([])),
            event("author", json!({ "id": "2", "fields": ["mail"] }), json!([{ "mail": "***" }])),
            event(
                "author",
                json!({ "sort": ["id"], "limit": 1, "fields": ["name", "mail", "article"] }),
                json!([author]),
            ),
        ];
        assert_eq!(told, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn every_digit_survives_a_filter() {
    let gateway =
        Embedded::start(Kind::Postgres, |builder| builder.filter("items.read", async |records, _, _| Ok(records)))
            .await;
    gateway
        .data
        .execute("ALTER TABLE audit ADD exact NUMERIC(40, 20); INSERT INTO audit (note, exact) VALUES ('n', 12345678901234567890.01234567890123456789)")
        .await;
    let Embedded { data, app, .. } = gateway;
    app.stop().await;
    let app = TestApp::embedded(data, Gateway::builder().filter("items.read", async |records, _, _| Ok(records))).await;
    let (_, text) = (app.catalog.clone(), app.request(reqwest::Method::POST, "/graphql"));
    let body = json!({ "query": "{ audit { exact } }" });
    let reply = text.bearer_auth(crate::support::TOKEN).json(&body).send().await.expect("it answers").text().await;
    assert_eq!(
        reply.expect("it is text"),
        r#"{"data":{"audit":[{"exact":12345678901234567890.01234567890123456789}]}}"#
    );
}

#[tokio::test]
async fn records_that_are_taken_away_are_not_there() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("author.items.read", async |mut records: Payload, _: Meta, _: Context| {
                    records.clear();
                    Ok(records)
                })
                .filter("remark.items.read", async |_: Payload, _: Meta, _: Context| Err(Error::forbidden()))
                .filter(
                    "counter.items.read",
                    async |_: Payload, _: Meta, _: Context| Ok(json!({ "no": "list" }).into()),
                )
        })
        .await;
        let data = gateway.app.data("{ author { name } author_by_id(id: 1) { name } }").await;
        assert_eq!(data, json!({ "author": [], "author_by_id": null }), "{kind:?}");
        let error = gateway.error("{ remark { body } }").await;
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{kind:?}");
        assert_eq!(error["path"], json!(["remark"]), "{kind:?}");
        let error = gateway.error("{ counter { hits } }").await;
        assert_eq!(error["extensions"]["code"], "INTERNAL_SERVER_ERROR", "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_mutation_shows_passes_the_same_filters() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("author.items.read", masked).action("author.items.read", record.action())
        })
        .await;
        let data = gateway
            .app
            .data(
                r#"mutation {
                    one: create_author_item(data: { name: "Cid", mail: "c@x" }) { name mail }
                    many: update_author_items(ids: [1, 2], data: { name: "N" }, sort: ["id"]) { mail }
                    delete_remark_item(id: 1) { id }
                }"#,
            )
            .await;
        let expected = json!({
            "one": { "name": "Cid", "mail": "***" }, "many": [{ "mail": "***" }, { "mail": "***" }], "delete_remark_item": { "id": "1" },
        });
        assert_eq!(data, expected, "{kind:?}");
        let data = gateway
            .app
            .data(r#"mutation @transaction { create_author_item(data: { name: "D", mail: "d@x" }) { mail } }"#)
            .await;
        assert_eq!(data["create_author_item"]["mail"], "***", "{kind:?}");
        let told = record.at_least(3).await;
        assert_eq!(told[0]["payload"], json!([{ "name": "Cid", "mail": "***" }]), "{kind:?}");
        assert_eq!(told[0]["query"], json!({ "fields": ["name", "mail"] }), "{kind:?}");
        assert_eq!(gateway.rows("SELECT mail FROM author WHERE name = 'Cid'").await, "c@x", "{kind:?}");
    }
}

#[tokio::test]
async fn a_mutation_whose_answer_is_refused_has_happened() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("author.items.read", async |_: Payload, _: Meta, _: Context| Err(Error::forbidden()))
        })
        .await;
        let error = gateway.error(r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#).await;
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{kind:?}");
        assert_eq!(gateway.rows("SELECT name FROM author ORDER BY id").await, "Ann, Bob, Cid", "{kind:?}");
    }
}

#[tokio::test]
async fn what_hooks_read_passes_the_same_filters_unless_they_say_otherwise() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("author.items.read", masked)
                .filter("author.items.query", async |mut query: Payload, _: Meta, _: Context| {
                    query.set("filter", json!({ "id": { "_lt": 2 } }));
                    Ok(query)
                })
                .action("author.items.read", record.action())
        })
        .await;
        let items = gateway.app.items("author");
        let read = items.read_by_query(json!({ "fields": "mail" })).await;
        assert_eq!(read, Ok(vec![json!({ "mail": "***" })]), "{kind:?}");
        assert_eq!(items.read_one(1).await.map(|item| item["mail"].clone()), Ok(json!("***")), "{kind:?}");
        assert_eq!(items.read_one(2).await.map_err(|error| error.code), Err("FORBIDDEN".to_owned()), "{kind:?}");
        assert_eq!(record.at_least(2).await[0]["payload"], json!([{ "mail": "***" }]), "{kind:?}");
        let quiet = items.without_events().read_by_query(json!({ "fields": ["mail"], "sort": "id" })).await;
        assert_eq!(quiet, Ok(vec![json!({ "mail": "ann@x" }), json!({ "mail": "bob@x" })]), "{kind:?}");
    }
}

#[tokio::test]
async fn what_hooks_narrow_or_change_cannot_be_followed() {
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .filter("article.items.query", async |query: Payload, _: Meta, _: Context| Ok(query))
            .filter("author.items.read", async |records: Payload, _: Meta, _: Context| Ok(records))
    })
    .await;
    let mut socket = Socket::connect(&gateway.app).await;
    for collection in ["article", "author"] {
        for followed in ["mutated { key }", "aggregated { countAll }"] {
            socket.subscribe("1", &format!("subscription {{ {collection}_{followed} }}")).await;
            let refused = socket.next().await;
            assert_eq!(refused["payload"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
        }
    }
}
