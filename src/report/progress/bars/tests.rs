//! The bars, drawn on a terminal that only remembers.

use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;

use super::super::Holds;
use super::super::tests::{at, plan};
use super::*;
use crate::report::Settings;
use crate::report::here::tests::evening;
use crate::stripe::Endpoint;

/// A terminal as a grid of characters and a cursor; knows the few movements that indicatif makes.
#[derive(Debug, Clone)]
struct Paper {
    width: u16,
    page: Arc<Mutex<Page>>,
}

#[derive(Debug, Default)]
struct Page {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Page {
    /// As terminals do: a full line is left only when one more character comes.
    fn put(&mut self, c: char, width: usize) {
        match c {
            '\r' => self.column = 0,
            '\n' => (self.row, self.column) = (self.row + 1, 0),
            c => {
                if self.column == width {
                    (self.row, self.column) = (self.row + 1, 0);
                }
                let rows = self.lines.len().max(self.row + 1);
                self.lines.resize(rows, Vec::new());
                let line = &mut self.lines[self.row];
                line.resize(line.len().max(self.column + 1), ' ');
                line[self.column] = c;
                self.column += 1;
            }
        }
    }
}

impl Paper {
    fn new(width: u16) -> Self {
        let page = Arc::default();
        Self { width, page }
    }

    fn text(&self) -> String {
        let page = self.page.lock().unwrap();
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        let lines: Vec<_> = page.lines.iter().map(line).collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn edit(&self, edit: impl FnOnce(&mut Page)) -> io::Result<()> {
        let poisoned = |_| io::Error::other("a test panicked while it wrote");
        edit(&mut *self.page.lock().map_err(poisoned)?);
        Ok(())
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        self.width
    }
    fn height(&self) -> u16 {
        40
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.edit(|page| page.row = page.row.saturating_sub(n))
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.edit(|page| page.row += n)
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.edit(|page| page.column += n)
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.edit(|page| page.column = page.column.saturating_sub(n))
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        let width = usize::from(self.width);
        self.edit(|page| text.chars().for_each(|c| page.put(c, width)))
    }
    fn clear_line(&self) -> io::Result<()> {
        self.edit(|page| {
            let row = page.row;
            page.column = 0;
            if let Some(line) = page.lines.get_mut(row) {
                line.clear();
            }
        })
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes onto the paper, as stderr does on the terminal that the bars are on.
struct Above(Paper);

impl io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_str(std::str::from_utf8(bytes).unwrap())?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A minute of a run at `width` columns, and the screen that it is on.
fn after_a_minute(width: u16) -> (Paper, Screen, Bars) {
    let paper = Paper::new(width);
    let settings = Settings {
        terminal_width: Some(width),
        no_color: true,
        ..Settings::default()
    };
    let screen = Screen::writing_to(settings, Box::new(Above(paper.clone())));
    let goal = Goal::of(&plan());
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(paper.clone()), 255);
    let bars = Bars::new(target, &goal, &screen);
    let mut pace = Pace::default();
    for second in 0..=60 {
        let snapshot = at(second * 1000, 20);
        pace.note(
            snapshot.elapsed_ms,
            snapshot.requests_sent,
            goal.done_billionths(&snapshot),
        );
    }
    let snapshot = Snapshot {
        refused: 3,
        migrated: 1197,
        rate_limited: 2,
        holds: Holds::Endpoint(Endpoint::AttachPaymentMethod),
        ..at(60_000, 20)
    };
    let left = super::super::time_left(&goal, &pace, snapshot.elapsed_ms, &evening());
    bars.show(&snapshot, &pace, &left);
    // Drawing is limited in time; what is written above them draws them anew for certain.
    screen.line("acct_1BERLIN is parked: access was revoked");
    (paper, screen, bars)
}

#[test]
fn bars_fit_into_eighty_columns() {
    let (paper, _screen, _bars) = after_a_minute(80);
    assert!(paper.text().lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(paper.text(), @r"
    acct_1BERLIN is parked: access was revoked

    customers           [====>                                ]  1,200 / 10,000  12%
    platform customers  [====>                                ]  1,200 / 10,000  12%
    clones              [====>                                ]  1,200 / 10,000  12%
    connected customers [====>                                ]  1,200 / 10,000  12%
    0:01:00, about 8 min left, 60.0 requests/s, 16 in flight
    1,197 migrated, 3 refused, 0 parked, 0 in doubt, 2 rate limited
    now: POST /v1/payment_methods/{payment_method}/attach binds
    ");
}

#[test]
fn bars_fill_two_hundred_columns() {
    let (paper, _screen, _bars) = after_a_minute(200);
    assert!(paper.text().lines().all(|line| line.chars().count() <= 200));
    insta::assert_snapshot!(paper.text(), @r"
    acct_1BERLIN is parked: access was revoked

    customers           [==================>                                                                                                                                          ]  1,200 / 10,000  12%
    platform customers  [==================>                                                                                                                                          ]  1,200 / 10,000  12%
    clones              [==================>                                                                                                                                          ]  1,200 / 10,000  12%
    connected customers [==================>                                                                                                                                          ]  1,200 / 10,000  12%
    0:01:00, about 8 min left, 60.0 requests/s, 16 in flight
    1,197 migrated, 3 refused, 0 parked, 0 in doubt, 2 rate limited
    now: POST /v1/payment_methods/{payment_method}/attach binds
    ");
}

#[test]
fn at_the_end_the_bars_go_and_what_was_said_stays() {
    let (paper, screen, bars) = after_a_minute(80);
    bars.clear(&screen);
    screen.line("Finished.");
    insta::assert_snapshot!(paper.text(), @r"
    acct_1BERLIN is parked: access was revoked
    Finished.
    ");
}

#[test]
fn an_echoed_ctrl_c_leaves_no_half_of_a_bar_behind() {
    let (paper, screen, bars) = after_a_minute(80);
    paper.write_str("^C").unwrap();
    screen.line("Stopping.");
    bars.clear(&screen);
    screen.line("Finished.");
    insta::assert_snapshot!(paper.text(), @"
    acct_1BERLIN is parked: access was revoked

    Stopping.
    Finished.
    ");
}

#[test]
fn colour_marks_what_needs_somebody() {
    let snapshot = Snapshot {
        migrated: 1,
        refused: 2,
        ..Snapshot::default()
    };
    let look = Look {
        colour: true,
        width: 80,
    };
    insta::assert_snapshot!(outcomes_line(&snapshot, look).escape_debug().to_string(), @r"\u{1b}[38;5;28m1 migrated\u{1b}[0m, \u{1b}[38;5;160m2 refused\u{1b}[0m, 0 parked, 0 in doubt, 0 rate limited");
}

/// Draws on the real terminal, to be looked at: `cargo test --lib look_at_the_bars -- --ignored --nocapture`.
#[test]
#[ignore = "for a person's eyes"]
#[expect(clippy::disallowed_methods, reason = "a person watches it")]
fn look_at_the_bars() {
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(80);
    let settings = Settings {
        terminal_width: Some(width),
        ..Settings::default()
    };
    let screen = Screen::new(settings);
    let mut progress = super::super::Progress::new(&screen, &plan(), evening());
    for tenth in 0..=150 {
        let refused = u64::from(tenth > 50) * 3;
        let snapshot = at(tenth * 100, 300);
        progress.update(&Snapshot {
            refused,
            rate_limited: tenth / 50,
            ..snapshot
        });
        if tenth == 75 {
            progress.note("Ctrl-C: finishing 16 requests in flight; press again to stop at once");
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    progress.finish();
    screen.line("Finished.");
}
