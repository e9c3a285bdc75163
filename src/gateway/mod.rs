//! The gateway as a library: put together from options and hooks, then served,
//! or used in place.
//!
//! ```no_run
//! use serde_json::json;
//! use tidegate::{Gateway, hooks};
//!
//! # async fn run() -> anyhow::Result<()> {
//! Gateway::builder()
//!     .database("sqlite:shop.db")
//!     .filter("articles.items.create", async |mut payload: hooks::Payload, _, _| {
//!         payload.set("slug", "made-up");
//!         Ok(payload)
//!     })
//!     .action("items.*", async |meta: hooks::Meta, context: hooks::Context| {
//!         context.logger().info(format!("{} in {}", meta.event(), meta.collection()));
//!         Ok(())
//!     })
//!     .schedule("0 3 * * *", async |context: hooks::Context| {
//!         let old = json!({ "filter": { "expires": { "_lt": "$NOW" } } });
//!         context.items_with_full_rights("sessions").delete_by_query(old).await?;
//!         Ok(())
//!     })
//!     .serve()
//!     .await
//! # }
//! ```

mod stop;

use std::{
    fs,
    future::Future,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

pub use self::stop::Stop;
use crate::{
    auth::{self, Accounts, Authenticator, Foreign},
    catalog::{self, Catalog, facts::Facts},
    clock::Clock,
    config,
    db::Database,
    engine::{self, Engine},
    events::{Events, MemoryLog},
    graphql,
    hooks::{self, Action, Environment, Filter, Hooks, Init, ItemsService, Job, Meta, Registry},
    mail::Outbox,
    permissions::{Decides, Policy, PublicAccess},
    plan,
    realtime::Hub,
    rules::{Known, Rules},
    secrets, server,
    store::{FirstAdmin, Store},
    tasks,
};

/// How long closing the database's connections may take at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// How often a file of rules is looked at.
const LOOKING: Duration = Duration::from_secs(1);

/// Points of the start before it listens, in their order (contract
/// `extensions.md` 6).
const STARTING: [&str; 8] = [
    "app.before",
    "middlewares.before",
    "middlewares.after",
    "routes.before",
    "routes.custom.before",
    "routes.custom.after",
    "routes.after",
    "app.after",
];

/// A database, introspected, with everything up to the GraphQL service on top,
/// and how it is to be served.
#[derive(Debug)]
pub struct Gateway {
    options: config::Serve,
    core: Core,
    clock: Clock,
    outbox: Outbox,
}

/// What answers.
#[derive(Debug)]
pub struct Core {
    /// Answers GraphQL.
    pub service: graphql::Service,
    /// Executes.
    pub engine: Engine,
    /// What is served.
    pub catalog: Arc<Catalog>,
    /// The rules in force, if there are any.
    pub rules: Option<Rules>,
    /// What who may do.
    pub policy: Policy,
    /// The system tables, where they are used.
    pub store: Option<Store>,
    /// The first administrator, if one was made just now.
    pub first_admin: Option<NewAdmin>,
}

/// An administrator who was made just now.
#[derive(Clone)]
pub struct NewAdmin {
    /// The address to log in with.
    pub email: String,
    /// The password, where it was made up; it is stored nowhere.
    pub password: Option<String>,
}

impl std::fmt::Debug for NewAdmin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewAdmin").field("email", &self.email).finish_non_exhaustive()
    }
}

/// Changes options.
type Change = Box<dyn FnOnce(&mut config::Serve) + Send>;

/// Puts a gateway together. What is not said here is taken from the
/// environment, as the command `tidegate serve` does, and else the default.
#[derive(Default)]
pub struct Builder {
    url: Option<String>,
    options: Option<config::Serve>,
    changes: Vec<Change>,
    registry: Registry,
    hooks: hooks::Options,
    policy: Option<Policy>,
    environment: Option<Environment>,
    clock: Clock,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Builder {
    /// Serves the database at this URL.
    #[must_use]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Listens there; port 0 lets the system choose.
    #[must_use]
    pub fn listen(self, host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        self.configure(move |options| {
            options.host = host;
            options.port = port;
        })
    }

    /// Whoever brings this token may do everything.
    #[must_use]
    pub fn admin_token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.configure(move |options| options.auth.admin_token = Some(token))
    }

