//! Subscriptions that are told the same: each text is made once, and who selects
//! what takes long keeps nobody else waiting.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Ended, Topic,
    group::{BURST, MAX_PENDING, overrun, run},
    queue::{Next, Queue, Tag},
};
use crate::{
    engine::{Engine, Overflow, Told},
    error_code::ErrorCode,
    events::Position,
};

/// One subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    /// Unique within the hub.
    pub(super) id: u64,
    /// It is told what comes behind this.
    pub(super) from: Position,
    pub(super) queue: Arc<Queue>,
    pub(super) tag: Tag,
    pub(super) overflow: Overflow,
}

/// Subscriptions of a group that are told the same.
#[derive(Debug)]
pub(super) struct Class {
    /// What two subscriptions of a group share only if they are told the same.
    pub(super) name: String,
    topic: Topic,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: VecDeque<Told>,
    /// Whether somebody is telling what was pending before.
    busy: bool,
    subscribers: Vec<Subscriber>,
}

impl Class {
    pub(super) fn new(engine: &Engine, name: String, topic: Topic) -> Arc<Self> {
        Arc::new(Self { name, topic, engine: engine.clone(), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn following(&self) -> usize {
        self.state().subscribers.len()
    }

    pub(super) fn add(&self, subscriber: Subscriber) {
        self.state().subscribers.push(subscriber);
    }

    /// Takes a subscription out; whether none is left.
    pub(super) fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        state.subscribers.retain(|subscriber| subscriber.id != id);
        state.subscribers.is_empty()
    }

    pub(super) fn end(&self, ended: &Ended) {
        let subscribers = {
            let mut state = self.state();
            state.pending.clear();
            mem::take(&mut state.subscribers)
        };
        for subscriber in subscribers {
            subscriber.queue.end(subscriber.tag, ended.clone());
        }
    }

    /// Takes on changes, and tells them: at once where nothing must be read.
    pub(super) fn push(self: &Arc<Self>, told: &[Told]) {
        let is_full = {
            let mut state = self.state();
            state.pending.extend(told.iter().cloned());
            state.pending.len() > MAX_PENDING
        };
        if is_full {
            return self.end(&overrun());
        }
        if mem::replace(&mut self.state().busy, true) {
            return;
        }
        let class = self.clone();
        run(self.clone().tell_all(), move || {
            class.state().busy = false;
            let message = "An unexpected error occurred.".to_owned();
            class.end(&Ended::Failed { code: ErrorCode::InternalServerError, message });
        });
    }

    async fn tell_all(self: Arc<Self>) {
        loop {
            let told: Vec<_> = {
                let mut state = self.state();
                let Some(first) = state.subscribers.iter().map(|subscriber| subscriber.from).min() else {
                    state.pending.clear();
                    state.busy = false;
                    return;
                };
                let count = state.pending.len().min(BURST);
                if count == 0 {
                    state.busy = false;
                    return;
                }
                state.pending.drain(..count).filter(|told| told.event.position > first).collect()
            };
            let texts = texts(&self.engine, &self.topic, &told).await;
            // Whoever joined meanwhile has a later beginning.
            let subscribers = self.state().subscribers.clone();
            for next in texts {
                for subscriber in subscribers.iter().filter(|subscriber| next.position > Some(subscriber.from)) {
                    subscriber.queue.push(subscriber.tag, next.clone(), subscriber.overflow);
                }
            }
        }
    }
}

/// The texts of changes, for those who follow a topic.
pub(super) async fn texts(engine: &Engine, topic: &Topic, told: &[Told]) -> Vec<Next> {
    let Some((root, changes)) = topic.root() else { return Vec::new() };
    let is_meant = |told: &&Told| told.snapshot || changes.action.is_none_or(|action| action == told.event.action);
    let told: Vec<Told> = told.iter().filter(is_meant).cloned().collect();
    if told.is_empty() {
        return Vec::new();
    }
    let answers = engine.tell(root, changes, &topic.variables, &told).await;
    let next = |(told, answer): (&Told, Option<_>)| {
        let text: Arc<[u8]> = (topic.write)(answer?).into();
        let position = told.is_resumable.then_some(told.event.position);
        let action = (!told.snapshot).then_some(told.event.action);
        Some(Next { text, position, action, row: Arc::new(told.event.key.clone()) })
    };
    told.iter().zip(answers).filter_map(next).collect()
}
