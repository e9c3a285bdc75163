//! Natural batching: a look-up leaves at once when none like it is under way;
//! keys that arrive meanwhile form the next batch. An idle gateway adds no
//! delay, a busy one sends fewer, larger statements.
//!
//! Only look-ups with the same statement and the same other parameters share a
//! batch. A statement is compiled for one access, so nothing leaks between
//! callers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{
    Error, Variables,
    batch::{Batch, KeySet},
};
use crate::{
    db::Database,
    sql::{Arguments, ReadStatement},
    tasks,
    value::{Key, Value},
};

/// Most keys of a shared look-up; one that would exceed it goes alone.
const MAX_SHARED_KEYS: usize = 2_000;

/// Runs look-ups in batches shared by all requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Loader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    lanes: Mutex<HashMap<LaneKey, Lane>>,
}

/// What look-ups must have in common to share a batch.
#[derive(Clone, Debug)]
struct LaneKey {
    statement: Arc<ReadStatement>,
    fixed: Vec<Value>,
}

impl PartialEq for LaneKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.statement, &other.statement) && self.fixed == other.fixed
    }
}

impl Eq for LaneKey {}

impl std::hash::Hash for LaneKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.statement).hash(state);
    }
}

type Outcome = Result<Arc<Batch>, Error>;

/// The look-ups that wait for the one under way.
#[derive(Debug, Default)]
struct Lane {
    keys: KeySet,
    waiters: Vec<oneshot::Sender<Outcome>>,
}

impl Loader {
    pub(super) fn new(database: Database) -> Self {
        Self(Arc::new(Shared { database, lanes: Mutex::default() }))
    }

    /// The rows of `keys`, perhaps among those of others' keys.
    pub(super) async fn load(
        &self,
        statement: &Arc<ReadStatement>,
        variables: &Variables,
        keys: Vec<Vec<Key>>,
    ) -> Outcome {
        let own = |keys: Vec<Vec<Key>>| {
            let mut set = KeySet::default();
            for key in keys {
                set.add(key);
            }
            set
        };
        if keys.len() > MAX_SHARED_KEYS {
            return self.0.fetch(statement, variables, own(keys)).await;
        }
        let fixed = statement.statement.fixed(&variables.bindings()).map_err(Error::Invalid)?;
        let lane = LaneKey { statement: statement.clone(), fixed };
        let keys = match self.0.join(&lane, keys) {
            Joined::Waiting(receiver) => return receiver.await.unwrap_or(Err(Error::Internal)),
            Joined::Alone(keys) => return self.0.fetch(statement, variables, own(keys)).await,
            Joined::First(keys) => keys,
        };
        // Whatever becomes of this request, those who waited for it go on.
        let _turn = Turn { shared: &self.0, lane: &lane, variables };
        self.0.fetch(statement, variables, own(keys)).await
    }
}

enum Joined {
    /// None like it is under way: go at once.
    First(Vec<Vec<Key>>),
    /// The next batch is full.
    Alone(Vec<Vec<Key>>),
    /// The batch after the one under way brings the answer.
    Waiting(oneshot::Receiver<Outcome>),
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, HashMap<LaneKey, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, key: &LaneKey, keys: Vec<Vec<Key>>) -> Joined {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(key) else {
            lanes.insert(key.clone(), Lane::default());
            return Joined::First(keys);
        };
        if lane.keys.keys.len() + keys.len() > MAX_SHARED_KEYS {
            return Joined::Alone(keys);
        }
        let (sender, receiver) = oneshot::channel();
        for key in keys {
            lane.keys.add(key);
        }
        lane.waiters.push(sender);
        Joined::Waiting(receiver)
    }

    /// Those who wait in a lane, or `None` and the lane is gone.
    fn next(&self, key: &LaneKey) -> Option<Lane> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(key)?;
        lane.waiters.retain(|waiter| !waiter.is_closed());
        if lane.waiters.is_empty() {
            lanes.remove(key);
            return None;
        }
        Some(std::mem::take(lane))
    }

    async fn fetch(&self, statement: &ReadStatement, variables: &Variables, keys: KeySet) -> Outcome {
        let arguments = Arguments::of_keys(variables.bindings(), &keys.keys);
        let bound = statement.statement.bind(&arguments).map_err(Error::Invalid)?;
        let rows = self.database.fetch(&bound.text, &bound.values).await;
        let rows = rows.map_err(|error| Error::from_database(error, &statement.statement.text()))?;
        let Some(lookup) = &statement.lookup else { return Ok(Arc::new(Batch::whole(rows))) };
        Ok(Arc::new(Batch::grouped(rows, lookup, keys)))
    }

    /// Serves those who wait in a lane once; whoever arrives meanwhile is next.
    async fn serve(self: Arc<Self>, key: LaneKey, variables: Variables, lane: Lane) {
        let _turn = Turn { shared: &self, lane: &key, variables: &variables };
        let Lane { keys, mut waiters } = lane;
        let all_gone = async {
            for waiter in &mut waiters {
                waiter.closed().await;
            }
        };
        // With the last of those who asked, their statement goes too.
        let outcome = tokio::select! {
            biased;
            outcome = self.fetch(&key.statement, &variables, keys) => outcome,
            () = all_gone => Err(Error::Internal),
        };
        for waiter in waiters {
            // Who is gone needs no answer.
            let _ = waiter.send(outcome.clone());
        }
    }
}

/// A look-up under way. When it ends, in whatever way, panics included, a task
/// takes over for those who arrived meanwhile.
struct Turn<'a> {
    shared: &'a Arc<Shared>,
    lane: &'a LaneKey,
    variables: &'a Variables,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(lane) = self.shared.next(self.lane) {
            let shared = self.shared.clone();
            tasks::spawn("look-ups", shared.serve(self.lane.clone(), self.variables.clone(), lane));
        }
    }
}
