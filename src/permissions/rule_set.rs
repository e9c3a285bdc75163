//! Roles, policies and their permissions, and what they come to for one caller
//! (contract `permissions.md` 2 to 4).

use core::net::IpAddr;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    sync::Arc,
};

use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::{
    Access, Addresses, Fields, Grant,
    access::{Rights, TableRights},
    app, validation,
};
use crate::{
    catalog::{Catalog, Table, TableId},
    predicate::{self, Context, Input, Predicate},
    principal::{Id, Principal},
};

/// Deepest path of a rule.
const MAX_DEPTH: usize = 10;

/// What is done with items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// New ones are made.
    Create,
    /// They are read.
    Read,
    /// They are changed.
    Update,
    /// They are removed.
    Delete,
}

impl Action {
    /// The action of that name; sharing is none of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "create" => Some(Self::Create),
            "read" => Some(Self::Read),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// One right that a policy gives: a row of `directus_permissions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Permission {
    /// The collection.
    pub collection: String,
    /// What may be done with its items.
    pub action: Action,
    /// With which of their fields.
    pub fields: Fields,
    /// With which items: a filter; null is all of them.
    pub rows: Json,
    /// What must hold of what is written: a filter on the payload; null is nothing.
    pub validation: Json,
    /// Values of fields that are not given.
    pub presets: Map<String, Json>,
}

/// One policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyRules {
    /// Whether it allows everything.
    pub admin: bool,
    /// Whether it allows what whoever works with the data's administration needs,
    /// see `schema/app_access.toml`.
    pub app: bool,
    /// From where it applies.
    pub addresses: Addresses,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// Whom a policy is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Whoever has a role, or one below it.
    ToRole(Id),
    /// A user.
    ToUser(Id),
    /// Whoever has no role.
    ToPublic,
}

/// A policy that is given to somebody: a row of `directus_access`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// Which policy.
    pub policy: Id,
    /// To whom.
    pub given: Given,
    /// Its place among those of the same role or user.
    pub sort: Option<i64>,
}

/// Who somebody proved to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; none is the public.
    pub user: Option<Id>,
    /// The user's own role.
    pub role: Option<Id>,
    /// The client's address.
    pub ip: Option<IpAddr>,
}

/// All roles and policies at one moment.
#[derive(Debug, Default, PartialEq)]
pub struct RuleSet {
    /// Roles with those above them.
    parents: HashMap<Id, Option<Id>>,
    policies: HashMap<Id, PolicyRules>,
    attached: Vec<Attached>,
}

/// What an access depends on: policies in their order, and whether there are a
/// user and a role that rules may name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    policies: Arc<[Id]>,
    app: bool,
    has_user: bool,
    has_role: bool,
    /// What rules may name of the caller's own rows; anything else is null.
    paths: Arc<[String]>,
}

impl Standing {
    /// A principal's.
    pub fn of(principal: &Principal) -> Self {
        let (has_user, has_role) = (principal.user.is_some(), principal.role.is_some());
        let paths = principal.known_paths().map(str::to_owned).collect();
        Self { policies: principal.policies.clone(), app: principal.app, has_user, has_role, paths }
    }
}

/// A permission that was left out: nothing, rather than more than was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission to {action:?} {collection} is left out, its rule cannot be used: {error}")]
pub struct LeftOut {
    /// The collection.
    pub collection: String,
    /// What it would have allowed.
    pub action: Action,
    /// Why it cannot be used.
    pub error: predicate::Error,
}

impl RuleSet {
    /// Roles, each with the one above it; policies; and who has which.
    pub fn new(
        parents: HashMap<Id, Option<Id>>,
        policies: HashMap<Id, PolicyRules>,
        mut attached: Vec<Attached>,
    ) -> Self {
        attached.sort_by_key(|attached| attached.sort.unwrap_or(i64::MAX));
        Self { parents, policies, attached }
    }

    /// Who somebody is here: their roles and the policies that apply.
    pub fn principal(&self, identity: Identity) -> Principal {
        let Identity { user, role, ip } = identity;
        let roles = self.chain(role.as_ref());
        let place = |attached: &Attached| match &attached.given {
            Given::ToRole(role) => roles.iter().position(|known| known == role),
            Given::ToUser(of) => user.as_ref().filter(|user| *user == of).map(|_| roles.len()),
            // Whoever has a role does not inherit what the public may.
            Given::ToPublic => roles.is_empty().then_some(0),
        };
        let applies = |policy: &Id| self.policies.get(policy).is_some_and(|rules| rules.addresses.contain(ip));
        let mut placed: Vec<(usize, &Id)> = self
            .attached
            .iter()
            .filter_map(|attached| Some((place(attached)?, &attached.policy)))
            .filter(|(_, policy)| applies(policy))
            .collect();
        placed.sort_by_key(|(place, _)| *place);
        let policies: Arc<[Id]> = placed.into_iter().map(|(_, policy)| policy.clone()).collect();
        let admin = policies.iter().any(|policy| self.policies[policy].admin);
        let mut principal = Principal::public().at(ip);
        let app = admin || policies.iter().any(|policy| self.policies[policy].app);
        (principal.admin, principal.app, principal.user, principal.role) = (admin, app, user, role);
        (principal.roles, principal.policies) = (roles, policies);
        principal.with_values(BTreeMap::new())
    }

