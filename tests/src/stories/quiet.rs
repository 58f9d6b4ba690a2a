//! All green; and the first run of all, which finds what nobody had looked at.

use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind};
use vigie_core::facts::Rung;
use vigie_core::healthy::NOW;

use super::Story;
use super::life::{Life, at, between, from_on};
use super::trouble::{cut, fault};

/// Nothing to say, for a month: but for two short outages that are over, of the optional Redis and of the site.
pub fn green() -> Story {
    let began = at("2026-10-22T00:00:00Z");
    let production = Life {
        name: "production",
        class: Class::Production,
        began,
        troubles: vec![
            between("2026-11-09T21:30:00Z", "2026-11-09T23:00:00Z", cut(Kind::Redis, Rung::Connect, Cause::Timeout)),
            between("2026-11-17T03:00:00Z", "2026-11-17T03:30:00Z", cut(Kind::Https, Rung::Query, Cause::ServerError)),
        ],
        silent: Vec::new(),
    };
    let staging = Life { name: "staging", class: Class::Staging, began, troubles: Vec::new(), silent: Vec::new() };
    Story { name: "green", environments: vec![production.live(), staging.live()] }
}

/// One run, no head before it and no mail.
pub fn first() -> Story {
    let found = [
        ("CRED-LONG-LIVED", "akia"),
        ("PG-TLS-UNVERIFIED", "unverified"),
        ("S3-PUBLIC-CONFIG", "block"),
        ("SQS-DLQ-NONE", "none"),
        ("SES-SANDBOX", "sandbox"),
        ("RDS-BACKUP-WEAK", "short"),
        ("ENV-RECOMMENDED-MISSING", "missing"),
    ];
    let troubles = found.map(|(check, code)| from_on("2026-10-22T00:00:00Z", fault(check, code)));
    let production = Life {
        name: "production",
        class: Class::Production,
        began: NOW,
        troubles: troubles.into(),
        silent: Vec::new(),
    };
    Story { name: "first", environments: vec![production.first()] }
}
