//! The lane: started in order, nothing lost, nobody waited for.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::clock::Clock;

fn start(hooks: &Hooks) {
    hooks.start(&Clock::default(), &Context::default());
}

async fn act(hooks: &Hooks, name: &str, number: usize) {
    let context = on_behalf_of(hooks, Principal::public());
    hooks.act(vec![name.to_owned()], Meta::new().with("number", number), context).await;
}

fn number(meta: &Meta) -> usize {
    meta.get("number").and_then(Json::as_u64).expect("it has a number") as usize
}

#[tokio::test]
async fn handlers_are_started_in_the_order_of_events_and_of_each_event() {
    let record = Record::default();
    let note = |name: &'static str| {
        let record = record.clone();
        move |meta: Meta, _: Context| {
            record.note(format!("{name}{} {}", number(&meta), meta.event()));
            // Later ones need not wait for this to end.
            async {
                tokio::task::yield_now().await;
                Ok(())
            }
        }
    };
    let hooks = hooks(|registry| {
        registry.action("news.items.*", note("c")).action("items.*", note("b")).action("items.create", note("a"));
    });
    // What comes before the start waits for it.
    for number in 0..3 {
        let names = vec!["items.create".to_owned(), "news.items.create".to_owned()];
        hooks.act(names, Meta::new().with("number", number), Context::default()).await;
    }
    assert_eq!(record.all(), Vec::<String>::new());
    start(&hooks);
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    let expected = (0..3).flat_map(|number| {
        [format!("a{number} items.create"), format!("b{number} items.create"), format!("c{number} news.items.create")]
    });
    assert_eq!(record.all(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_queue_makes_writers_wait_and_loses_nothing() {
    const EVENTS: usize = 40;
    let gate = Arc::new(Semaphore::new(0));
    let (done, mut seen) = mpsc::unbounded_channel();
    let waits = gate.clone();
    let options = Options { queue: 2, concurrency: 1, ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.action("news", move |meta: Meta, _: Context| {
            let (gate, done) = (waits.clone(), done.clone());
            async move {
                gate.acquire().await?.forget();
                done.send(number(&meta))?;
                Ok(())
            }
        });
    });
    start(&hooks);
    let sent = Arc::new(AtomicUsize::new(0));
    let (pushing, counted) = (hooks.clone(), sent.clone());
    let writer = crate::tasks::spawn("writer", async move {
        for number in 0..EVENTS {
            act(&pushing, "news", number).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    // One runs, one waits for its turn to run, and two for a place: it is full,
    // however often everything else gets its turn.
    until(|| sent.load(Ordering::Relaxed) == 3).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sent.load(Ordering::Relaxed), 3);
    gate.add_permits(EVENTS);
    let mut numbers = Vec::new();
    while numbers.len() < EVENTS {
        numbers.push(timeout(PATIENCE, seen.recv()).await.expect("nothing is lost").unwrap());
    }
    assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    writer.await.unwrap();
}

#[tokio::test]
async fn what_actions_tell_needs_no_place() {
    const DEPTH: usize = 10;
    let reached = Arc::new(AtomicUsize::new(0));
    let deepest = reached.clone();
    let options = Options { queue: 1, concurrency: 1, ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.action("next", move |meta: Meta, context: Context| {
            let deepest = deepest.clone();
            async move {
                let number = number(&meta);
                deepest.fetch_max(number, Ordering::Relaxed);
                // More of them than there is room for.
                for _ in 0..if number < DEPTH { 2 } else { 0 } {
                    context.emitter().emit_action("next", Meta::new().with("number", number + 1)).await?;
                }
                Ok(())
            }
        });
    });
    start(&hooks);
    act(&hooks, "next", 0).await;
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(reached.load(Ordering::Relaxed), DEPTH);
}

#[tokio::test]
async fn what_is_told_within_a_transaction_needs_no_place() {
    let options = Options { queue: 1, ..Options::default() };
    let record = Record::default();
    let noted = record.clone();
    let hooks = hooks_with(options, |registry| {
        registry.action("news", move |_: Meta, context: Context| {
            noted.note(format!("in a transaction: {}", context.in_transaction()));
            async { Ok(()) }
        });
    });
    let within = Context::default().with_scope(Arc::new(()));
    for _ in 0..3 {
        let told = hooks.act(vec!["news".to_owned()], Meta::new(), within.clone());
        timeout(PATIENCE, told).await.expect("nothing is waited for, though nothing is started yet");
    }
    start(&hooks);
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(record.all(), ["in a transaction: false"; 3]);
}

#[tokio::test]
async fn mishaps_are_logged_by_name_and_others_go_on() {
    let log = Log::start();
    let record = Record::default();
    let noted = record.clone();
    let options = Options { time_limit: Duration::from_millis(20), ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry
            .action("news", async |_, _| Err(Error::new("NO", 400, "Not today.")))
            .action("news", |_: Meta, _: Context| -> std::future::Ready<Result<(), Error>> { panic!("early") })
            .action("news", async |_, _| panic!("late"))
            .action("news", async |_, _| {
                std::future::pending::<()>().await;
                Ok(())
            })
            .action("news", async |_: Meta, _: Context| broken_pipe().map(drop))
            .action("news", move |_: Meta, _: Context| {
                noted.note("the last");
                async { Ok(()) }
            });
    });
    start(&hooks);
    act(&hooks, "news", 0).await;
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(record.all(), ["the last"]);
    for (number, level, said) in [
        (1, "WARN", "NO: Not today."),
        (2, "ERROR", "a hook panicked"),
        (3, "ERROR", "a hook panicked"),
        (4, "ERROR", "a hook took longer than 20ms"),
        (5, "WARN", "INTERNAL_SERVER_ERROR: the pipe of Mr. Smith"),
    ] {
        let name = format!("hook=\"news#{number}\"");
        let lines = log.lines(&[&name]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(level) && lines[0].contains(said), "{lines:?}");
    }
}

#[tokio::test]
async fn an_event_that_leads_to_itself_is_stopped_and_reported() {
    let log = Log::start();
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = rounds.clone();
    let options = Options { max_depth: 3, ..Options::default() };
    let hooks = hooks_with(options, |registry| {
        registry.action("echo", move |_: Meta, context: Context| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move { context.emitter().emit_action("echo", Meta::new()).await }
        });
    });
    start(&hooks);
    act(&hooks, "echo", 0).await;
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(rounds.load(Ordering::Relaxed), 3);
    assert_eq!(log.lines(&["WARN", "in a circle: echo > echo > echo > echo"]).len(), 1);
}

