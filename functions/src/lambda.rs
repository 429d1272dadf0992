//! Serving a step as a Lambda function.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use rollcall_core::account::Owner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::step_error::{StepError, StepErrorName};

/// Answers invocations with `call` until Lambda ends the process. `call` is told who owns the
/// function: the account and partition it runs in.
///
/// A `step` that could not be made, for a setting that is wrong, answers every invocation with that
/// error: a process that ended instead would tell the state machine nothing but that it ended.
///
/// # Errors
/// When the runtime API can't be reached.
pub async fn serve<Step, Input, Output>(
    step: Result<Step, StepError>,
    call: impl AsyncFn(&Step, &Owner, Input) -> Result<Output, StepError>,
) -> Result<(), lambda_runtime::Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
{
    lambda_runtime::tracing::init_default_subscriber();
    let (step, call) = (&step, &call);
    // Boxed, for the future of a step holds those of every call to AWS and grows past what the
    // compiler lays out.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        Box::pin(async move {
            let result = answer(step, call, event).await;
            if let Err(error) = &result {
                tracing::error!(error = error.name.as_str(), detail = error.message, "the step failed");
            }
            result.map_err(Diagnostic::from)
        })
    }))
    .await
}

async fn answer<Step, Input, Output>(
    step: &Result<Step, StepError>,
    call: &impl AsyncFn(&Step, &Owner, Input) -> Result<Output, StepError>,
    event: LambdaEvent<Value>,
) -> Result<Output, StepError>
where
    Input: DeserializeOwned,
{
    let step = step.as_ref().map_err(Clone::clone)?;
    let owner = Owner::of_arn(&event.context.invoked_function_arn)
        .map_err(|error| StepErrorName::InvalidInput.error(format!("the function's own ARN: {error}")))?;
    let input = serde_json::from_value(event.payload)
        .map_err(|error| StepErrorName::InvalidInput.error(format!("the step's input: {error}")))?;
    call(step, &owner, input).await
}
