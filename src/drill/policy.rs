//! PURE but for its seed. When a child is killed and what goes wrong with a request, one policy for each part of a drill.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::points::{FAULTS, FAULTS_OF_READS, Point};
use crate::simulator::{Fault, Method, Request};

/// Where a child stands when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The kind.
    pub point: Point,
    /// The same each time that this very boundary is met: whichever key, try or clone it is met with.
    pub identity: u64,
}

impl Place {
    /// At a commit.
    pub fn of_commit(done: bool, what: &str) -> Self {
        Self {
            point: Point::of_commit(done, what),
            identity: digest(&(done, what)),
        }
    }

    /// At a request.
    pub fn of_request(request: &Request, handled: bool) -> Self {
        let write = request.method == Method::Post;
        let point = match (write, handled) {
            (true, false) => Point::RequestSent,
            (true, true) => Point::RequestDone,
            (false, false) => Point::ReadSent,
            (false, true) => Point::ReadDone,
        };
        // A Customer carries a clone, whose id is another when it had to be cloned again: its mark is what stays.
        let marked = form_urlencoded::parse(request.body.as_bytes())
            .find(|(name, _)| name == "metadata[legacy_customer_id]")
            .map(|(_, legacy_id)| legacy_id.into_owned());
        let body = marked.as_ref().unwrap_or(&request.body);
        let account = request.connected_account();
        Self {
            point,
            identity: digest(&(write, handled, &request.path, account, body)),
        }
    }
}

fn digest(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// A part of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing goes wrong: what the CSV comes to.
    Reference,
    /// A kill at each boundary in turn, resumed at once, or after 25 hours.
    Walk {
        /// After 25 hours.
        later: bool,
    },
    /// Each fault at each write in turn, and a kill right after it.
    Faults,
    /// Many at once, kills and faults where they fall.
    Storm,
}

/// So many of so many boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// These.
    pub part: u64,
    /// Of these.
    pub whole: u64,
}

impl Share {
    /// Every one.
    pub const ALL: Self = Self { part: 1, whole: 1 };

    /// True where none is left out.
    pub fn is_all(self) -> bool {
        self.part >= self.whole
    }

    fn takes(self, draw: u64) -> bool {
        self.is_all() || draw % self.whole < self.part
    }
}

/// What becomes of a child at a boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// It is killed.
    Kill,
    /// Its request meets this fault.
    Fault(Fault),
}

/// What becomes of a request that was under way when its sender was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives all the same.
    Arrives,
    /// It arrives when the next child is at work already.
    ArrivesLate,
}

/// After a fault that is followed by a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The child is killed before it tries again.
    Soon,
    /// It may try again, and is killed when it keeps what came of it.
    Patient,
}

/// Boundaries between two kills of a storm, at most.
const STORM_STRETCH: u32 = 30;
/// One in so many requests of a storm meets a fault.
const STORM_FAULTS: u32 = 12;

/// Decides, child after child, through one migration.
#[derive(Debug)]
pub struct Policy {
    part: Part,
    share: Share,
    seed: u64,
    rng: fastrand::Rng,
    seen: HashSet<u64>,
    writes: u64,
    after_fault: Option<After>,
    /// Boundaries until the storm's next kill.
    left: u32,
    /// Whether the storm's child may wait out its faults.
    patient: bool,
    calm: bool,
}

impl Policy {
    /// For a migration of its own.
    pub fn new(part: Part, share: Share, seed: u64) -> Self {
        Self {
            part,
            share,
            seed,
            rng: fastrand::Rng::with_seed(seed),
            seen: HashSet::new(),
            writes: 0,
            after_fault: None,
            left: 0,
            patient: false,
            calm: false,
        }
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&mut self) {
        self.calm = true;
    }

    /// True for a storm, which ends when there were kills enough.
    pub fn is_storm(&self) -> bool {
        self.part == Part::Storm
    }

    /// Boundaries that were met, each counted once; and how many of them are writes that were sent.
    pub fn met(&self) -> (u64, u64) {
        (
            u64::try_from(self.seen.len()).unwrap_or(u64::MAX),
            self.writes,
        )
    }

    /// A child begins.
    pub fn begin(&mut self) {
        self.after_fault = None;
        self.left = self.rng.u32(1..=STORM_STRETCH);
        self.patient = self.rng.u32(0..4) == 0;
    }

    /// What becomes of the child here.
    pub fn at(&mut self, place: Place) -> Verdict {
        if self.calm {
            return Verdict::GoOn;
        }
        match self.part {
            Part::Reference => {
                let new = self.seen.insert(place.identity);
                self.writes += u64::from(new && place.point == Point::RequestSent);
                Verdict::GoOn
            }
            Part::Walk { .. } => {
                if self.seen.insert(place.identity) && self.takes(place.identity) {
                    Verdict::Kill
                } else {
                    Verdict::GoOn
                }
            }
            Part::Faults => self.among_faults(place),
            Part::Storm => self.in_storm(place),
        }
    }

