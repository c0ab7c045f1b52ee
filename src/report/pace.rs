//! How fast a run goes and what holds it: told by the run once a second, shown by `status` and `throttle`.

use serde::{Deserialize, Serialize};

use super::Look;
use super::words::wrap;
use crate::ids::AccountId;
use crate::stripe::Endpoint;
use crate::stripe::limiter::{ConnectedBudget, Event, LaneName, Learnt, Reading};

/// What a run that is on tells of itself. Other programs read it: fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// `sending`, `waiting` or `ending`.
    pub state: PaceState,
    /// Where it waits: `throttle`, `pause_file`, `window`, or `follow` where nothing is left to be done. Where it ends: `throttle` or `max_duration`.
    pub because: Option<String>,
    /// When the window opens that it waits for, in UTC.
    pub until: Option<String>,
    /// Requests per second, over the last seconds.
    pub requests_per_second: f64,
    /// What it keeps to, in requests per second; null is no limit.
    pub limits: PaceLimits,
    /// The limit that requests waited for in the last second; null: none.
    pub binds: Option<LaneJson>,
    /// The limits that Stripe refused, so that the run goes slower there.
    pub slowed: Vec<LaneJson>,
    /// Requests in flight at most, since Stripe said that there were too many; null: no bound.
    pub in_flight_most: Option<u64>,
    /// What was asked for: `shared`, `own` or `auto`.
    pub connected_budget: ConnectedBudget,
    /// Whose budget calls with `Stripe-Account` are taken to use: `shared` or `own`; null: not learnt yet.
    pub connected_budget_is: Option<Learnt>,
    /// The hours that were asked for.
    pub windows: Vec<String>,
    /// The time zone of these hours.
    pub timezone: Option<String>,
    /// How many words of `pmclone throttle` the run has taken up.
    pub word: u64,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaceState {
    /// It sends.
    Sending,
    /// Nothing new is begun for now.
    Waiting,
    /// It ends when what is under way is settled.
    Ending,
}

/// What a run keeps to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaceLimits {
    /// All requests together.
    pub total: Option<u32>,
    /// Each endpoint.
    pub endpoint: Option<u32>,
    /// Each connected account.
    pub account: Option<u32>,
    /// The part of Stripe's limit that is used.
    pub share: f64,
    /// `--rate auto`: these are where it began.
    pub auto: bool,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneJson {
    /// `total`, `endpoint` or `account`.
    pub limit: String,
    /// Which endpoint.
    pub endpoint: Option<String>,
    /// Which connected account.
    pub account: Option<String>,
    /// What it lets through now.
    pub requests_per_second: f64,
    /// What was asked for; null where it is looked for.
    pub asked: Option<f64>,
}

impl LaneJson {
    fn of(lane: &LaneName, now: f64, asked: Option<f64>) -> Self {
        let limit = match (&lane.account, lane.endpoint) {
            (Some(_), None) => "account",
            (_, Some(_)) => "endpoint",
            (None, None) => "total",
        };
        Self {
            limit: limit.to_owned(),
            endpoint: lane.endpoint.map(|endpoint| endpoint.name().to_owned()),
            account: lane.account.as_ref().map(ToString::to_string),
            requests_per_second: tenths(now),
            asked: asked.filter(|asked| asked.is_finite()).map(tenths),
        }
    }

    /// `POST /v1/customers on acct_1`, `all requests together`.
    fn name(&self) -> String {
        match (&self.account, &self.endpoint) {
            (Some(account), Some(endpoint)) => format!("{endpoint} on {account}"),
            (Some(account), None) => account.clone(),
            (None, Some(endpoint)) => endpoint.clone(),
            (None, None) => "all requests together".to_owned(),
        }
    }
}

fn tenths(per_second: f64) -> f64 {
    (per_second * 10.0).round() / 10.0
}

impl Pace {
    /// How the lanes stand, of a run that sends.
    pub fn of(reading: &Reading, requests_per_second: f64) -> Self {
        let limits = &reading.limits;
        let number = |rate: Option<std::num::NonZeroU32>| rate.map(std::num::NonZeroU32::get);
        let binds = reading.binding.as_ref();
        let slowed = reading.slowed.iter();
        Self {
            state: PaceState::Sending,
            because: None,
            until: None,
            requests_per_second: tenths(requests_per_second),
            limits: PaceLimits {
                total: number(limits.total_per_second),
                endpoint: number(limits.endpoint_per_second),
                account: number(limits.account_per_second),
                share: limits.share.part(),
                auto: limits.seek,
            },
            binds: binds.map(|binds| LaneJson::of(&binds.lane, binds.per_second, None)),
            slowed: slowed
                .map(|slowed| LaneJson::of(&slowed.lane, slowed.now, Some(slowed.asked)))
                .collect(),
            in_flight_most: reading.in_flight_most,
            connected_budget: limits.connected,
            connected_budget_is: reading.learnt,
            windows: Vec::new(),
            timezone: None,
            word: 0,
        }
    }

