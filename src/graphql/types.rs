//! The names and types of the contract (sections 3.5 to 3.12): which GraphQL
//! type a column, a relation, a function, a filter has.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value as Json;

use super::system::Operations;
use crate::{
    catalog::{
        AnyId, Catalog, Column, ColumnId, ColumnType, Exposure, Field, FieldKind, RelationshipId, Table, TableId,
        TableKind, metadata::SYSTEM_PREFIX,
    },
    permissions::Access,
    plan::AggregateFunction,
    predicate::DatePart,
};

/// A GraphQL type: a name, and what is wrapped around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) list: bool,
    pub(super) item_non_null: bool,
    pub(super) non_null: bool,
    /// What stands for an input that is not given, though it is never null.
    pub(super) default: Option<Json>,
}

impl Type {
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), list: false, item_non_null: false, non_null: false, default: None }
    }

    pub(super) fn list(name: impl Into<String>) -> Self {
        Self { list: true, ..Self::named(name) }
    }

    #[must_use]
    pub(super) fn non_null(self, non_null: bool) -> Self {
        Self { non_null, ..self }
    }

    /// `[x!]!`
    pub(super) fn full_list(name: impl Into<String>) -> Self {
        Self { list: true, item_non_null: true, non_null: true, ..Self::named(name) }
    }
}

/// What a caller's schema is made of: the parts of a catalog that the caller
/// may see, and the names of types that are not plain derivations.
#[derive(Debug)]
pub(super) struct Types<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) access: &'a Access,
    pub(super) scope: super::Scope,
    pub(super) operations: Option<&'a Arc<Operations>>,
    pub(super) names: &'a Names,
    pub(super) inputs: &'a Inputs,
}

/// The members of input types that were asked for, by the type's name.
#[derive(Debug, Default)]
pub(super) struct Inputs(Mutex<HashMap<String, Option<Arc<InputMembers>>>>);

/// The members of an input type.
pub(super) type InputMembers = HashMap<String, Type>;

/// Names that must be looked up.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The function types of JSON fields (contract 3.8), which may have to give way.
    json_functions: HashMap<(TableId, ColumnId), String>,
    /// The unions of collections (contract 3.7), which may have to as well.
    unions: HashMap<AnyId, String>,
}

impl Names {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let mut taken: HashSet<String> = catalog.tables.iter().map(|table| table.collection.clone()).collect();
        let mut claim = |mut name: String| {
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        };
        let (mut json_functions, mut unions) = (HashMap::new(), HashMap::new());
        for table in &catalog.tables {
            for field in &table.fields {
                if let FieldKind::ToAny(any, _) = field.kind {
                    unions.insert(any, claim(format!("{}_{}_union", table.collection, field.name)));
                }
            }
            for column in table.columns.iter().filter(|column| column.column_type == ColumnType::Json) {
                let name = format!("{}_{}_func", table.collection, table.column_field(column.id));
                json_functions.insert((table.id, column.id), claim(name));
            }
        }
        Self { json_functions, unions }
    }

    pub(super) fn json_functions(&self, table: TableId, column: ColumnId) -> &str {
        self.json_functions.get(&(table, column)).map_or("", String::as_str)
    }

    pub(super) fn union(&self, any: AnyId) -> &str {
        self.unions.get(&any).map_or("", String::as_str)
    }
}

