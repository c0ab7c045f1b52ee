//! Whose budget a call with `Stripe-Account` uses, and what people are told of the lanes.
//!
//! Stripe does not document it. It shows where calls of several payers together go faster than one budget grants: if a 429 names
//! a rate there, it is one budget (or somebody else uses it, which comes to the same); if none comes, each has its own.

use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::{Endpoint, Limiter, Limits, Payer, Rate, held};
use crate::ids::AccountId;

/// What is assumed of calls with `Stripe-Account`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ConnectedBudget {
    /// They use the platform's budget, together with its own calls: the careful reading.
    #[default]
    Shared,
    /// Each connected account has a budget of its own.
    Own,
    /// Begin with shared, and learn it from what Stripe refuses.
    Auto,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learnt {
    /// One budget.
    Shared,
    /// One for each.
    Own,
}

/// Beyond one budget's limit by so much, and nothing refused: there are several.
const CLEARLY_BEYOND: f64 = 1.2;

#[derive(Debug)]
pub(super) struct Learning(Option<Learnt>);

impl Learning {
    pub fn new(connected: ConnectedBudget) -> Self {
        Self(match connected {
            ConnectedBudget::Shared => Some(Learnt::Shared),
            ConnectedBudget::Own => Some(Learnt::Own),
            ConnectedBudget::Auto => None,
        })
    }

    pub fn learnt(&self) -> Option<Learnt> {
        self.0
    }
}

/// Which lane: of an account or of the platform (or of all together), of an endpoint or the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneName {
    /// The connected account; `None`: the platform, or all together.
    pub account: Option<AccountId>,
    /// The endpoint; `None`: the total.
    pub endpoint: Option<Endpoint>,
}

/// Something that people are told while a run is on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Stripe refuses a rate, and the run goes slower.
    Slowed {
        /// Which.
        lane: LaneName,
        /// Requests per second that were asked for; infinite where they are looked for.
        asked: f64,
        /// Requests per second now.
        now: f64,
    },
    /// Stripe says that too much is done at once.
    TooMany {
        /// Of an endpoint, or of everything.
        endpoint: Option<Endpoint>,
        /// Requests in flight at most, now.
        most: u64,
    },
    /// Whose budget calls with `Stripe-Account` use.
    Learnt {
        /// What was learnt.
        learnt: Learnt,
        /// From which limit.
        endpoint: Option<Endpoint>,
        /// At how many requests per second in all.
        at: f64,
        /// What one budget grants.
        granted: f64,
    },
}

/// A lane that Stripe has slowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Slowed {
    /// Which.
    pub lane: LaneName,
    /// Requests per second now.
    pub now: f64,
    /// Requests per second that were asked for; infinite where they are looked for.
    pub asked: f64,
}

/// The lane that attempts wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Which.
    pub lane: LaneName,
    /// Requests per second that it lets through now.
    pub per_second: f64,
}

/// How the lanes stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the run keeps to.
    pub limits: Limits,
    /// The lane that attempts waited for since the last reading; `None`: none.
    pub binding: Option<Binding>,
    /// Lanes that Stripe has slowed: those of all together and of the platform, and as many accounts'.
    pub slowed: Vec<Slowed>,
    /// Requests in flight at most, where Stripe said that there were too many.
    pub in_flight_most: Option<u64>,
    /// Whose budget calls with `Stripe-Account` use, as far as is known.
    pub learnt: Option<Learnt>,
}

/// More slowed lanes than this are told of no more, where they are accounts'.
const SLOWED_TOLD: usize = 20;

/// In a second: less than that is the rhythm of any lane that is not quite empty.
const WORTH_TELLING_US: u64 = 100_000;

/// What is found in one walk through all lanes.
#[derive(Default)]
struct Look {
    slowed: Vec<Slowed>,
    longest_us: u64,
    binding: Option<Binding>,
}

impl Look {
    fn at(&mut self, account: Option<&AccountId>, payer: &Payer) {
        for endpoint in Endpoint::ALL {
            if let Some(lane) = payer.endpoints[endpoint.index()].get() {
                self.at_lane(account, Some(endpoint), lane);
            }
        }
        self.at_lane(account, None, &payer.total);
    }

