//! Aggregates: groups, measures and their order (contract section 6).

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, Page, Search, arguments::MAX_SORT_ENTRIES};
use crate::{
    catalog::{Catalog, ColumnId, Table, TableId},
    predicate::{self, Operand, Predicate, parse_function},
};

/// Groups of rows and what is measured of each, before it is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Whose rows.
    pub table: TableId,
    /// Which of them.
    pub predicate: Predicate,
    /// A text that they must contain.
    pub search: Option<Search>,
    /// What rows of one group have in common; none means one group of all.
    pub groups: Vec<Operand>,
    /// What is measured of each group.
    pub measures: Vec<Measure>,
    /// In which order the groups come.
    pub order: Vec<AggregateOrder>,
    /// How many groups, and from where.
    pub page: Page,
}

impl Aggregate {
    /// The columns that it looks at, by table; its own table is there in any case.
    pub fn looks_at(&self, catalog: &Catalog) -> BTreeMap<TableId, BTreeSet<ColumnId>> {
        let mut columns = self.predicate.related_columns(catalog);
        let mut own = self.predicate.own_columns(catalog);
        for (column, rows) in self.search.iter().flat_map(|search| &search.columns) {
            own.insert(*column);
            own.extend(rows.own_columns(catalog));
            for (table, more) in rows.related_columns(catalog) {
                columns.entry(table).or_default().extend(more);
            }
        }
        let measured = self.measures.iter().filter_map(|measure| match &measure.operand {
            MeasureOperand::Rows => None,
            MeasureOperand::Value(operand) => Some(operand),
        });
        for operand in self.groups.iter().chain(measured) {
            own.extend(operand.own_columns(catalog));
            operand.add_related_columns(catalog, &mut columns);
        }
        columns.entry(self.table).or_default().extend(own);
        columns
    }
}

/// One number per group.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is computed.
    pub function: AggregateFunction,
    /// Of what.
    pub operand: MeasureOperand,
}

/// What a measure is computed of.
#[derive(Clone, Debug, PartialEq)]
pub enum MeasureOperand {
    /// The rows themselves.
    Rows,
    /// A value of each row.
    Value(Operand),
}

/// A function over the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// Number of rows.
    CountAll,
    /// Number of values that are not null; for related rows, their number.
    Count,
    /// Number of different values that are not null.
    CountDistinct,
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Mean of the different values.
    AvgDistinct,
    /// Sum of the different values.
    SumDistinct,
    /// Smallest.
    Min,
    /// Largest.
    Max,
}

impl AggregateFunction {
    /// All of them, in the contract's order (3.12).
    pub const ALL: [Self; 9] = [
        Self::CountAll,
        Self::Count,
        Self::CountDistinct,
        Self::Avg,
        Self::Sum,
        Self::AvgDistinct,
        Self::SumDistinct,
        Self::Min,
        Self::Max,
    ];

    /// The name that clients use.
    pub fn name(self) -> &'static str {
        match self {
            Self::CountAll => "countAll",
            Self::Count => "count",
            Self::CountDistinct => "countDistinct",
            Self::Avg => "avg",
            Self::Sum => "sum",
            Self::AvgDistinct => "avgDistinct",
            Self::SumDistinct => "sumDistinct",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// The function of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether it counts.
    pub fn is_count(self) -> bool {
        matches!(self, Self::CountAll | Self::Count | Self::CountDistinct)
    }
}

/// One sort criterion of groups.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateOrder {
    /// What counts.
    pub key: SortKey,
    /// Downwards.
    pub descending: bool,
}

/// What groups are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// One of [`Aggregate::groups`].
    Group(usize),
    /// A measure, which need not be among those asked for.
    Measure(Measure),
}

impl Aggregate {
    /// Reads the entries of `groupBy`: fields and `fn(field)`. Returns each
    /// with its name in the answer (`status`, `date_created_year`).
    ///
    /// # Errors
    /// When an entry names no such field or function.
    pub fn groups(table: &Table, entries: &[String]) -> Result<Vec<(String, Operand)>, Error> {
        let mut groups: Vec<(String, Operand)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let group = match parse_function(entry) {
                Some((function, field)) => {
                    (format!("{field}_{function}"), predicate::function_operand(table, field, function)?)
                }
                None => (entry.clone(), Operand::Column(column(table, entry)?)),
            };
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// Reads the entries of `sort`: group names, `countAll`, `sum.rating`.
    /// Without entries groups come by the first of them, upwards.
    ///
    /// # Errors
    /// When an entry names neither a group nor a measure.
    pub fn order(
        table: &Table,
        groups: &[(String, Operand)],
        sort: Option<&[String]>,
    ) -> Result<Vec<AggregateOrder>, Error> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let Some(entries) = sort else {
            return Ok(vec![AggregateOrder { key: SortKey::Group(0), descending: false }]);
        };
        if entries.len() > MAX_SORT_ENTRIES {
            return Err(Error::Invalid(format!("a sort has at most {MAX_SORT_ENTRIES} entries")));
        }
        entries.iter().map(|entry| sort_entry(table, groups, entry)).collect()
    }
}

fn sort_entry(table: &Table, groups: &[(String, Operand)], entry: &str) -> Result<AggregateOrder, Error> {
    let text = entry.trim();
    let (descending, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let named = match parse_function(text) {
        Some((function, field)) => format!("{field}_{function}"),
        None => text.to_owned(),
    };
    if let Some(at) = groups.iter().position(|(name, _)| *name == named) {
        return Ok(AggregateOrder { key: SortKey::Group(at), descending });
    }
    if text == AggregateFunction::CountAll.name() {
        let measure = Measure { function: AggregateFunction::CountAll, operand: MeasureOperand::Rows };
        return Ok(AggregateOrder { key: SortKey::Measure(measure), descending });
    }
    let measure = text.split_once('.').and_then(|(function, field)| {
        Some((AggregateFunction::from_name(function).filter(|found| *found != AggregateFunction::CountAll)?, field))
    });
    let (function, field) = measure
        .ok_or_else(|| Error::Forbidden(format!("`{text}` is neither a group nor a measure such as `sum.x`")))?;
    let column = column(table, field)?;
    if !function.is_count() && !table.column(column).column_type.is_numeric() {
        return Err(Error::Invalid(format!("`{text}`: `{field}` is no number")));
    }
    let measure = Measure { function, operand: MeasureOperand::Value(Operand::Column(column)) };
    Ok(AggregateOrder { key: SortKey::Measure(measure), descending })
}

fn column(table: &Table, field: &str) -> Result<crate::catalog::ColumnId, Error> {
    let found = table.field(field).and_then(|field| table.field_column(field));
    found.ok_or_else(|| {
        predicate::Error::UnknownField { collection: table.collection.clone(), field: field.to_owned() }.into()
    })
}
