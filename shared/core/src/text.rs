//! Sentences in English and French, with evidence in braces.

use crate::evidence::Evidence;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    #[default]
    En,
    Fr,
}

/// One sentence in both languages. Made by [`text`] alone, so that the placeholders agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    pub en: &'static str,
    pub fr: &'static str,
}

/// Both languages of one sentence; in a `const` it does not compile unless both use the same placeholders.
#[must_use]
#[allow(clippy::panic)] // a const panic is a compile error: that is the point
pub const fn text(en: &'static str, fr: &'static str) -> Text {
    if !covers(en.as_bytes(), fr.as_bytes()) || !covers(fr.as_bytes(), en.as_bytes()) {
        panic!("the two languages do not use the same placeholders");
    }
    Text { en, fr }
}

/// Whether each `{placeholder}` of `a` occurs in `b`.
const fn covers(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() {
        if a[i] == b'{' {
            let mut end = i;
            while end < a.len() && a[end] != b'}' {
                end += 1;
            }
            if !contains(b, a, i, end) {
                return false;
            }
            i = end;
        }
        i += 1;
    }
    true
}

/// Whether `hay` contains `needle[from..=to]`.
const fn contains(hay: &[u8], needle: &[u8], from: usize, to: usize) -> bool {
    let length = to - from + 1;
    let mut start = 0;
    while start + length <= hay.len() {
        let mut k = 0;
        while k < length && hay[start + k] == needle[from + k] {
            k += 1;
        }
        if k == length {
            return true;
        }
        start += 1;
    }
    false
}

impl Text {
    /// The bare sentence, placeholders and all.
    #[must_use]
    pub const fn raw(self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Fr => self.fr,
        }
    }

    /// The sentence with each `{name}` replaced by the evidence of that name; a name without evidence stays in braces,
    /// which the family test refuses. Values are plain text: each renderer escapes for its own medium.
    #[must_use]
    pub fn render(self, language: Language, evidence: &Evidence) -> String {
        let mut out = String::new();
        let mut rest = self.raw(language);
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else { break };
            out.push_str(&rest[..open]);
            let name = &rest[open + 1..open + close];
            match evidence.get(name) {
                Some(value) => out.push_str(&value.render(language)),
                None => out.push_str(&rest[open..=open + close]),
            }
            rest = &rest[open + close + 1..];
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Evidence, Value};

    #[test]
    fn renders_evidence_and_keeps_what_has_none() {
        const SAYS: Text = text("{n} in {place}", "dans {place} : {n}");
        let evidence: Evidence = [("n".to_owned(), Value::Count(3))].into();
        assert_eq!(SAYS.render(Language::En, &evidence), "3 in {place}");
        assert_eq!(SAYS.render(Language::Fr, &evidence), "dans {place} : 3");
    }

    #[test]
    #[should_panic(expected = "same placeholders")]
    fn refuses_a_placeholder_of_one_language_only() {
        let _ = text("{a} {b}", "{a}");
    }
}
