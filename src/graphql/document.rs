//! Documents: which operation is meant, which fields a selection has once its
//! fragments are merged, and what its variables are for.

use std::collections::HashSet;

use async_graphql::{
    Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use async_graphql_value::Value;
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{
    answer::Problem,
    mutations::{SCOPES, TRANSACTION},
    variables::{Role, Scope},
};
use crate::engine::Position;

/// The operation that a request means.
///
/// # Errors
/// Why there is none.
pub(super) fn operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Result<&'d OperationDefinition, String> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(name)) => Err(format!("Unknown operation named \"{name}\".")),
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .iter()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, operation)| &operation.node)
            .ok_or_else(|| format!("Unknown operation named \"{name}\".")),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(&operation.node),
            _ => Err("Must provide operation name if query contains multiple operations.".to_owned()),
        },
    }
}

/// The document without `@transaction` on its operations, which the schema's
/// library cannot be told of; and what is wrong with how it is used.
pub(super) fn without_transaction(mut document: ExecutableDocument) -> (ExecutableDocument, Vec<Problem>) {
    let mut problems = Vec::new();
    let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        let kind = operation.node.ty;
        let mut found = operation.node.directives.extract_if(.., |it| it.node.name.node == TRANSACTION);
        let Some(first) = found.next() else { continue };
        let mut report = |message: String| {
            problems.push(Problem {
                message,
                locations: vec![(first.pos.line, first.pos.column)],
                ..Problem::default()
            });
        };
        if kind != OperationType::Mutation {
            report(format!("Directive \"@{TRANSACTION}\" may not be used on {}.", kind.to_string().to_uppercase()));
        }
        if found.next().is_some() {
            report(format!("The directive \"@{TRANSACTION}\" can only be used once at this location."));
        }
        for (name, value) in &first.node.arguments {
            let fits = matches!(&value.node, Value::Enum(scope) if SCOPES.contains(&scope.as_str()));
            if name.node != "scope" {
                report(format!("Unknown argument \"{}\" on directive \"@{TRANSACTION}\".", name.node));
            } else if !fits {
                report(format!("\"scope\" of \"@{TRANSACTION}\" is {}, not {}.", SCOPES.join(" or "), value.node));
            }
        }
    }
    (document, problems)
}

/// All uses of one response key in a selection, merged.
pub(super) struct Collected<'d> {
    pub(super) key: &'d str,
    pub(super) position: Position,
    pub(super) field: &'d Field,
    pub(super) selections: Vec<&'d SelectionSet>,
}

impl Collected<'_> {
    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        self.field.get_argument(name).map(|value| &value.node)
    }
}

/// A document being walked with the values that decide `@skip` and `@include`.
#[derive(Clone, Copy)]
pub(super) struct Walk<'d, 's> {
    pub(super) document: &'d ExecutableDocument,
    pub(super) scope: Scope<'s>,
}

impl<'d> Walk<'d, '_> {
    /// The fields of selections on an object, in the order of their first use.
    /// Validation has made sure that equal response keys can be merged, and that type
    /// conditions fit: they need a look only where unions may be on the way.
    pub(super) fn collect(&self, selections: &[&'d SelectionSet]) -> Vec<Collected<'d>> {
        self.collect_where(selections, &|_| true)
    }

    /// The same of those fragments whose type's name `applies`.
    pub(super) fn collect_where(
        &self,
        selections: &[&'d SelectionSet],
        applies: &dyn Fn(&str) -> bool,
    ) -> Vec<Collected<'d>> {
        let mut fields = IndexMap::new();
        let mut seen = HashSet::new();
        for selection in selections {
            self.collect_into(&mut fields, &mut seen, selection, applies);
        }
        fields.into_values().collect()
    }

    /// A fragment adds nothing the second time, so it is followed once: spread
    /// within each other, fragments could stand for any number of fields.
    fn collect_into(
        &self,
        fields: &mut IndexMap<&'d str, Collected<'d>>,
        seen: &mut HashSet<&'d str>,
        selection: &'d SelectionSet,
        applies: &dyn Fn(&str) -> bool,
    ) {
        for Positioned { pos, node } in &selection.items {
            if self.is_skipped(node) {
                continue;
            }
            match node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    let position = Position { line: pos.line as u32, column: pos.column as u32 };
                    let collected = fields.entry(key).or_insert_with(|| Collected {
                        key,
                        position,
                        field: &field.node,
                        selections: Vec::new(),
                    });
                    collected.selections.push(&field.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let fragment = self.document.fragments.get(name);
                    let fragment = fragment.filter(|it| applies(&it.node.type_condition.node.on.node));
                    if let Some(fragment) = fragment.filter(|_| seen.insert(name)) {
                        self.collect_into(fields, seen, &fragment.node.selection_set.node, applies);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| applies(&condition.node.on.node)) {
                        self.collect_into(fields, seen, &fragment.node.selection_set.node, applies);
                    }
                }
            }
        }
    }

    fn is_skipped(&self, selection: &Selection) -> bool {
        selection.directives().iter().any(|directive| {
            let wanted = match directive.node.name.node.as_str() {
                "skip" => false,
                "include" => true,
                _ => return false,
            };
            let condition = directive.node.get_argument("if").map(|value| &value.node);
            let truth = match condition {
                Some(Value::Boolean(truth)) => Some(*truth),
                Some(Value::Variable(name)) => self.scope.value(name).and_then(Json::as_bool),
                _ => None,
            };
            truth.is_some_and(|truth| truth != wanted)
        })
    }
}

