//! The way of one request: planner, engine, answer.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;

use super::{
    Allowed, Limits, Operations, Planner, Request, Response, SystemOptions, Timings,
    answer::{self, Problem},
    compile::Changes,
    planner::{Planned, Refusal},
    plans::Plan,
    system::Schemas,
    views::SchemaError,
};
use crate::{
    catalog::Catalog,
    clock::{Clock, Stopwatch},
    engine::{self, Engine, RootKind},
    permissions::Policy,
    principal::Principal,
    realtime::{self, Hub, Topic},
    tasks,
};

/// Answers GraphQL requests. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// What a request began.
#[derive(Debug)]
pub enum Opened {
    /// It was answered.
    Answered(Response),
    /// It was refused before it began.
    Refused(Response),
    /// Changes that can be followed.
    Changes(Topic),
}

/// A service, for what is a part of it.
pub(super) struct Behind(Weak<Inner>);

impl fmt::Debug for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behind").finish_non_exhaustive()
    }
}

impl Behind {
    /// The service, for as long as it answers.
    pub(super) fn service(&self) -> Option<Service> {
        self.0.upgrade().map(Service)
    }
}

struct Inner {
    engine: Engine,
    hub: Hub,
    planner: Planner,
    clock: Clock,
}

impl Service {
    /// A service over what a database is and what is allowed.
    pub fn new(engine: Engine, catalog: Arc<Catalog>, policy: Policy, limits: Limits, clock: Clock) -> Self {
        let hub = Hub::new(engine.clone(), realtime::Options::default());
        Self(Arc::new(Inner { engine, hub, planner: Planner::new(catalog, policy, limits), clock }))
    }

    /// The same engine's system collections, and what else there is beside them.
    #[must_use]
    pub fn of_the_system(&self, operations: SystemOptions, limits: Limits) -> Self {
        let (catalog, policy) = (operations.catalog.clone(), operations.policy.clone());
        let (engine, hub, clock) = (self.0.engine.clone(), self.0.hub.clone(), self.0.clock.clone());
        Self(Arc::new_cyclic(|this| {
            let schemas = Schemas { items: self.clone(), system: Behind(this.clone()) };
            let operations = Operations::new(operations, limits.introspection.then_some(schemas), limits.openapi);
            let planner = Planner::of_the_system(catalog, policy, limits, Arc::new(operations));
            Inner { engine, hub, planner, clock }
        }))
    }

    /// Answers one request. Dropping the future cancels its statements.
    pub async fn execute(&self, principal: &Principal, mut request: Request<'_>, allowed: Allowed) -> Response {
        let mut timings = Timings::default();
        let principal = &self.0.planner.renewed(principal);
        let variables = std::mem::take(&mut request.variables);
        let mut response = match self.planned(principal, &request, variables, allowed, &mut timings).await {
            Ok(planned) => {
                let caller = planned.caller(principal);
                let ran = self.0.run(&caller, &request, planned, allowed, &mut timings).await;
                ran.unwrap_or_else(|problems| answer::refused(&problems))
            }
            Err(problems) => answer::refused(&problems),
        };
        response.timings = timings;
        response
    }

    /// Answers one request, or says what it wants to follow.
    pub async fn open(&self, principal: &Principal, mut request: Request<'_>, allowed: Allowed) -> Opened {
        let mut timings = Timings::default();
        let rules = self.0.hub.rules();
        // A socket may have been opened long ago.
        let principal = &self.0.planner.renewed(principal);
        let variables = std::mem::take(&mut request.variables);
        let planned = self.planned(principal, &request, variables, allowed, &mut timings).await;
        let planned = match planned {
            Ok(planned) => planned,
            Err(problems) => return Opened::Refused(answer::refused(&problems)),
        };
        match planned.plan.roots.first().map(|root| &root.kind) {
            Some(RootKind::Changes(_) | RootKind::LiveAggregate(_)) => {
                let caller = planned.caller(principal);
                let Planned { plan, values, .. } = planned;
                let variables = self.0.variables(values, &caller);
                Opened::Changes(Topic { roots: plan, variables, caller, rules, after: None, write: answer::open })
            }
            _ => match self.0.run(&planned.caller(principal), &request, planned, allowed, &mut timings).await {
                Ok(response) => Opened::Answered(response),
                Err(problems) => Opened::Refused(answer::refused(&problems)),
            },
        }
    }

    async fn planned(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        variables: Map<String, Json>,
        allowed: Allowed,
        timings: &mut Timings,
    ) -> Result<Planned, Refusal> {
        if !is_large(&request.query, &variables) {
            return self.0.planner.plan(principal, request, variables, allowed, timings).await;
        }
        let (service, principal, runtime) = (self.clone(), principal.clone(), Handle::current());
        let request = request.clone().into_owned();
        let plan = move || {
            let mut timings = Timings::default();
            let planning = service.0.planner.plan(&principal, &request, variables, allowed, &mut timings);
            (runtime.block_on(planning), timings)
        };
        let (planned, spent) = Box::pin(tasks::aside(plan)).await.map_err(|error| {
            tracing::error!(%error, "a request was not planned");
            vec![Problem::internal()]
        })?;
        *timings = spent;
        planned
    }

