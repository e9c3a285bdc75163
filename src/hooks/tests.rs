//! Running handlers, without anything that is served: chains, refusals and
//! mishaps of filters; the lane of actions; jobs and their times.

mod actions;
mod filters;
mod jobs;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::{permissions::Access, principal::Principal};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn hooks(register: impl FnOnce(&mut Registry)) -> Hooks {
    hooks_with(Options::default(), register)
}

fn hooks_with(options: Options, register: impl FnOnce(&mut Registry)) -> Hooks {
    let mut registry = Registry::default();
    register(&mut registry);
    registry.build(options, Environment::default()).expect("everything can be registered")
}

/// What was met, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What is logged on this thread as long as it lives.
struct Log(Arc<Mutex<Vec<u8>>>, #[expect(dead_code, reason = "it ends the capture when it is dropped")] DefaultGuard);

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Writer(writer.clone())).finish();
        Self(lines, tracing::subscriber::set_default(subscriber))
    }

    /// The lines that hold all of some texts.
    fn lines(&self, texts: &[&str]) -> Vec<String> {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| texts.iter().all(|text| line.contains(text))).map(str::to_owned).collect()
    }
}

/// Resolves once something holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes to hold");
}

/// A context of somebody.
fn on_behalf_of(hooks: &Hooks, principal: Principal) -> Context {
    #[derive(Debug)]
    struct Nothing;
    impl Services for Nothing {
        fn items(&self, _: ItemsRequest) -> BoxFuture<'_, Result<Json, Error>> {
            Box::pin(async { Ok(Json::Null) })
        }

        fn sql(&self, _: SqlRequest) -> BoxFuture<'_, Result<SqlReply, Error>> {
            Box::pin(async { Ok(SqlReply::Affected(0)) })
        }
    }
    Context::new(hooks.clone(), Arc::new(Nothing), None, Some((Arc::new(principal), Access::nothing())))
}

#[test]
fn what_cannot_be_registered_is_said_when_all_is_put_together() {
    let problem = |register: fn(&mut Registry) -> &mut Registry| {
        let mut registry = Registry::default();
        register(&mut registry);
        registry.build(Options::default(), Environment::default()).unwrap_err().to_string()
    };
    let told = problem(|registry| registry.filter("items..create", async |payload, _, _| Ok(payload)));
    assert_eq!(told, "`items..create` is no name of an event: a segment is empty");
    let told = problem(|registry| registry.action("items.cre*", async |_, _| Ok(())));
    assert!(told.contains("`items.cre*`") && told.contains("whole segments"), "{told}");
    let told = problem(|registry| registry.init("", async |_, _| Ok(())));
    assert!(told.contains("a segment is empty"), "{told}");
    let told = problem(|registry| registry.schedule("61 * * * *", async |_| Ok(())));
    assert!(told.starts_with("`61 * * * *` is no schedule: "), "{told}");
    let told = problem(|registry| registry.schedule_in("Mars/Base", "@daily", async |_| Ok(())));
    assert!(told.contains("Mars/Base"), "{told}");
    // The first problem is told, not the last.
    let told = problem(|registry| registry.action("a..b", async |_, _| Ok(())).schedule("never", async |_| Ok(())));
    assert!(told.contains("a..b"), "{told}");
}

#[tokio::test]
async fn nobody_is_nobody() {
    let none = Hooks::none();
    assert!(none.is_empty() && hooks(|_| ()).is_empty());
    assert!(!none.has_filter(&["items.create"]) && !none.has_action(&["items.create"]));
    let payload = none.filter(&["items.create"], json!({ "a": 1 }), Meta::new(), &Context::default()).await;
    assert_eq!(payload, Ok(json!({ "a": 1 })));
    none.act(vec!["items.create".to_owned()], Meta::new(), Context::default()).await;
    assert_eq!(none.drain(PATIENCE).await, 0);
}

#[test]
fn the_environment_is_text_and_truths_have_many_spellings() {
    let pairs = [("A", "true"), ("B", "1"), ("C", "On"), ("D", "false"), ("E", "")];
    let environment: Environment = pairs.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    assert_eq!(environment.get("A"), Some("true"));
    assert_eq!(environment.get("F"), None);
    let truths: Vec<bool> = ["A", "B", "C", "D", "E", "F"].map(|name| environment.is_true(name)).into();
    assert_eq!(truths, [true, true, true, false, false, false]);
}

#[test]
fn errors_speak_as_the_contract_does() {
    let told = |error: Error| json!({ "code": error.code, "status": error.status, "message": error.message, "extensions": error.extensions });
    for (error, expected) in [
        (
            Error::new("my_code", 418, "No.").with("tea", "pot"),
            json!({ "code": "MY_CODE", "status": 418, "message": "No.", "extensions": { "tea": "pot" } }),
        ),
        (
            Error::invalid_payload("a title is short"),
            json!({ "code": "INVALID_PAYLOAD", "status": 400, "message": "Invalid payload. a title is short.",
                "extensions": { "reason": "a title is short" } }),
        ),
        (
            Error::forbidden(),
            json!({ "code": "FORBIDDEN", "status": 403, "message": "You don't have permission to access this.", "extensions": {} }),
        ),
        (
            Error::failed_validation("email", "regex"),
            json!({ "code": "FAILED_VALIDATION", "status": 400, "message": "Validation failed for field \"email\".",
                "extensions": { "field": "email", "path": [], "type": "regex" } }),
        ),
        (
            Error::service_unavailable("mail", "it sleeps"),
            json!({ "code": "SERVICE_UNAVAILABLE", "status": 503, "message": "Service \"mail\" is unavailable. it sleeps.",
                "extensions": { "service": "mail", "reason": "it sleeps" } }),
        ),
        (
            Error::unprocessable("no"),
            json!({ "code": "UNPROCESSABLE_CONTENT", "status": 422, "message": "Can't process content. no.",
                "extensions": { "reason": "no" } }),
        ),
    ] {
        assert_eq!(told(error), expected);
    }
}

/// What a handler returns that fails with a standard error.
fn broken_pipe() -> Result<Json, Error> {
    Err(io::Error::new(io::ErrorKind::BrokenPipe, "the pipe of Mr. Smith"))?;
    Ok(Json::Null)
}
