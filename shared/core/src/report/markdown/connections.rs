//! Checks by service, and connection tests: the ladder of each target, and how it did over time.

use super::super::phrases as p;
use super::super::view::{EnvironmentView, TargetView};
use super::{Page, cell, text};
use crate::check::Kind;
use crate::checks;
use crate::evidence::{Value, clean};
use crate::facts::Rung;
use crate::run::{Finding, Outcome};
use std::collections::BTreeMap;

const RUNGS: [Rung; 6] = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query, Rung::Assert];

/// Failing first, then what is not known; what passes comes last.
const OUTCOMES: [Outcome; 3] = [Outcome::Fail, Outcome::Unknown, Outcome::Pass];

impl Page<'_> {
    pub(super) fn security(&mut self) {
        self.title(2, p::S_SECURITY);
        let environments = &self.w.report.environments;
        if environments.iter().all(|view| view.findings.is_empty()) {
            self.line(&text(&self.w.say(p::NOTHING_JUDGED)));
        }
        // A check that this version does not know is of no service that it knows.
        for kind in Kind::ALL.into_iter().map(Some).chain([None]) {
            let mut rows = Vec::new();
            let mut silent = 0;
            for view in environments {
                let of = |f: &&Finding| checks::find(&f.check).map(|check| check.kind) == kind;
                let findings: Vec<&Finding> = view.findings.iter().filter(of).collect();
                silent += findings.iter().filter(|f| f.outcome == Outcome::NotApplicable).count();
                rows.extend(self.judged(view, &findings));
            }
            if rows.is_empty() && silent == 0 {
                continue;
            }
            let title = kind.map_or_else(|| self.w.say(p::KIND_OTHER), |kind| self.w.kind(kind));
            self.heading(3, &title);
            self.table(&[p::ENVIRONMENT, p::RESULT, p::FAULT, p::ABOUT], &rows);
            if silent > 0 {
                self.blank();
                self.line(&text(&self.w.count(silent, p::ONE_SILENT, p::MANY_SILENT)));
            }
        }
    }

    /// One row a check and outcome, with its subjects.
    fn judged(&self, view: &EnvironmentView, findings: &[&Finding]) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        for outcome in OUTCOMES {
            let mut checks: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
            for finding in findings.iter().filter(|f| f.outcome == outcome) {
                checks.entry(&finding.check).or_default().push(finding);
            }
            for (check, of) in checks {
                let name = format!("{} {}", text(&self.w.check(check)), cell(&clean(check)));
                let about = if outcome == Outcome::Unknown { self.causes(&of) } else { self.subjects(&of) };
                out.push(vec![text(&clean(&view.name)), text(&self.w.result(&of)), name, about]);
            }
        }
        out
    }

    fn subjects(&self, of: &[&Finding]) -> String {
        let subjects: Vec<String> = of.iter().map(|f| self.w.subject_of(f)).collect();
        text(&self.w.list(&subjects))
    }

    /// Why a check gave no answer: each cause once.
    fn causes(&self, of: &[&Finding]) -> String {
        let mut out: Vec<String> = Vec::new();
        for finding in of {
            let why = text(&self.w.why(finding.cause, finding.action.as_deref()));
            if !out.contains(&why) {
                out.push(why);
            }
        }
        format!("{}{}{}", self.subjects(of), text(&self.w.say(p::COLON)), out.join(" "))
    }

    pub(super) fn tests(&mut self) {
        self.title(2, p::S_TESTS);
        let of = |wanted: fn(&TargetView) -> bool| -> Vec<(&EnvironmentView, &TargetView)> {
            let all = self.w.report.environments.iter().flat_map(|view| view.targets.iter().map(move |t| (view, t)));
            all.filter(|(_, target)| wanted(target)).collect()
        };
        let climbed = of(|target| !target.rungs.is_empty());
        let remembered = of(|target| target.past.is_some());
        let ladders: Vec<Vec<String>> = climbed.iter().map(|(view, target)| self.climb(view, target)).collect();
        let past: Vec<Vec<String>> = remembered.iter().filter_map(|(view, target)| self.past(view, target)).collect();
        if ladders.is_empty() {
            self.line(&text(&self.w.say(p::NO_LADDER)));
        }
        let mut head = vec![self.w.say(p::ENVIRONMENT), self.w.say(p::TARGET)];
        head.extend(RUNGS.iter().map(|rung| self.w.rung(*rung)));
        head.push(self.w.say(p::IN_ALL));
        self.grid(head.iter().map(|title| text(title)).collect(), &ladders);
        self.title(3, p::AVAILABILITY);
        if past.is_empty() {
            self.line(&text(&self.w.say(p::NO_PAST)));
        }
        let head = [p::ENVIRONMENT, p::TARGET, p::IN_DAY, p::IN_WEEK, p::IN_MONTH, p::MEDIAN_DAY, p::P95_DAY];
        self.table(&head, &past);
    }

    fn climb(&self, view: &EnvironmentView, target: &TargetView) -> Vec<String> {
        let mut row = vec![text(&clean(&view.name)), cell(&clean(&target.target))];
        row.extend(RUNGS.iter().map(|rung| {
            let climbed = target.rungs.iter().find(|r| r.rung == *rung);
            climbed.map_or_else(String::new, |climbed| text(&self.w.rung_says(climbed)))
        }));
        row.push(target.ms.map_or_else(String::new, |ms| text(&Value::Millis(ms).render(self.w.language()))));
        row
    }

    fn past(&self, view: &EnvironmentView, target: &TargetView) -> Option<Vec<String>> {
        let past = target.past.as_ref()?;
        let percents = [&past.day, &past.week, &past.month].map(|period| text(&self.w.percent(period)));
        let mut row = vec![text(&clean(&view.name)), cell(&clean(&target.target))];
        row.extend(percents);
        row.extend([past.day.p50, past.day.p95].map(|ms| text(&self.w.ms(ms))));
        Some(row)
    }
}
