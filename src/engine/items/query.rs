//! The query language for items (`filter`, `sort`, `limit`, `offset`, `page`,
//! `search`, `fields`) as what the engine reads. A field is a name, or a path
//! to a field of related items; `*` stands for all columns.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    catalog::{Cardinality, Catalog, ColumnId, FieldKind, RelationshipId, Table},
    db::Form,
    engine::{Child, Error, Member, Node, Output, Position, Shape},
    permissions::Access,
    plan::{self, Arguments, Limits, Page, ReadPlan, Selection, Source},
    predicate::{Input, Operand, Term},
    sql,
    value::json,
};

/// A query, read but not yet held against a table.
pub(super) struct Query {
    arguments: Arguments,
    fields: Fields,
}

/// Fields by their names, each with those of related items.
#[derive(Default)]
struct Fields(IndexMap<String, Fields>);

impl Query {
    /// Reads a query; null is an empty one.
    pub(super) fn parse(query: &Json) -> Result<Self, Error> {
        let mut arguments = Arguments::default();
        let mut fields = Fields::default();
        let members = match query {
            Json::Null => return Ok(Self { arguments, fields: Fields::all() }),
            Json::Object(members) => members,
            _ => return Err(Error::Invalid("a query is an object".to_owned())),
        };
        let term = |json: &Json| (!json.is_null()).then(|| Term::Constant(json.clone()));
        for (name, json) in members {
            match name.as_str() {
                "filter" if json.is_null() => {}
                "filter" => arguments.filter = Some(Input::from(json.clone())),
                "sort" => arguments.sort = texts("sort", json)?,
                "fields" => {
                    for path in texts("fields", json)?.unwrap_or_default() {
                        fields.add(&path);
                    }
                }
                "limit" if json.is_null() => {}
                "limit" => {
                    let limit = json.as_i64().ok_or_else(|| Error::Invalid("`limit` is a whole number".to_owned()))?;
                    arguments.limit = Some(limit);
                }
                "offset" => arguments.offset = term(json),
                "page" => arguments.page = term(json),
                "search" => arguments.search = term(json).filter(|_| json.as_str() != Some("")),
                other => return Err(Error::Invalid(format!("`{other}` is no part of a query"))),
            }
        }
        if fields.0.is_empty() {
            fields = Fields::all();
        }
        Ok(Self { arguments, fields })
    }

    /// What is to be read: all that the query finds, or those of some keys.
    pub(super) fn node(&self, catalog: &Catalog, access: &Access, table: &Table, by_key: bool) -> Result<Node, Error> {
        let limits = Limits::default();
        let source = if by_key { Source::Among(table.key.clone()) } else { Source::Table };
        let reading = Reading { catalog, access, limits };
        let unlimited = by_key && self.arguments.limit.is_none();
        let page = if unlimited { Page::ALL } else { self.arguments.page(&source, &reading.limits)? };
        reading.node(table, source, &self.arguments, page, &self.fields, 1)
    }
}

impl Fields {
    fn all() -> Self {
        let mut fields = Self::default();
        fields.add("*");
        fields
    }

    fn add(&mut self, path: &str) {
        let mut at = self;
        for name in path.split('.') {
            at = at.0.entry(name.trim().to_owned()).or_default();
        }
    }
}

struct Reading<'a> {
    catalog: &'a Catalog,
    access: &'a Access,
    limits: Limits,
}

/// What a row is made of while its level is put together.
struct Level {
    select: Vec<Operand>,
    children: Vec<Child>,
    members: Vec<Member>,
}

impl Level {
    fn cell(&mut self, operand: Operand) -> usize {
        let known = self.select.iter().position(|known| *known == operand);
        known.unwrap_or_else(|| {
            self.select.push(operand);
            self.select.len() - 1
        })
    }

    fn add(&mut self, name: &str, output: Output) {
        let mut prefix = Vec::with_capacity(name.len() + 3);
        json::write_string(&mut prefix, name);
        prefix.push(b':');
        let (prefix, position) = (prefix.into(), Position::default());
        self.members.push(Member { prefix, key: name.into(), position, output });
    }
}

