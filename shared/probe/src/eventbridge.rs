//! eventbridge
