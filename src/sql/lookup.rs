//! Look-ups as SQL: the rows that belong to a batch of keys, one statement
//! however many parents, in the form that suits the database.

use super::{
    condition,
    expression::{equal_columns, selected},
    keys,
    order::{Nulls, Sorted, join_order, order_clause, order_terms, resolve_order},
    parameter::{KeyPart, Parameter},
    read::{KeyMode, Lookup, ReadStatement, limit_clause, select_list},
    writer::{Alias, Writer, is_plain_key},
};
use crate::{
    catalog::{Cardinality, ColumnId, ColumnType, Dialect, Relationship, RelationshipId},
    plan::{Error, Page, ReadPlan},
    predicate::{Rounding, Target},
};

/// The condition that a row is one of those with given keys.
pub(super) fn among(w: &mut Writer<'_>, alias: Alias, columns: &[ColumnId]) -> Result<(), Error> {
    let near = Near { alias, columns, indexed: true, many: false };
    let keys = Keys::new(w, near);
    match (w.dialect(), columns) {
        (Dialect::Postgres, [column]) => {
            w.column(alias, *column);
            w.push(" = ANY(");
            hidden_array(w, &keys, 0)?;
            w.push(&keys.casts[0]);
            w.push(")");
        }
        (Dialect::Postgres, _) => {
            row_of(w, near);
            w.push(" IN (SELECT ");
            for at in 0..columns.len() {
                w.push(if at > 0 { ", k.k" } else { "k.k" });
                w.number(at as i64);
            }
            w.push(" FROM ");
            unnest(w, &keys)?;
            w.push(")");
        }
        (Dialect::MySql, _) => {
            row_of(w, near);
            w.push(" IN ");
            let part = if columns.len() == 1 { keys.part(0) } else { Parameter::Keys(KeyPart::Rows) };
            w.placeholder_list(part);
        }
        (Dialect::Sqlite, _) => {
            row_of(w, near);
            w.push(" IN (SELECT ");
            for (at, target) in keys.targets.iter().enumerate() {
                w.push(if at > 0 { ", " } else { "" });
                let value = if columns.len() == 1 { "value".to_owned() } else { format!("(value ->> {at})") };
                w.push(&keys::sqlite_element(target).replace("value", &value));
            }
            w.push(" FROM json_each(");
            w.placeholder(Parameter::Keys(KeyPart::Json))?;
            w.push("))");
        }
    }
    Ok(())
}

/// The side of a look-up that holds the keys.
#[derive(Clone, Copy)]
pub(super) struct Near<'a> {
    pub(super) alias: Alias,
    pub(super) columns: &'a [ColumnId],
    pub(super) indexed: bool,
    pub(super) many: bool,
}

pub(super) fn related(mut w: Writer<'_>, plan: &ReadPlan, id: RelationshipId) -> Result<ReadStatement, Error> {
    let relationship: &Relationship = w.catalog.relationship(id);
    let target = w.alias(plan.table);
    match &relationship.cardinality {
        Cardinality::ManyToOne | Cardinality::OneToMany => {
            let near = Near {
                alias: target,
                columns: &relationship.to_columns,
                indexed: relationship.indexed,
                many: relationship.cardinality == Cardinality::OneToMany,
            };
            lookup(w, plan, target, near, &|_| {})
        }
        Cardinality::ManyToMany { junction, junction_columns, target_columns } => {
            let between = w.alias(*junction);
            let near =
                Near { alias: between, columns: &relationship.to_columns, indexed: relationship.indexed, many: true };
            lookup(w, plan, target, near, &|w| {
                w.push(" JOIN ");
                w.table(between);
                w.push(" ON ");
                equal_columns(w, between, junction_columns, target, target_columns);
            })
        }
    }
}

/// What a look-up is made of.
struct LookupParts<'n, 'a> {
    target: Alias,
    near: Near<'n>,
    keys: Keys,
    /// Writes the join that leads from the target to the near side, if any.
    join: &'n dyn Fn(&mut Writer<'a>),
}

/// The rows that belong to a batch of keys, each with the key it belongs to,
/// those of one key together and in order.
pub(super) fn lookup<'a>(
    mut w: Writer<'a>,
    plan: &ReadPlan,
    target: Alias,
    near: Near<'_>,
    join: &dyn Fn(&mut Writer<'a>),
) -> Result<ReadStatement, Error> {
    let lookup = LookupParts { target, near, keys: Keys::new(&w, near), join };
    let paged = near.many && (plan.page.limit.is_some() || !plan.page.offset.is_none());
    let mode = match (w.dialect(), paged) {
        // Through a junction each key's rows are all found and sorted anyway:
        // one join for all keys is far cheaper than one for each.
        (Dialect::Postgres, true) if near.indexed && near.alias == target => lateral(&mut w, plan, &lookup)?,
        (_, true) => windowed(&mut w, plan, &lookup)?,
        (_, false) => unpaged(&mut w, plan, &lookup)?,
    };
    let found = Lookup { mode, key_types: lookup.keys.types, many: near.many };
    Ok(ReadStatement { statement: w.finish(found.columns() + plan.select.len()), lookup: Some(found) })
}

