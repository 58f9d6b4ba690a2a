//! What was measured of targets, variables and checks, in words.

use super::phrases as p;
use super::view::{Because, RunView, TargetView, VariableState, VariableView};
use super::words::Words;
use crate::check::{Kind, Suite};
use crate::evidence::{Value, clean};
use crate::facts::Rung;
use crate::run::{Expiry, Finding, Outcome, RungReport};

impl Words<'_> {
    pub fn kind(&self, kind: Kind) -> String {
        self.say(match kind {
            Kind::Variables => p::KIND_VARIABLES,
            Kind::Credentials => p::KIND_CREDENTIALS,
            Kind::Postgres => p::KIND_POSTGRES,
            Kind::Redis => p::KIND_REDIS,
            Kind::Ses => p::KIND_SES,
            Kind::S3 => p::KIND_S3,
            Kind::Sqs => p::KIND_SQS,
            Kind::EventBridge => p::KIND_EVENTBRIDGE,
            Kind::CloudWatch => p::KIND_CLOUDWATCH,
            Kind::Https => p::KIND_HTTPS,
            Kind::Rds => p::KIND_RDS,
            Kind::Vigie => p::KIND_VIGIE,
        })
    }

    /// One rung: its time, or why it failed.
    pub fn rung_says(&self, rung: &RungReport) -> String {
        match rung.cause {
            None => self.ms(Some(rung.ms)),
            Some(cause) => {
                let code = rung.code.as_ref().map_or_else(String::new, |code| format!(", {}", clean(code)));
                format!("✗ {cause}{code}")
            }
        }
    }

    /// `name resolution → connection → ✗ TLS handshake (tls-expired)`.
    pub fn ladder(&self, target: &TargetView) -> String {
        let rung = |r: &RungReport| match r.cause {
            None => self.rung(r.rung),
            Some(cause) => format!("✗ {} ({cause})", self.rung(r.rung)),
        };
        target.rungs.iter().map(rung).collect::<Vec<_>>().join(" → ")
    }

    /// What of a target was measured, one line each.
    pub fn measured(&self, target: &TargetView) -> Vec<String> {
        let mut out = Vec::new();
        match (target.fell.is_some(), target.ms) {
            (true, _) => out.push(self.ladder(target)),
            (false, Some(ms)) => out.push(self.fill(p::REACHED, [("time", Value::Millis(ms).render(self.language()))])),
            (false, None) => {}
        }
        let encrypted = target.rungs.iter().find(|r| r.rung == Rung::Tls && r.cause.is_none());
        out.extend(encrypted.map(|tls| self.fill(p::ENCRYPTED, [("time", self.ms(Some(tls.ms)))])));
        out.extend(target.ends.iter().map(|expiry| self.ends(expiry)));
        if target.optional {
            out.push(self.say(p::IS_OPTIONAL));
        }
        out
    }

    fn ends(&self, expiry: &Expiry) -> String {
        self.fill(p::UNTIL, [("what", self.ending(expiry)), ("at", self.ends_at(expiry))])
    }

    pub fn variable_state(&self, state: VariableState) -> String {
        self.say(match state {
            VariableState::Set => p::SET,
            VariableState::Faulty => p::SET_BUT,
            VariableState::Missing => p::MISSING,
            VariableState::Unknown => p::LINE_GREY,
            VariableState::NotLookedAt => p::LINE_NOT,
        })
    }

    /// The state, and what else fails about it.
    pub fn variable(&self, variable: &VariableView) -> String {
        let state = self.variable_state(variable.state);
        let why: Vec<String> = variable.because.iter().take(3).map(|why| self.because(why)).collect();
        let mut out = if why.is_empty() { state } else { format!("{state}{}{}", self.say(p::COLON), why.join(", ")) };
        if variable.because.len() > 3 {
            out = format!("{out}, {}", self.more(variable.because.len() - 3));
        }
        out
    }

    fn because(&self, why: &Because) -> String {
        let muted = if why.muted { format!(" ({})", self.say(p::MUTED)) } else { String::new() };
        match why.cause {
            Some(cause) => format!("{} ({cause}){muted}", clean(&why.check)),
            None => format!("{}{muted}", clean(&why.check)),
        }
    }

    /// How a check went: `fails (high)`.
    pub fn result(&self, of: &[&Finding]) -> String {
        let worst = of.iter().max_by_key(|f| f.severity);
        let Some(worst) = worst else { return String::new() };
        let severity = ("severity", self.severity(worst.severity));
        match worst.outcome {
            Outcome::Pass => self.say(p::PASSES),
            Outcome::Fail if of.iter().all(|f| f.mute.is_some()) => self.fill(p::FAILS_MUTED, [severity]),
            Outcome::Fail => self.fill(p::FAILS, [severity]),
            Outcome::Unknown => self.say(p::LINE_GREY),
            Outcome::NotApplicable => self.say(p::DOES_NOT_APPLY),
        }
    }

    /// `full suite of 22 Nov 2026, 05:05, in 900 ms`.
    pub fn run(&self, run: &RunView) -> String {
        let phrase = match run.suite {
            Suite::Full => p::FULL_RUN,
            Suite::Connections => p::CONNECTIONS_RUN,
        };
        let time = Value::Millis(run.duration_ms).render(self.language());
        self.fill(phrase, [("at", self.when(run.started_at)), ("time", time)])
    }
}
