//! Hundreds of made-up filters: three databases and the oracle must find the same rows.

use serde_json::{Map, Value as Json, json};

use super::oracle::{Music, Way, fields};
use crate::support::{Everywhere, keys};

/// A linear congruential generator, so that a seed means the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

const ROOTS: [&str; 8] = ["artist", "album", "track", "playlist", "employee", "customer", "invoice", "genre"];

const TEXTS: [&str; 36] = [
    "rock",
    "Rock",
    "ROCK",
    "é",
    "É",
    "café",
    "CAFÉ",
    "Straße",
    "ß",
    "100%",
    "a_b",
    "_",
    "%",
    "o/",
    "\\",
    "\\o/",
    "'",
    "O'Malley",
    "\"",
    "東京",
    "夜",
    "J. Ortiz",
    "j. ortiz",
    "Ø",
    "ø",
    "Søren",
    "e",
    "(Live)",
    "[R",
    "?",
    "*",
    "US",
    "Ελ",
    "и",
    "true",
    "acme_corp",
];

const DATES: [&str; 9] = [
    "1980-01-01",
    "1999-11-02",
    "2012-04-01T00:00:00",
    "2021-06-15",
    "2022-01-01T12:30:00",
    "2023-12-31T23:59:59",
    "2024-02-29T12:00:00",
    "1962-02-18",
    "1994-10-17",
];

fn filter(dice: &mut Dice, collection: &str, depth: usize, quantified: bool) -> Json {
    let mut members = Map::new();
    let count = if dice.percent(4) { 0 } else { 1 + dice.below(2) };
    for _ in 0..count {
        let (name, value) = match dice.below(100) {
            0..10 if depth > 0 => ("_and".to_owned(), several(dice, collection, depth - 1)),
            10..26 if depth > 0 => ("_or".to_owned(), several(dice, collection, depth - 1)),
            26..46 if depth > 0 && quantified => {
                let name = if dice.percent(50) { "_some" } else { "_none" };
                (name.to_owned(), filter(dice, collection, depth - 1, false))
            }
            _ => field(dice, collection, depth),
        };
        members.insert(name, value);
    }
    Json::Object(members)
}

fn several(dice: &mut Dice, collection: &str, depth: usize) -> Json {
    let count = dice.below(4);
    (0..count).map(|_| filter(dice, collection, depth, false)).collect()
}

fn field(dice: &mut Dice, collection: &str, depth: usize) -> (String, Json) {
    let (name, way) = dice.one_of(fields(collection));
    match way {
        Way::Number => (name.to_owned(), numbers(dice, name)),
        Way::Text => (name.to_owned(), texts(dice)),
        Way::Date if dice.percent(30) => {
            let is_moment = matches!(name, "billed_at" | "hired_at");
            let functions = if is_moment {
                &["year", "month", "day", "hour", "minute", "second"][..]
            } else {
                &["year", "month", "day"]
            };
            let value = dice.one_of(&["1", "2", "12", "15", "30", "1990", "2021", "2022"]);
            let test = comparison(dice, &[json!(value)]);
            (format!("{name}_func"), json!({ dice.one_of(functions): test }))
        }
        Way::Date => {
            let dates =
                DATES.map(|date| json!(if matches!(name, "billed_at" | "hired_at") { date } else { &date[..10] }));
            (name.to_owned(), comparison(dice, &dates))
        }
        Way::One(target) if depth > 0 => (name.to_owned(), filter(dice, target, depth - 1, false)),
        Way::Many(target, _) | Way::Through(target, ..) if depth > 0 && dice.percent(75) => {
            (name.to_owned(), filter(dice, target, depth - 1, true))
        }
        Way::Many(..) | Way::Through(..) => {
            let limits = [json!(0), json!(1), json!("2"), json!(3.5), json!(10)];
            (format!("{name}_func"), json!({ "count": comparison(dice, &limits) }))
        }
        Way::One(_) => ("id".to_owned(), numbers(dice, "id")),
    }
}

fn numbers(dice: &mut Dice, name: &str) -> Json {
    match name {
        // Big integers travel as texts.
        "bytes" => {
            comparison(dice, &["0", "4294967296", "2147483647", "7000000", "1500000", "9000000000"].map(|n| json!(n)))
        }
        "unit_price" | "total" => {
            comparison(dice, &[json!(0.99), json!("1.99"), json!(0), json!("0.990"), json!(5.94), json!(3)])
        }
        "milliseconds" => comparison(dice, &[json!(300_000), json!("180000"), json!(1_200_000), json!(60_000)]),
        _ => comparison(dice, &[json!(1), json!("7"), json!(20), json!(33), json!(600), json!(-1), json!("1e2")]),
    }
}

/// One or two operators that numbers and dates have.
fn comparison(dice: &mut Dice, values: &[Json]) -> Json {
    let mut members = Map::new();
    for _ in 0..1 + dice.below(2) {
        let operator = dice.one_of(&[
            "_eq",
            "_neq",
            "_lt",
            "_lte",
            "_gt",
            "_gte",
            "_in",
            "_nin",
            "_between",
            "_nbetween",
            "_null",
            "_nnull",
        ]);
        // Whether a fraction equals an integer is not asked: that is refused.
        let whole: Vec<Json> = values.iter().filter(|value| **value != json!(3.5)).cloned().collect();
        let value = match operator {
            "_null" | "_nnull" => json!(dice.percent(60)),
            "_eq" | "_neq" if dice.percent(10) => Json::Null,
            "_eq" | "_neq" => dice.one_of(&whole),
            "_in" | "_nin" => {
                let mut list: Vec<Json> = (0..1 + dice.below(3)).map(|_| dice.one_of(&whole)).collect();
                if dice.percent(10) {
                    list.push(Json::Null);
                }
                Json::Array(list)
            }
            "_between" | "_nbetween" => json!([dice.one_of(values), dice.one_of(values)]),
            _ => dice.one_of(values),
        };
        members.insert(operator.to_owned(), value);
    }
    Json::Object(members)
}

