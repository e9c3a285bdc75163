//! What has changed: every committed change is one event with a position in
//! one log, which caches, subscriptions and other readers live on.
//!
//! It knows nothing of who writes or reads, and asks no database.

mod change;
mod generations;
mod log;
mod position;
mod sequence;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::principal::Principal;

use self::sequence::Sequencer;
pub use self::{
    change::{Action, Change, ChangeEvent, Commit, RowImage, TransactionId},
    generations::Generations,
    log::{EventLog, Gone, GoneReason, Lagged, MemoryLog, Options, Subscriber},
    position::Position,
};

/// Where commits are published. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Arc<dyn EventLog>,
    generations: Generations,
    sequencer: Sequencer<Published>,
}

/// Commits on their way into the log.
#[derive(Debug)]
enum Published {
    Commits(Vec<Commit>, oneshot::Sender<Position>),
    /// Nobody knows whether it was committed.
    Unknown,
}

impl Events {
    /// Publishes into `log`; `tables` is the number of tables of the catalog.
    pub fn new(log: Arc<dyn EventLog>, tables: usize) -> Self {
        Self(Arc::new(Shared { log, generations: Generations::new(tables), sequencer: Sequencer::default() }))
    }

    /// A place among the commits. To be taken when a transaction holds all its
    /// locks, immediately before its commit is sent: whoever conflicts with it
    /// gets no further before that, and so a later place.
    pub fn ticket(&self) -> Ticket {
        Ticket { number: Some(self.0.sequencer.take()), events: self.clone() }
    }

    /// Resolves once everything is in the log that has been committed by now; to
    /// the position behind it.
    pub fn settled(&self) -> impl Future<Output = Position> + use<> {
        let nothing =
            Commit { changes: Vec::new(), touched: Vec::new(), by: Arc::new(Principal::public()), at_micros: 0 };
        self.ticket().publish(nothing)
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.0.log
    }

    /// How often each table has changed.
    pub fn generations(&self) -> &Generations {
        &self.0.generations
    }

    fn resolve(&self, number: u64, outcome: Option<Published>) {
        self.0.sequencer.resolve(number, outcome, |published| match published {
            Published::Commits(commits, done) => {
                for commit in &commits {
                    let changed = commit.changes.iter().map(|change| change.table);
                    self.0.generations.advance(changed.chain(commit.touched.iter().copied()));
                }
                let appended = commits.into_iter().map(|commit| self.0.log.append(commit)).last();
                // Who no longer waits for it does not need to know.
                let _ = done.send(appended.unwrap_or_else(|| self.0.log.head()));
            }
            Published::Unknown => self.0.log.break_off(),
        });
    }

    fn resolve_unknown(&self, number: u64) {
        // Whatever may have changed has, for caches; and the writer is answered
        // now, whatever its place in the log waits for.
        self.0.generations.advance_all();
        self.resolve(number, Some(Published::Unknown));
    }
}

/// A place among the commits. Dropping it gives it up: nothing was committed.
/// Dropped by a panic it is [`Ticket::unknown`], for the commit may have been sent.
#[derive(Debug)]
#[must_use = "dropping it says that nothing was committed"]
pub struct Ticket {
    number: Option<u64>,
    events: Events,
}

impl Ticket {
    /// The transaction was committed: its changes become events once all before
    /// it have, whether anybody waits for that or not. The future resolves to the
    /// position of the last of them.
    pub fn publish(self, commit: Commit) -> impl Future<Output = Position> + use<> {
        self.publish_all(vec![commit])
    }

    /// The same for a transaction that several shared: each its own commit.
    //
    // Not an `async fn`, which would do nothing before it is polled.
    pub fn publish_all(mut self, commits: Vec<Commit>) -> impl Future<Output = Position> + use<> {
        let (done, appended) = oneshot::channel();
        if let Some(number) = self.number.take() {
            self.events.resolve(number, Some(Published::Commits(commits, done)));
        }
        async move {
            match appended.await {
                Ok(position) => position,
                // The sender is only dropped by a panic while appending.
                Err(_) => self.events.log().head(),
            }
        }
    }

    /// The connection broke while the commit was under way. Nothing can be
    /// published, and nobody must believe that nothing is missing: the log goes
    /// on in a new epoch.
    pub fn unknown(mut self) {
        if let Some(number) = self.number.take() {
            self.events.resolve_unknown(number);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(number) = self.number.take() else { return };
        if std::thread::panicking() {
            self.events.resolve_unknown(number);
        } else {
            self.events.resolve(number, None);
        }
    }
}

#[cfg(test)]
mod tests;
