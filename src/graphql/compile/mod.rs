//! From an operation to what the engine runs: one root per root field, one
//! node per list or relation, each with its statement and the shape of its
//! rows. Everything that is read passes [`ReadPlan::allow`] on its way.

mod aggregate;
mod changes;
mod notes;
mod write;

use std::{collections::HashMap, sync::Arc};

use async_graphql::parser::types::{Field as AstField, OperationType, SelectionSet};
use serde_json::{Map, Value as Json};

use super::{
    document::{Collected, Walk},
    limits::{self, Exceeded, Limits},
    system,
    types::{self, Type, Types},
    variables::coerce_literal,
};
use crate::{
    catalog::{AnyId, Cardinality, ColumnId, ColumnType, Dialect, Field, FieldKind, RelationshipId, Table},
    db::Form,
    engine::{Asked, Child, Error, KeyRoot, Member, Node, Output, Root, RootKind, Shape},
    permissions::Right,
    plan::{self, Arguments, Page, ReadPlan, Selection, Source},
    predicate::{DatePart, Input, JsonPath, Operand, Predicate, Presence, Rounding, Target, Term},
    sql,
    value::json,
};

/// Rows that a list without an upper bound is taken to have, for its cost.
const UNBOUNDED_ROWS: u64 = 1_000;

/// Related rows that a parent is taken to have where the client does not say
/// how many it wants: most parents have far fewer than the default limit.
const RELATED_ROWS: u64 = 10;

/// What an operation became.
pub(super) struct Compiled {
    pub(super) roots: Vec<Root>,
    /// The root fields that ask for the schema itself, by their place among
    /// the roots, where a constant waits for their answer.
    pub(super) introspection: Vec<usize>,
    /// What was noted, if anybody asked.
    pub(super) notes: Vec<Note>,
}

pub(super) use self::{notes::Note, write::is_one_transaction};

/// Compiles the root fields of a query or a mutation.
///
/// # Errors
/// The limit that the operation exceeds.
pub(super) fn compile(
    types: &Types<'_>,
    walk: Walk<'_, '_>,
    limits: &Limits,
    kind: OperationType,
    selection: &SelectionSet,
    (changes, is_noted): (&Changes, bool),
) -> Result<Compiled, Exceeded> {
    let fields = walk.collect(&[selection]);
    limits::check_root_fields(fields.len(), limits.root_fields)?;
    let (notes, path) = (is_noted.then(Vec::new), Vec::new());
    let mut compiler = Compiler { types, walk, limits, cost: 0, statements: 0, changed: None, notes, path };
    let mut introspection = Vec::new();
    let mut roots = Vec::with_capacity(fields.len());
    for field in &fields {
        if field.field.name.node.starts_with("__") && field.field.name.node != "__typename" {
            introspection.push(roots.len());
        }
        compiler.changed = None;
        roots.push(match changes.get(&roots.len()) {
            Some(Err(error)) => {
                let mut root = compiler.root(kind, field);
                root.kind = RootKind::Failed(error.clone());
                root
            }
            Some(Ok(query)) => {
                compiler.changed = Some((field.field, query));
                compiler.root(kind, field)
            }
            None => compiler.root(kind, field),
        });
        if compiler.statements > limits.statements {
            return Err(Exceeded::new("statements", "lists and relations", limits.statements));
        }
    }
    limits::check_cost(compiler.cost, limits.cost)?;
    Ok(Compiled { roots, introspection, notes: compiler.notes.unwrap_or_default() })
}

struct Compiler<'a> {
    types: &'a Types<'a>,
    walk: Walk<'a, 'a>,
    limits: &'a Limits,
    /// Cells that the operation may have to fetch.
    cost: u64,
    /// Lists and relations so far. Beyond the limit nothing more is compiled:
    /// fragments make it cheap to write more of them than anyone could run.
    statements: usize,
    /// A root field whose arguments hooks have changed, and what they are now.
    changed: Option<(&'a AstField, &'a Map<String, Json>)>,
    notes: Option<Vec<Note>>,
    /// The fields that have led here.
    path: Vec<&'a str>,
}

/// What hooks have made of root fields, by their places: other arguments, or a
/// refusal.
pub(super) type Changes = HashMap<usize, Result<Map<String, Json>, Error>>;

