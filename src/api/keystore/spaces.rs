//! Encryption spaces: who gets which copy of a DEK.

use serde::{Deserialize, Serialize};

use crate::api::bodies::{Ids, Outcome, Outcomes, Page, PageRequest, body_of};
use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::error::Result;
use crate::ids::Id;

/// A new space (steps 26-27).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSpace {
    /// Chosen by the client, the same in the Vault.
    pub id: Id,
    /// The connection; with recipient and peer's copy none for a link.
    pub connection_id: Option<Id>,
    /// The account that gets the peer's copy.
    pub recipient: Option<Id>,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The sender's copy.
    pub own: String,
    /// The peer's copy.
    pub peer: Option<String>,
    /// The share that it is for.
    pub share: Id,
    /// What is shared, under the sender's vault key.
    pub sent: String,
    /// By which all shares of a card are found; none for a link.
    pub tag: Option<String>,
    /// Whether the share follows its card: one such share for each connection and tag.
    pub live: bool,
}

/// `POST /spaces`.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewSpaces {
    /// 1 to 200.
    pub spaces: Vec<NewSpace>,
}

/// A change of what is shared, and of its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceUpdate {
    /// The space.
    pub id: Id,
    /// The version that this replaces.
    pub version: u64,
    /// What is shared, under the sender's vault key.
    pub sent: String,
    /// The time from which it is not served, in milliseconds since 1970.
    pub expires_at: Option<i64>,
}

/// `PUT /spaces`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceUpdates {
    /// 1 to 200.
    pub spaces: Vec<SpaceUpdate>,
}

/// A space as its sender or recipient sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    tag = "role",
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    try_from = "EitherSpace"
)]
pub enum Space {
    /// For the sender.
    Sender {
        /// The space.
        id: Id,
        /// The connection; none for a link.
        connection_id: Option<Id>,
        /// The other person; none for a link.
        recipient: Option<Id>,
        /// The sender's copy.
        own: String,
        /// The time of the recipient's claim, in milliseconds since 1970.
        claimed_at: Option<i64>,
        /// The share that it is for.
        share: Option<Id>,
        /// What is shared, under the sender's vault key.
        sent: Option<String>,
        /// The version of that, for the next write.
        sent_version: Option<u64>,
        /// By which all shares of its card are found.
        tag: Option<String>,
        /// Whether the share follows its card.
        live: bool,
        /// The time of its making, in milliseconds since 1970.
        created_at: i64,
        /// The time of its end, in milliseconds since 1970.
        expires_at: Option<i64>,
    },
    /// For the recipient.
    Recipient {
        /// The space.
        id: Id,
        /// The connection.
        connection_id: Id,
        /// The other person.
        sender: Id,
        /// The peer's copy.
        peer: String,
        /// The recipient's claim.
        claim: Option<String>,
        /// The time of its making, in milliseconds since 1970.
        created_at: i64,
        /// The time of its end, in milliseconds since 1970.
        expires_at: Option<i64>,
    },
}

/// The members of both kinds. Reading them at once, and not by `role` first, saves a browser the machinery for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EitherSpace {
    role: String,
    id: Id,
    connection_id: Option<Id>,
    recipient: Option<Id>,
    sender: Option<Id>,
    own: Option<String>,
    peer: Option<String>,
    claim: Option<String>,
    claimed_at: Option<i64>,
    share: Option<Id>,
    sent: Option<String>,
    sent_version: Option<u64>,
    tag: Option<String>,
    live: Option<bool>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl TryFrom<EitherSpace> for Space {
    type Error = &'static str;

    fn try_from(space: EitherSpace) -> Result<Self, Self::Error> {
        let EitherSpace {
            id,
            connection_id,
            created_at,
            expires_at,
            ..
        } = space;
        match (
            space.role.as_str(),
            space.recipient,
            space.own,
            space.sender,
            space.peer,
            connection_id,
        ) {
            ("sender", recipient, Some(own), None, None, _) => Ok(Self::Sender {
                id,
                connection_id,
                recipient,
                own,
                claimed_at: space.claimed_at,
                share: space.share,
                sent: space.sent,
                sent_version: space.sent_version,
                tag: space.tag,
                live: space.live == Some(true),
                created_at,
                expires_at,
            }),
            ("recipient", None, None, Some(sender), Some(peer), Some(connection_id)) => {
                Ok(Self::Recipient {
                    id,
                    connection_id,
                    sender,
                    peer,
                    claim: space.claim,
                    created_at,
                    expires_at,
                })
            }
            _ => Err("neither a sender's nor a recipient's space"),
        }
    }
}

