//! How much of the roll was covered.

use serde::{Deserialize, Serialize};

use crate::organization::outcome::{AccountOutcome, OutcomeKind};

/// How many accounts ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Accounts on the roll.
    pub accounts: u64,
    /// With a report of this run.
    pub collected: u64,
    /// With a recorded failure, or a report that can't be read.
    pub failed: u64,
    /// Left out on purpose.
    pub skipped: u64,
    /// With neither report nor failure.
    pub no_outcome: u64,
    /// Rows, in all collected reports, that can't be read.
    pub bad_rows: u64,
    /// Collected, of those that were not skipped: percent with two decimals, rounded down, so that
    /// 100 means all.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 100.0)))]
    pub percent: f64,
}

impl Coverage {
    pub(crate) fn of(accounts: &[AccountOutcome]) -> Self {
        let count = |kind| accounts.iter().filter(|account| account.outcome.kind() == kind).count() as u64;
        let mut coverage = Self {
            accounts: accounts.len() as u64,
            collected: count(OutcomeKind::Collected),
            failed: count(OutcomeKind::Failed),
            skipped: count(OutcomeKind::Skipped),
            no_outcome: count(OutcomeKind::NoOutcome),
            bad_rows: accounts
                .iter()
                .filter_map(AccountOutcome::report_with_bad_rows)
                .map(|report| report.bad_rows)
                .sum(),
            percent: 0.0,
        };
        // Hundredths of a percent in whole numbers: a rounded 100.00 would hide a missing account.
        let hundredths = (coverage.collected * 10_000).checked_div(coverage.to_collect()).unwrap_or(0);
        coverage.percent = hundredths as f64 / 100.0;
        coverage
    }

    /// Accounts that should have a report of this run: those that were not skipped.
    pub fn to_collect(&self) -> u64 {
        self.accounts - self.skipped
    }

    /// Accounts that should have a report of this run and have none.
    pub fn missing(&self) -> u64 {
        self.failed + self.no_outcome
    }
}
