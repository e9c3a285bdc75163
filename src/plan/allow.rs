//! From selections to plans: everything that a selection mentions is held
//! against the caller's access, and the caller's row rules are added, at every
//! table that it touches. What may be seen of some rows only is null in the
//! others, wherever it is mentioned: selected, filtered by, sorted by, counted.

use std::ops::Deref;

use super::{Aggregate, AggregateOrder, Error, Measure, MeasureOperand, Order, Search, Selection, SortKey, Source};
use crate::{
    catalog::{Cardinality, Catalog, ColumnId, ColumnType, RelationshipId, Table, TableId},
    permissions::{Access, Right},
    predicate::{Operand, Ordering, Predicate, Rounding, Target, Term, Test},
};

/// A selection that may be read, narrowed to what the caller may see.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPlan {
    selection: Selection,
    junction: Predicate,
}

/// An aggregate that may be read, narrowed to what the caller may see.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregatePlan(Aggregate);

impl Deref for ReadPlan {
    type Target = Selection;

    fn deref(&self) -> &Selection {
        &self.selection
    }
}

impl Deref for AggregatePlan {
    type Target = Aggregate;

    fn deref(&self) -> &Aggregate {
        &self.0
    }
}

impl ReadPlan {
    /// Holds a selection against an access.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the first thing that may not be read.
    pub fn allow(catalog: &Catalog, access: &Access, selection: Selection) -> Result<Self, Error> {
        let gate = Gate { catalog, access };
        let table = catalog.table(selection.table);
        let asked: Vec<&str> = selection.select.iter().filter_map(|operand| gate.field_of(table, operand)).collect();
        let rows = gate.readable(selection.table)?.rows_with_any(asked.iter().copied());
        let at = At { table: selection.table, rows: &rows };
        let junction = match selection.source {
            Source::Relationship(id) => gate.way(id)?,
            Source::Table | Source::Keys(_) | Source::Among(_) => Predicate::always(),
        };
        // Whoever looks a row up by a value learns that it has it.
        let mut named = Predicate::always();
        let by = match &selection.source {
            Source::Keys(columns) | Source::Among(columns) => columns,
            Source::Relationship(id) => gate.tied_by(*id),
            Source::Table => &Vec::new(),
        };
        for column in by {
            if table.column(*column).is_concealed() {
                return Err(gate.no_field(at.table, table.column_field(*column)));
            }
            if let Some(rows) = at.beyond(gate.column(at.table, *column)?) {
                named = if named == rows { named } else { named.and(rows) };
            }
        }
        let order = selection.order.into_iter().map(|order| gate.order(at, order)).collect::<Result<_, _>>()?;
        let select = selection.select.into_iter().map(|operand| gate.operand(at, operand));
        Ok(Self {
            junction,
            selection: Selection {
                select: select.collect::<Result<_, _>>()?,
                search: selection.search.map(|search| gate.search(at, search)),
                order,
                predicate: gate.predicate(at, selection.predicate)?.and(named).and(rows),
                ..selection
            },
        })
    }

    /// Which rows of a junction on the way are there for the caller.
    pub fn junction(&self) -> &Predicate {
        &self.junction
    }
}

impl AggregatePlan {
    /// Holds an aggregate against an access.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the first thing that may not be read.
    pub fn allow(catalog: &Catalog, access: &Access, aggregate: Aggregate) -> Result<Self, Error> {
        let gate = Gate { catalog, access };
        let rows = gate.rows(aggregate.table)?;
        let at = At { table: aggregate.table, rows: &rows };
        let groups = aggregate.groups.into_iter().map(|operand| gate.operand(at, operand));
        let measures = aggregate.measures.into_iter().map(|measure| gate.measure(at, measure));
        let order = aggregate.order.into_iter().map(|order| gate.aggregate_order(at, order));
        Ok(Self(Aggregate {
            groups: groups.collect::<Result<_, _>>()?,
            search: aggregate.search.map(|search| gate.search(at, search)),
            measures: measures.collect::<Result<_, _>>()?,
            order: order.collect::<Result<_, _>>()?,
            predicate: gate.predicate(at, aggregate.predicate)?.and(rows),
            ..aggregate
        }))
    }
}

