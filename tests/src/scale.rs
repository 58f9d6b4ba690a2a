//! Ten thousand environments through the real functions: one dispatch, then audits by workers that pull from the emulator's
//! queue as Lambda's event source mapping does.

use crate::estate::{self, Estate};
use crate::process::Usage;
use crate::runtime::Function;
use crate::sandbox::REGION;
use crate::shop::{RUNS, Shop, State};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Of the dispatch function in the template.
pub const DISPATCH_TIMEOUT: Duration = Duration::from_secs(120);
pub const DISPATCH_MB: u64 = 256;
/// Of the audit function.
pub const AUDIT_TIMEOUT: Duration = Duration::from_secs(60);
pub const AUDIT_MB: u64 = 512;
/// Of the event source mapping of connections.
pub const BATCH: i32 = 5;

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub environments: usize,
    /// How many of them are audited.
    pub audited: usize,
    /// Audit processes side by side.
    pub workers: usize,
}

/// The programs that are measured.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    pub dispatch: &'a Path,
    pub audit: &'a Path,
}

#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub planted: Duration,
    pub dispatch: Part,
    pub audit: Part,
    /// Environments whose message was answered as done, with how many runs each has in the bucket.
    pub runs: BTreeMap<String, usize>,
}

/// One function's share.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// From the first event to the last answer.
    pub wall: Duration,
    /// Of all invocations, added up: what Lambda bills.
    pub billed: Duration,
    pub invocations: u64,
    /// Of the process that had the most.
    pub peak_bytes: u64,
    pub cpu: Duration,
    /// Calls of AWS by operation.
    pub calls: BTreeMap<String, u64>,
}

impl Part {
    fn take(&mut self, usage: Usage) {
        self.peak_bytes = self.peak_bytes.max(usage.peak_bytes);
        self.cpu += usage.cpu;
    }

    /// Calls of a service, or of one operation: `s3:`, `s3:PutObject`.
    #[must_use]
    pub fn calls(&self, of: &str) -> u64 {
        self.calls.iter().filter(|(name, _)| name.starts_with(of)).map(|(_, calls)| calls).sum()
    }
}

/// Plants, dispatches, audits, and counts the runs.
///
/// # Errors
/// A server does not start, a function fails, or the dispatch does not send every message.
pub async fn scale(plan: Plan, programs: Programs<'_>, progress: &(dyn Fn(&str) + Sync)) -> io::Result<Measured> {
    let mut measured = Measured::default();
    let start = Instant::now();
    let shop = Shop::open(State::Repaired, &|_| {}).await?;
    shop.sandbox.aws.front.drop_metrics();
    let estate = Estate::open(&shop, plan.environments).await?;
    measured.planted = start.elapsed();
    progress(&format!("{} environments planted in {:.0?}", plan.environments, measured.planted));
    measured.dispatch = dispatch(&shop, &estate, plan, programs.dispatch).await?;
    progress(&format!("dispatched in {:.1?}", measured.dispatch.wall));
    let (audit, done) = audit(&shop, &estate, plan, programs.audit, progress).await?;
    measured.audit = audit;
    progress(&format!("{} audited in {:.1?}", done.len(), measured.audit.wall));
    measured.runs = done.into_iter().map(|name| (name, 0)).collect();
    for key in keys(&shop).await? {
        let name = key.split('/').nth(1).unwrap_or_default();
        if !key.ends_with(".snapshot.json") {
            *measured.runs.entry(name.to_owned()).or_default() += 1;
        }
    }
    Ok(measured)
}

async fn dispatch(shop: &Shop, estate: &Estate, plan: Plan, program: &Path) -> io::Result<Part> {
    let mut function = estate.function_of(shop, "vigie-dispatch", program).await?;
    let before = shop.sandbox.aws.front.calls();
    let event = json!({"suite": "connections", "scheduled_at": now()});
    let start = Instant::now();
    let answer = function.invoke(&event, DISPATCH_TIMEOUT).await.map_err(io::Error::other)?;
    let wall = start.elapsed();
    if answer["sent"] != plan.environments {
        return Err(io::Error::other(format!("{} environments, and dispatch says {answer}", plan.environments)));
    }
    let mut part = Part { wall, billed: wall, invocations: 1, ..Part::default() };
    part.take(function.usage()?);
    part.calls = since(&before, shop);
    Ok(part)
}

