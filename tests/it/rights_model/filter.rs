//! Filters, and of which rows they hold: the obvious way.

use serde_json::{Value as Json, json};

use super::world::{Holds, List, Row, WORDS, World};
use crate::support::Dice;

/// What the caller is called in rules.
pub const USER: &str = "$CURRENT_USER";

#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Test {
        field: String,
        operator: &'static str,
        operand: Json,
    },
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// Of the row that a link points to, or of a row of nulls.
    One(String, Box<Filter>),
    /// Of at least one of a list.
    Some(String, Box<Filter>),
    /// Of none of a list.
    None(String, Box<Filter>),
}

/// Where a link leads.
pub enum Way<'a> {
    /// It may not be followed from here.
    Hidden,
    /// To nothing.
    Nothing,
    To(&'a Row),
}

/// Rows as somebody sees them.
pub trait View {
    fn world(&self) -> &World;
    fn value(&self, table: usize, row: &Row, field: &str) -> Json;
    fn one(&self, table: usize, row: &Row, link: &str) -> Way<'_>;
    /// The rows of a list; none where it may not be seen.
    fn many(&self, table: usize, row: &Row, list: &List) -> Option<Vec<&Row>>;
    /// What stands for the caller in rules.
    fn user(&self) -> Option<&str>;
}

impl Filter {
    /// A filter over fields for which `may` holds, given the table.
    pub fn any(
        dice: &mut Dice,
        world: &World,
        table: usize,
        may: &dyn Fn(usize, &str) -> bool,
        is_rule: bool,
        depth: usize,
    ) -> Option<Self> {
        let fields: Vec<&str> = world.tables[table].fields().into_iter().filter(|field| may(table, field)).collect();
        if fields.is_empty() {
            return None;
        }
        if depth > 0 && dice.below(4) == 0 {
            let parts: Vec<Self> =
                (0..2).filter_map(|_| Self::any(dice, world, table, may, is_rule, depth - 1)).collect();
            // An empty list is no condition.
            return (!parts.is_empty()).then_some(if dice.below(2) == 0 { Self::All(parts) } else { Self::Any(parts) });
        }
        for _ in 0..6 {
            let field = dice.one(&fields);
            if let Some(list) = world.tables[table].list(field) {
                if depth == 0 {
                    continue;
                }
                let inner = Self::any(dice, world, list.child, may, is_rule, depth - 1)?;
                let field = field.to_owned();
                return Some(match dice.below(2) {
                    0 => Self::Some(field, Box::new(inner)),
                    _ => Self::None(field, Box::new(inner)),
                });
            }
            let holds = world.tables[table].column(field).expect("it is no list").holds;
            let (operator, operand) = match holds {
                Holds::Link(target) if depth > 0 => {
                    let inner = Self::any(dice, world, target, may, is_rule, depth - 1)?;
                    return Some(Self::One(field.to_owned(), Box::new(inner)));
                }
                Holds::Link(_) if is_rule => ("_null", json!(dice.below(2) == 0)),
                Holds::Link(_) => continue,
                Holds::Text if is_rule && dice.below(2) == 0 => ("_eq", json!(USER)),
                _ if dice.below(5) == 0 && holds != Holds::Key => ("_null", json!(dice.below(2) == 0)),
                Holds::Text => match dice.below(4) {
                    0 => ("_contains", json!(dice.one(&["b", "n", "z"]))),
                    1 => ("_in", json!([dice.one(&WORDS), dice.one(&WORDS)])),
                    2 => ("_neq", json!(dice.one(&WORDS))),
                    _ => ("_eq", json!(dice.one(&WORDS))),
                },
                Holds::Number | Holds::Key => match dice.below(5) {
                    0 => ("_in", json!([dice.below(6), dice.below(6)])),
                    1 => ("_neq", json!(dice.below(6))),
                    2 => ("_gt", json!(dice.below(6))),
                    3 => ("_lte", json!(dice.below(6))),
                    _ => ("_eq", json!(dice.below(6))),
                },
            };
            return Some(Self::Test { field: field.to_owned(), operator, operand });
        }
        None
    }

    pub fn json(&self) -> Json {
        let all = |parts: &[Self]| parts.iter().map(Self::json).collect::<Vec<_>>();
        match self {
            Self::Test { field, operator, operand } => json!({ field: { *operator: operand } }),
            Self::All(parts) => json!({ "_and": all(parts) }),
            Self::Any(parts) => json!({ "_or": all(parts) }),
            Self::One(field, inner) => json!({ field: inner.json() }),
            Self::Some(field, inner) => json!({ field: { "_some": inner.json() } }),
            Self::None(field, inner) => json!({ field: { "_none": inner.json() } }),
        }
    }

    /// Whether it looks at other rows.
    pub fn is_related(&self) -> bool {
        match self {
            Self::Test { .. } => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_related),
            Self::One(..) | Self::Some(..) | Self::None(..) => true,
        }
    }

    /// Whether it holds of a row, or of the row of nulls that stands for one that
    /// is not there.
    pub fn holds(&self, view: &dyn View, table: usize, row: Option<&Row>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(view, table, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view, table, row)),
            Self::Test { field, operator, operand } => {
                let value = row.map_or(Json::Null, |row| view.value(table, row, field));
                passes(operator, operand, &value, view.user())
            }
            Self::One(field, inner) => {
                let target = view.world().tables[table].target(field).expect("it is a link");
                match row.map_or(Way::Nothing, |row| view.one(table, row, field)) {
                    Way::Hidden => false,
                    Way::Nothing => inner.holds(view, target, None),
                    Way::To(other) => inner.holds(view, target, Some(other)),
                }
            }
            Self::Some(field, inner) | Self::None(field, inner) => {
                let list = view.world().tables[table].list(field).expect("it is a list");
                let rows = row.map_or(Some(Vec::new()), |row| view.many(table, row, list));
                let is_one = |rows: Vec<&Row>| rows.iter().any(|row| inner.holds(view, list.child, Some(row)));
                rows.is_some_and(|rows| is_one(rows) == matches!(self, Self::Some(..)))
            }
        }
    }
}

fn passes(operator: &str, operand: &Json, value: &Json, user: Option<&str>) -> bool {
    let operand = match (operand.as_str(), user) {
        (Some(USER), Some(user)) => json!(user),
        // Nobody's are those that belong to nobody.
        (Some(USER), None) => return value.is_null(),
        _ => operand.clone(),
    };
    match operator {
        "_null" => value.is_null() == (operand == json!(true)),
        _ if value.is_null() => false,
        "_eq" => *value == operand,
        "_neq" => *value != operand,
        "_in" => operand.as_array().is_some_and(|values| values.contains(value)),
        "_contains" => value.as_str().zip(operand.as_str()).is_some_and(|(text, part)| text.contains(part)),
        "_gt" => value.as_i64() > operand.as_i64(),
        "_lte" => value.as_i64() <= operand.as_i64(),
        other => unreachable!("{other}"),
    }
}

/// JSON as GraphQL spells it.
pub fn spelled(json: &Json) -> String {
    match json {
        Json::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}: {}", spelled(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(spelled).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
