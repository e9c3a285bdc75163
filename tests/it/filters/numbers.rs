//! Operators on numbers, and on counts.

use serde_json::json;

use super::Filters;

#[tokio::test]
async fn numbers_compare_as_numbers_however_they_are_written() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("track", json!({ "id": { "_eq": "7" } })).await, 1);
    assert_eq!(filters.check("track", json!({ "id": { "_eq": 7.0 } })).await, 1);
    assert_eq!(filters.check("track", json!({ "id": { "_in": ["7", 8, 9.0] } })).await, 3);
    assert_eq!(filters.check("track", json!({ "id": { "_nin": [7, "8"] } })).await, 1198);
    assert_eq!(filters.check("track", json!({ "id": { "_neq": 7 } })).await, 1199);
    for operator in ["_gt", "_gte", "_lt", "_lte"] {
        filters.check("track", json!({ "milliseconds": { operator: 300_000 } })).await;
        filters.check("track", json!({ "id": { operator: 7.5 } })).await;
        filters.check("track", json!({ "id": { operator: "7.5" } })).await;
        filters.check("track", json!({ "id": { operator: -3 } })).await;
        // More than 32 bits, more than 64.
        filters.check("track", json!({ "id": { operator: 5_000_000_000_i64 } })).await;
        filters.check("track", json!({ "id": { operator: "1e30" } })).await;
        filters.check("track", json!({ "unit_price": { operator: 0.99 } })).await;
        filters.check("track", json!({ "unit_price": { operator: "1" } })).await;
    }
}

#[tokio::test]
async fn decimals_are_exact() {
    let filters = Filters::new().await;
    let cheap = filters.check("track", json!({ "unit_price": { "_eq": 0.99 } })).await;
    assert!(cheap > 1000);
    assert_eq!(filters.check("track", json!({ "unit_price": { "_eq": "0.990" } })).await, cheap);
    assert_eq!(filters.check("track", json!({ "unit_price": { "_in": ["0.99", 1.99, 0] } })).await, 1200);
    assert_eq!(filters.check("track", json!({ "unit_price": { "_eq": 0 } })).await, 4);
    assert_eq!(filters.check("track", json!({ "unit_price": { "_eq": 0.9900001 } })).await, 0);
    filters.check("invoice", json!({ "total": { "_between": [1.98, "5.94"] } })).await;
    filters.check("invoice", json!({ "total": { "_nin": [0.99, 1.98] } })).await;
}

#[tokio::test]
async fn between_includes_both_ends_and_its_negation_neither() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("track", json!({ "id": { "_between": [5, 10] } })).await, 6);
    assert_eq!(filters.check("track", json!({ "id": { "_nbetween": [5, 10] } })).await, 1194);
    assert_eq!(filters.check("track", json!({ "id": { "_between": [10, 5] } })).await, 0);
    assert_eq!(filters.check("track", json!({ "id": { "_between": ["4.5", 6.5] } })).await, 2);
    assert_eq!(filters.check("track", json!({ "id": { "_nbetween": [4.5, 6.5] } })).await, 1198);
    filters.check("track", json!({ "bytes": { "_nbetween": ["1000000", "5000000000"] } })).await;
    for values in [json!([]), json!([1]), json!([1, 2, 3]), json!([1, null]), json!([null, null])] {
        filters.refused("track", json!({ "id": { "_between": values } })).await;
        filters.refused("track", json!({ "id": { "_nbetween": values } })).await;
    }
}

#[tokio::test]
async fn big_integers_travel_as_texts_and_keep_every_digit() {
    let filters = Filters::new().await;
    let large = filters.check("track", json!({ "bytes": { "_gt": "4294967296" } })).await;
    assert!(large > 0);
    let row = filters.gateways.rows("SELECT id, bytes FROM track WHERE bytes > 4294967296 ORDER BY id LIMIT 1").await;
    let bytes = row[0][1].clone().unwrap();
    assert_eq!(filters.check("track", json!({ "bytes": { "_eq": bytes } })).await, 1);
    assert_eq!(filters.check("track", json!({ "bytes": { "_in": [bytes, "1"] } })).await, 1);
    filters.check("track", json!({ "bytes": { "_neq": bytes } })).await;
    filters.check("track", json!({ "bytes": { "_nin": [bytes] } })).await;
    filters.check("track", json!({ "bytes": { "_null": true } })).await;
    assert_eq!(filters.check("track", json!({ "bytes": { "_lte": "9223372036854775807" } })).await, 1200 - 47);
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let filters = Filters::new().await;
    for value in [json!("seven"), json!(""), json!("0x10"), json!("NaN"), json!("1,5")] {
        filters.refused("track", json!({ "id": { "_eq": value } })).await;
        filters.refused("track", json!({ "unit_price": { "_gt": value } })).await;
    }
    filters.refused("track", json!({ "id": { "_in": [1, "two"] } })).await;
    filters.refused("track", json!({ "id": { "_in": [] } })).await;
    // No integer is a fraction: a client that asks is mistaken.
    filters.refused("track", json!({ "id": { "_eq": 7.5 } })).await;
}

#[tokio::test]
async fn counts_of_related_rows_compare_like_numbers() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("artist", json!({ "album_func": { "count": { "_eq": 0 } } })).await, 3);
    for operator in ["_gt", "_gte", "_lt", "_lte"] {
        filters.check("artist", json!({ "album_func": { "count": { operator: 4 } } })).await;
        filters.check("artist", json!({ "album_func": { "count": { operator: 3.5 } } })).await;
    }
    filters.check("artist", json!({ "album_func": { "count": { "_in": [1, "2"] } } })).await;
    filters.check("artist", json!({ "album_func": { "count": { "_nbetween": [1, 3] } } })).await;
    filters.check("track", json!({ "playlist_func": { "count": { "_gte": 2 } } })).await;
    filters.check("playlist", json!({ "track_func": { "count": { "_eq": 1 } } })).await;
    filters.check("track", json!({ "album_id": { "artist_id": { "album_func": { "count": { "_gt": 5 } } } } })).await;
}
