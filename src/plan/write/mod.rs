//! What is to be written of one row: a payload held against the caller's
//! access and taken apart into columns, related rows and keys.
//!
//! Pure. Hooks have had their say before; the database has its say later, and
//! finds nothing that could have been refused here.

mod value;

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::{
    catalog::{Catalog, Column, ColumnId, ColumnType, FieldKind, Relationship, RelationshipId, Table},
    permissions::{
        Access, Right,
        validation::{self, Broken},
    },
    predicate::{Bindings, Rounding, Target},
    value::{Key, Value},
};

/// A payload as clients and hooks write it.
pub type Payload = Map<String, Json>;

/// A payload as it is handed in: a request keeps its own, which may be large.
pub type Given<'p> = Cow<'p, Payload>;

/// A row's key, in the order of [`Table::key`].
pub type RowKey = Vec<Key>;

/// Whether rows are made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteAction {
    /// A row is made.
    Create,
    /// A row is changed; its key stays.
    Update,
}

/// One row's worth of writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Values for columns of the row itself.
    pub columns: Vec<(ColumnId, Value)>,
    /// Rows that the row is to point to, which come first.
    pub to_one: Vec<ToOne>,
    /// Rows that are to point to the row, which come last.
    pub to_many: Vec<ToMany>,
    /// The fields that the caller gave, where that matters: a row can be changed
    /// only if each of them may be.
    pub fields: Vec<String>,
}

/// A row that is to be pointed to: linked, updated or created.
#[derive(Clone, Debug, PartialEq)]
pub struct ToOne {
    /// The way there.
    pub relationship: RelationshipId,
    /// The field that said so.
    pub field: String,
    /// The other row.
    pub payload: Payload,
    /// Whether the row's own columns are set: not where they are its key.
    pub links: bool,
}

/// The complete new set of rows that point here.
#[derive(Clone, Debug, PartialEq)]
pub struct ToMany {
    /// The way there.
    pub relationship: RelationshipId,
    /// The field that said so.
    pub field: String,
    /// The rows; those that are not among them are let go.
    pub payloads: Vec<Payload>,
}

/// Why a payload cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// There is no such thing, or no right to it: not told apart.
    #[error("You don't have permission to access this.{}", .0.as_ref().map(|reason| format!(" {reason}.")).unwrap_or_default())]
    Forbidden(Option<String>),
    /// The payload makes no sense.
    #[error("Invalid payload. {0}.")]
    Payload(String),
    /// A value breaks a rule of its field.
    #[error("Validation failed for field \"{field}\". {rule}.")]
    Validation {
        /// The field.
        field: String,
        /// The relations that lead to it, outermost first.
        path: Vec<String>,
        /// The rule.
        rule: Rule,
    },
    /// A text is longer than its column allows.
    #[error("Value for field \"{field}\" in collection \"{collection}\" is too long.")]
    TooLong {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
        /// What was given, shortened.
        value: Box<Json>,
    },
    /// A number is beyond what its column can hold.
    #[error("Value for field \"{field}\" in collection \"{collection}\" is out of range.")]
    OutOfRange {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
        /// What was given.
        value: Box<Json>,
    },
}

/// A rule that a value can break, by the names of the contract (`graphql.md` 2.2).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rule {
    /// A value must be given.
    #[error("Value is required")]
    Required,
    /// Null is no value here.
    #[error("Value can't be null")]
    NotNull,
    /// One of these and no other.
    #[error("Value has to be one of {}", .0.join(", "))]
    OneOf(Vec<String>),
    /// The database's own rule, by its name there.
    #[error("Value breaks the rule \"{0}\"")]
    Check(String),
    /// A rule of the caller's permissions.
    #[error("Value breaks the rule \"{kind}\"")]
    Permission {
        /// What it says.
        kind: &'static str,
        /// What would have been right (`valid`), is wrong (`invalid`) or had to be
        /// in it (`substring`).
        detail: Option<Box<(&'static str, Json)>>,
    },
}

impl Rule {
    /// `extensions.type`
    pub fn name(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::NotNull => "nnull",
            Self::OneOf(_) => "in",
            Self::Check(_) => "check",
            Self::Permission { kind, .. } => kind,
        }
    }
}

