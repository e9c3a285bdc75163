//! Mutations (contract sections 3.3, 3.5, 3.6, 3.10 and 7): what they write,
//! what they answer, what they refuse, and that what is refused leaves nothing
//! behind. One expectation for all databases.

mod by_filter;
mod cascades;
mod constraints;
mod creating;
mod deleting;
mod documents;
mod keys;
mod nested;
mod rights;
mod sharing;
mod statements;
mod transactions;
mod triggers;
mod updating;
mod upserts;
mod values;

use crate::support::{Everywhere, Kind};

/// A small press. Remarks cannot be without their article, pictures can;
/// `article_tag` is a pure junction, `credit` one with a key and a member of its own.
fn press(kind: Kind) -> String {
    let key = kind.made_up_key();
    format!(
        "CREATE TABLE author (id {key}, name VARCHAR(20) NOT NULL, mail VARCHAR(20) UNIQUE, boss INT,
             FOREIGN KEY (boss) REFERENCES author (id));
         CREATE TABLE article (id {key}, title VARCHAR(20) NOT NULL, slug VARCHAR(20) UNIQUE,
             status VARCHAR(10) DEFAULT 'draft', words INT, author INT,
             FOREIGN KEY (author) REFERENCES author (id));
         CREATE TABLE remark (id {key}, body VARCHAR(20) NOT NULL, slug VARCHAR(20) UNIQUE, article INT NOT NULL,
             FOREIGN KEY (article) REFERENCES article (id));
         CREATE TABLE picture (id {key}, name VARCHAR(20) NOT NULL, slug VARCHAR(20) UNIQUE, article INT,
             FOREIGN KEY (article) REFERENCES article (id));
         CREATE TABLE tag (id {key}, name VARCHAR(20) NOT NULL UNIQUE);
         CREATE TABLE article_tag (article_id INT NOT NULL, tag_id INT NOT NULL, PRIMARY KEY (article_id, tag_id),
             FOREIGN KEY (article_id) REFERENCES article (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
         CREATE TABLE credit (id {key}, part VARCHAR(20), article INT, author INT,
             FOREIGN KEY (article) REFERENCES article (id), FOREIGN KEY (author) REFERENCES author (id));
         INSERT INTO author (name, mail, boss) VALUES ('Ann', 'ann@x', NULL), ('Bob', 'bob@x', 1), ('Cid', NULL, 1);
         INSERT INTO article (title, slug, status, words, author)
             VALUES ('a1', 's1', 'draft', 10, 1), ('a2', 's2', 'done', 20, 1), ('b1', 's3', 'draft', NULL, 2);
         INSERT INTO remark (body, slug, article) VALUES ('r1', 'r1', 1), ('r2', 'r2', 1), ('r3', 'r3', 2);
         INSERT INTO picture (name, slug, article) VALUES ('p1', 'p1', 1), ('p2', 'p2', 1), ('p3', 'p3', NULL);
         INSERT INTO tag (name) VALUES ('red'), ('blue');
         INSERT INTO article_tag (article_id, tag_id) VALUES (1, 1), (1, 2), (2, 1);
         INSERT INTO credit (part, article, author) VALUES ('text', 1, 1), ('photos', 1, 2);"
    )
}

/// The press on each database.
async fn presses() -> Everywhere {
    Everywhere::own(press).await
}
