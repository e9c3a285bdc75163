//! Who may do what: from a principal to an [`Access`], the one thing that
//! plans are checked against.
//!
//! Pure. How a principal was authenticated, and where rules are stored, is
//! decided elsewhere.

mod access;
mod addresses;
mod app;
mod policy;
mod rule_set;
pub mod validation;

pub use self::{
    access::{Access, Right},
    addresses::{Addresses, NotAnAddress},
    policy::{Decides, Fields, Grant, Grants, Policy, PublicAccess},
    rule_set::{Action, Attached, Given, Identity, LeftOut, Permission, PolicyRules, RuleSet, Standing},
};
