//! Fields of one response key must be able to be merged (specification 5.3.2),
//! also those that meet only once fragments are spread or parents are merged,
//! which async-graphql does not look at.
//!
//! Composite types are objects, whose fields of one key always meet, and unions of
//! them: what is asked of one member never meets what is asked of another, but must
//! have the same shape.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{
    Pos, Positioned,
    registry::{MetaType, MetaTypeName, Registry},
};
use indexmap::{IndexMap, IndexSet};

use super::answer::Problem;

/// Two fields of one key that cannot be merged, for each such key.
pub(super) fn check(registry: &Registry, document: &ExecutableDocument) -> Vec<Problem> {
    let mut overlaps = Overlaps { registry, document, problems: Vec::new() };
    for (_, operation) in document.operations.iter() {
        overlaps.merge(&[&operation.node.selection_set.node]);
    }
    overlaps.problems
}

struct Overlaps<'d> {
    registry: &'d Registry,
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
        for (key, same) in &fields {
            let typed: Vec<_> = same.iter().filter_map(|(on, field)| Some(((*on)?, *field))).collect();
            self.check_shape(key, &typed);
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

    /// Fields of one key and different types, which never meet, must have the same
    /// shape nevertheless (specification, `SameResponseShape`).
    fn check_shape(&mut self, key: &str, same: &[(&'d str, &'d Positioned<Field>)]) {
        let registry = self.registry;
        let mut typed = same.iter().filter_map(|(on, field)| {
            let fields = registry.types.get(*on).and_then(MetaType::fields)?;
            Some((*on, *field, &*fields.get(field.node.name.node.as_str())?.ty))
        });
        let Some((on, first, of)) = typed.next() else { return };
        let others: Vec<_> = typed.collect();
        if others.iter().all(|(other, ..)| *other == on) {
            return;
        }
        let is_composite =
            |of: &str| registry.types.get(MetaTypeName::concrete_typename(of)).is_some_and(MetaType::is_composite);
        for (_, field, other) in &others {
            let is_same = match (wrappers(of) == wrappers(other), is_composite(of), is_composite(other)) {
                (true, true, true) => true,
                (true, false, false) => of == *other,
                _ => false,
            };
            if !is_same {
                let why = format!("they return conflicting types \"{of}\" and \"{other}\"");
                return self.report(key, first.pos, field.pos, &why);
            }
        }
        let mut below = Fields::new();
        for (_, field, of) in std::iter::once((on, first, of)).chain(others) {
            let of = Some(MetaTypeName::concrete_typename(of));
            self.collect(&mut below, &mut HashSet::new(), &field.node.selection_set.node, of);
        }
        for (key, same) in below {
            let typed: Vec<_> = same.into_iter().filter_map(|(on, field)| Some((on?, field))).collect();
            self.check_shape(key, &typed);
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

/// What is wrapped around a type's name.
fn wrappers(of: &str) -> String {
    of.chars().filter(|letter| matches!(letter, '[' | ']' | '!')).collect()
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
