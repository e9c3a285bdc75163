//! What the database is, as the gateway serves it: collections with their
//! fields, relationships inferred from foreign keys, and what was left out.
//!
//! Pure: built from [`facts::Facts`]; knows nothing of connections, callers or
//! protocols. `naming` is the border between the database's names (table,
//! column) and the served ones (collection, field).

mod build;
pub mod facts;
pub mod metadata;
mod naming;
mod relationships;
mod types;

use std::collections::HashMap;

pub use self::{
    build::Options,
    facts::{ConstraintKind, TableKind},
    metadata::{Cast, Exposure, Metadata, Specials, Tracking},
    types::{ColumnType, Dialect},
};

/// What is shown in the place of a value that is shown to nobody.
pub const CONCEALED: &str = "**********";

/// Position of a table in its catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// Position of a column in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u16);

/// Position of a relationship in its catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationshipId(pub u32);

/// Position of a way to any of several collections in its catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnyId(pub u32);

/// Everything that is served, never changed once it exists.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The SQL that the database speaks.
    pub dialect: Dialect,
    /// Whether `INSERT … RETURNING` and `DELETE … RETURNING` exist.
    pub inserts_return: bool,
    /// The tables and views, by [`TableId`].
    pub tables: Vec<Table>,
    /// The relationships, by [`RelationshipId`].
    pub relationships: Vec<Relationship>,
    /// The ways to any of several collections, by [`AnyId`].
    pub anys: Vec<ToAny>,
    /// What the database does by itself to rows that point to deleted ones.
    pub cascades: Vec<Cascade>,
    /// What was left out, renamed or decided, for people.
    pub notes: Vec<Note>,
    collections: HashMap<String, TableId>,
}

/// A table or view that is served as a collection.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its position.
    pub id: TableId,
    /// The PostgreSQL schema.
    pub schema: Option<String>,
    /// The name in the database.
    pub name: String,
    /// The name it is served under.
    pub collection: String,
    /// Table or view.
    pub kind: TableKind,
    /// The comment.
    pub comment: Option<String>,
    /// The columns, by [`ColumnId`].
    pub columns: Vec<Column>,
    /// What identifies a row: the primary key, otherwise the first unique
    /// constraint over columns that are never null. Empty for views without one.
    pub key: Vec<ColumnId>,
    /// The columns of every unique key, the primary key first.
    pub uniques: Vec<Vec<ColumnId>>,
    /// What the database may name when a write breaks a rule.
    pub constraints: Vec<Constraint>,
    /// Whether triggers may change what a write stores.
    pub triggers: bool,
    /// Where it is served.
    pub exposure: Exposure,
    /// Whether it holds one row.
    pub singleton: bool,
    /// What rows are sorted by unless something else is asked for.
    pub sort: Option<ColumnId>,
    /// What is kept of writes.
    pub tracking: Tracking,
    /// Filters that payloads of callers must pass.
    pub validations: Vec<serde_json::Value>,
    /// What is served of it, columns first, in order.
    pub fields: Vec<Field>,
    field_positions: HashMap<String, usize>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its position.
    pub id: ColumnId,
    /// The name in the database.
    pub name: String,
    /// The type as the database spells it, fit for a cast.
    pub declared: String,
    /// What the type means.
    pub column_type: ColumnType,
    /// Whether `NULL` is allowed.
    pub nullable: bool,
    /// The default, see [`facts::ColumnFacts::default`].
    pub default: Option<String>,
    /// Computed from other columns.
    pub generated: bool,
    /// Filled by the database.
    pub auto_increment: bool,
    /// Filled by the database, which takes no value from outside.
    pub identity_always: bool,
    /// Length in characters of a limited text type.
    pub length: Option<u32>,
    /// Total digits of a decimal type.
    pub precision: Option<u32>,
    /// Digits after the point of a decimal type.
    pub scale: Option<u32>,
    /// The comment.
    pub comment: Option<String>,
    /// The only values that it may have; empty for any.
    pub allowed: Vec<String>,
    /// What its values are made of.
    pub specials: Specials,
    /// Whether texts are searched in it.
    pub searchable: bool,
    /// Whether it holds JSON that the database itself does not know as such.
    pub is_json_text: bool,
}

