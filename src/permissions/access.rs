//! What one caller may do, table by table.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{Grant, Grants};
use crate::{
    catalog::{Cardinality, Catalog, ColumnId, Relationship, Table, TableId},
    predicate::Predicate,
};

/// What one caller may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fingerprint: String,
    reads: Scope,
    writes: Scope,
}

/// The memory that a grant, a preset or a validation takes, in bytes, roughly.
const PART_WEIGHT: usize = 1_024;

/// Which tables rights are about.
#[derive(Debug)]
enum Scope {
    Everything,
    Some(Arc<HashMap<TableId, TableRights>>),
}

/// What may be done with one table; without grants, nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct TableRights {
    pub(super) read: Rights,
    pub(super) create: Rights,
    pub(super) update: Rights,
    pub(super) delete: Rights,
}

/// One action: whatever one of its grants covers.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    pub(super) grants: Vec<Grant>,
    /// Values of fields that are not given.
    pub(super) presets: Map<String, Json>,
    /// What must hold of what is written, all of it.
    pub(super) validation: Vec<Json>,
}

impl From<Option<Grant>> for Rights {
    fn from(grant: Option<Grant>) -> Self {
        Self { grants: grant.into_iter().collect(), ..Self::default() }
    }
}

impl From<Grants> for TableRights {
    fn from(Grants { read, create, update, delete }: Grants) -> Self {
        Self { read: read.into(), create: create.into(), update: update.into(), delete: delete.into() }
    }
}

impl Scope {
    fn right(&self, table: TableId, of: impl Fn(&TableRights) -> &Rights) -> Option<Right<'_>> {
        match self {
            Self::Everything => Some(Right(None)),
            Self::Some(rights) => {
                rights.get(&table).map(of).filter(|rights| !rights.grants.is_empty()).map(|rights| Right(Some(rights)))
            }
        }
    }
}

/// The right to do one thing with one table.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a>(Option<&'a Rights>);

impl Access {
    fn new(fingerprint: impl Into<String>, reads: Scope, writes: Scope) -> Self {
        Self(Arc::new(Inner { fingerprint: fingerprint.into(), reads, writes }))
    }

    /// Everything, for work that is not a caller's, and for administrators.
    pub fn full() -> Self {
        Self::new("admin", Scope::Everything, Scope::Everything)
    }

    /// Nothing at all.
    pub fn nothing() -> Self {
        Self::new("nothing", Scope::Some(Arc::default()), Scope::Some(Arc::default()))
    }

    pub(super) fn reads_everything() -> Self {
        Self::new("read", Scope::Everything, Scope::Some(Arc::default()))
    }

    pub(super) fn granted(grants: &HashMap<String, Grants>, catalog: &Catalog) -> Self {
        let granted = |(name, grants): (&String, &Grants)| Some((catalog.collection(name)?.id, grants.clone().into()));
        Self::of_tables("grants", grants.iter().filter_map(granted).collect())
    }

    /// These rights and no others; `fingerprint` says which.
    pub(super) fn of_tables(fingerprint: impl Into<String>, rights: HashMap<TableId, TableRights>) -> Self {
        let rights = Arc::new(rights);
        Self::new(fingerprint, Scope::Some(rights.clone()), Scope::Some(rights))
    }

    /// A text that two accesses share only if they allow the same.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The memory that it takes, in bytes, roughly.
    pub fn weight(&self) -> usize {
        let Scope::Some(rights) = &self.0.reads else { return 0 };
        let of_table = |rights: &TableRights| {
            let all = [&rights.read, &rights.create, &rights.update, &rights.delete];
            let parts = all.map(|rights| rights.grants.len() + rights.presets.len() + rights.validation.len());
            size_of::<TableRights>() + parts.into_iter().sum::<usize>() * PART_WEIGHT
        };
        rights.values().map(of_table).sum()
    }

    /// The right to read a table, if there is one.
    pub fn read(&self, table: TableId) -> Option<Right<'_>> {
        self.0.reads.right(table, |rights| &rights.read)
    }

    /// The right to create rows of a table, if there is one.
    pub fn create(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |rights| &rights.create)
    }

    /// The right to update rows of a table, if there is one.
    pub fn update(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |rights| &rights.update)
    }

    /// The right to delete rows of a table, if there is one.
    pub fn delete(&self, table: TableId) -> Option<Right<'_>> {
        self.0.writes.right(table, |rights| &rights.delete)
    }

    /// Whether it allows nothing at all.
    pub fn is_nothing(&self) -> bool {
        let is_empty = |scope: &Scope| matches!(scope, Scope::Some(rights) if rights.is_empty());
        is_empty(&self.0.reads) && is_empty(&self.0.writes)
    }

    /// Whether it may write everything, whatever rows there are.
    pub fn is_full(&self) -> bool {
        matches!(self.0.writes, Scope::Everything)
    }

    /// Whether a relationship may be followed: its target may be read, and so
    /// may the columns that tie both ends together, which it gives away: of the
    /// side with the foreign key, and of a junction on the way (contract 3.11).
    pub fn leads_through(&self, catalog: &Catalog, relationship: &Relationship) -> bool {
        let allowed = |table: TableId, columns: &[ColumnId]| {
            let names = catalog.table(table);
            self.read(table)
                .is_some_and(|readable| columns.iter().all(|column| readable.allows(names.column_field(*column))))
        };
        self.read(relationship.to).is_some()
            && allowed(relationship.from, &relationship.leading_columns().collect::<Vec<_>>())
            && match &relationship.cardinality {
                Cardinality::ManyToOne => true,
                Cardinality::OneToMany => allowed(relationship.to, &relationship.to_columns),
                Cardinality::ManyToMany { junction, junction_columns, .. } => {
                    allowed(*junction, &relationship.to_columns) && allowed(*junction, junction_columns)
                }
            }
    }
}

