//! From a client's filter to a predicate (contract sections 5.1 to 5.5).
//!
//! Both spellings of functions are understood: `date_func: {year: …}` as in
//! GraphQL and `year(date): …` as in REST.

use serde_json::Value as Json;

use super::{
    DatePart, Error, Input, JsonPath, ListTerm, Operand, Ordering, Predicate, Presence, Quantifier, Related, Term,
    Test, operator::Operator,
};
use crate::catalog::{Catalog, Column, ColumnType, FieldKind, RelationshipId, Table};

/// What a filter is read against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// Most segments of a path, its leaf included (`MAX_RELATIONAL_DEPTH`).
    pub max_depth: usize,
}

/// Reads a filter on rows of `table`; null and an absent variable are none.
///
/// # Errors
/// What is wrong with it, for the client.
pub fn parse(context: Context<'_>, table: &Table, input: &Input) -> Result<Predicate, Error> {
    let size = input.size();
    if size > MAX_MEMBERS {
        return Err(Error::Invalid(format!("a filter has at most {MAX_MEMBERS} members, not {size}")));
    }
    Parser { context, depth: 1 }.object(table, input)
}

/// Splits `year(date)` into its function and its field.
pub fn parse_function(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    Some((name, rest.strip_suffix(')')?))
}

/// Most members of all objects of a filter together. Databases have limits of
/// their own on how deep a condition may be, and answer less kindly.
const MAX_MEMBERS: usize = 500;

