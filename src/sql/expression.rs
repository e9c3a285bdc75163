//! Operands as SQL: in the select list, in comparisons, in groups.

use super::{
    condition,
    parameter::Parameter,
    writer::{Alias, Writer},
};
use crate::{
    catalog::{CONCEALED, Cardinality, Column, ColumnId, ColumnType, Dialect, Relationship, RelationshipId},
    plan::{self, Error},
    predicate::{DatePart, JsonPath, Operand, Predicate, Segment},
    value::Value,
};

/// An operand as it is selected: in a form that the driver's decoders know.
pub(super) fn selected(w: &mut Writer<'_>, alias: Alias, operand: &Operand) -> Result<(), Error> {
    match operand {
        Operand::Column(id) | Operand::Way(_, id) => {
            selected_column(w, alias, w.column_of(alias, *id));
            Ok(())
        }
        Operand::JsonPath(id, path) => json_at(w, alias, *id, path),
        Operand::Masked(operand, rows) => masked(w, alias, rows, |w| selected(w, alias, operand)),
        Operand::Part(..) | Operand::JsonLength(_) | Operand::Count(..) | Operand::Concealed(_) => {
            compared(w, alias, operand)
        }
    }
}

fn selected_column(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    match (w.dialect(), &column.column_type) {
        (Dialect::Postgres, ColumnType::Geometry) => wrap(w, "ST_AsGeoJSON(", alias, column.id, ")::text"),
        (Dialect::MySql, ColumnType::Geometry) => wrap(w, "ST_AsGeoJSON(", alias, column.id, ")"),
        (Dialect::Postgres, ColumnType::Other) => postgres_text(w, alias, column),
        (Dialect::Postgres, ColumnType::Array(element)) if **element == ColumnType::Other => {
            // By way of the whole array's text, because a cast of each `inet`
            // would write a mask that the server does not show.
            wrap(w, "", alias, column.id, if column.declared == "inet[]" { "::text::text[]" } else { "::text[]" });
        }
        (Dialect::MySql, ColumnType::Other) if bits(column).is_some() => bit_text(w, alias, column),
        _ => w.column(alias, column.id),
    }
}

/// A column's text as the server shows it; a cast of `inet` would write a mask
/// that the address has not.
pub(super) fn postgres_text(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    match column.declared.as_str() {
        "inet" => wrap(w, "textin(inet_out(", alias, column.id, "))"),
        _ => wrap(w, "", alias, column.id, "::text"),
    }
}

/// A column as it is sorted by: as it is stored, so that its index can be
/// used, unless its type has no order.
pub(super) fn sorted(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    const WITHOUT_ORDER: [&str; 9] = ["json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"];
    let element = column.declared.trim_end_matches("[]");
    if w.dialect() == Dialect::Postgres && WITHOUT_ORDER.contains(&element) {
        wrap(w, "", alias, column.id, "::text");
    } else {
        w.column(alias, column.id);
    }
}

/// The length of a MySQL `bit(n)`.
fn bits(column: &Column) -> Option<&str> {
    column.declared.strip_prefix("bit(")?.strip_suffix(')')
}

fn bit_text(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    wrap(w, "LPAD(BIN(", alias, column.id, "), ");
    let length = bits(column).and_then(|text| text.parse::<i64>().ok()).unwrap_or(64);
    w.number(length);
    w.push(", '0')");
}

pub(super) fn wrap(w: &mut Writer<'_>, before: &str, alias: Alias, column: ColumnId, after: &str) {
    w.push(before);
    w.column(alias, column);
    w.push(after);
}

/// An operand as it is compared and sorted by.
pub(super) fn compared(w: &mut Writer<'_>, alias: Alias, operand: &Operand) -> Result<(), Error> {
    match operand {
        Operand::Column(id) | Operand::Way(_, id) => {
            compared_column(w, alias, w.column_of(alias, *id));
            Ok(())
        }
        Operand::Part(part, id) => {
            date_part(w, alias, w.column_of(alias, *id), *part);
            Ok(())
        }
        Operand::JsonLength(id) => {
            json_length(w, alias, w.column_of(alias, *id));
            Ok(())
        }
        Operand::JsonPath(id, path) => json_text(w, alias, *id, path),
        Operand::Count(relationship, visible) => count(w, alias, *relationship, visible),
        Operand::Concealed(id) => {
            wrap(w, "(CASE WHEN ", alias, *id, " IS NOT NULL THEN '");
            w.push(CONCEALED);
            w.push("' END)");
            Ok(())
        }
        Operand::Masked(operand, rows) => masked(w, alias, rows, |w| compared(w, alias, operand)),
    }
}

