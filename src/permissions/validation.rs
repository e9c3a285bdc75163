//! What must hold of a payload: a filter that is held against what is written,
//! not against rows (contract `permissions.md` 6).
//!
//! A field that is not given passes every operator but `_submitted`.

use serde_json::{Map, Value as Json};

use crate::value::time;

/// A condition that a payload breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The field.
    pub field: String,
    /// What it breaks, by the contract's name: `eq`, `contains` and so on.
    pub kind: &'static str,
    /// What would have been right (`valid`), is wrong (`invalid`) or had to be in
    /// it (`substring`).
    pub detail: Option<(&'static str, Json)>,
}

/// Holds a payload against a filter; everything that it breaks.
pub fn check(filter: &Json, payload: &Map<String, Json>) -> Vec<Broken> {
    let mut broken = Vec::new();
    if let Json::Object(members) = filter {
        members.iter().for_each(|(name, value)| member(name, value, payload, &mut broken));
    }
    broken
}

/// What of a filter nobody understands, in words: it would hold of nothing.
pub fn fault(filter: &Json) -> Option<String> {
    let Json::Object(members) = filter else {
        return (!filter.is_null()).then(|| format!("{filter} is no filter"));
    };
    members.iter().find_map(|(name, value)| match name.as_str() {
        "_and" | "_or" => each(value).find_map(fault),
        "_submitted" => None,
        name if name.starts_with('_') => {
            let is_known = test(name, value, &Json::from("")).is_some();
            (!is_known).then(|| format!("`{name}` with {value} cannot be used"))
        }
        // A value alone is compared with.
        _ if !value.is_object() => None,
        _ => fault(value),
    })
}

fn member(name: &str, value: &Json, payload: &Map<String, Json>, broken: &mut Vec<Broken>) {
    match name {
        "_and" => each(value).for_each(|part| broken.extend(check(part, payload))),
        "_or" => {
            let parts: Vec<Vec<Broken>> = each(value).map(|part| check(part, payload)).collect();
            if !parts.iter().any(Vec::is_empty) {
                broken.extend(parts.into_iter().next().unwrap_or_default());
            }
        }
        field => of_field(field, value, payload.get(field), broken),
    }
}

/// The members of a list; a single object counts as a list of one.
fn each(value: &Json) -> impl Iterator<Item = &Json> {
    match value {
        Json::Array(items) => items.iter(),
        single => std::slice::from_ref(single).iter(),
    }
}

fn of_field(field: &str, condition: &Json, given: Option<&Json>, broken: &mut Vec<Broken>) {
    let Json::Object(operators) = condition else {
        return operator(field, "_eq", condition, given, broken);
    };
    for (name, operand) in operators {
        match (name.as_str(), given) {
            // Below a field they mean the same as above it.
            ("_and", _) => each(operand).for_each(|part| of_field(field, part, given, broken)),
            ("_or", _) => {
                let of_part = |part| {
                    let mut broken = Vec::new();
                    of_field(field, part, given, &mut broken);
                    broken
                };
                let parts: Vec<Vec<Broken>> = each(operand).map(of_part).collect();
                if !parts.iter().any(Vec::is_empty) {
                    broken.extend(parts.into_iter().next().unwrap_or_default());
                }
            }
            (name, _) if name.starts_with('_') => operator(field, name, operand, given, broken),
            // What is given of a related item.
            (name, Some(Json::Object(related))) => member(name, operand, related, broken),
            _ => {}
        }
    }
}

fn operator(field: &str, name: &str, operand: &Json, given: Option<&Json>, broken: &mut Vec<Broken>) {
    let mut fail = |kind, detail| broken.push(Broken { field: field.to_owned(), kind, detail });
    if name == "_submitted" {
        if given.is_none() && is_true(operand) {
            fail("required", None);
        }
        return;
    }
    let Some(value) = given.map(key_of) else { return };
    let Some((kind, detail, passes)) = test(name, operand, value) else {
        // A condition that nobody understands holds of nothing.
        return fail("unsafe", None);
    };
    if !passes {
        fail(kind, detail.map(|name| (name, operand.clone())));
    }
}

