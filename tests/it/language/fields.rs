//! Aliases, merging, fragments, directives, roots and operations.

use serde_json::json;

use super::check;
use crate::support::{Kind, TestApp, TestDatabase};

async fn app() -> TestApp {
    TestApp::start(TestDatabase::music(Kind::Sqlite).await).await
}

#[tokio::test]
async fn aliases_name_fields_at_every_level_even_after_each_other() {
    let app = app().await;
    check(
        &app,
        r#"{ one: artist_by_id(id: 2) { name: country country: name key: id first: album(limit: 1) { name: title } last: album(limit: 1, sort: "-id") { name: title } } }"#,
        r#"{"one":{"name":"FR","country":"Beyoncé Brunel","key":"2","first":[{"name":"Silent Dancer, Reprise"}],"last":[{"name":"Hollow Dancer, Reprise"}]}}"#,
    )
    .await;
    check(
        &app,
        "{ a: artist_aggregated { all: countAll id: count { n: id } names: count { n: name } } }",
        r#"{"a":[{"all":40,"id":{"n":40},"names":{"n":40}}]}"#,
    )
    .await;
}

#[tokio::test]
async fn selections_of_one_response_key_are_merged_at_the_root_and_below() {
    let app = app().await;
    check(
        &app,
        "{ artist_by_id(id: 2) { id album(limit: 1) { id } } ...More }
         fragment More on Query { artist_by_id(id: 2) { name ... { album(limit: 1) { artist_id { country } } } } }",
        r#"{"artist_by_id":{"id":"2","album":[{"id":"2","artist_id":{"country":"FR"}}],"name":"Beyoncé Brunel"}}"#,
    )
    .await;
    let (statements, _) = app
        .statements_of(
            app.data("{ artist(limit: 1) { id } artist(limit: 1) { name } ... { artist(limit: 1) { country } } }"),
        )
        .await;
    assert_eq!(statements, 1);
}

#[tokio::test]
async fn fragments_spread_fragments_with_or_without_type_conditions() {
    let app = app().await;
    check(
        &app,
        "query { ...Root } fragment Root on Query { ... on Query { artist(limit: 1) { ...Artist ... on artist { country } ... { id } } } }
         fragment Artist on artist { name album(limit: 1) { ...Album } } fragment Album on album { title artist_id { ...Back } }
         fragment Back on artist { __typename id }",
        r#"{"artist":[{"name":"The Paper Lanterns","album":[{"title":"Broken Bird's Nest (Live)","artist_id":{"__typename":"artist","id":"1"}}],"country":"GB","id":"1"}]}"#,
    )
    .await;
}

#[tokio::test]
async fn skip_and_include_work_on_fields_and_fragments_alone_and_together() {
    let app = app().await;
    let query = "query ($yes: Boolean!, $no: Boolean = false) {
        artist_by_id(id: 1) {
            a: id @skip(if: $yes) b: id @skip(if: $no) c: id @include(if: $yes) d: id @include(if: $no)
            e: id @include(if: $yes) @skip(if: $yes) f: id @include(if: $yes) @skip(if: $no) g: id @include(if: $no) @skip(if: $no)
            ...F @include(if: $no) ... @skip(if: $yes) { h: id } ... on artist @include(if: $yes) { i: id }
        }
    } fragment F on artist { name }";
    let data = app.data_with(query, json!({ "yes": true })).await;
    assert_eq!(data, json!({ "artist_by_id": { "b": "1", "c": "1", "f": "1", "i": "1" } }));
    // The plan of other values must not be taken for this one.
    let data = app.data_with(query, json!({ "yes": false, "no": true })).await;
    assert_eq!(data, json!({ "artist_by_id": { "a": "1", "d": "1", "name": "The Paper Lanterns", "h": "1" } }));
    let data = app.data_with(query, json!({ "yes": true })).await;
    assert_eq!(data, json!({ "artist_by_id": { "b": "1", "c": "1", "f": "1", "i": "1" } }));
}

