//! Reads Server-Sent Events.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value as Json;
use tokio::time::timeout;

use super::TOKEN;

const PATIENCE: Duration = Duration::from_secs(20);

/// A response that goes on.
pub struct Stream {
    pub response: Response,
    text: String,
}

/// One event: its id, its name and its data.
pub type Event = (Option<String>, String, String);

impl Stream {
    /// The administrator's.
    pub async fn open(request: RequestBuilder) -> Self {
        Self::open_as_it_is(request.bearer_auth(TOKEN)).await
    }

    pub async fn open_as_it_is(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    pub fn content_type(&self) -> &str {
        self.response.headers()["content-type"].to_str().expect("it is text")
    }

    /// The text up to a mark, which is taken; `None` at the end.
    pub async fn until(&mut self, mark: &str) -> Option<String> {
        loop {
            if let Some((text, rest)) = self.text.split_once(mark) {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(text);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something comes in time");
            self.text.push_str(std::str::from_utf8(&chunk.expect("the stream is whole")?).expect("it is UTF-8"));
        }
    }

    /// The next event, comments left out.
    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.until("\n\n").await?;
            let field = |name: &str| {
                let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                let lines: Vec<&str> = lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect();
                (!lines.is_empty()).then(|| lines.join("\n"))
            };
            if let Some(name) = field("event") {
                return Some((field("id"), name, field("data").unwrap_or_default()));
            }
        }
    }

    pub async fn json(&mut self, name: &str) -> (String, Json) {
        let (id, event, data) = self.event().await.expect("the stream goes on");
        assert_eq!(event, name, "{data}");
        (id.unwrap_or_default(), serde_json::from_str(&data).expect("data is JSON"))
    }
}
