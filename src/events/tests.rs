//! The log and what comes into it: limits, positions, pages, and every order
//! in which transactions can end, held against models that are too simple to
//! be wrong.

mod change;
mod log;
mod order;
mod readers;

use std::sync::Arc;

use super::{Action, Change, ChangeEvent, Commit, EventLog, Events, MemoryLog, Options, Position};
use crate::{catalog::TableId, clock::Clock, principal::Principal, value::Key};

/// When the clocks of these tests begin.
const BEGIN: i64 = 1_700_000_000_000_000;

/// A change of row `mark` in one of some tables.
fn change(mark: i64) -> Change {
    Change {
        collection: "articles".into(),
        table: TableId(mark.rem_euclid(3) as u32),
        action: Action::Create,
        key: vec![Key::Int(mark)],
        before: None,
        after: None,
        changed: Arc::default(),
    }
}

/// A commit of some rows at a time.
fn commit_at(at_micros: i64, marks: impl IntoIterator<Item = i64>) -> Commit {
    let changes = marks.into_iter().map(change).collect();
    Commit { changes, touched: Vec::new(), by: Arc::new(Principal::admin()), at_micros }
}

fn commit(marks: impl IntoIterator<Item = i64>) -> Commit {
    commit_at(BEGIN, marks)
}

fn log_with(options: Options) -> (MemoryLog, Clock) {
    let clock = Clock::fixed(BEGIN);
    (MemoryLog::new(options, clock.clone()), clock)
}

/// Events into a log that keeps everything.
fn events() -> Events {
    let (log, _) = log_with(Options { max_events: usize::MAX, ..Options::default() });
    Events::new(Arc::new(log), 3)
}

fn start(log: &dyn EventLog) -> Position {
    Position { offset: 0, ..log.head() }
}

fn mark(event: &ChangeEvent) -> i64 {
    match event.key[..] {
        [Key::Int(mark)] => mark,
        ref other => panic!("not a key of these tests: {other:?}"),
    }
}

fn marks(events: &[Arc<ChangeEvent>]) -> Vec<i64> {
    events.iter().map(|event| mark(event)).collect()
}

/// The marks of all events of the epoch.
fn all(log: &dyn EventLog) -> Vec<i64> {
    marks(&log.read_after(start(log), usize::MAX).unwrap())
}
