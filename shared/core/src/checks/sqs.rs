//! Checks of sqs.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
