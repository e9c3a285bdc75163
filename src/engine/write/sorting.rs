//! Moving an item to another's place in the order that a collection is kept in
//! (contract `rest.md` 11). Of the items that the caller may order, those in
//! between move up or down; they share the numbers that they have, so that others'
//! items stay where they are.

use std::sync::Arc;

use futures_util::future::FutureExt as _;
use serde_json::Value as Json;

use super::{
    Session,
    update::{Alteration, Missing},
};
use crate::{
    catalog::{ColumnId, Exposure, Table},
    engine::{Caller, Engine, Error},
    events::RowImage,
    hooks::MutationOptions,
    plan::write::{Fault, RowKey, forbidden, row_key},
    predicate::Predicate,
    sql,
    value::Key,
};

/// Most items that are kept in one order.
const MOST: u32 = 100_000;

impl Engine {
    /// Moves `item` to the place of `to`.
    ///
    /// # Errors
    /// `FORBIDDEN` for what the caller may not order, `INVALID_PAYLOAD` for a
    /// collection without an order, and what the writes meet.
    pub async fn sort_item(&self, caller: &Caller, collection: &str, item: &Json, to: &Json) -> Result<(), Error> {
        let catalog = self.catalog.clone();
        let table = self.written(collection)?;
        let table = catalog.table(table);
        let right = caller.access.update(table.id).ok_or_else(|| forbidden(table))?;
        let column =
            table.sort.ok_or_else(|| Fault::Payload(format!("`{}` has no field that it is sorted by", collection)))?;
        let field = table.column_field(column);
        if !right.allows(field) {
            return Err(forbidden(table).into());
        }
        let rows = right.rows_with_all(std::iter::once(field));
        let (item, to) = (row_key(table, item)?, row_key(table, to)?);
        // The client has asked for one.
        let options = MutationOptions { bypass_limits: true, ..MutationOptions::default() };
        let context = self.context(caller);
        let done = self.in_transaction(caller, &options, &context, |session| {
            let (rows, item, to) = (&rows, &item, &to);
            async move { session.place(table, column, rows, item, to).await }.boxed()
        });
        match done.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reworded(caller, error).await),
        }
    }

    /// A table that can be written to by its collection's name.
    pub(super) fn written(&self, collection: &str) -> Result<crate::catalog::TableId, Error> {
        let table = self.catalog.collection(collection).filter(|table| table.exposure != Exposure::Internal);
        let unknown = || Error::Forbidden(Some(format!("no collection `{collection}`, or no permission to use it")));
        table.map(|table| table.id).ok_or_else(unknown)
    }
}

impl Session {
    async fn place(
        &self,
        table: &Table,
        column: ColumnId,
        rows: &Predicate,
        item: &RowKey,
        to: &RowKey,
    ) -> Result<(), Error> {
        let found = self.locate(table, &table.key, &[item.clone(), to.clone()], rows, false).await?;
        let stored = |key: &RowKey| found.get(key).map(|image| image.row_key(table)).ok_or(Error::Forbidden(None));
        let (item, to) = (stored(item)?, stored(to)?);
        if item == to {
            return Ok(());
        }
        let mut listed = self.listed(table, column, rows).await?;
        let place = |key: &RowKey| listed.iter().position(|(known, _)| known == key).ok_or(Error::Forbidden(None));
        let (from, until) = (place(&item)?, place(&to)?);
        let known: Vec<Option<i64>> = listed.iter().map(|(_, number)| *number).collect();
        let moved = listed.remove(from);
        listed.insert(until, moved);
        let field = table.column_field(column);
        let moves = listed.into_iter().zip(numbers(&known)).filter(|((_, before), now)| *before != Some(*now));
        let alterations = moves.map(|((key, _), now)| Alteration {
            keys: vec![key],
            payload: std::iter::once((field.to_owned(), Json::from(now))).collect(),
        });
        self.update(table, alterations.collect(), Missing::Refuse).await.map(drop)
    }

    /// The items in their order, with their numbers; those without one come last.
    async fn listed(
        &self,
        table: &Table,
        column: ColumnId,
        rows: &Predicate,
    ) -> Result<Vec<(RowKey, Option<i64>)>, Error> {
        let bound = sql::write::matching(self.catalog(), table.id, rows, MOST + 1, &self.bindings())?;
        let found = Arc::new(self.read(&bound).await?);
        if found.len() > MOST as usize {
            return Err(Error::Invalid(format!("more than {MOST} items cannot be kept in one order")));
        }
        let images = (0..found.len()).map(|row| RowImage::new(found.clone(), row, 0));
        let number = |image: &RowImage| match image.key(column, &table.column(column).column_type) {
            Some(Key::Int(number)) => Some(number),
            Some(Key::Text(_) | Key::Bytes(_)) | None => None,
        };
        let mut listed: Vec<_> = images.map(|image| (image.row_key(table), number(&image))).collect();
        listed.sort_by_key(|(_, number)| (number.is_none(), *number));
        Ok(listed)
    }
}

/// The numbers of a list, in its order: those that it has, and further ones for
/// those without; new ones for all where two are alike.
fn numbers(known: &[Option<i64>]) -> Vec<i64> {
    let mut numbers: Vec<i64> = known.iter().flatten().copied().collect();
    let missing = known.len() - numbers.len();
    let last = numbers.last().copied().unwrap_or(0);
    let are_distinct = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    match last.checked_add(missing as i64) {
        Some(end) if are_distinct => numbers.extend(last + 1..=end),
        _ => numbers = (1..=known.len() as i64).collect(),
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_far_as_they_tell_items_apart() {
        assert_eq!(numbers(&[Some(2), Some(5), Some(9)]), [2, 5, 9]);
        assert_eq!(numbers(&[Some(2), Some(5), None, None]), [2, 5, 6, 7]);
        assert_eq!(numbers(&[None, None]), [1, 2]);
        assert_eq!(numbers(&[Some(3), Some(3), None]), [1, 2, 3]);
        assert_eq!(numbers(&[Some(i64::MAX), None]), [1, 2]);
        assert_eq!(numbers(&[]), Vec::<i64>::new());
    }
}
