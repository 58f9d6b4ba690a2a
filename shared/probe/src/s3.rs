//! The app's buckets: used as the app, and looked at as the auditor.

mod roundtrip;
mod settings;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::StreamExt;
use futures::stream;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Bucket, Caller, S3};
use vigie_core::facts::{Fact, Gap, Identity, Rung};
use vigie_core::targets::BucketTarget;

use crate::ask::Ask;
use crate::credentials;
use crate::sdk::{self, Missed};

/// Buckets that are asked at a time.
const AT_A_TIME: usize = 8;
const HEAD: &str = "s3:ListBucket";

/// Asks each bucket. The first one's HeadBucket is the ladder; where S3 cannot be used at all no other is asked.
/// `app_region` is what the app's own client is given.
pub async fn observe(ask: &Ask, buckets: &Named<BucketTarget>, app_region: Option<&str>) -> S3 {
    let region = app_region.map(|region| Region::new(region.to_owned())).or(ask.app.region().cloned());
    let app = client(&ask.app, region.clone());
    let first = buckets.keys().next().map_or("", String::as_str);
    let (ladder, reached) =
        sdk::rung(ask, Rung::Query, Identity::App, || reach(ask, &app, region.as_ref(), first)).await;
    let mut s3 = S3 {
        ladder,
        asked_as: ask.app_identity,
        buckets: Named::new(),
        account_block: Fact::gap(Cause::NotAsked, Identity::Auditor),
    };
    let client_region: Fact<String> = match app_region {
        Some(region) => Fact::Known(clean(region)),
        None => Fact::gap(Cause::NotGiven, Identity::App),
    };
    let (head, caller) = match reached {
        Ok(reached) => reached,
        Err(gap) => {
            let dead = |target: &BucketTarget| Bucket {
                client_region: client_region.clone(),
                ..unasked(&Gap { asked_as: ask.app_identity, ..gap.clone() }, target)
            };
            s3.buckets = buckets.iter().map(|(name, target)| (clean(name), dead(target))).collect();
            s3.account_block = Fact::gap(gap.cause, Identity::Auditor);
            return s3;
        }
    };
    let see = Seeing { ask, app: &app, region: region.as_ref(), caller: &caller };
    let asked = buckets.iter().enumerate().map(|(i, (name, target))| {
        let (see, client_region, head) = (&see, &client_region, (i == 0).then(|| head.clone()));
        async move { (clean(name), see.bucket(name, target, client_region, head).await) }
    });
    let (seen, account_block) = futures::join!(
        stream::iter(asked).buffer_unordered(AT_A_TIME).collect::<Vec<_>>(),
        settings::account(ask, caller.as_ref().map(|caller| caller.account.as_str()).map_err(Clone::clone)),
    );
    s3.buckets = seen.into_iter().collect();
    s3.account_block = account_block.into();
    s3
}

/// A client for buckets: paths instead of host names at a custom endpoint, and checksums only where S3 wants them, since a
/// presigned URL's client has none to send.
fn client(config: &SdkConfig, region: Option<Region>) -> Client {
    let builder = Builder::from(config)
        .region(region)
        .force_path_style(config.endpoint_url().is_some())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(builder.build())
}

/// What HeadBucket says. The region comes with refusals too.
#[derive(Clone)]
struct Head {
    usable: Result<(), Gap>,
    region: Option<String>,
}

type Reached = (Head, Result<Caller, Gap>);

/// The first bucket, and the account that asks. HeadBucket's answer has no body: that a refusal is the credential's own
/// only STS tells.
async fn reach(ask: &Ask, client: &Client, region: Option<&Region>, bucket: &str) -> Result<Reached, Missed> {
    if region.is_none() {
        return Err(Gap::new(Cause::NotGiven, ask.app_identity).into());
    }
    let (head, caller) = futures::join!(head(ask, client, bucket, None), credentials::caller(ask));
    match (head, caller) {
        (Err(_), Err(refused)) if refused.rung == Rung::Authenticate => Err(refused),
        (Ok(head), caller) => {
            let refused = head.usable.as_ref().is_err_and(|gap| gap.cause == Cause::Denied);
            match caller {
                Err(missed) if refused && missed.rung == Rung::Authenticate => Err(missed),
                caller => Ok((head, caller.map_err(Gap::from))),
            }
        }
        (Err(missed), _) => Err(missed),
    }
}