fn texts(dice: &mut Dice) -> Json {
    let mut members = Map::new();
    for _ in 0..1 + dice.below(2) {
        let operator = dice.one_of(&[
            "_eq",
            "_neq",
            "_contains",
            "_icontains",
            "_ncontains",
            "_starts_with",
            "_nstarts_with",
            "_istarts_with",
            "_nistarts_with",
            "_ends_with",
            "_nends_with",
            "_iends_with",
            "_niends_with",
            "_in",
            "_nin",
            "_null",
            "_nnull",
            "_empty",
            "_nempty",
        ]);
        let value = match operator {
            "_null" | "_nnull" | "_empty" | "_nempty" => json!(dice.percent(60)),
            "_eq" | "_neq" if dice.percent(10) => Json::Null,
            "_in" | "_nin" => (0..1 + dice.below(3)).map(|_| json!(dice.one_of(&TEXTS))).collect(),
            _ => json!(dice.one_of(&TEXTS)),
        };
        members.insert(operator.to_owned(), value);
    }
    Json::Object(members)
}

#[tokio::test]
async fn made_up_filters_find_the_same_rows_on_every_database_and_in_memory() {
    let gateways = Everywhere::music().await;
    let music = Music::load().await;
    let mut dice = Dice(20_240_229);
    let mut found_some = 0;
    for _ in 0..400 {
        let collection = dice.one_of(&ROOTS);
        let filter = filter(&mut dice, collection, 3, false);
        let found = gateways.ids_by_variable(collection, &filter).await;
        assert_eq!(found, music.ids(collection, &filter), "{collection} {filter}");
        found_some += usize::from(!found.is_empty());
    }
    // A generator whose filters find nothing would prove nothing.
    assert!(found_some > 150, "{found_some}");
}

#[tokio::test]
async fn made_up_filters_and_pages_hold_within_each_parent() {
    let gateways = Everywhere::music().await;
    let music = Music::load().await;
    let mut dice = Dice(1_859);
    for _ in 0..120 {
        let collection = dice.one_of(&ROOTS);
        let (field, way) = dice.one_of(fields(collection));
        let (Way::Many(target, _) | Way::Through(target, ..)) = way else { continue };
        let filter = if dice.percent(30) { json!({}) } else { filter(&mut dice, target, 2, false) };
        let (limit, offset, page) = (dice.below(6) as i64 - 1, dice.below(4), dice.below(4));
        let down = dice.percent(50);
        let query = format!(
            "query($filter: {target}_filter, $limit: Int, $offset: Int, $page: Int) {{
                parents: {collection}(sort: [\"id\"], limit: -1) {{
                    id children: {field}(filter: $filter, sort: [\"{}id\"], limit: $limit, offset: $offset, page: $page) {{ id }}
                }}
            }}",
            if down { "-" } else { "" }
        );
        let variables = json!({ "filter": filter, "limit": limit, "offset": offset, "page": page });
        let data = gateways.data_with(&query, variables.clone()).await;
        let matching = music.ids(target, &filter);
        let (skipped, taken) = match usize::try_from(limit) {
            Ok(limit) => (offset + limit * page.saturating_sub(1), limit),
            Err(_) => (offset, usize::MAX),
        };
        let parents = data["parents"].as_array().expect("a list");
        for (parent, (id, mut children)) in parents.iter().zip(music.children(collection, field)) {
            children.retain(|child| matching.binary_search(child).is_ok());
            if down {
                children.reverse();
            }
            let expected: Vec<i64> = children.into_iter().skip(skipped).take(taken).collect();
            assert_eq!(keys(&parent["children"]), expected, "{collection} {id} {field} {variables}");
        }
    }
}

#[tokio::test]
async fn made_up_filters_select_what_aggregates_are_about() {
    let gateways = Everywhere::music().await;
    let music = Music::load().await;
    let mut dice = Dice(4_096);
    for _ in 0..80 {
        let collection = dice.one_of(&ROOTS);
        let filter = filter(&mut dice, collection, 2, false);
        let query = format!(
            "query($filter: {collection}_filter) {{
                found: {collection}_aggregated(filter: $filter) {{ countAll count {{ id }} sum {{ id }} avg {{ id }} max {{ id }} }}
            }}"
        );
        let data = gateways.data_with(&query, json!({ "filter": filter })).await;
        let ids = music.ids(collection, &filter);
        let found = &data["found"][0];
        assert_eq!(found["countAll"], json!(ids.len()), "{collection} {filter}");
        assert_eq!(found["count"]["id"], json!(ids.len()), "{collection} {filter}");
        let sum = (!ids.is_empty()).then(|| ids.iter().sum::<i64>());
        assert_eq!(found["sum"]["id"], json!(sum), "{collection} {filter}");
        assert_eq!(found["max"]["id"], json!(ids.last()), "{collection} {filter}");
    }
}
