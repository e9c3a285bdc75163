//! What is to be executed and how its rows look as JSON: made once per plan,
//! shared by all its runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use crate::{
    catalog::{ColumnId, ColumnType, TableId},
    db::Form,
    events::Action,
    predicate::{Bindings, Input, Predicate, Target, Term},
    sql::{JudgeStatement, ReadStatement, Statement},
};

/// A place in a document, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One root field of an operation.
#[derive(Debug)]
pub struct Root {
    /// The name in the answer.
    pub key: Arc<str>,
    /// Where it stands.
    pub position: Position,
    /// Whether a failure takes all of `data` with it.
    pub non_null: bool,
    /// What of which collection is read; for hooks.
    pub asked: Option<Box<Asked>>,
    /// What it is.
    pub kind: RootKind,
}

/// What a root field reads, as hooks are told.
#[derive(Debug)]
pub struct Asked {
    /// Where.
    pub table: TableId,
    /// The arguments, by their names.
    pub arguments: Vec<(Box<str>, Input)>,
    /// The fields, by their own names.
    pub fields: Vec<Box<str>>,
}

impl Asked {
    /// The query as an object.
    pub fn query(&self, variables: &[Option<Json>]) -> Json {
        let arguments = self.arguments.iter().filter_map(|(name, input)| {
            let json = input.resolve(variables)?;
            Some((name.to_string(), json))
        });
        let mut query: serde_json::Map<String, Json> = arguments.filter(|(_, json)| !json.is_null()).collect();
        query.insert("fields".to_owned(), self.fields.iter().map(|name| &**name).collect());
        Json::Object(query)
    }
}

/// What a root field is.
#[derive(Debug)]
pub enum RootKind {
    /// A list of rows.
    List(Node),
    /// The only row of a collection that holds one.
    Single(Node),
    /// Something that no table answers.
    Native(Box<dyn Native>),
    /// A row by its key.
    Key(KeyRoot),
    /// Aggregates.
    Aggregate(AggregateRoot),
    /// Aggregates that are followed.
    LiveAggregate(Box<LiveAggregateRoot>),
    /// Something to write.
    Write(Box<WriteRoot>),
    /// Changes as they happen.
    Changes(Box<ChangesRoot>),
    /// JSON text that is known already.
    Constant(Box<[u8]>),
    /// A field that cannot be planned; its siblings can.
    Failed(super::Error),
}

/// Answers what no table does.
pub trait Native: std::fmt::Debug + Send + Sync {
    /// The answer, as JSON text.
    fn answer<'a>(&'a self, variables: &'a super::Variables) -> BoxFuture<'a, Result<Vec<u8>, super::Error>>;

    /// Memory that it takes, in bytes, roughly.
    fn weight(&self) -> usize;
}

/// A row by its key.
#[derive(Debug)]
pub struct KeyRoot {
    /// The look-up.
    pub node: Node,
    /// The key's parts.
    pub key: Vec<(Term, Target)>,
}

/// Aggregates.
#[derive(Debug)]
pub struct AggregateRoot {
    /// The statement.
    pub statement: Statement,
    /// How each of its rows is written.
    pub shape: Shape,
}

/// Aggregates that are told whenever they have changed.
#[derive(Debug)]
pub struct LiveAggregateRoot {
    /// Of whose rows.
    pub table: TableId,
    /// What is computed.
    pub aggregate: AggregateRoot,
    /// The columns that it looks at, by table.
    pub looks_at: BTreeMap<TableId, BTreeSet<ColumnId>>,
    /// How often a second at most; a client's number.
    pub per_second: Option<Input>,
}

impl LiveAggregateRoot {
    /// How often a second at most.
    ///
    /// # Errors
    /// Why the client's number cannot be used.
    pub fn per_second(&self, variables: &super::Variables) -> Result<f64, super::Error> {
        const RANGE: std::ops::RangeInclusive<f64> = 0.01..=20.0;
        let asked = self.per_second.as_ref().and_then(|input| input.resolve(&variables.values));
        match asked.filter(|json| !json.is_null()) {
            None => Ok(2.0),
            Some(json) => json.as_f64().filter(|number| RANGE.contains(number)).ok_or_else(|| {
                let (least, most) = RANGE.into_inner();
                super::Error::Invalid(format!("`perSecond` is a number from {least} to {most}"))
            }),
        }
    }

    /// What a client's values become in its statement, as a text.
    ///
    /// # Errors
    /// Why one cannot be used.
    pub fn fixed(&self, variables: &super::Variables) -> Result<String, super::Error> {
        fixed(&self.aggregate.statement, variables)
    }
}

