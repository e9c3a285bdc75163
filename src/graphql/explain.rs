//! Why an answer is as it is: the plan, what the caller's rights have added to it,
//! the statements with their rows and times; and of a subscription, which of the
//! last changes were told and which were not.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{
    Allowed, Request, Response, Service, answer,
    compile::{Changes, Note},
    planner::{Planned, Refusal},
};
use crate::{
    clock::Stopwatch,
    engine::{self, Ran, RootKind, Trace},
    error_code::ErrorCode,
    events::{Action, ChangeEvent},
    plan::write::key_json,
    principal::{Id, Principal},
    realtime::{Topic, Verdict},
    value::{Value, time},
};

/// Values of a list that are shown.
const SHOWN_VALUES: usize = 20;

/// What is to be explained beside the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explain {
    /// Whether a mutation is done; otherwise it is planned, and no more.
    pub mutates: bool,
    /// How many of the last changes, of a subscription.
    pub changes: usize,
}

impl Default for Explain {
    fn default() -> Self {
        Self { mutates: false, changes: 20 }
    }
}

impl Service {
    /// Answers a request as [`Service::execute`] does, and says in `extensions.explain`
    /// how. A subscription is not begun: the last changes are held against it.
    ///
    /// Who is shown the answer must be allowed to see all rights.
    pub async fn explain(&self, principal: &Principal, mut request: Request<'_>, what: Explain) -> Response {
        let variables = std::mem::take(&mut request.variables);
        match self.explained(principal, &request, variables, what).await {
            Ok(response) => response,
            // As whom it was refused is half of the answer.
            Err(problems) => with_explanation(answer::refused(&problems), &json!({ "as": who(principal) })),
        }
    }

    async fn explained(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        variables: Map<String, Json>,
        what: Explain,
    ) -> Result<Response, Refusal> {
        let watch = Stopwatch::start();
        let (planned, notes) = self.planner().noted(principal, request, variables, Allowed::Live).await?;
        let planning = watch.elapsed();
        let trace = Arc::new(Trace::default());
        let mut caller = engine::Caller::new(Arc::new(principal.clone()), planned.access.clone());
        caller.trace = Some(trace.clone());
        let watch = Stopwatch::start();
        let followed = planned
            .plan
            .roots
            .iter()
            .any(|root| matches!(root.kind, RootKind::Changes(_) | RootKind::LiveAggregate(_)));
        let is_planned_only = followed || (planned.plan.writes.is_some() && !what.mutates);
        let changes = match planned.plan.roots.first().map(|root| &root.kind) {
            Some(RootKind::Changes(_)) => Some(self.told(&caller, request, &planned, &notes, what).await?),
            _ => None,
        };
        let response = match is_planned_only {
            true => Response { body: b"{\"data\":null}".to_vec(), ..answer::executed(engine::Answer::default()) },
            false => self.run_as(&caller, request, planned, Allowed::All).await?,
        };
        let running = watch.elapsed();
        let mut explained = json!({ "as": who(principal) });
        let (parts, others) = parts(&notes, trace.ran());
        explained["plan"] = parts;
        if !others.is_empty() {
            explained["statements"] = others.into();
        }
        explained["ms"] = json!({ "plan": millis(planning), "run": millis(running) });
        if let Some(changes) = changes {
            explained["changes"] = changes;
        }
        Ok(with_explanation(response, &explained))
    }

    /// Which of the last changes a subscription would have been told.
    async fn told(
        &self,
        caller: &engine::Caller,
        request: &Request<'_>,
        planned: &Planned,
        notes: &[Note],
        what: Explain,
    ) -> Result<Json, Refusal> {
        let Some(RootKind::Changes(changes)) = planned.plan.roots.first().map(|root| &root.kind) else {
            return Ok(Json::Null);
        };
        // The same without what the client asks for: what is left are the rights.
        let bare = Changes::from([(0, Ok(Map::new()))]);
        let principal = &caller.principal;
        let bare = self.planner().changed(principal, request, Allowed::Live, &planned.values, &bare).await?;
        let variables = self.variables_of(planned.values.clone(), caller);
        let topic = |roots: Arc<super::plans::Plan>| Topic {
            roots,
            variables: variables.clone(),
            caller: caller.clone(),
            rules: self.hub().rules(),
            after: None,
            write: answer::open,
        };
        let judged = async {
            let asked = self.hub().verdicts(&topic(planned.plan.clone()), what.changes).await?;
            let allowed = self.hub().verdicts(&topic(bare), what.changes).await?;
            Ok::<_, engine::Error>((asked, allowed))
        };
        let (asked, allowed) = judged.await.map_err(|error| refusal(&error))?;
        let rule = notes.first().map_or(Json::Null, |note| note.rights.clone());
        let of_one = |verdict: &Verdict| {
            let may = allowed.iter().find(|known| known.event.position == verdict.event.position);
            told(verdict, may, changes.action, &rule)
        };
        Ok(asked.iter().map(of_one).collect())
    }
}

