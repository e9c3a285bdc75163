//! Operators on dates and times, their parts, and the present.

use serde_json::json;
use tidegate::clock::Clock;

use super::Filters;
use crate::support::{Everywhere, Settings};

/// 2023-03-31T12:00:00Z
const NOW_MICROS: i64 = 1_680_264_000_000_000;

fn at_noon() -> Settings {
    Settings { clock: Clock::fixed(NOW_MICROS), ..Settings::default() }
}

#[tokio::test]
async fn dates_and_moments_compare_by_time() {
    let filters = Filters::new().await;
    for operator in ["_eq", "_neq", "_gt", "_gte", "_lt", "_lte"] {
        filters.check("album", json!({ "released_on": { operator: "1999-11-02" } })).await;
        filters.check("employee", json!({ "hired_at": { operator: "2012-04-01T00:00:00" } })).await;
        filters.check("employee", json!({ "hired_at": { operator: "2012-04-01" } })).await;
        filters.check("invoice", json!({ "billed_at": { operator: "2022-06-01T13:14:15" } })).await;
    }
    assert_eq!(filters.check("employee", json!({ "hired_at": { "_eq": "2012-04-01" } })).await, 1);
    filters.check("album", json!({ "released_on": { "_in": ["1999-11-02", "2014-06-18"] } })).await;
    filters.check("album", json!({ "released_on": { "_nin": ["1999-11-02", "2014-06-18"] } })).await;
    filters.check("album", json!({ "released_on": { "_between": ["1990-01-01", "1999-12-31"] } })).await;
    filters.check("album", json!({ "released_on": { "_nbetween": ["1990-01-01", "1999-12-31"] } })).await;
    filters.check("album", json!({ "released_on": { "_null": true } })).await;
    filters.check("employee", json!({ "hired_at": { "_nnull": false } })).await;
    filters.check("invoice", json!({ "billed_at": { "_between": ["2022-01-01", "2022-12-31T23:59:59"] } })).await;
}

#[tokio::test]
async fn moments_may_be_written_with_fractions_and_blanks() {
    let gateways = Everywhere::music().await;
    let expected = gateways.selected("SELECT id FROM employee WHERE hired_at = '2013-05-03 07:15:30'").await;
    assert_eq!(expected.len(), 1);
    for text in ["2013-05-03T07:15:30", "2013-05-03 07:15:30", "2013-05-03T07:15:30.000"] {
        assert_eq!(
            gateways.ids("employee", &format!("{{ hired_at: {{ _eq: \"{text}\" }} }}")).await,
            expected,
            "{text}"
        );
    }
    // A column without a zone knows only the time on the wall.
    let zoned = gateways.ids("employee", "{ hired_at: { _gte: \"2014-10-17T23:59:59+02:00\" } }").await;
    assert!(zoned.len() <= 2, "{zoned:?}");
}

#[tokio::test]
async fn parts_of_dates_compare_like_numbers() {
    let filters = Filters::new().await;
    assert!(filters.check("invoice", json!({ "billed_at_func": { "year": { "_eq": 2022 } } })).await > 50);
    for (function, value) in [("month", 2), ("day", 29), ("hour", 0), ("minute", 30), ("second", 59)] {
        for operator in ["_eq", "_neq", "_gt", "_lte"] {
            filters.check("invoice", json!({ "billed_at_func": { function: { operator: value } } })).await;
        }
    }
    filters
        .check(
            "invoice",
            json!({ "billed_at_func": { "year": { "_in": ["2021", 2023] }, "month": { "_between": [6, 8] } } }),
        )
        .await;
    filters.check("album", json!({ "released_on_func": { "year": { "_lt": 1970 }, "day": { "_gt": 15.5 } } })).await;
    filters.check("employee", json!({ "hired_at_func": { "year": { "_neq": 2012 } } })).await;
    filters
        .check(
            "customer",
            json!({ "invoice": { "billed_at_func": { "year": { "_eq": 2021 }, "month": { "_eq": 1 } } } }),
        )
        .await;
}

