//! The fault script: which requests go wrong, and how. Parsing and deciding are pure.

use super::ids::{draw, mix};
use super::request::Request;

/// A script of faults.
///
/// One rule a line; `#` starts a comment:
///
/// ```text
/// seed 7                                   # for `chance`; without it the world's seed
/// at 12 lost-before                        # the 12th request in the life of this world
/// at 100..110 error 503
/// every 50 delay 200
/// chance 0.01 lost-after
/// nth 3 on POST /v1/payment_methods/*/attach half
/// chance 0.2 on POST /v1/customers account acct_1abc limit endpoint-rate
/// at 400 revoke acct_1abc
/// ```
///
/// `WHEN [on METHOD PATH] [account ACCOUNT] WHAT`. METHOD may be `ANY`, a path segment `*`. `nth` counts the requests
/// that the rest of the rule fits, `at` and `every` count all.
///
/// | WHAT | the client sees | the world |
/// | --- | --- | --- |
/// | `lost-before` | the connection closed without an answer | nothing happened |
/// | `lost-after` | the same | it happened |
/// | `half` | the first half of the answer | it happened |
/// | `delay MS` | the answer MS later; duplicates meanwhile get 409, other writes to the object `lock_timeout` | it happened |
/// | `limit [REASON]` | 429, with `Stripe-Rate-Limited-Reason` (`global-rate` unless named; `none`: without it) | nothing |
/// | `lock` | 429 `lock_timeout` | nothing |
/// | `conflict` | 409 `idempotency_key_in_use` | nothing |
/// | `error STATUS` | that 5xx | nothing happened, nothing stored |
/// | `error STATUS done` | that 5xx | it happened; its true result is stored under the key |
/// | `error STATUS stored` | that 5xx, now and replayed | nothing happened |
/// | `error STATUS stored done` | that 5xx, now and replayed | it happened |
/// | `revoke ACCOUNT`, `restore ACCOUNT` | the request goes on | the platform's access changes first |
///
/// All delays and revocations that fit a request apply to it; of the rest, the first rule that fits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaultScript {
    seed: Option<u64>,
    rules: Vec<Rule>,
}

/// A script that cannot be read: the line and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault script, line {line}: {problem}")]
pub struct FaultScriptError {
    /// Counted from 1.
    pub line: usize,
    /// What was found, and what would be right.
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    when: When,
    endpoint: Option<(String, Vec<String>)>,
    account: Option<String>,
    what: Fault,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    At(u64, u64),
    Every(u64),
    Nth(u64),
    Chance(f64),
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No answer; nothing happened.
    LostBefore,
    /// No answer; it happened.
    LostAfter,
    /// Half of the answer; it happened.
    Half,
    /// The answer comes so many milliseconds later.
    Delay(u64),
    /// 429, with this `Stripe-Rate-Limited-Reason`.
    RateLimit(Option<&'static str>),
    /// 429 `lock_timeout`.
    LockTimeout,
    /// 409 `idempotency_key_in_use`.
    Conflict,
    /// A 5xx.
    Error {
        /// Which.
        status: u16,
        /// Now and under that key.
        stored: bool,
        /// It happened.
        done: bool,
    },
    /// The platform loses access to an account before the request.
    Revoke(String),
    /// The platform gets it back.
    Restore(String),
}

impl Fault {
    /// The word of the script, for the transcript.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LostBefore => "lost-before",
            Self::LostAfter => "lost-after",
            Self::Half => "half",
            Self::Delay(_) => "delay",
            Self::RateLimit(_) => "limit",
            Self::LockTimeout => "lock",
            Self::Conflict => "conflict",
            Self::Error {
                stored: false,
                done: false,
                ..
            } => "error",
            Self::Error {
                stored: false,
                done: true,
                ..
            } => "error-done",
            Self::Error {
                stored: true,
                done: false,
                ..
            } => "error-stored",
            Self::Error {
                stored: true,
                done: true,
                ..
            } => "error-stored-done",
            Self::Revoke(_) => "revoke",
            Self::Restore(_) => "restore",
        }
    }
}

/// Everything that the script does to one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    pub fault: Option<Fault>,
    pub delay_ms: u64,
    /// Accounts to revoke (`true`) or restore before the request is handled.
    pub access: Vec<(String, bool)>,
}

impl FaultScript {
    /// Parses a script; every line is read, the first problem is returned.
    pub fn parse(text: &str) -> Result<Self, FaultScriptError> {
        let mut script = Self::default();
        for (index, raw) in text.lines().enumerate() {
            let line = raw.split('#').next().unwrap_or_default().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            let at_line = |problem| FaultScriptError {
                line: index + 1,
                problem,
            };
            match words.as_slice() {
                [] => {}
                ["seed", seed] => script.seed = Some(number(seed, "a seed").map_err(at_line)?),
                _ => script.rules.push(parse_rule(&words).map_err(at_line)?),
            }
        }
        Ok(script)
    }

    /// Decides what happens to the request with this number. `seen` counts, rule by rule, the requests that it fitted.
    pub(super) fn decide(
        &self,
        world_seed: u64,
        number: u64,
        request: &Request,
        seen: &mut Vec<u64>,
    ) -> Verdict {
        let seed = mix(self.seed.unwrap_or(world_seed));
        seen.resize(self.rules.len(), 0);
        let mut verdict = Verdict::default();
        for ((index, rule), seen) in (0_u64..).zip(&self.rules).zip(seen) {
            if !rule.fits(request) {
                continue;
            }
            *seen += 1;
            let due = match rule.when {
                When::At(first, last) => (first..=last).contains(&number),
                When::Every(count) => number.is_multiple_of(count),
                When::Nth(nth) => *seen == nth,
                When::Chance(chance) => unit(draw(seed, number, index)) < chance,
            };
            if !due {
                continue;
            }
            match &rule.what {
                Fault::Delay(ms) => verdict.delay_ms += ms,
                Fault::Revoke(account) => verdict.access.push((account.clone(), true)),
                Fault::Restore(account) => verdict.access.push((account.clone(), false)),
                other => {
                    verdict.fault.get_or_insert_with(|| other.clone());
                }
            }
        }
        verdict
    }
}

