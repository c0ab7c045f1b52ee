//! What the CSV of a history asks for, and the state file that it is imported into: by the real importer, once for each shape.

use std::path::Path;

use fastrand::Rng;
use rusqlite::Connection;

use crate::ids::{AccountId, CustomerId, LegacyId, MigrationId, PaymentMethodId};
use crate::legacy::{Details, Line};
use crate::store::{self, Gathering, Importer, Migration, Recovery, StoreError, TakeUp};
use crate::stripe::STRIPE_VERSION;

/// How many different CSVs there are.
pub const SHAPES: u64 = 256;

/// The connected accounts that are asked for.
pub const ACCOUNTS: [&str; 3] = ["acct_1ShopA", "acct_1ShopB", "acct_1ShopC"];

/// The platform's account.
pub const PLATFORM: &str = "acct_1SimPlatform0001";

/// A CSV.
#[derive(Debug, Clone)]
pub struct Shape {
    pub customers: Vec<Asked>,
    /// Whether the Customers have the contact details of the newer CSV.
    pub is_newer: bool,
}

/// A legacy customer, as the CSV asks for it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub legacy_id: String,
    pub adopts: Option<String>,
    pub sources: Vec<Source>,
    /// Accounts, and the positions of the sources asked for there.
    pub targets: Vec<(&'static str, Vec<usize>)>,
}

/// A source, and how it behaves.
#[derive(Debug, Clone)]
pub struct Source {
    pub id: String,
    pub conduct: Conduct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// It can be cloned, and the platform Customer does not hold it yet.
    Good,
    /// It can be cloned, and is attached to the adopted Customer already.
    Held,
    /// Attaching it is declined on the platform.
    Declined,
    /// Attaching its clone is declined.
    DeclinedThere,
    /// Of a type that cannot be cloned.
    Unclonable,
    /// Another Customer holds it.
    HeldByOther,
}

impl Conduct {
    fn drawn(rng: &mut Rng, adopted: bool) -> Self {
        match rng.u32(0..16) {
            0 => Self::Declined,
            1 => Self::DeclinedThere,
            2 => Self::Unclonable,
            3 => Self::HeldByOther,
            4..=9 if adopted => Self::Held,
            _ => Self::Good,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Good | Self::Held => "",
            Self::Declined => "declined_",
            Self::DeclinedThere => "declinedthere_",
            Self::Unclonable => "sepa_",
            Self::HeldByOther => "attached_",
        }
    }
}

impl Shape {
    /// The CSV of this number.
    pub fn of(number: u64) -> Self {
        let mut rng = Rng::with_seed(number ^ 0x5AFE);
        let rng = &mut rng;
        let customers = (0..rng.usize(1..=4)).map(|index| {
            let adopted = rng.u32(0..5) == 0;
            let sources: Vec<Source> = (0..[0, 1, 1, 1, 2, 3][rng.usize(0..6)])
                .map(|position| {
                    let conduct = Conduct::drawn(rng, adopted);
                    let word = conduct.word();
                    Source {
                        id: format!("pm_{word}{number}c{index}s{position}"),
                        conduct,
                    }
                })
                .collect();
            let accounts = ACCOUNTS.iter().take(rng.usize(1..=3));
            let targets = accounts.map(|account| {
                let asked = (0..sources.len()).filter(|_| sources.len() < 2 || rng.u32(0..4) != 0);
                (*account, asked.collect::<Vec<_>>())
            });
            let targets: Vec<_> = targets
                .filter(|(_, asked)| sources.is_empty() || !asked.is_empty())
                .collect();
            Asked {
                legacy_id: format!("L{index}"),
                adopts: adopted.then(|| format!("cus_adopted{number}c{index}")),
                sources,
                targets,
            }
        });
        Self {
            customers: customers.collect(),
            is_newer: false,
        }
    }

    /// A newer CSV: for each customer other contact details, a card that becomes the default, and every account; and one customer more.
    pub fn newer(&self) -> Self {
        let mut customers = self.customers.clone();
        for asked in &mut customers {
            let id = format!("pm_newer{}", asked.legacy_id);
            let conduct = Conduct::Good;
            asked.sources.insert(0, Source { id, conduct });
            for (_, positions) in &mut asked.targets {
                for position in positions.iter_mut() {
                    *position += 1;
                }
                positions.insert(0, 0);
            }
            for account in ACCOUNTS {
                if asked.targets.iter().all(|(each, _)| *each != account) {
                    asked.targets.push((account, vec![0]));
                }
            }
        }
        customers.push(Asked {
            legacy_id: "Lnew".to_owned(),
            adopts: None,
            sources: Vec::new(),
            targets: vec![(ACCOUNTS[0], Vec::new())],
        });
        Self {
            customers,
            is_newer: true,
        }
    }