/// What a row is made of while its level is compiled.
struct Level<'t> {
    table: &'t Table,
    select: Vec<Operand>,
    children: Vec<Child>,
    /// Rows that the level may have, for the cost.
    rows: u64,
    depth: usize,
}

impl Level<'_> {
    /// The position of an operand among the cells, added if it is new.
    fn cell(&mut self, operand: Operand) -> usize {
        match self.select.iter().position(|known| *known == operand) {
            Some(position) => position,
            None => {
                self.select.push(operand);
                self.select.len() - 1
            }
        }
    }
}

impl<'a> Compiler<'a> {
    fn root(&mut self, kind: OperationType, field: &Collected<'a>) -> Root {
        let name = field.field.name.node.as_str();
        self.path = vec![field.key];
        let operation = kind;
        let mutates = kind == OperationType::Mutation;
        let (non_null, kind) = match name {
            _ if self.types.native(name, mutates).is_some() => self.native_root(name, mutates, field),
            "__typename" if kind == OperationType::Subscription => (true, Err(Error::Internal)),
            "__typename" => (true, Ok(RootKind::Constant(quoted(if mutates { "Mutation" } else { "Query" })))),
            _ if mutates => self.mutation_root(name, field),
            _ if kind == OperationType::Subscription => self.subscription_root(name, field),
            "_empty" if self.types.root_table(name).is_none() => {
                (false, Ok(RootKind::Constant(Box::from(&b"null"[..]))))
            }
            _ if name.starts_with("__") => (false, Ok(RootKind::Constant(Box::from(&b"null"[..])))),
            _ => self.collection_root(name, field),
        };
        let asked = match operation {
            OperationType::Mutation => self.read_back(name, field),
            OperationType::Query => self.asked(name, field),
            OperationType::Subscription => None,
        };
        let kind = kind.unwrap_or_else(RootKind::Failed);
        Root { key: field.key.into(), position: field.position, non_null, asked: asked.map(Box::new), kind }
    }

    /// What of written items a root field shows, for hooks.
    fn read_back(&self, name: &str, field: &Collected<'a>) -> Option<Asked> {
        let (kind, table) = self.types.mutation(name)?;
        let reads = !kind.deletes() && self.types.reads_back(table);
        reads.then(|| Asked { table: table.id, arguments: Vec::new(), fields: self.field_names(field) })
    }

    fn field_names(&self, field: &Collected<'a>) -> Vec<Box<str>> {
        let fields = self.walk.collect(&field.selections);
        let names = fields.iter().map(|field| field.field.name.node.as_str());
        names.filter(|name| *name != "__typename").map(Box::from).collect()
    }

    /// What a root field reads, for hooks.
    fn asked(&self, name: &str, field: &Collected<'a>) -> Option<Asked> {
        let table_of = |name| self.types.root_table(name);
        let suffixed = |suffix| name.strip_suffix(suffix).and_then(table_of);
        let table = table_of(name).or_else(|| suffixed("_by_id")).or_else(|| suffixed("_aggregated"))?;
        let of = |name: &str| match name {
            "filter" => Type::named(format!("{}_filter", table.collection)),
            "sort" | "groupBy" => Type::list("String"),
            "limit" | "offset" | "page" => Type::named("Int"),
            "search" | "version" => Type::named("String"),
            _ => Type::named("ID"),
        };
        let arguments = field.field.arguments.iter().filter_map(|(name, _)| {
            let name = name.node.as_str();
            Some((name.into(), self.input(field, name, &of(name)).ok().flatten()?))
        });
        Some(Asked { table: table.id, arguments: arguments.collect(), fields: self.field_names(field) })
    }

