//! A canary in every secret place comes out nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::process::Command;
use vigie_tests::postgres::Tenant;
use vigie_tests::shop::{self, RUNS, Shop, State};
use vigie_tests::{client, story};

/// In every planted value, so that any of them is recognised, whole or cut.
const MARK: &str = "c4n4ry";

/// A .env file in which everything that is no name or host holds a canary. What can work works: a canary must survive
/// success as well as failure.
async fn plant(shop: &Shop) -> usize {
    let sandbox = &shop.sandbox;
    let file = sandbox.folder.path().join(".env.production");
    let user = format!("{MARK}user");
    let password = format!("{MARK}Password0123456789");
    sandbox.postgres.create(Tenant { user: &user, password: &password, database: "orders" }).await.unwrap();
    let old = std::fs::read_to_string(&file).unwrap();
    let mut env: String = old
        .lines()
        .filter(|line| {
            !["DATABASE_URL", "NEXTAUTH_URL", "STRIPE_SECRET_KEY", "REDIS_URL", "UPSTASH", "NEXT_PUBLIC"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let (pg, rest, site) = (sandbox.postgres.port, sandbox.upstash.port, sandbox.production.serving.port);
    let planted = [
        (
            "DATABASE_URL",
            format!(
                "postgresql://{user}:{password}@db.shop.internal:{pg}/orders?application_name={MARK}query#{MARK}fragment"
            ),
        ),
        (
            "NEXTAUTH_URL",
            format!("https://{MARK}user:{MARK}pass@app.shop.internal:{site}/{MARK}path?{MARK}=query#{MARK}"),
        ),
        ("CDN_URL", format!("https://{MARK}user:{MARK}pass@app.shop.internal:{site}/{MARK}/object?sig={MARK}")),
        (
            "UPSTASH_REDIS_REST_URL",
            format!("https://{MARK}user:{MARK}pass@cache.shop.internal:{rest}/{MARK}path?{MARK}=1"),
        ),
        ("UPSTASH_REDIS_REST_TOKEN", format!("{MARK}TokenAAAAAAAAAAAAAAAA")),
        (
            "REDIS_URL",
            format!("redis://{MARK}user:{MARK}pass@cache.shop.internal:{}/{MARK}?{MARK}=1", sandbox.redis.port),
        ),
        (
            "REPORTS_QUEUE_URL",
            format!(
                "https://{MARK}user:{MARK}@sqs.eu-west-1.amazonaws.com/000000000000/shop-production-reports?{MARK}=1#{MARK}"
            ),
        ),
        ("STRIPE_SECRET_KEY", format!("sk_live_{MARK}0123456789abcdef")),
        ("NEXT_PUBLIC_API_SECRET", format!("{MARK}PublicSecret012345")),
        ("WEBHOOK_SIGNING_KEY", format!("{MARK}WebhookSigningKey0123456789")),
        ("A_NAME_THAT_NO_CONTRACT_KNOWS", format!("{MARK}Unknown0123456789")),
        ("AWS_SESSION_TOKEN", format!("{MARK}SessionToken0123456789")),
        ("SENTRY_DSN", format!("https://{MARK}@sentry.shop.internal/{MARK}")),
        // A plain variable whose value looks like a secret is one.
        ("EVENTBRIDGE_EVENT_BUS", format!("sk_live_{MARK}InAPlainPlace0123456789")),
    ];
    for (name, value) in &planted {
        writeln!(env, "{name}={value}").unwrap();
    }
    std::fs::write(&file, env).unwrap();
    planted.len()
}

// The terminal's process asks a front that lives in this one: a second thread must serve it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_comes_out_nowhere() {
    let shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    assert!(plant(&shop).await > 10);
    let (mut audit, mut report) = (shop.audit().await.unwrap(), shop.report().await.unwrap());
    let told = story::tell(&shop, &mut audit, &mut report, &|_| {}).await.unwrap();
    let answer = serde_json::to_string(&shop::on_demand(&mut audit, "production").await.unwrap()).unwrap();
    // An event that is wrong, with canaries where a person might paste one.
    let pasted = serde_json::json!({"environment": "production", "suite": "full", "token": "nothing of ours"});
    let refused = audit.invoke(&pasted, shop::TIMEOUT).await.unwrap_err().to_string();
    let mail = String::from_utf8(told.mail.raw).unwrap();
    let mut said: Vec<(String, String)> = vec![
        ("answer".into(), answer),
        ("error".into(), refused),
        ("mail".into(), mail.clone()),
        ("mail, plain".into(), vigie_tests::mail::part(&mail, "text/plain").unwrap()),
        ("mail, HTML".into(), vigie_tests::mail::part(&mail, "text/html").unwrap()),
        ("audit's log".into(), audit.output()),
        ("report's log".into(), report.output()),
        ("events".into(), format!("{:?}", shop.sandbox.aws.front.events())),
        ("metrics".into(), metrics(&shop).await),
        ("terminal".into(), terminal(&shop, "text")),
        ("terminal, JSON".into(), terminal(&shop, "json")),
        ("terminal, Markdown".into(), terminal(&shop, "markdown")),
    ];
    said.extend(objects(&shop).await);
    let secrets = shop.secrets.iter().map(String::as_str).chain([MARK]);
    for secret in secrets {
        for (place, text) in &said {
            assert!(!text.contains(secret), "{place} holds {secret}: {}", around(text, secret));
        }
    }
    // The positive control: what may be shown is shown, so the looking works.
    let all = said.iter().fold(String::new(), |all, (_, text)| all + text);
    for shown in
        ["shop-production-media", "db.shop.internal", "orders", "shop-production-jobs-dlq", "NEXT_PUBLIC_API_SECRET"]
    {
        assert!(all.contains(shown), "{shown} is shown nowhere");
    }
    assert!(said.len() > 20, "runs, snapshots and heads are among what was looked at");
}

/// Every object of the runs bucket, as it lies there.
async fn objects(shop: &Shop) -> Vec<(String, String)> {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(&shop.config()));
    let mut out = Vec::new();
    for key in shop.keys("").await.unwrap() {
        let object = s3.get_object().bucket(RUNS).key(&key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().into_bytes();
        out.push((key, String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(out.iter().any(|(key, _)| key.starts_with("heads/")), "there is a head");
    out
}

async fn metrics(shop: &Shop) -> String {
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&shop.config());
    format!("{:?}", cloudwatch.list_metrics().namespace("Vigie").send().await.unwrap().metrics())
}

/// `vigie audit` from a terminal: all that it prints.
fn terminal(shop: &Shop, format: &str) -> String {
    let folder = shop.sandbox.folder.path();
    let output = Command::new(vigie_tests::aws::program("vigie").unwrap())
        .args(["audit", "--environment", "production", "--config", "vigie.toml", "--format", format])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_REGION", vigie_tests::sandbox::REGION)
        .env("AWS_ENDPOINT_URL", shop.sandbox.aws.front.url())
        .env("AWS_ACCESS_KEY_ID", &shop.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &shop.key.secret)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

fn around(text: &str, secret: &str) -> String {
    let at = text.find(secret).unwrap_or(0);
    let from = text[..at].char_indices().rev().nth(80).map_or(0, |(index, _)| index);
    text[from..].chars().take(200).collect()
}
