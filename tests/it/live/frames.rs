//! Frames as a hostile or unusual client sends them (RFC 6455; the cases of the
//! Autobahn suite that apply to a server that reads texts).

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::desk;
use crate::support::{Kind, TestApp, TestDatabase};

const PATIENCE: Duration = Duration::from_secs(20);

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

const FIN: u8 = 0x80;

/// A frame of a client; `head` is its first byte.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![head];
    let length = payload.len();
    match length {
        0..=125 => out.push(0x80 | length as u8),
        126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn text(message: &str) -> Vec<u8> {
    frame(FIN | TEXT, message.as_bytes())
}

/// A message that is answered with its payload, of so many bytes.
fn echo(length: usize) -> (String, Json) {
    let around = r#"{"type":"ping","payload":{"x":""}}"#.len();
    let filling = "x".repeat(length - around);
    let message = format!(r#"{{"type":"ping","payload":{{"x":"{filling}"}}}}"#);
    assert_eq!(message.len(), length);
    (message, json!({ "type": "pong", "payload": { "x": filling } }))
}

/// One end of a connection, byte by byte.
struct Wire(TcpStream);

impl Wire {
    async fn open(app: &TestApp) -> Self {
        let mut stream = TcpStream::connect(app.address).await.expect("it is there");
        let request = format!(
            "GET /graphql HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
            app.address
        );
        stream.write_all(request.as_bytes()).await.expect("it can be written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("it answers"));
        }
        let head = String::from_utf8(head).expect("a head is text").to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        // The answer to the key of the standard's own example.
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        Self(stream)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("it can be written");
    }

    /// The next frame: its first byte and its payload.
    async fn next(&mut self) -> (u8, Vec<u8>) {
        let reading = async {
            let head = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => u64::from(self.0.read_u16().await?),
                127 => self.0.read_u64().await?,
                // With the highest bit it would be masked, which a server's is not.
                length => u64::from(length),
            };
            let mut payload = vec![0; usize::try_from(length).expect("it is not that long")];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((head, payload))
        };
        timeout(PATIENCE, reading).await.expect("a frame comes in time").expect("the connection stands")
    }

    async fn answered(&mut self, expected: &Json) {
        let (head, payload) = self.next().await;
        assert_eq!(head, FIN | TEXT);
        assert_eq!(serde_json::from_slice::<Json>(&payload).expect("it is JSON"), *expected);
    }

    /// It is closed with a code, and then the connection ends.
    async fn closed(mut self, code: u16, why: &str) {
        let (head, payload) = self.next().await;
        assert_eq!(head, FIN | CLOSE, "{why}: {payload:?}");
        let told = payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        assert_eq!(told, Some(code), "{why}: {}", String::from_utf8_lossy(&payload));
        // It may have gone already.
        let _ = self.0.write_all(&frame(FIN | CLOSE, &code.to_be_bytes())).await;
        self.ended(why).await;
    }

    async fn ended(mut self, why: &str) {
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        // What it did not read may make the system reset the connection.
        if end.unwrap_or_else(|_| panic!("{why}: it ends in time")).is_ok() {
            assert_eq!(rest, b"", "{why}");
        }
    }
}

async fn app() -> TestApp {
    TestApp::start(Arc::new(TestDatabase::create(Kind::Sqlite, &desk(Kind::Sqlite)).await)).await
}

#[tokio::test]
async fn messages_of_every_length_and_in_any_pieces_are_read() {
    let app = app().await;
    let mut wire = Wire::open(&app).await;
    for length in [40, 125, 126, 127, 128, 65_535, 65_536, 200_000] {
        let (message, answer) = echo(length);
        wire.send(&text(&message)).await;
        wire.answered(&answer).await;
    }
    let (message, answer) = echo(300);
    // Byte by byte, then cut into frames of every small size.
    for byte in text(&message) {
        wire.send(&[byte]).await;
    }
    wire.answered(&answer).await;
    for size in [1, 2, 7, 299] {
        let pieces: Vec<&[u8]> = message.as_bytes().chunks(size).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let kind = if at == 0 { TEXT } else { CONTINUATION };
            let fin = if at + 1 == pieces.len() { FIN } else { 0 };
            wire.send(&frame(fin | kind, piece)).await;
        }
        wire.answered(&answer).await;
    }
    // Frames without anything in them are allowed too.
    for (head, payload) in [(TEXT, &b""[..]), (CONTINUATION, message.as_bytes()), (FIN | CONTINUATION, b"")] {
        wire.send(&frame(head, payload)).await;
    }
    wire.answered(&answer).await;
}

#[tokio::test]
async fn pings_are_answered_even_within_a_message() {
    let app = app().await;
    let mut wire = Wire::open(&app).await;
    for payload in [&b""[..], b"hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", &[0xfe; 125]] {
        wire.send(&frame(FIN | PING, payload)).await;
        assert_eq!(wire.next().await, (FIN | PONG, payload.to_vec()));
    }
    // Nobody asked for these.
    wire.send(&frame(FIN | PONG, b"")).await;
    wire.send(&frame(FIN | PONG, b"unasked")).await;
    let (message, answer) = echo(100);
    let (first, last) = message.as_bytes().split_at(50);
    wire.send(&frame(TEXT, first)).await;
    wire.send(&frame(FIN | PING, b"between")).await;
    assert_eq!(wire.next().await, (FIN | PONG, b"between".to_vec()));
    wire.send(&frame(FIN | CONTINUATION, last)).await;
    wire.answered(&answer).await;
}