/// What stands for a related item that is only linked: its key.
fn key_of(value: &Json) -> &Json {
    match value {
        Json::Object(members) if members.len() == 1 => members.values().next().unwrap_or(value),
        _ => value,
    }
}

/// The values of a list: a text is split at its commas, and lists within are part
/// of it (contract `permissions.md` 4).
fn listed(operand: &Json) -> Vec<Json> {
    match operand {
        Json::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Json::Array(within) => within.clone(),
                single => vec![single.clone()],
            })
            .collect(),
        Json::String(text) => text.split(',').map(|part| Json::from(part.trim())).collect(),
        single => vec![single.clone()],
    }
}

type Tested = (&'static str, Option<&'static str>, bool);

fn test(name: &str, operand: &Json, value: &Json) -> Option<Tested> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = || compare(value, operand);
    let listed = listed(operand);
    if matches!(name, "_between" | "_nbetween") && listed.len() != 2 {
        return None;
    }
    let among = || listed.iter().any(|one| is_same(value, one));
    let between = || {
        matches!(compare(value, &listed[0]), Some(Greater | Equal))
            && matches!(compare(value, &listed[1]), Some(Less | Equal))
    };
    let is_null = value.is_null();
    let is_empty = is_null
        || value.as_str().is_some_and(str::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty);
    let found = |place: fn(&str, &str) -> bool, insensitive: bool| {
        let (Some(text), Some(part)) = (text(value), text(operand)) else { return false };
        match insensitive {
            true => place(&text.to_lowercase(), &part.to_lowercase()),
            false => place(&text, &part),
        }
    };
    let inside: fn(&str, &str) -> bool = |text, part| text.contains(part);
    let start: fn(&str, &str) -> bool = |text, part| text.starts_with(part);
    let end: fn(&str, &str) -> bool = |text, part| text.ends_with(part);
    // What is not there does not lack a text either; null fails whatever looks into it.
    let lacks = |place, insensitive| !is_null && !found(place, insensitive);
    Some(match name {
        "_eq" => ("eq", Some("valid"), is_same(value, operand)),
        "_neq" => ("neq", Some("invalid"), !is_same(value, operand)),
        "_lt" => ("lt", Some("valid"), order() == Some(Less)),
        "_lte" => ("lte", Some("valid"), matches!(order(), Some(Less | Equal))),
        "_gt" => ("gt", Some("valid"), order() == Some(Greater)),
        "_gte" => ("gte", Some("valid"), matches!(order(), Some(Greater | Equal))),
        "_in" => ("in", Some("valid"), among()),
        "_nin" => ("nin", Some("invalid"), !among()),
        "_between" => ("gte", Some("valid"), between()),
        "_nbetween" => ("lt", Some("invalid"), !is_null && !between()),
        "_null" => ("null", None, is_null == is_true(operand)),
        "_nnull" => ("nnull", None, is_null != is_true(operand)),
        "_empty" => ("empty", None, is_empty == is_true(operand)),
        "_nempty" => ("nempty", None, is_empty != is_true(operand)),
        "_contains" => ("contains", Some("substring"), found(inside, false)),
        "_icontains" => ("icontains", Some("substring"), found(inside, true)),
        "_ncontains" => ("ncontains", Some("substring"), lacks(inside, false)),
        "_starts_with" => ("starts_with", Some("substring"), found(start, false)),
        "_nstarts_with" => ("nstarts_with", Some("substring"), lacks(start, false)),
        "_istarts_with" => ("istarts_with", Some("substring"), found(start, true)),
        "_nistarts_with" => ("nistarts_with", Some("substring"), lacks(start, true)),
        "_ends_with" => ("ends_with", Some("substring"), found(end, false)),
        "_nends_with" => ("nends_with", Some("substring"), lacks(end, false)),
        "_iends_with" => ("iends_with", Some("substring"), found(end, true)),
        "_niends_with" => ("niends_with", Some("substring"), lacks(end, true)),
        "_regex" => ("regex", Some("invalid"), matches(&text(operand)?, &text(value).unwrap_or_default())?),
        _ => return None,
    })
}