/// `CASE WHEN … THEN … END`
fn masked<'a>(
    w: &mut Writer<'a>,
    alias: Alias,
    rows: &Predicate,
    write: impl FnOnce(&mut Writer<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    w.push("CASE WHEN ");
    condition::condition(w, alias, rows)?;
    w.push(" THEN ");
    write(w)?;
    w.push(" END");
    Ok(())
}

fn compared_column(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    let id = column.id;
    match (w.dialect(), &column.column_type) {
        // Whatever is stored in a SQLite date column meets in one spelling.
        (Dialect::Sqlite, ColumnType::Timestamp) => wrap(w, "tidegate_instant(", alias, id, ")"),
        (Dialect::Sqlite, ColumnType::DateTime) => wrap(w, "tidegate_wall(", alias, id, ")"),
        (Dialect::Sqlite, ColumnType::Date) => wrap(w, "tidegate_date(", alias, id, ")"),
        (Dialect::Sqlite, ColumnType::Time) => wrap(w, "tidegate_time(", alias, id, ")"),
        (Dialect::Sqlite, ColumnType::Boolean) => {
            // What is shown as neither true nor false is neither here.
            wrap(w, "(CASE WHEN typeof(", alias, id, ") IN ('integer', 'real') THEN ");
            wrap(w, "", alias, id, " <> 0 WHEN typeof(");
            wrap(w, "", alias, id, ") = 'text' THEN CASE WHEN lower(");
            wrap(w, "", alias, id, ") IN ('true', 't', '1') THEN 1 WHEN lower(");
            wrap(w, "", alias, id, ") IN ('false', 'f', '0') THEN 0 END END)");
        }
        (Dialect::MySql, ColumnType::Boolean) => wrap(w, "(", alias, id, " <> 0)"),
        // A column may be declared to ignore case.
        (Dialect::Sqlite, ColumnType::Text) => wrap(w, "", alias, id, " COLLATE BINARY"),
        (Dialect::Sqlite, ColumnType::Other) => wrap(w, "CAST(", alias, id, " AS TEXT)"),
        (Dialect::Postgres, ColumnType::Other) if column.allowed.is_empty() => postgres_text(w, alias, column),
        // A domain of an enum has no operators of its own; of an enum itself
        // the cast is nothing.
        (Dialect::Postgres, ColumnType::Other) => {
            w.column(alias, id);
            w.push("::");
            w.push(&column.declared);
        }
        (Dialect::Postgres, ColumnType::Array(_)) => wrap(w, "array_to_string(", alias, id, ", ',')"),
        (Dialect::MySql, ColumnType::Other) if bits(column).is_some() => bit_text(w, alias, column),
        _ => w.column(alias, id),
    }
}

/// An operand that rows are grouped by and told apart by. Types without an
/// equality of their own are taken by their text.
pub(super) fn grouped(w: &mut Writer<'_>, alias: Alias, operand: &Operand) -> Result<(), Error> {
    if let Operand::Masked(operand, rows) = operand {
        return masked(w, alias, rows, |w| grouped(w, alias, operand));
    }
    let Operand::Column(id) = operand else { return compared(w, alias, operand) };
    let column = w.column_of(alias, *id);
    match (w.dialect(), &column.column_type) {
        (Dialect::Postgres, ColumnType::Json) => wrap(w, "", alias, *id, "::text"),
        (Dialect::Postgres, ColumnType::Array(element)) if **element == ColumnType::Json => {
            wrap(w, "", alias, *id, "::text[]");
        }
        // Collations that ignore case or accents would throw texts together.
        (Dialect::MySql, ColumnType::Text) => {
            wrap(w, "CAST(CONVERT(", alias, *id, " USING utf8mb4) AS BINARY)");
        }
        // One day may be stored in several spellings.
        (Dialect::Sqlite, column_type) if column_type.is_temporal() => compared_column(w, alias, column),
        _ => selected_column(w, alias, column),
    }
    Ok(())
}

