//! The stack of infra/template.yaml, deployed into the sandbox's emulator by the SAM CLI, as a team would deploy it.

mod build;
mod inventory;
mod policies;
pub mod raw;
mod shop;

pub use build::released;
pub use inventory::inventory;
pub use policies::policies;
pub use shop::parameters;

use crate::aws::root;
use crate::sandbox::REGION;
use crate::shop::Shop;
use raw::Call;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where `sam deploy` puts the zips; made by [`Stack::prepare`].
const ARTIFACTS: &str = "sam-artifacts";

/// The account's own key: what the emulator gives to a deployed function.
const FUNCTIONS: &str = crate::front::ACCOUNT;

/// How long something that must happen may take on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A deployed stack, or one that is about to be.
pub struct Stack<'a> {
    pub shop: &'a Shop,
    name: &'static str,
    template: PathBuf,
}

/// A resource of the stack.
#[derive(Clone, Debug)]
pub struct Resource {
    pub id: String,
    pub kind: String,
}

impl<'a> Stack<'a> {
    /// Builds what is deployed, and makes the bucket that it goes through.
    ///
    /// # Errors
    /// The functions are not built, or the emulator refuses.
    pub async fn prepare(shop: &'a Shop, name: &'static str) -> io::Result<Stack<'a>> {
        let template = tokio::task::spawn_blocking(build::template).await.map_err(io::Error::other)??;
        shop.sandbox.aws.front.exists(FUNCTIONS);
        let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&shop.config()));
        let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        let made = s3.create_bucket().bucket(ARTIFACTS).create_bucket_configuration(place);
        made.send().await.map_err(io::Error::other)?;
        Ok(Stack { shop, name, template })
    }

    /// `sam deploy`, for the first time or again.
    ///
    /// # Errors
    /// With all that it said.
    pub async fn deploy(&self, parameters: &[(&str, String)]) -> io::Result<()> {
        let overrides: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let template = self.template.display().to_string();
        self.sam(&[
            "deploy",
            "--template-file",
            &template,
            "--s3-bucket",
            ARTIFACTS,
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
            &overrides.join(" "),
        ])
        .await
    }

    /// `sam delete`.
    ///
    /// # Errors
    /// With all that it said.
    pub async fn delete(&self) -> io::Result<()> {
        self.sam(&["delete", "--no-prompts"]).await
    }

    async fn sam(&self, arguments: &[&str]) -> io::Result<()> {
        let program = root().join("target/sandbox/sam/bin/sam");
        if !program.exists() {
            let missing = format!("{} is missing: run cargo verify once", program.display());
            return Err(io::Error::other(missing));
        }
        let folder = self.shop.sandbox.folder.path();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["--stack-name", self.name, "--region", REGION])
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", folder)
            .env("AWS_ENDPOINT_URL", self.shop.sandbox.aws.front.url())
            .env("AWS_ACCESS_KEY_ID", &self.shop.key.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.shop.key.secret)
            .env("SAM_CLI_TELEMETRY", "0")
            // Seconds between two looks at the stack's events.
            .env("SAM_CLI_POLL_DELAY", "0.5")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.map_err(io::Error::other)??;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
        Err(io::Error::other(format!("sam {}: {}\n{}", arguments[0], output.status, telling(&said))))
    }

    /// What the stack has made, by logical name.
    ///
    /// # Errors
    /// There is no such stack.
    pub async fn resources(&self) -> io::Result<BTreeMap<String, Resource>> {
        let form = format!("Action=DescribeStackResources&Version=2010-05-15&StackName={}", self.name);
        let answer = raw::ask(self.shop, "cloudformation", Call::Query(&form)).await?;
        let all = |name: &str| raw::named(&answer, name);
        let names = all("LogicalResourceId").into_iter();
        let things = all("PhysicalResourceId").into_iter().zip(all("ResourceType"));
        Ok(names.zip(things.map(|(id, kind)| Resource { id, kind })).collect())
    }

    /// The configuration of one of the functions.
    ///
    /// # Errors
    /// There is no such function.
    pub async fn function(&self, name: &str) -> io::Result<Value> {
        let path = format!("/2015-03-31/functions/{}-{name}/configuration", self.name);
        let answer = raw::ask(self.shop, "lambda", Call::Get(&path)).await?;
        serde_json::from_str(&answer).map_err(io::Error::other)
    }

    /// A variable of a function's environment.
    ///
    /// # Errors
    /// There is no such function.
    pub async fn variable(&self, function: &str, name: &str) -> io::Result<String> {
        let configuration = self.function(function).await?;
        Ok(configuration["Environment"]["Variables"][name].as_str().unwrap_or_default().to_owned())
    }

    /// One event, answered.
    ///
    /// # Errors
    /// The function fails, or the emulator does.
    pub async fn invoke(&self, function: &str, event: &Value) -> io::Result<Value> {
        let lambda = aws_sdk_lambda::Client::new(&self.shop.config());
        let invoke = lambda.invoke().function_name(format!("{}-{function}", self.name));
        let answer = invoke.payload(event.to_string().into_bytes().into()).send().await.map_err(io::Error::other)?;
        let payload = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
        if let Some(error) = answer.function_error() {
            return Err(io::Error::other(format!("{function}: {error}: {}", String::from_utf8_lossy(&payload))));
        }
        serde_json::from_slice(&payload).map_err(io::Error::other)
    }

    /// The end of what a function has logged.
    pub async fn log(&self, function: &str) -> String {
        let body = serde_json::json!({"logGroupName": format!("/aws/lambda/{}-{function}", self.name)}).to_string();
        let answer = raw::ask(self.shop, "logs", Call::Json("Logs_20140328.FilterLogEvents", &body)).await;
        let mut lines = answer.map_or_else(|e| vec![e.to_string()], |answer| raw::named(&answer, "message"));
        lines.retain(|line| !["START ", "END ", "REPORT "].iter().any(|own| line.starts_with(own)));
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Looks until it is there.
    ///
    /// # Errors
    /// It was not there in two minutes; with the ends of the functions' logs.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> io::Result<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(found) = look().await {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let mut logs = format!("\n--- emulator\n{}", self.shop.sandbox.aws.log());
        for function in ["dispatch", "audit", "report"] {
            logs.push_str(&format!("\n--- {function}\n{}", self.log(function).await));
        }
        Err(io::Error::other(format!("{what}: not in {PATIENCE:?}{logs}")))
    }
}

/// Of a failed `sam`'s pages: the first event that failed, and the end.
fn telling(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let failed = lines.iter().position(|line| line.contains("FAILED")).unwrap_or(lines.len());
    let end = lines.len().saturating_sub(6).max(failed);
    lines[failed..].iter().take(10).chain(&lines[end..]).copied().collect::<Vec<_>>().join("\n")
}
