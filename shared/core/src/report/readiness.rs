//! The deployment checklist, measured: for each line the checks that decide it. Lines S1 to S5 and P1 to P7 are those of
//! the hand-written checklist that Vigie replaces.

use super::merge::Merged;
use super::view::{Because, LineState, Readiness, ReadinessLine};
use crate::cause::Cause;
use crate::check::Class;
use crate::checks;
use crate::contract::Contract;
use crate::run::{Finding, Outcome};
use crate::snapshot::Environment;
use crate::text::{Text, text};

/// Which variables of the contract a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Everything,
    Database,
    AuthSecret,
    Cache,
    Sender,
    Bucket,
}

/// One line: the checks that decide it. Those of `narrow` only where they are about the line's own variables.
pub struct Line {
    pub id: &'static str,
    pub class: Class,
    pub title: Text,
    /// An advisory line never blocks.
    pub blocking: bool,
    pub about: About,
    pub narrow: &'static [&'static str],
    pub checks: &'static [&'static str],
}

const fn line(id: &'static str, class: Class, title: Text, about: About, checks: [&'static [&'static str]; 2]) -> Line {
    let [narrow, checks] = checks;
    Line { id, class, title, blocking: true, about, narrow, checks }
}

const fn advisory(line: Line) -> Line {
    Line { blocking: false, ..line }
}

use About::{AuthSecret, Bucket, Cache, Database, Everything, Sender};
use Class::{Production, Staging};

/// A check that is listed and not implemented yet counts as not looked at: the line says so.
#[rustfmt::skip]
pub const LINES: &[Line] = &[
    line("S1", Staging, text("Database configured", "Base de données configurée"), Database, [
        &["ENV-REQUIRED-MISSING", "ENV-WHITESPACE", "ENV-DB-MALFORMED", "ENV-CROSS-SHARED"],
        &["PG-DOWN", "PG-READ-ONLY", "PG-SCHEMA-WRONG"]]),
    line("S2", Staging, text("AWS credentials configured", "Identifiants AWS configurés"), Everything, [&[],
        &["ENV-KEY-SHAPE", "CRED-INVALID", "CRED-EXPIRY-NEAR", "CRED-WRONG-ACCOUNT", "ENV-REGION-MISMATCH"]]),
    line("S3", Staging, text("Session secret configured", "Secret de session configuré"), AuthSecret, [
        &["ENV-REQUIRED-MISSING", "ENV-PLACEHOLDER"],
        &["ENV-AUTH-SECRET-WEAK", "ENV-AUTH-SECRET-SHARED", "HTTP-AUTH-BROKEN"]]),
    advisory(line("S4", Staging, text("Cache configured (optional)", "Cache configuré (facultatif)"), Cache, [
        &["ENV-RECOMMENDED-MISSING"],
        &["ENV-REDIS-SILENT-OFF", "REDIS-DOWN", "REDIS-WRITE-REFUSED"]])),
    line("S5", Staging, text("Sender address configured", "Adresse d'expéditeur configurée"), Sender, [
        &["ENV-FALLBACK-IN-USE"],
        &["SES-SENDING-OFF", "SES-FROM-UNVERIFIED"]]),
    line("S6", Staging, text("No live payment key, no production resource",
        "Ni clé de paiement réelle, ni ressource de production"), Everything, [&[],
        &["ENV-STRIPE-MODE", "ENV-CROSS-SHARED"]]),
    line("S7", Staging, text("The site answers on its own address", "Le site répond à sa propre adresse"), Everything, [&[],
        &["ENV-AUTH-URL-INVALID", "HTTP-DOWN", "HTTP-AUTH-CALLBACK-DRIFT", "HTTP-CERT-EXPIRY"]]),
    line("P1", Production, text("Production database", "Base de données de production"), Database, [
        &["ENV-CROSS-SHARED", "ENV-DB-MALFORMED", "ENV-DB-SSLMODE-WEAK"],
        &["PG-DOWN", "PG-TLS-OFF", "PG-TLS-UNVERIFIED", "PG-READ-ONLY", "PG-CONN-SATURATION", "PG-POOL-OVERCOMMIT",
          "PG-SCHEMA-WRONG"]]),
    line("P2", Production, text("AWS role, no session token", "Rôle AWS, pas de jeton de session"), Everything, [&[],
        &["CRED-STATIC-SESSION", "CRED-LONG-LIVED", "CRED-SHADOWS-ROLE", "SRC-STATIC-CREDS", "CRED-ACTION-DENIED",
          "CRED-OVERPRIVILEGED", "CRED-TRUST-WIDE"]]),
    line("P3", Production, text("A session secret of its own", "Secret de session qui lui est propre"), AuthSecret, [
        &["ENV-CONFLICT"],
        &["ENV-AUTH-SECRET-SHARED", "ENV-AUTH-SECRET-WEAK", "HTTP-AUTH-BROKEN"]]),
    advisory(line("P4", Production, text("Cache (recommended)", "Cache (recommandé)"), Cache, [
        &["ENV-RECOMMENDED-MISSING"],
        &["ENV-REDIS-SILENT-OFF", "REDIS-DOWN", "REDIS-WRITE-REFUSED", "REDIS-LATENCY"]])),
    line("P5", Production, text("Sender on a verified domain", "Expéditeur sur un domaine vérifié"), Sender, [&[],
        &["SES-DOMAIN-UNVERIFIED", "SES-FROM-UNVERIFIED", "SES-SANDBOX", "SES-SENDING-OFF", "SES-DKIM-OFF",
          "SES-DMARC-MISSING"]]),
    line("P6", Production, text("Production bucket", "Bucket de production"), Bucket, [
        &["ENV-FALLBACK-IN-USE", "ENV-CROSS-SHARED"],
        &["S3-BUCKET-MISSING", "S3-REGION-MISMATCH", "S3-OWNER-FOREIGN", "S3-PUBLIC-CONFIG", "S3-ANON-ACCESS",
          "S3-ROUNDTRIP"]]),
    line("P7", Production, text("CloudWatch monitoring on", "Surveillance CloudWatch active"), Everything, [&[],
        &["CW-COVERAGE-GAP", "CW-ALARM-MUTE", "CW-ALARM-DEAD-TOPIC", "CW-ALARM-GHOST", "CW-ALARM-STUCK",
          "CW-LOG-SILENT"]]),
    line("P8", Production, text("Public address, certificate and login", "Adresse publique, certificat et connexion"),
        Everything, [&[],
        &["ENV-AUTH-URL-INVALID", "HTTP-DOWN", "HTTP-CERT-EXPIRY", "HTTP-TLS-INVALID", "HTTP-AUTH-CALLBACK-DRIFT",
          "HTTP-FILE-EXPOSED"]]),
    line("P9", Production, text("Secrets and transport clean", "Secrets et transport sains"), Everything, [&[],
        &["ENV-PLACEHOLDER", "ENV-PUBLIC-SECRET", "ENV-STRIPE-MODE", "ENV-NODE-TLS-OFF", "SRC-SECRET-HARDCODED",
          "REDIS-TLS-PLAINTEXT", "REDIS-AUTH-OPEN"]]),
    line("P10", Production, text("Data can be recovered", "Les données sont récupérables"), Everything, [&[],
        &["RDS-BACKUP-WEAK", "RDS-PUBLIC", "RDS-SNAPSHOT-PUBLIC", "RDS-DELETION-UNPROTECTED", "PG-WRAPAROUND-NEAR"]]),
    line("P11", Production, text("Nothing is lost in queues and bus", "Rien ne se perd dans les files et le bus"),
        Everything, [&[],
        &["EB-BUS-MISSING", "EB-RULE-INERT", "SQS-DLQ-NONE", "SQS-DLQ-NOT-EMPTY", "ENV-FEATURE-SILENT-OFF"]]),
];

/// The line of an id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Line> {
    LINES.iter().find(|line| line.id == id)
}

