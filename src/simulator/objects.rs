//! Customers and PaymentMethods as the world keeps them: typed and small, since a rehearsal has some 100,000 of each.
//!
//! Both live behind an `Arc`: a stored answer holds the object as it was, at the price of a pointer, and the first
//! change after that copies it.

use std::sync::Arc;

/// Metadata in the order in which it was set.
pub(super) type Metadata = Vec<(Box<str>, Box<str>)>;

/// Text that may be null.
pub(super) type Text = Option<Box<str>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub city: Text,
    pub country: Text,
    pub line1: Text,
    pub line2: Text,
    pub postal_code: Text,
    pub state: Text,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shipping {
    pub address: Address,
    pub name: Text,
    pub phone: Text,
}

/// What few customers have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rare {
    pub balance: i64,
    pub business_name: Text,
    pub footer: Text,
    pub individual_name: Text,
    pub invoice_prefix: Text,
    pub next_invoice_sequence: Option<i64>,
    pub preferred_locales: Vec<Box<str>>,
    pub shipping: Option<Shipping>,
    pub tax_exempt: Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Customer {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub email: Text,
    pub name: Text,
    pub phone: Text,
    pub description: Text,
    pub address: Option<Box<Address>>,
    pub metadata: Metadata,
    pub default_payment_method: Option<Arc<str>>,
    pub rare: Option<Box<Rare>>,
}

impl Customer {
    /// A customer of whom nothing is known but the id.
    pub fn blank(id: Arc<str>, created: i64, livemode: bool) -> Self {
        Self {
            id,
            created,
            livemode,
            email: None,
            name: None,
            phone: None,
            description: None,
            address: None,
            metadata: Metadata::new(),
            default_payment_method: None,
            rare: None,
        }
    }

    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// A customer with what the world has to know beyond what it shows.
#[derive(Debug, Clone)]
pub(super) struct CustomerRecord {
    pub object: Arc<Customer>,
    /// Slots of the attached PaymentMethods.
    pub methods: Vec<usize>,
    /// Virtual time of the last change, for the lag of Search.
    pub changed: i64,
    pub deleted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    pub brand: &'static str,
    pub country: &'static str,
    pub cvc_check: Option<&'static str>,
    pub exp_month: u8,
    pub exp_year: u16,
    pub fingerprint: u64,
    pub funding: &'static str,
    /// The last four digits as a number.
    pub last4: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsBankAccount {
    pub fingerprint: u64,
    pub holder: &'static str,
    pub kind: &'static str,
    pub last4: u16,
}

/// What a PaymentMethod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instrument {
    Card(Card),
    UsBankAccount(UsBankAccount),
    /// Any type that cannot be cloned, by its name.
    Other(&'static str),
}

impl Instrument {
    /// The value of `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Card(_) => "card",
            Self::UsBankAccount(_) => "us_bank_account",
            Self::Other(name) => name,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Billing {
    pub address: Address,
    pub email: Text,
    pub name: Text,
    pub phone: Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PaymentMethod {
    pub id: Arc<str>,
    pub created: i64,
    pub livemode: bool,
    pub instrument: Instrument,
    pub customer: Option<Arc<str>>,
    pub billing: Option<Box<Billing>>,
    pub metadata: Metadata,
    pub allow_redisplay: &'static str,
}

/// Whether a PaymentMethod can still be attached, charged or cloned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Never attached, never used.
    Loose,
    /// Attached to the customer in this slot.
    Attached(usize),
    /// Detached, or used without being attached: good for nothing any more.
    Spent,
}

/// How the issuer treats the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Everything succeeds.
    Good,
    /// Attaching and charging are declined for this reason.
    Declines(Decline),
    /// The platform may attach it; attaching and charging on a connected account are declined.
    DeclinesConnected(Decline),
    /// It attaches, then charges are declined.
    DeclinesCharges(Decline),
    /// Charges ask the cardholder to authenticate.
    Authenticates,
}

/// Why an issuer says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decline {
    pub code: &'static str,
    /// The value of `decline_code`.
    pub reason: Option<&'static str>,
    pub message: &'static str,
    pub advice: &'static str,
}

/// A PaymentMethod with what the world has to know beyond what it shows.
#[derive(Debug, Clone)]
pub(super) struct MethodRecord {
    pub object: Arc<PaymentMethod>,
    pub standing: Standing,
    pub conduct: Conduct,
}
