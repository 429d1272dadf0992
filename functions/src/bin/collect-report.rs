//! The Lambda function `CollectReport`.

use rollcall_functions::collect_report::CollectReport;
use rollcall_functions::{aws, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = CollectReport::from_environment(&aws::config());
    lambda::serve(step, async |step: &CollectReport, owner, input| step.run(owner, input).await).await
}
