//! The healthy part of redis.

use super::{NOW, climbed, fallen};
use crate::cause::Cause;
use crate::facts::postgres::Certificate;
use crate::facts::redis::{Redis, RedisRoundtrip};
use crate::facts::{Fact, Facts, Gap, Rung};
use crate::question::Question;
use jiff::SignedDuration;

pub fn fill(facts: &mut Facts) {
    let rungs = [Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Authenticate, Rung::Query];
    let redis = Redis {
        variable: "UPSTASH_REDIS_REST_URL".to_owned(),
        scheme: "https".to_owned(),
        host: "eu1-shop-31337.upstash.io".to_owned(),
        private: Fact::Known(false),
        ladder: climbed(&rungs),
        certificate: Fact::Known(Some(Certificate {
            not_before: NOW - SignedDuration::from_hours(24 * 10),
            not_after: NOW + SignedDuration::from_hours(24 * 80),
            names: vec!["*.upstash.io".to_owned()],
            issuer: "Let's Encrypt, R11".to_owned(),
            cause: None,
            causes: Vec::new(),
        })),
        roundtrip: Fact::Known(RedisRoundtrip { cause: None, step: None, code: None, ttl: Some(60) }),
    };
    facts.redis.insert("redis".to_owned(), redis);
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    for redis in facts.redis.values_mut() {
        match question {
            Question::RedisLadder => redis.ladder = fallen(Rung::Connect, Cause::Refused),
            Question::RedisCertificate => redis.certificate = Fact::Gap(gap.clone()),
            Question::RedisRoundtrip => redis.roundtrip = Fact::Gap(gap.clone()),
            _ => {}
        }
    }
}
