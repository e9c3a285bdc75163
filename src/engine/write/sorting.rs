//! Moving an item to another's place in the order that a collection is kept in
//! (contract `rest.md` 11). Of the items that the caller may order, those in
//! between move up or down; they share the numbers that they have, so that others'
//! items stay where they are. Nothing but the numbers is written.

use futures_util::future::FutureExt as _;
use serde_json::Value as Json;

use super::Session;
use crate::{
    catalog::{ColumnId, ColumnType, Table},
    db::Rows,
    engine::{Caller, Engine, Error, heard::Verb},
    events::RowImage,
    hooks::{Meta, MutationOptions},
    plan::write::{Fault, RowKey, forbidden, key_json, row_key},
    predicate::{Operand, Predicate, Term, Test},
    sql,
    value::{Key, Value},
};

/// Most items that are put in order at once.
const MAX_SORTED_ITEMS: u32 = 100_000;

/// The order that a collection is kept in, as far as it is the caller's.
struct Order<'a> {
    table: &'a Table,
    /// Whose numbers it is.
    column: ColumnId,
    /// The rows that the caller may order.
    rows: Predicate,
}

impl Engine {
    /// Moves `item` to the place of `to`.
    ///
    /// # Errors
    /// `FORBIDDEN` for what the caller may not order, `INVALID_PAYLOAD` for a
    /// collection without an order and for more items than can be moved at once, and
    /// what the writes meet.
    pub async fn sort_item(&self, caller: &Caller, collection: &str, item: &Json, to: &Json) -> Result<(), Error> {
        let catalog = self.catalog.clone();
        let table = catalog.table(self.written(caller, collection)?);
        let right = caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
        let column =
            table.sort.ok_or_else(|| Fault::Payload(format!("`{collection}` has no field that it is sorted by")))?;
        let field = table.column_field(column);
        if !right.allows(field) {
            return Err(forbidden(table).into());
        }
        if !table.column(column).column_type.is_integer() {
            let reason = format!("`{field}`, by which `{collection}` is sorted, holds no whole numbers");
            return Err(Fault::Payload(reason).into());
        }
        let order = Order { table, column, rows: right.rows_with_all(std::iter::once(field)) };
        let (item, to) = (row_key(table, item)?, row_key(table, to)?);
        let (context, options) = (self.context(caller), MutationOptions::default());
        let done = self.in_transaction(caller, &options, &context, |session| {
            let (order, item, to) = (&order, &item, &to);
            async move { session.move_to(order, item, to).await }.boxed()
        });
        match done.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reworded(caller, error).await),
        }
    }

    /// A table whose rows the caller may change, by its collection's name. Of another,
    /// nobody learns whether there is one.
    pub(super) fn written(&self, caller: &Caller, collection: &str) -> Result<crate::catalog::TableId, Error> {
        let is_written = |table: &&Table| table.is_writable() && caller.access.update(table.id).is_some();
        let table = self.catalog.collection(collection).filter(is_written);
        let unknown = || Error::Forbidden(Some(format!("no collection `{collection}`, or no permission to use it")));
        table.map(|table| table.id).ok_or_else(unknown)
    }
}

impl Session {
    async fn move_to(&self, order: &Order<'_>, item: &RowKey, to: &RowKey) -> Result<(), Error> {
        let Order { table, column, rows } = order;
        let found = self.locate(table, &table.key, &[item.clone(), to.clone()], rows, false).await?;
        let stored = |key: &RowKey| found.get(key).ok_or(Error::Forbidden(None));
        let (item, to) = (stored(item)?, stored(to)?);
        let keys = [item, to].map(|image| image.row_key(table));
        if keys[0] == keys[1] {
            return Ok(());
        }
        let told = self.told(table, Verb::Sort).map(|heard| (heard, self.slot()));
        let between = self.between(order, [item, to]).await?;
        let is_part = between.is_some();
        let rows = between.map_or_else(|| rows.clone(), |between| rows.clone().and(between));
        let mut items = self.in_order(order, &rows).await?;
        let known: Vec<Option<i64>> = items.iter().map(|(_, number)| *number).collect();
        // What was seen before the rows were held may be otherwise by now.
        let place = |key: &RowKey| items.iter().position(|(known, _)| known == key).ok_or(Error::Conflict);
        let (from, until) = (place(&keys[0])?, place(&keys[1])?);
        if is_part && !are_distinct(&known) {
            return Err(Error::Conflict);
        }
        let moved = items.remove(from);
        items.insert(until, moved);
        let numbers = renumbered(&known, largest(&table.column(*column).column_type));
        let changes = items.into_iter().zip(numbers).filter(|((_, before), now)| *before != Some(*now));
        let changes: Vec<_> =
            changes.map(|((key, _), now)| sql::write::Change { key, values: vec![Value::Int(now)] }).collect();
        self.count(changes.len())?;
        let (count, fields) = (changes.len(), [table.column_field(*column).to_owned()]);
        if self.set(table, &[*column], changes, &fields).await?.len() < count {
            return Err(Error::Forbidden(None));
        }
        if let Some((heard, slot)) = told {
            let [item, to] = keys.map(|key| key_json(&key));
            self.tell(slot, heard, table, Meta::new().with("item", item).with("to", to));
        }
        Ok(())
    }