/// The keys of a batch as a statement takes them.
struct Keys {
    targets: Vec<Target>,
    types: Vec<ColumnType>,
    /// The casts of each part's array (PostgreSQL).
    casts: Vec<String>,
    /// Whether rows can be matched by the key that they hold.
    plain: bool,
    /// Whether a part is a text, which a collation may hold equal to others.
    textual: bool,
}

impl Keys {
    fn new(w: &Writer<'_>, near: Near<'_>) -> Self {
        let columns = || near.columns.iter().map(|id| w.column_of(near.alias, *id));
        let targets: Vec<Target> = columns().map(|column| Target::of(column, Rounding::Refuse)).collect();
        Self {
            casts: columns()
                .zip(&targets)
                .map(|(column, target)| condition::array_cast(target, Some(column)))
                .collect(),
            types: columns().map(|column| column.column_type.clone()).collect(),
            textual: columns().any(|column| column.column_type.is_textual()),
            plain: near.columns.len() == 1 && columns().all(is_plain_key),
            targets,
        }
    }

    fn part(&self, at: usize) -> Parameter {
        Parameter::Keys(KeyPart::Part(at, self.targets[at].clone()))
    }
}

/// All rows of the keys.
///
/// PostgreSQL: `= ANY($1)` for plain keys, otherwise a join with
/// `unnest($1, $2) WITH ORDINALITY`. MySQL: `IN (…)`, for texts a join with
/// their `UNION`. SQLite: a join with
/// `json_each`, its `key` being the key's position.
fn unpaged<'a>(w: &mut Writer<'a>, plan: &ReadPlan, lookup: &LookupParts<'_, 'a>) -> Result<KeyMode, Error> {
    let mode = mode(w, &lookup.keys);
    let sorted = if lookup.near.many { resolve_order(w, lookup.target, &plan.order) } else { Vec::new() };
    w.push("SELECT ");
    key_columns(w, lookup.near, mode);
    w.push(", ");
    select_list(w, lookup.target, plan)?;
    from_keys(w, plan, lookup, mode, &sorted)?;
    if lookup.near.many {
        // Rows of one key together, in the order asked for.
        w.push(" ORDER BY ");
        key_columns(w, lookup.near, mode);
        if !sorted.is_empty() {
            w.push(", ");
            order_terms(w, &sorted, Nulls::Last)?;
        }
    }
    Ok(mode)
}

fn mode(w: &Writer<'_>, keys: &Keys) -> KeyMode {
    match w.dialect() {
        Dialect::Postgres if keys.plain => KeyMode::Value,
        Dialect::Postgres => KeyMode::Ordinal(1),
        Dialect::MySql if keys.textual => KeyMode::Ordinal(0),
        Dialect::MySql => KeyMode::Value,
        Dialect::Sqlite => KeyMode::Ordinal(0),
    }
}

fn key_columns(w: &mut Writer<'_>, near: Near<'_>, mode: KeyMode) {
    match (mode, w.dialect()) {
        (KeyMode::Ordinal(_), Dialect::Sqlite) => w.push("k.key"),
        (KeyMode::Ordinal(_), _) => w.push("k.ord"),
        (KeyMode::Value, _) => {
            for (at, column) in near.columns.iter().enumerate() {
                if at > 0 {
                    w.push(", ");
                }
                w.column(near.alias, *column);
            }
        }
    }
}

/// ` FROM … WHERE …` with the keys tied in.
fn from_keys<'a>(
    w: &mut Writer<'a>,
    plan: &ReadPlan,
    lookup: &LookupParts<'_, 'a>,
    mode: KeyMode,
    sorted: &[Sorted<'_>],
) -> Result<(), Error> {
    w.push(" FROM ");
    match (w.dialect(), mode) {
        (Dialect::Sqlite, _) => {
            w.push("json_each(");
            w.placeholder(Parameter::Keys(KeyPart::Json))?;
            w.push(") AS k CROSS JOIN ");
        }
        (Dialect::Postgres, KeyMode::Ordinal(_)) => {
            unnest(w, &lookup.keys)?;
            w.push(" CROSS JOIN ");
        }
        (Dialect::MySql, KeyMode::Ordinal(_)) => {
            keys_of_column_types(w, lookup.near);
            w.push(" JOIN ");
        }
        (Dialect::Postgres | Dialect::MySql, _) => {}
    }
    w.table(lookup.target);
    (lookup.join)(w);
    join_order(w, sorted)?;
    w.push(" WHERE ");
    tie(w, lookup.near, &lookup.keys)?;
    conditions(w, plan, lookup)
}

