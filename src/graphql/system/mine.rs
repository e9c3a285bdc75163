//! What callers may do, as they are told of themselves (contract `permissions.md`
//! 3 and 10).

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Operations;
use crate::{
    catalog::{Exposure, Table},
    engine::{Caller, Error},
    error_code::ErrorCode,
    permissions::Right,
    principal::Principal,
};

impl Operations {
    /// Somebody, with what they may do.
    pub(super) fn caller(&self, principal: &Principal) -> Caller {
        Caller::new(Arc::new(principal.clone()), self.access(principal))
    }

    /// What a caller may do, collection by collection.
    ///
    /// # Errors
    /// `FORBIDDEN` for nobody in particular.
    pub fn permissions(&self, principal: &Principal) -> Result<Json, Error> {
        check_somebody(principal)?;
        let access = self.access(principal);
        let mut collections = Map::new();
        for table in self.parts.catalog.tables.iter().filter(is_told) {
            let rights =
                [access.create(table.id), access.read(table.id), access.update(table.id), access.delete(table.id)];
            if rights.iter().all(Option::is_none) {
                continue;
            }
            let [create, read, update, delete] = rights;
            let told = json!({
                "create": told(create, table, true), "read": told(read, table, true),
                "update": told(update, table, true), "delete": told(delete, table, false),
                "share": { "access": if principal.admin { "full" } else { "none" } },
            });
            collections.insert(table.collection.clone(), told);
        }
        Ok(Json::Object(collections))
    }

    /// What a caller may do with a collection's items, or with one of them. Of a
    /// collection that there is not, nobody learns that.
    ///
    /// # Errors
    /// `FORBIDDEN` for nobody in particular; when the database cannot be asked.
    pub async fn item_permissions(
        &self,
        principal: &Principal,
        collection: &str,
        key: Option<&str>,
    ) -> Result<Json, Error> {
        check_somebody(principal)?;
        let caller = self.caller(principal);
        let table = self.parts.catalog.collection(collection).filter(is_told);
        let may = async |right: Option<Right<'_>>| match (table, right, key) {
            (Some(table), Some(right), Some(key)) => {
                self.parts.engine.allows_row(&caller, table, right, &Json::from(key)).await
            }
            (_, right, _) => Ok(right.is_some()),
        };
        let [read, update, delete] = match table {
            Some(table) => {
                [caller.access.read(table.id), caller.access.update(table.id), caller.access.delete(table.id)]
            }
            None => [None; 3],
        };
        let mut told = json!({
            "update": { "access": may(update).await? },
            "delete": { "access": may(delete).await? },
            "share": { "access": may(read.filter(|_| principal.admin)).await? },
        });
        if let (Some(table), Some(right)) = (table.filter(|table| table.singleton), update) {
            told["update"]["fields"] = fields(right, table);
            if let Some(presets) = right.presets() {
                told["update"]["presets"] = Json::Object(presets.clone());
            }
        }
        Ok(told)
    }

    /// A caller's roles, from the topmost down; of roles that they may see nothing
    /// of, the ids.
    ///
    /// # Errors
    /// What the read meets.
    pub async fn roles(&self, principal: &Principal, fields: Vec<String>) -> Result<Json, Error> {
        let ids: Vec<Json> = principal.roles.iter().map(|id| Json::from(&**id)).collect();
        if ids.is_empty() {
            return Ok(Json::Array(ids));
        }
        let query = match fields.is_empty() {
            true => Json::Null,
            false => json!({ "fields": fields }),
        };
        let roles = self.parts.engine.context_of(&self.caller(principal)).items("directus_roles");
        match roles.read_many(ids.clone(), query).await {
            Ok(roles) => Ok(Json::Array(roles)),
            Err(error) if error.code == ErrorCode::Forbidden.as_str() => {
                Ok(ids.into_iter().map(|id| json!({ "id": id })).collect())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What a caller's policies say of the whole; of nobody in particular, that there
    /// is no app for them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn globals(&self, principal: &Principal) -> Result<Json, Error> {
        if !is_somebody(principal) {
            return Ok(json!({ "app_access": false }));
        }
        Ok(json!({
            "app_access": principal.app, "admin_access": principal.admin,
            "enforce_tfa": self.parts.accounts.enforces_tfa(principal).await?,
        }))
    }
}

/// Whether callers are told of a table at all.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is a filter's")]
pub(super) fn is_told(table: &&Table) -> bool {
    table.exposure != Exposure::Internal
}

pub(super) fn is_somebody(principal: &Principal) -> bool {
    principal.user.is_some() || principal.admin
}

fn check_somebody(principal: &Principal) -> Result<(), Error> {
    if is_somebody(principal) { Ok(()) } else { Err(Error::Forbidden(None)) }
}

fn told(right: Option<Right<'_>>, table: &Table, with_fields: bool) -> Json {
    let Some(right) = right else { return json!({ "access": "none" }) };
    // One rule is enough, even beside a grant without any.
    let is_whole = right.grants().iter().all(|grant| grant.rows.is_always());
    let mut told = json!({ "access": if is_whole { "full" } else { "partial" } });
    if with_fields {
        told["fields"] = fields(right, table);
        if let Some(presets) = right.presets() {
            told["presets"] = Json::Object(presets.clone());
        }
    }
    told
}

/// The fields of a right, or a star for all.
fn fields(right: Right<'_>, table: &Table) -> Json {
    let names = || table.fields.iter().map(|field| field.name.as_str());
    if names().all(|name| right.allows(name)) {
        return json!(["*"]);
    }
    names().filter(|name| right.allows(name)).collect()
}
