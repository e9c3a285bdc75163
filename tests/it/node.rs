//! What the clients of the JavaScript world say: the reference audit of GraphQL
//! over HTTP, the reference implementation, a code generator, Apollo.

use std::{fs, sync::Arc};

use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;
use tidegate::permissions::{Policy, PublicAccess};

use crate::support::{Kind, Settings, TOKEN, TestApp, TestDatabase, node};

const DOCUMENT: &str = r#"
    query Shop($count: Int, $name: String = "a", $ids: [GraphQLStringOrFloat]) {
      artist(limit: $count, sort: ["id"], filter: { name: { _icontains: $name } }) {
        id
        name
        album(limit: 2, sort: ["-released_on"]) { ...Album }
        album_func { count }
      }
      track(limit: 2, filter: { album_id: { id: { _in: $ids } } }) { id name milliseconds }
      track_aggregated(groupBy: ["album_id"], limit: 2, sort: ["album_id"]) { group countAll avg { milliseconds } }
      artist_by_id(id: 5) { id name }
    }
    fragment Album on album { id title released_on artist_id { id name } }
"#;

async fn music() -> (TestApp, String) {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    let url = app.url("/graphql");
    (app, url)
}

fn document() -> (NamedTempFile, String) {
    let file = tempfile::Builder::new().suffix(".graphql").tempfile().expect("a file can be made");
    fs::write(file.path(), DOCUMENT).expect("it can be written");
    let path = file.path().to_str().expect("it is UTF-8").to_owned();
    (file, path)
}

#[tokio::test]
async fn the_audit_of_graphql_over_http_finds_no_error_and_no_warning() {
    let (_app, url) = music().await;
    let result = node("audit.mjs", &[&url, TOKEN]).await;
    let audits = result["audits"].as_array().expect("it lists them");
    assert!(audits.len() > 50, "{result:#}");
    let others: Vec<&Json> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(others.is_empty(), "not even notices: {others:#?}");
}

#[tokio::test]
async fn the_audit_is_content_with_the_public_too() {
    for public in [PublicAccess::Nothing, PublicAccess::Read] {
        let settings = Settings { policy: Policy { public, ..Policy::default() }, ..Settings::default() };
        let app = TestApp::start_with(TestDatabase::music(Kind::Sqlite).await, settings).await;
        node("audit.mjs", &[&app.url("/graphql")]).await;
    }
}

#[tokio::test]
async fn the_reference_implementation_finds_the_schema_valid_and_equal_to_the_download() {
    for kind in Kind::ALL {
        for data in [TestDatabase::music(kind).await, TestDatabase::awkward(kind).await] {
            let app = TestApp::start(data).await;
            let result = node("introspect.mjs", &[&app.url("/graphql"), TOKEN]).await;
            let sdl = result["sdl"].as_str().expect("it prints the schema");
            assert!(result["types"].as_u64() > Some(20) && sdl.contains("type Query {"), "{kind:?}");
            let request = app.request(reqwest::Method::GET, "/server/specs/graphql").bearer_auth(TOKEN);
            let download = request.send().await.expect("it answers").text().await.expect("it is text");
            assert_eq!(type_names(&download), type_names(sdl), "{kind:?}");
        }
    }
}

/// The names of all types that a text defines, sorted.
fn type_names(sdl: &str) -> Vec<String> {
    let keywords = ["type", "input", "enum", "scalar", "interface", "union"];
    let mut names: Vec<String> = sdl
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(keyword, _)| keywords.contains(keyword))
        .map(|(_, rest)| rest.split([' ', '{', '@']).next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn generated_types_compile() {
    let (_app, url) = music().await;
    let (_file, path) = document();
    let result = node("codegen.mjs", &[&url, TOKEN, "--document", &path]).await;
    let types = result["types"].as_str().expect("it prints the types");
    assert!(types.contains("export type ShopQuery = "), "{types}");
}

#[tokio::test]
async fn apollo_answers_the_second_time_from_its_cache() {
    let (_app, url) = music().await;
    let (_file, path) = document();
    let variables = json!({ "count": 3, "ids": ["1", "2"] }).to_string();
    let result = node("apollo.mjs", &[&url, TOKEN, "--document", &path, "--variables", &variables]).await;
    let cached = result["cached"].as_array().expect("it lists them");
    assert!(cached.contains(&json!("artist:5")), "{cached:?}");
    assert_eq!(result["data"]["artist_by_id"]["name"], "東京ナイト");
}

/// The page is tried with the data that a newcomer meets.
#[tokio::test]
async fn the_front_page_shows_graphiql_and_its_example_runs_without_a_foreign_request() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let demo = Arc::new(crate::support::Gateway::start(crate::support::tidegate(folder.path(), &["demo"])));
    let screenshot = folder.path().join("page.png");
    let screenshot = screenshot.to_str().expect("it is UTF-8");
    let page = format!("{}/", demo.base);
    let expected = ["--expect", "\"published_at\"", "--then", "\"upsert_articles_item\"", "--live", "\"countAll\""];
    let arguments = [&[&*page][..], &expected, &["--screenshot", screenshot]].concat();
    let result = node("browser.mjs", &arguments).await;
    assert_eq!(result["foreign"], json!([]));
    assert_eq!(result["console"], json!([]), "{:#}", result["console"]);
    let response = result["response"].as_str().expect("it shows an answer");
    assert!(!response.contains("\"errors\""), "{response}");
    assert!(fs::metadata(screenshot).expect("it made a picture").len() > 10_000);
}

/// The page goes on by itself when its gateway is restarted under it.
#[tokio::test]
async fn the_page_of_live_changes_follows_the_demo_through_breaks_and_restarts() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder can be made"));
    let [demo, restarted] = folders
        .each_ref()
        .map(|folder| crate::support::Gateway::start(crate::support::tidegate(folder.path(), &["demo"])));
    let screenshots = folders[0].path().to_str().expect("it is UTF-8");
    let arguments = [&*demo.base, "--restarted", &restarted.base, "--screenshots", screenshots];
    let result = node("live_page.mjs", &arguments).await;
    assert_eq!(result["foreign"], json!([]));
    for picture in ["light.png", "dark.png", "narrow.png"] {
        assert!(fs::metadata(folders[0].path().join(picture)).expect("it made a picture").len() > 10_000, "{picture}");
    }
}
