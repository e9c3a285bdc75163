//! `schema` and `check`: looking at a database without serving it.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value as Json};

use super::{Gateway, build, counted};
use crate::{
    config::{self, Format},
    graphql::{Allowed, Request},
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
    let gateway = build(&options).await?;
    let text = match format {
        Format::Sdl => gateway.service.sdl(&Principal::admin()),
        Format::Json => introspect(&gateway).await?,
    };
    gateway.database.close().await;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()).context("cannot write to standard output")
}

async fn introspect(gateway: &Gateway) -> anyhow::Result<String> {
    let request = Request { query: Cow::Borrowed(INTROSPECTION), variables: Map::new(), operation_name: None };
    let answer = gateway.service.execute(&Principal::admin(), request, Allowed::Queries).await;
    let answer: Json = serde_json::from_slice(&answer.body).context("the introspection is not JSON")?;
    if let Some(errors) = answer.get("errors") {
        bail!("the introspection failed: {errors}");
    }
    serde_json::to_string_pretty(&answer).context("the introspection cannot be written")
}

/// Prints what would be served and what not.
pub(super) async fn check(options: config::Gateway) -> anyhow::Result<()> {
    let gateway = build(&options).await?;
    gateway.database.close().await;
    let database = config::describe(&options.database.url);
    if gateway.collections.is_empty() {
        bail!("there is nothing to serve in {database}{}", reasons(&gateway.left_out));
    }
    let mut out = io::stdout().lock();
    write_check(&mut out, &database, &gateway.collections, &gateway.left_out)
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

fn reasons(left_out: &[(String, String)]) -> String {
    left_out.iter().map(|(subject, reason)| format!("\n  {subject}: {reason}")).collect()
}

fn write_check(
    out: &mut impl io::Write,
    database: &str,
    collections: &[String],
    left_out: &[(String, String)],
) -> io::Result<()> {
    writeln!(out, "{database}\n\nServed ({}):", counted(collections.len(), "collection"))?;
    for collection in collections {
        writeln!(out, "  {collection}")?;
    }
    if left_out.is_empty() {
        return writeln!(out, "\nNothing is left out.");
    }
    writeln!(out, "\nLeft out ({}):", left_out.len())?;
    let width = left_out.iter().map(|(subject, _)| subject.chars().count()).max().unwrap_or(0).min(40);
    for (subject, reason) in left_out {
        writeln!(out, "  {subject:width$}  {reason}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_lists_what_is_served_and_what_not() {
        let mut out = Vec::new();
        let left_out = [("logs".to_owned(), "has no primary key".to_owned()), ("a.b".to_owned(), "bad".to_owned())];
        write_check(&mut out, "SQLite, a.db", &["authors".to_owned()], &left_out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "SQLite, a.db\n\nServed (1 collection):\n  authors\n\nLeft out (2):\n  logs  has no primary key\n  a.b   bad\n"
        );
    }
}
