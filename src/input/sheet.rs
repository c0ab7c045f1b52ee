//! An Excel workbook's first sheet as records, row by row.
//!
//! Hazard: Excel keeps 15 digits of a number. What is longer was damaged when it was typed, and is written here so that the checks see it.

#[cfg(feature = "xlsx")]
pub(super) use reading::{is_one, open};

#[cfg(not(feature = "xlsx"))]
pub(super) use without::{is_one, open};

#[cfg(not(feature = "xlsx"))]
mod without {
    use std::path::Path;

    use crate::input::source::Opened;
    use crate::input::wrong_file::Why;

    /// Built without: such a file is refused by its first bytes.
    pub(in crate::input) fn is_one(_: &[u8]) -> bool {
        false
    }

    pub(in crate::input) fn open(_: &Path) -> Result<Opened, Why> {
        Err(Why::Binary)
    }
}

#[cfg(feature = "xlsx")]
mod reading {
    use std::fs::File;
    use std::io::{self, BufReader, BufWriter, PipeReader, PipeWriter, Read};
    use std::path::Path;
    use std::thread::{self, JoinHandle};

    use calamine::{DataRef, Reader as _, Xlsx};

    use crate::input::bytes::Tally;
    use crate::input::records::Records;
    use crate::input::source::{Kind, Opened};
    use crate::input::wrong_file::Why;

    /// The first bytes of a workbook of Excel's newer form, which is a zip archive.
    const WORKBOOK: &[u8] = b"PK\x03\x04";

    /// Whether a file begins as a workbook does.
    pub(in crate::input) fn is_one(beginning: &[u8]) -> bool {
        beginning.starts_with(WORKBOOK)
    }

    type Book = Xlsx<BufReader<File>>;

    /// Reads the first sheet's records, numbered by row, from a thread that goes ahead by a pipe's length: nothing of a workbook
    /// touches a disk before it is known to hold no card number.
    pub(in crate::input) fn open(path: &Path) -> Result<Opened, Why> {
        let mut book: Book =
            Xlsx::new(BufReader::new(File::open(path)?)).map_err(|error| wrong(&error))?;
        let sheets = book.sheet_names();
        let sheet = sheets.first().cloned();
        let sheet = sheet.ok_or_else(|| Why::Workbook("it has no sheet".to_owned()))?;
        // A sheet that cannot be begun is told at once.
        drop(
            book.worksheet_cells_reader(&sheet)
                .map_err(|error| wrong(&error))?,
        );
        let (pipe, into) = io::pipe()?;
        let named = sheet.clone();
        let rows = Rows {
            pipe,
            thread: Some(thread::spawn(move || write(book, &named, into))),
        };
        let bytes: Box<dyn Read + Send> = Box::new(rows);
        Ok(Opened {
            records: Records::numbered(BufReader::with_capacity(64 * 1024, bytes)),
            tally: Tally::of_all(File::open(path)?)?,
            kind: Kind::Workbook {
                sheet,
                sheets: sheets.len(),
            },
        })
    }

    /// Writes each row of a sheet, its number first.
    fn write(mut book: Book, sheet: &str, into: PipeWriter) -> Result<(), Why> {
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(BufWriter::new(into));
        let mut cells = book
            .worksheet_cells_reader(sheet)
            .map_err(|error| wrong(&error))?;
        let width = cells.dimensions().end.1;
        let mut row = Row::new(width);
        while let Some(cell) = cells.next_cell().map_err(|error| wrong(&error))? {
            let (number, column) = cell.get_position();
            if number != row.number {
                row.write(&mut writer)?;
                row.number = number;
            }
            row.put(column, text(cell.get_value()));
        }
        row.write(&mut writer)?;
        Ok(writer.flush()?)
    }

    /// What the thread writes. Where it fails, the reading fails, and does not end as if that were all.
    struct Rows {
        pipe: PipeReader,
        thread: Option<JoinHandle<Result<(), Why>>>,
    }

    impl Read for Rows {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.pipe.read(buffer)?;
            if count == 0
                && !buffer.is_empty()
                && let Some(thread) = self.thread.take()
            {
                let ended = thread.join();
                let ended =
                    ended.map_err(|_| io::Error::other("the thread that reads it broke off"))?;
                ended.map_err(io::Error::other)?;
            }
            Ok(count)
        }
    }

    /// calamine's errors name parts of the archive, and no cell's text, but those that quote what they could not read.
    fn wrong(error: &calamine::XlsxError) -> Why {
        Why::Workbook(match error {
            calamine::XlsxError::Zip(error) => error.to_string(),
            calamine::XlsxError::Io(error) => error.to_string(),
            calamine::XlsxError::FileNotFound(part) => format!("it has no part {part}"),
            calamine::XlsxError::Password => "it is protected by a password".to_owned(),
            _ => "it is damaged".to_owned(),
        })
    }

    /// A row in the making.
    struct Row {
        /// From 0, as calamine counts.
        number: u32,
        cells: Vec<String>,
        /// As wide as the header: cells at the end that were never filled are not in the file.
        width: usize,
    }

    impl Row {
        fn new(last_column: u32) -> Self {
            Self {
                number: 0,
                cells: Vec::new(),
                width: usize::try_from(last_column).unwrap_or(0).min(16_383) + 1,
            }
        }

        fn put(&mut self, column: u32, text: String) {
            let column = usize::try_from(column).unwrap_or(usize::MAX).min(16_383);
            if self.cells.len() <= column {
                self.cells.resize(column + 1, String::new());
            }
            self.cells[column] = text;
        }

        fn write<W: io::Write>(&mut self, writer: &mut csv::Writer<W>) -> io::Result<()> {
            if self.cells.iter().all(String::is_empty) {
                self.cells.clear();
                return Ok(());
            }
            if self.cells.len() < self.width {
                self.cells.resize(self.width, String::new());
            }
            let number = (u64::from(self.number) + 1).to_string();
            let cells = std::iter::once(&number).chain(&self.cells);
            writer.write_record(cells).map_err(io::Error::from)?;
            self.cells.clear();
            Ok(())
        }
    }

    /// A cell as its reader means it.
    fn text(cell: &DataRef<'_>) -> String {
        match cell {
            DataRef::Empty => String::new(),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                text.clone()
            }
            DataRef::SharedString(text) => (*text).to_owned(),
            DataRef::Bool(yes) => yes.to_string(),
            DataRef::Int(number) => number.to_string(),
            DataRef::Float(number) => float(*number),
            DataRef::DateTime(time) => date(time),
            DataRef::Error(error) => error.to_string(),
        }
    }

    /// Whole numbers without a fraction; those beyond 15 digits in the form that shows that digits are lost.
    fn float(number: f64) -> String {
        /// Excel's own precision.
        const EXACT_BELOW: f64 = 1e15;
        if number.abs() >= EXACT_BELOW {
            return format!("{number:E}").replace('E', "E+");
        }
        number.to_string()
    }

    fn date(time: &calamine::ExcelDateTime) -> String {
        let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
        if (hour, minute, second) == (0, 0, 0) {
            return format!("{year:04}-{month:02}-{day:02}");
        }
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}
