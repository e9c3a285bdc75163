//! That both servers give the same answers: no race between different works.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::load::Connection;

/// How many of a query's requests are compared.
const SAMPLES: usize = 64;
/// How many differences are told.
const TOLD: usize = 10;

/// Asks both servers the same and fails with what differs.
pub(crate) async fn same_answers(
    gateway: (&mut Connection, &[Vec<u8>]),
    floor: (&mut Connection, &[Vec<u8>]),
) -> Result<()> {
    for (ask_gateway, ask_floor) in gateway.1.iter().zip(floor.1).take(SAMPLES) {
        let given = ask(gateway.0, ask_gateway).await.context("the gateway")?;
        let wanted = ask(floor.0, ask_floor).await.context("the floor")?;
        let mut differences = Vec::new();
        compare("", &given, &wanted, &mut differences);
        if !differences.is_empty() {
            let count = differences.len();
            differences.truncate(TOLD);
            bail!("the answers differ in {count} places (gateway, floor):\n{}", differences.join("\n"));
        }
    }
    Ok(())
}

/// Asks once; anything but an answer with data and without errors fails.
pub(crate) async fn ask(connection: &mut Connection, request: &[u8]) -> Result<Value> {
    let reply = connection.exchange(request).await?;
    let text = || String::from_utf8_lossy(&reply.body[..reply.body.len().min(2000)]);
    if reply.status != 200 {
        bail!("answered {}: {}", reply.status, text());
    }
    let answer: Value = serde_json::from_slice(reply.body).with_context(|| format!("not JSON: {}", text()))?;
    if answer.get("errors").is_some() || answer.get("data").is_none_or(Value::is_null) {
        bail!("answered with errors: {}", text());
    }
    Ok(answer)
}

fn compare(path: &str, given: &Value, wanted: &Value, differences: &mut Vec<String>) {
    match (given, wanted) {
        (Value::Object(given), Value::Object(wanted)) => {
            for (name, value) in wanted {
                compare(&format!("{path}.{name}"), given.get(name).unwrap_or(&Value::Null), value, differences);
            }
            for name in given.keys().filter(|name| !wanted.contains_key(*name)) {
                differences.push(format!("{path}.{name}: only the gateway has it"));
            }
        }
        (Value::Array(given), Value::Array(wanted)) if given.len() == wanted.len() => {
            for (index, (given, wanted)) in given.iter().zip(wanted).enumerate() {
                compare(&format!("{path}[{index}]"), given, wanted, differences);
            }
        }
        (Value::Array(given), Value::Array(wanted)) => {
            differences.push(format!("{path}: {} entries, {} entries", given.len(), wanted.len()));
        }
        (Value::Number(given), Value::Number(wanted)) if close(given, wanted) => {}
        (given, wanted) if given == wanted => {}
        (given, wanted) => differences.push(format!("{path}: {given}, {wanted}")),
    }
}

/// An average may be rounded to what a double can hold.
fn close(given: &serde_json::Number, wanted: &serde_json::Number) -> bool {
    match (given.as_f64(), wanted.as_f64()) {
        (Some(given), Some(wanted)) => (given - wanted).abs() <= wanted.abs() * 1e-12,
        _ => false,
    }
}
