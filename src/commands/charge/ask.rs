//! What is asked for: amounts, confirmation, bounds, and which cards.

use super::super::verify::{Looking, choose};
use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids::{AccountId, PaymentMethodId};
use crate::proof::{Kind, Proof, Terms};
use crate::report::charge::{Told, Verdict};
use crate::report::words::count;
use crate::run::Whom;
use crate::state::Customer;
use crate::store::{Case, StoreError};
use crate::verify::{ExpectedCustomer, TAKEN_BACK, expected};

/// Cards in 24 hours. Many small charges in a row are what card testing looks like, to Stripe and to issuers.
const MOST_CARDS: usize = 20;

/// The amounts, checked.
pub(super) fn terms(args: &cli::Charging) -> Result<Terms, Failure> {
    let kind = match (args.setup, args.authorize_only) {
        (true, _) => Kind::SetUp,
        (false, true) => Kind::Authorize,
        (false, false) => Kind::Charge,
    };
    if kind == Kind::SetUp {
        return Ok(Terms {
            kind,
            amount: 0,
            currency: String::new(),
            capture: 0,
            fee: 0,
        });
    }
    let (Some(amount), Some(currency)) = (args.amount, &args.currency) else {
        return Err(Failure::usage("--charge: say how much: --amount AMOUNT --currency CODE")
            .hint("the amount is in the currency's smallest unit: --amount 100 --currency usd is one dollar")
            .hint("to ask the issuer without money: --charge --setup"));
    };
    let currency = currency.to_ascii_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_lowercase()) {
        return Err(Failure::usage("--currency: three letters, as in usd"));
    }
    let (capture, fee) = match kind {
        Kind::Charge => {
            let capture = args.capture.unwrap_or(amount / 2);
            (capture, args.fee.unwrap_or((capture / 10).max(1)))
        }
        Kind::Authorize | Kind::SetUp => (0, 0),
    };
    if kind == Kind::Charge && !(1..amount).contains(&capture) {
        return Err(match args.capture {
            None => Failure::usage(format!(
                "--amount {amount}: a part of it is captured, at least 1 and less than all of it, so it must be 2 or more"
            ))
            .hint("to hold it and let it go, and capture nothing: --authorize-only"),
            Some(capture) => Failure::usage(format!(
                "--capture {capture}: a part of --amount {amount}, at least 1 and less than all of it"
            )),
        });
    }
    if fee > 0 && fee >= capture {
        return Err(Failure::usage(
            "--fee: less than what is captured, or 0 for none",
        ));
    }
    Ok(Terms {
        kind,
        amount,
        currency,
        capture,
        fee,
    })
}

/// A live charge has its own confirmation: the amount, once more.
pub(super) fn confirmed(
    args: &cli::Charging,
    terms: &Terms,
    livemode: bool,
) -> Result<(), Failure> {
    match args.confirm_charge {
        Some(confirmed) if confirmed != terms.amount => Err(Failure::safety(format!(
            "--confirm-charge says {confirmed}, and the amount is {}: nothing was sent",
            terms.amount
        ))),
        None if livemode => Err(
            Failure::safety("this would use live cards: nothing was sent").hint(format!(
                "if that is meant, add --confirm-charge {}",
                terms.amount
            )),
        ),
        Some(_) | None => Ok(()),
    }
}

/// Refuses what would look like card testing.
pub(super) fn bounded(kind: Kind, cards: usize, before: usize) -> Result<(), Failure> {
    if cards + before <= MOST_CARDS {
        return Ok(());
    }
    let already = match before {
        0 => String::new(),
        before => format!(", after {before} in the last 24 hours"),
    };
    let cards = count(u64::try_from(cards).unwrap_or(u64::MAX), "card");
    let would = match kind {
        Kind::Charge => format!("{cards} would be charged"),
        Kind::Authorize => format!("money would be held on {cards}"),
        Kind::SetUp => format!("{cards} would be set up"),
    };
    Err(Failure::safety(format!(
        "{would}{already}: at most {MOST_CARDS} in 24 hours, since many small charges look like card testing"
    ))
    .hint("take fewer: --sample N, --only LEGACY_ID, --account acct_…"))
}

/// What is to be charged.
pub(super) struct Chosen {
    /// The cards.
    pub cases: Vec<Case>,
    /// Customers that were named, on accounts where there is no card of theirs to charge; and why.
    pub without: Vec<Told>,
}

/// The cards: of each customer, on each account, the default, or else the first that is attached.
pub(super) fn choose_cards(
    args: &cli::Verify,
    looking: &Looking,
    terms: &Terms,
) -> Result<Chosen, Failure> {
    let of = |error: StoreError| Failure::store(&looking.state, &error);
    let (Whom::Some(rows), _) = choose(args, looking)? else {
        return Err(Failure::usage(
            "--charge is for a few customers, not for --all",
        ));
    };
    let (mut cases, mut without) = (Vec::new(), Vec::new());
    for row in rows {
        let Some(loaded) = looking.loader.whole(row).map_err(of)? else {
            continue;
        };
        let targets = || loaded.customer.targets.iter().zip(&loaded.accounts);
        let before = cases.len();
        for customer in expected(&loaded.customer).customers {
            let Some((account, method)) = card_of(&customer) else {
                continue;
            };
            let wanted = args.accounts.is_empty() || args.accounts.contains(account);
            let row_of = targets().find(|(target, _)| target.account == *account);
            if let (true, Some((_, account_row))) = (wanted, row_of) {
                cases.push(Case::new(
                    (row, loaded.customer.legacy_id.clone()),
                    (*account_row, account.clone()),
                    customer.id.clone(),
                    method.clone(),
                    terms.clone(),
                ));
            }
        }
        if !args.only.is_empty() {
            let charged: Vec<_> = cases[before..].iter().map(|case| &case.account).collect();
            let wanted = |account: &AccountId| {
                !charged.contains(&account)
                    && (args.accounts.is_empty() || args.accounts.contains(account))
            };
            without.extend(cardless(&loaded.customer, terms, wanted));
        }
    }
    if cases.is_empty() && without.is_empty() {
        let none = "none of these customers has a card that is attached on a connected account: there is nothing to charge";
        return Err(Failure::new(Exit::Incomplete, none)
            .hint("`pmclone status` says what stands where; `pmclone export` names the cards"));
    }
    Ok(Chosen { cases, without })
}

/// The accounts of a customer where there is nothing to charge, and why.
fn cardless(customer: &Customer, terms: &Terms, wanted: impl Fn(&AccountId) -> bool) -> Vec<Told> {
    let targets = (0..).zip(&customer.targets);
    let targets = targets.filter(|(_, target)| wanted(&target.account));
    let told = targets.map(|(position, target)| {
        let made = customer.made_on(Some(position)).map(|(id, _)| id.clone());
        let why = if customer.is_undone_on(position) {
            TAKEN_BACK
        } else {
            "no card of it is attached there"
        };
        Told {
            legacy_id: customer.legacy_id.clone(),
            account: target.account.clone(),
            customer: made,
            payment_method: None,
            verdict: Verdict::NotCharged(why.to_owned()),
            proof: Proof::new(terms.clone()),
        }
    });
    told.collect()
}

fn card_of(customer: &ExpectedCustomer) -> Option<(&AccountId, &PaymentMethodId)> {
    let account = customer.account.as_ref()?;
    let first = customer.methods.first().map(|method| &method.id);
    Some((account, customer.default.as_ref().or(first)?))
}
