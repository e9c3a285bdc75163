//! Rows that change.
//!
//! PostgreSQL finds, holds, changes and shows rows in one statement. Elsewhere
//! they were located before: SQLite gives back what became of them, MySQL does
//! not.

use super::{
    Command, image,
    locate::{key_placeholder, keyed, lock},
    named_image, value,
};
use crate::{
    catalog::{Catalog, ColumnId, Dialect, TableId},
    plan::Error,
    predicate::{Bindings, Predicate},
    sql::{
        condition,
        parameter::Parameter,
        statement::Arguments,
        writer::{Alias, Writer},
    },
    value::{Key, Value},
};

/// What becomes of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub key: Vec<Key>,
    /// The values of the columns that are set.
    pub values: Vec<Value>,
}

/// Sets columns of rows, at least one of each. No row is named twice.
///
/// PostgreSQL: of those for which `predicate` holds; each comes back as its
/// image after and its image before. SQLite: images after, in the order of
/// `changes`. MySQL: nothing comes back.
///
/// # Errors
/// When a value cannot be written at all.
pub fn update(
    catalog: &Catalog,
    table: TableId,
    columns: &[ColumnId],
    changes: &[Change],
    predicate: &Predicate,
    bindings: &Bindings<'_>,
) -> Result<Command, Error> {
    let alike = changes.iter().all(|change| change.values == changes[0].values);
    match (catalog.dialect, alike) {
        (Dialect::Postgres, _) => postgres(catalog, table, columns, changes, predicate, bindings, alike),
        (Dialect::MySql, true) => mysql_alike(catalog, table, columns, changes),
        (Dialect::MySql, false) => mysql_each(catalog, table, columns, changes),
        (Dialect::Sqlite, _) => sqlite(catalog, table, columns, changes),
    }
}

/// Sets columns of rows that the gateway keeps for itself, at least one of each:
/// nothing comes back.
///
/// # Errors
/// When a value cannot be written at all.
pub fn assign(catalog: &Catalog, table: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    match catalog.dialect {
        Dialect::Postgres => postgres_assign(catalog, table, columns, changes),
        Dialect::MySql => mysql_each(catalog, table, columns, changes),
        Dialect::Sqlite => sqlite_assign(catalog, table, columns, changes),
    }
}

/// ```sql
/// UPDATE t AS t0 SET "a" = n.v0::int8 FROM unnest($1::text[], …) AS n(k0, v0) WHERE t0."id" = n.k0::int8
/// ```
fn postgres_assign(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(id);
    w.push("UPDATE ");
    w.table(alias);
    w.push(" SET ");
    for (at, column) in columns.iter().enumerate() {
        let column = catalog.table(id).column(*column);
        w.push(if at > 0 { ", " } else { "" });
        w.identifier(&column.name);
        w.push(" = ");
        value::unnested(&mut w, column, "n.v", at);
    }
    w.push(" FROM ");
    unnested_changes(&mut w, alias, columns, changes)?;
    w.push(" WHERE ");
    same_keys(&mut w, alias);
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, changes.len()))
}

/// ```sql
/// WITH o AS (SELECT t0."id" AS k0, t0."id" AS c0, … FROM t AS t0 WHERE … FOR UPDATE OF t0)
/// UPDATE t AS t1 SET "a" = $2 FROM o WHERE t1."id" = o.k0 RETURNING t1."id", …, o.c0, …
/// ```
fn postgres(
    catalog: &Catalog,
    id: TableId,
    columns: &[ColumnId],
    changes: &[Change],
    predicate: &Predicate,
    bindings: &Bindings<'_>,
    alike: bool,
) -> Result<Command, Error> {
    let table = catalog.table(id);
    let mut w = Writer::new(catalog);
    let (old, new) = (w.alias(id), w.alias(id));
    w.push("WITH o AS (SELECT ");
    for (at, column) in table.key.iter().enumerate() {
        w.column(old, *column);
        w.push(" AS k");
        w.number(at as i64);
        w.push(", ");
    }
    named_image(&mut w, old)?;
    if alike {
        w.push(" FROM ");
        w.table(old);
        w.push(" WHERE ");
        let keys: Vec<Vec<Key>> = changes.iter().map(|change| change.key.clone()).collect();
        keyed(&mut w, old, &table.key, &keys)?;
        condition::and(&mut w, old, predicate)?;
    } else {
        for at in 0..columns.len() {
            w.push(", n.v");
            w.number(at as i64);
        }
        w.push(" FROM ");
        joined_changes(&mut w, old, columns, changes)?;
        condition::where_clause(&mut w, old, predicate, None)?;
    }
    lock(&mut w, old);
    w.push(") UPDATE ");
    w.table(new);
    w.push(" SET ");
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.identifier(&table.column(*column).name);
        w.push(" = ");
        match alike {
            true => value::placeholder(&mut w, table.column(*column), changes[0].values[at].clone())?,
            false => value::unnested(&mut w, table.column(*column), "o.v", at),
        }
    }
    w.push(" FROM o WHERE ");
    for (at, column) in table.key.iter().enumerate() {
        w.push(if at > 0 { " AND " } else { "" });
        w.column(new, *column);
        w.push(" = o.k");
        w.number(at as i64);
    }
    w.push(" RETURNING ");
    image(&mut w, new)?;
    for at in 0..table.columns.len() {
        w.push(", o.c");
        w.number(at as i64);
    }
    let bound = w.finish(0).bind(&Arguments::new(*bindings)).map_err(Error::Invalid)?;
    Ok(Command::once(bound.text, bound.values, changes.len()))
}

