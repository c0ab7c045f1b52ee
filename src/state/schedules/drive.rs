//! The smallest run that can be wrong. What decides is the real machine; what is around it does what the real run does, unless a
//! rule is broken on purpose.

use std::collections::BTreeMap;

use super::world::{Reply, Request, World};
use super::{Fault, Mishap, Pause};
use crate::ids::{AccountId, LegacyId, PaymentMethodId};
use crate::state::{
    Customer, Doubt, Event, LookUp, Next, Object, Position, Reachable, Reading, Sight, StepId,
    StepKind, StepState, Target, Verdict,
};
use crate::time::StripeTime;

const SOURCES: Position = 2;
const TARGETS: Position = 2;
const BEGIN: i64 = 1_000_000;
const HOUR: i64 = 3600;

/// What the run keeps to. Each can be broken, to see whether that is seen.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each rule that can be broken"
)]
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long a key is thought to live.
    pub window_hours: i64,
    /// What is in doubt is looked for.
    pub looks: bool,
    /// Every send has a key of its own.
    pub key_per_send: bool,
    /// What was not found is made under a new key.
    pub raises_try: bool,
    /// The intent is kept before the request is sent.
    pub intent_first: bool,
    /// A look-up that failed counts as "not found".
    pub failure_is_absence: bool,
    /// Absence is not believed while something may still arrive.
    pub waits: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window_hours: 23,
            looks: true,
            key_per_send: false,
            raises_try: true,
            intent_first: true,
            failure_is_absence: false,
            waits: true,
        }
    }
}

/// What a step went through.
#[derive(Debug, Clone, Default)]
pub struct Lived {
    /// Sends under each try.
    sends: BTreeMap<u32, u32>,
    looks: u32,
    taken: bool,
}

impl Lived {
    /// In the words of the table.
    pub fn told(&self) -> String {
        let mut told = Vec::new();
        if self.looks > 0 {
            told.push("look");
        }
        told.push(match (self.taken, self.sends.len()) {
            (true, _) => "take",
            (false, 2..) => "anew",
            (false, _) => "again",
        });
        told.join(" ")
    }
}

/// A schedule that came to its end.
#[derive(Debug)]
pub struct Driven {
    /// Every step, in the order in which they were first asked for.
    pub steps: Vec<(StepId, Lived)>,
    /// How often Stripe executed each.
    pub executed: BTreeMap<StepId, u32>,
}

struct Drive<'a> {
    rules: &'a Rules,
    schedule: &'a [Mishap],
    world: World,
    customer: Customer,
    steps: Vec<(StepId, Lived)>,
    /// Requests that arrive at a time.
    late: Vec<(i64, Request)>,
    /// Grows with each edit of the customer's line.
    edits: i64,
    /// Look-ups that fail yet.
    blind: u32,
    sends: u32,
}

/// Drives a customer through a schedule to its end; says what is wrong there.
pub fn drive(schedule: &[Mishap], rules: &Rules) -> Result<Driven, String> {
    let customer = customer();
    let mut drive = Drive {
        rules,
        schedule,
        world: World::with_sources(BEGIN, &customer.sources),
        customer,
        steps: Vec::new(),
        late: Vec::new(),
        edits: 0,
        blind: 0,
        sends: 0,
    };
    for _ in 0..1_000 {
        if drive.step()? {
            return match drive.world.wrong(SOURCES, TARGETS) {
                None => Ok(Driven {
                    steps: drive.steps,
                    executed: drive.world.executed,
                }),
                Some(wrong) => Err(wrong),
            };
        }
    }
    Err("it comes to no end".to_owned())
}

fn customer() -> Customer {
    let sources = ["pm_a", "pm_b"].map(|id| PaymentMethodId::parse(id).unwrap());
    let target = |id| Target {
        account: AccountId::parse(id).unwrap(),
        sources: (0..SOURCES).collect(),
        reach: Reachable::Yes,
    };
    Customer {
        legacy_id: LegacyId::parse("42").unwrap(),
        platform_customer: None,
        sources: sources.into(),
        default: 0,
        targets: ["acct_1", "acct_2"].map(target).into(),
        steps: BTreeMap::new(),
        undone: false,
    }
}

