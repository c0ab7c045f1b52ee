//! What is said before anything is sent: whose account, which mode, which Stripe, which state file.
//!
//! Hazard: the accident met most often is the wrong key. So the mode stands first and is told apart without colour too.

use super::Look;
use super::words::plain;
use crate::ids::AccountId;

/// What a run is about to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// The account whose key is used.
    pub platform_account: AccountId,
    /// Its name in the Dashboard, where Stripe told it.
    pub account_name: Option<String>,
    /// Its country, two letters.
    pub country: Option<String>,
    /// The mode of the key.
    pub livemode: bool,
    /// The built-in simulator stands in for Stripe.
    pub simulated: bool,
    /// Stripe's address, as in `https://api.stripe.com`.
    pub api_base: String,
    /// Path of the state file.
    pub state_file: String,
    /// The migration's id.
    pub migration: String,
}

impl Banner {
    /// Six lines, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let rows = [
            ("Account", self.account()),
            ("Mode", self.mode().to_owned()),
            ("API", plain(&self.api_base)),
            ("State file", plain(&self.state_file)),
            ("Migration", plain(&self.migration)),
        ];
        let rows = rows.map(|(label, value)| format!("\n  {label:<12}{value}"));
        self.headline(look) + &rows.concat()
    }

    fn headline(&self, look: Look) -> String {
        match (self.simulated, self.livemode) {
            (true, _) => format!(
                "pmclone  {}",
                look.good("REHEARSAL: nothing leaves this machine")
            ),
            (false, true) => format!(
                "pmclone  {}",
                look.alarm("*** LIVE *** real customers, real cards ***")
            ),
            (false, false) => format!("pmclone  {}", look.good("TEST MODE")),
        }
    }

    fn mode(&self) -> &'static str {
        match (self.simulated, self.livemode) {
            (true, false) => "simulated Stripe, as in test mode",
            (true, true) => "simulated Stripe, as in live mode",
            (false, true) => "LIVE",
            (false, false) => "test: no real money moves, no real cards",
        }
    }

    fn account(&self) -> String {
        account(
            &self.platform_account,
            self.account_name.as_deref(),
            self.country.as_deref(),
        )
    }
}

/// `Acme GmbH (DE), acct_…`, as far as Stripe told it.
pub fn account(id: &AccountId, name: Option<&str>, country: Option<&str>) -> String {
    match (name.map(plain), country.map(plain)) {
        (Some(name), Some(country)) => format!("{name} ({country}), {id}"),
        (Some(name), None) => format!("{name}, {id}"),
        (None, Some(country)) => format!("{id} ({country})"),
        (None, None) => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner() -> Banner {
        Banner {
            platform_account: AccountId::parse("acct_1PLATFORM").unwrap(),
            account_name: Some("Acme\u{1b}[2J GmbH".into()),
            country: Some("DE".into()),
            livemode: false,
            simulated: false,
            api_base: "https://api.stripe.com".into(),
            state_file: "pmclone.db".into(),
            migration: "7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a".into(),
        }
    }

    #[test]
    fn test_mode_is_named() {
        insta::assert_snapshot!(banner().text(Look::PLAIN), @r"
        pmclone  TEST MODE
          Account     Acme [2J GmbH (DE), acct_1PLATFORM
          Mode        test: no real money moves, no real cards
          API         https://api.stripe.com
          State file  pmclone.db
          Migration   7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a
        ");
    }

    #[test]
    fn live_mode_is_unmistakable_without_colour() {
        let live = Banner {
            livemode: true,
            account_name: None,
            ..banner()
        };
        insta::assert_snapshot!(live.text(Look::PLAIN), @r"
        pmclone  *** LIVE *** real customers, real cards ***
          Account     acct_1PLATFORM (DE)
          Mode        LIVE
          API         https://api.stripe.com
          State file  pmclone.db
          Migration   7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a
        ");
    }

    #[test]
    fn live_mode_is_white_on_red_with_colour() {
        let live = Banner {
            livemode: true,
            ..banner()
        };
        let text = live.text(Look {
            colour: true,
            width: 80,
        });
        insta::assert_snapshot!(text.lines().next().unwrap().escape_debug().to_string(), @r"pmclone  \u{1b}[1;97;41m*** LIVE *** real customers, real cards ***\u{1b}[0m");
    }

    #[test]
    fn a_rehearsal_says_that_nothing_leaves_the_machine() {
        let rehearsal = Banner {
            simulated: true,
            livemode: true,
            country: None,
            ..banner()
        };
        insta::assert_snapshot!(rehearsal.text(Look::PLAIN), @r"
        pmclone  REHEARSAL: nothing leaves this machine
          Account     Acme [2J GmbH, acct_1PLATFORM
          Mode        simulated Stripe, as in live mode
          API         https://api.stripe.com
          State file  pmclone.db
          Migration   7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a
        ");
    }
}
