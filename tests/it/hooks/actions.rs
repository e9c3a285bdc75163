//! Actions: what they are told, in which order, and only once it is true.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use tidegate::hooks::Options;

use super::*;
use crate::support::{Served, Socket, followed};

#[tokio::test]
async fn actions_are_told_what_was_written_by_both_names() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .filter("author.items.create", async |mut payload: Payload, _: Meta, _: Context| {
                    payload.set("mail", "by@hook");
                    Ok(payload)
                })
                .action("items.create", record.action())
                .action("author.items.create", record.action())
                .action("items.update", record.action())
                .action("items.delete", record.action())
        })
        .await;
        gateway
            .app
            .data(
                r#"mutation {
                    create_author_item(data: { name: "Cid" }) { id }
                    update_author_items(ids: [1, 2], data: { mail: "m" }) { id }
                    update_author_batch(data: [{ id: 1, mail: "a" }, { id: 2, mail: "b" }]) { id }
                    delete_remark_items(ids: [2, 3]) { ids }
                }"#,
            )
            .await;
        let created = |event| json!({ "payload": { "name": "Cid", "mail": "by@hook" }, "key": 3, "collection": "author", "event": event });
        let updated = |payload: Json, keys: Json| json!({ "payload": payload, "keys": keys, "collection": "author", "event": "items.update" });
        let expected = json!([
            created("items.create"),
            created("author.items.create"),
            updated(json!({ "mail": "m" }), json!([1, 2])),
            updated(json!({ "id": "1", "mail": "a" }), json!([1])),
            updated(json!({ "id": "2", "mail": "b" }), json!([2])),
            { "payload": [2, 3], "keys": [2, 3], "collection": "remark", "event": "items.delete" },
        ]);
        assert_eq!(Json::from(record.at_least(6).await), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn an_action_finds_committed_what_it_is_told_of() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.action("article.items.create", move |meta: Meta, context: Context| {
                let noted = noted.clone();
                async move {
                    let key = meta.key().cloned().unwrap_or_default();
                    // On a connection of its own, and with the rights of who wrote.
                    let article = context.items("article").read_one(key).await?;
                    let principal = context.principal().map(|principal| principal.admin);
                    noted.note(json!([context.in_transaction(), principal, article["title"], article["author"]]));
                    Ok(())
                }
            })
        })
        .await;
        gateway
            .app
            .data(r#"mutation { create_article_item(data: { title: "t", author: { name: "Cid" } }) { id } }"#)
            .await;
        assert_eq!(record.at_least(1).await, [json!([false, true, "t", 3])], "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_told_to_nobody() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| builder.action("items.*", record.action())).await;
        for document in [
            r#"mutation { create_article_items(data: [{ title: "x" }, { title: "y", slug: "s1" }]) { title } }"#,
            r#"mutation { create_article_item(data: { title: "x", slug: "s1", author: { name: "Cid" } }) { title } }"#,
            r#"mutation @transaction { a: create_author_item(data: { name: "x" }) { name } b: delete_author_item(id: 1) { id } }"#,
            r#"mutation { update_article_items(ids: [1, 2], data: { slug: "same" }) { title } }"#,
            "mutation { delete_author_items(ids: [2, 1]) { ids } }",
        ] {
            gateway.error(document).await;
        }
        // The lane keeps the order, so whatever had been told would be before this.
        gateway.app.data(r#"mutation { delete_remark_item(id: 1) { id } }"#).await;
        let met = record.at_least(1).await;
        assert_eq!(met[0]["event"], "items.delete", "{kind:?}: {met:?}");
        assert_eq!(met[0]["collection"], "remark", "{kind:?}: {met:?}");
    }
}

#[tokio::test]
async fn a_parent_is_told_of_before_what_is_nested_in_it() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.action("items.*", move |meta: Meta, _: Context| {
                if !meta.event().ends_with("read") {
                    let what = meta.key().cloned().unwrap_or_else(|| meta.keys().to_vec().into());
                    noted.note(format!("{} {} {what}", meta.event(), meta.collection()));
                }
                std::future::ready(Ok(()))
            })
        })
        .await;
        gateway
            .app
            .data(r#"mutation { create_article_item(data: { title: "t", author: { name: "Cid" }, remark: [{ body: "x" }] }) { id } }"#)
            .await;
        let created = ["items.create article 4", "items.create author 3", "items.create remark 4"];
        assert_eq!(record.at_least(3).await, created, "{kind:?}");
        gateway
            .app
            .data(r#"mutation { update_article_item(id: 1, data: { title: "t", author: { id: 1, name: "A" }, remark: [{ id: 1 }] }) { id } }"#)
            .await;
        let updated = ["items.update article [1]", "items.update author [1]", "items.update remark [2]"];
        assert_eq!(record.at_least(6).await[3..], updated, "{kind:?}");
    }
}

