//! The report store that runs write to, as `--output` names it.

use std::path::PathBuf;

use aws_config::SdkConfig;
use rollcall_functions::report_store::ReportStore;

use crate::error::CommandError;

/// The folder or bucket that `output` names. Days lie at the root of a bucket.
///
/// # Errors
/// When it names neither, or a prefix in a bucket, or a key for a folder.
pub fn report_store(
    output: &str,
    kms_key_arn: Option<&str>,
    config: &SdkConfig,
) -> Result<ReportStore, CommandError> {
    if output.is_empty() {
        return Err(CommandError::new("--output is empty: give a folder or s3://BUCKET"));
    }
    let Some(bucket) = output.strip_prefix("s3://") else {
        return match kms_key_arn {
            None => Ok(ReportStore::folder(PathBuf::from(output))),
            Some(_) => Err(CommandError::new(format!(
                "--kms-key-arn encrypts what is written to a bucket, and --output {output} is a folder: leave it out, or give s3://BUCKET"
            ))),
        };
    };
    match bucket.trim_end_matches('/') {
        "" => Err(CommandError::new(format!("--output {output:?} names no bucket: write s3://BUCKET"))),
        bucket if bucket.contains('/') => Err(CommandError::new(format!(
            "--output {output} has a prefix, and the days of runs lie at the root of a bucket: write s3://{}",
            bucket.split('/').next().unwrap_or_default()
        ))),
        bucket => Ok(ReportStore::new(config, bucket.to_owned(), kms_key_arn.map(str::to_owned))),
    }
}
