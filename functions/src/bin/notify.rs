//! The Lambda function `Notify`.

use rollcall_functions::notify::Notify;
use rollcall_functions::{aws, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = Notify::from_environment(&aws::config());
    lambda::serve(step, async |step: &Notify, owner, input| step.run(owner, input).await).await
}
