//! The one place that writes to stderr.
//!
//! A failed write to stderr (the terminal was closed, the reader of a pipe has gone) does not end anything: a migration
//! must not stop halfway because nobody watches it, and the state file and the exit code still tell how it went. After
//! the first failure nothing more is written, and [`Screen::has_failed`] tells.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::MultiProgress;

use super::words::fold;

/// How to write, decided from arguments and environment by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// `--quiet`: only problems are written.
    pub quiet: bool,
    /// `--no-color` or a non-empty `NO_COLOR`.
    pub no_color: bool,
    /// `--json`: a program reads, so plain lines rather than bars.
    pub json: bool,
    /// Columns of stderr's terminal; `None` where stderr is no terminal, or one that cannot move its cursor (`TERM=dumb`).
    pub terminal_width: Option<u16>,
}

/// What a text may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Escape sequences for colour are allowed.
    pub colour: bool,
    /// Columns; texts are wrapped to it.
    pub width: u16,
}

impl Look {
    /// Eighty columns without colour: for pipes and files.
    pub const PLAIN: Self = Self {
        colour: false,
        width: 80,
    };

    /// For a terminal, or a pipe where `terminal_width` is `None`.
    pub fn new(terminal_width: Option<u16>, no_color: bool) -> Self {
        terminal_width.map_or(Self::PLAIN, |width| Self {
            colour: !no_color,
            // Some terminals say 0 until they know; under 40 no table is readable, so it may as well wrap.
            width: if width == 0 { 80 } else { width.max(40) },
        })
    }

    fn sgr(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Headings.
    pub fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    // Of the 256 colours those that stand out from black as from white (contrast 4 to 5 on each); a terminal's own yellow cannot
    // be read on white.

    /// What went well: green.
    pub fn good(self, text: &str) -> String {
        self.sgr("38;5;28", text)
    }

    /// What somebody should look at: orange.
    pub fn warn(self, text: &str) -> String {
        self.sgr("38;5;130", text)
    }

    /// What went wrong: red.
    pub fn bad(self, text: &str) -> String {
        self.sgr("38;5;160", text)
    }

    /// What must not be overlooked: white on red.
    pub fn alarm(self, text: &str) -> String {
        self.sgr("1;97;41", text)
    }
}

/// Writes to stderr, above the bars while there are any. Clones write to the same place.
#[derive(Clone)]
pub struct Screen {
    settings: Settings,
    sink: Arc<Mutex<Sink>>,
    bars: Arc<Mutex<Option<MultiProgress>>>,
}

struct Sink {
    out: Box<dyn Write + Send>,
    failed: bool,
}

impl Sink {
    fn write(&mut self, text: &str) -> io::Result<()> {
        // In one piece, so that lines of other programs on the same terminal do not come between.
        let text = format!("{}\n", text.trim_end_matches('\n'));
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Screen {
    /// Writes to stderr.
    pub fn new(settings: Settings) -> Self {
        Self::writing_to(settings, Box::new(io::stderr()))
    }

    /// Writes elsewhere, for tests and logs.
    pub fn writing_to(settings: Settings, out: Box<dyn Write + Send>) -> Self {
        let sink = Arc::new(Mutex::new(Sink { out, failed: false }));
        Self {
            settings,
            sink,
            bars: Arc::default(),
        }
    }

    /// What texts for stderr may look like.
    pub fn look(&self) -> Look {
        Look::new(self.settings.terminal_width, self.settings.no_color)
    }

    /// True with `--quiet`.
    pub fn is_quiet(&self) -> bool {
        self.settings.quiet
    }

    /// True where progress is shown as bars: a terminal, and a person who reads it.
    pub fn has_bars(&self) -> bool {
        self.settings.terminal_width.is_some() && !self.settings.quiet && !self.settings.json
    }

    /// True once a write failed; nothing was written since.
    pub fn has_failed(&self) -> bool {
        self.sink
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failed
    }

    /// Writes a message, or several lines of it; nothing with `--quiet`.
    pub fn line(&self, text: &str) {
        if !self.settings.quiet {
            self.problem(text);
        }
    }

    /// Writes what must be read even with `--quiet`: an error, a warning.
    pub fn problem(&self, text: &str) {
        let bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match bars.as_ref() {
            Some(bars) => bars.suspend(|| self.write(text)),
            None => self.write(text),
        }
    }

    /// From now on (until `None`) lines are written above these bars.
    pub(super) fn set_bars(&self, bars: Option<MultiProgress>) {
        *self.bars.lock().unwrap_or_else(PoisonError::into_inner) = bars;
    }

    fn write(&self, text: &str) {
        let text = &*match self.settings.terminal_width {
            Some(_) => {
                let width = self.look().width;
                let lines: Vec<_> = text.split('\n').map(|line| fold(line, width)).collect();
                Cow::Owned(lines.join("\n"))
            }
            None => Cow::Borrowed(text),
        };
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if !sink.failed && sink.write(text).is_err() {
            sink.failed = true;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::tests::Closed;

    /// What a screen wrote.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn quiet_keeps_problems_and_drops_the_rest() {
        let written = Written::default();
        let settings = Settings {
            quiet: true,
            ..Settings::default()
        };
        let screen = Screen::writing_to(settings, Box::new(written.clone()));
        screen.line("a message");
        screen.problem("a problem");
        assert_eq!(written.text(), "a problem\n");
    }

    #[test]
    fn a_closed_stderr_is_remembered_and_ends_nothing() {
        let screen = Screen::writing_to(Settings::default(), Box::new(Closed));
        assert!(!screen.has_failed());
        screen.line("a message");
        screen.problem("another");
        assert!(screen.has_failed());
    }

    #[test]
    fn bars_are_for_a_person_at_a_terminal() {
        let terminal = Settings {
            terminal_width: Some(80),
            ..Settings::default()
        };
        let cases = [
            (terminal, true),
            (Settings::default(), false),
            (
                Settings {
                    quiet: true,
                    ..terminal
                },
                false,
            ),
            (
                Settings {
                    json: true,
                    ..terminal
                },
                false,
            ),
            (
                Settings {
                    no_color: true,
                    ..terminal
                },
                true,
            ),
        ];
        for (settings, bars) in cases {
            let screen = Screen::writing_to(settings, Box::new(io::sink()));
            assert_eq!(screen.has_bars(), bars, "{settings:?}");
        }
    }

    #[test]
    fn colour_needs_a_terminal_and_nobody_who_says_no() {
        assert!(Look::new(Some(100), false).colour);
        assert!(!Look::new(Some(100), true).colour);
        assert!(!Look::new(None, false).colour);
        assert_eq!(
            (
                Look::new(Some(0), false).width,
                Look::new(Some(10), false).width
            ),
            (80, 40)
        );
    }
}