/// `unnest($1::int8[], $2::text[]) WITH ORDINALITY AS k(k0, k1, ord)`
fn unnest(w: &mut Writer<'_>, keys: &Keys) -> Result<(), Error> {
    w.push("unnest(");
    for at in 0..keys.targets.len() {
        if at > 0 {
            w.push(", ");
        }
        hidden_array(w, keys, at)?;
    }
    w.push(") WITH ORDINALITY AS k(");
    for at in 0..keys.targets.len() {
        w.push("k");
        w.number(at as i64);
        w.push(", ");
    }
    w.push("ord)");
    Ok(())
}

/// `(SELECT 0 AS ord, t1.a AS k0 FROM t AS t1 WHERE FALSE UNION ALL SELECT 0, ? …) AS k`
///
/// The first row, which never is, gives the keys the columns' own types and
/// collations: the database decides which texts are equal, and by its index.
fn keys_of_column_types(w: &mut Writer<'_>, near: Near<'_>) {
    let types = w.alias(near.alias.table);
    w.push("(SELECT 0 AS ord");
    for (at, column) in near.columns.iter().enumerate() {
        w.push(", ");
        w.column(types, *column);
        w.push(" AS k");
        w.number(at as i64);
    }
    w.push(" FROM ");
    w.table(types);
    w.push(" WHERE FALSE");
    w.placeholder_list(Parameter::Keys(KeyPart::Selects));
    w.push(") AS k");
}

/// `(SELECT $1::int8[])`: the keys, their number hidden from the planner. With
/// fewer keys than it takes for granted it would plan each run anew, which
/// costs more than a look-up.
fn hidden_array(w: &mut Writer<'_>, keys: &Keys, at: usize) -> Result<(), Error> {
    w.push("(SELECT ");
    w.placeholder(keys.part(at))?;
    w.push(&keys.casts[at]);
    w.push(")");
    Ok(())
}

/// The condition that ties rows to keys.
fn tie(w: &mut Writer<'_>, near: Near<'_>, keys: &Keys) -> Result<(), Error> {
    match w.dialect() {
        Dialect::Postgres if keys.plain => {
            w.column(near.alias, near.columns[0]);
            w.push(" = ANY(");
            hidden_array(w, keys, 0)?;
            w.push(&keys.casts[0]);
            w.push(")");
        }
        Dialect::Postgres => tie_to_k(w, near),
        Dialect::MySql if keys.textual => tie_to_k(w, near),
        Dialect::MySql => {
            row_of(w, near);
            w.push(" IN ");
            let part = if near.columns.len() == 1 { keys.part(0) } else { Parameter::Keys(KeyPart::Rows) };
            w.placeholder_list(part);
        }
        Dialect::Sqlite => {
            for (at, column) in near.columns.iter().enumerate() {
                if at > 0 {
                    w.push(" AND ");
                }
                w.column(near.alias, *column);
                w.push(" = ");
                let element = keys::sqlite_element(&keys.targets[at]);
                let value = if near.columns.len() == 1 { "k.value".to_owned() } else { format!("(k.value ->> {at})") };
                w.push(&element.replace("value", &value));
            }
        }
    }
    Ok(())
}

fn tie_to_k(w: &mut Writer<'_>, near: Near<'_>) {
    for (at, column) in near.columns.iter().enumerate() {
        if at > 0 {
            w.push(" AND ");
        }
        w.column(near.alias, *column);
        w.push(" = k.k");
        w.number(at as i64);
    }
}

/// `t0.a`, or `(t0.a, t0.b)`
fn row_of(w: &mut Writer<'_>, near: Near<'_>) {
    if near.columns.len() > 1 {
        w.push("(");
    }
    for (at, column) in near.columns.iter().enumerate() {
        if at > 0 {
            w.push(", ");
        }
        w.column(near.alias, *column);
    }
    if near.columns.len() > 1 {
        w.push(")");
    }
}

fn conditions(w: &mut Writer<'_>, plan: &ReadPlan, lookup: &LookupParts<'_, '_>) -> Result<(), Error> {
    condition::and(w, lookup.target, &plan.predicate)?;
    condition::and_search(w, lookup.target, plan.search.as_ref())?;
    condition::and(w, lookup.near.alias, plan.junction())
}