    /// Changes any other option.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut config::Serve) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Takes all options from here instead of the environment.
    #[must_use]
    pub fn options(mut self, options: config::Serve) -> Self {
        self.options = Some(options);
        self
    }

    /// What callers without a token may do, in more detail than the options have it.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// What hooks see as the environment, instead of the process's own.
    #[must_use]
    pub fn environment(mut self, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = Some(environment.into_iter().collect());
        self
    }

    /// What hooks are held to.
    #[must_use]
    pub fn hook_options(mut self, options: hooks::Options) -> Self {
        self.hooks = options;
        self
    }

    /// Tells the time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Registers a filter: it runs before an event and may change or refuse what
    /// is about to happen.
    #[must_use]
    pub fn filter(mut self, event: &str, handler: impl Filter) -> Self {
        self.registry.filter(event, handler);
        self
    }

    /// Registers an action: it runs after an event.
    #[must_use]
    pub fn action(mut self, event: &str, handler: impl Action) -> Self {
        self.registry.action(event, handler);
        self
    }

    /// Registers something for a point of the start, such as `app.after`.
    #[must_use]
    pub fn init(mut self, event: &str, handler: impl Init) -> Self {
        self.registry.init(event, handler);
        self
    }

    /// Registers a job: a cron text of five fields, or six with seconds first,
    /// in the time zone of the process.
    #[must_use]
    pub fn schedule(mut self, cron: &str, handler: impl Job) -> Self {
        self.registry.schedule(cron, handler);
        self
    }

    /// As [`Self::schedule`], in a time zone by its IANA name.
    #[must_use]
    pub fn schedule_in(mut self, zone: &str, cron: &str, handler: impl Job) -> Self {
        self.registry.schedule_in(zone, cron, handler);
        self
    }

    /// Connects, introspects and puts everything together.
    ///
    /// # Errors
    /// One clear sentence (with its chain) that holds no secret.
    pub async fn build(self) -> anyhow::Result<Gateway> {
        let mut options = match (self.options, self.url) {
            (Some(options), None) => options,
            (Some(mut options), Some(url)) => {
                options.gateway.database.url = url;
                options
            }
            (None, url) => config::embedded(url.as_deref())?,
        };
        self.changes.into_iter().for_each(|change| change(&mut options));
        let environment = self.environment.unwrap_or_else(config::environment);
        let hooks = self.registry.build(self.hooks, environment)?;
        let core = Core::assemble(&options.gateway, &options.auth, hooks, self.policy, &self.clock).await?;
        core.engine.hooks().start_actions();
        let outbox = Outbox::new(&options.mail)?;
        if core.store.is_some() {
            warn_of_mail(&options, core.engine.hooks(), &outbox);
        }
        Ok(Gateway { options, core, clock: self.clock, outbox })
    }

    /// Builds and serves until the process is asked to stop.
    ///
    /// # Errors
    /// As [`Self::build`] and [`Gateway::serve`].
    pub async fn serve(self) -> anyhow::Result<()> {
        self.build().await?.serve().await
    }
}

