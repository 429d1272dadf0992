//! How old a report was when it was collected, and when its run started.
//!
//! IAM makes a report when it is asked for one, and serves that same one for four hours. So a collected
//! report may show the account as it was before the run started, and an older one is none that IAM served.

use chrono::{DateTime, TimeDelta, Utc};

use crate::organization::outcome::{AccountOutcome, ReportEntry};
use crate::text::time::format_time;

/// How long IAM serves a report.
const SERVED: TimeDelta = TimeDelta::hours(4);
/// How far the clocks of IAM and of the collector may be apart.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

/// A report that IAM did not serve when it was collected, by its times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outdated {
    /// IAM had made it too long before.
    #[error(
        "the report was generated at {} and collected at {}, {} later: IAM serves a report for four hours, so this is an older one",
        format_time(*generated),
        format_time(*collected),
        in_words(*collected - *generated)
    )]
    TooOld {
        /// When IAM made it, by its metadata.
        generated: DateTime<Utc>,
        /// When it was collected.
        collected: DateTime<Utc>,
    },
    /// It was collected before it was made.
    #[error(
        "the report was generated at {}, {} after it was collected at {}: one of the times is not true",
        format_time(*generated),
        in_words(*generated - *collected),
        format_time(*collected)
    )]
    OfTheFuture {
        /// When IAM made it, by its metadata.
        generated: DateTime<Utc>,
        /// When it was collected.
        collected: DateTime<Utc>,
    },
}

/// Refuses a report that IAM can't have served at the time it was collected.
///
/// # Errors
/// [`Outdated`].
pub fn check_times(generated: DateTime<Utc>, collected: DateTime<Utc>) -> Result<(), Outdated> {
    if collected - generated > SERVED + CLOCKS_APART {
        return Err(Outdated::TooOld { generated, collected });
    }
    if generated - collected > CLOCKS_APART {
        return Err(Outdated::OfTheFuture { generated, collected });
    }
    Ok(())
}

/// A collected report that IAM had made before the run started: because something else asked for one.
/// What was changed in the account in between is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OlderReport<'a> {
    /// The account.
    pub account: &'a AccountOutcome,
    /// When IAM made it.
    pub generated: DateTime<Utc>,
    /// How long before the start that was.
    pub before_start: TimeDelta,
}

impl OlderReport<'_> {
    /// How long before the start it was made, in words.
    pub fn age(&self) -> String {
        in_words(self.before_start)
    }
}

/// The collected reports that are older than the start of their run, the oldest first.
pub fn older_than_start(accounts: &[AccountOutcome], started: DateTime<Utc>) -> Vec<OlderReport<'_>> {
    let older = accounts.iter().filter(|account| account.is_collected()).filter_map(|account| {
        let generated = account.outcome.report().and_then(|report: &ReportEntry| report.generated)?;
        let before_start = started - generated;
        (before_start > TimeDelta::zero()).then_some(OlderReport { account, generated, before_start })
    });
    let mut older: Vec<OlderReport<'_>> = older.collect();
    older.sort_by_key(|report| (report.generated, &report.account.account_id));
    older
}

/// A length of time, to the minute; to the second when it is shorter.
fn in_words(length: TimeDelta) -> String {
    match (length.num_hours(), length.num_minutes() % 60) {
        (0, 0) => format!("{} s", length.num_seconds()),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::failure::FailureCode;
    use crate::organization::roll_call::{Evidence, RollCall, StoredReport};
    use crate::testing::{account, id, report, roll, run};

    fn collected() -> DateTime<Utc> {
        run().started
    }

    #[test]
    fn a_report_is_as_old_as_iam_serves_it_and_a_little_for_the_clocks() {
        let little = TimeDelta::minutes(5);
        for generated in [
            collected(),
            collected() - TimeDelta::hours(4),
            collected() - TimeDelta::hours(4) - little,
            collected() + little,
        ] {
            assert_eq!(check_times(generated, collected()), Ok(()), "{generated}");
        }
        let second = TimeDelta::seconds(1);
        let older = check_times(collected() - TimeDelta::hours(4) - little - second, collected());
        assert_eq!(
            older.unwrap_err().to_string(),
            "the report was generated at 2026-01-30T20:54:59Z and collected at 2026-01-31T01:00:00Z, \
             4 h 5 min later: IAM serves a report for four hours, so this is an older one"
        );
        let future = check_times(collected() + little + second, collected());
        assert_eq!(
            future.unwrap_err().to_string(),
            "the report was generated at 2026-01-31T01:05:01Z, 5 min after it was collected at \
             2026-01-31T01:00:00Z: one of the times is not true"
        );
    }

    #[test]
    fn collected_reports_that_are_older_than_the_start_are_told_the_oldest_first() {
        let made = |number, minutes| {
            let mut report = report(number, 0);
            report.entry.generated = Some(run().started - TimeDelta::minutes(minutes));
            (id(number), report)
        };
        let unreadable = made(4, 200);
        let fault = Some((FailureCode::ReportUnreadable, String::new()));
        let evidence = Evidence {
            reports: [
                made(1, 3),
                made(2, 130),
                made(3, -2),
                made(5, 0),
                (unreadable.0, StoredReport { fault, ..unreadable.1 }),
            ]
            .into(),
            ..Default::default()
        };
        let accounts = RollCall::of(roll((1..=6).map(account).collect()), evidence).accounts;
        let older = older_than_start(&accounts, run().started);
        let told: Vec<(String, String)> =
            older.iter().map(|report| (report.account.account_id.to_string(), report.age())).collect();
        assert_eq!(
            told,
            [(id(2).to_string(), "2 h 10 min".to_owned()), (id(1).to_string(), "3 min".to_owned())]
        );
    }

    #[test]
    fn a_length_is_told_to_the_minute() {
        for (seconds, words) in [(59, "59 s"), (60, "1 min"), (3_600, "1 h 0 min"), (15_000, "4 h 10 min")] {
            assert_eq!(in_words(TimeDelta::seconds(seconds)), words);
        }
    }
}
