//! The driver against files: what is there, what is stored, who waits for whom.

use std::{path::Path, sync::Arc, time::Duration};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{
    super::{Error, Form, Options},
    Rows, Sqlite,
};
use crate::{
    catalog::{
        ColumnType,
        facts::{Facts, TableFacts, TableKind},
    },
    value::{Key, Value},
};

pub(super) const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";

/// A file made by `sql`, and a connection that may write it.
pub(super) struct File {
    folder: TempDir,
    pub(super) writer: Connection,
}

impl File {
    pub(super) fn new(sql: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let writer = Connection::open(folder.path().join("test.db")).unwrap();
        writer.execute_batch(sql).unwrap();
        Self { folder, writer }
    }

    pub(super) fn options(&self) -> Options {
        options(&format!("sqlite:{}", self.folder.path().join("test.db").display()))
    }

    async fn open(&self) -> Sqlite {
        Sqlite::connect(self.options()).await.unwrap()
    }

    async fn open_with(&self, change: impl FnOnce(&mut Options)) -> Sqlite {
        let mut options = self.options();
        change(&mut options);
        Sqlite::connect(options).await.unwrap()
    }
}

fn options(url: &str) -> Options {
    Options {
        url: url.to_owned(),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::ZERO,
        schemas: Vec::new(),
    }
}

async fn fetch(database: &Sqlite, text: &str, parameters: &[Value]) -> Result<Rows, Error> {
    database.fetch(&Arc::from(text), parameters).await
}

fn json(rows: &Rows, row: usize, column: usize, column_type: &ColumnType, form: Form) -> Result<String, String> {
    let mut out = b"before".to_vec();
    let written = rows.write_json(row, column, column_type, form, &mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("before").unwrap().to_owned();
    match written {
        Ok(()) => Ok(text),
        Err(error) => {
            assert_eq!(text, "", "an error leaves nothing behind");
            Err(error.0)
        }
    }
}

/// One row of expressions, one column each, as JSON texts.
async fn texts(database: &Sqlite, sql: &str, parameters: &[Value]) -> Vec<String> {
    let rows = fetch(database, sql, parameters).await.unwrap();
    (0..rows.len()).map(|row| json(&rows, row, 0, &ColumnType::Other, Form::Field).unwrap()).collect()
}

async fn refusal(url: &str) -> String {
    Sqlite::connect(options(url)).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_one_sentence() {
    let file = File::new("CREATE TABLE t (a)");
    let path = |name: &str| format!("sqlite:{}/{name}", file.folder.path().display());
    std::fs::write(file.folder.path().join("notes.txt"), "not a database at all, just a text ".repeat(40)).unwrap();
    assert!(refusal(&path("missing.db")).await.ends_with("missing.db`: no such file"));
    assert!(refusal(&path("")).await.ends_with("is a folder, not a file"));
    assert!(refusal(&path("notes.txt")).await.contains("is not a SQLite database"));
    assert!(matches!(Sqlite::connect(options(&path("notes.txt"))).await, Err(Error::Refused(_))));
    assert!(matches!(Sqlite::connect(options(&path("missing.db?mode=ro"))).await, Err(Error::Unavailable(_))));
    assert!(refusal("sqlite::memory:").await.contains("in-memory"));
    assert!(refusal("sqlite://").await.contains("names no file"));
    assert!(refusal(&path("test.db?mode=wild")).await.contains("`mode=wild` is no option"));
}

#[tokio::test]
async fn urls_name_files_in_every_form() {
    let file = File::new("CREATE TABLE t (a); INSERT INTO t VALUES (7)");
    let folder = file.folder.path();
    std::fs::copy(folder.join("test.db"), folder.join("with blank?.db")).unwrap();
    for name in ["test.db", "test.db?mode=ro", "with%20blank%3F.db?mode=rw"] {
        let database = Sqlite::connect(options(&format!("sqlite://{}/{name}", folder.display()))).await.unwrap();
        assert_eq!(texts(&database, "SELECT a FROM t", &[]).await, ["\"7\""]);
    }
    let created = Sqlite::connect(options(&format!("sqlite:{}/new.db?mode=rwc", folder.display()))).await.unwrap();
    assert_eq!(created.introspect().await.unwrap(), Facts::default());
}

#[tokio::test]
async fn readers_write_nothing() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    assert!(matches!(fetch(&database, "INSERT INTO t VALUES (1) RETURNING a", &[]).await, Err(Error::Database(_))));
    let journal = file.writer.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(journal, "delete");
}

#[tokio::test]
async fn parameters_arrive_as_what_they_are() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    let parameters = [
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(1.5),
        Value::Text("é\"\0".into()),
        Value::Bytes([0, 255].as_slice().into()),
        Value::Ints([3, 1].as_slice().into()),
        Value::Texts([Arc::from("a\"b"), Arc::from("ü")].as_slice().into()),
    ];
    let sql = "SELECT ?1 IS NULL, ?2, ?3, typeof(?4), hex(?5), hex(?6),
        (SELECT group_concat(value) FROM json_each(?7)), (SELECT group_concat(value) FROM json_each(?8))";
    let rows = fetch(&database, sql, &parameters).await.unwrap();
    let cells = (0..8).map(|column| json(&rows, 0, column, &ColumnType::Other, Form::Field).unwrap());
    let expected = [
        "\"1\"",
        "\"1\"",
        "\"-9223372036854775808\"",
        "\"real\"",
        "\"C3A92200\"",
        "\"00FF\"",
        "\"3,1\"",
        "\"a\\\"b,ü\"",
    ];
    assert_eq!(cells.collect::<Vec<_>>(), expected);
    assert!(matches!(fetch(&database, "SELECT ?1", &[]).await, Err(Error::Database(_))));
}

