//! What the deployed roles may do, in the text that IAM keeps.

use super::Stack;
use crate::shop::Shop;
use serde_json::Value;
use std::io;

impl Stack<'_> {
    /// The inline policies of a role, by its logical name.
    ///
    /// # Errors
    /// There is no such role, or a policy is no JSON.
    pub async fn policies(&self, role: &str) -> io::Result<Vec<Value>> {
        let resources = self.resources().await?;
        let name = &resources.get(role).ok_or_else(|| io::Error::other(format!("no role {role}")))?.id;
        policies(self.shop, name).await
    }
}

/// The inline policies of a role, by its name in IAM.
///
/// # Errors
/// There is no such role, or a policy is no JSON.
pub async fn policies(shop: &Shop, role: &str) -> io::Result<Vec<Value>> {
    let iam = aws_sdk_iam::Client::new(&shop.config());
    let listed = iam.list_role_policies().role_name(role).send().await.map_err(io::Error::other)?;
    let mut found = Vec::new();
    for policy in listed.policy_names() {
        let read = iam.get_role_policy().role_name(role).policy_name(policy).send().await;
        let document = read.map_err(io::Error::other)?.policy_document;
        // IAM writes documents percent-encoded.
        let plain = percent_encoding::percent_decode_str(&document).decode_utf8().map_err(io::Error::other)?;
        found.push(serde_json::from_str(&plain)?);
    }
    Ok(found)
}
