//! Checks of S3: may the app use its buckets, where are they, who else may, and does an upload come back.

use crate::cause::Cause;
use crate::check::{
    Because, Check, Fault, Judgement, Kind, Level, Limit, Severity, Suite, because_of, coded, fault, per,
};
use crate::evidence::Value;
use crate::facts::aws::{BlockFlags, Bucket, Roundtrip, RoundtripStep, S3};
use crate::facts::{Fact, Gap, Identity};
use crate::healthy::fallen;
use crate::question::Question;
use crate::snapshot::Snapshot;
use crate::text::text;

pub const CHECKS: &[Check] = &[BUCKET_MISSING, REGION_MISMATCH, PUBLIC_CONFIG, ROUNDTRIP];

const BUCKET_MISSING: Check = Check {
    id: "S3-BUCKET-MISSING",
    kind: Kind::S3,
    suite: Suite::Connections,
    severity: per(Severity::Critical, Severity::Critical),
    title: text(
        "The bucket does not exist or the app may not use it",
        "Le bucket n'existe pas ou l'application ne peut pas l'utiliser",
    ),
    remedy: text(
        "Create the bucket, correct its name, or grant s3:ListBucket.",
        "Créez le bucket, corrigez son nom, ou accordez s3:ListBucket.",
    ),
    reads: &[Question::BucketHead],
    faults: &[
        Fault {
            code: "unreachable",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "S3 cannot be used for {subject}: {cause}, on the rung {rung}.",
                "S3 n'est pas utilisable pour {subject} : {cause}, à l'étape {rung}.",
            ),
            broken: |s| {
                if let Some(s3) = &mut s.facts.s3 {
                    s3.ladder = fallen(crate::facts::Rung::Connect, Cause::Timeout);
                }
            },
        },
        Fault {
            code: "foreign",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} answers, but belongs to another account.",
                "{subject} répond, mais appartient à un autre compte.",
            ),
            broken: |s| each(s, |bucket| bucket.owned = Fact::Known(false)),
        },
        Fault {
            code: "denied",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "{subject} exists, but the app may not use it: it lacks s3:ListBucket, or the bucket is somebody else's.",
                "{subject} existe, mais l'application ne peut pas l'utiliser : s3:ListBucket manque, ou le bucket est à quelqu'un d'autre.",
            ),
            broken: |s| each(s, |bucket| bucket.head = Fact::Gap(Gap::denied("s3:ListBucket", Identity::App))),
        },
        Fault {
            code: "missing",
            level: Level::Column,
            limit: Limit::None,
            says: text("{subject} does not exist.", "{subject} n'existe pas."),
            broken: |s| each(s, |bucket| bucket.head = Fact::gap(Cause::NotFound, Identity::App)),
        },
    ],
    judge: |cx, say| {
        if let Some(s3) = &cx.facts.s3 {
            say.each(&s3.buckets, |bucket| usable(s3, bucket));
        }
    },
};

const REGION_MISMATCH: Check = Check {
    id: "S3-REGION-MISMATCH",
    kind: Kind::S3,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::High),
    title: text(
        "The bucket lives in another region than the client",
        "Le bucket est dans une autre région que le client",
    ),
    remedy: text("Pass the bucket's region to the client.", "Donnez au client la région du bucket."),
    reads: &[Question::BucketHead],
    faults: &[Fault {
        code: "other",
        level: Level::Column,
        limit: Limit::None,
        says: text(
            "{subject} is in {region}, the app's client in {client}: presigned URLs fail.",
            "{subject} est dans {region}, le client de l'application dans {client} : les URL présignées échouent.",
        ),
        broken: |s| each(s, |bucket| bucket.region = Fact::Known("us-east-1".to_owned())),
    }],
    judge: |cx, say| {
        if let Some(s3) = &cx.facts.s3 {
            say.each(&s3.buckets, |bucket| {
                let (region, client) = (bucket.region.get()?, bucket.client_region.get()?);
                Ok((region != client)
                    .then(|| fault("other").with("region", Value::name(region)).with("client", Value::name(client))))
            });
        }
    },
};

