//! What callers may do, told to themselves, as REST (contract `permissions.md` 10):
//! what `/graphql/system` says of it, in other words.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Response, header},
    routing::get,
};
use serde_json::{Map, Value as Json, json};

use super::{
    Shared,
    problem::{self, Problem},
    routes::Caller,
};
use crate::{
    error_code::ErrorCode,
    graphql::{Allowed, Request, Service},
    principal::Principal,
};

/// The routes; without system tables there is nothing at them.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/permissions/me", get(permissions))
        .route("/roles/me", get(roles))
        .route("/policies/me/globals", get(globals))
}

type Answer = Result<Response<Body>, Problem>;

async fn permissions(State(shared): State<Arc<Shared>>, Caller(principal): Caller) -> Answer {
    let service = system(&shared, "/permissions/me")?;
    if principal.user.is_none() && !principal.admin {
        return Err(Problem::new(ErrorCode::Forbidden, "You don't have permission to access this."));
    }
    Ok(data(service.permissions(&principal).unwrap_or_default()))
}

/// The caller's own role and those above it, as far as they may be read; their ids in
/// any case.
async fn roles(State(shared): State<Arc<Shared>>, Caller(principal): Caller) -> Answer {
    let service = system(&shared, "/roles/me")?;
    let fields = service.fields(&principal, "directus_roles").unwrap_or_default();
    let columns: Vec<String> = fields.into_iter().filter(|(_, is_column)| *is_column).map(|(name, _)| name).collect();
    if columns.is_empty() || principal.roles.is_empty() {
        let ids = principal.roles.iter().map(|id| json!({ "id": &**id }));
        return Ok(data(ids.collect()));
    }
    told(service, &principal, &format!("{{ roles_me {{ {} }} }}", columns.join(" ")), "roles_me").await
}

async fn globals(State(shared): State<Arc<Shared>>, Caller(principal): Caller) -> Answer {
    let service = system(&shared, "/policies/me/globals")?;
    if principal.user.is_none() && !principal.admin {
        return Ok(data(json!({ "app_access": false })));
    }
    let query = "{ policies_me_globals { app_access admin_access enforce_tfa } }";
    told(service, &principal, query, "policies_me_globals").await
}

fn system<'s>(shared: &'s Shared, path: &str) -> Result<&'s Service, Problem> {
    shared.parts.system.as_ref().ok_or_else(|| Problem::route(path))
}

/// What a field of the system's says.
async fn told(service: &Service, principal: &Principal, query: &str, field: &str) -> Answer {
    let request = Request { query: query.into(), variables: Map::new(), operation_name: None };
    let response = service.execute(principal, request, Allowed::Queries).await;
    let mut answer: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    let told = answer["data"][field].take();
    match answer["errors"][0]["extensions"]["code"].as_str() {
        None if !told.is_null() => Ok(data(told)),
        // What the schema does not have for the caller, the caller may not ask for.
        None | Some("FORBIDDEN" | "GRAPHQL_VALIDATION") => {
            Err(Problem::new(ErrorCode::Forbidden, "You don't have permission to access this."))
        }
        Some(_) => Err(Problem::new(ErrorCode::InternalServerError, "An unexpected error occurred.")),
    }
}

fn data(json: Json) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "data": json }).to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    problem::keep_from_caches(response.headers_mut());
    response
}