impl Space {
    /// Whether it is the row of a link, which has no connection.
    pub(crate) fn is_of_link(&self) -> bool {
        matches!(
            self,
            Self::Sender {
                connection_id: None,
                ..
            }
        )
    }

    /// The space's id.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Sender { id, .. } | Self::Recipient { id, .. } => *id,
        }
    }
}

/// A recipient's claim (step 40).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claim {
    /// The space.
    pub id: Id,
    /// The DEK under the recipient's KEK.
    pub claim: String,
}

/// `PUT /spaces/claims`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// 1 to 200.
    pub claims: Vec<Claim>,
}

/// Spaces that were found.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpacesFound {
    /// Those that exist, and fit into the answer.
    pub items: Vec<Space>,
    /// Those that did not fit.
    pub rest: Vec<Id>,
}

/// Tags of cards.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tags {
    /// 1 to 200.
    pub tags: Vec<String>,
}

/// Numbers of shares.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counts {
    /// In the order of the tags.
    pub counts: Vec<u64>,
}

impl<T: Transport> Services<T> {
    pub(crate) fn create_spaces(&self, spaces: Vec<NewSpace>) -> Answer<'_, Vec<Outcome>> {
        self.write_spaces(Method::Post, "/spaces", &NewSpaces { spaces })
    }

    pub(crate) fn update_spaces(&self, spaces: Vec<SpaceUpdate>) -> Answer<'_, Vec<Outcome>> {
        self.write_spaces(Method::Put, "/spaces", &SpaceUpdates { spaces })
    }

    pub(crate) fn claim_spaces(&self, claims: Vec<Claim>) -> Answer<'_, Vec<Outcome>> {
        self.write_spaces(Method::Put, "/spaces/claims", &Claims { claims })
    }

    fn write_spaces(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Answer<'_, Vec<Outcome>> {
        self.call_and(Access::Keystore, method, path, Some(body), |answer| {
            body_of(answer).map(|made: Outcomes<Outcome>| made.results)
        })
    }

    /// Asks as often as it takes: one answer holds as many spaces as fit.
    pub(crate) async fn spaces(&self, ids: &[Id]) -> Result<Vec<Space>> {
        let (mut rest, mut found) = (Ids::of(ids), Vec::new());
        while !rest.ids.is_empty() {
            let asked = rest.first();
            let answer: SpacesFound = self
                .call(
                    Access::Keystore,
                    Method::Post,
                    "/spaces/query",
                    Some(&asked),
                )
                .await?;
            let (before, count) = (rest.ids.len(), asked.ids.len());
            let items = answer.items.into_iter();
            found.extend(
                items
                    .filter(|space| asked.ids.contains(&space.id()))
                    .take(count),
            );
            let after = rest.ids.split_off(count);
            rest.ids.retain(|id| answer.rest.contains(id));
            rest.ids.extend(after);
            if rest.ids.len() == before {
                break;
            }
        }
        Ok(found)
    }

    /// The space of a share of one's own.
    pub(crate) async fn space_of_share(&self, share: Id) -> Result<Option<Space>> {
        let ids = Ids::of(&[share]);
        let asked = self.call(
            Access::Keystore,
            Method::Post,
            "/spaces/of-shares",
            Some(&ids),
        );
        let SpacesFound { mut items, .. } = asked.await?;
        Ok(items.pop())
    }

    /// A page of the spaces of one's own shares of a card, newest first.
    pub(crate) fn spaces_of_card(&self, tag: &str, page: &PageRequest) -> Answer<'_, Page<Space>> {
        let tags = vec![tag.to_owned()];
        let path = "/spaces/of-cards";
        self.ask_for_page(Access::Keystore, path, page, &Tags { tags })
    }

    /// The numbers of shares in force of each card.
    pub(crate) async fn count_spaces(&self, tags: Vec<String>) -> Result<Vec<u64>> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let body = Tags { tags };
        let asked = self.call(
            Access::Keystore,
            Method::Post,
            "/spaces/counts",
            Some(&body),
        );
        let Counts { counts } = asked.await?;
        if counts.len() == body.tags.len() {
            Ok(counts)
        } else {
            Err(crate::api::unreadable())
        }
    }

    pub(crate) fn delete_spaces_of(&self, connection: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Delete,
            &format!("/connections/{connection}/spaces"),
            None::<&()>,
        )
    }

    pub(crate) fn delete_space(&self, id: Id) -> Answer<'_, ()> {
        self.call_for_nothing(
            Access::Keystore,
            Method::Delete,
            &format!("/spaces/{id}"),
            None::<&()>,
        )
    }
}