/// A rule of a table, see [`facts::ConstraintFacts`].
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The name under which the database reports it broken.
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
    /// The columns that it is about, as far as they are known.
    pub columns: Vec<ColumnId>,
}

/// What a collection serves under one name.
#[derive(Clone, Debug)]
pub struct Field {
    /// The served name.
    pub name: String,
    /// What it is.
    pub kind: FieldKind,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A plain column.
    Column(ColumnId),
    /// The row that a foreign key points to, in the place of its column; no
    /// column for composite keys, which stand beside their columns.
    ToOne(RelationshipId, Option<ColumnId>),
    /// The rows that point here, directly or through a junction.
    ToMany(RelationshipId),
    /// A row of one of several collections, in the place of the column with its key.
    ToAny(AnyId, ColumnId),
}

/// A row of one of several collections: a column has its key, another one the
/// collection's name (contract `system-tables.md` 7, many-to-any).
#[derive(Clone, Debug)]
pub struct ToAny {
    /// The column with the name.
    pub collection: ColumnId,
    /// The ways to each, in the order in which they are allowed.
    pub targets: Vec<RelationshipId>,
}

/// One direction of a foreign key, or a way through a junction.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// Its position.
    pub id: RelationshipId,
    /// Where it starts.
    pub from: TableId,
    /// Where it leads.
    pub to: TableId,
    /// How many rows it leads to, and how.
    pub cardinality: Cardinality,
    /// The columns here whose values are followed.
    pub from_columns: Vec<ColumnId>,
    /// The columns that hold the same values: of the target, or of the
    /// junction for [`Cardinality::ManyToMany`].
    pub to_columns: Vec<ColumnId>,
    /// Whether an index begins with `to_columns`.
    pub indexed: bool,
    /// Whether the database sees to it that no row points to nothing.
    pub enforced: bool,
    /// What the rows that it leads to are sorted by unless something else is asked
    /// for.
    pub sort: Option<ColumnId>,
    /// Whether rows that are taken out of a list are deleted; otherwise they point
    /// to nothing then.
    pub deletes: bool,
    /// What must be true of the row where it starts, if not all rows lead there.
    pub when: Option<When>,
}

/// A column and the only value with which a way can be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// The column.
    pub column: ColumnId,
    /// The value.
    pub is: String,
}

impl Relationship {
    /// The columns where it starts that say where it leads.
    pub fn leading_columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.from_columns.iter().copied().chain(self.when.as_ref().map(|when| when.column))
    }
}

/// What the database does by itself to rows that point to a deleted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cascade {
    /// The table of those rows.
    pub table: TableId,
    /// Their columns that point to it.
    pub columns: Vec<ColumnId>,
    /// The table of the deleted row.
    pub to: TableId,
    /// The columns there, in the order of `columns`.
    pub to_columns: Vec<ColumnId>,
    /// Whether they are deleted as well; otherwise their columns become null, or
    /// what they are by default.
    pub deletes: bool,
}

/// How many rows a relationship leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// At most one.
    ManyToOne,
    /// Any number.
    OneToMany,
    /// Any number, through a table that holds nothing but pairs of keys.
    ManyToMany {
        /// The table of pairs.
        junction: TableId,
        /// Its columns that point to the target.
        junction_columns: Vec<ColumnId>,
        /// The target's columns that they point to.
        target_columns: Vec<ColumnId>,
    },
}

/// Something that people should know of how their database is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it happened to.
    pub action: NoteAction,
    /// The table, or `table.column`, in the database's names.
    pub subject: String,
    /// Why, as a sentence fragment.
    pub reason: String,
}

/// What happened to the subject of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteAction {
    /// It is not served.
    LeftOut,
    /// It is served under another name.
    Renamed,
    /// It is served, with a decision worth knowing.
    Decided,
}

