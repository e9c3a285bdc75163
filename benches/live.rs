//! The gateway's release binary with thousands of subscribers on loopback, over
//! a SQLite file of its own: memory of each, one change to all of them, and
//! writes that concern a few of very many.
//! `cargo bench --bench live -- --help` lists the options; the clients run in
//! this process, on the same cores.
#![expect(clippy::disallowed_methods, reason = "a bench measures time and starts tasks as it needs")]
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};

const TOKEN: &str = "bench";
/// Sockets that are opened at a time.
const AT_ONCE: usize = 100;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Memory of idle subscribers.
    Memory,
    /// One change to all, and a bare loop beside it.
    FanOut,
    /// One who does not read.
    Slow,
    /// Writes that concern a few of very many.
    Keys,
}

/// Measures live changes.
#[derive(Parser)]
#[command(name = "live")]
struct Options {
    /// Subscribers
    #[arg(long, default_value_t = 5_000)]
    subscribers: usize,
    /// Distinct pairs of predicate and selection among them
    #[arg(long, default_value_t = 64)]
    classes: usize,
    /// Changes that are told to all of them
    #[arg(long, default_value_t = 20)]
    changes: usize,
    /// Subscriptions on a key each
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// Writes beside them
    #[arg(long, default_value_t = 3_000)]
    writes: usize,
    /// Subscribers beside the one that does not read
    #[arg(long, default_value_t = 1_000)]
    readers: usize,
    /// Changes of 4 KB that are told to them
    #[arg(long, default_value_t = 1_500)]
    large_changes: usize,
    /// Measures only these
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// The gateway's binary; without it the one that cargo has just built
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// A gateway of the bench's own.
struct Gateway {
    child: Child,
    address: String,
    _home: tempfile::TempDir,
}

impl Gateway {
    async fn start(binary: &Path, keys: usize) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let file = home.path().join("live.db");
        let database = rusqlite::Connection::open(&file)?;
        database.execute_batch(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, topic INT, title TEXT, body TEXT, size INT);
             PRAGMA journal_mode = WAL;",
        )?;
        let mut insert = database.prepare("INSERT INTO note VALUES (?1, 1, 'title', ?2, 1)")?;
        database.execute_batch("BEGIN")?;
        for key in 1..=keys as i64 {
            insert.execute((key, "x".repeat(100)))?;
        }
        drop(insert);
        database.execute_batch("COMMIT")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("sqlite:{}", file.display());
        let mut command = Command::new(binary);
        command.args([
            "serve",
            "--database-url",
            &url,
            "--port",
            &port.to_string(),
            "--websockets-operation-limit",
            "20000",
        ]);
        command.env("ADMIN_TOKEN", TOKEN).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let gateway = Self { child, address: format!("127.0.0.1:{port}"), _home: home };
        for _ in 0..200 {
            if TcpStream::connect(&gateway.address).await.is_ok() {
                return Ok(gateway);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the gateway does not listen")
    }

    /// Resident memory in KiB.
    fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.split_whitespace().next().context("no number")?.parse()?)
    }

    /// Processor time so far, in seconds.
    fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no fields")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A masked text frame; masked with nothing, which is allowed.
fn frame(text: &str) -> Vec<u8> {
    let mut out = vec![0x81];
    match text.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text.as_bytes());
    out
}

