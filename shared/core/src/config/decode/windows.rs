//! `[[maintenance]]`.

use toml_span::Value;

use super::of_declared;
use super::reader::{Errors, Reader, custom, string};
use crate::check::Kind;
use crate::config::MaintenanceConfig;
use crate::evidence::clean;
use crate::maintenance::{DAY, Every, LONGEST};

/// One window. `declared`: the environments, where they are known.
pub(super) fn maintenance(
    value: &mut Value<'_>,
    declared: Option<&[String]>,
    errors: &mut Errors,
) -> Option<MaintenanceConfig> {
    let mut r = Reader::open(value, errors)?;
    let environment = of_declared(&mut r, declared);
    let targets = r.texts("targets").unwrap_or_default();
    for target in &targets {
        let kind = target.split(':').next().unwrap_or_default();
        if !Kind::ALL.iter().any(|known| known.name() == kind) {
            let what = format!("{:?} is no target; expected one such as \"postgres\" or \"https:app\"", clean(target));
            r.errors.push(custom(r.span, what));
        }
    }
    let owner = r.required("owner");
    let reason = r.required("reason");
    let time_zone = r.time_zone();
    form(&mut r);
    let starts = parsed(&mut r, "starts", "a local time such as \"2026-12-05T22:00\"");
    let every = r.take("every").and_then(|mut v| {
        let span = v.span;
        let text = string(&mut v, r.errors)?;
        Every::try_from(text).map_err(|what| r.errors.push(custom(span, format!("every: {what}")))).ok()
    });
    let at = parsed(&mut r, "at", "a local time of day such as \"02:00\"");
    if !r.table.contains("minutes") {
        r.missing("minutes");
    }
    let longest = if every == Some(Every::Day) { DAY } else { LONGEST };
    let minutes = r.count("minutes", longest);
    r.close();
    Some(MaintenanceConfig {
        environment,
        targets,
        owner: owner?,
        reason: reason?,
        time_zone,
        starts,
        every,
        at,
        minutes: minutes?,
    })
}

/// Once, or again and again: one of the two, and whole.
fn form(r: &mut Reader<'_, '_>) {
    match ["starts", "every", "at"].map(|key| r.table.contains(key)) {
        [true, false, false] | [false, true, true] => {}
        [false, true, false] => r.missing("at"),
        [false, false, true] => r.missing("every"),
        _ => {
            let what = "expected either starts = \"2026-12-05T22:00\", or every = \"saturday\" and at = \"02:00\"";
            r.errors.push(custom(r.span, what));
        }
    }
}

/// A time, written as text: toml-span has none.
fn parsed<T: std::str::FromStr>(r: &mut Reader<'_, '_>, key: &'static str, expected: &str) -> Option<T> {
    let mut value = r.take(key)?;
    let span = value.span;
    let text = string(&mut value, r.errors)?;
    let time = text.parse().ok();
    if time.is_none() {
        r.errors.push(custom(span, format!("{key}: expected {expected}")));
    }
    time
}
