//! Each renderer, over the same five stories, gives what it gave when somebody last looked at it.
#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests

use std::collections::BTreeSet;

use vigie_core::report::view::{Colour, Report};
use vigie_core::report::{mail, markdown, page, text};
use vigie_core::run::{Outcome, Run};
use vigie_core::text::Language;
use vigie_tests::golden::{Goldens, lined};
use vigie_tests::stories::{self, nasty};

#[test]
fn each_renderer_gives_its_golden() {
    let mut goldens = Goldens::new("golden");
    for story in stories::all() {
        for (language, code) in [(Language::En, "en"), (Language::Fr, "fr")] {
            let report = story.report(language);
            let mail = mail::mail(&report);
            let mut compare = |name: &str, made: &str| goldens.compare(&format!("{}/{name}", story.name), made);
            compare(&format!("mail.{code}.txt"), &format!("Subject: {}\n\n{}", mail.subject, text::mail(&report)));
            compare(&format!("mail.{code}.html"), &lined(&mail.html));
            compare(&format!("report.{code}.html"), &lined(&page::page(&report)));
            compare(&format!("report.{code}.md"), &markdown::page(&report));
        }
    }
    goldens.done().unwrap_or_else(|differ| panic!("{differ}"));
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
fn a_story_is_the_same_at_each_telling() {
    let told = |stories: &[stories::Story]| -> Vec<Report> { stories.iter().map(|s| s.report(Language::En)).collect() };
    assert_eq!(told(stories::all()), told(&stories::tell()));
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
