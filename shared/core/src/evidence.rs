//! Typed evidence: a unit is formatted in one place, for each language.

use crate::text::Language;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub type Evidence = BTreeMap<String, Value>;

/// One value of evidence. Never a secret: what is shown of a variable is decided by its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    Count(u64),
    /// Whole seconds.
    Seconds(i64),
    /// Milliseconds.
    Millis(u64),
    Bytes(u64),
    /// 0 to 100.
    Percent(f64),
    /// An instant, UTC.
    At(#[schemars(with = "String")] Timestamp),
    /// A name from outside (bucket, host, variable); shown as text, escaped by the renderer.
    Name(String),
    Names(Vec<String>),
}

impl Value {
    pub fn name(name: impl Into<String>) -> Self {
        Value::Name(name.into())
    }

    pub fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Value::Names(names.into_iter().map(Into::into).collect())
    }

    /// The number to hold against a limit; `None` for names and instants.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Count(n) | Value::Millis(n) | Value::Bytes(n) => Some(*n as f64),
            Value::Seconds(n) => Some(*n as f64),
            Value::Percent(n) => Some(*n),
            Value::At(_) | Value::Name(_) | Value::Names(_) => None,
        }
    }

    /// The same unit with another number: a limit in the unit of what it limits.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn with_number(&self, number: f64) -> Value {
        match self {
            Value::Seconds(_) => Value::Seconds(number as i64),
            Value::Millis(_) => Value::Millis(number as u64),
            Value::Bytes(_) => Value::Bytes(number as u64),
            Value::Percent(_) => Value::Percent(number),
            _ => Value::Count(number as u64),
        }
    }

    /// Plain text for people, by the language's habits.
    #[must_use]
    pub fn render(&self, language: Language) -> String {
        match self {
            Value::Count(n) => grouped(*n, language),
            Value::Seconds(n) => duration(*n, language),
            Value::Millis(n) => match language {
                Language::En => format!("{} ms", grouped(*n, language)),
                Language::Fr => format!("{}\u{a0}ms", grouped(*n, language)),
            },
            Value::Bytes(n) => bytes(*n, language),
            Value::Percent(n) if *n == n.trunc() => percent(*n, 0, language),
            Value::Percent(n) => percent(*n, if *n < 10.0 { 2 } else { 1 }, language),
            Value::At(at) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            Value::Name(name) => clean(name),
            Value::Names(names) => names.iter().map(|n| clean(n)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// A name from outside, made safe to print: no control or bidirectional characters, bounded.
#[must_use]
pub fn clean(name: &str) -> String {
    const LONGEST: usize = 200;
    let mut out: String = name
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

fn grouped(n: u64, language: Language) -> String {
    let digits = n.to_string();
    let separator = match language {
        Language::En => ',',
        Language::Fr => '\u{202f}',
    };
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

/// Rounded to so many digits after the point.
pub(crate) fn percent(n: f64, digits: usize, language: Language) -> String {
    let text = format!("{n:.digits$}");
    match language {
        Language::En => format!("{text}%"),
        Language::Fr => format!("{}\u{a0}%", text.replace('.', ",")),
    }
}

/// Two leading units: `3 d 4 h`, `12 min`, `45 s`. In French no line breaks between a number and its unit.
#[must_use]
pub fn duration(seconds: i64, language: Language) -> String {
    let (day, space) = match language {
        Language::En => ("d", ' '),
        Language::Fr => ("j", '\u{a0}'),
    };
    let sign = if seconds < 0 { "-" } else { "" };
    let s = seconds.unsigned_abs();
    let (d, h, m, r) = (s / 86_400, s % 86_400 / 3_600, s % 3_600 / 60, s % 60);
    let parts = [(d, day), (h, "h"), (m, "min"), (r, "s")];
    let shown: Vec<String> = parts
        .iter()
        .skip_while(|(n, _)| *n == 0)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n}{space}{unit}"))
        .collect();
    if shown.is_empty() { format!("0{space}s") } else { format!("{sign}{}", shown.join(" ")) }
}

#[allow(clippy::cast_precision_loss)]
fn bytes(n: u64, language: Language) -> String {
    let (units, space) = match language {
        Language::En => (["B", "KB", "MB", "GB", "TB"], ' '),
        Language::Fr => (["o", "ko", "Mo", "Go", "To"], '\u{a0}'),
    };
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = if unit == 0 { format!("{n}") } else { format!("{value:.1}") };
    let text = if language == Language::Fr { text.replace('.', ",") } else { text };
    format!("{text}{space}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_language() {
        assert_eq!(Value::Seconds(93_784).render(Language::En), "1 d 2 h");
        assert_eq!(Value::Seconds(93_784).render(Language::Fr), "1\u{a0}j 2\u{a0}h");
        assert_eq!(Value::Count(12_345).render(Language::En), "12,345");
        assert_eq!(Value::Percent(4.25).render(Language::Fr), "4,25\u{a0}%");
        assert_eq!(Value::Bytes(1536).render(Language::En), "1.5 KB");
        assert_eq!(Value::Bytes(1536).render(Language::Fr), "1,5\u{a0}ko");
        assert_eq!(Value::Count(12_345).render(Language::Fr), "12\u{202f}345");
        assert_eq!(Value::Seconds(0).render(Language::En), "0 s");
    }

    #[test]
    fn names_from_outside_cannot_steer_a_terminal() {
        assert_eq!(Value::name("a\u{1b}[31mb\u{202e}c").render(Language::En), "a\u{fffd}[31mb\u{fffd}c");
    }
}
