//! Documents and plans that were made before, bounded by weight.
//!
//! A document is known by the catalog's version, the caller's access, its text
//! and the operation's name; a plan further by what its variables' values do to
//! the SQL. Everything else of a variable is bound when the plan runs.

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::parser::types::{ExecutableDocument, VariableDefinition};
use moka::{Equivalent, sync::Cache};
use serde_json::Value as Json;

use super::variables::Role;
use crate::{
    engine::{Root, TransactionScope},
    predicate::Presence,
};

/// Memory that a parsed document takes, as a multiple of its text.
const DOCUMENT_WEIGHT: usize = 24;

/// A document that was parsed and validated, with the operation that is meant.
pub(super) struct Prepared {
    id: u64,
    pub(super) document: ExecutableDocument,
    pub(super) operation_name: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) roles: Vec<Role>,
    pub(super) definitions: Vec<VariableDefinition>,
}

impl Prepared {
    pub(super) fn new(
        document: ExecutableDocument,
        operation_name: Option<String>,
        definitions: Vec<VariableDefinition>,
        roles: Vec<Role>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let names = definitions.iter().map(|definition| definition.name.node.to_string()).collect();
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), document, operation_name, names, roles, definitions }
    }

    /// What these values do to the statements, as a key.
    fn shape(&self, values: &[Option<Json>]) -> Box<[u8]> {
        let mut shape = Vec::new();
        for (role, value) in self.roles.iter().zip(values) {
            match (role, value) {
                (Role::Structural, Some(json)) => {
                    let text = json.to_string();
                    shape.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
                    shape.extend_from_slice(text.as_bytes());
                }
                (Role::Structural, None) => shape.extend_from_slice(&0_u32.to_le_bytes()),
                (Role::Operand, value) => shape.push(presence_byte(Presence::of(value.as_ref()))),
            }
        }
        shape.into()
    }
}

fn presence_byte(presence: Presence) -> u8 {
    match presence {
        Presence::Absent => 0,
        Presence::Null => 1,
        Presence::NullText => 2,
        Presence::EmptyText => 3,
        Presence::EmptyList => 4,
        Presence::ListWithNull => 5,
        Presence::Present => 6,
    }
}

/// What a document is known by.
#[derive(PartialEq, Eq)]
struct DocumentKey {
    scope: u64,
    text: Box<str>,
    operation: Option<Box<str>>,
}

impl Hash for DocumentKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Lookup { scope: self.scope, text: &self.text, operation: self.operation.as_deref() }.hash(state);
    }
}

/// A [`DocumentKey`] that owns nothing.
#[derive(Hash)]
struct Lookup<'a> {
    scope: u64,
    text: &'a str,
    operation: Option<&'a str>,
}

impl Equivalent<DocumentKey> for Lookup<'_> {
    fn equivalent(&self, key: &DocumentKey) -> bool {
        self.scope == key.scope && self.text == &*key.text && self.operation == key.operation.as_deref()
    }
}

/// A plan with its weight in bytes, roughly.
pub(super) struct Plan {
    pub(super) roots: Vec<Root>,
    /// What one transaction covers; `None` where nothing is written.
    pub(super) writes: Option<TransactionScope>,
    pub(super) weight: u32,
}

impl crate::realtime::Roots for Plan {
    fn roots(&self) -> &[Root] {
        &self.roots
    }
}

/// The caches.
pub(super) struct Plans {
    documents: Cache<DocumentKey, Arc<Prepared>>,
    plans: Cache<(u64, Box<[u8]>), Arc<Plan>>,
    made: AtomicU64,
}

impl Plans {
    /// Both caches together hold this many bytes, roughly.
    pub(super) fn new(bytes: u64) -> Self {
        let documents = Cache::builder()
            .max_capacity(bytes / 2)
            .weigher(|key: &DocumentKey, _: &Arc<Prepared>| (key.text.len() * DOCUMENT_WEIGHT + 256) as u32)
            .build();
        let plans = Cache::builder()
            .max_capacity(bytes / 2)
            .weigher(|(_, shape): &(u64, Box<[u8]>), plan: &Arc<Plan>| plan.weight + shape.len() as u32)
            .build();
        Self { documents, plans, made: AtomicU64::new(0) }
    }

    /// `scope` stands for the catalog's version and the caller's access.
    pub(super) fn document(&self, scope: u64, text: &str, operation: Option<&str>) -> Option<Arc<Prepared>> {
        self.documents.get(&Lookup { scope, text, operation })
    }

    pub(super) fn keep_document(&self, scope: u64, text: &str, operation: Option<&str>, prepared: Arc<Prepared>) {
        let key = DocumentKey { scope, text: text.into(), operation: operation.map(Box::from) };
        self.documents.insert(key, prepared);
    }

    pub(super) fn plan(&self, prepared: &Prepared, values: &[Option<Json>]) -> (Option<Arc<Plan>>, PlanKey) {
        let key = (prepared.id, prepared.shape(values));
        (self.plans.get(&key), PlanKey(key))
    }

    /// Number of plans that were kept, those that are gone included.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub(super) fn keep_plan(&self, key: PlanKey, plan: Arc<Plan>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.plans.insert(key.0, plan);
    }
}

/// What a plan is kept under.
pub(super) struct PlanKey((u64, Box<[u8]>));

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn the_caches_stay_within_their_bytes() {
        let bytes = 64 * 1024;
        let plans = Plans::new(bytes);
        for number in 0..2_000 {
            let text = format!("{{ a{number} }}");
            let document = parse_query(&text).unwrap();
            let prepared = Arc::new(Prepared::new(document, None, Vec::new(), Vec::new()));
            let (_, key) = plans.plan(&prepared, &[]);
            plans.keep_plan(key, Arc::new(Plan { roots: Vec::new(), writes: None, weight: 1_000 }));
            plans.keep_document(0, &text, None, prepared);
        }
        plans.documents.run_pending_tasks();
        plans.plans.run_pending_tasks();
        let weight = plans.documents.weighted_size() + plans.plans.weighted_size();
        assert!((1..=bytes).contains(&weight), "{weight}");
        assert!(plans.documents.entry_count() > 10 && plans.plans.entry_count() > 10);
    }
}
