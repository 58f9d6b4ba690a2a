//! Text of a .env file -> variables, in the way of the npm package dotenv (its `parse`, version 16 and 17): `export`, three
//! kinds of quotes that may span lines, `#` comments (an unquoted value ends at any `#`), `\n` and `\r` inside double
//! quotes only, `NAME: value`. The package skips what it does not understand; here that is an error with its line.

use secrecy::SecretString;

/// The longest text, in bytes.
pub const LONGEST: usize = 1024 * 1024;
pub const MOST_LINES: usize = 10_000;

/// What is wrong with a line; never its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct DotenvError {
    /// From 1.
    pub line: u32,
    pub what: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("expected NAME=value")]
    NotAPair,
    #[error("a name has letters, digits, '_', '.' and '-' only")]
    Name,
    #[error("the quote is never closed, or text follows it: the quotes are part of the value")]
    Quote,
    #[error("the file is longer than 1 MB")]
    TooLong,
    #[error("the file has more than 10,000 lines")]
    TooManyLines,
}

/// Name, value, line. A name that comes twice is there twice; the package takes the last.
pub type Entry = (String, SecretString, u32);

/// Reads a .env file: every variable that the package would see, and every line that it would misread or skip.
#[must_use]
pub fn parse(text: &str) -> (Vec<Entry>, Vec<DotenvError>) {
    let whole = |what, line| (Vec::new(), vec![DotenvError { line, what }]);
    if text.len() > LONGEST {
        return whole(Problem::TooLong, 1);
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.matches('\n').count() > MOST_LINES {
        return whole(Problem::TooManyLines, u32::try_from(MOST_LINES + 1).unwrap_or(u32::MAX));
    }
    let mut reader =
        Reader { rest: text.trim_start_matches('\u{feff}'), line: 1, found: Vec::new(), errors: Vec::new() };
    while !reader.rest.is_empty() {
        reader.line();
    }
    (reader.found, reader.errors)
}

struct Reader<'a> {
    /// From the beginning of a line.
    rest: &'a str,
    line: u32,
    found: Vec<Entry>,
    errors: Vec<DotenvError>,
}

impl Reader<'_> {
    /// Reads one line, or the several of a quoted value.
    fn line(&mut self) {
        let text = self.rest;
        let end = text.find('\n').unwrap_or(text.len());
        let line = blank(&text[..end]);
        if line.is_empty() || line.starts_with('#') {
            return self.go(end);
        }
        let Some((name, at)) = name(&text[..end]) else {
            let what = if line.contains('=') { Problem::Name } else { Problem::NotAPair };
            self.errors.push(DotenvError { line: self.line, what });
            return self.go(end);
        };
        let indent = text[at..end].find(|c: char| !space(c)).unwrap_or(end - at);
        let start = at + indent;
        let quote = text[start..end].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        match quote.map(|quote| (quote, close(&text[start + 1..], quote))) {
            Some((quote, Some(length))) => {
                let value = &text[start + 1..start + 1 + length];
                self.push(name, if quote == '"' { expanded(value) } else { value.to_owned() });
                let after = start + 2 + length;
                self.go(text[after..].find('\n').map_or(text.len(), |n| after + n));
            }
            unclosed => {
                if unclosed.is_some() {
                    self.errors.push(DotenvError { line: self.line, what: Problem::Quote });
                }
                let value = text[start..end].split('#').next().unwrap_or_default();
                self.push(name, blank(value).to_owned());
                self.go(end);
            }
        }
    }

    fn push(&mut self, name: &str, value: String) {
        self.found.push((name.to_owned(), SecretString::from(value), self.line));
    }

    /// Goes on behind the line that ends at `end`.
    fn go(&mut self, end: usize) {
        let (read, rest) = self.rest.split_at((end + 1).min(self.rest.len()));
        self.line += u32::try_from(read.matches('\n').count()).unwrap_or(u32::MAX);
        self.rest = rest;
    }
}

/// The name of a line, and where what follows its `=` or `: ` begins.
fn name(line: &str) -> Option<(&str, usize)> {
    let skip = |at: usize| at + line[at..].find(|c: char| !space(c)).unwrap_or(line.len() - at);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let word = |at: usize| at + line[at..].find(|c| !allowed(c)).unwrap_or(line.len() - at);
    let mut start = skip(0);
    let mut end = word(start);
    let after = skip(end);
    // `export=1` is a variable of that name.
    if &line[start..end] == "export" && after > end && !line[after..].starts_with(['=', ':']) {
        start = after;
        end = word(start);
    }
    let name = Some(&line[start..end]).filter(|name| !name.is_empty())?;
    let after = skip(end);
    if line[after..].starts_with('=') {
        return Some((name, after + 1));
    }
    let value = line[end..].strip_prefix(':').filter(|value| value.starts_with(space))?;
    Some((name, line.len() - value.len()))
}

