//! Root fields of mutations: what is to be written, as a template that is
//! filled with the variables' values when it runs, and how what was written is
//! read back.

use async_graphql_value::Value;
use serde_json::Value as Json;

use super::{
    super::{document::Collected, mutations::Kind, types},
    Compiler,
};
use crate::{
    catalog::{ColumnId, Table},
    engine::{Error, Gone, GoneMember, RootKind, WriteAnswer, WriteOperation, WriteRoot},
    plan::{self, Arguments, Source, write::WriteAction},
    predicate::{Input, Predicate},
};

impl<'a> Compiler<'a> {
    /// A root field of a mutation, and whether a failure takes all of `data` with it.
    pub(super) fn mutation_root(&mut self, name: &str, field: &Collected<'a>) -> (bool, Result<RootKind, Error>) {
        let Some((kind, table)) = self.types.mutation(name) else { return (false, Err(Error::Internal)) };
        let non_null = kind.is_list() && !kind.deletes() && self.types.reads_back(table);
        let root = self.write_root(kind, table, field);
        (non_null, root.map(|root| RootKind::Write(Box::new(root))))
    }

    fn write_root(&mut self, kind: Kind, table: &'a Table, field: &Collected<'a>) -> Result<WriteRoot, Error> {
        let actions: &[Option<WriteAction>] = match kind {
            Kind::CreateItems | Kind::CreateItem => &[Some(WriteAction::Create)],
            Kind::UpsertItems | Kind::UpsertItem => &[Some(WriteAction::Create), Some(WriteAction::Update)],
            Kind::UpdateItems | Kind::UpdateBatch | Kind::UpdateItem | Kind::UpdateWhere | Kind::UpdateSingleton => {
                &[Some(WriteAction::Update)]
            }
            Kind::DeleteItems | Kind::DeleteItem | Kind::DeleteWhere => &[None],
        };
        for action in actions {
            let place = self.place();
            self.note(place, |compiler| compiler.writing(table, *action));
        }
        let operation = self.operation(kind, table, field)?;
        let answer = self.write_answer(kind, table, field)?;
        Ok(WriteRoot { table: table.id, operation, answer })
    }

    fn operation(&mut self, kind: Kind, table: &'a Table, field: &Collected<'a>) -> Result<WriteOperation, Error> {
        let of = |name: &str| {
            let arguments = self.types.mutation_arguments(kind, table);
            arguments.into_iter().find(|(known, _)| known == name).map(|(_, of)| of)
        };
        let given = |name: &str| -> Result<Input, Error> {
            let of = of(name).ok_or(Error::Internal)?;
            Ok(self.input(field, name, &of)?.unwrap_or(Input::Scalar(Json::Null)))
        };
        Ok(match kind {
            Kind::CreateItems | Kind::CreateItem => WriteOperation::Create(given("data")?),
            Kind::UpdateItems => {
                WriteOperation::Update { keys: given(keys_name(table))?, data: given("data")?, strict: false }
            }
            Kind::UpdateItem => {
                WriteOperation::Update { keys: self.single_key(table, field)?, data: given("data")?, strict: true }
            }
            Kind::UpdateBatch => WriteOperation::UpdateBatch(given("data")?),
            Kind::UpdateSingleton => WriteOperation::UpdateSingleton(given("data")?),
            Kind::UpdateWhere => {
                let (predicate, limit) = self.guarded(table, field)?;
                WriteOperation::UpdateWhere { predicate, limit, data: given("data")? }
            }
            Kind::UpsertItems | Kind::UpsertItem => {
                WriteOperation::Upsert { data: given("data")?, on: self.conflict_columns(table, field)? }
            }
            Kind::DeleteItems => WriteOperation::Delete(given(keys_name(table))?),
            Kind::DeleteItem => WriteOperation::Delete(self.single_key(table, field)?),
            Kind::DeleteWhere => {
                let (predicate, limit) = self.guarded(table, field)?;
                WriteOperation::DeleteWhere { predicate, limit }
            }
        })
    }

    /// The caller's own row, changed.
    pub(super) fn update_own_user(&mut self, users: &'a Table, field: &Collected<'a>) -> Result<RootKind, Error> {
        let of =
            types::Type::named(super::super::mutations::input_name(users, crate::plan::write::WriteAction::Update));
        let data = self.input(field, "data", &of)?.unwrap_or(Input::Scalar(Json::Object(serde_json::Map::new())));
        let keys = Input::List(vec![Input::Scalar("$CURRENT_USER".into())]);
        let operation = WriteOperation::Update { keys, data, strict: true };
        let answer = match self.types.reads_back(users) {
            true => {
                let source = Source::Among(users.key.clone());
                WriteAnswer::Row(self.node(users, source, &Arguments::default(), &field.selections, 1, 1)?)
            }
            false => WriteAnswer::Done,
        };
        Ok(RootKind::Write(Box::new(WriteRoot { table: users.id, operation, answer })))
    }

