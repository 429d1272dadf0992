//! Days of AWS's sample, which wrote a report an account and nothing else: no metadata, no findings.
//! What was found then is what its reports lead to by tonight's rules, as of their day.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analyzer, ReportAnalysis};
use rollcall_core::judgement::history::{Earlier, EarlierReports, Previous};

use super::past::{Day, Past, passes};
use crate::nightly_run::analyze_reports::reading::{READ_AT_A_TIME, read_persistently};
use crate::step_error::StepError;

/// How many reports that can't be read are named; the rest is only counted.
const UNREADABLE_NAMED: usize = 20;

/// What the sample's reports of a date lead to. They are read many at a time, and no more than
/// those are held.
pub(super) async fn read(past: Past<'_>, date: NaiveDate) -> Result<Day, StepError> {
    let keys = match past.store.list(&bucket_layout::aws_sample_reports(date)).await {
        Ok(keys) => keys,
        Err(error) => {
            let cause = passes(error)?;
            return Ok(Err(format!("has no run.json, and its reports can't be listed: {cause}")));
        }
    };
    let keys: Vec<(AccountId, String)> = keys
        .into_iter()
        .filter_map(|key| Some((bucket_layout::aws_sample_report_account(date, &key)?, key)))
        .collect();
    if keys.is_empty() {
        return Ok(Err("has no run.json: it did not finish".to_owned()));
    }
    let reports = keys.len();
    let names: HashMap<&AccountId, &str> =
        past.roll.accounts.iter().map(|account| (&account.account_id, &*account.name)).collect();
    let mut missing: HashSet<&AccountId> = past
        .roll
        .accounts
        .iter()
        .filter(|account| account.skip.is_none())
        .map(|account| &account.account_id)
        .collect();
    let mut earlier = EarlierReports {
        date,
        aws_sample_reports: 0,
        accounts_without_report: 0,
        unreadable_reports: 0,
        first_unreadable_reports: vec![],
        bad_rows: 0,
    };
    let (mut findings, mut last_collected) = (Vec::new(), Vec::new());
    // The sample does not say when IAM made a report: a use of root on that day may be later.
    let start = date.and_time(NaiveTime::MIN).and_utc();
    let read = |(account_id, key): (AccountId, String)| {
        let name = names.get(&account_id).copied().unwrap_or_default();
        async move {
            let judged = read_report(past, date, &account_id, name, &key).await;
            judged.map(|judged| (account_id, judged))
        }
    };
    let mut judged_reports = stream::iter(keys).map(read).buffered(READ_AT_A_TIME);
    while let Some(read) = judged_reports.next().await {
        let (account_id, judged) = read?;
        match judged {
            Ok(judged) => {
                missing.remove(&account_id);
                earlier.aws_sample_reports += 1;
                earlier.bad_rows += judged.tally.bad_rows;
                findings.extend(judged.findings);
                last_collected.push((account_id, start));
            }
            Err(cause) => {
                earlier.unreadable_reports += 1;
                if earlier.first_unreadable_reports.len() < UNREADABLE_NAMED {
                    earlier.first_unreadable_reports.push(format!("account {account_id}: {cause}"));
                }
            }
        }
        // The role may not read such a day, or its reports were emptied.
        if earlier.aws_sample_reports == 0 && earlier.unreadable_reports >= READ_AT_A_TIME as u64 {
            break;
        }
    }
    if earlier.aws_sample_reports == 0 {
        let first = earlier.first_unreadable_reports.swap_remove(0);
        return Ok(Err(match reports {
            1 => format!("has no run.json, and its report can't be read: {first}"),
            many => format!("has no run.json, and none of its {many} reports can be read: {first}"),
        }));
    }
    earlier.accounts_without_report = missing.len() as u64;
    let previous = Previous::new(findings).with_last_collected(last_collected);
    Ok(Ok((Earlier::Reports(earlier), previous)))
}

/// What one report says, or why it can't be read.
async fn read_report(
    past: Past<'_>,
    date: NaiveDate,
    account_id: &AccountId,
    account_name: &str,
    key: &str,
) -> Result<Result<ReportAnalysis, String>, StepError> {
    let warn = |cause: &str| tracing::warn!(%date, %account_id, cause, "an earlier report can't be read");
    let object = match read_persistently(past.store, key).await {
        Ok(Some(object)) => object,
        Ok(None) => {
            let cause = "it was deleted while it was read".to_owned();
            warn(&cause);
            return Ok(Err(cause));
        }
        Err(error) => {
            let cause = passes(error)?.to_string();
            warn(&cause);
            return Ok(Err(cause));
        }
    };
    let as_of = of_its_day(date, object.modified);
    let nothing = Previous::default();
    let analyzer = Analyzer::new(past.settings, &nothing, as_of, date);
    let judged = analyzer.report(account_id, account_name, None, &object.bytes);
    Ok(judged.map_err(|unreadable| {
        warn(&unreadable.without_text());
        unreadable.to_string()
    }))
}

/// What the ages of a report are counted to: when it was written, or, where it was copied since, the
/// last second of its day.
fn of_its_day(date: NaiveDate, modified: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let start = date.and_time(NaiveTime::MIN).and_utc();
    let end = start + TimeDelta::days(1) - TimeDelta::seconds(1);
    modified.map_or(end, |modified| modified.clamp(start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_of_when_it_was_written_and_a_copy_of_the_end_of_its_day() {
        let date = "2026-01-30".parse().unwrap();
        for (modified, as_of) in [
            (Some("2026-01-30T01:02:03Z"), "2026-01-30T01:02:03Z"),
            (Some("2026-06-01T00:00:00Z"), "2026-01-30T23:59:59Z"),
            (Some("2026-01-29T23:59:59Z"), "2026-01-30T00:00:00Z"),
            (None, "2026-01-30T23:59:59Z"),
        ] {
            let modified = modified.map(|time| time.parse().unwrap());
            assert_eq!(of_its_day(date, modified), as_of.parse::<DateTime<Utc>>().unwrap(), "{modified:?}");
        }
    }
}
