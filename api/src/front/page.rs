//! Lists in pages. A page carries the cursor of the next one, so rows that are added or removed meanwhile shift
//! nothing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::front::problem::Problem;

/// The number of rows on a page if the client does not set one.
const DEFAULT: usize = 50;
/// The largest number of rows on a page.
const MOST: usize = 500;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    items: Vec<T>,
    /// The `cursor` of the next page; `null` on the last page.
    next_cursor: Option<String>,
}

/// The parameters of a list without filters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageParameters {
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

impl PageParameters {
    /// The row after which the page begins, and its number of rows.
    pub(crate) fn read<T: std::str::FromStr>(&self) -> Result<(Option<T>, usize), Problem> {
        Ok((after(self.cursor.as_deref())?, limit(self.limit)?))
    }
}

/// The number of rows on a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(DEFAULT),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(limit) => Err(Problem::field("limit", format!("limit is {limit}: use 1 to {MOST}"))),
    }
}

/// The row after which a page begins.
pub(crate) fn after<T: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let read = |cursor: &str| {
        cursor.parse().map_err(|_| {
            Problem::field("cursor", "cursor is not a cursor of this list: send the `next_cursor` of the previous page")
        })
    };
    cursor.map(read).transpose()
}

impl<T> Page<T> {
    /// Builds a page of `rows`. The caller reads one row more than `limit`, which shows whether there is a next page.
    pub(crate) fn of(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next_cursor }
    }

    /// Builds a page of rows, of which the caller knows where the next page begins.
    pub(crate) fn upto(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor }
    }

    /// The rows, and the `cursor` of the next page.
    pub(crate) fn into_parts(self) -> (Vec<T>, Option<String>) {
        (self.items, self.next_cursor)
    }

    /// The same page with each row converted by `show`.
    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(show).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_next() {
        let page = |rows: Vec<i64>| Page::of(rows, 2, i64::to_string);
        assert_eq!(page(vec![1, 2, 3]).next_cursor.as_deref(), Some("2"));
        assert_eq!(page(vec![1, 2, 3]).items, [1, 2]);
        assert_eq!(page(vec![1, 2]).next_cursor, None);
        assert_eq!(page(vec![]).next_cursor, None);
    }

    #[test]
    fn a_limit_out_of_range_and_a_made_up_cursor_are_refused() {
        assert!(limit(Some(0)).is_err() && limit(Some(MOST + 1)).is_err());
        assert_eq!(limit(None).unwrap(), DEFAULT);
        assert!(after::<i64>(Some("x")).is_err());
        assert_eq!(after::<i64>(Some("7")).unwrap(), Some(7));
    }
}
