//! `ping`: asks a running gateway how it is, as a container's health check does.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use anyhow::{Context as _, bail};
use url::Url;

use crate::config::Ping;

/// More of an answer than its first line is not needed.
const ENOUGH: usize = 512;

/// Succeeds when the gateway is well.
pub(super) fn run(options: &Ping) -> anyhow::Result<()> {
    let url = Url::parse(&options.url).with_context(|| format!("`{}` is no URL", options.url))?;
    let (Some(host), Some(port), "http") = (url.host_str(), url.port_or_known_default(), url.scheme()) else {
        bail!("`{url}` cannot be asked; use http://host:port/server/health");
    };
    // Zero would mean no time at all to the socket.
    let timeout = if options.timeout.is_zero() { Duration::from_secs(3600) } else { options.timeout };
    let answer = ask(&url, host, port, timeout).with_context(|| format!("no answer from {url}"))?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => bail!("{url} answers with status {status}"),
        None => bail!("{url} does not speak HTTP"),
    }
}

fn ask(url: &Url, host: &str, port: u16, timeout: Duration) -> anyhow::Result<String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = (bare, port).to_socket_addrs()?.next().context("the host has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n", url.path())?;
    let mut answer = Vec::new();
    while answer.len() < ENOUGH && !answer.contains(&b'\n') {
        let mut piece = [0; ENOUGH];
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
