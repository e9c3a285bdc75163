//! Filters on columns of awkward types.

use serde_json::{Value as Json, json};

use crate::support::{Kind, TestApp, TestDatabase};

async fn awkward(kind: Kind) -> TestApp {
    TestApp::start(TestDatabase::awkward(kind).await).await
}

/// The ids that each filter finds, in the key's order.
async fn check(app: &TestApp, table: &str, cases: &[(&str, &[&str])]) {
    for (filter, expected) in cases {
        let data = app.data(&format!("{{ {table}(limit: -1, filter: {filter}) {{ id }} }}")).await;
        let rows = data[table].as_array().expect("a list").iter();
        let found: Vec<&str> = rows.filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(found, *expected, "{:?} {table} {filter}", app.catalog.dialect);
    }
}

async fn refused(app: &TestApp, table: &str, filter: &str) {
    let reply = app.graphql(&format!("{{ {table}(filter: {filter}) {{ __typename }} }}")).await;
    assert_eq!(reply.codes(), ["INVALID_QUERY"], "{:?} {table} {filter}", app.catalog.dialect);
}

#[tokio::test]
async fn everyday_types_are_compared_alike_on_every_database() {
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        check(
            &app,
            "typed",
            &[
                (r#"{ a_bigint: { _gte: "9223372036854775807" } }"#, &["4"]),
                (r#"{ a_bigint: { _in: ["1", "-9223372036854775808"] } }"#, &["1", "3"]),
                (r#"{ a_bigint: { _between: ["0", "1"] } }"#, &["1", "2"]),
                (r#"{ a_decimal: { _eq: "12345678901.2345" } }"#, &["4"]),
                (r#"{ a_decimal: { _eq: 1.5 } }"#, &["1"]),
                (r#"{ a_decimal: { _in: ["1.500", "-12345678901.2345"] } }"#, &["1", "3"]),
                (r#"{ a_decimal: { _lt: "12345678901.2345", _gt: "-12345678901.2345" } }"#, &["1", "2"]),
                (r#"{ a_double: { _lt: 0 } }"#, &["3"]),
                (r#"{ a_double: { _gte: "1.7976931348623157e308" } }"#, &["4"]),
                (r#"{ a_uuid: { _in: ["00000000-0000-0000-0000-000000000000"] } }"#, &["2"]),
                (r#"{ a_bool: { _eq: true } }"#, &["1", "3"]),
                (r#"{ a_bool: { _neq: true } }"#, &["2", "4"]),
                (r#"{ a_binary: { _eq: "AAEC/w==" } }"#, &["1"]),
                (r#"{ a_binary: { _in: ["w6k=", "JyJcAA=="] } }"#, &["3", "4"]),
                (r#"{ a_binary: { _empty: true } }"#, &["2", "5"]),
                (r#"{ a_binary: { _nempty: true } }"#, &["1", "3", "4"]),
                (r#"{ a_text: { _contains: "back\\ percent" } }"#, &["3"]),
                (r#"{ a_text: { _icontains: "GRÖSSE" } }"#, &[]),
                (r#"{ a_text: { _icontains: "GRÖßE" } }"#, &["4"]),
                (r#"{ a_text: { _ends_with: "é" } }"#, &["4"]),
                (r#"{ a_date: { _lt: "1970-01-01" } }"#, &["3"]),
                (r#"{ a_date: { _eq: "9999-12-31" } }"#, &["4"]),
                (r#"{ a_time: { _between: ["04:00", "12:00:00"] } }"#, &["1", "4"]),
                (r#"{ a_timestamp: { _eq: "2024-02-03T04:05:06+02:00" } }"#, &["1"]),
                (r#"{ a_json: { _json: { a: { _nnull: true } } } }"#, &["1"]),
                (r#"{ a_json: { _null: true } }"#, &["5"]),
                (r#"{ a_json_func: { count: { _eq: 0 } } }"#, &["1", "2", "3", "4"]),
            ],
        )
        .await;
        let variables = json!({ "filter": { "b.c": { "_eq": "false" }, "_or": [{ "a[2]": { "_eq": "ü" } }, { "a[0]": { "_gt": 5 } }] } });
        let query = "query ($filter: GraphQLJsonFilter) { typed(filter: { a_json: { _json: $filter } }) {
            id a_json_func { count first: json(path: \"a[0]\") list: json(path: \"a\") none: json(path: \"b.x\") } } }";
        let functions = json!({ "count": 0, "first": 1, "list": [1, null, "ü"], "none": null });
        let expected = json!({ "typed": [{ "id": "1", "a_json_func": functions }] });
        assert_eq!(app.data_with(query, variables).await, expected, "{kind:?}");
        let reply = app.graphql(r#"{ typed(sort: ["a_json"]) { id } }"#).await;
        assert_eq!(reply.codes(), ["INVALID_QUERY"], "{kind:?}: a document has no order");
        for filter in [
            r#"{ a_bigint: { _eq: "1.5" } }"#,
            r#"{ a_decimal: { _eq: "much" } }"#,
            r#"{ a_binary: { _eq: "no base64!" } }"#,
            r#"{ a_date: { _eq: "2023-02-29" } }"#,
            r#"{ a_uuid: { _in: [] } }"#,
        ] {
            let reply = app.graphql(&format!("{{ typed(filter: {filter}) {{ id }} }}")).await;
            assert!(["INVALID_QUERY", "GRAPHQL_VALIDATION"].contains(&reply.codes()[0]), "{kind:?} {filter}");
        }
    }
}

#[tokio::test]
async fn postgresql_compares_enums_domains_arrays_and_server_types() {
    let app = awkward(Kind::Postgres).await;
    check(
        &app,
        "enums_and_domains",
        &[
            (r#"{ mood: { _eq: "it's \"fine\"" } }"#, &["3"]),
            (r#"{ mood: { _in: ["sad", "größer"] } }"#, &["1", "4"]),
            (r#"{ mood: { _contains: "happy" } }"#, &["2"]),
            (r#"{ good_mood: { _eq: "Happy" } }"#, &["1"]),
            (r#"{ good_mood: { _neq: "Happy" } }"#, &["2", "3", "4"]),
            (r#"{ good_mood: { _in: ["Happy", "größer"] } }"#, &["1", "4"]),
            (r#"{ good_mood: { _empty: true } }"#, &["3"]),
            // A value that the domain itself does not allow is simply not found.
            (r#"{ adult_age: { _lt: 5 } }"#, &[]),
            (r#"{ email: { _eq: "no address" } }"#, &[]),
            (r#"{ price: { _eq: "1.5" } }"#, &["1"]),
            (r#"{ scores: { _eq: "1,2" } }"#, &["1"]),
        ],
    )
    .await;
    refused(&app, "enums_and_domains", r#"{ mood: { _eq: "furious" } }"#).await;
    refused(&app, "enums_and_domains", r#"{ good_mood: { _in: ["Happy", "furious"] } }"#).await;
    check(
        &app,
        "arrays",
        &[
            (r#"{ ints: { _eq: "1,-2147483648" } }"#, &["1"]),
            (r#"{ texts: { _contains: "back\\slash" } }"#, &["1"]),
            (r#"{ moods: { _starts_with: "Happy,VERY happy" } }"#, &["1"]),
            (r#"{ uuids: { _eq: "0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01" } }"#, &["1"]),
            (r#"{ ints: { _null: true } }"#, &["3"]),
            (r#"{ bools: { _empty: true } }"#, &["2", "3", "4"]),
        ],
    )
    .await;
    check(
        &app,
        "others",
        &[
            (r#"{ address: { _eq: "192.168.0.1" } }"#, &["1"]),
            (r#"{ address: { _in: ["192.168.0.1", "2001:db8::1/64"] } }"#, &["1", "2"]),
            (r#"{ address: { _starts_with: "::ffff" } }"#, &["3"]),
            (r#"{ padded: { _eq: "ab" } }"#, &["1"]),
            (r#"{ padded: { _eq: "ab   " } }"#, &["1"]),
            (r#"{ padded: { _in: ["ab", "größe"] } }"#, &["1", "3"]),
            (r#"{ five_bits: { _eq: "10101" } }"#, &["1"]),
            (r#"{ int_range: { _eq: "[1,10)" } }"#, &["1"]),
            (r#"{ a_json: { _json: { b: { _eq: 2 } } } }"#, &["1"]),
        ],
    )
    .await;
    check(
        &app,
        "moments",
        &[(r#"{ span: { _eq: "178000000 years" } }"#, &["4"]), (r#"{ day: { _gt: "9999-12-31" } }"#, &["5", "7"])],
    )
    .await;
    check(&app, "keyed_enum", &[(r#"{ id: { _eq: "VERY happy" } }"#, &["VERY happy"])]).await;
    let data = app.data(r#"{ keyed_enum_by_id(id: "VERY happy") { name } }"#).await;
    assert_eq!(data, json!({ "keyed_enum_by_id": { "name": "two" } }));
    let reply = app.graphql(r#"{ keyed_enum_by_id(id: "furious") { name } }"#).await;
    assert_eq!(reply.codes(), ["FORBIDDEN"]);
    // Types without an order are sorted by their text.
    let data = app
        .data(r#"{ others(sort: ["-place", "id"], limit: 2) { place } arrays(sort: ["jsons"], limit: 1) { id } }"#)
        .await;
    assert_eq!(data["others"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn sqlite_compares_what_it_shows() {
    let app = awkward(Kind::Sqlite).await;
    check(
        &app,
        "booleans",
        &[
            (r#"{ flag: { _eq: true } }"#, &["2", "3", "4", "7", "11"]),
            (r#"{ flag: { _eq: false } }"#, &["1", "5"]),
            (r#"{ flag: { _null: true } }"#, &["10"]),
        ],
    )
    .await;
    check(
        &app,
        "moments",
        &[
            (r#"{ instant: { _eq: "2024-02-03T04:05:06Z" } }"#, &["1", "2", "9"]),
            (r#"{ instant: { _eq: "2024-02-03T02:05:06Z" } }"#, &["5"]),
            (r#"{ instant: { _lt: "1970-01-01T00:00:00Z" } }"#, &["7", "12"]),
            (
                r#"{ wall: { _between: ["2024-02-03T04:05:06", "2024-02-03T04:05:07"] } }"#,
                &["1", "2", "3", "4", "5", "6", "9"],
            ),
            (r#"{ day: { _eq: "2024-02-03" } }"#, &["1", "2", "3", "4", "5", "6", "9", "10"]),
            (r#"{ clock: { _eq: "04:05" } }"#, &["2", "11"]),
            (r#"{ wall_func: { hour: { _eq: 4 } } }"#, &["1", "2", "3", "4", "5", "6", "9", "11"]),
            (r#"{ instant_func: { hour: { _eq: 2 } } }"#, &["5"]),
        ],
    )
    .await;
    check(
        &app,
        "documents",
        &[
            (r#"{ document: { _json: { b: { _nnull: true } } } }"#, &["1"]),
            (r#"{ document_func: { count: { _gt: 0 } } }"#, &[]),
            (r#"{ document: { _null: true } }"#, &["11"]),
        ],
    )
    .await;
    check(&app, "declared", &[(r#"{ a_nocase: { _eq: "rock" } }"#, &["2"])]).await;
    check(&app, "numbers", &[(r#"{ big: { _gt: "9007199254740992", _lt: "9223372036854775807" } }"#, &["2"])]).await;
}

#[tokio::test]
async fn mysql_compares_text_by_its_letters_and_numbers_by_their_digits() {
    let app = awkward(Kind::MySql).await;
    check(
        &app,
        "strings",
        &[
            (r#"{ bytewise: { _eq: "rock" } }"#, &["2"]),
            (r#"{ without_case: { _eq: "rock" } }"#, &["2"]),
            (r#"{ without_case: { _icontains: "rock" } }"#, &["1", "2", "3"]),
            (r#"{ bytewise: { _icontains: "rock" } }"#, &["1", "2", "3"]),
            (r#"{ latin: { _eq: "größe é" } }"#, &["2"]),
            (r#"{ wide: { _contains: "表" } }"#, &["2"]),
            (r#"{ choice: { _eq: "größer" } }"#, &["2"]),
            (r#"{ several: { _eq: "a,B,c d,ü" } }"#, &["2"]),
        ],
    )
    .await;
    refused(&app, "strings", r#"{ choice: { _eq: "huge" } }"#).await;
    check(
        &app,
        "integers",
        &[
            (r#"{ big_unsigned: { _eq: "18446744073709551615" } }"#, &["2"]),
            (r#"{ big_unsigned: { _gt: "9223372036854775808" } }"#, &["2"]),
            (r#"{ flag: { _eq: true } }"#, &["2", "3", "4"]),
            (r#"{ flag: { _eq: false } }"#, &["1"]),
            (r#"{ eight_bits: { _eq: "00000001" } }"#, &["3"]),
            (r#"{ plain_unsigned: { _in: ["4294967295", "0"] } }"#, &["1", "2"]),
        ],
    )
    .await;
    check(&app, "numbers", &[(r#"{ long_decimal: { _eq: "-123456789012345678901234567890.1234567891" } }"#, &["2"])])
        .await;
    let data = app
        .data(
            r#"{ keyed_unsigned_by_id(id: "18446744073709551615") { keyed_unsigned { id parent_id { id } } }
                zero: keyed_unsigned_by_id(id: "0") { parent_id { id } } filled_by_id(id: 1) { price }
                keyed_binary_by_id(id: "C44vbm8MS1eaVS96TB2eAQ==") { name } }"#,
        )
        .await;
    let parent = json!({ "id": "18446744073709551615" });
    let expected: Json = json!({
        "keyed_unsigned_by_id": { "keyed_unsigned": [
            { "id": "0", "parent_id": parent }, { "id": "9223372036854775808", "parent_id": parent },
        ] },
        "zero": { "parent_id": parent },
        "filled_by_id": { "price": 1.25 },
        "keyed_binary_by_id": { "name": "some" },
    });
    assert_eq!(data, expected);
}
