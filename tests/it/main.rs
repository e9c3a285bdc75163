//! The gateway from outside, over real databases and real clients.
//!
//! One binary. `scripts/test` starts the servers that it needs and says where
//! they are; a test that cannot reach one fails.
#![expect(clippy::disallowed_methods, reason = "tests read the environment, spawn and wait as they need")]
#![expect(unreachable_pub, reason = "what the modules of a test binary share, nobody else can reach")]

mod access;
mod batching;
mod cli;
mod cli_tools;
mod http;
mod http_server;
mod layers;
mod limits;
mod node;
mod smoke;
mod support;
