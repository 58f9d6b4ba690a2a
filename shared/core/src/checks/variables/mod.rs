//! Checks of variables.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