    /// A field that no table answers.
    fn native_root(&mut self, name: &str, mutates: bool, field: &Collected<'a>) -> (bool, Result<RootKind, Error>) {
        let (Some(declared), Some(operations)) = (self.types.native(name, mutates), self.types.operations) else {
            return (false, Err(Error::Internal));
        };
        let table = |name: &str| self.types.catalog.collection(name).ok_or(Error::Internal);
        let root = match name {
            "users_me" => table("directus_users").and_then(|users| self.own_user(users, field)),
            "roles_me" => table("directus_roles").and_then(|roles| {
                let own = serde_json::json!({ "id": { "_in": "$CURRENT_ROLES" } });
                let arguments = Arguments { filter: Some(Input::from(own)), ..Arguments::default() };
                self.node(roles, Source::Table, &arguments, &field.selections, 1, 1).map(RootKind::List)
            }),
            "update_users_me" => table("directus_users").and_then(|users| self.update_own_user(users, field)),
            _ => self.native_of(declared, operations, field),
        };
        (declared.of().non_null, root)
    }

    fn native_of(
        &self,
        declared: &'static system::Declared,
        operations: &Arc<system::Operations>,
        field: &Collected<'a>,
    ) -> Result<RootKind, Error> {
        let mut arguments = Vec::new();
        for (name, of) in declared.arguments() {
            arguments.extend(self.input(field, name, &of)?.map(|input| (name, input)));
        }
        let selection = system::Pick::of(self.walk, field);
        let operations = operations.clone();
        Ok(RootKind::Native(Box::new(system::NativeRoot { name: declared.name, arguments, selection, operations })))
    }

    /// The caller's own row.
    fn own_user(&mut self, users: &'a Table, field: &Collected<'a>) -> Result<RootKind, Error> {
        let target = |column: &ColumnId| Target::of(users.column(*column), Rounding::Refuse);
        let me = || Term::Constant("$CURRENT_USER".into());
        let key = users.key.iter().map(|column| (me(), target(column))).collect();
        let source = Source::Keys(users.key.clone());
        let node = self.node(users, source, &Arguments::default(), &field.selections, 1, 1)?;
        Ok(RootKind::Key(KeyRoot { node, key }))
    }

    fn collection_root(&mut self, name: &str, field: &Collected<'a>) -> (bool, Result<RootKind, Error>) {
        let types = self.types;
        if let Some(table) = types.root_table(name) {
            return match table.singleton {
                true => (false, self.single(table, field).map(RootKind::Single)),
                false => (true, self.list(table, field).map(RootKind::List)),
            };
        }
        let suffixed = |suffix| name.strip_suffix(suffix).and_then(|name| types.root_table(name));
        if let Some(table) = suffixed("_by_id") {
            return (false, self.by_id(table, field).map(RootKind::Key));
        }
        match suffixed("_aggregated") {
            Some(table) => (true, self.aggregated(table, field).map(|(root, _)| RootKind::Aggregate(root))),
            None => (false, Err(Error::Internal)),
        }
    }

