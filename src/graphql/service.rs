//! The way of one request: document from the cache or parsed and validated,
//! variables coerced, plan from the cache or compiled, engine, answer.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{
    ServerError, dynamic,
    parser::{parse_query, types::OperationType},
};
use serde_json::{Map, Value as Json};

use super::{
    Allowed, Limits, Request, Response, Timings,
    answer::{self, Problem},
    compile,
    document::{self, Walk},
    introspection,
    limits::{self, Exceeded},
    plans::{Plan, Plans, Prepared},
    schema::{self, CheckOnly},
    types::{Inputs, Names, Types},
    variables::{self, Scope},
};
use crate::{
    catalog::Catalog,
    clock::{Clock, Stopwatch},
    engine::{self, Engine, RootKind},
    error_code::ErrorCode,
    permissions::{Access, Policy},
    principal::Principal,
};

/// Answers GraphQL requests. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

struct Inner {
    engine: Engine,
    catalog: Arc<Catalog>,
    names: Names,
    policy: Policy,
    limits: Limits,
    clock: Clock,
    plans: Plans,
    /// What each kind of caller may see, by the access's fingerprint.
    views: Mutex<HashMap<String, Arc<View>>>,
}

/// The schema as one kind of caller may see it.
struct View {
    /// Stands for the catalog and the access in the keys of caches.
    scope: u64,
    access: Access,
    schema: dynamic::Schema,
    inputs: Inputs,
}

impl View {
    fn types<'a>(&'a self, inner: &'a Inner) -> Types<'a> {
        Types { catalog: &inner.catalog, access: &self.access, names: &inner.names, inputs: &self.inputs }
    }
}

/// A request that cannot be executed.
type Refusal = Vec<Problem>;

impl Service {
    /// A service over what a database is and what is allowed.
    pub fn new(engine: Engine, catalog: Arc<Catalog>, policy: Policy, limits: Limits, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            engine,
            names: Names::new(&catalog),
            catalog,
            policy,
            plans: Plans::new(limits.plan_cache_bytes),
            limits,
            clock,
            views: Mutex::default(),
        }))
    }

    /// Answers one request. Dropping the future cancels its statements.
    pub async fn execute(&self, principal: &Principal, request: Request<'_>, allowed: Allowed) -> Response {
        let mut timings = Timings::default();
        let mut response = match self.0.execute(principal, &request, allowed, &mut timings).await {
            Ok(response) => response,
            Err(problems) => answer::refused(&problems),
        };
        response.timings = timings;
        response
    }

    /// The schema in the schema definition language, as `principal` sees it.
    pub fn sdl(&self, principal: &Principal) -> String {
        match self.0.view(principal) {
            Ok(view) => view.schema.sdl(),
            Err(_) => String::new(),
        }
    }
}

impl Inner {
    async fn execute(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        allowed: Allowed,
        timings: &mut Timings,
    ) -> Result<Response, Refusal> {
        let watch = Stopwatch::start();
        let view = self.view(principal)?;
        let prepared = self.prepared(&view, request).await?;
        timings.parse = watch.elapsed();
        let watch = Stopwatch::start();
        let values = variables::coerce_variables(&view.types(self), &prepared.definitions, &request.variables)
            .map_err(|messages| messages.into_iter().map(problem).collect::<Refusal>())?;
        let (known, key) = self.plans.plan(&prepared, &values);
        let plan = match known {
            Some(plan) => plan,
            None => {
                let plan = Arc::new(self.compile(&view, &prepared, request, allowed, &values).await?);
                self.plans.keep_plan(key, plan.clone());
                plan
            }
        };
        timings.plan = watch.elapsed();
        let watch = Stopwatch::start();
        let variables = engine::Variables { values: values.into(), now_micros: self.clock.now_micros() };
        let response = answer::executed(self.engine.read(&plan.roots, &variables).await);
        timings.sql = watch.elapsed();
        Ok(response)
    }

    fn view(&self, principal: &Principal) -> Result<Arc<View>, Refusal> {
        static NEXT_SCOPE: AtomicU64 = AtomicU64::new(0);
        let access = self.policy.access(principal, &self.catalog);
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = views.get(access.fingerprint()) {
            return Ok(view.clone());
        }
        let inputs = Inputs::default();
        let types = Types { catalog: &self.catalog, access: &access, names: &self.names, inputs: &inputs };
        let schema = schema::build(&types, self.limits.introspection).map_err(|error| {
            tracing::error!(%error, "the schema cannot be built");
            vec![Problem {
                message: "An unexpected error occurred.".to_owned(),
                code: Some(ErrorCode::InternalServerError),
                ..Problem::default()
            }]
        })?;
        let fingerprint = access.fingerprint().to_owned();
        let scope = NEXT_SCOPE.fetch_add(1, Ordering::Relaxed);
        let view = Arc::new(View { scope, access, schema, inputs });
        views.insert(fingerprint, view.clone());
        Ok(view)
    }

