//! `__schema` and `__type`: answered by async-graphql, once per plan, since the
//! answer only changes with the schema.

use async_graphql::{
    Pos, Positioned, Request, Variables,
    dynamic::Schema,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::ConstValue;
use serde_json::{Map, Value as Json};

use super::{
    document::{Collected, Walk},
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
    let variables = Variables::from_json(Json::Object(variables.clone()));
    let mut request = Request::new("").variables(variables).data(Validated);
    request.set_parsed_query(document);
    let response = schema.execute(request).await;
    if !response.errors.is_empty() {
        return Err(response.errors.into_iter().map(|error| error.message).collect());
    }
    match response.data {
        ConstValue::Object(members) => members
            .into_iter()
            .map(|(key, value)| Ok((key.to_string(), value.into_json().map_err(|error| vec![error.to_string()])?)))
            .collect(),
        _ => Err(vec!["the schema has no answer".to_owned()]),
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
