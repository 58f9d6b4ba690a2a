//! SES in the app's region, asked as the auditor. No mail is sent.

mod reputation;

use aws_sdk_ses::Client;
use aws_types::region::Region;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Ses, SesQuota};
use vigie_core::facts::{Fact, Gap, Identity, Ladder, Rung};
use vigie_core::targets::SesTarget;

use crate::ask::Ask;
use crate::sdk::{self, Missed};
use crate::shared::once;

const BY: Identity = Identity::Auditor;
/// The longest address of RFC 5321.
const LONGEST: usize = 320;
/// The most names that are looked up for one sender: the address, its domain, and the domains above.
const NAMES: usize = 8;

/// Asks whether the account may send and as whom; in the full suite also to whom, and how its mails are received.
pub async fn observe(ask: &Ask, target: &SesTarget) -> Ses {
    let region = ask.app.region().or(ask.auditor.region()).cloned();
    let client = client(ask, region.clone());
    let (ladder, sending_enabled) = sending(ask, &client).await;
    let from = match &target.from {
        None => Err(Gap::new(Cause::NotGiven, Identity::App)),
        Some(from) => address(from).ok_or(Gap::new(Cause::Malformed, Identity::App)),
    };
    // Where the service cannot be used the same cause stands for all that was not asked.
    let dead = ladder.failed().and_then(|step| step.cause).map(|cause| Gap::new(cause, BY));
    let (identities, elsewhere, (production_access, quota), (bounce_rate, statistics)) = match (dead, ask.suite) {
        (Some(gap), _) => (Err(gap.clone()), Named::new(), gaps(&gap), gaps(&gap)),
        (None, Suite::Connections) => {
            let ((identities, elsewhere), gap) = (verified(ask, &client, &from).await, Gap::new(Cause::NotAsked, BY));
            (identities, elsewhere, gaps(&gap), gaps(&gap))
        }
        (None, Suite::Full) => {
            let ((identities, elsewhere), account, reputation) = futures::join!(
                verified(ask, &client, &from),
                account(ask, &client, region.clone()),
                reputation::of(ask, &client, region.clone()),
            );
            (identities, elsewhere, account, reputation)
        }
    };
    Ses {
        ladder,
        region: region.map(|region| clean(region.as_ref())).unwrap_or_default(),
        from: from.map(|from| clean(&from)).into(),
        sending_enabled: sending_enabled.into(),
        production_access,
        quota,
        identities: identities.into(),
        elsewhere,
        bounce_rate,
        statistics,
    }
}

async fn sending(ask: &Ask, client: &Client) -> (Ladder, Result<bool, Gap>) {
    const ACTION: &str = "ses:GetAccountSendingEnabled";
    let read = async {
        let (ladder, enabled) = sdk::rung(ask, Rung::Query, BY, || async {
            let answer = sdk::coded(ask, ACTION, BY, client.get_account_sending_enabled().send());
            Ok::<_, Missed>(answer.await?.enabled())
        })
        .await;
        match enabled {
            Ok(enabled) => Ok((ladder, enabled)),
            Err(gap) => Err((ladder, gap)),
        }
    };
    match once(ask, ACTION, read).await {
        Ok((ladder, enabled)) => (ladder, Ok(enabled)),
        Err((ladder, gap)) => (ladder, Err(gap)),
    }
}

fn gaps<A, B>(gap: &Gap) -> (Fact<A>, Fact<B>) {
    (Fact::Gap(gap.clone()), Fact::Gap(gap.clone()))
}

fn client(ask: &Ask, region: Option<Region>) -> Client {
    Client::from_conf(aws_sdk_ses::config::Builder::from(&ask.auditor).region(region).build())
}

/// What SES says of the sender's names; and where none is verified, what it says of them in the auditor's own region.
async fn verified(
    ask: &Ask,
    here: &Client,
    from: &Result<String, Gap>,
) -> (Result<Named<String>, Gap>, Named<Vec<String>>) {
    let names = match from {
        Ok(from) => names(from),
        Err(gap) => return (Err(gap.clone()), Named::new()),
    };
    let found = identities(ask, here, &names).await;
    let mut elsewhere = Named::new();
    let other = ask.auditor.region().filter(|other| ask.app.region().is_some_and(|own| own != *other));
    if let (Ok(found), Some(other)) = (&found, other)
        && !found.values().any(|status| status == "Success")
        && let Ok(there) = identities(ask, &client(ask, Some(other.clone())), &names).await
    {
        let verified = there.into_iter().filter(|(_, status)| status == "Success").map(|(name, _)| name);
        let verified: Vec<String> = verified.collect();
        if !verified.is_empty() {
            elsewhere.insert(clean(other.as_ref()), verified);
        }
    }
    (found, elsewhere)
}