impl<'a> Right<'a> {
    /// What it consists of; nothing, where it is about everything.
    pub fn grants(self) -> &'a [Grant] {
        self.0.map_or(&[], |rights| &rights.grants)
    }

    /// The rows of those grants that `counts` says.
    fn rows_where(self, counts: impl Fn(&Grant) -> bool) -> Predicate {
        if self.0.is_none() {
            return Predicate::always();
        }
        any(self.grants().iter().filter(|grant| counts(grant)).map(|grant| &grant.rows))
    }

    /// Whether it covers a field, of some rows at least.
    pub fn allows(self, field: &str) -> bool {
        self.0.is_none() || self.grants().iter().any(|grant| grant.fields.contains(field))
    }

    /// Whether it covers the row's key, all of it.
    pub fn allows_key(self, table: &Table) -> bool {
        !table.key.is_empty() && table.key.iter().all(|column| self.allows(table.column_field(*column)))
    }

    /// Whether it covers every column of every row, and shows it as it is.
    pub fn is_whole(self, table: &Table) -> bool {
        let whole = |field: &str| self.rows_of(field).is_always();
        !table.has_concealed()
            && (self.0.is_none() || table.columns.iter().all(|column| whole(table.column_field(column.id))))
    }

    /// Whether it is about everything.
    pub fn is_everything(self) -> bool {
        self.0.is_none()
    }

    /// Whether it covers a field of some of its rows only.
    pub fn is_partial(self, field: &str) -> bool {
        !self.grants().iter().all(|grant| grant.fields.contains(field)) && !self.rows_of(field).is_always()
    }

    /// Which rows it is about.
    pub fn rows(self) -> Predicate {
        self.rows_where(|_| true)
    }

    /// The rows of which it covers one of some fields; without any, all that it is
    /// about (contract `permissions.md` 5.2).
    pub fn rows_with_any<'f>(self, fields: impl Iterator<Item = &'f str> + Clone) -> Predicate {
        let mut fields = fields.peekable();
        match fields.peek().is_none() {
            true => self.rows(),
            false => self.rows_where(|grant| fields.clone().any(|field| grant.fields.contains(field))),
        }
    }

    /// The rows of which it covers a field.
    pub fn rows_of(self, field: &str) -> Predicate {
        self.rows_where(|grant| grant.fields.contains(field))
    }

    /// The rows of which it covers each of some fields, by whichever grants
    /// (contract `permissions.md` 7); without any, all that it is about.
    pub fn rows_with_all<'f>(self, fields: impl Iterator<Item = &'f str>) -> Predicate {
        let mut all: Vec<Predicate> = Vec::new();
        for field in fields {
            let rows = self.rows_of(field);
            if !rows.is_always() && !all.contains(&rows) {
                all.push(rows);
            }
        }
        let whole = self.rows();
        all.into_iter().fold(whole, |rows, more| if rows == more { rows } else { rows.and(more) })
    }

    /// Values of fields that are not given.
    pub fn presets(self) -> Option<&'a Map<String, Json>> {
        self.0.map(|rights| &rights.presets).filter(|presets| !presets.is_empty())
    }

    /// What must hold of what is written, all of it.
    pub fn validation(self) -> &'a [Json] {
        self.0.map_or(&[], |rights| &rights.validation)
    }
}

/// At least one holds; those that say the same count once.
fn any<'a>(parts: impl Iterator<Item = &'a Predicate>) -> Predicate {
    let mut distinct: Vec<Predicate> = Vec::new();
    for part in parts {
        if part.is_always() {
            return Predicate::always();
        }
        if !distinct.contains(part) {
            distinct.push(part.clone());
        }
    }
    match distinct.len() {
        1 => distinct.remove(0),
        _ => Predicate::Any(distinct),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        permissions::Fields,
        predicate::{Operand, Test},
    };

    fn rows(column: u16) -> Predicate {
        Predicate::Compare(Operand::Column(ColumnId(column)), Test::Null(false))
    }

    fn grant(names: &str, rows: Predicate) -> Grant {
        let fields = match names {
            "*" => Fields::All,
            names => Fields::Only(names.split(' ').map(str::to_owned).collect()),
        };
        Grant { fields, rows }
    }

    #[test]
    fn rows_depend_on_the_fields_that_are_asked_for() {
        let grants = vec![grant("id body", rows(1)), grant("id title", rows(2))];
        let rights = Rights { grants, ..Rights::default() };
        let right = Right(Some(&rights));
        let both = Predicate::Any(vec![rows(1), rows(2)]);
        assert_eq!(right.rows(), both);
        assert_eq!(right.rows_with_any(["body"].into_iter()), rows(1));
        assert_eq!(right.rows_with_any(["body", "title"].into_iter()), both);
        assert_eq!(right.rows_with_any([].into_iter()), both);
        assert_eq!(right.rows_with_all(["body", "title"].into_iter()), both.and(rows(1)).and(rows(2)));
        assert_eq!(right.rows_of("secret"), Predicate::Any(Vec::new()));
        assert!(right.allows("title") && !right.allows("secret"));
    }

    #[test]
    fn a_grant_of_all_rows_makes_the_others_of_its_fields_meaningless() {
        let rights =
            Rights { grants: vec![grant("id", Predicate::always()), grant("*", rows(1))], ..Rights::default() };
        let right = Right(Some(&rights));
        assert!(right.rows().is_always() && right.rows_of("id").is_always());
        assert_eq!(right.rows_of("body"), rows(1));
        assert_eq!(right.rows_with_any(["id", "body"].into_iter()), Predicate::always());
    }
}
