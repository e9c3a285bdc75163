//! The bytes that fuzzing begins with, and those that it once found: what must
//! hold of any bytes (`fuzz/checks.rs`) holds of them.

#[path = "../../fuzz/checks.rs"]
mod checks;

use std::{fs, path::Path};

fn check(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("there is a corpus") {
        let path = entry.expect("it can be listed").path();
        eprintln!("{}", path.display());
        check(&fs::read(&path).expect("it can be read"));
        count += 1;
    }
    assert!(count >= 8, "{count} in {}", folder.display());
}

#[test]
fn filters_are_predicates_or_refused() {
    check("filter", checks::filter);
}

#[test]
fn documents_have_statements_or_are_refused() {
    check("document", checks::document);
}

#[test]
fn credentials_that_nobody_was_given_let_nobody_in() {
    check("credentials", checks::credentials);
}