fn subscribe(id: usize, query: &str) -> Vec<u8> {
    let query = query.replace('"', "\\\"");
    frame(&format!(r#"{{"id":"{id}","type":"subscribe","payload":{{"query":"{query}"}}}}"#))
}

/// A socket that has been acknowledged.
async fn socket(address: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let head = format!(
        "GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    until(&mut stream, b"\r\n\r\n").await?;
    let init = format!(r#"{{"type":"connection_init","payload":{{"access_token":"{TOKEN}"}}}}"#);
    stream.write_all(&frame(&init)).await?;
    until(&mut stream, b"connection_ack\"}").await?;
    Ok(stream)
}

async fn until(stream: &mut TcpStream, mark: &[u8]) -> Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !seen.windows(mark.len()).any(|window| window == mark) {
        let count = timeout(Duration::from_secs(20), stream.read(&mut buffer)).await??;
        if count == 0 {
            bail!("the gateway hung up: {}", String::from_utf8_lossy(&seen));
        }
        seen.extend_from_slice(&buffer[..count]);
    }
    Ok(())
}

/// Opens many sockets, some at a time.
async fn sockets(
    address: &str,
    count: usize,
    subscription: impl Fn(usize) -> Option<String>,
) -> Result<Vec<TcpStream>> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let some = (all.len()..(all.len() + AT_ONCE).min(count)).map(|at| {
            let query = subscription(at);
            async move {
                let mut stream = socket(address).await?;
                if let Some(query) = query {
                    stream.write_all(&subscribe(1, &query)).await?;
                }
                anyhow::Ok(stream)
            }
        });
        for stream in futures_util::future::join_all(some).await {
            all.push(stream?);
        }
    }
    Ok(all)
}

async fn event_streams(address: &str, count: usize) -> Result<Vec<TcpStream>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "GET /stream?collections=note&fields=id HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        until(&mut stream, b": open").await?;
        all.push(stream);
    }
    Ok(all)
}

async fn write(stream: &mut TcpStream, address: &str, mutation: &str) -> Result<()> {
    let body = serde_json::json!({ "query": format!("mutation {{ {mutation} {{ id }} }}") }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    until(stream, b"}}").await
}

/// Counts the frames that a socket brings.
#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    /// What is still to come of the frame under way.
    rest: usize,
    texts: usize,
    /// What a closing frame says: its code and its reason.
    closing: Vec<u8>,
}

impl Frames {
    /// Takes what has come; the number of texts that are complete with it.
    fn take(&mut self, mut bytes: &[u8]) -> usize {
        let before = self.texts;
        while let Some((&first, tail)) = bytes.split_first() {
            if self.rest == 0 {
                self.head.push(first);
                bytes = tail;
                self.rest = match self.head[..] {
                    [_, length @ 0..126] => usize::from(length),
                    [_, 126, high, low] => usize::from(u16::from_be_bytes([high, low])),
                    _ => continue,
                };
            } else {
                let (own, others) = bytes.split_at(self.rest.min(bytes.len()));
                if self.head[0] == 0x88 {
                    self.closing.extend_from_slice(own);
                }
                self.rest -= own.len();
                bytes = others;
            }
            if self.rest == 0 {
                self.texts += usize::from(self.head[0] == 0x81);
                self.head.clear();
            }
        }
        self.texts - before
    }
}

/// Tells when each message arrives, whichever socket it comes from.
fn arrivals(open: Vec<TcpStream>) -> mpsc::UnboundedReceiver<Instant> {
    let (told, arrived) = mpsc::unbounded_channel();
    for mut stream in open {
        let told = told.clone();
        tokio::spawn(async move {
            let (mut frames, mut buffer) = (Frames::default(), vec![0; 8_192]);
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                for _ in 0..frames.take(&buffer[..length]) {
                    let _ = told.send(Instant::now());
                }
            }
        });
    }
    arrived
}

/// How long after `begun` each of so many messages arrives.
async fn spans(arrived: &mut mpsc::UnboundedReceiver<Instant>, count: usize, begun: Instant) -> Result<Vec<Duration>> {
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let at = timeout(Duration::from_secs(20), arrived.recv()).await.context("a change did not arrive")?;
        spans.push(at.context("no reader is left")?.duration_since(begun));
    }
    Ok(spans)
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

async fn memory(binary: &Path, options: &Options) -> Result<()> {
    let gateway = Gateway::start(binary, 1).await?;
    let warm = sockets(&gateway.address, 50, |_| Some("subscription { note_mutated { key } }".to_owned())).await?;
    let before = gateway.resident()?;
    let count = options.subscribers;
    let open = sockets(&gateway.address, count, |_| Some("subscription { note_mutated { key } }".to_owned())).await?;
    sleep(Duration::from_secs(1)).await;
    let each = (gateway.resident()? - before) / count as f64;
    println!("memory: {count} idle WebSocket subscribers, {each:.1} KiB each, {before:.0} KiB before");
    drop((open, warm));
    drop(gateway);

    let gateway = Gateway::start(binary, 1).await?;
    let warm = event_streams(&gateway.address, 50).await?;
    let before = gateway.resident()?;
    let open = event_streams(&gateway.address, count).await?;
    sleep(Duration::from_secs(1)).await;
    let each = (gateway.resident()? - before) / count as f64;
    println!("memory: {count} idle event streams, {each:.1} KiB each, {before:.0} KiB before");
    drop((open, warm));
    Ok(())
}

