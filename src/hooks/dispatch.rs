//! Running handlers: one after another where they may refuse, beside each other
//! where they react, and none of them able to take the gateway along.

use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{FutureExt as _, join_all};
use serde_json::Value as Json;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    Action, Context, Environment, Error, Failure, Filter, Meta, Payload, Registry,
    bus::Listener,
    lane::{Lane, Waiting},
    schedule,
};
use crate::{clock::Clock, tasks};

/// What handlers are held to.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Longest run of one handler of an event; jobs have no limit. Zero means
    /// no limit for any.
    pub time_limit: Duration,
    /// Events that may wait for their actions; further writes wait. At least 1.
    pub queue: usize,
    /// Actions that run at a time. At least 1.
    pub concurrency: usize,
    /// How often events may lead to events.
    pub max_depth: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_limit: Duration::from_secs(30), queue: 10_000, concurrency: 100, max_depth: 16 }
    }
}

/// The handlers of a running gateway. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hooks(Option<Arc<Inner>>);

struct Inner {
    registry: Registry,
    options: Options,
    environment: Environment,
    lane: Lane,
    running: Arc<Semaphore>,
    stage: watch::Sender<Stage>,
    jobs: Mutex<Vec<JoinHandle<()>>>,
}

/// How far the gateway's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    /// Jobs begin no more; actions still run.
    Stopping,
    /// Nothing runs any more.
    Stopped,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Hooks(none)"),
            Some(inner) => fmt::Debug::fmt(&inner.registry, f),
        }
    }
}

impl Hooks {
    /// No handlers at all, at no cost.
    pub fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(registry: Registry, options: Options, environment: Environment) -> Self {
        Self(Some(Arc::new(Inner {
            registry,
            environment,
            lane: Lane::new(options.queue),
            running: Arc::new(Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            options,
            stage: watch::Sender::new(Stage::Running),
            jobs: Mutex::default(),
        })))
    }

    /// Whether nothing was registered for any event.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.registry.filters.is_empty() && inner.registry.actions.is_empty())
    }

    /// The environment that handlers see.
    pub fn environment(&self) -> &Environment {
        static NOTHING: std::sync::OnceLock<Environment> = std::sync::OnceLock::new();
        match &self.0 {
            Some(inner) => &inner.environment,
            None => NOTHING.get_or_init(Environment::default),
        }
    }

    /// Whether anybody filters one of these events.
    pub fn has_filter(&self, names: &[&str]) -> bool {
        let Some(inner) = self.0.as_ref().filter(|inner| !inner.registry.filters.is_empty()) else { return false };
        names.iter().any(|name| !inner.registry.filters.hearing(name).is_empty())
    }

    /// Whether anybody reacts to one of these events.
    pub fn has_action(&self, names: &[&str]) -> bool {
        let Some(inner) = self.0.as_ref().filter(|inner| !inner.registry.actions.is_empty()) else { return false };
        names.iter().any(|name| !inner.registry.actions.hearing(name).is_empty())
    }

    /// Lets a payload flow through the filters of an event, which may have
    /// several names: those of the first name come first.
    ///
    /// # Errors
    /// When a filter refuses, panics or takes too long.
    pub async fn filter(&self, names: &[&str], payload: Json, meta: Meta, context: &Context) -> Result<Json, Failure> {
        let Some(inner) = &self.0 else { return Ok(payload) };
        let mut payload = payload;
        for name in names {
            for listener in inner.registry.filters.hearing(name).iter() {
                let meta = meta.clone().with("event", *name);
                payload = inner.run_filter(listener, name, payload, meta, context).await?;
            }
        }
        Ok(payload)
    }

    /// Queues an event for whoever reacts to it, outside of any transaction;
    /// waits only while the queue is full.
    pub async fn act(&self, names: Vec<String>, meta: Meta, context: Context) {
        let listens = |name: &String| self.has_action(&[name]);
        if let Some(inner) = self.0.as_ref().filter(|_| names.iter().any(listens)) {
            inner.lane.push(names, meta, context).await;
        }
    }

