//! What is no value of its type: by the schema where GraphQL can tell, by the
//! payload's rules where only the column can.

use serde_json::{Value as Json, json};

use super::samples;
use crate::support::{Everywhere, Kind};

async fn check(apps: &Everywhere, member: &str, of: &str, given: &Json, extensions: Json) {
    let document = format!("mutation M($value: {of}) {{ create_sample_item(data: {{ {member}: $value }}) {{ id }} }}");
    apps.refuses_with(&document, json!({ "value": given }), extensions.clone()).await;
    let document =
        format!("mutation M($value: {of}) {{ update_sample_item(id: 1, data: {{ {member}: $value }}) {{ id }} }}");
    apps.refuses_with(&document, json!({ "value": given }), extensions).await;
}

async fn samples_with_a_row() -> Everywhere {
    let apps = Everywhere::own(samples).await;
    apps.gives("mutation { create_sample_item(data: {}) { id } }", json!({ "create_sample_item": { "id": "1" } }))
        .await;
    apps
}

#[tokio::test]
async fn dates_that_are_none() {
    let apps = samples_with_a_row().await;
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    for (member, given) in [
        ("day", "yesterday"),
        ("day", "2024-02-30"),
        ("day", "2023-02-29"),
        ("day", ""),
        ("day", "$NOW"),
        ("clock", "25:00:00"),
        ("clock", "noon"),
        ("moment", "2024-13-01T00:00:00"),
        ("moment", "2024-02-03T24:30:00"),
        ("moment", "null"),
        ("instant", "2024-02-03T04:05:06+99:00"),
        ("instant", "$NOW(-1 day)"),
        ("instant", "1700000000000"),
    ] {
        check(&apps, member, "Date", &json!(given), payload.clone()).await;
    }
}

#[tokio::test]
async fn binary_data_and_uuids_that_are_none() {
    let apps = samples_with_a_row().await;
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    for given in ["not base64!", "3q2+7w=", "===="] {
        check(&apps, "bytes", "String", &json!(given), payload.clone()).await;
    }
    for given in ["", "x", "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f0", "zd9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01"] {
        check(&apps, "ident", "ID", &json!(given), payload.clone()).await;
    }
}

#[tokio::test]
async fn numbers_beyond_their_column() {
    let apps = samples_with_a_row().await;
    for (member, of, given) in [
        ("small", "Int", json!(32_768)),
        ("small", "Int", json!(-32_769)),
        ("price", "Float", json!(10_000)),
        ("price", "Float", json!(-9999.995)),
        ("price", "Float", json!(1e30)),
        ("big", "GraphQLBigInt", json!("9223372036854775808")),
        ("big", "GraphQLBigInt", json!("-9223372036854775809")),
    ] {
        let extensions =
            json!({ "code": "VALUE_OUT_OF_RANGE", "collection": "sample", "field": member, "value": given });
        check(&apps, member, of, &given, extensions).await;
    }
    // A single-precision number is one only where the database has such.
    for (kind, app) in apps.each().filter(|(kind, _)| *kind != Kind::Sqlite) {
        let reply = app.graphql("mutation { create_sample_item(data: { single: 1e39 }) { id } }").await;
        assert_eq!(reply.codes(), ["VALUE_OUT_OF_RANGE"], "{kind:?}: {:#}", reply.body);
    }
}

#[tokio::test]
async fn texts_longer_than_their_column() {
    let apps = samples_with_a_row().await;
    let long = "ü".repeat(41);
    let extensions = json!({ "code": "VALUE_TOO_LONG", "collection": "sample", "field": "word", "value": long });
    check(&apps, "word", "String", &json!(long), extensions).await;
    // By characters, not bytes.
    let fits = "ü".repeat(40);
    apps.gives_with(
        "mutation M($word: String) { update_sample_item(id: 1, data: { word: $word }) { word } }",
        json!({ "word": fits }),
        json!({ "update_sample_item": { "word": fits } }),
    )
    .await;
    // Nobody wants to read all of it.
    let longer = "x".repeat(10_000);
    let shown = format!("{}…", "x".repeat(100));
    let extensions = json!({ "code": "VALUE_TOO_LONG", "collection": "sample", "field": "word", "value": shown });
    check(&apps, "word", "String", &json!(longer), extensions).await;
}

#[tokio::test]
async fn texts_that_no_database_can_hold() {
    let apps = samples_with_a_row().await;
    check(&apps, "word", "String", &json!("a\0b"), json!({ "code": "INVALID_PAYLOAD", "reason": "…" })).await;
}

#[tokio::test]
async fn values_of_another_type() {
    let apps = samples_with_a_row().await;
    let validation = json!({ "code": "GRAPHQL_VALIDATION" });
    for (member, of, given) in [
        ("flag", "Boolean", json!("true")),
        ("flag", "Boolean", json!(1)),
        ("whole", "Int", json!("1")),
        ("whole", "Int", json!(1.5)),
        ("whole", "Int", json!(2_147_483_648_i64)),
        ("big", "GraphQLBigInt", json!("1.5")),
        ("big", "GraphQLBigInt", json!("x")),
        ("big", "GraphQLBigInt", json!(true)),
        ("price", "Float", json!("1.25")),
        ("word", "String", json!(1)),
        ("word", "String", json!(["x"])),
        ("day", "Date", json!(20_240_203)),
        ("bytes", "String", json!({})),
        ("ident", "ID", json!(1.5)),
    ] {
        check(&apps, member, of, &given, validation.clone()).await;
    }
    for literal in [
        "flag: 1",
        r#"whole: "1""#,
        "whole: 1.5",
        "whole: 2147483648",
        r#"big: "x""#,
        "big: 1.5",
        r#"price: "1.25""#,
        "word: 1",
        "word: WORD",
        r#"word: ["x"]"#,
        "day: 20240203",
        "bytes: {}",
    ] {
        let document = format!("mutation {{ create_sample_item(data: {{ {literal} }}) {{ id }} }}");
        apps.refuses(&document, validation.clone()).await;
    }
}
