//! Aggregates: what is measured of which groups, and the shape of its rows.

use async_graphql::parser::types::SelectionSet;

use super::{super::document::Collected, Compiler, UNBOUNDED_ROWS, member, prefix, quoted};
use crate::{
    catalog::{ColumnType, FieldKind, Table},
    db::Form,
    engine::{AggregateRoot, Error, Member, Output, Position, Shape},
    plan::{Aggregate, AggregateFunction, AggregatePlan, Measure, MeasureOperand, Source},
    predicate::{Operand, Predicate},
    sql,
};

impl<'a> Compiler<'a> {
    pub(super) fn aggregated(
        &mut self,
        table: &'a Table,
        field: &Collected<'a>,
    ) -> Result<(AggregateRoot, AggregatePlan), Error> {
        let catalog = self.types.catalog;
        let lists = &self.limits.lists;
        let arguments = self.arguments(table, field)?;
        let group_by = self.texts(field, "groupBy")?.unwrap_or_default();
        let groups = Aggregate::groups(table, &group_by)?;
        let order = Aggregate::order(table, &groups, arguments.sort.as_deref())?;
        let page = arguments.page(&Source::Table, lists)?;
        let rows = if groups.is_empty() { 1 } else { page.limit.map_or(UNBOUNDED_ROWS, u64::from) };
        let mut measures = Vec::new();
        let shape = self.aggregate_shape(table, &groups, &mut measures, &field.selections)?;
        self.cost = self.cost.saturating_add(rows.saturating_mul((groups.len() + measures.len()) as u64));
        let aggregate = Aggregate {
            table: table.id,
            predicate: arguments.predicate(catalog, table, lists)?,
            search: arguments.search(),
            groups: groups.into_iter().map(|(_, operand)| operand).collect(),
            measures,
            order,
            page,
        };
        let plan = AggregatePlan::allow(catalog, self.types.access, aggregate)?;
        let statement = sql::compile_aggregate(catalog, &plan)?;
        let place = self.place();
        self.note(place, |compiler| {
            let operands =
                plan.groups.iter().chain(plan.measures.iter().filter_map(|measure| match &measure.operand {
                    MeasureOperand::Value(operand) => Some(operand),
                    MeasureOperand::Rows => None,
                }));
            let columns = operands.flat_map(|operand| operand.unmasked().own_columns(catalog));
            let fields: Vec<Box<str>> = columns.map(|column| table.column_field(column).into()).collect();
            compiler.figures(table, &fields, statement.text().into_owned())
        });
        Ok((AggregateRoot { statement, shape }, plan))
    }

    fn aggregate_shape(
        &mut self,
        table: &Table,
        groups: &[(String, Operand)],
        measures: &mut Vec<Measure>,
        selections: &[&'a SelectionSet],
    ) -> Result<Shape, Error> {
        let mut members = Vec::new();
        for field in self.walk.collect(selections) {
            let output = match field.field.name.node.as_str() {
                "__typename" => Output::Constant(quoted(&format!("{}_aggregated", table.collection))),
                "group" => group_output(table, groups),
                "countAll" => {
                    let measure = Measure { function: AggregateFunction::CountAll, operand: MeasureOperand::Rows };
                    measure_output(groups.len(), measures, measure)
                }
                name => {
                    let function = AggregateFunction::from_name(name).ok_or(Error::Internal)?;
                    Output::Object(self.measures_shape(table, function, groups.len(), measures, &field.selections)?)
                }
            };
            members.push(member(&field, output));
        }
        Ok(Shape { members })
    }

    fn measures_shape(
        &mut self,
        table: &Table,
        function: AggregateFunction,
        groups: usize,
        measures: &mut Vec<Measure>,
        selections: &[&'a SelectionSet],
    ) -> Result<Shape, Error> {
        let mut members = Vec::new();
        for field in self.walk.collect(selections) {
            let name = field.field.name.node.as_str();
            if name == "__typename" {
                let suffix = if function.is_count() { "count" } else { "fields" };
                let text = quoted(&format!("{}_aggregated_{suffix}", table.collection));
                members.push(member(&field, Output::Constant(text)));
                continue;
            }
            let known = table.field(name).ok_or(Error::Internal)?;
            let operand = match (table.field_column(known), known.kind) {
                (Some(column), _) => Operand::Column(column),
                (None, FieldKind::ToMany(id)) => Operand::Count(id, Box::new(Predicate::always())),
                (None, _) => return Err(Error::Internal),
            };
            let measure = Measure { function, operand: MeasureOperand::Value(operand) };
            members.push(member(&field, measure_output(groups, measures, measure)));
        }
        Ok(Shape { members })
    }
}

/// `group`: a JSON object by field; raw keys, other values as in reading
/// (contract section 6).
fn group_output(table: &Table, groups: &[(String, Operand)]) -> Output {
    if groups.is_empty() {
        return Output::Constant(Box::from(&b"null"[..]));
    }
    let members = groups.iter().enumerate().map(|(cell, (name, operand))| {
        let column_type = match operand {
            Operand::Column(column) if table.column(*column).is_concealed() => ColumnType::Text,
            Operand::Column(column) => table.column(*column).column_type.clone(),
            _ => ColumnType::BigInteger,
        };
        Member {
            prefix: prefix(name),
            key: name.as_str().into(),
            position: Position::default(),
            output: Output::Cell { column: cell, column_type, form: Form::Raw, non_null: false },
        }
    });
    Output::Object(Shape { members: members.collect() })
}

fn measure_output(groups: usize, measures: &mut Vec<Measure>, measure: Measure) -> Output {
    let column_type = sql::measure_type(measure.function);
    let at = match measures.iter().position(|known| *known == measure) {
        Some(at) => at,
        None => {
            measures.push(measure);
            measures.len() - 1
        }
    };
    Output::Cell { column: groups + at, column_type, form: Form::Raw, non_null: false }
}
