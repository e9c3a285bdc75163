//! What all tests stand on: throw-away databases and a gateway on port 0.

mod app;
mod database;
mod everywhere;

pub use app::{Reply, Settings, TOKEN, TestApp};
pub use database::{Kind, TestDatabase};
pub use everywhere::{Everywhere, keys};
