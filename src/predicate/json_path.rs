//! Paths into JSON documents: `color`, `a[2].b`, `[0]` (contract 3.8).

use super::Error;

/// A path, at most as deep as the configured limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonPath(pub Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A member of an object.
    Member(String),
    /// An element of an array, counted from 0.
    Element(u32),
}

/// Most segments of a path (`MAX_JSON_QUERY_DEPTH`).
const MAX_SEGMENTS: usize = 10;

impl JsonPath {
    /// Reads a path. Wildcards, `..`, `[]` and negative indexes are refused.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the reason.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Invalid(format!("`{text}` is not a JSON path such as `color` or `a[2].b`"));
        let mut segments = Vec::new();
        for (position, part) in text.split('.').enumerate() {
            let (name, mut indexes) = part.find('[').map_or((part, ""), |at| part.split_at(at));
            if name.contains(['?', '@', '$', '*', ']']) || (name.is_empty() && (position > 0 || indexes.is_empty())) {
                return Err(malformed());
            }
            if !name.is_empty() {
                segments.push(Segment::Member(name.to_owned()));
            }
            while !indexes.is_empty() {
                let (index, rest) =
                    indexes.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(malformed)?;
                if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(malformed());
                }
                segments.push(Segment::Element(index.parse().map_err(|_| malformed())?));
                indexes = rest;
            }
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(Error::Invalid(format!("a JSON path has at most {MAX_SEGMENTS} segments")));
        }
        Ok(Self(segments))
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment::*, *};

    #[test]
    fn members_and_elements() {
        let member = |name: &str| Member(name.to_owned());
        assert_eq!(JsonPath::parse("color").unwrap().0, [member("color")]);
        assert_eq!(JsonPath::parse("a[2].b").unwrap().0, [member("a"), Element(2), member("b")]);
        assert_eq!(JsonPath::parse("[0][1]").unwrap().0, [Element(0), Element(1)]);
        for text in ["", "a..b", "a[]", "a[-1]", "*", "a[*]", "a.", "$", "a[1", "a]", "a[0]b"] {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }
}
