//! `pmclone listen` as a process, and deliveries to it that are signed here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStdout, Stdio};

use anyhow::{Context, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::tool::Ended;
use super::{Place, Result, Running};

/// The endpoint's signing secret. The secrets test looks for it everywhere.
pub const SECRET: &str = "whsec_Pterodactylus4712";

/// A listener, killed when it goes out of scope.
pub struct Listener {
    running: Running,
    _stdout: BufReader<ChildStdout>,
    /// Its base URL.
    pub url: String,
}

impl Listener {
    /// Without an API key.
    pub fn start(place: &Place, secrets: &str, args: &[&str]) -> Result<Self> {
        Self::of(place.keyless(&Self::all(args)), secrets)
    }

    /// With one, against a simulator.
    pub fn with_key(place: &Place, simulator: &str) -> Result<Self> {
        let args = Self::all(&["--api-base", simulator, "--rate", "off"]);
        Self::of(place.command(&args), SECRET)
    }

    fn all<'a>(args: &[&'a str]) -> Vec<&'a str> {
        [&["listen"], args].concat()
    }

    fn of(mut command: std::process::Command, secrets: &str) -> Result<Self> {
        if !command.get_args().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.env("STRIPE_WEBHOOK_SECRET", secrets);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let url = line.trim().to_owned();
        if !url.starts_with("http://127.0.0.1:") {
            anyhow::bail!("it said `{url}`: {:?}", Running::of(child).wait());
        }
        Ok(Self {
            running: Running::of(child),
            _stdout: stdout,
            url,
        })
    }

    /// Ctrl-C, and what it said.
    pub fn stop(self) -> Result<Ended> {
        self.running.signal("INT")?;
        self.running.wait()
    }

    /// SIGKILL.
    pub fn kill(self) -> Result<()> {
        self.running.kill()
    }

    /// Delivers a body as Stripe does, signed now; gives status and text.
    pub fn deliver(&self, body: &str) -> Result<(u16, String)> {
        self.post("/webhook", &signed(SECRET, now(), body), body)
    }

    /// The same with a header of one's own.
    pub fn post(&self, path: &str, header: &str, body: &str) -> Result<(u16, String)> {
        let headers = format!(
            "Content-Type: application/json; charset=utf-8\r\nStripe-Signature: {header}\r\n"
        );
        send(&self.url, "POST", path, &headers, body)
    }
}

/// Unix seconds.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// `Stripe-Signature` of a body.
pub fn signed(secret: &str, at: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{at}.{body}").as_bytes());
    let digits = mac.finalize().into_bytes();
    let digits: Vec<_> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={}", digits.concat())
}

/// An event, as Stripe sends it.
pub fn event(id: &str, kind: &str, account: Option<&str>, created: i64, object: &str) -> String {
    let account = account.map_or(String::new(), |account| {
        format!(r#""account":"{account}","context":"{account}","#)
    });
    format!(
        r#"{{"id":"{id}","object":"event",{account}"api_version":"2026-09-30.endive","created":{created},"data":{{"object":{object}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"{kind}"}}"#
    )
}

/// One request, and its answer.
pub fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Result<(u16, String)> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    // One that is refused by its head may be answered before the body was sent.
    drop(stream.write_all(body.as_bytes()));
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?;
    ensure!(status.len() == 3, "{head}");
    Ok((status.parse()?, text.to_owned()))
}
