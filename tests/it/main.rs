//! The gateway from outside, over real databases and real clients.
//!
//! One binary. `scripts/test` starts the servers that it needs and says where
//! they are; a test that cannot reach one fails.
#![expect(clippy::disallowed_methods, reason = "tests read the environment, spawn and wait as they need")]
#![expect(unreachable_pub, reason = "what the modules of a test binary share, nobody else can reach")]

mod access;
mod accounts;
mod aggregates;
mod awkward;
mod awkward_filters;
mod awkward_structure;
mod awkward_values;
mod batching;
mod cli;
mod cli_tools;
mod corpus;
mod crash;
mod dates;
mod directus;
mod examples;
mod explained;
mod filters;
mod foreign;
mod fuzz;
mod golden;
mod hooks;
mod hostile;
mod http;
mod http_server;
mod language;
mod layers;
mod limits;
mod lists;
mod live;
mod mail;
mod many_to_any;
mod model;
mod node;
mod odd_keys;
mod parts;
mod policies;
mod rights_model;
mod schema;
mod shop;
mod smoke;
mod support;
mod system_api;
mod wide;
mod writes;
