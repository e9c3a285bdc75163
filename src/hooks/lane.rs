//! The way of actions: a bounded queue that loses nothing, taken in order by
//! one task that starts handlers and does not wait for them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{Context, Meta};

/// An event that waits for its handlers.
pub(super) struct Waiting {
    pub(super) names: Vec<String>,
    pub(super) meta: Meta,
    pub(super) context: Context,
    /// Its place in the queue; given back once its handlers were started. None
    /// for what actions do: waiting for room that only they can make, they
    /// would wait for ever.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Lane {
    places: Arc<Semaphore>,
    sender: mpsc::UnboundedSender<Waiting>,
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Waiting>>>,
    /// Events whose handlers have not all ended.
    pending: watch::Sender<usize>,
}

/// One event less, when it is dropped.
#[derive(Debug)]
pub(super) struct Pending(watch::Sender<usize>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Lane {
    /// A queue with room for so many events.
    pub(super) fn new(room: usize) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            places: Arc::new(Semaphore::new(room.clamp(1, Semaphore::MAX_PERMITS))),
            sender,
            receiver: Mutex::new(Some(receiver)),
            pending: watch::Sender::new(0),
        }
    }

    /// Puts an event at the end, as soon as there is room.
    pub(super) async fn push(&self, names: Vec<String>, meta: Meta, context: Context) {
        let place = match context.in_action() {
            true => None,
            // The semaphore is never closed.
            false => self.places.clone().acquire_owned().await.ok(),
        };
        self.pending.send_modify(|count| *count += 1);
        if self.sender.send(Waiting { names, meta, context, place }).is_err() {
            // Its receiver ends with the process.
            self.pending.send_modify(|count| *count -= 1);
        }
    }

    /// The other end, for whoever is the first to take it.
    pub(super) fn take(&self) -> Option<mpsc::UnboundedReceiver<Waiting>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Held as long as one event is worked on.
    pub(super) fn pending(&self) -> Pending {
        Pending(self.pending.clone())
    }

    /// Number of events that wait or are worked on.
    pub(super) fn count(&self) -> usize {
        *self.pending.borrow()
    }

    /// Resolves when nothing waits any more.
    pub(super) async fn idle(&self) {
        let mut pending = self.pending.subscribe();
        // The sender lives as long as this.
        let _ = pending.wait_for(|count| *count == 0).await;
    }
}