/// What one transaction of a mutation covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionScope {
    /// Each root field by itself.
    Field,
    /// All root fields of the operation.
    Operation,
}

/// Something to write, and how it is answered.
#[derive(Debug)]
pub struct WriteRoot {
    /// Where.
    pub table: TableId,
    /// What; payloads and keys are templates for the variables' values.
    pub operation: WriteOperation,
    /// How what was written is shown.
    pub answer: WriteAnswer,
}

/// What is to be written.
#[derive(Debug)]
pub enum WriteOperation {
    /// New rows: a payload or a list of them.
    Create(Input),
    /// One payload for some rows.
    Update {
        /// The rows, a list of keys.
        keys: Input,
        /// The payload.
        data: Input,
        /// Whether a missing row is refused whoever asks.
        strict: bool,
    },
    /// A payload with its key for each row.
    UpdateBatch(Input),
    /// A payload for the only row, which is made if it is not there.
    UpdateSingleton(Input),
    /// One payload for the rows for which a condition holds.
    UpdateWhere {
        /// The condition, allowed.
        predicate: Predicate,
        /// Most rows; more are refused.
        limit: u32,
        /// The payload.
        data: Input,
    },
    /// New rows, or changed ones where a unique key is there already.
    Upsert {
        /// A payload or a list of them.
        data: Input,
        /// The unique key.
        on: Vec<ColumnId>,
    },
    /// Rows that go, a list of keys.
    Delete(Input),
    /// Rows that go where a condition holds.
    DeleteWhere {
        /// The condition, allowed.
        predicate: Predicate,
        /// Most rows; more are refused.
        limit: u32,
    },
}

/// How what was written is shown.
#[derive(Debug)]
pub enum WriteAnswer {
    /// The row, read back.
    Row(Node),
    /// The rows, read back.
    Rows(Node),
    /// `true`: the caller may not read them.
    Done,
    /// The keys of rows that are gone.
    Gone {
        /// Whether there is one.
        one: bool,
        /// The members of the answer.
        members: Vec<GoneMember>,
    },
}

/// A member of the answer to a deletion.
#[derive(Debug)]
pub struct GoneMember {
    /// Its name in the answer.
    pub key: Arc<str>,
    /// What it shows.
    pub value: Gone,
}

/// What an answer to a deletion shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The key or keys, as they were given.
    Keys,
    /// The type's name.
    Typename,
}

/// Changes of a collection's rows, as they are told.
#[derive(Debug)]
pub struct ChangesRoot {
    /// Whose rows.
    pub table: TableId,
    /// What must have happened to them; `None` means anything.
    pub action: Option<Action>,
    /// Of which rows, allowed.
    pub predicate: Predicate,
    /// How it is found out of which it holds.
    pub judge: Judge,
    /// What is told.
    pub members: Vec<ChangeMember>,
    /// Behind which position it begins; `None` means now.
    pub after: Option<Input>,
    /// The rows there are now, told before any change; `None` if nobody asks.
    pub snapshot: Option<Arc<ReadStatement>>,
    /// More rows than this are not told at once.
    pub most_rows: u32,
    /// What becomes of changes that the client is too slow for.
    pub overflow: Overflow,
}

/// How it is found out whether a condition holds of a row that has changed.
#[derive(Debug)]
pub enum Judge {
    /// The row alone tells, in memory.
    Memory,
    /// The database tells, of the values that the row had or has.
    Values(Box<JudgeStatement>),
    /// It is about other rows as well, which change too: the keys of those for
    /// which it holds are kept.
    Members(Box<Watch>),
}

/// Statements for a condition that is about more rows than one.
#[derive(Debug)]
pub struct Watch {
    /// All keys for which it holds.
    pub all: Arc<ReadStatement>,
    /// Whole rows for which it holds, by their keys.
    pub rows: Arc<ReadStatement>,
    /// The columns of other tables that it looks at.
    pub related: BTreeMap<TableId, BTreeSet<ColumnId>>,
    /// More keys than this are not kept.
    pub most: u32,
}

/// What becomes of changes that a client is too slow for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The connection is closed.
    #[default]
    Close,
    /// The oldest that wait are dropped; how many is told.
    DropOldest,
    /// Of each row only the latest waits.
    Latest,
}

/// A member of a change as it is told.
#[derive(Debug)]
pub struct ChangeMember {
    /// The name as JSON, with its colon: `"key":`.
    pub prefix: Box<[u8]>,
    /// The name, for error paths.
    pub key: Arc<str>,
    /// What it shows.
    pub value: ChangeValue,
}

