//! The stack, deployed beside the shop, and its functions as sessions of their roles.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use vigie_aws::policy::List;
use vigie_core::cause::Cause;
use vigie_core::check::Kind;
use vigie_core::run::{Outcome, Run};
use vigie_core::targets::derive;
use vigie_core::variables::{Variable, Variables};
use vigie_tests::aws::program;
use vigie_tests::front::ACCOUNT;
use vigie_tests::runtime::Function;
use vigie_tests::sandbox::REGION;
use vigie_tests::shop::Shop;
use vigie_tests::stack::Stack;
use vigie_tests::stack::raw::{self, Call};

/// What is compared of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub outcome: Outcome,
    pub cause: Option<Cause>,
    pub action: Option<String>,
}

/// By check and subject.
pub type Findings = BTreeMap<(String, String), Said>;

/// A key that encrypts nothing here: its statement is deployed all the same.
const KEY: &str = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-4000-8000-000000000000";
const AMPLIFY: &str = "d1a2b3";

/// A function as it is deployed, run by the sandbox as a session of its role.
pub struct Session {
    pub function: Function,
    key: String,
    policies: Vec<Value>,
}

impl Session {
    /// A new process, decided by all the statements of its role but one.
    pub fn without(&mut self, shop: &Shop, sid: Option<&str>) {
        let policies = less(&self.policies, sid);
        shop.sandbox.aws.front.session(&self.key, &policies).unwrap();
        // Nothing is kept of what was allowed before.
        self.function.cool();
    }
}

/// The policies without what one statement gives, which must be there once. Where another gives the same on everything
/// (doctor asks of the account what an audit asks), it is taken out there too.
fn less(policies: &[Value], sid: Option<&str>) -> Vec<Value> {
    let Some(sid) = sid else { return policies.to_vec() };
    let all = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let found: Vec<&Value> = all.filter(|statement| statement["Sid"] == sid).collect();
    assert_eq!(found.len(), 1, "{sid} is deployed once: {policies:?}");
    let (gone, on) = (texts(&found[0]["Action"]), &found[0]["Resource"]);
    let mut left = policies.to_vec();
    for policy in &mut left {
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] != sid);
        for statement in statements.iter_mut().filter(|one| texts(&one["Resource"]) == ["*"] && one["Resource"] == *on)
        {
            let kept: Vec<String> = texts(&statement["Action"]).into_iter().filter(|a| !gone.contains(a)).collect();
            statement["Action"] = json!(kept);
        }
        statements.retain(|statement| !texts(&statement["Action"]).is_empty());
    }
    left
}

fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned);
    one.into_iter()
        .chain(value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)))
        .collect()
}

pub fn findings(run: &Run) -> Findings {
    let said = |f: &vigie_core::run::Finding| Said { outcome: f.outcome, cause: f.cause, action: f.action.clone() };
    // What Vigie says of itself follows from the others.
    let others = run.findings.iter().filter(|f| !f.check.starts_with("SELF-"));
    others.map(|f| ((f.check.clone(), f.subject.clone()), said(f))).collect()
}

pub struct Deployed<'a> {
    pub shop: &'a Shop,
    stack: Stack<'a>,
    configuration: String,
    /// The stack's runs bucket.
    pub bucket: String,
    /// The variables of `web`, by the list that its source is in.
    sources: BTreeMap<List, Vec<(String, String)>>,
}

