//! SQL of hooks' own, in the transaction and by itself.

use super::*;

fn placeholders(kind: Kind, count: usize) -> String {
    let of = |number| if kind == Kind::Postgres { format!("${number}") } else { "?".to_owned() };
    (1..=count).map(of).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn sql_of_a_filter_goes_with_its_transaction() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let values = placeholders(kind, 1);
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("author.items.create", move |payload: Payload, _: Meta, context: Context| {
                let (noted, insert) = (noted.clone(), format!("INSERT INTO audit (note) VALUES ({values})"));
                async move {
                    let database = context.database();
                    let affected = database.execute(&insert, vec![payload["name"].clone()]).await?;
                    let rows = database.query("SELECT COUNT(*) AS number FROM audit", Vec::new()).await?;
                    noted.note(json!([affected, rows]));
                    match payload["name"] == "no" {
                        true => Err(Error::forbidden()),
                        false => Ok(payload),
                    }
                }
            })
        })
        .await;
        let create = |name| format!("mutation {{ create_author_item(data: {{ name: \"{name}\" }}) {{ id }} }}");
        gateway.error(&create("no")).await;
        assert_eq!(gateway.audit().await, "", "{kind:?}");
        gateway.app.data(&create("yes")).await;
        assert_eq!(gateway.audit().await, "yes", "{kind:?}");
        assert_eq!(record.all(), [json!([1, [{ "number": 1 }]]), json!([1, [{ "number": 1 }]])], "{kind:?}");
    }
}

#[tokio::test]
async fn values_travel_as_parameters_and_come_back_as_json() {
    for kind in Kind::ALL {
        let record = Record::default();
        let noted = record.clone();
        let values = placeholders(kind, 2);
        let gateway = Embedded::start(kind, |builder| {
            builder.action("author.items.create", move |_: Meta, context: Context| {
                let (noted, insert) = (noted.clone(), format!("INSERT INTO author (name, mail) VALUES ({values})"));
                async move {
                    let database = context.database();
                    let quoted = "O'Hara \"; DROP TABLE author; --";
                    database.execute(&insert, vec![json!(quoted), Json::Null]).await?;
                    let rows = database
                        .query("SELECT id, name, mail FROM author WHERE id > 3 ORDER BY id", Vec::new())
                        .await?;
                    noted.note(json!({ "rows": rows }));
                    let nothing = database.execute("UPDATE author SET name = 'x' WHERE id = 99", Vec::new()).await?;
                    let wrong =
                        database.query("SELECT nonsense FROM nowhere", Vec::new()).await.expect_err("it is wrong");
                    let list =
                        database.execute(&insert, vec![json!([1]), json!("x")]).await.expect_err("it is no scalar");
                    noted.note(json!([nothing, wrong.code, wrong.status, list.code]));
                    Ok(())
                }
            })
        })
        .await;
        gateway.app.data(r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#).await;
        let expected = [
            json!({ "rows": [{ "id": 4, "name": "O'Hara \"; DROP TABLE author; --", "mail": null }] }),
            json!([0, "INTERNAL_SERVER_ERROR", 500, "INTERNAL_SERVER_ERROR"]),
        ];
        assert_eq!(record.at_least(2).await, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_statement_of_a_filter_that_failed_does_not_pass_for_success() {
    for kind in Kind::ALL {
        let gateway = Embedded::start(kind, |builder| {
            builder.filter("remark.items.delete", async |mut keys: Payload, _: Meta, context: Context| {
                context.database().execute("INSERT INTO nowhere VALUES (1)", Vec::new()).await.expect_err("it fails");
                // Nothing is left to do that could fail.
                keys.clear();
                Ok(keys)
            })
        })
        .await;
        let reply = gateway
            .app
            .graphql(r#"mutation @transaction { a: create_author_item(data: { name: "Cid" }) { id } b: delete_remark_item(id: 1) { id } }"#)
            .await;
        let stored = gateway.rows("SELECT COUNT(*) FROM author").await;
        match reply.body.get("errors") {
            // PostgreSQL undoes everything after an error.
            Some(_) => assert_eq!(stored, "2", "{kind:?}"),
            None => assert_eq!(stored, "3", "{kind:?}"),
        }
        assert_eq!(reply.body.get("errors").is_some(), kind == Kind::Postgres, "{kind:?}: {:#}", reply.body);
    }
}

#[tokio::test]
async fn writing_past_an_open_transaction_of_sqlite_fails_in_time_and_says_why() {
    let record = Record::default();
    let noted = record.clone();
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &script(Kind::Sqlite)).await);
    let builder = Gateway::builder()
        .configure(|serve| serve.gateway.database.acquire_timeout = Duration::from_millis(200))
        .filter("author.items.create", move |payload: Payload, _: Meta, context: Context| {
            let noted = noted.clone();
            async move {
                let root = context.root();
                assert!(!root.in_transaction());
                // Reading is no matter: it sees what was committed.
                let seen = root.items("author").read_by_query(json!({})).await?.len();
                let items = root.items("audit").create_one(json!({ "note": "root" })).await.expect_err("it cannot be");
                let sql = root.database().execute("DELETE FROM audit", Vec::new()).await.expect_err("it cannot be");
                noted.note(json!([seen, items.code, items.status, items.message, sql.code, sql.message]));
                context.items("audit").create_one(json!({ "note": "within" })).await?;
                Ok(payload)
            }
        });
    let app = TestApp::embedded_as_it_is(data.clone(), builder).await;
    let create = r#"mutation { create_author_item(data: { name: "Cid" }) { id } }"#;
    let answered = timeout(PATIENCE, app.data(create)).await.expect("nothing waits for itself");
    assert_eq!(answered["create_author_item"]["id"], "3");
    let why = "No connection to the database became free within 200ms. \
               A hook that is called within a transaction writes through the context that it gets.";
    assert_eq!(record.all(), [json!([2, "SERVICE_UNAVAILABLE", 503, why, "SERVICE_UNAVAILABLE", why])]);
    assert_eq!(data.rows("SELECT note FROM audit").await, [[Some("within".to_owned())]]);
}
