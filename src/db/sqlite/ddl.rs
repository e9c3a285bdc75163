//! What only the text of `CREATE TABLE` says: the values that an enum-like
//! `CHECK (column IN ('a', 'b'))` allows, and what a default's literal holds.

use std::{iter::Peekable, str::Chars};

/// The columns that checks of exactly that form limit, with their values in
/// declared order. Any other check is passed over.
pub(super) fn allowed_values(create_table: &str) -> Vec<(String, Vec<String>)> {
    let tokens = tokens(create_table);
    let checks = tokens.iter().enumerate().filter(|(_, token)| token.is_word("CHECK"));
    checks.filter_map(|(at, _)| in_list(&tokens[at + 1..])).collect()
}

/// The checks that have a name, with the words that they mention; the columns
/// are among them.
pub(super) fn named_checks(create_table: &str) -> Vec<(String, Vec<String>)> {
    let tokens = tokens(create_table);
    let named = tokens.windows(4).enumerate().filter_map(|(at, window)| match window {
        [constraint, Token::Word(name) | Token::Quoted(name), check, open]
            if constraint.is_word("CONSTRAINT") && check.is_word("CHECK") && open.is_sign('(') =>
        {
            Some((name.clone(), words_within(&tokens[at + 4..])))
        }
        _ => None,
    });
    named.collect()
}

/// The words up to the parenthesis that closes.
fn words_within(tokens: &[Token]) -> Vec<String> {
    let mut depth = 1;
    let mut words = Vec::new();
    for token in tokens {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            Token::Word(word) | Token::Quoted(word) => words.push(word.clone()),
            Token::Text(_) | Token::Sign(_) => {}
        }
        if depth == 0 {
            break;
        }
    }
    words
}

/// The bare value of a literal, the text of any other expression; `None` for
/// an explicit `NULL`.
pub(super) fn default_value(text: &str) -> Option<String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("NULL") {
        return None;
    }
    match tokens(text).as_slice() {
        [Token::Text(value) | Token::Quoted(value)] => Some(value.clone()),
        _ => Some(text.to_owned()),
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    /// A bare word or number.
    Word(String),
    /// A quoted identifier.
    Quoted(String),
    /// A string.
    Text(String),
    /// Any other character.
    Sign(char),
}

impl Token {
    fn is_word(&self, expected: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(expected))
    }

    fn is_sign(&self, expected: char) -> bool {
        matches!(self, Self::Sign(sign) if *sign == expected)
    }
}

/// Reads `(column IN ('a', 'b'))`.
fn in_list(tokens: &[Token]) -> Option<(String, Vec<String>)> {
    let [open, Token::Word(column) | Token::Quoted(column), is_in, open_list, rest @ ..] = tokens else {
        return None;
    };
    if !(open.is_sign('(') && is_in.is_word("IN") && open_list.is_sign('(')) {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = rest;
    while let [Token::Text(value), sign, after @ ..] = rest {
        values.push(value.clone());
        if sign.is_sign(')') {
            return after.first()?.is_sign(')').then(|| (column.clone(), values));
        }
        if !sign.is_sign(',') {
            return None;
        }
        rest = after;
    }
    None
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '\'' => tokens.push(Token::Text(quoted(&mut rest, '\''))),
            '"' | '`' => tokens.push(Token::Quoted(quoted(&mut rest, first))),
            '[' => tokens.push(Token::Quoted(rest.by_ref().take_while(|next| *next != ']').collect())),
            '-' if rest.next_if_eq(&'-').is_some() => {
                rest.by_ref().find(|next| *next == '\n');
            }
            '/' if rest.next_if_eq(&'*').is_some() => skip_comment(&mut rest),
            _ if is_in_word(first) => tokens.push(Token::Word(word(first, &mut rest))),
            _ if first.is_whitespace() => {}
            _ => tokens.push(Token::Sign(first)),
        }
    }
    tokens
}

/// Up to the closing quote; two quotes are one.
fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        if next == quote && rest.next_if_eq(&quote).is_none() {
            break;
        }
        text.push(next);
    }
    text
}

fn skip_comment(rest: &mut Peekable<Chars<'_>>) {
    let mut last = ' ';
    for next in rest.by_ref() {
        if last == '*' && next == '/' {
            break;
        }
        last = next;
    }
}

fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii()
}

fn word(first: char, rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(next) = rest.next_if(|next| is_in_word(*next)) {
        word.push(next);
    }
    word
}
