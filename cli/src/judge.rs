//! Judges what was read: calls the roll of the accounts, and settles which findings there are. A day is
//! judged as its run judged it, unless a flag says otherwise.

mod criteria;
mod problems;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use rollcall_core::evidence::manifest::{JudgedBy, Manifest};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, Assessment};
use rollcall_core::judgement::exemptions::ExemptionOutcome;
use rollcall_core::judgement::history::Previous;
use rollcall_core::organization::failure::FailureRecord;
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_core::text::counted::counted;
use rollcall_functions::clock::Clock;

use crate::find::{Found, Origin};
use crate::read::{ReportsRead, Unread};

pub use criteria::Criteria;
pub use problems::without_report;

/// What was found, ready to be judged.
pub struct Judge<'a> {
    found: &'a Found,
    criteria: &'a Criteria,
    run: Run,
    now: DateTime<Utc>,
    previous: &'a Previous,
    analyzer: Analyzer<'a>,
}

/// What was found, judged.
#[derive(Debug)]
pub struct Judged {
    /// The roll as it was called.
    pub manifest: Manifest,
    /// The findings.
    pub assessment: Assessment,
    /// Where the report of each account lies.
    pub origins: HashMap<AccountId, Origin>,
    /// What a person should know about it.
    pub notes: Vec<String>,
    /// What could not be looked at, for a person: with any of these the judgement is not complete.
    pub problems: Vec<String>,
}

impl Judged {
    /// Whether everything was looked at.
    pub fn is_complete(&self) -> bool {
        let coverage = &self.manifest.coverage;
        self.problems.is_empty() && coverage.missing() == 0 && coverage.bad_rows == 0
    }
}

impl<'a> Judge<'a> {
    /// Judges `found` by `criteria`, and compares with the findings of `previous`. Ages are counted to
    /// `as_of`, or else to the day of the run, or else to now.
    pub fn new(
        found: &'a Found,
        criteria: &'a Criteria,
        as_of: Option<DateTime<Utc>>,
        previous: &'a Previous,
    ) -> Self {
        let day = found.day.as_ref();
        let ran = day.and_then(|day| day.manifest.as_ref());
        let now = Clock::of_system().now();
        let started = day.map_or(now, |day| day.roll.started);
        let as_of = as_of.or(day.map(|day| day.roll.as_of)).unwrap_or(started);
        let date = day.map_or(as_of, |day| day.roll.started).date_naive();
        let run = Run {
            execution: day.map(|day| day.roll.execution.clone()).unwrap_or_default(),
            execution_arn: ran.map(|manifest| manifest.execution_arn.clone()).unwrap_or_default(),
            started,
            as_of,
        };
        let owner = ArnAccount::of_arn(&run.execution_arn).ok();
        let partition = owner.as_ref().map_or("", |owner| &owner.partition);
        let analyzer = Analyzer::new(&criteria.settings, previous, as_of, date).in_partition(partition);
        Self { found, criteria, run, now, previous, analyzer }
    }

    /// What judges each report while it is read.
    pub fn analyzer(&self) -> Analyzer<'a> {
        self.analyzer
    }

    /// Judges all of it, when every report was read.
    pub fn judge(self, read: ReportsRead) -> Judged {
        let Self { found, criteria, run, now, previous, analyzer } = &self;
        let roll = self.roll(&read);
        let mut analysis = Analysis::new(*analyzer);
        let unknown = read.unread.iter().filter(|unread| unread.account_id.is_none());
        let mut evidence = Evidence {
            of_other_executions: read.of_other_executions,
            unreadable_files: unknown
                .map(|unread| format!("{}: {}", unread.address, unread.message))
                .collect(),
            ..Default::default()
        };
        let mut origins = HashMap::new();
        for (account_id, report) in read.reports {
            analysis.add(report.analysis);
            origins.insert(account_id.clone(), found.sources[report.source].origin.clone());
            evidence.reports.insert(account_id, StoredReport { entry: report.entry, fault: None });
        }
        for failure in found.day.iter().flat_map(|day| &day.failures) {
            evidence.failures.insert(failure.account_id.clone(), failure.clone());
        }
        for unread in &read.unread {
            if let Some(account_id) = &unread.account_id {
                evidence.failures.insert(account_id.clone(), failure(account_id, unread, run, *now));
            }
        }
        let last_collected = |account_id: &AccountId| previous.last_collected(account_id);
        let roll_call = RollCall::of(roll, evidence).after(last_collected);
        let assessment = analysis.settle(&roll_call, &criteria.exemptions);
        let judged_by = JudgedBy {
            settings: criteria.settings.clone(),
            exemptions_sha256: criteria.exemptions_sha256.clone(),
            ..Default::default()
        };
        let manifest = Manifest::of(run, roll_call, judged_by, &assessment, *now);

        let mut notes = found.notes.clone();
        notes.extend(read.notes);
        notes.extend(assessment.exemptions.iter().filter_map(ExemptionOutcome::complaint));
        notes.extend(self.notes_on_the_day(&manifest));
        let problems = problems::of(found, &read.unread, read.problems, &manifest, &origins);
        Judged { manifest, assessment, origins, notes, problems }
    }

    /// The accounts of the day, or those of loose reports.
    fn roll(&self, read: &ReportsRead) -> Roll {
        let run = &self.run;
        if let Some(day) = &self.found.day {
            return Roll { as_of: run.as_of, ..day.roll.clone() };
        }
        let unread = read.unread.iter().filter_map(|unread| unread.account_id.as_ref());
        let accounts: BTreeSet<&AccountId> = read.reports.keys().chain(unread).collect();
        Roll {
            execution: run.execution.clone(),
            started: run.started,
            as_of: run.as_of,
            taken: run.started,
            source: RollSource::Reports,
            organization_id: None,
            accounts: accounts.into_iter().cloned().map(Account::of_id).collect(),
        }
    }

    /// What a day holds that does not count, and whether anything vouches for it.
    fn notes_on_the_day(&self, manifest: &Manifest) -> Vec<String> {
        let mut notes = Vec::new();
        if manifest.of_other_executions > 0 {
            notes.push(format!(
                "{}: {} that this run did not write, or that its run.json does not name, count for nothing",
                self.found.paths,
                counted(manifest.of_other_executions, "report")
            ));
        }
        if let Some(day) = self.found.day.as_ref().filter(|day| day.manifest.is_none()) {
            notes.push(format!(
                "{}: the run did not finish, for there is no run.json: nothing vouches for what is there",
                day.address
            ));
        }
        notes
    }
}

fn failure(account_id: &AccountId, unread: &Unread, run: &Run, now: DateTime<Utc>) -> FailureRecord {
    FailureRecord {
        account_id: account_id.clone(),
        execution: run.execution.clone(),
        code: unread.code,
        message: format!("{}: {}", unread.address, unread.message),
        remedy: unread.code.remedy().to_owned(),
        waits: 0,
        failed_at: now,
    }
}
