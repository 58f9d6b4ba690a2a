//! What a bucket and its account are set to, asked as the auditor in the full suite. A setting that was never made has a
//! value of its own, it is no gap.

use std::error::Error;
use std::future::Future;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{Grant, ObjectOwnership};
use aws_sdk_s3control::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::BlockFlags;
use vigie_core::facts::{Fact, Gap, Identity};

use crate::ask::Ask;
use crate::sdk;

const BY: Identity = Identity::Auditor;
/// Grants that are kept, at most; an ACL holds 100.
const GRANTS: usize = 100;

pub(super) struct Settings {
    pub(super) policy_public: Fact<bool>,
    pub(super) public_grants: Fact<Vec<String>>,
    pub(super) block: Fact<BlockFlags>,
    pub(super) acls_enabled: Fact<bool>,
}

pub(super) fn gaps(cause: Cause) -> Settings {
    Settings {
        policy_public: Fact::gap(cause, BY),
        public_grants: Fact::gap(cause, BY),
        block: Fact::gap(cause, BY),
        acls_enabled: Fact::gap(cause, BY),
    }
}

pub(super) async fn of(ask: &Ask, client: &Client, bucket: &str) -> Settings {
    if ask.suite < Suite::Full {
        return gaps(Cause::NotAsked);
    }
    let policy = client.get_bucket_policy_status().bucket(bucket).send();
    let acl = client.get_bucket_acl().bucket(bucket).send();
    let block = client.get_public_access_block().bucket(bucket).send();
    let ownership = client.get_bucket_ownership_controls().bucket(bucket).send();
    let (policy, acl, block, ownership) = futures::join!(
        unset(ask, "s3:GetBucketPolicyStatus", "NoSuchBucketPolicy", policy),
        sdk::call(ask, "s3:GetBucketAcl", BY, acl),
        unset(ask, "s3:GetBucketPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", block),
        unset(ask, "s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError", ownership),
    );
    let enforced = |rule: &aws_sdk_s3::types::OwnershipControlsRule| {
        *rule.object_ownership() == ObjectOwnership::BucketOwnerEnforced
    };
    Settings {
        policy_public: policy
            .map(|answer| answer.and_then(|a| a.policy_status).and_then(|status| status.is_public).unwrap_or(false))
            .into(),
        public_grants: acl.map(|answer| answer.grants().iter().filter_map(public).take(GRANTS).collect()).into(),
        block: block
            .map(|answer| answer.and_then(|a| a.public_access_block_configuration))
            .map(|flags| {
                flags.map_or(BlockFlags::default(), |flags| BlockFlags {
                    block_public_acls: flags.block_public_acls.unwrap_or(false),
                    ignore_public_acls: flags.ignore_public_acls.unwrap_or(false),
                    block_public_policy: flags.block_public_policy.unwrap_or(false),
                    restrict_public_buckets: flags.restrict_public_buckets.unwrap_or(false),
                })
            })
            .into(),
        // Without controls the object's writer owns it, and ACLs count.
        acls_enabled: ownership
            .map(|answer| answer.and_then(|a| a.ownership_controls))
            .map(|controls| !controls.is_some_and(|controls| controls.rules().iter().any(enforced)))
            .into(),
    }
}

/// The account's four flags.
///
/// # Errors
/// Not asked in `connections`; the account is not known; refused.
pub(super) async fn account(ask: &Ask, account: Result<&str, Gap>) -> Result<BlockFlags, Gap> {
    if ask.suite < Suite::Full {
        return Err(Gap::new(Cause::NotAsked, BY));
    }
    let mut config = aws_sdk_s3control::config::Builder::from(&ask.auditor);
    if let Some(url) = ask.auditor.endpoint_url() {
        config = config.endpoint_resolver(Custom(url.to_owned()));
    }
    let client = aws_sdk_s3control::Client::from_conf(config.build());
    let request = client.get_public_access_block().account_id(account?).send();
    let none = "NoSuchPublicAccessBlockConfiguration";
    let answer = unset(ask, "s3:GetAccountPublicAccessBlock", none, request).await?;
    let flags = answer.and_then(|answer| answer.public_access_block_configuration);
    Ok(flags.map_or(BlockFlags::default(), |flags| BlockFlags {
        block_public_acls: flags.block_public_acls.unwrap_or(false),
        ignore_public_acls: flags.ignore_public_acls.unwrap_or(false),
        block_public_policy: flags.block_public_policy.unwrap_or(false),
        restrict_public_buckets: flags.restrict_public_buckets.unwrap_or(false),
    }))
}

/// A custom endpoint as it stands: the generated rules would put the account before its host, which an address or an
/// emulator's name does not have.
#[derive(Debug)]
struct Custom(String);

impl ResolveEndpoint for Custom {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

/// A question about a setting; `None`: S3 answers with `code`, it was never made.
async fn unset<T, E>(
    ask: &Ask,
    action: &str,
    code: &str,
    question: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<Option<T>, Gap>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match sdk::coded(ask, action, BY, question).await {
        Ok(answer) => Ok(Some(answer)),
        Err(missed) if missed.code.as_deref() == Some(code) => Ok(None),
        Err(missed) => Err(missed.gap),
    }
}

/// `AllUsers: READ`, for a grant to everybody or to everybody with an AWS account.
fn public(grant: &Grant) -> Option<String> {
    let group = grant.grantee()?.uri()?.rsplit('/').next()?;
    let permission = grant.permission().map_or("?", |permission| permission.as_str());
    matches!(group, "AllUsers" | "AuthenticatedUsers").then(|| clean(&format!("{group}: {permission}")))
}
