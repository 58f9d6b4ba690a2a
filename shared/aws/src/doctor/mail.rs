//! Whether SES would take the report: sending, sandbox or production, sender and recipients verified, quota.

use std::collections::BTreeMap;

use aws_sdk_ses::Client;
use aws_sdk_ses::types::VerificationStatus;
use vigie_core::cause::Cause;

use super::{Doctor, Found, Line, trials};
use crate::error::{CallError, call};
use crate::mail::bare;

/// The sandbox's quota. Source: Amazon SES developer guide, "Request production access".
const SANDBOX_MAILS: f64 = 200.0;
const SANDBOX_RATE: f64 = 1.0;
/// Identities of one GetIdentityVerificationAttributes call. Source: Amazon SES API reference.
const MOST_A_CALL: usize = 100;
const VERIFICATION: &str = "ses:GetIdentityVerificationAttributes";

struct Quota {
    most: f64,
    rate: f64,
    sent: f64,
}

impl Quota {
    fn sandbox(&self) -> bool {
        self.most <= SANDBOX_MAILS && self.rate <= SANDBOX_RATE
    }
}

impl Doctor<'_> {
    pub(super) async fn mail(&self) -> Vec<Line> {
        let Some(report) = &self.config.report else { return Vec::new() };
        let client = Client::new(self.own);
        let from = bare(&report.from);
        let mut to: Vec<&str> = report.to.iter().map(|recipient| bare(&recipient.address)).collect();
        to.sort_unstable();
        to.dedup();
        let identities: Vec<&str> = to.iter().copied().chain([from]).collect();
        let (sending, quota, verified) = futures::join!(
            self.line(&trials::SENDING, "", sending(&client)),
            self.within(quota(&client)),
            self.within(verified(&client, &identities)),
        );
        let quota = quota.unwrap_or_else(|cause| Err(CallError::new(cause, "ses:GetSendQuota")));
        let verified = verified.unwrap_or_else(|cause| Err(CallError::new(cause, VERIFICATION)));
        let mut lines = vec![sending, identity(&trials::SENDER, from, &verified)];
        match quota {
            Err(call) => lines.extend([
                Line::new(&trials::SANDBOX, "", Found::Failed(call.clone())),
                Line::new(&trials::QUOTA, "", Found::Failed(call)),
            ]),
            Ok(quota) => {
                let access = if quota.sandbox() { "sandbox" } else { "production" };
                lines.push(Line::new(&trials::SANDBOX, "", Found::Holds(access.to_owned())));
                lines.push(Line::new(&trials::QUOTA, "", room(&quota, to.len())));
                if quota.sandbox() {
                    lines.extend(to.iter().map(|address| identity(&trials::RECIPIENT, address, &verified)));
                }
            }
        }
        lines
    }
}

async fn sending(client: &Client) -> Found {
    match client.get_account_sending_enabled().send().await {
        Ok(answer) if answer.enabled => Found::Holds(String::new()),
        Ok(_) => Found::Lacks(Cause::Paused, String::new()),
        Err(e) => call(&e, "ses:GetAccountSendingEnabled").into(),
    }
}

async fn quota(client: &Client) -> Result<Quota, CallError> {
    let answer = client.get_send_quota().send().await.map_err(|e| call(&e, "ses:GetSendQuota"))?;
    Ok(Quota { most: answer.max24_hour_send, rate: answer.max_send_rate, sent: answer.sent_last24_hours })
}

/// -1 is no limit.
#[allow(clippy::cast_precision_loss)]
fn room(quota: &Quota, mails: usize) -> Found {
    let seen = format!("{:.0} of {:.0} in 24 h", quota.sent, quota.most);
    let full = quota.most >= 0.0 && quota.sent + mails as f64 > quota.most;
    if full { Found::Lacks(Cause::QuotaSpent, seen) } else { Found::Holds(seen) }
}

type Verified = BTreeMap<String, VerificationStatus>;

/// Of each address and its domain: either is enough.
async fn verified(client: &Client, addresses: &[&str]) -> Result<Verified, CallError> {
    let mut asked: Vec<String> = Vec::new();
    for address in addresses {
        asked.push((*address).to_owned());
        asked.extend(domain(address).map(str::to_owned));
    }
    asked.sort();
    asked.dedup();
    let mut all = Verified::new();
    for part in asked.chunks(MOST_A_CALL) {
        let request = client.get_identity_verification_attributes().set_identities(Some(part.to_vec()));
        let answer = request.send().await.map_err(|e| call(&e, VERIFICATION))?;
        all.extend(answer.verification_attributes.into_iter().map(|(name, of)| (name, of.verification_status)));
    }
    Ok(all)
}

fn identity(trial: &'static trials::Trial, address: &str, verified: &Result<Verified, CallError>) -> Line {
    let found = match verified {
        Err(call) => Found::Failed(call.clone()),
        Ok(verified) => {
            let good = |name: &str| verified.get(name) == Some(&VerificationStatus::Success);
            let pending = |name: &str| verified.contains_key(name);
            let domain = domain(address).unwrap_or_default();
            if good(address) || good(domain) {
                Found::Holds(String::new())
            } else {
                let seen = if pending(address) || pending(domain) { "pending" } else { "" };
                Found::Lacks(Cause::Rejected, seen.to_owned())
            }
        }
    };
    Line::new(trial, address, found)
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn an_address_is_verified_by_itself_or_by_its_domain() {
        let verified = |name: &str, status| Ok([(name.to_owned(), status)].into());
        let state =
            |verified: &Result<Verified, CallError>| identity(&trials::SENDER, "a@shop.example", verified).state;
        assert_eq!(state(&verified("a@shop.example", VerificationStatus::Success)), State::Ok);
        assert_eq!(state(&verified("shop.example", VerificationStatus::Success)), State::Ok);
        assert_eq!(state(&verified("a@shop.example", VerificationStatus::Pending)), State::Missing);
        assert_eq!(state(&verified("other.example", VerificationStatus::Success)), State::Missing);
        assert_eq!(state(&Err(CallError::new(Cause::Denied, VERIFICATION))), State::Unknown);
    }

    #[test]
    fn the_quota_tells_the_sandbox_and_the_room() {
        let quota = |most, rate, sent| Quota { most, rate, sent };
        assert!(quota(200.0, 1.0, 0.0).sandbox() && !quota(50_000.0, 14.0, 0.0).sandbox());
        assert!(matches!(room(&quota(200.0, 1.0, 199.0), 2), Found::Lacks(Cause::QuotaSpent, _)));
        assert!(matches!(room(&quota(200.0, 1.0, 198.0), 2), Found::Holds(_)));
        assert!(matches!(room(&quota(-1.0, 1.0, 198.0), 2), Found::Holds(_)));
    }

    #[test]
    fn what_has_no_domain() {
        assert_eq!(domain("vigie@shop.example"), Some("shop.example"));
        assert_eq!(domain("vigie"), None);
    }
}