    /// Runs the handlers of a point of the start, all at once, and waits for them.
    pub async fn init(&self, name: &str, meta: Meta, context: &Context) {
        let Some(inner) = &self.0 else { return };
        let hearing = inner.registry.inits.hearing(name);
        let runs = hearing.iter().map(async |listener| {
            let outcome = match context.within(name, &listener.name, inner.options.max_depth) {
                Ok(context) => {
                    let meta = meta.clone().with("event", name);
                    guarded(Duration::ZERO, || listener.handler.init(meta, context)).await
                }
                Err(error) => Ok(Err(error)),
            };
            if let Some(reason) = reason(outcome) {
                tracing::warn!(event = name, hook = listener.name, reason, "a hook failed at the start");
            }
        });
        join_all(runs).await;
    }

    /// Starts to run actions, if that was not done yet.
    pub fn start_actions(&self) {
        let Some(inner) = &self.0 else { return };
        if let Some(mut waiting) = inner.lane.take() {
            let inner = inner.clone();
            tasks::spawn("actions", async move {
                let mut stage = inner.stage.subscribe();
                loop {
                    tokio::select! {
                        Some(event) = waiting.recv() => inner.start_actions(event).await,
                        () = reached(&mut stage, Stage::Stopped) => return,
                    }
                }
            });
        }
    }

    /// Starts what runs beside requests: actions and jobs. To be called once.
    pub fn start(&self, clock: &Clock, context: &Context) {
        self.start_actions();
        let Some(inner) = &self.0 else { return };
        let mut jobs = inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for number in 0..inner.registry.jobs.len() {
            let run = inner.clone().run_job(number, clock.clone(), context.clone());
            jobs.push(tasks::spawn("job", run));
        }
    }

    /// Stops the jobs and waits until all actions have run, at most so long.
    /// Returns how many events and jobs were left, which is logged; jobs that
    /// still run are cut off.
    pub async fn drain(&self, grace: Duration) -> usize {
        let Some(inner) = &self.0 else { return 0 };
        inner.stage.send_replace(Stage::Stopping);
        let mut jobs = std::mem::take(&mut *inner.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async {
            inner.lane.idle().await;
            join_all(&mut jobs).await;
        };
        let outcome = timeout(grace, ended).await;
        inner.stage.send_replace(Stage::Stopped);
        if outcome.is_ok() {
            return 0;
        }
        let running = jobs.iter().filter(|job| !job.is_finished());
        let (events, jobs) = (inner.lane.count(), running.map(JoinHandle::abort).count());
        tracing::error!(events, jobs, "the gateway stops before its hooks have done their work");
        events + jobs
    }
}

impl Inner {
    async fn run_filter(
        &self,
        listener: &Listener<dyn Filter>,
        event: &str,
        payload: Json,
        meta: Meta,
        context: &Context,
    ) -> Result<Json, Failure> {
        let is_admin = context.principal().is_some_and(|principal| principal.admin);
        let context = context.within(event, &listener.name, self.options.max_depth);
        let context = context.map_err(|error| refused(error, is_admin, event, &listener.name))?;
        let payload = Payload::with_attributes(payload, meta.facts().clone());
        match guarded(self.options.time_limit, || listener.handler.filter(payload, meta, context)).await {
            Ok(Ok(payload)) => Ok(payload.into_json()),
            Ok(Err(error)) => Err(refused(error, is_admin, event, &listener.name)),
            Err(broken) => {
                tracing::error!(event, hook = listener.name, "a hook {broken}");
                Err(Failure::Broken { handler: listener.name.clone() })
            }
        }
    }