/// The values of a row that lead to related ones, and whether those are hidden
/// from the caller in some rows.
pub fn way(catalog: &Catalog, access: &Access, id: RelationshipId) -> (Vec<Operand>, bool) {
    let relationship = catalog.relationship(id);
    let table = catalog.table(relationship.from);
    let field = Gate { catalog, access }.relation(id).unwrap_or_default();
    let readable = access.read(table.id);
    let is_partial = |field: &str| readable.is_some_and(|readable| !readable.rows_of(field).is_always());
    let is_everything = readable.is_some_and(Right::is_everything);
    let operand = |column: &ColumnId| match relationship.when.is_none() {
        true if is_everything || table.column_field(*column) == field => Operand::Column(*column),
        true | false => Operand::Way(id, *column),
    };
    let hides = is_partial(field) || relationship.leading_columns().any(|id| is_partial(table.column_field(id)));
    (relationship.from_columns.iter().map(operand).collect(), hides)
}

/// What the values that lead to related rows are there, where they have other types:
/// those of a way to one of several collections.
pub fn way_targets(catalog: &Catalog, id: RelationshipId) -> Vec<Target> {
    let relationship = catalog.relationship(id);
    let columns = relationship.to_columns.iter().filter(|_| relationship.when.is_some());
    columns.map(|column| Target::of(catalog.table(relationship.to).column(*column), Rounding::Refuse)).collect()
}

/// In which rows a relationship leads anywhere, where that is not all.
pub fn leads(catalog: &Catalog, id: RelationshipId) -> Option<Predicate> {
    let when = catalog.relationship(id).when.as_ref()?;
    let is = Term::Constant(when.is.as_str().into());
    Some(Predicate::Compare(Operand::Column(when.column), Test::Order(Ordering::Equal, is)))
}

/// Holds a condition on rows that are named by their keys, because they changed
/// or are to be written, against what may be read. Of the rows those are there
/// of which one of some fields may be shown; all, if none is asked for.
///
/// # Errors
/// [`Error::Forbidden`] naming the first thing that may not be read.
pub fn allow_predicate(
    catalog: &Catalog,
    access: &Access,
    table: TableId,
    shown: &[Box<str>],
    predicate: Predicate,
) -> Result<Predicate, Error> {
    let gate = Gate { catalog, access };
    let names = catalog.table(table);
    let key = names.key.iter().map(|column| names.column_field(*column));
    let readable = gate.readable(table)?;
    let named = readable.rows_with_all(key);
    let there = readable.rows_with_any(shown.iter().map(|field| &**field));
    let rows = if there.is_always() || there == readable.rows() { named } else { both(named, there) };
    Ok(gate.predicate(At { table, rows: &rows }, predicate)?.and(rows))
}

#[derive(Clone, Copy)]
struct Gate<'a> {
    catalog: &'a Catalog,
    access: &'a Access,
}

/// A table, and the rows of it that are there in any case.
#[derive(Clone, Copy)]
struct At<'r> {
    table: TableId,
    rows: &'r Predicate,
}

