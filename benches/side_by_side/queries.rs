//! The five queries: as GraphQL for the gateway, as a path for the floor, and
//! as the SQL that the floor and pgbench send.

use serde_json::json;

/// Articles have the keys from 1 to this.
const ARTICLES: u32 = 100_000;
/// How many different look-ups a round draws from.
const LOOKUPS: u32 = 4096;

pub(crate) const LOOKUP: &str = "SELECT id, title, slug, status, views, published_at, author_id \
     FROM articles WHERE id = $1";

/// The newest published articles. The limit is part of the text: as a
/// parameter it would hide from PostgreSQL how few rows are wanted.
macro_rules! newest {
    ($columns:literal, $limit:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM articles WHERE status = 'published' ORDER BY published_at DESC LIMIT ",
            $limit
        )
    };
}

pub(crate) const LIST_100: &str = newest!("id, title, slug, status, body, rating, views, published_at", 100);
pub(crate) const LIST_1000: &str = newest!("id, title, slug, status, body, rating, views, published_at", 1000);

pub(crate) const NESTED_ARTICLES: &str = newest!("id, title, slug, published_at, author_id", 20);
pub(crate) const NESTED_AUTHORS: &str = "SELECT id, name, country FROM authors WHERE id = ANY($1)";
pub(crate) const NESTED_COMMENTS: &str = "SELECT parent.id, c.id, c.author_name, c.body, c.created_at \
     FROM unnest($1::bigint[]) WITH ORDINALITY AS parent(id, nth) \
     CROSS JOIN LATERAL (SELECT id, author_name, body, created_at FROM comments \
     WHERE article_id = parent.id ORDER BY created_at LIMIT 5) AS c \
     ORDER BY parent.nth, c.created_at";
pub(crate) const NESTED_TAGS: &str = "SELECT pair.article_id, t.id, t.name FROM article_tags AS pair \
     JOIN tags AS t ON t.id = pair.tag_id WHERE pair.article_id = ANY($1) ORDER BY pair.article_id, t.id";

pub(crate) const AGGREGATE: &str = "SELECT status, count(*), avg(rating), sum(views) \
     FROM articles GROUP BY status ORDER BY status";

/// What a request says besides the query.
#[derive(Clone, Copy)]
enum Input {
    /// A key, another one in each request.
    Key,
    Limit(u32),
    Nothing,
}

/// One of the five queries.
pub(crate) struct Query {
    pub(crate) name: &'static str,
    /// The least share of the floor's requests per second, at 32 connections.
    pub(crate) target: f64,
    pub(crate) floor_path: &'static str,
    graphql: &'static str,
    input: Input,
}

pub(crate) const NAMES: [&str; 5] = ["lookup", "list100", "list1000", "nested", "aggregate"];

pub(crate) const ALL: [Query; 5] = [
    Query {
        name: NAMES[0],
        target: 1.2,
        floor_path: "/lookup",
        graphql: "query ($id: ID!) { articles_by_id(id: $id) \
            { id title slug status views published_at author_id { id } } }",
        input: Input::Key,
    },
    Query { name: NAMES[1], target: 0.85, floor_path: "/list", graphql: LIST, input: Input::Limit(100) },
    Query { name: NAMES[2], target: 0.9, floor_path: "/list", graphql: LIST, input: Input::Limit(1000) },
    Query {
        name: NAMES[3],
        target: 0.85,
        floor_path: "/nested",
        graphql: "query ($limit: Int!) { \
            articles(filter: { status: { _eq: \"published\" } }, sort: [\"-published_at\"], limit: $limit) { \
            id title slug published_at author_id { id name country } \
            comments(sort: [\"created_at\"], limit: 5) { id author_name body created_at } \
            tags { id name } } }",
        input: Input::Limit(20),
    },
    Query {
        name: NAMES[4],
        target: 0.9,
        floor_path: "/aggregate",
        graphql: "{ articles_aggregated(groupBy: [\"status\"]) \
            { group countAll avg { rating } sum { views } } }",
        input: Input::Nothing,
    },
];

const LIST: &str = "query ($limit: Int!) { \
    articles(filter: { status: { _eq: \"published\" } }, sort: [\"-published_at\"], limit: $limit) \
    { id title slug status body rating views published_at } }";

impl Query {
    /// The bodies to send to the gateway; those of [`Query::floor_bodies`] at
    /// the same places ask the same.
    pub(crate) fn gateway_bodies(&self) -> Vec<String> {
        self.inputs().map(|variables| json!({ "query": self.graphql, "variables": variables }).to_string()).collect()
    }

    /// The bodies to send to the floor.
    pub(crate) fn floor_bodies(&self) -> Vec<String> {
        self.inputs().map(|input| input.to_string()).collect()
    }

    fn inputs(&self) -> Box<dyn Iterator<Item = serde_json::Value>> {
        match self.input {
            Input::Key => Box::new(lookup_keys().map(|key| json!({ "id": key.to_string() }))),
            Input::Limit(limit) => Box::new(std::iter::once(json!({ "limit": limit }))),
            Input::Nothing => Box::new(std::iter::once(json!({}))),
        }
    }

    /// The same work as a script for pgbench. It cannot carry the keys from
    /// one statement to the next, so they are written into the text.
    pub(crate) fn pgbench_script(&self, nested: &NestedKeys) -> String {
        match self.name {
            "lookup" => format!("\\set id random(1, {ARTICLES})\n{};\n", LOOKUP.replace("$1", ":id")),
            "list100" => format!("{LIST_100};\n"),
            "list1000" => format!("{LIST_1000};\n"),
            "nested" => format!(
                "{NESTED_ARTICLES};\n{};\n{};\n{};\n",
                NESTED_AUTHORS.replace("$1", &array(&nested.authors)),
                NESTED_COMMENTS.replace("$1::bigint[]", &array(&nested.articles)),
                NESTED_TAGS.replace("$1", &array(&nested.articles)),
            ),
            _ => format!("{AGGREGATE};\n"),
        }
    }
}

/// The keys that the first statement of `nested` hands to the other three.
pub(crate) struct NestedKeys {
    pub(crate) articles: Vec<i64>,
    pub(crate) authors: Vec<i64>,
}

fn array(keys: &[i64]) -> String {
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    format!("'{{{}}}'::bigint[]", keys.join(","))
}

/// Keys all over the table, the same in every run: a step that shares no
/// divisor with the number of articles visits each at most once.
fn lookup_keys() -> impl Iterator<Item = u32> {
    (1..=LOOKUPS).map(|nth| 1 + (nth * 61_803) % ARTICLES)
}
