//! Keys of every kind: of several parts, texts, UUIDs, binary, those that
//! databases make up and those that they do not.

use serde_json::json;

use crate::support::{Everywhere, Kind};

/// Seats have a key of two parts, bookings point to them; `pair` is a key of
/// two links with a member beside.
fn hall(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE seat (line varchar(4) NOT NULL, number integer NOT NULL, note varchar(20), PRIMARY KEY (line, number));
         CREATE TABLE booking (id {key}, name varchar(20), seat_line varchar(4), seat_number integer,
             FOREIGN KEY (seat_line, seat_number) REFERENCES seat (line, number));
         CREATE TABLE person (id {key}, name varchar(20) NOT NULL);
         CREATE TABLE pair (one integer NOT NULL, other integer NOT NULL, since integer, PRIMARY KEY (one, other),
             FOREIGN KEY (one) REFERENCES person (id), FOREIGN KEY (other) REFERENCES person (id));
         INSERT INTO seat VALUES ('a', 1, 'aisle'), ('a', 2, NULL), ('b', 1, 'window');
         INSERT INTO booking (name, seat_line, seat_number) VALUES ('Ann', 'a', 1), ('Bob', NULL, NULL);
         INSERT INTO person (name) VALUES ('Ann'), ('Bob'), ('Cid');
         INSERT INTO pair VALUES (1, 2, 1990), (2, 3, NULL);"
    )
}

#[tokio::test]
async fn a_key_of_several_parts_is_given_part_by_part() {
    let apps = Everywhere::own(hall).await;
    apps.gives(
        r#"mutation M($line: ID! = "b", $keys: [delete_seat_input!]! = [{ line: "c", number: 2 }]) {
            create_seat_item(data: { line: "c", number: 1, note: "new" }) { line number note }
            create_seat_items(data: [{ line: "d", number: 1 }, { line: "c", number: 2 }]) { line number }
            update_seat_item(line: "a", number: 2, data: { note: "two" }) { line number note }
            variable: update_seat_item(line: $line, number: "1", data: { note: "door" }) { note }
            update_seat_items(keys: [{ line: "b", number: 1 }, { line: "a", number: "1" }], data: { note: "same" }) { line number note }
            update_seat_batch(data: [{ line: "a", number: 1, note: "A1" }, { line: "b", number: 1, note: "B1" }]) { line note }
            where: update_seat_where(filter: { line: { _eq: "c" } }, limit: 5, data: { note: "C" }) { line number note }
            upsert_seat_items(data: [{ line: "a", number: 1, note: "upsert" }, { line: "e", number: 9 }]) { line number note }
            delete_seat_item(line: "c", number: 1) { id }
            delete_seat_items(keys: [{ line: "d", number: 1 }, { line: "x", number: 7 }]) { ids }
            left: delete_seat_items(keys: $keys) { ids }
            gone: delete_seat_where(filter: { line: { _eq: "e" } }, limit: 1) { ids }
        }"#,
        json!({
            "create_seat_item": { "line": "c", "number": 1, "note": "new" },
            "create_seat_items": [{ "line": "c", "number": 2 }, { "line": "d", "number": 1 }],
            "update_seat_item": { "line": "a", "number": 2, "note": "two" },
            "variable": { "note": "door" },
            "update_seat_items":
                [{ "line": "a", "number": 1, "note": "same" }, { "line": "b", "number": 1, "note": "same" }],
            "update_seat_batch": [{ "line": "a", "note": "A1" }, { "line": "b", "note": "B1" }],
            "where": [{ "line": "c", "number": 1, "note": "C" }, { "line": "c", "number": 2, "note": "C" }],
            "upsert_seat_items":
                [{ "line": "a", "number": 1, "note": "upsert" }, { "line": "e", "number": 9, "note": null }],
            "delete_seat_item": { "id": "[\"c\",1]" },
            "delete_seat_items": { "ids": ["[\"d\",1]", "[\"x\",7]"] },
            "left": { "ids": ["[\"c\",2]"] },
            "gone": { "ids": ["[\"e\",9]"] },
        }),
    )
    .await;
    apps.holds("SELECT line, number, note FROM seat ORDER BY line, number", "a 1 upsert, a 2 two, b 1 B1").await;
}

