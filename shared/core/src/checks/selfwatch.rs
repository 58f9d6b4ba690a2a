//! Checks of Vigie itself, over the findings of this run. They run last.

use crate::cause::Cause;
use crate::check::{Check, Fault, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::healthy;
use crate::question::Question;
use crate::run::{Finding, Outcome};
use crate::text::text;
use std::collections::BTreeSet;

pub const CHECKS: &[Check] = &[BLIND];

const BLIND: Check = Check {
    id: "SELF-BLIND",
    kind: Kind::Vigie,
    suite: Suite::Connections,
    severity: per(Severity::Medium, Severity::Medium),
    title: text("Too many checks could not be answered", "Trop de contrôles sont restés sans réponse"),
    remedy: text(
        "Grant the named actions to Vigie's role, or take what need not be checked out of the contract.",
        "Accordez les actions nommées au rôle de Vigie, ou retirez du contrat ce qui n'a pas à être contrôlé.",
    ),
    reads: &[],
    faults: &[
        Fault {
            code: "some",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{denied} of {total} answers were refused for lack of permission. Missing actions: {actions}.",
                "{denied} réponses sur {total} ont été refusées faute de permission. Actions manquantes : {actions}.",
            ),
            broken: |s| healthy::refuse(s, Question::RuleTargets),
        },
        Fault {
            code: "many",
            level: Level::Column,
            limit: Limit::From(10.0, "Vigie"),
            says: text(
                "{value} of the answers were refused for lack of permission ({denied} of {total}, limit {limit}). Missing actions: {actions}.",
                "{value} des réponses ont été refusées faute de permission ({denied} sur {total}, limite {limit}). Actions manquantes : {actions}.",
            ),
            broken: |s| {
                let questions: BTreeSet<Question> =
                    crate::checks::all().flat_map(|check| check.reads.iter().copied()).collect();
                for question in questions {
                    healthy::refuse(s, question);
                }
            },
        },
        Fault {
            code: "lost",
            level: Level::At(Severity::High),
            limit: Limit::None,
            says: text(
                "Vigie broke while it looked at {targets}: nothing is known of them. Please report it.",
                "Vigie s'est interrompu en examinant {targets} : rien n'en est connu. Merci de le signaler.",
            ),
            broken: |s| s.facts.lost = vec!["postgres".to_owned()],
        },
    ],
    judge: |cx, say| {
        if !cx.facts.lost.is_empty() {
            let targets = Value::names(cx.facts.lost.iter().map(String::as_str));
            return say.one(Ok(Some(fault("lost").with("targets", targets))));
        }
        let asked: Vec<&Finding> = cx.findings.iter().filter(|f| f.outcome != Outcome::NotApplicable).collect();
        let denied: Vec<&Finding> = asked.iter().copied().filter(|f| blind(f)).collect();
        if denied.is_empty() {
            return say.one(Ok(None));
        }
        let because = cx.measure(&percent(denied.len(), asked.len())).unwrap_or_else(|| fault("some"));
        let actions: BTreeSet<&str> = denied.iter().filter_map(|f| f.action.as_deref()).collect();
        let actions = if actions.is_empty() { Value::name("-") } else { Value::names(actions) };
        say.one(Ok(Some(
            because
                .with("denied", Value::Count(denied.len() as u64))
                .with("total", Value::Count(asked.len() as u64))
                .with("actions", actions),
        )));
    },
};

/// Unknown for lack of a permission.
fn blind(finding: &Finding) -> bool {
    finding.outcome == Outcome::Unknown && finding.cause == Some(Cause::Denied)
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: usize, whole: usize) -> Value {
    Value::Percent(part as f64 * 100.0 / whole.max(1) as f64)
}