/// Whether a text matches a pattern, which may stand between slashes; `None` for
/// one that is no pattern.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    let bare = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or(pattern);
    regex::RegexBuilder::new(bare).size_limit(1 << 20).build().ok().map(|pattern| pattern.is_match(text))
}

fn is_true(operand: &Json) -> bool {
    !matches!(operand, Json::Bool(false)) && operand.as_str() != Some("false")
}

fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Values that are written differently may be the same: `1` and `"1"`, a UUID in
/// other letters, a moment in another zone.
fn is_same(one: &Json, other: &Json) -> bool {
    one == other || compare(one, other) == Some(std::cmp::Ordering::Equal)
}

/// Moments by when they are, numbers by their size, UUIDs whatever their letters,
/// other texts letter by letter.
fn compare(one: &Json, other: &Json) -> Option<std::cmp::Ordering> {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one.partial_cmp(&other);
    }
    let (one, other) = (text(one)?, text(other)?);
    let uuid = |text: &str| uuid::Uuid::try_parse(text.trim()).ok();
    let moment = |text: &str| time::parse(text).and_then(|moment| moment.epoch_micros());
    match (uuid(&one), uuid(&other), moment(&one), moment(&other)) {
        (Some(one), Some(other), ..) => Some(one.cmp(&other)),
        (_, _, Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => Some(one.cmp(&other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(filter: Json, payload: Json) -> Vec<(String, &'static str)> {
        let Json::Object(payload) = payload else { panic!("a payload is an object") };
        check(&filter, &payload).into_iter().map(|broken| (broken.field, broken.kind)).collect()
    }

    fn passes(filter: Json, payload: Json) -> bool {
        broken(filter, payload).is_empty()
    }

    #[test]
    fn what_is_not_given_passes_all_but_one() {
        for operator in ["_eq", "_in", "_nnull", "_contains", "_gt", "_regex"] {
            assert!(passes(json!({ "a": { operator: "x" } }), json!({})), "{operator}");
        }
        assert_eq!(broken(json!({ "a": { "_submitted": true } }), json!({})), [("a".to_owned(), "required")]);
        assert!(passes(json!({ "a": { "_submitted": true } }), json!({ "a": null })));
        assert!(passes(json!({}), json!({ "a": 1 })) && passes(Json::Null, json!({ "a": 1 })));
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        for (operators, right, wrong) in [
            (json!({ "_eq": "x" }), json!("x"), json!("y")),
            (json!({ "_eq": 1 }), json!("1"), json!(2)),
            (json!("x"), json!("x"), json!("y")),
            (json!({ "_neq": "x" }), json!("y"), json!("x")),
            (json!({ "_gt": 9 }), json!(10), json!(9)),
            (json!({ "_gt": 9 }), json!("10"), Json::Null),
            (json!({ "_lte": "2024-05-01" }), json!("2024-05-01"), json!("2024-05-02")),
            (json!({ "_in": ["a", "b"] }), json!("b"), json!("c")),
            (json!({ "_nin": ["a", "b"] }), json!("c"), json!("b")),
            (json!({ "_nin": "a,b" }), json!("c"), json!("b")),
            (json!({ "_nin": [["a", "b"]] }), json!("c"), json!("b")),
            (json!({ "_nin": [5] }), json!({ "id": 4 }), json!({ "id": 5 })),
            (json!({ "_neq": 5 }), json!("6"), json!("05")),
            (json!({ "_nbetween": "1,3" }), json!(4), json!(3)),
            (
                json!({ "_gte": "2024-05-01T12:00:00Z" }),
                json!("2024-05-01T14:00:00+02:00"),
                json!("2024-05-01T23:00:00+23:00"),
            ),
            (
                json!({ "_neq": "6ba7b810-9dad-11d1-80b4-00c04fd430c8" }),
                json!("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
                json!("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"),
            ),
            (json!({ "_between": [1, 3] }), json!(3), json!(4)),
            (json!({ "_nbetween": [1, 3] }), json!(4), json!(3)),
            (json!({ "_null": true }), Json::Null, json!(0)),
            (json!({ "_nnull": true }), json!(0), Json::Null),
            (json!({ "_nempty": true }), json!("x"), json!("")),
            (json!({ "_empty": true }), json!([]), json!("x")),
            (json!({ "_contains": "b" }), json!("abc"), json!("ABC")),
            (json!({ "_icontains": "B" }), json!("abc"), json!("ac")),
            (json!({ "_ncontains": "b" }), json!("ac"), json!("abc")),
            (json!({ "_starts_with": "a" }), json!("ab"), json!("ba")),
            (json!({ "_niends_with": "A" }), json!("ab"), json!("ba")),
            (json!({ "_regex": "^[a-z]+$" }), json!("abc"), json!("ab1")),
            (json!({ "_regex": "/^\\d{2,}$/" }), json!(42), json!(4)),
            (json!({ "_and": [{ "_gt": 1 }, { "_lt": 3 }] }), json!(2), json!(3)),
            (json!({ "_or": [{ "_eq": 1 }, { "_eq": 2 }] }), json!(2), json!(3)),
        ] {
            assert!(passes(json!({ "a": operators }), json!({ "a": right })), "{operators} {right}");
            assert!(!passes(json!({ "a": operators }), json!({ "a": wrong })), "{operators} {wrong}");
        }
    }

    #[test]
    fn all_that_is_broken_is_told() {
        let filter = json!({ "_and": [{ "a": { "_eq": 1 } }, { "b": { "_contains": "x" } }] });
        let expected = [("a".to_owned(), "eq"), ("b".to_owned(), "contains")];
        assert_eq!(broken(filter, json!({ "a": 2, "b": null })), expected);
        let either = json!({ "_or": [{ "a": { "_eq": 1 } }, { "b": { "_eq": 1 } }] });
        assert!(passes(either.clone(), json!({ "a": 2, "b": 1 })));
        assert_eq!(broken(either, json!({ "a": 2, "b": 2 })), [("a".to_owned(), "eq")]);
    }

    #[test]
    fn what_nobody_understands_holds_of_nothing() {
        assert_eq!(broken(json!({ "a": { "_near": 1 } }), json!({ "a": 1 })), [("a".to_owned(), "unsafe")]);
        assert_eq!(broken(json!({ "a": { "_regex": "(" } }), json!({ "a": "x" })), [("a".to_owned(), "unsafe")]);
    }

    #[test]
    fn what_cannot_be_understood_is_known_before() {
        for (filter, is_fault) in [
            (json!({ "a": { "_eq": 1 }, "_or": [{ "b": { "_regex": "^x" } }] }), false),
            (json!({ "a": 1, "b": { "_submitted": true } }), false),
            (json!({ "a": { "_equals": 1 } }), true),
            (json!({ "_and": [{ "a": { "_regex": "(" } }] }), true),
            (json!({ "a": { "_between": [1] } }), true),
        ] {
            assert_eq!(fault(&filter).is_some(), is_fault, "{filter}");
        }
    }

    #[test]
    fn what_is_given_of_a_related_item_is_looked_at() {
        let filter = json!({ "author": { "name": { "_nnull": true } } });
        assert!(passes(filter.clone(), json!({ "author": { "name": "Ann" } })));
        assert!(!passes(filter.clone(), json!({ "author": { "name": null } })));
        assert!(passes(filter, json!({ "author": 1 })));
    }
}
