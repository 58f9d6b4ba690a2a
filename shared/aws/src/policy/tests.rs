use super::*;
use vigie_core::checks;
use vigie_core::config::Writes;
use vigie_core::config::{self, Config};
use vigie_core::variables::Variables;
use vigie_core::{targets, variables};

fn place() -> Place {
    Place::new("eu-west-1", "111122223333")
}

/// Every action of a function's statements.
fn actions(function: Function) -> BTreeSet<&'static str> {
    statements(function, &template::own()).into_iter().flat_map(|statement| statement.actions).collect()
}

#[test]
fn each_function_has_its_own_and_no_more() {
    let of = |function| {
        let services: BTreeSet<&str> = actions(function).iter().filter_map(|a| a.split(':').next()).collect();
        services.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(Function::Dispatch), "cloudwatch events s3 sqs");
    assert_eq!(of(Function::Report), "cloudwatch events s3 ses");
    assert!(!of(Function::Report).contains("secretsmanager"));
    // Of an account that is audited nothing is written but the probe's own object.
    let writes: Vec<&str> = actions(Function::Target)
        .into_iter()
        .filter(|a| !a.contains(":Get") && !a.contains(":List") && !a.contains(":Describe"))
        .collect();
    assert_eq!(writes, ["kms:Decrypt", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]);
}

#[test]
fn every_action_that_a_check_needs_is_granted_once_per_resource() {
    for check in checks::all() {
        for question in check.reads {
            for action in question.asked().actions.iter().chain(question.asked().otherwise) {
                assert!(actions(Function::Target).contains(action), "{}: {action}", check.id);
            }
        }
    }
    let probes = probes();
    let sids: BTreeSet<&str> = probes.iter().map(|statement| statement.sid.as_str()).collect();
    assert_eq!(sids.len(), probes.len(), "a Sid is a name");
    assert!(
        sids.iter().all(|sid| sid.bytes().all(|b| b.is_ascii_alphanumeric())),
        "IAM takes letters and digits: {sids:?}"
    );
}

#[test]
fn nothing_is_granted_on_everything_that_could_be_narrower() {
    // Source: AWS Service Authorization Reference: these know no resource type, or are asked without naming one.
    let wide = [
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:PutMetricData",
        "events:ListRules",
        "lambda:GetAccountSettings",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "s3:GetAccountPublicAccessBlock",
        "ses:GetAccount",
        "ses:GetAccountSendingEnabled",
        "ses:GetIdentityVerificationAttributes",
        "ses:GetSendQuota",
        "ses:GetSendStatistics",
    ];
    for function in Function::ALL {
        for statement in statements(function, &template::own()).iter().filter(|statement| statement.on == On::Any) {
            for action in &statement.actions {
                assert!(wide.contains(action), "{action} on everything, in {}", statement.sid);
            }
        }
    }
    let metrics = statements(Function::Dispatch, &template::own());
    let metrics = metrics.iter().find(|s| s.actions.contains("cloudwatch:PutMetricData")).expect("declared");
    assert_eq!(
        metrics.condition.as_ref().map(|c| (c.key, c.values.clone())),
        Some(("cloudwatch:namespace", vec!["Vigie".to_owned()]))
    );
}

fn shop() -> (Config, Variables) {
    let text = r#"
[environment.production]
class = "production"
variables = ["dotenv:.env", "ssm:/shop/", "secretsmanager:shop/production", "amplify:d1/main"]
writes = "full"
[environment.staging]
class = "staging"
variables = ["dotenv:.env"]
role = "arn:aws:iam::444455556666:role/vigie-target"
"#;
    let env = "AWS_S3_BUCKET=shop-media\nEVENTBRIDGE_EVENT_BUS=shop\n\
        JOBS_QUEUE_URL=https://sqs.eu-west-3.amazonaws.com/111122223333/jobs\nMAIL_QUEUE_URL=https://nowhere/\n";
    let (found, _) = variables::dotenv::parse(env);
    let mut read = Variables::default();
    for (name, value, ..) in found {
        read.values.insert(name, variables::Variable { value, source: "dotenv:.env".to_owned() });
    }
    (config::parse(text, "vigie.toml").expect("right"), read)
}

