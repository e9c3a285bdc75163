//! Statements that write, on each database, for one table with a generated key
//! and one whose key has two parts.

use super::*;
use crate::{
    catalog::{
        Catalog, ColumnId, ColumnType, Dialect, Options, TableId, TableKind,
        facts::{ColumnFacts, Facts, TableFacts},
    },
    predicate::{Bindings, Predicate},
    value::Key,
};

const ITEMS: TableId = TableId(0);
const SEATS: TableId = TableId(1);
const ID: ColumnId = ColumnId(0);
const TITLE: ColumnId = ColumnId(1);
const RATING: ColumnId = ColumnId(2);
const AT: ColumnId = ColumnId(3);

fn column(name: &str, declared: &str, column_type: ColumnType) -> ColumnFacts {
    ColumnFacts {
        name: name.to_owned(),
        declared: declared.to_owned(),
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

fn table(name: &str, columns: Vec<ColumnFacts>, key: &[&str]) -> TableFacts {
    TableFacts {
        schema: None,
        name: name.to_owned(),
        kind: TableKind::Table,
        comment: None,
        columns,
        primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        constraints: Vec::new(),
        has_triggers: false,
    }
}

fn catalog(dialect: Dialect, inserts_return: bool) -> Catalog {
    let items = vec![
        column("id", "bigint", ColumnType::BigInteger),
        column("title", "varchar(9)", ColumnType::Text),
        column("rating", "numeric(4,2)", ColumnType::Decimal),
        column("at", "timestamptz", ColumnType::Timestamp),
    ];
    let seats = vec![column("row", "varchar(4)", ColumnType::Text), column("number", "integer", ColumnType::Integer)];
    let tables = vec![table("items", items, &["id"]), table("seats", seats, &["row", "number"])];
    Catalog::build(dialect, &Facts { tables }, &Options { inserts_return, ..Options::default() })
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn insert_of(dialect: Dialect, rows: usize) -> Command {
    let row = || vec![text("a"), text("1.5"), text("2024-02-03T02:05:06.500000")];
    let rows: Vec<_> = (0..rows).map(|_| row()).collect();
    let commands = insert(&catalog(dialect, true), ITEMS, &[TITLE, RATING, AT], &rows);
    let mut commands = commands.unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].rows, rows.len());
    commands.remove(0)
}

fn update_of(dialect: Dialect, values: &[&str]) -> Command {
    let changes: Vec<Change> =
        (1..).zip(values).map(|(key, value)| Change { key: vec![Key::Int(key)], values: vec![text(value)] }).collect();
    let bindings = Bindings::at(0);
    update(&catalog(dialect, true), ITEMS, &[TITLE], &changes, &Predicate::always(), &bindings).unwrap()
}

#[test]
fn one_row_is_inserted_by_its_values() {
    assert_eq!(
        &*insert_of(Dialect::Postgres, 1).text,
        r#"INSERT INTO "items" ("title", "rating", "at") VALUES ($1, $2::numeric, $3::timestamptz) RETURNING "id", "title", "rating", "at""#
    );
    assert_eq!(
        &*insert_of(Dialect::MySql, 1).text,
        "INSERT INTO `items` (`title`, `rating`, `at`) VALUES (?, ?, ?) RETURNING `id`, `title`, `rating`, `at`"
    );
    let sqlite = insert_of(Dialect::Sqlite, 1);
    assert_eq!(
        &*sqlite.text,
        r#"INSERT INTO "items" ("title", "rating", "at") VALUES (?1, ?2, ?3) RETURNING "id", "title", "rating", "at""#
    );
    // As SQLite's own dates are read.
    assert_eq!(sqlite.runs, [[text("a"), text("1.5"), text("2024-02-03T02:05:06.500Z")]]);
}

#[test]
fn the_text_for_several_rows_does_not_tell_how_many() {
    let several = insert_of(Dialect::Postgres, 3);
    assert_eq!(
        &*several.text,
        r#"INSERT INTO "items" ("title", "rating", "at") SELECT n.v0, n.v1::numeric, n.v2::timestamptz FROM unnest($1::text[], $2::text[], $3::text[]) AS n(v0, v1, v2) RETURNING "id", "title", "rating", "at""#
    );
    assert_eq!(several.runs[0][0], Value::Column([Some("a".into()), Some("a".into()), Some("a".into())].into()));
    assert_eq!(several.text, insert_of(Dialect::Postgres, 1_000).text);
    // One prepared statement, run for each.
    assert_eq!(insert_of(Dialect::Sqlite, 3).text, insert_of(Dialect::Sqlite, 1).text);
    assert_eq!(insert_of(Dialect::Sqlite, 3).runs.len(), 3);
    assert!(insert_of(Dialect::MySql, 3).text.contains("VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)"));
}

#[test]
fn more_placeholders_than_mysql_can_count_are_several_statements() {
    let rows = vec![vec![text("a"), text("b")]; 40_000];
    let commands = insert(&catalog(Dialect::MySql, true), ITEMS, &[TITLE, RATING], &rows).unwrap();
    assert_eq!(commands.iter().map(|command| command.rows).collect::<Vec<_>>(), [32_767, 7_233]);
}

#[test]
fn a_row_of_defaults_names_no_column() {
    let of = |dialect, returns| insert(&catalog(dialect, returns), ITEMS, &[], &[Vec::new()]).unwrap().remove(0).text;
    let expected = r#"INSERT INTO "items" DEFAULT VALUES RETURNING "id", "title", "rating", "at""#;
    assert_eq!(&*of(Dialect::Postgres, true), expected);
    assert_eq!(&*of(Dialect::Sqlite, true), expected);
    assert_eq!(&*of(Dialect::MySql, false), "INSERT INTO `items` () VALUES ()");
}

#[test]
fn rows_that_change_alike_are_found_held_and_shown_in_one_statement() {
    assert_eq!(
        &*update_of(Dialect::Postgres, &["x"]).text,
        r#"WITH o AS (SELECT t0."id" AS k0, t0."id" AS c0, t0."title" AS c1, t0."rating" AS c2, t0."at" AS c3 FROM "items" AS t0 WHERE t0."id" = $1 FOR UPDATE OF t0) UPDATE "items" AS t1 SET "title" = $2 FROM o WHERE t1."id" = o.k0 RETURNING t1."id", t1."title", t1."rating", t1."at", o.c0, o.c1, o.c2, o.c3"#
    );
    assert!(
        update_of(Dialect::Postgres, &["x", "x"])
            .text
            .contains(r#"WHERE t0."id" = ANY($1::text[]::int8[]) FOR UPDATE"#)
    );
    assert_eq!(
        &*update_of(Dialect::MySql, &["x", "x", "x"]).text,
        "UPDATE `items` SET `title` = ? WHERE `id` IN (?, ?, ?, ?)"
    );
    assert_eq!(
        &*update_of(Dialect::Sqlite, &["x"]).text,
        r#"UPDATE "items" SET "title" = ?1 WHERE "id" = ?2 RETURNING "id", "title", "rating", "at""#
    );
}

#[test]
fn rows_that_change_each_in_its_way_are_one_statement_too() {
    let postgres = update_of(Dialect::Postgres, &["x", "y"]);
    assert!(
        postgres.text.contains(
            r#"FROM unnest($1::text[], $2::text[]) AS n(k0, v0) JOIN "items" AS t0 ON t0."id" = n.k0::int8 FOR UPDATE OF t0) UPDATE "items" AS t1 SET "title" = o.v0 FROM o"#
        ),
        "{}",
        postgres.text
    );
    assert_eq!(
        &*update_of(Dialect::MySql, &["x", "y"]).text,
        "UPDATE `items` AS t0 JOIN (SELECT t1.`id` AS k0, NULL AS v0 FROM `items` AS t1 WHERE FALSE \
         UNION ALL SELECT ?, ? UNION ALL SELECT ?, ?) AS n ON t0.`id` = n.k0 SET t0.`title` = n.v0"
    );
    assert_eq!(update_of(Dialect::Sqlite, &["x", "y"]).runs, [[text("x"), Value::Int(1)], [text("y"), Value::Int(2)]]);
}

#[test]
fn what_is_kept_for_the_gateway_alone_is_changed_without_an_answer() {
    let of = |dialect| {
        let change = |key: i64, to: i64| Change { key: vec![Key::Int(key)], values: vec![Value::Int(to)] };
        assign(&catalog(dialect, true), ITEMS, &[ID], &[change(1, 7), change(2, 8)]).unwrap()
    };
    assert_eq!(
        &*of(Dialect::Postgres).text,
        r#"UPDATE "items" AS t0 SET "id" = n.v0::int8 FROM unnest($1::text[], $2::text[]) AS n(k0, v0) WHERE t0."id" = n.k0::int8"#
    );
    assert!(of(Dialect::MySql).text.starts_with("UPDATE `items` AS t0 JOIN (SELECT "));
    assert_eq!(&*of(Dialect::Sqlite).text, r#"UPDATE "items" SET "id" = ?1 WHERE "id" = ?2"#);
    assert_eq!(of(Dialect::Sqlite).runs, [[Value::Int(7), Value::Int(1)], [Value::Int(8), Value::Int(2)]]);
}

#[test]
fn of_an_order_the_keys_and_the_numbers_are_read() {
    let (all, bindings) = (Predicate::always(), Bindings::at(0));
    let of = |dialect| numbered(&catalog(dialect, true), ITEMS, RATING, &all, 9, &bindings).unwrap().text;
    assert_eq!(
        &*of(Dialect::Postgres),
        r#"SELECT t0."id", t0."rating" FROM "items" AS t0 ORDER BY t0."id" LIMIT 9 FOR UPDATE OF t0"#
    );
    assert_eq!(&*of(Dialect::Sqlite), r#"SELECT t0."id", t0."rating" FROM "items" AS t0 ORDER BY t0."id" LIMIT 9"#);
    let of = indistinct(&catalog(Dialect::MySql, true), ITEMS, RATING, &all, &bindings).unwrap().text;
    assert_eq!(&*of, "SELECT COUNT(*) - COUNT(DISTINCT t0.`rating`) FROM `items` AS t0");
}

#[test]
fn keys_of_several_parts_are_compared_part_by_part() {
    let keys = [vec![Key::Text("A".into()), Key::Int(1)], vec![Key::Text("B".into()), Key::Int(2)]];
    let of =
        |dialect, keys: &[Vec<Key>]| delete(&catalog(dialect, dialect != Dialect::MySql), SEATS, keys).unwrap().text;
    assert_eq!(
        &*of(Dialect::Postgres, &keys),
        r#"DELETE FROM "seats" WHERE ("row", "number") IN (SELECT k.k0::text, k.k1::int8 FROM unnest($1::text[], $2::text[]) AS k(k0, k1)) RETURNING "row", "number""#
    );
    assert_eq!(&*of(Dialect::MySql, &keys), "DELETE FROM `seats` WHERE (`row`, `number`) IN ((?, ?), (?, ?))");
    assert_eq!(
        &*of(Dialect::Sqlite, &keys),
        r#"DELETE FROM "seats" WHERE ("row", "number") IN (SELECT (value ->> 0), (value ->> 1) FROM json_each(?1)) RETURNING "row", "number""#
    );
    assert_eq!(
        &*of(Dialect::Postgres, &keys[..1]),
        r#"DELETE FROM "seats" WHERE "row" = $1::text AND "number" = $2 RETURNING "row", "number""#
    );
}

#[test]
fn only_postgres_has_a_sequence_to_move() {
    let raise = |dialect| raise_sequence(&catalog(dialect, true), ITEMS, ID, 7);
    assert_eq!(raise(Dialect::Postgres).unwrap().values, [text("\"items\""), text("id"), Value::Int(7)]);
    assert_eq!(raise(Dialect::MySql), None);
    assert_eq!(raise(Dialect::Sqlite), None);
}