#[tokio::test]
async fn an_action_that_fails_is_not_the_clients_business() {
    let record = Record::default();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .action("author.items.create", async |_, _| Err(Error::forbidden()))
            .action("author.items.create", |_: Meta, _: Context| -> std::future::Ready<Result<(), Error>> {
                panic!("a slip")
            })
            .action("author.items.create", record.action())
    })
    .await;
    for number in 1..=2 {
        gateway.app.data(r#"mutation { create_author_item(data: { name: "x" }) { id } }"#).await;
        assert_eq!(record.at_least(number).await.len(), number);
    }
}

#[tokio::test]
async fn an_action_that_causes_its_own_event_is_stopped() {
    for kind in Kind::ALL {
        let limits = Options { max_depth: 4, ..Options::default() };
        let rounds = Arc::new(AtomicUsize::new(0));
        let counted = rounds.clone();
        let gateway = Embedded::start(kind, |builder| {
            builder.hook_options(limits).action("audit.items.create", move |_: Meta, context: Context| {
                counted.fetch_add(1, Ordering::Relaxed);
                async move {
                    context.items("audit").create_one(json!({ "note": "again" })).await?;
                    Ok(())
                }
            })
        })
        .await;
        gateway.app.data(r#"mutation { create_audit_item(data: { note: "first" }) { id } }"#).await;
        let (data, app) = (gateway.data.clone(), gateway.app);
        // Waits for what hooks have to do, so that nothing more can come.
        app.stop().await;
        assert_eq!(rounds.load(Ordering::Relaxed), 4, "{kind:?}");
        let rows = data.rows("SELECT note FROM audit ORDER BY id").await;
        assert_eq!(rows.len(), 5, "{kind:?}: {rows:?}");
    }
}

#[tokio::test]
async fn writes_without_events_are_heard_of_by_nobody() {
    for kind in Kind::ALL {
        let record = Record::default();
        let gateway = Embedded::start(kind, |builder| {
            builder
                .action("author.items.create", async |_: Meta, context: Context| {
                    let audit = context.items("audit").without_events();
                    audit.create_one(json!({ "note": "quiet" })).await?;
                    audit.update_by_query(json!({}), json!({ "note": "still quiet" })).await?;
                    // Nor of what is nested in them.
                    let article =
                        json!({ "title": "t", "author": { "name": "quiet" }, "remark": [{ "body": "quiet" }] });
                    let key = context.items("article").without_events().create_one(article).await?;
                    context
                        .items("remark")
                        .without_events()
                        .delete_by_query(json!({ "filter": { "article": { "id": { "_eq": key } } } }))
                        .await?;
                    context.items("counter").create_one(json!({ "name": "loud", "hits": 1 })).await?;
                    Ok(())
                })
                .filter("items.*", record.name())
                .filter("*.items.*", record.name())
                .action("items.*", record.action())
        })
        .await;
        let position = gateway.app.events.log().head();
        gateway.app.data(r#"mutation { create_author_item(data: { name: "Cid" }) { __typename } }"#).await;
        let told = async |count| {
            let met = record.at_least(count).await;
            let mut names: Vec<String> = met.iter().filter_map(Json::as_str).map(str::to_owned).collect();
            let facts = met.iter().filter(|event| event.is_object());
            names.extend(facts.map(|event| {
                format!(
                    "told {} {}",
                    event["event"].as_str().unwrap_or_default(),
                    event["collection"].as_str().unwrap_or_default()
                )
            }));
            names.sort();
            names
        };
        // Four for the author, his answer included, and two of the counter; told are three.
        let expected = [
            "author.items.create",
            "author.items.read",
            "counter.items.create",
            "items.create",
            "items.create",
            "items.read",
            "told items.create author",
            "told items.create counter",
            "told items.read author",
        ];
        assert_eq!(told(9).await, expected, "{kind:?}");
        let logged = gateway.app.events.log().read_after(position, 100).expect("it is still there");
        let logged: Vec<&str> = logged.iter().map(|event| &*event.collection).collect();
        assert_eq!(logged, ["author", "counter"], "{kind:?}");
        gateway.app.stop().await;
        assert_eq!(record.all().len(), 9, "{kind:?}: no more came");
        let stored = "SELECT (SELECT note FROM audit), (SELECT COUNT(*) FROM author WHERE name = 'quiet'), (SELECT COUNT(*) FROM remark WHERE body = 'quiet')";
        let stored = gateway.data.rows(stored).await.remove(0);
        assert_eq!(stored, ["still quiet", "1", "0"].map(|cell| Some(cell.to_owned())), "{kind:?}");
    }
}

#[tokio::test]
async fn hooks_tell_each_other_of_what_is_their_own() {
    let record = Record::default();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .filter("author.items.create", async |mut payload: Payload, _: Meta, context: Context| {
                let greeting = context.emitter().emit_filter("press.greeting", json!("Hello"), Meta::new()).await?;
                payload.set("mail", greeting);
                context
                    .emitter()
                    .emit_action("press.author.expected", Meta::new().with("payload", payload.data().clone()))
                    .await?;
                Ok(payload)
            })
            .filter("press.*", async |payload: Payload, _: Meta, _: Context| {
                let text = format!("{}!", payload.data().as_str().unwrap_or_default());
                Ok(Payload::from(json!(text)))
            })
            .action("press.author.**", record.action())
            .action("author.items.create", async |_: Meta, context: Context| {
                // The gateway's own events cannot be made up.
                match context.emitter().emit_action("items.create", Meta::new()).await {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        context
                            .emitter()
                            .emit_action("press.author.refused", Meta::new().with("code", error.code))
                            .await
                    }
                }
            })
    })
    .await;
    let data = gateway.app.data(r#"mutation { create_author_item(data: { name: "Cid" }) { mail } }"#).await;
    assert_eq!(data["create_author_item"]["mail"], "Hello!");
    let expected = [
        json!({ "payload": { "name": "Cid", "mail": "Hello!" }, "event": "press.author.expected" }),
        json!({ "code": "INTERNAL_SERVER_ERROR", "event": "press.author.refused" }),
    ];
    assert_eq!(record.at_least(2).await, expected);
}