    /// What a plan is run with, for somebody.
    pub(super) fn variables_of(&self, values: Vec<Option<Json>>, caller: &engine::Caller) -> engine::Variables {
        self.0.variables(values, caller)
    }

    /// Runs what was planned.
    pub(super) async fn run_as(
        &self,
        caller: &engine::Caller,
        request: &Request<'_>,
        planned: Planned,
        allowed: Allowed,
    ) -> Result<Response, Refusal> {
        self.0.run(caller, request, planned, allowed, &mut Timings::default()).await
    }

    /// Tells changes to those who follow them.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The fields of a collection that `principal` may see, and whether each is a
    /// column; `None` if there is no such collection for them.
    pub fn fields(&self, principal: &Principal, collection: &str) -> Option<Vec<(String, bool)>> {
        self.0.planner.fields(principal, collection)
    }

    /// Whether there is nothing at all that `principal` may do.
    pub fn refuses(&self, principal: &Principal) -> bool {
        self.0.planner.allows_nothing(principal)
    }

    /// What requests become before the database is asked.
    pub fn planner(&self) -> &Planner {
        &self.0.planner
    }

    /// What the fields do that no table answers, where there are any.
    pub fn operations(&self) -> Option<&Operations> {
        self.0.planner.operations()
    }

    /// The schema in the schema definition language, as `principal` sees it.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn sdl(&self, principal: &Principal) -> Result<String, SchemaError> {
        self.0.planner.sdl(principal)
    }
}

/// Whether others would wait while a request is planned.
fn is_large(query: &str, variables: &Map<String, Json>) -> bool {
    /// Each value takes about as long as so many bytes of text.
    const BYTES: usize = 16;
    fn take(left: &mut usize, bytes: usize) -> bool {
        let remains = left.checked_sub(bytes);
        *left = remains.unwrap_or_default();
        remains.is_some()
    }
    fn fits(left: &mut usize, json: &Json) -> bool {
        let within = match json {
            Json::Array(items) => items.iter().all(|item| fits(left, item)),
            Json::Object(members) => members.values().all(|member| fits(left, member)),
            Json::String(text) => take(left, text.len()),
            Json::Null | Json::Bool(_) | Json::Number(_) => true,
        };
        within && take(left, BYTES)
    }
    let mut left = tasks::LARGE;
    !(take(&mut left, query.len()) && variables.values().all(|value| fits(&mut left, value)))
}

impl Inner {
    fn variables(&self, values: Vec<Option<Json>>, caller: &engine::Caller) -> engine::Variables {
        let now_micros = self.clock.now_micros();
        engine::Variables { values: values.into(), now_micros, caller: caller.principal.clone() }
    }

    /// What hooks make of the root fields: another plan where they change one.
    async fn heard(
        &self,
        caller: &engine::Caller,
        request: &Request<'_>,
        allowed: Allowed,
        plan: Arc<Plan>,
        variables: &engine::Variables,
    ) -> Result<Arc<Plan>, Refusal> {
        let mut changes = Changes::new();
        for (at, root) in plan.roots.iter().enumerate() {
            let Some(asked) = &root.asked else { continue };
            match self.engine.filter_query(caller, asked, variables).await {
                Ok(None) => {}
                Ok(Some(Json::Object(query))) => drop(changes.insert(at, Ok(query))),
                Ok(Some(_)) => drop(changes.insert(at, Err(engine::Error::Invalid("a query is an object".to_owned())))),
                Err(error) => drop(changes.insert(at, Err(error))),
            }
        }
        if changes.is_empty() {
            return Ok(plan);
        }
        self.planner.changed(&caller.principal, request, allowed, &variables.values, &changes).await
    }

    async fn run(
        &self,
        caller: &engine::Caller,
        request: &Request<'_>,
        planned: Planned,
        allowed: Allowed,
        timings: &mut Timings,
    ) -> Result<Response, Refusal> {
        let Planned { plan, values, .. } = planned;
        let watch = Stopwatch::start();
        let variables = self.variables(values, caller);
        let answer = match plan.writes {
            // What most requests do not need is on the heap: the future of every
            // request has room for its largest branch, and is moved about.
            None => {
                let plan = match self.engine.filters_queries(&plan.roots) {
                    false => plan,
                    true => Box::pin(self.heard(caller, request, allowed, plan, &variables)).await?,
                };
                self.engine.read(caller, &plan.roots, &variables).await
            }
            Some(scope) => Box::pin(self.engine.write(caller, &plan.roots, scope, &variables)).await,
        };
        let response = answer::executed(answer);
        timings.sql = watch.elapsed();
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_large_by_its_texts_and_its_values() {
        let is_large = |query: &str, variables: Json| is_large(query, variables.as_object().expect("an object"));
        assert!(!is_large("{ a }", json!({})));
        assert!(!is_large("{ a }", json!({ "a": vec![0; 1_000], "b": { "c": "d" } })));
        assert!(is_large("{ a }", json!({ "a": vec![0; 10_000] })));
        assert!(is_large("{ a }", json!({ "a": [[{ "b": "x".repeat(tasks::LARGE) }]] })));
        assert!(is_large(&" ".repeat(tasks::LARGE + 1), json!({})));
    }
}
