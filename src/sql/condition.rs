//! Predicates as SQL conditions, with the same outcome on every database
//! (contract sections 5.2 to 5.5).

use serde_json::Value as Json;

use super::{
    expression::{self, compared, json_number, related_rows},
    keys,
    parameter::{Parameter, Pattern, PatternStyle},
    writer::{Alias, Writer, postgres_cast},
};
use crate::{
    catalog::{Column, ColumnType, Dialect},
    plan::{Error, Search},
    predicate::{ListTerm, Operand, Ordering, Place, Predicate, Quantifier, Related, Rounding, Target, Term, Test},
};

/// ` AND …`, or nothing for a predicate that always holds.
pub(super) fn and(w: &mut Writer<'_>, alias: Alias, predicate: &Predicate) -> Result<(), Error> {
    if predicate.is_always() {
        return Ok(());
    }
    w.push(" AND ");
    condition(w, alias, predicate)
}

/// A condition that can stand beside `AND`.
pub(super) fn condition(w: &mut Writer<'_>, alias: Alias, predicate: &Predicate) -> Result<(), Error> {
    match predicate {
        Predicate::All(parts) => joined(w, alias, parts, " AND ", "TRUE"),
        Predicate::Any(parts) => joined(w, alias, parts, " OR ", "FALSE"),
        Predicate::Compare(operand, test) => compare(w, alias, operand, test),
        Predicate::Related(related) => related_condition(w, alias, related),
    }
}

fn joined(w: &mut Writer<'_>, alias: Alias, parts: &[Predicate], between: &str, none: &str) -> Result<(), Error> {
    if parts.is_empty() {
        w.push(none);
        return Ok(());
    }
    w.push("(");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            w.push(between);
        }
        condition(w, alias, part)?;
    }
    w.push(")");
    Ok(())
}

/// Related rows by `EXISTS`, so that no row is multiplied. A left join's row
/// of nulls is the second half: no related row, and nulls would do.
fn related_condition(w: &mut Writer<'_>, alias: Alias, related: &Related) -> Result<(), Error> {
    // SQLite does not enforce foreign keys by itself, so there it is not the same.
    if w.dialect() != Dialect::Sqlite
        && let Some(predicate) = related.on_own_columns(w.catalog)
    {
        return condition(w, alias, &predicate);
    }
    let missing_will_do = related.nulls_will_do;
    w.push(match related.quantifier {
        Quantifier::None => "NOT EXISTS (SELECT 1 FROM ",
        Quantifier::Joined if missing_will_do => "(EXISTS (SELECT 1 FROM ",
        Quantifier::Joined | Quantifier::Some => "EXISTS (SELECT 1 FROM ",
    });
    let target = related_rows(w, alias, related.relationship)?;
    and(w, target, &related.predicate)?;
    and(w, target, &related.visible)?;
    w.push(")");
    if missing_will_do {
        w.push(" OR NOT EXISTS (SELECT 1 FROM ");
        let target = related_rows(w, alias, related.relationship)?;
        and(w, target, &related.visible)?;
        w.push("))");
    }
    Ok(())
}

fn compare(w: &mut Writer<'_>, alias: Alias, operand: &Operand, test: &Test) -> Result<(), Error> {
    let subject = Subject::new(w, alias, operand);
    match test {
        Test::Null(is_null) => subject.null(w, *is_null),
        Test::Empty(is_empty) => subject.empty(w, *is_empty),
        Test::Order(ordering, term) => subject.order(w, *ordering, term),
        Test::Between { negated, low, high } => {
            let (one, other, between) = match negated {
                false => (Ordering::GreaterOrEqual, Ordering::LessOrEqual, " AND "),
                true => (Ordering::Less, Ordering::Greater, " OR "),
            };
            w.push("(");
            subject.order(w, one, low)?;
            w.push(between);
            subject.order(w, other, high)?;
            w.push(")");
            Ok(())
        }
        Test::In { negated, terms } => subject.one_of(w, *negated, terms),
        Test::Pattern { place, insensitive, negated, term } => {
            if *negated {
                w.push("NOT ");
            }
            subject.pattern(w, *insensitive, term, *place, false)
        }
        Test::Intersects { bounds, negated, term } => {
            if *negated {
                w.push("NOT ");
            }
            subject.intersects(w, *bounds, term)
        }
    }
}

/// What a test looks at, and what it can be compared with.
struct Subject<'a> {
    alias: Alias,
    operand: &'a Operand,
    column: Option<&'a Column>,
}