    /// Whether there is a role.
    pub fn knows_role(&self, role: &Id) -> bool {
        self.parents.contains_key(role)
    }

    /// A role and those above it, the topmost first. Of roles that are above
    /// themselves, each once.
    fn chain(&self, role: Option<&Id>) -> Arc<[Id]> {
        let mut chain: Vec<Id> = Vec::new();
        let mut next = role;
        while let Some(role) = next.filter(|role| !chain.contains(role)) {
            let Some(parent) = self.parents.get(role) else { break };
            chain.push(role.clone());
            next = parent.as_ref();
        }
        chain.reverse();
        chain.into()
    }

    /// What of it cannot be used with a catalog, in words: collections and fields
    /// that there are not, rules that make no sense.
    pub fn faults(&self, catalog: &Catalog) -> Vec<String> {
        let standing =
            Standing { policies: Arc::default(), app: false, has_user: true, has_role: true, paths: Arc::default() };
        let mut faults = Vec::new();
        for (policy, rules) in &self.policies {
            for permission in &rules.permissions {
                let collection = &permission.collection;
                let Some(table) = catalog.collection(collection) else {
                    faults.push(format!("policy `{policy}`: there is no collection `{collection}`"));
                    continue;
                };
                let given = match &permission.fields {
                    Fields::All => None,
                    Fields::Only(names) => Some(names.iter()),
                };
                let validated = permission.validation.as_object().into_iter().flat_map(Map::keys);
                let validated = validated.filter(|name| !matches!(name.as_str(), "_and" | "_or"));
                let given = given.into_iter().flatten().chain(permission.presets.keys()).chain(validated);
                for field in given.filter(|field| table.field(field).is_none()) {
                    faults.push(format!("policy `{policy}`: there is no field `{field}` in `{collection}`"));
                }
                if let Some(fault) = validation::fault(&permission.validation) {
                    faults.push(format!("policy `{policy}`, validation of `{collection}`: {fault}"));
                }
                if is_hollow(&permission.rows) {
                    faults.push(format!(
                        "policy `{policy}`, rows of `{collection}`: an empty condition would be about all rows"
                    ));
                }
                if let Err(error) = rows(permission, table, catalog, &standing) {
                    faults.push(format!("policy `{policy}`, rows of `{collection}`: {error}"));
                }
            }
        }
        faults.sort_unstable();
        faults
    }

    /// What rules name of the caller's own rows, for whoever stands so:
    /// `$CURRENT_USER.team` and the like.
    pub fn paths(&self, standing: &Standing) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let policies = standing.policies.iter().filter_map(|policy| self.policies.get(policy));
        for permission in policies.flat_map(|policy| &policy.permissions) {
            add_paths(&permission.rows, &mut paths);
            add_paths(&permission.validation, &mut paths);
            permission.presets.values().for_each(|preset| add_paths(preset, &mut paths));
        }
        paths
    }

    /// What policies allow whoever stands so, and the permissions that had to be
    /// left out.
    pub fn access(&self, standing: &Standing, catalog: &Catalog) -> (Access, Vec<LeftOut>) {
        let mut tables: HashMap<TableId, TableRights> = HashMap::new();
        let mut left_out = Vec::new();
        let policies = standing.policies.iter().filter_map(|policy| self.policies.get(policy));
        let of_app = if standing.app { app::permissions() } else { &[] };
        for permission in policies.flat_map(|policy| &policy.permissions).chain(of_app) {
            let Some(table) = catalog.collection(&permission.collection) else { continue };
            let rights = tables.entry(table.id).or_default();
            let rights = match permission.action {
                Action::Create => &mut rights.create,
                Action::Read => &mut rights.read,
                Action::Update => &mut rights.update,
                Action::Delete => &mut rights.delete,
            };
            // What must hold must hold also where it grants nothing.
            rights.demand(permission);
            match rows(permission, table, catalog, standing) {
                Ok(rows) => rights.add(permission, rows),
                Err(error) => {
                    let (collection, action) = (permission.collection.clone(), permission.action);
                    left_out.push(LeftOut { collection, action, error });
                }
            }
        }
        (Access::of_tables(fingerprint(&tables), tables), left_out)
    }
}

