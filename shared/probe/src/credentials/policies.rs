//! The caller's policies: attached and inline, of the user and its groups or of the role. What could not be read stays in
//! the listing as a gap, so that an administrator is found all the same and the rest is never taken for harmless.

use std::future::Future;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::AttachedPolicy;
use futures::StreamExt;
use futures::stream;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::aws::{Caller, Policy};
use vigie_core::facts::{Fact, Gap, Identity};

use super::Principal;
use crate::ask::Ask;
use crate::sdk;

/// The most policies whose documents are read, and the most entries of one listing. IAM's own quotas are below: 20
/// attached policies and 10 groups.
const MOST: usize = 50;
/// Questions at a time: IAM throttles early, and for the whole account.
const AT_A_TIME: usize = 4;
/// The largest document that is read; IAM's own limit is 10,240 characters.
const LARGEST: usize = 64 * 1024;
/// Named by the check: their documents need no reading.
const KNOWN: [&str; 3] = ["AdministratorAccess", "PowerUserAccess", "IAMFullAccess"];

/// The policies of a user, its groups or a role, by name.
///
/// # Errors
/// The caller is neither, or is not of the auditor's account; in `connections` it is not asked.
pub(super) async fn of(ask: &Ask, caller: &Caller) -> Result<Named<Policy>, Gap> {
    // The auditor's own policies are no finding: it need not be allowed to read them.
    if ask.suite < Suite::Full || ask.app_identity == Identity::Auditor {
        return Err(Gap::new(Cause::NotAsked, Identity::Auditor));
    }
    let holder = match Principal::of(caller) {
        Principal::Root => return Ok(Named::new()),
        Principal::User(name) => Holder::User(name),
        Principal::Role(name) => Holder::Role(name),
        Principal::Other => return Err(Gap::new(Cause::Unsupported, Identity::Auditor)),
    };
    let reader = Reader { ask, client: super::iam(ask, caller).await? };
    Ok(reader.all(holder).await)
}

/// What is granted on principals, and what could not be found out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arns {
    pub arns: Vec<String>,
    pub gaps: Vec<Gap>,
}

pub(super) async fn arns(ask: &Ask, caller: &Caller) -> Arns {
    let mut found = Arns::default();
    let client = match super::iam(ask, caller).await {
        Ok(client) => client,
        Err(gap) => return Arns { arns: Vec::new(), gaps: vec![gap] },
    };
    let reader = Reader { ask, client };
    let mut holders = Vec::new();
    match Principal::of(caller) {
        Principal::User(name) => {
            match reader.groups(&name).await {
                Ok(groups) => {
                    for (group, arn) in groups {
                        found.arns.push(arn);
                        holders.push(Holder::Group(group));
                    }
                }
                Err(gap) => found.gaps.push(gap),
            }
            found.arns.push(caller.arn.clone());
            holders.push(Holder::User(name));
        }
        // The session's ARN names neither the role's path nor IAM.
        Principal::Role(name) => {
            let request = reader.client.get_role().role_name(&name).send();
            match sdk::call(ask, "iam:GetRole", Identity::Auditor, request).await {
                Ok(answer) => found.arns.extend(answer.role.map(|role| clean(&role.arn))),
                Err(gap) => found.gaps.push(gap),
            }
            holders.push(Holder::Role(name));
        }
        Principal::Root | Principal::Other => {}
    }
    for holder in &holders {
        for listed in reader.list(holder).await {
            match listed {
                Listed::Attached { arn, .. } => found.arns.push(clean(&arn)),
                Listed::Unread { gap, .. } => found.gaps.push(gap),
                Listed::Inline { .. } => {}
            }
        }
    }
    found
}

#[derive(Clone, Debug)]
enum Holder {
    User(String),
    Group(String),
    Role(String),
}

impl Holder {
    fn label(&self) -> String {
        match self {
            Holder::User(name) => format!("user/{name}"),
            Holder::Group(name) => format!("group/{name}"),
            Holder::Role(name) => format!("role/{name}"),
        }
    }
}

/// One policy that was listed, and where its document is.
enum Listed {
    Attached {
        name: String,
        arn: String,
    },
    Inline {
        holder: Holder,
        name: String,
    },
    /// A listing that could not be had.
    Unread {
        name: String,
        gap: Gap,
    },
}

