//! A month of one environment: each scheduled run is judged and moves the head.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use vigie_core::cause::Cause;
use vigie_core::check::{Class, Suite};
use vigie_core::facts::Rung;
use vigie_core::head::{Head, advance, date_findings};
use vigie_core::healthy::{self, NOW};
use vigie_core::judge::judge;
use vigie_core::plan::{Audit, identify};
use vigie_core::run::{Run, RungReport};
use vigie_core::snapshot::Snapshot;

use super::{Stored, YESTERDAY};

pub type Change = Box<dyn Fn(&mut Snapshot)>;

/// Something that is wrong for a while.
pub struct Trouble {
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    pub change: Change,
}

pub struct Life {
    pub name: &'static str,
    pub class: Class,
    pub began: Timestamp,
    pub troubles: Vec<Trouble>,
    /// When Vigie itself stood still: from, until.
    pub silent: Vec<(Timestamp, Timestamp)>,
}

/// A quarter of an hour: the longest that the connections suite may be apart, so that a month is told in a second.
const STEP: SignedDuration = SignedDuration::from_mins(15);

/// The full suite runs at 04:05 UTC.
const FULL_AT: i64 = 4 * 3_600 + 5 * 60;

/// # Panics
/// A time that cannot be read: a mistake of the story's.
#[must_use]
#[allow(clippy::panic)]
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn from_on(from: &str, change: Change) -> Trouble {
    Trouble { from: at(from), until: Timestamp::MAX, change }
}

pub fn between(from: &str, until: &str, change: Change) -> Trouble {
    Trouble { from: at(from), until: at(until), change }
}

impl Life {
    /// Lives it up to [`NOW`].
    #[must_use]
    pub fn live(&self) -> Stored {
        let mut known: BTreeMap<(Suite, Vec<bool>), (Snapshot, Run)> = BTreeMap::new();
        let mut head: Option<Head> = None;
        let (mut newest, mut previous) = (BTreeMap::new(), BTreeMap::new());
        for (at, suite) in self.schedule() {
            let now: Vec<bool> = self.troubles.iter().map(|t| (t.from..t.until).contains(&at)).collect();
            let (snapshot, judged) = known.entry((suite, now)).or_insert_with_key(|(suite, now)| {
                let snapshot = self.snapshot(*suite, now);
                let run = judge(&snapshot);
                (snapshot, run)
            });
            let mut run = self.stamped(judged, suite, at);
            date_findings(&mut run, head.as_ref());
            let key = identify(&self.audit(suite, at), at, "").key;
            let memory = snapshot.memory.get().cloned().unwrap_or_default();
            let fingerprints = snapshot.facts.variables.published();
            if let Some(moved) =
                advance(head.as_ref(), &run, &key, memory, fingerprints, snapshot.environment.confirm(), true)
            {
                head = Some(moved.head);
            }
            if at <= YESTERDAY {
                previous.insert(suite, run.clone());
            }
            newest.insert(suite, run);
        }
        let environment = self.snapshot(Suite::Full, &self.now()).environment;
        let previous = previous.into_values().collect();
        let (connections, full) = (newest.remove(&Suite::Connections), newest.remove(&Suite::Full));
        Stored { environment, connections, full, previous, head }
    }

    /// One full run at [`NOW`], the first of all.
    #[must_use]
    pub fn first(&self) -> Stored {
        let mut snapshot = self.snapshot(Suite::Full, &self.now());
        snapshot.memory = vigie_core::facts::Fact::gap(Cause::NoHistory, vigie_core::facts::Identity::Auditor);
        let mut run = self.stamped(&judge(&snapshot), Suite::Full, NOW);
        date_findings(&mut run, None);
        let key = identify(&self.audit(Suite::Full, NOW), NOW, "").key;
        let mut memory = vigie_core::snapshot::Memory::default();
        vigie_core::checks::selfwatch::remember(&mut memory, Suite::Full, NOW);
        let (fingerprints, confirm) = (snapshot.facts.variables.published(), snapshot.environment.confirm());
        let moved = advance(None, &run, &key, memory, fingerprints, confirm, true);
        let head = moved.map(|moved| moved.head);
        Stored { environment: snapshot.environment, connections: None, full: Some(run), previous: Vec::new(), head }
    }

