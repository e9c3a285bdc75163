//! Values of filters as variables: the declared types of the contract, lists,
//! null, nothing, defaults, whole filters.

use serde_json::{Value as Json, json};

use super::Filters;
use crate::support::{Everywhere, keys};

/// The keys that a query with variables finds, on each database the same.
async fn found(gateways: &Everywhere, declared: &str, filter: &str, variables: Json) -> Vec<i64> {
    let query = format!("query({declared}) {{ artist(filter: {filter}, sort: [\"id\"], limit: -1) {{ id }} }}");
    keys(&gateways.data_with(&query, variables).await["artist"])
}

#[tokio::test]
async fn variables_stand_for_values_of_every_operator() {
    let gateways = Everywhere::music().await;
    let check = async |declared: &str, filter: &str, value: Json, literal: &str| {
        let by_variable = found(&gateways, declared, filter, json!({ "v": value })).await;
        assert_eq!(by_variable, gateways.ids("artist", literal).await, "{filter} {value}");
    };
    for operator in [
        "_eq",
        "_neq",
        "_contains",
        "_icontains",
        "_ncontains",
        "_starts_with",
        "_nstarts_with",
        "_istarts_with",
        "_nistarts_with",
        "_ends_with",
        "_nends_with",
        "_iends_with",
        "_niends_with",
    ] {
        for text in ["Rock Bottom", "r", "%b%", "\\", "null"] {
            let literal = format!("{{ name: {{ {operator}: {} }} }}", json!(text));
            check("$v: String", &format!("{{ name: {{ {operator}: $v }} }}"), json!(text), &literal).await;
        }
    }
    for operator in ["_eq", "_neq", "_gt", "_gte", "_lt", "_lte"] {
        for number in [json!(7), json!("7"), json!(7.0)] {
            let literal = format!("{{ id: {{ {operator}: {number} }} }}");
            check("$v: GraphQLStringOrFloat", &format!("{{ id: {{ {operator}: $v }} }}"), number, &literal).await;
        }
    }
    for operator in ["_in", "_nin"] {
        check(
            "$v: [String]",
            &format!("{{ name: {{ {operator}: $v }} }}"),
            json!(["Çelik", "rock bottom"]),
            &format!("{{ name: {{ {operator}: [\"Çelik\", \"rock bottom\"] }} }}"),
        )
        .await;
        check(
            "$v: [GraphQLStringOrFloat]",
            &format!("{{ id: {{ {operator}: $v }} }}"),
            json!([1, "2", 3]),
            &format!("{{ id: {{ {operator}: [1, 2, 3] }} }}"),
        )
        .await;
        // A single value is a list of one.
        check(
            "$v: [String]",
            &format!("{{ name: {{ {operator}: $v }} }}"),
            json!("Çelik"),
            &format!("{{ name: {{ {operator}: [\"Çelik\"] }} }}"),
        )
        .await;
        check(
            "$v: String",
            &format!("{{ name: {{ {operator}: [$v, \"rock bottom\"] }} }}"),
            json!("Çelik"),
            &format!("{{ name: {{ {operator}: [\"Çelik\", \"rock bottom\"] }} }}"),
        )
        .await;
        check(
            "$v: [String]",
            &format!("{{ country: {{ {operator}: $v }} }}"),
            json!(["GB", null]),
            &format!("{{ country: {{ {operator}: [\"GB\", null] }} }}"),
        )
        .await;
    }
    for operator in ["_between", "_nbetween"] {
        let literal = format!("{{ id: {{ {operator}: [5, 9] }} }}");
        check("$v: [GraphQLStringOrFloat]", &format!("{{ id: {{ {operator}: $v }} }}"), json!([5, "9"]), &literal)
            .await;
        check("$v: GraphQLStringOrFloat", &format!("{{ id: {{ {operator}: [$v, 9] }} }}"), json!(5), &literal).await;
    }
    for (operator, truth) in [("_null", true), ("_null", false), ("_nnull", true), ("_empty", false), ("_nempty", true)]
    {
        let literal = format!("{{ country: {{ {operator}: {truth} }} }}");
        check("$v: Boolean", &format!("{{ country: {{ {operator}: $v }} }}"), json!(truth), &literal).await;
    }
}

#[tokio::test]
async fn one_plan_serves_many_values() {
    let gateways = Everywhere::music().await;
    let filter = "{ country: { _in: $list }, id: { _gt: $above } }";
    let declared = "$list: [String], $above: GraphQLStringOrFloat";
    for (list, above) in
        [(json!(["GB"]), 0), (json!(["GB", "US", "DE"]), 5), (json!(["FR"]), 30), (json!(["US", "GB"]), 8)]
    {
        let expected =
            gateways.ids("artist", &format!("{{ country: {{ _in: {list} }}, id: {{ _gt: {above} }} }}")).await;
        let variables = json!({ "list": list, "above": above });
        assert_eq!(found(&gateways, declared, filter, variables).await, expected);
    }
}

