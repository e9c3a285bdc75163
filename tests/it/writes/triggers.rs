//! Triggers that change what was given: the answer shows what is stored.

use serde_json::json;

use crate::support::{Everywhere, Kind};

/// Names become upper case before they are stored, a stamp is set after, every
/// change leaves a line in a log, and a missing owner is filled in.
fn triggered(kind: Kind) -> String {
    let key = kind.made_up_key();
    let tables = format!(
        "CREATE TABLE owner (id {key}, name varchar(20) NOT NULL);
         CREATE TABLE item (id {key}, name varchar(20) NOT NULL, stamp varchar(20), version integer NOT NULL DEFAULT 0,
             owner integer NOT NULL, FOREIGN KEY (owner) REFERENCES owner (id));
         CREATE TABLE log (id {key}, line varchar(40));
         INSERT INTO owner (name) VALUES ('Ann'), ('Bob');"
    );
    let triggers = match kind {
        Kind::Postgres => {
            "CREATE FUNCTION before_item() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 NEW.name := upper(NEW.name); NEW.owner := coalesce(NEW.owner, 2);
                 IF TG_OP = 'UPDATE' THEN NEW.version := OLD.version + 1; END IF; RETURN NEW; END $$;
             CREATE FUNCTION after_item() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 UPDATE item SET stamp = 'seen ' || NEW.name WHERE id = NEW.id AND stamp IS DISTINCT FROM 'seen ' || NEW.name;
                 INSERT INTO log (line) VALUES (TG_OP || ' ' || NEW.name); RETURN NULL; END $$;
             CREATE TRIGGER b BEFORE INSERT OR UPDATE OF name, owner ON item FOR EACH ROW EXECUTE FUNCTION before_item();
             CREATE TRIGGER a AFTER INSERT OR UPDATE OF name ON item FOR EACH ROW EXECUTE FUNCTION after_item();"
        }
        Kind::MySql => {
            // Its triggers cannot write to their own table, but they change the row before.
            "CREATE TRIGGER bi BEFORE INSERT ON item FOR EACH ROW
                 SET NEW.name = upper(NEW.name), NEW.stamp = concat('seen ', NEW.name), NEW.owner = coalesce(NEW.owner, 2);
             CREATE TRIGGER bu BEFORE UPDATE ON item FOR EACH ROW
                 SET NEW.name = upper(NEW.name), NEW.stamp = concat('seen ', NEW.name), NEW.version = OLD.version + 1;
             CREATE TRIGGER ai AFTER INSERT ON item FOR EACH ROW INSERT INTO log (line) VALUES (concat('INSERT ', NEW.name));
             CREATE TRIGGER au AFTER UPDATE ON item FOR EACH ROW INSERT INTO log (line) VALUES (concat('UPDATE ', NEW.name));"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER ai AFTER INSERT ON item BEGIN
                 UPDATE item SET name = upper(NEW.name), stamp = 'seen ' || upper(NEW.name) WHERE id = NEW.id;
                 INSERT INTO log (line) VALUES ('INSERT ' || upper(NEW.name)); END;
             CREATE TRIGGER au AFTER UPDATE OF name ON item WHEN NEW.name <> OLD.name AND NEW.stamp IS OLD.stamp BEGIN
                 UPDATE item SET name = upper(NEW.name), stamp = 'seen ' || upper(NEW.name), version = OLD.version + 1 WHERE id = NEW.id;
                 INSERT INTO log (line) VALUES ('UPDATE ' || upper(NEW.name)); END;"
        }
    };
    format!("{tables}{triggers}")
}

