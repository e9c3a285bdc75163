//! The rules that are in force: others can take their place while requests run,
//! each of which keeps those that it began with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use crate::{
    catalog::Catalog,
    permissions::{Access, Decides, Identity, RuleSet, Standing},
    principal::Principal,
};

/// Different accesses that are kept at a time; more of them are made anew.
const MAX_KNOWN: usize = 4_096;

/// The rules in force. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<RwLock<Arc<InForce>>>);

#[derive(Debug, Default)]
struct InForce {
    set: RuleSet,
    known: Mutex<HashMap<Standing, Access>>,
}

impl Rules {
    /// These rules, for now.
    pub fn new(set: RuleSet) -> Self {
        let rules = Self::default();
        rules.replace(set);
        rules
    }

    /// Puts others in force.
    pub fn replace(&self, set: RuleSet) {
        let known = Mutex::default();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(InForce { set, known });
    }

    /// Who somebody is by the rules in force.
    pub fn principal(&self, identity: Identity) -> Principal {
        self.in_force().set.principal(identity)
    }

    fn in_force(&self) -> Arc<InForce> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Decides for Rules {
    fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        let rules = self.in_force();
        let standing = Standing::of(principal);
        let mut known = rules.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = known.get(&standing) {
            return access.clone();
        }
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        let (access, left_out) = rules.set.access(&standing, catalog);
        for permission in left_out {
            tracing::warn!("{permission}");
        }
        known.insert(standing, access.clone());
        access
    }
}