impl<'a> Gate<'a> {
    fn table(self, table: TableId) -> &'a Table {
        self.catalog.table(table)
    }

    fn readable(self, table: TableId) -> Result<Right<'a>, Error> {
        self.access.read(table).ok_or_else(|| {
            Error::Forbidden(format!("no collection `{}`, or no permission to read it", self.table(table).collection))
        })
    }

    /// The caller's row rules of a table.
    fn rows(self, table: TableId) -> Result<Predicate, Error> {
        self.readable(table).map(Right::rows)
    }

    /// In which rows a column may be seen.
    fn column(self, table: TableId, column: ColumnId) -> Result<Predicate, Error> {
        self.field(table, self.table(table).column_field(column))
    }

    fn field(self, table: TableId, field: &str) -> Result<Predicate, Error> {
        let readable = self.access.read(table).filter(|readable| readable.allows(field));
        readable.map(|readable| readable.rows_of(field)).ok_or_else(|| self.no_field(table, field))
    }

    fn no_field(self, table: TableId, field: &str) -> Error {
        let collection = &self.table(table).collection;
        Error::Forbidden(format!("no field `{field}` in `{collection}`, or no permission to use it"))
    }

    /// The field that an operand is about.
    fn field_of(self, table: &'a Table, operand: &Operand) -> Option<&'a str> {
        match operand.unmasked() {
            Operand::Column(column)
            | Operand::Part(_, column)
            | Operand::JsonLength(column)
            | Operand::JsonPath(column, _)
            | Operand::Concealed(column) => Some(table.column_field(*column)),
            Operand::Count(relationship, _) | Operand::Way(relationship, _) => self.relation(*relationship),
            Operand::Masked(..) => None,
        }
    }

    /// The field that is the way to related rows.
    fn relation(self, id: RelationshipId) -> Option<&'a str> {
        self.catalog.way(id).map(|field| field.name.as_str())
    }

    /// Text, numbers and UUIDs are searched, in fields that may be read (contract 4.4).
    fn search(self, at: At<'_>, search: Search) -> Search {
        let searched = self.table(at.table).columns.iter().filter(|column| {
            let of = &column.column_type;
            column.searchable && (*of == ColumnType::Text || *of == ColumnType::Uuid || of.is_numeric())
        });
        let allowed = searched.filter_map(|column| {
            let rows = self.column(at.table, column.id).ok()?;
            Some((column.id, at.beyond(rows).unwrap_or_else(Predicate::always)))
        });
        Search { columns: allowed.collect(), ..search }
    }

    /// A relationship may be followed if its target (and the pairs of a junction)
    /// may be read and the field that is the way is allowed; returns the row rules of a junction between.
    fn way(self, id: RelationshipId) -> Result<Predicate, Error> {
        let relationship = self.catalog.relationship(id);
        self.rows(relationship.to)?;
        let field = self.relation(id).unwrap_or_default();
        self.field(relationship.from, field)?;
        if !self.access.leads_through(self.catalog, relationship) {
            return Err(self.no_field(relationship.from, field));
        }
        match relationship.cardinality {
            Cardinality::ManyToMany { junction, ref junction_columns, .. } => {
                // A pair is seen by who sees both of its ends.
                let names = self.table(junction);
                let ends = relationship.to_columns.iter().chain(junction_columns);
                Ok(self.readable(junction)?.rows_with_all(ends.map(|column| names.column_field(*column))))
            }
            Cardinality::ManyToOne | Cardinality::OneToMany => Ok(Predicate::always()),
        }
    }

    /// The columns of the target that tie it to its parent, which give away whose
    /// it is.
    fn tied_by(self, id: RelationshipId) -> &'a Vec<ColumnId> {
        static NONE: Vec<ColumnId> = Vec::new();
        let relationship = self.catalog.relationship(id);
        match relationship.cardinality {
            Cardinality::OneToMany => &relationship.to_columns,
            Cardinality::ManyToOne | Cardinality::ManyToMany { .. } => &NONE,
        }
    }

    /// In which rows related ones may be seen: the relation itself, and the columns
    /// that lead to them.
    fn seen(self, id: RelationshipId) -> Result<Predicate, Error> {
        let relationship = self.catalog.relationship(id);
        let field = self.field(relationship.from, self.relation(id).unwrap_or_default())?;
        relationship.leading_columns().try_fold(field, |seen, column| {
            let rows = self.column(relationship.from, column)?;
            Ok(if seen == rows { seen } else { seen.and(rows) })
        })
    }

    /// What of the target of a relationship is there for the caller. Rules of
    /// a junction on the way are about other columns: only junctions whose
    /// rows are all visible can be counted and filtered through.
    fn visible(self, id: RelationshipId) -> Result<Predicate, Error> {
        let relationship = self.catalog.relationship(id);
        if !self.way(id)?.is_always() {
            return Err(Error::Forbidden("a junction with row rules cannot be used in conditions".to_owned()));
        }
        self.tied_by(id).iter().try_fold(self.rows(relationship.to)?, |rows, column| {
            Ok(both(rows, self.column(relationship.to, *column)?))
        })
    }

    fn operand(self, at: At<'_>, operand: Operand) -> Result<Operand, Error> {
        let operand = self.concealed(at.table, operand);
        let rows = match operand {
            Operand::Column(column)
            | Operand::Part(_, column)
            | Operand::JsonLength(column)
            | Operand::JsonPath(column, _)
            | Operand::Concealed(column) => self.column(at.table, column)?,
            Operand::Way(relationship, column) => {
                let seen = self.seen(relationship)?;
                let rows = match leads(self.catalog, relationship) {
                    Some(leads) => both(seen, leads),
                    None => seen,
                };
                return Ok(at.masked(Operand::Column(column), rows));
            }
            Operand::Count(relationship, known) => {
                let count = Operand::Count(relationship, Box::new(both(*known, self.visible(relationship)?)));
                return Ok(at.masked(count, self.seen(relationship)?));
            }
            Operand::Masked(operand, rows) => {
                return Ok(match self.operand(at, *operand)? {
                    Operand::Masked(operand, known) if known == rows => Operand::Masked(operand, known),
                    operand => at.masked(operand, *rows),
                });
            }
        };
        Ok(at.masked(operand, rows))
    }

    /// Of a column that is shown to nobody, whoever asks, only whether there is
    /// something in it.
    fn concealed(self, table: TableId, operand: Operand) -> Operand {
        match operand {
            Operand::Column(column)
            | Operand::Part(_, column)
            | Operand::JsonLength(column)
            | Operand::JsonPath(column, _)
                if self.table(table).column(column).is_concealed() =>
            {
                Operand::Concealed(column)
            }
            other => other,
        }
    }

    fn predicate(self, at: At<'_>, predicate: Predicate) -> Result<Predicate, Error> {
        let all = |parts: Vec<Predicate>| {
            parts.into_iter().map(|part| self.predicate(at, part)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match predicate {
            Predicate::All(parts) => Predicate::All(all(parts)?),
            Predicate::Any(parts) => Predicate::Any(all(parts)?),
            Predicate::Compare(operand, test) => match (self.operand(at, operand)?, test) {
                // Nothing else is true of null.
                (masked @ Operand::Masked(..), test @ (Test::Null(true) | Test::Empty(true))) => {
                    Predicate::Compare(masked, test)
                }
                (Operand::Masked(operand, rows), test) => {
                    Predicate::All(vec![*rows, Predicate::Compare(*operand, test)])
                }
                (operand, test) => Predicate::Compare(operand, test),
            },
            Predicate::Related(mut related) => {
                let target = self.catalog.relationship(related.relationship).to;
                let visible = self.visible(related.relationship)?;
                let seen = self.seen(related.relationship)?;
                related.predicate = Box::new(self.predicate(At { table: target, rows: &visible }, *related.predicate)?);
                related.visible = Box::new(both(*related.visible, visible));
                match at.beyond(seen) {
                    Some(seen) => Predicate::All(vec![seen, Predicate::Related(related)]),
                    None => Predicate::Related(related),
                }
            }
        })
    }

    fn order(self, at: At<'_>, mut order: Order) -> Result<Order, Error> {
        let mut target = at.table;
        let mut rows = at.rows.clone();
        for step in &mut order.path {
            step.visible = self.visible(step.relationship)?;
            if (At { table: target, rows: &rows }).beyond(self.seen(step.relationship)?).is_some() {
                // Null in some rows: by what is behind it nothing can be told apart.
                let field = self.relation(step.relationship).unwrap_or_default();
                return Err(self.no_field(target, field));
            }
            target = self.catalog.relationship(step.relationship).to;
            rows = step.visible.clone();
        }
        order.operand = self.operand(At { table: target, rows: &rows }, order.operand)?;
        Ok(order)
    }

    fn measure(self, at: At<'_>, measure: Measure) -> Result<Measure, Error> {
        let operand = match measure.operand {
            MeasureOperand::Rows => MeasureOperand::Rows,
            MeasureOperand::Value(operand) => MeasureOperand::Value(self.operand(at, operand)?),
        };
        Ok(Measure { operand, ..measure })
    }

    fn aggregate_order(self, at: At<'_>, order: AggregateOrder) -> Result<AggregateOrder, Error> {
        let key = match order.key {
            SortKey::Group(group) => SortKey::Group(group),
            SortKey::Measure(measure) => SortKey::Measure(self.measure(at, measure)?),
        };
        Ok(AggregateOrder { key, ..order })
    }
}

/// Both, of which one may have been said before: nothing that was allowed becomes
/// more by being allowed again.
fn both(known: Predicate, more: Predicate) -> Predicate {
    if known == more { known } else { known.and(more) }
}

impl At<'_> {
    /// What `rows` ask of a row beyond what is there in any case.
    fn beyond(self, rows: Predicate) -> Option<Predicate> {
        let is_there = match (self.rows, &rows) {
            (Predicate::Any(there), Predicate::Any(all)) if !there.is_empty() => {
                there.iter().all(|part| all.contains(part))
            }
            (there, Predicate::Any(all)) if all.contains(there) => true,
            (there, rows) => there == rows,
        };
        (!rows.is_always() && !is_there).then_some(rows)
    }

    fn masked(self, operand: Operand, rows: Predicate) -> Operand {
        match self.beyond(rows) {
            Some(rows) => Operand::Masked(Box::new(operand), Box::new(rows)),
            None => operand,
        }
    }
}
