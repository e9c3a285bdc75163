//! Aggregates (contract section 6): the same numbers on every database as
//! hand-written SQL says.

use serde_json::{Value as Json, json};

use crate::support::Everywhere;

/// The rows of `x_aggregated`, each flattened to texts in the order asked for.
async fn rows(gateways: &Everywhere, aggregated: &str, selection: &str) -> Vec<Vec<Option<String>>> {
    let data = gateways.data(&format!("{{ found: {aggregated} {{ {selection} }} }}")).await;
    let mut rows = Vec::new();
    for row in data["found"].as_array().expect("a list") {
        let mut cells = Vec::new();
        flatten(row, &mut cells);
        rows.push(cells);
    }
    rows
}

fn flatten(value: &Json, cells: &mut Vec<Option<String>>) {
    match value {
        Json::Object(members) => members.values().for_each(|member| flatten(member, cells)),
        Json::Null => cells.push(None),
        Json::Number(number) if number.to_string().contains('.') => {
            let number: f64 = number.to_string().parse().expect("a number");
            cells.push(Some(format!("{}", (number * 1e6).round() / 1e6)));
        }
        Json::String(text) => cells.push(Some(text.clone())),
        other => cells.push(Some(other.to_string())),
    }
}

async fn check(gateways: &Everywhere, aggregated: &str, selection: &str, sql: &str) -> usize {
    let found = rows(gateways, aggregated, selection).await;
    let mut expected = gateways.rows(sql).await;
    // SQL may say 12.0 or 5.50 where JSON says 12 or 5.5.
    for cell in expected.iter_mut().flatten().flatten() {
        if let (true, Ok(number)) = (cell.contains('.'), cell.parse::<f64>()) {
            *cell = number.to_string();
        }
    }
    assert_eq!(found, expected, "{aggregated} {selection}");
    found.len()
}

#[tokio::test]
async fn every_function_says_what_sql_says() {
    let gateways = Everywhere::music().await;
    check(
        &gateways,
        "track_aggregated",
        "countAll count { id composer bytes genre_id } countDistinct { composer unit_price genre_id }",
        "SELECT COUNT(*), COUNT(id), COUNT(composer), COUNT(bytes), COUNT(genre_id), 0, COUNT(DISTINCT unit_price),
         COUNT(DISTINCT genre_id) FROM track"
            .replace(", 0,", &format!(", {},", distinct_composers(&gateways).await))
            .as_str(),
    )
    .await;
    for field in ["milliseconds", "unit_price", "bytes", "id", "genre_id"] {
        check(
            &gateways,
            "track_aggregated",
            &format!("sum {{ {field} }} sumDistinct {{ {field} }} min {{ {field} }} max {{ {field} }}"),
            &format!("SELECT SUM({field}), SUM(DISTINCT {field}), MIN({field}), MAX({field}) FROM track"),
        )
        .await;
        check(
            &gateways,
            "track_aggregated",
            &format!("avg {{ {field} }} avgDistinct {{ {field} }}"),
            &format!("SELECT AVG(0.0000000 + {field}), AVG(DISTINCT 0.0000000 + {field}) FROM track"),
        )
        .await;
    }
}

/// Letter case counts, whatever MySQL's collation says of `DISTINCT`.
async fn distinct_composers(gateways: &Everywhere) -> usize {
    let composers = gateways.rows("SELECT composer FROM track WHERE composer IS NOT NULL ORDER BY id").await;
    composers.into_iter().collect::<std::collections::HashSet<_>>().len()
}

#[tokio::test]
async fn sums_of_money_are_exact() {
    let gateways = Everywhere::music().await;
    let cents = gateways.rows("SELECT CAST(ROUND(SUM(total) * 100) AS DECIMAL(20, 0)) FROM invoice").await;
    let cents: i64 = cents[0][0].as_deref().unwrap().parse::<f64>().unwrap() as i64;
    let data = gateways.data("{ invoice_aggregated { sum { total } } }").await;
    assert_eq!(
        data["invoice_aggregated"][0]["sum"]["total"].to_string(),
        format!("{}.{:02}", cents / 100, cents % 100).trim_end_matches('0')
    );
}

#[tokio::test]
async fn an_empty_set_counts_zero_and_has_no_sum() {
    let gateways = Everywhere::music().await;
    let none = "filter: { id: { _lt: 0 } }";
    let selection = "group countAll count { id } countDistinct { id } sum { total } avg { total } min { total } max { total } sumDistinct { total } avgDistinct { total }";
    let data = gateways.data(&format!("{{ invoice_aggregated({none}) {{ {selection} }} }}")).await;
    assert_eq!(
        data["invoice_aggregated"],
        json!([{
            "group": null, "countAll": 0, "count": { "id": 0 }, "countDistinct": { "id": 0 },
            "sum": { "total": null }, "avg": { "total": null }, "min": { "total": null }, "max": { "total": null },
            "sumDistinct": { "total": null }, "avgDistinct": { "total": null }
        }])
    );
    let grouped =
        gateways.data(&format!("{{ invoice_aggregated({none}, groupBy: [\"customer_id\"]) {{ {selection} }} }}")).await;
    assert_eq!(grouped["invoice_aggregated"], json!([]));
}

