//! What is written is what is read back, in the contract's spelling.

use serde_json::{Value as Json, json};

use super::samples;
use crate::support::Everywhere;

/// Writes a member, as a literal if there is one and as a variable, in a new
/// item and in an old one, alone and among others, and reads it back.
async fn check(apps: &Everywhere, member: &str, of: &str, literal: Option<&str>, given: Json, expected: Json) {
    let shown = || json!({ member: expected });
    let several = || json!([{ member: expected }, { member: expected }]);
    if let Some(literal) = literal {
        let document = format!(
            "mutation {{
                one: create_sample_item(data: {{ {member}: {literal} }}) {{ {member} }}
                more: create_sample_items(data: [{{ {member}: {literal} }}, {{ {member}: {literal} }}]) {{ {member} }}
                update_sample_item(id: 1, data: {{ {member}: {literal} }}) {{ {member} }}
            }}"
        );
        let expected = json!({ "one": shown(), "more": several(), "update_sample_item": shown() });
        apps.gives(&document, expected).await;
    }
    let document = format!(
        "mutation M($value: {of}) {{
            one: create_sample_item(data: {{ {member}: $value }}) {{ {member} }}
            more: create_sample_items(data: [{{ {member}: $value }}, {{ {member}: $value }}]) {{ {member} }}
            nothing: update_sample_items(ids: [1, 2], data: {{ {member}: null }}) {{ {member} }}
            update: update_sample_item(id: 1, data: {{ {member}: $value }}) {{ {member} }}
            batch: update_sample_batch(data: [{{ id: 1, {member}: null }}, {{ id: 2, {member}: $value }}]) {{ {member} }}
            upsert: upsert_sample_item(data: {{ id: 1, {member}: $value }}) {{ {member} }}
        }}"
    );
    let expected = json!({
        "one": shown(), "more": several(), "nothing": [{ member: null }, { member: null }], "update": shown(),
        "batch": [{ member: null }, { member: expected }], "upsert": shown(),
    });
    apps.gives_with(&document, json!({ "value": given }), expected).await;
}

async fn samples_with_two_rows() -> Everywhere {
    let apps = Everywhere::own(samples).await;
    apps.gives(
        "mutation { create_sample_items(data: [{}, {}]) { id } }",
        json!({ "create_sample_items": [{ "id": "1" }, { "id": "2" }] }),
    )
    .await;
    apps
}