    /// Which rows move where all have a number of their own: those between the two.
    async fn between(&self, order: &Order<'_>, ends: [&RowImage; 2]) -> Result<Option<Predicate>, Error> {
        let Order { table, column, rows } = order;
        let number = |image: &RowImage| integer(image.key(*column, &table.column(*column).column_type));
        let [Some(one), Some(other)] = ends.map(number) else { return Ok(None) };
        let bound = sql::write::indistinct(self.catalog(), table.id, *column, rows, &self.bindings())?;
        let indistinct = integer(self.read(&bound).await?.key(0, 0, &ColumnType::BigInteger));
        let term = |number: i64| Term::Constant(number.into());
        let (low, high) = (term(one.min(other)), term(one.max(other)));
        let between = Predicate::Compare(Operand::Column(*column), Test::Between { negated: false, low, high });
        Ok((indistinct == Some(0)).then_some(between))
    }

    /// Items in their order, with their numbers, held; those without one come last.
    async fn in_order(&self, order: &Order<'_>, rows: &Predicate) -> Result<Vec<(RowKey, Option<i64>)>, Error> {
        let Order { table, column, .. } = order;
        let most = MAX_SORTED_ITEMS;
        let bound = sql::write::numbered(self.catalog(), table.id, *column, rows, most + 1, &self.bindings())?;
        let found = self.read(&bound).await?;
        if found.len() > most as usize {
            return Err(Fault::Payload(format!("more than {most} items cannot be put in order at once")).into());
        }
        let number = |row| integer(found.key(row, table.key.len(), &table.column(*column).column_type));
        let mut items: Vec<_> = (0..found.len()).map(|row| (key_of(table, &found, row), number(row))).collect();
        items.sort_by_key(|(_, number)| (number.is_none(), *number));
        Ok(items)
    }
}

/// The key that a row begins with.
fn key_of(table: &Table, rows: &Rows, row: usize) -> RowKey {
    let part = |(at, column): (usize, &ColumnId)| rows.key(row, at, &table.column(*column).column_type);
    table.key.iter().enumerate().map(part).collect::<Option<_>>().unwrap_or_default()
}

fn integer(key: Option<Key>) -> Option<i64> {
    match key {
        Some(Key::Int(number)) => Some(number),
        Some(Key::Text(_) | Key::Bytes(_)) | None => None,
    }
}

/// The largest number that is written.
fn largest(column_type: &ColumnType) -> i64 {
    if *column_type == ColumnType::Integer { i64::from(i32::MAX) } else { i64::MAX }
}

/// Whether numbers, in their order, tell items apart.
fn are_distinct(known: &[Option<i64>]) -> bool {
    known.iter().all(Option::is_some) && known.windows(2).all(|pair| pair[0] < pair[1])
}

/// The numbers of items in their order: those that they have, and further ones for
/// those without; new ones for all where two are alike.
fn renumbered(known: &[Option<i64>], largest: i64) -> Vec<i64> {
    let mut numbers: Vec<i64> = known.iter().flatten().copied().collect();
    let missing = known.len() - numbers.len();
    let last = numbers.last().copied().unwrap_or(0);
    let are_distinct = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    match last.checked_add(missing as i64) {
        Some(end) if are_distinct && end <= largest.max(last) => {
            numbers.extend((1..=missing as i64).map(|more| last + more));
        }
        _ => numbers = (1..=known.len() as i64).collect(),
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_far_as_they_tell_items_apart() {
        let renumbered = |known: &[Option<i64>]| renumbered(known, 100);
        assert_eq!(renumbered(&[Some(2), Some(5), Some(9)]), [2, 5, 9]);
        assert_eq!(renumbered(&[Some(2), Some(5), None, None]), [2, 5, 6, 7]);
        assert_eq!(renumbered(&[None, None]), [1, 2]);
        assert_eq!(renumbered(&[Some(3), Some(3), None]), [1, 2, 3]);
        assert_eq!(renumbered(&[Some(99), None]), [99, 100]);
        assert_eq!(renumbered(&[Some(100), None]), [1, 2]);
        assert_eq!(renumbered(&[Some(i64::MAX), None]), [1, 2]);
        assert_eq!(renumbered(&[Some(i64::MAX)]), [i64::MAX]);
        assert_eq!(renumbered(&[]), Vec::<i64>::new());
    }
}