struct Reader<'a> {
    ask: &'a Ask,
    client: Client,
}

impl Reader<'_> {
    async fn all(&self, holder: Holder) -> Named<Policy> {
        let mut listed = Vec::new();
        let mut holders = vec![holder.clone()];
        if let Holder::User(user) = &holder {
            match self.groups(user).await {
                Ok(groups) => holders.extend(groups.into_iter().map(|(name, _)| Holder::Group(name))),
                Err(gap) => listed.push(Listed::Unread { name: format!("{}: groups", holder.label()), gap }),
            }
        }
        let lists = stream::iter(holders.iter().map(|holder| self.list(holder))).buffer_unordered(AT_A_TIME);
        listed.extend(lists.collect::<Vec<_>>().await.into_iter().flatten());
        if listed.len() > MOST {
            listed.truncate(MOST);
            let gap = Gap::new(Cause::TooLarge, Identity::Auditor);
            listed.push(Listed::Unread { name: "(further policies)".to_owned(), gap });
        }
        stream::iter(listed.into_iter().map(|one| self.read(one))).buffer_unordered(AT_A_TIME).collect().await
    }

    /// Names and ARNs.
    async fn groups(&self, user: &str) -> Result<Vec<(String, String)>, Gap> {
        pages(async |marker| {
            let request = self.client.list_groups_for_user().user_name(user).set_marker(marker).send();
            let page = sdk::call(self.ask, "iam:ListGroupsForUser", Identity::Auditor, request).await?;
            let groups = page.groups.into_iter().map(|group| (group.group_name, clean(&group.arn))).collect();
            Ok((groups, page.marker.filter(|_| page.is_truncated)))
        })
        .await
    }

    /// What a holder has, attached and inline.
    async fn list(&self, holder: &Holder) -> Vec<Listed> {
        let (attached, inline) = futures::join!(
            pages(async |marker| self.attached(holder, marker).await),
            pages(async |marker| self.inline(holder, marker).await),
        );
        let unread = |what: &str, gap| vec![Listed::Unread { name: format!("{}: {what}", holder.label()), gap }];
        let mut listed = attached.map_or_else(
            |gap| unread("attached policies", gap),
            |all| {
                let named = |policy: AttachedPolicy| Listed::Attached {
                    name: policy.policy_name.unwrap_or_default(),
                    arn: policy.policy_arn.unwrap_or_default(),
                };
                all.into_iter().map(named).collect()
            },
        );
        listed.extend(inline.map_or_else(
            |gap| unread("inline policies", gap),
            |names| names.into_iter().map(|name| Listed::Inline { holder: holder.clone(), name }).collect(),
        ));
        listed
    }

    async fn attached(&self, holder: &Holder, marker: Option<String>) -> Page<AttachedPolicy> {
        let (ask, iam, by) = (self.ask, &self.client, Identity::Auditor);
        // Three operations of one shape, each with its own types.
        macro_rules! page {
            ($operation:ident, $name:ident($value:expr), $action:literal) => {{
                let request = iam.$operation().$name($value).set_marker(marker).send();
                let page = sdk::call(ask, $action, by, request).await?;
                Ok((page.attached_policies.unwrap_or_default(), page.marker.filter(|_| page.is_truncated)))
            }};
        }
        match holder {
            Holder::User(n) => page!(list_attached_user_policies, user_name(n), "iam:ListAttachedUserPolicies"),
            Holder::Group(n) => page!(list_attached_group_policies, group_name(n), "iam:ListAttachedGroupPolicies"),
            Holder::Role(n) => page!(list_attached_role_policies, role_name(n), "iam:ListAttachedRolePolicies"),
        }
    }

    async fn inline(&self, holder: &Holder, marker: Option<String>) -> Page<String> {
        let (ask, iam, by) = (self.ask, &self.client, Identity::Auditor);
        macro_rules! page {
            ($operation:ident, $name:ident($value:expr), $action:literal) => {{
                let request = iam.$operation().$name($value).set_marker(marker).send();
                let page = sdk::call(ask, $action, by, request).await?;
                Ok((page.policy_names, page.marker.filter(|_| page.is_truncated)))
            }};
        }
        match holder {
            Holder::User(n) => page!(list_user_policies, user_name(n), "iam:ListUserPolicies"),
            Holder::Group(n) => page!(list_group_policies, group_name(n), "iam:ListGroupPolicies"),
            Holder::Role(n) => page!(list_role_policies, role_name(n), "iam:ListRolePolicies"),
        }
    }

    async fn read(&self, listed: Listed) -> (String, Policy) {
        match listed {
            Listed::Unread { name, gap } => (name, Policy { managed_by_aws: false, on_everything: Fact::Gap(gap) }),
            Listed::Attached { name, arn } => {
                let managed_by_aws = managed(&arn);
                let on_everything = if managed_by_aws && KNOWN.contains(&name.as_str()) {
                    Fact::Known(Vec::new())
                } else {
                    self.managed(&arn).await.and_then(|document| weigh(&document)).into()
                };
                (clean(&name), Policy { managed_by_aws, on_everything })
            }
            Listed::Inline { holder, name } => {
                let document = self.document(&holder, &name).await;
                let on_everything = document.and_then(|document| weigh(&document)).into();
                (clean(&format!("{}/{name}", holder.label())), Policy { managed_by_aws: false, on_everything })
            }
        }
    }

    async fn managed(&self, arn: &str) -> Result<String, Gap> {
        let (ask, iam, by) = (self.ask, &self.client, Identity::Auditor);
        let found = sdk::call(ask, "iam:GetPolicy", by, iam.get_policy().policy_arn(arn).send()).await?;
        let version = found.policy().and_then(|policy| policy.default_version_id()).unwrap_or("v1").to_owned();
        let request = iam.get_policy_version().policy_arn(arn).version_id(version).send();
        let version = sdk::call(ask, "iam:GetPolicyVersion", by, request).await?.policy_version;
        version.and_then(|version| version.document).ok_or(Gap::new(Cause::Protocol, by))
    }

    async fn document(&self, holder: &Holder, name: &str) -> Result<String, Gap> {
        let (ask, iam, by) = (self.ask, &self.client, Identity::Auditor);
        macro_rules! document {
            ($operation:ident, $name:ident($value:expr), $action:literal) => {{
                let request = iam.$operation().$name($value).policy_name(name).send();
                Ok(sdk::call(ask, $action, by, request).await?.policy_document)
            }};
        }
        match holder {
            Holder::User(n) => document!(get_user_policy, user_name(n), "iam:GetUserPolicy"),
            Holder::Group(n) => document!(get_group_policy, group_name(n), "iam:GetGroupPolicy"),
            Holder::Role(n) => document!(get_role_policy, role_name(n), "iam:GetRolePolicy"),
        }
    }
}

