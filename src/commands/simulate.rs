//! `pmclone simulate`: the simulator as a server, for rehearsals of other programs and for tests.

use std::io;

use super::rehearsal::{faults, limits};
use super::{gone_is_fine, interrupt, runtime};
use crate::cli::{self, Switch};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::print;
use crate::simulator::{self, Settings};

#[expect(
    clippy::field_reassign_with_default,
    reason = "the simulator's settings have a private part"
)]
/// Serves until Ctrl-C. The one line on stdout is the base URL.
pub fn simulate(config: &Config, args: &cli::Simulate) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {} is not a loopback address: the simulator takes any key",
            args.listen
        )));
    }
    let mut settings = Settings::default();
    settings.seed = args.seed;
    settings.sources_on_demand = args.on_demand == Switch::On;
    settings.limits = limits(args.limits);
    settings.should_retry_on_429 = args.should_retry == Switch::On;
    settings.faults = faults(args.faults.as_ref())?;
    settings.journal.clone_from(&args.journal);
    settings.transcript.clone_from(&args.transcript);
    settings.latency_ms = args.latency;
    settings.webhook = webhook(args)?;
    runtime()?.block_on(async {
        let unexpected =
            |error: &dyn std::fmt::Display| Failure::new(Exit::Unexpected, error.to_string());
        let taken =
            |error: io::Error| Failure::usage(format!("cannot listen on {}: {error}", args.listen));
        let listener = tokio::net::TcpListener::bind(args.listen)
            .await
            .map_err(taken)?;
        let address = listener.local_addr().map_err(|error| unexpected(&error))?;
        let mut pressed = interrupt::listen().map_err(|error| unexpected(&error))?;
        gone_is_fine(print(&mut io::stdout(), &format!("http://{address}")))?;
        config
            .screen
            .line("Any key that begins with sk_test_, rk_test_, sk_live_ or rk_live_ is taken. Ctrl-C ends it.");
        let stopped = async move {
            // A sender that is gone ends it as well.
            drop(pressed.wait_for(|pressed| pressed.first.is_some()).await);
        };
        simulator::serve(listener, settings, stopped)
            .await
            .map_err(|error| unexpected(&error))?;
        Ok(Exit::Done)
    })
}

fn webhook(args: &cli::Simulate) -> Result<Option<simulator::Endpoint>, Failure> {
    let (Some(url), Some(file)) = (&args.webhook, &args.webhook_secret_file) else {
        return Ok(None);
    };
    let unreadable = |error: io::Error| {
        Failure::usage(format!(
            "the signing secret cannot be read from {}: {error}",
            file.display()
        ))
    };
    let secrets = std::fs::read_to_string(file).map_err(unreadable)?;
    let endpoint = simulator::Endpoint::new(url, &secrets);
    endpoint.map(Some).map_err(Failure::usage)
}
