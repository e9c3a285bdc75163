//! What all tests stand on: throw-away databases and a gateway on port 0.

mod app;
mod client;
mod database;
mod dice;
mod everywhere;
mod lock;
mod mail;
mod node;
mod relay;
mod served;
mod socket;
mod stream;
mod tool;

pub use app::{Reply, Settings, TOKEN, TestApp, options, server_options};
pub use client::{client, client_builder};
pub use database::{Kind, Reader, Rows, TestDatabase};
pub use dice::Dice;
pub use everywhere::{Everywhere, keys};
pub use lock::{Lock, slow_view};
pub use mail::MailServer;
pub use node::node;
pub use relay::Relay;
pub use served::{NOTES, PASSWORD, Served, Tokens};
pub use socket::{Socket, followed};
pub use stream::Stream;
pub use tool::{Gateway, example, output, text, tidegate};

/// The system tables in the shape of the contract.
pub fn system_tables(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => include_str!("../../../schema/migrations/postgres/0001_system_tables.sql"),
        Kind::MySql => include_str!("../../../schema/migrations/mysql/0001_system_tables.sql"),
        Kind::Sqlite => include_str!("../../../schema/migrations/sqlite/0001_system_tables.sql"),
    }
}
