//! Root fields of subscriptions: which changes of which rows, and what is told
//! of each; and aggregates that are kept up with.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    super::{
        document::Collected,
        types::{self, Type},
    },
    Compiler, prefix, quoted,
};
use crate::{
    catalog::{ColumnId, Table},
    engine::{
        ChangeMember, ChangeValue, ChangesRoot, Error, Judge, LiveAggregateRoot, Node, Overflow, RootKind, Watch,
    },
    events::Action,
    permissions::Access,
    plan::{self, Arguments, Order, Page, ReadPlan, Selection, Source},
    predicate::{Input, Operand, Predicate},
    sql::{self, ReadStatement},
};

/// Items that are told at once before any change.
const MAX_SNAPSHOT: u32 = 10_000;

/// Rows of a set that is kept in memory, where a row alone cannot tell whether
/// it belongs to it.
const MAX_MEMBERS: u32 = 10_000;

impl<'a> Compiler<'a> {
    /// A root field of a subscription; all of them may be null.
    pub(super) fn subscription_root(&mut self, name: &str, field: &Collected<'a>) -> (bool, Result<RootKind, Error>) {
        let suffixed = |suffix| name.strip_suffix(suffix).and_then(|name| self.types.catalog.collection(name));
        if let Some(table) = suffixed("_aggregated") {
            let root = self.live_aggregate(table, field);
            return (true, root.map(|root| RootKind::LiveAggregate(Box::new(root))));
        }
        let root = suffixed("_mutated").ok_or(Error::Internal).and_then(|table| self.changes(table, field));
        (false, root.map(|root| RootKind::Changes(Box::new(root))))
    }

