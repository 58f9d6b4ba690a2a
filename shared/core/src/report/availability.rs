//! Availability and latency in words.

use super::phrases as p;
use super::view::{Past, Period, TargetView};
use super::words::Words;
use crate::evidence::{Value, clean, percent};

impl Words<'_> {
    /// 24 hours, 7 days, 30 days: what each is called, and what is known of it.
    pub fn periods(&self, past: &Past) -> [(String, Period); 3] {
        [(p::IN_DAY, past.day), (p::IN_WEEK, past.week), (p::IN_MONTH, past.month)]
            .map(|(name, period)| (self.say(name), period))
    }

    /// `99.98%`, rounded down so that an outage never reads as none; a dash: never asked.
    pub fn percent(&self, period: &Period) -> String {
        let Some(n) = period.availability() else { return "–".to_owned() };
        let down = (n * 100.0).floor() / 100.0;
        percent(down, if down == down.trunc() { 0 } else { 2 }, self.language())
    }

    pub fn ms(&self, ms: Option<u32>) -> String {
        ms.map_or_else(|| "–".to_owned(), |ms| Value::Millis(u64::from(ms)).render(self.language()))
    }

    /// `24 h 100% · 7 d 99.9% · 30 d 99.8%`; absent: it was never asked.
    pub fn ups(&self, past: &Past) -> Option<String> {
        let one =
            |(name, period): &(String, Period)| (period.asked > 0).then(|| format!("{name} {}", self.percent(period)));
        let known: Vec<String> = self.periods(past).iter().filter_map(one).collect();
        (!known.is_empty()).then(|| known.join(" · "))
    }

    /// `median 38 ms, 95 of 100 below 90 ms` of the last 24 hours; absent: it was never up in them.
    pub fn latency(&self, past: &Past) -> Option<String> {
        past.day.p50?;
        Some(self.fill(p::LATENCY, [("p50", self.ms(past.day.p50)), ("p95", self.ms(past.day.p95))]))
    }

    /// What the chart of 30 days shows, for who does not see it.
    pub fn chart(&self, target: &TargetView, past: &Past) -> String {
        let (target, percent) = (("target", clean(&target.target)), ("percent", self.percent(&past.month)));
        let fell = |day: &&Period| day.asked > 0 && day.up < day.asked;
        let worst = past
            .days
            .iter()
            .filter(fell)
            .min_by(|a, b| a.availability().partial_cmp(&b.availability()).unwrap_or(std::cmp::Ordering::Equal));
        match worst {
            None => self.fill(p::CHART_WELL, [target, percent]),
            Some(day) => {
                let values = [target, percent, ("day", self.day(day.from)), ("low", self.percent(day))];
                self.fill(p::CHART, values)
            }
        }
    }

    /// How to read the charts; absent: there is none.
    pub fn legend(&self) -> Option<String> {
        let shown = |target: &TargetView| target.past.as_ref().is_some_and(|past| past.month.asked > 0);
        let any = self.report.environments.iter().any(|view| view.targets.iter().any(shown));
        any.then(|| self.say(p::CHARTS))
    }

    /// How much a list's threshold leaves out.
    pub fn milder(&self) -> Option<String> {
        let n = self.report.milder as usize;
        let phrase = if self.plural(n) { p::MILDER_MANY } else { p::MILDER_ONE };
        let least = ("least", self.severity(self.report.least));
        (n > 0).then(|| self.fill(phrase, [("n", self.number(n)), least]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Input, report};
    use crate::text::Language;
    use jiff::Timestamp;

    #[test]
    fn an_outage_never_reads_as_none() {
        let input = |language| Input {
            environments: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            since: None,
            language,
            time_zone: "UTC".to_owned(),
            repeat: false,
            least: crate::check::Severity::Info,
        };
        let (en, fr) = (report(&input(Language::En)), report(&input(Language::Fr)));
        let of = |asked, up| Period { from: Timestamp::UNIX_EPOCH, asked, up, p50: None, p95: None };
        let says = |asked, up| Words::new(&en).percent(&of(asked, up));
        assert_eq!(says(0, 0), "–");
        assert_eq!(says(8_640, 8_640), "100%");
        assert_eq!(says(1_000_000, 999_999), "99.99%");
        assert_eq!(says(8_640, 8_636), "99.95%");
        assert_eq!(says(4, 3), "75%");
        assert_eq!(Words::new(&fr).percent(&of(8_640, 8_636)), "99,95\u{a0}%");
    }
}
