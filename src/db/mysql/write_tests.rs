//! What the driver writes to a real server, and what it says when it must not.

use std::time::Duration;

use super::tests::{Scratch, eventually, in_database, table, text};
use crate::{
    catalog::{ColumnType, facts::ConstraintKind},
    db::{Database, Error, Options, RawColumn, Rows, Transaction, ViolationKind},
    value::{Key, Value},
};

async fn connect(scratch: &Scratch) -> Database {
    Database::connect(scratch.options()).await.unwrap()
}

async fn connect_one(scratch: &Scratch) -> Database {
    Database::connect(Options { max_connections: 1, ..scratch.options() }).await.unwrap()
}

fn integers(rows: &Rows) -> Vec<Key> {
    (0..rows.len()).map(|row| rows.key(row, 0, &ColumnType::BigInteger).unwrap()).collect()
}

async fn insert(transaction: &mut Transaction, number: i64) -> Result<u64, Error> {
    transaction.execute(&text("INSERT INTO t VALUES (?)"), &[Value::Int(number)]).await
}

async fn connection(transaction: &mut Transaction) -> Key {
    integers(&transaction.fetch(&text("SELECT CONNECTION_ID()"), &[]).await.unwrap()).remove(0)
}

/// What everybody else sees.
async fn count(scratch: &Scratch) -> String {
    scratch.run("SELECT COUNT(*) FROM t").await.remove(0).remove(0)
}

/// Ends all connections of this database but the one that asks.
async fn kill(scratch: &Scratch) {
    let query = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
    for row in scratch.run(query).await {
        scratch.run(&format!("KILL {}", row[0])).await;
    }
}

#[tokio::test]
async fn a_commit_lasts_and_nothing_else_does() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int)").await;
        let database = connect_one(&scratch).await;
        let mut rolled_back = database.begin().await.unwrap();
        assert_eq!(insert(&mut rolled_back, 1).await.unwrap(), 1);
        let first = connection(&mut rolled_back).await;
        rolled_back.rollback().await;
        let mut dropped = database.begin().await.unwrap();
        insert(&mut dropped, 2).await.unwrap();
        drop(dropped);
        let mut committed = database.begin().await.unwrap();
        insert(&mut committed, 3).await.unwrap();
        // None of this has cost a connection.
        assert_eq!(connection(&mut committed).await, first);
        assert_eq!(count(&scratch).await, "0");
        committed.commit().await.unwrap();
        assert_eq!(integers(&database.fetch(&text("SELECT a FROM t"), &[]).await.unwrap()), [Key::Int(3)]);
        // Rows that are found count, changed or not.
        assert_eq!(database.execute(&text("UPDATE t SET a = ?"), &[Value::Int(3)]).await.unwrap(), 1);
        assert_eq!(count(&scratch).await, "1");
        assert_eq!(database.inserts_return(), scratch.is_mariadb().await);
    })
    .await;
}

#[tokio::test]
async fn statements_run_once_per_set_of_parameters() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, a varchar(10))").await;
        let database = connect(&scratch).await;
        let before = database.statements_sent();
        let mut transaction = database.begin().await.unwrap();
        let runs: Vec<_> = ["x", "y", "z"].map(|name| vec![Value::Text(name.into())]).into();
        if database.inserts_return() {
            let statement = text("INSERT INTO t (a) VALUES (?) RETURNING id, a");
            let rows = transaction.fetch_each(&statement, &runs).await.unwrap();
            assert_eq!(integers(&rows), [Key::Int(1), Key::Int(2), Key::Int(3)]);
            assert_eq!(rows.key(1, 1, &ColumnType::Text), Some(Key::Text("y".into())));
        } else {
            assert!(transaction.fetch_each(&text("INSERT INTO t (a) VALUES (?)"), &runs).await.unwrap().is_empty());
        }
        let ids = transaction.fetch_each(&text("SELECT id FROM t WHERE a >= ? ORDER BY id"), &runs[1..]).await.unwrap();
        assert_eq!(integers(&ids), [Key::Int(2), Key::Int(3), Key::Int(3)]);
        assert!(transaction.fetch_each(&text("nothing"), &[]).await.unwrap().is_empty());
        assert!(transaction.fetch(&text("DELETE FROM t WHERE id = 3"), &[]).await.unwrap().is_empty());
        transaction.commit().await.unwrap();
        assert_eq!(count(&scratch).await, "2");
        assert_eq!(database.statements_sent() - before, 4);
    })
    .await;
}

