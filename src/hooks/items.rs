//! Items for handlers: reading and writing through the gateway, with the
//! caller's rights or with all (contract `extensions.md` 9 and 10). The engine
//! does the work behind [`Services`].

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json};

use super::{Context, Error};

/// What the engine does for handlers.
pub trait Services: fmt::Debug + Send + Sync {
    /// Reads or writes items. What comes back is said at [`ItemsOperation`].
    fn items(&self, request: ItemsRequest) -> BoxFuture<'_, Result<Json, Error>>;

    /// Sends SQL.
    fn sql(&self, request: SqlRequest) -> BoxFuture<'_, Result<SqlReply, Error>>;
}

/// Whose rights count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Those of who caused the event.
    Caller,
    /// All there are.
    Full,
}

/// How items are written, or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutationOptions {
    /// Whether filters and actions hear of it; of a write also the event log, and
    /// all of them of what is nested in it.
    pub emit_events: bool,
    /// Whether it does not count against the limit of items per mutation.
    pub bypass_limits: bool,
}

impl Default for MutationOptions {
    fn default() -> Self {
        Self { emit_events: true, bypass_limits: false }
    }
}

/// A request for items.
#[derive(Clone, Debug)]
pub struct ItemsRequest {
    /// Of which collection.
    pub collection: String,
    /// What is wanted.
    pub operation: ItemsOperation,
    /// With which rights.
    pub rights: Rights,
    /// How it is done.
    pub options: MutationOptions,
    /// On whose behalf, and within which transaction.
    pub context: Context,
}

/// What is wanted of items. Queries are objects in the query language:
/// `filter`, `sort`, `limit`, `offset`, `page`, `search`, `fields`.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemsOperation {
    /// An item by its key; the item.
    ReadOne(Json, Json),
    /// Items by their keys and a query; a list.
    ReadMany(Vec<Json>, Json),
    /// Items by a query; a list.
    ReadByQuery(Json),
    /// A new item; its key.
    CreateOne(Json),
    /// New items; their keys.
    CreateMany(Vec<Json>),
    /// One payload for some items; the keys of those there were.
    UpdateMany(Vec<Json>, Json),
    /// Payloads with keys; the keys.
    UpdateBatch(Vec<Json>),
    /// One payload for the items of a query; their keys.
    UpdateByQuery(Json, Json),
    /// New items, or changed ones where the values of these fields, which are a
    /// unique key, are there already; no field means the key. The keys.
    Upsert(Vec<Json>, Vec<String>),
    /// Items that go, by their keys; the keys.
    DeleteMany(Vec<Json>),
    /// Items that go, by a query; their keys.
    DeleteByQuery(Json),
}

/// A statement of a handler's own.
#[derive(Clone, Debug)]
pub struct SqlRequest {
    /// The text, in the database's own dialect and with its own placeholders.
    pub text: String,
    /// The values for its placeholders: scalars.
    pub parameters: Vec<Json>,
    /// Whether rows are wanted.
    pub rows: bool,
    /// Within which transaction.
    pub context: Context,
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlReply {
    /// Rows, as objects of their columns.
    Rows(Vec<Map<String, Json>>),
    /// The number of rows that it changed.
    Affected(u64),
}

/// The items of one collection.
#[derive(Clone, Debug)]
pub struct ItemsService {
    pub(super) collection: String,
    pub(super) rights: Rights,
    pub(super) options: MutationOptions,
    pub(super) context: Context,
}

impl ItemsService {
    /// The same items, written with other options.
    #[must_use]
    pub fn with_options(mut self, options: MutationOptions) -> Self {
        self.options = options;
        self
    }

    /// The same items, written or read without anybody hearing of it.
    #[must_use]
    pub fn without_events(mut self) -> Self {
        self.options.emit_events = false;
        self
    }

    async fn ask(&self, operation: ItemsOperation) -> Result<Json, Error> {
        let services = self.context.services()?;
        let request = ItemsRequest {
            collection: self.collection.clone(),
            operation,
            rights: self.rights,
            options: self.options.clone(),
            context: self.context.clone(),
        };
        services.items(request).await
    }

