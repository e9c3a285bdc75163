//! A GraphQL request out of a `POST` body or a query string (contract
//! `graphql.md` 1.3). Texts are borrowed where they hold no escapes.

use std::borrow::Cow;

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::problem::Problem;
use crate::{error_code::ErrorCode, graphql::Request, tasks};

/// `Option<Cow<str>>` alone would always copy.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    query: Option<Text<'a>>,
    #[serde(default)]
    variables: Option<Map<String, Json>>,
    #[serde(borrow, default, rename = "operationName")]
    operation_name: Option<Text<'a>>,
    #[serde(default)]
    extensions: Option<Map<String, Json>>,
}

/// What was sent.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) request: Request<'a>,
    /// What protocols add to it.
    pub(super) extensions: Map<String, Json>,
}

/// Reads a `POST` body; a large one where nobody waits for it.
pub(super) async fn from_bytes(bytes: &Bytes) -> Result<Sent<'_>, Problem> {
    if bytes.len() <= tasks::LARGE {
        return from_body(bytes);
    }
    let owned = |bytes: &Bytes| {
        let Sent { request, extensions } = from_body(bytes)?;
        Ok(Sent { request: request.into_owned(), extensions })
    };
    aside(bytes.clone(), owned).await
}

/// Reads a large body where nobody waits for it.
pub(super) async fn aside<T: Send + 'static>(
    bytes: Bytes,
    read: impl FnOnce(&Bytes) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    Box::pin(tasks::aside(move || read(&bytes))).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a body was not read");
        Err(Problem::new(ErrorCode::InternalServerError, "An unexpected error occurred."))
    })
}

fn from_body(bytes: &[u8]) -> Result<Sent<'_>, Problem> {
    // A derived struct would read an array as its members in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(explain(bytes));
    }
    let body: Body<'_> = serde_json::from_slice(bytes).map_err(|_| explain(bytes))?;
    let request = request(body.query.map(|text| text.0), body.variables, body.operation_name.map(|text| text.0))?;
    Ok(Sent { request, extensions: body.extensions.unwrap_or_default() })
}

/// Reads the query string of a `GET`.
pub(super) fn from_query(query: &str) -> Result<Sent<'_>, Problem> {
    let (mut document, mut variables, mut operation_name, mut extensions) = (None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "query" => document = Some(value),
            "variables" if !value.is_empty() => variables = object("variables", &value)?,
            "extensions" if !value.is_empty() => extensions = object("extensions", &value)?,
            "operationName" => operation_name = Some(value),
            _ => {}
        }
    }
    let request = request(document, variables, operation_name)?;
    Ok(Sent { request, extensions: extensions.unwrap_or_default() })
}

fn object(name: &str, text: &str) -> Result<Option<Map<String, Json>>, Problem> {
    serde_json::from_str(text).map_err(|_| Problem::query(format!("`{name}` must be a JSON object")))
}

fn request<'a>(
    query: Option<Cow<'a, str>>,
    variables: Option<Map<String, Json>>,
    operation_name: Option<Cow<'a, str>>,
) -> Result<Request<'a>, Problem> {
    let present = |text: &Cow<'a, str>| !text.is_empty();
    let query = query.filter(present).ok_or_else(|| Problem::payload("must provide query string"))?;
    Ok(Request { query, variables: variables.unwrap_or_default(), operation_name: operation_name.filter(present) })
}

/// Finds out what is wrong with a body that could not be read.
fn explain(bytes: &[u8]) -> Problem {
    if bytes.trim_ascii().is_empty() {
        return Problem::payload("the body is empty; it must be a JSON object with `query`");
    }
    let members = match serde_json::from_slice(bytes) {
        Ok(Json::Object(members)) => members,
        Ok(Json::Array(_)) => {
            return Problem::payload("batches are not supported; send one operation per request");
        }
        Ok(_) => return Problem::payload("the body must be a JSON object with `query`"),
        Err(error) => return Problem::payload(format!("the body is not JSON: {error}")),
    };
    let fits =
        |name: &str, fits: fn(&Json) -> bool| members.get(name).is_none_or(|value| value.is_null() || fits(value));
    for name in ["query", "operationName"] {
        if !fits(name, Json::is_string) {
            return Problem::payload(format!("`{name}` must be a string"));
        }
    }
    for name in ["variables", "extensions"] {
        if !fits(name, Json::is_object) {
            return Problem::payload(format!("`{name}` must be an object"));
        }
    }
    Problem::payload("a member of the body is given twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        format!("{:?}", from_body(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn null_and_empty_members_are_absent() {
        let body = br#"{"query":"{a}","variables":null,"operationName":"","extensions":null,"id":7}"#;
        let request = from_body(body).unwrap().request;
        assert!(matches!(request.query, Cow::Borrowed("{a}")));
        assert!(request.variables.is_empty());
        assert_eq!(request.operation_name, None);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let request = from_body(br#"{"query":"{a}","variables":{"n":12345678901234567890.10}}"#).unwrap().request;
        assert_eq!(request.variables["n"].to_string(), "12345678901234567890.10");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "body is empty"),
            ("{", "not JSON"),
            (r#"[{"query":"{a}"}]"#, "batches are not supported"),
            (r#""{a}""#, "must be a JSON object"),
            ("{}", "must provide query string"),
            (r#"{"query":null}"#, "must provide query string"),
            (r#"{"query":1}"#, "`query` must be a string"),
            (r#"{"query":"{a}","operationName":["a"]}"#, "`operationName` must be a string"),
            (r#"{"query":"{a}","variables":"{}"}"#, "`variables` must be an object"),
            (r#"{"query":"{a}","extensions":0}"#, "`extensions` must be an object"),
            (r#"{"query":"{a}","query":"{b}"}"#, "given twice"),
        ];
        for (body, reason) in cases {
            assert!(refused(body).contains(reason), "{body} says {}", refused(body));
        }
        assert!(from_body(b"{\"query\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_query_string_is_decoded() {
        let sent = from_query("query=%7B%20a+b%7D&variables=%7B%22x%22%3A1%7D&operationName=Q&extensions=%7B%7D");
        let request = sent.unwrap().request;
        assert_eq!(request.query, "{ a b}");
        assert_eq!(request.variables["x"].to_string(), "1");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        for wrong in ["query=a&variables=[", "query=a&extensions=1"] {
            assert!(format!("{:?}", from_query(wrong).unwrap_err()).contains("InvalidQuery"));
        }
        assert!(format!("{:?}", from_query("").unwrap_err()).contains("must provide query string"));
    }
}
