//! The mail, read back by a stranger: Python's email package. And what becomes of it in the emulator's SES.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use vigie_aws::mail::{Mail, compose};
use vigie_core::Named;
use vigie_core::check::{Check, Class, Severity};
use vigie_core::checks;
use vigie_core::facts::Fact;
use vigie_core::head::{self, Bucket, Head, History};
use vigie_core::healthy;
use vigie_core::report::mail::mail;
use vigie_core::report::{Input, Making, Observed, Report, report};
use vigie_core::run::{Outcome, Run};
use vigie_core::snapshot::{Memory, Snapshot};
use vigie_core::text::Language;
use vigie_report::outbox::{Letter, compose as letter};
use vigie_tests::front::Fault;
use vigie_tests::runtime::FunctionError;
use vigie_tests::shop::{self, RUNS, Shop, State, TIMEOUT};
use vigie_tests::stories::{self, Story};
use vigie_tests::stranger::{self, Read};

/// What a name from outside may hold.
const NASTY: &str = "é <img src=x onerror=alert(1)>\"'&{x} 🚨 \u{202e}olleh\u{2028}http://evil.example/?a=1&b=2";

/// An environment that went through the judge; `broken` changes what was seen.
fn observed(name: &str, class: Class, broken: impl FnOnce(&mut Snapshot), said: impl FnOnce(&mut Run)) -> Observed {
    let mut snapshot = healthy::snapshot(class);
    name.clone_into(&mut snapshot.environment.name);
    broken(&mut snapshot);
    let mut run = vigie_core::judge::judge(&snapshot);
    said(&mut run);
    let history = run.targets.iter().map(|target| (target.target.clone(), history())).collect();
    let head = Head {
        schema: head::SCHEMA.to_owned(),
        environment: name.to_owned(),
        class,
        run: run.id.clone(),
        scheduled_at: healthy::NOW,
        newest: Named::new(),
        chains: Named::new(),
        changes: Named::new(),
        first_unsaid: false,
        memory: Memory::default(),
        history,
        fingerprints: Named::new(),
    };
    Observed {
        environment: snapshot.environment,
        connections: Fact::Known(None),
        full: Fact::Known(Some(run)),
        head: Fact::Known(Some(head)),
        previous: None,
    }
}

/// A day by the hour and a month by the day, with an outage.
fn history() -> History {
    let bucket = |back: i64, hours: i64, up: u32| Bucket {
        from: healthy::NOW - jiff::SignedDuration::from_hours(back * hours),
        asked: 12,
        up,
        p50: 20 + u32::try_from(back).unwrap_or(0),
        p95: 60,
        samples: Vec::new(),
    };
    let of = |many: i64, hours: i64| (0..many).rev().map(|n| bucket(n, hours, if n == 3 { 4 } else { 12 })).collect();
    History { hours: of(24, 1), days: of(30, 24) }
}

/// One environment for each check, with the gravest of its faults; subjects from a hostile world.
fn broken(most: usize) -> Vec<Observed> {
    let one = |(n, check): (usize, &Check)| {
        let fault = check.faults.last().expect("each check has a fault");
        observed(&format!("shop-{n:02}"), Class::Production, fault.broken, |run| {
            for finding in run.findings.iter_mut().filter(|f| f.outcome != Outcome::Pass && !f.subject.is_empty()) {
                finding.subject.push_str(NASTY);
            }
        })
    };
    let all: Vec<&Check> = checks::all().collect();
    all.into_iter().cycle().take(most).enumerate().map(one).collect()
}

fn input(environments: Vec<Observed>, language: Language) -> Input {
    Input {
        environments,
        now: healthy::NOW,
        since: None,
        language,
        time_zone: "Europe/Paris".to_owned(),
        repeat: false,
        least: Severity::Info,
    }
}

fn letter_of(made: &Report) -> Letter {
    Letter {
        from: "Vigie — équipe d'astreinte <vigie@shop.example>".to_owned(),
        to: vec!["Ana Ruíz <ana@shop.example>".to_owned(), "bo@shop.example".to_owned()],
        mail: mail(made),
        list: "production+staging-fr-europe-paris-07-high".to_owned(),
        at: healthy::NOW,
        copy: 1,
    }
}

