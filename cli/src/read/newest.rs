//! One report an account: of several, the newest counts.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::text::time::format_time;

use super::reading::{Reading, Report, Unread};
use crate::error::CommandError;
use crate::find::{Origin, Source};

/// How far apart the times of two files must be to say which is newer.
const FILES_OF_ONE_COPY: TimeDelta = TimeDelta::minutes(1);
/// How many notes of a kind are listed one by one.
const NOTES_LISTED: usize = 10;

/// Everything that was read, with one report an account.
#[derive(Default)]
pub struct ReportsRead {
    /// The reports that count, by account.
    pub reports: BTreeMap<AccountId, Report>,
    /// What can't be read.
    pub unread: Vec<Unread>,
    /// Files that are not credential reports, and why.
    not_reports: Vec<String>,
    /// How many reports are of another run.
    pub of_other_executions: u64,
    /// What a person should know about how it was read.
    pub notes: Vec<String>,
    /// What keeps a person from relying on it.
    pub problems: Vec<String>,
    /// The accounts with several reports of which the newest can't be told.
    unsure: HashSet<AccountId>,
}

impl ReportsRead {
    /// Brings together everything that was read.
    pub(super) fn of(readings: Vec<Reading>, sources: &[Source]) -> Self {
        let mut read = Self::default();
        let mut twice = BTreeMap::new();
        for reading in readings {
            match reading {
                Reading::Report(report) => read.add(*report, sources, &mut twice),
                Reading::Unread(unread) => read.unread.push(unread),
                Reading::NotAReport(reason) => read.not_reports.push(reason),
                Reading::OfAnotherExecution => read.of_other_executions += 1,
            }
        }
        read.unread.sort_by(|one, other| one.address.cmp(&other.address));
        read.not_reports.sort_unstable();
        let twice = twice.into_iter().map(|(account_id, older): (_, Vec<String>)| {
            let newest = &read.reports[&account_id];
            let more = match older.len() - 1 {
                0 => String::new(),
                more => format!(", nor {more} more"),
            };
            format!(
                "account {account_id} has {} reports: the newest counts, {}, and not {}{more}",
                older.len() + 1,
                of(newest, sources),
                older[0]
            )
        });
        let twice = twice.collect();
        read.note(twice, "more accounts have several reports");
        let skipped = read.not_reports.iter().map(|reason| format!("skipped {reason}")).collect();
        read.note(skipped, "more files that are no credential reports were skipped");
        read
    }

    /// Adds a report: of two of an account the newer counts.
    fn add(&mut self, report: Report, sources: &[Source], twice: &mut BTreeMap<AccountId, Vec<String>>) {
        let account_id = report.account_id.clone();
        let Some(other) = self.reports.remove(&account_id) else {
            self.reports.insert(account_id, report);
            return;
        };
        let age = |report: &Report| (report.time, report.source);
        let (newer, older) = if age(&report) > age(&other) { (report, other) } else { (other, report) };
        // Files that were unpacked or cloned together do not show which report is newer, and a finding may
        // depend on it.
        let is_unsure = !(newer.entry.generated.is_some() && older.entry.generated.is_some())
            && newer.time - older.time < FILES_OF_ONE_COPY
            && !is_same(&sources[newer.source].origin, &sources[older.source].origin);
        if is_unsure && self.unsure.insert(account_id.clone()) {
            self.problems.push(format!(
                "account {account_id} has several reports, and the times of the files do not tell which is newer: {} counts here; leave the others out",
                of(&newer, sources)
            ));
        }
        twice.entry(account_id.clone()).or_default().push(of(&older, sources));
        self.reports.insert(account_id, newer);
    }

    fn note(&mut self, mut notes: Vec<String>, more: &str) {
        let all = notes.len();
        notes.truncate(NOTES_LISTED);
        self.notes.append(&mut notes);
        if all > NOTES_LISTED {
            self.notes.push(format!("{} {more}", all - NOTES_LISTED));
        }
    }

    /// Refuses to go on without any report: that must not end in "nothing is flagged".
    pub(super) fn refuse_nothing(&self, places: &str) -> Result<(), CommandError> {
        if !self.reports.is_empty() || !self.unread.is_empty() || self.of_other_executions > 0 {
            return Ok(());
        }
        Err(CommandError::new(match self.not_reports.as_slice() {
            [] => format!(
                "there is no report under {places}: give a folder with .csv or .json files, or the files"
            ),
            [only] => format!("there is no credential report under {places}: {only}"),
            [first, rest @ ..] => format!(
                "there is no credential report under {places}: {first}, and {} more files are none either",
                rest.len()
            ),
        }))
    }
}

/// Whether two files have the same bytes, so that it does not matter which of them counts.
fn is_same(one: &Origin, other: &Origin) -> bool {
    match (one, other) {
        (Origin::File(one), Origin::File(other)) => {
            std::fs::read(one).ok().zip(std::fs::read(other).ok()).is_some_and(|(one, other)| one == other)
        }
        _ => false,
    }
}

/// A report and its time, for a person.
fn of(report: &Report, sources: &[Source]) -> String {
    let address = sources[report.source].origin.address();
    format!("{address} ({})", format_time(report.time))
}