    /// A list of one key, from the arguments that hold its parts.
    fn single_key(&self, table: &Table, field: &Collected<'a>) -> Result<Input, Error> {
        let mut parts = Vec::with_capacity(table.key.len());
        let arguments = types::key_arguments(table).into_iter().take(table.key.len());
        for (name, of) in arguments {
            parts.push(self.input(field, &name, &of)?.unwrap_or(Input::Scalar(Json::Null)));
        }
        let key = if parts.len() == 1 { parts.remove(0) } else { Input::List(parts) };
        Ok(Input::List(vec![key]))
    }

    /// The filter and the limit of what is written by filter.
    fn guarded(&self, table: &'a Table, field: &Collected<'a>) -> Result<(Predicate, u32), Error> {
        // Where rows are read, a condition whose variable is not given is none;
        // here that would write to rows that nobody meant.
        if let Some(name) = field.argument("filter").and_then(|filter| self.missing_variable(filter)) {
            return Err(Error::Invalid(format!("`filter` holds `${name}`, which is not given")));
        }
        let arguments = self.arguments(table, field)?;
        let limit = arguments.limit.and_then(|limit| u32::try_from(limit).ok());
        let limit = limit.ok_or_else(|| Error::Invalid("`limit` is 0 or more".to_owned()))?;
        let predicate = arguments.predicate(self.types.catalog, table, &self.limits.lists)?;
        let predicate = plan::allow_predicate(self.types.catalog, self.types.access, table.id, &[], predicate)?;
        Ok((predicate, limit))
    }

    /// A variable in a literal that has no value.
    fn missing_variable<'v>(&self, value: &'v Value) -> Option<&'v str> {
        match value {
            Value::Variable(name) => self.walk.scope.value(name).is_none().then_some(name.as_str()),
            Value::List(items) => items.iter().find_map(|item| self.missing_variable(item)),
            Value::Object(members) => members.values().find_map(|member| self.missing_variable(member)),
            _ => None,
        }
    }

    /// The unique key that an upsert looks at: the row's key unless said otherwise.
    fn conflict_columns(&self, table: &Table, field: &Collected<'a>) -> Result<Vec<ColumnId>, Error> {
        let Some(names) = self.texts(field, "on")? else { return Ok(table.key.clone()) };
        let mut columns = Vec::with_capacity(names.len());
        for name in &names {
            let column = table.field(name).and_then(|field| table.field_column(field));
            let column = column.filter(|column| !table.column(*column).is_concealed());
            columns.push(column.ok_or_else(|| {
                Error::Forbidden(Some(format!(
                    "no field `{name}` in `{}`, or no permission to use it",
                    table.collection
                )))
            })?);
        }
        if table.is_unique(&columns) {
            return Ok(columns);
        }
        let names = names.join(", ");
        Err(Error::Invalid(format!(
            "`on` names the fields of a unique key, which {names} of `{}` are not",
            table.collection
        )))
    }

    fn write_answer(&mut self, kind: Kind, table: &'a Table, field: &Collected<'a>) -> Result<WriteAnswer, Error> {
        if kind.deletes() {
            let one = kind == Kind::DeleteItem;
            let members = self.walk.collect(&field.selections).into_iter().map(|member| {
                let value = if member.field.name.node == "__typename" { Gone::Typename } else { Gone::Keys };
                GoneMember { key: member.key.into(), value }
            });
            return Ok(WriteAnswer::Gone { one, members: members.collect() });
        }
        if !self.types.reads_back(table) {
            return Ok(WriteAnswer::Done);
        }
        let arguments = match kind.is_list() && kind != Kind::UpdateWhere {
            true => self.arguments(table, field)?,
            false => Arguments::default(),
        };
        let source = Source::Among(table.key.clone());
        let node = self.node(table, source, &arguments, &field.selections, 1, 1)?;
        Ok(if kind.is_list() { WriteAnswer::Rows(node) } else { WriteAnswer::Row(node) })
    }

    /// Whether what was asked of a list is nothing but all of it by key.
    pub(super) fn is_plain(arguments: &Arguments) -> bool {
        let Arguments { filter, sort, limit, offset, page, search } = arguments;
        filter.is_none() && sort.is_none() && limit.is_none() && offset.is_none() && page.is_none() && search.is_none()
    }
}

fn keys_name(table: &Table) -> &'static str {
    if table.key.len() == 1 { "ids" } else { "keys" }
}

/// The transaction that an operation asks for by `@transaction`.
pub(in crate::graphql) fn is_one_transaction(operation: &async_graphql::parser::types::OperationDefinition) -> bool {
    let directive =
        operation.directives.iter().find(|directive| directive.node.name.node == super::super::mutations::TRANSACTION);
    directive.is_some_and(|directive| {
        let scope = directive.node.get_argument("scope").map(|scope| &scope.node);
        // Validation has let nothing else through.
        !matches!(scope, Some(Value::Enum(name)) if name == "FIELD")
    })
}
