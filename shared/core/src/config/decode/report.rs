//! `[report]`: who sends, and who gets it.

use toml_span::Value;

use super::super::{Recipient, Report};
use super::reader::{Errors, Reader, array, custom, string};
use crate::check::Severity;
use crate::text::Language;

pub(super) fn report(value: &mut Value<'_>, errors: &mut Errors) -> Option<Report> {
    let mut r = Reader::open(value, errors)?;
    let from = r.take("from").map(|mut v| address(&mut v, r.errors));
    if from.is_none() {
        r.missing("from");
    }
    let to = r.take("to").map(|mut v| array(&mut v, r.errors, recipient)).unwrap_or_default();
    if to.is_empty() {
        r.errors.push(custom(r.span, "the report has no recipient: write [[report.to]] with an address"));
    }
    r.close();
    Some(Report { from: from.flatten()?, to })
}

fn address(value: &mut Value<'_>, errors: &mut Errors) -> Option<String> {
    let span = value.span;
    let text = string(value, errors)?;
    let bare = text.rsplit_once('<').map_or(text.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let good = bare
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.chars().any(char::is_control)
        && bare.len() <= 254
        && !bare.contains(char::is_whitespace);
    // Source: Amazon SES API reference, Destination: SMTPUTF8 is not supported. The name before <...> may be anything.
    let plain = bare.is_ascii();
    if !good {
        errors.push(custom(span, format!("expected a mail address, found {:?}", crate::evidence::clean(&text))));
    } else if !plain {
        let what = format!(
            "{:?}: SES takes addresses in ASCII only; write the domain in its punycode form (xn--...)",
            crate::evidence::clean(bare)
        );
        errors.push(custom(span, what));
    }
    (good && plain).then_some(text)
}

fn recipient(value: &mut Value<'_>, errors: &mut Errors) -> Option<Recipient> {
    let mut r = Reader::open(value, errors)?;
    let to = r.take("address").map(|mut v| address(&mut v, r.errors));
    if to.is_none() {
        r.missing("address");
    }
    let language = r.one_of("language", &["en", "fr"], &[Language::En, Language::Fr]).unwrap_or_default();
    let time_zone = r.time_zone();
    let hour = r.number("hour", 0, 23).and_then(|n| u8::try_from(n).ok()).unwrap_or(7);
    let environments = r.texts("environments").unwrap_or_default();
    let severity =
        r.one_of("severity", &["critical", "high", "medium", "low", "info"], &Severity::ALL).unwrap_or(Severity::Info);
    r.close();
    Some(Recipient { address: to.flatten()?, language, time_zone, hour, environments, severity })
}
