//! STUB for compiling
#![allow(missing_docs)]
use std::{any::Any, sync::Arc};
use serde_json::{Map, Value as Json};

#[derive(Clone, Debug, Default)]
pub struct Hooks;
#[derive(Clone, Debug)]
pub struct Error { pub code: String, pub status: u16, pub message: String, pub extensions: Map<String, Json> }
#[derive(Clone, Debug)]
pub enum Failure { Refused(Error), Broken { handler: String } }
#[derive(Clone, Debug, Default)]
pub struct Meta(Map<String, Json>);
impl Meta { pub fn new() -> Self { Self::default() } pub fn with(mut self, n: &str, v: impl Into<Json>) -> Self { self.0.insert(n.into(), v.into()); self } }
#[derive(Clone, Debug, Default)]
pub struct Context { scope: Option<Arc<dyn Any2>> }
pub trait Any2: Any + Send + Sync + std::fmt::Debug {}
impl<T: Any + Send + Sync + std::fmt::Debug> Any2 for T {}
impl Context { pub fn with_scope<T: Any2>(&self, scope: Arc<T>) -> Self { Self { scope: Some(scope) } } pub fn root(&self) -> Self { Self::default() } }
#[derive(Clone, Debug)]
pub struct MutationOptions { pub emit_events: bool, pub bypass_limits: bool }
impl Default for MutationOptions { fn default() -> Self { Self { emit_events: true, bypass_limits: false } } }
impl Hooks {
    pub fn none() -> Self { Self }
    pub fn is_empty(&self) -> bool { true }
    pub fn has_filter(&self, _: &[&str]) -> bool { false }
    pub fn has_action(&self, _: &[&str]) -> bool { false }
    pub async fn filter(&self, _: &[&str], payload: Json, _: Meta, _: &Context) -> Result<Json, Failure> { Ok(payload) }
    pub async fn act(&self, _: Vec<String>, _: Meta, _: Context) {}
}