#[tokio::test]
async fn who_stops_waits_for_what_was_told() {
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let hooks = hooks(|registry| {
        registry.action("news", move |_: Meta, _: Context| {
            let gate = waits.clone();
            async move {
                gate.acquire().await?.forget();
                Ok(())
            }
        });
    });
    start(&hooks);
    for number in 0..3 {
        act(&hooks, "news", number).await;
    }
    let log = Log::start();
    assert_eq!(hooks.drain(Duration::from_millis(20)).await, 3, "the time is over before they are");
    assert_eq!(log.lines(&["ERROR", "events=3"]).len(), 1);
    let stopping = hooks.clone();
    let drained = crate::tasks::spawn("drain", async move { stopping.drain(PATIENCE).await });
    tokio::task::yield_now().await;
    assert!(!drained.is_finished());
    gate.add_permits(3);
    assert_eq!(drained.await.unwrap(), 0);
}

#[tokio::test]
async fn points_of_the_start_are_waited_for_and_survive_their_handlers() {
    let log = Log::start();
    let record = Record::default();
    let note = |name: &'static str| {
        let record = record.clone();
        move |meta: Meta, _: Context| {
            let record = record.clone();
            async move {
                tokio::task::yield_now().await;
                record.note(format!("{name} {}", meta.event()));
                Ok(())
            }
        }
    };
    let hooks = hooks(|registry| {
        registry
            .init("app.before", note("a"))
            .init("app.before", async |_, _| Err(Error::unexpected("no disk")))
            .init("app.before", |_: Meta, _: Context| -> std::future::Ready<Result<(), Error>> { panic!("early") })
            .init("app.*", note("b"))
            .action("application.boot", note("c"))
            .init("app.after", note("x"));
    });
    hooks.init("app.before", Meta::new(), &Context::default()).await;
    let mut met = record.all();
    met.sort();
    assert_eq!(met, ["a app.before", "b app.before", "c app.before"]);
    assert_eq!(log.lines(&["WARN", "app.before#2", "no disk"]).len(), 1);
    assert_eq!(log.lines(&["WARN", "app.before#3", "panicked"]).len(), 1);
}
