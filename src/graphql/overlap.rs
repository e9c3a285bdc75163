//! Fields of one response key must be able to be merged (specification 5.3.2),
//! also those that meet only once fragments are spread or parents are merged,
//! which async-graphql does not look at.
//!
//! Composite types are objects, whose fields of one key always meet, and unions of
//! them: what is asked of one member never meets what is asked of another.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Pos, Positioned};
use indexmap::{IndexMap, IndexSet};

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

/// The fields of one object by response key, each with the type that the innermost
/// fragment around it names.
type Fields<'d> = IndexMap<&'d str, Vec<(Option<&'d str>, &'d Positioned<Field>)>>;

impl<'d> Overlaps<'d> {
    fn merge(&mut self, selections: &[&'d SelectionSet]) {
        let mut fields = Fields::new();
        let mut spread = HashSet::new();
        for selection in selections {
            self.collect(&mut fields, &mut spread, selection, None);
        }
        let groups = fields.into_iter().flat_map(|(key, same)| met(same).into_iter().map(move |group| (key, group)));
        for (key, same) in groups.collect::<Vec<_>>() {
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

    fn collect(
        &self,
        fields: &mut Fields<'d>,
        spread: &mut HashSet<&'d str>,
        selection: &'d SelectionSet,
        on: Option<&'d str>,
    ) {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => {
                    fields.entry(field.node.response_key().node.as_str()).or_default().push((on, field));
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let condition = condition.map(|condition| condition.node.on.node.as_str());
                    self.collect(fields, spread, &fragment.node.selection_set.node, condition.or(on));
                }
                Selection::FragmentSpread(named) => {
                    let name = named.node.fragment_name.node.as_str();
                    let fragment = self.document.fragments.get(name).filter(|_| spread.insert(name));
                    if let Some(fragment) = fragment {
                        let condition = fragment.node.type_condition.node.on.node.as_str();
                        self.collect(fields, spread, &fragment.node.selection_set.node, Some(condition));
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

/// Fields of one key, as far as they meet: those of each type, with those that are
/// asked of whatever type it is.
fn met<'d>(same: Vec<(Option<&'d str>, &'d Positioned<Field>)>) -> Vec<Vec<&'d Positioned<Field>>> {
    let types: IndexSet<&str> = same.iter().filter_map(|(on, _)| *on).collect();
    if types.len() < 2 {
        return vec![same.into_iter().map(|(_, field)| field).collect()];
    }
    let of = |wanted: &str| {
        let meets = same.iter().filter(|(on, _)| on.is_none_or(|on| on == wanted));
        meets.map(|(_, field)| *field).collect()
    };
    types.into_iter().map(of).collect()
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
