//! The part of a schema that a document can be about: the tables that it names,
//! and those that it is led to by the relations that it names. A document that
//! holds in this part holds in the whole, which need not be built for it.

use std::collections::{BTreeSet, HashSet};

use async_graphql::{
    Positioned,
    parser::types::{BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type},
};
use async_graphql_value::{ConstValue, Value};

use super::{mutations::Kind, types::Types};
use crate::catalog::{FieldKind, Table, TableId};

/// How much of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Whole,
    /// What is about these tables.
    Of(BTreeSet<TableId>),
}

impl Part {
    pub(super) fn has(&self, table: TableId) -> bool {
        match self {
            Self::Whole => true,
            Self::Of(tables) => tables.contains(&table),
        }
    }
}

/// The part that a document can be about. It may be more than it is about.
pub(super) fn of(types: &Types<'_>, document: &ExecutableDocument) -> Part {
    let names = names(document);
    let mut part = BTreeSet::new();
    let mut open: Vec<&Table> = names.iter().flat_map(|name| types.named(name)).collect();
    // A schema without a query is none.
    if !open.iter().any(|table| types.is_readable_root(table)) {
        open.extend(types.root_tables().next());
    }
    while let Some(table) = open.pop() {
        if !part.insert(table.id) {
            continue;
        }
        for field in &table.fields {
            match field.kind {
                FieldKind::Column(_) => {}
                FieldKind::ToOne(id, _) | FieldKind::ToMany(id) => {
                    if names.contains(&*field.name) {
                        open.push(types.target(id));
                    }
                }
                FieldKind::ToAny(any, _) => {
                    let is_branch = |name: &&str| name.starts_with(&*field.name);
                    if names.iter().any(is_branch) {
                        open.extend(types.branches(any).map(|id| types.target(id)));
                    }
                }
            }
        }
    }
    Part::Of(part)
}

/// Everything that a document calls by a name, values' members included.
fn names(document: &ExecutableDocument) -> HashSet<&str> {
    let mut names = HashSet::new();
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            add_type(&mut names, &definition.node.var_type.node);
            if let Some(default) = &definition.node.default_value {
                add_constant(&mut names, &default.node);
            }
            add_directives(&mut names, &definition.node.directives);
        }
        add_directives(&mut names, &operation.node.directives);
        add_selection(&mut names, &operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        names.insert(fragment.node.type_condition.node.on.node.as_str());
        add_directives(&mut names, &fragment.node.directives);
        add_selection(&mut names, &fragment.node.selection_set.node);
    }
    names
}

fn add_type<'d>(names: &mut HashSet<&'d str>, of: &'d Type) {
    match &of.base {
        BaseType::Named(name) => {
            names.insert(name.as_str());
        }
        BaseType::List(of) => add_type(names, of),
    }
}

fn add_directives<'d>(names: &mut HashSet<&'d str>, directives: &'d [Positioned<Directive>]) {
    let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
    arguments.for_each(|(_, value)| add_value(names, &value.node));
}

fn add_selection<'d>(names: &mut HashSet<&'d str>, selection: &'d SelectionSet) {
    for item in &selection.items {
        add_directives(names, item.node.directives());
        match &item.node {
            Selection::Field(field) => {
                names.insert(field.node.name.node.as_str());
                field.node.arguments.iter().for_each(|(_, value)| add_value(names, &value.node));
                add_selection(names, &field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => {
                names.extend(fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str()));
                add_selection(names, &fragment.node.selection_set.node);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn add_value<'d>(names: &mut HashSet<&'d str>, value: &'d Value) {
    match value {
        Value::List(items) => items.iter().for_each(|item| add_value(names, item)),
        Value::Object(members) => {
            for (name, value) in members {
                names.insert(name.as_str());
                add_value(names, value);
            }
        }
        Value::Variable(_)
        | Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
}

fn add_constant<'d>(names: &mut HashSet<&'d str>, value: &'d ConstValue) {
    match value {
        ConstValue::List(items) => items.iter().for_each(|item| add_constant(names, item)),
        ConstValue::Object(members) => {
            for (name, value) in members {
                names.insert(name.as_str());
                add_constant(names, value);
            }
        }
        ConstValue::Null
        | ConstValue::Number(_)
        | ConstValue::String(_)
        | ConstValue::Boolean(_)
        | ConstValue::Binary(_)
        | ConstValue::Enum(_) => {}
    }
}

impl<'a> Types<'a> {
    /// Whether a table has root fields that read it.
    fn is_readable_root(&self, table: &Table) -> bool {
        self.is_root(table) && self.fields(table).next().is_some()
    }

    /// The tables that a name can be of: a root field's, or a type's.
    fn named(&self, name: &str) -> impl Iterator<Item = &'a Table> + use<'a> {
        let suffixes = ["", "_by_id", "_aggregated", "_mutated", "_filter", "_quantifier_filter"];
        let stems = suffixes.iter().filter_map(|suffix| name.strip_suffix(suffix));
        let mut tables: Vec<&'a Table> =
            stems.flat_map(|stem| [self.root_table(stem), self.catalog.collection(stem)]).flatten().collect();
        tables.extend(Kind::GROUPS.into_iter().flatten().filter_map(|kind| self.root_table(kind.stem(name)?)));
        tables.extend(self.write_input(name).map(|(table, _)| table));
        tables.extend(self.key_input(name));
        let native = [false, true].into_iter().find_map(|mutates| self.native(name, mutates));
        tables.extend(native.and_then(|native| self.catalog.collection(&native.of().name)));
        tables.into_iter()
    }
}
