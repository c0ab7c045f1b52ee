//! Objects as JSON: every field that Stripe's example objects carry, in one serde view per object.

use super::ids::base62;
use super::objects::{
    Address, Billing, Card, Customer, Instrument, Metadata, PaymentMethod, Shipping, Text,
    UsBankAccount,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

/// An object that refers to another: by id, or whole when it was asked to be expanded.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Reference<'a> {
    Id(Option<&'a str>),
    Object(Box<Value>),
}

struct Pairs<'a>(&'a Metadata);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct AddressView<'a> {
    city: &'a Text,
    country: &'a Text,
    line1: &'a Text,
    line2: &'a Text,
    postal_code: &'a Text,
    state: &'a Text,
}

impl<'a> From<&'a Address> for AddressView<'a> {
    fn from(address: &'a Address) -> Self {
        Self {
            city: &address.city,
            country: &address.country,
            line1: &address.line1,
            line2: &address.line2,
            postal_code: &address.postal_code,
            state: &address.state,
        }
    }
}

#[derive(serde::Serialize)]
struct ShippingView<'a> {
    address: AddressView<'a>,
    name: &'a Text,
    phone: &'a Text,
}

impl<'a> From<&'a Shipping> for ShippingView<'a> {
    fn from(shipping: &'a Shipping) -> Self {
        Self {
            address: (&shipping.address).into(),
            name: &shipping.name,
            phone: &shipping.phone,
        }
    }
}

#[derive(serde::Serialize)]
struct InvoiceSettings<'a> {
    custom_fields: Option<()>,
    default_payment_method: Reference<'a>,
    footer: Option<&'a str>,
    rendering_options: Option<()>,
}

#[derive(serde::Serialize)]
struct CustomerView<'a> {
    id: &'a str,
    object: &'static str,
    address: Option<AddressView<'a>>,
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_name: Option<&'a str>,
    created: i64,
    currency: Option<()>,
    customer_account: Option<()>,
    default_source: Option<()>,
    delinquent: bool,
    description: &'a Text,
    discount: Option<()>,
    email: &'a Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    individual_name: Option<&'a str>,
    invoice_prefix: String,
    invoice_settings: InvoiceSettings<'a>,
    livemode: bool,
    metadata: Pairs<'a>,
    name: &'a Text,
    next_invoice_sequence: i64,
    phone: &'a Text,
    preferred_locales: &'a [Box<str>],
    shipping: Option<ShippingView<'a>>,
    tax_exempt: &'a str,
    test_clock: Option<()>,
}

/// A Customer; `default_method` stands for its default PaymentMethod.
pub(super) fn customer(customer: &Customer, default_method: Option<Value>) -> String {
    to_json(&customer_view(customer, default_method))
}

/// A Customer as a value, to be put inside another object.
pub(super) fn customer_value(customer: &Customer) -> Value {
    serde_json::to_value(customer_view(customer, None)).unwrap_or_default()
}

fn customer_view(customer: &Customer, default_method: Option<Value>) -> CustomerView<'_> {
    let rare = customer.rare.as_deref();
    CustomerView {
        id: &customer.id,
        object: "customer",
        address: customer.address.as_deref().map(AddressView::from),
        balance: rare.map_or(0, |rare| rare.balance),
        business_name: rare.and_then(|rare| rare.business_name.as_deref()),
        created: customer.created,
        currency: None,
        customer_account: None,
        default_source: None,
        delinquent: false,
        description: &customer.description,
        discount: None,
        email: &customer.email,
        individual_name: rare.and_then(|rare| rare.individual_name.as_deref()),
        invoice_prefix: rare
            .and_then(|rare| rare.invoice_prefix.as_deref())
            .map_or_else(|| invoice_prefix(&customer.id), str::to_owned),
        invoice_settings: InvoiceSettings {
            custom_fields: None,
            default_payment_method: match default_method {
                Some(object) => Reference::Object(Box::new(object)),
                None => Reference::Id(customer.default_payment_method.as_deref()),
            },
            footer: rare.and_then(|rare| rare.footer.as_deref()),
            rendering_options: None,
        },
        livemode: customer.livemode,
        metadata: Pairs(&customer.metadata),
        name: &customer.name,
        next_invoice_sequence: rare
            .and_then(|rare| rare.next_invoice_sequence)
            .unwrap_or(1),
        phone: &customer.phone,
        preferred_locales: rare.map_or(&[], |rare| rare.preferred_locales.as_slice()),
        shipping: rare
            .and_then(|rare| rare.shipping.as_ref())
            .map(ShippingView::from),
        tax_exempt: rare
            .and_then(|rare| rare.tax_exempt.as_deref())
            .unwrap_or("none"),
        test_clock: None,
    }
}

fn invoice_prefix(id: &str) -> String {
    format!("{:08X}", super::ids::hash(id) & 0xFFFF_FFFF)
}

/// What is left of a deleted Customer.
pub(super) fn deleted_customer(id: &str) -> String {
    json!({"id": id, "object": "customer", "deleted": true}).to_string()
}

#[derive(serde::Serialize)]
struct BillingView<'a> {
    address: AddressView<'a>,
    email: &'a Text,
    name: &'a Text,
    phone: &'a Text,
    tax_id: Option<()>,
}

impl<'a> From<&'a Billing> for BillingView<'a> {
    fn from(billing: &'a Billing) -> Self {
        Self {
            address: (&billing.address).into(),
            email: &billing.email,
            name: &billing.name,
            phone: &billing.phone,
            tax_id: None,
        }
    }
}

