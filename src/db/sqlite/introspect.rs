//! Reads what is there, in one transaction and a handful of statements however
//! many tables there are. SQLite keeps its schema in memory, so the pragmas
//! that these statements join are answered without reading the file.
//!
//! Views and virtual tables are asked one by one: a view on a table that is
//! gone, or a module that is not built in, must not hide everything else.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row};

use super::{ddl, declared};
use crate::catalog::facts::{
    ColumnFacts, ConstraintFacts, ConstraintKind, Facts, ForeignKeyFacts, OnDelete, TableFacts, TableKind,
};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Rows of a pragma, by table.
type ByTable<T> = HashMap<String, Vec<T>>;

const TABLES: &str = "
    SELECT name, type, wr, strict FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND substr(lower(name), 1, 7) <> 'sqlite_'
    ORDER BY name";
const TRIGGERS: &str = "SELECT DISTINCT lower(tbl_name) FROM sqlite_schema WHERE type = 'trigger'";
const DEFINITIONS: &str = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL";
// Only stored tables have a root page; neither views nor virtual tables do.
const COLUMNS: &str = r#"
    SELECT s.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
    FROM sqlite_schema AS s JOIN pragma_table_xinfo(s.name, 'main') AS c
    WHERE s.type = 'table' AND s.rootpage > 0"#;
const COLUMNS_OF_ONE: &str = r#"
    SELECT ?1, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden FROM pragma_table_xinfo(?1, 'main') AS c"#;
const FOREIGN_KEYS: &str = r#"
    SELECT s.name, f.id, f.seq, f."table", f."from", f."to", f.on_delete
    FROM sqlite_schema AS s JOIN pragma_foreign_key_list(s.name, 'main') AS f
    WHERE s.type = 'table' AND s.rootpage > 0"#;
const INDEXES: &str = r#"
    SELECT s.name, i.seq, x.seqno, i."unique", i.origin, i.partial, x.cid, x.name
    FROM sqlite_schema AS s
    JOIN pragma_index_list(s.name, 'main') AS i JOIN pragma_index_xinfo(i.name, 'main') AS x
    WHERE s.type = 'table' AND s.rootpage > 0 AND x.key = 1"#;

/// Everything that the file holds.
pub(super) fn introspect(connection: &Connection) -> Result<Facts> {
    let transaction = connection.unchecked_transaction()?;
    let schema = Schema::load(&transaction)?;
    let triggers = query(&transaction, TRIGGERS, |row| row.get::<_, String>(0))?;
    let mut tables = Vec::new();
    for listed in query(&transaction, TABLES, Listed::read)? {
        let mut table = schema.table(&transaction, listed);
        // A trigger may spell its table in another case.
        table.has_triggers = triggers.contains(&table.name.to_ascii_lowercase());
        tables.push(table);
    }
    transaction.commit()?;
    resolve_foreign_keys(&mut tables);
    Ok(Facts { tables })
}

fn query<T>(connection: &Connection, text: &str, read: fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    connection.prepare(text)?.query_map([], read)?.collect()
}

fn by_table<T>(rows: Vec<(String, T)>) -> ByTable<T> {
    let mut tables = ByTable::new();
    for (table, row) in rows {
        tables.entry(table).or_default().push(row);
    }
    tables
}

/// A line of `pragma_table_list`.
struct Listed {
    name: String,
    kind: String,
    without_rowid: bool,
    strict: bool,
}

impl Listed {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self { name: row.get(0)?, kind: row.get(1)?, without_rowid: row.get(2)?, strict: row.get(3)? })
    }
}

/// A line of `pragma_table_xinfo`.
struct RawColumn {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    /// Place in the primary key, from 1.
    key: u32,
    hidden: u8,
}

impl RawColumn {
    /// Of a virtual table, for its module's use.
    const HIDDEN: u8 = 1;

