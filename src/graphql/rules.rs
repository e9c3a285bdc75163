//! The rules of the specification's validation (section 5) that async-graphql
//! relaxes: it looks at no literal that holds a variable, lets variables of
//! other types stand in an argument, and takes any value for an input object.

use std::collections::HashSet;

use async_graphql::{
    Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, VariableDefinition,
    },
    registry::{MetaType, MetaTypeName, Registry},
};
use async_graphql_value::Value;

use super::{answer::Problem, schema::is_valid_constant, types::Types};

/// Variables of types that do not exist. async-graphql panics over their
/// defaults, so this comes first.
pub(super) fn unknown_types(registry: &Registry, document: &ExecutableDocument) -> Vec<Problem> {
    let definitions = document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions);
    let unknown = definitions.filter_map(|definition| {
        let declared = &definition.node.var_type;
        let of = declared.node.to_string();
        let name = MetaTypeName::concrete_typename(&of);
        let is_known = registry.types.contains_key(name);
        (!is_known).then(|| problem(format!("Unknown type \"{name}\"."), &[declared.pos]))
    });
    unknown.collect()
}

/// What is wrong with the values, variables and directives of a document that
/// async-graphql has found valid.
pub(super) fn check(types: &Types<'_>, registry: &Registry, document: &ExecutableDocument) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, operation) in document.operations.iter() {
        let mut rules =
            Rules { types, registry, document, operation: &operation.node, spread: HashSet::new(), problems };
        rules.operation();
        problems = rules.problems;
    }
    if let Some(fragment) = document.fragments.get("on") {
        problems.push(problem("Syntax Error: Unexpected Name \"on\".".to_owned(), &[fragment.pos]));
    }
    problems
}

struct Rules<'d> {
    types: &'d Types<'d>,
    registry: &'d Registry,
    document: &'d ExecutableDocument,
    operation: &'d OperationDefinition,
    /// The fragments that were looked at with this operation's variables.
    spread: HashSet<&'d str>,
    problems: Vec<Problem>,
}

fn problem(message: String, positions: &[Pos]) -> Problem {
    let locations = positions.iter().map(|at| (at.line, at.column)).collect();
    Problem { message, locations, ..Problem::default() }
}

impl<'d> Rules<'d> {
    fn operation(&mut self) {
        let operation = self.operation;
        for definition in &operation.variable_definitions {
            for directive in &definition.node.directives {
                let name = &directive.node.name.node;
                self.report(format!("Directive \"@{name}\" may not be used on VARIABLE_DEFINITION."), directive.pos);
            }
            if let Some(default) = &definition.node.default_value {
                let of = definition.node.var_type.node.to_string();
                self.value(&of, false, &default.node.clone().into_value(), default.pos);
            }
        }
        self.directives(&operation.directives);
        let root = match operation.ty {
            OperationType::Mutation => self.registry.mutation_type.as_deref(),
            OperationType::Subscription => self.registry.subscription_type.as_deref(),
            OperationType::Query => Some(&*self.registry.query_type),
        };
        self.selection(root.unwrap_or_default(), &operation.selection_set.node);
    }

    /// Reports a problem once, however many operations share the fragment.
    fn report(&mut self, message: String, at: Pos) {
        let locations = vec![(at.line, at.column)];
        if !self.problems.iter().any(|known| known.message == message && known.locations == locations) {
            self.problems.push(Problem { message, locations, ..Problem::default() });
        }
    }