#[tokio::test]
async fn rows_are_grouped_by_fields() {
    let gateways = Everywhere::music().await;
    check(
        &gateways,
        "invoice_aggregated(groupBy: [\"customer_id\"])",
        "group countAll sum { total }",
        "SELECT customer_id, COUNT(*), SUM(total) FROM invoice GROUP BY customer_id ORDER BY customer_id",
    )
    .await;
    let groups = check(
        &gateways,
        "track_aggregated(groupBy: [\"media_type_id\", \"unit_price\"], sort: [\"media_type_id\", \"-unit_price\"], filter: { genre_id: { name: { _eq: \"Rock\" } } })",
        "group countAll max { milliseconds }",
        "SELECT media_type_id, unit_price, COUNT(*), MAX(milliseconds) FROM track WHERE genre_id = 1
         GROUP BY media_type_id, unit_price ORDER BY media_type_id, unit_price DESC",
    )
    .await;
    assert!(groups > 5);
    let data = gateways.data("{ track_aggregated(groupBy: [\"genre_id\"], sort: [\"-countAll\", \"genre_id\"], limit: -1) { group countAll } }").await;
    let rows = data["track_aggregated"].as_array().unwrap();
    // A relation groups by the key itself, and null is a group.
    assert!(
        rows.iter().any(|row| row["group"] == json!({ "genre_id": null }) && row["countAll"] == json!(30)),
        "{rows:?}"
    );
    assert!(
        rows.iter().any(|row| row["group"] == json!({ "genre_id": 11 }) && row["countAll"] == json!(1)),
        "{rows:?}"
    );
}

#[tokio::test]
async fn letter_case_tells_groups_apart_everywhere() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data("{ track_aggregated(groupBy: [\"composer\"], sort: [\"-countAll\", \"composer\"], limit: -1) { group countAll } }")
        .await;
    let names: Vec<&Json> =
        data["track_aggregated"].as_array().unwrap().iter().map(|row| &row["group"]["composer"]).collect();
    for name in [json!("J. Ortiz"), json!("j. ortiz"), json!("J. ORTIZ"), json!(""), Json::Null] {
        assert_eq!(names.iter().filter(|found| ***found == name).count(), 1, "{name} in {names:?}");
    }
}

#[tokio::test]
async fn rows_are_grouped_by_functions() {
    let gateways = Everywhere::music().await;
    let by_year = gateways
        .data(
            "{ invoice_aggregated(groupBy: [\"year(billed_at)\", \"month(billed_at)\"], sort: [\"-year(billed_at)\", \"billed_at_month\"], limit: -1) \
             { group count { id } sum { total } } }",
        )
        .await;
    let found: Vec<(i64, i64, i64)> = by_year["invoice_aggregated"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let number = |value: &Json| value.as_i64().unwrap();
            (
                number(&row["group"]["billed_at_year"]),
                number(&row["group"]["billed_at_month"]),
                number(&row["count"]["id"]),
            )
        })
        .collect();
    let billed = gateways.rows("SELECT SUBSTR(CAST(billed_at AS CHAR(19)), 1, 7), id FROM invoice ORDER BY id").await;
    let mut expected = std::collections::BTreeMap::new();
    for row in &billed {
        let text = row[0].as_deref().unwrap();
        *expected.entry((-text[..4].parse::<i64>().unwrap(), text[5..7].parse::<i64>().unwrap())).or_insert(0) += 1;
    }
    let expected: Vec<(i64, i64, i64)> =
        expected.into_iter().map(|((year, month), count)| (-year, month, count)).collect();
    assert_eq!(found, expected);
    for function in ["week", "day", "weekday", "hour", "minute", "second"] {
        let query =
            format!("{{ invoice_aggregated(groupBy: [\"{function}(billed_at)\"], limit: -1) {{ group countAll }} }}");
        let data = gateways.data(&query).await;
        let total: i64 =
            data["invoice_aggregated"].as_array().unwrap().iter().map(|row| row["countAll"].as_i64().unwrap()).sum();
        assert_eq!(total, 400, "{function}");
    }
}