#[derive(Clone, Copy)]
struct Parser<'a> {
    context: Context<'a>,
    /// Segments of the path so far, the next one included.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn object(self, table: &Table, input: &Input) -> Result<Predicate, Error> {
        let members = match input {
            Input::Object(members) => members,
            Input::Scalar(Json::Null) | Input::Variable(_, Presence::Absent | Presence::Null) => {
                return Ok(Predicate::always());
            }
            Input::Scalar(_) | Input::List(_) | Input::Variable(..) => {
                return Err(Error::Invalid(format!("a filter on `{}` must be an object", table.collection)));
            }
        };
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            all.push(self.member(table, name, value)?);
        }
        Ok(simplified(all))
    }

    fn member(self, table: &Table, name: &str, value: &Input) -> Result<Predicate, Error> {
        match name {
            "_and" => Ok(simplified(self.each(table, value)?)),
            "_or" => any(self.each(table, value)?),
            _ => self.field(table, name, value),
        }
    }

    /// The members of `_and` and `_or`; a single object counts as a list of one.
    fn each(self, table: &Table, value: &Input) -> Result<Vec<Predicate>, Error> {
        match value {
            Input::List(items) => items.iter().map(|item| self.object(table, item)).collect(),
            single if single.is_null() || single.presence() == Presence::Absent => Ok(Vec::new()),
            single => Ok(vec![self.object(table, single)?]),
        }
    }

    fn field(self, table: &Table, name: &str, value: &Input) -> Result<Predicate, Error> {
        self.check_depth(self.depth)?;
        if let Some((function, field)) = parse_function(name) {
            return self.function(table, field, function, value);
        }
        let Some(field) = table.field(name) else {
            if let Some(relationship) = self.context.catalog.branch(table, name) {
                return self.joined(relationship, value);
            }
            let base = name.strip_suffix("_func").filter(|base| table.field(base).is_some());
            return match base {
                Some(base) => self.functions(table, base, value),
                None => Err(unknown(table, name)),
            };
        };
        match field.kind {
            FieldKind::Column(column) => self.column(table.column(column), value),
            FieldKind::ToOne(relationship, column) => match (value, column) {
                (Input::Object(members), _) if !members.keys().any(|key| Operator::from_name(key).is_some()) => {
                    self.joined(relationship, value)
                }
                (_, Some(column)) => self.column(table.column(column), value),
                (_, None) => self.joined(relationship, value),
            },
            FieldKind::ToMany(relationship) => self.to_many(relationship, value),
            FieldKind::ToAny(_, column) => self.column(table.column(column), value),
        }
    }

    fn check_depth(self, depth: usize) -> Result<(), Error> {
        if depth > self.context.max_depth {
            return Err(Error::Invalid(format!("a filter path has at most {} segments", self.context.max_depth)));
        }
        Ok(())
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn target(self, relationship: RelationshipId) -> &'a Table {
        self.context.catalog.table(self.context.catalog.relationship(relationship).to)
    }

    fn joined(self, relationship: RelationshipId, value: &Input) -> Result<Predicate, Error> {
        let inner = self.deeper().object(self.target(relationship), value)?;
        Ok(related(relationship, Quantifier::Joined, inner))
    }

    /// Plain members must hold for the same related row; `_and` and `_or`
    /// distribute outward; `_some` and `_none` stand for themselves.
    fn to_many(self, relationship: RelationshipId, value: &Input) -> Result<Predicate, Error> {
        let Input::Object(members) = value else { return self.joined(relationship, value) };
        let mut all = Vec::new();
        let mut plain = Vec::new();
        for (name, value) in members {
            let target = self.target(relationship);
            match name.as_str() {
                "_some" | "_none" => {
                    let inner = self.deeper().object(target, value)?;
                    let quantifier = if name == "_some" { Quantifier::Some } else { Quantifier::None };
                    all.push(related(relationship, quantifier, inner));
                }
                "_and" => all.push(simplified(self.distributed(relationship, value)?)),
                "_or" => all.push(any(self.distributed(relationship, value)?)?),
                _ => plain.push(self.deeper().member(target, name, value)?),
            }
        }
        all.push(related(relationship, Quantifier::Joined, simplified(plain)));
        Ok(simplified(all))
    }

    fn distributed(self, relationship: RelationshipId, value: &Input) -> Result<Vec<Predicate>, Error> {
        match value {
            Input::List(items) => items.iter().map(|item| self.to_many(relationship, item)).collect(),
            single if single.is_null() || single.presence() == Presence::Absent => Ok(Vec::new()),
            single => Ok(vec![self.to_many(relationship, single)?]),
        }
    }

    fn functions(self, table: &Table, base: &str, value: &Input) -> Result<Predicate, Error> {
        let Input::Object(members) = value else {
            return match value.presence() {
                Presence::Absent | Presence::Null => Ok(Predicate::always()),
                _ => Err(Error::Invalid(format!("`{base}_func` must be an object of functions"))),
            };
        };
        let parts = members.iter().map(|(function, value)| self.function(table, base, function, value));
        Ok(simplified(parts.collect::<Result<_, _>>()?))
    }

    fn function(self, table: &Table, field: &str, function: &str, value: &Input) -> Result<Predicate, Error> {
        self.check_depth(self.depth + 1)?;
        let operand = function_operand(table, field, function)?;
        self.operators(&operand, None, value)
    }

    fn column(self, column: &Column, value: &Input) -> Result<Predicate, Error> {
        self.operators(&Operand::Column(column.id), Some(column), value)
    }

    /// The operators on one operand; a value that is no object means `_eq`.
    /// `column` is there where the operand is a column itself.
    fn operators(self, operand: &Operand, column: Option<&Column>, value: &Input) -> Result<Predicate, Error> {
        let Input::Object(members) = value else {
            return test(operand, column, "_eq", Operator::Order(Ordering::Equal), value);
        };
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            let operator =
                Operator::from_name(name).ok_or_else(|| Error::Invalid(format!("there is no operator `{name}`")))?;
            all.push(match (operator, column) {
                (Operator::Json, Some(column)) if column.column_type == ColumnType::Json => self.json(column, value)?,
                _ => test(operand, column, name, operator, value)?,
            });
        }
        Ok(simplified(all))
    }

    /// `_json: {"color": {_eq: "red"}}`, with `_and` and `_or` (contract 5.4).
    fn json(self, column: &Column, value: &Input) -> Result<Predicate, Error> {
        let Input::Object(members) = value else {
            return match value.presence() {
                Presence::Absent => Ok(Predicate::always()),
                _ => Err(Error::Invalid("`_json` must be an object of paths".to_owned())),
            };
        };
        let mut all = Vec::with_capacity(members.len());
        for (path, value) in members {
            let listed = |value: &Input| match value {
                Input::List(items) => items.iter().map(|item| self.json(column, item)).collect(),
                single => Ok(vec![self.json(column, single)?]),
            };
            all.push(match path.as_str() {
                "_and" => simplified(listed(value)?),
                "_or" => any(listed(value)?)?,
                _ => self.operators(&Operand::JsonPath(column.id, JsonPath::parse(path)?), None, value)?,
            });
        }
        Ok(simplified(all))
    }
}

