use std::num::NonZeroU32;
use std::time::Duration;

use super::lane::RATE_PAUSE;
use super::*;
use crate::stripe::key::Mode;

fn limits(total: u32, endpoint: u32, account: u32) -> Limits {
    Limits {
        total_per_second: NonZeroU32::new(total),
        endpoint_per_second: NonZeroU32::new(endpoint),
        account_per_second: NonZeroU32::new(account),
        ..Limits::OFF
    }
}

fn account(n: u32) -> AccountId {
    AccountId::parse(&format!("acct_{n}")).unwrap()
}

/// Sends without pause from `workers` tasks for `seconds`; returns how many were sent in each second.
async fn flood(
    limiter: &Arc<Limiter>,
    jobs: &[(Endpoint, Option<AccountId>)],
    workers: usize,
    seconds: usize,
) -> Vec<Vec<u32>> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (index, (endpoint, account)) in jobs.iter().cloned().enumerate() {
        for _ in 0..workers {
            let (limiter, account) = (Arc::clone(limiter), account.clone());
            tasks.spawn(async move {
                let mut sent = vec![0; seconds];
                loop {
                    limiter.permit(endpoint, account.as_ref()).await;
                    let second = usize::try_from(begin.elapsed().as_secs()).unwrap();
                    match sent.get_mut(second) {
                        Some(count) => *count += 1,
                        None => return (index, sent),
                    }
                }
            });
        }
    }
    let mut sums = vec![vec![0; seconds]; jobs.len()];
    while let Some(joined) = tasks.join_next().await {
        let (index, sent) = joined.unwrap();
        for (sum, count) in sums[index].iter_mut().zip(sent) {
            *sum += count;
        }
    }
    sums
}

