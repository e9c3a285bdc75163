//! What was written, as the caller may see it: from the rows' images where
//! they are all there is to see, otherwise read back.

use super::{super::levels, Wrote, key_text};
use crate::{
    catalog::{Catalog, Table},
    engine::{
        Error, Gone, Node, Variables, WriteAnswer, WriteRoot,
        batch::Batch,
        levels::{Filled, Source},
    },
    events::RowImage,
    plan::write::RowKey,
    value::{Key, json},
};

/// Answers a write. `alone` says that nothing was written after the images.
pub(super) async fn fill(
    source: &Source<'_>,
    catalog: &Catalog,
    root: &WriteRoot,
    wrote: &Wrote,
    alone: bool,
    variables: &Variables,
) -> Result<Filled, Error> {
    let table = catalog.table(root.table);
    match (&root.answer, wrote) {
        (WriteAnswer::Done, _) => Ok(Filled::Text(b"true".to_vec())),
        (WriteAnswer::Gone { one, members }, Wrote::Gone(keys)) => {
            let mut text = vec![b'{'];
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                json::write_string(&mut text, &member.key);
                text.push(b':');
                match (member.value, one) {
                    (Gone::Typename, true) => text.extend_from_slice(b"\"delete_one\""),
                    (Gone::Typename, false) => text.extend_from_slice(b"\"delete_many\""),
                    (Gone::Keys, true) => {
                        let key = keys.first().ok_or(Error::Internal)?;
                        json::write_string(&mut text, &key_text(key));
                    }
                    (Gone::Keys, false) => write_keys(&mut text, keys),
                }
            }
            text.push(b'}');
            Ok(Filled::Text(text))
        }
        (WriteAnswer::Row(node), Wrote::Rows(images)) => {
            let image = images.first().ok_or(Error::Forbidden(None))?;
            let level = rows(source, table, node, std::slice::from_ref(image), alone, variables).await?;
            // Written, but not to be seen by who wrote it (contract 7.2).
            if level.spans.iter().all(|span| span.length == 0) {
                return Err(Error::Forbidden(None));
            }
            Ok(Filled::Rows(level))
        }
        (WriteAnswer::Rows(node), Wrote::Rows(images)) => {
            rows(source, table, node, images, alone, variables).await.map(Filled::Rows)
        }
        (WriteAnswer::Gone { .. }, Wrote::Rows(_)) | (WriteAnswer::Row(_) | WriteAnswer::Rows(_), Wrote::Gone(_)) => {
            Err(Error::Internal)
        }
    }
}

/// Whether the answer can be read as asked for, before anything is written.
///
/// # Errors
/// Why a client's value cannot be used.
pub(super) fn check(answer: &WriteAnswer, variables: &Variables) -> Result<(), Error> {
    match answer {
        WriteAnswer::Row(node) | WriteAnswer::Rows(node) => check_node(node, variables),
        WriteAnswer::Done | WriteAnswer::Gone { .. } => Ok(()),
    }
}

fn check_node(node: &Node, variables: &Variables) -> Result<(), Error> {
    if let Some(statement) = &node.statement {
        statement.statement.fixed(&variables.bindings()).map_err(Error::Invalid)?;
    }
    node.children.iter().try_for_each(|child| check_node(&child.node, variables))
}

fn write_keys(text: &mut Vec<u8>, keys: &[RowKey]) {
    text.push(b'[');
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        json::write_string(text, &key_text(key));
    }
    text.push(b']');
}

async fn rows(
    source: &Source<'_>,
    table: &Table,
    node: &Node,
    images: &[RowImage],
    alone: bool,
    variables: &Variables,
) -> Result<levels::Level, Error> {
    if images.is_empty() {
        return Ok(levels::Level::default());
    }
    if let Some(batch) = (alone && node.from_image).then(|| by_key(table, images)).flatten() {
        return Ok(levels::from_batch(source, node, batch, variables).await);
    }
    let keys: Vec<RowKey> = images.iter().map(|image| image.row_key(table)).collect();
    levels::among(source, node, variables, &keys).await
}

/// Images of one statement in the order of their keys, where that is the
/// database's own order: that of integers.
fn by_key(table: &Table, images: &[RowImage]) -> Option<Batch> {
    let rows = images.first()?.rows();
    let mut order = Vec::with_capacity(images.len());
    for image in images {
        if !std::sync::Arc::ptr_eq(image.rows(), rows) || image.first() != 0 {
            return None;
        }
        order.push((image.row_key(table), u32::try_from(image.row()).ok()?));
    }
    let are_integers = |(key, _): &(RowKey, u32)| key.iter().all(|part| matches!(part, Key::Int(_)));
    if images.len() > 1 && !order.iter().all(are_integers) {
        return None;
    }
    order.sort_unstable();
    order.dedup();
    Some(Batch::picked(rows.clone(), order.into_iter().map(|(_, row)| row).collect()))
}
