//! What an earlier run of the same day left in the buckets.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::text::time::format_time;
use rollcall_functions::report_store::object::Checksum;
use serde_json::json;

use crate::aws::{Aws, REPORT_BUCKET, WORK_BUCKET};
use crate::night::run;

/// Leaves a report and a failure of each of the first accounts, complete but not tonight's, the exemptions, and
/// the lock.
pub(super) fn leave_objects(aws: &Aws) {
    let date = run().date();
    let exemptions = EXEMPTIONS.as_bytes().to_vec();
    aws.put_before(REPORT_BUCKET, bucket_layout::EXEMPTIONS, exemptions, BTreeMap::new());
    let earlier = run().started - TimeDelta::days(1);
    let lock = json!({ "execution": EARLIER_RUN, "execution_arn": EARLIER_RUN_ARN, "started": earlier });
    let lock = lock.to_string().into_bytes();
    aws.put_before(WORK_BUCKET, bucket_layout::RUNNING, lock, BTreeMap::new());
    aws.set_execution(EARLIER_RUN_ARN, "SUCCEEDED");
    for account in 0..aws.organization().accounts().min(ACCOUNTS) {
        let account_id = aws.organization().id(account);
        let earlier = run().started - TimeDelta::minutes(30);
        let record = FailureRecord {
            account_id: account_id.clone(),
            execution: EARLIER_RUN.to_owned(),
            code: FailureCode::DeniedByPolicy,
            message: "an earlier run was denied".to_owned(),
            remedy: FailureCode::DeniedByPolicy.remedy().to_owned(),
            waits: 0,
            failed_at: earlier,
        };
        let record = serde_json::to_vec(&record).expect("a failure is JSON");
        let report = aws.organization().report(account, VERSION);
        for (key, bytes) in [
            (bucket_layout::report(date, &account_id), report),
            (bucket_layout::failure(date, &account_id), record),
        ] {
            let metadata = [
                (bucket_layout::ACCOUNT_ID, account_id.to_string()),
                (bucket_layout::GENERATED_TIME, format_time(earlier)),
                (bucket_layout::COLLECTED_TIME, format_time(earlier)),
                (bucket_layout::SHA256, Checksum::of(&bytes).hex()),
                (bucket_layout::EXECUTION, EARLIER_RUN.to_owned()),
            ];
            let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
            aws.put_before(REPORT_BUCKET, &key, bytes, metadata.into());
        }
    }
}

/// How many accounts have objects of the earlier run.
const ACCOUNTS: usize = 50;
/// The execution of the earlier run.
const EARLIER_RUN: &str = "an-earlier-run";
const EARLIER_RUN_ARN: &str = "arn:aws:states:eu-central-1:999999999999:execution:rollcall:an-earlier-run";
/// The version of its reports, which no report of a night has.
const VERSION: u64 = 99;

/// The exemptions of every night. A night must never be judged without them because they could not be read.
pub(super) const EXEMPTIONS: &str = r#"
[[exemption]]
user = "svc-mail-*"
rule = "access-key-stale"
reason = "the mail service is replaced in spring"
expires = 2026-04-30
"#;
