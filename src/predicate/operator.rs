//! The operators that clients may write (contract 5.1), and what each means.

use super::{Ordering, Place};

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `_eq`, `_neq`, `_lt`, `_lte`, `_gt`, `_gte`
    Order(Ordering),
    /// `_in`, `_nin`
    In { negated: bool },
    /// `_between`, `_nbetween`
    Between { negated: bool },
    /// `_null`, `_nnull`
    Null { negated: bool },
    /// `_empty`, `_nempty`
    Empty { negated: bool },
    /// `_contains`, `_istarts_with`, …
    Pattern { place: Place, insensitive: bool, negated: bool },
    /// `_intersects`, `_intersects_bbox`, …
    Intersects { bounds: bool, negated: bool },
    /// `_json`
    Json,
}

impl Operator {
    /// The operator of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.strip_prefix('_')? {
            "eq" => Self::Order(Ordering::Equal),
            "neq" => Self::Order(Ordering::NotEqual),
            "lt" => Self::Order(Ordering::Less),
            "lte" => Self::Order(Ordering::LessOrEqual),
            "gt" => Self::Order(Ordering::Greater),
            "gte" => Self::Order(Ordering::GreaterOrEqual),
            "in" => Self::In { negated: false },
            "nin" => Self::In { negated: true },
            "between" => Self::Between { negated: false },
            "nbetween" => Self::Between { negated: true },
            "null" => Self::Null { negated: false },
            "nnull" => Self::Null { negated: true },
            "empty" => Self::Empty { negated: false },
            "nempty" => Self::Empty { negated: true },
            "intersects" => Self::Intersects { bounds: false, negated: false },
            "nintersects" => Self::Intersects { bounds: false, negated: true },
            "intersects_bbox" => Self::Intersects { bounds: true, negated: false },
            "nintersects_bbox" => Self::Intersects { bounds: true, negated: true },
            "json" => Self::Json,
            pattern => return Self::pattern(pattern),
        })
    }

    fn pattern(name: &str) -> Option<Self> {
        let (negated, rest) = name.strip_prefix('n').map_or((false, name), |rest| (true, rest));
        let (insensitive, rest) = rest.strip_prefix('i').map_or((false, rest), |rest| (true, rest));
        let place = match rest {
            "contains" => Place::Inside,
            "starts_with" => Place::Start,
            "ends_with" => Place::End,
            _ => return None,
        };
        Some(Self::Pattern { place, insensitive, negated })
    }
}
