//! One error for every flow, one stable code per variant.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The reason why a call failed. Callers branch on [`Error::code`]; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The passphrase, or the recovery key, does not open the account of this address or identity, or the link. Where there is
    /// no account, the answer is the same.
    WrongCredentials,
    /// The identity token is not one that the Keystore takes, or not any more; the text says why.
    IdentityRejected(Failure),
    /// The Keystore lost what it needs to check passphrases.
    RecoveryNeeded,
    /// There is an account already.
    EmailTaken,
    /// The code is not the one that was mailed to the address, or not any more.
    WrongCode,
    /// The session ended, at the Keystore or by its age.
    SessionExpired,
    /// The keys were forgotten; the passphrase brings them back.
    Locked,
    /// The invitation was not accepted in time.
    InvitationExpired,
    /// The invitation was accepted before, perhaps by somebody else; or by this account, and the connection has ended.
    InvitationUsed,
    /// The inviter took the invitation back.
    InvitationCancelled,
    /// The invitation was declined.
    InvitationDeclined,
    /// There is no such record, or it is not for this account.
    NotFound,
    /// Sharing with a person whose keys nobody has verified.
    ConnectionUnverified,
    /// The safety number that was given is not this connection's.
    SafetyNumberMismatch,
    /// The Vault serves other keys for this person than were pinned, or than the invitation link proves.
    PeerKeyChanged,
    /// The time of the share or link is over, or the link was used up or closed.
    ShareExpired,
    /// The link needs its passphrase.
    PassphraseNeeded,
    /// The card has so many shares in force, and it was not said what becomes of them.
    CardShared(u32),
    /// A later release wrote what is stored, in a form that this one does not know.
    UpdateNeeded,
    /// A record is not what it has to be. Which check failed is not told.
    RecordRejected,
    /// The record was changed elsewhere, or its id is taken.
    Conflict(Failure),
    /// An argument is not usable; the text names it.
    BadInput(Failure),
    /// More than a record can hold.
    TooLarge(Failure),
    /// The account has as much of something as the service lets it have.
    QuotaExceeded(Quota, Failure),
    /// Too many requests; the seconds after which the service takes them again, 0 if it does not say so.
    RateLimited(u32),
    /// The service cannot be reached, or does not answer in time.
    Offline(Failure),
    /// The caller ended the call.
    Aborted,
    /// The service failed, or something else answered, or it answered what it must not.
    ServerError(Failure),
    /// The platform's generator of random numbers fails or stands still.
    NoRandomness,
    /// No WebCrypto, which browsers offer on https and localhost only.
    InsecureContext,
    /// The worker for the passphrase did not start.
    WorkerUnavailable(Failure),
}

// Every `?` moves an error: more than two words would cost the module 16 kB.
const _: () = assert!(size_of::<Error>() <= 2 * size_of::<usize>());

/// What an account may have only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Bytes of cards and of sent shares.
    Bytes,
    /// Cards.
    Cards,
    /// Sent shares in force.
    Shares,
    /// Those of one connection.
    SharesPerConnection,
    /// Pending invitations.
    Invitations,
    /// Active connections.
    Connections,
    /// Keys for connections, those of ended connections too.
    ConnectionKeys,
    /// Encryption spaces.
    Spaces,
    /// Bytes of files.
    FileBytes,
    /// Files.
    Files,
    /// Files that are not finished.
    Uploads,
}

impl Quota {
    const NAMES: [(Self, &str); 11] = [
        (Self::Bytes, "bytes"),
        (Self::Cards, "cards"),
        (Self::Shares, "shares"),
        (Self::SharesPerConnection, "shares_per_connection"),
        (Self::Invitations, "invitations"),
        (Self::Connections, "connections"),
        (Self::ConnectionKeys, "connection_keys"),
        (Self::Spaces, "spaces"),
        (Self::FileBytes, "file_bytes"),
        (Self::Files, "files"),
        (Self::Uploads, "uploads"),
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(quota, _)| *quota == self)
            .map_or("", |(_, name)| name)
    }

    /// The quota of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, known)| *known == name)
            .map(|(quota, _)| quota)
    }
}