/// The operand that a function of a field is.
///
/// # Errors
/// When there is no such field, or the function does not suit it.
pub(crate) fn function_operand(table: &Table, field: &str, function: &str) -> Result<Operand, Error> {
    let found = table.field(field).ok_or_else(|| unknown(table, field))?;
    let unsuited = || Error::Invalid(format!("the function `{function}` cannot be used on `{field}`"));
    let FieldKind::Column(id) = found.kind else {
        return match found.kind {
            FieldKind::ToMany(relationship) if function == "count" => {
                Ok(Operand::Count(relationship, Box::new(Predicate::always())))
            }
            _ => Err(unsuited()),
        };
    };
    let column_type = &table.column(id).column_type;
    if *column_type == ColumnType::Json && function == "count" {
        return Ok(Operand::JsonLength(id));
    }
    let part = DatePart::from_name(function).ok_or_else(unsuited)?;
    let suits = match column_type {
        ColumnType::Timestamp | ColumnType::DateTime => true,
        ColumnType::Date => part.is_of_date(),
        ColumnType::Time => !part.is_of_date(),
        _ => false,
    };
    suits.then_some(Operand::Part(part, id)).ok_or_else(unsuited)
}

fn unknown(table: &Table, field: &str) -> Error {
    Error::UnknownField { collection: table.collection.clone(), field: field.to_owned() }
}

fn related(relationship: RelationshipId, quantifier: Quantifier, inner: Predicate) -> Predicate {
    // `_some: {}`, `_none: {}` and `author: {}` are no conditions (contract 5.2, 5.5).
    if inner.is_always() {
        return Predicate::always();
    }
    let nulls_will_do = quantifier == Quantifier::Joined && inner.holds_for_missing_row();
    Predicate::Related(Related {
        relationship,
        quantifier,
        nulls_will_do,
        predicate: Box::new(inner),
        visible: Box::new(Predicate::always()),
    })
}

fn simplified(mut all: Vec<Predicate>) -> Predicate {
    all.retain(|predicate| !predicate.is_always());
    if all.len() == 1 { all.remove(0) } else { Predicate::All(all) }
}

/// An empty `_or` is no condition.
fn any(mut any: Vec<Predicate>) -> Result<Predicate, Error> {
    Ok(match any.len() {
        0 => Predicate::always(),
        1 => any.remove(0),
        _ => Predicate::Any(any),
    })
}

/// One operator on one operand.
fn test(
    operand: &Operand,
    column: Option<&Column>,
    name: &str,
    operator: Operator,
    value: &Input,
) -> Result<Predicate, Error> {
    let mut presence = value.presence();
    if presence == Presence::Absent {
        return Ok(Predicate::always());
    }
    let is_text = column.is_some_and(|column| column.column_type.is_textual())
        || matches!(operand, Operand::JsonPath(..))
        || column.is_some_and(|column| matches!(column.column_type, ColumnType::Array(_)));
    if presence == Presence::NullText {
        presence = if is_text { Presence::Present } else { Presence::Null };
    }
    check_suits(operand, column, name, operator)?;
    let needs_value = || Error::Invalid(format!("`{name}` needs a value"));
    if presence == Presence::EmptyText && !matches!(operator, Operator::Null { .. } | Operator::Empty { .. }) {
        return Err(Error::Invalid(format!("`{name}` does not take an empty text; `_empty` finds those")));
    }
    let test = match operator {
        Operator::Null { negated } => Test::Null(truth(name, value)? != negated),
        Operator::Empty { negated } => Test::Empty(truth(name, value)? != negated),
        Operator::Order(Ordering::Equal) if presence == Presence::Null => Test::Null(true),
        Operator::Order(Ordering::NotEqual) if presence == Presence::Null => Test::Null(false),
        _ if presence == Presence::Null => return Err(needs_value()),
        Operator::Order(ordering) => Test::Order(ordering, term(name, value)?),
        Operator::In { negated } => return in_list(operand, name, negated, value, presence),
        Operator::Between { negated } => {
            let (low, high) = pair(name, value)?;
            Test::Between { negated, low, high }
        }
        Operator::Pattern { place, insensitive, negated } => {
            Test::Pattern { place, insensitive, negated, term: term(name, value)? }
        }
        Operator::Intersects { bounds, negated } => {
            let geometry = Term::Constant(json(value).ok_or_else(needs_value)?);
            Test::Intersects { bounds, negated, term: geometry }
        }
        Operator::Json => return Err(Error::Invalid("`_json` can only be used on JSON fields".to_owned())),
    };
    let is_geometry = column.is_some_and(|column| column.column_type == ColumnType::Geometry);
    if let (Test::Order(ordering, _), true) = (&test, is_geometry) {
        let geometry = Term::Constant(json(value).ok_or_else(needs_value)?);
        return Ok(Predicate::Compare(operand.clone(), Test::Order(*ordering, geometry)));
    }
    Ok(Predicate::Compare(operand.clone(), test))
}

