//! SQS: the app's queues, asked as the app; their dead-letter queues and ages, asked as the auditor.
//!
//! A queue URL comes from the app's variables. It never steers where a request goes: the SDK takes its endpoint from region
//! and configuration, and sends the URL only as a parameter.

mod oldest;
mod place;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use futures::{StreamExt, stream};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::collections::HashMap;
use tokio::sync::Mutex;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Caller, Queue, QueueAttributes, Redrive, Sqs};
use vigie_core::facts::{Fact, Gap, Identity, Ladder};
use vigie_core::targets::QueueTarget;

use crate::ask::Ask;
use crate::sdk;
use place::Place;

const AT_A_TIME: usize = 8;
const ACTION: &str = "sqs:GetQueueAttributes";

/// Asks each queue for its attributes, its dead-letter queue, and the age of its oldest message. `region` is the app's.
/// Whether a queue is in the app's account is known once the caller is: see [`place_in_account`].
pub async fn observe(ask: &Ask, queues: &Named<QueueTarget>, region: Option<&str>) -> Sqs {
    let custom = ask.app.endpoint_url();
    let places: Named<Option<Place>> =
        queues.iter().map(|(name, target)| (name.clone(), place::parse(target.url.expose_secret(), custom))).collect();
    let names: Vec<(&str, &str)> = queues
        .iter()
        .filter(|(_, target)| !target.dead_letter)
        .filter_map(|(key, _)| Some((key.as_str(), places.get(key)?.as_ref()?.name.as_str())))
        .collect();
    let ((ladder, mut answers), mut ages) = futures::join!(ask_all(ask, &places), oldest::ask(ask, &names));
    let mut sqs = Sqs { ladder, queues: Named::new() };
    for (key, target) in queues {
        let place = places.get(key).and_then(Option::as_ref);
        let mut queue = queue(ask, target, place, region, answers.remove(key));
        if let Some(age) = ages.remove(key) {
            queue.oldest = sound(&queue, age).into();
        }
        sqs.queues.insert(key.clone(), queue);
    }
    follow(ask, &mut sqs, &places).await;
    sqs
}

/// Decides which queues are not in the caller's account: the URL names another one. What is measured of such a queue in the
/// auditor's account is not the queue's.
pub fn place_in_account(sqs: &mut Sqs, caller: Option<&Fact<Caller>>) {
    for queue in sqs.queues.values_mut() {
        if let (Fact::Known(false), Some(account), Some(caller)) = (&queue.foreign, &queue.account, caller) {
            queue.foreign = caller.get().map(|caller| caller.account != *account).into();
        }
        if queue.foreign == Fact::Known(true) {
            queue.oldest = Fact::gap(Cause::Foreign, Identity::Auditor);
        }
    }
}

/// What is left of the facts when nothing could be asked.
#[must_use]
pub fn missing(queues: &Named<QueueTarget>, cause: Cause, asked_as: Identity) -> Sqs {
    let queue = |target: &QueueTarget| Queue {
        variable: target.variable.clone(),
        dead_letter: target.dead_letter,
        account: None,
        region: None,
        attributes: Fact::gap(cause, asked_as),
        foreign: Fact::gap(cause, asked_as),
        oldest: Fact::gap(cause, Identity::Auditor),
    };
    Sqs {
        ladder: Ladder::default(),
        queues: queues.iter().map(|(name, target)| (name.clone(), queue(target))).collect(),
    }
}

type Answers = Named<Result<QueueAttributes, Gap>>;

/// Asks all queues, and all once more when the service could not be used.
async fn ask_all(ask: &Ask, places: &Named<Option<Place>>) -> (Ladder, Answers) {
    let asked: Vec<(&String, &Place)> = places.iter().filter_map(|(key, place)| Some((key, place.as_ref()?))).collect();
    if asked.is_empty() {
        return (Ladder::default(), Named::new());
    }
    let app = Client::new(&ask.app);
    let latest: Mutex<Answers> = Mutex::default();
    let (ladder, held) = sdk::climb(ask, Identity::App, || async {
        let each = asked.iter().map(|(key, place)| {
            let app = &app;
            async move { ((*key).clone(), attributes(ask, app, &place.url, Identity::App).await) }
        });
        let answers: Answers =
            stream::iter(each).buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await.into_iter().collect();
        let failed = answers.values().find_map(|answer| answer.as_ref().err().filter(|gap| !sdk::reached(gap.cause)));
        let failed = failed.cloned();
        *latest.lock().await = answers;
        failed.map_or(Ok(()), Err)
    })
    .await;
    let mut answers = latest.into_inner();
    if let Err(gap) = held {
        for (key, _) in asked {
            answers.entry(key.clone()).or_insert_with(|| Err(gap.clone()));
        }
    }
    (ladder, answers)
}

