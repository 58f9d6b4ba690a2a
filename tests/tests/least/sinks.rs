//! Each function's own statements: without one, its sink is reported, and the others are written.

use crate::least::{Deployed, Session};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_tests::front::Fault;
use vigie_tests::shop::TIMEOUT;

/// What an event came to.
#[derive(Debug)]
struct Done {
    answer: Result<Value, String>,
    /// Objects that are new in the runs bucket, by the first part of their key.
    folders: BTreeSet<String>,
    alerts: usize,
    mails: usize,
    metrics: u64,
    refused: BTreeSet<String>,
}

impl Done {
    fn error(&self) -> &str {
        self.answer.as_ref().err().map_or("", String::as_str)
    }

    fn folders(&self) -> Vec<&str> {
        self.folders.iter().map(String::as_str).collect()
    }

    fn refused(&self) -> Vec<&str> {
        self.refused.iter().map(String::as_str).collect()
    }
}

const METRICS: &str = "cloudwatch:PutMetricData";

/// One event with every statement but one.
async fn once(deployed: &Deployed<'_>, session: &mut Session, sid: Option<&str>, event: &Value) -> Done {
    let front = &deployed.shop.sandbox.aws.front;
    session.without(deployed.shop, sid);
    let before = deployed.keys("").await;
    let (alerts, mails) = (front.events().len(), front.mails().len());
    let metrics = || front.calls().get(METRICS).copied().unwrap_or_default();
    let asked = metrics();
    let answer = session.function.invoke(event, TIMEOUT).await.map_err(|e| e.to_string());
    let folder = |key: &String| key.split('/').next().unwrap_or_default().to_owned();
    let refused = front.refused();
    Done {
        answer,
        folders: (&deployed.keys("").await - &before).iter().map(folder).collect(),
        alerts: front.events().len() - alerts,
        mails: front.mails().len() - mails,
        metrics: if refused.contains(METRICS) { 0 } else { metrics() - asked },
        refused,
    }
}

/// Another minute for each event.
fn minute(at: &mut i64) -> String {
    *at += 1;
    (Timestamp::now() - SignedDuration::from_mins(*at)).round(jiff::Unit::Minute).unwrap().to_string()
}

/// Run, alerts, metrics, head; each time as a first run, so that there is something to say.
pub async fn of_audit(deployed: &Deployed<'_>, audit: &mut Session) {
    let mut at = 0;
    let mut without = async |sid: Option<&str>| {
        deployed.forget("heads/").await;
        let event = json!({"environment": "web", "suite": "full", "scheduled_at": minute(&mut at)});
        once(deployed, audit, sid, &event).await
    };
    let all = without(None).await;
    assert!(all.answer.is_ok() && all.alerts > 0 && all.metrics > 1, "{all:?}");
    assert_eq!((all.folders(), all.refused()), (vec!["heads", "runs"], vec![]));

    let done = without(Some("Alerts")).await;
    assert!(done.error().contains("alerts of web") && done.error().contains("denied"), "{done:?}");
    assert_eq!((done.folders(), done.alerts, done.refused()), (vec!["heads", "runs"], 0, vec!["events:PutEvents"]));
    assert_eq!(done.metrics, all.metrics);

    let done = without(Some("Metrics")).await;
    assert!(done.error().contains("metrics of web") && done.error().contains("heartbeat of web"), "{done:?}");
    assert_eq!((done.folders(), done.alerts, done.refused()), (vec!["heads", "runs"], all.alerts, vec![METRICS]));

    let done = without(Some("RunsWrite")).await;
    for sink in ["snapshot of web", "run of web", "head of web"] {
        assert!(done.error().contains(sink), "{sink}: {done:?}");
    }
    assert_eq!((done.folders(), done.alerts, done.refused()), (vec![], all.alerts, vec!["s3:PutObject"]));
    assert!(done.metrics > 0);

    // A head that may not be read is not "no head": the run is stored and says so, and no transition is made up.
    let done = without(Some("RunsRead")).await;
    assert!(done.error().contains("head of web"), "{done:?}");
    assert_eq!((done.folders(), done.alerts, done.refused()), (vec!["runs"], 0, vec!["s3:GetObject"]));
    assert!(done.metrics > 0);

    // No sink: what compares environments cannot, and the rest is done.
    let done = without(Some("FingerprintKey")).await;
    assert!(done.answer.is_ok() && done.alerts > 0, "{done:?}");
    assert_eq!((done.folders(), done.refused()), (vec!["heads", "runs"], vec!["secretsmanager:GetSecretValue"]));

    // Both files are read at once: the one that is refused first is named. Without ListBucket the file that an environment
    // need not have looks like a refusal.
    for (sid, named) in [("Configuration", "config/"), ("RunsList", "config/environments/web.toml")] {
        let done = without(Some(sid)).await;
        assert!(done.error().contains(named) && done.error().contains("s3:GetObject"), "{sid}: {done:?}");
        assert_eq!((done.folders(), done.alerts, done.metrics), (vec![], 0, 0), "{sid}");
    }
}

