//! Policies made up at random, who has them, and what they come to for a caller:
//! the obvious way.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};

use serde_json::{Map, Value as Json, json};
use tidegate::{
    permissions::{Action, Attached, Fields, Given, Identity, Permission, PolicyRules, RuleSet},
    principal::Id,
};

use super::{
    filter::{Filter, View, Way},
    world::{Holds, List, Row, Rows, World, value_of},
};
use crate::support::Dice;

pub const ACTIONS: [Action; 4] = [Action::Read, Action::Create, Action::Update, Action::Delete];

/// Who asks: a user whose role is below another one, a user without a role, the
/// public.
pub const CALLERS: [Who; 3] = [
    Who { user: Some("ann"), role: Some("low"), has: &["top", "low", "ann"] },
    Who { user: Some("bob"), role: None, has: &["public", "bob"] },
    Who { user: None, role: None, has: &["public"] },
];

#[derive(Clone, Copy, Debug)]
pub struct Who {
    pub user: Option<&'static str>,
    pub role: Option<&'static str>,
    /// What the policies are given to that they have, in their order.
    has: &'static [&'static str],
}

impl Who {
    pub fn identity(self) -> Identity {
        Identity { user: self.user.map(Id::from), role: self.role.map(Id::from), ip: None }
    }
}

#[derive(Clone)]
struct Right {
    table: usize,
    action: Action,
    /// All of them if none are named.
    fields: Option<BTreeSet<String>>,
    rows: Option<Filter>,
    presets: Row,
    validation: Option<Filter>,
}

impl Right {
    fn any(dice: &mut Dice, world: &World, table: usize, action: Action) -> Self {
        let all = world.tables[table].fields();
        let fields = (dice.below(4) > 0).then(|| {
            let mut chosen: BTreeSet<String> =
                all.iter().filter(|_| dice.below(3) > 0).map(|name| (*name).to_owned()).collect();
            // Without its key a row can be neither named nor linked.
            if dice.below(4) > 0 {
                chosen.insert("id".to_owned());
            }
            chosen
        });
        let anything = |_: usize, _: &str| true;
        let depth = dice.below(3) as usize;
        let rows = match action {
            Action::Create => None,
            _ if dice.below(3) == 0 => None,
            _ => Filter::any(dice, world, table, &anything, true, depth),
        };
        let writes = matches!(action, Action::Create | Action::Update);
        let mut presets = Row::new();
        let mut validation = None;
        if writes && dice.below(3) == 0 {
            let columns = &world.tables[table].columns;
            let column = &columns[1 + dice.below(columns.len() as u64 - 1) as usize];
            if !matches!(column.holds, Holds::Link(_)) {
                presets.insert(column.name.clone(), value_of(dice, column.holds));
            }
        }
        if writes && dice.below(3) == 0 {
            let own = |_: usize, field: &str| field.starts_with(['n', 'w']);
            validation = Filter::any(dice, world, table, &own, false, 0);
        }
        Self { table, action, fields, rows, presets, validation }
    }

    fn covers(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.contains(field))
    }

    fn permission(&self, world: &World) -> Permission {
        let names = |fields: &BTreeSet<String>| Fields::Only(fields.iter().cloned().collect::<HashSet<_>>());
        Permission {
            collection: world.tables[self.table].name.clone(),
            action: self.action,
            fields: self.fields.as_ref().map_or(Fields::All, names),
            rows: self.rows.as_ref().map_or(Json::Null, Filter::json),
            validation: self.validation.as_ref().map_or(Json::Null, Filter::json),
            presets: self.presets.clone().into_iter().collect::<Map<_, _>>(),
        }
    }
}

impl fmt::Debug for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, validation) = (self.rows.as_ref().map(Filter::json), self.validation.as_ref().map(Filter::json));
        let of = |json: Option<Json>| json.map_or(String::new(), |json| json.to_string());
        let (rows, validation, presets) = (of(rows), of(validation), json!(self.presets));
        write!(f, "\n{:?} t{} {:?} of {rows} with {presets} if {validation}", self.action, self.table, self.fields)
    }
}

