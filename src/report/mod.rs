//! What people and programs read: banner, plan, progress, status, closing table, mapping.
//!
//! stdout is data: it goes through an [`std::io::Write`] argument and every error is returned ([`print()`], [`print_json`],
//! [`export::Writer`]). stderr is progress and messages: it goes through [`Screen`] alone, which never fails. Everything
//! here is made from values that the caller fills; nothing reads the environment, a clock or the store.
//!
//! Hazard: these texts are pasted into tickets and CI logs. They hold ids, counts and Stripe's masked messages, never a
//! contact detail, and what others wrote (names, messages, reasons) passes [`words::plain`], so that no terminal obeys it.

pub mod banner;
pub mod charge;
pub mod check;
pub mod columns;
pub mod commands;
pub mod dashboard;
pub mod delta;
pub mod drill;
pub mod explain;
pub mod export;
pub mod file;
pub mod here;
pub mod import;
pub mod mended;
pub mod metrics;
pub mod pace;
pub mod plan;
pub mod progress;
pub mod purge;
pub mod receipt;
pub mod reconcile;
pub mod record;
pub mod recover;
pub mod refused;
pub mod remedy;
pub(crate) mod screen;
pub mod sql;
pub mod stale;
pub mod status;
pub mod summary;
mod table;
pub mod undo;
pub mod verify;
pub mod words;

pub use screen::{Look, Screen, Settings};

use std::io::{self, Write};

use serde::Serialize;

/// Writes a text that people asked for to stdout (given as `out`). `BrokenPipe` means that the reader has had enough.
pub fn print(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Writes one JSON object and a line feed to stdout (given as `out`).
pub fn print_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    // Made whole first, so that a reader never gets half an object because of an error of ours.
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose reader is gone.
    pub(crate) struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_stdout_is_an_error_that_the_caller_can_tell() {
        let text = print(&mut Closed, "x").unwrap_err();
        let json = print_json(&mut Closed, &1).unwrap_err();
        assert_eq!(
            (text.kind(), json.kind()),
            (io::ErrorKind::BrokenPipe, io::ErrorKind::BrokenPipe)
        );
    }

    #[test]
    fn data_ends_with_one_line_feed() {
        let mut out = Vec::new();
        print(&mut out, "a").unwrap();
        print(&mut out, "b\n").unwrap();
        print_json(&mut out, &[1, 2]).unwrap();
        assert_eq!(out, b"a\nb\n[1,2]\n");
    }
}
