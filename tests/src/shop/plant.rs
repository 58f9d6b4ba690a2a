//! The resources of the app in the emulator and in PostgreSQL, by the calls that a person would make.

use super::{Keys, RUNS};
use crate::client;
use crate::postgres::Tenant;
use crate::sandbox::{REGION, Sandbox, secret};
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_sqs::types::QueueAttributeName;
use std::io;

/// What was made, for the .env files.
pub struct Planted {
    pub vigie: Keys,
    pub production: Environment,
    pub staging: Environment,
    /// Of the installation, for fingerprints.
    pub fingerprint_key: String,
    /// Signs sessions: production's, and staging's when they are mistaken for one another.
    pub session_secrets: [String; 2],
}

pub struct Environment {
    pub keys: Keys,
    pub database_password: String,
}

/// The planter's own key: exists before IAM has made any.
const PLANTER: &str = "AKIAPLANTEROFTHESHOP";

pub async fn plant(sandbox: &Sandbox, mistaken: bool) -> io::Result<Planted> {
    sandbox.aws.front.keys([PLANTER.to_owned()]);
    let config = client::aws(&sandbox.aws.front.url(), REGION, PLANTER, "planter");
    let fingerprint_key = secret(48);
    let session_secrets = [secret(32), secret(32)];
    let (vigie, production, staging, (), ()) = tokio::try_join!(
        user(&config, "vigie", "*"),
        environment(sandbox, &config, "production", mistaken),
        environment(sandbox, &config, "staging", mistaken),
        shared(&config),
        secrets(&config, &fingerprint_key, &session_secrets[0]),
    )?;
    role(&config).await?;
    Ok(Planted { vigie, production, staging, fingerprint_key, session_secrets })
}

async fn environment(sandbox: &Sandbox, config: &SdkConfig, name: &str, mistaken: bool) -> io::Result<Environment> {
    let database_password = secret(18);
    let tenant = format!("shop_{name}");
    let (login, resource) = (format!("shop-{name}-app"), format!("arn:aws:s3:::shop-{name}-*"));
    let (keys, (), (), (), (), ()) = tokio::try_join!(
        user(config, &login, &resource),
        sandbox.postgres.create(Tenant { user: &tenant, password: &database_password, database: &tenant }),
        bucket(config, name, mistaken && name == "production"),
        queues(config, name, mistaken),
        bus(config, name, mistaken && name == "production"),
        alarms(config, name, mistaken && name == "production"),
    )?;
    if name == "production" {
        database(config, if mistaken { 1 } else { 14 }).await?;
    }
    Ok(Environment { keys, database_password })
}

/// What both environments and Vigie share: the account.
async fn shared(config: &SdkConfig) -> io::Result<()> {
    let ses = aws_sdk_ses::Client::new(config);
    ses.verify_domain_identity().domain("shop.internal").send().await.map_err(io::Error::other)?;
    make_bucket(config, RUNS).await
}

async fn secrets(config: &SdkConfig, fingerprint_key: &str, session_secret: &str) -> io::Result<()> {
    let secrets = aws_sdk_secretsmanager::Client::new(config);
    let app = serde_json::json!({ "NEXTAUTH_SECRET": session_secret }).to_string();
    for (name, value) in [("vigie/fingerprint-key", fingerprint_key), ("shop/production", app.as_str())] {
        secrets.create_secret().name(name).secret_string(value).send().await.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn user(config: &SdkConfig, name: &str, resource: &str) -> io::Result<Keys> {
    let iam = aws_sdk_iam::Client::new(config);
    iam.create_user().user_name(name).send().await.map_err(io::Error::other)?;
    let policy = policy(resource);
    iam.put_user_policy()
        .user_name(name)
        .policy_name("app")
        .policy_document(policy)
        .send()
        .await
        .map_err(io::Error::other)?;
    let made = iam.create_access_key().user_name(name).send().await.map_err(io::Error::other)?;
    let key = made.access_key().ok_or_else(|| io::Error::other("IAM made no key"))?;
    Ok(Keys { id: key.access_key_id().to_owned(), secret: key.secret_access_key().to_owned() })
}

fn policy(resource: &str) -> String {
    serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"], "Resource": resource},
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueAttributes"], "Resource": format!("arn:aws:sqs:{REGION}:*:shop-*")},
    ]})
    .to_string()
}

/// What production runs on once it is repaired, instead of a key.
async fn role(config: &SdkConfig) -> io::Result<()> {
    let iam = aws_sdk_iam::Client::new(config);
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]});
    let made = iam.create_role().role_name("shop-production-app").assume_role_policy_document(trust.to_string());
    made.send().await.map_err(io::Error::other)?;
    let policy = policy("arn:aws:s3:::shop-production-*");
    let put = iam.put_role_policy().role_name("shop-production-app").policy_name("app").policy_document(policy);
    put.send().await.map_err(io::Error::other).map(|_| ())
}

async fn make_bucket(config: &SdkConfig, name: &str) -> io::Result<()> {
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(config));
    let place =
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
    s3.create_bucket()
        .bucket(name)
        .create_bucket_configuration(place)
        .send()
        .await
        .map_err(io::Error::other)
        .map(|_| ())
}