#[tokio::test]
async fn groups_are_sorted_by_measures_and_paged() {
    let gateways = Everywhere::music().await;
    let sql = "SELECT customer_id, SUM(total) FROM invoice GROUP BY customer_id ORDER BY SUM(total) DESC, customer_id";
    for (arguments, limit) in [
        ("limit: 5", "LIMIT 5"),
        ("limit: 5, offset: 5", "LIMIT 5 OFFSET 5"),
        ("limit: 5, page: 3", "LIMIT 5 OFFSET 10"),
        ("limit: 5, page: 2, offset: 1", "LIMIT 5 OFFSET 5"),
        ("limit: -1", ""),
        ("limit: 0", "LIMIT 0"),
    ] {
        let aggregated = format!(
            "invoice_aggregated(groupBy: [\"customer_id\"], sort: [\"-sum.total\", \"customer_id\"], {arguments})"
        );
        check(&gateways, &aggregated, "group sum { total }", &format!("{sql} {limit}")).await;
    }
    // Sorted by what is not asked for, and by counts.
    check(
        &gateways,
        "invoice_aggregated(groupBy: [\"customer_id\"], sort: [\"-countAll\", \"-count.id\", \"-avg.total\", \"customer_id\"], limit: 8)",
        "group",
        "SELECT customer_id FROM invoice GROUP BY customer_id ORDER BY COUNT(*) DESC, AVG(total) DESC, customer_id LIMIT 8",
    )
    .await;
    let default = gateways
        .data("{ track_aggregated(groupBy: [\"album_id\"], filter: { album_id: { id: { _nnull: true } } }) { group } }")
        .await;
    assert_eq!(default["track_aggregated"].as_array().unwrap().len(), 100);
    for arguments in ["limit: -2", "offset: -1", "page: -1"] {
        gateways
            .refused(
                &format!("{{ invoice_aggregated(groupBy: [\"customer_id\"], {arguments}) {{ countAll }} }}"),
                "INVALID_QUERY",
            )
            .await;
    }
}

#[tokio::test]
async fn aliases_and_repeated_functions_are_answered_each() {
    let gateways = Everywhere::music().await;
    let data = gateways
        .data(
            r#"{
                all: track_aggregated { n: countAll a: count { id } b: count { composer c: composer } count { bytes } count { genre_id } }
                rock: track_aggregated(filter: { name: { _contains: "rock" } }) { countAll __typename sum { length: milliseconds __typename } }
            }"#,
        )
        .await;
    let counts = gateways.rows("SELECT COUNT(composer), COUNT(bytes), COUNT(genre_id) FROM track").await;
    let counts: Vec<i64> = counts[0].iter().map(|cell| cell.as_deref().unwrap().parse().unwrap()).collect();
    assert_eq!(
        data["all"],
        json!([{ "n": 1200, "a": { "id": 1200 }, "b": { "composer": counts[0], "c": counts[0] },
                 "count": { "bytes": counts[1], "genre_id": counts[2] } }])
    );
    assert_eq!(data["rock"][0]["__typename"], "track_aggregated");
    assert_eq!(data["rock"][0]["sum"]["__typename"], "track_aggregated_fields");
    assert!(data["rock"][0]["sum"]["length"].is_number());
}

#[tokio::test]
async fn dates_and_relations_can_be_counted() {
    let gateways = Everywhere::music().await;
    check(
        &gateways,
        "album_aggregated",
        "count { released_on track } countDistinct { released_on }",
        "SELECT COUNT(released_on), (SELECT COUNT(*) FROM track WHERE album_id IS NOT NULL), COUNT(DISTINCT released_on) FROM album",
    )
    .await;
    check(
        &gateways,
        "album_aggregated(groupBy: [\"artist_id\"], sort: [\"artist_id\"])",
        "group count { track id }",
        "SELECT a.artist_id, COUNT(t.id), COUNT(DISTINCT a.id) FROM album a LEFT JOIN track t ON t.album_id = a.id
         GROUP BY a.artist_id ORDER BY a.artist_id",
    )
    .await;
    check(
        &gateways,
        "playlist_aggregated",
        "count { track playlist_track }",
        "SELECT COUNT(*), COUNT(*) FROM playlist_track",
    )
    .await;
}

#[tokio::test]
async fn a_filter_through_relations_multiplies_no_row() {
    let gateways = Everywhere::music().await;
    check(
        &gateways,
        "album_aggregated(filter: { track: { milliseconds: { _gt: 200000 } } })",
        "countAll count { id } sum { id }",
        "SELECT COUNT(*), COUNT(id), SUM(id) FROM album WHERE id IN (SELECT album_id FROM track WHERE milliseconds > 200000)",
    )
    .await;
}

#[tokio::test]
async fn unknown_fields_functions_and_sorts_are_refused() {
    let gateways = Everywhere::music().await;
    for (arguments, code) in [
        ("groupBy: [\"nothing\"]", "FORBIDDEN"),
        ("groupBy: [\"customer_id.country\"]", "FORBIDDEN"),
        ("groupBy: [\"year(total)\"]", "INVALID_QUERY"),
        ("groupBy: [\"customer_id\"], sort: [\"sum.nothing\"]", "FORBIDDEN"),
        ("groupBy: [\"customer_id\"], sort: [\"total\"]", "FORBIDDEN"),
        ("groupBy: [\"customer_id\"], sort: [\"sum.billing_city\"]", "INVALID_QUERY"),
    ] {
        gateways.refused(&format!("{{ invoice_aggregated({arguments}) {{ countAll }} }}"), code).await;
    }
    gateways.data("{ invoice_aggregated(sort: [\"total\"]) { countAll } }").await;
}
