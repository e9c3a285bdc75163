//! Answers as bytes: data and errors in the shape of the specification (7.1),
//! codes spelled as in the contract (section 2).

use serde_json::{Map, Value as Json};

use super::Response;
use crate::{
    engine::{Answer, FieldError, PathSegment},
    error_code::ErrorCode,
    value::json,
};

/// One entry of `errors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    /// `None` stands for [`ErrorCode::GraphqlValidation`].
    pub(super) code: Option<ErrorCode>,
    /// Line and column, counted from 1.
    pub(super) locations: Vec<(usize, usize)>,
    /// A further member of `extensions`: its name and value.
    pub(super) detail: Option<(&'static str, String)>,
}

impl Problem {
    /// Ours to look into.
    pub(super) fn internal() -> Self {
        let message = "An unexpected error occurred.".to_owned();
        Self { message, code: Some(ErrorCode::InternalServerError), ..Self::default() }
    }

    fn code(&self) -> ErrorCode {
        self.code.unwrap_or(ErrorCode::GraphqlValidation)
    }
}

/// A request that was refused before anything was executed: no `data`.
pub(super) fn refused(problems: &[Problem]) -> Response {
    let mut body = b"{\"errors\":[".to_vec();
    for (at, problem) in problems.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"message\":");
        json::write_string(&mut body, &problem.message);
        if !problem.locations.is_empty() {
            write_locations(&mut body, &problem.locations);
        }
        let details = problem.detail.iter().map(|(name, text)| ((*name).to_owned(), text.as_str().into()));
        write_extensions(&mut body, problem.code().as_str(), &details.collect());
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    let code = problems.first().map_or(ErrorCode::GraphqlValidation, Problem::code);
    Response { body, refused: Some(code), has_errors: true, timings: super::Timings::default() }
}

/// What was executed, with its errors behind the data.
pub(super) fn executed(answer: Answer) -> Response {
    let has_errors = !answer.errors.is_empty();
    let mut body = open(answer);
    body.push(b'}');
    Response { body, refused: None, has_errors, timings: super::Timings::default() }
}

/// An answer with its errors, its last brace left out.
pub(super) fn open(answer: Answer) -> Vec<u8> {
    let mut body = answer.body;
    if !answer.errors.is_empty() {
        body.extend_from_slice(b",\"errors\":[");
        for (at, error) in answer.errors.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            write_field_error(&mut body, error);
        }
        body.push(b']');
    }
    body
}

fn write_field_error(body: &mut Vec<u8>, error: &FieldError) {
    body.extend_from_slice(b"{\"message\":");
    json::write_string(body, &error.message);
    write_locations(body, &[(error.position.line as usize, error.position.column as usize)]);
    body.extend_from_slice(b",\"path\":[");
    for (at, segment) in error.path.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        match segment {
            PathSegment::Key(key) => json::write_string(body, key),
            PathSegment::Index(index) => json::write_uint(body, *index as u64),
        }
    }
    body.push(b']');
    write_extensions(body, error.code.as_str(), &error.details);
    body.push(b'}');
}

fn write_locations(body: &mut Vec<u8>, locations: &[(usize, usize)]) {
    body.extend_from_slice(b",\"locations\":[");
    for (at, (line, column)) in locations.iter().enumerate() {
        body.extend_from_slice(if at > 0 { b",{\"line\":" } else { b"{\"line\":" });
        json::write_uint(body, *line as u64);
        body.extend_from_slice(b",\"column\":");
        json::write_uint(body, *column as u64);
        body.push(b'}');
    }
    body.push(b']');
}

fn write_extensions(body: &mut Vec<u8>, code: &str, details: &Map<String, Json>) {
    body.extend_from_slice(b",\"extensions\":{\"code\":");
    json::write_string(body, code);
    for (name, value) in details.iter().filter(|(name, _)| *name != "code") {
        body.push(b',');
        json::write_string(body, name);
        body.push(b':');
        json::write_value(body, value);
    }
    body.push(b'}');
}
