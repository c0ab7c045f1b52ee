//! The tables, and how an older file becomes a newer one (`PRAGMA user_version`).
//!
//! Codes in `standing`, `kind`, `state` and `doubt` are [`super::codes`]'s. `customer.standing` and `target.standing` are caches
//! of the fold over `step`, for queries; everything that decides folds the steps.

use rusqlite::Connection;

use super::StoreError;

/// The version that this build writes.
pub const VERSION: i64 = 1;

const V1: &str = "
CREATE TABLE migration (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    platform_account TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    api_version TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    csv_path TEXT, csv_bytes INTEGER, csv_changed_ns INTEGER, csv_sha256 TEXT, csv_reading TEXT,
    csv_settings TEXT,              -- how it was read, as JSON
    known_sha256 TEXT,              -- the CSV of which ids were looked up before its first write, and most of them found
    requests_sent INTEGER NOT NULL DEFAULT 0,
    requests_retried INTEGER NOT NULL DEFAULT 0,
    requests_rate_limited INTEGER NOT NULL DEFAULT 0,
    clones_left INTEGER NOT NULL DEFAULT 0, -- clones that may exist unattached, since their making was in doubt: inert
    taken_back INTEGER NOT NULL DEFAULT 0, -- 1: an undo of all of it was begun, and nobody has asked for more since
    recovery INTEGER NOT NULL DEFAULT 0, -- rebuilt after a loss: 0 no, 1 not to the end yet, 2 yes
    purged_at INTEGER,              -- contact details were erased: seconds, this machine's clock; nothing is migrated any more
    pace TEXT,                      -- how fast the run goes that is on, as JSON
    heard INTEGER NOT NULL DEFAULT 0, -- raised when an event changed which accounts can be reached
    caught_up INTEGER               -- seconds, Stripe's clock: until then the platform's events were read
) STRICT;
CREATE TABLE account (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parked TEXT,                    -- why it cannot be reached, NULL: active
    country TEXT,
    access_at INTEGER,              -- seconds, Stripe's clock, of the event that told last whether it can be reached
    updated_at INTEGER,             -- the same, of the one that told last what it is
    unread INTEGER NOT NULL DEFAULT 0 -- 1: what a lost state file knew of it is not read yet: nothing may be made there
) STRICT;
CREATE TABLE customer (
    seq INTEGER PRIMARY KEY,
    legacy_id TEXT NOT NULL UNIQUE,
    lines TEXT NOT NULL,            -- where the CSV names it, in order, a blank between
    digest INTEGER NOT NULL,        -- of what the CSV asks for
    details_digest INTEGER NOT NULL, -- of contact details and default, as Customers that exist have them
    platform_customer TEXT,         -- the Customer to adopt
    default_payment_method TEXT,    -- as the CSV names it, NULL: the first source
    details TEXT,                   -- contact details as JSON, erased once migrated
    given TEXT,                     -- the names of those that were erased, each with a byte that tells a change
    standing INTEGER NOT NULL,
    changed_at INTEGER,             -- seconds, Stripe's clock, when its standing was written last
    undone INTEGER NOT NULL DEFAULT 0, -- the platform Customer is taken back: 1 on its way there, 2 to the end
    spent_under INTEGER             -- and that N source cards are lost was confirmed then: N
) STRICT;
CREATE INDEX customer_standing ON customer (standing);
CREATE INDEX customer_open ON customer (seq) WHERE standing < 4;
CREATE TABLE payment_method (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (customer, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE target (
    customer INTEGER NOT NULL,
    position INTEGER NOT NULL,
    account INTEGER NOT NULL,
    asked INTEGER NOT NULL,         -- how many sources are asked for there
    sources TEXT,                   -- their positions, a blank between, NULL: all
    standing INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0, -- what is there is taken back: 1 on its way there, 2 to the end
    PRIMARY KEY (customer, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE step (
    customer INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    target INTEGER NOT NULL,        -- position, -1: the platform
    source INTEGER NOT NULL,        -- position, -1: none
    try_no INTEGER NOT NULL,
    state INTEGER NOT NULL,
    started_at INTEGER NOT NULL,    -- seconds, Stripe's clock, when this try's intent was committed first
    sent_at INTEGER NOT NULL,       -- the same, when it was committed last
    digest INTEGER NOT NULL,        -- of the request
    request_id TEXT,
    object TEXT,                    -- done: what was made, see codes.rs
    doubt INTEGER,                  -- in doubt: why
    reach INTEGER, status INTEGER, reason TEXT, message TEXT, -- refused: how far, HTTP status, and why
    seen_at INTEGER, seen TEXT,     -- looked for by reading: when, and the Customers found, a blank between
    seen_request_id TEXT,           -- and by which request
    PRIMARY KEY (customer, kind, target, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE sampled (              -- customers that `--sample` drew
    customer INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE found (                -- Customers with marks, while a lost state file is rebuilt
    legacy_id TEXT NOT NULL,
    account INTEGER NOT NULL,       -- row, -1: the platform
    id TEXT NOT NULL,
    migration TEXT NOT NULL,
    created INTEGER,
    platform_customer TEXT,         -- the mark, on connected accounts
    standard TEXT,                  -- the default PaymentMethod: an id, or the whole of it as JSON
    request_id TEXT,                -- of the page that showed it
    PRIMARY KEY (legacy_id, account, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE proof (                -- `verify --charge`: one payment on one clone; what follows from its steps is kept with them
    seq INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,
    account INTEGER NOT NULL,
    connected_customer TEXT NOT NULL,
    payment_method TEXT NOT NULL,   -- the clone, which is attached
    mark TEXT NOT NULL UNIQUE,      -- metadata of all that it makes, and part of its keys
    begun_at INTEGER NOT NULL,      -- seconds, Stripe's clock
    kind INTEGER NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, capture INTEGER NOT NULL, fee INTEGER NOT NULL, -- the terms, frozen
    held INTEGER NOT NULL,          -- what is at Stripe, as known last
    intent TEXT, charge TEXT, refund TEXT, application_fee TEXT,
    captured INTEGER NOT NULL, refunded INTEGER NOT NULL, fee_refunded INTEGER NOT NULL,
    declined_status INTEGER, declined_reason TEXT, declined_message TEXT -- why the card was not charged
) STRICT;
CREATE TABLE proof_step (
    proof INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    try_no INTEGER NOT NULL,
    started_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, -- as in `step`
    phase INTEGER NOT NULL,
    doubt INTEGER,                  -- in doubt: why
    status INTEGER, reason TEXT, message TEXT, -- refused: HTTP status, and why
    PRIMARY KEY (proof, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE undo_step (            -- `undo`: what is detached, or deleted
    customer INTEGER NOT NULL,
    target INTEGER NOT NULL,        -- position, -1: the platform
    object TEXT NOT NULL,           -- a clone, or a Customer
    try_no INTEGER NOT NULL,
    started_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, -- as in `step`
    phase INTEGER NOT NULL,
    doubt INTEGER,                  -- in doubt: why
    status INTEGER, reason TEXT, message TEXT, -- refused: HTTP status, and why
    PRIMARY KEY (customer, target, object)
) STRICT, WITHOUT ROWID;
CREATE TABLE undo_left (            -- `undo`: what was left where it is, as it was seen last, and why
    customer INTEGER NOT NULL,
    target INTEGER NOT NULL,        -- position, -1: the platform
    at INTEGER NOT NULL,            -- seconds, Stripe's clock
    reason TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (customer, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE stale (                -- clones whose source changed at Stripe after they were begun: they are of before
    customer INTEGER NOT NULL,
    account INTEGER NOT NULL,       -- row
    source TEXT NOT NULL,           -- its id
    since INTEGER NOT NULL,         -- seconds, Stripe's clock, of the event that told
    reason TEXT NOT NULL,           -- automatically_updated, updated or detached
    event TEXT NOT NULL,            -- its id
    renewed TEXT,                   -- the event that was known when the clone was asked for that shall replace it
    PRIMARY KEY (customer, account, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (                -- events that told something, each taken once
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,       -- seconds, Stripe's clock
    taken_at INTEGER NOT NULL,      -- seconds, this machine's clock
    about TEXT NOT NULL,            -- the account or the PaymentMethod
    effect TEXT NOT NULL            -- parked, unparked, refreshed, stale or nothing
) STRICT, WITHOUT ROWID;
CREATE INDEX step_refused ON step (reason, customer) WHERE state = 3;
CREATE TABLE pulse (                -- how fast it went, ten seconds a row
    at INTEGER PRIMARY KEY,         -- seconds, Stripe's clock, a multiple of ten
    sent INTEGER NOT NULL, retried INTEGER NOT NULL, rate_limited INTEGER NOT NULL, -- requests
    finished INTEGER NOT NULL       -- customers that were settled
) STRICT;
CREATE TABLE run (                  -- each run, resume and retry: for the record alone
    seq INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    asked TEXT NOT NULL,            -- what it was confined to, in words
    csv_sha256 TEXT,                -- the file that it took lines of, or else the CSV that was imported last before it
    begun_at INTEGER NOT NULL,      -- seconds, Stripe's clock
    tool_version TEXT NOT NULL, tool_commit TEXT NOT NULL,
    ended_at INTEGER, ended TEXT,   -- NULL: it is on, or was broken off
    sent INTEGER, retried INTEGER, rate_limited INTEGER, settled INTEGER
) STRICT;
CREATE TABLE verification (         -- what `verify` found: for the record alone
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,            -- seconds, Stripe's clock
    tool_version TEXT NOT NULL,
    summary TEXT NOT NULL,          -- as JSON
    unlike TEXT NOT NULL            -- the first differences, as JSON, without values
) STRICT;
CREATE TABLE mended (               -- what a person changed of a refused customer, and when, contact details masked
    seq INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,
    at INTEGER NOT NULL,            -- seconds, Stripe's clock
    who TEXT NOT NULL,
    file TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    line INTEGER NOT NULL,
    field TEXT NOT NULL,            -- empty: nothing was changed, what was refused is tried again
    old TEXT, new TEXT
) STRICT;
CREATE TABLE earlier (              -- tries that another has taken the place of, by the ids that their keys are made of
    customer INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    account TEXT NOT NULL,          -- empty: the platform
    source TEXT NOT NULL,           -- empty: none
    try_no INTEGER NOT NULL,
    dropped INTEGER NOT NULL,       -- 1: the last of a step that a mended line no longer asks for, another try goes on from it
    state INTEGER NOT NULL,
    started_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, -- as in `step`, and what follows too
    request_id TEXT,
    object TEXT,
    doubt INTEGER,
    reach INTEGER, status INTEGER, reason TEXT, message TEXT,
    seen_at INTEGER, seen TEXT, seen_request_id TEXT,
    PRIMARY KEY (customer, kind, account, source, try_no)
) STRICT, WITHOUT ROWID;
";

/// Brings the file to [`VERSION`], in one transaction.
pub fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        VERSION => Ok(()),
        0 => {
            let transaction =
                conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.execute_batch(V1)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
            Ok(())
        }
        newer => Err(StoreError::Version { found: newer }),
    }
}

/// Attaches a nameless temporary database as `incoming`, with the tables that an import fills. Comments in those hold no `;`.
pub fn attach_incoming(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("ATTACH '' AS incoming")?;
    let tables = V1.split_inclusive(';').filter(|statement| {
        [
            "TABLE account",
            "TABLE customer",
            "TABLE payment_method",
            "TABLE target",
        ]
        .iter()
        .any(|name| statement.contains(name))
    });
    for statement in tables {
        conn.execute_batch(&statement.replacen("CREATE TABLE ", "CREATE TABLE incoming.", 1))?;
    }
    Ok(())
}
