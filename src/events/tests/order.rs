//! Every interleaving: tickets taken, commits published, given up, lost on the
//! way, in any order.

use futures_util::{FutureExt as _, future::BoxFuture};
use proptest::{prelude::*, sample::Index};

use super::{
    super::{sequence::Order, *},
    all, commit, events,
};

/// What happens next to one of the open numbers, or to none of them.
#[derive(Clone, Debug)]
enum Step {
    Take,
    /// With so many rows.
    Publish(Index, usize),
    /// The same, and nobody waits for it.
    PublishAndLeave(Index, usize),
    GiveUp(Index),
    Unknown(Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Take),
        3 => (any::<Index>(), 0_usize..4).prop_map(|(index, rows)| Step::Publish(index, rows)),
        1 => (any::<Index>(), 0_usize..4).prop_map(|(index, rows)| Step::PublishAndLeave(index, rows)),
        1 => any::<Index>().prop_map(Step::GiveUp),
        1 => any::<Index>().prop_map(Step::Unknown),
    ];
    prop::collection::vec(step, 0..80)
}

/// What became of a number.
#[derive(Clone, Debug)]
enum Fate {
    Open,
    Published(Vec<i64>),
    GivenUp,
    Unknown,
}

/// What the log must hold: the rows of all numbers before the first open one,
/// since the last of them that nobody knows about.
fn expected(fates: &[Fate]) -> (usize, Vec<i64>) {
    let (mut breaks, mut rows) = (0, Vec::new());
    for fate in fates {
        match fate {
            Fate::Open => break,
            Fate::Published(more) => rows.extend(more),
            Fate::GivenUp => {}
            Fate::Unknown => {
                breaks += 1;
                rows.clear();
            }
        }
    }
    (breaks, rows)
}

proptest! {
    #[test]
    fn numbers_are_handed_on_in_order_and_never_past_a_gap(
        count in 0_usize..40,
        outcomes in prop::collection::vec((any::<Index>(), any::<bool>()), 40),
    ) {
        let mut order = Order::default();
        let mut open: Vec<u64> = (0..count).map(|_| order.take()).collect();
        prop_assert!(open.iter().copied().eq(0..count as u64));
        let mut known = vec![None; count];
        let mut handed_on = Vec::new();
        for (index, committed) in outcomes.into_iter().take(count) {
            let number = open.remove(index.index(open.len()));
            known[number as usize] = Some(committed);
            handed_on.extend(order.resolve(number, committed.then_some(number)));
            let before_the_gap = known.iter().zip(0_u64..).take_while(|(fate, _)| fate.is_some());
            let expected: Vec<u64> =
                before_the_gap.filter(|(fate, _)| **fate == Some(true)).map(|(_, number)| number).collect();
            prop_assert_eq!(&handed_on, &expected);
        }
    }

    #[test]
    fn the_log_holds_what_was_committed_in_the_order_of_the_tickets(steps in steps()) {
        let events = events();
        let mut fates: Vec<Fate> = Vec::new();
        let mut open: Vec<(usize, Ticket)> = Vec::new();
        let mut waiting: Vec<(usize, BoxFuture<'static, Position>)> = Vec::new();
        let mut next = 0;
        let mut rows = |count: usize| -> Vec<i64> {
            next += count as i64;
            (next - count as i64..next).collect()
        };
        let first_epoch = events.log().head().epoch;
        for step in steps {
            let pick = |open: &mut Vec<(usize, Ticket)>, index: Index| {
                (!open.is_empty()).then(|| open.remove(index.index(open.len())))
            };
            match step {
                Step::Take => {
                    open.push((fates.len(), events.ticket()));
                    fates.push(Fate::Open);
                }
                Step::Publish(index, count) | Step::PublishAndLeave(index, count) => {
                    let Some((at, ticket)) = pick(&mut open, index) else { continue };
                    let rows = rows(count);
                    let published = ticket.publish(commit(rows.clone()));
                    fates[at] = Fate::Published(rows);
                    if matches!(step, Step::Publish(..)) {
                        waiting.push((at, published.boxed()));
                    }
                }
                Step::GiveUp(index) => {
                    let Some((at, ticket)) = pick(&mut open, index) else { continue };
                    drop(ticket);
                    fates[at] = Fate::GivenUp;
                }
                Step::Unknown(index) => {
                    let Some((at, ticket)) = pick(&mut open, index) else { continue };
                    ticket.unknown();
                    fates[at] = Fate::Unknown;
                }
            }
            let (breaks, rows) = expected(&fates);
            prop_assert_eq!(&all(&**events.log()), &rows);
            prop_assert_eq!(events.log().head().epoch - first_epoch, breaks as u64);
            // Who waits is told as soon as it is so, and no sooner.
            let mut still = Vec::new();
            for (at, mut published) in waiting {
                let is_in = !fates[..at].iter().any(|fate| matches!(fate, Fate::Open));
                match (&mut published).now_or_never() {
                    Some(position) => {
                        prop_assert!(is_in);
                        let (breaks, rows) = expected(&fates[..=at]);
                        let told = (position.epoch - first_epoch, position.offset);
                        prop_assert_eq!(told, (breaks as u64, rows.len() as u64));
                    }
                    None => {
                        prop_assert!(!is_in);
                        still.push((at, published));
                    }
                }
            }
            waiting = still;
        }
    }

    #[test]
    fn generations_move_on_with_each_commit_that_touches_a_table(
        commits in prop::collection::vec(prop::collection::vec(0_i64..3, 0..5), 0..10),
        unknown in any::<bool>(),
    ) {
        let events = events();
        let mut expected = [0; 3];
        for rows in commits {
            for (table, count) in expected.iter_mut().enumerate() {
                *count += u64::from(rows.contains(&(table as i64)));
            }
            let published = events.ticket().publish(commit(rows)).now_or_never();
            prop_assert!(published.is_some());
        }
        if unknown {
            events.ticket().unknown();
            expected.iter_mut().for_each(|count| *count += 1);
        }
        let generation = |table| events.generations().of(crate::catalog::TableId(table));
        prop_assert_eq!([0, 1, 2].map(generation), expected);
        prop_assert_eq!(generation(3), 0);
    }
}

#[test]
fn caches_learn_at_once_of_what_may_have_been_committed() {
    let events = events();
    let (first, second) = (events.ticket(), events.ticket());
    let begin = events.log().head();
    second.unknown();
    let generations = || [0, 1, 2].map(|table| events.generations().of(crate::catalog::TableId(table)));
    assert_eq!((generations(), events.log().head()), ([1; 3], begin), "the log waits for those before");
    drop(first);
    assert_eq!(generations(), [1; 3]);
    assert!(events.log().head().epoch > begin.epoch);
}

#[test]
fn a_panic_tells_nothing_about_a_commit() {
    let events = events();
    let (lost, next) = (events.ticket(), events.ticket());
    let published = next.publish(commit([1]));
    let begin = events.log().head();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _lost = lost;
        panic!("after the commit was sent");
    }));
    assert!(panic.is_err());
    let position = published.now_or_never().expect("nobody is before it any more");
    assert!(position.epoch > begin.epoch);
    assert_eq!(events.generations().of(crate::catalog::TableId(0)), 1);
    assert_eq!(all(&**events.log()), [1]);
}
