//! `verify`: what was made is read back.

use std::num::NonZeroU64;

use clap::Args;

use super::{Rehearsal, Stripe};
use crate::ids::AccountId;

/// What its output means.
const SIGNS: &str = "\
Each line of the diff begins with one of

  =  as the state file says                 -  in the state file, not at Stripe
  +  at Stripe, not in the state file       *  at both, and not the same
  !  not looked at: this is no difference

Exit code 9: a difference. 3: none, but something could not be looked at. 0: all as it should be.
It sends nothing but GET requests, and may be used while a run is on; not so with --charge.

--charge holds an amount on each card (a direct charge, off-session), captures a part, and refunds it and the application fee at once.
It goes one card after the other, at most 20 in 24 hours: many small charges look like card testing, to Stripe and to issuers.
Whatever is left after an interruption is cancelled or refunded by `pmclone resume`, or by the same command again.";

/// The proof by charging.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Charge")]
pub struct Charging {
    /// Charge the default card of each customer that --only names or --sample draws, on each account, and take it back at once.
    #[arg(long, conflicts_with = "all")]
    pub charge: bool,
    /// What is held, in the currency's smallest unit (100 is 1.00 usd).
    #[arg(long, value_name = "AMOUNT", requires = "charge", value_parser = clap::value_parser!(i64).range(1..))]
    pub amount: Option<i64>,
    /// The currency: three letters.
    #[arg(long, value_name = "CODE", requires = "charge")]
    pub currency: Option<String>,
    /// How much of it is captured, and refunded [default: half].
    #[arg(long, value_name = "AMOUNT", requires = "charge", value_parser = clap::value_parser!(i64).range(1..))]
    pub capture: Option<i64>,
    /// The application fee, which goes back too; 0 for none [default: a tenth of what is captured].
    #[arg(long, value_name = "AMOUNT", requires = "charge", value_parser = clap::value_parser!(i64).range(0..))]
    pub fee: Option<i64>,
    /// Hold the amount and let it go: nothing is captured.
    #[arg(long, requires = "charge", conflicts_with_all = ["capture", "fee", "setup"])]
    pub authorize_only: bool,
    /// Only ask the issuer, with a SetupIntent: no money, no amount.
    #[arg(long, requires = "charge", conflicts_with_all = ["amount", "currency", "capture", "fee"])]
    pub setup: bool,
    /// With a live key: the amount once more (0 with --setup).
    #[arg(long, value_name = "AMOUNT", requires = "charge")]
    pub confirm_charge: Option<i64>,
    /// Charge cards again that were proven in the last 24 hours.
    #[arg(long, requires = "charge")]
    pub again: bool,
}

/// `pmclone verify`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
#[command(after_long_help = SIGNS)]
pub struct Verify {
    /// Look at so many customers, drawn from those of which something is done [default: 100].
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "only"])]
    pub sample: Option<NonZeroU64>,
    /// Look at all customers: sweeps of every account, a hundred Customers a request.
    #[arg(long, conflicts_with = "only")]
    pub all: bool,
    /// Only this customer, by its legacy id, or by a Customer or PaymentMethod of its (`cus_…`, `pm_…`); may be given several times.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Only this connected account, and the platform; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// The sample that this number draws [default: another one each time].
    #[arg(long, value_name = "S", conflicts_with_all = ["all", "only"])]
    pub seed: Option<u64>,
    /// With --all: read what is attached to every Customer, one request for each.
    #[arg(long, requires = "all")]
    pub thorough: bool,
    /// With --all: print the lines `=` too.
    #[arg(long, requires = "all")]
    pub same: bool,
    /// Say how many requests it would take, and send none.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// The proof by charging.
    #[command(flatten)]
    pub charging: Charging,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
