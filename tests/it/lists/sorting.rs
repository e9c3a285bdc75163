//! The order of lists.

use serde_json::{Value as Json, json};

use crate::support::{Everywhere, keys};

/// The keys of a sorted list, on each database those of the hand-written order.
async fn check(gateways: &Everywhere, collection: &str, sort: &str, sql: &str) {
    let data = gateways.data(&format!("{{ found: {collection}(sort: {sort}, limit: -1) {{ id }} }}")).await;
    assert_eq!(keys(&data["found"]), gateways.selected(sql).await, "{sort}");
}

#[tokio::test]
async fn lists_are_sorted_by_several_fields_up_and_down() {
    let gateways = Everywhere::music().await;
    check(&gateways, "track", r#"["-milliseconds", "id"]"#, "SELECT id FROM track ORDER BY milliseconds DESC, id")
        .await;
    check(
        &gateways,
        "track",
        r#"["-unit_price", "media_type_id", "-id"]"#,
        "SELECT id FROM track ORDER BY unit_price DESC, media_type_id, id DESC",
    )
    .await;
    // A single text may name several fields, as in a query string.
    check(&gateways, "invoice", r#""-total,id""#, "SELECT id FROM invoice ORDER BY total DESC, id").await;
    check(&gateways, "track", "null", "SELECT id FROM track ORDER BY id").await;
}

#[tokio::test]
async fn lists_are_sorted_along_relations() {
    let gateways = Everywhere::music().await;
    check(&gateways, "album", r#"["-artist_id.id", "id"]"#, "SELECT id FROM album ORDER BY artist_id DESC, id").await;
    check(
        &gateways,
        "invoice_line",
        r#"["track_id.milliseconds", "-invoice_id.billed_at", "id"]"#,
        "SELECT l.id FROM invoice_line l JOIN track t ON t.id = l.track_id JOIN invoice i ON i.id = l.invoice_id
         ORDER BY t.milliseconds, i.billed_at DESC, l.id",
    )
    .await;
    // Along a relation to many a row comes once, upwards by its smallest value, downwards by its largest.
    for (sort, outermost, direction) in [("track.milliseconds", "MIN", ""), ("-track.milliseconds", "MAX", "DESC")] {
        check(
            &gateways,
            "album",
            &format!("[\"{sort}\", \"id\"]"),
            &format!(
                "SELECT a.id FROM album a LEFT JOIN track t ON t.album_id = a.id GROUP BY a.id
                 ORDER BY {outermost}(t.milliseconds) {direction}, a.id"
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn lists_are_sorted_by_functions() {
    let gateways = Everywhere::music().await;
    check(
        &gateways,
        "album",
        r#"["-count(track)", "id"]"#,
        "SELECT id FROM album ORDER BY (SELECT COUNT(*) FROM track WHERE album_id = album.id) DESC, id",
    )
    .await;
    check(
        &gateways,
        "playlist",
        r#"["count(track)", "id"]"#,
        "SELECT id FROM playlist ORDER BY (SELECT COUNT(*) FROM playlist_track WHERE playlist_id = playlist.id), id",
    )
    .await;
    let by_year = gateways
        .data(r#"{ invoice(sort: ["-year(billed_at)", "month(billed_at)", "-id"], limit: -1) { id billed_at } }"#)
        .await;
    let rows = by_year["invoice"].as_array().unwrap();
    let key = |row: &Json| {
        let billed = row["billed_at"].as_str().unwrap();
        let number = |text: &str| text.parse::<i64>().unwrap();
        (-number(&billed[..4]), number(&billed[5..7]), -number(row["id"].as_str().unwrap()))
    };
    assert_eq!(rows.len(), 400);
    assert!(rows.is_sorted_by_key(key));
}

#[tokio::test]
async fn nulls_come_last_within_parents_up_and_down() {
    let gateways = Everywhere::music().await;
    for sort in ["bytes", "-bytes"] {
        for page in ["limit: -1", "limit: 5", "limit: 5, offset: 6"] {
            let query =
                format!("{{ album(limit: -1) {{ id track(sort: [\"{sort}\", \"-id\"], {page}) {{ id bytes }} }} }}");
            let data = gateways.data(&query).await;
            let mut nulls = 0;
            for album in data["album"].as_array().unwrap() {
                let tracks = album["track"].as_array().unwrap();
                assert!(tracks.is_sorted_by_key(|track| track["bytes"].is_null()), "{album}");
                nulls += tracks.iter().filter(|track| track["bytes"].is_null()).count();
            }
            assert!(nulls > 0 || page == "limit: 5", "{query}");
        }
    }
    let nested = r#"{ media_type(limit: -1) { id track(sort: ["-album_id.released_on", "id"], limit: -1) { id album_id { released_on } } } }"#;
    for media_type in gateways.data(nested).await["media_type"].as_array().unwrap() {
        let tracks = media_type["track"].as_array().unwrap();
        assert!(tracks.is_sorted_by_key(|track| track["album_id"]["released_on"].is_null()));
    }
}

#[tokio::test]
async fn the_order_may_be_a_variable() {
    let gateways = Everywhere::music().await;
    let query = "query($sort: [String]) { track(sort: $sort, limit: 5) { id } }";
    let expected = gateways.selected("SELECT id FROM track ORDER BY milliseconds DESC, id LIMIT 5").await;
    let data = gateways.data_with(query, json!({ "sort": ["-milliseconds", "id"] })).await;
    assert_eq!(keys(&data["track"]), expected);
    let data = gateways.data_with(query, json!({ "sort": "-id" })).await;
    assert_eq!(keys(&data["track"]), [1200, 1199, 1198, 1197, 1196]);
    for nothing in [json!({}), json!({ "sort": null })] {
        assert_eq!(keys(&gateways.data_with(query, nothing).await["track"]), [1, 2, 3, 4, 5]);
    }
    // An entry of a list is one path, commas or not.
    gateways.refused_with(query, json!({ "sort": ["-milliseconds,id"] }), "FORBIDDEN").await;
}

#[tokio::test]
async fn unknown_fields_and_functions_are_refused() {
    let gateways = Everywhere::music().await;
    for (sort, code) in [
        (r#"["nmae"]"#, "FORBIDDEN"),
        (r#"["-album.nothing"]"#, "FORBIDDEN"),
        (r#"["name.id"]"#, "FORBIDDEN"),
        (r#"["year(name)"]"#, "INVALID_QUERY"),
        (r#"["count(name)"]"#, "INVALID_QUERY"),
        (r#"["album.artist_id.album.artist_id.album.artist_id.album.artist_id.album.artist_id.id"]"#, "INVALID_QUERY"),
    ] {
        gateways.refused(&format!("{{ artist(sort: {sort}) {{ id }} }}"), code).await;
    }
}

#[tokio::test]
async fn a_path_to_many_rows_sorts_by_values_of_every_ordered_type() {
    use std::sync::Arc;

    use crate::support::{Kind, TestApp, TestDatabase};
    // PostgreSQL has no `min(uuid)` and no `min(boolean)`.
    let script = "CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id uuid PRIMARY KEY, parent int REFERENCES parent (id), done boolean);
        INSERT INTO parent VALUES (1), (2), (3);
        INSERT INTO child VALUES ('00000000-0000-0000-0000-000000000002', 1, true),
            ('00000000-0000-0000-0000-000000000001', 2, false), ('00000000-0000-0000-0000-000000000003', 2, true);";
    let app = TestApp::start(Arc::new(TestDatabase::create(Kind::Postgres, script).await)).await;
    for (sort, ids) in [
        ("child.id", r#"[{"id":"2"},{"id":"1"},{"id":"3"}]"#),
        ("-child.id", r#"[{"id":"3"},{"id":"2"},{"id":"1"}]"#),
        ("child.done", r#"[{"id":"2"},{"id":"1"},{"id":"3"}]"#),
    ] {
        let data = app.data(&format!(r#"{{ parent(sort: ["{sort}"]) {{ id }} }}"#)).await;
        assert_eq!(data["parent"].to_string(), ids, "{sort}");
    }
}