#[tokio::test]
async fn a_move_in_an_order_is_told_as_such_and_as_no_update() {
    for kind in Kind::ALL {
        let script = "CREATE TABLE song (id INT PRIMARY KEY NOT NULL, place INT);
            INSERT INTO song VALUES (1, 10), (2, 20), (3, 30);";
        let data = Arc::new(TestDatabase::create(kind, script).await);
        Served::over(data.clone()).await.app.stop().await;
        data.execute("INSERT INTO directus_collections (collection, sort_field) VALUES ('song', 'place')").await;
        let record = Record::default();
        let served = Served::over_as(data, |builder| {
            builder
                .filter("items.update", async |_: Payload, _: Meta, _: Context| Err(Error::forbidden()))
                .action("items.update", record.action())
                .action("items.sort", record.action())
                .action("song.items.sort", record.action())
                .action("items.create", record.action())
        })
        .await;
        let admin = served.admin().await;
        let mut socket = Socket::silent(&served.app).await;
        socket.send(&json!({ "type": "connection_init", "payload": { "access_token": admin.access } })).await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket.subscribe("1", "subscription { song_mutated { event key data { place } } }").await;
        followed(&served.app, 1).await;
        let sort = async |item: Json, to: Json| {
            let body = json!({ "item": item, "to": to });
            let reply = served.rest(Method::POST, "/utils/sort/song", Some(&admin.access), body).await;
            assert_eq!(reply.status, 200, "{kind:?} {:#}", reply.body);
        };
        sort(json!("1"), json!(2)).await;
        // Nothing happens here.
        sort(json!(3), json!(3)).await;
        let create = "mutation { create_song_item(data: { id: 4 }) { id } }";
        served.graphql("/graphql", Some(&admin.access), create).await;
        let sorted = |event| json!({ "item": 1, "to": 2, "collection": "song", "event": event });
        let created = json!({ "payload": { "id": "4" }, "key": 4, "collection": "song", "event": "items.create" });
        let expected = [sorted("items.sort"), sorted("song.items.sort"), created];
        assert_eq!(record.at_least(3).await, expected, "{kind:?}");
        let mut moved = Vec::new();
        for _ in 0..2 {
            let told = socket.change("1").await;
            moved.push(json!([told["event"], told["key"], told["data"]["place"]]));
        }
        moved.sort_by_key(Json::to_string);
        assert_eq!(moved, [json!(["update", "1", 20]), json!(["update", "2", 10])], "{kind:?}");
    }
}
