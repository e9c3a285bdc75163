//! Orders as SQL: the joins that they need, and what stands behind `ORDER BY`
//! (contract section 4.2).

use super::{
    condition,
    expression::{compared, equal_columns, linked, sorted},
    writer::{Alias, Writer},
};
use crate::{
    catalog::{Cardinality, Dialect},
    plan::{Error, Order, Step},
    predicate::Operand,
};

/// Where nulls come in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Where the database puts them.
    AsDatabase,
    /// Behind all values, up or down (contract 4.2).
    Last,
}

/// A sort criterion with the rows that it needs beside the one sorted.
pub(super) struct Sorted<'p> {
    root: Alias,
    /// A left join for each step, which multiplies nothing; empty where the
    /// way leads to many rows and a sub-select takes the outermost value.
    joins: Vec<(Alias, &'p Step)>,
    order: &'p Order,
}

impl Sorted<'_> {
    /// The row that the value is taken from, where it is joined.
    fn at(&self) -> Option<Alias> {
        match self.joins.last() {
            Some((alias, _)) => Some(*alias),
            None => self.order.path.is_empty().then_some(self.root),
        }
    }
}

/// Names what an order needs, before anything that uses the names is written.
pub(super) fn resolve_order<'p>(w: &mut Writer<'_>, root: Alias, orders: &'p [Order]) -> Vec<Sorted<'p>> {
    let mut sorted = Vec::with_capacity(orders.len());
    for order in orders {
        let to_one = |step: &Step| w.catalog.relationship(step.relationship).cardinality == Cardinality::ManyToOne;
        let mut joins = Vec::new();
        if order.path.iter().all(to_one) {
            for step in &order.path {
                let target = w.catalog.relationship(step.relationship).to;
                joins.push((w.alias(target), step));
            }
        }
        sorted.push(Sorted { root, joins, order });
    }
    sorted
}

pub(super) fn join_order(w: &mut Writer<'_>, sorted: &[Sorted<'_>]) -> Result<(), Error> {
    for criterion in sorted {
        let mut from = criterion.root;
        for (alias, step) in &criterion.joins {
            let relationship = w.catalog.relationship(step.relationship);
            w.push(" LEFT JOIN ");
            w.table(*alias);
            w.push(" ON ");
            linked(w, relationship, *alias, from)?;
            condition::and(w, *alias, &step.visible)?;
            from = *alias;
        }
    }
    Ok(())
}

pub(super) fn order_clause(w: &mut Writer<'_>, sorted: &[Sorted<'_>], nulls: Nulls) -> Result<(), Error> {
    if !sorted.is_empty() {
        w.push(" ORDER BY ");
        order_terms(w, sorted, nulls)?;
    }
    Ok(())
}

pub(super) fn order_terms(w: &mut Writer<'_>, sorted: &[Sorted<'_>], nulls: Nulls) -> Result<(), Error> {
    for (position, criterion) in sorted.iter().enumerate() {
        if position > 0 {
            w.push(", ");
        }
        let nulls_last = nulls == Nulls::Last && may_be_null(w, criterion);
        if nulls_last && w.dialect() == Dialect::MySql {
            order_value(w, criterion)?;
            w.push(" IS NULL, ");
        }
        order_value(w, criterion)?;
        if criterion.order.descending {
            w.push(" DESC");
        }
        if nulls_last && w.dialect() != Dialect::MySql {
            w.push(" NULLS LAST");
        }
    }
    Ok(())
}

fn may_be_null(w: &Writer<'_>, criterion: &Sorted<'_>) -> bool {
    match (criterion.at(), &criterion.order.operand) {
        (Some(alias), Operand::Column(column)) if alias == criterion.root => w.column_of(alias, *column).nullable,
        _ => true,
    }
}

fn order_value(w: &mut Writer<'_>, criterion: &Sorted<'_>) -> Result<(), Error> {
    let order = criterion.order;
    match (criterion.at(), &order.operand) {
        (Some(alias), Operand::Column(column)) => {
            sorted(w, alias, w.column_of(alias, *column));
            Ok(())
        }
        (Some(alias), operand) => compared(w, alias, operand),
        (None, operand) => {
            w.push("(SELECT ");
            outermost(w, criterion.root, order, operand)
        }
    }
}

/// `t2.value FROM child AS t1, … WHERE t1.fk = t0.id AND … ORDER BY t2.value LIMIT 1)`:
/// not `MIN`, which PostgreSQL does not have for every type with an order.
fn outermost(w: &mut Writer<'_>, root: Alias, order: &Order, operand: &Operand) -> Result<(), Error> {
    let mut aliases = Vec::new();
    let mut from = root;
    for step in &order.path {
        let relationship = w.catalog.relationship(step.relationship);
        let between = match &relationship.cardinality {
            Cardinality::ManyToMany { junction, .. } => Some(w.alias(*junction)),
            Cardinality::ManyToOne | Cardinality::OneToMany => None,
        };
        let target = w.alias(relationship.to);
        aliases.push((step, relationship, from, between, target));
        from = target;
    }
    let value = |w: &mut Writer<'_>| match operand {
        Operand::Column(column) => {
            sorted(w, from, w.column_of(from, *column));
            Ok(())
        }
        other => compared(w, from, other),
    };
    value(w)?;
    w.push(" FROM ");
    for (at, (.., between, target)) in aliases.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        if let Some(between) = between {
            w.table(*between);
            w.push(", ");
        }
        w.table(*target);
    }
    for (at, (step, relationship, from, between, target)) in aliases.into_iter().enumerate() {
        w.push(if at > 0 { " AND " } else { " WHERE " });
        let near = between.unwrap_or(target);
        linked(w, relationship, near, from)?;
        if let (Cardinality::ManyToMany { junction_columns, target_columns, .. }, Some(between)) =
            (&relationship.cardinality, between)
        {
            w.push(" AND ");
            equal_columns(w, between, junction_columns, target, target_columns);
        }
        condition::and(w, target, &step.visible)?;
    }
    w.push(" AND ");
    value(w)?;
    w.push(" IS NOT NULL ORDER BY ");
    value(w)?;
    w.push(if order.descending { " DESC LIMIT 1)" } else { " LIMIT 1)" });
    Ok(())
}
