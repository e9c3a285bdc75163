//! Whatever a list shows can be filtered by, sorted by, grouped by, looked up
//! and followed, in every table of an awkward database and under every name.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use tidegate::{
    catalog::{ColumnType, Field, FieldKind, Table},
    graphql::Limits,
};

use crate::support::{Kind, Settings, TestApp, TestDatabase};

/// Collections with a key that holds null or what cannot be spelled: there the
/// specification takes the list with it, see tests/data/awkward/README.md.
const UNSPEAKABLE_KEYS: [&str; 2] = ["mixed_keys", "nullable_key"];

/// A materialized view that was never filled cannot be read.
const UNREADABLE: &str = "never_filled";

async fn start(kind: Kind) -> TestApp {
    let limits = Limits { aliases: 10_000, root_fields: 10_000, tokens: 1_000_000, ..Limits::default() };
    TestApp::start_with(TestDatabase::awkward(kind).await, Settings { limits, ..Settings::default() }).await
}

#[tokio::test]
async fn sqlite_answers_every_kind_of_statement_on_every_table() {
    check_all(Kind::Sqlite).await;
}

#[tokio::test]
async fn postgresql_answers_every_kind_of_statement_on_every_table() {
    check_all(Kind::Postgres).await;
}

#[tokio::test]
async fn mysql_answers_every_kind_of_statement_on_every_table() {
    check_all(Kind::MySql).await;
}

async fn check_all(kind: Kind) {
    let app = start(kind).await;
    let mut findings = Vec::new();
    let catalog = app.catalog.clone();
    let readable = |table: &&Table| {
        let name = table.collection.as_str();
        name != UNREADABLE && !UNSPEAKABLE_KEYS.contains(&name)
    };
    for table in catalog.tables.iter().filter(readable) {
        let mut check = Check { app: &app, table, findings: &mut findings };
        check.run().await;
    }
    assert!(findings.is_empty(), "{kind:?}: {} findings\n{}", findings.len(), findings.join("\n"));
}

struct Check<'a> {
    app: &'a TestApp,
    table: &'a Table,
    findings: &'a mut Vec<String>,
}

