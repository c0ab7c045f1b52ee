//! What stands where: the JSON object of `status --json`, and the same for people.

mod accounts;
pub(super) mod people;

pub use accounts::glance;
pub use people::text;

use serde::{Serialize, Serializer};

use super::pace::Pace;
use super::stale::StaleJson;

use crate::ids::{AccountId, CustomerId, LegacyId};
use crate::state::{Doubt, Standing, StepKind};
use crate::time::StripeTime;

/// The object that `status --json` prints: these fields in this order. Other programs read it: fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The migration's id.
    pub migration: String,
    /// The account whose key is used.
    pub platform_account: AccountId,
    /// The mode that the state file is bound to.
    pub livemode: bool,
    /// Every customer, counted once.
    pub customers: Customers,
    /// The sources, counted once for each account that they are asked for on.
    pub payment_methods: PaymentMethods,
    /// Every connected account that is asked for.
    pub accounts: Vec<Account>,
    /// What was sent since the migration began, all runs together.
    pub requests: Requests,
    /// A run is on now.
    pub running: bool,
    /// How fast it goes; null where none is on, or it has just begun.
    pub speed: Option<Speed>,
    /// What was refused last; null where nothing was.
    pub last_refusal: Option<LastRefusal>,
    /// Refusals by reason, the most frequent first.
    pub reasons: Vec<ReasonCount>,
    /// How fast a run goes that is on; null where none is.
    pub pace: Option<Pace>,
    /// Charges of `verify --charge` that are not known to be taken back.
    pub open_charges: u64,
    /// Places where `undo` was broken off: a customer on an account, or on the platform.
    pub undo_unfinished: u64,
    /// Sources that changed at Stripe after they were cloned: their clones are of before.
    pub stale: Stale,
    /// What `pmclone listen` took; null where nobody ever listened, nor does now.
    pub listener: Option<Listener>,
    /// When `purge` erased the contact details, by the machine's clock; null: it did not.
    pub purged_at: Option<String>,
}

/// Sources that changed after they were cloned, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// All of them.
    pub total: u64,
    /// The network told a new number or expiry.
    pub automatically_updated: u64,
    /// Somebody changed them.
    pub updated: u64,
    /// They are detached.
    pub detached: u64,
    /// The first of their clones.
    pub first: Vec<StaleJson>,
}

/// What a listener took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// One is on now.
    pub on: bool,
    /// Events that are kept.
    pub events: u64,
    /// The type of the last.
    pub last_type: Option<String>,
    /// When that was made, by Stripe's clock.
    pub last_created: Option<String>,
    /// When it was taken, by the clock of the machine that did.
    pub last_taken: Option<String>,
}

/// How fast a run goes, over the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Speed {
    /// Requests a minute.
    pub requests_per_minute: u64,
    /// Customers a minute that were settled.
    pub customers_per_minute: u64,
    /// How long the rest takes at that speed; null where it cannot be told.
    pub seconds_left: Option<u64>,
}

impl Speed {
    /// From what was done in so many seconds, for so many customers that are left.
    pub fn measured(sent: u64, finished: u64, seconds: u64, left: u64) -> Self {
        let per_minute = |n: u64| n.saturating_mul(60) / seconds.max(1);
        let seconds_left = left.saturating_mul(seconds).checked_div(finished);
        Self {
            requests_per_minute: per_minute(sent),
            customers_per_minute: per_minute(finished),
            seconds_left,
        }
    }
}

/// The step that was refused last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRefusal {
    /// When it was sent, by Stripe's clock.
    pub at: String,
    /// Whose.
    pub legacy_id: String,
    /// What was sent.
    pub step: &'static str,
    /// Where; null: the platform.
    pub account: Option<AccountId>,
    /// Stripe's code, or ours.
    pub reason: String,
    /// Stripe's message, masked.
    pub message: String,
}

/// Customers by standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Customers {
    /// All that were imported.
    pub total: u64,
    /// Nothing of them was started.
    pub pending: u64,
    /// Some of it is done.
    pub in_progress: u64,
    /// All that was asked for is done.
    pub migrated: u64,
    /// Some part of them got a final no.
    pub refused: u64,
    /// They wait for an account that cannot be reached.
    pub parked: u64,
    /// A step of theirs may have reached Stripe.
    pub in_doubt: u64,
    /// Some of what was made of them is taken back, or on its way there.
    pub undone: u64,
}

