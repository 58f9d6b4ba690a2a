//! Ten thousand environments are dispatched by one invocation; three hundred are audited by workers side by side, each once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use vigie_tests::aws::program;
use vigie_tests::scale::{self, AUDIT_MB, DISPATCH_MB, Plan, Programs};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_are_dispatched_and_three_hundred_audited_once_each() {
    let plan = Plan { environments: 10_000, audited: 300, workers: 4 };
    let (dispatch, audit) = (program("vigie-dispatch").unwrap(), program("vigie-audit").unwrap());
    let measured = scale::scale(plan, Programs { dispatch: &dispatch, audit: &audit }, &|_| {}).await.unwrap();
    // The function would have been ended at its timeout, and by Lambda at its memory.
    assert!(measured.dispatch.peak_bytes < DISPATCH_MB << 20, "{} bytes", measured.dispatch.peak_bytes);
    assert!(measured.audit.peak_bytes < AUDIT_MB << 20, "{} bytes", measured.audit.peak_bytes);
    assert_eq!(measured.dispatch.calls("sqs:SendMessageBatch"), 1_000, "ten a call");
    assert_eq!(measured.runs.len(), 300);
    let often: Vec<_> = measured.runs.iter().filter(|(_, runs)| **runs != 1).collect();
    assert!(often.is_empty(), "one run each: {often:?}");
    assert_eq!(measured.audit.calls("cloudwatch:PutMetricData") / 300, 2, "metrics and heartbeat");
}
