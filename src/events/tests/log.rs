//! What the ring keeps, what readers get of it, and what they are told when it
//! is not there any more.

use std::time::Duration;

use proptest::prelude::*;

use super::{super::*, BEGIN, all, change, commit, commit_at, log_with, marks, start};

fn options(max_events: usize, max_bytes: usize, max_age: Duration) -> Options {
    Options { max_events, max_bytes, max_age }
}

/// No limit but the one on the number of events.
fn of_events(max_events: usize) -> Options {
    options(max_events, usize::MAX, Duration::ZERO)
}

fn at(log: &MemoryLog, offset: u64) -> Position {
    Position { offset, ..log.head() }
}

fn reason(log: &MemoryLog, after: Position) -> GoneReason {
    log.read_after(after, 10).unwrap_err().reason
}

#[test]
fn the_newest_events_are_kept() {
    let (log, _) = log_with(of_events(3));
    for mark in 1..=5 {
        assert_eq!(log.append(commit([mark])), at(&log, mark as u64));
    }
    assert_eq!(marks(&log.read_after(at(&log, 2), 10).unwrap()), [3, 4, 5]);
    let gone = log.read_after(at(&log, 1), 10).unwrap_err();
    assert_eq!(gone, Gone { oldest: at(&log, 2), reason: GoneReason::Evicted });
    assert_eq!(marks(&log.read_after(gone.oldest, 10).unwrap()), [3, 4, 5]);
}

#[test]
fn memory_is_bounded() {
    let each = change(1).bytes();
    let (log, _) = log_with(options(usize::MAX, 2 * each, Duration::ZERO));
    log.append(commit([1, 2]));
    assert_eq!(all(&log), [1, 2]);
    log.append(commit([3]));
    assert_eq!(reason(&log, at(&log, 0)), GoneReason::Evicted);
    assert_eq!(marks(&log.read_after(at(&log, 1), 10).unwrap()), [2, 3]);
    // What was evicted does not count any more.
    for mark in 4..100 {
        log.append(commit([mark]));
        assert_eq!(marks(&log.read_after(at(&log, mark as u64 - 2), 10).unwrap()), [mark - 1, mark]);
    }
}

#[test]
fn events_grow_old() {
    let (log, clock) = log_with(options(usize::MAX, usize::MAX, Duration::from_secs(60)));
    log.append(commit_at(BEGIN, [1]));
    clock.advance(Duration::from_secs(30));
    log.append(commit_at(BEGIN + 30_000_000, [2]));
    clock.advance(Duration::from_secs(30));
    assert_eq!(all(&log), [1, 2], "an event of exactly that age is kept");
    clock.advance(Duration::from_micros(1));
    assert_eq!(reason(&log, at(&log, 0)), GoneReason::Evicted);
    assert_eq!(marks(&log.read_after(at(&log, 1), 10).unwrap()), [2]);
    // Without a commit since, the newest one grows old, too.
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(reason(&log, at(&log, 1)), GoneReason::Evicted);
    assert!(log.read_after(at(&log, 2), 10).unwrap().is_empty());
    assert_eq!(log.head(), at(&log, 2));
}

#[test]
fn the_newest_commit_is_kept_whatever_its_size() {
    for options in [of_events(2), options(usize::MAX, 1, Duration::ZERO)] {
        let (log, _) = log_with(options);
        log.append(commit([1]));
        log.append(commit([2, 3, 4, 5]));
        // However often it is read.
        for _ in 0..2 {
            assert_eq!(marks(&log.read_after(at(&log, 1), 10).unwrap()), [2, 3, 4, 5]);
            assert_eq!(reason(&log, at(&log, 0)), GoneReason::Evicted);
        }
    }
}

#[test]
fn a_log_may_keep_nothing() {
    for options in [of_events(0), options(usize::MAX, 0, Duration::ZERO)] {
        let (log, _) = log_with(options);
        let mut subscriber = log.subscribe();
        assert_eq!(log.append(commit([1, 2])).offset, 2);
        assert_eq!(reason(&log, at(&log, 1)), GoneReason::Evicted);
        assert!(log.read_after(log.head(), 10).unwrap().is_empty());
        let heard = now(subscriber.next()).unwrap().unwrap();
        assert_eq!(marks(&heard), [1, 2]);
    }
}

#[test]
fn nothing_changed_is_no_event() {
    let (log, _) = log_with(of_events(10));
    let mut subscriber = log.subscribe();
    assert_eq!(log.append(commit([])), at(&log, 0));
    log.append(commit([1]));
    assert_eq!(marks(&now(subscriber.next()).unwrap().unwrap()), [1]);
}

#[test]
fn pages_follow_one_another() {
    let (log, _) = log_with(of_events(100));
    log.append(commit([1, 2, 3]));
    log.append(commit([4]));
    log.append(commit([5, 6]));
    for size in 1..8 {
        let (mut read, mut after) = (Vec::new(), start(&log));
        loop {
            let page = log.read_after(after, size).unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.position;
            read.extend(page);
        }
        assert_eq!(marks(&read), [1, 2, 3, 4, 5, 6]);
        let offsets: Vec<u64> = read.iter().map(|event| event.position.offset).collect();
        assert_eq!(offsets, [1, 2, 3, 4, 5, 6]);
        let transactions: Vec<u64> = read.iter().map(|event| event.transaction.0).collect();
        assert_eq!(transactions, [1, 1, 1, 2, 3, 3]);
    }
    assert!(log.read_after(start(&log), 0).unwrap().is_empty());
}

