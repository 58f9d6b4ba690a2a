//! `cargo scale`: dispatches and audits ten thousand environments once, and prints what it took as a table.

use anstream::eprintln;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use vigie_core::cost::{Item, prices};
use vigie_tests::aws::program;
use vigie_tests::scale::{self, AUDIT_MB, BATCH, DISPATCH_MB, Measured, Part, Plan, Programs};
use vigie_tests::stack;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::disallowed_methods)] // an edge: its one argument
async fn measure() -> Result<String, Failure> {
    let environments = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse())?;
    let plan = Plan { environments, audited: environments, workers: 4 };
    let (dispatch, audit, profile) = programs()?;
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let programs = Programs { dispatch: &dispatch, audit: &audit };
    let measured = scale::scale(plan, programs, &|said| eprintln!("{said}")).await?;
    let wrong = measured.runs.values().filter(|runs| **runs != 1).count();
    if wrong > 0 || measured.runs.len() != environments {
        return Err(format!("{wrong} of {} environments have not exactly one run", measured.runs.len()).into());
    }
    Ok(format!("{}\n{}", machine(profile, plan, &load), table(&measured, plan)))
}

/// What `sam build` made when it is the newest, else the dev profile's.
fn programs() -> Result<(PathBuf, PathBuf, &'static str), Failure> {
    let of = |function: &str, binary: &str| stack::released(function, binary);
    match (of("DispatchFunction", "vigie-dispatch")?, of("AuditFunction", "vigie-audit")?) {
        (Some(dispatch), Some(audit)) => Ok((dispatch.join("bootstrap"), audit.join("bootstrap"), "release")),
        _ => Ok((program("vigie-dispatch")?, program("vigie-audit")?, "dev")),
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn machine(profile: &str, plan: Plan, load: &str) -> String {
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let memory: u64 = memory.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    format!(
        "{} on {cores} cores ({model}), {} GB, load {load} at the start; {profile} profile; {} audit processes, the \
         emulator and the sandbox on the same cores.\n",
        today(),
        memory >> 20,
        plan.workers
    )
}

/// The day of the measurement.
#[allow(clippy::disallowed_methods)]
fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

#[allow(clippy::cast_precision_loss)]
fn table(measured: &Measured, plan: Plan) -> String {
    let (dispatch, audit) = (&measured.dispatch, &measured.audit);
    let all = plan.environments as f64;
    let mb = |bytes: u64| format!("{:.0} MB", bytes as f64 / f64::from(1 << 20));
    let each = |part: &Part, of: &str| format!("{:.2}", part.calls(of) as f64 / all);
    let rate = |part: &Part| format!("{:.0}/s", all / part.wall.as_secs_f64());
    let cpu = |part: &Part| format!("{:.2} ms", part.cpu.as_secs_f64() * 1e3 / all);
    let rows: Vec<(String, String, String)> = vec![
        ("environments".into(), plan.environments.to_string(), measured.runs.len().to_string()),
        ("wall time".into(), seconds(dispatch.wall), seconds(audit.wall)),
        ("throughput".into(), rate(dispatch), rate(audit)),
        ("invocations".into(), dispatch.invocations.to_string(), audit.invocations.to_string()),
        ("time of an invocation".into(), seconds(dispatch.billed), seconds(mean(audit))),
        (
            "memory, peak (function's limit)".into(),
            of(mb(dispatch.peak_bytes), DISPATCH_MB),
            of(mb(audit.peak_bytes), AUDIT_MB),
        ),
        ("CPU an environment".into(), cpu(dispatch), cpu(audit)),
        ("S3 calls an environment".into(), each(dispatch, "s3:"), each(audit, "s3:")),
        ("SQS calls an environment".into(), each(dispatch, "sqs:"), each(audit, "sqs:")),
        ("PutMetricData an environment".into(), each(dispatch, "cloudwatch:Put"), each(audit, "cloudwatch:Put")),
        ("all AWS calls an environment".into(), each(dispatch, ""), each(audit, "")),
        (
            "Lambda, dollars a million environments".into(),
            lambda(dispatch, DISPATCH_MB, all),
            lambda(audit, AUDIT_MB, all),
        ),
    ];
    let mut out = String::from("| | dispatch | audit |\n| --- | ---: | ---: |\n");
    for (what, dispatch, audit) in rows {
        out.push_str(&format!("| {what} | {dispatch} | {audit} |\n"));
    }
    out.push_str(&format!(
        "\nAudits in batches of {BATCH}. Calls of the audit by operation, all {} together:\n\n",
        plan.environments
    ));
    let calls: Vec<String> = audit.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    out.push_str(&calls.join(", "));
    out.push('\n');
    out
}

fn of(value: String, limit: u64) -> String {
    format!("{value} ({limit})")
}

fn mean(part: &Part) -> Duration {
    part.billed / u32::try_from(part.invocations).unwrap_or(1).max(1)
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// At the list price, without the free tier: the time that was measured here, times the function's memory.
#[allow(clippy::cast_precision_loss)]
fn lambda(part: &Part, mb: u64, environments: f64) -> String {
    let gb_seconds = part.billed.as_secs_f64() * mb as f64 / 1024.0;
    let usd =
        prices().of(Item::LambdaGbSecond).of(gb_seconds) + prices().of(Item::LambdaRequest).of(part.invocations as f64);
    format!("{:.2}", usd / environments * 1e6)
}