const PUBLIC_CONFIG: Check = Check {
    id: "S3-PUBLIC-CONFIG",
    kind: Kind::S3,
    suite: Suite::Full,
    severity: per(Severity::High, Severity::Critical),
    title: text("Bucket settings allow public access", "Les réglages du bucket permettent l'accès public"),
    remedy: text(
        "Turn on all four block flags; serve files through CloudFront with origin access control.",
        "Activez les quatre blocages ; servez les fichiers par CloudFront avec un contrôle d'accès à l'origine.",
    ),
    reads: &[
        Question::BucketPolicyStatus,
        Question::BucketAcl,
        Question::BucketPublicAccess,
        Question::AccountPublicAccess,
        Question::BucketOwnership,
    ],
    faults: &[
        Fault {
            code: "acls",
            level: Level::At(Severity::Low),
            limit: Limit::None,
            says: text(
                "ACLs are still enabled on {subject}: an upload may make itself public.",
                "Les ACL sont encore actives sur {subject} : un envoi peut se rendre public.",
            ),
            broken: |s| each(s, |bucket| bucket.acls_enabled = Fact::Known(true)),
        },
        Fault {
            code: "block",
            level: Level::Warn,
            limit: Limit::None,
            says: text(
                "Neither {subject} nor the account blocks: {flags}.",
                "Ni {subject} ni le compte ne bloquent : {flags}.",
            ),
            broken: |s| each(s, |bucket| bucket.block = Fact::Known(BlockFlags::default())),
        },
        Fault {
            code: "grants",
            level: Level::Column,
            limit: Limit::None,
            says: text(
                "The ACL of {subject} grants everybody: {grants}.",
                "L'ACL de {subject} accorde à tous : {grants}.",
            ),
            broken: |s| each(s, |bucket| bucket.public_grants = Fact::Known(vec!["AllUsers: READ".to_owned()])),
        },
        Fault {
            code: "policy",
            level: Level::Column,
            limit: Limit::None,
            says: text("The policy of {subject} makes it public.", "La politique de {subject} le rend public."),
            broken: |s| each(s, |bucket| bucket.policy_public = Fact::Known(true)),
        },
    ],
    judge: |cx, say| {
        if let Some(s3) = &cx.facts.s3 {
            say.each(&s3.buckets, |bucket| public(s3, bucket));
        }
    },
};

/// A fault of the round trip: on the step {step}, with the service's code.
const fn trip(code: &'static str, says: crate::text::Text, broken: fn(&mut Snapshot)) -> Fault {
    Fault { code, level: Level::Column, limit: Limit::None, says, broken }
}

const ROUNDTRIP: Check = Check {
    id: "S3-ROUNDTRIP",
    kind: Kind::S3,
    suite: Suite::Connections,
    severity: per(Severity::High, Severity::Critical),
    title: text(
        "Upload, download or delete through a presigned URL fails",
        "L'envoi, la lecture ou la suppression par URL présignée échoue",
    ),
    remedy: text(
        "By cause: the bucket's policy, the clock, the grant on the KMS key, or the bucket's ownership setting.",
        "Selon la cause : la politique du bucket, l'horloge, l'accès à la clé KMS, ou le réglage de propriété du bucket.",
    ),
    reads: &[Question::BucketRoundtrip, Question::BucketProtection],
    faults: &[
        trip("failed", text("{subject}: {step} fails: {cause}.", "{subject} : {step} échoue : {cause}."), |s| {
            each(s, |bucket| bucket.roundtrip = failing(&["put"], Cause::ServerError, "InternalError"))
        }),
        trip(
            "left",
            text(
                "{subject}: the object is written and read, but not deleted: {cause}. It is left under {prefix}.",
                "{subject} : l'objet est écrit et lu, mais pas supprimé : {cause}. Il reste sous {prefix}.",
            ),
            |s| {
                let steps = &["put", "get", "compare", "delete"];
                each(s, |bucket| bucket.roundtrip = failing(steps, Cause::Denied, "AccessDenied"));
            },
        ),
        trip(
            "clock",
            text(
                "{subject}: {step} is refused because the clock is too far off ({cause}).",
                "{subject} : {step} est refusé, l'horloge est trop décalée ({cause}).",
            ),
            |s| each(s, |bucket| bucket.roundtrip = failing(&["put"], Cause::ClockSkew, "RequestTimeTooSkewed")),
        ),
        trip(
            "signature",
            text(
                "{subject}: the presigned URL is refused on {step}: {cause}.",
                "{subject} : l'URL présignée est refusée à {step} : {cause}.",
            ),
            |s| each(s, |bucket| bucket.roundtrip = failing(&["put"], Cause::Signature, "SignatureDoesNotMatch")),
        ),
        trip(
            "kms",
            text(
                "{subject}: {step} fails because the KMS key cannot be used ({cause}).",
                "{subject} : {step} échoue, la clé KMS n'est pas utilisable ({cause}).",
            ),
            |s| each(s, |bucket| bucket.roundtrip = failing(&["put"], Cause::Kms, "KMS.DisabledException")),
        ),
        trip(
            "denied",
            text(
                "{subject}: the app may not {step} ({cause}).",
                "{subject} : l'application ne peut pas faire {step} ({cause}).",
            ),
            |s| each(s, |bucket| bucket.roundtrip = failing(&["put", "get"], Cause::Denied, "AccessDenied")),
        ),
        trip(
            "differs",
            text(
                "{subject}: what was read is not what was written.",
                "{subject} : ce qui a été lu n'est pas ce qui a été écrit.",
            ),
            |s| each(s, |bucket| bucket.roundtrip = failing(&["put", "get", "compare"], Cause::Mismatch, "")),
        ),
    ],
    judge: |cx, say| {
        let Some(s3) = &cx.facts.s3 else { return };
        say.each(&s3.buckets, |bucket| returned(s3, bucket.roundtrip.get()?));
    },
};

