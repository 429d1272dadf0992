//! The accounts that could not be looked at, and what to do about it.

use std::io::{self, Write};

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::AccountOutcome;

use crate::terminal::escaping::{safe, wrapped_beside};
use crate::terminal::style::{BAD, BOLD, DIM};

/// How many accounts that could not be looked at are listed.
const MISSING_LISTED: usize = 20;

/// Which remedies are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedies {
    /// Those for reports at hand, which can be fetched again.
    ForReports,
    /// Those for a run of the command, which has flags and has deployed nothing.
    ForRun,
}

/// Writes the accounts that have no report, by the reason; nothing when all have one.
pub(super) fn write(
    manifest: &Manifest,
    remedies: Remedies,
    width: Option<usize>,
    output: &mut impl Write,
) -> io::Result<()> {
    let missing: Vec<(&AccountOutcome, (FailureCode, &str))> =
        manifest.accounts.iter().filter_map(|account| Some((account, account.outcome.failure()?))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    writeln!(output, "{BAD}Not looked at{BAD:#}")?;
    let mut listed = 0;
    for &code in FailureCode::ALL {
        let of_code: Vec<_> = missing.iter().filter(|(_, failure)| failure.0 == code).collect();
        if of_code.is_empty() {
            continue;
        }
        writeln!(output, "  {BOLD}{code}{BOLD:#}")?;
        for line in wrapped_beside(remedy(code, remedies), width, 4) {
            writeln!(output, "    {DIM}{line}{DIM:#}")?;
        }
        for (account, (_, message)) in of_code {
            listed += 1;
            if listed > MISSING_LISTED {
                continue;
            }
            let account_name = [account.account_id.as_str(), &account.name].join("  ");
            writeln!(output, "    {BOLD}{}{BOLD:#}", safe(account_name.trim_end()))?;
            for line in wrapped_beside(&safe(message), width, 6) {
                writeln!(output, "      {line}")?;
            }
        }
    }
    if listed > MISSING_LISTED {
        writeln!(
            output,
            "    and {} more; run.json and --format json have all of them",
            listed - MISSING_LISTED
        )?;
    }
    writeln!(output)
}

/// What to do about a failure. Where no other remedy is known, that of a deployment is shown: the day may be
/// one of its nights.
fn remedy(code: FailureCode, remedies: Remedies) -> &'static str {
    match (remedies, code) {
        (Remedies::ForReports, FailureCode::ReportUnreadable) => {
            return "Fetch the report again; if IAM really writes it this way, report it to Rollcall \
                    with its header line.";
        }
        (Remedies::ForReports, FailureCode::ReportOutdated) => {
            return "Fetch the report again; if its times are still so, ask who stored it.";
        }
        (Remedies::ForReports, FailureCode::StorageFailed) => {
            return "Fetch the day again from where its run wrote it, and ask who changed it.";
        }
        (Remedies::ForReports, FailureCode::NoOutcome) => {
            return "Start the run again; `rollcall run --resume` goes on with one that was stopped.";
        }
        (Remedies::ForReports, code) => return code.remedy(),
        (Remedies::ForRun, _) => {}
    }
    match code {
        FailureCode::RoleMissingOrDenied => {
            "Name a role that is in every account and trusts you with --member-role-name; \
             --this-account needs none."
        }
        FailureCode::StorageFailed => "Check --output and your permissions there, and run again.",
        FailureCode::Throttled => "Run again, and lower --concurrency if many accounts are throttled.",
        FailureCode::ReportTimedOut => {
            "Run again; if it happens again and again, open a case with AWS Support, for IAM does not \
             finish the report."
        }
        FailureCode::ReportOutdated => "Run again; if it happens again, look in CloudTrail for who answered.",
        FailureCode::NoOutcome | FailureCode::Internal => {
            "Run again, and report the message to Rollcall if it is not an outage of AWS."
        }
        FailureCode::DeniedByPolicy | FailureCode::ReportUnreadable | FailureCode::AccountSuspended => {
            code.remedy()
        }
    }
}
