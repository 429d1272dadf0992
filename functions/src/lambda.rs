//! Serving a step as a Lambda function.

mod step_error_remedies;

use std::sync::Arc;
use std::{env, io};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use rollcall_core::identifiers::arn::ArnAccount;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::step_error::StepError;
pub use step_error_remedies::sentence;

/// Answers invocations with `call` until Lambda ends the process. `call` is told who owns the
/// function: the account and partition it runs in.
///
/// When a setting is wrong and there is no `step`, every invocation is answered with that error. A process
/// that ended instead would tell the state machine only that it ended.
///
/// # Errors
/// When the runtime API can't be reached.
pub async fn serve<Step, Input, Output>(
    step: Result<Step, StepError>,
    call: impl AsyncFn(&Step, &ArnAccount, Input) -> Result<Output, StepError>,
) -> Result<(), lambda_runtime::Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
{
    subscriber(env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref(), io::stdout).init();
    let (step, call) = (&step, &call);
    // Boxed, because the future of a step holds those of every call to AWS and grows past what the
    // compiler lays out.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let span = span(&event);
        Box::pin(
            async move {
                let result = answer(step, call, event).await;
                result.map_err(|error| {
                    let told = diagnostic(&error);
                    tracing::error!(error = told.error_type, detail = told.error_message, "the step failed");
                    told
                })
            }
            .instrument(span),
        )
    }))
    .await
}

/// Logs to `writer`, a JSON object a line. Each says under `span` which execution it is of and, where a
/// step is about one, which account.
pub fn subscriber<Writer>(level: Option<&str>, writer: Writer) -> impl Subscriber + Send + Sync
where
    Writer: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_target(false)
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer)
        .finish()
        .with(filter(level))
}

/// What is logged at `level`. Below INFO only this crate logs: the libraries would log requests and answers,
/// which have credentials in them.
fn filter(level: Option<&str>) -> Targets {
    let (libraries, own) = match level.unwrap_or_default().to_ascii_lowercase().as_str() {
        "trace" => (LevelFilter::INFO, LevelFilter::TRACE),
        "debug" => (LevelFilter::INFO, LevelFilter::DEBUG),
        "warn" => (LevelFilter::WARN, LevelFilter::WARN),
        "error" | "fatal" => (LevelFilter::ERROR, LevelFilter::ERROR),
        _ => (LevelFilter::INFO, LevelFilter::INFO),
    };
    Targets::new().with_default(libraries).with_target("rollcall_functions", own)
}

/// What every line of an invocation carries.
fn span(event: &LambdaEvent<Value>) -> Span {
    let text = |pointer| event.payload.pointer(pointer).and_then(Value::as_str);
    tracing::error_span!(
        "step",
        request_id = event.context.request_id,
        execution = text("/execution").or_else(|| text("/run/execution")),
        account_id = text("/account_id"),
    )
}

/// The error as the state machine gets it: its name, never that of a Rust type, and one sentence.
pub fn diagnostic(error: &StepError) -> Diagnostic {
    Diagnostic { error_type: error.name().to_string(), error_message: sentence(error) }
}

async fn answer<Step, Input, Output>(
    step: &Result<Step, StepError>,
    call: &impl AsyncFn(&Step, &ArnAccount, Input) -> Result<Output, StepError>,
    event: LambdaEvent<Value>,
) -> Result<Output, StepError>
where
    Input: DeserializeOwned,
{
    let step = step.as_ref().map_err(Clone::clone)?;
    let owner = ArnAccount::of_arn(&event.context.invoked_function_arn).map_err(StepError::FunctionArn)?;
    let input =
        serde_json::from_value(event.payload).map_err(|error| StepError::StepInput(Arc::new(error)))?;
    call(step, &owner, input).await
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// The most that is logged of a library and of this crate.
    fn logged(level: Option<&str>) -> [Option<Level>; 2] {
        let filter = filter(level);
        let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
        ["aws_smithy_runtime::client", "rollcall_functions::nightly_run::notify"]
            .map(|target| levels.into_iter().find(|level| filter.would_enable(target, level)))
    }

    #[test]
    fn no_level_logs_what_the_libraries_send_and_get() {
        assert_eq!(logged(None), [Some(Level::INFO); 2]);
        assert_eq!(logged(Some("INFO")), [Some(Level::INFO); 2]);
        assert_eq!(logged(Some("WARN")), [Some(Level::WARN); 2]);
        assert_eq!(logged(Some("FATAL")), [Some(Level::ERROR); 2]);
        assert_eq!(logged(Some("DEBUG")), [Some(Level::INFO), Some(Level::DEBUG)]);
        assert_eq!(logged(Some("TRACE")), [Some(Level::INFO), Some(Level::TRACE)]);
    }
}
