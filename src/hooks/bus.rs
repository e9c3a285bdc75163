//! Listeners by the names they registered for, and which of them hear an event.

use std::{collections::BTreeMap, fmt, sync::Arc};

use moka::sync::Cache;

/// Names whose listeners are remembered.
const REMEMBERED: u64 = 10_000;

/// A handler with the name that logs give it.
pub(super) struct Listener<H: ?Sized> {
    pub(super) name: String,
    pub(super) handler: Arc<H>,
}

impl<H: ?Sized> Clone for Listener<H> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), handler: self.handler.clone() }
    }
}

/// The listeners of one kind. Patterns are names of segments joined by dots, in
/// which `*` stands for one segment and `**` for any number.
pub(super) struct Bus<H: ?Sized> {
    listeners: Vec<Listener<H>>,
    root: Node,
    known: Cache<String, Arc<[Listener<H>]>>,
}

/// Patterns by their segments.
#[derive(Default)]
struct Node {
    children: BTreeMap<String, Node>,
    /// Listeners whose pattern ends here, in the order of registration.
    listeners: Vec<usize>,
}

impl<H: ?Sized> fmt::Debug for Bus<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.listeners.iter().map(|listener| &listener.name)).finish()
    }
}

impl<H: ?Sized + Send + Sync + 'static> Bus<H> {
    pub(super) fn new() -> Self {
        Self { listeners: Vec::new(), root: Node::default(), known: Cache::new(REMEMBERED) }
    }

    /// Adds a listener; the pattern was checked.
    pub(super) fn add(&mut self, pattern: &str, handler: Arc<H>) {
        let number = self.listeners.len();
        let mut node = &mut self.root;
        for segment in pattern.split('.') {
            node = node.children.entry(segment.to_owned()).or_default();
        }
        node.listeners.push(number);
        self.listeners.push(Listener { name: format!("{pattern}#{}", number + 1), handler });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Who hears an event, in the order in which they do: depth first over the
    /// segments, at each the literal branch, then `*`, then `**` (contract 2).
    pub(super) fn hearing(&self, event: &str) -> Arc<[Listener<H>]> {
        if let Some(known) = self.known.get(event) {
            return known;
        }
        let segments: Vec<&str> = event.split('.').collect();
        let mut found = Vec::new();
        walk(&self.root, &segments, &mut found);
        let hearing: Arc<[Listener<H>]> = found.into_iter().map(|number| self.listeners[number].clone()).collect();
        self.known.insert(event.to_owned(), hearing.clone());
        hearing
    }
}

fn walk(node: &Node, segments: &[&str], found: &mut Vec<usize>) {
    let add = |listeners: &[usize], found: &mut Vec<usize>| {
        for number in listeners {
            if !found.contains(number) {
                found.push(*number);
            }
        }
    };
    match segments {
        [] => add(&node.listeners, found),
        [first, rest @ ..] => {
            // A name never holds a wildcard, so these are different branches.
            for branch in [*first, "*"] {
                if let Some(child) = node.children.get(branch) {
                    walk(child, rest, found);
                }
            }
        }
    }
    if let Some(any) = node.children.get("**") {
        add(&any.listeners, found);
        for from in 0..segments.len() {
            walk(any, &segments[from..], found);
        }
    }
}

/// What is wrong with a pattern, if anything is.
pub(super) fn check_pattern(pattern: &str) -> Result<(), &'static str> {
    for segment in pattern.split('.') {
        if segment.is_empty() {
            return Err("a segment is empty");
        }
        if segment.contains('*') && !matches!(segment, "*" | "**") {
            return Err("`*` and `**` stand for whole segments");
        }
    }
    Ok(())
}
