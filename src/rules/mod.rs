//! The rules that are in force: others can take their place while requests run,
//! each of which keeps those that it began with.

mod file;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use sha2::{Digest as _, Sha256};

pub use self::file::{Error, parse};
use crate::{
    catalog::Catalog,
    permissions::{Access, Decides, Identity, RuleSet, Standing},
    principal::{Id, Principal},
};

/// Different accesses that are kept at a time; more of them are made anew.
const MAX_KNOWN: usize = 4_096;

/// The rules in force. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<RwLock<Arc<InForce>>>);

#[derive(Debug, Default)]
struct InForce {
    known: Known,
    accesses: Mutex<HashMap<Standing, Access>>,
}

/// Rules, and whom they know.
#[derive(Debug, Default)]
pub struct Known {
    /// Roles and policies.
    pub set: RuleSet,
    /// Users with their roles; whoever is not among them is nobody. None where who
    /// asks is proved elsewhere.
    users: Option<HashMap<Id, Option<Id>>>,
    /// Users by what is left of their tokens.
    tokens: HashMap<Fingerprint, Identity>,
}

/// What is kept of a token: to look for it takes the same time for all that are
/// not known, and who reads memory reads no token.
type Fingerprint = [u8; 32];

fn digest(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

impl Known {
    /// What of the rules cannot be used with a catalog, in words.
    pub fn faults(&self, catalog: &Catalog) -> Vec<String> {
        self.set.faults(catalog)
    }
}

impl From<RuleSet> for Known {
    /// Rules that know no tokens: who asks is proved elsewhere.
    fn from(set: RuleSet) -> Self {
        Self { set, ..Self::default() }
    }
}

impl Rules {
    /// These rules, for now.
    pub fn new(known: impl Into<Known>) -> Self {
        let rules = Self::default();
        rules.replace(known);
        rules
    }

    /// Puts others in force.
    pub fn replace(&self, known: impl Into<Known>) {
        let in_force = InForce { known: known.into(), accesses: Mutex::default() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(in_force);
    }

    /// Who somebody is by the rules in force.
    pub fn principal(&self, identity: Identity) -> Principal {
        self.in_force().known.set.principal(identity)
    }

    /// Whose token it is.
    pub fn identity(&self, token: &str) -> Option<Identity> {
        self.in_force().known.tokens.get(&digest(token)).cloned()
    }

    fn in_force(&self) -> Arc<InForce> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Decides for Rules {
    fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        let rules = self.in_force();
        let standing = Standing::of(principal);
        let mut accesses = rules.accesses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = accesses.get(&standing) {
            return access.clone();
        }
        if accesses.len() >= MAX_KNOWN {
            accesses.clear();
        }
        let (access, left_out) = rules.known.set.access(&standing, catalog);
        for permission in left_out {
            tracing::warn!("{permission}");
        }
        accesses.insert(standing, access.clone());
        access
    }

    fn renewed(&self, principal: &Principal) -> Principal {
        let rules = self.in_force();
        let ip = principal.ip;
        let identity = match &principal.user {
            // An administrator's token is none of these rules'.
            None if principal.admin && principal.policies.is_empty() => return principal.clone(),
            None => Identity { ip, ..Identity::default() },
            Some(user) => match &rules.known.users {
                None => Identity { user: Some(user.clone()), role: principal.role.clone(), ip },
                Some(users) => match users.get(user) {
                    Some(role) => Identity { user: Some(user.clone()), role: role.clone(), ip },
                    None => Identity { ip, ..Identity::default() },
                },
            },
        };
        rules.known.set.principal(identity)
    }
}
