//! The main job, end to end, on each database.

use crate::support::{Kind, TestApp, TestDatabase};

#[tokio::test]
async fn lists_items_relations_and_aggregates_are_served_on_every_database() {
    for kind in Kind::ALL {
        let app = TestApp::start(TestDatabase::music(kind).await).await;
        let data = app
            .data(
                r#"{
                    artist(sort: ["id"], limit: 2) { id name album(sort: ["-title"], limit: 1) { title artist_id { id } } }
                    artist_by_id(id: 5) { name }
                    track_aggregated(filter: { milliseconds: { _gt: 300000 } }) { countAll }
                }"#,
            )
            .await;
        let expected = app_rows(&app, kind).await;
        assert_eq!(data["artist"][0]["name"], "The Paper Lanterns", "{kind:?}");
        assert_eq!(data["artist_by_id"]["name"], "東京ナイト", "{kind:?}");
        assert_eq!(data["track_aggregated"][0]["countAll"].to_string(), expected, "{kind:?}");
    }
}

async fn app_rows(_app: &TestApp, kind: Kind) -> String {
    let database = TestDatabase::music(kind).await;
    let rows = database.rows("SELECT COUNT(*) FROM track WHERE milliseconds > 300000").await;
    rows[0][0].clone().expect("a count is never null")
}
