//! The arguments of a list, whatever protocol brought them: filter, sort,
//! limit, offset, page, search (contract sections 4.2 to 4.4).

use serde_json::Value as Json;

use super::{Error, Order, Search, Source, order};
use crate::{
    catalog::{Catalog, ColumnId, Table},
    permissions::Access,
    predicate::{self, Bindings, Context, Input, Predicate, Term},
};

/// Most entries of a sort; each may join a table for every step of its path.
pub(super) const MAX_SORT_ENTRIES: usize = 20;

/// What a client asked of a list.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Which rows; absent means all.
    pub filter: Option<Input>,
    /// In which order; absent means by key, empty means in any.
    pub sort: Option<Vec<String>>,
    /// How many; -1 means all, absent the default.
    pub limit: Option<i64>,
    /// How many to leave out first.
    pub offset: Option<Term>,
    /// Which page, counted from 1; 0 means none.
    pub page: Option<Term>,
    /// A text that rows must contain; never an empty one.
    pub search: Option<Term>,
}

/// What lists are held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of a list without a limit (`QUERY_LIMIT_DEFAULT`).
    pub default_limit: u32,
    /// Most rows of a list (`QUERY_LIMIT_MAX`); `None` means any number.
    pub max_limit: Option<u32>,
    /// Most segments of a path in a selection, filter or sort, its leaf
    /// included (`MAX_RELATIONAL_DEPTH`).
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { default_limit: 100, max_limit: None, max_depth: 10 }
    }
}

impl Limits {
    /// The number of rows that a limit stands for; `None` means all.
    ///
    /// # Errors
    /// When it is below -1 or above the maximum.
    pub fn rows(&self, limit: Option<i64>) -> Result<Option<u32>, Error> {
        let max = self.max_limit;
        match limit {
            None => Ok(Some(self.default_limit.min(max.unwrap_or(u32::MAX)))),
            Some(-1) => Ok(max),
            Some(asked) => match (u32::try_from(asked), max) {
                (Ok(rows), Some(max)) if rows > max => {
                    Err(Error::Invalid(format!("a limit of {rows} is over the maximum of {max}")))
                }
                (Ok(rows), _) => Ok(Some(rows)),
                (Err(_), _) => Err(Error::Invalid(format!("a limit is -1 or more, not {asked}"))),
            },
        }
    }
}

/// A window on a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Most rows; `None` means all.
    pub limit: Option<u32>,
    /// What is left out before them.
    pub offset: Offset,
}

impl Page {
    /// Everything.
    pub const ALL: Self = Self { limit: None, offset: Offset { limit: None, page: None, offset: None, adds: false } };
}

/// How many rows are left out, known when the statement runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Offset {
    limit: Option<u32>,
    page: Option<Term>,
    offset: Option<Term>,
    /// Whether page and offset add up, as within parents, or page wins.
    adds: bool,
}

impl Offset {
    /// Whether no row is ever left out.
    pub fn is_none(&self) -> bool {
        self.page.is_none() && self.offset.is_none()
    }

    /// The number of rows to leave out.
    ///
    /// # Errors
    /// When page or offset is negative or no integer.
    pub fn resolve(&self, bindings: &Bindings<'_>) -> Result<i64, String> {
        let page = count("page", self.page.as_ref(), bindings)?;
        let offset = count("offset", self.offset.as_ref(), bindings)?;
        // With all rows on one page, pages mean nothing.
        let paged = match (page, self.limit) {
            (Some(page @ 1..), Some(limit)) => Some(i64::from(limit).saturating_mul(page - 1)),
            _ => None,
        };
        Ok(match paged {
            Some(paged) if self.adds => paged.saturating_add(offset.unwrap_or(0)),
            Some(paged) => paged,
            None => offset.unwrap_or(0),
        })
    }
}

fn count(name: &str, term: Option<&Term>, bindings: &Bindings<'_>) -> Result<Option<i64>, String> {
    match term.and_then(|term| term.resolve(bindings)) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => match json.as_i64() {
            Some(number) if number >= 0 => Ok(Some(number)),
            _ => Err(format!("`{name}` is 0 or more, not {json}")),
        },
    }
}

impl Arguments {
    /// The condition that the filter is.
    ///
    /// # Errors
    /// What is wrong with the filter.
    pub fn predicate(&self, catalog: &Catalog, table: &Table, limits: &Limits) -> Result<Predicate, Error> {
        let Some(filter) = &self.filter else { return Ok(Predicate::always()) };
        Ok(predicate::parse(Context { catalog, max_depth: limits.max_depth }, table, filter)?)
    }

    /// The order that the sort is; by the table's key when nothing is asked, or
    /// else by what of it `access` allows.
    ///
    /// # Errors
    /// What is wrong with the sort.
    pub fn order(
        &self,
        catalog: &Catalog,
        access: &Access,
        (table, sort): (&Table, Option<ColumnId>),
        limits: &Limits,
    ) -> Result<Vec<Order>, Error> {
        match &self.sort {
            None => Ok(order::by_default(table, sort, access)),
            Some(entries) if entries.len() > MAX_SORT_ENTRIES => {
                Err(Error::Invalid(format!("a sort has at most {MAX_SORT_ENTRIES} entries")))
            }
            Some(entries) => entries.iter().map(|entry| order::parse(catalog, table, entry, limits)).collect(),
        }
    }

    /// The text to look for.
    pub fn search(&self) -> Option<Search> {
        self.search.clone().map(|term| Search { term, columns: Vec::new() })
    }

    /// The window that limit, offset and page are.
    ///
    /// # Errors
    /// What is wrong with the limit; offset and page are checked when bound.
    pub fn page(&self, source: &Source, limits: &Limits) -> Result<Page, Error> {
        let limit = limits.rows(self.limit)?;
        let adds = matches!(source, Source::Relationship(_));
        let offset = Offset { limit, page: self.page.clone(), offset: self.offset.clone(), adds };
        Ok(Page { limit, offset })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offset(limit: Option<u32>, page: Json, offset: Json, adds: bool) -> Result<i64, String> {
        let offset = Offset { limit, page: Some(Term::Constant(page)), offset: Some(Term::Constant(offset)), adds };
        offset.resolve(&Bindings::at(0))
    }

    #[test]
    fn page_wins_over_offset_at_the_root_and_adds_to_it_within_parents() {
        assert_eq!(offset(Some(10), json!(3), json!(5), false), Ok(20));
        assert_eq!(offset(Some(10), json!(3), json!(5), true), Ok(25));
        assert_eq!(offset(Some(10), json!(0), json!(5), false), Ok(5));
        assert_eq!(offset(None, json!(3), json!(5), false), Ok(5));
        assert_eq!(offset(Some(10), json!(null), json!(null), false), Ok(0));
        assert!(offset(Some(10), json!(-1), json!(0), false).is_err());
        assert!(offset(Some(10), json!(1), json!(-1), false).is_err());
    }

    #[test]
    fn limits_have_a_default_and_a_maximum() {
        let limits = |max_limit| Limits { max_limit, ..Limits::default() };
        assert_eq!(limits(None).rows(None), Ok(Some(100)));
        assert_eq!(limits(None).rows(Some(-1)), Ok(None));
        assert_eq!(limits(Some(50)).rows(None), Ok(Some(50)));
        assert_eq!(limits(Some(50)).rows(Some(-1)), Ok(Some(50)));
        assert!(limits(Some(50)).rows(Some(51)).is_err());
        assert!(limits(None).rows(Some(-2)).is_err());
        assert_eq!(limits(None).rows(Some(0)), Ok(Some(0)));
    }
}
