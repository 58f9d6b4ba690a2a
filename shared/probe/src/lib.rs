//! I/O in: asks the world and records facts. Never fails, never judges.

pub mod ask;
pub mod cloudwatch;
pub mod credentials;
pub mod eventbridge;
pub mod https;
pub mod net;
pub mod observe;
pub mod postgres;
pub mod rds;
pub mod redis;
pub mod s3;
pub mod sdk;
pub mod ses;
pub mod shared;
pub mod sqs;
pub mod tls;
