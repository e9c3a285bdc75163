//! Tidegate: a GraphQL gateway for SQL databases.
//!
//! The rooms, bottom-up; each names only those above it in this list
//! (blank lines keep rustfmt from sorting it).

pub mod value;

pub mod clock;
pub mod error_code;
pub mod principal;
pub mod tasks;

pub mod secrets;

pub mod mail;

pub mod catalog;

pub mod predicate;

pub mod permissions;

pub mod plan;

pub mod sql;

pub mod db;

pub mod store;

pub mod events;

pub mod hooks;

pub mod engine;

pub mod rules;

pub mod realtime;

pub mod auth;

pub mod graphql;

pub mod server;

pub mod telemetry;

pub mod config;

pub mod gateway;

pub mod app;

pub use gateway::Gateway;