const RULES: &str = "
CREATE TABLE p (id int PRIMARY KEY, a varchar(3) NOT NULL, b tinyint DEFAULT 0, `C d` int NOT NULL DEFAULT 0,
    e enum('x', 'y'), UNIQUE KEY `bo.th` (b, `C d`), UNIQUE KEY a (a), CONSTRAINT small CHECK (b < 100));
CREATE TABLE c (p int, CONSTRAINT parent FOREIGN KEY (p) REFERENCES p (id));
CREATE TABLE own (n int CHECK (n > 0), unique (n));
INSERT INTO p (id, a, b) VALUES (1, 'x', 1), (2, 'z', 2);
INSERT INTO c VALUES (2);";

#[tokio::test]
async fn broken_rules_are_named() {
    use ViolationKind::{Check, ForeignKey, NotNull, OutOfRange, TooLong, Unique};
    in_database(async |scratch| {
        scratch.run(RULES).await;
        let database = connect_one(&scratch).await;
        let mysql = !scratch.is_mariadb().await;
        let of_mysql = |table: &'static str| Some(table).filter(|_| mysql);
        let of_mariadb = |table: &'static str| Some(table).filter(|_| !mysql);
        for (statement, kind, table, columns, constraint) in [
            ("INSERT INTO p (id, a) VALUES (1, 'y')", Unique, of_mysql("p"), "", Some("PRIMARY")),
            ("INSERT INTO p (id, a, b) VALUES (3, 'y', 1)", Unique, of_mysql("p"), "", Some("bo.th")),
            ("INSERT INTO p (id, a, b) VALUES (3, 'x', 3)", Unique, of_mysql("p"), "", Some("a")),
            ("INSERT INTO p (id, a) VALUES (3, NULL)", NotNull, None, "a", None),
            ("INSERT INTO p (id) VALUES (3)", NotNull, None, "a", None),
            ("INSERT INTO c VALUES (7)", ForeignKey, Some("c"), "p", Some("parent")),
            ("DELETE FROM p WHERE id = 2", ForeignKey, Some("c"), "p", Some("parent")),
            ("INSERT INTO p (id, a, b) VALUES (3, 'y', 100)", Check, of_mariadb("p"), "", Some("small")),
            ("INSERT INTO p (id, a) VALUES (3, 'yyyy')", TooLong, None, "a", None),
            ("INSERT INTO p (id, a, b) VALUES (3, 'y', 700)", OutOfRange, None, "b", None),
            ("UPDATE p SET b = id + 9223372036854775807", OutOfRange, None, "", None),
        ] {
            let mut transaction = database.begin().await.unwrap();
            let error = transaction.execute(&text(statement), &[]).await.unwrap_err();
            assert!(!error.to_string().contains("yyyy"), "{error}");
            let Error::Constraint(found) = error else { panic!("{statement}: {error}") };
            assert_eq!(found.schema, None);
            let names = (found.table.as_deref(), found.columns.join(","), found.constraint.as_deref());
            assert_eq!((found.kind, names), (kind, (table, columns.to_owned(), constraint)), "{statement}");
            transaction.rollback().await;
        }
        if !mysql {
            // A column's own check goes by the column's name.
            let error = database.execute(&text("INSERT INTO own VALUES (0)"), &[]).await.unwrap_err();
            let Error::Constraint(found) = error else { panic!("{error}") };
            assert_eq!(
                (found.table.as_deref(), &*found.columns, found.constraint.as_deref()),
                (Some("own"), &["n".to_owned()][..], Some("n"))
            );
        }
        // What is no rule of a table is as it is for reads, and reads know no rules.
        let error = database.execute(&text("UPDATE p SET e = 'secret'"), &[]).await.unwrap_err();
        assert!(matches!(&error, Error::Value(text) if !text.contains("secret")), "{error}");
        let error = database.fetch(&text("SELECT 9223372036854775807 + 1"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Value(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_gives_in() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t (a) VALUES (1), (2)").await;
        let database = connect(&scratch).await;
        let update = text("UPDATE t SET n = n + 1 WHERE a = ?");
        let (mut one, mut two) = (database.begin().await.unwrap(), database.begin().await.unwrap());
        one.execute(&update, &[Value::Int(1)]).await.unwrap();
        two.execute(&update, &[Value::Int(2)]).await.unwrap();
        let (first, second) = ([Value::Int(1)], [Value::Int(2)]);
        let crossed = tokio::join!(one.execute(&update, &second), two.execute(&update, &first));
        let (winner, mut loser) = match crossed {
            (Ok(1), Err(Error::Conflict(_))) => (one, two),
            (Err(Error::Conflict(_)), Ok(1)) => (two, one),
            other => panic!("{other:?}"),
        };
        // The server has rolled back: this would be on its own, and last.
        let alone = loser.execute(&text("INSERT INTO t (a) VALUES (3)"), &[]).await;
        assert!(matches!(alone, Err(Error::Database(_))), "{alone:?}");
        assert!(loser.commit().await.is_err());
        winner.commit().await.unwrap();
        assert_eq!(scratch.run("SELECT SUM(n), COUNT(*) FROM t").await, [["2", "2"]]);

        let mut held = database.begin().await.unwrap();
        held.execute(&update, &[Value::Int(1)]).await.unwrap();
        let mut late = database.begin().await.unwrap();
        late.execute(&text("SET innodb_lock_wait_timeout = 1"), &[]).await.unwrap();
        assert!(matches!(late.execute(&update, &[Value::Int(1)]).await, Err(Error::Conflict(_))));
        late.rollback().await;
        held.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_ends_its_transaction_and_a_dead_one_begins_none() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int)").await;
        let database = connect_one(&scratch).await;
        let mut lost = database.begin().await.unwrap();
        insert(&mut lost, 1).await.unwrap();
        kill(&scratch).await;
        assert!(matches!(insert(&mut lost, 2).await, Err(Error::Unavailable(_))));
        assert!(matches!(insert(&mut lost, 2).await, Err(Error::Database(_))));
        lost.rollback().await;
        database.begin().await.unwrap().commit().await.unwrap();

        // Neither of these has written before it notices.
        kill(&scratch).await;
        let mut begun = database.begin().await.unwrap();
        insert(&mut begun, 3).await.unwrap();
        begun.commit().await.unwrap();
        kill(&scratch).await;
        database.execute(&text("INSERT INTO t VALUES (4)"), &[]).await.unwrap();
        assert_eq!(count(&scratch).await, "2");
    })
    .await;
}

#[tokio::test]
async fn a_connection_lost_in_a_commit_leaves_the_outcome_open() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int)").await;
        let (relay, options) = scratch.relayed().await;
        let database = Database::connect(options).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        insert(&mut transaction, 1).await.unwrap();
        relay.cut();
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(text) if text.ends_with("is not known")), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_statement_given_up_is_stopped_with_its_transaction() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int)").await;
        let database = connect_one(&scratch).await;
        let mut transaction = database.begin().await.unwrap();
        insert(&mut transaction, 1).await.unwrap();
        let endless = text("INSERT INTO t SELECT SLEEP(600) /* given up */");
        tokio::select! {
            outcome = transaction.fetch(&endless, &[]) => panic!("{outcome:?}"),
            () = eventually("it runs", async || scratch.running("given up").await == 1) => {}
        }
        assert!(matches!(insert(&mut transaction, 2).await, Err(Error::Database(_))));
        assert!(transaction.commit().await.is_err());
        eventually("it is stopped", async || scratch.running("given up").await == 0).await;
        database.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(count(&scratch).await, "0");
    })
    .await;
}