impl About {
    /// The variables, as the contract names them.
    #[must_use]
    pub fn variables(self, contract: &Contract) -> Vec<String> {
        match self {
            Everything => Vec::new(),
            Database => contract.databases.values().cloned().collect(),
            AuthSecret => contract.auth.iter().flat_map(|auth| auth.secret.clone()).collect(),
            Cache => {
                let redis = contract.redis.iter();
                redis.flat_map(|r| [&r.rest_url, &r.rest_token, &r.url]).flatten().cloned().collect()
            }
            Sender => contract.mail_from.iter().cloned().collect(),
            Bucket => contract.buckets.clone(),
        }
    }
}

/// Every variable that some line is about: a subject that names none of them cannot be told apart, and concerns all.
fn all(contract: &Contract) -> Vec<String> {
    let mut names: Vec<String> = contract.required.iter().chain(&contract.recommended).flatten().cloned().collect();
    names.extend([Database, AuthSecret, Cache, Sender, Bucket].iter().flat_map(|about| about.variables(contract)));
    names
}

fn concerns(subject: &str, own: &[String], all: &[String]) -> bool {
    names(subject, own) || !names(subject, all)
}

/// Whether a finding's subject names one of the variables.
pub(super) fn names(subject: &str, variables: &[String]) -> bool {
    let mut words = subject.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.any(|word| variables.iter().any(|name| name == word))
}

