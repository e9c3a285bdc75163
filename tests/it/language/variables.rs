//! Variables: coercion, defaults, absence, and plans that are kept for others
//! of the same shape.

use serde_json::{Value as Json, json};

use crate::support::{Kind, TestApp, TestDatabase};

async fn app() -> TestApp {
    TestApp::start(TestDatabase::music(Kind::Sqlite).await).await
}

/// Sends a value as `$v` and says what became of it.
async fn outcome(app: &TestApp, declared: &str, argument: &str, value: Json) -> String {
    let query = format!("query ($v: {declared}) {{ artist({argument}) {{ id }} }}");
    let reply = app.graphql_with(&query, json!({ "v": value })).await;
    match reply.body.get("errors") {
        None => "ok".to_owned(),
        Some(_) if reply.body.get("data").is_none() => format!("refused: {}", reply.codes().join()),
        Some(errors) => format!("failed: {errors}"),
    }
}

trait Join {
    fn join(&self) -> String;
}

impl Join for Vec<&str> {
    fn join(&self) -> String {
        self.as_slice().join(",")
    }
}

#[tokio::test]
async fn each_scalar_takes_its_own_values_and_refuses_others() {
    let app = app().await;
    let number = "filter: { id: { _eq: $v } }";
    let text = "filter: { name: { _eq: $v } }";
    for (declared, argument, good, bad) in [
        ("Int", "offset: $v", json!([0, 1, 2.0, null]), json!(["1", 1.5, true, 2147483648_i64, [1], {}])),
        ("Int!", "limit: $v", json!([1, -1]), json!([null, "1"])),
        ("String", text, json!(["x", "Ö", null]), json!([1, true, ["x"], {}])),
        ("String", "search: $v", json!(["x", "", null]), json!([1])),
        ("GraphQLStringOrFloat", number, json!([1, 1.0, "1", null]), json!([true, [1], {}])),
        ("Boolean", "filter: { name: { _null: $v } }", json!([true, false, null]), json!(["true", 1])),
        ("[String]", "sort: $v", json!([["id"], "id", [], null]), json!([1, [1], [["id"]]])),
        ("[String!]", "filter: { name: { _in: $v } }", json!([["x"], "x"]), json!([[null], 1])),
        ("artist_filter", "filter: $v", json!([{}, null, { "id": { "_in": 1 } }]), json!([1, "x", [{}]])),
        (
            "artist_filter",
            "filter: $v",
            json!([{ "album": { "_some": { "id": { "_gt": 3 } } } }]),
            json!([{ "no": 1 }]),
        ),
        (
            "artist_filter",
            "filter: $v",
            json!([{ "_and": [{}, null] }]),
            json!([{ "id": { "_eq": true } }, { "id": 1 }]),
        ),
    ] {
        for value in good.as_array().expect("a list") {
            assert_eq!(outcome(&app, declared, argument, value.clone()).await, "ok", "{declared} {argument} {value}");
        }
        for value in bad.as_array().expect("a list") {
            let found = outcome(&app, declared, argument, value.clone()).await;
            assert_eq!(found, "refused: GRAPHQL_VALIDATION", "{declared} {argument} {value}");
        }
    }
}

#[tokio::test]
async fn identifiers_are_texts_or_whole_numbers() {
    let app = app().await;
    let query = "query ($id: ID!) { artist_by_id(id: $id) { id } }";
    for id in [json!(3), json!("3")] {
        assert_eq!(app.data_with(query, json!({ "id": id })).await, json!({ "artist_by_id": { "id": "3" } }));
    }
    for id in [json!(1.5), json!(true), json!(null), json!(["3"])] {
        assert_eq!(app.graphql_with(query, json!({ "id": id })).await.codes(), ["GRAPHQL_VALIDATION"], "{id}");
    }
    assert_eq!(app.graphql_with(query, json!({})).await.codes(), ["GRAPHQL_VALIDATION"]);
}

#[tokio::test]
async fn every_variable_that_does_not_fit_is_reported_in_one_answer() {
    let app = app().await;
    let query = "query ($a: Int!, $b: String, $c: Int) { artist(limit: $a, search: $b, offset: $c) { id } }";
    let reply = app.graphql_with(query, json!({ "b": 1, "c": "x", "unknown": {} })).await;
    let messages: Vec<_> =
        reply.body["errors"].as_array().expect("errors").iter().map(|error| &error["message"]).collect();
    insta::assert_json_snapshot!(messages, @r#"
    [
      "Variable \"$a\" of required type \"Int!\" was not provided.",
      "Variable \"$b\" got invalid value 1; String cannot represent the value 1.",
      "Variable \"$c\" got invalid value \"x\"; Int cannot represent the value \"x\"."
    ]
    "#);
}

#[tokio::test]
async fn variables_that_nobody_declared_are_ignored() {
    let data = app().await.data_with("{ artist_by_id(id: 1) { id } }", json!({ "x": [1, {}], "id": 7 })).await;
    assert_eq!(data, json!({ "artist_by_id": { "id": "1" } }));
}

#[tokio::test]
async fn defaults_are_coerced_and_give_way_to_any_value_even_null() {
    let app = app().await;
    let query = "query ($sort: [String] = \"-id\", $limit: Int = 1, $f: artist_filter = {id: {_in: 5}}) {
        artist(sort: $sort, limit: $limit, filter: $f) { id } }";
    let ids = async |variables: Json| {
        let data = app.data_with(query, variables).await;
        let rows = data["artist"].as_array().expect("a list");
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(json!({})).await, "5");
    assert_eq!(ids(json!({ "f": null })).await, "40");
    assert_eq!(ids(json!({ "f": null, "limit": 3 })).await, "40 39 38");
    assert_eq!(ids(json!({ "f": null, "limit": 3, "sort": null })).await, "1 2 3");
    assert_eq!(ids(json!({ "f": null, "limit": null })).await.split(' ').count(), 40);
    assert_eq!(ids(json!({})).await, "5");
}

