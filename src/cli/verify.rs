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
It sends nothing but GET requests, and may be used while a run is on.";

/// `pmclone verify`.
#[derive(Debug, Args)]
#[command(after_long_help = SIGNS)]
pub struct Verify {
    /// Look at so many customers, drawn from those of which something is done [default: 100].
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "only"])]
    pub sample: Option<NonZeroU64>,
    /// Look at all customers: sweeps of every account, a hundred Customers a request.
    #[arg(long, conflicts_with = "only")]
    pub all: bool,
    /// Only this customer, by its legacy id; may be given several times.
    #[arg(long, value_name = "LEGACY_ID")]
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
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