    fn read(row: &Row<'_>) -> Result<(String, Self)> {
        let column = Self {
            name: row.get(1)?,
            declared: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            not_null: row.get(3)?,
            default: row.get(4)?,
            key: row.get(5)?,
            hidden: row.get(6)?,
        };
        Ok((row.get(0)?, column))
    }

    fn is_generated(&self) -> bool {
        self.hidden > Self::HIDDEN
    }
}

/// A line of `pragma_foreign_key_list`: one column of a foreign key.
#[derive(Clone)]
struct RawForeignKey {
    id: i64,
    seq: i64,
    to_table: String,
    from: String,
    to: Option<String>,
    on_delete: String,
}

impl RawForeignKey {
    fn read(row: &Row<'_>) -> Result<(String, Self)> {
        let (id, seq) = (row.get(1)?, row.get(2)?);
        let (to_table, from, to, on_delete) = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
        Ok((row.get(0)?, Self { id, seq, to_table, from, to, on_delete }))
    }
}

/// A key column of an index.
struct RawIndex {
    seq: i64,
    place: i64,
    unique: bool,
    /// `c` for `CREATE INDEX`, `u` for `UNIQUE`, `pk`.
    origin: String,
    partial: bool,
    /// `None` for an expression and for the row id.
    column: Option<String>,
}

impl RawIndex {
    fn read(row: &Row<'_>) -> Result<(String, Self)> {
        let is_column = row.get::<_, i64>(6)? >= 0;
        let part = Self {
            seq: row.get(1)?,
            place: row.get(2)?,
            unique: row.get(3)?,
            origin: row.get(4)?,
            partial: row.get(5)?,
            column: row.get::<_, Option<String>>(7)?.filter(|_| is_column),
        };
        Ok((row.get(0)?, part))
    }
}

/// What the pragmas say of all stored tables.
struct Schema {
    definitions: HashMap<String, String>,
    columns: ByTable<RawColumn>,
    foreign_keys: ByTable<RawForeignKey>,
    indexes: ByTable<RawIndex>,
}

impl Schema {
    fn load(connection: &Connection) -> Result<Self> {
        let definitions = query(connection, DEFINITIONS, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            definitions: definitions.into_iter().collect(),
            columns: by_table(query(connection, COLUMNS, RawColumn::read)?),
            foreign_keys: by_table(query(connection, FOREIGN_KEYS, RawForeignKey::read)?),
            indexes: by_table(query(connection, INDEXES, RawIndex::read)?),
        })
    }

    /// One table's facts; without a column, and with a line in the log, if it
    /// cannot be read.
    fn table(&self, connection: &Connection, listed: Listed) -> TableFacts {
        if listed.kind == "table" {
            return self.stored_table(&listed);
        }
        match columns_of_one(connection, &listed.name) {
            Ok(columns) => table_without_rows(listed, &columns),
            Err(error) => {
                tracing::warn!(table = listed.name, %error, "SQLite cannot read it");
                table_without_rows(listed, &[])
            }
        }
    }

    fn stored_table(&self, listed: &Listed) -> TableFacts {
        let columns = self.columns.get(&listed.name).map_or(&[][..], Vec::as_slice);
        let indexes = indexes(self.indexes.get(&listed.name).map_or(&[][..], Vec::as_slice));
        let primary_key = primary_key(columns);
        // `INTEGER PRIMARY KEY DESC` is, by an old mistake, not the row id; it
        // shows in having an index.
        let is_row_id = |column: &RawColumn| {
            primary_key.len() == 1
                && column.key == 1
                && !listed.without_rowid
                && column.declared.eq_ignore_ascii_case("INTEGER")
                && !indexes.iter().any(|index| index.origin == "pk")
        };
        let mut facts = Vec::with_capacity(columns.len());
        for column in columns {
            let row_id = is_row_id(column);
            // Any other key of an ordinary table may hold NULL, another old mistake.
            let never_null = row_id || (column.key > 0 && (listed.without_rowid || listed.strict));
            facts.push(column_facts(column, row_id, never_null));
        }
        self.limit_values(&listed.name, &mut facts);
        let constraints = self.checks(&listed.name, &facts);
        TableFacts {
            schema: None,
            name: listed.name.clone(),
            kind: TableKind::Table,
            comment: None,
            uniques: uniques(&indexes),
            indexes: leading_columns(&indexes, columns.iter().find(|column| is_row_id(column))),
            foreign_keys: foreign_keys(self.foreign_keys.get(&listed.name).map_or(&[][..], Vec::as_slice)),
            columns: facts,
            primary_key,
            constraints,
            has_triggers: false,
        }
    }

    fn checks(&self, table: &str, columns: &[ColumnFacts]) -> Vec<ConstraintFacts> {
        let checks = self.definitions.get(table).map(|definition| ddl::named_checks(definition)).unwrap_or_default();
        let facts = checks.into_iter().map(|(name, words)| {
            let mentioned =
                columns.iter().filter(|column| words.iter().any(|word| word.eq_ignore_ascii_case(&column.name)));
            let columns = mentioned.map(|column| column.name.clone()).collect();
            ConstraintFacts { name, kind: ConstraintKind::Check, columns }
        });
        facts.collect()
    }

    fn limit_values(&self, table: &str, columns: &mut [ColumnFacts]) {
        let Some(definition) = self.definitions.get(table) else {
            return;
        };
        for (name, values) in ddl::allowed_values(definition) {
            let Some(column) = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&name)) else {
                continue;
            };
            if column.allowed.is_empty() {
                column.allowed = values;
            } else {
                column.allowed.retain(|value| values.contains(value));
            }
        }
    }
}