/// What a member of a change shows.
#[derive(Debug)]
pub enum ChangeValue {
    /// The row's key as a text.
    Key,
    /// What happened.
    Event,
    /// Whether the row came into the set or left it.
    Transition,
    /// Whether it is no change, but a row that was there.
    Snapshot,
    /// The place in the log.
    Position,
    /// When it was committed.
    Time,
    /// The row, read anew by its key or from its image.
    Data(Node),
    /// JSON text that is known already.
    Constant(Box<[u8]>),
}

/// One level: a statement, how its rows are written, and what hangs on them.
#[derive(Debug)]
pub struct Node {
    /// The statement; `None` where it is known that there are no rows.
    pub statement: Option<Arc<ReadStatement>>,
    /// How a row is written.
    pub shape: Shape,
    /// The next level.
    pub children: Vec<Child>,
    /// Rows to make room for: as many as were asked for.
    pub expected_rows: usize,
    /// Whether its rows are images of written rows, in their order and all of
    /// them, so that those need not be read again.
    pub from_image: bool,
}

/// A relation of a level's rows.
#[derive(Debug)]
pub struct Child {
    /// The cells of the parent row that are its key there.
    pub key: Vec<(usize, ColumnType)>,
    /// The related rows.
    pub node: Node,
    /// Whether there is no list at all where the key is null, instead of an empty
    /// one: it may not be seen there.
    pub hides: bool,
    /// What the key's parts are where they lead, if their types are others.
    pub targets: Vec<Target>,
}

/// The members of a JSON object, in order.
#[derive(Debug, Default)]
pub struct Shape {
    /// The members.
    pub members: Vec<Member>,
}

/// A member of a JSON object.
#[derive(Debug)]
pub struct Member {
    /// The name as JSON, with its colon: `"title":`.
    pub prefix: Box<[u8]>,
    /// The name, for error paths.
    pub key: Arc<str>,
    /// Where it stands in the document.
    pub position: Position,
    /// Its value.
    pub output: Output,
}

/// Where the value of a member comes from.
#[derive(Debug)]
pub enum Output {
    /// A cell of the row.
    Cell {
        /// Which.
        column: usize,
        /// Its type.
        column_type: ColumnType,
        /// Its spelling.
        form: Form,
        /// Whether null is a fault that takes the object with it.
        non_null: bool,
    },
    /// The first of the related rows, or null: [`Node::children`] by position.
    One(usize),
    /// All related rows.
    Many(usize),
    /// The row of whichever relation has a key, or null.
    OneOf(Vec<usize>),
    /// An object made of cells of the same row.
    Object(Shape),
    /// As `Object`, but null where this cell is null: a related row of which
    /// nothing but the key is asked for, and that is known already.
    Present(usize, Shape),
    /// JSON text that is known already.
    Constant(Box<[u8]>),
}

/// Bytes that a member takes beside its name, and a node beside its SQL, roughly.
const MEMBER_WEIGHT: usize = 160;
const NODE_WEIGHT: usize = 512;

impl Root {
    /// Memory that it takes, in bytes, roughly.
    pub fn weight(&self) -> usize {
        match &self.kind {
            RootKind::List(node) | RootKind::Single(node) => node.weight(),
            RootKind::Native(native) => native.weight(),
            RootKind::Key(root) => root.node.weight(),
            RootKind::Aggregate(root) => root.weight(),
            RootKind::LiveAggregate(root) => root.aggregate.weight() + NODE_WEIGHT,
            RootKind::Write(root) => root.weight(),
            RootKind::Changes(root) => root.weight(),
            RootKind::Constant(text) => text.len(),
            RootKind::Failed(_) => MEMBER_WEIGHT,
        }
    }
}

impl WriteRoot {
    fn weight(&self) -> usize {
        let data = match &self.operation {
            WriteOperation::Create(data)
            | WriteOperation::UpdateBatch(data)
            | WriteOperation::UpdateSingleton(data)
            | WriteOperation::Upsert { data, .. }
            | WriteOperation::UpdateWhere { data, .. }
            | WriteOperation::Delete(data) => data.size(),
            WriteOperation::Update { keys, data, .. } => keys.size() + data.size(),
            WriteOperation::DeleteWhere { .. } => 0,
        };
        let answer = match &self.answer {
            WriteAnswer::Row(node) | WriteAnswer::Rows(node) => node.weight(),
            WriteAnswer::Done | WriteAnswer::Gone { .. } => NODE_WEIGHT,
        };
        MEMBER_WEIGHT * (1 + data) + answer
    }
}

impl AggregateRoot {
    fn weight(&self) -> usize {
        self.statement.weight() + self.shape.weight()
    }
}

