//! Arguments, environment and `pmclone.toml` become settings: a flag beats the environment, which beats the file.
//!
//! The only place that reads the environment, and the only one that reads a key.

mod input;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use crate::cli::{self, Rate, TotalRate};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Budgets, Rates};
use crate::report::{Look, Screen, Settings};
use crate::run::steer::{Hours, Window};
use crate::stripe::{ConnectedBudget, Limits, Mode, SecretKey, Share};
use crate::webhook::Secrets;

/// The state file of a real migration, where none is named.
pub const STATE: &str = "pmclone.db";
/// The state file of a rehearsal, where none is named: a rehearsal never touches the real one.
pub const REHEARSAL_STATE: &str = "pmclone-rehearsal.db";
/// The configuration file that is read if it is there.
const CONFIG: &str = "pmclone.toml";
/// Customers in flight. At 80 requests a second and 400 ms for each, 32 are in flight.
const CONCURRENCY: usize = 32;

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

/// A number, or `"off"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected a whole number from 1, or \"off\"")]
enum FileRate {
    PerSecond(NonZeroU32),
    Off(Off),
}

/// A number, `"off"` or `"auto"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number from 1, \"off\", or \"auto\""
)]
enum FileTotalRate {
    Told(FileRate),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Auto {
    #[serde(rename = "auto")]
    Auto,
}

impl From<FileTotalRate> for TotalRate {
    fn from(rate: FileTotalRate) -> Self {
        match rate {
            FileTotalRate::Told(rate) => Self::Told(rate.into()),
            FileTotalRate::Auto(Auto::Auto) => Self::Auto,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Off {
    #[serde(rename = "off")]
    Off,
}

impl From<FileRate> for Rate {
    fn from(rate: FileRate) -> Self {
        match rate {
            FileRate::PerSecond(rate) => Self::PerSecond(rate),
            FileRate::Off(Off::Off) => Self::Off,
        }
    }
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

/// What a file or the environment is to hold.
const API_KEY: &str = "the API key";

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

    /// Customers in flight at once.
    pub fn concurrency(&self, stripe: &cli::Stripe) -> usize {
        let asked = stripe.concurrency.or(self.from_file.concurrency);
        asked
            .and_then(|asked| usize::try_from(asked.get()).ok())
            .unwrap_or(CONCURRENCY)
    }

    /// The limits to keep to. `--rate off` turns the others off too, unless they are given; `--rate auto` looks for them.
    pub fn limits(&self, stripe: &cli::Stripe, mode: Mode) -> Result<Limits, Failure> {
        let defaults = Limits::share_of(mode, self.share(stripe)?);
        let rate = stripe
            .rate
            .or_else(|| self.from_file.rate.map(TotalRate::from));
        let endpoint = stripe
            .endpoint_rate
            .or_else(|| self.from_file.endpoint_rate.map(Rate::from));
        let account = stripe
            .account_rate
            .or_else(|| self.from_file.account_rate.map(Rate::from));
        let told = match rate {
            Some(TotalRate::Told(rate)) => Some(rate),
            Some(TotalRate::Auto) | None => None,
        };
        let total_per_second = per_second(told, defaults.total_per_second);
        let unlimited = told == Some(Rate::Off);
        let connected = stripe.connected_budget.or(self.from_file.connected_budget);
        Ok(Limits {
            total_per_second,
            endpoint_per_second: per_second(
                endpoint,
                if unlimited {
                    None
                } else {
                    defaults.endpoint_per_second
                },
            ),
            account_per_second: per_second(account, total_per_second),
            seek: rate == Some(TotalRate::Auto),
            endpoint_is_asked: endpoint.is_some(),
            total_is_asked: told.is_some(),
            connected: connected.unwrap_or_default(),
            ..defaults
        })
    }

    fn share(&self, stripe: &cli::Stripe) -> Result<Share, Failure> {
        let from_file = || {
            let share = self.from_file.share?;
            let parsed = Share::parse(&share.to_string());
            Some(parsed.ok_or_else(|| {
                Failure::usage(
                    "pmclone.toml: share: give a part of the limit, above 0 and 1 at most",
                )
            }))
        };
        match stripe.share {
            Some(share) => Ok(share),
            None => from_file().unwrap_or(Ok(Share::DEFAULT)),
        }
    }

    /// The hours to send in, and how long the run may take.
    pub fn hours(&self, steering: &cli::Steering) -> Result<Hours, Failure> {
        let from_file = self.from_file.window.iter().map(|text| {
            let parsed: Result<Window, _> = text.parse();
            parsed.map_err(|error| Failure::usage(format!("pmclone.toml: window: {error}")))
        });
        let windows = if steering.windows.is_empty() {
            from_file.collect::<Result<_, _>>()?
        } else {
            steering.windows.clone()
        };
        let zone = steering
            .timezone
            .as_ref()
            .or(self.from_file.timezone.as_ref());
        let zone = match zone {
            Some(name) => TimeZone::get(name).map_err(|_| {
                Failure::usage(format!("{name} is no time zone that this machine knows"))
                    .hint("give one as Europe/Berlin, America/New_York or UTC")
            })?,
            None => TimeZone::system(),
        };
        Ok(Hours {
            windows,
            zone,
            max_duration: steering.max_duration,
        })
    }

    /// The platform's key: `--api-key-file`, else `STRIPE_API_KEY`, else `api_key_file` in `pmclone.toml`.
    pub fn key(&self, stripe: &cli::Stripe) -> Result<SecretKey, Failure> {
        let (text, whence) = if let Some(path) = &stripe.api_key_file {
            (self.key_file(path, API_KEY)?, path.display().to_string())
        } else if let Some(key) = env("STRIPE_API_KEY") {
            (Zeroizing::new(key), "STRIPE_API_KEY".to_owned())
        } else if let Some(path) = &self.from_file.api_key_file {
            (self.key_file(path, API_KEY)?, path.display().to_string())
        } else {
            return Err(Failure::new(
                Exit::Key,
                "no API key: set STRIPE_API_KEY, or name a file with --api-key-file",
            )
            .hint("to rehearse without a key: add --simulate")
            .hint("to check the CSV without a key: add --dry-run"));
        };
        SecretKey::parse(&text)
            .map_err(|error| Failure::new(Exit::Key, format!("{whence}: {error}")))
    }

    /// True where a key is given in one of the ways of [`Config::key`].
    pub fn has_key(&self, stripe: &cli::Stripe) -> bool {
        stripe.api_key_file.is_some()
            || env("STRIPE_API_KEY").is_some()
            || self.from_file.api_key_file.is_some()
    }

    /// The signing secrets of the webhook endpoint: of the files, else of the environment.
    pub fn webhook_secrets(
        &self,
        files: &[PathBuf],
        stripe: &cli::Stripe,
    ) -> Result<Secrets, Failure> {
        let of_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let stdins = files.iter().chain(&stripe.api_key_file);
        if stdins.filter(|path| of_stdin(path)).count() > 1 {
            return Err(Failure::usage(
                "stdin is read once: only one file can be `-`",
            ));
        }
        let mut texts = Vec::new();
        for path in files {
            texts.push(self.key_file(path, "the signing secret")?);
        }
        let whence = if files.is_empty() {
            let Some(text) = env("STRIPE_WEBHOOK_SECRET") else {
                return Err(Failure::new(
                    Exit::Key,
                    "no signing secret: set STRIPE_WEBHOOK_SECRET, or name a file with --webhook-secret-file",
                )
                .hint("the Dashboard shows it with the endpoint, and `stripe listen` prints one: whsec_…"));
            };
            texts.push(Zeroizing::new(text));
            "STRIPE_WEBHOOK_SECRET"
        } else {
            "--webhook-secret-file"
        };
        Secrets::parse(texts.iter().map(|text| text.as_str()))
            .map_err(|error| Failure::new(Exit::Key, format!("{whence}: {error}")))
    }

    /// What a file holds. It is wiped when it is dropped, and has room from the beginning, so that no copy is left behind.
    fn key_file(&self, path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
        /// No key is longer.
        const KEY_MAX_BYTES: u64 = 4096;
        /// Room for it, and for the look at whether the file ends there.
        const ROOM_BYTES: usize = 8192;
        let unreadable = |error: std::io::Error| {
            Failure::new(
                Exit::Key,
                format!("{what} cannot be read from {}: {error}", path.display()),
            )
        };
        let mut text = Zeroizing::new(String::with_capacity(ROOM_BYTES));
        if path.as_os_str() == "-" {
            std::io::stdin()
                .take(KEY_MAX_BYTES)
                .read_to_string(&mut text)
                .map_err(unreadable)?;
            return Ok(text);
        }
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if others_can_read(&file) {
            self.screen.problem(&format!(
                "Warning: other users of this machine can read {}; `chmod 600` it.",
                path.display()
            ));
        }
        file.take(KEY_MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Ok(text)
    }
}

/// The rates that a plan shows, of the limits that a client keeps.
pub fn rates(limits: Limits) -> Rates {
    Rates {
        total: limits.total_per_second.map(NonZeroU32::get),
        endpoint: limits.endpoint_per_second.map(NonZeroU32::get),
        account: limits.account_per_second.map(NonZeroU32::get),
        budgets: match limits.connected {
            // What `auto` begins with.
            ConnectedBudget::Shared | ConnectedBudget::Auto => Budgets::Shared,
            ConnectedBudget::Own => Budgets::Own {
                total_is_joint: limits.total_is_asked,
            },
        },
        seeks: limits.seek,
        learns: limits.connected == ConnectedBudget::Auto,
    }
}

fn per_second(asked: Option<Rate>, default: Option<NonZeroU32>) -> Option<NonZeroU32> {
    match asked {
        None => default,
        Some(Rate::Off) => None,
        Some(Rate::PerSecond(rate)) => Some(rate),
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

#[cfg(unix)]
fn others_can_read(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &std::fs::File) -> bool {
    false
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
