//! One changed row, and what is known of it.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use serde_json::{Map, Value as Json};

use super::Position;
use crate::{
    catalog::{CONCEALED, Catalog, ColumnId, ColumnType, Table, TableId},
    db::{Form, Rows},
    principal::Principal,
    value::{Key, Value},
};

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It is gone.
    Delete,
}

impl Action {
    /// As clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A row as the database sent it: all columns of its table, in their order.
/// Cheap to clone; nothing is decoded until somebody asks.
#[derive(Clone, Debug)]
pub struct RowImage {
    rows: Arc<Rows>,
    row: usize,
    first: usize,
}

impl RowImage {
    /// The row of that number, its columns from the cell `first` on.
    pub fn new(rows: Arc<Rows>, row: usize, first: usize) -> Self {
        Self { rows, row, first }
    }

    /// The rows among which it came.
    pub(crate) fn rows(&self) -> &Arc<Rows> {
        &self.rows
    }

    /// Its number among them.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// The number of its first cell.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// What tells it from every other image as long as both are held.
    pub(crate) fn identity(&self) -> (usize, usize, usize) {
        (Arc::as_ptr(&self.rows).addr(), self.row, self.first)
    }

    fn cell(&self, column: ColumnId) -> usize {
        self.first + usize::from(column.0)
    }

    /// Whether a column is null.
    pub fn is_null(&self, column: ColumnId) -> bool {
        self.rows.is_null(self.row, self.cell(column))
    }

    /// A column's value as part of a key; `None` for null.
    pub fn key(&self, column: ColumnId, column_type: &ColumnType) -> Option<Key> {
        self.rows.key(self.row, self.cell(column), column_type)
    }

    /// A column's value, exactly, as a parameter; see [`Rows::value`].
    pub fn to_value(&self, column: ColumnId, column_type: &ColumnType) -> Value {
        self.rows.value(self.row, self.cell(column), column_type)
    }

    /// The row's key. Empty if a part of it is null, as SQLite lets parts of a
    /// primary key be: nobody can ask for such a row, and the other parts alone
    /// would be those of another one.
    pub fn row_key(&self, table: &Table) -> Vec<Key> {
        let part = |column: &ColumnId| self.key(*column, &table.column(*column).column_type);
        table.key.iter().map(part).collect::<Option<_>>().unwrap_or_default()
    }

    /// Appends a column as JSON, as it is shown to clients; `null` for what
    /// cannot be shown.
    pub fn write_json(&self, column: ColumnId, column_type: &ColumnType, form: Form, out: &mut Vec<u8>) {
        if self.rows.write_json(self.row, self.cell(column), column_type, form, out).is_err() {
            out.extend_from_slice(b"null");
        }
    }

    /// The row as an object of its columns' fields; what is shown to nobody is
    /// concealed here too.
    pub fn to_json(&self, table: &Table) -> Map<String, Json> {
        let member = |column: &crate::catalog::Column| {
            let field = table.column_field(column.id).to_owned();
            if column.is_concealed() {
                let shown = if self.is_null(column.id) { Json::Null } else { CONCEALED.into() };
                return (field, shown);
            }
            let mut text = Vec::new();
            self.write_json(column.id, &column.column_type, Form::Raw, &mut text);
            let json = serde_json::from_slice(&text).unwrap_or_default();
            (field, json)
        };
        table.columns.iter().map(member).collect()
    }

    /// Whether two rows of one table have the same value in a column.
    pub fn same_cell(&self, other: &Self, column: ColumnId) -> bool {
        self.rows.same_cell(self.row, self.cell(column), &other.rows, other.row, other.cell(column))
    }

    /// Memory that it holds, in bytes, roughly. The rows it came with are held
    /// as well, and are not counted.
    pub fn bytes(&self) -> usize {
        self.rows.bytes(self.row)
    }
}

/// One changed row.
#[derive(Clone, Debug)]
pub struct Change {
    /// The collection.
    pub collection: Arc<str>,
    /// The table.
    pub table: TableId,
    /// What happened.
    pub action: Action,
    /// The row's key, of one that was written to as it is now; see
    /// [`RowImage::row_key`].
    pub key: Vec<Key>,
    /// The row as it was; none for a new one.
    pub before: Option<RowImage>,
    /// The row as it is; none for one that is gone.
    pub after: Option<RowImage>,
    /// Columns whose value has changed: of a new row those that are not null,
    /// of one that is gone none.
    pub changed: Arc<[ColumnId]>,
}

impl Change {
    /// New rows. Those of one statement mostly have a value in the same columns,
    /// and then share the list of them.
    pub fn created<'i>(table: &'i Table, rows: &'i [RowImage]) -> impl Iterator<Item = Self> + 'i {
        let collection: Arc<str> = table.collection.as_str().into();
        let mut changed: Arc<[ColumnId]> = Arc::default();
        rows.iter().map(move |after| {
            let given = || table.columns.iter().map(|column| column.id).filter(|column| !after.is_null(*column));
            if !given().eq(changed.iter().copied()) {
                changed = given().collect();
            }
            let (collection, changed) = (collection.clone(), changed.clone());
            Self { after: Some(after.clone()), changed, ..Self::of(table, collection, Action::Create, after) }
        })
    }

