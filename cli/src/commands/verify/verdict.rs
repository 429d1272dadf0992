//! How each check ended, for a person and as JSON.

use std::io::{self, Write};

use anstyle::Style;
use rollcall_core::evidence::verification::{Difference, Differences};
use serde::Serialize;

use super::day::Day;
use super::words;
use crate::check::Check;
use crate::difference;
use crate::terminal::style::{BAD, BOLD};

/// How many differences of a check a person is shown.
const SHOWN: usize = 20;

/// The checks of a day.
#[derive(Serialize)]
pub struct Verdicts {
    /// Where the day lies.
    day: String,
    /// Its execution.
    execution: String,
    /// The SHA-256 of its `run.json`.
    run_json_sha256: String,
    /// Whether every check holds.
    holds: bool,
    /// The checks.
    checks: Vec<Verdict>,
}

/// How a check ended.
#[derive(Serialize)]
pub struct Verdict {
    /// What was checked.
    check: &'static str,
    /// How it ended.
    result: Ending,
    /// What was looked at, or why it could not be.
    text: String,
    /// What does not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
    /// How many differences there are beyond those.
    #[serde(skip_serializing_if = "is_zero")]
    more_differences: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ending {
    Holds,
    Differs,
    NotChecked,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Verdict {
    /// The check holds when there are no differences; `text` says what was looked at.
    pub fn of(check: &'static str, differences: Differences, text: String) -> Self {
        let result = if differences.is_empty() { Ending::Holds } else { Ending::Differs };
        Self { check, result, text, more_differences: differences.more, differences: differences.first }
    }

    /// The check could not be made, so nothing says that it holds.
    pub fn not_checked(check: &'static str, reason: String) -> Self {
        Self { result: Ending::NotChecked, ..Self::of(check, Differences::default(), reason) }
    }

    fn check(&self) -> Check {
        match self.result {
            Ending::Holds => Check::passed(self.check, &self.text),
            Ending::NotChecked => Check::failed(self.check, format!("not checked: {}", self.text), ""),
            Ending::Differs => {
                let shown = self.differences.iter().take(SHOWN);
                let mut details: Vec<String> = shown.clone().map(difference::sentence).collect();
                let more = (self.differences.len() - shown.len()) as u64 + self.more_differences;
                if more > 0 {
                    details.push(format!("and {more} more: --format json has them"));
                }
                let count = self.differences.len() as u64 + self.more_differences;
                let fix = self.differences.first().map(difference::fix).unwrap_or_default();
                Check { details, ..Check::failed(self.check, words::does_not_hold(count), fix) }
            }
        }
    }
}

impl Verdicts {
    /// No check made yet.
    pub fn of(day: &Day) -> Self {
        Self {
            day: day.address.address.clone(),
            execution: day.manifest.execution.clone(),
            run_json_sha256: day.manifest_sha256.clone(),
            holds: true,
            checks: Vec::new(),
        }
    }

    /// Adds a check.
    pub fn add(&mut self, verdict: Verdict) {
        self.holds &= verdict.result == Ending::Holds;
        self.checks.push(verdict);
    }

    /// Whether every check holds.
    pub fn hold(&self) -> bool {
        self.holds
    }

    /// Writes a line a check, of at most `width` columns, and the verdict.
    pub fn write(&self, width: Option<usize>, output: &mut impl Write) -> io::Result<()> {
        self.checks.iter().try_for_each(|verdict| verdict.check().write(width, output))?;
        let (style, verdict): (Style, _) = match self.holds {
            true => (BOLD, "holds"),
            false => (BAD, "does not hold"),
        };
        let (day, sha256) = (crate::terminal::escaping::safe(&self.day), &self.run_json_sha256);
        writeln!(output, "\n{style}The day {day} {verdict}.{style:#}")?;
        writeln!(output, "Its run.json has the SHA-256 {sha256}.")
    }
}