impl Check<'_> {
    async fn run(&mut self) {
        let rows = self.list().await;
        self.by_id(&rows).await;
        self.filters(&rows).await;
        self.sorts(rows.len()).await;
        self.groups(rows.len()).await;
        self.relations(&rows).await;
        self.functions().await;
        let name = &self.table.collection;
        self.ask(&format!("{{ {name}(search: \"a\") {{ __typename }} }}")).await;
        self.ask(&format!("{{ {name}(search: \"1\") {{ __typename }} }}")).await;
    }

    fn finding(&mut self, text: impl std::fmt::Display) {
        self.findings.push(format!("{}: {text}", self.table.collection));
    }

    /// The data of a query; errors other than values without a spelling are findings.
    async fn ask(&mut self, query: &str) -> Json {
        let reply = self.app.graphql(query).await;
        let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
        for error in errors.iter().filter(|error| error["extensions"]["code"] != "UNREPRESENTABLE_VALUE") {
            let query: String = query.chars().take(300).collect();
            self.finding(format_args!("{} at {} for {query}", error["message"], error["path"]));
        }
        reply.body["data"].clone()
    }

    /// `id name` with nothing but columns of the table itself.
    fn columns(&self) -> impl Iterator<Item = (&Field, &tidegate::catalog::Column)> {
        let table = self.table;
        table.fields.iter().filter_map(move |field| match field.kind {
            FieldKind::Column(id) => Some((field, table.column(id))),
            FieldKind::ToOne(..) | FieldKind::ToMany(_) | FieldKind::ToAny(..) => None,
        })
    }

    fn selection(&self) -> String {
        let names: Vec<&str> = self.columns().map(|(field, _)| field.name.as_str()).collect();
        if names.is_empty() { "__typename".to_owned() } else { names.join(" ") }
    }

    async fn list(&mut self) -> Vec<Json> {
        let name = &self.table.collection;
        let data = self.ask(&format!("{{ {name}(limit: -1) {{ {} }} }}", self.selection())).await;
        data[name].as_array().cloned().unwrap_or_default()
    }

    async fn by_id(&mut self, rows: &[Json]) {
        let table = self.table;
        let keys: Option<Vec<&str>> = table
            .key
            .iter()
            .map(|id| self.columns().find(|(_, column)| column.id == *id).map(|(field, _)| field.name.as_str()))
            .collect();
        // Keys that are relations are looked up in tests of their own.
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else { return };
        let mut query = "{".to_owned();
        for (at, row) in rows.iter().enumerate() {
            let arguments: Vec<String> = keys
                .iter()
                .map(|key| format!("{}: {}", if keys.len() == 1 { "id" } else { key }, id_literal(&row[*key])))
                .collect();
            let (name, selection) = (&table.collection, self.selection());
            write!(query, " r{at}: {name}_by_id({}) {{ {selection} }}", arguments.join(", ")).expect("memory");
        }
        if rows.is_empty() {
            return;
        }
        let data = self.ask(&format!("{query} }}")).await;
        for (at, row) in rows.iter().enumerate() {
            if data[format!("r{at}")] != *row {
                self.finding(format_args!("by_id found {} instead of {row}", data[format!("r{at}")]));
            }
        }
    }

    async fn filters(&mut self, rows: &[Json]) {
        let wanted: Vec<(String, String, Json)> = self
            .columns()
            .flat_map(|(field, column)| {
                rows.iter().filter_map(|row| {
                    let condition = condition(&column.column_type, &column.declared, &row[&field.name])?;
                    Some((field.name.clone(), condition, row.clone()))
                })
            })
            .collect();
        let (name, selection) = (self.table.collection.clone(), self.selection());
        for wanted in wanted.chunks(20) {
            let mut query = "{".to_owned();
            for (at, (field, condition, _)) in wanted.iter().enumerate() {
                write!(query, " r{at}: {name}(limit: -1, filter: {{ {field}: {condition} }}) {{ {selection} }}")
                    .expect("memory");
            }
            let data = self.ask(&format!("{query} }}")).await;
            for (at, (field, condition, row)) in wanted.iter().enumerate() {
                let found = data[format!("r{at}")].as_array();
                if found.is_some_and(|found| !found.contains(row)) {
                    self.finding(format_args!("{field}: {condition} does not find {row}"));
                }
            }
        }
    }

    async fn sorts(&mut self, count: usize) {
        let name = self.table.collection.clone();
        // Documents and shapes have no order; that they are refused is said elsewhere.
        let has_order =
            |column: &tidegate::catalog::Column| !matches!(column.column_type, ColumnType::Json | ColumnType::Geometry);
        let fields: Vec<String> =
            self.columns().filter(|(_, column)| has_order(column)).map(|(field, _)| field.name.clone()).collect();
        for field in &fields {
            for direction in ["", "-"] {
                let sort = json!([format!("{direction}{field}")]);
                let data = self.ask(&format!("{{ {name}(limit: -1, sort: {sort}) {{ __typename }} }}")).await;
                if data[&name].as_array().is_some_and(|found| found.len() != count) {
                    self.finding(format_args!("sorted by {field}: {} rows of {count}", data[&name]));
                }
            }
        }
    }

    async fn groups(&mut self, count: usize) {
        let name = format!("{}_aggregated", self.table.collection);
        let fields: Vec<(String, bool, bool)> = self
            .columns()
            .map(|(field, column)| {
                (field.name.clone(), column.column_type.is_numeric(), column.column_type == ColumnType::Geometry)
            })
            .collect();
        for (field, numeric, _) in fields.iter().filter(|(.., geometry)| !geometry) {
            let numbers = if *numeric { format!("min {{ {field} }} max {{ {field} }}") } else { String::new() };
            let group_by = json!([field]);
            let query = format!(
                "{{ {name}(groupBy: {group_by}, limit: -1) {{ group countAll count {{ {field} }} \
                 countDistinct {{ {field} }} {numbers} }} }}"
            );
            let data = self.ask(&query).await;
            let total: u64 =
                data[&name].as_array().into_iter().flatten().filter_map(|row| row["countAll"].as_u64()).sum();
            if !data.is_null() && total != count as u64 {
                self.finding(format_args!("grouped by {field}: {total} rows of {count}"));
            }
        }
    }

    /// The same rows through a relation, cut per parent or not, and counted.
    async fn relations(&mut self, parents: &[Json]) {
        let (table, name) = (self.table, self.table.collection.clone());
        for field in &table.fields {
            let relation = &field.name;
            match field.kind {
                FieldKind::Column(_) => {}
                FieldKind::ToAny(..) => unreachable!("there is no metadata"),
                FieldKind::ToOne(_, column) => {
                    // A relation over several columns has no order of its own.
                    let sort = column.map_or_else(String::new, |_| format!(", sort: [\"{relation}\"]"));
                    self.ask(&format!("{{ {name}(limit: -1{sort}) {{ {relation} {{ __typename }} }} }}")).await;
                }
                FieldKind::ToMany(_) => {
                    let functions = table.field(&format!("{relation}_func")).is_none();
                    let count = if functions { format!("{relation}_func {{ count }}") } else { String::new() };
                    let data = self
                        .ask(&format!(
                            "{{ {name}(limit: -1) {{ all: {relation}(limit: -1) {{ __typename }} \
                             first: {relation}(limit: 1) {{ __typename }} {count} }} }}"
                        ))
                        .await;
                    let rows = data[&name].as_array().cloned().unwrap_or_default();
                    if rows.len() != parents.len() && !data.is_null() {
                        self.finding(format_args!("{relation}: {} parents", rows.len()));
                    }
                    for row in rows {
                        let length = |member: &str| row[member].as_array().map_or(0, Vec::len);
                        let counted = row[format!("{relation}_func")]["count"].as_u64();
                        if length("first") != length("all").min(1)
                            || counted.is_some_and(|counted| counted != length("all") as u64)
                        {
                            self.finding(format_args!("{relation}: {row}"));
                        }
                    }
                    self.ask(&format!(
                        "{{ {name}(filter: {{ {relation}: {{ _some: {{ _and: [] }} }} }}) {{ __typename }} }}"
                    ))
                    .await;
                }
            }
        }
    }

    async fn functions(&mut self) {
        let name = self.table.collection.clone();
        let functions: Vec<String> = self
            .columns()
            .filter(|(field, _)| self.table.field(&format!("{}_func", field.name)).is_none())
            .filter_map(|(field, column)| {
                let parts = match column.column_type {
                    ColumnType::Timestamp | ColumnType::DateTime => "year month week day weekday hour minute second",
                    ColumnType::Date => "year month week day weekday",
                    ColumnType::Time => "hour minute second",
                    ColumnType::Json => "count json(path: \"a.c[1]\")",
                    _ => return None,
                };
                Some(format!("{}_func {{ {parts} }}", field.name))
            })
            .collect();
        if !functions.is_empty() {
            self.ask(&format!("{{ {name}(limit: -1) {{ {} }} }}", functions.join(" "))).await;
        }
    }
}

