//! The exit status of the command.

use std::process::ExitCode;

use rollcall_core::judgement::finding::Finding;
use rollcall_core::judgement::rules::Severity;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything was looked at, and nothing is flagged: 0.
    Clean,
    /// Something is flagged: 1.
    Flagged,
    /// There was an error, or something could not be looked at: 2.
    Error,
}

impl ExitStatus {
    /// How an analysis ends: `complete` says that everything was looked at. Only open findings of `fail_on` or
    /// worse count, and what could not be looked at counts before them.
    pub fn of_findings<'f>(
        complete: bool,
        findings: impl IntoIterator<Item = &'f Finding>,
        fail_on: Severity,
        exit_zero: bool,
    ) -> Self {
        // The worst severity is the first.
        let counts = |finding: &Finding| finding.is_open() && finding.severity() <= fail_on;
        if !complete {
            Self::Error
        } else if !exit_zero && findings.into_iter().any(counts) {
            Self::Flagged
        } else {
            Self::Clean
        }
    }

    /// The number.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
