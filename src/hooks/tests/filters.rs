//! One after another; whoever refuses has the last word.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::principal::Principal;

const CREATE: [&str; 2] = ["items.create", "news.items.create"];

async fn filter(hooks: &Hooks, payload: Json) -> Result<Json, Failure> {
    hooks.filter(&CREATE, payload, Meta::new().with("collection", "news"), &Context::default()).await
}

#[tokio::test]
async fn each_gets_what_the_one_before_has_made_generic_names_first() {
    let add = |name: &'static str| {
        async move |mut payload: Payload, _: Meta, _: Context| {
            let so_far = payload.get_str("by").unwrap_or_default().to_owned();
            payload.set("by", so_far + name);
            Ok(payload)
        }
    };
    let hooks = hooks(|registry| {
        registry
            .filter("news.items.create", add("d"))
            .filter("news.**", add("e"))
            .filter("items.*", add("c"))
            .filter("items.create", add("a"))
            .filter("items.create", add("b"))
            .filter("items.update", add("x"));
    });
    assert!(hooks.has_filter(&CREATE) && !hooks.has_filter(&["users.delete"]) && !hooks.has_action(&CREATE));
    assert_eq!(filter(&hooks, json!({ "title": "T" })).await, Ok(json!({ "title": "T", "by": "abcde" })));
}

#[tokio::test]
async fn each_hears_the_name_of_the_event_and_what_it_is_about() {
    let record = Record::default();
    let noted = record.clone();
    let hooks = hooks(|registry| {
        registry.filter("**", move |payload: Payload, meta: Meta, _: Context| {
            noted.note(format!("{} {:?} {}", meta.event(), payload.attribute("tableName"), meta.collection()));
            async { Ok(payload) }
        });
    });
    filter(&hooks, json!({})).await.unwrap();
    let about = r#"Some(String("news")) news"#;
    assert_eq!(record.all(), [format!("items.create {about}"), format!("news.items.create {about}")]);
}

#[tokio::test]
async fn a_refusal_ends_the_chain_and_keeps_its_words() {
    let record = Record::default();
    let noted = record.clone();
    let hooks = hooks(|registry| {
        registry
            .filter("items.create", async |_, _, _| Err(Error::new("too_late", 410, "It is over.").with("since", 1)))
            .filter("news.items.create", move |payload: Payload, _, _| {
                noted.note("reached");
                async { Ok(payload) }
            });
    });
    let refusal = filter(&hooks, json!({})).await.unwrap_err();
    assert_eq!(refusal, Failure::Refused(Error::new("TOO_LATE", 410, "It is over.").with("since", 1)));
    assert_eq!(record.all(), Vec::<String>::new());
}

#[tokio::test]
async fn a_panic_is_ours_logged_once_by_name_and_does_no_harm() {
    let log = Log::start();
    let hooks = hooks(|registry| {
        registry.filter("items.create", async |payload: Payload, _, _| {
            assert!(!payload.has("late"), "a slip after the first await");
            Ok(payload)
        });
        registry.filter("items.create", |payload: Payload, _: Meta, _: Context| {
            assert!(!payload.has("early"), "a slip before there is a future");
            async { Ok(payload) }
        });
    });
    for (member, handler) in [("late", "items.create#1"), ("early", "items.create#2")] {
        let broken = filter(&hooks, json!({ member: true })).await.unwrap_err();
        assert_eq!(broken, Failure::Broken { handler: handler.to_owned() });
        let said = log.lines(&[&format!("hook=\"{handler}\"")]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("ERROR") && said[0].contains("a hook panicked"), "{said:?}");
    }
    assert_eq!(filter(&hooks, json!({ "a": 1 })).await, Ok(json!({ "a": 1 })));
}