impl<'a> Subject<'a> {
    fn new(w: &Writer<'a>, alias: Alias, operand: &'a Operand) -> Self {
        let column = match operand {
            Operand::Column(id) => Some(w.column_of(alias, *id)),
            Operand::Part(..)
            | Operand::JsonLength(_)
            | Operand::JsonPath(..)
            | Operand::Count(..)
            | Operand::Concealed(_)
            | Operand::Way(..)
            | Operand::Masked(..) => None,
        };
        Self { alias, operand, column }
    }

    fn target(&self, rounding: Rounding) -> Target {
        match (self.operand, self.column) {
            (_, Some(column)) => Target::of(column, rounding),
            (Operand::JsonPath(..), None) => Target::Text,
            (_, None) => Target::Integer(rounding),
        }
    }

    fn is_text(&self) -> bool {
        self.column.is_some_and(|column| column.column_type.is_textual())
    }

    /// Whether MySQL would compare it by a collation that may ignore case.
    fn is_collated(&self, w: &Writer<'_>) -> bool {
        w.dialect() == Dialect::MySql && (self.is_text() || matches!(self.operand, Operand::JsonPath(..)))
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        compared(w, self.alias, self.operand)
    }

    /// The operand as text.
    fn write_text(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match (w.dialect(), self.column) {
            (Dialect::Postgres, Some(column)) if column.column_type == ColumnType::Other => {
                expression::postgres_text(w, self.alias, column);
                Ok(())
            }
            _ => self.write(w),
        }
    }

    /// The operand's bytes, which no collation can confuse (MySQL).
    fn write_exact(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.push("CAST(CONVERT(");
        self.write(w)?;
        w.push(" USING utf8mb4) AS BINARY)");
        Ok(())
    }

    fn null(&self, w: &mut Writer<'_>, is_null: bool) -> Result<(), Error> {
        match self.column {
            // A value that cannot be compared is not the same as no value.
            Some(column) => w.column(self.alias, column.id),
            None => self.write(w)?,
        }
        w.push(if is_null { " IS NULL" } else { " IS NOT NULL" });
        Ok(())
    }

    fn empty(&self, w: &mut Writer<'_>, is_empty: bool) -> Result<(), Error> {
        w.push("(");
        self.null(w, is_empty)?;
        w.push(if is_empty { " OR " } else { " AND " });
        // MySQL's `=` takes blanks for nothing; SQLite's tells binary from text.
        let is_binary = self.column.is_some_and(|column| column.column_type == ColumnType::Binary);
        let by_length = w.dialect() == Dialect::MySql || (w.dialect() == Dialect::Sqlite && is_binary);
        w.push(if by_length { "OCTET_LENGTH(" } else { "" });
        self.write_text(w)?;
        w.push(match (by_length, is_empty) {
            (true, true) => ") = 0)",
            (true, false) => ") <> 0)",
            (false, true) => " = '')",
            (false, false) => " <> '')",
        });
        Ok(())
    }

    fn order(&self, w: &mut Writer<'_>, ordering: Ordering, term: &Term) -> Result<(), Error> {
        let rounding = match ordering {
            Ordering::Equal | Ordering::NotEqual => Rounding::Refuse,
            Ordering::Greater | Ordering::LessOrEqual => Rounding::Down,
            Ordering::GreaterOrEqual | Ordering::Less => Rounding::Up,
        };
        let target = self.target(rounding);
        if target == Target::GeoJson {
            return self.same_geometry(w, ordering, term);
        }
        let is_number = matches!(term, Term::Constant(json) if json.is_number());
        if let (Operand::JsonPath(id, path), true) = (self.operand, is_number) {
            json_number(w, self.alias, *id, path)?;
            w.push(symbol(ordering));
            return w.value(Parameter::Term(term.clone(), Target::Decimal), &Target::Decimal, None);
        }
        if self.is_collated(w) && matches!(ordering, Ordering::Equal | Ordering::NotEqual) {
            return self.exactly(w, ordering, term, &target);
        }
        self.write(w)?;
        w.push(symbol(ordering));
        self.operand(w, term, &target)
    }

    /// A value to compare with: a parameter, or a literal where the catalog
    /// lists it among the few that the column may have. Such a column is where
    /// planners need to know the value, and so few texts stay prepared.
    fn operand(&self, w: &mut Writer<'_>, term: &Term, target: &Target) -> Result<(), Error> {
        let listed = match (term, self.column) {
            (Term::Constant(Json::String(text)), Some(column)) if column.column_type.is_textual() => {
                column.allowed.iter().find(|allowed| *allowed == text)
            }
            _ => None,
        };
        match (listed, term, target) {
            (Some(allowed), ..) if w.literal(allowed) => Ok(()),
            (_, Term::Constant(Json::Bool(truth)), Target::Boolean) => {
                w.push(if *truth { "TRUE" } else { "FALSE" });
                Ok(())
            }
            _ => w.value(Parameter::Term(term.clone(), target.clone()), target, self.column),
        }
    }