/// What led to an error: a platform's own, which stays on its thread in a browser, or a [`String`].
#[cfg(target_arch = "wasm32")]
type Cause = dyn Any;
/// The same elsewhere.
#[cfg(not(target_arch = "wasm32"))]
type Cause = dyn Any + Send + Sync;

/// A sentence, and what led to it, if that is known. In a box: every result of every flow has room for its error.
#[derive(Clone)]
pub struct Failure(Box<Told>);

#[derive(Clone)]
struct Told {
    text: String,
    argument: Option<String>,
    cause: Option<Arc<Cause>>,
    lasts: bool,
}

impl Failure {
    /// A sentence with the platform's error, which only the platform's own code can look into.
    #[cfg(target_arch = "wasm32")]
    pub fn new(text: impl Into<String>, cause: impl Any) -> Self {
        let mut failure = Self::from(text);
        failure.0.cause = Some(Arc::new(cause));
        failure
    }

    /// A sentence about an answer, of which `cause` says what it was. One that `lasts` comes again whenever it is asked for.
    pub(crate) fn of_answer(text: &str, cause: String, lasts: bool) -> Self {
        Self(Box::new(Told {
            text: text.to_owned(),
            argument: None,
            cause: Some(Arc::new(cause)),
            lasts,
        }))
    }

    /// The same with another sentence, until somebody does something about it.
    pub(crate) fn lasting(mut self, text: &str) -> Self {
        text.clone_into(&mut self.0.text);
        self.0.lasts = true;
        self
    }
}

impl<S: Into<String>> From<S> for Failure {
    fn from(text: S) -> Self {
        Self(Box::new(Told {
            text: text.into(),
            argument: None,
            cause: None,
            lasts: false,
        }))
    }
}

/// By the sentence alone.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Failure {}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failure").field(&self.0.text).finish()
    }
}