/// What holds for every mail of Vigie's.
fn sound(read: &Read, sent: &Letter) {
    let of = &sent.mail.subject;
    assert_eq!(read.defects, Vec::<String>::new(), "{of}");
    assert_eq!(read.header("Subject"), Some(of.as_str()), "unfolded and decoded it is what was meant");
    assert_eq!(lines(&read.text), lines(&sent.mail.text), "{of}");
    assert_eq!(lines(&read.html), lines(&sent.mail.html), "{of}");
    assert!(read.longest_line <= 998 && read.unfolded.is_empty(), "{of}: {} {:?}", read.longest_line, read.unfolded);
    assert!(read.ascii && read.bare_breaks == 0, "{of}: seven bits, and every line ends as lines do");
    for (name, value) in [
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("List-Id", &format!("<{}.vigie.shop.example>", sent.list)),
        ("References", &format!("<{}@vigie.shop.example>", sent.list)),
        ("Message-ID", &format!("<{}.20261122T100500Z.1@vigie.shop.example>", sent.list)),
    ] {
        assert_eq!(read.header(name), Some(value), "{of}");
    }
    assert_eq!(read.date, "2026-11-22T10:05:00+00:00");
    let leave = format!("<mailto:vigie@shop.example?subject=unsubscribe%20{}>", sent.list.replace('+', "%2B"));
    assert_eq!(read.header("List-Unsubscribe"), Some(leave.as_str()));
    let others = ["List-Unsubscribe-Post", "Precedence", "Bcc", "Return-Path"];
    assert!(others.iter().all(|name| read.header(name).is_none()));
    assert!(!read.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-")));
    parts(read, sent);
}

/// The parts: the tree, the pictures, the attachment; nothing remote.
fn parts(read: &Read, sent: &Letter) {
    let html = match sent.mail.charts.len() {
        0 => "text/html".to_owned(),
        many => format!("multipart/related(text/html{})", ", image/png".repeat(many)),
    };
    let both = format!("multipart/alternative(text/plain, {html})");
    let tree = if sent.mail.whole.is_some() { format!("multipart/mixed({both}, text/html)") } else { both };
    assert_eq!(read.tree, tree);
    if !sent.mail.charts.is_empty() {
        assert_eq!(read.related.as_deref(), Some("text/html"));
    }
    let mut shown: Vec<String> = read.cids.iter().map(|cid| format!("<{cid}>")).collect();
    let mut there: Vec<String> = read.leaves.iter().filter_map(|leaf| leaf.cid.clone()).collect();
    shown.sort();
    there.sort();
    assert_eq!(shown, there, "each picture is shown once, and each that is shown is there");
    there.dedup();
    assert_eq!(there.len(), sent.mail.charts.len());
    for leaf in &read.leaves {
        match leaf.kind.as_str() {
            "image/png" => {
                assert!(leaf.png && leaf.disposition.as_deref() == Some("inline") && leaf.filename.is_some())
            }
            _ => assert_eq!(leaf.charset.as_deref(), Some("utf-8"), "{leaf:?}"),
        }
    }
    let attached: Vec<_> =
        read.leaves.iter().filter(|leaf| leaf.disposition.as_deref() == Some("attachment")).collect();
    assert_eq!(attached.len(), usize::from(sent.mail.whole.is_some()));
    for leaf in attached {
        assert_eq!((leaf.kind.as_str(), leaf.filename.as_deref()), ("text/html", Some("report.html")));
        assert_eq!(leaf.text, sent.mail.whole, "to the octet");
    }
    assert_eq!((&read.remote, read.scripts), (&Vec::new(), 0), "nothing is fetched, nothing runs");
}

/// MIME's line break is CRLF.
fn lines(text: &str) -> Vec<&str> {
    text.trim_end().lines().collect()
}

#[test]
fn every_mail_is_what_was_meant() {
    let languages = [Language::En, Language::Fr];
    let of_story = |story: &'static Story| languages.map(|language| letter_of(&story.report(language)));
    let mut sent: Vec<Letter> = stories::all().iter().flat_map(of_story).collect();
    sent.extend(languages.map(|language| letter_of(&report(&input(broken(60), language)))));
    let raw: Vec<Vec<u8>> = sent.iter().map(|sent| letter(sent).unwrap()).collect();
    let read = stranger::read(&raw).unwrap();
    for (read, sent) in read.iter().zip(&sent) {
        sound(read, sent);
        assert_eq!(
            (read.from.as_slice(), read.to[0].clone()),
            (
                &[("Vigie — équipe d'astreinte".to_owned(), "vigie@shop.example".to_owned())][..],
                ("Ana Ruíz".to_owned(), "ana@shop.example".to_owned())
            )
        );
    }
}

/// Sixty environments with something wrong in each: what does not fit is attached, and SES takes it all.
#[test]
fn sixty_environments_are_under_every_limit() {
    for language in [Language::En, Language::Fr] {
        let sent = letter_of(&report(&input(broken(60), language)));
        assert!(sent.mail.html.len() < 100_000, "Gmail shows {} bytes whole", sent.mail.html.len());
        let whole = sent.mail.whole.as_deref().expect("the rest is attached");
        for n in 0..60 {
            assert!(whole.contains(&format!("shop-{n:02}")), "shop-{n:02} is in the attachment");
        }
        let raw = letter(&sent).unwrap();
        assert!(raw.len() < vigie_aws::mail::LARGEST, "{} bytes of SES's 10 MB", raw.len());
    }
    assert!(letter_of(&stories::all()[0].report(Language::En)).mail.whole.is_none(), "what fits needs no attachment");
}

/// A thousand environments: what is said of each is bounded, and so is the page that is attached.
#[test]
fn a_thousand_environments_are_under_every_limit() {
    let mut making = Making::new(&input(Vec::new(), Language::Fr)).detailed(100);
    let mut healthy = observed("shop", Class::Production, |_| {}, |_| {});
    let down = checks::find("PG-DOWN").unwrap().faults[0].broken;
    for n in 0..1_000 {
        let name = format!("shop-{n:04}");
        if n == 700 {
            making.add(&observed(&name, Class::Production, down, |_| {}));
        } else {
            healthy.environment.name = name;
            making.add(&healthy);
        }
    }
    let made = making.done();
    assert_eq!(made.environments.len(), 1_000);
    assert_eq!(made.environments[0].name, "shop-0700", "the worst is first, however late it came");
    assert!(!made.environments[0].findings.is_empty(), "and is told whole");
    let whole = made.environments.iter().filter(|view| !view.findings.is_empty()).count();
    assert_eq!(whole, 101, "the others of them are green");
    let page = vigie_core::report::page::page(&made);
    assert!(page.len() < 6_200_000 && page.contains("shop-0700"), "{}", page.len());
    let sent = letter_of(&made);
    assert!(sent.mail.html.len() < 100_000);
    assert!(letter(&sent).unwrap().len() < vigie_aws::mail::LARGEST);
}

fn bare<'a>(to: &'a [String], subject: &'a str, text: &'a str) -> Mail<'a> {
    Mail {
        from: "vigie@shop.example",
        to,
        subject,
        text,
        html: "<p>x</p>",
        date: healthy::NOW,
        message_id: "x@vigie.shop.example",
        list_id: None,
        unsubscribe: None,
        references: &[],
        parts: &[],
    }
}

