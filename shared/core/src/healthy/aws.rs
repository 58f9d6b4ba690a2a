//! The healthy part of the credentials, SES and S3: keys from the runtime, a mailer out of the sandbox, a closed bucket.

use super::{NOW, climbed, fallen};
use crate::Named;
use crate::cause::Cause;
use crate::facts::aws::{
    BlockFlags, Bucket, Caller, Credentials, KeyKind, Policy, Roundtrip, RoundtripStep, S3, SendStatistics, Ses,
    SesQuota,
};
use crate::facts::{Fact, Facts, Gap, Identity, Rung};
use crate::fingerprint::Fingerprint;
use crate::question::Question;
use jiff::SignedDuration;

const MAC: &str = "5d1c0a7e9b3f42468ac1e0d2b4967f38";
const REGION: &str = "eu-west-1";

pub fn fill(facts: &mut Facts) {
    facts.credentials = Some(credentials());
    facts.ses = Some(ses());
    facts.s3 = Some(s3());
}

pub fn refuse(facts: &mut Facts, question: Question, gap: &Gap) {
    if let Some(c) = &mut facts.credentials {
        refuse_credentials(c, question, gap);
    }
    if let Some(ses) = &mut facts.ses {
        refuse_ses(ses, question, gap);
    }
    if let Some(s3) = &mut facts.s3 {
        refuse_s3(s3, question, gap);
    }
}

/// The key has been in use for two hours.
pub fn remember(memory: &mut crate::snapshot::Memory) {
    memory.first_seen.insert(MAC.to_owned(), NOW - SignedDuration::from_hours(2));
}

fn credentials() -> Credentials {
    Credentials {
        ladder: climbed(&[Rung::Authenticate]),
        asked_as: Identity::App,
        key: KeyKind::Runtime,
        expires: None,
        fingerprint: Fact::Known(Fingerprint { key: "0f1e2d3c".to_owned(), mac: MAC.to_owned() }),
        caller: Fact::Known(Caller {
            account: "111122223333".to_owned(),
            arn: "arn:aws:sts::111122223333:assumed-role/shop-web/shop-web".to_owned(),
        }),
        session_bound: Fact::Known(Some(43_200)),
        policies: Fact::Known(
            [("shop-web".to_owned(), Policy { managed_by_aws: false, on_everything: Fact::Known(Vec::new()) })].into(),
        ),
    }
}

fn refuse_credentials(c: &mut Credentials, question: Question, gap: &Gap) {
    match question {
        // Without the variables there is no key to ask with.
        Question::Variables => {
            c.key = KeyKind::None;
            c.asked_as = Identity::Auditor;
        }
        Question::CallerIdentity => {
            c.ladder = fallen(Rung::Authenticate, Cause::InvalidKey);
            c.caller = Fact::gap(Cause::InvalidKey, Identity::App);
        }
        Question::PrincipalRole => c.session_bound = Fact::Gap(gap.clone()),
        Question::PrincipalPolicies => c.policies = Fact::Gap(gap.clone()),
        _ => {}
    }
}

fn ses() -> Ses {
    Ses {
        ladder: climbed(&[Rung::Query]),
        region: REGION.to_owned(),
        from: Fact::Known("orders@mail.shop.example".to_owned()),
        sending_enabled: Fact::Known(true),
        production_access: Fact::Known(true),
        quota: Fact::Known(SesQuota { max_24_hours: 50_000.0, max_rate: 14.0, sent_24_hours: 1_200.0 }),
        identities: Fact::Known([("shop.example".to_owned(), "Success".to_owned())].into()),
        elsewhere: Named::new(),
        bounce_rate: Fact::Known(Some(0.4)),
        statistics: Fact::Known(SendStatistics { attempts: 16_000, bounces: 64 }),
    }
}

fn refuse_ses(ses: &mut Ses, question: Question, gap: &Gap) {
    match question {
        Question::SesSending => ses.sending_enabled = Fact::Gap(gap.clone()),
        Question::SesIdentities => ses.identities = Fact::Gap(gap.clone()),
        Question::SesAccount => {
            ses.production_access = Fact::Gap(gap.clone());
            ses.quota = Fact::Gap(gap.clone());
        }
        Question::SesReputation => {
            ses.bounce_rate = Fact::Gap(gap.clone());
            ses.statistics = Fact::Gap(gap.clone());
        }
        _ => {}
    }
}

fn s3() -> S3 {
    S3 {
        ladder: climbed(&[Rung::Query]),
        asked_as: Identity::App,
        buckets: [("shop-media".to_owned(), bucket())].into(),
        account_block: Fact::Known(BlockFlags {
            block_public_policy: true,
            restrict_public_buckets: true,
            ..BlockFlags::default()
        }),
    }
}

/// Two flags are the bucket's and two the account's: neither level closes it alone.
fn bucket() -> Bucket {
    let step = |name: &str| RoundtripStep { step: name.to_owned(), ms: 12, cause: None, code: None };
    Bucket {
        head: Fact::Known(()),
        owned: Fact::Known(true),
        region: Fact::Known(REGION.to_owned()),
        client_region: Fact::Known(REGION.to_owned()),
        public_by_design: false,
        roundtrip: Fact::Known(Roundtrip { steps: ["put", "get", "compare", "delete", "gone"].map(step).into() }),
        policy_public: Fact::Known(false),
        public_grants: Fact::Known(Vec::new()),
        block: Fact::Known(BlockFlags { block_public_acls: true, ignore_public_acls: true, ..BlockFlags::default() }),
        acls_enabled: Fact::Known(false),
    }
}

fn refuse_s3(s3: &mut S3, question: Question, gap: &Gap) {
    if question == Question::AccountPublicAccess {
        s3.account_block = Fact::Gap(gap.clone());
    }
    for bucket in s3.buckets.values_mut() {
        match question {
            Question::BucketHead => {
                bucket.head = Fact::Gap(gap.clone());
                bucket.region = Fact::Gap(gap.clone());
            }
            Question::BucketRoundtrip | Question::BucketProtection => bucket.roundtrip = Fact::Gap(gap.clone()),
            Question::BucketPolicyStatus => bucket.policy_public = Fact::Gap(gap.clone()),
            Question::BucketAcl => bucket.public_grants = Fact::Gap(gap.clone()),
            Question::BucketPublicAccess => bucket.block = Fact::Gap(gap.clone()),
            Question::BucketOwnership => bucket.acls_enabled = Fact::Gap(gap.clone()),
            _ => {}
        }
    }
}