async fn identities(ask: &Ask, client: &Client, names: &[String]) -> Result<Named<String>, Gap> {
    let request = client.get_identity_verification_attributes().set_identities(Some(names.to_vec())).send();
    let answer = sdk::call(ask, "ses:GetIdentityVerificationAttributes", BY, request).await?;
    let ours = |name: &String| names.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let found = answer.verification_attributes.into_iter().filter(|(name, _)| ours(name));
    Ok(found.map(|(name, a)| (clean(&name), clean(a.verification_status.as_str()))).collect())
}

/// Production access and quota: SESv2 knows both; where it is refused, the quota comes from v1.
async fn account(ask: &Ask, client: &Client, region: Option<Region>) -> (Fact<bool>, Fact<SesQuota>) {
    let read = async {
        let read = asked(ask, client, region).await;
        if read.0.get().is_ok() && read.1.get().is_ok() { Ok(read) } else { Err(read) }
    };
    once(ask, "ses:GetAccount", read).await.unwrap_or_else(|read| read)
}

async fn asked(ask: &Ask, client: &Client, region: Option<Region>) -> (Fact<bool>, Fact<SesQuota>) {
    let v2 =
        aws_sdk_sesv2::Client::from_conf(aws_sdk_sesv2::config::Builder::from(&ask.auditor).region(region).build());
    let answer = sdk::call(ask, "ses:GetAccount", BY, v2.get_account().send()).await;
    let quota = answer.as_ref().ok().and_then(|answer| answer.send_quota()).map(|quota| SesQuota {
        max_24_hours: quota.max24_hour_send(),
        max_rate: quota.max_send_rate(),
        sent_24_hours: quota.sent_last24_hours(),
    });
    let quota = match quota {
        Some(quota) => Ok(quota),
        None => sdk::call(ask, "ses:GetSendQuota", BY, client.get_send_quota().send()).await.map(|quota| SesQuota {
            max_24_hours: quota.max24_hour_send(),
            max_rate: quota.max_send_rate(),
            sent_24_hours: quota.sent_last24_hours(),
        }),
    };
    (answer.map(|answer| answer.production_access_enabled()).into(), quota.into())
}

/// The address of `box@domain` or `Name <box@domain>`, its domain in lower case. `None`: it is none. A wildcard is none.
fn address(from: &str) -> Option<String> {
    let from = from.trim();
    let bare = match from.strip_suffix('>') {
        Some(named) => named.rsplit_once('<')?.1,
        None => from,
    };
    let (user, domain) = bare.trim().rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    let label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let whole =
        !user.is_empty() && !user.contains(|c: char| c.is_whitespace() || c.is_control() || "*<>,;@".contains(c));
    let address = format!("{user}@{domain}");
    (whole && domain.contains('.') && domain.split('.').all(label) && address.len() <= LONGEST).then_some(address)
}

/// The address, its domain and the domains above, down to two labels: SES lets a verified domain send for those below.
fn names(address: &str) -> Vec<String> {
    let mut names = vec![address.to_owned()];
    let mut domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    while domain.contains('.') && names.len() < NAMES {
        names.push(domain.to_owned());
        domain = domain.split_once('.').map_or("", |(_, above)| above);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (from, expected) in [
            ("orders@shop.example", Some("orders@shop.example")),
            ("  The Shop <Orders@Shop.Example> ", Some("Orders@shop.example")),
            ("\"Shop, the <best>\" <a@b.example>", Some("a@b.example")),
            ("*@shop.example", None),
            ("shop.example", None),
            ("@shop.example", None),
            ("orders@localhost", None),
            ("orders@shop..example", None),
            ("orders@*.example", None),
            ("a@b@shop.example", None),
            ("<>", None),
            ("", None),
        ] {
            assert_eq!(address(from).as_deref(), expected, "{from:?}");
        }
    }

    #[test]
    fn the_names_above_end_before_the_top() {
        assert_eq!(
            names("a@x.mail.shop.example"),
            ["a@x.mail.shop.example", "x.mail.shop.example", "mail.shop.example", "shop.example"]
        );
        assert_eq!(names(&format!("a@{}example", "x.".repeat(90))).len(), NAMES);
    }
}
