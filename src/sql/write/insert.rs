//! New rows.

use super::{Command, image, value};
use crate::{
    catalog::{Catalog, ColumnId, Dialect, TableId},
    plan::Error,
    sql::{Bound, writer::Writer},
    value::Value,
};

/// MySQL's protocol counts placeholders with 16 bits.
const MAX_PLACEHOLDERS: usize = 65_535;

/// Rows with values for the same columns; their images come back in the order
/// of `rows`, unless [`Catalog::inserts_return`] says that nothing does.
///
/// PostgreSQL takes several rows as one array per column, so that the text does
/// not depend on their number.
///
/// # Errors
/// When a value cannot be written at all.
pub fn insert(
    catalog: &Catalog,
    table: TableId,
    columns: &[ColumnId],
    rows: &[Vec<Value>],
) -> Result<Vec<Command>, Error> {
    if columns.is_empty() {
        return nothing_given(catalog, table, rows.len()).map(|command| vec![command]);
    }
    match catalog.dialect {
        Dialect::Postgres if rows.len() > 1 => unnested(catalog, table, columns, rows).map(|command| vec![command]),
        Dialect::Postgres => rows.chunks(1).map(|row| values(catalog, table, columns, row)).collect(),
        Dialect::Sqlite => prepared(catalog, table, columns, rows).map(|command| vec![command]),
        Dialect::MySql => {
            let most = (MAX_PLACEHOLDERS / columns.len()).max(1);
            rows.chunks(most).map(|rows| values(catalog, table, columns, rows)).collect()
        }
    }
}

/// PostgreSQL: moves the sequence of a column on to a key that was given instead
/// of drawn, if it is behind and may be moved. Other databases do so themselves.
pub fn raise_sequence(catalog: &Catalog, table: TableId, column: ColumnId, key: i64) -> Option<Bound> {
    (catalog.dialect == Dialect::Postgres).then_some(())?;
    let mut w = Writer::new(catalog);
    w.table_name(table);
    let (name, _) = w.finish_ready();
    let column = catalog.table(table).column(column).name.as_str();
    let text = "SELECT setval(s.seq, $3) FROM (SELECT pg_get_serial_sequence($1, $2)::regclass AS seq) AS s \
        WHERE s.seq IS NOT NULL AND has_sequence_privilege(s.seq, 'UPDATE') \
        AND $3 > COALESCE(pg_sequence_last_value(s.seq), 0)";
    Some(Bound { text: text.into(), values: vec![Value::Text(name), Value::Text(column.into()), Value::Int(key)] })
}

/// `INSERT INTO t ("a", "b")`
fn head<'a>(catalog: &'a Catalog, table: TableId, columns: &[ColumnId]) -> Writer<'a> {
    let mut w = Writer::new(catalog);
    w.push("INSERT INTO ");
    w.table_name(table);
    w.push(" (");
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        w.identifier(&catalog.table(table).column(*column).name);
    }
    w.push(")");
    let insists = |column: &ColumnId| catalog.table(table).column(*column).identity_always;
    if columns.iter().any(insists) {
        w.push(" OVERRIDING SYSTEM VALUE");
    }
    w
}

fn returning(w: &mut Writer<'_>, table: TableId) -> Result<(), Error> {
    if w.catalog.inserts_return {
        w.push(" RETURNING ");
        w.bare();
        let alias = w.alias(table);
        image(w, alias)?;
    }
    Ok(())
}

/// `VALUES ($1, $2)`, and as many more rows as there are (MySQL).
fn values(catalog: &Catalog, table: TableId, columns: &[ColumnId], rows: &[Vec<Value>]) -> Result<Command, Error> {
    let count = rows.len();
    let mut w = head(catalog, table, columns);
    w.push(" VALUES ");
    for (number, row) in rows.iter().enumerate() {
        w.push(if number > 0 { ", (" } else { "(" });
        for (at, (column, value)) in columns.iter().zip(row).enumerate() {
            if at > 0 {
                w.push(", ");
            }
            value::placeholder(&mut w, catalog.table(table).column(*column), value.clone())?;
        }
        w.push(")");
    }
    returning(&mut w, table)?;
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, count))
}

/// `SELECT n.v0::int8, n.v1 FROM unnest($1::text[], $2::text[]) AS n(v0, v1)`
fn unnested(catalog: &Catalog, table: TableId, columns: &[ColumnId], rows: &[Vec<Value>]) -> Result<Command, Error> {
    let of = |column: &ColumnId| catalog.table(table).column(*column);
    let mut w = head(catalog, table, columns);
    w.push(" SELECT ");
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        value::unnested(&mut w, of(column), "n.v", at);
    }
    w.push(" FROM ");
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(at, column)| value::column_of(of(column), rows.iter().map(|row| row[at].clone())));
    value::unnest(&mut w, "n", arrays.map(|array| ("v", array)))?;
    returning(&mut w, table)?;
    let (text, values) = w.finish_ready();
    Ok(Command::once(text, values, rows.len()))
}

/// One row's statement, run once for each.
fn prepared(catalog: &Catalog, table: TableId, columns: &[ColumnId], rows: &[Vec<Value>]) -> Result<Command, Error> {
    let of = |column: &ColumnId| catalog.table(table).column(*column);
    let mut w = head(catalog, table, columns);
    w.push(" VALUES (");
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        value::placeholder(&mut w, of(column), Value::Null)?;
    }
    w.push(")");
    returning(&mut w, table)?;
    let (text, _) = w.finish_ready();
    let spelled = |row: &Vec<Value>| {
        let spelled = |(column, value): (&ColumnId, &Value)| value::spelled(Dialect::Sqlite, of(column), value.clone());
        columns.iter().zip(row).map(spelled).collect()
    };
    Ok(Command { text, runs: rows.iter().map(spelled).collect(), rows: rows.len() })
}

/// Rows of defaults alone.
fn nothing_given(catalog: &Catalog, table: TableId, count: usize) -> Result<Command, Error> {
    let mut w = Writer::new(catalog);
    w.push("INSERT INTO ");
    w.table_name(table);
    // One statement for all of them, where their keys are counted up from its first.
    let at_once = catalog.dialect == Dialect::MySql;
    match at_once {
        true => {
            w.push(" () VALUES ()");
            (1..count).for_each(|_| w.push(", ()"));
        }
        false => w.push(" DEFAULT VALUES"),
    }
    returning(&mut w, table)?;
    let (text, _) = w.finish_ready();
    let runs = if at_once { 1 } else { count };
    Ok(Command { text, runs: vec![Vec::new(); runs], rows: count })
}
