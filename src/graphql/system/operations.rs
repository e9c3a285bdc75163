//! What the fields do.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json, json};

use super::{
    mine::is_told,
    openapi::{Offers, openapi},
};
use crate::{
    auth::{Accounts, Granted, LoginRequest, Mode, Registration},
    catalog::{Catalog, Column, ColumnType, Exposure, FieldKind, Table},
    engine::{Engine, Error},
    graphql::service::{Behind, Service},
    hooks,
    permissions::{Access, Policy, Right},
    principal::Principal,
    secrets,
    store::{Row, Store, statements},
};

/// What the fields are about.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// The users.
    pub accounts: Accounts,
    /// Reads and writes.
    pub engine: Engine,
    /// The system tables.
    pub store: Store,
    /// What there is.
    pub catalog: Arc<Catalog>,
    /// What who may do.
    pub policy: Policy,
}

/// Answers what no table does.
#[derive(Debug)]
pub struct Operations {
    pub(super) parts: SystemOptions,
    /// The schemas; none where nobody may look at them.
    schemas: Option<Schemas>,
    /// Whether anybody may look at the paths.
    openapi: bool,
}

/// What the schemas are of.
#[derive(Debug)]
pub(in crate::graphql) struct Schemas {
    pub(in crate::graphql) items: Service,
    pub(in crate::graphql) system: Behind,
}

type Arguments = Map<String, Json>;

fn text(arguments: &Arguments, name: &str) -> Option<String> {
    arguments.get(name).and_then(Json::as_str).map(str::to_owned)
}

fn needed(arguments: &Arguments, name: &str) -> Result<String, Error> {
    let missing = || hooks::Error::invalid_payload(format!("`{name}` is required")).into();
    text(arguments, name).filter(|text| !text.is_empty()).ok_or_else(missing)
}

fn mode(arguments: &Arguments) -> Mode {
    text(arguments, "mode").and_then(|name| Mode::from_name(&name)).unwrap_or_default()
}

impl Operations {
    pub(in crate::graphql) fn new(parts: SystemOptions, schemas: Option<Schemas>, openapi: bool) -> Self {
        Self { parts, schemas, openapi }
    }

    /// Whether paths may be looked at.
    pub(super) fn shows_paths(&self) -> bool {
        self.openapi
    }

    /// Whether schemas may be looked at.
    pub(super) fn shows_schemas(&self) -> bool {
        self.schemas.is_some()
    }

    /// A schema as a caller sees it.
    fn schema(&self, scope: Option<&str>, principal: &Principal) -> Result<String, Error> {
        let schemas = self.schemas.as_ref().ok_or(Error::Forbidden(None))?;
        let service = match scope {
            Some("system") => schemas.system.service().ok_or(Error::Unavailable)?,
            _ => schemas.items.clone(),
        };
        service.sdl(principal).map_err(|error| {
            tracing::error!(%error, "a schema cannot be built");
            Error::Internal
        })
    }

    /// Moves an item to the place of another one of its collection.
    ///
    /// # Errors
    /// What the caller may not do, and what the writes meet.
    pub async fn sort(&self, principal: &Principal, collection: &str, item: &Json, to: &Json) -> Result<(), Error> {
        self.parts.engine.sort_item(&self.caller(principal), collection, item, to).await
    }

    /// Puts a revision back.
    ///
    /// # Errors
    /// What the caller may not do, and what the write meets.
    pub async fn revert(&self, principal: &Principal, revision: &Json) -> Result<(), Error> {
        self.parts.engine.revert(&self.caller(principal), revision).await
    }

    pub(super) fn access(&self, principal: &Principal) -> Access {
        self.parts.policy.access(principal, &self.parts.catalog)
    }

