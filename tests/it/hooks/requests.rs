//! Hooks of HTTP: paths that lead nowhere, errors before they are sent, answers
//! that were given.

use reqwest::Method;

use super::*;
use crate::support::{Reply, TOKEN, client};

#[tokio::test]
async fn a_hook_answers_where_there_is_nothing() {
    let record = Record::default();
    let noted = record.clone();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .filter("request.not_found", move |payload: Payload, meta: Meta, _: Context| {
                let request = meta.get("request").cloned().unwrap_or_default();
                noted.note(json!({ "payload": payload.data(), "request": request }));
                std::future::ready(match request["path"].as_str() {
                    Some("/teapot") => Ok(json!({
                        "status": 418, "headers": { "x-tea": "green", "content-type": "text/plain" }, "body": "short and stout",
                    })
                    .into()),
                    Some("/json") => Ok(json!({ "body": { "hello": request["query"]["name"] } }).into()),
                    Some("/empty") => Ok(json!({ "status": 204 }).into()),
                    Some("/gone") => Err(Error::new("gone", 410, "It was here.")),
                    Some("/panic") => panic!("a slip"),
                    _ => Ok(payload),
                })
            })
            .filter("request.error", async |mut errors: Payload, _: Meta, _: Context| {
                if errors.get_str("0.extensions.code") == Some("GONE") {
                    errors.set("0.message", "It was there.");
                }
                Ok(errors)
            })
    })
    .await;
    let app = &gateway.app;
    let response = app.request(Method::PUT, "/teapot").send().await.expect("it answers");
    assert_eq!(response.status(), 418);
    assert_eq!(
        (&response.headers()["x-tea"], &response.headers()["content-type"]),
        (&"green".parse().unwrap(), &"text/plain".parse().unwrap())
    );
    assert_eq!(response.text().await.expect("it is text"), "short and stout");
    let reply = Reply::of(app.request(Method::GET, "/json?name=Ann%20B")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json; charset=utf-8"));
    assert_eq!(reply.body, json!({ "hello": "Ann B" }));
    let response = app.request(Method::GET, "/empty").send().await.expect("it answers");
    assert_eq!(response.status(), 204);
    let reply = Reply::of(app.request(Method::GET, "/gone")).await;
    // What is refused passes the filter of errors.
    assert_eq!(
        (reply.status, reply.body),
        (410, json!({ "errors": [{ "message": "It was there.", "extensions": { "code": "GONE" } }] }))
    );
    let reply = Reply::of(app.request(Method::GET, "/panic")).await;
    assert_eq!((reply.status, reply.codes()), (500, vec!["INTERNAL_SERVER_ERROR"]));
    let reply = Reply::of(app.request(Method::GET, "/nowhere").header("x-mark", "1")).await;
    assert_eq!((reply.status, reply.codes()), (404, vec!["ROUTE_NOT_FOUND"]));
    let last = record.all().pop().expect("it was asked");
    assert_eq!(last["payload"], json!(false));
    assert_eq!((&last["request"]["method"], &last["request"]["headers"]["x-mark"]), (&json!("GET"), &json!("1")));
    // What is somewhere is not asked for.
    let asked = record.all().len();
    app.data("{ author { id } }").await;
    assert_eq!(record.all().len(), asked);
}

#[tokio::test]
async fn errors_are_rewritten_before_they_are_sent() {
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.filter("request.error", async |mut errors: Payload, _: Meta, _: Context| {
            for error in errors.data_mut().as_array_mut().into_iter().flatten() {
                error["message"] =
                    json!(format!("Sorry: {}", error["extensions"]["code"].as_str().unwrap_or_default()));
                error["extensions"]["help"] = json!("https://press.example/help");
            }
            Ok(errors)
        })
    })
    .await;
    let app = &gateway.app;
    let check = |reply: &Reply, status: u16, code: &str| {
        assert_eq!(reply.status, status, "{:#}", reply.body);
        let error = &reply.body["errors"][0];
        assert_eq!(error["message"], format!("Sorry: {code}"), "{:#}", reply.body);
        assert_eq!(error["extensions"]["help"], "https://press.example/help", "{:#}", reply.body);
        assert_eq!(error["extensions"]["code"], code, "{:#}", reply.body);
        let length = reply.header("content-length");
        assert!(!length.is_empty() || !reply.header("content-encoding").is_empty(), "{:?}", reply.headers);
    };
    // Of GraphQL, before execution and within an answer.
    check(&app.graphql("{ nonsense }").await, 200, "GRAPHQL_VALIDATION");
    let reply = app.graphql("{ author(sort: [\"id\"]) { name } article_by_id(id: 99) { id } }").await;
    check(&reply, 200, "FORBIDDEN");
    assert_eq!(reply.body["data"], json!({ "author": [{ "name": "Ann" }, { "name": "Bob" }], "article_by_id": null }));
    // Of HTTP.
    check(&Reply::of(app.request(Method::GET, "/nowhere")).await, 404, "ROUTE_NOT_FOUND");
    check(&Reply::of(app.request(Method::DELETE, "/graphql")).await, 405, "METHOD_NOT_ALLOWED");
    check(&app.post(&json!({ "query": "{ author { id } }" }), Some("wrong")).await, 401, "INVALID_CREDENTIALS");
    // What went well is as it was.
    assert_eq!(
        app.graphql("{ author_by_id(id: 1) { name } }").await.body,
        json!({ "data": { "author_by_id": { "name": "Ann" } } })
    );
}

