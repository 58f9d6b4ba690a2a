//! The shop's production as a team would hand it to the stack: by parameters alone.

use crate::sandbox::REGION;
use crate::shop::Shop;
use std::io;

/// What the stack's parameters say of the shop. Its variables are put where an app's are: into Secrets Manager.
///
/// # Errors
/// The emulator refuses.
pub async fn parameters(shop: &Shop) -> io::Result<Vec<(&'static str, String)>> {
    let variables = std::fs::read_to_string(shop.sandbox.folder.path().join(".env.production"))?;
    let variables: serde_json::Map<String, serde_json::Value> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let secrets = aws_sdk_secretsmanager::Client::new(&shop.config());
    let secret = secrets.create_secret().name("shop/variables");
    let secret = secret.secret_string(serde_json::Value::from(variables).to_string());
    secret.send().await.map_err(io::Error::other)?;
    let account = crate::front::ACCOUNT;
    let arn = |service: &str, name: &str| format!("arn:aws:{service}:{REGION}:{account}:{name}");
    let queues = ["jobs", "mail", "jobs-dlq"].map(|queue| arn("sqs", &format!("shop-production-{queue}")));
    let secrets = ["shop/variables", "shop/production"].map(|name| arn("secretsmanager", &format!("secret:{name}-*")));
    Ok(vec![
        ("EnvironmentName", "production".to_owned()),
        ("Class", "production".to_owned()),
        ("Variables", "secretsmanager:shop/variables,secretsmanager:shop/production".to_owned()),
        ("AlertEmail", "on-call@shop.internal".to_owned()),
        ("ReportFrom", "vigie@shop.internal".to_owned()),
        ("ReportTo", "team@shop.internal".to_owned()),
        ("Buckets", "arn:aws:s3:::shop-production-media".to_owned()),
        ("ProbeObjects", "arn:aws:s3:::shop-production-media/vigie-probe/*".to_owned()),
        ("Queues", queues.join(",")),
        ("Buses", arn("events", "event-bus/shop-production")),
        ("Rules", arn("events", "rule/shop-production/*")),
        ("Secrets", secrets.join(",")),
    ])
}
