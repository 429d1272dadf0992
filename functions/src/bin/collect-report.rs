//! The Lambda function `CollectReport`.

use rollcall_functions::aws::connection;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::collect_report::CollectReport;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = CollectReport::from_environment(&connection::from_environment());
    lambda::serve(step, async |step: &CollectReport, owner, input| step.run(owner, input).await).await
}
