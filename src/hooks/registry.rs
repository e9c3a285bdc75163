//! What a program registers, before the gateway starts.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{
    Action, Context, Environment, Error, Filter, Hooks, Init, Job, Meta, Options, Payload,
    bus::{Bus, check_pattern},
    legacy::{self, Kind},
    schedule::{Schedule, Scheduled},
};

/// Handlers by what they listen to. Names of events may hold wildcards: `*` for
/// one segment, `**` for any number; names of the PHP era are understood
/// ([`legacy`]).
#[derive(Debug)]
pub struct Registry {
    pub(super) filters: Bus<dyn Filter>,
    pub(super) actions: Bus<dyn Action>,
    pub(super) inits: Bus<dyn Init>,
    pub(super) jobs: Vec<Scheduled>,
    problem: Option<BuildError>,
}

/// Something was registered that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A name that is none.
    #[error("`{name}` is no name of an event: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A schedule that is none.
    #[error("`{cron}` is no schedule: {reason}")]
    Schedule {
        /// The text.
        cron: String,
        /// Why.
        reason: String,
    },
}

impl Default for Registry {
    fn default() -> Self {
        Self { filters: Bus::new(), actions: Bus::new(), inits: Bus::new(), jobs: Vec::new(), problem: None }
    }
}

impl Registry {
    /// Registers a filter.
    pub fn filter(&mut self, name: &str, handler: impl Filter) -> &mut Self {
        let handler: Arc<dyn Filter> = Arc::new(handler);
        for (kind, pattern) in self.resolved(Kind::Filter, name) {
            match kind {
                Kind::Filter => self.filters.add(&pattern, handler.clone()),
                Kind::Action | Kind::Init => self.refuse(name, "it can be acted on but not filtered"),
            }
        }
        self
    }

    /// Registers an action.
    pub fn action(&mut self, name: &str, handler: impl Action) -> &mut Self {
        let handler: Arc<dyn Action> = Arc::new(handler);
        for (kind, pattern) in self.resolved(Kind::Action, name) {
            match kind {
                Kind::Action => self.actions.add(&pattern, handler.clone()),
                Kind::Filter => self.filters.add(&pattern, Arc::new(Watching(handler.clone()))),
                Kind::Init => self.inits.add(&pattern, Arc::new(Starting(handler.clone()))),
            }
        }
        self
    }

    /// Registers something for a point of the start.
    pub fn init(&mut self, name: &str, handler: impl Init) -> &mut Self {
        match check_pattern(name) {
            Ok(()) => self.inits.add(name, Arc::new(handler)),
            Err(reason) => self.refuse(name, reason),
        }
        self
    }

    /// Registers a job: a cron text of five fields, or six with seconds first,
    /// in the time zone of the process.
    pub fn schedule(&mut self, cron: &str, handler: impl Job) -> &mut Self {
        self.add_job(cron, None, Arc::new(handler))
    }

    /// As [`Self::schedule`], in a time zone by its IANA name.
    pub fn schedule_in(&mut self, zone: &str, cron: &str, handler: impl Job) -> &mut Self {
        self.add_job(cron, Some(zone), Arc::new(handler))
    }

    fn add_job(&mut self, cron: &str, zone: Option<&str>, handler: Arc<dyn Job>) -> &mut Self {
        match Schedule::parse(cron, zone) {
            Ok(schedule) => {
                let name = format!("{cron}#{}", self.jobs.len() + 1);
                self.jobs.push(Scheduled { name, schedule, handler });
            }
            Err(reason) => {
                self.problem.get_or_insert(BuildError::Schedule { cron: cron.to_owned(), reason });
            }
        }
        self
    }

    /// Freezes what was registered.
    ///
    /// # Errors
    /// The first thing that cannot be registered.
    pub fn build(self, options: Options, environment: Environment) -> Result<Hooks, BuildError> {
        match self.problem.clone() {
            Some(problem) => Err(problem),
            None => Ok(Hooks::new(self, options, environment)),
        }
    }

    fn resolved(&mut self, kind: Kind, name: &str) -> Vec<(Kind, String)> {
        if let Some(modern) = legacy::resolve(kind, name) {
            return modern;
        }
        match check_pattern(name) {
            Ok(()) => vec![(kind, name.to_owned())],
            Err(reason) => {
                self.refuse(name, reason);
                Vec::new()
            }
        }
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.problem.get_or_insert(BuildError::Name { name: name.to_owned(), reason: reason.to_owned() });
    }
}

/// An action of the PHP era that runs before the fact: it may refuse, but what
/// it makes of the payload is not looked at.
struct Watching(Arc<dyn Action>);

impl Filter for Watching {
    fn filter(&self, payload: Payload, meta: Meta, context: Context) -> BoxFuture<'_, Result<Payload, Error>> {
        async move {
            self.0.act(meta.with("payload", payload.data().clone()), context).await?;
            Ok(payload)
        }
        .boxed()
    }
}

/// An action of the PHP era for a point of the start.
struct Starting(Arc<dyn Action>);

impl Init for Starting {
    fn init(&self, meta: Meta, context: Context) -> BoxFuture<'_, Result<(), Error>> {
        self.0.act(meta, context)
    }
}
