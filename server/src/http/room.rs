//! The memory that bodies and answers may take at once, counted in bytes. Who finds none left waits, in turn.
//!
//! A network gets a part of it at most, so that one that sends slowly, or does not read, leaves the rest to others. What is
//! small counts for its connection alone, so that it waits for nobody else; there are only so many connections.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, Request};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ApiError, Result};
use super::limits::CallerAddress;
use super::sizes::{MAX_ANSWER_BYTES, MAX_BODY_BYTES};

/// What is no larger counts for its connection alone.
pub(super) const MAX_SMALL_BYTES: usize = 64 << 10;
/// The bytes of a connection for small bodies while they are read and handled, and as many for small answers until they are
/// sent.
const CONNECTION_BYTES: usize = 128 << 10;

/// The bytes of the process for large bodies, and as many for large answers.
const ALL_BYTES: usize = 256 << 20;
/// The parts of them for the networks around an address, the narrowest first, which holds the largest body.
const NETWORK_BYTES: [usize; 3] = [64 << 20, 96 << 20, 128 << 20];

/// The room for one kind of thing.
struct Room {
    all: Arc<Semaphore>,
    /// That of each network that has something in the room.
    networks: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A part of a room, given back when it is dropped.
struct Place {
    parts: Vec<OwnedSemaphorePermit>,
}

/// The rooms of one connection.
pub(super) struct OwnRooms {
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Default for OwnRooms {
    fn default() -> Self {
        let room = || Arc::new(Semaphore::new(CONNECTION_BYTES));
        Self {
            bodies: room(),
            answers: room(),
        }
    }
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
    /// Waits for a place of this size: in the narrowest network first, so that who waits holds nothing that others need.
    async fn take(&self, networks: &[String], bytes: usize) -> Result<Place> {
        let bytes = bytes.min(NETWORK_BYTES[0]);
        let widths = networks.iter().zip(NETWORK_BYTES);
        let mut rooms: Vec<_> = widths
            .map(|(network, most)| self.of(network, most))
            .collect();
        rooms.push(Arc::clone(&self.all));
        Place::take(rooms, bytes).await
    }

    fn of(&self, network: &str, most: usize) -> Arc<Semaphore> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = networks.get(network).and_then(Weak::upgrade) {
            return known;
        }
        networks.retain(|_, known| known.strong_count() > 0);
        let fresh = Arc::new(Semaphore::new(most));
        networks.insert(network.to_owned(), Arc::downgrade(&fresh));
        fresh
    }
}

impl Place {
    /// Waits for a place of this size in each of the rooms, one after another.
    async fn take(rooms: Vec<Arc<Semaphore>>, bytes: usize) -> Result<Self> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut parts = Vec::with_capacity(rooms.len());
        for room in rooms {
            let part = room.acquire_many_owned(bytes).await;
            parts.push(part.map_err(|error| ApiError::internal("the room for bodies", error))?);
        }
        Ok(Self { parts })
    }

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
    own: Arc<OwnRooms>,
    networks: CallerAddress,
    body: Mutex<Option<Place>>,
    answer: Mutex<Option<Place>>,
}

impl Places {
    /// Waits for room for a body of this size.
    async fn take_for_body(&self, bytes: usize) -> Result<()> {
        let (own, room) = (&self.own.bodies, &self.rooms.bodies);
        self.take(own, room, bytes, &self.body).await
    }

    /// Waits for room for an answer of this size.
    async fn take_for_answer(&self, bytes: usize) -> Result<()> {
        let (own, room) = (&self.own.answers, &self.rooms.answers);
        self.take(own, room, bytes, &self.answer).await
    }

    async fn take(
        &self,
        own: &Arc<Semaphore>,
        room: &Room,
        bytes: usize,
        taken: &Mutex<Option<Place>>,
    ) -> Result<()> {
        let place = match bytes <= MAX_SMALL_BYTES {
            true => Place::take(vec![Arc::clone(own)], bytes).await?,
            false => room.take(self.networks.networks(), bytes).await?,
        };
        *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(())
    }
}

/// The largest body of a route that takes more, or less, than [`MAX_BODY_BYTES`].
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// Gives each request its networks' and its connection's parts of the rooms, and holds the place of its body until it is
/// answered, and that of its answer until it is sent.
pub(crate) async fn enter(
    rooms: Arc<Rooms>,
    address: CallerAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let own = request.extensions().get::<Arc<OwnRooms>>().cloned();
    let places = Arc::new(Places {
        rooms,
        own: own.unwrap_or_default(),
        networks: address,
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

/// The largest body of a request's route.
pub(super) fn body_limit(request: &Request) -> usize {
    let limit = request.extensions().get();
    limit.map_or(MAX_BODY_BYTES, |limit: &BodyLimit| limit.0)
}

/// A request's hold on its places, for work that goes on with its body where nobody waits for the answer any more.
pub(crate) struct Held {
    _places: Option<Arc<Places>>,
}

impl Held {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            _places: request.extensions().get().cloned(),
        }
    }
}

/// Waits for room for the body of a request, before it is read.
pub(super) fn make_room(request: &Request) -> impl Future<Output = Result<()>> + use<> {
    let extensions = request.extensions();
    let limit = body_limit(request);
    let size = request.body().size_hint().upper().unwrap_or(u64::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(limit);
    let places = extensions.get::<Arc<Places>>().cloned();
    async move {
        match places {
            Some(places) => places.take_for_body(size).await,
            None => Ok(()),
        }
    }
}

/// Room for an answer of so many bytes, which a handler takes after it knows the caller: who is not let in takes none. Every
/// handler without a body whose answer may have more than a few kilobytes does. One with a body takes it after the body, see
/// [`super::extract::Input`].
pub(crate) struct AnswerRoom<const BYTES: usize = MAX_ANSWER_BYTES>;

impl<S: Send + Sync, const BYTES: usize> FromRequestParts<S> for AnswerRoom<BYTES> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        LateRoom::<BYTES>::of(&parts.extensions).take().await?;
        Ok(Self)
    }
}