    /// The document, parsed and validated.
    async fn prepared(&self, view: &View, request: &Request<'_>) -> Result<Arc<Prepared>, Refusal> {
        let name = request.operation_name.as_deref();
        if let Some(prepared) = self.plans.document(view.scope, &request.query, name) {
            return Ok(prepared);
        }
        limits::check_tokens(&request.query, self.limits.tokens).map_err(exceeded)?;
        let document = parse_query(&request.query).map_err(|error| vec![syntax_problem(&error.into())])?;
        limits::check_fragments(&document).map_err(exceeded)?;
        // Without variables, so that what validation says is a property of the
        // document alone; values are judged by `variables`, every time.
        let mut checked = async_graphql::Request::new(String::new()).data(CheckOnly);
        checked.set_parsed_query(document.clone());
        checked.operation_name = name.map(str::to_owned);
        let response = view.schema.execute(checked).await;
        if !response.errors.is_empty() {
            return Err(response.errors.iter().map(validation_problem).collect());
        }
        limits::check_aliases(&document, self.limits.aliases).map_err(exceeded)?;
        let operation = document::operation(&document, name).map_err(|message| vec![problem(message)])?;
        let definitions: Vec<_> =
            operation.variable_definitions.iter().map(|definition| definition.node.clone()).collect();
        let names: Vec<String> = definitions.iter().map(|definition| definition.name.node.to_string()).collect();
        let roles = document::roles(&document, &names);
        let prepared = Arc::new(Prepared::new(document, name.map(str::to_owned), definitions, roles));
        self.plans.keep_document(view.scope, &request.query, name, prepared.clone());
        Ok(prepared)
    }

    async fn compile(
        &self,
        view: &View,
        prepared: &Prepared,
        request: &Request<'_>,
        allowed: Allowed,
        values: &[Option<Json>],
    ) -> Result<Plan, Refusal> {
        let name = prepared.operation_name.as_deref();
        let operation = document::operation(&prepared.document, name).map_err(|message| vec![problem(message)])?;
        check_kind(operation.ty, allowed)?;
        let types = view.types(self);
        let scope = Scope { names: &prepared.names, roles: &prepared.roles, values };
        let walk = Walk { document: &prepared.document, scope };
        let compiled = compile::compile(&types, walk, &self.limits, &operation.selection_set.node);
        let mut compiled = compiled.map_err(exceeded)?;
        let mut weight = 1024 + request.query.len() * 8;
        if !compiled.introspection.is_empty() {
            let answers = introspection::answers(&view.schema, walk, operation, &request.variables);
            let mut answers: Map<String, Json> =
                answers.await.map_err(|messages| messages.into_iter().map(problem).collect::<Refusal>())?;
            for at in compiled.introspection {
                let root = &mut compiled.roots[at];
                let text = answers.remove(&*root.key).unwrap_or_default().to_string();
                weight += text.len();
                root.kind = RootKind::Constant(text.into_bytes().into());
            }
        }
        Ok(Plan { roots: compiled.roots, weight: u32::try_from(weight).unwrap_or(u32::MAX) })
    }
}

fn check_kind(kind: OperationType, allowed: Allowed) -> Result<(), Refusal> {
    match (kind, allowed) {
        (OperationType::Query, _) => Ok(()),
        (_, Allowed::Queries) => Err(vec![Problem {
            message: "This operation cannot be sent with GET.".to_owned(),
            code: Some(ErrorCode::MethodNotAllowed),
            ..Problem::default()
        }]),
        (OperationType::Mutation | OperationType::Subscription, Allowed::All) => {
            Err(vec![problem(format!("The schema has no {kind} type."))])
        }
    }
}

fn problem(message: String) -> Problem {
    Problem { message, ..Problem::default() }
}

fn exceeded(exceeded: Exceeded) -> Refusal {
    vec![Problem {
        message: exceeded.message,
        code: Some(exceeded.code),
        detail: Some(("category", exceeded.category.to_owned())),
        ..Problem::default()
    }]
}

fn syntax_problem(error: &ServerError) -> Problem {
    // The parser draws the place in several lines, and ends with what it expected.
    let expected = error.message.lines().filter_map(|line| line.trim().strip_prefix("= ")).next_back();
    let message = format!("Syntax error: {}.", expected.unwrap_or(error.message.trim()));
    Problem { message, ..validation_problem(error) }
}

fn validation_problem(error: &ServerError) -> Problem {
    let locations = error.locations.iter().map(|at| (at.line, at.column)).collect();
    Problem { message: error.message.clone(), locations, ..Problem::default() }
}
