//! What was asked and answered, one JSON line a request: never a body, never a key, never a query.

use super::journal::append_private;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How many lines are kept in memory for `GET /_sim/transcript`.
const REMEMBERED: usize = 10_000;

/// One line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line<'a> {
    pub n: u64,
    /// Virtual time, unix seconds.
    pub t: i64,
    pub method: &'static str,
    pub path: &'a str,
    pub account: Option<&'a str>,
    /// None where no answer was sent.
    pub status: Option<u16>,
    pub request_id: Option<&'a str>,
    pub idempotency_key: Option<&'a str>,
    pub replayed: bool,
    pub fault: Option<&'static str>,
    pub delay_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Transcript {
    file: Option<File>,
    lines: VecDeque<Box<str>>,
}

impl Transcript {
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        Ok(Self {
            file: path.map(append_private).transpose()?,
            lines: VecDeque::new(),
        })
    }

    pub fn add(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        if let Some(file) = &mut self.file {
            file.write_all(text.as_bytes())?;
        }
        if self.lines.len() == REMEMBERED {
            self.lines.pop_front();
        }
        self.lines.push_back(text.into());
        Ok(())
    }

    /// The last lines, oldest first.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| &**line).collect()
    }
}

/// Counts of what passed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counters {
    /// Requests that arrived.
    pub requests: u64,
    /// By operation, such as `POST /v1/customers`.
    pub by_endpoint: BTreeMap<&'static str, u64>,
    /// By status; 0 where no answer was sent.
    pub by_status: BTreeMap<u16, u64>,
    /// Answers from the idempotency store.
    pub replayed: u64,
    /// The most requests that arrived within one second of real time.
    pub busiest_second: u64,
    #[serde(skip)]
    second: i64,
    #[serde(skip)]
    in_second: u64,
}

impl Counters {
    pub(super) fn count(
        &mut self,
        wall_ms: i64,
        endpoint: &'static str,
        status: Option<u16>,
        replayed: bool,
    ) {
        self.requests += 1;
        self.replayed += u64::from(replayed);
        *self.by_endpoint.entry(endpoint).or_default() += 1;
        *self.by_status.entry(status.unwrap_or(0)).or_default() += 1;
        let second = wall_ms.div_euclid(1000);
        if second != self.second {
            self.second = second;
            self.in_second = 0;
        }
        self.in_second += 1;
        self.busiest_second = self.busiest_second.max(self.in_second);
    }
}
