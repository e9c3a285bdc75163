//! What a handler works with: who asks, what there is, and the way back into
//! the gateway (contract `extensions.md` 11).

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{Emitter, Error, Hooks, ItemsService, MutationOptions, Rights, Services, SqlReply, SqlRequest};
use crate::{catalog::Catalog, permissions::Access, principal::Principal};

/// A transaction in progress, as its owner knows it; opaque to handlers.
pub type Scope = Arc<dyn Any + Send + Sync>;

/// What a handler works with. Cheap to clone.
#[derive(Clone, Default)]
pub struct Context(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    principal: Option<Arc<Principal>>,
    access: Option<Access>,
    catalog: Option<Arc<Catalog>>,
    services: Option<Arc<dyn Services>>,
    hooks: Hooks,
    scope: Option<Scope>,
    /// The events that led here, outermost first.
    chain: Vec<String>,
    /// The handler that has it, for logs.
    handler: String,
    in_action: bool,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("principal", &self.0.principal)
            .field("chain", &self.0.chain)
            .field("in_transaction", &self.in_transaction())
            .finish_non_exhaustive()
    }
}

impl Context {
    /// A context outside of any transaction.
    pub fn new(
        hooks: Hooks,
        services: Arc<dyn Services>,
        catalog: Option<Arc<Catalog>>,
        caller: Option<(Arc<Principal>, Access)>,
    ) -> Self {
        let (principal, access) = caller.unzip();
        Self(Arc::new(Inner { principal, access, catalog, services: Some(services), hooks, ..Inner::default() }))
    }

    fn altered(&self, alter: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = (*self.0).clone();
        alter(&mut inner);
        Self(Arc::new(inner))
    }

    /// The same within a transaction.
    #[must_use]
    pub fn with_scope(&self, scope: Scope) -> Self {
        self.altered(|inner| inner.scope = Some(scope))
    }

    /// The transaction in progress, for its owner.
    pub fn scope(&self) -> Option<&Scope> {
        self.0.scope.as_ref()
    }

    /// The same outside of the transaction, on a connection of its own: it sees
    /// what was committed, and waits for what the transaction has locked. SQLite
    /// has one writer, so that a handler who writes here while its transaction is
    /// open is refused, after the time that one waits for a connection.
    #[must_use]
    pub fn root(&self) -> Self {
        match self.0.scope {
            None => self.clone(),
            Some(_) => self.altered(|inner| inner.scope = None),
        }
    }

    /// The same for a handler of an event.
    ///
    /// # Errors
    /// When events have led to events too often.
    pub(super) fn within(&self, event: &str, handler: &str, most: usize) -> Result<Self, Error> {
        if self.0.chain.len() >= most {
            let chain = self.0.chain.join(" > ");
            return Err(Error::unexpected(format!("events lead to events in a circle: {chain} > {event}")));
        }
        Ok(self.altered(|inner| {
            inner.chain.push(event.to_owned());
            handler.clone_into(&mut inner.handler);
        }))
    }

    pub(super) fn in_action(&self) -> bool {
        self.0.in_action
    }

    pub(super) fn into_action(self) -> Self {
        self.altered(|inner| inner.in_action = true)
    }

    /// Who asks; nobody in jobs and at the start. (Also called accountability.)
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        self.0.principal.as_ref()
    }

    /// What they may do.
    pub(crate) fn access(&self) -> Option<&Access> {
        self.0.access.as_ref()
    }

    /// What is served. (Also called schema.)
    pub fn catalog(&self) -> Option<&Arc<Catalog>> {
        self.0.catalog.as_ref()
    }

    /// The environment that the gateway was started with.
    pub fn env(&self) -> &Environment {
        self.0.hooks.environment()
    }

    /// Events of one's own, between handlers.
    pub fn emitter(&self) -> Emitter {
        Emitter { hooks: self.0.hooks.clone(), context: self.clone() }
    }

    /// The log, with the handler's name in every line.
    pub fn logger(&self) -> Logger {
        Logger { handler: self.0.handler.clone() }
    }

    /// Whether there is a transaction in progress. What [`Self::items`] and
    /// [`Self::database`] do is then done in it.
    pub fn in_transaction(&self) -> bool {
        self.0.scope.is_some()
    }

    /// The items of a collection, with the rights of who asks; nobody has none.
    pub fn items(&self, collection: impl Into<String>) -> ItemsService {
        self.service(collection.into(), Rights::Caller)
    }

    /// The items of a collection, with all rights.
    pub fn items_with_full_rights(&self, collection: impl Into<String>) -> ItemsService {
        self.service(collection.into(), Rights::Full)
    }

    fn service(&self, collection: String, rights: Rights) -> ItemsService {
        ItemsService { collection, rights, options: MutationOptions::default(), context: self.clone() }
    }

    /// SQL of one's own, past rights and events.
    pub fn database(&self) -> SqlAccess {
        SqlAccess { context: self.clone() }
    }

    pub(super) fn services(&self) -> Result<&Arc<dyn Services>, Error> {
        self.0.services.as_ref().ok_or_else(|| Error::unexpected("nothing is served yet"))
    }
}

/// SQL of one's own: in the transaction in progress, or by itself.
#[derive(Clone, Debug)]
pub struct SqlAccess {
    context: Context,
}

impl SqlAccess {
    /// The rows of a statement, as objects of their columns.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn query(&self, text: &str, parameters: Vec<Json>) -> Result<Vec<Map<String, Json>>, Error> {
        match self.send(text, parameters, true).await? {
            SqlReply::Rows(rows) => Ok(rows),
            SqlReply::Affected(_) => Ok(Vec::new()),
        }
    }

    /// Runs a statement; the number of rows that it changed.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn execute(&self, text: &str, parameters: Vec<Json>) -> Result<u64, Error> {
        match self.send(text, parameters, false).await? {
            SqlReply::Affected(rows) => Ok(rows),
            SqlReply::Rows(rows) => Ok(rows.len() as u64),
        }
    }

    async fn send(&self, text: &str, parameters: Vec<Json>, rows: bool) -> Result<SqlReply, Error> {
        let request = SqlRequest { text: text.to_owned(), parameters, rows, context: self.context.clone() };
        self.context.services()?.sql(request).await
    }
}

/// The environment, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }
}

impl Environment {
    /// A variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a variable says `true`, `1`, `yes` or `on`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        let text = self.get(name).unwrap_or_default().to_ascii_lowercase();
        matches!(text.as_str(), "true" | "1" | "yes" | "on")
    }
}

/// Writes to the gateway's log.
#[derive(Clone, Debug)]
pub struct Logger {
    handler: String,
}

impl Logger {
    /// What went wrong.
    pub fn error(&self, message: impl fmt::Display) {
        tracing::error!(hook = self.handler, "{message}");
    }

    /// What might go wrong.
    pub fn warn(&self, message: impl fmt::Display) {
        tracing::warn!(hook = self.handler, "{message}");
    }

    /// What operators like to know.
    pub fn info(&self, message: impl fmt::Display) {
        tracing::info!(hook = self.handler, "{message}");
    }

    /// What developers like to know.
    pub fn debug(&self, message: impl fmt::Display) {
        tracing::debug!(hook = self.handler, "{message}");
    }

    /// Everything else.
    pub fn trace(&self, message: impl fmt::Display) {
        tracing::trace!(hook = self.handler, "{message}");
    }
}