#[tokio::test]
async fn answers_show_what_triggers_made_of_a_row() {
    let apps = Everywhere::own(triggered).await;
    apps.gives(
        r#"mutation {
            create_item_item(data: { name: "a", owner: { id: 1 } }) { id name stamp version }
            create_item_items(data: [{ name: "b", owner: { id: 1 } }, { name: "c", owner: { id: 2 } }]) { id name stamp version }
            update_item_item(id: 1, data: { name: "d" }) { name stamp version owner { name } }
            update_item_items(ids: [2, 3], data: { name: "e" }) { id name stamp version }
            update_item_batch(data: [{ id: 2, name: "f" }, { id: 3, name: "g" }]) { id name stamp version }
            upsert_item_item(data: { id: 1, name: "h", owner: { id: 1 } }) { name stamp version }
        }"#,
        json!({
            "create_item_item": { "id": "1", "name": "A", "stamp": "seen A", "version": 0 },
            "create_item_items": [
                { "id": "2", "name": "B", "stamp": "seen B", "version": 0 },
                { "id": "3", "name": "C", "stamp": "seen C", "version": 0 },
            ],
            "update_item_item": { "name": "D", "stamp": "seen D", "version": 1, "owner": { "name": "Ann" } },
            "update_item_items": [
                { "id": "2", "name": "E", "stamp": "seen E", "version": 1 },
                { "id": "3", "name": "E", "stamp": "seen E", "version": 1 },
            ],
            "update_item_batch": [
                { "id": "2", "name": "F", "stamp": "seen F", "version": 2 },
                { "id": "3", "name": "G", "stamp": "seen G", "version": 2 },
            ],
            "upsert_item_item": { "name": "H", "stamp": "seen H", "version": 2 },
        }),
    )
    .await;
    apps.holds(
        "SELECT line FROM log ORDER BY line",
        "INSERT A, INSERT B, INSERT C, UPDATE D, UPDATE E, UPDATE E, UPDATE F, UPDATE G, UPDATE H",
    )
    .await;
}

#[tokio::test]
async fn nested_rows_are_shown_as_triggers_left_them() {
    let apps = Everywhere::own(triggered).await;
    apps.gives(
        r#"mutation {
            create_owner_item(data: { name: "Cid", item: [{ name: "x" }, { name: "y" }] }) { name item(sort: ["name"]) { name stamp } }
            update_owner_item(id: 3, data: { item: [{ id: 1, name: "z" }, { id: 2 }] }) { item(sort: ["name"]) { name stamp } }
        }"#,
        json!({
            "create_owner_item": { "name": "Cid",
                "item": [{ "name": "X", "stamp": "seen X" }, { "name": "Y", "stamp": "seen Y" }] },
            "update_owner_item": { "item": [{ "name": "Y", "stamp": "seen Y" }, { "name": "Z", "stamp": "seen Z" }] },
        }),
    )
    .await;
}

#[tokio::test]
async fn what_a_trigger_may_fill_in_need_not_be_given() {
    let apps = Everywhere::own(triggered).await;
    for (kind, app) in apps.each() {
        let reply = app.graphql(r#"mutation { create_item_item(data: { name: "a" }) { name owner { name } } }"#).await;
        if kind == Kind::Sqlite {
            // Its triggers come too late for that, and only the database can say so.
            assert_eq!(reply.codes(), ["NOT_NULL_VIOLATION"], "{:#}", reply.body);
            let extensions = json!({ "code": "NOT_NULL_VIOLATION", "collection": "item", "field": "owner" });
            assert_eq!(reply.body["errors"][0]["extensions"], extensions);
        } else {
            let expected = json!({ "create_item_item": { "name": "A", "owner": { "name": "Bob" } } });
            assert_eq!(reply.body, json!({ "data": expected }), "{kind:?}");
        }
    }
}

/// A trigger that refuses.
#[tokio::test]
async fn what_a_trigger_refuses_is_undone() {
    let apps = Everywhere::own(|kind| {
        let key = kind.made_up_key();
        let refusal = match kind {
            Kind::Postgres => {
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     IF NEW.name = 'bad' THEN RAISE EXCEPTION 'secret reason'; END IF; RETURN NEW; END $$;
                 CREATE TRIGGER r BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION refuse();"
            }
            Kind::MySql => {
                "CREATE TRIGGER r BEFORE INSERT ON part FOR EACH ROW
                     IF NEW.name = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret reason'; END IF;"
            }
            Kind::Sqlite => {
                "CREATE TRIGGER r BEFORE INSERT ON part WHEN NEW.name = 'bad' BEGIN SELECT RAISE(ABORT, 'secret reason'); END;"
            }
        };
        format!(
            "CREATE TABLE whole (id {key}, name varchar(9));
             CREATE TABLE part (id {key}, name varchar(9), whole integer, FOREIGN KEY (whole) REFERENCES whole (id)); {refusal}"
        )
    })
    .await;
    let document =
        r#"mutation { create_whole_item(data: { name: "w", part: [{ name: "good" }, { name: "bad" }] }) { id } }"#;
    let before = apps.contents().await;
    for (kind, app) in apps.each() {
        let reply = app.graphql(document).await;
        assert_eq!(reply.codes().len(), 1, "{kind:?}: {:#}", reply.body);
        assert!(!reply.body.to_string().contains("secret"), "{kind:?}: {:#}", reply.body);
    }
    assert_eq!(apps.contents().await, before);
}
