//! Extractors for handlers: strict JSON, ids in paths, page queries.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::Hash;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyArguments;
use sqlx::query::QueryAs;
use sqlx::{Any, AnyPool};
use utoipa::ToSchema;

use crate::base64url::{base64url, from_base64url};
use crate::clock::{DAY, MINUTE};
use crate::http::error::{ApiError, Code, Result};
use crate::http::octets::whole;
use crate::http::room::{LateRoom, body_limit, make_room};
use crate::http::sizes::{MAX_ANSWER_BYTES, MAX_WRITES};
use crate::http::values::Id;
use crate::store::columns::Columns;

/// A JSON body: unknown, missing and doubled members are refused by the types it is read into.
///
/// With `ROOM` it waits for room for an answer of so many bytes, once it has the body: who sends none holds no room. Every
/// handler with a body whose answer may have more than a few kilobytes says how much.
pub(crate) struct Input<T, const ROOM: usize = 0>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync, const ROOM: usize> FromRequest<S>
    for Input<T, ROOM>
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let room = LateRoom::<ROOM>::of(request.extensions());
        let input = Input::read(request).await?;
        if ROOM > 0 {
            room.take().await?;
        }
        Ok(Self(input))
    }
}

impl<T: DeserializeOwned> Input<T> {
    /// Reads the body of a request, for handlers that look at the rest of it first.
    pub(crate) async fn read(request: Request) -> Result<T> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::bad_input("Send the body as application/json.")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        make_room(&request).await?;
        let most = body_limit(&request);
        let bytes = whole(request, most, || Code::TooLarge.into(), |_| ()).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let said = shorten(&error.to_string());
            ApiError::bad_input(format!(
                "Send exactly the members that the route takes: {said}."
            ))
        })
    }
}

/// A text of which the middle is left out, if it is long: what a request holds is not sent back whole.
fn shorten(text: &str) -> String {
    const END: usize = 100;
    let count = text.chars().count();
    if count <= 2 * END {
        return text.to_owned();
    }
    let begin: String = text.chars().take(END).collect();
    let end: String = text.chars().skip(count - END).collect();
    format!("{begin} … {end}")
}

/// The id in a path. One that is no UUID is refused.
pub(crate) struct PathId(pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let bad = |_| ApiError::bad_input("Write the id in the path as a lower-case UUID.");
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| bad(error.to_string()))?;
        Id::try_from(std::borrow::Cow::from(text))
            .map(Self)
            .map_err(|error| bad(error.to_owned()))
    }
}

/// The two ids in a path, in their order. One that is no UUID is refused.
pub(crate) struct PathIds(pub(crate) Id, pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathIds {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let ids = path.ok().and_then(|Path((first, second))| {
            let id = |text: String| Id::try_from(std::borrow::Cow::from(text)).ok();
            Some(Self(id(first)?, id(second)?))
        });
        ids.ok_or_else(|| ApiError::bad_input("Write the ids in the path as lower-case UUIDs."))
    }
}

/// `{}`: a body without members.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// Several ids.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ids {
    /// The ids that are asked for.
    pub(crate) ids: Vec<Id>,
}

impl Ids {
    /// The ids, unless there are more than `limit` or one stands there twice.
    pub(crate) fn within(self, limit: usize) -> Result<Vec<Id>> {
        if self.ids.len() > limit {
            return Err(ApiError::bad_input(format!(
                "Ask for at most {limit} ids at once."
            )));
        }
        refuse_doubled(&self.ids)?;
        Ok(self.ids)
    }
}

/// Whether no value stands twice in a list.
pub(crate) fn is_each_once<'a, T: Eq + Hash + 'a>(values: impl IntoIterator<Item = &'a T>) -> bool {
    let mut seen = HashSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

/// Refuses a list in which an id stands twice.
fn refuse_doubled<'a>(ids: impl IntoIterator<Item = &'a Id>) -> Result<()> {
    match is_each_once(ids) {
        true => Ok(()),
        false => Err(ApiError::bad_input("Name each id once.")),
    }
}

/// Refuses a request for several writes that has none, too many, or two of one id. `what` is written, in the plural.
pub(crate) fn check_writes<'a>(
    what: &str,
    ids: impl ExactSizeIterator<Item = &'a Id>,
) -> Result<()> {
    if !(1..=MAX_WRITES).contains(&ids.len()) {
        return Err(ApiError::bad_input(format!(
            "Send 1 to {MAX_WRITES} {what} at once."
        )));
    }
    refuse_doubled(ids)
}

