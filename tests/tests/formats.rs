//! Every machine format of `vigie report`, read by readers that are not ours: Microsoft's SARIF Multitool, junitparser,
//! pydantic-ocsf and Prowler's models, botocore, Python's csv module, jsonschema.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "formats/made.rs"]
mod made;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use made::Stored;
use serde_json::Value;
use vigie_core::run::Outcome;
use vigie_tests::aws::{program, root};
use vigie_tests::stories;

const FORMATS: [&str; 6] = ["json", "csv", "junit", "sarif", "ocsf", "asff"];
const PLACE: [&str; 4] = ["--account", "111122223333", "--region", "eu-west-3"];

fn vigie(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program("vigie").unwrap())
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap()
}

fn rendered(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = vigie(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Every format of these stored objects, as files `NAME.FORMAT` in the folder.
fn render(at: &Path, name: &str, stored: &Stored, more: &[&str]) -> Vec<PathBuf> {
    let arguments = stored.write(at, name);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    each_format(at, name, &[more, &arguments].concat())
}

fn each_format(at: &Path, name: &str, arguments: &[&str]) -> Vec<PathBuf> {
    let one = |format: &&str| {
        let file = at.join(format!("{name}.{format}"));
        let output = file.display().to_string();
        rendered(at, &[&["report", "--format", format, "--output", &output], &PLACE[..], arguments].concat());
        file
    };
    FORMATS.iter().map(one).collect()
}

/// What the readers count; an error: what they found wrong.
fn read(files: &[PathBuf]) -> Result<Value, String> {
    let sandbox = root().join("target/sandbox");
    let (python, multitool) = (sandbox.join("formats/bin/python"), sandbox.join("multitool/Sarif.Multitool"));
    for program in [&python, &multitool] {
        assert!(program.exists(), "{} is missing: run cargo demo or cargo verify once", program.display());
    }
    let output = Command::new(python)
        .arg(root().join("tests/src/read_formats.py"))
        .arg(root().join("infra/schema/report.schema.json"))
        .arg(multitool)
        .args(files)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(serde_json::from_slice(&output.stdout).unwrap()) } else { Err(told) }
}

fn count(found: &Value, file: &str, what: &str) -> usize {
    usize::try_from(found[file][what].as_u64().unwrap_or(0)).unwrap()
}

/// Each format is taken by its reader, and says of as many findings that they pass, fail and are unknown as the runs do.
fn agree(name: &str, found: &Value, stored: &Stored) {
    let of = |outcome| stored.findings().iter().filter(|f| f.outcome == outcome).count();
    let muted = stored.findings().iter().filter(|f| f.mute.is_some()).count();
    let (pass, fail, unknown) = (of(Outcome::Pass), of(Outcome::Fail), of(Outcome::Unknown));
    for (format, passes, fails, unknowns) in [
        ("json", "pass", "fail", "unknown"),
        ("csv", "pass", "fail", "unknown"),
        ("ocsf", "Pass", "Fail", "Warning"),
        ("asff", "PASSED", "FAILED", "NOT_AVAILABLE"),
        ("sarif", "pass", "fail", "open"),
    ] {
        let file = format!("{name}.{format}");
        let counts = (count(found, &file, passes), count(found, &file, fails), count(found, &file, unknowns));
        assert_eq!(counts, (pass, fail, unknown), "{file}: {found:#}");
    }
    let junit = format!("{name}.junit");
    // The case about the audit itself is one more a suite.
    assert_eq!(count(found, &junit, "success"), pass + count(found, &junit, "suites"), "{junit}: {found:#}");
    assert_eq!(count(found, &junit, "failure"), fail - muted, "{junit}: {found:#}");
    for (format, what) in [("csv", "muted"), ("ocsf", "suppressed"), ("asff", "suppressed"), ("sarif", "suppressed")] {
        assert_eq!(count(found, &format!("{name}.{format}"), what), muted, "{format}: {found:#}");
    }
}

#[test]
fn every_format_is_taken_by_its_reader_and_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let sets = [("green", made::green(), "en"), ("mixed", made::mixed(), "fr"), ("down", made::down(), "en")];
    let mut files = Vec::new();
    for (name, stored, language) in &sets {
        files.extend(render(at, name, stored, &["--language", language, "--complete"]));
    }
    let found = read(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    for (name, stored, _) in &sets {
        agree(name, &found, stored);
    }
    assert!(count(&found, "mixed.csv", "unknown") > 0 && count(&found, "mixed.csv", "muted") > 0, "{found:#}");
}

/// The five stories, whole: both suites, heads, the day before. They stay in `target/formats`, for people to look at.
#[test]
fn every_story_is_taken_by_every_reader() {
    let folder = root().join("target/formats");
    let _ = std::fs::remove_dir_all(&folder);
    let mut files = Vec::new();
    for story in stories::all() {
        let at = folder.join(story.name);
        let of = story.write(&at).unwrap();
        let lists = [("--run", of.runs), ("--previous", of.previous), ("--head", of.heads)];
        let given = lists.iter().filter(|(_, paths)| !paths.is_empty()).flat_map(|(flag, paths)| {
            std::iter::once((*flag).to_owned()).chain(paths.iter().map(|path| path.display().to_string()))
        });
        let given: Vec<String> = given.collect();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        files.extend(each_format(&at, story.name, &[&given[..], &["--complete"]].concat()));
        let mail = rendered(&at, &[&["report", "--format", "mail"], &given[..]].concat());
        assert!(mail.starts_with(b"From: \"Vigie\" <vigie@vigie.invalid>\r\n"), "{}", story.name);
    }
    let found = read(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    for story in stories::all() {
        let counted =
            |format: &str, names: [&str; 3]| names.map(|name| count(&found, &format!("{}.{format}", story.name), name));
        let csv = counted("csv", ["pass", "fail", "unknown"]);
        assert_eq!(csv, counted("ocsf", ["Pass", "Fail", "Warning"]), "{}: {found:#}", story.name);
        assert_eq!(csv, counted("asff", ["PASSED", "FAILED", "NOT_AVAILABLE"]), "{}: {found:#}", story.name);
        assert_eq!(csv, counted("sarif", ["pass", "fail", "open"]), "{}: {found:#}", story.name);
        assert!(csv.iter().sum::<usize>() > 40, "{}: {found:#}", story.name);
    }
}

#[test]
fn nothing_from_outside_acts_in_any_format() {
    let folder = tempfile::tempdir().unwrap();
    let stored = made::nasty();
    let files = render(folder.path(), "nasty", &stored, &["--complete"]);
    let found = read(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    agree("nasty", &found, &stored);
    // The attempts are there, as text: nothing was left out to be safe.
    let csv = std::fs::read_to_string(folder.path().join("nasty.csv")).unwrap();
    for attempt in ["'=cmd|", "'@SUM(", "'＝1+1", ";'=HYPERLINK(", "'+33", "'-2+3"] {
        assert!(csv.contains(attempt), "{attempt} is not in\n{csv}");
    }
}

/// Each reader refuses what is wrong, so that its silence means something.
#[test]
fn the_readers_find_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let files = render(at, "mixed", &made::mixed(), &[]);
    read(&files).unwrap_or_else(|wrong| panic!("the healthy twin: {wrong}"));
    for (format, good, bad, told) in [
        ("csv", "\"ana\"", "\"=cmd|' /C calc'!A0\"", "a formula"),
        ("csv", "\r\n", "\n", "CRLF"),
        ("junit", "</testsuites>", "", "ParseError"),
        ("junit", "name=\"production\" tests=\"", "name=\"production\" tests=\"9", "claims"),
        ("sarif", "\"version\": \"2.1.0\"", "\"version\": \"2.2.0\"", "mixed.sarif"),
        ("sarif", "\"ruleId\":", "\"ruleIdd\":", "mixed.sarif"),
        ("sarif", "\"locations\":", "\"relatedLocations\":", "location"),
        ("ocsf", "\"class_uid\": 2003", "\"class_uid\": 2001", "class_uid"),
        ("ocsf", "\"namespace\":", "\"name_space\":", "not in the schema"),
        ("ocsf", "\"severity_id\": 5", "\"severity_id\": 55", "severity_id"),
        ("ocsf", "\"time\":", "\"thyme\":", "time is required"),
        ("asff", "\"Title\":", "\"Titel\":", "Title"),
        ("asff", "\"FAILED\"", "\"BROKEN\"", "BROKEN"),
        ("json", "\"vigie.report/v1\"", "7", "7 is not of type 'string'"),
    ] {
        let text = std::fs::read_to_string(at.join(format!("mixed.{format}"))).unwrap();
        assert!(text.contains(good), "{format} has no {good} to damage");
        let broken = at.join("broken");
        std::fs::create_dir_all(&broken).unwrap();
        let file = broken.join(format!("mixed.{format}"));
        std::fs::write(&file, text.replacen(good, bad, if good.len() < 3 { usize::MAX } else { 1 })).unwrap();
        let wrong = read(&[file]).expect_err(&format!("{format}: {good} -> {bad} was taken"));
        assert!(wrong.contains(told), "{format}: {good} -> {bad}: {wrong}");
    }
}

/// For code scanning, which takes every result for a problem: nothing that passes, and nothing that another explains.
#[test]
fn sarif_holds_problems_alone_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let stored = made::mixed();
    render(at, "mixed", &stored, &[]);
    let log: Value = serde_json::from_slice(&std::fs::read(at.join("mixed.sarif")).unwrap()).unwrap();
    let results: Vec<&Value> =
        log["runs"].as_array().unwrap().iter().flat_map(|run| run["results"].as_array().unwrap()).collect();
    assert!(!results.is_empty() && results.iter().all(|r| r["kind"] == "fail" || r["kind"] == "open"), "{log:#}");
    assert!(results.iter().all(|r| r["baselineState"] != "absent"), "{log:#}");
    let state = |check: &str| results.iter().find(|r| r["ruleId"] == check).map(|r| r["baselineState"].clone());
    assert_eq!(state("SQS-DLQ-NONE"), Some("unchanged".into()), "it failed yesterday, too");
    assert_eq!(state("PG-DOWN"), Some("new".into()));
    assert!(state("PG-TLS-OFF").is_none(), "the database that is down explains it");
}

/// The same green runs, read two days later: nothing of them passes a pipeline.
#[test]
fn an_old_run_is_never_green() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let stored = made::green();
    let (fresh, late) = (at.join("fresh"), at.join("late"));
    for folder in [&fresh, &late] {
        std::fs::create_dir(folder).unwrap();
    }
    let mut files = render(&fresh, "fresh", &stored, &[]);
    files.extend(render(&late, "late", &stored, &["--at", "2026-11-24T10:05:00Z"]));
    let found = read(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!((count(&found, "fresh.junit", "error"), count(&found, "late.junit", "error")), (0, 2), "{found:#}");
    let log: Value = serde_json::from_slice(&std::fs::read(late.join("late.sarif")).unwrap()).unwrap();
    let notes = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert!(notes[0]["message"]["text"].as_str().unwrap().contains("22 Nov 2026"), "{notes:#}");
    let csv = |folder: &Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(!csv(&fresh, "fresh.csv").contains("\"stale\"") && csv(&fresh, "fresh.csv").contains("\"green\""));
    assert!(csv(&late, "late.csv").contains("\"stale\"") && !csv(&late, "late.csv").contains("\"green\""));
}

/// What is milder than asked for is counted in the text, and listed nowhere.
#[test]
fn what_is_milder_than_asked_for_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let files = render(at, "grave", &made::mixed(), &["--severity", "high", "--complete"]);
    read(&files).unwrap_or_else(|wrong| panic!("{wrong}"));
    let csv = std::fs::read_to_string(at.join("grave.csv")).unwrap();
    assert!(csv.contains("\"critical\"") && csv.contains("\"high\""), "{csv}");
    assert!(!csv.contains("\"medium\"") && !csv.contains("\"low\""), "{csv}");
}