impl Fault {
    /// The same fault, met while a relation was followed.
    #[must_use]
    pub fn within(mut self, relation: &str) -> Self {
        if let Self::Validation { path, .. } = &mut self {
            path.insert(0, relation.to_owned());
        }
        self
    }

    pub(crate) fn unknown_field(table: &Table, field: &str) -> Self {
        Self::Forbidden(Some(format!("no field `{field}` in `{}`, or no permission to use it", table.collection)))
    }

    fn broken(table: &Table, column: &Column, rule: Rule) -> Self {
        Self::Validation { field: table.column_field(column.id).to_owned(), path: Vec::new(), rule }
    }
}

impl Draft {
    /// Takes a payload apart, what the caller's rules preset in it: which may be
    /// fields that the caller may not give.
    ///
    /// # Errors
    /// The first thing in it that may not be written, or not so.
    pub fn new(
        catalog: &Catalog,
        access: &Access,
        table: &Table,
        action: WriteAction,
        payload: Given<'_>,
        bindings: &Bindings<'_>,
    ) -> Result<Self, Fault> {
        let right = match action {
            WriteAction::Create => access.create(table.id),
            WriteAction::Update => access.update(table.id),
        };
        let right = right.ok_or_else(|| forbidden(table))?;
        let presets: Payload = right
            .presets()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !payload.contains_key(*name))
            .map(|(name, value)| (name.clone(), bindings.filled_in(value)))
            .collect();
        check(table, right, &payload, &presets, bindings)?;
        let mut draft = Self { columns: Vec::with_capacity(payload.len() + presets.len()), ..Self::default() };
        if !right.is_everything() {
            let is_key = |name: &&String| table.key.iter().any(|column| table.column_field(*column) == name.as_str());
            draft.fields = payload.keys().filter(|name| !is_key(name)).cloned().collect();
            // A relation without a column of its own sets those that it is made of.
            for field in payload.keys().filter_map(|name| table.field(name)) {
                if let FieldKind::ToOne(relationship, None) = field.kind {
                    let columns = catalog.relationship(relationship).from_columns.iter();
                    draft.fields.extend(columns.map(|column| table.column_field(*column).to_owned()));
                }
            }
            draft.fields.sort_unstable();
            draft.fields.dedup();
        }
        let everything = Access::full();
        if let Some(right) = everything.create(table.id) {
            for (name, json) in presets {
                draft.take(catalog, table, right, action, Cow::Owned(name), Cow::Owned(json))?;
            }
        }
        let mut take = |name, json| draft.take(catalog, table, right, action, name, json);
        match payload {
            Cow::Borrowed(payload) => {
                payload.iter().try_for_each(|(name, json)| take(Cow::Borrowed(&**name), Cow::Borrowed(json)))?;
            }
            Cow::Owned(payload) => {
                payload.into_iter().try_for_each(|(name, json)| take(Cow::Owned(name), Cow::Owned(json)))?;
            }
        }
        Ok(draft)
    }

    /// Takes one member of a payload; what is not kept is not copied.
    fn take(
        &mut self,
        catalog: &Catalog,
        table: &Table,
        right: Right<'_>,
        action: WriteAction,
        name: Cow<'_, str>,
        json: Cow<'_, Json>,
    ) -> Result<(), Fault> {
        let field = table.field(&name).filter(|_| right.allows(&name));
        let kind = field.ok_or_else(|| Fault::unknown_field(table, &name))?.kind;
        // A key is given with the request; what stands in the payload says nothing.
        let is_key = |column: &ColumnId| action == WriteAction::Update && table.key.contains(column);
        match (kind, json) {
            (FieldKind::Column(column) | FieldKind::ToAny(_, column), _) if is_key(&column) => {}
            (FieldKind::Column(column), json) => {
                check_collection(catalog, table, column, &json)?;
                self.set(table, column, &json)?;
            }
            // A key alone can be given, whatever type it has where it leads.
            (FieldKind::ToAny(_, column), json) => match (&*json, &table.column(column).column_type) {
                (Json::Number(number), ColumnType::Text) => self.set(table, column, &number.to_string().into())?,
                (json, _) => self.set(table, column, json)?,
            },
            (FieldKind::ToOne(relationship, own), json) if json.is_object() => {
                if own.is_none() {
                    let columns = &catalog.relationship(relationship).from_columns;
                    check_links(table, &name, right, columns)?;
                }
                let links = !own.is_some_and(|column| is_key(&column));
                let Json::Object(payload) = json.into_owned() else { unreachable!("looked at above") };
                self.to_one.push(ToOne { relationship, field: name.into_owned(), payload, links });
            }
            (FieldKind::ToOne(_, Some(column)), _) if is_key(&column) => {}
            (FieldKind::ToOne(_, Some(column)), json) => self.set(table, column, &json)?,
            (FieldKind::ToOne(relationship, None), json) if json.is_null() => {
                let columns = &catalog.relationship(relationship).from_columns;
                check_links(table, &name, right, columns)?;
                // One null among several is enough; where none may be, the first says so.
                let emptied: Vec<_> = columns.iter().filter(|column| may_be_emptied(table, **column)).collect();
                let emptied = if emptied.is_empty() { columns.iter().take(1).collect() } else { emptied };
                for column in emptied {
                    self.set(table, *column, &Json::Null)?;
                }
            }
            (FieldKind::ToOne(_, None), _) => {
                return Err(Fault::Payload(format!("`{name}` takes an object with the key of the related item")));
            }
            (FieldKind::ToMany(relationship), json) => {
                let target = catalog.table(catalog.relationship(relationship).to);
                let payloads = related_payloads(target, &name, json.into_owned())?;
                self.to_many.push(ToMany { relationship, field: name.into_owned(), payloads });
            }
        }
        Ok(())
    }

    fn set(&mut self, table: &Table, id: ColumnId, json: &Json) -> Result<(), Fault> {
        let column = table.column(id);
        if column.generated {
            let field = table.column_field(id);
            return Err(Fault::Payload(format!("`{field}` of `{}` is computed and cannot be given", table.collection)));
        }
        if table.key.contains(&id) && !json.is_null() {
            // A malformed key is refused as one wherever it stands.
            key_part(column, json)?;
        }
        let value = value::of(table, column, json)?;
        self.put(id, value);
        Ok(())
    }

    /// Gives a column a value, whatever it had.
    pub fn put(&mut self, column: ColumnId, value: Value) {
        match self.columns.iter_mut().find(|(known, _)| *known == column) {
            Some((_, known)) => *known = value,
            None => self.columns.push((column, value)),
        }
    }

    /// Takes out what links say of the row's key, which stays: a relation may
    /// share columns with it, such as a tenant.
    ///
    /// # Errors
    /// When a link needs another key than one of `keys`.
    pub fn keep_key(&mut self, table: &Table, keys: &[RowKey]) -> Result<(), Fault> {
        for (part, column) in table.key.iter().enumerate() {
            let Some(at) = self.columns.iter().position(|(given, _)| given == column) else { continue };
            let (_, value) = self.columns.swap_remove(at);
            if !keys.iter().all(|key| is_same(&key[part].to_value(), &value)) {
                let field = table.column_field(*column);
                let reason = "is part of the key, which stays: the related item has another one";
                return Err(Fault::Payload(format!("`{field}` of `{}` {reason}", table.collection)));
            }
        }
        Ok(())
    }

    /// Whether a new row has a value for every column that needs one.
    ///
    /// # Errors
    /// The first column that lacks one.
    pub fn check_complete(&self, table: &Table) -> Result<(), Fault> {
        // A trigger may fill in what nobody gave.
        if table.triggers {
            return Ok(());
        }
        let lacks = |column: &&Column| {
            !column.nullable
                && column.default.is_none()
                && !column.auto_increment
                && !column.generated
                && !self.columns.iter().any(|(given, _)| *given == column.id)
        };
        match table.columns.iter().find(lacks) {
            Some(column) => Err(Fault::broken(table, column, Rule::Required)),
            None => Ok(()),
        }
    }

    /// Points the row to another one.
    ///
    /// # Errors
    /// When the row must point to one and does not.
    pub fn link(&mut self, table: &Table, relationship: &Relationship, keys: &[Option<Key>]) -> Result<(), Fault> {
        for (column, key) in relationship.from_columns.iter().zip(keys) {
            if key.is_none() && !table.column(*column).nullable {
                return Err(Fault::broken(table, table.column(*column), Rule::NotNull));
            }
            self.put(*column, key.as_ref().map_or(Value::Null, Key::to_value));
        }
        Ok(())
    }
}

