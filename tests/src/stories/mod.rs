//! Five made-up stories, the same at each telling: what a runs bucket holds of one or two environments on a Sunday morning,
//! made by the product itself. A healthy environment is broken by the checks' own counterexamples, judged, and moves a
//! head a quarter of an hour at a time, for a month.

mod down;
mod life;
mod many;
mod mixed;
pub mod nasty;
mod quiet;
mod trouble;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::Serialize;
use vigie_core::check::Severity;
use vigie_core::facts::Fact;
use vigie_core::head::Head;
use vigie_core::healthy::NOW;
use vigie_core::report::{Input, Observed, Open, Report, report};
use vigie_core::run::Run;
use vigie_core::snapshot::Environment;
use vigie_core::text::Language;

/// When the mail before this one went out: a day ago.
pub const YESTERDAY: Timestamp = Timestamp::constant(1_795_255_500, 0);

/// Of every list in these stories.
pub const TIME_ZONE: &str = "Europe/Paris";

/// What is stored of one environment.
#[derive(Clone, Debug)]
pub struct Stored {
    pub environment: Environment,
    /// The newest of each suite.
    pub connections: Option<Run>,
    pub full: Option<Run>,
    /// What the mail before this one was made of; empty: there was none.
    pub previous: Vec<Run>,
    pub head: Option<Head>,
}

/// One morning's report.
#[derive(Clone, Debug)]
pub struct Story {
    pub name: &'static str,
    pub environments: Vec<Stored>,
}

/// All five, from the calmest to the longest.
#[must_use]
pub fn all() -> &'static [Story; 5] {
    static ALL: OnceLock<[Story; 5]> = OnceLock::new();
    ALL.get_or_init(|| [quiet::green(), quiet::first(), mixed::mixed(), down::down(), many::many()])
}

impl Story {
    /// The report of [`NOW`].
    #[must_use]
    pub fn report(&self, language: Language) -> Report {
        let environments: Vec<Observed> = self.environments.iter().map(|stored| observed(stored, language)).collect();
        let since = environments.iter().any(|e| e.previous.is_some()).then_some(YESTERDAY);
        let time_zone = TIME_ZONE.to_owned();
        report(&Input { environments, now: NOW, since, language, time_zone, repeat: false, least: Severity::Info })
    }

    /// Writes the stored objects as files, each as the runs bucket holds it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<Files> {
        std::fs::create_dir_all(folder)?;
        let mut files = Files::default();
        for stored in &self.environments {
            let name = &stored.environment.name;
            for run in stored.full.iter().chain(&stored.connections) {
                files.runs.push(put(folder, &format!("{name}-{}.json", run.suite.name()), run)?);
            }
            for run in &stored.previous {
                files.previous.push(put(folder, &format!("{name}-{}-before.json", run.suite.name()), run)?);
            }
            if let Some(head) = &stored.head {
                files.heads.push(put(folder, &format!("{name}-head.json"), head)?);
            }
        }
        Ok(files)
    }
}

/// What `vigie report` takes of a story.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub runs: Vec<PathBuf>,
    pub previous: Vec<PathBuf>,
    pub heads: Vec<PathBuf>,
}

impl Files {
    /// As arguments.
    #[must_use]
    pub fn given(&self) -> Vec<String> {
        let lists = [("--run", &self.runs), ("--previous", &self.previous), ("--head", &self.heads)];
        let given = lists.into_iter().filter(|(_, files)| !files.is_empty());
        given
            .flat_map(|(flag, files)| {
                std::iter::once(flag.to_owned()).chain(files.iter().map(|file| file.display().to_string()))
            })
            .collect()
    }
}

fn put(folder: &Path, name: &str, object: &impl Serialize) -> io::Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, serde_json::to_vec(object)?)?;
    Ok(path)
}

fn observed(stored: &Stored, language: Language) -> Observed {
    let previous = (!stored.previous.is_empty()).then(|| open(stored, language));
    Observed {
        environment: stored.environment.clone(),
        connections: Fact::Known(stored.connections.clone()),
        full: Fact::Known(stored.full.clone()),
        head: Fact::Known(stored.head.clone()),
        previous,
    }
}

/// What the mail before this one knew to be failing.
fn open(stored: &Stored, language: Language) -> Vec<Open> {
    let newest = |suite| stored.previous.iter().find(|run| run.suite == suite).cloned();
    let then = Observed {
        environment: stored.environment.clone(),
        connections: Fact::Known(newest(vigie_core::check::Suite::Connections)),
        full: Fact::Known(newest(vigie_core::check::Suite::Full)),
        head: Fact::Known(None),
        previous: None,
    };
    let time_zone = TIME_ZONE.to_owned();
    let input = Input {
        environments: vec![then],
        now: YESTERDAY,
        since: None,
        language,
        time_zone,
        repeat: false,
        least: Severity::Info,
    };
    report(&input).environments.into_iter().flat_map(|view| view.open).collect()
}
