//! Checks of PostgreSQL, by theme.

mod load;
mod reach;
mod tls;
mod upkeep;

use crate::check::Check;
use crate::facts::postgres::Postgres;
use crate::snapshot::Snapshot;

pub const CHECKS: &[Check] = &[
    reach::DOWN,
    tls::OFF,
    tls::UNVERIFIED,
    reach::READ_ONLY,
    load::CONN_SATURATION,
    load::POOL_OVERCOMMIT,
    upkeep::WRAPAROUND_NEAR,
];

/// For counterexamples: changes the healthy target.
fn change(snapshot: &mut Snapshot, change: impl FnOnce(&mut Postgres)) {
    if let Some(postgres) = snapshot.facts.postgres.get_mut("postgres") {
        change(postgres);
    }
}