#[tokio::test]
async fn a_write_over_its_limit_is_ended() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a int)").await;
        let limit = Duration::from_millis(100);
        let options = Options { statement_timeout: limit, max_connections: 1, ..scratch.options() };
        let database = Database::connect(options).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        insert(&mut transaction, 1).await.unwrap();
        let endless = text("INSERT INTO t SELECT SLEEP(600) /* too long */");
        let error = transaction.execute(&endless, &[]).await.unwrap_err();
        assert!(matches!(error, Error::StatementTimeout(found) if found == limit), "{error}");
        transaction.rollback().await;
        eventually("it is stopped", async || scratch.running("too long").await == 0).await;
        database.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(count(&scratch).await, "0");
    })
    .await;
}

#[tokio::test]
async fn sessions_are_strict_whatever_the_server_is() {
    in_database(async |scratch| {
        scratch.run("CREATE TABLE t (a varchar(3), n tinyint)").await;
        let mode = scratch.run("SELECT @@GLOBAL.sql_mode").await.remove(0).remove(0);
        scratch.run("SET GLOBAL sql_mode = 'ANSI_QUOTES'").await;
        let database = Database::connect(scratch.options()).await;
        scratch.run(&format!("SET GLOBAL sql_mode = '{mode}'")).await;
        let database = database.unwrap();
        let cut = database.execute(&text("INSERT INTO t VALUES ('abcd', 1)"), &[]).await;
        assert!(matches!(&cut, Err(Error::Constraint(found)) if found.kind == ViolationKind::TooLong), "{cut:?}");
        let wrong = database.execute(&text("INSERT INTO t VALUES ('a', 'b')"), &[]).await;
        assert!(matches!(wrong, Err(Error::Value(_))), "{wrong:?}");
        // What the server is set to otherwise stays.
        database.execute(&text("INSERT INTO \"t\" VALUES ('a', 1)"), &[]).await.unwrap();
        assert_eq!(count(&scratch).await, "1");
    })
    .await;
}

