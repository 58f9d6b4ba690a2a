//! Each renderer, over the same five stories, gives what it gave when somebody last looked at it.
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use vigie_core::healthy::NOW;
use vigie_core::report::mail;
use vigie_core::report::view::{Colour, Report};
use vigie_core::run::{Outcome, Run};
use vigie_core::text::Language;
use vigie_tests::aws::{program, root};
use vigie_tests::golden::{Goldens, lined, thinned, thinned_lines};
use vigie_tests::stories::{self, Story, nasty};

/// What `vigie report` makes of the stored objects: format, file name, what it needs beside them, whether words are in it.
const FORMATS: [(&str, &str, &[&str], bool); 9] = [
    ("text", "report.LANG.txt", &[], true),
    ("markdown", "report.LANG.md", &[], true),
    ("html", "report.LANG.html", &[], true),
    ("json", "report.json", &[], false),
    ("csv", "report.csv", &[], false),
    ("junit", "report.junit.xml", &[], false),
    ("sarif", "report.sarif", &["--complete"], false),
    ("ocsf", "report.ocsf.json", &[], false),
    ("asff", "report.asff.json", &["--account", "111122223333", "--region", "eu-west-3"], false),
];

/// Through the command itself. The stored objects stay in `target/stories/` for whoever wants to try.
#[test]
fn each_format_gives_its_golden() {
    let vigie = program("vigie").unwrap_or_else(|error| panic!("{error}"));
    let mut goldens = Goldens::new("golden");
    for story in stories::all() {
        let given = story.write(&root().join("target/stories").join(story.name)).unwrap().given();
        for (format, name, more, words) in FORMATS {
            // The page has the words of the text: one in French is enough.
            let french = words && (format != "html" || story.name == "mixed");
            let languages: &[&str] = if french { &["en", "fr"] } else { &["en"] };
            for language in languages {
                let made = rendered(&vigie, &given, format, language, more);
                let made = match format {
                    "html" => lined(&made),
                    "csv" | "junit" => thinned_lines(&made),
                    "text" | "markdown" => made,
                    _ => thinned(&made),
                };
                goldens.compare(&format!("{}/{}", story.name, name.replace("LANG", language)), &made);
            }
        }
        mails(&mut goldens, story);
    }
    goldens.done().unwrap_or_else(|differ| panic!("{differ}"));
}

fn rendered(vigie: &Path, given: &[String], format: &str, language: &str, more: &[&str]) -> String {
    let at = NOW.to_string();
    let output = Command::new(vigie)
        .args(["report", "--format", format, "--language", language, "--at", &at, "--time-zone", stories::TIME_ZONE])
        .args(more)
        .args(given)
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Subject and HTML. How they become a message is what `mail.rs` reads back.
fn mails(goldens: &mut Goldens, story: &Story) {
    for (language, code) in [(Language::En, "en"), (Language::Fr, "fr")] {
        let mail = mail::mail(&story.report(language));
        let made = format!("<!-- Subject: {} -->\n{}", mail.subject, lined(&mail.html));
        goldens.compare(&format!("{}/mail.{code}.html", story.name), &made);
    }
}

fn story(name: &str) -> Report {
    stories::all().iter().find(|story| story.name == name).unwrap().report(Language::En)
}

fn colours(report: &Report) -> Vec<(&str, Colour)> {
    report.environments.iter().map(|view| (view.name.as_str(), view.standing.colour())).collect()
}

#[test]
fn all_green_is_green_and_has_a_month_behind_it() {
    let report = story("green");
    assert_eq!(colours(&report), [("production", Colour::Green), ("staging", Colour::Green)]);
    assert!(report.new.is_empty() && report.resolved.is_empty() && report.stays.is_empty());
    assert!(report.unknown.is_empty());
    let past = report.environments[0].targets.iter().find_map(|target| target.past.as_ref()).unwrap();
    assert_eq!(past.days.iter().filter(|day| day.asked > 0).count(), 30);
}

#[test]
fn the_first_run_has_nothing_to_compare_with() {
    let report = story("first");
    assert_eq!(report.since, None);
    assert!(!report.new.is_empty() && report.stays.is_empty() && report.resolved.is_empty());
}

#[test]
fn mixed_has_each_kind_of_line() {
    let report = story("mixed");
    assert_eq!(colours(&report), [("production", Colour::Red), ("staging", Colour::Green)]);
    assert!(!report.new.is_empty());
    assert!(report.resolved.iter().any(|resolved| resolved.gone) && report.resolved.iter().any(|r| !r.gone));
    assert!(report.stays.iter().any(|item| item.finding.mute.is_some()));
    assert!(report.stays.iter().any(|item| item.finding.outcome == Outcome::Unknown), "unknown after failing");
    assert!(report.new.iter().chain(&report.stays).any(|item| item.unmuted), "a mute has ended");
    assert!(report.unknown.iter().any(|unknown| unknown.action.is_some()));
    assert!(report.expires.len() > 1);
    let ages: BTreeSet<_> = report.stays.iter().filter_map(|item| item.since).collect();
    assert!(ages.len() > 2, "{ages:?}");
}

#[test]
fn everything_down_lies_under_what_is_dead() {
    let report = story("down");
    assert!(report.environments.iter().all(|view| view.standing.colour() == Colour::Red));
    assert!(report.new.iter().any(|item| !item.under.is_empty()));
    let under = |check: &str| report.new.iter().flat_map(|item| &item.under).any(|finding| finding.check == check);
    assert!(under("S3-BUCKET-MISSING"), "nobody can say whether the credential is good");
    // A database that is gone for the same cause is not the credential's fault.
    assert!(!under("PG-DOWN") && report.new.iter().filter(|item| item.finding.check == "PG-DOWN").count() == 2);
    let causes: BTreeSet<_> = report.new.iter().filter_map(|item| item.finding.cause).collect();
    assert!(causes.len() > 2, "{causes:?}");
}

#[test]
fn many_are_five_hundred_and_hold_every_nasty_string() {
    let report = story("many");
    let open = report.environments.iter().flat_map(|view| &view.findings).filter(|f| f.open()).count();
    assert!((500..700).contains(&open), "{open}");
    let subjects: Vec<&str> =
        report.new.iter().chain(&report.stays).map(|item| item.finding.subject.as_str()).collect();
    for nasty in nasty::ALL {
        assert!(subjects.iter().any(|subject| subject.contains(nasty)), "{nasty:?}");
    }
}

#[test]
fn stored_objects_read_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    for story in stories::all() {
        let files = story.write(folder.path()).unwrap();
        let runs: Vec<Run> =
            files.runs.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect();
        let told: Vec<&Run> =
            story.environments.iter().flat_map(|stored| stored.full.iter().chain(&stored.connections)).collect();
        assert_eq!(runs.iter().collect::<Vec<_>>(), told, "{}", story.name);
    }
}
