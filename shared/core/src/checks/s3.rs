//! Checks of s3.

use crate::check::Check;

pub const CHECKS: &[Check] = &[];
