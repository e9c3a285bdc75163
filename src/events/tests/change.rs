//! Changes of rows as a database sends them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::super::*;
use crate::{
    catalog::{self, Catalog, ColumnId, Table},
    db::{self, Database},
    value::Key,
};

const SCHEMA: &str = "
    CREATE TABLE pad (x INTEGER PRIMARY KEY);
    CREATE TABLE entries (
        day TEXT NOT NULL, line INTEGER NOT NULL, title TEXT, price DECIMAL(10, 2), seen BOOLEAN, meta JSON,
        big BIGINT, raw BLOB, at TIMESTAMP, PRIMARY KEY (day, line)
    );
    INSERT INTO entries VALUES
        ('mon', 1, 'one', 4.5, 1, '{\"a\":[1]}', 9007199254740993, x'00ff', '2024-05-06 07:08:09'),
        ('mon', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('mon', 3, 'one', 4.5, 1, '{\"a\":[1]}', 9007199254740993, x'00ff', '2024-05-06 07:08:10'),
        ('tue', 1, 'null', 4.25, 0, '3', 1, x'', '2024-05-06 07:08:09');
";

/// All rows of `entries`, by key, with a cell before each.
struct Fixture {
    catalog: Catalog,
    rows: Arc<db::Rows>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(SCHEMA).unwrap();
        let options = db::Options {
            url: format!("sqlite:{}", path.display()),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::ZERO,
            schemas: Vec::new(),
        };
        let database = Database::connect(options).await.unwrap();
        let facts = database.introspect().await.unwrap();
        let catalog = Catalog::build(database.dialect(), &facts, &catalog::Options::default());
        let text = "SELECT 'x', * FROM entries ORDER BY day, line".into();
        let rows = Arc::new(database.fetch(&text, &[]).await.unwrap());
        assert_eq!(rows.len(), 4);
        Self { catalog, rows }
    }

    fn table(&self) -> &Table {
        self.catalog.collection("entries").unwrap()
    }

    fn image(&self, row: usize) -> RowImage {
        RowImage::new(self.rows.clone(), row, 1)
    }

    fn created(&self, row: usize) -> Change {
        Change::created(self.table(), &[self.image(row)]).next().unwrap()
    }

    fn fields(&self, columns: &[ColumnId]) -> Vec<&str> {
        columns.iter().map(|column| self.table().column_field(*column)).collect()
    }
}

fn key(day: &str, line: i64) -> Vec<Key> {
    vec![Key::Text(day.into()), Key::Int(line)]
}

/// The nulls that SQLite allows must not move the other parts to their places.
#[tokio::test]
async fn a_key_with_a_null_is_no_key() {
    let entries = Fixture::new().await;
    // One cell further each column is the next one: `line`, then `title`.
    let shifted = |row| RowImage::new(entries.rows.clone(), row, 2).row_key(entries.table());
    assert_eq!(shifted(0), [Key::Int(1), Key::Text("one".into())]);
    assert_eq!(shifted(1), []);
}

#[tokio::test]
async fn a_new_row_has_changed_where_it_is_not_null() {
    let entries = Fixture::new().await;
    let created = entries.created(1);
    assert_eq!((&*created.collection, created.table), ("entries", entries.table().id));
    assert_eq!((created.action, &created.key), (Action::Create, &key("mon", 2)));
    assert_eq!(entries.fields(&created.changed), ["day", "line"]);
    assert!(created.before.is_none() && created.after.is_some());
    let full = entries.created(0);
    assert_eq!(full.changed.len(), 9);
}

#[tokio::test]
async fn a_row_that_was_written_to_has_changed_where_it_differs() {
    let entries = Fixture::new().await;
    let updated = |before, after| Change::updated(entries.table(), entries.image(before), entries.image(after));
    assert!(updated(0, 0).is_none(), "the same row, from the same rows");
    let change = updated(0, 2).unwrap();
    assert_eq!(change.action, Action::Update);
    assert_eq!(entries.fields(&change.changed), ["line", "at"]);
    assert_eq!(change.key, key("mon", 3), "its key is that of the row as it is");
    let (before, after) = (change.before.unwrap(), change.after.unwrap());
    assert_eq!((before.row_key(entries.table()), after.row_key(entries.table())), (key("mon", 1), key("mon", 3)));
    // The text `null` is not null, and null differs from nothing but values.
    let change = updated(1, 3).unwrap();
    assert_eq!(entries.fields(&change.changed).len(), 9);
    assert!(updated(1, 1).is_none());
}

#[tokio::test]
async fn equal_rows_of_different_statements_are_equal() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    for row in 0..4 {
        assert!(Change::updated(one.table(), one.image(row), other.image(row)).is_none(), "{row}");
    }
}

#[tokio::test]
async fn a_row_that_is_gone_has_changed_nowhere() {
    let entries = Fixture::new().await;
    let deleted = Change::deleted(entries.table(), entries.image(3));
    assert_eq!((deleted.action, deleted.key), (Action::Delete, key("tue", 1)));
    assert!(deleted.changed.is_empty() && deleted.after.is_none());
    assert_eq!(deleted.before.unwrap().to_json(entries.table())["title"], "null");
}

#[tokio::test]
async fn an_image_is_an_object_of_its_fields() {
    let entries = Fixture::new().await;
    let json = |row| Json::Object(entries.image(row).to_json(entries.table()));
    let big: Json = serde_json::from_str("9007199254740993").unwrap();
    assert_eq!(
        json(0),
        json!({
            "day": "mon", "line": 1, "title": "one", "price": 4.5, "seen": true, "meta": { "a": [1] },
            "big": big, "raw": "AP8=", "at": "2024-05-06T07:08:09.000Z",
        })
    );
    assert_eq!(
        json(1),
        json!({
            "day": "mon", "line": 2, "title": null, "price": null, "seen": null, "meta": null,
            "big": null, "raw": null, "at": null,
        })
    );
    let fields: Vec<String> = entries.image(0).to_json(entries.table()).keys().cloned().collect();
    assert_eq!(fields, ["day", "line", "title", "price", "seen", "meta", "big", "raw", "at"]);
}

#[tokio::test]
async fn the_weight_of_a_change_is_that_of_its_rows() {
    let entries = Fixture::new().await;
    let created = entries.created(0);
    let updated = Change::updated(entries.table(), entries.image(0), entries.image(3)).unwrap();
    assert!(created.bytes() > entries.image(0).bytes());
    assert_eq!(updated.bytes() - created.bytes(), entries.image(3).bytes());
    assert!(entries.image(0).bytes() > entries.image(1).bytes(), "each row has a weight of its own");
}