impl Reading<'_> {
    fn node(
        &self,
        table: &Table,
        source: Source,
        arguments: &Arguments,
        page: Page,
        fields: &Fields,
        depth: usize,
    ) -> Result<Node, Error> {
        if depth > self.limits.max_depth {
            return Err(Error::Invalid(format!("a field has at most {} segments", self.limits.max_depth)));
        }
        let mut level = Level { select: Vec::new(), children: Vec::new(), members: Vec::new() };
        for (name, below) in &fields.0 {
            match name.as_str() {
                "*" => self.all_columns(table, fields, &mut level),
                name => self.field(table, name, below, depth, &mut level)?,
            }
        }
        let to_one = match &source {
            Source::Relationship(id) => self.catalog.relationship(*id).cardinality == Cardinality::ManyToOne,
            _ => false,
        };
        let order = match to_one {
            true => Vec::new(),
            false => arguments.order(self.catalog, self.access, (table, table.sort), &self.limits)?,
        };
        let expected_rows = page.limit.unwrap_or(0) as usize;
        let is_empty = page.limit == Some(0);
        let selection = Selection {
            table: table.id,
            source,
            select: level.select,
            predicate: arguments.predicate(self.catalog, table, &self.limits)?,
            search: arguments.search(),
            order,
            page,
        };
        let plan = ReadPlan::allow(self.catalog, self.access, selection)?;
        let statement = sql::compile_read(self.catalog, &plan)?;
        let leading = statement.lookup.as_ref().map_or(0, sql::Lookup::columns);
        let statement = (!is_empty).then(|| Arc::new(statement));
        let shape = Shape { members: level.members };
        let mut node = Node { statement, shape, children: level.children, expected_rows, from_image: false };
        node.shift(leading);
        Ok(node)
    }

    /// The columns that may be read; of rows that are pointed to, their keys.
    fn all_columns(&self, table: &Table, fields: &Fields, level: &mut Level) {
        let readable = self.access.read(table.id);
        for field in &table.fields {
            let column = table.field_column(field).filter(|_| !fields.0.contains_key(&field.name));
            if let Some(column) = column.filter(|_| readable.is_some_and(|readable| readable.allows(&field.name))) {
                self.column(table, &field.name, column, level);
            }
        }
    }

    fn column(&self, table: &Table, name: &str, column: ColumnId, level: &mut Level) {
        let cell = level.cell(Operand::Column(column));
        let column_type = table.column(column).column_type.clone();
        level.add(name, Output::Cell { column: cell, column_type, form: Form::Raw, non_null: false });
    }

    fn field(&self, table: &Table, name: &str, below: &Fields, depth: usize, level: &mut Level) -> Result<(), Error> {
        let unknown = || {
            Error::Forbidden(Some(format!("no field `{name}` in `{}`, or no permission to use it", table.collection)))
        };
        let field = table.field(name).ok_or_else(unknown)?;
        match (field.kind, below.0.is_empty()) {
            (FieldKind::Column(column) | FieldKind::ToAny(_, column), true)
            | (FieldKind::ToOne(_, Some(column)), true) => {
                self.column(table, name, column, level);
            }
            (FieldKind::Column(_) | FieldKind::ToAny(..), false) => return Err(unknown()),
            (FieldKind::ToOne(id, _), _) => {
                let child = self.related(table, id, below, depth, level)?;
                level.add(name, Output::One(child));
            }
            (FieldKind::ToMany(id), _) => {
                let child = self.related(table, id, below, depth, level)?;
                level.add(name, Output::Many(child));
            }
        }
        Ok(())
    }

    /// Adds the level below a relation; without fields, the keys alone.
    fn related(
        &self,
        table: &Table,
        id: RelationshipId,
        below: &Fields,
        depth: usize,
        level: &mut Level,
    ) -> Result<usize, Error> {
        let relationship = self.catalog.relationship(id);
        let target = self.catalog.table(relationship.to);
        let mut keys = Fields::default();
        for column in &target.key {
            keys.add(target.column_field(*column));
        }
        let fields = if below.0.is_empty() { &keys } else { below };
        let arguments = Arguments::default();
        let node = self.node(target, Source::Relationship(id), &arguments, Page::ALL, fields, depth + 1)?;
        let (operands, hides) = plan::way(self.catalog, self.access, id);
        let types = relationship.from_columns.iter().map(|column| table.column(*column).column_type.clone());
        let key = operands.into_iter().map(|operand| level.cell(operand)).zip(types).collect();
        level.children.push(Child { key, node, hides, targets: plan::way_targets(self.catalog, id) });
        Ok(level.children.len() - 1)
    }
}

/// A list of texts, or one with commas.
fn texts(name: &str, json: &Json) -> Result<Option<Vec<String>>, Error> {
    let wrong = || Error::Invalid(format!("`{name}` takes texts"));
    match json {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.split(',').map(|part| part.trim().to_owned()).collect())),
        Json::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some),
        _ => Err(wrong()),
    }
}
