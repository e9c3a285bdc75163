//! Relations: arguments within parents, the same relation twice, statements.

use serde_json::{Value as Json, json};

use crate::support::{Everywhere, keys};

fn rows(value: &Json) -> &[Json] {
    value.as_array().expect("a list")
}

#[tokio::test]
async fn arguments_are_about_each_parent_by_itself() {
    let gateways = Everywhere::music().await;
    let all = gateways
        .data("{ album(sort: [\"id\"], limit: -1) { id track(sort: [\"-milliseconds\", \"id\"], limit: -1) { id } } }")
        .await;
    let lengths: Vec<usize> = rows(&all["album"]).iter().map(|album| rows(&album["track"]).len()).collect();
    assert!(lengths.iter().any(|length| *length < 10) && lengths.iter().sum::<usize>() > 1000);
    for (arguments, skipped, taken) in [
        ("limit: 3", 0, 3),
        ("limit: 3, offset: 2", 2, 3),
        ("limit: 3, page: 2", 3, 3),
        // Within parents, page and offset add up.
        ("limit: 3, page: 2, offset: 2", 5, 3),
        ("limit: 3, page: 0, offset: 1", 1, 3),
        ("limit: 0", 0, 0),
        ("limit: -1, offset: 8", 8, 100),
        ("limit: -1, page: 2", 0, 100),
        ("offset: 7", 7, 100),
    ] {
        let query = format!(
            "{{ album(sort: [\"id\"], limit: -1) {{ id track(sort: [\"-milliseconds\", \"id\"], {arguments}) {{ id }} }} }}"
        );
        let data = gateways.data(&query).await;
        for (album, whole) in rows(&data["album"]).iter().zip(rows(&all["album"])) {
            let expected: Vec<i64> = keys(&whole["track"]).into_iter().skip(skipped).take(taken).collect();
            assert_eq!(keys(&album["track"]), expected, "{arguments} of {}", album["id"]);
        }
    }
}

#[tokio::test]
async fn children_are_limited_to_the_default_for_each_parent() {
    let gateways = Everywhere::music().await;
    let data = gateways.data("{ media_type(sort: [\"id\"]) { id track { id } track_func { count } } playlist(sort: [\"id\"]) { track { id } } }").await;
    for media_type in rows(&data["media_type"]) {
        let sql =
            format!("SELECT id FROM track WHERE media_type_id = {} ORDER BY id", media_type["id"].as_str().unwrap());
        let all = gateways.selected(&sql).await;
        assert_eq!(keys(&media_type["track"]), all[..100]);
        assert_eq!(media_type["track_func"]["count"].as_u64(), Some(all.len() as u64));
    }
    let lengths: Vec<usize> = rows(&data["playlist"]).iter().map(|playlist| rows(&playlist["track"]).len()).collect();
    assert_eq!(lengths, [100, 100, 90, 60, 80, 49, 1, 0]);
}

#[tokio::test]
async fn filters_within_parents_leave_the_parents_alone() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{
                artist(sort: ["id"]) { id album(filter: { released_on: { _gte: "2000-01-01" } }, sort: ["id"]) { id } }
                track(sort: ["id"], limit: -1) { id genre_id(filter: { name: { _eq: "Jazz" } }) { name } }
            }"#,
        )
        .await;
    assert_eq!(rows(&data["artist"]).len(), 40);
    let found: Vec<(i64, i64)> = rows(&data["artist"])
        .iter()
        .flat_map(|artist| {
            keys(&artist["album"]).into_iter().map(|album| (artist["id"].as_str().unwrap().parse().unwrap(), album))
        })
        .collect();
    let expected =
        gateways.rows("SELECT artist_id, id FROM album WHERE released_on >= '2000-01-01' ORDER BY artist_id, id").await;
    let number = |text: &Option<String>| text.as_deref().unwrap().parse::<i64>().unwrap();
    assert_eq!(found, expected.iter().map(|row| (number(&row[0]), number(&row[1]))).collect::<Vec<_>>());
    let jazz: Vec<&Json> = rows(&data["track"]).iter().filter(|track| !track["genre_id"].is_null()).collect();
    assert_eq!(jazz.len(), gateways.selected("SELECT id FROM track WHERE genre_id = 4").await.len());
    assert!(jazz.iter().all(|track| track["genre_id"]["name"] == "Jazz"));
}

