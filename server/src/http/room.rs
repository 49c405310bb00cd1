//! The memory that large bodies and large answers may take at once, counted in bytes. Who finds none left waits, in turn.
//!
//! A network gets a part of it at most, so that one that sends slowly, or does not read, leaves the rest to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ApiError, Code, Result};
use super::limits::CallerAddress;
use super::sizes::{MAX_ANSWER_BYTES, MAX_BODY_BYTES};

/// A body up to this size is not counted: so many as there are connections fit anyway.
const MAX_UNCOUNTED_BYTES: usize = 64 << 10;

/// The bytes for bodies while they are read and handled, and as many for answers until they are sent.
const ALL_BYTES: usize = 256 << 20;
/// The part of them for one network. It holds the largest body.
const NETWORK_BYTES: usize = 64 << 20;

/// The room for one kind of thing.
struct Room {
    all: Arc<Semaphore>,
    /// That of each network that has something in the room.
    networks: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A part of a room, given back when it is dropped.
struct Place {
    parts: [OwnedSemaphorePermit; 2],
}

impl Default for Room {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(ALL_BYTES)),
            networks: Mutex::default(),
        }
    }
}

impl Room {
    /// Waits for a place of this size.
    async fn take(&self, network: &str, bytes: usize) -> Result<Place> {
        let bytes = u32::try_from(bytes.min(NETWORK_BYTES)).unwrap_or(u32::MAX);
        let closed = |error| ApiError::internal("the room for bodies", error);
        // First that of the network, so that who waits for it holds nothing that others need.
        let own = self.of(network).acquire_many_owned(bytes);
        let own = own.await.map_err(closed)?;
        let all = Arc::clone(&self.all).acquire_many_owned(bytes);
        let all = all.await.map_err(closed)?;
        Ok(Place { parts: [own, all] })
    }

    fn of(&self, network: &str) -> Arc<Semaphore> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = networks.get(network).and_then(Weak::upgrade) {
            return known;
        }
        networks.retain(|_, known| known.strong_count() > 0);
        let fresh = Arc::new(Semaphore::new(NETWORK_BYTES));
        networks.insert(network.to_owned(), Arc::downgrade(&fresh));
        fresh
    }
}

impl Place {
    /// Gives back what is beyond this size.
    fn shrink(&mut self, bytes: usize) {
        for part in &mut self.parts {
            let beyond = part.num_permits().saturating_sub(bytes);
            drop(part.split(beyond));
        }
    }
}

/// Both rooms of a process.
#[derive(Default)]
pub(crate) struct Rooms {
    bodies: Room,
    answers: Room,
}

/// The places of one request.
struct Places {
    rooms: Arc<Rooms>,
    network: String,
    body: Mutex<Option<Place>>,
    answer: Mutex<Option<Place>>,
}

impl Places {
    fn put(of: &Mutex<Option<Place>>, place: Place) {
        *of.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
}

/// The largest body of a route that takes more than [`MAX_BODY_BYTES`], for its layers.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// Gives each request its network's part of the rooms, and holds the place of its body until it is answered, and that of
/// its answer until it is sent.
pub(crate) async fn enter(
    rooms: Arc<Rooms>,
    address: CallerAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let places = Arc::new(Places {
        rooms,
        network: address.narrowest().to_owned(),
        body: Mutex::default(),
        answer: Mutex::default(),
    });
    request.extensions_mut().insert(Arc::clone(&places));
    let response = next.run(request).await;
    let place = places.answer.lock();
    let Some(mut place) = place.unwrap_or_else(PoisonError::into_inner).take() else {
        return response;
    };
    let size = response.body().size_hint().upper().unwrap_or(u64::MAX);
    place.shrink(usize::try_from(size).unwrap_or(usize::MAX));
    response.map(|body| {
        Body::new(Placed {
            body,
            _place: place,
        })
    })
}

/// Waits for room for the body of a request, before it is read.
pub(super) fn make_room(request: &Request) -> impl Future<Output = Result<()>> + use<> {
    let extensions = request.extensions();
    let limit = extensions
        .get()
        .map_or(MAX_BODY_BYTES, |limit: &BodyLimit| limit.0);
    let size = request.body().size_hint().upper().unwrap_or(u64::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(limit);
    let places = extensions.get::<Arc<Places>>().cloned();
    async move {
        if let Some(places) = places.filter(|_| size > MAX_UNCOUNTED_BYTES) {
            let place = places.rooms.bodies.take(&places.network, size).await?;
            Places::put(&places.body, place);
        }
        Ok(())
    }
}

/// Room for an answer of so many bytes, which a handler takes after it knows the caller: who is not let in takes none. Every
/// handler whose answer may have more than a few kilobytes does.
pub(crate) struct AnswerRoom<const BYTES: usize = MAX_ANSWER_BYTES>;

impl<S: Send + Sync, const BYTES: usize> FromRequestParts<S> for AnswerRoom<BYTES> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let places = parts.extensions.get::<Arc<Places>>().cloned();
        let places = places.ok_or(Code::ServerError)?;
        let answers = &places.rooms.answers;
        let place = answers.take(&places.network, BYTES).await?;
        Places::put(&places.answer, place);
        Ok(Self)
    }
}

/// An answer's body with its place.
struct Placed {
    body: Body,
    _place: Place,
}

impl HttpBody for Placed {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::result::Result<Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::http::sizes::MAX_SHARES_BODY_BYTES;

    /// Whether the place is to be had now.
    fn is_free(room: &Room, network: &str, bytes: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(room.take(network, bytes))
            .poll(&mut context)
            .is_ready()
    }

    #[tokio::test]
    async fn one_network_leaves_room_to_others() {
        let room = Room::default();
        let mut places = Vec::new();
        for _ in 0..NETWORK_BYTES / MAX_SHARES_BODY_BYTES {
            places.push(room.take("a", MAX_SHARES_BODY_BYTES).await.unwrap());
        }
        assert!(!is_free(&room, "a", 1));
        assert!(is_free(&room, "b", NETWORK_BYTES));
        places[0].shrink(10);
        assert!(is_free(&room, "a", MAX_SHARES_BODY_BYTES - 10));
        assert!(!is_free(&room, "a", MAX_SHARES_BODY_BYTES));
        places.clear();
        assert!(is_free(&room, "a", NETWORK_BYTES));
    }

    #[tokio::test]
    async fn all_networks_together_have_a_bound() {
        let room = Room::default();
        let mut places = Vec::new();
        for n in 0..ALL_BYTES / NETWORK_BYTES {
            places.push(room.take(&n.to_string(), usize::MAX).await.unwrap());
        }
        assert!(!is_free(&room, "another", 1));
        places.pop();
        assert!(is_free(&room, "another", NETWORK_BYTES));
        let known = room.networks.lock().unwrap().len();
        assert!(known <= places.len() + 2, "{known}");
    }
}
