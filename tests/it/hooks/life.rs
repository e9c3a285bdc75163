//! From the start to the end: points of the start, jobs, and what is finished
//! before the gateway stops.

use tidegate::{clock::Clock, hooks::Options};
use tokio::sync::{Semaphore, oneshot};

use super::*;

#[tokio::test]
async fn the_start_has_its_order_and_is_told_at_its_end() {
    let record = Record::default();
    let noted = record.clone();
    let named = record.clone();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .init("**", move |meta: Meta, _: Context| {
                let noted = noted.clone();
                async move {
                    // Whoever comes next waits for this.
                    tokio::task::yield_now().await;
                    noted.note(meta.event());
                    Ok(())
                }
            })
            .action("server.*", move |meta: Meta, _: Context| {
                named.note(format!(
                    "{} {}",
                    meta.event(),
                    meta.get("server").and_then(Json::as_str).unwrap_or_default()
                ));
                std::future::ready(Ok(()))
            })
    })
    .await;
    let address = gateway.app.address;
    let mut expected: Vec<String> = [
        "app.before",
        "middlewares.before",
        "middlewares.after",
        "routes.before",
        "routes.custom.before",
        "routes.custom.after",
        "routes.after",
        "app.after",
    ]
    .map(str::to_owned)
    .into();
    expected.push(format!("server.start {address}"));
    assert_eq!(record.at_least(9).await, expected);
    gateway.app.data("{ author { id } }").await;
    gateway.app.stop().await;
    expected.push(format!("server.stop {address}"));
    assert_eq!(record.all(), expected);
}

#[tokio::test]
async fn a_hook_that_fails_at_the_start_stops_nothing() {
    let record = Record::default();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .init("app.before", async |_: Meta, _: Context| Err(Error::unexpected("no disk")))
            .init("app.before", |_: Meta, _: Context| -> std::future::Ready<Result<(), Error>> { panic!("a slip") })
            .action("server.start", record.action())
    })
    .await;
    assert_eq!(record.at_least(1).await[0]["event"], "server.start");
    assert_eq!(gateway.app.data("{ author(limit: 1) { name } }").await, json!({ "author": [{ "name": "Ann" }] }));
}

#[tokio::test]
async fn what_cannot_be_registered_is_said_before_anything_is_served() {
    let data = TestDatabase::create(Kind::Sqlite, &script(Kind::Sqlite)).await;
    let keep = async |payload: Payload, _: Meta, _: Context| Ok(payload);
    let built = Gateway::builder().database(&data.url).filter("items..create", keep).build().await;
    let told = format!("{:#}", built.expect_err("it is no name"));
    assert!(told.contains("`items..create` is no name of an event"), "{told}");
    let built = Gateway::builder().database(&data.url).schedule("every day", async |_: Context| Ok(())).build().await;
    let told = format!("{:#}", built.expect_err("it is no schedule"));
    assert!(told.contains("`every day` is no schedule"), "{told}");
}

#[tokio::test]
async fn the_end_comes_after_what_hooks_still_have_to_do() {
    for kind in Kind::ALL {
        let gate = Arc::new(Semaphore::new(0));
        let (opened, waits) = (gate.clone(), gate.clone());
        let gateway = Embedded::start(kind, |builder| {
            builder
                .action("author.items.create", move |meta: Meta, context: Context| {
                    let gate = waits.clone();
                    async move {
                        gate.acquire().await?.forget();
                        let name = meta.payload().map(|payload| payload["name"].clone()).unwrap_or_default();
                        context.items("audit").create_one(json!({ "note": name })).await?;
                        Ok(())
                    }
                })
                // By then all requests have been answered, and the database is still there.
                .action("server.stop", move |_: Meta, context: Context| {
                    let gate = opened.clone();
                    async move {
                        context.items_with_full_rights("audit").create_one(json!({ "note": "stop" })).await?;
                        gate.add_permits(3);
                        Ok(())
                    }
                })
        })
        .await;
        for name in ["a", "b", "c"] {
            gateway
                .app
                .data(&format!("mutation {{ create_author_item(data: {{ name: \"{name}\" }}) {{ id }} }}"))
                .await;
        }
        let Embedded { app, data, .. } = gateway;
        timeout(PATIENCE, app.stop()).await.expect("it ends");
        let mut notes: Vec<String> =
            data.rows("SELECT note FROM audit").await.into_iter().filter_map(|mut row| row.remove(0)).collect();
        notes.sort();
        assert_eq!(notes, ["a", "b", "c", "stop"], "{kind:?}");
    }
}

