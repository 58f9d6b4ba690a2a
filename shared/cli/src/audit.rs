//! `vigie audit`, `replay` and `init`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use miette::{IntoDiagnostic, WrapErr, miette};
use vigie_audit::Deps;
use vigie_audit::setup::{Edge, Wiring};
use vigie_aws::{Base, process};
use vigie_core::Named;
use vigie_core::check::{Kind, Severity};
use vigie_core::config::{self, Config, EnvironmentConfig, Writes};
use vigie_core::plan::Audit;
use vigie_core::run::{Outcome, Run};
use vigie_core::snapshot::{Environment, Snapshot};
use vigie_core::text::Language;
use vigie_probe::ask::Deadline;
use vigie_probe::shared::Shared;

use crate::args::{AuditArgs, Format, InitArgs, ReplayArgs, WantedArgs};
use crate::config::whole;
use crate::{formats, init as template, report, show};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

pub async fn audit(args: AuditArgs, language: Language) -> miette::Result<ExitCode> {
    let (config, folder, configured) = configuration(&args)?;
    let environment = chosen(&config, args.environment.as_deref())?;
    let deps = wire(config, folder, configured, args.allow_writes).await?;
    let plan = Audit { environment, suite: args.suite, scheduled_at: None };
    let bar = bar();
    let progress = |_: Kind, target: &str| {
        let line = format!("  asked: {target}");
        // Without a terminal the bar is hidden, and its lines with it.
        if bar.is_hidden() { anstream::eprintln!("{line}") } else { bar.println(line) }
    };
    let deadline = Deadline::within(Duration::from_secs(args.timeout));
    let done = vigie_audit::audit(&deps, &plan, now(), "terminal", deadline, &progress).await.into_diagnostic();
    bar.finish_and_clear();
    let done = done?;
    if let Some(path) = &args.snapshot {
        let bytes = serde_json::to_vec_pretty(&done.snapshot).into_diagnostic()?;
        std::fs::write(path, bytes).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
    }
    print(&done.run, &done.snapshot.environment, args.format, &args.wanted, language)?;
    Ok(exit(&done.run, args.fail_on, args.allow_unknown))
}

pub fn replay(args: &ReplayArgs, language: Language) -> miette::Result<ExitCode> {
    let text = text(&args.snapshot)?;
    let snapshot: Snapshot = serde_json::from_str(&text)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} is no snapshot of Vigie", args.snapshot.display()))?;
    let run = vigie_core::judge::judge(&snapshot);
    print(&run, &snapshot.environment, args.format, &args.wanted, language)?;
    Ok(exit(&run, args.fail_on, args.allow_unknown))
}

pub fn init(args: &InitArgs, language: Language) -> miette::Result<ExitCode> {
    let text = text(&args.env_file)?;
    let (variables, errors) = vigie_core::variables::dotenv::parse(&text);
    for error in &errors {
        anstream::eprintln!("{}:{}: {}", args.env_file.display(), error.line, error.what);
    }
    let found = template::Found { names: variables.into_iter().map(|(name, ..)| name).collect() };
    let source = format!("dotenv:{}", args.env_file.display());
    let class = match args.class {
        vigie_core::check::Class::Staging => "staging",
        vigie_core::check::Class::Production => "production",
    };
    let toml = template::vigie_toml(&args.environment, class, &source, &found, &config::default_contract());
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create_new(true).open(&args.output).and_then(|mut file| {
        use std::io::Write;
        file.write_all(toml.as_bytes())
    });
    written.into_diagnostic().wrap_err_with(|| format!("{} is not written", args.output.display()))?;
    let file = args.output.display().to_string();
    anstream::println!("{file} written: {} names, no values.", found.names.len());
    anstream::print!("{}", template::next_steps(&file, language));
    Ok(ExitCode::SUCCESS)
}

/// The configuration, the folder that its paths are relative to, and whether there is one at all.
fn configuration(args: &AuditArgs) -> miette::Result<(Config, PathBuf, bool)> {
    let given = args.config.clone().or_else(|| Some(PathBuf::from("vigie.toml")).filter(|p| p.is_file()));
    let env_file = args.env_file.as_ref().map(|p| std::path::absolute(p).into_diagnostic()).transpose()?;
    let source = env_file.map(|path| format!("dotenv:{}", path.display()));
    if let Some(path) = given {
        let mut config = whole(&path)?;
        let name = chosen(&config, args.environment.as_deref())?;
        if let (Some(source), Some(environment)) = (source, config.environment.get_mut(&name)) {
            environment.variables = vec![source];
        }
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        return Ok((config, folder, true));
    }
    let name = args.environment.clone().unwrap_or_else(|| "local".to_owned());
    let from = source.clone().unwrap_or_else(|| "the process environment".to_owned());
    anstream::eprintln!(
        "No vigie.toml: the default contract, variables from {from}, nothing is written. `vigie init` writes one."
    );
    let environment = EnvironmentConfig {
        class: args.class,
        variables: vec![source.unwrap_or_else(|| "process".to_owned())],
        role: None,
        external_id: None,
        app_role: None,
        region: None,
        writes: Writes::Off,
        optional: vec!["redis".to_owned()],
        contract: config::default_contract(),
        limits: Named::new(),
        neighbours: None,
    };
    let config = Config { environment: [(name, environment)].into(), ..Config::default() };
    Ok((config, PathBuf::new(), false))
}

