//! The network is gone since before dawn, in each way that it can be.

use vigie_core::cause::Cause;
use vigie_core::check::{Class, Kind};
use vigie_core::facts::Rung;

use super::Story;
use super::life::{Life, at, from_on};
use super::trouble::cut;

const SINCE: &str = "2026-11-22T03:45:00Z";

pub fn down() -> Story {
    let began = at("2026-10-22T00:00:00Z");
    // A dead resolver for some, a dead server for one, and no way out for AWS.
    let ways = [
        (Kind::Postgres, Rung::Connect, Cause::Refused),
        (Kind::Redis, Rung::Resolve, Cause::Dns),
        (Kind::Https, Rung::Connect, Cause::Timeout),
        (Kind::Credentials, Rung::Connect, Cause::Timeout),
        (Kind::Ses, Rung::Connect, Cause::Timeout),
        (Kind::S3, Rung::Connect, Cause::Timeout),
        (Kind::Sqs, Rung::Connect, Cause::Timeout),
        (Kind::EventBridge, Rung::Connect, Cause::Timeout),
        (Kind::CloudWatch, Rung::Connect, Cause::Timeout),
        (Kind::Rds, Rung::Connect, Cause::Timeout),
    ];
    let production = Life {
        name: "production",
        class: Class::Production,
        began,
        troubles: ways.map(|(kind, rung, cause)| from_on(SINCE, cut(kind, rung, cause))).into(),
        silent: Vec::new(),
    };
    let staging = Life {
        name: "staging",
        class: Class::Staging,
        began,
        troubles: ways.map(|(kind, ..)| from_on(SINCE, cut(kind, Rung::Resolve, Cause::DnsTimeout))).into(),
        silent: Vec::new(),
    };
    Story { name: "down", environments: vec![production.live(), staging.live()] }
}