type Page<T> = Result<(Vec<T>, Option<String>), Gap>;

/// All pages of a listing.
///
/// # Errors
/// The gap of the page that failed; [`Cause::TooLarge`] beyond [`MOST`] entries.
async fn pages<T, Fut: Future<Output = Page<T>>>(page: impl Fn(Option<String>) -> Fut) -> Result<Vec<T>, Gap> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let (found, next) = page(marker).await?;
        let stuck = found.is_empty() && next.is_some();
        all.extend(found);
        marker = next;
        if marker.is_none() {
            return Ok(all);
        }
        if all.len() >= MOST || stuck {
            return Err(Gap::new(Cause::TooLarge, Identity::Auditor));
        }
    }
}

/// `arn:aws:iam::aws:policy/…`: AWS's own.
fn managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

/// What a document allows on everything without a condition: `*`, and `iam:*`, `s3:*`, `sqs:*`.
///
/// # Errors
/// [`Cause::Malformed`]: it is no policy. [`Cause::Unweighed`]: it allows by NotAction, NotResource or a pattern that
/// this does not weigh. Not when it allows `*` as well: nothing is wider.
fn weigh(document: &str) -> Result<Vec<String>, Gap> {
    let gap = |cause| Gap::new(cause, Identity::Auditor);
    if document.len() > LARGEST {
        return Err(gap(Cause::TooLarge));
    }
    let decoded = percent_decode_str(document).decode_utf8().map_err(|_| gap(Cause::Malformed))?;
    let policy: Value = serde_json::from_str(&decoded).map_err(|_| gap(Cause::Malformed))?;
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(gap(Cause::Malformed)),
    };
    let mut found = Vec::new();
    let mut unweighed = false;
    for statement in statements.iter().filter(|s| s.get("Effect").and_then(Value::as_str) == Some("Allow")) {
        match allows(statement) {
            Some(actions) => found.extend(actions),
            None => unweighed = true,
        }
    }
    found.sort();
    found.dedup();
    match found.iter().any(|action| action == "*") {
        false if unweighed => Err(gap(Cause::Unweighed)),
        _ => Ok(found),
    }
}

