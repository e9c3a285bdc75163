//! From a request to a plan: document from the cache or parsed and validated,
//! variables coerced, plan from the cache or compiled. Needs no database.

use std::{fmt, sync::Arc};

use async_graphql::{
    ServerError, dynamic,
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationType},
    },
};
use serde_json::{Map, Value as Json};

use super::{
    Allowed, Limits, Request, Scope, Timings,
    answer::Problem,
    compile::{self, Changes, Note},
    document::{self, Walk},
    introspection, lexical,
    limits::{self, Exceeded},
    mutations::TRANSACTION_SDL,
    overlap,
    part::{self, Part},
    plans::{Plan, Plans, Prepared},
    rules,
    schema::{self, CheckOnly},
    system::{self, Operations},
    types::{Names, Types},
    variables,
    views::{SchemaError, View, Views},
};
use crate::{
    catalog::{Catalog, Field, FieldKind},
    clock::Stopwatch,
    engine::{self, Error, Root, RootKind, TransactionScope},
    error_code::ErrorCode,
    permissions::{Access, Policy},
    principal::Principal,
};

/// Turns requests into plans.
pub struct Planner {
    catalog: Arc<Catalog>,
    names: Names,
    scope: Scope,
    operations: Option<Arc<Operations>>,
    policy: Policy,
    limits: Limits,
    plans: Plans,
    views: Views,
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").finish_non_exhaustive()
    }
}

impl View {
    fn types<'a>(&'a self, planner: &'a Planner) -> Types<'a> {
        Types {
            catalog: &planner.catalog,
            access: &self.access,
            scope: planner.scope,
            operations: planner.operations.as_ref(),
            names: &planner.names,
            inputs: &self.inputs,
        }
    }
}

/// A request that cannot be executed.
pub(super) type Refusal = Vec<Problem>;

/// A plan with the values that it is run with.
pub(super) struct Planned {
    pub(super) plan: Arc<Plan>,
    pub(super) values: Vec<Option<Json>>,
    /// What the caller may do.
    pub(super) access: Access,
}

impl Planned {
    /// Whom it is run for.
    pub(super) fn caller(&self, principal: &Principal) -> engine::Caller {
        engine::Caller::new(Arc::new(principal.clone()), self.access.clone())
    }
}

impl Planner {
    /// A planner over what a database is and what is allowed.
    pub fn new(catalog: Arc<Catalog>, policy: Policy, limits: Limits) -> Self {
        Self {
            names: Names::new(&catalog),
            scope: Scope::Items,
            operations: None,
            catalog,
            policy,
            plans: Plans::new(limits.plan_cache_bytes),
            limits,
            views: Views::new(limits.schema_cache_bytes),
        }
    }

    /// A planner of the system's collections, and of what else there is beside them.
    pub fn of_the_system(catalog: Arc<Catalog>, policy: Policy, limits: Limits, operations: Arc<Operations>) -> Self {
        let planner = Self::new(catalog, policy, limits);
        Self { scope: Scope::System, operations: Some(operations), ..planner }
    }

    /// What the fields do that no table answers.
    pub(super) fn operations(&self) -> Option<&Operations> {
        self.operations.as_deref()
    }

    /// Whether what it makes may hold passwords, so that nothing of it is kept.
    fn is_secret(&self, operation: OperationType) -> bool {
        self.scope == Scope::System && operation == OperationType::Mutation
    }

    /// The texts of the statements that a request is answered with, those of
    /// each root field from the top down.
    ///
    /// # Errors
    /// The messages of what is wrong with the request.
    pub async fn explain(&self, principal: &Principal, request: &Request<'_>) -> Result<Vec<String>, Vec<String>> {
        let noted = self.noted(principal, request, request.variables.clone(), Allowed::All).await;
        let (planned, notes) =
            noted.map_err(|problems| problems.into_iter().map(|it| it.message).collect::<Vec<_>>())?;
        for root in &planned.plan.roots {
            if let RootKind::Failed(error) = &root.kind {
                return Err(vec![error.to_string()]);
            }
        }
        Ok(notes.into_iter().filter_map(|note| note.statement).collect())
    }

    /// The schema in the schema definition language, as `principal` sees it.
    /// It is built here if nobody asked for it yet.
    ///
    /// # Errors
    /// Why it cannot be built.
    pub fn sdl(&self, principal: &Principal) -> Result<String, SchemaError> {
        let schema = self.whole(&self.view(principal))?;
        let mut text = schema.sdl();
        if schema.registry().mutation_type.is_some() {
            text.push_str(TRANSACTION_SDL);
        }
        Ok(text)
    }

