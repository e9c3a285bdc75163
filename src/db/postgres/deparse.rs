//! Reads what the server prints of its own expressions: literals in defaults,
//! value lists in checks. What is not surely one of these stays an expression.

/// What a column takes when nothing is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// Nothing, or an explicit `NULL`.
    None,
    /// The next number of a sequence.
    Sequence,
    /// A literal's bare value.
    Literal(String),
    /// Anything that is computed.
    Expression(String),
}

/// Reads a default: `'draft'::text`, `0`, `('-1'::integer)::numeric`, `now()`.
pub(super) fn default(expression: &str) -> Default {
    let expression = expression.trim();
    if expression.starts_with("nextval(") {
        return Default::Sequence;
    }
    if expression.strip_prefix("NULL").is_some_and(is_casts) {
        return Default::None;
    }
    match literal(expression) {
        Some(value) => Default::Literal(value),
        None => Default::Expression(expression.to_owned()),
    }
}

fn literal(expression: &str) -> Option<String> {
    if let Some((value, rest)) = quoted(expression) {
        return is_casts(rest).then_some(value);
    }
    for word in ["true", "false"] {
        if expression.strip_prefix(word).is_some_and(is_casts) {
            return Some(word.to_owned());
        }
    }
    if let Some((inner, rest)) = parenthesised(expression) {
        // A text in parentheses is cast a second time, which may compute
        // (`('now'::text)::date`); a number stays what it is.
        return literal(inner).filter(|value| is_casts(rest) && is_number(value));
    }
    let end = expression.find("::").unwrap_or(expression.len());
    let (number, rest) = expression.split_at(end);
    (is_number(number) && is_casts(rest)).then(|| number.to_owned())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The values of `CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))`, which
/// is how `status IN ('a', 'b')` is kept; empty if it is another check.
pub(super) fn allowed(check: &str, column: &str) -> Vec<String> {
    read_allowed(check, column).unwrap_or_default()
}

fn read_allowed(check: &str, column: &str) -> Option<Vec<String>> {
    let condition = bare(check.strip_prefix("CHECK ")?);
    if let Some((left, list)) = condition.split_once(" = ANY (") {
        if !names(left, column) {
            return None;
        }
        // Behind `ARRAY[…]` may follow `)::text[]`, and always a parenthesis.
        let mut list = list.strip_suffix(')')?;
        if let Some((inner, rest)) = parenthesised(list) {
            list = is_casts(rest).then_some(inner)?;
        }
        let (values, rest) = quoted_list(list.strip_prefix("ARRAY[")?)?;
        return is_casts(rest.strip_prefix(']')?).then_some(values);
    }
    // A list of one is kept as an equation.
    let (left, right) = condition.split_once(" = ")?;
    let (value, rest) = quoted(right)?;
    (names(left, column) && is_casts(rest)).then(|| vec![value])
}

/// Whether it is the column, perhaps cast: `(status)::text`.
fn names(left: &str, column: &str) -> bool {
    let name = match parenthesised(left) {
        Some((inner, rest)) if is_casts(rest) => inner,
        Some(_) => return false,
        None => left,
    };
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\"") == column,
        None => name == column,
    }
}

fn quoted_list(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut values = Vec::new();
    loop {
        let (value, rest) = quoted(text)?;
        let end = rest.find([',', ']'])?;
        if !is_casts(&rest[..end]) {
            // `varchar(10)` and the like hold no comma; `numeric(9,2)` is no text.
            return None;
        }
        values.push(value);
        text = match rest[end..].strip_prefix(", ") {
            Some(next) => next,
            None => return Some((values, &rest[end..])),
        };
    }
}

/// A string literal and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (escapes, body) = match text.strip_prefix('E') {
        Some(rest) => (true, rest.strip_prefix('\'')?),
        None => (false, text.strip_prefix('\'')?),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            '\'' if body[at + 1..].starts_with('\'') => {
                chars.next();
                value.push('\'');
            }
            '\'' => return Some((value, &body[at + 1..])),
            // The server prints no other escape than the doubled backslash.
            '\\' if escapes => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    None
}

/// What the parentheses at the start hold, and what follows them.
fn parenthesised(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?;
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => {
                depth -= 1;
                if depth == 0 {
                    return Some((&text[1..at], &text[at + 1..]));
                }
            }
            (None, _) => {}
        }
    }
    None
}

/// Without the parentheses that enclose all of it.
fn bare(mut text: &str) -> &str {
    while let Some((inner, "")) = parenthesised(text) {
        text = inner;
    }
    text
}

/// Whether it is nothing, or `::type` with no operator behind.
fn is_casts(text: &str) -> bool {
    let is_of_a_name = |character: char| {
        character.is_alphanumeric() || matches!(character, '_' | ' ' | '"' | '.' | '(' | ')' | ',' | '[' | ']' | ':')
    };
    text.is_empty() || (text.starts_with("::") && text.chars().all(is_of_a_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal_of(expression: &str) -> Option<String> {
        match default(expression) {
            Default::Literal(value) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn literals_lose_their_quotes_and_casts() {
        for (expression, value) in [
            ("'draft'::text", "draft"),
            ("'it''s'::character varying(10)", "it's"),
            ("''::text", ""),
            ("'x'::\"Odd\".\"Type\"", "x"),
            ("'{}'::text[]", "{}"),
            ("E'a\\\\b'::text", "a\\b"),
            ("0", "0"),
            ("1.50", "1.50"),
            ("'-1'::integer", "-1"),
            ("('-1'::integer)::numeric", "-1"),
            ("(0)::numeric(10,2)", "0"),
            ("false", "false"),
            ("'2020-01-01'::date", "2020-01-01"),
        ] {
            assert_eq!(literal_of(expression).as_deref(), Some(value), "{expression}");
        }
    }

    #[test]
    fn what_is_computed_stays_an_expression() {
        for expression in
            ["now()", "('now'::text)::date", "'a'::text || 'b'::text", "(1 + 1)", "CURRENT_DATE", "trueish()"]
        {
            assert_eq!(default(expression), Default::Expression(expression.to_owned()));
        }
        assert_eq!(default("NULL::character varying"), Default::None);
        assert_eq!(default("nextval('a_id_seq'::regclass)"), Default::Sequence);
    }

    #[test]
    fn lists_in_checks_are_found() {
        let of = |check, column| allowed(check, column).join("|");
        assert_eq!(of("CHECK ((status = ANY (ARRAY['a'::text, 'it''s, ]'::text])))", "status"), "a|it's, ]");
        let varchar =
            "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))";
        assert_eq!(of(varchar, "status"), "a|b");
        assert_eq!(of("CHECK ((\"or\"\"der\" = 'x'::text))", "or\"der"), "x");
        assert_eq!(of("CHECK ((VALUE = ANY (ARRAY['s'::text])))", "VALUE"), "s");
        for other in [
            "CHECK ((status <> ALL (ARRAY['a'::text])))",
            "CHECK ((lower(status) = ANY (ARRAY['a'::text])))",
            "CHECK (((status = ANY (ARRAY['a'::text])) OR (other > 0)))",
            "CHECK ((n = ANY (ARRAY[1, 2])))",
            "CHECK ((status = 'a'::text) OR true)",
            "CHECK ((length(status) > 0))",
        ] {
            assert_eq!(of(other, "status"), "", "{other}");
        }
    }
}