/// Room for an answer of so many bytes that is yet to be taken, by a handler that first looks at more than who calls.
pub(crate) struct LateRoom<const BYTES: usize>(Option<Arc<Places>>);

impl<const BYTES: usize> LateRoom<BYTES> {
    pub(super) fn of(extensions: &Extensions) -> Self {
        Self(extensions.get().cloned())
    }

    /// Waits for the room. Nothing that others need may be held meanwhile.
    pub(crate) async fn take(self) -> Result<()> {
        match self.0 {
            Some(places) => places.take_for_answer(BYTES).await,
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync, const BYTES: usize> FromRequestParts<S> for LateRoom<BYTES> {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
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
    use crate::http::sizes::MAX_WRITES_BODY_BYTES;

    const LARGEST: usize = NETWORK_BYTES[0];

    /// The networks around an address, the narrowest first.
    fn networks<const N: usize>(names: [&str; N]) -> [String; N] {
        names.map(str::to_owned)
    }

    /// Whether the place is to be had now.
    fn is_free(room: &Room, networks: &[String], bytes: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(room.take(networks, bytes))
            .poll(&mut context)
            .is_ready()
    }

    #[tokio::test]
    async fn one_network_leaves_room_to_others() {
        let (room, mut places) = (Room::default(), Vec::new());
        let (here, there) = (networks(["a"]), networks(["b"]));
        for _ in 0..LARGEST / MAX_WRITES_BODY_BYTES {
            places.push(room.take(&here, MAX_WRITES_BODY_BYTES).await.unwrap());
        }
        assert!(!is_free(&room, &here, 1));
        assert!(is_free(&room, &there, LARGEST));
        places[0].shrink(10);
        assert!(is_free(&room, &here, MAX_WRITES_BODY_BYTES - 10));
        assert!(!is_free(&room, &here, MAX_WRITES_BODY_BYTES));
        places.clear();
        assert!(is_free(&room, &here, LARGEST));
    }

    #[tokio::test]
    async fn what_is_small_waits_for_its_own_connection_alone() {
        let rooms = Arc::<Rooms>::default();
        let of = |own: &Arc<OwnRooms>| Places {
            rooms: Arc::clone(&rooms),
            own: Arc::clone(own),
            networks: CallerAddress::nowhere(),
            body: Mutex::default(),
            answer: Mutex::default(),
        };
        let (here, there) = (Arc::<OwnRooms>::default(), Arc::<OwnRooms>::default());
        let is_free = |places: &Places| {
            let mut context = Context::from_waker(Waker::noop());
            let body = pin!(places.take_for_body(MAX_SMALL_BYTES)).poll(&mut context);
            let answer = pin!(places.take_for_answer(MAX_SMALL_BYTES)).poll(&mut context);
            assert_eq!(body.is_ready(), answer.is_ready());
            body.is_ready()
        };
        let requests: Vec<_> = (0..3).map(|_| of(&here)).collect();
        assert!(is_free(&requests[0]) && is_free(&requests[1]));
        assert!(!is_free(&requests[2]));
        assert!(is_free(&of(&there)));
        drop(requests);
        assert!(is_free(&of(&here)));
        assert_eq!(rooms.bodies.all.available_permits(), ALL_BYTES);
    }

    #[tokio::test]
    async fn wider_networks_leave_room_to_others() {
        for (width, most) in [(1, 96 << 20), (2, 128 << 20)] {
            let (room, mut places, mut taken) = (Room::default(), Vec::new(), 0);
            // Each from another network, as narrow as may be beneath the one that is tried.
            let near = |n: usize| {
                let name = |at: usize| match at < width {
                    true => format!("{n} of {at}"),
                    false => format!("around {at}"),
                };
                [name(0), name(1), name(2)]
            };
            while taken < most {
                places.push(room.take(&near(taken), LARGEST / 2).await.unwrap());
                taken += LARGEST / 2;
            }
            assert!(!is_free(&room, &near(taken), 1), "{width}");
            let far = networks(["x", "y", "z"]);
            assert!(is_free(&room, &far, LARGEST), "{width}");
            places.pop();
            assert!(is_free(&room, &near(taken), LARGEST / 2), "{width}");
        }
    }

    #[tokio::test]
    async fn all_networks_together_have_a_bound() {
        let (room, mut places) = (Room::default(), Vec::new());
        for n in 0..ALL_BYTES / LARGEST {
            let from = [n.to_string()];
            places.push(room.take(&from, usize::MAX).await.unwrap());
        }
        let another = networks(["another"]);
        assert!(!is_free(&room, &another, 1));
        places.pop();
        assert!(is_free(&room, &another, LARGEST));
        let known = room.networks.lock().unwrap().len();
        assert!(known <= places.len() + 2, "{known}");
    }
}
