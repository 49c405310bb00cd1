//! Reading files: by their owners, by those to whom a share in force lists them, and by who has a ticket of a link that does.

use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes as Octets};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use sqlx::AssertSqlSafe;

use super::auth::VaultCaller;
use super::file_parts::Stored;
use super::files::parts;
use super::state::{Vault, VaultState};
use super::{link_reads, share_reads};
use crate::base64url::from_base64url;
use crate::http::error::{ApiError, Code, ErrorBody, Result};
use crate::http::extract::{PathId, PathIds};
use crate::http::octets::{OCTETS, asked_range};
use crate::http::room::{AnswerRoom, LateRoom};
use crate::http::sizes::{MAX_DIGESTS_BYTES, PART_BYTES, READ_BYTES};
use crate::http::values::{Bytes, Id};
use crate::store::columns::{Columns, from_columns};
use crate::token::bearer;

/// Who reads a file, once they have shown it.
enum Reader {
    Account(String),
    /// Whoever had a link when they got its ticket.
    Link(Id),
}

/// The right to the files of a link.
pub(super) struct Ticket(Bytes<32>);

impl FromRequestParts<Arc<Vault>> for Ticket {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Vault>) -> Result<Self> {
        let ticket = bearer(&parts.headers).map(std::borrow::Cow::from);
        let ticket = ticket.and_then(|ticket| Bytes::try_from(ticket).ok());
        Ok(Self(ticket.ok_or(Code::NotFound)?))
    }
}

from_columns! {
    /// A finished file.
    struct Finished {
        size: i64,
        digest: String,
    }
}

/// A file that is being read.
struct Reading {
    vault: Arc<Vault>,
    reader: Reader,
    file: Id,
    /// The bytes that are left.
    left: Range<u64>,
    /// The part that they begin in.
    part: Option<(u64, Stored)>,
}

impl Reading {
    /// The next bytes. At each part it is looked at once more whether the reader may have them.
    async fn next(&mut self) -> Result<Octets> {
        let (number, at) = (self.left.start / PART_BYTES, self.left.start % PART_BYTES);
        let part = i64::try_from(number).unwrap_or(i64::MAX);
        let stored = match self.part.take() {
            Some((known, stored)) if known == number => stored,
            _ => {
                self.vault.may_read(&self.reader, &self.file).await?;
                let stored = self.vault.stored_part(&self.file, part).await?;
                stored.ok_or(Code::NotFound)?
            }
        };
        let piece = u64::try_from(READ_BYTES).unwrap_or(u64::MAX);
        let length = piece
            .min(PART_BYTES - at)
            .min(self.left.end - self.left.start);
        let objects = &self.vault.objects;
        let (group, object) = (self.file.as_str(), stored.object(part));
        let bytes = objects.read(group, &object, at..at + length).await?;
        if u64::try_from(bytes.len()) != Ok(length) {
            return Err(ApiError::internal("an object was cut short", object));
        }
        self.left.start += length;
        self.part = Some((number, stored));
        Ok(bytes)
    }

    /// All that is left, piece by piece.
    fn into_body(self, first: Octets) -> Body {
        let rest = stream::try_unfold(self, async |mut reading| {
            if reading.left.is_empty() {
                return Ok(None);
            }
            let next = reading.next().await;
            // The answer breaks off; why is in the log, or is for who asks again.
            let next = next.map_err(|error| std::io::Error::other(format!("{:?}", error.code())));
            next.map(|bytes| Some((bytes, reading)))
        });
        Body::from_stream(stream::once(async { Ok(first) }).chain(rest))
    }
}

/// Gives a file's octets, or a range of them.
#[utoipa::path(
    get, path = "/files/{id}", params(("id" = Id, Path), ("range" = Option<String>, Header), ("if-range" = Option<String>, Header)),
    responses(
        (status = 200, body = [u8], content_type = "application/octet-stream"),
        (status = 206, body = [u8], content_type = "application/octet-stream"),
        (status = "default", body = ErrorBody)
    ),
)]
pub(super) async fn read(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<READ_BYTES>,
    PathId(file): PathId,
    headers: HeaderMap,
) -> Result<Response> {
    vault
        .answer(Reader::Account(caller.account), file, &headers)
        .await
}

/// Gives the SHA-256 of each part of a file, one behind another.
#[utoipa::path(
    get, path = "/files/{id}/digests", params(("id" = Id, Path)),
    responses((status = 200, body = [u8], content_type = "application/octet-stream"), (status = "default", body = ErrorBody)),
)]
pub(super) async fn digests(
    State(vault): VaultState,
    caller: VaultCaller,
    _: AnswerRoom<MAX_DIGESTS_BYTES>,
    PathId(file): PathId,
) -> Result<Response> {
    vault.digests(Reader::Account(caller.account), &file).await
}

