//! What the app's identity may do.

use super::{caller, resource, with};
use crate::check::{Check, Fault, Judgement, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{Credentials, Policy};
use crate::facts::{Fact, Identity};
use crate::question::Question;
use crate::text::text;

/// AWS's own policies that need no reading.
const ADMINISTRATORS: [&str; 3] = ["AdministratorAccess", "PowerUserAccess", "IAMFullAccess"];

pub const OVERPRIVILEGED: Check = Check {
    id: "CRED-OVERPRIVILEGED",
    kind: Kind::Credentials,
    suite: Suite::Full,
    severity: per(Severity::High, Severity::High),
    title: text(
        "The app runs as root or as an administrator",
        "L'application s'exécute en tant que root ou administrateur",
    ),
    remedy: text(
        "Write a policy limited to this app's bucket, queues, bus and identity.",
        "Écrivez une politique limitée au bucket, aux files, au bus et à l'identité de cette application.",
    ),
    reads: &[Question::Variables, Question::CallerIdentity, Question::PrincipalPolicies],
    faults: &[
        Fault {
            code: "wide",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "{caller} may do everything of a service to every resource: {actions}, by {policies}.",
                "{caller} peut tout faire d'un service sur toute ressource : {actions}, par {policies}.",
            ),
            broken: |s| with(s, |c| c.policies = policy("shop-media", &["s3:*"])),
        },
        Fault {
            code: "admin",
            level: Level::Column,
            limit: Limit::None,
            says: text("{caller} is an administrator, by {policies}.", "{caller} est administrateur, par {policies}."),
            broken: |s| with(s, |c| c.policies = policy("everything", &["*"])),
        },
        Fault {
            code: "root",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The app runs as the account's root: {caller}.",
                "L'application s'exécute avec le compte root : {caller}.",
            ),
            broken: |s| with(s, |c| c.caller = caller("iam", "root")),
        },
    ],
    judge: |cx, say| {
        let Some(c) = &cx.facts.credentials else { return };
        match (c.asked_as, cx.facts.variables.gap()) {
            (Identity::App, _) => say.one(privileges(c)),
            // Whose identity it would be is not known.
            (_, Some(gap)) => say.one(Err(gap)),
            _ => {}
        }
    },
};

fn privileges(c: &Credentials) -> Judgement {
    let caller = c.caller.get()?;
    let because = |code| fault(code).with("caller", Value::name(&caller.arn)).asked_as(c.asked_as);
    if resource(caller) == "root" {
        return Ok(Some(because("root")));
    }
    let policies = c.policies.get()?;
    let administrators: Vec<&String> =
        policies.iter().filter(|(name, p)| administers(name, p)).map(|(name, _)| name).collect();
    if !administrators.is_empty() {
        return Ok(Some(because("admin").with("policies", Value::names(administrators))));
    }
    // What one policy that cannot be read allows may be worse than what another is known to.
    if let Some(gap) = policies.values().find_map(|p| p.on_everything.get().err()) {
        return Err(gap);
    }
    let wide: Vec<(&String, &Vec<String>)> = policies
        .iter()
        .filter_map(|(name, p)| p.on_everything.get().ok().map(|actions| (name, actions)))
        .filter(|(_, actions)| !actions.is_empty())
        .collect();
    if wide.is_empty() {
        return Ok(None);
    }
    let mut actions: Vec<&String> = wide.iter().flat_map(|(_, actions)| actions.iter()).collect();
    actions.sort();
    actions.dedup();
    let names = wide.iter().map(|(name, _)| *name);
    Ok(Some(because("wide").with("actions", Value::names(actions)).with("policies", Value::names(names))))
}

fn administers(name: &str, policy: &Policy) -> bool {
    let named = policy.managed_by_aws && ADMINISTRATORS.contains(&name);
    named || policy.on_everything.get().is_ok_and(|actions| actions.iter().any(|action| action == "*"))
}

fn policy(name: &str, on_everything: &[&str]) -> Fact<crate::Named<Policy>> {
    let on_everything = Fact::Known(on_everything.iter().map(|action| (*action).to_owned()).collect());
    Fact::Known([(name.to_owned(), Policy { managed_by_aws: false, on_everything })].into())
}