#[tokio::test]
async fn errors_are_told_apart() {
    let file = File::new("CREATE TABLE t (a); INSERT INTO t VALUES (9223372036854775807), (1)");
    let database = file.open().await;
    assert!(matches!(fetch(&database, "SELECT sum(a) FROM t", &[]).await, Err(Error::Value(_))));
    assert!(matches!(fetch(&database, "SELECT json_extract('{', '$')", &[]).await, Err(Error::Value(_))));
    assert!(matches!(fetch(&database, "SELECT nothing FROM t", &[]).await, Err(Error::Database(_))));
}

/// Every stored kind under every declared type: JSON, or a part of the error.
#[tokio::test]
async fn cells_are_read_as_their_type_means_them() {
    use ColumnType::{
        BigInteger, Binary, Boolean, Date, DateTime, Decimal, Double, Integer, Json, Other, Text, Time, Timestamp, Uuid,
    };
    use Form::{Field, Id, Raw};
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    let cases: &[(&str, ColumnType, Form, Result<&str, &str>)] = &[
        ("NULL", Integer, Id, Ok("null")),
        ("42", Integer, Field, Ok("42")),
        ("42", Integer, Id, Ok("\"42\"")),
        ("2147483648", Integer, Field, Err("beyond the 32 bits of Int")),
        ("2147483648", Integer, Raw, Ok("2147483648")),
        ("2147483648", Integer, Id, Ok("\"2147483648\"")),
        ("5.0", Integer, Field, Ok("5")),
        ("5.5", Integer, Field, Err("5.5 is stored as a real number and cannot be read as Int")),
        ("'17'", Integer, Field, Ok("17")),
        ("'abc'", Integer, Field, Err("`abc` is stored as text and cannot be read as Int")),
        ("'abc'", Integer, Id, Ok("\"abc\"")),
        ("x'00'", Integer, Field, Err("stored as a blob")),
        ("9007199254740993", BigInteger, Field, Ok("\"9007199254740993\"")),
        ("0", BigInteger, Field, Ok("0")),
        ("0", BigInteger, Id, Ok("\"0\"")),
        ("9007199254740993", BigInteger, Raw, Ok("9007199254740993")),
        ("'12'", BigInteger, Field, Ok("\"12\"")),
        ("1e19", BigInteger, Field, Err("64-bit")),
        ("1.25", Double, Field, Ok("1.25")),
        ("3", Double, Field, Ok("3")),
        ("1e300 * 1e300", Double, Field, Err("Float")),
        ("1.25", Double, Id, Ok("\"1.25\"")),
        ("'12345678901234567890.10'", Decimal, Field, Ok("12345678901234567890.1")),
        ("'1.5E-7'", Decimal, Field, Ok("1.5e-7")),
        ("'NaN'", Decimal, Field, Err("`NaN` is stored as text")),
        ("''", Decimal, Field, Err("stored as text")),
        ("1", Boolean, Field, Ok("true")),
        ("0", Boolean, Field, Ok("false")),
        ("0.5", Boolean, Field, Ok("true")),
        ("'T'", Boolean, Field, Ok("true")),
        ("'false'", Boolean, Field, Ok("false")),
        ("'maybe'", Boolean, Field, Err("cannot be read as Boolean")),
        ("'a\"b'", Text, Field, Ok("\"a\\\"b\"")),
        ("7", Text, Field, Ok("\"7\"")),
        ("7.0", Other, Field, Ok("\"7.0\"")),
        ("x'41'", Text, Field, Err("1 bytes are stored as a blob and cannot be read as String")),
        ("CAST(x'ff' AS TEXT)", Text, Field, Err("not valid UTF-8")),
        ("x'00112233445566778899aabbccddeeff'", Uuid, Field, Ok("\"00112233-4455-6677-8899-aabbccddeeff\"")),
        ("'00112233-4455-6677-8899-aabbccddeeff'", Uuid, Id, Ok("\"00112233-4455-6677-8899-aabbccddeeff\"")),
        ("x'0011'", Uuid, Field, Err("a UUID")),
        ("'2024-02-03T04:05:06+02:00'", Timestamp, Field, Ok("\"2024-02-03T02:05:06.000Z\"")),
        ("'2024-02-03 04:05:06.789'", Timestamp, Field, Ok("\"2024-02-03T04:05:06.789Z\"")),
        ("1706933106123", Timestamp, Field, Ok("\"2024-02-03T04:05:06.123Z\"")),
        ("julianday('2024-02-03 04:05:06')", Timestamp, Field, Ok("\"2024-02-03T04:05:06.000Z\"")),
        ("'2024-02-03 04:05'", DateTime, Field, Ok("\"2024-02-03T04:05:00\"")),
        ("'2024-02-03'", DateTime, Field, Ok("\"2024-02-03T00:00:00\"")),
        ("'04:05:06'", DateTime, Field, Err("a date and time")),
        ("'2024-02-03T23:00:00Z'", Date, Field, Ok("\"2024-02-03\"")),
        ("'2023-02-29'", Date, Field, Err("a date")),
        ("9223372036854775807", Date, Field, Err("a date")),
        ("1e12", Date, Field, Err("a date")),
        ("'04:05'", Time, Field, Ok("\"04:05:00\"")),
        ("'2024-02-03T04:05:06'", Time, Field, Ok("\"04:05:06\"")),
        ("'2024-02-03'", Time, Field, Err("a time of day")),
        ("' {\"a\": [1, 2]}\n'", Json, Field, Ok("{\"a\": [1, 2]}")),
        ("'{\"a\": 1'", Json, Field, Err("not valid JSON")),
        ("'plain'", Json, Field, Err("not valid JSON")),
        ("1.5", Json, Field, Ok("1.5")),
        ("'{}'", Json, Id, Ok("\"{}\"")),
        ("x'7b7d'", Json, Field, Err("JSON")),
        ("x'00ff10'", Binary, Field, Ok("\"AP8Q\"")),
        ("'abc'", Binary, Field, Ok("\"YWJj\"")),
        ("1", Binary, Field, Err("binary data")),
    ];
    for (expression, column_type, form, expected) in cases {
        let rows = fetch(&database, &format!("SELECT {expression}"), &[]).await.unwrap();
        let written = json(&rows, 0, 0, column_type, *form);
        let as_expected = match (&written, expected) {
            (Ok(written), Ok(expected)) => written == expected,
            (Err(written), Err(expected)) => written.contains(expected),
            _ => false,
        };
        assert!(as_expected, "{expression} as {column_type:?} in {form:?}: {written:?} for {expected:?}");
    }
}

