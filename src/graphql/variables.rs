//! Values by the specification's input coercion (6.1.2, 3.10): variables as
//! they arrive with a request, and literals, in which variables may stand.

use async_graphql::parser::types::{BaseType, Type as DeclaredType, VariableDefinition};
use async_graphql_value::Value;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::{
    schema::is_valid_scalar,
    types::{InputMembers, Type, Types},
};
use crate::predicate::{Input, Presence, VariableId};

/// What a variable's value is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is bound to a placeholder; only its presence shapes the statement.
    Operand,
    /// It shapes the statement.
    Structural,
}

/// An operation's variables while it is planned.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) names: &'a [String],
    pub(super) roles: &'a [Role],
    pub(super) values: &'a [Option<Json>],
}

impl<'a> Scope<'a> {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The value of a variable; `None` if it was not given.
    pub(super) fn value(&self, name: &str) -> Option<&'a Json> {
        self.values.get(self.position(name)?)?.as_ref()
    }

    fn input(&self, name: &str) -> Input {
        let Some(position) = self.position(name) else {
            return Input::Variable(VariableId(u16::MAX), Presence::Absent);
        };
        let value = self.values[position].as_ref();
        match (self.roles[position], value) {
            (Role::Structural, Some(json)) => Input::from(json.clone()),
            (_, value) => Input::Variable(VariableId(position as u16), Presence::of(value)),
        }
    }
}

