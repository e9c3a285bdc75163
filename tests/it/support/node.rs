//! The checks of `tests/node`: real clients, run by Node.js.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value as Json;

/// Longer than any check takes, a browser's start included.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs a check, which must find everything in order; what it printed.
pub async fn node(check: &str, arguments: &[&str]) -> Json {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(folder.join("node_modules").is_dir(), "the clients are not installed: run scripts/test");
    let mut command = Command::new("node");
    command.arg(folder.join(check)).args(arguments).current_dir(&folder).stdin(Stdio::null());
    // Away from this thread, on which the gateway answers.
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(PATIENCE, running).await.expect("it ends in time");
    let output = output.expect("it does not panic").expect("there is a Node.js");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let result: Json = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{check}: {error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(output.status.success() && result["ok"] == true, "{check}: {}", failures(&result));
    result
}

/// What of a result tells why it is not in order.
fn failures(result: &Json) -> String {
    let audits = result["audits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed: Vec<&Json> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    format!("{:#} {failed:#?} {:#}", result["errors"], result["foreign"])
}
