//! Part two: the client's own limiter with many customers in flight, under tokio's paused clock, before a model of Stripe's.
//!
//! Each customer is three calls, one after the other: a Customer on the platform, a clone and a Customer on one of forty accounts.
//! Stripe grants 100 requests a second and 25 for each endpoint, so `POST /v1/customers` binds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pmclone::ids::AccountId;
use pmclone::stripe::answer::LimitedBy;
use pmclone::stripe::{Came, Endpoint, Limiter, Limits, Mode, Share};
use tokio::time::{Instant, sleep};

use super::compare::{Told, drawn};
use super::model::{Kind, Model};

/// What goes on beside the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Somebody else takes half of `POST /v1/customers`.
    Neighbour,
    /// The endpoint's limit is halved for a time.
    Halved,
}

impl Beside {
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Neighbour, Self::Halved];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "as documented",
            Self::Neighbour => "a neighbour takes half",
            Self::Halved => "halved, then doubled",
        }
    }

    fn endpoint_limit(self, second: u64) -> f64 {
        if self == Self::Halved && (1200..2400).contains(&second) {
            12.0
        } else {
            25.0
        }
    }

    /// What is left of it.
    fn left(self, second: u64) -> f64 {
        let theirs = if self == Self::Neighbour { THEIRS } else { 0.0 };
        self.endpoint_limit(second) - theirs
    }

    fn settled(self) -> &'static [(u64, u64)] {
        match self {
            Self::Nothing | Self::Neighbour => &[(600, 2400)],
            Self::Halved => &[(600, 1200), (1800, 2400), (3000, 3600)],
        }
    }

    fn is_settled(self, second: u64) -> bool {
        let within = |(from, to): &(u64, u64)| (*from..*to).contains(&second);
        self.settled().iter().any(within)
    }
}

const THEIRS: f64 = 12.5;
const IN_FLIGHT: u32 = 128;

struct Stripe {
    kind: Kind,
    beside: Beside,
    total: Model,
    endpoints: HashMap<Endpoint, Model>,
    /// Of `POST /v1/customers`, in the settled seconds: ours let through; ours sent and refused, of all endpoints; theirs.
    passed: f64,
    sent: f64,
    refused: f64,
    theirs: f64,
    theirs_refused: f64,
}

impl Stripe {
    fn new(kind: Kind, beside: Beside) -> Self {
        Self {
            kind,
            beside,
            total: Model::new(kind),
            endpoints: HashMap::new(),
            passed: 0.0,
            sent: 0.0,
            refused: 0.0,
            theirs: 0.0,
            theirs_refused: 0.0,
        }
    }

    fn admits(&mut self, now: Duration, endpoint: Endpoint) -> Came {
        let customers = endpoint == Endpoint::CreateCustomer;
        let limit = if customers {
            self.beside.endpoint_limit(now.as_secs())
        } else {
            25.0
        };
        let kind = self.kind;
        let of_endpoint = self
            .endpoints
            .entry(endpoint)
            .or_insert_with(|| Model::new(kind));
        if !of_endpoint.admits(now, limit) {
            return Came::Limited(LimitedBy::EndpointRate);
        }
        if !self.total.admits(now, 100.0) {
            return Came::Limited(LimitedBy::GlobalRate);
        }
        Came::Through
    }

    fn ours(&mut self, now: Duration, endpoint: Endpoint) -> Came {
        let came = self.admits(now, endpoint);
        if self.beside.is_settled(now.as_secs()) {
            let through = came == Came::Through;
            self.sent += 1.0;
            self.refused += f64::from(u8::from(!through));
            self.passed += f64::from(u8::from(through && endpoint == Endpoint::CreateCustomer));
        }
        came
    }

    fn theirs(&mut self, now: Duration) {
        let came = self.admits(now, Endpoint::CreateCustomer);
        if self.beside.is_settled(now.as_secs()) {
            self.theirs += 1.0;
            self.theirs_refused += f64::from(u8::from(came != Came::Through));
        }
    }
}

type Shared = Arc<Mutex<Stripe>>;

fn locked(stripe: &Shared) -> std::sync::MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs it in virtual time. `used` is of what is permitted: `share` of the limit, or of what is left of it where that is less.
pub fn play(beside: Beside, share: &str, kind: Kind, latency: Duration) -> anyhow::Result<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let share = Share::parse(share).unwrap_or(Share::DEFAULT);
    let told = runtime.block_on(async {
        let limiter = Arc::new(Limiter::new(Limits::share_of(Mode::Live, share)));
        let stripe = Arc::new(Mutex::new(Stripe::new(kind, beside)));
        let begun = Instant::now();
        let end = beside.settled().last().map_or(0, |(_, end)| *end);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..IN_FLIGHT {
            let account = AccountId::parse(&format!("acct_{}", number % 40))?;
            let (limiter, stripe) = (Arc::clone(&limiter), Arc::clone(&stripe));
            tasks.spawn(async move {
                while begun.elapsed().as_secs() < end {
                    customer(&limiter, &stripe, &account, latency, begun).await;
                }
            });
        }
        if beside == Beside::Neighbour {
            let stripe = Arc::clone(&stripe);
            tasks.spawn(async move {
                while begun.elapsed().as_secs() < end {
                    let now = begun.elapsed();
                    locked(&stripe).theirs(now);
                    sleep(Duration::from_secs_f64((0.9 + 0.2 * drawn(now)) / THEIRS)).await;
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        let stripe = locked(&stripe);
        let mut permitted = 0.0;
        for (from, to) in beside.settled() {
            for second in *from..*to {
                permitted += share.part() * beside.left(second);
            }
        }
        anyhow::Ok(Told {
            used: stripe.passed / permitted,
            refused: 1000.0 * stripe.refused / stripe.sent.max(1.0),
            neighbour_refused: 1000.0 * stripe.theirs_refused / stripe.theirs.max(1.0),
        })
    })?;
    Ok(told)
}

async fn customer(
    limiter: &Limiter,
    stripe: &Shared,
    account: &AccountId,
    latency: Duration,
    begun: Instant,
) {
    let steps = [
        (Endpoint::CreateCustomer, None),
        (Endpoint::CreatePaymentMethod, Some(account)),
        (Endpoint::CreateCustomer, Some(account)),
    ];
    for (endpoint, account) in steps {
        let mut tries = 0;
        loop {
            let permit = limiter.permit(endpoint, account).await;
            sleep(latency / 2).await;
            let came = locked(stripe).ours(begun.elapsed(), endpoint);
            sleep(latency / 2).await;
            limiter.answered(permit, came);
            if came == Came::Through {
                break;
            }
            // As the client does: full jitter, doubling.
            tries += 1;
            let most_ms = (500_u64 << tries.min(5)).min(8000);
            let part = drawn(begun.elapsed() + Duration::from_nanos(most_ms));
            sleep(Duration::from_millis(most_ms).mul_f64(part)).await;
        }
    }
}
