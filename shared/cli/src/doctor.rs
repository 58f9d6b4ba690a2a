//! `vigie doctor`: what the deployed functions would need, tried from here with the user's own credentials.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use owo_colors::{OwoColorize, Style};
use vigie_aws::doctor::{self, Line, State};
use vigie_core::config::Config;
use vigie_core::text::{Language, Text, text};
use vigie_probe::ask::Deadline;

use crate::args::{DoctorArgs, ListFormat};
use crate::audit::{bar, chosen, now, wire};
use crate::config;

const FROM_HERE: Text = text(
    "Tried from here, with your own credentials and network; what the stack alone knows (topic, queues) is not tried. \
     With the function's own role, network and stack:",
    "Essayé d'ici, avec vos propres identifiants et réseau ; ce que seule la pile connaît (sujet, files) n'est pas essayé. \
     Avec le rôle, le réseau et la pile de la fonction :",
);
const INVOKE: &str = "aws lambda invoke --function-name vigie-audit --cli-binary-format raw-in-base64-out \
                      --payload '{\"doctor\":true}' /dev/stdout";
const OK: Text = text("ok", "ok");
const MISSING: Text = text("missing", "manque");
const UNKNOWN: Text = text("unknown", "inconnu");

/// 0: all holds. 1: something is missing. 3: nothing is, as far as is known.
pub async fn doctor(args: &DoctorArgs, language: Language) -> miette::Result<ExitCode> {
    let path = args.config.as_deref().unwrap_or(Path::new("vigie.toml"));
    let deadline = Deadline::within(Duration::from_secs(args.timeout));
    let (mut config, configuration) = match config::whole(path) {
        Ok(config) => {
            let line = doctor::configured(config.environment.len());
            (config, line)
        }
        // The whole of it, with its places, is what `vigie config check` prints.
        Err(e) => (Config::default(), doctor::not_configured(&format!("{}: {e}", path.display()))),
    };
    if args.environment.is_some() && !config.environment.is_empty() {
        let name = chosen(&config, args.environment.as_deref())?;
        config.environment.retain(|other, _| *other == name);
    }
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let deps = wire(config, folder, true, false).await?;
    let bar = bar();
    let heard = |line: &Line| {
        let said = format!("  {}: {} {}", state(line.state, language), line.trial.id, line.subject);
        if bar.is_hidden() { anstream::eprintln!("{said}") } else { bar.println(said) }
    };
    let lines = vigie_audit::doctor::examine(&deps, configuration, now(), deadline, &heard).await;
    bar.finish_and_clear();
    match args.format {
        ListFormat::Json => anstream::println!("{:#}", doctor::json(&lines)),
        ListFormat::Text => anstream::print!("{}", text_of(&lines, language)),
    }
    anstream::eprintln!("{}\n  {INVOKE}", FROM_HERE.raw(language));
    Ok(exit(&lines))
}

fn exit(lines: &[Line]) -> ExitCode {
    match lines.iter().map(|line| line.state).max() {
        Some(State::Missing) => ExitCode::from(1),
        Some(State::Unknown) => ExitCode::from(3),
        Some(State::Ok) | None => ExitCode::SUCCESS,
    }
}

const fn state(state: State, language: Language) -> &'static str {
    match state {
        State::Ok => OK.raw(language),
        State::Missing => MISSING.raw(language),
        State::Unknown => UNKNOWN.raw(language),
    }
}

const fn colour(state: State) -> Style {
    match state {
        State::Ok => Style::new().green(),
        State::Missing => Style::new().red().bold(),
        State::Unknown => Style::new().yellow(),
    }
}

fn text_of(lines: &[Line], language: Language) -> String {
    let mut out = String::new();
    for line in doctor::shown(lines) {
        let seen = if line.seen.is_empty() { String::new() } else { format!(" ({})", line.seen) };
        let subject = if line.subject.is_empty() { String::new() } else { format!(": {}", line.subject) };
        let _ = writeln!(
            out,
            "{} {}{subject}{}",
            format!("{:<8}", state(line.state, language)).style(colour(line.state)),
            line.trial.tried.raw(language),
            seen.dimmed(),
        );
        if line.state == State::Ok {
            continue;
        }
        if let Some(cause) = line.cause {
            let action = line.action.as_deref().map(|action| format!(" ({action})")).unwrap_or_default();
            let _ = writeln!(out, "         {}{action}", cause.says().raw(language));
        }
        if let Some(remedy) = line.remedy() {
            let _ = writeln!(out, "         {}", remedy.raw(language));
        }
    }
    let count = |of| lines.iter().filter(|line| line.state == of).count();
    let _ = writeln!(
        out,
        "{} {}, {} {}, {} {}",
        count(State::Ok),
        OK.raw(language),
        count(State::Missing),
        MISSING.raw(language),
        count(State::Unknown),
        UNKNOWN.raw(language),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_line_decides_the_exit_code() {
        let ok = doctor::configured(1);
        let missing = doctor::not_configured("vigie.toml:1:1: no");
        let unknown = Line { state: State::Unknown, ..ok.clone() };
        let code = |lines: &[Line]| format!("{:?}", exit(lines));
        assert_eq!(code(std::slice::from_ref(&ok)), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&[ok.clone(), unknown.clone()]), format!("{:?}", ExitCode::from(3)));
        assert_eq!(code(&[unknown, missing, ok]), format!("{:?}", ExitCode::from(1)));
    }

    #[test]
    fn what_is_missing_says_why_and_what_to_do() {
        for language in [Language::En, Language::Fr] {
            let text = text_of(&[doctor::configured(2), doctor::not_configured("vigie.toml:1:1: no")], language);
            assert!(text.contains("vigie.toml:1:1: no") && text.contains("vigie config push"), "{text}");
        }
    }
}
