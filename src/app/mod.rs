//! Does what the command line says.

mod demo;
mod explain;
mod inspect;
mod ping;

use std::{
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
};

use anyhow::Context as _;

use crate::{
    catalog::NoteAction,
    config::{self, Command, Serve},
    gateway::{self, Gateway, NewAdmin, Stop},
    telemetry,
};

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
        Command::Bootstrap(options, auth) => {
            telemetry::start(&options.log)?;
            block_on(inspect::bootstrap(options, auth))
        }
        Command::Schema(options, format) => {
            telemetry::start(&options.log)?;
            block_on(inspect::schema(options, format))
        }
        Command::Check(options) => {
            telemetry::start(&options.log)?;
            block_on(inspect::check(options))
        }
        Command::Explain(options, explanation) => {
            telemetry::start(&options.log)?;
            block_on(explain::run(options, explanation))
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
    let listener = gateway::listen(&options.host, options.port).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let stop = Stop::on_signals()?;
    let gateway = tokio::select! {
        gateway = Gateway::builder().options(options).build() => gateway?,
        () = stop.wait() => return Ok(()),
    };
    announce(address, &gateway, try_out.as_ref()).context("cannot write to standard output")?;
    gateway.serve_on(listener, stop.wait()).await
}

fn announce(address: SocketAddr, gateway: &Gateway, try_out: Option<&demo::TryOut>) -> io::Result<()> {
    let options = gateway.options();
    let base = gateway::base_url(address);
    let database = config::describe(&options.gateway.database.url);
    let collections = counted(gateway.catalog().tables.len(), "collection");
    let left_out = gateway.catalog().notes.iter().filter(|note| note.action == NoteAction::LeftOut).count();
    let mut out = io::stdout().lock();
    writeln!(out, "Tidegate {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  database  {database} ({collections})")?;
    if left_out > 0 {
        let things = counted(left_out, "thing");
        writeln!(out, "  left out  {things}; `tidegate check` says which and why")?;
    }
    writeln!(out, "  GraphQL   {base}/graphql")?;
    writeln!(out, "  GraphiQL  {base}/")?;
    writeln!(out, "  live      {base}/live")?;
    if let Some(admin) = gateway.first_admin() {
        write_admin(&mut out, admin)?;
    }
    let is_closed = !gateway.has_store()
        && options.auth.admin_token.is_none()
        && options.gateway.public == config::PublicAccess::None;
    match (try_out, &options.gateway.rules) {
        (Some(try_out), _) => try_out.write(&mut out, &base)?,
        (None, Some(rules)) => writeln!(out, "  access    by {}", rules.display())?,
        (None, None) if is_closed => {
            writeln!(out, "  access    nobody may read: give ADMIN_TOKEN, --rules, or --public read")?;
        }
        (None, None) => {}
    }
    out.flush()
}

/// Whoever was made just now, with the password where nobody knows it yet.
fn write_admin(out: &mut impl io::Write, admin: &NewAdmin) -> io::Result<()> {
    match &admin.password {
        Some(password) => writeln!(out, "  admin     {} with the password {password} (shown only now)", admin.email),
        None => writeln!(out, "  admin     {}", admin.email),
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
