//! PURE. Numbers, durations and texts as people read them.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::time::StripeTime;

/// `1,234,567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 customer`, `2 customers`, for nouns that take an s.
pub fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(n))
}

/// A duration, rounded up to what is worth saying: `45 s`, `4 min`, `2 h 10 min`, `3 d 4 h`.
pub fn duration(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    let minutes = seconds.div_ceil(MINUTE);
    let hours = seconds.div_ceil(HOUR);
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=3540 => format!("{minutes} min"),
        3541..=86340 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(seconds.max(DAY) / DAY, "d", hours % 24, "h"),
    }
}

/// Time that passed, as a clock shows it: `0:04:07`.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Whole percent, rounded down, so that 100% is said only when all is done; `<1%` where rounding would hide what there is.
pub fn percent(part: u64, whole: u64) -> String {
    match u128::from(part.min(whole)) * 100 / u128::from(whole.max(1)) {
        _ if whole == 0 => "100%".to_owned(),
        0 if part > 0 => "<1%".to_owned(),
        percent => format!("{percent}%"),
    }
}

/// Tenths of something as `3.4`; without the tenth from a hundred on.
pub fn tenths(tenths: u64) -> String {
    if tenths < 1000 {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        number((tenths + 5) / 10)
    }
}

/// `2026-10-01 12:00 UTC`.
pub fn minute(at: StripeTime) -> String {
    Timestamp::from_second(at.0).map_or_else(
        |_| "at an unknown time".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// `2026-10-01T12:00:09Z`.
pub fn second(at: StripeTime) -> String {
    Timestamp::from_second(at.0).map_or_else(
        |_| "at an unknown time".to_owned(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// The text without what a terminal would obey: control characters and those that turn the writing direction.
pub fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if obeyed(c) { ' ' } else { c })
        .collect()
}

/// At most `chars` characters, the last three being `...` where something was left out.
pub fn shorten(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// Breaks between words so that no line is over `width` columns where words allow it; each line begins with `indent`.
pub fn wrap(text: &str, indent: &str, width: u16) -> String {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        let is_first = line.len() == indent.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > usize::from(width) {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

/// A line as a terminal of `width` columns shows it best: not broken within a word or an id. What goes on stands deeper than it
/// began. A line that fits stays as it is, and so does one with a command: half of one, copied, would be another command.
pub fn fold(line: &str, width: u16) -> Cow<'_, str> {
    let width = usize::from(width);
    if line.chars().count() <= width || line.contains("pmclone ") || line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let deep = line.len() - line.trim_start_matches(' ').len() + 2;
    let (mut folded, mut used) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let columns = word.trim_end().chars().count();
        if used > deep && used + columns > width {
            folded.truncate(folded.trim_end().len());
            folded += "\n";
            folded += &" ".repeat(deep);
            used = deep;
        }
        folded += word;
        used += word.chars().count();
    }
    folded.into()
}

/// The word as a POSIX shell takes it.
pub fn quoted(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "._-/=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        word.to_owned()
    } else {
        format!("'{}'", plain(word).replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_separators() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ];
        for (n, text) in cases {
            assert_eq!(number(n), text);
        }
        assert_eq!(
            (count(1, "call"), count(0, "call")),
            ("1 call".into(), "0 calls".into())
        );
    }

    #[test]
    fn durations_are_rounded_up_to_what_is_worth_saying() {
        let cases = [
            (0, "0 s"),
            (90, "90 s"),
            (91, "2 min"),
            (3540, "59 min"),
            (3541, "1 h"),
            (7800, "2 h 10 min"),
            (86_340, "23 h 59 min"),
            (86_341, "1 d"),
            (86_400 + 3600, "1 d 1 h"),
            (3 * 86_400 + 4 * 3600, "3 d 4 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
        assert_eq!(clock(3_723_999), "1:02:03");
    }

    #[test]
    fn a_hundred_percent_is_said_only_when_all_is_done() {
        assert_eq!(percent(9999, 10_000), "99%");
        assert_eq!(percent(10_000, 10_000), "100%");
        assert_eq!(percent(0, 0), "100%");
        assert_eq!(
            (percent(0, 9), percent(1, 900)),
            ("0%".into(), "<1%".into())
        );
        assert_eq!(
            (tenths(384), tenths(5), tenths(12_340)),
            ("38.4".into(), "0.5".into(), "1,234".into())
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(plain("a\x1b[31mb\u{202e}c\n"), "a [31mb c ");
    }

    #[test]
    fn long_texts_are_wrapped_and_shortened() {
        assert_eq!(
            wrap("one two three four", "  ", 10),
            "  one two\n  three\n  four"
        );
        assert_eq!(wrap("", "  ", 10), "  ");
        assert_eq!(
            (shorten("abcdefgh", 6), shorten("abc", 6)),
            ("abc...".into(), "abc".into())
        );
    }

    #[test]
    fn a_line_is_folded_between_words_and_a_command_is_left_whole() {
        let line = "= c1 the platform        cus_1 left: holds 1 source card";
        assert_eq!(fold(line, 80), line);
        assert_eq!(fold(line, 56), line);
        assert_eq!(
            fold(line, 40),
            "= c1 the platform        cus_1 left:\n  holds 1 source card"
        );
        assert_eq!(fold("  a bc def", 8), "  a bc\n    def");
        assert_eq!(fold("pm_longer_than_wide", 8), "pm_longer_than_wide");
        let command = "go on: pmclone undo --dry-run";
        assert_eq!(fold(command, 20), command);
    }

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(quoted("dir/pmclone.db"), "dir/pmclone.db");
        assert_eq!(quoted("it's my.db"), r"'it'\''s my.db'");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(minute(StripeTime(1_790_856_000)), "2026-10-01 12:00 UTC");
        assert_eq!(minute(StripeTime(i64::MAX)), "at an unknown time");
    }
}
