//! The questions that a new user asks of a music shop, each against SQL
//! written by hand on the same database.

use serde_json::{Value as Json, json};

use crate::support::Everywhere;

fn text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => {
            Some(format!("{}", (number.to_string().parse::<f64>().expect("a number") * 1e6).round() / 1e6))
        }
        other => Some(other.to_string()),
    }
}

fn list(value: &Json) -> &[Json] {
    value.as_array().expect("a list")
}

/// Lists cannot be sorted by a sum along relations, so the client adds up what one query brings.
#[tokio::test]
async fn the_ten_best_selling_artists_with_their_albums_and_tracks() {
    let gateways = Everywhere::music().await;
    let query = r#"{
        artist(sort: ["id"], limit: -1) {
            id name
            album(sort: ["id"], limit: -1) { title track(sort: ["id"], limit: -1) { name invoice_line(limit: -1) { quantity } } }
        }
    }"#;
    for (kind, app) in gateways.each() {
        let (statements, _) = app.statements_of(app.data(query)).await;
        assert_eq!(statements, 4, "{kind:?}");
    }
    let data = gateways.data(query).await;
    let tracks = |artist: &'_ Json| {
        list(&artist["album"]).iter().flat_map(|album| list(&album["track"]).to_vec()).collect::<Vec<_>>()
    };
    let sold = |artist: &Json| -> i64 {
        let of_track = |track: &Json| {
            list(&track["invoice_line"]).iter().map(|line| line["quantity"].as_i64().unwrap()).sum::<i64>()
        };
        tracks(artist).iter().map(of_track).sum()
    };
    let mut best: Vec<&Json> = list(&data["artist"]).iter().collect();
    best.sort_by_key(|artist| -sold(artist));
    let found: Vec<Vec<Option<String>>> = best[..10]
        .iter()
        .map(|artist| {
            let numbers = [sold(artist), list(&artist["album"]).len() as i64, tracks(artist).len() as i64];
            [text(&artist["name"])].into_iter().chain(numbers.map(|number| Some(number.to_string()))).collect()
        })
        .collect();
    let sql = "SELECT r.name, SUM(l.quantity), COUNT(DISTINCT a.id), COUNT(DISTINCT t.id) FROM artist r
        JOIN album a ON a.artist_id = r.id LEFT JOIN track t ON t.album_id = a.id LEFT JOIN invoice_line l ON l.track_id = t.id
        GROUP BY r.id, r.name ORDER BY COALESCE(SUM(l.quantity), 0) DESC, r.id LIMIT 10";
    assert_eq!(found, gateways.rows(sql).await);
}

/// From the other end: what sold best, by groups, and the artists of those tracks.
#[tokio::test]
async fn the_best_selling_tracks_by_groups_and_the_artists_behind_them() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{ invoice_line_aggregated(groupBy: ["track_id"], sort: ["-sum.quantity", "-countAll", "track_id"], limit: 10) {
                group sum { quantity } } }"#,
        )
        .await;
    let groups = list(&data["invoice_line_aggregated"]);
    let ids: Vec<&Json> = groups.iter().map(|row| &row["group"]["track_id"]).collect();
    let query = "query($ids: [GraphQLStringOrFloat]) { track(filter: { id: { _in: $ids } }) { id album_id { artist_id { name } } } }";
    let tracks = gateways.data_with(query, json!({ "ids": ids })).await;
    let found: Vec<Vec<Option<String>>> = groups
        .iter()
        .map(|row| {
            let id = text(&row["group"]["track_id"]);
            let track =
                list(&tracks["track"]).iter().find(|track| text(&track["id"]) == id).expect("the track of a group");
            vec![id, text(&track["album_id"]["artist_id"]["name"]), text(&row["sum"]["quantity"])]
        })
        .collect();
    let sql = "SELECT t.id, r.name, SUM(l.quantity) FROM invoice_line l JOIN track t ON t.id = l.track_id
        LEFT JOIN album a ON a.id = t.album_id LEFT JOIN artist r ON r.id = a.artist_id
        GROUP BY t.id, r.name ORDER BY SUM(l.quantity) DESC, COUNT(*) DESC, t.id LIMIT 10";
    assert_eq!(found, gateways.rows(sql).await);
}

/// In one query, where being on many invoice lines is the measure.
#[tokio::test]
async fn the_tracks_on_most_invoices_lead_to_their_album_and_artist_in_one_query() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{ track(sort: ["-count(invoice_line)", "id"], limit: 10) {
                name invoice_line_func { count } album_id { title artist_id { name } }
            } }"#,
        )
        .await;
    let found: Vec<Vec<Option<String>>> = list(&data["track"])
        .iter()
        .map(|track| {
            let album = &track["album_id"];
            vec![
                text(&track["name"]),
                text(&track["invoice_line_func"]["count"]),
                text(&album["title"]),
                text(&album["artist_id"]["name"]),
            ]
        })
        .collect();
    let sql = "SELECT t.name, COUNT(l.id), a.title, r.name FROM track t JOIN invoice_line l ON l.track_id = t.id
        LEFT JOIN album a ON a.id = t.album_id LEFT JOIN artist r ON r.id = a.artist_id
        GROUP BY t.id, t.name, a.title, r.name ORDER BY COUNT(l.id) DESC, t.id LIMIT 10";
    assert_eq!(found, gateways.rows(sql).await);
}

