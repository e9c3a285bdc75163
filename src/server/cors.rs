//! Which other origins' pages may call, spelt as Directus spells it.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Origins that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Whoever asks, named back to it.
    Mirror,
    /// Anyone (`*`), but never with credentials: browsers refuse the two together.
    Any,
    /// These.
    List(Vec<HeaderValue>),
}

/// What other origins may do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who may call.
    pub origins: Origins,
    /// With which methods.
    pub methods: Vec<Method>,
    /// With which headers.
    pub allowed_headers: Vec<HeaderName>,
    /// Which headers of the answer a page may read.
    pub exposed_headers: Vec<HeaderName>,
    /// Whether cookies and the like may come along.
    pub credentials: bool,
    /// How long a browser may remember this.
    pub max_age: Duration,
}

/// The layer that says so.
pub(super) fn layer(options: &Options) -> CorsLayer {
    let (origin, credentials) = match &options.origins {
        Origins::Mirror => (AllowOrigin::mirror_request(), options.credentials),
        Origins::Any => (AllowOrigin::any(), false),
        Origins::List(origins) => (AllowOrigin::list(origins.iter().cloned()), options.credentials),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods(options.methods.clone())
        .allow_headers(options.allowed_headers.clone())
        .expose_headers(options.exposed_headers.clone())
        .allow_credentials(credentials)
        .max_age(options.max_age)
}