/// Holds a payload with what is preset in it against the rules of its fields and
/// the caller's.
fn check(
    table: &Table,
    right: Right<'_>,
    payload: &Payload,
    presets: &Payload,
    bindings: &Bindings<'_>,
) -> Result<(), Fault> {
    if right.validation().is_empty() && table.validations.is_empty() {
        return Ok(());
    }
    let mut whole = presets.clone();
    whole.extend(payload.iter().map(|(name, value)| (name.clone(), value.clone())));
    let broken = |rule| validation::check(&bindings.filled_in(rule), &whole).into_iter().next();
    match table.validations.iter().chain(right.validation()).find_map(broken) {
        Some(Broken { field, kind, detail }) => Err(Fault::Validation {
            field,
            path: Vec::new(),
            rule: Rule::Permission { kind, detail: detail.map(Box::new) },
        }),
        None => Ok(()),
    }
}

/// Whether two parts of keys are the same for most databases: of texts, many
/// mind neither case nor blanks at the end.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => one.trim_end().to_lowercase() == other.trim_end().to_lowercase(),
        _ => one == other,
    }
}

/// Whether a relation without a column of its own may be set: by who may write
/// each of its columns.
fn check_links(table: &Table, name: &str, right: Right<'_>, columns: &[ColumnId]) -> Result<(), Fault> {
    match columns.iter().all(|column| right.allows(table.column_field(*column))) {
        true => Ok(()),
        false => Err(Fault::unknown_field(table, name)),
    }
}