#[tokio::test]
async fn rows_of_unknown_statements_describe_themselves() {
    use ColumnType as T;
    in_database(async |scratch| {
        scratch
            .run(
                "CREATE TABLE t (a int, b bigint, c decimal(5,2), d varchar(5) COLLATE utf8mb4_bin, e tinyint(1), \
                 f timestamp NULL, g date, h text, i varbinary(4), j blob, k enum('x'), l double, m int unsigned, \
                 n smallint, o bigint);
                 INSERT INTO t VALUES (1, 2, 1.5, 'x', 1, NULL, '2024-01-01', 'y', 'x', 'x', 'x', 1.5, 1, 1, 2)",
            )
            .await;
        let database = connect(&scratch).await;
        let rows = database.fetch(&text("SELECT t.*, 1 AS `b c` FROM t"), &[]).await.unwrap();
        let types = [
            T::Integer,
            T::BigInteger,
            T::Decimal,
            T::Text,
            T::Boolean,
            T::Timestamp,
            T::Date,
            T::Text,
            T::Binary,
            T::Binary,
            T::Other,
            T::Double,
            T::BigInteger,
            T::Integer,
            T::BigInteger,
        ];
        let mut columns = rows.columns();
        assert_eq!(columns.pop().unwrap().name, "b c");
        let expected = "abcdefghijklmno"
            .chars()
            .zip(types)
            .map(|(name, column_type)| RawColumn { name: name.to_string(), column_type });
        assert_eq!(columns, expected.collect::<Vec<_>>());
        let other = database.fetch(&text("SELECT CAST(2 AS SIGNED INTEGER), NULL, 'z'"), &[]).await.unwrap();
        assert!(rows.same_cell(0, 1, &rows, 0, 14) && !rows.same_cell(0, 0, &rows, 0, 1));
        assert!(rows.same_cell(0, 5, &other, 0, 1) && !rows.same_cell(0, 7, &other, 0, 2));
        assert!(rows.same_cell(0, 3, &rows, 0, 8), "a text and its bytes");
        assert!(rows.bytes(0) > other.bytes(0) && other.bytes(0) > 0);
        assert!(database.fetch(&text("SELECT 1 FROM t WHERE false"), &[]).await.unwrap().columns().is_empty());
        let list = database.execute(&text("SELECT ?"), &[Value::Column([None].as_slice().into())]).await;
        assert!(matches!(list, Err(Error::Database(_))), "{list:?}");
    })
    .await;
}

#[tokio::test]
async fn introspection_finds_what_governs_writes() {
    in_database(async |scratch| {
        scratch.run(RULES).await;
        scratch.run("CREATE TRIGGER before_c BEFORE INSERT ON c FOR EACH ROW SET NEW.p = 1").await;
        let facts = connect(&scratch).await.introspect().await.unwrap();
        let triggers: Vec<_> =
            facts.tables.iter().filter(|table| table.has_triggers).map(|table| &*table.name).collect();
        assert_eq!(triggers, ["c"]);
        let constraints = |name: &str| {
            let found = table(&facts, name).constraints.iter();
            let mut found: Vec<_> =
                found.map(|found| format!("{} {:?} {}", found.name, found.kind, found.columns.join(","))).collect();
            found.sort();
            found
        };
        assert_eq!(constraints("p"), ["PRIMARY Unique id", "a Unique a", "bo.th Unique b,C d", "small Check b"]);
        assert_eq!(constraints("c"), ["parent ForeignKey p"]);
        let own = table(&facts, "own").constraints.iter().find(|found| found.kind == ConstraintKind::Check).unwrap();
        assert_eq!(own.columns, ["n"]);
        assert_eq!(own.name == "n", scratch.is_mariadb().await);
    })
    .await;
}