impl Judge {
    /// Whether changes of the past can be judged as well as those to come.
    pub fn is_replayable(&self) -> bool {
        !matches!(self, Self::Members(_))
    }

    /// What sets it apart from others, with what a client's values become; only
    /// where a statement tells.
    ///
    /// # Errors
    /// Why a value cannot be used.
    pub fn fixed(&self, variables: &super::Variables) -> Result<String, super::Error> {
        match self {
            Self::Memory => Ok(String::new()),
            Self::Values(judge) => Ok(format!("{:p}:{}", &raw const **judge, fixed(&judge.statement, variables)?)),
            Self::Members(watch) => Ok(format!("{:p}:{}", &raw const **watch, watch.fixed(variables)?)),
        }
    }
}

impl Watch {
    /// What a client's values become in its statements, as a text.
    ///
    /// # Errors
    /// Why one cannot be used.
    pub fn fixed(&self, variables: &super::Variables) -> Result<String, super::Error> {
        Ok(format!("{}{}", fixed(&self.all.statement, variables)?, fixed(&self.rows.statement, variables)?))
    }

    /// Why it cannot be followed.
    pub fn too_many(&self) -> super::Error {
        let most = self.most;
        super::Error::Invalid(format!(
            "the filter holds for more than {most} items, and is about others too: those would have to be kept in mind"
        ))
    }
}

/// The present does not count: it is another one each time.
fn fixed(statement: &Statement, variables: &super::Variables) -> Result<String, super::Error> {
    let bindings = Bindings { now_micros: 0, ..variables.bindings() };
    let values = statement.fixed(&bindings).map_err(super::Error::Invalid)?;
    Ok(format!("{values:?}"))
}

impl ChangesRoot {
    /// What a client's values become in the statements that read what is told,
    /// as a text: whoever shares the plan and this is told the same.
    ///
    /// # Errors
    /// Why one cannot be used.
    pub fn fixed(&self, variables: &super::Variables) -> Result<String, super::Error> {
        let mut text = String::new();
        for member in &self.members {
            if let ChangeValue::Data(node) = &member.value {
                node.add_fixed(variables, &mut text)?;
            }
        }
        Ok(text)
    }

    fn weight(&self) -> usize {
        let of_member = |member: &ChangeMember| match &member.value {
            ChangeValue::Data(node) => MEMBER_WEIGHT + node.weight(),
            _ => MEMBER_WEIGHT,
        };
        let watched = match &self.judge {
            Judge::Memory => 0,
            Judge::Values(judge) => judge.statement.weight(),
            Judge::Members(watch) => [&watch.all, &watch.rows].map(|read| read.statement.weight()).iter().sum(),
        };
        NODE_WEIGHT + watched + self.members.iter().map(of_member).sum::<usize>()
    }
}

impl Node {
    fn add_fixed(&self, variables: &super::Variables, text: &mut String) -> Result<(), super::Error> {
        if let Some(statement) = &self.statement {
            text.push_str(&fixed(&statement.statement, variables)?);
        }
        self.children.iter().try_for_each(|child| child.node.add_fixed(variables, text))
    }

    fn weight(&self) -> usize {
        let statement = self.statement.as_ref().map_or(0, |read| read.statement.weight());
        let children: usize = self.children.iter().map(|child| child.node.weight()).sum();
        NODE_WEIGHT + statement + self.shape.weight() + children
    }

    /// Moves all cells to the right, behind the columns that a look-up leads with.
    pub(crate) fn shift(&mut self, columns: usize) {
        self.shape.shift(columns);
        for child in &mut self.children {
            for (cell, _) in &mut child.key {
                *cell += columns;
            }
        }
    }
}

impl Shape {
    fn weight(&self) -> usize {
        let of_member = |member: &Member| {
            let output = match &member.output {
                Output::Object(shape) | Output::Present(_, shape) => shape.weight(),
                Output::Constant(text) => text.len(),
                Output::Cell { .. } | Output::One(_) | Output::Many(_) | Output::OneOf(_) => 0,
            };
            MEMBER_WEIGHT + 2 * member.key.len() + output
        };
        self.members.iter().map(of_member).sum()
    }

    fn shift(&mut self, columns: usize) {
        for member in &mut self.members {
            match &mut member.output {
                Output::Cell { column, .. } => *column += columns,
                Output::Object(shape) => shape.shift(columns),
                Output::Present(column, shape) => {
                    *column += columns;
                    shape.shift(columns);
                }
                Output::One(_) | Output::Many(_) | Output::OneOf(_) | Output::Constant(_) => {}
            }
        }
    }
}
