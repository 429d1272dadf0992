//! Reports that somebody has: finds them under paths, reads and judges them, and calls the roll of the
//! accounts they are of.
//!
//! What the paths hold is one of two things. The folder of a day, as a run wrote it, has the roll and
//! vouches for its reports. Loose reports vouch for nothing: the roll is the accounts they are of, and
//! what is missing nobody can tell.

mod day;
mod gathered;
mod reading;
mod sources;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use aws_config::SdkConfig;
use chrono::{DateTime, SubsecRound, Utc};
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, Assessment};
use rollcall_core::judgement::exemptions::{ExemptionOutcome, Exemptions};
use rollcall_core::judgement::history::{History, Previous};
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::{Evidence, StoredReport};
use rollcall_core::organization::roll::Account;
use rollcall_core::organization::roll::{Roll, RollSource};
use rollcall_core::organization::run::Run;
use rollcall_core::text::counted::counted;
use rollcall_functions::clock::now;
use rollcall_functions::report_store::Checksum;
use tokio::sync::OnceCell;

use crate::arguments::{AwsArguments, JudgingArguments};
use crate::aws_connection::{check_credentials, connect};
use crate::error::CommandError;
use crate::table::without_report;
use crate::terminal;
use day::Day;
use gathered::Gathered;
use reading::{Reading, Unread};
use sources::{Source, Sources};

pub use sources::Origin;

/// How many problems are told one by one.
const PROBLEMS_TOLD: usize = 20;

/// What was found under some paths, and judged.
#[derive(Debug)]
pub struct Examined {
    /// The roll as it was called.
    pub manifest: Manifest,
    /// The findings.
    pub assessment: Assessment,
    /// Where the report of each account lies.
    pub origins: HashMap<AccountId, Origin>,
    /// What is worth to know, for a person.
    pub notes: Vec<String>,
    /// What could not be looked at, for a person: with any of these the examination is not complete.
    pub problems: Vec<String>,
}

impl Examined {
    /// Tells what is worth to know, on standard error.
    pub fn tell_notes(&self) {
        self.notes.iter().for_each(terminal::note);
    }

    /// Tells what could not be looked at, on standard error.
    pub fn tell_problems(&self) {
        self.problems.iter().take(PROBLEMS_TOLD).for_each(terminal::error);
        if let Some(more) = self.problems.len().checked_sub(PROBLEMS_TOLD + 1) {
            terminal::error(&format!("{} more reports could not be read", more + 1));
        }
    }

    /// Whether everything was looked at.
    pub fn is_complete(&self) -> bool {
        let coverage = &self.manifest.coverage;
        self.problems.is_empty() && coverage.missing() == 0 && coverage.bad_rows == 0
    }
}

/// The connection to AWS, made when a path needs it.
#[derive(Debug)]
pub struct Connection<'a> {
    arguments: &'a AwsArguments,
    config: OnceCell<SdkConfig>,
}

impl<'a> Connection<'a> {
    /// A connection that is not made yet.
    pub fn new(arguments: &'a AwsArguments) -> Self {
        Self { arguments, config: OnceCell::new() }
    }

    /// The connection, for which there are credentials.
    ///
    /// # Errors
    /// When there are none, or no Region.
    pub async fn config(&self) -> Result<&SdkConfig, CommandError> {
        let connected = async {
            let config = connect(self.arguments).await?;
            check_credentials(&config, self.arguments).await?;
            Ok(config)
        };
        self.config.get_or_try_init(|| connected).await
    }

    /// The Region, which needs no credentials.
    ///
    /// # Errors
    /// When there is none.
    pub async fn region(&self) -> Result<String, CommandError> {
        let config = connect(self.arguments).await?;
        Ok(config.region().map(ToString::to_string).unwrap_or_default())
    }
}

/// What lies under some paths, found and not read yet.
#[derive(Debug)]
pub struct Reports<'a> {
    paths: &'a [PathBuf],
    sources: Vec<Source>,
    /// The day that all of it is of, if it is of one.
    day: Option<Day>,
    notes: Vec<String>,
    with_checksums: bool,
}

/// What reports are judged by.
#[derive(Clone, Debug)]
pub struct Measure {
    /// How the rules are set.
    pub policy: RuleSettings,
    /// What is exempt.
    pub exemptions: Exemptions,
    /// The SHA-256 of the file of exemptions, when there is one.
    pub exemptions_sha256: Option<String>,
}

