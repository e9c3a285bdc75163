//! The load: an HTTP/1.1 client that keeps its connections and does no more
//! than count, and rounds of requests over a number of such connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use tokio::net::TcpStream;

/// A kept connection with the bytes of its last answer.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer has been read into.
    filled: usize,
    /// The body of an answer that came in chunks.
    unchunked: Vec<u8>,
}

/// An answer, borrowed from the connection.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

enum Length {
    Known(usize),
    Chunked,
}

struct Head {
    status: u16,
    length: Length,
    /// Where the body begins.
    end: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; 16 << 10], filled: 0, unchunked: Vec::new() })
    }

    /// Sends one request and reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        self.write(request).await?;
        self.filled = 0;
        let head = loop {
            self.read().await?;
            if let Some(head) = Head::parse(&self.buffer[..self.filled])? {
                break head;
            }
        };
        let body = match head.length {
            Length::Known(length) => {
                while self.filled < head.end + length {
                    self.read().await?;
                }
                &self.buffer[head.end..head.end + length]
            }
            Length::Chunked => {
                self.read_chunks(head.end).await?;
                &self.unchunked
            }
        };
        Ok(Reply { status: head.status, body })
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error).context("cannot send a request"),
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.stream.try_read(&mut self.buffer[self.filled..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => {
                    self.filled += read;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.stream.readable().await?,
                Err(error) => return Err(error).context("cannot read an answer"),
            }
        }
    }

    async fn read_chunks(&mut self, mut at: usize) -> Result<()> {
        self.unchunked.clear();
        loop {
            let line = loop {
                match self.buffer[at..self.filled].windows(2).position(|two| two == b"\r\n") {
                    Some(length) => break at..at + length,
                    None => self.read().await?,
                }
            };
            let begin = line.end + 2;
            let size = std::str::from_utf8(&self.buffer[line])?.split(';').next().unwrap_or_default().trim().to_owned();
            let size = usize::from_str_radix(&size, 16).context("a chunk begins with its size")?;
            while self.filled < begin + size + 2 {
                self.read().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.unchunked.extend_from_slice(&self.buffer[begin..begin + size]);
            at = begin + size + 2;
        }
    }
}

impl Head {
    /// The head of an answer, if all of it is there.
    fn parse(bytes: &[u8]) -> Result<Option<Head>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).context("the head of an answer is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let status = status.context("an answer begins with its status")?;
        let mut length = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(Length::Known(value.trim().parse().context("a length is a number")?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Some(Length::Chunked);
            }
        }
        let length = length.context("an answer says its length or comes in chunks")?;
        Ok(Some(Head { status, length, end: end + 4 }))
    }
}

/// What one round came to.
pub(crate) struct Round {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Sends requests over all the connections, one after the other on each,
/// until the time is up and every answer has come.
pub(crate) async fn round(connections: &mut [Connection], requests: &[Vec<u8>], length: Duration) -> Result<Round> {
    let begin = Instant::now();
    let until = begin + length;
    let clients = connections.iter_mut().enumerate();
    let clients = clients.map(|(seed, connection)| client(connection, requests, seed as u64, until));
    let mut latencies = try_join_all(clients).await?.concat();
    let seconds = begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |share: f64| {
        let at = ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
    };
    Ok(Round { requests: latencies.len(), seconds, p50_ms: percentile(0.5), p99_ms: percentile(0.99) })
}

async fn client(connection: &mut Connection, requests: &[Vec<u8>], seed: u64, until: Instant) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(4096);
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut sent = Instant::now();
    while sent < until {
        // xorshift: which request is next.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let request = &requests[(state % requests.len() as u64) as usize];
        let reply = connection.exchange(request).await?;
        ensure!(
            reply.status == 200 && reply.body.starts_with(b"{\"data\":{") && reply.body.ends_with(b"}}"),
            "an answer is wrong under load: {} {}",
            reply.status,
            String::from_utf8_lossy(&reply.body[..reply.body.len().min(500)])
        );
        let now = Instant::now();
        latencies.push(now - sent);
        sent = now;
    }
    Ok(latencies)
}
