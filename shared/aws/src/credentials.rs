//! Who Vigie is, found out at the first call.

use std::fmt;

use aws_config::SdkConfig;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::region::Region;
use tokio::sync::OnceCell;

use crate::base::{Role, Settings};

/// In Lambda the keys of the function's role, from its environment; from a terminal whatever the AWS CLI would take.
pub(crate) fn chain(settings: &Settings, http: &SharedHttpClient) -> SharedCredentialsProvider {
    if !settings.terminal {
        return SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    }
    let recipe =
        Recipe::Chain { http: http.clone(), region: settings.region.clone(), profile: settings.profile.clone() };
    SharedCredentialsProvider::new(Later { recipe, built: OnceCell::new() })
}

/// The role's credentials, asked for with `own`.
pub(crate) fn assume(own: SdkConfig, role: Role<'_>, session_name: &str) -> SharedCredentialsProvider {
    let recipe = Recipe::Role {
        own: Box::new(own),
        arn: role.arn.to_owned(),
        external_id: role.external_id.map(str::to_owned),
        session_name: session_name.to_owned(),
    };
    SharedCredentialsProvider::new(Later { recipe, built: OnceCell::new() })
}

/// The region of the profile in `~/.aws/config`, for a terminal where AWS_REGION is not set. Files only: the instance's
/// metadata is not asked.
pub async fn profile_region(profile: Option<&str>) -> Option<String> {
    let mut builder = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        builder = builder.profile_name(profile);
    }
    builder.build().region().await.map(|region| region.as_ref().to_owned())
}

/// A provider that is built when somebody first wants credentials.
struct Later {
    recipe: Recipe,
    built: OnceCell<SharedCredentialsProvider>,
}

enum Recipe {
    Chain { http: SharedHttpClient, region: Option<String>, profile: Option<String> },
    Role { own: Box<SdkConfig>, arn: String, external_id: Option<String>, session_name: String },
}

impl Recipe {
    async fn build(&self) -> SharedCredentialsProvider {
        match self {
            Recipe::Chain { http, region, profile } => {
                let config = ProviderConfig::default().with_http_client(http.clone());
                let mut builder = DefaultCredentialsChain::builder().configure(config);
                if let Some(region) = region {
                    builder = builder.region(Region::new(region.clone()));
                }
                if let Some(profile) = profile {
                    builder = builder.profile_name(profile);
                }
                SharedCredentialsProvider::new(builder.build().await)
            }
            Recipe::Role { own, arn, external_id, session_name } => {
                let mut builder = AssumeRoleProvider::builder(arn).session_name(session_name).configure(own);
                if let Some(id) = external_id {
                    builder = builder.external_id(id);
                }
                SharedCredentialsProvider::new(builder.build().await)
            }
        }
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl ProvideCredentials for Later {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(async { self.built.get_or_init(|| self.recipe.build()).await.provide_credentials().await })
    }
}