    /// The fields of a collection that `principal` may see, and whether each is a
    /// column; `None` if there is no such collection for them.
    pub fn fields(&self, principal: &Principal, collection: &str) -> Option<Vec<(String, bool)>> {
        let view = self.view(principal);
        let types = view.types(self);
        let table = types.tables().find(|table| table.collection == collection)?;
        let is_column = |field: &Field| matches!(types.kind(field), FieldKind::Column(_));
        Some(types.fields(table).map(|field| (field.name.clone(), is_column(field))).collect())
    }

    /// What the schemas take that are kept for documents to be held against, in
    /// bytes, roughly.
    pub fn schema_bytes(&self) -> u64 {
        self.views.schema_bytes()
    }

    /// The caller as the rules of now know them.
    pub(super) fn renewed(&self, principal: &Principal) -> Principal {
        self.policy.renewed(principal)
    }

    /// Whether there is nothing at all that `principal` may do.
    pub fn allows_nothing(&self, principal: &Principal) -> bool {
        self.policy.access(principal, &self.catalog).is_nothing()
    }

    /// Number of plans that were made, not found in the cache.
    pub fn plans_made(&self) -> u64 {
        self.plans.made()
    }

    pub(super) async fn plan(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        variables: Map<String, Json>,
        allowed: Allowed,
        timings: &mut Timings,
    ) -> Result<Planned, Refusal> {
        let watch = Stopwatch::start();
        let view = self.view(principal);
        let prepared = self.prepared(&view, request, allowed).await?;
        // Here, and not only where plans are made: one may be known from a request by POST.
        let operation = document::operation(&prepared.document, prepared.operation_name.as_deref());
        let kind = operation.map_err(|message| vec![problem(message)])?.ty;
        check_kind(kind, allowed)?;
        timings.parse = watch.elapsed();
        let watch = Stopwatch::start();
        let values = variables::coerce_variables(&view.types(self), &prepared.definitions, variables)
            .map_err(|messages| messages.into_iter().map(problem).collect::<Refusal>())?;
        let (known, key) = self.plans.plan(&prepared, &values);
        let plan = match known {
            Some(plan) => plan,
            None => {
                let changes = Changes::new();
                let (plan, _) = Box::pin(self.compile(&view, &prepared, allowed, &values, (&changes, false))).await?;
                let plan = Arc::new(plan);
                if !self.is_secret(kind) {
                    self.plans.keep_plan(key, plan.clone());
                }
                plan
            }
        };
        timings.plan = watch.elapsed();
        Ok(Planned { plan, values, access: view.access.clone() })
    }

    /// A plan with what hooks have made of its root fields, for this once.
    pub(super) async fn changed(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        allowed: Allowed,
        values: &[Option<Json>],
        changes: &Changes,
    ) -> Result<Arc<Plan>, Refusal> {
        let view = self.view(principal);
        let prepared = self.prepared(&view, request, allowed).await?;
        let (plan, _) = self.compile(&view, &prepared, allowed, values, (changes, false)).await?;
        Ok(Arc::new(plan))
    }

    /// A plan that is made for somebody who wants to know, with what is noted of it.
    pub(super) async fn noted(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        variables: Map<String, Json>,
        allowed: Allowed,
    ) -> Result<(Planned, Vec<Note>), Refusal> {
        let view = self.view(principal);
        let prepared = self.prepared(&view, request, allowed).await?;
        let operation = document::operation(&prepared.document, prepared.operation_name.as_deref());
        let kind = operation.map_err(|message| vec![problem(message)])?.ty;
        if self.is_secret(kind) {
            let message = "A mutation of the system, which may hold passwords, is not explained.".to_owned();
            return Err(vec![Problem { message, code: Some(ErrorCode::InvalidQuery), ..Problem::default() }]);
        }
        let values = variables::coerce_variables(&view.types(self), &prepared.definitions, variables)
            .map_err(|messages| messages.into_iter().map(problem).collect::<Refusal>())?;
        let changes = (&Changes::new(), true);
        let (plan, notes) = self.compile(&view, &prepared, allowed, &values, changes).await?;
        Ok((Planned { plan: Arc::new(plan), values, access: view.access.clone() }, notes))
    }

    fn view(&self, principal: &Principal) -> Arc<View> {
        self.views.view(self.policy.access(principal, &self.catalog))
    }