/// The bytes of the records before one, in SQL, of so many at most in this order. One alone has none before it, and is spared
/// the window, which costs as much as the rest of its statement.
pub(crate) fn ahead(order: &str, most: usize) -> String {
    match most {
        1 => "0".to_owned(),
        _ => format!("SUM(size) OVER (ORDER BY {order}) - size"),
    }
}

/// Whether a record of `size` bytes fits into an answer with the bytes `ahead` of it, in SQL: one does in any case.
pub(crate) fn fits() -> String {
    format!("(ahead = 0 OR ahead + sized.size <= {MAX_ANSWER_BYTES})")
}

/// The refusal of an `expiresAt` that lies in the past.
pub(crate) fn over_already() -> ApiError {
    ApiError::bad_input(
        "Check this device's clock: `expiresAt` is over already by the server's clock.",
    )
}

/// The longest time that an invitation or a link may be open.
const MAX_OPEN_MS: i64 = 90 * DAY;

/// Refuses an end that has passed, or that is too far away: both give or take a minute for clocks that differ.
pub(crate) fn check_end(what: &str, end: i64, now: i64) -> Result<()> {
    if end <= now {
        Err(over_already())
    } else if end <= now.saturating_add(MAX_OPEN_MS + MINUTE) {
        Ok(())
    } else {
        Err(ApiError::bad_input(format!(
            "Let the {what} end within the next 90 days, by the server's clock; or else check this device's clock."
        )))
    }
}

/// The answer to a query: the records that exist.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items<T> {
    /// The records.
    pub(crate) items: Vec<T>,
}

/// One page of a list, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageOf<T> {
    /// The records.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<String>,
}

