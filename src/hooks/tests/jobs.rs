//! Jobs on a clock that stands until a test moves it on.

use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::clock::Clock;

const SECOND: i64 = 1_000_000;

/// A millisecond before a full second, so that nobody waits long for it.
fn nearly() -> Clock {
    Clock::fixed(1_800_000_000 * SECOND - 1_000)
}

/// Starts jobs and lets them see what time it is.
async fn start(hooks: &Hooks, clock: &Clock) {
    hooks.start(clock, &Context::default());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// What is told in time.
async fn next<T>(told: &mut mpsc::UnboundedReceiver<T>) -> T {
    timeout(PATIENCE, told.recv()).await.expect("it comes").expect("its sender lives")
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_not_before() {
    let (ran, mut runs) = mpsc::unbounded_channel();
    let hooks = hooks(|registry| {
        registry.schedule("@secondly", move |_: Context| {
            let told = ran.send(());
            async move { Ok(told?) }
        });
    });
    let clock = nearly();
    start(&hooks, &clock).await;
    assert!(runs.try_recv().is_err(), "its time has not come");
    clock.advance(Duration::from_millis(1));
    next(&mut runs).await;
    clock.advance(Duration::from_millis(999));
    assert!(runs.try_recv().is_err());
    clock.advance(Duration::from_millis(1));
    next(&mut runs).await;
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    clock.advance(Duration::from_secs(5));
    drop(hooks);
    assert!(runs.recv().await.is_none(), "it is gone");
}

#[tokio::test]
async fn a_job_never_overlaps_with_itself_and_what_it_misses_is_noted() {
    let log = Log::start();
    let gate = Arc::new(Semaphore::new(0));
    let (began, mut begun) = mpsc::unbounded_channel();
    let waits = gate.clone();
    let hooks = hooks(|registry| {
        registry.schedule_in("UTC", "* * * * * *", move |_: Context| {
            let (gate, told) = (waits.clone(), began.send(()));
            async move {
                gate.acquire().await?.forget();
                Ok(told?)
            }
        });
    });
    let clock = nearly();
    start(&hooks, &clock).await;
    clock.advance(Duration::from_millis(1));
    next(&mut begun).await;
    clock.advance(Duration::from_millis(3_500));
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(begun.try_recv().is_err(), "it runs already");
    assert_eq!(log.lines(&["missed"]).len(), 0);
    gate.add_permits(1);
    until(|| log.lines(&["WARN", "missed=3", "hook=\"* * * * * *#1\""]).len() == 1).await;
    clock.advance(Duration::from_millis(500));
    next(&mut begun).await;
    gate.add_permits(1);
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(log.lines(&["missed"]).len(), 1, "the last run missed nothing");
}

#[tokio::test]
async fn a_job_that_fails_or_panics_is_logged_and_runs_again() {
    let log = Log::start();
    let (ran, mut runs) = mpsc::unbounded_channel();
    let again = ran.clone();
    let hooks = hooks(|registry| {
        registry
            .schedule("@secondly", move |_: Context| {
                let told = ran.send("fails");
                async move {
                    told?;
                    broken_pipe().map(drop)
                }
            })
            .schedule("@secondly", move |_: Context| -> std::future::Ready<Result<(), Error>> {
                again.send("panics").expect("the test listens");
                panic!("a slip")
            });
    });
    let clock = nearly();
    start(&hooks, &clock).await;
    for step in [1, 1_000] {
        clock.advance(Duration::from_millis(step));
        let mut both = [next(&mut runs).await, next(&mut runs).await];
        both.sort_unstable();
        assert_eq!(both, ["fails", "panics"]);
    }
    assert_eq!(hooks.drain(PATIENCE).await, 0);
    assert_eq!(log.lines(&["ERROR", "@secondly#1", "the pipe of Mr. Smith"]).len(), 2);
    assert_eq!(log.lines(&["ERROR", "@secondly#2", "panicked"]).len(), 2);
}

#[tokio::test]
async fn a_job_that_does_not_end_is_cut_off_at_the_end() {
    let (ran, mut runs) = mpsc::unbounded_channel();
    let hooks = hooks(|registry| {
        registry.schedule("@secondly", move |_: Context| {
            let told = ran.send(());
            async move {
                told?;
                std::future::pending().await
            }
        });
    });
    let clock = nearly();
    start(&hooks, &clock).await;
    clock.advance(Duration::from_millis(1));
    next(&mut runs).await;
    let log = Log::start();
    assert_eq!(hooks.drain(Duration::from_millis(20)).await, 1);
    assert_eq!(log.lines(&["ERROR", "events=0", "jobs=1"]).len(), 1);
}
