//! A way to a gateway that can be cut.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Carries connections to a gateway, until it is dropped.
pub struct Relay {
    /// Its address, `http://127.0.0.1:port`.
    pub base: String,
    open: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Relay {
    pub async fn start(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let base = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let (open, is_open) = watch::channel(true);
        let running = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, gateway, is_open.clone()));
            }
        });
        Self { base, open, running }
    }

    /// Breaks the connections there are, and those that are tried.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Carries connections again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn carry(mut near: TcpStream, gateway: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(gateway).await else { return };
    tokio::select! {
        // Also when the relay is gone.
        _ = is_open.wait_for(|is_open| !is_open) => {}
        _ = copy_bidirectional(&mut near, &mut far) => {}
    }
}