impl<'a> Reports<'a> {
    /// Finds everything under `paths`.
    ///
    /// # Errors
    /// When a path can't be read.
    pub async fn find(paths: &'a [PathBuf], connection: &Connection<'_>) -> Result<Self, CommandError> {
        let Sources { sources, mut days, notes } = sources::find(paths, connection).await?;
        // A day has its roll, its rules and its exemptions: beside another they would silently not count.
        if let [day, ..] = days.as_slice()
            && (days.len() > 1 || sources.iter().any(|source| !source.is_of_day))
        {
            return Err(CommandError::new(format!(
                "{} is the day of a run, which is judged by itself: give it alone, or {}/reports for its reports among others",
                day.address,
                day.address.trim_end_matches('/')
            )));
        }
        Ok(Self { paths, sources, day: days.pop(), notes, with_checksums: false })
    }

    /// The same, with the SHA-256 of every report in the manifest: what is written may need them, and a
    /// table does not.
    pub fn with_checksums(self, with_checksums: bool) -> Self {
        Self { with_checksums, ..self }
    }

    /// What to judge by: a day is judged as its run judged it, unless a flag says otherwise.
    ///
    /// # Errors
    /// When the exemptions can't be read.
    pub fn measure(&mut self, judging: &JudgingArguments) -> Result<Measure, CommandError> {
        let day = self.day.as_ref();
        let ran = day.and_then(|day| day.manifest.as_ref());
        let policy = ran.map_or_else(RuleSettings::default, |manifest| manifest.policy.clone());
        let policy = judging.rules.over(policy);
        let (name, bytes) = match (&judging.exemptions, day.and_then(|day| day.exemptions.clone())) {
            (Some(path), _) => {
                let bytes =
                    std::fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))?;
                (path.display().to_string(), bytes)
            }
            (None, Some((name, bytes))) => {
                self.notes.push(format!("the exemptions are those of {name}"));
                (name, bytes)
            }
            (None, None) => {
                return Ok(Measure { policy, exemptions: Exemptions::default(), exemptions_sha256: None });
            }
        };
        let exemptions =
            Exemptions::parse(&name, &bytes).map_err(|error| CommandError::new(error.to_string()))?;
        Ok(Measure { policy, exemptions, exemptions_sha256: Some(Checksum::of(&bytes).hex()) })
    }

    /// Reads and judges all of it. Ages are counted to `as_of`, or else to the day of the run, or else to
    /// now; `previous` are the findings to compare with.
    ///
    /// # Errors
    /// When there is no report at all, or a store does not answer. A report that can't be read is no error
    /// of the whole, but one of the [`Examined::problems`].
    pub async fn examine(
        self,
        measure: &Measure,
        as_of: Option<DateTime<Utc>>,
        previous: &Previous,
    ) -> Result<Examined, CommandError> {
        let day = self.day.as_ref();
        let started = day.map_or_else(now, |day| day.roll.started);
        let as_of = as_of.or(day.map(|day| day.roll.as_of)).unwrap_or(started);
        let date = day.map_or(as_of, |day| day.roll.started).date_naive();
        let analyzer = Analyzer::new(&measure.policy, previous, as_of, date);
        let mut readings = reading::read(&self.sources, day, analyzer, self.with_checksums).await?;
        readings.extend(day.iter().flat_map(|day| day.reports_that_are_gone()).map(Reading::Unread));
        let gathered = Gathered::of(readings, &self.sources);
        gathered.refuse_nothing(self.paths)?;

        let ran = day.and_then(|day| day.manifest.as_ref());
        let run = Run {
            execution: day.map(|day| day.roll.execution.clone()).unwrap_or_default(),
            execution_arn: ran.map(|manifest| manifest.execution_arn.clone()).unwrap_or_default(),
            started,
            as_of,
        };
        let roll = self.roll(&run, &gathered);
        let mut analysis = Analysis::new(analyzer);
        let mut evidence =
            Evidence { of_other_executions: gathered.of_other_executions, ..Default::default() };
        let mut origins = HashMap::new();
        for (account_id, judged) in gathered.reports {
            analysis.add(judged.said);
            origins.insert(account_id.clone(), self.sources[judged.source].origin.clone());
            evidence.reports.insert(account_id, StoredReport { entry: judged.entry, fault: None });
        }
        for failure in day.iter().flat_map(|day| &day.failures) {
            evidence.failures.insert(failure.account_id.clone(), failure.clone());
        }
        for unread in &gathered.unread {
            if let Some(account_id) = &unread.account_id {
                evidence.failures.insert(account_id.clone(), failure(account_id, unread, &run));
            }
        }
        let mut manifest = Manifest::call_roll(&run, roll, evidence, now());
        manifest.unreadable_files = gathered
            .unread
            .iter()
            .filter(|unread| unread.account_id.is_none())
            .map(|unread| format!("{}: {}", unread.address, unread.message))
            .collect();
        let assessment =
            analysis.settle(&manifest.accounts, manifest.is_of_whole_roll(), &measure.exemptions);
        let exemptions_sha256 = measure.exemptions_sha256.clone();
        manifest.assess(&measure.policy, History::default(), exemptions_sha256, &assessment);

        let mut notes = self.notes;
        notes.extend(gathered.notes);
        notes.extend(assessment.exemptions.iter().filter_map(ExemptionOutcome::complaint));
        if manifest.of_other_executions > 0 {
            notes.push(format!(
                "{}: {} that this run did not write, or that its run.json does not name, count for nothing",
                places(self.paths),
                counted(manifest.of_other_executions, "report")
            ));
        }
        if let Some(day) = self.day.as_ref().filter(|day| day.manifest.is_none()) {
            notes.push(format!(
                "{}: the run did not finish, for there is no run.json: nothing vouches for what is there",
                day.address
            ));
        }
        let mut problems: Vec<String> =
            gathered.unread.iter().map(|unread| format!("{}: {}", unread.address, unread.message)).collect();
        problems.extend(bad_rows(&manifest, &origins));
        problems.extend(gathered.problems);
        let missing = manifest.coverage.missing();
        // Those whose report can't be read are named already.
        let named = gathered.unread.iter().filter(|unread| unread.account_id.is_some()).count() as u64;
        if missing > named {
            let none = without_report(missing, manifest.coverage.to_collect());
            problems.push(format!("{}: {none} that can be read", places(self.paths)));
        }
        Ok(Examined { manifest, assessment, origins, notes, problems })
    }

    /// The accounts of the day, or those of loose reports.
    fn roll(&self, run: &Run, gathered: &Gathered) -> Roll {
        if let Some(day) = &self.day {
            return Roll { as_of: run.as_of, ..day.roll.clone() };
        }
        let unread = gathered.unread.iter().filter_map(|unread| unread.account_id.as_ref());
        let accounts: BTreeSet<&AccountId> = gathered.reports.keys().chain(unread).collect();
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
}

