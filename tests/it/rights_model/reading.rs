//! Queries made up at random, and what they are answered with: the obvious way.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use tidegate::permissions::Action;

use super::{
    filter::{Filter, View as _, Way, spelled},
    rules::Seen,
    world::{Holds, Row},
};
use crate::support::Dice;

/// What is selected of a row.
#[derive(Clone, Debug)]
pub enum Pick {
    Value(String),
    One { link: String, target: usize, picks: Vec<Pick> },
    Many { list: String, child: usize, filter: Option<Filter>, picks: Vec<Pick> },
    Count { list: String },
}

impl Pick {
    /// Some fields of a table that the caller may name; none if there are none.
    pub fn some(dice: &mut Dice, seen: &Seen<'_>, table: usize, depth: usize) -> Vec<Self> {
        let names = &seen.plain.world.tables[table];
        let mut all: Vec<Self> = Vec::new();
        for field in names.fields().into_iter().filter(|field| seen.is_known(table, field)) {
            let name = field.to_owned();
            let child = names.target(field).or_else(|| names.list(field).map(|list| list.child));
            let deeper = child.filter(|_| depth > 0).map(|child| Self::some(dice, seen, child, depth - 1));
            let picks = deeper.filter(|picks| !picks.is_empty());
            all.extend(match (names.target(field), names.list(field), picks) {
                (Some(target), _, picks) => picks.map(|picks| Self::One { link: name, target, picks }),
                (None, Some(list), Some(picks)) if dice.below(4) > 0 => {
                    let filter = filter(dice, seen, list.child).filter(|_| dice.below(2) == 0);
                    Some(Self::Many { list: name, child: list.child, filter, picks })
                }
                (None, Some(_), _) => Some(Self::Count { list: name }),
                (None, None, _) => Some(Self::Value(name)),
            });
        }
        let some: Vec<Self> = all.iter().filter(|_| dice.below(2) == 0).cloned().collect();
        if some.is_empty() { all } else { some }
    }

    /// Values of the row's own columns.
    pub fn values(dice: &mut Dice, seen: &Seen<'_>, table: usize) -> Vec<Self> {
        let columns = seen.plain.world.tables[table].columns.iter();
        let known = columns.filter(|column| {
            !matches!(column.holds, Holds::Link(_)) && seen.rights.allows(table, Action::Read, &column.name)
        });
        let all: Vec<Self> = known.map(|column| Self::Value(column.name.clone())).collect();
        let some: Vec<Self> = all.iter().filter(|_| dice.below(3) > 0).cloned().collect();
        if some.is_empty() { all } else { some }
    }

    fn field(&self) -> &str {
        match self {
            Self::Value(field) | Self::One { link: field, .. } => field,
            Self::Many { list, .. } | Self::Count { list } => list,
        }
    }

    fn to_graphql(&self) -> String {
        match self {
            Self::Value(field) => field.clone(),
            Self::One { link, picks, .. } => format!("{link} {{ {} }}", selection(picks)),
            Self::Many { list, filter, picks, .. } => {
                let filter = filter.as_ref().map_or(json!({}), Filter::json);
                format!("{list}(filter: {}, limit: -1) {{ {} }}", spelled(&filter), selection(picks))
            }
            Self::Count { list } => format!("{list}_func {{ count }}"),
        }
    }
}

/// A filter that a caller can write.
pub fn filter(dice: &mut Dice, seen: &Seen<'_>, table: usize) -> Option<Filter> {
    let may = |table: usize, field: &str| seen.is_known(table, field);
    let depth = dice.below(3) as usize;
    Filter::any(dice, seen.plain.world, table, &may, false, depth)
}

pub fn selection(picks: &[Pick]) -> String {
    picks.iter().map(Pick::to_graphql).collect::<Vec<_>>().join(" ")
}

pub fn asked(picks: &[Pick]) -> Vec<&str> {
    picks.iter().map(Pick::field).collect()
}

/// A row as it is shown.
pub fn shown(seen: &Seen<'_>, table: usize, row: &Row, picks: &[Pick]) -> Json {
    let mut members = Map::new();
    for pick in picks {
        let list = |name: &str| seen.plain.world.tables[table].list(name).expect("it is a list");
        let (name, value) = match pick {
            Pick::Value(field) => {
                let value = seen.value(table, row, field);
                let is_key = seen.plain.world.tables[table].columns[0].name == *field;
                (field.clone(), if is_key && !value.is_null() { json!(value.to_string()) } else { value })
            }
            Pick::One { link, target, picks } => {
                let there = match seen.one(table, row, link) {
                    Way::To(other) if seen.is_there(*target, other, &asked(picks)) => Some(other),
                    Way::To(_) | Way::Nothing | Way::Hidden => None,
                };
                (link.clone(), there.map_or(Json::Null, |other| shown(seen, *target, other, picks)))
            }
            Pick::Many { list: name, child, filter, picks } => {
                let rows = seen.listed(table, row, list(name));
                let value = rows.map_or(Json::Null, |rows| {
                    let rows = rows.into_iter().filter(|row| {
                        seen.is_there(*child, row, &asked(picks))
                            && filter.as_ref().is_none_or(|filter| filter.holds(seen, *child, Some(row)))
                    });
                    rows.map(|row| shown(seen, *child, row, picks)).collect()
                });
                (name.clone(), value)
            }
            Pick::Count { list: name } => {
                let count = seen.listed(table, row, list(name)).map(|rows| rows.len());
                (format!("{name}_func"), json!({ "count": count }))
            }
        };
        members.insert(name, value);
    }
    Json::Object(members)
}

