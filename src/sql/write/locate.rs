//! Rows as they are before they are written: by key or by filter, held until
//! the transaction ends where the database can hold them.

use super::{image, value};
use crate::{
    catalog::{Catalog, ColumnId, Dialect, TableId},
    plan::Error,
    predicate::{Bindings, Operand, Predicate, Rounding, Target},
    sql::{
        condition,
        expression::selected,
        keys as lists,
        parameter::Parameter,
        statement::{Arguments, Bound},
        writer::{Alias, Writer},
    },
    value::{Key, Value},
};

/// The images of the rows with given values in `columns` for which `predicate`
/// holds, in any order; those that are not there are left out.
///
/// # Errors
/// When a value cannot be used.
pub fn locate(
    catalog: &Catalog,
    table: TableId,
    columns: &[ColumnId],
    keys: &[Vec<Key>],
    predicate: &Predicate,
    bindings: &Bindings<'_>,
    hold: bool,
) -> Result<Bound, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(table);
    select(&mut w, alias)?;
    w.push(" WHERE ");
    keyed(&mut w, alias, columns, keys)?;
    condition::and(&mut w, alias, predicate)?;
    finish(w, alias, bindings, hold)
}

/// The images of at most `limit` rows for which `predicate` holds, by key.
///
/// # Errors
/// When a value cannot be used.
pub fn matching(
    catalog: &Catalog,
    table: TableId,
    predicate: &Predicate,
    limit: u32,
    bindings: &Bindings<'_>,
) -> Result<Bound, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(table);
    select(&mut w, alias)?;
    condition::where_clause(&mut w, alias, predicate, None)?;
    by_key(&mut w, alias, limit);
    finish(w, alias, bindings, true)
}

/// The keys and the numbers in a column of at most `limit` rows for which
/// `predicate` holds, by key; held.
///
/// # Errors
/// When a value cannot be used.
pub fn numbered(
    catalog: &Catalog,
    table: TableId,
    column: ColumnId,
    predicate: &Predicate,
    limit: u32,
    bindings: &Bindings<'_>,
) -> Result<Bound, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(table);
    w.push("SELECT ");
    for part in &catalog.table(table).key {
        selected(&mut w, alias, &Operand::Column(*part))?;
        w.push(", ");
    }
    w.column(alias, column);
    w.push(" FROM ");
    w.table(alias);
    condition::where_clause(&mut w, alias, predicate, None)?;
    by_key(&mut w, alias, limit);
    finish(w, alias, bindings, true)
}

/// How many of the rows for which `predicate` holds have no value in a column, or
/// the same as one that is counted already.
///
/// # Errors
/// When a value cannot be used.
pub fn indistinct(
    catalog: &Catalog,
    table: TableId,
    column: ColumnId,
    predicate: &Predicate,
    bindings: &Bindings<'_>,
) -> Result<Bound, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(table);
    w.push("SELECT COUNT(*) - COUNT(DISTINCT ");
    w.column(alias, column);
    w.push(") FROM ");
    w.table(alias);
    condition::where_clause(&mut w, alias, predicate, None)?;
    finish(w, alias, bindings, false)
}

/// The first rows by their keys.
fn by_key(w: &mut Writer<'_>, alias: Alias, limit: u32) {
    for (at, column) in w.catalog.table(alias.table).key.iter().enumerate() {
        w.push(if at > 0 { ", " } else { " ORDER BY " });
        w.column(alias, *column);
    }
    w.push(" LIMIT ");
    w.number(limit);
}

fn select(w: &mut Writer<'_>, alias: Alias) -> Result<(), Error> {
    w.push("SELECT ");
    image(w, alias)?;
    w.push(" FROM ");
    w.table(alias);
    Ok(())
}

fn finish(mut w: Writer<'_>, alias: Alias, bindings: &Bindings<'_>, hold: bool) -> Result<Bound, Error> {
    if hold {
        lock(&mut w, alias);
    }
    w.finish(0).bind(&Arguments::new(*bindings)).map_err(Error::Invalid)
}

