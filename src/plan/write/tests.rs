//! Payloads taken apart, on a small catalog with a parent, children and a
//! junction.

use serde_json::json;

use super::*;
use crate::catalog::{
    ColumnType, Dialect, Options, TableKind,
    facts::{ColumnFacts, Facts, ForeignKeyFacts, OnDelete, TableFacts},
};

fn column(name: &str, column_type: ColumnType) -> ColumnFacts {
    ColumnFacts {
        name: name.to_owned(),
        declared: "varchar(5)".to_owned(),
        column_type,
        nullable: true,
        default: None,
        generated: false,
        auto_increment: name == "id",
        identity_always: false,
        length: None,
        precision: None,
        scale: None,
        comment: None,
        allowed: Vec::new(),
    }
}

fn table(name: &str, columns: Vec<ColumnFacts>, key: &[&str], foreign_keys: &[(&str, &str)]) -> TableFacts {
    let foreign_key = |(column, target): &(&str, &str)| ForeignKeyFacts {
        name: format!("{name}_{column}"),
        columns: vec![(*column).to_owned()],
        to_schema: None,
        to_table: (*target).to_owned(),
        to_columns: vec!["id".to_owned()],
        on_delete: OnDelete::Refuse,
    };
    TableFacts {
        schema: None,
        name: name.to_owned(),
        kind: TableKind::Table,
        comment: None,
        columns,
        primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: foreign_keys.iter().map(foreign_key).collect(),
        constraints: Vec::new(),
        has_triggers: false,
    }
}

fn catalog() -> Catalog {
    let id = || column("id", ColumnType::Integer);
    let required = |name: &str| ColumnFacts { nullable: false, ..column(name, ColumnType::Text) };
    let status = ColumnFacts { allowed: vec!["on".to_owned(), "off".to_owned()], ..column("status", ColumnType::Text) };
    let short = ColumnFacts { length: Some(5), ..column("short", ColumnType::Text) };
    let computed = ColumnFacts { generated: true, ..column("computed", ColumnType::Text) };
    let articles = vec![id(), required("title"), status, short, computed, column("author", ColumnType::Integer)];
    let pairs = vec![column("article", ColumnType::Integer), column("tag", ColumnType::Integer)];
    let tables = vec![
        table("authors", vec![id(), required("name")], &["id"], &[]),
        table("articles", articles, &["id"], &[("author", "authors")]),
        table("tags", vec![id(), required("name")], &["id"], &[]),
        table("pairs", pairs, &["article", "tag"], &[("article", "articles"), ("tag", "tags")]),
    ];
    Catalog::build(Dialect::Postgres, &Facts { tables }, &Options::default())
}

fn draft(collection: &str, action: WriteAction, payload: Json) -> Result<Draft, Fault> {
    let catalog = catalog();
    let Json::Object(payload) = payload else { panic!("a payload is an object") };
    let table = catalog.collection(collection).unwrap();
    let draft = Draft::new(&catalog, &Access::full(), table, action, Given::Owned(payload), &Bindings::at(0))?;
    if action == WriteAction::Create {
        draft.check_complete(table)?;
    }
    Ok(draft)
}

