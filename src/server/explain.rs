//! `extensions.explain` of a request: for administrators, how an answer came about,
//! their own or what others would have got.
//!
//! `{"explain": true}`, or an object with `user`, `role` or `public: true` for those
//! in whose place it is asked, and `changes`, the number of changes that are held
//! against a subscription.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::problem::Problem;
use crate::{
    auth::{Authenticator, StandIn},
    error_code::ErrorCode,
    graphql::{self, Allowed, Explain, Request},
    principal::Principal,
};

/// Most changes that are held against a subscription.
const MAX_CHANGES: usize = 1_000;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    user: Option<String>,
    role: Option<String>,
    #[serde(default)]
    public: bool,
    changes: Option<usize>,
}

/// What a request's extensions ask for, if anything.
pub(super) fn wanted(extensions: &Map<String, Json>) -> Result<Option<Wanted>, Problem> {
    match extensions.get("explain") {
        None | Some(Json::Null | Json::Bool(false)) => Ok(None),
        Some(Json::Bool(true)) => Ok(Some(Wanted::default())),
        Some(object) => Wanted::deserialize(object)
            .map(Some)
            .map_err(|error| Problem::payload(format!("`extensions.explain` is true or an object: {error}"))),
    }
}

/// Answers, and explains the answer.
pub(super) async fn answer(
    authenticator: &Authenticator,
    service: &graphql::Service,
    principal: &Principal,
    request: Request<'_>,
    wanted: Wanted,
    allowed: Allowed,
) -> Result<graphql::Response, Problem> {
    if !principal.admin {
        return Err(Problem::new(ErrorCode::Forbidden, "Only administrators are told how an answer came about."));
    }
    let whose = match (wanted.user, wanted.role, wanted.public) {
        (None, None, false) => None,
        (Some(user), None, false) => Some(StandIn::User(user)),
        (None, Some(role), false) => Some(StandIn::Role(role)),
        (None, None, true) => Some(StandIn::Public),
        _ => return Err(Problem::payload("`extensions.explain` has one of `user`, `role` and `public`")),
    };
    let other = match &whose {
        None => None,
        Some(whose) => {
            let found = authenticator.stand_in(whose).await?;
            Some(found.ok_or_else(|| Problem::query("there is no such active user, or no such role"))?)
        }
    };
    let what = Explain {
        // Nobody writes in another's name.
        mutates: other.is_none() && allowed != Allowed::Queries,
        changes: wanted.changes.unwrap_or(Explain::default().changes).min(MAX_CHANGES),
    };
    Ok(service.explain(other.as_ref().unwrap_or(principal), request, what).await)
}