impl Core {
    /// Connects, introspects and builds everything up to the GraphQL service.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub async fn assemble(
        options: &config::Gateway,
        auth: &auth::Options,
        hooks: Hooks,
        policy: Option<Policy>,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        let database = Database::connect(options.database.clone()).await?;
        let mut facts = database.introspect().await.context("the database cannot be introspected")?;
        let (store, first_admin) = system_tables(options, auth, &database, &mut facts).await?;
        let metadata = match &store {
            Some(store) => Some(store.metadata().await?),
            None => None,
        };
        let serving = catalog::Options {
            default_schema: options.database.schemas.first().cloned(),
            exclude: options.exclude_tables.clone(),
            inserts_return: database.inserts_return(),
            metadata,
        };
        let catalog = Arc::new(Catalog::build(database.dialect(), &facts, &serving));
        let engine = engine(&database, &catalog, (hooks, store.clone()), clock, options, auth.accounts.hash);
        let rules = match (&store, options.rules.as_deref()) {
            (Some(store), _) => Some(Rules::new(store.rules().await?)),
            (None, Some(path)) => Some(Rules::new(rules_of(path, &catalog)?)),
            (None, None) => None,
        };
        let policy = policy.unwrap_or_else(|| Policy {
            public: public_access(options.public),
            rules: rules.clone().map(|rules| Arc::new(rules) as Arc<dyn Decides>),
        });
        let limits = limits(&options.limits);
        let service = graphql::Service::new(engine.clone(), catalog.clone(), policy.clone(), limits, clock.clone());
        Ok(Self { service, engine, catalog, rules, policy, store, first_admin })
    }
}

impl Core {
    /// The users of the system tables, where those are used.
    fn accounts(&self, auth: &auth::Options, clock: &Clock, outbox: Outbox) -> Option<Accounts> {
        let (store, rules) = self.store.clone().zip(self.rules.clone())?;
        let hub = self.service.hub().clone();
        Some(Accounts::new((store, outbox), hub, self.engine.clone(), rules, auth.clone(), clock.clone()))
    }

    /// The system's collections, where there are system tables.
    pub fn system(&self, auth: auth::Options, options: &config::Gateway, clock: &Clock) -> Option<graphql::Service> {
        self.system_of(self.accounts(&auth, clock, Outbox::nowhere())?, options)
    }

    fn system_of(&self, accounts: Accounts, options: &config::Gateway) -> Option<graphql::Service> {
        let (store, catalog, policy) = (self.store.clone()?, self.catalog.clone(), self.policy.clone());
        let engine = self.engine.clone();
        let parts = graphql::SystemOptions { accounts, engine, store, catalog, policy };
        Some(self.service.of_the_system(parts, limits(&options.limits)))
    }

    /// Knows callers, those apart whose tokens others have signed.
    pub fn authenticator(&self, auth: auth::Options, clock: &Clock) -> Authenticator {
        let accounts = self.accounts(&auth, clock, Outbox::nowhere());
        Authenticator::new(auth).with_rules(self.rules.clone()).with_accounts(accounts)
    }
}

/// Says what stands in the way of mail to users.
fn warn_of_mail(options: &config::Serve, hooks: &Hooks, outbox: &Outbox) {
    if hooks.has_filter(&["email.send"]) {
        return;
    }
    if !outbox.is_usable() {
        tracing::warn!(
            "no mail can be sent, so that nobody gets a new password by it: there is no sendmail; EMAIL_TRANSPORT=smtp \
             and EMAIL_SMTP_HOST name a server"
        );
    } else if !options.auth.accounts.public_url.contains("://") {
        tracing::warn!("links in mails lead nowhere unless a front end says where: PUBLIC_URL is not set");
    }
}

/// The system tables, made where that is wished, and who was made with them.
async fn system_tables(
    options: &config::Gateway,
    auth: &auth::Options,
    database: &Database,
    facts: &mut Facts,
) -> anyhow::Result<(Option<Store>, Option<NewAdmin>)> {
    if options.metadata == config::Metadata::None {
        return Ok((None, None));
    }
    let known = Store::open(database, facts).await?;
    if options.metadata == config::Metadata::Existing {
        return Ok((known, None));
    }
    let store = match known {
        Some(store) => store,
        None => {
            let schema = options.database.schemas.first().map(String::as_str);
            let store = Store::create(database, schema)
                .await
                .context("the system tables cannot be made; to serve the database without them, use --metadata none")?;
            *facts = database.introspect().await.context("the database cannot be introspected")?;
            store
        }
    };
    let first_admin = match store.has_no_users().await? {
        true => make_admin(&store, &options.first_admin, auth).await?,
        false => None,
    };
    Ok((Some(store), first_admin))
}

