//! What the database deletes or changes by itself is told like what was asked for.

use serde_json::{Value as Json, json};

use crate::support::{Everywhere, Kind, TestApp};

/// A tree of shelves with books, which lose their shelf's owner but not themselves.
fn library(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE owner (id {key}, name VARCHAR(20));
         CREATE TABLE shelf (id {key}, name VARCHAR(20), parent INT, owner INT,
             FOREIGN KEY (parent) REFERENCES shelf (id) ON DELETE CASCADE,
             FOREIGN KEY (owner) REFERENCES owner (id) ON DELETE SET NULL);
         CREATE TABLE book (id {key}, title VARCHAR(20), shelf INT NOT NULL,
             FOREIGN KEY (shelf) REFERENCES shelf (id) ON DELETE CASCADE);
         INSERT INTO owner (name) VALUES ('Ann');
         INSERT INTO shelf (name, parent, owner) VALUES ('a', NULL, 1), ('b', 1, 1), ('c', 2, NULL), ('d', NULL, NULL);
         INSERT INTO book (title, shelf) VALUES ('one', 1), ('two', 3), ('three', 4);"
    )
}

/// `collection key action` of each event so far, sorted, with its changed fields.
fn told(app: &TestApp) -> Vec<Json> {
    let start = tidegate::events::Position { offset: 0, ..app.events.log().head() };
    let events = app.events.log().read_after(start, usize::MAX).expect("the log keeps everything");
    let catalog = &app.catalog;
    let name = |event: &tidegate::events::ChangeEvent| {
        let table = catalog.table(event.table);
        let row = event.before.as_ref().expect("there was one").to_json(table);
        let changed: Vec<&str> = event.changed.iter().map(|column| table.column_field(*column)).collect();
        json!([*event.collection, row["id"], event.action.as_str(), changed])
    };
    let mut told: Vec<Json> = events.iter().map(|event| name(event)).collect();
    told.sort_by_key(Json::to_string);
    told
}

#[tokio::test]
async fn rows_that_go_with_another_are_told() {
    for (kind, app) in Everywhere::own(library).await.each() {
        app.data("mutation { delete_shelf_item(id: 1) { id } }").await;
        let gone = |collection: &str, id: u32| json!([collection, id, "delete", []]);
        let expected = [gone("book", 1), gone("book", 2), gone("shelf", 1), gone("shelf", 2), gone("shelf", 3)];
        assert_eq!(told(app), expected, "{kind:?}");
        let left = app.data("{ shelf { name } book { title } }").await;
        assert_eq!(left, json!({ "shelf": [{ "name": "d" }], "book": [{ "title": "three" }] }), "{kind:?}");
    }
}

#[tokio::test]
async fn rows_that_lose_what_they_point_to_are_told() {
    for (kind, app) in Everywhere::own(library).await.each() {
        app.data("mutation { delete_owner_where(filter: { name: { _eq: \"Ann\" } }, limit: 1) { ids } }").await;
        let changed = |id: u32| json!(["shelf", id, "update", ["owner"]]);
        assert_eq!(told(app), [json!(["owner", 1, "delete", []]), changed(1), changed(2)], "{kind:?}");
    }
}

#[tokio::test]
async fn a_deletion_that_reaches_nothing_costs_one_statement() {
    for (kind, app) in Everywhere::own(library).await.each() {
        let (statements, _) = app.statements_of(app.data("mutation { delete_book_item(id: 1) { id } }")).await;
        assert!(statements <= if kind == Kind::MySql { 2 } else { 1 }, "{kind:?}: {statements}");
    }
}

#[tokio::test]
async fn more_rows_than_can_be_told_are_an_explicit_gap() {
    let large = |kind| {
        let books = vec!["('x', 4)"; 10_001].join(", ");
        format!("{} INSERT INTO book (title, shelf) VALUES {books};", library(kind))
    };
    for (kind, app) in Everywhere::own(large).await.each() {
        let before = app.events.log().head();
        app.data("mutation { delete_shelf_item(id: 4) { id } }").await;
        let gone = app.events.log().read_after(before, 1).expect_err("nobody can go on from there");
        assert_eq!(gone.reason, tidegate::events::GoneReason::OtherEpoch, "{kind:?}");
    }
}