impl Drive<'_> {
    /// Does what comes next; true at the end.
    fn step(&mut self) -> Result<bool, String> {
        self.arrive();
        self.reconcile()?;
        self.customer.reopen_unanswered();
        match self.customer.next(StripeTime(self.machines_now())) {
            Next::Send(step) => self.send(step).map(|()| false),
            Next::Expire(step) => self
                .apply(step, Event::Doubt(Doubt::Expired))
                .map(|()| false),
            Next::Settled(_) => {
                let doubt = |state: &StepState| matches!(state, StepState::InDoubt(_));
                let doubtful = self
                    .customer
                    .steps
                    .values()
                    .any(|record| doubt(&record.state));
                if doubtful {
                    // Nothing can be done now: somebody runs it again later.
                    self.world.now += HOUR;
                }
                Ok(!doubtful)
            }
            Next::Look(_) | Next::SetAside(_) => Err("nothing of this kind is asked for".into()),
        }
    }

    /// The time as the machine is told it: a wrong window is a clock that lags.
    fn machines_now(&self) -> i64 {
        self.world.now - (self.rules.window_hours - 23) * HOUR
    }

    fn apply(&mut self, step: StepId, event: Event) -> Result<(), String> {
        let applied = self.customer.apply(step, event, None);
        applied.map(drop).map_err(|illegal| illegal.to_string())
    }

    fn arrive(&mut self) {
        let now = self.world.now;
        let (due, late) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = late;
        let due: Vec<(i64, Request)> = due;
        for (at, request) in due {
            self.world.now = at;
            self.world.send(&request);
        }
        self.world.now = now;
    }

    fn lived(&mut self, step: StepId) -> &mut Lived {
        let place = self.steps.iter().position(|(each, _)| *each == step);
        let place = place.unwrap_or_else(|| {
            self.steps.push((step, Lived::default()));
            self.steps.len() - 1
        });
        &mut self.steps[place].1
    }

    fn digest(&self, step: StepId) -> i64 {
        match step.kind {
            StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => self.edits,
            StepKind::AttachPlatformPaymentMethod
            | StepKind::ClonePaymentMethod
            | StepKind::AttachConnectedPaymentMethod
            | StepKind::UpdateCustomer
            | StepKind::SetDefault
            | StepKind::RenewPaymentMethod
            | StepKind::AttachRenewedPaymentMethod
            | StepKind::SetRenewedDefault
            | StepKind::DetachReplacedPaymentMethod => 0,
        }
    }

    fn request(&mut self, step: StepId, try_no: u32) -> Request {
        self.sends += 1;
        let salt = if self.rules.key_per_send {
            self.sends
        } else {
            0
        };
        let carried = match (step.target, step.source) {
            (Some(target), Some(source)) if step.kind != StepKind::ClonePaymentMethod => {
                self.customer.clone_of(target, source)
            }
            (_, source) => source.and_then(|source| self.customer.source(source)),
        };
        let customer = match step.target {
            None => self.customer.platform_customer(),
            Some(_) => self.customer.made_on(step.target).map(|(made, _)| made),
        };
        Request {
            key: (step, try_no, salt),
            digest: self.digest(step),
            carried: carried.cloned(),
            customer: customer.cloned(),
        }
    }

    fn send(&mut self, step: StepId) -> Result<(), String> {
        let before = self.customer.steps.get(&step);
        let digest = self.digest(step);
        let resent = before.is_some_and(|record| record.state == StepState::Started);
        if resent && before.is_some_and(|record| record.digest != digest) {
            return self.apply(step, Event::Doubt(Doubt::RequestChanged));
        }
        let first = self.steps.iter().all(|(each, _)| *each != step);
        let nth = self.steps.len();
        let mishap = self
            .schedule
            .iter()
            .find(|mishap| first && mishap.nth == nth)
            .copied();
        let kept = self.customer.steps.get(&step).cloned();
        let at = StripeTime(self.world.now);
        self.apply(step, Event::Start { at, digest })?;
        let try_no = self.customer.steps[&step].try_no;
        *self.lived(step).sends.entry(try_no).or_default() += 1;
        let request = self.request(step, try_no);
        let Some(mishap) = mishap else {
            let reply = self.world.send(&request);
            return self.hear(step, &request, reply);
        };
        self.go_wrong(step, mishap, request)?;
        if !self.rules.intent_first
            && matches!(
                mishap.fault,
                Fault::CrashUnsent | Fault::CrashDone | Fault::Late
            )
        {
            // It was to be kept after the answer, and there was none.
            match kept {
                Some(kept) => self.customer.steps.insert(step, kept),
                None => self.customer.steps.remove(&step),
            };
        }
        self.blind = u32::from(mishap.blind);
        match mishap.pause {
            Pause::AtOnce => {}
            Pause::Edited => self.edits += 1,
            Pause::ADay => self.world.now += 25 * HOUR,
        }
        Ok(())
    }

    fn go_wrong(&mut self, step: StepId, mishap: Mishap, request: Request) -> Result<(), String> {
        match mishap.fault {
            Fault::Dropped => self.apply(step, Event::Doubt(Doubt::NoAnswer)),
            Fault::Unheard => {
                self.world.send(&request);
                self.apply(step, Event::Doubt(Doubt::NoAnswer))
            }
            Fault::CrashUnsent => Ok(()),
            Fault::CrashDone => {
                self.world.send(&request);
                Ok(())
            }
            Fault::Late => {
                self.late.push((self.world.now + 600, request));
                Ok(())
            }
            Fault::Stored | Fault::StoredDone => {
                self.world
                    .break_down(&request, mishap.fault == Fault::StoredDone);
                self.apply(step, Event::Doubt(Doubt::StoredServerError))
            }
            Fault::Limited => self.apply(step, Event::Withdraw),
        }
    }

    fn hear(&mut self, step: StepId, request: &Request, reply: Reply) -> Result<(), String> {
        let event = match reply {
            Reply::Done(object) => Event::Succeed(object),
            Reply::ServerError => Event::Doubt(Doubt::StoredServerError),
            Reply::OtherParameters => Event::Doubt(Doubt::IdempotencyConflict),
            Reply::AlreadyAttached => {
                let carried = request.carried.clone().ok_or("nothing was carried")?;
                let holder = self.world.holder(&carried).ok_or("attached to nobody")?;
                match step.kind {
                    StepKind::CreatePlatformCustomer | StepKind::CreateConnectedCustomer => {
                        Event::Succeed(Object::Customer(holder))
                    }
                    _ if Some(&holder) == request.customer.as_ref() => {
                        Event::Succeed(Object::PaymentMethod(carried))
                    }
                    _ => return Err("attached to somebody else".into()),
                }
            }
        };
        self.apply(step, event)
    }

    /// What every run begins with.
    fn reconcile(&mut self) -> Result<(), String> {
        let now = StripeTime(self.machines_now());
        for step in self
            .customer
            .overdue(|record| record.started_at.may_resend(now))
        {
            self.apply(step, Event::Doubt(Doubt::Expired))?;
        }
        for doubtful in self.customer.doubtful() {
            let Some(sight) = self.look(doubtful.step, &doubtful.look_up) else {
                continue;
            };
            let now = if self.rules.waits {
                self.world.now
            } else {
                i64::MAX / 2
            };
            match self
                .customer
                .judge(doubtful.step, sight, Reading::at(StripeTime(now)))
            {
                Some(Verdict::Settled(event)) => self.settle(doubtful.step, event)?,
                Some(Verdict::TooSoon(_)) => {}
                None => return Err("it was looked for in the wrong place".into()),
            }
        }
        Ok(())
    }

    fn settle(&mut self, step: StepId, event: Event) -> Result<(), String> {
        self.lived(step).taken = matches!(event, Event::Find(..));
        let missed = matches!(event, Event::Miss(_));
        self.apply(step, event)?;
        if missed
            && !self.rules.raises_try
            && let Some(record) = self.customer.steps.get_mut(&step)
        {
            record.try_no -= 1;
        }
        Ok(())
    }

    /// `None`: the look-up failed.
    fn look(&mut self, step: StepId, look_up: &LookUp) -> Option<Sight> {
        let none = match look_up {
            LookUp::Customers(_) => Sight::Customers(Vec::new()),
            LookUp::PaymentMethod(..) => Sight::AttachedTo(None),
            LookUp::Nowhere => return Some(Sight::Nothing),
        };
        if !self.rules.looks {
            return Some(none);
        }
        self.lived(step).looks += 1;
        if self.blind > 0 {
            self.blind -= 1;
            return self.rules.failure_is_absence.then_some(none);
        }
        Some(match look_up {
            LookUp::Customers(_) => Sight::Customers(self.world.list(step.target)),
            LookUp::PaymentMethod(id, _) => Sight::AttachedTo(self.world.holder(id)),
            LookUp::Nowhere => Sight::Nothing,
        })
    }
}
