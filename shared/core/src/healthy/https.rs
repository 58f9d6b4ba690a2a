//! The healthy part of https: the site with its sign-in routes, and a CDN without.

use super::{NOW, climbed, fallen};
use crate::cause::Cause;
use crate::facts::https::Https;
use crate::facts::postgres::Certificate;
use crate::facts::{Fact, Facts, Gap, Rung};
use crate::question::Question;
use jiff::SignedDuration;

pub fn fill(facts: &mut Facts) {
    let site = "https://app.shop.example";
    facts.https.insert("https".to_owned(), address("NEXTAUTH_URL", site, Some(vec![site.to_owned()])));
    facts.https.insert("https:cdn".to_owned(), address("CDN_URL", "https://cdn.shop.example", None));
}

fn address(variable: &str, origin: &str, callbacks: Option<Vec<String>>) -> Https {
    Https {
        variable: variable.to_owned(),
        origin: origin.to_owned(),
        ladder: climbed(&[Rung::Resolve, Rung::Connect, Rung::Tls, Rung::Query]),
        certificate: Fact::Known(Some(Certificate {
            not_before: NOW - SignedDuration::from_hours(24 * 10),
            not_after: NOW + SignedDuration::from_hours(24 * 80),
            names: vec![origin.trim_start_matches("https://").to_owned()],
            issuer: "Amazon, Amazon RSA 2048 M02".to_owned(),
            cause: None,
            causes: Vec::new(),
        })),
        status: Fact::Known(200),
        first_byte_ms: Fact::Known(120),
        callbacks: Fact::Known(callbacks),
    }
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    for https in facts.https.values_mut() {
        match question {
            Question::HttpsLadder => https.ladder = fallen(Rung::Connect, Cause::Refused),
            Question::HttpsCertificate => https.certificate = Fact::Gap(gap.clone()),
            Question::HttpsAuthProviders if https.callbacks != Fact::Known(None) => {
                https.callbacks = Fact::Gap(gap.clone());
            }
            _ => {}
        }
    }
}
