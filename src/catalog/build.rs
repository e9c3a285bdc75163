//! From facts to a catalog: which tables are served, under which names, and
//! what identifies their rows.

use std::collections::HashMap;

use super::{
    Cast, Catalog, Column, ColumnId, ColumnType, Constraint, Dialect, Exposure, Field, FieldKind, Metadata, Note,
    NoteAction, Specials, Table, TableId, TableKind, Tracking,
    facts::{ColumnFacts, Facts, TableFacts},
    metadata::SYSTEM_PREFIX,
    naming::{CollectionNames, FieldNames},
    relationships,
};

/// What to serve of a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// The PostgreSQL schema whose tables keep their bare names; tables of
    /// others are served as `schema_table`. `None` where there are no schemas.
    pub default_schema: Option<String>,
    /// Tables that are not served, by their names in the database.
    pub exclude: Vec<String>,
    /// Whether this MySQL or MariaDB has `INSERT … RETURNING`; the others do.
    pub inserts_return: bool,
    /// What the database's own tables say of it; without, system tables are not
    /// served.
    pub metadata: Option<Metadata>,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_schema: None, exclude: Vec::new(), inserts_return: true, metadata: None }
    }
}

impl Catalog {
    /// Decides what is served of a database.
    pub fn build(dialect: Dialect, facts: &Facts, options: &Options) -> Self {
        let mut catalog = Self {
            dialect,
            inserts_return: dialect != Dialect::MySql || options.inserts_return,
            tables: Vec::new(),
            relationships: Vec::new(),
            anys: Vec::new(),
            cascades: Vec::new(),
            notes: Vec::new(),
            collections: HashMap::new(),
        };
        let served: Vec<&TableFacts> =
            facts.tables.iter().filter(|table| is_served(table, options, &mut catalog.notes)).collect();
        // Names that need no mapping are claimed first, so that a table keeps
        // its name whatever stands before it in the alphabet.
        let mut names = CollectionNames::new();
        let mut collections = vec![String::new(); served.len()];
        let (plain, mapped): (Vec<usize>, Vec<usize>) = (0..served.len()).partition(|at| {
            let name = wanted_name(served[*at], options);
            super::naming::graphql_name(&name) == name
        });
        for at in plain.into_iter().chain(mapped) {
            collections[at] = names.claim(&wanted_name(served[at], options));
        }
        for (table, collection) in served.iter().zip(collections) {
            catalog.add_table(table, collection, options.metadata.as_ref());
        }
        relationships::infer(&mut catalog, &served, options.metadata.as_ref());
        catalog
    }

    fn add_table(&mut self, facts: &TableFacts, collection: String, metadata: Option<&Metadata>) {
        if collection != facts.name {
            self.notes.push(Note {
                action: NoteAction::Renamed,
                subject: facts.full_name(),
                reason: format!("served as `{collection}`"),
            });
        }
        let dialect = self.dialect;
        let said = metadata.and_then(|metadata| metadata.collection(&facts.name));
        let of_field = |name: &str| metadata.and_then(|metadata| metadata.field(&facts.name, name));
        let id = TableId(self.tables.len() as u32);
        self.collections.insert(collection.clone(), id);
        let mut table = Table {
            id,
            schema: facts.schema.clone(),
            name: facts.name.clone(),
            collection,
            kind: facts.kind,
            comment: said.and_then(|said| said.note.clone()).or_else(|| facts.comment.clone()),
            columns: Vec::with_capacity(facts.columns.len()),
            key: key(facts, &mut self.notes),
            uniques: uniques(facts),
            constraints: constraints(facts),
            triggers: facts.has_triggers,
            exposure: metadata.map_or(Exposure::Items, |_| Exposure::of(&facts.name)),
            singleton: said.is_some_and(|said| said.singleton),
            sort: said.and_then(|said| column_id(facts, said.sort_field.as_deref()?)),
            // A table that nobody has said anything of is kept account of in full, once
            // there is where to.
            tracking: match (metadata, said) {
                (_, Some(said)) => said.tracking,
                (Some(_), None) => Tracking::All,
                (None, _) => Tracking::Nothing,
            },
            validations: metadata.map(|metadata| metadata.validations(&facts.name)).unwrap_or_default(),
            fields: Vec::with_capacity(facts.columns.len()),
            field_positions: HashMap::with_capacity(facts.columns.len()),
        };
        let mut names = FieldNames::new();
        for (position, column) in facts.columns.iter().enumerate() {
            let id = ColumnId(position as u16);
            let said = of_field(&column.name);
            let specials = said.map(|said| said.specials).unwrap_or_default();
            table.columns.push(Column {
                id,
                name: column.name.clone(),
                declared: column.declared.clone(),
                column_type: cast(dialect, column, specials),
                nullable: column.nullable && !table.key.contains(&id),
                default: column.default.clone(),
                generated: column.generated,
                auto_increment: column.auto_increment,
                identity_always: column.identity_always,
                length: column.length,
                precision: column.precision,
                scale: column.scale,
                comment: said.and_then(|said| said.note.clone()).or_else(|| column.comment.clone()),
                allowed: column.allowed.clone(),
                specials,
                is_json_text: column.column_type == ColumnType::Text && specials.cast == Some(Cast::Json),
                searchable: said.is_none_or(|said| said.searchable) && !specials.is_concealed(),
            });
            let name = names.claim(&column.name);
            if name != column.name {
                self.notes.push(Note {
                    action: NoteAction::Renamed,
                    subject: format!("{}.{}", facts.full_name(), column.name),
                    reason: format!("served as `{name}`"),
                });
            }
            table.add_field(Field { name, kind: FieldKind::Column(id) });
        }
        self.tables.push(table);
    }
}

