//! As much YAML as policies need: maps, lists and texts, and CloudFormation's short forms.

use std::fmt::Write as _;

use serde_json::Value;

/// A tag on a text: `!Ref Buckets`.
pub(super) const TAGS: [&str; 3] = ["!Ref ", "!Sub ", "!GetAtt "];

/// The keys of a statement, as people read them; others come before, by name.
const ORDER: [&str; 5] = ["Sid", "Effect", "Action", "Resource", "Condition"];

/// A document as a file of its own.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0, false);
    out
}

/// Writes `value`, each line indented; `begun`: its first line is after `- `.
pub(super) fn write(out: &mut String, value: &Value, indent: usize, begun: bool) {
    match value {
        Value::Object(map) => {
            let mut map: Vec<(&String, &Value)> = map.iter().collect();
            map.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key));
            for (i, (key, value)) in map.into_iter().enumerate() {
                if i > 0 || !begun {
                    pad(out, indent);
                }
                out.push_str(key);
                out.push(':');
                below(out, value, indent + 2);
            }
        }
        Value::Array(all) => {
            for value in all {
                pad(out, indent);
                item(out, value, indent);
            }
        }
        other => {
            let _ = writeln!(out, "{}", scalar(other));
        }
    }
}

/// After `- `.
pub(super) fn item(out: &mut String, value: &Value, indent: usize) {
    out.push_str("- ");
    write(out, value, indent + 2, true);
}

fn below(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Array(all) if all.is_empty() => out.push_str(" []\n"),
        Value::Object(map) if map.is_empty() => out.push_str(" {}\n"),
        Value::Object(_) | Value::Array(_) => {
            out.push('\n');
            write(out, value, indent, false);
        }
        other => {
            let _ = writeln!(out, " {}", scalar(other));
        }
    }
}

pub(super) fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Plain where nothing could be read as anything else; a tag stays before its text.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    if let Some(tag) = TAGS.iter().find(|tag| text.starts_with(**tag)) {
        return format!("{tag}{}", plain(&text[tag.len()..]));
    }
    plain(text)
}

fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '-' | '_');
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if bare { text.to_owned() } else { Value::from(text).to_string() }
}
