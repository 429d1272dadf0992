//! Finding the run that tonight's is compared with: the latest of an earlier date that finished,
//! was of the whole roll, judged by its own day, and can be read.

use chrono::{DateTime, NaiveDate, Utc};
use rollcall_core::bucket_layout;
use rollcall_core::findings;
use rollcall_core::history::{EarlierRun, History, PassedOver, Previous};
use rollcall_core::manifest::WrittenFile;
use rollcall_core::roll::RollSource;
use serde::Deserialize;

use crate::api_error::ApiError;
use crate::report_store::{LinesError, ReportStore};
use crate::step_error::StepError;

/// How many earlier dates are tried: beyond a month of broken runs there is no history to speak of.
const DATES_TRIED: usize = 31;

/// What is needed of an earlier run's manifest. The rest may have another form than today's.
#[derive(Deserialize)]
struct EarlierManifest {
    execution: String,
    as_of: DateTime<Utc>,
    source: RollSource,
    outputs: Vec<WrittenFile>,
}

/// Reads the findings of the run to compare with. What can't be compared with is passed over and
/// named; nothing in the bucket's past fails the night.
///
/// # Errors
/// `ServiceUnavailable` when S3 does not answer: that passes, and must not be taken for no history.
pub(super) async fn read(
    bucket: &ReportStore,
    date: NaiveDate,
    source: RollSource,
) -> Result<(History, Previous), StepError> {
    let mut history = History::default();
    let prefixes = match bucket.prefixes().await {
        Ok(prefixes) => prefixes,
        Err(error) => {
            let reason = format!("and all before it can't be listed: {}", passes(error)?.message);
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
        match read_run(bucket, date, source).await? {
            Ok((execution, previous)) => {
                history.compared_with = Some(EarlierRun { date, execution });
                return Ok((history, previous));
            }
            Err(reason) => {
                tracing::warn!(%date, reason, "an earlier run is passed over");
                history.passed_over.push(PassedOver { date, reason });
            }
        }
    }
    Ok((history, Previous::default()))
}

/// The findings of the run of a date, or why they can't be compared with.
async fn read_run(
    bucket: &ReportStore,
    date: NaiveDate,
    source: RollSource,
) -> Result<Result<(String, Previous), String>, StepError> {
    let key = bucket_layout::run(date);
    let object = match look_up(bucket, &key).await {
        Ok(Some(object)) => object,
        Ok(None) => return Ok(Err("has no run.json: it did not finish".to_owned())),
        Err(error) => return Ok(Err(format!("can't be read: {}", passes(error)?.message))),
    };
    let manifest: EarlierManifest = match serde_json::from_slice(&object) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Err(format!("has a run.json that can't be read: {error}"))),
    };
    if manifest.source == RollSource::ExecutionInput {
        return Ok(Err("was of the accounts that its input named".to_owned()));
    }
    let is_a_list = |source| source == RollSource::AccountList;
    if source != RollSource::ExecutionInput && is_a_list(source) != is_a_list(manifest.source) {
        return Ok(Err(match is_a_list(source) {
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
        found.push(findings::read_line(line, number).map_err(|error| error.to_string())?);
        Ok(())
    });
    let read = match read.await {
        Ok(read) => read,
        Err(LinesError::Line(reason)) => {
            return Ok(Err(format!("has a findings.jsonl that can't be read: {reason}")));
        }
        Err(LinesError::Api(error)) => return Ok(Err(format!("can't be read: {}", passes(error)?.message))),
    };
    Ok(match read {
        Some(read) if read.checksum.hex() == written.sha256 => Ok((manifest.execution, Previous::new(found))),
        Some(_) => Err("has another findings.jsonl than its run.json names".to_owned()),
        None => Err("has lost its findings.jsonl".to_owned()),
    })
}

async fn look_up(bucket: &ReportStore, key: &str) -> Result<Option<Vec<u8>>, ApiError> {
    if !bucket.has(key).await? {
        return Ok(None);
    }
    Ok(bucket.read(key).await?.map(|object| object.bytes))
}

/// Tells a refusal, which stays, from an outage, which is worth another try of the whole step.
fn passes(error: ApiError) -> Result<ApiError, StepError> {
    if error.is_passing() { Err(error.into()) } else { Ok(error) }
}
