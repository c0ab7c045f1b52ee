//! The payments of `verify --charge`: what was asked for, each write's intent and outcome, and what is held. Written on the
//! connection of a command that holds the lock, each change a commit of its own, which is waited for.
//!
//! Hazard: money that is held and that nobody knows of. So the row, and the intent of each write, are durable before it is sent.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::counts::count;
use super::gate::{Commit, Gate};
use super::load::CustomerSeq;
use super::writer::in_transaction;
use super::{AccountSeq, Started, StoreError};
use crate::ids::{AccountId, CustomerId, IdempotencyKey, KeyMaterial, LegacyId, PaymentMethodId};
use crate::proof::{Attempt, Held, No, Phase, Proof, Step, Terms};
use crate::state::Doubt;
use crate::store::Migration;
use crate::time::StripeTime;

/// A proof, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    seq: i64,
    /// The legacy customer's row.
    pub customer: CustomerSeq,
    /// Whose card.
    pub legacy_id: LegacyId,
    /// The account's row.
    pub account_row: AccountSeq,
    /// Where.
    pub account: AccountId,
    /// The Customer there.
    pub connected_customer: CustomerId,
    /// The clone.
    pub payment_method: PaymentMethodId,
    /// In the metadata of all that it makes.
    pub mark: String,
    /// When it was begun, by Stripe's clock.
    pub begun_at: StripeTime,
    /// Where it stands.
    pub proof: Proof,
}

impl Case {
    /// One that is not kept yet.
    pub fn new(
        customer: (CustomerSeq, LegacyId),
        account: (AccountSeq, AccountId),
        connected_customer: CustomerId,
        payment_method: PaymentMethodId,
        terms: Terms,
    ) -> Self {
        Self {
            seq: 0,
            customer: customer.0,
            legacy_id: customer.1,
            account_row: account.0,
            account: account.1,
            connected_customer,
            payment_method,
            mark: String::new(),
            begun_at: StripeTime(0),
            proof: Proof::new(terms),
        }
    }

    /// The key that a step is sent under.
    pub fn key(&self, migration: &Migration, step: Step) -> IdempotencyKey {
        let try_no = self
            .proof
            .steps
            .get(&step)
            .map_or(1, |attempt| attempt.try_no);
        IdempotencyKey::derive(&KeyMaterial {
            livemode: migration.livemode,
            platform_account: &migration.platform_account,
            migration: migration.id,
            legacy_id: &self.legacy_id,
            step: &format!("verify_{}/{}", step.name(), self.mark),
            connected_account: Some(&self.account),
            source: Some(&self.payment_method),
            try_no,
        })
    }
}

/// The table, for a command that holds the lock.
pub struct Proofs<'c> {
    conn: &'c Connection,
    gate: Option<&'c Gate>,
}

const COLUMNS: &str = "p.seq, p.customer, c.legacy_id, p.account, a.id, p.connected_customer, p.payment_method, p.mark, \
p.begun_at, p.kind, p.amount, p.currency, p.capture, p.fee, p.held, p.intent, p.charge, p.refund, p.application_fee, \
p.captured, p.refunded, p.fee_refunded, p.declined_status, p.declined_reason, p.declined_message \
FROM proof p JOIN customer c ON c.seq = p.customer JOIN account a ON a.seq = p.account";

impl<'c> Proofs<'c> {
    /// On the connection of whoever holds the lock; a drill may hold each commit.
    pub fn new(conn: &'c Connection, gate: Option<&'c Gate>) -> Self {
        Self { conn, gate }
    }

    /// Those with something left that may be held.
    pub fn left(&self) -> Result<Vec<Case>, StoreError> {
        let over = Held::ALL.into_iter().filter(|held| held.is_over());
        let over: Vec<Held> = over.collect();
        let places: Vec<String> = (1..=over.len()).map(|n| format!("?{n}")).collect();
        let wanted = format!("p.held NOT IN ({})", places.join(", "));
        self.cases(&wanted, rusqlite::params_from_iter(over))
    }

    /// Those that were begun since then.
    pub fn since(&self, at: StripeTime) -> Result<Vec<Case>, StoreError> {
        self.cases("p.begun_at >= ?1", [at.0])
    }

    /// Those of a customer, in the order in which they were begun.
    pub fn of(&self, customer: CustomerSeq) -> Result<Vec<Case>, StoreError> {
        self.cases("p.customer = ?1", [customer.0])
    }

