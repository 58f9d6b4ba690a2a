//! What each vendor takes, by its documentation: fields, enumerations, limits in characters. And what is a rule of this
//! house: where a text from outside may stand, so that nothing is read in it.

use serde_json::Value;

/// A vendor's request, looked at.
pub struct Look<'a> {
    body: &'a Value,
    pub wrong: Vec<String>,
}

impl<'a> Look<'a> {
    const fn new(body: &'a Value) -> Look<'a> {
        Look { body, wrong: Vec::new() }
    }

    fn at(&self, pointer: &str) -> &'a Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// An object with these fields and no others.
    fn fields(&mut self, at: &str, required: &[&str], optional: &[&str]) {
        let Some(object) = self.at(at).as_object() else {
            self.wrong.push(format!("{at} is no object"));
            return;
        };
        for name in required.iter().filter(|name| !object.contains_key(**name)) {
            self.wrong.push(format!("{at}/{name} is missing"));
        }
        for name in
            object.keys().filter(|name| !required.contains(&name.as_str()) && !optional.contains(&name.as_str()))
        {
            self.wrong.push(format!("{at}/{name} is not known"));
        }
    }

    /// A text of so many characters, if it is there.
    fn text(&mut self, at: &str, least: usize, most: usize) {
        let Some(value) = self.body.pointer(at) else { return };
        match value.as_str().map(|text| text.chars().count()) {
            Some(length) if (least..=most).contains(&length) => {}
            Some(length) => self.wrong.push(format!("{at} has {length} characters")),
            None => self.wrong.push(format!("{at} is no text")),
        }
    }

    fn one_of(&mut self, at: &str, values: &[&str]) {
        if !self.at(at).as_str().is_some_and(|value| values.contains(&value)) {
            self.wrong.push(format!("{at} is {}", self.at(at)));
        }
    }

    fn instant(&mut self, at: &str) {
        if self.at(at).as_str().is_none_or(|value| value.parse::<jiff::Timestamp>().is_err()) {
            self.wrong.push(format!("{at} is {}", self.at(at)));
        }
    }

    /// The items of a list, at least one and at most so many.
    fn items(&mut self, at: &str, most: usize) -> Vec<String> {
        let length = self.at(at).as_array().map_or(0, Vec::len);
        if length == 0 || length > most {
            self.wrong.push(format!("{at} has {length} items"));
        }
        (0..length).map(|item| format!("{at}/{item}")).collect()
    }
}

/// Source: docs.slack.dev/reference/block-kit (blocks, composition objects), docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
#[must_use]
pub fn slack(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    look.fields("", &["text", "blocks"], &["unfurl_links", "unfurl_media"]);
    look.text("/text", 1, 40_000);
    for block in look.items("/blocks", 50) {
        look.one_of(&format!("{block}/type"), &["header", "section", "context"]);
        let mut texts = Vec::new();
        match look.at(&format!("{block}/type")).as_str() {
            Some("header") => {
                look.fields(&block, &["type", "text"], &[]);
                texts.push((format!("{block}/text"), 150));
            }
            Some("section") if look.at(&block).get("fields").is_some() => {
                look.fields(&block, &["type", "fields"], &[]);
                texts.extend(look.items(&format!("{block}/fields"), 10).into_iter().map(|field| (field, 2000)));
            }
            Some("context") => {
                look.fields(&block, &["type", "elements"], &[]);
                texts.extend(look.items(&format!("{block}/elements"), 10).into_iter().map(|field| (field, 3000)));
            }
            _ => {
                look.fields(&block, &["type", "text"], &[]);
                texts.push((format!("{block}/text"), 3000));
            }
        }
        for (text, most) in texts {
            look.fields(&text, &["type", "text"], &["emoji"]);
            look.one_of(&format!("{text}/type"), &["plain_text"]);
            look.text(&format!("{text}/text"), 1, most);
        }
    }
    look.wrong
}

/// Sources: learn.microsoft.com/connectors/teams ("Microsoft Teams webhook"), adaptivecards.io/explorer, and 28 KB a message
/// (learn.microsoft.com/microsoftteams/limits-specifications-teams).
#[must_use]
pub fn teams(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    look.fields("", &["type", "attachments"], &[]);
    look.one_of("/type", &["message"]);
    if body.to_string().len() > 28 * 1024 {
        look.wrong.push("larger than 28 KB".to_owned());
    }
    for attachment in look.items("/attachments", 1) {
        look.fields(&attachment, &["contentType", "content"], &["contentUrl"]);
        look.one_of(&format!("{attachment}/contentType"), &["application/vnd.microsoft.card.adaptive"]);
        let card = format!("{attachment}/content");
        look.fields(&card, &["type", "version", "body"], &["$schema", "fallbackText", "msteams"]);
        look.one_of(&format!("{card}/type"), &["AdaptiveCard"]);
        // Teams shows cards up to 1.5.
        look.one_of(&format!("{card}/version"), &["1.2", "1.3", "1.4", "1.5"]);
        for block in look.items(&format!("{card}/body"), 20) {
            look.one_of(&format!("{block}/type"), &["TextBlock", "RichTextBlock"]);
            if look.at(&block)["type"] == "TextBlock" {
                look.fields(&block, &["type", "text"], &["size", "weight", "wrap", "isSubtle"]);
                look.text(&format!("{block}/text"), 1, 5000);
                continue;
            }
            look.fields(&block, &["type", "inlines"], &[]);
            for run in look.items(&format!("{block}/inlines"), 10) {
                look.fields(&run, &["type", "text"], &["isSubtle"]);
                look.one_of(&format!("{run}/type"), &["TextRun"]);
                look.text(&format!("{run}/text"), 1, 5000);
            }
        }
    }
    look.wrong
}

/// Source: docs.discord.com/developers/resources/webhook ("Execute Webhook") and /message ("Embed Limits").
#[must_use]
pub fn discord(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    look.fields("", &["content", "allowed_mentions", "embeds"], &["username"]);
    look.text("/username", 1, 80);
    look.text("/content", 1, 2000);
    // A rule of this house: nobody is called by what is said.
    if body["allowed_mentions"] != serde_json::json!({"parse": []}) {
        look.wrong.push("/allowed_mentions lets somebody be called".to_owned());
    }
    let mut total = 0;
    for embed in look.items("/embeds", 10) {
        look.fields(&embed, &[], &["author", "title", "description", "footer", "timestamp"]);
        look.instant(&format!("{embed}/timestamp"));
        for (text, most) in [("author/name", 256), ("title", 256), ("description", 4096), ("footer/text", 2048)] {
            let at = format!("{embed}/{text}");
            look.text(&at, 1, most);
            total += look.at(&at).as_str().map_or(0, |text| text.chars().count());
        }
    }
    if total > 6000 {
        look.wrong.push(format!("the embeds have {total} characters"));
    }
    look.wrong
}

/// Source: PagerDuty's developer documentation, "Send an Alert Event" of the Events API v2.
#[must_use]
pub fn pagerduty(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    // Only a trigger may do without a key, and then it can never be resolved.
    look.fields("", &["routing_key", "event_action", "dedup_key"], &["payload", "client", "client_url"]);
    look.text("/routing_key", 32, 32);
    look.text("/dedup_key", 1, 255);
    look.one_of("/event_action", &["trigger", "acknowledge", "resolve"]);
    if body["event_action"] != "trigger" {
        return look.wrong;
    }
    let optional = ["timestamp", "component", "group", "class", "custom_details"];
    look.fields("/payload", &["summary", "source", "severity"], &optional);
    look.text("/payload/summary", 1, 1024);
    look.text("/payload/source", 1, 255);
    look.one_of("/payload/severity", &["critical", "error", "warning", "info"]);
    look.instant("/payload/timestamp");
    look.wrong
}

/// Source: docs.opsgenie.com/docs/alert-api, "Create Alert"; Jira Service Management's integration events take the same.
#[must_use]
pub fn opsgenie(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    let optional = ["description", "entity", "source", "priority", "tags", "details", "note", "user"];
    look.fields("", &["message", "alias"], &optional);
    look.text("/message", 1, 130);
    look.text("/alias", 1, 512);
    look.text("/description", 1, 15_000);
    look.text("/entity", 1, 512);
    look.text("/source", 1, 100);
    look.one_of("/priority", &["P1", "P2", "P3", "P4", "P5"]);
    for tag in look.items("/tags", 20) {
        look.text(&tag, 1, 50);
    }
    let details = body["details"].as_object().into_iter().flatten();
    let mut length = 0;
    for (name, value) in details {
        match value.as_str() {
            Some(value) => length += name.chars().count() + value.chars().count(),
            None => look.wrong.push(format!("/details/{name} is no text")),
        }
    }
    if length > 8000 {
        look.wrong.push(format!("/details has {length} characters"));
    }
    look.wrong
}

/// Source: docs.opsgenie.com/docs/alert-api, "Close Alert".
#[must_use]
pub fn opsgenie_close(body: &Value) -> Vec<String> {
    let mut look = Look::new(body);
    look.fields("", &[], &["source", "note", "user"]);
    look.text("/source", 1, 100);
    look.text("/note", 1, 25_000);
    look.wrong
}

/// Where a text stands in a request: pointers, in order. Only whole: a text inside another is an empty pointer.
#[must_use]
pub fn places(body: &Value, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(body, "", &mut |at, said| {
        if said == text {
            found.push(at.to_owned());
        } else if said.contains(text) {
            found.push(String::new());
        }
    });
    found
}

fn walk(value: &Value, at: &str, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(at, text),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{place}"), see);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                walk(field, &format!("{at}/{name}"), see);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The healthy one, and each change that its vendor refuses.
    fn refuses(check: fn(&Value) -> Vec<String>, healthy: &Value, changes: &[(&str, Value)]) {
        assert_eq!(check(healthy), Vec::<String>::new());
        for (at, instead) in changes {
            let mut broken = healthy.clone();
            match broken.pointer_mut(at) {
                Some(place) => *place = instead.clone(),
                None => {
                    let (parent, name) = at.rsplit_once('/').unwrap();
                    broken.pointer_mut(parent).unwrap()[name] = instead.clone();
                }
            }
            assert_ne!(check(&broken), Vec::<String>::new(), "{at}: {instead}");
        }
    }

    #[test]
    fn slack_refuses() {
        let text = json!({"type": "plain_text", "text": "down", "emoji": false});
        let healthy = json!({"text": "down", "blocks": [
            {"type": "header", "text": text.clone()},
            {"type": "section", "text": text.clone()},
            {"type": "section", "fields": [text.clone()]},
            {"type": "context", "elements": [text]},
        ]});
        refuses(
            slack,
            &healthy,
            &[
                ("/text", json!("")),
                ("/blocks", json!([])),
                ("/channel", json!("#general")),
                ("/blocks/0/text/text", json!("x".repeat(151))),
                ("/blocks/1/text/type", json!("mrkdwn")),
                ("/blocks/1/text/text", json!("x".repeat(3001))),
                ("/blocks/2/fields/0/text", json!("x".repeat(2001))),
                ("/blocks/3/elements/0/text", json!("")),
                ("/blocks/3/type", json!("actions")),
            ],
        );
    }

    #[test]
    fn teams_refuses() {
        let healthy = json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.4", "body": [
                {"type": "TextBlock", "text": "down"},
                {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "down"}]},
            ]},
        }]});
        refuses(
            teams,
            &healthy,
            &[
                ("/type", json!("MessageCard")),
                ("/text", json!("down")),
                ("/attachments/0/contentType", json!("application/json")),
                ("/attachments/0/content/version", json!("1.9")),
                ("/attachments/0/content/body", json!([])),
                ("/attachments/0/content/body/0/text", json!("")),
                ("/attachments/0/content/body/1/inlines/0/type", json!("TextBlock")),
                ("/attachments/0/content/body/0/text", json!("x".repeat(29 * 1024))),
            ],
        );
    }

    #[test]
    fn discord_refuses() {
        let healthy = json!({"content": "down", "allowed_mentions": {"parse": []}, "embeds": [
            {"author": {"name": "down"}, "footer": {"text": "down"}, "timestamp": "2026-11-22T10:05:00Z"},
        ]});
        refuses(
            discord,
            &healthy,
            &[
                ("/content", json!("x".repeat(2001))),
                ("/allowed_mentions", json!({"parse": ["everyone"]})),
                ("/embeds/0/author/name", json!("x".repeat(257))),
                ("/embeds/0/footer/text", json!("x".repeat(2049))),
                ("/embeds/0/description", json!("x".repeat(4097))),
                ("/embeds/0/timestamp", json!("yesterday")),
                ("/embeds", json!([])),
            ],
        );
        let long = json!({"description": "x".repeat(4000), "timestamp": "2026-11-22T10:05:00Z"});
        refuses(discord, &healthy, &[("/embeds", json!([long.clone(), long]))]);
    }

    #[test]
    fn pagerduty_refuses() {
        let healthy = json!({"routing_key": "0".repeat(32), "event_action": "trigger", "dedup_key": "one", "payload": {
            "summary": "down", "source": "production", "severity": "critical", "timestamp": "2026-11-22T10:05:00Z",
        }});
        refuses(
            pagerduty,
            &healthy,
            &[
                ("/routing_key", json!("short")),
                ("/event_action", json!("fired")),
                ("/dedup_key", json!("x".repeat(256))),
                ("/payload", json!({"summary": "down"})),
                ("/payload/severity", json!("high")),
                ("/payload/summary", json!("")),
                ("/payload/summary", json!("x".repeat(1025))),
                ("/payload/timestamp", json!("yesterday")),
                ("/payload/title", json!("down")),
            ],
        );
        let resolve = json!({"routing_key": "0".repeat(32), "event_action": "resolve", "dedup_key": "one"});
        refuses(pagerduty, &resolve, &[("/dedup_key", json!("")), ("/routing_key", json!(null))]);
    }

    #[test]
    fn opsgenie_refuses() {
        let healthy =
            json!({"message": "down", "alias": "one", "priority": "P1", "tags": ["vigie"], "details": {"a": "b"}});
        refuses(
            opsgenie,
            &healthy,
            &[
                ("/message", json!("x".repeat(131))),
                ("/alias", json!("x".repeat(513))),
                ("/priority", json!("critical")),
                ("/tags", json!(["x".repeat(51)])),
                ("/details/a", json!(1)),
                ("/details/a", json!("x".repeat(8001))),
                ("/severity", json!("high")),
                ("/entity", json!("")),
            ],
        );
        refuses(opsgenie_close, &json!({"source": "Vigie", "note": "over"}), &[("/alias", json!("one"))]);
    }

    #[test]
    fn a_text_inside_another_has_no_place_of_its_own() {
        let body = json!({"a": "x", "b": ["x", "not x"], "c": 1});
        assert_eq!(places(&body, "x"), ["/a", "/b/0", ""]);
        assert_eq!(places(&body, "z"), Vec::<String>::new());
    }
}