    fn list(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<Node, Error> {
        let arguments = self.arguments(table, field)?;
        self.node(table, Source::Table, &arguments, &field.selections, 1, 1)
    }

    /// The one row that a collection holds.
    fn single(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<Node, Error> {
        let version = self.input(field, "version", &Type::named("String"))?;
        if !is_live_version(version.as_ref()) {
            return Err(Error::Forbidden(None));
        }
        let arguments = Arguments { limit: Some(1), ..Arguments::default() };
        self.node(table, Source::Table, &arguments, &field.selections, 1, 1)
    }

    fn by_id(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<KeyRoot, Error> {
        let version = self.input(field, "version", &Type::named("String"))?;
        if !is_live_version(version.as_ref()) {
            return Err(Error::Forbidden(None));
        }
        let mut key = Vec::with_capacity(table.key.len());
        for ((name, of), column) in types::key_arguments(table).into_iter().zip(&table.key) {
            let term = match self.input(field, &name, &of)? {
                Some(Input::Variable(id, _)) => Term::Variable(id),
                Some(Input::Scalar(json)) => Term::Constant(json),
                _ => return Err(Error::Forbidden(None)),
            };
            key.push((term, Target::of(table.column(*column), Rounding::Refuse)));
        }
        let source = Source::Keys(table.key.clone());
        // A hook may narrow down what a key finds.
        let filter = self.change(field).and_then(|query| query.get("filter"));
        let filter = filter.filter(|filter| !filter.is_null()).map(|filter| Input::from(filter.clone()));
        let arguments = Arguments { filter, ..Arguments::default() };
        let node = self.node(table, source, &arguments, &field.selections, 1, 1)?;
        Ok(KeyRoot { node, key })
    }

    /// One level: its rows and all that hangs on them. `parents` is the number
    /// of rows that it is fetched for, `depth` the number of segments to it.
    fn node(
        &mut self,
        table: &'a Table,
        source: Source,
        arguments: &Arguments,
        selections: &[&'a SelectionSet],
        parents: u64,
        depth: usize,
    ) -> Result<Node, Error> {
        self.statements += 1;
        if self.statements > self.limits.statements {
            return Err(Error::Internal);
        }
        let catalog = self.types.catalog;
        let lists = &self.limits.lists;
        let to_one = match &source {
            Source::Keys(_) => true,
            Source::Relationship(id) => catalog.relationship(*id).cardinality == Cardinality::ManyToOne,
            Source::Table | Source::Among(_) => false,
        };
        let written = matches!(source, Source::Among(_));
        let page = match (to_one, written, arguments.limit) {
            (true, ..) => Page::ALL,
            // All that was written, unless less is asked for (contract 7.2).
            (false, true, None) if arguments.page.is_none() && arguments.offset.is_none() => Page::ALL,
            _ => arguments.page(&source, lists)?,
        };
        let sort = match source {
            Source::Relationship(id) => catalog.relationship(id).sort,
            _ => table.sort,
        };
        let order =
            if to_one { Vec::new() } else { arguments.order(catalog, self.types.access, (table, sort), lists)? };
        let per_parent = match (&source, arguments.limit) {
            _ if to_one => 1,
            (Source::Relationship(_), None | Some(-1)) => RELATED_ROWS,
            _ => page.limit.map_or(UNBOUNDED_ROWS, u64::from),
        };
        let rows = parents.saturating_mul(per_parent);
        let select = if written { self.image(table) } else { Vec::new() };
        let place = self.place();
        let mut level = Level { table, select, children: Vec::new(), rows, depth };
        let shape = self.object(&mut level, selections)?;
        self.cost = self.cost.saturating_add(rows.saturating_mul(level.select.len().max(1) as u64));
        let selection = Selection {
            table: table.id,
            source,
            select: level.select,
            predicate: arguments.predicate(catalog, table, lists)?,
            search: arguments.search(),
            order,
            page,
        };
        let from_image = written && Self::is_plain(arguments) && self.is_image(table, &selection.select);
        let is_empty = selection.page.limit == Some(0);
        let expected_rows = selection.page.limit.unwrap_or(0) as usize;
        let plan = ReadPlan::allow(catalog, self.types.access, selection)?;
        let statement = sql::compile_read(catalog, &plan)?;
        let kind = match plan.source {
            Source::Among(_) => "shown",
            Source::Relationship(_) => "related",
            Source::Table | Source::Keys(_) => "read",
        };
        self.note(place, |compiler| {
            let fields = compiler.asked_fields(table, &compiler.fields_of(table, selections));
            compiler.reading(kind, table, &fields, (!is_empty).then(|| statement.statement.text().into_owned()))
        });
        if is_empty {
            // Without rows there is nothing below either.
            self.forget_below(place);
        }
        let leading = statement.lookup.as_ref().map_or(0, sql::Lookup::columns);
        let statement = (!is_empty).then(|| Arc::new(statement));
        let mut node = Node { statement, shape, children: level.children, expected_rows, from_image };
        node.shift(leading);
        Ok(node)
    }

    /// What a level of written rows selects first: the row's image, if the
    /// caller may see all of it, so that it need not be read again.
    fn image(&self, table: &Table) -> Vec<Operand> {
        let is_whole = self.types.access.read(table.id).is_some_and(|readable| readable.is_whole(table));
        match is_whole {
            true => table.columns.iter().map(|column| Operand::Column(column.id)).collect(),
            false => Vec::new(),
        }
    }

    /// Whether a level selects the row's image and nothing else.
    fn is_image(&self, table: &Table, select: &[Operand]) -> bool {
        let image = self.image(table);
        !image.is_empty() && image == select
    }

    fn object(&mut self, level: &mut Level<'a>, selections: &[&'a SelectionSet]) -> Result<Shape, Error> {
        if level.depth > self.limits.lists.max_depth {
            return Err(Error::Invalid(format!(
                "a selection has at most {} levels of fields",
                self.limits.lists.max_depth
            )));
        }
        let mut members = Vec::new();
        for field in self.fields_of(level.table, selections) {
            let output = self.output(level, &field)?;
            members.push(member(&field, output));
        }
        Ok(Shape { members })
    }

    /// The fields that are selected of a table's rows, be it by way of a union.
    fn fields_of(&self, table: &Table, selections: &[&'a SelectionSet]) -> Vec<Collected<'a>> {
        let is_other = |name: &str| name != table.collection && self.types.catalog.collection(name).is_some();
        self.walk.collect_where(selections, &|name| !is_other(name))
    }

    fn output(&mut self, level: &mut Level<'a>, field: &Collected<'a>) -> Result<Output, Error> {
        let name = field.field.name.node.as_str();
        if name == "__typename" {
            return Ok(Output::Constant(quoted(&level.table.collection)));
        }
        let Some(known) = level.table.field(name) else {
            let base = name.strip_suffix("_func").and_then(|base| level.table.field(base));
            return self.functions(level, base.ok_or(Error::Internal)?, field).map(Output::Object);
        };
        match self.types.kind(known) {
            FieldKind::Column(column) => Ok(self.column_output(level, column)),
            FieldKind::ToOne(id, _) => self.related_row(level, id, field),
            FieldKind::ToMany(id) => {
                let child = self.relation(level, id, field)?;
                Ok(Output::Many(child))
            }
            FieldKind::ToAny(any, _) => self.any(level, any, field),
        }
    }

    fn column_output(&self, level: &mut Level<'a>, column: ColumnId) -> Output {
        let cell = level.cell(Operand::Column(column));
        self.cell_of(cell, level.table, column)
    }

    /// A cell with the spelling of a table's column.
    fn cell_of(&self, cell: usize, table: &Table, column: ColumnId) -> Output {
        let of = self.types.column_type(table, table.column(column));
        let form = if of.name == "ID" && !of.list { Form::Id } else { Form::Field };
        let column_type = match table.column(column) {
            column if column.is_concealed() => ColumnType::Text,
            column => column.column_type.clone(),
        };
        Output::Cell { column: cell, column_type, form, non_null: of.non_null }
    }

    fn related_row(
        &mut self,
        level: &mut Level<'a>,
        id: RelationshipId,
        field: &Collected<'a>,
    ) -> Result<Output, Error> {
        if let Some(output) = self.own_key(level, id, field)? {
            return Ok(output);
        }
        self.relation(level, id, field).map(Output::One)
    }

    /// `author { id }` needs no look at authors: the foreign key is the answer,
    /// where the database enforces it and every author may be seen.
    fn own_key(
        &mut self,
        level: &mut Level<'a>,
        id: RelationshipId,
        field: &Collected<'a>,
    ) -> Result<Option<Output>, Error> {
        let catalog = self.types.catalog;
        let relationship = catalog.relationship(id);
        let target = catalog.table(relationship.to);
        let ([own], [key]) = (&relationship.from_columns[..], &relationship.to_columns[..]) else { return Ok(None) };
        let key_rows = |readable: Right<'_>| readable.rows_of(target.column_field(*key));
        let unrestricted = self.types.access.read(target.id).is_some_and(|readable| key_rows(readable).is_always());
        let column = target.column(*key);
        // A collation may take another spelling for the same key.
        let enforced = relationship.enforced && catalog.dialect != Dialect::Sqlite;
        let same_type = level.table.column(*own).column_type == column.column_type
            && !(catalog.dialect == Dialect::MySql && column.column_type.is_textual());
        // SQLite leaves foreign keys unchecked unless every writer asks for it.
        if !enforced || !unrestricted || !same_type || !field.field.arguments.is_empty() {
            return Ok(None);
        }
        let fields = self.walk.collect(&field.selections);
        let is_key = |name: &str| {
            let known = target.field(name);
            known.is_some_and(|known| self.types.kind(known) == FieldKind::Column(*key))
        };
        let readable = self.types.access.read(target.id);
        let covered = fields.iter().all(|field| {
            let name = field.field.name.node.as_str();
            name == "__typename" || (is_key(name) && readable.is_some_and(|readable| readable.allows(name)))
        });
        if !covered || level.depth + 1 > self.limits.lists.max_depth {
            return Ok(None);
        }
        let cell = level.cell(Operand::Column(*own));
        let members = fields.iter().map(|field| {
            let output = match field.field.name.node.as_str() {
                "__typename" => Output::Constant(quoted(&target.collection)),
                _ => self.cell_of(cell, target, *key),
            };
            member(field, output)
        });
        Ok(Some(Output::Present(cell, Shape { members: members.collect() })))
    }

    /// Adds the level below a relation; returns its place among the children.
    fn relation(&mut self, level: &mut Level<'a>, id: RelationshipId, field: &Collected<'a>) -> Result<usize, Error> {
        let target = self.types.target(id);
        let arguments = self.arguments(target, field)?;
        let source = Source::Relationship(id);
        self.path.push(field.key);
        let node = self.node(target, source, &arguments, &field.selections, level.rows, level.depth + 1)?;
        self.path.pop();
        Ok(self.hang(level, id, node))
    }

    /// One row of several collections: a level below for each, of which one at most
    /// has a key in each row.
    fn any(&mut self, level: &mut Level<'a>, any: AnyId, field: &Collected<'a>) -> Result<Output, Error> {
        let branches: Vec<RelationshipId> = self.types.branches(any).collect();
        let mut children = Vec::with_capacity(branches.len());
        self.path.push(field.key);
        for id in branches {
            let (target, source) = (self.types.target(id), Source::Relationship(id));
            let arguments = Arguments::default();
            let node = self.node(target, source, &arguments, &field.selections, level.rows, level.depth + 1)?;
            children.push(self.hang(level, id, node));
        }
        self.path.pop();
        Ok(Output::OneOf(children))
    }

    /// Hangs a level below a relation; its place among the children.
    fn hang(&self, level: &mut Level<'a>, id: RelationshipId, node: Node) -> usize {
        let relationship = self.types.catalog.relationship(id);
        let (operands, hides) = plan::way(self.types.catalog, self.types.access, id);
        let types = relationship.from_columns.iter().map(|column| level.table.column(*column).column_type.clone());
        let key = operands.into_iter().map(|operand| level.cell(operand)).zip(types).collect();
        level.children.push(Child { key, node, hides, targets: plan::way_targets(self.types.catalog, id) });
        level.children.len() - 1
    }

    /// `date_func { year }`, `meta_func { count json(path:) }`, `tags_func { count }`.
    fn functions(&mut self, level: &mut Level<'a>, base: &Field, field: &Collected<'a>) -> Result<Shape, Error> {
        let kind = self.types.kind(base);
        let mut members = Vec::new();
        for function in self.walk.collect(&field.selections) {
            let name = function.field.name.node.as_str();
            let output = match (name, kind) {
                ("__typename", kind) => Output::Constant(quoted(self.functions_type(level.table, kind))),
                ("json", FieldKind::Column(column)) => {
                    let path = self.input(&function, "path", &Type::named("String"))?;
                    let Some(Input::Scalar(Json::String(path))) = path else {
                        return Err(Error::Invalid("`path` must be a text".to_owned()));
                    };
                    let path = JsonPath::parse(&path).map_err(plan::Error::from)?;
                    let column = level.cell(Operand::JsonPath(column, path));
                    Output::Cell { column, column_type: ColumnType::Json, form: Form::Field, non_null: false }
                }
                ("count", FieldKind::Column(column)) => number(level, Operand::JsonLength(column)),
                ("count", FieldKind::ToMany(id)) => number(level, Operand::Count(id, Box::new(Predicate::always()))),
                (part, FieldKind::Column(column)) => {
                    let part = DatePart::from_name(part).ok_or(Error::Internal)?;
                    number(level, Operand::Part(part, column))
                }
                _ => return Err(Error::Internal),
            };
            members.push(member(&function, output));
        }
        Ok(Shape { members })
    }

    fn functions_type(&self, table: &Table, kind: FieldKind) -> &'a str {
        match kind {
            FieldKind::Column(column) => match types::date_functions(&table.column(column).column_type) {
                Some((functions, _)) => functions,
                None => self.types.names.json_functions(table.id, column),
            },
            FieldKind::ToOne(..) | FieldKind::ToMany(_) | FieldKind::ToAny(..) => "count_functions",
        }
    }

    /// The arguments of a list or relation.
    fn arguments(&self, table: &Table, field: &Collected<'a>) -> Result<Arguments, Error> {
        let of_filter = Type::named(format!("{}_filter", table.collection));
        let limit = match self.input(field, "limit", &Type::named("Int"))? {
            Some(Input::Scalar(Json::Number(number))) => number.as_i64(),
            _ => None,
        };
        let search = match self.input(field, "search", &Type::named("String"))? {
            Some(text) if matches!(text.presence(), Presence::EmptyText) => None,
            other => other.and_then(term),
        };
        Ok(Arguments {
            filter: self.input(field, "filter", &of_filter)?,
            sort: self.texts(field, "sort")?,
            limit,
            offset: self.input(field, "offset", &Type::named("Int"))?.and_then(term),
            page: self.input(field, "page", &Type::named("Int"))?.and_then(term),
            search,
        })
    }

    /// An argument's value; null counts as not given (contract 4.5).
    fn input(&self, field: &Collected<'a>, name: &str, of: &Type) -> Result<Option<Input>, Error> {
        // The parts of a key are not a query's.
        if let Some(query) = self.change(field).filter(|_| of.name != "ID") {
            return Ok(query.get(name).filter(|json| !json.is_null()).map(|json| Input::from(json.clone())));
        }
        let Some(value) = field.argument(name) else { return Ok(None) };
        let input = coerce_literal(self.types, self.walk.scope, of, value).map_err(Error::Invalid)?;
        let absent = input.is_null() || input.presence() == Presence::Absent;
        Ok((!absent).then_some(input))
    }

    /// What hooks have made of a root field's arguments.
    fn change(&self, field: &Collected<'a>) -> Option<&'a Map<String, Json>> {
        self.changed.filter(|(changed, _)| std::ptr::eq(*changed, field.field)).map(|(_, query)| query)
    }

    /// A list of texts; a single text is split at its commas (contract 4.2).
    fn texts(&self, field: &Collected<'a>, name: &str) -> Result<Option<Vec<String>>, Error> {
        let written_alone = self.change(field).is_none()
            && !matches!(
                field.argument(name),
                Some(async_graphql_value::Value::List(_) | async_graphql_value::Value::Variable(_))
            );
        let items = match self.input(field, name, &Type::list("String"))? {
            Some(Input::List(items)) => items,
            Some(single) => vec![single],
            None => return Ok(None),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Input::Scalar(Json::String(text)) if written_alone => {
                    texts.extend(text.split(',').map(|part| part.trim().to_owned()));
                }
                Input::Scalar(Json::String(text)) => texts.push(text),
                _ => return Err(Error::Invalid(format!("`{name}` takes texts"))),
            }
        }
        Ok(Some(texts))
    }
}

/// A scalar or a variable as a term.
fn term(input: Input) -> Option<Term> {
    match input {
        Input::Variable(id, _) => Some(Term::Variable(id)),
        Input::Scalar(json) => Some(Term::Constant(json)),
        Input::List(_) | Input::Object(_) => None,
    }
}

/// `main` and `published` mean the live row (contract 4.1); there are no others.
fn is_live_version(version: Option<&Input>) -> bool {
    match version {
        None => true,
        Some(Input::Scalar(Json::String(name))) => matches!(name.as_str(), "main" | "published"),
        Some(_) => false,
    }
}

fn quoted(text: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::write_string(&mut out, text);
    out.into()
}

fn member(field: &Collected<'_>, output: Output) -> Member {
    Member { prefix: prefix(field.key), key: field.key.into(), position: field.position, output }
}

/// `"title":`
fn prefix(key: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(key.len() + 3);
    json::write_string(&mut out, key);
    out.push(b':');
    out.into()
}

/// A count or a part of a date.
fn number(level: &mut Level<'_>, operand: Operand) -> Output {
    let column = level.cell(operand);
    Output::Cell { column, column_type: ColumnType::BigInteger, form: Form::Raw, non_null: false }
}