#[test]
fn names_and_subjects_of_every_script_come_back() {
    let to: Vec<String> = [
        "Équipe d'astreinte <a@shop.example>",
        "\"Ruiz, Ana\" <b@shop.example>",
        "田中 太郎 🚨 <c@shop.example>",
        "Ana (on call) <d@shop.example>",
        "O'Brien; Pat <e@shop.example>",
        "f+oncall@shop.example",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain((0..44).map(|n| format!("Une personne au nom plutôt long numéro {n} <p{n}@{}.example>", "d".repeat(60))))
    .collect();
    let long = "é🚨 ".repeat(120);
    let plain = "many plain words ".repeat(40);
    let word = "x".repeat(900);
    let subjects = [
        "Vigie\u{a0}: production rouge, 3 nouveaux, 1 résolu",
        "🚨 Vigie: production red",
        "Vigie: all green",
        long.trim_end(),
        plain.trim_end(),
        &word,
        "a=?b?=c _ =20 %41",
        "Vigie: « ça va » – “ok” – ﷽",
    ];
    let raw: Vec<Vec<u8>> = subjects.iter().map(|subject| compose(&bare(&to, subject, "x\n")).unwrap()).collect();
    for (read, subject) in stranger::read(&raw).unwrap().iter().zip(subjects) {
        assert_eq!(read.defects, Vec::<String>::new(), "{subject}");
        assert_eq!(read.header("Subject"), Some(subject));
        assert!(read.longest_line <= 998 && read.ascii, "{subject}: {}", read.longest_line);
        assert_eq!(read.to.len(), 50);
        let names: Vec<&str> = read.to.iter().take(6).map(|(name, _)| name.as_str()).collect();
        let meant = ["Équipe d'astreinte", "Ruiz, Ana", "田中 太郎 🚨", "Ana (on call)", "O'Brien; Pat", ""];
        assert_eq!(names, meant, "{subject}");
        assert_eq!(read.to[5].1, "f+oncall@shop.example");
    }
}

#[test]
fn a_text_of_any_shape_comes_back() {
    let to = ["a@shop.example".to_owned()];
    let texts = [
        format!("{}\n", "x".repeat(5_000)),
        format!("{}\n", "été 🚨 ".repeat(2_000)),
        "From the start\n.\n..\n--\n-- \ntrailing   \n\ttabs\t\n=3D = =\n".to_owned(),
        "--_boundary--\r\nwindows\r\n".to_owned(),
        "no end of line".to_owned(),
    ];
    let raw: Vec<Vec<u8>> = texts.iter().map(|text| compose(&bare(&to, "x", text)).unwrap()).collect();
    for (read, text) in stranger::read(&raw).unwrap().iter().zip(&texts) {
        assert_eq!(read.text.lines().collect::<Vec<_>>(), text.lines().collect::<Vec<_>>());
        assert!(read.longest_line <= 998 && read.ascii && read.defects.is_empty(), "{:?}", read.defects);
    }
}

/// Two lists in the deployed configuration, one of them for what is critical.
async fn two_lists(state: State) -> Shop {
    let shop = Shop::open(state, &|_| {}).await.unwrap();
    let path = shop.sandbox.folder.path().join("vigie.toml");
    let second = "\n[[report.to]]\naddress = \"Tête <head@shop.internal>\"\nlanguage = \"fr\"\nhour = 0\nseverity = \"critical\"\n";
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{second}")).unwrap();
    shop
}

async fn audited(shop: &Shop) {
    let mut audit = shop.audit().await.unwrap();
    let at = now() - jiff::SignedDuration::from_mins(5);
    shop::scheduled(&mut audit, "production", at).await.unwrap();
}

#[allow(clippy::disallowed_methods)] // the story happens today
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now().round(jiff::Unit::Minute).unwrap()
}