fn id_literal(value: &Json) -> String {
    match value {
        Json::String(_) => value.to_string(),
        other => format!("\"{other}\""),
    }
}

/// The condition that finds a value again.
fn condition(column_type: &ColumnType, declared: &str, value: &Json) -> Option<String> {
    let fraction_is_cut = matches!(column_type, ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Time);
    Some(match (column_type, value) {
        (_, Json::Null) | (ColumnType::Json | ColumnType::Geometry, _) => return None,
        (ColumnType::Array(element), Json::Array(elements)) => {
            // Compared as text joined by commas, nulls left out; only where elements are spelled as in JSON.
            let same =
                matches!(**element, ColumnType::Text | ColumnType::Integer | ColumnType::Other | ColumnType::Date);
            let joined: Vec<String> = elements.iter().filter(|element| !element.is_null()).map(text_of).collect();
            if !same || joined.concat().is_empty() {
                return None;
            }
            format!("{{ _eq: {} }}", json!(joined.join(",")))
        }
        // Uuids are compared as such, and `24:00:00` is no time of day by ISO 8601.
        (ColumnType::Uuid, Json::String(text)) if text.is_empty() => return None,
        (ColumnType::Time, Json::String(text)) if text == "24:00:00" => return None,
        // SQLite's text in a column for binary data is shown by its bytes, but no binary value equals it.
        (ColumnType::Binary, Json::String(text)) if text.starts_with("dGV4") => return None,
        (_, Json::String(text)) if text.is_empty() => "{ _empty: true }".to_owned(),
        (_, Json::String(text)) if text.contains('\0') => return None,
        _ if fraction_is_cut => format!("{{ _gte: {value} }}"),
        // MySQL's single precision is not what its digits say.
        (ColumnType::Float, _) if declared.starts_with("float") => return None,
        // As texts, because number literals are doubles to GraphQL.
        (_, Json::Number(number)) => format!("{{ _eq: \"{number}\" }}"),
        _ => format!("{{ _eq: {value} }}"),
    })
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