impl<T> PageOf<T> {
    /// The same page of what becomes of each record.
    pub(crate) fn map<U>(self, each: impl FnMut(T) -> U) -> PageOf<U> {
        PageOf {
            items: self.items.into_iter().map(each).collect(),
            next: self.next,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    cursor: Option<String>,
    limit: Option<i64>,
    connection: Option<Id>,
}

/// A page of a list: the rows before `(time, id)`, newest first, and at most `limit` of them.
pub(crate) struct Page {
    pub(crate) time: i64,
    pub(crate) id: String,
    pub(crate) limit: usize,
    /// Narrows a list of shares; other lists refuse it.
    pub(crate) connection: Option<Id>,
}

impl Page {
    /// One row more than the page holds: it tells whether there is a next page.
    pub(crate) fn rows(&self) -> i64 {
        i64::try_from(self.limit)
            .unwrap_or(i64::MAX)
            .saturating_add(1)
    }

    /// The end of a list's query, which takes `time`, `id` and `rows` from placeholder `n` on.
    pub(crate) fn sql(&self, n: usize) -> String {
        // Compared as a whole, so that both databases begin where the page does, and not at the list's beginning.
        format!("AND (created_at, id) < (${n}, ${}) {}", n + 1, first(n + 2))
    }

    /// A query for the page of several lists together, each a query that lacks its end and selects `created_at` and `id`: by its
    /// index no more is read of one than the page has.
    pub(crate) fn merge(&self, lists: &[String], n: usize) -> String {
        let end = self.sql(n);
        let taken = lists
            .iter()
            .enumerate()
            .map(|(at, list)| format!("SELECT * FROM ({list} {end}) AS list_{at}"));
        let taken: Vec<String> = taken.collect();
        format!("{} {}", taken.join(" UNION ALL "), first(n + 2))
    }

    /// Reads the page by a query that ends with [`Page::sql`] and has its other values already. `key` gives the time and the id
    /// of a row.
    pub(crate) async fn fetch<T: Columns>(
        &self,
        query: QueryAs<'_, Any, T, AnyArguments>,
        pool: &AnyPool,
        key: impl Fn(&T) -> (i64, Id),
    ) -> Result<PageOf<T>> {
        self.fetch_fitting(query, pool, key, |_| true).await
    }

    /// [`Page::fetch`] of rows that need not all fit into the answer: the page ends before the first one that does not.
    pub(crate) async fn fetch_fitting<T: Columns>(
        &self,
        query: QueryAs<'_, Any, T, AnyArguments>,
        pool: &AnyPool,
        key: impl Fn(&T) -> (i64, Id),
        fits: impl Fn(&T) -> bool,
    ) -> Result<PageOf<T>> {
        let query = query.bind(self.time).bind(&self.id).bind(self.rows());
        Ok(self.cut(query.fetch_all(pool).await?, key, fits))
    }

    /// Orders the rows, which a join may have mixed, cuts the end off and makes the cursor from the last row that stays.
    fn cut<T>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> (i64, Id),
        fits: impl Fn(&T) -> bool,
    ) -> PageOf<T> {
        items.sort_by_cached_key(|item| Reverse(key(item)));
        let fitting = items.iter().take_while(|item| fits(item)).count();
        let count = fitting.min(self.limit);
        let more = items.len() > count;
        items.truncate(count);
        let next = items.last().filter(|_| more).map(|last| {
            let (time, id) = key(last);
            base64url(format!("{time}.{}", id.as_str()).as_bytes())
        });
        PageOf { items, next }
    }

    /// Refuses `?connection=` where it has no meaning.
    pub(crate) fn plain(self) -> Result<Self> {
        match self.connection {
            None => Ok(self),
            Some(_) => Err(ApiError::bad_input("Leave `connection` out of this query.")),
        }
    }

    fn read(query: PageQuery) -> Option<Self> {
        let limit = usize::try_from(query.limit.unwrap_or(50))
            .ok()
            .filter(|limit| (1..=200).contains(limit))?;
        let (time, id) = match query.cursor {
            None => (i64::MAX, String::new()),
            Some(cursor) => {
                let text = String::from_utf8(from_base64url(&cursor)?).ok()?;
                let (time, id) = text.split_once('.')?;
                (
                    time.parse().ok()?,
                    String::from(Id::try_from(std::borrow::Cow::from(id)).ok()?),
                )
            }
        };
        Some(Self {
            time,
            id,
            limit,
            connection: query.connection,
        })
    }
}

/// The first rows of a list, as many as placeholder `n` says.
fn first(n: usize) -> String {
    format!("ORDER BY created_at DESC, id DESC LIMIT ${n}")
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let query = Query::<PageQuery>::from_request_parts(parts, state)
            .await
            .ok();
        query
            .and_then(|Query(query)| Self::read(query))
            .ok_or_else(|| {
                ApiError::bad_input(
                    "Ask with `cursor` from a page before and `limit` from 1 to 200.",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cursor: Option<&str>, limit: Option<i64>) -> Option<Page> {
        Page::read(PageQuery {
            cursor: cursor.map(str::to_owned),
            limit,
            connection: None,
        })
    }

    #[test]
    fn cursors_lead_on() {
        let id = "0192f0c1-2345-7abc-8def-0123456789ab";
        let first = page(None, Some(1)).unwrap();
        let key = |row: &(i64, &str)| (row.0, Id::stored(row.1.to_owned()));
        let cut = first.cut(vec![(6, "other"), (7, id)], key, |_| true);
        assert_eq!(cut.items, [(7, id)]);
        let second = page(cut.next.as_deref(), None).unwrap();
        assert_eq!((second.time, second.id.as_str(), second.limit), (7, id, 50));
        assert!(second.cut(vec![(7, id)], key, |_| true).next.is_none());
        let cut = second.cut(vec![(7, id), (6, "other")], key, |row| row.0 > 6);
        assert_eq!(cut.items, [(7, id)]);
        assert!(cut.next.is_some(), "the other one did not fit");
    }

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(shorten(&"ü".repeat(200)), "ü".repeat(200));
        let short = shorten(&format!("unknown `{}` at column 7", "ü".repeat(1 << 20)));
        assert!(short.starts_with("unknown `üü") && short.ends_with("üü` at column 7"));
        assert_eq!(short.chars().count(), 203);
    }

    #[test]
    fn strange_pages_are_refused() {
        for (cursor, limit) in [
            (None, Some(0)),
            (None, Some(201)),
            (None, Some(-1)),
            (Some("AQ"), None),
            (Some("="), None),
        ] {
            assert!(page(cursor, limit).is_none(), "{cursor:?} {limit:?}");
        }
    }
}