/// What each variable of an operation is for. One that is only ever compared
/// with something, looked up or skipped over by can be bound; any other shapes
/// the statements.
pub(super) fn roles(document: &ExecutableDocument, names: &[String]) -> Vec<Role> {
    let mut roles = Roles { names, roles: vec![Role::Operand; names.len()] };
    for (_, operation) in document.operations.iter() {
        roles.directives(&operation.node.directives);
        roles.selection(&operation.node.selection_set.node, false);
    }
    for fragment in document.fragments.values() {
        let of_schema = fragment.node.type_condition.node.on.node.starts_with("__");
        roles.selection(&fragment.node.selection_set.node, of_schema);
    }
    roles.roles
}

struct Roles<'a> {
    names: &'a [String],
    roles: Vec<Role>,
}

impl Roles<'_> {
    /// `of_schema`: within `__schema` or `__type`, whose answers are part of
    /// the plan.
    fn selection(&mut self, selection: &SelectionSet, of_schema: bool) {
        for item in &selection.items {
            self.directives(item.node.directives());
            match &item.node {
                Selection::Field(field) => {
                    let of_schema = of_schema || field.node.name.node.starts_with("__");
                    match of_schema {
                        true => field.node.arguments.iter().for_each(|(_, value)| self.structural(&value.node)),
                        false => self.arguments(&field.node),
                    }
                    self.selection(&field.node.selection_set.node, of_schema);
                }
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node, of_schema),
                // Fragments are walked by themselves.
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &[Positioned<async_graphql::parser::types::Directive>]) {
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.structural(&value.node);
            }
        }
    }

    fn arguments(&mut self, field: &Field) {
        for (name, value) in &field.arguments {
            match name.node.as_str() {
                "filter" => self.filter(&value.node),
                "sort" | "limit" | "groupBy" | "path" | "version" | "on" | "event" | "overflow" | "snapshot" => {
                    self.structural(&value.node)
                }
                // `offset`, `page`, `search`, the parts of a key, and `data`.
                _ => {}
            }
        }
    }

    fn filter(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match name.as_str() {
                        // Compared by what the values are: numbers are not texts there.
                        "_json" => self.structural(value),
                        name if is_operand(name) && holds_operands(name, value) => {}
                        _ => self.filter(value),
                    }
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.filter(item)),
            other => self.structural(other),
        }
    }

    fn structural(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => {
                if let Some(position) = self.names.iter().position(|known| known == name.as_str()) {
                    self.roles[position] = Role::Structural;
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.structural(item)),
            Value::Object(members) => members.values().for_each(|value| self.structural(value)),
            _ => {}
        }
    }
}

/// Whether an operator compares with values that can be bound.
fn is_operand(name: &str) -> bool {
    name.starts_with('_')
        && !matches!(
            name,
            "_and"
                | "_or"
                | "_some"
                | "_none"
                | "_null"
                | "_nnull"
                | "_empty"
                | "_nempty"
                | "_intersects"
                | "_nintersects"
                | "_intersects_bbox"
                | "_nintersects_bbox"
        )
}

/// Variables as whole values, or as elements of a list. A whole `_between` is
/// two values, which the statement has to know apart.
fn holds_operands(name: &str, value: &Value) -> bool {
    match value {
        Value::Variable(_) => !matches!(name, "_between" | "_nbetween"),
        Value::List(items) => items.iter().all(|item| !matches!(item, Value::List(_) | Value::Object(_))),
        Value::Object(_) => false,
        _ => true,
    }
}
