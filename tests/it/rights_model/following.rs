//! Subscriptions made up at random, and what they are told: the rows that the
//! follower may see, kept up with, and nothing of any others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value as Json, json};
use tidegate::{
    graphql::{Allowed, Opened, Request, Service},
    permissions::Action,
    principal::Principal,
    realtime::{Item, Queue, QueueLimits, Subscription, Taken},
};
use tokio::time::timeout;

use super::{
    filter::{Filter, spelled},
    reading::{Pick, asked, filter, selection, shown},
    rules::{Rights, Seen, Who},
    world::{Rows, World},
};
use crate::support::Dice;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a follower is to know at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// The rows of the set, whether or not anything of them is shown.
    set: BTreeSet<i64>,
    /// What is shown of them.
    shown: BTreeMap<i64, Json>,
}

pub struct Follower {
    who: Who,
    rights: Rights,
    table: usize,
    name: String,
    filter: Option<Filter>,
    picks: Vec<Pick>,
    /// What it has been told.
    mirror: BTreeMap<i64, Json>,
    /// What it could be told of: now, and before what was done last.
    known: [Known; 2],
    queue: Arc<Queue>,
    _subscription: Subscription,
    /// How many messages it got.
    pub told: usize,
}

impl Follower {
    /// Follows a table as somebody; none if there is nothing to follow, or it would
    /// depend on other rows what is shown of each.
    pub async fn open(
        dice: &mut Dice,
        service: &Service,
        caller: &Principal,
        (who, rights): (Who, &Rights),
        world: &World,
        rows: &Rows,
    ) -> Option<Self> {
        let table = dice.below(world.tables.len() as u64) as usize;
        let seen = Seen::new(world, rows, rights, who.user);
        if !rights.allows(table, Action::Read, "id") || rights.is_intricate(table) {
            return None;
        }
        let picks = Pick::values(dice, &seen, table);
        let filter = filter(dice, &seen, table).filter(|_| dice.below(4) > 0);
        let name = world.tables[table].name.clone();
        let written = spelled(&filter.as_ref().map_or(json!({}), Filter::json));
        let query = format!(
            "subscription {{ {name}_mutated(snapshot: true, filter: {written}) {{
                key event transition snapshot data {{ {} }} }} }}",
            selection(&picks)
        );
        let request = Request { query: query.as_str().into(), variables: Map::new(), operation_name: None };
        let topic = match service.open(caller, request, Allowed::Live).await {
            Opened::Changes(topic) => topic,
            other => panic!("{query} is followed: {other:?}"),
        };
        let queue = Arc::new(Queue::new(QueueLimits::default()));
        let subscription = service.hub().subscribe(topic, &queue, 1).await.expect("it begins");
        let (rights, mirror, known) = (rights.clone(), BTreeMap::new(), Default::default());
        let mut follower = Self {
            who,
            rights,
            table,
            name,
            filter,
            picks,
            mirror,
            known,
            queue,
            _subscription: subscription,
            told: 0,
        };
        follower.known[0] = follower.known_of(world, rows);
        while follower.take().await {}
        Some(follower)
    }

    fn known_of(&self, world: &World, rows: &Rows) -> Known {
        let seen = Seen::new(world, rows, &self.rights, self.who.user);
        let mut known = Known::default();
        for (key, row) in &rows[self.table] {
            let holds = self.filter.as_ref().is_none_or(|filter| filter.holds(&seen, self.table, Some(row)));
            if !holds || !seen.is_seen(self.table, row, "id") {
                continue;
            }
            known.set.insert(*key);
            if seen.is_there(self.table, row, &asked(&self.picks)) {
                known.shown.insert(*key, shown(&seen, self.table, row, &self.picks));
            }
        }
        known
    }

    /// Takes in what is told until it knows what there is now.
    pub async fn keep_up(&mut self, world: &World, rows: &Rows) {
        let now = self.known_of(world, rows);
        self.known.rotate_right(1);
        self.known[0] = now;
        while self.mirror != self.known[0].shown {
            self.take().await;
        }
    }

    /// Takes a message in; whether more of the snapshot comes.
    async fn take(&mut self) -> bool {
        let taken = timeout(PATIENCE, self.queue.take(1)).await;
        let taken = taken.unwrap_or_else(|_| panic!("something is told in time\n{self:?}"));
        let Taken::Items(items) = taken else { panic!("{taken:?}\n{self:?}") };
        let Some((_, Item::Next(next, missed))) = items.into_iter().next() else { panic!("it ends\n{self:?}") };
        self.told += 1;
        let mut text = Vec::new();
        next.write_answer(missed, &mut text);
        let mut answer: Json = serde_json::from_slice(&text).expect("an answer is JSON");
        let change = answer["data"][format!("{}_mutated", self.name)].take();
        let context = || format!("{change}\n{self:?}");
        let is_snapshot = change["snapshot"] == true;
        let key = change["key"].as_str().unwrap_or_else(|| panic!("{answer}\n{self:?}"));
        if is_snapshot && key.is_empty() {
            return false;
        }
        let key: i64 = key.parse().expect("keys are numbers");
        if change["data"].is_null() {
            // Of a row that was not in the set it is not told that it went.
            assert!(self.known.iter().any(|known| known.set.contains(&key)), "{}", context());
            self.mirror.remove(&key);
            return true;
        }
        let is_known = self.known.iter().any(|known| known.shown.get(&key) == Some(&change["data"]));
        // Whoever sees everything sees what was between two writes of a transaction.
        assert!(is_known || self.rights.is_whole(self.table), "{}", context());
        self.mirror.insert(key, change["data"].clone());
        true
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (filter, picks) = (self.filter.as_ref().map(Filter::json), selection(&self.picks));
        let (who, name, rights) = (self.who, &self.name, &self.rights);
        writeln!(f, "{who:?} of {name} where {filter:?} shows {picks}, rights {rights:?}")?;
        write!(f, "has {:?}\nknows {:?}", self.mirror, self.known)
    }
}