    fn live_aggregate(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<LiveAggregateRoot, Error> {
        let (aggregate, plan) = self.aggregated(table, field)?;
        let per_second = self.input(field, "perSecond", &Type::named("Float"))?;
        Ok(LiveAggregateRoot { table: table.id, aggregate, looks_at: plan.looks_at(self.types.catalog), per_second })
    }

    fn changes(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<ChangesRoot, Error> {
        let action = self.word(field, "event", types::EVENT_ENUM)?.map(|word| match &*word {
            "create" => Action::Create,
            "update" => Action::Update,
            _ => Action::Delete,
        });
        let overflow = self.word(field, "overflow", types::OVERFLOW_ENUM)?.map(|word| match &*word {
            "close" => Overflow::Close,
            "drop_oldest" => Overflow::DropOldest,
            _ => Overflow::Latest,
        });
        let after = self.input(field, "after", &Type::named("String"))?;
        let of_filter = Type::named(format!("{}_filter", table.collection));
        let arguments = Arguments { filter: self.input(field, "filter", &of_filter)?, ..Arguments::default() };
        let asked = arguments.predicate(self.types.catalog, table, &self.limits.lists)?;
        let catalog = self.types.catalog;
        let place = self.place();
        let asked_members = self.walk.collect(&field.selections);
        let data = asked_members.iter().filter(|member| member.field.name.node == "data");
        let data: Vec<_> = data.flat_map(|member| self.walk.collect(&member.selections)).collect();
        let shown = self.asked_fields(table, &data);
        let allowed = plan::allow_predicate(catalog, self.types.access, table.id, &shown, asked)?;
        // What is written through here has valid foreign keys, on SQLite as well.
        let predicate = allowed.on_own_columns(catalog);
        let judge = self.judge(table, &predicate)?;
        self.note(place, |compiler| {
            let statement = match &judge {
                Judge::Memory => None,
                Judge::Values(judge) => Some(judge.statement.text().into_owned()),
                Judge::Members(watch) => Some(watch.rows.statement.text().into_owned()),
            };
            compiler.reading("followed", table, &shown, statement)
        });
        let mut members = Vec::new();
        for member in asked_members {
            let value = match member.field.name.node.as_str() {
                "key" => ChangeValue::Key,
                "event" => ChangeValue::Event,
                "transition" => ChangeValue::Transition,
                "snapshot" => ChangeValue::Snapshot,
                "position" => ChangeValue::Position,
                "at" => ChangeValue::Time,
                "data" => ChangeValue::Data(self.row(table, &member)?),
                _ => ChangeValue::Constant(quoted(&format!("{}_mutated", table.collection))),
            };
            members.push(ChangeMember { prefix: prefix(member.key), key: member.key.into(), value });
        }
        let overflow = overflow.unwrap_or_default();
        let most_rows = self.limits.lists.max_limit.unwrap_or(MAX_SNAPSHOT).min(MAX_SNAPSHOT);
        let snapshot = match self.input(field, "snapshot", &Type::named("Boolean"))? {
            Some(Input::Scalar(Json::Bool(true))) => Some(self.snapshot(table, predicate.clone(), most_rows)?),
            _ => None,
        };
        Ok(ChangesRoot { snapshot, most_rows, table: table.id, action, predicate, judge, members, after, overflow })
    }

    /// The row of a change: from its image if that is all there is to see,
    /// otherwise looked up.
    fn row(&mut self, table: &'a Table, field: &Collected<'a>) -> Result<Node, Error> {
        let arguments = Arguments::default();
        let (cost, statements, noted) = (self.cost, self.statements, self.noted());
        let written = self.node(table, Source::Among(table.key.clone()), &arguments, &field.selections, 1, 1)?;
        if written.from_image {
            return Ok(written);
        }
        (self.cost, self.statements) = (cost, statements);
        self.forget(noted);
        self.node(table, Source::Keys(table.key.clone()), &arguments, &field.selections, 1, 1)
    }

    /// How it is found out of which rows a condition holds that has been allowed.
    fn judge(&self, table: &Table, allowed: &Predicate) -> Result<Judge, Error> {
        let catalog = self.types.catalog;
        if allowed.is_decidable(catalog.dialect, table) {
            return Ok(Judge::Memory);
        }
        let related = allowed.related_columns(catalog);
        let given = |column: &ColumnId| sql::can_be_given(catalog.dialect, table.column(*column));
        if related.is_empty() && allowed.own_columns(catalog).iter().all(given) {
            let plan = self.keys(table, Page::ALL, allowed.clone())?;
            return Ok(Judge::Values(Box::new(sql::compile_judge(catalog, &plan)?)));
        }
        let page = Page { limit: Some(MAX_MEMBERS + 1), ..Page::ALL };
        let all = Arc::new(sql::compile_read(catalog, &self.keys(table, page, allowed.clone())?)?);
        let by_key = Source::Among(table.key.clone());
        let rows = self.whole_rows(table, by_key, allowed.clone(), Vec::new(), Page::ALL)?;
        Ok(Judge::Members(Box::new(Watch { all, rows, related, most: MAX_MEMBERS })))
    }

    /// Keys of rows for which a condition holds that has been allowed.
    fn keys(&self, table: &Table, page: Page, predicate: Predicate) -> Result<ReadPlan, Error> {
        let select = table.key.iter().copied().map(Operand::Column).collect();
        let (source, order) = (Source::Table, Vec::new());
        let selection = Selection { table: table.id, source, select, predicate, search: None, order, page };
        Ok(ReadPlan::allow(self.types.catalog, &Access::full(), selection)?)
    }

    fn snapshot(&self, table: &Table, allowed: Predicate, most: u32) -> Result<Arc<ReadStatement>, Error> {
        let up = |column: &ColumnId| Order { path: Vec::new(), operand: Operand::Column(*column), descending: false };
        let order = table.key.iter().map(up).collect();
        let page = Page { limit: Some(most.saturating_add(1)), ..Page::ALL };
        self.whole_rows(table, Source::Table, allowed, order, page)
    }

    /// Whole rows, to be held against the images of changes. What of them is shown
    /// is another matter: that passes the caller's access.
    fn whole_rows(
        &self,
        table: &Table,
        source: Source,
        predicate: Predicate,
        order: Vec<Order>,
        page: Page,
    ) -> Result<Arc<ReadStatement>, Error> {
        let catalog = self.types.catalog;
        let select = table.columns.iter().map(|column| Operand::Column(column.id)).collect();
        let selection = Selection { table: table.id, source, select, predicate, search: None, order, page };
        let plan = ReadPlan::allow(catalog, &Access::full(), selection)?;
        Ok(Arc::new(sql::compile_read(catalog, &plan)?))
    }

    /// One of an enumeration's values.
    fn word(&self, field: &Collected<'a>, name: &str, of: &str) -> Result<Option<String>, Error> {
        match self.input(field, name, &Type::named(of))? {
            Some(Input::Scalar(Json::String(text))) => Ok(Some(text)),
            None | Some(Input::Scalar(Json::Null)) => Ok(None),
            Some(_) => Err(Error::Invalid(format!("`{name}` is one of the values of {of}"))),
        }
    }
}