#[derive(serde::Serialize)]
struct Checks {
    #[serde(rename = "address_line1_check")]
    address_line1: Option<&'static str>,
    #[serde(rename = "address_postal_code_check")]
    address_postal_code: Option<&'static str>,
    #[serde(rename = "cvc_check")]
    cvc: Option<&'static str>,
}

#[derive(serde::Serialize)]
struct Networks {
    available: [&'static str; 1],
    preferred: Option<()>,
}

#[derive(serde::Serialize)]
struct ThreeDSecureUsage {
    supported: bool,
}

#[derive(serde::Serialize)]
struct CardView {
    brand: &'static str,
    checks: Checks,
    country: &'static str,
    display_brand: &'static str,
    exp_month: u8,
    exp_year: u16,
    fingerprint: String,
    funding: &'static str,
    generated_from: Option<()>,
    last4: String,
    networks: Networks,
    regulated_status: &'static str,
    three_d_secure_usage: ThreeDSecureUsage,
    wallet: Option<()>,
}

impl From<&Card> for CardView {
    fn from(card: &Card) -> Self {
        Self {
            brand: card.brand,
            checks: Checks {
                address_line1: None,
                address_postal_code: None,
                cvc: card.cvc_check,
            },
            country: card.country,
            display_brand: card.brand,
            exp_month: card.exp_month,
            exp_year: card.exp_year,
            fingerprint: fingerprint(card.fingerprint),
            funding: card.funding,
            generated_from: None,
            last4: format!("{:04}", card.last4),
            networks: Networks {
                available: [card.brand],
                preferred: None,
            },
            regulated_status: "unregulated",
            three_d_secure_usage: ThreeDSecureUsage { supported: true },
            wallet: None,
        }
    }
}

/// Sixteen letters and digits.
pub(super) fn fingerprint(value: u64) -> String {
    let mut text = base62(value, 11);
    super::ids::push_base62(&mut text, super::ids::mix(value), 5);
    text
}

#[derive(serde::Serialize)]
struct UsBankAccountView {
    account_holder_type: &'static str,
    account_type: &'static str,
    bank_name: &'static str,
    financial_connections_account: Option<()>,
    fingerprint: String,
    last4: String,
    networks: Value,
    routing_number: &'static str,
    status_details: Value,
}

impl From<&UsBankAccount> for UsBankAccountView {
    fn from(bank: &UsBankAccount) -> Self {
        Self {
            account_holder_type: bank.holder,
            account_type: bank.kind,
            bank_name: "STRIPE TEST BANK",
            financial_connections_account: None,
            fingerprint: fingerprint(bank.fingerprint),
            last4: format!("{:04}", bank.last4),
            networks: json!({"preferred": "ach", "supported": ["ach"]}),
            routing_number: "110000000",
            status_details: json!({}),
        }
    }
}

struct MethodView<'a> {
    method: &'a PaymentMethod,
    customer: Reference<'a>,
}

impl Serialize for MethodView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let method = self.method;
        let nobody = Billing::default();
        let billing = method.billing.as_deref().unwrap_or(&nobody);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &*method.id)?;
        map.serialize_entry("object", "payment_method")?;
        map.serialize_entry("allow_redisplay", method.allow_redisplay)?;
        map.serialize_entry("billing_details", &BillingView::from(billing))?;
        match &method.instrument {
            Instrument::Card(card) => map.serialize_entry("card", &CardView::from(card))?,
            Instrument::UsBankAccount(bank) => {
                map.serialize_entry("us_bank_account", &UsBankAccountView::from(bank))?;
            }
            Instrument::Other(name) => map.serialize_entry(name, &json!({}))?,
        }
        map.serialize_entry("created", &method.created)?;
        map.serialize_entry("customer", &self.customer)?;
        map.serialize_entry("customer_account", &None::<()>)?;
        map.serialize_entry("livemode", &method.livemode)?;
        map.serialize_entry("metadata", &Pairs(&method.metadata))?;
        map.serialize_entry("type", method.instrument.type_name())?;
        map.end()
    }
}

/// A PaymentMethod; `customer` stands for the one that it is attached to.
pub(super) fn payment_method(method: &PaymentMethod, customer: Option<Value>) -> String {
    to_json(&method_view(method, customer))
}

/// A PaymentMethod as a value, to be put inside another object.
pub(super) fn payment_method_value(method: &PaymentMethod) -> Value {
    serde_json::to_value(method_view(method, None)).unwrap_or_default()
}

/// The card as a charge shows it.
pub(super) fn card_value(card: &Card) -> Value {
    serde_json::to_value(CardView::from(card)).unwrap_or_default()
}

/// Billing details as a charge shows them.
pub(super) fn billing_value(billing: Option<&Billing>) -> Value {
    let nobody = Billing::default();
    serde_json::to_value(BillingView::from(billing.unwrap_or(&nobody))).unwrap_or_default()
}

/// Metadata as an object.
pub(super) fn metadata_value(metadata: &Metadata) -> Value {
    serde_json::to_value(Pairs(metadata)).unwrap_or_default()
}

fn method_view(method: &PaymentMethod, customer: Option<Value>) -> MethodView<'_> {
    MethodView {
        method,
        customer: match customer {
            Some(object) => Reference::Object(Box::new(object)),
            None => Reference::Id(method.customer.as_deref()),
        },
    }
}

/// A page of a list, from objects that are JSON already.
pub(super) fn list(url: &str, data: &[String], has_more: bool) -> String {
    let data = data.join(",");
    format!(
        r#"{{"object":"list","data":[{data}],"has_more":{has_more},"url":{}}}"#,
        json!(url)
    )
}

/// Serializing our own views to memory cannot fail; if it ever did, an empty object would be seen by every test.
fn to_json(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_else(|_| "{}".to_owned())
}
