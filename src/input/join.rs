//! Files joined by key: each is brought into an indexed temporary SQLite file, which has no name and is gone when closed, so that ten
//! million lines take no memory. A line of the main file becomes one for each line of the joined file that has its key.

mod index;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, params};

use self::index::{Found, Index, pack, unpack};
use super::check::{self, Beside};
use super::columns::{Key, Layout, Side};
use super::fields::{Field, Target};
use super::header::Header;
use super::problem::{Problem, ProblemKind, Problems};
use super::profile::Profile;
use super::reading::Join;
use super::records::Record;
use super::source::{self, Asked, Opened};
use super::template::Template;
use super::words::Nulls;
use super::wrong_file::{Why, WrongFile};

/// Lines that one line may become: more is a key that does not tell customers apart.
const LINES_MAX: usize = 1_000;

/// Page cache of a joined file, in KiB.
const CACHE_KIB: u32 = 64_000;

/// A joined file: opened, and from the first line on indexed.
pub(super) struct Joined {
    path: PathBuf,
    join: Join,
    header: Header,
    profile: Option<Profile>,
    key: Key,
    /// Taken when it is indexed.
    opened: Option<Opened>,
    index: Option<Index>,
}

/// A record extended by lines of joined files.
pub(super) struct Extended {
    pub(super) record: Record,
    pub(super) beside: Vec<Beside>,
}

impl Joined {
    /// Opens it and reads its header. `own` is the header of the lines.
    pub(super) fn open(join: &Join, own: &Header) -> Result<Self, WrongFile> {
        Self::begin(join, own).map_err(|why| why.of(&join.file))
    }

    fn begin(join: &Join, own: &Header) -> Result<Self, Why> {
        let is_known = |name: &str| {
            Target::named(name).is_some()
                || own.find(name).is_some()
                || Profile::all().any(|profile| profile.key().0 == name)
                || join.key.as_deref() == Some(name)
        };
        let mut opened = source::open(
            &join.file,
            Asked {
                encoding: None,
                delimiter: None,
                ahead: false,
                is_known: &is_known,
            },
        )?;
        let header = loop {
            match opened.records.next()? {
                None => return Err(Why::Empty),
                Some(record) if record.is_blank() => {}
                Some(record) => break Header::of(record)?,
            }
        };
        let profile = match header.find("legacy_id") {
            Some(_) => None,
            None => Profile::of_header(&header.names),
        };
        Ok(Self {
            path: join.file.clone(),
            key: key(join, &header, profile, own)?,
            join: join.clone(),
            header,
            profile,
            opened: Some(opened),
            index: None,
        })
    }

