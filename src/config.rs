//! Arguments, environment and `pmclone.toml` become settings: a flag beats the environment, which beats the file.
//!
//! The only place that reads the environment, and the only one that reads a key.

mod input;
mod pace;
mod secret;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli;
use crate::failure::Failure;
use crate::report::words::fold;
use crate::report::{Look, Screen, Settings};
use crate::stripe::ConnectedBudget;

pub use pace::rates;
use pace::{FileRate, FileTotalRate};

/// The state file of a real migration, where none is named.
pub const STATE: &str = "pmclone.db";
/// The state file of a rehearsal, where none is named: a rehearsal never touches the real one.
pub const REHEARSAL_STATE: &str = "pmclone-rehearsal.db";
/// The configuration file that is read if it is there.
const CONFIG: &str = "pmclone.toml";
/// What `pmclone.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Toml {
    state: Option<PathBuf>,
    api_base: Option<String>,
    api_key_file: Option<PathBuf>,
    log: Option<PathBuf>,
    metrics_file: Option<PathBuf>,
    rate: Option<FileTotalRate>,
    endpoint_rate: Option<FileRate>,
    account_rate: Option<FileRate>,
    concurrency: Option<NonZeroU32>,
    profile: Option<String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    null_words: Option<Vec<String>>,
    join: Vec<input::FileJoin>,
    columns: BTreeMap<String, String>,
    constants: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
    share: Option<f64>,
    connected_budget: Option<ConnectedBudget>,
    window: Vec<String>,
    timezone: Option<String>,
}

/// What every command works with.
pub struct Config {
    from_file: Toml,
    state: Option<PathBuf>,
    no_color: bool,
    /// How to write to stderr.
    pub screen: Screen,
    /// Results to stdout as JSON.
    pub json: bool,
}

impl Config {
    /// Reads the configuration file and looks at the terminal.
    pub fn new(common: &cli::Common) -> Result<Self, Failure> {
        let file = read_file(common.config.as_deref())?;
        let no_color = common.no_color || env("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal_width = terminal_width(&std::io::stderr(), &console::Term::stderr());
        let settings = Settings {
            quiet: common.quiet,
            no_color,
            json: common.json,
            terminal_width,
        };
        Ok(Self {
            from_file: file,
            state: common.state.clone(),
            no_color,
            screen: Screen::new(settings),
            json: common.json,
        })
    }

    /// True where a person can be asked: both stdin and stderr are terminals, and stdin is not where the key comes from.
    pub fn asks(&self, stripe: &cli::Stripe) -> bool {
        let key_from_stdin = stripe
            .api_key_file
            .as_deref()
            .is_some_and(|path| path.as_os_str() == "-");
        !key_from_stdin && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// What texts for stdout may look like.
    pub fn stdout_look(&self) -> Look {
        Look::new(
            terminal_width(&std::io::stdout(), &console::Term::stdout()),
            self.no_color,
        )
    }

    /// A line for stdout: folded where that is a terminal, and whole where a program reads it.
    pub fn for_stdout<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if self.stdout_is_screen() {
            fold(line, self.stdout_look().width)
        } else {
            Cow::Borrowed(line)
        }
    }

    /// Whether stdout is a terminal that can move its cursor.
    pub fn stdout_is_screen(&self) -> bool {
        terminal_width(&std::io::stdout(), &console::Term::stdout()).is_some()
    }

    /// Lines of stdout's terminal.
    pub fn stdout_rows(&self) -> usize {
        /// Some terminals say 0 until they know.
        const ROWS: u16 = 24;
        match console::Term::stdout().size().0 {
            0 => usize::from(ROWS),
            rows => usize::from(rows),
        }
    }

    /// The state file. `simulate` only decides which one is the default.
    pub fn state_file(&self, simulate: bool) -> PathBuf {
        let named = self.state.clone().or_else(|| {
            if simulate {
                None
            } else {
                self.from_file.state.clone()
            }
        });
        named.unwrap_or_else(|| PathBuf::from(if simulate { REHEARSAL_STATE } else { STATE }))
    }

    /// Who uses this machine, for the record of what people changed.
    pub fn user() -> String {
        let named = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"];
        let mut users = named.into_iter().filter_map(env);
        users
            .find(|user| !user.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    }

    /// Where a drill keeps what it needs: in `TMPDIR`, or else in memory. A SIGKILL is survived by what the kernel has, on a
    /// disk or not. `None`: wherever this machine has its temporary files.
    pub fn scratch() -> Option<PathBuf> {
        const MEMORY: &str = "/dev/shm";
        let named = env("TMPDIR").filter(|dir| !dir.is_empty());
        let memory = Path::new(MEMORY).is_dir().then(|| MEMORY.to_owned());
        named.or(memory).map(PathBuf::from)
    }

    /// Where Stripe is, if it is said.
    pub fn api_base(&self, stripe: &cli::Stripe) -> Option<String> {
        stripe
            .api_base
            .clone()
            .or_else(|| self.from_file.api_base.clone())
    }

    /// Where requests and events are logged, if they are.
    pub fn log(&self, stripe: &cli::Stripe) -> Option<PathBuf> {
        stripe.log.clone().or_else(|| self.from_file.log.clone())
    }

    /// Where a run tells Prometheus of itself, if it does.
    pub fn metrics_file(&self, steering: &cli::Steering) -> Option<PathBuf> {
        let from_file = || self.from_file.metrics_file.clone();
        steering.metrics_file.clone().or_else(from_file)
    }
}

fn read_file(named: Option<&Path>) -> Result<Toml, Failure> {
    let path = named.unwrap_or_else(|| Path::new(CONFIG));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Toml::default());
        }
        Err(error) => {
            return Err(Failure::usage(format!(
                "{}: cannot be read: {error}",
                path.display()
            )));
        }
    };
    toml::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Columns; `None` where there is no terminal, or one that cannot move its cursor.
fn terminal_width(stream: &impl IsTerminal, terminal: &console::Term) -> Option<u16> {
    let dumb = env("TERM").is_some_and(|kind| kind == "dumb");
    (stream.is_terminal() && !dumb).then(|| terminal.size().1)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
