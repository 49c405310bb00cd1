//! Server-sent events: opened with the token in a header, as `EventSource` cannot, and parsed here.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::api::bodies::error_of;
use crate::api::{Access, ByteStream, Method, Request, Services, Transport};
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::json;

/// The most bytes of an event, or of the answer that refuses the stream.
const MAX_EVENT_BYTES: usize = 16 * 1024;
/// The longest time for which a service can keep the stream away, in seconds.
const MAX_RETRY_AFTER_SECONDS: u32 = 600;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// To an invitation.
    Invitation,
    /// A connection was made or ended.
    Connection,
    /// A share was created.
    Share,
    /// A share has a new edition.
    Updated,
    /// A share was read by its recipient.
    Read,
    /// A share was deleted.
    Revoked,
    /// A card of one's own was written or deleted.
    Card,
    /// A link of one's own was made, changed, read, closed or revoked.
    Link,
}

impl EventKind {
    /// Every kind, and its name on the wire.
    pub const NAMES: [(Self, &str); 8] = [
        (Self::Invitation, "invitation"),
        (Self::Connection, "connection"),
        (Self::Share, "share"),
        (Self::Updated, "updated"),
        (Self::Read, "read"),
        (Self::Revoked, "revoked"),
        (Self::Card, "card"),
        (Self::Link, "link"),
    ];

    /// Reads the name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| kind)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }
}

/// A list of one kind.
impl AsRef<[Self]> for EventKind {
    fn as_ref(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

/// An event: the record's id and no more; what it says is fetched and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The kind.
    pub kind: EventKind,
    /// To which record.
    pub id: Id,
}

#[derive(Deserialize)]
struct Data {
    id: Id,
}

/// What a stream begins with, where no event is known to go on after, and whether it has an end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// In milliseconds since 1970, by the client's clock.
    pub(crate) since: i64,
    /// It ends with the events that are there.
    pub(crate) ends: bool,
}

/// Splits the bytes of a stream into events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    name: String,
    data: String,
    /// The id of the event that has begun.
    next_id: Option<String>,
    /// The newest id, for reconnecting: never of an event that is not whole yet.
    pub(crate) last_id: Option<String>,
}

impl Parser {
    /// A parser for a stream that goes on after this id.
    pub(crate) fn after(last_id: Option<String>) -> Self {
        Self {
            last_id,
            ..Self::default()
        }
    }

    /// Takes bytes, gives the events that they complete. Unknown names and unreadable data are passed over.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            // What is not UTF-8 says nothing.
            if let Ok(line) = std::str::from_utf8(&line) {
                self.line(line.trim_end_matches(['\n', '\r']), &mut events);
            }
        }
        if self.buffer.len() > MAX_EVENT_BYTES || self.data.len() > MAX_EVENT_BYTES {
            return Err(Error::ServerError(
                "The event stream sends too much at once.".into(),
            ));
        }
        Ok(events)
    }

    fn line(&mut self, line: &str, events: &mut Vec<Event>) {
        if line.is_empty() {
            let kind = EventKind::from_name(&self.name);
            let data = json::read::<Data>(self.data.as_bytes()).ok();
            events.extend(
                kind.zip(data)
                    .map(|(kind, data)| Event { kind, id: data.id }),
            );
            self.name.clear();
            self.data.clear();
            self.last_id = self.next_id.take().or_else(|| self.last_id.take());
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => self.data.push_str(value),
            "id" if value.len() <= 100 => self.next_id = Some(value.to_owned()),
            _ => {}
        }
    }
}

impl<T: Transport> Services<T> {
    /// Opens the stream, after `last_id` if there is one. A service that says when to come back raises `wait`, in milliseconds.
    pub(crate) async fn open_events(
        &self,
        last_id: Option<String>,
        start: Start,
        wait: &mut u32,
    ) -> Result<T::Stream> {
        match self.try_events(start, last_id.clone(), wait).await {
            // As for other calls: the token may be too old for the Vault's clock, or the session was replaced.
            Err(Error::SessionExpired) => {
                self.forget_token();
                self.try_events(start, last_id, wait).await
            }
            other => other,
        }
    }

    async fn try_events(
        &self,
        start: Start,
        last_id: Option<String>,
        wait: &mut u32,
    ) -> Result<T::Stream> {
        let mut request = Request::new(Method::Get, None, MAX_EVENT_BYTES);
        let deadline = self.deadline();
        // The token first: fetching it takes a part of the time that is looked back.
        drop(Zeroizing::new(self.vault_token(deadline).await?));
        let past = (self.transport.now() - start.since).max(0);
        let path = match (start.ends, &last_id) {
            (true, _) => format!("/events?past={past}"),
            (false, None) => format!("/events?since={past}"),
            (false, Some(_)) => "/events".to_owned(),
        };
        self.address(&mut request, Access::Vault, &path, deadline)
            .await?;
        request.last_event_id = last_id;
        let (mut response, mut stream) = self.transport.open_stream(&request).await?;
        if response.status == 200 && response.is_of("text/event-stream") {
            return Ok(stream);
        }
        let asked = response
            .retry_after
            .unwrap_or(0)
            .min(MAX_RETRY_AFTER_SECONDS);
        *wait = (*wait).max(asked * 1000);
        let body = &mut response.body;
        // A body that is not refused may have no end.
        while response.status >= 300 && body.len() < MAX_EVENT_BYTES {
            let Some(bytes) = stream.next().await? else {
                break;
            };
            body.extend_from_slice(&bytes);
        }
        Err(error_of(&response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn events_survive_any_split() {
        let text = format!(
            ": hello\n\nid: 7\nevent: ready\ndata: {{}}\n\nid: 8\r\nevent: share\r\ndata: {{\"id\":\"{ID}\"}}\r\n\r\nevent: other\ndata: x\n\n"
        );
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&text.as_bytes()[..cut]).unwrap();
            assert_eq!(
                parser.last_id.as_deref() == Some("8"),
                !events.is_empty(),
                "cut at {cut}: who goes on after an event was told of it"
            );
            events.extend(parser.push(&text.as_bytes()[cut..]).unwrap());
            assert_eq!(
                events,
                [Event {
                    kind: EventKind::Share,
                    id: Id::parse(ID).unwrap()
                }],
                "cut at {cut}"
            );
            assert_eq!(parser.last_id.as_deref(), Some("8"));
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        assert!((0..100).any(|_| parser.push(&[b'x'; 1024]).is_err()));
    }
}
