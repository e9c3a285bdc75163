//! HTTP: sockets, routes and what every answer has in common.
//!
//! It brings requests to [`Service`] and takes answers away as bytes;
//! what a query means it does not know.

mod accept;
mod accounts;
mod cookies;
mod cors;
mod explain;
mod feed;
mod front;
mod graphql;
mod health;
mod hooked;
mod media;
mod page;
mod payload;
mod places;
mod problem;
mod rate;
mod request_id;
mod reserved;
mod routes;
mod socket;
mod specs;
mod streaming;
mod system;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::timeout};

use crate::{auth::Authenticator, clock::Clock, db::Database, graphql::Service};

pub use cors::{Options as CorsOptions, Origins};
pub use hooked::HookParts;
pub use rate::RateLimits;
pub use socket::Options as SocketOptions;

/// How the gateway behaves towards its clients.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest request body, in bytes.
    pub body_limit: usize,
    /// Longest time from a request's head to its answer; zero means no limit.
    pub operation_timeout: Duration,
    /// How long running requests may take to finish after a stop.
    pub shutdown_timeout: Duration,
    /// Most connections at a time; further ones wait to be accepted.
    pub max_connections: u32,
    /// Whether `X-Forwarded-For` is believed.
    pub trust_proxy: bool,
    /// Which other origins may call; `None`: none.
    pub cors: Option<CorsOptions>,
    /// Whether the schema may be downloaded.
    pub introspection: bool,
    /// Whether the paths may be looked at.
    pub openapi: bool,
    /// What the page for people begins with.
    pub page: PageOptions,
    /// What sockets may cost.
    pub sockets: SocketOptions,
    /// How often somebody may ask.
    pub rates: RateLimits,
}

/// What the pages for people begin with.
#[derive(Clone, Default)]
pub struct PageOptions {
    /// What is served, in words.
    pub title: String,
    /// What the editor has to begin with, a tab each.
    pub examples: Vec<String>,
    /// A token to be put into the pages; only given away on loopback addresses.
    pub token: Option<String>,
    /// Whether the page of live changes may make some, by what the demo has.
    pub demo: bool,
}

impl std::fmt::Debug for PageOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PageOptions").field("title", &self.title).finish_non_exhaustive()
    }
}

/// What answers.
#[derive(Debug)]
pub struct Parts {
    /// The GraphQL side.
    pub service: Service,
    /// The same for the system's collections, where there are any.
    pub system: Option<Service>,
    /// Asked for a sign of life.
    pub database: Database,
    /// Knows the callers.
    pub authenticator: Authenticator,
    /// Dates downloads.
    pub clock: Clock,
    /// Have a say.
    pub hooks: HookParts,
}

/// What handlers share.
struct Shared {
    parts: Parts,
    options: Options,
    health: health::Health,
    pages: page::Pages,
    places: Arc<places::Places>,
    limiters: rate::Limiters,
    reservations: reserved::Reservations,
    /// Whether hooks have a say in what GraphQL answers.
    filters_responses: bool,
}

/// Serves until `stop` resolves, then lets running requests finish.
///
/// # Errors
/// When the listener has no address.
pub async fn run(
    listener: TcpListener,
    parts: Parts,
    options: Options,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let limits = accept::Limits::of(&options);
    let shutdown = options.shutdown_timeout;
    let hub = parts.service.hub().clone();
    let (front, shared) = front(listener.local_addr()?, parts, options);
    let stopping = async {
        stop.await;
        hub.stop();
    };
    accept::run(listener, front, limits, stopping).await;
    if timeout(shutdown, shared.places.all_free()).await.is_err() {
        tracing::warn!("leaving sockets whose clients did not close them within {shutdown:?}");
    }
    Ok(())
}

fn front(address: SocketAddr, parts: Parts, options: Options) -> (Arc<front::Front>, Arc<Shared>) {
    let cors = options.cors.as_ref().map(cors::layer);
    let pages = page::Pages::new(&options.page, address.ip().is_loopback());
    let health = health::Health::new(parts.database.clone());
    let hooks = parts.hooks.clone();
    let filters_responses = hooks.filters_responses();
    let places = Arc::new(places::Places::new(&options.sockets));
    let reservations = reserved::Reservations::default();
    let limiters = rate::Limiters::new(options.rates);
    let shared = Arc::new(Shared { parts, options, health, pages, places, limiters, reservations, filters_responses });
    let mut router = routes::router(shared.clone());
    if hooks.rewrites_errors() {
        router = router.layer(axum::middleware::from_fn_with_state(shared.clone(), hooked::rewrite_errors));
    }
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    (Arc::new(front::Front::new(router, hooks)), shared)
}
