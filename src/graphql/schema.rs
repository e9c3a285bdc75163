//! The schema that async-graphql holds: registered from a catalog as one caller
//! may see it. It parses, validates and introspects; it executes nothing, since
//! plans do (so no resolver here is ever called).

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use async_graphql::{
    CacheControl, Response, ServerError, ValidationResult, Value,
    dynamic::{self, Enum, FieldFuture, InputObject, InputValue, Object, Scalar, SchemaBuilder, TypeRef, Union},
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
};
use async_graphql_value::ConstValue;
use serde_json::Value as Json;

use super::{
    limits::MAX_NESTING,
    mutations::{self, Kind, SCOPES, TRANSACTION_SCOPE},
    part::Part,
    system,
    types::{self, Type, Types},
};
use crate::{
    catalog::{Column, FieldKind, Table, TableId},
    plan::write::WriteAction,
};

/// Registers a schema, or a part of it. The query type of a part that is about no
/// readable table is that of another.
///
/// # Errors
/// When two types collide, which the catalog's naming rules out.
pub(super) fn build(
    types: &Types<'_>,
    part: &Part,
    introspection: bool,
) -> Result<dynamic::Schema, dynamic::SchemaError> {
    let tables: Vec<&Table> = match part {
        Part::Whole => types.tables().collect(),
        Part::Of(tables) => types.readable(tables.iter().map(|id| types.catalog.table(*id))).collect(),
    };
    let written: Vec<&Table> = match part {
        Part::Whole => types.catalog.tables.iter().collect(),
        Part::Of(tables) => tables.iter().map(|id| types.catalog.table(*id)).collect(),
    };
    let may_write = |table: &Table| Kind::GROUPS.into_iter().flatten().any(|kind| types.may(*kind, table));
    let writes = types.natives(true).next().is_some() || written.iter().any(|table| may_write(table));
    let follows = tables.iter().any(|table| types.is_followable_table(table));
    let (mutation, subscription) = (writes.then_some("Mutation"), follows.then_some("Subscription"));
    let builder = dynamic::Schema::build("Query", mutation, subscription).extension(CheckFactory);
    let fields = tables.iter().flat_map(|table| types.fields(table));
    let children = fields
        .filter_map(|field| match field.kind {
            FieldKind::ToMany(id) => Some(types.target(id).id),
            FieldKind::Column(_) | FieldKind::ToOne(..) | FieldKind::ToAny(..) => None,
        })
        .collect();
    let (inputs, scalars) = (BTreeSet::new(), BTreeSet::new());
    let mut registration = Registration { types, part, tables, children, inputs, scalars, builder };
    registration.query();
    for table in registration.tables.clone() {
        registration.collection(table);
    }
    if writes {
        registration.mutation(&written);
    }
    if follows {
        registration.subscription();
    }
    registration.natives();
    registration.shared();
    let builder = registration.builder.limit_recursive_depth(MAX_NESTING);
    let builder = if introspection { builder } else { builder.disable_introspection().disable_suggestions() };
    builder.finish()
}

/// A request that is only to be checked.
pub(super) struct CheckOnly;

/// A request whose document was validated before parts of it were left out.
pub(super) struct Validated;

struct CheckFactory;

impl ExtensionFactory for CheckFactory {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(CheckExtension)
    }
}

/// Stops a [`CheckOnly`] before anything is executed.
struct CheckExtension;

#[async_graphql::async_trait::async_trait]
impl Extension for CheckExtension {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        if ctx.data_opt::<Validated>().is_some() {
            return Ok(ValidationResult { cache_control: CacheControl::default(), complexity: 0, depth: 0 });
        }
        next.run(ctx).await
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, operation: Option<&str>, next: NextExecute<'_>) -> Response {
        if ctx.data_opt::<CheckOnly>().is_some() { Response::default() } else { next.run(ctx, operation).await }
    }
}

