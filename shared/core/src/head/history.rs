//! Availability and latency, rolled up: 24 hours by the hour, 30 days by the day.

use super::{Bucket, History};
use jiff::{Timestamp, ToSpan, Unit};

const HOURS: usize = 24;
const DAYS: usize = 30;
const SAMPLES: usize = 60;

/// Counts one climb of a target's ladder. `ms` is `None` when it fell.
pub(super) fn count(history: &mut History, at: Timestamp, ms: Option<u32>) {
    let (Some(hour), Some(day)) = (floor(at, Unit::Hour), floor(at, Unit::Day)) else { return };
    let hours = &mut history.hours;
    if hours.last().is_none_or(|last| last.from < hour) {
        if let Some(last) = hours.last_mut() {
            last.samples.clear();
        }
        hours.push(Bucket { from: hour, asked: 0, up: 0, p50: 0, p95: 0, samples: Vec::new() });
    }
    if let Some(bucket) = hours.last_mut() {
        add(bucket, ms);
    }
    drop_before(hours, at.checked_sub(24.hours()).unwrap_or(at), HOURS);

    let of_day: Vec<Bucket> = hours.iter().filter(|b| b.from >= day).cloned().collect();
    let days = &mut history.days;
    if days.last().is_none_or(|last| last.from < day) {
        days.push(Bucket { from: day, asked: 0, up: 0, p50: 0, p95: 0, samples: Vec::new() });
    }
    if let Some(bucket) = days.last_mut() {
        bucket.asked = bucket.asked.saturating_add(1);
        bucket.up = bucket.up.saturating_add(u32::from(ms.is_some()));
        // A day's figures come from its hours': the median of their medians, the highest of their p95.
        let mut medians: Vec<u32> = of_day.iter().filter(|b| b.up > 0).map(|b| b.p50).collect();
        medians.sort_unstable();
        bucket.p50 = quantile(&medians, 50);
        bucket.p95 = of_day.iter().map(|b| b.p95).max().unwrap_or(0);
    }
    drop_before(days, at.checked_sub(((DAYS as i64) * 24).hours()).unwrap_or(at), DAYS);
}

fn add(bucket: &mut Bucket, ms: Option<u32>) {
    bucket.asked = bucket.asked.saturating_add(1);
    let Some(ms) = ms else { return };
    bucket.up = bucket.up.saturating_add(1);
    if bucket.samples.len() < SAMPLES {
        bucket.samples.push(ms);
    }
    let mut sorted = bucket.samples.clone();
    sorted.sort_unstable();
    bucket.p50 = quantile(&sorted, 50);
    bucket.p95 = quantile(&sorted, 95);
}

/// The nearest-rank quantile of sorted values; 0 of none.
fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

fn drop_before(buckets: &mut Vec<Bucket>, oldest: Timestamp, most: usize) {
    let excess = buckets.len().saturating_sub(most);
    buckets.drain(..excess);
    buckets.retain(|b| b.from >= oldest || most == DAYS);
}

fn floor(at: Timestamp, unit: Unit) -> Option<Timestamp> {
    let seconds = if unit == Unit::Hour { 3_600 } else { 86_400 };
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_roll_over_and_stay_bounded() {
        let mut history = History::default();
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a time");
        for i in 0..(40 * 24 * 12_i64) {
            let at = start.checked_add((i * 5).minutes()).expect("in range");
            count(&mut history, at, (i % 12 != 0).then_some(u32::try_from(i % 12).unwrap_or(0)));
        }
        assert!(history.hours.len() <= 24 && history.days.len() <= 30);
        let hour = history.hours.last().expect("one");
        assert_eq!((hour.asked, hour.up, hour.p50, hour.p95), (12, 11, 6, 11));
        assert!(history.hours.iter().rev().skip(1).all(|h| h.samples.is_empty()));
        let day = history.days.last().expect("one");
        assert_eq!((day.asked, day.up, day.p95), (288, 264, 11));
    }
}
