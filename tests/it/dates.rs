//! Dates and times: the same parts, the same instants and the same answers on
//! every database.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidegate::clock::Clock;

use crate::support::{Kind, Settings, TestApp, TestDatabase};

/// Instants around the borders of years, weeks, months and days, all in UTC,
/// with their ISO week and their day of the week from Sunday.
const INSTANTS: [(&str, u32, u32); 10] = [
    ("1970-01-01 00:00:00", 1, 4),
    ("1999-12-31 23:59:59", 52, 5),
    ("2000-02-29 12:30:15", 9, 2),
    ("2005-01-01 00:00:00", 53, 6),
    ("2008-12-29 01:02:03", 1, 1),
    ("2010-01-03 23:00:00", 53, 0),
    ("2020-12-31 23:59:59", 53, 4),
    ("2021-01-01 00:00:00", 53, 5),
    ("2024-12-30 06:07:08", 1, 1),
    ("2037-12-31 23:59:59", 53, 4),
];

fn script(kind: Kind) -> String {
    let (instant, zone) = match kind {
        Kind::Sqlite => ("TIMESTAMP", ""),
        Kind::Postgres => ("timestamptz", "+00"),
        Kind::MySql => ("timestamp NULL", ""),
    };
    let wall = if kind == Kind::Postgres { "timestamp" } else { "DATETIME" };
    let mut script = String::new();
    if kind == Kind::MySql {
        script.push_str("SET SESSION time_zone = '+00:00';");
    }
    script.push_str(&format!(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, day DATE, clock TIME, wall {wall}, instant {instant});"
    ));
    for (id, (text, ..)) in INSTANTS.iter().enumerate() {
        // MySQL's `timestamp` begins one second after the epoch.
        let at = if id == 0 { "1970-01-01 00:00:01" } else { text };
        let (day, clock) = text.split_once(' ').expect("a date and a time");
        script.push_str(&format!("INSERT INTO events VALUES ({id}, '{day}', '{clock}', '{text}', '{at}{zone}');"));
    }
    script.push_str("INSERT INTO events VALUES (99, NULL, NULL, NULL, NULL);");
    script
}

async fn start(kind: Kind) -> TestApp {
    let data = Arc::new(TestDatabase::create(kind, &script(kind)).await);
    TestApp::start(data).await
}

#[tokio::test]
async fn parts_of_dates_are_the_same_on_every_database() {
    const PARTS: &str = "year month week day weekday";
    const TIMES: &str = "hour minute second";
    for kind in Kind::ALL {
        let app = start(kind).await;
        let data = app
            .data(&format!(
                "{{ events(limit: -1) {{ id day_func {{ {PARTS} }} clock_func {{ {TIMES} }} \
                 wall_func {{ {PARTS} {TIMES} }} instant_func {{ {PARTS} {TIMES} }} }} }}"
            ))
            .await;
        let rows = data["events"].as_array().expect("a list").clone();
        assert_eq!(rows.len(), INSTANTS.len() + 1);
        for (row, (text, week, weekday)) in rows.iter().zip(INSTANTS) {
            let number = |from: usize, to: usize| text[from..to].parse::<u32>().expect("digits");
            let day = [
                ("year", number(0, 4)),
                ("month", number(5, 7)),
                ("week", week),
                ("day", number(8, 10)),
                ("weekday", weekday),
            ];
            let clock = [("hour", number(11, 13)), ("minute", number(14, 16)), ("second", number(17, 19))];
            let object = |parts: &[(&str, u32)]| -> Json { parts.iter().map(|(name, part)| (*name, *part)).collect() };
            assert_eq!(row["day_func"], object(&day), "{kind:?} {text}");
            assert_eq!(row["clock_func"], object(&clock), "{kind:?} {text}");
            let both = object(&[&day[..], &clock[..]].concat());
            assert_eq!(row["wall_func"], both, "{kind:?} {text}");
            if row["id"] != "0" {
                assert_eq!(row["instant_func"], both, "{kind:?} {text}");
            }
        }
        assert_eq!(
            rows[INSTANTS.len()]["day_func"],
            json!({ "year": null, "month": null, "week": null, "day": null, "weekday": null })
        );
    }
}

/// The ids that a filter finds.
async fn ids(app: &TestApp, filter: &str) -> Vec<u64> {
    let data = app.data(&format!("{{ events(limit: -1, filter: {filter}) {{ id }} }}")).await;
    let rows = data["events"].as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_str().expect("a key").parse().expect("a number")).collect()
}