impl Catalog {
    /// A table by its position.
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0 as usize]
    }

    /// A table by the name it is served under.
    pub fn collection(&self, name: &str) -> Option<&Table> {
        self.collections.get(name).map(|id| self.table(*id))
    }

    /// A way to any of several collections by its position.
    pub fn any(&self, id: AnyId) -> &ToAny {
        &self.anys[id.0 as usize]
    }

    /// The way to one of several collections that is named `field:collection` or
    /// `field__collection`.
    pub fn branch(&self, table: &Table, name: &str) -> Option<RelationshipId> {
        let (field, collection) = name.split_once(':').or_else(|| name.split_once("__"))?;
        let FieldKind::ToAny(any, _) = table.field(field)?.kind else { return None };
        let is_it = |id: &&RelationshipId| self.table(self.relationship(**id).to).collection == collection;
        self.any(any).targets.iter().find(is_it).copied()
    }

    /// The field that is the start of a relationship.
    pub fn way(&self, id: RelationshipId) -> Option<&Field> {
        let is_it = |field: &&Field| match field.kind {
            FieldKind::Column(_) => false,
            FieldKind::ToOne(found, _) | FieldKind::ToMany(found) => found == id,
            FieldKind::ToAny(any, _) => self.any(any).targets.contains(&id),
        };
        self.table(self.relationship(id).from).fields.iter().find(is_it)
    }

    /// A relationship by its position.
    pub fn relationship(&self, id: RelationshipId) -> &Relationship {
        &self.relationships[id.0 as usize]
    }
}

impl Table {
    /// A column by its position.
    pub fn column(&self, id: ColumnId) -> &Column {
        &self.columns[usize::from(id.0)]
    }

    /// A field by its served name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.field_positions.get(name).map(|position| &self.fields[*position])
    }

    /// The column that a field reads by itself: a plain one or a foreign key.
    pub fn field_column(&self, field: &Field) -> Option<ColumnId> {
        match field.kind {
            FieldKind::Column(column) => Some(column),
            FieldKind::ToOne(_, column) => column,
            FieldKind::ToMany(_) => None,
            FieldKind::ToAny(_, column) => Some(column),
        }
    }

    /// The served name of a column.
    pub fn column_field(&self, column: ColumnId) -> &str {
        self.fields
            .iter()
            .find(|field| self.field_column(field) == Some(column))
            .map_or("", |field| field.name.as_str())
    }

    /// Whether some columns are a unique key, in whatever order.
    pub fn is_unique(&self, columns: &[ColumnId]) -> bool {
        let same = |unique: &Vec<ColumnId>| {
            unique.len() == columns.len() && unique.iter().all(|column| columns.contains(column))
        };
        same(&self.key) || self.uniques.iter().any(same)
    }

    /// Whether a column holds what is shown to nobody.
    pub fn has_concealed(&self) -> bool {
        self.columns.iter().any(Column::is_concealed)
    }

    /// Whether rows can be written by whoever may. Rows of a view are the database's
    /// business, rows without a key could not be told apart, and what is kept of what
    /// others do is written by the gateway alone (contract `graphql.md` 3.1).
    pub fn is_writable(&self) -> bool {
        let is_record = match self.exposure {
            Exposure::Items => false,
            Exposure::System => matches!(&*self.name, "directus_activity" | "directus_revisions"),
            Exposure::Internal => true,
        };
        self.kind == TableKind::Table && !self.key.is_empty() && !is_record
    }

    /// Whether a column alone identifies a row.
    pub fn is_single_key(&self, column: ColumnId) -> bool {
        self.key == [column]
    }

    fn add_field(&mut self, field: Field) {
        self.field_positions.insert(field.name.clone(), self.fields.len());
        self.fields.push(field);
    }
}

impl Column {
    /// Whether its value is shown to nobody.
    pub fn is_concealed(&self) -> bool {
        self.specials.is_concealed()
    }
}
