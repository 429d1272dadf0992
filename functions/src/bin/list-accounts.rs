//! The Lambda function `ListAccounts`.

use rollcall_functions::aws::connection;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::list_accounts::ListAccounts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = ListAccounts::from_environment(&connection::from_environment());
    lambda::serve(step, async |step: &ListAccounts, _owner, input| step.run(input).await).await
}
