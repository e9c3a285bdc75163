//! Tidegate: a GraphQL gateway for SQL databases.

pub mod app;
pub mod auth;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod db;
pub mod engine;
pub mod error_code;
pub mod graphql;
pub mod permissions;
pub mod plan;
pub mod predicate;
pub mod principal;
pub mod server;
