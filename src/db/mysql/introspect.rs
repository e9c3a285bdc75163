//! What the connected database holds, out of `information_schema`: one query
//! per kind of thing, put together here.
//!
//! The two servers spell defaults and checks differently; how texts are read
//! is in [`literal`](super::literal), what types mean in [`types`](super::types).

use std::collections::{BTreeMap, HashMap};

use sqlx::{Row as _, mysql::MySqlRow};

use super::{
    super::Error,
    fetch_text, literal,
    pool::{Flavour, Lease},
    run, types,
};
use crate::catalog::{
    ColumnType,
    facts::{ColumnFacts, ConstraintFacts, ConstraintKind, Facts, ForeignKeyFacts, OnDelete, TableFacts, TableKind},
};

const TABLES: &str = "SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES \
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')";

const COLUMNS: &str = "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, \
    COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, \
    COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()";

const INDEXES: &str = "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, NON_UNIQUE, COLUMN_NAME, SUB_PART, INDEX_TYPE \
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()";

const FOREIGN_KEYS: &str = "SELECT TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, TABLE_SCHEMA, \
    REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
    WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL";
const DELETE_RULES: &str = "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE \
    FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()";

/// Only those are seen that belong to tables on which one may create triggers.
const TRIGGERS: &str =
    "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()";

const MARIADB_CHECKS: &str = "SELECT TABLE_NAME, CHECK_CLAUSE, CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS \
    WHERE CONSTRAINT_SCHEMA = DATABASE()";

/// A check of MySQL does not know its table, but its name is unique.
const MYSQL_CHECKS: &str = "SELECT t.TABLE_NAME, c.CHECK_CLAUSE, c.CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS t \
    JOIN information_schema.CHECK_CONSTRAINTS c \
    ON c.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = t.CONSTRAINT_NAME \
    WHERE t.TABLE_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK' AND t.ENFORCED = 'YES'";

/// Introspects without the time limit of client statements: a large catalog
/// takes its time.
pub(super) async fn introspect(lease: &mut Lease) -> Result<Facts, Error> {
    let flavour = lease.flavour();
    lease.close_on_drop();
    run(lease, &flavour.limit_statement(std::time::Duration::ZERO)).await?;
    let facts = collect(lease, flavour).await?;
    run(lease, &flavour.limit_statement(lease.statement_limit())).await?;
    lease.release_on_drop();
    Ok(facts)
}

async fn collect(lease: &mut Lease, flavour: Flavour) -> Result<Facts, Error> {
    let mut tables = Tables::default();
    for row in fetch_text(lease, TABLES).await? {
        tables.add(Cells(&row))?;
    }
    tables.add_columns(&fetch_text(lease, COLUMNS).await?, flavour)?;
    tables.add_indexes(&fetch_text(lease, INDEXES).await?)?;
    tables.add_foreign_keys(&fetch_text(lease, FOREIGN_KEYS).await?)?;
    for row in fetch_text(lease, DELETE_RULES).await? {
        tables.add_delete_rule(Cells(&row))?;
    }
    let checks = match flavour {
        Flavour::MariaDb => MARIADB_CHECKS,
        Flavour::MySql => MYSQL_CHECKS,
    };
    for row in fetch_text(lease, checks).await? {
        tables.add_check(Cells(&row), flavour)?;
    }
    for row in fetch_text(lease, TRIGGERS).await? {
        tables.add_trigger(Cells(&row))?;
    }
    tables.resolve_targets();
    tables.add_constraints();
    Ok(Facts { tables: tables.by_name.into_values().collect() })
}

/// A row of text.
#[derive(Clone, Copy)]
struct Cells<'r>(&'r MySqlRow);

impl<'r> Cells<'r> {
    fn optional(self, column: usize) -> Result<Option<&'r str>, Error> {
        let bytes = self.0.try_get_unchecked::<Option<&[u8]>, _>(column);
        let bytes = bytes.map_err(|error| Error::Database(format!("the catalog is not understood: {error}")))?;
        let text = bytes.map(std::str::from_utf8).transpose();
        text.map_err(|_| Error::Database("the catalog holds text that is not UTF-8".to_owned()))
    }

    /// Empty for `NULL`.
    fn text(self, column: usize) -> Result<&'r str, Error> {
        Ok(self.optional(column)?.unwrap_or_default())
    }

    fn number(self, column: usize) -> Result<Option<u32>, Error> {
        Ok(self.optional(column)?.and_then(|digits| digits.parse().ok()))
    }

    fn position(self, column: usize) -> Result<u32, Error> {
        Ok(self.number(column)?.unwrap_or_default())
    }

    /// Text, if there is any.
    fn comment(self, column: usize) -> Result<Option<String>, Error> {
        Ok(Some(self.text(column)?.to_owned()).filter(|text| !text.is_empty()))
    }
}

/// The tables so far, in the order of their names.
#[derive(Default)]
struct Tables {
    by_name: BTreeMap<String, TableFacts>,
}

