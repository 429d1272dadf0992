//! The Lambda function `AnalyzeReports`.

use rollcall_functions::aws::connection;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::analyze_reports::AnalyzeReports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = AnalyzeReports::from_environment(&connection::from_environment());
    lambda::serve(step, async |step: &AnalyzeReports, _owner, input| step.run(input).await).await
}