/// The result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A [`Error::BadInput`] with its text.
    pub(crate) fn bad_input(text: impl Into<String>) -> Self {
        Self::BadInput(Failure::from(text))
    }

    /// The same, of the argument with this name, such as `fields[2].label`.
    pub(crate) fn in_argument(mut self, name: &str) -> Self {
        if let Self::BadInput(failure) = &mut self {
            failure.0.argument = Some(name.to_owned());
        }
        self
    }

    /// The argument that is not usable, if that is the reason and it is known.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        match self {
            Self::BadInput(failure) => failure.0.argument.as_deref(),
            _ => None,
        }
    }

    /// The milliseconds after which the service takes requests again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited(seconds @ 1..) => Some(u64::from(*seconds) * 1000),
            _ => None,
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Offline(failure)
            | Self::ServerError(failure)
            | Self::WorkerUnavailable(failure) => Some(failure),
            _ => None,
        }
    }

    /// What this error comes from, if it is kept: the platform's own error, or a [`String`] that says what was answered.
    #[must_use]
    pub fn cause(&self) -> Option<&dyn Any> {
        let cause = self.failure()?.0.cause.as_deref()?;
        Some(cause)
    }

    /// Whether the same call fails again until somebody does something, though that is not so of others with this code.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.failure().is_some_and(|failure| failure.0.lasts)
    }

    /// The same, with words before the sentence that say what it is about.
    pub(crate) fn about(mut self, what: &str) -> Self {
        if let Self::Offline(failure) | Self::ServerError(failure) = &mut self {
            failure.0.text.insert_str(0, what);
        }
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong_credentials",
            Self::IdentityRejected(_) => "identity_rejected",
            Self::RecoveryNeeded => "recovery_needed",
            Self::EmailTaken => "email_taken",
            Self::WrongCode => "wrong_code",
            Self::SessionExpired => "session_expired",
            Self::Locked => "locked",
            Self::InvitationExpired => "invitation_expired",
            Self::InvitationUsed => "invitation_used",
            Self::InvitationCancelled => "invitation_cancelled",
            Self::InvitationDeclined => "invitation_declined",
            Self::NotFound => "not_found",
            Self::ConnectionUnverified => "connection_unverified",
            Self::SafetyNumberMismatch => "safety_number_mismatch",
            Self::PeerKeyChanged => "peer_key_changed",
            Self::ShareExpired => "share_expired",
            Self::PassphraseNeeded => "passphrase_needed",
            Self::CardShared(_) => "card_shared",
            Self::UpdateNeeded => "update_needed",
            Self::RecordRejected => "record_rejected",
            Self::Conflict(_) => "conflict",
            Self::BadInput(_) => "bad_input",
            Self::TooLarge(_) => "too_large",
            Self::QuotaExceeded(..) => "quota_exceeded",
            Self::RateLimited(_) => "rate_limited",
            Self::Offline(_) => "offline",
            Self::Aborted => "aborted",
            Self::ServerError(_) => "server_error",
            Self::NoRandomness => "no_randomness",
            Self::InsecureContext => "insecure_context",
            Self::WorkerUnavailable(_) => "worker_unavailable",
        }
    }

    /// What the account has too much of, if that is the reason.
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        match self {
            Self::QuotaExceeded(quota, _) => Some(*quota),
            _ => None,
        }
    }

    /// The error that a service named on the wire, or `None` for a code that services do not use.
    pub(crate) fn from_wire(code: &str, message: &str) -> Option<Self> {
        let text = || Failure::from(message);
        let mut known = [
            Self::WrongCredentials,
            Self::IdentityRejected(text()),
            Self::RecoveryNeeded,
            Self::EmailTaken,
            Self::WrongCode,
            Self::SessionExpired,
            Self::InvitationExpired,
            Self::InvitationUsed,
            Self::InvitationCancelled,
            Self::InvitationDeclined,
            Self::NotFound,
            Self::ShareExpired,
            Self::Conflict(text()),
            Self::BadInput(text()),
            Self::TooLarge(text()),
            Self::RateLimited(0),
            Self::ServerError(text()),
        ]
        .into_iter();
        known.find(|error| error.code() == code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CardShared(count) => {
                return write!(
                    f,
                    "The card is shared ({count} in force): say with `shares` whether to revoke or to keep them."
                );
            }
            Self::WrongCredentials => {
                "The passphrase or recovery key does not fit the account or link: check both and try again."
            }
            Self::RecoveryNeeded => {
                "The service lost what it needs to check passphrases: recover with the recovery key."
            }
            Self::EmailTaken => "There is an account already: sign in instead.",
            Self::WrongCode => {
                "The code is wrong, or was replaced, tried too often or not used in time: check it, or ask for a new one."
            }
            Self::SessionExpired => "The session is over: sign in again.",
            Self::Locked => "The session is locked: unlock it with the passphrase.",
            Self::InvitationExpired => "The invitation has expired: ask for a new one.",
            Self::InvitationUsed => {
                "The invitation was accepted before. If that was not you, somebody else opened the link: tell the inviter."
            }
            Self::InvitationCancelled => "The inviter cancelled the invitation: ask for a new one.",
            Self::InvitationDeclined => "The invitation was declined: ask for a new one.",
            Self::NotFound => "There is no such record, or it is not for this account.",
            Self::ConnectionUnverified => {
                "Nobody has verified this person's keys: compare the safety number, or share with acceptUnverified."
            }
            Self::SafetyNumberMismatch => {
                "The safety numbers differ: somebody may stand between you. Do not share; compare again in person."
            }
            Self::PeerKeyChanged => {
                "The Vault shows other keys for this person than it should: do not share, and talk to them in person."
            }
            Self::ShareExpired => "The share or link is over: ask for a new one.",
            Self::PassphraseNeeded => "The link has a passphrase: ask for it whoever gave you the link.",
            Self::UpdateNeeded => {
                "A later version of this app wrote what is stored: load the newest version, then try again."
            }
            Self::RecordRejected => "The record is damaged or forged and was not opened.",
            Self::RateLimited(_) => "Too many attempts: wait a moment and try again.",
            Self::Aborted => "The call was aborted.",
            Self::NoRandomness => {
                "This device gives no random numbers, so nothing was made: use another browser or device."
            }
            Self::InsecureContext => "WebCrypto is missing: serve the page over https or from localhost.",
            Self::IdentityRejected(failure)
            | Self::Conflict(failure)
            | Self::BadInput(failure)
            | Self::TooLarge(failure)
            | Self::QuotaExceeded(_, failure)
            | Self::ServerError(failure)
            | Self::Offline(failure)
            | Self::WorkerUnavailable(failure) => &failure.0.text,
        })
    }
}

impl std::error::Error for Error {}