    fn cases(&self, wanted: &str, bound: impl rusqlite::Params) -> Result<Vec<Case>, StoreError> {
        let sql = format!("SELECT {COLUMNS} WHERE {wanted} ORDER BY p.seq");
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query(bound)?;
        let mut cases = Vec::new();
        while let Some(row) = rows.next()? {
            let mut case = case_of(row)?;
            self.read_steps(&mut case)?;
            cases.push(case);
        }
        Ok(cases)
    }

    fn read_steps(&self, case: &mut Case) -> Result<(), StoreError> {
        let sql = "SELECT kind, try_no, started_at, sent_at, phase, doubt, status, reason, message
                   FROM proof_step WHERE proof = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query([case.seq])?;
        while let Some(row) = rows.next()? {
            let attempt = Attempt {
                try_no: row.get(1)?,
                started_at: StripeTime(row.get(2)?),
                sent_at: StripeTime(row.get(3)?),
                phase: phase_of(row)?,
            };
            case.proof.steps.insert(row.get(0)?, attempt);
        }
        Ok(())
    }

    /// Keeps a new one, and gives it its mark, which follows from the migration, its row and the time: one that a rebuilt state
    /// file begins is never taken for one that the lost file began.
    pub fn begin(
        &self,
        case: &mut Case,
        migration: &Migration,
        at: StripeTime,
    ) -> Result<(), StoreError> {
        let next = "SELECT coalesce(max(seq), 0) + 1 FROM proof";
        case.seq = self.conn.query_row(next, [], |row| row.get(0))?;
        case.begun_at = at;
        let name = format!("verify {} {}", case.seq, at.0);
        case.mark = Uuid::new_v5(&migration.id.0, name.as_bytes()).to_string();
        self.keep(case)
    }

    /// Commits the intent of a step, and proves it.
    pub fn start(
        &self,
        case: &Case,
        step: Step,
        key: IdempotencyKey,
    ) -> Result<Started, StoreError> {
        let Some(attempt) = case.proof.steps.get(&step) else {
            let unkept = "an intent was to be sent that was not to be kept";
            return Err(StoreError::Damaged(unkept.to_owned()));
        };
        self.keep(case)?;
        Ok(Started::committed(key, attempt.started_at, attempt.sent_at))
    }

    /// Commits where it stands.
    pub fn keep(&self, case: &Case) -> Result<(), StoreError> {
        let told = told(case);
        let pass = |moment| {
            if let Some(gate) = self.gate {
                gate.pass(moment, &told);
            }
        };
        in_transaction(self.conn, || {
            write(self.conn, case)?;
            pass(Commit::Begun);
            Ok(())
        })?;
        pass(Commit::Done);
        Ok(())
    }
}

/// The charges, holds and setups that were made, whose they are, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofsMade {
    rows: Vec<(CustomerSeq, AccountId, bool)>,
}

impl ProofsMade {
    /// Reads them: those that are known to have been made, and those that may have been.
    pub fn read(conn: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT p.customer, a.id, p.held FROM proof p JOIN account a ON a.seq = p.account
                   WHERE p.intent IS NOT NULL OR p.held = ?1";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([Held::Unknown], |row| {
            let held: Held = row.get(2)?;
            Ok((CustomerSeq(row.get(0)?), row.get(1)?, !held.is_over()))
        })?;
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }

    /// How many there are of these customers on these accounts (`None`, none: all), and how many of them are open: money may be
    /// held.
    pub fn of(&self, only: Option<&[CustomerSeq]>, accounts: &[AccountId]) -> (u64, u64) {
        let rows = self.rows.iter().filter(|(customer, account, _)| {
            only.is_none_or(|only| only.binary_search(customer).is_ok())
                && (accounts.is_empty() || accounts.contains(account))
        });
        rows.fold((0, 0), |(all, open), (_, _, is_open)| {
            (all + 1, open + u64::from(*is_open))
        })
    }

    /// Whether the customer has one on the account that is open.
    pub fn is_open(&self, customer: CustomerSeq, account: &AccountId) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|(of, on, open)| *open && *of == customer && on == account)
    }
}

/// Charges that are not known to be over: money may be held.
pub fn open_charges(conn: &Connection) -> Result<u64, StoreError> {
    let over = Held::ALL.into_iter().filter(|held| held.is_over());
    let over: Vec<Held> = over.collect();
    let places: Vec<String> = (1..=over.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT count(*) FROM proof WHERE held NOT IN ({})",
        places.join(", ")
    );
    Ok(conn.query_row(&sql, rusqlite::params_from_iter(over), |row| count(row, 0))?)
}