    fn selection(&mut self, parent: &str, selection: &'d SelectionSet) {
        for item in &selection.items {
            self.directives(item.node.directives());
            match &item.node {
                Selection::Field(field) => {
                    let known = self.registry.types.get(parent).and_then(MetaType::fields);
                    let Some(known) = known.and_then(|fields| fields.get(field.node.name.node.as_str())) else {
                        continue;
                    };
                    for (name, value) in &field.node.arguments {
                        if let Some(argument) = known.args.get(name.node.as_str()) {
                            self.value(&argument.ty, argument.default_value.is_some(), &value.node, value.pos);
                        }
                    }
                    let below = MetaTypeName::concrete_typename(&known.ty);
                    self.selection(below, &field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.selection(parent, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let fragment = self.document.fragments.get(name).filter(|_| self.spread.insert(name));
                    if let Some(fragment) = fragment {
                        self.directives(&fragment.node.directives);
                        let parent = fragment.node.type_condition.node.on.node.as_str();
                        self.selection(parent, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &'d [Positioned<Directive>]) {
        for directive in directives {
            let Some(known) = self.registry.directives.get(directive.node.name.node.as_str()) else { continue };
            for (name, value) in &directive.node.arguments {
                if let Some(argument) = known.args.get(name.node.as_str()) {
                    self.value(&argument.ty, argument.default_value.is_some(), &value.node, value.pos);
                }
            }
        }
    }

    /// A value in a position of a type (specification 5.6.1 and 5.8.5);
    /// `has_default` is of the position.
    fn value(&mut self, of: &str, has_default: bool, value: &Value, at: Pos) {
        match (MetaTypeName::create(of), value) {
            (_, Value::Variable(name)) => self.variable(of, has_default, name, at),
            (MetaTypeName::NonNull(_), Value::Null) => {
                self.report(format!("Expected value of type \"{of}\", found null."), at);
            }
            (_, Value::Null) => {}
            (MetaTypeName::NonNull(of), value) => self.value(of, has_default, value, at),
            (MetaTypeName::List(item), Value::List(items)) => {
                items.iter().for_each(|value| self.value(item, false, value, at));
            }
            (MetaTypeName::List(item), single) => self.value(item, false, single, at),
            (MetaTypeName::Named(name), value) => self.named(name, value, at),
        }
    }

    fn named(&mut self, name: &str, value: &Value, at: Pos) {
        let Some(MetaType::InputObject { input_fields, .. }) = self.registry.types.get(name) else {
            if !is_valid_leaf(name, value) {
                self.report(format!("{name} cannot represent the value {value}."), at);
            }
            return;
        };
        let Value::Object(members) = value else {
            return self.report(format!("Expected value of type \"{name}\", found {value}."), at);
        };
        for (member, value) in members {
            match input_fields.get(member.as_str()) {
                Some(known) => self.value(&known.ty, known.default_value.is_some(), value, at),
                None => self.report(format!("Field \"{member}\" is not defined by type \"{name}\"."), at),
            }
        }
        for known in input_fields.values() {
            let is_required = MetaTypeName::create(&known.ty).is_non_null() && known.default_value.is_none();
            // A row that is there has what new ones must have.
            let is_there = || self.types.names_a_row(name, |key| members.contains_key(key));
            if is_required && !members.contains_key(known.name.as_str()) && !is_there() {
                let (member, of) = (&known.name, &known.ty);
                self.report(format!("Field \"{name}.{member}\" of required type \"{of}\" was not provided."), at);
            }
        }
    }

    fn variable(&mut self, of: &str, has_default: bool, name: &str, at: Pos) {
        let definitions = &self.operation.variable_definitions;
        let Some(definition) = definitions.iter().find(|known| known.node.name.node == name) else { return };
        let declared = definition.node.var_type.node.to_string();
        if !is_allowed(&declared, &definition.node, of, has_default) {
            let message =
                format!("Variable \"${name}\" of type \"{declared}\" used in position expecting type \"{of}\".");
            let problem = problem(message, &[definition.pos, at]);
            self.problems.push(problem);
        }
    }
}

/// Whether a variable may stand in a position (specification 5.8.5).
fn is_allowed(declared: &str, definition: &VariableDefinition, of: &str, has_default: bool) -> bool {
    let has_value = definition.default_value.as_ref().is_some_and(|value| value.node != async_graphql::Value::Null);
    match MetaTypeName::create(of) {
        MetaTypeName::NonNull(of) if !declared.ends_with('!') && (has_value || has_default) => {
            is_compatible(declared, of)
        }
        _ => is_compatible(declared, of),
    }
}

fn is_compatible(declared: &str, of: &str) -> bool {
    match (MetaTypeName::create(declared), MetaTypeName::create(of)) {
        (MetaTypeName::NonNull(declared), MetaTypeName::NonNull(of)) => is_compatible(declared, of),
        (_, MetaTypeName::NonNull(_)) => false,
        (MetaTypeName::NonNull(declared), _) => is_compatible(declared, of),
        (MetaTypeName::List(declared), MetaTypeName::List(of)) => is_compatible(declared, of),
        (MetaTypeName::Named(declared), MetaTypeName::Named(of)) => declared == of,
        (MetaTypeName::List(_), MetaTypeName::Named(_)) | (MetaTypeName::Named(_), MetaTypeName::List(_)) => false,
    }
}

/// Whether a literal can be a scalar. Variables within are the business of the
/// scalar alone.
fn is_valid_leaf(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("Float", Value::Number(_)) | ("String" | "ID", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
        (custom, value) => value.clone().into_const().is_none_or(|value| is_valid_constant(custom, &value)),
    }
}