impl<'a> Deployed<'a> {
    pub async fn new(shop: &'a Shop) -> Deployed<'a> {
        let sources = variables(shop).await;
        let target = Target::create(shop).await;
        // Where the bucket itself blocks nothing, the account's own block counts.
        let s3 = aws_sdk_s3::Client::from_conf(vigie_tests::client::s3(&shop.config()));
        s3.delete_public_access_block().bucket("shop-production-media").send().await.unwrap();
        let configuration = configuration(shop, &target.arn);
        target.update(&lists(shop, &configuration, &["--function", "target"]).await).await;
        let policies = target.policies().await;
        shop.sandbox.aws.front.role(&target.arn, &policies).unwrap();
        let mut parameters = lists(shop, &configuration, &[]).await;
        parameters.extend([("Schedules", "DISABLED".to_owned()), ("ReportFrom", "vigie@shop.internal".to_owned())]);
        let stack = Stack::prepare(shop, "vigie").await.unwrap();
        stack.deploy(&parameters).await.unwrap();
        let bucket = stack.resources().await.unwrap()["RunsBucket"].id.clone();
        let deployed = Deployed { shop, stack, configuration, bucket, sources };
        let bytes = deployed.configuration.clone().into_bytes();
        let put = deployed.s3().put_object().bucket(&deployed.bucket).key("config/vigie.toml").body(bytes.into());
        put.send().await.unwrap();
        deployed
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(vigie_tests::client::s3(&self.shop.config()))
    }

    /// The keys of the runs bucket under a prefix.
    pub async fn keys(&self, prefix: &str) -> BTreeSet<String> {
        let listed = self.s3().list_objects_v2().bucket(&self.bucket).prefix(prefix).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// As if it had never been written.
    pub async fn forget(&self, prefix: &str) {
        for key in self.keys(prefix).await {
            self.s3().delete_object().bucket(&self.bucket).key(key).send().await.unwrap();
        }
    }

    /// A function with the variables that it was deployed with. Until [`Session::without`] nobody decides.
    pub async fn session(&self, name: &str, role: &str) -> Session {
        let iam = aws_sdk_iam::Client::new(&self.shop.config());
        // A key that the emulator knows, for presigned URLs; what it may do, the front decides.
        let user = format!("session-of-{name}");
        iam.create_user().user_name(&user).send().await.unwrap();
        let made = iam.create_access_key().user_name(&user).send().await.unwrap().access_key.unwrap();
        let configuration = self.stack.function(name).await.unwrap();
        let variables = configuration["Environment"]["Variables"].as_object().unwrap();
        let own = variables.iter().filter(|(name, _)| name.starts_with("VIGIE_"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut environment: Vec<(&'static str, String)> =
            own.map(|(name, value)| (&*name.clone().leak(), text(value))).collect();
        environment.extend([
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.shop.sandbox.aws.front.url()),
            ("AWS_ACCESS_KEY_ID", made.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", made.secret_access_key),
        ]);
        let binary = program(&format!("vigie-{name}")).unwrap();
        let roots = self.shop.sandbox.folder.path().join("ca.pem");
        let function = Function::new(name, &binary, &roots, environment).await.unwrap();
        Session { function, key: made.access_key_id, policies: self.stack.policies(role).await.unwrap() }
    }

    /// The names of the variables that `web` reads from a list's source.
    pub fn names(&self, list: List) -> BTreeSet<&str> {
        self.sources.get(&list).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// The kinds of target that only a list's source names.
    pub fn only_of(&self, list: List) -> BTreeSet<Kind> {
        let config = vigie_core::config::parse(&self.configuration, "vigie.toml").unwrap();
        let kinds = |without: Option<List>| -> BTreeSet<Kind> {
            let mut variables = Variables::default();
            for (name, value) in self.sources.iter().filter(|(of, _)| Some(**of) != without).flat_map(|(_, all)| all) {
                let value = Variable { value: value.clone().into(), source: String::new() };
                variables.values.insert(name.clone(), value);
            }
            let found = derive(&variables, &config.environment["web"].contract);
            [
                (Kind::Postgres, !found.postgres.is_empty()),
                (Kind::Redis, !found.redis.is_empty()),
                (Kind::Https, !found.https.is_empty()),
                (Kind::S3, !found.buckets.is_empty()),
                (Kind::Sqs, !found.queues.is_empty()),
                (Kind::EventBridge, !found.buses.is_empty()),
                (Kind::Ses, found.ses.is_some_and(|ses| ses.from.is_some())),
            ]
            .into_iter()
            .filter_map(|(kind, there)| there.then_some(kind))
            .collect()
        };
        &kinds(None) - &kinds(Some(list))
    }
}

/// The app's variables in the places that an audit reads with permissions: parameters, a secret, a function, Amplify.
async fn variables(shop: &Shop) -> BTreeMap<List, Vec<(String, String)>> {
    let text = std::fs::read_to_string(shop.sandbox.folder.path().join(".env.production")).unwrap();
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parameters: Vec<(String, String)> = text.lines().filter_map(pair).collect();
    for (name, value) in &parameters {
        let body = json!({"Name": format!("/shop/web/{name}"), "Value": value, "Type": "SecureString"}).to_string();
        raw::ask(shop, "ssm", Call::Json("AmazonSSM.PutParameter", &body)).await.unwrap();
    }
    // The smallest zip: an end without entries.
    let empty = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(empty.into()).build();
    let environment = aws_sdk_lambda::types::Environment::builder().variables("LOG_LEVEL", "info").build();
    let create = aws_sdk_lambda::Client::new(&shop.config()).create_function().function_name("shop-web").code(code);
    let create = create.runtime("provided.al2023".into()).handler("bootstrap").environment(environment);
    create.role(format!("arn:aws:iam::{ACCOUNT}:role/shop-web")).send().await.unwrap();
    shop.sandbox.aws.front.app(AMPLIFY, json!({"BRAND": "the shop"}));
    let one = |name: &str| vec![(name.to_owned(), "there".to_owned())];
    [
        (List::Parameters, parameters),
        (List::Secrets, one("NEXTAUTH_SECRET")),
        (List::Functions, one("LOG_LEVEL")),
        (List::Apps, one("BRAND")),
    ]
    .into()
}

/// infra/target-role.yaml, as it would be deployed in another account; the emulator has one.
struct Target<'a> {
    shop: &'a Shop,
    arn: String,
}

impl<'a> Target<'a> {
    const EXTERNAL_ID: &'static str = "an-external-id-of-the-shop";

    /// Without any list: who must assume it is asked for them with the role itself.
    async fn create(shop: &'a Shop) -> Target<'a> {
        let target = Target { shop, arn: String::new() };
        target.call("CreateStack", &[]).await;
        let said = target.ask("Action=DescribeStackResources&Version=2010-05-15&StackName=target").await;
        let name = raw::named(&said, "PhysicalResourceId").pop().unwrap();
        Target { shop, arn: format!("arn:aws:iam::{ACCOUNT}:role/{name}") }
    }

    async fn update(&self, lists: &[(&'static str, String)]) {
        self.call("UpdateStack", lists).await;
    }

    async fn call(&self, action: &str, lists: &[(&'static str, String)]) {
        let template = std::fs::read_to_string(vigie_tests::aws::root().join("infra/target-role.yaml")).unwrap();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("Action", action), ("Version", "2010-05-15"), ("StackName", "target")] {
            form.append_pair(name, value);
        }
        form.append_pair("Capabilities.member.1", "CAPABILITY_IAM").append_pair("TemplateBody", &template);
        let vigie = format!("arn:aws:iam::{ACCOUNT}:role/vigie");
        let own = [("VigieRoleArn", vigie.as_str()), ("ExternalId", Self::EXTERNAL_ID)];
        let all = own.into_iter().chain(lists.iter().map(|(name, value)| (*name, value.as_str())));
        for (i, (name, value)) in all.enumerate() {
            form.append_pair(&format!("Parameters.member.{}.ParameterKey", i + 1), name);
            form.append_pair(&format!("Parameters.member.{}.ParameterValue", i + 1), value);
        }
        self.ask(&form.finish()).await;
        let looks = "Action=DescribeStacks&Version=2010-05-15&StackName=target";
        for _ in 0..200 {
            let status = raw::named(&self.ask(looks).await, "StackStatus").pop().unwrap_or_default();
            if status.ends_with("COMPLETE") {
                assert!(!status.contains("ROLLBACK"), "{action}: {status}");
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        panic!("{action} does not end");
    }

    async fn ask(&self, form: &str) -> String {
        raw::ask(self.shop, "cloudformation", Call::Query(form)).await.unwrap()
    }

    async fn policies(&self) -> Vec<Value> {
        vigie_tests::stack::policies(self.shop, self.arn.rsplit('/').next().unwrap_or_default()).await.unwrap()
    }
}

/// `web` runs on a role: the app's questions are Vigie's too. `keyed` has the app's own key. `remote` is asked with a role.
fn configuration(shop: &Shop, role: &str) -> String {
    let folder = shop.sandbox.folder.path().display();
    let (resolver, external_id) = (shop.sandbox.dns.address(), Target::EXTERNAL_ID);
    format!(
        r#"
[report]
from = "vigie@shop.internal"
[[report.to]]
address = "team@shop.internal"
hour = 0
[network]
resolver = "{resolver}"
extra_ca = "{folder}/ca.pem"
[environment.web]
class = "production"
variables = ["ssm:/shop/web/", "secretsmanager:shop/production", "lambda:shop-web", "amplify:{AMPLIFY}/main"]
region = "{REGION}"
writes = "full"
[environment.web.contract]
aws = "role"
pool_max = 5
processes = 4
rds = ["shop-production"]
alarm_prefix = "shop-production-"
[environment.keyed]
class = "staging"
variables = ["dotenv:{folder}/.env.staging"]
writes = "full"
[environment.keyed.contract]
alarm_prefix = "shop-staging-"
[environment.remote]
class = "production"
variables = ["ssm:/shop/web/", "secretsmanager:shop/production", "lambda:shop-web", "amplify:{AMPLIFY}/main"]
role = "{role}"
external_id = "{external_id}"
region = "{REGION}"
writes = "full"
[environment.remote.contract]
aws = "role"
rds = ["shop-production"]
alarm_prefix = "shop-production-"
"#
    )
}

/// What `vigie policy` prints for a stack's parameters; those that are empty are left at their default.
async fn lists(shop: &Shop, configuration: &str, more: &[&str]) -> Vec<(&'static str, String)> {
    let path = shop.sandbox.folder.path().join("policy.toml");
    std::fs::write(&path, configuration).unwrap();
    let mut command = Command::new(program("vigie").unwrap());
    command
        .args(["policy", "--format", "parameters", "--key", KEY, "--config"])
        .arg(&path)
        .args(more)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", shop.sandbox.aws.front.url())
        .env("AWS_ACCESS_KEY_ID", &shop.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &shop.key.secret);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (said, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "all of it is known: {told}");
    let app = format!("arn:aws:iam::{ACCOUNT}:user/shop-staging-app");
    assert_eq!(said.contains(&app), more.is_empty(), "the app's user, where one is asked about: {said}");
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((&*name.to_owned().leak(), value.trim_matches('"').to_owned()))
    };
    said.lines().filter_map(pair).filter(|(_, value)| !value.is_empty()).collect()
}