fn queue(
    ask: &Ask,
    target: &QueueTarget,
    place: Option<&Place>,
    region: Option<&str>,
    answer: Option<Result<QueueAttributes, Gap>>,
) -> Queue {
    let who = ask.app_identity;
    let Some(place) = place else {
        return Queue {
            variable: target.variable.clone(),
            dead_letter: target.dead_letter,
            account: None,
            region: None,
            attributes: Fact::gap(Cause::Malformed, who),
            foreign: Fact::gap(Cause::Malformed, who),
            oldest: Fact::gap(Cause::Malformed, Identity::Auditor),
        };
    };
    let elsewhere = matches!((&place.region, region), (Some(of_url), Some(of_app)) if of_url != of_app);
    Queue {
        variable: target.variable.clone(),
        dead_letter: target.dead_letter,
        account: Some(place.account.clone()),
        region: place.region.clone(),
        attributes: answer.unwrap_or_else(|| Err(Gap::new(Cause::Unexpected, who))).into(),
        foreign: Fact::Known(elsewhere),
        oldest: Fact::gap(Cause::NotAsked, Identity::Auditor),
    }
}

/// CloudWatch has no value for an idle queue. A queue that holds messages is not idle: its value is missing.
fn sound(queue: &Queue, age: Result<Option<u64>, Gap>) -> Result<Option<u64>, Gap> {
    match (age?, &queue.attributes) {
        (None, Fact::Known(attributes)) if attributes.visible > 0 => Err(Gap::new(Cause::NoData, Identity::Auditor)),
        (age, _) => Ok(age),
    }
}

/// Follows each redrive policy to its target: a declared queue is marked as a dead-letter queue, another one is asked as the
/// auditor and added. SQS demands that both are in one account and region, so that the source's URL leads to the target's.
async fn follow(ask: &Ask, sqs: &mut Sqs, places: &Named<Option<Place>>) {
    let auditor = Client::new(&ask.auditor_at_app());
    let policies: Vec<(String, String, String)> = sqs
        .queues
        .iter()
        .filter_map(|(name, queue)| {
            let redrive = queue.attributes.get().ok()?.redrive.as_ref()?;
            let target = redrive.target_arn.rsplit(':').next().filter(|target| !target.is_empty())?;
            let place = places.get(name)?.as_ref()?;
            Some((name.clone(), target.to_owned(), place.sibling(target)))
        })
        .collect();
    let mut found: Named<(String, Place)> = Named::new();
    for (source, target, url) in &policies {
        if !sqs.queues.contains_key(target)
            && let Some(Some(place)) = places.get(source)
        {
            found.entry(target.clone()).or_insert_with(|| (url.clone(), place.clone()));
        }
    }
    let asked = stream::iter(found.into_iter().map(|(name, (url, place))| {
        let auditor = &auditor;
        async move { (name, place, attributes(ask, auditor, &url, Identity::Auditor).await) }
    }));
    let answers: Vec<_> = asked.buffer_unordered(AT_A_TIME).collect().await;
    let mut exists: Named<Result<bool, Gap>> = Named::new();
    for (name, place, answer) in answers {
        exists.insert(name.clone(), existence(&answer));
        if existence(&answer) != Ok(false) {
            sqs.queues.insert(name, dead_letter_queue(&place, answer));
        }
    }
    for (source, target, _) in &policies {
        if let Some(of) = sqs.queues.get_mut(target) {
            of.dead_letter = true;
            let known = existence(&of.attributes.get().cloned());
            exists.entry(target.clone()).or_insert(known);
        }
        if let Some(Queue { attributes: Fact::Known(attributes), .. }) = sqs.queues.get_mut(source)
            && let Some(redrive) = &mut attributes.redrive
            && let Some(known) = exists.get(target)
        {
            redrive.target_exists = known.clone().into();
        }
    }
}

/// A queue that refuses an answer exists as far as one can tell; one that SQS does not know does not.
fn existence(answer: &Result<QueueAttributes, Gap>) -> Result<bool, Gap> {
    match answer {
        Ok(_) => Ok(true),
        Err(gap) if gap.cause == Cause::NotFound => Ok(false),
        Err(gap) => Err(gap.clone()),
    }
}

fn dead_letter_queue(place: &Place, answer: Result<QueueAttributes, Gap>) -> Queue {
    Queue {
        variable: String::new(),
        dead_letter: true,
        account: Some(place.account.clone()),
        region: place.region.clone(),
        attributes: answer.into(),
        foreign: Fact::Known(false),
        oldest: Fact::gap(Cause::NotAsked, Identity::Auditor),
    }
}

async fn attributes(ask: &Ask, client: &Client, url: &str, who: Identity) -> Result<QueueAttributes, Gap> {
    let request = client.get_queue_attributes().queue_url(url).attribute_names(Name::All).send();
    let answer = sdk::call(ask, ACTION, who, Box::pin(request)).await?;
    read(&answer.attributes.unwrap_or_default()).ok_or_else(|| Gap::new(Cause::Protocol, sdk::asked_as(ask, who)))
}