fn usable(s3: &S3, bucket: &Bucket) -> Judgement {
    if let Some(step) = s3.ladder.failed() {
        return Ok(Some(because_of("unreachable", step, s3.asked_as)));
    }
    let because = |code, cause| Ok(Some(fault(code).cause(cause).asked_as(s3.asked_as)));
    match &bucket.head {
        Fact::Gap(gap) if gap.cause == Cause::NotFound => because("missing", Cause::NotFound),
        // The auditor's own lack of a permission says nothing of the app's.
        Fact::Gap(gap) if gap.cause == Cause::Denied && gap.asked_as == Identity::App => {
            because("denied", Cause::Denied)
        }
        Fact::Gap(gap) => Err(gap.clone()),
        Fact::Known(()) if bucket.owned == Fact::Known(false) => because("foreign", Cause::Foreign),
        Fact::Known(()) => Ok(None),
    }
}

/// What is known to be public is said, whatever else could not be had.
fn public(s3: &S3, bucket: &Bucket) -> Judgement {
    if !bucket.public_by_design {
        if bucket.policy_public == Fact::Known(true) {
            return Ok(Some(fault("policy")));
        }
        if let Fact::Known(grants) = &bucket.public_grants
            && !grants.is_empty()
        {
            return Ok(Some(fault("grants").with("grants", Value::names(grants))));
        }
        bucket.policy_public.get()?;
        bucket.public_grants.get()?;
        let open = unblocked(&bucket.block, &s3.account_block)?;
        if !open.is_empty() {
            return Ok(Some(fault("block").with("flags", Value::names(open))));
        }
    }
    Ok(bucket.acls_enabled.get()?.then(|| fault("acls")))
}

/// The flags that are off on both levels. Those that one level sets need no word of the other.
fn unblocked(bucket: &Fact<BlockFlags>, account: &Fact<BlockFlags>) -> Result<Vec<&'static str>, Gap> {
    let flags = |f: &BlockFlags| {
        [
            ("BlockPublicAcls", f.block_public_acls),
            ("IgnorePublicAcls", f.ignore_public_acls),
            ("BlockPublicPolicy", f.block_public_policy),
            ("RestrictPublicBuckets", f.restrict_public_buckets),
        ]
    };
    let known = [bucket, account].into_iter().filter_map(|level| level.get().ok()).map(flags);
    let set: Vec<&str> = known.flatten().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    let names = flags(&BlockFlags::default()).map(|(name, _)| name);
    let open: Vec<&'static str> = names.into_iter().filter(|name| !set.contains(name)).collect();
    if !open.is_empty() {
        bucket.get()?;
        account.get()?;
    }
    Ok(open)
}

/// The first step that failed decides.
fn returned(s3: &S3, trip: &Roundtrip) -> Judgement {
    let Some((step, cause)) = trip.steps.iter().find_map(|step| step.cause.map(|cause| (step, cause))) else {
        return Ok(None);
    };
    if cause == Cause::Deadline {
        return Err(Gap::new(cause, s3.asked_as));
    }
    // The auditor's own permission is missing, of which the app's says nothing. What was left behind is left all the same.
    let left = trip.steps.iter().any(|step| step.cause.is_some() && asks(&step.step).is_none());
    if cause == Cause::Denied
        && s3.asked_as == Identity::Auditor
        && !left
        && let Some(action) = asks(&step.step)
    {
        return Err(Gap::denied(action, Identity::Auditor));
    }
    let code = match (cause, step.step.as_str()) {
        (_, "delete" | "gone") => "left",
        (Cause::ClockSkew, _) => "clock",
        (Cause::Signature | Cause::ExpiredToken | Cause::InvalidKey, _) => "signature",
        (Cause::Kms, _) => "kms",
        (Cause::Denied, _) => "denied",
        (Cause::Mismatch, _) => "differs",
        _ => "failed",
    };
    Ok(Some(trip_because(code, step, cause).asked_as(s3.asked_as)))
}

/// The action of a step that leaves nothing behind when it is refused.
fn asks(step: &str) -> Option<&'static str> {
    match step {
        "put" => Some("s3:PutObject"),
        "get" => Some("s3:GetObject"),
        _ => None,
    }
}

fn trip_because(code: &'static str, step: &RoundtripStep, cause: Cause) -> Because {
    fault(code)
        .with("step", Value::name(&step.step))
        .with("cause", Value::name(coded(cause, step.code.as_deref())))
        .with("prefix", Value::name("vigie-probe/"))
        .cause(cause)
}

/// A round trip whose last step failed.
fn failing(steps: &[&str], cause: Cause, code: &str) -> Fact<Roundtrip> {
    let last = steps.len() - 1;
    let step = |(i, name): (usize, &&str)| RoundtripStep {
        step: (*name).to_owned(),
        ms: 9,
        cause: (i == last).then_some(cause),
        code: (i == last && !code.is_empty()).then(|| code.to_owned()),
    };
    Fact::Known(Roundtrip { steps: steps.iter().enumerate().map(step).collect() })
}

fn each(snapshot: &mut Snapshot, change: impl Fn(&mut Bucket)) {
    snapshot.facts.s3.iter_mut().flat_map(|s3| s3.buckets.values_mut()).for_each(change);
}