    /// Imports the newer CSV, with `--update-details`.
    pub fn import_newer(&self, path: &Path) -> Result<(), StoreError> {
        let lines = self.customers.iter().flat_map(|asked| {
            let mut lines = asked.lines();
            for line in &mut lines {
                line.details.email = Some(newer_email(&asked.legacy_id));
            }
            lines
        });
        let take_up = TakeUp {
            update_details: true,
            hear: None,
        };
        import(&store::open_existing(path)?, take_up, lines, |_| Ok(()))
    }

    /// A state file, as `run` leaves it once this CSV is imported.
    pub fn state_file(&self, path: &Path) -> Vec<u8> {
        let conn = store::create(path).unwrap();
        let lines = self.customers.iter().flat_map(Asked::lines);
        import(&conn, TakeUp::default(), lines, |conn| {
            migration().write(conn, STRIPE_VERSION)
        })
        .unwrap();
        drop(conn);
        std::fs::read(path).unwrap()
    }

    /// Imports the CSV again, with other contact details for one customer.
    pub fn import_edited(&self, path: &Path, edited: usize) -> Result<(), StoreError> {
        let lines = self
            .customers
            .iter()
            .enumerate()
            .flat_map(|(index, asked)| {
                let mut lines = asked.lines();
                for line in lines.iter_mut().filter(|_| index == edited) {
                    line.details.email = Some("edited@example.com".to_owned());
                }
                lines
            });
        let conn = store::open_existing(path)?;
        import(&conn, TakeUp::default(), lines, |_| Ok(()))
    }
}

/// What the newer CSV says.
pub fn newer_email(legacy_id: &str) -> String {
    format!("newer-{legacy_id}@example.com")
}

fn import<'a>(
    conn: &'a Connection,
    take_up: TakeUp<'a>,
    lines: impl Iterator<Item = Line>,
    seal: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut gathering = Gathering::new(0);
    let mut importer = Importer::begin(conn)?.taking_up(take_up);
    for (number, line) in (2..).zip(lines) {
        if let Some(named) = gathering.add(Line { number, ..line })? {
            importer.take(named)?;
        }
    }
    let (last, read) = gathering.finish()?;
    last.map_or(Ok(()), |named| importer.take(named))?;
    let (problems, imported) = importer.finish(read, |conn, _| seal(conn))?;
    assert!(imported.is_some(), "{:?}", problems.by_line());
    Ok(())
}

impl Asked {
    /// One line with all sources, then one for each account.
    fn lines(&self) -> Vec<Line> {
        let id = |text: &str| PaymentMethodId::parse(text).unwrap();
        let all: Vec<_> = self.sources.iter().map(|source| id(&source.id)).collect();
        let base = Line {
            number: 0,
            legacy_id: LegacyId::parse(&self.legacy_id).unwrap(),
            details: Details {
                email: Some(format!("{}@example.com", self.legacy_id)),
                ..Details::default()
            },
            platform_customer: self
                .adopts
                .as_ref()
                .map(|id| CustomerId::parse(id).unwrap()),
            payment_methods: all.clone(),
            default_payment_method: None,
            connected_accounts: Vec::new(),
        };
        let on_account = |(account, asked): &(&str, Vec<usize>)| Line {
            payment_methods: asked
                .iter()
                .map(|position| all[*position].clone())
                .collect(),
            connected_accounts: vec![AccountId::parse(account).unwrap()],
            ..base.clone()
        };
        let rest: Vec<_> = self.targets.iter().map(on_account).collect();
        std::iter::once(base.clone()).chain(rest).collect()
    }
}

/// Whose migration it is.
pub fn migration() -> Migration {
    Migration {
        id: MigrationId(uuid::Uuid::from_u128(0x0051_4D00)),
        platform_account: AccountId::parse(PLATFORM).unwrap(),
        livemode: false,
        simulated: false,
        recovery: Recovery::No,
    }
}