/// `_nin` with a null in its list matches nothing, as in SQL; `_in` looks at the rest.
fn in_list(
    operand: &Operand,
    name: &str,
    negated: bool,
    value: &Input,
    presence: Presence,
) -> Result<Predicate, Error> {
    let terms = match value {
        Input::List(items) => {
            let terms = items.iter().filter(|item| item.presence() != Presence::Absent);
            ListTerm::Terms(terms.map(|item| term(name, item)).collect::<Result<_, _>>()?)
        }
        Input::Variable(id, _) => ListTerm::Variable(*id),
        Input::Scalar(Json::String(text)) => {
            ListTerm::Terms(text.split(',').map(|part| Term::Constant(Json::String(part.to_owned()))).collect())
        }
        single => ListTerm::Terms(vec![term(name, single)?]),
    };
    if presence == Presence::EmptyList || matches!(&terms, ListTerm::Terms(terms) if terms.is_empty()) {
        return Err(Error::Invalid(format!("`{name}` needs at least one value")));
    }
    if negated && presence == Presence::ListWithNull {
        return Ok(Predicate::Any(Vec::new()));
    }
    Ok(Predicate::Compare(operand.clone(), Test::In { negated, terms }))
}

fn truth(name: &str, value: &Input) -> Result<bool, Error> {
    match value {
        Input::Scalar(Json::Bool(truth)) => Ok(*truth),
        // `_null: null` counts as true (contract 5.2).
        value if value.is_null() => Ok(true),
        Input::Scalar(Json::String(text)) if text == "true" || text.is_empty() => Ok(true),
        Input::Scalar(Json::String(text)) if text == "false" => Ok(false),
        _ => Err(Error::Invalid(format!("`{name}` takes true or false"))),
    }
}

fn term(name: &str, value: &Input) -> Result<Term, Error> {
    match value {
        Input::Variable(id, _) => Ok(Term::Variable(*id)),
        Input::Scalar(json) => Ok(Term::Constant(json.clone())),
        Input::List(items) if items.len() == 1 => term(name, &items[0]),
        Input::List(_) | Input::Object(_) => Err(Error::Invalid(format!("`{name}` takes one value"))),
    }
}

fn pair(name: &str, value: &Input) -> Result<(Term, Term), Error> {
    let exactly_two = || Error::Invalid(format!("`{name}` takes exactly two values"));
    let texts;
    let items = match value {
        Input::List(items) => items.as_slice(),
        Input::Scalar(Json::String(text)) => {
            texts = text.split(',').map(|part| Input::Scalar(part.into())).collect::<Vec<_>>();
            &texts
        }
        _ => return Err(exactly_two()),
    };
    let [low, high] = items else { return Err(exactly_two()) };
    if low.is_null() || high.is_null() {
        return Err(exactly_two());
    }
    Ok((term(name, low)?, term(name, high)?))
}

/// The value as JSON, where it holds no variable.
fn json(value: &Input) -> Option<Json> {
    Some(match value {
        Input::Scalar(json) => json.clone(),
        Input::List(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        Input::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), json(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
        Input::Variable(..) => return None,
    })
}

/// Whether an operator makes sense on an operand.
fn check_suits(operand: &Operand, column: Option<&Column>, name: &str, operator: Operator) -> Result<(), Error> {
    use Operator as Op;
    let equality = matches!(operator, Op::Order(Ordering::Equal | Ordering::NotEqual) | Op::In { .. });
    let order = matches!(operator, Op::Order(_) | Op::Between { .. });
    let text = matches!(operator, Op::Pattern { .. } | Op::Empty { .. });
    let null = matches!(operator, Op::Null { .. });
    let suits = match (operand, column.map(|column| &column.column_type)) {
        (Operand::JsonPath(..), _) => equality || order || text || null,
        (_, None) => equality || order || null,
        (_, Some(ColumnType::Text | ColumnType::Csv | ColumnType::Other | ColumnType::Array(_))) => {
            equality || order || text || null
        }
        (_, Some(ColumnType::Binary)) => equality || null || matches!(operator, Op::Empty { .. }),
        (_, Some(ColumnType::Uuid | ColumnType::Boolean)) => equality || null,
        (_, Some(ColumnType::Json)) => null,
        (_, Some(ColumnType::Geometry)) => {
            null || matches!(operator, Op::Order(Ordering::Equal | Ordering::NotEqual) | Op::Intersects { .. })
        }
        (_, Some(_)) => equality || order || null,
    };
    if suits {
        return Ok(());
    }
    let field = column.map_or("a function", |column| column.name.as_str());
    Err(Error::Invalid(format!("`{name}` cannot be used on `{field}`")))
}