    /// The same for people, without a line feed at the end.
    pub fn text(&self, look: Look) -> String {
        let mut parts = vec![format!("{:.1} requests/s", self.requests_per_second)];
        let hours = || match &self.timezone {
            Some(zone) => format!("{} {zone}", self.windows.join(", ")),
            None => self.windows.join(", "),
        };
        match (self.state, self.because.as_deref()) {
            (PaceState::Waiting, Some("window")) => {
                let opens = self.until.as_deref().unwrap_or("later");
                parts.push(format!(
                    "waiting for the window {}, which opens {opens}",
                    hours()
                ));
            }
            (PaceState::Waiting, Some("pause_file")) => {
                parts.push("paused by the pause file".to_owned());
            }
            (PaceState::Waiting, Some("follow")) => {
                parts.push("waiting for what `pmclone listen` hears".to_owned());
            }
            (PaceState::Waiting, _) => {
                parts.push("paused: `pmclone throttle --go` lets it go on".to_owned());
            }
            (PaceState::Ending, _) => parts.push("ending".to_owned()),
            (PaceState::Sending, _) if !self.windows.is_empty() => {
                parts.push(format!("within the window {}", hours()));
            }
            (PaceState::Sending, _) => {}
        }
        if let Some(binds) = &self.binds {
            let rate = binds.requests_per_second;
            parts.push(format!("{} at {rate} requests/s binds", binds.name()));
        }
        let mut lines = vec![parts.join("; ")];
        lines.extend(self.slowed.iter().map(|slowed| match slowed.asked {
            Some(asked) => format!(
                "{}: {} of {asked} requests/s, since Stripe refuses more: somebody else uses the limit, or it is lower",
                slowed.name(),
                slowed.requests_per_second
            ),
            None => format!(
                "{}: {} requests/s, under what Stripe refused",
                slowed.name(),
                slowed.requests_per_second
            ),
        }));
        if let Some(most) = self.in_flight_most {
            lines.push(format!(
                "at most {most} requests in flight, since Stripe said that there were too many at once"
            ));
        }
        lines.extend(self.budget().map(str::to_owned));
        let label = look.bold("Pace");
        let lines: Vec<String> = lines
            .iter()
            .map(|line| wrap(line, "      ", look.width).trim_start().to_owned())
            .collect();
        format!("{label}  {}", lines.join("\n      "))
    }

    fn budget(&self) -> Option<&'static str> {
        match (self.connected_budget, self.connected_budget_is) {
            (ConnectedBudget::Shared, _) => None,
            (ConnectedBudget::Own, _) => {
                Some("each connected account is taken to have a budget of its own")
            }
            (ConnectedBudget::Auto, None) => Some(
                "whose budget calls on connected accounts use is not learnt yet: shared until then",
            ),
            (ConnectedBudget::Auto, Some(Learnt::Shared)) => {
                Some("learnt: calls on connected accounts use the platform's budget")
            }
            (ConnectedBudget::Auto, Some(Learnt::Own)) => {
                Some("learnt: each connected account has a budget of its own")
            }
        }
    }
}

/// The same for the log.
pub fn log(event: &Event) {
    let named = |endpoint: Option<Endpoint>| endpoint.map(Endpoint::name);
    match event {
        Event::Slowed { lane, asked, now } => {
            let account = lane.account.as_ref().map(AccountId::as_str);
            let endpoint = named(lane.endpoint);
            let asked = asked.is_finite().then_some(*asked);
            tracing::warn!(
                event = "slowed",
                endpoint,
                account,
                asked,
                now = tenths(*now)
            );
        }
        Event::TooMany { endpoint, most } => {
            tracing::warn!(
                event = "too_many_at_once",
                endpoint = named(*endpoint),
                most
            );
        }
        Event::Learnt {
            learnt, endpoint, ..
        } => {
            let budget = match learnt {
                Learnt::Shared => "shared",
                Learnt::Own => "own",
            };
            tracing::info!(event = "budget_learnt", endpoint = named(*endpoint), budget);
        }
    }
}

/// What people are told of an event while a run is on.
pub fn event(event: &Event) -> String {
    match event {
        Event::Slowed { lane, asked, now } => {
            let lane = LaneJson::of(lane, *now, Some(*asked));
            let name = lane.name();
            let now = lane.requests_per_second;
            match lane.asked {
                Some(asked) => format!(
                    "Stripe refuses {name} within our own {asked} requests/s: somebody else uses the limit, or it is lower. Slowed to {now}, to leave them room."
                ),
                None => format!(
                    "Stripe's limit for {name} is found: staying under it, at {now} requests/s."
                ),
            }
        }
        Event::TooMany { endpoint, most } => {
            let of = endpoint.map_or("requests", super::super::stripe::Endpoint::name);
            format!(
                "Stripe says that too many {of} are under way at once: at most {most} are for now."
            )
        }
        Event::Learnt {
            learnt,
            endpoint,
            at,
            granted,
        } => {
            let of = endpoint.map_or("requests", super::super::stripe::Endpoint::name);
            match learnt {
                Learnt::Shared => format!(
                    "Learnt: Stripe refuses {of} at {at:.0}/s over all accounts, so calls on connected accounts use the platform's budget. It is kept to."
                ),
                Learnt::Own => format!(
                    "Learnt: Stripe lets {of} through at {at:.0}/s over all accounts, more than one budget's {granted:.0}/s: each connected account has its own."
                ),
            }
        }
    }
}