/// Whether a column of a link can be null when the link is undone.
pub fn may_be_emptied(table: &Table, column: ColumnId) -> bool {
    table.column(column).nullable && !table.key.contains(&column)
}

/// No right to do this with a collection at all.
pub fn forbidden(table: &Table) -> Fault {
    Fault::Forbidden(Some(format!("no permission to do this in `{}`", table.collection)))
}

/// Whether a column that says which collection a key is of may say so.
fn check_collection(catalog: &Catalog, table: &Table, column: ColumnId, json: &Json) -> Result<(), Fault> {
    let ways = table.fields.iter().filter_map(|field| match field.kind {
        FieldKind::ToAny(any, _) => Some(catalog.any(any)).filter(|any| any.collection == column),
        FieldKind::Column(_) | FieldKind::ToOne(..) | FieldKind::ToMany(_) => None,
    });
    for any in ways {
        let names = any.targets.iter().filter_map(|id| Some(catalog.relationship(*id).when.as_ref()?.is.as_str()));
        let names: Vec<&str> = names.collect();
        if !json.is_null() && !json.as_str().is_some_and(|name| names.contains(&name)) {
            let (field, collection) = (table.column_field(column), &table.collection);
            return Err(Fault::Payload(format!("`{field}` of `{collection}` is one of {}", names.join(", "))));
        }
    }
    Ok(())
}

/// A list of related rows; null lets all of them go, a bare key stands for the row.
fn related_payloads(target: &Table, field: &str, json: Json) -> Result<Vec<Payload>, Fault> {
    let items = match json {
        Json::Null => return Ok(Vec::new()),
        Json::Array(items) => items,
        single => vec![single],
    };
    let mut payloads = Vec::with_capacity(items.len());
    for item in items {
        payloads.push(match (item, target.key.as_slice()) {
            (Json::Object(payload), _) => payload,
            (Json::Null | Json::Array(_), _) => {
                return Err(Fault::Payload(format!("`{field}` takes a list of objects")));
            }
            (key, [column]) => Payload::from_iter([(target.column_field(*column).to_owned(), key)]),
            (_, _) => return Err(Fault::Payload(format!("`{field}` takes a list of objects"))),
        });
    }
    Ok(payloads)
}