#[tokio::test]
async fn reals_are_spelled_as_sqlite_casts_them() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    let numbers = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        0.30000000000000004,
        100.0,
        123_456_789.125,
        1e15,
        1e16,
        1e17,
        1.5e17,
        1e20,
        -2.5e100,
        1e-4,
        1.25e-4,
        1e-5,
        1.5e-7,
        f64::MAX,
        9_007_199_254_740_993.0,
        12_345_678_901_234_567.0,
    ];
    for number in numbers {
        let rows = fetch(&database, "SELECT ?1, CAST(?1 AS TEXT)", &[Value::Float(number)]).await.unwrap();
        let ours = json(&rows, 0, 0, &ColumnType::Other, Form::Field);
        assert_eq!(ours, json(&rows, 0, 1, &ColumnType::Other, Form::Field), "{number:e}");
    }
    // Beyond sixteen digits SQLite does not always find the shortest text; ours reads back as well.
    for number in [5e-324, 7.889773313252408e213, -2.2636419232809604e56, 1.0 / 3.0] {
        let parameter = [Value::Float(number)];
        let rows = fetch(&database, "SELECT ?1", &parameter).await.unwrap();
        let text = json(&rows, 0, 0, &ColumnType::Other, Form::Field).unwrap();
        let same = format!("SELECT CAST('{}' AS REAL) = ?1", text.trim_matches('"'));
        assert_eq!(texts(&database, &same, &parameter).await, ["\"1\""], "{text}");
    }
}

