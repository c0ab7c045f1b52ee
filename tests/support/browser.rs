//! A headless Chromium, driven over a pipe by its own protocol: no port, no network, nothing waits for a time.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::Result;

/// Where it may be; the first that is there is used.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A page that is open.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: ChildStdout,
    read: Vec<u8>,
    session: Option<String>,
    last: u64,
    /// What it told unasked.
    pub events: Vec<Value>,
    // Its profile, gone at the end.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None` where none is installed.
    pub fn start() -> Result<Option<Self>> {
        let there = |name: &&&str| {
            let found = Command::new(name).arg("--version").output();
            found.is_ok_and(|output| output.status.success())
        };
        let Some(name) = NAMES.iter().find(there) else {
            return Ok(None);
        };
        let profile = tempfile::tempdir()?;
        // The protocol's pipes are its third and fourth; the shell moves them there.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
        let mut process = Command::new("sh")
            .args(["-c", script, name])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = process.stdin.take().context("no pipe to the browser")?;
        let from = process.stdout.take().context("no pipe from the browser")?;
        let mut browser = Self {
            process,
            to,
            from,
            read: Vec::new(),
            session: None,
            last: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", attach)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Log", "Runtime", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(Some(browser))
    }

    fn message(&mut self) -> Result<Value> {
        let mut part = vec![0; 65536];
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == 0) {
                let message = serde_json::from_slice(&self.read[..end])?;
                self.read.drain(..=end);
                return Ok(message);
            }
            match self.from.read(&mut part)? {
                0 => bail!("the browser is gone"),
                n => self.read.extend(&part[..n]),
            }
        }
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, method: &str, params: impl Into<Value>) -> Result<Value> {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": params.into()});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&command)?;
        bytes.push(0);
        self.to.write_all(&bytes)?;
        loop {
            let message = self.message()?;
            if message["id"] != self.last {
                self.events.push(message);
            } else if message.get("error").is_some() {
                bail!("{method}: {}", message["error"]);
            } else {
                return Ok(message["result"].clone());
            }
        }
    }

    /// Opens a file, and waits until it is loaded.
    pub fn open(&mut self, file: &Path) -> Result<()> {
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.ask("Page.navigate", json!({ "url": url }))?;
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(loaded) {
            let event = self.message()?;
            self.events.push(event);
        }
        Ok(())
    }

    /// What an expression comes to.
    pub fn value(&mut self, expression: &str) -> Result<Value> {
        let params = json!({"expression": expression, "returnByValue": true});
        let found = self.ask("Runtime.evaluate", params)?;
        if let Some(thrown) = found.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(found["result"]["value"].clone())
    }

    /// The same as a text.
    pub fn text(&mut self, expression: &str) -> Result<String> {
        let value = self.value(expression)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks in the middle of the first that the selector finds, as a mouse does.
    pub fn click(&mut self, selector: &str) -> Result<()> {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ))?;
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", params)?;
        }
        Ok(())
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, text: Option<&str>) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({"type": kind, "key": key, "code": key});
            if let (Some(text), "keyDown") = (text, kind) {
                params["text"] = json!(text);
            }
            if key == "Tab" {
                params["windowsVirtualKeyCode"] = json!(9);
            }
            self.ask("Input.dispatchKeyEvent", params)?;
        }
        Ok(())
    }

    /// Types into what has the focus.
    pub fn type_in(&mut self, text: &str) -> Result<()> {
        self.ask("Input.insertText", json!({ "text": text }))?;
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
