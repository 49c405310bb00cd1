//! Options that would be taken and mean nothing. They are refused with what to do; those of the other service are only told
//! of, because two processes may share their settings.

use crate::config::{Config, Services};
use crate::start_error::StartError;

/// Refuses what contradicts itself, before anything is made.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    let refuse = |sentence: &str| Err(StartError(sentence.to_owned()));
    if config.services == Services::All && config.keystore_key.is_some() {
        return refuse(
            "Leave --keystore-key out, or run the Vault alone: it trusts the Keystore beside it.",
        );
    }
    if config.max_connections == 0 || config.max_connections_per_address == 0 {
        return refuse("Give --max-connections and --max-connections-per-address at least 1.");
    }
    if config.s3.access_key.is_some() != config.s3.secret_key.is_some() {
        return refuse("Give both --s3-access-key and --s3-secret-key, or neither.");
    }
    if config.services.vault() && config.dev_mailbox && config.smtp_url.is_some() {
        return refuse(
            "Leave --dev-mailbox or --smtp-url out: mails that are sent are not captured.",
        );
    }
    let idle = idle(config);
    if !idle.is_empty() {
        let options = idle.join(", ");
        tracing::warn!(
            options,
            "options of the other service mean nothing to this process"
        );
    }
    Ok(())
}

/// The options that are set, and are those of a service that this process does not run.
fn idle(config: &Config) -> Vec<&'static str> {
    let of_vault = [
        ("--keystore-key", config.keystore_key.is_some()),
        ("--invitation-url", !config.invitation_urls.is_empty()),
        ("--smtp-url", config.smtp_url.is_some()),
        ("--smtp-ca", config.smtp_ca.is_some()),
        ("--smtp-hello", config.smtp_hello.is_some()),
        ("--mail-from", config.mail_from.is_some()),
        ("--dev-mailbox", config.dev_mailbox),
        ("--vault-db", config.vault_db.is_some()),
        ("--vault-db-direct", config.vault_db_direct.is_some()),
        ("--vault-files", config.vault_files.is_some()),
        ("--s3-endpoint", config.s3.endpoint.is_some()),
        ("--s3-access-key", config.s3.access_key.is_some()),
        ("--s3-secret-key", config.s3.secret_key.is_some()),
    ];
    let of_keystore = [
        ("--oidc-issuer", config.oidc_issuer.is_some()),
        ("--oidc-audience", !config.oidc_audiences.is_empty()),
        ("--oidc-jwks-url", config.oidc_jwks_url.is_some()),
        ("--no-email-sign-up", !config.email_sign_up),
        ("--new-opaque-setup", config.new_opaque_setup),
        ("--keystore-db", config.keystore_db.is_some()),
        ("--keystore-db-direct", config.keystore_db_direct.is_some()),
    ];
    let all = match config.services {
        Services::All => &[][..],
        Services::Vault => &of_keystore[..],
        Services::Keystore => &of_vault[..],
    };
    let set = all.iter().filter(|(_, is_set)| *is_set);
    set.map(|(option, _)| *option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_other_service_are_told_of() {
        let config = |services| Config {
            services,
            smtp_url: Some("smtp://localhost".into()),
            invitation_urls: vec!["https://app.example/".into()],
            email_sign_up: false,
            ..Config::new("x")
        };
        assert_eq!(idle(&config(Services::All)), [""; 0]);
        assert_eq!(idle(&config(Services::Vault)), ["--no-email-sign-up"]);
        let of_vault = ["--invitation-url", "--smtp-url"];
        assert_eq!(idle(&config(Services::Keystore)), of_vault);
    }
}
