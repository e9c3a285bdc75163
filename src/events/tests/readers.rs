//! Many writers and many readers at once.

use std::sync::{Arc, Mutex};

use super::{super::*, commit, events, mark, start};
use crate::tasks;

const WRITERS: u64 = 16;
const TRANSACTIONS: u64 = 200;
const READERS: u64 = 6;

/// Numbers of a sequence of its own for each task.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }

    async fn dawdle(&mut self) {
        for _ in 0..self.roll(4) {
            tokio::task::yield_now().await;
        }
    }
}

/// The rows of a transaction: who wrote them in which of its transactions, and
/// their number in it.
fn rows(writer: u64, transaction: u64, count: u64) -> Vec<i64> {
    (0..count).map(|row| ((writer * TRANSACTIONS + transaction) * 4 + row) as i64).collect()
}

/// What was committed, by the number of its ticket.
type Committed = Arc<Mutex<Vec<(u64, Vec<i64>)>>>;

async fn write(events: Events, writer: u64, committed: Committed) {
    let mut dice = Dice::new(writer);
    for transaction in 0..TRANSACTIONS {
        let ticket = events.ticket();
        let number = ticket.number.expect("a ticket has a number");
        dice.dawdle().await;
        let rows = rows(writer, transaction, dice.roll(4));
        if dice.roll(5) == 0 {
            continue;
        }
        committed.lock().unwrap().push((number, rows.clone()));
        let count = rows.len() as u64;
        let published = ticket.publish(commit(rows));
        if dice.roll(3) == 0 {
            continue;
        }
        let position = published.await;
        assert!(position.offset >= count);
        let read = events.log().read_after(Position { offset: position.offset - count, ..position }, count as usize);
        let read = read.expect("everything is kept");
        assert_eq!(read.len() as u64, count, "whoever is told finds it there");
        assert!(read.iter().all(|event| mark(event) / 4 == (writer * TRANSACTIONS + transaction) as i64));
    }
}

/// Reads pages of any size until the last row has been seen, and waits by
/// listening where there is nothing to read.
async fn page(events: Events, reader: u64) -> Vec<i64> {
    let mut dice = Dice::new(1_000 + reader);
    let log = events.log();
    let mut subscriber = log.subscribe();
    let (mut seen, mut after) = (Vec::new(), start(&**log));
    while seen.last() != Some(&-1) {
        dice.dawdle().await;
        let page = log.read_after(after, 1 + dice.roll(40) as usize).expect("everything is kept");
        if page.is_empty() {
            // Who lags has something to read, too.
            let _ = subscriber.next().await;
        }
        for event in page {
            assert_eq!(event.position, Position { offset: after.offset + 1, ..after });
            after = event.position;
            seen.push(mark(&event));
        }
    }
    seen
}

/// Lives on what it hears, and reads only what it missed.
async fn listen(events: Events, reader: u64) -> Vec<i64> {
    let mut dice = Dice::new(2_000 + reader);
    let log = events.log();
    let mut subscriber = log.subscribe();
    let mut seen = log.read_after(start(&**log), usize::MAX).expect("everything is kept");
    let mut known = subscriber.position().offset;
    seen.retain(|event| event.position.offset <= known);
    while seen.last().is_none_or(|event| mark(event) != -1) {
        dice.dawdle().await;
        let more = match subscriber.next().await {
            Ok(heard) => heard.expect("the log is there").to_vec(),
            Err(lagged) => {
                assert_eq!(lagged.after.offset, known);
                log.read_after(lagged.after, usize::MAX).expect("everything is kept")
            }
        };
        for event in more {
            if event.position.offset <= known {
                // What was read is heard once more.
                continue;
            }
            known = event.position.offset;
            seen.push(event);
        }
    }
    seen.iter().map(|event| mark(event)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_reader_sees_every_event_once_and_in_the_order_of_the_tickets() {
    let events = events();
    let committed = Committed::default();
    let mut readers = Vec::new();
    for reader in 0..READERS {
        readers.push(tasks::spawn("page", page(events.clone(), reader)));
        readers.push(tasks::spawn("listen", listen(events.clone(), reader)));
    }
    let writers: Vec<_> =
        (0..WRITERS).map(|writer| tasks::spawn("write", write(events.clone(), writer, committed.clone()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    events.ticket().publish(commit([-1])).await;
    let mut committed = std::mem::take(&mut *committed.lock().unwrap());
    committed.sort_unstable();
    let expected: Vec<i64> = committed.into_iter().flat_map(|(_, rows)| rows).chain([-1]).collect();
    assert!(expected.len() > 1_000);
    for reader in readers {
        let seen = reader.await.unwrap();
        let differs = seen.iter().zip(&expected).position(|(seen, expected)| seen != expected);
        assert_eq!((seen.len(), differs), (expected.len(), None), "where they differ first");
    }
}
