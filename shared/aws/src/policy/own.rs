//! What each function needs for itself.

use super::{Function, List, On, Purpose, Statement, grouped};
use crate::store::{Folder, Store};
use crate::{Need, config_folder, doctor, events, mail, metrics, need, queue};

/// The installation's own resources: real names and ARNs, or `${...}` of the template. Absent: not known, or not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The runs bucket.
    pub bucket: Option<String>,
    /// What reading the fingerprint key needs.
    pub key: Vec<Need>,
    /// The bus of the alerts: name or ARN.
    pub bus: Option<String>,
    /// Whether metrics are published.
    pub metrics: bool,
    /// The report's sender.
    pub from: Option<String>,
    /// ARNs of the work queues.
    pub queues: Vec<String>,
    /// ARN of the dead-letter queue: the doctor counts what is in it.
    pub dead_letters: Option<String>,
    /// ARN of the alerts' topic: the doctor looks for a confirmed subscription.
    pub topic: Option<String>,
    /// Where the configuration is, if not in the runs bucket or in the function's variables.
    pub config: Vec<Need>,
}

impl Own {
    pub(super) fn statements(&self, function: Function) -> Vec<Statement> {
        use Folder::{Dispatches, Heads, Missed, Reports, Runs};
        let (read, write): (&[Folder], &[Folder]) = match function {
            Function::Dispatch => (&[Dispatches], &[Dispatches]),
            Function::Audit => (&[Runs, Heads], &[Runs, Heads, Missed]),
            Function::Report => (&[Runs, Heads, Reports], &[Reports]),
            Function::Target => return Vec::new(),
        };
        let mut all = Vec::new();
        let mut add = |name: &str, needs: Vec<Need>| all.extend(grouped(Purpose::Own, name, needs));
        let mut configuration = self.config.clone();
        if let Some(bucket) = &self.bucket {
            let list = Store::lists(bucket);
            configuration.extend(config_folder::actions(bucket).into_iter().filter(|need| *need != list));
            add("RunsList", vec![list]);
            add("RunsRead", read.iter().map(|folder| Store::reads(bucket, *folder)).collect());
            add("RunsWrite", write.iter().map(|folder| Store::writes(bucket, *folder)).collect());
        }
        add("Configuration", configuration);
        if let Some(bus) = &self.bus {
            add("Alerts", events::actions(bus));
        }
        match function {
            Function::Dispatch => {
                add("Metrics", metrics::actions());
                add("WorkSend", self.queues.iter().flat_map(|arn| queue::actions(arn)).collect());
            }
            Function::Audit => {
                if self.metrics {
                    add("Metrics", metrics::actions());
                }
                add("FingerprintKey", self.key.clone());
                add("WorkReceive", self.queues.iter().flat_map(|arn| receives(arn)).collect());
                add("DoctorAccount", doctor::actions());
                add("DoctorQueues", self.dead_letters.iter().flat_map(|arn| doctor::queue_actions(arn)).collect());
                add("DoctorTopic", self.topic.iter().flat_map(|arn| doctor::topic_actions(arn)).collect());
            }
            Function::Report => {
                add("Metrics", metrics::actions());
                add("Mail", self.from.as_deref().map(mail::actions).unwrap_or_default());
            }
            Function::Target => {}
        }
        if function == Function::Audit {
            all.push(Statement {
                purpose: Purpose::Own,
                sid: "AssumeTargets".to_owned(),
                actions: ["sts:AssumeRole"].into(),
                on: On::List(List::TargetRoles),
                condition: None,
                of_app: false,
            });
        }
        all
    }
}

/// What Lambda's poller needs of the function's role. Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS",
/// execution role permissions.
fn receives(queue: &str) -> Vec<Need> {
    let of = |action| need(action, queue.to_owned());
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"].map(of).to_vec()
}
