//! From a configuration and the app's variables to the ARNs of what an audit asks about. Pure.

use secrecy::ExposeSecret;
use vigie_core::config::{EnvironmentConfig, Writes};
use vigie_core::targets::Targets;

use super::{List, Lists};
use crate::source::Source;

/// Where what has no ARN of its own is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub partition: String,
    pub region: String,
    pub account: String,
}

impl Place {
    /// `partition` follows from the region.
    #[must_use]
    pub fn new(region: &str, account: &str) -> Self {
        let partition = match region {
            of if of.starts_with("cn-") => "aws-cn",
            of if of.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Place { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() }
    }

    /// An ARN's `*` for partition, region and account.
    #[must_use]
    pub fn fill(&self, arn: &str) -> String {
        fill(arn, &self.partition, &self.region, &self.account)
    }
}

/// `*` in the second, fourth and fifth place of an ARN; nothing else is touched.
pub(super) fn fill(arn: &str, partition: &str, region: &str, account: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [head @ "arn", of_partition, service, of_region, of_account, rest] = parts.as_slice() else {
        return arn.to_owned();
    };
    let or = |part: &&str, value: &str| if *part == "*" { value.to_owned() } else { (*part).to_owned() };
    let (partition, region) = (or(of_partition, partition), or(of_region, region));
    format!("{head}:{partition}:{service}:{region}:{}:{rest}", or(of_account, account))
}

/// What the configuration and the variables cannot tell: found out by asking, or given by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// ARNs of the app's user or role, its groups and policies.
    pub principals: Vec<String>,
    /// ARNs of queues that no variable names: dead-letter queues.
    pub queues: Vec<String>,
    /// ARNs of customer managed keys.
    pub keys: Vec<String>,
}

/// What is not in the policy, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub what: String,
    pub help: String,
}

/// The ARNs of one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    pub lists: Lists,
    pub missing: Vec<Missing>,
}

/// Whether questions of the app's are asked with the auditor's role: the app has no key, and no role stands for it.
#[must_use]
pub fn as_app(environment: &EnvironmentConfig, targets: &Targets) -> bool {
    targets.app.keys.is_none() && environment.app_role.is_none()
}

/// The roles that the function itself assumes for an environment.
#[must_use]
pub fn roles(environment: &EnvironmentConfig) -> Vec<String> {
    environment.role.iter().chain(&environment.app_role).cloned().collect()
}

/// What an environment's audit asks about, wherever the asking role is.
#[must_use]
pub fn configured(environment: &EnvironmentConfig, targets: &Targets, seen: Seen, place: &Place) -> Configured {
    let mut out = Configured::default();
    let asks_as_app = as_app(environment, targets);
    for bucket in targets.buckets.keys() {
        let arn = place.fill(&format!("arn:*:s3:::{bucket}"));
        if asks_as_app && environment.writes != Writes::Off {
            out.add(List::ProbeObjects, format!("{arn}/vigie-probe/*"));
        }
        out.add(List::Buckets, arn);
    }
    for (name, queue) in &targets.queues {
        match queue_arn(queue.url.expose_secret(), place) {
            Some(arn) => out.add(List::Queues, arn),
            None => out.missing.push(Missing {
                what: format!("the queue {name}: {} holds no queue URL", queue.variable),
                help: "correct the variable, or add the queue's ARN to Queues by hand".to_owned(),
            }),
        }
    }
    for bus in &targets.buses {
        let arn = if bus.starts_with("arn:") {
            bus.clone()
        } else {
            place.fill(&format!("arn:*:events:*:*:event-bus/{bus}"))
        };
        if let Some(rules) = rules(&arn) {
            out.add(List::Rules, rules);
        }
        out.add(List::Buses, arn);
    }
    for arn in seen.queues {
        out.add(List::Queues, arn);
    }
    for arn in seen.principals {
        out.add(List::Principals, arn);
    }
    for arn in seen.keys {
        out.add(List::KeysToDecrypt, arn);
    }
    for source in &environment.variables {
        out.source(source, place);
    }
    out
}

impl Configured {
    fn add(&mut self, list: List, arn: String) {
        self.lists.entry(list).or_default().insert(arn);
    }

    fn source(&mut self, text: &str, place: &Place) {
        let Ok(source) = text.parse::<Source>() else {
            self.missing.push(Missing {
                what: format!("the source {text}"),
                help: "`vigie config check` says what is wrong with it".to_owned(),
            });
            return;
        };
        let list = match &source {
            Source::Process | Source::Dotenv(_) => return,
            Source::Ssm(_) => List::Parameters,
            Source::SecretsManager(_) => List::Secrets,
            Source::Lambda(_) => List::Functions,
            Source::Amplify { .. } => List::Apps,
        };
        for need in source.actions() {
            self.add(list, place.fill(&need.resource));
        }
    }
}

/// The rules of a bus: `rule/BUS/NAME`; those of the default bus have no bus in their ARN.
fn rules(bus: &str) -> Option<String> {
    let (head, name) = bus.split_once(":event-bus/")?;
    Some(if name == "default" { format!("{head}:rule/*") } else { format!("{head}:rule/{name}/*") })
}

/// Of `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`. An address that names no region is of the environment's.
#[must_use]
pub fn queue_arn(url: &str, place: &Place) -> Option<String> {
    let name = vigie_core::variables::queue_name(url.trim())?;
    let url = url::Url::parse(url.trim()).ok()?;
    let account = url.path_segments()?.next().filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let region = url.host_str()?.split('.').find(|label| is_region(label)).unwrap_or(&place.region);
    let of = Place::new(region, account.unwrap_or(&place.account));
    Some(of.fill(&format!("arn:*:sqs:*:*:{name}")))
}

/// `eu-west-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let mut parts = label.split('-');
    let area = parts.next().is_some_and(|area| area.len() == 2 && area.bytes().all(|b| b.is_ascii_lowercase()));
    let number = parts.next_back().is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    let between: Vec<&str> = parts.collect();
    area && number
        && !between.is_empty()
        && between.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
}