    fn takes(&self, identity: u64) -> bool {
        self.share.takes(digest(&(self.seed, identity)))
    }

    fn among_faults(&mut self, place: Place) -> Verdict {
        match (self.after_fault, place.point) {
            (None, Point::RequestSent) => {
                for fault in &FAULTS {
                    let identity = digest(&(place.identity, fault.name()));
                    if self.seen.insert(identity) && self.takes(identity) {
                        let patient = self.rng.u32(0..8) == 0;
                        self.after_fault = Some(if patient { After::Patient } else { After::Soon });
                        return Verdict::Fault(fault.clone());
                    }
                }
                Verdict::GoOn
            }
            (None, _)
            | (Some(_), Point::RequestDone | Point::ReadDone)
            | (Some(After::Patient), Point::RequestSent | Point::ReadSent) => Verdict::GoOn,
            (Some(After::Soon | After::Patient), _) => Verdict::Kill,
        }
    }

    fn in_storm(&mut self, place: Place) -> Verdict {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Verdict::Kill;
        }
        let faults = match place.point {
            Point::RequestSent => FAULTS.len(),
            Point::ReadSent => FAULTS_OF_READS,
            _ => return Verdict::GoOn,
        };
        if self.rng.u32(0..STORM_FAULTS) > 0 {
            return Verdict::GoOn;
        }
        let drawn = FAULTS.get(self.rng.usize(0..faults));
        drawn.map_or(Verdict::GoOn, |fault| Verdict::Fault(fault.clone()))
    }

    /// How long a child may stand still before it is killed for that; `None`: for ever.
    pub fn patience(&self) -> Option<Duration> {
        match (self.part, self.after_fault) {
            _ if self.calm => None,
            (Part::Faults, Some(After::Soon)) => Some(Duration::from_millis(5)),
            (Part::Storm, _) if !self.patient => Some(Duration::from_millis(20)),
            _ => None,
        }
    }

    /// Whether the next child begins 25 hours after this one was killed.
    pub fn later(&mut self) -> bool {
        match self.part {
            Part::Reference => false,
            Part::Walk { later } => later,
            Part::Faults => self.rng.bool(),
            Part::Storm => self.rng.u32(0..4) == 0,
        }
    }

    /// What becomes of a request that was under way at a kill.
    pub fn fate(&mut self) -> Fate {
        match self.part {
            // That it arrives is the next boundary.
            Part::Reference | Part::Walk { .. } => Fate::Lost,
            Part::Faults | Part::Storm => match self.rng.u32(0..3) {
                0 => Fate::Lost,
                1 => Fate::Arrives,
                _ => Fate::ArrivesLate,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(what: &str) -> Place {
        Place::of_commit(false, what)
    }

    #[test]
    fn a_walk_kills_once_at_each_boundary() {
        let mut walk = Policy::new(Part::Walk { later: false }, Share::ALL, 1);
        let killed: Vec<_> = [" a", " b", " a", " a", " b", " c"]
            .into_iter()
            .map(|what| walk.at(commit(what)) == Verdict::Kill)
            .collect();
        assert_eq!(killed, [true, true, false, false, false, true]);
    }

    #[test]
    fn a_share_of_a_walk_is_drawn_by_the_seed_and_about_as_large_as_asked() {
        let kills = |seed| -> Vec<bool> {
            let share = Share { part: 1, whole: 4 };
            let mut walk = Policy::new(Part::Walk { later: true }, share, seed);
            (0..1000)
                .map(|n| walk.at(commit(&format!(" {n}"))) == Verdict::Kill)
                .collect()
        };
        assert_eq!(kills(1), kills(1));
        assert_ne!(kills(1), kills(2));
        let count = kills(1).iter().filter(|kill| **kill).count();
        assert!((200..300).contains(&count), "{count}");
    }

    #[test]
    fn every_fault_comes_at_every_write_and_each_is_followed_by_a_kill() {
        let write = Place {
            point: Point::RequestSent,
            identity: 7,
        };
        let mut faults = Policy::new(Part::Faults, Share::ALL, 1);
        let mut met = Vec::new();
        loop {
            faults.begin();
            match faults.at(write) {
                Verdict::Fault(fault) => met.push(fault),
                Verdict::GoOn => break,
                Verdict::Kill => panic!("no fault came before the kill"),
            }
            assert_eq!(faults.at(commit(" 1/x/0/0=done")), Verdict::Kill);
        }
        assert_eq!(met, FAULTS);
    }

    #[test]
    fn what_is_met_under_another_key_or_with_another_clone_is_the_same_boundary() {
        let request = |key: &str, clone: &str| {
            let headers = [("Idempotency-Key", key), ("Stripe-Account", "acct_1")];
            let body = format!("payment_method={clone}&metadata%5Blegacy_customer_id%5D=c1");
            let request = Request::from_parts("POST", "/v1/customers", headers, body.as_bytes());
            Place::of_request(&request, false).identity
        };
        assert_eq!(request("k1", "pm_1"), request("k2", "pm_2"));
    }
}