#[tokio::test]
async fn the_customers_of_one_agent_with_the_sum_of_their_invoices_per_year() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data_with(
            r#"query($agent: String!) {
                customer(filter: { support_agent_id: { last_name: { _eq: $agent } } }, sort: ["id"], limit: -1) { id first_name last_name }
                invoice_aggregated(
                    filter: { customer_id: { support_agent_id: { last_name: { _eq: $agent } } } }
                    groupBy: ["customer_id", "year(billed_at)"], sort: ["customer_id", "billed_at_year"], limit: -1
                ) { group sum { total } }
            }"#,
            json!({ "agent": "Eriksen" }),
        )
        .await;
    let customers = list(&data["customer"])
        .iter()
        .map(|customer| vec![text(&customer["id"]), text(&customer["first_name"]), text(&customer["last_name"])]);
    let sql = "SELECT c.id, c.first_name, c.last_name FROM customer c JOIN employee e ON e.id = c.support_agent_id WHERE e.last_name = 'Eriksen' ORDER BY c.id";
    assert_eq!(customers.collect::<Vec<_>>(), gateways.rows(sql).await);
    let sums: Vec<Vec<Option<String>>> = list(&data["invoice_aggregated"])
        .iter()
        .map(|row| {
            vec![text(&row["group"]["customer_id"]), text(&row["group"]["billed_at_year"]), text(&row["sum"]["total"])]
        })
        .collect();
    let sql = "SELECT i.customer_id, SUBSTR(CAST(i.billed_at AS CHAR(19)), 1, 4), SUM(i.total) FROM invoice i JOIN customer c ON c.id = i.customer_id
        WHERE c.support_agent_id = 5 GROUP BY 1, 2 ORDER BY 1, 2";
    let expected = gateways.rows(sql).await;
    assert!(expected.len() > 20);
    assert_eq!(sums, expected);
}

#[tokio::test]
async fn tracks_of_a_genre_longer_than_five_minutes_with_their_number_beside() {
    let gateways = Everywhere::music().await;
    let query = r#"query($filter: track_filter, $page: Int) {
        track(filter: $filter, sort: ["-milliseconds", "id"], limit: 7, page: $page) { name milliseconds genre_id { name } }
        track_aggregated(filter: $filter) { countAll avg { milliseconds } }
    }"#;
    let filter = json!({ "genre_id": { "name": { "_eq": "Rock" } }, "milliseconds": { "_gt": 300_000 } });
    let count = gateways.selected("SELECT COUNT(*) FROM track t WHERE genre_id = 1 AND milliseconds > 300000").await[0];
    for page in [1, 2, 3, 100] {
        let data = gateways.data_with(query, json!({ "filter": filter, "page": page })).await;
        let found: Vec<Vec<Option<String>>> =
            list(&data["track"]).iter().map(|track| vec![text(&track["name"]), text(&track["milliseconds"])]).collect();
        let sql = format!(
            "SELECT name, milliseconds FROM track WHERE genre_id = 1 AND milliseconds > 300000 ORDER BY milliseconds DESC, id LIMIT 7 OFFSET {}",
            7 * (page - 1)
        );
        assert_eq!(found, gateways.rows(&sql).await, "page {page}");
        assert_eq!(data["track_aggregated"][0]["countAll"], json!(count));
        assert!(list(&data["track"]).iter().all(|track| track["genre_id"]["name"] == "Rock"));
    }
    assert!(count > 14);
}

#[tokio::test]
async fn the_chain_of_employees_upwards_and_downwards() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{
                employee(sort: ["id"]) { last_name reports_to { last_name reports_to { last_name reports_to { last_name } } } }
                heads: employee(filter: { reports_to: { id: { _null: true } } }) {
                    last_name employee(sort: ["id"]) { last_name employee(sort: ["-id"]) { last_name employee { last_name } } }
                }
            }"#,
        )
        .await;
    let up: Vec<Vec<Option<String>>> = list(&data["employee"])
        .iter()
        .map(|employee| {
            let (first, second) = (&employee["reports_to"], &employee["reports_to"]["reports_to"]);
            assert!(second["reports_to"].is_null());
            [employee, first, second].map(|level| text(&level["last_name"])).to_vec()
        })
        .collect();
    let sql = "SELECT e.last_name, b.last_name, c.last_name FROM employee e LEFT JOIN employee b ON b.id = e.reports_to
        LEFT JOIN employee c ON c.id = b.reports_to ORDER BY e.id";
    assert_eq!(up, gateways.rows(sql).await);
    assert_eq!(
        data["heads"],
        json!([{ "last_name": "Adler", "employee": [
            { "last_name": "Brandt", "employee": [
                { "last_name": "Fjord", "employee": [] }, { "last_name": "Eriksen", "employee": [] }, { "last_name": "Doyle", "employee": [] }
            ] },
            { "last_name": "Céspedes", "employee": [ { "last_name": "Hashimoto", "employee": [] }, { "last_name": "Groß", "employee": [] } ] }
        ] }])
    );
}