/// The policy as SQS writes it; `maxReceiveCount` comes as a number or as text.
#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
    #[serde(rename = "maxReceiveCount")]
    count: serde_json::Value,
}

/// `None` when an attribute that every queue has is missing or is not a number.
fn read(all: &HashMap<Name, String>) -> Option<QueueAttributes> {
    let number = |name: Name| all.get(&name)?.parse::<u64>().ok();
    let redrive = match all.get(&Name::RedrivePolicy).filter(|policy| !policy.is_empty()) {
        None => None,
        Some(policy) => {
            let policy: Policy = serde_json::from_str(policy).ok()?;
            let count = match &policy.count {
                serde_json::Value::String(text) => text.parse().ok()?,
                other => other.as_u64()?,
            };
            Some(Redrive {
                target_arn: clean(&policy.target),
                max_receive_count: u32::try_from(count).ok()?,
                target_exists: Fact::gap(Cause::NotAsked, Identity::Auditor),
            })
        }
    };
    Some(QueueAttributes {
        arn: clean(all.get(&Name::QueueArn)?),
        visible: number(Name::ApproximateNumberOfMessages)?,
        in_flight: number(Name::ApproximateNumberOfMessagesNotVisible)?,
        retention: number(Name::MessageRetentionPeriod)?,
        visibility_timeout: number(Name::VisibilityTimeout)?,
        redrive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(policy: Option<&str>) -> HashMap<Name, String> {
        let mut all: HashMap<Name, String> = [
            (Name::QueueArn, "arn:aws:sqs:eu-west-3:111122223333:jobs"),
            (Name::ApproximateNumberOfMessages, "3"),
            (Name::ApproximateNumberOfMessagesNotVisible, "1"),
            (Name::MessageRetentionPeriod, "345600"),
            (Name::VisibilityTimeout, "30"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        all.extend(policy.map(|policy| (Name::RedrivePolicy, policy.to_owned())));
        all
    }

    #[test]
    fn attributes_are_read_or_refused_as_a_whole() {
        let plain = read(&answer(None)).unwrap();
        assert_eq!((plain.visible, plain.in_flight, plain.retention), (3, 1, 345_600));
        assert_eq!(plain.redrive, None);
        let arn = r#""deadLetterTargetArn":"arn:aws:sqs:eu-west-3:111122223333:dead""#;
        for count in ["5", "\"5\""] {
            let with = read(&answer(Some(&format!("{{{arn},\"maxReceiveCount\":{count}}}")))).unwrap();
            assert_eq!(with.redrive.map(|redrive| redrive.max_receive_count), Some(5));
        }
        assert_eq!(read(&answer(Some("{}"))), None);
        let mut short = answer(None);
        short.remove(&Name::MessageRetentionPeriod);
        assert_eq!(read(&short), None);
    }

    fn queue(account: &str, visible: u64) -> Queue {
        let mut attributes = read(&answer(None)).unwrap();
        attributes.visible = visible;
        Queue {
            variable: "JOBS_QUEUE_URL".to_owned(),
            dead_letter: false,
            account: Some(account.to_owned()),
            region: None,
            attributes: Fact::Known(attributes),
            foreign: Fact::Known(false),
            oldest: Fact::Known(None),
        }
    }

    #[test]
    fn a_queue_of_another_account_has_no_age_here() {
        let caller =
            Fact::Known(Caller { account: "111122223333".into(), arn: "arn:aws:iam::111122223333:user/app".into() });
        let queues = [("ours".to_owned(), queue("111122223333", 0)), ("theirs".to_owned(), queue("999988887777", 0))];
        let mut sqs = Sqs { ladder: Ladder::default(), queues: queues.into() };
        place_in_account(&mut sqs, Some(&caller));
        assert_eq!(sqs.queues["ours"].foreign, Fact::Known(false));
        assert_eq!(sqs.queues["ours"].oldest, Fact::Known(None));
        assert_eq!(sqs.queues["theirs"].foreign, Fact::Known(true));
        assert_eq!(sqs.queues["theirs"].oldest, Fact::gap(Cause::Foreign, Identity::Auditor));
        place_in_account(&mut sqs, Some(&Fact::gap(Cause::Timeout, Identity::App)));
        assert_eq!(sqs.queues["ours"].foreign, Fact::gap(Cause::Timeout, Identity::App));
        assert_eq!(sqs.queues["theirs"].foreign, Fact::Known(true));
    }

    #[test]
    fn no_data_of_a_queue_that_holds_messages_is_not_idleness() {
        assert_eq!(sound(&queue("1", 0), Ok(None)), Ok(None));
        assert_eq!(sound(&queue("1", 2), Ok(Some(40))), Ok(Some(40)));
        assert_eq!(sound(&queue("1", 2), Ok(None)), Err(Gap::new(Cause::NoData, Identity::Auditor)));
    }
}
