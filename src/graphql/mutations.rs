//! What can be written, by the names and types of the contract (sections 3.3
//! and 3.10), and what there is beyond it: upserts, and updates and deletions by
//! filter.

use serde_json::{Value as Json, json};

use super::types::{self, Type, Types};
use crate::{
    catalog::{Column, ColumnType, FieldKind, RelationshipId, Table},
    permissions::Right,
    plan::write::WriteAction,
};

/// The scope of an operation's transaction.
pub(super) const TRANSACTION: &str = "transaction";
/// The enum that says it.
pub(super) const TRANSACTION_SCOPE: &str = "TransactionScope";
/// Its values: a transaction for each root field, or one for all.
pub(super) const SCOPES: [&str; 2] = ["FIELD", "OPERATION"];
/// The directive in the schema definition language.
pub(super) const TRANSACTION_SDL: &str = "directive @transaction(scope: TransactionScope! = OPERATION) on MUTATION\n";

/// What the scopes are, in words.
pub(super) const SCOPE_DESCRIPTION: &str =
    "What one transaction covers: each root field by itself, or all of an operation.";

/// The type of the directive's argument as introspection tells it.
pub(super) fn transaction_scope() -> Json {
    let value = |name| {
        json!({
            "__typename": "__EnumValue", "name": name, "description": null,
            "isDeprecated": false, "deprecationReason": null,
        })
    };
    json!({
        "__typename": "__Type",
        "kind": "ENUM",
        "name": TRANSACTION_SCOPE,
        "description": SCOPE_DESCRIPTION,
        "enumValues": SCOPES.map(value),
    })
}

/// The directive as introspection tells it.
pub(super) fn transaction_directive() -> Json {
    let scope = json!({ "__typename": "__Type", "kind": "ENUM", "name": TRANSACTION_SCOPE, "ofType": null });
    json!({
        "__typename": "__Directive",
        "name": TRANSACTION,
        "description": "What one transaction covers.",
        "isRepeatable": false,
        "locations": ["MUTATION"],
        "args": [{
            "__typename": "__InputValue",
            "name": "scope",
            "description": null,
            "type": { "__typename": "__Type", "kind": "NON_NULL", "name": null, "ofType": scope },
            "defaultValue": "OPERATION",
            "isDeprecated": false,
            "deprecationReason": null,
        }],
    })
}

/// What a root field of a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CreateItems,
    CreateItem,
    UpdateItems,
    UpdateBatch,
    UpdateItem,
    UpdateWhere,
    UpdateSingleton,
    UpsertItems,
    UpsertItem,
    DeleteItems,
    DeleteItem,
    DeleteWhere,
}

impl Kind {
    /// In the order of the contract: all creations, then updates, then deletions.
    pub(super) const GROUPS: [&[Self]; 4] = [
        &[Self::CreateItems, Self::CreateItem],
        &[Self::UpsertItems, Self::UpsertItem],
        &[Self::UpdateItems, Self::UpdateBatch, Self::UpdateItem, Self::UpdateWhere, Self::UpdateSingleton],
        &[Self::DeleteItems, Self::DeleteItem, Self::DeleteWhere],
    ];

    fn affixes(self) -> (&'static str, &'static str) {
        match self {
            Self::CreateItems => ("create_", "_items"),
            Self::CreateItem => ("create_", "_item"),
            Self::UpdateItems => ("update_", "_items"),
            Self::UpdateBatch => ("update_", "_batch"),
            Self::UpdateItem => ("update_", "_item"),
            Self::UpdateWhere => ("update_", "_where"),
            Self::UpdateSingleton => ("update_", ""),
            Self::UpsertItems => ("upsert_", "_items"),
            Self::UpsertItem => ("upsert_", "_item"),
            Self::DeleteItems => ("delete_", "_items"),
            Self::DeleteItem => ("delete_", "_item"),
            Self::DeleteWhere => ("delete_", "_where"),
        }
    }

    /// The name of the root field of a table that is called so.
    pub(super) fn name(self, root: &str) -> String {
        let (before, after) = self.affixes();
        format!("{before}{root}{after}")
    }

    /// The root of a name that may be its.
    pub(super) fn stem(self, name: &str) -> Option<&str> {
        let (before, after) = self.affixes();
        name.strip_prefix(before)?.strip_suffix(after)
    }

    /// Whether it answers with a list, which is never null.
    pub(super) fn is_list(self) -> bool {
        !matches!(
            self,
            Self::CreateItem | Self::UpdateItem | Self::UpdateSingleton | Self::UpsertItem | Self::DeleteItem
        )
    }

    /// Whether rows go.
    pub(super) fn deletes(self) -> bool {
        matches!(self, Self::DeleteItems | Self::DeleteItem | Self::DeleteWhere)
    }
}

