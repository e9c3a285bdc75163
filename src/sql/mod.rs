//! How the database is told: from plans to statements, per dialect. The only
//! place that writes SQL from names; values always travel as parameters.
//!
//! Pure. A statement's text is constant for its plan, so that databases and
//! drivers can keep it prepared.

mod aggregate;
mod condition;
mod expression;
mod judge;
mod keys;
mod lookup;
mod order;
mod parameter;
mod read;
mod statement;
pub mod write;
mod writer;

pub use self::{
    aggregate::{compile_aggregate, measure_type},
    judge::{JudgeStatement, can_be_given, compile_judge},
    read::{KeyMode, Lookup, ReadStatement, compile_read},
    statement::{Arguments, Bound, Statement},
};