async fn fan_out(binary: &Path, options: &Options) -> Result<()> {
    let gateway = Gateway::start(binary, 10).await?;
    let (count, classes) = (options.subscribers, options.classes.max(1));
    let subscription = |at: usize| {
        let class = at % classes;
        let fields = if class.is_multiple_of(2) { "id title body" } else { "id title size topic" };
        Some(format!(
            "subscription {{ note_mutated(filter: {{ size: {{ _gt: {} }} }}) {{ key event data {{ {fields} }} }} }}",
            class / 2
        ))
    };
    let open = sockets(&gateway.address, count, subscription).await?;
    sleep(Duration::from_secs(1)).await;
    let mut arrived = arrivals(open);

    let mut writer = TcpStream::connect(&gateway.address).await?;
    for at_once in [1, 10] {
        let (mut total, mut all, cpu) = (Duration::ZERO, Vec::new(), gateway.cpu()?);
        let ids = (1..=at_once).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        for change in 0..options.changes {
            let begun = Instant::now();
            let size = 100 * at_once + change;
            let update = format!("update_note_items(ids: [{ids}], data: {{ size: {size} }})");
            write(&mut writer, &gateway.address, &update).await?;
            all.extend(spans(&mut arrived, count * at_once, begun).await?);
            total += begun.elapsed();
        }

        all.sort_unstable();
        let deliveries = (count * options.changes * at_once) as f64;
        println!(
            "fan-out: {at_once} changes at once to {count} subscribers in {classes} classes: {:.0} deliveries/s, p50 {:.1} ms, p99 {:.1} ms, {:.1} us of the gateway's processor each",
            deliveries / total.as_secs_f64(),
            percentile(&all, 0.5).as_secs_f64() * 1e3,
            percentile(&all, 0.99).as_secs_f64() * 1e3,
            (gateway.cpu()? - cpu) * 1e6 / deliveries,
        );
    }
    Ok(())
}

/// What the system itself needs: the same bytes, written by a bare loop to as
/// many sockets.
async fn floor(options: &Options) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..options.subscribers {
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        far.push(connected?);
        let stream = accepted?.0.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        near.push(stream);
    }
    let mut arrived = arrivals(far);
    let mut message = vec![0x81, 126, 0, 200];
    message.resize(204, b'x');
    let (near, message) = (Arc::new(near), Arc::new(message));
    let mut total = Duration::ZERO;
    for _ in 0..options.changes {
        let begun = Instant::now();
        let (near, message) = (near.clone(), message.clone());
        let writing =
            tokio::task::spawn_blocking(move || near.iter().try_for_each(|mut stream| stream.write_all(&message)));
        spans(&mut arrived, options.subscribers, begun).await?;
        writing.await??;
        total += begun.elapsed();
    }
    let deliveries = (options.subscribers * options.changes) as f64;
    println!("floor: a bare loop that writes as much to as many sockets: {:.0}/s", deliveries / total.as_secs_f64());
    Ok(())
}

