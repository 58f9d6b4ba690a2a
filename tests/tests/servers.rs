//! Each server of the sandbox does what the rest leans on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aws_sdk_s3::error::ProvideErrorMetadata;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use std::time::Duration;
use vigie_tests::aws::Aws;
use vigie_tests::ca::{Ca, Validity};
use vigie_tests::dns::Dns;
use vigie_tests::front::{Account, Fault};
use vigie_tests::postgres::{Postgres, Tenant};
use vigie_tests::redis::Redis;
use vigie_tests::{client, upstash};

const REGION: &str = "eu-west-1";

#[tokio::test]
async fn postgres_asks_for_a_password_and_shows_our_certificate() {
    let ca = Ca::new("Sandbox CA").unwrap();
    let leaf = ca.leaf(&["db.shop.internal"], Validity::Healthy).unwrap();
    let mut server = Postgres::start(&leaf).await.unwrap();
    let tenant = Tenant { user: "shop", password: "p@ss'word", database: "shop_production" };
    server.create(tenant).await.unwrap();
    let login = |password: &str| {
        let mut config = tokio_postgres::Config::new();
        config.host("db.shop.internal").hostaddr([127, 0, 0, 1].into()).port(server.port);
        config.user("shop").password(password).dbname("shop_production");
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
        config
    };
    let trusting = client::postgres_tls(&[ca.pem()]).unwrap();
    let (session, connection) = login("p@ss'word").connect(trusting.clone()).await.unwrap();
    tokio::spawn(connection);
    let row =
        session.query_one("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    assert_eq!(row.get::<_, String>(1), "TLSv1.3");

    let wrong = login("wrong").connect(trusting.clone()).await.err().unwrap();
    assert_eq!(wrong.code().unwrap().code(), "28P01");
    let stranger = client::postgres_tls(&[Ca::new("Another CA").unwrap().pem()]).unwrap();
    assert!(login("p@ss'word").connect(stranger).await.is_err(), "a stranger's root must not verify it");

    server.read_only("shop", true).await.unwrap();
    let (session, connection) = login("p@ss'word").connect(trusting).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(session.execute("CREATE TABLE t (a int)", &[]).await.err().unwrap().code().unwrap().code(), "25006");
    let folder = server.folder().to_path_buf();
    server.stop();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!folder.exists(), "the cluster is removed with its server");
}

#[tokio::test]
async fn redis_answers_through_the_upstash_front() {
    let ca = Ca::new("Sandbox CA").unwrap();
    let leaf = ca.leaf(&["cache.shop.internal"], Validity::Healthy).unwrap();
    let redis = Redis::start("a-password").await.unwrap();
    let front = upstash::start(leaf.server().unwrap(), redis.connection().await.unwrap(), "a-token").await.unwrap();
    let http = client::http(&ca, &[("cache.shop.internal", front.port)]).unwrap();
    let ask = |path: &'static str, token: &'static str, body: serde_json::Value| {
        http.post(format!("https://cache.shop.internal:{}{path}", front.port)).bearer_auth(token).json(&body).send()
    };
    let pong = ask("/", "a-token", serde_json::json!(["PING"])).await.unwrap();
    assert_eq!(pong.json::<serde_json::Value>().await.unwrap(), serde_json::json!({"result": "PONG"}));
    let refused = ask("/", "another", serde_json::json!(["PING"])).await.unwrap();
    assert_eq!(refused.status(), 401);
    let words = serde_json::json!([["SET", "k", "v", "EX", 60], ["GET", "k"], ["TTL", "k"], ["DEL", "k"]]);
    let many = ask("/pipeline", "a-token", words).await.unwrap().json::<serde_json::Value>().await.unwrap();
    assert_eq!(many[0]["result"], "OK");
    assert_eq!(many[1]["result"], "v");
    assert!((1..=60).contains(&many[2]["result"].as_i64().unwrap()));
    assert_eq!(many[3]["result"], 1);
    let wrong = ask("/", "a-token", serde_json::json!(["NOSUCH"])).await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.json::<serde_json::Value>().await.unwrap()["error"].as_str().unwrap().starts_with("ERR"));
}

#[tokio::test]
async fn a_server_is_gone_when_it_is_dropped() {
    let redis = Redis::start("a-password").await.unwrap();
    let port = redis.port;
    drop(redis);
    assert!(!vigie_tests::process::listens(port).await);
}

#[tokio::test]
async fn dns_knows_the_shop_and_nobody_else() {
    let dns = Dns::start("shop.internal", &["db.shop.internal"]).await.unwrap();
    let server = {
        let mut server = NameServerConfig::udp([127, 0, 0, 1].into());
        for connection in &mut server.connections {
            connection.port = dns.port;
        }
        server
    };
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let resolver = hickory_resolver::TokioResolver::builder_with_config(config, Default::default()).build().unwrap();
    let found = resolver.lookup_ip("db.shop.internal.").await.unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), vec![std::net::IpAddr::from([127, 0, 0, 1])]);
    assert!(resolver.lookup_ip("nobody.shop.internal.").await.is_err());
}