#[tokio::test]
async fn a_part_that_is_missing_or_malformed_is_refused() {
    let apps = Everywhere::own(hall).await;
    for document in [
        r#"mutation { update_seat_item(line: "a", number: 9, data: { note: "x" }) { note } }"#,
        r#"mutation { update_seat_item(line: "a", number: "x", data: { note: "x" }) { note } }"#,
        r#"mutation { update_seat_items(keys: [{ line: "a", number: "x" }], data: { note: "x" }) { note } }"#,
        r#"mutation { delete_seat_item(line: "a", number: "x") { id } }"#,
    ] {
        apps.refuses(document, json!({ "code": "FORBIDDEN" })).await;
    }
    for document in [
        r#"mutation { update_seat_item(line: "a", data: { note: "x" }) { note } }"#,
        r#"mutation { update_seat_items(keys: [{ line: "a" }], data: { note: "x" }) { note } }"#,
        r#"mutation { delete_seat_items(keys: [{ line: "a", number: null }]) { ids } }"#,
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    let payload = json!({ "code": "INVALID_PAYLOAD", "reason": "…" });
    apps.refuses(r#"mutation { update_seat_batch(data: [{ line: "a", note: "x" }]) { note } }"#, payload).await;
    apps.refuses(
        r#"mutation { create_seat_item(data: { line: "a", number: 1 }) { note } }"#,
        json!({ "code": "RECORD_NOT_UNIQUE", "collection": "seat", "field": "number", "value": 1 }),
    )
    .await;
}

#[tokio::test]
async fn links_of_several_parts_are_written_by_object_and_by_column() {
    let apps = Everywhere::own(hall).await;
    apps.gives(
        r#"mutation {
            columns: create_booking_item(data: { name: "x", seat_line: "a", seat_number: 2 }) { seat { line number } }
            link: update_booking_item(id: 2, data: { seat: { line: "b", number: 1 } }) { seat_line seat_number seat { note } }
            update: update_booking_item(id: 2, data: { seat: { line: "b", number: 1, note: "new" } }) { seat { note } }
            create: update_booking_item(id: 1, data: { seat: { line: "z", number: 26, note: "last" } }) { seat_line seat { note } }
            unlink: update_booking_item(id: 2, data: { seat: null }) { seat_line seat_number seat { note } }
            many: update_seat_item(line: "a", number: 1, data: { booking: [{ id: 2 }, { name: "new" }] }) {
                booking(sort: ["name"]) { name seat_line seat_number }
            }
            none: update_seat_item(line: "a", number: 1, data: { booking: [] }) { booking { name } }
        }"#,
        json!({
            "columns": { "seat": { "line": "a", "number": 2 } },
            "link": { "seat_line": "b", "seat_number": 1, "seat": { "note": "window" } },
            "update": { "seat": { "note": "new" } },
            "create": { "seat_line": "z", "seat": { "note": "last" } },
            "unlink": { "seat_line": null, "seat_number": null, "seat": null },
            "many": { "booking":
                [{ "name": "Bob", "seat_line": "a", "seat_number": 1 }, { "name": "new", "seat_line": "a", "seat_number": 1 }] },
            "none": { "booking": [] },
        }),
    )
    .await;
}

#[tokio::test]
async fn parts_of_a_key_may_be_links() {
    let apps = Everywhere::own(hall).await;
    apps.gives(
        r#"mutation {
            create: create_pair_item(data: { one: { id: 1 }, other: { id: 3 }, since: 2000 }) { one { name } other { name } since }
            new: create_pair_item(data: { one: { name: "Dan" }, other: { id: 1 } }) { one { name } other { name } }
            update: update_pair_item(one: 1, other: 2, data: { since: 1991 }) { since }
            change: update_pair_item(one: 1, other: 2, data: { one: { id: 1, name: "Anna" } }) { one { name } other { name } }
            batch: update_pair_batch(data: [{ one: { id: 2 }, other: { id: 3 }, since: 5 }]) { since }
            upsert: upsert_pair_items(data: [
                { one: { id: 2 }, other: { id: 3 }, since: 6 }, { one: { id: 3 }, other: { id: 1 }, since: 7 }
            ]) { one { id } other { id } since }
            delete: delete_pair_item(one: 1, other: 2) { id }
        }"#,
        json!({
            "create": { "one": { "name": "Ann" }, "other": { "name": "Cid" }, "since": 2000 },
            "new": { "one": { "name": "Dan" }, "other": { "name": "Ann" } },
            "update": { "since": 1991 },
            "change": { "one": { "name": "Anna" }, "other": { "name": "Bob" } },
            "batch": [{ "since": 5 }],
            "upsert":
                [{ "one": { "id": "2" }, "other": { "id": "3" }, "since": 6 }, { "one": { "id": "3" }, "other": { "id": "1" }, "since": 7 }],
            "delete": { "id": "[1,2]" },
        }),
    )
    .await;
}