#[test]
fn what_cannot_be_rendered_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let arguments = made::mixed().write(at, "mixed");
    let run = &arguments[1];
    std::fs::write(at.join("no.json"), "no").unwrap();
    std::fs::write(at.join("old.json"), "{\"schema\": \"vigie.run/v0\"}").unwrap();
    std::fs::write(at.join("facts.json"), "{\"schema\": \"vigie.snapshot/v1\"}").unwrap();
    std::fs::write(at.join("bare.json"), "{}").unwrap();
    std::fs::write(at.join("half.json"), "{\"schema\": \"vigie.run/v1\"}").unwrap();
    std::fs::write(at.join("other.toml"), "[environment.other]\nclass = \"staging\"\nvariables = [\"process\"]\n")
        .unwrap();
    let large = std::fs::File::create(at.join("large.json")).unwrap();
    large.set_len(33 * 1024 * 1024).unwrap();
    for (arguments, why) in [
        (&["--run", "none.json"][..], "none.json"),
        (&["--run", "no.json"], "no.json is no run of Vigie"),
        (&["--run", "old.json"], "\"vigie.run/v0\"; this version of Vigie reads \"vigie.run/v1\""),
        (&["--run", "facts.json"], "vigie replay facts.json --format json"),
        (&["--run", "bare.json"], "names no schema"),
        (&["--run", "half.json"], "missing field"),
        (&["--run", "large.json"], "at most"),
        (&["--run", run, "--head", run], "this version of Vigie reads \"vigie.head/v1\""),
        (&["--run", run, "--previous", run], "not earlier"),
        (&["--run", run, "--previous", "mixed-other.json"], "\"elsewhere\""),
        (&["--run", run, "--config", "other.toml"], "it declares: other"),
        (&["--run", run, "--time-zone", "Mars/Olympus"], "Europe/Paris"),
        (&["--run", run, "--format", "asff"], "--account 111122223333 --region eu-west-1"),
        (&["--run", run, "--output", "none/report"], "is not written"),
        (&[], "--run"),
    ] {
        let output = vigie(at, &[&["report"], arguments].concat());
        // As wide as the line happens to be, without its frame.
        let said = String::from_utf8_lossy(&output.stderr).replace('│', " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {why} is not in {said}");
    }
    // The healthy twin.
    let text = rendered(at, &["report", "--run", run, "--time-zone", "Europe/Paris", "--severity", "high"]);
    assert!(String::from_utf8(text).unwrap().contains("production"));
}

/// A pipeline wants the same of a fresh audit.
#[test]
fn a_replayed_run_has_the_same_formats() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("facts.json"), serde_json::to_vec(&made::down_facts()).unwrap()).unwrap();
    let files = FORMATS.iter().filter(|format| **format != "json").map(|format| {
        let output = vigie(at, &[&["replay", "facts.json", "--format", format], &PLACE[..]].concat());
        assert_eq!(output.status.code(), Some(1), "what fails fails the pipeline, in any format");
        let file = at.join(format!("replayed.{format}"));
        std::fs::write(&file, output.stdout).unwrap();
        file
    });
    let found = read(&files.collect::<Vec<_>>()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(count(&found, "replayed.junit", "failure") > 0, "{found:#}");
}
