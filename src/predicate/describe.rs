//! Predicates in words, for people who want to know why something may or may
//! not be seen. Nobody reads these texts back.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{ListTerm, Operand, Ordering, Place, Predicate, Quantifier, Related, Segment, Term, Test};
use crate::catalog::{Catalog, ColumnId, RelationshipId, Table};

/// A predicate on rows of a table, by the names that are served:
/// `status = "published" or author: (id = $CURRENT_USER)`. Always and never are
/// `all rows` and `no rows`.
pub fn describe(catalog: &Catalog, table: &Table, predicate: &Predicate) -> String {
    match predicate {
        predicate if predicate.is_always() => "all rows".to_owned(),
        Predicate::Any(parts) if parts.is_empty() => "no rows".to_owned(),
        predicate => Words { catalog }.predicate(table, predicate, false),
    }
}

#[derive(Clone, Copy)]
struct Words<'a> {
    catalog: &'a Catalog,
}

impl Words<'_> {
    fn predicate(self, table: &Table, predicate: &Predicate, is_part: bool) -> String {
        let joined = |parts: &[Predicate], word: &str, none: &str| match parts {
            [] => none.to_owned(),
            [single] => self.predicate(table, single, is_part),
            parts => {
                let parts: Vec<String> = parts.iter().map(|part| self.predicate(table, part, true)).collect();
                let text = parts.join(word);
                if is_part { format!("({text})") } else { text }
            }
        };
        match predicate {
            Predicate::All(parts) => joined(parts, " and ", "true"),
            Predicate::Any(parts) => joined(parts, " or ", "false"),
            Predicate::Compare(operand, test) => self.compare(table, operand, test),
            Predicate::Related(related) => self.related(related),
        }
    }

    fn related(self, related: &Related) -> String {
        let target = self.catalog.table(self.catalog.relationship(related.relationship).to);
        let quantifier = match related.quantifier {
            Quantifier::Joined => "",
            Quantifier::Some => "some ",
            Quantifier::None => "no ",
        };
        let field = relation(self.catalog, related.relationship);
        format!("{quantifier}{field}: ({})", self.predicate(target, &related.predicate, false))
    }

    fn compare(self, table: &Table, operand: &Operand, test: &Test) -> String {
        let subject = self.operand(table, operand);
        match test {
            Test::Null(true) => format!("{subject} is null"),
            Test::Null(false) => format!("{subject} is not null"),
            Test::Empty(true) => format!("{subject} is empty"),
            Test::Empty(false) => format!("{subject} is not empty"),
            Test::Order(ordering, value) => format!("{subject} {} {}", sign(*ordering), term(value)),
            Test::Between { negated, low, high } => {
                format!("{subject}{} between {} and {}", not(*negated), term(low), term(high))
            }
            Test::In { negated, terms } => format!("{subject}{} in {}", not(*negated), list(terms)),
            Test::Pattern { place, insensitive, negated, term: value } => {
                let place = match place {
                    Place::Inside => "contains",
                    Place::Start => "starts with",
                    Place::End => "ends with",
                };
                let case = if *insensitive { " in any case" } else { "" };
                format!("{subject}{} {place} {}{case}", not(*negated), term(value))
            }
            Test::Intersects { bounds, negated, term: value } => {
                let what = if *bounds { "meets the bounds of" } else { "meets" };
                format!("{subject}{} {what} {}", not(*negated), term(value))
            }
        }
    }

    fn operand(self, table: &Table, operand: &Operand) -> String {
        let field = |column: &ColumnId| table.column_field(*column).to_owned();
        match operand {
            Operand::Column(column) | Operand::Concealed(column) | Operand::Way(_, column) => field(column),
            Operand::Part(part, column) => format!("{}({})", part.name(), field(column)),
            Operand::JsonLength(column) => format!("count({})", field(column)),
            Operand::JsonPath(column, path) => path.0.iter().fold(field(column), |mut text, segment| {
                let written = match segment {
                    Segment::Member(name) => write!(text, ".{name}"),
                    Segment::Element(index) => write!(text, "[{index}]"),
                };
                written.expect("writing to memory does not fail");
                text
            }),
            Operand::Count(relationship, _) => format!("count({})", relation(self.catalog, *relationship)),
            Operand::Masked(operand, rows) => {
                format!("({} where {})", self.operand(table, operand), self.predicate(table, rows, false))
            }
        }
    }
}

fn relation(catalog: &Catalog, id: RelationshipId) -> String {
    let relationship = catalog.relationship(id);
    let field = catalog.way(id).map_or("", |field| &field.name);
    match &relationship.when {
        None => field.to_owned(),
        Some(_) => format!("{field}:{}", catalog.table(relationship.to).collection),
    }
}

fn not(negated: bool) -> &'static str {
    if negated { " not" } else { "" }
}

fn sign(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => "=",
        Ordering::NotEqual => "<>",
        Ordering::Less => "<",
        Ordering::LessOrEqual => "<=",
        Ordering::Greater => ">",
        Ordering::GreaterOrEqual => ">=",
    }
}

fn term(term: &Term) -> String {
    match term {
        // What stands for the caller or the time is no text.
        Term::Constant(Json::String(text)) if text.starts_with('$') => text.clone(),
        Term::Constant(json) => json.to_string(),
        Term::Variable(id) => format!("variable {}", id.0),
    }
}

fn list(terms: &ListTerm) -> String {
    match terms {
        ListTerm::Terms(terms) => format!("[{}]", terms.iter().map(term).collect::<Vec<_>>().join(", ")),
        ListTerm::Variable(id) => format!("variable {}", id.0),
    }
}
