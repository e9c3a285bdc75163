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
        for from in 0..=segments.len() {
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

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    /// The patterns that hear an event, in their order, whatever the order in
    /// which they were registered.
    fn hearing(patterns: &[&str], event: &str) -> Vec<String> {
        let mut bus = Bus::<()>::new();
        patterns.iter().for_each(|pattern| bus.add(pattern, Arc::new(())));
        let pattern = |listener: &Listener<()>| listener.name.split('#').next().unwrap().to_owned();
        bus.hearing(event).iter().map(pattern).collect()
    }

    #[test]
    fn the_order_of_the_contract_holds_however_they_were_registered() {
        for (event, expected) in [
            ("items.create", &["items.create", "items.*", "items.**", "*.create", "*.*", "**", "**.create"][..]),
            ("articles.items.create", &["articles.items.create", "articles.**", "*.items.create", "**", "**.create"]),
        ] {
            let mut registered = expected.to_vec();
            for _ in 0..expected.len() {
                registered.rotate_left(1);
                assert_eq!(hearing(&registered, event), expected);
            }
            registered.reverse();
            assert_eq!(hearing(&registered, event), expected);
        }
    }

    #[test]
    fn of_one_pattern_the_first_registered_comes_first_and_twice_is_twice() {
        let mut bus = Bus::<()>::new();
        for pattern in ["b.*", "b.c", "b.*", "b.c"] {
            bus.add(pattern, Arc::new(()));
        }
        let names: Vec<String> = bus.hearing("b.c").iter().map(|listener| listener.name.clone()).collect();
        assert_eq!(names, ["b.c#2", "b.c#4", "b.*#1", "b.*#3"]);
    }

    #[test]
    fn wildcards_stand_for_whole_segments() {
        assert_eq!(hearing(&["items.**", "items.*", "*"], "items"), ["items.**", "*"]);
        assert_eq!(hearing(&["items", "items.*"], "items.a.b"), Vec::<String>::new());
        assert_eq!(hearing(&["a.**.d", "a.*.d"], "a.b.c.d"), ["a.**.d"]);
        assert_eq!(hearing(&["a.**.**"], "a"), ["a.**.**"]);
    }

    #[test]
    fn a_listener_is_remembered_and_hears_again() {
        let mut bus = Bus::<()>::new();
        bus.add("a.*", Arc::new(()));
        assert_eq!(bus.hearing("a.b").len(), 1);
        assert!(Arc::ptr_eq(&bus.hearing("a.b"), &bus.hearing("a.b")));
    }

    #[test]
    fn what_is_no_pattern() {
        for wrong in ["", ".", "a..b", "a.", ".a", "a*", "a.b*.c", "***", "a.**b"] {
            assert!(check_pattern(wrong).is_err(), "{wrong}");
        }
        for right in ["a", "a.b.c", "*", "**", "a.*.**", "table.insert:before"] {
            assert_eq!(check_pattern(right), Ok(()), "{right}");
        }
    }

    /// What the words of the contract say, without a tree.
    fn matches(pattern: &[&str], event: &[&str]) -> bool {
        match pattern {
            [] => event.is_empty(),
            ["**", rest @ ..] => (0..=event.len()).any(|from| matches(rest, &event[from..])),
            [first, rest @ ..] => {
                event.first().is_some_and(|segment| *first == "*" || first == segment) && matches(rest, &event[1..])
            }
        }
    }

    fn names(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(words), 1..=most).prop_map(|segments| segments.join("."))
    }

    proptest! {
        #[test]
        fn an_event_is_heard_by_the_patterns_that_match_it_each_once(
            patterns in prop::collection::btree_set(names(&["a", "b", "*", "**"], 4), 1..12),
            event in names(&["a", "b", "c"], 4),
        ) {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let segments: Vec<&str> = event.split('.').collect();
            let mut expected: Vec<&str> = patterns
                .iter()
                .copied()
                .filter(|pattern| matches(&pattern.split('.').collect::<Vec<_>>(), &segments))
                .collect();
            let mut heard = hearing(&patterns, &event);
            heard.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(heard, expected);
        }

        /// Literal before `*` before `**`, segment by segment, where `**` can
        /// only be taken in one way.
        #[test]
        fn the_more_definite_pattern_comes_first(patterns in subsequence(vec![
            "a.b", "a.*", "a.**", "*.b", "*.*", "*.**", "a.b.**", "**",
        ], 1..=8).prop_shuffle()) {
            let rank = |pattern: &str| -> Vec<u8> {
                let of = |segment| match segment { "**" => 2, "*" => 1, _ => 0 };
                pattern.split('.').map(of).collect()
            };
            let mut expected = patterns.clone();
            expected.sort_by_key(|pattern| rank(pattern));
            prop_assert_eq!(hearing(&patterns, "a.b"), expected);
        }
    }
}
