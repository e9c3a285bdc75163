//! Conditions on rows that are given by their values, as they were or are:
//! the table's place is taken by a list, so that the database says of a row of
//! the past what it would have said then.

use super::{
    condition,
    parameter::{Parameter, ValuesPart},
    statement::Statement,
    writer::{Alias, Writer},
};
use crate::{
    catalog::{Catalog, Column, ColumnId, ColumnType, Dialect, Table},
    plan::{Error, ReadPlan},
};

/// A statement that says of which rows, given by values, a condition holds.
#[derive(Debug)]
pub struct JudgeStatement {
    /// What is sent. It takes [`super::Arguments::rows`], and answers with the
    /// numbers, from 0 on, of those for which it holds.
    pub statement: Statement,
    /// The columns of which it takes the values, in this order.
    pub columns: Vec<ColumnId>,
}

/// Whether a column's values can be given to a statement as exactly as the
/// database holds them.
pub fn can_be_given(dialect: Dialect, column: &Column) -> bool {
    match column.column_type {
        ColumnType::Geometry => false,
        ColumnType::Array(_) => dialect != Dialect::Postgres,
        // Bits and the like come as a text of another meaning.
        ColumnType::Other => dialect != Dialect::MySql || is_listed(column),
        _ => true,
    }
}

/// MySQL's `enum` and `set`.
fn is_listed(column: &Column) -> bool {
    column.declared.starts_with("enum(") || column.declared.starts_with("set(")
}

/// Compiles the condition of a plan; its source and what it selects count for
/// nothing.
///
/// # Errors
/// When a constant in it cannot be used.
pub fn compile_judge(catalog: &Catalog, plan: &ReadPlan) -> Result<JudgeStatement, Error> {
    let table = catalog.table(plan.table);
    let mut columns: Vec<ColumnId> = plan.predicate.own_columns(catalog).into_iter().collect();
    if columns.is_empty() {
        // A list of rows of nothing is no list.
        columns.extend(table.columns.first().map(|column| column.id));
    }
    let mut w = Writer::new(catalog);
    let rows = w.alias(plan.table);
    let number = free_name(table);
    w.push("SELECT ");
    w.alias_name(rows);
    w.push(".");
    w.identifier(&number);
    w.push(" FROM (");
    match catalog.dialect {
        Dialect::Postgres => unnested(&mut w, table, &columns, &number)?,
        Dialect::MySql => selects(&mut w, rows, table, &columns, &number),
        Dialect::Sqlite => elements(&mut w, table, &columns, &number)?,
    }
    w.push(") AS ");
    w.alias_name(rows);
    condition::where_clause(&mut w, rows, &plan.predicate, None)?;
    Ok(JudgeStatement { statement: w.finish(1), columns })
}

/// A name that no column has.
fn free_name(table: &Table) -> String {
    let mut name = "#".to_owned();
    while table.columns.iter().any(|column| column.name == name) {
        name.push('#');
    }
    name
}

/// `SELECT v.n - 1 AS "#", v.v0::numeric AS "price" FROM unnest($1::text[]) WITH ORDINALITY AS v(v0, n)`
fn unnested(w: &mut Writer<'_>, table: &Table, columns: &[ColumnId], number: &str) -> Result<(), Error> {
    w.push("SELECT v.n - 1 AS ");
    w.identifier(number);
    for (at, column) in columns.iter().enumerate() {
        let column = table.column(*column);
        w.push(", v.v");
        w.number(at as i64);
        w.push("::");
        w.push(&column.declared);
        w.push(" AS ");
        w.identifier(&column.name);
    }
    w.push(" FROM unnest(");
    for at in 0..columns.len() {
        w.push(if at > 0 { ", " } else { "" });
        w.placeholder(Parameter::Values(ValuesPart::Column(at)))?;
        w.push("::text[]");
    }
    w.push(") WITH ORDINALITY AS v(");
    for at in 0..columns.len() {
        w.push("v");
        w.number(at as i64);
        w.push(", ");
    }
    w.push("n)");
    Ok(())
}

/// `SELECT 0 AS "#", t1.a AS a FROM t AS t1 WHERE FALSE UNION ALL SELECT 0, ? …`
///
/// The first row, which never is, names the columns, and gives texts their
/// column's collation.
fn selects(w: &mut Writer<'_>, rows: Alias, table: &Table, columns: &[ColumnId], number: &str) {
    let types = w.alias(rows.table);
    w.push("SELECT 0 AS ");
    w.identifier(number);
    for column in columns {
        w.push(", ");
        w.column(types, *column);
        w.push(" AS ");
        w.identifier(&table.column(*column).name);
    }
    w.push(" FROM ");
    w.table(types);
    w.push(" WHERE FALSE");
    let casts = columns.iter().map(|column| mysql_cast(table.column(*column))).collect();
    w.placeholder_list(Parameter::Values(ValuesPart::Selects(casts)));
}

/// What makes of a text what the column holds: in a union, the texts would turn
/// everything else into texts.
fn mysql_cast(column: &Column) -> (&'static str, &'static str) {
    let is_unsigned = column.declared.contains("unsigned");
    match column.column_type {
        ColumnType::Integer | ColumnType::BigInteger if is_unsigned => ("CAST(", " AS UNSIGNED)"),
        ColumnType::Integer | ColumnType::BigInteger | ColumnType::Boolean => ("CAST(", " AS SIGNED)"),
        ColumnType::Decimal => ("CAST(", " AS DECIMAL(65, 30))"),
        ColumnType::Float => ("CAST(", " AS FLOAT)"),
        ColumnType::Double => ("CAST(", " AS DOUBLE)"),
        ColumnType::Date => ("CAST(", " AS DATE)"),
        ColumnType::Time => ("CAST(", " AS TIME(6))"),
        ColumnType::DateTime | ColumnType::Timestamp => ("CAST(", " AS DATETIME(6))"),
        ColumnType::Text
        | ColumnType::Csv
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Binary
        | ColumnType::Geometry
        | ColumnType::Array(_)
        | ColumnType::Other => ("", ""),
    }
}

/// `SELECT v.key AS "#", v.value ->> 0 AS "price" FROM json_each(?1) AS v`, and
/// blobs as objects that hold their digits.
fn elements(w: &mut Writer<'_>, table: &Table, columns: &[ColumnId], number: &str) -> Result<(), Error> {
    w.push("SELECT v.key AS ");
    w.identifier(number);
    for (at, column) in columns.iter().enumerate() {
        let at = at.to_string();
        w.push(
            &", CASE json_type(v.value, '$[@]') WHEN 'object' THEN unhex(v.value ->> '$[@].x') ELSE v.value ->> @ END AS "
                .replace('@', &at),
        );
        w.identifier(&table.column(*column).name);
    }
    w.push(" FROM json_each(");
    w.placeholder(Parameter::Values(ValuesPart::Json))?;
    w.push(") AS v");
    Ok(())
}
