//! The Lambda function `AnalyzeReports`.

use rollcall_functions::analyze_reports::AnalyzeReports;
use rollcall_functions::{aws, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = AnalyzeReports::from_environment(&aws::config());
    lambda::serve(step, async |step: &AnalyzeReports, _owner, input| step.run(input).await).await
}