    fn now(&self) -> Vec<bool> {
        self.troubles.iter().map(|trouble| (trouble.from..trouble.until).contains(&NOW)).collect()
    }

    fn audit(&self, suite: Suite, at: Timestamp) -> Audit {
        Audit { environment: self.name.to_owned(), suite, scheduled_at: Some(at) }
    }

    fn schedule(&self) -> Vec<(Timestamp, Suite)> {
        let mut out = Vec::new();
        let mut at = self.began;
        while at <= NOW {
            out.push((at, Suite::Connections));
            at += STEP;
        }
        let first = self.began.as_second().div_euclid(86_400);
        let full = (first..=NOW.as_second().div_euclid(86_400))
            .filter_map(|day| Timestamp::from_second(day * 86_400 + FULL_AT).ok())
            .filter(|at| (self.began..=NOW).contains(at));
        out.extend(full.map(|at| (at, Suite::Full)));
        out.retain(|(at, _)| !self.silent.iter().any(|(from, until)| (from..until).contains(&at)));
        out.sort();
        out
    }

    /// As it is with these troubles. Always as of [`NOW`]: what is judged for an earlier day is dated afterwards.
    fn snapshot(&self, suite: Suite, troubles: &[bool]) -> Snapshot {
        let mut snapshot = healthy::snapshot(self.class);
        snapshot.suite = suite;
        self.name.clone_into(&mut snapshot.environment.name);
        neighbour(&mut snapshot);
        for (trouble, _) in self.troubles.iter().zip(troubles).filter(|(_, now)| **now) {
            (trouble.change)(&mut snapshot);
        }
        snapshot
    }

    fn stamped(&self, judged: &Run, suite: Suite, at: Timestamp) -> Run {
        let mut run = judged.clone();
        run.id = identify(&self.audit(suite, at), at, "").id;
        (run.started_at, run.scheduled_at) = (at, Some(at));
        let mut slowest = 0;
        for target in &mut run.targets {
            for rung in &mut target.rungs {
                rung.ms = milliseconds(self.name, &target.target, rung, at);
            }
            slowest = slowest.max(target.rungs.iter().map(|rung| u64::from(rung.ms)).sum());
        }
        run.duration_ms = slowest + 180;
        run
    }
}

/// The other environment of the same shop.
fn neighbour(snapshot: &mut Snapshot) {
    let (name, class) = match snapshot.environment.class {
        Class::Production => ("staging", Class::Staging),
        Class::Staging => ("production", Class::Production),
    };
    let fingerprints = healthy::snapshot(class).facts.variables.published();
    let other = vigie_core::snapshot::Neighbour { class, at: NOW, fingerprints };
    snapshot.neighbours = [(name.to_owned(), vigie_core::facts::Fact::Known(other))].into();
}

/// Slower in the afternoon, and a little different each time. A rung without an answer takes the whole of its time.
fn milliseconds(environment: &str, target: &str, rung: &RungReport, at: Timestamp) -> u32 {
    if matches!(rung.cause, Some(Cause::Timeout | Cause::DnsTimeout)) {
        return 5_000;
    }
    let usual = match (rung.rung, target.split(':').next()) {
        (Rung::Resolve, _) => 2,
        (Rung::Connect, _) => 6,
        (Rung::Tls, _) => 13,
        (Rung::Authenticate, _) => 11,
        (_, Some("https")) => 95,
        (_, Some("postgres" | "redis")) => 4,
        _ => 38,
    };
    let hour = at.as_second().rem_euclid(86_400) / 3_600;
    let busy = u32::try_from(70 - 10 * (hour - 14).abs().min(7)).unwrap_or(0);
    let seed = format!("{environment} {target} {:?} {}", rung.rung, at.as_second());
    let luck = hash(&seed);
    let spread = u32::try_from(luck % 40).unwrap_or(0);
    let hiccup = if luck.is_multiple_of(97) { 400 } else { 0 };
    usual * (80 + busy + spread + hiccup) / 100
}

/// FNV-1a, then mixed (splitmix64): the same on every machine.
fn hash(text: &str) -> u64 {
    let folded = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}
