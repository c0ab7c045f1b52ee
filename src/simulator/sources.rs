//! Finding the objects that an id names, and making those up that a rehearsal only names.
//!
//! With sources on demand, the platform has any PaymentMethod, card, bank account or Customer that is asked for. The
//! first word after the prefix says how it behaves: see the table in the module documentation of the simulator.

use super::accounts::LONG_AGO;
use super::ids::{base62, hash, mix};
use super::objects::{
    Address, Billing, Conduct, Customer, CustomerRecord, Instrument, Metadata, MethodRecord,
    PaymentMethod, Standing,
};
use super::response::{Failure, Place, missing};
use super::shelf::{LedgerId, Slot};
use super::testcards::{self, GENERIC, Model};
use super::world::{Call, World};
use std::sync::Arc;

const WRONG_ACCOUNT: &str = "OAuth key or Stripe-Account header was used but API request was provided with a \
                             platform-owned payment method ID. Please ensure that the provided payment method matches \
                             the specified account.";
const ONLY_LIVE: &str =
    "a similar object exists in live mode, but a test mode key was used to make this request.";
const ONLY_TEST: &str =
    "a similar object exists in test mode, but a live mode key was used to make this request.";

/// What the first word of an id asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Plain,
    Type(&'static str),
    BankAccount,
    Declined,
    DeclinedConnected,
    ChargeFails,
    Authenticates,
    Attached,
    Missing,
    Consumed,
}

impl Marker {
    /// Reads `sepa` of `pm_sepa_0001`; the prefix decides where there is no marker.
    fn of(id: &str) -> Option<Self> {
        let (prefix, name) = id.split_once('_')?;
        let plain = match prefix {
            "pm" | "card" => Self::Plain,
            "ba" => Self::BankAccount,
            "src" => Self::Type("ach_credit_transfer"),
            _ => return None,
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(named) {
            return None;
        }
        Some(match name.split_once('_').map(|(word, _)| word) {
            Some("sepa") => Self::Type("sepa_debit"),
            Some("bacs") => Self::Type("bacs_debit"),
            Some("acss") => Self::Type("acss_debit"),
            Some("becs") => Self::Type("au_becs_debit"),
            Some("link") => Self::Type("link"),
            Some("paypal") => Self::Type("paypal"),
            Some("cashapp") => Self::Type("cashapp"),
            Some("klarna") => Self::Type("klarna"),
            Some("bank") => Self::BankAccount,
            Some("declined") => Self::Declined,
            Some("declinedthere") => Self::DeclinedConnected,
            Some("chargefails") => Self::ChargeFails,
            Some("authenticates") => Self::Authenticates,
            Some("attached") => Self::Attached,
            Some("missing") => Self::Missing,
            Some("consumed") => Self::Consumed,
            _ => plain,
        })
    }
}

impl World {
    /// The PaymentMethod that an id names in this ledger.
    pub(super) fn method_slot(
        &mut self,
        ledger: LedgerId,
        id: &str,
        place: Place<'_>,
    ) -> Result<Slot, Failure> {
        if let Some(slot) = self.methods.slot(id) {
            let home = self.methods.kept(slot).ledger;
            if home == ledger {
                return Ok(slot);
            }
            let hint = self.why_elsewhere(home, ledger).or_else(|| {
                let lent = self.ledgers[ledger].connected && !self.ledgers[home].connected;
                lent.then_some(WRONG_ACCOUNT)
            });
            return Err(missing("PaymentMethod", id, place, hint));
        }
        self.method_on_demand(ledger, id)
            .ok_or_else(|| missing("PaymentMethod", id, place, None))
    }

    /// The Customer that an id names in this ledger; deleted ones are found, too.
    pub(super) fn customer_slot(
        &mut self,
        ledger: LedgerId,
        id: &str,
        place: Place<'_>,
    ) -> Result<Slot, Failure> {
        if let Some(slot) = self.customers.slot(id) {
            let home = self.customers.kept(slot).ledger;
            if home == ledger {
                return Ok(slot);
            }
            return Err(missing(
                "customer",
                id,
                place,
                self.why_elsewhere(home, ledger),
            ));
        }
        self.customer_on_demand(ledger, id)
            .ok_or_else(|| missing("customer", id, place, None))
    }

    /// Like [`Self::customer_slot`], for calls that need a customer that is not deleted.
    pub(super) fn live_customer_slot(
        &mut self,
        ledger: LedgerId,
        id: &str,
        place: Place<'_>,
    ) -> Result<Slot, Failure> {
        let slot = self.customer_slot(ledger, id, place)?;
        if self.customers.get(slot).deleted {
            return Err(missing("customer", id, place, None));
        }
        Ok(slot)
    }

    fn why_elsewhere(&self, home: LedgerId, asked: LedgerId) -> Option<&'static str> {
        match (self.ledgers[home].livemode, self.ledgers[asked].livemode) {
            (true, false) => Some(ONLY_LIVE),
            (false, true) => Some(ONLY_TEST),
            _ => None,
        }
    }

