//! `vigie report`: stored runs -> the report, in any format. Offline: no network, no AWS, no clock.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use miette::{IntoDiagnostic, WrapErr, miette};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use vigie_aws::policy::Place;
use vigie_core::check::{Severity, Suite};
use vigie_core::config::{self, Config};
use vigie_core::evidence::clean;
use vigie_core::facts::Fact;
use vigie_core::head::{self, Head};
use vigie_core::report::{Input, Observed, Report, report as made};
use vigie_core::run::{self, Run};
use vigie_core::snapshot::{self, Environment};
use vigie_core::text::Language;
use vigie_core::{Named, report as view};

use crate::args::{ReportArgs, WantedArgs};
use crate::formats::{self, Before, Envelope, Extras, Format};

/// The largest file that is read, in bytes: a run of 10,000 findings has a tenth of it.
const LARGEST: u64 = 32 * 1024 * 1024;

pub fn report(args: &ReportArgs, language: Language) -> miette::Result<ExitCode> {
    let config = args.config.as_deref().map(crate::config::whole).transpose()?;
    let runs = Newest::read(&args.run)?;
    let heads = heads(&args.head, &runs)?;
    let previous = (!args.previous.is_empty()).then(|| earlier(args, &runs, config.as_ref(), language)).transpose()?;
    let newest = runs.started().ok_or_else(|| miette!("--run names no run"))?;
    let made = made(&Input {
        environments: runs.observed(config.as_ref(), &heads, previous.as_ref())?,
        now: args.at.unwrap_or(newest),
        since: previous.as_ref().map(|previous| previous.at),
        language,
        time_zone: args.time_zone.clone(),
        repeat: false,
        least: args.severity,
    });
    let envelope = config.as_ref().map(Envelope::of).unwrap_or_default();
    let extras = Extras { envelope, ..extras(&args.wanted, previous.as_ref()) };
    let bytes = formats::render(&made, args.format, &extras)?;
    match (args.format, &args.output) {
        (Format::Text, None) => anstream::print!("{}", formats::paint(&made, &String::from_utf8_lossy(&bytes))),
        _ => put(&bytes, args.output.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What single formats need.
pub fn extras(wanted: &WantedArgs, previous: Option<&Report>) -> Extras {
    let place = wanted.region.as_ref().zip(wanted.account.as_ref());
    Extras {
        before: previous.map(Before::of),
        place: place.map(|(region, account)| Place::new(region, account)),
        complete: wanted.complete,
        envelope: Envelope::default(),
    }
}

/// Into the file, or on the standard output, byte for byte.
pub fn put(bytes: &[u8], file: Option<&Path>) -> miette::Result<()> {
    if let Some(path) = file {
        return std::fs::write(path, bytes)
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is not written", path.display()));
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.into_diagnostic(),
    }
}

/// The report about one run alone.
pub fn alone(run: &Run, environment: &Environment, language: Language) -> Report {
    let runs = Newest([(run.environment.clone(), [(run.suite, run.clone())].into())].into());
    made(&Input {
        environments: vec![runs.one(&run.environment, environment.clone(), None, None)],
        now: run.started_at,
        since: None,
        language,
        time_zone: "UTC".to_owned(),
        repeat: false,
        least: Severity::Info,
    })
}

/// Environment -> suite -> its newest run.
struct Newest(BTreeMap<String, BTreeMap<Suite, Run>>);

impl Newest {
    fn read(files: &[PathBuf]) -> miette::Result<Newest> {
        let mut out = Newest(BTreeMap::new());
        for path in files {
            let run: Run = read(path, run::SCHEMA)?;
            if let Some(key) = &run.stored_at {
                return Err(miette!(
                    help = format!("the whole run lies in the runs bucket under {}", clean(key)),
                    "{}: findings were left out of it, because the answer would have been too large",
                    path.display()
                ));
            }
            let of_environment = out.0.entry(run.environment.clone()).or_default();
            let older = of_environment.get(&run.suite).is_some_and(|known| known.started_at >= run.started_at);
            if !older {
                of_environment.insert(run.suite, run);
            }
        }
        Ok(out)
    }

    fn all(&self) -> impl Iterator<Item = &Run> {
        self.0.values().flat_map(BTreeMap::values)
    }

    fn started(&self) -> Option<Timestamp> {
        self.all().map(|run| run.started_at).max()
    }

    fn names(&self) -> String {
        self.0.keys().map(|name| clean(name)).collect::<Vec<_>>().join(", ")
    }

    fn observed(
        &self,
        config: Option<&Config>,
        heads: &Named<Head>,
        previous: Option<&Report>,
    ) -> miette::Result<Vec<Observed>> {
        let one = |name: &String| {
            let open = previous.and_then(|report| report.environments.iter().find(|view| view.name == *name));
            let environment = self.environment(name, config)?;
            Ok(self.one(name, environment, heads.get(name).cloned(), open.map(|view| view.open.clone())))
        };
        self.0.keys().map(one).collect()
    }

    fn one(
        &self,
        name: &str,
        environment: Environment,
        head: Option<Head>,
        previous: Option<Vec<view::Open>>,
    ) -> Observed {
        let of = |suite| Fact::Known(self.0.get(name).and_then(|suites| suites.get(&suite)).cloned());
        Observed {
            environment,
            connections: of(Suite::Connections),
            full: of(Suite::Full),
            head: Fact::Known(head),
            previous,
        }
    }

    /// As it is configured; without a configuration, what the runs themselves say and the default contract.
    fn environment(&self, name: &str, config: Option<&Config>) -> miette::Result<Environment> {
        if let Some(config) = config {
            let declared: Vec<&str> = config.environment.keys().map(String::as_str).collect();
            return config.environment(name).ok_or_else(|| {
                miette!(
                    help = format!("it declares: {}", declared.join(", ")),
                    "the configuration does not declare environment {:?}, which a run is of",
                    clean(name)
                )
            });
        }
        let runs: Vec<&Run> = self.0.get(name).into_iter().flat_map(BTreeMap::values).collect();
        let newest = runs.iter().max_by_key(|run| run.started_at);
        let class = newest.map(|run| run.class).ok_or_else(|| miette!("no run is of environment {name:?}"))?;
        let optional = runs.iter().flat_map(|run| &run.targets).filter(|target| target.optional);
        Ok(Environment {
            name: name.to_owned(),
            class,
            contract: config::default_contract(),
            optional: optional.map(|target| target.target.clone()).collect(),
            limits: Named::new(),
            mutes: Vec::new(),
            maintenance: Vec::new(),
            confirm_runs: 2,
            confirm_critical: None,
        })
    }
}

/// What the earlier runs would have reported: what was open, and when.
fn earlier(args: &ReportArgs, runs: &Newest, config: Option<&Config>, language: Language) -> miette::Result<Report> {
    let previous = Newest::read(&args.previous)?;
    for run in previous.all() {
        let now = runs.0.get(&run.environment).and_then(|suites| suites.values().map(|run| run.started_at).max());
        let (name, at) = (clean(&run.environment), run.started_at);
        let now = now.ok_or_else(|| {
            miette!(
                help = format!("--run has runs of: {}", runs.names()),
                "--previous has a run of environment {name:?}, and --run has none to compare it with"
            )
        })?;
        if at >= now {
            return Err(miette!(
                help = "give the earlier run to --previous and the later one to --run",
                "--previous has a run of {name} of {at}, which is not earlier than the newest of --run, {now}"
            ));
        }
    }
    let at = previous.started().ok_or_else(|| miette!("--previous names no run"))?;
    Ok(made(&Input {
        environments: previous.observed(config, &Named::new(), None)?,
        now: at,
        since: None,
        language,
        time_zone: args.time_zone.clone(),
        repeat: false,
        least: Severity::Info,
    }))
}

fn heads(files: &[PathBuf], runs: &Newest) -> miette::Result<Named<Head>> {
    let mut out = Named::new();
    for path in files {
        let head: Head = read(path, head::SCHEMA)?;
        let name = clean(&head.environment);
        if !runs.0.contains_key(&head.environment) {
            return Err(miette!(
                help = format!("--run has runs of: {}", runs.names()),
                "{}: the head of environment {name:?}, of which --run has no run",
                path.display()
            ));
        }
        if out.insert(head.environment.clone(), head).is_some() {
            return Err(miette!("{}: a second head of environment {name:?}; give one", path.display()));
        }
    }
    Ok(out)
}

#[derive(Deserialize)]
struct Schema {
    schema: Option<String>,
}

/// One stored object of the schema that is wanted.
fn read<T: DeserializeOwned>(path: &Path, wanted: &str) -> miette::Result<T> {
    let shown = path.display();
    let size = std::fs::metadata(path).into_diagnostic().wrap_err_with(|| shown.to_string())?.len();
    if size > LARGEST {
        return Err(miette!("{shown}: {size} bytes; at most {LARGEST} are read"));
    }
    let bytes = std::fs::read(path).into_diagnostic().wrap_err_with(|| shown.to_string())?;
    let what = wanted.split('/').next().unwrap_or(wanted).trim_start_matches("vigie.");
    let named: Schema = serde_json::from_slice(&bytes).map_err(|e| {
        let from = match what {
            "head" => "heads are kept in the runs bucket, as heads/ENV.json",
            _ => "runs are kept in the runs bucket, and `vigie audit --format json` prints one",
        };
        miette!(help = from, "{shown} is no {what} of Vigie: {e}")
    })?;
    match named.schema.as_deref() {
        Some(schema) if schema == wanted => {}
        Some(snapshot::SCHEMA) => {
            return Err(miette!(
                help = format!("judge it first: vigie replay {shown} --format json > run.json"),
                "{shown} is a snapshot, not a {what}"
            ));
        }
        Some(other) => {
            return Err(miette!(
                "{shown} is of schema {:?}; this version of Vigie reads {wanted:?} here",
                clean(other)
            ));
        }
        None => return Err(miette!("{shown} is no {what} of Vigie: it names no schema; {wanted:?} is expected")),
    }
    serde_json::from_slice(&bytes).map_err(|e| miette!("{shown} says that it is a {what}, and is not like one: {e}"))
}