    /// Starts the handlers of an event in their order, each as soon as there is
    /// room for one more.
    async fn start_actions(self: &Arc<Self>, event: Waiting) {
        let Waiting { names, meta, context, place } = event;
        let pending = Arc::new(self.lane.pending());
        for name in names {
            for listener in self.registry.actions.hearing(&name).iter() {
                // The semaphore is never closed.
                let Ok(room) = self.running.clone().acquire_owned().await else { return };
                let (inner, listener, pending) = (self.clone(), listener.clone(), pending.clone());
                let (name, meta, context) = (name.clone(), meta.clone().with("event", name.as_str()), context.clone());
                tasks::spawn("action", async move {
                    inner.run_action(&listener, &name, meta, context).await;
                    drop((room, pending));
                });
            }
        }
        drop(place);
    }

    async fn run_action(&self, listener: &Listener<dyn Action>, event: &str, meta: Meta, context: Context) {
        let outcome = match context.within(event, &listener.name, self.options.max_depth) {
            Ok(context) => {
                let context = context.into_action();
                guarded(self.options.time_limit, || listener.handler.act(meta, context)).await
            }
            Err(error) => Ok(Err(error)),
        };
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => tracing::warn!(event, hook = listener.name, ?reason, "a hook failed"),
            Err(broken) => tracing::error!(event, hook = listener.name, "a hook {broken}"),
        }
    }

    /// Runs a job whenever it is due. It is awaited, so that it never overlaps
    /// with itself; runs that were due meanwhile are missed, and counted.
    async fn run_job(self: Arc<Self>, number: usize, clock: Clock, context: Context) {
        let job = &self.registry.jobs[number];
        let mut stage = self.stage.subscribe();
        while let Some(due) = job.schedule.next_after(clock.now_micros()) {
            tokio::select! {
                () = sleep(schedule::wait(clock.now_micros(), due)) => {}
                () = reached(&mut stage, Stage::Stopping) => return,
            }
            // Timers may be early by a little; the time must have come.
            if clock.now_micros() < due {
                continue;
            }
            let outcome = match context.within(&job.name, &job.name, self.options.max_depth) {
                Ok(context) => guarded(Duration::ZERO, || job.handler.run(context)).await,
                Err(error) => Ok(Err(error)),
            };
            if let Some(reason) = reason(outcome) {
                tracing::error!(hook = job.name, reason, "a scheduled job failed");
            }
            let missed = job.schedule.count_between(due, clock.now_micros());
            if missed > 0 {
                tracing::warn!(
                    hook = job.name,
                    missed,
                    "a scheduled job was still running, or the machine slept, when it was due"
                );
            }
        }
    }
}

async fn reached(stage: &mut watch::Receiver<Stage>, at_least: Stage) {
    // Its sender lives as long as the handlers.
    let _ = stage.wait_for(|stage| *stage >= at_least).await;
}

/// A handler's own error. What nobody foresaw is logged, and shown to
/// administrators alone.
fn refused(mut error: Error, is_admin: bool, event: &str, hook: &str) -> Failure {
    // Taken, so that nobody whom it passes on its way logs it again.
    if let Some(cause) = error.cause.take() {
        tracing::error!(event, hook, cause, "a hook failed");
        if is_admin {
            error.message = cause;
        }
    }
    Failure::Refused(error)
}

/// What a handler that is broken did.
#[derive(Debug)]
enum Broken {
    Panicked,
    TookTooLong(Duration),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked => f.write_str("panicked"),
            Self::TookTooLong(limit) => write!(f, "took longer than {limit:?}"),
        }
    }
}

/// Runs a handler for so long at most (zero: as long as it takes), and survives
/// its panics, also those before its first await.
async fn guarded<T, F: Future<Output = T>>(limit: Duration, run: impl FnOnce() -> F) -> Result<T, Broken> {
    let run = AssertUnwindSafe(async { run().await }).catch_unwind();
    let outcome = match limit.is_zero() {
        true => run.await,
        false => timeout(limit, run).await.map_err(|_| Broken::TookTooLong(limit))?,
    };
    outcome.map_err(|_| Broken::Panicked)
}

fn reason(outcome: Result<Result<(), Error>, Broken>) -> Option<String> {
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{error:?}")),
        Err(broken) => Some(broken.to_string()),
    }
}