/// The last alert of a check.
fn alert(shop: &Shop, check: &str, kind: &str) -> Option<Value> {
    let mut details = shop.sandbox.aws.front.events().into_iter().map(|entry| {
        let text = entry["Detail"].as_str().unwrap_or_default().to_owned();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    details.rfind(|detail| detail["check"] == check && detail["kind"] == kind)
}

async fn kept(shop: &Shop, key: &str) -> (String, String) {
    let s3 = aws_sdk_s3::Client::from_conf(vigie_tests::client::s3(&shop.config()));
    let object = s3.get_object().bucket(RUNS).key(key).send().await.unwrap();
    let kind = object.content_type().unwrap_or_default().to_owned();
    (kind, String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap())
}

/// The deployed function, the emulator's SES, and a stranger who reads what it was given.
#[tokio::test]
async fn the_deployed_function_mails_each_list_its_own() {
    let shop = two_lists(State::Mistaken).await;
    audited(&shop).await;
    let mut report = shop.report().await.unwrap();
    let answer = report.invoke(&json!({}), TIMEOUT).await.unwrap();
    let mails = shop.sandbox.aws.front.mails();
    assert_eq!(mails.len(), 2, "{answer}");
    let raw: Vec<Vec<u8>> = mails.iter().map(|mail| mail.raw.clone()).collect();
    let read = stranger::read(&raw).unwrap();
    for (n, read) in read.iter().enumerate() {
        assert_eq!(read.defects, Vec::<String>::new());
        assert!(read.remote.is_empty() && read.scripts == 0 && read.longest_line <= 998);
        let answered = &answer["lists"][n];
        assert_eq!(read.header("Subject"), answered["subject"].as_str());
        let (kind, page) = kept(&shop, answered["page"].as_str().unwrap()).await;
        assert_eq!(kind, "text/html; charset=utf-8");
        assert!(page.starts_with("<!"), "{page}");
    }
    assert_eq!(mails[1].destinations, ["head@shop.internal"], "the envelope has no names");
    assert_eq!(read[1].to, [("Tête".to_owned(), "head@shop.internal".to_owned())]);
    // What is milder than critical is in the first alone.
    let listed = |read: &Read, check: &str| read.text.contains(check);
    assert!(listed(&read[0], "ENV-STRIPE-MODE") && listed(&read[1], "ENV-STRIPE-MODE"), "critical: {}", read[1].text);
    assert!(read[0].text.len() > read[1].text.len());
}

/// Every reason that SES gives: the claim, the page, the alert, the failed invocation; and the next hour sends.
#[tokio::test]
async fn a_refused_mail_is_kept_told_and_tried_again() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    audited(&shop).await;
    let mut report = shop.report().await.unwrap();
    let claims = async || {
        let keys = shop.keys("reports/").await.unwrap();
        let claim = keys.iter().find(|key| key.ends_with(".json")).expect("a claim").clone();
        (shop.object(&claim).await.unwrap(), claim.replace(".json", ".html"))
    };
    for (n, (status, code)) in [
        (400, "MessageRejected"),
        (400, "MailFromDomainNotVerifiedException"),
        (400, "AccountSendingPausedException"),
        (400, "Throttling"),
    ]
    .into_iter()
    .enumerate()
    {
        shop.sandbox.aws.front.inject("ses:SendRawEmail", Fault::Refused(status, code));
        let error = report.invoke(&json!({}), TIMEOUT).await.unwrap_err();
        assert!(matches!(&error, FunctionError::Handled { message, .. } if message.contains(code)), "{error}");
        let (claim, page) = claims().await;
        assert_eq!((&claim["state"], &claim["page"]), (&json!("refused"), &json!(page)), "{code}");
        assert!(claim["refused"]["reason"].as_str().unwrap().starts_with(code), "{claim}");
        assert!(kept(&shop, &page).await.1.starts_with("<!"));
        // Said at the first, second and fourth.
        if n != 2 {
            let said = alert(&shop, "REPORT-REFUSED", if n == 0 { "fired" } else { "reminder" }).expect("it is said");
            assert_eq!(said["evidence"]["report"]["name"], page, "{said}");
            assert!(said["evidence"]["reason"].to_string().contains(code), "{said}");
            assert!(!said.to_string().contains("http"), "a key, never a link: {said}");
        }
    }
    assert_eq!(shop.sandbox.aws.front.mails().len(), 0);
    shop.sandbox.aws.front.heal("ses:SendRawEmail");
    let answer = report.invoke(&json!({}), TIMEOUT).await.unwrap();
    assert_eq!((&answer["lists"][0]["state"], shop.sandbox.aws.front.mails().len()), (&json!("sent"), 1), "{answer}");
    let (claim, page) = claims().await;
    assert_eq!((&claim["state"], &claim["page"], &claim["refused"]), (&json!("sent"), &json!(page), &Value::Null));
    assert!(alert(&shop, "REPORT-REFUSED", "resolved").is_some());
}
