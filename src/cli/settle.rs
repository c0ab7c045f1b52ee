//! `reconcile` and `recover`: what may have happened is read from Stripe.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::{Input, Rehearsal, Stripe};

/// `pmclone reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Read and tell, but keep nothing of it.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}

/// `pmclone recover`.
#[derive(Debug, Args)]
pub struct Recover {
    /// The legacy customers; where the lost state file had several files, all of them, the oldest first.
    #[arg(required = true)]
    pub csv: Vec<PathBuf>,
    /// The migration to rebuild, where several are found.
    #[arg(long, value_name = "UUID")]
    pub migration: Option<Uuid>,
    /// Do not wait a quarter of an hour for what the lost run sent last: it ended longer ago than that.
    #[arg(long)]
    pub no_wait: bool,
    /// The lost state file had been undone, or was being undone: Stripe does not show what was taken back, and no run shall make it
    /// again.
    #[arg(long)]
    pub was_undone: bool,
    /// Sweep the accounts and tell what is found; read no PaymentMethods, leave nothing behind.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// How the CSV is to be read.
    #[command(flatten)]
    pub input: Input,
    /// How to reach Stripe.
    #[command(flatten)]
    pub stripe: Stripe,
    /// The rehearsal.
    #[command(flatten)]
    pub rehearsal: Rehearsal,
}
