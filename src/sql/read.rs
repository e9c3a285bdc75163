//! Read plans as statements: one per relation and level, however many parents.

use super::{
    condition,
    expression::selected,
    lookup::{Near, among, lookup, related},
    order::{Nulls, join_order, order_clause, resolve_order},
    parameter::Parameter,
    statement::Statement,
    writer::{Alias, Writer},
};
use crate::{
    catalog::{Catalog, ColumnType, Dialect},
    plan::{Error, Page, ReadPlan, Source},
};

/// A statement for a read plan.
#[derive(Debug)]
pub struct ReadStatement {
    /// What is sent.
    pub statement: Statement,
    /// How rows are matched with the keys that asked for them; `None` for
    /// plans that do not look anything up.
    pub lookup: Option<Lookup>,
}

/// How the rows of a look-up are matched with its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// What the leading columns of each row hold.
    pub mode: KeyMode,
    /// The types of the key's parts.
    pub key_types: Vec<ColumnType>,
    /// Whether a key may find more than one row.
    pub many: bool,
}

/// What the leading columns of a look-up's rows hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// One column: the key's position in the batch, counted from this.
    Ordinal(i64),
    /// As many columns as the key has parts: the key itself.
    Value,
}

impl Lookup {
    /// Number of leading columns that are not part of the selection.
    pub fn columns(&self) -> usize {
        match self.mode {
            KeyMode::Ordinal(_) => 1,
            KeyMode::Value => self.key_types.len(),
        }
    }
}

/// Compiles a plan.
///
/// # Errors
/// When a constant in it cannot be used.
pub fn compile_read(catalog: &Catalog, plan: &ReadPlan) -> Result<ReadStatement, Error> {
    let mut w = Writer::new(catalog);
    match &plan.source {
        Source::Table | Source::Among(_) => {
            list(&mut w, plan)?;
            Ok(ReadStatement { statement: w.finish(plan.select.len()), lookup: None })
        }
        Source::Keys(columns) => {
            let target = w.alias(plan.table);
            let near = Near { alias: target, columns, indexed: true, many: false };
            lookup(w, plan, target, near, &|_| {})
        }
        Source::Relationship(id) => related(w, plan, *id),
    }
}

/// `SELECT … FROM … WHERE … ORDER BY … LIMIT … OFFSET …`
fn list(w: &mut Writer<'_>, plan: &ReadPlan) -> Result<(), Error> {
    let alias = w.alias(plan.table);
    w.push("SELECT ");
    select_list(w, alias, plan)?;
    w.push(" FROM ");
    w.table(alias);
    let sorted = resolve_order(w, alias, &plan.order);
    join_order(w, &sorted)?;
    match &plan.source {
        Source::Among(columns) => {
            w.push(" WHERE ");
            among(w, alias, columns)?;
            condition::and(w, alias, &plan.predicate)?;
            condition::and_search(w, alias, plan.search.as_ref())?;
        }
        Source::Table | Source::Keys(_) | Source::Relationship(_) => {
            condition::where_clause(w, alias, &plan.predicate, plan.search.as_ref())?;
        }
    }
    order_clause(w, &sorted, Nulls::AsDatabase)?;
    limit_clause(w, &plan.page)
}

pub(super) fn select_list(w: &mut Writer<'_>, alias: Alias, plan: &ReadPlan) -> Result<(), Error> {
    for (at, operand) in plan.select.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        selected(w, alias, operand)?;
    }
    if plan.select.is_empty() {
        w.push("1");
    }
    Ok(())
}

pub(super) fn limit_clause(w: &mut Writer<'_>, page: &Page) -> Result<(), Error> {
    match page.limit {
        Some(limit) => {
            // Literal: a planner that does not know a limit plans for too many rows.
            w.push(" LIMIT ");
            w.number(limit);
        }
        None if page.offset.is_none() => {}
        None => w.push(match w.dialect() {
            Dialect::Postgres => "",
            Dialect::MySql => " LIMIT 18446744073709551615",
            Dialect::Sqlite => " LIMIT -1",
        }),
    }
    if !page.offset.is_none() {
        w.push(" OFFSET ");
        w.placeholder(Parameter::Offset(page.offset.clone()))?;
    }
    Ok(())
}
