//! Decides by the text of the deployed policies, as IAM would. What is not understood, of a policy or of a request, is a
//! doubt: it is refused, kept, and fails the test that looks at [`super::Front::doubts`]. It is never an allow.
//!
//! The evaluation is that of the crate `iam-rs`; what it leaves out (keys of a statement that it does not know) is
//! refused here.

use iam_rs::{Arn, Context, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId};
use serde_json::Value;

/// What a role may do.
#[derive(Clone, Debug)]
pub struct Rights {
    evaluator: PolicyEvaluator,
}

/// One action on one resource, with what conditions look at.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub action: &'static str,
    pub resource: String,
    pub context: Vec<(&'static str, String)>,
}

const KEYS: [&str; 5] = ["Sid", "Effect", "Action", "Resource", "Condition"];

impl Rights {
    /// # Errors
    /// A document holds something that is not understood.
    pub fn new(documents: &[Value]) -> Result<Rights, String> {
        let policies = documents.iter().map(policy).collect::<Result<Vec<_>, _>>()?;
        Ok(Rights { evaluator: PolicyEvaluator::with_policies(policies) })
    }

    /// # Errors
    /// It cannot be said.
    pub fn allow(&self, wanted: &Wanted) -> Result<bool, String> {
        let resource = Arn::parse(&wanted.resource).map_err(|e| format!("{}: {e}", wanted.resource))?;
        let mut context = Context::new();
        for (key, value) in &wanted.context {
            context = context.with_string(*key, value.clone());
        }
        let who = Principal::Aws(PrincipalId::String("arn:aws:iam::000000000000:role/function".to_owned()));
        let request = IAMRequest::new_with_context(who, wanted.action, resource, context);
        let said =
            self.evaluator.evaluate(&request).map_err(|e| format!("{} {}: {e}", wanted.action, wanted.resource))?;
        Ok(said.decision == Decision::Allow)
    }
}

fn policy(document: &Value) -> Result<IAMPolicy, String> {
    let unknown = |what: &str| format!("a policy that is not understood: {what}: {document}");
    let statements = document["Statement"].as_array().ok_or_else(|| unknown("no list of statements"))?;
    for statement in statements {
        let fields = statement.as_object().ok_or_else(|| unknown("a statement that is no object"))?;
        if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(unknown(key));
        }
        for key in ["Action", "Resource"] {
            for text in texts(&statement[key]).ok_or_else(|| unknown(key))? {
                // Variables, and what a transform should have resolved.
                let arn = text == "*" || text.split(':').count() >= 6;
                if text.contains("${") || key == "Resource" && !arn {
                    return Err(unknown(text));
                }
            }
        }
    }
    serde_json::from_value(document.clone()).map_err(|e| unknown(&e.to_string()))
}

/// One text, or a list of nothing else.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(all) if !all.is_empty() => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rights(statements: &Value) -> Rights {
        Rights::new(&[json!({"Version": "2012-10-17", "Statement": statements})]).unwrap()
    }

    fn allow(statements: &Value, action: &'static str, resource: &str, context: &[(&'static str, &str)]) -> bool {
        let context = context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        rights(statements).allow(&Wanted { action, resource: resource.to_owned(), context }).unwrap()
    }

    #[test]
    fn actions_resources_and_wildcards() {
        let get = json!([{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::runs/heads/*", "arn:aws:s3:::runs/runs/*"]}]);
        assert!(allow(&get, "s3:GetObject", "arn:aws:s3:::runs/heads/production.json", &[]));
        assert!(allow(&get, "s3:GetObject", "arn:aws:s3:::runs/runs/a/b/c.json", &[]), "a star spans slashes");
        assert!(!allow(&get, "s3:GetObject", "arn:aws:s3:::runs/config/vigie.toml", &[]));
        assert!(!allow(&get, "s3:GetObject", "arn:aws:s3:::runs2/heads/x", &[]));
        assert!(!allow(&get, "s3:PutObject", "arn:aws:s3:::runs/heads/x", &[]));
        assert!(!allow(&get, "s3:GetObjectVersion", "arn:aws:s3:::runs/heads/x", &[]), "an action is whole");
        let secret = json!([{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:shop-??????"}]);
        assert!(allow(
            &secret,
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:000000000000:secret:shop-AbCdEf",
            &[]
        ));
        assert!(!allow(
            &secret,
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:000000000000:secret:shop-two-AbCdEf",
            &[]
        ));
        assert!(!allow(&json!([]), "s3:GetObject", "arn:aws:s3:::runs/x", &[]), "nothing said is nothing allowed");
    }

    #[test]
    fn an_action_without_resource_needs_a_statement_on_everything() {
        let bus = json!([{"Effect": "Allow", "Action": "events:ListRules", "Resource": "arn:aws:events:eu-west-1:000000000000:event-bus/shop"}]);
        assert!(!allow(&bus, "events:ListRules", &super::super::wanted::any("events"), &[]));
        let all = json!([{"Effect": "Allow", "Action": "events:ListRules", "Resource": "*"}]);
        assert!(allow(&all, "events:ListRules", &super::super::wanted::any("events"), &[]));
    }

    #[test]
    fn a_deny_wins_wherever_it_stands() {
        let both = json!([
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::runs/*"},
        ]);
        assert!(allow(&both, "s3:DeleteObject", "arn:aws:s3:::media/x", &[]));
        assert!(!allow(&both, "s3:DeleteObject", "arn:aws:s3:::runs/x", &[]));
    }

    #[test]
    fn conditions_hold_only_for_what_they_say() {
        let metrics = json!([{"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": ["Vigie"]}}}]);
        let any = super::super::wanted::any("cloudwatch");
        let of = |context: &[(&'static str, &str)]| allow(&metrics, "cloudwatch:PutMetricData", &any, context);
        assert!(of(&[("cloudwatch:namespace", "Vigie")]));
        assert!(!of(&[("cloudwatch:namespace", "AWS/SES")]) && !of(&[]), "another, or none");
        let via = json!([{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringLike": {"kms:ViaService": ["ssm.*.amazonaws.com*", "lambda.*.amazonaws.com*"]}}}]);
        let of = |via_service: &str| {
            allow(&via, "kms:Decrypt", "arn:aws:kms:eu-west-1:000000000000:key/1", &[("kms:ViaService", via_service)])
        };
        assert!(of("ssm.eu-west-1.amazonaws.com") && !of("s3.eu-west-1.amazonaws.com"));
        let other = json!([{"Effect": "Deny", "Action": "ec2:*", "Resource": "*",
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:eu-west-1:000000000000:function:a"}}},
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]);
        let from =
            |arn: &str| allow(&other, "ec2:DescribeSubnets", "arn:aws:ec2:::*", &[("lambda:SourceFunctionArn", arn)]);
        assert!(
            !from("arn:aws:lambda:eu-west-1:000000000000:function:a")
                && from("arn:aws:lambda:eu-west-1:000000000000:function:b")
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for statement in [
            json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "*"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Ref": "Buckets"}}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": []}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:username}/*"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "vigie-runs"}),
            json!({"Effect": "Perhaps", "Action": "s3:GetObject", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringAlmost": {"a": "b"}}}),
        ] {
            let document = json!({"Version": "2012-10-17", "Statement": [statement]});
            assert!(Rights::new(std::slice::from_ref(&document)).is_err(), "{document}");
        }
    }
}
