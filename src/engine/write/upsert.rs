//! Rows that are created, or updated where there is one with the same values
//! in the columns of a unique key.
//!
//! Not `INSERT … ON CONFLICT`: filters, events and rights differ for what is
//! new and what is not, and MySQL minds every unique key instead of one. Rows
//! that exist are held and updated, the rest is inserted; if another
//! transaction was faster, the unique key says so and everything is done again.

use std::collections::HashMap;

use super::{
    update::{Alteration, Missing},
    work::Session,
};
use crate::{
    catalog::{ColumnId, Table},
    engine::Error,
    events::RowImage,
    plan::write::{Given, Payload, RowKey, forbidden, values_of},
    predicate::Predicate,
};

impl Session {
    /// Creates or updates rows; their images in the order of `payloads`.
    pub(super) async fn upsert(
        &self,
        table: &Table,
        payloads: Vec<Payload>,
        on: &[ColumnId],
    ) -> Result<Vec<RowImage>, Error> {
        let mut keys = Vec::with_capacity(payloads.len());
        for payload in &payloads {
            keys.push(values_of(self.catalog(), table, on, payload)?);
        }
        let mut images: Vec<Option<RowImage>> = vec![None; payloads.len()];
        let mut payloads: Vec<Option<Payload>> = payloads.into_iter().map(Some).collect();
        for round in rounds(&keys) {
            self.upsert_round(table, on, &keys, &mut payloads, &round, &mut images).await?;
        }
        images.into_iter().map(|image| image.ok_or(Error::Internal)).collect()
    }

    /// Rows of which no two are the same.
    async fn upsert_round(
        &self,
        table: &Table,
        on: &[ColumnId],
        keys: &[Option<RowKey>],
        payloads: &mut [Option<Payload>],
        round: &[usize],
        images: &mut [Option<RowImage>],
    ) -> Result<(), Error> {
        let access = &self.caller.access;
        access.update(table.id).or_else(|| access.create(table.id)).ok_or_else(|| forbidden(table))?;
        let asked: Vec<RowKey> = round.iter().filter_map(|at| keys[*at].clone()).collect();
        // All that there are: one that may not be updated is refused by the
        // update, not taken for new.
        let found = self.locate(table, on, &asked, &Predicate::always(), true).await?;
        let (mut created, mut creations, mut updated, mut alterations) = (vec![], vec![], vec![], vec![]);
        for at in round {
            let Some(payload) = payloads[*at].take() else { continue };
            match keys[*at].as_ref().and_then(|key| found.get(key)) {
                Some(image) => {
                    updated.push(*at);
                    alterations.push(Alteration { keys: vec![image.row_key(table)], payload });
                }
                None => {
                    created.push(*at);
                    creations.push(Given::Owned(payload));
                }
            }
        }
        if !alterations.is_empty() {
            let after = self.update(table, alterations, Missing::Refuse).await?;
            for (at, mut after) in updated.into_iter().zip(after) {
                images[at] = after.pop();
            }
        }
        if !creations.is_empty() {
            let after = self.create(table, creations).await;
            let after = after.map_err(|error| match self.has_written(table, on, &asked) {
                // What is nested in the rows has made one of them already.
                true => error,
                false => overtaken(error, table, on),
            })?;
            for (at, image) in created.into_iter().zip(after) {
                images[at] = Some(image);
            }
        }
        Ok(())
    }
}

/// Another transaction may have inserted the row in the meantime.
fn overtaken(mut error: Error, table: &Table, on: &[ColumnId]) -> Error {
    if let Error::Broken(broken) = &mut error {
        broken.transient = broken.kind == crate::db::ViolationKind::Unique
            && broken.collection.as_ref() == Some(&table.collection)
            && on.iter().any(|column| broken.field.as_deref() == Some(table.column_field(*column)));
    }
    error
}

/// Places by number, so that no round has one key twice and those of one key
/// come in their order.
fn rounds(keys: &[Option<RowKey>]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut met: HashMap<&RowKey, usize> = HashMap::new();
    for (at, key) in keys.iter().enumerate() {
        let round = key.as_ref().map_or(0, |key| {
            let times = met.entry(key).or_insert(0);
            *times += 1;
            *times - 1
        });
        if round >= rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(at);
    }
    rounds
}