/// What a drill is told.
fn told(case: &Case) -> String {
    let steps: Vec<String> = case
        .proof
        .steps
        .iter()
        .map(|(step, attempt)| format!(" {}={}", step.name(), attempt.phase.name()))
        .collect();
    let held = case.proof.held.name();
    format!(" proof/{}={held}{}", case.seq, steps.concat())
}

fn write(conn: &Connection, case: &Case) -> rusqlite::Result<()> {
    let proof = &case.proof;
    let declined = proof.declined.as_ref();
    conn.prepare_cached(
        "INSERT OR REPLACE INTO proof (seq, customer, account, connected_customer, payment_method, mark, begun_at, kind,
         amount, currency, capture, fee, held, intent, charge, refund, application_fee, captured, refunded, fee_refunded,
         declined_status, declined_reason, declined_message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
    )?
    .execute(rusqlite::params![
        case.seq,
        case.customer.0,
        case.account_row.0,
        case.connected_customer,
        case.payment_method,
        case.mark,
        case.begun_at.0,
        proof.terms.kind,
        proof.terms.amount,
        proof.terms.currency,
        proof.terms.capture,
        proof.terms.fee,
        proof.held,
        proof.intent,
        proof.charge,
        proof.refund,
        proof.application_fee,
        proof.captured,
        proof.refunded,
        proof.fee_refunded,
        declined.map(|no| no.status),
        declined.map(|no| no.reason.as_str()),
        declined.map(|no| no.message.as_str()),
    ])?;
    let mut insert = conn.prepare_cached(
        "INSERT OR REPLACE INTO proof_step (proof, kind, try_no, started_at, sent_at, phase, doubt, status, reason, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (step, attempt) in &proof.steps {
        let (phase, doubt, no) = match &attempt.phase {
            Phase::Ready => (0, None, None),
            Phase::Started => (1, None, None),
            Phase::Done => (2, None, None),
            Phase::Refused(no) => (3, None, Some(no)),
            Phase::InDoubt(doubt) => (4, Some(*doubt), None),
        };
        insert.execute(rusqlite::params![
            case.seq,
            step,
            attempt.try_no,
            attempt.started_at.0,
            attempt.sent_at.0,
            phase,
            doubt,
            no.map(|no| no.status),
            no.map(|no| no.reason.as_str()),
            no.map(|no| no.message.as_str()),
        ])?;
    }
    Ok(())
}

/// The phase in a row of `proof_step`; the codes are those of `step.state`.
fn phase_of(row: &Row<'_>) -> Result<Phase, StoreError> {
    let phase: i64 = row.get(4)?;
    Ok(match phase {
        0 => Phase::Ready,
        1 => Phase::Started,
        2 => Phase::Done,
        3 => Phase::Refused(No {
            status: row.get(6)?,
            reason: row.get(7)?,
            message: row.get(8)?,
        }),
        4 => Phase::InDoubt(row.get::<_, Doubt>(5)?),
        _ => return Err(StoreError::Damaged("proof_step.phase".to_owned())),
    })
}

fn case_of(row: &Row<'_>) -> Result<Case, StoreError> {
    let terms = Terms {
        kind: row.get(9)?,
        amount: row.get(10)?,
        currency: row.get(11)?,
        capture: row.get(12)?,
        fee: row.get(13)?,
    };
    let status: Option<u16> = row.get(22)?;
    let declined = match status {
        Some(status) => Some(No {
            status,
            reason: row.get(23)?,
            message: row.get(24)?,
        }),
        None => None,
    };
    Ok(Case {
        seq: row.get(0)?,
        customer: CustomerSeq(row.get(1)?),
        legacy_id: row.get(2)?,
        account_row: AccountSeq(row.get(3)?),
        account: row.get(4)?,
        connected_customer: row.get(5)?,
        payment_method: row.get(6)?,
        mark: row.get(7)?,
        begun_at: StripeTime(row.get(8)?),
        proof: Proof {
            held: row.get(14)?,
            intent: row.get(15)?,
            charge: row.get(16)?,
            refund: row.get(17)?,
            application_fee: row.get(18)?,
            captured: row.get(19)?,
            refunded: row.get(20)?,
            fee_refunded: row.get(21)?,
            declined,
            ..Proof::new(terms)
        },
    })
}