/// The length of a value up to its closing quote. A quote closes when nothing but a comment follows it on its line; the
/// first that is not escaped, else, as the package's expression goes back, the last escaped one that does.
fn close(text: &str, quote: char) -> Option<usize> {
    let ends = |at: usize| {
        let rest = text[at + 1..].trim_start_matches(|c| space(c) && c != '\n');
        rest.is_empty() || rest.starts_with(['\n', '#'])
    };
    let mut escaped = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        if c == quote {
            if before != Some('\\') {
                if ends(at) {
                    return Some(at);
                }
                break;
            }
            escaped.push(at);
        }
        before = Some(c);
    }
    escaped.into_iter().rev().find(|at| ends(*at))
}

fn expanded(value: &str) -> String {
    value.replace("\\n", "\n").replace("\\r", "\r")
}

/// What JavaScript's `\s` matches.
fn space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

fn blank(text: &str) -> &str {
    text.trim_matches(space)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(text: &str) -> Vec<(String, String, u32)> {
        let (found, errors) = parse(text);
        assert_eq!(errors, [], "{text}");
        found.into_iter().map(|(n, v, l)| (n, v.expose_secret().to_owned(), l)).collect()
    }

    fn value(text: &str) -> String {
        let found = read(text);
        assert_eq!(found.len(), 1, "{text}");
        found[0].1.clone()
    }

    /// Values as dotenv 16.4 gives them.
    #[test]
    fn values_are_those_of_the_package() {
        for (text, expected) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("  export   A=b", "b"),
            ("\u{feff}A=b", "b"),
            ("A=", ""),
            ("A=''", ""),
            ("A=b # c", "b"),
            ("A=b#c", "b"),
            ("A=\"b#c\" # d", "b#c"),
            ("A='b c'", "b c"),
            ("A=' b '", " b "),
            ("A=`b\"c'd`", "b\"c'd"),
            ("A=\"b\\nc\"", "b\nc"),
            ("A='b\\nc'", "b\\nc"),
            ("A=b\\nc", "b\\nc"),
            ("A=\"b\nc\"", "b\nc"),
            ("A='b\nc'", "b\nc"),
            ("A=\"b\\\"c\"", "b\\\"c"),
            ("A=\"b\\\\\"", "b\\\\"),
            ("A=\"b\\\"", "b\\"),
            ("A=b=c==", "b=c=="),
            ("A: b", "b"),
            ("A={\"b\": \"c\"}", "{\"b\": \"c\"}"),
            ("A=it's", "it's"),
            ("A=b\r\n", "b"),
            ("export=b", "b"),
            ("A.b-c=d", "d"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_quoted_values() {
        let found = read("# c\n\nA=\"1\n2\n3\"\r\nB=4\nA=5");
        let lines: Vec<_> = found.iter().map(|(n, v, l)| (n.as_str(), v.as_str(), *l)).collect();
        assert_eq!(lines, [("A", "1\n2\n3", 3), ("B", "4", 6), ("A", "5", 7)]);
    }

    #[test]
    fn errors_name_the_line_and_never_the_value() {
        let (found, errors) = parse("CANARY\n=CANARY\nA B=CANARY\nC=\"CANARY\nD=\"x\" CANARY\nE=1\n");
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!told.join("\n").contains("CANARY") && !format!("{found:?}{errors:?}").contains("CANARY"));
        let names: Vec<&str> = found.iter().map(|(n, ..)| n.as_str()).collect();
        assert_eq!(names, ["C", "D", "E"]);
        assert_eq!(found[0].1.expose_secret(), "\"CANARY");
    }

    #[test]
    fn it_is_bounded() {
        assert_eq!(parse(&"a".repeat(LONGEST + 1)).1[0].what, Problem::TooLong);
        assert_eq!(parse(&"\n".repeat(MOST_LINES + 1)).1[0].what, Problem::TooManyLines);
        assert!(parse(&"A=\"\\\"\n".repeat(9_000)).0.len() > 1);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_every_line_is_accounted_for(text in "([A-C=:#'\"` \\\\né\r\n\u{feff}]|export ){0,80}") {
            let (found, errors) = parse(&text);
            let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
            proptest::prop_assert!(found.iter().all(|f| f.2 as usize <= lines) && errors.iter().all(|e| e.line as usize <= lines));
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[^'\\\\\r]{0,40}") {
            let (found, errors) = parse(&format!("A='{value}'\nB=1"));
            proptest::prop_assert!(errors.is_empty());
            proptest::prop_assert_eq!(found[0].1.expose_secret(), &value);
            proptest::prop_assert_eq!(found.len(), 2);
        }
    }
}