#[tokio::test]
async fn numbers_and_truth_values() {
    let apps = samples_with_two_rows().await;
    for (member, of, literal, given, expected) in [
        ("flag", "Boolean", "true", json!(true), json!(true)),
        ("flag", "Boolean", "false", json!(false), json!(false)),
        ("small", "Int", "-32768", json!(-32768), json!(-32768)),
        ("whole", "Int", "2147483647", json!(2_147_483_647), json!(2_147_483_647)),
        ("whole", "Int", "-2147483648", json!(-2_147_483_648), json!(-2_147_483_648)),
        ("whole", "Int", "0", json!(0), json!(0)),
        // A whole number is one however it is written in JSON.
        ("whole", "Int", "7", json!(7.0), json!(7)),
        (
            "big",
            "GraphQLBigInt",
            r#""9223372036854775807""#,
            json!("9223372036854775807"),
            json!("9223372036854775807"),
        ),
        (
            "big",
            "GraphQLBigInt",
            r#""-9223372036854775808""#,
            json!("-9223372036854775808"),
            json!("-9223372036854775808"),
        ),
        ("big", "GraphQLBigInt", r#""9007199254740993""#, json!("9007199254740993"), json!("9007199254740993")),
        ("big", "GraphQLBigInt", "12", json!(12), json!("12")),
        ("big", "GraphQLBigInt", r#""0""#, json!("0"), json!(0)),
        ("single", "Float", "0.5", json!(0.5), json!(0.5)),
        ("twice", "Float", "0.1", json!(0.1), json!(0.1)),
        ("twice", "Float", "-1.5e300", json!(-1.5e300), json!(-1.5e300)),
        ("twice", "Float", "3", json!(3), json!(3.0)),
        ("price", "Float", "12.3", json!(12.3), json!(12.3)),
        ("price", "Float", "9999.99", json!(9999.99), json!(9999.99)),
        ("price", "Float", "-7", json!(-7), json!(-7.0)),
        ("wide", "Float", "12345678901.25", json!(12_345_678_901.25), json!(12_345_678_901.25)),
    ] {
        let expected = if of == "Float" { as_stored(&expected) } else { expected };
        check(&apps, member, of, Some(literal), given, expected).await;
    }
}

/// Whole numbers come without a point.
fn as_stored(number: &Json) -> Json {
    match number.as_f64() {
        Some(real) if real.fract() == 0.0 && real.abs() < 1e15 => json!(real as i64),
        _ => number.clone(),
    }
}

#[tokio::test]
async fn decimals_are_rounded_half_away_from_zero() {
    let apps = samples_with_two_rows().await;
    for (literal, given, expected) in [
        ("12.345", json!(12.345), json!(12.35)),
        ("-12.345", json!(-12.345), json!(-12.35)),
        ("0.005", json!(0.005), json!(0.01)),
        ("0.0049", json!(0.0049), json!(0)),
        ("1e2", json!(1e2), json!(100)),
        ("99.999", json!(99.999), json!(100)),
    ] {
        check(&apps, "price", "Float", Some(literal), given, expected).await;
    }
    apps.holds("SELECT count(*) FROM sample WHERE price = 12.35", "6").await;
}

#[tokio::test]
async fn texts() {
    let apps = samples_with_two_rows().await;
    let odd = "üñí 'it''s' \"x\" \\ \n\t{} $1 ? % 🦀";
    let literal = serde_json::to_string(odd).expect("a text");
    for member in ["word", "body"] {
        check(&apps, member, "String", Some(&literal), json!(odd), json!(odd)).await;
        check(&apps, member, "String", Some("\"\""), json!(""), json!("")).await;
        check(&apps, member, "String", Some("\"  x  \""), json!("  x  "), json!("  x  ")).await;
        for plain in ["null", "NULL", "true", "$NOW", "12", "{}", "\\x00"] {
            check(&apps, member, "String", None, json!(plain), json!(plain)).await;
        }
    }
    let long = "long ".repeat(40_000);
    apps.gives_with(
        "mutation M($body: String) { create_sample_item(data: { body: $body }) { body } }",
        json!({ "body": long[..60_000] }),
        json!({ "create_sample_item": { "body": long[..60_000] } }),
    )
    .await;
}

#[tokio::test]
async fn dates_and_times() {
    let apps = samples_with_two_rows().await;
    for (member, given, expected) in [
        ("day", "2024-02-29", "2024-02-29"),
        // What is beyond the type is dropped.
        ("day", "2024-02-03T23:59:59Z", "2024-02-03"),
        ("clock", "04:05:06", "04:05:06"),
        ("clock", "23:59", "23:59:00"),
        ("moment", "2024-02-03T04:05:06", "2024-02-03T04:05:06"),
        ("moment", "2024-02-03 04:05:06", "2024-02-03T04:05:06"),
        ("moment", "2024-02-03", "2024-02-03T00:00:00"),
        ("moment", "1999-12-31T23:59", "1999-12-31T23:59:00"),
        ("instant", "2024-02-03T04:05:06Z", "2024-02-03T04:05:06.000Z"),
        ("instant", "2024-02-03T04:05:06+02:00", "2024-02-03T02:05:06.000Z"),
        ("instant", "2024-02-03T23:05:06.789-05:30", "2024-02-04T04:35:06.789Z"),
        ("instant", "2024-02-03T04:05:06", "2024-02-03T04:05:06.000Z"),
        ("instant", "2024-02-03", "2024-02-03T00:00:00.000Z"),
    ] {
        check(&apps, member, "Date", Some(&format!("\"{given}\"")), json!(given), json!(expected)).await;
    }
}

#[tokio::test]
async fn json_documents() {
    let apps = samples_with_two_rows().await;
    for (literal, given) in [
        (
            r#"{ color: "red", list: [1, 2.5, null, true], deep: { a: { b: [] } } }"#,
            json!({ "color": "red", "list": [1, 2.5, null, true], "deep": { "a": { "b": [] } } }),
        ),
        ("[]", json!([])),
        ("{}", json!({})),
        ("\"text\"", json!("text")),
        ("12", json!(12)),
        ("-0.5", json!(-0.5)),
        ("true", json!(true)),
        (r#"["it's \"quoted\" \\ ü", "null"]"#, json!(["it's \"quoted\" \\ ü", "null"])),
    ] {
        check(&apps, "data", "JSON", Some(literal), given.clone(), given).await;
    }
    // Enum names are texts in a literal.
    apps.gives(
        "mutation { create_sample_item(data: { data: { kind: RED } }) { data } }",
        json!({ "create_sample_item": { "data": { "kind": "RED" } } }),
    )
    .await;
    // Null is no document.
    apps.holds("SELECT count(*) FROM sample WHERE id = 1 AND data IS NULL", "0").await;
    apps.gives(
        "mutation { update_sample_item(id: 1, data: { data: null }) { data } }",
        json!({ "update_sample_item": { "data": null } }),
    )
    .await;
    apps.holds("SELECT count(*) FROM sample WHERE id = 1 AND data IS NULL", "1").await;
}

#[tokio::test]
async fn variables_may_stand_within_a_json_document() {
    let apps = Everywhere::own(samples).await;
    let document = "mutation M($text: String, $number: Int, $list: [Int], $any: JSON, $left: String) {
        create_sample_item(data: { data: { text: $text, deep: [{ number: $number }, $list], any: $any, left: $left } }) { data }
        whole: create_sample_item(data: { data: $any }) { data }
        list: create_sample_item(data: { data: [$number, $any] }) { data }
    }";
    apps.gives_with(
        document,
        json!({ "text": "x'y", "number": 3, "list": [1, 2], "any": { "a": [null, "b"] } }),
        json!({
            "create_sample_item": { "data":
                { "text": "x'y", "deep": [{ "number": 3 }, [1, 2]], "any": { "a": [null, "b"] }, "left": null } },
            "whole": { "data": { "a": [null, "b"] } },
            "list": { "data": [3, { "a": [null, "b"] }] },
        }),
    )
    .await;
    // The same plan with other values, and with none.
    apps.gives_with(
        document,
        json!({ "text": null, "number": 4, "list": [], "any": 7 }),
        json!({
            "create_sample_item": { "data": { "text": null, "deep": [{ "number": 4 }, []], "any": 7, "left": null } },
            "whole": { "data": 7 },
            "list": { "data": [4, 7] },
        }),
    )
    .await;
    apps.gives_with(
        document,
        json!({}),
        json!({
            "create_sample_item": { "data": { "text": null, "deep": [{ "number": null }, null], "any": null, "left": null } },
            "whole": { "data": null },
            "list": { "data": [null, null] },
        }),
    )
    .await;
}

#[tokio::test]
async fn binary_data_is_base64_and_uuids_are_texts() {
    let apps = samples_with_two_rows().await;
    for text in ["3q2+7w==", "", "AAECAwQFBgcICQ==", "/+8=", "J1xcJyI="] {
        check(&apps, "bytes", "String", Some(&format!("\"{text}\"")), json!(text), json!(text)).await;
    }
    let ident = "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01";
    check(&apps, "ident", "ID", Some(&format!("\"{ident}\"")), json!(ident), json!(ident)).await;
    let upper = ident.to_uppercase();
    check(&apps, "ident", "ID", Some(&format!("\"{upper}\"")), json!(upper), json!(ident)).await;
}

#[tokio::test]
async fn many_rows_of_all_types_at_once() {
    let apps = Everywhere::own(samples).await;
    let row = |at: i64| match at % 3 {
        0 => json!({
            "flag": at % 2 == 0, "small": at, "whole": -at, "big": (at << 40).to_string(), "single": at as f64 / 2.0,
            "twice": at as f64 / 4.0, "price": at as f64 / 100.0, "wide": at, "word": format!("'{at}'"), "body": null,
            "day": "2024-02-03", "clock": "04:05:06", "moment": "2024-02-03T04:05:06", "instant": "2024-02-03T04:05:06.000Z",
            "data": { "at": at }, "bytes": "3q2+7w==", "ident": "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01",
        }),
        1 => json!({
            "flag": null, "small": null, "whole": null, "big": null, "single": null, "twice": null, "price": null,
            "wide": null, "word": null, "body": format!("{at}"), "day": null, "clock": null, "moment": null, "instant": null,
            "data": null, "bytes": null, "ident": null,
        }),
        _ => json!({
            "flag": true, "small": 0, "whole": 0, "big": "-1", "single": -0.5, "twice": 1e-7, "price": 0, "wide": 0.5,
            "word": "", "body": "", "day": "1970-01-01", "clock": "00:00:00", "moment": "1970-01-01T00:00:00",
            "instant": "1999-12-31T23:59:59.999Z", "data": [], "bytes": "", "ident": "00000000-0000-0000-0000-000000000000",
        }),
    };
    let rows: Vec<Json> = (1..100).map(row).collect();
    let mut expected = rows.clone();
    for row in &mut expected {
        for member in ["single", "twice", "price", "wide"] {
            row[member] = as_stored(&row[member]);
        }
    }
    let members = "flag small whole big single twice price wide word body day clock moment instant data bytes ident";
    let document =
        format!("mutation M($data: [create_sample_input!]) {{ create_sample_items(data: $data) {{ {members} }} }}");
    apps.gives_with(&document, json!({ "data": rows }), json!({ "create_sample_items": expected })).await;
    // And turned round by a batch.
    let with_keys = |rows: &[Json]| -> Vec<Json> {
        let mut rows: Vec<Json> = rows.iter().rev().cloned().collect();
        for (at, row) in rows.iter_mut().enumerate() {
            row["id"] = json!(at + 1);
        }
        rows
    };
    let document =
        format!("mutation M($data: [update_sample_input!]) {{ update_sample_batch(data: $data) {{ {members} }} }}");
    expected.reverse();
    apps.gives_with(&document, json!({ "data": with_keys(&rows) }), json!({ "update_sample_batch": expected })).await;
}
