//! The sweeps, and which migration they are for. Nothing is kept of them before that is certain.

use rusqlite::Connection;

use super::Work;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{AccountId, MigrationId};
use crate::report;
use crate::run::{RecoverError, Sweep};
use crate::store::{AccountSeq, MigrationFound, Scope};

impl Work<'_> {
    /// Sweeps the platform and every account; gives those that cannot be reached.
    pub(super) async fn sweep_all(&self, conn: &Connection) -> Result<Vec<AccountId>, Failure> {
        let accounts = AccountSeq::all(conn).map_err(|error| self.of(&error))?;
        self.sweep(conn, None).await?;
        let mut unreachable = Vec::new();
        for (row, account) in accounts {
            if let Sweep::Unreachable(refusal) = self.sweep(conn, Some((row, &account))).await? {
                row.set_unread(conn, &refusal.message)
                    .map_err(|error| self.of(&error))?;
                unreachable.push(account);
            }
        }
        Ok(unreachable)
    }

    async fn sweep(
        &self,
        conn: &Connection,
        account: Option<(AccountSeq, &AccountId)>,
    ) -> Result<Sweep, Failure> {
        let name = account.map_or("the platform", |(_, id)| id.as_str());
        let mut progress = report::recover::Progress::new(&self.config.screen, name);
        let swept = self
            .recover(conn)
            .sweep(account, None, |swept| progress.swept(swept))
            .await;
        drop(progress);
        swept.map_err(|error| self.failed(error, name))
    }

    pub(super) fn failed(&self, error: RecoverError, name: &str) -> Failure {
        match error {
            RecoverError::Stop(stop) => Failure::stop(&stop),
            RecoverError::Store(error) => self.of(&error),
            RecoverError::Unread(why) => {
                let unread = format!("the Customers of {name} could not be read to the end: {why}");
                Failure::new(Exit::Unexpected, unread)
                    .hint("nothing was kept; run the same command again")
            }
        }
    }

    /// The one migration that is meant.
    pub(super) fn choose(
        &self,
        conn: &Connection,
        asked: Option<MigrationId>,
    ) -> Result<MigrationId, Failure> {
        let all = MigrationFound::all(conn).map_err(|error| self.of(&error))?;
        match (asked, all.as_slice()) {
            (Some(asked), _) if all.iter().any(|found| found.id == asked) => Ok(asked),
            (_, []) => Err(Failure::new(
                Exit::NoState,
                format!(
                    "no Customer on {} has the marks of a migration: there is nothing to recover, and a run would begin anew",
                    self.session.account.id
                ),
            )
            .hint("make sure that this is the key of the lost migration, of the right account and mode")),
            (None, [only]) => Ok(only.id),
            (Some(asked), _) => {
                self.config.screen.problem(&report::recover::migrations(&all));
                Err(Failure::usage(format!("no Customer has the marks of migration {asked}")))
            }
            (None, _) => {
                self.config.screen.problem(&report::recover::migrations(&all));
                Err(Failure::usage("Customers of several migrations are there: say which is lost")
                    .hint("add --migration UUID; each has a state file of its own"))
            }
        }
    }

    pub(super) fn has_some(&self, scope: &Scope, migration: MigrationId) -> Result<(), Failure> {
        if scope.customers > 0 {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "migration {migration} has Customers, and none of them is of a customer in {}",
            self.args.csv[0].display()
        ))
        .hint("give the CSV that the lost migration was made from"))
    }
}
