//! `vigie policy`: the least-privilege policy of what is configured, with real ARNs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use miette::{IntoDiagnostic, miette};
use vigie_audit::Deps;
use vigie_audit::look::{Looked, look};
use vigie_aws::config_source::{self, ConfigSource};
use vigie_aws::key::KeySource;
use vigie_aws::policy::{
    self, Configured, Function, List, Lists, Missing, Own, Place, Purpose, Seen, Statement, queue_arn,
};
use vigie_core::config::{Config, EnvironmentConfig};
use vigie_core::facts::Gap;
use vigie_core::text::Language;
use vigie_probe::ask::Deadline;

use crate::args::{PolicyArgs, PolicyFormat};
use crate::audit::{chosen, now, variable, wire};
use crate::config::whole;

/// Prints it. 3: something that the policy would have to name is not known; standard error says what, and what to do.
pub async fn policy(args: PolicyArgs, language: Language) -> miette::Result<ExitCode> {
    let (mut config, folder) = configuration(&args)?;
    let function = Function::from(args.function);
    let names = environments(&config, &args, function)?;
    if let (Some(path), [name]) = (&args.env_file, names.as_slice()) {
        let path = std::path::absolute(path).into_diagnostic()?;
        if let Some(environment) = config.environment.get_mut(name) {
            environment.variables = vec![format!("dotenv:{}", path.display())];
        }
    }
    let deps = wire(config.clone(), folder, true, false).await?;
    let place = place(&args, &deps, &config, &names, function).await?;
    let mut made = Made::default();
    if matches!(function, Function::Audit | Function::Target) {
        for name in &names {
            made.environment(&args, &deps, name, function, &place, language).await?;
        }
    }
    if args.format != PolicyFormat::Parameters && function != Function::Target {
        let own = own(&config, &place, function, &mut made.missing);
        made.print(&args, policy::statements(function, &own), &place);
    } else {
        made.print(&args, policy::statements(function, &Own::default()), &place);
    }
    made.missing.dedup();
    for missing in &made.missing {
        anstream::eprintln!("not in the policy: {}\n  {}", missing.what, missing.help);
    }
    Ok(if made.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// A file, or one environment from the variables of the function.
fn configuration(args: &PolicyArgs) -> miette::Result<(Config, PathBuf)> {
    let given = args.config.clone().or_else(|| Some(PathBuf::from("vigie.toml")).filter(|path| path.is_file()));
    if let Some(path) = given {
        return Ok((whole(&path)?, path.parent().map(PathBuf::from).unwrap_or_default()));
    }
    let found = config_source::from_vars(variable).map_err(|e| miette!("{e}"))?;
    found.map(|config| (config, PathBuf::new())).ok_or_else(|| {
        miette!(help = "`vigie init` writes one from a .env file", "there is no vigie.toml here; say --config FILE")
    })
}

/// All of them, or the one that is named. One role has one policy: a target's environments must share it.
fn environments(config: &Config, args: &PolicyArgs, function: Function) -> miette::Result<Vec<String>> {
    let names = match &args.environment {
        None if config.environment.len() > 1 && args.env_file.is_some() => {
            return Err(miette!("--env-file holds one environment's variables: say --environment"));
        }
        None => config.environment.keys().cloned().collect(),
        asked => vec![chosen(config, asked.as_deref())?],
    };
    if function != Function::Target {
        return Ok(names);
    }
    let role = |name: &String| config.environment.get(name).and_then(|of| of.role.as_deref());
    let with: Vec<String> = names.into_iter().filter(|name| role(name).is_some()).collect();
    match with.as_slice() {
        [] => Err(miette!("no environment has a role to assume: there is no target role to write a policy for")),
        [first, rest @ ..] if rest.iter().any(|name| role(name) != role(first)) => {
            Err(miette!("the environments have different roles: say --environment {}", with.join(" | ")))
        }
        _ => Ok(with),
    }
}

/// Account and region: as given, as the target role's ARN says, or as STS and the profile say.
async fn place(
    args: &PolicyArgs,
    deps: &Deps,
    config: &Config,
    names: &[String],
    function: Function,
) -> miette::Result<Place> {
    let declared = names.first().and_then(|name| config.environment.get(name)).and_then(|of| of.region.as_deref());
    let region = args.region.as_deref().or(declared).or(deps.base.region());
    let region = region.ok_or_else(|| miette!("the region is not known: say --region, or set AWS_REGION"))?;
    let role = || names.first().and_then(|name| config.environment.get(name)?.role.as_deref());
    let account = match (&args.account, function) {
        (Some(account), _) => account.clone(),
        (None, Function::Target) if role().is_some() => account_of(role().unwrap_or_default()),
        (None, _) => {
            let asked = vigie_probe::credentials::account(&deps.base.auditor(Some(region), None, "vigie")).await;
            let help = "say --account 111122223333, or sign in to it: `aws sts get-caller-identity` must answer";
            asked.map_err(|gap| miette!(help = help, "the account is not known: {}", gap.cause.says().en))?
        }
    };
    Ok(Place::new(region, &account))
}

fn account_of(arn: &str) -> String {
    arn.split(':').nth(4).unwrap_or_default().to_owned()
}

/// What all environments together need.
#[derive(Default)]
struct Made {
    lists: Lists,
    missing: Vec<Missing>,
    /// Whether some environment's app is asked for with Vigie's role.
    as_app: bool,
}

impl Made {
    async fn environment(
        &mut self,
        args: &PolicyArgs,
        deps: &Deps,
        name: &str,
        function: Function,
        place: &Place,
        language: Language,
    ) -> miette::Result<()> {
        let Some(environment) = deps.config.environment.get(name) else { return Ok(()) };
        if function == Function::Audit {
            self.lists.entry(List::TargetRoles).or_default().extend(policy::roles(environment));
            if environment.role.is_some() {
                // It asks with that role: `--function target` is its policy.
                return Ok(());
            }
        }
        let deadline = Deadline::within(Duration::from_secs(args.timeout));
        let looked = look(deps, name, now(), deadline).await.into_diagnostic()?;
        let place = match &looked.region {
            Some(region) if args.region.is_none() => Place::new(region, &place.account),
            _ => place.clone(),
        };
        self.unknown(name, &looked, language);
        self.add(environment, looked, args, &place);
        Ok(())
    }

    fn unknown(&mut self, name: &str, looked: &Looked, language: Language) {
        let why = |gap: &Gap| {
            let action = gap.action.as_ref().map(|action| format!(" ({action})")).unwrap_or_default();
            format!("{}{action}", gap.cause.says().raw(language))
        };
        for unread in &looked.unread {
            self.missing.push(Missing {
                what: format!("what the variables of {} name, in {name}: {}", unread.source, why(&unread.gap)),
                help: "sign in with an identity that may read it, or give them in a file: --env-file".to_owned(),
            });
        }
        for (what, gap) in &looked.gaps {
            self.missing.push(Missing {
                what: format!("{what}, in {name}: {}", why(gap)),
                help: "sign in with an identity that may ask, or give its ARN: --principal, --queue".to_owned(),
            });
        }
    }

    fn add(&mut self, environment: &EnvironmentConfig, looked: Looked, args: &PolicyArgs, place: &Place) {
        self.as_app |= policy::as_app(environment, &looked.targets);
        let seen = Seen {
            principals: looked.principals.into_iter().chain(args.principal.iter().cloned()).collect(),
            queues: looked.dead_letters.into_iter().chain(args.queue.iter().cloned()).collect(),
            keys: args.key.clone(),
        };
        let Configured { lists, missing } = policy::configured(environment, &looked.targets, seen, place);
        for (list, arns) in lists {
            self.lists.entry(list).or_default().extend(arns);
        }
        self.missing.extend(missing);
    }

    fn print(&self, args: &PolicyArgs, mut statements: Vec<Statement>, place: &Place) {
        if args.format == PolicyFormat::Parameters {
            let mut lists = self.lists.clone();
            if args.without_values {
                lists.retain(|list, _| !list.holds_values());
            }
            anstream::print!("{}", policy::parameters(&lists));
            return;
        }
        // An environment that is audited with another role needs none of the questions here.
        let here = self.lists.iter().any(|(list, arns)| *list != List::TargetRoles && !arns.is_empty());
        statements.retain(|statement| match statement.purpose {
            Purpose::Values => !args.without_values,
            Purpose::Probe => {
                (here || !self.lists.contains_key(&List::TargetRoles)) && (self.as_app || !statement.of_app)
            }
            Purpose::Own => true,
        });
        let document = policy::document(&statements, &self.lists, place);
        match args.format {
            PolicyFormat::Sam => anstream::print!("{}", policy::sam(&document)),
            _ => anstream::println!("{document:#}"),
        }
    }
}

/// The installation's own resources, as the configuration and the functions' variables name them.
fn own(config: &Config, place: &Place, function: Function, missing: &mut Vec<Missing>) -> Own {
    let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let mut absent = |what: &str, help: &str| missing.push(Missing { what: what.to_owned(), help: help.to_owned() });
    let bucket = given("VIGIE_RUNS_BUCKET").or_else(|| config.runs.as_ref().map(|runs| runs.bucket.clone()));
    if bucket.is_none() {
        absent("the runs bucket", "write [runs] bucket, or set VIGIE_RUNS_BUCKET to the stack's RunsBucket");
    }
    let mut queue = |name: &str, wanted: bool| {
        let arn = given(name).and_then(|url| queue_arn(&url, place));
        if arn.is_none() && wanted {
            absent("a queue of the stack", &format!("set {name} to its URL, an output of the stack"));
        }
        arn
    };
    let works = function != Function::Report;
    let queues = ["VIGIE_QUEUE_CONNECTIONS", "VIGIE_QUEUE_FULL"].map(|name| queue(name, works));
    let dead_letters = queue("VIGIE_DEAD_LETTERS", function == Function::Audit);
    let topic = given("VIGIE_TOPIC");
    if topic.is_none() && function == Function::Audit {
        absent("the alerts' topic", "set VIGIE_TOPIC to its ARN, an output of the stack");
    }
    let key = config.fingerprint_key.as_deref().and_then(|key| key.parse::<KeySource>().ok());
    let source = given("VIGIE_CONFIG").and_then(|source| source.parse::<ConfigSource>().ok());
    Own {
        bucket,
        key: key.map(|key| key.actions()).unwrap_or_default(),
        bus: Some(config.alerts.bus.clone()),
        metrics: config.metrics != vigie_core::config::Metrics::Off,
        from: config.report.as_ref().map(|report| report.from.clone()),
        queues: queues.into_iter().flatten().collect(),
        dead_letters,
        topic,
        config: source.map(|source| source.actions()).unwrap_or_default(),
    }
}
