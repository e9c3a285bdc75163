//! What is there, from the system catalogs: seven statements for any number of
//! tables, seen at one moment. Whatever the user may not read is left out.

use std::collections::HashMap;

use sqlx::{Decode, Row as _, Type, postgres::PgRow};

use super::{
    Snapshot,
    deparse::{self, Default},
};
use crate::{
    catalog::{
        ColumnType,
        facts::{
            ColumnFacts, ConstraintFacts, ConstraintKind, Facts, ForeignKeyFacts, OnDelete, TableFacts, TableKind,
        },
    },
    db::Error,
    value::Value,
};

/// Reads everything in these schemas.
pub(super) async fn facts(snapshot: &mut Snapshot, schemas: &[String]) -> Result<Facts, Error> {
    // The planner guesses millions of rows where there are dozens, and would
    // compile the statements for longer than they run.
    rows(snapshot, "SELECT set_config('jit', 'off', true)", &[]).await?;
    let schemas = Value::Texts(schemas.iter().map(|schema| schema.as_str().into()).collect());
    let mut found = tables(snapshot, schemas).await?;
    let all = Value::Ints(found.iter().map(|table| table.oid).collect());
    let types = types(snapshot, &all).await?;
    columns(snapshot, &all, &types, &mut found).await?;
    checks(snapshot, &all, &mut found).await?;
    indexes(snapshot, &all, &mut found).await?;
    foreign_keys(snapshot, &all, &mut found).await?;
    constraints(snapshot, &all, &mut found).await?;
    Ok(Facts { tables: found.into_iter().map(|table| table.facts).collect() })
}

/// A table on its way: `facts.columns[i]` has the number `numbers[i]`.
struct Found {
    oid: i64,
    /// Whether every column may be read.
    is_whole: bool,
    numbers: Vec<i16>,
    facts: TableFacts,
}

impl Found {
    fn name(&self, number: i16) -> Option<String> {
        let at = self.numbers.iter().position(|other| *other == number)?;
        Some(self.facts.columns[at].name.clone())
    }

    /// The names, unless one is an expression or may not be read.
    fn names(&self, numbers: &[i16]) -> Option<Vec<String>> {
        numbers.iter().map(|number| self.name(*number)).collect()
    }
}

async fn tables(snapshot: &mut Snapshot, schemas: Value) -> Result<Vec<Found>, Error> {
    let rows = rows(snapshot, include_str!("sql/tables.sql"), &[schemas]).await?;
    let table = |row: &PgRow| {
        let is_view: bool = get(row, 3)?;
        Ok(Found {
            oid: get(row, 0)?,
            is_whole: get(row, 4)?,
            numbers: Vec::new(),
            facts: TableFacts {
                schema: Some(get(row, 1)?),
                name: get(row, 2)?,
                kind: if is_view { TableKind::View } else { TableKind::Table },
                comment: comment(get(row, 5)?),
                columns: Vec::new(),
                primary_key: Vec::new(),
                uniques: Vec::new(),
                indexes: Vec::new(),
                foreign_keys: Vec::new(),
                constraints: Vec::new(),
                has_triggers: get(row, 6)?,
            },
        })
    };
    rows.iter().map(table).collect()
}

async fn columns(
    snapshot: &mut Snapshot,
    all: &Value,
    types: &HashMap<i64, TypeFacts>,
    found: &mut [Found],
) -> Result<(), Error> {
    let partial = Value::Ints(found.iter().filter(|table| !table.is_whole).map(|table| table.oid).collect());
    let rows = rows(snapshot, include_str!("sql/columns.sql"), &[all.clone(), partial]).await?;
    each(found, &rows, |table, row| {
        table.numbers.push(get(row, 2)?);
        table.facts.columns.push(column(row, types)?);
        Ok(())
    })
}

fn column(row: &PgRow, types: &HashMap<i64, TypeFacts>) -> Result<ColumnFacts, Error> {
    let type_oid: i64 = get(row, 3)?;
    let meaning = meaning(types, type_oid, get(row, 4)?);
    let not_null: bool = get(row, 6)?;
    let is_identity: bool = get(row, 7)?;
    let generated: bool = get(row, 8)?;
    let expression: Option<String> = get(row, 9)?;
    let default = match expression.as_deref().or(meaning.default) {
        Some(expression) if !generated => deparse::default(expression),
        _ => Default::None,
    };
    Ok(ColumnFacts {
        name: get(row, 1)?,
        declared: match meaning.declared {
            Some(base) => base.to_owned(),
            None => get(row, 5)?,
        },
        column_type: meaning.column_type,
        nullable: !(not_null || meaning.not_null),
        generated,
        auto_increment: is_identity || default == Default::Sequence,
        identity_always: get(row, 11)?,
        default: match default {
            Default::Literal(text) | Default::Expression(text) => Some(text),
            Default::None | Default::Sequence => None,
        },
        length: meaning.length,
        precision: meaning.precision,
        scale: meaning.scale,
        comment: comment(get(row, 10)?),
        allowed: meaning.allowed,
    })
}