impl<'a> Types<'a> {
    /// The tables that the caller may read something of.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'a Table> + '_ {
        self.readable(self.catalog.tables.iter())
    }

    /// Those of some tables.
    pub(super) fn readable<'t>(&self, tables: impl Iterator<Item = &'t Table>) -> impl Iterator<Item = &'t Table> {
        let is_served = |table: &&Table| table.exposure != Exposure::Internal;
        tables.filter(is_served).filter(|table| self.fields(table).next().is_some())
    }

    /// Those that have root fields here.
    pub(super) fn root_tables(&self) -> impl Iterator<Item = &'a Table> + '_ {
        self.tables().filter(|table| self.is_root(table))
    }

    /// Whether a table has root fields here.
    pub(super) fn is_root(&self, table: &Table) -> bool {
        match self.scope {
            super::Scope::Items => table.exposure == Exposure::Items,
            super::Scope::System => table.exposure == Exposure::System,
        }
    }

    /// The name of a table in the names of root fields (contract 3.2): without its
    /// prefix among those of the system.
    pub(super) fn root_name<'t>(&self, table: &'t Table) -> &'t str {
        match self.scope {
            super::Scope::Items => &table.collection,
            super::Scope::System => table.collection.strip_prefix(SYSTEM_PREFIX).unwrap_or(&table.collection),
        }
    }

    /// The table of such a name.
    pub(super) fn root_table(&self, name: &str) -> Option<&'a Table> {
        let table = match self.scope {
            super::Scope::Items => self.catalog.collection(name),
            super::Scope::System => self.catalog.collection(&format!("{SYSTEM_PREFIX}{name}")),
        };
        table.filter(|table| self.is_root(table))
    }

    /// Whether the caller may follow the changes of a table: its rows can be named.
    pub(super) fn is_followable_table(&self, table: &Table) -> bool {
        let names_rows = || self.access.read(table.id).is_some_and(|right| right.allows_key(table));
        table.kind == TableKind::Table && names_rows()
    }

    /// The type of a column as the caller sees it: what is there in some rows only
    /// may be null in the others (contract 3.11).
    pub(super) fn column_type(&self, table: &Table, column: &Column) -> Type {
        let readable = self.access.read(table.id);
        let is_partial = readable.is_some_and(|readable| readable.is_partial(table.column_field(column.id)));
        let of = column_type(table, column);
        Type { non_null: of.non_null && !is_partial, ..of }
    }

    /// The fields that the caller may see; relations only to tables that may be read.
    pub(super) fn fields<'t>(&self, table: &'t Table) -> impl Iterator<Item = &'t Field> + use<'a, 't, '_> {
        let readable = self.access.read(table.id);
        table.fields.iter().filter(move |field| {
            readable.is_some_and(|readable| readable.allows(&field.name)) && self.leads_somewhere(field)
        })
    }

    fn leads_somewhere(&self, field: &Field) -> bool {
        match field.kind {
            FieldKind::Column(_) => true,
            FieldKind::ToOne(id, column) => column.is_some() || self.is_followable(id),
            FieldKind::ToMany(id) => self.is_followable(id),
            FieldKind::ToAny(..) => true,
        }
    }

    /// The ways to those of several collections that the caller may follow.
    pub(super) fn branches(&self, any: AnyId) -> impl Iterator<Item = RelationshipId> + '_ {
        let shows = |id: &RelationshipId| self.is_followable(*id) && self.fields(self.target(*id)).next().is_some();
        self.catalog.any(any).targets.iter().copied().filter(shows)
    }

    fn is_followable(&self, id: RelationshipId) -> bool {
        self.access.leads_through(self.catalog, self.catalog.relationship(id))
    }

    /// What a field is for this caller: a relation whose target may not be read
    /// is the plain column (contract 3.11).
    pub(super) fn kind(&self, field: &Field) -> FieldKind {
        match field.kind {
            FieldKind::ToOne(id, Some(column)) if !self.is_followable(id) => FieldKind::Column(column),
            FieldKind::ToAny(any, column) if self.branches(any).next().is_none() => FieldKind::Column(column),
            kind => kind,
        }
    }

    pub(super) fn target(&self, id: RelationshipId) -> &'a Table {
        self.catalog.table(self.catalog.relationship(id).to)
    }

    /// The name of a field's functions, if it has any and no field is called so.
    pub(super) fn functions_name(&self, table: &Table, field: &Field) -> Option<String> {
        let has_functions = match self.kind(field) {
            FieldKind::Column(column) => {
                let column = table.column(column);
                let is_document = column.column_type == ColumnType::Json && !column.is_json_text;
                !column.is_concealed() && (column.column_type.is_temporal() || is_document)
            }
            FieldKind::ToMany(_) => true,
            FieldKind::ToOne(..) | FieldKind::ToAny(..) => false,
        };
        let name = format!("{}_func", field.name);
        (has_functions && table.field(&name).is_none()).then_some(name)
    }
}

/// Whether a column's field is never null (contract 3.5).
pub(super) fn is_non_null(table: &Table, column: &Column) -> bool {
    table.is_single_key(column.id) || (!column.nullable && !has_truthy_default(column) && !column.specials.fills_in())
}

/// Zero, false and the empty text do not count as defaults.
fn has_truthy_default(column: &Column) -> bool {
    let Some(default) = column.default.as_deref() else { return false };
    let default = default.trim();
    match column.column_type {
        ColumnType::Boolean => !matches!(default.to_ascii_lowercase().as_str(), "false" | "f" | "0" | "b'0'"),
        _ if column.column_type.is_numeric() => default.parse::<f64>() != Ok(0.0),
        _ => !default.is_empty(),
    }
}