#[test]
fn a_position_that_is_of_no_use_is_told_why() {
    let (log, _) = log_with(of_events(10));
    log.append(commit([1, 2]));
    assert_eq!(reason(&log, at(&log, 3)), GoneReason::Future);
    let other = |epoch| Position { epoch, offset: 0 };
    assert_eq!(reason(&log, other(log.head().epoch - 1)), GoneReason::OtherEpoch);
    assert_eq!(reason(&log, other(log.head().epoch + 1)), GoneReason::OtherEpoch);
    let gone = log.read_after(other(0), 10).unwrap_err();
    assert_eq!(marks(&log.read_after(gone.oldest, 10).unwrap()), [1, 2]);
}

#[test]
fn a_log_broken_off_goes_on_in_a_new_epoch() {
    let (log, clock) = log_with(of_events(10));
    assert_eq!(log.head().epoch, BEGIN as u64);
    log.append(commit([1]));
    let before = log.head();
    // Also when the clock stands still, or goes back.
    log.break_off();
    log.append(commit([2]));
    assert_eq!(reason(&log, before), GoneReason::OtherEpoch);
    assert!(log.head() > before);
    assert_eq!(all(&log), [2]);
    clock.advance(Duration::from_secs(1));
    log.break_off();
    assert_eq!(log.head(), Position { epoch: BEGIN as u64 + 1_000_000, offset: 0 });
    assert_eq!(all(&log), [0; 0]);
}

#[test]
fn who_listens_hears_each_commit_whole_and_in_order() {
    let (log, _) = log_with(of_events(2));
    log.append(commit([1]));
    let mut subscriber = log.subscribe();
    assert_eq!(subscriber.position(), at(&log, 1));
    log.append(commit([2, 3, 4]));
    log.append(commit([5]));
    assert_eq!(marks(&now(subscriber.next()).unwrap().unwrap()), [2, 3, 4]);
    assert_eq!(subscriber.position(), at(&log, 4));
    assert_eq!(marks(&now(subscriber.next()).unwrap().unwrap()), [5]);
    drop(log);
    assert!(now(subscriber.next()).unwrap().is_none());
}

#[test]
fn who_listens_too_slowly_learns_what_it_missed() {
    let (log, _) = log_with(of_events(usize::MAX));
    let mut subscriber = log.subscribe();
    log.append(commit([-1]));
    now(subscriber.next()).unwrap();
    for mark in 0..5_000 {
        log.append(commit([mark]));
    }
    let lagged = now(subscriber.next()).unwrap_err();
    assert_eq!(lagged.after, at(&log, 1));
    assert!(lagged.missed > 0);
    let missed = log.read_after(lagged.after, usize::try_from(lagged.missed).unwrap()).unwrap();
    let mut heard = marks(&missed);
    while heard.len() < 5_000 {
        heard.extend(marks(&now(subscriber.next()).unwrap().unwrap()));
    }
    assert!(heard.iter().copied().eq(0..5_000), "nothing is missing, nothing comes twice");
}

#[test]
fn who_listens_learns_at_once_that_the_log_was_broken_off() {
    let (log, _) = log_with(of_events(10));
    log.append(commit([1]));
    let mut subscriber = log.subscribe();
    let known = subscriber.position();
    log.break_off();
    let lagged = now(subscriber.next()).unwrap_err();
    assert_eq!(lagged.after, known);
    assert_eq!(reason(&log, lagged.after), GoneReason::OtherEpoch);
    assert_eq!(subscriber.position(), log.head());
    log.append(commit([2]));
    assert_eq!(marks(&now(subscriber.next()).unwrap().unwrap()), [2]);
}

/// What is there without waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    use futures_util::FutureExt as _;
    future.now_or_never().expect("nobody has to be waited for")
}

fn position() -> impl Strategy<Value = Position> {
    // Small numbers, too, so that epochs coincide.
    let number = || prop_oneof![0_u64..4, any::<u64>()];
    (number(), number()).prop_map(|(epoch, offset)| Position { epoch, offset })
}

proptest! {
    #[test]
    fn texts_of_positions_are_ordered_like_positions(one in position(), other in position()) {
        prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        prop_assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn whatever_is_no_position_is_refused(text in "[0-9a-fA-F+ -]{0,40}") {
        // What is read is what would be written.
        if let Ok(position) = text.parse::<Position>() {
            prop_assert_eq!(position.to_string(), text);
        }
    }

    /// A page of a log that evicts is what a list of everything says it is, or
    /// the reader is told.
    #[test]
    fn what_is_kept_is_the_end_of_everything(
        commits in prop::collection::vec(0_i64..4, 1..30),
        max_events in 0_usize..10,
        max_bytes in 0_usize..10,
        page in 1_usize..8,
    ) {
        let each = change(1).bytes();
        let (log, _) = log_with(options(max_events, max_bytes * each, Duration::ZERO));
        let mut everything = Vec::new();
        let mut newest = 0;
        for size in commits {
            let next = everything.len() as i64;
            log.append(commit(next..next + size));
            everything.extend(next..next + size);
            newest = if size > 0 { size as usize } else { newest };
        }
        let limit = max_events.min(max_bytes);
        let kept = if limit == 0 { 0 } else { limit.max(newest).min(everything.len()) };
        let oldest = everything.len() - kept;
        for offset in 0..=everything.len() {
            let expected: Result<Vec<i64>, u64> = match offset >= oldest {
                true => Ok(everything[offset..].iter().take(page).copied().collect()),
                false => Err(oldest as u64),
            };
            let read = log.read_after(at(&log, offset as u64), page);
            prop_assert_eq!(read.map(|events| marks(&events)).map_err(|gone| gone.oldest.offset), expected);
        }
    }
}
