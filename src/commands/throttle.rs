//! `pmclone throttle`: slows, pauses or stops a run in progress from another terminal, or shows how fast it goes.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{gone_is_fine, runtime, status};
use crate::cli;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::pace::Pace;
use crate::report::{print, print_json};
use crate::store::{Control, RunLock};

/// A run looks ten times a second; one that has much to write takes longer to tell.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Says it to the run, waits until it is taken up, and shows how it goes then.
pub fn throttle(config: &Config, args: &cli::Throttle) -> Result<Exit, Failure> {
    let state = config.state_file(args.simulate);
    let of = |error| status::missing_or(&state, &error);
    status::read(&state)?;
    if !RunLock::is_held(&state) {
        return Err(Failure::usage(format!(
            "no run is on that uses {}: there is nothing to throttle",
            state.display()
        ))
        .hint("name the state file of the run with --state; a rehearsal's with --simulate"));
    }
    let before = Control::read(&state).map_err(of)?.unwrap_or_default();
    let said = said(&before, args);
    if said != before {
        said.write(&state).map_err(of)?;
    }
    let mut out = io::stdout();
    let Some(pace) = runtime()?.block_on(taken_up(&state, said.word))? else {
        return if said.stop {
            // It was quicker than our look.
            let shown = if config.json {
                print_json(&mut out, &json!({ "state": "ended" }))
            } else {
                print(&mut out, "The run has ended.\n")
            };
            gone_is_fine(shown).map(|()| Exit::Done)
        } else {
            Err(Failure::usage("the run has ended meanwhile"))
        };
    };
    if config.json {
        gone_is_fine(print_json(&mut out, &pace))?;
    } else {
        let text = pace.text(config.stdout_look());
        gone_is_fine(print(&mut out, &format!("{text}\n")))?;
    }
    Ok(Exit::Done)
}

/// All that is said now, with what was said before.
fn said(before: &Control, args: &cli::Throttle) -> Control {
    let said = Control {
        word: before.word,
        rate: args
            .rate
            .map(|rate| rate.to_string())
            .or_else(|| before.rate.clone()),
        pause: (before.pause || args.pause) && !args.go,
        stop: before.stop || args.stop,
    };
    let anew = args.rate.is_some() || args.pause || args.go || args.stop;
    Control {
        word: said.word + u64::from(anew),
        ..said
    }
}

/// How the run goes once it has heard the word; none where it has ended.
async fn taken_up(state: &Path, word: u64) -> Result<Option<Pace>, Failure> {
    let begun = tokio::time::Instant::now();
    loop {
        let (read, _) = status::read(state)?;
        match read.pace {
            Some(pace) if pace.word >= word => return Ok(Some(pace)),
            Some(_) | None if !RunLock::is_held(state) => return Ok(None),
            Some(_) | None if begun.elapsed() > TAKEN_UP_WITHIN => {
                return Err(Failure::new(
                    Exit::Unexpected,
                    "the run has not taken it up yet: it may still be importing, or reading what is in doubt",
                )
                .hint("it will, as soon as it sends; `pmclone status` shows its pace then"));
            }
            Some(_) | None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> cli::Throttle {
        cli::Throttle {
            rate: None,
            pause: false,
            go: false,
            stop: false,
            simulate: false,
        }
    }

    #[test]
    fn what_was_said_before_holds_until_the_contrary_is_said() {
        let slower = said(
            &Control::default(),
            &cli::Throttle {
                rate: Some("5".parse().unwrap()),
                ..asked()
            },
        );
        let paused = said(
            &slower,
            &cli::Throttle {
                pause: true,
                ..asked()
            },
        );
        assert_eq!((paused.word, paused.pause), (2, true));
        assert_eq!(paused.rate.as_deref(), Some("5"));
        let going = said(
            &paused,
            &cli::Throttle {
                go: true,
                ..asked()
            },
        );
        assert_eq!((going.word, going.pause), (3, false));
        assert_eq!(going.rate.as_deref(), Some("5"));
        assert_eq!(said(&going, &asked()), going);
    }
}
