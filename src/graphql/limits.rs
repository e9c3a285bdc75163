//! What a document may ask for: checked before or while it is planned, each
//! limit refused with its own message.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::{error_code::ErrorCode, plan};

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
            statements: 500,
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
    pub(super) fn new(category: &'static str, what: &str, limit: impl std::fmt::Display) -> Self {
        let message = format!("The document has too many {what}: the limit is {limit}.");
        Self { code: ErrorCode::LimitExceeded, category, message }
    }
}

/// Holds a document's text against the limit of tokens, before it is parsed.
pub(super) fn check_tokens(text: &str, limit: usize) -> Result<(), Exceeded> {
    if text.len() <= limit || count_tokens(text, limit) <= limit {
        return Ok(());
    }
    let message = format!("Syntax error: the document has more than {limit} tokens.");
    Err(Exceeded { code: ErrorCode::GraphqlValidation, category: "tokens", message })
}

/// Number of lexical tokens, not counted beyond the limit.
fn count_tokens(text: &str, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let mut count = 0;
    let mut at = 0;
    while at < bytes.len() && count <= limit {
        let rest = &bytes[at..];
        at += match rest[0] {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
            b'#' => rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()),
            first => {
                count += 1;
                match first {
                    b'"' => string_length(rest),
                    b'.' if rest.starts_with(b"...") => 3,
                    _ if is_word(first) => rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len()),
                    _ => 1,
                }
            }
        };
    }
    count
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.') || byte >= 0x80
}

fn string_length(text: &[u8]) -> usize {
    let (quote, start): (&[u8], usize) = if text.starts_with(b"\"\"\"") { (b"\"\"\"", 3) } else { (b"\"", 1) };
    let mut at = start;
    while at < text.len() {
        if text[at] == b'\\' {
            at += 2;
        } else if text[at..].starts_with(quote) {
            return at + quote.len();
        } else {
            at += 1;
        }
    }
    text.len()
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
                Selection::Field(field) => 1 + self.selection(&field.node.selection_set.node)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_the_specification_has_them() {
        for (text, tokens) in [
            ("{a}", 3),
            ("query Q($a: Int = -1.5e+3) { a(b: \"c } \\\" d\") ...F }", 21),
            ("# comment { } \n{ a, b }", 4),
            ("{ a(b: \"\"\"block \" string\"\"\") }", 8),
        ] {
            assert_eq!(count_tokens(text, 1_000), tokens, "{text}");
        }
        assert!(check_tokens(&"{a}".repeat(3), 8).is_err());
    }
}
