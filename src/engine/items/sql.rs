//! SQL of hooks' own: sent as it is, in the transaction in progress or by
//! itself, with rows as objects.

use std::sync::Arc;

use serde_json::Value as Json;

use super::work_of;
use crate::{
    db,
    engine::{Engine, Error},
    hooks::{self, SqlReply, SqlRequest},
    sql::Bound,
    value::Value,
};

pub(super) async fn run(engine: &Engine, request: SqlRequest) -> Result<SqlReply, hooks::Error> {
    let values = request.parameters.iter().map(value).collect::<Result<_, _>>()?;
    let bound = Bound { text: Arc::from(request.text), values };
    let work = work_of(&request.context);
    let database = engine.database();
    let outcome = match (request.rows, work) {
        (true, Some(work)) => work.query(&bound).await.map(|rows| SqlReply::Rows(rows.objects())),
        (true, None) => {
            let rows = database.fetch(&bound.text, &bound.values).await;
            // As below: `RETURNING` gives rows, too.
            engine.events().generations().advance_all();
            rows.map(|rows| SqlReply::Rows(rows.objects()))
        }
        (false, Some(work)) => work.execute(&bound).await.map(SqlReply::Affected),
        (false, None) => {
            let affected = database.execute(&bound.text, &bound.values).await;
            // It may have written anywhere.
            engine.events().generations().advance_all();
            affected.map(SqlReply::Affected)
        }
    };
    outcome.map_err(|error| match error {
        // A statement of the handler's own: what is wrong with it is for its author.
        db::Error::Database(_) | db::Error::Value(_) | db::Error::Constraint(_) => hooks::Error::unexpected(error),
        other => Error::from_database(other, &bound.text).for_hooks(),
    })
}

fn value(json: &Json) -> Result<Value, hooks::Error> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(real)) => Value::Float(real),
            (None, None) => Value::Text(number.to_string().into()),
        },
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(_) | Json::Object(_) => return Err(hooks::Error::unexpected("a parameter of SQL is a scalar")),
    })
}
