//! Keys and signing secrets: where they come from, and that nothing of them is left behind.

use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::{Config, env};
use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::stripe::SecretKey;
use crate::webhook::Secrets;

/// What a file or the environment is to hold.
const API_KEY: &str = "the API key";

impl Config {
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
