//! `GET /server/health`: whether the database answers. Asked at most once a
//! second, however often one asks here.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value as Json, json};
use tokio::{sync::Mutex, time::timeout};
use uuid::Uuid;

use super::{Shared, routes::Caller};
use crate::{
    catalog::Dialect,
    clock::Stopwatch,
    db::{self, Database},
};

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A slower answer is a warning, in the details.
const SLOW: Duration = Duration::from_millis(150);

/// Remembers the last sign of life.
pub(super) struct Health {
    database: Database,
    service_id: String,
    last: Mutex<Option<Checked>>,
}

#[derive(Clone)]
struct Checked {
    at: Stopwatch,
    took: Duration,
    problem: Option<Problem>,
}

#[derive(Clone)]
struct Problem {
    text: Arc<str>,
    /// All connections are at work: the database is there, only busy.
    busy: bool,
}

impl Problem {
    fn of(error: &db::Error) -> Self {
        Self { text: error.to_string().into(), busy: matches!(error, db::Error::PoolTimeout(_)) }
    }
}

impl Checked {
    fn status(&self) -> &'static str {
        match &self.problem {
            Some(problem) if !problem.busy => "error",
            Some(_) => "warn",
            None if self.took > SLOW => "warn",
            None => "ok",
        }
    }
}

impl Health {
    pub(super) fn new(database: Database) -> Self {
        Self { database, service_id: Uuid::new_v4().to_string(), last: Mutex::new(None) }
    }

    /// Whoever asks while the database is being asked waits for that answer.
    async fn check(&self) -> Checked {
        let mut last = self.last.lock().await;
        match &*last {
            Some(checked) if checked.at.elapsed() < FRESH => checked.clone(),
            _ => last.insert(self.ask().await).clone(),
        }
    }

    async fn ask(&self) -> Checked {
        let watch = Stopwatch::start();
        let problem = match timeout(PATIENCE, self.database.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Problem::of(&error)),
            Err(_) => Some(Problem::of(&db::Error::StatementTimeout(PATIENCE))),
        };
        if let Some(problem) = &problem {
            tracing::warn!(problem = &*problem.text, "the database is not well");
        }
        Checked { at: Stopwatch::start(), took: watch.elapsed(), problem }
    }

    fn details(&self, checked: &Checked) -> Json {
        let status = checked.status();
        let mut check = json!({
            "status": status,
            "componentType": "datastore",
            "observedUnit": "ms",
            "observedValue": checked.took.as_micros() as f64 / 1000.0,
            "threshold": SLOW.as_millis() as u64,
        });
        if let Some(problem) = &checked.problem {
            check["output"] = Json::from(&*problem.text);
        }
        let name = format!("{}:responseTime", client_name(self.database.dialect()));
        json!({
            "status": status,
            "releaseId": env!("CARGO_PKG_VERSION"),
            "serviceId": self.service_id,
            "checks": { name: [check] },
        })
    }
}

fn client_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "pg",
        Dialect::MySql => "mysql",
        Dialect::Sqlite => "sqlite3",
    }
}

/// The state of health; an administrator learns more.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, Caller(principal): Caller) -> Response<Body> {
    let checked = shared.health.check().await;
    let (status, word) = match checked.status() {
        "error" => (StatusCode::SERVICE_UNAVAILABLE, "error"),
        _ => (StatusCode::OK, "ok"),
    };
    let body = if principal.admin { shared.health.details(&checked) } else { json!({ "status": word }) };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/health+json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_database_is_not_a_lost_one() {
        let status = |error: db::Error| {
            let problem = Some(Problem::of(&error));
            Checked { at: Stopwatch::start(), took: PATIENCE, problem }.status()
        };
        assert_eq!(status(db::Error::PoolTimeout(PATIENCE)), "warn");
        assert_eq!(status(db::Error::StatementTimeout(PATIENCE)), "error");
        assert_eq!(status(db::Error::Unavailable("gone".to_owned())), "error");
    }
}
