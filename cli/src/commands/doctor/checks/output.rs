//! The store that runs write to. Tries to write as a run does, and leaves nothing behind.

use aws_config::SdkConfig;
use rollcall_functions::report_store::ReportStore;

use crate::arguments::doctor::DoctorArguments;
use crate::check::Check;
use crate::commands::doctor::deployment::Deployment;
use crate::report_store::report_store;

const NAME: &str = "output";

/// Whether what a run writes can be written.
pub async fn check(
    arguments: &DoctorArguments,
    config: &SdkConfig,
    deployment: Option<&Deployment>,
) -> Check {
    let store = match (arguments.output.as_deref(), deployment) {
        (Some(output), _) => match report_store(output, arguments.kms_key_arn.as_deref(), config) {
            Ok(store) => store,
            Err(error) => return Check::failed(NAME, error.to_string(), "correct the flag"),
        },
        (None, Some(Deployment { report_bucket: Some(bucket), kms_key_arn, .. })) => {
            ReportStore::new(config, bucket.clone(), kms_key_arn.clone())
        }
        (None, _) => {
            let fix = "give --output to check where a run would write";
            return Check::skipped(NAME, "nothing says where runs write", fix);
        }
    };
    let address = store.address("");
    match store.try_write().await {
        Ok(()) => Check::passed(NAME, format!("{address} can be written")),
        Err(error) => Check::failed(
            NAME,
            format!("{address} can't be written: {error}"),
            "check that it exists, its policy, and your permissions on it and on its key",
        ),
    }
}
