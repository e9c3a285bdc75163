//! Mutations made up at random, and what they do: the obvious way, one row after
//! another (contract `permissions.md` 6 to 8, `graphql.md` 7.4).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use tidegate::permissions::Action;

use super::{
    filter::spelled,
    rules::{Rights, Seen},
    world::{Holds, Row, Rows, World, value_of},
};
use crate::support::Dice;

/// What is given for a field.
#[derive(Clone, Debug)]
pub enum Given {
    Value(Json),
    One(Payload),
    Many(Vec<Payload>),
}

pub type Payload = BTreeMap<String, Given>;

#[derive(Clone, Debug)]
pub enum Mutation {
    Create(Payload),
    Update(Vec<i64>, Payload),
    Delete(Vec<i64>),
}

/// That something is refused, and why.
pub type Refused = &'static str;

impl Mutation {
    pub fn any(dice: &mut Dice, seen: &Seen<'_>, table: usize, fresh: &mut i64) -> Self {
        let keys: Vec<i64> = seen.plain.rows[table].keys().copied().collect();
        if keys.is_empty() {
            return Self::Create(payload(dice, seen, table, Action::Create, 2, fresh));
        }
        let mut some = |most: u64| -> Vec<i64> {
            let chosen: BTreeSet<i64> = (0..1 + dice.below(most)).map(|_| dice.one(&keys)).collect();
            chosen.into_iter().collect()
        };
        let (few, one) = (some(2), some(1));
        match dice.below(if keys.len() > 9 { 4 } else { 8 }) {
            0 if keys.len() > 2 => Self::Delete(few),
            1 | 2 if keys.len() > 2 => Self::Delete(one),
            0..5 => Self::Update(one, payload(dice, seen, table, Action::Update, 2, fresh)),
            5 => Self::Update(few, payload(dice, seen, table, Action::Update, 0, fresh)),
            _ => Self::Create(payload(dice, seen, table, Action::Create, 2, fresh)),
        }
    }

    /// The root field, without what is selected of its answer.
    pub fn field(&self, name: &str) -> (String, String) {
        match self {
            Self::Create(payload) => (format!("create_{name}_item"), format!("(data: {})", spelled(&json_of(payload)))),
            Self::Update(keys, payload) if keys.len() == 1 => {
                (format!("update_{name}_item"), format!("(id: {}, data: {})", keys[0], spelled(&json_of(payload))))
            }
            Self::Update(keys, payload) => {
                (format!("update_{name}_items"), format!("(ids: {keys:?}, data: {})", spelled(&json_of(payload))))
            }
            Self::Delete(keys) => (format!("delete_{name}_items"), format!("(ids: {keys:?})")),
        }
    }
}

fn json_of(payload: &Payload) -> Json {
    let value = |given: &Given| match given {
        Given::Value(value) => value.clone(),
        Given::One(payload) => json_of(payload),
        Given::Many(payloads) => payloads.iter().map(json_of).collect(),
    };
    Json::Object(payload.iter().map(|(name, given)| (name.clone(), value(given))).collect::<Map<_, _>>())
}

/// Whether a payload may hold objects for rows of a table.
fn writes_through(world: &World, rights: &Rights, table: usize, action: Action) -> bool {
    world.tables[table].columns.iter().any(|column| rights.allows(table, action, &column.name))
}

fn payload(dice: &mut Dice, seen: &Seen<'_>, table: usize, action: Action, depth: usize, fresh: &mut i64) -> Payload {
    let (world, rights) = (seen.plain.world, seen.rights);
    let mut payload = Payload::new();
    let may = |table: usize, field: &str| rights.allows(table, action, field);
    // A key of its own, and now and then what may not be given.
    if action == Action::Create && may(table, "id") {
        *fresh += 1;
        payload.insert("id".to_owned(), Given::Value(json!(*fresh)));
    }
    for column in &world.tables[table].columns {
        if !(may(table, &column.name) || dice.below(40) == 0) || dice.below(3) == 0 {
            continue;
        }
        let given = match column.holds {
            Holds::Key => continue,
            Holds::Number | Holds::Text => Given::Value(value_of(dice, column.holds)),
            Holds::Link(target) => {
                let keys: Vec<i64> = seen.plain.rows[target].keys().copied().collect();
                let key = if keys.is_empty() || dice.below(4) == 0 { Json::Null } else { json!(dice.one(&keys)) };
                match writes_through(world, rights, target, action) {
                    false => Given::Value(key),
                    true if depth == 0 || key.is_null() => Given::Value(Json::Null),
                    true => Given::One(related(dice, seen, target, action, depth, key, fresh)),
                }
            }
        };
        payload.insert(column.name.clone(), given);
    }
    for list in &world.tables[table].lists {
        let fits = may(table, &list.name) && writes_through(world, rights, list.child, action);
        if depth == 0 || !fits || dice.below(3) > 0 {
            continue;
        }
        let mut payloads = Vec::new();
        let keys: Vec<i64> = seen.plain.rows[list.child].keys().copied().collect();
        if !keys.is_empty() && dice.below(3) > 0 && may(list.child, "id") {
            payloads.push(Payload::from([("id".to_owned(), Given::Value(json!(dice.one(&keys))))]));
        }
        if dice.below(2) == 0 {
            let mut new = self::payload(dice, seen, list.child, action, depth - 1, fresh);
            if may(list.child, "id") {
                *fresh += 1;
                new.insert("id".to_owned(), Given::Value(json!(*fresh)));
            }
            new.remove(&list.link);
            payloads.push(new);
        }
        payload.insert(list.name.clone(), Given::Many(payloads));
    }
    payload
}