    fn schema(&self, view: &View, part: Part) -> Result<Arc<dynamic::Schema>, SchemaError> {
        let introspection = self.limits.introspection;
        self.views.schema(view.scope, part, |part| schema::build(&view.types(self), part, introspection))
    }

    /// All of the schema. It is built here if nobody asked for it yet.
    fn whole(&self, view: &View) -> Result<Arc<dynamic::Schema>, SchemaError> {
        self.schema(view, Part::Whole)
    }

    /// The document, parsed and validated.
    async fn prepared(&self, view: &View, request: &Request<'_>, allowed: Allowed) -> Result<Arc<Prepared>, Refusal> {
        let name = request.operation_name.as_deref();
        if let Some(prepared) = self.plans.document(view.scope, &request.query, name) {
            return Ok(prepared);
        }
        // Rare, and large: not in the future of every request.
        let document = Box::pin(self.validated(view, &request.query, name, allowed)).await?;
        limits::check_aliases(&document, self.limits.aliases).map_err(exceeded)?;
        let operation = document::operation(&document, name).map_err(|message| vec![problem(message)])?;
        let definitions: Vec<_> =
            operation.variable_definitions.iter().map(|definition| definition.node.clone()).collect();
        let is_secret = self.is_secret(operation.ty);
        let names: Vec<String> = definitions.iter().map(|definition| definition.name.node.to_string()).collect();
        let roles = document::roles(&document, &names);
        let prepared = Arc::new(Prepared::new(document, name.map(str::to_owned), definitions, roles));
        if !is_secret {
            self.plans.keep_document(view.scope, &request.query, name, prepared.clone());
        }
        Ok(prepared)
    }

    /// Without variables, so that what validation says is a property of the
    /// document alone; values are judged by `variables`, every time.
    async fn validated(
        &self,
        view: &View,
        text: &str,
        name: Option<&str>,
        allowed: Allowed,
    ) -> Result<ExecutableDocument, Refusal> {
        let faults = lexical::check(text, self.limits.tokens).map_err(exceeded)?;
        let document = parse_query(text).map_err(|error| vec![syntax_problem(&error.into())])?;
        limits::check_fragments(&document).map_err(exceeded)?;
        limits::check_introspection(&document).map_err(exceeded)?;
        if let (Allowed::Queries, Ok(operation)) = (allowed, document::operation(&document, name)) {
            // The method is wrong whatever else is, and a schema without mutations says less.
            check_kind(operation.ty, allowed)?;
        }
        let mut is_valid = false;
        if self.views.whole(view.scope).is_none() {
            // What holds in a part holds in the whole; why something does not, the whole tells best.
            if let Ok(schema) = self.schema(view, part::of(&view.types(self), &document)) {
                is_valid = self.check(view, &schema, &document, name, &faults).await.is_ok();
            }
        }
        if !is_valid {
            let schema = self.whole(view).map_err(|error| internal(&error))?;
            self.check(view, &schema, &document, name, &faults).await?;
        }
        Ok(document)
    }

    /// Holds a document against a schema.
    async fn check(
        &self,
        view: &View,
        schema: &dynamic::Schema,
        document: &ExecutableDocument,
        name: Option<&str>,
        faults: &[Problem],
    ) -> Result<(), Refusal> {
        let registry = schema.registry();
        refuse_if_any(faults.iter().cloned().chain(rules::unknown_types(registry, document)).collect())?;
        let mut checked = async_graphql::Request::new("").data(CheckOnly);
        let (plain, misuses) = document::without_transaction(document.clone());
        refuse_if_any(misuses)?;
        checked.set_parsed_query(plain);
        checked.operation_name = name.map(str::to_owned);
        let response = schema.execute(checked).await;
        let found = response.errors.iter().filter(|error| !is_left_to_rules(error));
        refuse_if_any(found.map(validation_problem).collect())?;
        refuse_if_any(rules::check(&view.types(self), registry, document))?;
        refuse_if_any(overlap::check(registry, document))
    }