#[tokio::test]
async fn keys_of_equal_values_are_equal() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    let rows = fetch(&database, "SELECT NULL, 5, 5.0, '5', x'05', 5.5", &[]).await.unwrap();
    let key = |column, column_type| rows.key(0, column, &column_type);
    assert_eq!(key(0, ColumnType::Integer), None);
    assert_eq!(key(1, ColumnType::Text), Some(Key::Int(5)));
    assert_eq!(key(2, ColumnType::BigInteger), Some(Key::Int(5)));
    assert_eq!(key(2, ColumnType::Other), Some(Key::Text("5.0".into())));
    assert_eq!(key(3, ColumnType::Integer), Some(Key::Int(5)));
    assert_eq!(key(3, ColumnType::Text), Some(Key::Text("5".into())));
    assert_eq!(key(4, ColumnType::Binary), Some(Key::Bytes([5].as_slice().into())));
    assert_eq!(key(5, ColumnType::Double), Some(Key::Text("5.5".into())));
    assert!(rows.is_null(0, 0) && !rows.is_null(0, 1));
}

#[tokio::test]
async fn functions_read_whatever_is_stored() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    for (expression, expected) in [
        ("tidegate_lower('ÄÖ İ ΣΑΣ abC')", "äö i̇ σασ abc"),
        ("tidegate_lower(12)", "12"),
        ("tidegate_lower(1e20)", "1.0e+20"),
        ("tidegate_instant('2024-02-03T04:05:06.5+02:00')", "2024-02-03T02:05:06.500000"),
        ("tidegate_instant('2024-02-03 04:05')", "2024-02-03T04:05:00.000000"),
        ("tidegate_instant('2024-02-03')", "2024-02-03T00:00:00.000000"),
        ("tidegate_instant(1706933106123)", "2024-02-03T04:05:06.123000"),
        ("tidegate_instant(julianday('2024-02-03 04:05:06'))", "2024-02-03T04:05:06.000000"),
        ("tidegate_date('2024-02-03T23:30:00-05:00')", "2024-02-03"),
        ("tidegate_date(0)", "1970-01-01"),
        ("tidegate_time('2024-02-03 04:05:06.25')", "04:05:06.250000"),
        ("tidegate_time('04:05')", "04:05:00.000000"),
    ] {
        let rows = fetch(&database, &format!("SELECT {expression}"), &[]).await.unwrap();
        assert_eq!(json(&rows, 0, 0, &ColumnType::Text, Form::Field), Ok(format!("\"{expected}\"")), "{expression}");
    }
    for expression in [
        "tidegate_lower(NULL)",
        "tidegate_instant(NULL)",
        "tidegate_instant('04:05')",
        "tidegate_instant('soon')",
        "tidegate_instant(x'00')",
        "tidegate_date('04:05')",
        "tidegate_time('2024-02-03')",
    ] {
        let rows = fetch(&database, &format!("SELECT {expression}"), &[]).await.unwrap();
        assert!(rows.is_null(0, 0), "{expression}");
    }
}

