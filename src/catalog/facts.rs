//! What introspection found in a database, as it is there: names unmapped,
//! nothing inferred, nothing left out. [`super::Catalog`] is built from it.

use super::ColumnType;

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Tables and views, in the order of schema, then name.
    pub tables: Vec<TableFacts>,
}

/// Whether rows are stored or computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Rows are stored (also foreign and partitioned tables).
    Table,
    /// A view or a materialized view.
    View,
}

/// A table or a view.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFacts {
    /// The PostgreSQL schema; `None` where the database has none within it.
    pub schema: Option<String>,
    /// The name, unquoted.
    pub name: String,
    /// Table or view.
    pub kind: TableKind,
    /// The comment, if it is not empty.
    pub comment: Option<String>,
    /// The columns, in table order.
    pub columns: Vec<ColumnFacts>,
    /// Names of the primary key's columns, in key order; empty without one.
    pub primary_key: Vec<String>,
    /// Column lists of unique constraints and of unique indexes that are
    /// neither partial nor on expressions; without the primary key.
    pub uniques: Vec<Vec<String>>,
    /// Leading plain columns of every index that is not partial, the primary
    /// key's and unique ones included, each in index order.
    pub indexes: Vec<Vec<String>>,
    /// Foreign keys, in the order of their constraint names.
    pub foreign_keys: Vec<ForeignKeyFacts>,
    /// What the database may name when a write breaks a rule, in no order that
    /// matters. SQLite names the columns instead, so there is nothing.
    pub constraints: Vec<ConstraintFacts>,
    /// Whether triggers (or PostgreSQL's rules) may change what a write
    /// stores. MySQL shows triggers only to those who may create some.
    pub has_triggers: bool,
}

impl TableFacts {
    /// The name for people.
    pub fn full_name(&self) -> String {
        full_name(self.schema.as_deref(), &self.name)
    }
}

/// A name for people: with the schema where there is one.
pub(super) fn full_name(schema: Option<&str>, name: &str) -> String {
    match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnFacts {
    /// The name, unquoted.
    pub name: String,
    /// The type as the database's own DDL spells it, quoted as a cast needs it
    /// (PostgreSQL: `format_type`, of a domain's base type; MySQL: `COLUMN_TYPE`;
    /// SQLite: as declared).
    pub declared: String,
    /// What the type means.
    pub column_type: ColumnType,
    /// Whether `NULL` is allowed.
    pub nullable: bool,
    /// The default's text: the bare value of a literal (`draft`, not
    /// `'draft'::text`), otherwise the expression. `None` for no default and
    /// for an explicit `NULL`.
    pub default: Option<String>,
    /// Computed from other columns.
    pub generated: bool,
    /// Identity, serial, `AUTO_INCREMENT` or SQLite's rowid alias.
    pub auto_increment: bool,
    /// PostgreSQL's `GENERATED ALWAYS AS IDENTITY`: takes no value from outside.
    pub identity_always: bool,
    /// Length in characters of a limited text type.
    pub length: Option<u32>,
    /// Total digits of a decimal type.
    pub precision: Option<u32>,
    /// Digits after the point of a decimal type.
    pub scale: Option<u32>,
    /// The comment, if it is not empty.
    pub comment: Option<String>,
    /// The values that an enum type, a `SET` or an enum-like
    /// `CHECK (column IN ('a', 'b'))` allows, in declared order; empty
    /// without one.
    pub allowed: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKeyFacts {
    /// The constraint's name, made up where the database has none.
    pub name: String,
    /// The columns here.
    pub columns: Vec<String>,
    /// The schema of the table pointed to.
    pub to_schema: Option<String>,
    /// The table pointed to.
    pub to_table: String,
    /// The columns there, in the order of `columns`.
    pub to_columns: Vec<String>,
    /// What becomes of rows here when the one they point to is deleted.
    pub on_delete: OnDelete,
}

/// What becomes of rows when the one they point to is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// It is not deleted.
    #[default]
    Refuse,
    /// They are deleted as well.
    Cascade,
    /// Their columns become null, or what they are by default.
    Reset,
}

impl OnDelete {
    /// By SQL's words, which are the same everywhere; in any case.
    pub fn from_words(words: &str) -> Self {
        match words.to_ascii_uppercase().as_str() {
            "CASCADE" => Self::Cascade,
            "SET NULL" | "SET DEFAULT" => Self::Reset,
            _ => Self::Refuse,
        }
    }
}

/// A rule of a table, by the name under which the database reports it broken.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintFacts {
    /// The name of the constraint, or of the unique index.
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
    /// The columns that it is about, as far as they are known and may be read.
    pub columns: Vec<String>,
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// No two rows alike: primary keys, unique constraints and indexes,
    /// PostgreSQL's exclusions.
    Unique,
    /// An expression that is not false.
    Check,
    /// A row elsewhere.
    ForeignKey,
}