/// The output type of a plain column.
pub(super) fn column_type(table: &Table, column: &Column) -> Type {
    let non_null = is_non_null(table, column);
    if table.is_single_key(column.id) {
        return Type::named("ID").non_null(true);
    }
    if column.is_concealed() {
        return Type::named("Hash").non_null(non_null);
    }
    match &column.column_type {
        ColumnType::Array(element) => Type::list(scalar(element)).non_null(non_null),
        ColumnType::Csv => Type::list("String").non_null(non_null),
        other => Type::named(scalar(other)).non_null(non_null),
    }
}

/// The scalar of a column's type (contract 3.6).
pub(super) fn scalar(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Integer => "Int",
        ColumnType::BigInteger => "GraphQLBigInt",
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => "Float",
        ColumnType::Boolean => "Boolean",
        ColumnType::Uuid => "ID",
        ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Date | ColumnType::Time => "Date",
        ColumnType::Json => "JSON",
        ColumnType::Geometry => "GraphQLGeoJSON",
        ColumnType::Text | ColumnType::Csv | ColumnType::Binary | ColumnType::Other | ColumnType::Array(_) => "String",
    }
}

/// The operators of a column's type, by the column's type also where it is a
/// key (contract 3.9).
pub(super) fn operators(column: &Column) -> &'static str {
    match &column.column_type {
        _ if column.is_concealed() => "hash_filter_operators",
        ColumnType::Json if column.is_json_text => "string_filter_operators",
        ColumnType::Integer | ColumnType::Float | ColumnType::Double | ColumnType::Decimal => "number_filter_operators",
        ColumnType::BigInteger => "big_int_filter_operators",
        ColumnType::Boolean => "boolean_filter_operators",
        ColumnType::Uuid => "id_filter_operators",
        ColumnType::Timestamp | ColumnType::DateTime | ColumnType::Date | ColumnType::Time => "date_filter_operators",
        ColumnType::Json => "json_filter_operators",
        ColumnType::Geometry => "geometry_filter_operators",
        ColumnType::Text | ColumnType::Csv | ColumnType::Binary | ColumnType::Other | ColumnType::Array(_) => {
            "string_filter_operators"
        }
    }
}

/// The functions of a date, a time or both: the type's name and its filter's.
pub(super) fn date_functions(column_type: &ColumnType) -> Option<(&'static str, &'static str)> {
    match column_type {
        ColumnType::Timestamp | ColumnType::DateTime => {
            Some(("datetime_functions", "datetime_function_filter_operators"))
        }
        ColumnType::Date => Some(("date_functions", "date_function_filter_operators")),
        ColumnType::Time => Some(("time_functions", "time_function_filter_operators")),
        _ => None,
    }
}

/// The parts that a functions type or filter has.
pub(super) fn date_parts(type_name: &str) -> Vec<DatePart> {
    let all = DatePart::ALL.into_iter();
    if type_name.starts_with("date_") {
        all.filter(|part| part.is_of_date()).collect()
    } else if type_name.starts_with("time_") {
        all.filter(|part| !part.is_of_date()).collect()
    } else {
        all.collect()
    }
}

/// The arguments of lists and relations (`RELARGS` of the contract).
pub(super) fn list_arguments(collection: &str) -> Vec<(&'static str, Type)> {
    vec![
        ("filter", Type::named(format!("{collection}_filter"))),
        ("sort", Type::list("String")),
        ("limit", Type::named("Int")),
        ("offset", Type::named("Int")),
        ("page", Type::named("Int")),
        ("search", Type::named("String")),
    ]
}

/// The arguments of `x_aggregated`.
pub(super) fn aggregate_arguments(collection: &str) -> Vec<(&'static str, Type)> {
    vec![
        ("groupBy", Type::list("String")),
        ("filter", Type::named(format!("{collection}_filter"))),
        ("limit", Type::named("Int")),
        ("offset", Type::named("Int")),
        ("page", Type::named("Int")),
        ("search", Type::named("String")),
        ("sort", Type::list("String")),
    ]
}

/// The same where they are followed.
pub(super) fn live_aggregate_arguments(collection: &str) -> Vec<(&'static str, Type)> {
    let mut arguments = aggregate_arguments(collection);
    arguments.push(("perSecond", Type::named("Float")));
    arguments
}

/// What can happen to an item (contract 3.13).
pub(super) const EVENT_ENUM: &str = "EventEnum";

/// What becomes of changes that a client is too slow for.
pub(super) const OVERFLOW_ENUM: &str = "OverflowEnum";

/// What an update did to the set of a subscription.
pub(super) const TRANSITION_ENUM: &str = "TransitionEnum";