fn primary_key(columns: &[RawColumn]) -> Vec<String> {
    let mut key = columns.iter().filter(|column| column.key > 0).collect::<Vec<_>>();
    key.sort_by_key(|column| column.key);
    key.into_iter().map(|column| column.name.clone()).collect()
}

fn column_facts(column: &RawColumn, row_id: bool, never_null: bool) -> ColumnFacts {
    let meaning = declared::read(&column.declared);
    ColumnFacts {
        name: column.name.clone(),
        declared: column.declared.clone(),
        column_type: meaning.column_type,
        nullable: !(column.not_null || never_null),
        default: column.default.as_deref().filter(|_| !column.is_generated()).and_then(ddl::default_value),
        generated: column.is_generated(),
        auto_increment: row_id,
        identity_always: false,
        length: meaning.length,
        precision: meaning.precision,
        scale: meaning.scale,
        comment: None,
        allowed: Vec::new(),
    }
}

/// Asks for the columns of a view or a virtual table. A column that a view
/// hands on has its declared type, an expression at most an affinity.
fn columns_of_one(connection: &Connection, name: &str) -> Result<Vec<RawColumn>> {
    let mut statement = connection.prepare_cached(COLUMNS_OF_ONE)?;
    let columns = statement.query_map([name], RawColumn::read)?;
    columns.map(|column| column.map(|(_, column)| column)).collect()
}

/// A view or a virtual table: columns, and nothing known of keys.
fn table_without_rows(listed: Listed, columns: &[RawColumn]) -> TableFacts {
    let visible = columns.iter().filter(|column| column.hidden != RawColumn::HIDDEN);
    TableFacts {
        schema: None,
        kind: if listed.kind == "view" { TableKind::View } else { TableKind::Table },
        name: listed.name,
        comment: None,
        columns: visible.map(|column| column_facts(column, false, false)).collect(),
        primary_key: Vec::new(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        constraints: Vec::new(),
        has_triggers: false,
    }
}

/// An index, its key in order.
struct Index<'a> {
    unique: bool,
    origin: &'a str,
    partial: bool,
    key: Vec<Option<&'a str>>,
}