pub(super) fn of(environment: &Environment, merged: &Merged, stale: bool) -> Readiness {
    let lines: Vec<ReadinessLine> = LINES
        .iter()
        .filter(|line| line.class == environment.class)
        .map(|line| measured(line, environment, merged, stale))
        .collect();
    let ready = !lines.iter().any(|l| l.blocking && matches!(l.state, LineState::Red | LineState::Grey));
    Readiness { environment: environment.name.clone(), class: environment.class, ready, lines }
}

fn measured(line: &Line, environment: &Environment, merged: &Merged, stale: bool) -> ReadinessLine {
    let own = line.about.variables(&environment.contract);
    let all = all(&environment.contract);
    let mut out = ReadinessLine {
        id: line.id.to_owned(),
        state: LineState::NotLookedAt,
        blocking: line.blocking,
        looked_at: 0,
        listed: 0,
        variables: Vec::new(),
        because: Vec::new(),
    };
    let mut worst: Option<LineState> = None;
    let mut because: Vec<(LineState, Because)> = Vec::new();
    for (check, narrow) in line.narrow.iter().map(|id| (id, true)).chain(line.checks.iter().map(|id| (id, false))) {
        let findings: Vec<&Finding> =
            merged.of(check).filter(|f| !narrow || f.subject.is_empty() || concerns(&f.subject, &own, &all)).collect();
        let applies = findings.iter().any(|f| f.outcome != Outcome::NotApplicable);
        // Judged, and nothing in it concerns this line: it does not apply here.
        out.listed += u32::from(applies || merged.of(check).next().is_none());
        out.looked_at += u32::from(applies);
        if merged.of(check).next().is_none() && checks::find(check).is_some() {
            // It is ours to ask and no run did: that is not known, unlike what nobody can ask yet.
            worst = Some(worst.map_or(LineState::Grey, |worst| worst.min(LineState::Grey)));
            let (check, cause) = ((*check).to_owned(), Some(Cause::NotAsked));
            because.push((LineState::Grey, Because { check, subject: String::new(), muted: false, cause }));
        }
        for finding in findings {
            let Some(state) = state(finding, environment.class) else { continue };
            worst = Some(worst.map_or(state, |worst| worst.min(state)));
            if state != LineState::Green {
                let why = Because {
                    check: finding.check.clone(),
                    subject: finding.subject.clone(),
                    muted: finding.mute.is_some(),
                    cause: finding.cause.filter(|_| finding.outcome == Outcome::Unknown),
                };
                because.push((state, why));
            }
        }
    }
    because.sort_by_key(|(state, _)| *state);
    out.because = because.into_iter().map(|(_, why)| why).collect();
    if let Some(worst) = worst {
        out.state = if stale && worst == LineState::Green { LineState::Grey } else { worst };
    } else if stale {
        out.state = LineState::Grey;
    }
    out.variables = own;
    out
}

/// What one finding makes of a line; `None`: nothing, it does not apply.
fn state(finding: &Finding, class: Class) -> Option<LineState> {
    match finding.outcome {
        Outcome::Pass => Some(LineState::Green),
        Outcome::NotApplicable => None,
        Outcome::Unknown => Some(LineState::Grey),
        Outcome::Fail => {
            let column = checks::find(&finding.check).map_or(finding.severity, |check| check.severity.of(class));
            Some(if finding.severity >= column { LineState::Red } else { LineState::Amber })
        }
    }
}