async fn make_admin(
    store: &Store,
    wished: &config::FirstAdmin,
    auth: &auth::Options,
) -> anyhow::Result<Option<NewAdmin>> {
    let email = wished.email.clone().unwrap_or_else(|| "admin@example.com".to_owned());
    let made_up = wished.password.is_none().then(|| secrets::random_token(16));
    let password = wished.password.clone().or_else(|| made_up.clone()).unwrap_or_default();
    let hash = auth.accounts.hash;
    let password_hash = secrets::hashed(password, hash).await?;
    let admin = FirstAdmin { email: email.clone(), password_hash, token: auth.admin_token.clone() };
    let was_made = store.create_admin(&admin).await?;
    Ok(was_made.then_some(NewAdmin { email, password: made_up }))
}

fn engine(
    database: &Database,
    catalog: &Arc<Catalog>,
    (hooks, store): (Hooks, Option<Store>),
    clock: &Clock,
    options: &config::Gateway,
    hash: secrets::HashOptions,
) -> Engine {
    let log = Arc::new(MemoryLog::new(options.events, clock.clone()));
    let parts = engine::Parts {
        database: database.clone(),
        catalog: catalog.clone(),
        hooks,
        events: Events::new(log, catalog.tables.len()),
        clock: clock.clone(),
        store,
    };
    let consistency = match options.consistency {
        config::Consistency::Statement => engine::Consistency::Statement,
        config::Consistency::Operation => engine::Consistency::Operation,
    };
    let limits = &options.limits;
    let (max_batch, max_answer, max_depth) = (limits.batch, limits.answer_bytes, limits.depth);
    let own = engine::Options { consistency, max_batch, max_answer, max_depth, hash, ..engine::Options::default() };
    Engine::new(parts, own)
}

/// The rules of a file, which must fit the database.
fn rules_of(path: &Path, catalog: &Catalog) -> anyhow::Result<Known> {
    let known = config::rules(path)?;
    match &known.faults(catalog)[..] {
        [] => Ok(known),
        faults => Err(anyhow!("{} does not fit the database: {}", path.display(), faults.join("; "))),
    }
}

