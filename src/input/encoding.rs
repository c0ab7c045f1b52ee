//! From bytes as they come to UTF-8: what the first bytes show, and a reader that converts.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// A character encoding, by a label of the Encoding Standard (<https://encoding.spec.whatwg.org/#names-and-labels>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    pub(super) const UTF_8: Self = Self(UTF_8);
    pub(super) const WINDOWS_1252: Self = Self(WINDOWS_1252);
    pub(super) const UTF_16LE: Self = Self(UTF_16LE);
    pub(super) const UTF_16BE: Self = Self(UTF_16BE);

    /// Of such a label, as in `utf-8`, `latin1`, `windows-1252`, `utf-16le`, `shift_jis`.
    pub fn named(label: &str) -> Option<Self> {
        encoding_rs::Encoding::for_label(label.as_bytes()).map(Self)
    }

    /// Its name, as people know it.
    pub fn name(self) -> &'static str {
        match self.0.name() {
            "windows-1252" => "Windows-1252",
            name => name,
        }
    }

    /// Converts to UTF-8. What is no character in it becomes U+FFFD.
    pub(super) fn decode(self, source: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Decoded {
            source,
            decoder: self.0.new_decoder_without_bom_handling(),
            raw: vec![0; CHUNK_BYTES],
            raw_start: 0,
            raw_end: 0,
            at_end: false,
            finished: false,
            spare: Vec::new(),
        })
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom("it is no encoding"))
    }
}

struct Decoded {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    at_end: bool,
    /// The decoder gave all, and must not be asked again.
    finished: bool,
    /// Text that did not fit where it was wanted: a character has up to four bytes.
    spare: Vec<u8>,
}

/// Less room than this may hold no character, so the decoder is given some of its own.
const ROOM_MIN: usize = 16;

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.spare.is_empty() && buffer.len() >= ROOM_MIN {
            return self.decode(buffer);
        }
        if self.spare.is_empty() {
            let mut room = [0; ROOM_MIN];
            let count = self.decode(&mut room)?;
            self.spare.extend(room.iter().take(count));
        }
        let count = self.spare.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.spare.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl Decoded {
    /// Some text; none at the end.
    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.finished {
            if self.raw_start == self.raw_end && !self.at_end {
                self.raw_start = 0;
                self.raw_end = self.source.read(&mut self.raw)?;
                self.at_end = self.raw_end == 0;
            }
            let raw = self
                .raw
                .get(self.raw_start..self.raw_end)
                .unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, buffer, self.at_end);
            self.raw_start += read;
            self.finished = self.at_end && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

/// UTF-16, by its mark, or by the NUL that every second byte of Latin text in it is. UTF-32 is told, and not read.
pub(super) fn wide(chunk: &[u8]) -> Option<Result<Encoding, &'static str>> {
    match chunk {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some(Err("UTF-32")),
        [0xff, 0xfe, ..] => return Some(Ok(Encoding::UTF_16LE)),
        [0xfe, 0xff, ..] => return Some(Ok(Encoding::UTF_16BE)),
        _ => {}
    }
    // Of Latin text, every other byte is NUL; of programs and images, bytes on both sides are.
    let beginning = chunk.get(..256).unwrap_or(chunk);
    let nuls_at = |parity: usize| {
        let half = beginning.iter().skip(parity).step_by(2);
        half.filter(|byte| **byte == 0).count()
    };
    let most = beginning.len() / 4;
    match (nuls_at(0), nuls_at(1)) {
        (nuls, 0) if nuls > most => Some(Ok(Encoding::UTF_16BE)),
        (0, nuls) if nuls > most => Some(Ok(Encoding::UTF_16LE)),
        _ => None,
    }
}

/// What bytes above 127 show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// There is none.
    Nothing,
    /// Some are UTF-8. Single cells may be damaged all the same.
    Utf8,
    /// Not one of them is part of UTF-8.
    SingleBytes,
}

/// Looks at a stretch of text, which may end within a character.
pub(super) fn shown(text: &[u8]) -> Shown {
    let mut shown = Shown::Nothing;
    let mut rest = text;
    loop {
        let (valid, tail) = match std::str::from_utf8(rest) {
            Ok(_) => (rest, None),
            Err(error) => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                (
                    valid,
                    error.error_len().and_then(|length| tail.get(length..)),
                )
            }
        };
        if !valid.is_ascii() {
            return Shown::Utf8;
        }
        let Some(tail) = tail else { return shown };
        shown = Shown::SingleBytes;
        rest = tail;
    }
}

/// A file that is plain for so long is taken for UTF-8; to read a gigabyte twice for it would take too long.
const LOOKED_AT_BYTES: u64 = 64 * 1024 * 1024;

/// Reads on until bytes above 127 show what the text is in.
pub(super) fn look(source: &mut dyn Read) -> io::Result<Shown> {
    let source = &mut source.take(LOOKED_AT_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match source.read(&mut chunk) {
            Ok(0) => return Ok(Shown::Nothing),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let text = chunk.get(..count).unwrap_or_default();
        if text.is_ascii() {
            continue;
        }
        // A character may be cut off by the chunk's end, so what follows is looked at with it.
        let mut stretch = text.to_vec();
        let more = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        source.take(more).read_to_end(&mut stretch)?;
        return Ok(shown(&stretch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, and takes them the same way.
    fn decoded(encoding: Encoding, bytes: &[u8], step: usize) -> Vec<u8> {
        let mut reader = encoding.decode(Box::new(io::Cursor::new(bytes.to_vec())));
        let (mut all, mut some) = (Vec::new(), vec![0; step]);
        loop {
            match reader.read(&mut some).unwrap() {
                0 => return all,
                count => all.extend(&some[..count]),
            }
        }
    }

    #[test]
    fn text_comes_whole_whatever_room_it_is_given() {
        let text = "legacy_id,name\n1,Zoë €𝄞\n".repeat(5_000);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for step in [1, 3, 17, 4_096, 100_000] {
            assert!(
                decoded(Encoding::UTF_16LE, &wide, step) == text.as_bytes(),
                "{step}"
            );
        }
        assert_eq!(
            decoded(Encoding::WINDOWS_1252, b"M\xfcller \x80", 5),
            "Müller €".as_bytes()
        );
        assert_eq!(
            decoded(Encoding::UTF_16LE, b"a\0b", 5),
            "a\u{fffd}".as_bytes()
        );
    }

    #[test]
    fn bytes_above_127_show_what_a_text_is_in() {
        assert_eq!(shown(b"plain"), Shown::Nothing);
        assert_eq!(shown("Zoë".as_bytes()), Shown::Utf8);
        assert_eq!(shown(b"Zo\xeb, M\xfcller"), Shown::SingleBytes);
        assert_eq!(shown("Zoë, M\u{fc}ller".as_bytes()), Shown::Utf8);
        assert_eq!(shown(b"cut off \xc3"), Shown::Nothing);
        let late = [vec![b'x'; 200_000], b"M\xfcller".to_vec()].concat();
        assert_eq!(look(&mut late.as_slice()).unwrap(), Shown::SingleBytes);
    }
}
