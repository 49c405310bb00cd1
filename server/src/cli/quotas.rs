//! The options that limit what one account may have.

use clap::Args;
use vouchsafe_server::Quotas;

/// What one account may have, of each at most so many. More is refused with `quota_exceeded`.
#[derive(Args)]
#[command(next_help_heading = "Quotas of an account")]
pub(super) struct QuotaOptions {
    /// Bytes of cards and of sent shares, and at the Keystore of what is kept of these.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = Quotas::default().bytes,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_BYTES"
    )]
    quota_bytes: i64,

    /// Cards.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().cards,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_CARDS"
    )]
    quota_cards: i64,

    /// Sent shares in force, links included.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().shares,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_SHARES"
    )]
    quota_shares: i64,

    /// Sent shares in force of one connection.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().shares_per_connection,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_SHARES_PER_CONNECTION"
    )]
    quota_shares_per_connection: i64,

    /// Pending invitations.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().invitations,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_INVITATIONS"
    )]
    quota_invitations: i64,

    /// Active connections.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().connections,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_CONNECTIONS"
    )]
    quota_connections: i64,

    /// Keys for connections, those of ended connections too.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().connection_keys,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_CONNECTION_KEYS"
    )]
    quota_connection_keys: i64,

    /// Encryption spaces in force.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().spaces,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_SPACES"
    )]
    quota_spaces: i64,

    /// Bytes of files.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = Quotas::default().file_bytes,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_FILE_BYTES"
    )]
    quota_file_bytes: i64,

    /// Files.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().files,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_FILES"
    )]
    quota_files: i64,

    /// Files that are not finished.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().uploads,
        value_parser = clap::value_parser!(i64).range(0..),
        env = "VOUCHSAFE_QUOTA_UPLOADS"
    )]
    quota_uploads: i64,

    /// Requests in a minute, to each service; --no-rate-limits lifts this one.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Quotas::default().requests_per_minute,
        value_parser = clap::value_parser!(u32).range(0..),
        env = "VOUCHSAFE_QUOTA_REQUESTS"
    )]
    quota_requests: u32,
}

impl QuotaOptions {
    pub(super) fn into_quotas(self) -> Quotas {
        Quotas {
            bytes: self.quota_bytes,
            cards: self.quota_cards,
            shares: self.quota_shares,
            shares_per_connection: self.quota_shares_per_connection,
            invitations: self.quota_invitations,
            connections: self.quota_connections,
            connection_keys: self.quota_connection_keys,
            spaces: self.quota_spaces,
            file_bytes: self.quota_file_bytes,
            files: self.quota_files,
            uploads: self.quota_uploads,
            requests_per_minute: self.quota_requests,
        }
    }
}
