//! Aggregates that are followed: computed anew when something that they look at
//! has changed, at most so many times a second, and told when they are others
//! than before. However many follow one, it is computed once.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Ended, Topic, class::Subscriber, group::run, queue::Next};
use crate::{
    catalog::{ColumnId, TableId},
    engine::{Engine, Error, LiveAggregateRoot},
    error_code::ErrorCode,
};

/// How long one that cannot be computed is left alone at least.
const RETRY: Duration = Duration::from_secs(1);

/// An aggregate that is followed.
#[derive(Debug)]
pub(super) struct Gauge {
    /// What two subscriptions share only if they are told the same.
    pub(super) name: String,
    /// The columns that it looks at, by table.
    pub(super) looks_at: BTreeMap<TableId, BTreeSet<ColumnId>>,
    /// Shortest time between two computations.
    pause: Duration,
    topic: Topic,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether something has changed since the last computation began.
    stale: bool,
    /// Whether somebody computes, or waits until that may be done again.
    busy: bool,
    /// What was told last.
    last: Option<Arc<[u8]>>,
    subscribers: Vec<Subscriber>,
}

impl Gauge {
    /// # Errors
    /// Why a client's value cannot be used.
    pub(super) fn new(engine: &Engine, topic: &Topic, root: &LiveAggregateRoot) -> Result<Self, Error> {
        let pause = Duration::from_secs(1).div_f64(root.per_second(&topic.variables)?);
        let of_caller = match engine.has_listeners(topic.roots.roots()) {
            // What hooks make of it may be another for each.
            true => format!("{:?}", topic.caller.principal),
            false => String::new(),
        };
        let (plan, fixed) = (Arc::as_ptr(&topic.roots).cast::<()>(), root.fixed(&topic.variables)?);
        let name = format!("{plan:p}:{pause:?}:{of_caller}:{fixed}");
        let (looks_at, topic, engine) = (root.looks_at.clone(), topic.clone(), engine.clone());
        Ok(Self { name, looks_at, pause, topic, engine, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of its subscriptions.
    pub(super) fn following(&self) -> usize {
        self.state().subscribers.len()
    }

    /// Takes a subscription in, and tells it how things stand.
    pub(super) fn add(self: &Arc<Self>, subscriber: Subscriber) {
        let last = {
            let mut state = self.state();
            if let Some(text) = &state.last {
                push(&subscriber, text.clone());
            }
            state.subscribers.push(subscriber);
            state.last.is_some()
        };
        if !last {
            self.compute();
        }
    }

    /// Takes a subscription out; whether none is left.
    pub(super) fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        state.subscribers.retain(|subscriber| subscriber.id != id);
        state.subscribers.is_empty()
    }

    /// Ends all subscriptions.
    pub(super) fn end(&self, ended: &Ended) {
        let subscribers = mem::take(&mut self.state().subscribers);
        for subscriber in subscribers {
            subscriber.queue.end(subscriber.tag, ended.clone());
        }
    }

    /// Something that it looks at has changed, or may have.
    pub(super) fn compute(self: &Arc<Self>) {
        {
            let mut state = self.state();
            state.stale = true;
            if mem::replace(&mut state.busy, true) {
                return;
            }
        }
        let gauge = self.clone();
        run(self.clone().keep_up(), move || {
            let message = "An unexpected error occurred.".to_owned();
            gauge.state().busy = false;
            gauge.end(&Ended::Failed { code: ErrorCode::InternalServerError, message });
        });
    }

    /// Computes until nothing has changed meanwhile.
    async fn keep_up(self: Arc<Self>) {
        loop {
            {
                let mut state = self.state();
                if !state.stale || state.subscribers.is_empty() {
                    state.busy = false;
                    return;
                }
                state.stale = false;
            }
            let is_well = self.tell().await;
            if !is_well {
                self.state().stale = true;
            }
            tokio::time::sleep(if is_well { self.pause } else { self.pause.max(RETRY) }).await;
        }
    }

    /// Computes it, and tells it if it is another than before; whether it could be
    /// computed.
    async fn tell(&self) -> bool {
        let computing = self.engine.live_aggregate(&self.topic.caller, self.topic.roots.roots(), &self.topic.variables);
        let answer = computing.await;
        let is_well = answer.errors.is_empty();
        let text: Arc<[u8]> = (self.topic.write)(answer).into();
        let mut state = self.state();
        if state.last.as_ref() != Some(&text) {
            state.subscribers.iter().for_each(|subscriber| push(subscriber, text.clone()));
            state.last = Some(text);
        }
        is_well
    }
}

/// Of what waits, only the newest counts.
fn push(subscriber: &Subscriber, text: Arc<[u8]>) {
    let next = Next { text, position: None, action: None, row: Arc::default() };
    subscriber.queue.push(subscriber.tag, next, subscriber.overflow);
}