/// The values of an enumeration, each with what it means.
pub(super) fn enum_values(name: &str) -> Option<&'static [(&'static str, &'static str)]> {
    match name {
        EVENT_ENUM => Some(&[
            ("create", "An item was created."),
            ("update", "An item was updated."),
            ("delete", "An item was deleted."),
        ]),
        OVERFLOW_ENUM => Some(&[
            ("close", "The connection is closed; resume from the last position."),
            ("drop_oldest", "The oldest that wait are dropped; how many is told in `extensions.missed`."),
            ("latest", "Of each item only the latest change waits."),
        ]),
        TRANSITION_ENUM => Some(&[
            ("enter", "The item matches now, and did not before."),
            ("leave", "The item matched before, and does not now."),
        ]),
        AUTH_MODE => Some(&[
            ("json", "The client keeps both tokens itself."),
            ("cookie", "The refresh token is in a cookie."),
            ("session", "A cookie holds the session."),
        ]),
        SDL_SCOPE => Some(&[("items", "Your items."), ("system", "The system's.")]),
        _ => None,
    }
}

/// Where a client keeps its tokens.
pub(super) const AUTH_MODE: &str = "auth_mode";

/// Of which schema.
pub(super) const SDL_SCOPE: &str = "graphql_sdl_scope";

/// The arguments of `x_mutated`.
pub(super) fn mutated_arguments(collection: &str) -> Vec<(&'static str, Type)> {
    vec![
        ("event", Type::named(EVENT_ENUM)),
        ("filter", Type::named(format!("{collection}_filter"))),
        ("after", Type::named("String")),
        ("snapshot", Type::named("Boolean")),
        ("overflow", Type::named(OVERFLOW_ENUM)),
    ]
}

/// The arguments of `x_by_id`: one named `id`, or one for each part of a
/// composite key, named after its field.
pub(super) fn key_arguments(table: &Table) -> Vec<(String, Type)> {
    let id = || Type::named("ID").non_null(true);
    match table.key.as_slice() {
        [_] => vec![("id".to_owned(), id()), ("version".to_owned(), Type::named("String"))],
        columns => columns.iter().map(|column| (table.column_field(*column).to_owned(), id())).collect(),
    }
}

/// The aggregate functions of a table: counts always, the others where there
/// are numbers.
pub(super) fn aggregate_functions(has_numbers: bool) -> impl Iterator<Item = AggregateFunction> {
    AggregateFunction::ALL
        .into_iter()
        .filter(|function| *function != AggregateFunction::CountAll)
        .filter(move |function| has_numbers || function.is_count())
}

/// The members of the operator inputs, in the contract's order (5.1).
pub(super) fn operator_members(input: &str) -> Option<Vec<(&'static str, Type)>> {
    let text = |scalar: &'static str| {
        let single = [
            "_eq",
            "_neq",
            "_contains",
            "_icontains",
            "_ncontains",
            "_starts_with",
            "_nstarts_with",
            "_istarts_with",
            "_nistarts_with",
            "_ends_with",
            "_nends_with",
            "_iends_with",
            "_niends_with",
        ];
        let mut members: Vec<_> = single.into_iter().map(|name| (name, Type::named(scalar))).collect();
        members.extend([("_in", Type::list(scalar)), ("_nin", Type::list(scalar))]);
        members.extend(["_null", "_nnull", "_empty", "_nempty"].map(|name| (name, Type::named("Boolean"))));
        members
    };
    let number = |scalar: &'static str| {
        let mut members = vec![
            ("_eq", Type::named(scalar)),
            ("_neq", Type::named(scalar)),
            ("_in", Type::list(scalar)),
            ("_nin", Type::list(scalar)),
        ];
        members.extend(["_gt", "_gte", "_lt", "_lte"].map(|name| (name, Type::named(scalar))));
        members.extend(["_null", "_nnull"].map(|name| (name, Type::named("Boolean"))));
        members.extend([("_between", Type::list(scalar)), ("_nbetween", Type::list(scalar))]);
        members
    };
    let each = |names: &[&'static str], scalar: &str| {
        names.iter().map(|name| (*name, Type::named(scalar))).collect::<Vec<_>>()
    };
    Some(match input {
        "string_filter_operators" => text("String"),
        "id_filter_operators" => text("ID"),
        "number_filter_operators" => number("GraphQLStringOrFloat"),
        "big_int_filter_operators" => number("GraphQLBigInt"),
        "boolean_filter_operators" => each(&["_eq", "_neq", "_null", "_nnull"], "Boolean"),
        "date_filter_operators" => {
            let mut members = each(&["_eq", "_neq", "_gt", "_gte", "_lt", "_lte"], "String");
            members.extend(each(&["_null", "_nnull"], "Boolean"));
            members.extend([("_in", Type::list("String")), ("_nin", Type::list("String"))]);
            members.extend(["_between", "_nbetween"].map(|name| (name, Type::list("GraphQLStringOrFloat"))));
            members
        }
        "hash_filter_operators" => each(&["_null", "_nnull", "_empty", "_nempty"], "Boolean"),
        "json_filter_operators" => {
            let mut members = each(&["_json"], "GraphQLJsonFilter");
            members.extend(each(&["_null", "_nnull"], "Boolean"));
            members
        }
        "geometry_filter_operators" => {
            let geometries = ["_eq", "_neq", "_intersects", "_nintersects", "_intersects_bbox", "_nintersects_bbox"];
            let mut members = each(&geometries, "GraphQLGeoJSON");
            members.extend(each(&["_null", "_nnull"], "Boolean"));
            members
        }
        "count_function_filter_operators" => each(&["count"], "number_filter_operators"),
        "date_function_filter_operators" | "time_function_filter_operators" | "datetime_function_filter_operators" => {
            date_parts(input).into_iter().map(|part| (part.name(), Type::named("number_filter_operators"))).collect()
        }
        _ => return None,
    })
}

