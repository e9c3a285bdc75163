//! The gateway from outside, over real databases and real clients.
//!
//! One binary. `scripts/test` starts the servers that it needs and says where
//! they are; a test that cannot reach one fails.
#![expect(clippy::disallowed_methods, reason = "tests read the environment, spawn and wait as they need")]

mod aggregates;
mod awkward;
mod awkward_filters;
mod awkward_structure;
mod awkward_values;
mod dates;
mod filters;
mod lists;
mod odd_keys;
mod shop;
mod smoke;
mod support;
mod wide;