#[tokio::test]
async fn errors_stay_where_a_hook_would_lose_them() {
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.filter("request.error", async |errors: Payload, _: Meta, _: Context| {
            match errors.get_str("0.extensions.path") {
                Some("/empty") => Ok(json!([]).into()),
                Some("/text") => Ok(json!("no errors").into()),
                Some("/refuses") => Err(Error::forbidden()),
                _ => panic!("a slip"),
            }
        })
    })
    .await;
    for path in ["/empty", "/text", "/refuses", "/panics"] {
        let reply = Reply::of(gateway.app.request(Method::GET, path)).await;
        assert_eq!((reply.status, reply.codes()), (404, vec!["ROUTE_NOT_FOUND"]), "{path}");
    }
}

#[tokio::test]
async fn answers_that_were_given_are_told() {
    let record = Record::default();
    let gateway = Embedded::start(Kind::Sqlite, |builder| builder.action("response", record.action())).await;
    let app = &gateway.app;
    let request = app.request(Method::POST, "/graphql?x=1&y=two").bearer_auth(TOKEN);
    let reply = Reply::of(request.json(&json!({ "query": "{ author_by_id(id: 1) { name } }" }))).await;
    Reply::of(app.request(Method::GET, "/nowhere")).await;
    let told = record.at_least(2).await;
    let (request, response) = (&told[0]["request"], &told[0]["response"]);
    assert_eq!(
        (&request["method"], &request["path"], &request["url"]),
        (&json!("POST"), &json!("/graphql"), &json!("/graphql?x=1&y=two"))
    );
    assert_eq!(request["query"], json!({ "x": "1", "y": "two" }));
    assert_eq!(request["host"], json!(app.address.to_string()));
    assert_eq!(request["headers"]["authorization"], json!(format!("Bearer {TOKEN}")));
    assert_eq!((&request["aborted"], &request["completed"]), (&json!(false), &json!(true)));
    assert!(request["size"].as_u64().is_some_and(|size| size > 30), "{request}");
    assert_eq!(response["status"], 200);
    assert_eq!(response["headers"]["x-request-id"], json!(reply.header("x-request-id")));
    assert_eq!(response["size"], json!(reply.body.to_string().len()));
    assert_eq!(
        (&told[0]["ip"], &told[0]["finished"], &told[0]["event"]),
        (&json!("127.0.0.1"), &json!(true), &json!("response"))
    );
    assert!(told[0]["duration"].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{}", told[0]);
    assert_eq!((&told[1]["request"]["path"], &told[1]["response"]["status"]), (&json!("/nowhere"), &json!(404)));
}

#[tokio::test]
async fn a_client_that_went_away_is_told_of_as_well() {
    let (record, reached) = (Record::default(), Record::default());
    let noted = reached.clone();
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder.action("response", record.action()).filter(
            "author.items.query",
            move |_: Payload, _: Meta, _: Context| {
                noted.note("reached");
                std::future::pending()
            },
        )
    })
    .await;
    let url = gateway.app.url("/graphql");
    let asking = tokio::spawn(async move {
        let body = json!({ "query": "{ author { id } }" });
        client().post(url).bearer_auth(TOKEN).json(&body).send().await.map(|response| response.status())
    });
    reached.at_least(1).await;
    asking.abort();
    let told = record.at_least(1).await;
    assert_eq!((&told[0]["finished"], &told[0]["response"]["status"]), (&json!(false), &Json::Null));
    assert_eq!((&told[0]["request"]["path"], &told[0]["request"]["aborted"]), (&json!("/graphql"), &json!(true)));
}

#[tokio::test]
async fn what_graphql_answers_can_be_changed_as_a_whole() {
    let gateway = Embedded::start(Kind::Sqlite, |builder| {
        builder
            .filter("response", async |mut body: Payload, meta: Meta, _: Context| {
                body.set(
                    "extensions",
                    json!({ "by": "press", "method": meta.get("request").map(|request| request["method"].clone()) }),
                );
                Ok(body)
            })
            .filter("response.GET", async |mut body: Payload, _: Meta, _: Context| {
                if body.has("data.stop") {
                    return Err(Error::forbidden());
                }
                body.remove("data.author_by_id.mail");
                Ok(body)
            })
    })
    .await;
    let get = async |query: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let request = gateway.app.request(Method::GET, &format!("/graphql?{query}")).bearer_auth(TOKEN);
        Reply::of(request).await.body
    };
    let query = "{ author_by_id(id: 1) { name mail } }";
    let expected =
        json!({ "data": { "author_by_id": { "name": "Ann" } }, "extensions": { "by": "press", "method": "GET" } });
    assert_eq!(get(query).await, expected);
    let whole = json!({ "name": "Ann", "mail": "ann@x" });
    let expected = json!({ "data": { "author_by_id": whole }, "extensions": { "by": "press", "method": "POST" } });
    assert_eq!(gateway.app.graphql(query).await.body, expected);
    let refused = get("{ stop: author { id } }").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(refused.get("data"), None);
}