impl<'a> Types<'a> {
    /// What a root field of a mutation does, and to which table.
    pub(super) fn mutation(&self, name: &str) -> Option<(Kind, &'a Table)> {
        Kind::GROUPS.into_iter().flatten().find_map(|kind| Some((*kind, self.root_table(kind.stem(name)?)?)))
    }

    /// Whether the caller may use a root field.
    pub(super) fn may(&self, kind: Kind, table: &Table) -> bool {
        let creates = || self.is_written(table, WriteAction::Create);
        let updates = || self.is_written(table, WriteAction::Update);
        let deletes = || table.is_writable() && self.access.delete(table.id).is_some();
        if !self.is_root(table) || table.singleton != (kind == Kind::UpdateSingleton) {
            return false;
        }
        match kind {
            Kind::CreateItems | Kind::CreateItem => creates(),
            Kind::UpdateItems | Kind::UpdateBatch | Kind::UpdateItem | Kind::UpdateSingleton => updates(),
            Kind::UpsertItems | Kind::UpsertItem => creates() && updates(),
            Kind::UpdateWhere => updates() && self.reads_back(table),
            Kind::DeleteItems | Kind::DeleteItem => deletes(),
            Kind::DeleteWhere => deletes() && self.reads_back(table),
        }
    }

    /// Whether rows of a table are shown once they were written; else `true` is.
    pub(super) fn reads_back(&self, table: &Table) -> bool {
        self.access.read(table.id).is_some_and(|readable| readable.allows_key(table))
    }

    fn right(&self, table: &Table, action: WriteAction) -> Option<Right<'_>> {
        match action {
            WriteAction::Create => self.access.create(table.id),
            WriteAction::Update => self.access.update(table.id),
        }
    }

    fn is_written(&self, table: &Table, action: WriteAction) -> bool {
        table.is_writable() && !self.write_members(table, action).is_empty()
    }

    /// Whether a payload may hold an object for a related row; judged without
    /// looking at the target's own relations, which may lead back here.
    fn writes_through(&self, id: RelationshipId, action: WriteAction) -> bool {
        let target = self.target(id);
        target.is_writable()
            && self.right(target, action).is_some_and(|right| {
                target.fields.iter().any(|field| right.allows(&field.name) && target.field_column(field).is_some())
            })
    }

    /// The members of `create_x_input` or `update_x_input` (contract 3.10).
    pub(super) fn write_members(&self, table: &Table, action: WriteAction) -> Vec<(String, Type)> {
        let Some(right) = self.right(table, action).filter(|_| table.is_writable()) else { return Vec::new() };
        let mut members = Vec::with_capacity(table.fields.len());
        for field in table.fields.iter().filter(|field| right.allows(&field.name)) {
            let of = match field.kind {
                FieldKind::Column(column) | FieldKind::ToAny(_, column) => {
                    column_input(table, table.column(column), action)
                }
                FieldKind::ToOne(id, _) if self.writes_through(id, action) => {
                    Some(Type::named(input_name(self.target(id), action)))
                }
                FieldKind::ToOne(_, Some(column)) => column_input(table, table.column(column), action),
                FieldKind::ToOne(_, None) => None,
                FieldKind::ToMany(id) if self.writes_through(id, action) => {
                    Some(Type::list(input_name(self.target(id), action)))
                }
                FieldKind::ToMany(_) => None,
            };
            members.extend(of.map(|of| (field.name.clone(), of)));
        }
        members
    }

    /// The table and action of a `create_x_input` or `update_x_input`.
    pub(super) fn write_input(&self, name: &str) -> Option<(&'a Table, WriteAction)> {
        let name = name.strip_suffix("_input")?;
        let (action, collection) = match name.strip_prefix("create_") {
            Some(collection) => (WriteAction::Create, collection),
            None => (WriteAction::Update, name.strip_prefix("update_")?),
        };
        Some((self.catalog.collection(collection)?, action))
    }

    /// The table of a `delete_x_input`, which is a key of several parts.
    pub(super) fn key_input(&self, name: &str) -> Option<&'a Table> {
        let collection = name.strip_prefix("delete_")?.strip_suffix("_input")?;
        self.catalog.collection(collection).filter(|table| table.key.len() > 1)
    }

    /// Whether an object of an input type names an existing row by its key, so
    /// that what new rows must have need not be there (contract 3.10, lenient).
    pub(super) fn names_a_row<'n>(&self, input: &str, mut members: impl FnMut(&str) -> bool) -> bool
    where
        'a: 'n,
    {
        let Some((table, WriteAction::Create)) = self.write_input(input) else { return false };
        table.key.iter().all(|column| members(table.column_field(*column)))
    }

    /// The arguments of a root field.
    pub(super) fn mutation_arguments(&self, kind: Kind, table: &Table) -> Vec<(String, Type)> {
        let create = || Type::named(input_name(table, WriteAction::Create));
        let update = || Type::named(input_name(table, WriteAction::Update));
        let list_of = |of: Type| Type { list: true, item_non_null: true, ..of };
        let named = |name: &str, of: Type| (name.to_owned(), of);
        let mut arguments = Vec::new();
        if kind.is_list() && !kind.deletes() && kind != Kind::UpdateWhere && self.reads_back(table) {
            arguments.extend(types::list_arguments(&table.collection).into_iter().map(|(name, of)| named(name, of)));
        }
        let filter = || named("filter", Type::named(format!("{}_filter", table.collection)).non_null(true));
        let limit = || named("limit", Type::named("Int").non_null(true));
        match kind {
            Kind::CreateItems => arguments.push(named("data", list_of(create()))),
            Kind::CreateItem => arguments.push(named("data", create().non_null(true))),
            Kind::UpdateItems => {
                arguments.push(keys_argument(table));
                arguments.push(named("data", update().non_null(true)));
            }
            Kind::UpdateBatch => arguments.push(named("data", list_of(update()))),
            Kind::UpdateSingleton => arguments.push(named("data", update().non_null(true))),
            Kind::UpdateItem => {
                arguments.extend(key_parts(table));
                arguments.push(named("data", update().non_null(true)));
            }
            Kind::UpdateWhere => {
                arguments.extend([filter(), limit(), named("data", update().non_null(true))]);
            }
            Kind::UpsertItems => {
                arguments.push(named("data", list_of(create()).non_null(true)));
                arguments.push(named("on", list_of(Type::named("String"))));
            }
            Kind::UpsertItem => {
                arguments.push(named("data", create().non_null(true)));
                arguments.push(named("on", list_of(Type::named("String"))));
            }
            Kind::DeleteItems => arguments.push(keys_argument(table)),
            Kind::DeleteItem => arguments.extend(key_parts(table)),
            Kind::DeleteWhere => arguments.extend([filter(), limit()]),
        }
        arguments
    }

    /// The type of a root field's answer (`R(x)` of the contract).
    pub(super) fn mutation_answer(&self, kind: Kind, table: &Table) -> Type {
        match kind {
            Kind::DeleteItems | Kind::DeleteWhere => Type::named("delete_many"),
            Kind::DeleteItem => Type::named("delete_one"),
            _ if !self.reads_back(table) => Type::named("Boolean"),
            _ if kind.is_list() => Type::full_list(&table.collection),
            _ => Type::named(&table.collection),
        }
    }
}