    fn makes_up(&self, ledger: LedgerId) -> bool {
        self.laws.sources_on_demand && !self.ledgers[ledger].connected
    }

    fn method_on_demand(&mut self, ledger: LedgerId, id: &str) -> Option<Slot> {
        if !self.makes_up(ledger) {
            return None;
        }
        let marker = Marker::of(id)?;
        let drawn = hash(id);
        let card = Instrument::Card(testcards::made_up_card(drawn));
        let (instrument, conduct) = match marker {
            Marker::Missing => return None,
            Marker::Plain | Marker::Attached | Marker::Consumed => (card, Conduct::Good),
            Marker::Declined => (card, Conduct::Declines(GENERIC)),
            Marker::DeclinedConnected => (card, Conduct::DeclinesConnected(GENERIC)),
            Marker::ChargeFails => (card, Conduct::DeclinesCharges(GENERIC)),
            Marker::Authenticates => (card, Conduct::Authenticates),
            Marker::Type(name) => (Instrument::Other(name), Conduct::Good),
            Marker::BankAccount => {
                let number = format!("{:012}", drawn % 1_000_000_000_000);
                (
                    testcards::us_bank_account(&number).instrument,
                    Conduct::Good,
                )
            }
        };
        let billing = Billing {
            address: Address {
                country: Some("US".into()),
                postal_code: Some(format!("{:05}", mix(drawn) % 100_000).into()),
                ..Address::default()
            },
            ..Billing::default()
        };
        let object = PaymentMethod {
            billing: Some(Box::new(billing)),
            ..new_method(
                id.into(),
                LONG_AGO,
                self.ledgers[ledger].livemode,
                instrument,
            )
        };
        let slot = self.put_method(ledger, object, conduct);
        match marker {
            Marker::Attached => {
                let owner = format!("cus_other{}", base62(drawn, 9));
                let owner = self.customer_on_demand(ledger, &owner)?;
                self.attach_to(slot, owner);
            }
            Marker::Consumed => self.methods.get_mut(slot).standing = Standing::Spent,
            _ => {}
        }
        Some(slot)
    }

    fn customer_on_demand(&mut self, ledger: LedgerId, id: &str) -> Option<Slot> {
        let name = id.strip_prefix("cus_")?;
        if !self.makes_up(ledger) || name.is_empty() || name.starts_with("missing_") {
            return None;
        }
        if let Some(slot) = self.customers.slot(id) {
            return Some(slot);
        }
        Some(self.put_customer(
            ledger,
            Customer::blank(id.into(), LONG_AGO, self.ledgers[ledger].livemode),
        ))
    }

    pub(super) fn put_customer(&mut self, ledger: LedgerId, object: Customer) -> Slot {
        let (id, created) = (Arc::clone(&object.id), object.created);
        let record = CustomerRecord {
            object: Arc::new(object),
            methods: Vec::new(),
            changed: created,
            deleted: false,
        };
        self.customers.put(ledger, id, created, record)
    }

    pub(super) fn put_method(
        &mut self,
        ledger: LedgerId,
        object: PaymentMethod,
        conduct: Conduct,
    ) -> Slot {
        let (id, created) = (Arc::clone(&object.id), object.created);
        let record = MethodRecord {
            object: Arc::new(object),
            standing: Standing::Loose,
            conduct,
        };
        self.methods.put(ledger, id, created, record)
    }

    /// Makes a new PaymentMethod of a test id, a token or a card number.
    pub(super) fn put_model(&mut self, call: &Call<'_>, model: Model) -> Slot {
        let id = self.mint(call, "pm_");
        let object = new_method(id, call.moment.unix, call.livemode, model.instrument);
        self.put_method(call.ledger, object, model.conduct)
    }

    /// Records that a PaymentMethod belongs to a customer now.
    pub(super) fn attach_to(&mut self, method: Slot, customer: Slot) {
        let id = Arc::clone(&self.customers.get(customer).object.id);
        let record = self.methods.get_mut(method);
        record.standing = Standing::Attached(customer);
        let object = Arc::make_mut(&mut record.object);
        object.customer = Some(id);
        if let Instrument::Card(card) = &mut object.instrument {
            // Observed: attaching checks the security code that came with the number.
            card.cvc_check = card.cvc_check.map(|_| "pass");
        }
        self.customers.get_mut(customer).methods.push(method);
    }
}

/// A PaymentMethod of which nothing is known but what it is.
pub(super) fn new_method(
    id: Arc<str>,
    created: i64,
    livemode: bool,
    instrument: Instrument,
) -> PaymentMethod {
    PaymentMethod {
        id,
        created,
        livemode,
        instrument,
        customer: None,
        billing: None,
        metadata: Metadata::new(),
        allow_redisplay: "unspecified",
    }
}
