//! Sort entries (contract 4.2): `["-date", "author.name", "-year(date)",
//! "count(tags)"]`.

use super::{Error, Limits};
use crate::{
    catalog::{Catalog, ColumnId, ColumnType, FieldKind, RelationshipId, Table},
    permissions::Access,
    predicate::{self, Operand, Predicate, parse_function},
};

/// One sort criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The way to the row whose value counts; empty for the row itself. Where
    /// a step leads to many rows, the smallest value counts going up and the
    /// largest going down.
    pub path: Vec<Step>,
    /// The value.
    pub operand: Operand,
    /// Downwards.
    pub descending: bool,
}

/// One step to related rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The relationship.
    pub relationship: RelationshipId,
    /// Which of the related rows are there at all for the caller.
    pub visible: Predicate,
}

/// By what is meant to be sorted by, where there is such a thing, then by the
/// table's key, upwards, or else by the first field that may be read
/// (contract 4.2); no order for a table without a key.
pub(super) fn by_default(table: &Table, sort: Option<ColumnId>, access: &Access) -> Vec<Order> {
    let by_column = |column| Order { path: Vec::new(), operand: Operand::Column(column), descending: false };
    let Some(readable) = access.read(table.id).filter(|_| !table.key.is_empty()) else { return Vec::new() };
    let sort = sort.filter(|column| readable.allows(table.column_field(*column)));
    if readable.allows_key(table) {
        let key = table.key.iter().copied().filter(|column| Some(*column) != sort);
        return sort.into_iter().chain(key).map(by_column).collect();
    }
    if let Some(column) = sort {
        return vec![by_column(column)];
    }
    let permitted = table.fields.iter().filter(|field| readable.allows(&field.name));
    let mut columns = permitted.filter_map(|field| table.field_column(field));
    columns.find(|column| has_order(&table.column(*column).column_type)).map(by_column).into_iter().collect()
}

/// Whether values of a type come before and after each other.
fn has_order(column_type: &ColumnType) -> bool {
    !matches!(column_type, ColumnType::Json | ColumnType::Geometry)
}

/// Reads one entry.
pub(super) fn parse(catalog: &Catalog, table: &Table, entry: &str, limits: &Limits) -> Result<Order, Error> {
    let text = entry.trim();
    let (descending, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    // A function may stand around the whole path or around its last field.
    let (function, text) = match parse_function(text) {
        Some((function, inner)) => match function.rsplit_once('.') {
            Some((path, function)) => (Some(function), format!("{path}.{inner}")),
            None => (Some(function), inner.to_owned()),
        },
        None => (None, text.to_owned()),
    };
    let segments: Vec<&str> = text.split('.').collect();
    if segments.len() > limits.max_depth {
        return Err(Error::Invalid(format!("a sort path has at most {} segments", limits.max_depth)));
    }
    let (leaf, steps) = segments.split_last().ok_or_else(|| Error::Invalid("an empty sort entry".to_owned()))?;
    let mut table = table;
    let mut path = Vec::with_capacity(steps.len());
    for step in steps {
        let relationship = match table.field(step).map(|field| field.kind) {
            Some(FieldKind::ToOne(relationship, _) | FieldKind::ToMany(relationship)) => Some(relationship),
            Some(FieldKind::Column(_) | FieldKind::ToAny(..)) => None,
            None => catalog.branch(table, step),
        };
        let relationship = relationship.ok_or_else(|| unknown(table, step))?;
        path.push(Step { relationship, visible: Predicate::always() });
        table = catalog.table(catalog.relationship(relationship).to);
    }
    Ok(Order { path, operand: operand(table, leaf, function)?, descending })
}

fn operand(table: &Table, leaf: &str, function: Option<&str>) -> Result<Operand, Error> {
    if let Some(function) = function {
        return Ok(predicate::function_operand(table, leaf, function)?);
    }
    let column = table.field(leaf).and_then(|field| table.field_column(field));
    let column = column.ok_or_else(|| unknown(table, leaf))?;
    if has_order(&table.column(column).column_type) {
        return Ok(Operand::Column(column));
    }
    Err(Error::Invalid(format!("`{leaf}` has no order to sort by")))
}

fn unknown(table: &Table, field: &str) -> Error {
    predicate::Error::UnknownField { collection: table.collection.clone(), field: field.to_owned() }.into()
}