impl Types<'_> {
    /// The members of `x_filter`, and of `x_quantifier_filter` before its
    /// quantifiers (contract 3.9).
    pub(super) fn filter_members(&self, table: &Table) -> Vec<(String, Type)> {
        let mut members = Vec::with_capacity(table.fields.len() + 2);
        let mut branches = Vec::new();
        for field in self.fields(table) {
            let (own, functions) = match self.kind(field) {
                FieldKind::Column(column) => {
                    let column = table.column(column);
                    let functions = match &column.column_type {
                        ColumnType::Json => Some("count_function_filter_operators"),
                        other => date_functions(other).map(|(_, filter)| filter),
                    };
                    (operators(column).to_owned(), functions)
                }
                FieldKind::ToOne(id, _) => (format!("{}_filter", self.target(id).collection), None),
                FieldKind::ToMany(id) => (
                    format!("{}_quantifier_filter", self.target(id).collection),
                    Some("count_function_filter_operators"),
                ),
                FieldKind::ToAny(any, _) => {
                    branches.extend(self.branches(any).map(|id| {
                        let target = &self.target(id).collection;
                        (format!("{}__{target}", field.name), Type::named(format!("{target}_filter")))
                    }));
                    // A field that is called so goes first.
                    branches.retain(|(name, _)| table.field(name).is_none());
                    continue;
                }
            };
            members.push((field.name.clone(), Type::named(own)));
            if let (Some(functions), Some(name)) = (functions, self.functions_name(table, field)) {
                members.push((name, Type::named(functions)));
            }
        }
        let itself = format!("{}_filter", table.collection);
        members.push(("_and".to_owned(), Type::list(itself.clone())));
        members.push(("_or".to_owned(), Type::list(itself)));
        members.extend(branches);
        members
    }

    /// The members of an input type by its name; `None` for scalars.
    pub(super) fn input_members(&self, name: &str) -> Option<Arc<InputMembers>> {
        let mut known = self.inputs.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(members) = known.get(name) {
            return members.clone();
        }
        let members = self.members_of(name).map(Arc::new);
        known.insert(name.to_owned(), members.clone());
        members
    }

    fn members_of(&self, name: &str) -> Option<InputMembers> {
        if let Some(members) = operator_members(name) {
            return Some(members.into_iter().map(|(name, member)| (name.to_owned(), member)).collect());
        }
        if let Some(table) = self.key_input(name) {
            return Some(super::mutations::key_members(table).into_iter().collect());
        }
        if let Some((table, action)) = self.write_input(name) {
            return Some(self.write_members(table, action).into_iter().collect());
        }
        let (table, quantified) = self.filter_input(name)?;
        let mut members: InputMembers = self.filter_members(table).into_iter().collect();
        if quantified {
            for name in ["_some", "_none"] {
                members.insert(name.to_owned(), Type::named(format!("{}_filter", table.collection)));
            }
        }
        Some(members)
    }

    /// The table of an `x_filter`, or of an `x_quantifier_filter`.
    fn filter_input(&self, name: &str) -> Option<(&Table, bool)> {
        let quantified = name.strip_suffix("_quantifier_filter").and_then(|name| self.catalog.collection(name));
        match quantified {
            Some(table) => Some((table, true)),
            None => Some((self.catalog.collection(name.strip_suffix("_filter")?)?, false)),
        }
    }

    /// The table whose filter or payload an input type is.
    pub(super) fn input_table(&self, name: &str) -> Option<&Table> {
        let written = self.write_input(name).map(|(table, _)| table);
        written.or_else(|| self.filter_input(name).map(|(table, _)| table))
    }
}
