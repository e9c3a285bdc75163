//! Who listens to what happens with the items of which collection: found out
//! once, so that what nobody listens to costs a look and nothing else.

use crate::{
    catalog::{Catalog, Exposure, Table, TableId},
    hooks::Hooks,
};

/// What happens with items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Query,
    Read,
    Create,
    Update,
    Delete,
    Sort,
}

impl Verb {
    const ALL: [Self; 6] = [Self::Query, Self::Read, Self::Create, Self::Update, Self::Delete, Self::Sort];

    /// As in the names of events.
    fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Sort => "sort",
        }
    }
}

/// An event that somebody listens to.
#[derive(Debug)]
pub(super) struct Heard {
    /// Its names: for items of any collection, and of this one; a table of the
    /// system has one of its own.
    names: Vec<String>,
    /// Whether filters do.
    pub(super) filtered: bool,
    /// Whether actions do.
    pub(super) told: bool,
}

impl Heard {
    fn of(hooks: &Hooks, table: &Table, verb: Verb) -> Option<Self> {
        let names = names(table, verb.name());
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let (filtered, told) = (hooks.has_filter(&all), hooks.has_action(&all));
        (filtered || told).then_some(Self { names, filtered, told })
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    pub(super) fn owned_names(&self) -> Vec<String> {
        self.names.clone()
    }
}

/// What an event is called (contract `extensions.md` 2): `items.create` and
/// `articles.items.create`, but `users.create`.
fn names(table: &Table, verb: &str) -> Vec<String> {
    let collection = &table.collection;
    let system = table.name.strip_prefix("directus_").filter(|_| table.exposure != Exposure::Items);
    match system {
        Some(system) => vec![format!("{system}.{verb}")],
        None => vec![format!("items.{verb}"), format!("{collection}.items.{verb}")],
    }
}

/// Everything that somebody listens to.
#[derive(Debug)]
pub(super) struct Listeners {
    /// By table and verb; empty where nobody listens to anything.
    events: Vec<[Option<Heard>; 6]>,
    /// Whether the database's errors are filtered.
    pub(super) database_errors: bool,
}

/// The filter of the database's errors.
pub(super) const DATABASE_ERROR: &str = "database.error";

impl Listeners {
    pub(super) fn new(catalog: &Catalog, hooks: &Hooks) -> Self {
        let of = |table: &Table| Verb::ALL.map(|verb| Heard::of(hooks, table, verb));
        let events = match hooks.is_empty() {
            true => Vec::new(),
            false => catalog.tables.iter().map(of).collect(),
        };
        Self { events, database_errors: hooks.has_filter(&[DATABASE_ERROR]) }
    }

    /// What is said of it to whom, if anybody listens.
    pub(super) fn heard(&self, table: TableId, verb: Verb) -> Option<&Heard> {
        self.events.get(table.0 as usize)?[verb as usize].as_ref()
    }

    pub(super) fn filtered(&self, table: TableId, verb: Verb) -> Option<&Heard> {
        self.heard(table, verb).filter(|heard| heard.filtered)
    }

    pub(super) fn told(&self, table: TableId, verb: Verb) -> Option<&Heard> {
        self.heard(table, verb).filter(|heard| heard.told)
    }
}
