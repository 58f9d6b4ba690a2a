//! vigie.toml and one .env file an environment, as the shop's own team would write them.

use super::RUNS;
use super::plant::Planted;
use crate::sandbox::{REGION, Sandbox, secret};
use std::fmt::Write as _;
use std::io;

/// Writes them, and gives back every secret in them.
pub fn write(sandbox: &Sandbox, planted: &Planted, mistaken: bool) -> io::Result<Vec<String>> {
    let folder = sandbox.folder.path();
    let production = production(sandbox, planted, mistaken);
    let staging = staging(sandbox, planted, mistaken);
    std::fs::write(folder.join(".env.production"), production.text())?;
    std::fs::write(folder.join(".env.staging"), staging.text())?;
    std::fs::write(folder.join("vigie.toml"), configuration(sandbox, mistaken))?;
    let port = |site: &crate::site::Site| site.serving.port;
    let local = "http://localhost:3000".to_owned();
    let own = format!("https://app.shop.internal:{}", port(&sandbox.production));
    sandbox.production.callbacks(if mistaken { &local } else { &own });
    sandbox.staging.callbacks(&format!("https://staging.shop.internal:{}", port(&sandbox.staging)));
    let mut secrets = production.secrets;
    secrets.extend(staging.secrets);
    secrets.extend([planted.fingerprint_key.clone(), planted.vigie.secret.clone(), planted.session_secrets[0].clone()]);
    Ok(secrets)
}

/// The lines of a .env file.
#[derive(Default)]
struct Env {
    lines: Vec<(&'static str, String)>,
    secrets: Vec<String>,
}

impl Env {
    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.lines.push((name, value.into()));
    }

    /// A value that must never be seen again.
    fn secret(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.secrets.push(value.clone());
        self.set(name, value);
    }

    fn text(&self) -> String {
        self.lines.iter().fold(String::from("# Deployed by CI\n"), |mut text, (name, value)| {
            let _ = writeln!(text, "{name}={value}");
            text
        })
    }
}

fn production(sandbox: &Sandbox, planted: &Planted, mistaken: bool) -> Env {
    let mut env = common(sandbox, planted, "production", mistaken);
    let mode = if mistaken { "test" } else { "live" };
    env.secret("STRIPE_SECRET_KEY", format!("sk_{mode}_{}", alphanumeric(32)));
    env.set("NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY", format!("pk_{mode}_{}", alphanumeric(32)));
    // NEXTAUTH_SECRET comes from Secrets Manager.
    if mistaken {
        env.secret(
            "REDIS_URL",
            format!("redis://:{}@cache.shop.internal:{}", sandbox.redis.password, sandbox.redis.port),
        );
        env.secret("NEXT_PUBLIC_MAPS_TOKEN", secret(30));
        env.secret("AWS_ACCESS_KEY_ID", &planted.production.keys.id);
        env.secret("AWS_SECRET_ACCESS_KEY", &planted.production.keys.secret);
    } else {
        upstash(&mut env, sandbox, "cache.shop.internal");
        env.secret("WEBHOOK_SIGNING_KEY", secret(32));
        env.secret("MAPS_TOKEN", secret(30));
    }
    env
}

fn staging(sandbox: &Sandbox, planted: &Planted, mistaken: bool) -> Env {
    let mut env = common(sandbox, planted, "staging", mistaken);
    env.secret("NEXTAUTH_SECRET", &planted.session_secrets[usize::from(!mistaken)]);
    upstash(&mut env, sandbox, "cache-staging.shop.internal");
    env.secret("AWS_ACCESS_KEY_ID", &planted.staging.keys.id);
    env.secret("AWS_SECRET_ACCESS_KEY", &planted.staging.keys.secret);
    env.secret("STRIPE_SECRET_KEY", format!("sk_test_{}", alphanumeric(32)));
    env.set("NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY", format!("pk_test_{}", alphanumeric(32)));
    env
}