    /// Answers a field.
    pub(super) async fn run(&self, name: &str, given: &Arguments, principal: &Principal) -> Result<Json, Error> {
        let accounts = &self.parts.accounts;
        let done = Json::Bool(true);
        Ok(match name {
            "server_ping" => "pong".into(),
            "server_info" => accounts.info(principal.user.is_some() || principal.admin).await?,
            "server_health" => self.health(principal).await?,
            "server_specs_oas" => openapi(Offers { system: true, introspection: self.shows_schemas() }),
            "server_specs_graphql" => self.schema(text(given, "scope").as_deref(), principal)?.into(),
            "collections" => self.collections(principal).await?.into(),
            "collections_by_name" => {
                let wanted = needed(given, "name")?;
                one(self.collections(principal).await?, |told| told["collection"] == wanted.as_str())?
            }
            "fields" => self.fields(principal, None).await?.into(),
            "fields_in_collection" => self.fields(principal, text(given, "collection").as_deref()).await?.into(),
            "fields_by_name" => {
                let (collection, field) = (needed(given, "collection")?, needed(given, "field")?);
                one(self.fields(principal, Some(&collection)).await?, |told| told["field"] == field.as_str())?
            }
            "relations" => self.relations(principal, None).await?.into(),
            "relations_in_collection" => self.relations(principal, text(given, "collection").as_deref()).await?.into(),
            "relations_by_name" => {
                let (collection, field) = (needed(given, "collection")?, needed(given, "field")?);
                one(self.relations(principal, Some(&collection)).await?, |told| told["field"] == field.as_str())?
            }
            "permissions_me" => self.permissions(principal)?,
            "policies_me_globals" => self.globals(principal).await?,
            "auth_login" => {
                let request = LoginRequest {
                    email: needed(given, "email")?,
                    password: needed(given, "password")?,
                    otp: text(given, "otp"),
                    mode: mode(given),
                };
                granted(&accounts.log_in(request, principal).await?)
            }
            "auth_refresh" => {
                let token = accounts.token_of(mode(given), text(given, "refresh_token"), principal)?;
                granted(&accounts.refresh(&token, mode(given), principal).await?)
            }
            "auth_logout" => {
                let token = accounts.token_of(mode(given), text(given, "refresh_token"), principal)?;
                accounts.log_out(&token, principal).await?;
                done
            }
            "auth_password_request" => {
                accounts.request_password(principal, &needed(given, "email")?, text(given, "reset_url")).await?;
                done
            }
            "auth_password_reset" => {
                accounts.reset_password(principal, &needed(given, "token")?, &needed(given, "password")?).await?;
                done
            }
            "users_me_tfa_generate" => match &principal.user {
                None => Json::Null,
                Some(user) => {
                    let (secret, url) = accounts.generate_tfa(principal, user, &needed(given, "password")?).await?;
                    json!({ "secret": secret, "otpauth_url": url })
                }
            },
            "users_me_tfa_enable" | "users_me_tfa_disable" if principal.user.is_none() => Json::Null,
            "users_me_tfa_enable" => {
                accounts.enable_tfa(principal, &needed(given, "secret")?, &needed(given, "otp")?).await?;
                done
            }
            "users_me_tfa_disable" => {
                accounts.disable_tfa(principal, &needed(given, "otp")?).await?;
                done
            }
            "users_invite" => {
                let (email, role) = (needed(given, "email")?, needed(given, "role")?);
                accounts.invite(principal, &email, &role, text(given, "invite_url").as_deref()).await?;
                done
            }
            "users_invite_accept" => {
                accounts.accept_invite(principal, &needed(given, "token")?, &needed(given, "password")?).await?;
                done
            }
            "users_register" => {
                let registration = Registration {
                    email: needed(given, "email")?,
                    password: needed(given, "password")?,
                    first_name: text(given, "first_name"),
                    last_name: text(given, "last_name"),
                    verification_url: text(given, "verification_url"),
                };
                accounts.register(registration, principal).await?;
                done
            }
            "users_register_verify" => {
                accounts.verify_email(&needed(given, "token")?).await?;
                done
            }
            "utils_random_string" => {
                let length = given.get("length").and_then(Json::as_i64).unwrap_or(32);
                match usize::try_from(length).ok().filter(|length| (1..=500).contains(length)) {
                    Some(length) => secrets::random_token(length).into(),
                    None => return Err(hooks::Error::invalid_payload("`length` is a number from 1 to 500").into()),
                }
            }
            "utils_sort" => {
                let (item, to) = (given.get("item"), given.get("to"));
                let (item, to) = (item.unwrap_or(&Json::Null), to.unwrap_or(&Json::Null));
                self.sort(principal, &needed(given, "collection")?, item, to).await?;
                done
            }
            "utils_revert" => {
                self.revert(principal, given.get("revision").unwrap_or(&Json::Null)).await?;
                done
            }
            // Each takes a processor for a while: not for everybody.
            "utils_hash_generate" | "utils_hash_verify" if !principal.admin => {
                return Err(Error::Forbidden(None));
            }
            "utils_hash_generate" => {
                let hashed = secrets::hashed(needed(given, "string")?, accounts.hash_options()).await;
                hashed.map_err(|_| Error::Internal)?.into()
            }
            "utils_hash_verify" => {
                let is_match = secrets::is_match(needed(given, "string")?, needed(given, "hash")?).await;
                is_match.map_err(|_| Error::Internal)?.into()
            }
            "utils_cache_clear" => {
                if !principal.admin {
                    return Err(Error::Forbidden(None));
                }
                accounts.read_rules().await.map_err(Error::from)?;
                Json::Null
            }
            other => {
                tracing::error!(field = other, "a field is declared that nothing answers");
                return Err(Error::Internal);
            }
        })
    }

