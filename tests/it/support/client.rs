//! Clients of HTTP. The gateway leaves it to the process which cryptography
//! `reqwest` takes, so that has to be there before the first one.

use reqwest::{Client, ClientBuilder};

/// A client that is yet to be set up.
pub fn client_builder() -> ClientBuilder {
    // What is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

/// A client like any other.
pub fn client() -> Client {
    client_builder().build().expect("the client can be built")
}