fn common(sandbox: &Sandbox, planted: &Planted, name: &str, mistaken: bool) -> Env {
    let mut env = Env::default();
    let (site, environment, database, app) = match name {
        "production" => (&sandbox.production, &planted.production, "db.shop.internal", "app.shop.internal"),
        _ => (&sandbox.staging, &planted.staging, "db-staging.shop.internal", "staging.shop.internal"),
    };
    let password = &environment.database_password;
    let port = sandbox.postgres.port;
    // Mistaken, production's TLS is set in the app's code alone: rejectUnauthorized: false.
    let tls = if mistaken && name == "production" { "" } else { "?sslmode=verify-full" };
    env.set("NODE_ENV", "production");
    env.set("NEXTAUTH_URL", format!("https://{app}:{}", site.serving.port));
    env.set("DATABASE_URL", format!("postgresql://shop_{name}:{password}@{database}:{port}/shop_{name}{tls}"));
    env.secrets.push(password.clone());
    env.set("AWS_REGION", REGION);
    env.set("AWS_S3_BUCKET", format!("shop-{name}-media"));
    env.set("EVENTBRIDGE_EVENT_BUS", format!("shop-{name}"));
    env.set("FROM_EMAIL", if name == "production" { "hello@shop.internal" } else { "staging@shop.internal" });
    for (variable, queue) in [("JOBS_QUEUE_URL", "jobs"), ("MAIL_QUEUE_URL", "mail"), ("JOBS_DLQ_URL", "jobs-dlq")] {
        let account = crate::front::ACCOUNT;
        env.set(variable, format!("https://sqs.{REGION}.amazonaws.com/{account}/shop-{name}-{queue}"));
    }
    env
}

fn upstash(env: &mut Env, sandbox: &Sandbox, host: &str) {
    env.set("UPSTASH_REDIS_REST_URL", format!("https://{host}:{}", sandbox.upstash.port));
    env.secret("UPSTASH_REDIS_REST_TOKEN", &sandbox.upstash_token);
}

fn configuration(sandbox: &Sandbox, mistaken: bool) -> String {
    let resolver = sandbox.dns.address();
    let required = r#"required = [["DATABASE_URL"], ["NEXTAUTH_SECRET", "AUTH_SECRET"], ["NEXTAUTH_URL", "AUTH_URL"], ["AWS_REGION"], ["AWS_ACCESS_KEY_ID"], ["AWS_SECRET_ACCESS_KEY"], ["WEBHOOK_SIGNING_KEY"]]"#;
    // The seed's own database settings: certificates unverified, twenty connections in each of four processes.
    let (database, role) = if mistaken {
        ("tls_verify = false\npool_max = 20", "")
    } else {
        ("pool_max = 5\naws = \"role\"", "app_role = \"arn:aws:iam::000000000000:role/shop-production-app\"\n")
    };
    format!(
        r#"fingerprint_key = "secretsmanager:vigie/fingerprint-key"

[runs]
bucket = "{RUNS}"

[report]
from = "vigie@shop.internal"
[[report.to]]
address = "team@shop.internal"
language = "en"
time_zone = "Europe/Paris"
hour = 0

[network]
resolver = "{resolver}"
extra_ca = "ca.pem"

[environment.production]
class = "production"
variables = ["dotenv:.env.production", "secretsmanager:shop/production"]
writes = "full"
{role}
[environment.production.contract]
{required}
{database}
processes = 4
connect_timeout_ms = 2000
rds = ["shop-production"]
alarm_prefix = "shop-production-"

[environment.staging]
class = "staging"
variables = ["dotenv:.env.staging"]
writes = "full"

[environment.staging.contract]
alarm_prefix = "shop-staging-"
"#
    )
}

/// Letters and digits, as Stripe's keys are.
fn alphanumeric(length: usize) -> String {
    std::iter::repeat_with(|| secret(length))
        .flat_map(|s| s.into_bytes())
        .filter(u8::is_ascii_alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}
