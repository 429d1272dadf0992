//! Finding the day that tonight's run is compared with: the latest before it whose run finished, was
//! of the whole roll, judged by its own day, and can be read; or, of a time before there were runs,
//! the latest day with reports of AWS's sample.

mod findings_of_aws_sample;
mod findings_of_run;
pub(super) mod past;

use chrono::NaiveDate;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::judgement::history::{History, PassedOver, Previous};
use rollcall_core::text::untrusted::shortened;

use crate::report_store::ReportStore;
use crate::report_store::store_error::StoreError;
use crate::step_error::StepError;
use past::{DATES_TRIED, Day, Past, passes};

/// How many bytes a reason may have.
const REASON_LIMIT: usize = 600;

/// Reads the findings of the day to compare with. What can't be compared with is passed over and
/// named; nothing in the store's past fails the night.
///
/// # Errors
/// `ServiceUnavailable` when S3 does not answer: that passes, and must not be taken for no history.
pub(super) async fn read(past: Past<'_>) -> Result<(History, Previous), StepError> {
    let Past { store, date, .. } = past;
    let mut history = History::default();
    let prefixes = match store.prefixes().await {
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
        match read_day(past, date).await? {
            Ok((earlier, previous)) => {
                history.compared_with = Some(earlier);
                return Ok((history, previous));
            }
            Err(reason) => {
                // It may repeat the text of a file that others wrote, so a log gets none of it.
                let reason = shortened(&reason, REASON_LIMIT).into_owned();
                tracing::warn!(%date, "an earlier run is passed over: run.json says why");
                history.passed_over.push(PassedOver { date, reason });
            }
        }
    }
    Ok((history, Previous::default()))
}

/// The findings of a date: those of its run, or else those that its reports lead to.
async fn read_day(past: Past<'_>, date: NaiveDate) -> Result<Day, StepError> {
    match look_up(past.store, &bucket_layout::run(date)).await {
        Ok(Some(manifest)) => findings_of_run::read(past, date, &manifest).await,
        Ok(None) => findings_of_aws_sample::read(past, date).await,
        Err(error) => Ok(Err(format!("can't be read: {}", passes(error)?))),
    }
}

async fn look_up(store: &ReportStore, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if !store.has(key).await? {
        return Ok(None);
    }
    Ok(store.read(key).await?.map(|object| object.bytes))
}
