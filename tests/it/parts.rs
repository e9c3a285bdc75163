//! Documents are held against the part of a schema that they are about: they fare as
//! with the whole, and no more of it is kept than that.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use serde_json::Map;
use tidegate::{
    catalog::{self, Catalog, Dialect},
    db::Database,
    graphql::{Limits, Planner, Request},
    permissions::Policy,
    principal::Principal,
};

use crate::support::{Kind, TestDatabase, options};

/// Some tables that lead to each other, among many.
async fn planner(others: usize) -> Planner {
    let mut script = String::from(
        "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER REFERENCES authors (id));
         CREATE TABLE hub (id INTEGER PRIMARY KEY);
         CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT NOT NULL, made TIMESTAMP, meta JSON,
           author INTEGER REFERENCES authors (id));
         CREATE TABLE articles_tags (articles_id INTEGER NOT NULL REFERENCES articles (id),
           tags_id INTEGER NOT NULL REFERENCES tags (id), PRIMARY KEY (articles_id, tags_id));",
    );
    for at in 0..others {
        let columns: String = (0..12).map(|column| format!(", c{column} INTEGER")).collect();
        write!(script, "CREATE TABLE other{at} (id INTEGER PRIMARY KEY{columns}, hub INTEGER REFERENCES hub (id));")
            .expect("writing to memory does not fail");
    }
    let data = Arc::new(TestDatabase::create(Kind::Sqlite, &script).await);
    let database = Database::connect(options(&data, &Default::default())).await.expect("the database answers");
    let facts = database.introspect().await.expect("it can be introspected");
    database.close().await;
    let catalog = Arc::new(Catalog::build(Dialect::Sqlite, &facts, &catalog::Options::default()));
    Planner::new(catalog, Policy::default(), Limits::default())
}

async fn plan(planner: &Planner, query: &str) -> Result<Vec<String>, Vec<String>> {
    let request = Request { query: Cow::Borrowed(query), variables: Map::new(), operation_name: None };
    planner.explain(&Principal::admin(), &request).await
}

/// Whether a document was found valid: that a subscription needs something else is
/// found out afterwards.
fn is_planned(told: &Result<Vec<String>, Vec<String>>) -> bool {
    match told {
        Ok(_) => true,
        Err(problems) => problems.iter().all(|problem| problem.starts_with("A subscription needs")),
    }
}

const VALID: [&str; 16] = [
    "{ articles { title author { name boss { name } } tags { name } articles_tags { tags_id { name } } } }",
    "{ articles(filter: { author: { boss: { name: { _eq: \"a\" } } }, tags: { _some: { name: { _null: true } } } }) { id } }",
    "{ articles(filter: { _or: [{ tags_func: { count: { _gt: 1 } } }, { made_func: { year: { _eq: 1 } } }] }) { id made_func { year } } }",
    "{ articles_by_id(id: 1) { ...A } } fragment A on articles { author { ...B } } fragment B on authors { articles { id } }",
    "{ articles { ... on articles { author { id } } tags_func { count } } }",
    "{ articles_aggregated(groupBy: [\"author\"]) { group count { id } countAll } }",
    "query Q($filter: articles_filter) { articles(filter: $filter) { id } }",
    "query Q($filter: tags_filter = { articles: { _none: { author: { id: { _eq: 1 } } } } }) { tags(filter: $filter) { id } }",
    "query Q($filter: articles_quantifier_filter) { tags(filter: { articles: $filter }) { id } }",
    "mutation { create_articles_item(data: { title: \"a\", author: { name: \"b\", boss: { name: \"c\" } } }) { id } }",
    "mutation { update_authors_items(ids: [1], data: { articles: [{ title: \"a\", tags: [{ name: \"b\" }] }] }) { id } }",
    "mutation { delete_articles_tags_item(articles_id: 1, tags_id: 2) { id } }",
    "mutation M($data: create_articles_input! = { title: \"a\" }) @transaction { create_articles_item(data: $data) { author { id } } }",
    "subscription { articles_mutated(filter: { author: { name: { _eq: \"a\" } } }) { key data { author { name } } } }",
    "subscription { tags_aggregated { countAll } }",
    "{ __typename }",
];

const INVALID: [&str; 14] = [
    "{ article { id } }",
    "{ articles { titel } }",
    "{ articles { author } }",
    "{ articles { author { nam } } }",
    "{ articles(filter: { autor: { id: { _eq: 1 } } }) { id } }",
    "{ articles(filter: { author: { nam: { _eq: 1 } } }) { id } }",
    "query Q($filter: articel_filter) { articles(filter: $filter) { id } }",
    "query Q($filter: authors_filter) { articles(filter: $filter) { id } }",
    "{ articles { ... on authors { id } } }",
    "{ articles { ...A } } fragment A on nothing { id }",
    "mutation { create_articles_item(data: { author: { name: \"b\" } }) { id } }",
    "mutation { create_article_item(data: { title: \"b\" }) { id } }",
    "subscription { article_mutated { key } }",
    "{ _empty }",
];

#[tokio::test]
async fn a_document_fares_as_with_the_whole_schema() {
    let (parts, whole) = (planner(3).await, planner(3).await);
    whole.sdl(&Principal::admin()).expect("the schema can be built");
    for query in VALID.into_iter().chain(INVALID) {
        let told = plan(&parts, query).await;
        assert_eq!(told, plan(&whole, query).await, "{query}");
        assert_eq!(is_planned(&told), VALID.contains(&query), "{query}: {told:?}");
        // Whoever is wrong has the whole built; the next one starts anew.
        if !is_planned(&told) {
            let again = planner(3).await;
            assert_eq!(plan(&again, query).await, told, "{query}");
        }
    }
}

#[tokio::test]
async fn no_more_of_a_schema_is_kept_than_documents_are_about() {
    let planner = planner(200).await;
    let mut before = 0;
    for query in VALID {
        let told = plan(&planner, query).await;
        assert!(is_planned(&told), "{query}: {told:?}");
        let bytes = planner.schema_bytes();
        assert!(bytes - before < 1 << 20, "{query}: {}", bytes - before);
        before = bytes;
    }
    let parts = planner.schema_bytes();
    planner.sdl(&Principal::admin()).expect("the schema can be built");
    let whole = planner.schema_bytes() - parts;
    assert!(parts > 0 && parts < whole / 4, "{parts} of {whole}");
}
