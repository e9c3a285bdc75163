//! Documents that nobody thought of: valid ones have one answer on every
//! database, any others a well-formed refusal.

mod documents;

use serde_json::{Value as Json, json};

use self::documents::Generator;
use crate::support::{Kind, Reply, TOKEN, TestApp, TestDatabase};

/// Numbers of a sequence that is the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides.max(1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

#[tokio::test]
async fn random_documents_have_one_answer_on_every_database() {
    let mut apps = Vec::new();
    for kind in Kind::ALL {
        apps.push((kind, TestApp::start(TestDatabase::music(kind).await).await));
    }
    let catalog = apps[0].1.catalog.clone();
    let mut answered = 0;
    for seed in 0..250 {
        let query = Generator::new(&catalog, Dice::new(seed)).with_values(Dice::new(seed + 1_000)).document();
        let mut answers = Vec::new();
        for (kind, app) in &apps {
            let reply = app.graphql(&query).await;
            well_formed(&reply, &query);
            assert!(!reply.codes().contains(&"INTERNAL_SERVER_ERROR"), "{kind:?} {seed}\n{query}\n{:#}", reply.body);
            assert!(!reply.codes().contains(&"GRAPHQL_VALIDATION"), "{kind:?} {seed}\n{query}\n{:#}", reply.body);
            answers.push((kind, normalised(reply.body)));
        }
        answered += usize::from(answers[0].1.get("errors").is_none());
        for (kind, answer) in &answers[1..] {
            assert_eq!(*answer, answers[0].1, "{kind:?} differs from SQLite, seed {seed}\n{query}");
        }
    }
    assert!(answered > 150, "only {answered} of the documents had an answer");
}

#[tokio::test]
async fn values_mean_the_same_in_variables_and_in_the_document() {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    let catalog = app.catalog.clone();
    for seed in 0..60 {
        // The document stays, its plan is kept: each value must be seen all the same.
        for values in [1, 2, 3, 1] {
            let generator = || Generator::new(&catalog, Dice::new(seed)).with_values(Dice::new(seed * 10 + values));
            let (query, variables) = generator().document_and_variables();
            let bound = app.graphql_with(&query, variables.clone()).await;
            let written = app.graphql(&generator().document()).await;
            assert!(!bound.codes().contains(&"GRAPHQL_VALIDATION"), "{query}\n{variables}\n{:#}", bound.body);
            assert_eq!(normalised(bound.body), normalised(written.body), "{seed} {query}\n{variables}");
        }
    }
}

#[tokio::test]
async fn garbage_is_refused_in_good_form() {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    const PIECES: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$",
        "@",
        "=",
        "|",
        "&",
        "...",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        ",",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{feff}",
        "\u{7f}",
        "é",
        "🎷",
        "\u{202e}",
        "-",
        "0",
        "1",
        "-1.5e9",
        "1e999",
        "query",
        "mutation",
        "subscription",
        "fragment",
        "on",
        "true",
        "null",
        "artist",
        "id",
        "name",
        "album",
        "$a",
        "filter",
        "limit",
        "artist_filter",
        "Int",
        "__typename",
        "__schema",
        "__type",
        "@skip",
        "if",
        "_eq",
        "schema",
        "type",
        "extend",
        "\\u0000",
        "\\uD800",
        "99999999999999999999",
    ];
    for seed in 0..1_500 {
        let mut dice = Dice::new(seed);
        let mut text = String::new();
        for _ in 0..=dice.roll(30) {
            let piece: &&str = dice.pick(PIECES);
            text.push_str(piece);
            text.push_str(if dice.once_in(3) { "" } else { " " });
        }
        refused_or_answered(&app, &text).await;
    }
}

#[tokio::test]
async fn documents_with_a_letter_changed_are_answered_or_refused() {
    let app = TestApp::start(TestDatabase::music(Kind::Sqlite).await).await;
    let catalog = app.catalog.clone();
    for seed in 0..600 {
        let mut dice = Dice::new(seed + 10_000);
        let query = Generator::new(&catalog, Dice::new(seed % 40)).document();
        let mut letters: Vec<char> = query.chars().collect();
        for _ in 0..=dice.roll(2) {
            let at = dice.roll(letters.len());
            match dice.roll(3) {
                0 => drop(letters.remove(at)),
                1 => letters
                    .insert(at, *dice.pick(&['{', '}', '(', ')', '"', '$', ':', '!', '[', ']', 'x', '1', '\u{0}'])),
                _ => {
                    let other = dice.roll(letters.len());
                    letters.swap(at, other);
                }
            }
        }
        refused_or_answered(&app, &letters.iter().collect::<String>()).await;
    }
}

async fn refused_or_answered(app: &TestApp, text: &str) {
    let reply = app.post(&json!({ "query": text, "variables": { "a": 1 } }), Some(TOKEN)).await;
    well_formed(&reply, text);
    assert!(!reply.codes().contains(&"INTERNAL_SERVER_ERROR"), "{text:?}\n{:#}", reply.body);
}

/// `data`, `errors` or both; errors with a message and a code.
fn well_formed(reply: &Reply, query: &str) {
    let body = reply.body.as_object().unwrap_or_else(|| panic!("{query}\n{:#}", reply.body));
    assert!(body.contains_key("data") || body.contains_key("errors"), "{query}\n{:#}", reply.body);
    if let Some(errors) = body.get("errors") {
        let errors = errors.as_array().expect("errors are a list");
        assert!(!errors.is_empty(), "{query}");
        assert_eq!(reply.codes().len(), errors.len(), "{query}\n{:#}", reply.body);
        assert!(errors.iter().all(|error| error["message"].is_string()), "{query}\n{:#}", reply.body);
    }
}

/// Numbers as far as sums and means agree between databases, errors by their
/// codes and paths.
fn normalised(body: Json) -> Json {
    match body {
        Json::Number(number) => json!(format!("{:.6e}", number.as_f64().expect("a number"))),
        Json::Array(items) => items.into_iter().map(normalised).collect(),
        Json::Object(members) => {
            let members =
                members.into_iter().filter(|(name, _)| !matches!(&**name, "message" | "reason" | "locations"));
            Json::Object(members.map(|(name, value)| (name, normalised(value))).collect())
        }
        other => other,
    }
}