    /// What its columns may give.
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            join: &self.join,
            header: &self.header,
            key: self.key.clone(),
            profile: self.profile,
        }
    }

    /// Brings it into its index. `start` is where its columns begin among all.
    fn index(&mut self, layout: &Layout, start: usize, stop: &AtomicBool) -> Result<(), WrongFile> {
        let Some(opened) = self.opened.take() else {
            return Ok(());
        };
        let built = self
            .build(opened, layout, start, stop)
            .map_err(|why| why.of(&self.path))?;
        self.index = Some(built);
        Ok(())
    }

    fn build(
        &self,
        mut opened: Opened,
        layout: &Layout,
        start: usize,
        stop: &AtomicBool,
    ) -> Result<Index, Why> {
        let conn = Connection::open("")?;
        conn.execute_batch(&format!(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KIB};
             CREATE TABLE side (row INTEGER PRIMARY KEY, key TEXT NOT NULL, line INTEGER NOT NULL, cells BLOB NOT NULL) STRICT;
             BEGIN"
        ))?;
        let (mut lines, mut without_key) = (0_u64, 0_u64);
        {
            let mut insert =
                conn.prepare("INSERT INTO side (key, line, cells) VALUES (?1, ?2, ?3)")?;
            let key = Template::column(self.key.column);
            let mut cells = Vec::new();
            while let Some(record) = opened.records.next()? {
                if record.is_blank() {
                    continue;
                }
                if stop.load(Ordering::Relaxed) {
                    return Err(Why::Stopped);
                }
                self.refuse(record, layout, start)?;
                let Ok(key) = key.value(record, &layout.nulls, true) else {
                    return Err(Why::JoinUtf8 { line: record.line });
                };
                if key.is_empty() {
                    without_key += 1;
                    continue;
                }
                lines += 1;
                pack(record, layout, start, self.header.names.len(), &mut cells);
                let line = i64::try_from(record.line).unwrap_or(i64::MAX);
                insert.execute(params![key, line, cells])?;
            }
        }
        conn.execute_batch("CREATE INDEX by_key ON side (key); COMMIT")?;
        Ok(Index {
            conn,
            lines,
            without_key,
            met: Vec::new(),
            last: (String::new(), Vec::new()),
        })
    }

    /// Stops at what passes for a card number, and at lines of another shape than the header's.
    fn refuse(&self, record: &Record, layout: &Layout, start: usize) -> Result<(), Why> {
        let (found, expected) = (record.len(), self.header.names.len());
        for (at, cell) in record.cells().enumerate() {
            let column = layout.columns.get(start + at);
            let own = at < expected && column.is_some_and(|column| column.may_hold_digits);
            if !own && super::card::holds_number(cell) {
                let label = self.header.labels.get(at).cloned();
                return Err(Why::CardNumber {
                    line: record.line,
                    column: label.unwrap_or_else(|| (at + 1).to_string()),
                });
            }
        }
        if found != expected {
            return Err(Why::JoinShape {
                line: record.line,
                found,
                expected,
            });
        }
        Ok(())
    }

    /// What people should know of it at the end.
    pub(super) fn note(&self) -> Option<String> {
        let index = self.index.as_ref()?;
        let met: u32 = index.met.iter().map(|word| word.count_ones()).sum();
        let unmet = index.lines.saturating_sub(u64::from(met));
        let mut note = format!("{}: {} lines", self.path.display(), index.lines);
        if unmet > 0 {
            note = format!("{note}, {unmet} of them with a key that no line has");
        }
        if index.without_key > 0 {
            note = format!("{note}, {} more without a key", index.without_key);
        }
        Some(note)
    }
}

/// Which column is the key, and what it is compared with: as it is said, as a profile says, or by a name that both files have.
fn key(join: &Join, header: &Header, profile: Option<Profile>, own: &Header) -> Result<Key, Why> {
    let legacy_id = || Field::LegacyId.name().to_owned();
    if let Some(name) = &join.key {
        let column = header.find(name).ok_or_else(|| {
            let near = super::fields::nearest(name, header.labels.iter().map(String::as_str));
            let near = near.map(|near| format!("; the nearest is {near:?}"));
            Why::NoColumn(format!(
                "no column {name:?}, which is named as its key{}",
                near.unwrap_or_default()
            ))
        })?;
        let on = join.on.clone().unwrap_or_else(|| {
            let field = Target::named(name).filter(Target::may_hold_digits);
            field.map_or_else(legacy_id, |field| field.name())
        });
        return Ok(Key { column, on });
    }
    if let Some(profile) = profile {
        let (name, field) = profile.key();
        let column = header.find(name).ok_or_else(|| no_key(join))?;
        let on = field.name().to_owned();
        return Ok(Key { column, on });
    }
    for field in [Field::LegacyId, Field::PlatformCustomer] {
        if let Some(column) = header.find(field.name()) {
            let on = field.name().to_owned();
            return Ok(Key { column, on });
        }
    }
    let common = header.names.iter().enumerate();
    let mut common = common.filter(|(_, name)| {
        let is_contact = Target::named(name).is_some_and(|target| !target.may_hold_digits());
        !is_contact && own.find(name).is_some()
    });
    match (common.next(), common.next()) {
        (Some((column, name)), None) => Ok(Key {
            column,
            on: name.clone(),
        }),
        (None, _) | (Some(_), Some(_)) => Err(no_key(join)),
    }
}

