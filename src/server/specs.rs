//! `GET /server/specs/…`: the schema as a download, as the caller sees it, and what
//! paths there are.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Response, Uri, header},
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    Shared,
    accounts::json_response,
    problem::Problem,
    routes::{Caller, not_found},
};
use crate::{
    error_code::ErrorCode,
    graphql::{self, Offers, Service},
};

/// The schema in the schema definition language.
pub(super) async fn download(State(shared): State<Arc<Shared>>, caller: Caller, uri: Uri) -> Response<Body> {
    match shared.options.introspection {
        true => sdl(&shared, &shared.parts.service, &caller),
        false => not_found(uri).await,
    }
}

/// The same of the system's collections.
pub(super) async fn download_of_the_system(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    uri: Uri,
) -> Response<Body> {
    match &shared.parts.system {
        Some(service) if shared.options.introspection => sdl(&shared, service, &caller),
        _ => not_found(uri).await,
    }
}

/// The paths, as an OpenAPI document: bare, as readers of such documents expect it.
pub(super) async fn paths(State(shared): State<Arc<Shared>>, _: Caller, uri: Uri) -> Response<Body> {
    if !shared.options.openapi {
        return not_found(uri).await;
    }
    let (system, introspection) = (shared.parts.system.is_some(), shared.options.introspection);
    json_response(&graphql::openapi(Offers { system, introspection }))
}

fn sdl(shared: &Shared, service: &Service, caller: &Caller) -> Response<Body> {
    let Ok(sdl) = service.sdl(&caller.0) else {
        return Problem::new(ErrorCode::InternalServerError, "An unexpected error occurred.").into_json();
    };
    let mut response = Response::new(Body::from(sdl));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_DISPOSITION, attachment(shared.parts.clock.now_micros()));
    response
}

fn attachment(now_micros: i64) -> HeaderValue {
    let now = Timestamp::from_microsecond(now_micros).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = now.to_zoned(TimeZone::UTC).date();
    let text = format!("attachment; filename=\"tidegate_{date}.graphql\"");
    HeaderValue::try_from(text).expect("a date is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_by_the_day() {
        assert_eq!(attachment(1_700_000_000_000_000), "attachment; filename=\"tidegate_2023-11-14.graphql\"");
    }
}
