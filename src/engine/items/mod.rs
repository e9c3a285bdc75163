//! Items for hooks, and for whoever embeds the gateway: the services behind
//! [`crate::hooks::ItemsService`] and [`crate::hooks::SqlAccess`]. They read by
//! the same plans and write by the same steps as every protocol does.

mod query;
mod sql;

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Map, Value as Json};

use self::query::Query;
use super::{
    Caller, Consistency, Engine, Error, Variables,
    heard::Verb,
    levels::{self, Source},
    write::{Session, Work, Write, Wrote, key_fields, object},
};
use crate::{
    catalog::Table,
    hooks::{self, ItemsOperation, ItemsRequest, Rights, Services, SqlReply, SqlRequest},
    permissions::Access,
    plan::write::{Fault, Given, Payload, RowKey, key_json, row_key},
    principal::Principal,
};

/// How many times its text a value in memory is at most.
const PARSED: usize = 8;

impl Services for Engine {
    fn items(&self, request: ItemsRequest) -> BoxFuture<'_, Result<Json, hooks::Error>> {
        async move { self.serve(request).await.map_err(|error| error.for_hooks()) }.boxed()
    }

    fn sql(&self, request: SqlRequest) -> BoxFuture<'_, Result<SqlReply, hooks::Error>> {
        async move { sql::run(self, request).await }.boxed()
    }
}

/// The transaction that a context is in, if it is one of this engine's.
fn work_of(context: &hooks::Context) -> Option<Arc<Work>> {
    context.scope().and_then(|scope| scope.clone().downcast::<Work>().ok())
}

impl Engine {
    async fn serve(&self, request: ItemsRequest) -> Result<Json, Error> {
        let ItemsRequest { collection, operation, rights, options, context } = request;
        let catalog = self.catalog.clone();
        let unknown = || Error::Forbidden(Some(format!("no collection `{collection}`, or no permission to use it")));
        let table = catalog.collection(&collection).ok_or_else(unknown)?;
        let caller = caller(&context, rights);
        let work = work_of(&context);
        let (now_micros, principal) = (self.clock.now_micros(), caller.principal.clone());
        let variables = Variables { values: Arc::from([]), now_micros, caller: principal };
        let read = async |key: Option<Vec<RowKey>>, query: Json| {
            let source = match &work {
                Some(work) => Source::within(self, work.clone()),
                None => Source::new(self, Consistency::Statement),
            };
            let told = Reading { table, access: &caller.access, emit_events: options.emit_events, context: &context };
            self.read_items(&source, &told, key, query, &variables).await
        };
        let keys = |keys: &[Json]| keys.iter().map(|key| row_key(table, key)).collect::<Result<Vec<_>, _>>();
        let write = match operation {
            ItemsOperation::ReadOne(key, query) => {
                let found = read(Some(vec![row_key(table, &key)?]), query).await?;
                return found.into_iter().next().ok_or(Error::Forbidden(None));
            }
            ItemsOperation::ReadMany(of, query) => return read(Some(keys(&of)?), query).await.map(Json::Array),
            ItemsOperation::ReadByQuery(query) => return read(None, query).await.map(Json::Array),
            ItemsOperation::CreateOne(payload) => Write::Create(vec![Given::Owned(object(payload)?)]),
            ItemsOperation::CreateMany(payloads) => {
                Write::Create(objects(payloads)?.into_iter().map(Given::Owned).collect())
            }
            ItemsOperation::UpdateMany(of, payload) => Write::Update(keys(&of)?, object(payload)?, false),
            ItemsOperation::UpdateBatch(payloads) => Write::UpdateBatch(objects(payloads)?),
            ItemsOperation::UpdateByQuery(query, payload) => {
                let found = read(None, only_keys(table, query)).await?;
                Write::Update(keys(&found)?, object(payload)?, false)
            }
            ItemsOperation::Upsert(payloads, on) => Write::Upsert(objects(payloads)?, unique_key(table, &on)?),
            ItemsOperation::DeleteMany(of) => Write::Delete(keys(&of)?),
            ItemsOperation::DeleteByQuery(query) => {
                let found = read(None, only_keys(table, query)).await?;
                Write::Delete(keys(&found)?)
            }
        };
        let single = matches!(&write, Write::Create(payloads) if payloads.len() == 1);
        let wrote = match work {
            Some(work) => {
                let session = Session::new(work.clone(), caller, options, context);
                work.whole(session.carry_out(table, write, &variables)).await?
            }
            None => {
                let run = |session: Session| {
                    let (write, variables, table) = (write.clone(), &variables, &table);
                    async move { session.carry_out(table, write, variables).await }.boxed()
                };
                self.in_transaction(&caller, &options, &context, run).await?
            }
        };
        let keys: Vec<Json> = match wrote {
            Wrote::Rows(images) => images.iter().map(|image| key_json(&image.row_key(table))).collect(),
            Wrote::Gone(keys) => keys.iter().map(|key| key_json(key)).collect(),
        };
        Ok(match (single, <[Json; 1]>::try_from(keys)) {
            (true, Ok([key])) => key,
            (false, Ok([key])) => Json::Array(vec![key]),
            (_, Err(keys)) => Json::Array(keys),
        })
    }

