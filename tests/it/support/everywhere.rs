//! One gateway per kind of database over the same rows: what one answers, all must.
//! Over databases of a test's own there is one more: MariaDB as if it were MySQL,
//! which gives no rows back from statements that write.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tidegate::{catalog::Catalog, permissions::Policy};
use tokio::sync::Mutex;

use super::{Kind, Reader, Reply, Rows, Settings, TOKEN, TestApp, TestDatabase};

/// A gateway over each kind of database.
pub struct Everywhere {
    apps: Vec<(Arc<TestDatabase>, TestApp)>,
    /// Whose answers are looked at: the administrator's, else the public's.
    token: Option<&'static str>,
    /// Connections past the gateways, by their place.
    readers: Vec<Mutex<Option<Reader>>>,
}

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
        Self::of(apps, Some(TOKEN))
    }

    /// Databases of a test's own, made by a script for each kind.
    pub async fn own(script: impl Fn(Kind) -> String) -> Self {
        Self::own_with(script, Settings::default).await
    }

    pub async fn own_with(script: impl Fn(Kind) -> String, settings: impl Fn() -> Settings) -> Self {
        let ways = Kind::ALL.into_iter().map(|kind| (kind, None)).chain([(Kind::MySql, Some(false))]);
        let apps = ways.map(async |(kind, inserts_return)| {
            let data = Arc::new(TestDatabase::create(kind, &script(kind)).await);
            (data.clone(), TestApp::start_with(data, Settings { inserts_return, ..settings() }).await)
        });
        Self::of(join_all(apps).await, Some(TOKEN))
    }

    /// Databases of a test's own as the public sees them that may do what a
    /// policy says, which is made for each catalog.
    pub async fn own_public(script: impl Fn(Kind) -> String, policy: impl Fn(&Catalog) -> Policy) -> Self {
        let Self { apps, .. } = Self::own(script).await;
        let apps = apps.into_iter().map(async |(data, plain)| {
            let settings = Settings {
                policy: policy(&plain.catalog),
                inserts_return: Some(plain.catalog.inserts_return),
                ..Settings::default()
            };
            (data.clone(), TestApp::start_with(data, settings).await)
        });
        Self::of(join_all(apps).await, None)
    }

    fn of(apps: Vec<(Arc<TestDatabase>, TestApp)>, token: Option<&'static str>) -> Self {
        let readers = apps.iter().map(|_| Mutex::default()).collect();
        Self { apps, token, readers }
    }

    /// The answers to a document, of all at once.
    async fn replies(&self, document: &str, variables: &Json) -> Vec<(Kind, &TestApp, Reply)> {
        let body = json!({ "query": document, "variables": variables });
        let body = &body;
        join_all(self.each().map(async |(kind, app)| (kind, app, app.post(body, self.token).await))).await
    }

    /// The rows of hand-written queries on one of the databases.
    async fn read(&self, place: usize, queries: &[String]) -> Vec<Rows> {
        let mut reader = self.readers[place].lock().await;
        if reader.is_none() {
            *reader = Some(self.apps[place].0.reader().await);
        }
        let reader = reader.as_mut().expect("it is there now");
        let mut all = Vec::with_capacity(queries.len());
        for sql in queries {
            all.push(reader.rows(sql).await);
        }
        all
    }

    /// The gateways one by one.
    pub fn each(&self) -> impl Iterator<Item = (Kind, &TestApp)> {
        self.apps.iter().map(|(data, app)| (data.kind, app))
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
    pub async fn rows(&self, sql: &str) -> Rows {
        let mut first = None;
        for (data, _) in &self.apps {
            let mut rows = data.rows(sql).await;
            rows.iter_mut().flatten().flatten().for_each(plain_number);
            let expected = first.get_or_insert_with(|| rows.clone());
            assert_eq!(&rows, expected, "{:?} has other rows\n{sql}", data.kind);
        }
        first.expect("there are databases")
    }

    /// Everything that the databases hold, table by table, each row as one text.
    pub async fn contents(&self) -> Vec<Vec<(String, Vec<String>)>> {
        let of = async |place: usize| {
            let tables = &self.apps[place].1.catalog.tables;
            let queries: Vec<String> = tables.iter().map(|table| format!("SELECT * FROM {}", table.name)).collect();
            let all = self.read(place, &queries).await.into_iter().map(|rows| {
                let mut rows: Vec<String> = rows.iter().map(|row| spelled(row)).collect();
                rows.sort();
                rows
            });
            tables.iter().map(|table| table.name.clone()).zip(all).collect()
        };
        join_all((0..self.apps.len()).map(of)).await
    }

    /// The rows of a hand-written query must be these on each: cells with a
    /// space between, rows with a comma, `-` for null.
    pub async fn holds(&self, sql: &str, expected: &str) {
        for (place, (_, app)) in self.apps.iter().enumerate() {
            let mut rows = self.read(place, &[sql.to_owned()]).await.remove(0);
            rows.iter_mut().flatten().flatten().for_each(plain_number);
            let rows: Vec<String> = rows.iter().map(|row| spelled(row)).collect();
            assert_eq!(rows.join(", "), expected, "{}\n{sql}", name(app));
        }
    }

    /// The data of a document that must succeed with it on each.
    pub async fn gives(&self, document: &str, expected: Json) {
        self.gives_with(document, json!({}), expected).await;
    }

    pub async fn gives_with(&self, document: &str, variables: Json, expected: Json) {
        for (_, app, reply) in self.replies(document, &variables).await {
            let told = format!("{}\n{document}\n{variables}\n{:#}", name(app), reply.body);
            assert_eq!(reply.body, json!({ "data": expected }), "{told}");
        }
    }

    /// A document that each must answer with these data (absent for `null`), and
    /// an error of this code at each of these paths.
    pub async fn gives_in_part(&self, document: &str, data: Json, errors: &[(&str, &str)]) {
        for (_, app, reply) in self.replies(document, &json!({})).await {
            let told = format!("{}\n{document}\n{:#}", name(app), reply.body);
            assert_eq!(reply.status, 200, "{told}");
            assert_eq!(reply.body.get("data").unwrap_or(&Json::Null), &data, "{told}");
            let found: Vec<(String, String)> =
                reply.codes().iter().zip(paths(&reply)).map(|(code, path)| ((*code).to_owned(), path)).collect();
            let expected: Vec<(String, String)> =
                errors.iter().map(|(code, path)| ((*code).to_owned(), (*path).to_owned())).collect();
            assert_eq!(found, expected, "{told}");
        }
    }

    /// A document that each must refuse with one error with just these
    /// `extensions`, and that changes nothing.
    pub async fn refuses(&self, document: &str, extensions: Json) {
        self.refuses_with(document, json!({}), extensions).await;
    }

    pub async fn refuses_with(&self, document: &str, variables: Json, extensions: Json) {
        self.refuses_each(document, variables, |_| extensions.clone()).await;
    }

    /// As [`Self::refuses_with`], where databases tell more or less.
    pub async fn refuses_each(&self, document: &str, variables: Json, extensions: impl Fn(Kind) -> Json) {
        let before = self.contents().await;
        for (kind, app, reply) in self.replies(document, &variables).await {
            let told = format!("{}\n{document}\n{variables}\n{:#}", name(app), reply.body);
            let errors = reply.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
            assert_eq!(errors.len(), 1, "{told}");
            let mut found = errors[0]["extensions"].clone();
            // The words are the gateway's own; that there are some is enough.
            if let Some(reason) = found.get_mut("reason") {
                assert!(reason.as_str().is_some_and(|reason| !reason.is_empty()), "{told}");
                *reason = json!("…");
            }
            assert_eq!(found, extensions(kind), "{told}");
        }
        assert_eq!(self.contents().await, before, "{document}\n{variables}");
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

/// Which of the gateways it is.
fn name(app: &TestApp) -> String {
    let returns = if app.catalog.inserts_return { "" } else { " without RETURNING" };
    format!("{}{returns}", app.catalog.dialect.label())
}

fn spelled(row: &[Option<String>]) -> String {
    let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
    cells.join(" ")
}

/// The paths of all errors, as in `articles.0.title`.
fn paths(reply: &Reply) -> Vec<String> {
    let errors = reply.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let segment = |segment: &Json| segment.as_str().map_or_else(|| segment.to_string(), str::to_owned);
    let path = |error: &Json| {
        let path = error["path"].as_array().map(Vec::as_slice).unwrap_or_default();
        path.iter().map(segment).collect::<Vec<_>>().join(".")
    };
    errors.iter().map(path).collect()
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