#[tokio::test]
async fn pages_mean_nothing_where_there_is_one_row_at_most() {
    let gateways = Everywhere::music().await;
    let plain = gateways.data("{ album(sort: [\"id\"]) { artist_id { name } } }").await;
    for arguments in [
        "limit: 0",
        "offset: 5",
        "page: 3",
        "sort: [\"-name\"]",
        "filter: null, search: null, limit: null",
        "search: \"\"",
    ] {
        let query = format!("{{ album(sort: [\"id\"]) {{ artist_id({arguments}) {{ name }} }} }}");
        assert_eq!(gateways.data(&query).await, plain, "{arguments}");
    }
}

#[tokio::test]
async fn a_relation_may_be_asked_for_twice() {
    let gateways = Everywhere::music().await;
    let query = r#"
        query($long: GraphQLStringOrFloat) {
            album(sort: ["id"], limit: 20) {
                longest: track(sort: ["-milliseconds", "id"], limit: 1) { id milliseconds }
                shortest: track(sort: ["milliseconds", "id"], limit: 1) { milliseconds ...names }
                long: track(filter: { milliseconds: { _gt: $long } }) { milliseconds }
                ... on album { longest: track(sort: ["-milliseconds", "id"], limit: 1) { name } }
            }
        }
        fragment names on track { id name genre_id { name } }"#;
    let data = gateways.data_with(query, json!({ "long": 400_000 })).await;
    for album in rows(&data["album"]) {
        let (longest, shortest) = (&album["longest"][0], &album["shortest"][0]);
        assert!(longest["milliseconds"].as_i64() > shortest["milliseconds"].as_i64(), "{album}");
        assert!(longest["name"].is_string() && shortest["name"].is_string(), "{album}");
        assert!(rows(&album["long"]).iter().all(|track| track["milliseconds"].as_i64() > Some(400_000)), "{album}");
    }
}

#[tokio::test]
async fn the_direct_list_and_its_junction_agree() {
    let gateways = Everywhere::music().await;
    let query = r#"{
        playlist(sort: ["id"]) {
            track(sort: ["-id"], limit: -1) { id }
            playlist_track(sort: ["-track_id.id"], limit: -1) { track_id { id } }
            track_func { count } playlist_track_func { count }
        }
        track(sort: ["id"], limit: 300) { playlist(sort: ["id"]) { id } playlist_track(sort: ["playlist_id.id"]) { playlist_id { id } } }
    }"#;
    let data = gateways.data(query).await;
    let beyond = |links: &Json, field: &str| {
        rows(links).iter().map(|link| link[field]["id"].as_str().unwrap().parse().unwrap()).collect::<Vec<i64>>()
    };
    for playlist in rows(&data["playlist"]) {
        let direct = keys(&playlist["track"]);
        assert_eq!(direct, beyond(&playlist["playlist_track"], "track_id"));
        assert_eq!(playlist["track_func"]["count"].as_u64(), Some(direct.len() as u64));
        assert_eq!(playlist["playlist_track_func"]["count"].as_u64(), Some(direct.len() as u64));
    }
    for track in rows(&data["track"]) {
        assert_eq!(keys(&track["playlist"]), beyond(&track["playlist_track"], "playlist_id"));
    }
}

#[tokio::test]
async fn a_level_costs_one_statement_however_many_parents_there_are() {
    let gateways = Everywhere::music().await;
    for (kind, app) in gateways.each() {
        for limit in [1, 1000] {
            let list = format!("track(limit: {limit}) {{ id album_id {{ title artist_id {{ name }} }} }}");
            let (statements, _) = app.statements_of(app.data(&format!("{{ {list} }}"))).await;
            assert_eq!(statements, 3, "{kind:?} {limit} upwards");
            let list = format!("artist(limit: {limit}) {{ album(limit: 5) {{ track(limit: 5) {{ id name }} }} }}");
            let (statements, _) = app.statements_of(app.data(&format!("{{ {list} }}"))).await;
            assert_eq!(statements, 3, "{kind:?} {limit} downwards");
            let list = format!("track(limit: {limit}) {{ playlist {{ name track(limit: 3) {{ name }} }} }}");
            let (statements, _) = app.statements_of(app.data(&format!("{{ {list} }}"))).await;
            assert_eq!(statements, 3, "{kind:?} {limit} across");
            let siblings = format!(
                "album(limit: {limit}) {{ artist_id {{ name }} a: track(limit: 1) {{ name }} b: track(limit: 2) {{ name }} }}"
            );
            let (statements, _) = app.statements_of(app.data(&format!("{{ {siblings} }}"))).await;
            assert_eq!(statements, 4, "{kind:?} {limit} siblings");
        }
        // Nobody to look for below: nothing is sent.
        let empty = "{ artist(filter: { id: { _gt: 1000 } }) { album { track { id } } } }";
        let (statements, _) = app.statements_of(app.data(empty)).await;
        assert_eq!(statements, 1, "{kind:?}");
    }
}
