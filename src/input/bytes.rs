//! From a path to bytes of UTF-8: opens, counts, digests, unpacks, converts, and recognises what is not text in columns.
//!
//! ```text
//! file ─▶ counted and digested ─▶ unpacked (gzip) ─▶ converted (UTF-16, Windows-1252, …) ─▶ without its mark
//! └────────────────── a thread of its own, a few chunks ahead ──────────────────┘
//! ```
//!
//! Hazard: opening a pipe waits for its writer and `/dev/zero` never ends, so only regular files are opened.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::ahead::Ahead;
use super::encoding::{self, Encoding, Shown};
use super::wrong_file::Why;

/// Bytes read at a time, and looked at to recognise the file.
const CHUNK_BYTES: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const GZIP: &[u8] = b"\x1f\x8b";

/// A file's text, a chunk at a time.
pub(super) type Bytes = BufReader<Box<dyn Read + Send>>;

/// How many bytes were read of the file itself, and their digest.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Mutex<(u64, Sha256)>>);

impl Tally {
    fn add(&self, bytes: &[u8]) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.0 += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        tally.1.update(bytes);
    }

    /// Reads a whole file.
    pub(super) fn of_all(mut source: impl Read) -> io::Result<Self> {
        let tally = Self::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match source.read(&mut chunk) {
                Ok(0) => return Ok(tally),
                Ok(count) => tally.add(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// The digest of what has been read so far, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = tally.1.clone().finalize();
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        digits.fold(String::new(), |hex, two| hex + &two)
    }
}

/// Counts and digests all that is read through it.
struct Counted {
    source: Box<dyn Read + Send>,
    tally: Tally,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.tally.add(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// A file's text, and what was found out about it.
pub(super) struct Text {
    pub(super) bytes: Bytes,
    pub(super) tally: Tally,
    pub(super) form: Form,
}

/// In what form a file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) encoding: Encoding,
    /// Whether the encoding was guessed from bytes above 127, rather than said or marked.
    pub(super) assumed: bool,
    pub(super) marked: bool,
    pub(super) packed: bool,
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

/// Looks at the first chunk, unpacks and converts what has to be, steps over a byte order mark, and refuses what is no text.
/// `again` opens the same file from its beginning, where that can be done: where the first chunk is plain, the rest is looked at.
pub(super) fn begin(
    source: Box<dyn Read + Send>,
    again: Option<&dyn Fn() -> io::Result<Box<dyn Read + Send>>>,
    asked: Option<Encoding>,
    ahead: bool,
) -> Result<Text, Why> {
    let tally = Tally::default();
    let counted = Counted {
        source,
        tally: tally.clone(),
    };
    let (mut chunk, mut source) = first_chunk(Box::new(counted))?;
    let packed = chunk.starts_with(GZIP);
    if packed {
        (chunk, source) = first_chunk(Box::new(MultiGzDecoder::new(source)))?;
    }
    let mut form = recognise(&chunk, asked)?;
    form.packed = packed;
    if form.assumed
        && form.encoding == Encoding::UTF_8
        && chunk.is_ascii()
        && let Some(again) = again
    {
        form.encoding = look_at_all(again, packed)?;
    }
    if form.encoding != Encoding::UTF_8 {
        source = form.encoding.decode(source);
    }
    if ahead {
        source = Box::new(Ahead::of(source)?);
    }
    let mut bytes = BufReader::with_capacity(CHUNK_BYTES, source);
    fill(&mut bytes)?;
    form.marked = bytes.buffer().starts_with(BYTE_ORDER_MARK);
    if form.marked {
        bytes.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Text { bytes, tally, form })
}

type Source = Box<dyn Read + Send>;

fn first_chunk(mut source: Source) -> io::Result<(Vec<u8>, Source)> {
    let mut chunk = Vec::new();
    let whole_chunk = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    source.by_ref().take(whole_chunk).read_to_end(&mut chunk)?;
    let all = Box::new(Cursor::new(chunk.clone()).chain(source));
    Ok((chunk, all))
}

fn look_at_all(again: &dyn Fn() -> io::Result<Source>, packed: bool) -> io::Result<Encoding> {
    let mut source = again()?;
    if packed {
        source = Box::new(MultiGzDecoder::new(source));
    }
    Ok(match encoding::look(&mut source)? {
        Shown::Nothing | Shown::Utf8 => Encoding::UTF_8,
        Shown::SingleBytes => Encoding::WINDOWS_1252,
    })
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

pub(super) const OFFICE: &str = "open it in the spreadsheet and save it as \"CSV UTF-8\"";
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
    (GZIP, "a gzip archive within another", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"SQLite format 3\0", "a SQLite database", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"%PDF-", "a PDF", EXPORT),
];

/// What the file is in, by its first bytes.
fn recognise(chunk: &[u8], asked: Option<Encoding>) -> Result<Form, Why> {
    if let Some((_, format, remedy)) = MAGIC.iter().find(|(magic, ..)| chunk.starts_with(magic)) {
        return Err(Why::OtherFormat { format, remedy });
    }
    let form = |encoding, assumed| Form {
        encoding,
        assumed,
        marked: false,
        packed: false,
    };
    if let Some(asked) = asked {
        return Ok(form(asked, false));
    }
    match encoding::wide(chunk) {
        Some(Ok(wide)) => return Ok(form(wide, false)),
        Some(Err(other)) => return Err(Why::WideText(other)),
        None => {}
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
    let marked = text.len() < chunk.len();
    Ok(match encoding::shown(text) {
        Shown::SingleBytes if !marked => form(Encoding::WINDOWS_1252, true),
        Shown::Nothing | Shown::Utf8 | Shown::SingleBytes => form(Encoding::UTF_8, !marked),
    })
}

/// The first bytes of a regular file that are no blanks.
pub(super) fn beginning(path: &Path) -> Result<Vec<u8>, Why> {
    let mut chunk = Vec::new();
    open(path)?.take(4096).read_to_end(&mut chunk)?;
    let text = chunk.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&chunk);
    Ok(text.trim_ascii_start().to_vec())
}

/// One control character in twenty: random bytes have more than two, a damaged text has fewer.
fn is_binary(text: &[u8]) -> bool {
    let control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let controls = text.iter().filter(control).count();
    controls >= 8 && controls * 20 > text.len()
}
