//! Fields of one response key must be able to be merged (specification 5.3.2),
//! also those that meet only once fragments are spread or parents are merged,
//! which async-graphql does not look at.
//!
//! All composite types here are objects, so fields of one key always meet in
//! the same object.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Pos, Positioned};
use indexmap::IndexMap;

use super::answer::Problem;

/// Two fields of one key that cannot be merged, for each such key.
pub(super) fn check(document: &ExecutableDocument) -> Vec<Problem> {
    let mut overlaps = Overlaps { document, problems: Vec::new() };
    for (_, operation) in document.operations.iter() {
        overlaps.merge(&[&operation.node.selection_set.node]);
    }
    overlaps.problems
}

struct Overlaps<'d> {
    document: &'d ExecutableDocument,
    problems: Vec<Problem>,
}

/// The fields of one object by response key.
type Fields<'d> = IndexMap<&'d str, Vec<&'d Positioned<Field>>>;

impl<'d> Overlaps<'d> {
    fn merge(&mut self, selections: &[&'d SelectionSet]) {
        let mut fields = Fields::new();
        let mut spread = HashSet::new();
        for selection in selections {
            self.collect(&mut fields, &mut spread, selection);
        }
        for (key, same) in fields {
            let first = same[0];
            match same.iter().find_map(|other| conflict(&first.node, &other.node).map(|why| (other.pos, why))) {
                Some((other, why)) => self.report(key, first.pos, other, &why),
                None => {
                    let below: Vec<_> = same.iter().map(|field| &field.node.selection_set.node).collect();
                    self.merge(&below);
                }
            }
        }
    }

    fn collect(&self, fields: &mut Fields<'d>, spread: &mut HashSet<&'d str>, selection: &'d SelectionSet) {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => {
                    fields.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => self.collect(fields, spread, &fragment.node.selection_set.node),
                Selection::FragmentSpread(named) => {
                    let name = named.node.fragment_name.node.as_str();
                    let fragment = self.document.fragments.get(name).filter(|_| spread.insert(name));
                    if let Some(fragment) = fragment {
                        self.collect(fields, spread, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn report(&mut self, key: &str, first: Pos, other: Pos, why: &str) {
        let locations = vec![(first.line, first.column), (other.line, other.column)];
        let message = format!(
            "Fields \"{key}\" conflict because {why}. Use different aliases on the fields to fetch both if this was \
             intentional."
        );
        if !self.problems.iter().any(|known| known.locations == locations) {
            self.problems.push(Problem { message, locations, ..Problem::default() });
        }
    }
}

fn conflict(one: &Field, other: &Field) -> Option<String> {
    if one.name.node != other.name.node {
        return Some(format!("\"{}\" and \"{}\" are different fields", one.name.node, other.name.node));
    }
    let same = one.arguments.len() == other.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(name, value)| other.get_argument(&name.node).is_some_and(|other| other.node == value.node));
    (!same).then(|| "they have differing arguments".to_owned())
}
