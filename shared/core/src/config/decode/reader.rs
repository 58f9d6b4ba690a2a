//! Reading one value at a time, with every error kept.

use toml_span::de_helpers::{TableHelper, expected};
use toml_span::value::ValueInner;
use toml_span::{Error, ErrorKind, Span, Value};

use crate::Named;

pub(super) type Errors = Vec<Error>;

pub(super) fn custom(span: Span, what: impl Into<String>) -> Error {
    Error { kind: ErrorKind::Custom(what.into().into()), span, line_info: None }
}

/// One table being read: keys are taken, what is left is unknown.
pub(super) struct Reader<'e, 'de> {
    pub(super) table: TableHelper<'de>,
    pub(super) span: Span,
    pub(super) errors: &'e mut Errors,
}

impl<'e, 'de> Reader<'e, 'de> {
    pub(super) fn open(value: &mut Value<'de>, errors: &'e mut Errors) -> Option<Self> {
        let span = value.span;
        match TableHelper::new(value) {
            Ok(table) => Some(Reader { table, span, errors }),
            Err(e) => {
                errors.extend(e.errors);
                None
            }
        }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'de>> {
        self.table.take(key).map(|(_, value)| value)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.take(key).and_then(|mut v| string(&mut v, self.errors))
    }

    pub(super) fn required(&mut self, key: &'static str) -> Option<String> {
        if !self.table.contains(key) {
            self.missing(key);
        }
        self.text(key)
    }

    pub(super) fn missing(&mut self, key: &'static str) {
        self.errors.push(Error { kind: ErrorKind::MissingField(key), span: self.span, line_info: None });
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.take(key).map(|mut v| strings(&mut v, self.errors))
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        names: &'static [&'static str],
        values: &[T],
    ) -> Option<T> {
        let mut value = self.take(key)?;
        let span = value.span;
        let found = string(&mut value, self.errors)?;
        let at = names.iter().position(|n| *n == found);
        if at.is_none() {
            let kind = ErrorKind::UnexpectedValue { expected: names, value: Some(found) };
            self.errors.push(Error { kind, span, line_info: None });
        }
        at.and_then(|i| values.get(i).copied())
    }

    pub(super) fn number(&mut self, key: &'static str, from: i64, to: i64) -> Option<i64> {
        let value = self.take(key)?;
        match value.as_integer() {
            Some(n) if (from..=to).contains(&n) => Some(n),
            _ => {
                self.errors.push(custom(value.span, format!("{key:?}: expected a whole number from {from} to {to}")));
                None
            }
        }
    }

    pub(super) fn count(&mut self, key: &'static str, to: u32) -> Option<u32> {
        self.number(key, 1, i64::from(to)).and_then(|n| u32::try_from(n).ok())
    }

    /// `time_zone`, an IANA name; UTC when none is given.
    pub(super) fn time_zone(&mut self) -> String {
        let read = self.take("time_zone").and_then(|mut v| {
            let span = v.span;
            let name = string(&mut v, self.errors)?;
            let known = jiff::tz::TimeZone::get(&name).is_ok();
            if !known {
                let name = crate::evidence::clean(&name);
                let what = format!("{name:?} is no IANA time zone; expected one such as \"Europe/Paris\"");
                self.errors.push(custom(span, what));
            }
            known.then_some(name)
        });
        read.unwrap_or_else(|| "UTC".to_owned())
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.errors.push(custom(value.span, format!("{key:?}: expected true or false")));
        }
        flag
    }

    pub(super) fn map(&mut self, key: &'static str) -> Option<Named<String>> {
        let mut value = self.take(key)?;
        Some(entries(&mut value, self.errors, |v, e| string(v, e)))
    }

    /// What is left is unknown.
    pub(super) fn close(self) {
        if let Err(e) = self.table.finalize(None) {
            self.errors.extend(e.errors);
        }
    }
}

pub(super) fn string(value: &mut Value<'_>, errors: &mut Errors) -> Option<String> {
    let span = value.span;
    match value.take_string(None) {
        Ok(text) if text.trim().is_empty() => {
            errors.push(custom(span, "expected a text that is not empty"));
            None
        }
        Ok(text) => Some(text.into_owned()),
        Err(e) => {
            errors.push(e);
            None
        }
    }
}

pub(super) fn array<'de, T>(
    value: &mut Value<'de>,
    errors: &mut Errors,
    read: impl Fn(&mut Value<'de>, &mut Errors) -> Option<T>,
) -> Vec<T> {
    match value.take() {
        ValueInner::Array(items) => items.into_iter().filter_map(|mut item| read(&mut item, errors)).collect(),
        other => {
            errors.push(expected("an array", other, value.span));
            Vec::new()
        }
    }
}

pub(super) fn strings(value: &mut Value<'_>, errors: &mut Errors) -> Vec<String> {
    array(value, errors, |v, e| string(v, e))
}

/// A name, or a list of alternatives.
pub(super) fn any_of(value: &mut Value<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    if value.as_str().is_some() { string(value, errors).map(|s| vec![s]) } else { Some(strings(value, errors)) }
}

pub(super) fn entries<'de, T>(
    value: &mut Value<'de>,
    errors: &mut Errors,
    read: impl Fn(&mut Value<'de>, &mut Errors) -> Option<T>,
) -> Named<T> {
    match value.take() {
        ValueInner::Table(table) => table
            .into_iter()
            .filter_map(|(key, mut v)| read(&mut v, errors).map(|t| (key.name.into_owned(), t)))
            .collect(),
        other => {
            errors.push(expected("a table", other, value.span));
            Named::new()
        }
    }
}
