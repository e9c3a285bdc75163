//! Operators on texts: letter case, wildcards, odd characters, nothing.

use serde_json::json;

use super::Filters;

#[tokio::test]
async fn plain_operators_tell_letter_case_and_accents_apart_everywhere() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("artist", json!({ "name": { "_eq": "Rock Bottom" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_eq": "Café Noir" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_eq": "Rock Bottom " } })).await, 0);
    assert_eq!(filters.check("artist", json!({ "name": { "_neq": "rock bottom" } })).await, 39);
    assert_eq!(
        filters.check("artist", json!({ "name": { "_in": ["ROCK BOTTOM", "rock bottom", "cafe noir"] } })).await,
        2
    );
    assert_eq!(
        filters.check("artist", json!({ "name": { "_nin": ["ROCK BOTTOM", "rock bottom", "cafe noir"] } })).await,
        38
    );
    assert_eq!(filters.check("artist", json!({ "name": { "_contains": "ock b" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_starts_with": "Caf" } })).await, 2);
    assert_eq!(filters.check("artist", json!({ "name": { "_ends_with": "NOIR" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_ncontains": "ock" } })).await, 38);
    assert_eq!(filters.check("artist", json!({ "name": { "_nstarts_with": "Caf" } })).await, 38);
    assert_eq!(filters.check("artist", json!({ "name": { "_nends_with": "Bottom" } })).await, 39);
}

#[tokio::test]
async fn insensitive_operators_ignore_letter_case_also_beyond_ascii_but_not_accents() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("artist", json!({ "name": { "_icontains": "OCK BOT" } })).await, 3);
    assert_eq!(filters.check("artist", json!({ "name": { "_icontains": "CAFÉ" } })).await, 2);
    assert_eq!(filters.check("artist", json!({ "name": { "_icontains": "cafe" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_istarts_with": "çEL" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_istarts_with": "łUKASZ" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_istarts_with": "НИКОЛАЙ" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_iends_with": "ΛΈΝΗ" } })).await, 1);
    assert_eq!(filters.check("artist", json!({ "name": { "_nistarts_with": "SØREN" } })).await, 39);
    assert_eq!(filters.check("artist", json!({ "name": { "_niends_with": "BOTTOM" } })).await, 37);
    assert!(filters.check("track", json!({ "composer": { "_istarts_with": "ŒUVRE" } })).await > 10);
}

#[tokio::test]
async fn percent_and_underscore_are_wildcards_and_nothing_else_is() {
    let filters = Filters::new().await;
    for pattern in
        ["100%", "r_s", "%ock%om", "_ock", "\\", "k\\S", "'s", "\"La", "? W", "*", "[", "{Br", "<An", ";", "🎷", "京ナ"]
    {
        for operator in ["_contains", "_icontains", "_starts_with", "_ends_with", "_iends_with", "_ncontains"] {
            filters.check("artist", json!({ "name": { operator: pattern } })).await;
        }
    }
    for pattern in ["[Remastered]", "\\o/", "a_b", "50% off", "\"Radio", "?", "[!R]", "[^R]", "%_%"] {
        filters.check("track", json!({ "name": { "_ends_with": pattern } })).await;
        filters.check("track", json!({ "name": { "_icontains": pattern } })).await;
        filters.check("track", json!({ "name": { "_eq": pattern } })).await;
    }
    assert_eq!(filters.check("artist", json!({ "name": { "_eq": "100%" } })).await, 0);
    assert_eq!(filters.check("artist", json!({ "name": { "_eq": "Back\\Slash" } })).await, 1);
    assert_eq!(
        filters.check("artist", json!({ "name": { "_in": ["O'Malley's Ghost", "Maria \"La Voz\" Peña"] } })).await,
        2
    );
}

#[tokio::test]
async fn nulls_pass_only_the_tests_that_are_about_them() {
    let filters = Filters::new().await;
    assert_eq!(filters.check("artist", json!({ "country": { "_null": true } })).await, 4);
    for test in [
        json!({ "_null": false }),
        json!({ "_nnull": true }),
        json!({ "_nnull": false }),
        json!({ "_eq": null }),
        json!({ "_neq": null }),
        json!({ "_null": null }),
        json!({ "_neq": "GB" }),
        json!({ "_nin": ["GB", "US"] }),
        json!({ "_nin": ["GB", null] }),
        json!({ "_in": ["GB", null] }),
        json!({ "_ncontains": "G" }),
        json!({ "_nstarts_with": "G" }),
        json!({ "_niends_with": "b" }),
    ] {
        filters.check("artist", json!({ "country": test })).await;
    }
    assert_eq!(filters.check("artist", json!({ "country": { "_nin": ["GB", null] } })).await, 0);
    assert_eq!(filters.check("artist", json!({ "country": { "_in": ["GB", null] } })).await, 3);
}

#[tokio::test]
async fn empty_is_null_or_an_empty_text() {
    let filters = Filters::new().await;
    let nulls = filters.check("track", json!({ "composer": { "_null": true } })).await;
    let empties = filters.check("track", json!({ "composer": { "_empty": true } })).await;
    assert!(nulls < empties);
    assert_eq!(filters.check("track", json!({ "composer": { "_nempty": true } })).await, 1200 - empties);
    assert_eq!(filters.check("track", json!({ "composer": { "_empty": false } })).await, 1200 - empties);
    assert_eq!(filters.check("track", json!({ "composer": { "_nempty": false } })).await, empties);
    let blank = json!({ "composer": { "_empty": true, "_nnull": true } });
    assert_eq!(filters.check("track", blank).await, empties - nulls);
}

#[tokio::test]
async fn texts_that_spell_other_things_are_texts() {
    let filters = Filters::new().await;
    for text in ["true", "null", "NULL", "1"] {
        assert_eq!(filters.check("artist", json!({ "name": { "_eq": text } })).await, 0, "{text}");
        assert_eq!(filters.check("artist", json!({ "name": { "_neq": text } })).await, 40, "{text}");
    }
}

#[tokio::test]
async fn empty_values_are_refused() {
    let filters = Filters::new().await;
    for operator in ["_eq", "_neq", "_contains", "_icontains", "_ncontains", "_starts_with", "_niends_with"] {
        filters.refused("artist", json!({ "name": { operator: "" } })).await;
    }
    filters.refused("artist", json!({ "name": { "_in": [] } })).await;
    filters.refused("artist", json!({ "name": { "_nin": [] } })).await;
    filters.refused("artist", json!({ "name": { "_contains": null } })).await;
}
