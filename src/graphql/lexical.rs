//! Documents as tokens, before they are parsed: what must not reach the parser,
//! and what the parser does not tell.

use std::collections::HashSet;

use super::{
    answer::Problem,
    limits::{Exceeded, MAX_NESTING},
};

/// Holds a document's text against the limits of tokens and nesting, and finds
/// the faults that the parser lets pass: `()`, and input objects that name a
/// member twice, of which the parser would keep the last.
///
/// # Errors
/// The limit that it exceeds.
pub(super) fn check(text: &str, max_tokens: usize) -> Result<Vec<Problem>, Exceeded> {
    let mut problems = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut previous = Token { text: "", at: 0 };
    for (count, token) in (Tokens { text, at: 0 }).enumerate() {
        if count >= max_tokens {
            return Err(Exceeded::tokens(max_tokens));
        }
        match token.text {
            "(" | "[" => open.push(Open::Values),
            "{" if open.is_empty() || matches!(open.last(), Some(Open::Selection)) => open.push(Open::Selection),
            "{" => open.push(Open::Object(HashSet::new())),
            ")" | "]" | "}" => {
                if token.text == ")" && previous.text == "(" {
                    problems.push(problem(text, token, "Syntax Error: Expected Name, found \")\".".to_owned()));
                }
                open.pop();
            }
            ":" => {
                if let Some(Open::Object(members)) = open.last_mut()
                    && !members.insert(previous.text)
                {
                    let message = format!("There can be only one input field named \"{}\".", previous.text);
                    problems.push(problem(text, previous, message));
                }
            }
            _ => {}
        }
        if open.len() > MAX_NESTING {
            return Err(Exceeded::nesting());
        }
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
        previous = token;
    }
    Ok(problems)
}

/// Problems beyond this number are not told: finding the place of each costs a
/// look at all the text before it.
const MAX_PROBLEMS: usize = 20;

/// A bracket that is not closed yet.
enum Open<'a> {
    /// Fields.
    Selection,
    /// Arguments, variables or a list.
    Values,
    /// An input object, with the names of its members so far.
    Object(HashSet<&'a str>),
}

#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    at: usize,
}

fn problem(text: &str, token: Token<'_>, message: String) -> Problem {
    let before = &text[..token.at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Problem { message, locations: vec![(line, column)], ..Problem::default() }
}

/// The lexical tokens of a document (specification 2.1), roughly: enough to
/// count them and to tell brackets, names and texts apart.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let at = self.at;
            let rest = self.text.as_bytes().get(at..).filter(|rest| !rest.is_empty())?;
            let (length, is_token) = match rest[0] {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => (1, false),
                b'#' => (rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()), false),
                b'"' => (string_length(rest), true),
                b'.' if rest.starts_with(b"...") => (3, true),
                first if is_word(first) => (rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len()), true),
                _ => (1, true),
            };
            self.at += length;
            if is_token {
                // Lengths end at ASCII bytes, so at borders of characters.
                return Some(Token { text: self.text.get(at..self.at).unwrap_or_default(), at });
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.') || byte >= 0x80
}

fn string_length(text: &[u8]) -> usize {
    let (quote, start): (&[u8], usize) = if text.starts_with(b"\"\"\"") { (b"\"\"\"", 3) } else { (b"\"", 1) };
    let mut at = start;
    while at < text.len() {
        if text[at] == b'\\' {
            // Within a block only quotes are escaped.
            at += if start == 1 { 2 } else { 1 + 3 * usize::from(text[at + 1..].starts_with(quote)) };
        } else if text[at..].starts_with(quote) {
            return at + quote.len();
        } else if start == 1 && matches!(text[at], b'\n' | b'\r') {
            return at;
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let problems = check(text, 1_000).expect("within the limits");
        problems.into_iter().map(|problem| format!("{} {:?}", problem.message, problem.locations)).collect()
    }

    #[test]
    fn tokens_are_counted_as_the_specification_has_them() {
        for (text, tokens) in [
            ("{a}", 3),
            ("query Q($a: Int = -1.5e+3) { a(b: \"c } \\\" d\") ...F }", 20),
            ("# comment { } \n{ a, b }", 4),
            ("{ a(b: \"\"\"block \" string\"\"\") }", 8),
            ("{ a(b: \"\"\"with \\\"\"\" and\"\"\") }", 8),
        ] {
            assert_eq!(Tokens { text, at: 0 }.count(), tokens, "{text}");
            assert!(check(text, tokens).is_ok(), "{text}");
            assert!(check(text, tokens - 1).is_err(), "{text}");
        }
    }

    #[test]
    fn a_member_is_named_once_in_each_input_object() {
        assert_eq!(messages("{ a(b: {c: 1,\n c: 2}) }"), ["There can be only one input field named \"c\". [(2, 2)]"]);
        assert_eq!(messages("query ($a: F = {c: {d: 1, d: 1}}) { a }").len(), 1);
        assert!(messages("{ a(b: [{c: 1}, {c: {c: 1}}], d: {c: 1}) { x: y x: y } }").is_empty());
    }

    #[test]
    fn nesting_is_limited_before_the_parser_follows_it() {
        assert!(check(&"[".repeat(4_000), 5_000).is_err());
        assert!(check(&"{a".repeat(4_000), 10_000).is_err());
    }

    #[test]
    fn any_bytes_will_do() {
        for text in ["\"", "\"\\", "\"\"\"\\", "\"é\\é", "}}}", "é:é", "{a(b:{:})}", "\u{feff}{a}"] {
            assert!(check(text, 1_000).is_ok(), "{text}");
        }
    }
}