fn date_part(w: &mut Writer<'_>, alias: Alias, column: &Column, part: DatePart) {
    match w.dialect() {
        Dialect::Postgres => postgres_date_part(w, alias, column, part),
        Dialect::MySql => {
            let (before, after) = match part {
                DatePart::Year => ("YEAR(", ")"),
                DatePart::Month => ("MONTH(", ")"),
                DatePart::Week => ("WEEK(", ", 3)"),
                DatePart::Day => ("DAY(", ")"),
                DatePart::Weekday => ("(DAYOFWEEK(", ") - 1)"),
                DatePart::Hour => ("HOUR(", ")"),
                DatePart::Minute => ("MINUTE(", ")"),
                DatePart::Second => ("SECOND(", ")"),
            };
            wrap(w, before, alias, column.id, after);
        }
        Dialect::Sqlite => {
            let format = match part {
                DatePart::Year => "%Y",
                DatePart::Month => "%m",
                DatePart::Week => "%V",
                DatePart::Day => "%d",
                DatePart::Weekday => "%w",
                DatePart::Hour => "%H",
                DatePart::Minute => "%M",
                DatePart::Second => "%S",
            };
            w.push("CAST(strftime('");
            w.push(format);
            w.push("', ");
            compared_column(w, alias, column);
            w.push(") AS INTEGER)");
        }
    }
}

/// Infinite dates have no parts; without the guard the whole statement fails.
fn postgres_date_part(w: &mut Writer<'_>, alias: Alias, column: &Column, part: DatePart) {
    let field = match part {
        DatePart::Weekday => "dow",
        other => other.name(),
    };
    let guarded = column.column_type != ColumnType::Time;
    if guarded {
        wrap(w, "(CASE WHEN isfinite(", alias, column.id, ") THEN ");
    }
    w.push("floor(extract(");
    w.push(field);
    wrap(w, " FROM ", alias, column.id, "))::int4");
    if guarded {
        w.push(" END)");
    }
}

/// The length of an array; 0 for any other document, null for null.
fn json_length(w: &mut Writer<'_>, alias: Alias, column: &Column) {
    let id = column.id;
    match w.dialect() {
        Dialect::Postgres => {
            let kind = json_kind(column);
            w.push("(CASE WHEN ");
            w.push(kind);
            wrap(w, "_typeof(", alias, id, ") = 'array' THEN ");
            w.push(kind);
            wrap(w, "_array_length(", alias, id, ") ");
        }
        Dialect::MySql => {
            wrap(w, "(CASE WHEN JSON_TYPE(", alias, id, ") = 'ARRAY' THEN JSON_LENGTH(");
            wrap(w, "", alias, id, ") ");
        }
        Dialect::Sqlite => {
            wrap(w, "(CASE WHEN json_valid(", alias, id, ") AND json_type(");
            wrap(w, "", alias, id, ") = 'array' THEN json_array_length(");
            wrap(w, "", alias, id, ") ");
        }
    }
    wrap(w, "WHEN ", alias, id, " IS NOT NULL THEN 0 END)");
}

fn json_kind(column: &Column) -> &'static str {
    if column.declared == "json" { "json" } else { "jsonb" }
}

/// What lies under a path, as JSON.
fn json_at(w: &mut Writer<'_>, alias: Alias, id: ColumnId, path: &JsonPath) -> Result<(), Error> {
    match w.dialect() {
        Dialect::Postgres => {
            wrap(w, "(", alias, id, " #> ");
            postgres_path(w, path)?;
            w.push(")");
        }
        Dialect::MySql => {
            // To MySQL, what is no list is a list of itself.
            let firsts = path.0.iter().enumerate().filter(|(_, segment)| matches!(segment, Segment::Element(0)));
            let lists: Vec<&[Segment]> = firsts.map(|(at, _)| &path.0[..at]).collect();
            for (at, list) in lists.iter().enumerate() {
                wrap(
                    w,
                    if at == 0 { "(CASE WHEN JSON_TYPE(JSON_EXTRACT(" } else { " AND JSON_TYPE(JSON_EXTRACT(" },
                    alias,
                    id,
                    ", ",
                );
                path_text(w, list)?;
                w.push(")) = 'ARRAY'");
            }
            if !lists.is_empty() {
                w.push(" THEN ");
            }
            wrap(w, "JSON_EXTRACT(", alias, id, ", ");
            path_text(w, &path.0)?;
            w.push(if lists.is_empty() { ")" } else { ") END)" });
        }
        Dialect::Sqlite => {
            // A malformed document has nothing under any path.
            wrap(w, "(CASE WHEN json_valid(", alias, id, ") THEN ");
            wrap(w, "", alias, id, " -> ");
            path_text(w, &path.0)?;
            w.push(" END)");
        }
    }
    Ok(())
}

