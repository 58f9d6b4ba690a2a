//! What surrounds a value, or hides in it.

use super::names;
use crate::facts::variables::{Class, Shape, Stray};

/// A value without the white space and invisible characters around it.
#[must_use]
pub fn trimmed(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || invisible(c))
}

/// A value without what surrounds it, quotes included: what its owner meant.
pub(super) fn bare(value: &str) -> &str {
    let value = trimmed(value);
    unquoted(value).map_or(value, trimmed)
}

fn unquoted(value: &str) -> Option<&str> {
    let pairs = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')];
    pairs.iter().find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close))
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// What is part of the value and should not be.
pub(super) fn of(name: &str, value: &str, class: Class, shape: Shape) -> Vec<Stray> {
    let mut out = Vec::new();
    let inner = trimmed(value);
    let start = value.len() - value.trim_start_matches(|c: char| c.is_whitespace() || invisible(c)).len();
    // A text of several lines, such as a PEM file, ends with a line feed by right.
    let lines = inner.contains('\n');
    out.extend(value[..start].chars().filter_map(at_an_end));
    out.extend(
        value[start + inner.len()..].chars().filter(|c| !(lines && matches!(c, '\n' | '\r'))).filter_map(at_an_end),
    );
    let technical =
        class != Class::Plain && (shape.secret() || shape.url() || class == Class::Locator || names::ascii_only(name));
    if technical {
        out.extend(inner.chars().filter_map(within));
        let bare = unquoted(inner).unwrap_or(inner);
        if bare.chars().any(|c| !c.is_ascii() && within(c).is_none()) {
            out.push(Stray::NonAscii);
        }
    } else {
        // A joiner holds an emoji together; a byte order mark belongs nowhere.
        out.extend(inner.chars().filter(|c| *c == '\u{feff}').filter_map(within));
    }
    if unquoted(inner).is_some() {
        out.push(Stray::Quotes);
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn at_an_end(c: char) -> Option<Stray> {
    Some(match c {
        '\t' => Stray::Tab,
        '\r' => Stray::CarriageReturn,
        '\n' => Stray::LineFeed,
        c if within(c).is_some() => return within(c),
        _ => Stray::Space,
    })
}

fn within(c: char) -> Option<Stray> {
    match c {
        '\u{feff}' => Some(Stray::ByteOrderMark),
        '\u{a0}' | '\u{202f}' => Some(Stray::NoBreakSpace),
        c if invisible(c) => Some(Stray::ZeroWidth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: &str) -> Vec<Stray> {
        of("API_KEY", value, Class::Secret, Shape::Other)
    }

    #[test]
    fn each_stray_is_seen() {
        assert_eq!(secret(" abc"), [Stray::Space]);
        assert_eq!(secret("abc\t"), [Stray::Tab]);
        assert_eq!(secret("abc\r\n"), [Stray::CarriageReturn, Stray::LineFeed]);
        assert_eq!(secret("\u{feff}abc"), [Stray::ByteOrderMark]);
        assert_eq!(secret("a\u{a0}bc"), [Stray::NoBreakSpace]);
        assert_eq!(secret("a\u{200b}bc"), [Stray::ZeroWidth]);
        assert_eq!(secret("\"abc\""), [Stray::Quotes]);
        assert_eq!(secret("“abc”"), [Stray::Quotes]);
        assert_eq!(secret("pâss"), [Stray::NonAscii]);
        assert_eq!(secret(" 'abc' "), [Stray::Space, Stray::Quotes]);
    }

    #[test]
    fn what_belongs_is_left_alone() {
        assert!(secret("abc def").is_empty() && secret("it's").is_empty() && secret("a\"b").is_empty());
        assert!(secret("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n").is_empty());
        assert!(of("FROM_EMAIL", "Société\u{a0}X <a@b.fr>", Class::Plain, Shape::Other).is_empty());
        assert!(of("APP_TITLE", "Boutique Élégante 👨‍👩‍👧", Class::Secret, Shape::Other).is_empty());
        assert!(secret("").is_empty() && secret("\"").is_empty());
    }

    #[test]
    fn bare_is_what_was_meant() {
        assert_eq!(bare(" \"abc\"\n"), "abc");
        assert_eq!(bare("\u{feff}abc\u{200b}"), "abc");
        assert_eq!(bare("\"\""), "");
    }
}