async fn checks(snapshot: &mut Snapshot, all: &Value, found: &mut [Found]) -> Result<(), Error> {
    let rows = rows(snapshot, include_str!("sql/checks.sql"), std::slice::from_ref(all)).await?;
    each(found, &rows, |table, row| {
        let (number, check): (i16, String) = (get(row, 1)?, get(row, 2)?);
        let Some(at) = table.numbers.iter().position(|other| *other == number) else {
            return Ok(());
        };
        let column = &mut table.facts.columns[at];
        if column.allowed.is_empty() {
            column.allowed = deparse::allowed(&check, &column.name);
        }
        Ok(())
    })
}

async fn indexes(snapshot: &mut Snapshot, all: &Value, found: &mut [Found]) -> Result<(), Error> {
    let rows = rows(snapshot, include_str!("sql/indexes.sql"), std::slice::from_ref(all)).await?;
    each(found, &rows, |table, row| {
        let (is_primary, is_unique): (bool, bool) = (get(row, 1)?, get(row, 2)?);
        let numbers: Vec<i16> = get(row, 3)?;
        match table.names(&numbers) {
            Some(names) if is_primary => table.facts.primary_key = names,
            Some(names) if is_unique && !table.facts.uniques.contains(&names) => table.facts.uniques.push(names),
            _ => {}
        }
        let leading: Vec<String> = numbers.iter().map_while(|number| table.name(*number)).collect();
        if !leading.is_empty() {
            table.facts.indexes.push(leading);
        }
        Ok(())
    })
}

async fn foreign_keys(snapshot: &mut Snapshot, all: &Value, found: &mut [Found]) -> Result<(), Error> {
    let rows = rows(snapshot, include_str!("sql/foreign_keys.sql"), std::slice::from_ref(all)).await?;
    each(found, &rows, |table, row| {
        let numbers: Vec<i16> = get(row, 2)?;
        if let Some(columns) = table.names(&numbers) {
            table.facts.foreign_keys.push(ForeignKeyFacts {
                name: get(row, 1)?,
                columns,
                to_schema: Some(get(row, 3)?),
                to_table: get(row, 4)?,
                to_columns: get(row, 5)?,
                on_delete: OnDelete::from_words(get(row, 6)?),
            });
        }
        Ok(())
    })
}

async fn constraints(snapshot: &mut Snapshot, all: &Value, found: &mut [Found]) -> Result<(), Error> {
    let rows = rows(snapshot, include_str!("sql/constraints.sql"), std::slice::from_ref(all)).await?;
    each(found, &rows, |table, row| {
        let (kind, numbers): (String, Vec<i16>) = (get(row, 2)?, get(row, 3)?);
        table.facts.constraints.push(ConstraintFacts {
            name: get(row, 1)?,
            kind: match &*kind {
                "c" => ConstraintKind::Check,
                "f" => ConstraintKind::ForeignKey,
                _ => ConstraintKind::Unique,
            },
            columns: numbers.iter().filter_map(|number| table.name(*number)).collect(),
        });
        Ok(())
    })
}

/// A type's row in the catalogs.
struct TypeFacts {
    is_built_in: bool,
    is_spatial: bool,
    element: Option<i64>,
    base: Option<i64>,
    /// The base type as a domain's definition spells it.
    base_declared: Option<String>,
    /// The modifier that a domain puts on its base type.
    modifier: i32,
    not_null: bool,
    default: Option<String>,
    labels: Vec<String>,
    checks: Vec<String>,
}

async fn types(snapshot: &mut Snapshot, all: &Value) -> Result<HashMap<i64, TypeFacts>, Error> {
    let rows = rows(snapshot, include_str!("sql/types.sql"), std::slice::from_ref(all)).await?;
    let facts = |row: &PgRow| {
        let facts = TypeFacts {
            is_built_in: get(row, 1)?,
            is_spatial: get(row, 2)?,
            element: get(row, 3)?,
            base: get(row, 4)?,
            base_declared: get(row, 5)?,
            modifier: get(row, 6)?,
            not_null: get(row, 7)?,
            default: get(row, 8)?,
            labels: get(row, 9)?,
            checks: get(row, 10)?,
        };
        Ok((get(row, 0)?, facts))
    };
    rows.iter().map(facts).collect()
}

