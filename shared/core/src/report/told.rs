//! One finding in words, for the formats that machines read and people look at afterwards.

use super::phrases as p;
use super::view::{Colour, EnvironmentView, Report};
use super::words::Words;
use crate::check::Severity;
use crate::evidence::clean;
use crate::run::{Finding, Outcome};

/// A finding in the report's language: plain text, escaped by nobody yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What the check is called: after its fault.
    pub title: String,
    /// The same of what does not fail with the outcome behind it, for readers who would take it for a fault.
    pub heading: String,
    /// What was found, or why it could not be known; never empty.
    pub says: String,
    /// What to do; absent where nothing fails, and of a check that this version no longer knows.
    pub remedy: Option<String>,
    /// Who muted it, until when and why.
    pub mute: Option<String>,
}

/// Tells the findings of one report.
pub struct Teller<'a>(Words<'a>);

impl<'a> Teller<'a> {
    #[must_use]
    pub fn new(report: &'a Report) -> Self {
        Teller(Words::new(report))
    }

    #[must_use]
    pub fn finding(&self, finding: &Finding) -> Told {
        let w = &self.0;
        let mute = finding.mute.as_ref().map(|mute| {
            let (owner, reason) = (("owner", clean(&mute.owner)), ("reason", clean(&mute.reason)));
            w.fill(p::MUTED_BY, [owner, ("until", w.date(mute.until)), reason])
        });
        let remedy = w.remedy_of(finding).filter(|_| finding.outcome == Outcome::Fail);
        let title = w.headline(finding);
        let heading = match finding.outcome {
            Outcome::Fail => title.clone(),
            Outcome::Pass => format!("{title} ({})", w.say(p::PASSES)),
            Outcome::Unknown => format!("{title} ({})", w.say(p::LINE_GREY)),
            Outcome::NotApplicable => format!("{title} ({})", w.say(p::DOES_NOT_APPLY)),
        };
        Told { title, heading, says: self.says(finding), remedy, mute }
    }

    fn says(&self, finding: &Finding) -> String {
        let w = &self.0;
        let cause = || w.why(finding.cause, finding.action.as_deref());
        match finding.outcome {
            Outcome::Fail => match (w.sentence(finding), finding.cause) {
                (Some(says), Some(_)) => format!("{says} {}", cause()),
                (Some(says), None) => says,
                (None, Some(_)) => cause(),
                // A fault of another version.
                (None, None) => w.check(&finding.check),
            },
            Outcome::Unknown => format!("{}{}{}", w.say(p::UNKNOWN), w.say(p::COLON), cause()),
            Outcome::Pass => w.say(p::NOT_SO),
            Outcome::NotApplicable if finding.cause.is_some() => format!("{} {}", w.say(p::APPLIES_NOT), cause()),
            Outcome::NotApplicable => w.say(p::APPLIES_NOT),
        }
    }

    /// The words that stand for colours and severities in the text report, as it writes them.
    #[must_use]
    pub fn colour(&self, colour: Colour) -> String {
        self.0.colour(colour).to_uppercase()
    }

    #[must_use]
    pub fn severity(&self, severity: Severity) -> String {
        self.0.severity(severity).to_uppercase()
    }

    /// How an environment stands, then what a reader must know of how the report came to be.
    #[must_use]
    pub fn environment(&self, view: &EnvironmentView) -> Vec<String> {
        let mut out = vec![self.0.standing(view)];
        out.extend(view.notes.iter().map(|note| self.0.note(note)));
        out
    }
}
