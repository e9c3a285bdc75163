use super::super::{Cardinality, ColumnType, facts::*};
use super::*;

fn column(name: &str) -> ColumnFacts {
    ColumnFacts {
        name: name.to_owned(),
        declared: "integer".to_owned(),
        column_type: ColumnType::Integer,
        nullable: false,
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

fn table(name: &str, columns: &[&str], key: &[&str], foreign_keys: &[(&[&str], &str, &[&str])]) -> TableFacts {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    TableFacts {
        schema: None,
        name: name.to_owned(),
        kind: TableKind::Table,
        comment: None,
        columns: columns.iter().map(|name| column(name)).collect(),
        primary_key: owned(key),
        uniques: Vec::new(),
        indexes: vec![owned(key)],
        foreign_keys: foreign_keys
            .iter()
            .map(|(columns, to_table, to_columns)| ForeignKeyFacts {
                name: format!("{name}_{to_table}"),
                columns: owned(columns),
                to_schema: None,
                to_table: (*to_table).to_owned(),
                to_columns: owned(to_columns),
                on_delete: OnDelete::Refuse,
            })
            .collect(),
        constraints: Vec::new(),
        has_triggers: false,
    }
}

fn build(tables: Vec<TableFacts>) -> Catalog {
    Catalog::build(Dialect::Sqlite, &Facts { tables }, &Options::default())
}

fn fields(catalog: &Catalog, collection: &str) -> Vec<String> {
    catalog.collection(collection).unwrap().fields.iter().map(|field| field.name.clone()).collect()
}

#[test]
fn relationships_are_named_after_columns_children_and_targets() {
    let catalog = build(vec![
        table("articles", &["id", "author"], &["id"], &[(&["author"], "authors", &["id"])]),
        table(
            "articles_tags",
            &["article", "tag"],
            &["article", "tag"],
            &[(&["article"], "articles", &["id"]), (&["tag"], "tags", &["id"])],
        ),
        table("authors", &["id"], &["id"], &[]),
        table("tags", &["id"], &["id"], &[]),
    ]);
    assert_eq!(fields(&catalog, "articles"), ["id", "author", "articles_tags", "tags"]);
    assert_eq!(fields(&catalog, "authors"), ["id", "articles"]);
    assert_eq!(fields(&catalog, "tags"), ["id", "articles_tags", "articles"]);
    assert_eq!(fields(&catalog, "articles_tags"), ["article", "tag"]);
}

#[test]
fn several_keys_between_two_tables_are_told_apart_by_their_columns() {
    let catalog = build(vec![
        table("airports", &["id"], &["id"], &[]),
        table(
            "flights",
            &["id", "origin", "destination"],
            &["id"],
            &[(&["origin"], "airports", &["id"]), (&["destination"], "airports", &["id"])],
        ),
        table("people", &["id", "boss"], &["id"], &[(&["boss"], "people", &["id"])]),
    ]);
    assert_eq!(fields(&catalog, "airports"), ["id", "flights_by_origin", "flights_by_destination"]);
    assert_eq!(fields(&catalog, "people"), ["id", "boss", "people"]);
}

#[test]
fn composite_keys_stand_beside_their_columns() {
    let catalog = build(vec![
        table("orders", &["shop", "number"], &["shop", "number"], &[]),
        table("lines", &["id", "shop", "number"], &["id"], &[(&["shop", "number"], "orders", &["shop", "number"])]),
    ]);
    assert_eq!(fields(&catalog, "lines"), ["id", "shop", "number", "orders"]);
    assert_eq!(fields(&catalog, "orders"), ["shop", "number", "lines"]);
}

#[test]
fn a_junction_with_more_to_say_is_no_shortcut() {
    let catalog = build(vec![
        table("a", &["id"], &["id"], &[]),
        table("b", &["id"], &["id"], &[]),
        table("pairs", &["id", "a", "b", "weight"], &["id"], &[(&["a"], "a", &["id"]), (&["b"], "b", &["id"])]),
    ]);
    assert_eq!(fields(&catalog, "a"), ["id", "pairs"]);
    assert!(!catalog.relationships.iter().any(|found| matches!(found.cardinality, Cardinality::ManyToMany { .. })));
}

#[test]
fn what_is_left_out_is_said() {
    let mut keyless = table("log", &["line"], &[], &[]);
    keyless.columns[0].nullable = true;
    let mut view = table("report", &["line"], &[], &[]);
    view.kind = TableKind::View;
    let catalog = build(vec![
        keyless,
        view,
        table("directus_users", &["id"], &["id"], &[]),
        table("notes", &["id", "log"], &["id"], &[(&["log"], "log", &["line"])]),
        table("order details", &["id"], &["id"], &[]),
    ]);
    let notes: Vec<String> =
        catalog.notes.iter().map(|note| format!("{:?} {}: {}", note.action, note.subject, note.reason)).collect();
    insta::assert_snapshot!(notes.join("\n"), @r"
    LeftOut log: no primary key, and no unique constraint over columns that are never null
    LeftOut directus_users: a system table, never served as a plain collection
    Renamed order details: served as `order_details`
    LeftOut notes.log: the relationship to `log`, which is not served
    ");
    assert!(catalog.collection("report").unwrap().key.is_empty());
}

#[test]
fn a_table_knows_its_keys_and_what_violations_are_called() {
    let mut people = table("people", &["id", "first", "last"], &["id"], &[]);
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    // A key that a hidden column is part of cannot be told from its values.
    people.uniques = vec![owned(&["last", "first"]), owned(&["last", "hidden"])];
    people.constraints = vec![ConstraintFacts {
        name: "known".to_owned(),
        kind: ConstraintKind::Check,
        columns: owned(&["hidden", "last"]),
    }];
    people.has_triggers = true;
    people.columns[1].length = Some(40);
    people.columns[0].identity_always = true;
    let catalog = build(vec![people, table("plain", &["id"], &["id"], &[])]);
    let people = catalog.collection("people").unwrap();
    assert_eq!(people.uniques, [vec![ColumnId(0)], vec![ColumnId(2), ColumnId(1)]]);
    let expected = Constraint { name: "known".to_owned(), kind: ConstraintKind::Check, columns: vec![ColumnId(2)] };
    assert_eq!(people.constraints, [expected]);
    assert!(people.triggers && !catalog.collection("plain").unwrap().triggers);
    assert_eq!((people.columns[1].length, people.columns[1].identity_always), (Some(40), false));
    assert!(people.columns[0].identity_always);
}

#[test]
fn only_mysql_may_lack_rows_that_inserts_return() {
    let options = Options { inserts_return: false, ..Options::default() };
    for (dialect, expected) in [(Dialect::Postgres, true), (Dialect::MySql, false), (Dialect::Sqlite, true)] {
        assert_eq!(Catalog::build(dialect, &Facts::default(), &options).inserts_return, expected);
        assert!(Catalog::build(dialect, &Facts::default(), &Options::default()).inserts_return);
    }
}
