//! Follows a collection over a WebSocket: prints the items there are, then each
//! change, as lines of JSON. Comes back by itself when the connection breaks.
//!
//! ```sh
//! TIDEGATE_TOKEN=… cargo run --example follow -- articles id,title '{"status":{"_eq":"draft"}}'
//! ```

use std::{convert::Infallible, io::Write as _, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    },
};

/// The gateway pings every 30 seconds: longer silence is a broken connection.
const LONGEST_SILENCE: Duration = Duration::from_secs(75);
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Why a connection has ended.
enum End {
    /// It broke; whoever comes back goes on where they stopped.
    Broken(anyhow::Error),
    /// What has come since the last change is not known any more.
    Reset(String),
    /// It would end alike the next time.
    Refused(anyhow::Error),
}

impl From<tungstenite::Error> for End {
    fn from(error: tungstenite::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// What is followed, and how far it has come.
struct Follower {
    url: String,
    token: Option<String>,
    collection: String,
    query: String,
    filter: Json,
    /// The position of the last change; none before the items there are have all been told.
    after: Option<String>,
    pause: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut follower = Follower::from_arguments()?;
    loop {
        let Err(end) = follower.follow().await;
        match end {
            End::Broken(error) => eprintln!("{error}; trying again"),
            End::Reset(reason) => {
                eprintln!("{reason}");
                follower.after = None;
            }
            End::Refused(error) => return Err(error),
        }
        sleep(follower.pause).await;
        follower.pause = (follower.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Follower {
    #[expect(clippy::disallowed_methods, reason = "a program of its own reads its environment itself")]
    fn from_arguments() -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let (collection, fields, filter) = match &arguments[..] {
            [collection, fields] => (collection, fields, Json::Null),
            [collection, fields, filter] => (collection, fields, filter.parse().context("the filter is no JSON")?),
            _ => bail!("usage: follow COLLECTION FIELD,FIELD… [FILTER]"),
        };
        let base = std::env::var("TIDEGATE_URL").unwrap_or_else(|_| "http://127.0.0.1:8055".to_owned());
        // Behind `after` nothing is told twice, so that the snapshot is for the first time only.
        let query = format!(
            "subscription ($filter: {collection}_filter, $after: String) {{
               {collection}_mutated(filter: $filter, after: $after, snapshot: true) {{
                 snapshot event transition key position at data {{ {fields} }} }} }}"
        );
        Ok(Self {
            url: format!("{}/graphql", base.trim_end_matches('/').replacen("http", "ws", 1)),
            token: std::env::var("TIDEGATE_TOKEN").ok(),
            collection: collection.clone(),
            query,
            filter,
            after: None,
            pause: SHORTEST_PAUSE,
        })
    }

    /// Follows over one connection, to its end.
    async fn follow(&mut self) -> Result<Infallible, End> {
        let mut socket = Socket::open(&self.url).await?;
        socket.send(&json!({ "type": "connection_init", "payload": { "access_token": self.token } })).await?;
        loop {
            let mut message = socket.next().await?;
            match message["type"].as_str() {
                Some("connection_ack") => {
                    if self.after.is_none() {
                        print(&json!({ "begin": self.collection }))?;
                    }
                    let variables = json!({ "filter": self.filter, "after": self.after });
                    let payload = json!({ "query": self.query, "variables": variables });
                    socket.send(&json!({ "id": "1", "type": "subscribe", "payload": payload })).await?;
                }
                Some("next") => self.tell(&message["payload"])?,
                Some("error") => return Err(ended(&message["payload"][0])),
                Some("complete") => return Err(End::Broken(anyhow!("the subscription has been completed"))),
                Some("ping") => socket.send(&json!({ "type": "pong", "payload": message["payload"].take() })).await?,
                _ => {}
            }
        }
    }

    fn tell(&mut self, payload: &Json) -> Result<(), End> {
        if let Some(errors) = payload.get("errors") {
            eprintln!("{errors}");
        }
        let change = &payload["data"][format!("{}_mutated", self.collection)];
        if change.is_object() {
            print(change)?;
        }
        // Of a snapshot only the end has one: half a snapshot is begun anew.
        if let Some(position) = change["position"].as_str().filter(|position| !position.is_empty()) {
            self.after = Some(position.to_owned());
        }
        self.pause = SHORTEST_PAUSE;
        Ok(())
    }
}

/// Prints a line, unless nobody reads any more.
fn print(line: &Json) -> Result<(), End> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| End::Refused(error.into()))
}

/// What an error says about coming back.
fn ended(error: &Json) -> End {
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    match error["extensions"]["code"].as_str() {
        Some("RESET") => End::Reset(message),
        Some("INTERNAL_SERVER_ERROR" | "LIMIT_EXCEEDED" | "OUT_OF_TIME" | "SERVICE_UNAVAILABLE") => {
            End::Broken(anyhow!(message))
        }
        _ => End::Refused(anyhow!(message)),
    }
}

/// A connection that speaks `graphql-transport-ws`.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(url: &str) -> Result<Self, End> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("graphql-transport-ws"));
        let opening = timeout(LONGEST_SILENCE, connect_async(request));
        let (stream, _) = opening.await.map_err(|_| End::Broken(anyhow!("no answer")))??;
        Ok(Self(stream))
    }

    async fn send(&mut self, message: &Json) -> Result<(), End> {
        Ok(self.0.send(Message::text(message.to_string())).await?)
    }

    /// The next message; pings of the socket itself are answered on the way.
    async fn next(&mut self) -> Result<Json, End> {
        loop {
            let frame = timeout(LONGEST_SILENCE, self.0.next()).await.map_err(|_| End::Broken(anyhow!("silence")))?;
            match frame.ok_or_else(|| End::Broken(anyhow!("the connection is gone")))?? {
                Message::Text(text) => return serde_json::from_str(&text).map_err(|error| End::Broken(error.into())),
                Message::Close(Some(close)) if u16::from(close.code) == 4403 => {
                    return Err(End::Refused(anyhow!("the token is not accepted")));
                }
                Message::Close(close) => {
                    let reason = close.map(|close| format!(": {close}")).unwrap_or_default();
                    return Err(End::Broken(anyhow!("closed{reason}")));
                }
                _ => {}
            }
        }
    }
}
