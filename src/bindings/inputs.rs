//! Arguments as the package's JavaScript passes them on: it has checked their kinds and which of them go together.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::api::PageRequest;
use crate::crypto::invitation_link::{Ticket, Token};
use crate::crypto::records::{CardContent, Delivery, Part};
use crate::error::Result;
use crate::flows::{CardUpdate, Invite, LinkRequest, Login, ShareRequest};
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

/// The id in the argument of this name.
pub(super) fn id_of(argument: &str, text: &str) -> Result<Id> {
    Id::parse(text).map_err(|error| error.in_argument(argument))
}

/// Those in the list of this name.
pub(super) fn ids_of(argument: &str, texts: &[String]) -> Result<Vec<Id>> {
    let texts = texts.iter().enumerate();
    texts
        .map(|(index, text)| id_of(&format!("{argument}[{index}]"), text))
        .collect()
}

/// The address, or else the token, which is the flow's to refuse, also where it is missing.
pub(super) fn to_login(email: Option<String>, identity_token: Option<Zeroizing<String>>) -> Login {
    match email {
        Some(email) => Login::Email(email),
        None => Login::Identity(identity_token.unwrap_or_default()),
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
pub(super) struct CardUpdateInput {
    id: String,
    version: u64,
    content: CardContent,
}

impl CardUpdateInput {
    pub(super) fn into_update(self) -> Result<CardUpdate> {
        Ok(CardUpdate {
            id: Id::parse(&self.id)?,
            version: self.version,
            content: self.content,
        })
    }
}

#[derive(Default, Deserialize)]
pub(super) struct PageInput {
    cursor: Option<String>,
    limit: Option<u64>,
    connection: Option<String>,
}

impl PageInput {
    pub(super) fn into_request(self) -> Result<(PageRequest, Option<Id>)> {
        let connection = self.connection.as_deref();
        let connection = connection.map(|id| id_of("connection", id)).transpose()?;
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
    page: Option<String>,
    language: Option<String>,
    name: String,
    expires_at: Option<i64>,
}

impl InviteInput {
    pub(super) fn into_invite(self) -> Invite {
        let Self {
            delivery,
            email,
            page,
            language,
            name,
            expires_at,
        } = self;
        Invite {
            delivery,
            email,
            page,
            language,
            name,
            expires_at,
        }
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
        match self.link {
            Some(link) => Ticket::from_link(&link),
            None => Ok(Ticket::Mail {
                id: Id::parse(&self.id.unwrap_or_default())?,
                token: Token::from_text(&self.token.unwrap_or_default())?,
            }),
        }
    }
}

/// The choice of a card's fields and files.
fn part_of(fields: Option<Vec<String>>, files: Option<Vec<String>>) -> Result<Part> {
    let files = files.map(|ids| ids_of("files", &ids)).transpose()?;
    Ok(Part { fields, files })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareInput {
    card: String,
    connection: Option<String>,
    connections: Option<Vec<String>>,
    fields: Option<Vec<String>>,
    files: Option<Vec<String>>,
    expires_at: Option<i64>,
    accept_unverified: Option<bool>,
    live: Option<bool>,
}

impl ShareInput {
    pub(super) fn into_request(self) -> Result<ShareRequest> {
        let mut connections = ids_of("connections", &self.connections.unwrap_or_default())?;
        if let Some(one) = self.connection {
            connections.push(id_of("connection", &one)?);
        }
        Ok(ShareRequest {
            card: id_of("card", &self.card)?,
            connections,
            part: part_of(self.fields, self.files)?,
            expires_at: self.expires_at,
            accept_unverified: self.accept_unverified.unwrap_or(false),
            live: self.live.unwrap_or(true),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkInput {
    card: String,
    fields: Option<Vec<String>>,
    files: Option<Vec<String>>,
    expires_at: i64,
    max_reads: Option<u64>,
    passphrase: Option<Zeroizing<String>>,
    name: String,
    live: Option<bool>,
}

impl LinkInput {
    pub(super) fn into_request(self) -> Result<LinkRequest> {
        Ok(LinkRequest {
            card: id_of("card", &self.card)?,
            part: part_of(self.fields, self.files)?,
            expires_at: self.expires_at,
            max_reads: self.max_reads,
            passphrase: self.passphrase,
            name: self.name,
            live: self.live.unwrap_or(true),
        })
    }
}