    /// A row that was written to; `None` if nothing about it has changed.
    pub fn updated(table: &Table, before: RowImage, after: RowImage) -> Option<Self> {
        let differs = |column: &ColumnId| !before.same_cell(&after, *column);
        let changed: Arc<[ColumnId]> = table.columns.iter().map(|column| column.id).filter(differs).collect();
        (!changed.is_empty()).then_some(())?;
        let change = Self::of(table, table.collection.as_str().into(), Action::Update, &after);
        Some(Self { before: Some(before), after: Some(after), changed, ..change })
    }

    /// A row that is gone.
    pub fn deleted(table: &Table, before: RowImage) -> Self {
        Self {
            before: Some(before.clone()),
            ..Self::of(table, table.collection.as_str().into(), Action::Delete, &before)
        }
    }

    /// What changes of one transaction come to: one of each row, from what it was
    /// before to what it is after. What it was between was never committed.
    pub fn net(catalog: &Catalog, changes: Vec<Self>) -> Vec<Self> {
        if changes.len() < 2 || changes.iter().all(|change| change.action == Action::Create) {
            return changes;
        }
        let mut net: Vec<Option<Self>> = Vec::with_capacity(changes.len());
        let mut places: HashMap<(TableId, Vec<Key>), usize> = HashMap::with_capacity(changes.len());
        for change in changes {
            let table = catalog.table(change.table);
            let was = change.before.as_ref().map(|before| (table.id, before.row_key(table)));
            let is = change.after.as_ref().map(|_| (table.id, change.key.clone())).filter(|(_, key)| !key.is_empty());
            let known = was.and_then(|was| places.remove(&was));
            let place = known.unwrap_or(net.len());
            match known.and_then(|place| net[place].take()) {
                Some(first) => net[place] = Self::from_to(table, first.before, change.after),
                None => net.push(Some(change)),
            }
            if let Some(is) = is.filter(|_| net[place].is_some()) {
                places.insert(is, place);
            }
        }
        net.into_iter().flatten().collect()
    }

    /// The change from one state of a row to another, if there is any.
    fn from_to(table: &Table, before: Option<RowImage>, after: Option<RowImage>) -> Option<Self> {
        match (before, after) {
            (Some(before), Some(after)) => Self::updated(table, before, after),
            (Some(before), None) => Some(Self::deleted(table, before)),
            (None, Some(after)) => Self::created(table, &[after]).next(),
            (None, None) => None,
        }
    }

    /// No change, of no row: the end of a list of them.
    pub fn none(table: &Table) -> Self {
        let (collection, key) = (table.collection.as_str().into(), Vec::new());
        let (action, changed) = (Action::Create, Arc::default());
        Self { collection, table: table.id, action, key, before: None, after: None, changed }
    }

    fn of(table: &Table, collection: Arc<str>, action: Action, image: &RowImage) -> Self {
        Self {
            collection,
            table: table.id,
            action,
            key: image.row_key(table),
            before: None,
            after: None,
            changed: Arc::default(),
        }
    }

    /// Memory that it holds, in bytes, roughly.
    pub fn bytes(&self) -> usize {
        let images = [&self.before, &self.after].into_iter().flatten();
        std::mem::size_of::<Self>() + 16 * self.key.len() + images.map(RowImage::bytes).sum::<usize>()
    }
}

/// What one transaction has changed, in the order in which it did.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The rows.
    pub changes: Vec<Change>,
    /// Tables of which more may have changed than is told here: silently, or by
    /// the database itself, which deletes what points to deleted rows.
    pub touched: Vec<TableId>,
    /// Who did it.
    pub by: Arc<Principal>,
    /// When it was committed, in microseconds since the epoch.
    pub at_micros: i64,
}

/// A transaction; unique within an epoch of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub u64);

/// A change with its place in the log.
#[derive(Clone, Debug)]
pub struct ChangeEvent {
    /// The place.
    pub position: Position,
    /// What has changed.
    pub change: Change,
    /// Who did it.
    pub by: Arc<Principal>,
    /// When it was committed, in microseconds since the epoch.
    pub at_micros: i64,
    /// With which other changes.
    pub transaction: TransactionId,
}

impl Deref for ChangeEvent {
    type Target = Change;

    fn deref(&self) -> &Change {
        &self.change
    }
}
