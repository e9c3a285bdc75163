//! Live changes (contract `graphql.md` 9 and `realtime.md` 7): what is told, to
//! whom, and how connections end.

mod aggregates;
mod changes;
mod clients;
mod examples;
mod frames;
mod oracle;
mod protocol;
mod reserved;
mod resume;
mod slow;
mod streams;

use crate::support::{Everywhere, Kind, TestApp};

/// A news desk.
fn desk(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE author (id {key}, name VARCHAR(20) NOT NULL);
         CREATE TABLE article (id {key}, title VARCHAR(40) NOT NULL, status VARCHAR(10) DEFAULT 'draft', words INT,
             due DATE, author INT, FOREIGN KEY (author) REFERENCES author (id));
         INSERT INTO author (name) VALUES ('Ann'), ('Bob');
         INSERT INTO article (title, status, words, author) VALUES ('one', 'draft', 10, 1), ('two', 'done', 20, 2);"
    )
}

async fn desks() -> Everywhere {
    Everywhere::own(desk).await
}

async fn titled(app: &TestApp, title: &str) {
    app.data(&format!("mutation {{ create_article_item(data: {{ title: \"{title}\" }}) {{ id }} }}")).await;
}
