//! How mail and page look in a real browser, wide and on a phone, light and dark: pictures for people in `target/looks/`, and
//! for this test what a browser, an accessibility checker and a CommonMark reader find.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_smithy_types::base64;
use serde::Serialize;
use vigie_core::evidence::clean;
use vigie_core::report::view::Report;
use vigie_core::report::{mail, markdown, page, subject, text};
use vigie_core::text::Language;
use vigie_tests::aws::root;
use vigie_tests::stories::{self, Story, nasty};

/// What the looker is told.
#[derive(Default, Serialize)]
struct Told {
    chromium: PathBuf,
    pages: Vec<Look>,
    markdown: Vec<Look>,
}

#[derive(Serialize)]
struct Look {
    /// Of the pictures: `mixed.mail`.
    name: String,
    file: String,
    mail: bool,
    /// Of a picture of the top alone, for the README: its height in pixels.
    top: Option<u32>,
    /// What must be there as text.
    shows: Vec<String>,
}

/// Gmail cuts a message's HTML off beyond 102 KB and hides the rest behind a link.
const LARGEST_MAIL: usize = 100_000;

/// Pixels of the README's pictures.
const TOP: u32 = 1_200;

#[test]
fn mail_and_page_look_well() {
    let looks = looks();
    let mut told = Told { chromium: chromium(), ..Told::default() };
    for story in stories::all() {
        tell(&looks, story, &mut told);
    }
    let problems = look(&looks, "stories", &told);
    for one in &told.pages {
        for seen in ["wide.light", "wide.dark", "phone.light", "phone.dark"] {
            assert!(looks.join(format!("{}.{seen}.png", one.name)).exists(), "{} {seen}", one.name);
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    show(&looks);
}

/// The twin: each thing that would be wrong is seen.
#[test]
fn what_looks_wrong_is_seen() {
    let looks = looks();
    let bad = concat!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title></head><body><main><h1>h</h1>"#,
        r#"<p style="color:#bbb">pale</p><img src="https://evil.example/x.png" alt="x"><b onclick="alert(1)">on</b>"#,
        r#"<div style="width:900px">broad</div><a href="https://evil.example">out</a><script>alert(1)</script>"#,
        r#"<img src="data:image/png;base64,AAAA"></main></body></html>"#
    );
    std::fs::write(looks.join("bad.html"), bad).unwrap();
    std::fs::write(looks.join("bad.md"), "<b>x</b> ![x](x.png) https://evil.example/bare `<i>text</i>`\n").unwrap();
    let one = |name: &str, file: &str| Look {
        name: name.to_owned(),
        file: file.to_owned(),
        mail: false,
        top: None,
        shows: vec!["absent".into()],
    };
    let told =
        Told { chromium: chromium(), pages: vec![one("bad", "bad.html")], markdown: vec![one("text", "bad.md")] };
    let problems = look(&looks, "bad", &told);
    let seen = [
        "asks for https://evil.example/x.png",
        "says 1",
        "scrolls sideways, 908 px in 390",
        "an element that does things: <script>",
        "the handler onclick",
        "src leads elsewhere",
        "href leads elsewhere",
        "does not show \"absent\"",
        "color-contrast",
        "image-alt",
        "<b> is HTML",
        "x.png is a picture",
        "https://evil.example/bare is a link",
    ];
    for expected in seen {
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:#?}");
    }
    assert!(!problems.iter().any(|problem| problem.contains("<i>")), "code is text");
}

/// What the looker finds wrong.
fn look(looks: &Path, name: &str, told: &Told) -> Vec<String> {
    let file = looks.join(format!("{name}.looks.json"));
    std::fs::write(&file, serde_json::to_vec(told).unwrap()).unwrap();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("looks/look.cjs"))
        .arg(&file)
        .current_dir(looks)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("node could not be started ({error}). {MISSING}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the looker failed: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("the looker's answer: {error}"))
}

const MISSING: &str = "Chromium, Node.js and three packages are needed: cargo run --package vigie-setup -- looks";

/// Where the packages are: setup has put them there.
fn looks() -> PathBuf {
    let looks = root().join("target/looks");
    let lock = |folder: &Path| std::fs::read_to_string(folder.join("package-lock.json")).ok();
    let wanted = lock(&Path::new(env!("CARGO_MANIFEST_DIR")).join("looks"));
    let there = looks.join("node_modules/playwright-core").is_dir() && lock(&looks) == wanted;
    assert!(there, "{} has not the packages that looks/package-lock.json names. {MISSING}", looks.display());
    looks
}

#[allow(clippy::disallowed_methods)] // an edge: it looks at PATH
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    let found = names.iter().find_map(|name| places.iter().map(|place| place.join(name)).find(|file| file.is_file()));
    found.unwrap_or_else(|| panic!("There is no Chromium. {MISSING}"))
}

fn tell(looks: &Path, story: &Story, told: &mut Told) {
    let mut put = |what: &str, extension: &str, text: &str, shows: Vec<String>| {
        let name = format!("{}.{what}", story.name);
        let file = format!("{name}.{extension}");
        std::fs::write(looks.join(&file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let top = (story.name == "mixed").then_some(TOP);
        let look = Look { name, file, mail: what.starts_with("mail"), top, shows };
        if extension == "md" { told.markdown.push(look) } else { told.pages.push(look) }
    };
    let english = story.report(Language::En);
    let nasty = if story.name == "many" { nasty::ALL } else { &[] };
    put("page", "html", &page::page(&english), nasty.iter().map(|name| clean(name)).collect());
    put("mail", "html", &shown(&english), Vec::new());
    put("report", "md", &markdown::page(&english), Vec::new());
    // French is longer.
    if story.name == "mixed" {
        let french = story.report(Language::Fr);
        put("page.fr", "html", &page::page(&french), Vec::new());
        put("mail.fr", "html", &shown(&french), Vec::new());
    }
}

/// The mail as a client shows it: each picture at its place. Each is there once, and none is missing.
fn shown(report: &Report) -> String {
    let mail = mail::mail(report);
    assert!(mail.html.len() < LARGEST_MAIL, "{} bytes", mail.html.len());
    let mut html = mail.html;
    for chart in &mail.charts {
        let cid = format!("\"cid:{}\"", chart.cid);
        assert_eq!(html.matches(&cid).count(), 1, "{cid}");
        html = html.replace(&cid, &format!("\"data:image/png;base64,{}\"", base64::encode(&chart.png)));
    }
    html
}

/// `VIGIE_BLESS=1` puts the README's two pictures where the README shows them.
#[allow(clippy::disallowed_methods)] // a test's own switch
fn show(looks: &Path) {
    if std::env::var_os("VIGIE_BLESS").is_some() {
        let docs = root().join("shared/core/docs");
        std::fs::copy(looks.join("mixed.mail.top.png"), docs.join("mail.png")).unwrap();
        std::fs::copy(looks.join("mixed.page.top.png"), docs.join("page.png")).unwrap();
    }
}

/// Nothing in the text steers the terminal or the reader's eye: no control, no character that turns the direction.
#[test]
fn text_is_only_text() {
    for story in stories::all() {
        for language in [Language::En, Language::Fr] {
            let report = story.report(language);
            for (what, made) in
                [("text", text::mail(&report)), ("subject", subject(&report)), ("Markdown", markdown::page(&report))]
            {
                let steers = |c: &char| {
                    c.is_control() && !(*c == '\n' && what != "subject")
                        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
                };
                let found = made.chars().find(steers);
                assert_eq!(found, None, "{}: {what} holds {found:?}", story.name);
            }
        }
    }
}
