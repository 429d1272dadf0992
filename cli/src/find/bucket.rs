//! Finding reports in a bucket.

use rollcall_core::evidence::bucket_layout;
use rollcall_functions::report_store::ReportStore;

use super::contents::Contents;
use super::origin::Origin;
use crate::aws_connection::Connection;
use crate::error::CommandError;

/// What lies under `s3://ADDRESS`.
pub(super) async fn contents(address: &str, connection: &Connection<'_>) -> Result<Contents, CommandError> {
    let (bucket, key) = address.split_once('/').unwrap_or((address, ""));
    if bucket.is_empty() {
        return Err(CommandError::new(format!(
            "\"s3://{address}\" names no bucket: write s3://BUCKET/DATE/"
        )));
    }
    let store = ReportStore::new(connection.config().await?, bucket.to_owned(), None);
    if !key.is_empty() {
        let prefix = format!("{}/", key.trim_end_matches('/'));
        return under(store, key, &prefix, address).await;
    }
    let days = store.prefixes().await?;
    let days = days.into_iter().filter(|prefix| bucket_layout::date_of_prefix(prefix).is_some());
    let Some(latest) = days.max() else {
        return Err(CommandError::new(format!(
            "the bucket {bucket} has no day of a run: write s3://{bucket}/PREFIX/ for other reports in it"
        )));
    };
    let note = format!("the latest day in s3://{bucket} is {latest}");
    Ok(under(store, &latest, &latest, address).await?.with_notes(vec![note]))
}

/// What lies in a bucket under `key`: one report, or everything under it as the `prefix`.
async fn under(store: ReportStore, key: &str, prefix: &str, address: &str) -> Result<Contents, CommandError> {
    if let Some(date) = bucket_layout::date_of_prefix(prefix)
        && (store.has(&bucket_layout::run(date)).await? || store.has(&bucket_layout::accounts(date)).await?)
    {
        let address = store.address(prefix);
        return Contents::of_day(store, &date.to_string(), address).await;
    }
    let is_csv = |key: &str| key.to_ascii_lowercase().ends_with(".csv");
    let contents = if is_csv(key) {
        store.has(key).await?.then(|| Contents::one(Origin::Object(store, key.to_owned())))
    } else {
        let mut keys = store.list(prefix).await?;
        keys.retain(|found| is_csv(found));
        let objects = keys.into_iter().map(|key| Origin::Object(store.clone(), key));
        Some(Contents::loose(objects)).filter(|contents| !contents.sources.is_empty())
    };
    contents.ok_or_else(|| {
        CommandError::new(format!("there is no report under s3://{address}: check bucket and key"))
    })
}
