//! How many mails go: for one account, to one mailbox, to one domain, for one network, and in all. Codes are counted apart from
//! invitations, so that nobody's code waits because others invite.

use super::address::{domain, mailbox};
use super::auth::VaultCaller;
use super::state::Vault;
use crate::clock::{DAY, MINUTE};
use crate::http::error::Result;
use crate::http::limits::{CallerAddress, Rate};

const HOUR: i64 = 60 * MINUTE;

/// The limits of one kind of mail.
pub(super) struct MailRates {
    account: Rate,
    mailbox: Rate,
    domain: Rate,
    network: Rate,
    overall: Rate,
}

const fn rate(name: &'static str, count: u32, window_ms: i64) -> Rate {
    Rate {
        name,
        count,
        window_ms,
    }
}

/// Invitation mails.
pub(super) const INVITATIONS: MailRates = MailRates {
    account: rate("invitation mail", 100, HOUR),
    mailbox: rate("invitation mail mailbox", 5, DAY),
    domain: rate("invitation mail domain", 500, HOUR),
    network: rate("invitation mail network", 200, HOUR),
    overall: rate("invitation mails", 3000, HOUR),
};

/// Mails with a confirmation code.
pub(super) const CODES: MailRates = MailRates {
    account: rate("code mail", 5, HOUR),
    mailbox: rate("code mail mailbox", 10, DAY),
    domain: rate("code mail domain", 500, HOUR),
    network: rate("code mail network", 200, HOUR),
    overall: rate("code mails", 3000, HOUR),
};

impl MailRates {
    /// The counters that a mail counts in. A wider network may send twice as much as the one in it.
    fn keys(&self, account: &str, mailbox: &str, networks: &[String]) -> Vec<(Rate, String)> {
        let widths = networks.iter().enumerate().map(|(width, network)| {
            let count = self.network.count << width;
            let rate = Rate {
                count,
                ..self.network
            };
            (rate, network.clone())
        });
        [
            (self.account, account.to_owned()),
            (self.mailbox, mailbox.to_owned()),
            (self.domain, domain(mailbox).to_owned()),
            (self.overall, String::new()),
        ]
        .into_iter()
        .chain(widths)
        .collect()
    }
}

impl Vault {
    /// Counts a mail to this address in all ways, or refuses it and counts it in none.
    pub(super) fn count_mail(
        &self,
        rates: &MailRates,
        caller: &VaultCaller,
        network: &CallerAddress,
        to: &str,
    ) -> Result<()> {
        let mailbox = mailbox(to);
        let keys = rates.keys(&caller.account, &mailbox, network.networks());
        self.limits.count_all(&keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::http::limits::Limits;

    /// The numbers of an attempt: account, name, domain and network.
    type Numbers = [u32; 4];

    /// How many mails pass when the numbers of each are these.
    fn pass(rates: &MailRates, numbers: fn(u32) -> Numbers) -> u32 {
        let limits = Limits::new(true, Clock::new(|| 5), false);
        let passes = |n: &u32| {
            let [account, name, domain, network] = numbers(*n).map(|number| number.to_string());
            let mailbox = format!("{name}@{domain}.example");
            let keys = rates.keys(&account, &mailbox, &[network]);
            limits.count_all(&keys).is_ok()
        };
        (0..10_000).take_while(passes).count() as u32
    }

    #[test]
    fn each_way_of_each_limit_holds() {
        for (rates, account, mailbox) in [(&INVITATIONS, 100, 5), (&CODES, 5, 10)] {
            assert_eq!(pass(rates, |n| [0, n, n, n]), account);
            assert_eq!(pass(rates, |n| [n, 0, 0, n]), mailbox);
            assert_eq!(pass(rates, |n| [n, n, 0, n]), 500, "domain");
            assert_eq!(pass(rates, |n| [n, n, n, 0]), 200, "network");
            assert_eq!(pass(rates, |n| [n, n, n, n]), 3000, "overall");
        }
    }

    #[test]
    fn codes_do_not_wait_for_invitations() {
        let limits = Limits::new(true, Clock::new(|| 5), false);
        let mail = |rates: &MailRates| {
            limits
                .count_all(&rates.keys("a", "b@c", &["d".into()]))
                .is_ok()
        };
        assert_eq!((0..99).filter(|_| mail(&INVITATIONS)).count(), 5);
        assert!(mail(&CODES));
    }
}
