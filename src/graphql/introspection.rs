//! `__schema` and `__type`: answered by async-graphql, once per plan, since the
//! answer only changes with the schema.

use async_graphql::{
    Pos, Positioned, Request, Variables,
    dynamic::Schema,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};
use serde_json::{Map, Value as Json};

use super::{
    document::{Collected, Walk},
    mutations,
    schema::Validated,
};

/// The answers to the introspection fields among `fields`, by response key.
///
/// # Errors
/// The messages of what went wrong.
pub(super) async fn answers(
    schema: &Schema,
    walk: Walk<'_, '_>,
    operation: &OperationDefinition,
    variables: &Map<String, Json>,
) -> Result<Map<String, Json>, Vec<String>> {
    let fields = walk.collect(&[&operation.selection_set.node]);
    let asked: Vec<&Collected<'_>> =
        fields.iter().filter(|field| matches!(field.field.name.node.as_str(), "__schema" | "__type")).collect();
    let document = only(walk.document, operation, &asked);
    let bound = Variables::from_json(Json::Object(variables.clone()));
    let mut request = Request::new("").variables(bound).data(Validated);
    request.set_parsed_query(document);
    let response = schema.execute(request).await;
    if !response.errors.is_empty() {
        return Err(response.errors.into_iter().map(|error| error.message).collect());
    }
    let ConstValue::Object(members) = response.data else { return Err(vec!["the schema has no answer".to_owned()]) };
    let mut answers = Map::with_capacity(members.len());
    for (key, value) in members {
        answers.insert(key.to_string(), value.into_json().map_err(|error| vec![error.to_string()])?);
    }
    if schema.registry().mutation_type.is_some() {
        for field in asked {
            match answers.get_mut(field.key) {
                Some(Json::Object(told)) if field.field.name.node == "__schema" => add_transaction(walk, field, told),
                Some(told @ Json::Null) if asks_for_scope(field, variables) => {
                    *told = picked(walk, field, &mutations::transaction_scope());
                }
                _ => {}
            }
        }
    }
    Ok(answers)
}

/// Adds `@transaction`, which the library cannot be told of, and the type of its
/// argument, which the library takes for unused.
fn add_transaction(walk: Walk<'_, '_>, schema: &Collected<'_>, told: &mut Map<String, Json>) {
    for field in &walk.collect(&schema.selections) {
        let added = match field.field.name.node.as_str() {
            "directives" => mutations::transaction_directive(),
            "types" => mutations::transaction_scope(),
            _ => continue,
        };
        if let Some(Json::Array(members)) = told.get_mut(field.key) {
            members.push(picked(walk, field, &added));
        }
    }
}

/// Whether a `__type` is that of the directive's argument.
fn asks_for_scope(field: &Collected<'_>, variables: &Map<String, Json>) -> bool {
    match field.field.get_argument("name").map(|argument| &argument.node) {
        Some(Value::String(name)) => name == mutations::TRANSACTION_SCOPE,
        Some(Value::Variable(variable)) => {
            variables.get(variable.as_str()).and_then(Json::as_str) == Some(mutations::TRANSACTION_SCOPE)
        }
        _ => false,
    }
}

/// What a selection picks of a value.
fn picked(walk: Walk<'_, '_>, field: &Collected<'_>, value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(|item| picked(walk, field, item)).collect(),
        Json::Object(members) => {
            let fields = walk.collect(&field.selections);
            let pick = |field: &Collected<'_>| {
                let value = members.get(field.field.name.node.as_str()).unwrap_or(&Json::Null);
                (field.key.to_owned(), picked(walk, field, value))
            };
            Json::Object(fields.iter().map(pick).collect())
        }
        scalar => scalar.clone(),
    }
}

/// A document with nothing but these fields in its one operation.
fn only(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    fields: &[&Collected<'_>],
) -> ExecutableDocument {
    let items = fields.iter().map(|field| {
        let mut node = field.field.clone();
        node.selection_set.node.items =
            field.selections.iter().flat_map(|selection| selection.items.iter().cloned()).collect();
        Positioned::new(Selection::Field(Positioned::new(node, Pos::default())), Pos::default())
    });
    let mut operation = operation.clone();
    operation.selection_set.node = SelectionSet { items: items.collect() };
    let operations = DocumentOperations::Single(Positioned::new(operation, Pos::default()));
    ExecutableDocument { operations, fragments: document.fragments.clone() }
}