#[tokio::test]
async fn a_time_limit_ends_who_takes_too_long() {
    let log = Log::start();
    let options = Options { time_limit: Duration::from_millis(20), ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.filter("items.create", async |payload: Payload, _, _| {
            if payload.has("slow") {
                std::future::pending::<()>().await;
            }
            Ok(payload)
        });
    });
    let broken = timeout(PATIENCE, filter(&hooks, json!({ "slow": 1 }))).await.expect("it ends").unwrap_err();
    assert_eq!(broken, Failure::Broken { handler: "items.create#1".to_owned() });
    assert_eq!(log.lines(&["ERROR", "took longer than 20ms", "hook=\"items.create#1\""]).len(), 1);
    assert_eq!(filter(&hooks, json!({})).await, Ok(json!({})));
}

#[tokio::test]
async fn zero_is_no_time_limit() {
    let options = Options { time_limit: Duration::ZERO, ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.filter("items.create", async |payload, _, _| {
            tokio::task::yield_now().await;
            Ok(payload)
        });
    });
    assert_eq!(filter(&hooks, json!({})).await, Ok(json!({})));
}

#[tokio::test]
async fn an_error_that_nobody_foresaw_is_shown_to_administrators_alone() {
    let log = Log::start();
    let hooks = hooks(|registry| {
        registry.filter("items.create", async |_: Payload, _: Meta, _: Context| Ok(broken_pipe()?.into()));
    });
    let refused = async |principal| {
        let context = on_behalf_of(&hooks, principal);
        match hooks.filter(&CREATE, json!({}), Meta::new(), &context).await {
            Err(Failure::Refused(error)) => (error.code, error.status, error.message),
            other => panic!("{other:?}"),
        }
    };
    let hidden = "An unexpected error occurred.";
    let code = "INTERNAL_SERVER_ERROR".to_owned();
    assert_eq!(refused(Principal::public()).await, (code.clone(), 500, hidden.to_owned()));
    assert_eq!(refused(Principal::admin()).await, (code, 500, "the pipe of Mr. Smith".to_owned()));
    assert_eq!(log.lines(&["ERROR", "the pipe of Mr. Smith", "hook=\"items.create#1\""]).len(), 2);
}

#[tokio::test]
async fn events_that_lead_to_themselves_are_stopped() {
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = rounds.clone();
    let options = Options { max_depth: 5, ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.filter("echo", move |payload: Payload, _: Meta, context: Context| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move { Ok(context.emitter().emit_filter("echo", payload.into_json(), Meta::new()).await?.into()) }
        });
    });
    let log = Log::start();
    let emitter = on_behalf_of(&hooks, Principal::public()).emitter();
    let error = emitter.emit_filter("echo", json!({}), Meta::new()).await.unwrap_err();
    assert_eq!(error.code, "INTERNAL_SERVER_ERROR");
    assert_eq!(rounds.load(Ordering::Relaxed), 5);
    assert_eq!(log.lines(&["ERROR", "echo > echo > echo > echo > echo > echo"]).len(), 1, "once, with its chain");
}

#[tokio::test]
async fn a_filter_of_ones_own_changes_and_refuses() {
    let hooks = hooks(|registry| {
        registry.filter("price.found", async |mut payload: Payload, meta: Meta, _| {
            if payload["cents"] == 0 {
                return Err(Error::unprocessable("nothing is free"));
            }
            payload.set("currency", meta.get("currency").cloned().unwrap_or_default());
            Ok(payload)
        });
    });
    let emitter = on_behalf_of(&hooks, Principal::public()).emitter();
    let emit = async |cents| {
        let meta = Meta::new().with("currency", "EUR");
        emitter.emit_filter("price.found", json!({ "cents": cents }), meta).await
    };
    assert_eq!(emit(5).await, Ok(json!({ "cents": 5, "currency": "EUR" })));
    assert_eq!(emit(0).await, Err(Error::unprocessable("nothing is free")));
    let meta = Meta::new();
    let error = emitter.emit_filter("items.create", json!({}), meta.clone()).await.unwrap_err();
    assert!(format!("{error:?}").contains("`items.create` is an event of the gateway itself"), "{error:?}");
    assert!(emitter.emit_action("news.items.delete", meta).await.is_err());
}