fn of(name: &str, change: impl FnOnce(&mut config::EnvironmentConfig)) -> Configured {
    let (mut config, variables) = shop();
    let environment = config.environment.get_mut(name).expect("declared");
    change(environment);
    let targets = targets::derive(&variables, &environment.contract);
    configured(environment, &targets, Seen::default(), &place())
}

#[test]
fn what_is_configured_has_its_own_arns() {
    let found = of("production", |_| {});
    let said = parameters(&found.lists);
    for line in [
        "Buckets=\"arn:aws:s3:::shop-media\"\n",
        "ProbeObjects=\"arn:aws:s3:::shop-media/vigie-probe/*\"\n",
        "Queues=\"arn:aws:sqs:eu-west-3:111122223333:jobs\"\n",
        "Buses=\"arn:aws:events:eu-west-1:111122223333:event-bus/shop\"\n",
        "Rules=\"arn:aws:events:eu-west-1:111122223333:rule/shop/*\"\n",
        "Parameters=\"arn:aws:ssm:eu-west-1:111122223333:parameter/shop,arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*\"\n",
        "Secrets=\"arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/production-??????\"\n",
        "Functions=\"\"\n",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert_eq!(said.lines().count(), List::ALL.len());
    assert_eq!(found.missing.len(), 1, "{:?}", found.missing);
    assert!(found.missing[0].what.contains("MAIL_QUEUE_URL"));
}

#[test]
fn without_writes_or_with_an_identity_of_the_app_s_own_nothing_is_written() {
    let object = |found: &Configured| found.lists.contains_key(&List::ProbeObjects);
    assert!(object(&of("production", |_| {})));
    assert!(!object(&of("production", |e| e.writes = Writes::Off)));
    assert!(!object(&of("production", |e| e.app_role = Some("arn:aws:iam::111122223333:role/app".to_owned()))));
}

#[test]
fn an_empty_list_drops_its_statement_and_widens_nothing() {
    let lists = of("production", |_| {}).lists;
    let policy = document(&statements(Function::Target, &Own::default()), &lists, &place());
    let sids: Vec<&str> =
        policy["Statement"].as_array().into_iter().flatten().filter_map(|s| s["Sid"].as_str()).collect();
    assert!(
        sids.contains(&"AskBuckets") && sids.contains(&"ValuesApps") && !sids.contains(&"ValuesFunctions"),
        "{sids:?}"
    );
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        let resources = statement["Resource"].as_array().expect("a list");
        assert!(
            !resources.is_empty()
                && resources.iter().all(|r| r == "*" || r.as_str().is_some_and(|r| !r.contains(":*:")))
        );
    }
    let empty = document(&statements(Function::Target, &Own::default()), &Lists::new(), &place());
    for statement in empty["Statement"].as_array().into_iter().flatten() {
        assert_eq!(statement["Resource"][0], "*", "only what knows no resource is left: {statement}");
    }
}

#[test]
fn the_partition_follows_the_region() {
    let arn = "arn:*:sqs:*:*:jobs";
    assert_eq!(Place::new("cn-north-1", "111122223333").fill(arn), "arn:aws-cn:sqs:cn-north-1:111122223333:jobs");
    assert_eq!(place().fill("arn:*:s3:::media"), "arn:aws:s3:::media");
    assert_eq!(place().fill("arn:aws:iam::9:role/x"), "arn:aws:iam::9:role/x");
}

#[test]
fn the_template_s_form_has_references_and_conditions() {
    let audit = template::section("audit", 12).expect("there is one");
    for part in [
        "            - !If\n              - HasBuckets\n              - Sid: AskBuckets\n                Effect: Allow\n                Action:\n",
        "                Resource: !Ref Buckets\n              - !Ref AWS::NoValue\n",
        "                - !Sub \"arn:${AWS::Partition}:s3:::${RunsBucket}/heads/*\"\n",
        "                - !GetAtt ConnectionsQueue.Arn\n",
        "                  cloudwatch:namespace:\n                    - Vigie\n",
    ] {
        assert!(audit.contains(part), "{part}\nis not in\n{audit}");
    }
    assert!(
        template::section("report", 0).expect("there is one").contains("ses:FromAddress:\n          - !Ref ReportFrom")
    );
    assert!(!template::section("target", 0).expect("there is one").contains("RunsBucket"));
    assert!(template::section("nobody", 0).is_none());
}