#[tokio::test]
async fn filters_honour_zones_on_instants_and_ignore_them_on_wall_clocks() {
    let cases: [(&str, &[u64]); 14] = [
        // 2020-12-31T23:59:59Z, said in three ways.
        (r#"{ instant: { _eq: "2020-12-31T23:59:59Z" } }"#, &[6]),
        (r#"{ instant: { _eq: "2021-01-01T01:59:59+02:00" } }"#, &[6]),
        (r#"{ instant: { _eq: "2020-12-31 23:59:59" } }"#, &[6]),
        (r#"{ instant: { _eq: "2020-12-31T18:29:59.000-05:30" } }"#, &[6]),
        (r#"{ instant: { _between: ["2021-01-01T00:59:59+01:00", "2021-01-01T01:00:00+01:00"] } }"#, &[6, 7]),
        (r#"{ instant: { _gt: "2024-12-30" } }"#, &[8, 9]),
        (r#"{ instant: { _in: ["2021-01-01T00:00:00Z", "2008-12-29T02:02:03+01:00"] } }"#, &[4, 7]),
        (r#"{ wall: { _eq: "2010-01-03T23:00:00" } }"#, &[5]),
        (r#"{ wall: { _lt: "1999-12-31T23:59:59" } }"#, &[0]),
        (r#"{ day: { _eq: "2000-02-29T12:30:15Z" } }"#, &[2]),
        (r#"{ day: { _nin: ["1970-01-01", "1999-12-31"], _lte: "2005-01-01" } }"#, &[2, 3]),
        (r#"{ clock: { _gte: "23:59:59" } }"#, &[1, 6, 9]),
        (r#"{ clock: { _eq: "12:30:15" } }"#, &[2]),
        (r#"{ instant: { _null: true } }"#, &[99]),
    ];
    for kind in Kind::ALL {
        let app = start(kind).await;
        for (filter, expected) in cases {
            assert_eq!(ids(&app, filter).await, expected, "{kind:?} {filter}");
        }
    }
}

#[tokio::test]
async fn functions_filter_sort_and_group_alike() {
    for kind in Kind::ALL {
        let app = start(kind).await;
        assert_eq!(ids(&app, "{ instant_func: { week: { _eq: 53 } } }").await, [3, 5, 6, 7, 9], "{kind:?}");
        assert_eq!(ids(&app, "{ day_func: { weekday: { _eq: 0 } } }").await, [5], "{kind:?}");
        assert_eq!(ids(&app, "{ clock_func: { second: { _in: [3, 8] } } }").await, [4, 8], "{kind:?}");
        let data = app
            .data(
                r#"{ events(filter: { id: { _lt: 50 } }, sort: ["-month(wall)", "day(wall)", "id"]) { id }
                    events_aggregated(groupBy: ["weekday(day)"], sort: ["weekday(day)"], filter: { day: { _nnull: true } }) { group countAll } }"#,
            )
            .await;
        let order: Vec<&str> =
            data["events"].as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(order, ["4", "8", "1", "6", "9", "2", "0", "3", "7", "5"], "{kind:?}");
        let groups = json!([
            { "group": { "day_weekday": 0 }, "countAll": 1 }, { "group": { "day_weekday": 1 }, "countAll": 2 },
            { "group": { "day_weekday": 2 }, "countAll": 1 }, { "group": { "day_weekday": 4 }, "countAll": 3 },
            { "group": { "day_weekday": 5 }, "countAll": 2 }, { "group": { "day_weekday": 6 }, "countAll": 1 },
        ]);
        assert_eq!(data["events_aggregated"], groups, "{kind:?}");
    }
}

#[tokio::test]
async fn now_is_the_same_instant_on_every_database() {
    for kind in Kind::ALL {
        let data = Arc::new(TestDatabase::create(kind, &script(kind)).await);
        // 2020-12-31T23:59:59.5Z
        let clock = Clock::fixed(1_609_459_199_500_000);
        let app = TestApp::start_with(data, Settings { clock, ..Settings::default() }).await;
        let cases: [(&str, &[u64]); 6] = [
            (r#"{ instant: { _lt: "$NOW" }, id: { _gt: 5 } }"#, &[6]),
            (r#"{ instant: { _gt: "$NOW" } }"#, &[7, 8, 9]),
            (r#"{ instant: { _between: ["$NOW(-1 second)", "$NOW(+1 second)"] } }"#, &[6, 7]),
            (r#"{ wall: { _gte: "$NOW(-12 years)" }, id: { _lt: 6 } }"#, &[5]),
            (r#"{ day: { _eq: "$NOW" } }"#, &[6]),
            (r#"{ day: { _gt: "$NOW(+1 month)" } }"#, &[8, 9]),
        ];
        for (filter, expected) in cases {
            assert_eq!(ids(&app, filter).await, expected, "{kind:?} {filter}");
        }
    }
}