impl Tables {
    fn add(&mut self, cells: Cells<'_>) -> Result<(), Error> {
        let name = cells.text(0)?.to_owned();
        let kind = if cells.text(1)? == "VIEW" { TableKind::View } else { TableKind::Table };
        // A view has no comment of its own: it says `VIEW`, or what is wrong with it.
        let comment = if kind == TableKind::View { None } else { cells.comment(2)? };
        let table = TableFacts {
            schema: None,
            name: name.clone(),
            kind,
            comment,
            columns: Vec::new(),
            primary_key: Vec::new(),
            uniques: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            constraints: Vec::new(),
            has_triggers: false,
        };
        self.by_name.insert(name, table);
        Ok(())
    }

    fn add_columns(&mut self, rows: &[MySqlRow], flavour: Flavour) -> Result<(), Error> {
        let mut columns = Vec::with_capacity(rows.len());
        for cells in rows.iter().map(Cells) {
            columns.push((cells.text(0)?, cells.position(1)?, cells));
        }
        // The servers promise no order, and sort thousands of rows on disk.
        columns.sort_by_key(|(table, position, _)| (*table, *position));
        for (table, _, cells) in columns {
            // A table may have come between the two queries.
            if let Some(table) = self.by_name.get_mut(table) {
                table.columns.push(column(cells, flavour)?);
            }
        }
        Ok(())
    }

    fn add_indexes(&mut self, rows: &[MySqlRow]) -> Result<(), Error> {
        let mut indexes: BTreeMap<(&str, &str), Index<'_>> = BTreeMap::new();
        for cells in rows.iter().map(Cells) {
            let index = indexes.entry((cells.text(0)?, cells.text(1)?)).or_default();
            index.unique = cells.text(3)? == "0";
            index.ordered = matches!(cells.text(6)?, "BTREE" | "HASH" | "RTREE");
            let is_prefix = cells.optional(5)?.is_some();
            index.parts.push((cells.position(2)?, cells.optional(4)?, is_prefix));
        }
        for ((table, name), mut index) in indexes {
            index.parts.sort_by_key(|(position, ..)| *position);
            if let Some(table) = self.by_name.get_mut(table) {
                index.add_to(table, name);
            }
        }
        Ok(())
    }

    fn add_foreign_keys(&mut self, rows: &[MySqlRow]) -> Result<(), Error> {
        let mut keys: BTreeMap<(&str, &str, u32), Cells<'_>> = BTreeMap::new();
        for cells in rows.iter().map(Cells) {
            keys.insert((cells.text(0)?, cells.text(1)?, cells.position(2)?), cells);
        }
        for ((table, name, _), cells) in keys {
            let Some(table) = self.by_name.get_mut(table) else { continue };
            if table.foreign_keys.last().is_none_or(|key| key.name != name) {
                let schema = cells.text(5)?;
                table.foreign_keys.push(ForeignKeyFacts {
                    name: name.to_owned(),
                    columns: Vec::new(),
                    to_schema: (schema != cells.text(4)?).then(|| schema.to_owned()),
                    to_table: cells.text(6)?.to_owned(),
                    to_columns: Vec::new(),
                    on_delete: OnDelete::Refuse,
                });
            }
            if let Some(key) = table.foreign_keys.last_mut() {
                key.columns.push(cells.text(3)?.to_owned());
                key.to_columns.push(cells.text(7)?.to_owned());
            }
        }
        Ok(())
    }

    fn add_delete_rule(&mut self, cells: Cells<'_>) -> Result<(), Error> {
        let (table, name) = (cells.text(0)?, cells.text(1)?);
        let keys = self.by_name.get_mut(table).into_iter().flat_map(|table| &mut table.foreign_keys);
        for key in keys.filter(|key| key.name == name) {
            key.on_delete = OnDelete::from_words(cells.text(2)?);
        }
        Ok(())
    }

    fn add_check(&mut self, cells: Cells<'_>, flavour: Flavour) -> Result<(), Error> {
        let Some(table) = self.by_name.get_mut(cells.text(0)?) else { return Ok(()) };
        let clause = cells.text(1)?;
        // MySQL shows these clauses with their quotes escaped once more.
        let clause = match flavour {
            Flavour::MySql => literal::unescape(clause),
            Flavour::MariaDb => clause.to_owned(),
        };
        let columns = literal::mentioned(&clause);
        table.constraints.push(ConstraintFacts {
            name: cells.text(2)?.to_owned(),
            kind: ConstraintKind::Check,
            columns,
        });
        if let Some(name) = literal::json_check(&clause) {
            let column = table.columns.iter_mut().find(|column| column.name == name);
            if let Some(column) = column.filter(|column| column.column_type == ColumnType::Text) {
                column.column_type = ColumnType::Json;
                column.length = None;
            }
        } else if let Some((name, allowed)) = literal::in_check(&clause) {
            let column = table.columns.iter_mut().find(|column| column.name == name);
            if let Some(column) = column.filter(|column| column.allowed.is_empty()) {
                column.allowed = allowed;
            }
        }
        Ok(())
    }

