//! infra/channels, each deployed into the emulator and heard by a server in its vendor's place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_aws::events::{DETAIL_TYPE, SOURCE};
use vigie_core::check::Severity::{self, Critical, High, Medium};
use vigie_core::head::Alert;
use vigie_core::head::AlertKind::{self, Fired, Flapping, Gone, PartlyResolved, Reminder, Resolved};
use vigie_tests::aws::root;
use vigie_tests::channel::vendor::{discord, opsgenie, opsgenie_close, pagerduty, places, slack, teams};
use vigie_tests::channel::{Channels, Heard};

const INCIDENT: &str = "vigie-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const SEVERITIES: [Severity; 3] = [Critical, High, Medium];
const OPENING: [AlertKind; 3] = [Fired, Reminder, Flapping];
const CLOSING: [AlertKind; 2] = [Resolved, Gone];
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
const API_KEY: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// What a name from outside may try: to end the JSON, to call everybody, to be a link, a mark-up or a path of the template.
const NASTY: [&str; 11] = [
    r#"a "quoted" name"#,
    r#"", "channel": "general"#,
    r"back\slash \n",
    "two\nlines\tand a tab",
    "<!channel> <@U012AB3CD> & co",
    "@everyone @here <@&42>",
    "[click](https://evil.example) <https://evil.example|here>",
    "*bold* _it_ `code` ~~no~~ # head",
    "<check> <aws.events.event.json> ${AWS::Region} {{DATE(2026-11-22T10:05:00Z)}}",
    "<script>alert(1)</script><b>x</b>",
    "données \u{202e}\u{1f525} 数据库",
];

/// The README's event, as this kind and of this severity.
fn alert(kind: AlertKind, severity: Severity) -> Alert {
    Alert { kind, severity, ..tried("fired") }
}

/// What `aws events put-events --entries file://try-KIND.json` says.
fn tried(kind: &str) -> Alert {
    let file = std::fs::read_to_string(root().join(format!("infra/channels/try-{kind}.json"))).unwrap();
    let entries: Value = serde_json::from_str(&file).unwrap();
    let [entry] = entries.as_array().unwrap().as_slice() else { panic!("one entry: {entries:#}") };
    assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!(SOURCE), &json!(DETAIL_TYPE)));
    serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()
}

#[test]
fn the_try_resolved_ends_the_try_fired() {
    let (fired, resolved) = (tried("fired"), tried("resolved"));
    assert_eq!((fired.kind, resolved.kind), (Fired, Resolved));
    assert_eq!((fired.incident.as_str(), resolved.incident.as_str()), (INCIDENT, INCIDENT));
    assert_ne!(fired.id, resolved.id);
}

fn with(mut alert: Alert, field: &str, text: &str) -> Alert {
    let text = text.to_owned();
    match field {
        "title" => alert.title = text,
        "subject" => alert.subject = text,
        "summary" => alert.summary = text,
        other => panic!("{other}"),
    }
    alert
}

/// What the vendor hears of one alert.
async fn told(channels: &Channels, alert: &Alert) -> Heard {
    let before = channels.heard(0).await.unwrap().len();
    channels.say(alert).await.unwrap();
    channels.heard(before + 1).await.unwrap().pop().unwrap()
}