/// `unnest($1::text[], …) AS n(k0, v0, …) JOIN t AS t0 ON t0."id" = n.k0::int8`
fn joined_changes(w: &mut Writer<'_>, old: Alias, columns: &[ColumnId], changes: &[Change]) -> Result<(), Error> {
    unnested_changes(w, old, columns, changes)?;
    w.push(" JOIN ");
    w.table(old);
    w.push(" ON ");
    same_keys(w, old);
    Ok(())
}

/// `unnest($1::text[], …) AS n(k0, v0, …)`
fn unnested_changes(w: &mut Writer<'_>, old: Alias, columns: &[ColumnId], changes: &[Change]) -> Result<(), Error> {
    let table = w.catalog.table(old.table);
    let keys: Vec<Vec<Key>> = changes.iter().map(|change| change.key.clone()).collect();
    let parts = (0..table.key.len()).map(|part| ("k", value::key_column(&keys, part)));
    let values = columns.iter().enumerate().map(|(at, column)| {
        let values = changes.iter().map(|change| change.values[at].clone());
        ("v", value::column_of(table.column(*column), values))
    });
    value::unnest(w, "n", parts.chain(values))
}

/// `t0."id" = n.k0::int8`
fn same_keys(w: &mut Writer<'_>, alias: Alias) {
    let table = w.catalog.table(alias.table);
    for (at, column) in table.key.iter().enumerate() {
        w.push(if at > 0 { " AND " } else { "" });
        w.column(alias, *column);
        w.push(" = n.k");
        w.number(at as i64);
        w.push("::");
        let cast = value::key_cast(table.column(*column));
        w.push(&cast);
    }
}

fn mysql_alike(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    let table = catalog.table(id);
    let mut w = Writer::new(catalog);
    w.push("UPDATE ");
    w.table_name(id);
    w.push(" SET ");
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.identifier(&table.column(*column).name);
        w.push(" = ");
        value::placeholder(&mut w, table.column(*column), changes[0].values[at].clone())?;
    }
    w.push(" WHERE ");
    w.bare();
    let alias = w.alias(id);
    let keys: Vec<Vec<Key>> = changes.iter().map(|change| change.key.clone()).collect();
    keyed(&mut w, alias, &table.key, &keys)?;
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, changes.len()))
}

/// ```sql
/// UPDATE t AS t0 JOIN (SELECT t1.id AS k0, NULL AS v0 FROM t AS t1 WHERE FALSE
///   UNION ALL SELECT ?, ? …) AS n ON t0.id = n.k0 SET t0.a = n.v0
/// ```
///
/// The first row, which never is, gives the keys their types and collations.
fn mysql_each(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    let table = catalog.table(id);
    let mut w = Writer::new(catalog);
    let (target, types) = (w.alias(id), w.alias(id));
    w.push("UPDATE ");
    w.table(target);
    w.push(" JOIN (SELECT ");
    for (at, column) in table.key.iter().enumerate() {
        w.column(types, *column);
        w.push(" AS k");
        w.number(at as i64);
        w.push(", ");
    }
    for at in 0..columns.len() {
        w.push(if at > 0 { ", NULL AS v" } else { "NULL AS v" });
        w.number(at as i64);
    }
    w.push(" FROM ");
    w.table(types);
    w.push(" WHERE FALSE");
    for change in changes {
        w.push(" UNION ALL SELECT ");
        for part in &change.key {
            w.placeholder(Parameter::Ready(part.to_value()))?;
            w.push(", ");
        }
        for (at, (column, value)) in columns.iter().zip(&change.values).enumerate() {
            w.push(if at > 0 { ", " } else { "" });
            value::placeholder(&mut w, table.column(*column), value.clone())?;
        }
    }
    w.push(") AS n ON ");
    for (at, column) in table.key.iter().enumerate() {
        w.push(if at > 0 { " AND " } else { "" });
        w.column(target, *column);
        w.push(" = n.k");
        w.number(at as i64);
    }
    w.push(" SET ");
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.column(target, *column);
        w.push(" = n.v");
        w.number(at as i64);
    }
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, changes.len()))
}

/// One row's statement, run once for each; each shows what became of its row.
fn sqlite(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(id);
    sqlite_set(&mut w, alias, columns)?;
    w.push(" RETURNING ");
    image(&mut w, alias)?;
    let (text, _) = w.finish_ready();
    Ok(Command { text, runs: sqlite_runs(catalog, id, columns, changes), rows: changes.len() })
}

fn sqlite_assign(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Result<Command, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(id);
    sqlite_set(&mut w, alias, columns)?;
    let (text, _) = w.finish_ready();
    Ok(Command { text, runs: sqlite_runs(catalog, id, columns, changes), rows: changes.len() })
}

/// `UPDATE t SET "a" = ? WHERE "id" = ?`
fn sqlite_set(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId]) -> Result<(), Error> {
    let table = w.catalog.table(alias.table);
    w.push("UPDATE ");
    w.table_name(alias.table);
    w.push(" SET ");
    w.bare();
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.identifier(&table.column(*column).name);
        w.push(" = ");
        value::placeholder(w, table.column(*column), Value::Null)?;
    }
    w.push(" WHERE ");
    for (at, column) in table.key.iter().enumerate() {
        w.push(if at > 0 { " AND " } else { "" });
        w.column(alias, *column);
        w.push(" = ");
        key_placeholder(w, alias, *column, Value::Null)?;
    }
    Ok(())
}

fn sqlite_runs(catalog: &Catalog, id: TableId, columns: &[ColumnId], changes: &[Change]) -> Vec<Vec<Value>> {
    let table = catalog.table(id);
    let run = |change: &Change| {
        let values = columns.iter().zip(&change.values);
        let values =
            values.map(|(column, value)| value::spelled(Dialect::Sqlite, table.column(*column), value.clone()));
        values.chain(change.key.iter().map(Key::to_value)).collect()
    };
    changes.iter().map(run).collect()
}
