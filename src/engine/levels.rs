//! Execution, breadth first: a level's rows give the keys of the next.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio::sync::Mutex;

use super::{
    AggregateRoot, Batch, Caller, Child, Consistency, Engine, Error, KeyRoot, Node, Root, RootKind, Variables,
    batch::KeySet,
};
use super::{
    encode::{ListWriter, Written},
    trace::{Running, Trace},
    write::Work,
};
use crate::{
    catalog::Dialect,
    db::{Rows, Snapshot},
    predicate::Target,
    sql::{Arguments, ReadStatement, Statement},
    value::Key,
};

/// Keys of one statement that MySQL is sent as a `UNION`.
const MAX_UNITED_KEYS: usize = 2_048;

/// MySQL's protocol counts placeholders with 16 bits; a chunk is padded to the
/// next power of two.
const MAX_PLACEHOLDERS: usize = 32_768;

/// The rows of one level that belong to one request.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Where the rows are.
    pub(super) batches: Vec<Arc<Batch>>,
    /// The rows of each distinct key.
    pub(super) spans: Vec<Span>,
    /// For each row of the level above, its key's position in `spans`; `None`
    /// where the key is null.
    pub(super) parents: Vec<Option<u32>>,
    /// The next level, by [`Node::children`].
    pub(super) children: Vec<Level>,
    /// Why there are no rows.
    pub(super) failure: Option<Error>,
}

/// Consecutive rows of one batch.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) batch: usize,
    pub(super) start: u32,
    pub(super) length: u32,
    /// Number of the level's rows before it.
    pub(super) base: u32,
}

/// What a root field gave.
#[derive(Debug)]
pub(super) enum Filled {
    /// Rows.
    Rows(Level),
    /// Rows of an aggregate.
    Aggregate(Rows),
    /// A list that was written while its rows arrived.
    Written(Written),
    /// JSON text.
    Text(Vec<u8>),
    /// Nothing was needed.
    Nothing,
}

/// Where statements are sent.
pub(super) struct Source<'a> {
    engine: &'a Engine,
    way: Way,
    trace: Option<Arc<Trace>>,
}

enum Way {
    /// Each statement on its own.
    Alone,
    /// In one read-only transaction, once it was begun.
    Snapshot(Mutex<Option<Snapshot>>),
    /// In a transaction that writes.
    Within(Arc<Work>),
}

impl<'a> Source<'a> {
    pub(super) fn new(engine: &'a Engine, consistency: Consistency) -> Self {
        let way = match consistency {
            Consistency::Statement => Way::Alone,
            Consistency::Operation => Way::Snapshot(Mutex::new(None)),
        };
        Self { engine, way, trace: None }
    }

    /// Keeps what is asked, if the caller wants to know.
    pub(super) fn traced(self, caller: &Caller) -> Self {
        Self { trace: caller.trace.clone(), ..self }
    }

    /// Reads what a transaction in progress sees.
    pub(super) fn within(engine: &'a Engine, work: Arc<Work>) -> Self {
        Self { engine, way: Way::Within(work), trace: None }
    }

    /// Whether each statement can take whatever way is the shortest, together with
    /// those of others.
    fn is_alone(&self) -> bool {
        matches!(self.way, Way::Alone) && self.trace.is_none()
    }

    pub(super) async fn finish(self) {
        if let Way::Snapshot(snapshot) = self.way
            && let Some(snapshot) = snapshot.into_inner()
        {
            snapshot.finish().await;
        }
    }

    pub(super) async fn fetch(&self, statement: &Statement, arguments: &Arguments<'_>) -> Result<Rows, Error> {
        let bound = statement.bind(arguments).map_err(Error::Invalid)?;
        let database = self.engine.database();
        let trace = self.trace.as_deref();
        let running = Running::begin(trace);
        let rows = match &self.way {
            Way::Alone => database.fetch(&bound.text, &bound.values).await,
            Way::Within(work) => work.fetch(&bound).await,
            Way::Snapshot(shared) => {
                let mut shared = shared.lock().await;
                let begun = match shared.take() {
                    Some(snapshot) => Ok(snapshot),
                    None => database.snapshot().await,
                };
                match begun {
                    Ok(mut snapshot) => {
                        let rows = snapshot.fetch(&bound.text, &bound.values).await;
                        // After an error the transaction is not worth keeping.
                        *shared = rows.is_ok().then_some(snapshot);
                        rows
                    }
                    Err(error) => Err(error),
                }
            }
        };
        if trace.is_some() {
            running.end(&statement.text().into(), &bound.values, &rows);
        }
        rows.map_err(|error| Error::from_database(error, &statement.text()))
    }