/// An object for a row that is pointed to: its key, its key and more, or a new one.
fn related(
    dice: &mut Dice,
    seen: &Seen<'_>,
    target: usize,
    action: Action,
    depth: usize,
    key: Json,
    fresh: &mut i64,
) -> Payload {
    let mut more = payload(dice, seen, target, action, depth - 1, fresh);
    if !seen.rights.allows(target, action, "id") {
        return more;
    }
    match dice.below(3) {
        0 => more.clear(),
        1 => {}
        _ => {
            *fresh += 1;
            more.insert("id".to_owned(), Given::Value(json!(*fresh)));
            return more;
        }
    }
    more.insert("id".to_owned(), Given::Value(key));
    more
}

/// Writes rows in memory.
pub struct Writer<'a> {
    pub world: &'a World,
    pub rights: &'a Rights,
    pub user: Option<&'a str>,
    pub rows: Rows,
}

impl Writer<'_> {
    fn seen(&self) -> Seen<'_> {
        Seen::new(self.world, &self.rows, self.rights, self.user)
    }

    /// Does it; the keys of the rows that it is about.
    pub fn run(&mut self, table: usize, mutation: &Mutation) -> Result<Vec<i64>, Refused> {
        match mutation {
            Mutation::Create(payload) => {
                self.fits(table, Action::Create, payload)?;
                Ok(vec![self.create(table, payload)?])
            }
            Mutation::Update(keys, payload) => {
                self.fits(table, Action::Update, payload)?;
                self.update(table, keys, payload)?;
                Ok(keys.clone())
            }
            Mutation::Delete(keys) => {
                self.delete(table, keys)?;
                Ok(keys.clone())
            }
        }
    }

    /// Whether the schema has a place for all of a payload.
    fn fits(&self, table: usize, action: Action, payload: &Payload) -> Result<(), Refused> {
        let lists = self.world.tables[table].lists.iter();
        let mut lists = lists.filter(|list| self.rights.allows(table, action, &list.name));
        if !writes_through(self.world, self.rights, table, action)
            && !lists.any(|list| writes_through(self.world, self.rights, list.child, action))
        {
            return Err("there is nothing that could be given");
        }
        for (name, given) in payload {
            if !self.rights.allows(table, action, name) {
                return Err("there is no such field");
            }
            let names = &self.world.tables[table];
            let target = names.target(name).or_else(|| names.list(name).map(|list| list.child));
            match (given, target) {
                (Given::One(payload), Some(target)) => self.fits(target, action, payload)?,
                (Given::Many(payloads), Some(target)) => {
                    payloads.iter().try_for_each(|payload| self.fits(target, action, payload))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The values that a payload sets, with what is preset, once they have passed.
    fn values(&self, table: usize, action: Action, payload: &Payload) -> Result<Row, Refused> {
        if !self.rights.may(table, action) {
            return Err("nothing of the kind may be done here");
        }
        if payload.keys().any(|name| !self.rights.allows(table, action, name)) {
            return Err("a field may not be given");
        }
        let mut values = self.rights.presets(table, action);
        values.extend(payload.iter().filter_map(|(name, given)| match given {
            Given::Value(value) => Some((name.clone(), value.clone())),
            Given::One(_) | Given::Many(_) => None,
        }));
        if !self.rights.validates(table, action, &values) {
            return Err("a value breaks a rule");
        }
        Ok(values)
    }

    fn create(&mut self, table: usize, payload: &Payload) -> Result<i64, Refused> {
        let mut values = self.values(table, Action::Create, payload)?;
        self.link(table, payload, &mut values)?;
        let key = values.get("id").and_then(Json::as_i64).ok_or("there is no key")?;
        if self.rows[table].contains_key(&key) {
            return Err("the key is another row's");
        }
        let value = |name: &String| values.get(name).cloned().unwrap_or_default();
        let row = self.world.tables[table].columns.iter().map(|column| (column.name.clone(), value(&column.name)));
        self.rows[table].insert(key, row.collect());
        self.list(table, key, payload, true)?;
        Ok(key)
    }

    fn update(&mut self, table: usize, keys: &[i64], payload: &Payload) -> Result<(), Refused> {
        let mut values = self.values(table, Action::Update, payload)?;
        self.link(table, payload, &mut values)?;
        values.remove("id");
        let fields: Vec<&str> = payload.keys().map(String::as_str).filter(|name| *name != "id").collect();
        for key in keys {
            let row = self.rows[table].get(key).ok_or("there is no such row")?;
            if !self.seen().may_all(table, Action::Update, row, &fields) {
                return Err("a field of the row may not be changed");
            }
        }
        for key in keys {
            let row = self.rows[table].get_mut(key).expect("looked at above");
            row.extend(values.clone());
        }
        keys.iter().try_for_each(|key| self.list(table, *key, payload, false))
    }

    /// Rows that are pointed to.
    fn link(&mut self, table: usize, payload: &Payload, values: &mut Row) -> Result<(), Refused> {
        for (name, given) in payload {
            if let (Given::One(payload), Some(target)) = (given, self.world.tables[table].target(name)) {
                values.insert(name.clone(), json!(self.relate(target, payload)?));
            }
        }
        Ok(())
    }

    /// Whether a row can be pointed to: it may be read, else changed.
    fn is_visible(&self, table: usize, key: i64) -> Result<bool, Refused> {
        let action = [Action::Read, Action::Update].into_iter().find(|action| self.rights.may(table, *action));
        let row = self.rows[table].get(&key);
        match action {
            Some(action) => Ok(row.is_some_and(|row| self.seen().may(table, action, row))),
            None if self.rights.may(table, Action::Create) => Ok(row.is_some()),
            None => Err("nothing may be done with what is pointed to"),
        }
    }

    fn relate(&mut self, target: usize, payload: &Payload) -> Result<i64, Refused> {
        let key = key_of(payload);
        match key {
            Some(key) if self.is_visible(target, key)? => {
                if payload.len() > 1 {
                    self.update(target, &[key], payload)?;
                }
                Ok(key)
            }
            _ => {
                self.is_visible(target, 0)?;
                self.create(target, payload)
            }
        }
    }

    /// Complete new sets of rows that point here.
    fn list(&mut self, table: usize, key: i64, payload: &Payload, is_new: bool) -> Result<(), Refused> {
        for (name, given) in payload {
            let Given::Many(payloads) = given else { continue };
            let list = self.world.tables[table].list(name).expect("it is a list").clone();
            let child = list.child;
            self.is_visible(child, 0)?;
            let mut kept = BTreeSet::new();
            for key in payloads.iter().filter_map(key_of) {
                if self.is_visible(child, key)? {
                    kept.insert(key);
                }
            }
            if !is_new {
                let mut gone = Vec::new();
                for (other, row) in &self.rows[child] {
                    if row[&list.link] == json!(key) && !kept.contains(other) && self.is_visible(child, *other)? {
                        gone.push(*other);
                    }
                }
                if !gone.is_empty() {
                    let nothing = Payload::from([(list.link.clone(), Given::Value(Json::Null))]);
                    self.update(child, &gone, &nothing)?;
                }
            }
            let (known, new): (Vec<&Payload>, Vec<&Payload>) =
                payloads.iter().partition(|payload| key_of(payload).is_some_and(|key| kept.contains(&key)));
            for payload in known {
                let other = key_of(payload).expect("it is known by its key");
                let is_there = self.rows[child][&other][&list.link] == json!(key);
                if !is_there || payload.len() > 1 {
                    self.update(child, &[other], &pointing(payload, &list.link, key))?;
                }
            }
            for payload in new {
                self.create(child, &pointing(payload, &list.link, key))?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, table: usize, keys: &[i64]) -> Result<(), Refused> {
        if !self.rights.may(table, Action::Delete) {
            return Err("nothing may be deleted here");
        }
        for key in keys {
            let row = self.rows[table].get(key).ok_or("there is no such row")?;
            if !self.seen().may(table, Action::Delete, row) {
                return Err("the row may not be deleted");
            }
        }
        let mut gone: Vec<(usize, i64)> = keys.iter().map(|key| (table, *key)).collect();
        while let Some((table, key)) = gone.pop() {
            self.rows[table].remove(&key);
            for (child, names) in self.world.tables.iter().enumerate() {
                for column in names.columns.iter().filter(|column| column.holds == Holds::Link(table)) {
                    let points = |row: &Row| row[&column.name] == json!(key);
                    if column.cascades {
                        let rows = self.rows[child].iter().filter(|(_, row)| points(row));
                        gone.extend(rows.map(|(key, _)| (child, *key)));
                        continue;
                    }
                    for row in self.rows[child].values_mut().filter(|row| points(row)) {
                        row.insert(column.name.clone(), Json::Null);
                    }
                }
            }
        }
        Ok(())
    }
}

fn key_of(payload: &Payload) -> Option<i64> {
    match payload.get("id")? {
        Given::Value(key) => key.as_i64(),
        Given::One(_) | Given::Many(_) => None,
    }
}

fn pointing(payload: &Payload, link: &str, key: i64) -> Payload {
    let mut payload = payload.clone();
    payload.insert(link.to_owned(), Given::Value(json!(key)));
    payload
}
