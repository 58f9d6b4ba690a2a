//! EventBridge's buses and rules, asked as the auditor.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{Rule as AwsRule, RuleState};
use futures::StreamExt;
use futures::stream;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Bus, EventBridge, Rule};
use vigie_core::facts::{Fact, Gap, Identity, Ladder};

use crate::ask::Ask;
use crate::sdk;

/// The most rules of a bus that are read. What lies beyond is said, not dropped.
const MOST_RULES: usize = 300;
const BEYOND: &str = "(further rules)";
/// Questions about targets at a time: ListTargetsByRule is throttled early.
const AT_A_TIME: usize = 4;

/// Looks each bus up, and in the full suite its rules and their targets.
pub async fn observe(ask: &Ask, buses: &[String]) -> EventBridge {
    let client = Client::new(&ask.auditor_at_app());
    let mut out = EventBridge { ladder: Ladder::default(), buses: Named::new() };
    for name in buses {
        let (ladder, described) = sdk::climb(ask, Identity::Auditor, || async {
            let request = client.describe_event_bus().name(name).send();
            sdk::call(ask, "events:DescribeEventBus", Identity::Auditor, Box::pin(request)).await
        })
        .await;
        let exists = match described {
            Ok(_) => Ok(true),
            Err(gap) if gap.cause == Cause::NotFound => Ok(false),
            Err(gap) => Err(gap),
        };
        // All buses are one service: the ladder is that of the first, or of the first that fell.
        if out.ladder.is_empty() || out.ladder.failed().is_none() && ladder.failed().is_some() {
            out.ladder = ladder;
        }
        out.buses.insert(clean(name), look_into(ask, &client, name, exists).await);
    }
    out
}

async fn look_into(ask: &Ask, client: &Client, name: &str, exists: Result<bool, Gap>) -> Bus {
    let rules = match &exists {
        _ if ask.suite < Suite::Full => Err(Gap::new(Cause::NotAsked, Identity::Auditor)),
        Ok(true) => rules(ask, client, name).await,
        Ok(false) => Err(Gap::new(Cause::NotFound, Identity::Auditor)),
        // A refusal to describe the bus says nothing of the rules; a dead network does.
        Err(gap) if gap.cause == Cause::Denied => rules(ask, client, name).await,
        Err(gap) => Err(gap.clone()),
    };
    Bus { exists: exists.into(), rules: rules.into() }
}

async fn rules(ask: &Ask, client: &Client, bus: &str) -> Result<Named<Rule>, Gap> {
    let mut found: Vec<AwsRule> = Vec::new();
    let mut token = None;
    loop {
        let request = client.list_rules().event_bus_name(bus).limit(100).set_next_token(token).send();
        let page = sdk::call(ask, "events:ListRules", Identity::Auditor, Box::pin(request)).await?;
        found.extend(page.rules.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() || found.len() >= MOST_RULES {
            break;
        }
    }
    let beyond = token.is_some() || found.len() > MOST_RULES;
    found.truncate(MOST_RULES);
    // One that throttles ends the asking: the rest would be throttled too, and the app's own calls with them.
    let throttled = AtomicBool::new(false);
    let asked = found.iter().map(|rule| {
        let throttled = &throttled;
        async move {
            let name = rule.name().unwrap_or_default();
            (clean(name), look(ask, client, bus, rule, throttled).await)
        }
    });
    let mut rules: Named<Rule> =
        stream::iter(asked).buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await.into_iter().collect();
    if beyond {
        let targets = Fact::gap(Cause::TooLarge, Identity::Auditor);
        rules.insert(BEYOND.to_owned(), Rule { enabled: true, managed: false, targets });
    }
    Ok(rules)
}

/// The targets matter only of a rule that is the app's and enabled.
async fn look(ask: &Ask, client: &Client, bus: &str, rule: &AwsRule, throttled: &AtomicBool) -> Rule {
    let enabled = rule.state() != Some(&RuleState::Disabled);
    let managed = rule.managed_by().is_some_and(|by| !by.is_empty());
    let targets = if managed || !enabled {
        Fact::gap(Cause::NotAsked, Identity::Auditor)
    } else if throttled.load(Ordering::Relaxed) {
        Fact::gap(Cause::Throttled, Identity::Auditor)
    } else {
        let request = client.list_targets_by_rule().event_bus_name(bus).rule(rule.name().unwrap_or_default()).send();
        let answer = sdk::call(ask, "events:ListTargetsByRule", Identity::Auditor, Box::pin(request)).await;
        if answer.as_ref().is_err_and(|gap| gap.cause == Cause::Throttled) {
            throttled.store(true, Ordering::Relaxed);
        }
        answer.map(|page| page.targets.unwrap_or_default().len() as u64).into()
    };
    Rule { enabled, managed, targets }
}

/// What is left of the facts when nothing could be asked.
#[must_use]
pub fn missing(buses: &[String], cause: Cause) -> EventBridge {
    let gap = || Gap::new(cause, Identity::Auditor);
    let bus = || Bus { exists: Fact::Gap(gap()), rules: Fact::Gap(gap()) };
    EventBridge { ladder: Ladder::default(), buses: buses.iter().map(|name| (clean(name), bus())).collect() }
}
