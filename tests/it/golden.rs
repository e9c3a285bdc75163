//! From documents to SQL: one folder in tests/golden per case, with
//!
//! - `README.md`: a sentence on why the case is there,
//! - `request.graphql` and perhaps `variables.json`,
//! - `sql.postgres`, `sql.mysql`, `sql.sqlite`: the statements.
//!
//! `UPDATE_GOLDEN=1` writes the statements anew; read what has changed.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value as Json};
use tidegate::{
    catalog::{self, Catalog, Dialect, facts::Facts},
    db::Database,
    graphql::{Limits, Planner, Request},
    permissions::Policy,
    principal::Principal,
};

use crate::support::{Kind, TestDatabase, options};

const DIALECTS: [(Dialect, &str); 3] =
    [(Dialect::Postgres, "postgres"), (Dialect::MySql, "mysql"), (Dialect::Sqlite, "sqlite")];

/// The tables that all cases are about.
const SCHEMA: &str = include_str!("../golden/schema.sql");

#[tokio::test]
async fn documents_become_these_statements() {
    let facts = facts().await;
    let cases = cases();
    assert!(cases.len() > 15, "the cases are in tests/golden");
    let mut differences = Vec::new();
    for (dialect, name) in DIALECTS {
        let planner = planner(dialect, &facts);
        for case in &cases {
            let statements = statements(&planner, case).await;
            let path = case.join(format!("sql.{name}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &statements).expect("the statements can be written");
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&statements) {
                differences.push(format!("{}:\n{statements}", path.display()));
            }
        }
    }
    assert!(differences.is_empty(), "UPDATE_GOLDEN=1 accepts these:\n{}", differences.join("\n"));
}

#[tokio::test]
async fn the_tables_have_this_schema() {
    let facts = facts().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema.graphql");
    let found = planner(Dialect::Postgres, &facts).sdl(&Principal::admin()).expect("the schema can be built");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).expect("the schema can be written");
    }
    let expected = fs::read_to_string(&path).expect("schema.graphql");
    assert!(found == expected, "UPDATE_GOLDEN=1 accepts this:\n{found}");
}

/// All texts in the requests are `needle` or something harmless.
#[tokio::test]
async fn no_value_of_a_request_is_written_into_a_statement() {
    let facts = facts().await;
    for (dialect, name) in DIALECTS {
        let planner = planner(dialect, &facts);
        for case in &cases() {
            for statement in statements(&planner, case).await.lines() {
                assert!(!statement.contains("needle"), "{name} {}: {statement}", case.display());
            }
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = fs::read_dir(root).expect("tests/golden is there");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    for case in &cases {
        let reason = fs::read_to_string(case.join("README.md")).unwrap_or_default();
        assert!(!reason.trim().is_empty(), "{} says why it is there", case.display());
    }
    cases
}

/// The same tables for all dialects, as SQLite tells them.
async fn facts() -> Facts {
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, SCHEMA).await);
    let database = Database::connect(options(&data, &Default::default())).await.expect("the database answers");
    let facts = database.introspect().await.expect("it can be introspected");
    database.close().await;
    facts
}

fn planner(dialect: Dialect, facts: &Facts) -> Planner {
    let serving = catalog::Options::default();
    let catalog = Arc::new(Catalog::build(dialect, facts, &serving));
    Planner::new(catalog, Policy::default(), Limits::default())
}

async fn statements(planner: &Planner, case: &Path) -> String {
    let query = fs::read_to_string(case.join("request.graphql")).expect("request.graphql");
    let variables: Map<String, Json> = match fs::read_to_string(case.join("variables.json")) {
        Ok(text) => serde_json::from_str(&text).expect("variables.json is an object"),
        Err(_) => Map::new(),
    };
    let request = Request { query: Cow::Owned(query), variables, operation_name: None };
    let texts = planner.explain(&Principal::admin(), &request).await;
    let texts = texts.unwrap_or_else(|messages| panic!("{}: {messages:?}", case.display()));
    texts.into_iter().map(|text| text + ";\n").collect()
}
