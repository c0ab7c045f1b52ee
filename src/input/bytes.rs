//! From a path to bytes of UTF-8: opens, counts, digests, and recognises what is not a CSV file in UTF-8.
//!
//! Hazard: opening a pipe waits for its writer and `/dev/zero` never ends, so only regular files are opened.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Cursor, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::wrong_file::Why;

/// Bytes read at a time, and looked at to recognise the file.
const CHUNK_BYTES: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's bytes, a chunk at a time.
pub(super) type Bytes = BufReader<Counted>;

/// Counts and digests all that is read through it.
pub(super) struct Counted {
    source: Box<dyn Read + Send>,
    sha256: Sha256,
    bytes: u64,
}

impl Counted {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest of what has been read so far, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        let digest = self.sha256.clone().finalize();
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        digits.fold(String::new(), |hex, two| hex + &two)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.sha256.update(buffer.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Why> {
    if path == Path::new("-") {
        return Err(Why::StandardInput);
    }
    require_regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Asked again of what was opened: the path may name something else by now.
    require_regular(&file.metadata()?)?;
    Ok(Box::new(file))
}

fn require_regular(metadata: &fs::Metadata) -> Result<(), Why> {
    match metadata.file_type() {
        kind if kind.is_dir() => Err(Why::Directory),
        kind if kind.is_file() => Ok(()),
        _ => Err(Why::NotRegular),
    }
}

/// Looks at the first chunk, steps over a byte order mark (and says whether there was one), refuses what is not text in UTF-8.
pub(super) fn begin(mut source: Box<dyn Read + Send>) -> Result<(Bytes, bool), Why> {
    let mut chunk = Vec::new();
    let whole_chunk = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    source.by_ref().take(whole_chunk).read_to_end(&mut chunk)?;
    recognise(&chunk)?;
    let marked = chunk.starts_with(BYTE_ORDER_MARK);
    let counted = Counted {
        source: Box::new(Cursor::new(chunk).chain(source)),
        sha256: Sha256::new(),
        bytes: 0,
    };
    let mut bytes = BufReader::with_capacity(CHUNK_BYTES, counted);
    if marked {
        bytes.read_exact(&mut [0; BYTE_ORDER_MARK.len()])?;
    }
    Ok((bytes, marked))
}

/// The bytes at hand, none at the end of the file. A signal in between is no failure.
pub(super) fn fill(bytes: &mut Bytes) -> io::Result<&[u8]> {
    while bytes.buffer().is_empty() {
        match bytes.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes.buffer())
}

const OFFICE: &str = "open it in the spreadsheet and save it as \"CSV UTF-8\"";
const UNPACK: &str = "unpack it first and name the CSV file inside";
const EXPORT: &str = "export it as CSV";

/// First bytes by which formats are known (each from the format's own specification).
const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "an Excel workbook or a zip archive", OFFICE),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook",
        OFFICE,
    ),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"SQLite format 3\0", "a SQLite database", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"%PDF-", "a PDF", EXPORT),
];

fn recognise(chunk: &[u8]) -> Result<(), Why> {
    if let Some((_, format, remedy)) = MAGIC.iter().find(|(magic, ..)| chunk.starts_with(magic)) {
        return Err(Why::OtherFormat { format, remedy });
    }
    if let Some(encoding) = wide_text(chunk) {
        return Err(Why::WideText(encoding));
    }
    let text = chunk.strip_prefix(BYTE_ORDER_MARK).unwrap_or(chunk);
    match text.trim_ascii_start().first() {
        None if chunk.len() < CHUNK_BYTES => return Err(Why::Empty),
        Some(b'{' | b'[') => {
            let (format, remedy) = ("JSON", EXPORT);
            return Err(Why::OtherFormat { format, remedy });
        }
        Some(b'<') => {
            let (format, remedy) = ("a web page or XML", EXPORT);
            return Err(Why::OtherFormat { format, remedy });
        }
        _ => {}
    }
    if is_binary(text) {
        return Err(Why::Binary);
    }
    if is_single_byte_text(text) {
        return Err(Why::NotUtf8);
    }
    Ok(())
}

/// UTF-16 and UTF-32, by their mark, or by the NUL that every second byte of Latin text in UTF-16 is.
fn wide_text(chunk: &[u8]) -> Option<&'static str> {
    match chunk {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some("UTF-16"),
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
        (nuls, 0) if nuls > most => Some("UTF-16BE"),
        (0, nuls) if nuls > most => Some("UTF-16LE"),
        _ => None,
    }
}

/// One control character in twenty: random bytes have more than two, a damaged text has fewer.
fn is_binary(text: &[u8]) -> bool {
    let control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let controls = text.iter().filter(control).count();
    controls >= 8 && controls * 20 > text.len()
}

/// Bytes above 127, and not one of them part of UTF-8. A single bad cell in a file of good ones is a problem of its line.
fn is_single_byte_text(text: &[u8]) -> bool {
    let mut invalid = false;
    let mut rest = text;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => return invalid && valid.is_ascii(),
            Err(error) => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                // Cut off by the chunk's end, not invalid.
                let Some(length) = error.error_len() else {
                    return invalid && valid.is_ascii();
                };
                if !valid.is_ascii() {
                    return false;
                }
                invalid = true;
                rest = tail.get(length..).unwrap_or_default();
            }
        }
    }
}