    pub(super) async fn look_up(
        &self,
        statement: &Arc<ReadStatement>,
        variables: &Variables,
        keys: Vec<Vec<Key>>,
    ) -> Result<Arc<Batch>, Error> {
        if self.is_alone() {
            return self.engine.loader.load(statement, variables, keys).await;
        }
        let mut set = KeySet::default();
        for key in keys {
            set.add(key);
        }
        let arguments = Arguments::of_keys(variables.bindings(), &set.keys);
        let rows = self.fetch(&statement.statement, &arguments).await?;
        Ok(Arc::new(match &statement.lookup {
            Some(lookup) => Batch::grouped(rows, lookup, set),
            None => Batch::whole(rows),
        }))
    }
}

/// Runs all roots, concurrently where each statement has a connection of its own.
pub(super) async fn run(source: &Source<'_>, roots: &[Root], variables: &Variables) -> Vec<Result<Filled, Error>> {
    if let [root] = roots {
        return vec![run_root(source, root, variables).await];
    }
    join_all(roots.iter().map(|root| run_root(source, root, variables))).await
}

pub(super) async fn run_root(source: &Source<'_>, root: &Root, variables: &Variables) -> Result<Filled, Error> {
    match &root.kind {
        RootKind::List(node) if node.children.is_empty() && source.is_alone() => {
            written_list(source, root, node, variables).await
        }
        RootKind::List(node) | RootKind::Single(node) => list(source, node, variables).await,
        RootKind::Native(native) => native.answer(variables).await.map(Filled::Text),
        RootKind::Key(root) => by_key(source, root, variables).await,
        RootKind::Aggregate(root) => aggregates(source, root, variables).await,
        RootKind::LiveAggregate(root) => aggregates(source, &root.aggregate, variables).await,
        // Neither writing nor waiting is this room's business.
        RootKind::Write(_) | RootKind::Changes(_) => Err(Error::Internal),
        RootKind::Constant(_) => Ok(Filled::Nothing),
        RootKind::Failed(error) => Err(error.clone()),
    }
}

async fn aggregates(source: &Source<'_>, root: &AggregateRoot, variables: &Variables) -> Result<Filled, Error> {
    let arguments = Arguments::new(variables.bindings());
    source.fetch(&root.statement, &arguments).await.map(Filled::Aggregate)
}

async fn list(source: &Source<'_>, node: &Node, variables: &Variables) -> Result<Filled, Error> {
    among(source, node, variables, &[]).await.map(Filled::Rows)
}

/// One list: of all rows, or of those with given keys.
pub(super) async fn among(
    source: &Source<'_>,
    node: &Node,
    variables: &Variables,
    keys: &[Vec<Key>],
) -> Result<Level, Error> {
    let Some(statement) = &node.statement else { return Ok(Level::default()) };
    let arguments = Arguments::of_keys(variables.bindings(), keys);
    let batch = Batch::whole(source.fetch(&statement.statement, &arguments).await?);
    Ok(from_batch(source, node, batch, variables).await)
}

/// A level of rows that are here already, and what hangs on them.
pub(super) async fn from_batch(source: &Source<'_>, node: &Node, batch: Batch, variables: &Variables) -> Level {
    let all = batch.all();
    let span = Span { batch: 0, start: all.start, length: all.end - all.start, base: 0 };
    let mut level =
        Level { batches: vec![Arc::new(batch)], spans: vec![span], parents: vec![Some(0)], ..Level::default() };
    descend(source, node, &mut level, variables).await;
    level
}

/// A list with nothing hanging on its rows can be written as they arrive.
async fn written_list(source: &Source<'_>, root: &Root, node: &Node, variables: &Variables) -> Result<Filled, Error> {
    let Some(statement) = &node.statement else { return Ok(Filled::Rows(Level::default())) };
    let statement = &statement.statement;
    let arguments = Arguments::new(variables.bindings());
    let bound = statement.bind(&arguments).map_err(Error::Invalid)?;
    let mut writer = ListWriter::new(root, node, source.engine.options.max_answer);
    let sent = source.engine.database().fetch_blocks(&bound.text, &bound.values, &mut |rows| writer.rows(&rows)).await;
    match sent {
        Ok(()) => Ok(Filled::Written(writer.finish())),
        Err(error) => Err(Error::from_database(error, &statement.text())),
    }
}

