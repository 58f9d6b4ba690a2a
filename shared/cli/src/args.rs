//! What the command line understands.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use vigie_aws::policy::Function;
use vigie_core::check::{Class, Severity, Suite};
use vigie_core::text::Language;

/// Audits the connections that an application lives on: does each work, and is it safe.
#[derive(Parser)]
#[command(name = "vigie", version, about, arg_required_else_help = true)]
pub struct Args {
    /// Language of sentences: en or fr. Default: the locale's.
    #[arg(long, global = true, value_parser = language)]
    pub language: Option<Language>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Audit an environment now, from here.
    Audit(AuditArgs),
    /// Judge the facts of a stored snapshot again, offline.
    Replay(ReplayArgs),
    /// Render stored runs as a report, offline.
    Report(ReportArgs),
    /// List every check.
    Checks {
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
    },
    /// Explain one check: why it matters, how it is measured, how to fix it.
    Explain { id: String },
    /// Say what will run, how often, which calls are billed, and what that costs a month.
    Plan(PlanArgs),
    /// Print the least-privilege IAM policy of what is configured, with real ARNs.
    Policy(PolicyArgs),
    /// Try what the deployed functions would need, and say what is missing.
    Doctor(DoctorArgs),
    /// Look at a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a commented vigie.toml from a .env file: names, never values.
    Init(InitArgs),
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a vigie.toml, and environments/*.toml beside it, and say everything that is wrong.
    Check { file: PathBuf },
    /// Print the JSON Schema of vigie.toml.
    Schema,
    /// Validate the configuration and put it into the runs bucket, where the functions read it.
    Push(PushArgs),
}

#[derive(ClapArgs)]
pub struct PushArgs {
    /// The configuration; the environments' own files are in environments/ beside it.
    #[arg(long, short, default_value = "vigie.toml")]
    pub config: PathBuf,
    /// The runs bucket. Default: the configuration's.
    #[arg(long)]
    pub bucket: Option<String>,
    /// Remove the environments from the bucket that have no file here.
    #[arg(long)]
    pub prune: bool,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(ClapArgs)]
pub struct AuditArgs {
    /// The environment, as declared in the configuration. Default: the only one.
    #[arg(long, short)]
    pub environment: Option<String>,
    /// The configuration. Default: vigie.toml here, if there is one.
    #[arg(long, short)]
    pub config: Option<PathBuf>,
    /// Read the app's variables from this .env file instead of the configured sources.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Without a configuration: which severities count.
    #[arg(long, value_parser = class, default_value = "production")]
    pub class: Class,
    /// `connections` or `full`.
    #[arg(long, value_parser = suite, default_value = "full")]
    pub suite: Suite,
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Exit with 1 when a finding of this severity or above fails.
    #[arg(long, value_parser = severity, default_value = "high")]
    pub fail_on: Severity,
    /// Exit with 0 although something could not be known.
    #[arg(long)]
    pub allow_unknown: bool,
    /// Allow the self-cleaning writes that the configuration asks for (an S3 object, a Redis key).
    #[arg(long)]
    pub allow_writes: bool,
    /// Seconds until the audit ends, whatever has answered.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=900))]
    pub timeout: u64,
    /// Keep the snapshot in this file, for `vigie replay`.
    #[arg(long)]
    pub snapshot: Option<PathBuf>,
    #[command(flatten)]
    pub wanted: WantedArgs,
}

#[derive(ClapArgs)]
pub struct ReplayArgs {
    pub snapshot: PathBuf,
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    #[arg(long, value_parser = severity, default_value = "high")]
    pub fail_on: Severity,
    #[arg(long)]
    pub allow_unknown: bool,
    #[command(flatten)]
    pub wanted: WantedArgs,
}

/// What single formats need.
#[derive(ClapArgs)]
pub struct WantedArgs {
    /// asff: the account that the findings are in.
    #[arg(long, value_parser = account, requires = "region")]
    pub account: Option<String>,
    /// asff: the region that the findings are in.
    #[arg(long, value_parser = region, requires = "account")]
    pub region: Option<String>,
    /// sarif: also what passes, does not apply or is resolved. Code scanning shows each of them as an alert.
    #[arg(long)]
    pub complete: bool,
}

#[derive(ClapArgs)]
pub struct ReportArgs {
    /// Stored runs, of any environments and suites: the newest of each counts.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub run: Vec<PathBuf>,
    /// Earlier runs: what is new and what is resolved is told against them. Default: a first report.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub previous: Vec<PathBuf>,
    /// Heads, heads/ENV.json of the runs bucket: ages, availability and latency.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub head: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "text")]
    pub format: crate::formats::Format,
    /// Write it here instead of on the standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show instants in this zone, an IANA name.
    #[arg(long, value_parser = time_zone, default_value = "UTC")]
    pub time_zone: String,
    /// Report as of this instant: 2026-11-22T07:00:00Z. Default: when the newest run began, so that an old one is not stale.
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
    /// The configuration that the runs were made with: contract, optional targets, sender. Default: the default contract.
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// List nothing that is milder. It is counted all the same.
    #[arg(long, value_parser = severity, default_value = "info")]
    pub severity: Severity,
    #[command(flatten)]
    pub wanted: WantedArgs,
}

#[derive(ClapArgs)]
pub struct DoctorArgs {
    /// The configuration. Default: vigie.toml here.
    #[arg(long, short)]
    pub config: Option<PathBuf>,
    /// Only this environment. Default: all of them.
    #[arg(long, short)]
    pub environment: Option<String>,
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
    /// Seconds until it ends, whatever has answered.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=300))]
    pub timeout: u64,
}

#[derive(ClapArgs)]
pub struct PlanArgs {
    /// The configuration. Default: vigie.toml here.
    #[arg(long, short)]
    pub config: Option<PathBuf>,
    /// Only this environment's share. Default: all of them, and what is paid once.
    #[arg(long, short)]
    pub environment: Option<String>,
    /// Count the variables of this .env file, by name, instead of all that the contract speaks of.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Minutes between two `connections` runs: the stack's ConnectionsMinutes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=5))]
    pub connections_minutes: u32,
    /// Days that runs are kept: the stack's RunDays.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub run_days: u32,
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(ClapArgs)]
pub struct PolicyArgs {
    /// The configuration. Default: vigie.toml here.
    #[arg(long, short)]
    pub config: Option<PathBuf>,
    /// Only this environment. Default: all of them.
    #[arg(long, short)]
    pub environment: Option<String>,
    /// Whose policy.
    #[arg(long, short, value_enum, default_value = "audit")]
    pub function: PolicyFunction,
    /// `json`: a policy document. `sam`: a `Policies:` list. `parameters`: for parameter_overrides in samconfig.toml.
    #[arg(long, value_enum, default_value = "json")]
    pub format: PolicyFormat,
    /// The account that ARNs are in. Default: that of your AWS credentials.
    #[arg(long, value_parser = account)]
    pub account: Option<String>,
    /// The region that ARNs are in. Default: the environment's, else AWS_REGION, else the profile's.
    #[arg(long)]
    pub region: Option<String>,
    /// Read the app's variables from this .env file instead of the configured sources.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// ARN of a user, group, role or policy that the app runs on, beside those that IAM tells.
    #[arg(long, value_parser = arn)]
    pub principal: Vec<String>,
    /// ARN of a queue, beside those that variables and redrive policies name.
    #[arg(long, value_parser = arn)]
    pub queue: Vec<String>,
    /// ARN of a customer managed key that the app's variables are encrypted under.
    #[arg(long, value_parser = arn)]
    pub key: Vec<String>,
    /// Leave out reading the values of variables: the checks that need them are unknown then.
    #[arg(long)]
    pub without_values: bool,
    /// Seconds for an environment's questions.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum PolicyFunction {
    Dispatch,
    Audit,
    Report,
    /// The role that the audit assumes in another account: infra/target-role.yaml.
    Target,
}

impl From<PolicyFunction> for Function {
    fn from(of: PolicyFunction) -> Self {
        match of {
            PolicyFunction::Dispatch => Function::Dispatch,
            PolicyFunction::Audit => Function::Audit,
            PolicyFunction::Report => Function::Report,
            PolicyFunction::Target => Function::Target,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    Json,
    Sam,
    Parameters,
}

#[derive(ClapArgs)]
pub struct InitArgs {
    /// The .env file whose names are read.
    #[arg(long, default_value = ".env")]
    pub env_file: PathBuf,
    #[arg(long, default_value = "production")]
    pub environment: String,
    #[arg(long, value_parser = class, default_value = "production")]
    pub class: Class,
    /// Where to write it; an existing file is never overwritten.
    #[arg(long, default_value = "vigie.toml")]
    pub output: PathBuf,
}

/// Of one run. `json`: the run itself.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
    Html,
    Csv,
    Junit,
    Sarif,
    Ocsf,
    Asff,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ListFormat {
    Text,
    Json,
}

fn one_of<T: serde::de::DeserializeOwned>(text: &str, expected: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| format!("expected {expected}"))
}

fn account(text: &str) -> Result<String, String> {
    let good = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err("expected the 12 digits of an account".to_owned()) }
}

fn region(text: &str) -> Result<String, String> {
    let good =
        text.split('-').count() >= 3 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good { Ok(text.to_owned()) } else { Err("expected a region such as eu-west-1".to_owned()) }
}

fn time_zone(text: &str) -> Result<String, String> {
    let known = jiff::tz::TimeZone::get(text);
    known.map(|_| text.to_owned()).map_err(|_| "expected an IANA name such as Europe/Paris".to_owned())
}

fn arn(text: &str) -> Result<String, String> {
    let good = text.starts_with("arn:") && text.splitn(6, ':').count() == 6 && !text.contains(',');
    if good {
        Ok(text.to_owned())
    } else {
        Err("expected an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME".to_owned())
    }
}

fn language(text: &str) -> Result<Language, String> {
    one_of(text, "en or fr")
}

fn class(text: &str) -> Result<Class, String> {
    one_of(text, "staging or production")
}

fn suite(text: &str) -> Result<Suite, String> {
    one_of(text, "connections or full")
}

fn severity(text: &str) -> Result<Severity, String> {
    one_of(text, "critical, high, medium, low or info")
}
