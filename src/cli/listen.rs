//! `listen`: Stripe's webhooks.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Stripe;

/// `pmclone listen`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "The endpoint at Stripe sends to it account.application.authorized, account.application.deauthorized and account.updated \
(of connected accounts), and payment_method.automatically_updated, payment_method.updated and payment_method.detached (of the platform's own account); \
whatever else is sent is acknowledged and not looked at. `stripe listen --forward-to 127.0.0.1:4242` works as well, with the secret that it prints.

With an API key, what came while nobody listened is read first: the platform's events of the last 30 days, and each connected account once. Without \
one, Stripe itself sends again for three days what was not acknowledged.

It speaks plain HTTP: from the internet, only behind a proxy that ends TLS. Several may listen for one state file, and a run may be on."
)]
pub struct Listen {
    /// The address to listen on, under the paths / and /webhook; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4242")]
    pub listen: SocketAddr,
    /// Read the endpoint's signing secret (`whsec_…`) from a file, or from stdin with `-`; else from `STRIPE_WEBHOOK_SECRET`. Several,
    /// while it is rolled: give the option again, or write one a line.
    #[arg(long, value_name = "FILE|-")]
    pub webhook_secret_file: Vec<PathBuf>,
    /// How to reach Stripe, for what came while nobody listened.
    #[command(flatten)]
    pub stripe: Stripe,
}
