//! The socket's side: accepting connections, speaking HTTP/1.1 or HTTP/2 on
//! each, and ending them all in good order.

use std::{
    convert::Infallible,
    fmt::Display,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Sleep, sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

use super::{Options, front::Front};
use crate::tasks;

/// A new connection must have sent a whole request head by then.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// Later heads may take this long, which is also how long an idle connection is
/// kept: longer than the 60 seconds that load balancers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Largest request head, and the read buffer; a `GET` carries its query there.
const HEAD_BYTES: usize = 64 * 1024;
const HTTP2_STREAMS: u32 = 100;
/// How long accepting rests when the system refuses, as when files run out.
const REFUSED: Duration = Duration::from_millis(100);

/// What sockets may cost.
pub(super) struct Limits {
    connections: u32,
    shutdown: Duration,
    /// How long a client may take nothing of what is written. A socket has a limit
    /// of its own, and after it some time to say why it is closed.
    stalled: Duration,
}

impl Limits {
    pub(super) fn of(options: &Options) -> Self {
        Self {
            connections: options.max_connections.max(1),
            shutdown: options.shutdown_timeout,
            stalled: 2 * options.sockets.write,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Requests that are running may finish, no others begin.
    Draining,
    Closed,
}

/// Accepts until `stop`, then drains, then closes what is left.
pub(super) async fn run(listener: TcpListener, front: Arc<Front>, limits: Limits, stop: impl Future<Output = ()>) {
    let (stage, watched) = watch::channel(Stage::Open);
    let places = Arc::new(Semaphore::new(limits.connections as usize));
    tokio::select! {
        () = accept(listener, &front, &places, &watched, limits.stalled) => {}
        () = stop => {}
    }
    stage.send_replace(Stage::Draining);
    // A connection gives its place back when it has ended.
    let all_ended = places.acquire_many(limits.connections);
    if timeout(limits.shutdown, all_ended).await.is_err() {
        tracing::warn!("closing connections whose requests did not finish within {:?}", limits.shutdown);
        stage.send_replace(Stage::Closed);
    }
}

async fn accept(
    listener: TcpListener,
    front: &Arc<Front>,
    places: &Arc<Semaphore>,
    stage: &watch::Receiver<Stage>,
    stalled: Duration,
) {
    let protocols = Arc::new(Protocols::new());
    // The semaphore is closed by nobody, so this ends only by being dropped.
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = next(&listener).await;
        let (front, protocols, stage) = (front.clone(), protocols.clone(), stage.clone());
        let connection = Connection { front, protocols, stage, stalled, _place: place };
        tasks::spawn("connection", connection.serve(stream, peer.ip()));
    }
}

async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(REFUSED).await;
            }
        }
    }
}

/// What connections speak.
struct Protocols {
    http1: http1::Builder,
    /// Reads on to tell which of the two it is. Reading the first bytes by
    /// themselves makes hyper keep twice the room for what comes next, so that
    /// HTTP/1.1 is told apart before.
    either: auto::Builder<TokioExecutor>,
}

impl Protocols {
    fn new() -> Self {
        let mut either = auto::Builder::new(TokioExecutor::new());
        either.http1().timer(TokioTimer::new()).header_read_timeout(KEEP_ALIVE).max_buf_size(HEAD_BYTES);
        either
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .keep_alive_interval(KEEP_ALIVE);
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(KEEP_ALIVE).max_buf_size(HEAD_BYTES);
        Self { http1, either }
    }
}

/// Whether a connection may be one of HTTP/2 with prior knowledge, by how it
/// begins (RFC 9113, 3.4).
async fn may_be_http2(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: [u8; 4] = *b"PRI ";
    let mut begin = [0; PREFACE.len()];
    let count = stream.peek(&mut begin).await?;
    Ok(begin[..count] == PREFACE[..count])
}

struct Connection {
    front: Arc<Front>,
    protocols: Arc<Protocols>,
    stage: watch::Receiver<Stage>,
    stalled: Duration,
    /// Given back when it has ended.
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, peer: IpAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let mut first_request = pin!(sleep(FIRST_REQUEST));
        let mut stage = self.stage.clone();
        let may_be_http2 = tokio::select! {
            begun = may_be_http2(&stream) => begun,
            () = first_request.as_mut() => return,
            _ = stage.wait_for(|stage| *stage != Stage::Open) => return,
        };
        let Ok(may_be_http2) = may_be_http2 else { return };
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(self.stalled));
        let (front, protocols) = (self.front.clone(), self.protocols.clone());
        let asked = AtomicBool::new(false);
        let service = service_fn(|request| {
            asked.store(true, Ordering::Relaxed);
            let front = front.clone();
            // On the heap, where it is only while an answer is made: the connection keeps
            // its room for as long as it lives.
            Box::pin(async move { Ok::<_, Infallible>(front.answer(request, peer).await) })
        });
        let stream = TokioIo::new(stream);
        match may_be_http2 {
            true => {
                let connection = protocols.either.serve_connection_with_upgrades(stream, service);
                self.drive(connection, |connection| connection.graceful_shutdown(), first_request, &asked).await;
            }
            false => {
                let connection = protocols.http1.serve_connection(stream, service).with_upgrades();
                self.drive(connection, |connection| connection.graceful_shutdown(), first_request, &asked).await;
            }
        }
    }

    /// To its end, which a client that asks nothing does not put off for long.
    async fn drive<C: Future<Output = Result<(), E>>, E: Display>(
        mut self,
        connection: C,
        drain: impl Fn(Pin<&mut C>),
        mut first_request: Pin<&mut Sleep>,
        asked: &AtomicBool,
    ) {
        let mut connection = pin!(connection);
        let mut silent = true;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    break;
                }
                _ = self.stage.changed() => match *self.stage.borrow_and_update() {
                    Stage::Open => {}
                    Stage::Draining => drain(connection.as_mut()),
                    Stage::Closed => break,
                },
                () = first_request.as_mut(), if silent => {
                    silent = false;
                    if !asked.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
        }
    }
}