/// The wide actions of an Allow; `None`: it cannot be said.
fn allows(statement: &Value) -> Option<Vec<String>> {
    let conditioned = match statement.get("Condition") {
        Some(Value::Object(conditions)) => !conditions.is_empty(),
        other => other.is_some_and(|other| !other.is_null()),
    };
    let everything = || strings(statement.get("Resource")).contains(&"*");
    if conditioned || (statement.get("NotResource").is_none() && !everything()) {
        return Some(Vec::new());
    }
    let actions = strings(statement.get("Action"));
    let wide: Vec<String> =
        actions.iter().map(|action| wide(action)).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    let all_but = statement.get("NotAction").is_some() || (statement.get("NotResource").is_some() && !wide.is_empty());
    (!all_but).then_some(wide)
}

/// `Some(None)`: not wide. `None`: a pattern over services that cannot be weighed.
#[allow(clippy::option_option)] // three answers, one of them "cannot be said"
fn wide(action: &str) -> Option<Option<String>> {
    let action = action.to_ascii_lowercase();
    if !action.is_empty() && action.chars().all(|c| matches!(c, '*' | ':')) {
        return Some(Some("*".to_owned()));
    }
    let (service, operation) = action.split_once(':').unwrap_or((&action, "*"));
    if service.contains(['*', '?']) {
        return None;
    }
    let whole = !operation.is_empty() && operation.chars().all(|c| c == '*');
    Some((whole && matches!(service, "iam" | "s3" | "sqs")).then(|| format!("{service}:*")))
}

/// A string, or a list of them.
fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(statement: Value) -> Result<Vec<String>, Cause> {
        weigh(&json!({"Version": "2012-10-17", "Statement": statement}).to_string()).map_err(|gap| gap.cause)
    }

    #[test]
    fn finds_what_is_allowed_on_everything() {
        let admin = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
        assert_eq!(of(admin).unwrap(), ["*"]);
        let one =
            json!({"Effect": "Allow", "Action": ["S3:*", "sqs:SendMessage"], "Resource": ["arn:aws:s3:::x", "*"]});
        assert_eq!(of(one).unwrap(), ["s3:*"]);
        let own = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::shop-media/*"});
        assert_eq!(of(own).unwrap(), Vec::<String>::new());
        let mfa = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}});
        assert_eq!(of(mfa).unwrap(), Vec::<String>::new());
        let empty = json!({"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": {}});
        assert_eq!(of(empty).unwrap(), ["iam:*"]);
        let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
        assert_eq!(of(deny).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_weighed_is_not_harmless() {
        let all_but = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"});
        assert_eq!(of(all_but.clone()), Err(Cause::Unweighed));
        let elsewhere = json!({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::private"});
        assert_eq!(of(elsewhere), Err(Cause::Unweighed));
        let pattern = json!({"Effect": "Allow", "Action": "s*:Get*", "Resource": "*"});
        assert_eq!(of(pattern), Err(Cause::Unweighed));
        let narrow = json!({"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "arn:aws:s3:::shop-media"});
        assert_eq!(of(narrow).unwrap(), Vec::<String>::new());
        let both = json!([all_but, {"Effect": "Allow", "Action": "*", "Resource": "*"}]);
        assert_eq!(of(both).unwrap(), ["*"]);
        assert_eq!(weigh("{}").unwrap_err().cause, Cause::Malformed);
        assert_eq!(weigh("<policy/>").unwrap_err().cause, Cause::Malformed);
    }

    #[test]
    fn documents_are_url_encoded() {
        let document = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D";
        assert_eq!(weigh(document).unwrap(), ["*"]);
    }
}