async fn bucket(config: &SdkConfig, environment: &str, public: bool) -> io::Result<()> {
    let name = format!("shop-{environment}-media");
    make_bucket(config, &name).await?;
    if !public {
        return Ok(());
    }
    let s3 = aws_sdk_s3::Client::from_conf(client::s3(config));
    s3.delete_public_access_block().bucket(&name).send().await.map_err(io::Error::other)?;
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{name}/*")}]});
    s3.put_bucket_policy().bucket(&name).policy(policy.to_string()).send().await.map_err(io::Error::other).map(|_| ())
}

/// Mistaken: staging's mail queue has no dead-letter queue, and messages have failed for good in production.
async fn queues(config: &SdkConfig, environment: &str, mistaken: bool) -> io::Result<()> {
    let sqs = aws_sdk_sqs::Client::new(config);
    let dlq = format!("shop-{environment}-jobs-dlq");
    let dead = sqs.create_queue().queue_name(&dlq).send().await.map_err(io::Error::other)?;
    let arn = format!("arn:aws:sqs:{REGION}:{}:{dlq}", crate::front::ACCOUNT);
    let redrive = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": "5"}).to_string();
    for queue in ["jobs", "mail"] {
        let mut create = sqs.create_queue().queue_name(format!("shop-{environment}-{queue}"));
        if !(mistaken && environment == "staging" && queue == "mail") {
            create = create.attributes(QueueAttributeName::RedrivePolicy, &redrive);
        }
        create.send().await.map_err(io::Error::other)?;
    }
    if mistaken && environment == "production" {
        for order in ["1041", "1042", "1057"] {
            let body = serde_json::json!({"order": order}).to_string();
            let send = sqs.send_message().queue_url(dead.queue_url().unwrap_or_default()).message_body(body);
            send.send().await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// Mistaken: a rule of which nobody ever set the target.
async fn bus(config: &SdkConfig, environment: &str, mistaken: bool) -> io::Result<()> {
    let events = aws_sdk_eventbridge::Client::new(config);
    let bus = format!("shop-{environment}");
    events.create_event_bus().name(&bus).send().await.map_err(io::Error::other)?;
    for (rule, kind) in [("orders-to-jobs", "OrderPlaced"), ("refunds-to-mail", "RefundIssued")] {
        let pattern = serde_json::json!({"detail-type": [kind]}).to_string();
        events
            .put_rule()
            .name(rule)
            .event_bus_name(&bus)
            .event_pattern(pattern)
            .send()
            .await
            .map_err(io::Error::other)?;
        if mistaken && rule == "refunds-to-mail" {
            continue;
        }
        let queue = rule.rsplit('-').next().unwrap_or_default();
        let target = aws_sdk_eventbridge::types::Target::builder()
            .id(queue)
            .arn(format!("arn:aws:sqs:{REGION}:{}:shop-{environment}-{queue}", crate::front::ACCOUNT))
            .build()
            .map_err(io::Error::other)?;
        events.put_targets().rule(rule).event_bus_name(&bus).targets(target).send().await.map_err(io::Error::other)?;
    }
    Ok(())
}

/// One alarm for each metric that the default contract wants watched. Mistaken: one of them is muted.
async fn alarms(config: &SdkConfig, environment: &str, mistaken: bool) -> io::Result<()> {
    let queue = |name: &str| ("QueueName", format!("shop-{environment}-{name}"));
    let mut wanted = vec![
        ("jobs-waiting", "AWS/SQS", "ApproximateAgeOfOldestMessage", Some(queue("jobs"))),
        ("mail-waiting", "AWS/SQS", "ApproximateAgeOfOldestMessage", Some(queue("mail"))),
        ("jobs-failed", "AWS/SQS", "ApproximateNumberOfMessagesVisible", Some(queue("jobs-dlq"))),
        ("mail-bounces", "AWS/SES", "Reputation.BounceRate", None),
        ("mail-complaints", "AWS/SES", "Reputation.ComplaintRate", None),
        ("events-failed", "AWS/Events", "FailedInvocations", Some(("EventBusName", format!("shop-{environment}")))),
    ];
    if environment == "production" {
        let database = || Some(("DBInstanceIdentifier", "shop-production".to_owned()));
        wanted.extend([
            ("db-cpu", "AWS/RDS", "CPUUtilization", database()),
            ("db-connections", "AWS/RDS", "DatabaseConnections", database()),
            ("db-storage", "AWS/RDS", "FreeStorageSpace", database()),
        ]);
    }
    let cloudwatch = aws_sdk_cloudwatch::Client::new(config);
    for (name, namespace, metric, dimension) in wanted {
        let name = format!("shop-{environment}-{name}");
        let mut put = cloudwatch
            .put_metric_alarm()
            .alarm_name(&name)
            .namespace(namespace)
            .metric_name(metric)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .threshold(300.0)
            .period(300)
            .evaluation_periods(1)
            .statistic(Statistic::Maximum)
            .actions_enabled(!(mistaken && name.ends_with("jobs-failed")))
            .alarm_actions(format!("arn:aws:sns:{REGION}:{}:on-call", crate::front::ACCOUNT));
        if let Some((key, value)) = dimension {
            put = put.dimensions(Dimension::builder().name(key).value(value).build());
        }
        put.send().await.map_err(io::Error::other)?;
        let state = cloudwatch.set_alarm_state().alarm_name(&name).state_value(StateValue::Ok).state_reason("planted");
        state.send().await.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn database(config: &SdkConfig, retention: i32) -> io::Result<()> {
    let rds = aws_sdk_rds::Client::new(config);
    rds.create_db_instance()
        .db_instance_identifier("shop-production")
        .db_instance_class("db.t4g.small")
        .engine("postgres")
        .master_username("postgres")
        .master_user_password(secret(18))
        .allocated_storage(20)
        .backup_retention_period(retention)
        .send()
        .await
        .map_err(io::Error::other)
        .map(|_| ())
}