/// The values of an operation's variables, defaults filled in, by position.
///
/// # Errors
/// One message per variable that does not fit.
pub(super) fn coerce_variables(
    types: &Types<'_>,
    definitions: &[VariableDefinition],
    mut given: Map<String, Json>,
) -> Result<Vec<Option<Json>>, Vec<String>> {
    let mut values = Vec::with_capacity(definitions.len());
    let mut problems = Vec::new();
    for definition in definitions {
        let name = definition.name.node.as_str();
        let declared = &definition.var_type.node;
        // Not `default_value()`, which takes null for the default of all that may
        // be null: a variable that is left out is not one that is null.
        let default = definition.default_value.as_ref().and_then(|value| value.node.clone().into_json().ok());
        match given.get_mut(name).map(Json::take).or(default) {
            Some(mut value) => match coerce_json(types, declared, &mut value) {
                Ok(()) => values.push(Some(value)),
                Err(problem) => {
                    problems.push(format!("Variable \"${name}\" got invalid value {}; {problem}", short(&value)));
                }
            },
            None if !declared.nullable => {
                problems.push(format!("Variable \"${name}\" of required type \"{declared}\" was not provided."));
            }
            None => values.push(None),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// In place: payloads may be large, and most of what is in them stays as it is.
/// A value that does not fit is shown as far as it has come.
fn coerce_json(types: &Types<'_>, declared: &DeclaredType, value: &mut Json) -> Result<(), String> {
    if value.is_null() {
        return if declared.nullable { Ok(()) } else { Err(format!("\"{declared}\" is never null.")) };
    }
    match (&declared.base, value) {
        (BaseType::List(item), Json::Array(items)) => {
            items.iter_mut().try_for_each(|value| coerce_json(types, item, value))
        }
        (BaseType::List(item), single) => {
            coerce_json(types, item, single)?;
            make_list(single);
            Ok(())
        }
        (BaseType::Named(name), value) => coerce_named(types, name.as_str(), value),
    }
}

/// A single value counts as a list of one.
fn make_list(single: &mut Json) {
    let value = single.take();
    *single = Json::Array(vec![value]);
}

fn coerce_named(types: &Types<'_>, name: &str, value: &mut Json) -> Result<(), String> {
    if matches!(name, "Int" | "Float" | "String" | "Boolean" | "ID") {
        return leaf(name, value);
    }
    let Some(members) = types.input_members(name) else { return leaf(name, value) };
    let Json::Object(given) = value else { return Err(format!("Expected type \"{name}\" to be an object.")) };
    for (member, value) in given.iter_mut() {
        let of = members.get(member).ok_or_else(|| unknown_member(name, member))?;
        coerce_member(types, of, value)?;
    }
    check_required(types, name, &members, |member| given.contains_key(member))
}

/// What an input object must have, unless it names a row that has it.
fn check_required(
    types: &Types<'_>,
    name: &str,
    members: &InputMembers,
    given: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let lacks = |(member, of): &(&String, &Type)| of.non_null && of.default.is_none() && !given(member);
    match members.iter().filter(lacks).min_by_key(|(member, _)| *member) {
        Some((member, of)) if !types.names_a_row(name, |key| given(key)) => {
            Err(format!("Field \"{name}.{member}\" of required type \"{}!\" was not provided.", of.name))
        }
        _ => Ok(()),
    }
}

fn coerce_member(types: &Types<'_>, of: &Type, value: &mut Json) -> Result<(), String> {
    match value {
        Json::Null if of.non_null => Err(format!("\"{}!\" is never null.", of.name)),
        Json::Null => Ok(()),
        Json::Array(items) if of.list => {
            let item = Type { list: false, ..of.clone() };
            items.iter_mut().try_for_each(|value| coerce_member(types, &item, value))
        }
        single if of.list => {
            coerce_named(types, &of.name, single)?;
            make_list(single);
            Ok(())
        }
        value => coerce_named(types, &of.name, value),
    }
}

fn unknown_member(input: &str, member: &str) -> String {
    format!("Field \"{member}\" is not defined by type \"{input}\".")
}

/// A scalar; what can be read as one becomes one.
fn leaf(name: &str, value: &mut Json) -> Result<(), String> {
    let fits = match (name, &*value) {
        ("Int", Json::Number(number)) => {
            let whole =
                number.as_i64().or_else(|| number.as_f64().filter(|real| real.fract() == 0.0).map(|real| real as i64));
            match whole.filter(|whole| i32::try_from(*whole).is_ok()) {
                Some(whole) => {
                    *value = Json::from(whole);
                    true
                }
                None => false,
            }
        }
        ("Float", Json::Number(_)) | ("String" | "ID", Json::String(_)) | ("Boolean", Json::Bool(_)) => true,
        ("ID", Json::Number(number)) if number.is_i64() || number.is_u64() => {
            *value = Json::String(number.to_string());
            true
        }
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
        (custom, value) => is_valid_scalar(custom, value),
    };
    if fits { Ok(()) } else { Err(format!("{name} cannot represent the value {}.", short(value))) }
}

/// A literal, checked against its type, in which variables may stand: where
/// one does, the schema's validation has not looked.
///
/// # Errors
/// What does not fit.
pub(super) fn coerce_literal(types: &Types<'_>, scope: Scope<'_>, of: &Type, value: &Value) -> Result<Input, String> {
    match value {
        Value::Variable(name) => Ok(scope.input(name)),
        Value::Null => Ok(Input::Scalar(Json::Null)),
        Value::List(items) if of.list => {
            let item = Type { list: false, ..of.clone() };
            let items = items.iter().map(|value| coerce_literal(types, scope, &item, value));
            items.collect::<Result<_, _>>().map(Input::List)
        }
        single if of.list => {
            let item = Type { list: false, ..of.clone() };
            Ok(Input::List(vec![coerce_literal(types, scope, &item, single)?]))
        }
        value => literal_named(types, scope, &of.name, value),
    }
}

fn literal_named(types: &Types<'_>, scope: Scope<'_>, name: &str, value: &Value) -> Result<Input, String> {
    let Some(members) = types.input_members(name) else { return literal_leaf(scope, name, value) };
    let Value::Object(given) = value else { return Err(format!("Expected type \"{name}\" to be an object.")) };
    let mut coerced = IndexMap::with_capacity(given.len());
    for (member, value) in given {
        let of = members.get(member.as_str()).ok_or_else(|| unknown_member(name, member))?;
        let input = coerce_literal(types, scope, of, value)?;
        // A member whose variable was not given counts as not written.
        if input.presence() != Presence::Absent {
            coerced.insert(member.to_string(), input);
        }
    }
    Ok(Input::Object(coerced))
}

fn literal_leaf(scope: Scope<'_>, name: &str, value: &Value) -> Result<Input, String> {
    if matches!(name, "JSON" | "GraphQLJsonFilter" | "GraphQLGeoJSON") {
        return Ok(opaque(scope, value));
    }
    let constant = value.clone().into_const().ok_or_else(|| format!("{name} cannot hold a variable within."))?;
    let mut json = constant.into_json().map_err(|error| error.to_string())?;
    leaf(name, &mut json)?;
    Ok(Input::Scalar(json))
}

/// A literal of a type that says nothing of what is in it.
fn opaque(scope: Scope<'_>, value: &Value) -> Input {
    match value {
        Value::Variable(name) => match scope.input(name) {
            Input::Variable(_, Presence::Absent) => Input::Scalar(Json::Null),
            known => known,
        },
        Value::List(items) => Input::List(items.iter().map(|value| opaque(scope, value)).collect()),
        Value::Object(members) => {
            Input::Object(members.iter().map(|(name, value)| (name.to_string(), opaque(scope, value))).collect())
        }
        Value::Null => Input::Scalar(Json::Null),
        Value::Number(number) => Input::Scalar(Json::Number(number.clone())),
        Value::String(text) => Input::Scalar(Json::String(text.clone())),
        Value::Boolean(truth) => Input::Scalar(Json::Bool(*truth)),
        Value::Enum(name) => Input::Scalar(Json::String(name.to_string())),
        Value::Binary(_) => Input::Scalar(Json::Null),
    }
}
