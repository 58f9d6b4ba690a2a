//! Services, variables and connection points: what there is, and how it was found.

use super::super::phrases as p;
use super::super::view::{EnvironmentView, Report, TargetView, VariableView};
use super::{Page, cell, lines, text};
use crate::check::Kind;
use crate::evidence::clean;
use std::collections::BTreeMap;

/// A service that all environments know under one name, and how it stands in each.
type Services<'a> = BTreeMap<(Kind, &'a str), Vec<(&'a EnvironmentView, &'a TargetView)>>;

/// The variables and Vigie are no services: they have sections of their own.
fn is_service(target: &&TargetView) -> bool {
    !matches!(target.kind, Kind::Variables | Kind::Vigie)
}

fn each_service(report: &Report) -> Services<'_> {
    let mut out = Services::new();
    for view in &report.environments {
        for target in view.targets.iter().filter(is_service) {
            out.entry((target.kind, target.target.as_str())).or_default().push((view, target));
        }
    }
    out
}

impl Page<'_> {
    pub(super) fn services(&mut self) {
        self.title(2, p::SERVICES);
        let w = self.w;
        let services = each_service(w.report);
        if services.is_empty() {
            self.line(&text(&w.say(p::NO_SERVICE)));
        }
        for (i, ((kind, name), places)) in services.iter().enumerate() {
            let rows: Vec<Vec<String>> = places.iter().map(|(view, target)| self.service(view, target)).collect();
            self.heading(3, &format!("{}. {} ({})", i + 1, w.kind(*kind), clean(name)));
            self.table(&[p::ENVIRONMENT, p::VERDICT, p::MEASURED, p::LATENCY_DAY, p::VARIABLES], &rows);
        }
    }

    fn service(&self, view: &EnvironmentView, target: &TargetView) -> Vec<String> {
        let w = self.w;
        let measured: Vec<String> = w.measured(target).iter().map(|line| text(line)).collect();
        let latency = target.past.as_ref().and_then(|past| w.latency(past)).unwrap_or_else(|| "–".to_owned());
        vec![
            text(&clean(&view.name)),
            w.colour(target.colour),
            lines(&measured),
            text(&latency),
            lines(&self.needs(view, target)),
        ]
    }

    /// What a target is found by, with its state. Of alternatives only the whole is known to be set.
    fn needs(&self, view: &EnvironmentView, target: &TargetView) -> Vec<String> {
        let needed = |variable: &&VariableView| variable.names.iter().any(|name| target.variables.contains(name));
        let known: Vec<&VariableView> = view.variables.iter().filter(needed).collect();
        let group = |of: &&VariableView| format!("{} {}", self.alternatives(of), self.w.variable_state(of.state));
        let other = |name: &&String| !known.iter().any(|of| of.names.contains(name));
        let others = target.variables.iter().filter(other).map(|name| cell(&clean(name)));
        known.iter().map(group).chain(others).collect()
    }

    fn alternatives(&self, of: &VariableView) -> String {
        let names: Vec<String> = of.names.iter().map(|name| cell(&clean(name))).collect();
        names.join(&format!(" {} ", self.w.say(p::OR)))
    }

    pub(super) fn variables(&mut self) {
        self.title(2, p::S_VARIABLES);
        self.line(&text(&self.w.say(p::NO_VALUES)));
        for (required, title) in [(true, p::REQUIRED), (false, p::RECOMMENDED)] {
            let rows = self.variable_rows(required);
            self.title(3, title);
            if rows.is_empty() {
                self.line(&text(&self.w.say(p::NONE_EXPECTED)));
            }
            self.table(&[p::VARIABLE, p::ENVIRONMENT, p::STATE, p::USED_BY], &rows);
        }
    }

    /// One variable's environments beside each other, in the first contract's order.
    fn variable_rows(&self, required: bool) -> Vec<Vec<String>> {
        let environments = &self.w.report.environments;
        let mut groups: Vec<&Vec<String>> = Vec::new();
        let all = environments.iter().flat_map(|view| &view.variables).filter(|v| v.required == required);
        for variable in all {
            if !groups.contains(&&variable.names) {
                groups.push(&variable.names);
            }
        }
        let row = |view: &EnvironmentView, of: &VariableView| {
            let targets: Vec<String> = of.targets.iter().map(|target| cell(&clean(target))).collect();
            let state = text(&self.w.variable(of));
            vec![self.alternatives(of), text(&clean(&view.name)), state, targets.join(", ")]
        };
        let of = |view: &EnvironmentView, names: &Vec<String>| {
            view.variables.iter().find(|v| v.required == required && v.names == *names).map(|v| row(view, v))
        };
        groups.iter().flat_map(|names| environments.iter().filter_map(move |view| of(view, names))).collect()
    }

    pub(super) fn points(&mut self) {
        self.title(2, p::S_POINTS);
        let mut rows = Vec::new();
        for view in &self.w.report.environments {
            for target in view.targets.iter().filter(is_service) {
                let variables: Vec<String> = target.variables.iter().map(|name| cell(&clean(name))).collect();
                rows.push(vec![
                    text(&clean(&view.name)),
                    cell(&clean(&target.target)),
                    text(&self.w.kind(target.kind)),
                    lines(&variables),
                    text(&self.w.ladder(target)),
                ]);
            }
        }
        if rows.is_empty() {
            self.line(&text(&self.w.say(p::NO_SERVICE)));
        }
        self.table(&[p::ENVIRONMENT, p::TARGET, p::SERVICE, p::VARIABLES, p::LADDER], &rows);
    }
}
