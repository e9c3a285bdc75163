//! Types that only MariaDB and MySQL have, and SQLite's columns without one.

use serde_json::{Value as Json, json};

use crate::support::{Kind, Settings, TestApp, TestDatabase};

const MYSQL: &str = "
    CREATE TABLE sample (
        id bigint unsigned AUTO_INCREMENT PRIMARY KEY, mood enum('glad', 'sad', 'it''s ok'), tags set('a', 'b', 'c'), made year,
        tiny tinyint, small smallint unsigned, medium mediumint, wide int unsigned, huge bigint unsigned, flag tinyint(1),
        bits bit(4), tiny_text tinytext, moment datetime(6), clock time(3), exact decimal(30, 10), padded char(5), raw binary(4)
    );";

#[tokio::test]
async fn types_of_mysql() {
    for inserts_return in [None, Some(false)] {
        let data = TestDatabase::create(Kind::MySql, MYSQL).await;
        let app = TestApp::start_with(data.into(), Settings { inserts_return, ..Settings::default() }).await;
        app.data("mutation { create_sample_items(data: [{}, {}]) { id } }").await;
        for (member, of, given, expected) in [
            ("mood", "String", json!("it's ok"), json!("it's ok")),
            ("tags", "String", json!("a,c"), json!("a,c")),
            ("tags", "String", json!(""), json!("")),
            ("made", "Int", json!(2024), json!(2024)),
            ("tiny", "Int", json!(-128), json!(-128)),
            ("small", "Int", json!(65_535), json!(65_535)),
            ("medium", "Int", json!(8_388_607), json!(8_388_607)),
            ("huge", "GraphQLBigInt", json!("18446744073709551615"), json!("18446744073709551615")),
            ("flag", "Boolean", json!(true), json!(true)),
            ("tiny_text", "String", json!("ü"), json!("ü")),
            ("moment", "Date", json!("2024-02-03T04:05:06"), json!("2024-02-03T04:05:06")),
            ("clock", "Date", json!("04:05:06"), json!("04:05:06")),
            ("exact", "Float", json!(0.25), json!(0.25)),
            ("padded", "String", json!("ab"), json!("ab")),
            ("raw", "String", json!("3q2+7w=="), json!("3q2+7w==")),
        ] {
            let document = format!(
                "mutation M($value: {of}) {{
                    one: create_sample_item(data: {{ {member}: $value }}) {{ {member} }}
                    more: create_sample_items(data: [{{ {member}: $value }}, {{ {member}: null }}]) {{ {member} }}
                    many: update_sample_items(ids: [1, 2], data: {{ {member}: $value }}) {{ {member} }}
                    batch: update_sample_batch(data: [{{ id: 1, {member}: null }}, {{ id: 2, {member}: $value }}]) {{ {member} }}
                }}"
            );
            let shown = json!({ member: expected });
            let none = json!({ member: null });
            let data = app.data_with(&document, json!({ "value": given })).await;
            let expected =
                json!({ "one": shown, "more": [shown, none], "many": [shown, shown], "batch": [none, shown] });
            assert_eq!(data, expected, "{member}");
        }
        for (member, of, given, code) in [
            ("mood", "String", json!("angry"), "FAILED_VALIDATION"),
            ("mood", "String", json!(""), "FAILED_VALIDATION"),
            ("tiny", "Int", json!(128), "VALUE_OUT_OF_RANGE"),
            ("small", "Int", json!(-1), "VALUE_OUT_OF_RANGE"),
            ("medium", "Int", json!(8_388_608), "VALUE_OUT_OF_RANGE"),
            ("huge", "GraphQLBigInt", json!("18446744073709551616"), "VALUE_OUT_OF_RANGE"),
            ("huge", "GraphQLBigInt", json!("-1"), "VALUE_OUT_OF_RANGE"),
            ("padded", "String", json!("abcdef"), "VALUE_TOO_LONG"),
            ("tiny_text", "String", json!("x".repeat(256)), "VALUE_TOO_LONG"),
            ("made", "Int", json!(1_800), "VALUE_OUT_OF_RANGE"),
            ("raw", "String", json!("AAAAAAAAAAA="), "VALUE_TOO_LONG"),
        ] {
            for document in [
                format!("mutation M($value: {of}) {{ create_sample_item(data: {{ {member}: $value }}) {{ id }} }}"),
                format!(
                    "mutation M($value: {of}) {{ update_sample_item(id: 1, data: {{ {member}: $value }}) {{ id }} }}"
                ),
            ] {
                let reply = app.graphql_with(&document, json!({ "value": given })).await;
                assert_eq!(reply.codes(), [code], "{member} {given}\n{:#}", reply.body);
                assert_eq!(reply.body["errors"][0]["extensions"]["field"], member, "{:#}", reply.body);
            }
        }
    }
}

#[tokio::test]
async fn sqlite_keeps_what_a_column_of_any_type_is_given() {
    let script = "CREATE TABLE sample (id INTEGER PRIMARY KEY, anything, word TEXT, strict_word TEXT CHECK (length(strict_word) < 5));
        CREATE TABLE without (code TEXT NOT NULL PRIMARY KEY, n INTEGER) WITHOUT ROWID;";
    let app = TestApp::start(TestDatabase::create(Kind::Sqlite, script).await.into()).await;
    let data = app
        .data(
            r#"mutation {
                create_sample_item(data: { anything: "12", word: "12" }) { id anything word }
                create_without_items(data: [{ code: "b", n: 2 }, { code: "a" }]) { code n }
                update_without_batch(data: [{ code: "b", n: null }, { code: "a", n: 5 }]) { code n }
                delete_without_item(id: "a") { id }
            }"#,
        )
        .await;
    let expected: Json = json!({
        "create_sample_item": { "id": "1", "anything": "12", "word": "12" },
        "create_without_items": [{ "code": "a", "n": null }, { "code": "b", "n": 2 }],
        "update_without_batch": [{ "code": "a", "n": 5 }, { "code": "b", "n": null }],
        "delete_without_item": { "id": "a" },
    });
    assert_eq!(data, expected);
}
