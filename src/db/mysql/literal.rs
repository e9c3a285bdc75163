//! Reads the few SQL texts that a catalog holds: quoted literals, defaults,
//! and the two kinds of check constraints that say something about a column.

/// The values of `'a','b'`, or `None` when it is anything else.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        let (value, after) = quoted(without_charset(rest.trim_start()))?;
        values.push(value);
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(values);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// A default as `MariaDB` shows it: literals in quotes, `NULL` for none.
pub(super) fn mariadb_default(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("NULL") {
        return None;
    }
    if let Some(bits) = bits(text) {
        return Some(bits.to_owned());
    }
    match quoted(without_charset(text)) {
        Some((value, "")) => Some(value),
        _ => Some(text.to_owned()),
    }
}

/// The bits of `b'101'`.
pub(super) fn bits(text: &str) -> Option<&str> {
    let bits = text.strip_prefix("b'")?.strip_suffix('\'')?;
    bits.bytes().all(|bit| matches!(bit, b'0' | b'1')).then_some(bits)
}

/// Undoes one level of backslashes, if the quotes have got one.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains("\\'") {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(unescaped(characters.next().unwrap_or('\\'))),
            _ => plain.push(character),
        }
    }
    plain
}

/// The column of `json_valid(column)`.
pub(super) fn json_check(clause: &str) -> Option<String> {
    let call = without_parentheses(clause);
    let argument = strip_word(call, "json_valid")?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
    match identifier(argument.trim())? {
        (column, "") => Some(column),
        _ => None,
    }
}

/// The column and the values of `column in ('a','b')`.
pub(super) fn in_check(clause: &str) -> Option<(String, Vec<String>)> {
    let (column, rest) = identifier(without_parentheses(clause))?;
    let values = strip_word(rest.trim_start(), "in")?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
    Some((column, list(values)?))
}

/// The names in backticks that any clause mentions, each once.
pub(super) fn mentioned(clause: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = clause;
    while let Some(at) = rest.find(['`', '\'']) {
        let found = if rest[at..].starts_with('`') { identifier(&rest[at..]) } else { quoted(&rest[at..]) };
        let Some((name, after)) = found else { break };
        if rest[at..].starts_with('`') && !names.contains(&name) {
            names.push(name);
        }
        rest = after;
    }
    names
}

fn without_parentheses(clause: &str) -> &str {
    let mut inner = clause.trim();
    while let Some(stripped) = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        inner = stripped.trim();
    }
    inner
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// A name in backticks, and what follows it.
pub(super) fn identifier(text: &str) -> Option<(String, &str)> {
    let (name, rest) = delimited(text, '`', false)?;
    Some((name, rest))
}

/// A literal in quotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    delimited(text, '\'', true)
}

/// Without a leading `_utf8mb4`, which says how a literal is encoded.
fn without_charset(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('_') else { return text };
    rest.trim_start_matches(|character: char| character.is_ascii_alphanumeric()).trim_start()
}

/// Text between two of `mark`, which doubled stands for itself.
fn delimited(text: &str, mark: char, backslashes: bool) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix(mark)?.chars();
    let mut value = String::new();
    while let Some(character) = rest.next() {
        if character == mark {
            match rest.as_str().strip_prefix(mark) {
                Some(after) => rest = after.chars(),
                None => return Some((value, rest.as_str())),
            }
        }
        match character {
            '\\' if backslashes => value.push(unescaped(rest.next()?)),
            _ => value.push(character),
        }
    }
    None
}

fn unescaped(character: char) -> char {
    match character {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        'Z' => '\u{1a}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_bare_values_or_expressions() {
        let default = |text: &str| mariadb_default(text);
        assert_eq!(default("NULL"), None);
        assert_eq!(default("'draft'").as_deref(), Some("draft"));
        assert_eq!(default("''").as_deref(), Some(""));
        assert_eq!(default("'NULL'").as_deref(), Some("NULL"));
        assert_eq!(default("'it''s \\\\ \\n'").as_deref(), Some("it's \\ \n"));
        assert_eq!(default("current_timestamp()").as_deref(), Some("current_timestamp()"));
        assert_eq!(default("concat('a','b')").as_deref(), Some("concat('a','b')"));
        assert_eq!(default("1.50").as_deref(), Some("1.50"));
        assert_eq!(default("b'101'").as_deref(), Some("101"));
    }

    #[test]
    fn enum_like_checks_are_read_as_both_servers_write_them() {
        let check = |clause: &str| in_check(clause);
        let expected = Some(("sta`tus".to_owned(), vec!["a".to_owned(), "it's".to_owned()]));
        assert_eq!(check("`sta``tus` in ('a','it''s')"), expected);
        let mysql = unescape("(`sta``tus` in (_utf8mb4\\'a\\',_utf8mb4\\'it\\\\\\'s\\'))");
        assert_eq!(mysql, "(`sta``tus` in (_utf8mb4'a',_utf8mb4'it\\'s'))");
        assert_eq!(check(&mysql), expected);
        assert_eq!(check("`a` in (1,2)"), None);
        assert_eq!(check("`a` in ('x') or `b` in ('y')"), None);
        assert_eq!(check("(`a` in ('x')) and (`b` in ('y'))"), None);
        assert_eq!(check("`a` not in ('x')"), None);
        assert_eq!(check("`a` > 3"), None);
    }

    #[test]
    fn clauses_mention_columns_outside_of_literals() {
        assert_eq!(mentioned("`a` > 3 and `b``c` <> '`d`' or `a` is null"), ["a", "b`c"]);
        assert_eq!(mentioned("1 = 1"), [""; 0]);
    }

    #[test]
    fn json_checks_name_their_column() {
        assert_eq!(json_check("json_valid(`doc`)").as_deref(), Some("doc"));
        assert_eq!(json_check("(JSON_VALID(`doc`))").as_deref(), Some("doc"));
        assert_eq!(json_check("json_valid(`doc`) and `a` > 3"), None);
    }
}