    /// The first half finds the row by an index, the second by its exact text.
    fn exactly(&self, w: &mut Writer<'_>, ordering: Ordering, term: &Term, target: &Target) -> Result<(), Error> {
        w.push(if ordering == Ordering::Equal { "(" } else { "NOT (" });
        self.write(w)?;
        w.push(" = ");
        self.operand(w, term, target)?;
        w.push(" AND ");
        self.write_exact(w)?;
        w.push(" = ");
        self.operand(w, term, target)?;
        w.push(")");
        Ok(())
    }

    fn one_of(&self, w: &mut Writer<'_>, negated: bool, terms: &ListTerm) -> Result<(), Error> {
        let mut target = self.target(Rounding::Refuse);
        let numbers = matches!(terms, ListTerm::Terms(terms)
            if terms.iter().all(|term| matches!(term, Term::Constant(json) if json.is_number())));
        let is_number = matches!(self.operand, Operand::JsonPath(..)) && numbers;
        if is_number {
            target = Target::Decimal;
        }
        let collated = self.is_collated(w) && !is_number;
        w.push(match (negated, collated) {
            (true, true) => "NOT (",
            (false, true) => "(",
            _ => "",
        });
        match (self.operand, is_number) {
            (Operand::JsonPath(id, path), true) => json_number(w, self.alias, *id, path)?,
            _ => self.write(w)?,
        }
        list(w, negated && !collated, terms, &target, self.column)?;
        if collated {
            w.push(" AND ");
            self.write_exact(w)?;
            list(w, false, terms, &target, self.column)?;
            w.push(")");
        }
        Ok(())
    }

    /// `%` and `_` in the term are wildcards.
    fn pattern(
        &self,
        w: &mut Writer<'_>,
        insensitive: bool,
        term: &Term,
        place: Place,
        trim: bool,
    ) -> Result<(), Error> {
        let style = match (w.dialect(), insensitive) {
            (Dialect::Postgres | Dialect::MySql, _) => PatternStyle::LikeEscaped,
            (Dialect::Sqlite, true) => PatternStyle::Like,
            (Dialect::Sqlite, false) => PatternStyle::Glob,
        };
        let parameter = Parameter::Pattern(term.clone(), Pattern { place, style, trim });
        let (before, between, after) = match (w.dialect(), insensitive) {
            (Dialect::Postgres, true) => ("(lower(", ") LIKE lower(", "))"),
            (Dialect::Postgres, false) => ("(", " LIKE ", ")"),
            (Dialect::MySql, true) => ("(LOWER(CONVERT(", " USING utf8mb4)) COLLATE utf8mb4_bin LIKE LOWER(", "))"),
            (Dialect::MySql, false) => ("(CONVERT(", " USING utf8mb4) COLLATE utf8mb4_bin LIKE ", ")"),
            (Dialect::Sqlite, true) => ("(tidegate_lower(", ") LIKE tidegate_lower(", "))"),
            (Dialect::Sqlite, false) => ("(", " GLOB ", ")"),
        };
        w.push(before);
        self.write_text(w)?;
        w.push(between);
        w.placeholder(parameter)?;
        w.push(after);
        Ok(())
    }

    fn intersects(&self, w: &mut Writer<'_>, bounds: bool, term: &Term) -> Result<(), Error> {
        let (before, between, after) = match (w.dialect(), bounds) {
            (Dialect::Postgres, true) => ("(", " && ST_GeomFromGeoJSON(", "))"),
            (_, true) => ("MBRIntersects(", ", ST_GeomFromGeoJSON(", "))"),
            (_, false) => ("ST_Intersects(", ", ST_GeomFromGeoJSON(", "))"),
        };
        w.push(before);
        self.write(w)?;
        w.push(between);
        w.placeholder(Parameter::Term(term.clone(), Target::GeoJson))?;
        w.push(after);
        Ok(())
    }

    fn same_geometry(&self, w: &mut Writer<'_>, ordering: Ordering, term: &Term) -> Result<(), Error> {
        w.push(if ordering == Ordering::NotEqual { "NOT ST_Equals(" } else { "ST_Equals(" });
        self.write(w)?;
        w.push(", ST_GeomFromGeoJSON(");
        w.placeholder(Parameter::Term(term.clone(), Target::GeoJson))?;
        w.push("))");
        Ok(())
    }
}

fn symbol(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => " = ",
        Ordering::NotEqual => " <> ",
        Ordering::Less => " < ",
        Ordering::LessOrEqual => " <= ",
        Ordering::Greater => " > ",
        Ordering::GreaterOrEqual => " >= ",
    }
}

