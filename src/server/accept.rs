//! The socket's side: accepting connections, speaking HTTP/1.1 or HTTP/2 on
//! each, and ending them all in good order.

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

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
}

impl Limits {
    pub(super) fn of(options: &Options) -> Self {
        Self { connections: options.max_connections.max(1), shutdown: options.shutdown_timeout }
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
        () = accept(listener, &front, &places, &watched) => {}
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

async fn accept(listener: TcpListener, front: &Arc<Front>, places: &Arc<Semaphore>, stage: &watch::Receiver<Stage>) {
    let protocol = Arc::new(protocol());
    // The semaphore is closed by nobody, so this ends only by being dropped.
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = next(&listener).await;
        let connection = Connection { front: front.clone(), protocol: protocol.clone(), stage: stage.clone(), place };
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

fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(KEEP_ALIVE).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HEAD_BYTES as u32)
        .keep_alive_interval(KEEP_ALIVE);
    builder
}

struct Connection {
    front: Arc<Front>,
    protocol: Arc<Builder<TokioExecutor>>,
    stage: watch::Receiver<Stage>,
    place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream, peer: IpAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let asked = AtomicBool::new(false);
        let service = service_fn(|request| {
            asked.store(true, Ordering::Relaxed);
            let front = self.front.clone();
            async move { Ok::<_, Infallible>(front.answer(request, peer).await) }
        });
        let mut connection = pin!(self.protocol.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let mut first_request = pin!(sleep(FIRST_REQUEST));
        let mut silent = true;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "a connection ended badly");
                    }
                    break;
                }
                _ = self.stage.changed() => match *self.stage.borrow_and_update() {
                    Stage::Open => {}
                    Stage::Draining => connection.as_mut().graceful_shutdown(),
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
        drop(self.place);
    }
}
