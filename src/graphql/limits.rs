//! What a document may ask for: checked before or while it is planned, each
//! limit refused with its own message.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::{error_code::ErrorCode, plan};

/// Deepest nesting of selections and values.
pub(super) const MAX_NESTING: usize = 64;

/// What one operation may cost, and what the caches may weigh.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lists, and the depth of paths and selections.
    pub lists: plan::Limits,
    /// Most lexical tokens of a document (`GRAPHQL_QUERY_TOKEN_LIMIT`).
    pub tokens: usize,
    /// Most aliases in a document.
    pub aliases: usize,
    /// Most root fields of an operation.
    pub root_fields: usize,
    /// Most statements of an operation, one for each list and relation.
    pub statements: usize,
    /// Highest estimated cost of an operation, in cells.
    pub cost: u64,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Whether the paths can be asked for.
    pub openapi: bool,
    /// Memory for cached plans, in bytes.
    pub plan_cache_bytes: u64,
    /// Memory for the schemas that callers see, in bytes.
    pub schema_cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lists: plan::Limits::default(),
            tokens: 5_000,
            aliases: 200,
            root_fields: 50,
            statements: 500,
            cost: 10_000_000,
            introspection: true,
            openapi: true,
            plan_cache_bytes: 16 << 20,
            schema_cache_bytes: 256 << 20,
        }
    }
}

/// A limit that a document exceeds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub(super) code: ErrorCode,
    /// Which limit, for `extensions.category`.
    pub(super) category: &'static str,
    pub(super) message: String,
}

impl Exceeded {
    pub(super) fn new(category: &'static str, what: &str, limit: impl std::fmt::Display) -> Self {
        let message = format!("The document has too many {what}: the limit is {limit}.");
        Self { code: ErrorCode::LimitExceeded, category, message }
    }

    /// Said as a syntax error (contract 1.4).
    pub(super) fn tokens(limit: usize) -> Self {
        let message = format!("Syntax error: the document has more than {limit} tokens.");
        Self { code: ErrorCode::GraphqlValidation, category: "tokens", message }
    }

    pub(super) fn nesting() -> Self {
        Self::new("nesting", "levels of brackets", MAX_NESTING)
    }
}

/// Holds a parsed document against the limit of aliases.
pub(super) fn check_aliases(document: &ExecutableDocument, limit: usize) -> Result<(), Exceeded> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let count: usize = operations.chain(fragments).map(count_aliases).sum();
    if count > limit { Err(Exceeded::new("aliases", "aliases", limit)) } else { Ok(()) }
}

fn count_aliases(selection: &SelectionSet) -> usize {
    let count = |item: &Selection| match item {
        Selection::Field(field) => {
            usize::from(field.node.alias.is_some()) + count_aliases(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => count_aliases(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 0,
    };
    selection.items.iter().map(|item| count(&item.node)).sum()
}

/// Fields that fragments may stand for, each spread counted. Validation walks
/// them all, and fragments that spread each other double them at every level.
const MAX_EXPANDED_FIELDS: u64 = 20_000;

/// Holds what a document's fragments stand for against a limit; must come
/// before anything that follows them.
pub(super) fn check_fragments(document: &ExecutableDocument) -> Result<(), Exceeded> {
    let mut sizes = Sizes { document, known: HashMap::new() };
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    for selection in operations.chain(document.fragments.values().map(|fragment| &fragment.node.selection_set.node)) {
        if sizes.selection(selection)? > MAX_EXPANDED_FIELDS {
            return Err(Exceeded::new("fields", "fields once its fragments are spread", MAX_EXPANDED_FIELDS));
        }
    }
    Ok(())
}

/// The number of fields that each fragment stands for.
struct Sizes<'d> {
    document: &'d ExecutableDocument,
    /// `None` while a fragment is being counted.
    known: HashMap<&'d str, Option<u64>>,
}

impl<'d> Sizes<'d> {
    fn selection(&mut self, selection: &'d SelectionSet) -> Result<u64, Exceeded> {
        let mut size = 0_u64;
        for item in &selection.items {
            let inner = match &item.node {
                Selection::Field(field) => self.selection(&field.node.selection_set.node)?.saturating_add(1),
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(spread.node.fragment_name.node.as_str())?,
            };
            size = size.saturating_add(inner);
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'d str) -> Result<u64, Exceeded> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                let message = format!("Cannot spread fragment \"{name}\" within itself.");
                return Err(Exceeded { code: ErrorCode::GraphqlValidation, category: "fragments", message });
            }
            None => {}
        }
        // Unknown fragments are validation's to name.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(0) };
        self.known.insert(name, None);
        let size = self.selection(&fragment.node.selection_set.node)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }
}

/// Most lists of the schema's own types within each other. Two fields lead from
/// a type to its fields and back, each level multiplying the answer by the
/// number of fields; what tools ask for has three lists at most.
const MAX_INTROSPECTION_LISTS: usize = 3;

/// Holds introspection against a limit; needs [`check_fragments`] before it.
pub(super) fn check_introspection(document: &ExecutableDocument) -> Result<(), Exceeded> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let deepest = operations.chain(fragments).map(|selection| introspection_lists(document, selection)).max();
    if deepest.unwrap_or(0) > MAX_INTROSPECTION_LISTS {
        return Err(Exceeded::new("introspection", "lists within lists of the schema", MAX_INTROSPECTION_LISTS));
    }
    Ok(())
}

/// The deepest nesting of lists of the schema's own types. Fragments are looked
/// into where they are spread below `__schema` or `__type`.
fn introspection_lists(document: &ExecutableDocument, selection: &SelectionSet) -> usize {
    let of_item = |item: &Selection| match item {
        Selection::Field(field) => {
            let is_schema = matches!(field.node.name.node.as_str(), "__schema" | "__type");
            let inner = &field.node.selection_set.node;
            if is_schema { lists_within(document, inner) } else { introspection_lists(document, inner) }
        }
        Selection::InlineFragment(fragment) => introspection_lists(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 0,
    };
    selection.items.iter().map(|item| of_item(&item.node)).max().unwrap_or(0)
}

/// The deepest nesting of lists below `__schema` or `__type`.
fn lists_within(document: &ExecutableDocument, selection: &SelectionSet) -> usize {
    let of_item = |item: &Selection| match item {
        Selection::Field(field) => {
            let name = field.node.name.node.as_str();
            let is_list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
            usize::from(is_list) + lists_within(document, &field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => lists_within(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => document
            .fragments
            .get(spread.node.fragment_name.node.as_str())
            .map_or(0, |fragment| lists_within(document, &fragment.node.selection_set.node)),
    };
    selection.items.iter().map(|item| of_item(&item.node)).max().unwrap_or(0)
}

/// Holds an operation against the limit of root fields.
pub(super) fn check_root_fields(count: usize, limit: usize) -> Result<(), Exceeded> {
    if count > limit { Err(Exceeded::new("root_fields", "root fields", limit)) } else { Ok(()) }
}

/// Holds an operation against the limit of its estimated cost.
pub(super) fn check_cost(cost: u64, limit: u64) -> Result<(), Exceeded> {
    if cost <= limit {
        return Ok(());
    }
    let message = format!(
        "The operation may cost {cost} cells, more than the limit of {limit}: ask for smaller limits or fewer \
         levels."
    );
    Err(Exceeded { code: ErrorCode::LimitExceeded, category: "cost", message })
}
