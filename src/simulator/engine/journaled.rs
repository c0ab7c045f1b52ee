//! What the control API changes, and what is kept of everything, so that the same world comes to be again.

use super::Simulator;
use crate::simulator::ids::Moment;
use crate::simulator::journal::{Control, Entry, Header, What};

impl Simulator {
    /// Applies what the control API asks for, and journals it; says why not.
    pub(in crate::simulator) fn control(
        &mut self,
        unix: i64,
        action: Control,
    ) -> Result<(), String> {
        self.apply(unix, &action)?;
        self.write(self.number, unix, What::Control(action));
        match &self.broken {
            Some(problem) => Err(problem.clone()),
            None => Ok(()),
        }
    }

    fn apply(&mut self, unix: i64, action: &Control) -> Result<(), String> {
        match action {
            Control::Advance { seconds } => {
                self.clock.offset_ms += i64::from(*seconds) * 1000;
                Ok(())
            }
            Control::Revoke { account } | Control::Restore { account } => {
                let revoked = matches!(action, Control::Revoke { .. });
                let known = self.world.accounts.set_revoked(account, revoked);
                if known {
                    self.world.access_changed(unix, account, revoked);
                    Ok(())
                } else {
                    Err(format!("there is no account {account}"))
                }
            }
            Control::Renew { payment_method } => self.world.renew_card(unix, payment_method),
            Control::Seed(seeds) => seeds
                .iter()
                .try_for_each(|seed| self.world.plant_at(unix, seed)),
        }
    }

    pub(super) fn write(&mut self, n: u64, t: i64, what: What) {
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(&Entry { n, t, what })
        {
            self.broken = Some(format!("journal: {error}"));
        }
    }

    /// Rebuilds the world, one journal entry after the other.
    pub(super) fn replay(&mut self, header: &Header, entry: Option<Entry>) {
        let Some(entry) = entry else {
            self.clock.offset_ms = header.offset_ms;
            return;
        };
        self.number = self.number.max(entry.n);
        self.clock.floor = self.clock.floor.max(entry.t);
        match entry.what {
            What::Request(kept) => {
                let moment = Moment {
                    number: entry.n,
                    unix: entry.t,
                };
                let handling = kept.handling;
                self.world.handle(moment, &kept.request(), handling);
            }
            What::Control(action) => {
                // It was applied before it was written, so it applies again.
                if let Err(problem) = self.apply(entry.t, &action) {
                    self.broken = Some(problem);
                }
            }
        }
    }
}
