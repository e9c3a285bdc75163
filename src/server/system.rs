//! What callers may do, as REST (contract `permissions.md` 10).

use std::sync::Arc;

use axum::{Router, extract::Path, routing::get};

use super::{
    Shared,
    accounts::{Answer, Asked, data, fields},
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