    async fn health(&self, principal: &Principal) -> Result<Json, Error> {
        if principal.user.is_none() && !principal.admin {
            return Err(Error::Forbidden(None));
        }
        let is_well = self.parts.accounts.is_reachable().await;
        Ok(json!({ "status": if is_well { "ok" } else { "error" } }))
    }

    /// Tables that a caller may read something of.
    fn readable<'c>(&'c self, access: &Access) -> Vec<&'c Table> {
        let tables = self.parts.catalog.tables.iter().filter(is_told);
        tables.filter(|table| access.read(table.id).is_some()).collect()
    }

    async fn collections(&self, principal: &Principal) -> Result<Vec<Json>, Error> {
        let access = self.access(principal);
        let rows = self.rows(statements::COLLECTIONS).await?;
        let row = |name: &str| rows.iter().find(|row| row.get("collection").and_then(Json::as_str) == Some(name));
        let mut told = Vec::new();
        for table in self.readable(&access) {
            let meta = match (row(&table.name), table.exposure) {
                (Some(row), _) => collection_meta(row),
                (None, Exposure::System) => system_meta(table),
                (None, _) => Json::Null,
            };
            told.push(json!({
                "collection": table.collection,
                "meta": meta,
                "schema": { "name": table.name, "comment": table.comment },
            }));
        }
        // Folders, which only administrators need.
        let is_folder = |row: &&Row| {
            let name = row.get("collection").and_then(Json::as_str).unwrap_or_default();
            self.parts.catalog.collection(name).is_none()
        };
        for row in rows.iter().filter(|_| access.is_full()).filter(is_folder) {
            told.push(json!({ "collection": row.get("collection"), "meta": collection_meta(row), "schema": null }));
        }
        Ok(told)
    }

    async fn fields(&self, principal: &Principal, of: Option<&str>) -> Result<Vec<Json>, Error> {
        let access = self.access(principal);
        let rows = self.rows(statements::FIELDS).await?;
        let name = |row: &Row, name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let known: HashMap<(String, String), &Row> =
            rows.iter().map(|row| ((name(row, "collection"), name(row, "field")), row)).collect();
        let mut told = Vec::new();
        let tables = self.readable(&access);
        if of.is_some_and(|of| !tables.iter().any(|table| table.collection == of)) {
            return Err(Error::Forbidden(None));
        }
        for table in tables.into_iter().filter(|table| of.is_none_or(|of| table.collection == of)) {
            let Some(right) = access.read(table.id) else { continue };
            for field in table.fields.iter().filter(|field| right.allows(&field.name)) {
                let column = table.field_column(field).map(|column| table.column(column));
                told.push(json!({
                    "collection": table.collection,
                    "field": field.name,
                    "type": column.map_or("alias", type_name),
                    "meta": known.get(&(table.name.clone(), field.name.clone())).map_or(Json::Null, |row| field_meta(row)),
                    "schema": column.map_or(Json::Null, |column| self.column_facts(table, field.kind, column)),
                }));
            }
        }
        Ok(told)
    }

    fn column_facts(&self, table: &Table, kind: FieldKind, column: &Column) -> Json {
        let target = match kind {
            FieldKind::ToOne(id, _) => Some(self.parts.catalog.relationship(id)),
            _ => None,
        };
        let to = target.map(|relationship| self.parts.catalog.table(relationship.to));
        let to_column = target.zip(to).and_then(|(way, to)| Some(to.column(*way.to_columns.first()?).name.clone()));
        json!({
            "name": column.name, "table": table.name, "data_type": column.declared, "default_value": column.default,
            "max_length": column.length, "numeric_precision": column.precision, "numeric_scale": column.scale,
            "is_generated": column.generated, "generation_expression": null,
            "is_indexed": table.uniques.iter().any(|unique| unique.first() == Some(&column.id)),
            "is_nullable": column.nullable,
            "is_unique": table.is_unique(&[column.id]), "is_primary_key": table.is_single_key(column.id),
            "has_auto_increment": column.auto_increment, "foreign_key_column": to_column,
            "foreign_key_table": to.map(|to| to.name.clone()), "comment": column.comment,
        })
    }

    async fn relations(&self, principal: &Principal, of: Option<&str>) -> Result<Vec<Json>, Error> {
        let access = self.access(principal);
        let rows = self.rows(statements::RELATIONS).await?;
        let catalog = &self.parts.catalog;
        let allows =
            |table: &Table, field: &str| access.read(table.id).is_some_and(|right: Right<'_>| right.allows(field));
        let mut told = Vec::new();
        for table in self.readable(&access).into_iter().filter(|table| of.is_none_or(|of| table.collection == of)) {
            for field in table.fields.iter().filter(|field| allows(table, &field.name)) {
                let FieldKind::ToOne(id, Some(column)) = field.kind else { continue };
                let relationship = catalog.relationship(id);
                let to = catalog.table(relationship.to);
                if access.read(to.id).is_none() {
                    continue;
                }
                let is_it = |row: &&Row| {
                    row.get("many_collection").and_then(Json::as_str) == Some(&table.name)
                        && row.get("many_field").and_then(Json::as_str) == Some(&field.name)
                };
                let to_column = relationship.to_columns.first().map(|column| to.column(*column).name.clone());
                let schema = json!({
                    "table": table.name, "column": table.column(column).name, "foreign_key_table": to.name,
                    "foreign_key_column": to_column, "constraint_name": null, "on_update": "NO ACTION",
                    "on_delete": self.on_delete(table, column),
                });
                told.push(json!({
                    "collection": table.collection, "field": field.name, "related_collection": to.collection,
                    "schema": if relationship.enforced { schema } else { Json::Null },
                    "meta": rows.iter().find(is_it).map_or(Json::Null, relation_meta),
                }));
            }
        }
        Ok(told)
    }

    fn on_delete(&self, table: &Table, column: crate::catalog::ColumnId) -> &'static str {
        let is_it = |cascade: &&crate::catalog::Cascade| cascade.table == table.id && cascade.columns == [column];
        match self.parts.catalog.cascades.iter().find(is_it) {
            Some(cascade) if cascade.deletes => "CASCADE",
            Some(_) => "SET NULL",
            None => "NO ACTION",
        }
    }

    async fn rows(&self, template: &str) -> Result<Vec<Row>, Error> {
        self.parts.store.rows(template, &[]).await.map_err(|error| {
            tracing::warn!(%error, "the system tables cannot be asked");
            Error::Unavailable
        })
    }
}

