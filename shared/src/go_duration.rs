//! Durations as the original tool writes and reads them.
//!
//! Written: nanoseconds, microseconds, milliseconds and seconds with two decimals, and from one minute on the form of Go's
//! `Duration.String`. Read: every text that Go's `time.ParseDuration` takes, or a number of nanoseconds.

use std::time::Duration;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration in the original's wire form. Reading keeps the sign only as zero: an interval cannot be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GoDuration(pub Duration);

/// Writes a duration in the original's form.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let decimals = |unit: u128| nanos as f64 / unit as f64;
    if nanos < 1_000 {
        format!("{nanos}ns")
    } else if nanos < 1_000_000 {
        format!("{:.2}µs", decimals(1_000))
    } else if nanos < 1_000_000_000 {
        format!("{:.2}ms", decimals(1_000_000))
    } else if nanos < 60_000_000_000 {
        format!("{:.2}s", decimals(1_000_000_000))
    } else {
        format_minutes(duration)
    }
}

/// Writes a duration of a minute or more as Go's `Duration.String` does: `1h2m3.5s`, trailing zeros cut.
fn format_minutes(duration: Duration) -> String {
    let total = duration.as_secs();
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    let fraction = format!(".{:09}", duration.subsec_nanos());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    if hours > 0 {
        format!("{hours}h{minutes}m{seconds}{fraction}s")
    } else {
        format!("{minutes}m{seconds}{fraction}s")
    }
}

/// Reads what Go's `time.ParseDuration` reads: `1.5h`, `-2m3.5s`, `300µs`, `0`.
///
/// # Errors
/// A sentence when the text is no duration.
pub fn parse(text: &str) -> Result<Duration, String> {
    let refuse = || format!("{text:?} is not a duration (such as 300ms, 1.5h or 2h45m)");
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(refuse());
    }
    let mut nanos = 0.0_f64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refuse)?;
        let number: f64 = rest[..number_end].parse().map_err(|_| refuse())?;
        rest = &rest[number_end..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        nanos += number * nanos_per(&rest[..unit_end]).ok_or_else(refuse)?;
        rest = &rest[unit_end..];
    }
    // Go holds a duration in a signed 64-bit count of nanoseconds and refuses what does not fit.
    if nanos > i64::MAX as f64 {
        return Err(refuse());
    }
    Ok(if negative { Duration::ZERO } else { Duration::from_secs_f64(nanos / 1e9) })
}

fn nanos_per(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1.0),
        "us" | "µs" | "μs" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        "m" => Some(60e9),
        "h" => Some(3600e9),
        _ => None,
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(self.0))
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Nanos(i64),
            Text(String),
            Fraction(f64),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Nanos(nanos) => Ok(Self(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))),
            Wire::Text(text) => parse(&text).map(Self).map_err(D::Error::custom),
            Wire::Fraction(number) => Err(D::Error::invalid_type(
                Unexpected::Float(number),
                &"a duration text or whole nanoseconds",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_in_the_originals_units() {
        let check = |nanos, expected: &str| assert_eq!(format(Duration::from_nanos(nanos)), expected);
        check(0, "0ns");
        check(999, "999ns");
        check(1_500, "1.50µs");
        check(685_700_000, "685.70ms");
        check(2_060_000_000, "2.06s");
        check(59_999_000_000, "60.00s");
        check(62_500_000_000, "1m2.5s");
        check(60_000_000_000, "1m0s");
        check(3_600_000_000_000, "1h0m0s");
        check(3_723_000_000_001, "1h2m3.000000001s");
    }

    #[test]
    fn every_form_that_go_reads_is_read() {
        let check =
            |text: &str, expected| assert_eq!(parse(text).map(|d| d.as_nanos()).ok(), expected, "{text:?}");
        check("0", Some(0));
        check("1.5s", Some(1_500_000_000));
        check("1h2m3.5s", Some(3_723_500_000_000));
        check("300µs", Some(300_000));
        check("+7ms", Some(7_000_000));
        check("-7ms", Some(0));
        check(".5s", Some(500_000_000));
        check("", None);
        check("5", None);
        check("s", None);
        check("1.2.3s", None);
        check("1 s", None);
        check("99999999h", None);
    }

    #[test]
    fn the_wire_takes_a_text_or_whole_nanoseconds() {
        let read = |json: &str| serde_json::from_str::<GoDuration>(json).map(|d| d.0.as_nanos()).ok();
        assert_eq!(read("\"2.01s\""), Some(2_010_000_000));
        assert_eq!(read("2010000000"), Some(2_010_000_000));
        assert_eq!(read("2.5"), None);
        assert_eq!(read("\"soon\""), None);
        assert_eq!(serde_json::to_string(&GoDuration(Duration::from_millis(2010))).unwrap(), "\"2.01s\"");
    }
}
