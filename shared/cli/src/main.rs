//! The `vigie` command: all that the functions do, from a terminal.

// The SDK's futures nest deeper than rustc's default of 128 when the layout of main's is computed.
#![recursion_limit = "256"]

mod args;
mod audit;
mod config;
mod doctor;
mod formats;
mod init;
mod list;
mod plan;
mod policy;
mod report;
mod show;
mod stack;

use std::process::ExitCode;

use args::{Args, Command, ConfigCommand};
use clap::Parser;
use vigie_core::text::Language;

/// 0: nothing at or above --fail-on. 1: a failure. 2: the command itself could not run. 3: no failure, but an unknown
/// whose failure would count.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_max_level(tracing::Level::WARN)
        .init();
    let language = args.language.unwrap_or_else(language);
    let done = match args.command {
        Command::Audit(args) => audit::audit(args, language).await,
        Command::Replay(args) => audit::replay(&args, language),
        Command::Report(args) => report::report(&args, language),
        Command::Checks { format } => Ok(checks(format, language)),
        Command::Explain { id } => explain(&id, language),
        Command::Doctor(args) => doctor::doctor(&args, language).await,
        Command::Plan(args) => plan::plan(&args, language),
        Command::Policy(args) => policy::policy(args, language).await,
        Command::Config(ConfigCommand::Check { file }) => config::check(&file),
        Command::Config(ConfigCommand::Schema) => Ok(schema()),
        Command::Config(ConfigCommand::Push(args)) => config::push(&args).await,
        Command::Init(args) => audit::init(&args, language),
    };
    done.unwrap_or_else(|report| {
        anstream::eprintln!("{report:?}");
        ExitCode::from(2)
    })
}

fn checks(format: args::ListFormat, language: Language) -> ExitCode {
    match format {
        args::ListFormat::Json => anstream::println!("{:#}", list::json()),
        args::ListFormat::Text => anstream::println!("{}", list::table(language)),
    }
    ExitCode::SUCCESS
}

fn explain(id: &str, language: Language) -> miette::Result<ExitCode> {
    let Some(text) = list::explain(id, language) else {
        let like = list::like(id);
        let hint = if like.is_empty() {
            "`vigie checks` lists them all".to_owned()
        } else {
            format!("there are: {}", like.join(", "))
        };
        return Err(miette::miette!(help = hint, "{:?} is no check", vigie_core::evidence::clean(id)));
    };
    anstream::println!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn schema() -> ExitCode {
    anstream::println!("{:#}", vigie_core::config::schema());
    ExitCode::SUCCESS
}

/// The terminal's language: French when the locale says so.
#[allow(clippy::disallowed_methods)] // the edge: this is where the environment enters
fn language() -> Language {
    let locale =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    if locale.is_some_and(|l| l.starts_with("fr")) { Language::Fr } else { Language::En }
}