/// Policies, each given to somebody.
#[derive(Clone, Debug)]
pub struct Rulebook(Vec<(&'static str, Vec<Right>)>);

impl Rulebook {
    pub fn any(dice: &mut Dice, world: &World) -> Self {
        let policies = (0..3 + dice.below(3)).map(|_| {
            let to = dice.one(&["top", "low", "ann", "public", "public", "bob"]);
            let mut rights = Vec::new();
            for table in 0..world.tables.len() {
                for action in ACTIONS {
                    let often = if action == Action::Read { 3 } else { 2 };
                    for _ in 0..dice.below(often) {
                        rights.push(Right::any(dice, world, table, action));
                    }
                }
            }
            (to, rights)
        });
        Self(policies.collect())
    }

    pub fn to_rules(&self, world: &World) -> RuleSet {
        let id = |at: usize| Id::from(format!("p{at}").as_str());
        let mut policies = HashMap::new();
        let mut attached = Vec::new();
        for (at, (to, rights)) in self.0.iter().enumerate() {
            let permissions = rights.iter().map(|right| right.permission(world)).collect();
            policies.insert(id(at), PolicyRules { permissions, ..PolicyRules::default() });
            let given = match *to {
                "public" => Given::ToPublic,
                role @ ("top" | "low") => Given::ToRole(role.into()),
                user => Given::ToUser(user.into()),
            };
            attached.push(Attached { policy: id(at), given, sort: None });
        }
        let roles = HashMap::from([("top".into(), None), ("low".into(), Some("top".into()))]);
        RuleSet::new(roles, policies, attached)
    }

    /// What somebody has of it.
    pub fn rights(&self, who: Who) -> Rights {
        let of = |to: &'static str| self.0.iter().filter(move |(given, _)| *given == to);
        Rights(who.has.iter().flat_map(|to| of(to)).flat_map(|(_, rights)| rights).cloned().collect())
    }
}

/// Everything that somebody may do.
#[derive(Clone, Debug)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// Everything that there is.
    pub fn all(world: &World) -> Self {
        let right =
            |table, action| Right { table, action, fields: None, rows: None, presets: Row::new(), validation: None };
        let tables = 0..world.tables.len();
        Self(tables.flat_map(|table| ACTIONS.map(|action| right(table, action))).collect())
    }

    fn of(&self, table: usize, action: Action) -> impl Iterator<Item = &Right> {
        self.0.iter().filter(move |right| right.table == table && right.action == action)
    }

    pub fn may(&self, table: usize, action: Action) -> bool {
        self.of(table, action).next().is_some()
    }

    /// Whether a field may be used, of some rows at least.
    pub fn allows(&self, table: usize, action: Action, field: &str) -> bool {
        self.of(table, action).any(|right| right.covers(field))
    }

    /// Whether all of a table may be read.
    pub fn is_whole(&self, table: usize) -> bool {
        self.of(table, Action::Read).any(|right| right.fields.is_none() && right.rows.is_none())
    }

    /// Whether what may be read of a table depends on other rows, and not of all its
    /// fields in the same way.
    pub fn is_intricate(&self, table: usize) -> bool {
        let is_related = |right: &Right| right.rows.as_ref().is_some_and(Filter::is_related);
        self.of(table, Action::Read).any(is_related) && self.of(table, Action::Read).any(|right| right.fields.is_some())
    }

    pub fn presets(&self, table: usize, action: Action) -> Row {
        self.of(table, action).flat_map(|right| right.presets.clone()).collect()
    }

    /// Whether a payload passes all that it must.
    pub fn validates(&self, table: usize, action: Action, payload: &BTreeMap<String, Json>) -> bool {
        self.of(table, action).filter_map(|right| right.validation.as_ref()).all(|filter| validates(filter, payload))
    }
}

/// What is not given passes, and null is a value like others.
fn validates(filter: &Filter, payload: &BTreeMap<String, Json>) -> bool {
    let Filter::Test { field, operator, operand } = filter else { unreachable!("made without depth") };
    let Some(value) = payload.get(field) else { return true };
    match *operator {
        "_null" => value.is_null() == (*operand == json!(true)),
        "_eq" => value == operand,
        "_neq" => value != operand,
        "_in" => operand.as_array().is_some_and(|values| values.contains(value)),
        "_contains" => value.as_str().zip(operand.as_str()).is_some_and(|(text, part)| text.contains(part)),
        "_gt" => !value.is_null() && value.as_i64() > operand.as_i64(),
        "_lte" => !value.is_null() && value.as_i64() <= operand.as_i64(),
        other => unreachable!("{other}"),
    }
}

/// Rows as they are, for rules.
pub struct Plain<'a> {
    pub world: &'a World,
    pub rows: &'a Rows,
    pub user: Option<&'a str>,
}

