//! Where errors are told and what they leave of the data.

use serde_json::{Value as Json, json};

use crate::support::{Kind, TestApp, TestDatabase};

async fn app() -> TestApp {
    TestApp::start(TestDatabase::music(Kind::Sqlite).await).await
}

/// Message, code, locations and path of each error.
fn errors(body: &Json) -> Json {
    let errors = body["errors"].as_array().expect("there are errors");
    let told = errors
        .iter()
        .map(|error| json!([error["message"], error["extensions"]["code"], error["locations"], error.get("path")]));
    told.collect()
}

#[tokio::test]
async fn syntax_errors_say_where() {
    let app = app().await;
    let reply = app.graphql("{\n  artist(limit 1) { id }\n}").await;
    assert!(reply.body.get("data").is_none());
    assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"]);
    assert_eq!(reply.body["errors"][0]["locations"][0]["line"], 2);
}

#[tokio::test]
async fn validation_tells_every_problem_in_an_entry_of_its_own() {
    let app = app().await;
    let reply = app.graphql("{ artist { nothing id { x } } nothing album(limit: \"1\", no: 2) { id } }").await;
    let told = reply.body["errors"].as_array().expect("there are errors");
    let columns: Vec<_> = told.iter().map(|error| error["locations"][0]["column"].as_u64()).collect();
    // `nothing`, the selection of `id`, the `x` in it, `nothing`, `"1"`, `no`.
    assert_eq!(columns, [12, 20, 25, 31, 45, 57].map(Some));
    assert!(reply.codes().iter().all(|code| *code == "GRAPHQL_VALIDATION"));
}

#[tokio::test]
async fn values_beside_variables_are_checked_as_well() {
    let app = app().await;
    let query = "query ($v: String) { artist(filter: { name: { _eq: $v, _gt: \"x\" }, nothing: 1, id: 7 }) { id } }";
    let reply = app.graphql(query).await;
    assert_eq!(
        errors(&reply.body),
        json!([["Field \"_gt\" is not defined by type \"string_filter_operators\".","GRAPHQL_VALIDATION",[{"line":1,"column":37}],null],["Field \"nothing\" is not defined by type \"artist_filter\".","GRAPHQL_VALIDATION",[{"line":1,"column":37}],null],["Expected value of type \"number_filter_operators\", found 7.","GRAPHQL_VALIDATION",[{"line":1,"column":37}],null]])
    );
}

#[tokio::test]
async fn a_failed_nullable_root_is_null_and_its_siblings_stay() {
    let app = app().await;
    let reply = app.graphql("{\n a: artist_by_id(id: 1) { id }\n gone: artist_by_id(id: 999) { id }\n bad: artist_by_id(id: \"x\") { id } }").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["data"], json!({ "a": { "id": "1" }, "gone": null, "bad": null }));
    assert_eq!(
        errors(&reply.body),
        json!([["You don't have permission to access this.","FORBIDDEN",[{"line":3,"column":2}],["gone"]],["You don't have permission to access this.","FORBIDDEN",[{"line":4,"column":2}],["bad"]]])
    );
}

#[tokio::test]
async fn a_failed_root_list_takes_all_data_with_it() {
    let app = app().await;
    let reply = app.graphql("{ artist_by_id(id: 1) { id } list: artist(limit: -2) { id } }").await;
    assert_eq!(reply.body["data"], Json::Null);
    assert!(reply.body.as_object().expect("an object").contains_key("data"));
    assert_eq!(
        errors(&reply.body),
        json!([["Invalid query. a limit is -1 or more, not -2.","INVALID_QUERY",[{"line":1,"column":30}],["list"]]])
    );
}

#[tokio::test]
async fn a_failure_below_nulls_the_nearest_field_that_can_be_null() {
    let app = app().await;
    let query = "query ($offset: Int) { artist(limit: 2, sort: \"id\") {\n id albums: album(offset: $offset) { id } } other: genre(limit: 1) { id } }";
    let reply = app.graphql_with(query, json!({ "offset": -1 })).await;
    assert_eq!(
        reply.body["data"],
        json!({ "artist": [{ "id": "1", "albums": null }, { "id": "2", "albums": null }], "other": [{ "id": "1" }] })
    );
    assert_eq!(
        errors(&reply.body),
        json!([
            ["Invalid query. `offset` is 0 or more, not -1.","INVALID_QUERY",[{"line":2,"column":5}],["artist",0,"albums"]],
            ["Invalid query. `offset` is 0 or more, not -1.","INVALID_QUERY",[{"line":2,"column":5}],["artist",1,"albums"]]
        ])
    );
}

#[tokio::test]
async fn a_mistake_in_a_nested_argument_fails_its_root_field() {
    let app = app().await;
    let query = "{ artist_by_id(id: 1) { id\n album(sort: \"nothing\") { id } } genre_by_id(id: 1) { id } }";
    let reply = app.graphql(query).await;
    assert_eq!(reply.body["data"]["genre_by_id"], json!({ "id": "1" }));
    assert_eq!(
        errors(&reply.body),
        json!([["You don't have permission to access this. no field `nothing` in `album`, or no permission to use it.","FORBIDDEN",[{"line":1,"column":3}],["artist_by_id"]]])
    );
}

#[tokio::test]
async fn documents_that_blow_up_are_refused_at_once() {
    let app = app().await;
    let mut doubled = "{ artist { ...F0 } }".to_owned();
    for at in 0..40 {
        doubled.push_str(&format!(" fragment F{at} on artist {{ ...F{} ...F{} }}", at + 1, at + 1));
    }
    doubled.push_str(" fragment F40 on artist { id }");
    let wide = |depth: usize| {
        let mut query = "artist { ...L0 }".to_owned();
        let mut fragments = String::new();
        for at in 0..depth {
            let (of, to, next) =
                if at.is_multiple_of(2) { ("artist", "album", at + 1) } else { ("album", "artist_id", at + 1) };
            let fields: Vec<_> = (0..12).map(|alias| format!("a{alias}: {to} {{ ...L{next} }}")).collect();
            fragments.push_str(&format!(" fragment L{at} on {of} {{ {} }}", fields.join(" ")));
        }
        let of = if depth.is_multiple_of(2) { "artist" } else { "album" };
        query.push_str(" } ");
        format!("{{ {query}{fragments} fragment L{depth} on {of} {{ id }}")
    };
    for query in [doubled, wide(8), "{ artist(sort: ".to_owned() + &"[".repeat(4_000), "{ a".repeat(2_000)] {
        let reply = app.graphql(&query).await;
        assert_eq!(reply.codes(), ["LIMIT_EXCEEDED"], "{}", &query[..40]);
    }
    let cycle =
        app.graphql("{ artist { ...A } } fragment A on artist { ...B ...B } fragment B on artist { ...A ...A }").await;
    assert_eq!(cycle.codes()[0], "GRAPHQL_VALIDATION");
}

#[tokio::test]
async fn operations_that_the_schema_has_no_root_for_are_refused() {
    let app = app().await;
    for query in ["mutation { artist { id } }", "subscription { artist { id } }", "mutation { nothing }"] {
        let reply = app.graphql(query).await;
        assert!(!reply.codes().is_empty() && reply.codes().iter().all(|code| *code == "GRAPHQL_VALIDATION"), "{query}");
        assert!(reply.body.get("data").is_none(), "{query}");
    }
}