#[tokio::test]
async fn the_end_comes_in_time_whatever_hooks_do() {
    let began = Record::default();
    let noted = began.clone();
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &script(Kind::Sqlite)).await);
    let limits = Options { time_limit: Duration::ZERO, ..Options::default() };
    let builder = Gateway::builder()
        .hook_options(limits)
        .configure(|serve| serve.server.shutdown_timeout = Duration::from_millis(100))
        .action("author.items.create", move |_: Meta, _: Context| {
            noted.note("began");
            std::future::pending()
        });
    let app = TestApp::embedded_as_it_is(data, builder).await;
    app.data(r#"mutation { create_author_item(data: { name: "x" }) { id } }"#).await;
    began.at_least(1).await;
    timeout(PATIENCE, app.stop()).await.expect("it does not wait for ever");
}

#[tokio::test]
async fn jobs_run_on_schedule_with_a_context_of_their_own() {
    let clock = Clock::fixed(1_800_000_000_000_000 - 1_000);
    let record = Record::default();
    let noted = record.clone();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.clock(clock.clone()).schedule_in("UTC", "0 * * * *", move |context: Context| {
            let noted = noted.clone();
            async move {
                let gone = context
                    .items_with_full_rights("remark")
                    .delete_by_query(json!({ "filter": { "article": { "id": { "_null": true } } } }))
                    .await?;
                noted.note(json!([gone, context.principal().is_some(), context.in_transaction()]));
                Ok(())
            }
        })
    })
    .await;
    // It has seen what time it was once this is answered.
    gateway.app.data("{ author { id } }").await;
    assert_eq!(record.all(), Vec::<Json>::new());
    clock.advance(Duration::from_millis(1));
    assert_eq!(record.at_least(1).await, [json!([[3], false, false])]);
    assert_eq!(gateway.rows("SELECT id FROM remark ORDER BY id").await, "1, 2");
}

#[tokio::test]
async fn a_gateway_can_be_used_without_serving() {
    for kind in Kind::ALL {
        let data = TestDatabase::create(kind, &script(kind)).await;
        let gateway = Gateway::builder()
            .database(&data.url)
            .filter("author.items.create", async |mut payload: Payload, _: Meta, _: Context| {
                payload.set("mail", "by@hook");
                Ok(payload)
            })
            .build()
            .await
            .expect("it can be put together");
        let author = gateway.items("author").create_one_returning(json!({ "name": "Cid" })).await;
        assert_eq!(author, Ok(json!({ "id": 3, "name": "Cid", "mail": "by@hook" })), "{kind:?}");
        let request = tidegate::graphql::Request {
            query: "{ author_by_id(id: 3) { mail } }".into(),
            variables: serde_json::Map::new(),
            operation_name: None,
        };
        let principal = tidegate::principal::Principal::admin();
        let answer = gateway.service().execute(&principal, request, tidegate::graphql::Allowed::Queries).await;
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            r#"{"data":{"author_by_id":{"mail":"by@hook"}}}"#,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let data = TestDatabase::create(Kind::Sqlite, &script(Kind::Sqlite)).await;
    let gateway =
        Gateway::builder().database(&data.url).listen("127.0.0.1", 0).build().await.expect("it can be put together");
    assert_eq!(gateway.options().port, 0);
    let listener = tidegate::gateway::listen("127.0.0.1", 0).await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(gateway.serve_on(listener, async { drop(stopped.await) }));
    let pong = crate::support::client()
        .get(format!("http://{address}/server/ping"))
        .send()
        .await
        .expect("it answers")
        .text()
        .await;
    assert_eq!(pong.expect("it is text"), "pong");
    drop(stop);
    timeout(PATIENCE, serving).await.expect("it ends").expect("it does not panic").expect("it ends well");
    assert!(crate::support::client().get(format!("http://{address}/server/ping")).send().await.is_err());
}
