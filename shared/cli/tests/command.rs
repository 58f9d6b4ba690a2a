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
    assert!(said(&output).contains("vigie config push"), "{}", said(&output));
    assert_eq!(code(&vigie(at.path(), &["config", "check", "vigie.toml"])), 0);
    assert_eq!(code(&vigie(at.path(), &["init"])), 2, "an existing file is never overwritten");
}

#[test]
fn the_plan_counts_what_the_env_file_of_init_names() {
    let at = folder();
    let env = "DATABASE_URL=x\nA_QUEUE_URL=x\nB_QUEUE_URL=x\nAWS_REGION=eu-west-1\n";
    std::fs::write(at.path().join(".env"), env).expect("is written");
    assert_eq!(code(&vigie(at.path(), &["init"])), 0);
    let plan = |arguments: &[&str]| {
        let output = vigie(at.path(), &[&["plan", "--format", "json"], arguments].concat());
        assert_eq!(code(&output), 0, "{}", said(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")
    };
    let json = plan(&[]);
    assert_eq!((&json["schema"], &json["environments"][0]["names_known"]), (&"vigie.plan/v1".into(), &true.into()));
    let targets = json["environments"][0]["targets"].to_string();
    assert!(targets.contains("postgres") && targets.contains("sqs") && !targets.contains("s3"), "{targets}");
    let reads = json["environments"][0]["lines"].as_array().expect("lines");
    let reads = reads.iter().find(|line| line["item"] == "cloudwatch-read").expect("queues are read");
    assert_eq!(reads["quantity"], 2.0 * 8_670.0);
    assert!(plan(&["--connections-minutes", "2"])["total"]["usd"].as_f64() > json["total"]["usd"].as_f64());
    assert_eq!(code(&vigie(at.path(), &["plan", "--environment", "nowhere"])), 2);
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

const POLICY: &str = r#"
fingerprint_key = "secretsmanager:vigie/key"
[runs]
bucket = "vigie-runs"
[report]
from = "Vigie <vigie@shop.example>"
[[report.to]]
address = "team@shop.example"
[environment.production]
class = "production"
variables = ["dotenv:.env", "secretsmanager:shop/production"]
writes = "full"
[environment.elsewhere]
class = "staging"
variables = ["dotenv:.env"]
role = "arn:aws:iam::444455556666:role/vigie"
external_id = "a-long-external-id"
"#;

/// Nobody answers for AWS: what only asking tells is not known.
fn policy(folder: &Path, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("vigie.toml"), POLICY).expect("is written");
    let env = "AWS_S3_BUCKET=shop-media\nJOBS_QUEUE_URL=https://sqs.eu-west-3.amazonaws.com/111122223333/jobs\n";
    std::fs::write(folder.join(".env"), env).expect("is written");
    let place = ["--account", "111122223333", "--region", "eu-west-3", "--timeout", "5"];
    Command::new(env!("CARGO_BIN_EXE_vigie"))
        .arg("policy")
        .args(place)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "AKIAAAAAAAAAAAAAAAAA")
        .env("AWS_SECRET_ACCESS_KEY", "nobody")
        .output()
        .expect("the command starts")
}

#[test]
fn a_policy_names_what_is_configured_and_says_what_it_cannot_know() {
    let at = folder();
    let output = policy(at.path(), &["--environment", "production"]);
    assert_eq!(code(&output), 3, "{}", said(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let statement = |sid: &str| {
        let all = document["Statement"].as_array().expect("a list");
        all.iter().find(|statement| statement["Sid"] == sid).cloned().unwrap_or_default()
    };
    assert_eq!(statement("AskBuckets")["Resource"][0], "arn:aws:s3:::shop-media");
    assert_eq!(statement("UseProbeObjects")["Resource"][0], "arn:aws:s3:::shop-media/vigie-probe/*");
    assert_eq!(statement("AskQueues")["Resource"][0], "arn:aws:sqs:eu-west-3:111122223333:jobs");
    assert_eq!(
        statement("ValuesSecrets")["Resource"][0],
        "arn:aws:secretsmanager:eu-west-3:111122223333:secret:shop/production-??????"
    );
    assert_eq!(statement("RunsWrite")["Resource"][0], "arn:aws:s3:::vigie-runs/heads/*");
    assert!(statement("AssumeTargets").is_null(), "production has no role");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in
        ["secretsmanager:shop/production", "the dead-letter queue of jobs", "VIGIE_QUEUE_CONNECTIONS", "VIGIE_TOPIC"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let output = policy(at.path(), &["--environment", "production", "--without-values"]);
    assert!(!said(&output).contains("ValuesSecrets") && said(&output).contains("FingerprintKey"));
}

#[test]
fn an_environment_with_a_role_is_that_role_s() {
    let at = folder();
    let output = policy(at.path(), &["--environment", "elsewhere"]);
    let document = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(document.contains("arn:aws:iam::444455556666:role/vigie") && document.contains("sts:AssumeRole"));
    assert!(!document.contains("shop-media") && !document.contains("\"Ask"), "{document}");
    let output = policy(at.path(), &["--function", "target", "--format", "sam"]);
    let document = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(document.starts_with("Policies:\n  - Statement:\n      - Sid: AskBuckets\n"), "{document}");
    assert!(!document.contains("vigie-runs"));
    let output = policy(at.path(), &["--function", "target", "--environment", "production"]);
    assert_eq!(code(&output), 2);
    assert!(said(&output).contains("no environment has a role"), "{}", said(&output));
}

#[test]
fn parameters_and_the_other_functions() {
    let at = folder();
    let output = policy(at.path(), &["--format", "parameters", "--principal", "arn:aws:iam::111122223333:role/app"]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Buckets=\"arn:aws:s3:::shop-media\"",
        "Principals=\"arn:aws:iam::111122223333:role/app\"",
        "TargetRoles=\"arn:aws:iam::444455556666:role/vigie\"",
        "Apps=\"\"",
    ] {
        assert!(lines.lines().any(|found| found == line), "{line} is not in\n{lines}");
    }
    // The report asks nothing of the app: all of it is known.
    let output = policy(at.path(), &["--function", "report"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(said(&output).contains("\"ses:FromAddress\"") && said(&output).contains("\"vigie@shop.example\""));
    for (wrong, why) in [(["--account", "12"], "12 digits"), (["--key", "key"], "expected an ARN")] {
        let output = vigie(at.path(), &["policy", wrong[0], wrong[1]]);
        assert!(code(&output) == 2 && said(&output).contains(why), "{}", said(&output));
    }
}
