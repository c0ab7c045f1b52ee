//! Events: what happened, as `GET /v1/events` lists it and webhooks carry it. Pure.
//!
//! Kept are those of accounts and of PaymentMethods that are not any more what they were; not the thousands that a migration itself
//! causes (`customer.created`, `payment_method.attached`, …), which nobody asks a simulator for.

use super::accounts::{self, Modes};
use super::idempotency::Answer;
use super::ids;
use super::objects::PaymentMethod;
use super::render;
use super::response::{DEFAULT_VERSION, Failure, Place, missing};
use super::shelf::{LedgerId, Order, Slot, Window};
use super::world::{Call, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Stripe keeps events for thirty days.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// An event.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub kind: &'static str,
    /// The JSON text, the same in a list and in a webhook.
    pub body: Arc<str>,
}

/// What an event is of.
struct Of {
    ledger: LedgerId,
    unix: i64,
    kind: &'static str,
}

impl World {
    fn happens(&mut self, of: &Of, object: &Value, before: Option<Value>) {
        let ledger = &self.ledgers[of.ledger];
        let ordinal = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let drawn = ids::draw(self.laws.seed ^ 0x4576_656E_7473, ordinal, 1);
        let id: Arc<str> = format!(
            "evt_1{}{}",
            ids::base62(drawn, 10),
            ids::base62(ids::mix(drawn), 10)
        )
        .into();
        let mut data = json!({ "object": object });
        if let Some(before) = before {
            data["previous_attributes"] = before;
        }
        let mut event = json!({
            "id": &*id,
            "object": "event",
            "api_version": DEFAULT_VERSION,
            "created": of.unix,
            "data": data,
            "livemode": ledger.livemode,
            "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null},
            "type": of.kind,
        });
        if ledger.connected {
            event["account"] = json!(&*ledger.account);
        }
        let happening = Happening {
            kind: of.kind,
            body: event.to_string().into(),
        };
        self.events.put(of.ledger, id, of.unix, happening);
    }

    /// A PaymentMethod is not any more what it was `before`.
    pub(super) fn method_changed(
        &mut self,
        (ledger, unix): (LedgerId, i64),
        kind: &'static str,
        before: &PaymentMethod,
        slot: Slot,
    ) {
        let now = render::payment_method_value(&self.methods.get(slot).object);
        let before = difference(&render::payment_method_value(before), &now);
        let of = Of { ledger, unix, kind };
        self.happens(&of, &now, Some(before));
    }

    /// The platform was given access to an account, or lost it, in each mode that the account is in.
    pub(super) fn access_changed(&mut self, unix: i64, id: &str, revoked: bool) {
        let kind = if revoked {
            "account.application.deauthorized"
        } else {
            "account.application.authorized"
        };
        let application = json!({"id": "ca_SimApplication0001", "object": "application", "name": "Simulated platform"});
        for ledger in self.ledgers_of(id) {
            self.happens(&Of { ledger, unix, kind }, &application, None);
        }
    }

    /// An account is not any more what it was `before`.
    pub(super) fn account_changed(&mut self, unix: i64, id: &str, before: &Value) {
        let Some(now) = self.accounts.known(id).map(accounts::render) else {
            return;
        };
        let kind = "account.updated";
        for ledger in self.ledgers_of(id) {
            let before = difference(before, &now);
            self.happens(&Of { ledger, unix, kind }, &now, Some(before));
        }
    }

    /// The ledgers of a connected account, in the modes that it gave access in, whether it does now or not.
    fn ledgers_of(&mut self, id: &str) -> Vec<LedgerId> {
        let Some(account) = self.accounts.known(id) else {
            return Vec::new();
        };
        let modes: &[bool] = match account.modes {
            Modes::Both => &[false, true],
            Modes::TestOnly => &[false],
            Modes::LiveOnly => &[true],
        };
        let id = Arc::clone(&account.id);
        let ledger = |&livemode: &bool| self.ledger(&id, livemode, true);
        modes.iter().map(ledger).collect()
    }

    /// The network tells a new expiry of a card of the platform's.
    pub(super) fn renew_card(&mut self, unix: i64, id: &str) -> Result<(), String> {
        let slot = self.methods.slot(id);
        let slot = slot.ok_or_else(|| format!("there is no PaymentMethod {id}"))?;
        let ledger = self.methods.kept(slot).ledger;
        let before = Arc::clone(&self.methods.get(slot).object);
        let after = Arc::make_mut(&mut self.methods.get_mut(slot).object);
        match &mut after.instrument {
            super::objects::Instrument::Card(card) => card.exp_year += 3,
            super::objects::Instrument::UsBankAccount(_) | super::objects::Instrument::Other(_) => {
                return Err(format!("{id} is no card"));
            }
        }
        let kind = "payment_method.automatically_updated";
        self.method_changed((ledger, unix), kind, &before, slot);
        Ok(())
    }

    pub(super) fn list_events(&mut self, call: &Call<'_>) -> Result<Answer, Failure> {
        if call.params.names("type") && call.params.names("types") {
            return Err(Failure::invalid(
                "You may only specify one of these parameters: type, types.",
            ));
        }
        let window = Window::read(call.params, "event", |id| {
            let slot = self.events.slot_in(call.ledger, id)?;
            Some((self.events.kept(slot).created, slot))
        })?;
        let types: Vec<&str> = match call.params.filled("type") {
            Some(one) => vec![one],
            None => call.params.list("types"),
        };
        if types.len() > 20 {
            return Err(
                Failure::invalid("Array types exceeds maximum 20 allowed elements.").param("types"),
            );
        }
        let oldest = call.moment.unix - KEPT_SECONDS;
        let wanted = |slot: Slot| {
            let of_type = |wanted: &&str| match wanted.strip_suffix('*') {
                Some(begin) => self.events.get(slot).kind.starts_with(begin),
                None => self.events.get(slot).kind == *wanted,
            };
            self.events.kept(slot).created >= oldest
                && (types.is_empty() || types.iter().any(of_type))
        };
        let nothing = Order::new();
        let order = self.events.order(call.ledger).unwrap_or(&nothing);
        let (page, more) = window.page(order, wanted);
        let shown = |slot: Slot| self.events.get(slot).body.to_string();
        let data: Vec<String> = page.into_iter().map(shown).collect();
        Ok(Answer::Text(render::list("/v1/events", &data, more).into()))
    }

    pub(super) fn get_event(&mut self, call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
        let slot = self.events.slot_in(call.ledger, id);
        let slot = slot.ok_or_else(|| missing("event", id, Place::Url("id"), None))?;
        Ok(Answer::Text(Arc::clone(&self.events.get(slot).body)))
    }
}

/// What was otherwise `before`: `previous_attributes`.
fn difference(before: &Value, now: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, now) else {
        return before.clone();
    };
    let changed = old
        .iter()
        .filter(|(name, value)| new.get(*name) != Some(value));
    let changed = changed.map(|(name, value)| {
        let was = difference(value, new.get(name).unwrap_or(&Value::Null));
        (name.clone(), was)
    });
    Value::Object(changed.collect::<Map<_, _>>())
}