/// HeadBucket, as the app.
///
/// # Errors
/// S3 could not be used. That the bucket is missing, refused or elsewhere is an answer.
async fn head(ask: &Ask, client: &Client, bucket: &str, owner: Option<&str>) -> Result<Head, Missed> {
    let request = client.head_bucket().bucket(bucket).set_expected_bucket_owner(owner.map(str::to_owned)).send();
    let identity = ask.app_identity;
    match ask.deadline.run(sdk::LIMIT, Box::pin(request)).await {
        Err(cause) => Err(Gap::new(cause, identity).into()),
        Ok(Ok(answer)) => Ok(Head { usable: Ok(()), region: answer.bucket_region().map(clean) }),
        Ok(Err(error)) => {
            let header = error.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region"));
            let region = header.map(clean);
            let missed = sdk::missed(&error, HEAD, identity);
            let own = client.config().region().map(AsRef::as_ref);
            // Some endpoints answer 400 where others redirect.
            let elsewhere = missed.gap.cause == Cause::Unexpected && region.is_some() && region.as_deref() != own;
            if elsewhere {
                return Ok(Head { usable: Err(Gap::new(Cause::WrongRegion, identity)), region });
            }
            if missed.answered() { Ok(Head { usable: Err(missed.gap), region }) } else { Err(missed) }
        }
    }
}

/// What all buckets of one audit share.
struct Seeing<'a> {
    ask: &'a Ask,
    app: &'a Client,
    region: Option<&'a Region>,
    caller: &'a Result<Caller, Gap>,
}

impl Seeing<'_> {
    async fn bucket(
        &self,
        name: &str,
        target: &BucketTarget,
        client_region: &Fact<String>,
        first: Option<Head>,
    ) -> Bucket {
        let ask = self.ask;
        let mut found = match first {
            Some(head) => head,
            None => self.head(self.app, name).await,
        };
        // The app's client is in another region: the rest is asked where the bucket is, and the region is a finding of its own.
        let region = found.region.clone().map(Region::new).or(self.region.cloned());
        let moved = region.as_ref() != self.region;
        let there = moved.then(|| client(&ask.app, region.clone()));
        let app = there.as_ref().unwrap_or(self.app);
        if moved && found.usable.as_ref().is_err_and(|gap| gap.cause == Cause::WrongRegion) {
            found = Head { region: found.region, ..self.head(app, name).await };
        }
        let located = match (&found.region, &found.usable) {
            (Some(region), _) => Ok(region.clone()),
            (None, Err(gap)) => Err(gap.clone()),
            (None, Ok(())) => Err(Gap::new(Cause::NoData, ask.app_identity)),
        };
        let auditor = client(&ask.auditor, region);
        let exists = !found.usable.as_ref().is_err_and(|gap| gap.cause == Cause::NotFound);
        let ((owned, roundtrip), settings) = futures::join!(
            async {
                let owned = self.owned(app, name, &found).await;
                let roundtrip = roundtrip::of(ask, app, &auditor, name, &owned, self.caller).await;
                (owned, roundtrip)
            },
            async { if exists { settings::of(ask, &auditor, name).await } else { settings::gaps(Cause::NotFound) } },
        );
        Bucket {
            head: found.usable.into(),
            owned: owned.into(),
            region: located.into(),
            client_region: client_region.clone(),
            public_by_design: target.public_by_design,
            roundtrip: roundtrip.into(),
            policy_public: settings.policy_public,
            public_grants: settings.public_grants,
            block: settings.block,
            acls_enabled: settings.acls_enabled,
        }
    }

    async fn head(&self, client: &Client, bucket: &str) -> Head {
        head(self.ask, client, bucket, None)
            .await
            .unwrap_or_else(|missed| Head { usable: Err(missed.gap), region: None })
    }

    /// Whether the bucket is of the app's account.
    async fn owned(&self, client: &Client, bucket: &str, found: &Head) -> Result<bool, Gap> {
        found.usable.clone()?;
        let account = self.caller.as_ref().map_err(Clone::clone)?.account.as_str();
        match head(self.ask, client, bucket, Some(account)).await?.usable {
            Ok(()) => Ok(true),
            Err(gap) if gap.cause == Cause::Denied => Ok(false),
            Err(gap) => Err(gap),
        }
    }
}

/// A bucket of which nothing could be asked.
fn unasked(gap: &Gap, target: &BucketTarget) -> Bucket {
    let settings = settings::gaps(gap.cause);
    Bucket {
        head: Fact::Gap(gap.clone()),
        owned: Fact::Gap(gap.clone()),
        region: Fact::Gap(gap.clone()),
        client_region: Fact::Gap(gap.clone()),
        public_by_design: target.public_by_design,
        roundtrip: Fact::Gap(gap.clone()),
        policy_public: settings.policy_public,
        public_grants: settings.public_grants,
        block: settings.block,
        acls_enabled: settings.acls_enabled,
    }
}