/// Gives the octets of a file that a link lists, or a range of them, for its ticket.
#[utoipa::path(
    get, path = "/links/{id}/files/{file}", security(()),
    params(
        ("id" = Id, Path), ("file" = Id, Path), ("authorization" = String, Header), ("range" = Option<String>, Header),
        ("if-range" = Option<String>, Header)
    ),
    responses(
        (status = 200, body = [u8], content_type = "application/octet-stream"),
        (status = 206, body = [u8], content_type = "application/octet-stream"),
        (status = "default", body = ErrorBody)
    ),
)]
pub(super) async fn read_of_link(
    State(vault): VaultState,
    PathIds(link, file): PathIds,
    Ticket(ticket): Ticket,
    room: LateRoom<READ_BYTES>,
    headers: HeaderMap,
) -> Result<Response> {
    vault.check_ticket(&link, &ticket).await?;
    room.take().await?;
    vault.answer(Reader::Link(link), file, &headers).await
}

/// Gives the SHA-256 of each part of a file that a link lists, for its ticket.
#[utoipa::path(
    get, path = "/links/{id}/files/{file}/digests", security(()),
    params(("id" = Id, Path), ("file" = Id, Path), ("authorization" = String, Header)),
    responses((status = 200, body = [u8], content_type = "application/octet-stream"), (status = "default", body = ErrorBody)),
)]
pub(super) async fn digests_of_link(
    State(vault): VaultState,
    PathIds(link, file): PathIds,
    Ticket(ticket): Ticket,
    room: LateRoom<MAX_DIGESTS_BYTES>,
) -> Result<Response> {
    vault.check_ticket(&link, &ticket).await?;
    room.take().await?;
    vault.digests(Reader::Link(link), &file).await
}

impl Vault {
    async fn check_ticket(&self, link: &Id, ticket: &Bytes<32>) -> Result<()> {
        match self.is_ticket(link, ticket).await? {
            true => Ok(()),
            false => Err(Code::NotFound.into()),
        }
    }

    /// The file, if it is finished and this reader may have it.
    async fn may_read(&self, reader: &Reader, file: &Id) -> Result<Finished> {
        let (whose, filter) = match reader {
            Reader::Account(account) => (
                account.as_str(),
                format!(
                    "(account = $2 OR EXISTS (SELECT 1 FROM listings JOIN shares ON shares.id = listings.record \
                     WHERE listings.file = files.id AND listings.kind = 'share' AND shares.recipient = $2 \
                     AND shares.size > 0 AND (shares.expires_at IS NULL OR shares.expires_at > $3) AND {}))",
                    share_reads::SHOWN
                ),
            ),
            Reader::Link(link) => (
                link.as_str(),
                format!(
                    "EXISTS (SELECT 1 FROM listings JOIN links ON links.id = listings.record \
                     WHERE listings.file = files.id AND listings.kind = 'link' AND links.id = $2 \
                     AND links.size > 0 AND links.expires_at > $3 AND {})",
                    link_reads::SHOWN
                ),
            ),
        };
        let sql = format!(
            "SELECT {} FROM files WHERE id = $1 AND digest IS NOT NULL AND files.deleted_at IS NULL AND {filter}",
            Finished::COLUMNS
        );
        let finished: Option<Finished> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(file.as_str())
            .bind(whose)
            .bind(self.clock.now())
            .fetch_optional(&self.db.read)
            .await?;
        Ok(finished.ok_or(Code::NotFound)?)
    }

    async fn answer(
        self: Arc<Self>,
        reader: Reader,
        file: Id,
        headers: &HeaderMap,
    ) -> Result<Response> {
        let finished = self.may_read(&reader, &file).await?;
        let size = u64::try_from(finished.size).unwrap_or(0);
        let tag = format!("\"{}\"", finished.digest);
        let asked = match asked_range(headers, size, &tag) {
            Ok(asked) => asked,
            Err(refused) => {
                let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
                return Ok((range, refused).into_response());
            }
        };
        let status = match asked {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        };
        let left = asked.unwrap_or(0..size);
        let place = format!("bytes {}-{}/{size}", left.start, left.end - 1);
        let length = left.end - left.start;
        let mut reading = Reading {
            vault: self,
            reader,
            file,
            left,
            part: None,
        };
        // What the store cannot give is an error, and no answer that breaks off.
        let first = reading.next().await?;
        let headers = [
            (header::CONTENT_TYPE, OCTETS.to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            (header::ETAG, tag),
        ];
        let mut response = (status, headers, reading.into_body(first)).into_response();
        if status == StatusCode::PARTIAL_CONTENT
            && let Ok(place) = HeaderValue::try_from(place)
        {
            response.headers_mut().insert(header::CONTENT_RANGE, place);
        }
        Ok(response)
    }

    async fn digests(&self, reader: Reader, file: &Id) -> Result<Response> {
        self.may_read(&reader, file).await?;
        let parts = parts(&mut *self.db.read.acquire().await?, file).await?;
        let digests = parts.iter().filter_map(|part| from_base64url(&part.digest));
        let digests: Vec<u8> = digests.flatten().collect();
        Ok(([(header::CONTENT_TYPE, OCTETS)], digests).into_response())
    }
}
