//! The rules that are in force: others can take their place while requests run,
//! each of which keeps those that it began with.

mod file;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

pub use self::file::{Error, Syntax, parse};
use crate::{
    catalog::Catalog,
    permissions::{Access, Decides, Identity, RuleSet, Standing},
    principal::{Id, Principal},
};

/// The memory that accesses may take which are kept, in bytes; more of them are made
/// anew.
const ACCESS_BYTES: u64 = 64 << 20;

/// What is named of callers' own rows is kept for so many different standings.
const MAX_PATHS: u64 = 4_096;

/// The rules in force. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<RwLock<Arc<InForce>>>);

#[derive(Debug)]
struct InForce {
    known: Known,
    accesses: Cache<Standing, Access>,
    paths: Cache<Standing, Arc<[String]>>,
}

impl Default for InForce {
    fn default() -> Self {
        Self::from(Known::default())
    }
}

impl From<Known> for InForce {
    fn from(known: Known) -> Self {
        let weigh = |_: &Standing, access: &Access| u32::try_from(access.weight() + 256).unwrap_or(u32::MAX);
        let accesses = Cache::builder().max_capacity(ACCESS_BYTES).weigher(weigh).build();
        Self { known, accesses, paths: Cache::new(MAX_PATHS) }
    }
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
pub type Fingerprint = [u8; 32];

/// What is left of a token.
pub fn digest(token: &str) -> Fingerprint {
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
        let in_force = Arc::new(InForce::from(known.into()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }

    /// Puts others in force, unless they say the same; whether they did.
    pub fn replace_if_other(&self, set: RuleSet) -> bool {
        let is_same = self.in_force().known.set == set;
        if !is_same {
            self.replace(set);
        }
        !is_same
    }

    /// Who somebody is by the rules in force.
    pub fn principal(&self, identity: Identity) -> Principal {
        self.in_force().known.set.principal(identity)
    }

    /// What rules name of a caller's own rows: `$CURRENT_USER.team` and the like.
    pub fn paths(&self, principal: &Principal) -> Arc<[String]> {
        let rules = self.in_force();
        let standing = Standing::of(principal);
        rules.paths.get_with_by_ref(&standing, || rules.known.set.paths(&standing).into_iter().collect())
    }

    /// Whether there is a role.
    pub fn knows_role(&self, role: &Id) -> bool {
        self.in_force().known.set.knows_role(role)
    }

    /// Who a user is whom the rules themselves know.
    pub fn identity_of(&self, user: &Id) -> Option<Identity> {
        let rules = self.in_force();
        let role = rules.known.users.as_ref()?.get(user)?.clone();
        Some(Identity { user: Some(user.clone()), role, ip: None })
    }

    /// Whose token it is.
    pub fn identity(&self, token: &str) -> Option<Identity> {
        self.in_force().known.tokens.get(&digest(token)).cloned()
    }

    fn in_force(&self) -> Arc<InForce> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Rules {
    /// The same caller with the roles and policies of now; nobody, if the rules do
    /// not know them any more, or know another token of theirs.
    pub fn renewed_now(&self, principal: &Principal) -> Principal {
        let rules = self.in_force();
        let ip = principal.ip;
        let nobody = || Identity { ip, ..Identity::default() };
        let is_foreign = principal.proof.as_ref().is_some_and(|proof| proof.is_foreign);
        // An administrator by no policy is none of these rules'.
        if principal.admin && principal.policies.is_empty() {
            return principal.clone();
        }
        let identity = match &principal.user {
            None if is_foreign => Identity { user: None, role: principal.role.clone(), ip },
            None => nobody(),
            Some(user) => match rules.known.users.as_ref().filter(|_| !is_foreign) {
                None => Identity { user: Some(user.clone()), role: principal.role.clone(), ip },
                Some(users) => {
                    let has_token = principal.proof.as_ref().is_none_or(|proof| {
                        rules.known.tokens.get(&proof.token).is_some_and(|known| known.user.as_ref() == Some(user))
                    });
                    match users.get(user).filter(|_| has_token) {
                        Some(role) => Identity { user: Some(user.clone()), role: role.clone(), ip },
                        None => nobody(),
                    }
                }
            },
        };
        let is_same = identity.user.is_some() || is_foreign;
        let proof = principal.proof.clone().filter(|_| is_same);
        let renewed = rules.known.set.principal(identity).proved_by(proof);
        renewed.with_agent(principal.agent.clone()).knowing_what(principal)
    }
}

impl Decides for Rules {
    fn access(&self, principal: &Principal, catalog: &Catalog) -> Access {
        let rules = self.in_force();
        let standing = Standing::of(principal);
        rules.accesses.get_with_by_ref(&standing, || {
            let (access, left_out) = rules.known.set.access(&standing, catalog);
            for permission in left_out {
                tracing::warn!("{permission}");
            }
            access
        })
    }

    fn renewed(&self, principal: &Principal) -> Principal {
        self.renewed_now(principal)
    }
}
