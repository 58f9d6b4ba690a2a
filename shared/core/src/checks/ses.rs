//! Checks of SES: may the account send, to whom, as whom, and how is it received.

use crate::cause::Cause;
use crate::check::{Because, Check, Cx, Fault, Judgement, Judgements, Kind, Level, Limit, Severity, Suite, fault, per};
use crate::evidence::Value;
use crate::facts::aws::{SendStatistics, Ses, SesQuota};
use crate::facts::{Fact, Identity};
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const CHECKS: &[Check] = &[SENDING_OFF, FROM_UNVERIFIED, SANDBOX, BOUNCE_HIGH];

const REPUTATION: &str = "AWS SES: bounce rate, account review and pause";
/// Statistics over fewer attempts say little of a rate.
const ATTEMPTS: u64 = 100;

const SENDING_OFF: Check = Check {
    id: "SES-SENDING-OFF",
    kind: Kind::Ses,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text("Account sending is paused", "L'envoi du compte est suspendu"),
    remedy: text(
        "Resolve the review case in the SES console, then turn sending on again (UpdateAccountSendingEnabled).",
        "Répondez au dossier d'examen dans la console SES, puis réactivez l'envoi (UpdateAccountSendingEnabled).",
    ),
    reads: &[Question::SesSending],
    faults: &[Fault {
        code: "paused",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "SES sends nothing for this account in {region}.",
            "SES n'envoie rien pour ce compte dans {region}.",
        ),
        broken: |s| with(s, |ses| ses.sending_enabled = Fact::Known(false)),
    }],
    judge: |cx, say| {
        if let Some(ses) = &cx.facts.ses {
            say.one(ses.sending_enabled.get().map(|on| (!on).then(|| because("paused", ses))));
        }
    },
};

const FROM_UNVERIFIED: Check = Check {
    id: "SES-FROM-UNVERIFIED",
    kind: Kind::Ses,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "The From address cannot be used in this region",
        "L'adresse d'expéditeur ne peut pas être utilisée dans cette région",
    ),
    remedy: text(
        "Verify the domain in the app's region (AWS_REGION), or point the client at the region where it is verified.",
        "Vérifiez le domaine dans la région de l'application (AWS_REGION), ou dirigez le client vers celle où il est vérifié.",
    ),
    reads: &[Question::SesIdentities],
    faults: &[
        Fault {
            code: "pending",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "SES in {region} does not know {from} as verified: {status}.",
                "SES dans {region} n'a pas vérifié {from} : {status}.",
            ),
            broken: |s| {
                with(s, |ses| ses.identities = Fact::Known([("shop.example".to_owned(), "Pending".to_owned())].into()));
            },
        },
        Fault {
            code: "elsewhere",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{from} is not verified in {region}, but in {elsewhere}.",
                "{from} n'est pas vérifiée dans {region}, mais dans {elsewhere}.",
            ),
            broken: |s| {
                with(s, |ses| {
                    ses.identities = Fact::Known(crate::Named::new());
                    ses.elsewhere = [("us-east-1".to_owned(), vec!["shop.example".to_owned()])].into();
                });
            },
        },
        Fault {
            code: "none",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "Neither {from} nor its domain is an identity of SES in {region}.",
                "Ni {from} ni son domaine ne sont une identité de SES dans {region}.",
            ),
            broken: |s| with(s, |ses| ses.identities = Fact::Known(crate::Named::new())),
        },
        Fault {
            code: "malformed",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The sender's variable does not hold a mail address.",
                "La variable de l'expéditeur ne contient pas d'adresse.",
            ),
            broken: |s| with(s, |ses| ses.from = Fact::gap(Cause::Malformed, Identity::App)),
        },
    ],
    judge: |cx, say| {
        if let Some(ses) = &cx.facts.ses {
            say.one(verified(ses));
        }
    },
};

const SANDBOX: Check = Check {
    id: "SES-SANDBOX",
    kind: Kind::Ses,
    suite: Suite::Full,
    severity: per(Severity::Info, Severity::Critical),
    title: text("The account is still in the SES sandbox", "Le compte est encore dans le bac à sable de SES"),
    remedy: text(
        "Request production access in that region (SES console, Account dashboard).",
        "Demandez l'accès en production dans cette région (console SES, tableau de bord du compte).",
    ),
    reads: &[Question::SesAccount],
    faults: &[
        Fault {
            code: "likely",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "SES in {region} is probably in the sandbox: its quota is {quota} mails a day, at most one a second.",
                "SES dans {region} est probablement dans le bac à sable : son quota est de {quota} courriels par jour, un par seconde au plus.",
            ),
            broken: |s| {
                with(s, |ses| {
                    ses.production_access = Fact::gap(Cause::Denied, Identity::Auditor);
                    ses.quota = Fact::Known(SesQuota { max_24_hours: 200.0, max_rate: 1.0, sent_24_hours: 3.0 });
                });
            },
        },
        Fault {
            code: "sandbox",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "SES in {region} sends only to verified addresses: the account is in the sandbox.",
                "SES dans {region} n'envoie qu'aux adresses vérifiées : le compte est dans le bac à sable.",
            ),
            broken: |s| with(s, |ses| ses.production_access = Fact::Known(false)),
        },
    ],
    judge: |cx, say| {
        if let Some(ses) = &cx.facts.ses {
            say.one(sandbox(ses));
        }
    },
};

