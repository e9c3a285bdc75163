//! What a document may ask for: checked before or while it is planned, each
//! limit refused with its own message.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::{error_code::ErrorCode, plan};

/// Deepest nesting of selections and values.
pub(super) const MAX_NESTING: usize = 64;

/// Most fields of a document once its fragments are spread.
const MAX_FIELDS: u64 = 10_000;

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
    /// Highest estimated cost of an operation, in cells.
    pub cost: u64,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Memory for cached plans, in bytes.
    pub plan_cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lists: plan::Limits::default(),
            tokens: 5_000,
            aliases: 200,
            root_fields: 50,
            cost: 10_000_000,
            introspection: true,
            plan_cache_bytes: 16 << 20,
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
    fn new(category: &'static str, what: &str, limit: impl std::fmt::Display) -> Self {
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

/// Holds a parsed document against the number of fields that it has once its
/// fragments are spread: all that is done with it later takes as much time.
pub(super) fn check_expansion(document: &ExecutableDocument) -> Result<(), Exceeded> {
    let mut sizes = HashMap::new();
    let count = document.operations.iter().fold(0_u64, |count, (_, operation)| {
        count.saturating_add(expanded(document, &operation.node.selection_set.node, &mut sizes))
    });
    match count > MAX_FIELDS {
        true => Err(Exceeded::new("fields", "fields with its fragments spread", MAX_FIELDS)),
        false => Ok(()),
    }
}

/// Number of items of a selection with its fragments spread. A fragment within
/// itself counts nothing there: validation finds it.
fn expanded<'d>(
    document: &'d ExecutableDocument,
    selection: &'d SelectionSet,
    sizes: &mut HashMap<&'d str, u64>,
) -> u64 {
    selection.items.iter().fold(0, |count, item| {
        let below = match &item.node {
            Selection::Field(field) => expanded(document, &field.node.selection_set.node, sizes),
            Selection::InlineFragment(fragment) => expanded(document, &fragment.node.selection_set.node, sizes),
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (sizes.get(name), document.fragments.get(name)) {
                    (Some(size), _) => *size,
                    (None, None) => 0,
                    (None, Some(fragment)) => {
                        sizes.insert(name, 0);
                        let size = expanded(document, &fragment.node.selection_set.node, sizes);
                        sizes.insert(name, size);
                        size
                    }
                }
            }
        };
        count.saturating_add(1).saturating_add(below)
    })
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
        "The operation may cost up to {cost} cells, more than the limit of {limit}: ask for smaller limits or fewer \
         levels."
    );
    Err(Exceeded { code: ErrorCode::LimitExceeded, category: "cost", message })
}