    async fn compile(
        &self,
        view: &View,
        prepared: &Prepared,
        allowed: Allowed,
        values: &[Option<Json>],
        changes: (&Changes, bool),
    ) -> Result<(Plan, Vec<Note>), Refusal> {
        let name = prepared.operation_name.as_deref();
        let operation = document::operation(&prepared.document, name).map_err(|message| vec![problem(message)])?;
        check_kind(operation.ty, allowed)?;
        let types = view.types(self);
        let scope = variables::Scope { names: &prepared.names, roles: &prepared.roles, values };
        let walk = Walk { document: &prepared.document, scope };
        if self.scope == Scope::System {
            let fields = walk.collect(&[&operation.selection_set.node]);
            let names = fields.iter().map(|field| field.field.name.node.as_str());
            if let Some(name) = system::repeated(names) {
                return Err(vec![problem(format!("`{name}` can be selected once in an operation."))]);
            }
        }
        let compiled =
            compile::compile(&types, walk, &self.limits, operation.ty, &operation.selection_set.node, changes);
        let mut compiled = compiled.map_err(exceeded)?;
        if operation.ty == OperationType::Subscription {
            check_subscription(&compiled.roots)?;
        }
        let mut weight = compiled.roots.iter().map(crate::engine::Root::weight).sum::<usize>();
        if !compiled.introspection.is_empty() {
            let given = prepared.names.iter().zip(values);
            let given = given.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
            let schema = self.whole(view).map_err(|error| internal(&error))?;
            let answers = introspection::answers(&schema, walk, operation, &given);
            let mut answers: Map<String, Json> =
                answers.await.map_err(|messages| messages.into_iter().map(problem).collect::<Refusal>())?;
            for at in compiled.introspection {
                let root = &mut compiled.roots[at];
                let text = answers.remove(&*root.key).unwrap_or_default().to_string();
                weight += text.len();
                root.kind = RootKind::Constant(text.into_bytes().into());
            }
        }
        let writes = (operation.ty == OperationType::Mutation).then(|| match compile::is_one_transaction(operation) {
            true => TransactionScope::Operation,
            false => TransactionScope::Field,
        });
        let plan = Plan { roots: compiled.roots, writes, weight: u32::try_from(weight).unwrap_or(u32::MAX) };
        Ok((plan, compiled.notes))
    }
}

fn internal(error: &SchemaError) -> Refusal {
    tracing::error!(%error, "a request found no schema");
    vec![Problem::internal()]
}

/// Members that an input object lacks: `rules` knows when it may.
fn is_left_to_rules(error: &ServerError) -> bool {
    let message = &error.message;
    let is_a_value = ["Invalid value for argument", "Invalid default value"].iter().any(|of| message.starts_with(of));
    is_a_value && message.ends_with("is required but not provided")
}

fn check_kind(kind: OperationType, allowed: Allowed) -> Result<(), Refusal> {
    match (kind, allowed) {
        (OperationType::Query, _)
        | (OperationType::Mutation, Allowed::All | Allowed::Live)
        | (OperationType::Subscription, Allowed::Live | Allowed::LiveQueries) => Ok(()),
        (_, Allowed::Queries) | (OperationType::Mutation, Allowed::LiveQueries) => Err(vec![Problem {
            message: "This operation cannot be sent with GET.".to_owned(),
            code: Some(ErrorCode::MethodNotAllowed),
            ..Problem::default()
        }]),
        (OperationType::Subscription, Allowed::All) => Err(vec![Problem {
            message: "A subscription needs a connection that stays open: a WebSocket with the subprotocol \
                      graphql-transport-ws, or a request that accepts text/event-stream."
                .to_owned(),
            code: Some(ErrorCode::InvalidQuery),
            ..Problem::default()
        }]),
    }
}

/// A subscription has one root field, of which nothing is wrong: there is no
/// answer that could tell of it later (specification 5.2.3.1).
fn check_subscription(roots: &[Root]) -> Result<(), Refusal> {
    match roots {
        [Root { kind: RootKind::Changes(_) | RootKind::LiveAggregate(_), .. }] => Ok(()),
        [root] => {
            let (message, code) = match &root.kind {
                RootKind::Failed(error @ Error::Invalid(_)) => (error.to_string(), ErrorCode::InvalidQuery),
                RootKind::Failed(error @ Error::Forbidden(_)) => (error.to_string(), ErrorCode::Forbidden),
                RootKind::Failed(error) => (error.to_string(), ErrorCode::InternalServerError),
                _ => ("A subscription selects no introspection field.".to_owned(), ErrorCode::GraphqlValidation),
            };
            let place = (root.position.line as usize, root.position.column as usize);
            Err(vec![Problem { message, code: Some(code), locations: vec![place], ..Problem::default() }])
        }
        _ => Err(vec![problem("A subscription selects one top level field.".to_owned())]),
    }
}

/// A rule may say the same of one place more than once.
fn refuse_if_any(problems: Refusal) -> Result<(), Refusal> {
    let mut distinct = Refusal::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    if distinct.is_empty() { Ok(()) } else { Err(distinct) }
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
