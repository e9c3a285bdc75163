//! A gateway in this process, on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};
use tidegate::{
    auth::{self, Authenticator},
    catalog::{self, Catalog},
    clock::Clock,
    config,
    db::{self, Database},
    engine::{self, Engine},
    events::Events,
    gateway::{self, Gateway},
    graphql::{self, Service},
    hooks,
    permissions::Policy,
    server,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::TestDatabase;

/// The administrator's token.
pub const TOKEN: &str = "test-token";

/// A gateway over a database, on port 0. It stops when it is dropped.
pub struct TestApp {
    pub database: Database,
    pub catalog: Arc<Catalog>,
    /// Where the gateway tells its changes.
    pub events: Events,
    pub address: SocketAddr,
    pub service: Service,
    context: hooks::Context,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
    // Last, so that the gateway's connections go before their database.
    pub data: Arc<TestDatabase>,
}

/// What is not the default.
#[derive(Default)]
pub struct Settings {
    pub limits: graphql::Limits,
    pub policy: Policy,
    pub engine: engine::Options,
    pub clock: Clock,
    pub max_connections: Option<u32>,
    pub acquire_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
    pub server: Option<server::Options>,
    /// Whether statements that write may give rows back; as the database does if absent.
    pub inserts_return: Option<bool>,
    /// PostgreSQL schemas beside `public`.
    pub more_schemas: Vec<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Json,
}

impl TestApp {
    pub async fn start(data: Arc<TestDatabase>) -> Self {
        Self::start_with(data, Settings::default()).await
    }

    pub async fn start_with(data: Arc<TestDatabase>, settings: Settings) -> Self {
        let database = Database::connect(options(&data, &settings)).await.expect("the database answers");
        let facts = database.introspect().await.expect("the database can be introspected");
        let serving = catalog::Options {
            default_schema: Some("public".to_owned()),
            inserts_return: settings.inserts_return.unwrap_or_else(|| database.inserts_return()),
            ..catalog::Options::default()
        };
        let catalog = Arc::new(Catalog::build(database.dialect(), &facts, &serving));
        let clock = settings.clock.clone();
        let parts = engine::Parts::plain(database.clone(), catalog.clone(), clock.clone());
        let events = parts.events.clone();
        let engine = Engine::new(parts, settings.engine);
        let context = engine.own_context();
        let service = Service::new(engine, catalog.clone(), settings.policy, settings.limits, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let authenticator =
            Authenticator::new(auth::Options { admin_token: Some(TOKEN.to_owned()), ..auth::Options::default() });
        let parts = server::Parts {
            service: service.clone(),
            system: None,
            database: database.clone(),
            authenticator,
            clock,
            hooks: server::HookParts::none(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let options = settings.server.unwrap_or_else(server_options);
        let running = tokio::spawn(async {
            // A dropped sender stops as well.
            Ok(server::run(listener, parts, options, async { drop(stopped.await) }).await?)
        });
        let client = super::client();
        Self { database, catalog, events, address, service, context, client, stop, running, data }
    }

    /// A gateway that a program has put together with hooks of its own.
    pub async fn embedded(data: Arc<TestDatabase>, builder: gateway::Builder) -> Self {
        let options = options(&data, &Settings::default());
        let builder = builder.configure(|serve| {
            serve.gateway.metadata = config::Metadata::None;
            serve.gateway.database = options;
            serve.server = server_options();
        });
        Self::embedded_as_it_is(data, builder).await
    }

    /// A gateway over a database's system tables.
    pub async fn with_store(
        data: Arc<TestDatabase>,
        change: impl FnOnce(gateway::Builder) -> gateway::Builder,
    ) -> Self {
        let options = options(&data, &Settings::default());
        let builder = Gateway::builder().configure(|serve| {
            serve.gateway.database = options;
            serve.server = server_options();
        });
        let gateway = change(builder).database(&data.url).build().await.expect("it can be put together");
        Self::of(data, gateway).await
    }

    /// As [`Self::embedded`], with options of the test's own.
    pub async fn embedded_as_it_is(data: Arc<TestDatabase>, builder: gateway::Builder) -> Self {
        let gateway = builder.database(&data.url).admin_token(TOKEN).build().await.expect("it can be put together");
        Self::of(data, gateway).await
    }

    async fn of(data: Arc<TestDatabase>, gateway: Gateway) -> Self {
        let context = gateway.context();
        let (database, catalog, events) =
            (gateway.database().clone(), gateway.catalog().clone(), gateway.events().clone());
        let service = gateway.service().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(gateway.serve_on(listener, async { drop(stopped.await) }));
        let client = super::client();
        Self { database, catalog, events, address, service, context, client, stop, running, data }
    }

    /// The items of a collection, as the program itself has them.
    pub fn items(&self, collection: &str) -> hooks::ItemsService {
        self.context.items_with_full_rights(collection)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request that the test makes up itself.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Stops the server and waits until it has ended.
    pub async fn stop(self) {
        drop(self.stop);
        self.running.await.expect("the server does not panic").expect("the server ends in good order");
    }

    /// Stops the server, then closes the database's connections: statements that
    /// nobody waits for any more have ended when this has.
    pub async fn end(self) {
        let database = self.database.clone();
        let data = self.data.clone();
        self.stop().await;
        database.close().await;
        drop(data);
    }

    /// Sends a query as the administrator.
    pub async fn graphql(&self, query: &str) -> Reply {
        self.graphql_with(query, json!({})).await
    }

    /// Sends a query with variables as the administrator.
    pub async fn graphql_with(&self, query: &str, variables: Json) -> Reply {
        self.post(&json!({ "query": query, "variables": variables }), Some(TOKEN)).await
    }

    /// Sends a query without credentials.
    pub async fn public_graphql(&self, query: &str) -> Reply {
        self.post(&json!({ "query": query }), None).await
    }

    /// The data of a query that must succeed.
    pub async fn data(&self, query: &str) -> Json {
        self.data_with(query, json!({})).await
    }

    /// The data of a query with variables that must succeed.
    pub async fn data_with(&self, query: &str, variables: Json) -> Json {
        let mut reply = self.graphql_with(query, variables).await;
        assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        reply.body["data"].take()
    }

    pub async fn post(&self, body: &Json, token: Option<&str>) -> Reply {
        let mut request = self.client.post(self.url("/graphql")).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Reply::of(request).await
    }

    /// How many statements `work` sends.
    pub async fn statements_of<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        let before = self.database.statements_sent();
        let done = work.await;
        (self.database.statements_sent() - before, done)
    }
}

impl Reply {
    /// Sends a request whose answer is JSON.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.json().await.expect("the answer is JSON");
        Self { status, headers, body }
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("the header is text"))
    }

    /// The codes of all errors.
    pub fn codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["extensions"]["code"].as_str()).collect()
    }
}

pub fn options(data: &TestDatabase, settings: &Settings) -> db::Options {
    db::Options {
        url: data.url.clone(),
        max_connections: settings.max_connections.unwrap_or(4),
        acquire_timeout: settings.acquire_timeout.unwrap_or(Duration::from_secs(20)),
        connect_timeout: Duration::from_secs(20),
        statement_timeout: settings.statement_timeout.unwrap_or(Duration::from_secs(30)),
        schemas: std::iter::once("public".to_owned()).chain(settings.more_schemas.iter().cloned()).collect(),
    }
}

/// How the gateway behaves unless a test says otherwise.
pub fn server_options() -> server::Options {
    server::Options {
        body_limit: 1 << 20,
        operation_timeout: Duration::from_secs(60),
        shutdown_timeout: Duration::from_secs(5),
        max_connections: 1_000,
        trust_proxy: false,
        cors: None,
        introspection: true,
        openapi: true,
        page: server::PageOptions::default(),
        sockets: server::SocketOptions::default(),
        rates: server::RateLimits::default(),
    }
}