/// For each key by itself, so that an index on the key stops after the page.
///
/// ```sql
/// SELECT k.ord, c.* FROM unnest($1::int8[]) WITH ORDINALITY AS k(k0, ord)
/// CROSS JOIN LATERAL (SELECT … WHERE t0.fk = k.k0 ORDER BY … LIMIT 5) AS c
/// ```
///
/// No outer `ORDER BY`: a lateral sub-select with a limit can only be run once
/// per key, in the keys' order, and a sort by `ord` might disturb its rows.
fn lateral<'a>(w: &mut Writer<'a>, plan: &ReadPlan, lookup: &LookupParts<'_, 'a>) -> Result<KeyMode, Error> {
    let sorted = resolve_order(w, lookup.target, &plan.order);
    w.push("SELECT k.ord, c.* FROM ");
    unnest(w, &lookup.keys)?;
    w.push(" CROSS JOIN LATERAL (SELECT ");
    select_list(w, lookup.target, plan)?;
    w.push(" FROM ");
    w.table(lookup.target);
    (lookup.join)(w);
    join_order(w, &sorted)?;
    w.push(" WHERE ");
    tie_to_k(w, lookup.near);
    conditions(w, plan, lookup)?;
    order_clause(w, &sorted, Nulls::Last)?;
    limit_clause(w, &plan.page)?;
    w.push(") AS c");
    Ok(KeyMode::Ordinal(1))
}

/// All rows numbered within their key, then cut.
fn windowed<'a>(w: &mut Writer<'a>, plan: &ReadPlan, lookup: &LookupParts<'_, 'a>) -> Result<KeyMode, Error> {
    let mode = mode(w, &lookup.keys);
    let key_count = match mode {
        KeyMode::Ordinal(_) => 1,
        KeyMode::Value => lookup.near.columns.len(),
    };
    let sorted = resolve_order(w, lookup.target, &plan.order);
    w.push("SELECT ");
    numbered(w, "k", key_count);
    w.push(", ");
    match plan.select.len() {
        0 => w.push("1"),
        count => numbered(w, "c", count),
    }
    w.push(" FROM (SELECT ");
    inner_columns(w, plan, lookup, mode)?;
    w.push(", ROW_NUMBER() OVER (PARTITION BY ");
    key_columns(w, lookup.near, mode);
    order_clause(w, &sorted, Nulls::Last)?;
    w.push(") AS rn");
    from_keys(w, plan, lookup, mode, &sorted)?;
    w.push(") AS w");
    cut(w, &plan.page)?;
    w.push(" ORDER BY ");
    numbered(w, "k", key_count);
    w.push(", w.rn");
    Ok(mode)
}

/// `k0, k1`
fn numbered(w: &mut Writer<'_>, prefix: &str, count: usize) {
    for at in 0..count {
        if at > 0 {
            w.push(", ");
        }
        w.push("w.");
        w.push(prefix);
        w.number(at as i64);
    }
}

fn inner_columns(
    w: &mut Writer<'_>,
    plan: &ReadPlan,
    lookup: &LookupParts<'_, '_>,
    mode: KeyMode,
) -> Result<(), Error> {
    match mode {
        KeyMode::Ordinal(_) => {
            key_columns(w, lookup.near, mode);
            w.push(" AS k0");
        }
        KeyMode::Value => {
            for (at, column) in lookup.near.columns.iter().enumerate() {
                if at > 0 {
                    w.push(", ");
                }
                w.column(lookup.near.alias, *column);
                w.push(" AS k");
                w.number(at as i64);
            }
        }
    }
    for (at, operand) in plan.select.iter().enumerate() {
        w.push(", ");
        selected(w, lookup.target, operand)?;
        w.push(" AS c");
        w.number(at as i64);
    }
    Ok(())
}

/// ` WHERE w.rn > … AND w.rn <= …`
fn cut(w: &mut Writer<'_>, page: &Page) -> Result<(), Error> {
    let offset = &page.offset;
    if !offset.is_none() {
        w.push(" WHERE w.rn > ");
        w.placeholder(Parameter::Offset(offset.clone()))?;
    }
    let Some(limit) = page.limit else { return Ok(()) };
    w.push(if offset.is_none() { " WHERE w.rn <= " } else { " AND w.rn <= " });
    if offset.is_none() {
        w.number(limit);
        return Ok(());
    }
    w.placeholder(Parameter::OffsetPlus(offset.clone(), limit))
}
