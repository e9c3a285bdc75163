//! The narrow waist: every protocol brings an operation and gets JSON bytes.
//!
//! What is read is read level by level: one statement per relation and level,
//! sent when the level's keys are complete, with no timer. Rows become JSON
//! straight from the driver's bytes. What is written is written level by level
//! too, in one transaction, and told to the event log and the hooks.

mod batch;
mod encode;
mod error;
mod heard;
mod items;
mod levels;
mod live;
mod loader;
mod may;
mod shape;
mod told;
mod trace;
mod write;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::Value as Json;
use tokio::sync::Semaphore;

pub use self::{
    batch::Batch,
    encode::{FieldError, PathSegment},
    error::{Broken, Code, Error},
    live::{Told, Transition},
    loader::Loader,
    shape::{
        AggregateRoot, Asked, ChangeMember, ChangeValue, ChangesRoot, Child, Gone, GoneMember, Judge, KeyRoot,
        LiveAggregateRoot, Member, Native, Node, Output, Overflow, Position, Root, RootKind, Shape, TransactionScope,
        Watch, WriteAnswer, WriteOperation, WriteRoot,
    },
    trace::{Ran, Trace},
};
use crate::{
    catalog::Catalog,
    clock::Clock,
    db::Database,
    events::{Events, MemoryLog},
    hooks::{Context, Hooks},
    permissions::Access,
    predicate::Bindings,
    principal::Principal,
    secrets::HashOptions,
    store::Store,
};

/// Which state of the data the statements of one operation see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Each statement what is committed when it runs.
    #[default]
    Statement,
    /// All statements of an operation the same state, in one read-only
    /// transaction, one after the other.
    Operation,
}

/// How operations are executed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which state of the data is seen.
    pub consistency: Consistency,
    /// Most items that one mutation may write, nested ones included
    /// (`MAX_BATCH_MUTATION`); `None` means any number.
    pub max_batch: Option<usize>,
    /// Most bytes of an answer (`MAX_ANSWER_SIZE`).
    pub max_answer: usize,
    /// Most relations that payloads are nested deep (`MAX_RELATIONAL_DEPTH`).
    pub max_depth: usize,
    /// How long a write waits for what others wait for, with which it could share
    /// a transaction, before it has one of its own.
    pub patience: Duration,
    /// What hashing a value costs that is stored as a hash.
    pub hash: HashOptions,
}

impl Default for Options {
    fn default() -> Self {
        let patience = Duration::from_millis(200);
        Self {
            consistency: Consistency::default(),
            max_batch: None,
            max_answer: 256 << 20,
            max_depth: 10,
            patience,
            hash: HashOptions::default(),
        }
    }
}

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where everything is.
    pub database: Database,
    /// What it is.
    pub catalog: Arc<Catalog>,
    /// Who wants to have a say.
    pub hooks: Hooks,
    /// Where changes are told.
    pub events: Events,
    /// Tells when.
    pub clock: Clock,
    /// The system tables, where they are used.
    pub store: Option<Store>,
}

impl Parts {
    /// Without hooks, and with a log of its own.
    pub fn plain(database: Database, catalog: Arc<Catalog>, clock: Clock) -> Self {
        let log = Arc::new(MemoryLog::new(Default::default(), clock.clone()));
        let events = Events::new(log, catalog.tables.len());
        Self { database, catalog, hooks: Hooks::none(), events, clock, store: None }
    }
}

/// Requests must not wait for those who follow: they have the other connections.
const MAX_WATCHING: usize = 3;

/// Executes operations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    database: Database,
    catalog: Arc<Catalog>,
    hooks: Hooks,
    events: Events,
    clock: Clock,
    store: Option<Store>,
    loader: Loader,
    listeners: Arc<heard::Listeners>,
    sharing: Arc<write::Sharing>,
    /// Statements at a time that say who is to be told of changes.
    watching: Arc<Semaphore>,
    options: Options,
}

/// Who an operation is run for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// What they may do.
    pub access: Access,
    /// Where it is kept what is asked of the database, if somebody wants to know.
    pub trace: Option<Arc<Trace>>,
}

impl Caller {
    /// Somebody with what they may do.
    pub fn new(principal: Arc<Principal>, access: Access) -> Self {
        Self { principal, access, trace: None }
    }
}

/// What an operation runs with: its variables and the time.
#[derive(Clone, Debug)]
pub struct Variables {
    /// Values by position; `None` for those not given.
    pub values: Arc<[Option<Json>]>,
    /// What `$NOW` is, in microseconds since the epoch.
    pub now_micros: i64,
    /// Who `$CURRENT_USER` and the like are.
    pub caller: Arc<Principal>,
}

impl Variables {
    /// As terms are resolved with.
    pub fn bindings(&self) -> Bindings<'_> {
        Bindings { variables: &self.values, now_micros: self.now_micros, caller: &self.caller }
    }
}

/// What an operation gave.
#[derive(Debug, Default)]
pub struct Answer {
    /// `{"data":` and the JSON text of `data`; the object is left open for more.
    pub body: Vec<u8>,
    /// What went wrong, in the order of the document.
    pub errors: Vec<FieldError>,
}

impl Engine {
    /// An engine over a database.
    pub fn new(parts: Parts, options: Options) -> Self {
        let Parts { database, catalog, hooks, events, clock, store } = parts;
        let listeners = Arc::new(heard::Listeners::new(&catalog, &hooks));
        let (loader, sharing) = (Loader::new(database.clone()), Arc::default());
        let watching = Arc::new(Semaphore::new(MAX_WATCHING));
        Self { loader, database, catalog, hooks, events, clock, store, listeners, sharing, watching, options }
    }

    /// What hooks get, on behalf of a caller.
    pub fn context_of(&self, caller: &Caller) -> Context {
        let caller = Some((caller.principal.clone(), caller.access.clone()));
        Context::new(self.hooks.clone(), Arc::new(self.clone()), Some(self.catalog.clone()), caller)
    }

    fn context(&self, caller: &Caller) -> Context {
        // Nobody will look at it.
        if self.hooks.is_empty() {
            return Context::default();
        }
        let caller = Some((caller.principal.clone(), caller.access.clone()));
        Context::new(self.hooks.clone(), Arc::new(self.clone()), Some(self.catalog.clone()), caller)
    }

    /// What hooks get that nobody caused: jobs, and those of the start.
    pub fn own_context(&self) -> Context {
        Context::new(self.hooks.clone(), Arc::new(self.clone()), Some(self.catalog.clone()), None)
    }

    /// Who has a say.
    pub fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// The system tables, where they are used.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Where changes are told.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs an operation: its roots concurrently, then writes the answer in the
    /// order of the document. Dropping the future cancels its statements.
    pub async fn read(&self, caller: &Caller, roots: &[Root], variables: &Variables) -> Answer {
        let source = levels::Source::new(self, self.options.consistency).traced(caller);
        let filled = match self.are_told(roots) {
            false => levels::run(&source, roots, variables).await,
            true => join_all(roots.iter().map(|root| self.read_told(caller, &source, root, variables))).await,
        };
        source.finish().await;
        encode::answer(roots, filled, self.options.max_answer)
    }
}
