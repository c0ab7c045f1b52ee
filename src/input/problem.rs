//! What is wrong with a line: all of it in one pass, each with its place, its kind and its remedy.
//!
//! Hazard: a problem is printed, logged and mailed around, so its texts never hold what a cell says of a person. Ids
//! are not personal and are shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// One thing that is wrong, or odd, with one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The physical line that the record begins on; the header is line 1.
    pub line: u64,
    /// The column as the header names it, its number where the header has no fit name, or empty for the whole line.
    pub column: String,
    /// What kind it is, by a name that stays.
    pub kind: ProblemKind,
    /// Whether the import can go on with it; follows from `kind`.
    pub severity: Severity,
    /// What was found: a clause that holds no personal value.
    pub what: String,
    /// What to do: a clause in the imperative.
    pub remedy: String,
    /// The earlier line that this one is at odds with, where there is one.
    pub other_line: Option<u64>,
}

/// Whether the import can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The line cannot be taken as it stands.
    Error,
    /// The line is taken; someone should know.
    Warning,
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident;)+) => {
        /// The kinds of problems. Their names are stable: scripts may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)+
        }

        impl ProblemKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The stable `snake_case` name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// Whether the import can go on with a problem of this kind.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)+ }
            }
        }
    };
}

problem_kinds! {
    /// A header that is almost the name of a column that the file lacks.
    MisspelledColumn = "misspelled_column", Error;
    /// A header that names nothing known: the column is not read.
    UnknownColumn = "unknown_column", Warning;
    /// A column of a field that something else gives: it is not read.
    ColumnNotRead = "column_not_read", Warning;
    /// A `metadata.KEY` header whose key Stripe would refuse.
    InvalidMetadataKey = "invalid_metadata_key", Error;
    /// A `metadata.KEY` header whose key is one of the markers that pmclone writes itself.
    ReservedMetadataKey = "reserved_metadata_key", Error;
    /// A line that fills more metadata than there is room for.
    TooMuchMetadata = "too_much_metadata", Error;
    /// Fewer cells than the header has.
    TooFewCells = "too_few_cells", Error;
    /// More cells than the header has.
    TooManyCells = "too_many_cells", Error;
    /// A quoted cell that the file ends in.
    UnclosedQuote = "unclosed_quote", Error;
    /// Bytes that are not UTF-8.
    InvalidUtf8 = "invalid_utf8", Error;
    /// NUL or another control character, or a line break where none can be.
    ControlCharacter = "control_character", Error;
    /// No `legacy_id`.
    MissingLegacyId = "missing_legacy_id", Error;
    /// A `legacy_id` that cannot become a metadata value.
    InvalidLegacyId = "invalid_legacy_id", Error;
    /// Not an e-mail address.
    InvalidEmail = "invalid_email", Error;
    /// Longer than Stripe takes it.
    TextTooLong = "text_too_long", Error;
    /// Neither a country's code nor its name.
    InvalidCountry = "invalid_country", Error;
    /// Neither yes nor no.
    InvalidBoolean = "invalid_boolean", Error;
    /// A number that a spreadsheet rounded.
    RoundedNumber = "rounded_number", Error;
    /// What a spreadsheet writes where a formula failed.
    SpreadsheetError = "spreadsheet_error", Error;
    /// Characters that were lost or mixed up when the text was converted.
    DamagedText = "damaged_text", Warning;
    /// An id of one kind in a column of another.
    MisplacedId = "misplaced_id", Error;
    /// Not an id of Stripe's.
    InvalidId = "invalid_id", Error;
    /// The same id twice in one cell.
    RepeatedInCell = "repeated_in_cell", Warning;
    /// Accounts are named and no `PaymentMethod` is.
    NoPaymentMethod = "no_payment_method", Warning;
    /// `PaymentMethods` are named and no account is.
    NoConnectedAccount = "no_connected_account", Warning;
    /// A `legacy_id` that is the id of a Customer at Stripe, where none is to be adopted.
    LegacyIdOfStripe = "legacy_id_of_stripe", Warning;
    /// No line of a joined file has the line's key.
    NotInJoinedFile = "not_in_joined_file", Warning;
    /// More lines of joined files than can be meant have the line's key.
    TooManyJoined = "too_many_joined", Error;
    /// A line that was mended and is not the file's own any more.
    MendedElsewhere = "mended_elsewhere", Error;
    /// Two customers have the same e-mail address.
    SameEmail = "same_email", Warning;
    /// A `src_…`, which Stripe does not clone.
    CannotBeCloned = "cannot_be_cloned", Warning;
    /// Two lines of a customer give different contact details or metadata.
    ConflictingDetails = "conflicting_details", Error;
    /// Two lines of a customer name different defaults.
    TwoDefaults = "two_defaults", Error;
    /// Two lines of a customer name different platform Customers.
    TwoPlatformCustomers = "two_platform_customers", Error;
    /// The default is none of the customer's `PaymentMethods`.
    DefaultNotAmongSources = "default_not_among_sources", Error;
    /// Two customers name the same `PaymentMethod`.
    PaymentMethodOfTwoCustomers = "payment_method_of_two_customers", Error;
    /// Two customers name the same platform Customer.
    PlatformCustomerOfTwoCustomers = "platform_customer_of_two_customers", Error;
    /// A mended line of a customer that the state file does not have.
    UnknownCustomer = "unknown_customer", Error;
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}; {} [{}]", self.what, self.remedy, self.kind)
    }
}