fn posted(heard: &Heard, path: &str, key: (&str, &str)) {
    assert_eq!((heard.method.as_str(), heard.path.as_str()), ("POST", path));
    assert_eq!(heard.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(heard.headers.get(key.0).map(String::as_str), Some(key.1), "{:?}", heard.headers);
}

/// A chat: every kind is said, in one form. `plain`: where the title and the subject, or the summary, stand.
async fn chat(name: &'static str, path: &str, check: fn(&Value) -> Vec<String>, plain: [(&str, &str); 2]) {
    let channels = Channels::open().await.unwrap();
    channels.deploy(name, name, &[("WebhookUrl", &channels.url(path))]).await.unwrap();
    for kind in OPENING.into_iter().chain(CLOSING).chain([PartlyResolved]) {
        for severity in SEVERITIES {
            let heard = told(&channels, &alert(kind, severity)).await;
            posted(&heard, path, ("vigie-channel", name));
            let body = heard.json().unwrap();
            assert_eq!(check(&body), Vec::<String>::new(), "{body:#}");
            for word in [kind.name(), severity.name(), "production", "TRY", "2026-11-22T10:05:00Z"] {
                assert!(heard.body.contains(word), "{word} is not said: {body:#}");
            }
            if (kind, severity) == (Fired, Critical) {
                insta::assert_json_snapshot!(format!("{name}_fired"), body);
            }
        }
    }
    for text in NASTY {
        for (field, place) in plain {
            let body = told(&channels, &with(alert(Fired, High), field, text)).await.json().unwrap();
            assert_eq!(check(&body), Vec::<String>::new(), "{body:#}");
            assert_eq!(places(&body, text), [place], "{field} {text:?}: {body:#}");
        }
    }
}

#[tokio::test]
async fn slack_shows_every_notice_as_plain_text() {
    let plain = [("title", "/blocks/1/text/text"), ("subject", "/blocks/2/fields/0/text")];
    chat("slack", "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", slack, plain).await;
}

/// With the query that a workflow's URL has.
#[tokio::test]
async fn teams_shows_every_notice_as_plain_text() {
    let path = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke\
        ?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-b_c";
    let run = |at: usize| format!("/attachments/0/content/body/{at}/inlines/0/text");
    chat("teams", path, teams, [("title", &run(1)), ("subject", &run(2))]).await;
}

#[tokio::test]
async fn discord_shows_every_notice_as_plain_text() {
    let plain = [("summary", "/embeds/0/author/name"), ("title", "/embeds/0/footer/text")];
    chat("discord", "/api/webhooks/42/XXXXXXXX", discord, plain).await;
}

#[tokio::test]
async fn pagerduty_triggers_and_resolves_one_incident() {
    let channels = Channels::open().await.unwrap();
    let parameters = [("RoutingKey", ROUTING_KEY), ("Endpoint", &channels.url("/v2/enqueue"))];
    channels.deploy("pagerduty", "pagerduty", &parameters).await.unwrap();
    for (severity, theirs) in SEVERITIES.into_iter().zip(["critical", "error", "warning"]) {
        for kind in OPENING.into_iter().chain(CLOSING) {
            let heard = told(&channels, &alert(kind, severity)).await;
            posted(&heard, "/v2/enqueue", ("vigie-channel", "pagerduty"));
            let body = heard.json().unwrap();
            assert_eq!(pagerduty(&body), Vec::<String>::new(), "{body:#}");
            assert_eq!(body["routing_key"], ROUTING_KEY);
            assert_eq!(body["dedup_key"], INCIDENT, "the same when it opens and when it closes");
            if OPENING.contains(&kind) {
                assert_eq!((&body["event_action"], &body["payload"]["severity"]), (&json!("trigger"), &json!(theirs)));
            } else {
                assert_eq!(body["event_action"], "resolve");
            }
            if [Fired, Resolved].contains(&kind) && severity == Critical {
                insta::assert_json_snapshot!(format!("pagerduty_{}", kind.name()), body);
            }
        }
    }
    let details = "/payload/custom_details";
    for text in NASTY {
        let nasty =
            [("title", "title"), ("subject", "subject")].map(|(field, name)| (field, format!("{details}/{name}")));
        for (field, place) in nasty.iter().chain(&[("summary", "/payload/summary".to_owned())]) {
            let body = told(&channels, &with(alert(Fired, High), field, text)).await.json().unwrap();
            assert_eq!(pagerduty(&body), Vec::<String>::new(), "{body:#}");
            assert_eq!(places(&body, text), [place.as_str()], "{field} {text:?}: {body:#}");
        }
    }
    hidden(&channels, "pagerduty", ROUTING_KEY).await;
}

#[tokio::test]
async fn opsgenie_opens_and_closes_one_alert() {
    let channels = Channels::open().await.unwrap();
    let parameters = [("ApiKey", API_KEY), ("Endpoint", &channels.url("/v2/alerts"))];
    channels.deploy("opsgenie", "opsgenie", &parameters).await.unwrap();
    let key = format!("GenieKey {API_KEY}");
    let close = format!("/v2/alerts/{INCIDENT}/close?identifierType=alias");
    for (severity, priority) in SEVERITIES.into_iter().zip(["P1", "P2", "P3"]) {
        for kind in OPENING {
            let heard = told(&channels, &alert(kind, severity)).await;
            posted(&heard, "/v2/alerts", ("authorization", &key));
            let body = heard.json().unwrap();
            assert_eq!(opsgenie(&body), Vec::<String>::new(), "{body:#}");
            assert_eq!((&body["alias"], &body["priority"]), (&json!(INCIDENT), &json!(priority)));
            if (kind, severity) == (Fired, Critical) {
                insta::assert_json_snapshot!("opsgenie_fired", body);
            }
        }
        for kind in CLOSING {
            let heard = told(&channels, &alert(kind, severity)).await;
            posted(&heard, &close, ("authorization", &key));
            assert_eq!(opsgenie_close(&heard.json().unwrap()), Vec::<String>::new(), "{}", heard.body);
        }
    }
    for text in NASTY {
        for (field, place) in [("title", "/description"), ("subject", "/entity"), ("summary", "/message")] {
            let body = told(&channels, &with(alert(Fired, High), field, text)).await.json().unwrap();
            assert_eq!(opsgenie(&body), Vec::<String>::new(), "{body:#}");
            assert_eq!(places(&body, text), [place], "{field} {text:?}: {body:#}");
        }
        let heard = told(&channels, &with(with(alert(Resolved, High), "title", text), "subject", text)).await;
        assert_eq!(heard.path, close);
        assert_eq!(places(&heard.json().unwrap(), text), ["/note"]);
    }
    hidden(&channels, "opsgenie", API_KEY).await;
}

#[tokio::test]
async fn any_address_takes_the_alert_as_it_is() {
    let channels = Channels::open().await.unwrap();
    let url = channels.url("/hook");
    let parameters = [("WebhookUrl", url.as_str()), ("HeaderName", "X-Key"), ("HeaderValue", API_KEY)];
    channels.deploy("webhook", "webhook", &parameters).await.unwrap();
    for text in NASTY {
        let said = with(with(alert(Fired, Critical), "title", text), "subject", text);
        let heard = told(&channels, &said).await;
        posted(&heard, "/hook", ("x-key", API_KEY));
        assert_eq!(heard.json().unwrap(), json!(said));
    }
    hidden(&channels, "webhook", API_KEY).await;
}

/// The key is in the connection, which AWS keeps in Secrets Manager, and nowhere that a reader of the stack or its rules looks.
async fn hidden(channels: &Channels, stack: &str, key: &str) {
    let rules = channels.events("ListRules", &json!({})).await.unwrap();
    let names: Vec<&str> =
        rules["Rules"].as_array().unwrap().iter().map(|rule| rule["Name"].as_str().unwrap()).collect();
    assert!(!names.is_empty());
    for name in names {
        let targets = channels.events("ListTargetsByRule", &json!({"Rule": name})).await.unwrap();
        assert!(!targets["Targets"].as_array().unwrap().is_empty());
        assert!(!targets.to_string().contains(key), "{name}: {targets:#}");
    }
    let destinations = channels.events("ListApiDestinations", &json!({})).await.unwrap();
    assert!(!destinations.to_string().contains(key), "{destinations:#}");
    for action in ["DescribeStacks", "DescribeStackResources"] {
        let answer = channels.cloudformation(action, stack, &[]).await.unwrap();
        assert!(!answer.contains(key), "{action}: {answer}");
    }
}

/// Each silent alert differs from the one that is told in the one thing that is filtered.
#[tokio::test]
async fn a_channel_tells_what_it_is_asked_to() {
    let channels = Channels::open().await.unwrap();
    let url = channels.url("/services/x");
    let filters = [("Environments", "staging,report"), ("LeastSeverity", "high"), ("Kinds", "fired,resolved")];
    let parameters: Vec<_> = [("WebhookUrl", url.as_str())].into_iter().chain(filters).collect();
    channels.deploy("slack", "few", &parameters).await.unwrap();
    let of = |kind, severity, environment: &str| Alert { environment: environment.to_owned(), ..alert(kind, severity) };
    channels.say(&of(Fired, High, "production")).await.unwrap();
    channels.say(&of(Fired, Medium, "staging")).await.unwrap();
    channels.say(&of(Reminder, High, "staging")).await.unwrap();
    for environment in ["staging", "report"] {
        for kind in [Fired, Resolved] {
            for severity in [High, Critical] {
                let heard = told(&channels, &of(kind, severity, environment)).await;
                let head = format!("Vigie {} ({}): {environment}", kind.name(), severity.name());
                assert!(heard.body.contains(&head), "{}", heard.body);
            }
        }
    }
    assert_eq!(channels.heard(8).await.unwrap().len(), 8);
}

/// The other side of PagerDuty, small: what is open after these notices.
#[tokio::test]
async fn what_opened_under_another_severity_is_closed_too() {
    let channels = Channels::open().await.unwrap();
    let parameters =
        [("RoutingKey", ROUTING_KEY), ("Endpoint", &channels.url("/v2/enqueue")), ("LeastSeverity", "high")];
    channels.deploy("pagerduty", "pagerduty", &parameters).await.unwrap();
    let mut open = BTreeSet::new();
    let of = |kind, severity, incident: &str| Alert { incident: incident.to_owned(), ..alert(kind, severity) };
    // Nobody is called for what is milder than asked, nor for a part of an incident.
    channels.say(&of(Fired, Medium, "mild")).await.unwrap();
    channels.say(&of(PartlyResolved, Critical, "one")).await.unwrap();
    let said = [
        (of(Fired, High, "one"), vec!["one"]),
        (of(Fired, Critical, "two"), vec!["one", "two"]),
        (of(Reminder, Critical, "one"), vec!["one", "two"]),
        (of(Resolved, Medium, "one"), vec!["two"]),
        (of(Gone, High, "mild"), vec!["two"]),
        (of(Flapping, High, "two"), vec!["two"]),
        (of(Gone, Critical, "two"), vec![]),
    ];
    let count = said.len();
    for (alert, expected) in said {
        let body = told(&channels, &alert).await.json().unwrap();
        let key = body["dedup_key"].as_str().unwrap().to_owned();
        if body["event_action"] == "trigger" {
            open.insert(key);
        } else {
            open.remove(&key);
        }
        assert_eq!(open.iter().collect::<Vec<_>>(), expected, "{alert:?}");
    }
    assert_eq!(channels.heard(count).await.unwrap().len(), count);
}

/// 5xx, 429 and their kin are tried again, 4xx is not; what is given up is kept, as it was, with the reason.
#[tokio::test]
async fn what_the_vendor_refuses_is_kept() {
    let channels = Channels::open().await.unwrap();
    channels.deploy("slack", "slack", &[("WebhookUrl", &channels.url("/services/x"))]).await.unwrap();
    channels.answers(&[500, 503, 429, 200]);
    channels.say(&alert(Fired, High)).await.unwrap();
    let heard = channels.heard(4).await.unwrap();
    assert!(heard.iter().all(|again| again.body == heard[0].body));

    // A revoked webhook: 404, "no_service".
    channels.answers(&[404]);
    let refused = alert(Fired, Critical);
    channels.say(&refused).await.unwrap();
    let letters = channels.undelivered("slack", 1).await.unwrap();
    assert_eq!(letters.len(), 1, "what was taken at the fourth try is not here: {letters:#?}");
    assert_eq!(letters[0].event["detail"], json!(refused));
    assert_eq!((letters[0].why["ERROR_CODE"].as_str(), letters[0].why["RETRY_ATTEMPTS"].as_str()), ("404", "0"));
    assert_eq!(channels.heard(5).await.unwrap().len(), 5, "refused once and for all");

    // Down for good: the first try and the template's twenty more.
    channels.answers(&[500; 21]);
    channels.say(&alert(Reminder, Critical)).await.unwrap();
    let letters = channels.undelivered("slack", 1).await.unwrap();
    assert_eq!(letters[0].event["detail"]["kind"], "reminder");
    assert_eq!((letters[0].why["ERROR_CODE"].as_str(), letters[0].why["RETRY_ATTEMPTS"].as_str()), ("500", "20"));
    assert_eq!(channels.heard(26).await.unwrap().len(), 26);

    told(&channels, &alert(Resolved, Critical)).await;
}

/// A path that is not there, or no text, would leave a hole in the request.
#[test]
fn the_templates_read_what_every_alert_has() {
    let schema = std::fs::read_to_string(root().join("infra/schema/alert.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let texts = |name: &str| {
        let field = &schema["properties"][name];
        let text =
            field["type"] == "string" || ["#/$defs/AlertKind", "#/$defs/Severity"].contains(&field["$ref"].as_str()?);
        (text && schema["required"].as_array()?.contains(&json!(name))).then_some(())
    };
    let kinds: BTreeSet<&str> =
        OPENING.into_iter().chain(CLOSING).chain([PartlyResolved]).map(AlertKind::name).collect();
    let variants = schema["$defs"]["AlertKind"]["oneOf"].as_array().unwrap().iter();
    let known = variants.flat_map(|one| one["enum"].as_array().into_iter().flatten().chain(one.get("const")));
    assert_eq!(
        known.map(|kind| kind.as_str().unwrap()).collect::<BTreeSet<_>>(),
        kinds,
        "a kind that no channel knows"
    );
    let main = ("template".to_owned(), std::fs::read_to_string(root().join("infra/template.yaml")).unwrap());
    for (template, text) in templates_of_the_house().into_iter().chain([main]) {
        let read: BTreeSet<&str> =
            text.lines().filter_map(|line| line.split_once(": $.detail.")).map(|(_, name)| name).collect();
        assert!(!read.is_empty() || template == "webhook", "{template}");
        for name in read {
            assert!(texts(name).is_some(), "{template}: {name} is not always a text");
        }
        if let Some((_, pattern)) = text.split_once("    Default: fired,") {
            let pattern = pattern.split_once("AllowedPattern: '^(").unwrap().1.split_once(')').unwrap().0;
            assert_eq!(pattern.split('|').collect::<BTreeSet<_>>(), kinds, "{template}");
        }
    }
}

/// AWS refuses a plain address: the key would be read by whoever carries it.
#[tokio::test]
async fn a_url_without_tls_is_refused() {
    let channels = Channels::open().await.unwrap();
    let mut templates = BTreeSet::new();
    for (template, text) in templates_of_the_house() {
        let url = if text.contains("WebhookUrl:") { "WebhookUrl" } else { "Endpoint" };
        let key = match template.as_str() {
            "pagerduty" => ("RoutingKey", ROUTING_KEY),
            "opsgenie" => ("ApiKey", API_KEY),
            "webhook" => ("HeaderValue", API_KEY),
            _ => ("LeastSeverity", "high"),
        };
        let plain = channels.deploy(&template, "plain", &[(url, "http://127.0.0.1/x"), key]).await.unwrap_err();
        assert!(plain.to_string().contains(url), "{plain}");
        templates.insert(template);
    }
    let known = ["discord", "opsgenie", "pagerduty", "slack", "teams", "webhook"].map(str::to_owned);
    assert_eq!(templates, BTreeSet::from(known));
}

/// The templates' names and texts.
fn templates_of_the_house() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(root().join("infra/channels")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let read = |path: std::path::PathBuf| {
        (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap())
    };
    paths.map(read).collect()
}
