//! Aggregate plans as statements (contract section 6): one row per group,
//! groups first, then measures.

use super::{
    condition,
    expression::{compared, grouped},
    read::limit_clause,
    statement::Statement,
    writer::{Alias, Writer},
};
use crate::{
    catalog::{Catalog, Column, ColumnType, Dialect},
    plan::{AggregateFunction, AggregatePlan, Error, Measure, MeasureOperand, SortKey},
    predicate::Operand,
};

/// Compiles a plan.
///
/// # Errors
/// When a constant in it cannot be used.
pub fn compile_aggregate(catalog: &Catalog, plan: &AggregatePlan) -> Result<Statement, Error> {
    let mut w = Writer::new(catalog);
    let alias = w.alias(plan.table);
    w.push("SELECT ");
    for (at, group) in plan.groups.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        grouped(&mut w, alias, group)?;
    }
    for (at, measure) in plan.measures.iter().enumerate() {
        if at > 0 || !plan.groups.is_empty() {
            w.push(", ");
        }
        measured(&mut w, alias, measure)?;
    }
    if plan.groups.is_empty() && plan.measures.is_empty() {
        // One row, as an aggregate without groups always is.
        w.push("COUNT(*)");
    }
    w.push(" FROM ");
    w.table(alias);
    condition::where_clause(&mut w, alias, &plan.predicate, plan.search.as_ref())?;
    if !plan.groups.is_empty() {
        w.push(" GROUP BY ");
        for at in 0..plan.groups.len() {
            w.push(if at > 0 { ", " } else { "" });
            w.number(at as i64 + 1);
        }
        order_clause(&mut w, alias, plan)?;
        limit_clause(&mut w, &plan.page)?;
    }
    Ok(w.finish(plan.groups.len() + plan.measures.len()))
}

fn order_clause(w: &mut Writer<'_>, alias: Alias, plan: &AggregatePlan) -> Result<(), Error> {
    for (at, order) in plan.order.iter().enumerate() {
        w.push(if at > 0 { ", " } else { " ORDER BY " });
        match &order.key {
            SortKey::Group(group) => w.number(*group as i64 + 1),
            SortKey::Measure(measure) => measured(w, alias, measure)?,
        }
        w.push(if order.descending { " DESC" } else { "" });
    }
    Ok(())
}

fn measured(w: &mut Writer<'_>, alias: Alias, measure: &Measure) -> Result<(), Error> {
    use AggregateFunction as Function;
    let MeasureOperand::Value(operand) = &measure.operand else {
        w.push("COUNT(*)");
        return Ok(());
    };
    if matches!(operand.unmasked(), Operand::Count(..)) {
        // The number of related rows of all rows together.
        w.push("COALESCE(SUM(");
        compared(w, alias, operand)?;
        w.push(if w.dialect() == Dialect::Postgres { "), 0)::int8" } else { "), 0)" });
        return Ok(());
    }
    match measure.function {
        Function::CountAll => w.push("COUNT(*)"),
        Function::Count => call(w, alias, "COUNT(", operand)?,
        Function::CountDistinct => {
            w.push("COUNT(DISTINCT ");
            grouped(w, alias, operand)?;
            w.push(")");
        }
        Function::Sum => sum(w, alias, "", operand)?,
        Function::SumDistinct => sum(w, alias, "DISTINCT ", operand)?,
        Function::Avg => average(w, alias, "", operand)?,
        Function::AvgDistinct => average(w, alias, "DISTINCT ", operand)?,
        Function::Min => call(w, alias, "MIN(", operand)?,
        Function::Max => call(w, alias, "MAX(", operand)?,
    }
    Ok(())
}

fn call(w: &mut Writer<'_>, alias: Alias, before: &str, operand: &Operand) -> Result<(), Error> {
    w.push(before);
    match operand {
        Operand::Column(column) => w.column(alias, *column),
        operand => compared(w, alias, operand)?,
    }
    w.push(")");
    Ok(())
}

fn sum(w: &mut Writer<'_>, alias: Alias, distinct: &str, operand: &Operand) -> Result<(), Error> {
    // SQLite adds decimals as doubles: rounded to their scale, the sum is exact again.
    let scale = match (w.dialect(), operand) {
        (Dialect::Sqlite, Operand::Column(column)) => scale(w.column_of(alias, *column)),
        _ => None,
    };
    w.push(if scale.is_some() { "ROUND(" } else { "" });
    call(w, alias, &format!("SUM({distinct}"), operand)?;
    if let Some(scale) = scale {
        w.push(", ");
        w.number(scale);
        w.push(")");
    }
    Ok(())
}

/// Digits after the point of a decimal, where its type says so.
fn scale(column: &Column) -> Option<i64> {
    let (_, arguments) = column.declared.strip_suffix(')')?.split_once('(')?;
    let (_, scale) = arguments.split_once(',').filter(|_| column.column_type == ColumnType::Decimal)?;
    scale.trim().parse().ok()
}

/// Means are doubles everywhere, whatever the database would choose. Those of
/// exact numbers are divided from the exact sum, so that no digit differs.
fn average(w: &mut Writer<'_>, alias: Alias, distinct: &str, operand: &Operand) -> Result<(), Error> {
    let is_inexact = |column: &Column| matches!(column.column_type, ColumnType::Float | ColumnType::Double);
    if matches!(operand, Operand::Column(column) if is_inexact(w.column_of(alias, *column))) {
        return call(w, alias, &format!("AVG({distinct}"), operand);
    }
    let (before, between) = match w.dialect() {
        Dialect::Postgres => ("(", "::float8 / "),
        Dialect::MySql => ("((0e0 + ", ") / "),
        Dialect::Sqlite => ("(CAST(", " AS REAL) / "),
    };
    w.push(before);
    sum(w, alias, distinct, operand)?;
    w.push(between);
    call(w, alias, &format!("COUNT({distinct}"), operand)?;
    w.push(")");
    Ok(())
}

/// The type of a measure's value, for its decoder.
pub fn measure_type(function: AggregateFunction) -> ColumnType {
    match function {
        AggregateFunction::CountAll | AggregateFunction::Count | AggregateFunction::CountDistinct => {
            ColumnType::BigInteger
        }
        AggregateFunction::Avg | AggregateFunction::AvgDistinct => ColumnType::Double,
        AggregateFunction::Sum | AggregateFunction::SumDistinct | AggregateFunction::Min | AggregateFunction::Max => {
            ColumnType::Decimal
        }
    }
}
