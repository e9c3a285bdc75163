//! Free text (contract 4.4).

use crate::support::{Everywhere, keys};

async fn found(gateways: &Everywhere, collection: &str, term: &str) -> Vec<i64> {
    let term = serde_json::json!(term);
    let query = format!("{{ found: {collection}(search: {term}, sort: [\"id\"], limit: -1) {{ id }} }}");
    let by_literal = keys(&gateways.data(&query).await["found"]);
    let query = format!("query($t: String) {{ found: {collection}(search: $t, sort: [\"id\"], limit: -1) {{ id }} }}");
    let by_variable = keys(&gateways.data_with(&query, serde_json::json!({ "t": term })).await["found"]);
    assert_eq!(by_literal, by_variable, "{term}");
    by_literal
}

#[tokio::test]
async fn texts_are_searched_without_letter_case() {
    let gateways = Everywhere::music().await;
    assert_eq!(found(&gateways, "artist", "ROCK").await, [9, 10, 11]);
    assert_eq!(found(&gateways, "artist", "  café ").await, [27, 28]);
    assert_eq!(found(&gateways, "artist", "CAFÉ NOIR").await, [27, 28]);
    assert_eq!(found(&gateways, "artist", "東京").await, [5]);
    assert_eq!(found(&gateways, "artist", "jp").await, [5]);
    assert_eq!(found(&gateways, "artist", "back\\").await, [18]);
    assert_eq!(found(&gateways, "artist", "r_c").await.len(), found(&gateways, "artist", "r_C").await.len());
    assert_eq!(found(&gateways, "artist", "k%m").await, [9, 10, 11, 23]);
    assert_eq!(found(&gateways, "artist", "nobody").await, [0; 0]);
    assert_eq!(found(&gateways, "artist", "").await.len(), 40);
    let blank =
        gateways.selected("SELECT id FROM artist WHERE name LIKE '% %' OR country LIKE '% %' ORDER BY id").await;
    assert_eq!(found(&gateways, "artist", " ").await, blank);
}

#[tokio::test]
async fn numbers_are_searched_in_their_usual_form_only() {
    let gateways = Everywhere::music().await;
    let with_text = |number: &str, tests: &str| {
        format!(
            "SELECT id FROM track WHERE LOWER(name) LIKE '%{number}%' OR LOWER(composer) LIKE '%{number}%' {tests} ORDER BY id"
        )
    };
    let tests = "OR id = 100 OR album_id = 100 OR media_type_id = 100 OR genre_id = 100 OR milliseconds = 100";
    // Whether foreign keys are searched is not said: a relation is no field of its own.
    let own = "OR id = 100 OR milliseconds = 100";
    let hundred = found(&gateways, "track", "100").await;
    let (wide, narrow) =
        (gateways.selected(&with_text("100", tests)).await, gateways.selected(&with_text("100", own)).await);
    assert!(hundred == wide || hundred == narrow, "{hundred:?}\n{narrow:?}\n{wide:?}");
    assert_eq!(found(&gateways, "track", "0100").await, [0; 0]);
    assert_eq!(found(&gateways, "track", "100.0").await, [0; 0]);
    assert_eq!(
        found(&gateways, "invoice", "1.98").await,
        gateways.selected("SELECT id FROM invoice WHERE total = 1.98 ORDER BY id").await
    );
    assert_eq!(found(&gateways, "invoice", "1.980").await, [0; 0]);
    let bytes = gateways.rows("SELECT bytes, id FROM track WHERE bytes > 4294967296 ORDER BY id LIMIT 1").await;
    let id = bytes[0][1].as_deref().unwrap().parse::<i64>().unwrap();
    assert_eq!(found(&gateways, "track", bytes[0][0].as_deref().unwrap()).await, [id]);
    // Far out of any column's range.
    assert_eq!(found(&gateways, "track", "99999999999999999999999").await, [0; 0]);
}

#[tokio::test]
async fn search_works_with_filters_within_parents_and_in_aggregates() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{
                artist(search: "rock", filter: { country: { _neq: "US" } }, sort: ["id"]) { id }
                album(sort: ["id"], limit: -1) { id track(search: "ROCK", limit: -1) { id name } }
                track(sort: ["id"], limit: -1, filter: { genre_id: { id: { _lt: 4 } } }) { id genre_id(search: "jazz") { name } }
                track_aggregated(search: "rock") { countAll }
            }"#,
        )
        .await;
    assert_eq!(keys(&data["artist"]), [9, 10]);
    let sql = "SELECT COUNT(*) FROM track WHERE album_id IS NOT NULL AND (LOWER(name) LIKE '%rock%' OR LOWER(composer) LIKE '%rock%')";
    let nested: usize =
        data["album"].as_array().unwrap().iter().map(|album| album["track"].as_array().unwrap().len()).sum();
    assert_eq!(nested as i64, gateways.selected(sql).await[0]);
    assert!(data["track"].as_array().unwrap().iter().all(|track| track["genre_id"].is_null()));
    let sql = "SELECT COUNT(*) FROM track WHERE LOWER(name) LIKE '%rock%' OR LOWER(composer) LIKE '%rock%'";
    assert_eq!(data["track_aggregated"][0]["countAll"].as_i64(), Some(gateways.selected(sql).await[0]));
}
