//! Puts the parts together and runs what was asked for.

mod demo;
mod inspect;
mod ping;

use std::{
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{
    auth::Authenticator,
    catalog::{self, Catalog, NoteAction},
    clock::Clock,
    config::{self, Command, Serve},
    db::Database,
    engine::{self, Engine},
    graphql,
    permissions::{Policy, PublicAccess},
    plan,
    principal::Principal,
    server, tasks, telemetry,
};

/// How long closing the database's connections may take at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// A database, introspected and ready to answer.
struct Gateway {
    service: graphql::Service,
    database: Database,
    catalog: Arc<Catalog>,
}

impl Gateway {
    /// What is not served.
    fn left_out(&self) -> usize {
        self.catalog.notes.iter().filter(|note| note.action == NoteAction::LeftOut).count()
    }
}

/// Connects, introspects and builds everything up to the GraphQL service.
async fn build(options: &config::Gateway) -> anyhow::Result<Gateway> {
    let database = Database::connect(options.database.clone()).await?;
    let facts = database.introspect().await.context("the database cannot be introspected")?;
    let serving = catalog::Options {
        default_schema: options.database.schemas.first().cloned(),
        exclude: options.exclude_tables.clone(),
        inserts_return: database.inserts_return(),
    };
    let catalog = Arc::new(Catalog::build(database.dialect(), &facts, &serving));
    let parts = engine::Parts::plain(database.clone(), catalog.clone(), Clock::default());
    let options_ = engine::Options { consistency: consistency(options.consistency), max_batch: None };
    let engine = Engine::new(parts, options_);
    let policy = Policy { public: public_access(options.public) };
    let limits = limits(&options.limits);
    let service = graphql::Service::new(engine, catalog.clone(), policy, limits, Clock::default());
    // Now rather than at the first request: it takes its time, and may fail.
    for principal in [Principal::admin(), Principal::public()] {
        service.planner().prepare(&principal)?;
    }
    Ok(Gateway { service, database, catalog })
}

fn consistency(configured: config::Consistency) -> engine::Consistency {
    match configured {
        config::Consistency::Statement => engine::Consistency::Statement,
        config::Consistency::Operation => engine::Consistency::Operation,
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
        plan_cache_bytes: configured.plan_cache_bytes,
    }
}

/// Does what the command says, to its end.
///
/// # Errors
/// One clear sentence (with its chain) that holds no secret.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(options) => {
            telemetry::start(&options.gateway.log)?;
            block_on(serve(options, None))
        }
        Command::Demo(options) => {
            telemetry::start(&options.gateway.log)?;
            demo::create_if_missing()?;
            let (options, try_out) = demo::prepare(options);
            block_on(serve(options, Some(try_out)))
        }
        Command::Schema(options, format) => {
            telemetry::start(&options.log)?;
            block_on(inspect::schema(options, format))
        }
        Command::Check(options) => {
            telemetry::start(&options.log)?;
            block_on(inspect::check(options))
        }
        Command::Ping(options) => ping::run(&options),
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the runtime cannot be started")?.block_on(work)
}

async fn serve(options: Serve, try_out: Option<demo::TryOut>) -> anyhow::Result<()> {
    // Before the database: whoever starts a second one learns at once that there is one.
    let listener = listen(&options.host, options.port).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let stop = stop_signal()?;
    let gateway = tokio::select! {
        gateway = build(&options.gateway) => gateway?,
        () = stop.wait() => return Ok(()),
    };
    announce(&options, address, &gateway, try_out.as_ref()).context("cannot write to standard output")?;
    let parts = server::Parts {
        service: gateway.service,
        database: gateway.database.clone(),
        authenticator: Authenticator::new(options.auth),
        clock: Clock::default(),
    };
    server::run(listener, parts, options.server, stop.wait()).await?;
    if timeout(CLOSING, gateway.database.close()).await.is_err() {
        tracing::warn!("the database's connections did not close within {CLOSING:?}");
    }
    Ok(())
}

async fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!("port {port} on {host} is already in use; choose another with --port"),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {host}:{port}")),
    })
}

/// Resolves once the process was asked to end, for everyone who waits.
struct Stop(tokio::sync::watch::Receiver<bool>);

impl Stop {
    async fn wait(&self) {
        let mut stopped = self.0.clone();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            // The sender lives as long as the process.
            std::future::pending::<()>().await;
        }
    }
}

/// Ctrl-C or SIGTERM. A second one ends the process at once.
fn stop_signal() -> anyhow::Result<Stop> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let (stopped, stop) = tokio::sync::watch::channel(false);
    tasks::spawn("signals", async move {
        for exit in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if exit {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            stopped.send_replace(true);
        }
    });
    Ok(Stop(stop))
}

fn announce(options: &Serve, address: SocketAddr, gateway: &Gateway, try_out: Option<&demo::TryOut>) -> io::Result<()> {
    let base = base_url(address);
    let database = config::describe(&options.gateway.database.url);
    let collections = counted(gateway.catalog.tables.len(), "collection");
    let mut out = io::stdout().lock();
    writeln!(out, "Tidegate {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  database  {database} ({collections})")?;
    if gateway.left_out() > 0 {
        let things = counted(gateway.left_out(), "thing");
        writeln!(out, "  left out  {things}; `tidegate check` says which and why")?;
    }
    writeln!(out, "  GraphQL   {base}/graphql")?;
    writeln!(out, "  GraphiQL  {base}/")?;
    match try_out {
        Some(try_out) => try_out.write(&mut out, &base)?,
        None if options.auth.admin_token.is_none() && options.gateway.public == config::PublicAccess::None => {
            writeln!(out, "  access    nobody may read: give ADMIN_TOKEN, or --public read")?;
        }
        None => {}
    }
    out.flush()
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// An address that can be opened; of all addresses, this machine's own.
fn base_url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}