async fn audit(
    shop: &Shop,
    estate: &Estate,
    plan: Plan,
    program: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> io::Result<(Part, Vec<String>)> {
    let left = Arc::new(AtomicUsize::new(plan.audited));
    let before = shop.sandbox.aws.front.calls();
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..plan.workers {
        let function = estate.function_of(shop, "vigie-audit", program).await?;
        // The event source mapping is AWS's own: it does not go through the front, where the function's calls are counted.
        let sqs = aws_sdk_sqs::Client::new(&mapping(shop));
        workers.spawn(work(function, sqs, estate.connections.clone(), left.clone()));
    }
    let (mut part, mut done) = (Part::default(), Vec::new());
    let mut every = tokio::time::interval(Duration::from_secs(30));
    loop {
        tokio::select! {
            worker = workers.join_next() => match worker {
                None => break,
                Some(worker) => {
                    let (own, audited) = worker.map_err(io::Error::other)??;
                    part.billed += own.billed;
                    part.invocations += own.invocations;
                    part.take(Usage { peak_bytes: own.peak_bytes, cpu: own.cpu });
                    done.extend(audited);
                }
            },
            _ = every.tick() => progress(&format!("{} to audit", left.load(Ordering::Relaxed))),
        }
    }
    part.wall = start.elapsed();
    part.calls = since(&before, shop);
    Ok((part, done))
}

/// One concurrent execution: batch after batch, until enough are taken or none is left.
async fn work(
    mut function: Function,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    left: Arc<AtomicUsize>,
) -> io::Result<(Part, Vec<String>)> {
    let (mut part, mut done) = (Part::default(), Vec::new());
    loop {
        let take = |left: usize| Some(left.saturating_sub(BATCH as usize));
        let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        let most = i32::try_from(before).unwrap_or(BATCH).min(BATCH);
        let messages = if most > 0 { estate::receive(&sqs, &queue, most).await? } else { Vec::new() };
        if messages.is_empty() {
            break;
        }
        let start = Instant::now();
        let answer = function.invoke(&estate::event(&messages), AUDIT_TIMEOUT).await.map_err(io::Error::other)?;
        part.billed += start.elapsed();
        part.invocations += 1;
        if estate::settle(&sqs, &queue, &messages, &answer).await? < messages.len() {
            return Err(io::Error::other(format!("{answer}: {}", function.output())));
        }
        for message in messages {
            let body: serde_json::Value = serde_json::from_str(&message.body).map_err(io::Error::other)?;
            done.push(body["environment"].as_str().unwrap_or_default().to_owned());
        }
    }
    if part.invocations > 0 {
        part.take(function.usage()?);
    }
    Ok((part, done))
}

fn mapping(shop: &Shop) -> aws_config::SdkConfig {
    crate::client::aws(&shop.sandbox.aws.emulator(), REGION, &shop.key.id, &shop.key.secret)
}

fn since(before: &BTreeMap<String, u64>, shop: &Shop) -> BTreeMap<String, u64> {
    let mut calls = shop.sandbox.aws.front.calls();
    for (name, count) in before {
        if let Some(now) = calls.get_mut(name) {
            *now -= count;
        }
    }
    calls.retain(|_, count| *count > 0);
    calls
}

/// Every key under `runs/`, a thousand a call.
async fn keys(shop: &Shop) -> io::Result<Vec<String>> {
    let s3 = aws_sdk_s3::Client::from_conf(crate::client::s3(&shop.config()));
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let page = s3.list_objects_v2().bucket(RUNS).prefix("runs/").set_continuation_token(next);
        let page = page.send().await.map_err(io::Error::other)?;
        keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        next = page.next_continuation_token;
        if next.is_none() {
            return Ok(keys);
        }
    }
}

/// The schedule's time is today's.
#[allow(clippy::disallowed_methods)]
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