impl Problem {
    /// A problem of one line on its own. `column` is empty when the whole line is meant.
    pub fn new(
        line: u64,
        column: &str,
        kind: ProblemKind,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            line,
            column: column.to_owned(),
            kind,
            severity: kind.severity(),
            what: what.into(),
            remedy: remedy.into(),
            other_line: None,
        }
    }
}

/// All problems of one import: every one is counted, the first of each kind are kept in full.
///
/// Kept per kind, so that a million lines without an account do not hide the one with a misplaced id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    counts: BTreeMap<ProblemKind, u64>,
    kept: Vec<Problem>,
    keep_per_kind: u64,
}

impl Default for Problems {
    fn default() -> Self {
        Self::keeping(Self::KEEP_PER_KIND)
    }
}

impl Problems {
    /// More than anyone reads of one kind; some 10 MB when every kind is full.
    pub const KEEP_PER_KIND: u64 = 1_000;

    /// Keeps the first `per_kind` of each kind in full and counts the rest.
    pub fn keeping(per_kind: u64) -> Self {
        Self {
            counts: BTreeMap::new(),
            kept: Vec::new(),
            keep_per_kind: per_kind,
        }
    }

    /// Takes one more.
    pub fn add(&mut self, problem: Problem) {
        let count = self.counts.entry(problem.kind).or_default();
        *count += 1;
        if *count <= self.keep_per_kind {
            self.kept.push(problem);
        }
    }

    /// The problems of both; of each kind, the first by line are kept.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        self.kept.extend(other.kept);
        self.kept.sort_by_key(|problem| problem.line);
        let mut kept_of = BTreeMap::<_, u64>::new();
        self.kept.retain(|problem| {
            let kept = kept_of.entry(problem.kind).or_default();
            *kept += 1;
            *kept <= self.keep_per_kind
        });
        self
    }

    /// How many there are of each kind, of those that there are.
    pub fn counts(&self) -> impl Iterator<Item = (ProblemKind, u64)> + '_ {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// How many there are of one severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts()
            .filter(|(kind, _)| kind.severity() == severity)
            .map(|(_, count)| count)
            .sum()
    }

    /// How many stand against the import.
    pub fn errors(&self) -> u64 {
        self.count(Severity::Error)
    }

    /// How many someone should know of.
    pub fn warnings(&self) -> u64 {
        self.count(Severity::Warning)
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many are counted but not kept.
    pub fn not_kept(&self) -> u64 {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        (self.errors() + self.warnings()).saturating_sub(kept)
    }

    /// Those that are kept, in the order found.
    pub(super) fn take(self) -> Vec<Problem> {
        self.kept
    }

    /// Those that are kept, by line; within a line, in the order found.
    pub fn by_line(&self) -> Vec<&Problem> {
        let mut sorted: Vec<&Problem> = self.kept.iter().collect();
        sorted.sort_by_key(|problem| problem.line);
        sorted
    }
}

/// One line for each that is kept, by line, and one for those that are not.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.by_line() {
            writeln!(f, "{}: {problem}", problem.severity)?;
        }
        match self.not_kept() {
            0 => Ok(()),
            more => writeln!(f, "and {more} more of the same kinds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: u64, kind: ProblemKind) -> Problem {
        Problem::new(line, "email", kind, "has no @", "correct it")
    }

    #[test]
    fn names_of_kinds_are_distinct_and_equal_to_what_json_shows() {
        let names: std::collections::BTreeSet<_> =
            ProblemKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn every_problem_counts_but_only_the_first_of_each_kind_are_kept() {
        let mut problems = Problems::keeping(2);
        for line in 2..1_000 {
            problems.add(problem(line, ProblemKind::NoConnectedAccount));
        }
        problems.add(problem(7, ProblemKind::InvalidEmail));
        assert_eq!((problems.errors(), problems.warnings()), (1, 998));
        assert_eq!(problems.by_line().len(), 3);
        assert_eq!(problems.not_kept(), 996);
    }

    #[test]
    fn of_the_problems_of_both_the_first_by_line_are_kept() {
        let of = |lines: [u64; 3]| {
            let mut problems = Problems::keeping(2);
            for line in lines {
                problems.add(problem(line, ProblemKind::InvalidEmail));
            }
            problems
        };
        let both = of([3, 8, 9]).and(of([2, 4, 5]));
        let lines: Vec<u64> = both.by_line().iter().map(|each| each.line).collect();
        assert_eq!((lines, both.errors(), both.not_kept()), (vec![2, 3], 6, 4));
    }

    #[test]
    fn problems_read_in_the_order_of_the_file() {
        let mut problems = Problems::default();
        problems.add(problem(9, ProblemKind::InvalidEmail));
        problems.add(Problem::conflicting_details(4, "name", 2));
        insta::assert_snapshot!(problems, @r"
        error: line 4, column name: differs from line 2, which is of the same customer; make the two agree, or leave one of them empty [conflicting_details]
        error: line 9, column email: has no @; correct it [invalid_email]
        ");
    }
}