#[tokio::test]
async fn frames_that_the_standard_forbids_close_with_1002() {
    let app = app().await;
    let (message, _) = echo(60);
    let mut unmasked = frame(FIN | TEXT, b"");
    unmasked.truncate(1);
    unmasked.push(2);
    unmasked.extend_from_slice(b"{}");
    let mut forbidden = vec![
        ("a frame without a mask".to_owned(), unmasked),
        ("a ping of more than 125 bytes".to_owned(), frame(FIN | PING, &[0; 126])),
        ("a ping in pieces".to_owned(), frame(PING, b"a")),
        ("a close in pieces".to_owned(), frame(CLOSE, &1000_u16.to_be_bytes())),
        ("a continuation of nothing".to_owned(), frame(FIN | CONTINUATION, b"a")),
        (
            "a message within a message".to_owned(),
            [frame(TEXT, message.as_bytes()), frame(FIN | TEXT, message.as_bytes())].concat(),
        ),
        ("a close of one byte".to_owned(), frame(FIN | CLOSE, b"a")),
    ];
    for reserved in [0x40, 0x20, 0x10, 0x70] {
        forbidden.push((format!("the bits {reserved:#x}"), frame(FIN | reserved | TEXT, message.as_bytes())));
        forbidden.push((format!("the bits {reserved:#x} of a ping"), frame(FIN | reserved | PING, b"")));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        forbidden.push((format!("the opcode {opcode}"), frame(FIN | opcode, b"")));
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        forbidden.push((format!("the close code {code}"), frame(FIN | CLOSE, &code.to_be_bytes())));
    }
    for (why, bytes) in forbidden {
        let mut wire = Wire::open(&app).await;
        wire.send(&bytes).await;
        wire.closed(1002, &why).await;
    }
}

#[tokio::test]
async fn texts_that_are_not_utf8_close_with_1007() {
    let app = app().await;
    let invalid: [&[u8]; 6] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", // a surrogate
        b"\xc0\xaf",                                                       // longer than it must be
        b"\xf4\x90\x80\x80",                                               // beyond the last
        b"\xfe",
        b"\x80",
        b"\xf0\x9f\x90", // cut off
    ];
    for bytes in invalid {
        let mut wire = Wire::open(&app).await;
        wire.send(&frame(FIN | TEXT, bytes)).await;
        wire.closed(1007, &format!("{bytes:x?}")).await;
        let mut wire = Wire::open(&app).await;
        wire.send(&[frame(TEXT, b"{"), frame(FIN | CONTINUATION, bytes)].concat()).await;
        wire.closed(1007, &format!("{bytes:x?} in pieces")).await;
    }
    let mut wire = Wire::open(&app).await;
    wire.send(&frame(FIN | CLOSE, b"\x03\xe8\xff\xfe")).await;
    wire.closed(1007, "a reason that is not UTF-8").await;

    // A character may lie in two frames.
    let mut wire = Wire::open(&app).await;
    let message = r#"{"type":"ping","payload":{"x":"🐬"}}"#;
    let middle = message.find('🐬').expect("it is there") + 2;
    let (first, last) = message.as_bytes().split_at(middle);
    wire.send(&frame(TEXT, first)).await;
    wire.send(&frame(FIN | CONTINUATION, last)).await;
    wire.answered(&json!({ "type": "pong", "payload": { "x": "🐬" } })).await;
}

#[tokio::test]
async fn a_client_closes_as_it_likes() {
    let app = app().await;
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut wire = Wire::open(&app).await;
        let reason = [&code.to_be_bytes()[..], &[b'x'; 123]].concat();
        // What comes behind a close is not read any more.
        wire.send(&[frame(FIN | CLOSE, &reason), frame(FIN | PING, b"late")].concat()).await;
        let (head, payload) = wire.next().await;
        assert_eq!((head, payload.first_chunk()), (FIN | CLOSE, Some(&code.to_be_bytes())));
        wire.ended(&format!("closed with {code}")).await;
    }
    let mut wire = Wire::open(&app).await;
    wire.send(&frame(FIN | CLOSE, b"")).await;
    assert_eq!(wire.next().await.0, FIN | CLOSE);
    wire.ended("closed without a code").await;
    // Or just goes, in the middle of a frame.
    let mut wire = Wire::open(&app).await;
    wire.send(&text("{}")[..3]).await;
    drop(wire);
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_text_is_refused_by_the_protocol() {
    let app = app().await;
    let mut wire = Wire::open(&app).await;
    wire.send(&frame(FIN | BINARY, b"{}")).await;
    wire.closed(4400, "a binary message").await;
    // A length that nobody sends: none of it is waited for.
    let mut wire = Wire::open(&app).await;
    let mut huge = vec![FIN | TEXT, 0x80 | 127];
    huge.extend_from_slice(&(1_u64 << 40).to_be_bytes());
    huge.extend_from_slice(&[0; 4]);
    wire.send(&huge).await;
    wire.closed(1009, "a frame of a terabyte").await;
}
