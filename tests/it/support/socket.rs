//! A client of `graphql-transport-ws`, message by message.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, http},
};

use super::{TOKEN, TestApp};

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with these headers, as it is.
    pub async fn open(app: &TestApp, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", app.address).into_client_request().expect("the address is one");
        for (name, value) in headers {
            let value: http::HeaderValue = value.parse().expect("the value can be sent");
            request.headers_mut().insert(*name, value);
        }
        connect_async(request).await.map(|(stream, _)| Self(stream))
    }

    /// A socket that was not introduced yet.
    pub async fn silent(app: &TestApp) -> Self {
        Self::open(app, "/graphql", &[("sec-websocket-protocol", "graphql-transport-ws")]).await.expect("it opens")
    }

    /// The administrator's.
    pub async fn connect(app: &TestApp) -> Self {
        let mut socket = Self::silent(app).await;
        socket.send(&json!({ "type": "connection_init", "payload": { "access_token": TOKEN } })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn send(&mut self, message: &Json) {
        self.send_message(Message::text(message.to_string())).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        self.0.send(message).await.expect("the socket is open");
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.subscribe_with(id, query, json!({})).await;
    }

    pub async fn subscribe_with(&mut self, id: &str, query: &str, variables: Json) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    async fn message(&mut self) -> Message {
        let message = timeout(PATIENCE, self.0.next()).await.expect("something comes in time");
        message.expect("the socket is open").expect("the frames are in order")
    }

    /// The next message.
    pub async fn next(&mut self) -> Json {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).expect("messages are JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// The next message, or the code and the reason with which it is closed before
    /// that; without a code, 1006.
    pub async fn next_or_closed(&mut self) -> Result<Json, (u16, String)> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something comes in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("messages are JSON")),
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("not a message: {other:?}"),
                Some(Err(_)) | None => return Err((1006, String::new())),
            }
        }
    }

    /// The data of the next message, which is one of this operation.
    pub async fn data(&mut self, id: &str) -> Json {
        let mut message = self.next().await;
        assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("next")), "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"].take()
    }

    /// The change of the next message.
    pub async fn change(&mut self, id: &str) -> Json {
        let Json::Object(data) = self.data(id).await else { panic!("data is an object") };
        data.into_iter().next().expect("it has a root field").1
    }

    /// The next frame that is no message.
    pub async fn frame(&mut self) -> Message {
        self.message().await
    }

    /// The code and the reason with which it is closed next.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.message().await {
                Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("the socket is not closed: {other:?}"),
            }
        }
    }

    /// Whether nothing has come before an answer to what is asked now.
    pub async fn is_quiet(&mut self) -> bool {
        self.send(&json!({ "type": "ping", "payload": { "quiet": true } })).await;
        self.next().await == json!({ "type": "pong", "payload": { "quiet": true } })
    }
}

/// Waits until so many subscriptions are told what comes.
pub async fn followed(app: &TestApp, count: usize) {
    let all = async {
        while app.service.hub().following() != count {
            tokio::task::yield_now().await;
        }
    };
    let now = || app.service.hub().following();
    assert!(timeout(PATIENCE, all).await.is_ok(), "{count} subscriptions, not {}", now());
}