    async fn list(&self, operation: ItemsOperation) -> Result<Vec<Json>, Error> {
        match self.ask(operation).await? {
            Json::Array(items) => Ok(items),
            single => Ok(vec![single]),
        }
    }

    async fn first(&self, operation: ItemsOperation) -> Result<Json, Error> {
        self.list(operation).await?.into_iter().next().ok_or_else(Error::forbidden)
    }

    /// Reads an item, all of its own fields.
    ///
    /// # Errors
    /// `FORBIDDEN` if there is none that may be read, and what else the read meets.
    pub async fn read_one(&self, key: impl Into<Json>) -> Result<Json, Error> {
        self.ask(ItemsOperation::ReadOne(key.into(), Json::Null)).await
    }

    /// Reads items by their keys; `query` may narrow and sort them.
    ///
    /// # Errors
    /// What the read meets.
    pub async fn read_many(&self, keys: Vec<Json>, query: Json) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::ReadMany(keys, query)).await
    }

    /// Reads items by a query.
    ///
    /// # Errors
    /// What the read meets.
    pub async fn read_by_query(&self, query: Json) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::ReadByQuery(query)).await
    }

    /// Creates an item; returns its key.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn create_one(&self, payload: Json) -> Result<Json, Error> {
        self.ask(ItemsOperation::CreateOne(payload)).await
    }

    /// Creates an item; returns it as it is then.
    ///
    /// # Errors
    /// What the write meets, or the read after it.
    pub async fn create_one_returning(&self, payload: Json) -> Result<Json, Error> {
        let key = self.create_one(payload).await?;
        self.read_one(key).await
    }

    /// Creates items; returns their keys in order.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn create_many(&self, payloads: Vec<Json>) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::CreateMany(payloads)).await
    }

    /// Changes an item; returns its key.
    ///
    /// # Errors
    /// `FORBIDDEN` if there is none that may be changed, and what else the write meets.
    pub async fn update_one(&self, key: impl Into<Json>, payload: Json) -> Result<Json, Error> {
        self.first(ItemsOperation::UpdateMany(vec![key.into()], payload)).await
    }

    /// Changes items alike; returns the keys of those there were.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn update_many(&self, keys: Vec<Json>, payload: Json) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::UpdateMany(keys, payload)).await
    }

    /// Changes items, each by a payload that holds its key; returns the keys.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn update_batch(&self, payloads: Vec<Json>) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::UpdateBatch(payloads)).await
    }

    /// Changes the items of a query alike; returns their keys.
    ///
    /// # Errors
    /// What the read or the write meets.
    pub async fn update_by_query(&self, query: Json, payload: Json) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::UpdateByQuery(query, payload)).await
    }

    /// Creates an item, or changes the one that has the same values in `on`, the
    /// fields of a unique key (none: its key); returns its key.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn upsert_one(&self, payload: Json, on: &[&str]) -> Result<Json, Error> {
        self.first(ItemsOperation::Upsert(vec![payload], on.iter().map(|name| (*name).to_owned()).collect())).await
    }

    /// As [`Self::upsert_one`], for several items.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn upsert_many(&self, payloads: Vec<Json>, on: &[&str]) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::Upsert(payloads, on.iter().map(|name| (*name).to_owned()).collect())).await
    }

    /// Deletes an item; returns its key.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn delete_one(&self, key: impl Into<Json>) -> Result<Json, Error> {
        self.first(ItemsOperation::DeleteMany(vec![key.into()])).await
    }

    /// Deletes items; returns their keys.
    ///
    /// # Errors
    /// What the write meets.
    pub async fn delete_many(&self, keys: Vec<Json>) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::DeleteMany(keys)).await
    }

    /// Deletes the items of a query; returns their keys.
    ///
    /// # Errors
    /// What the read or the write meets.
    pub async fn delete_by_query(&self, query: Json) -> Result<Vec<Json>, Error> {
        self.list(ItemsOperation::DeleteByQuery(query)).await
    }
}
