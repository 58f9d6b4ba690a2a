//! `vigie config check` and `push`: vigie.toml, and beside it `environments/NAME.toml` for each environment that has a file
//! of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures::{StreamExt, stream};
use miette::{IntoDiagnostic, LabeledSpan, NamedSource, WrapErr, miette};
use vigie_aws::store::{MOST_KEYS, Put, Store};
use vigie_core::config::{self, Config, ConfigErrors};
use vigie_core::plan::{CONFIG_FOLDER, CONFIG_KEY, config_key};

use crate::args::PushArgs;
use crate::audit::{bar, base, text};

/// Where the environments' own files are, beside vigie.toml.
const FOLDER: &str = "environments";
/// Objects that are written side by side.
const AT_A_TIME: usize = 16;

/// The files of a configuration, each with its text and the key that it has in the runs bucket.
struct Files(Vec<File>);

struct File {
    path: PathBuf,
    key: String,
    text: String,
    /// Absent: vigie.toml itself.
    environment: Option<String>,
}

/// The whole configuration: vigie.toml and the environments' own files.
///
/// # Errors
/// Everything that is wrong with every file, at once.
pub fn whole(path: &Path) -> miette::Result<Config> {
    parse(&Files::read(path)?)
}

pub fn check(path: &Path) -> miette::Result<ExitCode> {
    let files = Files::read(path)?;
    let config = parse(&files)?;
    let names: Vec<&str> = config.environment.keys().map(String::as_str).take(20).collect();
    let more = if config.environment.len() > names.len() { ", ..." } else { "" };
    anstream::println!(
        "{} is right: {} environment(s) in {} file(s): {}{more}",
        path.display(),
        config.environment.len(),
        files.0.len(),
        names.join(", ")
    );
    Ok(ExitCode::SUCCESS)
}

impl Files {
    fn read(path: &Path) -> miette::Result<Files> {
        let mut files =
            vec![File { path: path.to_path_buf(), key: CONFIG_KEY.to_owned(), text: text(path)?, environment: None }];
        let folder = path.parent().unwrap_or(Path::new("")).join(FOLDER);
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Files(files)),
            entries => entries.into_diagnostic().wrap_err_with(|| folder.display().to_string())?,
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|name| config::is_environment(name));
            let name =
                name.ok_or_else(|| miette!("{}: an environment's name is 1 to 32 of a-z, 0-9 and -", path.display()))?;
            let (key, environment) = (config_key(name), Some(name.to_owned()));
            files.push(File { text: text(&path)?, key, environment, path });
        }
        Ok(Files(files))
    }

    /// Whether environments have files of their own.
    fn in_parts(&self) -> bool {
        self.0.len() > 1
    }
}

fn parse(files: &Files) -> miette::Result<Config> {
    let mut wrong = Vec::new();
    let mut config = Config::default();
    for file in &files.0 {
        let shown = file.path.display().to_string();
        let parsed = match &file.environment {
            None if files.in_parts() => config::parse_common(&file.text, &shown),
            None => config::parse(&file.text, &shown),
            Some(name) => config::parse_environment(&file.text, &shown, name),
        };
        match (parsed, &file.environment) {
            (Err(errors), _) => wrong.push((file, errors)),
            (Ok(parsed), None) => config = parsed,
            (Ok(parsed), Some(name)) => {
                if !config.join(parsed) {
                    return Err(miette!("{name:?} is declared in vigie.toml and in {shown}; keep one"));
                }
            }
        }
    }
    if !wrong.is_empty() {
        return Err(report(&wrong));
    }
    let undeclared: Vec<String> = config
        .undeclared()
        .into_iter()
        .map(|u| format!("{} names {:?}, which no file declares", u.by, u.name))
        .collect();
    if undeclared.is_empty() { Ok(config) } else { Err(miette!("{}", undeclared.join("\n"))) }
}

/// The first file with its text and marks; the others by their lines.
fn report(wrong: &[(&File, ConfigErrors)]) -> miette::Report {
    let count: usize = wrong.iter().map(|(_, errors)| errors.errors.len()).sum();
    let said: Vec<String> = wrong.iter().map(|(_, errors)| errors.to_string()).collect();
    let said = format!("{count} error(s)\n{}", said.join("\n"));
    match wrong {
        [(file, errors)] => {
            let labels = errors.errors.iter().map(|e| LabeledSpan::underline(e.span.0..e.span.1));
            miette!(labels = labels.collect::<Vec<_>>(), "{said}")
                .with_source_code(NamedSource::new(file.path.display().to_string(), file.text.clone()))
        }
        _ => miette!("{said}"),
    }
}

