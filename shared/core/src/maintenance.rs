//! Maintenance windows: times in which what fails raises no alert. In local time, once or again and again. Pure.

use crate::run::MaintenanceNote;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest window, in minutes: a week.
pub const LONGEST: u32 = 7 * DAY;
/// Minutes of a day: a daily window that is longer never ends.
pub const DAY: u32 = 24 * 60;

/// One window of an environment's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    pub owner: String,
    pub reason: String,
    /// IANA name of the zone that its times are local to.
    pub time_zone: String,
    pub when: When,
    /// How long it lasts. By elapsed time, also in a night that the clock changes.
    pub minutes: u32,
}

/// When a window begins, in local time. A time that a spring night skips is an hour later, one that an autumn night has
/// twice is the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    Once {
        #[schemars(with = "String")]
        starts: DateTime,
    },
    Again {
        every: Every,
        #[schemars(with = "String")]
        at: Time,
    },
}

/// The days on which a window begins. Text: `day`, `saturday`, `month:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Every {
    Day,
    Week(Weekday),
    /// The day of the month, 1 to 31; a month without it has no window.
    Month(i8),
}

const WEEK: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let of_week = |name: &str| WEEK.iter().find(|(known, _)| *known == name).map(|(_, day)| Every::Week(*day));
        let of_month = |text: &str| {
            let day = text.strip_prefix("month:")?.parse::<i8>().ok()?;
            (1..=31).contains(&day).then_some(Every::Month(day))
        };
        let known = if text == "day" { Some(Every::Day) } else { of_week(&text).or_else(|| of_month(&text)) };
        known.ok_or_else(|| {
            "expected \"day\", a weekday such as \"saturday\", or a day of the month such as \"month:1\"".to_owned()
        })
    }
}

impl From<Every> for String {
    fn from(every: Every) -> String {
        match every {
            Every::Day => "day".to_owned(),
            Every::Week(day) => WEEK.iter().find(|(_, known)| *known == day).map_or("", |(name, _)| name).to_owned(),
            Every::Month(day) => format!("month:{day}"),
        }
    }
}

impl Every {
    fn falls(self, on: Date) -> bool {
        match self {
            Every::Day => true,
            Every::Week(day) => on.weekday() == day,
            Every::Month(day) => on.day() == day,
        }
    }
}

impl Window {
    /// When the window that is open at `now` ends; `None`: none is, or the zone is not known.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = TimeZone::get(&self.time_zone).ok()?;
        let lasts = SignedDuration::from_mins(i64::from(self.minutes));
        let begins = |local: DateTime| local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
        let open = |begin: Timestamp| Some(begin.checked_add(lasts).ok()?).filter(|end| begin <= now && now < *end);
        match self.when {
            When::Once { starts } => begins(starts).and_then(open),
            When::Again { every, at } => {
                let today = now.to_zoned(zone.clone()).date();
                let back = i64::from(self.minutes / DAY) + 1;
                let days = (0..=back).filter_map(|n| today.checked_sub(n.days()).ok());
                days.filter(|day| every.falls(*day)).filter_map(|day| begins(day.to_datetime(at)).and_then(open)).max()
            }
        }
    }

    /// What a run says of the window, if it is open.
    #[must_use]
    pub fn note(&self, now: Timestamp) -> Option<MaintenanceNote> {
        Some(MaintenanceNote {
            targets: self.targets.clone(),
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            until: self.until(now)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(time_zone: &str, when: When, minutes: u32) -> Window {
        let (owner, reason) = ("ana".to_owned(), "upgrade".to_owned());
        Window { targets: Vec::new(), owner, reason, time_zone: time_zone.to_owned(), when, minutes }
    }

    fn again(every: &str, at: &str, minutes: u32) -> Window {
        let every = Every::try_from(every.to_owned()).expect("days");
        window("Europe/Paris", When::Again { every, at: at.parse().expect("a time") }, minutes)
    }

    /// The minutes of a day, UTC, in which it is open: from, to.
    fn open(window: &Window, day: &str) -> Vec<(String, String)> {
        let start: Timestamp = format!("{day}T00:00:00Z").parse().expect("a day");
        let mut spans: Vec<(String, String)> = Vec::new();
        let mut before = false;
        for minute in 0..=1440_i64 {
            let at = start + SignedDuration::from_mins(minute);
            let now = minute < 1440 && window.until(at).is_some();
            let clock = at.strftime("%H:%M").to_string();
            match (before, now) {
                (false, true) => spans.push((clock, String::new())),
                (true, false) => spans.last_mut().expect("one").1 = clock,
                _ => {}
            }
            before = now;
        }
        spans
    }

    fn spans(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn a_window_is_in_local_time_and_ends_before_its_end() {
        let once = window("Europe/Paris", When::Once { starts: "2026-12-05T22:00".parse().expect("a time") }, 120);
        assert_eq!(open(&once, "2026-12-05"), spans(&[("21:00", "23:00")]));
        assert_eq!(open(&once, "2026-12-06"), []);
        let end = once.until("2026-12-05T22:59:59Z".parse().expect("a time"));
        assert_eq!(end.map(|at| at.to_string()).as_deref(), Some("2026-12-05T23:00:00Z"));
    }

    #[test]
    fn recurrence_by_day_week_and_month() {
        assert_eq!(open(&again("day", "02:00", 60), "2026-11-22"), spans(&[("01:00", "02:00")]));
        let saturday = again("saturday", "23:00", 180);
        assert_eq!(open(&saturday, "2026-11-21"), spans(&[("22:00", "00:00")]));
        assert_eq!(open(&saturday, "2026-11-22"), spans(&[("00:00", "01:00")]), "past midnight");
        assert_eq!(open(&saturday, "2026-11-23"), []);
        assert_eq!(open(&again("month:31", "12:00", 60), "2026-12-31"), spans(&[("11:00", "12:00")]));
        assert_eq!(open(&again("month:31", "12:00", 60), "2026-11-30"), [], "November has none");
        assert_eq!(
            open(&again("monday", "00:00", LONGEST), "2026-11-29"),
            spans(&[("00:00", "00:00")]),
            "the last day"
        );
    }

    /// 2026-03-29 in Paris: 02:00 to 03:00 does not exist. 2026-10-25: it exists twice.
    #[test]
    fn the_nights_in_which_the_clock_changes() {
        let half_past = again("day", "02:30", 60);
        assert_eq!(open(&half_past, "2026-03-28"), spans(&[("01:30", "02:30")]));
        assert_eq!(open(&half_past, "2026-03-29"), spans(&[("01:30", "02:30")]), "half past three, summer time");
        assert_eq!(open(&half_past, "2026-03-30"), spans(&[("00:30", "01:30")]));
        assert_eq!(open(&half_past, "2026-10-25"), spans(&[("00:30", "01:30")]), "the first of the two");
        assert_eq!(open(&half_past, "2026-10-26"), spans(&[("01:30", "02:30")]));
        let long = again("day", "01:00", 240);
        let (spring, autumn) = (open(&long, "2026-03-29"), open(&long, "2026-10-25"));
        assert_eq!(spring[0], spans(&[("00:00", "04:00")])[0], "four hours, whatever the clock shows");
        assert_eq!(autumn, spans(&[("00:00", "03:00")]), "since 23:00 the day before");
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for text in ["day", "saturday", "month:31"] {
            let every = Every::try_from(text.to_owned()).expect("days");
            assert_eq!(String::from(every), text);
        }
        for text in ["", "Saturday", "month:0", "month:32", "month:-1", "week"] {
            assert!(Every::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
