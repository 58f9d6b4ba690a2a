//! What ends at a known time: certificates, sessions, access keys, pending domains, server versions.
//!
//! What is not known to end ends nowhere here: a version that the table lacks, or a key that nobody dated, is left out, and
//! being left out says nothing of it.

use crate::check::Kind;
use crate::facts::aws::KeyKind;
use crate::facts::postgres::Certificate;
use crate::facts::{Fact, Facts};
use crate::run::{Expiry, ExpiryKind};
use crate::snapshot::Memory;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// After how many days an access key is to be rotated. It has no end of its own.
///
/// Sources: CIS AWS Foundations 7.0, 2.12; Security Hub IAM.3; AWS Config access-keys-rotated (default 90).
const ROTATED: i64 = 90;

/// Hours after which SES gives a pending domain up (`Failed`).
///
/// Source: Amazon SES API reference, VerifyDomainIdentity.
const PENDING: i64 = 72;

/// The last day of each major version of PostgreSQL: that of its last minor release.
///
/// Source: PostgreSQL versioning policy, <https://www.postgresql.org/support/versioning/>, as of 2026-11. A provider's
/// extended support, which is billed, does not count.
const POSTGRES: [(u32, Date); 9] = [
    (10, date(2022, 11, 10)),
    (11, date(2023, 11, 9)),
    (12, date(2024, 11, 21)),
    (13, date(2025, 11, 13)),
    (14, date(2026, 11, 12)),
    (15, date(2027, 11, 11)),
    (16, date(2028, 11, 9)),
    (17, date(2029, 11, 8)),
    (18, date(2030, 11, 14)),
];

/// All that ends, however far ahead, the soonest first.
#[must_use]
pub fn of(facts: &Facts, memory: &Fact<Memory>) -> Vec<Expiry> {
    let mut out = certificates(facts);
    out.extend(session(facts));
    if let Fact::Known(memory) = memory {
        out.extend(access_key(facts, memory));
        out.extend(pending(facts, memory));
    }
    out.extend(servers(facts));
    out.sort_by(|a, b| (a.at, &a.target, &a.subject).cmp(&(b.at, &b.target, &b.subject)));
    out
}

fn certificates(facts: &Facts) -> Vec<Expiry> {
    let all = (facts.postgres.iter().map(|(name, f)| (name, &f.certificate)))
        .chain(facts.redis.iter().map(|(name, f)| (name, &f.certificate)))
        .chain(facts.https.iter().map(|(name, f)| (name, &f.certificate)));
    all.filter_map(|(name, certificate)| ends(name, certificate)).collect()
}

fn ends(target: &str, certificate: &Fact<Option<Certificate>>) -> Option<Expiry> {
    let Fact::Known(Some(certificate)) = certificate else { return None };
    let subject = certificate.names.first().cloned().unwrap_or_else(|| target.to_owned());
    Some(Expiry { kind: ExpiryKind::Certificate, target: target.to_owned(), subject, at: certificate.not_after })
}

fn session(facts: &Facts) -> Option<Expiry> {
    let at = facts.credentials.as_ref()?.expires?;
    Some(of_credentials(ExpiryKind::Session, at))
}

/// [`ROTATED`] days after the key was first seen. It may be older: then the rotation is due before.
fn access_key(facts: &Facts, memory: &Memory) -> Option<Expiry> {
    let credentials = facts.credentials.as_ref().filter(|c| c.key == KeyKind::LongLived)?;
    let Fact::Known(fingerprint) = &credentials.fingerprint else { return None };
    let at = *memory.first_seen.get(&fingerprint.mac)? + SignedDuration::from_hours(24 * ROTATED);
    Some(of_credentials(ExpiryKind::AccessKey, at))
}

fn of_credentials(kind: ExpiryKind, at: Timestamp) -> Expiry {
    let target = Kind::Credentials.name().to_owned();
    Expiry { kind, subject: target.clone(), target, at }
}

/// [`PENDING`] hours after it was first seen to be pending, at the latest.
fn pending(facts: &Facts, memory: &Memory) -> Vec<Expiry> {
    let Some(Fact::Known(identities)) = facts.ses.as_ref().map(|ses| &ses.identities) else { return Vec::new() };
    let since = identities.iter().filter(|(_, status)| *status == "Pending").filter_map(|(name, _)| {
        let since = memory.pending.get(name)?;
        Some((name, *since + SignedDuration::from_hours(PENDING)))
    });
    since
        .map(|(name, at)| Expiry {
            kind: ExpiryKind::Domain,
            target: Kind::Ses.name().to_owned(),
            subject: name.clone(),
            at,
        })
        .collect()
}

fn servers(facts: &Facts) -> Vec<Expiry> {
    let of_target = facts.postgres.iter().filter_map(|(name, postgres)| {
        let Fact::Known(session) = &postgres.session else { return None };
        let major = major(&session.server_version)?;
        let (_, last) = POSTGRES.iter().find(|(version, _)| *version == major)?;
        // Noon of UTC: the same day nearly everywhere.
        let at = last.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let subject = format!("PostgreSQL {major}");
        Some(Expiry { kind: ExpiryKind::Server, target: name.clone(), subject, at })
    });
    of_target.collect()
}