#[tokio::test]
async fn a_variable_that_is_left_out_drops_its_operator_and_null_does_not() {
    let app = app().await;
    let count = async |query: &str, variables: Json| {
        let data = app.data_with(query, variables).await;
        data["artist_aggregated"][0]["countAll"].as_i64().expect("a count")
    };
    let eq = "query ($v: String) { artist_aggregated(filter: { country: { _eq: $v } }) { countAll } }";
    let within = "query ($v: [String]) { artist_aggregated(filter: { country: { _in: $v } }) { countAll } }";
    let whole = "query ($v: artist_filter) { artist_aggregated(filter: { _and: [$v] }) { countAll } }";
    // Twice, and each after each: a plan that was kept must not serve another shape.
    for _ in 0..2 {
        assert_eq!(count(eq, json!({})).await, 40);
        assert_eq!(count(eq, json!({ "v": "GB" })).await, 3);
        assert_eq!(count(eq, json!({ "v": null })).await, 4);
        assert_eq!(count(eq, json!({ "v": "FR" })).await, 2);
        assert_eq!(count(eq, json!({ "v": "null" })).await, 0);
        assert_eq!(count(within, json!({ "v": ["GB", "FR"] })).await, 5);
        assert_eq!(count(within, json!({})).await, 40);
        assert_eq!(count(within, json!({ "v": "GB" })).await, 3);
        assert_eq!(count(within, json!({ "v": ["GB", null] })).await, 3);
        assert_eq!(count(within, json!({ "v": ["GB", "FR", "US", "GB"] })).await, 10);
        assert_eq!(count(whole, json!({ "v": { "country": { "_eq": "GB" } } })).await, 3);
        assert_eq!(count(whole, json!({})).await, 40);
        assert_eq!(count(whole, json!({ "v": { "country": { "_null": true } } })).await, 4);
    }
    for (query, value) in [(within, json!([])), (within, json!(null)), (eq, json!(""))] {
        let reply = app.graphql_with(query, json!({ "v": value })).await;
        assert_eq!(reply.codes(), ["INVALID_QUERY"], "{query} {value}");
        assert_eq!(reply.body["data"], Json::Null);
    }
}

#[tokio::test]
async fn nothing_but_the_shape_of_variables_makes_a_new_plan() {
    let app = app().await;
    let query = "query ($v: GraphQLStringOrFloat, $offset: Int, $limit: Int) {
        artist(filter: { id: { _neq: $v } }, offset: $offset, limit: $limit) { id } }";
    let plans = async |variables: Json| {
        let before = app.service.planner().plans_made();
        app.data_with(query, variables).await;
        app.service.planner().plans_made() - before
    };
    assert_eq!(plans(json!({ "v": 1, "offset": 1 })).await, 1);
    assert_eq!(plans(json!({ "v": 2, "offset": 3 })).await, 0);
    assert_eq!(plans(json!({ "v": "7", "offset": 0 })).await, 0);
    assert_eq!(plans(json!({ "v": 7 })).await, 1, "no offset");
    assert_eq!(plans(json!({ "v": null, "offset": 1 })).await, 1, "is null");
    assert_eq!(plans(json!({ "v": 1, "offset": 1, "limit": 5 })).await, 1, "limits are literal");
    assert_eq!(plans(json!({ "v": 1, "offset": 1 })).await, 0);
}

#[tokio::test]
async fn a_variable_within_a_json_filter_counts_each_time_anew() {
    let script = r#"CREATE TABLE thing (id INTEGER PRIMARY KEY, meta json);
        INSERT INTO thing VALUES (1, '{"color": "red", "size": 9}'), (2, '{"color": "blue", "size": 10}');"#;
    let app = TestApp::start(TestDatabase::create(Kind::Sqlite, script).await.into()).await;
    let color = "query ($v: JSON) { thing(filter: { meta: { _json: { color: { _eq: $v } } } }) { id } }";
    let size = "query ($v: Int) { thing(filter: { meta: { _json: { size: { _gte: $v } } } }) { id } }";
    for _ in 0..2 {
        for (query, value, ids) in [
            (color, json!("red"), json!([{ "id": "1" }])),
            (color, json!("blue"), json!([{ "id": "2" }])),
            (size, json!(9), json!([{ "id": "1" }, { "id": "2" }])),
            (size, json!(10), json!([{ "id": "2" }])),
        ] {
            assert_eq!(app.data_with(query, json!({ "v": value })).await["thing"], ids, "{query} {value}");
        }
    }
}

/// JSON has no names, so that one could be taken for a text.
#[tokio::test]
async fn names_are_no_values_of_scalars() {
    let app = app().await;
    for document in [
        "{ artist(filter: { id: { _gt: FOO } }) { id } }",
        "{ artist(filter: { id: { _in: [1, FOO] } }) { id } }",
        "query ($v: GraphQLStringOrFloat = FOO) { artist(filter: { id: { _eq: $v } }) { id } }",
    ] {
        assert_eq!(app.graphql(document).await.codes(), ["GRAPHQL_VALIDATION"], "{document}");
    }
}