/// The paths, for a person.
fn places(paths: &[PathBuf]) -> String {
    let places: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    places.join(", ")
}

/// A sentence for every report with rows that can't be read.
fn bad_rows<'a>(
    manifest: &'a Manifest,
    origins: &'a HashMap<AccountId, Origin>,
) -> impl Iterator<Item = String> + 'a {
    manifest.accounts.iter().filter_map(move |account| {
        let report = account.report_with_bad_rows()?;
        let address = origins.get(&account.account_id).map_or_else(String::new, Origin::address);
        let first = report.first_bad_rows.first().map(|row| format!(": {row}")).unwrap_or_default();
        Some(format!(
            "{address}: {} of {} rows can't be read{first}: the report is damaged or cut off, fetch it again",
            report.bad_rows, report.rows
        ))
    })
}

fn failure(account_id: &AccountId, unread: &Unread, run: &Run) -> FailureRecord {
    FailureRecord {
        account_id: account_id.clone(),
        execution: run.execution.clone(),
        code: unread.code,
        message: format!("{}: {}", unread.address, unread.message),
        remedy: unread.code.remedy().to_owned(),
        waits: 0,
        failed_at: now(),
    }
}

/// The time that a report is taken to be of.
fn generated(stated: Option<DateTime<Utc>>, modified: Option<DateTime<Utc>>) -> DateTime<Utc> {
    stated.or(modified).unwrap_or_else(now).trunc_subsecs(0)
}

/// The failure code of a report that is not what was collected.
const CHANGED: FailureCode = FailureCode::StorageFailed;
