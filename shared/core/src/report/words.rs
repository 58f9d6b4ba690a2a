//! The report in words: plain text, in the recipient's language and time zone. Renderers escape it for their medium.

use super::phrases::{self as p, MONTHS};
use super::view::{Colour, Item, Report, Resolved, Unknown};
use crate::cause::Cause;
use crate::check::Severity;
use crate::checks;
use crate::evidence::{Evidence, Value, clean, duration};
use crate::facts::Gap;
use crate::run::{Finding, Outcome};
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

    pub fn say(&self, text: Text) -> String {
        typeset(text.raw(self.language()), self.language())
    }

    pub fn fill<const N: usize>(&self, text: Text, values: [(&str, String); N]) -> String {
        let evidence: Evidence = values.into_iter().map(|(name, v)| (name.to_owned(), Value::Name(v))).collect();
        fill(&self.say(text), &evidence, self)
    }

    pub fn count(&self, n: usize, one: Text, many: Text) -> String {
        self.fill(if self.plural(n) { many } else { one }, [("n", self.number(n))])
    }

    pub fn plural(&self, n: usize) -> bool {
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
        let month = month.map_or_else(String::new, |m| self.say(*m));
        match self.language() {
            Language::En => format!("{} {month}", date.day()),
            // The first is an ordinal, and no line breaks between the day and its month.
            Language::Fr if date.day() == 1 => format!("1er\u{a0}{month}"),
            Language::Fr => format!("{}\u{a0}{month}", date.day()),
        }
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
    pub fn lately(&self, at: Timestamp) -> String {
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

    pub fn colour(&self, colour: Colour) -> String {
        self.say(match colour {
            Colour::Red => p::RED,
            Colour::Amber => p::AMBER,
            Colour::Green => p::GREEN,
            Colour::Grey => p::GREY,
        })
    }

    pub fn severity(&self, severity: Severity) -> String {
        self.say(match severity {
            Severity::Critical => p::CRITICAL,
            Severity::High => p::HIGH,
            Severity::Medium => p::MEDIUM,
            Severity::Low => p::LOW,
            Severity::Info => p::INFO,
        })
    }

    pub fn severities(&self, severity: Severity, n: u32) -> String {
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
        checks::find(id).map_or_else(|| clean(id), |check| self.say(check.title))
    }

    /// What a fault of a check is called: the check's title speaks of what it found, not of a service that did not answer.
    pub fn called(&self, check: &str, fault: Option<&str>) -> String {
        let service = fault.and_then(|fault| crate::check::unreached(check, fault));
        service.map_or_else(|| self.check(check), |service| self.fill(p::UNREACHED, [("service", service.to_owned())]))
    }

    pub fn headline(&self, finding: &Finding) -> String {
        self.called(&finding.check, finding.fault.as_deref())
    }

    /// What to do about it; absent where its cause has said so.
    pub fn remedy_of(&self, finding: &Finding) -> Option<String> {
        let unreached = finding.fault.as_deref().and_then(|fault| crate::check::unreached(&finding.check, fault));
        if unreached.is_some() { None } else { self.remedy(&finding.check) }
    }

    pub fn remedy(&self, id: &str) -> Option<String> {
        checks::find(id).map(|check| self.say(check.remedy))
    }

    pub fn cause(&self, cause: Option<Cause>) -> String {
        self.say(cause.unwrap_or(Cause::Unexpected).says())
    }

    pub fn gap(&self, gap: &Gap) -> String {
        self.why(Some(gap.cause), gap.action.as_deref())
    }

    pub fn why(&self, cause: Option<Cause>, action: Option<&str>) -> String {
        match action {
            Some(action) => {
                format!("{} {}", self.cause(cause), self.fill(p::GRANT, [("action", clean(action))]))
            }
            // The cause's own sentence speaks of an action that is named.
            None if cause == Some(Cause::Denied) => self.say(p::REFUSED),
            None => self.cause(cause),
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
        let shown = |name: &str, value: &Value| match value {
            // The run stores the rung's code; a reader is told its name.
            Value::Name(code) if name == "rung" => Value::Name(self.fill(p::QUOTED, [("it", self.rung_of(code))])),
            Value::Name(name) => Value::Name(clean(name)),
            other => other.clone(),
        };
        let evidence = finding.evidence.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect();
        Some(bounded(fill(&self.say(fault.says), &evidence, self)))
    }

    pub fn says(&self, item: &Item) -> Option<String> {
        if item.finding.outcome == Outcome::Unknown {
            let why = self.why(item.finding.cause, item.finding.action.as_deref());
            return Some(format!("{} {why}", self.say(p::CANNOT_KNOW)));
        }
        let says = self.sentence(&item.finding);
        match item.finding.cause {
            // A failing rung's cause says what to do about it.
            Some(cause) => Some(says.map_or_else(String::new, |says| says + " ") + &self.cause(Some(cause))),
            None => says,
        }
    }

    /// The subject, unless it says no more than the target.
    pub fn subject_of(&self, finding: &Finding) -> String {
        clean(if finding.subject.is_empty() { &finding.target } else { &finding.subject })
    }

    /// Environment, age, mute: what stands beneath an item.
    pub fn about(&self, item: &Item) -> Vec<String> {
        let mut out = vec![clean(&item.environment)];
        if item.last_known {
            out.push(self.say(p::LAST_KNOWN));
        }
        if let Some(since) = item.since {
            out.push(self.fill(p::OPEN_SINCE, [("at", self.when(since)), ("age", self.age(since))]));
        }
        if item.flaps {
            out.push(self.say(p::FLAPS));
        }
        if item.unmuted {
            out.push(self.say(p::UNMUTED));
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

    pub fn resolved(&self, resolved: &Resolved) -> Vec<String> {
        let mut out = vec![clean(&resolved.environment)];
        if resolved.gone {
            out.push(self.say(p::GONE));
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

/// Typography of fixed text, never of evidence: curly apostrophes, and in French a no-break space before what is high.
fn typeset(text: &str, language: Language) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        out.push(match c {
            '\'' if before.is_alphabetic() && next.is_alphabetic() => '’',
            ' ' if language == Language::Fr && matches!(next, ':' | ';' | '!' | '?' | '%') => '\u{a0}',
            c => c,
        });
        before = c;
    }
    out
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text,
    }
}
