//! From selections to plans: everything that a selection mentions is held
//! against the caller's access, and the caller's row rules are added, at every
//! table that it touches.

use std::ops::Deref;

use super::{Aggregate, AggregateOrder, Error, Measure, MeasureOperand, Order, Search, Selection, SortKey, Source};
use crate::{
    catalog::{Cardinality, Catalog, ColumnId, ColumnType, RelationshipId, Table, TableId},
    permissions::Access,
    predicate::{Operand, Predicate},
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
        let rows = gate.rows(selection.table)?;
        let junction = match selection.source {
            Source::Relationship(id) => gate.way(id)?,
            Source::Table | Source::Keys(_) | Source::Among(_) => Predicate::always(),
        };
        let table = selection.table;
        if let Source::Keys(columns) | Source::Among(columns) = &selection.source {
            columns.iter().try_for_each(|column| gate.column(table, *column))?;
        }
        let order = selection.order.into_iter().map(|order| gate.order(table, order)).collect::<Result<_, _>>()?;
        let select = selection.select.into_iter().map(|operand| gate.operand(table, operand));
        Ok(Self {
            junction,
            selection: Selection {
                predicate: gate.predicate(table, selection.predicate)?.and(rows),
                select: select.collect::<Result<_, _>>()?,
                search: selection.search.map(|search| gate.search(table, search)),
                order,
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
        let table = aggregate.table;
        let rows = gate.rows(table)?;
        let groups = aggregate.groups.into_iter().map(|operand| gate.operand(table, operand));
        let measures = aggregate.measures.into_iter().map(|measure| gate.measure(table, measure));
        let order = aggregate.order.into_iter().map(|order| gate.aggregate_order(table, order));
        Ok(Self(Aggregate {
            predicate: gate.predicate(table, aggregate.predicate)?.and(rows),
            groups: groups.collect::<Result<_, _>>()?,
            search: aggregate.search.map(|search| gate.search(table, search)),
            measures: measures.collect::<Result<_, _>>()?,
            order: order.collect::<Result<_, _>>()?,
            ..aggregate
        }))
    }
}

/// Holds a condition on rows that are to be written against what may be read.
///
/// # Errors
/// [`Error::Forbidden`] naming the first thing that may not be read.
pub fn allow_predicate(
    catalog: &Catalog,
    access: &Access,
    table: TableId,
    predicate: Predicate,
) -> Result<Predicate, Error> {
    let gate = Gate { catalog, access };
    Ok(gate.predicate(table, predicate)?.and(gate.rows(table)?))
}

#[derive(Clone, Copy)]
struct Gate<'a> {
    catalog: &'a Catalog,
    access: &'a Access,
}

impl<'a> Gate<'a> {
    fn table(self, table: TableId) -> &'a Table {
        self.catalog.table(table)
    }

    /// The caller's row rules of a table.
    fn rows(self, table: TableId) -> Result<Predicate, Error> {
        let readable = self.access.read(table);
        readable.map(|readable| readable.rows()).ok_or_else(|| {
            Error::Forbidden(format!("no collection `{}`, or no permission to read it", self.table(table).collection))
        })
    }

    fn column(self, table: TableId, column: ColumnId) -> Result<(), Error> {
        let table = self.table(table);
        let field = table.column_field(column);
        let allowed = self.access.read(table.id).is_some_and(|readable| readable.allows(field));
        allowed.then_some(()).ok_or_else(|| {
            Error::Forbidden(format!("no field `{field}` in `{}`, or no permission to use it", table.collection))
        })
    }

    /// Text, numbers and UUIDs are searched, in fields that may be read (contract 4.4).
    fn search(self, table: TableId, search: Search) -> Search {
        let searched = self.table(table).columns.iter().filter(|column| {
            column.column_type == ColumnType::Text
                || column.column_type == ColumnType::Uuid
                || column.column_type.is_numeric()
        });
        let allowed = searched.map(|column| column.id).filter(|column| self.column(table, *column).is_ok());
        Search { columns: allowed.collect(), ..search }
    }

    /// A relationship may be followed if its target (and the pairs of a junction)
    /// may be read and the field that is the way is allowed; returns the row rules of a junction between.
    fn way(self, id: RelationshipId) -> Result<Predicate, Error> {
        use crate::catalog::FieldKind;
        let relationship = self.catalog.relationship(id);
        self.rows(relationship.to)?;
        let table = self.table(relationship.from);
        let field = table
            .fields
            .iter()
            .find(|field| matches!(field.kind, FieldKind::ToOne(found, _) | FieldKind::ToMany(found) if found == id));
        let allowed =
            field.is_some_and(|field| self.access.read(table.id).is_some_and(|readable| readable.allows(&field.name)));
        if !allowed || !self.access.leads_through(self.catalog, relationship) {
            let name = field.map_or("", |field| field.name.as_str());
            return Err(Error::Forbidden(format!(
                "no field `{name}` in `{}`, or no permission to use it",
                table.collection
            )));
        }
        match relationship.cardinality {
            Cardinality::ManyToMany { junction, .. } => self.rows(junction),
            Cardinality::ManyToOne | Cardinality::OneToMany => Ok(Predicate::always()),
        }
    }

    /// What of the target of a relationship is there for the caller. Rules of
    /// a junction on the way are about other columns: only junctions whose
    /// rows are all visible can be counted and filtered through.
    fn visible(self, id: RelationshipId) -> Result<Predicate, Error> {
        let relationship = self.catalog.relationship(id);
        if !self.way(id)?.is_always() {
            return Err(Error::Forbidden("a junction with row rules cannot be used in conditions".to_owned()));
        }
        self.rows(relationship.to)
    }

    fn operand(self, table: TableId, operand: Operand) -> Result<Operand, Error> {
        match operand {
            Operand::Column(column)
            | Operand::Part(_, column)
            | Operand::JsonLength(column)
            | Operand::JsonPath(column, _) => {
                self.column(table, column)?;
                Ok(operand)
            }
            Operand::Count(relationship, _) => Ok(Operand::Count(relationship, Box::new(self.visible(relationship)?))),
        }
    }

    fn predicate(self, table: TableId, predicate: Predicate) -> Result<Predicate, Error> {
        let all = |parts: Vec<Predicate>| {
            parts.into_iter().map(|part| self.predicate(table, part)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match predicate {
            Predicate::All(parts) => Predicate::All(all(parts)?),
            Predicate::Any(parts) => Predicate::Any(all(parts)?),
            Predicate::Compare(operand, test) => Predicate::Compare(self.operand(table, operand)?, test),
            Predicate::Related(mut related) => {
                let target = self.catalog.relationship(related.relationship).to;
                related.visible = Box::new(self.visible(related.relationship)?);
                related.predicate = Box::new(self.predicate(target, *related.predicate)?);
                Predicate::Related(related)
            }
        })
    }

    fn order(self, table: TableId, mut order: Order) -> Result<Order, Error> {
        let mut at = table;
        for step in &mut order.path {
            step.visible = self.visible(step.relationship)?;
            at = self.catalog.relationship(step.relationship).to;
        }
        order.operand = self.operand(at, order.operand)?;
        Ok(order)
    }

    fn measure(self, table: TableId, measure: Measure) -> Result<Measure, Error> {
        let operand = match measure.operand {
            MeasureOperand::Rows => MeasureOperand::Rows,
            MeasureOperand::Value(operand) => MeasureOperand::Value(self.operand(table, operand)?),
        };
        Ok(Measure { operand, ..measure })
    }

    fn aggregate_order(self, table: TableId, order: AggregateOrder) -> Result<AggregateOrder, Error> {
        let key = match order.key {
            SortKey::Group(at) => SortKey::Group(at),
            SortKey::Measure(measure) => SortKey::Measure(self.measure(table, measure)?),
        };
        Ok(AggregateOrder { key, ..order })
    }
}
