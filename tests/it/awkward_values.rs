//! How values are spelled, and that one without a spelling nulls its own field
//! with an error that says where, never the rest of the answer.

use serde_json::{Value as Json, json};

use crate::support::{Kind, TestApp, TestDatabase};

/// Stands for a value without a spelling: null in the answer, and an error.
const ERROR: &str = "!";

async fn awkward(kind: Kind) -> TestApp {
    TestApp::start(TestDatabase::awkward(kind).await).await
}

/// Columns of a table by the values that its rows show, in the key's order.
async fn check(app: &TestApp, table: &str, columns: &[(&str, &str)]) {
    let fields: Vec<&str> = columns.iter().map(|(field, _)| *field).collect();
    let reply = app.graphql(&format!("{{ {table}(limit: -1) {{ {} }} }}", fields.join(" "))).await;
    let rows = reply.body["data"][table].as_array().unwrap_or_else(|| panic!("{table}: {:#}", reply.body));
    let mut faults = Vec::new();
    for (field, expected) in columns {
        let expected: Vec<Json> = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{field}: {error}"));
        let shown: Vec<Json> = rows.iter().map(|row| row[*field].clone()).collect();
        let spelled: Vec<Json> =
            expected.iter().map(|value| if value == ERROR { Json::Null } else { value.clone() }).collect();
        // As texts: `1.50` is not `1.5`.
        assert_eq!(json!(shown).to_string(), json!(spelled).to_string(), "{table}.{field}");
        faults.extend((0..expected.len()).filter(|row| expected[*row] == ERROR).map(|row| json!([table, row, field])));
    }
    let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
    let mut paths: Vec<Json> = errors.iter().map(|error| error["path"].clone()).collect();
    let by_text = |path: &Json| path.to_string();
    paths.sort_by_key(by_text);
    faults.sort_by_key(by_text);
    assert_eq!(paths, faults, "{table}");
    for error in errors {
        assert_eq!(error["extensions"]["code"], "UNREPRESENTABLE_VALUE", "{error}");
        assert!(error["locations"][0]["line"].is_u64(), "{error}");
    }
}