    async fn read_items(
        &self,
        source: &Source<'_>,
        reading: &Reading<'_>,
        keys: Option<Vec<RowKey>>,
        query: Json,
        variables: &Variables,
    ) -> Result<Vec<Json>, Error> {
        let Reading { table, access, emit_events, context } = *reading;
        let heard = |verb| self.listeners.heard(table.id, verb).filter(|_| emit_events);
        let query = match heard(Verb::Query).filter(|heard| heard.filtered) {
            Some(heard) => {
                let query = if query.is_null() { Json::Object(Map::new()) } else { query };
                self.filtered_query(heard, table, query, context).await?
            }
            None => query,
        };
        let node = Query::parse(&query)?.node(&self.catalog, access, table, keys.is_some())?;
        let level = levels::among(source, &node, variables, keys.as_deref().unwrap_or_default()).await?;
        let text = super::encode::list(&node, &level, self.options.max_answer / PARSED)?;
        let records: Vec<Json> = serde_json::from_slice(&text).map_err(|error| {
            tracing::error!(%error, "items that were read are no JSON");
            Error::Internal
        })?;
        match heard(Verb::Read) {
            Some(heard) => self.filtered_records(heard, table, query, records.into(), context.clone()).await,
            None => Ok(records),
        }
    }
}

/// Who reads what, and whether hooks hear of it.
struct Reading<'a> {
    table: &'a Table,
    access: &'a Access,
    emit_events: bool,
    context: &'a hooks::Context,
}

fn caller(context: &hooks::Context, rights: Rights) -> Caller {
    let principal = context.principal().cloned();
    match (rights, context.access()) {
        (Rights::Full, _) => Caller::new(principal.unwrap_or_else(|| Arc::new(Principal::admin())), Access::full()),
        (Rights::Caller, Some(access)) => Caller::new(principal.unwrap_or_default(), access.clone()),
        (Rights::Caller, None) => Caller::new(Arc::default(), Access::nothing()),
    }
}

fn objects(payloads: Vec<Json>) -> Result<Vec<Payload>, Error> {
    payloads.into_iter().map(object).collect()
}

/// A query for nothing but the keys of what it finds.
fn only_keys(table: &Table, query: Json) -> Json {
    let mut query = match query {
        Json::Object(query) => query,
        _ => Map::new(),
    };
    query.insert("fields".to_owned(), key_fields(table).into());
    query.entry("limit").or_insert_with(|| (-1).into());
    Json::Object(query)
}

fn unique_key(table: &Table, names: &[String]) -> Result<Vec<crate::catalog::ColumnId>, Error> {
    if names.is_empty() {
        return Ok(table.key.clone());
    }
    let column = |name: &String| table.field(name).and_then(|field| table.field_column(field));
    let columns: Option<Vec<_>> = names.iter().map(column).collect();
    let columns = columns.ok_or_else(|| Fault::Payload(format!("`{}` has no such fields", table.collection)))?;
    if table.is_unique(&columns) {
        return Ok(columns);
    }
    let names = names.join(", ");
    Err(Fault::Payload(format!("{names} of `{}` are not the fields of a unique key", table.collection)).into())
}
