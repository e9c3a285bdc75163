//! The two servers under test, as child processes, and how to ask them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::load::Connection;
use crate::setup::free_port;

/// The administrator's token; only ever heard on this machine.
const TOKEN: &str = "side-by-side-0123456789abcdef";
const STARTING: Duration = Duration::from_secs(30);

/// A server that ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    name: &'static str,
    child: Child,
    /// Where it runs and logs: no `.env` is found there.
    home: TempDir,
}

impl Server {
    /// Starts the gateway from its binary.
    pub(crate) async fn gateway(binary: &Path, database: &str) -> Result<Server> {
        let port = free_port()?;
        let mut command = Command::new(binary);
        command.args(["serve", "--database-url", database, "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env("ADMIN_TOKEN", TOKEN).env("RUST_LOG", "warn").stdin(Stdio::null());
        Server::start("the gateway", command, port).await
    }

    /// Starts the floor: this program, told to be it.
    pub(crate) async fn floor(database: &str) -> Result<Server> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", "--url", database, "--port", &port.to_string()]).stdin(Stdio::piped());
        Server::start("the floor", command, port).await
    }

    async fn start(name: &'static str, mut command: Command, port: u16) -> Result<Server> {
        let home = tempfile::tempdir()?;
        let log = File::create(home.path().join("log"))?;
        command.current_dir(home.path()).stdout(log.try_clone()?).stderr(log);
        let child =
            command.spawn().with_context(|| format!("cannot start {name}: {}", command.get_program().display()))?;
        let mut server = Server { address: (Ipv4Addr::LOCALHOST, port).into(), name, child, home };
        server.wait().await?;
        Ok(server)
    }

    /// Waits until it answers a ping.
    async fn wait(&mut self) -> Result<()> {
        let begin = Instant::now();
        while !self.pings().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("cannot start {}: it ended with {status}; it said:\n{}", self.name, self.said());
            }
            if begin.elapsed() > STARTING {
                bail!(
                    "cannot start {}: no answer to GET /server/ping in {STARTING:?}; it said:\n{}",
                    self.name,
                    self.said()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn pings(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        let ping = b"GET /server/ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        connection.exchange(ping).await.is_ok_and(|reply| reply.status == 200)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("{} may still run: {error}", self.name);
        }
    }
}

/// The bytes of a request. Both servers get the same headers.
pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\n\
         Host: 127.0.0.1\r\n\
         Authorization: Bearer {TOKEN}\r\n\
         Accept: application/graphql-response+json, application/json\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
