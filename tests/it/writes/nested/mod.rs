//! Nested payloads (contract section 7.4), by the kind of relation, and what
//! becomes of everything when a part of it fails.

mod deep;
mod many_to_many;
mod odd_links;
mod to_many;
mod to_one;
mod undone;
