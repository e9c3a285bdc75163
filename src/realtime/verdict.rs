//! What changes of the past did to what somebody follows: for people who want to
//! know why they were told of one, or were not.

use std::{collections::HashSet, sync::Arc};

use super::{Hub, Topic, group::Group};
use crate::{
    engine::Error,
    events::{ChangeEvent, Position},
    plan::write::RowKey,
};

/// Events of the log that are looked through, from its end.
const LOOKED_AT: u64 = 10_000;

/// What a change did.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The change.
    pub event: Arc<ChangeEvent>,
    /// Whether the row belonged to what is followed before it; none where nobody can
    /// say any more, because other rows have a say.
    pub before: Option<bool>,
    /// Whether it belongs to it after the change; where other rows have a say, now.
    pub after: bool,
}

impl Hub {
    /// What the last changes of a topic's rows did to what it follows, oldest first.
    ///
    /// # Errors
    /// When it follows no rows, or they cannot be judged.
    pub async fn verdicts(&self, topic: &Topic, last: usize) -> Result<Vec<Verdict>, Error> {
        let (_, changes) = topic.root().ok_or(Error::Internal)?;
        let engine = self.engine();
        let log = engine.events().log();
        let head = log.head();
        let from = Position { offset: head.offset.saturating_sub(LOOKED_AT), ..head };
        let found = log.read_after(from, usize::MAX).or_else(|gone| log.read_after(gone.oldest, usize::MAX));
        // Another epoch has begun meanwhile: there is nothing to tell of yet.
        let mut events = found.unwrap_or_default();
        events.retain(|event| event.table == changes.table);
        events.drain(..events.len().saturating_sub(last));
        let group = Group::new(engine, topic)?;
        let Some(watch) = group.watch() else {
            let verdicts = group.verdicts(&events).await?.into_iter();
            let verdict = |(event, (before, after))| Verdict { event, before: Some(before), after };
            return Ok(events.into_iter().zip(verdicts).map(verdict).collect());
        };
        let keys: HashSet<RowKey> = events.iter().map(|event| event.key.clone()).collect();
        let table = engine.catalog().table(changes.table);
        let images = engine.images(watch, &topic.variables, keys.into_iter().collect()).await?;
        let there: HashSet<RowKey> = images.iter().map(|image| image.row_key(table)).collect();
        let verdict = |event: Arc<ChangeEvent>| {
            let after = event.after.is_some() && there.contains(&event.key);
            Verdict { event, before: None, after }
        };
        Ok(events.into_iter().map(verdict).collect())
    }
}
