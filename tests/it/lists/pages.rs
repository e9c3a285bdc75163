//! Limits, offsets, pages; items by their key.

use serde_json::json;
use tidegate::{graphql, plan};

use crate::support::{Everywhere, Settings, keys};

fn at_most_50() -> Settings {
    let lists = plan::Limits { default_limit: 100, max_limit: Some(50), max_depth: 10 };
    Settings { limits: graphql::Limits { lists, ..graphql::Limits::default() }, ..Settings::default() }
}

async fn found(gateways: &Everywhere, arguments: &str) -> Vec<i64> {
    keys(&gateways.data(&format!("{{ track({arguments}) {{ id }} }}")).await["track"])
}

#[tokio::test]
async fn limits_offsets_and_pages_cut_a_list() {
    let gateways = Everywhere::music().await;
    let range = |from: i64, to: i64| (from..=to).collect::<Vec<_>>();
    for (arguments, expected) in [
        ("sort: [\"id\"]", range(1, 100)),
        ("limit: null", range(1, 100)),
        ("limit: -1", range(1, 1200)),
        ("limit: 0", Vec::new()),
        ("limit: 7", range(1, 7)),
        ("limit: 7, offset: 3", range(4, 10)),
        ("offset: 1195", range(1196, 1200)),
        ("limit: -1, offset: 1190", range(1191, 1200)),
        ("limit: 10, page: 1", range(1, 10)),
        ("limit: 10, page: 3", range(21, 30)),
        ("limit: 10, page: 0", range(1, 10)),
        ("limit: 10, page: 0, offset: 5", range(6, 15)),
        ("limit: 10, page: 3, offset: 5", range(21, 30)),
        ("page: 2", range(101, 200)),
        ("limit: 10, page: 121", Vec::new()),
        ("limit: -1, page: 3", range(1, 1200)),
        ("limit: 10, page: null, offset: null", range(1, 10)),
    ] {
        assert_eq!(found(&gateways, arguments).await, expected, "{arguments}");
    }
    for arguments in ["limit: -2", "offset: -1", "page: -1", "limit: 5, page: -3"] {
        gateways.refused(&format!("{{ track({arguments}) {{ id }} }}"), "INVALID_QUERY").await;
        gateways.refused(&format!("{{ album(limit: 1) {{ track({arguments}) {{ id }} }} }}"), "INVALID_QUERY").await;
    }
}

#[tokio::test]
async fn pages_are_variables_as_well() {
    let gateways = Everywhere::music().await;
    let query =
        "query($limit: Int, $offset: Int, $page: Int) { track(limit: $limit, offset: $offset, page: $page) { id } }";
    for (variables, first, count) in [
        (json!({}), 1, 100),
        (json!({ "limit": 3 }), 1, 3),
        (json!({ "limit": 3, "offset": 4 }), 5, 3),
        (json!({ "limit": 3, "offset": 4, "page": 2 }), 4, 3),
        (json!({ "limit": null, "page": 2 }), 101, 100),
        (json!({ "limit": -1 }), 1, 1200),
    ] {
        let rows = keys(&gateways.data_with(query, variables.clone()).await["track"]);
        assert_eq!((rows[0], rows.len()), (first, count), "{variables}");
    }
    for variables in [json!({ "limit": -2 }), json!({ "offset": -1 }), json!({ "page": -1 })] {
        gateways.refused_with(query, variables, "INVALID_QUERY").await;
    }
}

#[tokio::test]
async fn an_operator_can_set_the_highest_limit() {
    let gateways = Everywhere::music_with(at_most_50).await;
    assert_eq!(found(&gateways, "sort: [\"id\"]").await.len(), 50);
    assert_eq!(found(&gateways, "limit: -1").await.len(), 50);
    assert_eq!(found(&gateways, "limit: 50").await.len(), 50);
    assert_eq!(found(&gateways, "page: 2").await[0], 51);
    gateways.refused("{ track(limit: 51) { id } }", "INVALID_QUERY").await;
    let nested = gateways.data("{ media_type { track(limit: -1) { id } } }").await;
    assert!(nested["media_type"].as_array().unwrap().iter().all(|row| keys(&row["track"]).len() == 50));
    gateways.refused("{ media_type { track(limit: 51) { id } } }", "INVALID_QUERY").await;
}

#[tokio::test]
async fn deep_relations_are_answered_unless_the_limits_asked_for_multiply_too_far() {
    let gateways = Everywhere::music().await;
    gateways.data("{ employee { employee { employee { employee { customer { id } } } } } }").await;
    gateways.data("{ genre(limit: -1) { track(limit: -1) { playlist(limit: -1) { id } } } }").await;
    let greedy = "{ genre(limit: 1000) { track(limit: 1000) { playlist(limit: 1000) { id } } } }";
    gateways.refused(greedy, "LIMIT_EXCEEDED").await;
}

#[tokio::test]
async fn an_item_is_found_by_its_key_or_is_null_and_forbidden() {
    let gateways = Everywhere::music().await;
    let data = gateways.data("{ a: artist_by_id(id: 5) { id name } b: artist_by_id(id: \"5\") { id } }").await;
    assert_eq!(data, json!({ "a": { "id": "5", "name": "東京ナイト" }, "b": { "id": "5" } }));
    let query = "query($id: ID!) { artist_by_id(id: $id) { id } }";
    assert_eq!(gateways.data_with(query, json!({ "id": 7 })).await["artist_by_id"]["id"], "7");
    for id in [
        json!(999),
        json!(0),
        json!(""),
        json!("abc"),
        json!("1.5"),
        json!(-1),
        json!("99999999999999999999"),
        json!("1 OR 1=1"),
    ] {
        for (kind, app) in gateways.each() {
            let reply = app.graphql_with(query, json!({ "id": id })).await;
            assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?} {id} {:#}", reply.body);
            assert_eq!(reply.body["data"], json!({ "artist_by_id": null }), "{kind:?} {id}");
            assert_eq!(reply.body["errors"][0]["path"], json!(["artist_by_id"]));
        }
    }
    // What is beside it is answered.
    for (_, app) in gateways.each() {
        let reply = app
            .graphql("{ none: artist_by_id(id: 999) { id } one: artist_by_id(id: 1) { id } artist(limit: 1) { id } }")
            .await;
        assert_eq!(reply.body["data"], json!({ "none": null, "one": { "id": "1" }, "artist": [{ "id": "1" }] }));
        assert_eq!(reply.codes(), ["FORBIDDEN"]);
    }
}

#[tokio::test]
async fn an_item_of_a_composite_key_is_found_by_its_parts() {
    let gateways = Everywhere::music().await;
    let link = gateways.rows("SELECT playlist_id, track_id FROM playlist_track WHERE playlist_id = 7").await;
    let track = link[0][1].clone().unwrap();
    let query = format!(
        "{{ playlist_track_by_id(playlist_id: 7, track_id: {track}) {{ playlist_id {{ name }} track_id {{ id }} }} }}"
    );
    let data = gateways.data(&query).await;
    assert_eq!(
        data["playlist_track_by_id"],
        json!({ "playlist_id": { "name": "One of one" }, "track_id": { "id": track } })
    );
    gateways.refused("{ playlist_track_by_id(playlist_id: 8, track_id: 1) { __typename } }", "FORBIDDEN").await;
}