/// Groups the key columns. SQLite lists the newest index first.
fn indexes(parts: &[RawIndex]) -> Vec<Index<'_>> {
    let mut parts = parts.iter().collect::<Vec<_>>();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.seq), part.place));
    let groups = parts.chunk_by(|one, other| one.seq == other.seq);
    groups
        .map(|parts| Index {
            unique: parts[0].unique,
            origin: &parts[0].origin,
            partial: parts[0].partial,
            key: parts.iter().map(|part| part.column.as_deref()).collect(),
        })
        .collect()
}

fn uniques(indexes: &[Index<'_>]) -> Vec<Vec<String>> {
    let eligible = indexes.iter().filter(|index| index.unique && !index.partial && index.origin != "pk");
    eligible.filter_map(|index| index.key.iter().map(|column| column.map(str::to_owned)).collect()).collect()
}

fn leading_columns(indexes: &[Index<'_>], row_id: Option<&RawColumn>) -> Vec<Vec<String>> {
    let mut lists = row_id.map(|column| vec![column.name.clone()]).into_iter().collect::<Vec<_>>();
    for index in indexes.iter().filter(|index| !index.partial) {
        let leading = index.key.iter().map_while(|column| column.map(str::to_owned)).collect::<Vec<_>>();
        if !leading.is_empty() && !lists.contains(&leading) {
            lists.push(leading);
        }
    }
    lists
}

/// Groups the columns. SQLite lists the last declared key first.
fn foreign_keys(parts: &[RawForeignKey]) -> Vec<ForeignKeyFacts> {
    let mut parts = parts.to_vec();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.id), part.seq));
    let groups = parts.chunk_by(|one, other| one.id == other.id);
    groups
        .map(|parts| ForeignKeyFacts {
            name: String::new(),
            columns: parts.iter().map(|part| part.from.clone()).collect(),
            to_schema: None,
            to_table: parts[0].to_table.clone(),
            to_columns: parts.iter().filter_map(|part| part.to.clone()).collect(),
            on_delete: OnDelete::from_words(&parts[0].on_delete),
        })
        .collect()
}

/// Replaces what foreign keys say by the names as they are, fills in the key
/// of the table pointed to where none is named, and names them.
fn resolve_foreign_keys(tables: &mut [TableFacts]) {
    let targets = tables.iter().map(|table| (table.name.to_ascii_lowercase(), Target::of(table)));
    let targets = targets.collect::<HashMap<_, _>>();
    for table in tables {
        for foreign_key in &mut table.foreign_keys {
            if let Some(target) = targets.get(&foreign_key.to_table.to_ascii_lowercase()) {
                target.resolve(foreign_key);
            }
        }
        // Without as many columns there as here it points nowhere.
        table.foreign_keys.retain(|foreign_key| foreign_key.columns.len() == foreign_key.to_columns.len());
        name_foreign_keys(table);
    }
}

/// A table that foreign keys may point to.
struct Target {
    name: String,
    primary_key: Vec<String>,
    columns: HashMap<String, String>,
}

impl Target {
    fn of(table: &TableFacts) -> Self {
        let columns = table.columns.iter().map(|column| (column.name.to_ascii_lowercase(), column.name.clone()));
        Self { name: table.name.clone(), primary_key: table.primary_key.clone(), columns: columns.collect() }
    }

    fn resolve(&self, foreign_key: &mut ForeignKeyFacts) {
        foreign_key.to_table.clone_from(&self.name);
        if foreign_key.to_columns.is_empty() {
            foreign_key.to_columns.clone_from(&self.primary_key);
        }
        for column in &mut foreign_key.to_columns {
            if let Some(actual) = self.columns.get(&column.to_ascii_lowercase()) {
                column.clone_from(actual);
            }
        }
    }
}

fn name_foreign_keys(table: &mut TableFacts) {
    let mut taken = HashSet::new();
    for foreign_key in &mut table.foreign_keys {
        let name = format!("{}_{}_fkey", table.name, foreign_key.columns.join("_"));
        let numbered = (1..).map(|number| format!("{name}{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        foreign_key.name = free.unwrap_or(name);
        taken.insert(foreign_key.name.clone());
    }
}