#[tokio::test]
async fn weeks_are_iso_weeks_and_sunday_is_weekday_zero() {
    let gateways = Everywhere::music().await;
    // 2021-01-01 was a Friday in the 53rd week of 2020.
    let query = "{ invoice(filter: { billed_at: { _lt: \"2021-01-20\" } }, sort: [\"id\"]) { billed_at billed_at_func { week weekday } } }";
    let data = gateways.data(query).await;
    assert_eq!(data["invoice"][0]["billed_at"], "2021-01-01T00:00:00");
    assert_eq!(data["invoice"][0]["billed_at_func"], json!({ "week": 53, "weekday": 5 }));
    let sundays = "{ billed_at_func: { weekday: { _eq: 0 } } }";
    let sql = [
        "SELECT id FROM invoice WHERE CAST(strftime('%w', billed_at) AS INTEGER) = 0 ORDER BY id",
        "SELECT id FROM invoice WHERE extract(dow FROM billed_at) = 0 ORDER BY id",
        "SELECT id FROM invoice WHERE DAYOFWEEK(billed_at) = 1 ORDER BY id",
    ];
    let found = gateways.ids("invoice", sundays).await;
    for (at, (kind, _)) in gateways.each().enumerate() {
        let rows = crate::support::TestDatabase::music(kind).await.rows(sql[at]).await;
        let ids: Vec<i64> = rows.iter().map(|row| row[0].clone().unwrap().parse().unwrap()).collect();
        assert_eq!(ids, found, "{kind:?}");
    }
}

#[tokio::test]
async fn the_present_can_be_moved() {
    let gateways = Everywhere::music_with(at_noon).await;
    for (now, moment) in [
        ("$NOW", "2023-03-31 12:00:00"),
        ("$NOW(-1 year)", "2022-03-31 12:00:00"),
        ("$NOW(-1 month)", "2023-02-28 12:00:00"),
        ("$NOW(+2 hours)", "2023-03-31 14:00:00"),
        ("$NOW(-1.5 days)", "2023-03-30 00:00:00"),
        ("$NOW(-2 WEEKS)", "2023-03-17 12:00:00"),
        ("$NOW(-90)", "2022-12-31 12:00:00"),
        ("$NOW(nonsense)", "2023-03-31 12:00:00"),
    ] {
        let expected =
            gateways.selected(&format!("SELECT id FROM invoice WHERE billed_at >= '{moment}' ORDER BY id")).await;
        assert!(!expected.is_empty());
        let found = gateways.ids("invoice", &format!("{{ billed_at: {{ _gte: \"{now}\" }} }}")).await;
        assert_eq!(found, expected, "{now}");
    }
    let expected = gateways.selected("SELECT id FROM album WHERE released_on > '2020-03-31' ORDER BY id").await;
    assert_eq!(gateways.ids("album", "{ released_on: { _gt: \"$NOW(-3 years)\" } }").await, expected);
    let between = gateways.ids("invoice", "{ billed_at: { _between: [\"$NOW(-1 year)\", \"$NOW\"] } }").await;
    let sql =
        "SELECT id FROM invoice WHERE billed_at BETWEEN '2022-03-31 12:00:00' AND '2023-03-31 12:00:00' ORDER BY id";
    assert_eq!(between, gateways.selected(sql).await);
}

#[tokio::test]
async fn what_is_no_date_is_refused() {
    let filters = Filters::new().await;
    for value in ["yesterday", "2022-13-01", "2022-02-30", "12:00", ""] {
        filters.refused("album", json!({ "released_on": { "_eq": value } })).await;
        filters.refused("invoice", json!({ "billed_at": { "_gt": value } })).await;
    }
    filters.refused("album", json!({ "released_on": { "_between": ["2022-01-01"] } })).await;
    filters.refused("album", json!({ "released_on": { "_in": [] } })).await;
}
