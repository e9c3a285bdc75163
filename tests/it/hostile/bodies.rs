//! Bodies and heads that are no requests, or too much of one, as bytes on the
//! wire. (What is no GraphQL request in JSON, `http.rs` tests.)

use reqwest::Method;
use tidegate::server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{check_form, check_refused};
use crate::support::{Kind, Reply, Settings, TOKEN, TestApp, TestDatabase, server_options};

const QUERY: &str = r#"{"query":"{ artist(limit: 1) { id } }"}"#;

async fn music() -> TestApp {
    let server = server::Options { body_limit: 10_000, ..server_options() };
    let settings = Settings { server: Some(server), ..Settings::default() };
    TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, settings).await
}

/// The status of the answer to bytes, if there is an answer.
async fn status(app: &TestApp, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(app.address).await.expect("it listens");
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    // What is refused early is not read to its end, and its connection ends.
    let (_, _) = futures_util::future::join(writing.write_all(bytes), reading.read_to_end(&mut answer)).await;
    let head = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 "))?;
    std::str::from_utf8(&head[..3]).ok()?.parse().ok()
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn bytes_that_are_no_json_are_told_to_be_none() {
    let app = music().await;
    let cases: Vec<Vec<u8>> = vec![
        b"{\"query\":\"{ a }\"".to_vec(),
        b"{\"query\":\"{ a }\"}}".to_vec(),
        b"{\"query\":\"{ a }\",}".to_vec(),
        b"{'query':'{ a }'}".to_vec(),
        b"{\"query\":\"\\ud800\"}".to_vec(),
        b"{\"query\":\"{ a }\",\"variables\":{\"a\":\"\\udc00\\ud800\"}}".to_vec(),
        b"{\"query\":\"\xff\xfe\"}".to_vec(),
        b"{\"query\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"query\":\"\xc0\xaf\"}".to_vec(),
        b"{\"query\":\"a\nb\"}".to_vec(),
        b"{\"query\":\"\\x\"}".to_vec(),
        b"\xef\xbb\xbf{\"query\":\"{ a }\"}".to_vec(),
        b"{\"query\":\"{ a }\",\"variables\":{\"a\":NaN}}".to_vec(),
        b"{\"query\":\"{ a }\",\"variables\":{\"a\":01}}".to_vec(),
        b"{\"query\":\"{ a }\",\"query\":\"{ b }\"}".to_vec(),
        [b"{\"query\":\"{ a }\",\"variables\":{\"a\":", &[b'9'; 12][..], b"e}}"].concat(),
        b"\0".to_vec(),
        vec![0xff; 9_000],
        QUERY.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        // What looks compressed is not unpacked.
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(),
    ];
    for body in cases {
        let request =
            app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header("content-type", "application/json");
        let about = String::from_utf8_lossy(&body).into_owned();
        let (statements, reply) = app.statements_of(Reply::of(request.body(body))).await;
        check_refused(&reply, &about);
        assert_eq!((statements, reply.status, reply.codes()), (0, 400, vec!["INVALID_PAYLOAD"]), "{about}");
    }
}

#[tokio::test]
async fn numbers_of_any_size_are_numbers_that_fit_nothing() {
    let app = music().await;
    for number in
        ["1e999999999", "-1e999999999", &"9".repeat(5_000), &format!("0.{}1", "0".repeat(5_000)), "1e-999999999"]
    {
        for (document, of) in [
            ("artist(limit: $a) { id }", "Int"),
            ("artist(offset: $a) { id }", "Int"),
            ("artist(filter: { id: { _eq: $a } }) { id }", "GraphQLStringOrFloat"),
            ("track(filter: { unit_price: { _gt: $a } }) { id }", "GraphQLStringOrFloat"),
            ("artist_by_id(id: $a) { id }", "ID!"),
        ] {
            let body = format!(r#"{{"query":"query Q($a: {of}) {{ {document} }}","variables":{{"a":{number}}}}}"#);
            let request =
                app.request(Method::POST, "/graphql").bearer_auth(TOKEN).header("content-type", "application/json");
            check_form(&Reply::of(request.body(body)).await, document);
        }
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_wherever_a_body_is_read() {
    let app = music().await;
    let huge = format!(r#"{{"query":"{{ artist {{ id }} }} #{}"}}"#, "x".repeat(100_000));
    for (method, path) in [(Method::POST, "/graphql"), (Method::POST, "/graphql/")] {
        for accept in ["application/json", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
            let request = app.request(method.clone(), path).bearer_auth(TOKEN).header("accept", accept);
            let reply = Reply::of(request.header("content-type", "application/json").body(huge.clone())).await;
            assert_eq!((reply.status, reply.codes()), (413, vec!["CONTENT_TOO_LARGE"]), "{path} {accept}");
        }
    }
}

#[tokio::test]
async fn lengths_that_lie_and_heads_that_do_not_end_are_refused() {
    let app = music().await;
    let length = |length: &str| post(&format!("Content-Length: {length}\r\n"), QUERY.as_bytes());
    let own = QUERY.len();
    assert_eq!(status(&app, &length(&own.to_string())).await, Some(200));
    // More than one way to say how long it is: whoever stands before the gateway may see another one.
    for smuggled in [
        post(&format!("Content-Length: {own}\r\nContent-Length: 5\r\n"), QUERY.as_bytes()),
        length("-1"),
        length("+39"),
        length("99999999999999999999"),
        length("0x27"),
        post("Transfer-Encoding: chunked\r\n", b"zz\r\nx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"),
        post("Transfer-Encoding: gzip\r\n", QUERY.as_bytes()),
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nHost : y\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        [b"GET /", &b"a".repeat(100_000)[..], b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat(),
        [b"GET / HTTP/1.1\r\nX: ", &b"a".repeat(1_000_000)[..], b"\r\n\r\n"].concat(),
        [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(10_000), b"\r\n".to_vec()].concat(),
    ] {
        let (statements, status) = app.statements_of(status(&app, &smuggled)).await;
        let about = String::from_utf8_lossy(&smuggled[..smuggled.len().min(300)]).into_owned();
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{about}: {status:?}");
        assert_eq!(statements, 0, "{about}");
    }
    // It lives, and on an old connection too.
    assert_eq!(app.graphql("{ artist_by_id(id: 1) { id } }").await.status, 200);
}
