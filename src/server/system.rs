//! What callers may do, items that are moved and put back, and what paths there
//! are, as REST (contract `permissions.md` 10, `rest.md` 10 and 11).

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    routing::{get, post},
};
use serde_json::Value as Json;

use super::{
    Shared,
    accounts::{Answer, Asked, data, empty, fields, json_response, nothing},
    graphql::within,
    problem::Problem,
};
use crate::graphql::Operations;

/// The routes; without users there are none.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/permissions/me", get(permissions))
        .route("/permissions/me/{collection}", get(permissions_in))
        .route("/permissions/me/{collection}/{key}", get(permissions_for))
        .route("/roles/me", get(roles))
        .route("/policies/me/globals", get(globals))
        .route("/server/specs/oas", get(specs))
        .route("/utils/sort/{collection}", post(sort))
        .route("/utils/revert/{revision}", post(revert))
}

fn operations(asked: &Asked) -> Result<&Operations, Problem> {
    let system = asked.shared.parts.system.as_ref().and_then(|system| system.operations());
    system.ok_or_else(|| Problem::route(asked.head.uri.path()))
}

async fn permissions(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.permissions(&asked.principal)?))
}

async fn permissions_in(Path(collection): Path<String>, asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.item_permissions(&asked.principal, &collection, None).await?))
}

async fn permissions_for(Path((collection, key)): Path<(String, String)>, asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.item_permissions(&asked.principal, &collection, Some(&key)).await?))
}

async fn roles(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.roles(&asked.principal, fields(&asked.head)).await?))
}

async fn globals(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.globals(&asked.principal).await?))
}

/// Bare, as readers of such documents expect it.
async fn specs(asked: Asked) -> Answer {
    Ok(json_response(&operations(&asked)?.openapi()))
}

async fn sort(Path(collection): Path<String>, asked: Asked) -> Answer {
    let (item, to) = (asked.key("item")?, asked.key("to")?);
    let sorting = async { Ok(operations(&asked)?.sort(&asked.principal, &collection, &item, &to).await?) };
    within(asked.shared.options.operation_timeout, sorting).await?;
    Ok(empty())
}

async fn revert(Path(revision): Path<String>, asked: Asked) -> Answer {
    let reverting = async { Ok(operations(&asked)?.revert(&asked.principal, &Json::from(revision)).await?) };
    within(asked.shared.options.operation_timeout, reverting).await?;
    Ok(nothing())
}
