//! How environments stand, readiness, expiries and targets, in words.

use super::phrases as p;
use super::readiness;
use super::view::{EnvironmentView, Expires, LineState, Note, Readiness, ReadinessLine, Report, Standing, TargetView};
use super::words::Words;
use crate::check::{Severity, Suite, rung_name};
use crate::evidence::{Value, clean, duration};
use crate::facts::Rung;
use crate::run::{Expiry, ExpiryKind};

impl Words<'_> {
    pub fn standing(&self, view: &EnvironmentView) -> String {
        match &view.standing {
            Standing::Stale { suite: Suite::Full, since } => self.fill(p::STALE_FULL, [("at", self.when(*since))]),
            Standing::Stale { suite: Suite::Connections, since } => {
                self.fill(p::STALE_CONNECTIONS, [("at", self.when(*since))])
            }
            Standing::Never => self.say(p::NEVER),
            Standing::Unreadable { gap } => self.fill(p::UNREADABLE, [("why", self.gap(gap))]),
            Standing::Judged { .. } => self.reason(view),
        }
    }

    fn reason(&self, view: &EnvironmentView) -> String {
        let reason = &view.reason;
        let counts: Vec<String> = reason.open.iter().rev().map(|(s, n)| self.severities(*s, *n)).collect();
        let counts = ("counts", counts.join(", "));
        let minor = reason.open.keys().all(|s| *s < Severity::Medium);
        let mut out = vec![match (reason.open.is_empty(), minor) {
            (true, _) => self.say(p::NOTHING_OPEN),
            (false, true) => self.fill(p::ONLY_MINOR, [counts]),
            (false, false) => self.fill(p::OPEN, [counts]),
        }];
        if let Some(worst) = reason.worst.as_ref().filter(|worst| worst.severity >= Severity::Medium) {
            out.push(format!("{} ({}).", self.called(&worst.check, worst.fault.as_deref()), clean(&worst.subject)));
        }
        if reason.optional > 0 {
            out.push(self.say(p::OPTIONAL));
        }
        let more = [
            (reason.grave_unknown, p::ONE_GRAVE_UNKNOWN, p::MANY_GRAVE_UNKNOWN),
            (reason.muted, p::ONE_MUTED, p::MANY_MUTED),
        ];
        out.extend(more.into_iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| self.count(n as usize, one, many)));
        out.join(" ")
    }

    /// When it was audited and how many answers it gave.
    pub fn coverage(&self, view: &EnvironmentView) -> Option<String> {
        let at = self.fill(p::AUDITED, [("at", self.when(view.audited_at?))]);
        Some(format!("{at} · {}", self.answers(view)))
    }

    /// `52 answers, 3 unknown`.
    pub fn answers(&self, view: &EnvironmentView) -> String {
        let count = |n: u32, one, many| self.count(n as usize, one, many);
        let answered = count(view.coverage.answered, p::ONE_COVERAGE, p::MANY_COVERAGE);
        if view.coverage.unknown == 0 {
            return answered;
        }
        format!("{answered}, {}", count(view.coverage.unknown, p::ONE_UNANSWERED, p::MANY_UNANSWERED))
    }

    pub fn note(&self, note: &Note) -> String {
        match note {
            Note::HeadUnreadable { gap } => self.fill(p::HEAD_UNREADABLE, [("why", self.gap(gap))]),
            Note::SuiteNeverRan { suite: Suite::Full } => self.say(p::FULL_NEVER),
            Note::SuiteNeverRan { suite: Suite::Connections } => self.say(p::CONNECTIONS_NEVER),
            Note::RunUnreadable { gap, .. } => self.fill(p::RUN_UNREADABLE, [("why", self.gap(gap))]),
            Note::Maintenance { window } => {
                let all = || self.say(p::ALL_TARGETS);
                let values = [
                    ("owner", clean(&window.owner)),
                    ("until", self.when(window.until)),
                    ("reason", clean(&window.reason)),
                    ("targets", if window.targets.is_empty() { all() } else { self.list(&window.targets) }),
                ];
                self.fill(p::MAINTENANCE, values)
            }
            Note::SinkFailed { failure } => {
                let why = self.why(Some(failure.cause), failure.action.as_deref());
                self.fill(p::SINK_FAILED, [("sink", clean(&failure.sink)), ("why", why)])
            }
        }
    }

    pub fn line_state(&self, state: LineState) -> String {
        self.say(match state {
            LineState::Red => p::LINE_RED,
            LineState::Amber => p::LINE_AMBER,
            LineState::Green => p::LINE_GREEN,
            LineState::Grey => p::LINE_GREY,
            LineState::NotLookedAt => p::LINE_NOT,
        })
    }

    pub fn readiness(&self, of: &Readiness) -> String {
        let name = ("name", clean(&of.environment));
        if of.ready {
            return self.fill(p::READY, [name]);
        }
        let blocks = |l: &&ReadinessLine| l.blocking && matches!(l.state, LineState::Red | LineState::Grey);
        let lines: Vec<&str> = of.lines.iter().filter(blocks).map(|l| l.id.as_str()).collect();
        self.fill(p::NOT_READY, [name, ("lines", lines.join(", "))])
    }

    pub fn line(&self, line: &ReadinessLine) -> String {
        let title = readiness::find(&line.id).map_or_else(|| line.id.clone(), |of| self.say(of.title));
        if line.variables.is_empty() {
            return title;
        }
        format!("{title} ({})", self.list(&line.variables))
    }

    /// Why a line is not green, and how much of it was looked at.
    pub fn line_notes(&self, line: &ReadinessLine) -> String {
        let mut out: Vec<String> = Vec::new();
        for why in line.because.iter().take(3) {
            let muted = if why.muted { format!(" ({})", self.say(p::MUTED)) } else { String::new() };
            let subject = if why.subject.is_empty() { String::new() } else { format!(" {}", clean(&why.subject)) };
            out.push(format!("{}{subject}{muted}", why.check));
        }
        if line.because.len() > 3 {
            out.push(self.more(line.because.len() - 3));
        }
        if !line.blocking {
            out.push(self.say(p::ADVISORY));
        }
        if line.looked_at < line.listed && line.looked_at > 0 {
            let values = [("n", self.number(line.looked_at as usize)), ("all", self.number(line.listed as usize))];
            out.push(self.fill(p::PARTLY, values));
        }
        out.join(" · ")
    }

    pub fn expires(&self, expires: &Expires) -> (String, String) {
        let what = self.ending(&expires.expiry);
        let left = expires.expiry.at.as_second() - self.report.at.as_second();
        let by_day = matches!(expires.expiry.kind, ExpiryKind::Server | ExpiryKind::AccessKey);
        let (phrase, seconds) = match left {
            0.. => (p::ENDS_IN, left),
            _ if by_day => (p::OVERDUE, -left),
            _ => (p::ENDED, -left),
        };
        let age = self.fill(phrase, [("age", duration(seconds, self.language()))]);
        (format!("{} · {what}", clean(&expires.environment)), format!("{}, {age}", self.ends_at(&expires.expiry)))
    }

    /// What ends: `certificate of shop.example`.
    pub fn ending(&self, expiry: &Expiry) -> String {
        let subject = clean(&expiry.subject);
        match expiry.kind {
            ExpiryKind::Certificate => self.fill(p::CERTIFICATE, [("subject", subject)]),
            ExpiryKind::Session => self.say(p::SESSION),
            ExpiryKind::AccessKey => self.say(p::ACCESS_KEY),
            ExpiryKind::Domain => self.fill(p::DOMAIN, [("subject", subject)]),
            ExpiryKind::Server => self.fill(p::SERVER, [("subject", subject)]),
        }
    }

    /// When it ends. Of a rotation and a server's support the hour says nothing.
    pub fn ends_at(&self, expiry: &Expiry) -> String {
        match expiry.kind {
            ExpiryKind::Server | ExpiryKind::AccessKey => self.day(expiry.at),
            ExpiryKind::Certificate | ExpiryKind::Session | ExpiryKind::Domain => self.when(expiry.at),
        }
    }

    /// The rung that failed, or how long the ladder took; absent: it has none.
    pub fn climb(&self, target: &TargetView) -> Option<String> {
        let Some((rung, cause, code)) = &target.fell else {
            return target.ms.map(|ms| Value::Millis(ms).render(self.language()));
        };
        let rung = self.fill(p::FELL, [("rung", self.rung(*rung))]);
        let code = code.as_ref().map_or_else(String::new, |code| format!(", {}", clean(code)));
        Some(format!("{rung} ({cause}{code})"))
    }

    /// The name of a rung by its code; the code itself, if this version does not know it.
    pub fn rung_of(&self, code: &str) -> String {
        let known = Rung::ALL.into_iter().find(|rung| rung_name(*rung) == code);
        known.map_or_else(|| clean(code), |rung| self.rung(rung))
    }

    /// What the figures do not say of a target.
    pub fn target_notes(&self, target: &TargetView) -> String {
        let fell = target.fell.as_ref().and_then(|_| self.climb(target));
        let optional = target.optional.then(|| self.say(p::IS_OPTIONAL));
        fell.into_iter().chain(optional).collect::<Vec<_>>().join(" · ")
    }

    pub fn rung(&self, rung: Rung) -> String {
        self.say(match rung {
            Rung::Resolve => p::RESOLVE,
            Rung::Connect => p::CONNECT,
            Rung::Tls => p::TLS,
            Rung::Authenticate => p::AUTHENTICATE,
            Rung::Query => p::QUERY,
            Rung::Assert => p::ASSERT,
        })
    }

    /// What changed: `3 new, 1 resolved`, or `nothing new`.
    pub fn changed(&self) -> String {
        let report = self.report;
        let new = match report.since {
            Some(_) => self.count(report.new.len(), p::ONE_NEW, p::MANY_NEW),
            None => self.count(report.new.len(), p::ONE_FOUND, p::MANY_FOUND),
        };
        let resolved = self.count(report.resolved.len(), p::ONE_RESOLVED, p::MANY_RESOLVED);
        match (report.new.is_empty(), report.resolved.is_empty()) {
            (true, true) => self.say(p::NOTHING_NEW),
            (false, true) => new,
            (true, false) => resolved,
            (false, false) => format!("{new}, {resolved}"),
        }
    }

    pub fn compared(&self) -> String {
        let since = |at| self.fill(p::SINCE, [("at", self.when(at))]);
        let compared = self.report.since.map_or_else(|| self.say(p::FIRST), since);
        if self.report.repeat { format!("{} {compared}", self.say(p::REPEATED)) } else { compared }
    }
}

/// The mail's subject: the verdict, the stale and the worst first, and what changed.
#[must_use]
pub fn subject(report: &Report) -> String {
    const SHOWN: usize = 3;
    let words = Words::new(report);
    let mut parts: Vec<String> = Vec::new();
    for view in report.environments.iter().take(SHOWN) {
        let name = ("name", clean(&view.name));
        parts.push(match &view.standing {
            Standing::Stale { since, .. } => words.fill(p::SUBJECT_STALE, [name, ("at", words.lately(*since))]),
            Standing::Never => words.fill(p::SUBJECT_NEVER, [name]),
            Standing::Unreadable { .. } => words.fill(p::SUBJECT_UNREADABLE, [name]),
            Standing::Judged { .. } => format!("{} {}", name.1, words.colour(view.standing.colour())),
        });
    }
    if report.environments.len() > SHOWN {
        parts.push(words.more(report.environments.len() - SHOWN));
    }
    parts.push(words.changed());
    if report.repeat {
        let last = parts.len() - 1;
        parts[last] = format!("{} {}", parts[last], words.say(p::REPEAT));
    }
    words.fill(p::SUBJECT, [("what", parts.join(", "))])
}