impl Customers {
    /// From the counts in the order of [`Standing::ALL`].
    pub fn counted(counts: [u64; 7]) -> Self {
        let [
            in_doubt,
            parked,
            refused,
            in_progress,
            pending,
            undone,
            migrated,
        ] = counts;
        Self {
            total: counts.into_iter().fold(0, u64::saturating_add),
            pending,
            in_progress,
            migrated,
            refused,
            parked,
            in_doubt,
            undone,
        }
    }

    /// How many stand so.
    pub fn of(&self, standing: Standing) -> u64 {
        match standing {
            Standing::InDoubt => self.in_doubt,
            Standing::Parked => self.parked,
            Standing::Refused => self.refused,
            Standing::InProgress => self.in_progress,
            Standing::Pending => self.pending,
            Standing::Undone => self.undone,
            Standing::Migrated => self.migrated,
        }
    }

    /// Those that a run can still do something for without anybody's help.
    pub fn left(&self) -> u64 {
        self.pending.saturating_add(self.in_progress)
    }

    /// True where somebody has to look at something.
    pub fn in_trouble(&self) -> bool {
        self.refused > 0 || self.parked > 0 || self.in_doubt > 0
    }
}

/// Sources, once for each account asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PaymentMethods {
    /// Asked for.
    pub total: u64,
    /// Cloned and attached.
    pub cloned: u64,
}

/// A connected account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whether it can be reached.
    pub standing: AccountStanding,
    /// Stripe's words where it is parked, masked.
    pub reason: Option<String>,
    /// Customers that ask for it.
    pub customers: u64,
    /// Those that are migrated there.
    pub migrated: u64,
    /// Those with a refusal there.
    pub refused: u64,
    /// Those that wait for it.
    pub parked: u64,
    /// Those of which what was there is taken back, or on its way there.
    pub undone: u64,
}

impl Account {
    /// An account that is parked for a reason, or active, with its customers in the order of [`Standing::ALL`].
    pub fn counted(id: AccountId, parked_for: Option<String>, customers: [u64; 7]) -> Self {
        let counts = Customers::counted(customers);
        Self {
            id,
            standing: match parked_for {
                Some(_) => AccountStanding::Parked,
                None => AccountStanding::Active,
            },
            reason: parked_for,
            customers: counts.total,
            migrated: counts.migrated,
            refused: counts.refused,
            parked: counts.parked,
            undone: counts.undone,
        }
    }
}

/// Whether an account can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStanding {
    /// As far as is known.
    Active,
    /// Access was revoked, say: its work waits.
    Parked,
}

impl AccountStanding {
    /// The stable name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Parked => "parked",
        }
    }
}

impl Serialize for AccountStanding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Requests since the migration began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Sent, each attempt counted.
    pub sent: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Answered with 429.
    pub rate_limited: u64,
}

/// What people are told besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// The first few steps in doubt that only reading can settle: twenty are shown.
    pub in_doubt: Vec<InDoubtRow>,
    /// How many steps are in doubt.
    pub in_doubt_steps: u64,
    /// How many of them got no answer; they are not shown one by one, since the next run asks again.
    pub unanswered_steps: u64,
    /// Clones that may be left attached to nobody, since it was in doubt whether they were made.
    pub clones_left: u64,
    /// The built-in simulator stands in for Stripe: a rehearsal.
    pub simulated: bool,
    /// All of it was taken back by an undo, or was to be: no run makes more, unless a person says so.
    pub taken_back: bool,
    /// The state file's path, for the commands that are suggested.
    pub state_file: String,
}

impl Extras {
    /// What the commands that are suggested need besides the state file.
    pub(in crate::report) fn simulate(&self) -> &'static str {
        if self.simulated { " --simulate" } else { "" }
    }
}

/// How many customers were refused for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// The most telling of Stripe's codes: [`crate::state::Refusal::reason`].
    pub reason: String,
    /// One of Stripe's messages for it, masked.
    #[serde(rename = "message")]
    pub message_sample: String,
    /// Customers with at least one refusal for it. A customer can have several reasons.
    pub customers: u64,
}

