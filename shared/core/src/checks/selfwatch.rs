//! Checks of selfwatch.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