/// What doctor tries, it may: nothing is refused, and without a statement it names the action.
pub async fn of_doctor(deployed: &Deployed<'_>, audit: &mut Session) {
    let event = json!({"doctor": true});
    let done = once(deployed, audit, None, &event).await;
    assert_eq!((done.refused(), done.folders()), (vec![], vec![]), "{done:?}");
    for (sid, action) in [
        ("DoctorAccount", "lambda:GetAccountSettings"),
        ("DoctorQueues", "sqs:GetQueueAttributes"),
        ("DoctorTopic", "sns:ListSubscriptionsByTopic"),
        ("RunsWrite", "s3:PutObject"),
        ("Alerts", "events:PutEvents"),
        ("Metrics", METRICS),
    ] {
        let done = once(deployed, audit, Some(sid), &event).await;
        let said = done.answer.as_ref().map(Value::to_string).unwrap_or_default();
        assert!(done.refused.contains(action) && said.contains(action), "{sid}: {done:?}");
    }
}

pub async fn of_report(deployed: &Deployed<'_>) {
    let front = &deployed.shop.sandbox.aws.front;
    let mut report = deployed.session("report", "ReportRole").await;
    let mut without = async |sid: Option<&str>| {
        deployed.forget("reports/").await;
        once(deployed, &mut report, sid, &json!({"force": true})).await
    };
    let all = without(None).await;
    assert!(all.answer.is_ok() && all.mails == 1 && all.metrics > 0, "{all:?}");
    assert_eq!((all.folders(), all.refused()), (vec!["reports"], vec![]));

    // Refused by SES for want of permission: said by an alert, and tried again the next hour.
    let done = without(Some("Mail")).await;
    assert!(done.error().contains("SES refuses the mail") && done.mails == 0, "{done:?}");
    assert_eq!((done.folders(), done.alerts, done.refused()), (vec!["reports"], 1, vec!["ses:SendRawEmail"]));

    let done = without(Some("Metrics")).await;
    assert_eq!((done.folders(), done.mails, done.refused()), (vec!["reports"], 1, vec![METRICS]), "{done:?}");

    // Without a claim nothing is sent: it could be sent twice.
    for (sid, action) in [("RunsWrite", "s3:PutObject"), ("RunsRead", "s3:GetObject")] {
        let done = without(Some(sid)).await;
        assert!(done.error().contains("denied") && done.mails == 0, "{sid}: {done:?}");
        assert_eq!(done.refused(), [action], "{sid}: {done:?}");
    }
    for (sid, action) in [("Configuration", "s3:GetObject"), ("RunsList", "s3:ListBucket")] {
        let done = without(Some(sid)).await;
        assert!(
            done.error().contains("config/") && done.error().contains(action) && done.mails == 0,
            "{sid}: {done:?}"
        );
    }

    // SES refuses the mail, beside its control: the alert about it goes out, or may not.
    front.inject("ses:SendRawEmail", Fault::Refused(400, "MessageRejected"));
    assert_eq!(without(None).await.alerts, 1);
    let done = without(Some("Alerts")).await;
    assert!(done.error().contains("MessageRejected"), "{done:?}");
    assert_eq!((done.alerts, done.refused()), (0, vec!["events:PutEvents"]));
    front.heal("ses:SendRawEmail");
}

pub async fn of_dispatch(deployed: &Deployed<'_>) {
    let mut dispatch = deployed.session("dispatch", "DispatchRole").await;
    let mut at = 0;
    let mut without = async |sid: Option<&str>| {
        let event = json!({"suite": "connections", "scheduled_at": minute(&mut at)});
        once(deployed, &mut dispatch, sid, &event).await
    };
    let all = without(None).await;
    assert_eq!(all.answer.as_ref().ok().map(|answer| answer["sent"].clone()), Some(json!(3)), "{all:?}");
    assert!(all.folders().contains(&"dispatches") && all.metrics > 0, "{all:?}");
    assert_eq!(all.refused(), Vec::<&str>::new());

    for (sid, action) in [
        ("WorkSend", "sqs:SendMessage"),
        ("Metrics", METRICS),
        ("RunsWrite", "s3:PutObject"),
        ("RunsRead", "s3:GetObject"),
        ("RunsList", "s3:ListBucket"),
        ("Configuration", "s3:GetObject"),
    ] {
        // It fails, so that the schedule's event is delivered again.
        let done = without(Some(sid)).await;
        assert!(done.error().contains("denied") || done.error().contains(action), "{sid}: {done:?}");
        assert!(done.refused.contains(action), "{sid}: {done:?}");
    }
}
