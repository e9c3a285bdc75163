//! What the database is, as the gateway serves it.
pub mod facts;
mod types;

pub use types::{ColumnType, Dialect};