/// One who does not read among others who do.
async fn slow(binary: &Path, options: &Options) -> Result<()> {
    for readers_that_sleep in [0, 1] {
        let gateway = Gateway::start(binary, 1).await?;
        let query = || Some("subscription { note_mutated { key data { body } } }".to_owned());
        let count = options.readers;
        let mut asleep = sockets(&gateway.address, readers_that_sleep, |_| query()).await?;
        let mut arrived = arrivals(sockets(&gateway.address, count, |_| query()).await?);
        sleep(Duration::from_secs(1)).await;
        let mut writer = TcpStream::connect(&gateway.address).await?;
        let (before, mut most, mut all) = (gateway.resident()?, 0.0_f64, Vec::new());
        for change in 0..options.large_changes {
            let begun = Instant::now();
            let body = format!("{change}{}", "x".repeat(4_000));
            write(&mut writer, &gateway.address, &format!("update_note_item(id: 1, data: {{ body: \"{body}\" }})"))
                .await?;
            all.extend(spans(&mut arrived, count, begun).await?);
            most = most.max(gateway.resident()?);
        }
        all.sort_unstable();
        println!(
            "slow: {} changes of 4 KB to {count} readers and {readers_that_sleep} that does not read: p50 {:.1} ms, p99 {:.1} ms, at most {:.0} KiB more memory",
            options.large_changes,
            percentile(&all, 0.5).as_secs_f64() * 1e3,
            percentile(&all, 0.99).as_secs_f64() * 1e3,
            most - before,
        );
        for stream in &mut asleep {
            let (mut frames, mut buffer) = (Frames::default(), vec![0; 65_536]);
            while let Ok(length @ 1..) = timeout(Duration::from_secs(20), stream.read(&mut buffer)).await? {
                frames.take(&buffer[..length]);
            }
            let code = frames.closing.first_chunk().map(|code| u16::from_be_bytes(*code));
            let reason = String::from_utf8_lossy(frames.closing.get(2..).unwrap_or_default()).into_owned();
            println!("slow: it reads {} changes and then why it was closed: {code:?} {reason}", frames.texts);
        }
    }
    Ok(())
}

/// Processor time of the gateway for a write beside so many subscriptions.
async fn keyed(binary: &Path, options: &Options, subscriptions: usize) -> Result<f64> {
    let gateway = Gateway::start(binary, options.keys).await?;
    let mut socket = socket(&gateway.address).await?;
    let seen = Arc::new(AtomicUsize::new(0));
    for key in 1..=subscriptions {
        let query = format!(
            "subscription {{ note_mutated(filter: {{ id: {{ _eq: {key} }} }}) {{ key event data {{ title }} }} }}"
        );
        socket.write_all(&subscribe(key, &query)).await?;
    }
    // The answer to a ping comes when all before it has been read.
    socket.write_all(&frame(r#"{"type":"ping"}"#)).await?;
    until(&mut socket, b"\"pong\"}").await?;
    sleep(Duration::from_secs(2)).await;
    let counted = seen.clone();
    let reader = tokio::spawn(async move {
        let (mut frames, mut buffer) = (Frames::default(), vec![0; 65_536]);
        while let Ok(length @ 1..) = socket.read(&mut buffer).await {
            counted.fetch_add(frames.take(&buffer[..length]), Ordering::Relaxed);
        }
    });
    let mut writer = TcpStream::connect(&gateway.address).await?;
    let cpu = gateway.cpu()?;
    for at in 0..options.writes {
        let key = 1 + at % 10;
        write(&mut writer, &gateway.address, &format!("update_note_item(id: {key}, data: {{ size: {at} }})")).await?;
    }
    let each = (gateway.cpu()? - cpu) * 1e6 / options.writes as f64;
    for _ in 0..100 {
        if seen.load(Ordering::Relaxed) + 10 >= options.writes {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "keys: {} writes beside {subscriptions} subscriptions on a key each: {each:.0} us of the gateway's processor for a write, {} changes told",
        options.writes,
        seen.load(Ordering::Relaxed),
    );
    reader.abort();
    Ok(each)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let own = option_env!("CARGO_BIN_EXE_tidegate").map(PathBuf::from);
    let binary = options.gateway.clone().or(own).context("say where the gateway is: --gateway")?;
    let is_asked = |part: Part| options.only.is_empty() || options.only.contains(&part);
    if is_asked(Part::Memory) {
        memory(&binary, &options).await?;
    }
    if is_asked(Part::FanOut) {
        fan_out(&binary, &options).await?;
        floor(&options).await?;
    }
    if is_asked(Part::Slow) {
        slow(&binary, &options).await?;
    }
    if is_asked(Part::Keys) {
        let few = keyed(&binary, &options, 10).await?;
        let many = keyed(&binary, &options, options.keys).await?;
        println!("keys: {:.2} times the processor time", many / few);
    }
    Ok(())
}