#[tokio::test]
async fn the_emulator_behind_the_front_behaves_as_aws() {
    let aws = Aws::start(REGION, &[]).await.unwrap();
    let config = client::aws(&aws.front.url(), REGION, "test", "test");
    conditional_puts(&aws_sdk_s3::Client::from_conf(client::s3(&config))).await;
    mail(&aws, &aws_sdk_ses::Client::new(&config)).await;
    faults(&aws, &config).await;
}

async fn conditional_puts(s3: &aws_sdk_s3::Client) {
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    s3.create_bucket().bucket("vigie-runs").create_bucket_configuration(place).send().await.unwrap();
    let put = || s3.put_object().bucket("vigie-runs").key("heads/a.json").body(b"{}".to_vec().into());
    let first = put().if_none_match("*").send().await.unwrap();
    let again = put().if_none_match("*").send().await.unwrap_err();
    assert_eq!(again.raw_response().unwrap().status().as_u16(), 412);
    let tag = first.e_tag().unwrap();
    s3.put_object()
        .bucket("vigie-runs")
        .key("heads/a.json")
        .body(b"{1}".to_vec().into())
        .if_match(tag)
        .send()
        .await
        .unwrap();
    assert_eq!(put().if_match(tag).send().await.unwrap_err().raw_response().unwrap().status().as_u16(), 412);
    // What the front adds.
    let block = s3.get_public_access_block().bucket("vigie-runs").send().await.unwrap();
    assert_eq!(block.public_access_block_configuration().unwrap().block_public_policy(), Some(true));
    let none = s3.get_bucket_policy_status().bucket("vigie-runs").send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchBucketPolicy"));
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::vigie-runs/*"}]}"#;
    s3.put_bucket_policy().bucket("vigie-runs").policy(policy).send().await.unwrap();
    let public = s3.get_bucket_policy_status().bucket("vigie-runs").send().await.unwrap();
    assert_eq!(public.policy_status().unwrap().is_public(), Some(true));
    let foreign = s3.head_bucket().bucket("vigie-runs").expected_bucket_owner("111122223333").send().await.unwrap_err();
    assert_eq!(foreign.raw_response().unwrap().status().as_u16(), 403);
}

async fn mail(aws: &Aws, ses: &aws_sdk_ses::Client) {
    ses.verify_domain_identity().domain("shop.test").send().await.unwrap();
    let asked = ses.get_identity_verification_attributes().identities("shop.test").identities("nobody.test");
    let found = asked.send().await.unwrap();
    assert_eq!(found.verification_attributes().keys().collect::<Vec<_>>(), vec!["shop.test"]);
    assert!(ses.get_account_sending_enabled().send().await.unwrap().enabled());
    aws.front.account(Account { production: false, sending: false });
    assert!(!ses.get_account_sending_enabled().send().await.unwrap().enabled());
    assert!((ses.get_send_quota().send().await.unwrap().max24_hour_send() - 200.0).abs() < 0.1);
    let raw =
        aws_sdk_ses::types::RawMessage::builder().data(b"Subject: hello\r\n\r\nworld".to_vec().into()).build().unwrap();
    ses.send_raw_email().source("a@shop.test").destinations("b@shop.test").raw_message(raw).send().await.unwrap();
    let mails = aws.front.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].raw, b"Subject: hello\r\n\r\nworld");
    assert_eq!(mails[0].destinations, ["b@shop.test"]);
}

async fn faults(aws: &Aws, config: &aws_types::SdkConfig) {
    let sqs = aws_sdk_sqs::Client::new(config);
    let events = aws_sdk_eventbridge::Client::new(config);
    let cloudwatch = aws_sdk_cloudwatch::Client::new(config);
    aws.front.inject("sqs:ListQueues", Fault::Denied);
    assert_eq!(sqs.list_queues().send().await.unwrap_err().code(), Some("AccessDeniedException"));
    aws.front.inject("events:ListRules", Fault::Throttled);
    assert_eq!(events.list_rules().send().await.unwrap_err().code(), Some("ThrottlingException"));
    aws.front.inject("cloudwatch:DescribeAlarms", Fault::Denied);
    let denied = cloudwatch.describe_alarms().send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDenied"));
    // The positive control.
    aws.front.heal("sqs:ListQueues");
    aws.front.heal("cloudwatch:DescribeAlarms");
    sqs.list_queues().send().await.unwrap();
    cloudwatch.describe_alarms().send().await.unwrap();
    assert_eq!(aws.front.calls()["sqs:ListQueues"], 2);
    // A key that nobody made.
    aws.front.keys(["AKIAKNOWN".to_owned()]);
    assert_eq!(
        aws_sdk_ses::Client::new(config).get_send_quota().send().await.unwrap_err().code(),
        Some("InvalidClientTokenId")
    );
}
