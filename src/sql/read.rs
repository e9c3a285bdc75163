//! Read plans as statements: one per relation and level, however many parents.

use super::{
    condition,
    expression::{compared, equal_columns, selected, sorted},
    keys,
    parameter::{KeyPart, Parameter},
    statement::Statement,
    writer::{Alias, Writer, is_plain_key},
};
use crate::{
    catalog::{Cardinality, Catalog, ColumnId, ColumnType, Dialect, Relationship, RelationshipId},
    plan::{Error, Order, Page, ReadPlan, Source, Step},
    predicate::{Operand, Rounding, Target},
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
        Source::Table => {
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
    condition::where_clause(w, alias, &plan.predicate, plan.search.as_ref())?;
    order_clause(w, &sorted, Nulls::AsDatabase)?;
    limit_clause(w, &plan.page)
}

fn select_list(w: &mut Writer<'_>, alias: Alias, plan: &ReadPlan) -> Result<(), Error> {
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

/// Where nulls come in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nulls {
    /// Where the database puts them.
    AsDatabase,
    /// Behind all values, up or down (contract 4.2).
    Last,
}

/// A sort criterion with the rows that it needs beside the one sorted.
struct Sorted<'p> {
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
fn resolve_order<'p>(w: &mut Writer<'_>, root: Alias, orders: &'p [Order]) -> Vec<Sorted<'p>> {
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

fn join_order(w: &mut Writer<'_>, sorted: &[Sorted<'_>]) -> Result<(), Error> {
    for criterion in sorted {
        let mut from = criterion.root;
        for (alias, step) in &criterion.joins {
            let relationship = w.catalog.relationship(step.relationship);
            w.push(" LEFT JOIN ");
            w.table(*alias);
            w.push(" ON ");
            equal_columns(w, *alias, &relationship.to_columns, from, &relationship.from_columns);
            condition::and(w, *alias, &step.visible)?;
            from = *alias;
        }
    }
    Ok(())
}

fn order_clause(w: &mut Writer<'_>, sorted: &[Sorted<'_>], nulls: Nulls) -> Result<(), Error> {
    if !sorted.is_empty() {
        w.push(" ORDER BY ");
        order_terms(w, sorted, nulls)?;
    }
    Ok(())
}

fn order_terms(w: &mut Writer<'_>, sorted: &[Sorted<'_>], nulls: Nulls) -> Result<(), Error> {
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
        equal_columns(w, near, &relationship.to_columns, from, &relationship.from_columns);
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

/// The side of a look-up that holds the keys.
#[derive(Clone, Copy)]
struct Near<'a> {
    alias: Alias,
    columns: &'a [ColumnId],
    indexed: bool,
    many: bool,
}

fn related(mut w: Writer<'_>, plan: &ReadPlan, id: RelationshipId) -> Result<ReadStatement, Error> {
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
fn lookup<'a>(
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