#[tokio::test]
async fn a_statement_over_its_time_limit_is_stopped() {
    let file = File::new("CREATE TABLE t (a)");
    let limit = Duration::from_millis(30);
    let database = file.open_with(|options| options.statement_timeout = limit).await;
    assert!(matches!(fetch(&database, ENDLESS, &[]).await, Err(Error::StatementTimeout(found)) if found == limit));
    assert_eq!(texts(&database, "SELECT 1", &[]).await, ["\"1\""]);
}

#[tokio::test]
async fn dropping_a_fetch_frees_its_reader() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open_with(|options| options.max_connections = 1).await;
    let mut snapshot = database.snapshot().await.unwrap();
    let endless = Arc::from(ENDLESS);
    assert!(tokio::time::timeout(Duration::from_millis(30), snapshot.fetch(&endless, &[])).await.is_err());
    // The transaction outlives a statement of its own that was given up.
    assert_eq!(snapshot.fetch(&Arc::from("SELECT 1"), &[]).await.unwrap().len(), 1);
    drop(snapshot);
    assert!(tokio::time::timeout(Duration::from_millis(30), fetch(&database, ENDLESS, &[])).await.is_err());
    assert_eq!(texts(&database, "SELECT 1", &[]).await, ["\"1\""]);
}

#[tokio::test]
async fn a_fetch_behind_a_snapshot_waits_no_longer_than_it_may() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file
        .open_with(|options| {
            options.max_connections = 1;
            options.acquire_timeout = Duration::from_millis(30);
        })
        .await;
    let snapshot = database.snapshot().await.unwrap();
    assert!(matches!(fetch(&database, "SELECT 1", &[]).await, Err(Error::PoolTimeout(_))));
    snapshot.finish().await;
    assert_eq!(texts(&database, "SELECT 1", &[]).await, ["\"1\""]);
}

#[tokio::test]
async fn a_snapshot_sees_one_state_while_others_write() {
    let file = File::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let database = file.open().await;
    let count = Arc::<str>::from("SELECT count(*) FROM t");
    let seen = |rows: Rows| json(&rows, 0, 0, &ColumnType::Integer, Form::Field).unwrap();
    let mut snapshot = database.snapshot().await.unwrap();
    assert_eq!(seen(snapshot.fetch(&count, &[]).await.unwrap()), "1");
    file.writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(seen(snapshot.fetch(&count, &[]).await.unwrap()), "1");
    assert_eq!(seen(database.fetch(&count, &[]).await.unwrap()), "2");
    assert!(snapshot.fetch(&Arc::from("SELECT nothing"), &[]).await.is_err());
    assert_eq!(seen(snapshot.fetch(&count, &[]).await.unwrap()), "1");
    snapshot.finish().await;
    let dropped = database.snapshot().await.unwrap();
    drop(dropped);
    for _ in 0..4 {
        assert_eq!(seen(database.fetch(&count, &[]).await.unwrap()), "2");
    }
}

