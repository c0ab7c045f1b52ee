//! All that happened in a history, folded into one number: two histories with the same number were the same.

/// The fold so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    /// Prints what is folded, for whoever replays one seed.
    spoken: bool,
}

impl Trace {
    pub fn new(spoken: bool) -> Self {
        Self {
            hash: 0xCBF2_9CE4_8422_2325,
            spoken,
        }
    }

    pub fn hash(self) -> u64 {
        self.hash
    }

    /// Folds what happened at a time, in milliseconds since 1970.
    pub fn note(&mut self, at_ms: i64, what: std::fmt::Arguments<'_>) {
        use std::fmt::Write as _;
        self.bytes(&at_ms.to_le_bytes());
        self.write_fmt(what).unwrap_or_default();
        if self.spoken {
            #[expect(clippy::print_stderr, reason = "asked for by whoever replays a seed")]
            {
                eprintln!("{at_ms:>15}  {what}");
            }
        }
    }

    /// FNV-1a.
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

impl std::fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
