//! Sample customers to rehearse with: invented, in many scripts, the same for the same settings.
//!
//! Nothing in it is anyone's: e-mail addresses are in domains reserved for examples (RFC 2606), phone numbers in ranges
//! that their countries keep for fiction. Some ids begin with a word (`pm_declined_…`) that the simulator acts on.

mod places;

use std::io;

use fastrand::Rng;

use self::places::Place;

use crate::legacy::COLUMNS;

/// What to invent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many customers; a few of them take several lines.
    pub customers: u64,
    /// How many connected accounts there are to be asked for; 0 counts as 1. From 20 on, one in twenty is revoked.
    pub accounts: u32,
    /// Another seed gives other customers, ids and accounts.
    pub seed: u64,
}

/// The metadata columns, after [`COLUMNS`].
const METADATA: [&str; 2] = ["metadata.plan", "metadata.since"];

/// Writes the customers as CSV, a line at a time: memory does not grow with their number.
pub fn write(settings: Settings, out: &mut impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS.into_iter().chain(METADATA))
        .map_err(as_io)?;
    let mut inventor = Inventor::new(settings);
    for number in 1..=settings.customers {
        for line in inventor.customer(number).lines() {
            csv.write_record(line).map_err(as_io)?;
        }
    }
    csv.flush()
}

/// The csv crate wraps every error of the output; a reader that has gone must be told from outside.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// One customer before it becomes one line or several.
#[derive(Default)]
struct Customer {
    legacy_id: String,
    /// The contact fields, in the header's order.
    contact: [String; 10],
    adopted: String,
    sources: Vec<String>,
    default: String,
    accounts: Vec<String>,
    metadata: [String; 2],
    layout: Layout,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Layout {
    /// All on one line.
    #[default]
    OneLine,
    /// A line per source; contact fields on each.
    Repeated,
    /// A line per source; contact fields on the first alone.
    OnFirstLine,
}

impl Customer {
    fn lines(&self) -> Vec<Vec<String>> {
        if self.layout == Layout::OneLine {
            return vec![self.line(&self.sources.join(";"), true)];
        }
        let sources = self.sources.iter().enumerate();
        let full = |index| index == 0 || self.layout == Layout::Repeated;
        sources
            .map(|(index, source)| self.line(source, full(index)))
            .collect()
    }