/// What lies under a path, as text; JSON's null is null.
fn json_text(w: &mut Writer<'_>, alias: Alias, id: ColumnId, path: &JsonPath) -> Result<(), Error> {
    match w.dialect() {
        Dialect::Postgres => {
            wrap(w, "(", alias, id, " #>> ");
            postgres_path(w, path)?;
            w.push(")");
        }
        Dialect::MySql => {
            w.push("(CASE WHEN JSON_TYPE(");
            json_at(w, alias, id, path)?;
            w.push(") <> 'NULL' THEN JSON_UNQUOTE(");
            json_at(w, alias, id, path)?;
            w.push(") END)");
        }
        Dialect::Sqlite => {
            wrap(w, "(CASE WHEN json_valid(", alias, id, ") THEN CASE json_type(");
            wrap(w, "", alias, id, ", ");
            path_text(w, &path.0)?;
            wrap(w, ") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(", alias, id, " ->> ");
            path_text(w, &path.0)?;
            w.push(" AS TEXT) END END)");
        }
    }
    Ok(())
}

/// What lies under a path, as a number; null for anything else.
pub(super) fn json_number(w: &mut Writer<'_>, alias: Alias, id: ColumnId, path: &JsonPath) -> Result<(), Error> {
    match w.dialect() {
        Dialect::Postgres => {
            w.push("(CASE WHEN ");
            w.push(json_kind(w.column_of(alias, id)));
            w.push("_typeof");
            json_at(w, alias, id, path)?;
            w.push(" = 'number' THEN ");
            json_text(w, alias, id, path)?;
            w.push("::numeric END)");
        }
        Dialect::MySql => {
            w.push("(CASE WHEN JSON_TYPE(");
            json_at(w, alias, id, path)?;
            w.push(") IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL') THEN CAST(JSON_UNQUOTE(");
            json_at(w, alias, id, path)?;
            w.push(") AS DECIMAL(65, 30)) END)");
        }
        Dialect::Sqlite => {
            wrap(w, "(CASE WHEN json_valid(", alias, id, ") AND json_type(");
            wrap(w, "", alias, id, ", ");
            path_text(w, &path.0)?;
            wrap(w, ") IN ('integer', 'real') THEN ", alias, id, " ->> ");
            path_text(w, &path.0)?;
            w.push(" END)");
        }
    }
    Ok(())
}

fn postgres_path(w: &mut Writer<'_>, path: &JsonPath) -> Result<(), Error> {
    let segments = path.0.iter().map(|segment| match segment {
        Segment::Member(name) => name.as_str().into(),
        Segment::Element(index) => index.to_string().into(),
    });
    w.placeholder(Parameter::Ready(Value::Texts(segments.collect())))
}

/// `$."a"[2]`, as MySQL and SQLite write it.
fn path_text(w: &mut Writer<'_>, segments: &[Segment]) -> Result<(), Error> {
    let mut text = "$".to_owned();
    for segment in segments {
        match segment {
            Segment::Member(name) => {
                text.push_str(".\"");
                text.push_str(&name.replace('\\', "\\\\").replace('"', "\\\""));
                text.push('"');
            }
            Segment::Element(index) => text.push_str(&format!("[{index}]")),
        }
    }
    w.placeholder(Parameter::Ready(Value::Text(text.into())))
}

/// `(SELECT COUNT(*) FROM … WHERE …)` over related rows.
fn count(w: &mut Writer<'_>, alias: Alias, id: RelationshipId, visible: &Predicate) -> Result<(), Error> {
    w.push("(SELECT COUNT(*) FROM ");
    let target = related_rows(w, alias, id)?;
    condition::and(w, target, visible)?;
    w.push(")");
    Ok(())
}