impl View for Plain<'_> {
    fn world(&self) -> &World {
        self.world
    }

    fn value(&self, _: usize, row: &Row, field: &str) -> Json {
        row[field].clone()
    }

    fn one(&self, table: usize, row: &Row, link: &str) -> Way<'_> {
        let target = self.world.tables[table].target(link).expect("it is a link");
        let row = row[link].as_i64().and_then(|key| self.rows[target].get(&key));
        row.map_or(Way::Nothing, Way::To)
    }

    fn many(&self, _: usize, row: &Row, list: &List) -> Option<Vec<&Row>> {
        Some(self.rows[list.child].values().filter(|child| child[&list.link] == row["id"]).collect())
    }

    fn user(&self) -> Option<&str> {
        self.user
    }
}

/// What a caller sees of rows.
pub struct Seen<'a> {
    pub rights: &'a Rights,
    pub plain: Plain<'a>,
}

impl<'a> Seen<'a> {
    pub fn new(world: &'a World, rows: &'a Rows, rights: &'a Rights, user: Option<&'a str>) -> Self {
        Self { rights, plain: Plain { world, rows, user } }
    }

    /// The rights to do something with a row.
    fn rights_to(&self, table: usize, action: Action, row: &Row) -> impl Iterator<Item = &Right> {
        let holds =
            move |right: &&Right| right.rows.as_ref().is_none_or(|filter| filter.holds(&self.plain, table, Some(row)));
        self.rights.of(table, action).filter(holds)
    }

    /// Whether something may be done with a row at all.
    pub fn may(&self, table: usize, action: Action, row: &Row) -> bool {
        self.rights_to(table, action, row).next().is_some()
    }

    /// Whether something may be done with each of some fields of a row.
    pub fn may_all(&self, table: usize, action: Action, row: &Row, fields: &[&str]) -> bool {
        let may = |field: &&str| self.rights_to(table, action, row).any(|right| right.covers(field));
        self.may(table, action, row) && fields.iter().all(may)
    }

    pub fn is_seen(&self, table: usize, row: &Row, field: &str) -> bool {
        self.rights_to(table, Action::Read, row).any(|right| right.covers(field))
    }

    /// Whether a row is there for who asks for some fields; for all if for none.
    pub fn is_there(&self, table: usize, row: &Row, asked: &[&str]) -> bool {
        let counts = |right: &Right| asked.is_empty() || asked.iter().any(|field| right.covers(field));
        self.rights_to(table, Action::Read, row).any(counts)
    }

    /// Whether a relation may be followed, from some rows at least.
    pub fn leads(&self, table: usize, field: &str) -> bool {
        let reads = |table, field| self.rights.allows(table, Action::Read, field);
        let names = &self.plain.world.tables[table];
        match (names.target(field), names.list(field)) {
            (Some(target), _) => reads(table, field) && self.rights.may(target, Action::Read),
            (None, Some(list)) => {
                reads(table, field)
                    && reads(table, "id")
                    && self.rights.may(list.child, Action::Read)
                    && reads(list.child, &list.link)
            }
            (None, None) => false,
        }
    }

    /// Whether a field can be named: filtered by, selected.
    pub fn is_known(&self, table: usize, field: &str) -> bool {
        let names = &self.plain.world.tables[table];
        match names.target(field).is_some() || names.list(field).is_some() {
            true => self.leads(table, field),
            false => self.rights.allows(table, Action::Read, field),
        }
    }

    /// The rows of a list; none where it may not be seen.
    pub fn listed(&self, table: usize, row: &Row, list: &List) -> Option<Vec<&Row>> {
        if !self.is_seen(table, row, &list.name) || !self.is_seen(table, row, "id") {
            return None;
        }
        let rows = self.plain.many(table, row, list)?.into_iter();
        Some(rows.filter(|child| self.is_seen(list.child, child, &list.link)).collect())
    }
}

impl View for Seen<'_> {
    fn world(&self) -> &World {
        self.plain.world
    }

    fn value(&self, table: usize, row: &Row, field: &str) -> Json {
        if self.is_seen(table, row, field) { row[field].clone() } else { Json::Null }
    }

    fn one(&self, table: usize, row: &Row, link: &str) -> Way<'_> {
        if !self.is_seen(table, row, link) {
            return Way::Hidden;
        }
        let target = self.plain.world.tables[table].target(link).expect("it is a link");
        match self.plain.one(table, row, link) {
            Way::To(other) if self.is_there(target, other, &[]) => Way::To(other),
            Way::To(_) | Way::Nothing | Way::Hidden => Way::Nothing,
        }
    }

    fn many(&self, table: usize, row: &Row, list: &List) -> Option<Vec<&Row>> {
        self.listed(table, row, list)
    }

    fn user(&self) -> Option<&str> {
        self.plain.user
    }
}
