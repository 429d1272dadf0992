//! Finding reports in a bucket.

use rollcall_core::evidence::bucket_layout;
use rollcall_functions::report_store::ReportStore;

use super::candidate::may_hold_a_report;
use super::contents::Contents;
use super::day_address::DayAddress;
use super::origin::Origin;
use crate::aws_connection::Connection;
use crate::error::CommandError;

/// What lies under `s3://ADDRESS`.
pub(super) async fn contents(address: &str, connection: &Connection<'_>) -> Result<Contents, CommandError> {
    let (store, key) = open(address, connection).await?;
    if let Some(day) = day_in(&store, key).await? {
        return Contents::of_day(day).await;
    }
    let (key, notes) = match key {
        "" => {
            let latest = latest_day(&store).await?.ok_or_else(|| {
                let bucket = store.name();
                CommandError::new(format!(
                    "the bucket {bucket} has no day of a run: write s3://{bucket}/PREFIX/ for other reports in it"
                ))
            })?;
            let note = note_on_latest(&store, &latest);
            (latest, vec![note])
        }
        key => (key.to_owned(), vec![]),
    };
    Ok(reports_under(store, &key, address).await?.with_notes(notes))
}

/// The day of a run that lies under `s3://ADDRESS`.
pub(super) async fn day(
    address: &str,
    connection: &Connection<'_>,
) -> Result<Option<DayAddress>, CommandError> {
    let (store, key) = open(address, connection).await?;
    day_in(&store, key).await
}

async fn open<'a>(
    address: &'a str,
    connection: &Connection<'_>,
) -> Result<(ReportStore, &'a str), CommandError> {
    let (bucket, key) = address.split_once('/').unwrap_or((address, ""));
    if bucket.is_empty() {
        return Err(CommandError::new(format!(
            "\"s3://{address}\" names no bucket: write s3://BUCKET/DATE/"
        )));
    }
    Ok((ReportStore::new(connection.config().await?, bucket.to_owned(), None), key))
}

/// The day of a run under `key`, or the latest of the bucket when there is no key.
async fn day_in(store: &ReportStore, key: &str) -> Result<Option<DayAddress>, CommandError> {
    let (prefix, notes) = match key {
        "" => match latest_day(store).await? {
            Some(latest) => {
                let note = note_on_latest(store, &latest);
                (latest, vec![note])
            }
            None => return Ok(None),
        },
        key => (bucket_layout::day(key.trim_end_matches('/')), vec![]),
    };
    let Some(date) = bucket_layout::date_of_prefix(&prefix) else { return Ok(None) };
    let is_of_a_run =
        store.has(&bucket_layout::run(date)).await? || store.has(&bucket_layout::accounts(date)).await?;
    Ok(is_of_a_run.then(|| DayAddress {
        store: store.clone(),
        name: date.to_string(),
        address: store.address(&prefix),
        notes,
    }))
}

/// The prefix of the latest day in the bucket.
async fn latest_day(store: &ReportStore) -> Result<Option<String>, CommandError> {
    let days = store.prefixes().await?.into_iter();
    Ok(days.filter(|prefix| bucket_layout::date_of_prefix(prefix).is_some()).max())
}

fn note_on_latest(store: &ReportStore, latest: &str) -> String {
    format!("the latest day in s3://{} is {latest}", store.name())
}

/// One report under `key`, or every report under it as a prefix.
async fn reports_under(store: ReportStore, key: &str, address: &str) -> Result<Contents, CommandError> {
    let contents = if may_hold_a_report(key) {
        store.has(key).await?.then(|| Contents::one(Origin::Object(store, key.to_owned())))
    } else {
        let mut keys = store.list(&bucket_layout::day(key.trim_end_matches('/'))).await?;
        keys.retain(|found| may_hold_a_report(found));
        let objects = keys.into_iter().map(|key| Origin::Object(store.clone(), key));
        Some(Contents::loose(objects)).filter(|contents| !contents.sources.is_empty())
    };
    contents.ok_or_else(|| {
        CommandError::new(format!("there is no report under s3://{address}: check bucket and key"))
    })
}
