//! What the gateway itself writes into rows: keys, times, who did it, and hashes
//! (contract `system-tables.md` 6). Whatever a caller may write, this is written.

use serde_json::Value as Json;
use uuid::Uuid;

use super::work::Session;
use crate::{
    catalog::{Column, ColumnId, ColumnType, Table},
    engine::Error,
    plan::write::{Draft, Fault, WriteAction},
    predicate::{Rounding, Target},
    principal::{Id, Principal},
    secrets,
    value::{Value, time},
};

/// Whether what has to be written into rows of a table takes no time.
pub(super) fn are_cheap(table: &Table) -> bool {
    !table.columns.iter().any(|column| column.specials.hash || column.specials.encrypt)
}

/// Fills in what a row has whatever was given.
pub(super) fn fill(table: &Table, action: WriteAction, draft: &mut Draft, caller: &Principal, now_micros: i64) {
    let creates = action == WriteAction::Create;
    let as_given = |column: &Column, json: Json| {
        let bound = Target::of(column, Rounding::Refuse).bind(&json, now_micros);
        // Whose id is none for this column did it as nobody.
        bound.unwrap_or(Value::Null)
    };
    let id = |column: &Column, id: &Option<Id>| id.as_deref().map_or(Value::Null, |id| as_given(column, id.into()));
    for column in table.columns.iter().filter(|column| column.specials.fills_in()) {
        let specials = column.specials;
        if specials.uuid && creates && !is_given(draft, column.id) {
            draft.put(column.id, Value::Text(Uuid::new_v4().to_string().into()));
        }
        if (specials.date_created && creates) || (specials.date_updated && !creates) {
            let now = match column.column_type {
                // In a text, `$NOW` would be a word like any other.
                ColumnType::Text => instant(now_micros),
                _ => as_given(column, "$NOW".into()),
            };
            draft.put(column.id, now);
        }
        if (specials.user_created && creates) || (specials.user_updated && !creates) {
            draft.put(column.id, id(column, &caller.user));
        }
        if (specials.role_created && creates) || (specials.role_updated && !creates) {
            draft.put(column.id, id(column, &caller.role));
        }
    }
}

/// An instant as a text.
fn instant(micros: i64) -> Value {
    let mut out = Vec::new();
    match time::write_timestamp(&mut out, micros) {
        true => Value::Text(String::from_utf8_lossy(&out).into()),
        false => Value::Null,
    }
}

fn is_given(draft: &Draft, column: ColumnId) -> bool {
    let is_something = |value: &Value| !matches!(value, Value::Null) && *value != Value::Text("".into());
    draft.columns.iter().any(|(known, value)| *known == column && is_something(value))
}

impl Session {
    /// Fills in what rows have whatever was given, and hashes what is stored as a
    /// hash.
    pub(super) async fn complete(&self, table: &Table, action: WriteAction, drafts: &mut [Draft]) -> Result<(), Error> {
        let now_micros = self.bindings().now_micros;
        for draft in drafts.iter_mut() {
            fill(table, action, draft, &self.caller.principal, now_micros);
        }
        if are_cheap(table) {
            return Ok(());
        }
        let cost = self.engine().options.hash;
        for draft in drafts {
            for (column, value) in &mut draft.columns {
                let specials = table.column(*column).specials;
                match value {
                    Value::Text(text) if specials.hash && !text.is_empty() => {
                        let hashed = secrets::hashed(text.to_string(), cost).await.map_err(|error| {
                            tracing::error!(%error, "a value cannot be hashed");
                            Error::Internal
                        })?;
                        *value = Value::Text(hashed.into());
                    }
                    Value::Null => {}
                    _ if specials.encrypt => {
                        let field = table.column_field(*column);
                        return Err(Fault::Payload(format!(
                            "`{field}` is stored encrypted, which is not possible here"
                        ))
                        .into());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
