//! How the CSV is to be read, and `columns`, which shows how it would be.

use std::path::PathBuf;

use clap::Args;

/// How the CSV is to be read. What is not said is recognised, and printed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct Input {
    /// Which column, or columns, give a field: `email="E-Mail"`, `name="{first_name} {last_name}"`; may be given several times.
    #[arg(long = "column", value_name = "FIELD=HEADER")]
    pub columns: Vec<String>,
    /// A value that a field has on every line; may be given several times.
    #[arg(long = "constant", value_name = "FIELD=VALUE")]
    pub constants: Vec<String>,
    /// A value for lines that leave a field empty; may be given several times.
    #[arg(long = "default", value_name = "FIELD=VALUE")]
    pub defaults: Vec<String>,
    /// A word that means an empty cell, instead of NULL, N/A, - and the like; may be given several times.
    #[arg(long = "null-word", value_name = "WORD")]
    pub null_words: Vec<String>,
    /// What the file comes from: stripe-customers, stripe-import, stripe-import-cards, stripe-copy, stripe-existing, braintree-vault;
    /// or none [default: recognised by the header].
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Add the columns of another file to the lines with the same key; KEY is its column, ON the field or the column of the lines
    /// [default: recognised]; may be given several times.
    #[arg(long = "join", value_name = "FILE[:KEY[=ON]]")]
    pub joins: Vec<String>,
    /// What the file is encoded in, as in windows-1252, utf-16le [default: recognised].
    #[arg(long, value_name = "LABEL")]
    pub encoding: Option<String>,
    /// What stands between the columns: comma, semicolon, tab, bar, or one character [default: recognised].
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Read the lines of this file, which --problems wrote and a person mended, in place of those that they came from; may be given
    /// several times, the later before the earlier.
    #[arg(long, value_name = "FILE")]
    pub mended: Vec<PathBuf>,
}

/// What `pmclone columns` is for, in full.
const ABOUT_COLUMNS: &str = "\
It reads the header and the first thousand lines, and changes nothing. It shows encoding, separator, how each column would be read, and three values \
of each, masked: letters become x, digits become 9, prefixes of Stripe's ids stay. Nothing personal is printed.

With -o it writes a starting pmclone.toml: what each column gives, with a line to fill in for each that could not be told. An existing file is not \
replaced. Then:

  pmclone columns customers.csv -o pmclone.toml
  (edit pmclone.toml)
  pmclone run customers.csv --dry-run

A file in which card numbers are found is refused, here as everywhere.";

/// `pmclone columns`.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT_COLUMNS)]
pub struct Columns {
    /// The file to look at.
    pub csv: PathBuf,
    /// Write a starting pmclone.toml to this file, which must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How it is to be read.
    #[command(flatten)]
    pub input: Input,
}
