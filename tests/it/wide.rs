//! Databases of many tables.

use std::{fmt::Write as _, sync::Arc};

use serde_json::json;
use tidegate::{
    catalog::{
        Catalog, ColumnType, Dialect, Options,
        facts::{ColumnFacts, Facts, ForeignKeyFacts, OnDelete, TableFacts, TableKind},
    },
    clock::Clock,
    engine::{self, Engine},
    graphql::{Limits, Service},
    permissions::Policy,
    principal::Principal,
};

use crate::support::{Kind, TestApp, TestDatabase};

const TABLES: usize = 300;

/// Twenty columns each; table n points to n / 2, and every third to n - 1, too.
fn script() -> String {
    let mut script = String::new();
    for table in 0..TABLES {
        write!(script, "CREATE TABLE wide_{table} (id integer PRIMARY KEY, parent_id integer").expect("memory");
        if table % 3 == 2 {
            script.push_str(", previous_id integer");
        }
        for column in 0..if table % 3 == 2 { 17 } else { 18 } {
            let of = ["integer", "varchar(50)", "decimal(10,2)", "date", "bigint", "boolean"][column % 6];
            write!(script, ", column_{column} {of}").expect("memory");
        }
        if table > 0 {
            write!(script, ", FOREIGN KEY (parent_id) REFERENCES wide_{} (id)", table / 2).expect("memory");
        }
        if table % 3 == 2 {
            write!(script, ", FOREIGN KEY (previous_id) REFERENCES wide_{} (id)", table - 1).expect("memory");
        }
        script.push_str(");\n");
        let parent = if table == 0 { "NULL" } else { "1" };
        for row in 1..=2 {
            writeln!(
                script,
                "INSERT INTO wide_{table} (id, parent_id, column_0, column_1) VALUES ({row}, {parent}, {table}, 'row {row} of {table}');"
            )
            .expect("memory");
        }
    }
    script
}

#[tokio::test]
async fn three_hundred_tables_are_served_on_every_database() {
    for kind in Kind::ALL {
        let app = TestApp::start(Arc::new(TestDatabase::create(kind, &script()).await)).await;
        assert_eq!(app.catalog.tables.len(), TABLES, "{kind:?}");
        assert_eq!(app.catalog.notes, [], "{kind:?}");
        assert!(app.catalog.tables.iter().all(|table| table.columns.len() == 20), "{kind:?}");
        let query = r#"{
            wide_299(filter: { parent_id: { parent_id: { column_0: { _eq: 74 } } } }, sort: ["-id"]) {
                column_1 parent_id { column_1 parent_id { id wide_149(limit: 1) { column_1 } } }
                previous_id { id }
            }
            wide_1_by_id(id: 2) { column_1 wide_2_by_previous_id { id } }
            wide_0_aggregated(groupBy: ["column_0"]) { group countAll }
            __schema { types { name } }
        }"#;
        let mut data = app.data(query).await;
        let types = data.as_object_mut().and_then(|data| data.remove("__schema")).expect("the schema can be asked for");
        assert!(types["types"].as_array().expect("a list").len() > 5 * TABLES, "{kind:?}");
        let parent = json!({
            "column_1": "row 1 of 149",
            "parent_id": { "id": "1", "wide_149": [{ "column_1": "row 1 of 149" }] },
        });
        let row = |id: u32| json!({ "column_1": format!("row {id} of 299"), "parent_id": parent, "previous_id": null });
        let expected = json!({
            "wide_299": [row(2), row(1)],
            "wide_1_by_id": { "column_1": "row 2 of 1", "wide_2_by_previous_id": [] },
            "wide_0_aggregated": [{ "group": { "column_0": 0 }, "countAll": 2 }],
        });
        assert_eq!(data, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_schema_of_a_thousand_tables_is_built() {
    let service = thousand_tables().await;
    let sdl = service.sdl(&Principal::admin()).expect("the schema can be built");
    assert_eq!(
        sdl.matches("\ntype big_").count(),
        1_000 * 5,
        "an object, three of aggregates and one of changes for each table"
    );
}

async fn thousand_tables() -> Service {
    let facts = Facts { tables: (0..1_000).map(table).collect() };
    let catalog = Catalog::build(Dialect::Sqlite, &facts, &Options::default());
    let data = TestDatabase::create(Kind::Sqlite, "CREATE TABLE placeholder (id integer PRIMARY KEY)").await;
    let app = TestApp::start(Arc::new(data)).await;
    let catalog = Arc::new(catalog);
    let parts = engine::Parts::plain(app.database.clone(), catalog.clone(), Clock::default());
    let engine = Engine::new(parts, engine::Options::default());
    Service::new(engine, catalog, Policy::default(), Limits::default(), Clock::default())
}

fn table(number: usize) -> TableFacts {
    let column = |name: String, column_type| ColumnFacts {
        name,
        declared: String::new(),
        column_type,
        nullable: true,
        default: None,
        generated: false,
        auto_increment: false,
        identity_always: false,
        length: None,
        precision: None,
        scale: None,
        comment: None,
        allowed: Vec::new(),
    };
    let kinds =
        [ColumnType::Integer, ColumnType::Text, ColumnType::Decimal, ColumnType::Timestamp, ColumnType::Boolean];
    let mut columns =
        vec![column("id".to_owned(), ColumnType::Integer), column("parent_id".to_owned(), ColumnType::Integer)];
    columns.extend((2..20).map(|at| column(format!("column_{at}"), kinds[at % kinds.len()].clone())));
    TableFacts {
        schema: None,
        name: format!("big_{number}"),
        kind: TableKind::Table,
        comment: None,
        columns,
        primary_key: vec!["id".to_owned()],
        uniques: Vec::new(),
        indexes: vec![vec!["id".to_owned()]],
        foreign_keys: vec![ForeignKeyFacts {
            name: "parent".to_owned(),
            columns: vec!["parent_id".to_owned()],
            to_schema: None,
            to_table: format!("big_{}", number / 2),
            to_columns: vec!["id".to_owned()],
            on_delete: OnDelete::Refuse,
        }],
        constraints: Vec::new(),
        has_triggers: false,
    }
}
