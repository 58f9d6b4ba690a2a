//! The shop is planted as its lists say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use vigie_tests::client;
use vigie_tests::sandbox::REGION;
use vigie_tests::shop::{Shop, State};

#[tokio::test]
async fn the_shop_opens_with_its_mistakes() {
    let start = std::time::Instant::now();
    let shop = Shop::open(State::Mistaken, &|_| {}).await.unwrap();
    println!("open after {:?}", start.elapsed());
    let sandbox = &shop.sandbox;
    let toml = std::fs::read_to_string(sandbox.folder.path().join("vigie.toml")).unwrap();
    let config = vigie_core::config::parse(&toml, "vigie.toml").unwrap();
    assert_eq!(config.environment.keys().collect::<Vec<_>>(), ["production", "staging"]);
    // A known key asks, an invented one is refused.
    let sqs = aws_sdk_sqs::Client::new(&shop.config());
    let url = "https://sqs.eu-west-1.amazonaws.com/000000000000/shop-production-jobs-dlq";
    let asked = sqs.get_queue_attributes().queue_url(url).attribute_names("All".into()).send().await.unwrap();
    let waiting = &asked.attributes().unwrap()[&"ApproximateNumberOfMessages".into()];
    assert_eq!(waiting, "3");
    let stranger = client::aws(&sandbox.aws.front.url(), REGION, "AKIAAAAAAAAAAAAAAAAA", "s");
    assert!(aws_sdk_sqs::Client::new(&stranger).list_queues().send().await.is_err());
    assert!(shop.secrets.len() > 10 && shop.secrets.iter().all(|secret| secret.len() >= 16));
}

#[tokio::test]
async fn the_repaired_shop_opens_too() {
    let shop = Shop::open(State::Repaired, &|_| {}).await.unwrap();
    let toml = std::fs::read_to_string(shop.sandbox.folder.path().join("vigie.toml")).unwrap();
    vigie_core::config::parse(&toml, "vigie.toml").unwrap();
}