#[tokio::test]
async fn everyday_types_are_spelled_alike_on_every_database() {
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        check(
            &app,
            "typed",
            &[
                ("id", r#"["1","2","3","4","5"]"#),
                ("an_int", "[1,0,-2147483648,2147483647,null]"),
                ("a_bigint", r#"["1",0,"-9223372036854775808","9223372036854775807",null]"#),
                ("a_decimal", "[1.5,0,-12345678901.2345,12345678901.2345,null]"),
                ("a_double", "[1.5,0,-1e-300,1.7976931348623157e+308,null]"),
                ("a_bool", "[true,false,true,false,null]"),
                (
                    "a_text",
                    r#"["plain","","quote ' double \" back\\ percent % under_ line\nbreak and tab\tend","größe 表 🎷 é",null]"#,
                ),
                ("a_date", r#"["2024-02-03","1970-01-01","0001-01-01","9999-12-31",null]"#),
                ("a_time", r#"["04:05:06","00:00:00","23:59:59","12:00:00",null]"#),
                (
                    "a_datetime",
                    r#"["2024-02-03T04:05:06","1970-01-01T00:00:00","1000-01-01T00:00:00","9999-12-31T23:59:59",null]"#,
                ),
                (
                    "a_timestamp",
                    r#"["2024-02-03T02:05:06.000Z","1970-01-01T00:00:01.000Z","2001-09-09T01:46:40.000Z","2038-01-19T03:14:07.000Z",null]"#,
                ),
                (
                    "a_uuid",
                    r#"["0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01","00000000-0000-0000-0000-000000000000","ffffffff-ffff-ffff-ffff-ffffffffffff",null,null]"#,
                ),
                ("a_json", r#"[{"a":[1,null,"ü"],"b":{"c":false}},[],"text",null,null]"#),
                ("a_binary", r#"["AAEC/w==","","w6k=","JyJcAA==",null]"#),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn keys_of_other_types_are_texts() {
    for kind in Kind::ALL {
        let app = awkward(kind).await;
        let keys = async |table: &str| -> Vec<String> {
            let data = app.data(&format!("{{ {table}(limit: -1) {{ id }} }}")).await;
            let rows = data[table].as_array().expect("a list").iter();
            rows.map(|row| row["id"].as_str().expect("a text").to_owned()).collect()
        };
        let big = ["-9223372036854775808", "0", "9007199254740993", "9223372036854775807"];
        assert_eq!(keys("keyed_bigint").await, big, "{kind:?}");
        assert_eq!(keys("keyed_decimal").await, ["-0.5", "1.25", "12345678.75"], "{kind:?}");
        let text = ["", "\"x\"", "A", "O'Brien", "a", "a,b/c?d%e_f", "größe 表"];
        let mut found = keys("keyed_text").await;
        found.sort();
        assert_eq!(found, text, "{kind:?}");
    }
}

#[tokio::test]
async fn postgresql_spells_its_numbers_to_the_last_digit() {
    let app = awkward(Kind::Postgres).await;
    check(
        &app,
        "numbers",
        &[
            ("small", "[1,-32768,32767,0,null,null,null]"),
            (
                "big",
                r#"["1","-9223372036854775808","9223372036854775807",0,"9007199254740993","-9007199254740993",null]"#,
            ),
            (
                "exact",
                r#"[1.1,-123456789012345678901234567890.12345678901234567890123456789,0.000000000000000000000000000000000000000000000000000000000001,0,"!","!",10000000000000000000000000000000000000000]"#,
            ),
            (
                "exact_60",
                "[1.5,-123456789012345678901234567890.12345678901234567890123456789,0.000000000000000000000000000001,0,null,null,null]",
            ),
            ("whole", "[1,-99999999999999999999,99999999999999999999,0,2147483648,null,null]"),
            ("whole_small", "[1,-99999,99999,0,null,null,null]"),
            ("rounded", "[100,-9999900,0,0,null,null,null]"),
            ("single", r#"[1.1,-3.4028235e+38,1e-45,-0,"!","!",16777216]"#),
            ("double", r#"[1.1,-1.7976931348623157e+308,5e-324,-0,"!","!",0.1]"#),
            ("object_id", r#"["1",0,"4294967295",null,null,null,null]"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn postgresql_spells_what_no_calendar_page_has_as_an_error() {
    let app = awkward(Kind::Postgres).await;
    check(
        &app,
        "moments",
        &[
            ("day", r#"["2024-02-03","2024-02-29","0001-01-01","9999-12-31","!","!","!","!",null]"#),
            ("clock", r#"["04:05:06","23:59:59","00:00:00","24:00:00",null,null,null,null,null]"#),
            (
                "clock_zone",
                r#"["04:05:06+02","23:59:59.999999-12:30","00:00:00+00","24:00:00-15:59",null,null,null,null,null]"#,
            ),
            (
                "wall",
                r#"["2024-02-03T04:05:06","2024-02-29T23:59:59","1969-12-31T23:59:59","9999-12-31T23:59:59","!","!","!","!",null]"#,
            ),
            (
                "instant",
                r#"["2024-02-03T02:05:06.000Z","2024-02-29T23:59:59.999Z","1969-12-31T23:59:59.500Z","9999-12-31T23:59:59.999Z","!","!","!","!",null]"#,
            ),
            (
                "span",
                r#"["1 year 2 mons 3 days 04:05:06.5","-1 days -00:00:00.000001","00:00:00","178000000 years",null,null,null,null,null]"#,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn postgresql_spells_arrays_as_lists() {
    let app = awkward(Kind::Postgres).await;
    check(
        &app,
        "arrays",
        &[
            ("ints", "[[1,null,-2147483648],[],null,[7,8]]"),
            ("bigints", r#"[["9223372036854775807","-9223372036854775808",0,null],[],null,[]]"#),
            ("numerics", r#"[[1.5,123456789012345678901234567890.123456789],[],null,"!"]"#),
            ("doubles", r#"[[1.1,-0.5,1e+300],[],null,"!"]"#),
            ("bools", "[[true,false,null],[],null,[]]"),
            (
                "texts",
                r#"[["plain","with \"quotes\"","with,comma","it's","back\\slash","{braces}","","NULL",null," space ","表 🎷","line\nbreak"],[],null,[]]"#,
            ),
            ("uuids", r#"[["0b8e2f6e-6f0c-4b57-9a55-2f7a4c1d9e01",null],[],null,[]]"#),
            ("dates", r#"[["2024-02-29","0001-01-01"],[],null,"!"]"#),
            ("timestamps", r#"[["2024-02-03T02:05:06.789Z","1970-01-01T00:00:00.000Z"],[],null,"!"]"#),
            ("moods", r#"[["Happy","VERY happy","it's \"fine\"",null,""],[],null,[]]"#),
            ("jsons", r#"[[{"a":[1,2]},"x",null,null],[],null,[]]"#),
            ("bytes", r#"[["AP8=",""],[],null,[]]"#),
            // GraphQL's type is a list, not a list of lists.
            ("grid", r#"["!",[],null,"!"]"#),
            ("texts_grid", r#"["!",[],null,[]]"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn postgresql_spells_enums_domains_and_rarer_types_as_the_server_does() {
    let app = awkward(Kind::Postgres).await;
    check(
        &app,
        "enums_and_domains",
        &[
            ("mood", r#"["sad","VERY happy","it's \"fine\"","größer"]"#),
            ("mood_default", r#"["Happy","sad","","größer"]"#),
            ("age", "[0,2147483647,null,1]"),
            ("adult_age", "[18,null,99,20]"),
            ("good_mood", r#"["Happy","VERY happy","","größer"]"#),
            ("scores", "[[1,2],[],null,[null]]"),
            ("price", "[1.5,123456789.123,0,-0.001]"),
        ],
    )
    .await;
    check(
        &app,
        "others",
        &[
            ("a_uuid", r#"["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",null,null,null,null]"#),
            (
                "a_json",
                r#"[{"b":2,"a":{"c":[true,null,"é\n"]}},123456789012345678901234567890.12345678901234567890,null,"text with \"quotes\" and / slash",null]"#,
            ),
            ("bytes", r#"["AAH+/w==","",null,null,null]"#),
            ("one_bit", r#"["1","0",null,null,null]"#),
            ("five_bits", r#"["10101","00000",null,null,null]"#),
            ("some_bits", r#"["101","",null,null,null]"#),
            ("address", r#"["192.168.0.1","2001:db8::1/64","::ffff:1.2.3.4",null,null]"#),
            ("network", r#"["10.0.0.0/8","2001:db8::/32",null,null,null]"#),
            ("mac", r#"["08:00:2b:01:02:03",null,null,null,null]"#),
            ("int_range", r#"["[1,10)","empty","(,)",null,null]"#),
            ("place", r#"["(1.5,-2)","(0,0)","(Infinity,NaN)",null,null]"#),
            ("padded", r#"["ab   ","     ","größe",null,null]"#),
            ("postal", r#"["(\"Main St. \"\"1\"\", left\",1234)","(,)",null,null,null]"#),
            ("kind", r#"["pg_class",null,null,null,null]"#),
        ],
    )
    .await;
}

#[tokio::test]
async fn mysql_spells_its_own_types() {
    let app = awkward(Kind::MySql).await;
    check(
        &app,
        "integers",
        &[
            ("plain_unsigned", r#"[0,"4294967295","2147483648",null,null]"#),
            ("big_unsigned", r#"[0,"18446744073709551615","9223372036854775808","9007199254740993",null]"#),
            ("flag", "[false,true,true,true,null]"),
            ("truth", "[false,true,true,true,null]"),
            ("one_bit", "[false,true,null,null,null]"),
            ("eight_bits", r#"["00000000","10101010","00000001",null,null]"#),
            ("a_year", "[0,1901,2155,2024,null]"),
        ],
    )
    .await;
    check(
        &app,
        "numbers",
        &[
            (
                "longest_decimal",
                "[1.5,-12345678901234567890123456789012345.12345678901234567890123456789,0.000000000000000000000000000001,0,null]",
            ),
            ("whole", "[1,-99999999999999999999,99999999999999999999,0,2147483648]"),
            ("single", "[1.1,-3.40282e+38,1e-38,0,null]"),
        ],
    )
    .await;
    check(
        &app,
        "moments",
        &[
            ("day", r#"["2024-02-03","9999-12-31","1000-01-01","!","!",null]"#),
            // A length of time is no time of day.
            ("clock", r#"["04:05:06","!","!","!","00:00:00",null]"#),
            ("wall_micros", r#"["2024-02-03T04:05:06","9999-12-31T23:59:59","1000-01-01T00:00:00","!","2024-02-29T00:00:00",null]"#),
            (
                "instant_micros",
                r#"["2024-02-03T02:05:06.789Z","2038-01-19T03:14:07.999Z","1970-01-01T00:00:01.000Z","!","2024-02-29T00:00:00.001Z",null]"#,
            ),
        ],
    )
    .await;
    check(
        &app,
        "others",
        &[
            ("document", r#"[{"b":1,"a":{"c":[true,null,"é\n\"\\"]}},123.456,null,null]"#),
            ("fixed_bytes", r#"["C44vbm8MS1eaVS96TB2eAQ==","YQAAAAAAAAAAAAAAAAAAAA==",null,null]"#),
            ("place", r#"[{"type":"Point","coordinates":[1.5,-2]},{"type":"Point","coordinates":[0,0]},null,null]"#),
        ],
    )
    .await;
    check(&app, "keyed_unsigned", &[("id", r#"["0","9223372036854775808","18446744073709551615"]"#)]).await;
    check(&app, "versioned", &[("id", r#"["1"]"#), ("hidden", "[3]")]).await;
    check(
        &app,
        "strings",
        &[("wide", r#"["plain","größe 表 🎷","","\"",null]"#), ("several", r#"["a","a,B,c d,ü","","c d",null]"#)],
    )
    .await;
}

#[tokio::test]
async fn sqlite_shows_what_is_stored_or_an_error() {
    let app = awkward(Kind::Sqlite).await;
    check(
        &app,
        "affinities",
        &[
            ("an_integer", r#"[1,42,"!","!","!","!",null]"#),
            ("a_text", r#"["text","5","!","!","9.2233720368547758e+18","",null]"#),
            ("a_real", r#"[1.5,5,"!","!",0,9007199254740992,null]"#),
            ("a_numeric", r#"[1.5,5,"!","!",9.223372036854776e+18,1000,null]"#),
            ("a_blob", r#"["AP8=","dGV4dA==","!","!",null,"",null]"#),
            ("untyped", r#"["text","5","1.5","!","-9223372036854775808","",null]"#),
        ],
    )
    .await;
    check(&app, "booleans", &[("flag", r#"[false,true,true,true,false,"!",true,"!","!",null,true]"#)]).await;
    check(
        &app,
        "numbers",
        &[
            ("big", r#"["1","9007199254740993","9223372036854775807","-9223372036854775808","!",0,"!",null]"#),
            ("exact", r#"[1.1,1.2345678901234567e+19,9223372036854775807,-0.1,"!",0,"!",null]"#),
            ("single", r#"[1.1,1e+308,"!",5e-324,0.1,0,null,9.223372036854776e+18]"#),
        ],
    )
    .await;
    check(
        &app,
        "documents",
        &[(
            "document",
            r#"[{"b":2,"a":{"c":[true,null,"é\n"]}},[],5,1.2345678901234568e+29,"text","!","!","!",null,"!",null]"#,
        )],
    )
    .await;
    check(&app, "computed", &[("euros", "[1.5,null]"), ("label", r#"["150 ct",null]"#), ("kept", "[300,null]")]).await;
}

#[tokio::test]
async fn sqlite_reads_dates_however_they_are_kept() {
    let app = awkward(Kind::Sqlite).await;
    let (wall, night) = ("2024-02-03T04:05:06", "1969-12-31T23:59:59");
    let fault = [ERROR; 5];
    let days =
        json!([["2024-02-03"; 6].as_slice(), &["1969-12-31", "1970-01-01", "2024-02-03", "2024-02-03"],].concat());
    let mut day = days.as_array().cloned().expect("a list");
    day.extend([json!(null), json!("9999-12-31")]);
    let mut walls: Vec<Json> = vec![json!(wall); 6];
    walls.extend(
        [night, "1970-01-01T00:00:00", wall, "2024-02-03T00:00:00", "2024-02-03T04:05:00", "9999-12-31T23:59:59"]
            .map(Json::from),
    );
    let mut instants: Vec<Json> = [
        "2024-02-03T04:05:06.000Z",
        "2024-02-03T04:05:06.000Z",
        "2024-02-03T04:05:06.789Z",
        "2024-02-03T04:05:06.789Z",
        "2024-02-03T02:05:06.000Z",
        "2024-02-03T04:05:06.789Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00.000Z",
        "2024-02-03T04:05:06.000Z",
        "2024-02-03T00:00:00.000Z",
        "2024-02-03T04:05:00.000Z",
        "0001-01-01T00:00:00.000Z",
    ]
    .map(Json::from)
    .to_vec();
    for column in [&mut day, &mut walls, &mut instants] {
        column.extend(fault.map(Json::from));
        column.push(Json::Null);
    }
    let (day, walls, instants) = (json!(day).to_string(), json!(walls).to_string(), json!(instants).to_string());
    check(&app, "moments", &[("day", &day), ("wall", &walls), ("instant", &instants)]).await;
}

#[tokio::test]
async fn a_key_without_a_spelling_takes_the_list_with_it_and_says_so() {
    let app = awkward(Kind::Sqlite).await;
    for (table, field) in [("mixed_keys", "id"), ("nullable_key", "code")] {
        let reply = app.graphql(&format!("{{ {table} {{ {field} }} }}")).await;
        assert_eq!(reply.codes(), ["UNREPRESENTABLE_VALUE"], "{table}");
        assert_eq!(reply.body["errors"][0]["path"], json!([table, 0, field]));
        let data = app.data(&format!("{{ {table} {{ name }} }}")).await;
        assert_eq!(data[table].as_array().map(Vec::len), Some(3), "the other fields can be read");
    }
}
