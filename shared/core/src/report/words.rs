//! The report in words: plain text, in the recipient's language and time zone. Renderers escape it for their medium.

use super::phrases::{self as p, MONTHS};
use super::readiness;
use super::view::{
    Colour, EnvironmentView, Expires, Item, LineState, Note, Readiness, ReadinessLine, Report, Resolved, Standing,
    TargetView, Unknown,
};
use crate::cause::Cause;
use crate::check::{Severity, Suite};
use crate::checks;
use crate::evidence::{Evidence, Value, clean, duration};
use crate::facts::{Gap, Rung};
use crate::run::{ExpiryKind, Finding, Outcome};
use crate::text::{Language, Text};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Longest sentence with evidence, in characters.
const LONGEST: usize = 320;
/// Checks or subjects named in one sentence.
const NAMED: usize = 6;

pub(super) struct Words<'a> {
    pub report: &'a Report,
    zone: TimeZone,
}

impl<'a> Words<'a> {
    pub fn new(report: &'a Report) -> Self {
        // The configuration refuses a zone that does not exist; UTC stands for one that a later database lost.
        Words { report, zone: TimeZone::get(&report.time_zone).unwrap_or(TimeZone::UTC) }
    }

    pub fn language(&self) -> Language {
        self.report.language
    }

    pub fn say(&self, text: Text) -> &'static str {
        text.raw(self.language())
    }

    pub fn fill<const N: usize>(&self, text: Text, values: [(&str, String); N]) -> String {
        let evidence: Evidence = values.into_iter().map(|(name, v)| (name.to_owned(), Value::Name(v))).collect();
        fill(text.raw(self.language()), &evidence, self)
    }

    pub fn count(&self, n: usize, one: Text, many: Text) -> String {
        self.fill(if self.plural(n) { many } else { one }, [("n", self.number(n))])
    }

    fn plural(&self, n: usize) -> bool {
        match self.language() {
            Language::En => n != 1,
            Language::Fr => n > 1,
        }
    }

    pub fn number(&self, n: usize) -> String {
        Value::Count(n as u64).render(self.language())
    }

    pub fn date(&self, date: Date) -> String {
        format!("{} {}", self.day_and_month(date), date.year())
    }

    fn day_and_month(&self, date: Date) -> String {
        let month = usize::try_from(date.month()).ok().and_then(|m| MONTHS.get(m.wrapping_sub(1)));
        let first = if date.day() == 1 && self.language() == Language::Fr { "er" } else { "" };
        format!("{}{first} {}", date.day(), month.map_or("", |m| self.say(*m)))
    }

    pub fn day(&self, at: Timestamp) -> String {
        self.date(at.to_zoned(self.zone.clone()).date())
    }

    /// `22 Nov 2026, 07:00`.
    pub fn when(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        let time = format!("{:02}:{:02}", local.hour(), local.minute());
        match self.language() {
            Language::En => format!("{}, {time}", self.date(local.date())),
            Language::Fr => format!("{} à {time}", self.date(local.date())),
        }
    }

    /// Only the time when it is today's.
    fn lately(&self, at: Timestamp) -> String {
        let (then, now) = (at.to_zoned(self.zone.clone()), self.report.at.to_zoned(self.zone.clone()));
        if then.date() == now.date() {
            return format!("{:02}:{:02}", then.hour(), then.minute());
        }
        let day = self.day_and_month(then.date());
        match self.language() {
            Language::En => day,
            Language::Fr => format!("le {day}"),
        }
    }

    pub fn age(&self, from: Timestamp) -> String {
        duration((self.report.at.as_second() - from.as_second()).max(0), self.language())
    }

    pub fn colour(&self, colour: Colour) -> &'static str {
        self.say(match colour {
            Colour::Red => p::RED,
            Colour::Amber => p::AMBER,
            Colour::Green => p::GREEN,
            Colour::Grey => p::GREY,
        })
    }

    pub fn severity(&self, severity: Severity) -> &'static str {
        self.say(match severity {
            Severity::Critical => p::CRITICAL,
            Severity::High => p::HIGH,
            Severity::Medium => p::MEDIUM,
            Severity::Low => p::LOW,
            Severity::Info => p::INFO,
        })
    }

    fn severities(&self, severity: Severity, n: u32) -> String {
        let many = match severity {
            Severity::Critical => p::CRITICALS,
            Severity::High => p::HIGHS,
            Severity::Medium => p::MEDIUMS,
            Severity::Low => p::LOWS,
            Severity::Info => p::INFO,
        };
        let word = if self.plural(n as usize) { self.say(many) } else { self.severity(severity) };
        format!("{} {word}", self.number(n as usize))
    }

    /// What a check is called; its id when this version no longer knows it.
    pub fn check(&self, id: &str) -> String {
        checks::find(id).map_or_else(|| clean(id), |check| self.say(check.title).to_owned())
    }

    pub fn remedy(&self, id: &str) -> Option<&'static str> {
        checks::find(id).map(|check| self.say(check.remedy))
    }

    pub fn cause(&self, cause: Option<Cause>) -> &'static str {
        self.say(cause.unwrap_or(Cause::Unexpected).says())
    }

    fn gap(&self, gap: &Gap) -> String {
        self.why(Some(gap.cause), gap.action.as_deref())
    }

    pub fn why(&self, cause: Option<Cause>, action: Option<&str>) -> String {
        match action {
            Some(action) => {
                format!("{} {}", self.cause(cause), self.fill(p::GRANT, [("action", clean(action))]))
            }
            None => self.cause(cause).to_owned(),
        }
    }

    /// The first few, then "and N more".
    pub fn list(&self, names: &[String]) -> String {
        let mut out = names.iter().take(NAMED).map(|n| clean(n)).collect::<Vec<_>>().join(", ");
        if names.len() > NAMED {
            out = format!("{out}, {}", self.more(names.len() - NAMED));
        }
        out
    }

    pub fn more(&self, n: usize) -> String {
        self.fill(p::AND_MORE, [("n", self.number(n))])
    }

    /// What a failing finding says, with its evidence in the recipient's time zone.
    pub fn sentence(&self, finding: &Finding) -> Option<String> {
        let fault = checks::find(&finding.check)?.fault(finding.fault.as_deref()?)?;
        let shown = |value: &Value| match value {
            Value::Name(name) => Value::Name(clean(name)),
            other => other.clone(),
        };
        let evidence = finding.evidence.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
        Some(bounded(fill(fault.says.raw(self.language()), &evidence, self)))
    }

    pub fn says(&self, item: &Item) -> Option<String> {
        if item.finding.outcome == Outcome::Unknown {
            let why = self.why(item.finding.cause, item.finding.action.as_deref());
            return Some(format!("{} {why}", self.say(p::CANNOT_KNOW)));
        }
        self.sentence(&item.finding)
    }

    /// The subject, unless it says no more than the target.
    pub fn subject_of(&self, finding: &Finding) -> String {
        clean(if finding.subject.is_empty() { &finding.target } else { &finding.subject })
    }

    /// Environment, age, mute: what stands beneath an item.
    pub fn about(&self, item: &Item) -> Vec<String> {
        let mut out = vec![clean(&item.environment)];
        if item.last_known {
            out.push(self.say(p::LAST_KNOWN).to_owned());
        }
        if let Some(since) = item.since {
            out.push(self.fill(p::OPEN_SINCE, [("at", self.when(since)), ("age", self.age(since))]));
        }
        if item.unmuted {
            out.push(self.say(p::UNMUTED).to_owned());
        }
        if let Some(mute) = &item.finding.mute {
            let owner = ("owner", clean(&mute.owner));
            let text =
                self.fill(p::MUTED_BY, [owner, ("until", self.date(mute.until)), ("reason", clean(&mute.reason))]);
            out.push(text);
        }
        out
    }

    /// What a dead parent explains.
    pub fn under(&self, item: &Item) -> Option<String> {
        let mut names: Vec<String> = item.under.iter().map(|f| f.check.clone()).collect();
        names.sort();
        names.dedup();
        let phrase = if self.plural(names.len()) { p::MANY_UNDER } else { p::ONE_UNDER };
        let values = [("n", self.number(names.len())), ("checks", self.list(&names))];
        (!names.is_empty()).then(|| self.fill(phrase, values))
    }

    pub fn standing(&self, view: &EnvironmentView) -> String {
        match &view.standing {
            Standing::Stale { suite: Suite::Full, since } => self.fill(p::STALE_FULL, [("at", self.when(*since))]),
            Standing::Stale { suite: Suite::Connections, since } => {
                self.fill(p::STALE_CONNECTIONS, [("at", self.when(*since))])
            }
            Standing::Never => self.say(p::NEVER).to_owned(),
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
            (true, _) => self.say(p::NOTHING_OPEN).to_owned(),
            (false, true) => self.fill(p::ONLY_MINOR, [counts]),
            (false, false) => self.fill(p::OPEN, [counts]),
        }];
        if let Some(worst) = reason.worst.as_ref().filter(|worst| worst.severity >= Severity::Medium) {
            out.push(format!("{} ({}).", self.check(&worst.check), clean(&worst.subject)));
        }
        if reason.optional > 0 {
            out.push(self.say(p::OPTIONAL).to_owned());
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
        let at = view.audited_at?;
        let count = |n: u32, one, many| self.count(n as usize, one, many);
        let mut out = self.fill(p::AUDITED, [("at", self.when(at))]);
        out = format!("{out} · {}", count(view.coverage.answered, p::ONE_COVERAGE, p::MANY_COVERAGE));
        if view.coverage.unknown > 0 {
            out = format!("{out}, {}", count(view.coverage.unknown, p::ONE_UNANSWERED, p::MANY_UNANSWERED));
        }
        Some(out)
    }

    pub fn note(&self, note: &Note) -> String {
        match note {
            Note::HeadUnreadable { gap } => self.fill(p::HEAD_UNREADABLE, [("why", self.gap(gap))]),
            Note::SuiteNeverRan { suite: Suite::Full } => self.say(p::FULL_NEVER).to_owned(),
            Note::SuiteNeverRan { suite: Suite::Connections } => self.say(p::CONNECTIONS_NEVER).to_owned(),
            Note::RunUnreadable { gap, .. } => self.fill(p::RUN_UNREADABLE, [("why", self.gap(gap))]),
            Note::SinkFailed { failure } => {
                let why = self.why(Some(failure.cause), failure.action.as_deref());
                self.fill(p::SINK_FAILED, [("sink", clean(&failure.sink)), ("why", why)])
            }
        }
    }

    pub fn resolved(&self, resolved: &Resolved) -> Vec<String> {
        let mut out = vec![clean(&resolved.environment)];
        if resolved.gone {
            out.push(self.say(p::GONE).to_owned());
        }
        if let Some(lasted) = resolved.lasted {
            out.push(self.fill(p::LASTED, [("time", duration(lasted, self.language()))]));
        }
        out
    }

    pub fn unknown(&self, unknown: &Unknown) -> String {
        let names: Vec<String> = unknown.checks.keys().cloned().collect();
        let phrase = if self.plural(names.len()) { p::MANY_CHECKS } else { p::ONE_CHECK };
        self.fill(phrase, [("n", self.number(names.len())), ("checks", self.list(&names))])
    }

    pub fn line_state(&self, state: LineState) -> &'static str {
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
        let title = readiness::find(&line.id).map_or_else(|| line.id.clone(), |of| self.say(of.title).to_owned());
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
            out.push(self.say(p::ADVISORY).to_owned());
        }
        if line.looked_at < line.listed && line.looked_at > 0 {
            let values = [("n", self.number(line.looked_at as usize)), ("all", self.number(line.listed as usize))];
            out.push(self.fill(p::PARTLY, values));
        }
        out.join(" · ")
    }

    pub fn expires(&self, expires: &Expires) -> (String, String) {
        let subject = clean(&expires.expiry.subject);
        let what = match expires.expiry.kind {
            ExpiryKind::Certificate => self.fill(p::CERTIFICATE, [("subject", subject)]),
            ExpiryKind::Session => self.say(p::SESSION).to_owned(),
        };
        let left = expires.expiry.at.as_second() - self.report.at.as_second();
        let (phrase, seconds) = if left < 0 { (p::ENDED, -left) } else { (p::ENDS_IN, left) };
        let age = self.fill(phrase, [("age", duration(seconds, self.language()))]);
        (format!("{} · {what}", clean(&expires.environment)), format!("{}, {age}", self.when(expires.expiry.at)))
    }

    /// `38 ms · 99.9% up in 24 h, 99.8% in 30 d`.
    pub fn target(&self, target: &TargetView) -> String {
        let mut out: Vec<String> = Vec::new();
        if let Some((rung, cause, code)) = &target.fell {
            let rung = self.fill(p::FELL, [("rung", self.rung(*rung).to_owned())]);
            let code = code.as_ref().map_or_else(String::new, |code| format!(", {}", clean(code)));
            out.push(format!("{rung} ({cause}{code})"));
        } else if let Some(ms) = target.ms {
            out.push(Value::Millis(ms).render(self.language()));
        }
        let percent = |n: f64| Value::Percent((n * 100.0).floor() / 100.0).render(self.language());
        let day = target.up_day.map(|n| self.fill(p::UP_DAY, [("percent", percent(n))]));
        let month = target.up_month.map(|n| self.fill(p::UP_MONTH, [("percent", percent(n))]));
        let up: Vec<String> = day.into_iter().chain(month).collect();
        if !up.is_empty() {
            out.push(up.join(", "));
        }
        if target.optional {
            out.push(self.say(p::IS_OPTIONAL).to_owned());
        }
        out.join(" · ")
    }

    fn rung(&self, rung: Rung) -> &'static str {
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
            (true, true) => self.say(p::NOTHING_NEW).to_owned(),
            (false, true) => new,
            (true, false) => resolved,
            (false, false) => format!("{new}, {resolved}"),
        }
    }

    pub fn compared(&self) -> String {
        let since = |at| self.fill(p::SINCE, [("at", self.when(at))]);
        let compared = self.report.since.map_or_else(|| self.say(p::FIRST).to_owned(), since);
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

/// Evidence into braces, instants in the recipient's zone. What has no evidence is a dash: an old run may lack it.
fn fill(raw: &str, evidence: &Evidence, words: &Words<'_>) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        out.push_str(&rest[..open]);
        match evidence.get(&rest[open + 1..open + close]) {
            Some(Value::At(at)) => out.push_str(&words.when(*at)),
            Some(Value::Names(names)) => out.push_str(&words.list(names)),
            Some(Value::Name(name)) => out.push_str(name),
            Some(value) => out.push_str(&value.render(words.language())),
            None => out.push('–'),
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text,
    }
}