/// What somebody gets who has logged in.
fn granted(granted: &Granted) -> Json {
    json!({
        "access_token": granted.access_token, "refresh_token": granted.refresh_token,
        "expires": granted.expires.as_millis().to_string(),
    })
}

fn one(told: Vec<Json>, is_it: impl Fn(&Json) -> bool) -> Result<Json, Error> {
    told.into_iter().find(is_it).ok_or(Error::Forbidden(None))
}

/// Members of a row, those of truth and of JSON as what they are.
fn meta(row: &Row, truths: &[&str], documents: &[&str], lists: &[&str]) -> Json {
    use crate::catalog::metadata::{json, truth};
    let value = |(name, value): (&String, &Json)| {
        let value = match name.as_str() {
            known if truths.contains(&known) && !value.is_null() => truth(row, known).into(),
            known if documents.contains(&known) => json(row, known).unwrap_or_default(),
            known if lists.contains(&known) => match value.as_str() {
                Some(text) => text.split(',').filter(|item| !item.is_empty()).map(Json::from).collect(),
                None => Json::Null,
            },
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    Json::Object(row.iter().map(value).collect())
}

fn collection_meta(row: &Row) -> Json {
    let mut told = meta(
        row,
        &["hidden", "singleton", "archive_app_filter", "versioning"],
        &["translations", "item_duplication_fields"],
        &[],
    );
    // Version 11 knows nothing of it.
    if told.get("status").is_none() {
        told["status"] = "active".into();
    }
    told
}

fn field_meta(row: &Row) -> Json {
    let mut told = meta(
        row,
        &["readonly", "hidden", "required", "searchable"],
        &["options", "display_options", "translations", "conditions", "validation"],
        &["special"],
    );
    if told.get("searchable").is_none() {
        told["searchable"] = true.into();
    }
    told
}

fn relation_meta(row: &Row) -> Json {
    meta(row, &[], &[], &["one_allowed_collections"])
}

fn system_meta(table: &Table) -> Json {
    json!({
        "collection": table.collection, "hidden": false, "singleton": table.singleton, "archive_app_filter": true,
        "collapse": "open", "versioning": false, "status": "active", "note": table.comment,
        "sort_field": table.sort.map(|column| table.column_field(column)),
        "accountability": match table.tracking {
            crate::catalog::Tracking::All => Json::from("all"),
            crate::catalog::Tracking::Activity => Json::from("activity"),
            crate::catalog::Tracking::Nothing => Json::Null,
        },
    })
}

/// The type's name (contract `system-tables.md` 6).
fn type_name(column: &Column) -> &'static str {
    if column.specials.hash {
        return "hash";
    }
    match column.column_type {
        ColumnType::Integer => "integer",
        ColumnType::BigInteger => "bigInteger",
        ColumnType::Float | ColumnType::Double => "float",
        ColumnType::Decimal => "decimal",
        ColumnType::Boolean => "boolean",
        ColumnType::Text if column.declared.to_ascii_lowercase().contains("text") => "text",
        ColumnType::Text => "string",
        ColumnType::Uuid => "uuid",
        ColumnType::Timestamp => "timestamp",
        ColumnType::DateTime => "dateTime",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::Json => "json",
        ColumnType::Csv => "csv",
        ColumnType::Binary => "binary",
        ColumnType::Geometry => "geometry",
        ColumnType::Array(_) | ColumnType::Other => "unknown",
    }
}
