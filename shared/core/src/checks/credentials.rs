//! Checks of credentials.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
