//! The app's AWS credentials: who STS says that it is, and as the auditor what IAM says that it may do.

mod policies;

use aws_sdk_iam::Client as Iam;
use aws_sdk_sts::Client as Sts;
use aws_types::SdkConfig;
use aws_types::region::Region;
use secrecy::ExposeSecret;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Caller, Credentials, KeyKind};
use vigie_core::facts::{Gap, Identity, Ladder, Rung};
use vigie_core::fingerprint::Fingerprint;
use vigie_core::targets::AppCredentials;

use crate::ask::Ask;
use crate::sdk::{self, Missed};

pub use policies::Arns;

/// Where STS and IAM are asked when no region is set: both answer for all regions there.
const FALLBACK: &str = "us-east-1";
const IDENTITY: &str = "sts:GetCallerIdentity";

/// Asks STS as the app; as the auditor IAM's bound of a session that does not say when it ends, and in the full suite
/// the caller's policies.
pub async fn observe(ask: &Ask, app: &AppCredentials) -> Credentials {
    let (ladder, caller) = identify(ask).await;
    let (session_bound, policies) = match &caller {
        Ok(caller) => futures::join!(session_bound(ask, app, caller), policies::of(ask, caller)),
        Err(gap) => (Err(gap.clone()), Err(gap.clone())),
    };
    Credentials {
        ladder,
        asked_as: ask.app_identity,
        key: app.kind,
        expires: app.expires,
        fingerprint: fingerprint(ask, app).into(),
        caller: caller.into(),
        session_bound: session_bound.into(),
        policies: policies.into(),
    }
}

/// The ARNs that the caller's policies are read by: the user or role, its groups, and what is attached to them.
pub async fn arns(ask: &Ask) -> Arns {
    match caller(ask).await {
        Ok(caller) => policies::arns(ask, &caller).await,
        Err(missed) => Arns { arns: Vec::new(), gaps: vec![missed.gap] },
    }
}

/// The account of these credentials.
///
/// # Errors
/// STS does not answer, or does not know them.
pub async fn account(config: &SdkConfig) -> Result<String, Gap> {
    let request = sts(config).get_caller_identity().send();
    let answer = tokio::time::timeout(sdk::LIMIT, request).await;
    let answer = answer.map_err(|_| Gap::new(Cause::Timeout, Identity::Auditor))?;
    let answer = answer.map_err(|e| sdk::gap(&e, IDENTITY, Identity::Auditor))?;
    answer.account().map(clean).ok_or(Gap::new(Cause::Protocol, Identity::Auditor))
}

/// Who asks as the app, from STS's regional endpoint.
///
/// # Errors
/// What was missed: on the rung `authenticate` it is the credential's own fault.
pub(crate) async fn caller(ask: &Ask) -> Result<Caller, Missed> {
    who(ask, &sts(&ask.app), Identity::App).await
}

async fn identify(ask: &Ask) -> (Ladder, Result<Caller, Gap>) {
    let client = sts(&ask.app);
    sdk::rung(ask, Rung::Authenticate, Identity::App, || who(ask, &client, Identity::App)).await
}

async fn who(ask: &Ask, client: &Sts, identity: Identity) -> Result<Caller, Missed> {
    let answer = sdk::coded(ask, IDENTITY, identity, client.get_caller_identity().send()).await?;
    match (answer.account(), answer.arn()) {
        (Some(account), Some(arn)) => Ok(Caller { account: clean(account), arn: clean(arn) }),
        _ => Err(Gap::new(Cause::Protocol, sdk::asked_as(ask, identity)).into()),
    }
}

/// The auditor's IAM, if it is that of the caller's account: another's role of the same name would answer for it.
///
/// # Errors
/// [`Cause::Foreign`]: the auditor is in another account.
async fn iam(ask: &Ask, caller: &Caller) -> Result<Iam, Gap> {
    if ask.app_identity != Identity::Auditor {
        let auditor = who(ask, &sts(&ask.auditor), Identity::Auditor).await?;
        if auditor.account != caller.account {
            return Err(Gap::new(Cause::Foreign, Identity::Auditor));
        }
    }
    let config = aws_sdk_iam::config::Builder::from(&ask.auditor).region(region(&ask.auditor));
    Ok(Iam::from_conf(config.build()))
}

/// Seconds that a session of the caller's role may last.
async fn session_bound(ask: &Ask, app: &AppCredentials, caller: &Caller) -> Result<Option<u32>, Gap> {
    let session = matches!(app.kind, KeyKind::Session | KeyKind::Runtime);
    if !session || app.expires.is_some() {
        return Err(Gap::new(Cause::NotAsked, Identity::Auditor));
    }
    let Principal::Role(role) = Principal::of(caller) else { return Ok(None) };
    let request = iam(ask, caller).await?.get_role().role_name(role).send();
    let answer = sdk::call(ask, "iam:GetRole", Identity::Auditor, request).await?;
    let bound = answer.role().and_then(|role| role.max_session_duration()).and_then(|n| u32::try_from(n).ok());
    bound.map(Some).ok_or(Gap::new(Cause::Protocol, Identity::Auditor))
}

fn fingerprint(ask: &Ask, app: &AppCredentials) -> Result<Fingerprint, Gap> {
    let keys = app.keys.as_ref().ok_or(Gap::new(Cause::NotGiven, Identity::App))?;
    let key = ask.key.as_ref().ok_or(Gap::new(Cause::NoKey, Identity::Auditor))?;
    Ok(key.of("access-key-id", keys.id.expose_secret().as_bytes()))
}

fn sts(config: &SdkConfig) -> Sts {
    Sts::from_conf(aws_sdk_sts::config::Builder::from(config).region(region(config)).build())
}

fn region(config: &SdkConfig) -> Region {
    config.region().cloned().unwrap_or(Region::from_static(FALLBACK))
}

/// What kind of thing an ARN of STS's names; paths are not part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Root,
    User(String),
    Role(String),
    /// A federated user, or what AWS may think of yet.
    Other,
}

impl Principal {
    pub(crate) fn of(caller: &Caller) -> Self {
        let resource = caller.arn.splitn(6, ':').nth(5).unwrap_or_default();
        let mut parts = resource.split('/');
        match parts.next() {
            Some("root") => Principal::Root,
            Some("user") => parts.next_back().map_or(Principal::Other, |name| Principal::User(name.to_owned())),
            Some("assumed-role") => parts.next().map_or(Principal::Other, |name| Principal::Role(name.to_owned())),
            _ => Principal::Other,
        }
    }
}