struct Registration<'t, 'a> {
    types: &'t Types<'a>,
    part: &'t Part,
    /// The tables of the part that the caller may read something of.
    tables: Vec<&'t Table>,
    /// Tables that something leads to many rows of.
    children: HashSet<TableId>,
    /// Operator inputs that something uses.
    inputs: BTreeSet<&'static str>,
    /// Custom scalars that something uses.
    scalars: BTreeSet<String>,
    builder: SchemaBuilder,
}

fn type_ref(of: &Type) -> TypeRef {
    let item = TypeRef::named(of.name.clone());
    let item = if of.item_non_null { TypeRef::NonNull(Box::new(item)) } else { item };
    let whole = if of.list { TypeRef::List(Box::new(item)) } else { item };
    if of.non_null { TypeRef::NonNull(Box::new(whole)) } else { whole }
}

impl Registration<'_, '_> {
    fn register(&mut self, of: impl Into<dynamic::Type>) {
        let builder = std::mem::replace(&mut self.builder, dynamic::Schema::build("Query", None, None));
        self.builder = builder.register(of);
    }

    /// A field; what it is made of is registered when everything is known.
    fn field(&mut self, name: &str, of: &Type, description: Option<String>) -> dynamic::Field {
        self.note(&of.name);
        let field = dynamic::Field::new(name, type_ref(of), |_| FieldFuture::from_value(None));
        match description {
            Some(description) => field.description(description),
            None => field,
        }
    }

    fn note(&mut self, name: &str) {
        if matches!(
            name,
            "Date"
                | "Hash"
                | "JSON"
                | "GraphQLBigInt"
                | "GraphQLGeoJSON"
                | "GraphQLStringOrFloat"
                | "GraphQLJsonFilter"
                | "Void"
        ) {
            self.scalars.insert(name.to_owned());
        }
    }