#[tokio::test]
async fn an_omitted_variable_takes_its_operator_with_it_and_null_has_a_meaning() {
    let gateways = Everywhere::music().await;
    let eq = "{ country: { _eq: $v }, id: { _lt: 20 } }";
    assert_eq!(found(&gateways, "$v: String", eq, json!({})).await.len(), 19);
    assert_eq!(found(&gateways, "$v: String", eq, json!({ "v": null })).await, [18, 19]);
    assert_eq!(found(&gateways, "$v: String", eq, json!({ "v": "JP" })).await, [5]);
    assert_eq!(found(&gateways, "$v: String = \"JP\"", eq, json!({})).await, [5]);
    assert_eq!(found(&gateways, "$v: String = \"JP\"", eq, json!({ "v": null })).await, [18, 19]);
    let neq = "{ country: { _neq: $v }, id: { _gte: 35 } }";
    assert_eq!(found(&gateways, "$v: String", neq, json!({ "v": null })).await, [35, 36, 37, 39]);
    let not_null = "{ country: { _null: $v } }";
    assert_eq!(found(&gateways, "$v: Boolean", not_null, json!({})).await.len(), 40);
    assert_eq!(found(&gateways, "$v: Boolean", not_null, json!({ "v": null })).await.len(), 4);
    let listed = "{ id: { _in: $v } }";
    assert_eq!(found(&gateways, "$v: [GraphQLStringOrFloat]", listed, json!({})).await.len(), 40);
    for (declared, filter, value) in [
        ("$v: [GraphQLStringOrFloat]", listed, json!([])),
        ("$v: [GraphQLStringOrFloat]", "{ id: { _between: $v } }", json!([1])),
        ("$v: String", "{ name: { _eq: $v } }", json!("")),
        ("$v: GraphQLStringOrFloat", "{ id: { _eq: $v } }", json!("seven")),
        ("$v: String", "{ name: { _contains: $v } }", Json::Null),
    ] {
        let query = format!("query({declared}) {{ artist(filter: {filter}) {{ id }} }}");
        gateways.refused_with(&query, json!({ "v": value }), "INVALID_QUERY").await;
    }
}

#[tokio::test]
async fn filters_and_their_parts_may_be_variables() {
    let filters = Filters::new().await;
    let gateways = &filters.gateways;
    let part = json!({ "name": { "_icontains": "rock" } });
    let expected = gateways.ids_by_variable("artist", &part).await;
    assert_eq!(expected.len(), 3);
    assert_eq!(
        found(gateways, "$f: artist_filter", "{ _and: [$f, { id: { _gt: 1 } }] }", json!({ "f": part })).await,
        expected
    );
    assert_eq!(found(gateways, "$f: [artist_filter]", "{ _or: $f }", json!({ "f": [part] })).await, expected);
    assert_eq!(found(gateways, "$f: [artist_filter]", "{ _or: $f }", json!({ "f": part })).await, expected);
    assert_eq!(
        found(gateways, "$f: string_filter_operators", "{ name: $f }", json!({ "f": { "_icontains": "rock" } })).await,
        expected
    );
    let albums = found(
        gateways,
        "$f: album_filter",
        "{ album: { _some: $f } }",
        json!({ "f": { "track": { "id": { "_eq": 1 } } } }),
    )
    .await;
    assert_eq!(albums, gateways.ids("artist", "{ album: { _some: { track: { id: { _eq: 1 } } } } }").await);
    assert_eq!(found(gateways, "$f: artist_filter", "$f", json!({ "f": null })).await.len(), 40);
    assert_eq!(found(gateways, "$f: artist_filter", "$f", json!({})).await.len(), 40);
    let unknown = json!({ "f": { "nmae": { "_eq": "x" } } });
    for (kind, app) in gateways.each() {
        let reply = app.graphql_with("query($f: artist_filter) { artist(filter: $f) { id } }", unknown.clone()).await;
        assert_eq!(reply.codes().len(), 1, "{kind:?} {:#}", reply.body);
        assert!(
            reply.body["errors"][0]["message"].as_str().is_some_and(|text| text.contains("nmae")),
            "{:#}",
            reply.body
        );
    }
}

#[tokio::test]
async fn long_lists_travel_whole() {
    let gateways = Everywhere::music().await;
    let query = "query($ids: [GraphQLStringOrFloat], $names: [String]) {
        some: track(filter: { id: { _in: $ids }, name: { _nin: $names } }, limit: -1) { id }
        others: track(filter: { _or: [{ id: { _nin: $ids } }, { name: { _in: $names } }] }, limit: -1) { id }
    }";
    for length in [1, 7, 300, 5000] {
        let ids: Vec<i64> = (1..=length).collect();
        let names: Vec<String> = (0..length).map(|number| format!("nothing is called '{number}\"")).collect();
        let data = gateways.data_with(query, json!({ "ids": ids, "names": names })).await;
        let found = usize::try_from(length.min(1200)).expect("small");
        assert_eq!((keys(&data["some"]).len(), keys(&data["others"]).len()), (found, 1200 - found));
    }
}