pub fn chosen(config: &Config, asked: Option<&str>) -> miette::Result<String> {
    let declared: Vec<&String> = config.environment.keys().collect();
    match (asked, declared.as_slice()) {
        (Some(name), _) if config.environment.contains_key(name) => Ok(name.to_owned()),
        (Some(name), _) => {
            Err(miette!("environment {name:?} is not declared; the configuration declares: {}", names(&declared)))
        }
        (None, [only]) => Ok((*only).clone()),
        (None, []) => Err(miette!("the configuration declares no environment; write [environment.production]")),
        (None, _) => Err(miette!("say which environment: --environment {}", names(&declared))),
    }
}

fn names(declared: &[&String]) -> String {
    declared.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" | ")
}

pub fn text(path: &Path) -> miette::Result<String> {
    let named = || path.display().to_string();
    let size = std::fs::metadata(path).into_diagnostic().wrap_err_with(named)?.len();
    if size > LARGEST {
        return Err(miette!("{}: {size} bytes; at most {LARGEST} are read", path.display()));
    }
    std::fs::read_to_string(path).into_diagnostic().wrap_err_with(named)
}

/// From a terminal: the platform's roots and proxies, the user's own AWS credentials; written only on request.
pub(crate) async fn wire(config: Config, folder: PathBuf, configured: bool, writes: bool) -> miette::Result<Deps> {
    let base = base().await?;
    let contract: Vec<_> = config.environment.values().map(|e| e.contract.clone()).collect();
    // Without a configuration the terminal's own variables are not the app's: only those that the contract knows are read.
    let known = move |name: &str| configured || contract.iter().any(|c| template::known(c)(name));
    let variables = Arc::new(move || variables().into_iter().filter(|(name, _)| known(name)).collect::<Vec<_>>());
    let edge = Edge { inside_lambda: false, variable: Arc::new(variable), variables };
    let bucket = config.runs.as_ref().map(|runs| runs.bucket.clone());
    let wiring = Wiring { base: &base, folder, bucket, edge, key: Arc::default(), shared: Shared::default() };
    let mut deps = wiring.deps(config).into_diagnostic()?;
    // An audit from a terminal reads the runs bucket for its comparisons, and leaves nothing anywhere unless told to.
    deps.read_only = !writes;
    Ok(deps)
}

/// From a terminal: the user's own credentials, region and proxies.
pub async fn base() -> miette::Result<Base> {
    let mut settings = process::settings(&variable, true).into_diagnostic()?;
    if settings.region.is_none() {
        settings.region = vigie_aws::profile_region(settings.profile.as_deref()).await;
    }
    Base::new(&settings).into_diagnostic()
}

pub fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} asking… {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn print(
    run: &Run,
    environment: &Environment,
    format: Format,
    wanted: &WantedArgs,
    language: Language,
) -> miette::Result<()> {
    let format = match format {
        Format::Json => {
            anstream::println!("{}", serde_json::to_string_pretty(run).into_diagnostic()?);
            return Ok(());
        }
        Format::Text => {
            anstream::print!("{}", show::text(run, language));
            return Ok(());
        }
        Format::Markdown => formats::Format::Markdown,
        Format::Html => formats::Format::Html,
        Format::Csv => formats::Format::Csv,
        Format::Junit => formats::Format::Junit,
        Format::Sarif => formats::Format::Sarif,
        Format::Ocsf => formats::Format::Ocsf,
        Format::Asff => formats::Format::Asff,
    };
    let bytes = formats::render(&report::alone(run, environment, language), format, &report::extras(wanted, None))?;
    report::put(&bytes, None)
}

/// 1: an unmuted failure at or above `fail_on`; 3: none, but an unknown whose failure would count; else 0.
fn exit(run: &Run, fail_on: Severity, allow_unknown: bool) -> ExitCode {
    let counts = |outcome: Outcome| {
        run.findings.iter().any(|f| f.outcome == outcome && f.mute.is_none() && f.severity >= fail_on)
    };
    if counts(Outcome::Fail) {
        ExitCode::from(1)
    } else if counts(Outcome::Unknown) && !allow_unknown {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the clock enters
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[allow(clippy::disallowed_methods)] // the edge: this is where the environment enters
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Those that are text: a variable that is not UTF-8 is none of the app's.
#[allow(clippy::disallowed_methods)] // the edge: this is where the environment enters
fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
