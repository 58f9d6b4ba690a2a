//! What of an environment will be asked, from its configuration alone. No value of a variable is known here: each name that
//! the contract speaks of gets a placeholder of its purpose, and the real [`targets::derive`] says what follows.

use std::sync::LazyLock;

use secrecy::SecretString;

use crate::Named;
use crate::check::{Class, Kind};
use crate::config::EnvironmentConfig;
use crate::contract::{AwsIdentity, Contract, KEY_ID, KEY_SECRET, Purpose, REGION, among};
use crate::healthy;
use crate::judge::judge;
use crate::run::{Run, TargetReport, Verdict};
use crate::targets::{self, Targets};
use crate::variables::{Variable, Variables};

/// What is counted of one environment.
pub struct Estate {
    /// Each target's name and kind, in the order of the report.
    pub targets: Vec<(String, Kind)>,
    pub buckets: u32,
    /// Dead-letter queues among them.
    pub queues: u32,
    pub dead_letter_queues: u32,
    /// Databases of Upstash's REST.
    pub upstash: u32,
    pub mail: bool,
    pub alarms: bool,
    /// Variables that are read.
    pub variables: u32,
}

/// The names of variables of which the plan is made: those that are known to be set, or all that the contract speaks of.
/// A pattern such as `*_QUEUE_URL` stands for one name.
#[must_use]
pub fn names(contract: &Contract, known: Option<&[String]>) -> Vec<String> {
    if let Some(known) = known {
        return known.to_vec();
    }
    let redis = contract.redis.iter().flat_map(|r| {
        // The pair of the REST interface, or the URL: an app has one of them.
        let pair = [&r.rest_url, &r.rest_token];
        if pair.iter().all(|name| name.is_some()) {
            pair.into_iter().flatten().collect()
        } else {
            Vec::from_iter(&r.url)
        }
    });
    let auth = contract.auth.iter().flat_map(|a| a.secret.first().into_iter().chain(a.url.first()));
    let keys = (contract.aws == AwsIdentity::Keys).then_some([KEY_ID, KEY_SECRET]).into_iter().flatten();
    let patterns = contract.queues.iter().chain(&contract.dead_letter_queues);
    let mut names: Vec<String> = contract
        .databases
        .values()
        .chain(contract.addresses.values())
        .chain(&contract.buckets)
        .chain(contract.bus.first())
        .chain(&contract.mail_from)
        .chain(redis)
        .chain(auth)
        .chain(contract.stripe.iter().map(|s| &s.secret))
        .cloned()
        .chain(patterns.map(|pattern| pattern.replace('*', "JOBS")))
        .chain(keys.chain([REGION]).map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Counts an environment.
#[must_use]
pub fn estate(config: &EnvironmentConfig, known: Option<&[String]>) -> Estate {
    let contract = &config.contract;
    let names = names(contract, known);
    let values = names.iter().map(|name| (name.clone(), placeholder(contract, name))).collect();
    let found = targets::derive(&Variables { values, unread: Vec::new() }, contract);
    let queues = found.queues.len();
    let dead_letter_queues = found.queues.values().filter(|queue| queue.dead_letter).count();
    Estate {
        targets: kinds(&found),
        buckets: count(found.buckets.len()),
        queues: count(queues),
        dead_letter_queues: count(dead_letter_queues),
        upstash: count(found.redis.values().filter(|redis| redis.rest).count()),
        mail: found.ses.is_some(),
        alarms: found.alarms.is_some(),
        variables: count(names.len()),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A value that means what the name is for, and nothing of anybody's.
fn placeholder(contract: &Contract, name: &str) -> Variable {
    let word = name.to_ascii_lowercase().replace('_', "-");
    let value = match contract.purpose(name) {
        Some(Purpose::Database) => format!("postgres://app@{word}.invalid/app"),
        Some(Purpose::Site | Purpose::Redis) => format!("https://{word}.invalid"),
        Some(Purpose::Queue) => format!("https://sqs.us-east-1.amazonaws.com/000000000000/{word}"),
        _ if among(&contract.locators, name) => format!("https://{word}.invalid"),
        _ => word,
    };
    Variable { value: SecretString::from(value), source: "plan".to_owned() }
}

fn kinds(found: &Targets) -> Vec<(String, Kind)> {
    let named = |kind: Kind, there: bool| there.then(|| (kind.name().to_owned(), kind));
    let single = [
        named(Kind::Variables, true),
        named(Kind::Credentials, true),
        named(Kind::Ses, found.ses.is_some()),
        named(Kind::S3, !found.buckets.is_empty()),
        named(Kind::Sqs, !found.queues.is_empty()),
        named(Kind::EventBridge, !found.buses.is_empty()),
        named(Kind::CloudWatch, found.alarms.is_some()),
        named(Kind::Rds, found.rds.is_some()),
    ];
    let postgres = found.postgres.keys().map(|name| (name.clone(), Kind::Postgres));
    let redis = found.redis.keys().map(|name| (name.clone(), Kind::Redis));
    let https = found.https.keys().map(|name| (name.clone(), Kind::Https));
    let mut all: Vec<(String, Kind)> = single.into_iter().flatten().chain(postgres).chain(redis).chain(https).collect();
    all.sort_by_key(|(name, kind)| (*kind, name.clone()));
    all
}

/// Without its findings: judged once, however many environments there are.
static HEALTHY: LazyLock<[Run; 2]> = LazyLock::new(|| {
    [Class::Staging, Class::Production].map(|class| Run { findings: Vec::new(), ..judge(&healthy::snapshot(class)) })
});

/// The run of such an environment in which every target was asked and answered: what its metrics are made of.
#[must_use]
pub fn run(name: &str, class: Class, targets: &[(String, Kind)]) -> Run {
    let healthy = &HEALTHY[usize::from(class == Class::Production)];
    // A kind is climbed when the healthy environment's is.
    let rungs: Named<_> = healthy.targets.iter().map(|t| (t.kind.name().to_owned(), t.rungs.clone())).collect();
    let mut run = healthy.clone();
    name.clone_into(&mut run.environment);
    run.targets = targets
        .iter()
        .map(|(target, kind)| TargetReport {
            target: target.clone(),
            kind: *kind,
            verdict: Verdict::Green,
            optional: false,
            attempts: 1,
            rungs: rungs.get(kind.name()).cloned().unwrap_or_default(),
        })
        .collect();
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn config(contract: &str) -> EnvironmentConfig {
        let text = format!(
            "[environment.production]\nclass = \"production\"\nvariables = [\"ssm:/shop/\"]\ncontract = {contract}\n"
        );
        let mut config = config::parse(&text, "vigie.toml").expect("right");
        config.environment.remove("production").expect("declared")
    }

    #[test]
    fn the_default_contract_is_counted_by_its_names() {
        let estate = estate(&config("{}"), None);
        let names: Vec<&str> = estate.targets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "variables",
                "credentials",
                "postgres",
                "redis",
                "ses",
                "s3",
                "sqs",
                "eventbridge",
                "cloudwatch",
                "https",
                "https:cdn"
            ]
        );
        assert_eq!((estate.buckets, estate.queues, estate.dead_letter_queues, estate.upstash), (1, 2, 1, 1));
        assert!(estate.mail && estate.alarms);
    }

    #[test]
    fn what_the_contract_takes_away_is_not_counted() {
        let lean =
            config("{ redis = false, mail_from = false, queues = [], dead_letter_queues = [], alarms = [], bus = [] }");
        let estate = estate(&lean, None);
        assert_eq!((estate.queues, estate.upstash, estate.mail, estate.alarms), (0, 0, false, false));
        assert!(!estate.targets.iter().any(|(_, kind)| matches!(kind, Kind::Redis | Kind::Sqs | Kind::EventBridge)));
    }

    #[test]
    fn known_names_win_over_the_contract_s() {
        let known = ["DATABASE_URL", "MAIL_QUEUE_URL", "JOBS_QUEUE_URL", "OTHER_QUEUE_URL", "JOBS_DLQ_URL"];
        let estate = estate(&config("{}"), Some(&known.map(str::to_owned)));
        assert_eq!((estate.queues, estate.dead_letter_queues, estate.buckets), (4, 1, 0));
        assert!(!estate.targets.iter().any(|(name, _)| name == "redis" || name == "https"));
    }

    #[test]
    fn rungs_are_those_of_the_kind() {
        let estate = estate(&config("{}"), None);
        let run = run("production", Class::Production, &estate.targets);
        let climbed = |name: &str| run.targets.iter().any(|t| t.target == name && !t.rungs.is_empty());
        assert!(climbed("postgres") && climbed("https:cdn") && !climbed("variables"));
    }
}
