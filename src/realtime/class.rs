//! Subscriptions that are told the same: each text is made once, and who selects
//! what takes long keeps nobody else waiting.

use std::{
    collections::{BTreeMap, VecDeque},
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
    /// It is told what comes behind this; none if it joined where that does not
    /// matter.
    pub(super) from: Option<Position>,
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
    /// With how many had joined by then.
    pending: VecDeque<(u64, Told)>,
    /// Whether somebody is telling what was pending before.
    busy: bool,
    /// How many have joined.
    joined: u64,
    /// By their ids, with their numbers, the first being 1.
    subscribers: BTreeMap<u64, (u64, Subscriber)>,
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
        let mut state = self.state();
        state.joined += 1;
        let number = state.joined;
        state.subscribers.insert(subscriber.id, (number, subscriber));
    }

    /// Takes a subscription out; whether none is left.
    pub(super) fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        state.subscribers.remove(&id);
        state.subscribers.is_empty()
    }

    pub(super) fn end(&self, ended: &Ended) {
        let subscribers = {
            let mut state = self.state();
            state.pending.clear();
            mem::take(&mut state.subscribers)
        };
        for (_, subscriber) in subscribers.into_values() {
            subscriber.queue.end(subscriber.tag, ended.clone());
        }
    }

    /// Takes on changes, for those who have joined by now.
    pub(super) fn push(&self, told: &[Told]) {
        let mut state = self.state();
        let joined = state.joined;
        state.pending.extend(told.iter().map(|told| (joined, told.clone())));
    }

    /// Tells what is pending: at once where nothing must be read.
    pub(super) fn tell(self: &Arc<Self>) {
        let (is_busy, is_full) = {
            let mut state = self.state();
            (mem::replace(&mut state.busy, true), state.pending.len() > MAX_PENDING)
        };
        if is_busy {
            if is_full {
                self.end(&overrun());
            }
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
            let (joined, told): (Vec<u64>, Vec<Told>) = {
                let mut state = self.state();
                if state.subscribers.is_empty() {
                    state.pending.clear();
                }
                let count = state.pending.len().min(BURST);
                if count == 0 {
                    state.busy = false;
                    return;
                }
                let first = state.subscribers.values().map(|(_, subscriber)| subscriber.from).min().flatten();
                let is_new = |(_, told): &(u64, Told)| Some(told.event.position) > first;
                state.pending.drain(..count).filter(is_new).unzip()
            };
            let texts = texts(&self.engine, &self.topic, &told).await;
            let subscribers: Vec<_> = self.state().subscribers.values().cloned().collect();
            for ((joined, told), next) in joined.into_iter().zip(&told).zip(texts) {
                let Some(next) = next else { continue };
                let position = Some(told.event.position);
                let is_meant = |(number, of): &&(u64, Subscriber)| *number <= joined && position > of.from;
                for (_, subscriber) in subscribers.iter().filter(is_meant) {
                    subscriber.queue.push(subscriber.tag, next.clone(), subscriber.overflow);
                }
            }
            // Where there is more, connections get their turn: a large commit is no
            // sign of a client that does not read.
            if told.len() == BURST {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The texts of changes, for those who follow a topic; `None` for those that are
/// not told.
pub(super) async fn texts(engine: &Engine, topic: &Topic, told: &[Told]) -> Vec<Option<Next>> {
    let Some((root, changes)) = topic.root() else { return Vec::new() };
    let is_meant = |told: &Told| told.snapshot || changes.action.is_none_or(|action| action == told.event.action);
    let meant: Vec<Told> = told.iter().filter(|told| is_meant(told)).cloned().collect();
    if meant.is_empty() {
        return vec![None; told.len()];
    }
    let answers = engine.tell(root, changes, &topic.variables, &meant).await;
    let next = |(told, answer): (&Told, Option<_>)| {
        let text: Arc<[u8]> = (topic.write)(answer?).into();
        let position = told.is_resumable.then_some(told.event.position);
        let action = (!told.snapshot).then_some(told.event.action);
        Some(Next { text, position, action, row: Arc::new(told.event.key.clone()) })
    };
    let mut texts = meant.iter().zip(answers).map(next);
    told.iter().map(|told| is_meant(told).then(|| texts.next().flatten()).flatten()).collect()
}
