//! Keys, relations and names of the awkward database, the same on all three.

use serde_json::{Value as Json, json};
use tidegate::catalog::NoteAction;

use crate::support::{Kind, Settings, TestApp, TestDatabase};

async fn awkward(kind: Kind) -> TestApp {
    TestApp::start(TestDatabase::awkward(kind).await).await
}

/// Each query with its answer on every database.
async fn check(cases: &[(&str, Json)]) {
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        for (query, expected) in cases {
            assert_eq!(app.data(query).await, *expected, "{kind:?} {query}");
        }
    }
}

#[tokio::test]
async fn several_keys_between_two_tables_are_told_apart() {
    check(&[
        (
            r#"{ flights_by_id(id: 2) { origin { code } destination { city } alternate { code } }
                airports_by_id(id: "HND") {
                    flights_by_origin { id } flights_by_destination(sort: ["-id"]) { id } flights_by_alternate { id }
                    flights_by_origin_func { count }
                } }"#,
            json!({
                "flights_by_id": { "origin": { "code": "CPH" }, "destination": { "city": "Berlin" }, "alternate": { "code": "HND" } },
                "airports_by_id": {
                    "flights_by_origin": [{ "id": "4" }], "flights_by_destination": [{ "id": "4" }, { "id": "3" }],
                    "flights_by_alternate": [{ "id": "2" }, { "id": "4" }], "flights_by_origin_func": { "count": 1 },
                },
            }),
        ),
        (
            // One column, keys to two tables.
            r#"{ shipments { id place { city } harbours { berths } } }"#,
            json!({ "shipments": [
                { "id": "1", "place": { "city": "København" }, "harbours": { "berths": 12 } },
                { "id": "2", "place": { "city": "東京" }, "harbours": { "berths": 0 } },
            ] }),
        ),
        (
            r#"{ tenant_notes { tenant id tenant_users { name } tenant_users_by_tenant_reviewer_id { name } }
                tenant_users_by_id(tenant: 1, id: 2) { tenant_notes_by_tenant_reviewer_id { id } tenant_notes_by_tenant_author_id { id } } }"#,
            json!({
                "tenant_notes": [
                    { "tenant": 1, "id": 1, "tenant_users": { "name": "one of one" }, "tenant_users_by_tenant_reviewer_id": { "name": "two of one" } },
                    { "tenant": 1, "id": 2, "tenant_users": { "name": "two of one" }, "tenant_users_by_tenant_reviewer_id": null },
                    { "tenant": 2, "id": 1, "tenant_users": { "name": "one of two" }, "tenant_users_by_tenant_reviewer_id": { "name": "one of two" } },
                ],
                "tenant_users_by_id": { "tenant_notes_by_tenant_reviewer_id": [{ "id": 1 }], "tenant_notes_by_tenant_author_id": [{ "id": 2 }] },
            }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn composite_keys_are_looked_up_and_followed() {
    check(&[
        (
            r#"{ companies_by_id(country: "DE", reg_no: 1) { name
                    all: company_sites(limit: -1) { city } first: company_sites(limit: 1, sort: ["-site_no"]) { city }
                    company_sites_func { count } }
                company_sites_by_id(country: "DE", reg_no: "1", site_no: 2) { companies { name } site_visits { id } } }"#,
            json!({
                "companies_by_id": {
                    "name": "Eins GmbH", "all": [{ "city": "Berlin" }, { "city": "Bonn" }], "first": [{ "city": "Bonn" }],
                    "company_sites_func": { "count": 2 },
                },
                "company_sites_by_id": { "companies": { "name": "Eins GmbH" }, "site_visits": [{ "id": "1" }] },
            }),
        ),
        (
            // No key, and half a key.
            r#"{ site_visits { id company_sites { city companies { name } } } }"#,
            json!({ "site_visits": [
                { "id": "1", "company_sites": { "city": "Bonn", "companies": { "name": "Eins GmbH" } } },
                { "id": "2", "company_sites": null },
                { "id": "3", "company_sites": null },
            ] }),
        ),
        (
            r#"{ companies(filter: { company_sites: { city: { _eq: "København" } } }) { name }
                none: companies(filter: { company_sites: { _none: { site_no: { _gt: 0 } } } }) { name }
                company_sites(filter: { companies: { name: { _starts_with: "Eins" } } }, sort: ["companies.name", "-site_no"]) { city } }"#,
            json!({
                "companies": [{ "name": "Én ApS" }],
                "none": [{ "name": "Zwei GmbH" }],
                "company_sites": [{ "city": "Bonn" }, { "city": "Berlin" }],
            }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn trees_pairs_and_unusual_keys_are_followed() {
    check(&[
        (
            r#"{ categories_by_id(id: "music/vinyl") { parent_slug { slug parent_slug { slug parent_slug { slug } } } }
                all: categories_by_id(id: "all") { categories(sort: ["slug"]) { slug categories { slug } } } }"#,
            json!({
                "categories_by_id": { "parent_slug": { "slug": "music", "parent_slug": { "slug": "all", "parent_slug": null } } },
                "all": { "categories": [{ "slug": "books", "categories": [] }, { "slug": "music", "categories": [{ "slug": "music/vinyl" }] }] },
            }),
        ),
        (
            // A key to a unique column, a key that is a foreign key, a junction of a table with itself.
            r#"{ users { id logins { id } profiles { bio }
                    to: users_via_friends_friend_id(sort: ["id"]) { id } from: users_via_friends_user_id(limit: 1) { id } }
                logins(sort: ["-id"]) { user_email { name } }
                profiles_by_id(id: 1) { user_id { name } bio } }"#,
            json!({
                "users": [
                    { "id": "1", "logins": [{ "id": "1" }, { "id": "2" }], "profiles": [{ "bio": "first" }], "to": [{ "id": "2" }, { "id": "3" }], "from": [{ "id": "2" }] },
                    { "id": "2", "logins": [], "profiles": [], "to": [{ "id": "1" }], "from": [{ "id": "1" }] },
                    { "id": "3", "logins": [{ "id": "3" }], "profiles": [{ "bio": null }], "to": [], "from": [{ "id": "1" }] },
                ],
                "logins": [{ "user_email": null }, { "user_email": { "name": "" } }, { "user_email": { "name": "Ada" } }, { "user_email": { "name": "Ada" } }],
                "profiles_by_id": { "user_id": { "name": "Ada" }, "bio": "first" },
            }),
        ),
        (
            r#"{ teams { captain_id { name team_id { name } } players(sort: ["-name"]) { name } }
                parents { children children_by_parent_id(sort: ["id"]) { id parents parent_id { id } } }
                orphans { airport_code { city } } }"#,
            json!({
                "teams": [
                    { "captain_id": { "name": "Uwe", "team_id": { "name": "Reds" } }, "players": [{ "name": "Uwe" }, { "name": "Rosa" }] },
                    { "captain_id": null, "players": [] },
                ],
                "parents": [
                    { "children": "a column called children", "children_by_parent_id": [
                        { "id": "1", "parents": "a column called parents", "parent_id": { "id": "1" } },
                        { "id": "2", "parents": null, "parent_id": { "id": "1" } },
                    ] },
                    { "children": null, "children_by_parent_id": [] },
                ],
                "orphans": [{ "airport_code": { "city": "Berlin" } }, { "airport_code": null }, { "airport_code": null }],
            }),
        ),
        (
            r#"{ key_links { uuid_id { name } bigint_id { name } decimal_id { name } text_id { name } }
                lower: keyed_text_by_id(id: "a") { name key_links { id } }
                upper: keyed_text_by_id(id: "A") { name key_links { id } }
                bigint: keyed_bigint_by_id(id: "9223372036854775807") { name key_links(limit: 1) { id } }
                uuid: keyed_uuid_by_id(id: "0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01") { key_links { id } } }"#,
            json!({
                "key_links": [
                    { "uuid_id": { "name": "nil" }, "bigint_id": { "name": "lowest" }, "decimal_id": { "name": "minus a half" }, "text_id": { "name": "empty" } },
                    { "uuid_id": { "name": "some" }, "bigint_id": { "name": "beyond doubles" }, "decimal_id": { "name": "five quarters" }, "text_id": { "name": "lower" } },
                    { "uuid_id": null, "bigint_id": { "name": "highest" }, "decimal_id": { "name": "much" }, "text_id": { "name": "quote" } },
                    { "uuid_id": null, "bigint_id": { "name": "zero" }, "decimal_id": null, "text_id": { "name": "beyond ASCII" } },
                    { "uuid_id": null, "bigint_id": null, "decimal_id": null, "text_id": null },
                ],
                "lower": { "name": "lower", "key_links": [{ "id": "2" }] },
                "upper": { "name": "upper", "key_links": [] },
                "bigint": { "name": "highest", "key_links": [{ "id": "3" }] },
                "uuid": { "key_links": [{ "id": "2" }] },
            }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn names_that_graphql_cannot_carry_are_mapped_and_their_values_never_mixed_up() {
    let mapped = [
        ("order", "order"),
        ("Mixed_Case", "Mixed Case"),
        ("camelCase", "camelCase"),
        ("with_space", "with space"),
        ("with_quote", "with'quote"),
        ("with_double", "with\"double"),
        ("with_backtick", "with`backtick"),
        ("with_backslash", "with\\backslash"),
        ("with_question", "with?question"),
        ("with_colon", "with:colon"),
        ("with_dash", "with-dash"),
        ("with_dash_2", "with_dash"),
        ("with_dash_3", "with dash"),
        ("with_dot", "with.dot"),
        ("with_percent", "with%percent"),
        ("with_semicolon", "with;semicolon"),
        ("with_brace_", "with{brace}"),
        ("weird_name", "weird$name"),
        ("gru00f6u00dfe", "größe"),
        ("u8868", "表"),
        ("_1digit", "1digit"),
        ("_double", "__double"),
    ];
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        for (field, column) in mapped {
            // Selected, filtered, sorted, grouped and counted by.
            let query = format!(
                "{{ odd_columns(filter: {{ {field}: {{ _contains: {value} }} }}, sort: [\"-{field}\"]) {{ {field} }} \
                   odd_columns_aggregated(groupBy: [\"{field}\"], filter: {{ {field}: {{ _nnull: true }} }}) \
                   {{ group count {{ {field} }} }} }}",
                value = json!(column)
            );
            let expected = json!({
                "odd_columns": [{ field: column }],
                "odd_columns_aggregated": [{ "group": { field: column }, "count": { field: 1 } }],
            });
            assert_eq!(app.data(&query).await, expected, "{kind:?}");
            let noted = app.catalog.notes.iter().any(|note| {
                note.action == NoteAction::Renamed && note.subject.ends_with(&format!("odd_columns.{column}"))
            });
            assert_eq!(noted, field != column, "{kind:?} {column}");
        }
    }
}

#[tokio::test]
async fn tables_with_names_that_need_quotes_or_collide_are_served_apart() {
    check(&[
        (
            r#"{ select(filter: { order: { group: { _eq: "a" } } }, sort: ["-from"]) { from where order { limit select_func { count } } } }"#,
            json!({ "select": [
                { "from": "2", "where": "there", "order": { "limit": 10, "select_func": { "count": 2 } } },
                { "from": "1", "where": "here", "order": { "limit": 10, "select_func": { "count": 2 } } },
            ] }),
        ),
        (
            r#"{ with_dash { value } with_dash_2 { value } with_double { value the_space_id { the_value with_double(limit: 1) { value } } }
                u8868(search: "二") { u540du524d } Query_2 { _typename } Int_2(filter: { _or_2: { _eq: 1 } }) { _and_2 _some_2 }
                CamelCase { mixedId { UPPER CamelCase { Id } } } }"#,
            json!({
                "with_dash": [{ "value": "underscore one" }, { "value": "underscore two" }],
                "with_dash_2": [{ "value": "dash one" }, { "value": "dash two" }],
                "with_double": [
                    { "value": "double one", "the_space_id": { "the_value": "space two", "with_double": [{ "value": "double one" }] } },
                    { "value": "double two", "the_space_id": null },
                ],
                "u8868": [{ "u540du524d": "二" }],
                "Query_2": [{ "_typename": "not a type" }, { "_typename": null }],
                "Int_2": [{ "_and_2": "both", "_some_2": true }],
                "CamelCase": [{ "mixedId": { "UPPER": "UP", "CamelCase": [{ "Id": "1" }] } }, { "mixedId": null }],
            }),
        ),
        (
            // Columns named like function fields win; tables named like root fields give way.
            r#"{ articles_by_id(id: 1) { id_func written_at_func articles_aggregated_2_func { count } tags(sort: ["-name"]) { id } }
                articles_aggregated_2 { id } articles_by_id_2 { id } articles_aggregated { countAll } }"#,
            json!({
                "articles_by_id": { "id_func": 7, "written_at_func": "a column", "articles_aggregated_2_func": { "count": 1 }, "tags": [{ "id": "1" }, { "id": "2" }] },
                "articles_aggregated_2": [{ "id": "1" }, { "id": "2" }],
                "articles_by_id_2": [{ "id": "1" }, { "id": "2" }],
                "articles_aggregated": [{ "countAll": 3 }],
            }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn views_empty_tables_generated_columns_and_missing_keys_are_served_as_far_as_they_go() {
    check(&[
        (
            r#"{ article_titles(sort: ["id"], limit: 1) { title } article_titles_aggregated { countAll } flight_board_aggregated { countAll }
                empty_table { id } empty_table_aggregated { countAll sum { amount } }
                empty_children(filter: { empty_id: { name: { _eq: "x" } } }) { id }
                generated_columns(filter: { total_cents: { _gt: 500 } }) { total_cents shouted }
                unique_only_by_id(id: "a") { note } }"#,
            json!({
                "article_titles": [{ "title": "First" }],
                "article_titles_aggregated": [{ "countAll": 3 }],
                "flight_board_aggregated": [{ "countAll": 4 }],
                "empty_table": [],
                "empty_table_aggregated": [{ "countAll": 0, "sum": { "amount": null } }],
                "empty_children": [],
                "generated_columns": [{ "total_cents": 597, "shouted": "THREE" }],
                "unique_only_by_id": { "note": "first" },
            }),
        ),
    ])
    .await;
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        let left_out = |table: &str| {
            app.catalog
                .notes
                .iter()
                .any(|note| note.action == NoteAction::LeftOut && note.subject.trim_start_matches("public.") == table)
        };
        assert!(app.catalog.collection("no_key").is_none() && left_out("no_key"), "{kind:?}");
        assert!(kind == Kind::Postgres || left_out("broken_view"), "{kind:?}");
        let reply = app.graphql("{ article_titles_by_id(id: 1) { title } }").await;
        assert_eq!(reply.codes(), ["GRAPHQL_VALIDATION"], "{kind:?}: a view has no key");
        let fields = app.data(r#"{ __type(name: "defaults") { fields { name type { kind } } } }"#).await;
        let fields = fields["__type"]["fields"].as_array().expect("a type").clone();
        let required: Vec<&str> = fields
            .iter()
            .filter(|field| field["type"]["kind"] == "NON_NULL")
            .filter_map(|field| field["name"].as_str())
            .collect();
        assert_eq!(required, ["id", "zero", "empty_text", "no", "required"], "{kind:?}");
    }
}

#[tokio::test]
async fn postgresql_serves_partitions_once_and_materialized_views_when_filled() {
    let app = awkward(Kind::Postgres).await;
    let data = app
        .data(
            r#"{ measurements(sort: ["day", "id"]) { id value airport { code } }
                measurements_by_id(id: 1, day: "2024-06-01") { value }
                flights_by_origin(sort: ["origin"]) { origin flights } vehicles { id } trucks { id tons }
                Cased(filter: { id: { VALUE: { _eq: "UPPER" } } }) { ID id { value Value } } dropped_column { airport { code } } }"#,
        )
        .await;
    let expected = json!({
        "measurements": [
            { "id": "1", "value": 1.5, "airport": { "code": "BER" } }, { "id": "1", "value": 2.5, "airport": null },
            { "id": "2", "value": null, "airport": { "code": "CPH" } },
        ],
        "measurements_by_id": { "value": 2.5 },
        "flights_by_origin": [{ "origin": "BER", "flights": "2" }, { "origin": "CPH", "flights": "1" }, { "origin": "HND", "flights": "1" }],
        "vehicles": [{ "id": "1" }, { "id": "2" }, { "id": "3" }],
        "trucks": [{ "id": "3", "tons": 12 }],
        "Cased": [{ "ID": "10", "id": { "value": "lower", "Value": "Title" } }],
        "dropped_column": [{ "airport": { "code": "BER" } }, { "airport": null }],
    });
    assert_eq!(data, expected);
    assert!(app.catalog.collection("measurements_2024").is_none());
    let reply = app.graphql("{ never_filled { id } }").await;
    assert_eq!(reply.body["errors"][0]["path"], json!(["never_filled"]));
    let notes: Vec<String> = app
        .catalog
        .notes
        .iter()
        .filter(|note| note.reason.contains("relationship"))
        .map(|note| format!("{}: {}", note.subject, note.reason))
        .collect();
    assert_eq!(notes, ["public.restorations.archived_id: the relationship to `archive.articles`, which is not served"]);
}

#[tokio::test]
async fn a_second_schema_is_served_beside_the_first() {
    let data = TestDatabase::awkward(Kind::Postgres).await;
    let app =
        TestApp::start_with(data, Settings { more_schemas: vec!["archive".to_owned()], ..Settings::default() }).await;
    let data = app
        .data(
            r#"{ archive_articles { id mood archived_at original_id { title archive_articles { id } } }
                restorations { archived_id { mood } } archive_articles_by_id(id: 1) { restorations { id } }
                articles(filter: { archive_articles: { mood: { _eq: "dusty" } } }) { title }
                enums_and_domains(filter: { mood: { _eq: "sad" } }) { id } }"#,
        )
        .await;
    let expected = json!({
        "archive_articles": [
            { "id": "1", "mood": "dusty", "archived_at": "2024-02-03T02:05:06.000Z", "original_id": { "title": "First", "archive_articles": [{ "id": "1" }] } },
            { "id": "2", "mood": "Happy", "archived_at": null, "original_id": null },
        ],
        "restorations": [{ "archived_id": { "mood": "Happy" } }, { "archived_id": null }],
        "archive_articles_by_id": { "restorations": [] },
        "articles": [{ "title": "First" }],
        "enums_and_domains": [{ "id": "1" }],
    });
    assert_eq!(data, expected);
    let reply = app.graphql(r#"{ archive_articles(filter: { mood: { _eq: "sad" } }) { id } }"#).await;
    assert_eq!(reply.codes(), ["INVALID_QUERY"], "the other schema's type of this name has other values");
}
