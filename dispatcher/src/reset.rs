//! When an investigator may be asked again, read from what it says. The programs are run with `TZ=UTC`, so the times of
//! day that they print are UTC.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};

/// The longest wait that is believed. A plan's limit is over after a week, or after a month.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(32 * 24);

static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?xi) (?: again\ at | resets (?:\ at)? | retry\ at ) \s+
          (?: ([a-z]{3})[a-z]*\.? \s+ (\d{1,2})(?:st|nd|rd|th)?,? (?:\s+(\d{4}))? ,? \s+ (?:at\s+)? )?
          (\d{1,2}) (?: :(\d{2}) )? (?: :\d{2} )? \s* ([ap])\.?m",
    )
});
static WAIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)(?:again|retry|resets?) (?:in|after) ((?:\s*\d+(?:\.\d+)?\s*[a-z]+[,]?(?: and)?)+)")
});
static PART: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)(\d+(?:\.\d+)?)\s*([a-z]+)"));
static EPOCH: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\|(\d{10})\b"));

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).inspect_err(|error| tracing::error!(%error, "a built-in pattern is broken")).ok()
}

/// Finds the time from which a text says that it is worth to try again; none where it says none, or an absurd one.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let found = epoch(text).or_else(|| clock(text, now)).or_else(|| wait(text, now))?;
    (found > now && found.duration_since(now) <= LONGEST_WAIT).then_some(found)
}

fn epoch(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(EPOCH.as_ref()?.captures(text)?[1].parse().ok()?).ok()
}

fn clock(text: &str, now: Timestamp) -> Option<Timestamp> {
    let found = CLOCK.as_ref()?.captures(text)?;
    let number = |place: usize| found.get(place).and_then(|part| part.as_str().parse::<i8>().ok());
    let hour = number(4).filter(|hour| (1..=12).contains(hour))? % 12;
    let afternoon = if found[6].eq_ignore_ascii_case("p") { 12 } else { 0 };
    let time = Time::new(hour + afternoon, number(5).unwrap_or(0), 0, 0).ok()?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let at = |date: Date| DateTime::from_parts(date, time).to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    if found.get(1).is_some() {
        return at(date(&found, today)?);
    }
    let soon = at(today)?;
    if soon > now { Some(soon) } else { at(today.tomorrow().ok()?) }
}

fn date(found: &Captures<'_>, today: Date) -> Option<Date> {
    let name = found.get(1)?.as_str().to_lowercase();
    let month = i8::try_from(MONTHS.iter().position(|month| *month == name)? + 1).ok()?;
    let day = found.get(2)?.as_str().parse().ok()?;
    let year = found.get(3).and_then(|year| year.as_str().parse().ok());
    let date = Date::new(year.unwrap_or(today.year()), month, day).ok()?;
    // A date without a year that is over is next year's.
    if year.is_none() && date < today { Date::new(today.year() + 1, month, day).ok() } else { Some(date) }
}

fn wait(text: &str, now: Timestamp) -> Option<Timestamp> {
    let parts = WAIT.as_ref()?.captures(text)?;
    let mut seconds = 0.0;
    for part in PART.as_ref()?.captures_iter(&parts[1]) {
        let count: f64 = part[1].parse().ok()?;
        let unit = match part[2].to_lowercase().as_str() {
            "ms" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => break,
        };
        seconds += count * unit;
    }
    now.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_programs_write_them() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let table = [
            ("hit your usage limit. Upgrade to Pro (x) or try again at 11:56 AM.", Some("2026-11-22T11:56:00Z")),
            ("or try again at 8:56 AM.", Some("2026-11-23T08:56:00Z")),
            ("try again at 12:05 PM.", Some("2026-11-22T12:05:00Z")),
            ("try again at 12:05 AM.", Some("2026-11-23T00:05:00Z")),
            ("try again at Nov 25th, 2026 8:56 PM.", Some("2026-11-25T20:56:00Z")),
            ("try again at Dec 1, 8:56 PM", Some("2026-12-01T20:56:00Z")),
            ("You've hit your limit \u{b7} resets 3pm (UTC)", Some("2026-11-22T15:00:00Z")),
            ("limit reached \u{b7} resets Nov 24 at 5pm (UTC)", Some("2026-11-24T17:00:00Z")),
            ("Claude AI usage limit reached|1795353600", Some("2026-11-22T13:20:00Z")),
            ("rate limit exceeded: try again in 2s", Some("2026-11-22T10:00:02Z")),
            ("Please retry in 27.5s.", Some("2026-11-22T10:00:27.5Z")),
            ("try again in 3 days 4 hours 5 minutes.", Some("2026-11-25T14:05:00Z")),
            ("try again in 1 hour and 2 minutes", Some("2026-11-22T11:02:00Z")),
            ("try again in 5 parsecs", None),
            ("try again in 900 days", None),
            ("try again at 25:99 PM", None),
            ("try again at Feb 31st, 2027 8:00 AM", None),
            ("try again later", None),
            ("|0000000001", None),
        ];
        for (text, expect) in table {
            assert_eq!(retry_after(text, now), expect.map(|time| time.parse().unwrap()), "{text}");
        }
    }
}
