//! The Lambda function `Notify`.

use rollcall_functions::aws::connection;
use rollcall_functions::lambda;
use rollcall_functions::nightly_run::notify::Notify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let step = Notify::from_environment(&connection::from_environment());
    lambda::serve(step, async |step: &Notify, owner, input| step.run(owner, input).await).await
}
