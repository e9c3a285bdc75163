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
    catalog::{Catalog, ColumnType, Dialect},
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
    if matches!(operand, Operand::Count(..)) {
        // The number of related rows of all rows together.
        w.push("COALESCE(SUM(");
        compared(w, alias, operand)?;
        w.push(if w.dialect() == Dialect::Postgres { "), 0)::int8" } else { "), 0)" });
        return Ok(());
    }
    let (before, after) = match measure.function {
        Function::CountAll => ("COUNT(*)", ""),
        Function::Count => ("COUNT(", ")"),
        Function::CountDistinct => ("COUNT(DISTINCT ", ")"),
        // Means are doubles everywhere, whatever the database would choose.
        Function::Avg => average(w, false),
        Function::AvgDistinct => average(w, true),
        Function::Sum => ("SUM(", ")"),
        Function::SumDistinct => ("SUM(DISTINCT ", ")"),
        Function::Min => ("MIN(", ")"),
        Function::Max => ("MAX(", ")"),
    };
    w.push(before);
    match (measure.function, operand) {
        (Function::CountAll, _) => {}
        (Function::CountDistinct, _) => grouped(w, alias, operand)?,
        (_, Operand::Column(column)) => w.column(alias, *column),
        (_, operand) => compared(w, alias, operand)?,
    }
    w.push(after);
    Ok(())
}

fn average(w: &Writer<'_>, distinct: bool) -> (&'static str, &'static str) {
    match (w.dialect(), distinct) {
        (Dialect::Postgres, false) => ("AVG(", ")::float8"),
        (Dialect::Postgres, true) => ("AVG(DISTINCT ", ")::float8"),
        (Dialect::MySql, false) => ("AVG(0e0 + ", ")"),
        (Dialect::MySql, true) => ("AVG(DISTINCT 0e0 + ", ")"),
        (Dialect::Sqlite, false) => ("AVG(", ")"),
        (Dialect::Sqlite, true) => ("AVG(DISTINCT ", ")"),
    }
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