#[tokio::test(start_paused = true)]
async fn no_second_sends_more_than_the_rate_and_the_burst_and_none_less_than_the_rate() {
    for rate in [1, 2, 20, 80, 400] {
        let limiter = Arc::new(Limiter::new(limits(rate, 10_000, 10_000)));
        let sent = flood(&limiter, &[(Endpoint::CreateCustomer, None)], 64, 5).await;
        let burst = if rate > 80 { 5 } else { 2 };
        assert!(
            sent[0].iter().all(|n| *n <= rate + burst),
            "{rate}: {sent:?}"
        );
        // tokio's timer has whole milliseconds.
        assert!(
            sent[0][1..].iter().all(|n| *n + 1 + rate / 50 >= rate),
            "{rate}: {sent:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_lane_holds_its_own_rate() {
    let limiter = Arc::new(Limiter::new(limits(80, 20, 10)));
    let jobs = [
        (Endpoint::CreatePaymentMethod, Some(account(1))),
        (Endpoint::CreatePaymentMethod, Some(account(2))),
        (Endpoint::AttachPaymentMethod, Some(account(2))),
        (Endpoint::CreateCustomer, None),
    ];
    let sent = flood(&limiter, &jobs, 16, 10).await;
    let sums: Vec<u32> = sent.iter().map(|seconds| seconds.iter().sum()).collect();
    // Account 1: 10/s, account 2: 10/s over both endpoints, the platform: the endpoint's 20/s.
    assert!((92..=103).contains(&sums[0]), "{sums:?}");
    assert!((92..=103).contains(&(sums[1] + sums[2])), "{sums:?}");
    assert!((188..=203).contains(&sums[3]), "{sums:?}");
}

/// A thousand attempts wait for one account; the others go on at once.
#[tokio::test(start_paused = true)]
async fn a_crowd_at_one_account_does_not_keep_the_others_waiting() {
    let limiter = Arc::new(Limiter::new(limits(80, 20, 1)));
    let crowd: Vec<_> = (0..1000)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                limiter
                    .permit(Endpoint::CreateCustomer, Some(&account(1)))
                    .await;
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let begin = Instant::now();
    for n in 2..20 {
        limiter
            .permit(Endpoint::CreateCustomer, Some(&account(n)))
            .await;
    }
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

/// One attempt that was answered so.
async fn attempt(limiter: &Limiter, endpoint: Endpoint, came: Came) {
    let permit = limiter.permit(endpoint, None).await;
    limiter.answered(permit, came);
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_a_limit_that_is_named_pauses_its_lane_alone() {
    let limiter = Limiter::new(Limits::OFF);
    let refused = Came::Limited(LimitedBy::EndpointRate);
    attempt(&limiter, Endpoint::CreateCustomer, refused).await;
    let begin = Instant::now();
    attempt(&limiter, Endpoint::AttachPaymentMethod, Came::Through).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    attempt(&limiter, Endpoint::CreateCustomer, Came::Through).await;
    assert!(begin.elapsed() >= RATE_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_named_slows_its_lane_alone_and_is_told() {
    let limiter = Limiter::new(limits(80, 20, 80));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let refused = Came::Limited(LimitedBy::EndpointRate);
    attempt(&limiter, Endpoint::CreateCustomer, refused).await;
    let slowed = limiter.reading().slowed;
    assert_eq!(slowed.len(), 1, "{slowed:?}");
    assert_eq!(slowed[0].lane.endpoint, Some(Endpoint::CreateCustomer));
    assert!(slowed[0].now <= 16.0, "{slowed:?}");
    let events = limiter.events();
    assert!(matches!(events[..], [Event::Slowed { .. }]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn locks_concurrency_and_no_reason_shrink_what_is_in_flight_and_no_rate() {
    for came in [
        Came::Locked,
        Came::Limited(LimitedBy::Untold),
        Came::Limited(LimitedBy::GlobalConcurrency),
        Came::Limited(LimitedBy::EndpointConcurrency),
    ] {
        let limiter = Limiter::new(Limits::OFF);
        let mut permits = Vec::new();
        for _ in 0..10 {
            permits.push(limiter.permit(Endpoint::CreateCustomer, None).await);
        }
        limiter.answered(permits.pop().unwrap(), came);
        assert!(limiter.reading().slowed.is_empty());
        // Nine are left; eight may be.
        let next = limiter.permit(Endpoint::CreateCustomer, None);
        let next = tokio::time::timeout(Duration::from_secs(1), next).await;
        assert!(next.is_err(), "{came:?}");
        for permit in permits.drain(..2) {
            limiter.answered(permit, Came::Through);
        }
        let next = limiter.permit(Endpoint::CreateCustomer, None);
        let next = tokio::time::timeout(Duration::from_secs(1), next).await;
        assert!(next.is_ok(), "{came:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bound_on_what_is_in_flight_rises_again() {
    let limiter = Limiter::new(Limits::OFF);
    attempt(&limiter, Endpoint::CreateCustomer, Came::Locked).await;
    assert_eq!(limiter.reading().in_flight_most, Some(1));
    for _ in 0..100 {
        let most = limiter.reading().in_flight_most.unwrap();
        let mut permits = Vec::new();
        for _ in 0..most {
            permits.push(limiter.permit(Endpoint::CreateCustomer, None).await);
        }
        for permit in permits {
            limiter.answered(permit, Came::Through);
        }
    }
    let most = limiter.reading().in_flight_most.unwrap();
    assert!(most > 40, "{most}");
}

/// Stripe as it may be: windows of a second, for all together or for each payer.
struct Windows {
    own: bool,
    total: u32,
    endpoint: u32,
    second: u64,
    counts: HashMap<(Option<AccountId>, Option<Endpoint>), u32>,
}

impl Windows {
    fn answers(&mut self, second: u64, endpoint: Endpoint, account: Option<&AccountId>) -> Came {
        if second != self.second {
            (self.second, self.counts) = (second, HashMap::new());
        }
        let payer = account.cloned().filter(|_| self.own);
        for (key, most, reason) in [
            (Some(endpoint), self.endpoint, LimitedBy::EndpointRate),
            (None, self.total, LimitedBy::GlobalRate),
        ] {
            let count = self.counts.entry((payer.clone(), key)).or_default();
            if *count >= most {
                return Came::Limited(reason);
            }
            *count += 1;
        }
        Came::Through
    }
}

/// Clones onto ten accounts as fast as it goes; how many came through in the last minute, and what was told.
async fn clones(limits: Limits, own: bool) -> (u32, Vec<Event>) {
    let limiter = Arc::new(Limiter::new(limits));
    let stripe = Arc::new(Mutex::new(Windows {
        own,
        total: 100,
        endpoint: 25,
        second: 0,
        counts: HashMap::new(),
    }));
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (limiter, stripe) = (Arc::clone(&limiter), Arc::clone(&stripe));
        tasks.spawn(async move {
            let (endpoint, account) = (Endpoint::CreatePaymentMethod, account(n % 10));
            let mut through = 0;
            while begin.elapsed() < Duration::from_secs(300) {
                let permit = limiter.permit(endpoint, Some(&account)).await;
                let second = begin.elapsed().as_secs();
                let came = held(&stripe).answers(second, endpoint, Some(&account));
                tokio::time::sleep(Duration::from_millis(150)).await;
                limiter.answered(permit, came);
                through += u32::from(came == Came::Through && (240..300).contains(&second));
            }
            through
        });
    }
    let through = tasks.join_all().await.into_iter().sum();
    (through, limiter.events())
}

fn of_budget(connected: ConnectedBudget) -> Limits {
    Limits {
        connected,
        ..Limits::for_mode(Mode::Live)
    }
}

#[tokio::test(start_paused = true)]
async fn shared_is_kept_to_whatever_stripe_would_grant() {
    for own in [false, true] {
        let (through, events) = clones(of_budget(ConnectedBudget::Shared), own).await;
        assert!((1195..=1202).contains(&through), "{through}");
        assert_eq!(events, []);
    }
}

#[tokio::test(start_paused = true)]
async fn own_budgets_are_used_side_by_side() {
    let (through, events) = clones(of_budget(ConnectedBudget::Own), true).await;
    // Ten accounts at 20 a second, four at a time on each, 150 ms: all of it.
    assert!(through > 11_900, "{through}");
    assert_eq!(events, []);
}

#[tokio::test(start_paused = true)]
async fn auto_learns_that_each_has_its_own() {
    let (through, events) = clones(of_budget(ConnectedBudget::Auto), true).await;
    let learnt = Learnt::Own;
    assert!(
        matches!(events[..], [Event::Learnt { learnt: l, .. }] if l == learnt),
        "{events:?}"
    );
    assert!(through > 11_900, "{through}");
}

#[tokio::test(start_paused = true)]
async fn auto_learns_that_it_is_one_and_stays_under_it() {
    let (through, events) = clones(of_budget(ConnectedBudget::Auto), false).await;
    assert!(
        matches!(
            events.first(),
            Some(Event::Learnt {
                learnt: Learnt::Shared,
                endpoint: Some(Endpoint::CreatePaymentMethod),
                ..
            })
        ),
        "{events:?}"
    );
    assert!((1100..=1205).contains(&through), "{through}");
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_is_found_and_a_share_of_it_is_used() {
    let limits = Limits {
        seek: true,
        endpoint_per_second: NonZeroU32::new(8),
        ..Limits::for_mode(Mode::Live)
    };
    // 25 are granted; four fifths of that, and now and then a look whether it is more by now.
    let (through, _) = clones(limits, false).await;
    assert!((1150..=1500).contains(&through), "{through}");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_leaves_the_turn_to_the_next() {
    let limiter = Limiter::new(limits(1, 1, 1));
    for _ in 0..2 {
        limiter.permit(Endpoint::CreateCustomer, None).await;
    }
    let impatient = limiter.permit(Endpoint::CreateCustomer, None);
    assert!(
        tokio::time::timeout(Duration::from_millis(10), impatient)
            .await
            .is_err()
    );
    let begin = Instant::now();
    limiter.permit(Endpoint::CreateCustomer, None).await;
    // In the ramp.
    assert!(begin.elapsed() <= Duration::from_millis(1600));
}

#[test]
fn the_defaults_leave_a_fifth_of_stripes_limits() {
    assert_eq!(Limits::for_mode(Mode::Live), limits(80, 20, 80));
    assert_eq!(Limits::for_mode(Mode::Test), limits(20, 20, 20));
}
