//! Lists and items (contract sections 4.1 to 4.5): order, pages, search, keys,
//! nested arguments, and how many statements they cost.

mod nested;
mod pages;
mod search;
mod sorting;