    fn add_trigger(&mut self, cells: Cells<'_>) -> Result<(), Error> {
        if let Some(table) = self.by_name.get_mut(cells.text(0)?) {
            table.has_triggers = true;
        }
        Ok(())
    }

    /// Foreign keys are reported by the names that they have here.
    fn add_constraints(&mut self) {
        for table in self.by_name.values_mut() {
            let keys = table.foreign_keys.iter().map(|key| ConstraintFacts {
                name: key.name.clone(),
                kind: ConstraintKind::ForeignKey,
                columns: key.columns.clone(),
            });
            table.constraints.extend(keys);
        }
    }

    /// A foreign key may spell the names it points to in another case than the
    /// table itself, where the server does not care.
    fn resolve_targets(&mut self) {
        let folded: HashMap<String, &str> = self.by_name.keys().map(|name| (name.to_lowercase(), &**name)).collect();
        let target = |key: &ForeignKeyFacts| {
            let name = folded.get(&key.to_table.to_lowercase());
            self.by_name.get(&key.to_table).or_else(|| self.by_name.get(*name?))
        };
        let keys = self.by_name.values().flat_map(|table| &table.foreign_keys);
        let spelled: Vec<_> = keys.map(|key| as_spelled(key, target(key))).collect();
        let keys = self.by_name.values_mut().flat_map(|table| &mut table.foreign_keys);
        for (key, spelled) in keys.zip(spelled) {
            *key = spelled;
        }
    }
}

fn as_spelled(key: &ForeignKeyFacts, target: Option<&TableFacts>) -> ForeignKeyFacts {
    let mut spelled = key.clone();
    let Some(target) = target.filter(|_| key.to_schema.is_none()) else { return spelled };
    spelled.to_table.clone_from(&target.name);
    for name in &mut spelled.to_columns {
        // Names of columns never depend on their case.
        let folded = name.to_lowercase();
        if let Some(column) = target.columns.iter().find(|column| column.name.to_lowercase() == folded) {
            name.clone_from(&column.name);
        }
    }
    spelled
}

#[derive(Default)]
struct Index<'r> {
    unique: bool,
    /// Finds rows by equality; full-text indexes do not.
    ordered: bool,
    /// Position, column (`None` for an expression), whether only a prefix of it.
    parts: Vec<(u32, Option<&'r str>, bool)>,
}

impl Index<'_> {
    fn add_to(&self, table: &mut TableFacts, name: &str) {
        let plain = self.parts.iter().map_while(|(_, column, is_prefix)| column.filter(|_| !is_prefix));
        let leading: Vec<String> = plain.map(str::to_owned).collect();
        if name == "PRIMARY" {
            // Unique in a prefix is unique in the whole.
            table.primary_key = self.parts.iter().filter_map(|(_, column, _)| *column).map(str::to_owned).collect();
        } else if self.unique && leading.len() == self.parts.len() {
            table.uniques.push(leading.clone());
        }
        if self.unique {
            let columns = self.parts.iter().filter_map(|(_, column, _)| column.map(str::to_owned)).collect();
            table.constraints.push(ConstraintFacts { name: name.to_owned(), kind: ConstraintKind::Unique, columns });
        }
        if self.ordered && !leading.is_empty() {
            table.indexes.push(leading);
        }
    }
}

fn column(cells: Cells<'_>, flavour: Flavour) -> Result<ColumnFacts, Error> {
    let (data_type, declared) = (cells.text(3)?, cells.text(4)?);
    let extra = cells.text(7)?.to_ascii_lowercase();
    let generated = !cells.text(8)?.is_empty();
    let is_decimal = data_type == "decimal";
    let (precision, scale) = (cells.number(10)?, cells.number(11)?);
    let column_type = types::column_type(data_type, declared, precision, scale);
    let default = match (cells.optional(6)?, flavour) {
        _ if generated => None,
        (None, _) => None,
        (Some(text), Flavour::MariaDb) => literal::mariadb_default(text),
        (Some(text), Flavour::MySql) if extra.contains("default_generated") => Some(literal::unescape(text)),
        (Some(text), Flavour::MySql) if data_type == "bit" => Some(literal::bits(text).unwrap_or(text).to_owned()),
        (Some(text), Flavour::MySql) => Some(text.to_owned()),
    };
    Ok(ColumnFacts {
        name: cells.text(2)?.to_owned(),
        declared: declared.to_owned(),
        column_type,
        nullable: cells.text(5)? == "YES",
        default,
        generated,
        auto_increment: extra.contains("auto_increment"),
        identity_always: false,
        length: if matches!(data_type, "char" | "varchar") { cells.number(9)? } else { None },
        precision: precision.filter(|_| is_decimal),
        scale: scale.filter(|_| is_decimal),
        comment: cells.comment(12)?,
        allowed: types::allowed(declared),
    })
}
