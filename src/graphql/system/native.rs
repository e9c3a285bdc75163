//! One such field of an operation: its arguments as templates, and what of its
//! answer is selected.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Map, Value as Json};

use super::{
    super::document::{Collected, Walk},
    Operations,
};
use crate::{
    engine::{Error, Native, Variables},
    predicate::Input,
};

/// A field that no table answers.
#[derive(Debug)]
pub(in crate::graphql) struct NativeRoot {
    pub(in crate::graphql) name: &'static str,
    pub(in crate::graphql) arguments: Vec<(&'static str, Input)>,
    pub(in crate::graphql) selection: Vec<Pick>,
    pub(in crate::graphql) operations: Arc<Operations>,
}

/// A member that is selected.
#[derive(Debug)]
pub(in crate::graphql) struct Pick {
    key: Box<str>,
    name: Box<str>,
    below: Vec<Pick>,
}

impl Pick {
    /// What is selected of a field's answer.
    pub(in crate::graphql) fn of(walk: Walk<'_, '_>, field: &Collected<'_>) -> Vec<Self> {
        let pick = |field: Collected<'_>| Self {
            key: field.key.into(),
            name: field.field.name.node.as_str().into(),
            below: Self::of(walk, &field),
        };
        walk.collect(&field.selections).into_iter().map(pick).collect()
    }

    fn size(&self) -> usize {
        64 + self.below.iter().map(Self::size).sum::<usize>()
    }
}

/// What is selected of an answer; a scalar is all of it.
fn picked(picks: &[Pick], json: Json) -> Json {
    match json {
        _ if picks.is_empty() => json,
        Json::Array(items) => items.into_iter().map(|item| picked(picks, item)).collect(),
        Json::Object(members) => {
            let value = |pick: &Pick| {
                let member = match &*pick.name {
                    "__typename" => members.get("__typename").cloned().unwrap_or_default(),
                    name => picked(&pick.below, members.get(name).cloned().unwrap_or_default()),
                };
                (pick.key.to_string(), member)
            };
            picks.iter().map(value).collect::<Map<String, Json>>().into()
        }
        other => other,
    }
}

impl Native for NativeRoot {
    fn answer<'a>(&'a self, variables: &'a Variables) -> BoxFuture<'a, Result<Vec<u8>, Error>> {
        async move {
            let value = |(name, input): &(&'static str, Input)| {
                Some(((*name).to_owned(), input.resolve(&variables.values).filter(|json| !json.is_null())?))
            };
            let arguments: Map<String, Json> = self.arguments.iter().filter_map(value).collect();
            let told = self.operations.run(self.name, &arguments, &variables.caller).await?;
            Ok(picked(&self.selection, told).to_string().into_bytes())
        }
        .boxed()
    }

    fn weight(&self) -> usize {
        256 + self.selection.iter().map(Pick::size).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_selected_is_shown_in_the_order_of_the_selection() {
        let leaf = |key: &str, name: &str| Pick { key: key.into(), name: name.into(), below: Vec::new() };
        let picks = [leaf("b", "b"), Pick { below: vec![leaf("x", "y")], ..leaf("c", "a") }, leaf("n", "none")];
        let answer = json!([{ "a": { "y": 1, "z": 2 }, "b": [1] }]);
        assert_eq!(picked(&picks, answer).to_string(), r#"[{"b":[1],"c":{"x":1},"n":null}]"#);
    }
}