    fn at_lane(&mut self, account: Option<&AccountId>, endpoint: Option<Endpoint>, lane: &Lane) {
        let Some(standing) = lane.standing() else {
            return;
        };
        let name = || LaneName {
            account: account.cloned(),
            endpoint,
        };
        if standing.slowed && (account.is_none() || self.slowed.len() < SLOWED_TOLD) {
            self.slowed.push(Slowed {
                lane: name(),
                now: standing.rate,
                asked: standing.most,
            });
        }
        let waited_us = lane.take_waited_us();
        if waited_us > self.longest_us.max(WORTH_TELLING_US) {
            self.longest_us = waited_us;
            self.binding = Some(Binding {
                lane: name(),
                per_second: standing.rate,
            });
        }
    }
}

impl Limiter {
    /// What happened that people should be told, since the last time.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *held(&self.events))
    }

    /// What the run keeps to from now on, in all.
    pub fn ask_total(&self, rate: Rate, auto: Limits) {
        let limits = {
            let mut limits = held(&self.limits);
            (limits.total_per_second, limits.seek, limits.total_is_asked) = match rate {
                Rate::Off => (None, false, true),
                Rate::PerSecond(rate) => (Some(rate), false, true),
                Rate::Auto => (auto.total_per_second, true, false),
            };
            if rate == Rate::Auto {
                limits.endpoint_per_second = auto.endpoint_per_second;
            }
            *limits
        };
        let learnt = held(&self.learning).learnt();
        self.joint.total.ask(limits.joint_total(learnt));
        self.platform.total.ask(limits.payer_total());
        for endpoint in Endpoint::ALL {
            if let Some(lane) = self.joint.endpoints[endpoint.index()].get() {
                lane.ask(limits.joint_endpoint(learnt));
            }
        }
    }

    pub(super) fn learn_own(&self, limits: Limits, endpoint: Endpoint, lane: &Lane) {
        let lanes = [(Some(endpoint), lane), (None, &self.joint.total)];
        let found = lanes.into_iter().find_map(|(endpoint, lane)| {
            let granted = limits.granted(endpoint.is_some())?;
            let passed = lane.standing()?.passed_at?;
            (passed >= granted * CLEARLY_BEYOND).then_some((endpoint, passed, granted))
        });
        if let Some((endpoint, at, granted)) = found {
            self.learn(limits, Learnt::Own, endpoint, at, granted);
        }
    }

    pub(super) fn learn_shared(&self, limits: Limits, endpoint: Option<Endpoint>) {
        let learnt = Some(Learnt::Shared);
        let lane = match endpoint {
            Some(endpoint) => self.joint.endpoint(endpoint, limits.joint_endpoint(learnt)),
            None => &self.joint.total,
        };
        let at = lane.standing().map_or(0.0, |standing| standing.rate);
        let granted = limits.granted(endpoint.is_some()).unwrap_or(0.0);
        self.learn(limits, Learnt::Shared, endpoint, at, granted);
    }

    fn learn(
        &self,
        limits: Limits,
        learnt: Learnt,
        endpoint: Option<Endpoint>,
        at: f64,
        granted: f64,
    ) {
        {
            let mut learning = held(&self.learning);
            if learning.0.is_some() {
                return;
            }
            learning.0 = Some(learnt);
        }
        self.joint.total.ask(limits.joint_total(Some(learnt)));
        for lane in self.joint.endpoints.iter().filter_map(|lane| lane.get()) {
            lane.ask(limits.joint_endpoint(Some(learnt)));
        }
        held(&self.events).push(Event::Learnt {
            learnt,
            endpoint,
            at,
            granted,
        });
    }

    pub(super) fn tell_slowed(&self, name: LaneName, lane: &Lane) {
        if let Some(standing) = lane.standing() {
            held(&self.events).push(Event::Slowed {
                lane: name,
                asked: standing.most,
                now: standing.rate,
            });
        }
    }

    /// How the lanes stand; what binds is told since the last reading.
    pub fn reading(&self) -> Reading {
        let mut look = Look::default();
        look.at(None, &self.joint);
        look.at(None, &self.platform);
        for (account, payer) in held(&self.accounts).iter() {
            look.at(Some(account), payer);
        }
        Reading {
            limits: *held(&self.limits),
            binding: look.binding,
            slowed: look.slowed,
            in_flight_most: self.in_flight.most(),
            learnt: held(&self.learning).learnt(),
        }
    }
}