/// Keys that nobody makes up, and those that a default does.
fn kinds(kind: Kind) -> String {
    let (uuid, made, binary) = match kind {
        Kind::Sqlite => ("text", "text NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(8))))", "blob"),
        Kind::Postgres => ("uuid", "uuid PRIMARY KEY DEFAULT gen_random_uuid()", "bytea"),
        Kind::MySql => ("uuid", "varchar(36) PRIMARY KEY DEFAULT (uuid())", "varbinary(16)"),
    };
    format!(
        "CREATE TABLE word (code varchar(20) NOT NULL PRIMARY KEY, note varchar(20));
         CREATE TABLE big (id bigint NOT NULL PRIMARY KEY, note varchar(20));
         CREATE TABLE thing (id {uuid} NOT NULL PRIMARY KEY, note varchar(20));
         CREATE TABLE blob_key (id {binary} NOT NULL PRIMARY KEY, note varchar(20));
         CREATE TABLE made (id {made}, note varchar(20));
         CREATE TABLE user_of_word (id {key}, word varchar(20), FOREIGN KEY (word) REFERENCES word (code));
         INSERT INTO word VALUES ('a b', 'x');",
        key = kind.made_up_key(),
    )
}

#[tokio::test]
async fn keys_may_be_of_any_type() {
    let apps = Everywhere::own(kinds).await;
    let id = "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01";
    let document = r#"mutation M($id: ID!, $big: ID!, $blob: ID!) {
        word: create_word_items(data: [{ code: "ü'\"", note: "n" }, { code: "Z" }]) { code note }
        update_word: update_word_item(id: "a b", data: { note: "y" }) { code note }
        delete_word: delete_word_items(ids: ["Z", "none"]) { ids }
        link: create_user_of_word_item(data: { word: { code: "new", note: "made" } }) { word { code note } }
        big: create_big_items(data: [{ id: $big, note: "b" }, { id: 2 }]) { id note }
        update_big: update_big_item(id: $big, data: { note: "B" }) { id note }
        delete_big: delete_big_items(ids: [$big, 3]) { ids }
        thing: create_thing_item(data: { id: $id, note: "t" }) { id note }
        update_thing: update_thing_items(ids: [$id], data: { note: "T" }) { id note }
        delete_thing: delete_thing_item(id: $id) { id }
        blob: create_blob_key_items(data: [{ id: $blob, note: "q" }, { id: "AAE=" }], sort: ["note"]) { id note }
        update_blob: update_blob_key_item(id: $blob, data: { note: "Q" }) { id note }
        delete_blob: delete_blob_key_items(ids: [$blob, "AAE="]) { ids }
    }"#;
    // By code points in one case, as a database sorts in the other: asked for one by one.
    let expected = json!({
        "update_word": { "code": "a b", "note": "y" },
        "delete_word": { "ids": ["Z", "none"] },
        "link": { "word": { "code": "new", "note": "made" } },
        "big": [{ "id": "2", "note": null }, { "id": "9007199254740993", "note": "b" }],
        "update_big": { "id": "9007199254740993", "note": "B" },
        "delete_big": { "ids": ["9007199254740993", "3"] },
        "thing": { "id": id, "note": "t" },
        "update_thing": [{ "id": id, "note": "T" }],
        "delete_thing": { "id": id },
        "update_blob": { "id": "3q2+7w==", "note": "Q" },
        "delete_blob": { "ids": ["3q2+7w==", "AAE="] },
    });
    for (kind, app) in apps.each() {
        let variables = json!({ "id": id, "big": "9007199254740993", "blob": "3q2+7w==" });
        let mut data = app.data_with(document, variables).await;
        let members = data.as_object_mut().expect("an object");
        let words = members.remove("word").expect("words").to_string();
        assert!(
            words.contains(r#"{"code":"ü'\"","note":"n"}"#) && words.contains(r#"{"code":"Z","note":null}"#),
            "{words}"
        );
        let blobs = members.remove("blob").expect("blobs").to_string();
        assert!(
            blobs.contains(r#"{"id":"3q2+7w==","note":"q"}"#) && blobs.contains(r#"{"id":"AAE=","note":null}"#),
            "{blobs}"
        );
        assert_eq!(data, expected, "{kind:?}");
    }
    apps.holds("SELECT count(*) FROM big", "1").await;
    apps.holds("SELECT count(*) FROM blob_key", "0").await;
}

#[tokio::test]
async fn keys_that_nobody_makes_up_must_be_given() {
    let apps = Everywhere::own(kinds).await;
    for document in [
        r#"mutation { create_word_item(data: { note: "x" }) { note } }"#,
        r#"mutation { create_big_items(data: [{ id: 1 }, { note: "x" }]) { note } }"#,
        r#"mutation { create_word_item(data: { code: null, note: "x" }) { note } }"#,
    ] {
        apps.refuses(document, json!({ "code": "GRAPHQL_VALIDATION" })).await;
    }
    // A malformed one is refused as if it were another's.
    for (kind, app) in apps.each().filter(|(kind, _)| *kind != Kind::Sqlite) {
        let reply = app.graphql(r#"mutation { create_thing_item(data: { id: "no uuid" }) { note } }"#).await;
        assert_eq!(reply.codes(), ["FORBIDDEN"], "{kind:?}: {:#}", reply.body);
    }
    apps.refuses(r#"mutation { create_big_item(data: { id: "x" }) { note } }"#, json!({ "code": "FORBIDDEN" })).await;
}

#[tokio::test]
async fn keys_that_a_default_makes_up_come_back_where_the_database_tells_them() {
    let apps = Everywhere::own(kinds).await;
    for (kind, app) in apps.each() {
        let reply = app.graphql(r#"mutation { create_made_item(data: { note: "x" }) { id note } }"#).await;
        if app.catalog.inserts_return {
            let item = &reply.body["data"]["create_made_item"];
            assert_eq!(item["note"], "x", "{kind:?}: {:#}", reply.body);
            let id = item["id"].as_str().expect("a key").to_owned();
            let again = app.data_with("query Q($id: ID!) { made_by_id(id: $id) { note } }", json!({ "id": id })).await;
            assert_eq!(again["made_by_id"]["note"], "x", "{kind:?}");
        } else {
            assert_eq!(reply.codes(), ["INVALID_PAYLOAD"], "{:#}", reply.body);
            let count = app.data("{ made_aggregated { countAll } }").await;
            assert_eq!(count["made_aggregated"][0]["countAll"], 0, "nothing was written");
        }
        let given =
            app.data(r#"mutation { create_made_item(data: { id: "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01" }) { id } }"#);
        assert_eq!(given.await["create_made_item"]["id"], "0d9f4f0c-3b6a-4a53-8a0e-6a8a0f0a7f01", "{kind:?}");
    }
}

#[tokio::test]
async fn a_key_of_another_case_is_another_key_or_the_row_it_finds() {
    let apps = Everywhere::own(kinds).await;
    for (kind, app) in apps.each() {
        // Where the database takes both spellings for one key, a change must not get lost on the way.
        let reply =
            app.graphql(r#"mutation { update_word_item(id: "A B", data: { note: "upper" }) { code note } }"#).await;
        let stored = app.data(r#"{ word_by_id(id: "a b") { note } }"#).await;
        match reply.codes().as_slice() {
            [] => assert_eq!(stored["word_by_id"]["note"], "upper", "{kind:?}: {:#}", reply.body),
            codes => {
                assert_eq!(codes, ["FORBIDDEN"], "{kind:?}: {:#}", reply.body);
                assert_eq!(stored["word_by_id"]["note"], "x", "{kind:?}");
            }
        }
    }
}
