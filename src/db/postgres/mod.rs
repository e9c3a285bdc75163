//! Placeholder.
use super::{CellError, Error, Form, Options};
use crate::{
    catalog::{ColumnType, facts::Facts},
    value::{Key, Value},
};
use std::sync::Arc;
#[derive(Clone, Debug)]
pub(super) struct Postgres;
impl Postgres {
    pub(super) async fn connect(_: Options) -> Result<Self, Error> {
        unimplemented!()
    }
    pub(super) async fn introspect(&self) -> Result<Facts, Error> {
        unimplemented!()
    }
    pub(super) async fn fetch(&self, _: &Arc<str>, _: &[Value]) -> Result<Rows, Error> {
        unimplemented!()
    }
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Error> {
        unimplemented!()
    }
    pub(super) async fn close(&self) {
        unimplemented!()
    }
}
#[derive(Debug)]
pub(super) struct Rows;
impl Rows {
    pub(super) fn len(&self) -> usize {
        unimplemented!()
    }
    pub(super) fn is_null(&self, _: usize, _: usize) -> bool {
        unimplemented!()
    }
    pub(super) fn write_json(
        &self,
        _: usize,
        _: usize,
        _: &ColumnType,
        _: Form,
        _: &mut Vec<u8>,
    ) -> Result<(), CellError> {
        unimplemented!()
    }
    pub(super) fn key(&self, _: usize, _: usize, _: &ColumnType) -> Option<Key> {
        unimplemented!()
    }
}
#[derive(Debug)]
pub(super) struct Snapshot;
impl Snapshot {
    pub(super) async fn fetch(&mut self, _: &Arc<str>, _: &[Value]) -> Result<Rows, Error> {
        unimplemented!()
    }
    pub(super) async fn finish(self) {
        unimplemented!()
    }
}
