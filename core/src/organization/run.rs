//! The identity of a run: which execution it is, when it started, and as of when it judges.

use chrono::{DateTime, NaiveDate, Utc};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::time::parse_as_of;

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
