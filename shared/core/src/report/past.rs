//! Availability and latency of the last 24 hours, 7 and 30 days, from the head's rolled-up history.

use super::view::{Past, Period};
use crate::head::{Bucket, History};
use jiff::Timestamp;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// `now`: of the report; what is older than the periods before it does not count.
pub(super) fn of(history: &History, now: Timestamp) -> Past {
    let hours = slots(&history.hours, now, HOUR, 24);
    let days = slots(&history.days, now, DAY, 30);
    Past { day: sum(&hours), week: sum(&days[days.len() - 7..]), month: sum(&days), hours, days }
}

/// One period a slot, oldest first, the last one that in which `now` lies. A slot without a bucket is one in which nothing
/// was asked: a gap in the chart, not a good time.
fn slots(buckets: &[Bucket], now: Timestamp, length: i64, n: i64) -> Vec<Period> {
    let last = now.as_second().div_euclid(length);
    (last - n + 1..=last)
        .map(|slot| {
            let from = Timestamp::from_second(slot * length).unwrap_or(now);
            let of_slot: Vec<Period> = buckets
                .iter()
                .filter(|bucket| bucket.from.as_second().div_euclid(length) == slot)
                .map(|bucket| Period {
                    from,
                    asked: bucket.asked,
                    up: bucket.up,
                    p50: (bucket.up > 0).then_some(bucket.p50),
                    p95: (bucket.up > 0).then_some(bucket.p95),
                })
                .collect();
            Period { from, ..sum(&of_slot) }
        })
        .collect()
}

/// Several periods as one: the median of their medians, the highest of what 95 of 100 stay below.
fn sum(periods: &[Period]) -> Period {
    let mut medians: Vec<u32> = periods.iter().filter_map(|p| p.p50).collect();
    medians.sort_unstable();
    Period {
        from: periods.first().map_or(Timestamp::UNIX_EPOCH, |p| p.from),
        asked: periods.iter().map(|p| p.asked).fold(0, u32::saturating_add),
        up: periods.iter().map(|p| p.up).fold(0, u32::saturating_add),
        p50: medians.get(medians.len().saturating_sub(1) / 2).copied(),
        p95: periods.iter().filter_map(|p| p.p95).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn bucket(from: &str, asked: u32, up: u32, p50: u32) -> Bucket {
        Bucket { from: at(from), asked, up, p50, p95: p50 * 2, samples: Vec::new() }
    }

    #[test]
    fn periods_end_now_and_gaps_stay_gaps() {
        let history = History {
            hours: vec![bucket("2026-11-21T05:00:00Z", 12, 0, 0), bucket("2026-11-22T05:00:00Z", 12, 11, 40)],
            days: vec![
                bucket("2026-10-01T00:00:00Z", 288, 0, 0),
                bucket("2026-11-10T00:00:00Z", 288, 144, 30),
                bucket("2026-11-21T00:00:00Z", 288, 288, 50),
                bucket("2026-11-22T00:00:00Z", 12, 11, 40),
            ],
        };
        let past = of(&history, at("2026-11-22T06:05:00Z"));
        assert_eq!((past.hours.len(), past.days.len()), (24, 30));
        assert_eq!((past.day.asked, past.day.up, past.day.p50, past.day.p95), (12, 11, Some(40), Some(80)));
        assert_eq!((past.week.asked, past.week.up), (300, 299));
        assert_eq!((past.month.asked, past.month.up, past.month.p95), (588, 443, Some(100)));
        assert_eq!(past.hours.iter().filter(|hour| hour.asked > 0).count(), 1, "yesterday at five is too long ago");
        assert_eq!(past.hours[23].availability(), None);
        assert_eq!(past.days[29].from, at("2026-11-22T00:00:00Z"));
        assert_eq!(of(&History::default(), at("2026-11-22T06:05:00Z")).month.availability(), None);
    }
}
