//! Who may do what: from a principal to an [`Access`], the one thing that
//! plans are checked against.
//!
//! Pure. How a principal was authenticated, and where rules are stored, is
//! decided elsewhere.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    catalog::{Cardinality, Catalog, ColumnId, Relationship, Table, TableId},
    predicate::Predicate,
    principal::Principal,
};

/// What the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What a caller without credentials may do.
    pub public: PublicAccess,
}

/// What a caller without credentials may do.
#[derive(Clone, Debug, Default)]
pub enum PublicAccess {
    /// Nothing.
    #[default]
    Nothing,
    /// Read everything.
    Read,
    /// Do what is granted, by collection.
    Grants(HashMap<String, Grants>),
}

/// What may be done with the items of a collection; `None` is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Reading.
    pub read: Option<Grant>,
    /// Creating: which fields may be given. Its rows mean nothing.
    pub create: Option<Grant>,
    /// Updating: which fields may be given, of which rows.
    pub update: Option<Grant>,
    /// Deleting: which rows. Its fields mean nothing.
    pub delete: Option<Grant>,
}

impl From<Grant> for Grants {
    /// The right to read alone.
    fn from(grant: Grant) -> Self {
        Self { read: Some(grant), ..Self::default() }
    }
}

/// The right to do one thing with a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Which of its fields.
    pub fields: Fields,
    /// Which of its rows.
    pub rows: Predicate,
}

/// A set of fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Fields {
    /// All of them.
    All,
    /// Those of these names.
    Only(HashSet<String>),
}

/// What one caller may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fingerprint: String,
    reads: Scope,
    writes: Scope,
}

/// Which tables rights are about.
#[derive(Debug)]
enum Scope {
    Everything,
    Some(HashMap<TableId, Grants>),
}

impl Scope {
    fn right(&self, table: TableId, of: impl Fn(&Grants) -> Option<&Grant>) -> Option<Right<'_>> {
        match self {
            Self::Everything => Some(Right(None)),
            Self::Some(grants) => grants.get(&table).and_then(of).map(|grant| Right(Some(grant))),
        }
    }
}

/// The right to do one thing with one table.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a>(Option<&'a Grant>);

impl Policy {
    /// What `principal` may do.
    pub fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        let nothing = || Scope::Some(HashMap::new());
        let (fingerprint, reads, writes) = match &self.public {
            _ if principal.admin => ("admin", Scope::Everything, Scope::Everything),
            PublicAccess::Nothing => ("public:nothing", nothing(), nothing()),
            PublicAccess::Read => ("public:read", Scope::Everything, nothing()),
            PublicAccess::Grants(grants) => {
                let granted = |(name, grants): (&String, &Grants)| Some((catalog.collection(name)?.id, grants.clone()));
                let granted: HashMap<_, _> = grants.iter().filter_map(granted).collect();
                ("public:grants", Scope::Some(granted.clone()), Scope::Some(granted))
            }
        };
        Access(Arc::new(Inner { fingerprint: fingerprint.to_owned(), reads, writes }))
    }
}

impl Access {
    /// A text that two accesses share only if they allow the same.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The right to read a table, if there is one.
    pub fn read(&self, table: TableId) -> Option<Right<'_>> {
        self.0.reads.right(table, |grants| grants.read.as_ref())
    }

    /// The right to create rows of a table, if there is one.
    pub fn create(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |grants| grants.create.as_ref())
    }

    /// The right to update rows of a table, if there is one.
    pub fn update(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |grants| grants.update.as_ref())
    }

    /// The right to delete rows of a table, if there is one.
    pub fn delete(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |grants| grants.delete.as_ref())
    }

    /// Everything, for work that is not a caller's.
    pub fn full() -> Self {
        let (reads, writes) = (Scope::Everything, Scope::Everything);
        Self(Arc::new(Inner { fingerprint: "admin".to_owned(), reads, writes }))
    }

    /// Nothing at all.
    pub fn nothing() -> Self {
        let nothing = || Scope::Some(HashMap::new());
        Self(Arc::new(Inner { fingerprint: "public:nothing".to_owned(), reads: nothing(), writes: nothing() }))
    }

    /// Whether it allows nothing at all.
    pub fn is_nothing(&self) -> bool {
        let is_empty = |scope: &Scope| matches!(scope, Scope::Some(grants) if grants.is_empty());
        is_empty(&self.0.reads) && is_empty(&self.0.writes)
    }

    /// Whether it may write everything, whatever rows there are.
    pub fn is_full(&self) -> bool {
        matches!(self.0.writes, Scope::Everything)
    }

    /// Whether a relationship may be followed: its target may be read, and so
    /// may the columns that tie both ends together, which it gives away: of the
    /// side with the foreign key, and of a junction on the way (contract 3.11).
    pub fn leads_through(&self, catalog: &Catalog, relationship: &Relationship) -> bool {
        let allowed = |table: TableId, columns: &[ColumnId]| {
            let names = catalog.table(table);
            self.read(table)
                .is_some_and(|readable| columns.iter().all(|column| readable.allows(names.column_field(*column))))
        };
        self.read(relationship.to).is_some()
            && allowed(relationship.from, &relationship.from_columns)
            && match &relationship.cardinality {
                Cardinality::ManyToOne => true,
                Cardinality::OneToMany => allowed(relationship.to, &relationship.to_columns),
                Cardinality::ManyToMany { junction, junction_columns, .. } => {
                    allowed(*junction, &relationship.to_columns) && allowed(*junction, junction_columns)
                }
            }
    }
}

impl Right<'_> {
    /// Whether it covers a field.
    pub fn allows(&self, field: &str) -> bool {
        match self.0.map(|grant| &grant.fields) {
            None | Some(Fields::All) => true,
            Some(Fields::Only(names)) => names.contains(field),
        }
    }

    /// Whether it covers the row's key, all of it.
    pub fn allows_key(&self, table: &Table) -> bool {
        !table.key.is_empty() && table.key.iter().all(|column| self.allows(table.column_field(*column)))
    }

    /// Which rows it is about.
    pub fn rows(&self) -> Predicate {
        self.0.map_or_else(Predicate::always, |grant| grant.rows.clone())
    }
}
