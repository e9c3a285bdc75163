//! What can be told of a text.

const WORDS_PER_MINUTE: usize = 200;

/// As it stands in an address: lower case, words joined by hyphens.
pub(crate) fn slug(title: &str) -> String {
    let parts = title.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

pub(crate) fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// At least one.
pub(crate) fn reading_minutes(words: usize) -> usize {
    words.div_ceil(WORDS_PER_MINUTE).max(1)
}

/// Whether it looks like an address; only a mail can tell.
pub(crate) fn is_email(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || letter == '@');
    match text.split_once('@') {
        Some((name, domain)) => is_part(name) && domain.contains('.') && domain.split('.').all(is_part),
        None => false,
    }
}

/// The beginning, cut between words.
pub(crate) fn excerpt(text: &str, longest: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= longest {
        return words;
    }
    let cut: String = words.chars().take(longest).collect();
    let whole = cut.rsplit_once(' ').map_or(&*cut, |(whole, _)| whole);
    format!("{whole}…")
}
