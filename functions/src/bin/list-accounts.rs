//! The Lambda function `ListAccounts`.

use rollcall_functions::list_accounts::ListAccounts;
use rollcall_functions::{aws, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = ListAccounts::from_environment(&aws::config());
    lambda::serve(step, async |step: &ListAccounts, _owner, input| step.run(input).await).await
}
