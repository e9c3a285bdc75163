//! What the driver writes to files, and what it says when it must not.

use std::{sync::Arc, time::Duration};

use super::tests::{ENDLESS, File};
use crate::{
    catalog::ColumnType,
    db::{Database, Error, Form, Options, RawColumn, Rows, Transaction, ViolationKind},
    value::{Key, Value},
};

fn sql(text: &str) -> Arc<str> {
    Arc::from(text)
}

async fn open(file: &File) -> Database {
    open_with(file, |_| ()).await
}

async fn open_with(file: &File, change: impl FnOnce(&mut Options)) -> Database {
    let mut options = file.options();
    change(&mut options);
    Database::connect(options).await.unwrap()
}

fn integers(rows: &Rows) -> Vec<Key> {
    (0..rows.len()).map(|row| rows.key(row, 0, &ColumnType::Integer).unwrap()).collect()
}

/// What the file holds, as anyone else sees it.
fn count(file: &File) -> i64 {
    file.writer.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

async fn insert(transaction: &mut Transaction, number: i64) -> Result<u64, Error> {
    transaction.execute(&sql("INSERT INTO t VALUES (?1)"), &[Value::Int(number)]).await
}

#[tokio::test]
async fn a_commit_lasts_and_nothing_else_does() {
    let file = File::new("CREATE TABLE t (a)");
    let database = open(&file).await;
    let mut rolled_back = database.begin().await.unwrap();
    assert_eq!(insert(&mut rolled_back, 1).await.unwrap(), 1);
    rolled_back.rollback().await;
    let mut dropped = database.begin().await.unwrap();
    insert(&mut dropped, 2).await.unwrap();
    drop(dropped);
    let mut committed = database.begin().await.unwrap();
    insert(&mut committed, 3).await.unwrap();
    assert_eq!(count(&file), 0);
    committed.commit().await.unwrap();
    assert_eq!(integers(&database.fetch(&sql("SELECT a FROM t"), &[]).await.unwrap()), [Key::Int(3)]);
    assert_eq!(database.execute(&sql("UPDATE t SET a = a + 1"), &[]).await.unwrap(), 1);
    assert_eq!(database.execute(&sql("CREATE TABLE u (a)"), &[]).await.unwrap(), 0);
    // A transaction that a statement has begun is over with it.
    database.execute(&sql("BEGIN"), &[]).await.unwrap();
    database.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(count(&file), 1);
    assert!(database.inserts_return());
}

#[tokio::test]
async fn statements_run_once_per_set_of_parameters() {
    let file = File::new("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE)");
    let database = open(&file).await;
    let before = database.statements_sent();
    let mut transaction = database.begin().await.unwrap();
    let statement = sql("INSERT INTO t (a) VALUES (tidegate_lower(?1)) RETURNING id, a");
    let runs: Vec<_> = ["X", "Ä", "Z"].map(|text| vec![Value::Text(text.into())]).into();
    let rows = transaction.fetch_each(&statement, &runs).await.unwrap();
    assert_eq!(integers(&rows), [Key::Int(1), Key::Int(2), Key::Int(3)]);
    assert_eq!(rows.key(1, 1, &ColumnType::Text), Some(Key::Text("ä".into())));
    let none = transaction.fetch_each(&statement, &[]).await.unwrap();
    assert!(none.is_empty() && none.columns().is_empty());
    assert!(transaction.fetch(&sql("DELETE FROM t WHERE id = 3"), &[]).await.unwrap().is_empty());
    transaction.commit().await.unwrap();
    assert_eq!(count(&file), 2);
    assert_eq!(database.statements_sent() - before, 3);
}

#[tokio::test]
async fn broken_rules_are_named() {
    use ViolationKind::{Check, ForeignKey, NotNull, Unique};
    let file = File::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b, \"c d\", UNIQUE (b, \"c d\"),
             CONSTRAINT short CHECK (length(a) < 5), CHECK (b <> 7));
         CREATE UNIQUE INDEX lower_a ON p (lower(a));
         CREATE TABLE t (p INTEGER REFERENCES p);
         CREATE TABLE k (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE s (n INTEGER) STRICT;
         INSERT INTO p VALUES (1, 'x', 1, 2);
         INSERT INTO k VALUES ('a', 'b')",
    );
    let database = open(&file).await;
    for (statement, kind, table, columns, constraint) in [
        ("INSERT INTO p VALUES (1, 'y', 2, 2)", Unique, Some("p"), "id", None),
        ("INSERT INTO p VALUES (2, 'y', 1, 2)", Unique, Some("p"), "b,c d", None),
        ("INSERT INTO p VALUES (2, 'X', 2, 2)", Unique, None, "", Some("lower_a")),
        ("INSERT INTO k VALUES ('a', 'b')", Unique, Some("k"), "a,b", None),
        ("INSERT INTO p VALUES (2, NULL, 2, 2)", NotNull, Some("p"), "a", None),
        ("INSERT INTO t VALUES (5)", ForeignKey, None, "", None),
        ("INSERT INTO p VALUES (2, 'yyyyy', 2, 2)", Check, None, "", Some("short")),
        ("INSERT INTO p VALUES (2, 'y', 7, 2)", Check, None, "", Some("b <> 7")),
    ] {
        let mut transaction = database.begin().await.unwrap();
        let error = transaction.execute(&sql(statement), &[]).await.unwrap_err();
        assert!(!error.to_string().contains("yyyyy"), "{error}");
        let Error::Constraint(found) = error else { panic!("{statement}: {error}") };
        let names = (found.table.as_deref(), found.columns.join(","), found.constraint.as_deref());
        assert_eq!((found.kind, names), (kind, (table, columns.to_owned(), constraint)), "{statement}");
        // The rest of the transaction stands.
        insert(&mut transaction, 1).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(count(&file), 8);
    let error = database.execute(&sql("INSERT INTO s VALUES ('secret')"), &[]).await.unwrap_err();
    assert!(matches!(&error, Error::Value(text) if !text.contains("secret")), "{error}");
}

#[tokio::test]
async fn a_deferred_rule_fails_the_commit() {
    let file = File::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE t (a REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    );
    let database = open(&file).await;
    let mut transaction = database.begin().await.unwrap();
    insert(&mut transaction, 5).await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert!(matches!(&error, Error::Constraint(found) if found.kind == ViolationKind::ForeignKey), "{error}");
    assert_eq!(count(&file), 0);
    // The writer is not left in it.
    let mut next = database.begin().await.unwrap();
    next.execute(&sql("INSERT INTO p VALUES (5)"), &[]).await.unwrap();
    insert(&mut next, 5).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(count(&file), 1);
}

#[tokio::test]
async fn writers_take_turns_and_wait_no_longer_than_they_may() {
    let file = File::new("CREATE TABLE t (a)");
    let database = open(&file).await;
    let writes = (0..20).map(|number| {
        let database = database.clone();
        async move {
            let mut transaction = database.begin().await.unwrap();
            let seen = integers(&transaction.fetch(&sql("SELECT count(*) FROM t"), &[]).await.unwrap());
            insert(&mut transaction, number).await.unwrap();
            transaction.commit().await.unwrap();
            seen
        }
    });
    let mut seen = futures_util::future::join_all(writes).await.concat();
    seen.sort();
    assert_eq!(seen, (0..20).map(Key::Int).collect::<Vec<_>>());

    let limit = Duration::from_millis(30);
    let hasty = open_with(&file, |options| options.acquire_timeout = limit).await;
    let first = hasty.begin().await.unwrap();
    assert!(matches!(hasty.begin().await, Err(Error::PoolTimeout(found)) if found == limit));
    assert!(matches!(hasty.execute(&sql("DELETE FROM t"), &[]).await, Err(Error::PoolTimeout(_))));
    // Reading goes on meanwhile.
    assert_eq!(hasty.fetch(&sql("SELECT a FROM t"), &[]).await.unwrap().len(), 20);
    first.rollback().await;
    hasty.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(count(&file), 20);
}

#[tokio::test]
async fn a_writer_elsewhere_is_waited_for_and_then_in_conflict() {
    let file = File::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    let database = open(&file).await;
    file.writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    assert!(matches!(database.begin().await, Err(Error::Conflict(_))));
    file.writer.execute_batch("COMMIT").unwrap();
    let mut transaction = database.begin().await.unwrap();
    insert(&mut transaction, 2).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&file), 2);
}