/// `16` of `16.4`. From version 10 on, the first number alone is the major version.
fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What the head must remember after a run: since when each SES identity has been pending. A run that could not see the
/// identities leaves the memory as it is.
pub fn remember(facts: &Facts, memory: &mut Memory, now: Timestamp) {
    match facts.ses.as_ref().map(|ses| &ses.identities) {
        Some(Fact::Known(identities)) => {
            let before = std::mem::take(&mut memory.pending);
            let names = identities.iter().filter(|(_, status)| *status == "Pending").map(|(name, _)| name);
            memory.pending = names.map(|n| (n.clone(), before.get(n).copied().unwrap_or(now).min(now))).collect();
        }
        Some(Fact::Gap(_)) => {}
        None if facts.variables.gap().is_none() => memory.pending.clear(),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::check::Class;
    use crate::facts::Identity;
    use crate::healthy::{self, NOW};

    fn all(facts: &Facts, memory: &Memory) -> Vec<(ExpiryKind, String, Timestamp)> {
        of(facts, &Fact::Known(memory.clone())).into_iter().map(|e| (e.kind, e.subject, e.at)).collect()
    }

    fn only(kind: ExpiryKind, facts: &Facts, memory: &Memory) -> Vec<(String, Timestamp)> {
        all(facts, memory).into_iter().filter(|(k, ..)| *k == kind).map(|(_, subject, at)| (subject, at)).collect()
    }

    #[test]
    fn a_run_tells_all_that_ends_the_soonest_first() {
        let snapshot = healthy::snapshot(Class::Production);
        let ends = crate::judge::judge(&snapshot).expires;
        let facts = &snapshot.facts;
        let certificates = facts.https.len() + facts.postgres.len() + facts.redis.len();
        let count = |kind| ends.iter().filter(|e| e.kind == kind).count();
        assert_eq!((count(ExpiryKind::Certificate), count(ExpiryKind::Server)), (certificates, facts.postgres.len()));
        assert_eq!(ends.len(), certificates + facts.postgres.len());
        assert!(ends.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }

    #[test]
    fn what_an_older_version_stored_still_reads() {
        let old = r#"{"kind":"certificate","target":"https","subject":"shop.example","at":"2026-12-11T23:59:59Z"}"#;
        assert!(serde_json::from_str::<Expiry>(old).is_ok());
        let old = r#"{"first_seen":{"mac":"2026-11-22T10:05:00Z"},"audited":{},"counters":{"dlq/jobs-dlq":3}}"#;
        assert!(serde_json::from_str::<Memory>(old).is_ok_and(|memory| memory.pending.is_empty()));
    }

    #[test]
    fn a_server_ends_with_its_major_version_and_an_unknown_one_nowhere() {
        let mut facts = healthy::snapshot(Class::Production).facts;
        let mut version = |version: &str| {
            for postgres in facts.postgres.values_mut() {
                if let Fact::Known(session) = &mut postgres.session {
                    version.clone_into(&mut session.server_version);
                }
            }
            only(ExpiryKind::Server, &facts, &Memory::default())
        };
        let ends = |name: &str, at: &str| vec![(name.to_owned(), at.parse::<Timestamp>().expect("a time"))];
        assert_eq!(version("16.4"), ends("PostgreSQL 16", "2028-11-09T12:00:00Z"));
        assert_eq!(version("14"), ends("PostgreSQL 14", "2026-11-12T12:00:00Z"));
        assert_eq!(version("18beta1"), ends("PostgreSQL 18", "2030-11-14T12:00:00Z"));
        for unknown in ["99.1", "9.6.24", "", "CockroachDB"] {
            assert_eq!(version(unknown), [], "{unknown}");
        }
        assert!(POSTGRES.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0 && pair[0].1 < pair[1].1));
    }

    #[test]
    fn an_access_key_is_rotated_90_days_after_it_was_first_seen() {
        let mut snapshot = healthy::snapshot(Class::Production);
        let memory = snapshot.memory.get().expect("known").clone();
        assert_eq!(only(ExpiryKind::AccessKey, &snapshot.facts, &memory), [], "the healthy key is a session's");
        let credentials = snapshot.facts.credentials.as_mut().expect("some");
        credentials.key = KeyKind::LongLived;
        let due = NOW - SignedDuration::from_hours(2) + SignedDuration::from_hours(24 * 90);
        assert_eq!(only(ExpiryKind::AccessKey, &snapshot.facts, &memory), [("credentials".to_owned(), due)]);
        assert_eq!(only(ExpiryKind::AccessKey, &snapshot.facts, &Memory::default()), [], "nobody dated it");
        let unread = Fact::gap(Cause::Denied, Identity::Auditor);
        assert!(of(&snapshot.facts, &unread).iter().all(|e| e.kind != ExpiryKind::AccessKey));
    }

    #[test]
    fn a_pending_domain_fails_72_hours_after_it_was_first_seen_so() {
        let mut facts = healthy::snapshot(Class::Production).facts;
        let mut memory = Memory::default();
        let mut status = |status: &str, at: Timestamp| {
            let identities = [("shop.example".to_owned(), status.to_owned())].into();
            facts.ses.as_mut().expect("some").identities = Fact::Known(identities);
            remember(&facts, &mut memory, at);
            only(ExpiryKind::Domain, &facts, &memory)
        };
        assert_eq!(status("Success", NOW), []);
        let fails = [("shop.example".to_owned(), NOW + SignedDuration::from_hours(72))];
        assert_eq!(status("Pending", NOW), fails);
        assert_eq!(status("Pending", NOW + SignedDuration::from_hours(5)), fails, "first seen when it was first seen");
        assert_eq!(status("Success", NOW), []);
        assert!(memory.pending.is_empty(), "and forgotten");
        memory.pending.insert("shop.example".to_owned(), NOW);
        facts.ses.as_mut().expect("some").identities = Fact::gap(Cause::Denied, Identity::Auditor);
        remember(&facts, &mut memory, NOW);
        assert_eq!(memory.pending.len(), 1, "not seen is not gone");
        facts.ses = None;
        remember(&facts, &mut memory, NOW);
        assert!(memory.pending.is_empty());
    }
}