/// The same, whatever order rows have in lists and members in objects.
pub fn unordered(json: Json) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.into_iter().map(unordered).collect();
            items.sort_by_key(Json::to_string);
            items.into()
        }
        Json::Object(members) => {
            let members: BTreeMap<String, Json> =
                members.into_iter().map(|(name, value)| (name, unordered(value))).collect();
            members.into_iter().collect()
        }
        other => other,
    }
}

/// Where two answers part.
pub fn difference(found: &Json, expected: &Json) -> Option<String> {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) if found.keys().eq(expected.keys()) => {
            let parts = found.iter().zip(expected.values());
            parts.into_iter().find_map(|((name, one), other)| Some(format!("{name}.{}", difference(one, other)?)))
        }
        (Json::Array(found), Json::Array(expected)) if found.len() == expected.len() => {
            let parts = found.iter().zip(expected).enumerate();
            parts.into_iter().find_map(|(at, (one, other))| Some(format!("{at}.{}", difference(one, other)?)))
        }
        (found, expected) => (found != expected).then(|| format!(" found {found}, expected {expected}")),
    }
}

/// A question, and its answer.
pub struct Question {
    pub query: String,
    /// `None` where it is refused.
    pub answer: Option<Json>,
}

/// A list of a table.
pub fn list(dice: &mut Dice, seen: &Seen<'_>, table: usize) -> Option<Question> {
    let picks = Pick::some(dice, seen, table, 2);
    if picks.is_empty() {
        return None;
    }
    let name = &seen.plain.world.tables[table].name;
    let filter = filter(dice, seen, table).filter(|_| dice.below(3) > 0);
    let written = spelled(&filter.as_ref().map_or(json!({}), Filter::json));
    let rows = seen.plain.rows[table].values().filter(|row| {
        seen.is_there(table, row, &asked(&picks))
            && filter.as_ref().is_none_or(|filter| filter.holds(seen, table, Some(row)))
    });
    let answer: Json = rows.map(|row| shown(seen, table, row, &picks)).collect();
    let query = format!("{{ {name}(filter: {written}, limit: -1) {{ {} }} }}", selection(&picks));
    Some(Question { query, answer: Some(json!({ name: answer })) })
}

/// One row by its key.
pub fn by_key(dice: &mut Dice, seen: &Seen<'_>, table: usize) -> Option<Question> {
    let picks = Pick::some(dice, seen, table, 1);
    if picks.is_empty() || !seen.rights.allows(table, Action::Read, "id") {
        return None;
    }
    let name = format!("{}_by_id", seen.plain.world.tables[table].name);
    let key = 1 + dice.below(12) as i64;
    let row = seen.plain.rows[table].get(&key);
    let row = row.filter(|row| seen.is_there(table, row, &asked(&picks)) && seen.is_seen(table, row, "id"));
    let answer = row.map(|row| json!({ &name: shown(seen, table, row, &picks) }));
    Some(Question { query: format!("{{ {name}(id: {key}) {{ {} }} }}", selection(&picks)), answer })
}

/// Counts and sums, in groups or not.
pub fn figures(dice: &mut Dice, seen: &Seen<'_>, table: usize) -> Option<Question> {
    let names = &seen.plain.world.tables[table];
    let of = |holds: Holds| {
        let mut columns = names.columns.iter().filter(move |column| column.holds == holds);
        columns.find(|column| seen.rights.allows(table, Action::Read, &column.name)).map(|column| &*column.name)
    };
    if !seen.rights.may(table, Action::Read) {
        return None;
    }
    let number = of(Holds::Number);
    let group = of(Holds::Text).filter(|_| dice.below(2) == 0);
    let filter = filter(dice, seen, table).filter(|_| dice.below(3) > 0);
    let written = spelled(&filter.as_ref().map_or(json!({}), Filter::json));
    let there: Vec<&Row> = seen.plain.rows[table]
        .values()
        .filter(|row| {
            seen.is_there(table, row, &[]) && filter.as_ref().is_none_or(|filter| filter.holds(seen, table, Some(row)))
        })
        .collect();
    let mut groups: Vec<(Json, Vec<&Row>)> = Vec::new();
    for row in there {
        let value = group.map_or(Json::Null, |field| seen.value(table, row, field));
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((value, vec![row])),
        }
    }
    if group.is_none() && groups.is_empty() {
        groups.push((Json::Null, Vec::new()));
    }
    let figures = groups.into_iter().map(|(value, rows)| {
        let mut figures = json!({ "countAll": rows.len() });
        if let Some(field) = group {
            figures["group"] = json!({ field: value });
        }
        if let Some(field) = number {
            let values: Vec<i64> = rows.iter().filter_map(|row| seen.value(table, row, field).as_i64()).collect();
            let sum = (!values.is_empty()).then(|| values.iter().sum::<i64>());
            figures["sum"] = json!({ field: sum });
            figures["max"] = json!({ field: values.iter().max() });
            figures["count"] = json!({ field: values.len() });
        }
        figures
    });
    let figures: Json = figures.collect();
    let mut picks = "countAll".to_owned();
    if let Some(field) = number {
        picks.push_str(&format!(" sum {{ {field} }} max {{ {field} }} count {{ {field} }}"));
    }
    let by = group.map_or(String::new(), |field| format!(", groupBy: [\"{field}\"]"));
    let group = if group.is_some() { "group " } else { "" };
    let name = format!("{}_aggregated", names.name);
    let query = format!("{{ {name}(filter: {written}{by}, limit: -1) {{ {group}{picks} }} }}");
    Some(Question { query, answer: Some(json!({ name: figures })) })
}
