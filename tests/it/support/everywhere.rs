//! One gateway per kind of database over the same rows: what one answers, all must.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Kind, Settings, TestApp, TestDatabase};

/// A gateway over each kind of database.
pub struct Everywhere(Vec<(Arc<TestDatabase>, TestApp)>);

impl Everywhere {
    /// The music shop on each.
    pub async fn music() -> Self {
        Self::music_with(Settings::default).await
    }

    pub async fn music_with(settings: fn() -> Settings) -> Self {
        let mut apps = Vec::new();
        for kind in Kind::ALL {
            let data = TestDatabase::music(kind).await;
            apps.push((data.clone(), TestApp::start_with(data, settings()).await));
        }
        Self(apps)
    }

    /// The gateways one by one.
    pub fn each(&self) -> impl Iterator<Item = (Kind, &TestApp)> {
        self.0.iter().map(|(data, app)| (data.kind, app))
    }

    /// The data of a query that must succeed alike on each.
    pub async fn data(&self, query: &str) -> Json {
        self.data_with(query, json!({})).await
    }

    pub async fn data_with(&self, query: &str, variables: Json) -> Json {
        let mut first = None;
        for (kind, app) in self.each() {
            let data = app.data_with(query, variables.clone()).await;
            let expected = first.get_or_insert_with(|| data.clone());
            assert_eq!(&data, expected, "{kind:?} answers otherwise\n{query}\n{variables}");
        }
        first.expect("there are databases")
    }

    /// The keys of the rows that a filter finds, on each the same, in ascending order.
    pub async fn ids(&self, collection: &str, filter: &str) -> Vec<i64> {
        let query = format!("{{ found: {collection}(filter: {filter}, sort: [\"id\"], limit: -1) {{ id }} }}");
        keys(&self.data(&query).await["found"])
    }

    /// Like `ids`, with the filter as JSON in a variable.
    pub async fn ids_by_variable(&self, collection: &str, filter: &Json) -> Vec<i64> {
        let query = format!(
            "query($filter: {collection}_filter) {{ found: {collection}(filter: $filter, sort: [\"id\"], limit: -1) {{ id }} }}"
        );
        keys(&self.data_with(&query, json!({ "filter": filter })).await["found"])
    }

    /// The keys that a hand-written query selects, on each the same, as selected.
    pub async fn selected(&self, sql: &str) -> Vec<i64> {
        let rows = self.rows(sql).await;
        rows.iter().map(|row| row[0].as_deref().expect("a key").parse().expect("a number")).collect()
    }

    /// The rows of a hand-written query, on each the same but for the spelling of numbers.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut first = None;
        for (data, _) in &self.0 {
            let mut rows = data.rows(sql).await;
            rows.iter_mut().flatten().flatten().for_each(plain_number);
            let expected = first.get_or_insert_with(|| rows.clone());
            assert_eq!(&rows, expected, "{:?} has other rows\n{sql}", data.kind);
        }
        first.expect("there are databases")
    }

    /// A query that must be refused on each with one error of this code.
    pub async fn refused(&self, query: &str, code: &str) {
        self.refused_with(query, json!({}), code).await;
    }

    pub async fn refused_with(&self, query: &str, variables: Json, code: &str) {
        for (kind, app) in self.each() {
            let reply = app.graphql_with(query, variables.clone()).await;
            assert_eq!(reply.codes(), [code], "{kind:?}\n{query}\n{variables}\n{:#}", reply.body);
        }
    }
}

/// The keys in a list of rows.
pub fn keys(rows: &Json) -> Vec<i64> {
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_str().expect("a key").parse().expect("a number")).collect()
}

/// Amounts to the cent, whatever the database adds to them.
fn plain_number(text: &mut String) {
    if let (true, Ok(number)) = (text.contains('.'), text.parse::<f64>()) {
        *text = format!("{}", (number * 1e6).round() / 1e6);
    }
}
