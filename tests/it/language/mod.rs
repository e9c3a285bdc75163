//! The GraphQL language.

mod documents;
mod reference;
