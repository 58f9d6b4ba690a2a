//! Recipients who get the same mail at the same time are one list.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use vigie_aws::mail::bare;
use vigie_core::check::Severity;
use vigie_core::config::{Config, Recipient};
use vigie_core::text::Language;

/// SES takes at most 50 recipients a message (Amazon SES service quotas).
pub const MOST: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Stable: of what is sent and when, not of who gets it, so that a new colleague does not mail everybody again.
    pub id: String,
    pub language: Language,
    /// IANA name.
    pub time_zone: String,
    pub hour: u8,
    pub environments: Vec<String>,
    /// What is milder is counted and not listed.
    pub least: Severity,
    pub addresses: Vec<String>,
}

impl List {
    /// The day of today's mail, in the list's time zone; `None`: its hour has not come.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Date> {
        let local = now.to_zoned(self.zone());
        (i64::from(local.hour()) >= i64::from(self.hour)).then(|| local.date())
    }

    /// Today, in the list's time zone.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone()).date()
    }

    fn zone(&self) -> TimeZone {
        // The configuration refuses a zone that does not exist.
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }
}

/// The lists of a configuration, in the order of their first recipient.
#[must_use]
pub fn lists(config: &Config) -> Vec<List> {
    let mut out: Vec<List> = Vec::new();
    for recipient in config.report.iter().flat_map(|report| &report.to) {
        let base = id(recipient);
        let full = |list: &List| list.addresses.len() >= MOST;
        if out.iter().any(|list| of(list, &base) && has(list, &recipient.address)) {
            continue;
        }
        let part = out.iter().filter(|list| full(list) && of(list, &base)).count();
        match out.iter_mut().find(|list| of(list, &base) && !full(list)) {
            Some(list) => list.addresses.push(recipient.address.clone()),
            None => out.push(List {
                id: if part == 0 { base } else { format!("{base}.{}", part + 1) },
                language: recipient.language,
                time_zone: recipient.time_zone.clone(),
                hour: recipient.hour,
                environments: environments(recipient, config),
                least: recipient.severity,
                addresses: vec![recipient.address.clone()],
            }),
        }
    }
    out
}

fn of(list: &List, base: &str) -> bool {
    list.id == base || list.id.strip_prefix(base).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether somebody is on it already, under whatever name.
fn has(list: &List, address: &str) -> bool {
    list.addresses.iter().any(|there| bare(there).eq_ignore_ascii_case(bare(address)))
}

fn environments(recipient: &Recipient, config: &Config) -> Vec<String> {
    let all = config.environment.keys();
    let asked = |name: &&String| recipient.environments.is_empty() || recipient.environments.contains(name);
    all.filter(asked).cloned().collect()
}

/// `all-fr-europe-paris-07`, `production+staging-en-utc-07-high`: safe as the name of an object, and part of an address.
fn id(recipient: &Recipient) -> String {
    const LONGEST: usize = 80;
    let mut names = recipient.environments.clone();
    names.sort();
    names.dedup();
    let joined = names.join("+");
    let what = match joined.len() {
        0 => "all".to_owned(),
        1..=LONGEST => joined,
        _ => format!("{}-of-{:016x}", names.len(), fnv(&joined)),
    };
    let language = match recipient.language {
        Language::En => "en",
        Language::Fr => "fr",
    };
    let slug = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let zone: String = recipient.time_zone.chars().map(slug).collect();
    // The default has no name here: a list keeps its id, and so its day's mail, when severities come into use.
    let least = match recipient.severity {
        Severity::Info => String::new(),
        least => format!("-{}", least.name()),
    };
    format!("{what}-{language}-{zone}-{:02}{least}", recipient.hour)
}

/// FNV-1a: stable between versions, unlike the standard library's hasher.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_core::config::Report;

    fn recipient(address: &str, language: Language, hour: u8, environments: &[&str]) -> Recipient {
        Recipient {
            address: address.to_owned(),
            language,
            time_zone: "Europe/Paris".to_owned(),
            hour,
            environments: environments.iter().map(|&e| e.to_owned()).collect(),
            severity: Severity::Info,
        }
    }

    fn config(to: Vec<Recipient>) -> Config {
        Config { report: Some(Report { from: "vigie@shop.example".to_owned(), to }), ..Config::default() }
    }

    #[test]
    fn who_gets_the_same_is_one_list() {
        let lists = lists(&config(vec![
            recipient("a@shop.example", Language::Fr, 7, &["staging", "production"]),
            recipient("b@shop.example", Language::Fr, 7, &["production", "staging"]),
            recipient("c@shop.example", Language::En, 7, &["production", "staging"]),
            recipient("d@shop.example", Language::Fr, 8, &[]),
            recipient("a@shop.example", Language::Fr, 7, &["production", "staging"]),
        ]));
        let ids: Vec<&str> = lists.iter().map(|list| list.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "production+staging-fr-europe-paris-07",
                "production+staging-en-europe-paris-07",
                "all-fr-europe-paris-08"
            ]
        );
        assert_eq!(lists[0].addresses, ["a@shop.example", "b@shop.example"]);
    }

    #[test]
    fn a_severity_makes_a_list_of_its_own() {
        let graver = |severity| Recipient { severity, ..recipient("a@shop.example", Language::En, 7, &[]) };
        let lists = lists(&config(vec![
            graver(Severity::Info),
            graver(Severity::High),
            graver(Severity::Critical),
            Recipient { address: "Ana <A@shop.example>".to_owned(), ..graver(Severity::High) },
        ]));
        let ids: Vec<(&str, Severity, usize)> =
            lists.iter().map(|list| (list.id.as_str(), list.least, list.addresses.len())).collect();
        assert_eq!(
            ids,
            [
                ("all-en-europe-paris-07", Severity::Info, 1),
                ("all-en-europe-paris-07-high", Severity::High, 1),
                ("all-en-europe-paris-07-critical", Severity::Critical, 1)
            ]
        );
    }

    #[test]
    fn a_list_is_split_at_what_ses_takes() {
        let to = (0..120).map(|n| recipient(&format!("p{n}@shop.example"), Language::En, 7, &[])).collect();
        let lists = lists(&config(to));
        let sizes: Vec<usize> = lists.iter().map(|list| list.addresses.len()).collect();
        assert_eq!(sizes, [50, 50, 20]);
        assert_eq!(lists[2].id, "all-en-europe-paris-07.3");
    }

    #[test]
    fn due_by_the_local_hour_and_day() {
        let list = lists(&config(vec![recipient("a@shop.example", Language::Fr, 7, &[])])).remove(0);
        let due = |at: &str| list.due(at.parse().unwrap()).map(|date| date.to_string());
        assert_eq!(due("2026-11-22T05:59:59Z"), None, "06:59 in Paris in winter");
        assert_eq!(due("2026-11-22T06:00:00Z").as_deref(), Some("2026-11-22"));
        assert_eq!(due("2026-07-01T05:00:00Z").as_deref(), Some("2026-07-01"), "07:00 in summer");
        assert_eq!(due("2026-11-22T22:59:00Z").as_deref(), Some("2026-11-22"));
        assert_eq!(due("2026-11-22T23:30:00Z"), None, "tomorrow's hour has not come");
    }
}
