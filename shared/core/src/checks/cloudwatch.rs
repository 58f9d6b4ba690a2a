//! Checks of cloudwatch.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