    fn line(&self, sources: &str, full: bool) -> Vec<String> {
        let when_full = |text: &String| if full { text.clone() } else { String::new() };
        let mut line = vec![self.legacy_id.clone()];
        line.extend(self.contact.iter().map(when_full));
        line.push(when_full(&self.adopted));
        line.push(sources.to_owned());
        line.push(when_full(&self.default));
        line.push(self.accounts.join(";"));
        line.extend(self.metadata.iter().map(when_full));
        line
    }
}

struct Inventor {
    settings: Settings,
    rng: Rng,
    places: Vec<Place>,
    /// Ids drawn so far: each is woven into its id, so that no two are the same.
    ids: u64,
}

impl Inventor {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            rng: Rng::with_seed(settings.seed),
            places: places::all(),
            ids: 0,
        }
    }

    fn customer(&mut self, number: u64) -> Customer {
        let sources = self.sources();
        let several = sources.len() > 1;
        let layout = match self.rng.u8(..8) {
            0 if several => Layout::Repeated,
            1 if several => Layout::OnFirstLine,
            _ => Layout::OneLine,
        };
        let named = several && self.one_in(3);
        let default = match self.rng.choice(&sources) {
            Some(source) if named => source.clone(),
            _ => String::new(),
        };
        let adopted = self.one_in(25);
        Customer {
            legacy_id: format!("cust-{number:08}"),
            contact: self.contact(number),
            adopted: if adopted {
                self.id("cus_", 14)
            } else {
                String::new()
            },
            sources,
            default,
            accounts: self.accounts(),
            metadata: self.metadata(),
            layout,
        }
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.rng.u32(..many) == 0
    }

    /// One to five sources; in one customer of sixteen, one of them is of a kind that cannot be cloned as it stands.
    fn sources(&mut self) -> Vec<String> {
        let count = match self.rng.u8(..100) {
            0..70 => 1,
            70..88 => 2,
            88..95 => 3,
            95..98 => 4,
            _ => 5,
        };
        let mut sources: Vec<String> = (0..count).map(|_| self.good_source()).collect();
        if self.one_in(16) {
            const TROUBLE: [&str; 6] = [
                "pm_sepa_",
                "pm_bacs_",
                "pm_link_",
                "pm_declined_",
                "pm_attached_",
                "pm_missing_",
            ];
            let place = self.rng.usize(..sources.len());
            let prefix = TROUBLE[self.rng.usize(..TROUBLE.len())];
            sources[place] = self.id(prefix, 16);
        }
        sources
    }

    fn good_source(&mut self) -> String {
        if self.one_in(30) {
            self.id("pm_bank_", 16)
        } else {
            self.id("pm_1", 23)
        }
    }

    /// An id as Stripe's look, with `length` characters after its prefix, unlike any other of this file.
    fn id(&mut self, prefix: &str, length: usize) -> String {
        // An odd factor permutes the numbers below 2^47, and 62^8 is more than 2^47.
        let number = self.ids.wrapping_mul(0x5851_F42D_4C95) % (1 << 47);
        self.ids += 1;
        let mut id = prefix.to_owned();
        push_base62(&mut id, number, 8);
        id.extend((8..length).map(|_| self.rng.alphanumeric()));
        id
    }

    fn accounts(&mut self) -> Vec<String> {
        let most = self.settings.accounts.max(1);
        let wanted = match self.rng.u8(..100) {
            0..72 => 1,
            72..89 => 2,
            89..95 => 3,
            95..98 => 4,
            _ => self.rng.usize(5..9),
        };
        let mut drawn: Vec<u32> = Vec::with_capacity(wanted);
        // Where there are few accounts, some draws give one that is already there: then the customer has fewer.
        for _ in 0..wanted {
            let mut index = self.rng.u32(..most);
            if is_revoked(index, most) && !self.one_in(3) {
                index -= 1;
            }
            if !drawn.contains(&index) {
                drawn.push(index);
            }
        }
        drawn.iter().map(|index| self.account(*index)).collect()
    }

    /// The same index is the same account, on every line; nothing is kept of it.
    fn account(&self, index: u32) -> String {
        let revoked = is_revoked(index, self.settings.accounts);
        let mut id = if revoked { "acct_revoked_1" } else { "acct_1" }.to_owned();
        // As in `id`: an odd factor permutes the numbers below 2^32, and 62^6 is more than 2^32.
        push_base62(&mut id, u64::from(index.wrapping_mul(0x9E37_79B1)), 6);
        let mut rng = Rng::with_seed(self.settings.seed ^ (u64::from(index) << 20));
        id.extend((0..9).map(|_| rng.alphanumeric()));
        id
    }

    fn contact(&mut self, number: u64) -> [String; 10] {
        let index = self.rng.usize(..self.places.len());
        let description = self.description();
        let place = &self.places[index];
        let rng = &mut self.rng;
        let (name, latin) = place.name(rng);
        let domain = ["example.com", "example.org", "example.net"][rng.usize(..3)];
        let email = match rng.u8(..20) {
            0 => String::new(),
            1 => format!("{latin}+{number}@shop.{domain}"),
            _ => format!("{latin}{number}@{domain}"),
        };
        let name = match rng.u8(..40) {
            0 => format!("{name}, \"{latin}\" & Co."),
            1 => String::new(),
            _ => name,
        };
        let phone = place.phone(rng);
        let line2 = match rng.u8(..12) {
            0 => "2nd floor, left".to_owned(),
            1 => "c/o \"The Blue Door\"\nback yard".to_owned(),
            _ => String::new(),
        };
        let street = place.street(rng);
        let [city, state, postal_code] = place.town(rng);
        let country = place.country.clone();
        [
            email,
            name,
            phone,
            description,
            street,
            line2,
            city,
            state,
            postal_code,
            country,
        ]
    }

    fn description(&mut self) -> String {
        let text = match self.rng.u8(..25) {
            0 => "Pays on the first, always",
            1 => "Said: \"call me in the evening\"",
            2 => "Moved house in March,\nnew address on file",
            3 => "VIP 🌟",
            _ => "",
        };
        text.to_owned()
    }

    fn metadata(&mut self) -> [String; 2] {
        let plan = ["basic", "silver", "gold", ""][self.rng.usize(..4)];
        let since = match self.rng.u16(2005..2026) {
            2005..2010 => String::new(),
            year => year.to_string(),
        };
        [plan.to_owned(), since]
    }
}

/// Every twentieth account, where there are twenty.
fn is_revoked(index: u32, accounts: u32) -> bool {
    accounts >= 20 && index % 20 == 19
}

fn push_base62(id: &mut String, mut number: u64, digits: usize) {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..digits {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        id.push(char::from(ALPHABET[digit]));
        number /= 62;
    }
}

#[cfg(test)]
mod tests;
