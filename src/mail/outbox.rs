//! Letters on their way: written and sent beside whoever asked for them, a few at
//! a time, tried again where a server refuses for the moment, and waited for at
//! the end.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use lettre::message::Mailbox;
use tokio::{
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use super::{Error, Letter, Options, carrier::Carrier};
use crate::tasks;

/// Letters that may be on their way.
const PLACES: u32 = 10_000;
/// Letters that are worked on at a time.
const HANDS: usize = 4;
/// How many times longer each wait is than the last.
const LONGER: u32 = 4;

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    from: Mailbox,
    carrier: Option<Carrier>,
    verify: bool,
    attempts: u32,
    first_wait: Duration,
    places: Arc<Semaphore>,
    hands: Semaphore,
    stage: watch::Sender<Stage>,
}

/// How far its life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    /// What waits is tried a last time.
    Stopping,
    /// Nothing is tried any more.
    Stopped,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("carrier", &self.0.carrier.is_some()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Sends as options say.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let from = options.from.parse().map_err(|_| Error::From(options.from.clone()))?;
        let carrier = Carrier::new(&options.transport)?;
        Ok(Self::by(from, carrier, options))
    }

    fn by(from: Mailbox, carrier: Option<Carrier>, options: &Options) -> Self {
        Self(Arc::new(Inner {
            from,
            carrier,
            verify: options.verify,
            attempts: options.attempts,
            first_wait: options.first_wait,
            places: Arc::new(Semaphore::new(PLACES as usize)),
            hands: Semaphore::new(HANDS),
            stage: watch::Sender::new(Stage::Running),
        }))
    }

    /// Sends nothing.
    pub fn nowhere() -> Self {
        let nothing = Options::default();
        let from = nothing.from.parse().expect("the default is an address");
        Self::by(from, None, &nothing)
    }

    /// Whether there is anything that carries mail.
    pub fn is_usable(&self) -> bool {
        self.0.carrier.is_some()
    }

    /// Tries what carries mail, beside the caller; where it does not work, the log
    /// says why.
    pub fn verify(&self) {
        if !self.0.verify {
            return;
        }
        let inner = self.0.clone();
        self.run("verify", async move {
            let Some(carrier) = &inner.carrier else { return };
            tokio::select! {
                outcome = carrier.verify() => if let Err(failure) = outcome {
                    tracing::warn!(reason = failure.reason, "mail cannot be sent as things are");
                },
                () = inner.reached(Stage::Stopping) => {}
            }
        });
    }

    /// Has a letter written and sent; nobody waits for it, and what becomes of it
    /// is in the log. `what` says there which one it was.
    pub fn send(&self, what: &'static str, letter: impl Future<Output = Option<Letter>> + Send + 'static) {
        let inner = self.0.clone();
        self.run(what, async move { inner.send(what, letter).await });
    }

    fn run(&self, what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(place) = self.0.places.clone().try_acquire_owned() else {
            tracing::error!(mail = what, "too many mails are on their way; this one is not sent");
            return;
        };
        let inner = self.0.clone();
        tasks::spawn("mail", async move {
            tokio::select! {
                () = work => {}
                () = inner.reached(Stage::Stopped) => {}
            }
            drop(place);
        });
    }

    /// Waits until all letters are gone, at most so long; those that wait for
    /// another attempt have their last one now. What is left is logged and given up.
    pub async fn drain(&self, grace: Duration) {
        self.0.stage.send_replace(Stage::Stopping);
        let ended = timeout(grace, self.0.places.acquire_many(PLACES)).await.is_ok();
        self.0.stage.send_replace(Stage::Stopped);
        if !ended {
            let mails = PLACES as usize - self.0.places.available_permits();
            tracing::error!(mails, "the gateway stops before mails were sent");
        }
        if let Some(carrier) = &self.0.carrier {
            carrier.close().await;
        }
    }
}

impl Inner {
    async fn reached(&self, at_least: Stage) {
        // Its sender lives as long as this.
        let _ = self.stage.subscribe().wait_for(|stage| *stage >= at_least).await;
    }

    async fn send(&self, what: &'static str, letter: impl Future<Output = Option<Letter>>) {
        let message = {
            let _hand = self.hands.acquire().await;
            let Some(letter) = letter.await else { return };
            if self.carrier.is_none() {
                tracing::warn!(mail = what, "there is nothing that sends mail, so that this one is lost");
                return;
            }
            match letter.write(&self.from) {
                Ok(message) => message,
                Err(fault) => {
                    tracing::error!(mail = what, reason = %fault, "a mail cannot be written");
                    return;
                }
            }
        };
        let Some(carrier) = &self.carrier else { return };
        let mut wait = self.first_wait;
        for attempt in 1.. {
            let is_last = attempt >= self.attempts || *self.stage.borrow() >= Stage::Stopping;
            let outcome = {
                let _hand = self.hands.acquire().await;
                carrier.carry(&message).await
            };
            match outcome {
                Ok(()) => return tracing::info!(mail = what, attempt, "a mail was sent"),
                Err(failure) if is_last || failure.is_final => {
                    return tracing::error!(mail = what, attempt, reason = failure.reason, "a mail was not sent");
                }
                Err(failure) => {
                    tracing::warn!(mail = what, attempt, reason = failure.reason, "a mail is tried again later");
                }
            }
            tokio::select! {
                () = sleep(wait) => wait = wait.saturating_mul(LONGER),
                () = self.reached(Stage::Stopping) => {}
            }
        }
    }
}
