//! Finding the day that tonight's run is compared with: the latest before it whose run finished, was
//! of the whole roll, judged by its own day, and can be read; or, of a time before there were runs,
//! the latest day with reports of AWS's sample.

mod aws_sample;

use chrono::{DateTime, NaiveDate, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::manifest::WrittenFile;
use rollcall_core::formats::jsonl::{self, InvalidRecord};
use rollcall_core::judgement::finding::Finding;
use rollcall_core::judgement::history::{Earlier, EarlierRun, History, PassedOver, Previous};
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::roll::{Roll, RollSource};
use rollcall_core::text::untrusted::shortened;
use serde::Deserialize;

use crate::report_store::store_error::StoreError;
use crate::report_store::{LinesError, ReportStore};
use crate::step_error::StepError;

/// How many earlier dates are tried: beyond a month of broken runs there is no history to speak of.
const DATES_TRIED: usize = 31;

/// How many bytes a reason may have.
const REASON_LIMIT: usize = 600;

/// What is needed of an earlier run's manifest. The rest may have another form than today's.
#[derive(Deserialize)]
struct EarlierManifest {
    execution: String,
    as_of: DateTime<Utc>,
    source: RollSource,
    outputs: Vec<WrittenFile>,
}

/// What of the past is asked for.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) bucket: &'a ReportStore,
    /// The date of tonight's run.
    pub(super) date: NaiveDate,
    /// The accounts of tonight's run.
    pub(super) roll: &'a Roll,
    /// How the rules are set tonight.
    pub(super) settings: &'a RuleSettings,
}

/// The findings of a day and what day it is, or why it can't be compared with.
type Day = Result<(Earlier, Vec<Finding>), String>;

impl Past<'_> {
    /// Reads the findings of the day to compare with. What can't be compared with is passed over and
    /// named; nothing in the bucket's past fails the night.
    ///
    /// # Errors
    /// `ServiceUnavailable` when S3 does not answer: that passes, and must not be taken for no history.
    pub(super) async fn read(self) -> Result<(History, Previous), StepError> {
        let Self { bucket, date, .. } = self;
        let mut history = History::default();
        let prefixes = match bucket.prefixes().await {
            Ok(prefixes) => prefixes,
            Err(error) => {
                let reason = format!("and all before it can't be listed: {}", passes(error)?);
                history.passed_over.push(PassedOver { date: date.pred_opt().unwrap_or(date), reason });
                return Ok((history, Previous::default()));
            }
        };
        let mut dates: Vec<NaiveDate> =
            prefixes.iter().filter_map(|prefix| bucket_layout::date_of_prefix(prefix)).collect();
        // A run of the same date is the one that this run replaces.
        dates.retain(|earlier| *earlier < date);
        dates.sort_unstable();
        for date in dates.into_iter().rev().take(DATES_TRIED) {
            match self.read_day(date).await? {
                Ok((earlier, findings)) => {
                    history.compared_with = Some(earlier);
                    return Ok((history, Previous::new(findings)));
                }
                Err(reason) => {
                    // It may repeat what stands in a file that somebody else wrote.
                    let reason = shortened(&reason, REASON_LIMIT).into_owned();
                    // For the same reason a log gets none of it.
                    tracing::warn!(%date, "an earlier run is passed over: run.json says why");
                    history.passed_over.push(PassedOver { date, reason });
                }
            }
        }
        Ok((history, Previous::default()))
    }

    /// The findings of a date: those of its run, or else those that its reports lead to.
    async fn read_day(self, date: NaiveDate) -> Result<Day, StepError> {
        match look_up(self.bucket, &bucket_layout::run(date)).await {
            Ok(Some(manifest)) => self.read_run(date, &manifest).await,
            Ok(None) => self.read_reports(date).await,
            Err(error) => Ok(Err(format!("can't be read: {}", passes(error)?))),
        }
    }

    /// The findings of the run of a date, whose `run.json` is given.
    async fn read_run(self, date: NaiveDate, manifest: &[u8]) -> Result<Day, StepError> {
        let Self { bucket, roll: Roll { source, .. }, .. } = self;
        let manifest: EarlierManifest = match serde_json::from_slice(manifest) {
            Ok(manifest) => manifest,
            Err(error) => return Ok(Err(format!("has a run.json that can't be read: {error}"))),
        };
        if manifest.source == RollSource::ExecutionInput {
            return Ok(Err("was of the accounts that its input named".to_owned()));
        }
        let is_a_list = |source| source == RollSource::AccountList;
        if *source != RollSource::ExecutionInput && is_a_list(*source) != is_a_list(manifest.source) {
            return Ok(Err(match is_a_list(*source) {
                true => "was of an organization, and not of a list of accounts".to_owned(),
                false => "was of a list of accounts, and not of the organization".to_owned(),
            }));
        }
        if manifest.as_of.date_naive() != date {
            return Ok(Err(format!("counted ages to {}", manifest.as_of.date_naive())));
        }
        let key = bucket_layout::findings_jsonl(date);
        let Some(written) = manifest.outputs.iter().find(|output| output.key == key) else {
            return Ok(Err("names no findings in its run.json".to_owned()));
        };
        let mut found = Vec::new();
        let read = bucket.read_lines(&key, |line, number| {
            found.push(jsonl::read_line(line, number)?);
            Ok::<_, InvalidRecord>(())
        });
        let read = match read.await {
            Ok(read) => read,
            Err(LinesError::Line(reason)) => {
                return Ok(Err(format!("has a findings.jsonl that can't be read: {reason}")));
            }
            Err(LinesError::Store(error)) => {
                return Ok(Err(format!("can't be read: {}", passes(error)?)));
            }
        };
        Ok(match read {
            Some(read) if read.checksum.hex() == written.sha256 => {
                let run = EarlierRun { date, execution: manifest.execution };
                Ok((Earlier::Run(run), found))
            }
            Some(_) => Err("has another findings.jsonl than its run.json names".to_owned()),
            None => Err("has lost its findings.jsonl".to_owned()),
        })
    }
}

async fn look_up(bucket: &ReportStore, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if !bucket.has(key).await? {
        return Ok(None);
    }
    Ok(bucket.read(key).await?.map(|object| object.bytes))
}

/// Tells a refusal, which stays, from an outage, which is worth another try of the whole step.
fn passes(error: StoreError) -> Result<StoreError, StepError> {
    if error.is_passing() { Err(error.into()) } else { Ok(error) }
}