const BOUNCE_HIGH: Check = Check {
    id: "SES-BOUNCE-HIGH",
    kind: Kind::Ses,
    suite: Suite::Full,
    severity: per(Severity::Medium, Severity::High),
    title: text("Bounce rate endangers the account", "Le taux de rebond met le compte en danger"),
    remedy: text(
        "Stop the list, suppress hard bounces, confirm addresses before sending.",
        "Suspendez la liste d'envoi, supprimez les rebonds définitifs, confirmez les adresses avant d'envoyer.",
    ),
    reads: &[Question::SesReputation],
    faults: &[
        Fault {
            code: "rising",
            level: Level::Warn,
            limit: Limit::From(2.0, "AWS SES best practice: below 2 %"),
            says: text(
                "{value} of the mails bounce (limit {limit}).",
                "{value} des courriels rebondissent (limite {limit}).",
            ),
            broken: |s| with(s, |ses| ses.bounce_rate = Fact::Known(Some(2.5))),
        },
        Fault {
            code: "review",
            level: Level::Column,
            limit: Limit::From(5.0, REPUTATION),
            says: text(
                "{value} of the mails bounce: from {limit} on AWS reviews the account.",
                "{value} des courriels rebondissent : à partir de {limit}, AWS examine le compte.",
            ),
            broken: |s| with(s, |ses| ses.bounce_rate = Fact::Known(Some(6.0))),
        },
        Fault {
            code: "pause",
            level: Level::At(Severity::Critical),
            limit: Limit::From(10.0, REPUTATION),
            says: text(
                "{value} of the mails bounce: from {limit} on AWS may pause sending.",
                "{value} des courriels rebondissent : à partir de {limit}, AWS peut suspendre l'envoi.",
            ),
            broken: |s| {
                with(s, |ses| {
                    ses.bounce_rate = Fact::Known(None);
                    ses.statistics = Fact::Known(SendStatistics { attempts: 400, bounces: 48 });
                });
            },
        },
    ],
    judge: |cx, say| {
        if let Some(ses) = &cx.facts.ses {
            bounces(cx, ses, say);
        }
    },
};

fn because(code: &'static str, ses: &Ses) -> Because {
    fault(code).with("region", Value::name(&ses.region))
}

fn verified(ses: &Ses) -> Judgement {
    let from = match &ses.from {
        Fact::Gap(gap) if gap.cause == Cause::Malformed => return Ok(Some(because("malformed", ses))),
        from => from.get()?,
    };
    let identities = ses.identities.get()?;
    if identities.values().any(|status| status == "Success") {
        return Ok(None);
    }
    let because = |code| because(code, ses).with("from", Value::name(from));
    if !ses.elsewhere.is_empty() {
        return Ok(Some(because("elsewhere").with("elsewhere", Value::names(ses.elsewhere.keys()))));
    }
    if identities.is_empty() {
        return Ok(Some(because("none")));
    }
    let status = identities.iter().map(|(name, status)| format!("{name} {status}"));
    Ok(Some(because("pending").with("status", Value::names(status))))
}

/// GetAccount says it; where it is refused, a quota above the sandbox's (200 a day, 1 a second) proves that it is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // AWS's quota is a whole number
fn sandbox(ses: &Ses) -> Judgement {
    let gap = match &ses.production_access {
        Fact::Known(production) => return Ok((!production).then(|| because("sandbox", ses))),
        Fact::Gap(gap) => gap.clone(),
    };
    // -1: no limit.
    let Fact::Known(quota) = &ses.quota else { return Err(gap) };
    let small = (0.0..=200.0).contains(&quota.max_24_hours) && quota.max_rate <= 1.0;
    Ok(small.then(|| because("likely", ses).with("quota", Value::Count(quota.max_24_hours.max(0.0) as u64))))
}

/// The metric; without data the statistics, if they are of enough mails. A rate of nothing is not applicable.
fn bounces(cx: &Cx<'_>, ses: &Ses, say: &mut Judgements<'_>) {
    let rate = match (&ses.bounce_rate, &ses.statistics) {
        (Fact::Known(Some(rate)), _) => *rate,
        (_, Fact::Known(all)) if all.attempts >= ATTEMPTS => share(all),
        (Fact::Known(None), _) | (_, Fact::Known(_)) => return,
        (Fact::Gap(gap), Fact::Gap(_)) => return say.one(Err(gap.clone())),
    };
    say.one(Ok(cx.measure(&Value::Percent(rate))));
}

#[allow(clippy::cast_precision_loss)] // a share
fn share(all: &SendStatistics) -> f64 {
    100.0 * all.bounces as f64 / all.attempts as f64
}

fn with(snapshot: &mut Snapshot, change: impl FnOnce(&mut Ses)) {
    if let Some(ses) = &mut snapshot.facts.ses {
        change(ses);
    }
}