/// An answer, which is an object with something in it, with more.
fn with_explanation(mut response: Response, explained: &Json) -> Response {
    response.body.pop();
    response.body.extend_from_slice(b",\"extensions\":{\"explain\":");
    response.body.extend_from_slice(explained.to_string().as_bytes());
    response.body.extend_from_slice(b"}}");
    response
}

/// A change, and why it was told or not.
fn told(asked: &Verdict, allowed: Option<&Verdict>, action: Option<Action>, rule: &Json) -> Json {
    let event = &asked.event;
    let was = asked.before.unwrap_or_default();
    let concerns = |verdict: &Verdict| verdict.after || verdict.before != Some(false);
    let (is_told, why) = match (event.action, was, asked.after) {
        _ if action.is_some_and(|action| action != event.action) => {
            (Some(false), "another event is asked for".to_owned())
        }
        // Whether it was there before, nobody knows any more.
        (_, _, false) if asked.before.is_none() => match allowed {
            Some(allowed) if allowed.before == Some(false) && !allowed.after => (Some(false), unseen(rule)),
            _ => (None, "the row is not followed now; whether it was then depends on other rows".to_owned()),
        },
        (_, false, false) => match allowed {
            Some(allowed) if concerns(allowed) => {
                (Some(false), "the filter does not hold of the row, before or after".to_owned())
            }
            _ => (Some(false), unseen(rule)),
        },
        (Action::Update, false, true) => (Some(true), "the row is followed from then on: enter".to_owned()),
        (Action::Update, true, false) => (Some(true), "the row was followed until then: leave".to_owned()),
        (Action::Create | Action::Update | Action::Delete, ..) => (Some(true), "the row is followed".to_owned()),
    };
    json!({
        "position": event.position.to_string(),
        "at": instant(event),
        "event": event.action.as_str(),
        "key": key_json(&event.key),
        "told": is_told,
        "why": why,
    })
}

fn unseen(rule: &Json) -> String {
    format!("the row may not be seen, neither as it was nor as it is: {}", rule["rows"].as_str().unwrap_or("no rights"))
}

fn instant(event: &ChangeEvent) -> Json {
    let mut text = Vec::with_capacity(24);
    match time::write_timestamp(&mut text, event.at_micros) {
        true => String::from_utf8_lossy(&text).into(),
        false => Json::Null,
    }
}

fn refusal(error: &engine::Error) -> Refusal {
    let code = match error {
        engine::Error::Invalid(_) => ErrorCode::InvalidQuery,
        engine::Error::Forbidden(_) => ErrorCode::Forbidden,
        _ => ErrorCode::InternalServerError,
    };
    vec![answer::Problem { message: error.to_string(), code: Some(code), ..answer::Problem::default() }]
}

fn who(principal: &Principal) -> Json {
    let texts = |ids: &[Id]| ids.iter().map(|id| Json::from(&**id)).collect::<Json>();
    json!({
        "user": principal.user.as_deref(),
        "role": principal.role.as_deref(),
        "roles": texts(&principal.roles),
        "policies": texts(&principal.policies),
        "admin": principal.admin,
    })
}

/// The parts of a plan with the runs of their statements; and those that belong to
/// none, such as what a mutation writes.
fn parts(notes: &[Note], ran: Vec<Ran>) -> (Json, Vec<Json>) {
    let mut runs: Vec<Vec<Json>> = notes.iter().map(|_| Vec::new()).collect();
    let mut others = Vec::new();
    for ran in ran {
        let run = json!({ "values": ran.values.iter().map(shown).collect::<Json>(), "rows": ran.rows, "ms": millis(ran.took) });
        let is_its = |note: &Note| note.statement.as_deref() == Some(&*ran.text);
        match notes.iter().position(is_its) {
            Some(at) => runs[at].push(run),
            None => {
                let mut other = json!({ "statement": &*ran.text });
                if let (Json::Object(other), Json::Object(run)) = (&mut other, run) {
                    other.extend(run);
                }
                others.push(other);
            }
        }
    }
    let part = |(note, runs): (&Note, Vec<Json>)| {
        let Note { path, kind, collection, rights, statement } = note;
        let mut part = json!({ "path": path, "kind": kind, "collection": collection, "rights": rights });
        if let Some(statement) = statement {
            part["statement"] = statement.as_str().into();
            part["runs"] = runs.into();
        }
        part
    };
    (notes.iter().zip(runs).map(part).collect(), others)
}

fn millis(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// A parameter's value, for people; of long lists the beginning.
fn shown(value: &Value) -> Json {
    fn list<T: Clone + Into<Json>>(items: impl ExactSizeIterator<Item = T>) -> Json {
        let left = items.len().saturating_sub(SHOWN_VALUES);
        let mut shown: Vec<Json> = items.take(SHOWN_VALUES).map(Into::into).collect();
        if left > 0 {
            shown.push(format!("… {left} more").into());
        }
        shown.into()
    }
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => (&**text).into(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()).into(),
        Value::Ints(numbers) => list(numbers.iter().copied()),
        Value::Texts(texts) => list(texts.iter().map(|text| text.to_string())),
        Value::Column(values) => list(values.iter().map(|value| value.as_ref().map(|text| text.to_string()))),
    }
}
