//! The one writer of SQL text: identifiers are quoted here and nowhere else,
//! placeholders are numbered here, casts are spelled here.

use std::sync::Arc;

use super::{
    parameter::Parameter,
    statement::{LIST_MARK, Statement},
};
use crate::{
    catalog::{Catalog, Column, ColumnId, ColumnType, Dialect, Table, TableId},
    plan::Error,
    predicate::Target,
    value::Value,
};

/// The name that one use of a table has within a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) table: TableId,
    number: u32,
}

/// SQL text being written.
pub(super) struct Writer<'a> {
    pub(super) catalog: &'a Catalog,
    text: String,
    parameters: Vec<Parameter>,
    aliases: u32,
    bare: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, text: String::with_capacity(256), parameters: Vec::new(), aliases: 0, bare: false }
    }

    /// From here on columns stand without the name of their table: where there
    /// is only one, and not every database takes a name for it.
    pub(super) fn bare(&mut self) {
        self.bare = true;
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.catalog.dialect
    }

    /// Literal SQL, never a name or a value from outside.
    pub(super) fn push(&mut self, sql: &str) {
        self.text.push_str(sql);
    }

    pub(super) fn number(&mut self, number: impl Into<i64>) {
        self.text.push_str(itoa::Buffer::new().format(number.into()));
    }

    /// A quoted identifier.
    pub(super) fn identifier(&mut self, name: &str) {
        let quote = match self.dialect() {
            Dialect::MySql => '`',
            Dialect::Postgres | Dialect::Sqlite => '"',
        };
        self.text.push(quote);
        for character in name.chars() {
            if character == quote {
                self.text.push(quote);
            }
            self.text.push(character);
        }
        self.text.push(quote);
    }

    /// A text from the catalog as a literal; `false`, and nothing written, when
    /// it holds a character that any dialect might take for more than itself.
    #[must_use]
    pub(super) fn literal(&mut self, text: &str) -> bool {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || " _-.".contains(character);
        if !text.chars().all(is_plain) {
            return false;
        }
        self.text.push('\'');
        self.text.push_str(text);
        self.text.push('\'');
        true
    }

    /// A new name for one use of a table.
    pub(super) fn alias(&mut self, table: TableId) -> Alias {
        self.aliases += 1;
        Alias { table, number: self.aliases - 1 }
    }

    /// `"schema"."table"`
    pub(super) fn table_name(&mut self, table: TableId) {
        let table: &Table = self.catalog.table(table);
        if let Some(schema) = &table.schema {
            self.identifier(schema);
            self.push(".");
        }
        self.identifier(&table.name);
    }

    /// `"schema"."table" AS t0`
    pub(super) fn table(&mut self, alias: Alias) {
        self.table_name(alias.table);
        self.push(" AS ");
        self.alias_name(alias);
    }

    pub(super) fn alias_name(&mut self, alias: Alias) {
        self.push("t");
        self.number(alias.number);
    }

    /// `t0."column"`, or `"column"` after [`Self::bare`].
    pub(super) fn column(&mut self, alias: Alias, column: ColumnId) {
        if !self.bare {
            self.alias_name(alias);
            self.push(".");
        }
        let name = &self.catalog.table(alias.table).column(column).name;
        self.identifier(name);
    }

    pub(super) fn column_of(&self, alias: Alias, column: ColumnId) -> &'a Column {
        self.catalog.table(alias.table).column(column)
    }

    /// A placeholder without a cast.
    ///
    /// # Errors
    /// When the parameter is constant and cannot be used.
    pub(super) fn placeholder(&mut self, parameter: Parameter) -> Result<(), Error> {
        let parameter = parameter.prepared(self.dialect()).map_err(Error::Invalid)?;
        self.parameters.push(parameter);
        match self.dialect() {
            Dialect::Postgres => {
                self.push("$");
                self.number(self.parameters.len() as i64);
            }
            Dialect::MySql => self.push("?"),
            Dialect::Sqlite => {
                self.push("?");
                self.number(self.parameters.len() as i64);
            }
        }
        Ok(())
    }

    /// A parenthesised list of placeholders (MySQL).
    pub(super) fn placeholder_list(&mut self, parameter: Parameter) {
        self.parameters.push(parameter);
        self.text.push(LIST_MARK);
    }

    /// A placeholder cast to what it is compared with.
    pub(super) fn value(
        &mut self,
        parameter: Parameter,
        target: &Target,
        column: Option<&Column>,
    ) -> Result<(), Error> {
        match self.dialect() {
            Dialect::Postgres => {
                self.placeholder(parameter)?;
                if let Some(cast) = postgres_cast(target, column) {
                    self.push("::");
                    self.push(&cast);
                }
                Ok(())
            }
            Dialect::MySql => self.wrapped(parameter, mysql_cast(target)),
            Dialect::Sqlite => self.wrapped(parameter, sqlite_cast(target)),
        }
    }

    fn wrapped(&mut self, parameter: Parameter, cast: Option<(&str, &str)>) -> Result<(), Error> {
        let (before, after) = cast.unwrap_or_default();
        self.push(before);
        self.placeholder(parameter)?;
        self.push(after);
        Ok(())
    }

    /// The text and its values, all of which are known.
    pub(super) fn finish_ready(self) -> (Arc<str>, Vec<Value>) {
        let values = self.parameters.into_iter().filter_map(Parameter::into_ready);
        (self.text.into(), values.collect())
    }

    pub(super) fn finish(self, width: usize) -> Statement {
        Statement { dialect: self.catalog.dialect, text: self.text.into(), parameters: self.parameters, width }
    }
}