/// A step in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubtRow {
    /// Whose it is.
    pub legacy_id: LegacyId,
    /// What may have been done.
    pub step: StepKind,
    /// On which connected account; `None` on the platform.
    pub account: Option<AccountId>,
    /// When its intent was committed.
    pub since: StripeTime,
    /// Why it is not known.
    pub doubt: Doubt,
    /// The Customers that reading found for it.
    pub seen: Vec<CustomerId>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const NO_ACCESS: &str = "The provided key does not have access to account 'acct_1BERLIN' (or that account does not exist).";

    fn account(id: &str, parked_for: Option<&str>, customers: [u64; 7]) -> Account {
        Account::counted(
            AccountId::parse(id).unwrap(),
            parked_for.map(str::to_owned),
            customers,
        )
    }

    /// Nothing was imported yet.
    pub(crate) fn empty() -> Status {
        Status {
            migration: "7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a".into(),
            platform_account: AccountId::parse("acct_1PLATFORM").unwrap(),
            livemode: false,
            customers: Customers::default(),
            payment_methods: PaymentMethods::default(),
            accounts: Vec::new(),
            requests: Requests::default(),
            running: false,
            speed: None,
            last_refusal: None,
            reasons: Vec::new(),
            pace: None,
            open_charges: 0,
            undo_unfinished: 0,
            stale: Stale::default(),
            listener: None,
            purged_at: None,
        }
    }

    /// Everything that can go wrong went wrong.
    pub(crate) fn troubled() -> Status {
        let reason = |reason: &str, message: &str, customers| ReasonCount {
            reason: reason.into(),
            message_sample: message.into(),
            customers,
        };
        Status {
            customers: Customers::counted([1, 30, 112, 16, 841, 0, 9000]),
            payment_methods: PaymentMethods {
                total: 12_345,
                cloned: 11_030,
            },
            accounts: vec![
                account("acct_1AUGSBURG", None, [0, 0, 0, 0, 800, 0, 8_200]),
                account("acct_1BERLIN", Some(NO_ACCESS), [0, 30, 0, 0, 0, 0, 200]),
                account("acct_1COLOGNE", None, [1, 0, 112, 16, 41, 0, 600]),
            ],
            requests: Requests {
                sent: 33_700,
                retried: 41,
                rate_limited: 12,
            },
            running: true,
            speed: Some(Speed::measured(2_280, 600, 60, 857)),
            last_refusal: Some(LastRefusal {
                at: "2026-10-01T12:00:09Z".into(),
                legacy_id: "cust-4712".into(),
                step: StepKind::AttachConnectedPaymentMethod.name(),
                account: AccountId::parse("acct_1COLOGNE").ok(),
                reason: "card_declined".into(),
                message: "Your card was declined.".into(),
            }),
            reasons: vec![
                reason("card_declined", "Your card was declined.", 100),
                reason("cannot_be_cloned", "", 11),
                reason("a_code_of_next_year", "Something\u{1b}[31m new.", 1),
            ],
            ..empty()
        }
    }

    pub(crate) fn extras() -> Extras {
        Extras {
            in_doubt: vec![InDoubtRow {
                legacy_id: LegacyId::parse("cust-4711").unwrap(),
                step: StepKind::CreateConnectedCustomer,
                account: Some(AccountId::parse("acct_1COLOGNE").unwrap()),
                since: StripeTime(1_790_856_000),
                doubt: Doubt::Expired,
                seen: Vec::new(),
            }],
            in_doubt_steps: 21,
            unanswered_steps: 17,
            clones_left: 3,
            simulated: false,
            taken_back: false,
            state_file: "pmclone.db".into(),
        }
    }

    #[test]
    fn the_json_object_is_exactly_the_documented_one() {
        let status = Status {
            accounts: vec![account("acct_1A", None, [0; 7])],
            ..empty()
        };
        let documented = concat!(
            r#"{"migration":"7f0c1e9a-5a0e-4f6e-9d0f-1f2e3d4c5b6a","platform_account":"acct_1PLATFORM","livemode":false,"#,
            r#""customers":{"total":0,"pending":0,"in_progress":0,"migrated":0,"refused":0,"parked":0,"in_doubt":0,"undone":0},"#,
            r#""payment_methods":{"total":0,"cloned":0},"#,
            r#""accounts":[{"id":"acct_1A","standing":"active","reason":null,"customers":0,"migrated":0,"refused":0,"parked":0,"undone":0}],"#,
            r#""requests":{"sent":0,"retried":0,"rate_limited":0},"#,
            r#""running":false,"speed":null,"last_refusal":null,"reasons":[],"pace":null,"open_charges":0,"undo_unfinished":0,"stale":{"total":0,"automatically_updated":0,"updated":0,"detached":0,"first":[]},"listener":null,"purged_at":null}"#,
        );
        assert_eq!(serde_json::to_string(&status).unwrap(), documented);
    }

    #[test]
    fn counts_are_named_in_json_as_standings_are() {
        let counts = Customers::counted([1, 2, 3, 4, 5, 6, 7]);
        let json = serde_json::to_value(counts).unwrap();
        for standing in Standing::ALL {
            assert_eq!(json[standing.name()], counts.of(standing), "{standing:?}");
        }
        let ranks = Standing::ALL.map(|standing| counts.of(standing));
        assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(counts.total, 28);
    }
}