/// `create_x_input`
pub(super) fn input_name(table: &Table, action: WriteAction) -> String {
    match action {
        WriteAction::Create => format!("create_{}_input", table.collection),
        WriteAction::Update => format!("update_{}_input", table.collection),
    }
}

fn column_input(table: &Table, column: &Column, action: WriteAction) -> Option<Type> {
    if column.generated || column.specials.encrypt {
        return None;
    }
    let of = types::column_type(table, column);
    let non_null = action == WriteAction::Create
        && match table.is_single_key(column.id) {
            true => !column.auto_increment && column.default.is_none() && !column.specials.uuid,
            false => types::is_non_null(table, column),
        };
    let default = if non_null { falsy_default(column) } else { None };
    Some(Type { default, ..of.non_null(non_null) })
}

/// A default of zero, false or the empty text makes no field nullable (contract
/// 3.5), but nobody has to write it.
fn falsy_default(column: &Column) -> Option<Json> {
    column.default.as_ref()?;
    match column.column_type {
        ColumnType::Boolean => Some(Json::Bool(false)),
        ColumnType::Text => Some(Json::from("")),
        ref other if other.is_numeric() && *other != ColumnType::BigInteger => Some(Json::from(0)),
        _ => None,
    }
}

/// `ids: [ID]!`, or `keys: [delete_x_input!]!` for keys of several parts.
fn keys_argument(table: &Table) -> (String, Type) {
    match table.key.as_slice() {
        [_] => ("ids".to_owned(), Type::list("ID").non_null(true)),
        _ => {
            let of = Type::list(format!("delete_{}_input", table.collection)).non_null(true);
            ("keys".to_owned(), Type { item_non_null: true, ..of })
        }
    }
}

/// `id: ID!`, or one argument for each part.
fn key_parts(table: &Table) -> impl Iterator<Item = (String, Type)> + '_ {
    types::key_arguments(table).into_iter().filter(|(name, _)| name != "version" || table.key.len() > 1)
}

/// The members of `delete_x_input`.
pub(super) fn key_members(table: &Table) -> Vec<(String, Type)> {
    table.key.iter().map(|column| (table.column_field(*column).to_owned(), Type::named("ID").non_null(true))).collect()
}