/// The type that a placeholder is cast to; element type for lists.
pub(super) fn postgres_cast(target: &Target, column: Option<&Column>) -> Option<String> {
    let declared = || column.map(|column| column.declared.clone());
    Some(match target {
        Target::Integer(_) | Target::Boolean | Target::Float | Target::Double | Target::Binary => return None,
        Target::Text => {
            // Comparing char(n) with text would ignore the column's index.
            return declared().filter(|name| is_padded(name)).map(|_| "bpchar".to_owned());
        }
        Target::Unsigned | Target::Decimal => "numeric".to_owned(),
        Target::Enumerated(_) => declared().unwrap_or_else(|| "text".to_owned()),
        Target::Uuid => "uuid".to_owned(),
        Target::Timestamp => "timestamptz".to_owned(),
        Target::DateTime => "timestamp".to_owned(),
        Target::Date => "date".to_owned(),
        Target::Time => "time".to_owned(),
        Target::GeoJson => "text".to_owned(),
    })
}

/// Whether a PostgreSQL type is `char(n)`.
pub(super) fn is_padded(declared: &str) -> bool {
    declared.starts_with("character(") || declared == "character" || declared == "bpchar"
}

fn mysql_cast(target: &Target) -> Option<(&'static str, &'static str)> {
    match target {
        Target::Unsigned => Some(("CAST(", " AS UNSIGNED)")),
        Target::Decimal => Some(("CAST(", " AS DECIMAL(65, 30))")),
        _ => None,
    }
}

fn sqlite_cast(target: &Target) -> Option<(&'static str, &'static str)> {
    match target {
        Target::Decimal | Target::Unsigned => Some(("CAST(", " AS NUMERIC)")),
        _ => None,
    }
}

/// Whether values of this type are told apart by their text alone, so that a
/// row's key can be matched with the key that asked for it.
pub(super) fn is_plain_key(column: &Column) -> bool {
    match column.column_type {
        ColumnType::Integer | ColumnType::BigInteger | ColumnType::Uuid => true,
        ColumnType::Text => !is_padded(&column.declared) && !column.declared.contains("citext"),
        _ => false,
    }
}
