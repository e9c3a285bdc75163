//! Mutations as they are generated, shrunk and written as GraphQL.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::{Map, Value as Json};

use super::tables::{Relation, Table};

/// An item as a client gives it. A key that the database will make up is the
/// text `@` and its number, see [`made_number`](super::state::made_number).
pub type Payload = Map<String, Json>;

#[derive(Clone, Debug)]
pub struct Document {
    pub one_transaction: bool,
    pub fields: Vec<Field>,
}

/// A root field.
#[derive(Clone, Debug)]
pub struct Field {
    pub table: &'static Table,
    pub operation: Operation,
}

/// Keys are payloads of the key's columns alone.
#[derive(Clone, Debug)]
pub enum Operation {
    CreateItem(Payload),
    CreateItems(Vec<Payload>),
    UpsertItem(Payload, Option<Vec<&'static str>>),
    UpsertItems(Vec<Payload>, Option<Vec<&'static str>>),
    UpdateItem(Payload, Payload),
    UpdateItems(Vec<Payload>, Payload),
    UpdateBatch(Vec<Payload>),
    UpdateWhere(Filter, usize, Payload),
    DeleteItem(Payload),
    DeleteItems(Vec<Payload>),
    DeleteWhere(Filter, usize),
}

#[derive(Clone, Debug)]
pub enum Filter {
    /// Marks between two numbers.
    Marks(i64, i64),
    /// A column holds a value.
    Is(&'static str, Json),
    /// A column points to a row.
    PointsTo(&'static str, Json),
}

impl Operation {
    /// Whether its field is never null, so that a failure ends the document.
    pub fn is_non_null(&self) -> bool {
        matches!(
            self,
            Self::CreateItems(_)
                | Self::UpsertItems(..)
                | Self::UpdateItems(..)
                | Self::UpdateBatch(_)
                | Self::UpdateWhere(..)
        )
    }

    /// Whether its field is one item or none.
    pub fn is_item(&self) -> bool {
        matches!(self, Self::CreateItem(_) | Self::UpsertItem(..) | Self::UpdateItem(..))
    }

    fn affixes(&self) -> (&'static str, &'static str) {
        match self {
            Self::CreateItem(_) => ("create", "item"),
            Self::CreateItems(_) => ("create", "items"),
            Self::UpsertItem(..) => ("upsert", "item"),
            Self::UpsertItems(..) => ("upsert", "items"),
            Self::UpdateItem(..) => ("update", "item"),
            Self::UpdateItems(..) => ("update", "items"),
            Self::UpdateBatch(_) => ("update", "batch"),
            Self::UpdateWhere(..) => ("update", "where"),
            Self::DeleteItem(_) => ("delete", "item"),
            Self::DeleteItems(_) => ("delete", "items"),
            Self::DeleteWhere(..) => ("delete", "where"),
        }
    }

    /// The payloads in it.
    pub fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        match self {
            Self::CreateItem(payload) | Self::UpsertItem(payload, _) | Self::DeleteItem(payload) => vec![payload],
            Self::CreateItems(payloads)
            | Self::UpsertItems(payloads, _)
            | Self::UpdateBatch(payloads)
            | Self::DeleteItems(payloads) => payloads.iter_mut().collect(),
            Self::UpdateItem(key, payload) => vec![key, payload],
            Self::UpdateItems(keys, payload) => keys.iter_mut().chain([payload]).collect(),
            Self::UpdateWhere(_, _, payload) => vec![payload],
            Self::DeleteWhere(..) => Vec::new(),
        }
    }

    /// The list of payloads or keys that may as well be shorter.
    fn list_mut(&mut self) -> Option<&mut Vec<Payload>> {
        match self {
            Self::CreateItems(payloads)
            | Self::UpsertItems(payloads, _)
            | Self::UpdateBatch(payloads)
            | Self::UpdateItems(payloads, _)
            | Self::DeleteItems(payloads) => Some(payloads),
            _ => None,
        }
    }

    fn filter_mut(&mut self) -> Option<&mut Filter> {
        match self {
            Self::UpdateWhere(filter, ..) | Self::DeleteWhere(filter, _) => Some(filter),
            _ => None,
        }
    }
}

impl Document {
    /// The same with the keys that databases have made up so far. Rows that were
    /// never made have keys that no other row has.
    pub fn resolved(&self, known: &HashMap<i64, i64>) -> Self {
        let mut document = self.clone();
        for field in &mut document.fields {
            for payload in field.operation.payloads_mut() {
                payload.values_mut().for_each(|json| resolve(json, known));
            }
            if let Some(Filter::Is(_, json) | Filter::PointsTo(_, json)) = field.operation.filter_mut() {
                resolve(json, known);
            }
        }
        document
    }

    /// Documents that are a little smaller.
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        for at in 0..self.fields.len() {
            let mut other = self.clone();
            other.fields.remove(at);
            smaller.push(other);
        }
        if self.one_transaction {
            smaller.push(Self { one_transaction: false, ..self.clone() });
        }
        for (at, field) in self.fields.iter().enumerate() {
            let mut with = |change: &mut dyn FnMut(&mut Operation)| {
                let mut other = self.clone();
                change(&mut other.fields[at].operation);
                smaller.push(other);
            };
            let mut operation = field.operation.clone();
            for item in 0..operation.list_mut().map_or(0, |list| list.len()) {
                with(&mut |operation| drop(operation.list_mut().map(|list| list.remove(item))));
            }
            for (number, payload) in operation.payloads_mut().into_iter().enumerate() {
                for less in less_of(payload) {
                    with(&mut |operation| operation.payloads_mut()[number].clone_from(&less));
                }
            }
        }
        smaller
    }

    pub fn to_graphql(&self) -> String {
        let mut text = String::from("mutation ");
        if self.one_transaction {
            text.push_str("@transaction(scope: OPERATION) ");
        }
        text.push_str("{\n");
        for (number, field) in self.fields.iter().enumerate() {
            let _ = writeln!(text, "  f{number}: {}", field.to_graphql());
        }
        text.push('}');
        text
    }
}

impl Field {
    fn to_graphql(&self) -> String {
        let (verb, noun) = self.operation.affixes();
        let table = self.table;
        let data = |payload: &Payload| format!("data: {}", literal(&Json::Object(payload.clone())));
        let list = |payloads: &[Payload]| literal(&payloads.iter().cloned().map(Json::Object).collect());
        let on = |on: &Option<Vec<&str>>| on.as_ref().map_or(String::new(), |on| format!(", on: {on:?}"));
        let keys = |keys: &[Payload]| match table.key {
            [key] => format!("ids: {}", literal(&keys.iter().map(|payload| payload[*key].clone()).collect())),
            _ => format!("keys: {}", list(keys)),
        };
        let key = |key: &Payload| match table.key {
            [column] => format!("id: {}", literal(&key[*column])),
            _ => {
                let parts = literal(&Json::Object(key.clone()));
                parts.trim_matches(['{', '}']).to_owned()
            }
        };
        let arguments = match &self.operation {
            Operation::CreateItem(payload) => data(payload),
            Operation::CreateItems(payloads) | Operation::UpdateBatch(payloads) => format!("data: {}", list(payloads)),
            Operation::UpsertItem(payload, columns) => format!("{}{}", data(payload), on(columns)),
            Operation::UpsertItems(payloads, columns) => format!("data: {}{}", list(payloads), on(columns)),
            Operation::UpdateItem(of, payload) => format!("{}, {}", key(of), data(payload)),
            Operation::UpdateItems(of, payload) => format!("{}, {}", keys(of), data(payload)),
            Operation::UpdateWhere(filter, limit, payload) => {
                format!("filter: {}, limit: {limit}, {}", filter.to_graphql(), data(payload))
            }
            Operation::DeleteItem(of) => key(of),
            Operation::DeleteItems(of) => keys(of),
            Operation::DeleteWhere(filter, limit) => format!("filter: {}, limit: {limit}", filter.to_graphql()),
        };
        let selection = match self.operation {
            Operation::DeleteItem(_) => "{ id }".to_owned(),
            Operation::DeleteItems(_) | Operation::DeleteWhere(..) => "{ ids }".to_owned(),
            _ => columns(table),
        };
        format!("{verb}_{}_{noun}({arguments}) {selection}", table.name)
    }
}

impl Filter {
    fn to_graphql(&self) -> String {
        match self {
            Self::Marks(low, high) => format!("{{mark: {{_between: [{low}, {high}]}}}}"),
            Self::Is(column, json) => format!("{{{column}: {{_eq: {}}}}}", literal(json)),
            Self::PointsTo(column, json) => format!("{{{column}: {{id: {{_eq: {}}}}}}}", literal(json)),
        }
    }
}

/// The selection of all columns.
pub fn columns(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| match table.target(column.name) {
            Some(_) => format!("{} {{ id }}", column.name),
            None => column.name.to_owned(),
        })
        .collect();
    format!("{{ {} }}", columns.join(" "))
}

fn resolve(json: &mut Json, known: &HashMap<i64, i64>) {
    match json {
        Json::String(text) => {
            if let Some(number) = text.strip_prefix('@') {
                let number: i64 = number.parse().expect("it is a number");
                *json = known.get(&number).copied().unwrap_or(-5_000_000 - number).into();
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|json| resolve(json, known)),
        Json::Object(members) => members.values_mut().for_each(|json| resolve(json, known)),
        _ => {}
    }
}

/// The payload with one thing less, at any depth. What it takes to be valid stays.
fn less_of(payload: &Payload) -> Vec<Payload> {
    let mut smaller = Vec::new();
    for (name, json) in payload {
        let mut with = |json: Option<Json>| {
            let mut other = payload.clone();
            match json {
                Some(json) => drop(other.insert(name.clone(), json)),
                None => drop(other.remove(name)),
            }
            smaller.push(other);
        };
        match json {
            Json::Object(nested) => {
                with(None);
                less_of(nested).into_iter().for_each(|nested| with(Some(Json::Object(nested))));
            }
            Json::Array(items) => {
                with(None);
                for at in 0..items.len() {
                    let mut fewer = items.clone();
                    fewer.remove(at);
                    with(Some(Json::Array(fewer)));
                    let Json::Object(nested) = &items[at] else { continue };
                    for nested in less_of(nested) {
                        let mut others = items.clone();
                        others[at] = Json::Object(nested);
                        with(Some(Json::Array(others)));
                    }
                }
            }
            _ if matches!(&**name, "bio" | "status") => with(None),
            _ => {}
        }
    }
    smaller
}

/// JSON as a GraphQL literal.
fn literal(json: &Json) -> String {
    match json {
        Json::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, json)| format!("{name}: {}", literal(json))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// The fields of relations to many.
pub fn to_many(table: &Table) -> impl Iterator<Item = Relation> + '_ {
    table.relations.iter().copied().filter(|relation| !matches!(relation, Relation::ToOne { .. }))
}
