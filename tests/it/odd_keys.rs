//! Rows are found by keys of every type, alone and in composite keys.

use std::sync::Arc;

use serde_json::json;

use crate::support::{Kind, TestApp, TestDatabase};

/// A table for each type of key: its name, its column's type on each database,
/// and a value in SQL and as the gateway spells it.
const KEYS: [(&str, [&str; 3], &str, &str); 9] = [
    ("by_small", ["INTEGER", "smallint", "smallint unsigned"], "7", "7"),
    ("by_big", ["BIGINT", "bigint", "bigint unsigned"], "9007199254740993", "9007199254740993"),
    ("by_whole", ["NUMERIC", "numeric(20,0)", "decimal(20,0)"], "12345678901234567", "12345678901234567"),
    ("by_decimal", ["DECIMAL(10,2)", "decimal(10,2)", "decimal(10,2)"], "1.50", "1.5"),
    ("by_double", ["DOUBLE", "double precision", "double"], "2.5", "2.5"),
    ("by_day", ["DATE", "date", "date"], "'2024-02-29'", "2024-02-29"),
    ("by_wall", ["DATETIME", "timestamp", "datetime"], "'2024-02-29 12:30:15'", "2024-02-29T12:30:15"),
    ("by_clock", ["TIME", "time", "time"], "'12:30:15'", "12:30:15"),
    ("by_code", ["CHAR(5)", "char(5)", "char(5)"], "'ab'", "ab"),
];

async fn start(kind: Kind) -> TestApp {
    let mut script = String::new();
    for (table, types, value, _) in KEYS {
        let of = types[Kind::ALL.iter().position(|other| *other == kind).expect("a known kind")];
        script.push_str(&format!(
            "CREATE TABLE {table} (k {of} NOT NULL PRIMARY KEY, name varchar(20));
             INSERT INTO {table} VALUES ({value}, 'found');
             CREATE TABLE {table}_part (id integer NOT NULL, k {of} NOT NULL, name varchar(20), PRIMARY KEY (id, k),
                 FOREIGN KEY (k) REFERENCES {table} (k));
             INSERT INTO {table}_part VALUES (1, {value}, 'part'), (2, {value}, 'other');"
        ));
    }
    TestApp::start(Arc::new(TestDatabase::create(kind, &script).await)).await
}

#[tokio::test]
async fn a_row_is_found_by_the_key_that_a_list_shows() {
    for kind in Kind::ALL {
        let app = start(kind).await;
        for (table, _, _, spelled) in KEYS {
            let data = app.data(&format!("{{ {table} {{ k name }} }}")).await;
            let shown = data[table][0]["k"].as_str().expect("a key is a text").trim_end().to_owned();
            assert_eq!(shown, spelled, "{kind:?} {table}");
            let data = app.data(&format!("{{ {table}_by_id(id: {}) {{ name }} }}", json!(shown))).await;
            assert_eq!(data, json!({ format!("{table}_by_id"): { "name": "found" } }), "{kind:?} {table}");
            let missing = app.graphql(&format!("{{ {table}_by_id(id: \"1999999\") {{ name }} }}")).await;
            assert_eq!(missing.codes(), ["FORBIDDEN"], "{kind:?} {table}");
        }
    }
}

#[tokio::test]
async fn relations_follow_keys_of_every_type() {
    for kind in Kind::ALL {
        let app = start(kind).await;
        for (table, _, _, spelled) in KEYS {
            let query = format!(
                "{{ {table} {{ all: {table}_part(limit: -1) {{ name }} one: {table}_part(limit: 1, sort: [\"-id\"]) \
                 {{ name k {{ name }} }} {table}_part_func {{ count }} }} \
                 {table}_part_by_id(id: 2, k: {}) {{ name k {{ name }} }} }}",
                json!(spelled)
            );
            let related = json!({ "name": "other", "k": { "name": "found" } });
            let expected = json!({
                table: [{ "all": [{ "name": "part" }, { "name": "other" }], "one": [related], format!("{table}_part_func"): { "count": 2 } }],
                format!("{table}_part_by_id"): related,
            });
            assert_eq!(app.data(&query).await, expected, "{kind:?} {table}");
        }
    }
}

#[tokio::test]
async fn mysql_follows_text_keys_that_only_its_collation_holds_equal() {
    let script = "
        CREATE TABLE genres (name varchar(20) PRIMARY KEY, note text) COLLATE utf8mb4_general_ci;
        CREATE TABLE tracks (id integer PRIMARY KEY, genre varchar(20), FOREIGN KEY (genre) REFERENCES genres (name))
            COLLATE utf8mb4_general_ci;
        INSERT INTO genres VALUES ('Rock', 'loud'), ('jazz', 'free'), ('elan', 'swift');
        INSERT INTO tracks VALUES (1, 'ROCK'), (2, 'rock'), (3, 'Jazz'), (4, 'rock '), (5, NULL), (6, 'Élan')";
    let app = TestApp::start(Arc::new(TestDatabase::create(Kind::MySql, script).await)).await;
    let data = app
        .data(
            r#"{ tracks { genre { note } }
                genres { all: tracks(limit: -1, sort: ["id"]) { id } last: tracks(limit: 1, sort: ["-id"]) { id } }
                genres_by_id(id: "JAZZ") { name } }"#,
        )
        .await;
    let [loud, free, swift] = ["loud", "free", "swift"].map(|note| json!({ "genre": { "note": note } }));
    let expected = json!({
        "tracks": [loud, loud, free, loud, { "genre": null }, swift],
        "genres": [
            { "all": [{ "id": "6" }], "last": [{ "id": "6" }] },
            { "all": [{ "id": "3" }], "last": [{ "id": "3" }] },
            { "all": [{ "id": "1" }, { "id": "2" }, { "id": "4" }], "last": [{ "id": "4" }] },
        ],
        "genres_by_id": { "name": "jazz" },
    });
    assert_eq!(data, expected);
}
