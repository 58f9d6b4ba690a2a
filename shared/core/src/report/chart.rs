//! The small chart of a target: one drawing, inline in the page as SVG and rasterised for the mail as PNG.

use super::view::Period;
use maud::{Markup, html};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

/// Of the drawing, in CSS pixels.
pub const WIDTH: u32 = 300;
pub const HEIGHT: u32 = 44;
/// Pixels of the PNG for each of the drawing: sharp on dense screens.
const DENSITY: f32 = 2.0;

/// Where the latency line ends and the bars of availability begin.
const LINE_TOP: f64 = 3.0;
const LINE_BOTTOM: f64 = 22.0;
/// Bars grow with what was lost, so that the chart is read without its colours, too.
const BAR_NONE: f64 = 1.0;
const BAR_UP: f64 = 6.0;
const BAR_SOME: f64 = 11.0;
const BAR_DOWN: f64 = 16.0;

/// Each is at least 3:1 on the mail's white and on its dark ground (WCAG 1.4.11): the PNG has no ground of its own.
const UP: &str = "#2c9a5c";
const SOME: &str = "#b9770e";
const DOWN: &str = "#dd4b40";
const LINE: &str = "#7a8088";

/// The SVG: a bar a period, and a line of what 95 of 100 connections stay below. `title`: what it shows, in words.
#[must_use]
pub fn svg(periods: &[Period], title: &str) -> Markup {
    let slot = f64::from(WIDTH) / count(periods.len().max(1));
    let slowest = periods.iter().filter_map(|p| p.p95).max().unwrap_or(0).max(1);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) height=(HEIGHT)
            role="img" aria-label=(title) {
            @for (i, period) in periods.iter().enumerate() {
                @let (height, colour) = bar(period);
                rect x=(at(count(i) * slot + 1.0)) y=(at(f64::from(HEIGHT) - height)) width=(at(slot - 2.0))
                    height=(at(height)) rx="1" fill=(colour) {}
            }
            @for run in runs(periods) {
                @let points: Vec<(f64, f64)> = run.iter().map(|(i, ms)| (count(*i) * slot + slot / 2.0, y(*ms, slowest))).collect();
                @if let [(cx, cy)] = points.as_slice() {
                    circle cx=(at(*cx)) cy=(at(*cy)) r="1.6" fill=(LINE) {}
                } @else {
                    polyline points=(points.iter().map(|(x, y)| format!("{},{}", at(*x), at(*y))).collect::<Vec<_>>().join(" "))
                        fill="none" stroke=(LINE) stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round" {}
                }
            }
        }
    }
}

/// The same as a PNG on a clear ground, [`WIDTH`] x [`HEIGHT`] at twice the density. `None`: it cannot be drawn, and the
/// mail shows its alternative text.
#[must_use]
pub fn png(periods: &[Period]) -> Option<Vec<u8>> {
    let drawing = svg(periods, "").into_string();
    let tree = usvg::Tree::from_str(&drawing, &usvg::Options::default()).ok()?;
    let side = |css: u32| css * DENSITY as u32;
    let mut canvas = Pixmap::new(side(WIDTH), side(HEIGHT))?;
    resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut canvas.as_mut());
    canvas.encode_png().ok()
}

/// Nothing asked: the ground line alone.
fn bar(period: &Period) -> (f64, &'static str) {
    match period.availability() {
        None => (BAR_NONE, LINE),
        Some(all) if all >= 100.0 => (BAR_UP, UP),
        Some(most) if most >= 99.0 => (BAR_SOME, SOME),
        Some(_) => (BAR_DOWN, DOWN),
    }
}

/// The latencies in unbroken runs: a period without one is a gap, not a straight line.
fn runs(periods: &[Period]) -> Vec<Vec<(usize, u32)>> {
    let points: Vec<Option<(usize, u32)>> = periods.iter().enumerate().map(|(i, p)| Some((i, p.p95?))).collect();
    points
        .split(Option::is_none)
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().flatten().copied().collect())
        .collect()
}

fn y(ms: u32, slowest: u32) -> f64 {
    LINE_BOTTOM - f64::from(ms) / f64::from(slowest) * (LINE_BOTTOM - LINE_TOP)
}

#[allow(clippy::cast_precision_loss)]
const fn count(n: usize) -> f64 {
    n as f64
}

/// One decimal is a tenth of a pixel.
fn at(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn period(asked: u32, up: u32, p95: Option<u32>) -> Period {
        Period { from: Timestamp::UNIX_EPOCH, asked, up, p50: p95, p95 }
    }

    #[test]
    fn a_gap_is_a_gap_and_a_fall_is_seen_without_colour() {
        let periods = [
            period(12, 12, Some(40)),
            period(0, 0, None),
            period(12, 6, Some(80)),
            period(12, 12, Some(20)),
            period(12, 0, None),
        ];
        let drawing = svg(&periods, "a & b").into_string();
        assert_eq!(drawing.matches(DOWN).count(), 2, "{drawing}");
        assert_eq!(drawing.matches(&format!("height=\"{}\"", at(BAR_NONE))).count(), 1);
        assert_eq!((drawing.matches("<circle").count(), drawing.matches("<polyline").count()), (1, 1));
        assert!(drawing.contains("aria-label=\"a &amp; b\""));
        let heights = [BAR_NONE, BAR_UP, BAR_SOME, BAR_DOWN];
        assert!(heights.is_sorted() && drawing.contains(&format!("height=\"{}\"", at(BAR_DOWN))));
    }

    #[test]
    fn the_png_is_the_drawing_at_twice_its_size() {
        let png = png(&[period(12, 12, Some(40)), period(12, 6, Some(80))]).expect("it is drawn");
        assert_eq!(&png[1..4], b"PNG");
        let side = |from: usize| u32::from_be_bytes([png[from], png[from + 1], png[from + 2], png[from + 3]]);
        assert_eq!((side(16), side(20)), (WIDTH * 2, HEIGHT * 2));
        assert!(png.len() > 200 && png.len() < 20_000, "{} bytes", png.len());
        assert!(super::png(&[]).is_some(), "an empty chart is a clear picture");
    }

    /// Relative luminance. Source: WCAG 2.1, "relative luminance".
    fn luminance(colour: &str) -> f64 {
        let part = |from: usize| f64::from(u8::from_str_radix(&colour[from..from + 2], 16).expect("a colour")) / 255.0;
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5))
    }

    #[test]
    fn every_colour_is_seen_on_both_grounds() {
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(a), luminance(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        assert!(contrast("#ffffff", "#000000") > 20.9 && contrast("#ffffff", "#c9c6be") < 3.0);
        for ground in ["#ffffff", "#1e2226"] {
            assert!(include_str!("page/page.css").contains(&format!("--card: {ground}")), "{ground} is the page's");
            for colour in [UP, SOME, DOWN, LINE] {
                assert!(contrast(colour, ground) >= 3.0, "{colour} on {ground}");
            }
        }
    }
}