    fn with_arguments(field: dynamic::Field, arguments: Vec<(&'static str, Type)>) -> dynamic::Field {
        arguments.into_iter().fold(field, |field, (name, of)| field.argument(InputValue::new(name, type_ref(&of))))
    }

    /// The root fields of each collection together (contract 3.2).
    fn query(&mut self) {
        let mut query = Object::new("Query");
        let tables: Vec<&Table> = self.tables.iter().copied().filter(|table| self.types.is_root(table)).collect();
        for table in &tables {
            let (collection, name) = (&table.collection, self.types.root_name(table));
            if table.singleton {
                let version = InputValue::new("version", TypeRef::named("String"));
                query = query.field(self.field(name, &Type::named(collection), None).argument(version));
                continue;
            }
            let list = self.field(name, &Type::full_list(collection), None);
            query = query.field(Self::with_arguments(list, types::list_arguments(collection)));
            if self.types.access.read(table.id).is_some_and(|readable| readable.allows_key(table)) {
                let by_id = self.field(&format!("{name}_by_id"), &Type::named(collection), None);
                query = query.field(
                    types::key_arguments(table)
                        .into_iter()
                        .fold(by_id, |field, (name, of)| field.argument(InputValue::new(name, type_ref(&of)))),
                );
            }
            let of = Type::full_list(format!("{collection}_aggregated"));
            let field = self.field(&format!("{name}_aggregated"), &of, None);
            query = query.field(Self::with_arguments(field, types::aggregate_arguments(collection)));
        }
        for declared in self.types.natives(false) {
            if let Some(field) = self.native(declared) {
                query = query.field(field);
            }
        }
        let is_empty = self.types.root_tables().next().is_none() && self.types.natives(false).next().is_none();
        if is_empty {
            let nothing = Some("There is nothing that you may read.".to_owned());
            query = query.field(self.field("_empty", &Type::named("Void"), nothing));
        }
        self.register(query);
    }

    fn collection(&mut self, table: &Table) {
        self.object(table);
        self.filters(table);
        self.aggregates(table);
    }

    fn object(&mut self, table: &Table) {
        let mut object = Object::new(&table.collection);
        if let Some(comment) = &table.comment {
            object = object.description(comment);
        }
        let fields: Vec<_> = self.types.fields(table).collect();
        for field in fields {
            let kind = self.types.kind(field);
            let own = match kind {
                // The document does not name it.
                _ if self.leads_out(kind) => self.field(&field.name, &Type::named("ID"), None),
                FieldKind::Column(column) => {
                    let column = table.column(column);
                    self.field(&field.name, &self.types.column_type(table, column), description(column))
                }
                FieldKind::ToOne(id, column) => {
                    let target = &self.types.target(id).collection;
                    let note = column.and_then(|column| table.column(column).comment.clone());
                    let field = self.field(&field.name, &Type::named(target), note);
                    Self::with_arguments(field, types::list_arguments(target))
                }
                FieldKind::ToMany(id) => {
                    let target = &self.types.target(id).collection;
                    let field = self.field(&field.name, &Type::list(target), None);
                    Self::with_arguments(field, types::list_arguments(target))
                }
                FieldKind::ToAny(any, column) => {
                    let name = self.types.names.union(any);
                    let targets = self.types.branches(any).map(|id| self.types.target(id).collection.as_str());
                    let union = targets.fold(Union::new(name), Union::possible_type);
                    self.register(union);
                    self.field(&field.name, &Type::named(name), table.column(column).comment.clone())
                }
            };
            object = object.field(own);
            if let Some(name) = self.types.functions_name(table, field) {
                object = object.field(self.functions(table, &name, kind));
            }
        }
        self.register(object);
    }

    /// Whether a field leads out of the part.
    fn leads_out(&self, kind: FieldKind) -> bool {
        match kind {
            FieldKind::Column(_) => false,
            FieldKind::ToOne(id, _) | FieldKind::ToMany(id) => !self.part.has(self.types.target(id).id),
            FieldKind::ToAny(any, _) => self.types.branches(any).any(|id| !self.part.has(self.types.target(id).id)),
        }
    }

    /// Members of an input, without what leads out of the part.
    fn within(&self, mut members: Vec<(String, Type)>) -> Vec<(String, Type)> {
        if let Part::Of(tables) = self.part {
            let is_outside =
                |of: &Type| self.types.input_table(&of.name).is_some_and(|table| !tables.contains(&table.id));
            // The document does not name them.
            members.iter_mut().filter(|(_, of)| is_outside(of)).for_each(|(_, of)| *of = Type::named("ID"));
        }
        members
    }

    fn functions(&mut self, table: &Table, name: &str, kind: FieldKind) -> dynamic::Field {
        let of = match kind {
            FieldKind::Column(id) => match types::date_functions(&table.column(id).column_type) {
                Some((functions, _)) => functions.to_owned(),
                None => self.json_functions(table, id),
            },
            FieldKind::ToOne(..) | FieldKind::ToMany(_) | FieldKind::ToAny(..) => "count_functions".to_owned(),
        };
        self.inputs.extend(
            ["count_functions", "date_functions", "time_functions", "datetime_functions"]
                .iter()
                .filter(|known| **known == of),
        );
        self.field(name, &Type::named(of), None)
    }

    fn json_functions(&mut self, table: &Table, column: crate::catalog::ColumnId) -> String {
        let name = self.types.names.json_functions(table.id, column).to_owned();
        let json = self.field("json", &Type::named("JSON"), None);
        let path = InputValue::new("path", TypeRef::named_nn("String"));
        let object =
            Object::new(&name).field(self.field("count", &Type::named("Int"), None)).field(json.argument(path));
        self.register(object);
        name
    }

    fn filters(&mut self, table: &Table) {
        let members = self.within(self.types.filter_members(table));
        for (_, of) in &members {
            if let Some(input) = OPERATOR_INPUTS.iter().find(|input| **input == of.name) {
                self.inputs.insert(input);
            }
        }
        let input = |name: String, quantified: bool| {
            let mut input = InputObject::new(name);
            for (name, of) in &members {
                input = input.field(InputValue::new(name, type_ref(of)));
            }
            if quantified {
                let itself = || TypeRef::named(format!("{}_filter", table.collection));
                input = input.field(InputValue::new("_some", itself())).field(InputValue::new("_none", itself()));
            }
            input
        };
        let plain = input(format!("{}_filter", table.collection), false);
        self.register(plain);
        if self.children.contains(&table.id) {
            let quantified = input(format!("{}_quantifier_filter", table.collection), true);
            self.register(quantified);
        }
    }

    /// Contract 3.12.
    fn aggregates(&mut self, table: &Table) {
        let collection = &table.collection;
        let fields: Vec<_> = self.types.fields(table).collect();
        let mut counts = Object::new(format!("{collection}_aggregated_count"));
        let mut numbers = Object::new(format!("{collection}_aggregated_fields"));
        let mut has_numbers = false;
        for field in fields {
            let column = table.field_column(field).map(|column| table.column(column));
            let note = column.and_then(description);
            if column.is_some() || matches!(field.kind, FieldKind::ToMany(_)) {
                counts = counts.field(self.field(&field.name, &Type::named("Int"), note.clone()));
            }
            if column.is_some_and(|column| column.column_type.is_numeric()) {
                has_numbers = true;
                numbers = numbers.field(self.field(&field.name, &Type::named("Float"), note));
            }
        }
        let mut aggregated = Object::new(format!("{collection}_aggregated"))
            .field(self.field("group", &Type::named("JSON"), None))
            .field(self.field("countAll", &Type::named("Int"), None));
        for function in types::aggregate_functions(has_numbers) {
            let of = format!("{collection}_aggregated_{}", if function.is_count() { "count" } else { "fields" });
            aggregated = aggregated.field(self.field(function.name(), &Type::named(of), None));
        }
        self.register(aggregated);
        self.register(counts);
        if has_numbers {
            self.register(numbers);
        }
    }

    /// The root fields that write, in the contract's order (3.3), and their inputs.
    fn mutation(&mut self, tables: &[&Table]) {
        let mut mutation = Object::new("Mutation");
        let mut deletes = false;
        for group in Kind::GROUPS {
            for table in tables {
                for kind in group.iter().filter(|kind| self.types.may(**kind, table)) {
                    let of = self.types.mutation_answer(*kind, table);
                    let mut field = self.field(&kind.name(self.types.root_name(table)), &of, None);
                    for (name, of) in self.types.mutation_arguments(*kind, table) {
                        self.note(&of.name);
                        field = field.argument(InputValue::new(name, type_ref(&of)));
                    }
                    mutation = mutation.field(field);
                    deletes |= kind.deletes();
                }
            }
        }
        for declared in self.types.natives(true) {
            if let Some(field) = self.native(declared) {
                mutation = mutation.field(field);
            }
        }
        self.register(mutation);
        for table in tables {
            self.write_inputs(table);
        }
        if deletes {
            let ids = self.field("ids", &Type::list("ID").non_null(true), None);
            self.register(Object::new("delete_many").field(ids));
            let id = self.field("id", &Type::named("ID").non_null(true), None);
            self.register(Object::new("delete_one").field(id));
        }
        let scope = SCOPES.into_iter().fold(Enum::new(TRANSACTION_SCOPE), |scope, value| scope.item(value));
        self.register(scope.description(mutations::SCOPE_DESCRIPTION));
    }

    /// The root fields that tell of changes (contract 3.13), and what they tell.
    fn subscription(&mut self) {
        let mut subscription = dynamic::Subscription::new("Subscription");
        for table in self.tables.clone().into_iter().filter(|table| self.types.is_followable_table(table)) {
            let collection = &table.collection;
            let mutated = format!("{collection}_mutated");
            let arguments = types::mutated_arguments(collection);
            let told = followed(&mutated, TypeRef::named(&mutated), arguments);
            let aggregated = format!("{collection}_aggregated");
            let arguments = types::live_aggregate_arguments(collection);
            let kept_up = followed(&aggregated, type_ref(&Type::full_list(&aggregated)), arguments)
                .description("Told at first, and whenever it has changed, at most `perSecond` times a second.");
            subscription = subscription.field(told).field(kept_up);
            let note = |text: &str| Some(text.to_owned());
            let object = Object::new(mutated)
                .field(self.field("key", &Type::named("ID").non_null(true), None))
                .field(self.field("event", &Type::named(types::EVENT_ENUM), None))
                .field(self.field("data", &Type::named(collection), note("The item; null where it is gone.")))
                .field(self.field(
                    "transition",
                    &Type::named(types::TRANSITION_ENUM),
                    note("Whether an update moved the item into the set that is followed, or out of it."),
                ))
                .field(self.field(
                    "position",
                    &Type::named("String").non_null(true),
                    note("The place of the change, to be handed back as `after`; empty within a snapshot."),
                ))
                .field(self.field(
                    "snapshot",
                    &Type::named("Boolean").non_null(true),
                    note(
                        "Whether it is no change, but an item that was there; one with an empty key says that \
                         these were all.",
                    ),
                ))
                .field(self.field("at", &Type::named("Date"), note("When the change was committed.")));
            self.register(object);
        }
        self.register(subscription);
        for name in [types::EVENT_ENUM, types::OVERFLOW_ENUM, types::TRANSITION_ENUM] {
            let values = types::enum_values(name).unwrap_or_default().iter();
            let items = values.map(|(value, meaning)| dynamic::EnumItem::new(*value).description(*meaning));
            self.register(items.fold(Enum::new(name), Enum::item));
        }
    }

    fn write_inputs(&mut self, table: &Table) {
        for action in [WriteAction::Create, WriteAction::Update] {
            let members = self.within(self.types.write_members(table, action));
            if members.is_empty() {
                continue;
            }
            let mut input = InputObject::new(mutations::input_name(table, action));
            for (name, of) in members {
                self.note(&of.name);
                let note = table.field(&name).and_then(|field| table.field_column(field));
                let note = note.and_then(|column| description(table.column(column)));
                let mut member = InputValue::new(name, type_ref(&of));
                if let Some(default) = of.default.and_then(|default| ConstValue::from_json(default).ok()) {
                    member = member.default_value(default);
                }
                input = input.field(match note {
                    Some(note) => member.description(note),
                    None => member,
                });
            }
            self.register(input);
        }
        if table.key.len() > 1 {
            let mut input = InputObject::new(format!("delete_{}_input", table.collection));
            for (name, of) in mutations::key_members(table) {
                input = input.field(InputValue::new(name, type_ref(&of)));
            }
            self.register(input);
        }
    }

    /// A field that no table answers, unless its answer is of a table outside.
    fn native(&mut self, declared: &system::Declared) -> Option<dynamic::Field> {
        let table = self.types.catalog.collection(&declared.of().name);
        if table.is_some_and(|table| !self.part.has(table.id)) {
            return None;
        }
        let mut field = self.field(declared.name, &declared.of(), None);
        for (name, of) in declared.arguments() {
            self.note(&of.name);
            field = field.argument(InputValue::new(name, type_ref(&of)));
        }
        Some(field)
    }

    /// The types of such fields.
    fn natives(&mut self) {
        if self.types.natives(true).next().is_none() {
            return;
        }
        for (name, members) in system::OBJECTS {
            let mut object = Object::new(name);
            for (member, of) in system::members(members) {
                object = object.field(self.field(member, &of, None));
            }
            self.register(object);
        }
        for name in [types::AUTH_MODE, types::SDL_SCOPE] {
            let values = types::enum_values(name).unwrap_or_default().iter();
            let items = values.map(|(value, meaning)| dynamic::EnumItem::new(*value).description(*meaning));
            self.register(items.fold(Enum::new(name), Enum::item));
        }
        self.scalars.insert("permissions_me_type".to_owned());
    }

    /// What collections share, as far as any of them uses it.
    fn shared(&mut self) {
        if self.inputs.iter().any(|input| input.ends_with("_function_filter_operators")) {
            self.inputs.insert("number_filter_operators");
        }
        for name in self.inputs.clone() {
            match types::operator_members(name) {
                Some(members) => {
                    let mut input = InputObject::new(name);
                    for (member, of) in members {
                        self.note(&of.name);
                        input = input.field(InputValue::new(member, type_ref(&of)));
                    }
                    self.register(input);
                }
                None => {
                    let parts: Vec<&str> = match name {
                        "count_functions" => vec!["count"],
                        _ => types::date_parts(name).into_iter().map(|part| part.name()).collect(),
                    };
                    let mut object = Object::new(name);
                    for part in parts {
                        object = object.field(self.field(part, &Type::named("Int"), None));
                    }
                    self.register(object);
                }
            }
        }
        for name in self.scalars.clone() {
            self.register(scalar(&name));
        }
    }
}

/// The operator inputs that a filter may use.
const OPERATOR_INPUTS: [&str; 13] = [
    "string_filter_operators",
    "id_filter_operators",
    "number_filter_operators",
    "big_int_filter_operators",
    "boolean_filter_operators",
    "date_filter_operators",
    "hash_filter_operators",
    "json_filter_operators",
    "geometry_filter_operators",
    "count_function_filter_operators",
    "date_function_filter_operators",
    "time_function_filter_operators",
    "datetime_function_filter_operators",
];

/// A column's comment, or else the values that it may have.
fn description(column: &Column) -> Option<String> {
    let allowed = || {
        let values: Vec<String> = column.allowed.iter().map(|value| format!("`{value}`")).collect();
        (!values.is_empty()).then(|| format!("One of {}.", values.join(", ")))
    };
    column.comment.clone().or_else(allowed)
}

fn scalar(name: &str) -> Scalar {
    let scalar = Scalar::new(name);
    let name = name.to_owned();
    scalar.validator(move |value| is_valid_constant(&name, value))
}

/// Whether a literal can be a custom scalar. JSON has no names: one must not be
/// taken for the text that it looks like.
pub(super) fn is_valid_constant(name: &str, value: &ConstValue) -> bool {
    if let Some(values) = types::enum_values(name) {
        return matches!(value, ConstValue::Enum(given) if values.iter().any(|(known, _)| given == known));
    }
    let json = match value {
        ConstValue::Enum(_) | ConstValue::Binary(_) => Ok(Json::Null),
        other => other.clone().into_json(),
    };
    json.is_ok_and(|json| is_valid_scalar(name, &json))
}

/// Whether a value can be a custom scalar (contract 3.6).
pub(super) fn is_valid_scalar(name: &str, value: &Json) -> bool {
    if let Some(values) = types::enum_values(name) {
        return values.iter().any(|(known, _)| value == known);
    }
    match name {
        "Date" | "Hash" => value.is_string(),
        // Strings, as the contract has it; whole numbers lose nothing here either.
        "GraphQLBigInt" => match value {
            Json::String(text) => text.trim().parse::<i128>().is_ok(),
            Json::Number(number) => number.to_string().parse::<i128>().is_ok(),
            _ => false,
        },
        "GraphQLStringOrFloat" => value.is_string() || value.is_number(),
        "GraphQLJsonFilter" | "GraphQLGeoJSON" => value.is_object(),
        _ => true,
    }
}

/// A root field of the subscription type. It is executed elsewhere.
fn followed(name: &str, of: TypeRef, arguments: Vec<(&'static str, Type)>) -> dynamic::SubscriptionField {
    let field = dynamic::SubscriptionField::new(name, of, |_| {
        dynamic::SubscriptionFieldFuture::new(async { Ok(futures_util::stream::empty::<Result<Value, _>>()) })
    });
    let arguments = arguments.into_iter().map(|(name, of)| InputValue::new(name, type_ref(&of)));
    arguments.fold(field, dynamic::SubscriptionField::argument)
}
