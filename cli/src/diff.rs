//! `rollcall diff`: what changed between two days.

mod findings;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::slice;

use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::credential_changes::{CredentialChange, compare};
use rollcall_core::judgement::history::Previous;
use rollcall_core::organization::outcome::Outcome;
use serde::Serialize;

use crate::arguments::{DiffArguments, DiffFormat};
use crate::asynchronous;
use crate::ending::Ending;
use crate::error::{CommandError, unless_closed};
use crate::reports::{Connection, Examined, Reports};
use crate::table::print;
use crate::terminal::{error, width};
use findings::FindingChanges;

/// What changed.
#[derive(Debug, Serialize)]
struct Changes {
    /// The earlier day.
    old: Side,
    /// The later one.
    new: Side,
    /// Findings.
    findings: FindingChanges,
    /// Credentials, by account.
    credentials: Vec<CredentialChange>,
    /// How much of the credentials one side or the other does not say, by why.
    not_comparable: BTreeMap<&'static str, u64>,
    /// Accounts with a report on the earlier day only. What became of their findings nobody knows.
    accounts_without_new_report: Vec<AccountId>,
    /// Accounts with a report on the later day only. All their findings are new.
    accounts_without_old_report: Vec<AccountId>,
    #[serde(skip)]
    names: BTreeMap<AccountId, String>,
}

/// One of the two days.
#[derive(Debug, Serialize)]
struct Side {
    /// Where it is.
    place: String,
    /// The time that its ages are counted to.
    as_of: DateTime<Utc>,
    /// How many accounts have a report.
    reports: u64,
}

/// Compares.
pub fn run(arguments: &DiffArguments) -> Result<Ending, CommandError> {
    let connection = Connection::new(&arguments.aws);
    let (changes, is_complete) = asynchronous(changes(arguments, &connection))?;
    unless_closed(print(|output| match arguments.format {
        DiffFormat::Table => table::write(&changes, width(), output),
        DiffFormat::Json => {
            serde_json::to_writer_pretty(&mut *output, &changes)?;
            writeln!(output)
        }
    }))?;
    let is_different = match arguments.fail_on {
        None => !changes.is_empty(),
        Some(severity) => changes.findings.has_new(severity),
    };
    Ok(match is_complete {
        false => Ending::Error,
        true if !is_different || arguments.exit_zero => Ending::Clean,
        true => Ending::Flagged,
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
    let old_reports = Reports::find(slice::from_ref(old), connection).await?;
    let mut new_reports = Reports::find(slice::from_ref(new), connection).await?;
    // One measure for both: what another limit makes of a key is no change of the key.
    let measure = new_reports.measure(judging)?;
    let before = old_reports.examine(&measure, arguments.old_as_of, &Previous::default()).await?;
    let previous = Previous::new(before.assessment.findings.clone());
    let after = new_reports.examine(&measure, judging.as_of, &previous).await?;
    for side in [&before, &after] {
        side.tell_notes();
        side.tell_problems();
    }

    let collected = [&before, &after].map(|side| collected(&side.manifest));
    let (mut credentials, mut not_comparable) = (Vec::new(), BTreeMap::new());
    let mut is_complete = before.is_complete() && after.is_complete();
    for account_id in collected[0].intersection(&collected[1]) {
        let (old, new) =
            (before.origins[*account_id].read().await?, after.origins[*account_id].read().await?);
        match compare(account_id, &old, &new) {
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
        findings: FindingChanges::of(&before.assessment, &after.assessment),
        credentials,
        not_comparable,
        accounts_without_new_report: only(0, 1),
        accounts_without_old_report: only(1, 0),
        names: names(&[&before.manifest, &after.manifest]),
    };
    Ok((changes, is_complete))
}

fn collected(manifest: &Manifest) -> BTreeSet<&AccountId> {
    let collected = manifest.accounts.iter().filter(|account| account.outcome == Outcome::Collected);
    collected.map(|account| &account.account_id).collect()
}

/// The names of accounts; a later one counts before an earlier.
fn names(manifests: &[&Manifest]) -> BTreeMap<AccountId, String> {
    let accounts = manifests.iter().flat_map(|manifest| &manifest.accounts);
    accounts.map(|account| (account.account_id.clone(), account.name.clone())).collect()
}

impl Side {
    fn of(path: &Path, side: &Examined) -> Self {
        Self {
            place: path.display().to_string(),
            as_of: side.manifest.as_of,
            reports: side.manifest.coverage.collected,
        }
    }
}

impl Changes {
    /// Whether nothing at all is different.
    fn is_empty(&self) -> bool {
        self.findings.is_empty()
            && self.credentials.is_empty()
            && self.accounts_without_new_report.is_empty()
            && self.accounts_without_old_report.is_empty()
    }
}

#[cfg(test)]
mod tests;
