//! Filters through relations (contract 5.5), and how conditions are put together.

use serde_json::json;

use super::Filters;

#[tokio::test]
async fn a_missing_row_is_a_row_of_nulls() {
    let filters = Filters::new().await;
    let without = filters.check("track", json!({ "album_id": { "id": { "_null": true } } })).await;
    assert!(without > 0);
    assert_eq!(filters.check("track", json!({ "album_id": { "id": { "_nnull": true } } })).await, 1200 - without);
    assert_eq!(filters.check("track", json!({ "album_id": { "title": { "_null": true } } })).await, without);
    assert_eq!(filters.check("track", json!({ "album_id": { "title": { "_empty": true } } })).await, without);
    assert_eq!(
        filters.check("track", json!({ "album_id": { "artist_id": { "id": { "_null": true } } } })).await,
        without
    );
    filters.check("track", json!({ "album_id": { "released_on": { "_null": true } } })).await;
    // A null passes no negation.
    filters.check("track", json!({ "album_id": { "title": { "_neq": "Little Sky" } } })).await;
    filters.check("track", json!({ "genre_id": { "name": { "_nin": ["Rock", "Jazz"] } } })).await;
    filters.check("track", json!({ "genre_id": { "id": { "_in": [1, 2] }, "name": { "_eq": "rock" } } })).await;
    assert_eq!(filters.check("employee", json!({ "reports_to": { "id": { "_null": true } } })).await, 1);
}

#[tokio::test]
async fn conditions_in_one_object_are_about_the_same_child() {
    let filters = Filters::new().await;
    let same = json!({ "track": { "name": { "_contains": "rock" }, "milliseconds": { "_gt": 400_000 } } });
    let any = json!({ "_and": [
        { "track": { "name": { "_contains": "rock" } } },
        { "track": { "milliseconds": { "_gt": 400_000 } } }
    ] });
    let outward =
        json!({ "track": { "_and": [{ "name": { "_contains": "rock" } }, { "milliseconds": { "_gt": 400_000 } }] } });
    let same = filters.check("album", same).await;
    let any = filters.check("album", any).await;
    assert!(0 < same && same < any, "{same} {any}");
    assert_eq!(filters.check("album", outward).await, any);
    // No children: again a row of nulls.
    assert_eq!(filters.check("artist", json!({ "album": { "id": { "_null": true } } })).await, 3);
    filters.check("artist", json!({ "album": { "released_on": { "_null": true } } })).await;
    filters
        .check("album", json!({ "track": { "_or": [{ "id": { "_eq": 5 } }, { "bytes": { "_null": true } }] } }))
        .await;
}

#[tokio::test]
async fn some_and_none_take_several_conditions() {
    let filters = Filters::new().await;
    let both = json!({ "name": { "_contains": "rock" }, "milliseconds": { "_gt": 400_000 } });
    let some = filters.check("album", json!({ "track": { "_some": both } })).await;
    let none = filters.check("album", json!({ "track": { "_none": both } })).await;
    assert!(some > 0);
    assert_eq!(some + none, 120);
    let either = json!({ "_or": [{ "name": { "_contains": "rock" } }, { "_and": [{ "bytes": { "_null": true } }, { "id": { "_gt": 600 } }] }] });
    let some = filters.check("album", json!({ "track": { "_some": either } })).await;
    assert_eq!(filters.check("album", json!({ "track": { "_none": either } })).await, 120 - some);
    // Rows that are not there are neither.
    assert_eq!(filters.check("artist", json!({ "album": { "_some": { "id": { "_null": true } } } })).await, 0);
    assert_eq!(filters.check("artist", json!({ "album": { "_none": { "id": { "_nnull": true } } } })).await, 3);
    filters.check("album", json!({ "track": { "_some": both, "_none": { "bytes": { "_null": true } } } })).await;
    filters.check("album", json!({ "track": { "_some": both, "id": { "_lt": 300 } } })).await;
    for quantifier in ["_some", "_none"] {
        assert_eq!(filters.check("album", json!({ "track": { quantifier: {} } })).await, 120);
        assert_eq!(filters.check("album", json!({ "track": { quantifier: { "name": {} } } })).await, 120);
    }
}

#[tokio::test]
async fn quantifiers_work_below_other_relations_and_within_each_other() {
    let filters = Filters::new().await;
    let long = json!({ "milliseconds": { "_gt": 460_000 }, "unit_price": { "_eq": 0.99 } });
    filters.check("track", json!({ "album_id": { "track": { "_some": long } } })).await;
    filters.check("track", json!({ "album_id": { "track": { "_none": long } } })).await;
    filters.check("artist", json!({ "album": { "track": { "_none": long } } })).await;
    filters.check("artist", json!({ "album": { "_some": { "track": { "_none": long } } } })).await;
    filters.check("artist", json!({ "album": { "_none": { "track": { "_some": long } } } })).await;
    filters.check("artist", json!({ "album": { "_none": { "track": { "_none": long } } } })).await;
}