#[tokio::test]
async fn a_commit_that_readers_keep_waiting_is_undone() {
    let file = File::new("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let database = open_with(&file, |options| options.statement_timeout = Duration::from_millis(50)).await;
    let mut transaction = database.begin().await.unwrap();
    insert(&mut transaction, 2).await.unwrap();
    file.writer.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    assert!(matches!(transaction.commit().await, Err(Error::StatementTimeout(_))));
    file.writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&file), 1);
    database.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_a_statement_has_ended_goes_on_with_nothing() {
    let file = File::new("CREATE TABLE t (a)");
    let database = open_with(&file, |options| options.statement_timeout = Duration::from_millis(50)).await;
    let mut transaction = database.begin().await.unwrap();
    insert(&mut transaction, 1).await.unwrap();
    let endless = sql(&format!("INSERT INTO t {ENDLESS}"));
    assert!(matches!(transaction.fetch(&endless, &[]).await, Err(Error::StatementTimeout(_))));
    assert!(matches!(insert(&mut transaction, 2).await, Err(Error::Database(_))));
    assert!(transaction.commit().await.is_err());
    assert_eq!(count(&file), 0);
}

#[tokio::test]
async fn a_statement_given_up_frees_the_writer() {
    let file = File::new("CREATE TABLE t (a)");
    let database = open(&file).await;
    let endless = sql(&format!("INSERT INTO t {ENDLESS}"));
    let mut transaction = database.begin().await.unwrap();
    insert(&mut transaction, 1).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(30), transaction.fetch(&endless, &[])).await.is_err());
    assert!(matches!(insert(&mut transaction, 2).await, Err(Error::Database(_))));
    assert!(transaction.commit().await.is_err());
    let mut next = database.begin().await.unwrap();
    insert(&mut next, 3).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(count(&file), 1);
    database.close().await;
    assert!(matches!(database.begin().await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_file_opened_to_be_read_is_not_written() {
    let file = File::new("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let database = open_with(&file, |options| options.url.push_str("?mode=ro")).await;
    let error = database.begin().await.unwrap_err();
    assert!(matches!(&error, Error::Refused(text) if text.contains("mode=ro")), "{error}");
    assert!(matches!(database.execute(&sql("DELETE FROM t"), &[]).await, Err(Error::Refused(_))));
    assert_eq!(database.fetch(&sql("SELECT a FROM t"), &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_file_is_kept_as_its_owner_keeps_it() {
    let file = File::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    let database = open(&file).await;
    let mut transaction = database.begin().await.unwrap();
    let pragma = async |transaction: &mut Transaction, name: &str| {
        transaction.fetch(&sql(&format!("PRAGMA {name}")), &[]).await.unwrap().key(0, 0, &ColumnType::Text).unwrap()
    };
    assert_eq!(pragma(&mut transaction, "journal_mode").await, Key::Text("wal".into()));
    assert_eq!(pragma(&mut transaction, "synchronous").await, Key::Int(2));
    assert_eq!(pragma(&mut transaction, "foreign_keys").await, Key::Int(1));
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_batch_of_rows_travels_as_columns() {
    let file = File::new("CREATE TABLE t (a, b)");
    let database = open(&file).await;
    let column = |cells: &[Option<&str>]| Value::Column(cells.iter().map(|cell| cell.map(Arc::from)).collect());
    let parameters = [column(&[Some("1"), Some("2")]), column(&[Some("x\"y"), None])];
    let statement = "INSERT INTO t SELECT one.value, two.value
        FROM json_each(?1) one JOIN json_each(?2) two ON two.key = one.key ORDER BY one.key RETURNING b";
    let mut transaction = database.begin().await.unwrap();
    let rows = transaction.fetch(&sql(statement), &parameters).await.unwrap();
    assert_eq!(rows.key(0, 0, &ColumnType::Text), Some(Key::Text("x\"y".into())));
    assert!(rows.is_null(1, 0));
}

#[tokio::test]
async fn rows_of_unknown_statements_describe_themselves() {
    let file = File::new("CREATE TABLE t (a)");
    let database = open(&file).await;
    let statement = sql("SELECT NULL AS a, 1 AS \"b c\", NULL AS d, 'x' AS e, x'00' AS f UNION ALL
        SELECT NULL, 1, 2.5, 'y', x'00' ORDER BY 4");
    let rows = database.fetch(&statement, &[]).await.unwrap();
    let column = |name: &str, column_type| RawColumn { name: name.to_owned(), column_type };
    let expected = [
        column("a", ColumnType::Other),
        column("b c", ColumnType::BigInteger),
        column("d", ColumnType::Double),
        column("e", ColumnType::Text),
        column("f", ColumnType::Binary),
    ];
    assert_eq!(rows.columns(), expected);
    let other = database.fetch(&sql("SELECT 1.0, 'y'"), &[]).await.unwrap();
    assert!(rows.same_cell(0, 0, &rows, 1, 2) == rows.is_null(1, 2));
    assert!(rows.same_cell(0, 1, &rows, 1, 1) && rows.same_cell(0, 4, &rows, 1, 4));
    assert!(rows.same_cell(1, 3, &other, 0, 1) && !rows.same_cell(0, 3, &other, 0, 1));
    assert!(!rows.same_cell(0, 1, &other, 0, 0), "an integer is not stored like a real");
    assert!(rows.bytes(0) > other.bytes(0) && other.bytes(0) > 0);
    let mut out = Vec::new();
    rows.write_json(1, 2, &ColumnType::Double, Form::Raw, &mut out).unwrap();
    assert_eq!(out, b"2.5");
    assert!(database.fetch(&sql("SELECT 1 WHERE false"), &[]).await.unwrap().columns().is_empty());
}

#[tokio::test]
async fn triggers_are_found_on_tables_and_views() {
    let file = File::new(
        "CREATE TABLE T (a); CREATE TABLE u (a); CREATE VIEW v AS SELECT a FROM u;
         CREATE TRIGGER one AFTER INSERT ON t BEGIN SELECT 1; END;
         CREATE TRIGGER two INSTEAD OF INSERT ON v BEGIN SELECT 1; END;",
    );
    let facts = open(&file).await.introspect().await.unwrap();
    let found: Vec<_> = facts.tables.iter().map(|table| (&*table.name, table.has_triggers)).collect();
    assert_eq!(found, [("T", true), ("u", false), ("v", true)]);
}
