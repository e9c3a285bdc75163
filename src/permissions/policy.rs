//! What the operator allows.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
};

use super::Access;
use crate::{catalog::Catalog, predicate::Predicate, principal::Principal};

/// What the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What a caller without credentials may do, where there are no rules.
    pub public: PublicAccess,
    /// Roles and policies, where there are any.
    pub rules: Option<Arc<dyn Decides>>,
}

/// Rules that may change while they are in force.
pub trait Decides: Debug + Send + Sync {
    /// What `principal` may do now.
    fn access(&self, principal: &Principal, catalog: &Catalog) -> Access;
    /// The same caller with the roles and policies of now; nobody, if the caller is
    /// not known any more.
    fn renewed(&self, principal: &Principal) -> Principal;
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

/// Some fields of some rows.
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

impl Fields {
    /// Whether a field is among them.
    pub fn contains(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(field),
        }
    }
}

impl Policy {
    /// The caller as the rules of now know them.
    pub fn renewed(&self, principal: &Principal) -> Principal {
        self.rules.as_ref().map_or_else(|| principal.clone(), |rules| rules.renewed(principal))
    }

    /// What `principal` may do.
    pub fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        match (&self.rules, &self.public) {
            _ if principal.admin => Access::full(),
            (Some(rules), _) => rules.access(principal, catalog),
            (None, PublicAccess::Nothing) => Access::nothing(),
            (None, PublicAccess::Read) => Access::reads_everything(),
            (None, PublicAccess::Grants(grants)) => Access::granted(grants, catalog),
        }
    }
}