fn rule(fault: Result<Draft, Fault>) -> (String, &'static str) {
    match fault {
        Err(Fault::Validation { field, rule, .. }) => (field, rule.name()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_and_related_rows_are_set_apart() {
    let payload = json!({ "title": "a", "author": { "name": "x" }, "tags": [{ "id": 1 }, 2] });
    let draft = draft("articles", WriteAction::Create, payload).unwrap();
    assert_eq!(draft.columns, [(ColumnId(1), Value::Text("a".into()))]);
    assert_eq!(draft.to_one.len(), 1);
    assert!(draft.to_one[0].links);
    let tags: Vec<Json> = draft.to_many[0].payloads.iter().cloned().map(Json::Object).collect();
    assert_eq!(tags, [json!({ "id": 1 }), json!({ "id": 2 })]);
}

#[test]
fn what_must_be_given_is_named() {
    use WriteAction::{Create, Update};
    assert_eq!(rule(draft("articles", Create, json!({}))), ("title".to_owned(), "required"));
    assert_eq!(rule(draft("articles", Create, json!({ "title": null }))), ("title".to_owned(), "nnull"));
    assert_eq!(rule(draft("articles", Update, json!({ "title": null }))), ("title".to_owned(), "nnull"));
    assert!(draft("articles", Update, json!({})).is_ok());
    let bad = json!({ "title": "a", "status": "maybe" });
    assert_eq!(rule(draft("articles", Create, bad)), ("status".to_owned(), "in"));
}

#[test]
fn a_fault_says_which_relations_lead_to_it() {
    let fault = draft("authors", WriteAction::Create, json!({})).unwrap_err().within("author").within("articles");
    let Fault::Validation { path, .. } = fault else { panic!("{fault:?}") };
    assert_eq!(path, ["articles", "author"]);
}

#[test]
fn too_long_computed_and_unknown_fields_are_refused() {
    let of = |payload| draft("articles", WriteAction::Update, payload).unwrap_err();
    // Characters count, not bytes.
    assert!(draft("articles", WriteAction::Update, json!({ "short": "äöüßé" })).is_ok());
    assert!(matches!(of(json!({ "short": "äöüßéx" })), Fault::TooLong { .. }));
    assert!(matches!(of(json!({ "computed": "x" })), Fault::Payload(_)));
    assert!(matches!(of(json!({ "nothing": "x" })), Fault::Forbidden(_)));
    assert!(matches!(of(json!({ "tags": ["x", [1]] })), Fault::Payload(_)));
}

#[test]
fn a_key_in_an_update_says_nothing() {
    let updated = draft("articles", WriteAction::Update, json!({ "id": 7, "short": "a" })).unwrap();
    assert_eq!(updated.columns.len(), 1);
    // A related row that is part of the key is still written, but not linked anew.
    let pair = draft("pairs", WriteAction::Update, json!({ "tag": { "id": 1, "name": "x" }, "article": 3 })).unwrap();
    assert!(pair.columns.is_empty());
    assert!(!pair.to_one[0].links);
}

#[test]
fn keys_are_read_in_every_form() {
    let catalog = catalog();
    let (articles, pairs) = (catalog.collection("articles").unwrap(), catalog.collection("pairs").unwrap());
    for json in [json!(7), json!("7"), json!({ "id": 7 }), json!([7])] {
        assert_eq!(row_key(articles, &json), Ok(vec![Key::Int(7)]), "{json}");
    }
    let both = vec![Key::Int(1), Key::Int(2)];
    for json in [json!({ "article": 1, "tag": "2" }), json!([1, 2]), json!("[1,2]"), json!("[\"1\",\"2\"]")] {
        assert_eq!(row_key(pairs, &json), Ok(both.clone()), "{json}");
    }
    for json in [json!("x"), json!(1), json!([1]), json!({ "article": 1 }), Json::Null] {
        assert_eq!(row_key(pairs, &json), Err(Fault::Forbidden(None)), "{json}");
    }
    assert_eq!(key_json(&both), json!([1, 2]));
    assert_eq!(row_key(pairs, &key_json(&both)), Ok(both));
}

#[test]
fn a_payload_holds_a_key_directly_or_within_a_related_row() {
    let catalog = catalog();
    let pairs = catalog.collection("pairs").unwrap();
    let key = |json: Json| payload_key(&catalog, pairs, json.as_object().unwrap());
    assert_eq!(key(json!({ "article": 1, "tag": { "id": 2, "name": "x" } })), Ok(Some(vec![Key::Int(1), Key::Int(2)])));
    assert_eq!(key(json!({ "article": 1, "tag": { "name": "x" } })), Ok(None));
    assert_eq!(key(json!({ "article": 1 })), Ok(None));
    assert_eq!(key(json!({ "article": "x", "tag": 2 })), Err(Fault::Forbidden(None)));
}
