//! The binary under test, in a directory of its own and with an environment of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, bail, ensure};

use super::{Proxy, Result, Simulator};

/// A test key that the simulator takes. The secrets test looks for it everywhere.
pub const KEY: &str = "sk_test_Quetzalcoatlus4711";

/// A directory of its own, gone at the end.
pub struct Place {
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Result<Self> {
        Ok(Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }

    /// Itself, if it ended with this code.
    pub fn with(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "expected exit code {code}, found {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.out,
            self.err
        );
        Ok(self)
    }

    /// What stdout holds, as one JSON object.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {}", self.out))
    }
}

impl Place {
    pub fn new() -> Result<Self> {
        Ok(Self {
            dir: tempfile::tempdir()?,
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(std::fs::write(self.path(name), bytes)?)
    }

    /// The names of all files here.
    pub fn listing(&self) -> Result<BTreeSet<String>> {
        let names = std::fs::read_dir(self.dir.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    /// The command, without a key.
    pub fn keyless(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pmclone"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("STRIPE_API_KEY")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// The command, with the key in its environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.keyless(args);
        command.env("STRIPE_API_KEY", KEY);
        command
    }

    /// Runs the command to its end.
    pub fn pmclone(&self, args: &[&str]) -> Result<Ended> {
        Ended::of(self.command(args).output()?)
    }

    /// Runs the command to its end, without a key.
    pub fn pmclone_keyless(&self, args: &[&str]) -> Result<Ended> {
        Ended::of(self.keyless(args).output()?)
    }

    /// Runs the command against a simulator, as fast as it answers.
    pub fn against(&self, simulator: &Simulator, args: &[&str]) -> Result<Ended> {
        self.pmclone(&Self::reaching(&simulator.url, args))
    }

    /// Runs the command to its end through a proxy, as fast as it answers.
    pub fn through(&self, proxy: &Proxy, args: &[&str]) -> Result<Ended> {
        self.pmclone(&Self::reaching(&proxy.url, args))
    }

    /// Starts the command against a simulator, as fast as it answers.
    pub fn start_against(&self, simulator: &Simulator, args: &[&str]) -> Result<Running> {
        self.start(&Self::reaching(&simulator.url, args))
    }

    fn reaching<'a>(url: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let mut all = args.to_vec();
        all.extend(["--api-base", url]);
        if !args.contains(&"--rate") {
            all.extend(["--rate", "off"]);
        }
        all
    }

    /// Starts the command.
    pub fn start(&self, args: &[&str]) -> Result<Running> {
        let child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running::of(child))
    }

    /// A sample file.
    pub fn sample(&self, name: &str, customers: u32, accounts: u32, seed: u32) -> Result<()> {
        let numbers = [customers, accounts, seed].map(|number| number.to_string());
        let [customers, accounts, seed] = numbers.each_ref().map(String::as_str);
        #[rustfmt::skip]
        let args = ["sample", "--customers", customers, "--accounts", accounts, "--seed", seed, "-o", name];
        self.pmclone_keyless(&args)?.with(0)?;
        Ok(())
    }

    /// `status --json` of the state file.
    pub fn status(&self, args: &[&str]) -> Result<serde_json::Value> {
        let all = [&["status", "--json"], args].concat();
        self.pmclone_keyless(&all)?.with(0)?.json()
    }
}

/// A command that is under way; killed when it goes out of scope.
pub struct Running {
    child: Option<Child>,
}

impl Running {
    /// A child that was started elsewhere.
    pub fn of(child: Child) -> Self {
        Self { child: Some(child) }
    }

    /// True while it runs.
    pub fn is_on(&mut self) -> Result<bool> {
        let child = self.child.as_mut().context("it has ended")?;
        Ok(child.try_wait()?.is_none())
    }

    /// SIGKILL, and waits until it is gone. An error if it had ended by itself: then the moment was badly chosen.
    pub fn kill(mut self) -> Result<()> {
        let mut child = self.child.take().context("it has ended")?;
        child.kill()?;
        let ended = Ended::of(child.wait_with_output()?)?;
        if ended.code.is_some() {
            bail!("ended before it was killed: {ended:?}");
        }
        Ok(())
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let child = self.child.as_ref().context("it has ended")?;
        // The standard library knows SIGKILL only, and unsafe code is forbidden here: the shell has the rest.
        let script = format!("kill -{name} {}", child.id());
        ensure!(Command::new("sh").args(["-c", &script]).status()?.success());
        Ok(())
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Ended> {
        let child = self.child.take().context("it has ended")?;
        Ended::of(child.wait_with_output()?)
    }

    /// Its process id.
    pub fn id(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("it has ended")?.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
