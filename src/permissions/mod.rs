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
    /// Read what is granted, by collection.
    Grants(HashMap<String, Grant>),
}

/// The right to read a collection.
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
    reads: Reads,
}

#[derive(Debug)]
enum Reads {
    Everything,
    Some(HashMap<TableId, Grant>),
}

/// The right to read one table.
#[derive(Clone, Copy, Debug)]
pub struct Readable<'a>(Option<&'a Grant>);

impl Policy {
    /// What `principal` may do.
    pub fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        let (fingerprint, reads) = match &self.public {
            _ if principal.admin => ("admin", Reads::Everything),
            PublicAccess::Nothing => ("public:nothing", Reads::Some(HashMap::new())),
            PublicAccess::Read => ("public:read", Reads::Everything),
            PublicAccess::Grants(grants) => {
                let granted = |(name, grant): (&String, &Grant)| Some((catalog.collection(name)?.id, grant.clone()));
                ("public:grants", Reads::Some(grants.iter().filter_map(granted).collect()))
            }
        };
        Access(Arc::new(Inner { fingerprint: fingerprint.to_owned(), reads }))
    }
}

impl Access {
    /// A text that two accesses share only if they allow the same.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The right to read a table, if there is one.
    pub fn read(&self, table: TableId) -> Option<Readable<'_>> {
        match &self.0.reads {
            Reads::Everything => Some(Readable(None)),
            Reads::Some(grants) => grants.get(&table).map(|grant| Readable(Some(grant))),
        }
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

impl Readable<'_> {
    /// Whether a field may be read.
    pub fn allows(&self, field: &str) -> bool {
        match self.0.map(|grant| &grant.fields) {
            None | Some(Fields::All) => true,
            Some(Fields::Only(names)) => names.contains(field),
        }
    }

    /// Whether the row's key may be read, all of it.
    pub fn allows_key(&self, table: &Table) -> bool {
        !table.key.is_empty() && table.key.iter().all(|column| self.allows(table.column_field(*column)))
    }

    /// Which rows may be read.
    pub fn rows(&self) -> Predicate {
        self.0.map_or_else(Predicate::always, |grant| grant.rows.clone())
    }
}