/// A malformed key and a missing row are answered alike (contract 4.1).
async fn by_key(source: &Source<'_>, root: &KeyRoot, variables: &Variables) -> Result<Filled, Error> {
    let bindings = variables.bindings();
    let mut key = Vec::with_capacity(root.key.len());
    for (term, target) in &root.key {
        let json = term.resolve(&bindings).ok_or(Error::Forbidden(None))?;
        if json.is_null() {
            // Nobody's own row.
            return Ok(Filled::Text(b"null".to_vec()));
        }

        key.push(target.key(json, bindings.now_micros).map_err(|_| Error::Forbidden(None))?);
    }
    let Some(statement) = &root.node.statement else { return Err(Error::Forbidden(None)) };
    let batch = source.look_up(statement, variables, vec![key.clone()]).await?;
    let range = batch.range(&key);
    if range.is_empty() {
        return Err(Error::Forbidden(None));
    }
    let span = Span { batch: 0, start: range.start, length: 1, base: 0 };
    let mut level = Level { batches: vec![batch], spans: vec![span], parents: vec![Some(0)], ..Level::default() };
    descend(source, &root.node, &mut level, variables).await;
    Ok(Filled::Rows(level))
}

/// Fetches what hangs on a level's rows, all relations concurrently.
pub(super) fn descend<'a>(
    source: &'a Source<'_>,
    node: &'a Node,
    level: &'a mut Level,
    variables: &'a Variables,
) -> BoxFuture<'a, ()> {
    async move {
        let parents = &*level;
        let children = match &node.children[..] {
            [] => return,
            [child] => vec![next_level(source, child, parents, variables).await],
            children => join_all(children.iter().map(|child| next_level(source, child, parents, variables))).await,
        };
        level.children = children;
    }
    .boxed()
}

async fn next_level(source: &Source<'_>, child: &Child, above: &Level, variables: &Variables) -> Level {
    let (keys, parents) = collect_keys(child, above);
    let mut level = Level { parents, ..Level::default() };
    let Some(statement) = child.node.statement.as_ref().filter(|_| !keys.is_empty()) else {
        level.spans = vec![Span { batch: 0, start: 0, length: 0, base: 0 }; keys.len()];
        return level;
    };
    let chunk = match source.engine.database().dialect() {
        Dialect::MySql if child.key.iter().any(|(_, column_type)| column_type.is_textual()) => MAX_UNITED_KEYS,
        Dialect::MySql => (MAX_PLACEHOLDERS / child.key.len().next_power_of_two()).max(1),
        _ => usize::MAX,
    };
    for keys in keys.chunks(chunk.min(keys.len())) {
        match source.look_up(statement, variables, keys.to_vec()).await {
            Ok(batch) => add_spans(&mut level, batch, keys),
            Err(error) => {
                level.failure = Some(error);
                return level;
            }
        }
    }
    descend(source, &child.node, &mut level, variables).await;
    level
}

/// A key as it is where it leads; none of what can be none there.
fn converted(key: Vec<Key>, targets: &[Target]) -> Option<Vec<Key>> {
    if targets.is_empty() {
        return Some(key);
    }
    // No key is a time of now.
    let convert = |(part, target): (Key, &Target)| {
        let text: Arc<str> = match part {
            Key::Bytes(_) => return None,
            Key::Int(number) => number.to_string().into(),
            Key::Text(text) => text,
        };
        let key = target.key(&(&*text).into(), 0).ok()?;
        // In one spelling only, as conditions have it.
        let is_it = match &key {
            Key::Int(number) => number.to_string() == *text,
            Key::Text(known) => *known == text,
            Key::Bytes(_) => false,
        };
        is_it.then_some(key)
    };
    key.into_iter().zip(targets).map(convert).collect()
}

pub(super) fn add_spans(level: &mut Level, batch: Arc<Batch>, keys: &[Vec<Key>]) {
    let mut base = level.spans.last().map_or(0, |last| last.base + last.length);
    for key in keys {
        let range = batch.range(key);
        let length = range.end - range.start;
        level.spans.push(Span { batch: level.batches.len(), start: range.start, length, base });
        base += length;
    }
    level.batches.push(batch);
}

/// The distinct keys of a level's rows, and for each row the position of its key.
fn collect_keys(child: &Child, above: &Level) -> (Vec<Vec<Key>>, Vec<Option<u32>>) {
    let mut set = KeySet::default();
    let mut parents = Vec::new();
    for span in &above.spans {
        let Some(batch) = above.batches.get(span.batch) else { continue };
        for at in span.start..span.start + span.length {
            let row = batch.row(at);
            let parts = child.key.iter().map(|(column, column_type)| batch.rows.key(row, *column, column_type));
            let key = parts.collect::<Option<Vec<Key>>>().and_then(|key| converted(key, &child.targets));
            parents.push(key.map(|key| set.add(key)));
        }
    }
    (set.keys, parents)
}