/// Puts the rules of a file in force whenever it changes. One that cannot be used
/// changes nothing.
async fn watch_rules(path: PathBuf, rules: Rules, catalog: Arc<Catalog>, hub: Hub) {
    let seen = |path: &Path| fs::metadata(path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
    let mut known = seen(&path);
    loop {
        sleep(LOOKING).await;
        let now = seen(&path);
        if now == known {
            continue;
        }
        known = now;
        match rules_of(&path, &catalog) {
            Ok(others) => {
                rules.replace(others);
                hub.rules_changed();
                tracing::info!(path = %path.display(), "other rules are in force");
            }
            Err(error) => tracing::error!("the rules stay as they were: {error:#}"),
        }
    }
}

fn public_access(configured: config::PublicAccess) -> PublicAccess {
    match configured {
        config::PublicAccess::None => PublicAccess::Nothing,
        config::PublicAccess::Read => PublicAccess::Read,
    }
}

fn limits(configured: &config::Limits) -> graphql::Limits {
    graphql::Limits {
        lists: plan::Limits {
            default_limit: configured.default_rows.unwrap_or(u32::MAX),
            max_limit: configured.max_rows,
            max_depth: configured.depth,
        },
        tokens: configured.tokens,
        aliases: configured.aliases,
        root_fields: configured.root_fields,
        statements: configured.statements,
        cost: configured.cost,
        introspection: configured.introspection,
        openapi: configured.openapi,
        plan_cache_bytes: configured.plan_cache_bytes,
        schema_cache_bytes: configured.schema_cache_bytes,
    }
}

impl Gateway {
    /// A gateway of one's own.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The options that it was built from.
    pub fn options(&self) -> &config::Serve {
        &self.options
    }

    /// Answers GraphQL without HTTP. Filters and actions run; init events and
    /// jobs come once the gateway is served.
    pub fn service(&self) -> &graphql::Service {
        &self.core.service
    }

    /// The first administrator, if one was made just now.
    pub fn first_admin(&self) -> Option<&NewAdmin> {
        self.core.first_admin.as_ref()
    }

    /// Whether users, roles and policies are those of the system tables.
    pub fn has_store(&self) -> bool {
        self.core.store.is_some()
    }

    /// The database.
    pub fn database(&self) -> &Database {
        self.core.engine.database()
    }

    /// What is served.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.core.catalog
    }

    /// Where changes are told.
    pub fn events(&self) -> &Events {
        self.core.engine.events()
    }

    /// What jobs get: the way to items, SQL and events for the program itself,
    /// also while the gateway serves.
    pub fn context(&self) -> hooks::Context {
        self.core.engine.own_context()
    }

    /// The items of a collection, with all rights.
    pub fn items(&self, collection: impl Into<String>) -> ItemsService {
        self.context().items_with_full_rights(collection)
    }

    /// Listens where the options say, and serves until the process is asked to
    /// stop.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn serve(self) -> anyhow::Result<()> {
        let listener = listen(&self.options.host, self.options.port).await?;
        let stop = Stop::on_signals()?;
        self.serve_on(listener, async move { stop.wait().await }).await
    }

    /// Serves until `stop` resolves. Running requests finish, then what hooks
    /// still have to do, each within the time that the options give.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve_on(self, listener: TcpListener, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { options, core, clock, outbox } = self;
        let (hooks, context) = (core.engine.hooks().clone(), core.engine.own_context());
        hooks.start(&clock, &context);
        for event in STARTING {
            hooks.init(event, Meta::new(), &context).await;
        }
        let address = listener.local_addr().context("the listener has no address")?;
        let meta = || Meta::new().with("server", address.to_string());
        hooks.act(vec!["server.start".to_owned()], meta(), context.clone()).await;
        let accounts = core.accounts(&options.auth, &clock, outbox.clone());
        let system = accounts.clone().and_then(|accounts| core.system_of(accounts, &options.gateway));
        let Core { service, engine, catalog, rules, .. } = core;
        let database = engine.database().clone();
        if let (Some(path), Some(rules)) = (options.gateway.rules, rules.clone()) {
            let hub = service.hub().clone();
            tasks::spawn("rules", watch_rules(path, rules, catalog.clone(), hub));
        }
        if let Some(accounts) = &accounts {
            tasks::spawn("accounts", accounts.clone().watch());
            outbox.verify();
        }
        let foreign = match options.auth.foreign.is_set() {
            true => Some(Foreign::new(options.auth.foreign.clone(), clock.clone()).map_err(|why| anyhow!(why))?),
            false => None,
        };
        let parts = server::Parts {
            service,
            system,
            database: database.clone(),
            authenticator: Authenticator::new(options.auth)
                .with_rules(rules)
                .with_accounts(accounts)
                .with_foreign(foreign)
                .with_hooks(&hooks, &context),
            clock,
            hooks: server::HookParts { hooks: hooks.clone(), context: context.clone() },
        };
        let grace = options.server.shutdown_timeout;
        let stopping = async {
            stop.await;
            // Before connections close: a hook may still want to tell somebody.
            hooks.act(vec!["server.stop".to_owned()], meta(), context.clone()).await;
        };
        server::run(listener, parts, options.server, stopping).await?;
        // Letters are filtered by hooks.
        outbox.drain(grace).await;
        hooks.drain(grace).await;
        if timeout(CLOSING, database.close()).await.is_err() {
            tracing::warn!("the database's connections did not close within {CLOSING:?}");
        }
        Ok(())
    }
}

/// Listens, with an error that says what to do.
///
/// # Errors
/// When the address is taken or cannot be had.
pub async fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!("port {port} on {host} is already in use; choose another with --port"),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {host}:{port}")),
    })
}

/// An address that can be opened; of all addresses, this machine's own.
pub fn base_url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}