/// `child AS t1 WHERE t1.fk = t0.id`, through a junction if need be; returns
/// the target's alias.
pub(super) fn related_rows(w: &mut Writer<'_>, alias: Alias, id: RelationshipId) -> Result<Alias, Error> {
    let relationship = w.catalog.relationship(id);
    let target = w.alias(relationship.to);
    w.table(target);
    let near = match &relationship.cardinality {
        Cardinality::ManyToOne | Cardinality::OneToMany => target,
        Cardinality::ManyToMany { junction, junction_columns, target_columns } => {
            let between = w.alias(*junction);
            w.push(" JOIN ");
            w.table(between);
            w.push(" ON ");
            equal_columns(w, between, junction_columns, target, target_columns);
            between
        }
    };
    w.push(" WHERE ");
    linked(w, relationship, near, alias)?;
    Ok(target)
}

/// `t1.fk = t0.id`, for a row where a relationship starts, and the rows that it
/// leads to or the pairs on the way to them.
pub(super) fn linked(w: &mut Writer<'_>, relationship: &Relationship, near: Alias, from: Alias) -> Result<(), Error> {
    let Some(leads) = plan::leads(w.catalog, relationship.id) else {
        equal_columns(w, near, &relationship.to_columns, from, &relationship.from_columns);
        return Ok(());
    };
    // A key of any collection is a text, whatever type it has there.
    for (at, (key, own)) in relationship.to_columns.iter().zip(&relationship.from_columns).enumerate() {
        w.push(if at > 0 { " AND " } else { "" });
        let is_same = w.column_of(near, *key).column_type == w.column_of(from, *own).column_type;
        if !is_same {
            key_of_text(w, near, *key, from, *own);
        }
        match (is_same, w.dialect()) {
            (true, _) => w.column(near, *key),
            (false, Dialect::MySql) => wrap(w, "CAST(", near, *key, " AS CHAR)"),
            (false, Dialect::Postgres | Dialect::Sqlite) => wrap(w, "CAST(", near, *key, " AS TEXT)"),
        }
        w.push(" = ");
        w.column(from, *own);
    }
    condition::and(w, from, &leads)
}

/// `t1.id = t0.item AND `, with the text read as the key's type, and none where it
/// cannot be one: by this the database uses its index, and what follows says which
/// spelling a key has.
fn key_of_text(w: &mut Writer<'_>, near: Alias, key: ColumnId, from: Alias, text: ColumnId) {
    use ColumnType::{BigInteger, Integer, Uuid};
    let read = match (w.dialect(), &w.column_of(near, key).column_type) {
        (Dialect::Sqlite, Integer | BigInteger) => "CAST({} AS INTEGER)",
        (Dialect::Sqlite, Uuid) => "{}",
        // A text that is no number, and a number of more than 64 bits, are errors where something is written.
        (Dialect::MySql, Integer | BigInteger) => {
            "CASE WHEN {} REGEXP '^-?[0-9]{1,20}$' THEN CAST({} AS DECIMAL(20, 0)) END"
        }
        (Dialect::Postgres, Integer | BigInteger) => {
            "CASE WHEN {} ~ '^-?[0-9]{1,19}$' THEN CASE WHEN {}::numeric BETWEEN -9223372036854775808 AND \
             9223372036854775807 THEN {}::int8 END END"
        }
        (Dialect::Postgres, Uuid) => "CASE WHEN {} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN {}::uuid END",
        _ => return,
    };
    w.column(near, key);
    w.push(" = ");
    for (at, part) in read.split("{}").enumerate() {
        if at > 0 {
            w.column(from, text);
        }
        w.push(part);
    }
    w.push(" AND ");
}

/// `t1.a = t0.b AND …`
pub(super) fn equal_columns(w: &mut Writer<'_>, one: Alias, ones: &[ColumnId], other: Alias, others: &[ColumnId]) {
    for (at, (left, right)) in ones.iter().zip(others).enumerate() {
        if at > 0 {
            w.push(" AND ");
        }
        w.column(one, *left);
        w.push(" = ");
        w.column(other, *right);
    }
}
