//! What is wrong with a configuration, each with its place.

use std::fmt;

/// One error: where, what, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Byte offsets into the text.
    pub span: (usize, usize),
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong and what was expected, in one sentence.
    pub what: String,
}

/// All that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    pub file: String,
    pub errors: Vec<ConfigError>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}:{}: {}", self.file, e.line, e.column, e.what)?;
        }
        Ok(())
    }
}

impl ConfigErrors {
    pub(super) fn new(file: &str, text: &str, found: Vec<toml_span::Error>) -> Self {
        let mut errors: Vec<ConfigError> = found.into_iter().flat_map(|e| explain(text, e)).collect();
        errors.sort_by_key(|e| e.span);
        errors.dedup();
        ConfigErrors { file: file.to_owned(), errors }
    }
}

/// One error for each unknown key; else one.
fn explain(text: &str, error: toml_span::Error) -> Vec<ConfigError> {
    use toml_span::ErrorKind;
    match error.kind {
        ErrorKind::UnexpectedKeys { keys, expected } => keys
            .into_iter()
            .map(|(key, span)| {
                let key = crate::evidence::clean(&key);
                let near = super::names::nearest(&key, &expected);
                let hint = near.map(|n| format!("; did you mean {n:?}?")).unwrap_or_default();
                at(text, span, format!("unknown key {key:?}{hint} Expected one of: {}", expected.join(", ")))
            })
            .collect(),
        ErrorKind::MissingField(name) => vec![at(text, error.span, format!("key {name:?} is missing"))],
        ErrorKind::Wanted { expected, found } => {
            vec![at(text, error.span, format!("expected {expected}, found {found}"))]
        }
        ErrorKind::UnexpectedValue { expected, value } => {
            let found = value.map(|v| format!(", found {:?}", crate::evidence::clean(&v))).unwrap_or_default();
            let expected: Vec<String> = expected.iter().map(|e| format!("{e:?}")).collect();
            vec![at(text, error.span, format!("expected {}{found}", expected.join(" or ")))]
        }
        ErrorKind::InvalidNumber => {
            vec![at(text, error.span, "this is no number; a day is written in quotes: \"2027-03-01\"".to_owned())]
        }
        ErrorKind::Custom(what) => vec![at(text, error.span, what.into_owned())],
        other => vec![at(text, error.span, crate::evidence::clean(&other.to_string()))],
    }
}

fn at(text: &str, span: toml_span::Span, what: String) -> ConfigError {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    ConfigError { span: (start, span.end.clamp(start, text.len())), line, column, what }
}
