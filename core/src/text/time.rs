//! How times are written, and read from people.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};

/// An `asOf` that is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "asOf {value:?} is not a time: write a date such as 2026-01-31 (midnight UTC) or a time such as 2026-01-31T06:00:00Z"
)]
pub struct InvalidAsOf {
    /// What was given instead.
    pub value: String,
}

/// Reads an `asOf`: a date, which means its midnight UTC, or an RFC 3339 time.
pub fn parse_as_of(value: &str) -> Result<DateTime<Utc>, InvalidAsOf> {
    if let Ok(date) = value.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.to_utc())
        .map_err(|_| InvalidAsOf { value: value.to_owned() })
}

/// Writes a time the one way Rollcall writes times: RFC 3339 in UTC, whole seconds.
pub fn format_time(time: DateTime<Utc>) -> String {
    let year = time.year();
    if !(0..10_000).contains(&year) {
        return time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    // By hand, because a million findings have two times each, and a pattern takes four times as long.
    let mut text = *b"0000-00-00T00:00:00Z";
    let mut write = |place: usize, number: u32| {
        text[place] += (number / 10) as u8;
        text[place + 1] += (number % 10) as u8;
    };
    write(0, year as u32 / 100);
    write(2, year as u32 % 100);
    write(5, time.month());
    write(8, time.day());
    write(11, time.hour());
    write(14, time.minute());
    write(17, time.second());
    text.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_of_is_a_date_or_a_time() {
        for (value, time) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T06:00:00Z", "2026-01-31T06:00:00Z"),
            ("2026-01-31T01:00:00+02:00", "2026-01-30T23:00:00Z"),
        ] {
            assert_eq!(format_time(parse_as_of(value).unwrap()), time);
        }
    }

    proptest! {
        #[test]
        fn a_time_is_written_as_its_pattern_says(seconds in -200_000_000_000_i64..500_000_000_000) {
            let time = DateTime::from_timestamp(seconds, 999_999_999).unwrap();
            prop_assert_eq!(format_time(time), time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_value_and_the_forms_that_work() {
        for value in ["", "yesterday", "31.01.2026", "2026-02-30", "2026-01-31 06:00"] {
            let message = parse_as_of(value).unwrap_err().to_string();
            assert!(message.starts_with(&format!("asOf {value:?} is not a time")), "{message}");
            assert!(message.contains("2026-01-31T06:00:00Z"));
        }
    }
}