/// The type of what a column holds, as far as the database has nothing to say
/// against it.
fn cast(dialect: Dialect, column: &ColumnFacts, specials: Specials) -> ColumnType {
    let known = &column.column_type;
    let is_lax = dialect == Dialect::Sqlite;
    match (known, specials.cast) {
        (ColumnType::Text, Some(Cast::Json)) => ColumnType::Json,
        (ColumnType::Text, Some(Cast::Csv)) => ColumnType::Csv,
        (ColumnType::Integer, Some(Cast::Boolean)) if dialect != Dialect::Postgres => ColumnType::Boolean,
        (ColumnType::DateTime, Some(Cast::Timestamp)) if is_lax => ColumnType::Timestamp,
        (ColumnType::Timestamp, Some(Cast::DateTime)) if is_lax => ColumnType::DateTime,
        (ColumnType::Text, None) if specials.uuid && dialect != Dialect::Postgres => ColumnType::Uuid,
        (known, _) => known.clone(),
    }
}

fn wanted_name(table: &TableFacts, options: &Options) -> String {
    match &table.schema {
        Some(schema) if Some(schema) != options.default_schema.as_ref() => format!("{schema}_{}", table.name),
        _ => table.name.clone(),
    }
}

fn is_served(table: &TableFacts, options: &Options, notes: &mut Vec<Note>) -> bool {
    let reason = if options.exclude.contains(&table.name) {
        "excluded by configuration"
    } else if options.metadata.is_none() && table.name.starts_with(SYSTEM_PREFIX) {
        "a system table, never served as a plain collection"
    } else if options
        .metadata
        .as_ref()
        .and_then(|known| known.collection(&table.name))
        .is_some_and(|known| known.inactive)
    {
        "switched off in its metadata"
    } else if table.columns.is_empty() {
        "no column that may be read"
    } else if table.columns.len() > usize::from(u16::MAX) {
        "too many columns"
    } else if table.kind == TableKind::Table && key_columns(table).is_none() {
        "no primary key, and no unique constraint over columns that are never null"
    } else {
        return true;
    };
    notes.push(Note { action: NoteAction::LeftOut, subject: table.full_name(), reason: reason.to_owned() });
    false
}

/// Names of the columns that identify a row.
fn key_columns(table: &TableFacts) -> Option<&[String]> {
    if !table.primary_key.is_empty() {
        return Some(&table.primary_key);
    }
    let never_null = |name: &String| table.columns.iter().any(|column| column.name == *name && !column.nullable);
    table.uniques.iter().find(|unique| unique.iter().all(never_null)).map(Vec::as_slice)
}

fn key(table: &TableFacts, notes: &mut Vec<Note>) -> Vec<ColumnId> {
    let Some(columns) = key_columns(table) else { return Vec::new() };
    if table.primary_key.is_empty() {
        notes.push(Note {
            action: NoteAction::Decided,
            subject: table.full_name(),
            reason: format!("no primary key; rows are identified by {}", columns.join(", ")),
        });
    }
    // A key with a column that may not be read identifies nothing here.
    columns.iter().map(|name| column_id(table, name)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The unique keys, the primary key first, without those that a hidden column
/// is part of.
fn uniques(table: &TableFacts) -> Vec<Vec<ColumnId>> {
    let primary = Some(&table.primary_key).filter(|key| !key.is_empty());
    let ids = |names: &Vec<String>| names.iter().map(|name| column_id(table, name)).collect();
    primary.into_iter().chain(&table.uniques).filter_map(ids).collect()
}

fn constraints(table: &TableFacts) -> Vec<Constraint> {
    let constraints = table.constraints.iter().map(|facts| Constraint {
        name: facts.name.clone(),
        kind: facts.kind,
        columns: facts.columns.iter().filter_map(|name| column_id(table, name)).collect(),
    });
    constraints.collect()
}

fn column_id(table: &TableFacts, name: &str) -> Option<ColumnId> {
    table.columns.iter().position(|column| column.name == name).map(|position| ColumnId(position as u16))
}

#[cfg(test)]
mod tests;
