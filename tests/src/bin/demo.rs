//! `cargo demo`: the whole story in one go. Starts the sandbox, plants the shop with its mistakes, runs the real audit for
//! both environments and then the report, reads the mail back, and sees that what was planted was found and nothing else.

use anstream::{eprintln, println};
use owo_colors::OwoColorize;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vigie_core::run::{Finding, Outcome, Run, Verdict};
use vigie_core::text::Language;
use vigie_tests::aws::root;
use vigie_tests::shop::{self, Key, Shop, State};
use vigie_tests::{mail, story};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match tell().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{} {error}", "The demo could not be told:".red().bold());
            ExitCode::FAILURE
        }
    }
}

async fn tell() -> Result<bool, Failure> {
    let start = Instant::now();
    let clock = move || format!("{:>5.1} s", start.elapsed().as_secs_f32()).dimmed().to_string();
    println!("{}  Starting the sandbox: everything on 127.0.0.1, nothing leaves this machine.", clock());
    let shop = Shop::open(State::Mistaken, &|up| println!("{}  up: {up}", clock())).await?;
    let mut audit = shop.audit().await?;
    let mut report = shop.report().await?;
    let told = story::tell(&shop, &mut audit, &mut report, &|stage| println!("{}  {stage}", clock())).await?;
    let folder = root().join("target/demo");
    write(&folder, &told)?;
    let mut right = true;
    for run in [&told.production, &told.staging] {
        show(run);
        right &= agrees(run);
    }
    println!();
    for file in
        ["mail.html", "mail.txt", "mail.eml", "report.html", "report.md", "run-production.json", "run-staging.json"]
    {
        println!("  {}", shown(&folder.join(file)).display());
    }
    let seconds = start.elapsed();
    if right {
        let found = shop::wanted("production").len() + shop::wanted("staging").len();
        println!(
            "\n{} all {found} planted findings, and nothing else, in {:.1} s.",
            "Found:".green().bold(),
            seconds.as_secs_f32()
        );
    }
    if seconds > Duration::from_secs(30) {
        eprintln!("It took longer than 30 seconds: this machine is slow or busy.");
    }
    Ok(right)
}

fn write(folder: &Path, told: &story::Told) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let mail = String::from_utf8_lossy(&told.mail.raw);
    let text = mail::part(&mail, "text/plain").ok_or("the mail has no text/plain part")?;
    std::fs::write(folder.join("mail.eml"), &told.mail.raw)?;
    std::fs::write(folder.join("mail.html"), mail::shown(&mail).ok_or("the mail has no text/html part")?)?;
    std::fs::write(folder.join("mail.txt"), text)?;
    std::fs::write(folder.join("report.html"), &told.page)?;
    std::fs::write(folder.join("report.md"), &told.markdown)?;
    for run in [&told.production, &told.staging] {
        let json = serde_json::to_string_pretty(run)?;
        std::fs::write(folder.join(format!("run-{}.json", run.environment)), json)?;
    }
    Ok(())
}

fn show(run: &Run) {
    println!("\n{} {}", run.environment.bold(), verdict(run.verdict));
    for target in &run.targets {
        let fell = target.rungs.iter().find_map(|rung| rung.cause.map(|cause| format!("{} at {:?}", cause, rung.rung)));
        let took: u32 = target.rungs.iter().map(|rung| rung.ms).sum();
        println!(
            "  {:<14} {} {}",
            target.target,
            verdict(target.verdict),
            fell.unwrap_or_else(|| format!("{took} ms")).dimmed()
        );
    }
    let mut open: Vec<&Finding> = run.findings.iter().filter(|finding| finding.outcome == Outcome::Fail).collect();
    open.sort_by(|a, b| (b.severity, &a.check).cmp(&(a.severity, &b.check)));
    for finding in open {
        let severity = format!("{:<8}", finding.severity.name());
        let severity = match finding.severity.name() {
            "critical" | "high" => severity.red().to_string(),
            "medium" => severity.yellow().to_string(),
            _ => severity.dimmed().to_string(),
        };
        println!("  {severity} {:<26} {}", finding.check.bold(), sentence(finding));
    }
    let unknown = run.coverage.unknown;
    println!("  {} answered, {unknown} unknown", run.coverage.answered);
}

fn verdict(verdict: Verdict) -> String {
    let name = format!(" {:<5} ", verdict.name());
    match verdict {
        Verdict::Green => name.black().on_green().to_string(),
        Verdict::Amber => name.black().on_yellow().to_string(),
        Verdict::Red => name.white().on_red().to_string(),
    }
}

fn sentence(finding: &Finding) -> String {
    let fault = finding
        .fault
        .as_deref()
        .and_then(|code| vigie_core::checks::find(&finding.check).and_then(|check| check.fault(code)));
    fault.map_or_else(|| finding.subject.clone(), |fault| fault.says.render(Language::En, &finding.evidence))
}

/// Whether a run found what was planted and nothing else; says what differs.
fn agrees(run: &Run) -> bool {
    let (wanted, found) = (shop::wanted(&run.environment), shop::found(run));
    let missing: BTreeSet<&Key> = wanted.difference(&found).collect();
    let extra: BTreeSet<&Key> = found.difference(&wanted).collect();
    for (environment, check, subject) in &missing {
        eprintln!(
            "{} {environment}: {check} of {subject} {}",
            "planted, not found:".red().bold(),
            answered(run, check)
        );
    }
    for (environment, check, subject) in &extra {
        eprintln!("{} {environment}: {check} of {subject}", "found, not planted:".red().bold());
    }
    missing.is_empty() && extra.is_empty()
}

/// What a check said instead.
fn answered(run: &Run, check: &str) -> String {
    let said: Vec<String> = run
        .findings
        .iter()
        .filter(|finding| finding.check == check)
        .map(|f| format!("{}={:?}{}", f.subject, f.outcome, f.cause.map(|c| format!(" {c}")).unwrap_or_default()))
        .collect();
    if said.is_empty() { "(the check did not answer)".to_owned() } else { format!("({})", said.join(", ")) }
}

/// Relative to where the person is, when that is the workspace.
fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(root()).unwrap_or(path).to_path_buf()
}