/// A key as clients write it: a scalar, or an object or list of its parts.
///
/// # Errors
/// [`Fault::Forbidden`]: a malformed key and a missing row are not told apart
/// (contract `graphql.md` 4.1).
pub fn row_key(table: &Table, json: &Json) -> Result<RowKey, Fault> {
    let part = |column: &ColumnId, json: Option<&Json>| {
        let json = json.filter(|json| !json.is_null()).ok_or(Fault::Forbidden(None))?;
        key_part(table.column(*column), json)
    };
    match (table.key.as_slice(), json) {
        ([column], Json::Object(parts)) => Ok(vec![part(column, parts.get(table.column_field(*column)))?]),
        ([column], Json::Array(parts)) if parts.len() == 1 => Ok(vec![part(column, parts.first())?]),
        ([column], scalar) => Ok(vec![part(column, Some(scalar))?]),
        (columns, Json::Object(parts)) => {
            columns.iter().map(|column| part(column, parts.get(table.column_field(*column)))).collect()
        }
        (columns, Json::Array(parts)) if parts.len() == columns.len() => {
            columns.iter().zip(parts).map(|(column, json)| part(column, Some(json))).collect()
        }
        // As keys are shown where one text must do.
        (columns, Json::String(text)) => match serde_json::from_str(text) {
            Ok(Json::Array(parts)) if parts.len() == columns.len() => row_key(table, &Json::Array(parts)),
            _ => Err(Fault::Forbidden(None)),
        },
        _ => Err(Fault::Forbidden(None)),
    }
}

fn key_part(column: &Column, json: &Json) -> Result<Key, Fault> {
    Target::of(column, Rounding::Refuse).key(json, 0).map_err(|_| Fault::Forbidden(None))
}

/// The key that a payload holds: every part of it, as itself or as the key of
/// the row that it points to. `None` if a part is missing.
///
/// # Errors
/// As [`row_key`].
pub fn payload_key(catalog: &Catalog, table: &Table, payload: &Payload) -> Result<Option<RowKey>, Fault> {
    values_of(catalog, table, &table.key, payload)
}

/// As [`payload_key`], for any columns.
///
/// # Errors
/// As [`row_key`].
pub fn values_of(
    catalog: &Catalog,
    table: &Table,
    columns: &[ColumnId],
    payload: &Payload,
) -> Result<Option<RowKey>, Fault> {
    let mut key = Vec::with_capacity(columns.len());
    for column in columns {
        let field = table.column_field(*column);
        let given = match (payload.get(field), table.field(field).map(|field| field.kind)) {
            (Some(Json::Object(related)), Some(FieldKind::ToOne(id, _))) => {
                let relationship = catalog.relationship(id);
                let target = catalog.table(relationship.to);
                relationship.to_columns.first().and_then(|column| related.get(target.column_field(*column)))
            }
            (given, _) => given,
        };
        match given {
            None | Some(Json::Null) => return Ok(None),
            Some(json) => key.push(key_part(table.column(*column), json)?),
        }
    }
    Ok((!key.is_empty()).then_some(key))
}

/// Whether a payload holds nothing but the row's key.
pub fn is_bare_key(table: &Table, payload: &Payload) -> bool {
    let is_key = |name: &String| table.key.iter().any(|column| table.column_field(*column) == name);
    payload.iter().all(|(name, json)| is_key(name) && !json.is_object())
}

/// A key as JSON: integers as numbers, binary as base64, the parts of a
/// composite one in a list.
pub fn key_json(key: &[Key]) -> Json {
    use base64::Engine as _;
    let part = |part: &Key| match part {
        Key::Int(number) => Json::from(*number),
        Key::Text(text) => Json::from(&**text),
        Key::Bytes(bytes) => Json::from(base64::engine::general_purpose::STANDARD.encode(bytes)),
    };
    match key {
        [single] => part(single),
        parts => parts.iter().map(part).collect(),
    }
}

#[cfg(test)]
mod tests;
