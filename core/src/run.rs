//! The identity of a run: which execution it is, when it started, and as of when it judges.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// One run. The state machine hands it down from step to step, so that a run over midnight keeps
/// the date it started on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The execution's name: what everything the run writes is marked with.
    pub execution: String,
    /// The execution's ARN, for links; empty for a run from the command line.
    pub execution_arn: String,
    /// When the execution started.
    pub started: DateTime<Utc>,
    /// The time that ages are counted to: the start, unless the caller said otherwise.
    pub as_of: DateTime<Utc>,
}

impl Run {
    /// The UTC date the execution started on: the prefix of everything the run writes.
    pub fn date(&self) -> NaiveDate {
        self.started.date_naive()
    }
}

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
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn anything_else_is_refused_with_the_value_and_the_forms_that_work() {
        for value in ["", "yesterday", "31.01.2026", "2026-02-30", "2026-01-31 06:00"] {
            let message = parse_as_of(value).unwrap_err().to_string();
            assert!(message.starts_with(&format!("asOf {value:?} is not a time")), "{message}");
            assert!(message.contains("2026-01-31T06:00:00Z"));
        }
    }

    #[test]
    fn a_run_over_midnight_keeps_the_date_it_started_on() {
        let run = Run {
            execution: "night".into(),
            execution_arn: String::new(),
            started: parse_as_of("2026-01-31T23:59:59Z").unwrap(),
            as_of: parse_as_of("2026-02-01T00:10:00Z").unwrap(),
        };
        assert_eq!(run.date().to_string(), "2026-01-31");
    }
}
