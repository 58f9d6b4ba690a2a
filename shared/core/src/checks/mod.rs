//! The checks, a slice a service. Adding one edits one file here and its service's page in `docs/checks/`.

pub mod cloudwatch;
pub mod credentials;
pub mod eventbridge;
pub mod https;
pub mod postgres;
pub mod rds;
pub mod redis;
pub mod s3;
pub mod selfwatch;
pub mod ses;
pub mod sqs;
pub mod variables;

use crate::check::Check;

/// Every check, by service, in the order of the report. `SELF-*` last: they judge the findings of the others.
pub const CHECKS: &[&[Check]] = &[
    variables::CHECKS,
    credentials::CHECKS,
    postgres::CHECKS,
    redis::CHECKS,
    ses::CHECKS,
    s3::CHECKS,
    sqs::CHECKS,
    eventbridge::CHECKS,
    cloudwatch::CHECKS,
    https::CHECKS,
    rds::CHECKS,
    selfwatch::CHECKS,
];

/// All checks in one row.
pub fn all() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().flat_map(|slice| slice.iter())
}

#[must_use]
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}
