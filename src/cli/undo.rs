//! `undo`: what a migration made is taken back.

use clap::Args;

use super::{Rehearsal, Stripe};
use crate::ids::AccountId;

/// What it does and does not.
const WHAT: &str = "\
On each connected account it detaches the clones and deletes the Customer that this migration made; then it deletes the Customers that
it made on the platform and that no card is attached to. Before that it reads each Customer, and leaves it where it is if its metadata
is not this migration's, or if it has a charge, an intent, a subscription, an invoice or a PaymentMethod that pmclone did not put there.
What `verify --charge` made is ours, once it is refunded or cancelled.

What cannot be undone: a clone that is detached can never be used again, a Customer that is deleted stays deleted, and a charge stays
refunded, not unmade. Customers, cards and attachments that were there before are not touched.

SOURCE CARDS. The cards that were attached to a platform Customer by this migration can be attached to no other: deleting that Customer,
or detaching them, would lose them for good. So such a Customer stays, with its cards. --spend-source-cards N deletes it nevertheless, and
N is how many source cards are lost: `pmclone undo --dry-run` tells.

What is taken back stays so: no run makes it again from this state file. `pmclone status` counts what is taken back in whole and in part,
and what was left; `pmclone explain ID` says why, and with which command it goes on.
An undo that was interrupted goes on with the same command, and what it has spent of N counts toward N. Exit code 3: something was left where it is, or is not settled.";

/// `pmclone undo`.
#[derive(Debug, Args)]
#[command(after_long_help = WHAT)]
pub struct Undo {
    /// Read and tell what would be taken back and what would be left, and send nothing but GET requests.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Only on this connected account, and nothing on the platform; may be given several times.
    #[arg(long = "account", value_name = "acct_…")]
    pub accounts: Vec<AccountId>,
    /// Only this customer, by its legacy id, or by a Customer or PaymentMethod of its (`cus_…`, `pm_…`); may be given several times.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Delete platform Customers although N source cards that are attached to them are lost with them, for good.
    #[arg(long, value_name = "N", conflicts_with = "accounts")]
    pub spend_source_cards: Option<u64>,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
