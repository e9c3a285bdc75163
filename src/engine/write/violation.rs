//! A constraint that a statement broke, in served names.

use crate::{
    catalog::{Catalog, Table},
    db::{self, Violation, ViolationKind},
    engine::{Broken, Error},
};

/// What a writing statement on `table` failed with.
pub(super) fn explain(catalog: &Catalog, table: &Table, error: db::Error, statement: &str) -> Error {
    match error {
        db::Error::Constraint(violation) => Error::Broken(Box::new(broken(catalog, Some(table), violation))),
        other => Error::from_database(other, statement),
    }
}

/// What a commit failed with: rules may be told to wait until then.
pub(super) fn at_the_end(catalog: &Catalog, error: db::Error) -> Error {
    match error {
        db::Error::Constraint(violation) => Error::Broken(Box::new(broken(catalog, None, violation))),
        other => Error::from_database(other, "COMMIT"),
    }
}

fn broken(catalog: &Catalog, written: Option<&Table>, violation: Violation) -> Broken {
    let Violation { kind, schema, table, columns, constraint } = violation;
    let named = table.as_ref().and_then(|name| {
        let is_it = |known: &&Table| known.name == *name && (schema.is_none() || known.schema == schema);
        catalog.tables.iter().find(is_it)
    });
    // Where the database names no table, it can only be the one written to.
    let table = named.or(written.filter(|_| table.is_none()));
    let field = table.and_then(|table| field(table, kind, &columns, constraint.as_deref()));
    Broken {
        kind,
        collection: table.map(|table| table.collection.clone()),
        field,
        value: None,
        constraint: constraint.filter(|_| kind == ViolationKind::Check),
        transient: false,
    }
}

/// The field that the columns are, or those of the constraint. Of several the
/// last one says most: `(tenant, email)`.
fn field(table: &Table, kind: ViolationKind, columns: &[String], constraint: Option<&str>) -> Option<String> {
    let by_name = columns.last().and_then(|name| table.columns.iter().find(|column| column.name == *name));
    let by_constraint = || {
        let known = table.constraints.iter().find(|known| Some(known.name.as_str()) == constraint)?;
        known.columns.last().map(|column| table.column(*column))
    };
    // SQLite shows the rule itself where it has no name.
    let by_rule = || {
        let rule = constraint.filter(|_| kind == ViolationKind::Check)?;
        let words: Vec<&str> =
            rule.split(|character: char| !(character.is_alphanumeric() || character == '_')).collect();
        let mut named = table.columns.iter().filter(|column| words.contains(&column.name.as_str()));
        named.next().filter(|_| named.next().is_none())
    };
    let column = by_name.or_else(by_constraint).or_else(by_rule)?;
    Some(table.column_field(column.id).to_owned())
}