/// ` = ANY($1)`, ` IN (?, …)` or ` IN (SELECT value FROM json_each(?))`.
fn list(
    w: &mut Writer<'_>,
    negated: bool,
    terms: &ListTerm,
    target: &Target,
    column: Option<&Column>,
) -> Result<(), Error> {
    let parameter = Parameter::List(terms.clone(), target.clone());
    match w.dialect() {
        Dialect::Postgres => {
            w.push(if negated { " <> ALL(" } else { " = ANY(" });
            w.placeholder(parameter)?;
            w.push(&array_cast(target, column));
            w.push(")");
        }
        Dialect::MySql => {
            w.push(if negated { " NOT IN " } else { " IN " });
            w.placeholder_list(parameter);
        }
        Dialect::Sqlite => {
            w.push(if negated { " NOT IN (SELECT " } else { " IN (SELECT " });
            w.push(keys::sqlite_element(target));
            w.push(" FROM json_each(");
            w.placeholder(parameter)?;
            w.push("))");
        }
    }
    Ok(())
}

/// `::uuid[]`, the cast of a list to what its elements are compared with.
pub(super) fn array_cast(target: &Target, column: Option<&Column>) -> String {
    let element = postgres_cast(target, column);
    let element = element.as_deref().unwrap_or(match target {
        Target::Integer(_) => "int8",
        Target::Float | Target::Double => "float8",
        Target::Binary => "bytea",
        Target::Boolean => "bool",
        _ => "text",
    });
    format!("::{element}[]")
}

/// ` WHERE …`, or nothing when every row will do.
pub(super) fn where_clause(
    w: &mut Writer<'_>,
    alias: Alias,
    predicate: &Predicate,
    search: Option<&Search>,
) -> Result<(), Error> {
    match (predicate.is_always(), search) {
        (true, None) => Ok(()),
        (true, Some(search)) => {
            w.push(" WHERE ");
            found(w, alias, search)
        }
        (false, search) => {
            w.push(" WHERE ");
            condition(w, alias, predicate)?;
            and_search(w, alias, search)
        }
    }
}

/// ` AND …`: the text is found in one of the columns (contract 4.4).
pub(super) fn and_search(w: &mut Writer<'_>, alias: Alias, search: Option<&Search>) -> Result<(), Error> {
    let Some(search) = search else { return Ok(()) };
    w.push(" AND ");
    found(w, alias, search)
}

fn found(w: &mut Writer<'_>, alias: Alias, search: &Search) -> Result<(), Error> {
    if search.columns.is_empty() {
        w.push("FALSE");
        return Ok(());
    }
    w.push("(");
    for (at, (id, rows)) in search.columns.iter().enumerate() {
        if at > 0 {
            w.push(" OR ");
        }
        if !rows.is_always() {
            w.push("(");
            condition(w, alias, rows)?;
            w.push(" AND ");
        }
        let operand = Operand::Column(*id);
        let subject = Subject::new(w, alias, &operand);
        if subject.is_text() {
            subject.pattern(w, true, &search.term, Place::Inside, true)?;
        } else {
            searched(w, alias, w.column_of(alias, *id), &search.term)?;
        }
        if !rows.is_always() {
            w.push(")");
        }
    }
    w.push(")");
    Ok(())
}

/// A number or UUID; compared with null when the text is none.
fn searched(w: &mut Writer<'_>, alias: Alias, column: &Column, term: &Term) -> Result<(), Error> {
    let target = match Target::of(column, Rounding::Refuse) {
        Target::Float | Target::Double => Target::Decimal,
        other => other,
    };
    expression::wrap(w, "", alias, column.id, " = ");
    let (before, after) = match (w.dialect(), &target) {
        (Dialect::Postgres, Target::Integer(_)) => ("", "::int8"),
        (Dialect::Postgres, Target::Uuid) => ("", "::uuid"),
        (Dialect::Postgres, _) => ("", "::numeric"),
        (Dialect::MySql, Target::Integer(_)) => ("CAST(", " AS SIGNED)"),
        (Dialect::MySql, Target::Uuid) | (Dialect::Sqlite, Target::Uuid) => ("", ""),
        (Dialect::MySql, Target::Unsigned) => ("CAST(", " AS UNSIGNED)"),
        (Dialect::MySql, _) => ("CAST(", " AS DECIMAL(65, 30))"),
        (Dialect::Sqlite, _) => ("CAST(", " AS NUMERIC)"),
    };
    w.push(before);
    w.placeholder(Parameter::Searched(term.clone(), target))?;
    w.push(after);
    Ok(())
}