impl Rights {
    /// Adds what one permission gives: of all of them the presets count, and all
    /// that must hold must hold, whatever rows they are about.
    fn add(&mut self, permission: &Permission, rows: Predicate) {
        match self.grants.iter_mut().find(|grant| grant.rows == rows) {
            Some(same) => same.fields = union(&same.fields, &permission.fields),
            None => self.grants.push(Grant { fields: permission.fields.clone(), rows }),
        }
        self.presets.extend(permission.presets.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    fn demand(&mut self, permission: &Permission) {
        if permission.validation.as_object().is_some_and(|members| !members.is_empty()) {
            self.validation.push(permission.validation.clone());
        }
    }
}

fn union(one: &Fields, other: &Fields) -> Fields {
    match (one, other) {
        (Fields::Only(one), Fields::Only(other)) => Fields::Only(one.union(other).cloned().collect::<HashSet<_>>()),
        _ => Fields::All,
    }
}

/// The rows that a permission is about; of what is made, there are none yet.
fn rows(
    permission: &Permission,
    table: &Table,
    catalog: &Catalog,
    standing: &Standing,
) -> Result<Predicate, predicate::Error> {
    if permission.action == Action::Create && (permission.rows.is_null() || permission.rows.is_object()) {
        return Ok(Predicate::always());
    }
    let rows = without_the_absent(&permission.rows, standing);
    predicate::parse(Context { catalog, max_depth: MAX_DEPTH }, table, &Input::from(rows))
}

/// A rule in which null stands for a user or role that there is not: an
/// anonymous caller's `{owner: {_eq: "$CURRENT_USER"}}` is about rows without an
/// owner (contract `permissions.md` 4).
fn without_the_absent(rule: &Json, standing: &Standing) -> Json {
    match rule {
        Json::String(text) if text.starts_with("$CURRENT_") && text.contains('.') && !standing.paths.contains(text) => {
            Json::Null
        }
        Json::String(text) if !standing.has_user && names(text, "$CURRENT_USER") => Json::Null,
        Json::String(text) if !standing.has_role && names(text, "$CURRENT_ROLE") => Json::Null,
        Json::Array(items) => items.iter().map(|item| without_the_absent(item, standing)).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), without_the_absent(value, standing))).collect()
        }
        other => other.clone(),
    }
}

fn names(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Adds what a rule names of the caller's own rows.
fn add_paths(rule: &Json, paths: &mut BTreeSet<String>) {
    match rule {
        Json::String(text) if text.starts_with("$CURRENT_") && text.contains('.') => drop(paths.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| add_paths(item, paths)),
        Json::Object(members) => members.values().for_each(|member| add_paths(member, paths)),
        _ => {}
    }
}

/// Whether something within a rule says nothing, where it was meant to say something.
fn is_hollow(rule: &Json) -> bool {
    let is_empty = |part: &Json| match part {
        Json::Object(members) => members.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    };
    match rule {
        Json::Object(members) => members.iter().any(|(name, part)| {
            let is_list_of_values = matches!(name.as_str(), "_in" | "_nin");
            (!is_list_of_values && is_empty(part)) || is_hollow(part)
        }),
        Json::Array(items) => items.iter().any(|part| is_empty(part) || is_hollow(part)),
        _ => false,
    }
}

/// What tables' rights say, in short.
fn fingerprint(tables: &HashMap<TableId, TableRights>) -> String {
    let mut text = String::new();
    let ordered: BTreeMap<u32, &TableRights> = tables.iter().map(|(table, rights)| (table.0, rights)).collect();
    for (table, rights) in ordered {
        write!(text, "{table}").expect("writing to memory does not fail");
        for rights in [&rights.read, &rights.create, &rights.update, &rights.delete] {
            for grant in &rights.grants {
                match &grant.fields {
                    Fields::All => text.push('*'),
                    Fields::Only(names) => {
                        let mut names: Vec<&String> = names.iter().collect();
                        names.sort_unstable();
                        write!(text, "{names:?}").expect("writing to memory does not fail");
                    }
                }
                write!(text, "{:?}", grant.rows).expect("writing to memory does not fail");
            }
            write!(text, "|{:?}{:?};", rights.presets, rights.validation).expect("writing to memory does not fail");
        }
    }
    Sha256::digest(text.as_bytes()).iter().fold(String::from("rules:"), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to memory does not fail");
        hex
    })
}
