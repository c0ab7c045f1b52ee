//! Before a run on a state file that was rebuilt: what could not be read then is read now.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::session::Session;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::run::{self, Recover, RecoverError};
use crate::store::{Migration, Recovery};

/// Reads accounts that could not be reached, or that a newer CSV brought, and looks at customers that a person had to choose for.
pub async fn take_up(
    config: &Config,
    conn: &Connection,
    session: &Session,
    (migration, state): (&Migration, &Path),
    concurrency: usize,
) -> Result<(), Failure> {
    if migration.recovery == Recovery::No {
        return Ok(());
    }
    let recover = Recover {
        client: Arc::clone(&session.client),
        conn,
        concurrency,
    };
    let taken = run::take_up(&recover, migration.id)
        .await
        .map_err(|error| match error {
            RecoverError::Stop(stop) => Failure::stop(&stop),
            RecoverError::Store(error) => Failure::store(state, &error),
            RecoverError::Unread(why) => Failure::new(Exit::Unexpected, why),
        })?;
    for line in report::recover::taken_up(&taken) {
        config.screen.line(&line);
    }
    Ok(())
}
