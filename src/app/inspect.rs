//! `schema` and `check`: looking at a database without serving it.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value as Json};

use super::counted;
use crate::{
    auth,
    catalog::{Catalog, FieldKind, NoteAction, Table},
    clock::Clock,
    config::{self, Format},
    gateway::Core,
    graphql::{Allowed, Request},
    hooks::Hooks,
    principal::Principal,
};

/// The query that GraphiQL and code generators ask for a schema with.
const INTROSPECTION: &str = "query IntrospectionQuery {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description isRepeatable locations args { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL
  fields(includeDeprecated: true) {
    name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
  }
  inputFields { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
}";

/// Prints the schema as an administrator sees it.
pub(super) async fn schema(options: config::Gateway, format: Format) -> anyhow::Result<()> {
    let gateway = Core::assemble(&options, &auth::Options::default(), Hooks::none(), None, &Clock::default()).await?;
    let text = match format {
        Format::Sdl => gateway.service.sdl(&Principal::admin())?,
        Format::Json => introspect(&gateway).await?,
    };
    gateway.engine.database().close().await;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()).context("cannot write to standard output")
}

async fn introspect(gateway: &Core) -> anyhow::Result<String> {
    let request = Request { query: Cow::Borrowed(INTROSPECTION), variables: Map::new(), operation_name: None };
    let answer = gateway.service.execute(&Principal::admin(), request, Allowed::Queries).await;
    let answer: Json = serde_json::from_slice(&answer.body).context("the introspection is not JSON")?;
    if let Some(errors) = answer.get("errors") {
        bail!("the introspection failed: {errors}");
    }
    serde_json::to_string_pretty(&answer).context("the introspection cannot be written")
}

/// Makes the system tables and the first administrator, and says what it did.
pub(super) async fn bootstrap(options: config::Gateway, auth: auth::Options) -> anyhow::Result<()> {
    let gateway = Core::assemble(&options, &auth, Hooks::none(), None, &Clock::default()).await?;
    gateway.engine.database().close().await;
    let mut out = io::stdout().lock();
    let database = config::describe(&options.database.url);
    writeln!(out, "{database}: the system tables are there")
        .and_then(|()| match &gateway.first_admin {
            Some(admin) => super::write_admin(&mut out, admin),
            None => writeln!(out, "  users     there are some already; none was made"),
        })
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Prints what would be served and what not.
pub(super) async fn check(options: config::Gateway) -> anyhow::Result<()> {
    let gateway = Core::assemble(&options, &auth::Options::default(), Hooks::none(), None, &Clock::default()).await?;
    gateway.engine.database().close().await;
    let database = config::describe(&options.database.url);
    let mut out = io::stdout().lock();
    write_check(&mut out, &database, &gateway.catalog)
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    if gateway.catalog.tables.is_empty() {
        bail!("there is nothing to serve in {database}");
    }
    Ok(())
}

fn write_check(out: &mut impl io::Write, database: &str, catalog: &Catalog) -> io::Result<()> {
    writeln!(out, "{database}\n\nServed ({}):", counted(catalog.tables.len(), "collection"))?;
    let served = catalog.tables.iter().map(|table| (table.collection.clone(), describe(catalog, table))).collect();
    write_columns(out, served)?;
    for (action, heading) in [
        (NoteAction::LeftOut, "Left out"),
        (NoteAction::Renamed, "Served under another name"),
        (NoteAction::Decided, "Decided"),
    ] {
        let notes = catalog.notes.iter().filter(|note| note.action == action);
        let lines: Vec<(String, String)> = notes.map(|note| (note.subject.clone(), note.reason.clone())).collect();
        if !lines.is_empty() {
            writeln!(out, "\n{heading} ({}):", lines.len())?;
            write_columns(out, lines)?;
        } else if action == NoteAction::LeftOut {
            writeln!(out, "\nNothing is left out.")?;
        }
    }
    Ok(())
}

/// Two columns, the first as wide as it must be, up to a limit.
fn write_columns(out: &mut impl io::Write, lines: Vec<(String, String)>) -> io::Result<()> {
    let width = lines.iter().map(|(subject, _)| subject.chars().count()).max().unwrap_or(0).min(40);
    for (subject, text) in lines {
        writeln!(out, "  {subject:width$}  {text}")?;
    }
    Ok(())
}

/// `9 columns, key id, author -> authors, comments ->> comments`
fn describe(catalog: &Catalog, table: &Table) -> String {
    let mut parts = vec![counted(table.columns.len(), "column")];
    let key: Vec<&str> = table.key.iter().map(|column| table.column_field(*column)).collect();
    match key.is_empty() {
        true => parts.push("no key".to_owned()),
        false => parts.push(format!("key {}", key.join(" + "))),
    }
    for field in &table.fields {
        let (arrow, id) = match field.kind {
            FieldKind::Column(_) => continue,
            FieldKind::ToAny(any, _) => {
                let targets = catalog.any(any).targets.iter().map(|id| catalog.table(catalog.relationship(*id).to));
                let targets: Vec<&str> = targets.map(|target| target.collection.as_str()).collect();
                parts.push(format!("{} -> {}", field.name, targets.join(" | ")));
                continue;
            }
            FieldKind::ToOne(id, _) => ("->", id),
            FieldKind::ToMany(id) => ("->>", id),
        };
        let target = &catalog.table(catalog.relationship(id).to).collection;
        parts.push(format!("{} {arrow} {target}", field.name));
    }
    parts.join(", ")
}