impl Rule {
    fn fits(&self, request: &Request) -> bool {
        if self
            .account
            .as_deref()
            .is_some_and(|account| request.connected_account() != Some(account))
        {
            return false;
        }
        let Some((method, pattern)) = &self.endpoint else {
            return true;
        };
        let mut segments = request.path.split('/');
        (method == "ANY" || method == request.method.name())
            && pattern.iter().all(|wanted| {
                segments
                    .next()
                    .is_some_and(|found| wanted == "*" || wanted == found)
            })
            && segments.next().is_none()
    }
}

/// A number from 0 up to 1, from 32 of the bits.
fn unit(bits: u64) -> f64 {
    f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / 4_294_967_296.0
}

fn parse_rule(words: &[&str]) -> Result<Rule, String> {
    let [when, amount, rest @ ..] = words else {
        return Err("a rule is `WHEN [on METHOD PATH] [account ACCOUNT] WHAT`".to_owned());
    };
    let when = parse_when(when, amount)?;
    let (endpoint, rest) = match rest {
        ["on", method, path, rest @ ..] => (Some(parse_endpoint(method, path)?), rest),
        ["on", ..] => {
            return Err(
                "`on` needs a method and a path, such as `on POST /v1/customers`".to_owned(),
            );
        }
        rest => (None, rest),
    };
    let (account, rest) = match rest {
        ["account", account, rest @ ..] => (Some((*account).to_owned()), rest),
        rest => (None, rest),
    };
    Ok(Rule {
        when,
        endpoint,
        account,
        what: parse_what(rest)?,
    })
}

fn parse_when(word: &str, amount: &str) -> Result<When, String> {
    match word {
        "at" => {
            let (first, last) = amount.split_once("..").unwrap_or((amount, amount));
            let (first, last) = (
                number(first, "a request number")?,
                number(last, "a request number")?,
            );
            if first > last || first == 0 {
                return Err(format!(
                    "`{amount}` is an empty range; requests are numbered from 1"
                ));
            }
            Ok(When::At(first, last))
        }
        "every" => match number(amount, "a count")? {
            0 => Err("`every 0` never comes".to_owned()),
            count => Ok(When::Every(count)),
        },
        "nth" => match number(amount, "a count")? {
            0 => Err("`nth` counts from 1".to_owned()),
            nth => Ok(When::Nth(nth)),
        },
        "chance" => match amount.parse::<f64>() {
            Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(When::Chance(chance)),
            _ => Err(format!("`{amount}` is no probability from 0 to 1")),
        },
        other => Err(format!(
            "`{other}` is none of `at`, `every`, `nth`, `chance`, `seed`"
        )),
    }
}

fn parse_endpoint(method: &str, path: &str) -> Result<(String, Vec<String>), String> {
    if !matches!(method, "GET" | "POST" | "DELETE" | "ANY") {
        return Err(format!("`{method}` is none of GET, POST, DELETE, ANY"));
    }
    if !path.starts_with("/v1/") {
        return Err(format!("`{path}` is no path: it has to start with /v1/"));
    }
    Ok((
        method.to_owned(),
        path.split('/').map(str::to_owned).collect(),
    ))
}

fn parse_what(words: &[&str]) -> Result<Fault, String> {
    Ok(match words {
        ["lost-before"] => Fault::LostBefore,
        ["lost-after"] => Fault::LostAfter,
        ["half"] => Fault::Half,
        ["delay", ms] => Fault::Delay(number(ms, "milliseconds")?),
        ["limit"] => Fault::RateLimit(Some("global-rate")),
        ["limit", reason] => Fault::RateLimit(parse_reason(reason)?),
        ["lock"] => Fault::LockTimeout,
        ["conflict"] => Fault::Conflict,
        ["error", status, rest @ ..] => {
            let status = status
                .parse()
                .ok()
                .filter(|status| (500..=599).contains(status));
            let status = status.ok_or("`error` needs a status from 500 to 599")?;
            let (stored, done) = match rest {
                [] => (false, false),
                ["done"] => (false, true),
                ["stored"] => (true, false),
                ["stored", "done"] => (true, true),
                _ => {
                    return Err(format!(
                        "after the status comes `stored`, `done` or both, not `{}`",
                        rest.join(" ")
                    ));
                }
            };
            Fault::Error {
                status,
                stored,
                done,
            }
        }
        ["revoke", account] => Fault::Revoke((*account).to_owned()),
        ["restore", account] => Fault::Restore((*account).to_owned()),
        [] => return Err("what is to happen is missing, such as `lost-after`".to_owned()),
        other => {
            return Err(format!(
                "`{}` is no fault that is known here",
                other.join(" ")
            ));
        }
    })
}

fn parse_reason(word: &str) -> Result<Option<&'static str>, String> {
    const REASONS: [&str; 5] = [
        "global-rate",
        "global-concurrency",
        "endpoint-rate",
        "endpoint-concurrency",
        "resource-specific",
    ];
    if word == "none" {
        return Ok(None);
    }
    let known = REASONS.into_iter().find(|reason| *reason == word);
    known
        .map(Some)
        .ok_or_else(|| format!("`{word}` is none of {}, none", REASONS.join(", ")))
}

fn number(word: &str, what: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is not {what}"))
}