#[tokio::test]
async fn a_locked_file_is_waited_for_and_then_unavailable() {
    let file = File::new("CREATE TABLE t (a)");
    let limit = Duration::from_millis(50);
    let database = file.open_with(|options| options.statement_timeout = limit).await;
    file.writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(fetch(&database, "SELECT a FROM t", &[]).await, Err(Error::StatementTimeout(_))));
    file.writer.execute_batch("COMMIT").unwrap();
    assert!(fetch(&database, "SELECT a FROM t", &[]).await.is_ok());
}

/// How often this process has a file open.
fn open_files(path: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).filter(|target| target == path).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn closing_and_dropping_end_the_readers() {
    let File { folder, writer } = File::new("CREATE TABLE t (a)");
    drop(writer);
    let path = folder.path().join("test.db").canonicalize().unwrap();
    let url = format!("sqlite:{}", path.display());
    let database = Sqlite::connect(options(&url)).await.unwrap();
    assert!(open_files(&path) > 0);
    database.clone().close().await;
    assert_eq!(open_files(&path), 0);
    assert!(matches!(fetch(&database, "SELECT 1", &[]).await, Err(Error::Unavailable(_))));
    database.close().await;

    let database = Sqlite::connect(options(&url)).await.unwrap();
    drop(database.clone());
    assert_eq!(texts(&database, "SELECT 1", &[]).await, ["\"1\""]);
    drop(database);
    while open_files(&path) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_callers_are_all_answered() {
    let file = File::new("CREATE TABLE t (a)");
    let database = file.open().await;
    let calls = (0..500).map(|number| {
        let database = database.clone();
        async move { texts(&database, "SELECT ?1 + 1", &[Value::Int(number)]).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, [format!("\"{}\"", number + 1)]);
    }
}

async fn facts(sql: &str) -> Facts {
    File::new(sql).open().await.introspect().await.unwrap()
}

fn table<'a>(facts: &'a Facts, name: &str) -> &'a TableFacts {
    facts.tables.iter().find(|table| table.name == name).unwrap()
}

#[tokio::test]
async fn declared_types_are_understood() {
    let cases = [
        ("INTEGER", ColumnType::Integer),
        ("UNSIGNED tinyint(1)", ColumnType::Integer),
        ("BIGINT", ColumnType::BigInteger),
        ("UNSIGNED BIG INT", ColumnType::BigInteger),
        ("YEAR", ColumnType::Integer),
        ("bool", ColumnType::Boolean),
        ("VARCHAR(20)", ColumnType::Text),
        ("NATIVE CHARACTER(70)", ColumnType::Text),
        ("CHARACTER VARYING(20)", ColumnType::Text),
        ("CLOB", ColumnType::Text),
        ("STRING", ColumnType::Text),
        ("uuid", ColumnType::Uuid),
        ("DOUBLE PRECISION", ColumnType::Double),
        ("float", ColumnType::Double),
        ("NUMERIC", ColumnType::Decimal),
        ("DECIMAL(10,2)", ColumnType::Decimal),
        ("DECIMAL(9, 0)", ColumnType::Integer),
        ("NUMERIC(18)", ColumnType::BigInteger),
        ("NUMERIC(30)", ColumnType::Decimal),
        ("DATETIME", ColumnType::DateTime),
        ("TIMESTAMP WITH TIME ZONE", ColumnType::Timestamp),
        ("DATE", ColumnType::Date),
        ("TIME(3)", ColumnType::Time),
        ("JSONB", ColumnType::Json),
        ("LONGBLOB", ColumnType::Binary),
        ("VARBINARY(16)", ColumnType::Binary),
        ("", ColumnType::Other),
        ("ANY", ColumnType::Other),
        ("POINT", ColumnType::Other),
        ("MONEY", ColumnType::Other),
        ("HUGEINT", ColumnType::Integer),
    ];
    let columns = cases.iter().enumerate().map(|(at, (declared, _))| format!("c{at} {declared}"));
    let facts = facts(&format!("CREATE TABLE t ({})", columns.collect::<Vec<_>>().join(", "))).await;
    for ((declared, expected), column) in cases.iter().zip(&facts.tables[0].columns) {
        assert_eq!(&column.column_type, expected, "{declared}");
        assert_eq!(&column.declared, declared);
    }
    let sized = |at: usize| {
        let column = &facts.tables[0].columns[at];
        (column.length, column.precision, column.scale)
    };
    assert_eq!(sized(6), (Some(20), None, None));
    assert_eq!(sized(15), (None, Some(10), Some(2)));
    assert_eq!(sized(17), (None, Some(18), Some(0)));
    assert_eq!(sized(1), (None, None, None));
}

