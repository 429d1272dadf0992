//! `rollcall diff`: what changed between two days.

mod changes;
mod findings;
mod table;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::slice;

use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::credential_changes::compare;
use rollcall_core::judgement::history::Previous;
use rollcall_core::report::open;

use crate::arguments::diff::{DiffArguments, DiffFormat};
use crate::asynchronous::asynchronous;
use crate::aws_connection::Connection;
use crate::error::CommandError;
use crate::exit_status::ExitStatus;
use crate::find::{Found, find};
use crate::judge::{Criteria, Judge, Judged};
use crate::read::read;
use crate::terminal::{error, print, width};
use crate::write::{write_notes, write_problems};
use changes::{Changes, Side};
use findings::FindingChanges;

/// Compares.
pub fn run(arguments: &DiffArguments) -> Result<ExitStatus, CommandError> {
    let connection = Connection::new(&arguments.aws);
    let (changes, is_complete) = asynchronous(changes(arguments, &connection))?;
    print(|output| match arguments.format {
        DiffFormat::Table => table::write(&changes, width(), output),
        DiffFormat::Json => {
            serde_json::to_writer_pretty(&mut *output, &changes)?;
            writeln!(output)
        }
    })?;
    let is_different = match arguments.fail_on {
        None => !changes.is_empty(),
        Some(severity) => changes.findings.has_new(severity),
    };
    Ok(match is_complete {
        false => ExitStatus::Error,
        true if !is_different || arguments.exit_zero => ExitStatus::Clean,
        true => ExitStatus::Flagged,
    })
}

async fn changes(
    arguments: &DiffArguments,
    connection: &Connection<'_>,
) -> Result<(Changes, bool), CommandError> {
    let DiffArguments { old, new, judging, .. } = arguments;
    // Each report is read twice: by the rules, and to compare credentials.
    if [old, new].iter().any(|side| side.as_os_str() == "-") {
        return Err(CommandError::new(
            "standard input can't be compared, for a report is read more than once: give a file",
        ));
    }
    let found_before = find(slice::from_ref(old), connection).await?;
    let mut found_after = find(slice::from_ref(new), connection).await?;
    // The same criteria for both: another limit does not change a key.
    let criteria = Criteria::new(judging, &mut found_after)?;
    let nothing = Previous::default().with_last_collected(found_before.last_collected());
    let before = judged(&found_before, &criteria, arguments.old_as_of, &nothing).await?;
    let previous =
        Previous::new(before.assessment.findings.clone()).with_last_collected(found_after.last_collected());
    let after = judged(&found_after, &criteria, judging.as_of, &previous).await?;
    for side in [&before, &after] {
        write_notes(side);
        write_problems(side);
    }

    let collected = [&before, &after].map(|side| collected(&side.manifest));
    let (mut credentials, mut not_comparable) = (Vec::new(), BTreeMap::new());
    let mut is_complete = before.is_complete() && after.is_complete();
    for account_id in collected[0].intersection(&collected[1]) {
        let (old, new) =
            (before.origins[*account_id].read_again().await?, after.origins[*account_id].read_again().await?);
        match compare(account_id, &report_in(&old), &report_in(&new)) {
            Ok(comparison) => {
                credentials.extend(comparison.changes);
                for one in comparison.not_comparable {
                    *not_comparable.entry(one.obstacle.as_str()).or_default() += 1;
                }
            }
            Err(unreadable) => {
                is_complete = false;
                error(&format!("account {account_id}: {unreadable}"));
            }
        }
    }
    let only = |one: usize, other: usize| -> Vec<AccountId> {
        collected[one].difference(&collected[other]).map(|account_id| (*account_id).clone()).collect()
    };
    let changes = Changes {
        old: Side::of(old, &before),
        new: Side::of(new, &after),
        findings: FindingChanges::of(&previous, &after.assessment),
        credentials,
        not_comparable,
        accounts_without_new_report: only(0, 1),
        accounts_without_old_report: only(1, 0),
        names: names(&[&before.manifest, &after.manifest]),
    };
    Ok((changes, is_complete))
}

/// The report in a file that was read before: what is not known to be in an answer is the report.
fn report_in(bytes: &[u8]) -> Cow<'_, [u8]> {
    open(bytes).map_or(bytes.into(), |file| file.report)
}

/// What was found, read and judged.
async fn judged(
    found: &Found,
    criteria: &Criteria,
    as_of: Option<DateTime<Utc>>,
    previous: &Previous,
) -> Result<Judged, CommandError> {
    let judge = Judge::new(found, criteria, as_of, previous);
    let reports = read(found, judge.analyzer(), false).await?;
    Ok(judge.judge(reports))
}

fn collected(manifest: &Manifest) -> BTreeSet<&AccountId> {
    let collected = manifest.accounts.iter().filter(|account| account.is_collected());
    collected.map(|account| &account.account_id).collect()
}

/// The names of accounts; a later one counts before an earlier.
fn names(manifests: &[&Manifest]) -> BTreeMap<AccountId, String> {
    let accounts = manifests.iter().flat_map(|manifest| &manifest.accounts);
    accounts.map(|account| (account.account_id.clone(), account.name.clone())).collect()
}

#[cfg(test)]
mod tests;