#[tokio::test]
async fn of_everything_skipped_an_empty_object_remains() {
    let app = app().await;
    check(&app, "{ artist @skip(if: true) { id } ... @include(if: false) { album { id } } }", "{}").await;
    check(&app, "{ artist_by_id(id: 1) { id @skip(if: true) } }", r#"{"artist_by_id":{}}"#).await;
    check(
        &app,
        "{ artist(limit: 2) { album(limit: 1) { id @skip(if: true) } } }",
        r#"{"artist":[{"album":[{}]},{"album":[{}]}]}"#,
    )
    .await;
    check(&app, "{ artist_aggregated { countAll @skip(if: true) } }", r#"{"artist_aggregated":[{}]}"#).await;
    check(&app, "{ artist_aggregated { count { id @skip(if: true) } } }", r#"{"artist_aggregated":[{"count":{}}]}"#)
        .await;
}

#[tokio::test]
async fn everything_tells_its_typename() {
    let app = app().await;
    check(
        &app,
        r#"{ __typename kind: __typename
            employee(limit: 1) { __typename hired_at_func { __typename } reports_to_func: __typename employee_func: __typename }
            album_by_id(id: 1) { __typename artist_id { __typename } track(limit: 1) { __typename } track_func { __typename } }
            track_aggregated(groupBy: ["genre_id"], limit: 1) { __typename count { __typename } sum { __typename } }
            __schema { __typename queryType { __typename } } }"#,
        r#"{"__typename":"Query","kind":"Query","employee":[{"__typename":"employee","hired_at_func":{"__typename":"datetime_functions"},"reports_to_func":"employee","employee_func":"employee"}],"album_by_id":{"__typename":"album","artist_id":{"__typename":"artist"},"track":[{"__typename":"track"}],"track_func":{"__typename":"count_functions"}},"track_aggregated":[{"__typename":"track_aggregated","count":{"__typename":"track_aggregated_count"},"sum":{"__typename":"track_aggregated_fields"}}],"__schema":{"__typename":"__Schema","queryType":{"__typename":"__Type"}}}"#,
    )
    .await;
}

#[tokio::test]
async fn root_fields_come_in_the_order_of_the_document() {
    let app = app().await;
    check(
        &app,
        r#"query ($name: String!) {
            z: genre_by_id(id: 1) { id } __typename a: artist_by_id(id: 1) { id }
            t: __type(name: $name) { name } m: artist_aggregated { countAll } other: __type(name: "nothing") { name }
            last: media_type(limit: 1) { id } }"#,
        r#"{"z":{"id":"1"},"__typename":"Query","a":{"id":"1"},"t":{"name":"artist"},"m":[{"countAll":40}],"other":null,"last":[{"id":"1"}]}"#,
    )
    .await;
}

#[tokio::test]
async fn a_type_is_asked_for_by_variable_each_time_anew() {
    let app = app().await;
    for name in ["artist", "album", "artist"] {
        let data = app.data_with("query ($n: String!) { __type(name: $n) { name } }", json!({ "n": name })).await;
        assert_eq!(data, json!({ "__type": { "name": name } }));
    }
}

#[tokio::test]
async fn operations_are_chosen_by_name() {
    let app = app().await;
    let query = "query A { artist_by_id(id: 1) { id } } query B($x: ID = 2) { artist_by_id(id: $x) { id } }";
    let run = async |query: &str, name: serde_json::Value| {
        app.post(&json!({ "query": query, "operationName": name }), Some(crate::support::TOKEN)).await
    };
    for (name, id) in [("A", "1"), ("B", "2"), ("A", "1")] {
        let reply = run(query, json!(name)).await;
        assert_eq!(reply.body, json!({ "data": { "artist_by_id": { "id": id } } }));
    }
    for (query, name) in [(query, json!("C")), (query, json!(null)), ("{ artist { id } }", json!("A"))] {
        let reply = run(query, name).await;
        assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"], "{query}");
        assert!(reply.body.get("data").is_none(), "{query}");
    }
    let reply = run("query A { artist_by_id(id: 1) { id } }", json!(null)).await;
    assert_eq!(reply.body, json!({ "data": { "artist_by_id": { "id": "1" } } }));
}