#[tokio::test]
async fn columns_know_their_defaults_keys_and_limits() {
    let facts = facts(
        r#"CREATE TABLE "order" (
            id INTEGER PRIMARY KEY, -- CHECK (status IN ('comment'))
            "st at""us" TEXT NOT NULL DEFAULT 'dra''ft' CHECK ("st at""us" IN ('dra''ft', 'done')),
            size TEXT, amount NUMERIC(10,2) DEFAULT -1.5, empty TEXT DEFAULT NULL,
            made DATETIME DEFAULT CURRENT_TIMESTAMP, later TEXT DEFAULT (date('now')), word TEXT DEFAULT "word",
            twice GENERATED ALWAYS AS (amount * 2) STORED, half REAL AS (amount / 2),
            CONSTRAINT sizes check (SIZE in ( 's' , 'm' )), CHECK (amount > 0), CHECK (size IN ('x') OR amount = 1)
        )"#,
    )
    .await;
    let order = table(&facts, "order");
    let column = |name: &str| order.columns.iter().find(|column| column.name == name).unwrap();
    assert_eq!(column("st at\"us").default.as_deref(), Some("dra'ft"));
    assert_eq!(column("st at\"us").allowed, ["dra'ft", "done"]);
    assert!(!column("st at\"us").nullable);
    assert_eq!(column("size").allowed, ["s", "m"]);
    assert_eq!(column("amount").default.as_deref(), Some("-1.5"));
    assert!(column("amount").allowed.is_empty());
    assert_eq!(column("empty").default, None);
    assert_eq!(column("made").default.as_deref(), Some("CURRENT_TIMESTAMP"));
    assert_eq!(column("later").default.as_deref(), Some("date('now')"));
    assert_eq!(column("word").default.as_deref(), Some("word"));
    assert!(column("twice").generated && column("half").generated && !column("amount").generated);
    assert!(column("id").auto_increment && !column("id").nullable);
}