/// Holds the rows of a `SELECT`; whoever writes to SQLite holds them all.
pub(super) fn lock(w: &mut Writer<'_>, alias: Alias) {
    match w.dialect() {
        Dialect::Postgres => {
            w.push(" FOR UPDATE OF ");
            w.alias_name(alias);
        }
        Dialect::MySql => w.push(" FOR UPDATE"),
        Dialect::Sqlite => {}
    }
}

/// `"id" = $1`, `"id" = ANY($1::int8[])` and the like for keys of several parts.
pub(super) fn keyed(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId], keys: &[Vec<Key>]) -> Result<(), Error> {
    if let [key] = keys {
        for (at, (column, part)) in columns.iter().zip(key).enumerate() {
            w.push(if at > 0 { " AND " } else { "" });
            w.column(alias, *column);
            w.push(" = ");
            key_placeholder(w, alias, *column, part.to_value())?;
        }
        return Ok(());
    }
    match w.dialect() {
        Dialect::Postgres => postgres(w, alias, columns, keys),
        Dialect::MySql => mysql(w, alias, columns, keys),
        Dialect::Sqlite => sqlite(w, alias, columns, keys),
    }
}

/// One part of one key.
pub(super) fn key_placeholder(w: &mut Writer<'_>, alias: Alias, column: ColumnId, part: Value) -> Result<(), Error> {
    let is_text = matches!(part, Value::Text(_));
    w.placeholder(Parameter::Ready(part))?;
    if w.dialect() == Dialect::Postgres && is_text {
        w.push("::");
        let cast = value::key_cast(w.column_of(alias, column));
        w.push(&cast);
    }
    Ok(())
}

fn postgres(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId], keys: &[Vec<Key>]) -> Result<(), Error> {
    if let [column] = columns {
        w.column(alias, *column);
        w.push(" = ANY(");
        w.placeholder(Parameter::Ready(value::key_column(keys, 0)))?;
        w.push("::text[]::");
        let cast = value::key_cast(w.column_of(alias, *column));
        w.push(&cast);
        w.push("[])");
        return Ok(());
    }
    row(w, alias, columns);
    w.push(" IN (SELECT ");
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.push("k.k");
        w.number(at as i64);
        w.push("::");
        let cast = value::key_cast(w.column_of(alias, *column));
        w.push(&cast);
    }
    w.push(" FROM ");
    let arrays = (0..columns.len()).map(|part| value::key_column(keys, part));
    value::unnest(w, "k", arrays.map(|array| ("k", array)))?;
    w.push(")");
    Ok(())
}

/// Padded to a power of two, so that few different texts arise.
fn mysql(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId], keys: &[Vec<Key>]) -> Result<(), Error> {
    let Some(last) = keys.last() else {
        w.push("FALSE");
        return Ok(());
    };
    row(w, alias, columns);
    w.push(" IN (");
    let padding = std::iter::repeat_n(last, keys.len().next_power_of_two() - keys.len());
    for (number, key) in keys.iter().chain(padding).enumerate() {
        w.push(if number > 0 { ", " } else { "" });
        w.push(if columns.len() > 1 { "(" } else { "" });
        for (at, part) in key.iter().enumerate() {
            w.push(if at > 0 { ", " } else { "" });
            w.placeholder(Parameter::Ready(part.to_value()))?;
        }
        w.push(if columns.len() > 1 { ")" } else { "" });
    }
    w.push(")");
    Ok(())
}

fn sqlite(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId], keys: &[Vec<Key>]) -> Result<(), Error> {
    row(w, alias, columns);
    w.push(" IN (SELECT ");
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        let element = lists::sqlite_element(&Target::of(w.column_of(alias, *column), Rounding::Refuse));
        let value = if columns.len() == 1 { "value".to_owned() } else { format!("(value ->> {at})") };
        w.push(&element.replace("value", &value));
    }
    w.push(" FROM json_each(");
    w.placeholder(Parameter::Ready(lists::json(keys)))?;
    w.push("))");
    Ok(())
}

/// `t0.a`, or `(t0.a, t0.b)`
fn row(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId]) {
    w.push(if columns.len() > 1 { "(" } else { "" });
    for (at, column) in columns.iter().enumerate() {
        w.push(if at > 0 { ", " } else { "" });
        w.column(alias, *column);
    }
    w.push(if columns.len() > 1 { ")" } else { "" });
}