/// What a type with its modifier comes to, domains followed to their base.
struct Meaning<'a> {
    column_type: ColumnType,
    /// The base type's spelling. A cast to a domain would check its
    /// constraints, and a domain of an enum has no comparison of its own.
    declared: Option<&'a str>,
    not_null: bool,
    default: Option<&'a str>,
    length: Option<u32>,
    precision: Option<u32>,
    scale: Option<u32>,
    allowed: Vec<String>,
}

fn meaning(types: &HashMap<i64, TypeFacts>, mut oid: i64, mut modifier: i32) -> Meaning<'_> {
    let (mut declared, mut not_null, mut default, mut allowed) = (None, false, None, Vec::new());
    while let Some(facts) = types.get(&oid) {
        not_null |= facts.not_null;
        default = default.or(facts.default.as_deref());
        if allowed.is_empty() {
            allowed.clone_from(&facts.labels);
        }
        for check in &facts.checks {
            if allowed.is_empty() {
                allowed = deparse::allowed(check, "VALUE");
            }
        }
        let Some(base) = facts.base else {
            break;
        };
        declared = facts.base_declared.as_deref();
        (oid, modifier) = (base, facts.modifier);
    }
    let (precision, scale) = digits(oid, modifier);
    Meaning {
        column_type: column_type(types, oid, modifier),
        declared,
        not_null,
        default,
        length: length(oid, modifier),
        precision: precision.map(i32::unsigned_abs),
        scale: scale.map(|scale| scale.max(0).unsigned_abs()),
        allowed,
    }
}

fn column_type(types: &HashMap<i64, TypeFacts>, oid: i64, modifier: i32) -> ColumnType {
    let Some(facts) = types.get(&oid) else {
        return ColumnType::Other;
    };
    if facts.is_spatial {
        return ColumnType::Geometry;
    }
    if let Some(element) = facts.element {
        // Elements that the server sends in a form of their own are read as text.
        let element = match types.get(&element) {
            Some(facts) if facts.is_built_in => column_type(types, element, modifier),
            _ => ColumnType::Other,
        };
        return ColumnType::Array(Box::new(element));
    }
    match oid {
        16 => ColumnType::Boolean,
        17 => ColumnType::Binary,
        21 | 23 => ColumnType::Integer,
        20 | 26 => ColumnType::BigInteger,
        // "char", name, text, char(n), varchar
        18 | 19 | 25 | 1042 | 1043 => ColumnType::Text,
        114 | 3802 => ColumnType::Json,
        700 => ColumnType::Float,
        701 => ColumnType::Double,
        1082 => ColumnType::Date,
        1083 => ColumnType::Time,
        1114 => ColumnType::DateTime,
        1184 => ColumnType::Timestamp,
        1700 => decimal(oid, modifier),
        2950 => ColumnType::Uuid,
        _ => ColumnType::Other,
    }
}

/// Decimals without digits after the point are integers, if they are short.
fn decimal(oid: i64, modifier: i32) -> ColumnType {
    match digits(oid, modifier) {
        (Some(precision), Some(scale)) if scale <= 0 && precision - scale <= 9 => ColumnType::Integer,
        (Some(precision), Some(scale)) if scale <= 0 && precision - scale <= 18 => ColumnType::BigInteger,
        _ => ColumnType::Decimal,
    }
}

/// Precision and scale of `numeric(p, s)`; the scale may be negative.
fn digits(oid: i64, modifier: i32) -> (Option<i32>, Option<i32>) {
    if oid != 1700 || modifier < 4 {
        return (None, None);
    }
    let packed = modifier - 4;
    // Eleven bits with a sign.
    let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
    (Some((packed >> 16) & 0xffff), Some(scale))
}

/// The `n` of `char(n)` and `varchar(n)`.
fn length(oid: i64, modifier: i32) -> Option<u32> {
    if matches!(oid, 1042 | 1043) { u32::try_from(modifier - 4).ok() } else { None }
}

fn comment(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Hands every row to the table that its first column names.
fn each(
    found: &mut [Found],
    rows: &[PgRow],
    mut take: impl FnMut(&mut Found, &PgRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let places: HashMap<i64, usize> = found.iter().enumerate().map(|(at, table)| (table.oid, at)).collect();
    for row in rows {
        if let Some(at) = places.get(&get::<i64>(row, 0)?) {
            take(&mut found[*at], row)?;
        }
    }
    Ok(())
}

async fn rows(snapshot: &mut Snapshot, text: &str, parameters: &[Value]) -> Result<Vec<PgRow>, Error> {
    Ok(snapshot.fetch(&text.into(), parameters).await?.into_inner())
}

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Error>
where
    T: Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| Error::Database(format!("an unexpected catalog: {error}")))
}