#[tokio::test]
async fn keys_say_what_can_really_be_null() {
    let facts = facts(
        "CREATE TABLE alias (id INTEGER PRIMARY KEY);
         CREATE TABLE descending (id INTEGER PRIMARY KEY DESC);
         CREATE TABLE narrow (id INT PRIMARY KEY);
         CREATE TABLE rowless (a TEXT, b INTEGER, c TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID;
         CREATE TABLE strict_one (id TEXT PRIMARY KEY, n ANY) STRICT;
         CREATE TABLE heap (a INTEGER)",
    )
    .await;
    let first = |name: &str| {
        let column = &table(&facts, name).columns[0];
        (column.nullable, column.auto_increment)
    };
    assert_eq!(first("alias"), (false, true));
    assert_eq!(first("descending"), (true, false));
    assert_eq!(first("narrow"), (true, false));
    assert_eq!(first("rowless"), (false, false));
    assert_eq!(first("strict_one"), (false, false));
    assert_eq!(table(&facts, "rowless").primary_key, ["b", "a"]);
    assert_eq!(table(&facts, "rowless").indexes, [["b", "a"]]);
    assert_eq!(table(&facts, "alias").indexes, [["id"]]);
    assert!(table(&facts, "heap").primary_key.is_empty());
}

#[tokio::test]
async fn indexes_and_foreign_keys_come_in_declared_order() {
    let facts = facts(
        "CREATE TABLE Author (Id INTEGER PRIMARY KEY, Country TEXT, Code TEXT, UNIQUE (Country, Code));
         CREATE TABLE book (
             id INTEGER PRIMARY KEY, author INTEGER REFERENCES author, editor INTEGER REFERENCES AUTHOR(id),
             country TEXT, code TEXT, parent INTEGER REFERENCES book(id), isbn TEXT UNIQUE, ghost INTEGER REFERENCES gone,
             other INTEGER REFERENCES gone(id),
             FOREIGN KEY (country, code) REFERENCES Author (country, code)
         );
         CREATE INDEX by_author ON book (author, lower(code));
         CREATE UNIQUE INDEX partial ON book (code) WHERE code > '';
         CREATE UNIQUE INDEX expression ON book (lower(code));
         CREATE UNIQUE INDEX pair ON book (editor, parent)",
    )
    .await;
    let book = table(&facts, "book");
    assert_eq!(book.uniques, [vec!["isbn"], vec!["editor", "parent"]]);
    assert_eq!(book.indexes, [vec!["id"], vec!["isbn"], vec!["author"], vec!["editor", "parent"]]);
    let keys = book.foreign_keys.iter();
    let keys = keys.map(|key| format!("{} {:?} {}{:?}", key.name, key.columns, key.to_table, key.to_columns));
    assert_eq!(
        keys.collect::<Vec<_>>(),
        [
            r#"book_author_fkey ["author"] Author["Id"]"#,
            r#"book_editor_fkey ["editor"] Author["Id"]"#,
            r#"book_parent_fkey ["parent"] book["id"]"#,
            r#"book_other_fkey ["other"] gone["id"]"#,
            r#"book_country_code_fkey ["country", "code"] Author["Country", "Code"]"#,
        ]
    );
}

#[tokio::test]
async fn views_and_virtual_tables_are_served_if_they_can_be_read() {
    let facts = facts(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, made TIMESTAMP, data BLOB);
         CREATE VIEW fine AS SELECT id, made, data, count(*) AS n, id + 1 AS next, 'a' || id AS label FROM t;
         CREATE TABLE doomed (a); CREATE VIEW broken AS SELECT a FROM doomed; DROP TABLE doomed;
         CREATE VIRTUAL TABLE search USING fts5(title, body);
         CREATE VIRTUAL TABLE place USING rtree(id, left, right);
         ANALYZE",
    )
    .await;
    let names = facts.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["broken", "fine", "place", "search", "t"]);
    assert_eq!(table(&facts, "broken").columns, [], "nothing that may be read");
    let fine = table(&facts, "fine");
    assert_eq!(fine.kind, TableKind::View);
    let types = fine.columns.iter().map(|column| (column.name.as_str(), column.column_type.clone()));
    assert_eq!(
        types.collect::<Vec<_>>(),
        [
            ("id", ColumnType::Integer),
            ("made", ColumnType::Timestamp),
            ("data", ColumnType::Binary),
            ("n", ColumnType::Other),
            ("next", ColumnType::Other),
            ("label", ColumnType::Other),
        ]
    );
    let search = table(&facts, "search").columns.iter().map(|column| column.name.as_str());
    assert_eq!(search.collect::<Vec<_>>(), ["title", "body"]);
}
