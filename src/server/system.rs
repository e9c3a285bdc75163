//! What callers may do, and items that are moved and put back, as REST (contract
//! `permissions.md` 10, `rest.md` 11). Without users none of it is there.

use axum::extract::Path;
use serde_json::Value as Json;

use super::{
    accounts::{Answer, Asked, data, empty, fields, nothing},
    graphql::within,
    problem::Problem,
};
use crate::graphql::Operations;

fn operations(asked: &Asked) -> Result<&Operations, Problem> {
    let system = asked.shared.parts.system.as_ref().and_then(|system| system.operations());
    system.ok_or_else(|| Problem::route(asked.head.uri.path()))
}

pub(super) async fn permissions(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.permissions(&asked.principal)?))
}

pub(super) async fn permissions_in(Path(collection): Path<String>, asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.item_permissions(&asked.principal, &collection, None).await?))
}

pub(super) async fn permissions_for(Path((collection, key)): Path<(String, String)>, asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.item_permissions(&asked.principal, &collection, Some(&key)).await?))
}

pub(super) async fn roles(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.roles(&asked.principal, fields(&asked.head)).await?))
}

pub(super) async fn globals(asked: Asked) -> Answer {
    Ok(data(operations(&asked)?.globals(&asked.principal).await?))
}

pub(super) async fn sort(Path(collection): Path<String>, asked: Asked) -> Answer {
    let (item, to) = (asked.key("item")?, asked.key("to")?);
    let sorting = async { Ok(operations(&asked)?.sort(&asked.principal, &collection, &item, &to).await?) };
    within(asked.shared.options.operation_timeout, sorting).await?;
    Ok(empty())
}

pub(super) async fn revert(Path(revision): Path<String>, asked: Asked) -> Answer {
    let reverting = async { Ok(operations(&asked)?.revert(&asked.principal, &Json::from(revision)).await?) };
    within(asked.shared.options.operation_timeout, reverting).await?;
    Ok(nothing())
}