fn no_key(join: &Join) -> Why {
    Why::NoKey(join.file.display().to_string())
}

/// A record with the lines of all joined files that have its keys: one for each combination. What is odd goes to `problems`; a record
/// that cannot be meant gives none.
pub(super) fn extend(
    record: &Record,
    (joined, stop): (&mut [Joined], &AtomicBool),
    layout: &Layout,
    problems: &mut Problems,
) -> Result<Vec<Extended>, WrongFile> {
    let mut all = vec![Extended {
        record: record.clone(),
        beside: Vec::new(),
    }];
    let mut start = layout.own;
    for (side, key) in joined.iter_mut().zip(&layout.keys) {
        side.index(layout, start, stop)?;
        let width = side.header.names.len();
        let mut next = Vec::new();
        for each in all {
            let key = lookup_key(&each.record, key, &layout.nulls);
            let found = match (&mut side.index, key.as_deref()) {
                (Some(index), Some(key)) => {
                    let found = index.find(key).map_err(|why| why.of(&side.path));
                    found?.to_vec()
                }
                (None, _) | (_, None) => Vec::new(),
            };
            if found.is_empty() {
                problems.add(not_found(record.line, side, key.is_some()));
            }
            if next.len() + found.len() > LINES_MAX {
                problems.add(too_many(record.line, side));
                return Ok(Vec::new());
            }
            next.extend(extended(&each, &found, start, width));
        }
        all = next;
        start += width;
    }
    Ok(all)
}

fn lookup_key(record: &Record, key: &Template, nulls: &Nulls) -> Option<String> {
    let value = key.value(record, nulls, true).ok()?;
    (!value.is_empty()).then(|| value.into_owned())
}

fn extended(base: &Extended, found: &[Found], start: usize, width: usize) -> Vec<Extended> {
    let with = |cells: &[&[u8]], line: u64| {
        let mut record = base.record.clone();
        for at in 0..width {
            record.push(cells.get(at).copied().unwrap_or_default());
        }
        let mut beside = base.beside.clone();
        beside.push(Beside { start, line });
        Extended { record, beside }
    };
    if found.is_empty() {
        return vec![with(&[], 0)];
    }
    found
        .iter()
        .map(|each| with(&unpack(&each.cells), each.line))
        .collect()
}

fn not_found(line: u64, side: &Joined, has_key: bool) -> Problem {
    let file = side.path.display();
    let what = if has_key {
        format!("no line of {file} has its {}", side.key.on)
    } else {
        format!("has no {} to be looked up in {file}", side.key.on)
    };
    let remedy =
        "add it there if it should be, or check that both files write the key in the same way";
    Problem::new(line, "", ProblemKind::NotInJoinedFile, what, remedy)
}

fn too_many(line: u64, side: &Joined) -> Problem {
    let what = format!(
        "over {LINES_MAX} lines of {} have its {}",
        side.path.display(),
        side.key.on
    );
    let remedy = "join by a column that tells customers apart";
    Problem::new(line, "", ProblemKind::TooManyJoined, what, remedy)
}

/// The lines that a record stands for. Problems of one cell are told once, however many lines it came into.
pub(super) fn lines(
    record: &Record,
    joined: (&mut [Joined], &AtomicBool),
    layout: &Layout,
    problems: &mut Problems,
) -> Result<Vec<crate::legacy::Line>, WrongFile> {
    let all = extend(record, joined, layout, problems)?;
    let mut found = Problems::keeping(u64::MAX);
    let mut lines = Vec::new();
    for each in &all {
        lines.extend(check::line(&each.record, layout, &each.beside, &mut found));
    }
    let failed = found.errors() > 0;
    let mut told: Vec<Problem> = Vec::new();
    for problem in found.take() {
        if !told.contains(&problem) {
            told.push(problem.clone());
            problems.add(problem);
        }
    }
    if failed {
        lines.clear();
    }
    Ok(lines)
}
