//! What `undo` sends, and the reads that it rests on.

use super::{Client, Effect};
use crate::ids::{AccountId, CustomerId};
use crate::store::Started;
use crate::stripe::answer::StopKind;
use crate::stripe::facts::{Page, ReadAnswer};
use crate::stripe::removal::{Removal, Removed, classify_removal};
use crate::stripe::request::Read;
use crate::stripe::uses::{UseFacts, UseKind};

impl Client {
    /// Sends a removal until it is settled, or until the bounds of [`crate::stripe::retry`] are reached; with the worst that its
    /// attempts can have done beyond what the answer tells.
    pub async fn remove(&self, started: &Started, removal: &Removal<'_>) -> (Removed, Effect) {
        let settled = self
            .exchange(
                &removal.request(),
                Some(started),
                || None,
                |wire| classify_removal(removal, self.mode, wire),
            )
            .await;
        match settled {
            Ok((removed, effect)) => {
                let effect = effect.max(effect_of(&removed));
                (removed, effect)
            }
            Err(unsettled) => {
                let effect = unsettled.effect;
                (unsettled.of_write().into(), effect)
            }
        }
    }

    /// Reads one page of what a Customer was used for: the newest first, those after `after`.
    pub async fn uses(
        &self,
        kind: UseKind,
        customer: &CustomerId,
        after: Option<&str>,
        account: Option<&AccountId>,
    ) -> ReadAnswer<Page<UseFacts>> {
        let read = Read::Uses {
            kind,
            customer,
            after,
            account,
        };
        self.read(&read).await
    }
}

/// What the answer that stopped it all may have done, as with every write.
fn effect_of(removed: &Removed) -> Effect {
    match removed {
        Removed::Stop(stop) => match stop.kind {
            StopKind::WrongMode | StopKind::NotStripe => Effect::Possible,
            StopKind::Key | StopKind::Permission | StopKind::ApiVersion => Effect::None,
        },
        Removed::Done
        | Removed::Refused(_)
        | Removed::AccountInvalid(_)
        | Removed::Doubt(_)
        | Removed::NotExecuted(_) => Effect::None,
    }
}
