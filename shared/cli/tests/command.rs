//! The command as a script sees it: exit codes, formats, what it writes and what it refuses.

#![allow(clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::path::Path;
use std::process::{Command, Output};

use vigie_core::check::Class;
use vigie_core::healthy;
use vigie_core::question::Question;
use vigie_core::snapshot::Snapshot;

fn vigie(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("the command starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn stored(folder: &Path, snapshot: &Snapshot) -> &'static str {
    std::fs::write(folder.join("facts.json"), serde_json::to_vec(snapshot).expect("serializes")).expect("is written");
    "facts.json"
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_healthy_snapshot_is_0_a_fail_1_an_unknown_3() {
    let at = folder();
    let mut snapshot = healthy::snapshot(Class::Production);
    let file = stored(at.path(), &snapshot);
    assert_eq!(code(&vigie(at.path(), &["replay", file])), 0);

    healthy::refuse(&mut snapshot, Question::Alarms);
    let file = stored(at.path(), &snapshot);
    assert_eq!(code(&vigie(at.path(), &["replay", file])), 3);
    assert_eq!(code(&vigie(at.path(), &["replay", file, "--allow-unknown"])), 0);

    let check = vigie_core::checks::find("SQS-DLQ-NONE").expect("implemented");
    (check.faults[0].broken)(&mut snapshot);
    let file = stored(at.path(), &snapshot);
    let output = vigie(at.path(), &["replay", file]);
    assert_eq!(code(&output), 1);
    assert!(said(&output).contains("SQS-DLQ-NONE") && said(&output).contains("cloudwatch:DescribeAlarms"));
    assert_eq!(code(&vigie(at.path(), &["replay", file, "--fail-on", "critical", "--allow-unknown"])), 0);
}

#[test]
fn json_is_a_run_and_markdown_a_page() {
    let at = folder();
    let file = stored(at.path(), &healthy::snapshot(Class::Staging));
    let output = vigie(at.path(), &["replay", file, "--format", "json"]);
    let run: vigie_core::run::Run = serde_json::from_slice(&output.stdout).expect("a run");
    assert_eq!((run.schema.as_str(), run.environment.as_str()), ("vigie.run/v1", "staging"));
    let page = String::from_utf8(vigie(at.path(), &["replay", file, "--format", "markdown"]).stdout).expect("text");
    assert!(page.starts_with("# ") && page.contains("staging"), "{page}");
}

#[test]
fn what_cannot_run_is_2_and_says_why() {
    let at = folder();
    std::fs::write(at.path().join("vigie.toml"), "[environment.a]\nclas = \"staging\"\n").expect("is written");
    for (arguments, why) in [
        (&["config", "check", "vigie.toml"][..], "vigie.toml:2:1: unknown key \"clas\"; did you mean \"class\"?"),
        (&["config", "check", "none.toml"], "none.toml"),
        (&["audit"], "unknown key \"clas\""),
        (&["replay", "vigie.toml"], "is no snapshot of Vigie"),
        (&["explain", "PG-DOWNN"], "PG-DOWN"),
    ] {
        let output = vigie(at.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(why), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn without_a_configuration_it_says_so_and_a_secret_of_the_file_is_nowhere() {
    let at = folder();
    let secret = "c4n4ry0123456789c4n4ry0123456789";
    std::fs::write(at.path().join(".env"), format!("NEXTAUTH_SECRET={secret}\nA_B_C={secret}\n")).expect("is written");
    let snapshot = at.path().join("kept.json");
    let kept = snapshot.display().to_string();
    let output = vigie(at.path(), &["audit", "--env-file", ".env", "--timeout", "5", "--snapshot", &kept]);
    assert_eq!(code(&output), 1, "{}", said(&output));
    assert!(said(&output).contains("No vigie.toml") && said(&output).contains("ENV-REQUIRED-MISSING"));
    let kept = std::fs::read_to_string(snapshot).expect("the snapshot");
    assert!(kept.contains("A_B_C") && !kept.contains("c4n4ry") && !said(&output).contains("c4n4ry"));
}

#[test]
fn init_writes_names_once_and_never_values() {
    let at = folder();
    std::fs::write(at.path().join(".env"), "DATABASE_URL=postgres://u:s3cr3t@h/d\nMY_KEY=s3cr3t\n")
        .expect("is written");
    let output = vigie(at.path(), &["init"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let text = std::fs::read_to_string(at.path().join("vigie.toml")).expect("vigie.toml");
    assert!(text.contains("MY_KEY") && !text.contains("s3cr3t"));
    assert_eq!(code(&vigie(at.path(), &["config", "check", "vigie.toml"])), 0);
    assert_eq!(code(&vigie(at.path(), &["init"])), 2, "an existing file is never overwritten");
}

#[test]
fn every_check_is_listed_and_explained_in_both_languages() {
    let at = folder();
    let list: serde_json::Value =
        serde_json::from_slice(&vigie(at.path(), &["checks", "--format", "json"]).stdout).expect("JSON");
    let checks = list["checks"].as_array().expect("a list");
    assert_eq!(checks.len(), vigie_core::checks::all().count());
    for check in checks {
        for key in ["id", "target", "suite", "severity", "questions", "faults", "title"] {
            assert!(!check[key].is_null(), "{key} of {check}");
        }
    }
    for language in ["en", "fr"] {
        let output = vigie(at.path(), &["--language", language, "explain", "sqs-dlq-none"]);
        assert!(code(&output) == 0 && said(&output).contains("SQS-DLQ-NONE"), "{}", said(&output));
    }
}