/// Validates everything, then writes what is new or changed under `config/` of the runs bucket: the environments first.
pub async fn push(args: &PushArgs) -> miette::Result<ExitCode> {
    let files = Files::read(&args.config)?;
    let config = parse(&files)?;
    deployable(&config)?;
    let bucket = args.bucket.clone().or_else(|| config.runs.as_ref().map(|runs| runs.bucket.clone()));
    let bucket = bucket.ok_or_else(|| {
        miette!(
            help = "it is the output RunsBucket of the stack",
            "say which bucket: --bucket NAME, or [runs] bucket in the configuration"
        )
    })?;
    let own = base().await?.auditor(None, None, "vigie");
    let store = Store::bucket(&own, &bucket, None);
    let keys =
        store.list(CONFIG_FOLDER, MOST_KEYS).await.into_diagnostic().wrap_err("the runs bucket does not answer")?;
    let stray: Vec<String> = keys.into_iter().filter(|key| files.0.iter().all(|file| file.key != *key)).collect();
    let (shared, own): (Vec<&File>, Vec<&File>) = files.0.iter().partition(|file| file.environment.is_none());
    let mut done = BTreeMap::new();
    let bar = bar();
    for part in [own, shared] {
        let puts = stream::iter(part).map(|file| put(&store, file, args.dry_run)).buffer_unordered(AT_A_TIME);
        let puts: Vec<miette::Result<Change>> = puts.collect().await;
        for put in puts {
            *done.entry(put?).or_insert(0usize) += 1;
        }
    }
    bar.finish_and_clear();
    for key in &stray {
        let what = if args.prune { "removed" } else { "only in the bucket; --prune removes it" };
        anstream::println!("{key}: {what}");
        if args.prune && !args.dry_run {
            store.delete(key).await.into_diagnostic()?;
        }
    }
    let count = |change| done.get(&change).copied().unwrap_or(0);
    let dry = if args.dry_run { " (dry run: nothing is written)" } else { "" };
    anstream::println!(
        "s3://{bucket}/config/: {} new, {} changed, {} as they were{dry}",
        count(Change::New),
        count(Change::Changed),
        count(Change::Same)
    );
    Ok(ExitCode::SUCCESS)
}

/// What a function cannot read where it runs.
fn deployable(config: &Config) -> miette::Result<()> {
    let mut wrong = Vec::new();
    for (name, environment) in &config.environment {
        let local = environment.variables.iter().filter(|v| *v == "process" || v.starts_with("dotenv:"));
        wrong.extend(local.map(|source| format!("environment.{name}.variables: {source} is not there in Lambda")));
    }
    if let Some(key) = config.fingerprint_key.as_ref().filter(|key| key.starts_with("file:")) {
        wrong.push(format!("fingerprint_key: {key} is not there in Lambda"));
    }
    if let Some(path) = &config.network.extra_ca {
        wrong.push(format!("network.extra_ca: {path} is a file, and none goes with a configuration in the bucket"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let help =
        "variables: ssm:/path/, secretsmanager:ID, lambda:NAME or amplify:APP_ID/BRANCH; the key: the stack makes one";
    Err(miette!(help = help, "{}", wrong.join("\n")))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    New,
    Changed,
    Same,
}

async fn put(store: &Store, file: &File, dry: bool) -> miette::Result<Change> {
    let wrong = || format!("{} is not written", file.key);
    let found = store.get(&file.key).await.into_diagnostic().wrap_err_with(wrong)?;
    let (change, tag) = match &found {
        None => (Change::New, None),
        Some((bytes, _)) if bytes == file.text.as_bytes() => return Ok(Change::Same),
        Some((_, tag)) => (Change::Changed, Some(tag)),
    };
    if dry {
        return Ok(change);
    }
    let bytes = file.text.clone().into_bytes();
    let put = match tag {
        None => store.put_if_absent(&file.key, bytes).await,
        Some(tag) => store.put_if_match(&file.key, bytes, tag).await,
    };
    match put.into_diagnostic().wrap_err_with(wrong)? {
        Put::Done(_) => Ok(change),
        Put::Precondition | Put::Conflict => Err(miette!(
            help = "look at what is there, then push again",
            "{}: somebody else wrote it meanwhile",
            file.key
        )),
    }
}
