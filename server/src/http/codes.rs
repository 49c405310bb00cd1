//! The codes of errors, and the quotas that one of them names.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The codes a client may meet, a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not what the route takes.
    BadInput,
    /// No session or token, or one that is unknown, expired or meant for another service.
    SessionExpired,
    /// The email, the passphrase or the recovery key is wrong.
    WrongCredentials,
    /// The identity token is not one that is taken here, or not any more.
    IdentityRejected,
    /// The passphrase cannot be checked any more; the recovery key can.
    RecoveryNeeded,
    /// The code that was typed in is not the one that was mailed, or not any more.
    WrongCode,
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// There is no such route: the address is wrong, whatever record it names.
    UnknownRoute,
    /// The id is taken, or the stored version is another.
    Conflict,
    /// The email, or the identity, has an account already.
    EmailTaken,
    /// The invitation's time is over.
    InvitationExpired,
    /// The invitation was accepted before.
    InvitationUsed,
    /// The inviter took the invitation back.
    InvitationCancelled,
    /// The invitee turned the invitation down.
    InvitationDeclined,
    /// The share's time is over.
    ShareExpired,
    /// The body, or a member of it, is larger than the route takes.
    TooLarge,
    /// The account has as much of something as it may have.
    QuotaExceeded,
    /// Too many attempts.
    RateLimited,
    /// The server failed.
    ServerError,
}

impl Code {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::BadInput => StatusCode::BAD_REQUEST,
            Self::SessionExpired | Self::WrongCredentials | Self::IdentityRejected => {
                StatusCode::UNAUTHORIZED
            }
            Self::RecoveryNeeded | Self::QuotaExceeded | Self::WrongCode => StatusCode::FORBIDDEN,
            Self::NotFound | Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::Conflict | Self::EmailTaken => StatusCode::CONFLICT,
            Self::InvitationExpired
            | Self::InvitationUsed
            | Self::InvitationCancelled
            | Self::InvitationDeclined
            | Self::ShareExpired => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::BadInput => "Send what the route takes.",
            Self::SessionExpired => "Sign in again.",
            Self::WrongCredentials => "Check the email, and the passphrase or the recovery key.",
            Self::IdentityRejected => {
                "Get a fresh identity token from the app's sign-in: this one was refused."
            }
            Self::RecoveryNeeded => {
                "The service lost what it needs to check passphrases: recover with the recovery key."
            }
            Self::WrongCode => {
                "Check the code, or ask for a new one: it is wrong, its hour is over, or it was tried too often."
            }
            Self::NotFound => "Check the id: there is nothing here under it.",
            Self::UnknownRoute => "Check the address: there is no such route.",
            Self::Conflict => {
                "Read what is stored and decide again: it differs from what was sent."
            }
            Self::EmailTaken => "Sign in, or take another email: this one has an account.",
            Self::InvitationExpired => "Ask for a new invitation: this one is over.",
            Self::InvitationUsed => {
                "Ask the inviter who accepted: the invitation was used, maybe by somebody else."
            }
            Self::InvitationCancelled => {
                "Ask for a new invitation: the inviter took this one back."
            }
            Self::InvitationDeclined => "Ask for a new invitation: this one was declined.",
            Self::ShareExpired => "Ask the sender to share again: this share is over.",
            Self::TooLarge => "Send less: this is larger than the route takes.",
            Self::QuotaExceeded => "Delete something first: this account has all that it may have.",
            Self::RateLimited => "Wait as long as Retry-After says, then try again.",
            Self::ServerError => "Try again later: the server failed.",
        }
    }
}

/// What an account may have only so much of, a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Bytes of cards and of shares that it sent.
    Bytes,
    /// Cards.
    Cards,
    /// Shares in force that it sent.
    Shares,
    /// Those of one connection.
    SharesPerConnection,
    /// Pending invitations.
    Invitations,
    /// Active connections.
    Connections,
    /// Keys for connections, those of ended connections too.
    ConnectionKeys,
    /// Encryption spaces that it made.
    Spaces,
    /// Bytes of its files.
    FileBytes,
    /// Files.
    Files,
    /// Files that are not finished.
    Uploads,
}

impl Quota {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Bytes => {
                "Delete cards or revoke shares first: together they have too many bytes."
            }
            Self::Cards => "Delete a card first: this account has too many.",
            Self::Shares => "Revoke a share first: this account has too many.",
            Self::SharesPerConnection => "Revoke a share first: this connection has too many.",
            Self::Invitations => "Cancel an invitation first: too many wait for an answer.",
            Self::Connections => "End a connection first: this account has too many.",
            Self::ConnectionKeys => "Ask the operator: this account has made too many connections.",
            Self::Spaces => "Revoke a share first: this account has too many encryption spaces.",
            Self::FileBytes => "Delete files first: together they have too many bytes.",
            Self::Files => "Delete a file first: this account has too many.",
            Self::Uploads => "Finish or delete an upload first: too many have begun.",
        }
    }
}