#[tokio::test]
async fn many_to_many_relations_are_filtered_by_either_way() {
    let filters = Filters::new().await;
    let direct = filters.check("track", json!({ "playlist": { "name": { "_eq": "Rock" } } })).await;
    assert_eq!(direct, 140);
    let junction = "{ playlist_track: { playlist_id: { name: { _eq: \"Rock\" } } } }";
    assert_eq!(filters.gateways.ids("track", junction).await.len(), 140);
    for quantifier in ["_some", "_none"] {
        filters
            .check(
                "track",
                json!({ "playlist": { quantifier: { "name": { "_in": ["Rock", "rock"] }, "id": { "_lt": 3 } } } }),
            )
            .await;
        filters.check("playlist", json!({ "track": { quantifier: { "genre_id": { "name": { "_eq": "Jazz" } }, "bytes": { "_null": true } } } })).await;
    }
    assert_eq!(filters.check("playlist", json!({ "track": { "id": { "_null": true } } })).await, 1);
    filters.check("artist", json!({ "album": { "track": { "playlist": { "name": { "_eq": "One of one" } } } } })).await;
    filters.check("track", json!({ "playlist": { "_and": [{ "id": { "_eq": 1 } }, { "id": { "_eq": 2 } }] } })).await;
}

#[tokio::test]
async fn rows_that_refer_to_their_own_table_are_filtered_upwards_and_downwards() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("employee", json!({ "reports_to": { "reports_to": { "id": { "_eq": 1 } } } })).await, 5);
    assert_eq!(
        filters.check("employee", json!({ "reports_to": { "reports_to": { "id": { "_null": true } } } })).await,
        3
    );
    assert_eq!(
        filters.check("employee", json!({ "employee": { "employee": { "last_name": { "_eq": "Doyle" } } } })).await,
        1
    );
    assert_eq!(filters.check("employee", json!({ "employee": { "_none": { "id": { "_nnull": true } } } })).await, 5);
    filters
        .check("employee", json!({ "customer": { "_some": { "invoice": { "_none": { "total": { "_gt": 3 } } } } } }))
        .await;
}

#[tokio::test]
async fn and_and_or_nest_and_empty_conditions_do_nothing() {
    let filters = Filters::new().await;
    for nothing in [
        json!({}),
        json!({ "_and": [] }),
        json!({ "_or": [] }),
        json!({ "_and": [{}] }),
        json!({ "_or": [{}, { "id": { "_eq": 1 } }] }),
        json!({ "name": {} }),
        json!({ "album": {} }),
        json!({ "album": { "track": { "name": {} } } }),
        json!({ "album_func": {} }),
        json!({ "album_func": { "count": {} } }),
    ] {
        assert_eq!(filters.check("artist", nothing.clone()).await, 40, "{nothing}");
    }
    let nest = json!({
        "_or": [
            { "_and": [{ "id": { "_gt": 5 } }, { "id": { "_lt": 8 } }] },
            { "_or": [{ "name": { "_eq": "Çelik" } }, { "country": { "_null": true }, "id": { "_lt": 20 } }] },
            { "_and": [{ "_or": [{ "id": { "_eq": 1 } }, { "id": { "_eq": 2 } }] }, { "id": { "_neq": 2 } }] }
        ],
        "id": { "_nin": [18] }
    });
    assert_eq!(filters.check("artist", nest).await, 5);
    // Two members of one object, two operators of one field: both hold.
    assert_eq!(filters.check("artist", json!({ "id": { "_gt": 3, "_lte": 5 }, "country": { "_eq": "JP" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "_or": { "id": { "_eq": 3 } } })).await, 1);
    assert_eq!(
        filters.check("artist", json!({ "_and": { "id": { "_eq": 3 }, "name": { "_contains": "x" } } })).await,
        0
    );
}

#[tokio::test]
async fn paths_deeper_than_the_limit_are_refused() {
    let filters = Filters::new().await;
    let nested =
        |levels: usize| (0..levels).fold(json!({ "id": { "_eq": 1 } }), |inner, _| json!({ "reports_to": inner }));
    filters.check("employee", nested(9)).await;
    filters.refused("employee", nested(10)).await;
    let quantified = (0..10).fold(json!({ "id": { "_eq": 1 } }), |inner, _| json!({ "employee": { "_some": inner } }));
    filters.refused("employee", quantified).await;
}
