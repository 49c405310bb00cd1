//! The arguments that JavaScript passes, as `index.d.ts` of the package describes them.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::api::PageRequest;
use crate::crypto::invitation_link::{Ticket, Token};
use crate::crypto::records::{CardContent, Delivery, Field};
use crate::error::{Error, Result};
use crate::flows::{CardUpdate, Invite, Login, ShareRequest};
use crate::ids::Id;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialsInput {
    pub(super) email: Option<String>,
    pub(super) identity_token: Option<Zeroizing<String>>,
    pub(super) passphrase: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecoverInput {
    pub(super) email: Option<String>,
    pub(super) identity_token: Option<Zeroizing<String>>,
    pub(super) recovery_key: Zeroizing<String>,
    pub(super) passphrase: Zeroizing<String>,
}

/// By what an account is found: one of both.
pub(super) fn to_login(
    email: Option<String>,
    identity_token: Option<Zeroizing<String>>,
) -> Result<Login> {
    match (email, identity_token) {
        (Some(email), None) => Ok(Login::Email(email)),
        (None, Some(token)) => Ok(Login::Identity(token)),
        _ => Err(Error::BadInput(
            "An account is found by its `email` or by an `identityToken`.".into(),
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PassphraseInput {
    pub(super) identity_token: Option<Zeroizing<String>>,
    pub(super) passphrase: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangePassphraseInput {
    pub(super) identity_token: Option<Zeroizing<String>>,
    pub(super) passphrase: Zeroizing<String>,
    pub(super) new_passphrase: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct NameInput {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct CardInput {
    label: String,
    fields: Vec<Field>,
}

impl CardInput {
    pub(super) fn into_content(self) -> CardContent {
        CardContent {
            label: self.label,
            fields: self.fields,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct CardUpdateInput {
    id: String,
    version: u64,
    label: String,
    fields: Vec<Field>,
}

impl CardUpdateInput {
    pub(super) fn into_update(self) -> Result<CardUpdate> {
        let content = CardContent {
            label: self.label,
            fields: self.fields,
        };
        Ok(CardUpdate {
            id: Id::parse(&self.id)?,
            version: self.version,
            content,
        })
    }
}

#[derive(Default, Deserialize)]
pub(super) struct PageInput {
    cursor: Option<String>,
    limit: Option<u32>,
    connection: Option<String>,
}

impl PageInput {
    pub(super) fn into_request(self) -> Result<(PageRequest, Option<Id>)> {
        let connection = self.connection.as_deref().map(Id::parse).transpose()?;
        Ok((
            PageRequest {
                cursor: self.cursor,
                limit: self.limit,
            },
            connection,
        ))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InviteInput {
    delivery: Delivery,
    email: Option<String>,
    name: String,
    expires_at: Option<f64>,
}

impl InviteInput {
    pub(super) fn into_invite(self) -> Result<Invite> {
        let Self {
            delivery,
            email,
            name,
            expires_at,
        } = self;
        Ok(Invite {
            delivery,
            email,
            name,
            expires_at: to_time(expires_at)?,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct TicketInput {
    link: Option<Zeroizing<String>>,
    id: Option<String>,
    token: Option<Zeroizing<String>>,
}

impl TicketInput {
    pub(super) fn into_ticket(self) -> Result<Ticket> {
        match (self.link, self.id, self.token) {
            (Some(link), None, None) => Ticket::from_link(&link),
            (None, Some(id), Some(token)) => Ok(Ticket::Mail {
                id: Id::parse(&id)?,
                token: Token::from_text(&token)?,
            }),
            _ => Err(Error::BadInput(
                "An invitation is given as { link } or as { id, token }.".into(),
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareInput {
    card: String,
    connection: Option<String>,
    connections: Option<Vec<String>>,
    fields: Option<Vec<String>>,
    expires_at: Option<f64>,
    accept_unverified: Option<bool>,
}

impl ShareInput {
    pub(super) fn into_request(self) -> Result<ShareRequest> {
        let names = match (self.connection, self.connections) {
            (Some(one), None) => vec![one],
            (None, Some(several)) => several,
            _ => {
                return Err(Error::BadInput(
                    "A share names its `connection`, or its `connections`.".into(),
                ));
            }
        };
        Ok(ShareRequest {
            card: Id::parse(&self.card)?,
            connections: names
                .iter()
                .map(|name| Id::parse(name))
                .collect::<Result<_>>()?,
            fields: self.fields,
            expires_at: to_time(self.expires_at)?,
            accept_unverified: self.accept_unverified.unwrap_or(false),
        })
    }
}

/// JavaScript's numbers are floating; a time is a whole one.
fn to_time(value: Option<f64>) -> Result<Option<i64>> {
    const LAST: f64 = 8.64e15;
    match value {
        None => Ok(None),
        Some(time) if time.fract() == 0.0 && (0.0..=LAST).contains(&time) => Ok(Some(time as i64)),
        Some(_) => Err(Error::BadInput(
            "A time is a whole number of milliseconds since 1970.".into(),
        )),
    }
}
